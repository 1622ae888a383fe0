/* Model directories: what is right in them, told in several ways, and what is wrong in them, told in one sentence. */
#include "models/directory.h"
#include "models/sums.h"
#include "support/json_patch.h"
#include "support/sentence.h"
#include "support/weft_check.h"

static const int32_t prompt[] = {21, 22, 26, 13, 20, 25, 23, 31}; /* 348+275= */
enum {
    PROMPT = sizeof prompt / sizeof prompt[0]
};

static directory at;

static void set_up(void)
{
    at = directory_create();
}

static void take_down(void)
{
    directory_remove(&at);
}

static void write_weights(void)
{
    tensor_file file = tensor_file_read();
    directory_write_tensors(&at, "model.safetensors", &file, 0);
    tensor_file_free(&file);
}

/* All logits of the prompt, for the caller to free. `*out_bytes` is what the weights took of the device's memory. */
static float *logits_of(const char *path, const weft_model_options *options, uint64_t *out_bytes)
{
    weft_device *device = sums_open_device("cpu?threads=1");
    weft_model *model = NULL;
    weft_error e;
    weft_counters counters;
    WEFT_TEST_ASSERT_OK(weft_model_open(device, path, options, &model, &e), e);
    weft_device_counters(device, &counters);
    *out_bytes = counters.bytes_allocated;
    weft_context *context =
        sums_open_context(model, &(weft_context_options){.capacity_tokens = 16, .all_logits = true});
    float *logits = sums_feed_all(context, prompt, PROMPT);
    weft_context_destroy(context);
    weft_model_close(model);
    weft_device_close(device);
    return logits;
}

static bool gives_the_same(const char *path, const weft_model_options *options, uint64_t *out_bytes)
{
    uint64_t ignored;
    float *right = logits_of(SUMS_DIRECTORY, NULL, &ignored), *logits = logits_of(path, options, out_bytes);
    bool same = memcmp(right, logits, (size_t)PROMPT * SUMS_VOCAB * sizeof *right) == 0;
    free(right);
    free(logits);
    return same;
}

START_TEST(the_model_describes_itself)
{
    weft_model_info info;
    weft_error e;
    WEFT_TEST_ASSERT_OK(weft_model_describe(SUMS_DIRECTORY, &info, &e), e);
    ck_assert_str_eq(info.family, "qwen3");
    ck_assert_str_eq(info.architecture, "Qwen3ForCausalLM");
    ck_assert_int_eq(info.dtype, WEFT_BF16);
    ck_assert_uint_eq(info.layers, 4);
    ck_assert_uint_eq(info.hidden, 256);
    ck_assert_uint_eq(info.heads, 4);
    ck_assert_uint_eq(info.kv_heads, 2);
    ck_assert_uint_eq(info.head_dim, 64);
    ck_assert_uint_eq(info.intermediate, 768);
    ck_assert_uint_eq(info.vocab, SUMS_VOCAB);
    ck_assert_uint_eq(info.positions, 4096);
    ck_assert_uint_eq(info.window, 0);
    ck_assert(info.rope_theta == 1e6);
    ck_assert(info.is_tied);
    ck_assert_uint_eq(info.parameters, SUMS_PARAMETERS);
    ck_assert_uint_eq(info.weight_bytes, 2 * SUMS_PARAMETERS);
    ck_assert_uint_eq(info.cache_token_bytes, 4u * 2 * 2 * 64 * sizeof(float));
    ck_assert_uint_eq(info.file_count, 1);
    ck_assert_uint_eq(info.tensor_count, 2 + 4 * 11);
    ck_assert_int_eq(info.start_token, 0);
    ck_assert_uint_eq(info.stop_count, 2);
    ck_assert_int_eq(info.stop_tokens[0], 0);
    ck_assert_int_eq(info.stop_tokens[1], 201);
}
END_TEST

/* generation_config.json need not be there, need not say anything, and has the last word if it does. */
START_TEST(stop_tokens)
{
    static const char *const files[] = {NULL, "{}", "{\"eos_token_id\": 5}", "{\"eos_token_id\": [7, 6, 5]}"};
    static const uint32_t counts[] = {1, 1, 1, 3};
    static const int32_t firsts[] = {0, 0, 5, 7};
    weft_model_info info;
    weft_error e;
    write_weights();
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i])
            directory_write(&at, "generation_config.json", files[i], strlen(files[i]));
        WEFT_TEST_ASSERT_OK(weft_model_describe(at.path, &info, &e), e);
        ck_assert_uint_eq(info.stop_count, counts[i]);
        ck_assert_int_eq(info.stop_tokens[0], firsts[i]);
    }
    directory_write(&at, "generation_config.json", "{\"eos_token_id\": 384}", 21);
    WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_PARSE, "generation_config.json", "384",
                           "eos_token_id", NULL);
    directory_write(&at, "generation_config.json", "[", 1);
    WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_PARSE, "generation_config.json", NULL, NULL,
                           NULL);
}
END_TEST

START_TEST(opening_gives_the_same_info)
{
    weft_model_info described, opened;
    weft_error e;
    WEFT_TEST_ASSERT_OK(weft_model_describe(SUMS_DIRECTORY "/", &described, &e), e);
    weft_device *device = sums_open_device("ref");
    weft_model *model = sums_open_model(device, SUMS_DIRECTORY);
    weft_model_get_info(model, &opened);
    ck_assert_mem_eq(&described, &opened, sizeof opened);
    ck_assert_ptr_eq(weft_model_device(model), device);
    weft_model_close(model);
    weft_device_close(device);
}
END_TEST

/* Weights are used where the file is mapped, unless they are not aligned there or a copy is asked for. */
START_TEST(weights_are_wrapped_or_copied)
{
    uint64_t bytes;
    ck_assert(gives_the_same(SUMS_DIRECTORY, NULL, &bytes));
    ck_assert_uint_eq(bytes, 0);
    ck_assert(gives_the_same(SUMS_DIRECTORY, &(weft_model_options){.copy_weights = true}, &bytes));
    ck_assert_uint_eq(bytes, 2 * SUMS_PARAMETERS);
    tensor_file file = tensor_file_read();
    directory_write_tensors(&at, "model.safetensors", &file, 3);
    ck_assert(gives_the_same(at.path, NULL, &bytes));
    ck_assert_uint_eq(bytes, 2 * SUMS_PARAMETERS);
    tensor_file_free(&file);
}
END_TEST

START_TEST(an_output_of_its_own)
{
    weft_model_info info;
    weft_error e;
    uint64_t bytes;
    tensor_file file = tensor_file_read();
    tensor_file_duplicate(&file, "model.embed_tokens.weight", "lm_head.weight");
    directory_write_tensors(&at, "model.safetensors", &file, 0);
    ck_assert(gives_the_same(at.path, NULL, &bytes)); /* tied, and the file has the output all the same */
    directory_configure(&at, "tie_word_embeddings", "false");
    ck_assert(gives_the_same(at.path, NULL, &bytes));
    WEFT_TEST_ASSERT_OK(weft_model_describe(at.path, &info, &e), e);
    ck_assert(!info.is_tied);
    ck_assert_uint_eq(info.parameters, SUMS_PARAMETERS + SUMS_VOCAB * 256u);
    tensor_file_drop(&file, "lm_head.weight");
    directory_write_tensors(&at, "model.safetensors", &file, 0);
    WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_NOT_FOUND, "model.safetensors",
                           "lm_head.weight", NULL, NULL);
    tensor_file_free(&file);
}
END_TEST

START_TEST(shards)
{
    weft_model_info info;
    weft_error e;
    uint64_t bytes;
    directory_write_shards(&at, NULL, NULL);
    ck_assert(gives_the_same(at.path, NULL, &bytes));
    WEFT_TEST_ASSERT_OK(weft_model_describe(at.path, &info, &e), e);
    ck_assert_uint_eq(info.file_count, 2);
    ck_assert_uint_eq(info.parameters, SUMS_PARAMETERS);
}
END_TEST

START_TEST(shards_that_lie)
{
    static const struct {
        const char *place, *value;
        weft_status status;
        const char *a, *b;
    } rows[] = {
        {"weight_map", NULL, WEFT_PARSE, "index.json", "weight_map"},
        {"weight_map", "3", WEFT_PARSE, "index.json", "weight_map"},
        {"weight_map", "{}", WEFT_NOT_FOUND, "index.json", "model.embed_tokens.weight"},
        {"weight_map/model.norm.weight", "7", WEFT_PARSE, "model.norm.weight", "7"},
        {"weight_map/model.norm.weight", "\"../sums/model.safetensors\"", WEFT_PARSE, "model.norm.weight",
         "same directory"},
        {"weight_map/model.norm.weight", "\"..\"", WEFT_PARSE, "model.norm.weight", "same directory"},
        {"weight_map/model.norm.weight", "\"other.safetensors\"", WEFT_IO, "other.safetensors", NULL},
        {"weight_map/model.norm.weight", "\"model-00002-of-00002.safetensors\"", WEFT_PARSE, "model.norm.weight",
         "model-00002-of-00002.safetensors"},
        {"weight_map/model.norm.weight", NULL, WEFT_PARSE, "model.norm.weight", "nowhere"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weft_model_info info;
        weft_error e;
        directory_write_shards(&at, rows[i].place, rows[i].value);
        if (rows[i].status == WEFT_OK)
            WEFT_TEST_ASSERT_OK(weft_model_describe(at.path, &info, &e), e);
        else
            WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, rows[i].status, rows[i].a, rows[i].b,
                                   NULL, NULL);
    }
}
END_TEST

START_TEST(configurations_that_lie)
{
    static const struct {
        const char *place, *value;
        weft_status status;
        const char *a, *b, *c;
    } rows[] = {
        {"model_type", "\"gemma3_text\"", WEFT_UNSUPPORTED, "config.json", "gemma3_text", "qwen3"},
        {"model_type", "\"bert\"", WEFT_UNSUPPORTED, "config.json", "bert", "qwen3"},
        {"model_type", "\"llama\"", WEFT_UNSUPPORTED, "model.safetensors", "_norm.weight", "llama"},
        {"mlp_bias", "true", WEFT_UNSUPPORTED, "config.json", "mlp_bias", "qwen3"},
        {"model_type", "7", WEFT_PARSE, "config.json", "model_type", "7"},
        {"model_type", NULL, WEFT_PARSE, "config.json", "model_type", NULL},
        {"num_attention_heads", "8", WEFT_SHAPE_MISMATCH, "model.safetensors", "q_proj", "[512, 256]"},
        {"num_attention_heads", "3", WEFT_PARSE, "config.json", "num_attention_heads", "num_key_value_heads"},
        {"num_attention_heads", "0", WEFT_PARSE, "config.json", "num_attention_heads", NULL},
        {"num_key_value_heads", "4", WEFT_SHAPE_MISMATCH, "k_proj", "[128, 256]", "[256, 256]"},
        {"head_dim", "32", WEFT_SHAPE_MISMATCH, "q_proj", "[256, 256]", "[128, 256]"},
        {"hidden_size", "128", WEFT_SHAPE_MISMATCH, "model.embed_tokens.weight", "[384, 256]", "[384, 128]"},
        {"intermediate_size", "767", WEFT_SHAPE_MISMATCH, "gate_proj", "[768, 256]", "[767, 256]"},
        {"vocab_size", "385", WEFT_SHAPE_MISMATCH, "model.embed_tokens.weight", "[384, 256]", "[385, 256]"},
        {"tie_word_embeddings", "false", WEFT_NOT_FOUND, "model.safetensors", "lm_head.weight", NULL},
        {"hidden_act", "\"gelu\"", WEFT_UNSUPPORTED, "config.json", "hidden_act", "gelu"},
        {"attention_bias", "true", WEFT_UNSUPPORTED, "config.json", "attention_bias", NULL},
        {"rope_parameters/rope_type", "\"yarn\"", WEFT_UNSUPPORTED, "config.json", "rope_type", "yarn"},
        {"rope_parameters/partial_rotary_factor", "0.5", WEFT_UNSUPPORTED, "config.json", "32", "rotary"},
        {"layer_types/2", "\"linear_attention\"", WEFT_UNSUPPORTED, "config.json", "layer_types[2]",
         "linear_attention"},
    };
    write_weights();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weft_model_info info, zeros;
        weft_error e;
        directory_configure(&at, rows[i].place, rows[i].value);
        WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, rows[i].status, rows[i].a, rows[i].b,
                               rows[i].c, NULL);
        memset(&zeros, 0, sizeof zeros);
        ck_assert_mem_eq(&info, &zeros, sizeof zeros);
    }
}
END_TEST

/* The layers of the configuration are those of the files: neither fewer nor more. */
START_TEST(layers_that_are_missing_or_too_many)
{
    weft_model_info info;
    weft_error e;
    json_t *config = weft_test_json_load("models/sums/config.json");
    write_weights();
    weft_test_json_set(config, "layer_types", NULL);
    weft_test_json_set(config, "num_hidden_layers", "5");
    directory_write_json(&at, "config.json", config);
    WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_NOT_FOUND, "model.safetensors",
                           "model.layers.4.input_layernorm.weight", NULL, NULL);
    weft_test_json_set(config, "num_hidden_layers", "3");
    directory_write_json(&at, "config.json", config);
    WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_UNSUPPORTED, "model.safetensors",
                           "model.layers.3.", "3 layers", NULL);
    json_decref(config);
}
END_TEST

START_TEST(weights_that_lie)
{
    static const struct {
        const char *place, *value;
        weft_status status;
        const char *a, *b, *c;
    } rows[] = {
        {"model.norm.weight/shape", "[16, 16]", WEFT_SHAPE_MISMATCH, "model.norm.weight", "[16, 16]", "[256]"},
        {"model.embed_tokens.weight/shape", "[256, 384]", WEFT_SHAPE_MISMATCH, "model.embed_tokens.weight",
         "[256, 384]", "[384, 256]"},
        {"model.norm.weight/dtype", "\"I16\"", WEFT_UNSUPPORTED, "model.norm.weight", "I16", "BF16"},
        {"model.norm.weight/dtype", "\"X16\"", WEFT_PARSE, "model.norm.weight", "X16", NULL},
        {"model.norm.weight/dtype", "\"F32\"", WEFT_PARSE, "model.norm.weight", NULL, NULL},
        {"model.norm.weight/data_offsets", "[0, 512]", WEFT_PARSE, "model.norm.weight", NULL, NULL},
        {"model.norm.weight/data_offsets", "[6493184, 99999999]", WEFT_PARSE, "model.norm.weight", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weft_model_info info;
        weft_error e;
        tensor_file file = tensor_file_read();
        weft_test_json_set(file.header, rows[i].place, rows[i].value);
        directory_write_tensors(&at, "model.safetensors", &file, 0);
        WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, rows[i].status, "model.safetensors",
                               rows[i].a, rows[i].b, rows[i].c);
        tensor_file_free(&file);
    }
}
END_TEST

START_TEST(weights_missing_or_unknown)
{
    static const char *const extras[] = {"model.layers.0.self_attn.q_proj.bias", "model.layers.4.mlp.up_proj.weight",
                                         "model.layers.01.mlp.up_proj.weight", "model.layers..mlp.up_proj.weight",
                                         "other"};
    weft_model_info info;
    weft_error e;
    tensor_file file = tensor_file_read();
    for (size_t i = 0; i < sizeof extras / sizeof extras[0]; i++) {
        tensor_file_duplicate(&file, "model.norm.weight", extras[i]);
        directory_write_tensors(&at, "model.safetensors", &file, 0);
        WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_UNSUPPORTED, "model.safetensors",
                               extras[i], "qwen3", NULL);
        tensor_file_drop(&file, extras[i]);
    }
    tensor_file_drop(&file, "model.layers.1.self_attn.k_norm.weight");
    directory_write_tensors(&at, "model.safetensors", &file, 0);
    WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_NOT_FOUND, "model.safetensors",
                           "model.layers.1.self_attn.k_norm.weight", NULL, NULL);
    tensor_file_free(&file);
}
END_TEST

START_TEST(files_that_are_not_there)
{
    weft_model_info info = {.vocab = SUMS_VOCAB};
    weft_tokenizer *tokenizer = NULL;
    weft_error e;
    WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_IO, "model.safetensors",
                           "model.safetensors.index.json", NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_model_describe("/nowhere/at/all", &info, &e), e, WEFT_IO, "config.json", NULL, NULL,
                           NULL);
    WEFT_TEST_ASSERT_FAILS(weft_model_describe("", &info, &e), e, WEFT_IO, "config.json", NULL, NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_model_describe(SUMS_DIRECTORY "/config.json", &info, &e), e, WEFT_IO, "config.json",
                           NULL, NULL, NULL);
    info.vocab = SUMS_VOCAB;
    WEFT_TEST_ASSERT_OK(weft_model_open_tokenizer(at.path, &info, &tokenizer, &e), e);
    ck_assert_uint_eq(weft_tokenizer_vocab_size(tokenizer), SUMS_VOCAB);
    weft_tokenizer_close(tokenizer);
    info.vocab = SUMS_VOCAB - 1;
    WEFT_TEST_ASSERT_FAILS(weft_model_open_tokenizer(at.path, &info, &tokenizer, &e), e, WEFT_PARSE, "tokenizer.json",
                           "383", "382", NULL);
    ck_assert_ptr_null(tokenizer);
    directory_delete(&at, "tokenizer.json");
    WEFT_TEST_ASSERT_FAILS(weft_model_open_tokenizer(at.path, &info, &tokenizer, &e), e, WEFT_IO, "tokenizer.json",
                           NULL, NULL, NULL);
    directory_delete(&at, "config.json");
    WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_IO, "config.json", NULL, NULL, NULL);
    directory_write(&at, "config.json", "{", 1);
    WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_PARSE, "config.json", NULL, NULL, NULL);
}
END_TEST

/* The weights as bytes: a header of `*out_header` bytes from the ninth byte on, then data. For the caller to free. */
static char *weights_as_bytes(size_t *out_size, size_t *out_header)
{
    tensor_file file = tensor_file_read();
    char *text = weft_test_json_dump(file.header);
    size_t length = strlen(text);
    uint64_t header = length;
    *out_header = length;
    *out_size = 8 + length + file.bytes;
    char *bytes = malloc(*out_size);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, &header, 8);
    memcpy(bytes + 8, text, length);
    memcpy(bytes + 8 + length, file.data, file.bytes);
    free(text);
    tensor_file_free(&file);
    return bytes;
}

START_TEST(truncated_weights)
{
    size_t size, header;
    char *bytes = weights_as_bytes(&size, &header);
    const size_t lengths[] = {0,        1,       7, 8, 9, 8 + header / 2, 8 + header - 1, 8 + header, 8 + header + 1,
                              size / 2, size - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        weft_model_info info;
        weft_error e;
        directory_write(&at, "model.safetensors", bytes, lengths[i]);
        WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_PARSE, "model.safetensors", NULL, NULL,
                               NULL);
    }
    free(bytes);
}
END_TEST

START_TEST(header_lengths_that_lie)
{
    size_t size, header;
    char *bytes = weights_as_bytes(&size, &header);
    const uint64_t lengths[] = {0, 1, header - 1, header + 1, size - 8, size, (uint64_t)1 << 32, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        weft_model_info info;
        weft_error e;
        memcpy(bytes, &lengths[i], 8);
        directory_write(&at, "model.safetensors", bytes, size);
        WEFT_TEST_ASSERT_FAILS(weft_model_describe(at.path, &info, &e), e, WEFT_PARSE, "model.safetensors", NULL, NULL,
                               NULL);
    }
    free(bytes);
}
END_TEST

/* One bit of the header at a time: an error in one sentence, or a header that says the same. The file is changed in
 * place, by one byte, as all of it is large. */
START_TEST(flipped_bits)
{
    size_t size, header, errors = 0;
    char *bytes = weights_as_bytes(&size, &header);
    directory_write(&at, "model.safetensors", bytes, size);
    char path[512];
    snprintf(path, sizeof path, "%s/model.safetensors", at.path);
    FILE *file = fopen(path, "r+b");
    ck_assert_ptr_nonnull(file);
    setvbuf(file, NULL, _IONBF, 0);
    for (size_t bit = 0; bit < (8 + header) * 8; bit += 13) {
        weft_model_info info;
        weft_error e;
        ck_assert_int_eq(fseek(file, (long)(bit / 8), SEEK_SET), 0);
        ck_assert_int_ne(fputc((unsigned char)bytes[bit / 8] ^ (1 << bit % 8), file), EOF);
        weft_status status = weft_model_describe(at.path, &info, &e);
        ck_assert_msg(status == WEFT_OK || weft_test_is_sentence(e.message), "bit %zu: '%s'", bit, e.message);
        errors += status != WEFT_OK;
        ck_assert_int_eq(fseek(file, (long)(bit / 8), SEEK_SET), 0);
        ck_assert_int_ne(fputc((unsigned char)bytes[bit / 8], file), EOF);
    }
    fclose(file);
    ck_assert_uint_gt(errors, (8 + header) * 8 / 13 * 9 / 10);
    free(bytes);
}
END_TEST

/* Qwen3 may give some layers a window. With one that no prompt fills nothing changes; with a short one it does, and
 * steps still agree with the batch. */
START_TEST(sliding_windows)
{
    static const char *const windows[] = {"100", "3"};
    uint32_t single = 1;
    write_weights();
    for (size_t i = 0; i < 2; i++) {
        uint64_t bytes;
        json_t *config = weft_test_json_load("models/sums/config.json");
        weft_test_json_set(config, "layer_types", NULL);
        weft_test_json_set(config, "use_sliding_window", "true");
        weft_test_json_set(config, "max_window_layers", "2");
        weft_test_json_set(config, "sliding_window", windows[i]);
        directory_write_json(&at, "config.json", config);
        json_decref(config);
        ck_assert(gives_the_same(at.path, NULL, &bytes) == (i == 0));
        weft_device *device = sums_open_device("ref");
        weft_model *model = sums_open_model(device, at.path);
        weft_context *context = sums_open_context(model, &(weft_context_options){.all_logits = true});
        float *whole = sums_feed_all(context, prompt, PROMPT);
        weft_context_reset(context);
        float *steps = sums_feed_pieces(context, prompt, PROMPT, &single, 1);
        WEFT_TEST_ASSERT_ARRAYS_CLOSE(steps, whole, (size_t)PROMPT * SUMS_VOCAB, 2e-4, 0.0);
        free(whole);
        free(steps);
        weft_context_destroy(context);
        weft_model_close(model);
        weft_device_close(device);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("directories");
    TCase *tcase = tcase_create("directories");
    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, set_up, take_down);
    tcase_add_test(tcase, the_model_describes_itself);
    tcase_add_test(tcase, stop_tokens);
    tcase_add_test(tcase, opening_gives_the_same_info);
    tcase_add_test(tcase, weights_are_wrapped_or_copied);
    tcase_add_test(tcase, an_output_of_its_own);
    tcase_add_test(tcase, shards);
    tcase_add_test(tcase, shards_that_lie);
    tcase_add_test(tcase, configurations_that_lie);
    tcase_add_test(tcase, layers_that_are_missing_or_too_many);
    tcase_add_test(tcase, weights_that_lie);
    tcase_add_test(tcase, weights_missing_or_unknown);
    tcase_add_test(tcase, files_that_are_not_there);
    tcase_add_test(tcase, truncated_weights);
    tcase_add_test(tcase, header_lengths_that_lie);
    tcase_add_test(tcase, flipped_bits);
    tcase_add_test(tcase, sliding_windows);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
