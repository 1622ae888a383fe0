/* gemm-single-pe: the smallest kernel that computes something. Two loads, a product and a store, each of which waits
 * for the one before. */
#include "sim/benches/gemm_work.h"

static void kernel(weft_tile *tl, const void *arguments)
{
    const weft__gemm_work *it = arguments;
    tl_tensor a = tl_shard(tl, it->a), b = tl_shard(tl, it->b), out = tl_shard(tl, it->out);
    a = tl_load_tensor(tl, a);
    b = tl_load_tensor(tl, b);
    tl_store_tensor(tl, out, tl_dot(tl, a, b));
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
    weft__gemm_work it;
    const weft_placement one = {.pes = {.sips = 1, .cubes = 1, .pes = 1}};
    weft__gemm_work_begin(run, &one, &one, &it);
    weft__bench_launch(run, &(weft_launch_options){.kernel = kernel, .arguments = &it, .pes = one.pes});
    weft__gemm_work_end(run, &it);
}

const weft__bench weft__bench_gemm_single_pe = {
    .name = "gemm-single-pe",
    .what = "A matrix product on one PE: two loads, a product and a store, one after another.",
    .keys = keys,
    .run = run,
};
