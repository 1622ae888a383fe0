/* What the benches of one matrix product share: out [m, n] = a [m, k] times b [k, n], all of one dtype, as the keys m,
 * k, n and dtype say. The kernels are theirs. */
#ifndef WEFT_SIM_BENCHES_GEMM_WORK_H
#define WEFT_SIM_BENCHES_GEMM_WORK_H

#include "sim/benches/bench.h"

typedef struct weft__gemm_work {
    uint64_t m, k, n;
    weft_dtype dtype;
    weft_placed_tensor *a, *b, *out;
    const double *a_numbers, *b_numbers;
} weft__gemm_work;

/* Makes and fills the tensors; out goes where b goes. */
void weft__gemm_work_begin(weft__bench_run *run, const weft_placement *of_a, const weft_placement *of_b,
                           weft__gemm_work *out);

/* After the launch: counts the useful work and checks the product. */
void weft__gemm_work_end(weft__bench_run *run, const weft__gemm_work *work);

#endif
