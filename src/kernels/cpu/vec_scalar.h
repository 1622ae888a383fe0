/* The vector vocabulary of the kernel templates (*.inc), here in the compilers' portable vector types: SSE2 on x86-64,
 * NEON on AArch64, plain scalar code where a machine has neither. Functions are those of the C library, one lane at a
 * time. vec_avx2.h and vec_avx512.h define the same words.
 *
 *   vf, vd, vm            VF_WIDTH floats, VD_WIDTH = VF_WIDTH / 2 doubles, a mask over the lanes of a vf
 *   .._part(.., count)    the first `count` <= VF_WIDTH lanes; nothing behind them in memory is touched, other lanes
 * are 0 vf_load_f16, .._bf16  with conversion, exact; stores round to nearest even and keep NaN vf_fma(a, b, c)       a
 * * b + c, in one or two roundings vf_max(a, b)          a > b ? a : b, so b where either is NaN vf_select(m, a, b) m ?
 * a : b vf_sum_four           the sums of four vectors; vf_sum, vf_largest of one, in an order that only the ISA fixes
 *   vd_lower, vd_upper    the lower and upper half of the lanes, widened
 *   VF_TILE_VECTORS       how many vectors wide the tile of registers in the attention kernel is */
#ifndef WEFT_KERNELS_CPU_VEC_SCALAR_H
#define WEFT_KERNELS_CPU_VEC_SCALAR_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/dtype.h"

enum {
    VF_WIDTH = 4,
    VD_WIDTH = 2,
    VF_TILE_VECTORS = 2
};

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vm __attribute__((vector_size(16)));
typedef double vd __attribute__((vector_size(16)));
typedef uint32_t vu __attribute__((vector_size(16))); /* the bits of a vf */

static inline vf vf_set(float value)
{
    return (vf){value, value, value, value};
}

static inline vf vf_load_f32_part(const float *from, size_t count)
{
    vf result = {0};
    memcpy(&result, from, count * sizeof *from);
    return result;
}

static inline vf vf_load_f32(const float *from)
{
    vf result;
    memcpy(&result, from, sizeof result);
    return result;
}

static inline void vf_store_f32_part(float *to, vf value, size_t count)
{
    memcpy(to, &value, count * sizeof *to);
}

static inline void vf_store_f32(float *to, vf value)
{
    memcpy(to, &value, sizeof value);
}

typedef uint16_t v_halves __attribute__((vector_size(8)));

static inline vu vu_load_u16_part(const uint16_t *from, size_t count)
{
    v_halves lanes = {0};
    memcpy(&lanes, from, count * sizeof *from);
    return __builtin_convertvector(lanes, vu);
}

/* All lanes at once: the exponent is moved to its new place and its bias put right by a multiplication, which is exact
 * for subnormal numbers too; infinities and NaN get the exponent that they need. */
static inline vf vf_load_f16_part(const uint16_t *from, size_t count)
{
    vu bits = vu_load_u16_part(from, count);
    vu magnitude = (bits & 0x7fff) << 13;
    vu is_special = (vu)(magnitude >= 0x0f800000);
    vu scaled = (vu)((vf)magnitude * 0x1p112f) | (is_special & 0x7f800000);
    return (vf)(scaled | (bits & 0x8000) << 16);
}

static inline vf vf_load_f16(const uint16_t *from)
{
    return vf_load_f16_part(from, VF_WIDTH);
}

static inline void vf_store_f16_part(uint16_t *to, vf value, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        to[i] = weft__f16_from_f32(value[i]);
}

static inline void vf_store_f16(uint16_t *to, vf value)
{
    vf_store_f16_part(to, value, VF_WIDTH);
}

static inline vf vf_load_bf16_part(const uint16_t *from, size_t count)
{
    return (vf)(vu_load_u16_part(from, count) << 16);
}

static inline vf vf_load_bf16(const uint16_t *from)
{
    return vf_load_bf16_part(from, VF_WIDTH);
}

static inline void vf_store_bf16_part(uint16_t *to, vf value, size_t count)
{
    vu bits = (vu)value;
    vu rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    vu quiet = bits >> 16 | 0x40;
    vu is_nan = (vu)(value != value);
    v_halves lanes = __builtin_convertvector((is_nan & quiet) | (~is_nan & rounded), v_halves);
    memcpy(to, &lanes, count * sizeof *to);
}

static inline void vf_store_bf16(uint16_t *to, vf value)
{
    vf_store_bf16_part(to, value, VF_WIDTH);
}

static inline vf vf_add(vf a, vf b)
{
    return a + b;
}

static inline vf vf_sub(vf a, vf b)
{
    return a - b;
}

static inline vf vf_mul(vf a, vf b)
{
    return a * b;
}

static inline vf vf_div(vf a, vf b)
{
    return a / b;
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return a * b + c;
}

static inline vm vf_less(vf a, vf b)
{
    return a < b;
}

static inline vm vf_is_nan(vf a)
{
    return a != a;
}

static inline vm vm_or(vm a, vm b)
{
    return a | b;
}

static inline bool vm_any(vm a)
{
    return (a[0] | a[1] | a[2] | a[3]) != 0;
}

static inline vf vf_select(vm mask, vf a, vf b)
{
    return (vf)((mask & (vm)a) | (~mask & (vm)b));
}

static inline vf vf_max(vf a, vf b)
{
    return vf_select(vf_less(b, a), a, b);
}

static inline vf vf_abs(vf a)
{
    return (vf)((vm)a & INT32_MAX);
}

static inline vf vf_swap_pairs(vf a)
{
    return (vf){a[1], a[0], a[3], a[2]};
}

static inline vf vf_exp(vf a)
{
    return (vf){expf(a[0]), expf(a[1]), expf(a[2]), expf(a[3])};
}

static inline vf vf_tanh(vf a)
{
    return (vf){tanhf(a[0]), tanhf(a[1]), tanhf(a[2]), tanhf(a[3])};
}

static inline float vf_sum(vf a)
{
    return (a[0] + a[2]) + (a[1] + a[3]);
}

static inline void vf_sum_four(const vf a[4], float out[4])
{
    for (size_t i = 0; i < 4; ++i)
        out[i] = vf_sum(a[i]);
}

static inline float vf_largest(vf a)
{
    float left = a[0] > a[1] ? a[0] : a[1];
    float right = a[2] > a[3] ? a[2] : a[3];
    return left > right ? left : right;
}

static inline vd vd_set(double value)
{
    return (vd){value, value};
}

static inline vd vd_load(const double *from)
{
    vd result;
    memcpy(&result, from, sizeof result);
    return result;
}

static inline void vd_store(double *to, vd value)
{
    memcpy(to, &value, sizeof value);
}

static inline void vd_store_f32(float *to, vd value)
{
    to[0] = (float)value[0];
    to[1] = (float)value[1];
}

static inline vd vd_lower(vf a)
{
    return (vd){(double)a[0], (double)a[1]};
}

static inline vd vd_upper(vf a)
{
    return (vd){(double)a[2], (double)a[3]};
}

static inline vd vd_add(vd a, vd b)
{
    return a + b;
}

static inline vd vd_mul(vd a, vd b)
{
    return a * b;
}

static inline vd vd_fma(vd a, vd b, vd c)
{
    return a * b + c;
}

static inline double vd_sum(vd a)
{
    return a[0] + a[1];
}

static inline vd vd_pow(vd base, vd exponent)
{
    return (vd){pow(base[0], exponent[0]), pow(base[1], exponent[1])};
}

static inline void vd_sincos(vd angle, vd *out_sin, vd *out_cos)
{
    *out_sin = (vd){sin(angle[0]), sin(angle[1])};
    *out_cos = (vd){cos(angle[0]), cos(angle[1])};
}

#endif
