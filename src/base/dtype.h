/* Conversions between f32 and the 16-bit float formats, one value at a time: the plain truth that the SIMD kernels are
 * tested against. Rounding is to nearest, ties to even; NaN stays NaN; f16 overflow gives infinity. */
#ifndef WEFT_BASE_DTYPE_H
#define WEFT_BASE_DTYPE_H

#include <stdint.h>
#include <string.h>

#include <weft/types.h>

static inline float weft__bf16_to_f32(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static inline uint16_t weft__bf16_from_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)((bits >> 16) | 0x40u); /* quiet the NaN: its payload may sit in the lost bits alone */
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

float weft__f16_to_f32(uint16_t bits);
uint16_t weft__f16_from_f32(float value);

/* One element of f32, f16 or bf16, which fit into a float, read or written by index. */
float weft__float_load(weft_dtype dtype, const void *data, size_t index);
void weft__float_store(weft_dtype dtype, void *data, size_t index, float value);

/* True for these three, with which devices compute; f64 is none of them. */
static inline bool weft__dtype_is_float(weft_dtype dtype)
{
    return dtype == WEFT_F32 || dtype == WEFT_F16 || dtype == WEFT_BF16;
}

#endif
