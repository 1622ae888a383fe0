/* The pass of a single token: recorded once for each context, and replayed with the position set. */
#include "models/context_impl.h"

/* Nobody reads activations but the pass itself, except for the logits. */
static weft_status optimise(weft_context *context, const weft_context_options *options, weft_error *err)
{
    if (options->no_fuse && options->no_reorder)
        return WEFT_OK;
    const weft_buffer *temporaries[WEFT__VIEWS_MAX];
    weft_graph_options wanted = {
        .no_fuse = options->no_fuse, .no_reorder = options->no_reorder, .temporaries = temporaries};
    for (uint32_t i = 0; i < WEFT__VIEWS_MAX; i++)
        if (context->memory[i] && i != WEFT__VIEW_LOGITS)
            temporaries[wanted.temporary_count++] = context->memory[i];
    return weft_graph_optimise(context->graph, &wanted, err);
}

/* Sets the parameters that depend on the position of the pass. */
static weft_status move(const weft_context *context, const weft__pass *pass)
{
    weft__pass changed = *pass;
    changed.graph = context->graph;
    context->model->checkpoint.family->record(&changed);
    return changed.status;
}

weft_status weft__decode_prepare(weft_context *context, const weft_context_options *options, weft_error *err)
{
    if (!context->places_barriers || options->no_graph)
        return WEFT_OK;
    /* From an encoder of its own, so that the session counts and tracks replays alone. */
    weft_encoder *encoder;
    weft_status status = weft_encoder_create(context->model->device, NULL, &encoder, err);
    if (status != WEFT_OK)
        return status;
    weft__pass pass =
        weft__context_pass(context, &context->single, context->single_id, context->single_position, 0, err);
    pass.encoder = encoder;
    context->model->checkpoint.family->record(&pass);
    status = pass.status;
    if (status == WEFT_OK)
        status = weft_graph_capture(encoder, &context->graph, err);
    if (status == WEFT_OK) /* so that the graph knows what will change, and plans once */
        status = move(context, &pass);
    if (status == WEFT_OK)
        status = optimise(context, options, err);
    weft_encoder_destroy(encoder);
    return status;
}

weft_status weft__decode_replay(weft_context *context, weft__pass *pass)
{
    weft_status status = move(context, pass);
    return status == WEFT_OK ? weft_graph_replay(context->graph, pass->encoder, pass->err) : status;
}
