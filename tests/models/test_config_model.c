/* Models that are made of a configuration alone: weights that nobody trained, for costs. */
#include <math.h>

#include "models/sums.h"
#include "support/sentence.h"
#include "support/weft_check.h"

static const char config_path[] = SUMS_LLAMA_DIRECTORY "/config.json";

static weft_model *open_config(weft_device *device, uint64_t seed)
{
    weft_model *model;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_model_open_config(device, config_path, seed, &model, &error), error);
    return model;
}

static void feed(const char *uri, uint64_t seed, float logits[SUMS_VOCAB])
{
    static const int32_t tokens[] = {3, 141, 59, 26, 5};
    weft_error error;
    weft_device *device = sums_open_device(uri);
    weft_model *model = open_config(device, seed);
    weft_context *context = sums_open_context(model, &(weft_context_options){.capacity_tokens = 16});
    WEFT_TEST_ASSERT_OK(weft_context_feed(context, tokens, 5, &error), error);
    WEFT_TEST_ASSERT_OK(weft_context_logits(context, 0, 1, logits, &error), error);
    weft_context_destroy(context);
    weft_model_close(model);
    weft_device_close(device);
}

START_TEST(it_says_what_the_directory_says)
{
    weft_model_info info, of_files;
    weft_error error;
    weft_device *device = sums_open_device("ref");
    weft_model *model = open_config(device, 0);
    weft_model_get_info(model, &info);
    WEFT_TEST_ASSERT_OK(weft_model_describe(SUMS_LLAMA_DIRECTORY, &of_files, &error), error);
    ck_assert_uint_eq(info.parameters, of_files.parameters);
    ck_assert_uint_eq(info.weight_bytes, of_files.weight_bytes);
    ck_assert_uint_eq(info.tensor_count, of_files.tensor_count);
    ck_assert_int_eq(info.dtype, of_files.dtype);
    ck_assert_uint_eq(info.file_count, 0);
    weft_model_close(model);
    weft_device_close(device);
}
END_TEST

START_TEST(a_seed_gives_the_same_numbers_everywhere)
{
    float a[SUMS_VOCAB], b[SUMS_VOCAB], other[SUMS_VOCAB];
    feed("ref", 7, a);
    feed("cpu", 7, b);
    feed("ref", 8, other);
    WEFT_TEST_ASSERT_ARRAYS_CLOSE(a, b, SUMS_VOCAB, 1e-3, 0.0);
    double greatest = 0, difference = 0;
    for (int i = 0; i < SUMS_VOCAB; i++) {
        greatest = fmax(greatest, fabs((double)a[i]));
        difference = fmax(difference, fabs((double)a[i] - (double)other[i]));
    }
    /* An even distribution keeps the size of what is normed: logits are of the size of 1. */
    ck_assert(greatest > 0.5 && greatest < 20);
    ck_assert(difference > 0.1);
}
END_TEST

START_TEST(without_a_seed_all_is_zero)
{
    float logits[SUMS_VOCAB];
    feed("cpu", 0, logits);
    for (int i = 0; i < SUMS_VOCAB; i++)
        ck_assert(logits[i] == 0);
}
END_TEST

START_TEST(skipped_tokens_are_zeros_in_the_cache)
{
    static const int32_t token = 17;
    float logits[SUMS_VOCAB];
    weft_error error;
    weft_device *device = sums_open_device("cpu");
    weft_model *model = open_config(device, 3);
    weft_context *context = sums_open_context(model, &(weft_context_options){.capacity_tokens = 64});
    WEFT_TEST_ASSERT_OK(weft_context_skip(context, 63, &error), error);
    ck_assert_uint_eq(weft_context_position(context), 63);
    WEFT_TEST_ASSERT_FAILS(weft_context_skip(context, 2, &error), error, WEFT_OUT_OF_RANGE, "2 tokens", "63", "64",
                           NULL);
    WEFT_TEST_ASSERT_OK(weft_context_feed(context, &token, 1, &error), error);
    WEFT_TEST_ASSERT_OK(weft_context_logits(context, 0, 1, logits, &error), error);
    for (int i = 0; i < SUMS_VOCAB; i++)
        ck_assert(isfinite(logits[i]));
    weft_context_destroy(context);
    weft_model_close(model);
    weft_device_close(device);
}
END_TEST

START_TEST(files_that_are_no_configuration)
{
    static const struct {
        const char *path;
        weft_status status;
        const char *says;
    } rows[] = {
        {SUMS_DIRECTORY "/nowhere.json", WEFT_IO, "nowhere.json"},
        {SUMS_DIRECTORY, WEFT_IO, "models/sums"},
        {SUMS_DIRECTORY "/card.json", WEFT_PARSE, "model_type"},
        {SUMS_DIRECTORY "/model.safetensors", WEFT_PARSE, "model.safetensors"},
    };
    weft_device *device = sums_open_device("ref");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weft_model *model = (weft_model *)device;
        weft_error error;
        WEFT_TEST_ASSERT_FAILS(weft_model_open_config(device, rows[i].path, 0, &model, &error), error, rows[i].status,
                               rows[i].says, NULL, NULL, NULL);
        ck_assert_ptr_null(model);
    }
    weft_device_close(device);
}
END_TEST

WEFT_TEST_MAIN("config_model", it_says_what_the_directory_says, a_seed_gives_the_same_numbers_everywhere,
               without_a_seed_all_is_zero, skipped_tokens_are_zeros_in_the_cache, files_that_are_no_configuration)
