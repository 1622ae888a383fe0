/* One forward pass while it is recorded.
 *
 * The functions below record one dispatch each and keep the first failure in `status`; after it they do nothing, so
 * that a family writes its pass down as a plain list. They are the typed ops of weft/ops.h with what all families share
 * filled in. */
#ifndef WEFT_MODELS_PASS_H
#define WEFT_MODELS_PASS_H

#include <weft/graph.h>
#include <weft/ops.h>

#include "formats/config.h"

#define WEFT__STEP_LABEL_BYTES 40

typedef char weft__step_label[WEFT__STEP_LABEL_BYTES];

typedef struct weft__pass {
    weft_encoder *encoder;
    /* Not NULL: the graph that an earlier pass of as many tokens was recorded into. Nothing is recorded then; what
     * depends on the position is set in the graph, and `dispatch` counts how far the pass has come. */
    weft_graph *graph;
    uint32_t dispatch;
    const weft__model_config *config;
    weft_buffer *const *weights; /* of the model, as numbered in family.h; NULL for one that it does not use */
    weft_buffer *const *views;   /* the family's activations, cut to this pass */
    weft_buffer *const
        *caches; /* keys of layer 0, values of layer 0, keys of layer 1, ...: [capacity, kv_heads, head_dim] */
    const weft_buffer *ids;         /* [tokens] i32 */
    const weft_buffer *positions;   /* [tokens] i32 */
    const weft__step_label *labels; /* of layer 0, then of layer 1, ... */
    uint32_t tokens;                /* at least 1 */
    uint32_t position;              /* of the first of them */
    uint32_t rows;                  /* how many of the last ones need logits; may be 0 */
    bool places_barriers;           /* false: the encoder infers them */
    weft_status status;
    weft_error *err;
} weft__pass;

/* Dispatches after it see what those before it wrote. */
void weft__pass_barrier(weft__pass *pass);

void weft__pass_embedding(weft__pass *pass, const char *label, const weft_buffer *table, weft_buffer *out);
/* With the epsilon of the configuration. */
void weft__pass_norm(weft__pass *pass, const char *label, const weft_buffer *x, const weft_buffer *weight,
                     weft_buffer *out);
void weft__pass_matmul(weft__pass *pass, const char *label, const weft_buffer *x, const weft_buffer *weight,
                       weft_buffer *out);
/* In place, with the frequencies of a layer of the configuration. */
void weft__pass_rope(weft__pass *pass, const char *label, uint32_t layer, weft_buffer *x);
/* Copies the rows of this pass's tokens to their place in a cache. */
void weft__pass_append(weft__pass *pass, const char *label, const weft_buffer *rows, weft_buffer *cache);
/* Causal, over the caches of a layer, with the layer's window. */
void weft__pass_attention(weft__pass *pass, const char *label, uint32_t layer, const weft_buffer *q, weft_buffer *out);
void weft__pass_silu_mul(weft__pass *pass, const char *label, const weft_buffer *gate, const weft_buffer *up,
                         weft_buffer *out);
/* x = x + y */
void weft__pass_add(weft__pass *pass, const char *label, weft_buffer *x, const weft_buffer *y);

#endif
