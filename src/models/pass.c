#include "models/pass.h"

#include <math.h>

#include "base/status.h"

/* Whether the dispatch that comes next is to be recorded: it then has its name. */
static bool begins(weft__pass *pass, const char *label)
{
    if (pass->graph)
        pass->dispatch++;
    if (pass->status != WEFT_OK || pass->graph)
        return false;
    weft_encoder_set_label(pass->encoder, label);
    return true;
}

static void ends(weft__pass *pass, const char *label, weft_status status)
{
    pass->status = status == WEFT_OK ? WEFT_OK : weft__fail_within(pass->err, status, "%s", label);
}

/* Parameters that depend on the position, for a dispatch that is in the graph already. */
static void change(weft__pass *pass, const char *label, const void *params)
{
    if (pass->status == WEFT_OK)
        ends(pass, label, weft_graph_set_params(pass->graph, pass->dispatch, params, pass->err));
    pass->dispatch++;
}

void weft__pass_barrier(weft__pass *pass)
{
    if (pass->status == WEFT_OK && pass->places_barriers && !pass->graph)
        pass->status = weft_encoder_barrier(pass->encoder, pass->err);
}

void weft__pass_embedding(weft__pass *pass, const char *label, const weft_buffer *table, weft_buffer *out)
{
    if (begins(pass, label))
        ends(pass, label, weft_embedding(pass->encoder, table, pass->ids, 1.0f, out, pass->err));
}

void weft__pass_norm(weft__pass *pass, const char *label, const weft_buffer *x, const weft_buffer *weight,
                     weft_buffer *out)
{
    const weft_rms_norm_params params = {.epsilon = (float)pass->config->rms_norm_eps};
    if (begins(pass, label))
        ends(pass, label, weft_rms_norm(pass->encoder, x, weight, &params, out, pass->err));
}

void weft__pass_matmul(weft__pass *pass, const char *label, const weft_buffer *x, const weft_buffer *weight,
                       weft_buffer *out)
{
    if (begins(pass, label))
        ends(pass, label, weft_matmul(pass->encoder, x, weight, out, pass->err));
}

static bool slides(const weft__model_config *config, uint32_t layer)
{
    return config->layer_types[layer] == WEFT__LAYER_SLIDING_ATTENTION;
}

void weft__pass_rope(weft__pass *pass, const char *label, uint32_t layer, weft_buffer *x)
{
    const weft__model_config *config = pass->config;
    const weft_rope_params params = {
        .theta = slides(config, layer) ? config->rope_theta_sliding : config->rope_theta,
        .rotary_dims = config->rotary_dims,
        .pairing = WEFT_ROPE_HALF_SPLIT,
    };
    if (begins(pass, label))
        ends(pass, label, weft_rope(pass->encoder, x, pass->positions, &params, x, pass->err));
}

/* A copy takes offsets as parameters, where a view of the cache at the present position would be a new handle for every
 * token. And it converts, should a cache ever be of a narrower dtype than the activations. */
void weft__pass_append(weft__pass *pass, const char *label, const weft_buffer *rows, weft_buffer *cache)
{
    uint64_t width = (uint64_t)pass->config->num_key_value_heads * pass->config->head_dim;
    const weft_copy_params params = {
        .rank = 1,
        .extent = {pass->tokens * width},
        .source_stride = {1},
        .target_offset = pass->position * width,
        .target_stride = {1},
    };
    if (pass->graph)
        change(pass, label, &params);
    else if (begins(pass, label))
        ends(pass, label, weft_copy(pass->encoder, rows, cache, &params, pass->err));
}

void weft__pass_attention(weft__pass *pass, const char *label, uint32_t layer, const weft_buffer *q, weft_buffer *out)
{
    const weft__model_config *config = pass->config;
    const weft_attention_params params = {
        .scale = (float)(1.0 / sqrt((double)config->head_dim)),
        .kv_length = pass->position + pass->tokens,
        .window = slides(config, layer) ? config->sliding_window : 0,
    };
    weft_buffer *const *cache = &pass->caches[(size_t)layer * 2];
    if (pass->graph)
        change(pass, label, &params);
    else if (begins(pass, label))
        ends(pass, label, weft_attention(pass->encoder, q, cache[0], cache[1], &params, out, pass->err));
}

void weft__pass_silu_mul(weft__pass *pass, const char *label, const weft_buffer *gate, const weft_buffer *up,
                         weft_buffer *out)
{
    if (begins(pass, label))
        ends(pass, label, weft_silu_mul(pass->encoder, gate, up, out, pass->err));
}

void weft__pass_add(weft__pass *pass, const char *label, weft_buffer *x, const weft_buffer *y)
{
    if (begins(pass, label))
        ends(pass, label, weft_add(pass->encoder, x, y, x, pass->err));
}
