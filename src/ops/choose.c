#include "ops/ops_impl.h"

#include <math.h>

#include "base/status.h"

enum {
    X = 0,
    OUT = 1,
    VALUES = 1,
    INDICES = 2
};

static weft_status check_softmax(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = weft__check_dtype(dispatch, X, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, OUT, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_shape_like(dispatch, OUT, X, err);
    return status;
}

/* Rows to choose from: f32, with at least one column and no more than an i32 can count. */
static weft_status check_choices(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = weft__check_dtype(dispatch, X, WEFT_F32, err);
    if (status != WEFT_OK)
        return status;
    size_t columns = weft__buffer_columns(dispatch->arguments[X]);
    weft__argument_text text;
    if (columns == 0)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "%s: %s has no columns to choose from.", dispatch->op->name,
                          weft__argument_describe(dispatch, X, text));
    if (columns > INT32_MAX)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "%s: %s has more columns than an i32 index can name.",
                          dispatch->op->name, weft__argument_describe(dispatch, X, text));
    return WEFT_OK;
}

static weft_status fail_rows(const weft_dispatch *dispatch, uint32_t argument, uint64_t has, const char *unit,
                             weft_error *err)
{
    weft__argument_text x, text;
    return weft__fail(err, WEFT_SHAPE_MISMATCH, "%s: %s has %llu rows, but %s has %llu%s.", dispatch->op->name,
                      weft__argument_describe(dispatch, X, x),
                      (unsigned long long)weft__buffer_rows(dispatch->arguments[X]),
                      weft__argument_describe(dispatch, argument, text), (unsigned long long)has, unit);
}

static weft_status check_one_index(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = check_choices(dispatch, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, OUT, WEFT_I32, err);
    if (status != WEFT_OK)
        return status;
    uint64_t elements = weft__buffer_elements(dispatch->arguments[OUT]);
    return elements == weft__buffer_rows(dispatch->arguments[X]) ? WEFT_OK
                                                                 : fail_rows(dispatch, OUT, elements, " elements", err);
}

static weft_status check_top_k(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = check_choices(dispatch, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, VALUES, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, INDICES, WEFT_I32, err);
    if (status == WEFT_OK)
        status = weft__check_shape_like(dispatch, INDICES, VALUES, err);
    if (status != WEFT_OK)
        return status;
    size_t columns = weft__buffer_columns(dispatch->arguments[X]),
           k = weft__buffer_columns(dispatch->arguments[VALUES]);
    weft__argument_text x, values;
    if (k == 0 || k > columns)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "top_k: %s asks for %zu of the %zu columns of %s.",
                          weft__argument_describe(dispatch, VALUES, values), k, columns,
                          weft__argument_describe(dispatch, X, x));
    uint64_t rows = weft__buffer_rows(dispatch->arguments[VALUES]);
    return rows == weft__buffer_rows(dispatch->arguments[X]) ? WEFT_OK : fail_rows(dispatch, VALUES, rows, "", err);
}

static weft_status check_sample(const weft_dispatch *dispatch, weft_error *err)
{
    const weft_sample_params *params = dispatch->params;
    if (!(params->temperature >= 0) || isinf(params->temperature))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "sample: temperature must be finite and not negative, not %g.",
                          (double)params->temperature);
    if (!(params->top_p >= 0 && params->top_p <= 1))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "sample: top_p must be from 0 to 1, not %g.",
                          (double)params->top_p);
    if (!(params->min_p >= 0 && params->min_p <= 1))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "sample: min_p must be from 0 to 1, not %g.",
                          (double)params->min_p);
    return check_one_index(dispatch, err);
}

/* Minus the maximum, exp, its sum, a division. */
static uint64_t flops_softmax(const weft_dispatch *dispatch)
{
    return weft__flops_times(4, weft__buffer_elements(dispatch->arguments[X]));
}

/* As softmax, with the division by the temperature instead of the last; comparisons are no flops. */
static uint64_t flops_sample(const weft_dispatch *dispatch)
{
    const weft_sample_params *params = dispatch->params;
    return params->temperature > 0 ? flops_softmax(dispatch) : 0;
}

const weft_op weft__op_softmax = {
    .name = "softmax",
    .index = WEFT__OP_SOFTMAX,
    .argument_count = 2,
    .arguments = {{"x", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .in_place = 1u << X,
    .check = check_softmax,
    .flops = flops_softmax,
};

const weft_op weft__op_argmax = {
    .name = "argmax",
    .index = WEFT__OP_ARGMAX,
    .argument_count = 2,
    .arguments = {{"x", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .check = check_one_index,
};

const weft_op weft__op_top_k = {
    .name = "top_k",
    .index = WEFT__OP_TOP_K,
    .argument_count = 3,
    .arguments = {{"x", WEFT_READ, false}, {"values", WEFT_WRITE, false}, {"indices", WEFT_WRITE, false}},
    .check = check_top_k,
};

const weft_op weft__op_sample = {
    .name = "sample",
    .index = WEFT__OP_SAMPLE,
    .argument_count = 2,
    .arguments = {{"logits", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft_sample_params),
    .check = check_sample,
    .flops = flops_sample,
};

weft_status weft_softmax(weft_encoder *encoder, const weft_buffer *x, weft_buffer *out, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_softmax, (const weft_buffer *const[]){x, out}, 2, NULL, err);
}

weft_status weft_argmax(weft_encoder *encoder, const weft_buffer *x, weft_buffer *out, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_argmax, (const weft_buffer *const[]){x, out}, 2, NULL, err);
}

weft_status weft_top_k(weft_encoder *encoder, const weft_buffer *x, weft_buffer *values, weft_buffer *indices,
                       weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_top_k, (const weft_buffer *const[]){x, values, indices}, 3, NULL,
                                 err);
}

weft_status weft_sample(weft_encoder *encoder, const weft_buffer *logits, const weft_sample_params *params,
                        weft_buffer *out, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_sample, (const weft_buffer *const[]){logits, out}, 2, params, err);
}
