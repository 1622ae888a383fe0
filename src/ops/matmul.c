/* matmul, gate_up_silu. */
#include "ops/ops_impl.h"

#include "base/status.h"

static weft_status fail_columns(const weft_dispatch *dispatch, uint32_t argument, uint32_t weight,
                                uint64_t weight_extent, const char *unit, weft_error *err)
{
    weft__argument_text text, weight_text;
    return weft__fail(err, WEFT_SHAPE_MISMATCH, "%s: %s has %zu columns, but %s has %llu%s.", dispatch->op->name,
                      weft__argument_describe(dispatch, argument, text),
                      weft__buffer_columns(dispatch->arguments[argument]),
                      weft__argument_describe(dispatch, weight, weight_text), (unsigned long long)weight_extent, unit);
}

/* Of a product of argument 0, x, with argument 1, a weight. */
static weft_status check_product(const weft_dispatch *dispatch, uint32_t out_index, weft_error *err)
{
    weft_status status = weft__check_dtype(dispatch, 0, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_float(dispatch, 1, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, out_index, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, 1, 2, err);
    if (status != WEFT_OK)
        return status;
    const weft_buffer *x = dispatch->arguments[0], *out = dispatch->arguments[out_index];
    const weft_shape *weight = &dispatch->arguments[1]->shape;
    if (weft__buffer_columns(x) != weight->extent[1])
        return fail_columns(dispatch, 0, 1, weight->extent[1], "", err);
    if (weft__buffer_columns(out) != weight->extent[0])
        return fail_columns(dispatch, out_index, 1, weight->extent[0], " rows", err);
    uint64_t rows = weft__buffer_rows(x), out_rows = weft__buffer_rows(out);
    weft__argument_text x_text, out_text;
    if (rows != out_rows)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "%s: %s has %llu rows, but %s has %llu.", dispatch->op->name,
                          weft__argument_describe(dispatch, 0, x_text), (unsigned long long)rows,
                          weft__argument_describe(dispatch, out_index, out_text), (unsigned long long)out_rows);
    return WEFT_OK;
}

static uint64_t flops_product(const weft_buffer *weight, const weft_buffer *out)
{
    return weft__flops_times(2, weft__flops_times(weft__buffer_elements(out), weight->shape.extent[1]));
}

/* ---- matmul: x, weight, out ---- */

static weft_status check_matmul(const weft_dispatch *dispatch, weft_error *err)
{
    return check_product(dispatch, 2, err);
}

static uint64_t flops_matmul(const weft_dispatch *dispatch)
{
    return flops_product(dispatch->arguments[1], dispatch->arguments[2]);
}

const weft_op weft__op_matmul = {
    .name = "matmul",
    .index = WEFT__OP_MATMUL,
    .argument_count = 3,
    .arguments = {{"x", WEFT_READ, false}, {"weight", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .check = check_matmul,
    .flops = flops_matmul,
};

weft_status weft_matmul(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *weight, weft_buffer *out,
                        weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_matmul, (const weft_buffer *const[]){x, weight, out}, 3, NULL, err);
}

/* ---- gate_up_silu: x, gate_weight, up_weight, out ---- */

static weft_status check_gate_up_silu(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = check_product(dispatch, 3, err);
    if (status != WEFT_OK)
        return status;
    if (dispatch->arguments[2]->dtype != dispatch->arguments[1]->dtype)
        return weft__fail_unlike(dispatch, 2, 1, "dtype", err);
    return weft__check_shape_like(dispatch, 2, 1, err);
}

/* Two products; exp, 1 + .., gate / .., times up. */
static uint64_t flops_gate_up_silu(const weft_dispatch *dispatch)
{
    const weft_buffer *out = dispatch->arguments[3];
    return weft__flops_plus(weft__flops_times(2, flops_product(dispatch->arguments[1], out)),
                            weft__flops_times(4, weft__buffer_elements(out)));
}

const weft_op weft__op_gate_up_silu = {
    .name = "gate_up_silu",
    .index = WEFT__OP_GATE_UP_SILU,
    .argument_count = 4,
    .arguments = {{"x", WEFT_READ, false},
                  {"gate_weight", WEFT_READ, false},
                  {"up_weight", WEFT_READ, false},
                  {"out", WEFT_WRITE, false}},
    .check = check_gate_up_silu,
    .flops = flops_gate_up_silu,
};

weft_status weft_gate_up_silu(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *gate_weight,
                              const weft_buffer *up_weight, weft_buffer *out, weft_error *err)
{
    return weft_encoder_dispatch(encoder, &weft__op_gate_up_silu,
                                 (const weft_buffer *const[]){x, gate_weight, up_weight, out}, 4, NULL, err);
}
