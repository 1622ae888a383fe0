/* What contexts promise besides numbers: errors that leave them as they were, errors that are final, budgets, sampling,
 * generating, and what may be closed before what. */
#include <pthread.h>

#include "models/sums.h"
#include "support/sentence.h"
#include "support/weft_check.h"

static const int32_t prompt[] = {21, 22, 26, 13, 20, 25, 23, 31}; /* 348+275= */
static const int32_t answer[] = {24, 20, 21, 201};                /* 623 and a newline */
enum {
    PROMPT = sizeof prompt / sizeof prompt[0],
    ANSWER = sizeof answer / sizeof answer[0],
};

static weft_device *device;
static weft_model *model;

static void open_all(void)
{
    device = sums_open_device("cpu?threads=2");
    ck_assert_ptr_nonnull(device);
    model = sums_open_model(device, SUMS_DIRECTORY);
}

static void close_all(void)
{
    weft_model_close(model);
    weft_device_close(device);
}

static void assert_next(weft_context *context, const int32_t *ids, size_t count, int32_t expected)
{
    int32_t token = -1;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_context_feed_and_sample(context, ids, count, NULL, &token, &error), error);
    ck_assert_int_eq(token, expected);
}

START_TEST(refused_calls_leave_the_context_as_it_was)
{
    static const int32_t below[] = {21, -1}, above[] = {21, 22, SUMS_VOCAB};
    weft_context *context = sums_open_context(model, &(weft_context_options){.capacity_tokens = PROMPT + 2});
    int32_t token;
    float row[SUMS_VOCAB];
    weft_error e;
    WEFT_TEST_ASSERT_FAILS(weft_context_sample(context, NULL, &token, &e), e, WEFT_INVALID_STATE, "nothing was fed",
                           NULL, NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_context_logits(context, 0, 1, row, &e), e, WEFT_OUT_OF_RANGE, "1 rows", "0", NULL,
                           NULL);
    WEFT_TEST_ASSERT_FAILS(weft_context_feed(context, prompt, 0, &e), e, WEFT_INVALID_ARGUMENT, "no tokens", NULL, NULL,
                           NULL);
    WEFT_TEST_ASSERT_FAILS(weft_context_feed(context, below, 2, &e), e, WEFT_OUT_OF_RANGE, "Token 1", "-1", "383",
                           NULL);
    WEFT_TEST_ASSERT_FAILS(weft_context_feed(context, above, 3, &e), e, WEFT_OUT_OF_RANGE, "Token 2", "384", "383",
                           NULL);
    assert_next(context, prompt, PROMPT, answer[0]);
    WEFT_TEST_ASSERT_FAILS(weft_context_feed(context, prompt, 3, &e), e, WEFT_OUT_OF_RANGE, "3 tokens", "8", "10",
                           NULL);
    WEFT_TEST_ASSERT_FAILS(weft_context_feed(context, prompt, SIZE_MAX, &e), e, WEFT_OUT_OF_RANGE, "capacity", NULL,
                           NULL, NULL);
    ck_assert_uint_eq(weft_context_position(context), PROMPT);
    assert_next(context, &answer[0], 1, answer[1]);
    assert_next(context, &answer[1], 1, answer[2]);
    WEFT_TEST_ASSERT_FAILS(weft_context_feed(context, &answer[2], 1, &e), e, WEFT_OUT_OF_RANGE, "1 tokens", "10", NULL,
                           NULL);
    WEFT_TEST_ASSERT_FAILS(weft_context_logits(context, 0, 2, row, &e), e, WEFT_OUT_OF_RANGE, "2 rows", "1", NULL,
                           NULL);
    WEFT_TEST_ASSERT_FAILS(weft_context_logits(context, 2, 0, row, &e), e, WEFT_OUT_OF_RANGE, "row 2", NULL, NULL,
                           NULL);
    WEFT_TEST_ASSERT_OK(weft_context_sample(context, NULL, &token, &e), e);
    ck_assert_int_eq(token, answer[2]);
    weft_context_reset(context);
    WEFT_TEST_ASSERT_STATUS(weft_context_sample(context, NULL, &token, NULL), WEFT_INVALID_STATE);
    ck_assert_int_eq(token, -1);
    assert_next(context, prompt, PROMPT, answer[0]);
    weft_context_destroy(context);
}
END_TEST

START_TEST(options_are_checked_and_cut)
{
    weft_context *context = NULL;
    weft_context_info info;
    weft_error e;
    WEFT_TEST_ASSERT_FAILS(weft_context_create(model, &(weft_context_options){.capacity_tokens = 4097}, &context, &e),
                           e, WEFT_OUT_OF_RANGE, "4097", "4096", NULL, NULL);
    ck_assert_ptr_null(context);
    context = sums_open_context(model, NULL);
    weft_context_get_info(context, &info);
    ck_assert_uint_eq(info.capacity_tokens, 4096);
    ck_assert_uint_eq(info.batch_tokens, 512);
    ck_assert_uint_eq(info.cache_bytes, 4096u * 4 * 2 * 2 * 64 * sizeof(float));
    weft_context_destroy(context);
    context = sums_open_context(model, &(weft_context_options){.capacity_tokens = 5, .all_logits = true});
    weft_context_get_info(context, &info);
    ck_assert_uint_eq(info.batch_tokens, 5);
    weft_context_destroy(context);
    context = sums_open_context(model, &(weft_context_options){.batch_tokens = 4, .all_logits = true});
    WEFT_TEST_ASSERT_FAILS(weft_context_feed(context, prompt, 5, &e), e, WEFT_OUT_OF_RANGE, "4", "5", NULL, NULL);
    WEFT_TEST_ASSERT_OK(weft_context_feed(context, prompt, 4, &e), e);
    weft_context_get_info(context, &info);
    ck_assert_uint_eq(info.logits_rows, 4);
    weft_context_destroy(context);
    weft_context_destroy(NULL);
    weft_model_close(NULL);
}
END_TEST

START_TEST(bad_sampling_is_refused_before_anything_runs)
{
    static const weft_sample_params bad[] = {
        {.temperature = -1.0f}, {.temperature = NAN}, {.temperature = 1.0f, .top_p = 2.0f}, {.min_p = 1.5f}};
    weft_context *context = sums_open_context(model, &(weft_context_options){.capacity_tokens = 32});
    int32_t token;
    weft_error e;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        WEFT_TEST_ASSERT_FAILS(weft_context_feed_and_sample(context, prompt, PROMPT, &bad[i], &token, &e), e,
                               WEFT_INVALID_ARGUMENT, "sample", NULL, NULL, NULL);
    ck_assert_uint_eq(weft_context_position(context), 0);
    assert_next(context, prompt, PROMPT, answer[0]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        WEFT_TEST_ASSERT_STATUS(weft_context_sample(context, &bad[i], &token, NULL), WEFT_INVALID_ARGUMENT);
    assert_next(context, &answer[0], 1, answer[1]);
    weft_context_destroy(context);
}
END_TEST

/* Drawing in the stage of the pass and drawing afterwards are the same draw. */
START_TEST(sampling_repeats_itself)
{
    weft_context *context = sums_open_context(model, &(weft_context_options){.capacity_tokens = 32});
    int32_t token, again, first = -1;
    bool varies = false;
    weft_error e;
    for (uint64_t draw = 0; draw < 40; draw++) {
        const weft_sample_params params = {.temperature = 4.0f, .top_k = 50, .seed = 7, .draw = draw};
        weft_context_reset(context);
        WEFT_TEST_ASSERT_OK(weft_context_feed_and_sample(context, prompt, PROMPT, &params, &token, &e), e);
        WEFT_TEST_ASSERT_OK(weft_context_sample(context, &params, &again, &e), e);
        ck_assert_int_eq(token, again);
        first = draw == 0 ? token : first;
        varies |= token != first;
    }
    ck_assert(varies);
    weft_context_destroy(context);
}
END_TEST

/* A budget that allows two stages: the third is refused, and the refusal is final. */
START_TEST(errors_of_the_session_are_final)
{
    const weft_context_options options = {.capacity_tokens = 32,
                                          .session = {.budget = {.max_submits = 2}, .label = "decoding"}};
    weft_context *context = sums_open_context(model, &options);
    weft_error e;
    int32_t token = 0;
    float row[SUMS_VOCAB];
    assert_next(context, prompt, PROMPT, answer[0]);
    assert_next(context, &answer[0], 1, answer[1]);
    WEFT_TEST_ASSERT_FAILS(weft_context_feed_and_sample(context, &answer[1], 1, NULL, &token, &e), e,
                           WEFT_BUDGET_EXCEEDED, "decoding", "tokens 1 at 9", NULL, NULL);
    ck_assert_int_eq(token, -1);
    WEFT_TEST_ASSERT_FAILS(weft_context_feed(context, &answer[1], 1, &e), e, WEFT_BUDGET_EXCEEDED, "decoding", NULL,
                           NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_context_sample(context, NULL, &token, &e), e, WEFT_BUDGET_EXCEEDED, "decoding", NULL,
                           NULL, NULL);
    WEFT_TEST_ASSERT_STATUS(weft_context_logits(context, 0, 1, row, NULL), WEFT_BUDGET_EXCEEDED);
    weft_context_reset(context);
    WEFT_TEST_ASSERT_STATUS(weft_context_feed(context, prompt, 1, NULL), WEFT_BUDGET_EXCEEDED);
    weft_context_destroy(context);
}
END_TEST

/* A decode step is one command buffer, one submission and one wait. Of the 19 dispatches of a layer five take their
 * producers in: two norms of heads with their ropes, the two projections of the feed-forward layer, and both additions,
 * each with the norm behind it, the last with the final one. */
START_TEST(a_step_costs_one_submission)
{
    static const struct {
        weft_context_options options;
        unsigned dispatches, barriers;
    } rows[] = {
        {{.capacity_tokens = 32, .no_graph = true}, 4 * 19 + 4, 55},
        {{.capacity_tokens = 32, .no_fuse = true, .no_reorder = true}, 4 * 19 + 4, 55},
        {{.capacity_tokens = 32, .no_fuse = true}, 4 * 19 + 4, 55},
        {{.capacity_tokens = 32, .no_reorder = true}, 4 * 13 + 4, 39},
        {{.capacity_tokens = 32}, 4 * 13 + 4, 39},
        {{.capacity_tokens = 32, .session = {.encoder = {.barriers = WEFT_BARRIERS_INFERRED}}}, 4 * 19 + 4, 55},
    };
    weft_context *context = sums_open_context(model, &rows[_i].options);
    weft_counters before, after;
    assert_next(context, prompt, PROMPT, answer[0]);
    weft_device_counters(device, &before);
    assert_next(context, &answer[0], 1, answer[1]);
    weft_device_counters(device, &after);
    ck_assert_uint_eq(after.command_buffers_created - before.command_buffers_created, 1);
    ck_assert_uint_eq(after.command_buffers_submitted - before.command_buffers_submitted, 1);
    ck_assert_uint_eq(after.dispatches - before.dispatches, rows[_i].dispatches);
    ck_assert_uint_eq(after.barriers - before.barriers, rows[_i].barriers);
    ck_assert_uint_eq(after.syncs - before.syncs, 1);
    ck_assert_uint_eq(after.bytes_allocated, before.bytes_allocated);
    weft_context_destroy(context);
}
END_TEST

/* Logits of a prompt fed token by token, a reset in between: bit for bit those of recorded passes while nothing is
 * fused, and within twice the bound that logits keep from the reference otherwise. */
START_TEST(a_graph_gives_what_recording_gives)
{
    static const weft_context_options options[] = {
        {.capacity_tokens = 32, .no_graph = true},
        {.capacity_tokens = 32, .no_fuse = true, .no_reorder = true},
        {.capacity_tokens = 32, .no_fuse = true},
        {.capacity_tokens = 32, .no_reorder = true},
        {.capacity_tokens = 32},
    };
    static const char *const uris[] = {"ref", "cpu?threads=2", "cpu?threads=2&shuffle=9"};
    static float expected[PROMPT][SUMS_VOCAB], given[PROMPT][SUMS_VOCAB];
    weft_device *own_device = sums_open_device(uris[_i]);
    weft_model *own = sums_open_model(own_device, SUMS_DIRECTORY);
    weft_error e;
    for (size_t o = 0; o < sizeof options / sizeof options[0]; o++) {
        weft_context *context = sums_open_context(own, &options[o]);
        float(*rows)[SUMS_VOCAB] = o ? given : expected;
        for (int round = 0; round < 2; round++) {
            weft_context_reset(context);
            for (uint32_t i = 0; i < PROMPT; i++) {
                WEFT_TEST_ASSERT_OK(weft_context_feed(context, &prompt[i], 1, &e), e);
                WEFT_TEST_ASSERT_OK(weft_context_logits(context, 0, 1, rows[i], &e), e);
            }
        }
        if (options[o].no_fuse)
            ck_assert_msg(memcmp(given, expected, sizeof given) == 0, "options %zu give other bits", o);
        for (uint32_t i = 0; i < PROMPT; i++)
            for (uint32_t v = 0; o && v < SUMS_VOCAB; v++)
                ck_assert(
                    weft_test_close((double)given[i][v], (double)expected[i][v], 2 * sums_device_at(0)->bound, 0));
        weft_context_destroy(context);
    }
    weft_model_close(own);
    weft_device_close(own_device);
}
END_TEST

static bool stop_at_second(void *user, int32_t token)
{
    (void)token;
    return ++*(int *)user < 2;
}

START_TEST(generating_ends_for_four_reasons)
{
    static const int32_t stop = 201;
    const struct {
        weft_generate_params params;
        uint32_t capacity;
        weft_token_callback callback;
        size_t tokens;
        weft_stop_reason reason;
    } rows[] = {
        {{.stop_tokens = &stop, .stop_count = 1}, 32, NULL, ANSWER, WEFT_STOP_TOKEN},
        {{.stop_tokens = &stop, .stop_count = 1, .tokens_max = ANSWER}, 32, NULL, ANSWER, WEFT_STOP_TOKEN},
        {{.tokens_max = 0}, 32, NULL, ANSWER, WEFT_STOP_TOKEN}, /* the model's own stop tokens */
        {{.tokens_max = 3}, 32, NULL, 3, WEFT_STOP_TOKENS_MAX},
        {{.tokens_max = 1}, 32, NULL, 1, WEFT_STOP_TOKENS_MAX},
        {{.stop_tokens = &stop, .stop_count = 0, .tokens_max = 9}, 32, NULL, 9, WEFT_STOP_TOKENS_MAX},
        {{.tokens_max = 0}, 32, stop_at_second, 2, WEFT_STOP_CALLBACK},
        {{.tokens_max = 5}, PROMPT + 1, NULL, 2, WEFT_STOP_CAPACITY},
        {{.tokens_max = 5}, PROMPT, NULL, 1, WEFT_STOP_CAPACITY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weft_context *context = sums_open_context(model, &(weft_context_options){.capacity_tokens = rows[i].capacity});
        weft_generate_result result;
        weft_error e;
        int calls = 0;
        WEFT_TEST_ASSERT_OK(
            weft_generate(context, prompt, PROMPT, &rows[i].params, rows[i].callback, &calls, &result, &e), e);
        ck_assert_msg(result.tokens == rows[i].tokens, "row %zu: %zu tokens", i, result.tokens);
        ck_assert_msg(result.reason == rows[i].reason, "row %zu: %s", i, weft_stop_reason_name(result.reason));
        weft_context_destroy(context);
    }
    ck_assert_str_eq(weft_stop_reason_name(WEFT_STOP_CAPACITY), "capacity");
}
END_TEST

/* A conversation: the second prompt follows the first answer in the same context. */
START_TEST(generating_goes_on_where_it_stood)
{
    static const int32_t stop = 201;
    const weft_generate_params params = {.stop_tokens = &stop, .stop_count = 1};
    int32_t second[1 + PROMPT] = {201};
    memcpy(second + 1, prompt, sizeof prompt);
    weft_context *context = sums_open_context(model, &(weft_context_options){.capacity_tokens = 64});
    weft_generate_result result;
    weft_error e;
    WEFT_TEST_ASSERT_OK(weft_generate(context, prompt, PROMPT, &params, NULL, NULL, NULL, &e), e);
    WEFT_TEST_ASSERT_OK(weft_generate(context, second, 1 + PROMPT, &params, NULL, NULL, &result, &e), e);
    ck_assert_uint_eq(result.tokens, ANSWER);
    ck_assert_uint_eq(weft_context_position(context), 2 * (PROMPT + ANSWER) - 1);
    WEFT_TEST_ASSERT_FAILS(weft_generate(context, prompt, 0, &params, NULL, NULL, &result, &e), e,
                           WEFT_INVALID_ARGUMENT, "no tokens", NULL, NULL, NULL);
    ck_assert_uint_eq(result.tokens, 0);
    weft_context_destroy(context);
}
END_TEST

START_TEST(contexts_outlive_model_and_device)
{
    weft_device *own_device = sums_open_device("cpu?threads=1");
    weft_model *own = sums_open_model(own_device, SUMS_DIRECTORY);
    weft_context *context = sums_open_context(own, &(weft_context_options){.capacity_tokens = 32});
    weft_error e;
    weft_model_close(own);
    assert_next(context, prompt, PROMPT, answer[0]);
    weft_device_close(own_device);
    WEFT_TEST_ASSERT_STATUS(weft_context_feed(context, answer, 1, &e), WEFT_INVALID_STATE);
    weft_context_destroy(context);
}
END_TEST

static void *generate_in_thread(void *out_or_null)
{
    bool *right = out_or_null;
    weft_context *context = NULL;
    *right = weft_context_create(model, &(weft_context_options){.capacity_tokens = 32}, &context, NULL) == WEFT_OK;
    for (int round = 0; *right && round < 3; round++) {
        const int32_t *ids = prompt;
        size_t count = PROMPT;
        weft_context_reset(context);
        for (size_t i = 0; *right && i < ANSWER; i++) {
            int32_t token = -1;
            weft_status status = weft_context_feed_and_sample(context, ids, count, NULL, &token, NULL);
            *right = status == WEFT_OK && token == answer[i];
            ids = &answer[i];
            count = 1;
        }
    }
    weft_context_destroy(context);
    return NULL;
}

START_TEST(contexts_in_several_threads)
{
    pthread_t threads[4];
    bool right[4];
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, generate_in_thread, &right[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(right[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("context");
    TCase *tcase = tcase_create("context");
    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, open_all, close_all);
    tcase_add_test(tcase, refused_calls_leave_the_context_as_it_was);
    tcase_add_test(tcase, options_are_checked_and_cut);
    tcase_add_test(tcase, bad_sampling_is_refused_before_anything_runs);
    tcase_add_test(tcase, sampling_repeats_itself);
    tcase_add_test(tcase, errors_of_the_session_are_final);
    tcase_add_loop_test(tcase, a_step_costs_one_submission, 0, 6);
    tcase_add_loop_test(tcase, a_graph_gives_what_recording_gives, 0, 3);
    tcase_add_test(tcase, generating_ends_for_four_reasons);
    tcase_add_test(tcase, generating_goes_on_where_it_stood);
    tcase_add_test(tcase, contexts_outlive_model_and_device);
    tcase_add_test(tcase, contexts_in_several_threads);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
