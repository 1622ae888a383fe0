/* gemm-single-pe: the smallest kernel that computes something. Two loads, a product and a store, each of which waits
 * for the one before. */
#include "sim/benches/bench.h"

typedef struct product {
    uint64_t m, k, n;
    weft_dtype dtype;
    const weft_placed_tensor *a, *b, *out;
    const double *a_numbers, *b_numbers;
} product;

static void kernel(weft_tile *tl, const void *arguments)
{
    const product *it = arguments;
    tl_tensor a = tl_shard(tl, it->a), b = tl_shard(tl, it->b), out = tl_shard(tl, it->out);
    a = tl_load_tensor(tl, a);
    b = tl_load_tensor(tl, b);
    tl_store_tensor(tl, out, tl_dot(tl, a, b));
}

static void reference(const void *arguments, double *out)
{
    const product *it = arguments;
    weft__bench_product(it->a_numbers, it->b_numbers, it->m, it->k, it->n, out);
}

static const weft_sim_bench_key keys[] = {
    {"m", "Rows of a.", NULL, 32, 1, 65536},
    {"k", "Columns of a, and rows of b.", NULL, 128, 1, 65536},
    {"n", "Columns of b.", NULL, 32, 1, 65536},
    {"dtype", "Of all three matrices.", weft__bench_float_names, 0, 0, 0},
    {0},
};

static void run(weft__bench_run *run)
{
    product it = {.m = weft__bench_number(run, "m"),
                  .k = weft__bench_number(run, "k"),
                  .n = weft__bench_number(run, "n"),
                  .dtype = weft__bench_dtype(run, "dtype")};
    const weft_placement one = {.pes = {.sips = 1, .cubes = 1, .pes = 1}};
    weft_placed_tensor *a = weft__bench_tensor(run, "a", it.dtype, weft_shape_2d(it.m, it.k), &one);
    weft_placed_tensor *b = weft__bench_tensor(run, "b", it.dtype, weft_shape_2d(it.k, it.n), &one);
    weft_placed_tensor *out = weft__bench_tensor(run, "out", it.dtype, weft_shape_2d(it.m, it.n), &one);
    it.a_numbers = weft__bench_fill(run, a, 1);
    it.b_numbers = weft__bench_fill(run, b, 1);
    it.a = a;
    it.b = b;
    it.out = out;

    weft__bench_launch(run, &(weft_launch_options){.kernel = kernel, .arguments = &it, .pes = one.pes});
    weft__bench_add_flops(run, 2 * it.m * it.k * it.n);
    weft__bench_check(run, "out", out, reference, &it, (weft__bench_bound){.relative = 1});
}

const weft__bench weft__bench_gemm_single_pe = {
    .name = "gemm-single-pe",
    .what = "A matrix product on one PE: two loads, a product and a store, one after another.",
    .keys = keys,
    .run = run,
};
