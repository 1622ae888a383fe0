/* Budgets: of sessions and of spans, each limit, what is refused and what goes on afterwards. */
#include "support/runtime_test.h"

#include "support/failing_device.h"

static weft_span *begin(weft_device *device, const char *label, weft_budget budget)
{
    weft_span *span;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_span_begin(device, label, &budget, &span, &error), error);
    return span;
}

/* One command buffer of each part, as the plain form of the experiment has it, until one is refused. */
static uint64_t commit_plain(weft_device *device, weft_buffer *x, uint64_t parts, weft_error *error)
{
    for (uint64_t i = 0; i < parts; i++) {
        char label[32];
        (void)snprintf(label, sizeof label, "plain.%s.layer%d", i % 2 ? "ffn" : "attn", (int)(i / 2));
        weft_encoder *encoder = test_encoder(device, NULL);
        OK(weft_add(encoder, x, x, x, NULL));
        weft_status status = weft_encoder_commit(encoder, label, error);
        weft_encoder_destroy(encoder);
        if (status) {
            ck_assert_int_eq(status, WEFT_BUDGET_EXCEEDED);
            return i;
        }
    }
    return parts;
}

static weft_status run_session(weft_session *session, weft_buffer *x, uint64_t stages, weft_error *error)
{
    weft_encoder *encoder = weft_session_encoder(session);
    for (uint64_t i = 0; i < stages; i++) {
        char label[32];
        (void)snprintf(label, sizeof label, "session.attn.layer%d", (int)i);
        if (i)
            OK(weft_session_reset_for_next_stage(session, NULL));
        OK(weft_add(encoder, x, x, x, NULL));
        OK(weft_encoder_barrier(encoder, NULL));
        OK(weft_add(encoder, x, x, x, NULL));
        weft_status status = weft_session_fence_stage(session, label, error);
        if (status)
            return status;
    }
    return WEFT_OK;
}

START_TEST(five_command_buffers_are_enough_for_the_session_and_not_for_the_plain_form)
{
    weft_device *device = test_open("cpu");
    weft_buffer *x = test_floats(device, 4, 1.0f);
    weft_error error = {0};
    weft_span *span = begin(device, "five layers", (weft_budget){.max_command_buffers = 5});
    ck_assert_uint_eq(commit_plain(device, x, 10, &error), 5);
    ck_assert_str_eq(error.message, "Stage 'plain.ffn.layer2' exceeds the budget of 'five layers': it would make 6 "
                                    "command buffers, and 5 are allowed.");
    weft_counters spent;
    FAILS(weft_span_end(span, &spent, &error), WEFT_BUDGET_EXCEEDED, "'five layers'", "6 command buffers");
    ck_assert_uint_eq(spent.command_buffers_created, 6);
    ck_assert_uint_eq(spent.command_buffers_submitted, 5);

    span = begin(device, "five layers", (weft_budget){.max_command_buffers = 5});
    weft_session *session = test_session(device, NULL);
    OK(run_session(session, x, 5, NULL));
    OK(weft_session_wait(session, NULL));
    OK(weft_span_end(span, &spent, NULL));
    ck_assert_uint_eq(spent.command_buffers_created, 5);
    ck_assert_uint_eq(spent.barriers, 5);
    ck_assert_uint_eq(spent.fences_signalled, 5);
    ck_assert_uint_eq(spent.fence_waits, 4);
    ck_assert_uint_eq(spent.syncs, 1);
    weft_session_destroy(session);

    weft_session_options options = {.budget = {.max_command_buffers = 5}, .label = "the pass"};
    session = test_session(device, &options);
    OK(run_session(session, x, 5, NULL));
    weft_session_destroy(session);
    session = test_session(device, &options);
    FAILS(run_session(session, x, 6, &error), WEFT_BUDGET_EXCEEDED,
          "Stage 'session.attn.layer5' exceeds the budget of 'the pass': it would make 6 command buffers, and 5 are "
          "allowed.");
    float value;
    ck_assert_int_eq(weft_buffer_read(x, 0, &value, sizeof value, NULL), WEFT_INVALID_STATE);
    FAILS(weft_session_commit_and_wait(session, &error), WEFT_BUDGET_EXCEEDED, "6 command buffers");
    OK(weft_buffer_read(x, 0, &value, sizeof value, NULL)); /* what was submitted has been waited for all the same */
    OK(weft_session_wait(session, NULL));
    weft_session_destroy(session);
    weft_buffer_destroy(x);
    weft_device_close(device);
}
END_TEST

/* A limit and something that comes up to it exactly: one stage of 2 dispatches, 1 barrier and a fence. */
static const struct {
    weft_budget budget;
    uint64_t stages; /* that fit */
    const char *fragment;
} limits[] = {
    {{.max_command_buffers = 3}, 3, "4 command buffers, and 3 are allowed"},
    {{.max_submits = 2}, 2, "3 submits, and 2 are allowed"},
    {{.max_dispatches = 5}, 2, "6 dispatches, and 5 are allowed"},
    {{.max_dispatches = 6}, 3, "8 dispatches, and 6 are allowed"},
    {{.max_barriers = 1}, 1, "2 barriers, and 1 are allowed"},
    {{.max_fences = 4}, 4, "5 fences, and 4 are allowed"},
    {{.max_command_buffers = WEFT_BUDGET_NONE}, 0, "1 command buffers, and 0 are allowed"},
    {{.max_submits = WEFT_BUDGET_NONE}, 0, "1 submits, and 0 are allowed"},
    {{.max_dispatches = WEFT_BUDGET_NONE}, 0, "2 dispatches, and 0 are allowed"},
    {{.max_barriers = WEFT_BUDGET_NONE}, 0, "1 barriers, and 0 are allowed"},
    {{.max_fences = WEFT_BUDGET_NONE}, 0, "1 fences, and 0 are allowed"},
    {{.max_submits = 7, .max_dispatches = 100, .max_barriers = 3}, 3, "4 barriers, and 3 are allowed"},
};

/* Asserts that nothing but a created command buffer came of the refused stage, and that it can be committed once the
 * budget is gone. */
static void check_refused(weft_device *device, weft_session *session, uint64_t stages, weft_span *span)
{
    weft_device_wait(device);
    weft_counters before = test_counters(device);
    ck_assert_uint_eq(before.command_buffers_submitted, stages);
    ck_assert_uint_eq(test_info(session).fence_value, stages);
    ck_assert(!test_info(session).is_drained);
    ck_assert_uint_eq(weft_encoder_dispatch_count(weft_session_encoder(session)), 2);
    weft_error error;
    FAILS(weft_session_fence_stage(session, NULL, &error), WEFT_BUDGET_EXCEEDED, "are allowed");
    FAILS(weft_session_commit_stage(session, &error), WEFT_BUDGET_EXCEEDED, "are allowed");
    test_assert_counted(device, &before, &(weft_counters){0});
    if (!span)
        return;
    FAILS(weft_span_end(span, NULL, &error), WEFT_BUDGET_EXCEEDED, "limits");
    OK(weft_session_fence_stage(session, NULL, NULL));
    OK(weft_session_wait(session, NULL));
    ck_assert_uint_eq(test_info(session).fence_value, stages + 1);
    ck_assert_uint_eq(test_counters(device).command_buffers_completed, stages + 1);
}

START_TEST(each_limit_refuses_the_commit_that_would_pass_it)
{
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        for (int with_span = 0; with_span < 2; with_span++) {
            bool counts_commits = limits[i].budget.max_fences == 0;
            weft_device *device = test_open("ref");
            weft_buffer *x = test_floats(device, 4, 0);
            weft_session_options options = {.label = "limits"};
            weft_span *span = NULL;
            if (with_span)
                span = begin(device, "limits", limits[i].budget);
            else
                options.budget = limits[i].budget;
            weft_session *session = test_session(device, &options);
            weft_error error = {0};
            weft_status status = run_session(session, x, limits[i].stages + 1, &error);
            char label[32];
            (void)snprintf(label, sizeof label, "session.attn.layer%d", (int)limits[i].stages);
            WEFT_TEST_ASSERT_FAILS(status, error, WEFT_BUDGET_EXCEEDED, limits[i].fragment, "'limits'", label, NULL);
            if (counts_commits)
                check_refused(device, session, limits[i].stages, span);
            else { /* a commit without a fence is allowed */
                OK(weft_session_commit_and_wait(session, NULL));
                ck_assert_int_eq(weft_span_end(span, NULL, NULL), with_span ? WEFT_BUDGET_EXCEEDED : WEFT_OK);
            }
            weft_session_destroy(session);
            weft_buffer_destroy(x);
            weft_device_close(device);
        }
    }
}
END_TEST

START_TEST(waits_past_their_limit_are_refused)
{
    weft_device *device = test_open("ref");
    weft_buffer *x = test_floats(device, 4, 1.0f);
    weft_error error;
    weft_span *span = begin(device, "no waiting", (weft_budget){.max_syncs = WEFT_BUDGET_NONE});
    weft_encoder *encoder = test_encoder(device, NULL);
    OK(weft_add(encoder, x, x, x, NULL));
    FAILS(weft_encoder_commit_and_wait(encoder, "work", &error), WEFT_BUDGET_EXCEEDED, "Stage 'work'", "'no waiting'",
          "1 syncs, and 0 are allowed");
    ck_assert_uint_eq(test_counters(device).command_buffers_submitted, 0); /* not even the commit was made */
    ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 1);
    OK(weft_encoder_commit(encoder, "work", NULL));
    FAILS(weft_encoder_wait(encoder, &error), WEFT_BUDGET_EXCEEDED, "Stage 'work'", "'no waiting'");
    ck_assert_uint_eq(test_counters(device).syncs, 0);
    float value;
    ck_assert_int_eq(weft_buffer_read(x, 0, &value, 4, NULL), WEFT_INVALID_STATE); /* it really has not waited */
    FAILS(weft_span_end(span, NULL, &error), WEFT_BUDGET_EXCEEDED, "'no waiting'", "refused");
    OK(weft_encoder_wait(encoder, NULL));
    test_assert_floats(x, 2.0f);

    weft_session_options options = {.budget = {.max_syncs = 1}};
    weft_session *session = test_session(device, &options);
    OK(weft_session_commit_and_wait(session, NULL));
    OK(weft_session_reset_for_next_stage(session, NULL));
    FAILS(weft_session_wait(session, &error), WEFT_BUDGET_EXCEEDED, "'session'", "2 syncs, and 1 are allowed");
    OK(weft_session_fence_stage(session, "still allowed", NULL));
    FAILS(weft_session_commit_and_wait(session, &error), WEFT_BUDGET_EXCEEDED, "2 syncs");
    OK(weft_session_reset_for_next_stage(session, NULL));
    FAILS(weft_session_commit_and_wait(session, &error), WEFT_BUDGET_EXCEEDED, "2 syncs");
    ck_assert(!test_info(session).is_drained); /* the stage was not submitted without its wait */
    ck_assert_uint_eq(test_info(session).spent.syncs, 1);
    weft_session_destroy(session);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(x);
    weft_device_close(device);
}
END_TEST

/* A wait makes no command buffer, so it is not refused because there are too many. */
START_TEST(a_wait_is_measured_by_waits_alone)
{
    weft_device *device = test_open("ref");
    weft_buffer *x = test_floats(device, 4, 1.0f);
    weft_session_options options = {.budget = {.max_command_buffers = 1}};
    weft_session *session = test_session(device, &options);
    OK(run_session(session, x, 1, NULL));
    OK(weft_session_reset_for_next_stage(session, NULL)); /* the second one: cannot be committed */
    OK(weft_session_wait(session, NULL));
    ck_assert_int_eq(weft_session_commit_stage(session, NULL), WEFT_BUDGET_EXCEEDED);

    weft_span *span = begin(device, "one", (weft_budget){.max_command_buffers = 1});
    weft_encoder *first = test_encoder(device, NULL), *second;
    OK(weft_add(first, x, x, x, NULL));
    OK(weft_encoder_commit(first, NULL, NULL));
    second = test_encoder(device, NULL);
    OK(weft_encoder_wait(first, NULL));
    ck_assert_int_eq(weft_encoder_commit(second, NULL, NULL), WEFT_BUDGET_EXCEEDED);
    ck_assert_int_eq(weft_span_end(span, NULL, NULL), WEFT_BUDGET_EXCEEDED);
    test_assert_floats(x, 8.0f);
    weft_encoder_destroy(first);
    weft_encoder_destroy(second);
    weft_session_destroy(session);
    weft_buffer_destroy(x);
    weft_device_close(device);
}
END_TEST

START_TEST(the_error_of_a_failed_stage_comes_before_that_of_a_budget)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *x = test_floats(device, 4, 1.0f);
    weft_session_options options = {.budget = {.max_syncs = 1, .max_submits = 1}};
    weft_session *session = test_session(device, &options);
    weft_test_device_fail(&control, 1, WEFT_DEVICE_LOST);
    OK(weft_add(weft_session_encoder(session), x, x, x, NULL));
    ck_assert_int_eq(weft_session_commit_and_wait(session, NULL), WEFT_DEVICE_LOST);
    weft_error error;
    FAILS(weft_session_wait(session, &error), WEFT_DEVICE_LOST, "The test lets");
    FAILS(weft_session_commit_and_wait(session, &error), WEFT_DEVICE_LOST, "The test lets");
    ck_assert_uint_eq(test_counters(device).syncs, 1);
    weft_session_destroy(session);
    weft_buffer_destroy(x);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

START_TEST(spans_nest_and_overlap)
{
    weft_device *device = test_open("ref");
    weft_buffer *x = test_floats(device, 4, 0);
    weft_error error;
    weft_counters spent;
    weft_span *outer = begin(device, "outer", (weft_budget){.max_submits = 4});
    ck_assert_uint_eq(commit_plain(device, x, 1, &error), 1);
    weft_span *inner = begin(device, "inner", (weft_budget){.max_submits = 2});
    weft_span *free_span = begin(device, NULL, (weft_budget){0}); /* limits nothing, counts */
    ck_assert_uint_eq(commit_plain(device, x, 3, &error), 2);
    ck_assert_ptr_nonnull(strstr(error.message, "'inner'"));
    weft_device_wait(device);
    OK(weft_span_end(NULL, &spent, NULL));
    ck_assert_int_eq(weft_span_end(inner, &spent, &error), WEFT_BUDGET_EXCEEDED);
    ck_assert_str_eq(error.message, "A commit that would have exceeded the budget of 'inner' was refused.");
    ck_assert_uint_eq(spent.command_buffers_submitted, 2);
    ck_assert_uint_eq(spent.command_buffers_created, 3);
    ck_assert_uint_eq(commit_plain(device, x, 2, &error), 1);
    ck_assert_ptr_nonnull(strstr(error.message, "'outer'"));
    ck_assert_int_eq(weft_span_end(outer, &spent, NULL), WEFT_BUDGET_EXCEEDED);
    ck_assert_uint_eq(spent.command_buffers_submitted, 4);
    ck_assert_uint_eq(spent.syncs, 1);
    OK(weft_span_end(free_span, &spent, NULL));
    ck_assert_uint_eq(spent.command_buffers_submitted, 3);
    ck_assert_uint_eq(commit_plain(device, x, 9, &error), 9);

    weft_device *other = test_open("ref"); /* a span is its device's alone, and keeps it */
    weft_span *elsewhere = begin(other, "elsewhere", (weft_budget){.max_submits = WEFT_BUDGET_NONE});
    ck_assert_uint_eq(commit_plain(device, x, 1, &error), 1);
    weft_device_close(other);
    OK(weft_span_end(elsewhere, &spent, NULL));
    ck_assert_uint_eq(spent.command_buffers_submitted, 0);
    weft_buffer_destroy(x);
    weft_device_close(device);
}
END_TEST

START_TEST(a_span_tells_at_its_end_what_no_commit_could_refuse)
{
    weft_device *device = test_open("ref");
    weft_error error;
    weft_span *span = begin(device, "quiet", (weft_budget){.max_syncs = 1});
    weft_device_wait(device);
    weft_device_wait(device); /* returns nothing, so it cannot be refused */
    FAILS(weft_span_end(span, NULL, &error), WEFT_BUDGET_EXCEEDED, "'quiet'", "2 syncs, and 1 are allowed");
    span = begin(device, "quiet", (weft_budget){.max_command_buffers = WEFT_BUDGET_NONE});
    weft_encoder_destroy(test_encoder(device, NULL)); /* never committed */
    FAILS(weft_span_end(span, NULL, &error), WEFT_BUDGET_EXCEEDED, "1 command buffers, and 0 are allowed");
    weft_device_close(device);
}
END_TEST

START_TEST(inferred_barriers_are_spent_too)
{
    weft_device *device = test_open("ref");
    weft_buffer *x = test_floats(device, 4, 1.0f);
    weft_session_options options = {.encoder = {.barriers = WEFT_BARRIERS_INFERRED}, .budget = {.max_barriers = 2}};
    weft_session *session = test_session(device, &options);
    for (int i = 0; i < 4; i++)
        OK(weft_add(weft_session_encoder(session), x, x, x, NULL));
    weft_error error;
    FAILS(weft_session_commit_stage(session, &error), WEFT_BUDGET_EXCEEDED, "Stage '(unnamed)'",
          "3 barriers, and 2 are allowed");
    weft_session_destroy(session);
    test_assert_floats(x, 1.0f);
    weft_buffer_destroy(x);
    weft_device_close(device);
}
END_TEST

WEFT_TEST_MAIN("budget", five_command_buffers_are_enough_for_the_session_and_not_for_the_plain_form,
               each_limit_refuses_the_commit_that_would_pass_it, waits_past_their_limit_are_refused,
               a_wait_is_measured_by_waits_alone, the_error_of_a_failed_stage_comes_before_that_of_a_budget,
               spans_nest_and_overlap, a_span_tells_at_its_end_what_no_commit_could_refuse,
               inferred_barriers_are_spent_too)
