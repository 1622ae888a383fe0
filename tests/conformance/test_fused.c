/* Each fused op beside the ops that it stands for, on every device, also where a machine has hardly room and everything
 * is cut into pieces, and where it has many PEs. On `cpu` both have the same bits, elsewhere both keep to the bounds of
 * include/weft/ops.h. */
#include "support/weft_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

#include "base/dtype.h"
#include "base/rng.h"

static const char *const uris[] = {
    "ref",
    "cpu",
    "cpu?isa=scalar",
    "cpu?isa=avx2",
    "cpu?isa=avx512",
    "sim:" WEFT_SOURCE_DIR "/machines/tiny.yaml",
    "sim:" WEFT_SOURCE_DIR "/tests/data/cramped.yaml",
    "sim:" WEFT_SOURCE_DIR "/machines/two-sip.yaml",
};

/* The arguments of all ops: x and what it is added to or multiplied by, two weights, positions; then what the separate
 * ops make, and what the fused op makes, of which FIRST is not all there is in add_rms_norm only. */
enum {
    X,
    OTHER,
    WEIGHT,
    UP_WEIGHT,
    POSITIONS,
    FIRST,
    SECOND,
    LAST,
    FUSED_FIRST,
    FUSED_LAST,
    BUFFERS
};

typedef struct job job;

struct job {
    weft_status (*separate)(weft_encoder *encoder, weft_buffer *const *at, const job *it, weft_error *err);
    weft_status (*fused)(weft_encoder *encoder, weft_buffer *const *at, const job *it, weft_error *err);
    /* How far two results of the op may be from the exact one, together, at an element of the output. */
    double (*bound)(const job *it, float *const *data, size_t i);
    weft_dtype dtype;          /* of weights */
    weft_shape x, weight, out; /* out: also of what is between */
    bool has_weight;
    bool is_in_place; /* over OTHER */
    bool is_large;    /* too large to be simulated here */
};

static const weft_rms_norm_params norm = {1e-6f, 1};
static const weft_rope_params rope = {.theta = 500, .rotary_dims = 6};
static const double unit = 0x1p-24;

static weft_status barrier(weft_encoder *encoder, weft_status status, weft_error *err)
{
    return status == WEFT_OK ? weft_encoder_barrier(encoder, err) : status;
}

static weft_buffer *weight_of(const job *it, weft_buffer *const *at)
{
    return it->has_weight ? at[WEIGHT] : NULL;
}

static weft_status separate_norm_mul(weft_encoder *encoder, weft_buffer *const *at, const job *it, weft_error *err)
{
    weft_status status = weft_rms_norm(encoder, at[X], weight_of(it, at), &norm, at[FIRST], err);
    status = barrier(encoder, status, err);
    return status == WEFT_OK ? weft_mul(encoder, at[FIRST], at[OTHER], at[LAST], err) : status;
}

static weft_status fused_norm_mul(weft_encoder *encoder, weft_buffer *const *at, const job *it, weft_error *err)
{
    weft_buffer *out = it->is_in_place ? at[OTHER] : at[FUSED_LAST];
    return weft_rms_norm_mul(encoder, at[X], weight_of(it, at), at[OTHER], &norm, out, err);
}

static double bound_norm_mul(const job *it, float *const *data, size_t i)
{
    return ((double)it->weight.extent[0] / 4 + 18) * unit * fabs((double)data[LAST][i]);
}

static weft_status separate_add_norm(weft_encoder *encoder, weft_buffer *const *at, const job *it, weft_error *err)
{
    weft_status status = barrier(encoder, weft_add(encoder, at[X], at[OTHER], at[FIRST], err), err);
    return status == WEFT_OK ? weft_rms_norm(encoder, at[FIRST], weight_of(it, at), &norm, at[LAST], err) : status;
}

static weft_status fused_add_norm(weft_encoder *encoder, weft_buffer *const *at, const job *it, weft_error *err)
{
    weft_buffer *out = it->is_in_place ? at[OTHER] : at[FUSED_LAST];
    return weft_add_rms_norm(encoder, at[X], at[OTHER], weight_of(it, at), &norm, at[FUSED_FIRST], out, err);
}

static double bound_add_norm(const job *it, float *const *data, size_t i)
{
    return ((double)it->weight.extent[0] / 4 + 16) * unit * fabs((double)data[LAST][i]);
}

static weft_status separate_norm_rope(weft_encoder *encoder, weft_buffer *const *at, const job *it, weft_error *err)
{
    weft_status status = weft_rms_norm(encoder, at[X], weight_of(it, at), &norm, at[FIRST], err);
    status = barrier(encoder, status, err);
    return status == WEFT_OK ? weft_rope(encoder, at[FIRST], at[POSITIONS], &rope, at[LAST], err) : status;
}

static weft_status fused_norm_rope(weft_encoder *encoder, weft_buffer *const *at, const job *it, weft_error *err)
{
    const weft_rms_norm_rope_params params = {norm, rope};
    return weft_rms_norm_rope(encoder, at[X], weight_of(it, at), at[POSITIONS], &params, at[FUSED_LAST], err);
}

/* A pair keeps its length when it turns; the partner of `i` is three on or back. */
static double bound_norm_rope(const job *it, float *const *data, size_t i)
{
    size_t head_dim = (size_t)it->x.extent[2], within = i % head_dim;
    double partner = within < 3 ? (double)data[LAST][i + 3] : within < 6 ? (double)data[LAST][i - 3] : 0;
    return ((double)head_dim / 4 + 24) * unit * hypot((double)data[LAST][i], partner);
}

static weft_status separate_gated(weft_encoder *encoder, weft_buffer *const *at, const job *it, weft_error *err)
{
    (void)it;
    weft_status status = weft_matmul(encoder, at[X], at[WEIGHT], at[FIRST], err);
    if (status == WEFT_OK)
        status = weft_matmul(encoder, at[X], at[UP_WEIGHT], at[SECOND], err);
    status = barrier(encoder, status, err);
    return status == WEFT_OK ? weft_silu_mul(encoder, at[FIRST], at[SECOND], at[LAST], err) : status;
}

static weft_status fused_gated(weft_encoder *encoder, weft_buffer *const *at, const job *it, weft_error *err)
{
    (void)it;
    return weft_gate_up_silu(encoder, at[X], at[WEIGHT], at[UP_WEIGHT], at[FUSED_LAST], err);
}

static double sizes(const job *it, const float *x, const float *weight, size_t i)
{
    size_t n = (size_t)it->weight.extent[0], k = (size_t)it->weight.extent[1];
    double sum = 0;
    for (size_t j = 0; j < k; j++)
        sum += fabs((double)x[i / n * k + j] * (double)weight[i % n * k + j]);
    return sum;
}

static double bound_gated(const job *it, float *const *data, size_t i)
{
    double b = ((double)it->weight.extent[1] / 8 + 16) * unit;
    double gates = sizes(it, data[X], data[WEIGHT], i), ups = sizes(it, data[X], data[UP_WEIGHT], i);
    double gate = (double)data[FIRST][i], up = fabs((double)data[SECOND][i]) + b * ups;
    double silu = fabs(gate / (1 + exp(-gate)));
    return 2.2 * b * (gates * (up + b * ups) + silu * ups) + 16 * unit * fabs((double)data[LAST][i]);
}

#define NORM_MUL separate_norm_mul, fused_norm_mul, bound_norm_mul
#define ADD_NORM separate_add_norm, fused_add_norm, bound_add_norm
#define NORM_ROPE separate_norm_rope, fused_norm_rope, bound_norm_rope
#define GATED separate_gated, fused_gated, bound_gated

/* clang-format off */
#define ROWS(rows, dims) {2, {rows, dims}}, {1, {dims}}, {2, {rows, dims}}
#define HEADS(tokens, heads, dims) {3, {tokens, heads, dims}}, {1, {dims}}, {3, {tokens, heads, dims}}
#define PRODUCT(m, k, n) {2, {m, k}}, {2, {n, k}}, {2, {m, n}}
/* clang-format on */

static const job jobs[] = {
    {NORM_MUL, WEFT_BF16, ROWS(3, 1500), true, false, false},
    {NORM_MUL, WEFT_F32, ROWS(37, 70), false, true, false},
    {NORM_MUL, WEFT_F16, ROWS(200, 33), true, true, false},
    {NORM_MUL, WEFT_F32, ROWS(2, 1300), false, false, false},
    {ADD_NORM, WEFT_BF16, ROWS(3, 1500), true, true, false},
    {ADD_NORM, WEFT_F32, ROWS(37, 70), false, false, false},
    {ADD_NORM, WEFT_F16, ROWS(200, 33), true, true, false},
    {ADD_NORM, WEFT_F32, ROWS(2, 1300), false, true, false},
    {NORM_ROPE, WEFT_F32, HEADS(3, 40, 8), true, false, false},
    {NORM_ROPE, WEFT_BF16, HEADS(120, 1, 8), true, false, false},
    {NORM_ROPE, WEFT_F16, HEADS(5, 4, 64), false, false, false},
    {GATED, WEFT_F32, PRODUCT(20, 133, 40), true, false, false},
    {GATED, WEFT_BF16, PRODUCT(20, 133, 40), true, false, false},
    {GATED, WEFT_F16, PRODUCT(1, 1500, 7), true, false, false},
    {GATED, WEFT_F32, PRODUCT(100, 20, 70), true, false, false},
    {GATED, WEFT_F32, PRODUCT(3, 100, 600), true, false, false},
    {GATED, WEFT_BF16, PRODUCT(200, 64, 5), true, false, false},
    {GATED, WEFT_F32, PRODUCT(200, 300, 40), true, false, true},
};

/* ---- a device with all buffers ---- */

typedef struct bench {
    weft_device *device;
    weft_buffer *at[BUFFERS];
    float *data[BUFFERS]; /* what they hold, as f32 */
} bench;

static weft_shape shape_of(const job *it, uint32_t buffer)
{
    if (buffer == WEIGHT || buffer == UP_WEIGHT)
        return it->weight;
    if (buffer == POSITIONS)
        return weft_shape_1d(it->x.extent[0]);
    return buffer == X ? it->x : it->out;
}

static weft_dtype dtype_of(const job *it, uint32_t buffer)
{
    return buffer == POSITIONS ? WEFT_I32 : buffer == WEIGHT || buffer == UP_WEIGHT ? it->dtype : WEFT_F32;
}

static void *new_memory(size_t bytes)
{
    void *memory = calloc(bytes + 1, 1);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

static void make_buffer(bench *b, const job *it, uint32_t buffer)
{
    weft_error error;
    weft_shape shape = shape_of(it, buffer);
    weft_dtype dtype = dtype_of(it, buffer);
    size_t count = (size_t)weft_shape_elements(&shape);
    WEFT_TEST_ASSERT_OK(weft_buffer_create(b->device, dtype, &shape, &b->at[buffer], &error), error);
    size_t bytes = weft_buffer_bytes(b->at[buffer]);
    unsigned char *data = new_memory(bytes);
    b->data[buffer] = new_memory(count * sizeof(float));
    weft__rng rng;
    weft__rng_init(&rng, buffer + 1);
    for (size_t i = 0; i < count && buffer < FIRST; i++) {
        int32_t position = (int32_t)(i * 7);
        if (dtype == WEFT_I32)
            memcpy(data + i * sizeof position, &position, sizeof position);
        else
            weft__float_store(dtype, data, i, (float)(2 * weft__rng_unit(&rng) - 1));
        b->data[buffer][i] = dtype == WEFT_I32 ? 0 : weft__float_load(dtype, data, i);
    }
    WEFT_TEST_ASSERT_OK(weft_buffer_write(b->at[buffer], 0, data, bytes, &error), error);
    free(data);
}

static void run_job(weft_device *device, const char *uri, size_t number)
{
    const job *it = &jobs[number];
    weft_error error;
    weft_encoder *encoder;
    bench b = {.device = device};
    for (uint32_t i = 0; i < BUFFERS; i++)
        make_buffer(&b, it, i);
    WEFT_TEST_ASSERT_OK(weft_encoder_create(device, NULL, &encoder, &error), error);
    WEFT_TEST_ASSERT_OK(it->separate(encoder, b.at, it, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_barrier(encoder, &error), error);
    WEFT_TEST_ASSERT_OK(it->fused(encoder, b.at, it, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, NULL, &error), error);
    weft_encoder_destroy(encoder);
    for (uint32_t i = FIRST; i < BUFFERS; i++) {
        uint32_t from = i == FUSED_LAST && it->is_in_place ? (uint32_t)OTHER : i;
        WEFT_TEST_ASSERT_OK(weft_buffer_read(b.at[from], 0, b.data[i], weft_buffer_bytes(b.at[i]), &error), error);
    }
    size_t count = (size_t)weft_shape_elements(&it->out);
    bool is_exact = strncmp(uri, "cpu", 3) == 0;
    for (size_t i = 0; i < count; i++) {
        double want = (double)b.data[LAST][i], have = (double)b.data[FUSED_LAST][i];
        double bound = is_exact ? 0 : it->bound(it, b.data, i);
        ck_assert_msg(fabs(want - have) <= bound,
                      "job %zu on %s: element %zu is %.9g, of separate ops %.9g, apart %.3g", number, uri, i, have,
                      want, bound);
    }
    if (it->fused == fused_add_norm)
        ck_assert_mem_eq(b.data[FIRST], b.data[FUSED_FIRST], count * sizeof(float));
    for (uint32_t i = 0; i < BUFFERS; i++) {
        weft_buffer_destroy(b.at[i]);
        free(b.data[i]);
    }
}

START_TEST(fused_ops_agree_with_separate_ones)
{
    weft_error error;
    weft_device *device;
    weft_status status = weft_device_open(uris[_i], &device, &error);
    if (status == WEFT_UNSUPPORTED)
        return; /* this machine lacks the instruction set */
    WEFT_TEST_ASSERT_OK(status, error);
    bool is_simulated = strncmp(uris[_i], "sim", 3) == 0;
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        if (!is_simulated || !jobs[i].is_large)
            run_job(device, uris[_i], i);
    weft_device_close(device);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fused");
    TCase *tcase = tcase_create("fused");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, fused_ops_agree_with_separate_ones, 0, (int)(sizeof uris / sizeof uris[0]));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
