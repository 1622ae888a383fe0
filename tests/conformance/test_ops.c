/* The definitions of the ops: names, costs, exact ranges, and calls that must be allowed though they look odd. */
#include "support/weft_check.h"

#include <stdio.h>

#include <weft/weft.h>

#include "base/rng.h"
#include "ops/ops_impl.h"
#include "runtime/device_impl.h"

static weft_device *open_device(const char *uri)
{
    weft_error error;
    weft_device *device;
    WEFT_TEST_ASSERT_OK(weft_device_open(uri, &device, &error), error);
    return device;
}

static weft_buffer *make(weft_device *device, weft_dtype dtype, weft_shape shape)
{
    weft_error error;
    weft_buffer *buffer;
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, dtype, &shape, &buffer, &error), error);
    return buffer;
}

static weft_buffer *view(weft_buffer *buffer, size_t offset_elements, weft_shape shape)
{
    weft_error error;
    weft_buffer *made;
    WEFT_TEST_ASSERT_OK(weft_buffer_view(buffer, offset_elements, &shape, &made, &error), error);
    return made;
}

START_TEST(ops_are_found_by_name)
{
    weft_error error;
    ck_assert_uint_eq(weft_op_count(), WEFT__OP_COUNT);
    for (size_t i = 0; i < weft_op_count(); i++) {
        const weft_op *op = weft_op_at(i), *found;
        ck_assert_uint_eq(op->index, i);
        WEFT_TEST_ASSERT_OK(weft_op_find(weft_op_name(op), &found, &error), error);
        ck_assert_ptr_eq(found, op);
        ck_assert_uint_ge(weft_op_argument_count(op), 2);
        bool writes = false;
        for (size_t j = 0; j < weft_op_argument_count(op); j++) {
            const char *name;
            weft_role role;
            bool optional;
            weft_op_argument(op, j, &name, &role, &optional);
            ck_assert(name && name[0]);
            writes = writes || (role & WEFT_WRITE);
            ck_assert(optional == (strcmp(name, "weight") == 0 && strstr(weft_op_name(op), "rms_norm") != NULL));
        }
        ck_assert(writes);
    }
    ck_assert_ptr_null(weft_op_at(weft_op_count()));
    ck_assert_uint_eq(weft_op_params_bytes(&weft__op_scale), sizeof(float));
    ck_assert_uint_eq(weft_op_params_bytes(&weft__op_embedding), sizeof(float));
    ck_assert_uint_eq(weft_op_params_bytes(&weft__op_copy), sizeof(weft_copy_params));
    ck_assert_uint_eq(weft_op_params_bytes(&weft__op_add), 0);
}
END_TEST

START_TEST(an_unknown_name_is_answered_with_the_nearest)
{
    weft_error error;
    const weft_op *op = &weft__op_add;
    WEFT_TEST_ASSERT_STATUS(weft_op_find("matmull", &op, &error), WEFT_NOT_FOUND);
    ck_assert_ptr_null(op);
    ck_assert_msg(strstr(error.message, "'matmull'") && strstr(error.message, "'matmul'"), "%s", error.message);
    WEFT_TEST_ASSERT_STATUS(weft_op_find("softmin", &op, NULL), WEFT_NOT_FOUND);
    WEFT_TEST_ASSERT_STATUS(weft_op_find(NULL, &op, &error), WEFT_INVALID_ARGUMENT);
    WEFT_TEST_ASSERT_STATUS(weft_op_find("add", NULL, &error), WEFT_INVALID_ARGUMENT);
}
END_TEST

/* ---- what a device supports ---- */

static weft_status open_nothing(weft_device *device, const weft__device_options *options, weft_error *err)
{
    (void)device, (void)options, (void)err;
    return WEFT_OK;
}

static void close_nothing(weft_device *device)
{
    (void)device;
}

START_TEST(a_device_says_what_it_supports)
{
    static const weft__kernel add = {&weft__op_add};
    static const weft__kernel *const kernels[] = {&add};
    static const weft__device_table table = {
        .scheme = "adder",
        .description = "adds",
        .kernels = kernels,
        .kernel_count = 1,
        .open = open_nothing,
        .close = close_nothing,
    };
    weft_error error;
    weft_device *device;
    WEFT_TEST_ASSERT_OK(weft__device_create(&table, &(weft__device_options){.path = ""}, &device, &error), error);
    WEFT_TEST_ASSERT_OK(weft_device_supports(device, "add", &error), error);
    WEFT_TEST_ASSERT_STATUS(weft_device_supports(device, "mul", &error), WEFT_UNSUPPORTED);
    ck_assert_msg(strstr(error.message, "'adder'") && strstr(error.message, "mul"), "%s", error.message);
    WEFT_TEST_ASSERT_STATUS(weft_device_supports(device, "ad", &error), WEFT_NOT_FOUND);
    ck_assert_msg(strstr(error.message, "'add'"), "%s", error.message);
    ck_assert_uint_eq(weft_device_kernels_ready(device), 0);
    weft_device_close(device);
    WEFT_TEST_ASSERT_STATUS(weft_device_supports(NULL, "add", &error), WEFT_INVALID_ARGUMENT);
}
END_TEST

/* ---- exact ranges ---- */

/* Takes ranges down in a map of bytes, and holds them to rising order with gaps between where that is asked for. */
typedef struct byte_map {
    weft__range_sink sink;
    unsigned char bytes[1 << 14];
    uint64_t last_end;
    bool is_ordered;
} byte_map;

static void take(weft__range_sink *sink, uint64_t begin_bytes, uint64_t end_bytes)
{
    byte_map *map = (byte_map *)(void *)sink;
    ck_assert(begin_bytes < end_bytes && end_bytes <= sizeof map->bytes);
    map->is_ordered = map->is_ordered && (map->last_end == 0 || begin_bytes > map->last_end);
    map->last_end = end_bytes;
    memset(map->bytes + begin_bytes, 1, (size_t)(end_bytes - begin_bytes));
}

static void take_all(const weft_dispatch *dispatch, uint32_t argument, byte_map *map)
{
    memset(map, 0, sizeof *map);
    map->sink.take = take;
    map->is_ordered = true;
    weft__dispatch_ranges(dispatch, argument, &map->sink);
}

static struct weft_buffer fake(weft_dtype dtype, weft_shape shape)
{
    struct weft_buffer buffer;
    memset(&buffer, 0, sizeof buffer);
    buffer.dtype = dtype;
    buffer.shape = shape;
    buffer.bytes = (size_t)weft_shape_elements(&shape) * weft_dtype_bytes(dtype);
    return buffer;
}

static void mark_box(const weft_copy_params *p, uint64_t offset, const uint64_t *stride, size_t bytes,
                     unsigned char *expected)
{
    uint64_t n[4] = {1, 1, 1, 1}, s[4] = {0};
    for (uint32_t axis = 0; axis < p->rank; axis++) {
        n[axis] = p->extent[axis];
        s[axis] = stride[axis];
    }
    for (uint64_t a = 0; a < n[0]; a++)
        for (uint64_t b = 0; b < n[1]; b++)
            for (uint64_t c = 0; c < n[2]; c++)
                for (uint64_t d = 0; d < n[3]; d++)
                    memset(expected + (offset + a * s[0] + b * s[1] + c * s[2] + d * s[3]) * bytes, 1, bytes);
}

/* Random strides, dense, with gaps, transposed, overlapping and repeating: the ranges are the bytes of the box, no
 * more. */
START_TEST(ranges_of_a_copy_are_its_bytes)
{
    weft__rng rng;
    weft__rng_init(&rng, 5);
    static byte_map map;
    static unsigned char expected[sizeof map.bytes];
    for (int round = 0; round < 20000; round++) {
        weft_copy_params p = {.rank = 1 + (uint32_t)weft__rng_below(&rng, 4)};
        p.source_offset = weft__rng_below(&rng, 4);
        for (uint32_t axis = 0; axis < p.rank; axis++) {
            p.extent[axis] = weft__rng_below(&rng, 30) ? 1 + weft__rng_below(&rng, 4) : 0;
            p.source_stride[axis] = weft__rng_below(&rng, 3) ? weft__rng_below(&rng, 7) : weft__rng_below(&rng, 60);
        }
        weft_dtype dtype = (weft_dtype)weft__rng_below(&rng, 10);
        struct weft_buffer source = fake(dtype, weft_shape_1d(sizeof expected / 8));
        weft_dispatch dispatch = {.op = &weft__op_copy, .params = &p, .arguments = {&source, &source}};
        take_all(&dispatch, 0, &map);
        memset(expected, 0, sizeof expected);
        mark_box(&p, p.source_offset, p.source_stride, weft_dtype_bytes(dtype), expected);
        ck_assert_mem_eq(map.bytes, expected, sizeof expected);
    }
}
END_TEST

START_TEST(a_dense_box_is_one_range)
{
    weft_copy_params p = {
        .rank = 3, .extent = {3, 4, 5}, .target_offset = 2, .target_stride = {5, 15, 1}, .source_stride = {1, 3, 12}};
    struct weft_buffer buffer = fake(WEFT_F16, weft_shape_1d(100));
    weft_dispatch dispatch = {.op = &weft__op_copy, .params = &p, .arguments = {&buffer, &buffer}};
    static byte_map map;
    take_all(&dispatch, 1, &map);
    ck_assert(map.is_ordered && map.last_end == 2 * 62 && memchr(map.bytes + 4, 0, 120) == NULL);
    p.target_stride[1] = 16; /* rows of 15 with a gap of one */
    take_all(&dispatch, 1, &map);
    ck_assert(map.is_ordered && map.last_end == 2 * (2 + 3 * 16 + 15));
    ck_assert(map.bytes[2 * 16] && !map.bytes[2 * 17] && map.bytes[2 * 18]);
}
END_TEST

START_TEST(ranges_of_attention_are_the_rows_that_are_seen)
{
    static byte_map map;
    for (uint32_t tokens = 0; tokens < 4; tokens++)
        for (uint32_t kv_length = tokens; kv_length < 7; kv_length++)
            for (uint32_t window = 0; window < 9; window++)
                for (uint32_t bidirectional = 0; bidirectional < 2; bidirectional++) {
                    weft_attention_params p = {1, kv_length, window, 0, bidirectional};
                    struct weft_buffer q = fake(WEFT_F32, weft_shape_3d(tokens, 2, 3));
                    struct weft_buffer k = fake(WEFT_BF16, weft_shape_3d(8, 1, 3));
                    weft_dispatch dispatch = {.op = &weft__op_attention, .params = &p, .arguments = {&q, &k, &k, &q}};
                    take_all(&dispatch, 1, &map);
                    for (uint32_t row = 0; row < 8; row++) {
                        bool is_seen = false;
                        for (uint32_t token = 0; token < tokens; token++) {
                            int32_t distance = (int32_t)(kv_length - tokens + token) - (int32_t)row;
                            bool in_window = window == 0 || (distance < (int32_t)window && -distance < (int32_t)window);
                            is_seen = is_seen || (in_window && (bidirectional || distance >= 0) && row < kv_length);
                        }
                        for (size_t byte = row * 6; byte < row * 6 + 6; byte++)
                            ck_assert_msg(map.bytes[byte] == is_seen, "%u of %u, window %u%s: row %u", tokens,
                                          kv_length, window, bidirectional ? " both ways" : "", row);
                    }
                }
}
END_TEST

/* ---- costs ---- */

static void assert_cost(const weft_op *op, const weft_buffer *const *arguments, const void *params, uint64_t flops,
                        uint64_t bytes_read, uint64_t bytes_written)
{
    weft_error error;
    weft_cost cost;
    WEFT_TEST_ASSERT_OK(weft_op_cost(op, arguments, weft_op_argument_count(op), params, &cost, &error), error);
    ck_assert_msg(cost.flops == flops && cost.bytes_read == bytes_read && cost.bytes_written == bytes_written,
                  "%s costs %llu flops, %llu bytes read, %llu written", weft_op_name(op),
                  (unsigned long long)cost.flops, (unsigned long long)cost.bytes_read,
                  (unsigned long long)cost.bytes_written);
}

START_TEST(costs_are_counted)
{
    weft_device *device = open_device("ref");
    weft_buffer *x = make(device, WEFT_F32, weft_shape_2d(3, 8)), *y = make(device, WEFT_F32, weft_shape_2d(3, 8));
    weft_buffer *z = make(device, WEFT_F32, weft_shape_2d(3, 5)), *w = make(device, WEFT_BF16, weft_shape_2d(5, 8));
    weft_buffer *ids = make(device, WEFT_I32, weft_shape_1d(3)), *norm = make(device, WEFT_F16, weft_shape_1d(8));
    weft_buffer *q = make(device, WEFT_F32, weft_shape_3d(3, 4, 8)),
                *out = make(device, WEFT_F32, weft_shape_3d(3, 4, 8));
    weft_buffer *k = make(device, WEFT_F16, weft_shape_3d(16, 2, 8)),
                *v = make(device, WEFT_F16, weft_shape_3d(16, 2, 8));
    float two = 2, one = 1;
    assert_cost(&weft__op_add, (const weft_buffer *[]){x, x, y}, NULL, 24, 192, 96);
    assert_cost(&weft__op_scale, (const weft_buffer *[]){x, x}, &two, 24, 96, 96);
    assert_cost(&weft__op_silu_mul, (const weft_buffer *[]){x, y, y}, NULL, 96, 192, 96);
    assert_cost(&weft__op_gelu_mul, (const weft_buffer *[]){x, y, y}, NULL, 240, 192, 96);
    weft_copy_params box = {2, {3, 2}, 1, {8, 1}, 0, {2, 1}};
    assert_cost(&weft__op_copy, (const weft_buffer *[]){x, w}, &box, 0, 24, 12);
    assert_cost(&weft__op_embedding, (const weft_buffer *[]){w, ids, y}, &one, 0, 3 * 16 + 12, 96);
    assert_cost(&weft__op_embedding, (const weft_buffer *[]){w, ids, y}, &two, 24, 3 * 16 + 12, 96);
    weft_buffer *two_rows = make(device, WEFT_BF16, weft_shape_2d(2, 8)); /* fewer than ids: all of it, once */
    assert_cost(&weft__op_embedding, (const weft_buffer *[]){two_rows, ids, y}, &one, 0, 32 + 12, 96);
    weft_rms_norm_params rms = {1e-6f, 1};
    assert_cost(&weft__op_rms_norm, (const weft_buffer *[]){x, norm, y}, &rms, 5 * 24 + 9, 96 + 16, 96);
    assert_cost(&weft__op_rms_norm, (const weft_buffer *[]){x, NULL, y}, &rms, 3 * 24 + 9, 96, 96);
    weft_rope_params rope = {.theta = 1e4, .rotary_dims = 4};
    assert_cost(&weft__op_rope, (const weft_buffer *[]){q, ids, out}, &rope, 3 * 2 * (4 * 6 + 3), 384 + 12, 384);
    assert_cost(&weft__op_matmul, (const weft_buffer *[]){x, w, z}, NULL, 2 * 3 * 5 * 8, 96 + 80, 60);
    /* Queries at 3, 4 and 5 with a window of 4 see 4 keys each, from row 0 on. */
    weft_attention_params attention = {1, 6, 4, 0, 0};
    assert_cost(&weft__op_attention, (const weft_buffer *[]){q, k, v, out}, &attention, 4 * 12 * (4 * 8 + 3) + 96,
                384 + 2 * 6 * 32, 384);
    attention = (weft_attention_params){1, 6, 2, 5, 1}; /* 3, 3 and 2 keys, from row 2 on */
    assert_cost(&weft__op_attention, (const weft_buffer *[]){q, k, v, out}, &attention, 4 * 8 * (4 * 8 + 6) + 96,
                384 + 2 * 4 * 32, 384);
    assert_cost(&weft__op_softmax, (const weft_buffer *[]){x, x}, NULL, 96, 96, 96);
    assert_cost(&weft__op_argmax, (const weft_buffer *[]){x, ids}, NULL, 0, 96, 12);
    weft_sample_params sample = {.temperature = 1};
    assert_cost(&weft__op_sample, (const weft_buffer *[]){x, ids}, &sample, 96, 96, 12);
    weft_error error;
    weft_cost cost = {1, 1, 1};
    WEFT_TEST_ASSERT_STATUS(weft_op_cost(&weft__op_add, (const weft_buffer *[]){x, y}, 2, NULL, &cost, &error),
                            WEFT_INVALID_ARGUMENT);
    ck_assert(cost.flops == 0 && cost.bytes_read == 0 && cost.bytes_written == 0);
    weft_buffer *all[] = {x, y, z, w, two_rows, ids, norm, q, out, k, v};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        weft_buffer_destroy(all[i]);
    weft_device_close(device);
}
END_TEST

START_TEST(costs_of_fused_ops_are_counted)
{
    weft_device *device = open_device("ref");
    weft_buffer *x = make(device, WEFT_F32, weft_shape_2d(3, 8)), *y = make(device, WEFT_F32, weft_shape_2d(3, 8));
    weft_buffer *z = make(device, WEFT_F32, weft_shape_2d(3, 5)), *w = make(device, WEFT_BF16, weft_shape_2d(5, 8));
    weft_buffer *ids = make(device, WEFT_I32, weft_shape_1d(3)), *norm = make(device, WEFT_F16, weft_shape_1d(8));
    weft_buffer *q = make(device, WEFT_F32, weft_shape_3d(3, 4, 8));
    const weft_rms_norm_params rms = {1e-6f, 1};
    const weft_rms_norm_rope_params both = {rms, {.theta = 1e4, .rotary_dims = 4}};
    assert_cost(&weft__op_rms_norm_mul, (const weft_buffer *[]){x, norm, y, x}, &rms, 6 * 24 + 9, 192 + 16, 96);
    assert_cost(&weft__op_add_rms_norm, (const weft_buffer *[]){x, x, NULL, x, y}, &rms, 4 * 24 + 9, 192, 192);
    assert_cost(&weft__op_rms_norm_rope, (const weft_buffer *[]){q, norm, ids, q}, &both,
                5 * 96 + 3 * 12 + 3 * 2 * (4 * 6 + 3), 384 + 16 + 12, 384);
    assert_cost(&weft__op_gate_up_silu, (const weft_buffer *[]){x, w, w, z}, NULL, 2 * 2 * 3 * 5 * 8 + 4 * 15, 96 + 160,
                60);
    weft_buffer *all[] = {x, y, z, w, ids, norm, q};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        weft_buffer_destroy(all[i]);
    weft_device_close(device);
}
END_TEST

/* ---- calls that are allowed ---- */

/* [2^62, 0] has no elements, however many rows. */
START_TEST(rows_of_nothing_take_no_time)
{
    static const char *const uris[] = {"ref", "cpu"};
    for (size_t i = 0; i < 2; i++) {
        weft_device *device = open_device(uris[i]);
        weft_error error;
        weft_encoder *encoder;
        WEFT_TEST_ASSERT_OK(weft_encoder_create(device, NULL, &encoder, &error), error);
        weft_buffer *rows = make(device, WEFT_F32, weft_shape_2d((uint64_t)1 << 62, 0));
        weft_buffer *rows_too = make(device, WEFT_F32, weft_shape_2d((uint64_t)1 << 62, 0));
        WEFT_TEST_ASSERT_OK(weft_softmax(encoder, rows, rows_too, &error), error);
        WEFT_TEST_ASSERT_OK(weft_add(encoder, rows, rows, rows_too, &error), error);
        WEFT_TEST_ASSERT_OK(weft_copy(encoder, rows, rows_too, NULL, &error), error);
        WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, "nothing", &error), error);
        weft_encoder_destroy(encoder);
        weft_buffer_destroy(rows);
        weft_buffer_destroy(rows_too);
        weft_device_close(device);
    }
}
END_TEST

START_TEST(odd_calls_are_allowed)
{
    weft_device *device = open_device("ref");
    weft_error error;
    weft_encoder *encoder;
    WEFT_TEST_ASSERT_OK(weft_encoder_create(device, NULL, &encoder, &error), error);
    weft_buffer *memory = make(device, WEFT_F32, weft_shape_1d(64));
    weft_buffer *table = view(memory, 0, weft_shape_2d(4, 8)), *empty = view(memory, 9, weft_shape_2d(0, 8));
    weft_buffer *no_ids = make(device, WEFT_I32, weft_shape_1d(0)), *scalar = view(memory, 40, (weft_shape){.rank = 0});
    weft_buffer *one = make(device, WEFT_F32, weft_shape_1d(1)),
                *index = make(device, WEFT_I32, (weft_shape){.rank = 0});
    weft_buffer *square = make(device, WEFT_F32, weft_shape_2d(1, 1));
    weft_buffer *cube = view(memory, 0, weft_shape_3d(2, 4, 4)), *wide = view(memory, 48, weft_shape_1d(16));
    /* An empty output overlaps nothing, wherever it lies. */
    WEFT_TEST_ASSERT_OK(weft_embedding(encoder, table, no_ids, 1, empty, &error), error);
    /* One buffer in all three places, and a scalar as a row of one. */
    WEFT_TEST_ASSERT_OK(weft_add(encoder, table, table, table, &error), error);
    WEFT_TEST_ASSERT_OK(weft_softmax(encoder, scalar, scalar, &error), error);
    WEFT_TEST_ASSERT_OK(weft_argmax(encoder, scalar, index, &error), error);
    WEFT_TEST_ASSERT_OK(weft_matmul(encoder, scalar, square, one, &error), error);
    /* A weight over two axes. */
    weft_rms_norm_params norm = {1e-6f, 0};
    WEFT_TEST_ASSERT_OK(weft_rms_norm(encoder, cube, wide, &norm, cube, &error), error);
    /* Even columns onto odd ones, and an empty box with offsets far outside. */
    weft_copy_params columns = {1, {16}, 0, {2}, 1, {2}};
    WEFT_TEST_ASSERT_OK(weft_copy(encoder, memory, memory, &columns, &error), error);
    weft_copy_params nothing = {2, {3, 0}, UINT64_MAX, {UINT64_MAX, 1}, UINT64_MAX, {0, 0}};
    WEFT_TEST_ASSERT_OK(weft_copy(encoder, memory, memory, &nothing, &error), error);
    ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 8);
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, "odd", &error), error);
    weft_encoder_destroy(encoder);
    weft_buffer *all[] = {memory, table, empty, no_ids, scalar, one, square, index, cube, wide};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        weft_buffer_destroy(all[i]);
    weft_device_close(device);
}
END_TEST

/* ---- draws ---- */

#define DRAWS 20000

static void draw(weft_device *device, const weft_sample_params *params, int32_t out[DRAWS])
{
    static float logits[DRAWS][4];
    weft_error error;
    weft_encoder *encoder;
    for (size_t row = 0; row < DRAWS; row++)
        for (size_t i = 0; i < 4; i++)
            logits[row][i] = logf((float)(i + 1)); /* probabilities 0.1, 0.2, 0.3, 0.4 */
    weft_buffer *x = make(device, WEFT_F32, weft_shape_2d(DRAWS, 4)), *y = make(device, WEFT_I32, weft_shape_1d(DRAWS));
    WEFT_TEST_ASSERT_OK(weft_buffer_write(x, 0, logits, sizeof logits, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_create(device, NULL, &encoder, &error), error);
    WEFT_TEST_ASSERT_OK(weft_sample(encoder, x, params, y, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, "draw", &error), error);
    WEFT_TEST_ASSERT_OK(weft_buffer_read(y, 0, out, DRAWS * sizeof out[0], &error), error);
    weft_encoder_destroy(encoder);
    weft_buffer_destroy(x);
    weft_buffer_destroy(y);
}

/* Five standard deviations of a count: a right generator fails once in a million seeds, and this seed is fixed. */
static void assert_counts(const int32_t *drawn, const double *probabilities)
{
    double counts[4] = {0};
    for (size_t i = 0; i < DRAWS; i++)
        counts[drawn[i]]++;
    for (size_t i = 0; i < 4; i++) {
        double p = probabilities[i], deviation = sqrt(DRAWS * p * (1 - p));
        ck_assert_msg(fabs(counts[i] - DRAWS * p) <= 5 * deviation, "%zu was drawn %g times of %d, with probability %g",
                      i, counts[i], DRAWS, p);
    }
}

START_TEST(draws_follow_the_probabilities_and_the_seed)
{
    static const char *const uris[] = {"ref", "cpu?threads=2"};
    static int32_t first[DRAWS], again[DRAWS], other[DRAWS], of_ref[DRAWS];
    for (size_t d = 0; d < 2; d++) {
        weft_device *device = open_device(uris[d]);
        weft_sample_params params = {.temperature = 1, .seed = 3, .draw = 9};
        draw(device, &params, first);
        draw(device, &params, again);
        ck_assert_mem_eq(first, again, sizeof first);
        assert_counts(first, (const double[]){0.1, 0.2, 0.3, 0.4});
        if (d == 0)
            memcpy(of_ref, first, sizeof first);
        ck_assert_mem_eq(first, of_ref, sizeof first);
        params.draw = 10;
        draw(device, &params, other);
        ck_assert(memcmp(first, other, sizeof first) != 0);
        params = (weft_sample_params){.temperature = 1, .seed = 4, .draw = 9};
        draw(device, &params, other);
        ck_assert(memcmp(first, other, sizeof first) != 0);
        /* At temperature 0.5 probabilities are squared: 9 and 16 among the two that top_k leaves. */
        params = (weft_sample_params){.temperature = 0.5f, .top_k = 2, .seed = 4};
        draw(device, &params, other);
        assert_counts(other, (const double[]){0, 0, 0.36, 0.64});
        params = (weft_sample_params){.temperature = 1, .min_p = 0.6f, .seed = 4};
        draw(device, &params, other);
        assert_counts(other, (const double[]){0, 0, 3.0 / 7, 4.0 / 7});
        params = (weft_sample_params){.temperature = 1, .top_p = 0.75f, .seed = 4};
        draw(device, &params, other);
        assert_counts(other, (const double[]){0, 2.0 / 9, 3.0 / 9, 4.0 / 9});
        weft_device_close(device);
    }
}
END_TEST

WEFT_TEST_MAIN("ops", ops_are_found_by_name, an_unknown_name_is_answered_with_the_nearest,
               a_device_says_what_it_supports, ranges_of_a_copy_are_its_bytes, a_dense_box_is_one_range,
               ranges_of_attention_are_the_rows_that_are_seen, costs_are_counted, costs_of_fused_ops_are_counted,
               rows_of_nothing_take_no_time, odd_calls_are_allowed, draws_follow_the_probabilities_and_the_seed)
