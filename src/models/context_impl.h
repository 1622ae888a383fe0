/* Inside of contexts. */
#ifndef WEFT_MODELS_CONTEXT_IMPL_H
#define WEFT_MODELS_CONTEXT_IMPL_H

#include <weft/model.h>

#include "models/model_impl.h"

/* The family's activations cut to a number of tokens and of rows of logits. All NULL, with 0 tokens, when there are
 * none. */
typedef struct weft__views {
    uint32_t tokens, rows;
    weft_buffer *views[WEFT__VIEWS_MAX];
} weft__views;

struct weft_context {
    weft_model *model; /* retained */
    uint32_t capacity, batch;
    bool all_logits, places_barriers;
    weft_session *session;

    weft_graph *graph; /* of the pass of a single token; NULL: it is recorded for each */

    /* Ids and positions of the tokens of one feed stand in buffers that are as long as the capacity, so that the passes
     * of a long feed can be submitted one after another without waiting for each other: the host writes once, before
     * the first. A single token, which is what decoding feeds, finds its id and position in places of their own, for
     * which there are handles from the start. */
    weft_buffer *ids;             /* [capacity] i32 */
    weft_buffer *single_id;       /* [1], the first of ids */
    weft_buffer *positions;       /* [capacity] i32: 0, 1, 2, ... */
    weft_buffer *single_position; /* [1] i32 */
    weft_buffer *token;           /* [1] i32, the one drawn last */

    weft_buffer *memory[WEFT__VIEWS_MAX]; /* of the activations that own memory; NULL for the others */
    weft__views single;                   /* for one token */
    weft__views batched;                  /* for as many as the last longer pass had */
    const weft__views *last;              /* those of the last pass; NULL before the first */
    weft_buffer **caches;                 /* see pass.h */
    weft__step_label *labels;             /* likewise */

    uint32_t position;
    uint32_t logits_rows;
    weft_status failure; /* WEFT_OK, or what every later call gives, with `error` */
    weft_error error;
};

/* Makes views for `tokens` tokens, of which the last `rows` need logits. On failure nothing is left. */
weft_status weft__views_create(const weft_context *context, uint32_t tokens, uint32_t rows, weft__views *out,
                               weft_error *err);
void weft__views_destroy(weft__views *views);

/* Makes context->memory. What there is after a failure is freed with the context. */
weft_status weft__views_allocate(weft_context *context, weft_error *err);

/* A pass of the context over some views, to be recorded into its session. */
weft__pass weft__context_pass(const weft_context *context, const weft__views *views, const weft_buffer *ids,
                              const weft_buffer *positions, uint32_t position, weft_error *err);

/* Makes context->graph, if the options do not forbid it. */
weft_status weft__decode_prepare(weft_context *context, const weft_context_options *options, weft_error *err);

/* Does what the pass would record, which is one of context->single_id with its logits, by a replay of the graph. */
weft_status weft__decode_replay(weft_context *context, weft__pass *pass);

#endif
