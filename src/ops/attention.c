#include "ops/ops_impl.h"

#include <math.h>

#include "base/status.h"

enum {
    Q = 0,
    K = 1,
    V = 2,
    OUT = 3
};

static weft_status check_numbers(const weft_attention_params *params, weft_error *err)
{
    if (!(params->scale > 0) || isinf(params->scale))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "attention: scale must be positive and finite, not %g.",
                          (double)params->scale);
    if (!(params->soft_cap >= 0) || isinf(params->soft_cap))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "attention: soft_cap must be finite and not negative, not %g.",
                          (double)params->soft_cap);
    if (params->bidirectional > 1)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "attention: bidirectional must be 0 or 1, not %u.",
                          (unsigned)params->bidirectional);
    return WEFT_OK;
}

static weft_status check_extents(const weft_dispatch *dispatch, weft_error *err)
{
    const weft_attention_params *params = dispatch->params;
    const weft_shape *q = &dispatch->arguments[Q]->shape, *k = &dispatch->arguments[K]->shape;
    weft__argument_text q_text, k_text;
    if (q->extent[2] != k->extent[2])
        return weft__fail(err, WEFT_SHAPE_MISMATCH,
                          "attention: heads of %s have %llu elements, but those of %s have %llu.",
                          weft__argument_describe(dispatch, Q, q_text), (unsigned long long)q->extent[2],
                          weft__argument_describe(dispatch, K, k_text), (unsigned long long)k->extent[2]);
    if (k->extent[1] == 0 ? q->extent[1] != 0 : q->extent[1] % k->extent[1] != 0)
        return weft__fail(err, WEFT_SHAPE_MISMATCH,
                          "attention: the %llu heads of %s must be a multiple of the %llu heads of %s.",
                          (unsigned long long)q->extent[1], weft__argument_describe(dispatch, Q, q_text),
                          (unsigned long long)k->extent[1], weft__argument_describe(dispatch, K, k_text));
    if (params->kv_length < q->extent[0])
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "attention: kv_length %u does not cover the %llu queries of %s, whose own rows it includes.",
                          (unsigned)params->kv_length, (unsigned long long)q->extent[0],
                          weft__argument_describe(dispatch, Q, q_text));
    if (params->kv_length > k->extent[0])
        return weft__fail(err, WEFT_OUT_OF_RANGE, "attention: kv_length %u is more than the capacity %llu of %s.",
                          (unsigned)params->kv_length, (unsigned long long)k->extent[0],
                          weft__argument_describe(dispatch, K, k_text));
    return WEFT_OK;
}

static weft_status check_attention(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = check_numbers(dispatch->params, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, Q, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_float(dispatch, K, err);
    if (status == WEFT_OK)
        status = weft__check_float(dispatch, V, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, OUT, WEFT_F32, err);
    if (status == WEFT_OK && dispatch->arguments[K]->dtype != dispatch->arguments[V]->dtype)
        status = weft__fail_unlike(dispatch, V, K, "dtype", err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, Q, 3, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, K, 3, err);
    if (status == WEFT_OK)
        status = weft__check_shape_like(dispatch, V, K, err);
    if (status == WEFT_OK)
        status = weft__check_shape_like(dispatch, OUT, Q, err);
    if (status == WEFT_OK)
        status = check_extents(dispatch, err);
    return status;
}

/* How many keys the query at `position` sees. */
static uint64_t keys_seen(const weft_attention_params *params, uint64_t position)
{
    uint64_t before = position + 1, after = params->bidirectional ? params->kv_length - before : 0;
    if (params->window) {
        before = before < params->window ? before : params->window;
        after = after < params->window - 1 ? after : params->window - 1;
    }
    return before + after;
}

/* For each head, query and key: two products of head_dim, the scale, exp and its sum, and for a soft cap a division,
 * tanh and a multiplication; for each output a division. */
static uint64_t flops_attention(const weft_dispatch *dispatch)
{
    const weft_attention_params *params = dispatch->params;
    const weft_shape *q = &dispatch->arguments[Q]->shape;
    uint64_t keys = 0;
    for (uint64_t token = 0; token < q->extent[0]; token++)
        keys = weft__flops_plus(keys, keys_seen(params, params->kv_length - q->extent[0] + token));
    uint64_t each = weft__flops_plus(weft__flops_times(4, q->extent[2]), params->soft_cap != 0 ? 6 : 3);
    return weft__flops_plus(weft__flops_times(weft__flops_times(each, keys), q->extent[1]),
                            weft__buffer_elements(dispatch->arguments[OUT]));
}

/* Of k and v: the rows from the window of the first query to kv_length. */
static bool ranges_attention(const weft_dispatch *dispatch, uint32_t argument, weft__range_sink *sink)
{
    if (argument != K && argument != V)
        return false;
    const weft_attention_params *params = dispatch->params;
    const weft_buffer *rows = dispatch->arguments[argument];
    if (dispatch->arguments[OUT]->bytes == 0)
        return true; /* no query, so no key is needed */
    uint64_t tokens = dispatch->arguments[Q]->shape.extent[0];
    uint64_t position = params->kv_length - tokens;
    uint64_t first = params->window && position >= params->window ? position + 1 - params->window : 0;
    uint64_t row_bytes = rows->shape.extent[1] * rows->shape.extent[2] * weft_dtype_bytes(rows->dtype);
    sink->take(sink, first * row_bytes, params->kv_length * row_bytes);
    return true;
}

const weft_op weft__op_attention = {
    .name = "attention",
    .index = WEFT__OP_ATTENTION,
    .argument_count = 4,
    .arguments = {{"q", WEFT_READ, false},
                  {"k", WEFT_READ, false},
                  {"v", WEFT_READ, false},
                  {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft_attention_params),
    .check = check_attention,
    .flops = flops_attention,
    .ranges = ranges_attention,
};

weft_status weft_attention(weft_encoder *encoder, const weft_buffer *q, const weft_buffer *k, const weft_buffer *v,
                           const weft_attention_params *params, weft_buffer *out, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_attention, (const weft_buffer *const[]){q, k, v, out}, 4, params,
                                 err);
}
