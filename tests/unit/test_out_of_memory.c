/* Every allocation of the runtime, made to fail one after the other.
 *
 * Each scenario runs in three ways: it gives up at the first error; it gives up and every later allocation fails too,
 * so that cleaning up must do without any; it repeats the call that failed, after which all must come out as if nothing
 * had happened. What may be lost instead of failing is a label and the entries of a timeline. */
#include <weft/graph.h>

#include "support/runtime_test.h"

#include <errno.h>
#include <pthread.h>

#include "support/failing_malloc.h"

enum {
    BUFFERS_MAX = 64,
    FLOATS_MAX = 200,
    MANY = 40
};

typedef enum manner {
    GIVES_UP,
    GIVES_UP_FOR_GOOD,
    TRIES_AGAIN,
    WAYS
} manner;

typedef struct scene {
    manner way;
    weft_device *device;
    weft_buffer *buffers[BUFFERS_MAX];
    size_t buffer_count;
    weft_pool *pool;
    weft_hazard_report *report;
    weft_timeline *timeline;
    weft_encoder *encoder;
    weft_session *session;
    weft_graph *graph;
    weft_span *span;
    int releases;
} scene;

typedef weft_status scenario(scene *it);

/* Returns from a scenario when the call fails, at once or at the second time. Nothing here may use Check's assertions:
 * they allocate. */
#define DO(call)                                                                                                       \
    do {                                                                                                               \
        weft_error error_ = {.code = WEFT_OK};                                                                         \
        weft_error *err = &error_;                                                                                     \
        weft_status status_ = (call);                                                                                  \
        if (status_ != error_.code || (status_ && !strstr(error_.message, "Out of memory")))                           \
            return WEFT_INTERNAL;                                                                                      \
        if (status_ == WEFT_OUT_OF_MEMORY && it->way == TRIES_AGAIN)                                                   \
            status_ = (call);                                                                                          \
        if (status_)                                                                                                   \
            return status_;                                                                                            \
    } while (0)

static void clean_up(scene *it)
{
    weft_encoder_destroy(it->encoder);
    weft_session_destroy(it->session);
    weft_graph_destroy(it->graph);
    for (size_t i = 0; i < it->buffer_count; i++)
        weft_buffer_destroy(it->buffers[i]);
    weft_pool_destroy(it->pool);
    (void)!weft_span_end(it->span, NULL, NULL);
    weft_hazard_report_destroy(it->report);
    weft_timeline_destroy(it->timeline);
}

/* Returns from a scenario when a part of it has failed. */
#define PASS(part)                                                                                                     \
    do {                                                                                                               \
        weft_status status_ = (part);                                                                                  \
        if (status_)                                                                                                   \
            return status_;                                                                                            \
    } while (0)

/* The next buffer of the scene, filled with numbers that depend on nothing but its place. */
static weft_status add_buffer(scene *it, weft_dtype dtype, weft_shape shape)
{
    weft_buffer **out = &it->buffers[it->buffer_count];
    DO(weft_buffer_create(it->device, dtype, &shape, out, err));
    it->buffer_count++;
    float values[FLOATS_MAX];
    for (size_t i = 0; i < FLOATS_MAX; i++)
        values[i] = (float)((it->buffer_count * 31 + i * 17) % 23) / 8.0f;
    if (dtype == WEFT_F32)
        DO(weft_buffer_write(*out, 0, values, weft_buffer_bytes(*out), err));
    return WEFT_OK;
}

static void count_release(void *context)
{
    ++*(int *)context;
}

static weft_status use_buffers(scene *it)
{
    static const float data[16];
    weft_shape shape = weft_shape_1d(16), part = weft_shape_1d(4);
    weft_buffer *pooled;
    PASS(add_buffer(it, WEFT_F32, shape));
    DO(weft_buffer_view(it->buffers[0], 3, &part, &it->buffers[1], err));
    it->buffer_count++;
    DO(weft_buffer_wrap(it->device, WEFT_F32, &shape, data, count_release, &it->releases, &it->buffers[2], err));
    it->buffer_count++;
    it->releases -= 1; /* to be made up for by the release */
    DO(weft_pool_create(it->device, &it->pool, err));
    for (int i = 0; i < 3; i++) {
        DO(weft_pool_buffer(it->pool, WEFT_F32, &shape, &pooled, err));
        weft_buffer_destroy(pooled);
    }
    DO(weft_pool_buffer(it->pool, WEFT_F32, &shape, &it->buffers[3], err));
    it->buffer_count++;
    return WEFT_OK;
}

/* Numbers of the buffers below. */
enum {
    X,
    Y,
    OUT,
    TABLE,
    IDS,
    WEIGHT,
    Q,
    KEYS,
    VALUES,
    TURNED,
    MATRIX,
    PRODUCT,
    BEST,
    TOP,
    TOP_INDICES,
    SAMPLED
};

static weft_status make_all_arguments(scene *it)
{
    const struct {
        weft_dtype dtype;
        weft_shape shape;
    } all[] = {
        [X] = {WEFT_F32, weft_shape_2d(2, 8)},
        [Y] = {WEFT_F32, weft_shape_2d(2, 8)},
        [OUT] = {WEFT_F32, weft_shape_2d(2, 8)},
        [TABLE] = {WEFT_F32, weft_shape_2d(4, 8)},
        [IDS] = {WEFT_I32, weft_shape_1d(2)},
        [WEIGHT] = {WEFT_F32, weft_shape_1d(8)},
        [Q] = {WEFT_F32, weft_shape_3d(2, 2, 4)},
        [KEYS] = {WEFT_F32, weft_shape_3d(3, 1, 4)},
        [VALUES] = {WEFT_F32, weft_shape_3d(3, 1, 4)},
        [TURNED] = {WEFT_F32, weft_shape_3d(2, 2, 4)},
        [MATRIX] = {WEFT_F32, weft_shape_2d(5, 8)},
        [PRODUCT] = {WEFT_F32, weft_shape_2d(2, 5)},
        [BEST] = {WEFT_I32, weft_shape_1d(2)},
        [TOP] = {WEFT_F32, weft_shape_2d(2, 3)},
        [TOP_INDICES] = {WEFT_I32, weft_shape_2d(2, 3)},
        [SAMPLED] = {WEFT_I32, weft_shape_1d(2)},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        PASS(add_buffer(it, all[i].dtype, all[i].shape));
    return WEFT_OK;
}

static weft_status record_every_op(scene *it)
{
    weft_buffer *const *b = it->buffers;
    weft_encoder *e = it->encoder;
    weft_rms_norm_params norm = {.epsilon = 1e-6f};
    weft_rope_params rope = {.theta = 10000};
    weft_attention_params attention = {.scale = 0.5f, .kv_length = 3};
    weft_sample_params sample = {.temperature = 1, .top_k = 3, .top_p = 0.9f, .seed = 4};
    weft_encoder_set_label(e, "the first");
    DO(weft_add(e, b[X], b[Y], b[OUT], err));
    DO(weft_mul(e, b[X], b[Y], b[Y], err));
    DO(weft_encoder_barrier(e, err));
    DO(weft_scale(e, b[OUT], 0.5f, b[OUT], err));
    DO(weft_embedding(e, b[TABLE], b[IDS], 2, b[X], err));
    DO(weft_encoder_barrier(e, err));
    DO(weft_silu_mul(e, b[OUT], b[X], b[OUT], err));
    DO(weft_gelu_mul(e, b[X], b[Y], b[Y], err));
    DO(weft_encoder_barrier(e, err));
    DO(weft_rms_norm(e, b[OUT], b[WEIGHT], &norm, b[X], err));
    DO(weft_rope(e, b[Q], b[IDS], &rope, b[TURNED], err));
    DO(weft_encoder_barrier(e, err));
    DO(weft_attention(e, b[TURNED], b[KEYS], b[VALUES], &attention, b[Q], err));
    DO(weft_matmul(e, b[X], b[MATRIX], b[PRODUCT], err));
    DO(weft_encoder_barrier(e, err));
    DO(weft_argmax(e, b[PRODUCT], b[BEST], err));
    DO(weft_top_k(e, b[PRODUCT], b[TOP], b[TOP_INDICES], err));
    DO(weft_sample(e, b[PRODUCT], &sample, b[SAMPLED], err));
    DO(weft_softmax(e, b[Y], b[OUT], err));
    DO(weft_encoder_barrier(e, err));
    DO(weft_copy(e, b[OUT], b[Y], NULL, err));
    return WEFT_OK;
}

/* Commits and waits. When memory ran out on the device, and not before anything was done, the one wait says so and the
 * work has to be recorded anew. */
static weft_status finish(scene *it, bool *again)
{
    *again = false;
    DO(weft_encoder_commit(it->encoder, "all", err));
    weft_status status = weft_encoder_wait(it->encoder, NULL);
    if (status == WEFT_OUT_OF_MEMORY && it->way == TRIES_AGAIN && it->encoder) {
        *again = true;
        status = WEFT_OK;
    }
    return status;
}

static weft_status dispatch_every_op(scene *it)
{
    bool again = true;
    DO(weft_hazard_report_create(&it->report, err));
    DO(weft_timeline_create(&it->timeline, err));
    PASS(make_all_arguments(it));
    weft_encoder_options options = {.hazards = it->report, .timeline = it->timeline};
    DO(weft_encoder_create(it->device, &options, &it->encoder, err));
    while (again) {
        PASS(record_every_op(it));
        PASS(finish(it, &again));
        if (again) { /* and the inputs with it */
            for (size_t i = 0; i < it->buffer_count; i++)
                weft_buffer_destroy(it->buffers[i]);
            it->buffer_count = 0;
            PASS(make_all_arguments(it));
            DO(weft_encoder_reset(it->encoder, err));
        }
    }
    return WEFT_OK;
}

/* Enough buffers, ranges, dispatches and verdicts to make everything that grows grow. */
static weft_status record_many(scene *it, weft_encoder *encoder)
{
    weft_copy_params box = {.rank = 2, .extent = {0, 1}, .source_stride = {2, 1}, .target_stride = {2, 1}};
    for (size_t i = 0; i < 3 * MANY; i++) {
        weft_buffer *a = it->buffers[i % MANY], *b = it->buffers[(i + 1) % MANY];
        box.extent[0] = i % 16 ? 5 : 90; /* some with more ranges than a map's first piece has room for */
        box.target_offset = i % 2;
        DO(weft_copy(encoder, a, b, &box, err));
        if (i % 5 == 4)
            DO(weft_encoder_barrier(encoder, err));
    }
    return WEFT_OK;
}

static weft_status use_tracker(scene *it, weft_barrier_mode mode)
{
    bool again = true;
    DO(weft_hazard_report_create(&it->report, err));
    for (size_t i = 0; i < MANY; i++)
        PASS(add_buffer(it, WEFT_F32, weft_shape_1d(FLOATS_MAX)));
    weft_encoder_options options = {.barriers = mode, .hazards = it->report};
    DO(weft_encoder_create(it->device, &options, &it->encoder, err));
    PASS(record_many(it, it->encoder));
    DO(weft_encoder_reset(it->encoder, err)); /* dropped, memory and all */
    while (again) {
        PASS(record_many(it, it->encoder));
        PASS(finish(it, &again));
        if (again)
            DO(weft_encoder_reset(it->encoder, err)); /* copies can be done twice */
    }
    return WEFT_OK;
}

static weft_status check_barriers(scene *it)
{
    return use_tracker(it, WEFT_BARRIERS_MANUAL);
}

static weft_status infer_barriers(scene *it)
{
    return use_tracker(it, WEFT_BARRIERS_INFERRED);
}

static weft_status record_stages(scene *it)
{
    weft_session_options options = {.encoder = {.barriers = WEFT_BARRIERS_INFERRED}, .label = "it"};
    DO(weft_session_create(it->device, &options, &it->session, err));
    weft_encoder *encoder = weft_session_encoder(it->session);
    for (int stage = 0; stage < 4; stage++) {
        DO(weft_session_begin_stage(it->session, "stage", err));
        DO(weft_add(encoder, it->buffers[0], it->buffers[0], it->buffers[1], err));
        DO(weft_add(encoder, it->buffers[1], it->buffers[0], it->buffers[2], err));
        if (stage % 2)
            DO(weft_session_commit_stage(it->session, err));
        else
            DO(weft_session_fence_stage(it->session, NULL, err));
        DO(weft_session_reset_for_next_stage(it->session, err));
    }
    DO(weft_session_commit_and_wait(it->session, err));
    return WEFT_OK;
}

/* A session in which memory ran out on the device is poisoned: only a new one can do its work. */
static weft_status run_stages(scene *it)
{
    weft_budget budget = {.max_command_buffers = 20};
    weft_session_state state;
    DO(weft_span_begin(it->device, "all", &budget, &it->span, err));
    for (size_t i = 0; i < 3; i++)
        PASS(add_buffer(it, WEFT_F32, weft_shape_1d(4)));
    weft_status status = record_stages(it);
    if (status && it->session && it->way == TRIES_AGAIN) {
        weft_session_info(it->session, &state);
        weft_session_destroy(it->session);
        it->session = NULL;
        status = state.is_poisoned ? record_stages(it) : WEFT_INTERNAL;
    }
    PASS(status);
    weft_span *span = it->span;
    it->span = NULL;
    DO(weft_span_end(span, NULL, err));
    return WEFT_OK;
}

/* A graph with all that can be done to one; what is replayed here can be done twice. The first try of a call that fails
 * leaves everything as it was. */
static weft_status use_graph(scene *it)
{
    bool again = true;
    weft_copy_params box = {.rank = 2, .extent = {5, 1}, .source_stride = {2, 1}, .target_stride = {2, 1}};
    weft_rms_norm_params norm = {.epsilon = 1e-6f};
    weft_graph_info info;
    for (size_t i = 0; i < MANY; i++)
        PASS(add_buffer(it, WEFT_F32, weft_shape_1d(FLOATS_MAX)));
    weft_buffer *const *b = it->buffers;
    const weft_buffer *const temporaries[] = {b[8], b[9]};
    const weft_graph_options options = {.temporaries = temporaries, .temporary_count = 2};
    DO(weft_encoder_create(it->device, NULL, &it->encoder, err));
    DO(weft_copy(it->encoder, b[0], b[1], &box, err));
    DO(weft_add(it->encoder, b[2], b[3], b[8], err));
    DO(weft_rms_norm(it->encoder, b[8], NULL, &norm, b[9], err));
    DO(weft_mul(it->encoder, b[9], b[4], b[5], err));
    for (size_t i = 10; i < MANY; i++) /* each output is written once, and no input ever */
        DO(weft_add(it->encoder, b[0], b[2 + i % 3], b[i], err));
    DO(weft_graph_capture(it->encoder, &it->graph, err));
    DO(weft_graph_optimise(it->graph, &options, err));
    box.target_offset = 1;
    DO(weft_graph_set_params(it->graph, 0, &box, err));
    DO(weft_graph_rebind(it->graph, b[4], b[6], err));
    DO(weft_graph_get_info(it->graph, &info, err));
    DO(weft_graph_optimise(it->graph, NULL, err));
    while (again) {
        DO(weft_graph_replay(it->graph, it->encoder, err));
        DO(weft_encoder_barrier(it->encoder, err));
        DO(weft_graph_replay(it->graph, it->encoder, err));
        PASS(finish(it, &again));
        if (again)
            DO(weft_encoder_reset(it->encoder, err));
    }
    return WEFT_OK;
}

/* All that came out: the bytes of every buffer, mixed. */
static uint64_t results_of(const scene *it)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < it->buffer_count; i++) {
        unsigned char bytes[1024];
        size_t count = weft_buffer_bytes(it->buffers[i]);
        ck_assert_uint_le(count, sizeof bytes);
        OK(weft_buffer_read(it->buffers[i], 0, bytes, count, NULL));
        for (size_t b = 0; b < count; b++)
            hash = hash * UINT64_C(0x100000001b3) + bytes[b] + 1;
    }
    return hash;
}

/* The things that may be lost: all entries of the timeline, or a label. */
static bool is_degraded(const scene *it)
{
    if (!it->timeline)
        return false;
    if (weft_timeline_lost(it->timeline))
        return true;
    for (size_t i = 0; i < weft_timeline_count(it->timeline); i++) {
        weft_timeline_entry entry;
        OK(weft_timeline_get(it->timeline, i, &entry, NULL));
        if (entry.dispatch == 0)
            return strcmp(entry.label, "the first") != 0;
    }
    return false;
}

/* Runs the scenario with allocation `n` failing, on a fresh device. Returns whether there was such an allocation. */
static bool run_once(const char *uri, scenario *body, manner way, uint64_t n, uint64_t expected)
{
    scene it = {.way = way, .device = test_open(uri)};
    if (way == GIVES_UP_FOR_GOOD)
        weft_test_fail_all_allocations_after(n);
    else
        weft_test_fail_allocation_after(n);
    weft_status status = body(&it);
    weft_device_wait(it.device);
    bool failed = weft_test_stop_failing();
    bool must_work = !failed || way == TRIES_AGAIN;
    ck_assert_msg(status == WEFT_OK || (!must_work && status == WEFT_OUT_OF_MEMORY), "%s: allocation %d: %s", uri,
                  (int)n, weft_status_name(status));
    if (status == WEFT_OK) {
        if (failed && !must_work)
            ck_assert_msg(is_degraded(&it), "%s: allocation %d failed without a sign", uri, (int)n);
        ck_assert_uint_eq(results_of(&it), expected);
    }
    clean_up(&it);
    ck_assert_int_eq(it.releases, 0);
    ck_assert_uint_eq(test_counters(it.device).bytes_allocated, 0);
    weft_counters counters = test_counters(it.device);
    ck_assert_uint_eq(counters.command_buffers_submitted,
                      counters.command_buffers_completed + counters.command_buffers_failed);
    weft_device_close(it.device);
    return failed;
}

static void run_all(scenario *body, uint64_t at_least)
{
    static const char *const uris[] = {"ref", "cpu?threads=2&isa=scalar"};
    for (size_t s = 0; s < 2; s++) {
        scene it = {.device = test_open(uris[s])};
        ck_assert_int_eq(body(&it), WEFT_OK);
        uint64_t expected = results_of(&it);
        clean_up(&it);
        weft_device_close(it.device);
        for (manner way = GIVES_UP; way < WAYS; way++) {
            uint64_t n = 0;
            while (run_once(uris[s], body, way, n, expected))
                n++;
            ck_assert_uint_ge(n, at_least);
        }
    }
}

/* The linker gives these names to what it wraps, so they look reserved and need declarations here. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

static int threads_allowed = -1; /* that many more; -1: any number */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    if (threads_allowed == 0)
        return EAGAIN;
    threads_allowed -= threads_allowed > 0;
    return __real_pthread_create(thread, attributes, start, argument);
}

START_TEST(opening_a_device_without_threads_to_be_had)
{
    static const struct {
        const char *uri;
        int threads; /* that it needs besides the caller */
    } cases[] = {{"ref", 1}, {"cpu?threads=1", 1}, {"cpu?threads=4", 4}};
    for (size_t i = 0; i < 3; i++) {
        for (int allowed = 0; allowed <= cases[i].threads; allowed++) {
            weft_device *device;
            weft_error error;
            threads_allowed = allowed;
            weft_status status = weft_device_open(cases[i].uri, &device, &error);
            threads_allowed = -1;
            if (allowed < cases[i].threads) {
                WEFT_TEST_ASSERT_FAILS(status, error, WEFT_OUT_OF_MEMORY, "Could not start", NULL, NULL, NULL);
                ck_assert_ptr_null(device);
            } else {
                ck_assert_int_eq(status, WEFT_OK);
                weft_device_close(device);
            }
        }
    }
}
END_TEST

START_TEST(opening_a_device)
{
    static const char *const uris[] = {"ref", "cpu?threads=3"};
    for (size_t s = 0; s < 2; s++) {
        for (int for_good = 0; for_good < 2; for_good++) {
            bool failed = true;
            uint64_t n;
            for (n = 0; failed; n++) {
                weft_device *device = (weft_device *)(uintptr_t)uris;
                weft_error error;
                if (for_good)
                    weft_test_fail_all_allocations_after(n);
                else
                    weft_test_fail_allocation_after(n);
                weft_status status = weft_device_open(uris[s], &device, &error);
                failed = weft_test_stop_failing();
                ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
                if (failed) {
                    ck_assert_ptr_null(device);
                    WEFT_TEST_ASSERT_FAILS(status, error, WEFT_OUT_OF_MEMORY, "Out of memory", NULL, NULL, NULL);
                }
                weft_device_close(device);
            }
            ck_assert_uint_ge(n, 4);
        }
    }
}
END_TEST

START_TEST(buffers_views_and_pools)
{
    run_all(use_buffers, 12);
}
END_TEST

START_TEST(every_op)
{
    run_all(dispatch_every_op, 60);
}
END_TEST

START_TEST(barriers_that_are_checked)
{
    run_all(check_barriers, 300);
}
END_TEST

START_TEST(barriers_that_are_inferred)
{
    run_all(infer_barriers, 300);
}
END_TEST

START_TEST(graphs)
{
    run_all(use_graph, 80);
}
END_TEST

START_TEST(stages_and_budgets)
{
    run_all(run_stages, 20); /* how many command buffers are made depends on how fast they come back */
}
END_TEST

WEFT_TEST_MAIN("out_of_memory", opening_a_device, opening_a_device_without_threads_to_be_had, buffers_views_and_pools,
               every_op, barriers_that_are_checked, barriers_that_are_inferred, graphs, stages_and_budgets)
