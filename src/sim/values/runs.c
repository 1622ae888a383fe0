#include "sim/values/runs.h"

/* True if axis a of a tensor comes before axis b in memory: of axes of one stride, the longer one is the outer. */
static bool is_before(const tl_tensor *tensor, uint32_t a, uint32_t b)
{
    if (tensor->stride[a] != tensor->stride[b])
        return tensor->stride[a] > tensor->stride[b];
    return tensor->shape.extent[a] > tensor->shape.extent[b];
}

weft__runs weft__runs_of(const tl_tensor *tensor)
{
    weft__runs it = {.shape = {.rank = tensor->shape.rank}, .run = 1, .count = 1};
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
    for (uint32_t axis = 0; axis < it.outer; axis++)
        it.count *= it.shape.extent[axis];
    return it;
}

uint64_t weft__runs_begin(const weft__runs *it, uint64_t index)
{
    uint64_t begin = 0;
    for (uint32_t axis = it->outer; axis-- > 0;) {
        begin += index % it->shape.extent[axis] * it->stride[axis];
        index /= it->shape.extent[axis];
    }
    return begin;
}
