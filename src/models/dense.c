/* Dense decoders, Llama and Qwen3: RMS norms before attention and before the feed-forward layer, grouped queries,
 * half-split rotary positions, SwiGLU; in Qwen3 also a norm over each head of the queries and keys.
 *
 * A pass is a chain of groups with a barrier between each two. Within a group no dispatch depends on another, and each
 * depends on the group before it: so no barrier is needless and none is too wide. */
#include "models/family.h"

#include <string.h>

#include "base/status.h"

enum weight {
    EMBEDDING = WEFT__WEIGHT_EMBEDDING,
    FINAL_NORM,
    OUTPUT,
    WEIGHT_COUNT
};

static const weft__weight_rule weights[WEIGHT_COUNT] = {
    [EMBEDDING] = {"model.embed_tokens.weight", 2, {WEFT__DIM_VOCAB, WEFT__DIM_HIDDEN}, false},
    [FINAL_NORM] = {"model.norm.weight", 1, {WEFT__DIM_HIDDEN}, false},
    [OUTPUT] = {"lm_head.weight", 2, {WEFT__DIM_VOCAB, WEFT__DIM_HIDDEN}, true},
};

enum layer_weight {
    INPUT_NORM,
    Q_PROJ,
    K_PROJ,
    V_PROJ,
    O_PROJ,
    POST_NORM,
    GATE_PROJ,
    UP_PROJ,
    DOWN_PROJ,
    LLAMA_LAYER_WEIGHTS,
    Q_NORM = LLAMA_LAYER_WEIGHTS,
    K_NORM,
    QWEN3_LAYER_WEIGHTS
};

static const weft__weight_rule layer_weights[QWEN3_LAYER_WEIGHTS] = {
    [INPUT_NORM] = {"input_layernorm.weight", 1, {WEFT__DIM_HIDDEN}, false},
    [Q_PROJ] = {"self_attn.q_proj.weight", 2, {WEFT__DIM_QUERY_WIDTH, WEFT__DIM_HIDDEN}, false},
    [K_PROJ] = {"self_attn.k_proj.weight", 2, {WEFT__DIM_KV_WIDTH, WEFT__DIM_HIDDEN}, false},
    [V_PROJ] = {"self_attn.v_proj.weight", 2, {WEFT__DIM_KV_WIDTH, WEFT__DIM_HIDDEN}, false},
    [O_PROJ] = {"self_attn.o_proj.weight", 2, {WEFT__DIM_HIDDEN, WEFT__DIM_QUERY_WIDTH}, false},
    [POST_NORM] = {"post_attention_layernorm.weight", 1, {WEFT__DIM_HIDDEN}, false},
    [GATE_PROJ] = {"mlp.gate_proj.weight", 2, {WEFT__DIM_INTERMEDIATE, WEFT__DIM_HIDDEN}, false},
    [UP_PROJ] = {"mlp.up_proj.weight", 2, {WEFT__DIM_INTERMEDIATE, WEFT__DIM_HIDDEN}, false},
    [DOWN_PROJ] = {"mlp.down_proj.weight", 2, {WEFT__DIM_HIDDEN, WEFT__DIM_INTERMEDIATE}, false},
    [Q_NORM] = {"self_attn.q_norm.weight", 1, {WEFT__DIM_HEAD}, false},
    [K_NORM] = {"self_attn.k_norm.weight", 1, {WEFT__DIM_HEAD}, false},
};

/* Matrix products see heads side by side in rows, norms and attention see them one by one: same memory, two shapes. */
enum view {
    STREAM = WEFT__VIEWS_COMMON, /* what the layers add to */
    STREAM_LAST,
    NORMED,
    NORMED_LAST,
    QUERY_ROWS,
    QUERY_HEADS,
    KEY_ROWS,
    KEY_HEADS,
    VALUE,
    ATTENDED_HEADS,
    ATTENDED_ROWS,
    DELTA, /* what a layer adds */
    GATE,
    UP,
    VIEW_COUNT
};

static const weft__view_rule view_rules[VIEW_COUNT] = {
    WEFT__VIEW_RULES_COMMON,
    [STREAM] = {"stream", STREAM, 2, {WEFT__DIM_TOKENS, WEFT__DIM_HIDDEN}},
    [STREAM_LAST] = {"stream", STREAM, 2, {WEFT__DIM_ROWS, WEFT__DIM_HIDDEN}},
    [NORMED] = {"normed", NORMED, 2, {WEFT__DIM_TOKENS, WEFT__DIM_HIDDEN}},
    [NORMED_LAST] = {"normed", NORMED, 2, {WEFT__DIM_ROWS, WEFT__DIM_HIDDEN}},
    [QUERY_ROWS] = {"query", QUERY_ROWS, 2, {WEFT__DIM_TOKENS, WEFT__DIM_QUERY_WIDTH}},
    [QUERY_HEADS] = {"query", QUERY_ROWS, 3, {WEFT__DIM_TOKENS, WEFT__DIM_HEADS, WEFT__DIM_HEAD}},
    [KEY_ROWS] = {"key", KEY_ROWS, 2, {WEFT__DIM_TOKENS, WEFT__DIM_KV_WIDTH}},
    [KEY_HEADS] = {"key", KEY_ROWS, 3, {WEFT__DIM_TOKENS, WEFT__DIM_KV_HEADS, WEFT__DIM_HEAD}},
    [VALUE] = {"value", VALUE, 2, {WEFT__DIM_TOKENS, WEFT__DIM_KV_WIDTH}},
    [ATTENDED_HEADS] = {"attended", ATTENDED_HEADS, 3, {WEFT__DIM_TOKENS, WEFT__DIM_HEADS, WEFT__DIM_HEAD}},
    [ATTENDED_ROWS] = {"attended", ATTENDED_HEADS, 2, {WEFT__DIM_TOKENS, WEFT__DIM_QUERY_WIDTH}},
    [DELTA] = {"delta", DELTA, 2, {WEFT__DIM_TOKENS, WEFT__DIM_HIDDEN}},
    [GATE] = {"gate", GATE, 2, {WEFT__DIM_TOKENS, WEFT__DIM_INTERMEDIATE}},
    [UP] = {"up", UP, 2, {WEFT__DIM_TOKENS, WEFT__DIM_INTERMEDIATE}},
};
_Static_assert(VIEW_COUNT <= WEFT__VIEWS_MAX, "a context has room for WEFT__VIEWS_MAX activations");

enum step {
    AT_INPUT_NORM,
    AT_Q_PROJ,
    AT_K_PROJ,
    AT_V_PROJ,
    AT_Q_NORM,
    AT_K_NORM,
    AT_V_APPEND,
    AT_Q_ROPE,
    AT_K_ROPE,
    AT_K_APPEND,
    AT_ATTENTION,
    AT_O_PROJ,
    AT_ATTENTION_ADD,
    AT_POST_NORM,
    AT_GATE_PROJ,
    AT_UP_PROJ,
    AT_SILU_MUL,
    AT_DOWN_PROJ,
    AT_FEED_FORWARD_ADD,
    STEP_COUNT
};

static const char *const steps[STEP_COUNT] = {
    [AT_INPUT_NORM] = "input norm",
    [AT_Q_PROJ] = "q_proj",
    [AT_K_PROJ] = "k_proj",
    [AT_V_PROJ] = "v_proj",
    [AT_Q_NORM] = "q norm",
    [AT_K_NORM] = "k norm",
    [AT_V_APPEND] = "v to cache",
    [AT_Q_ROPE] = "q",
    [AT_K_ROPE] = "k",
    [AT_K_APPEND] = "k to cache",
    [AT_ATTENTION] = "",
    [AT_O_PROJ] = "o_proj",
    [AT_ATTENTION_ADD] = "after attention",
    [AT_POST_NORM] = "post-attention norm",
    [AT_GATE_PROJ] = "gate_proj",
    [AT_UP_PROJ] = "up_proj",
    [AT_SILU_MUL] = "gate and up",
    [AT_DOWN_PROJ] = "down_proj",
    [AT_FEED_FORWARD_ADD] = "after feed-forward",
};

static weft_status check(const weft__model_config *config, const char *file, weft_error *err)
{
    const char *family = config->model_type;
    if (strcmp(config->hidden_act, "silu") != 0)
        return weft__fail(err, WEFT_UNSUPPORTED, "%s: field \"hidden_act\" is \"%s\"; for %s Weft supports \"silu\".",
                          file, config->hidden_act, family);
    if (config->attention_bias)
        return weft__fail(err, WEFT_UNSUPPORTED, "%s: field \"attention_bias\" is true; for %s Weft supports false.",
                          file, family);
    if (config->mlp_bias)
        return weft__fail(err, WEFT_UNSUPPORTED, "%s: field \"mlp_bias\" is true; for %s Weft supports false.", file,
                          family);
    if (config->rotary_dims != config->head_dim)
        return weft__fail(err, WEFT_UNSUPPORTED,
                          "%s: %u of \"head_dim\" %u are rotary; for %s Weft supports all of them only.", file,
                          config->rotary_dims, config->head_dim, family);
    for (uint32_t layer = 0; layer < config->num_hidden_layers; layer++)
        if (config->layer_types[layer] == WEFT__LAYER_LINEAR_ATTENTION)
            return weft__fail(err, WEFT_UNSUPPORTED,
                              "%s: field \"layer_types[%u]\" is \"linear_attention\", which %s does not have.", file,
                              layer, family);
    return WEFT_OK;
}

/* One layer while it is recorded. */
typedef struct layer {
    uint32_t index;
    weft_buffer *const *weights;
    const weft__step_label *labels;
    bool has_head_norms;
} layer;

static void record_attention(weft__pass *pass, const layer *at)
{
    weft_buffer *const *v = pass->views, *const *w = at->weights;
    const weft__step_label *label = at->labels;
    weft_buffer *const *cache = &pass->caches[(size_t)at->index * 2];

    weft__pass_barrier(pass);
    weft__pass_norm(pass, label[AT_INPUT_NORM], v[STREAM], w[INPUT_NORM], v[NORMED]);
    weft__pass_barrier(pass);
    weft__pass_matmul(pass, label[AT_Q_PROJ], v[NORMED], w[Q_PROJ], v[QUERY_ROWS]);
    weft__pass_matmul(pass, label[AT_K_PROJ], v[NORMED], w[K_PROJ], v[KEY_ROWS]);
    weft__pass_matmul(pass, label[AT_V_PROJ], v[NORMED], w[V_PROJ], v[VALUE]);
    weft__pass_barrier(pass);
    if (at->has_head_norms) {
        weft__pass_norm(pass, label[AT_Q_NORM], v[QUERY_HEADS], w[Q_NORM], v[QUERY_HEADS]);
        weft__pass_norm(pass, label[AT_K_NORM], v[KEY_HEADS], w[K_NORM], v[KEY_HEADS]);
    }
    weft__pass_append(pass, label[AT_V_APPEND], v[VALUE], cache[1]);
    if (at->has_head_norms)
        weft__pass_barrier(pass);
    weft__pass_rope(pass, label[AT_Q_ROPE], at->index, v[QUERY_HEADS]);
    weft__pass_rope(pass, label[AT_K_ROPE], at->index, v[KEY_HEADS]);
    weft__pass_barrier(pass);
    weft__pass_append(pass, label[AT_K_APPEND], v[KEY_ROWS], cache[0]);
    weft__pass_barrier(pass);
    weft__pass_attention(pass, label[AT_ATTENTION], at->index, v[QUERY_HEADS], v[ATTENDED_HEADS]);
    weft__pass_barrier(pass);
    weft__pass_matmul(pass, label[AT_O_PROJ], v[ATTENDED_ROWS], w[O_PROJ], v[DELTA]);
    weft__pass_barrier(pass);
    weft__pass_add(pass, label[AT_ATTENTION_ADD], v[STREAM], v[DELTA]);
}

static void record_feed_forward(weft__pass *pass, const layer *at)
{
    weft_buffer *const *v = pass->views, *const *w = at->weights;
    const weft__step_label *label = at->labels;

    weft__pass_barrier(pass);
    weft__pass_norm(pass, label[AT_POST_NORM], v[STREAM], w[POST_NORM], v[NORMED]);
    weft__pass_barrier(pass);
    weft__pass_matmul(pass, label[AT_GATE_PROJ], v[NORMED], w[GATE_PROJ], v[GATE]);
    weft__pass_matmul(pass, label[AT_UP_PROJ], v[NORMED], w[UP_PROJ], v[UP]);
    weft__pass_barrier(pass);
    weft__pass_silu_mul(pass, label[AT_SILU_MUL], v[GATE], v[UP], v[GATE]);
    weft__pass_barrier(pass);
    weft__pass_matmul(pass, label[AT_DOWN_PROJ], v[GATE], w[DOWN_PROJ], v[DELTA]);
    weft__pass_barrier(pass);
    weft__pass_add(pass, label[AT_FEED_FORWARD_ADD], v[STREAM], v[DELTA]);
}

/* The last rows of the stream to logits. */
static void record_logits(weft__pass *pass)
{
    weft_buffer *const *v = pass->views, *const *w = pass->weights;
    const weft_buffer *output = pass->config->tie_word_embeddings ? w[EMBEDDING] : w[OUTPUT];

    weft__pass_barrier(pass);
    weft__pass_norm(pass, "final norm", v[STREAM_LAST], w[FINAL_NORM], v[NORMED_LAST]);
    weft__pass_barrier(pass);
    weft__pass_matmul(pass, "output", v[NORMED_LAST], output, v[WEFT__VIEW_LOGITS]);
}

static void record(weft__pass *pass, uint32_t layer_weight_count)
{
    weft__pass_embedding(pass, "tokens", pass->weights[EMBEDDING], pass->views[STREAM]);
    for (uint32_t index = 0; index < pass->config->num_hidden_layers; index++) {
        const layer at = {
            .index = index,
            .weights = &pass->weights[WEIGHT_COUNT + (size_t)index * layer_weight_count],
            .labels = &pass->labels[(size_t)index * STEP_COUNT],
            .has_head_norms = layer_weight_count > Q_NORM,
        };
        record_attention(pass, &at);
        record_feed_forward(pass, &at);
    }
    if (pass->rows)
        record_logits(pass);
}

static void record_llama(weft__pass *pass)
{
    record(pass, LLAMA_LAYER_WEIGHTS);
}

static void record_qwen3(weft__pass *pass)
{
    record(pass, QWEN3_LAYER_WEIGHTS);
}

const weft__family weft__family_llama = {
    .model_type = "llama",
    .weights = weights,
    .weight_count = WEIGHT_COUNT,
    .layer_weights = layer_weights,
    .layer_weight_count = LLAMA_LAYER_WEIGHTS,
    .views = view_rules,
    .view_count = VIEW_COUNT,
    .steps = steps,
    .step_count = STEP_COUNT,
    .check = check,
    .record = record_llama,
};

const weft__family weft__family_qwen3 = {
    .model_type = "qwen3",
    .weights = weights,
    .weight_count = WEIGHT_COUNT,
    .layer_weights = layer_weights,
    .layer_weight_count = QWEN3_LAYER_WEIGHTS,
    .views = view_rules,
    .view_count = VIEW_COUNT,
    .steps = steps,
    .step_count = STEP_COUNT,
    .check = check,
    .record = record_qwen3,
};
