/* Buffers and views: sizes, bounds, what the host may touch while work is in flight, wrapped memory. */
#include "support/runtime_test.h"

#include <time.h>

#include "base/rng.h"
#include "support/failing_device.h"

static const weft_dtype dtypes[] = {WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_I8,  WEFT_U8,  WEFT_I16,
                                    WEFT_U16, WEFT_I32, WEFT_U32,  WEFT_I64, WEFT_U64, WEFT_F64};

START_TEST(a_buffer_is_what_was_asked_for_and_starts_as_zeros)
{
    weft_device *device = test_open("cpu");
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        weft_shape shape = weft_shape_3d(3, 5, 7);
        weft_buffer *buffer;
        OK(weft_buffer_create(device, dtypes[i], &shape, &buffer, NULL));
        ck_assert_int_eq(weft_buffer_dtype(buffer), dtypes[i]);
        weft_shape given = weft_buffer_shape(buffer);
        ck_assert(weft_shape_equal(&given, &shape));
        ck_assert_uint_eq(weft_buffer_bytes(buffer), 105 * weft_dtype_bytes(dtypes[i]));
        ck_assert_uint_eq(weft_buffer_offset_bytes(buffer), 0);
        ck_assert_ptr_eq(weft_buffer_device(buffer), device);
        unsigned char bytes[105 * 8], zeros[105 * 8] = {0};
        memset(bytes, 0xee, sizeof bytes);
        OK(weft_buffer_read(buffer, 0, bytes, weft_buffer_bytes(buffer), NULL));
        ck_assert_mem_eq(bytes, zeros, weft_buffer_bytes(buffer));
        weft_buffer_destroy(buffer);
    }
    weft_buffer_destroy(NULL);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 0);
    weft_device_close(device);
}
END_TEST

START_TEST(shapes_of_every_rank_and_none)
{
    weft_device *device = test_open("ref");
    weft_buffer *buffer;
    weft_shape shape = {.rank = 0};
    OK(weft_buffer_create(device, WEFT_F32, &shape, &buffer, NULL));
    ck_assert_uint_eq(weft_buffer_bytes(buffer), 4);
    weft_buffer_destroy(buffer);
    shape = (weft_shape){.rank = 8, .extent = {1, 2, 1, 3, 1, 2, 1, 2}};
    OK(weft_buffer_create(device, WEFT_I64, &shape, &buffer, NULL));
    ck_assert_uint_eq(weft_buffer_bytes(buffer), 24 * 8);
    weft_buffer_destroy(buffer);
    shape = (weft_shape){.rank = 3, .extent = {UINT64_MAX, 0, UINT64_MAX}}; /* empty, whatever the others are */
    OK(weft_buffer_create(device, WEFT_I64, &shape, &buffer, NULL));
    ck_assert_uint_eq(weft_buffer_bytes(buffer), 0);
    OK(weft_buffer_write(buffer, 0, NULL, 0, NULL));
    OK(weft_buffer_read(buffer, 0, NULL, 0, NULL));
    char byte = 0;
    ck_assert_int_eq(weft_buffer_write(buffer, 0, &byte, 1, NULL), WEFT_OUT_OF_RANGE);
    weft_buffer_destroy(buffer);
    weft_device_close(device);
}
END_TEST

START_TEST(a_buffer_that_cannot_be_is_refused)
{
    weft_device *device = test_open("ref");
    weft_error error;
    weft_buffer *buffer = (weft_buffer *)(uintptr_t)device;
    weft_shape shape = {.rank = 9};
    FAILS(weft_buffer_create(device, WEFT_F32, &shape, &buffer, &error), WEFT_INVALID_ARGUMENT, "rank 9", "8");
    ck_assert_ptr_null(buffer);
    shape = weft_shape_1d(4);
    FAILS(weft_buffer_create(device, (weft_dtype)12, &shape, &buffer, &error), WEFT_INVALID_ARGUMENT, "12");
    FAILS(weft_buffer_create(device, (weft_dtype)64, &shape, &buffer, &error), WEFT_INVALID_ARGUMENT, "64");
    shape = weft_shape_2d(UINT64_C(1) << 40, UINT64_C(1) << 40);
    FAILS(weft_buffer_create(device, WEFT_U8, &shape, &buffer, &error), WEFT_OUT_OF_RANGE,
          "[1099511627776, 1099511627776]", "u8");
    shape = weft_shape_1d((uint64_t)PTRDIFF_MAX / 4 + 1);
    FAILS(weft_buffer_create(device, WEFT_F32, &shape, &buffer, &error), WEFT_OUT_OF_RANGE, "address space");
    ck_assert_ptr_null(buffer);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 0);
    weft_device_close(device);
}
END_TEST

START_TEST(views_of_views_compose)
{
    enum {
        COUNT = 1000
    };
    weft_device *device = test_open("ref");
    weft_shape shape = weft_shape_2d(20, 50);
    weft_buffer *whole;
    OK(weft_buffer_create(device, WEFT_U16, &shape, &whole, NULL));
    uint16_t values[COUNT], read[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        values[i] = (uint16_t)(i * 7 + 1);
    OK(weft_buffer_write(whole, 0, values, sizeof values, NULL));
    weft__rng rng;
    weft__rng_init(&rng, 1);
    for (int round = 0; round < 200; round++) {
        size_t begin = 0, count = COUNT;
        weft_buffer *views[6] = {whole};
        for (size_t depth = 1; depth < 6; depth++) {
            size_t offset = (size_t)weft__rng_below(&rng, count + 1);
            count = (size_t)weft__rng_below(&rng, count - offset + 1);
            begin += offset;
            views[depth] = test_view(views[depth - 1], offset, count);
            ck_assert_uint_eq(weft_buffer_offset_bytes(views[depth]), 2 * begin);
            ck_assert_uint_eq(weft_buffer_bytes(views[depth]), 2 * count);
            ck_assert_int_eq(weft_buffer_dtype(views[depth]), WEFT_U16);
            OK(weft_buffer_read(views[depth], 0, read, 2 * count, NULL));
            ck_assert(memcmp(read, values + begin, 2 * count) == 0);
        }
        if (count) { /* what is written through the innermost is seen through the outermost */
            size_t at = (size_t)weft__rng_below(&rng, count);
            values[begin + at] = (uint16_t)weft__rng_next_u64(&rng);
            OK(weft_buffer_write(views[5], 2 * at, &values[begin + at], 2, NULL));
        }
        for (size_t depth = 1; depth < 6; depth++)
            weft_buffer_destroy(views[depth]);
    }
    OK(weft_buffer_read(whole, 0, read, sizeof read, NULL));
    ck_assert_mem_eq(read, values, sizeof read);
    weft_buffer_destroy(whole);
    weft_device_close(device);
}
END_TEST

START_TEST(a_view_ends_inside_of_what_it_is_taken_from)
{
    weft_device *device = test_open("ref");
    weft_buffer *whole = test_floats(device, 100, 1.0f), *middle = test_view(whole, 40, 20), *view;
    static const struct {
        size_t offset, count;
        bool fits;
    } cases[] = {
        {0, 20, true},        {20, 0, true},        {19, 1, true},        {0, 0, true},
        {0, 21, false},       {1, 20, false},       {20, 1, false},       {21, 0, false},
        {SIZE_MAX, 0, false}, {SIZE_MAX, 1, false}, {SIZE_MAX, 2, false}, {1, SIZE_MAX / 8, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft_shape shape = weft_shape_1d(cases[i].count);
        weft_error error;
        if (cases[i].fits) {
            OK(weft_buffer_view(middle, cases[i].offset, &shape, &view, NULL));
            weft_buffer_destroy(view);
        } else {
            FAILS(weft_buffer_view(middle, cases[i].offset, &shape, &view, &error), WEFT_OUT_OF_RANGE, "20 elements");
            ck_assert_ptr_null(view);
        }
    }
    weft_shape shape = {.rank = 9};
    ck_assert_int_eq(weft_buffer_view(middle, 0, &shape, &view, NULL), WEFT_INVALID_ARGUMENT);
    shape = weft_shape_3d(UINT64_MAX, UINT64_MAX, 2);
    ck_assert_int_eq(weft_buffer_view(middle, 0, &shape, &view, NULL), WEFT_OUT_OF_RANGE);
    shape = weft_shape_3d(2, 2, 5); /* a view has a shape of its own */
    OK(weft_buffer_view(middle, 0, &shape, &view, NULL));
    weft_buffer_destroy(view);
    weft_buffer_destroy(whole);
    test_assert_floats(middle, 1.0f); /* keeps the memory alive */
    weft_buffer_destroy(middle);
    weft_device_close(device);
}
END_TEST

START_TEST(reads_and_writes_stay_in_their_range)
{
    weft_device *device = test_open("ref");
    weft_shape shape = weft_shape_1d(64);
    weft_buffer *whole, *view;
    OK(weft_buffer_create(device, WEFT_U8, &shape, &whole, NULL));
    view = test_view(whole, 16, 32);
    unsigned char bytes[64];
    memset(bytes, 0xab, sizeof bytes);
    OK(weft_buffer_write(view, 4, bytes, 8, NULL));
    OK(weft_buffer_write(view, 32, bytes, 0, NULL));
    memset(bytes, 0, sizeof bytes);
    OK(weft_buffer_read(whole, 0, bytes, 64, NULL));
    for (size_t i = 0; i < 64; i++)
        ck_assert_uint_eq(bytes[i], i >= 20 && i < 28 ? 0xab : 0);
    static const struct {
        size_t offset, bytes;
    } outside[] = {{0, 33}, {1, 32}, {32, 1}, {33, 0}, {SIZE_MAX, 1}, {SIZE_MAX, 2}, {2, SIZE_MAX}};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        weft_error error;
        FAILS(weft_buffer_write(view, outside[i].offset, bytes, outside[i].bytes, &error), WEFT_OUT_OF_RANGE, "write",
              "32 bytes");
        FAILS(weft_buffer_read(view, outside[i].offset, bytes, outside[i].bytes, &error), WEFT_OUT_OF_RANGE, "read",
              "32 bytes");
    }
    weft_buffer_destroy(view);
    weft_buffer_destroy(whole);
    weft_device_close(device);
}
END_TEST

START_TEST(the_host_stays_off_memory_that_nothing_has_waited_for)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *in = test_floats(device, 4, 1.0f), *out = test_floats(device, 8, 0),
                *other = test_floats(device, 4, 5);
    weft_buffer *low = test_view(out, 0, 4), *high = test_view(out, 4, 4);
    weft_buffer_set_label(high, "the sums");
    weft_encoder *encoder = test_encoder(device, NULL);
    OK(weft_add(encoder, in, in, low, NULL));
    float value = 9;
    weft_error error;
    OK(weft_buffer_write(in, 0, &value, 4, NULL)); /* recorded is not submitted */
    OK(weft_buffer_write(out, 0, &value, 4, NULL));
    weft_test_device_block(&control, 1);
    OK(weft_encoder_commit(encoder, NULL, NULL));
    for (int pass = 0; pass < 2; pass++) { /* while the work runs, and when it is done but not waited for */
        OK(weft_buffer_read(in, 0, &value, 4, NULL));
        FAILS(weft_buffer_write(in, 0, &value, 4, &error), WEFT_INVALID_STATE, "Cannot write");
        FAILS(weft_buffer_read(low, 0, &value, 4, &error), WEFT_INVALID_STATE, "Cannot read buffer the sums", "1 uses");
        FAILS(weft_buffer_read(high, 0, &value, 4, &error), WEFT_INVALID_STATE, "the sums"); /* one allocation */
        FAILS(weft_buffer_write(high, 0, &value, 4, &error), WEFT_INVALID_STATE, "Cannot write buffer the sums");
        OK(weft_buffer_write(other, 0, &value, 4, NULL));
        if (pass == 0)
            weft_test_device_unblock(&control);
        while (test_counters(device).command_buffers_completed == 0)
            ;
    }
    OK(weft_encoder_wait(encoder, NULL));
    test_assert_floats(high, 0);
    ck_assert(test_float_at(low, 0) == 18.0f && test_float_at(low, 1) == 2.0f);
    OK(weft_buffer_write(in, 0, &value, 4, NULL));
    weft_buffer *all[] = {in, out, other, low, high};
    for (size_t i = 0; i < 5; i++)
        weft_buffer_destroy(all[i]);
    weft_encoder_destroy(encoder);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

/* Who waits for later work has waited for earlier work, whoever submitted it; but not for what comes after. */
START_TEST(a_wait_frees_what_came_before_it)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *a = test_floats(device, 1, 1), *b = test_floats(device, 1, 1), *c = test_floats(device, 1, 1);
    weft_encoder *first = test_encoder(device, NULL), *second = test_encoder(device, NULL),
                 *third = test_encoder(device, NULL);
    OK(weft_add(first, a, a, a, NULL));
    OK(weft_add(second, b, b, b, NULL));
    OK(weft_add(third, c, c, c, NULL));
    weft_test_device_block(&control, 3);
    OK(weft_encoder_commit(first, NULL, NULL));
    OK(weft_encoder_commit(second, NULL, NULL));
    OK(weft_encoder_commit(third, NULL, NULL));
    OK(weft_encoder_wait(second, NULL));
    test_assert_floats(a, 2.0f);
    test_assert_floats(b, 2.0f);
    float value;
    ck_assert_int_eq(weft_buffer_read(c, 0, &value, 4, NULL), WEFT_INVALID_STATE);
    weft_test_device_unblock(&control);
    weft_device_wait(device);
    test_assert_floats(c, 2.0f);
    weft_buffer *buffers[] = {a, b, c};
    weft_encoder *encoders[] = {first, second, third};
    for (size_t i = 0; i < 3; i++) {
        weft_buffer_destroy(buffers[i]);
        weft_encoder_destroy(encoders[i]);
    }
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

START_TEST(a_buffer_may_be_destroyed_while_work_uses_it)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    weft_buffer *in = test_floats(device, 64, 2.0f), *out = test_floats(device, 64, 0), *view = test_view(out, 32, 1);
    uint64_t bytes = test_counters(device).bytes_allocated;
    weft_encoder *encoder = test_encoder(device, NULL);
    OK(weft_add(encoder, in, in, out, NULL));
    OK(weft_encoder_barrier(encoder, NULL));
    OK(weft_add(encoder, out, in, out, NULL));
    weft_buffer_destroy(in); /* recorded */
    weft_test_device_block(&control, 2);
    OK(weft_encoder_commit(encoder, NULL, NULL));
    weft_test_device_await_block(&control);
    weft_buffer_destroy(out); /* running */
    ck_assert_uint_eq(test_counters(device).bytes_allocated, bytes);
    weft_test_device_unblock(&control);
    OK(weft_encoder_wait(encoder, NULL));
    ck_assert_uint_eq(test_counters(device).bytes_allocated, bytes / 2); /* `in` went with the work */
    test_assert_floats(view, 6.0f);
    weft_buffer_destroy(view);
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 0);
    weft_encoder_destroy(encoder);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

/* Takes its time, so that a wait that does not wait for it is found out. */
static void count_release(void *context)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    atomic_fetch_add((_Atomic int *)context, 1);
}

START_TEST(wrapped_memory_is_released_once_and_last)
{
    weft_test_device control;
    weft_device *device = weft_test_device_open(&control, 0);
    float data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    _Atomic int released = 0;
    weft_shape shape = weft_shape_1d(8);
    weft_buffer *wrapped, *view, *out = test_floats(device, 4, 0);
    OK(weft_buffer_wrap(device, WEFT_F32, &shape, data, count_release, (void *)&released, &wrapped, NULL));
    ck_assert_uint_eq(test_counters(device).bytes_allocated, 16);
    view = test_view(wrapped, 4, 4);
    weft_buffer_destroy(wrapped);
    ck_assert(test_float_at(view, 3) == 8.0f);
    weft_encoder *encoder = test_encoder(device, NULL);
    OK(weft_scale(encoder, view, 2.0f, out, NULL));
    weft_test_device_block(&control, 1);
    OK(weft_encoder_commit(encoder, NULL, NULL));
    weft_buffer_destroy(view);
    ck_assert_int_eq(released, 0); /* the command buffer is the last user */
    weft_test_device_unblock(&control);
    OK(weft_encoder_wait(encoder, NULL));
    ck_assert_int_eq(released, 1);
    ck_assert(test_float_at(out, 0) == 10.0f && test_float_at(out, 3) == 16.0f);

    OK(weft_buffer_wrap(device, WEFT_F32, &shape, data, NULL, NULL, &wrapped, NULL));
    weft_buffer_destroy(wrapped);
    shape = weft_shape_1d(0);
    OK(weft_buffer_wrap(device, WEFT_F32, &shape, NULL, count_release, (void *)&released, &wrapped, NULL));
    weft_buffer_destroy(wrapped);
    ck_assert_int_eq(released, 2);
    weft_buffer_destroy(out);
    weft_encoder_destroy(encoder);
    weft_device_close(device);
    weft_test_device_end(&control);
}
END_TEST

START_TEST(wrapped_memory_is_read_only_and_aligned)
{
    weft_device *device = test_open("cpu");
    _Alignas(8) unsigned char data[64] = {0};
    _Atomic int released = 0;
    weft_shape shape = weft_shape_1d(4);
    weft_error error;
    weft_buffer *wrapped;
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        size_t bytes = weft_dtype_bytes(dtypes[i]);
        for (size_t offset = 0; offset < 8; offset++) {
            weft_status status = weft_buffer_wrap(device, dtypes[i], &shape, data + offset, count_release,
                                                  (void *)&released, &wrapped, &error);
            if (offset % bytes == 0) {
                ck_assert_int_eq(status, WEFT_OK);
                weft_buffer_destroy(wrapped);
                ck_assert_int_eq(atomic_exchange(&released, 0), 1);
            } else {
                WEFT_TEST_ASSERT_FAILS(status, error, WEFT_INVALID_ARGUMENT, "aligned", weft_dtype_name(dtypes[i]),
                                       NULL, NULL);
                ck_assert_ptr_null(wrapped);
                ck_assert_int_eq(released, 0);
            }
        }
    }
    OK(weft_buffer_wrap(device, WEFT_F32, &shape, data, NULL, NULL, &wrapped, NULL));
    weft_buffer *view = test_view(wrapped, 1, 3), *own = test_floats(device, 3, 1.0f);
    float value = 1;
    FAILS(weft_buffer_write(wrapped, 0, &value, 4, &error), WEFT_INVALID_ARGUMENT, "read-only");
    FAILS(weft_buffer_write(view, 0, &value, 4, &error), WEFT_INVALID_ARGUMENT, "read-only");
    weft_encoder *encoder = test_encoder(device, NULL);
    FAILS(weft_add(encoder, own, own, view, &error), WEFT_INVALID_ARGUMENT, "output out", "read-only");
    FAILS(weft_copy(encoder, own, view, NULL, &error), WEFT_INVALID_ARGUMENT, "output target", "read-only");
    OK(weft_add(encoder, view, view, own, NULL));
    OK(weft_encoder_commit_and_wait(encoder, NULL, NULL));
    test_assert_floats(own, 0);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(own);
    weft_buffer_destroy(view);
    weft_buffer_destroy(wrapped);
    weft_device_close(device);
}
END_TEST

START_TEST(memory_out_of_reach_goes_through_the_driver)
{
    weft_test_remote control;
    weft_device *device = weft_test_remote_open(&control);
    weft_shape shape = weft_shape_1d(8);
    weft_buffer *whole, *view, *wrapped;
    weft_error error;
    int32_t values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    FAILS(weft_buffer_wrap(device, WEFT_I32, &shape, values, NULL, NULL, &wrapped, &error), WEFT_UNSUPPORTED,
          "'remote'");
    ck_assert_ptr_null(wrapped);
    OK(weft_buffer_create(device, WEFT_I32, &shape, &whole, NULL));
    OK(weft_buffer_write(whole, 0, values, sizeof values, NULL));
    view = test_view(whole, 3, 5);
    OK(weft_buffer_read(view, 4, values, 8, NULL));
    ck_assert_int_eq(values[0], 5);
    ck_assert_int_eq(values[1], 6);
    ck_assert_uint_eq(control.writes, 1);
    ck_assert_uint_eq(control.reads, 1);
    ck_assert_int_eq(weft_buffer_read(view, 20, values, 1, NULL), WEFT_OUT_OF_RANGE);
    ck_assert_uint_eq(control.reads, 1);
    control.status = WEFT_DEVICE_LOST;
    FAILS(weft_buffer_read(view, 0, values, 4, &error), WEFT_DEVICE_LOST, "remote");
    FAILS(weft_buffer_write(view, 0, values, 4, &error), WEFT_DEVICE_LOST, "remote");
    weft_buffer_destroy(view);
    weft_buffer_destroy(whole);
    weft_device_close(device);
}
END_TEST

WEFT_TEST_MAIN("buffer", a_buffer_is_what_was_asked_for_and_starts_as_zeros, shapes_of_every_rank_and_none,
               a_buffer_that_cannot_be_is_refused, views_of_views_compose, a_view_ends_inside_of_what_it_is_taken_from,
               reads_and_writes_stay_in_their_range, the_host_stays_off_memory_that_nothing_has_waited_for,
               a_wait_frees_what_came_before_it, a_buffer_may_be_destroyed_while_work_uses_it,
               wrapped_memory_is_released_once_and_last, wrapped_memory_is_read_only_and_aligned,
               memory_out_of_reach_goes_through_the_driver)
