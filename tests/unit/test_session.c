/* Sessions: the experiment of plain encoders against a session, the table of states, failed stages, and the end of a
 * session whose work is not done. */
#include "support/runtime_test.h"

#include <pthread.h>

#include "support/failing_device.h"

static const char *const host_schemes[] = {"ref", "cpu"};

/* The state of a session, field by field. */
static void assert_state(const weft_session *session, uint64_t fence_value, uint64_t wait_value, uint64_t wait_count,
                         bool is_drained, bool is_fence_pending, const char *label)
{
    weft_session_state state = test_info(session);
    ck_assert_uint_eq(state.fence_value, fence_value);
    ck_assert_uint_eq(state.wait_value, wait_value);
    ck_assert_uint_eq(state.wait_count, wait_count);
    ck_assert_int_eq(state.is_drained, is_drained);
    ck_assert_int_eq(state.is_fence_pending, is_fence_pending);
    ck_assert_int_eq(state.has_event, fence_value != 0);
    ck_assert_int_eq(state.is_poisoned, false);
    ck_assert_str_eq(state.stage_label, label);
}

/* N pairs of an attention and a feed-forward part, both reduced to an addition of four floats. */
typedef struct experiment {
    weft_device *device;
    weft_buffer *x, *one;
} experiment;

static experiment make_experiment(const char *uri)
{
    experiment it = {.device = test_open(uri)};
    it.x = test_floats(it.device, 4, 0.25f);
    it.one = test_floats(it.device, 4, 1.0f);
    return it;
}

static void end_experiment(experiment *it, float results[4])
{
    OK(weft_buffer_read(it->x, 0, results, 16, NULL));
    weft_buffer_destroy(it->x);
    weft_buffer_destroy(it->one);
    weft_device_close(it->device);
}

/* A command buffer for each part, and one at the end that waits. Returns the counts up to that one. */
static weft_counters run_plain(experiment *it, uint64_t pairs)
{
    for (uint64_t i = 0; i < 2 * pairs; i++) {
        weft_encoder *encoder = test_encoder(it->device, NULL);
        OK(weft_add(encoder, it->x, i % 2 ? it->one : it->x, it->x, NULL));
        OK(weft_encoder_commit(encoder, i % 2 ? "plain.ffn" : "plain.attn", NULL));
        weft_encoder_destroy(encoder);
    }
    weft_counters counters = test_counters(it->device);
    weft_device_wait(it->device);
    return counters;
}

static weft_counters run_session(experiment *it, uint64_t pairs, weft_session_state *state)
{
    weft_session *session = test_session(it->device, NULL);
    weft_encoder *encoder = weft_session_encoder(session);
    for (uint64_t i = 0; i < pairs; i++) {
        if (i)
            OK(weft_session_reset_for_next_stage(session, NULL));
        ck_assert_ptr_eq(weft_session_encoder(session), encoder);
        OK(weft_session_begin_stage(session, "session.attn", NULL));
        OK(weft_add(encoder, it->x, it->x, it->x, NULL));
        OK(weft_encoder_barrier(encoder, NULL));
        OK(weft_add(encoder, it->x, it->one, it->x, NULL));
        OK(weft_session_fence_stage(session, "session.pair", NULL));
    }
    weft_counters counters = test_counters(it->device);
    OK(weft_session_wait(session, NULL));
    *state = test_info(session);
    weft_session_destroy(session);
    return counters;
}

START_TEST(a_session_halves_the_command_buffers)
{
    for (size_t s = 0; s < 2; s++) {
        for (uint64_t pairs = 1; pairs <= 9; pairs++) {
            experiment plain = make_experiment(host_schemes[s]), staged = make_experiment(host_schemes[s]);
            weft_counters counters = run_plain(&plain, pairs);
            ck_assert_uint_eq(counters.command_buffers_created, 2 * pairs);
            ck_assert_uint_eq(counters.command_buffers_submitted, 2 * pairs);
            ck_assert_uint_eq(counters.dispatches, 2 * pairs);
            ck_assert_uint_eq(counters.barriers, 0);
            ck_assert_uint_eq(counters.syncs, 0);

            weft_session_state state;
            counters = run_session(&staged, pairs, &state);
            ck_assert_uint_eq(counters.command_buffers_created, pairs);
            ck_assert_uint_eq(counters.command_buffers_submitted, pairs);
            ck_assert_uint_eq(counters.dispatches, 2 * pairs);
            ck_assert_uint_eq(counters.barriers, pairs);
            ck_assert_uint_eq(counters.fences_signalled, pairs);
            ck_assert_uint_eq(counters.fence_waits, pairs - 1);
            ck_assert_uint_eq(counters.syncs, 0);
            ck_assert_uint_eq(state.fence_value, pairs);
            ck_assert_uint_eq(state.wait_count, pairs - 1);
            ck_assert_uint_eq(state.wait_value, pairs - 1);
            ck_assert(state.is_drained && state.is_fence_pending && state.has_event && !state.is_poisoned);
            ck_assert_str_eq(state.stage_label, "session.pair");
            weft_counters spent = state.spent, device = test_counters(staged.device);
            device.bytes_allocated = 0;
            ck_assert_mem_eq(&spent, &device, sizeof spent); /* nobody else has used the device */

            float plain_results[4], staged_results[4];
            end_experiment(&plain, plain_results);
            end_experiment(&staged, staged_results);
            ck_assert_mem_eq(plain_results, staged_results, sizeof plain_results);
            ck_assert(plain_results[0] == 1.25f * (float)(1u << pairs) - 1.0f);
        }
    }
}
END_TEST

START_TEST(the_states_of_a_session)
{
    weft_device *device = test_open("ref");
    weft_session *session = test_session(device, NULL);
    assert_state(session, 0, 0, 0, false, false, "");
    OK(weft_session_reset_for_next_stage(session, NULL)); /* recording: nothing to reset */
    assert_state(session, 0, 0, 0, false, false, "");
    OK(weft_session_begin_stage(session, "a", NULL));
    OK(weft_session_begin_stage(session, "b", NULL));
    assert_state(session, 0, 0, 0, false, false, "b");

    OK(weft_session_commit_stage(session, NULL));
    assert_state(session, 0, 0, 0, true, false, "b");
    OK(weft_session_commit_stage(session, NULL)); /* drained: calls that end a stage do nothing */
    OK(weft_session_fence_stage(session, "c", NULL));
    assert_state(session, 0, 0, 0, true, false, "b");
    OK(weft_session_begin_stage(session, "d", NULL)); /* names the stage to come, not the one that has ended */
    assert_state(session, 0, 0, 0, true, false, "b");

    OK(weft_session_reset_for_next_stage(session, NULL)); /* no fence: no wait */
    assert_state(session, 0, 0, 0, false, false, "d");
    OK(weft_session_begin_stage(session, "kept", NULL));
    OK(weft_session_fence_stage(session, NULL, NULL));
    assert_state(session, 1, 0, 0, true, true, "kept");
    OK(weft_session_fence_stage(session, "again", NULL)); /* fenced: the same */
    OK(weft_session_commit_stage(session, NULL));
    assert_state(session, 1, 0, 0, true, true, "kept");

    OK(weft_session_reset_for_next_stage(session, NULL));
    assert_state(session, 1, 1, 1, false, false, "");
    OK(weft_session_reset_for_next_stage(session, NULL));
    assert_state(session, 1, 1, 1, false, false, "");
    OK(weft_session_commit_and_wait(session, NULL)); /* the fence's value outlives stages without one */
    assert_state(session, 1, 1, 1, true, false, "");
    OK(weft_session_reset_for_next_stage(session, NULL));
    assert_state(session, 1, 1, 1, false, false, "");
    OK(weft_session_fence_stage(session, "second", NULL)); /* an empty stage signals too */
    OK(weft_session_reset_for_next_stage(session, NULL));
    assert_state(session, 2, 2, 2, false, false, "");
    OK(weft_session_wait(session, NULL)); /* ends no stage */
    assert_state(session, 2, 2, 2, false, false, "");
    weft_counters counters = test_counters(device);
    ck_assert_uint_eq(counters.command_buffers_created, 5);
    ck_assert_uint_eq(counters.command_buffers_submitted, 4);
    ck_assert_uint_eq(counters.fences_signalled, 2);
    ck_assert_uint_eq(counters.fence_waits, 1); /* the second one is recorded, not submitted */
    ck_assert_uint_eq(counters.syncs, 2);
    weft_counters spent = test_info(session).spent;
    ck_assert_mem_eq(&spent, &counters, sizeof spent);
    weft_session_destroy(session);
    weft_session_destroy(NULL);
    weft_device_close(device);
}
END_TEST

START_TEST(a_stage_that_has_ended_records_nothing)
{
    weft_device *device = test_open("ref");
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_session *session = test_session(device, NULL);
    weft_encoder *encoder = weft_session_encoder(session);
    for (int fenced = 0; fenced < 2; fenced++) {
        OK(weft_add(encoder, a, a, a, NULL));
        if (fenced)
            OK(weft_session_fence_stage(session, NULL, NULL));
        else
            OK(weft_session_commit_stage(session, NULL));
        weft_error error;
        FAILS(weft_add(encoder, a, a, a, &error), WEFT_INVALID_STATE,
              "Cannot record a dispatch: the command buffer has been committed, and weft_session_reset_for_next_stage "
              "has not been called since.");
        FAILS(weft_encoder_barrier(encoder, &error), WEFT_INVALID_STATE, "Cannot place a barrier",
              "weft_session_reset_for_next_stage");
        ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 0);
        OK(weft_session_reset_for_next_stage(session, NULL));
    }
    weft_error error; /* what belongs to the session is not the encoder's to do */
    FAILS(weft_encoder_commit(encoder, "mine", &error), WEFT_INVALID_STATE, "committed by its session");
    FAILS(weft_encoder_commit_and_wait(encoder, "mine", &error), WEFT_INVALID_STATE, "committed by its session");
    FAILS(weft_encoder_reset(encoder, &error), WEFT_INVALID_STATE, "reset by its session");
    FAILS(weft_encoder_wait(encoder, &error), WEFT_INVALID_STATE, "waited for by its session");
    OK(weft_add(encoder, a, a, a, NULL));
    OK(weft_session_commit_and_wait(session, NULL));
    test_assert_floats(a, 8.0f);
    weft_session_destroy(session);
    weft_buffer_destroy(a);
    weft_device_close(device);
}
END_TEST

typedef struct unblocking {
    weft_test_device *control;
    weft_device *device;
    uint64_t completed; /* command buffers that were done when the block was lifted */
} unblocking;

static void *unblock_later(void *context)
{
    unblocking *it = context;
    weft_test_device_await_block(it->control);
    weft_counters counters;
    weft_device_counters(it->device, &counters);
    it->completed = counters.command_buffers_completed;
    weft_test_device_unblock(it->control);
    return NULL;
}

/* The host waits in `wait` although the device stands still when it begins, and everything is done when it returns. */
static void check_that_it_waits(void (*wait)(weft_session *), bool fenced, uint64_t expected_syncs)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_session *session = test_session(device, NULL);
    weft_test_device_block(&control, 1);
    OK(weft_add(weft_session_encoder(session), a, a, a, NULL));
    if (fenced)
        OK(weft_session_fence_stage(session, NULL, NULL));
    unblocking other = {.control = &control, .device = device, .completed = 99};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, unblock_later, &other), 0);
    wait(session);
    weft_counters counters = test_counters(device);
    ck_assert_uint_eq(counters.command_buffers_completed, 1);
    ck_assert_uint_eq(counters.syncs, expected_syncs);
    test_assert_floats(a, 2.0f);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(other.completed, 0);
    weft_buffer_destroy(a);
    weft_device_close(device);
    weft_test_device_end(&control);
}

static void commit_and_wait(weft_session *session)
{
    OK(weft_session_commit_and_wait(session, NULL));
    weft_session_destroy(session);
}

static void wait_only(weft_session *session)
{
    OK(weft_session_wait(session, NULL));
    weft_session_destroy(session);
}

START_TEST(every_wait_waits)
{
    check_that_it_waits(commit_and_wait, false, 1);
    check_that_it_waits(commit_and_wait, true, 1); /* after a fence too */
    check_that_it_waits(wait_only, true, 1);
    check_that_it_waits(weft_session_destroy, true, 0); /* the end of a session is no sync that anyone asked for */
}
END_TEST

/* Three stages that each double `a`, then increments that must not be reached. */
static void record_stages(weft_session *session, weft_buffer *a, int stages)
{
    weft_encoder *encoder = weft_session_encoder(session);
    for (int i = 0; i < stages; i++) {
        char label[32];
        (void)snprintf(label, sizeof label, "stage %d", i);
        OK(weft_add(encoder, a, a, a, NULL));
        OK(weft_session_fence_stage(session, label, NULL));
        OK(weft_session_reset_for_next_stage(session, NULL));
    }
}

/* Every call that can fail gives the error of the first stage that failed, however often. */
static void assert_poisoned(weft_session *session, weft_status status, const char *stage)
{
    weft_error error;
    for (int i = 0; i < 2; i++) {
        FAILS(weft_session_begin_stage(session, "late", &error), status, stage, "dispatch 0 (add)");
        FAILS(weft_session_fence_stage(session, "late", &error), status, stage);
        FAILS(weft_session_commit_stage(session, &error), status, stage);
        FAILS(weft_session_reset_for_next_stage(session, &error), status, stage);
        FAILS(weft_session_commit_and_wait(session, &error), status, stage);
        FAILS(weft_session_wait(session, &error), status, stage);
    }
    ck_assert(test_info(session).is_poisoned);
}

START_TEST(a_failed_stage_poisons_the_rest)
{
    static const weft_status statuses[] = {WEFT_DEVICE_LOST, WEFT_OUT_OF_RANGE, WEFT_OUT_OF_MEMORY};
    for (int failing = 0; failing < 4; failing++) {
        weft_test_device control;
        weft_device *device = weft_test_device_open(&control, 0);
        weft_buffer *a = test_floats(device, 4, 1.0f), *b = test_floats(device, 4, 1.0f);
        weft_session *session = test_session(device, NULL);
        weft_status status = statuses[failing % 3];
        weft_test_device_fail(&control, (uint64_t)failing + 1, status);
        weft_test_device_block(&control, 1); /* all stages are submitted before the first one runs */
        record_stages(session, a, 4);
        ck_assert(!test_info(session).is_poisoned);
        weft_test_device_unblock(&control);
        weft_device_wait(device);
        char stage[32];
        (void)snprintf(stage, sizeof stage, "'stage %d'", failing);
        assert_poisoned(session, status, stage);
        weft_counters counters = test_counters(device), spent = test_info(session).spent;
        ck_assert_uint_eq(counters.command_buffers_submitted, 4);
        ck_assert_uint_eq(counters.command_buffers_completed, (uint64_t)failing);
        ck_assert_uint_eq(counters.command_buffers_failed, 4 - (uint64_t)failing);
        ck_assert_uint_eq(spent.command_buffers_completed, (uint64_t)failing);
        ck_assert_uint_eq(spent.command_buffers_failed, 4 - (uint64_t)failing);
        ck_assert_uint_eq(atomic_load(&control.ran), (uint64_t)failing + 1); /* later stages are not begun */
        test_assert_floats(a, (float)(1u << failing));

        weft_encoder *encoder = test_encoder(device, NULL); /* a session's failure is its own */
        weft_session *healthy = test_session(device, NULL);
        OK(weft_add(encoder, b, b, b, NULL));
        OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
        record_stages(healthy, b, 2);
        OK(weft_session_wait(healthy, NULL));
        test_assert_floats(b, 8.0f);
        weft_encoder_destroy(encoder);
        weft_session_destroy(healthy);
        weft_session_destroy(session);
        weft_buffer_destroy(a);
        weft_buffer_destroy(b);
        weft_device_close(device);
        weft_test_device_end(&control);
    }
}
END_TEST

START_TEST(a_poisoned_session_still_waits_for_what_runs)
{
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_shape shape = weft_shape_2d(2, 2), one = weft_shape_1d(1);
        weft_buffer *table, *ids, *out;
        OK(weft_buffer_create(device, WEFT_F32, &shape, &table, NULL));
        OK(weft_buffer_create(device, WEFT_I32, &one, &ids, NULL));
        shape.extent[0] = 1;
        OK(weft_buffer_create(device, WEFT_F32, &shape, &out, NULL));
        int32_t id = 2;
        OK(weft_buffer_write(ids, 0, &id, sizeof id, NULL));
        weft_session *session = test_session(device, NULL);
        weft_encoder_set_label(weft_session_encoder(session), "tokens");
        OK(weft_embedding(weft_session_encoder(session), table, ids, 1.0f, out, NULL));
        weft_error error;
        OK(weft_session_begin_stage(session, "embed", NULL));
        FAILS(weft_session_commit_and_wait(session, &error), WEFT_OUT_OF_RANGE, "Command buffer 'embed'",
              "dispatch 0 (embedding, tokens)", "ids[0] is 2", "[0, 2)");
        weft_error again;
        ck_assert_int_eq(weft_session_wait(session, &again), WEFT_OUT_OF_RANGE);
        ck_assert_str_eq(again.message, error.message);
        OK(weft_buffer_write(ids, 0, &id, sizeof id, NULL)); /* it has been waited for */
        weft_session_destroy(session);
        weft_buffer_destroy(table);
        weft_buffer_destroy(ids);
        weft_buffer_destroy(out);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(a_session_that_is_dropped_drops_its_recording)
{
    weft_device *device = test_open("cpu");
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_session *session = test_session(device, NULL);
    record_stages(session, a, 2);
    OK(weft_add(weft_session_encoder(session), a, a, a, NULL));
    weft_session_destroy(session);
    test_assert_floats(a, 4.0f); /* destroy has waited, and the third stage was never submitted */
    ck_assert_uint_eq(test_counters(device).command_buffers_created, 3);
    ck_assert_uint_eq(test_counters(device).command_buffers_submitted, 2);
    weft_buffer_destroy(a);
    weft_device_close(device);
}
END_TEST

START_TEST(sessions_take_turns_on_one_device)
{
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_buffer *x = test_floats(device, 1, 1.0f), *one = test_floats(device, 1, 1.0f);
        weft_session *sessions[2] = {test_session(device, NULL), test_session(device, NULL)};
        float expected = 1;
        for (int i = 0; i < 16; i++) { /* the order of the commits is the order of the work, across sessions */
            OK(weft_add(weft_session_encoder(sessions[i % 2]), x, i % 2 ? one : x, x, NULL));
            OK(weft_session_fence_stage(sessions[i % 2], NULL, NULL));
            OK(weft_session_reset_for_next_stage(sessions[i % 2], NULL));
            expected = i % 2 ? expected + 1 : 2 * expected;
        }
        for (size_t i = 0; i < 2; i++) {
            OK(weft_session_commit_and_wait(sessions[i], NULL));
            assert_state(sessions[i], 8, 8, 8, true, false, "");
            weft_session_destroy(sessions[i]);
        }
        test_assert_floats(x, expected);
        weft_buffer_destroy(x);
        weft_buffer_destroy(one);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(a_label_is_cut_to_fit)
{
    weft_device *device = test_open("ref");
    weft_session *session = test_session(device, NULL);
    char label[100];
    memset(label, 'y', sizeof label);
    label[99] = '\0';
    OK(weft_session_begin_stage(session, label, NULL));
    ck_assert_uint_eq(strlen(test_info(session).stage_label), WEFT_STAGE_LABEL_BYTES - 1);
    OK(weft_session_begin_stage(session, NULL, NULL));
    ck_assert_str_eq(test_info(session).stage_label, "");
    weft_session_destroy(session);
    weft_device_close(device);
}
END_TEST

WEFT_TEST_MAIN("session", a_session_halves_the_command_buffers, the_states_of_a_session,
               a_stage_that_has_ended_records_nothing, every_wait_waits, a_failed_stage_poisons_the_rest,
               a_poisoned_session_still_waits_for_what_runs, a_session_that_is_dropped_drops_its_recording,
               sessions_take_turns_on_one_device, a_label_is_cut_to_fit)
