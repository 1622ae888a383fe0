/* The runtime under load: tens of thousands of cycles, several threads on one device, destruction at the worst moment,
 * and a steady state that allocates nothing. */
#include "support/runtime_test.h"

#include <pthread.h>

#include "base/rng.h"
#include "support/failing_malloc.h"
#include "support/sanitizers.h"

/* The sanitizer of threads makes each step some twenty times as dear. */
#define CYCLES (WEFT_TEST_THREAD_SANITIZER ? 5000 : 50000)

static const char *const host_schemes[] = {"ref", "cpu?threads=2"};

enum {
    THREADS = 4
};

START_TEST(encoders_come_and_go)
{
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_buffer *a = test_floats(device, 1, 1.0f), *out = test_floats(device, 1, 0);
        uint64_t bytes = test_counters(device).bytes_allocated, before = 0;
        weft_status status = WEFT_OK;
        for (uint64_t i = 0; i < CYCLES && status == WEFT_OK; i++) {
            weft_encoder *encoder;
            if (i == 10)
                before = weft_test_allocations();
            status = weft_encoder_create(device, NULL, &encoder, NULL);
            for (int commits = 0; commits < 2 && status == WEFT_OK; commits++) {
                status = weft_add(encoder, a, a, out, NULL);
                if (status == WEFT_OK)
                    status = weft_encoder_commit_and_wait(encoder, "cycle", NULL);
                if (status == WEFT_OK)
                    status = weft_encoder_reset(encoder, NULL);
            }
            weft_encoder_destroy(encoder); /* with an empty recording */
        }
        uint64_t allocations = weft_test_allocations() - before;
        ck_assert_int_eq(status, WEFT_OK);
        ck_assert_uint_eq(allocations, UINT64_C(2) * (CYCLES - 10)); /* the encoder, and what its commits share */
        ck_assert_uint_eq(test_counters(device).bytes_allocated, bytes);
        ck_assert_uint_eq(test_counters(device).command_buffers_created, UINT64_C(3) * CYCLES);
        ck_assert_uint_eq(test_counters(device).command_buffers_completed, UINT64_C(2) * CYCLES);
        test_assert_floats(out, 2.0f);
        weft_buffer_destroy(a);
        weft_buffer_destroy(out);
        weft_device_close(device);
    }
}
END_TEST

static weft_status session_cycle(weft_device *device, weft_buffer *a, weft_buffer *out)
{
    weft_session *session;
    weft_status status = weft_session_create(device, NULL, &session, NULL);
    for (int stage = 0; stage < 2 && status == WEFT_OK; stage++) {
        status = weft_add(weft_session_encoder(session), a, a, out, NULL);
        if (status == WEFT_OK)
            status = weft_session_fence_stage(session, "stage", NULL);
        if (status == WEFT_OK) /* also after the last stage: the fresh command buffer is dropped */
            status = weft_session_reset_for_next_stage(session, NULL);
    }
    weft_session_destroy(session);
    return status;
}

START_TEST(sessions_come_and_go)
{
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_buffer *a = test_floats(device, 1, 1.0f), *out = test_floats(device, 1, 0);
        weft_status status = WEFT_OK;
        uint64_t bytes = test_counters(device).bytes_allocated, before = weft_test_allocations();
        for (uint64_t i = 0; i < CYCLES && status == WEFT_OK; i++)
            status = session_cycle(device, a, out);
        uint64_t allocations = weft_test_allocations() - before;
        ck_assert_int_eq(status, WEFT_OK);
        /* The session, its encoder and what the stages share; and three command buffers once and for all. */
        ck_assert_uint_ge(allocations, UINT64_C(3) * CYCLES);
        ck_assert_uint_le(allocations, UINT64_C(3) * CYCLES + 50);
        ck_assert_uint_eq(test_counters(device).bytes_allocated, bytes);
        ck_assert_uint_eq(test_counters(device).command_buffers_created, UINT64_C(3) * CYCLES);
        ck_assert_uint_eq(test_counters(device).command_buffers_completed, UINT64_C(2) * CYCLES);
        ck_assert_uint_eq(test_counters(device).fence_waits, CYCLES);
        test_assert_floats(out, 2.0f);
        weft_buffer_destroy(a);
        weft_buffer_destroy(out);
        weft_device_close(device);
    }
}
END_TEST

/* Nobody waits: encoders and the buffers that they use are gone before the work is done. */
START_TEST(encoders_and_buffers_are_destroyed_in_flight)
{
    for (size_t s = 0; s < 2; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_buffer *sum = test_floats(device, 4, 0), *one = test_floats(device, 4, 1.0f);
        uint64_t bytes = test_counters(device).bytes_allocated;
        weft_shape shape = weft_shape_1d(4);
        const uint64_t cycles = CYCLES / 5;
        weft_status status = WEFT_OK;
        for (uint64_t i = 0; i < cycles && status == WEFT_OK; i++) {
            weft_encoder *encoder;
            weft_buffer *middle = NULL;
            status = weft_encoder_create(device, NULL, &encoder, NULL);
            if (status == WEFT_OK)
                status = weft_buffer_create(device, WEFT_F32, &shape, &middle, NULL);
            if (status == WEFT_OK)
                status = weft_add(encoder, sum, one, middle, NULL);
            if (status == WEFT_OK)
                status = weft_encoder_barrier(encoder, NULL);
            if (status == WEFT_OK)
                status = weft_copy(encoder, middle, sum, NULL, NULL);
            weft_buffer_destroy(middle);
            if (status == WEFT_OK)
                status = weft_encoder_commit(encoder, NULL, NULL);
            weft_encoder_destroy(encoder);
        }
        ck_assert_int_eq(status, WEFT_OK);
        weft_buffer *view = test_view(sum, 0, 4);
        weft_buffer_destroy(sum);
        weft_buffer_destroy(one);
        weft_device_wait(device);
        test_assert_floats(view, (float)cycles);
        ck_assert_uint_eq(test_counters(device).bytes_allocated, bytes / 2);
        weft_device_close(device);
        weft_buffer_destroy(view);
    }
}
END_TEST

/* What every thread computes: out = sum of the shared inputs, twice over, by a session or by encoders. */
enum {
    INPUTS = 8,
    LENGTH = 300,
    ROUNDS = 40
};

typedef struct worker {
    weft_device *device;
    weft_buffer *const *inputs;
    weft_pool *pool;
    uint64_t number;
    const char *wrong;
} worker;

/* out = inputs[0] + ... + inputs[7]; barriers by hand or inferred. */
static weft_status record_sum(const worker *it, weft_encoder *encoder, bool barriers, weft_buffer *out)
{
    weft_status status = weft_add(encoder, it->inputs[0], it->inputs[1], out, NULL);
    for (size_t i = 2; i < INPUTS && status == WEFT_OK; i++) {
        if (barriers)
            status = weft_encoder_barrier(encoder, NULL);
        if (status == WEFT_OK)
            status = weft_add(encoder, out, it->inputs[i], out, NULL);
    }
    return status;
}

static weft_status sum_by_encoder(const worker *it, bool infers, weft_buffer *out)
{
    weft_encoder_options options = {.barriers = infers ? WEFT_BARRIERS_INFERRED : WEFT_BARRIERS_MANUAL};
    weft_encoder *encoder;
    weft_status status = weft_encoder_create(it->device, &options, &encoder, NULL);
    if (status)
        return status;
    status = record_sum(it, encoder, !infers, out);
    if (status == WEFT_OK)
        status = weft_encoder_commit_and_wait(encoder, NULL, NULL);
    weft_encoder_destroy(encoder);
    return status;
}

static weft_status sum_by_session(const worker *it, weft_buffer *out)
{
    weft_session *session;
    weft_status status = weft_session_create(it->device, NULL, &session, NULL);
    if (status)
        return status;
    for (int stage = 0; stage < 3 && status == WEFT_OK; stage++) {
        status = record_sum(it, weft_session_encoder(session), true, out);
        if (status == WEFT_OK)
            status = weft_session_fence_stage(session, NULL, NULL);
        if (status == WEFT_OK)
            status = weft_session_reset_for_next_stage(session, NULL);
    }
    if (status == WEFT_OK)
        status = weft_session_wait(session, NULL);
    weft_session_destroy(session);
    return status;
}

static const char *check_round(const worker *it, uint64_t round)
{
    weft_shape shape = weft_shape_1d(LENGTH);
    weft_buffer *out;
    float results[LENGTH];
    if (weft_pool_buffer(it->pool, WEFT_F32, &shape, &out, NULL))
        return "the pool has failed";
    weft_status status = round % 3 == 2 ? sum_by_session(it, out) : sum_by_encoder(it, (round + it->number) % 2, out);
    if (status == WEFT_OK)
        status = weft_buffer_read(out, 0, results, sizeof results, NULL);
    weft_buffer_destroy(out);
    if (status)
        return "a call has failed";
    for (size_t i = 0; i < LENGTH; i++)
        if (results[i] != (float)(INPUTS * i + INPUTS * (INPUTS - 1) / 2))
            return "a sum is wrong";
    return NULL;
}

static void *run_worker(void *context)
{
    worker *it = context;
    for (uint64_t round = 0; round < ROUNDS && !it->wrong; round++)
        it->wrong = check_round(it, round);
    return NULL;
}

static void run_workers(const char *uri)
{
    weft_device *device = test_open(uri);
    weft_buffer *inputs[INPUTS];
    weft_pool *pool;
    OK(weft_pool_create(device, &pool, NULL));
    for (size_t k = 0; k < INPUTS; k++) {
        float values[LENGTH];
        for (size_t i = 0; i < LENGTH; i++)
            values[i] = (float)(i + k);
        inputs[k] = test_floats(device, LENGTH, 0);
        OK(weft_buffer_write(inputs[k], 0, values, sizeof values, NULL));
    }
    worker workers[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.device = device, .inputs = inputs, .pool = pool, .number = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_msg(!workers[i].wrong, "thread %zu on %s: %s", i, uri, workers[i].wrong);
    weft_counters counters = test_counters(device);
    ck_assert_uint_eq(counters.command_buffers_completed, counters.command_buffers_submitted);
    ck_assert_uint_eq(counters.command_buffers_failed, 0);
    ck_assert_uint_eq(counters.syncs, THREADS * ROUNDS);
    for (size_t k = 0; k < INPUTS; k++)
        weft_buffer_destroy(inputs[k]);
    weft_pool_destroy(pool);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 0);
    weft_device_close(device);
}

START_TEST(threads_share_a_device_and_its_inputs)
{
    run_workers("ref");
    run_workers("cpu?threads=1");
    run_workers("cpu?threads=3");
    run_workers("cpu?threads=2&shuffle=9");
}
END_TEST

static void *open_and_close(void *context)
{
    worker *it = context;
    for (uint64_t round = 0; round < ROUNDS && !it->wrong; round++) {
        weft_device *device;
        weft_encoder *encoder;
        if (weft_device_open(it->number % 2 ? "ref" : "cpu?threads=2", &device, NULL))
            it->wrong = "a device could not be opened";
        else if (weft_encoder_create(device, NULL, &encoder, NULL))
            it->wrong = "an encoder could not be made";
        else if (weft_encoder_commit(encoder, NULL, NULL))
            it->wrong = "a commit was refused";
        if (it->wrong)
            return NULL;
        weft_device_close(device);
        if (weft_encoder_wait(encoder, NULL))
            it->wrong = "a wait has failed";
        weft_encoder_destroy(encoder);
    }
    return NULL;
}

START_TEST(threads_open_and_close_devices)
{
    worker workers[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.number = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, open_and_close, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_msg(!workers[i].wrong, "thread %zu: %s", i, workers[i].wrong);
}
END_TEST

/* Commits until the device is closed under its hands. */
static void *commit_until_closed(void *context)
{
    worker *it = context;
    weft_error error = {0};
    weft_encoder *encoder;
    weft_status status = weft_encoder_create(it->device, NULL, &encoder, NULL);
    if (status) {
        it->wrong = "an encoder could not be made";
        return NULL;
    }
    while (status == WEFT_OK) {
        status = weft_encoder_commit(encoder, NULL, &error);
        if (status == WEFT_OK)
            status = weft_encoder_reset(encoder, &error);
    }
    if (status != WEFT_INVALID_STATE || !strstr(error.message, "closed"))
        it->wrong = "a commit failed otherwise";
    if (weft_encoder_wait(encoder, NULL))
        it->wrong = "a wait has failed";
    weft_encoder_destroy(encoder);
    return NULL;
}

START_TEST(a_device_is_closed_while_others_commit)
{
    for (size_t round = 0; round < 20; round++) {
        weft_device *device = test_open(host_schemes[round % 2]);
        weft_encoder *kept = test_encoder(device, NULL); /* threads that begin late must find the device alive */
        worker workers[THREADS];
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            workers[i] = (worker){.device = device};
            ck_assert_int_eq(pthread_create(&threads[i], NULL, commit_until_closed, &workers[i]), 0);
        }
        while (test_counters(device).command_buffers_submitted < 50)
            ;
        weft_device_close(device);
        weft_counters counters = test_counters(device);
        ck_assert_uint_eq(counters.command_buffers_completed, counters.command_buffers_submitted);
        for (size_t i = 0; i < THREADS; i++)
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        for (size_t i = 0; i < THREADS; i++)
            ck_assert_msg(!workers[i].wrong, "thread %zu: %s", i, workers[i].wrong);
        ck_assert_uint_eq(test_counters(device).command_buffers_submitted, counters.command_buffers_submitted);
        weft_encoder_destroy(kept);
    }
}
END_TEST

enum {
    DISPATCHES = 100,
    WARM_UP = 20,
    STEADY = 500
};

/* 100 dispatches over views of one buffer, each of which waits for the one before it. */
static weft_status record_stream(weft_encoder *encoder, weft_buffer *const *views, bool barriers)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < DISPATCHES && status == WEFT_OK; i++) {
        if (barriers && i)
            status = weft_encoder_barrier(encoder, NULL);
        weft_encoder_set_label(encoder, "one of many");
        if (status == WEFT_OK && i % 3 == 0)
            status = weft_copy(encoder, views[i], views[i + 1], NULL, NULL);
        else if (status == WEFT_OK)
            status = weft_add(encoder, views[i], views[i], views[i + 1], NULL);
    }
    return status;
}

/* One cycle on an encoder, or on a session when there is one. */
static weft_status run_cycle(weft_encoder *encoder, weft_session *session, weft_buffer *const *views, bool barriers)
{
    weft_status status = record_stream(encoder, views, barriers);
    if (status)
        return status;
    if (!session) {
        status = weft_encoder_commit_and_wait(encoder, "cycle", NULL);
        return status ? status : weft_encoder_reset(encoder, NULL);
    }
    status = weft_session_fence_stage(session, "cycle", NULL);
    if (status == WEFT_OK)
        status = weft_session_wait(session, NULL);
    return status ? status : weft_session_reset_for_next_stage(session, NULL);
}

static void check_steady_state(const char *uri, weft_encoder_options options, bool by_session)
{
    weft_device *device = test_open(uri);
    weft_buffer *all = test_floats(device, 4 * (DISPATCHES + 1), 1.0f), *views[DISPATCHES + 1];
    for (size_t i = 0; i <= DISPATCHES; i++)
        views[i] = test_view(all, 4 * i, 4);
    weft_session_options session_options = {.encoder = options};
    weft_session *session = by_session ? test_session(device, &session_options) : NULL;
    weft_encoder *own = session ? NULL : test_encoder(device, &options);
    weft_encoder *encoder = session ? weft_session_encoder(session) : own;
    weft_status status = WEFT_OK;
    uint64_t before = 0;
    for (size_t i = 0; i < WARM_UP + STEADY && status == WEFT_OK; i++) {
        if (i == WARM_UP)
            before = weft_test_allocations();
        status = run_cycle(encoder, session, views, options.barriers == WEFT_BARRIERS_MANUAL);
        if (options.hazards)
            weft_hazard_report_clear(options.hazards);
        if (options.timeline)
            weft_timeline_clear(options.timeline);
    }
    uint64_t allocations = weft_test_allocations() - before;
    ck_assert_int_eq(status, WEFT_OK);
    ck_assert_msg(allocations == 0, "%s: %" PRIu64 " allocations in %d cycles", uri, allocations, (int)STEADY);
    ck_assert_uint_eq(test_counters(device).barriers, UINT64_C(99) * (WARM_UP + STEADY));
    weft_session_destroy(session);
    weft_encoder_destroy(own);
    for (size_t i = 0; i <= DISPATCHES; i++)
        weft_buffer_destroy(views[i]);
    weft_buffer_destroy(all);
    weft_device_close(device);
}

START_TEST(the_steady_state_allocates_nothing)
{
    weft_hazard_report *report;
    weft_timeline *timeline;
    OK(weft_hazard_report_create(&report, NULL));
    OK(weft_timeline_create(&timeline, NULL));
    const weft_encoder_options options[] = {
        {.barriers = WEFT_BARRIERS_MANUAL},
        {.barriers = WEFT_BARRIERS_INFERRED},
        {.hazards = report},
        {.timeline = timeline},
        {.barriers = WEFT_BARRIERS_INFERRED, .hazards = report, .timeline = timeline},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        for (size_t s = 0; s < 4; s++)
            check_steady_state(host_schemes[s % 2], options[i], s / 2);
    weft_hazard_report_destroy(report);
    weft_timeline_destroy(timeline);
}
END_TEST

WEFT_TEST_MAIN("stress", encoders_come_and_go, sessions_come_and_go, encoders_and_buffers_are_destroyed_in_flight,
               threads_share_a_device_and_its_inputs, threads_open_and_close_devices,
               a_device_is_closed_while_others_commit, the_steady_state_allocates_nothing)
