#include "devices/host/args.h"

#include "base/status.h"
#include "ops/ops_impl.h"
#include "runtime/host_device.h"

/* A place that is counted in elements of an argument. */
static unsigned char *element_at(const weft_dispatch *dispatch, uint32_t argument, uint64_t offset_elements)
{
    const weft_buffer *buffer = dispatch->arguments[argument];
    return buffer->data + offset_elements * weft_dtype_bytes(buffer->dtype);
}

weft__copy_args weft__host_copy_args(const weft_dispatch *dispatch)
{
    weft__copy_box box;
    weft__copy_resolve(dispatch, &box);
    weft__copy_args args = {
        .rank = box.rank,
        .source_dtype = dispatch->arguments[0]->dtype,
        .target_dtype = dispatch->arguments[1]->dtype,
    };
    bool is_empty = false;
    for (uint32_t axis = 0; axis < box.rank; axis++) {
        args.extent[axis] = box.extent[axis];
        args.source_stride[axis] = box.source_stride[axis];
        args.target_stride[axis] = box.target_stride[axis];
        is_empty |= box.extent[axis] == 0;
    }
    /* The offsets of an empty box may lie anywhere. */
    args.source = element_at(dispatch, 0, is_empty ? 0 : box.source_offset);
    args.target = element_at(dispatch, 1, is_empty ? 0 : box.target_offset);
    return args;
}

weft__embedding_args weft__host_embedding_args(const weft_dispatch *dispatch)
{
    const weft_buffer *table = dispatch->arguments[0];
    return (weft__embedding_args){
        .tokens = (size_t)dispatch->arguments[1]->shape.extent[0],
        .vocabulary = (size_t)table->shape.extent[0],
        .dims = (size_t)table->shape.extent[1],
        .table_dtype = table->dtype,
        .table = weft__dispatch_data(dispatch, 0),
        .ids = weft__dispatch_data(dispatch, 1),
        .scale = ((const weft__embedding_params *)dispatch->params)->scale,
        .out = weft__dispatch_data(dispatch, 2),
    };
}

weft__rms_norm_args weft__host_rms_norm_args(const weft_dispatch *dispatch)
{
    /* Which arguments they are. */
    static const struct {
        uint32_t x, weight, out;
    } places[WEFT__OP_COUNT] = {
        [WEFT__OP_RMS_NORM] = {0, 1, 2},
        [WEFT__OP_RMS_NORM_MUL] = {0, 1, 3},
        [WEFT__OP_ADD_RMS_NORM] = {3, 2, 4},
        [WEFT__OP_RMS_NORM_ROPE] = {0, 1, 3},
    };
    const uint32_t x = places[dispatch->op->index].x, weight = places[dispatch->op->index].weight,
                   out = places[dispatch->op->index].out;
    const weft_rms_norm_params *params = dispatch->op->index == WEFT__OP_RMS_NORM_ROPE
                                             ? &((const weft_rms_norm_rope_params *)dispatch->params)->norm
                                             : dispatch->params;
    size_t dims = (size_t)weft__rms_norm_dims(dispatch->arguments[x], dispatch->arguments[weight]);
    return (weft__rms_norm_args){
        .rows = dims ? weft__buffer_elements(dispatch->arguments[x]) / dims : 0,
        .dims = dims,
        .x = weft__dispatch_data(dispatch, x),
        .weight_dtype = dispatch->arguments[weight] ? dispatch->arguments[weight]->dtype : WEFT_F32,
        .weight = weft__dispatch_data(dispatch, weight),
        .weight_bias = params->weight_bias,
        .epsilon = params->epsilon,
        .out = weft__dispatch_data(dispatch, out),
    };
}

weft__rope_args weft__host_rope_args(const weft_dispatch *dispatch)
{
    const bool has_norm = dispatch->op->index == WEFT__OP_RMS_NORM_ROPE;
    const uint32_t positions = has_norm ? 2 : 1, out = has_norm ? 3 : 2;
    const weft_rope_params *params =
        has_norm ? &((const weft_rms_norm_rope_params *)dispatch->params)->rope : dispatch->params;
    const weft_shape *x = &dispatch->arguments[0]->shape;
    weft__rope_geometry geometry = weft__rope_resolve(params, x->extent[2]);
    return (weft__rope_args){
        .tokens = (size_t)x->extent[0],
        .heads = (size_t)x->extent[1],
        .head_dim = (size_t)x->extent[2],
        .rotary_dims = (size_t)geometry.rotary_dims,
        .frequency_dims = (size_t)geometry.frequency_dims,
        .pair_offset = (size_t)geometry.pair_offset,
        .interleaved = params->pairing == WEFT_ROPE_INTERLEAVED,
        .theta = params->theta,
        .position_scale = geometry.position_scale,
        .x = weft__dispatch_data(dispatch, has_norm ? out : 0),
        .positions = weft__dispatch_data(dispatch, positions),
        .out = weft__dispatch_data(dispatch, out),
    };
}

weft__matmul_args weft__host_matmul_args(const weft_dispatch *dispatch)
{
    const uint32_t out = dispatch->op->argument_count - 1;
    const weft_buffer *weight = dispatch->arguments[1];
    return (weft__matmul_args){
        .m = (size_t)weft__buffer_rows(dispatch->arguments[out]),
        .n = (size_t)weight->shape.extent[0],
        .k = (size_t)weight->shape.extent[1],
        .x = weft__dispatch_data(dispatch, 0),
        .weight_dtype = weight->dtype,
        .weight = weft__dispatch_data(dispatch, 1),
        .out = weft__dispatch_data(dispatch, out),
    };
}

weft__attention_args weft__host_attention_args(const weft_dispatch *dispatch)
{
    const weft_attention_params *params = dispatch->params;
    const weft_shape *q = &dispatch->arguments[0]->shape;
    const weft_buffer *k = dispatch->arguments[1];
    return (weft__attention_args){
        .tokens = (size_t)q->extent[0],
        .heads = (size_t)q->extent[1],
        .kv_heads = (size_t)k->shape.extent[1],
        .head_dim = (size_t)q->extent[2],
        .kv_length = params->kv_length,
        .window = params->window,
        .bidirectional = params->bidirectional != 0,
        .scale = params->scale,
        .soft_cap = params->soft_cap,
        .q = weft__dispatch_data(dispatch, 0),
        .kv_dtype = k->dtype,
        .k = weft__dispatch_data(dispatch, 1),
        .v = weft__dispatch_data(dispatch, 2),
        .out = weft__dispatch_data(dispatch, 3),
    };
}

weft__sample_args weft__host_sample_args(const weft_dispatch *dispatch)
{
    const weft_sample_params *params = dispatch->params;
    const weft_buffer *logits = dispatch->arguments[0];
    return (weft__sample_args){
        .rows = weft__buffer_elements(dispatch->arguments[1]),
        .vocabulary = weft__buffer_columns(logits),
        .logits = weft__dispatch_data(dispatch, 0),
        .temperature = params->temperature,
        .top_k = params->top_k,
        .top_p = params->top_p,
        .min_p = params->min_p,
        .seed = params->seed,
        .draw = params->draw,
        .out = weft__dispatch_data(dispatch, 1),
    };
}

weft_status weft__host_fault(const weft_dispatch *dispatch, weft__fault fault, weft_error *err)
{
    weft__argument_text text;
    switch (fault.kind) {
    case WEFT__FAULT_NONE:
        return WEFT_OK;
    case WEFT__FAULT_ID:
        return weft__fail(err, WEFT_OUT_OF_RANGE, "ids[%zu] is %lld, but %s has the rows [0, %llu).", fault.row,
                          (long long)fault.value, weft__argument_describe(dispatch, 0, text),
                          (unsigned long long)dispatch->arguments[0]->shape.extent[0]);
    case WEFT__FAULT_POSITION:
        return weft__fail(err, WEFT_OUT_OF_RANGE, "positions[%zu] is %lld, but positions begin at 0.", fault.row,
                          (long long)fault.value);
    case WEFT__FAULT_NAN:
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "element %zu in row %zu of %s is NaN.", fault.index, fault.row,
                          weft__argument_describe(dispatch, 0, text));
    case WEFT__FAULT_NO_FINITE:
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "row %zu of %s has no finite element.", fault.row,
                          weft__argument_describe(dispatch, 0, text));
    }
    return weft__fail(err, WEFT_INTERNAL, "the kernel of %s reported the unknown fault %d.", dispatch->op->name,
                      (int)fault.kind);
}
