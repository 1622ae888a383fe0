#include "base/dtype.h"

typedef struct dtype_row {
    const char *name;
    size_t bytes;
} dtype_row;

static const dtype_row dtype_rows[] = {
    [WEFT_F32] = {"f32", 4}, [WEFT_F16] = {"f16", 2}, [WEFT_BF16] = {"bf16", 2}, [WEFT_I8] = {"i8", 1},
    [WEFT_U8] = {"u8", 1},   [WEFT_I16] = {"i16", 2}, [WEFT_U16] = {"u16", 2},   [WEFT_I32] = {"i32", 4},
    [WEFT_U32] = {"u32", 4}, [WEFT_I64] = {"i64", 8}, [WEFT_U64] = {"u64", 8},   [WEFT_F64] = {"f64", 8},
};

static const dtype_row *row_of(weft_dtype dtype)
{
    size_t index = (size_t)dtype;
    return index < sizeof dtype_rows / sizeof dtype_rows[0] ? &dtype_rows[index] : NULL;
}

const char *weft_dtype_name(weft_dtype dtype)
{
    const dtype_row *row = row_of(dtype);
    return row ? row->name : "unknown";
}

size_t weft_dtype_bytes(weft_dtype dtype)
{
    const dtype_row *row = row_of(dtype);
    return row ? row->bytes : 0;
}

float weft__f16_to_f32(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    uint32_t exponent = (bits >> 10) & 0x1fu;
    uint32_t fraction = bits & 0x3ffu;
    uint32_t wide;
    if (exponent == 0x1f) {
        wide = sign | 0x7f800000u | (fraction << 13) | (fraction ? 0x400000u : 0u);
    } else if (exponent) {
        wide = sign | ((exponent + 112u) << 23) | (fraction << 13);
    } else {
        float tiny = (float)fraction * 0x1p-24f;
        memcpy(&wide, &tiny, sizeof wide);
        wide |= sign;
    }
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

uint16_t weft__f16_from_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = (bits >> 16) & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) /* NaN, made quiet */
        return (uint16_t)(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    if (magnitude >= 0x477ff000u) /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) { /* below the least normal: count in units of 2^-24, rounded by the addition */
        float absolute;
        memcpy(&absolute, &magnitude, sizeof absolute);
        float shifted = absolute + 0.5f;
        uint32_t shifted_bits;
        memcpy(&shifted_bits, &shifted, sizeof shifted_bits);
        return (uint16_t)(sign | (shifted_bits - 0x3f000000u));
    }
    uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
    return (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
}

float weft__float_load(weft_dtype dtype, const void *data, size_t index)
{
    if (dtype == WEFT_F32)
        return ((const float *)data)[index];
    uint16_t bits = ((const uint16_t *)data)[index];
    return dtype == WEFT_F16 ? weft__f16_to_f32(bits) : weft__bf16_to_f32(bits);
}

void weft__float_store(weft_dtype dtype, void *data, size_t index, float value)
{
    if (dtype == WEFT_F32)
        ((float *)data)[index] = value;
    else
        ((uint16_t *)data)[index] = dtype == WEFT_F16 ? weft__f16_from_f32(value) : weft__bf16_from_f32(value);
}
