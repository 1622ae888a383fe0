#include "ops/ops_impl.h"

#include <math.h>

#include "base/status.h"

enum {
    X = 0,
    POSITIONS = 1,
    OUT = 2
};

static weft_status check_numbers(const weft_rope_params *params, weft_error *err)
{
    if (!(params->theta > 0) || isinf(params->theta))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "rope: theta must be positive and finite, not %g.",
                          params->theta);
    if (!(params->position_scale >= 0) || isinf(params->position_scale))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "rope: position_scale must be finite and not negative, not %g.",
                          params->position_scale);
    if (params->pairing != WEFT_ROPE_HALF_SPLIT && params->pairing != WEFT_ROPE_INTERLEAVED)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "rope: pairing must be WEFT_ROPE_HALF_SPLIT or WEFT_ROPE_INTERLEAVED, not %d.",
                          (int)params->pairing);
    if (params->pairing == WEFT_ROPE_INTERLEAVED && params->pair_offset != 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "rope: pair_offset is for half-split pairs only and must be 0, not %u, for interleaved ones.",
                          (unsigned)params->pair_offset);
    return WEFT_OK;
}

static weft_status check_pairs(const weft_dispatch *dispatch, weft_error *err)
{
    const weft_rope_params *params = dispatch->params;
    uint64_t head_dim = dispatch->arguments[X]->shape.extent[2];
    weft__rope_geometry geometry = weft__rope_resolve(params, head_dim);
    weft__argument_text x;
    if (geometry.rotary_dims % 2 != 0 || geometry.rotary_dims > head_dim)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "rope: rotary_dims must be even and at most the %llu columns of %s, not %llu.",
                          (unsigned long long)head_dim, weft__argument_describe(dispatch, X, x),
                          (unsigned long long)geometry.rotary_dims);
    uint64_t pairs = geometry.rotary_dims / 2;
    if (params->pairing == WEFT_ROPE_INTERLEAVED)
        return WEFT_OK;
    if (geometry.pair_offset < pairs || geometry.pair_offset + pairs > head_dim)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "rope: pair_offset must be from %llu to %llu to turn %llu pairs in heads of %s, not %llu.",
                          (unsigned long long)pairs, (unsigned long long)(head_dim - pairs), (unsigned long long)pairs,
                          weft__argument_describe(dispatch, X, x), (unsigned long long)geometry.pair_offset);
    return WEFT_OK;
}

static weft_status check_rope(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = check_numbers(dispatch->params, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, X, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, POSITIONS, WEFT_I32, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, OUT, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, X, 3, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, POSITIONS, 1, err);
    if (status == WEFT_OK)
        status = weft__check_shape_like(dispatch, OUT, X, err);
    if (status != WEFT_OK)
        return status;
    uint64_t tokens = dispatch->arguments[X]->shape.extent[0];
    uint64_t positions = dispatch->arguments[POSITIONS]->shape.extent[0];
    weft__argument_text x_text, positions_text;
    if (tokens != positions)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "rope: %s has %llu tokens, but %s has %llu.",
                          weft__argument_describe(dispatch, X, x_text), (unsigned long long)tokens,
                          weft__argument_describe(dispatch, POSITIONS, positions_text), (unsigned long long)positions);
    return check_pairs(dispatch, err);
}

/* Six for each pair of each head; the angle, its sine and its cosine once for all heads of a token. */
static uint64_t flops_rope(const weft_dispatch *dispatch)
{
    const weft_shape *x = &dispatch->arguments[X]->shape;
    uint64_t pairs = weft__rope_resolve(dispatch->params, x->extent[2]).rotary_dims / 2;
    uint64_t token = weft__flops_times(pairs, weft__flops_plus(weft__flops_times(6, x->extent[1]), 3));
    return weft__flops_times(x->extent[0], token);
}

const weft_op weft__op_rope = {
    .name = "rope",
    .index = WEFT__OP_ROPE,
    .argument_count = 3,
    .arguments = {{"x", WEFT_READ, false}, {"positions", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft_rope_params),
    .in_place = 1u << X,
    .check = check_rope,
    .flops = flops_rope,
};

weft_status weft_rope(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *positions,
                      const weft_rope_params *params, weft_buffer *out, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_rope, (const weft_buffer *const[]){x, positions, out}, 3, params,
                                 err);
}
