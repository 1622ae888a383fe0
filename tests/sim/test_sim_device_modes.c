/* The device `sim:MACHINE.yaml` without values, with what else its URI can say, after errors, and used by several
 * threads. */
#include "device_bench.h"

#include <pthread.h>

#include "support/failing_malloc.h"

/* ---- without values ---- */

static weft_buffer *make(weft_device *device, weft_dtype dtype, weft_shape shape)
{
    weft_buffer *buffer;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, dtype, &shape, &buffer, &error), error);
    return buffer;
}

/* Ops of every kind, on zeros, some of which processors look at. */
static uint64_t run_ops(const char *uri, uint64_t *out_bytes)
{
    weft_error error;
    weft_simulation_statistics statistics;
    weft_device *device = test_open(uri);
    weft_encoder *encoder = test_encoder(device, NULL);
    weft_buffer *table = make(device, WEFT_BF16, weft_shape_2d(40, 96)),
                *ids = make(device, WEFT_I32, weft_shape_1d(5)), *x = make(device, WEFT_F32, weft_shape_2d(5, 96)),
                *y = make(device, WEFT_F32, weft_shape_2d(5, 40)), *chosen = make(device, WEFT_I32, weft_shape_1d(5)),
                *heads = make(device, WEFT_F32, weft_shape_3d(5, 4, 24)),
                *seen = make(device, WEFT_F32, weft_shape_3d(5, 4, 24)),
                *keys = make(device, WEFT_F32, weft_shape_3d(64, 2, 24));
    const weft_attention_params attention = {.scale = 0.2f, .kv_length = 64};
    int32_t zeros[5] = {0}, read[5] = {1, 1, 1, 1, 1};
    OK(weft_buffer_write(ids, 0, zeros, sizeof zeros, &error));
    OK(weft_embedding(encoder, table, ids, 1, x, &error));
    OK(weft_attention(encoder, heads, keys, keys, &attention, seen, &error));
    OK(weft_encoder_barrier(encoder, &error));
    OK(weft_matmul(encoder, x, table, y, &error));
    OK(weft_encoder_barrier(encoder, &error));
    OK(weft_softmax(encoder, y, y, &error));
    OK(weft_encoder_barrier(encoder, &error));
    OK(weft_argmax(encoder, y, chosen, &error));
    OK(weft_copy(
        encoder, x, x,
        &(weft_copy_params){.rank = 1, .extent = {50}, .source_stride = {1}, .target_stride = {1}, .target_offset = 60},
        &error));
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, NULL, &error), error);
    OK(weft_buffer_read(chosen, 0, read, sizeof read, &error));
    ck_assert_mem_eq(read, zeros, sizeof zeros);
    uint64_t now = weft_device_now_ps(device);
    weft_simulation_get_statistics(((const weft__sim_device *)device->driver)->simulation, &statistics);
    *out_bytes = statistics.peak_bytes;
    weft_buffer *buffers[] = {table, ids, x, y, chosen, heads, seen, keys};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        weft_buffer_destroy(buffers[i]);
    weft_encoder_destroy(encoder);
    assert_sum(device);
    weft_device_close(device);
    return now;
}

START_TEST(times_do_not_depend_on_values)
{
    uint64_t bytes;
    static const char *const uris[] = {TINY, TWO_SIP, TINY "?processor.dispatch_ns=1"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        char uri[512];
        uint64_t now = run_ops(uris[i], &bytes);
        ck_assert_uint_gt(bytes, 0);
        (void)snprintf(uri, sizeof uri, "%s%cvalues=none", uris[i], strchr(uris[i], '?') ? '&' : '?');
        ck_assert_uint_eq(run_ops(uri, &bytes), now);
        ck_assert_uint_eq(bytes, 0);
        (void)snprintf(uri, sizeof uri, "%s%cvalues=eager&threads=2&hazards=report", uris[i],
                       strchr(uris[i], '?') ? '&' : '?');
        ck_assert_uint_eq(run_ops(uri, &bytes), now);
        (void)snprintf(uri, sizeof uri, "%s%cperturb=7", uris[i], strchr(uris[i], '?') ? '&' : '?');
        ck_assert_uint_ne(run_ops(uri, &bytes), now);
    }
}
END_TEST

START_TEST(without_values_what_was_written_reads_as_zeros)
{
    weft_error error;
    weft_device *device = test_open(TINY "?values=none");
    weft_buffer *large = make(device, WEFT_U8, weft_shape_2d(1 << 10, 1500 << 10)), *small = test_floats(device, 40, 3);
    unsigned char bytes[5] = {1, 2, 3, 4, 5};
    OK(weft_buffer_write(large, 1000000, bytes, sizeof bytes, &error));
    OK(weft_buffer_read(large, 1000000, bytes, sizeof bytes, &error));
    for (size_t i = 0; i < sizeof bytes; i++)
        ck_assert_uint_eq(bytes[i], 0);
    test_assert_floats(small, 0);
    weft_buffer_destroy(large);
    weft_buffer_destroy(small);
    weft_device_close(device);
}
END_TEST

/* Nobody reads anything, and nothing piles up. */
START_TEST(values_that_nobody_reads_are_computed_or_dropped)
{
    weft_error error;
    weft__values_statistics statistics;
    uint64_t most = 0;
    weft_device *device = test_open(TINY);
    weft__values *values = ((const weft__sim_device *)device->driver)->simulation->values;
    weft_buffer *a = make(device, WEFT_F32, weft_shape_2d(64, 64)), *one = test_floats(device, 64, 1);
    weft_buffer *row = test_view(a, 64, 64);
    weft_encoder *encoder = test_encoder(device, NULL);
    for (int i = 0; i < 1500; i++) {
        OK(weft_scale(encoder, a, 1.0f, a, &error));
        OK(weft_encoder_barrier(encoder, &error));
        for (int j = 0; j < 10; j++) {
            OK(weft_add(encoder, row, one, row, &error));
            OK(weft_encoder_barrier(encoder, &error));
        }
        OK(weft_encoder_commit_and_wait(encoder, NULL, &error));
        OK(weft_encoder_reset(encoder, &error));
        weft__values_get_statistics(values, &statistics);
        most = statistics.live > most ? statistics.live : most;
    }
    ck_assert_uint_gt(statistics.made, 40000);
    ck_assert_uint_lt(most, 25000);
    ck_assert_uint_gt(statistics.evaluated, 0);
    test_assert_floats(row, 15000);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(row);
    weft_buffer_destroy(one);
    weft_buffer_destroy(a);
    weft_device_close(device);
}
END_TEST

/* ---- URIs ---- */

START_TEST(settings_and_options_of_a_uri_are_checked)
{
    weft_error error;
    weft_device *device;
    FAILS(weft_device_open(TINY "?host.submit_n=3", &device, &error), WEFT_INVALID_ARGUMENT, "'host.submit_n'",
          "host.submit_ns");
    ck_assert_ptr_null(device);
    FAILS(weft_device_open(TINY "?host.submit_ns=-3", &device, &error), WEFT_INVALID_ARGUMENT, "host.submit_ns=-3");
    FAILS(weft_device_open(TINY "?host.submit_ns", &device, &error), WEFT_INVALID_ARGUMENT, "host.submit_ns");
    FAILS(weft_device_open(TINY "?host.submit_ns=1&cube.rows=99", &device, &error), WEFT_INVALID_ARGUMENT, "cube.rows");
    FAILS(weft_device_open(TINY "?values=some", &device, &error), WEFT_INVALID_ARGUMENT, "values=some",
          "lazy, eager or none");
    FAILS(weft_device_open(TINY "?hazards=", &device, &error), WEFT_INVALID_ARGUMENT,
          "hazards=", "error, report or hardware");
    FAILS(weft_device_open(TINY "?perturb=0", &device, &error), WEFT_INVALID_ARGUMENT, "perturb=0");
    ck_assert_int_eq(weft_device_open(TINY "?valeus=none", &device, &error), WEFT_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.message, "did you mean 'values'?"));
    FAILS(weft_device_open("cpu?values=none", &device, &error), WEFT_INVALID_ARGUMENT, "means nothing to scheme 'cpu'");
    FAILS(weft_device_open("ref?host.submit_ns=1", &device, &error), WEFT_INVALID_ARGUMENT,
          "host.submit_ns, a setting of a machine, means nothing to scheme 'ref'");
    device = test_open(TINY "?host.submit_ns=1&cube.pes=[[0, 1], [1, 0]]&host.submit_ns=2.5&values=lazy");
    ck_assert_uint_eq(costs_of(device).submit, 2500);
    ck_assert_uint_eq(spec_of(device)->cube.pes[1].row, 1);
    weft_device_close(device);
}
END_TEST

/* The product reads the sum before that is there, or might. */
START_TEST(hazards_are_what_the_uri_says)
{
    static const char *const uris[] = {TINY "?hazards=error", TINY "?hazards=report", TINY "?hazards=hardware"};
    for (size_t i = 0; i < 3; i++) {
        weft_error error;
        weft_simulation_statistics statistics;
        pairs it = open_pairs(uris[i]);
        weft_encoder *encoder = test_encoder(it.device, NULL);
        weft_buffer *sum = test_view(it.sums, 0, 4);
        weft_buffer *larger = test_floats(it.device, 4 * 64, 0); /* another PE has its block */
        weft_buffer *elsewhere = test_view(larger, 0, 4);
        OK(weft_add(encoder, it.hidden, it.more, sum, &error));
        OK(weft_mul(encoder, sum, it.more, elsewhere, &error));
        ck_assert_int_eq(weft_encoder_commit_and_wait(encoder, NULL, &error), i == 0 ? WEFT_HAZARD : WEFT_OK);
        weft_simulation_get_statistics(((const weft__sim_device *)it.device->driver)->simulation, &statistics);
        ck_assert_uint_gt(statistics.hazards, 0);
        weft_encoder_destroy(encoder);
        weft_buffer_destroy(sum);
        weft_buffer_destroy(elsewhere);
        weft_buffer_destroy(larger);
        free_pairs(&it);
        assert_sum(it.device);
        weft_device_close(it.device);
    }
}
END_TEST

START_TEST(shuffling_changes_the_order_and_nothing_else)
{
    enum {
        COUNT = 12
    };
    static const char *const uris[] = {TINY, TINY "?shuffle=3", TINY "?shuffle=3", TINY "?shuffle=4"};
    uint32_t orders[4][COUNT];
    for (size_t i = 0; i < 4; i++) {
        weft_error error;
        weft_timeline *timeline;
        weft_device *device = test_open(uris[i]);
        weft_buffer *ones = test_floats(device, COUNT, 1), *twos = test_floats(device, COUNT, 0);
        OK(weft_timeline_create(&timeline, &error));
        weft_encoder *encoder = test_encoder(device, &(weft_encoder_options){.timeline = timeline});
        for (size_t j = 0; j < COUNT; j++) {
            weft_buffer *out = test_view(twos, j, 1), *in = test_view(ones, j, 1);
            OK(weft_add(encoder, in, in, out, &error));
            weft_buffer_destroy(in);
            weft_buffer_destroy(out);
        }
        OK(weft_encoder_commit_and_wait(encoder, NULL, &error));
        for (size_t j = 0; j < COUNT; j++)
            orders[i][j] = entry_at(timeline, 1 + j).dispatch;
        test_assert_floats(twos, 2);
        weft_encoder_destroy(encoder);
        weft_timeline_destroy(timeline);
        weft_buffer_destroy(ones);
        weft_buffer_destroy(twos);
        weft_device_close(device);
    }
    for (uint32_t j = 0; j < COUNT; j++)
        ck_assert_uint_eq(orders[0][j], j);
    ck_assert_mem_eq(orders[1], orders[2], sizeof orders[1]);
    ck_assert_mem_ne(orders[0], orders[1], sizeof orders[1]);
    ck_assert_mem_ne(orders[1], orders[3], sizeof orders[1]);
}
END_TEST

/* ---- errors ---- */

START_TEST(a_failed_stage_ends_where_it_failed_and_the_next_are_skipped)
{
    weft_error error;
    weft_timeline *timeline;
    weft_device *device = test_open(TINY);
    costs its = costs_of(device);
    weft_buffer *table = make(device, WEFT_F32, weft_shape_2d(3, 4)), *ids = make(device, WEFT_I32, weft_shape_1d(1)),
                *out = make(device, WEFT_F32, weft_shape_2d(1, 4)), *a = test_floats(device, 4, 1);
    const int32_t id = 3;
    OK(weft_buffer_write(ids, 0, &id, sizeof id, &error));
    OK(weft_timeline_create(&timeline, &error));
    weft_session_options options = {.encoder = {.timeline = timeline}};
    weft_session *session = test_session(device, &options);
    weft_encoder *encoder = weft_session_encoder(session);
    OK(weft_add(encoder, a, a, a, &error));
    OK(weft_embedding(encoder, table, ids, 1, out, &error));
    OK(weft_encoder_barrier(encoder, &error));
    OK(weft_add(encoder, a, a, a, &error));
    OK(weft_session_fence_stage(session, "bad", &error));
    for (int i = 0; i < 2; i++) {
        OK(weft_session_reset_for_next_stage(session, &error));
        OK(weft_add(encoder, a, a, a, &error));
        OK(weft_session_fence_stage(session, "skipped", &error));
    }
    FAILS(weft_session_wait(session, &error), WEFT_OUT_OF_RANGE, "Command buffer 'bad'", "dispatch 1 (embedding)", "3");
    ck_assert_uint_eq(test_counters(device).command_buffers_failed, 3);
    weft_timeline_entry last = entry_at(timeline, weft_timeline_count(timeline) - 1);
    ck_assert_int_eq(last.kind, WEFT_TIMELINE_COMMAND_BUFFER);
    ck_assert_uint_eq(last.start_ps, last.end_ps);
    ck_assert_uint_eq(weft_device_now_ps(device), last.known_ps + its.sync);
    ck_assert_uint_eq(part_of(device, "barrier"), 0);
    weft_session_destroy(session);
    weft_timeline_destroy(timeline);
    encoder = test_encoder(device, NULL);
    OK(weft_add(encoder, a, a, a, &error));
    OK(weft_encoder_commit_and_wait(encoder, NULL, &error)); /* the device goes on */
    test_assert_floats(a, 4);
    assert_sum(device);
    weft_buffer *buffers[] = {table, ids, out, a};
    for (size_t i = 0; i < 4; i++)
        weft_buffer_destroy(buffers[i]);
    weft_encoder_destroy(encoder);
    weft_device_close(device);
}
END_TEST

/* Nothing here may assert: Check allocates. */
static weft_status use(weft_device **device, weft_error *err)
{
    weft_timeline *timeline = NULL;
    weft_session *session = NULL;
    weft_buffer *buffers[2] = {NULL, NULL};
    weft_shape shape = weft_shape_2d(20, 20);
    weft_status status = weft_device_open(TINY "?host.submit_ns=10", device, err);
    if (status != WEFT_OK)
        return status;
    for (int i = 0; i < 2 && status == WEFT_OK; i++)
        status = weft_buffer_create(*device, WEFT_F32, &shape, &buffers[i], err);
    if (status == WEFT_OK)
        status = weft_timeline_create(&timeline, err);
    weft_session_options options = {.encoder = {.timeline = timeline}};
    if (status == WEFT_OK)
        status = weft_session_create(*device, &options, &session, err);
    for (int i = 0; i < 3 && status == WEFT_OK; i++) {
        status = weft_session_reset_for_next_stage(session, err);
        for (int j = 0; j < 2 && status == WEFT_OK; j++) {
            status = weft_scale(weft_session_encoder(session), buffers[0], 2, buffers[1], err);
            if (status == WEFT_OK)
                status = weft_encoder_barrier(weft_session_encoder(session), err);
        }
        if (status == WEFT_OK)
            status = weft_session_fence_stage(session, NULL, err);
    }
    weft_status waited = session ? weft_session_wait(session, status == WEFT_OK ? err : NULL) : WEFT_OK;
    weft_session_destroy(session);
    weft_timeline_destroy(timeline);
    weft_buffer_destroy(buffers[0]);
    weft_buffer_destroy(buffers[1]);
    return status == WEFT_OK ? waited : status;
}

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    uint64_t n = 0;
    for (; failed; n++) {
        weft_error error = {0};
        weft_device *device = NULL;
        weft_test_fail_allocation_after(n);
        weft_status status = use(&device, &error);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == WEFT_OK || (failed && status == WEFT_OUT_OF_MEMORY), "allocation %u: %s", (unsigned)n,
                      error.message);
        if (device)
            assert_sum(device);
        weft_device_close(device);
    }
    ck_assert_uint_gt(n, 100);
}
END_TEST

/* ---- threads ---- */

enum {
    THREADS = 4,
    ROUNDS = 30
};

typedef struct worker {
    weft_device *device;
    int number;
    float result;
    weft_status status;
} worker;

static void *work(void *context)
{
    worker *it = context;
    weft_error error;
    weft_encoder *encoder;
    weft_buffer *a;
    weft_shape shape = weft_shape_1d(8);
    const float one = 1;
    it->status = weft_buffer_create(it->device, WEFT_F32, &shape, &a, &error);
    if (it->status != WEFT_OK)
        return NULL;
    it->status = weft_encoder_create(it->device, NULL, &encoder, &error);
    if (it->status == WEFT_OK)
        it->status = weft_buffer_write(a, 0, &one, sizeof one, &error);
    for (int i = 0; i < ROUNDS && it->status == WEFT_OK; i++) {
        it->status = weft_scale(encoder, a, i % 2 ? 0.5f : 2.0f, a, &error);
        if (it->status == WEFT_OK)
            it->status = weft_encoder_commit(encoder, NULL, &error);
        if (it->status == WEFT_OK && i % (it->number + 1) == 0)
            it->status = weft_encoder_wait(encoder, &error);
        if (it->status == WEFT_OK)
            it->status = weft_encoder_reset(encoder, &error);
        (void)weft_device_now_ps(it->device);
    }
    if (it->status == WEFT_OK)
        it->status = weft_encoder_wait(encoder, &error);
    if (it->status == WEFT_OK)
        it->status = weft_buffer_read(a, 0, &it->result, sizeof it->result, &error);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    return NULL;
}

START_TEST(several_threads_use_one_machine)
{
    weft_device *device = test_open(TINY);
    pthread_t threads[THREADS];
    worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.device = device, .number = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(workers[i].status, WEFT_OK);
        ck_assert_float_eq(workers[i].result, 1);
    }
    weft_device_wait(device);
    assert_sum(device);
    ck_assert_uint_eq(part_of(device, "under way"), 0);
    ck_assert_uint_eq(test_counters(device).command_buffers_completed, THREADS * ROUNDS);
    weft_device_close(device);
}
END_TEST

WEFT_TEST_MAIN("sim_device_modes", times_do_not_depend_on_values, without_values_what_was_written_reads_as_zeros,
               values_that_nobody_reads_are_computed_or_dropped, settings_and_options_of_a_uri_are_checked,
               hazards_are_what_the_uri_says, shuffling_changes_the_order_and_nothing_else,
               a_failed_stage_ends_where_it_failed_and_the_next_are_skipped, every_allocation_may_fail,
               several_threads_use_one_machine)
