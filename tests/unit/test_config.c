#include "support/weft_check.h"

#include <stdio.h>

#include "formats/config.h"
#include "support/failing_malloc.h"
#include "support/json_patch.h"
#include "support/sentence.h"

#define SUMS "models/sums/config.json"
#define CONFIGS "tests/data/configs/"

static weft__model_config load(const char *path)
{
    char full[1024];
    weft__model_config config;
    weft_error error;
    (void)snprintf(full, sizeof full, "%s/%s", WEFT_SOURCE_DIR, path);
    WEFT_TEST_ASSERT_OK(weft__model_config_load(full, &config, &error), error);
    return config;
}

/* The file at `path` with up to three places changed, see weft_test_json_set. */
static weft_status parse_patched(const char *path, const char *const patch[6], weft__model_config *out, weft_error *err)
{
    json_t *document = weft_test_json_load(path);
    for (size_t i = 0; i < 6 && patch[i]; i += 2)
        weft_test_json_set(document, patch[i], patch[i + 1]);
    char *text = weft_test_json_dump(document);
    weft_status status = weft__model_config_parse(text, strlen(text), "config.json", out, err);
    free(text);
    json_decref(document);
    return status;
}

START_TEST(qwen3_is_read)
{
    weft__model_config config = load(SUMS);
    ck_assert_str_eq(config.model_type, "qwen3");
    ck_assert_str_eq(config.architecture, "Qwen3ForCausalLM");
    ck_assert_str_eq(config.hidden_act, "silu");
    ck_assert_uint_eq(config.vocab_size, 384);
    ck_assert_uint_eq(config.hidden_size, 256);
    ck_assert_uint_eq(config.intermediate_size, 768);
    ck_assert_uint_eq(config.num_hidden_layers, 4);
    ck_assert_uint_eq(config.num_attention_heads, 4);
    ck_assert_uint_eq(config.num_key_value_heads, 2);
    ck_assert_uint_eq(config.head_dim, 64);
    ck_assert_uint_eq(config.rotary_dims, 64);
    ck_assert_uint_eq(config.max_position_embeddings, 4096);
    ck_assert_uint_eq(config.sliding_window, 0);
    WEFT_TEST_ASSERT_CLOSE(config.rms_norm_eps, 1e-6, 0, 0);
    WEFT_TEST_ASSERT_CLOSE(config.rope_theta, 1e6, 0, 0);
    WEFT_TEST_ASSERT_CLOSE(config.rope_theta_sliding, 1e6, 0, 0);
    WEFT_TEST_ASSERT_CLOSE(config.partial_rotary_factor, 1, 0, 0);
    ck_assert(config.tie_word_embeddings);
    ck_assert(!config.attention_bias);
    ck_assert_int_eq(config.dtype, WEFT_BF16);
    ck_assert_int_eq(config.bos_token_id, 0);
    ck_assert_uint_eq(config.eos_token_count, 1);
    ck_assert_int_eq(config.eos_token_ids[0], 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(config.layer_types[i], WEFT__LAYER_FULL_ATTENTION);
}
END_TEST

START_TEST(llama_and_the_mixture_are_read)
{
    weft__model_config llama = load(CONFIGS "llama.json");
    ck_assert_str_eq(llama.model_type, "llama");
    ck_assert(!llama.tie_word_embeddings);
    WEFT_TEST_ASSERT_CLOSE(llama.rope_theta, 1e4, 0, 0);
    weft__model_config mixture = load(CONFIGS "qwen3moe.json");
    ck_assert_str_eq(mixture.model_type, "qwen3_moe");
    ck_assert_uint_eq(mixture.sliding_window, 0);
}
END_TEST

START_TEST(gemma3_has_two_kinds_of_layers)
{
    weft__model_config config = load(CONFIGS "gemma3.json");
    ck_assert_str_eq(config.model_type, "gemma3_text");
    ck_assert_str_eq(config.hidden_act, "gelu_pytorch_tanh");
    ck_assert_uint_eq(config.sliding_window, 64);
    WEFT_TEST_ASSERT_CLOSE(config.rope_theta, 1e6, 0, 0);
    WEFT_TEST_ASSERT_CLOSE(config.rope_theta_sliding, 1e4, 0, 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(config.layer_types[i], i < 3 ? WEFT__LAYER_SLIDING_ATTENTION : WEFT__LAYER_FULL_ATTENTION);
}
END_TEST

START_TEST(qwen3_next_turns_a_part_of_each_head)
{
    weft__model_config config = load(CONFIGS "qwen3next.json");
    WEFT_TEST_ASSERT_CLOSE(config.partial_rotary_factor, 0.25, 0, 0);
    ck_assert_uint_eq(config.rotary_dims, 16);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(config.layer_types[i], i < 3 ? WEFT__LAYER_LINEAR_ATTENTION : WEFT__LAYER_FULL_ATTENTION);
}
END_TEST

START_TEST(what_may_be_left_out_has_a_default)
{
    static const char *const left_out[] = {
        "architectures", "head_dim",     "num_key_value_heads", "rope_parameters", "tie_word_embeddings",
        "dtype",         "bos_token_id", "eos_token_id",        "layer_types",     "attention_bias"};
    json_t *document = weft_test_json_load(SUMS);
    weft__model_config config;
    weft_error error;
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        weft_test_json_set(document, left_out[i], NULL);
    char *text = weft_test_json_dump(document);
    WEFT_TEST_ASSERT_OK(weft__model_config_parse(text, strlen(text), "c", &config, &error), error);
    ck_assert_str_eq(config.architecture, "");
    ck_assert_uint_eq(config.head_dim, 64);
    ck_assert_uint_eq(config.num_key_value_heads, 4);
    WEFT_TEST_ASSERT_CLOSE(config.rope_theta, 1e4, 0, 0);
    ck_assert(!config.tie_word_embeddings);
    ck_assert_int_eq(config.dtype, WEFT_F32);
    ck_assert_int_eq(config.bos_token_id, -1);
    ck_assert_uint_eq(config.eos_token_count, 0);
    ck_assert_int_eq(config.layer_types[3], WEFT__LAYER_FULL_ATTENTION);
    free(text);
    json_decref(document);
}
END_TEST

START_TEST(older_spellings_are_understood)
{
    weft__model_config config;
    weft_error error;
    const char *const rope[6] = {"rope_parameters", NULL, "rope_theta", "500000", "torch_dtype", "\"float16\""};
    WEFT_TEST_ASSERT_OK(parse_patched(SUMS, rope, &config, &error), error);
    WEFT_TEST_ASSERT_CLOSE(config.rope_theta, 5e5, 0, 0);
    ck_assert_int_eq(config.dtype, WEFT_BF16); /* `dtype` is still there and wins */
    const char *const old_dtype[6] = {"dtype", NULL, "torch_dtype", "\"float16\"", "eos_token_id", "[5, 7]"};
    WEFT_TEST_ASSERT_OK(parse_patched(SUMS, old_dtype, &config, &error), error);
    ck_assert_int_eq(config.dtype, WEFT_F16);
    ck_assert_uint_eq(config.eos_token_count, 2);
    ck_assert_int_eq(config.eos_token_ids[1], 7);
    const char *const scaling[6] = {"rope_scaling", "{\"type\": \"default\"}"};
    WEFT_TEST_ASSERT_OK(parse_patched(SUMS, scaling, &config, &error), error);
    const char *const gemma[6] = {"tie_word_embeddings", NULL};
    WEFT_TEST_ASSERT_OK(parse_patched(CONFIGS "gemma3.json", gemma, &config, &error), error);
    ck_assert(config.tie_word_embeddings);
}
END_TEST

START_TEST(a_window_without_a_list_says_which_layers_slide)
{
    weft__model_config config;
    weft_error error;
    const char *const all[6] = {"sliding_window", "32"}; /* as Mistral has it: nothing else is said */
    WEFT_TEST_ASSERT_OK(parse_patched(CONFIGS "llama.json", all, &config, &error), error);
    ck_assert_uint_eq(config.sliding_window, 32);
    ck_assert_int_eq(config.layer_types[0], WEFT__LAYER_SLIDING_ATTENTION);
    const char *const later[6] = {"sliding_window", "32", "max_window_layers", "3"};
    WEFT_TEST_ASSERT_OK(parse_patched(CONFIGS "llama.json", later, &config, &error), error);
    ck_assert_int_eq(config.layer_types[2], WEFT__LAYER_FULL_ATTENTION);
    ck_assert_int_eq(config.layer_types[3], WEFT__LAYER_SLIDING_ATTENTION);
    const char *const off[6] = {"sliding_window", "32", "use_sliding_window", "false"};
    WEFT_TEST_ASSERT_OK(parse_patched(CONFIGS "llama.json", off, &config, &error), error);
    ck_assert_uint_eq(config.sliding_window, 0);
    ck_assert_int_eq(config.layer_types[3], WEFT__LAYER_FULL_ATTENTION);
}
END_TEST

static const struct lie {
    const char *patch[6];
    weft_status status;
    const char *fragments[3];
} lies[] = {
    {{"vocab_size", NULL}, WEFT_PARSE, {"\"vocab_size\"", "missing", NULL}},
    {{"vocab_size", "null"}, WEFT_PARSE, {"\"vocab_size\"", "null", NULL}},
    {{"vocab_size", "0"}, WEFT_PARSE, {"\"vocab_size\"", "is 0", "from 1"}},
    {{"vocab_size", "99999999999"}, WEFT_PARSE, {"\"vocab_size\"", "99999999999", NULL}},
    {{"hidden_size", "-256"}, WEFT_PARSE, {"\"hidden_size\"", "-256", NULL}},
    {{"hidden_size", "256.0"}, WEFT_PARSE, {"\"hidden_size\"", "256", "integer"}},
    {{"hidden_size", "\"256\""}, WEFT_PARSE, {"\"hidden_size\"", "\"256\"", NULL}},
    {{"intermediate_size", "[768]"}, WEFT_PARSE, {"\"intermediate_size\"", "an array of 1", NULL}},
    {{"num_hidden_layers", "513"}, WEFT_PARSE, {"\"num_hidden_layers\"", "513", "512"}},
    {{"num_hidden_layers", "5"}, WEFT_PARSE, {"\"layer_types\"", "an array of 4", "5"}},
    {{"num_attention_heads", "true"}, WEFT_PARSE, {"\"num_attention_heads\"", "true", NULL}},
    {{"num_key_value_heads", "3"}, WEFT_PARSE, {"\"num_attention_heads\" is 4", "\"num_key_value_heads\"", "3"}},
    {{"num_key_value_heads", "8"}, WEFT_PARSE, {"\"num_key_value_heads\"", "8", NULL}},
    {{"head_dim", "63"}, WEFT_PARSE, {"\"head_dim\"", "63", "even"}},
    {{"head_dim", "0"}, WEFT_PARSE, {"\"head_dim\"", "is 0", NULL}},
    {{"head_dim", NULL, "hidden_size", "258"}, WEFT_PARSE, {"\"head_dim\"", "258", "4"}},
    {{"head_dim", NULL, "hidden_size", "3"}, WEFT_PARSE, {"\"head_dim\"", "3", NULL}},
    {{"max_position_embeddings", "1e3"}, WEFT_PARSE, {"\"max_position_embeddings\"", "1000", NULL}},
    {{"rms_norm_eps", "0"}, WEFT_PARSE, {"\"rms_norm_eps\"", "is 0", NULL}},
    {{"rms_norm_eps", "-1e-6"}, WEFT_PARSE, {"\"rms_norm_eps\"", "-1e-06", NULL}},
    {{"rms_norm_eps", "\"1e-6\""}, WEFT_PARSE, {"\"rms_norm_eps\"", "\"1e-6\"", NULL}},
    {{"model_type", "7"}, WEFT_PARSE, {"\"model_type\"", "7", NULL}},
    {{"model_type", "\"\""}, WEFT_PARSE, {"\"model_type\"", "\"\"", NULL}},
    {{"model_type", "\"0123456789012345678901234567890123456789012345678901234567890123\""},
     WEFT_PARSE,
     {"\"model_type\"", "0123456789", "63"}},
    {{"architectures", "\"Qwen3\""}, WEFT_PARSE, {"\"architectures\"", "\"Qwen3\"", NULL}},
    {{"architectures", "[3]"}, WEFT_PARSE, {"\"architectures\"", NULL, NULL}},
    {{"hidden_act", NULL}, WEFT_PARSE, {"\"hidden_act\"", "missing", NULL}},
    {{"hidden_act", "1"}, WEFT_PARSE, {"\"hidden_act\"", "1", NULL}},
    {{"rope_theta", "10000"}, WEFT_PARSE, {"\"rope_theta\"", "10000", "1e+06"}},
    {{"rope_parameters/rope_theta", "0.5"}, WEFT_PARSE, {"\"rope_parameters.rope_theta\"", "0.5", NULL}},
    {{"rope_parameters", "[]"}, WEFT_PARSE, {"\"rope_parameters\"", "an array of 0", NULL}},
    {{"rope_parameters/rope_type", "\"yarn\""}, WEFT_UNSUPPORTED, {"\"rope_parameters.rope_type\"", "\"yarn\"", NULL}},
    {{"rope_parameters/full_attention", "{\"rope_type\": \"default\"}"},
     WEFT_PARSE,
     {"\"rope_parameters.sliding_attention\"", "missing", NULL}},
    {{"rope_parameters/full_attention", "{\"rope_type\": \"linear\"}"},
     WEFT_UNSUPPORTED,
     {"\"rope_parameters.full_attention.rope_type\"", "\"linear\"", NULL}},
    {{"rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 8}"},
     WEFT_UNSUPPORTED,
     {"\"rope_scaling.rope_type\"", "\"llama3\"", NULL}},
    {{"rope_scaling", "{\"type\": \"dynamic\"}"}, WEFT_UNSUPPORTED, {"\"rope_scaling.type\"", "\"dynamic\"", NULL}},
    {{"rope_scaling", "2"}, WEFT_PARSE, {"\"rope_scaling\"", "2", NULL}},
    {{"partial_rotary_factor", "1.5"}, WEFT_PARSE, {"\"partial_rotary_factor\"", "1.5", NULL}},
    {{"partial_rotary_factor", "0.01"}, WEFT_PARSE, {"\"partial_rotary_factor\"", "0.01", "64"}},
    {{"rope_parameters/partial_rotary_factor", "0.3"},
     WEFT_PARSE,
     {"\"rope_parameters.partial_rotary_factor\"", "19", NULL}},
    {{"sliding_window", "0"}, WEFT_PARSE, {"\"sliding_window\"", "0", NULL}},
    {{"use_sliding_window", "1"}, WEFT_PARSE, {"\"use_sliding_window\"", "1", NULL}},
    {{"layer_types", "{}"}, WEFT_PARSE, {"\"layer_types\"", "an object of 0", NULL}},
    {{"layer_types/2", "3"}, WEFT_PARSE, {"\"layer_types[2]\"", "3", NULL}},
    {{"layer_types/2", "\"chunked_attention\""},
     WEFT_UNSUPPORTED,
     {"\"layer_types[2]\"", "\"chunked_attention\"", NULL}},
    {{"layer_types/1", "\"sliding_attention\""}, WEFT_PARSE, {"\"layer_types[1]\"", "\"sliding_window\"", NULL}},
    {{"bos_token_id", "384"}, WEFT_PARSE, {"\"bos_token_id\"", "384", "\"vocab_size\""}},
    {{"bos_token_id", "[0]"}, WEFT_PARSE, {"\"bos_token_id\"", "an array of 1", NULL}},
    {{"eos_token_id", "-1"}, WEFT_PARSE, {"\"eos_token_id\"", "-1", NULL}},
    {{"eos_token_id", "[0, 999]"}, WEFT_PARSE, {"\"eos_token_id\"", "999", NULL}},
    {{"eos_token_id", "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"}, WEFT_PARSE, {"\"eos_token_id\"", "17", "16"}},
    {{"dtype", "\"int4\""}, WEFT_UNSUPPORTED, {"\"dtype\"", "\"int4\"", NULL}},
    {{"dtype", "16"}, WEFT_PARSE, {"\"dtype\"", "16", NULL}},
    {{"tie_word_embeddings", "\"yes\""}, WEFT_PARSE, {"\"tie_word_embeddings\"", "\"yes\"", NULL}},
    {{"attention_bias", "0"}, WEFT_PARSE, {"\"attention_bias\"", "0", NULL}},
};

START_TEST(a_lie_gives_a_sentence)
{
    static const weft__model_config nothing;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        weft__model_config config;
        weft_error error = {0};
        memset(&config, 1, sizeof config);
        weft_status status = parse_patched(SUMS, lies[i].patch, &config, &error);
        WEFT_TEST_ASSERT_FAILS(status, error, lies[i].status, "config.json", lies[i].fragments[0], lies[i].fragments[1],
                               lies[i].fragments[2]);
        ck_assert_mem_eq(&config, &nothing, sizeof config);
    }
}
END_TEST

START_TEST(text_that_is_no_json_is_located)
{
    static const struct {
        const char *text;
        uint32_t line;
        uint32_t column;
        const char *fragment;
    } rows[] = {
        {"", 1, 1, "not valid JSON"},
        {"[1, 2]", 0, 0, "an array of 2"},
        {"{\n  \"é\": 1,\n  \"ü\": x\n}", 3, 9, "'x'"},
        {"{\"a\": 1, \"a\": 2}", 1, 12, "duplicate"},
        {"{\"a\": \"\x01\"}", 1, 7, "control"},
        {"{\"a\": 1}}", 1, 9, "end of file"},
        {"{\"a\": \xff}", 1, 6, "0xff"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weft__model_config config;
        weft_error error = {0};
        weft_status status = weft__model_config_parse(rows[i].text, strlen(rows[i].text), "c.json", &config, &error);
        WEFT_TEST_ASSERT_FAILS(status, error, WEFT_PARSE, "c.json", rows[i].fragment, NULL, NULL);
        ck_assert_msg(error.line == rows[i].line && error.column == rows[i].column, "row %zu: line %u, column %u: %s",
                      i, error.line, error.column, error.message);
    }
}
END_TEST

START_TEST(deep_nesting_is_an_error)
{
    enum {
        DEPTH = 1000000
    };
    char *text = malloc(DEPTH);
    weft__model_config config;
    weft_error error;
    ck_assert_ptr_nonnull(text);
    memset(text, '[', DEPTH);
    WEFT_TEST_ASSERT_FAILS(weft__model_config_parse(text, DEPTH, "deep", &config, &error), error, WEFT_PARSE, "deep",
                           NULL, NULL, NULL);
    free(text);
}
END_TEST

START_TEST(every_truncation_fails)
{
    json_t *document = weft_test_json_load(SUMS);
    char *text = weft_test_json_dump(document);
    size_t bytes = strlen(text);
    for (size_t cut = 0; cut < bytes; cut++) {
        weft__model_config config;
        weft_error error;
        char *copy = malloc(cut ? cut : 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, cut);
        WEFT_TEST_ASSERT_FAILS(weft__model_config_parse(copy, cut, "cut", &config, &error), error, WEFT_PARSE, "cut",
                               NULL, NULL, NULL);
        free(copy);
    }
    free(text);
    json_decref(document);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_gives_a_sentence)
{
    weft__model_config config;
    weft_error error;
    char path[2000];
    WEFT_TEST_ASSERT_FAILS(weft__model_config_load(WEFT_SOURCE_DIR "/models/none.json", &config, &error), error,
                           WEFT_IO, "models/none.json", "No such file", NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft__model_config_load(WEFT_SOURCE_DIR "/models", &config, &error), error, WEFT_IO,
                           "models", "a directory", NULL, NULL);
    memset(path, 'x', sizeof path);
    memcpy(path, "/tmp/", 5);
    memcpy(path + sizeof path - 6, ".json", 6);
    WEFT_TEST_ASSERT_FAILS(weft__model_config_load(path, &config, &error), error, WEFT_IO, "xxx.json", NULL, NULL,
                           NULL);
}
END_TEST

START_TEST(running_out_of_memory_is_an_error)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft__model_config config;
        weft_error error = {0};
        weft_test_fail_allocation_after(n);
        weft_status status = weft__model_config_load(WEFT_SOURCE_DIR "/" SUMS, &config, &error);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert(!failed || weft_test_is_sentence(error.message));
    }
}
END_TEST

WEFT_TEST_MAIN("config", qwen3_is_read, llama_and_the_mixture_are_read, gemma3_has_two_kinds_of_layers,
               qwen3_next_turns_a_part_of_each_head, what_may_be_left_out_has_a_default, older_spellings_are_understood,
               a_window_without_a_list_says_which_layers_slide, a_lie_gives_a_sentence, text_that_is_no_json_is_located,
               deep_nesting_is_an_error, every_truncation_fails, a_file_that_cannot_be_read_gives_a_sentence,
               running_out_of_memory_is_an_error)
