/* The vector vocabulary of the kernel templates (*.inc) in AVX-512 F, BW, DQ and VL. vec_scalar.h says what the words
 * mean. */
#ifndef WEFT_KERNELS_CPU_VEC_AVX512_H
#define WEFT_KERNELS_CPU_VEC_AVX512_H

#include <immintrin.h>
#include <sleef.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    VF_WIDTH = 16,
    VD_WIDTH = 8,
    VF_TILE_VECTORS = 4
};

typedef __m512 vf;
typedef __mmask16 vm;
typedef __m512d vd;

static inline __mmask16 vf_lanes_below(size_t count)
{
    return (__mmask16)((1u << count) - 1u);
}

static inline vf vf_set(float value)
{
    return _mm512_set1_ps(value);
}

static inline vf vf_load_f32(const float *from)
{
    return _mm512_loadu_ps(from);
}

static inline vf vf_load_f32_part(const float *from, size_t count)
{
    return _mm512_maskz_loadu_ps(vf_lanes_below(count), from);
}

static inline void vf_store_f32(float *to, vf value)
{
    _mm512_storeu_ps(to, value);
}

static inline void vf_store_f32_part(float *to, vf value, size_t count)
{
    _mm512_mask_storeu_ps(to, vf_lanes_below(count), value);
}

static inline vf vf_from_bf16(__m256i bits)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

static inline __m256i vf_to_bf16(vf value)
{
    __m512i bits = _mm512_castps_si512(value);
    __m512i upper = _mm512_srli_epi32(bits, 16);
    __m512i is_odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(is_odd, _mm512_set1_epi32(0x7fff)));
    __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    __m512i result = _mm512_srli_epi32(rounded, 16);
    return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(result, is_nan, upper, _mm512_set1_epi32(0x40)));
}

/* Masked, because without optimisation the plain form is a macro of gcc's that its own warnings do not like. */
static inline __m256i vf_to_f16(vf value)
{
    return _mm512_maskz_cvtps_ph((__mmask16)0xffff, value, _MM_FROUND_TO_NEAREST_INT);
}

static inline vf vf_load_f16(const uint16_t *from)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)from));
}

static inline vf vf_load_f16_part(const uint16_t *from, size_t count)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(vf_lanes_below(count), from));
}

static inline void vf_store_f16(uint16_t *to, vf value)
{
    _mm256_storeu_si256((__m256i *)(void *)to, vf_to_f16(value));
}

static inline void vf_store_f16_part(uint16_t *to, vf value, size_t count)
{
    _mm256_mask_storeu_epi16(to, vf_lanes_below(count), vf_to_f16(value));
}

static inline vf vf_load_bf16(const uint16_t *from)
{
    return vf_from_bf16(_mm256_loadu_si256((const __m256i *)(const void *)from));
}

static inline vf vf_load_bf16_part(const uint16_t *from, size_t count)
{
    return vf_from_bf16(_mm256_maskz_loadu_epi16(vf_lanes_below(count), from));
}

static inline void vf_store_bf16(uint16_t *to, vf value)
{
    _mm256_storeu_si256((__m256i *)(void *)to, vf_to_bf16(value));
}

static inline void vf_store_bf16_part(uint16_t *to, vf value, size_t count)
{
    _mm256_mask_storeu_epi16(to, vf_lanes_below(count), vf_to_bf16(value));
}

static inline vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}

static inline vf vf_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}

static inline vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}

static inline vf vf_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

static inline vf vf_abs(vf a)
{
    return _mm512_abs_ps(a);
}

static inline vf vf_swap_pairs(vf a)
{
    return _mm512_permute_ps(a, 0xb1);
}

static inline vm vf_less(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

static inline vm vf_is_nan(vf a)
{
    return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
}

static inline vm vm_or(vm a, vm b)
{
    return (vm)(a | b);
}

static inline bool vm_any(vm a)
{
    return a != 0;
}

static inline vf vf_select(vm mask, vf a, vf b)
{
    return _mm512_mask_blend_ps(mask, b, a);
}

static inline vf vf_exp(vf a)
{
    return Sleef_expf16_u10avx512f(a);
}

static inline vf vf_tanh(vf a)
{
    return Sleef_tanhf16_u10avx512f(a);
}

static inline __m256 vf_fold(vf a)
{
    return _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
}

static inline void vf_sum_four(const vf a[4], float out[4])
{
    __m256 first = _mm256_hadd_ps(vf_fold(a[0]), vf_fold(a[1]));
    __m256 pairs = _mm256_hadd_ps(first, _mm256_hadd_ps(vf_fold(a[2]), vf_fold(a[3])));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1)));
}

static inline float vf_sum(vf a)
{
    return _mm512_reduce_add_ps(a);
}

static inline float vf_largest(vf a)
{
    return _mm512_reduce_max_ps(a);
}

static inline vd vd_set(double value)
{
    return _mm512_set1_pd(value);
}

static inline vd vd_load(const double *from)
{
    return _mm512_loadu_pd(from);
}

static inline void vd_store(double *to, vd value)
{
    _mm512_storeu_pd(to, value);
}

static inline void vd_store_f32(float *to, vd value)
{
    _mm256_storeu_ps(to, _mm512_cvtpd_ps(value));
}

static inline vd vd_lower(vf a)
{
    return _mm512_cvtps_pd(_mm512_castps512_ps256(a));
}

static inline vd vd_upper(vf a)
{
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
}

static inline vd vd_add(vd a, vd b)
{
    return _mm512_add_pd(a, b);
}

static inline vd vd_mul(vd a, vd b)
{
    return _mm512_mul_pd(a, b);
}

static inline vd vd_fma(vd a, vd b, vd c)
{
    return _mm512_fmadd_pd(a, b, c);
}

static inline double vd_sum(vd a)
{
    return _mm512_reduce_add_pd(a);
}

static inline vd vd_pow(vd base, vd exponent)
{
    return Sleef_powd8_u10avx512f(base, exponent);
}

static inline void vd_sincos(vd angle, vd *out_sin, vd *out_cos)
{
    Sleef___m512d_2 both = Sleef_sincosd8_u10avx512f(angle);
    *out_sin = both.x;
    *out_cos = both.y;
}

#endif
