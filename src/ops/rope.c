/* rope, rms_norm_rope. */
#include "ops/ops_impl.h"

#include <math.h>

#include "base/status.h"

static weft_status check_numbers(const char *op, const weft_rope_params *params, weft_error *err)
{
    if (!(params->theta > 0) || isinf(params->theta))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: theta must be positive and finite, not %g.", op,
                          params->theta);
    if (!(params->position_scale >= 0) || isinf(params->position_scale))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: position_scale must be finite and not negative, not %g.", op,
                          params->position_scale);
    if (params->pairing != WEFT_ROPE_HALF_SPLIT && params->pairing != WEFT_ROPE_INTERLEAVED)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "%s: pairing must be WEFT_ROPE_HALF_SPLIT or WEFT_ROPE_INTERLEAVED, not %d.", op,
                          (int)params->pairing);
    if (params->pairing == WEFT_ROPE_INTERLEAVED && params->pair_offset != 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "%s: pair_offset is for half-split pairs only and must be 0, not %u, for interleaved ones.",
                          op, (unsigned)params->pair_offset);
    return WEFT_OK;
}

static weft_status check_pairs(const weft_dispatch *dispatch, const weft_rope_params *params, weft_error *err)
{
    const char *op = dispatch->op->name;
    uint64_t head_dim = dispatch->arguments[0]->shape.extent[2];
    weft__rope_geometry geometry = weft__rope_resolve(params, head_dim);
    weft__argument_text x;
    if (geometry.rotary_dims % 2 != 0 || geometry.rotary_dims > head_dim)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "%s: rotary_dims must be even and at most the %llu columns of %s, not %llu.", op,
                          (unsigned long long)head_dim, weft__argument_describe(dispatch, 0, x),
                          (unsigned long long)geometry.rotary_dims);
    uint64_t pairs = geometry.rotary_dims / 2;
    if (params->pairing == WEFT_ROPE_INTERLEAVED)
        return WEFT_OK;
    if (geometry.pair_offset < pairs || geometry.pair_offset + pairs > head_dim)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "%s: pair_offset must be from %llu to %llu to turn %llu pairs in heads of %s, not %llu.", op,
                          (unsigned long long)pairs, (unsigned long long)(head_dim - pairs), (unsigned long long)pairs,
                          weft__argument_describe(dispatch, 0, x), (unsigned long long)geometry.pair_offset);
    return WEFT_OK;
}

/* Of argument 0, heads that turn by `positions`. */
static weft_status check_turn(const weft_dispatch *dispatch, const weft_rope_params *params, uint32_t positions,
                              uint32_t out, weft_error *err)
{
    weft_status status = check_numbers(dispatch->op->name, params, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, 0, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, positions, WEFT_I32, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, out, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, 0, 3, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, positions, 1, err);
    if (status == WEFT_OK)
        status = weft__check_shape_like(dispatch, out, 0, err);
    if (status != WEFT_OK)
        return status;
    uint64_t tokens = dispatch->arguments[0]->shape.extent[0];
    uint64_t given = dispatch->arguments[positions]->shape.extent[0];
    weft__argument_text x_text, positions_text;
    if (tokens != given)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "%s: %s has %llu tokens, but %s has %llu.", dispatch->op->name,
                          weft__argument_describe(dispatch, 0, x_text), (unsigned long long)tokens,
                          weft__argument_describe(dispatch, positions, positions_text), (unsigned long long)given);
    return check_pairs(dispatch, params, err);
}

/* Six for each pair of each head; the angle, its sine and its cosine once for all heads of a token. */
static uint64_t flops_turn(const weft_rope_params *params, const weft_shape *x)
{
    uint64_t pairs = weft__rope_resolve(params, x->extent[2]).rotary_dims / 2;
    uint64_t token = weft__flops_times(pairs, weft__flops_plus(weft__flops_times(6, x->extent[1]), 3));
    return weft__flops_times(x->extent[0], token);
}

/* ---- rope: x, positions, out ---- */

static weft_status check_rope(const weft_dispatch *dispatch, weft_error *err)
{
    return check_turn(dispatch, dispatch->params, 1, 2, err);
}

static uint64_t flops_rope(const weft_dispatch *dispatch)
{
    return flops_turn(dispatch->params, &dispatch->arguments[0]->shape);
}

const weft_op weft__op_rope = {
    .name = "rope",
    .index = WEFT__OP_ROPE,
    .argument_count = 3,
    .arguments = {{"x", WEFT_READ, false}, {"positions", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft_rope_params),
    .in_place = 1u << 0,
    .check = check_rope,
    .flops = flops_rope,
};

weft_status weft_rope(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *positions,
                      const weft_rope_params *params, weft_buffer *out, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_rope, (const weft_buffer *const[]){x, positions, out}, 3, params,
                                 err);
}

/* ---- rms_norm_rope: x, weight, positions, out ---- */

static weft_status check_rms_norm_rope(const weft_dispatch *dispatch, weft_error *err)
{
    const weft_rms_norm_rope_params *params = dispatch->params;
    weft_status status = weft__check_rms_norm(dispatch, &params->norm, 0, 1, err);
    if (status == WEFT_OK)
        status = check_turn(dispatch, &params->rope, 2, 3, err);
    const weft_buffer *weight = dispatch->arguments[1];
    uint64_t head_dim = status == WEFT_OK ? dispatch->arguments[0]->shape.extent[2] : 0;
    weft__argument_text x_text, weight_text;
    if (status == WEFT_OK && weight && weight->shape.extent[0] != head_dim)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "rms_norm_rope: heads of %s have %llu elements, but %s has %llu.",
                          weft__argument_describe(dispatch, 0, x_text), (unsigned long long)head_dim,
                          weft__argument_describe(dispatch, 1, weight_text),
                          (unsigned long long)weight->shape.extent[0]);
    return status;
}

static uint64_t flops_rms_norm_rope(const weft_dispatch *dispatch)
{
    const weft_rms_norm_rope_params *params = dispatch->params;
    const weft_buffer *x = dispatch->arguments[0];
    return weft__flops_plus(weft__flops_rms_norm(&params->norm, x, dispatch->arguments[1]),
                            flops_turn(&params->rope, &x->shape));
}

const weft_op weft__op_rms_norm_rope = {
    .name = "rms_norm_rope",
    .index = WEFT__OP_RMS_NORM_ROPE,
    .argument_count = 4,
    .arguments = {{"x", WEFT_READ, false},
                  {"weight", WEFT_READ, true},
                  {"positions", WEFT_READ, false},
                  {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft_rms_norm_rope_params),
    .in_place = 1u << 0,
    .check = check_rms_norm_rope,
    .flops = flops_rms_norm_rope,
};

weft_status weft_rms_norm_rope(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *weight,
                               const weft_buffer *positions, const weft_rms_norm_rope_params *params, weft_buffer *out,
                               weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_rms_norm_rope,
                                 (const weft_buffer *const[]){x, weight, positions, out}, 4, params, err);
}
