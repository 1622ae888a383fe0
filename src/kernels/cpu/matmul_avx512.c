/* Matrix kernels for AVX-512 (F, BW, DQ, VL). This file alone is compiled with those flags. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/cpu/matmul_kernels.h"
#include "kernels/cpu/vec_avx512.h"

#define MATMUL_TABLE weft__matmul_avx512
#define MATMUL_ISA WEFT__ISA_AVX512
/* 28 sums, two vectors of weights and one broadcast: 31 of 32 registers. */
#define TILE_ROWS 14
#define TILE_VECTORS 2
#define GEMV_ROWS 4
#define GEMV_COLUMNS(m) ((m) <= 2 ? 8u : 4u)
#define GEMV_CHAINS 1
/* Measured on Zen 4: with more rows of x, packing the weights pays. */
#define GEMV_ROWS_MAX                                                                                                  \
    {                                                                                                                  \
        [WEFT_F32] = 192, [WEFT_F16] = 192, [WEFT_BF16] = 96                                                           \
    }
#define load_f16 vf_load_f16
#define load_f16_part vf_load_f16_part
#define load_bf16 vf_load_bf16
#define load_bf16_part vf_load_bf16_part

/* Unpacking puts each pattern into the upper half of a float, in one instruction for a whole vector; it works inside
 * 128-bit quarters, so a pair holds 0-3 8-11 16-19 24-27 and 4-7 12-15 20-23 28-31. */
static inline void widen_bf16_pair(__m512i bits, vf pair[2])
{
    /* A compiler would read memory once for each of the two uses; loads are what these loops are short of. */
    __asm__("" : "+v"(bits));
    pair[0] = _mm512_castsi512_ps(_mm512_unpacklo_epi16(_mm512_setzero_si512(), bits));
    pair[1] = _mm512_castsi512_ps(_mm512_unpackhi_epi16(_mm512_setzero_si512(), bits));
}

static inline void load_bf16_pair(const void *from, vf pair[2])
{
    widen_bf16_pair(_mm512_loadu_si512(from), pair);
}

static inline void load_bf16_pair_part(const void *from, size_t count, vf pair[2])
{
    widen_bf16_pair(_mm512_maskz_loadu_epi16((__mmask32)((1u << count) - 1u), from), pair);
}

static inline void order_as_bf16_pair(vf pair[2])
{
    const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
    const __m512i second = _mm512_setr_epi32(4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    vf ordered = _mm512_permutex2var_ps(pair[0], first, pair[1]);
    pair[1] = _mm512_permutex2var_ps(pair[0], second, pair[1]);
    pair[0] = ordered;
}

static inline __m512d as_double(vf value)
{
    return _mm512_castps_pd(value);
}

static inline vf as_float(__m512d value)
{
    return _mm512_castpd_ps(value);
}

/* Fours of floats inside 128-bit quarters, four rows at a time to keep within the registers; then the quarters, in two
 * steps. */
static inline __attribute__((always_inline)) void transpose(vf rows[VF_WIDTH])
{
#pragma GCC unroll 4
    for (size_t i = 0; i < VF_WIDTH; i += 4) {
        __m512d low_01 = as_double(_mm512_unpacklo_ps(rows[i], rows[i + 1]));
        __m512d high_01 = as_double(_mm512_unpackhi_ps(rows[i], rows[i + 1]));
        __m512d low_23 = as_double(_mm512_unpacklo_ps(rows[i + 2], rows[i + 3]));
        __m512d high_23 = as_double(_mm512_unpackhi_ps(rows[i + 2], rows[i + 3]));
        rows[i] = as_float(_mm512_unpacklo_pd(low_01, low_23));
        rows[i + 1] = as_float(_mm512_unpackhi_pd(low_01, low_23));
        rows[i + 2] = as_float(_mm512_unpacklo_pd(high_01, high_23));
        rows[i + 3] = as_float(_mm512_unpackhi_pd(high_01, high_23));
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; ++i) {
        vf even_low = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0x88);
        vf odd_low = _mm512_shuffle_f32x4(rows[i], rows[i + 4], 0xdd);
        vf even_high = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0x88);
        vf odd_high = _mm512_shuffle_f32x4(rows[i + 8], rows[i + 12], 0xdd);
        rows[i] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
        rows[i + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
        rows[i + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
        rows[i + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
    }
}

#include "kernels/cpu/matmul_body.inc"
