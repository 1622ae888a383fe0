/* Timelines: which entries there are, in which order, with which costs; of times only that they do not run backwards.
 */
#include "support/runtime_test.h"

#include <pthread.h>

#include "support/failing_device.h"

static const char *const host_schemes[] = {"ref", "cpu?threads=2", "ref?shuffle=5", "cpu?threads=2&shuffle=6"};

static weft_timeline *make_timeline(void)
{
    weft_timeline *timeline;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_timeline_create(&timeline, &error), error);
    return timeline;
}

static weft_timeline_entry entry_at(const weft_timeline *timeline, size_t index)
{
    weft_timeline_entry entry;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_timeline_get(timeline, index, &entry, &error), error);
    return entry;
}

/* Each command buffer is followed by its dispatches, and their times lie inside of its own. */
static void assert_orderly(const weft_timeline *timeline)
{
    weft_timeline_entry whole = {0};
    uint64_t last_end = 0;
    for (size_t i = 0; i < weft_timeline_count(timeline); i++) {
        weft_timeline_entry entry = entry_at(timeline, i);
        ck_assert_uint_le(entry.submitted_ps, entry.start_ps);
        ck_assert_uint_le(entry.start_ps, entry.end_ps);
        ck_assert_uint_le(entry.end_ps, entry.known_ps);
        ck_assert_int_eq(entry.kind,
                         entry.dispatch == UINT32_MAX ? WEFT_TIMELINE_COMMAND_BUFFER : WEFT_TIMELINE_DISPATCH);
        ck_assert_uint_eq(entry.work.pes, 0);
        if (entry.dispatch == UINT32_MAX) {
            ck_assert_uint_gt(entry.sequence, whole.sequence);
            ck_assert_uint_ge(entry.start_ps, whole.end_ps); /* one command buffer after another */
            ck_assert_ptr_null(entry.op);
            ck_assert_uint_eq(entry.flops, 0);
            ck_assert_uint_eq(entry.bytes, 0);
            whole = entry;
            last_end = entry.start_ps;
        } else {
            ck_assert_uint_eq(entry.sequence, whole.sequence);
            ck_assert_uint_eq(entry.submitted_ps, whole.submitted_ps);
            ck_assert_uint_ge(entry.start_ps, last_end); /* in the order in which they ran */
            ck_assert_uint_le(entry.end_ps, whole.end_ps);
            ck_assert_uint_le(entry.barriers, whole.barriers);
            last_end = entry.end_ps;
        }
    }
    ck_assert_uint_eq(weft_timeline_lost(timeline), 0);
}

START_TEST(an_empty_timeline)
{
    weft_timeline *timeline = make_timeline();
    ck_assert_uint_eq(weft_timeline_count(timeline), 0);
    ck_assert_uint_eq(weft_timeline_lost(timeline), 0);
    weft_timeline_entry entry, zero = {0};
    weft_error error;
    memset(&entry, 0xff, sizeof entry);
    FAILS(weft_timeline_get(timeline, 0, &entry, &error), WEFT_OUT_OF_RANGE, "entry 0", "there are 0");
    ck_assert_mem_eq(&entry, &zero, sizeof entry);
    weft_timeline_clear(timeline);
    weft_timeline_destroy(timeline);
    weft_timeline_destroy(NULL);
}
END_TEST

START_TEST(entries_name_what_ran)
{
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_timeline *timeline = make_timeline();
        weft_buffer *a = test_floats(device, 4, 1.0f), *b = test_floats(device, 4, 1.0f);
        weft_encoder_options options = {.timeline = timeline};
        weft_encoder *encoder = test_encoder(device, &options);
        OK(weft_add(encoder, a, a, a, NULL));
        OK(weft_scale(encoder, b, 3.0f, b, NULL));
        OK(weft_encoder_barrier(encoder, NULL));
        weft_encoder_set_label(encoder, "the product");
        OK(weft_mul(encoder, a, b, a, NULL));
        ck_assert_uint_eq(weft_timeline_count(timeline), 0);
        OK(weft_encoder_commit(encoder, "first", NULL));
        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_encoder_commit(encoder, NULL, NULL)); /* nothing in it */
        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_add(encoder, a, a, b, NULL)); /* dropped */
        OK(weft_encoder_wait(encoder, NULL));
        weft_encoder_destroy(encoder);

        static const struct {
            uint64_t sequence;
            uint32_t dispatch, barriers;
            const char *op, *label;
        } expected[] = {
            {1, UINT32_MAX, 1, NULL, "first"}, {1, 0, 0, "add", ""},         {1, 1, 0, "scale", ""},
            {1, 2, 1, "mul", "the product"},   {2, UINT32_MAX, 0, NULL, ""},
        };
        ck_assert_uint_eq(weft_timeline_count(timeline), 5);
        for (size_t i = 0; i < 5; i++) {
            weft_timeline_entry entry = entry_at(timeline, i);
            ck_assert_uint_eq(entry.sequence, expected[i].sequence);
            ck_assert_uint_eq(entry.dispatch, expected[i].dispatch);
            ck_assert_uint_eq(entry.barriers, expected[i].barriers);
            ck_assert_str_eq(entry.label, expected[i].label);
            ck_assert_pstr_eq(entry.op, expected[i].op);
        }
        assert_orderly(timeline);
        weft_error error;
        weft_timeline_entry entry;
        FAILS(weft_timeline_get(timeline, 5, &entry, &error), WEFT_OUT_OF_RANGE, "entry 5", "there are 5");
        test_assert_floats(a, 6.0f);
        weft_timeline_clear(timeline);
        ck_assert_uint_eq(weft_timeline_count(timeline), 0);
        weft_timeline_destroy(timeline);
        weft_buffer_destroy(a);
        weft_buffer_destroy(b);
        weft_device_close(device);
    }
}
END_TEST

static weft_buffer *make(weft_device *device, weft_dtype dtype, weft_shape shape)
{
    weft_buffer *buffer;
    OK(weft_buffer_create(device, dtype, &shape, &buffer, NULL));
    return buffer;
}

START_TEST(a_dispatch_has_the_cost_of_its_op)
{
    weft_device *device = test_open("ref");
    weft_timeline *timeline = make_timeline();
    weft_encoder_options options = {.timeline = timeline, .barriers = WEFT_BARRIERS_INFERRED};
    weft_encoder *encoder = test_encoder(device, &options);
    weft_buffer *x = make(device, WEFT_F32, weft_shape_2d(3, 8)),
                *weight = make(device, WEFT_BF16, weft_shape_2d(5, 8)),
                *out = make(device, WEFT_F32, weft_shape_2d(3, 5)), *halves = make(device, WEFT_F16, weft_shape_1d(16));
    weft_copy_params box = {.rank = 2, .extent = {4, 2}, .source_stride = {4, 1}, .target_stride = {2, 1}};
    const struct {
        const weft_op *op;
        const weft_buffer *arguments[3];
        const void *params;
        uint64_t flops, bytes;
    } cases[] = {
        {weft_op_at(0), {x, x, x}, NULL, 24, 3 * 96},
        {NULL, {x, weight, out}, NULL, 2 * 3 * 5 * 8, 96 + 80 + 60},
        {NULL, {halves, x}, &box, 0, 16 + 32},
    };
    const weft_op *matmul, *copy;
    OK(weft_op_find("matmul", &matmul, NULL));
    OK(weft_op_find("copy", &copy, NULL));
    const weft_op *ops[] = {cases[0].op, matmul, copy};
    for (size_t i = 0; i < 3; i++) {
        size_t count = weft_op_argument_count(ops[i]);
        OK(weft_encoder_dispatch(encoder, ops[i], cases[i].arguments, count, cases[i].params, NULL));
    }
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    ck_assert_uint_eq(weft_timeline_count(timeline), 4);
    for (size_t i = 0; i < 3; i++) {
        weft_timeline_entry entry = entry_at(timeline, i + 1);
        weft_cost cost;
        OK(weft_op_cost(ops[i], cases[i].arguments, weft_op_argument_count(ops[i]), cases[i].params, &cost, NULL));
        ck_assert_uint_eq(entry.flops, cost.flops);
        ck_assert_uint_eq(entry.bytes, cost.bytes_read + cost.bytes_written);
        ck_assert_uint_eq(entry.flops, cases[i].flops);
        ck_assert_uint_eq(entry.bytes, cases[i].bytes);
        ck_assert_uint_eq(entry.barriers, i); /* inferred: each of them waits for the one before */
    }
    weft_buffer *buffers[] = {x, weight, out, halves};
    for (size_t i = 0; i < 4; i++)
        weft_buffer_destroy(buffers[i]);
    weft_encoder_destroy(encoder);
    weft_timeline_destroy(timeline);
    weft_device_close(device);
}
END_TEST

START_TEST(a_long_and_shuffled_stream_is_listed_as_it_ran)
{
    enum {
        COUNT = 600
    };
    for (size_t s = 0; s < 4; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_timeline *timeline = make_timeline();
        weft_session_options options = {.encoder = {.timeline = timeline}};
        weft_session *session = test_session(device, &options);
        weft_buffer *one = test_floats(device, 1, 1.0f), *sums = test_floats(device, COUNT, 0);
        for (size_t i = 0; i < COUNT; i++) {
            weft_buffer *place = test_view(sums, i, 1);
            OK(weft_add(weft_session_encoder(session), one, one, place, NULL));
            weft_buffer_destroy(place);
            if (i % 100 == 99) {
                OK(weft_session_fence_stage(session, "hundred", NULL));
                OK(weft_session_reset_for_next_stage(session, NULL));
            }
        }
        OK(weft_session_wait(session, NULL));
        ck_assert_uint_eq(weft_timeline_count(timeline), COUNT + 6);
        assert_orderly(timeline);
        size_t moved = 0;
        for (size_t stage = 0; stage < 6; stage++) {
            bool seen[100] = {false};
            ck_assert_str_eq(entry_at(timeline, 101 * stage).label, "hundred");
            for (size_t i = 0; i < 100; i++) {
                uint32_t dispatch = entry_at(timeline, 101 * stage + 1 + i).dispatch;
                ck_assert(dispatch < 100 && !seen[dispatch]);
                seen[dispatch] = true;
                moved += dispatch != i;
            }
        }
        ck_assert_int_eq(moved > COUNT / 2, s >= 2);
        ck_assert_int_eq(moved != 0, s >= 2);
        test_assert_floats(sums, 2.0f);
        weft_session_destroy(session);
        weft_timeline_destroy(timeline);
        weft_buffer_destroy(one);
        weft_buffer_destroy(sums);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(failed_and_skipped_work_is_listed_up_to_where_it_ended)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_timeline *timeline = make_timeline();
    weft_session_options options = {.encoder = {.timeline = timeline}};
    weft_session *session = test_session(device, &options);
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_test_device_fail(&control, 2, WEFT_INTERNAL);
    weft_test_device_block(&control, 1);
    for (int stage = 0; stage < 2; stage++) {
        for (int i = 0; i < 3; i++) {
            OK(weft_add(weft_session_encoder(session), a, a, a, NULL));
            OK(weft_encoder_barrier(weft_session_encoder(session), NULL));
        }
        OK(weft_session_fence_stage(session, stage ? "skipped" : "failed", NULL));
        OK(weft_session_reset_for_next_stage(session, NULL));
    }
    weft_test_device_unblock(&control);
    ck_assert_int_eq(weft_session_wait(session, NULL), WEFT_INTERNAL);
    ck_assert_uint_eq(weft_timeline_count(timeline), 4);
    ck_assert_str_eq(entry_at(timeline, 0).label, "failed");
    ck_assert_uint_eq(entry_at(timeline, 2).dispatch, 1); /* the one that failed */
    ck_assert_str_eq(entry_at(timeline, 3).label, "skipped");
    assert_orderly(timeline);
    weft_session_destroy(session);
    weft_timeline_destroy(timeline);
    weft_buffer_destroy(a);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

enum {
    THREADS = 3,
    ROUNDS = 50
};

typedef struct worker {
    weft_device *device;
    weft_timeline *timeline;
    weft_status status;
} worker;

static weft_status work(const worker *it)
{
    weft_encoder_options options = {.timeline = it->timeline};
    weft_encoder *encoder;
    weft_buffer *a;
    weft_shape shape = weft_shape_1d(4);
    weft_status status = weft_buffer_create(it->device, WEFT_F32, &shape, &a, NULL);
    if (status)
        return status;
    status = weft_encoder_create(it->device, &options, &encoder, NULL);
    for (int i = 0; i < ROUNDS && status == WEFT_OK; i++) {
        status = weft_add(encoder, a, a, a, NULL);
        if (status == WEFT_OK)
            status = weft_encoder_commit(encoder, NULL, NULL);
        if (status == WEFT_OK)
            status = weft_encoder_reset(encoder, NULL);
        (void)weft_timeline_count(it->timeline); /* while others add to it */
    }
    weft_buffer_destroy(a);
    weft_encoder_destroy(encoder);
    return status;
}

static void *run_worker(void *context)
{
    worker *it = context;
    it->status = work(it);
    return NULL;
}

START_TEST(several_threads_share_a_timeline)
{
    weft_device *device = test_open("cpu?threads=2");
    weft_timeline *timeline = make_timeline();
    worker workers[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.device = device, .timeline = timeline};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(workers[i].status, WEFT_OK);
    }
    weft_device_wait(device);
    ck_assert_uint_eq(weft_timeline_count(timeline), 2 * THREADS * ROUNDS);
    assert_orderly(timeline);
    weft_timeline_destroy(timeline);
    weft_device_close(device);
}
END_TEST

WEFT_TEST_MAIN("timeline", an_empty_timeline, entries_name_what_ran, a_dispatch_has_the_cost_of_its_op,
               a_long_and_shuffled_stream_is_listed_as_it_ran, failed_and_skipped_work_is_listed_up_to_where_it_ended,
               several_threads_share_a_timeline)
