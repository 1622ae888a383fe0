/* What the suites of the runtime share: devices, f32 buffers, counts. */
#ifndef WEFT_TESTS_SUPPORT_RUNTIME_TEST_H
#define WEFT_TESTS_SUPPORT_RUNTIME_TEST_H

#include <stdio.h>

#include <weft/op.h>
#include <weft/ops.h>
#include <weft/session.h>

#include "support/sentence.h"
#include "support/weft_check.h"

/* A call that must succeed. It passes NULL or an error of its own. */
#define OK(call) WEFT_TEST_ASSERT_STATUS(call, WEFT_OK)

/* A call that must give this status and a sentence with these fragments. It passes &error. */
#define FAILS(call, expected, ...)                                                                                     \
    do {                                                                                                               \
        memset(&error, 0, sizeof error);                                                                               \
        weft_status weft_test_given_ = (call);                                                                         \
        const char *weft_test_wanted_[5] = {"", __VA_ARGS__};                                                          \
        WEFT_TEST_ASSERT_FAILS(weft_test_given_, error, expected, weft_test_wanted_[1], weft_test_wanted_[2],          \
                               weft_test_wanted_[3], weft_test_wanted_[4]);                                            \
    } while (0)

static inline weft_device *test_open(const char *uri)
{
    weft_device *device;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_device_open(uri, &device, &error), error);
    return device;
}

/* `count` floats of one value. */
static inline weft_buffer *test_floats(weft_device *device, size_t count, float value)
{
    weft_buffer *buffer;
    weft_error error;
    weft_shape shape = weft_shape_1d(count);
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, WEFT_F32, &shape, &buffer, &error), error);
    for (size_t i = 0; value != 0 && i < count; i++)
        WEFT_TEST_ASSERT_OK(weft_buffer_write(buffer, i * sizeof value, &value, sizeof value, &error), error);
    return buffer;
}

static inline weft_buffer *test_view(weft_buffer *buffer, size_t offset, size_t count)
{
    weft_buffer *view;
    weft_error error;
    weft_shape shape = weft_shape_1d(count);
    WEFT_TEST_ASSERT_OK(weft_buffer_view(buffer, offset, &shape, &view, &error), error);
    return view;
}

static inline float test_float_at(const weft_buffer *buffer, size_t index)
{
    float value;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_buffer_read(buffer, index * sizeof value, &value, sizeof value, &error), error);
    return value;
}

/* Every element is exactly `expected`. */
static inline void test_assert_floats(const weft_buffer *buffer, float expected)
{
    for (size_t i = 0; i < weft_buffer_bytes(buffer) / sizeof expected; i++) {
        float value = test_float_at(buffer, i);
        ck_assert_msg(value == expected, "element %zu is %g where %g was expected", i, (double)value, (double)expected);
    }
}

static inline weft_encoder *test_encoder(weft_device *device, const weft_encoder_options *options)
{
    weft_encoder *encoder;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_encoder_create(device, options, &encoder, &error), error);
    return encoder;
}

static inline weft_session *test_session(weft_device *device, const weft_session_options *options)
{
    weft_session *session;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_session_create(device, options, &session, &error), error);
    return session;
}

static inline weft_counters test_counters(const weft_device *device)
{
    weft_counters counters;
    weft_device_counters(device, &counters);
    return counters;
}

static inline weft_session_state test_info(const weft_session *session)
{
    weft_session_state state;
    weft_session_info(session, &state);
    return state;
}

/* What was counted since `before` is `expected`, field by field. */
static inline void test_assert_counted(const weft_device *device, const weft_counters *before,
                                       const weft_counters *expected)
{
    static const char *const names[] = {"created",     "submitted", "completed",         "failed",
                                        "dispatches",  "barriers",  "barriers_inferred", "fences_signalled",
                                        "fence_waits", "syncs",     "bytes_allocated"};
    weft_counters now = test_counters(device);
    const uint64_t *after = (const uint64_t *)&now, *from = (const uint64_t *)before,
                   *wanted = (const uint64_t *)expected;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_msg(after[i] - from[i] == wanted[i], "%s grew by %" PRId64 " instead of %" PRId64, names[i],
                      (int64_t)(after[i] - from[i]), (int64_t)wanted[i]);
}

#endif
