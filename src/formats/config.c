#include "formats/config.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/file.h"
#include "formats/json.h"

#define FILE_BYTES_MAX (16u << 20)
#define THETA_MIN 1.0
#define THETA_MAX 1e12

typedef struct count_row {
    const char *field;
    size_t offset;
    uint32_t max;
} count_row;

#define COUNT(name, maximum)                                                                                           \
    {                                                                                                                  \
#name, offsetof(weft__model_config, name), maximum                                                             \
    }

/* Counts that every file must give. The limits lie far above any model and keep products of three of them in 64 bits.
 */
static const count_row count_rows[] = {
    COUNT(vocab_size, 1u << 22),          COUNT(hidden_size, 1u << 18),
    COUNT(intermediate_size, 1u << 20),   COUNT(num_hidden_layers, WEFT__CONFIG_LAYERS_MAX),
    COUNT(num_attention_heads, 1u << 12), COUNT(max_position_embeddings, 1u << 30),
};

#define HEAD_DIM_MAX (1u << 12)

typedef struct name_row {
    const char *name;
    int value;
} name_row;

static const name_row layer_type_rows[] = {
    {"full_attention", WEFT__LAYER_FULL_ATTENTION},
    {"sliding_attention", WEFT__LAYER_SLIDING_ATTENTION},
    {"linear_attention", WEFT__LAYER_LINEAR_ATTENTION},
    {NULL, 0},
};

static const name_row dtype_rows[] = {{"bfloat16", WEFT_BF16}, {"float16", WEFT_F16}, {"float32", WEFT_F32}, {NULL, 0}};

static const name_row *row_of(const name_row *rows, const char *name)
{
    while (rows->name && strcmp(rows->name, name) != 0)
        rows++;
    return rows->name ? rows : NULL;
}

static weft_status read_name(const weft__json_object *object, const char *field, const char *value,
                             char out[WEFT__CONFIG_NAME_BYTES], weft_error *err)
{
    if (value[0] == '\0' || strlen(value) >= WEFT__CONFIG_NAME_BYTES) {
        char text[WEFT__JSON_TEXT_BYTES];
        return weft__fail(err, WEFT_PARSE, "%s: field \"%s\" is %s, expected 1 to %d bytes.", object->file, field,
                          weft__json_quote(value, strlen(value), text), WEFT__CONFIG_NAME_BYTES - 1);
    }
    memcpy(out, value, strlen(value) + 1);
    return WEFT_OK;
}

static weft_status read_names(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    const char *name = NULL;
    const json_t *architectures = weft__json_field(root, "architectures");
    const char *act_field = weft__json_field(root, "hidden_act") ? "hidden_act" : "hidden_activation";
    weft_status status = weft__json_string(root, "model_type", &name, err);
    if (status == WEFT_OK)
        status = read_name(root, "model_type", name, out->model_type, err);
    if (status == WEFT_OK && architectures) {
        name = json_string_value(json_array_get(architectures, 0));
        status = name ? read_name(root, "architectures[0]", name, out->architecture, err)
                      : weft__json_wrong(root, "architectures", architectures, WEFT_PARSE, "an array of strings", err);
    }
    if (status == WEFT_OK && !weft__json_field(root, act_field))
        status = weft__json_wrong(root, "hidden_act", NULL, WEFT_PARSE, "a string", err);
    if (status == WEFT_OK)
        status = weft__json_string(root, act_field, &name, err);
    if (status == WEFT_OK)
        status = read_name(root, act_field, name, out->hidden_act, err);
    return status;
}

static weft_status read_counts(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    for (size_t i = 0; i < sizeof count_rows / sizeof count_rows[0]; i++) {
        uint32_t value = 0;
        weft_status status = weft__json_u32(root, count_rows[i].field, 1, count_rows[i].max, &value, err);
        if (status != WEFT_OK)
            return status;
        memcpy((char *)out + count_rows[i].offset, &value, sizeof value);
    }
    return WEFT_OK;
}

static weft_status read_heads(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    uint32_t heads = out->num_attention_heads;
    weft_status status =
        weft__json_u32_or(root, "num_key_value_heads", heads, 1, heads, &out->num_key_value_heads, err);
    if (status != WEFT_OK)
        return status;
    if (heads % out->num_key_value_heads != 0)
        return weft__fail(
            err, WEFT_PARSE,
            "%s: field \"num_attention_heads\" is %u, expected a multiple of \"num_key_value_heads\", which is %u.",
            root->file, heads, out->num_key_value_heads);
    if (!weft__json_field(root, "head_dim") && out->hidden_size % heads != 0)
        return weft__fail(err, WEFT_PARSE,
                          "%s: field \"head_dim\" is missing, and \"hidden_size\" %u is no multiple of "
                          "\"num_attention_heads\" %u.",
                          root->file, out->hidden_size, heads);
    status = weft__json_u32_or(root, "head_dim", out->hidden_size / heads, 1, HEAD_DIM_MAX, &out->head_dim, err);
    if (status != WEFT_OK)
        return status;
    if (out->head_dim % 2 != 0 || out->head_dim > HEAD_DIM_MAX)
        return weft__fail(err, WEFT_PARSE, "%s: field \"head_dim\" is %u, expected an even number up to %u.",
                          root->file, out->head_dim, HEAD_DIM_MAX);
    return WEFT_OK;
}

/* Refuses any kind of rotary position but the plain one. `type` is what newer files call `rope_type`. */
static weft_status check_rope_type(const weft__json_object *object, weft_error *err)
{
    const char *field = weft__json_field(object, "rope_type") ? "rope_type" : "type";
    const char *type = NULL;
    weft_status status = weft__json_string_or(object, field, "default", &type, err);
    if (status == WEFT_OK && strcmp(type, "default") != 0)
        status = weft__json_wrong(object, field, json_object_get(object->json, field), WEFT_UNSUPPORTED,
                                  "\"default\", the only kind that Weft supports", err);
    return status;
}

static weft_status read_theta(const weft__json_object *object, double fallback, double *out, weft_error *err)
{
    weft_status status = check_rope_type(object, err);
    if (status == WEFT_OK)
        status = weft__json_f64_or(object, "rope_theta", fallback, THETA_MIN, THETA_MAX, out, err);
    return status;
}

/* `rope_parameters` holds the parameters themselves, or one such object for each type of layer. */
static weft_status read_rope_parameters(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    weft__json_object rope;
    weft__json_object part;
    weft_status status = weft__json_child(root, "rope_parameters", "rope_parameters.", &rope, err);
    if (status != WEFT_OK)
        return status;
    if (!weft__json_field(&rope, "full_attention") && !weft__json_field(&rope, "sliding_attention")) {
        status = read_theta(&rope, out->rope_theta, &out->rope_theta, err);
        out->rope_theta_sliding = out->rope_theta;
        return status;
    }
    status = weft__json_child(&rope, "full_attention", "rope_parameters.full_attention.", &part, err);
    if (status == WEFT_OK)
        status = read_theta(&part, out->rope_theta, &out->rope_theta, err);
    if (status == WEFT_OK)
        status = weft__json_child(&rope, "sliding_attention", "rope_parameters.sliding_attention.", &part, err);
    if (status == WEFT_OK)
        status = read_theta(&part, out->rope_theta, &out->rope_theta_sliding, err);
    return status;
}

static weft_status read_partial_rotary(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    weft__json_object rope = {
        .json = weft__json_field(root, "rope_parameters"), .file = root->file, .path = "rope_parameters."};
    const weft__json_object *where = weft__json_field(&rope, "partial_rotary_factor") ? &rope : root;
    weft_status status =
        weft__json_f64_or(where, "partial_rotary_factor", 1.0, 1e-6, 1.0, &out->partial_rotary_factor, err);
    if (status != WEFT_OK)
        return status;
    out->rotary_dims = (uint32_t)((double)out->head_dim * out->partial_rotary_factor);
    if (out->rotary_dims < 2 || out->rotary_dims % 2 != 0)
        return weft__fail(
            err, WEFT_PARSE,
            "%s: field \"%spartial_rotary_factor\" is %g, which turns %u of \"head_dim\" %u, expected an even "
            "number from 2.",
            root->file, where->path, out->partial_rotary_factor, out->rotary_dims, out->head_dim);
    return WEFT_OK;
}

static weft_status read_rope(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    weft__json_object scaling;
    weft_status status = weft__json_f64_or(root, "rope_theta", 10000.0, THETA_MIN, THETA_MAX, &out->rope_theta, err);
    out->rope_theta_sliding = out->rope_theta;
    if (status == WEFT_OK && weft__json_field(root, "rope_scaling")) {
        status = weft__json_child(root, "rope_scaling", "rope_scaling.", &scaling, err);
        if (status == WEFT_OK)
            status = check_rope_type(&scaling, err);
    }
    double theta = out->rope_theta;
    if (status == WEFT_OK && weft__json_field(root, "rope_parameters"))
        status = read_rope_parameters(root, out, err);
    if (status == WEFT_OK && weft__json_field(root, "rope_theta") && theta != out->rope_theta)
        return weft__fail(err, WEFT_PARSE, "%s: field \"rope_theta\" is %g, but \"rope_parameters.rope_theta\" is %g.",
                          root->file, theta, out->rope_theta);
    if (status == WEFT_OK)
        status = read_partial_rotary(root, out, err);
    return status;
}

static weft_status read_layer_list(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    const json_t *list = NULL;
    weft_status status = weft__json_array(root, "layer_types", &list, err);
    if (status != WEFT_OK)
        return status;
    if (json_array_size(list) != out->num_hidden_layers) {
        char expected[80];
        (void)snprintf(expected, sizeof expected, "an array of %u, as \"num_hidden_layers\" says",
                       out->num_hidden_layers);
        return weft__json_wrong(root, "layer_types", list, WEFT_PARSE, expected, err);
    }
    for (uint32_t i = 0; i < out->num_hidden_layers; i++) {
        const json_t *item = json_array_get(list, i);
        const char *name = json_string_value(item);
        const name_row *row = name ? row_of(layer_type_rows, name) : NULL;
        if (!row) {
            char field[32];
            (void)snprintf(field, sizeof field, "layer_types[%u]", i);
            return weft__json_wrong(root, field, item, name ? WEFT_UNSUPPORTED : WEFT_PARSE,
                                    "\"full_attention\", \"sliding_attention\" or \"linear_attention\"", err);
        }
        out->layer_types[i] = (weft__layer_type)row->value;
    }
    return WEFT_OK;
}

/* Older files give no list: with a window, all layers from `max_window_layers` on use it. */
static weft_status read_layers(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    bool use_window = true;
    uint32_t first_sliding = 0;
    weft_status status = weft__json_bool_or(root, "use_sliding_window", true, &use_window, err);
    if (status == WEFT_OK)
        status = weft__json_u32_or(root, "sliding_window", 0, 1, 1u << 30, &out->sliding_window, err);
    if (status == WEFT_OK)
        status = weft__json_u32_or(root, "max_window_layers", 0, 0, UINT32_MAX, &first_sliding, err);
    if (status != WEFT_OK)
        return status;
    if (!use_window)
        out->sliding_window = 0;
    if (weft__json_field(root, "layer_types")) {
        status = read_layer_list(root, out, err);
    } else if (out->sliding_window) {
        for (uint32_t i = first_sliding; i < out->num_hidden_layers; i++)
            out->layer_types[i] = WEFT__LAYER_SLIDING_ATTENTION;
    }
    for (uint32_t i = 0; status == WEFT_OK && i < out->num_hidden_layers; i++)
        if (out->layer_types[i] == WEFT__LAYER_SLIDING_ATTENTION && !out->sliding_window)
            status = weft__fail(err, WEFT_PARSE,
                                "%s: field \"layer_types[%u]\" is \"sliding_attention\", but there is no "
                                "\"sliding_window\".",
                                root->file, i);
    return status;
}

static weft_status read_token(const weft__json_object *root, const char *field, const json_t *value,
                              uint32_t vocab_size, int32_t *out, weft_error *err)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) >= (json_int_t)vocab_size) {
        char expected[80];
        (void)snprintf(expected, sizeof expected, "a token below \"vocab_size\", which is %u", vocab_size);
        return weft__json_wrong(root, field, value, WEFT_PARSE, expected, err);
    }
    *out = (int32_t)json_integer_value(value);
    return WEFT_OK;
}

/* "eos_token_id", a number or a list; without one the tokens stay as they are. */
static weft_status read_eos(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    const json_t *eos = weft__json_field(root, "eos_token_id");
    if (!eos)
        return WEFT_OK;
    weft_status status = WEFT_OK;
    bool is_list = json_is_array(eos);
    size_t count = is_list ? json_array_size(eos) : 1;
    if (count > WEFT__CONFIG_EOS_MAX)
        return weft__json_wrong(root, "eos_token_id", eos, WEFT_PARSE, "at most 16 tokens", err);
    for (size_t i = 0; i < count && status == WEFT_OK; i++)
        status = read_token(root, "eos_token_id", is_list ? json_array_get(eos, i) : eos, out->vocab_size,
                            &out->eos_token_ids[i], err);
    if (status == WEFT_OK)
        out->eos_token_count = (uint32_t)count;
    return status;
}

static weft_status read_tokens(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    const json_t *bos = weft__json_field(root, "bos_token_id");
    weft_status status = WEFT_OK;
    out->bos_token_id = -1;
    if (bos)
        status = read_token(root, "bos_token_id", bos, out->vocab_size, &out->bos_token_id, err);
    return status != WEFT_OK ? status : read_eos(root, out, err);
}

static weft_status read_rest(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    const char *dtype_field = weft__json_field(root, "dtype") ? "dtype" : "torch_dtype";
    const char *dtype = NULL;
    bool is_tied_by_default = strncmp(out->model_type, "gemma", strlen("gemma")) == 0;
    weft_status status = weft__json_string_or(root, dtype_field, "float32", &dtype, err);
    if (status != WEFT_OK)
        return status;
    const name_row *row = row_of(dtype_rows, dtype);
    if (!row)
        return weft__json_wrong(root, dtype_field, weft__json_field(root, dtype_field), WEFT_UNSUPPORTED,
                                "\"bfloat16\", \"float16\" or \"float32\"", err);
    out->dtype = (weft_dtype)row->value;
    status = weft__json_f64(root, "rms_norm_eps", 1e-12, 0.1, &out->rms_norm_eps, err);
    if (status == WEFT_OK)
        status = weft__json_bool_or(root, "tie_word_embeddings", is_tied_by_default, &out->tie_word_embeddings, err);
    if (status == WEFT_OK)
        status = weft__json_bool_or(root, "attention_bias", false, &out->attention_bias, err);
    if (status == WEFT_OK)
        status = weft__json_bool_or(root, "mlp_bias", false, &out->mlp_bias, err);
    return status;
}

static weft_status read_config(const weft__json_object *root, weft__model_config *out, weft_error *err)
{
    weft_status (*const parts[])(const weft__json_object *, weft__model_config *, weft_error *) = {
        read_names, read_counts, read_heads, read_rope, read_layers, read_tokens, read_rest,
    };
    weft_status status = WEFT_OK;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == WEFT_OK; i++)
        status = parts[i](root, out, err);
    if (status != WEFT_OK)
        memset(out, 0, sizeof *out);
    return status;
}

weft_status weft__model_config_parse(const char *text, size_t bytes, const char *name, weft__model_config *out,
                                     weft_error *err)
{
    json_t *json = NULL;
    memset(out, 0, sizeof *out);
    weft_status status = weft__json_parse(text, bytes, name, &json, err);
    if (status == WEFT_OK) {
        const weft__json_object root = {.json = json, .file = name, .path = ""};
        status = read_config(&root, out, err);
    }
    json_decref(json);
    return status;
}

weft_status weft__model_config_load(const char *path, weft__model_config *out, weft_error *err)
{
    json_t *json = NULL;
    memset(out, 0, sizeof *out);
    weft_status status = weft__json_load(path, FILE_BYTES_MAX, &json, err);
    if (status == WEFT_OK) {
        const weft__json_object root = {.json = json, .file = weft__path_tail(path), .path = ""};
        status = read_config(&root, out, err);
    }
    json_decref(json);
    return status;
}

weft_status weft__generation_config_parse(const char *text, size_t bytes, const char *name, weft__model_config *config,
                                          weft_error *err)
{
    json_t *json = NULL;
    weft_status status = weft__json_parse(text, bytes, name, &json, err);
    if (status == WEFT_OK) {
        const weft__json_object root = {.json = json, .file = name, .path = ""};
        status = read_eos(&root, config, err);
    }
    json_decref(json);
    return status;
}

weft_status weft__generation_config_load(const char *path, weft__model_config *config, weft_error *err)
{
    json_t *json = NULL;
    weft_status status = weft__json_load(path, FILE_BYTES_MAX, &json, err);
    if (status == WEFT_OK) {
        const weft__json_object root = {.json = json, .file = weft__path_tail(path), .path = ""};
        status = read_eos(&root, config, err);
    }
    json_decref(json);
    return status;
}
