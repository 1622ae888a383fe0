/* Model families: what a kind of model needs (weights, activations) as tables, and its forward pass as one function.
 *
 * The tables speak of extents by name, so that one set of loops checks, counts and loads the weights of any family,
 * makes its activation buffers, and cuts them to the tokens of a pass. */
#ifndef WEFT_MODELS_FAMILY_H
#define WEFT_MODELS_FAMILY_H

#include "formats/config.h"
#include "models/pass.h"

/* An extent by name. Those from the configuration are the same for all passes. */
typedef enum weft__dim {
    WEFT__DIM_HIDDEN,
    WEFT__DIM_HEADS,
    WEFT__DIM_KV_HEADS,
    WEFT__DIM_HEAD,        /* head_dim */
    WEFT__DIM_QUERY_WIDTH, /* heads * head_dim */
    WEFT__DIM_KV_WIDTH,    /* kv_heads * head_dim */
    WEFT__DIM_INTERMEDIATE,
    WEFT__DIM_VOCAB,
    WEFT__DIM_TOKENS, /* tokens of a pass */
    WEFT__DIM_ROWS,   /* tokens of a pass whose logits are wanted: its last ones */
    WEFT__DIM_LAST,   /* 1 if any logits are wanted, 0 if not */
    WEFT__DIM_COUNT
} weft__dim;

typedef struct weft__dims {
    uint64_t extent[WEFT__DIM_COUNT];
} weft__dims;

/* The extents of a configuration; TOKENS, ROWS and LAST are 0. */
void weft__dims_of(const weft__model_config *config, weft__dims *out);

/* A weight: its name in the files, after "model.layers.N." for those of a layer, and its shape. */
typedef struct weft__weight_rule {
    const char *name;
    uint32_t rank;
    weft__dim dims[2];
    bool is_untied_output; /* not there in models whose output projection is the token embedding */
} weft__weight_rule;

/* An activation: f32, with memory for the largest pass, or another shape of the memory of an earlier one. When its
 * first extent is smaller than that of the memory, it lies at the end: so [ROWS, HIDDEN] over [TOKENS, HIDDEN] are the
 * last rows. */
typedef struct weft__view_rule {
    const char *label;
    uint32_t memory; /* index of the rule that owns the memory; its own index if it does */
    uint32_t rank;
    weft__dim dims[3];
} weft__view_rule;

#define WEFT__VIEWS_MAX 24

/* Every family's list of activations begins with these, and its list of weights with the embedding. */
enum {
    WEFT__VIEW_LOGITS = 0,      /* [ROWS, VOCAB] */
    WEFT__VIEW_LAST_LOGITS = 1, /* [LAST, VOCAB] of the same memory */
    WEFT__VIEWS_COMMON = 2
};
#define WEFT__VIEW_RULES_COMMON                                                                                        \
    [WEFT__VIEW_LOGITS] = {"logits", WEFT__VIEW_LOGITS, 2, {WEFT__DIM_ROWS, WEFT__DIM_VOCAB}},                         \
    [WEFT__VIEW_LAST_LOGITS] = {"last logits", WEFT__VIEW_LOGITS, 2, {WEFT__DIM_LAST, WEFT__DIM_VOCAB}}
enum {
    WEFT__WEIGHT_EMBEDDING = 0
};

typedef struct weft__family {
    const char *model_type;
    const weft__weight_rule *weights; /* of the whole model; the first is the embedding */
    uint32_t weight_count;
    const weft__weight_rule *layer_weights; /* of each layer */
    uint32_t layer_weight_count;
    const weft__view_rule *views;
    uint32_t view_count;      /* up to WEFT__VIEWS_MAX */
    const char *const *steps; /* what the dispatches of a layer are called */
    uint32_t step_count;
    /* Refuses settings that the forward pass does not have. `file` is what messages call the configuration. */
    weft_status (*check)(const weft__model_config *config, const char *file, weft_error *err);
    /* Records the pass; failures go to pass->status. */
    void (*record)(weft__pass *pass);
} weft__family;

extern const weft__family weft__family_llama, weft__family_qwen3;

/* The family of a `model_type`; WEFT_UNSUPPORTED names it and those that there are. */
weft_status weft__family_find(const char *model_type, const char *file, const weft__family **out, weft_error *err);

/* Weights of a model are numbered: first those of the whole model in the order of the table, then layer by layer. */
uint32_t weft__family_weights(const weft__family *family, const weft__model_config *config);
const weft__weight_rule *weft__family_weight(const weft__family *family, uint32_t index);

#define WEFT__WEIGHT_NAME_BYTES 96

/* Its name in the files. Returns `text`. */
const char *weft__family_weight_name(const weft__family *family, uint32_t index, char text[WEFT__WEIGHT_NAME_BYTES]);

/* Does the model use this weight? */
bool weft__family_uses(const weft__family *family, const weft__model_config *config, uint32_t index);

/* Is this the name of a weight of such a model, used or not? */
bool weft__family_knows(const weft__family *family, const weft__model_config *config, const char *name);

/* A shape of `rank` named extents. */
weft_shape weft__dims_shape(const weft__dims *dims, uint32_t rank, const weft__dim *names);

#endif
