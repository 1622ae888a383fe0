#include "sim/tile/groups.h"

#include <inttypes.h>

weft_status weft__groups_resolve(uint64_t count, uint32_t *size, uint32_t *stride, weft_error *err)
{
    if (*stride == 0)
        *stride = 1;
    if (*size == 0)
        *size = *stride <= count ? (uint32_t)(count / *stride) : 1;
    if (count % ((uint64_t)*size * *stride) == 0)
        return WEFT_OK;
    return weft__fail(err, WEFT_INVALID_ARGUMENT,
                      "The launch has %" PRIu64 " PEs, which is no multiple of group size %" PRIu32
                      " times stride %" PRIu32 ".",
                      count, *size, *stride);
}

weft__group_place weft__group_place_of(uint32_t size, uint32_t stride, uint32_t index)
{
    return (weft__group_place){
        .group = index / stride / size * stride + index % stride, .rank = index / stride % size, .size = size};
}
