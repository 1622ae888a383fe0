/* The shards of a tensor as kernels see them. */
#include <inttypes.h>

#include "sim/host/host_impl.h"
#include "sim/tile/call.h"

/* The part of a PE; false if it has none. */
static bool find_shard(const weft_tile *tl, const weft_placed_tensor *tensor, uint32_t *out_index, weft__shard_box *out)
{
    const weft__graph *graph = weft__simulation_graph(tensor->simulation);
    *out_index = weft__pe_set_find(graph, &tensor->placement.pes, weft__pe_index(tl->pe));
    if (*out_index == WEFT__PE_SET_NONE || tensor->addresses[*out_index] == WEFT__SHARD_EMPTY)
        return false;
    weft__placement_box(&tensor->placement, &tensor->shape, *out_index, out);
    return true;
}

/* Ends the run if the PE has none. */
static uint32_t enter_shard(weft_tile *tl, const char *call, const weft_placed_tensor *tensor, weft__shard_box *out)
{
    uint32_t index;
    char text[WEFT_SHAPE_TEXT_BYTES];
    weft__tile_enter(tl, call);
    if (!tensor)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "There is no tensor: it is NULL.");
    if (tensor->simulation->pes != weft__pe_owner(tl->pe))
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "The tensor belongs to another simulation.");
    if (!find_shard(tl, tensor, &index, out)) {
        const char *why = index == WEFT__PE_SET_NONE ? "is not among the PEs that it was placed on"
                                                     : "was left nothing of it, see tl_has_shard()";
        weft__tile_fail(tl, WEFT_NOT_FOUND, "The PE has no shard of the tensor %s %s: it %s.",
                        weft_dtype_name(tensor->dtype), weft_shape_text(&tensor->shape, text), why);
    }
    return index;
}

tl_tensor tl_shard(weft_tile *tl, const weft_placed_tensor *tensor)
{
    weft__shard_box box;
    uint32_t index = enter_shard(tl, "tl_shard", tensor, &box);
    return weft__tile_tensor(box.shape, tensor->dtype, TL_REMOTE, tensor->addresses[index]);
}

uint64_t tl_shard_origin(weft_tile *tl, const weft_placed_tensor *tensor, uint32_t axis)
{
    weft__shard_box box;
    char text[WEFT_SHAPE_TEXT_BYTES];
    (void)enter_shard(tl, "tl_shard_origin", tensor, &box);
    if (axis >= tensor->shape.rank)
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "Shape %s has no axis %" PRIu32 ".",
                        weft_shape_text(&tensor->shape, text), axis);
    return box.origin[axis];
}

bool tl_has_shard(const weft_tile *tl, const weft_placed_tensor *tensor)
{
    uint32_t index;
    weft__shard_box box;
    return tensor && tensor->simulation->pes == weft__pe_owner(tl->pe) && find_shard(tl, tensor, &index, &box);
}
