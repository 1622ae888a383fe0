/* Memory: decoding takes none, and running out of it anywhere is an error that leaves nothing behind. */
#include "models/directory.h"
#include "models/sums.h"
#include "support/failing_malloc.h"
#include "support/sanitizers.h"
#include "support/weft_check.h"

static const int32_t prompt[] = {21, 22, 26, 13, 20, 25, 23, 31}; /* 348+275= */
static const int32_t answer[] = {24, 20, 21};
enum {
    PROMPT = sizeof prompt / sizeof prompt[0],
    ANSWER = sizeof answer / sizeof answer[0],
};

START_TEST(decoding_allocates_nothing)
{
    /* Far enough for whatever grows with the length of the cache to have grown. The address sanitizer changes nothing
     * of what is counted here, and makes each step some twenty times as dear. */
    const int part = WEFT_TEST_ADDRESS_SANITIZER ? 8 : 1;
    static const struct {
        const char *uri;
        int steps;
    } runs[] = {{"ref", 560}, {"cpu", 2000}, {"cpu?threads=3", 2000}};
    weft_device *device = sums_open_device(runs[_i].uri);
    weft_model *model = sums_open_model(device, SUMS_DIRECTORY);
    weft_context *context = sums_open_context(model, &(weft_context_options){.capacity_tokens = 2100});
    const weft_sample_params params = {.temperature = 1.0f, .top_k = 40, .top_p = 0.9f, .seed = 3};
    weft_counters before, after;
    weft_error error;
    int32_t token = 0;
    WEFT_TEST_ASSERT_OK(weft_context_feed_and_sample(context, prompt, PROMPT, &params, &token, &error), error);
    WEFT_TEST_ASSERT_OK(weft_context_feed_and_sample(context, &token, 1, &params, &token, &error), error);
    weft_device_counters(device, &before);
    uint64_t allocations = weft_test_allocations();
    weft_status status = WEFT_OK;
    for (int i = 0; i < runs[_i].steps / part && status == WEFT_OK; i++)
        status = weft_context_feed_and_sample(context, &token, 1, i % 2 ? NULL : &params, &token, &error);
    allocations = weft_test_allocations() - allocations;
    weft_device_counters(device, &after);
    WEFT_TEST_ASSERT_OK(status, error);
    ck_assert_uint_eq(allocations, 0);
    ck_assert_uint_eq(after.bytes_allocated, before.bytes_allocated);
    weft_context_destroy(context);
    weft_model_close(model);
    weft_device_close(device);
}
END_TEST

/* Opens, prefills in two stages, decodes, and gives everything back, as far as it comes. */
static weft_status run_all(weft_device *device, const weft_context_options *options, int32_t tokens[ANSWER])
{
    weft_model *model = NULL;
    weft_context *context = NULL;
    weft_status status = weft_model_open(device, SUMS_DIRECTORY, NULL, &model, NULL);
    if (status == WEFT_OK)
        status = weft_context_create(model, options, &context, NULL);
    const int32_t *ids = prompt;
    size_t count = PROMPT;
    for (size_t i = 0; i < ANSWER && status == WEFT_OK; i++) {
        status = weft_context_feed_and_sample(context, ids, count, NULL, &tokens[i], NULL);
        ids = &answer[i];
        count = 1;
    }
    weft_context_destroy(context);
    weft_model_close(model);
    return status;
}

static bool take_token(void *user, int32_t token)
{
    int32_t **next = user;
    *(*next)++ = token;
    return true;
}

/* The same by the other calls: a feed, a draw, then a whole generation after a reset. */
static weft_status run_other_calls(weft_device *device, const weft_context_options *options, int32_t tokens[ANSWER])
{
    weft_model *model = NULL;
    weft_context *context = NULL;
    weft_status status = weft_model_open(device, SUMS_DIRECTORY, NULL, &model, NULL);
    if (status == WEFT_OK)
        status = weft_context_create(model, options, &context, NULL);
    if (status == WEFT_OK)
        status = weft_context_feed(context, prompt, PROMPT, NULL);
    if (status == WEFT_OK)
        status = weft_context_sample(context, &(weft_sample_params){.temperature = 0.5f}, &tokens[0], NULL);
    if (status == WEFT_OK)
        weft_context_reset(context);
    const weft_generate_params params = {.tokens_max = ANSWER};
    int32_t *next = tokens;
    if (status == WEFT_OK)
        status = weft_generate(context, prompt, PROMPT, &params, take_token, &next, NULL, NULL);
    weft_context_destroy(context);
    weft_model_close(model);
    return status;
}

START_TEST(running_out_anywhere_is_an_error)
{
    static const char *const uris[] = {"ref", "cpu?threads=1", "cpu?threads=2", "cpu?threads=1"};
    bool by_generate = _i == 3;
    const weft_context_options options = {.capacity_tokens = 32, .batch_tokens = 5};
    bool failed = true;
    uint64_t n = 0;
    for (; failed; n++) {
        /* A fresh device each time: what it keeps ready from the last round would hide allocations. */
        weft_device *device = sums_open_device(uris[_i]);
        int32_t tokens[ANSWER] = {0};
        weft_test_fail_allocation_after(n);
        weft_status status =
            by_generate ? run_other_calls(device, &options, tokens) : run_all(device, &options, tokens);
        failed = weft_test_stop_failing();
        weft_counters counters;
        weft_device_counters(device, &counters);
        /* A label that finds no room is left out and nothing else, so a failed allocation may go well. */
        bool is_right = status == WEFT_OK && memcmp(tokens, answer, sizeof answer) == 0;
        ck_assert_msg(is_right || (failed && status == WEFT_OUT_OF_MEMORY), "%s, allocation %u: %s", uris[_i],
                      (unsigned)n, weft_status_name(status));
        ck_assert_uint_eq(counters.bytes_allocated, 0);
        weft_device_close(device);
    }
    ck_assert_uint_gt(n, 100);
}
END_TEST

/* From some allocation on there is nothing: still an error, and everything can be given back. */
START_TEST(running_out_for_good_is_an_error)
{
    const weft_context_options options = {.capacity_tokens = 32};
    bool failed = true;
    for (uint64_t n = 0; failed; n += 7) {
        weft_device *device = sums_open_device("cpu");
        int32_t tokens[ANSWER] = {0};
        weft_test_fail_all_allocations_after(n);
        weft_status status = run_all(device, &options, tokens);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == WEFT_OUT_OF_MEMORY || status == WEFT_OK, "allocation %u: %s", (unsigned)n,
                      weft_status_name(status));
        weft_device_close(device);
    }
}
END_TEST

/* A directory with shards, whose weights are copied, and a tokenizer. */
static weft_status open_parts(weft_device *device, const char *path)
{
    weft_model *model = NULL;
    weft_model_info info;
    weft_tokenizer *tokenizer = NULL;
    weft_status status = weft_model_describe(path, &info, NULL);
    if (status == WEFT_OK)
        status = weft_model_open(device, path, &(weft_model_options){.copy_weights = true}, &model, NULL);
    if (status == WEFT_OK)
        status = weft_model_open_tokenizer(path, &info, &tokenizer, NULL);
    weft_tokenizer_close(tokenizer);
    weft_model_close(model);
    return status;
}

START_TEST(running_out_while_opening_is_an_error)
{
    directory at = directory_create();
    directory_write_shards(&at, NULL, NULL);
    weft_device *device = sums_open_device("cpu?threads=1");
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_test_fail_allocation_after(n);
        weft_status status = open_parts(device, at.path);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %u: %s", (unsigned)n,
                      weft_status_name(status));
        weft_counters counters;
        weft_device_counters(device, &counters);
        ck_assert_uint_eq(counters.bytes_allocated, 0);
    }
    weft_device_close(device);
    directory_remove(&at);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *tcase = tcase_create("memory");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, decoding_allocates_nothing, 0, 3);
    tcase_add_loop_test(tcase, running_out_anywhere_is_an_error, 0, 4);
    tcase_add_test(tcase, running_out_for_good_is_an_error);
    tcase_add_test(tcase, running_out_while_opening_is_an_error);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
