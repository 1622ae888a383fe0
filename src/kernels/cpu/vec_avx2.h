/* The vector vocabulary of the kernel templates (*.inc) in AVX2, FMA and F16C. See vec_scalar.h for its words. */
#ifndef WEFT_KERNELS_CPU_VEC_AVX2_H
#define WEFT_KERNELS_CPU_VEC_AVX2_H

#include <immintrin.h>
#include <sleef.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    VF_WIDTH = 8,
    VD_WIDTH = 4,
    VF_TILE_VECTORS = 2
};

typedef __m256 vf;
typedef __m256 vm;
typedef __m256d vd;

static inline __m256i vf_lanes_below(size_t count)
{
    static const int32_t table[2 * VF_WIDTH] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(table + VF_WIDTH - count));
}

static inline vf vf_set(float value)
{
    return _mm256_set1_ps(value);
}

static inline vf vf_load_f32(const float *from)
{
    return _mm256_loadu_ps(from);
}

static inline vf vf_load_f32_part(const float *from, size_t count)
{
    return _mm256_maskload_ps(from, vf_lanes_below(count));
}

static inline void vf_store_f32(float *to, vf value)
{
    _mm256_storeu_ps(to, value);
}

static inline void vf_store_f32_part(float *to, vf value, size_t count)
{
    _mm256_maskstore_ps(to, vf_lanes_below(count), value);
}

static inline vf vf_load_f16(const uint16_t *from)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)from));
}

static inline void vf_store_f16(uint16_t *to, vf value)
{
    _mm_storeu_si128((__m128i *)(void *)to, _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
}

static inline vf vf_load_bf16(const uint16_t *from)
{
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

static inline void vf_store_bf16(uint16_t *to, vf value)
{
    __m256i bits = _mm256_castps_si256(value);
    __m256i upper = _mm256_srli_epi32(bits, 16);
    __m256i is_odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(is_odd, _mm256_set1_epi32(0x7fff)));
    __m256i quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
    __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    __m256i result = _mm256_blendv_epi8(_mm256_srli_epi32(rounded, 16), quiet, is_nan);
    __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(result), _mm256_extracti128_si256(result, 1));
    _mm_storeu_si128((__m128i *)(void *)to, packed);
}

static inline vf vf_load_f16_part(const uint16_t *from, size_t count)
{
    uint16_t lanes[VF_WIDTH] = {0};
    memcpy(lanes, from, count * sizeof lanes[0]);
    return vf_load_f16(lanes);
}

static inline void vf_store_f16_part(uint16_t *to, vf value, size_t count)
{
    uint16_t lanes[VF_WIDTH];
    vf_store_f16(lanes, value);
    memcpy(to, lanes, count * sizeof lanes[0]);
}

static inline vf vf_load_bf16_part(const uint16_t *from, size_t count)
{
    uint16_t lanes[VF_WIDTH] = {0};
    memcpy(lanes, from, count * sizeof lanes[0]);
    return vf_load_bf16(lanes);
}

static inline void vf_store_bf16_part(uint16_t *to, vf value, size_t count)
{
    uint16_t lanes[VF_WIDTH];
    vf_store_bf16(lanes, value);
    memcpy(to, lanes, count * sizeof lanes[0]);
}

static inline vf vf_add(vf a, vf b)
{
    return _mm256_add_ps(a, b);
}

static inline vf vf_sub(vf a, vf b)
{
    return _mm256_sub_ps(a, b);
}

static inline vf vf_mul(vf a, vf b)
{
    return _mm256_mul_ps(a, b);
}

static inline vf vf_div(vf a, vf b)
{
    return _mm256_div_ps(a, b);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}

static inline vf vf_abs(vf a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

static inline vf vf_swap_pairs(vf a)
{
    return _mm256_permute_ps(a, 0xb1);
}

static inline vm vf_less(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

static inline vm vf_is_nan(vf a)
{
    return _mm256_cmp_ps(a, a, _CMP_UNORD_Q);
}

static inline vm vm_or(vm a, vm b)
{
    return _mm256_or_ps(a, b);
}

static inline bool vm_any(vm a)
{
    return _mm256_movemask_ps(a) != 0;
}

static inline vf vf_select(vm mask, vf a, vf b)
{
    return _mm256_blendv_ps(b, a, mask);
}

static inline vf vf_exp(vf a)
{
    return Sleef_expf8_u10avx2(a);
}

static inline vf vf_tanh(vf a)
{
    return Sleef_tanhf8_u10avx2(a);
}

static inline void vf_sum_four(const vf a[4], float out[4])
{
    __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(a[0], a[1]), _mm256_hadd_ps(a[2], a[3]));
    _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1)));
}

static inline float vf_sum(vf a)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

static inline float vf_largest(vf a)
{
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

static inline vd vd_set(double value)
{
    return _mm256_set1_pd(value);
}

static inline vd vd_load(const double *from)
{
    return _mm256_loadu_pd(from);
}

static inline void vd_store(double *to, vd value)
{
    _mm256_storeu_pd(to, value);
}

static inline void vd_store_f32(float *to, vd value)
{
    _mm_storeu_ps(to, _mm256_cvtpd_ps(value));
}

static inline vd vd_lower(vf a)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(a));
}

static inline vd vd_upper(vf a)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
}

static inline vd vd_add(vd a, vd b)
{
    return _mm256_add_pd(a, b);
}

static inline vd vd_mul(vd a, vd b)
{
    return _mm256_mul_pd(a, b);
}

static inline vd vd_fma(vd a, vd b, vd c)
{
    return _mm256_fmadd_pd(a, b, c);
}

static inline double vd_sum(vd a)
{
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

static inline vd vd_pow(vd base, vd exponent)
{
    return Sleef_powd4_u10avx2(base, exponent);
}

static inline void vd_sincos(vd angle, vd *out_sin, vd *out_cos)
{
    Sleef___m256d_2 both = Sleef_sincosd4_u10avx2(angle);
    *out_sin = both.x;
    *out_cos = both.y;
}

#endif
