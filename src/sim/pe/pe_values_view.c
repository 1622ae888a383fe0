/* Tensors with strides as values: runs of elements that lie together, put one behind the other, with their axes turned
 * as the tensor has them. */
#include <stdlib.h>

#include "sim/pe/pe_values_impl.h"

/* A tensor with its axes in the order of memory. */
typedef struct layout {
    uint32_t order[WEFT_RANK_MAX]; /* axis i of the layout is this axis of the tensor */
    weft_shape shape;
    uint64_t stride[WEFT_RANK_MAX];
    uint32_t outer; /* axes before those that lie together */
    uint64_t run;   /* elements that lie together */
} layout;

/* True if axis a of a tensor comes before axis b in memory: of axes of one stride, the longer one is the outer. */
static bool is_before(const tl_tensor *tensor, uint32_t a, uint32_t b)
{
    if (tensor->stride[a] != tensor->stride[b])
        return tensor->stride[a] > tensor->stride[b];
    return tensor->shape.extent[a] > tensor->shape.extent[b];
}

static layout layout_of(const tl_tensor *tensor)
{
    layout it = {.shape = {.rank = tensor->shape.rank}, .run = 1};
    uint32_t rank = tensor->shape.rank;
    for (uint32_t axis = 0; axis < rank; axis++) {
        uint32_t at = axis;
        for (; at > 0 && is_before(tensor, axis, it.order[at - 1]); at--)
            it.order[at] = it.order[at - 1];
        it.order[at] = axis;
    }
    for (uint32_t i = 0; i < rank; i++) {
        it.shape.extent[i] = tensor->shape.extent[it.order[i]];
        it.stride[i] = tensor->stride[it.order[i]];
    }
    it.outer = rank;
    while (it.outer > 0 && (it.stride[it.outer - 1] == it.run || it.shape.extent[it.outer - 1] == 1))
        it.run *= it.shape.extent[--it.outer];
    return it;
}

static uint64_t runs_of(const layout *it)
{
    uint64_t runs = 1;
    for (uint32_t axis = 0; axis < it->outer; axis++)
        runs *= it->shape.extent[axis];
    return runs;
}

/* Where a run begins, in elements from the first one of the tensor. */
static uint64_t run_begin(const layout *it, uint64_t index)
{
    uint64_t begin = 0;
    for (uint32_t axis = it->outer; axis-- > 0;) {
        begin += index % it->shape.extent[axis] * it->stride[axis];
        index /= it->shape.extent[axis];
    }
    return begin;
}

/* A run as a value: from the memory at its address, or from the value that the tensor is a part of. */
static weft_status read_run(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, uint64_t begin_bytes,
                            const weft_shape *shape, weft__value_id *out, weft_error *err)
{
    if (of)
        return weft__values_view(it->values, of, tensor->address - tensor->base + begin_bytes, tensor->dtype, shape,
                                 out, err);
    weft__node_memory *memory;
    uint64_t offset;
    uint64_t bytes = weft_shape_elements(shape) * weft_dtype_bytes(tensor->dtype);
    weft_status status = weft__pe_values_find(it, tensor->address + begin_bytes, bytes, &memory, &offset, err);
    return status == WEFT_OK ? weft__memory_read(&memory->memory, offset, tensor->dtype, shape, out, err) : status;
}

static weft_status make_room(weft__pe_values *it, uint64_t parts, weft_error *err)
{
    if (parts <= it->parts_capacity)
        return WEFT_OK;
    weft__value_part *grown =
        parts < SIZE_MAX / sizeof *grown ? realloc(it->parts, (size_t)parts * sizeof *grown) : NULL;
    if (!grown)
        return weft__fail_memory(err, (size_t)parts * sizeof *grown, "the parts of a tensor");
    it->parts = grown;
    it->parts_capacity = (size_t)parts;
    return WEFT_OK;
}

/* All runs one behind the other. */
static weft_status gather(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, const layout *as,
                          weft__value_id *out, weft_error *err)
{
    uint64_t runs = runs_of(as), each = weft_dtype_bytes(tensor->dtype), made = 0;
    weft_shape shape = weft_shape_1d(as->run);
    weft_status status = make_room(it, runs, err);
    for (; status == WEFT_OK && made < runs; made++) {
        weft__value_id run;
        status = read_run(it, tensor, of, run_begin(as, made) * each, &shape, &run, err);
        if (status != WEFT_OK)
            break;
        it->parts[made] = (weft__value_part){run, 0, as->run * each};
    }
    if (status == WEFT_OK)
        status = weft__values_compose(it->values, tensor->dtype, &as->shape, it->parts, (size_t)runs, out, err);
    for (uint64_t i = 0; i < made; i++)
        weft__values_release(it->values, it->parts[i].value);
    return status;
}

weft_status weft__pe_values_view(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, weft__value_id *out,
                                 weft_error *err)
{
    layout as = layout_of(tensor);
    weft__value_id gathered;
    weft_status status = runs_of(&as) == 1 ? read_run(it, tensor, of, 0, &as.shape, &gathered, err)
                                           : gather(it, tensor, of, &as, &gathered, err);
    *out = 0;
    if (status != WEFT_OK)
        return status;
    uint32_t order[WEFT_RANK_MAX];
    bool is_turned = false;
    for (uint32_t i = 0; i < as.shape.rank; i++) {
        order[as.order[i]] = i;
        is_turned |= as.order[i] != i;
    }
    if (!is_turned) {
        *out = gathered;
        return WEFT_OK;
    }
    status = weft__values_transpose(it->values, gathered, order, out, err);
    weft__values_release(it->values, gathered);
    return status;
}

/* ---- comparing ---- */

/* Compares one run with a part of a value. */
static weft_status check_run(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, uint64_t base,
                             uint64_t begin_bytes, uint64_t elements, bool *out_is_there, weft__memory_change *out,
                             weft_error *err)
{
    weft__node_memory *memory;
    weft__value_id part;
    uint64_t offset, address = tensor->address + begin_bytes;
    weft_shape shape = weft_shape_1d(elements);
    weft_status status =
        weft__pe_values_find(it, address, elements * weft_dtype_bytes(tensor->dtype), &memory, &offset, err);
    if (status == WEFT_OK)
        status = weft__values_view(it->values, of, address - base, tensor->dtype, &shape, &part, err);
    if (status != WEFT_OK)
        return status;
    *out_is_there = weft__memory_check(&memory->memory, offset, part, out);
    if (!*out_is_there)
        out->address += address - offset;
    weft__values_release(it->values, part);
    return WEFT_OK;
}

weft_status weft__pe_values_is_there(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, uint64_t base,
                                     bool *out_is_there, weft__memory_change *out, weft_error *err)
{
    weft__node_memory *memory;
    uint64_t offset;
    weft_status status = weft__pe_values_find(it, base, 1, &memory, &offset, err);
    if (status != WEFT_OK)
        return status;
    *out_is_there = weft__memory_check(&memory->memory, offset, of, out);
    layout as = layout_of(tensor);
    uint64_t runs = *out_is_there ? 0 : runs_of(&as), each = weft_dtype_bytes(tensor->dtype);
    for (uint64_t i = 0; i < runs; i++) {
        status = check_run(it, tensor, of, base, run_begin(&as, i) * each, as.run, out_is_there, out, err);
        if (status != WEFT_OK || !*out_is_there)
            return status;
    }
    return WEFT_OK;
}
