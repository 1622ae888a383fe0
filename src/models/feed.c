#include <stdio.h>

#include <weft/op.h>

#include "base/status.h"
#include "models/context_impl.h"

static const weft_sample_params greedy;

/* From here on nothing is known about what was recorded or run, so the context gives the same error for good. */
static weft_status fail_for_good(weft_context *context, weft_status status, const weft_error *error, weft_error *err)
{
    context->failure = status;
    context->error = *error;
    context->logits_rows = 0;
    return weft__fail_copy(err, error);
}

static weft_status check_ids(const weft_context *context, const int32_t *ids, size_t count, weft_error *err)
{
    uint32_t vocab = context->model->checkpoint.info.vocab;
    uint32_t room = context->capacity - context->position;
    if (count == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "There are no tokens to feed.");
    if (count > room)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "%zu tokens do not fit behind the %u that the context holds: its capacity is %u.", count,
                          context->position, context->capacity);
    if (context->all_logits && count > context->batch)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "A context that keeps the logits of all tokens takes %u at once, not %zu.", context->batch,
                          count);
    for (size_t i = 0; i < count; i++)
        if (ids[i] < 0 || (uint32_t)ids[i] >= vocab)
            return weft__fail(err, WEFT_OUT_OF_RANGE, "Token %zu is %d, but the model has tokens 0 to %u only.", i,
                              ids[i], vocab - 1);
    return WEFT_OK;
}

/* Parameters that the op would refuse must be found before the pass is recorded, when the context can still go on. */
static weft_status check_sample(const weft_context *context, const weft_sample_params *params, weft_error *err)
{
    const weft_op *op;
    weft_cost cost;
    const weft_buffer *const arguments[] = {context->single.views[WEFT__VIEW_LAST_LOGITS], context->token};
    weft_status status = weft_op_find("sample", &op, err);
    return status != WEFT_OK ? status : weft_op_cost(op, arguments, 2, params, &cost, err);
}

static weft_status write_tokens(weft_context *context, const int32_t *ids, uint32_t count, weft_error *err)
{
    weft_status status = weft_buffer_write(context->ids, 0, ids, count * sizeof *ids, err);
    if (status == WEFT_OK && count == 1) {
        int32_t position = (int32_t)context->position;
        status = weft_buffer_write(context->single_position, 0, &position, sizeof position, err);
    }
    return status;
}

/* The views for a pass: those of a single token are always there, others are kept as long as passes are as long. */
static weft_status find_views(weft_context *context, uint32_t tokens, uint32_t rows, weft_error *err)
{
    weft__views *views = tokens == 1 && rows == 1 ? &context->single : &context->batched;
    if (views->tokens != tokens || views->rows != rows) {
        weft__views_destroy(views);
        weft_status status = weft__views_create(context, tokens, rows, views, err);
        if (status != WEFT_OK)
            return status;
    }
    context->last = views;
    return WEFT_OK;
}

/* Draws from the last row of the last pass. */
static weft_status record_draw(weft_context *context, const weft_sample_params *params, weft_error *err)
{
    weft_encoder *encoder = weft_session_encoder(context->session);
    weft_encoder_set_label(encoder, "next token");
    return weft_sample(encoder, context->last->views[WEFT__VIEW_LAST_LOGITS], params, context->token, err);
}

weft__pass weft__context_pass(const weft_context *context, const weft__views *views, const weft_buffer *ids,
                              const weft_buffer *positions, uint32_t position, weft_error *err)
{
    return (weft__pass){
        .encoder = weft_session_encoder(context->session),
        .config = &context->model->checkpoint.config,
        .weights = context->model->weights,
        .views = views->views,
        .caches = context->caches,
        .ids = ids,
        .positions = positions,
        .labels = (const weft__step_label *)context->labels,
        .tokens = views->tokens,
        .position = position,
        .rows = views->rows,
        .places_barriers = context->places_barriers,
        .err = err,
    };
}

static weft_status record_pass(weft_context *context, weft_buffer *ids, weft_buffer *positions, uint32_t position,
                               const weft_sample_params *params, weft_error *err)
{
    weft__pass pass = weft__context_pass(context, context->last, ids, positions, position, err);
    if (context->graph && ids == context->single_id)
        pass.status = weft__decode_replay(context, &pass);
    else
        context->model->checkpoint.family->record(&pass);
    if (params)
        weft__pass_barrier(&pass);
    if (pass.status == WEFT_OK && params)
        pass.status = record_draw(context, params, err);
    return pass.status;
}

/* Where the tokens of one pass of a feed stand. */
typedef struct token_span {
    uint32_t first; /* within the feed */
    uint32_t tokens;
    bool is_whole; /* the feed has no others */
    bool is_last;
} token_span;

static weft_status record_span(weft_context *context, const token_span *span, const weft_sample_params *params,
                               weft_error *err)
{
    uint32_t position = context->position + span->first;
    if (span->is_whole && span->tokens == 1)
        return record_pass(context, context->single_id, context->single_position, position, params, err);
    weft_buffer *ids = NULL, *positions = NULL;
    weft_shape shape = weft_shape_1d(span->tokens);
    weft_status status = weft_buffer_view(context->ids, span->first, &shape, &ids, err);
    if (status == WEFT_OK)
        status = weft_buffer_view(context->positions, position, &shape, &positions, err);
    if (status == WEFT_OK)
        status = record_pass(context, ids, positions, position, span->is_last ? params : NULL, err);
    weft_buffer_destroy(ids); /* the command buffer holds what it uses */
    weft_buffer_destroy(positions);
    return status;
}

static weft_status begin_stage(weft_context *context, const char *what, uint32_t tokens, uint32_t position,
                               weft_error *err)
{
    char label[WEFT_STAGE_LABEL_BYTES];
    (void)snprintf(label, sizeof label, "%s %u at %u", what, tokens, position);
    weft_status status = weft_session_reset_for_next_stage(context->session, err);
    if (status == WEFT_OK)
        status = weft_session_begin_stage(context->session, label, err);
    return status;
}

/* One stage. Only the last one of a feed needs logits, and only there the host waits. */
static weft_status run_span(weft_context *context, const token_span *span, const weft_sample_params *params,
                            weft_error *err)
{
    uint32_t rows = !span->is_last ? 0 : context->all_logits ? span->tokens : 1;
    weft_status status = find_views(context, span->tokens, rows, err);
    if (status == WEFT_OK)
        status = begin_stage(context, "tokens", span->tokens, context->position + span->first, err);
    if (status == WEFT_OK)
        status = record_span(context, span, params, err);
    if (status != WEFT_OK)
        return status;
    context->logits_rows = rows;
    return span->is_last ? weft_session_commit_and_wait(context->session, err)
                         : weft_session_fence_stage(context->session, NULL, err);
}

static weft_status run_spans(weft_context *context, const int32_t *ids, uint32_t count,
                             const weft_sample_params *params, weft_error *err)
{
    weft_status status = write_tokens(context, ids, count, err);
    for (uint32_t first = 0; first < count && status == WEFT_OK;) {
        uint32_t left = count - first;
        uint32_t tokens = left < context->batch ? left : context->batch;
        const token_span span = {first, tokens, tokens == count, tokens == left};
        status = run_span(context, &span, params, err);
        first += tokens;
    }
    return status;
}

static weft_status feed(weft_context *context, const int32_t *ids, size_t count, const weft_sample_params *params,
                        weft_error *err)
{
    if (context->failure != WEFT_OK)
        return weft__fail_copy(err, &context->error);
    weft_status status = check_ids(context, ids, count, err);
    if (status == WEFT_OK && params)
        status = check_sample(context, params, err);
    if (status != WEFT_OK)
        return status;
    weft_error error = {0};
    status = run_spans(context, ids, (uint32_t)count, params, &error);
    if (status != WEFT_OK)
        return fail_for_good(context, status, &error, err);
    context->position += (uint32_t)count;
    return WEFT_OK;
}

/* Takes the status of what came before, so that every failure leaves -1. */
static weft_status read_token(weft_context *context, weft_status status, int32_t *out_token, weft_error *err)
{
    *out_token = -1;
    if (status != WEFT_OK)
        return status;
    weft_error error = {0};
    status = weft_buffer_read(context->token, 0, out_token, sizeof *out_token, &error);
    return status == WEFT_OK ? WEFT_OK : fail_for_good(context, status, &error, err);
}

weft_status weft_context_feed(weft_context *context, const int32_t *ids, size_t count, weft_error *err)
{
    return feed(context, ids, count, NULL, err);
}

weft_status weft_context_feed_and_sample(weft_context *context, const int32_t *ids, size_t count,
                                         const weft_sample_params *params, int32_t *out_token, weft_error *err)
{
    weft_status status = feed(context, ids, count, params ? params : &greedy, err);
    return read_token(context, status, out_token, err); /* not before: `ids` may be where the token goes */
}

static weft_status sample(weft_context *context, const weft_sample_params *params, weft_error *err)
{
    if (context->failure != WEFT_OK)
        return weft__fail_copy(err, &context->error);
    if (!context->last)
        return weft__fail(err, WEFT_INVALID_STATE, "There are no logits to draw from: nothing was fed.");
    weft_status status = check_sample(context, params, err);
    if (status != WEFT_OK)
        return status;
    weft_error error = {0};
    status = begin_stage(context, "draw", 1, context->position, &error);
    if (status == WEFT_OK)
        status = record_draw(context, params, &error);
    if (status == WEFT_OK)
        status = weft_session_commit_and_wait(context->session, &error);
    return status == WEFT_OK ? WEFT_OK : fail_for_good(context, status, &error, err);
}

weft_status weft_context_sample(weft_context *context, const weft_sample_params *params, int32_t *out_token,
                                weft_error *err)
{
    weft_status status = sample(context, params ? params : &greedy, err);
    return read_token(context, status, out_token, err);
}
