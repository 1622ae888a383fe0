/* Verifiers: what they compare, what they find, and what a broken kernel looks like. */
#include <weft/verify.h>

#include "support/runtime_test.h"

#include "base/dtype.h"
#include "devices/ref/driver.h"
#include "ops/bounds.h"
#include "ops/ops_impl.h"
#include "runtime/host_device.h"
#include "support/failing_malloc.h"

/* ---- a device with one kernel that is wrong ---- */

typedef struct broken {
    weft__device_table table; /* first: the driver finds this object through it */
    uint64_t wrong;           /* the dispatch, from 0 over the life of the device, whose output is wrong */
    uint64_t ran;
    uint32_t argument;
    size_t element;
    float by; /* what is added to it */
} broken;

static weft_status run_group(weft_device *device, const weft_dispatch *const *dispatches, size_t count, weft_error *err)
{
    broken *it = (broken *)(uintptr_t)device->table;
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < count && status == WEFT_OK; i++) {
        status = weft__ref_device.run_group(device, &dispatches[i], 1, err);
        if (status == WEFT_OK && it->ran++ == it->wrong) {
            void *data = weft__dispatch_data(dispatches[i], it->argument);
            weft_dtype dtype = dispatches[i]->arguments[it->argument]->dtype;
            if (dtype == WEFT_I32)
                ((int32_t *)data)[it->element] += (int32_t)it->by;
            else
                weft__float_store(dtype, data, it->element, weft__float_load(dtype, data, it->element) + it->by);
        }
    }
    return status;
}

static weft_device *open_broken(broken *it)
{
    weft_device *device;
    weft_error error;
    weft__device_options options = {.path = ""};
    it->table = weft__ref_device;
    it->table.scheme = "broken";
    it->table.run_group = run_group;
    WEFT_TEST_ASSERT_OK(weft__device_create(&it->table, &options, &device, &error), error);
    return device;
}

static weft_verifier *make_verifier(void)
{
    weft_verifier *verifier;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_verifier_create(&verifier, &error), error);
    return verifier;
}

static weft_verifier_info info_of(const weft_verifier *verifier)
{
    weft_verifier_info info;
    weft_verifier_get_info(verifier, &info);
    return info;
}

/* ---- a stream of all sorts of dispatches ---- */

enum {
    ROWS = 3,
    COLUMNS = 8,
    COUNT = ROWS * COLUMNS,
    DISPATCHES = 8
};

typedef struct stream {
    weft_device *device;
    weft_buffer *x, *y, *weight, *product, *row, *ids;
} stream;

static weft_buffer *make(weft_device *device, weft_dtype dtype, weft_shape shape, double from, double step)
{
    weft_buffer *buffer;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, dtype, &shape, &buffer, &error), error);
    for (size_t i = 0; i < weft_shape_elements(&shape); i++) {
        float number = (float)(from + step * (double)i);
        int32_t whole = (int32_t)i % ROWS;
        OK(weft_buffer_write(buffer, i * 4, dtype == WEFT_I32 ? (void *)&whole : (void *)&number, 4, NULL));
    }
    return buffer;
}

static stream make_stream(weft_device *device)
{
    return (stream){device,
                    make(device, WEFT_F32, weft_shape_2d(ROWS, COLUMNS), -1, 0.13),
                    make(device, WEFT_F32, weft_shape_2d(ROWS, COLUMNS), 0.7, -0.031),
                    make(device, WEFT_F32, weft_shape_2d(4, COLUMNS), -2, 0.17),
                    make(device, WEFT_F32, weft_shape_2d(ROWS, 4), 0, 0),
                    make(device, WEFT_F32, weft_shape_1d(COLUMNS), 0, 0),
                    make(device, WEFT_I32, weft_shape_1d(ROWS), 0, 0)};
}

static void free_stream(stream *it)
{
    weft_buffer *const all[] = {it->x, it->y, it->weight, it->product, it->row, it->ids};
    for (size_t i = 0; i < 6; i++)
        weft_buffer_destroy(all[i]);
}

/* In place, between columns of one buffer, with an argument left out, and with an output of whole numbers. */
static weft_status record(const stream *it, weft_encoder *encoder, weft_error *err)
{
    const weft_rms_norm_params norm = {1e-6f, 0};
    const weft_copy_params columns = {.rank = 2,
                                      .extent = {ROWS, 2},
                                      .source_stride = {COLUMNS, 1},
                                      .target_offset = 4,
                                      .target_stride = {COLUMNS, 1}};
    const weft_copy_params row = {
        .rank = 1, .extent = {COLUMNS}, .source_offset = COLUMNS, .source_stride = {1}, .target_stride = {1}};
    weft_status status = weft_add(encoder, it->x, it->y, it->x, err);
    if (status == WEFT_OK)
        status = weft_silu_mul(encoder, it->x, it->y, it->y, err);
    if (status == WEFT_OK)
        status = weft_copy(encoder, it->y, it->y, &columns, err);
    if (status == WEFT_OK)
        status = weft_rms_norm(encoder, it->y, NULL, &norm, it->y, err);
    if (status == WEFT_OK)
        status = weft_matmul(encoder, it->y, it->weight, it->product, err);
    if (status == WEFT_OK)
        status = weft_argmax(encoder, it->product, it->ids, err);
    if (status == WEFT_OK)
        status = weft_copy(encoder, it->y, it->row, &row, err);
    weft_encoder_set_label(encoder, "the last");
    return status == WEFT_OK ? weft_softmax(encoder, it->product, it->product, err) : status;
}

/* Records the stream with barriers, as it needs them, and runs it. */
static weft_status run(const stream *it, weft_verifier *verifier, weft_error *err)
{
    const weft_encoder_options options = {.barriers = WEFT_BARRIERS_INFERRED, .verifier = verifier};
    weft_encoder *encoder = test_encoder(it->device, &options);
    weft_status status = record(it, encoder, err);
    if (status == WEFT_OK)
        status = weft_encoder_commit_and_wait(encoder, "all", err);
    weft_encoder_destroy(encoder);
    return status;
}

static void assert_same(const weft_buffer *a, const weft_buffer *b)
{
    unsigned char x[COUNT * 4], y[COUNT * 4];
    ck_assert_uint_eq(weft_buffer_bytes(a), weft_buffer_bytes(b));
    OK(weft_buffer_read(a, 0, x, weft_buffer_bytes(a), NULL));
    OK(weft_buffer_read(b, 0, y, weft_buffer_bytes(b), NULL));
    ck_assert_mem_eq(x, y, weft_buffer_bytes(a));
}

/* ---- tests ---- */

START_TEST(a_right_device_is_right_and_computes_the_same)
{
    static const char *const uris[] = {"ref", "cpu?threads=2", "cpu?threads=1&isa=scalar",
                                       "sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml"};
    weft_device *device = test_open(uris[_i]);
    weft_verifier *verifier = make_verifier();
    stream plain = make_stream(device), verified = make_stream(device);
    weft_error error;
    WEFT_TEST_ASSERT_OK(run(&plain, NULL, &error), error);
    WEFT_TEST_ASSERT_OK(run(&verified, verifier, &error), error);
    weft_verifier_info info = info_of(verifier);
    ck_assert_uint_eq(info.dispatches, DISPATCHES);
    ck_assert_uint_eq(info.elements, 4 * COUNT + 2 * ROWS * 4 + ROWS + COLUMNS);
    ck_assert_ptr_null(info.different.op);
    ck_assert(_i != 0 || !info.closest.op);
    if (info.closest.op)
        ck_assert_double_le(fabs(info.closest.actual - info.closest.expected), info.closest.bound);
    assert_same(plain.x, verified.x);
    assert_same(plain.y, verified.y);
    assert_same(plain.product, verified.product);
    assert_same(plain.row, verified.row);
    assert_same(plain.ids, verified.ids);
    free_stream(&plain);
    free_stream(&verified);
    weft_verifier_destroy(verifier);
    weft_device_close(device);
}
END_TEST

static const struct {
    const char *op, *argument, *label;
    uint32_t place; /* of the argument */
    size_t element;
} outputs[DISPATCHES] = {
    {"add", "out", "", 2, 23},     {"silu_mul", "out", "", 2, 0},        {"copy", "target", "", 1, 21},
    {"rms_norm", "out", "", 2, 7}, {"matmul", "out", "", 2, 11},         {"argmax", "out", "", 1, 2},
    {"copy", "target", "", 1, 3},  {"softmax", "out", "the last", 1, 5},
};

START_TEST(each_wrong_kernel_is_found_and_named)
{
    broken control = {.wrong = (uint64_t)_i, .argument = outputs[_i].place, .element = outputs[_i].element, .by = 1};
    weft_device *device = open_broken(&control);
    weft_verifier *verifier = make_verifier();
    stream it = make_stream(device);
    weft_error error;
    char element[64], index[32];
    snprintf(index, sizeof index, "dispatch %d (%s", _i, outputs[_i].op);
    snprintf(element, sizeof element, "Element %zu of %s is", outputs[_i].element, outputs[_i].argument);
    FAILS(run(&it, verifier, &error), WEFT_INTERNAL, "'all'", index, element, "ref");
    ck_assert_ptr_nonnull(strstr(error.message, outputs[_i].label));
    weft_verifier_info info = info_of(verifier);
    ck_assert_uint_eq(info.dispatches, (uint64_t)_i + 1);
    ck_assert_uint_eq(control.ran, (uint64_t)_i + 1); /* what stands behind it is not run */
    ck_assert_uint_eq(info.different.dispatch, (uint32_t)_i);
    ck_assert_str_eq(info.different.op, outputs[_i].op);
    ck_assert_str_eq(info.different.argument, outputs[_i].argument);
    ck_assert_str_eq(info.different.label, outputs[_i].label);
    ck_assert_uint_eq(info.different.element, outputs[_i].element);
    ck_assert(weft_test_close(info.different.actual - info.different.expected, 1, 1e-6, 0));
    ck_assert_double_lt(info.different.bound, 1e-4);
    free_stream(&it);
    weft_verifier_destroy(verifier);
    weft_device_close(device);
}
END_TEST

/* Two views that lie partly over one another are one piece of memory on ref too. */
START_TEST(views_that_overlap_are_one_memory)
{
    weft_device *device = test_open("cpu?threads=1");
    weft_verifier *verifier = make_verifier();
    const weft_encoder_options options = {.verifier = verifier};
    weft_encoder *encoder = test_encoder(device, &options);
    weft_buffer *all = make(device, WEFT_F32, weft_shape_1d(32), 1, 1);
    weft_buffer *source = test_view(all, 4, 16), *target = test_view(all, 12, 16);
    /* Elements 5, 7 and 9 of all to 13, 15 and 17, which are among those of the source. */
    const weft_copy_params params = {
        .rank = 1, .extent = {3}, .source_offset = 1, .source_stride = {2}, .target_offset = 1, .target_stride = {2}};
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_copy(encoder, source, target, &params, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, NULL, &error), error);
    for (size_t i = 0; i < 32; i++)
        ck_assert_double_eq((double)test_float_at(all, i), (double)(i == 13 || i == 15 || i == 17 ? i - 7 : i + 1));
    ck_assert_uint_eq(info_of(verifier).elements, 16);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(source);
    weft_buffer_destroy(target);
    weft_buffer_destroy(all);
    weft_verifier_destroy(verifier);
    weft_device_close(device);
}
END_TEST

/* The bound of silu_mul is 8 units: one ulp is 1 or 2 of them. */
START_TEST(what_is_within_the_bound_passes)
{
    broken control = {.wrong = 0, .argument = 2, .element = 0, .by = 0x1p-24f};
    weft_device *device = open_broken(&control);
    weft_verifier *verifier = make_verifier();
    const weft_encoder_options options = {.verifier = verifier};
    weft_encoder *encoder = test_encoder(device, &options);
    weft_buffer *gate = test_floats(device, 4, 0.75f), *up = test_floats(device, 4, 1),
                *out = test_floats(device, 4, 0);
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_silu_mul(encoder, gate, up, out, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, NULL, &error), error);
    weft_verifier_info info = info_of(verifier);
    ck_assert_str_eq(info.closest.op, "silu_mul");
    ck_assert_uint_eq(info.closest.element, 0);
    ck_assert_double_eq(info.closest.actual - info.closest.expected, 0x1p-24);
    ck_assert_double_gt(info.closest.bound, 8 * 0x1p-24 * info.closest.expected);
    ck_assert_double_lt(info.closest.bound, 10 * 0x1p-24 * info.closest.expected);
    weft_encoder_destroy(encoder);
    weft_buffer *const all[] = {gate, up, out};
    for (size_t i = 0; i < 3; i++)
        weft_buffer_destroy(all[i]);
    weft_verifier_destroy(verifier);
    weft_device_close(device);
}
END_TEST

/* The counts of a session are those of a plain run; the device's have a command buffer more for each dispatch. */
START_TEST(a_session_keeps_its_counts_and_its_fences)
{
    weft_device *device = test_open("cpu?threads=1");
    weft_verifier *verifier = make_verifier();
    const weft_session_options options = {.encoder = {.verifier = verifier}};
    weft_session *session = test_session(device, &options);
    weft_buffer *x = test_floats(device, 4, 1), *y = test_floats(device, 4, 2);
    weft_counters before = test_counters(device);
    weft_error error;
    for (int stage = 0; stage < 3; stage++) {
        WEFT_TEST_ASSERT_OK(weft_session_reset_for_next_stage(session, &error), error);
        WEFT_TEST_ASSERT_OK(weft_add(weft_session_encoder(session), x, y, x, &error), error);
        WEFT_TEST_ASSERT_OK(weft_encoder_barrier(weft_session_encoder(session), &error), error);
        WEFT_TEST_ASSERT_OK(weft_add(weft_session_encoder(session), x, y, x, &error), error);
        WEFT_TEST_ASSERT_OK(weft_session_fence_stage(session, NULL, &error), error);
    }
    WEFT_TEST_ASSERT_OK(weft_session_wait(session, &error), error);
    weft_session_state state = test_info(session);
    ck_assert_uint_eq(state.fence_value, 3);
    ck_assert_uint_eq(state.spent.command_buffers_submitted, 3);
    ck_assert_uint_eq(state.spent.command_buffers_completed, 3);
    ck_assert_uint_eq(state.spent.dispatches, 6);
    ck_assert_uint_eq(state.spent.barriers, 3);
    weft_counters after = test_counters(device);
    ck_assert_uint_eq(after.command_buffers_submitted - before.command_buffers_submitted, 3 + 6);
    ck_assert_uint_eq(after.command_buffers_completed - before.command_buffers_completed, 3 + 6);
    ck_assert_uint_eq(after.dispatches - before.dispatches, 6);
    ck_assert_uint_eq(after.syncs - before.syncs, 1);
    ck_assert_uint_eq(info_of(verifier).dispatches, 6);
    test_assert_floats(x, 13);
    weft_session_destroy(session);
    weft_buffer_destroy(x);
    weft_buffer_destroy(y);
    weft_verifier_destroy(verifier);
    weft_device_close(device);
}
END_TEST

/* A failure that both have is none of the kernel's. */
START_TEST(what_data_make_fail_comes_from_the_commit)
{
    weft_device *device = test_open("cpu?threads=1");
    weft_verifier *verifier = make_verifier();
    const weft_encoder_options options = {.verifier = verifier};
    weft_encoder *encoder = test_encoder(device, &options);
    stream it = make_stream(device);
    int32_t id = ROWS;
    weft_error error;
    OK(weft_buffer_write(it.ids, 4, &id, sizeof id, NULL));
    WEFT_TEST_ASSERT_OK(weft_embedding(encoder, it.y, it.ids, 1, it.x, &error), error);
    FAILS(weft_encoder_commit(encoder, "bad", &error), WEFT_OUT_OF_RANGE, "'bad'", "dispatch 0 (embedding)");
    ck_assert_ptr_null(info_of(verifier).different.op);
    weft_encoder_destroy(encoder);
    free_stream(&it);
    weft_verifier_destroy(verifier);
    weft_device_close(device);
}
END_TEST

/* Each dispatch is an entry of its own, as in a plain run. */
START_TEST(a_timeline_has_the_dispatches)
{
    weft_device *device = test_open("cpu?threads=1");
    weft_verifier *verifier = make_verifier();
    weft_timeline *timeline;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_timeline_create(&timeline, &error), error);
    const weft_encoder_options options = {
        .barriers = WEFT_BARRIERS_INFERRED, .timeline = timeline, .verifier = verifier};
    weft_encoder *encoder = test_encoder(device, &options);
    stream it = make_stream(device);
    WEFT_TEST_ASSERT_OK(record(&it, encoder, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, "all", &error), error);
    uint32_t dispatches = 0;
    for (size_t i = 0; i < weft_timeline_count(timeline); i++) {
        weft_timeline_entry entry;
        WEFT_TEST_ASSERT_OK(weft_timeline_get(timeline, i, &entry, &error), error);
        if (entry.kind == WEFT_TIMELINE_DISPATCH)
            ck_assert_uint_eq(entry.dispatch, dispatches++);
    }
    ck_assert_uint_eq(dispatches, DISPATCHES);
    weft_encoder_destroy(encoder);
    free_stream(&it);
    weft_timeline_destroy(timeline);
    weft_verifier_destroy(verifier);
    weft_device_close(device);
}
END_TEST

START_TEST(want_of_memory_is_an_error_and_leaks_nothing)
{
    weft_device *device = test_open("ref");
    const weft_encoder_options inferred = {.barriers = WEFT_BARRIERS_INFERRED};
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_verifier *verifier = NULL;
        weft_encoder *encoder = NULL;
        weft_error error = {.code = WEFT_OK};
        stream it = make_stream(device);
        weft_test_fail_allocation_after(n);
        weft_status status = weft_verifier_create(&verifier, &error);
        weft_encoder_options options = inferred;
        options.verifier = verifier;
        if (status == WEFT_OK)
            status = weft_encoder_create(device, &options, &encoder, &error);
        if (status == WEFT_OK)
            status = record(&it, encoder, &error);
        if (status == WEFT_OK)
            status = weft_encoder_commit_and_wait(encoder, "all", &error);
        failed = weft_test_stop_failing();
        weft_encoder_destroy(encoder);
        weft_verifier_destroy(verifier);
        /* A label may be lost without an error. */
        ck_assert_msg(status == WEFT_OK || (failed && status == WEFT_OUT_OF_MEMORY), "allocation %" PRIu64 ": %s", n,
                      error.message);
        free_stream(&it);
    }
    weft_device_close(device);
}
END_TEST

/* ---- bounds, by hand ---- */

static void assert_bound(const weft__bound_call *call, uint32_t argument, size_t count, size_t element,
                         const double *expected, double bound)
{
    double bounds[8] = {-1, -1, -1, -1, -1, -1, -1, -1};
    ck_assert_uint_le(count, 8);
    weft__op_bounds(call, argument, expected, bounds);
    ck_assert_msg(weft_test_close(bounds[element], bound, 0, 1e-12), "%s: %g is not %g", call->op->name,
                  bounds[element], bound);
}

START_TEST(bounds_are_those_of_the_header)
{
    const double u = 0x1p-24, expected[8] = {2, -4, 1, 8, 3, 5, 7, 9};
    const float x[8] = {1, -2, 3, -4, 0.5f, 6, 7, 8}, w[8] = {0.5f, 0.25f, -1, 2, 1, 1, 1, 1};
    const weft_shape row = weft_shape_2d(1, 8), pair = weft_shape_2d(1, 2), weight = weft_shape_2d(2, 4);
    const weft_shape four = weft_shape_2d(1, 4);
    weft__bound_call call = {.op = &weft__op_add};
    for (uint32_t i = 0; i < 5; i++)
        call.arguments[i] = (weft__bound_argument){x, WEFT_F32, row};
    assert_bound(&call, 2, 8, 1, expected, 4 * u);
    call.op = &weft__op_silu_mul;
    assert_bound(&call, 2, 8, 3, expected, 64 * u);
    call.op = &weft__op_gelu_mul; /* of |gate * up| = 16 */
    assert_bound(&call, 2, 8, 3, expected, 16 * u + 16e-6);
    call.op = &weft__op_rms_norm; /* rows of 8 */
    assert_bound(&call, 2, 8, 0, expected, 9 * 2 * u);
    call.op = &weft__op_softmax;
    assert_bound(&call, 1, 8, 0, expected, 17 * 2 * u + 1e-37);
    call.op = &weft__op_argmax;
    assert_bound(&call, 1, 8, 0, expected, 0);

    weft__bound_call product = {.op = &weft__op_matmul,
                                .arguments = {{x, WEFT_F32, four}, {w, WEFT_F32, weight}, {NULL, WEFT_F32, pair}}};
    assert_bound(&product, 2, 2, 0, expected, 16.5 * u * (0.5 + 0.5 + 3 + 8));
    assert_bound(&product, 2, 2, 1, expected, 16.5 * u * (1 + 2 + 3 + 4));

    const weft_rope_params rope = {.theta = 10000};
    weft__bound_call turned = {.op = &weft__op_rope, .params = &rope};
    turned.arguments[0] = turned.arguments[2] = (weft__bound_argument){x, WEFT_F32, weft_shape_3d(1, 1, 8)};
    assert_bound(&turned, 2, 8, 6, expected, 4 * u * hypot(3, 7)); /* element 6 turns with element 2 */

    /* One query of one head over two keys: its scores are 0.5 * (0.5 + 0.5 + 3 + 8) and 0.5 * 10. */
    const weft_attention_params attention = {.scale = 0.5f, .kv_length = 2};
    weft__bound_call seen = {.op = &weft__op_attention, .params = &attention};
    seen.arguments[0] = (weft__bound_argument){x, WEFT_F32, weft_shape_3d(1, 1, 4)};
    seen.arguments[1] = (weft__bound_argument){w, WEFT_F32, weft_shape_3d(2, 1, 4)};
    seen.arguments[2] = (weft__bound_argument){x, WEFT_F32, weft_shape_3d(2, 1, 4)};
    seen.arguments[3] = seen.arguments[0];
    assert_bound(&seen, 3, 4, 0, expected, (0.25 + 64 + 33 * 6) * u * 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verify");
    TCase *tcase = tcase_create("verify");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, a_right_device_is_right_and_computes_the_same, 0, 4);
    tcase_add_loop_test(tcase, each_wrong_kernel_is_found_and_named, 0, DISPATCHES);
    tcase_add_test(tcase, views_that_overlap_are_one_memory);
    tcase_add_test(tcase, what_is_within_the_bound_passes);
    tcase_add_test(tcase, a_session_keeps_its_counts_and_its_fences);
    tcase_add_test(tcase, what_data_make_fail_comes_from_the_commit);
    tcase_add_test(tcase, a_timeline_has_the_dispatches);
    tcase_add_test(tcase, want_of_memory_is_an_error_and_leaks_nothing);
    tcase_add_test(tcase, bounds_are_those_of_the_header);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
