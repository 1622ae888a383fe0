#include "ops/ops_impl.h"

#include "base/status.h"

static weft_status fail_elementwise(const weft_dispatch *dispatch, uint32_t argument, weft_error *err)
{
    if (!weft__takes_float(dispatch->arguments[argument]))
        return weft__fail_dtype(dispatch, argument, WEFT__FLOATS, err);
    bool is_shape = dispatch->arguments[argument]->dtype == dispatch->arguments[0]->dtype;
    return weft__fail_unlike(dispatch, argument, 0, is_shape ? "shape" : "dtype", err);
}

/* Stands in the way of every recorded dispatch of these ops, so it compares first and explains afterwards. */
static weft_status check_elementwise(const weft_dispatch *dispatch, weft_error *err)
{
    const weft_buffer *first = dispatch->arguments[0];
    if (!weft__takes_float(first))
        return fail_elementwise(dispatch, 0, err);
    for (uint32_t i = 1; i < dispatch->op->argument_count; i++) {
        const weft_buffer *other = dispatch->arguments[i];
        if (other->dtype != first->dtype || !weft__same_shape(other, first))
            return fail_elementwise(dispatch, i, err);
    }
    return WEFT_OK;
}

static uint64_t flops_one(const weft_dispatch *dispatch)
{
    return weft__buffer_elements(dispatch->arguments[0]);
}

/* exp, 1 + .., gate / .., times up */
static uint64_t flops_silu_mul(const weft_dispatch *dispatch)
{
    return weft__flops_times(4, weft__buffer_elements(dispatch->arguments[0]));
}

/* g^3 (2), times and plus (2), times root, tanh, 1 + .., times g / 2 (2), times up */
static uint64_t flops_gelu_mul(const weft_dispatch *dispatch)
{
    return weft__flops_times(10, weft__buffer_elements(dispatch->arguments[0]));
}

#define IN_PLACE_OVER_BOTH 3u

const weft_op weft__op_add = {
    .name = "add",
    .index = WEFT__OP_ADD,
    .argument_count = 3,
    .arguments = {{"a", WEFT_READ, false}, {"b", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .in_place = IN_PLACE_OVER_BOTH,
    .check = check_elementwise,
    .flops = flops_one,
};

const weft_op weft__op_mul = {
    .name = "mul",
    .index = WEFT__OP_MUL,
    .argument_count = 3,
    .arguments = {{"a", WEFT_READ, false}, {"b", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .in_place = IN_PLACE_OVER_BOTH,
    .check = check_elementwise,
    .flops = flops_one,
};

const weft_op weft__op_scale = {
    .name = "scale",
    .index = WEFT__OP_SCALE,
    .argument_count = 2,
    .arguments = {{"x", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft__scale_params),
    .in_place = 1,
    .check = check_elementwise,
    .flops = flops_one,
};

const weft_op weft__op_silu_mul = {
    .name = "silu_mul",
    .index = WEFT__OP_SILU_MUL,
    .argument_count = 3,
    .arguments = {{"gate", WEFT_READ, false}, {"up", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .in_place = IN_PLACE_OVER_BOTH,
    .check = check_elementwise,
    .flops = flops_silu_mul,
};

const weft_op weft__op_gelu_mul = {
    .name = "gelu_mul",
    .index = WEFT__OP_GELU_MUL,
    .argument_count = 3,
    .arguments = {{"gate", WEFT_READ, false}, {"up", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .in_place = IN_PLACE_OVER_BOTH,
    .check = check_elementwise,
    .flops = flops_gelu_mul,
};

weft_status weft_add(weft_encoder *encoder, const weft_buffer *a, const weft_buffer *b, weft_buffer *out,
                     weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_add, (const weft_buffer *const[]){a, b, out}, 3, NULL, err);
}

weft_status weft_mul(weft_encoder *encoder, const weft_buffer *a, const weft_buffer *b, weft_buffer *out,
                     weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_mul, (const weft_buffer *const[]){a, b, out}, 3, NULL, err);
}

weft_status weft_scale(weft_encoder *encoder, const weft_buffer *x, float factor, weft_buffer *out, weft_error *err)
{
    weft__scale_params params = {factor};
    return weft_encoder_dispatch(encoder, &weft__op_scale, (const weft_buffer *const[]){x, out}, 2, &params, err);
}

weft_status weft_silu_mul(weft_encoder *encoder, const weft_buffer *gate, const weft_buffer *up, weft_buffer *out,
                          weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_silu_mul, (const weft_buffer *const[]){gate, up, out}, 3, NULL,
                                 err);
}

weft_status weft_gelu_mul(weft_encoder *encoder, const weft_buffer *gate, const weft_buffer *up, weft_buffer *out,
                          weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_gelu_mul, (const weft_buffer *const[]){gate, up, out}, 3, NULL,
                                 err);
}
