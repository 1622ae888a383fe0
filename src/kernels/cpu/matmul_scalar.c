/* Matrix kernels without ISA flags: four floats at a time in the compilers' portable vector notation, which becomes
 * SSE2 on x86-64, NEON on AArch64 and plain scalar code elsewhere. Products are rounded before they are added. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/cpu/matmul_kernels.h"
#include "kernels/cpu/vec_scalar.h"

#define MATMUL_TABLE weft__matmul_scalar
#define MATMUL_ISA WEFT__ISA_SCALAR
#define TILE_ROWS 4
#define TILE_VECTORS 2
#define GEMV_ROWS 1
#define GEMV_COLUMNS(m) 4u
/* Two chains of four lanes are the eight partial sums that the error bound counts on. */
#define GEMV_CHAINS 2
/* Measured on Zen 4: with more rows of x, packing the weights pays. */
#define GEMV_ROWS_MAX                                                                                                  \
    {                                                                                                                  \
        [WEFT_F32] = 16, [WEFT_F16] = 2, [WEFT_BF16] = 16                                                              \
    }

typedef uint32_t bits_4 __attribute__((vector_size(16)));
typedef uint16_t halves_4 __attribute__((vector_size(8)));

static inline bits_4 load_halves_part(const void *from, size_t count)
{
    halves_4 halves = {0};
    memcpy(&halves, from, count * sizeof(uint16_t));
    return __builtin_convertvector(halves, bits_4);
}

/* The f16 exponent and fraction, moved to their places in an f32, are the value divided by 2^112; multiplying is exact
 * and handles the subnormal numbers too. Exponent 31 (infinity, NaN) must become 255. Converting one element at a time
 * would take seven times as long. */
static inline vf load_f16_part(const void *from, size_t count)
{
    bits_4 halves = load_halves_part(from, count);
    bits_4 magnitude = (halves & 0x7fffu) << 13;
    bits_4 is_special = (bits_4)(magnitude >= 0x0f800000u);
    bits_4 wide = (bits_4)((vf)magnitude * 0x1p112f);
    return (vf)(wide | (is_special & 0x7f800000u) | ((halves & 0x8000u) << 16));
}

static inline vf load_f16(const void *from)
{
    return load_f16_part(from, VF_WIDTH);
}

static inline vf load_bf16_part(const void *from, size_t count)
{
    return (vf)(load_halves_part(from, count) << 16);
}

static inline vf load_bf16(const void *from)
{
    return load_bf16_part(from, VF_WIDTH);
}

/* A pair holds 0 2 4 6 and 1 3 5 7 (little-endian): one operation each on four words of two patterns. */
static inline void load_bf16_pair_part(const void *from, size_t count, vf pair[2])
{
    bits_4 bits = {0};
    memcpy(&bits, from, count * sizeof(uint16_t));
    pair[0] = (vf)(bits << 16);
    pair[1] = (vf)(bits & 0xffff0000u);
}

static inline void load_bf16_pair(const void *from, vf pair[2])
{
    load_bf16_pair_part(from, 2 * VF_WIDTH, pair);
}

static inline void order_as_bf16_pair(vf pair[2])
{
    vf even = __builtin_shufflevector(pair[0], pair[1], 0, 2, 4, 6);
    pair[1] = __builtin_shufflevector(pair[0], pair[1], 1, 3, 5, 7);
    pair[0] = even;
}

static inline void transpose(vf rows[VF_WIDTH])
{
    vf a = rows[0];
    vf b = rows[1];
    vf c = rows[2];
    vf d = rows[3];
    for (size_t i = 0; i < VF_WIDTH; ++i)
        rows[i] = (vf){a[i], b[i], c[i], d[i]};
}

#include "kernels/cpu/matmul_body.inc"
