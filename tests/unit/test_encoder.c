/* Encoders: states, what is recorded and what is refused, labels, and the way errors of asynchronous work come back. */
#include "support/runtime_test.h"

#include "runtime/encoder_impl.h"
#include "support/failing_device.h"

static const char *const host_schemes[] = {"ref", "cpu"};

START_TEST(an_encoder_records_until_a_commit_and_again_after_a_reset)
{
    weft_device *device = test_open("ref");
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, NULL);
    weft_error error;
    ck_assert_ptr_eq(weft_encoder_device(encoder), device);
    OK(weft_encoder_wait(encoder, NULL)); /* nothing to wait for */
    OK(weft_add(encoder, a, a, a, NULL));
    OK(weft_encoder_barrier(encoder, NULL));
    OK(weft_add(encoder, a, a, a, NULL));
    ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 2);
    ck_assert_uint_eq(weft_encoder_barrier_count(encoder), 1);
    OK(weft_encoder_commit(encoder, "once", NULL));
    for (int pass = 0; pass < 2; pass++) {
        ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 0);
        ck_assert_uint_eq(weft_encoder_barrier_count(encoder), 0);
        weft_encoder_set_label(encoder, "lost");
        FAILS(weft_add(encoder, a, a, a, &error), WEFT_INVALID_STATE, "record a dispatch", "weft_encoder_reset");
        FAILS(weft_encoder_barrier(encoder, &error), WEFT_INVALID_STATE, "place a barrier", "weft_encoder_reset");
        FAILS(weft_encoder_commit(encoder, "twice", &error), WEFT_INVALID_STATE, "commit", "weft_encoder_reset");
        FAILS(weft_encoder_commit_and_wait(encoder, "twice", &error), WEFT_INVALID_STATE, "weft_encoder_reset");
        OK(weft_encoder_wait(encoder, NULL));
    }
    test_assert_floats(a, 4.0f);
    OK(weft_encoder_reset(encoder, NULL));
    OK(weft_add(encoder, a, a, a, NULL));
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    test_assert_floats(a, 8.0f);
    ck_assert_uint_eq(test_counters(device).command_buffers_submitted, 2);
    weft_encoder_destroy(encoder);
    weft_encoder_destroy(NULL);
    weft_buffer_destroy(a);
    weft_device_close(device);
}
END_TEST

START_TEST(what_is_not_committed_is_dropped)
{
    weft_device *device = test_open("ref");
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, NULL), *other = test_encoder(device, NULL);
    weft_buffer *held = test_floats(device, 100, 0);
    OK(weft_add(encoder, held, held, held, NULL));
    OK(weft_add(encoder, a, a, a, NULL));
    weft_buffer_destroy(held);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 416);
    OK(weft_encoder_reset(encoder, NULL));
    ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 0);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 16); /* nothing holds the buffer any more */
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    held = test_floats(device, 100, 0);
    OK(weft_add(other, held, held, held, NULL));
    weft_buffer_destroy(held);
    weft_encoder_destroy(other);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 16);
    test_assert_floats(a, 1.0f);
    weft_counters counters = test_counters(device);
    ck_assert_uint_eq(counters.command_buffers_created, 3);
    ck_assert_uint_eq(counters.command_buffers_submitted, 1);
    ck_assert_uint_eq(counters.dispatches, 0);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    weft_device_close(device);
}
END_TEST

START_TEST(a_commit_returns_before_the_work_is_done)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, NULL);
    weft_test_device_block(&control, 1);
    for (int i = 0; i < 10; i++) { /* recording goes on while the first one stands still */
        OK(weft_add(encoder, a, a, a, NULL));
        OK(weft_encoder_commit(encoder, NULL, NULL));
        OK(weft_encoder_reset(encoder, NULL));
    }
    weft_test_device_await_block(&control);
    weft_counters counters = test_counters(device);
    ck_assert_uint_eq(counters.command_buffers_submitted, 10);
    ck_assert_uint_eq(counters.command_buffers_completed, 0);
    ck_assert_uint_eq(counters.syncs, 0);
    weft_test_device_unblock(&control);
    OK(weft_encoder_wait(encoder, NULL));
    ck_assert_uint_eq(test_counters(device).command_buffers_completed, 10);
    test_assert_floats(a, 1024.0f);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

START_TEST(destroying_an_encoder_does_not_stop_its_work)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, NULL);
    weft_test_device_block(&control, 1);
    OK(weft_add(encoder, a, a, a, NULL));
    OK(weft_encoder_commit(encoder, NULL, NULL));
    weft_encoder_destroy(encoder);
    weft_test_device_unblock(&control);
    weft_device_wait(device);
    test_assert_floats(a, 2.0f);
    weft_buffer_destroy(a);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

/* The work of several encoders runs in the order of the commits. */
START_TEST(commits_run_in_their_order)
{
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_buffer *x = test_floats(device, 1, 1.0f), *one = test_floats(device, 1, 1.0f);
        weft_encoder *doubles = test_encoder(device, NULL), *increments = test_encoder(device, NULL);
        float expected = 1;
        for (int i = 0; i < 18; i++) {
            OK(weft_add(doubles, x, x, x, NULL));
            OK(weft_add(increments, x, one, x, NULL));
            weft_encoder *first = i % 3 ? doubles : increments, *second = i % 3 ? increments : doubles;
            OK(weft_encoder_commit(first, NULL, NULL));
            OK(weft_encoder_commit(second, NULL, NULL));
            expected = i % 3 ? 2 * expected + 1 : 2 * (expected + 1);
            OK(weft_encoder_reset(doubles, NULL));
            OK(weft_encoder_reset(increments, NULL));
        }
        OK(weft_encoder_wait(doubles, NULL));
        OK(weft_encoder_wait(increments, NULL));
        test_assert_floats(x, expected);
        weft_encoder_destroy(doubles);
        weft_encoder_destroy(increments);
        weft_buffer_destroy(x);
        weft_buffer_destroy(one);
        weft_device_close(device);
    }
}
END_TEST

/* Each of these must be refused; what was recorded before stays as it was. */
static void record_what_is_refused(weft_encoder *encoder, weft_buffer *a, weft_buffer *b)
{
    weft_error error;
    weft_buffer *odd = test_floats(weft_encoder_device(encoder), 3, 0), *low = test_view(a, 0, 4),
                *middle = test_view(a, 2, 4);
    const weft_op *add, *scale;
    OK(weft_op_find("add", &add, NULL));
    OK(weft_op_find("scale", &scale, NULL));
    const weft_buffer *const three[] = {a, b, b, a};
    FAILS(weft_encoder_dispatch(encoder, add, three, 2, NULL, &error), WEFT_INVALID_ARGUMENT, "add", "3 arguments",
          "2 were given");
    FAILS(weft_encoder_dispatch(encoder, add, three, 4, NULL, &error), WEFT_INVALID_ARGUMENT, "4 were given");
    FAILS(weft_encoder_dispatch(encoder, scale, three, 2, NULL, &error), WEFT_INVALID_ARGUMENT, "scale", "parameters");
    FAILS(weft_add(encoder, NULL, a, b, &error), WEFT_INVALID_ARGUMENT, "add", "argument a is NULL");
    FAILS(weft_add(encoder, a, b, NULL, &error), WEFT_INVALID_ARGUMENT, "add", "argument out is NULL");
    FAILS(weft_add(encoder, a, b, odd, &error), WEFT_SHAPE_MISMATCH, "add", "[3]", "[8]");
    FAILS(weft_add(encoder, low, low, middle, &error), WEFT_INVALID_ARGUMENT, "output out, bytes [8, 24)",
          "argument a, bytes [0, 16)", "without being the same");
    weft_rms_norm_params params = {.epsilon = 1e-6f};
    FAILS(weft_rms_norm(encoder, middle, low, &params, middle, &error), WEFT_INVALID_ARGUMENT, "rms_norm",
          "argument weight");
    FAILS(weft_copy(encoder, low, middle, NULL, &error), WEFT_INVALID_ARGUMENT, "copy", "overlap");
    weft_buffer *views[] = {odd, low, middle};
    for (size_t i = 0; i < 3; i++)
        weft_buffer_destroy(views[i]);
}

START_TEST(a_refused_dispatch_leaves_nothing_behind)
{
    static const weft_barrier_mode modes[] = {WEFT_BARRIERS_MANUAL, WEFT_BARRIERS_INFERRED};
    for (size_t s = 0; s < 4; s++) {
        weft_device *device = test_open(host_schemes[s % 2]);
        weft_buffer *a = test_floats(device, 8, 1.0f), *b = test_floats(device, 8, 1.0f);
        weft_encoder_options options = {.barriers = modes[s / 2]};
        weft_encoder *encoder = test_encoder(device, &options);
        record_what_is_refused(encoder, a, b);
        ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 0);
        OK(weft_add(encoder, a, b, b, NULL));
        record_what_is_refused(encoder, a, b);
        OK(weft_add(encoder, b, b, a, NULL));
        record_what_is_refused(encoder, a, b);
        ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 2);
        ck_assert_uint_eq(weft_encoder_barrier_count(encoder), s / 2);
        if (s / 2 == 0) {
            OK(weft_encoder_reset(encoder, NULL));
            OK(weft_add(encoder, a, b, b, NULL));
            OK(weft_encoder_barrier(encoder, NULL));
            OK(weft_add(encoder, b, b, a, NULL));
        }
        OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
        test_assert_floats(a, 4.0f);
        test_assert_floats(b, 2.0f);
        ck_assert_uint_eq(test_counters(device).dispatches, 2);
        weft_encoder_destroy(encoder);
        weft_buffer_destroy(a);
        weft_buffer_destroy(b);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(ops_can_be_dispatched_by_name)
{
    weft_device *device = test_open("cpu");
    weft_buffer *a = test_floats(device, 8, 3.0f), *b = test_floats(device, 8, 4.0f), *out = test_floats(device, 8, 0);
    weft_encoder *encoder = test_encoder(device, NULL);
    const weft_op *add, *scale;
    OK(weft_op_find("add", &add, NULL));
    OK(weft_op_find("scale", &scale, NULL));
    ck_assert_uint_eq(weft_op_params_bytes(scale), sizeof(float));
    float factor = 0.5f;
    OK(weft_encoder_dispatch(encoder, add, (const weft_buffer *const[]){a, b, out}, 3, NULL, NULL));
    OK(weft_encoder_barrier(encoder, NULL));
    OK(weft_encoder_dispatch(encoder, scale, (const weft_buffer *const[]){out, out}, 2, &factor, NULL));
    factor = 100; /* it was copied */
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    test_assert_floats(out, 3.5f);
    weft_error error;
    FAILS(weft_op_find("atention", &add, &error), WEFT_NOT_FOUND, "'atention'", "'attention'");
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    weft_buffer_destroy(b);
    weft_buffer_destroy(out);
    weft_device_close(device);
}
END_TEST

/* A table of 4 rows, ids of which the last is wrong, and room for the result. */
typedef struct lookup {
    weft_buffer *table, *ids, *out;
} lookup;

static lookup make_lookup(weft_device *device, int32_t last_id)
{
    lookup it = {.ids = NULL};
    weft_shape table = weft_shape_2d(4, 2), ids = weft_shape_1d(3), out = weft_shape_2d(3, 2);
    OK(weft_buffer_create(device, WEFT_F32, &table, &it.table, NULL));
    OK(weft_buffer_create(device, WEFT_I32, &ids, &it.ids, NULL));
    OK(weft_buffer_create(device, WEFT_F32, &out, &it.out, NULL));
    OK(weft_buffer_write(it.ids, 8, &last_id, 4, NULL));
    return it;
}

static void end_lookup(lookup *it)
{
    weft_buffer_destroy(it->table);
    weft_buffer_destroy(it->ids);
    weft_buffer_destroy(it->out);
}

START_TEST(bad_data_fails_the_next_wait_and_only_that)
{
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_encoder *encoder = test_encoder(device, NULL), *other = test_encoder(device, NULL);
        weft_buffer *a = test_floats(device, 4, 1.0f);
        lookup it = make_lookup(device, 4), negative = make_lookup(device, -1);
        weft_error error;
        OK(weft_add(encoder, a, a, a, NULL));
        weft_encoder_set_label(encoder, "the tokens");
        OK(weft_embedding(encoder, it.table, it.ids, 1.0f, it.out, NULL));
        OK(weft_encoder_barrier(encoder, NULL));
        OK(weft_add(encoder, a, a, a, NULL)); /* is not reached */
        OK(weft_encoder_commit(encoder, "bad ids", NULL));
        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_embedding(encoder, negative.table, negative.ids, 1.0f, negative.out, NULL));
        OK(weft_encoder_commit(encoder, NULL, NULL));
        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_add(encoder, a, a, a, NULL)); /* an encoder's later command buffers are run */
        OK(weft_encoder_commit(encoder, "after", NULL));
        weft_device_wait(device); /* takes nobody's errors */
        OK(weft_encoder_wait(other, NULL));
        FAILS(weft_encoder_wait(encoder, &error), WEFT_OUT_OF_RANGE,
              "Command buffer 'bad ids': dispatch 1 (embedding, the tokens): ids[2] is 4", "[0, 4)");
        OK(weft_encoder_wait(encoder, NULL));
        weft_counters counters = test_counters(device);
        ck_assert_uint_eq(counters.command_buffers_failed, 2);
        ck_assert_uint_eq(counters.command_buffers_completed, 1);
        test_assert_floats(a, 4.0f);

        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_embedding(encoder, negative.table, negative.ids, 1.0f, negative.out, NULL));
        FAILS(weft_encoder_commit_and_wait(encoder, "again", &error), WEFT_OUT_OF_RANGE, "'again'", "dispatch 0",
              "ids[2] is -1");
        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_add(encoder, a, a, a, NULL));
        OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
        test_assert_floats(a, 8.0f);
        end_lookup(&it);
        end_lookup(&negative);
        weft_buffer_destroy(a);
        weft_encoder_destroy(encoder);
        weft_encoder_destroy(other);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(any_failure_of_a_device_reaches_the_wait)
{
    static const weft_status statuses[] = {WEFT_DEVICE_LOST, WEFT_OUT_OF_MEMORY, WEFT_INTERNAL, WEFT_UNSUPPORTED};
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, NULL);
    for (size_t i = 0; i < 4; i++) {
        weft_error error;
        weft_test_device_fail(&control, 2, statuses[i]);
        for (int barrier = 0; barrier < 3; barrier++) {
            OK(weft_add(encoder, a, a, a, NULL));
            OK(weft_encoder_barrier(encoder, NULL));
        }
        FAILS(weft_encoder_commit_and_wait(encoder, "failing", &error), statuses[i], "'failing'", "dispatch 1 (add)",
              "The test lets");
        OK(weft_encoder_reset(encoder, NULL));
        test_assert_floats(a, (float)(2u << i)); /* one addition each time */
    }
    ck_assert_uint_eq(test_counters(device).command_buffers_failed, 4);
    weft_test_device_fail(&control, 1, WEFT_INTERNAL); /* an error that nobody waits for goes with its encoder */
    OK(weft_add(encoder, a, a, a, NULL));
    OK(weft_encoder_commit(encoder, NULL, NULL));
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

/* Sessions never record such a wait; a device must see through one that somebody else records. */
START_TEST(a_wait_for_a_fence_that_never_comes_is_a_deadlock_and_no_hang)
{
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_encoder *encoder = test_encoder(device, NULL);
        weft_error error;
        OK(weft__encoder_begin(encoder, 3, NULL));
        FAILS(weft_encoder_commit_and_wait(encoder, "stuck", &error), WEFT_DEADLOCK, "Command buffer 'stuck'",
              "fence value 3", "stands at 0");
        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
        ck_assert_uint_eq(test_counters(device).command_buffers_failed, 1);
        weft_encoder_destroy(encoder);
        weft_device_close(device);
    }
}
END_TEST

/* The label that a failure of the next dispatch names. */
static void assert_label(weft_test_device *control, weft_encoder *encoder, weft_buffer *a, const char *expected)
{
    weft_error error;
    weft_test_device_fail(control, 1, WEFT_INTERNAL);
    OK(weft_add(encoder, a, a, a, NULL));
    FAILS(weft_encoder_commit_and_wait(encoder, NULL, &error), WEFT_INTERNAL, expected);
    OK(weft_encoder_reset(encoder, NULL));
}

START_TEST(a_label_names_the_next_dispatch)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, NULL);
    char label[100], expected[100];
    (void)snprintf(label, sizeof label, "first");
    weft_encoder_set_label(encoder, label);
    memset(label, 'x', 60); /* copied */
    assert_label(&control, encoder, a, "dispatch 0 (add, first):");
    assert_label(&control, encoder, a, "dispatch 0 (add):");
    label[60] = '\0';
    weft_encoder_set_label(encoder, label);
    (void)snprintf(expected, sizeof expected, "(add, %.47s):", label);
    assert_label(&control, encoder, a, expected);
    weft_encoder_set_label(encoder, "old");
    weft_encoder_set_label(encoder, "new");
    ck_assert_int_eq(weft_add(encoder, a, NULL, a, NULL), WEFT_INVALID_ARGUMENT);
    ck_assert_int_eq(weft_encoder_dispatch(encoder, weft_op_at(0), NULL, 0, NULL, NULL), WEFT_INVALID_ARGUMENT);
    assert_label(&control, encoder, a, "(add, new):"); /* kept while dispatches are refused */
    weft_encoder_set_label(encoder, "old");
    weft_encoder_set_label(encoder, "");
    assert_label(&control, encoder, a, "(add):");
    weft_encoder_set_label(encoder, "old");
    weft_encoder_set_label(encoder, NULL);
    assert_label(&control, encoder, a, "(add):");
    weft_encoder_set_label(encoder, "dropped");
    OK(weft_encoder_reset(encoder, NULL));
    assert_label(&control, encoder, a, "(add):");
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

START_TEST(a_long_recording_grows_without_harm)
{
    enum {
        LONG = 5000
    };
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_buffer *one = test_floats(device, 1, 1.0f), *sums = test_floats(device, LONG, 0);
        weft_encoder *encoder = test_encoder(device, NULL);
        for (size_t i = 0; i < LONG; i++) {
            weft_buffer *place = test_view(sums, i, 1);
            if (i % 7 == 0)
                OK(weft_encoder_barrier(encoder, NULL));
            OK(weft_add(encoder, one, one, place, NULL));
            weft_buffer_destroy(place);
        }
        ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), LONG);
        ck_assert_uint_eq(weft_encoder_barrier_count(encoder), (LONG + 6) / 7);
        OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
        test_assert_floats(sums, 2.0f);
        weft_encoder_destroy(encoder);
        weft_buffer_destroy(one);
        weft_buffer_destroy(sums);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(empty_work_is_work)
{
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_buffer *a = test_floats(device, 4, 1.0f), *nothing = test_view(a, 2, 0);
        weft_encoder *encoder = test_encoder(device, NULL);
        OK(weft_encoder_commit(encoder, NULL, NULL)); /* no dispatch at all */
        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_encoder_barrier(encoder, NULL));
        OK(weft_encoder_barrier(encoder, NULL));
        OK(weft_encoder_commit(encoder, NULL, NULL)); /* barriers only */
        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_add(encoder, nothing, nothing, nothing, NULL));
        OK(weft_copy(encoder, nothing, nothing, NULL, NULL));
        OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
        ck_assert_uint_eq(test_counters(device).command_buffers_completed, 3);
        ck_assert_uint_eq(test_counters(device).dispatches, 2);
        test_assert_floats(a, 1.0f);
        weft_encoder_destroy(encoder);
        weft_buffer_destroy(a);
        weft_buffer_destroy(nothing);
        weft_device_close(device);
    }
}
END_TEST

WEFT_TEST_MAIN("encoder", an_encoder_records_until_a_commit_and_again_after_a_reset, what_is_not_committed_is_dropped,
               a_commit_returns_before_the_work_is_done, destroying_an_encoder_does_not_stop_its_work,
               commits_run_in_their_order, a_refused_dispatch_leaves_nothing_behind, ops_can_be_dispatched_by_name,
               bad_data_fails_the_next_wait_and_only_that, any_failure_of_a_device_reaches_the_wait,
               a_wait_for_a_fence_that_never_comes_is_a_deadlock_and_no_hang, a_label_names_the_next_dispatch,
               a_long_recording_grows_without_harm, empty_work_is_work)
