/* Devices: URIs, options, what they say about themselves, counters, the kernel registry, and the end of a device. */
#include "support/runtime_test.h"

#include "support/failing_device.h"

static const char *const host_schemes[] = {"ref", "cpu", "cpu?threads=1", "cpu?threads=3&isa=scalar"};
enum {
    HOST_SCHEMES = sizeof host_schemes / sizeof host_schemes[0]
};

START_TEST(a_uri_that_cannot_be_opened_says_why)
{
    static const struct {
        const char *uri;
        weft_status status;
        const char *message;
    } cases[] = {
        {"cpx", WEFT_NOT_FOUND, "Device 'cpx': there is no scheme 'cpx'; did you mean 'cpu'?"},
        {"rfe?shuffle=1", WEFT_NOT_FOUND, "Device 'rfe?shuffle=1': there is no scheme 'rfe'; did you mean 'ref'?"},
        {"", WEFT_NOT_FOUND, "Device '': there is no scheme ''; did you mean 'cpu'?"},
        {"CPU", WEFT_NOT_FOUND, NULL},
        {"cuda", WEFT_UNSUPPORTED, "Device 'cuda' cannot be opened: this build has no driver for NVIDIA GPUs."},
        {"cuda:1", WEFT_UNSUPPORTED, "Device 'cuda:1' cannot be opened: this build has no driver for NVIDIA GPUs."},
        {"sim", WEFT_INVALID_ARGUMENT, "Device 'sim' needs a machine: 'sim:FILE', such as 'sim:machines/tiny.yaml'."},
        {"sim:no such.yaml", WEFT_IO, NULL},
        {"sim:no such.yaml?isa=avx2", WEFT_INVALID_ARGUMENT,
         "Device 'sim:no such.yaml?isa=avx2': option isa means nothing to scheme 'sim'."},
        {"cpu:0", WEFT_INVALID_ARGUMENT, "Device 'cpu:0': scheme 'cpu' takes nothing after a colon."},
        {"ref:", WEFT_INVALID_ARGUMENT, "Device 'ref:': scheme 'ref' takes nothing after a colon."},
        {"ref?threads=2", WEFT_INVALID_ARGUMENT,
         "Device 'ref?threads=2': option threads means nothing to scheme 'ref'."},
        {"ref?isa=avx2", WEFT_INVALID_ARGUMENT, "Device 'ref?isa=avx2': option isa means nothing to scheme 'ref'."},
        {"cpu?thread=2", WEFT_INVALID_ARGUMENT,
         "Device 'cpu?thread=2': there is no option 'thread'; did you mean 'threads'?"},
        {"cpu?threads=0", WEFT_INVALID_ARGUMENT, "Device 'cpu?threads=0': threads=0 is not a number from 1 to 1024."},
        {"cpu?threads=1025", WEFT_INVALID_ARGUMENT,
         "Device 'cpu?threads=1025': threads=1025 is not a number from 1 to 1024."},
        {"cpu?threads=-1", WEFT_INVALID_ARGUMENT,
         "Device 'cpu?threads=-1': threads=-1 is not a number from 1 to 1024."},
        {"cpu?threads=2x", WEFT_INVALID_ARGUMENT, NULL},
        {"cpu?threads= 2", WEFT_INVALID_ARGUMENT, NULL},
        {"cpu?threads=", WEFT_INVALID_ARGUMENT, "Device 'cpu?threads=': threads= is not a number from 1 to 1024."},
        {"cpu?threads", WEFT_INVALID_ARGUMENT, NULL},
        {"cpu?threads=18446744073709551617", WEFT_INVALID_ARGUMENT, NULL},
        {"cpu?shuffle=18446744073709551616", WEFT_INVALID_ARGUMENT,
         "Device 'cpu?shuffle=18446744073709551616': shuffle=18446744073709551616 is not a whole number below 2^64."},
        {"ref?shuffle=0x10", WEFT_INVALID_ARGUMENT, NULL},
        {"cpu?isa=neon", WEFT_INVALID_ARGUMENT,
         "There is no instruction set 'neon'; the names are scalar, avx2 and avx512."},
        {"cpu?isa=", WEFT_INVALID_ARGUMENT, "Device 'cpu?isa=': isa= is not the name of an instruction set."},
        {"cpu?isa=a-very-long-name-for-an-isa", WEFT_INVALID_ARGUMENT, NULL},
        {"cpu?threads=2&&isa=avx2", WEFT_INVALID_ARGUMENT, NULL},
        {"cpu?threads=2&wrong=1", WEFT_INVALID_ARGUMENT, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft_device *device = (weft_device *)(uintptr_t)&cases;
        weft_error error = {0};
        weft_status status = weft_device_open(cases[i].uri, &device, &error);
        ck_assert_msg(status == cases[i].status, "'%s' gave %s", cases[i].uri, weft_status_name(status));
        ck_assert_int_eq(error.code, status);
        ck_assert_ptr_null(device);
        if (cases[i].message)
            ck_assert_str_eq(error.message, cases[i].message);
        ck_assert_int_eq(weft_device_open(cases[i].uri, &device, NULL), status);
    }
}
END_TEST

START_TEST(options_are_taken_by_the_schemes_that_know_them)
{
    static const char *const uris[] = {"ref",
                                       "ref?",
                                       "ref?shuffle=0",
                                       "ref?shuffle=18446744073709551615",
                                       "cpu",
                                       "cpu?shuffle=7",
                                       "cpu?threads=2&",
                                       "cpu?threads=4&isa=scalar&shuffle=3",
                                       "cpu?threads=2&threads=1024&threads=5"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        weft_device *device = test_open(uris[i]);
        weft_device_info info;
        weft_device_get_info(device, &info);
        ck_assert_int_eq(strncmp(uris[i], info.scheme, 3), 0);
        ck_assert_str_ne(info.description, "");
        ck_assert_uint_gt(info.memory_bytes, 0);
        if (strstr(uris[i], "threads=4"))
            ck_assert_uint_eq(info.threads, 4);
        else if (strstr(uris[i], "threads=5"))
            ck_assert_uint_eq(info.threads, 5); /* the last one counts */
        else
            ck_assert_uint_ge(info.threads, 1);
        ck_assert_int_eq(info.isa[0] == '\0', info.scheme[0] == 'r');
        weft_device_close(device);
    }
    weft_device_close(NULL);
}
END_TEST

START_TEST(an_isa_is_used_or_refused_by_name)
{
    static const char *const isas[] = {"scalar", "avx2", "avx512"};
    for (size_t i = 0; i < 3; i++) {
        char uri[32];
        (void)snprintf(uri, sizeof uri, "cpu?isa=%s", isas[i]);
        weft_device *device;
        weft_error error;
        weft_status status = weft_device_open(uri, &device, &error);
        if (status) {
            WEFT_TEST_ASSERT_FAILS(status, error, WEFT_UNSUPPORTED, isas[i], NULL, NULL, NULL);
            continue;
        }
        weft_device_info info;
        weft_device_get_info(device, &info);
        ck_assert_str_eq(info.isa, isas[i]);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(the_schemes_are_listed)
{
    size_t count = 0, found = 0;
    for (const char *scheme; (scheme = weft_device_scheme(count)) != NULL; count++) {
        for (size_t other = 0; other < count; other++)
            ck_assert_str_ne(scheme, weft_device_scheme(other));
        weft_device *device;
        weft_status status = weft_device_open(scheme, &device, NULL);
        bool needs_machine = strcmp(scheme, "sim") == 0;
        ck_assert(needs_machine ? status == WEFT_INVALID_ARGUMENT : status == WEFT_OK || status == WEFT_UNSUPPORTED);
        found += status == WEFT_OK;
        weft_device_close(device);
    }
    ck_assert_uint_eq(count, 4);
    ck_assert_uint_ge(found, 2);
    ck_assert_ptr_null(weft_device_scheme(count));
    ck_assert_ptr_null(weft_device_scheme(SIZE_MAX));
}
END_TEST

/* Every host device supports every op, and looking does not make a kernel ready. */
START_TEST(every_op_has_a_kernel_on_the_host_devices)
{
    for (size_t s = 0; s < HOST_SCHEMES; s++) {
        weft_device *device = test_open(host_schemes[s]);
        for (size_t i = 0; i < weft_op_count(); i++)
            OK(weft_device_supports(device, weft_op_name(weft_op_at(i)), NULL));
        weft_error error;
        FAILS(weft_device_supports(device, "rms_nrom", &error), WEFT_NOT_FOUND, "'rms_nrom'", "'rms_norm'");
        FAILS(weft_device_supports(device, "ad", &error), WEFT_NOT_FOUND, "'ad'", "'add'");
        FAILS(weft_device_supports(device, "", &error), WEFT_NOT_FOUND, "nearest");
        ck_assert_uint_eq(weft_device_kernels_ready(device), 0);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(an_op_without_a_kernel_is_unsupported_and_records_nothing)
{
    weft_test_remote control;
    weft_device *device = weft_test_remote_open(&control);
    weft_error error;
    FAILS(weft_device_supports(device, "add", &error), WEFT_UNSUPPORTED, "'remote'", "add");
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, NULL);
    FAILS(weft_add(encoder, a, a, a, &error), WEFT_UNSUPPORTED, "'remote'", "add");
    ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 0);
    ck_assert_uint_eq(weft_device_kernels_ready(device), 0);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    weft_device_close(device);
}
END_TEST

START_TEST(a_kernel_becomes_ready_on_its_first_use_only)
{
    for (size_t s = 0; s < HOST_SCHEMES; s++) {
        weft_device *device = test_open(host_schemes[s]), *other = test_open(host_schemes[s]);
        weft_buffer *a = test_floats(device, 4, 1.0f), *b = test_floats(device, 4, 0);
        weft_encoder *encoder = test_encoder(device, NULL);
        for (int i = 0; i < 3; i++) {
            OK(weft_add(encoder, a, a, b, NULL));
            ck_assert_uint_eq(weft_device_kernels_ready(device), 1);
        }
        OK(weft_scale(encoder, a, 2.0f, b, NULL));
        ck_assert_uint_eq(weft_device_kernels_ready(device), 2);
        weft_buffer *odd = test_floats(device, 3, 1.0f);
        weft_error error;
        FAILS(weft_mul(encoder, a, odd, b, &error), WEFT_SHAPE_MISMATCH, "mul");
        ck_assert_uint_eq(weft_device_kernels_ready(device), 2); /* what is refused is no use */
        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_scale(encoder, a, 2.0f, b, NULL));
        ck_assert_uint_eq(weft_device_kernels_ready(device), 2);
        ck_assert_uint_eq(weft_device_kernels_ready(other), 0);
        weft_encoder_destroy(encoder);
        weft_buffer_destroy(a);
        weft_buffer_destroy(b);
        weft_buffer_destroy(odd);
        weft_device_close(device);
        weft_device_close(other);
    }
}
END_TEST

START_TEST(a_kernel_that_cannot_be_made_ready_is_tried_again)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, NULL);
    weft_error error;
    atomic_store(&control.prepare_status, WEFT_OUT_OF_MEMORY);
    for (uint64_t i = 1; i <= 2; i++) {
        FAILS(weft_add(encoder, a, a, a, &error), WEFT_OUT_OF_MEMORY, "kernel add");
        ck_assert_uint_eq(atomic_load(&control.prepared), i);
        ck_assert_uint_eq(weft_device_kernels_ready(device), 0);
        ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 0);
    }
    OK(weft_device_supports(device, "add", NULL));
    atomic_store(&control.prepare_status, WEFT_OK);
    for (int i = 0; i < 3; i++) {
        OK(weft_add(encoder, a, a, a, NULL));
        OK(weft_encoder_barrier(encoder, NULL));
    }
    ck_assert_uint_eq(atomic_load(&control.prepared), 3);
    ck_assert_uint_eq(weft_device_kernels_ready(device), 1);
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    test_assert_floats(a, 8.0f);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(a);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

/* Runs one call and checks what it added to the counters. */
#define COUNTS(call, ...)                                                                                              \
    do {                                                                                                               \
        weft_counters before_ = test_counters(device), expected_ = {__VA_ARGS__};                                      \
        call;                                                                                                          \
        test_assert_counted(device, &before_, &expected_);                                                             \
    } while (0)

static void check_encoder_counts(weft_device *device)
{
    weft_buffer *a, *b;
    weft_encoder *encoder, *dropped;
    static const float wrapped_data[8];
    weft_buffer *view, *wrapped;
    weft_shape shape = weft_shape_1d(8);
    COUNTS(a = test_floats(device, 100, 1.0f), .bytes_allocated = 400);
    COUNTS(b = test_floats(device, 100, 0), .bytes_allocated = 400);
    COUNTS(view = test_view(a, 10, 20), 0);
    COUNTS(OK(weft_buffer_wrap(device, WEFT_F32, &shape, wrapped_data, NULL, NULL, &wrapped, NULL)), 0);
    COUNTS(encoder = test_encoder(device, NULL), .command_buffers_created = 1);
    COUNTS(dropped = test_encoder(device, NULL), .command_buffers_created = 1);
    COUNTS(OK(weft_add(encoder, a, a, b, NULL)), 0);
    COUNTS(OK(weft_encoder_barrier(encoder, NULL)), 0);
    COUNTS(OK(weft_add(encoder, b, a, b, NULL)), 0);
    COUNTS(
        {
            OK(weft_encoder_commit(encoder, "counted", NULL));
            weft_device_wait(device);
        },
        .command_buffers_submitted = 1, .command_buffers_completed = 1, .dispatches = 2, .barriers = 1, .syncs = 1);
    COUNTS(OK(weft_encoder_wait(encoder, NULL)), .syncs = 1);
    COUNTS(ck_assert_int_eq(weft_encoder_commit(encoder, NULL, NULL), WEFT_INVALID_STATE), 0);
    COUNTS(OK(weft_encoder_reset(encoder, NULL)), .command_buffers_created = 1);
    COUNTS(OK(weft_encoder_reset(encoder, NULL)), .command_buffers_created = 1);
    COUNTS(OK(weft_encoder_commit_and_wait(encoder, NULL, NULL)), .command_buffers_submitted = 1,
           .command_buffers_completed = 1, .syncs = 1);
    COUNTS(weft_encoder_destroy(encoder), 0);
    COUNTS(weft_encoder_destroy(dropped), 0);
    COUNTS(weft_buffer_destroy(b), .bytes_allocated = (uint64_t)-400);
    COUNTS(weft_buffer_destroy(a), 0); /* the view keeps the memory */
    COUNTS(weft_buffer_destroy(view), .bytes_allocated = (uint64_t)-400);
    COUNTS(weft_buffer_destroy(wrapped), 0);
}

static void check_session_counts(weft_device *device)
{
    weft_session *session;
    weft_buffer *a = test_floats(device, 4, 1.0f);
    COUNTS(session = test_session(device, NULL), .command_buffers_created = 1);
    weft_encoder *encoder = weft_session_encoder(session);
    COUNTS(OK(weft_session_begin_stage(session, "one", NULL)), 0);
    COUNTS(OK(weft_add(encoder, a, a, a, NULL)), 0);
    COUNTS(
        {
            OK(weft_session_fence_stage(session, NULL, NULL));
            weft_device_wait(device);
        },
        .command_buffers_submitted = 1, .command_buffers_completed = 1, .dispatches = 1, .fences_signalled = 1,
        .syncs = 1);
    COUNTS(OK(weft_session_fence_stage(session, NULL, NULL)), 0);
    COUNTS(OK(weft_session_reset_for_next_stage(session, NULL)), .command_buffers_created = 1);
    COUNTS(OK(weft_session_reset_for_next_stage(session, NULL)), 0);
    COUNTS(OK(weft_session_commit_and_wait(session, NULL)), .command_buffers_submitted = 1,
           .command_buffers_completed = 1, .fence_waits = 1, .syncs = 1);
    COUNTS(OK(weft_session_commit_and_wait(session, NULL)), .syncs = 1);
    COUNTS(OK(weft_session_wait(session, NULL)), .syncs = 1);
    COUNTS(weft_session_destroy(session), 0);
    test_assert_floats(a, 2.0f);
    weft_buffer_destroy(a);
}

START_TEST(counters_start_at_zero_and_each_call_adds_what_it_does)
{
    for (size_t s = 0; s < HOST_SCHEMES; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_counters zero = {0}, now = test_counters(device);
        ck_assert_mem_eq(&now, &zero, sizeof zero);
        check_encoder_counts(device);
        check_session_counts(device);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(inferred_barriers_count_as_barriers_too)
{
    weft_device *device = test_open("ref");
    weft_encoder_options options = {.barriers = WEFT_BARRIERS_INFERRED};
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, &options);
    OK(weft_add(encoder, a, a, a, NULL));
    OK(weft_add(encoder, a, a, a, NULL));
    OK(weft_encoder_barrier(encoder, NULL));
    OK(weft_add(encoder, a, a, a, NULL));
    COUNTS(OK(weft_encoder_commit_and_wait(encoder, NULL, NULL)), .command_buffers_submitted = 1,
           .command_buffers_completed = 1, .dispatches = 3, .barriers = 2, .barriers_inferred = 1, .syncs = 1);
    weft_encoder_destroy(encoder);
    test_assert_floats(a, 8.0f);
    weft_buffer_destroy(a);
    weft_device_close(device);
}
END_TEST

START_TEST(what_outlives_its_device_stays_usable_but_for_commits)
{
    for (size_t s = 0; s < HOST_SCHEMES; s++) {
        weft_device *device = test_open(host_schemes[s]);
        weft_buffer *a = test_floats(device, 4, 3.0f), *view = test_view(a, 1, 2);
        weft_encoder *encoder = test_encoder(device, NULL);
        weft_session *session = test_session(device, NULL);
        weft_pool *pool;
        weft_shape shape = weft_shape_1d(9);
        weft_buffer *pooled;
        OK(weft_pool_create(device, &pool, NULL));
        OK(weft_pool_buffer(pool, WEFT_F32, &shape, &pooled, NULL));
        OK(weft_add(encoder, a, a, a, NULL));
        OK(weft_encoder_commit(encoder, NULL, NULL));
        weft_device_close(device); /* waits, so the result can be read */
        test_assert_floats(view, 6.0f);

        weft_error error;
        OK(weft_encoder_wait(encoder, NULL));
        OK(weft_encoder_reset(encoder, NULL));
        OK(weft_add(encoder, a, a, a, NULL));
        FAILS(weft_encoder_commit(encoder, NULL, &error), WEFT_INVALID_STATE, "closed");
        ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 1);
        FAILS(weft_session_fence_stage(session, "late", &error), WEFT_INVALID_STATE, "closed");
        FAILS(weft_session_commit_and_wait(session, &error), WEFT_INVALID_STATE, "closed");
        ck_assert(!test_info(session).is_drained);
        ck_assert_ptr_eq(weft_buffer_device(view), device);
        weft_buffer_destroy(a);
        weft_session_destroy(session);
        weft_encoder_destroy(encoder);
        weft_pool_destroy(pool);
        test_assert_floats(pooled, 0.0f);
        weft_buffer_destroy(pooled);
        test_assert_floats(view, 6.0f);
        weft_buffer_destroy(view); /* the last user: the device goes with it */
    }
}
END_TEST

START_TEST(several_devices_work_side_by_side)
{
    weft_device *devices[HOST_SCHEMES];
    weft_buffer *sums[HOST_SCHEMES];
    weft_encoder *encoders[HOST_SCHEMES];
    for (size_t i = 0; i < HOST_SCHEMES; i++) {
        devices[i] = test_open(host_schemes[i]);
        sums[i] = test_floats(devices[i], 5, (float)(i + 1));
        encoders[i] = test_encoder(devices[i], NULL);
        OK(weft_add(encoders[i], sums[i], sums[i], sums[i], NULL));
        OK(weft_encoder_commit(encoders[i], NULL, NULL));
    }
    for (size_t i = 0; i < HOST_SCHEMES; i++) {
        OK(weft_encoder_wait(encoders[i], NULL));
        ck_assert_uint_eq(test_counters(devices[i]).command_buffers_submitted, 1);
        test_assert_floats(sums[i], 2.0f * (float)(i + 1));
        OK(weft_encoder_reset(encoders[i], NULL));
        weft_error error;
        weft_buffer *foreign = sums[(i + 1) % HOST_SCHEMES];
        FAILS(weft_add(encoders[i], sums[i], foreign, sums[i], &error), WEFT_INVALID_ARGUMENT, "argument b",
              "another device");
        ck_assert_uint_eq(weft_encoder_dispatch_count(encoders[i]), 0);
    }
    for (size_t i = 0; i < HOST_SCHEMES; i++) {
        weft_device_close(devices[i]);
        weft_encoder_destroy(encoders[i]);
        weft_buffer_destroy(sums[i]);
    }
}
END_TEST

START_TEST(closing_waits_for_what_is_in_flight)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *a = test_floats(device, 4, 1.0f);
    weft_encoder *encoder = test_encoder(device, NULL);
    weft_test_device_block(&control, 1);
    OK(weft_add(encoder, a, a, a, NULL));
    OK(weft_encoder_commit(encoder, NULL, NULL)); /* returns although the device stands still */
    weft_test_device_await_block(&control);
    ck_assert_uint_eq(test_counters(device).command_buffers_submitted, 1);
    ck_assert_uint_eq(test_counters(device).command_buffers_completed, 0);
    weft_test_device_unblock(&control);
    weft_device_close(device);
    test_assert_floats(a, 2.0f);
    weft_buffer_destroy(a);
    weft_encoder_destroy(encoder);
    weft_test_device_end(&control);
}
END_TEST

WEFT_TEST_MAIN("device", a_uri_that_cannot_be_opened_says_why, options_are_taken_by_the_schemes_that_know_them,
               an_isa_is_used_or_refused_by_name, the_schemes_are_listed, every_op_has_a_kernel_on_the_host_devices,
               an_op_without_a_kernel_is_unsupported_and_records_nothing, a_kernel_becomes_ready_on_its_first_use_only,
               a_kernel_that_cannot_be_made_ready_is_tried_again,
               counters_start_at_zero_and_each_call_adds_what_it_does, inferred_barriers_count_as_barriers_too,
               what_outlives_its_device_stays_usable_but_for_commits, several_devices_work_side_by_side,
               closing_waits_for_what_is_in_flight)
