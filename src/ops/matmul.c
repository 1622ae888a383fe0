#include "ops/ops_impl.h"

#include "base/status.h"

enum {
    X = 0,
    WEIGHT = 1,
    OUT = 2
};

static weft_status fail_columns(const weft_dispatch *dispatch, uint32_t argument, uint64_t weight_extent,
                                const char *unit, weft_error *err)
{
    weft__argument_text text, weight;
    return weft__fail(err, WEFT_SHAPE_MISMATCH, "matmul: %s has %zu columns, but %s has %llu%s.",
                      weft__argument_describe(dispatch, argument, text),
                      weft__buffer_columns(dispatch->arguments[argument]),
                      weft__argument_describe(dispatch, WEIGHT, weight), (unsigned long long)weight_extent, unit);
}

static weft_status check_matmul(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = weft__check_dtype(dispatch, X, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_float(dispatch, WEIGHT, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, OUT, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, WEIGHT, 2, err);
    if (status != WEFT_OK)
        return status;
    const weft_buffer *x = dispatch->arguments[X], *out = dispatch->arguments[OUT];
    const weft_shape *weight = &dispatch->arguments[WEIGHT]->shape;
    if (weft__buffer_columns(x) != weight->extent[1])
        return fail_columns(dispatch, X, weight->extent[1], "", err);
    if (weft__buffer_columns(out) != weight->extent[0])
        return fail_columns(dispatch, OUT, weight->extent[0], " rows", err);
    uint64_t rows = weft__buffer_rows(x), out_rows = weft__buffer_rows(out);
    weft__argument_text x_text, out_text;
    if (rows != out_rows)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "matmul: %s has %llu rows, but %s has %llu.",
                          weft__argument_describe(dispatch, X, x_text), (unsigned long long)rows,
                          weft__argument_describe(dispatch, OUT, out_text), (unsigned long long)out_rows);
    return WEFT_OK;
}

static uint64_t flops_matmul(const weft_dispatch *dispatch)
{
    const weft_shape *weight = &dispatch->arguments[WEIGHT]->shape;
    uint64_t products = weft__flops_times(weft__buffer_elements(dispatch->arguments[OUT]), weight->extent[1]);
    return weft__flops_times(2, products);
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
