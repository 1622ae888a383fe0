/* A norm as one PE sees it: for rms_norm and the fused ops with a norm in them. */
#ifndef WEFT_DEVICES_SIM_NORM_H
#define WEFT_DEVICES_SIM_NORM_H

#include <weft/ops.h>

#include "devices/sim/sim_impl.h"

typedef struct weft__sim_norm {
    const weft__sim_view *weight; /* its memory is NULL if there is none */
    uint64_t weight_bytes;        /* of scratch memory for each element of the weight; 0 if there is none */
    float weight_bias;
    tl_tensor inverse, epsilon; /* 1 / the length of a row, and what is added: [1, 1] */
} weft__sim_norm;

/* Scratch memory that weft__sim_normalise() takes for each element of its rows: its square, itself times the factor,
 * and that times the weight. */
#define WEFT__SIM_NORM_ELEMENT_BYTES (3 * sizeof(float))
/* And for each row: sum, mean and factor. */
#define WEFT__SIM_NORM_ROW_BYTES (3 * sizeof(float))

/* Makes the two numbers. */
weft__sim_norm weft__sim_norm_begin(weft_tile *tl, const weft_rms_norm_params *params, const weft__sim_view *weight,
                                    uint64_t dims);

/* Elements of the weight, with what is added to them: [1, count]. There must be a weight. */
tl_tensor weft__sim_norm_weight(weft_tile *tl, const weft__sim_norm *norm, uint64_t first, uint64_t count);

/* The sums of the squares of rows, [rows, 1], and what the rows are multiplied by, made of them. */
tl_tensor weft__sim_norm_squares(weft_tile *tl, tl_tensor x);
tl_tensor weft__sim_norm_factors(weft_tile *tl, const weft__sim_norm *norm, tl_tensor squares);

/* Rows, or parts of them, times their factors and the weight, which is unused if there is none. */
tl_tensor weft__sim_norm_apply(weft_tile *tl, const weft__sim_norm *norm, tl_tensor x, tl_tensor factors,
                               tl_tensor weight);
/* The norm of whole rows. */
tl_tensor weft__sim_normalise(weft_tile *tl, const weft__sim_norm *norm, tl_tensor x, tl_tensor weight);

#endif
