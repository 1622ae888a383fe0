/* rms_norm, rms_norm_mul, add_rms_norm. */
#include "ops/ops_impl.h"

#include <math.h>

#include "base/status.h"

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

static weft_status check_weight(const weft_dispatch *dispatch, uint32_t x, uint32_t weight, weft_error *err)
{
    weft_status status = weft__check_float(dispatch, weight, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, weight, 1, err);
    if (status != WEFT_OK || ends_in(&dispatch->arguments[x]->shape, dispatch->arguments[weight]->shape.extent[0]))
        return status;
    weft__argument_text x_text, weight_text;
    return weft__fail(err, WEFT_SHAPE_MISMATCH, "%s: no innermost axes of %s make up the length %llu of %s.",
                      dispatch->op->name, weft__argument_describe(dispatch, x, x_text),
                      (unsigned long long)dispatch->arguments[weight]->shape.extent[0],
                      weft__argument_describe(dispatch, weight, weight_text));
}

weft_status weft__check_rms_norm(const weft_dispatch *dispatch, const weft_rms_norm_params *params, uint32_t x,
                                 uint32_t weight, weft_error *err)
{
    if (!(params->epsilon > 0) || isinf(params->epsilon))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: epsilon must be positive and finite, not %g.",
                          dispatch->op->name, (double)params->epsilon);
    if (!isfinite(params->weight_bias))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: weight_bias must be finite, not %g.", dispatch->op->name,
                          (double)params->weight_bias);
    weft_status status = weft__check_dtype(dispatch, x, WEFT_F32, err);
    if (status == WEFT_OK && dispatch->arguments[weight])
        status = check_weight(dispatch, x, weight, err);
    return status;
}

/* Per element a square, an addition and one multiplication, with a weight another and with a bias an addition; per row
 * a mean, an addition and a root. */
uint64_t weft__flops_rms_norm(const weft_rms_norm_params *params, const weft_buffer *x, const weft_buffer *weight)
{
    uint64_t elements = weft__buffer_elements(x);
    uint64_t dims = weft__rms_norm_dims(x, weight);
    uint64_t each = 3;
    if (weight)
        each += params->weight_bias != 0 ? 2 : 1;
    return weft__flops_plus(weft__flops_times(each, elements), dims ? weft__flops_times(3, elements / dims) : 0);
}

/* ---- rms_norm: x, weight, out ---- */

static weft_status check_rms_norm(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = weft__check_rms_norm(dispatch, dispatch->params, 0, 1, err);
    return status == WEFT_OK ? weft__check_f32_like(dispatch, 2, 0, err) : status;
}

static uint64_t flops_rms_norm(const weft_dispatch *dispatch)
{
    return weft__flops_rms_norm(dispatch->params, dispatch->arguments[0], dispatch->arguments[1]);
}

const weft_op weft__op_rms_norm = {
    .name = "rms_norm",
    .index = WEFT__OP_RMS_NORM,
    .argument_count = 3,
    .arguments = {{"x", WEFT_READ, false}, {"weight", WEFT_READ, true}, {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft_rms_norm_params),
    .in_place = 1u << 0,
    .check = check_rms_norm,
    .flops = flops_rms_norm,
};

weft_status weft_rms_norm(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *weight,
                          const weft_rms_norm_params *params, weft_buffer *out, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_rms_norm, (const weft_buffer *const[]){x, weight, out}, 3, params,
                                 err);
}

/* ---- rms_norm_mul: x, weight, other, out ---- */

static weft_status check_rms_norm_mul(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = weft__check_rms_norm(dispatch, dispatch->params, 0, 1, err);
    if (status == WEFT_OK)
        status = weft__check_f32_like(dispatch, 2, 0, err);
    return status == WEFT_OK ? weft__check_f32_like(dispatch, 3, 0, err) : status;
}

static uint64_t flops_rms_norm_mul(const weft_dispatch *dispatch)
{
    return weft__flops_plus(flops_rms_norm(dispatch), weft__buffer_elements(dispatch->arguments[0]));
}

const weft_op weft__op_rms_norm_mul = {
    .name = "rms_norm_mul",
    .index = WEFT__OP_RMS_NORM_MUL,
    .argument_count = 4,
    .arguments = {{"x", WEFT_READ, false},
                  {"weight", WEFT_READ, true},
                  {"other", WEFT_READ, false},
                  {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft_rms_norm_params),
    .in_place = 1u << 0 | 1u << 2,
    .check = check_rms_norm_mul,
    .flops = flops_rms_norm_mul,
};

weft_status weft_rms_norm_mul(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *weight,
                              const weft_buffer *other, const weft_rms_norm_params *params, weft_buffer *out,
                              weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_rms_norm_mul, (const weft_buffer *const[]){x, weight, other, out},
                                 4, params, err);
}

/* ---- add_rms_norm: a, b, weight, sum, out ---- */

static weft_status check_add_rms_norm(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = weft__check_rms_norm(dispatch, dispatch->params, 0, 2, err);
    static const uint32_t like_a[] = {1, 3, 4};
    for (size_t i = 0; status == WEFT_OK && i < sizeof like_a / sizeof like_a[0]; i++)
        status = weft__check_f32_like(dispatch, like_a[i], 0, err);
    return status;
}

static uint64_t flops_add_rms_norm(const weft_dispatch *dispatch)
{
    const weft_buffer *a = dispatch->arguments[0];
    return weft__flops_plus(weft__flops_rms_norm(dispatch->params, a, dispatch->arguments[2]),
                            weft__buffer_elements(a));
}

const weft_op weft__op_add_rms_norm = {
    .name = "add_rms_norm",
    .index = WEFT__OP_ADD_RMS_NORM,
    .argument_count = 5,
    .arguments = {{"a", WEFT_READ, false},
                  {"b", WEFT_READ, false},
                  {"weight", WEFT_READ, true},
                  {"sum", WEFT_WRITE, false},
                  {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft_rms_norm_params),
    .in_place = 1u << 0 | 1u << 1,
    .check = check_add_rms_norm,
    .flops = flops_add_rms_norm,
};

weft_status weft_add_rms_norm(weft_encoder *encoder, const weft_buffer *a, const weft_buffer *b,
                              const weft_buffer *weight, const weft_rms_norm_params *params, weft_buffer *sum,
                              weft_buffer *out, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_add_rms_norm, (const weft_buffer *const[]){a, b, weight, sum, out},
                                 5, params, err);
}
