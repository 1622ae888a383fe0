/* The oracle itself: numbers worked out by hand, and the product against another order of summation. The suites of the
 * other kernels hold ref to long double formulas too. */
#include "support/kernel_arrays.h"

#include "kernels/ref/ref.h"

START_TEST(elementwise_by_hand)
{
    const float a[] = {1, -2, 0.5f}, b[] = {3, 4, -8};
    float out[3];
    weft__ref_add(WEFT_F32, a, b, out, 3);
    ck_assert(out[0] == 4 && out[1] == 2 && out[2] == -7.5f);
    weft__ref_mul(WEFT_F32, a, b, out, 3);
    ck_assert(out[0] == 3 && out[1] == -8 && out[2] == -4);
    weft__ref_scale(WEFT_F32, a, -0.25f, out, 3);
    ck_assert(out[0] == -0.25f && out[1] == 0.5f && out[2] == -0.125f);
    /* silu(1) = 1 / (1 + 1/e), silu(-2) = -2 / (1 + e^2); gelu(1) = 0.841191990608..., from the tanh form */
    weft__ref_silu_mul(WEFT_F32, a, b, out, 2);
    WEFT_TEST_ASSERT_CLOSE((double)out[0], 3 * 0.73105857863000487925, 0, 1e-7);
    WEFT_TEST_ASSERT_CLOSE((double)out[1], 4 * -0.23840584404423516, 0, 1e-7);
    weft__ref_gelu_mul(WEFT_F32, a, b, out, 2);
    WEFT_TEST_ASSERT_CLOSE((double)out[0], 3 * 0.84119199060827670, 0, 1e-7);
    WEFT_TEST_ASSERT_CLOSE((double)out[1], 4 * -0.04540230591222494, 0, 1e-6);
}
END_TEST

START_TEST(half_floats_round_to_even)
{
    /* in bf16, 1 + 2^-8 lies half way between 1 and 1 + 2^-7, and 1 + 3 * 2^-8 half way up to 1 + 2^-6 */
    uint16_t a[2], b[2], out[2];
    for (size_t i = 0; i < 2; i++) {
        weft__float_store(WEFT_BF16, a, i, i ? 1 + 0x1p-7f : 1.0f);
        weft__float_store(WEFT_BF16, b, i, 0x1p-8f);
    }
    weft__ref_add(WEFT_BF16, a, b, out, 2);
    ck_assert(weft__float_load(WEFT_BF16, out, 0) == 1);
    ck_assert(weft__float_load(WEFT_BF16, out, 1) == 1 + 0x1p-6f);
}
END_TEST

START_TEST(copy_by_hand)
{
    /* the transpose of a 2 x 3 matrix, into every other element */
    const int16_t from[] = {1, 2, 3, 4, 5, 6};
    int16_t to[12] = {0};
    const int16_t want[12] = {1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0};
    weft__copy_args args = {2, {3, 2}, {1, 3}, {4, 2}, WEFT_I16, from, WEFT_I16, to};
    weft__ref_copy(&args);
    ck_assert_mem_eq(to, want, sizeof to);
}
END_TEST

START_TEST(norm_by_hand)
{
    /* the mean square of (1, 7) is 25 */
    const float x[] = {1, 7}, weight[] = {1, -0.5f};
    float out[2];
    weft__rms_norm_args args = {1, 2, x, WEFT_F32, weight, 1, 1e-12f, out};
    weft__ref_rms_norm(&args);
    WEFT_TEST_ASSERT_CLOSE((double)out[0], 0.4, 0, 1e-7);
    WEFT_TEST_ASSERT_CLOSE((double)out[1], 0.7, 0, 1e-7);
}
END_TEST

START_TEST(rope_by_hand)
{
    /* theta 4 over two pairs: frequencies 1 and 1/2; at position 2 the angles are 2 and 1 */
    const float x[] = {1, 0, 0, 1};
    const int32_t position = 2;
    float out[4];
    weft__rope_args args = {1, 1, 4, 4, 4, 2, false, 4, 1, x, &position, out};
    ck_assert_int_eq(weft__ref_rope(&args).kind, WEFT__FAULT_NONE);
    WEFT_TEST_ASSERT_CLOSE((double)out[0], -0.41614683654714241, 0, 1e-7);
    WEFT_TEST_ASSERT_CLOSE((double)out[2], 0.90929742682568171, 0, 1e-7);
    WEFT_TEST_ASSERT_CLOSE((double)out[1], -0.84147098480789651, 0, 1e-7);
    WEFT_TEST_ASSERT_CLOSE((double)out[3], 0.54030230586813977, 0, 1e-7);
    args.interleaved = true;
    ck_assert_int_eq(weft__ref_rope(&args).kind, WEFT__FAULT_NONE);
    WEFT_TEST_ASSERT_CLOSE((double)out[0], -0.41614683654714241, 0, 1e-7);
    WEFT_TEST_ASSERT_CLOSE((double)out[1], 0.90929742682568171, 0, 1e-7);
    WEFT_TEST_ASSERT_CLOSE((double)out[2], -0.84147098480789651, 0, 1e-7);
    WEFT_TEST_ASSERT_CLOSE((double)out[3], 0.54030230586813977, 0, 1e-7);
}
END_TEST

START_TEST(matmul_by_hand)
{
    const float x[] = {1, 2, 3, -1, 0, 1}, weight[] = {1, 1, 1, 2, 0, -1};
    const float want[] = {6, -1, 0, -3};
    float out[4];
    weft__ref_matmul(2, 2, 3, x, WEFT_F32, weight, out);
    ck_assert_mem_eq(out, want, sizeof want);
    /* what f32 would lose: 2^30 + 1 - 2^30 */
    const float wide[] = {0x1p30f, 1, -0x1p30f}, ones[] = {1, 1, 1};
    weft__ref_matmul(1, 1, 3, wide, WEFT_F32, ones, out);
    ck_assert(out[0] == 1);
}
END_TEST

START_TEST(matmul_against_outer_products)
{
    enum {
        M = 5,
        N = 7,
        K = 129
    };
    weft__rng rng;
    weft__rng_init(&rng, 601);
    for (size_t d = 0; d < 3; d++) {
        weft_dtype dtype = kernel_float_dtypes[d];
        kernel_array x = kernel_random(WEFT_F32, M * K, &rng, 1);
        kernel_array weight = kernel_random(dtype, N * K, &rng, 1);
        kernel_array out = kernel_output(M * N, sizeof(float));
        long double want[M * N] = {0};
        for (size_t k = K; k-- > 0;)
            for (size_t i = 0; i < M * N; i++)
                want[i] += (long double)kernel_value(WEFT_F32, &x, i / N * K + k) *
                           kernel_value(dtype, &weight, i % N * K + k);
        weft__ref_matmul(M, N, K, x.data, dtype, weight.data, out.data);
        for (size_t i = 0; i < M * N; i++)
            WEFT_TEST_ASSERT_CLOSE(kernel_value(WEFT_F32, &out, i), (double)want[i], 1e-13, 0x1.1p-24);
        kernel_array_destroy(&x);
        kernel_array_destroy(&weight);
        kernel_array_destroy(&out);
    }
}
END_TEST

START_TEST(matmul_of_nothing)
{
    float out[2] = {7, 7};
    weft__ref_matmul(1, 2, 0, NULL, WEFT_F32, NULL, out);
    ck_assert(out[0] == 0 && out[1] == 0);
    out[0] = 7;
    weft__ref_matmul(0, 2, 3, NULL, WEFT_F32, NULL, out);
    ck_assert(out[0] == 7);
}
END_TEST

START_TEST(attention_by_hand)
{
    /* two tokens after one cached; scores of the last query 0, ln 2 and ln 3: weights 1/6, 2/6, 3/6 */
    const float log_2 = 0.6931471805599453f, log_3 = 1.0986122886681098f;
    const float q[] = {0, 1}, k[] = {0, log_2, log_3}, v[] = {6, 12, -6};
    float out[2];
    double scratch[3];
    weft__attention_args args = {.tokens = 2,
                                 .heads = 1,
                                 .kv_heads = 1,
                                 .head_dim = 1,
                                 .kv_length = 3,
                                 .scale = 1,
                                 .q = q,
                                 .k = k,
                                 .v = v,
                                 .out = out};
    weft__ref_attention(&args, scratch);
    WEFT_TEST_ASSERT_CLOSE((double)out[0], 9, 0, 1e-6); /* the mean of the two that it sees */
    WEFT_TEST_ASSERT_CLOSE((double)out[1], 2, 0, 1e-6);
    args.window = 1;
    weft__ref_attention(&args, scratch);
    ck_assert(out[0] == 12 && out[1] == -6);
    args.bidirectional = true;
    weft__ref_attention(&args, scratch);
    ck_assert(out[0] == 12 && out[1] == -6);
    args.window = 2;
    weft__ref_attention(&args, scratch);
    WEFT_TEST_ASSERT_CLOSE((double)out[0], 4, 0, 1e-6); /* all three alike */
    WEFT_TEST_ASSERT_CLOSE((double)out[1], (12 * 2 - 6 * 3) / 5.0, 0, 1e-6);
    args.window = 0;
    args.soft_cap = 1e-3f; /* all scores nearly nothing */
    weft__ref_attention(&args, scratch);
    WEFT_TEST_ASSERT_CLOSE((double)out[1], 4, 1e-2, 0);
}
END_TEST

START_TEST(attention_shares_key_heads)
{
    /* four query heads on two key heads; one key, so each result is the value of its key head */
    const float q[4] = {1, 2, 3, 4}, k[2] = {1, 1}, v[2] = {10, 20};
    float out[4];
    double scratch[1];
    weft__attention_args args = {.tokens = 1,
                                 .heads = 4,
                                 .kv_heads = 2,
                                 .head_dim = 1,
                                 .kv_length = 1,
                                 .scale = 1,
                                 .q = q,
                                 .k = k,
                                 .v = v,
                                 .out = out};
    weft__ref_attention(&args, scratch);
    ck_assert(out[0] == 10 && out[1] == 10 && out[2] == 20 && out[3] == 20);
}
END_TEST

START_TEST(softmax_and_choices_by_hand)
{
    const float x[] = {0, 0.6931471805599453f, 1.0986122886681098f, 0.6931471805599453f};
    float out[4], values[3];
    int32_t indices[3], best;
    weft__ref_softmax(x, out, 1, 4);
    for (size_t i = 0; i < 4; i++)
        WEFT_TEST_ASSERT_CLOSE((double)out[i], (i == 0 ? 1 : i == 2 ? 3 : 2) / 8.0, 0, 2e-7);
    weft__ref_argmax(x, &best, 1, 4);
    ck_assert_int_eq(best, 2);
    weft__ref_top_k(x, values, indices, 1, 4, 3);
    ck_assert(indices[0] == 2 && indices[1] == 1 && indices[2] == 3);
    ck_assert(values[0] == x[2] && values[1] == x[1] && values[2] == x[3]);
}
END_TEST

WEFT_TEST_MAIN("kernels_ref", elementwise_by_hand, half_floats_round_to_even, copy_by_hand, norm_by_hand, rope_by_hand,
               matmul_by_hand, matmul_against_outer_products, matmul_of_nothing, attention_by_hand,
               attention_shares_key_heads, softmax_and_choices_by_hand)
