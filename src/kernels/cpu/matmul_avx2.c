/* Matrix kernels for AVX2, FMA and F16C. This file alone is compiled with those flags. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/cpu/matmul_kernels.h"
#include "kernels/cpu/vec_avx2.h"

#define MATMUL_TABLE weft__matmul_avx2
#define MATMUL_ISA WEFT__ISA_AVX2
/* 12 sums, two vectors of weights and one broadcast: 15 of 16 registers. */
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define GEMV_ROWS 2
#define GEMV_COLUMNS(m) ((m) == 1 ? 8u : 4u)
#define GEMV_CHAINS 1
/* Measured on Zen 4: with more rows of x, packing the weights pays. */
#define GEMV_ROWS_MAX                                                                                                  \
    {                                                                                                                  \
        [WEFT_F32] = 16, [WEFT_F16] = 64, [WEFT_BF16] = 48                                                             \
    }
#define load_f16 vf_load_f16
#define load_f16_part vf_load_f16_part
#define load_bf16 vf_load_bf16
#define load_bf16_part vf_load_bf16_part

/* Unpacking puts each pattern into the upper half of a float, in one instruction for a whole vector; it works inside
 * 128-bit halves, so a pair holds 0-3 8-11 and 4-7 12-15. */
static inline void load_bf16_pair(const void *from, vf pair[2])
{
    __m256i bits = _mm256_loadu_si256((const __m256i *)from);
    /* A compiler would read memory once for each of the two uses; loads are what these loops are short of. */
    __asm__("" : "+x"(bits));
    pair[0] = _mm256_castsi256_ps(_mm256_unpacklo_epi16(_mm256_setzero_si256(), bits));
    pair[1] = _mm256_castsi256_ps(_mm256_unpackhi_epi16(_mm256_setzero_si256(), bits));
}

static inline void load_bf16_pair_part(const void *from, size_t count, vf pair[2])
{
    uint16_t elements[2 * VF_WIDTH] = {0};
    memcpy(elements, from, count * sizeof elements[0]);
    load_bf16_pair(elements, pair);
}

static inline void order_as_bf16_pair(vf pair[2])
{
    vf ordered = _mm256_permute2f128_ps(pair[0], pair[1], 0x20);
    pair[1] = _mm256_permute2f128_ps(pair[0], pair[1], 0x31);
    pair[0] = ordered;
}

/* Fours of floats inside 128-bit halves, four rows at a time to keep within the registers; then the halves. */
static inline __attribute__((always_inline)) void transpose(vf rows[VF_WIDTH])
{
#pragma GCC unroll 2
    for (size_t i = 0; i < VF_WIDTH; i += 4) {
        vf low_01 = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
        vf high_01 = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
        vf low_23 = _mm256_unpacklo_ps(rows[i + 2], rows[i + 3]);
        vf high_23 = _mm256_unpackhi_ps(rows[i + 2], rows[i + 3]);
        rows[i] = _mm256_shuffle_ps(low_01, low_23, 0x44);
        rows[i + 1] = _mm256_shuffle_ps(low_01, low_23, 0xee);
        rows[i + 2] = _mm256_shuffle_ps(high_01, high_23, 0x44);
        rows[i + 3] = _mm256_shuffle_ps(high_01, high_23, 0xee);
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
        vf low = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x20);
        rows[i + 4] = _mm256_permute2f128_ps(rows[i], rows[i + 4], 0x31);
        rows[i] = low;
    }
}

#include "kernels/cpu/matmul_body.inc"
