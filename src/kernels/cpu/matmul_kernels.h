/* What one instruction set contributes to the matrix kernels (the implementer's half of kernels/cpu/matmul.h).
 *
 * Every function is pure and may be called from any thread; pointers need the alignment of their elements only; nothing
 * outside the stated arrays is read or written. */
#ifndef WEFT_KERNELS_CPU_MATMUL_KERNELS_H
#define WEFT_KERNELS_CPU_MATMUL_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include <weft/types.h>

#include "kernels/cpu/isa.h"

enum {
    WEFT__MATMUL_DTYPES = 3, /* f32, f16, bf16: their values in weft_dtype are 0, 1, 2 */
    WEFT__MATMUL_TILE_ROWS_MAX = 14,
    WEFT__MATMUL_TILE_COLUMNS_MAX = 32
};

/* out[i * out_stride + n] = sum over k of x[i * k + .] * weight[n * k + .], for i < m and n_begin <= n < n_end. `x` is
 * [m, k], `weight` is [at least n_end, k]; both without gaps. The value of an output does not depend on n_begin, n_end.
 */
typedef void weft__gemv_function(const float *x, size_t m, size_t k, const void *weight, size_t n_begin, size_t n_end,
                                 float *out, size_t out_stride);

/* Transposes `rows` (1 .. lanes) rows of `k` elements, `row_stride` elements apart, into f32:
 * to[j * to_stride + i] = rows[i][j]. Writes `lanes` floats at each to + j * to_stride, j ascending; those past `rows`
 * repeat the last row, and the next j overwrites them where to_stride < lanes. So `to` needs room for (k - 1) *
 * to_stride + lanes. */
typedef void weft__pack_function(const void *from, size_t row_stride, size_t rows, size_t k, float *to,
                                 size_t to_stride);

/* A register tile of R rows (the index in the table, plus one) by tile_columns: for r < R, c < tile_columns,
 * out[r * out_stride + c] = (or, with `add`, +=) sum over k of a[k * R + r] * b[k * tile_columns + c], in chains as
 * kernels/cpu/matmul.h says. */
typedef void weft__tile_function(const float *a, const float *b, size_t k, size_t chain, bool add, float *out,
                                 size_t out_stride);

struct weft__matmul_kernels {
    weft__isa isa;
    size_t lanes;                              /* floats of a vector */
    size_t tile_rows;                          /* most rows of a register tile */
    size_t tile_columns;                       /* a multiple of lanes */
    size_t gemv_rows_max[WEFT__MATMUL_DTYPES]; /* with more rows of x than this, packing the weights pays */
    weft__gemv_function *gemv[WEFT__MATMUL_DTYPES];
    weft__pack_function *pack[WEFT__MATMUL_DTYPES];
    weft__tile_function *tile[WEFT__MATMUL_TILE_ROWS_MAX];
};

extern const struct weft__matmul_kernels weft__matmul_scalar;
#if WEFT__X86_64
extern const struct weft__matmul_kernels weft__matmul_avx2;
extern const struct weft__matmul_kernels weft__matmul_avx512;
#endif

#endif
