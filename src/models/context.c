#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "models/context_impl.h"

#define CAPACITY_DEFAULT 4096u
#define BATCH_DEFAULT 512u

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static weft_status take_options(weft_context *context, const weft_context_options *options, weft_error *err)
{
    uint32_t positions = context->model->checkpoint.info.positions;
    context->capacity = options->capacity_tokens ? options->capacity_tokens : min_u32(positions, CAPACITY_DEFAULT);
    if (context->capacity > positions)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "A context for %u tokens was asked for, but the model was made for sequences of up to %u.",
                          context->capacity, positions);
    context->batch = min_u32(options->batch_tokens ? options->batch_tokens : BATCH_DEFAULT, context->capacity);
    context->all_logits = options->all_logits;
    context->places_barriers = options->session.encoder.barriers == WEFT_BARRIERS_MANUAL;
    return WEFT_OK;
}

static weft_status make_i32(const weft_context *context, uint32_t elements, const char *label, weft_buffer **out,
                            weft_error *err)
{
    weft_shape shape = weft_shape_1d(elements);
    weft_status status = weft_buffer_create(context->model->device, WEFT_I32, &shape, out, err);
    if (status == WEFT_OK)
        weft_buffer_set_label(*out, label);
    return status;
}

static weft_status write_positions(const weft_context *context, weft_error *err)
{
    size_t bytes = (size_t)context->capacity * sizeof(int32_t);
    int32_t *positions = malloc(bytes);
    if (!positions)
        return weft__fail_memory(err, bytes, "the positions of a context");
    for (uint32_t i = 0; i < context->capacity; i++)
        positions[i] = (int32_t)i;
    weft_status status = weft_buffer_write(context->positions, 0, positions, bytes, err);
    free(positions);
    return status;
}

static weft_status make_tokens(weft_context *context, weft_error *err)
{
    weft_shape one = weft_shape_1d(1);
    weft_status status = make_i32(context, context->capacity, "ids", &context->ids, err);
    if (status == WEFT_OK)
        status = weft_buffer_view(context->ids, 0, &one, &context->single_id, err);
    if (status == WEFT_OK)
        status = make_i32(context, context->capacity, "positions", &context->positions, err);
    if (status == WEFT_OK)
        status = write_positions(context, err);
    if (status == WEFT_OK)
        status = make_i32(context, 1, "position", &context->single_position, err);
    if (status == WEFT_OK)
        status = make_i32(context, 1, "token", &context->token, err);
    return status;
}

static weft_status make_caches(weft_context *context, weft_error *err)
{
    const weft__checkpoint *checkpoint = &context->model->checkpoint;
    size_t count = (size_t)checkpoint->config.num_hidden_layers * 2;
    context->caches = calloc(count, sizeof *context->caches);
    if (!context->caches)
        return weft__fail_memory(err, count * sizeof *context->caches, "the list of a context's caches");
    weft_shape shape =
        weft_shape_3d(context->capacity, checkpoint->config.num_key_value_heads, checkpoint->config.head_dim);
    for (size_t i = 0; i < count; i++) {
        weft_status status = weft_buffer_create(context->model->device, WEFT_F32, &shape, &context->caches[i], err);
        if (status != WEFT_OK)
            return status;
        char label[32];
        (void)snprintf(label, sizeof label, "%s of layer %zu", i % 2 ? "values" : "keys", i / 2);
        weft_buffer_set_label(context->caches[i], label);
    }
    return WEFT_OK;
}

/* Once for all tokens: a decoded token then copies its labels and formats none. */
static weft_status make_labels(weft_context *context, weft_error *err)
{
    const weft__family *family = context->model->checkpoint.family;
    uint32_t layers = context->model->checkpoint.config.num_hidden_layers;
    size_t count = (size_t)layers * family->step_count;
    context->labels = calloc(count, sizeof *context->labels);
    if (!context->labels)
        return weft__fail_memory(err, count * sizeof *context->labels, "the labels of a context");
    for (size_t i = 0; i < count; i++) {
        const char *step = family->steps[i % family->step_count];
        (void)snprintf(context->labels[i], sizeof context->labels[i], "layer %zu%s%s", i / family->step_count,
                       step[0] ? " " : "", step);
    }
    return WEFT_OK;
}

static weft_status make_parts(weft_context *context, const weft_context_options *options, weft_error *err)
{
    weft_status status = take_options(context, options, err);
    if (status == WEFT_OK)
        status = make_tokens(context, err);
    if (status == WEFT_OK)
        status = weft__views_allocate(context, err);
    if (status == WEFT_OK)
        status = weft__views_create(context, 1, 1, &context->single, err);
    if (status == WEFT_OK)
        status = make_caches(context, err);
    if (status == WEFT_OK)
        status = make_labels(context, err);
    if (status == WEFT_OK)
        status = weft_session_create(context->model->device, &options->session, &context->session, err);
    if (status == WEFT_OK)
        status = weft__decode_prepare(context, options, err);
    return status;
}

weft_status weft_context_create(weft_model *model, const weft_context_options *options, weft_context **out,
                                weft_error *err)
{
    static const weft_context_options defaults;
    *out = NULL;
    weft_context *context = calloc(1, sizeof *context);
    if (!context)
        return weft__fail_memory(err, sizeof *context, "a context");
    context->model = model;
    weft__model_retain(model);
    weft_status status = make_parts(context, options ? options : &defaults, err);
    if (status != WEFT_OK) {
        weft_context_destroy(context);
        return status;
    }
    *out = context;
    return WEFT_OK;
}

void weft_context_destroy(weft_context *context)
{
    if (!context)
        return;
    weft_session_destroy(context->session); /* waits: nothing below is in use any more */
    weft_graph_destroy(context->graph);
    for (size_t i = 0; context->caches && i < (size_t)context->model->checkpoint.config.num_hidden_layers * 2; i++)
        weft_buffer_destroy(context->caches[i]);
    free(context->caches);
    free(context->labels);
    weft__views_destroy(&context->single);
    weft__views_destroy(&context->batched);
    for (uint32_t i = 0; i < WEFT__VIEWS_MAX; i++)
        weft_buffer_destroy(context->memory[i]);
    weft_buffer_destroy(context->ids);
    weft_buffer_destroy(context->single_id);
    weft_buffer_destroy(context->positions);
    weft_buffer_destroy(context->single_position);
    weft_buffer_destroy(context->token);
    weft_model_close(context->model);
    free(context);
}

weft_status weft_context_logits(const weft_context *context, uint32_t first, uint32_t rows, float *out, weft_error *err)
{
    if (context->failure != WEFT_OK)
        return weft__fail_copy(err, &context->error);
    if (first > context->logits_rows || rows > context->logits_rows - first)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "Logits of %u rows from row %u were asked for, but there are %u.",
                          rows, first, context->logits_rows);
    size_t row_bytes = (size_t)context->model->checkpoint.info.vocab * sizeof(float);
    return weft_buffer_read(context->memory[WEFT__VIEW_LOGITS], first * row_bytes, out, rows * row_bytes, err);
}

weft_status weft_context_skip(weft_context *context, uint32_t tokens, weft_error *err)
{
    if (context->failure != WEFT_OK)
        return weft__fail_copy(err, &context->error);
    if (tokens > context->capacity - context->position)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "%u tokens do not fit behind the %u that the context holds: its capacity is %u.", tokens,
                          context->position, context->capacity);
    context->position += tokens;
    return WEFT_OK;
}

uint32_t weft_context_position(const weft_context *context)
{
    return context->position;
}

/* Caches keep what they hold. A pass writes the rows of its tokens before it reads them, and else reads only rows of
 * tokens that count as fed since the reset: those that earlier passes have written, and those that were skipped, where
 * what was there before stays. */
void weft_context_reset(weft_context *context)
{
    context->position = 0;
    context->logits_rows = 0;
    context->last = NULL;
}

void weft_context_get_info(const weft_context *context, weft_context_info *out)
{
    *out = (weft_context_info){
        .position_tokens = context->position,
        .capacity_tokens = context->capacity,
        .batch_tokens = context->batch,
        .logits_rows = context->logits_rows,
        .cache_bytes = context->capacity * context->model->checkpoint.info.cache_token_bytes,
    };
    const weft_buffer *const others[] = {context->ids, context->positions, context->single_position, context->token};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        out->activation_bytes += weft_buffer_bytes(others[i]);
    for (uint32_t i = 0; i < WEFT__VIEWS_MAX; i++)
        if (context->memory[i])
            out->activation_bytes += weft_buffer_bytes(context->memory[i]);
    weft_session_info(context->session, &out->session);
}
