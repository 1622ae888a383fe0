#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"
#include "base/file.h"
#include "formats/json.h"
#include "models/model_impl.h"

#define CONFIG_BYTES_MAX ((size_t)16 << 20)

_Static_assert(WEFT_MODEL_STOPS_MAX >= WEFT__CONFIG_EOS_MAX, "the info must hold all stop tokens of a configuration");
_Static_assert(WEFT_MODEL_NAME_BYTES >= WEFT__CONFIG_NAME_BYTES, "the info must hold the names of a configuration");

/* Reads the family first and alone: to someone with another kind of model, a field that Qwen3 would need and that kind
 * does not have would be the wrong thing to hear about. */
static weft_status read_family(const char *path, const weft__family **out, weft_error *err)
{
    json_t *json = NULL;
    weft_status status = weft__json_load(path, CONFIG_BYTES_MAX, &json, err);
    if (status == WEFT_OK) {
        const weft__json_object root = {.json = json, .file = weft__path_tail(path), .path = ""};
        const char *model_type = NULL;
        status = weft__json_string(&root, "model_type", &model_type, err);
        if (status == WEFT_OK)
            status = weft__family_find(model_type, root.file, out, err);
    }
    json_decref(json);
    return status;
}

static weft_status read_config(const char *path, weft__checkpoint *out, weft_error *err)
{
    weft_status status = read_family(path, &out->family, err);
    if (status == WEFT_OK)
        status = weft__model_config_load(path, &out->config, err);
    if (status == WEFT_OK)
        status = out->family->check(&out->config, weft__path_tail(path), err);
    if (status == WEFT_OK)
        weft__dims_of(&out->config, &out->dims);
    return status;
}

static weft_status read_config_within(const char *directory, weft__checkpoint *out, weft_error *err)
{
    char *path = NULL;
    weft_status status = weft__path_join(directory, "config.json", &path, err);
    if (status == WEFT_OK)
        status = read_config(path, out, err);
    free(path);
    return status;
}

/* How a model is meant to be used may stand in a file of its own, which then has the last word. */
static weft_status read_generation_config(const char *directory, weft__model_config *config, weft_error *err)
{
    char *path = NULL;
    weft_status status = weft__path_join(directory, "generation_config.json", &path, err);
    if (status == WEFT_OK && access(path, F_OK) == 0)
        status = weft__generation_config_load(path, config, err);
    free(path);
    return status;
}

/* The window of the layers with sliding attention, 0 if there are none: a configuration may name one and not use it. */
static uint32_t window_of(const weft__model_config *config)
{
    for (uint32_t layer = 0; layer < config->num_hidden_layers; layer++)
        if (config->layer_types[layer] == WEFT__LAYER_SLIDING_ATTENTION)
            return config->sliding_window;
    return 0;
}

/* What the configuration says; the rest comes from the weights. */
static void fill_info(weft__checkpoint *checkpoint)
{
    const weft__model_config *config = &checkpoint->config;
    weft_model_info *info = &checkpoint->info;
    memcpy(info->family, config->model_type, sizeof config->model_type);
    memcpy(info->architecture, config->architecture, sizeof config->architecture);
    info->layers = config->num_hidden_layers;
    info->hidden = config->hidden_size;
    info->heads = config->num_attention_heads;
    info->kv_heads = config->num_key_value_heads;
    info->head_dim = config->head_dim;
    info->intermediate = config->intermediate_size;
    info->vocab = config->vocab_size;
    info->positions = config->max_position_embeddings;
    info->window = window_of(config);
    info->rope_theta = config->rope_theta;
    info->is_tied = config->tie_word_embeddings;
    info->cache_token_bytes =
        2 * sizeof(float) * config->num_hidden_layers * checkpoint->dims.extent[WEFT__DIM_KV_WIDTH];
    info->file_count = checkpoint->files ? (uint32_t)checkpoint->files->count : 0;
    info->start_token = config->bos_token_id;
    info->stop_count = config->eos_token_count;
    memcpy(info->stop_tokens, config->eos_token_ids, sizeof config->eos_token_ids);
}

weft_status weft__checkpoint_open(const char *directory, weft__checkpoint *out, weft_error *err)
{
    *out = (weft__checkpoint){0};
    weft_status status = read_config_within(directory, out, err);
    if (status == WEFT_OK)
        status = read_generation_config(directory, &out->config, err);
    if (status == WEFT_OK)
        status = weft__weight_files_open(directory, &out->files, err);
    if (status != WEFT_OK)
        return status;
    fill_info(out);
    return weft__weights_check(out, err);
}

void weft__checkpoint_close(weft__checkpoint *checkpoint)
{
    weft__weight_files_release(checkpoint->files);
    checkpoint->files = NULL;
}

weft_status weft_model_describe(const char *directory, weft_model_info *out, weft_error *err)
{
    *out = (weft_model_info){0};
    weft__checkpoint checkpoint;
    weft_status status = weft__checkpoint_open(directory, &checkpoint, err);
    if (status == WEFT_OK)
        *out = checkpoint.info;
    weft__checkpoint_close(&checkpoint);
    return status;
}

static weft_status create(weft_device *device, weft_model **out, weft_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return weft__fail_memory(err, sizeof **out, "a model");
    atomic_init(&(*out)->references, 1);
    (*out)->device = device;
    return WEFT_OK;
}

weft_status weft_model_open(weft_device *device, const char *directory, const weft_model_options *options,
                            weft_model **out, weft_error *err)
{
    static const weft_model_options defaults;
    weft_model *model;
    *out = NULL;
    weft_status status = create(device, &model, err);
    if (status == WEFT_OK)
        status = weft__checkpoint_open(directory, &model->checkpoint, err);
    if (status == WEFT_OK)
        status = weft__weights_load(model, options ? options : &defaults, err);
    if (status != WEFT_OK) {
        weft_model_close(model);
        return status;
    }
    weft__checkpoint_close(&model->checkpoint); /* weights that lie in the files hold them open themselves */
    *out = model;
    return WEFT_OK;
}

weft_status weft_model_open_config(weft_device *device, const char *path, uint64_t seed, weft_model **out,
                                   weft_error *err)
{
    weft_model *model;
    *out = NULL;
    weft_status status = create(device, &model, err);
    if (status == WEFT_OK)
        status = read_config(path, &model->checkpoint, err);
    if (status == WEFT_OK) {
        fill_info(&model->checkpoint);
        weft__weights_describe(&model->checkpoint);
        status = weft__weights_draw(model, seed, err);
    }
    if (status != WEFT_OK) {
        weft_model_close(model);
        return status;
    }
    *out = model;
    return WEFT_OK;
}

void weft__model_retain(weft_model *model)
{
    atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
}

void weft_model_close(weft_model *model)
{
    if (!model || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < model->weight_count; i++)
        weft_buffer_destroy(model->weights[i]);
    free(model->weights);
    weft__checkpoint_close(&model->checkpoint);
    free(model);
}

void weft_model_get_info(const weft_model *model, weft_model_info *out)
{
    *out = model->checkpoint.info;
}

weft_device *weft_model_device(const weft_model *model)
{
    return model->device;
}

weft_status weft_model_open_tokenizer(const char *directory, const weft_model_info *info, weft_tokenizer **out,
                                      weft_error *err)
{
    *out = NULL;
    char *path = NULL;
    weft_tokenizer *tokenizer = NULL;
    weft_status status = weft__path_join(directory, "tokenizer.json", &path, err);
    if (status == WEFT_OK)
        status = weft_tokenizer_open(path, &tokenizer, err);
    free(path);
    if (status != WEFT_OK)
        return status;
    uint32_t tokens = weft_tokenizer_vocab_size(tokenizer);
    if (tokens > info->vocab) {
        weft_tokenizer_close(tokenizer);
        return weft__fail(err, WEFT_PARSE, "tokenizer.json has token %u, but the model has tokens 0 to %u only.",
                          tokens - 1, info->vocab - 1);
    }
    *out = tokenizer;
    return WEFT_OK;
}
