/* `config.json` of a decoder model as Hugging Face writes it, read into plain numbers and checked. */
#ifndef WEFT_FORMATS_CONFIG_H
#define WEFT_FORMATS_CONFIG_H

#include <weft/types.h>

#define WEFT__CONFIG_LAYERS_MAX 512
#define WEFT__CONFIG_EOS_MAX 16
#define WEFT__CONFIG_NAME_BYTES 64

/* How a layer mixes positions: `layer_types`. */
typedef enum weft__layer_type {
    WEFT__LAYER_FULL_ATTENTION = 0,
    WEFT__LAYER_SLIDING_ATTENTION = 1,
    WEFT__LAYER_LINEAR_ATTENTION = 2
} weft__layer_type;

/* Counts are of elements or of things; all are at least 1 unless stated. */
typedef struct weft__model_config {
    char model_type[WEFT__CONFIG_NAME_BYTES];   /* "qwen3" */
    char architecture[WEFT__CONFIG_NAME_BYTES]; /* the first of `architectures`, "Qwen3ForCausalLM"; "" if it is not
                                                   given */
    char hidden_act[WEFT__CONFIG_NAME_BYTES];   /* `hidden_act`, or Gemma's `hidden_activation`: "silu" */
    uint32_t vocab_size;
    uint32_t hidden_size;
    uint32_t intermediate_size;
    uint32_t num_hidden_layers;   /* up to WEFT__CONFIG_LAYERS_MAX */
    uint32_t num_attention_heads; /* a multiple of num_key_value_heads */
    uint32_t num_key_value_heads; /* num_attention_heads if it is not given */
    uint32_t head_dim;            /* even; hidden_size / num_attention_heads if it is not given */
    uint32_t rotary_dims;         /* head_dim * partial_rotary_factor; even, at most head_dim */
    uint32_t max_position_embeddings;
    uint32_t sliding_window; /* of the layers with sliding attention; 0 if `sliding_window` is null or switched off */
    double rms_norm_eps;
    double partial_rotary_factor; /* in (0, 1]; 1 if it is not given */
    double rope_theta;            /* of all layers but those with sliding attention; 10000 if it is not given */
    double rope_theta_sliding;    /* of the layers with sliding attention; rope_theta unless given by layer type */
    bool tie_word_embeddings;     /* false if it is not given, but for Gemma, whose files leave out true */
    bool attention_bias;          /* false if it is not given */
    bool mlp_bias;                /* the same */
    weft_dtype dtype;             /* of the weights: `dtype` or `torch_dtype`; f32 if it is not given */
    int32_t bos_token_id;         /* -1 if there is none */
    uint32_t eos_token_count;     /* 0 if there is none */
    int32_t eos_token_ids[WEFT__CONFIG_EOS_MAX];
    weft__layer_type
        layer_types[WEFT__CONFIG_LAYERS_MAX]; /* `layer_types`, or what sliding_window and max_window_layers say */
} weft__model_config;

/* Reads a file. `*out` is plain data without anything to free, and all zero on failure. Errors name file, field and
 * value: WEFT_IO           the file cannot be read; WEFT_PARSE        it is no JSON, or a field is missing, of the
 * wrong type, out of range or at odds with another one; WEFT_UNSUPPORTED  a kind of rotary position, layer or dtype
 * that Weft does not have. */
weft_status weft__model_config_load(const char *path, weft__model_config *out, weft_error *err);

/* The same from memory; messages call it `name`. */
weft_status weft__model_config_parse(const char *text, size_t bytes, const char *name, weft__model_config *out,
                                     weft_error *err);

/* Reads a generation_config.json: its "eos_token_id", if there is one, takes the place of the configuration's. Errors
 * as above. */
weft_status weft__generation_config_load(const char *path, weft__model_config *config, weft_error *err);

/* The same from memory; messages call it `name`. */
weft_status weft__generation_config_parse(const char *text, size_t bytes, const char *name, weft__model_config *config,
                                          weft_error *err);

#endif
