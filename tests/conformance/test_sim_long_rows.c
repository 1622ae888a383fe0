/* Rows that the scratch memory of a simulated PE has no room for, or not for all of them: they are worked on in pieces,
 * or refused. The bounds are those of include/weft/ops.h. */
#include "support/weft_check.h"

#include <math.h>
#include <string.h>

#include <weft/weft.h>

#include "base/dtype.h"
#include "base/rng.h"

#define CRAMPED "sim:" WEFT_SOURCE_DIR "/tests/data/cramped.yaml"

enum {
    X,
    WEIGHT,
    OUT,
    TABLE,
    IDS,
    FOUND,
    CHOSEN,
    VALUES,
    INDICES,
    HEADS,
    POSITIONS,
    MANY_HEADS,
    BUFFERS,
    ROWS = 3,
    COLUMNS = 1500,
    K = 1300,
    WORDS = 5
};

typedef struct argument {
    weft_dtype dtype;
    weft_shape shape;
} argument;

static const argument arguments[BUFFERS] = {
    [X] = {WEFT_F32, {2, {ROWS, COLUMNS}}},   [WEIGHT] = {WEFT_BF16, {1, {COLUMNS}}},
    [OUT] = {WEFT_F32, {2, {ROWS, COLUMNS}}}, [TABLE] = {WEFT_F16, {2, {WORDS, COLUMNS}}},
    [IDS] = {WEFT_I32, {1, {ROWS}}},          [FOUND] = {WEFT_F32, {2, {ROWS, COLUMNS}}},
    [CHOSEN] = {WEFT_I32, {1, {ROWS}}},       [VALUES] = {WEFT_F32, {2, {ROWS, K}}},
    [INDICES] = {WEFT_I32, {2, {ROWS, K}}},   [HEADS] = {WEFT_F32, {3, {120, 1, 8}}},
    [POSITIONS] = {WEFT_I32, {1, {120}}},     [MANY_HEADS] = {WEFT_F32, {3, {ROWS, 40, 8}}},
};

/* What a buffer holds at first, and what it should hold in the end; 4 bytes are room for any element. */
typedef union contents {
    float real[WORDS * COLUMNS];
    int32_t integer[WORDS * COLUMNS];
    unsigned char byte[WORDS * COLUMNS * 4];
} contents;

/* ---- a device with all buffers ---- */

typedef struct bench {
    weft_device *device;
    weft_buffer *at[BUFFERS];
    weft_encoder *encoder;
} bench;

static void fill(uint32_t buffer, float special, contents *out)
{
    weft__rng rng;
    weft__rng_init(&rng, buffer + 1);
    size_t count = (size_t)weft_shape_elements(&arguments[buffer].shape);
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < count; i++) {
        float number = (float)weft__rng_normal(&rng) * 8;
        if (arguments[buffer].dtype == WEFT_I32)
            out->integer[i] = (int32_t)(i + 2) % WORDS;
        else
            weft__float_store(arguments[buffer].dtype, out->byte, i, number);
    }
    if (buffer == X && special != 0)
        out->real[COLUMNS + 1234] = special;
    for (size_t i = 0; buffer == X && special != 0 && i < COLUMNS; i++)
        out->real[2 * COLUMNS + i] = -INFINITY;
}

static void open_bench(bench *it, const char *uri, float special)
{
    static contents data;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_device_open(uri, &it->device, &error), error);
    for (uint32_t i = 0; i < BUFFERS; i++) {
        fill(i, special, &data);
        WEFT_TEST_ASSERT_OK(weft_buffer_create(it->device, arguments[i].dtype, &arguments[i].shape, &it->at[i], &error),
                            error);
        WEFT_TEST_ASSERT_OK(weft_buffer_write(it->at[i], 0, &data, weft_buffer_bytes(it->at[i]), &error), error);
    }
    WEFT_TEST_ASSERT_OK(weft_encoder_create(it->device, NULL, &it->encoder, &error), error);
}

static void close_bench(bench *it)
{
    weft_encoder_destroy(it->encoder);
    for (uint32_t i = 0; i < BUFFERS; i++)
        weft_buffer_destroy(it->at[i]);
    weft_device_close(it->device);
}

/* ---- the ops ---- */

static weft_status record_norm(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_rms_norm(encoder, at[X], at[WEIGHT], &(weft_rms_norm_params){1e-6f, 1}, at[OUT], err);
}

static weft_status record_plain_norm_in_place(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_rms_norm(encoder, at[X], NULL, &(weft_rms_norm_params){.epsilon = 0.5f}, at[X], err);
}

static weft_status record_softmax(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_softmax(encoder, at[X], at[OUT], err);
}

static weft_status record_softmax_in_place(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_softmax(encoder, at[X], at[X], err);
}

static weft_status record_embedding(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_embedding(encoder, at[TABLE], at[IDS], 3, at[FOUND], err);
}

static weft_status record_argmax(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_argmax(encoder, at[X], at[CHOSEN], err);
}

static weft_status record_top_k(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_top_k(encoder, at[X], at[VALUES], at[INDICES], err);
}

static weft_status record_sample(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    const weft_sample_params params = {.temperature = 9, .top_p = 0.9f, .seed = 4, .draw = 7};
    return weft_sample(encoder, at[X], &params, at[CHOSEN], err);
}

/* Some tokens at once. */
static weft_status record_rope(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    return weft_rope(encoder, at[HEADS], at[POSITIONS], &(weft_rope_params){.theta = 2}, at[HEADS], err);
}

/* A token is more than has room. */
static weft_status record_rope_of_many_heads(weft_encoder *encoder, weft_buffer *const *at, weft_error *err)
{
    const weft_rope_params params = {.theta = 2, .rotary_dims = 6, .pairing = WEFT_ROPE_INTERLEAVED};
    return weft_rope(encoder, at[MANY_HEADS], at[IDS], &params, at[MANY_HEADS], err);
}

typedef struct job {
    weft_status (*record)(weft_encoder *encoder, weft_buffer *const *at, weft_error *err);
    double factor, floor; /* the bound, relative in units of 2^-24, and absolute */
} job;

static const job jobs[] = {
    {record_norm, COLUMNS / 8.0 + 8, 0},
    {record_plain_norm_in_place, COLUMNS / 8.0 + 8, 0},
    {record_softmax, COLUMNS / 8.0 + 16, 1e-37},
    {record_softmax_in_place, COLUMNS / 8.0 + 16, 1e-37},
    {record_embedding, 1, 0},
    {record_argmax, 0, 0},
    {record_top_k, 0, 0},
    {record_sample, 0, 0},
    {record_rope, 0, 4e-6},
    {record_rope_of_many_heads, 0, 4e-6},
};

static void compare(const bench *expected, const bench *found, uint32_t buffer, const job *it)
{
    static contents a, b;
    weft_error error;
    size_t bytes = weft_buffer_bytes(found->at[buffer]);
    WEFT_TEST_ASSERT_OK(weft_buffer_read(expected->at[buffer], 0, &a, bytes, &error), error);
    WEFT_TEST_ASSERT_OK(weft_buffer_read(found->at[buffer], 0, &b, bytes, &error), error);
    if (arguments[buffer].dtype != WEFT_F32) {
        ck_assert_msg(memcmp(&a, &b, bytes) == 0, "job %zu: buffer %u differs", (size_t)(it - jobs), buffer);
        return;
    }
    for (size_t i = 0; i < bytes / sizeof(float); i++) {
        double want = (double)a.real[i], have = (double)b.real[i];
        bool is_alike = isnan(want) ? isnan(have) : want >= have && want <= have;
        bool is_close = fabs(want - have) <= it->factor * 0x1p-24 * fabs(want) + it->floor;
        ck_assert_msg(is_alike || is_close, "job %zu: element %zu of buffer %u is %.9g and should be %.9g",
                      (size_t)(it - jobs), i, buffer, have, want);
    }
}

static void run_job(const job *it, float special)
{
    bench expected, found;
    weft_error expected_error = {0}, found_error = {0};
    open_bench(&expected, "ref", special);
    open_bench(&found, CRAMPED, special);
    WEFT_TEST_ASSERT_OK(it->record(expected.encoder, expected.at, &expected_error), expected_error);
    WEFT_TEST_ASSERT_OK(it->record(found.encoder, found.at, &found_error), found_error);
    weft_status status = weft_encoder_commit_and_wait(expected.encoder, NULL, &expected_error);
    ck_assert_int_eq(weft_encoder_commit_and_wait(found.encoder, NULL, &found_error), status);
    if (status != WEFT_OK)
        ck_assert_str_eq(found_error.message, expected_error.message);
    for (uint32_t buffer = 0; buffer < BUFFERS && status == WEFT_OK; buffer++)
        compare(&expected, &found, buffer, it);
    close_bench(&expected);
    close_bench(&found);
}

START_TEST(long_rows_agree_with_ref)
{
    static const float specials[] = {0, NAN, INFINITY};
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        for (size_t special = 0; special < sizeof specials / sizeof specials[0]; special++)
            run_job(&jobs[i], specials[special]);
}
END_TEST

/* On the machine tiny a row of this length has room, but not together with its weight. */
START_TEST(a_weight_needs_room_too)
{
    weft_error error = {0};
    weft_device *device;
    weft_encoder *encoder;
    weft_buffer *x, *weight;
    weft_shape shape = weft_shape_1d(41000);
    WEFT_TEST_ASSERT_OK(weft_device_open("sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml", &device, &error), error);
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, WEFT_F32, &shape, &x, &error), error);
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, WEFT_BF16, &shape, &weight, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_create(device, NULL, &encoder, &error), error);
    WEFT_TEST_ASSERT_OK(weft_rms_norm(encoder, x, weight, &(weft_rms_norm_params){1, 1}, x, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, NULL, &error), error);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(x);
    weft_buffer_destroy(weight);
    weft_device_close(device);
}
END_TEST

/* Rows of this length must be in scratch memory as a whole. */
static void expect_refusal(bool is_rope, uint64_t columns, const char *fragment)
{
    weft_error error = {0};
    weft_device *device;
    weft_encoder *encoder;
    weft_buffer *x, *positions;
    weft_shape shape = weft_shape_3d(1, 1, columns), one = weft_shape_1d(1);
    WEFT_TEST_ASSERT_OK(weft_device_open(CRAMPED, &device, &error), error);
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, WEFT_F32, &shape, &x, &error), error);
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, WEFT_I32, &one, &positions, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_create(device, NULL, &encoder, &error), error);
    weft_status status = is_rope ? weft_rope(encoder, x, positions, &(weft_rope_params){.theta = 2}, x, &error)
                                 : weft_softmax(encoder, x, x, &error);
    WEFT_TEST_ASSERT_OK(status, error);
    ck_assert_int_eq(weft_encoder_commit_and_wait(encoder, NULL, &error), WEFT_OUT_OF_MEMORY);
    ck_assert_msg(strstr(error.message, fragment) != NULL, "%s", error.message);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(x);
    weft_buffer_destroy(positions);
    weft_device_close(device);
}

START_TEST(what_must_have_room_is_refused_by_name)
{
    expect_refusal(true, 600, "Scratch memory of 7168 bytes has no room for a head of 600 elements.");
    expect_refusal(false, 400, "Scratch memory of 7168 bytes has no room for a row of 400 elements.");
}
END_TEST

WEFT_TEST_MAIN("sim_long_rows", long_rows_agree_with_ref, a_weight_needs_room_too,
               what_must_have_room_is_refused_by_name)
