/* matmul and attention where the machine has hardly room, so that everything is cut into pieces, and where it has many
 * PEs, which share what they bring and what they make. The bounds are those of include/weft/ops.h, and somewhat more
 * for the scores of attention, which are not looked at one by one. */
#include "support/weft_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

#include "base/dtype.h"
#include "base/rng.h"

#define CRAMPED "sim:" WEFT_SOURCE_DIR "/tests/data/cramped.yaml"
#define TWO_SIP "sim:" WEFT_SOURCE_DIR "/machines/two-sip.yaml"
/* Room for what PEs join, but not for all keys of a PE at once. */
#define NARROW CRAMPED "?pe.scratch_kib=32&pe.ipcq.slots=2&pe.ipcq.slot_bytes=256"

#define ARGUMENTS_MAX 4

typedef struct job {
    const char *uri;
    weft_dtype dtype;                 /* of the weight, or of keys and values */
    uint64_t m, k, n;                 /* of a matmul; m 0: it is attention */
    uint64_t tokens, heads, kv_heads; /* of attention */
    uint64_t dims, kv_length;
    uint32_t window, bidirectional;
    float soft_cap;
    bool is_special; /* the first keys have scores of minus infinity, the last value is infinite; of a matmul some of
                        the weight, and one row of x */
} job;

#define HEADS(t, h, kv) .tokens = (t), .heads = (h), .kv_heads = (kv)

static const job jobs[] = {
    {CRAMPED, WEFT_F32, .m = 37, .k = 333, .n = 70},
    {CRAMPED, WEFT_BF16, .m = 37, .k = 333, .n = 70},
    {CRAMPED, WEFT_F16, .m = 1, .k = 1500, .n = 7},
    {CRAMPED, WEFT_F32, .m = 100, .k = 20, .n = 70},
    {CRAMPED, WEFT_F32, .m = 300, .k = 0, .n = 40},
    {TWO_SIP, WEFT_F32, .m = 3, .k = 100, .n = 600},
    {TWO_SIP, WEFT_BF16, .m = 20, .k = 64, .n = 5},
    {TWO_SIP, WEFT_BF16, .m = 1, .k = 300, .n = 999},
    {TWO_SIP, WEFT_BF16, .m = 2, .k = 200, .n = 999, .is_special = true},
    {CRAMPED, WEFT_BF16, .m = 2, .k = 70, .n = 45, .is_special = true},
    {CRAMPED, WEFT_F32, HEADS(20, 4, 2), .dims = 16, .kv_length = 90, .window = 30},
    {CRAMPED, WEFT_F32, HEADS(7, 2, 1), .dims = 16, .kv_length = 90, .is_special = true},
    {CRAMPED, WEFT_BF16, HEADS(20, 4, 2), .dims = 16, .kv_length = 50, .soft_cap = 2},
    {CRAMPED, WEFT_F32, HEADS(1, 2, 1), .dims = 32, .kv_length = 300, .is_special = true},
    {TWO_SIP, WEFT_F32, HEADS(1, 4, 2), .dims = 32, .kv_length = 400, .is_special = true},
    {TWO_SIP, WEFT_F16, HEADS(2, 4, 2), .dims = 32, .kv_length = 400, .window = 300, .bidirectional = 1},
    {TWO_SIP, WEFT_F32, HEADS(150, 4, 2), .dims = 8, .kv_length = 150, .is_special = true},
    {TWO_SIP, WEFT_BF16, HEADS(1, 12, 3), .dims = 20, .kv_length = 600, .window = 70, .soft_cap = 2},
    {TWO_SIP, WEFT_F32, HEADS(4, 18, 9), .dims = 24, .kv_length = 333, .window = 250, .is_special = true},
    {TWO_SIP, WEFT_F32, HEADS(3, 3, 1), .dims = 200, .kv_length = 70, .bidirectional = 1},
    {NARROW, WEFT_F32, HEADS(1, 4, 2), .dims = 32, .kv_length = 300, .is_special = true},
    {NARROW, WEFT_F16, HEADS(2, 3, 1), .dims = 16, .kv_length = 500, .soft_cap = 2},
};

static uint32_t argument_count(const job *it)
{
    return it->m ? 3 : 4;
}

static weft_shape shape_of(const job *it, uint32_t argument)
{
    if (it->m)
        return argument == 0   ? weft_shape_2d(it->m, it->k)
               : argument == 1 ? weft_shape_2d(it->n, it->k)
                               : weft_shape_2d(it->m, it->n);
    bool is_cache = argument == 1 || argument == 2;
    return is_cache ? weft_shape_3d(it->kv_length + 3, it->kv_heads, it->dims)
                    : weft_shape_3d(it->tokens, it->heads, it->dims);
}

static weft_dtype dtype_of(const job *it, uint32_t argument)
{
    return argument == 1 || (argument == 2 && !it->m) ? it->dtype : WEFT_F32;
}

/* Numbers in [-1, 1); behind the last key NaN. */
static float number_at(const job *it, uint32_t argument, size_t index, weft__rng *rng)
{
    float number = (float)(2 * weft__rng_unit(rng) - 1);
    if (it->m && it->is_special && argument == 0)
        return index == it->k + 3 ? INFINITY : index % 2 ? number : 1;
    if (it->m)
        return it->is_special && index % 997 == 5 ? INFINITY : number;
    size_t key = index / (size_t)(it->kv_heads * it->dims);
    bool is_first = index % (size_t)it->dims == 0;
    if ((argument == 1 || argument == 2) && key >= it->kv_length)
        return NAN;
    if (it->is_special && argument == 0 && is_first)
        return 1;
    if (it->is_special && argument == 1 && is_first && key < it->kv_length / 8)
        return -INFINITY;
    return it->is_special && argument == 2 && key + 1 == it->kv_length && it->tokens > 1 ? INFINITY : number;
}

static weft_buffer *new_argument(weft_device *device, const job *it, uint32_t argument)
{
    weft_error error;
    weft_buffer *buffer;
    weft_shape shape = shape_of(it, argument);
    weft_dtype dtype = dtype_of(it, argument);
    WEFT_TEST_ASSERT_OK(weft_buffer_create(device, dtype, &shape, &buffer, &error), error);
    size_t count = (size_t)weft_shape_elements(&shape), bytes = weft_buffer_bytes(buffer);
    void *data = calloc(bytes + 1, 1);
    ck_assert_ptr_nonnull(data);
    weft__rng rng;
    weft__rng_init(&rng, argument + 1);
    for (size_t i = 0; i < count; i++)
        weft__float_store(dtype, data, i, number_at(it, argument, i, &rng));
    WEFT_TEST_ASSERT_OK(weft_buffer_write(buffer, 0, data, bytes, &error), error);
    free(data);
    return buffer;
}

/* What a device makes of it; to be freed. */
static float *run(const char *uri, const job *it, size_t *out_count)
{
    weft_error error;
    weft_device *device;
    weft_encoder *encoder;
    weft_buffer *at[ARGUMENTS_MAX];
    uint32_t out = argument_count(it) - 1;
    WEFT_TEST_ASSERT_OK(weft_device_open(uri, &device, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_create(device, NULL, &encoder, &error), error);
    for (uint32_t i = 0; i <= out; i++)
        at[i] = new_argument(device, it, i);
    const weft_attention_params params = {.scale = 0.25f,
                                          .kv_length = (uint32_t)it->kv_length,
                                          .window = it->window,
                                          .soft_cap = it->soft_cap,
                                          .bidirectional = it->bidirectional};
    if (it->m)
        WEFT_TEST_ASSERT_OK(weft_matmul(encoder, at[0], at[1], at[2], &error), error);
    else
        WEFT_TEST_ASSERT_OK(weft_attention(encoder, at[0], at[1], at[2], &params, at[3], &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_commit_and_wait(encoder, NULL, &error), error);
    size_t bytes = weft_buffer_bytes(at[out]);
    float *found = malloc(bytes);
    ck_assert_ptr_nonnull(found);
    WEFT_TEST_ASSERT_OK(weft_buffer_read(at[out], 0, found, bytes, &error), error);
    *out_count = bytes / sizeof *found;
    weft_encoder_destroy(encoder);
    for (uint32_t i = 0; i <= out; i++)
        weft_buffer_destroy(at[i]);
    weft_device_close(device);
    return found;
}

/* No factor is greater than 1, so the sizes of products add up to no more than their number. */
static double bound_of(const job *it)
{
    double k = (double)it->k, dims = (double)it->dims;
    double factor = it->m ? (k / 8 + 16) * k : (double)it->kv_length / 8 + 64 + (dims / 4 + 32) * dims / 4;
    return factor * 0x1p-24;
}

START_TEST(contractions_agree_with_ref)
{
    const job *it = &jobs[_i];
    size_t count;
    float *expected = run("ref", it, &count), *found = run(it->uri, it, &count);
    for (size_t i = 0; i < count; i++) {
        double want = (double)expected[i], have = (double)found[i];
        bool is_alike = isnan(want) ? isnan(have) : want >= have && want <= have;
        ck_assert_msg(is_alike || fabs(want - have) <= bound_of(it), "job %d: element %zu is %.9g and should be %.9g",
                      _i, i, have, want);
    }
    free(expected);
    free(found);
}
END_TEST

START_TEST(what_has_no_room_is_refused)
{
    static const job long_head = {CRAMPED, WEFT_F32, HEADS(1, 1, 1), .dims = 1000, .kv_length = 1};
    weft_error error;
    weft_device *device;
    weft_encoder *encoder;
    weft_buffer *at[ARGUMENTS_MAX];
    WEFT_TEST_ASSERT_OK(weft_device_open(CRAMPED, &device, &error), error);
    WEFT_TEST_ASSERT_OK(weft_encoder_create(device, NULL, &encoder, &error), error);
    for (uint32_t i = 0; i < ARGUMENTS_MAX; i++)
        at[i] = new_argument(device, &long_head, i);
    const weft_attention_params params = {.scale = 1, .kv_length = 1};
    WEFT_TEST_ASSERT_OK(weft_attention(encoder, at[0], at[1], at[2], &params, at[3], &error), error);
    ck_assert_int_eq(weft_encoder_commit_and_wait(encoder, NULL, &error), WEFT_OUT_OF_MEMORY);
    ck_assert_msg(strstr(error.message, "have no room for one key of 1000 elements and 1 queries.") != NULL, "%s",
                  error.message);
    weft_encoder_destroy(encoder);
    for (uint32_t i = 0; i < ARGUMENTS_MAX; i++)
        weft_buffer_destroy(at[i]);
    weft_device_close(device);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim_contractions");
    TCase *tcase = tcase_create("sim_contractions");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, contractions_agree_with_ref, 0, (int)(sizeof jobs / sizeof jobs[0]));
    tcase_add_test(tcase, what_has_no_room_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
