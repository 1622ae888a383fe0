/* Logits against the reference, and against themselves: all tokens at once, one by one, in pieces of odd sizes. */
#include "models/sums.h"
#include "support/weft_check.h"

static void check_rows(const float *actual, const sums_reference *reference, double bound, const char *uri,
                       const char *how)
{
    size_t count = (size_t)reference->count * SUMS_VOCAB;
    size_t at = weft_test_first_difference(actual, reference->logits, count, bound, 0.0);
    ck_assert_msg(at == count, "%s, %s: row %zu, token %zu is %.9g where %.9g was expected", uri, how, at / SUMS_VOCAB,
                  at % SUMS_VOCAB, (double)actual[at < count ? at : 0], (double)reference->logits[at < count ? at : 0]);
}

static void check_reference(weft_model *model, const sums_reference *reference, const sums_device *on)
{
    static const uint32_t single[] = {1}, odd[] = {3, 1, 7, 2, 64, 1, 1, 17};
    const weft_context_options options = {.capacity_tokens = SUMS_TOKENS_MAX, .all_logits = true};
    weft_context *context = sums_open_context(model, &options);
    float *whole = sums_feed_all(context, reference->tokens, reference->count);
    check_rows(whole, reference, on->bound, on->uri, "in one batch");
    weft_context_reset(context);
    float *steps = sums_feed_pieces(context, reference->tokens, reference->count, single, 1);
    check_rows(steps, reference, on->bound, on->uri, "token by token");
    weft_context_reset(context);
    float *pieces = sums_feed_pieces(context, reference->tokens, reference->count, odd, sizeof odd / sizeof odd[0]);
    check_rows(pieces, reference, on->bound, on->uri, "in pieces");
    size_t count = (size_t)reference->count * SUMS_VOCAB;
    WEFT_TEST_ASSERT_ARRAYS_CLOSE(whole, steps, count, on->bound, 0.0);
    WEFT_TEST_ASSERT_ARRAYS_CLOSE(whole, pieces, count, on->bound, 0.0);
    free(whole);
    free(steps);
    free(pieces);
    weft_context_destroy(context);
}

static void check_model(weft_device *device, const char *directory, unsigned references, const sums_device *on)
{
    weft_model *model = sums_open_model(device, directory);
    for (unsigned i = 0; i < references; i++) {
        sums_reference reference;
        sums_read_reference(directory, i, &reference);
        check_reference(model, &reference, on);
        free(reference.logits);
    }
    weft_model_close(model);
}

START_TEST(reference_prompts)
{
    const sums_device *on = sums_device_at((size_t)_i);
    weft_device *device = sums_open_device(on->uri);
    if (!device)
        return;
    check_model(device, SUMS_DIRECTORY, SUMS_REFERENCES, on);
    check_model(device, SUMS_LLAMA_DIRECTORY, 2, on); /* as its kernels are those of the other */
    weft_device_close(device);
}
END_TEST

/* A feed of more than a batch runs as several stages; what comes out is the last row of the whole. */
START_TEST(long_feeds_are_cut_into_batches)
{
    static const uint32_t batches[] = {5, 64, 223, 300};
    const sums_device *on = sums_device_at((size_t)_i);
    weft_device *device = sums_open_device(on->uri);
    if (!device)
        return;
    weft_model *model = sums_open_model(device, SUMS_DIRECTORY);
    sums_reference reference;
    sums_read_reference(SUMS_DIRECTORY, 3, &reference);
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        const weft_context_options options = {.capacity_tokens = SUMS_TOKENS_MAX, .batch_tokens = batches[i]};
        weft_context *context = sums_open_context(model, &options);
        float last[SUMS_VOCAB];
        weft_error error;
        weft_context_info info;
        WEFT_TEST_ASSERT_OK(weft_context_feed(context, reference.tokens, reference.count, &error), error);
        WEFT_TEST_ASSERT_OK(weft_context_logits(context, 0, 1, last, &error), error);
        WEFT_TEST_ASSERT_ARRAYS_CLOSE(last, reference.logits + (size_t)(reference.count - 1) * SUMS_VOCAB, SUMS_VOCAB,
                                      on->bound, 0.0);
        weft_context_get_info(context, &info);
        uint64_t stages = (reference.count + batches[i] - 1) / batches[i];
        ck_assert_uint_eq(info.session.spent.command_buffers_submitted, stages);
        ck_assert_uint_eq(info.session.fence_value, stages - 1);
        ck_assert_uint_eq(info.session.wait_count, stages - 1);
        ck_assert_uint_eq(info.session.spent.syncs, 1);
        weft_context_destroy(context);
    }
    free(reference.logits);
    weft_model_close(model);
    weft_device_close(device);
}
END_TEST

int main(void)
{
    int count = 0;
    while (sums_device_at((size_t)count))
        count++;
    Suite *suite = suite_create("logits");
    TCase *tcase = tcase_create("logits");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, reference_prompts, 0, count);
    tcase_add_loop_test(tcase, long_feeds_are_cut_into_batches, 0, count);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
