#include "models/family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static const weft__family *const families[] = {&weft__family_llama, &weft__family_qwen3};

static const size_t family_count = sizeof families / sizeof families[0];

weft_status weft__family_find(const char *model_type, const char *file, const weft__family **out, weft_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < family_count; i++) {
        if (strcmp(families[i]->model_type, model_type) == 0) {
            *out = families[i];
            return WEFT_OK;
        }
    }
    char known[128] = "";
    for (size_t i = 0; i < family_count; i++) {
        size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, "%s\"%s\"", i ? ", " : "", families[i]->model_type);
    }
    return weft__fail(err, WEFT_UNSUPPORTED,
                      "%s: field \"model_type\" is \"%.60s\"; the families that Weft supports are: %s.", file,
                      model_type, known);
}

void weft__dims_of(const weft__model_config *config, weft__dims *out)
{
    *out = (weft__dims){{
        [WEFT__DIM_HIDDEN] = config->hidden_size,
        [WEFT__DIM_HEADS] = config->num_attention_heads,
        [WEFT__DIM_KV_HEADS] = config->num_key_value_heads,
        [WEFT__DIM_HEAD] = config->head_dim,
        [WEFT__DIM_QUERY_WIDTH] = (uint64_t)config->num_attention_heads * config->head_dim,
        [WEFT__DIM_KV_WIDTH] = (uint64_t)config->num_key_value_heads * config->head_dim,
        [WEFT__DIM_INTERMEDIATE] = config->intermediate_size,
        [WEFT__DIM_VOCAB] = config->vocab_size,
    }};
}

weft_shape weft__dims_shape(const weft__dims *dims, uint32_t rank, const weft__dim *names)
{
    weft_shape shape = {.rank = rank};
    for (uint32_t axis = 0; axis < rank; axis++)
        shape.extent[axis] = dims->extent[names[axis]];
    return shape;
}

uint32_t weft__family_weights(const weft__family *family, const weft__model_config *config)
{
    return family->weight_count + config->num_hidden_layers * family->layer_weight_count;
}

const weft__weight_rule *weft__family_weight(const weft__family *family, uint32_t index)
{
    if (index < family->weight_count)
        return &family->weights[index];
    return &family->layer_weights[(index - family->weight_count) % family->layer_weight_count];
}

const char *weft__family_weight_name(const weft__family *family, uint32_t index, char text[WEFT__WEIGHT_NAME_BYTES])
{
    const char *name = weft__family_weight(family, index)->name;
    if (index < family->weight_count)
        (void)snprintf(text, WEFT__WEIGHT_NAME_BYTES, "%s", name);
    else
        (void)snprintf(text, WEFT__WEIGHT_NAME_BYTES, "model.layers.%u.%s",
                       (index - family->weight_count) / family->layer_weight_count, name);
    return text;
}

bool weft__family_uses(const weft__family *family, const weft__model_config *config, uint32_t index)
{
    return !weft__family_weight(family, index)->is_untied_output || !config->tie_word_embeddings;
}

static bool is_listed(const weft__weight_rule *rules, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rules[i].name, name) == 0)
            return true;
    return false;
}

bool weft__family_knows(const weft__family *family, const weft__model_config *config, const char *name)
{
    static const char prefix[] = "model.layers.";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return is_listed(family->weights, family->weight_count, name);
    const char *digits = name + sizeof prefix - 1;
    size_t length = strspn(digits, "0123456789");
    if (length == 0 || length > 6 || digits[length] != '.' || (digits[0] == '0' && length > 1))
        return false;
    return strtoul(digits, NULL, 10) < config->num_hidden_layers &&
           is_listed(family->layer_weights, family->layer_weight_count, digits + length + 1);
}
