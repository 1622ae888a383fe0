#include "sim/benches/gemm_work.h"

void weft__gemm_work_begin(weft__bench_run *run, const weft_placement *of_a, const weft_placement *of_b,
                           weft__gemm_work *out)
{
    weft__gemm_work it = {.m = weft__bench_number(run, "m"),
                          .k = weft__bench_number(run, "k"),
                          .n = weft__bench_number(run, "n"),
                          .dtype = weft__bench_dtype(run, "dtype")};
    it.a = weft__bench_tensor(run, "a", it.dtype, weft_shape_2d(it.m, it.k), of_a);
    it.b = weft__bench_tensor(run, "b", it.dtype, weft_shape_2d(it.k, it.n), of_b);
    it.out = weft__bench_tensor(run, "out", it.dtype, weft_shape_2d(it.m, it.n), of_b);
    it.a_numbers = weft__bench_fill(run, it.a, 1);
    it.b_numbers = weft__bench_fill(run, it.b, 1);
    *out = it;
}

static void reference(const void *arguments, double *out)
{
    const weft__gemm_work *it = arguments;
    weft__bench_product(it->a_numbers, it->b_numbers, it->m, it->k, it->n, out);
}

void weft__gemm_work_end(weft__bench_run *run, const weft__gemm_work *work)
{
    weft__bench_add_flops(run, 2 * work->m * work->k * work->n);
    weft__bench_check(run, "out", work->out, reference, work, (weft__bench_bound){.relative = 1});
}
