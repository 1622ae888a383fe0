#include "models/sums.h"

#include <jansson.h>

#include "support/weft_check.h"

static const sums_device devices[] = {
    {"ref", 2e-4},
    {"cpu", 2e-3},
    {"cpu?isa=scalar&threads=1", 2e-3},
    {"cpu?isa=avx2&threads=2", 2e-3},
    {"cpu?isa=avx512&threads=3", 2e-3},
};

const sums_device *sums_device_at(size_t index)
{
    return index < sizeof devices / sizeof devices[0] ? &devices[index] : NULL;
}

weft_device *sums_open_device(const char *uri)
{
    weft_device *device = NULL;
    weft_error error;
    weft_status status = weft_device_open(uri, &device, &error);
    if (status == WEFT_UNSUPPORTED)
        return NULL;
    ck_assert_msg(status == WEFT_OK, "%s: %s", uri, error.message);
    return device;
}

weft_model *sums_open_model(weft_device *device, const char *directory)
{
    weft_model *model = NULL;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_model_open(device, directory, NULL, &model, &error), error);
    return model;
}

weft_context *sums_open_context(weft_model *model, const weft_context_options *options)
{
    weft_context *context = NULL;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_context_create(model, options, &context, &error), error);
    return context;
}

static size_t read_ids(const json_t *list, int32_t ids[SUMS_TOKENS_MAX])
{
    size_t count = json_array_size(list);
    ck_assert_uint_gt(count, 0);
    ck_assert_uint_le(count, SUMS_TOKENS_MAX);
    for (size_t i = 0; i < count; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return count;
}

sums_card *sums_read_card(const char *directory)
{
    char path[512];
    json_error_t error;
    (void)snprintf(path, sizeof path, "%s/card.json", directory);
    json_t *json = json_load_file(path, 0, &error);
    ck_assert_msg(json != NULL, "card.json: %s", error.text);
    const json_t *examples = json_object_get(json, "examples");
    sums_card *card = calloc(1, sizeof *card);
    ck_assert_ptr_nonnull(card);
    card->count = json_array_size(examples);
    ck_assert_uint_le(card->count, SUMS_EXAMPLES_MAX);
    for (size_t i = 0; i < card->count; i++) {
        const json_t *example = json_array_get(examples, i);
        sums_example *out = &card->examples[i];
        out->prompt_count = read_ids(json_object_get(example, "prompt_tokens"), out->prompt);
        out->answer_count = read_ids(json_object_get(example, "greedy_tokens"), out->answer);
    }
    json_decref(json);
    return card;
}

static void find(const weft_safetensors *file, const char *kind, unsigned index, weft_dtype dtype,
                 weft_safetensors_tensor *out)
{
    char name[32];
    weft_error error;
    snprintf(name, sizeof name, "%s.%u", kind, index);
    WEFT_TEST_ASSERT_OK(weft_safetensors_find(file, name, out, &error), error);
    ck_assert_int_eq(out->dtype, dtype);
}

void sums_read_reference(const char *directory, unsigned index, sums_reference *out)
{
    char path[512];
    weft_safetensors *file = NULL;
    weft_error error;
    weft_safetensors_tensor tokens, logits;
    (void)snprintf(path, sizeof path, "%s/reference_logits.safetensors", directory);
    WEFT_TEST_ASSERT_OK(weft_safetensors_open(path, &file, &error), error);
    find(file, "tokens", index, WEFT_I32, &tokens);
    find(file, "logits", index, WEFT_F32, &logits);
    ck_assert_uint_le(tokens.bytes, sizeof out->tokens);
    ck_assert_uint_eq(logits.bytes, tokens.bytes * SUMS_VOCAB);
    out->count = (uint32_t)(tokens.bytes / sizeof(int32_t));
    memcpy(out->tokens, tokens.data, tokens.bytes);
    out->logits = malloc(logits.bytes);
    ck_assert_ptr_nonnull(out->logits);
    memcpy(out->logits, logits.data, logits.bytes);
    weft_safetensors_close(file);
}

float *sums_feed_pieces(weft_context *context, const int32_t *tokens, uint32_t count, const uint32_t *pieces,
                        size_t piece_count)
{
    weft_error error;
    float *logits = malloc((size_t)count * SUMS_VOCAB * sizeof *logits);
    ck_assert_ptr_nonnull(logits);
    uint32_t done = 0;
    for (size_t i = 0; done < count; i++) {
        uint32_t piece = pieces[i % piece_count];
        if (piece > count - done)
            piece = count - done;
        WEFT_TEST_ASSERT_OK(weft_context_feed(context, tokens + done, piece, &error), error);
        WEFT_TEST_ASSERT_OK(weft_context_logits(context, 0, piece, logits + (size_t)done * SUMS_VOCAB, &error), error);
        done += piece;
    }
    return logits;
}

float *sums_feed_all(weft_context *context, const int32_t *tokens, uint32_t count)
{
    return sums_feed_pieces(context, tokens, count, &count, 1);
}
