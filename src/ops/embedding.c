#include "ops/ops_impl.h"

#include "base/status.h"

enum {
    TABLE = 0,
    IDS = 1,
    OUT = 2
};

static weft_status check_embedding(const weft_dispatch *dispatch, weft_error *err)
{
    weft_status status = weft__check_float(dispatch, TABLE, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, IDS, WEFT_I32, err);
    if (status == WEFT_OK)
        status = weft__check_dtype(dispatch, OUT, WEFT_F32, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, TABLE, 2, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, IDS, 1, err);
    if (status == WEFT_OK)
        status = weft__check_rank(dispatch, OUT, 2, err);
    if (status != WEFT_OK)
        return status;
    const weft_shape *table = &dispatch->arguments[TABLE]->shape, *ids = &dispatch->arguments[IDS]->shape;
    const weft_shape *out = &dispatch->arguments[OUT]->shape;
    weft__argument_text out_text, other_text;
    if (out->extent[0] != ids->extent[0])
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "embedding: %s has %llu rows, but %s has %llu.",
                          weft__argument_describe(dispatch, OUT, out_text), (unsigned long long)out->extent[0],
                          weft__argument_describe(dispatch, IDS, other_text), (unsigned long long)ids->extent[0]);
    if (out->extent[1] != table->extent[1])
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "embedding: %s has %llu columns, but %s has %llu.",
                          weft__argument_describe(dispatch, OUT, out_text), (unsigned long long)out->extent[1],
                          weft__argument_describe(dispatch, TABLE, other_text), (unsigned long long)table->extent[1]);
    return WEFT_OK;
}

static uint64_t flops_embedding(const weft_dispatch *dispatch)
{
    const weft__embedding_params *params = dispatch->params;
    return params->scale == 1 ? 0 : weft__buffer_elements(dispatch->arguments[OUT]);
}

/* Of the table: a row for each id, and never more than all of it. Which rows that are, the ids know. */
static bool bytes_embedding(const weft_dispatch *dispatch, uint32_t argument, uint64_t *out_bytes)
{
    if (argument != TABLE)
        return false;
    const weft_buffer *table = dispatch->arguments[TABLE];
    uint64_t row_bytes = table->shape.extent[1] * weft_dtype_bytes(table->dtype);
    uint64_t rows_bytes = weft__flops_times(dispatch->arguments[IDS]->shape.extent[0], row_bytes);
    *out_bytes = rows_bytes < table->bytes ? rows_bytes : table->bytes;
    return true;
}

const weft_op weft__op_embedding = {
    .name = "embedding",
    .index = WEFT__OP_EMBEDDING,
    .argument_count = 3,
    .arguments = {{"table", WEFT_READ, false}, {"ids", WEFT_READ, false}, {"out", WEFT_WRITE, false}},
    .params_bytes = sizeof(weft__embedding_params),
    .check = check_embedding,
    .flops = flops_embedding,
    .bytes = bytes_embedding,
};

weft_status weft_embedding(weft_encoder *encoder, const weft_buffer *table, const weft_buffer *ids, float scale,
                           weft_buffer *out, weft_error *err)
{
    weft__embedding_params params = {scale};
    return weft_encoder_dispatch(encoder, &weft__op_embedding, (const weft_buffer *const[]){table, ids, out}, 3,
                                 &params, err);
}
