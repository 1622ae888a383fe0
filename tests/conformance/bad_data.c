/* Data that must be refused when they are read: the failure comes back from the wait, and nothing else is touched. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "conformance/harness.h"

/* One float input [rows, 4], maybe i32 data, and one output. */
typedef struct bad_datum {
    const char *op;
    float x[8];
    uint64_t rows;
    int32_t numbers[2]; /* ids or positions */
    weft_status status;
    const char *fragment;
} bad_datum;

#define MANY 1e30f

static const bad_datum bad_data[] = {
    {"embedding", {0}, 2, {0, 2}, WEFT_OUT_OF_RANGE, "ids[1] is 2, but table [2, 4] f32 has the rows [0, 2)"},
    {"embedding", {0}, 2, {-1, 0}, WEFT_OUT_OF_RANGE, "ids[0] is -1"},
    {"embedding", {0}, 2, {INT32_MAX, INT32_MIN}, WEFT_OUT_OF_RANGE, "ids[0] is 2147483647"},
    {"embedding", {0}, 2, {1, INT32_MIN}, WEFT_OUT_OF_RANGE, "ids[1] is -2147483648"},
    {"embedding", {0}, 0, {0, 0}, WEFT_OUT_OF_RANGE, "table [0, 4] f32 has the rows [0, 0)"},
    {"rope", {0}, 2, {0, -1}, WEFT_OUT_OF_RANGE, "positions[1] is -1"},
    {"rope", {0}, 2, {INT32_MIN, -1}, WEFT_OUT_OF_RANGE, "positions[0] is -2147483648"},
    {"rms_norm_rope", {0}, 2, {0, -1}, WEFT_OUT_OF_RANGE, "positions[1] is -1"},
    {"rms_norm_rope", {0}, 2, {INT32_MIN, -1}, WEFT_OUT_OF_RANGE, "positions[0] is -2147483648"},
    {"argmax", {1, 2, NAN, 0, 1, 1, 1, 1}, 2, {0}, WEFT_INVALID_ARGUMENT, "element 2 in row 0 of x [2, 4] f32 is NaN"},
    {"argmax", {1, 1, 1, 1, 1, 2, NAN, -NAN}, 2, {0}, WEFT_INVALID_ARGUMENT, "element 2 in row 1 of x"},
    {"argmax", {INFINITY, NAN, 1, 1, NAN}, 2, {0}, WEFT_INVALID_ARGUMENT, "element 1 in row 0"},
    {"top_k",
     {1, 2, MANY, -NAN, 1, 1, 1, 1},
     2,
     {0},
     WEFT_INVALID_ARGUMENT,
     "element 3 in row 0 of x [2, 4] f32 is NaN"},
    {"top_k", {1, 1, 1, 1, NAN, 2, 3, 4}, 2, {0}, WEFT_INVALID_ARGUMENT, "element 0 in row 1 of x"},
    {"sample",
     {1, 2, 3, NAN, 1, 1, 1, 1},
     2,
     {0},
     WEFT_INVALID_ARGUMENT,
     "element 3 in row 0 of logits [2, 4] f32 is NaN"},
    {"sample",
     {1, 1, 1, 1, -INFINITY, -INFINITY, -INFINITY, -INFINITY},
     2,
     {0},
     WEFT_INVALID_ARGUMENT,
     "row 1 of logits [2, 4] f32 has no finite element"},
    {"sample",
     {INFINITY, -INFINITY, -INFINITY, INFINITY},
     1,
     {0},
     WEFT_INVALID_ARGUMENT,
     "row 0 of logits [1, 4] f32 has no"},
};

typedef struct buffers {
    weft_buffer *x, *numbers, *out, *indices, *sum;
} buffers;

static weft_buffer *make(weft_device *device, weft_dtype dtype, weft_shape shape, const void *data)
{
    weft_error error = {0};
    weft_buffer *buffer;
    weft_status status = weft_buffer_create(device, dtype, &shape, &buffer, &error);
    if (status == WEFT_OK && data)
        status = weft_buffer_write(buffer, 0, data, weft_buffer_bytes(buffer), &error);
    ck_assert_msg(status == WEFT_OK, "%s", error.message);
    return buffer;
}

static weft_status record(weft_encoder *encoder, const bad_datum *datum, buffers *b, weft_error *err)
{
    weft_device *device = weft_encoder_device(encoder);
    weft_shape rows = weft_shape_2d(datum->rows, 4), one_each = weft_shape_1d(datum->rows);
    if (strcmp(datum->op, "embedding") == 0) {
        b->x = make(device, WEFT_F32, rows, datum->x);
        b->numbers = make(device, WEFT_I32, weft_shape_1d(2), datum->numbers);
        b->out = make(device, WEFT_F32, weft_shape_2d(2, 4), NULL);
        return weft_embedding(encoder, b->x, b->numbers, 1, b->out, err);
    }
    bool has_norm = strcmp(datum->op, "rms_norm_rope") == 0;
    if (has_norm || strcmp(datum->op, "rope") == 0) {
        const weft_rms_norm_rope_params params = {{.epsilon = 1}, {.theta = 1e4}};
        b->x = make(device, WEFT_F32, weft_shape_3d(datum->rows, 1, 4), datum->x);
        b->numbers = make(device, WEFT_I32, weft_shape_1d(2), datum->numbers);
        b->out = make(device, WEFT_F32, weft_shape_3d(datum->rows, 1, 4), NULL);
        return has_norm ? weft_rms_norm_rope(encoder, b->x, NULL, b->numbers, &params, b->out, err)
                        : weft_rope(encoder, b->x, b->numbers, &params.rope, b->out, err);
    }
    b->x = make(device, WEFT_F32, rows, datum->x);
    if (strcmp(datum->op, "top_k") == 0) {
        b->out = make(device, WEFT_F32, weft_shape_2d(datum->rows, 2), NULL);
        b->indices = make(device, WEFT_I32, weft_shape_2d(datum->rows, 2), NULL);
        return weft_top_k(encoder, b->x, b->out, b->indices, err);
    }
    b->out = make(device, WEFT_I32, one_each, NULL);
    if (strcmp(datum->op, "argmax") == 0)
        return weft_argmax(encoder, b->x, b->out, err);
    return weft_sample(encoder, b->x, &(weft_sample_params){.temperature = 1}, b->out, err);
}

/* A good dispatch behind a barrier in the same command buffer must not run; in the next one it must. */
static void run_bad_datum(const conf_device *device, const bad_datum *datum)
{
    weft_error error = {0};
    weft_encoder *encoder;
    ck_assert_int_eq(weft_encoder_create(device->device, NULL, &encoder, &error), WEFT_OK);
    const float two = 2;
    float sum = 0;
    buffers b = {0};
    weft_buffer *two_buffer = make(device->device, WEFT_F32, weft_shape_1d(1), &two);
    b.sum = make(device->device, WEFT_F32, weft_shape_1d(1), &sum);
    weft_encoder_set_label(encoder, "the bad one");
    ck_assert_msg(record(encoder, datum, &b, &error) == WEFT_OK, "%s: %s", datum->op, error.message);
    ck_assert_int_eq(weft_encoder_barrier(encoder, &error), WEFT_OK);
    ck_assert_int_eq(weft_add(encoder, two_buffer, two_buffer, b.sum, &error), WEFT_OK);
    weft_status status = weft_encoder_commit_and_wait(encoder, "spoiled", &error);
    ck_assert_msg(status == datum->status && error.code == status, "%s on %s gave %s, not '%s': %s", datum->op,
                  device->uri, weft_status_name(status), datum->fragment, error.message);
    ck_assert_msg(strstr(error.message, datum->fragment) && strstr(error.message, datum->op) &&
                      strstr(error.message, "the bad one") && strstr(error.message, "spoiled"),
                  "%s on %s says '%s', without '%s'", datum->op, device->uri, error.message, datum->fragment);
    ck_assert_int_eq(weft_buffer_read(b.sum, 0, &sum, sizeof sum, &error), WEFT_OK);
    ck_assert_msg(sum >= 0 && sum <= 0, "what follows a failed dispatch has run");
    ck_assert_int_eq(weft_encoder_reset(encoder, &error), WEFT_OK);
    ck_assert_int_eq(weft_add(encoder, two_buffer, two_buffer, b.sum, &error), WEFT_OK);
    ck_assert_msg(weft_encoder_commit_and_wait(encoder, "good", &error) == WEFT_OK, "%s", error.message);
    ck_assert_int_eq(weft_buffer_read(b.sum, 0, &sum, sizeof sum, &error), WEFT_OK);
    ck_assert_msg(sum >= 4 && sum <= 4, "the encoder does not work after a failure");
    weft_encoder_destroy(encoder);
    weft_buffer *all[] = {b.x, b.numbers, b.out, b.indices, b.sum, two_buffer};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        weft_buffer_destroy(all[i]);
}

enum {
    MANY_TOKENS = 4000,
    MANY_DIMS = 32
};

/* Of several bad ids the first is named, whichever thread comes upon its own first. */
static void run_many_bad_ids(const conf_device *device)
{
    weft_error error = {0};
    weft_encoder *encoder;
    static int32_t ids[MANY_TOKENS];
    memset(ids, 0, sizeof ids);
    ids[1234] = ids[2500] = 8;
    ids[3999] = ids[1235] = -1;
    ck_assert_int_eq(weft_encoder_create(device->device, NULL, &encoder, &error), WEFT_OK);
    weft_buffer *table = make(device->device, WEFT_BF16, weft_shape_2d(8, MANY_DIMS), NULL);
    weft_buffer *numbers = make(device->device, WEFT_I32, weft_shape_1d(MANY_TOKENS), ids);
    weft_buffer *out = make(device->device, WEFT_F32, weft_shape_2d(MANY_TOKENS, MANY_DIMS), NULL);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(weft_embedding(encoder, table, numbers, 1, out, &error), WEFT_OK);
        weft_status status = weft_encoder_commit_and_wait(encoder, NULL, &error);
        ck_assert_msg(status == WEFT_OUT_OF_RANGE && strstr(error.message, "ids[1234] is 8,"), "%s: %s", device->uri,
                      error.message);
        ck_assert_int_eq(weft_encoder_reset(encoder, &error), WEFT_OK);
    }
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(table);
    weft_buffer_destroy(numbers);
    weft_buffer_destroy(out);
}

void conf_run_bad_data(const conf_device *device)
{
    run_many_bad_ids(device);
    for (size_t i = 0; i < sizeof bad_data / sizeof bad_data[0]; i++)
        run_bad_datum(device, &bad_data[i]);
}
