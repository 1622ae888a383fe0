/* Views: other shapes of the same elements, at no cost. */
#include <inttypes.h>

#include "sim/tile/call.h"

tl_tensor tl_reshape(weft_tile *tl, tl_tensor tensor, weft_shape shape)
{
    char from[WEFT_SHAPE_TEXT_BYTES], to[WEFT_SHAPE_TEXT_BYTES];
    weft__tile_enter(tl, "tl_reshape");
    (void)weft__tile_bytes(tl, &tensor.shape, tensor.dtype, "The tensor");
    (void)weft__tile_bytes(tl, &shape, tensor.dtype, "The result");
    if (weft_shape_elements(&shape) != weft_shape_elements(&tensor.shape))
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "Shape %s has %" PRIu64 " elements, but %s has %" PRIu64 ".",
                        weft_shape_text(&tensor.shape, from), weft_shape_elements(&tensor.shape),
                        weft_shape_text(&shape, to), weft_shape_elements(&shape));
    if (!weft__tile_is_contiguous(&tensor))
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT,
                        "The tensor of shape %s is a part or transposition of another one, and not contiguous.",
                        weft_shape_text(&tensor.shape, from));
    tl_tensor view = weft__tile_tensor(shape, tensor.dtype, tensor.space, tensor.address);
    view.value = tensor.value;
    view.base = tensor.base;
    return view;
}

tl_tensor tl_trans(weft_tile *tl, tl_tensor tensor)
{
    weft__tile_enter(tl, "tl_trans");
    uint32_t rank = tensor.shape.rank;
    if (rank < 2 || rank > WEFT_RANK_MAX)
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "A tensor of rank %" PRIu32 " has no two axes to change.", rank);
    uint64_t extent = tensor.shape.extent[rank - 1], stride = tensor.stride[rank - 1];
    tensor.shape.extent[rank - 1] = tensor.shape.extent[rank - 2];
    tensor.stride[rank - 1] = tensor.stride[rank - 2];
    tensor.shape.extent[rank - 2] = extent;
    tensor.stride[rank - 2] = stride;
    return tensor;
}

tl_tensor tl_slice(weft_tile *tl, tl_tensor tensor, uint32_t axis, uint64_t begin, uint64_t count)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    weft__tile_enter(tl, "tl_slice");
    (void)weft__tile_bytes(tl, &tensor.shape, tensor.dtype, "The tensor");
    if (axis >= tensor.shape.rank)
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "Shape %s has no axis %" PRIu32 ".",
                        weft_shape_text(&tensor.shape, text), axis);
    uint64_t extent = tensor.shape.extent[axis];
    if (count == 0)
        weft__tile_fail(tl, WEFT_OUT_OF_RANGE, "The count of indices of axis %" PRIu32 " of %s is 0.", axis,
                        weft_shape_text(&tensor.shape, text));
    if (begin > extent || count > extent - begin)
        weft__tile_fail(tl, WEFT_OUT_OF_RANGE,
                        "Axis %" PRIu32 " of %s has %" PRIu64 " indices, which %" PRIu64 " from index %" PRIu64
                        " on exceed.",
                        axis, weft_shape_text(&tensor.shape, text), extent, count, begin);
    tensor.address += begin * tensor.stride[axis] * weft_dtype_bytes(tensor.dtype);
    tensor.shape.extent[axis] = count;
    return tensor;
}
