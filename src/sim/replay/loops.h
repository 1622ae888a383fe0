/* The inner loops of products, for each instruction set (kernels/cpu/isa.h). They say the same operations in the same
 * order on each element, without fusing any, so that all give the same bits: wider instructions only work on more
 * elements at once. */
#ifndef WEFT_SIM_REPLAY_LOOPS_H
#define WEFT_SIM_REPLAY_LOOPS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/cpu/isa.h"

#define WEFT__LOOPS_COLUMNS 64 /* that a product has best */

typedef struct weft__loops {
    /* sums += a * b, of [rows, depth] and [depth, columns], over depth in ascending order. */
    void (*add_products)(double *restrict sums, const double *restrict a, const double *restrict b, size_t rows,
                         size_t columns, size_t depth);
    /* f16, infinities and NaN too. */
    void (*load_f16)(const uint16_t *restrict from, double *restrict out, size_t count);
} weft__loops;

extern const weft__loops weft__loops_scalar;
extern const weft__loops weft__loops_avx2;
extern const weft__loops weft__loops_avx512;

const weft__loops *weft__loops_for(weft__isa isa);

#endif
