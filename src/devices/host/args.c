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
    const weft_rms_norm_params *params = dispatch->params;
    const weft_buffer *weight = dispatch->arguments[1];
    size_t dims = (size_t)weft__rms_norm_dims(dispatch);
    return (weft__rms_norm_args){
        .rows = dims ? weft__buffer_elements(dispatch->arguments[0]) / dims : 0,
        .dims = dims,
        .x = weft__dispatch_data(dispatch, 0),
        .weight_dtype = weight ? weight->dtype : WEFT_F32,
        .weight = weft__dispatch_data(dispatch, 1),
        .weight_bias = params->weight_bias,
        .epsilon = params->epsilon,
        .out = weft__dispatch_data(dispatch, 2),
    };
}

weft__rope_args weft__host_rope_args(const weft_dispatch *dispatch)
{
    const weft_rope_params *params = dispatch->params;
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
        .x = weft__dispatch_data(dispatch, 0),
        .positions = weft__dispatch_data(dispatch, 1),
        .out = weft__dispatch_data(dispatch, 2),
    };
}

weft__matmul_args weft__host_matmul_args(const weft_dispatch *dispatch)
{
    const weft_buffer *weight = dispatch->arguments[1];
    return (weft__matmul_args){
        .m = (size_t)weft__buffer_rows(dispatch->arguments[2]),
        .n = (size_t)weight->shape.extent[0],
        .k = (size_t)weight->shape.extent[1],
        .x = weft__dispatch_data(dispatch, 0),
        .weight_dtype = weight->dtype,
        .weight = weft__dispatch_data(dispatch, 1),
        .out = weft__dispatch_data(dispatch, 2),
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
