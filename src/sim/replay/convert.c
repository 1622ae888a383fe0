#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "sim/replay/kernels.h"
#include "sim/replay/loops.h"

/* To f32 by rounding to odd: an inexact result gets an odd last bit, so that a second rounding, to a dtype of at least
 * two bits less, gives what one rounding would. */
static float to_odd(double x)
{
    float nearest = (float)x;
    uint32_t bits;
    memcpy(&bits, &nearest, sizeof bits);
    if ((double)nearest == x || isnan(x) || (bits & 1))
        return nearest;
    bits += fabs((double)nearest) > fabs(x) ? UINT32_MAX : 1;
    memcpy(&nearest, &bits, sizeof nearest);
    return nearest;
}

/* What i64 holds of the numbers of a dtype. */
typedef struct integer_range {
    int64_t least, most;
} integer_range;

static integer_range range_of(weft_dtype dtype)
{
    static const integer_range ranges[] = {
        [WEFT_I8] = {INT8_MIN, INT8_MAX},    [WEFT_U8] = {0, UINT8_MAX},          [WEFT_I16] = {INT16_MIN, INT16_MAX},
        [WEFT_U16] = {0, UINT16_MAX},        [WEFT_I32] = {INT32_MIN, INT32_MAX}, [WEFT_U32] = {0, UINT32_MAX},
        [WEFT_I64] = {INT64_MIN, INT64_MAX}, [WEFT_U64] = {0, INT64_MAX},
    };
    return ranges[dtype];
}

/* ---- loads ---- */

#define LOAD(type, convert)                                                                                            \
    do {                                                                                                               \
        const type *from = (const type *)data + first;                                                                 \
        for (size_t i = 0; i < count; i++)                                                                             \
            out[i] = convert(from[i]);                                                                                 \
    } while (0)

void weft__load_integers(weft_dtype dtype, const void *data, uint64_t first, int64_t *out, size_t count)
{
    switch (dtype) {
    case WEFT_I8:
        LOAD(int8_t, (int64_t));
        break;
    case WEFT_U8:
        LOAD(uint8_t, (int64_t));
        break;
    case WEFT_I16:
        LOAD(int16_t, (int64_t));
        break;
    case WEFT_U16:
        LOAD(uint16_t, (int64_t));
        break;
    case WEFT_I32:
        LOAD(int32_t, (int64_t));
        break;
    case WEFT_U32:
        LOAD(uint32_t, (int64_t));
        break;
    default:
        LOAD(int64_t, (int64_t));
        break;
    }
}

void weft__load_wides(weft_dtype dtype, const void *data, uint64_t first, weft__wide *out, size_t count)
{
    if (dtype == WEFT_U64) {
        LOAD(uint64_t, (weft__wide));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t number;
        weft__load_integers(dtype, data, first + i, &number, 1);
        out[i] = number;
    }
}

void weft__load_doubles(weft_dtype dtype, const void *data, uint64_t first, double *out, size_t count)
{
    switch (dtype) {
    case WEFT_F32:
        LOAD(float, (double));
        break;
    case WEFT_F16:
        weft__loops_scalar.load_f16((const uint16_t *)data + first, out, count);
        break;
    case WEFT_BF16:
        LOAD(uint16_t, (double)weft__bf16_to_f32);
        break;
    case WEFT_I8:
        LOAD(int8_t, (double));
        break;
    case WEFT_U8:
        LOAD(uint8_t, (double));
        break;
    case WEFT_I16:
        LOAD(int16_t, (double));
        break;
    case WEFT_U16:
        LOAD(uint16_t, (double));
        break;
    case WEFT_I32:
        LOAD(int32_t, (double));
        break;
    case WEFT_U32:
        LOAD(uint32_t, (double));
        break;
    case WEFT_I64:
        LOAD(int64_t, (double));
        break;
    case WEFT_U64:
        LOAD(uint64_t, (double));
        break;
    case WEFT_F64:
        memcpy(out, (const double *)data + first, count * sizeof out[0]);
        break;
    }
}

/* ---- stores ---- */

/* To nearest, ties to even; the bounds of i64 are those at which doubles leave it. */
static int64_t round_to_integer(double x)
{
    if (isnan(x))
        return 0;
    if (x >= 0x1p63)
        return INT64_MAX;
    if (x <= -0x1p63)
        return INT64_MIN;
    return (int64_t)nearbyint(x);
}

static uint64_t round_to_u64(double x)
{
    if (x >= 0x1p64)
        return UINT64_MAX;
    return x > 0 ? (uint64_t)nearbyint(x) : 0; /* as NaN */
}

/* To double by rounding to odd, as above: of numbers of at most 126 bits. */
static double wide_to_odd(weft__wide x)
{
    weft__wide rest = x < 0 ? -x : x;
    bool is_inexact = false;
    int exponent = 0;
    for (; rest >> 53 != 0; exponent++) {
        is_inexact |= (rest & 1) != 0;
        rest >>= 1;
    }
    double magnitude = ldexp((double)(rest | is_inexact), exponent);
    return x < 0 ? -magnitude : magnitude;
}

/* To a float dtype. */
static void store_rounded(weft_dtype dtype, void *data, uint64_t index, weft__wide value)
{
    double number = dtype == WEFT_F64 ? (double)value : wide_to_odd(value);
    weft__store_doubles(dtype, data, index, &number, 1);
}

static void store_integer(weft_dtype dtype, void *data, uint64_t index, int64_t value, integer_range range)
{
    value = value < range.least ? range.least : value > range.most ? range.most : value;
    switch (weft_dtype_bytes(dtype)) {
    case 1:
        ((uint8_t *)data)[index] = (uint8_t)value;
        break;
    case 2:
        ((uint16_t *)data)[index] = (uint16_t)value;
        break;
    case 4:
        ((uint32_t *)data)[index] = (uint32_t)value;
        break;
    default:
        ((int64_t *)data)[index] = value;
        break;
    }
}

void weft__store_integers(weft_dtype dtype, void *data, uint64_t first, const int64_t *from, size_t count)
{
    if (!weft__dtype_is_integer(dtype)) {
        for (size_t i = 0; i < count; i++)
            store_rounded(dtype, data, first + i, from[i]);
        return;
    }
    integer_range range = range_of(dtype);
    for (size_t i = 0; i < count; i++)
        store_integer(dtype, data, first + i, from[i], range);
}

void weft__store_wides(weft_dtype dtype, void *data, uint64_t first, const weft__wide *from, size_t count)
{
    if (!weft__dtype_is_integer(dtype)) {
        for (size_t i = 0; i < count; i++)
            store_rounded(dtype, data, first + i, from[i]);
    } else if (dtype == WEFT_U64) {
        for (size_t i = 0; i < count; i++)
            ((uint64_t *)data)[first + i] = from[i] < 0 ? 0 : (uint64_t)from[i];
    } else {
        integer_range range = range_of(dtype);
        for (size_t i = 0; i < count; i++) {
            weft__wide value = from[i] < range.least ? range.least : from[i] > range.most ? range.most : from[i];
            store_integer(dtype, data, first + i, (int64_t)value, range);
        }
    }
}

void weft__store_doubles(weft_dtype dtype, void *data, uint64_t first, const double *from, size_t count)
{
    if (dtype == WEFT_F32) {
        for (size_t i = 0; i < count; i++)
            ((float *)data)[first + i] = (float)from[i];
    } else if (dtype == WEFT_F16) {
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)data)[first + i] = weft__f16_from_f32(to_odd(from[i]));
    } else if (dtype == WEFT_BF16) {
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)data)[first + i] = weft__bf16_from_f32(to_odd(from[i]));
    } else if (dtype == WEFT_F64) {
        memcpy((double *)data + first, from, count * sizeof from[0]);
    } else if (dtype == WEFT_U64) {
        for (size_t i = 0; i < count; i++)
            ((uint64_t *)data)[first + i] = round_to_u64(from[i]);
    } else {
        integer_range range = range_of(dtype);
        for (size_t i = 0; i < count; i++)
            store_integer(dtype, data, first + i, round_to_integer(from[i]), range);
    }
}
