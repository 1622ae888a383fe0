#include "ops/ops_impl.h"

#include <math.h>

#include "base/status.h"

enum {
    X = 0,
    WEIGHT = 1,
    OUT = 2
};

/* True if the product of one or more innermost extents of `shape` is `dims`. */
static bool ends_in(const weft_shape *shape, uint64_t dims)
{
    if (shape->rank == 0)
        return dims == 1;
    uint64_t product = 1;
    for (uint32_t axis = shape->rank; axis-- > 0;) {
        if (__builtin_mul_overflow(product, shape->extent[axis], &product))
            product = UINT64_MAX; /* no weight is as long, and only an empty axis further out makes it smaller again */
        if (product == dims)
            return true;
    }
    return false;
}

static weft_status check_weight(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = weft__check_float(dispatch, WEIGHT, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, WEIGHT, 1, err);
    if (status != WEFT_OK || ends_in(&dispatch->arguments[X]->shape, dispatch->arguments[WEIGHT]->shape.extent[0]))
        return status;
    weft__argument_text x, weight;
    return weft__fail(err, WEFT_SHAPE_MISMATCH, "rms_norm: no innermost axes of %s make up the length %llu of %s.",
                      weft__argument_describe(dispatch, X, x),
                      (unsigned long long)dispatch->arguments[WEIGHT]->shape.extent[0],
                      weft__argument_describe(dispatch, WEIGHT, weight));
}

static weft_status check_rms_norm(const weft_dispatch *dispatch, weft_error *err)
{
    const weft_rms_norm_params *params = dispatch->params;
    if (!(params->epsilon > 0) || isinf(params->epsilon))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "rms_norm: epsilon must be positive and finite, not %g.",
                          (double)params->epsilon);
    if (!isfinite(params->weight_bias))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "rms_norm: weight_bias must be finite, not %g.",
                          (double)params->weight_bias);
    weft_status status = weft__check_dtype(dispatch, X, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, OUT, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_shape_like(dispatch, OUT, X, err);
    if (status == WEFT_OK && dispatch->arguments[WEIGHT])
        status = check_weight(dispatch, err);
    return status;
}

/* Per element a square, an addition and one multiplication, with a weight another and with a bias an addition; per row
 * a mean, an addition and a root. */
static uint64_t flops_rms_norm(const weft_dispatch *dispatch)
{
    const weft_rms_norm_params *params = dispatch->params;
    uint64_t elements = weft__buffer_elements(dispatch->arguments[X]);
    uint64_t dims = weft__rms_norm_dims(dispatch);
    uint64_t each = 3;
    if (dispatch->arguments[WEIGHT])
        each += params->weight_bias != 0 ? 2 : 1;
    return weft__flops_plus(weft__flops_times(each, elements), dims ? weft__flops_times(3, elements / dims) : 0);
}

const weft_op weft__op_rms_norm = {
    .name = "rms_norm",
    .index = WEFT__OP_RMS_NORM,
    .argument_count = 3,
    .arguments = {{"x", WEFT_READ, false}, {"weight", WEFT_READ, true}, {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft_rms_norm_params),
    .in_place = 1u << X,
    .check = check_rms_norm,
    .flops = flops_rms_norm,
};

weft_status weft_rms_norm(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *weight,
                          const weft_rms_norm_params *params, weft_buffer *out, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_rms_norm, (const weft_buffer *const[]){x, weight, out}, 3, params,
                                 err);
}
