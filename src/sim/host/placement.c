/* Which part of a tensor each PE has: pure functions. */
#include <string.h>

#include "base/size.h"
#include "sim/host/host_impl.h"

static weft_status check_split(weft_split split, const char *level, const weft_shape *shape, weft_error *err)
{
    if ((unsigned)split > WEFT_SPLIT_COLUMNS)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "The split over %s is %d, which is none.", level, (int)split);
    if (split != WEFT_REPLICATE && shape->rank == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A tensor of rank 0 has no axis that could be split over %s.",
                          level);
    return WEFT_OK;
}

weft_status weft__placement_check(const weft_placement *placement, const weft_shape *shape, weft_error *err)
{
    if ((unsigned)placement->home > WEFT_HOME_SRAM)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "The home of a tensor is %d, which is none.",
                          (int)placement->home);
    weft_status status = check_split(placement->over_sips, "SIPs", shape, err);
    if (status == WEFT_OK)
        status = check_split(placement->over_cubes, "cubes", shape, err);
    if (status == WEFT_OK)
        status = check_split(placement->over_pes, "PEs", shape, err);
    return status;
}

/* Narrows a part to the share of one of so many units. A unit that all of the part goes to has a copy, unless it is the
 * first: `first` becomes 0 for those. */
static void take_share(weft__shard_box *box, weft_split split, uint32_t unit, uint32_t units, uint32_t *first)
{
    *first = split == WEFT_REPLICATE ? 0 : unit;
    if (split == WEFT_REPLICATE)
        return;
    uint32_t axis = split == WEFT_SPLIT_ROWS ? 0 : box->shape.rank - 1;
    uint64_t extent = box->shape.extent[axis], share = weft__ceil_div(extent, units), begin = unit * share;
    if (begin > extent)
        begin = extent;
    box->origin[axis] += begin;
    box->shape.extent[axis] = share < extent - begin ? share : extent - begin;
}

void weft__placement_box(const weft_placement *placement, const weft_shape *shape, uint32_t index, weft__shard_box *out)
{
    const weft_pe_set *set = &placement->pes;
    uint32_t sip, cube, pe;
    *out = (weft__shard_box){.shape = *shape};
    take_share(out, placement->over_sips, index / set->pes / set->cubes, set->sips, &sip);
    take_share(out, placement->over_cubes, index / set->pes % set->cubes, set->cubes, &cube);
    take_share(out, placement->over_pes, index % set->pes, set->pes, &pe);
    out->first = (sip * set->cubes + cube) * set->pes + pe;
}

uint64_t weft__shard_box_bytes(const weft__shard_box *box, weft_dtype dtype)
{
    return weft_shape_elements(&box->shape) * weft_dtype_bytes(dtype);
}

/* ---- moving elements ---- */

/* Only the first and the last axis are ever split. So a part is `rows` times `middle` runs of `columns` elements. */
typedef struct part_layout {
    uint64_t rows, middle, columns;
    uint64_t first, row_stride, stride; /* in the tensor, in elements: where it begins, from row to row, run to run */
} part_layout;

static part_layout layout_of(const weft__shard_box *box, const weft_shape *shape)
{
    uint32_t rank = shape->rank;
    if (rank < 2) {
        uint64_t count = rank ? box->shape.extent[0] : 1;
        return (part_layout){1, 1, count, rank ? box->origin[0] : 0, 0, 0};
    }
    part_layout it = {.rows = box->shape.extent[0], .middle = 1, .columns = box->shape.extent[rank - 1]};
    for (uint32_t axis = 1; axis + 1 < rank; axis++)
        it.middle *= shape->extent[axis];
    it.stride = shape->extent[rank - 1];
    it.row_stride = it.middle * it.stride;
    it.first = box->origin[0] * it.row_stride + box->origin[rank - 1];
    if (it.columns == it.stride) { /* whole rows lie one behind another */
        it.columns *= it.middle * it.rows;
        it.rows = it.middle = 1;
    }
    return it;
}

bool weft__shard_box_is_one_piece(const weft__shard_box *box, const weft_shape *shape, uint64_t *out_offset)
{
    part_layout it = layout_of(box, shape);
    *out_offset = it.first;
    return it.rows * it.middle <= 1;
}

void weft__shard_box_gather(const weft__shard_box *box, const weft_shape *shape, size_t each, const void *tensor,
                            void *part)
{
    part_layout it = layout_of(box, shape);
    size_t bytes = (size_t)it.columns * each;
    const char *from = (const char *)tensor + it.first * each;
    char *to = part;
    for (uint64_t row = 0; row < it.rows; row++)
        for (uint64_t run = 0; run < it.middle; run++, to += bytes)
            memcpy(to, from + (row * it.row_stride + run * it.stride) * each, bytes);
}

void weft__shard_box_scatter(const weft__shard_box *box, const weft_shape *shape, size_t each, const void *part,
                             void *tensor)
{
    part_layout it = layout_of(box, shape);
    size_t bytes = (size_t)it.columns * each;
    char *to = (char *)tensor + it.first * each;
    const char *from = part;
    for (uint64_t row = 0; row < it.rows; row++)
        for (uint64_t run = 0; run < it.middle; run++, from += bytes)
            memcpy(to + (row * it.row_stride + run * it.stride) * each, from, bytes);
}
