/* qkv-gemm: one matrix product, its columns spread over PEs.
 *
 * Each PE has all of a and some columns of b in its slice of the HBM. It loads a, which all of its tiles need, and lets
 * the composite command stream b from where it is, tile by tile. */
#include "sim/benches/bench.h"

typedef struct qkv {
    uint64_t m, k, n;
    weft_dtype dtype;
    const weft_placed_tensor *a, *b, *out;
    const double *a_numbers, *b_numbers;
} qkv;

static void kernel(weft_tile *tl, const void *arguments)
{
    const qkv *it = arguments;
    if (!tl_has_shard(tl, it->b)) /* fewer columns than PEs */
        return;
    tl_tensor a = tl_shard(tl, it->a), b = tl_shard(tl, it->b), out = tl_shard(tl, it->out);
    const tl_composite_request product = {
        .op = WEFT_COMMAND_GEMM, .a = tl_load_tensor(tl, a), .b = b, .out = out.address, .dtype = out.dtype};
    tl_wait(tl, tl_composite(tl, &product));
}

static void reference(const void *arguments, double *out)
{
    const qkv *it = arguments;
    weft__bench_product(it->a_numbers, it->b_numbers, it->m, it->k, it->n, out);
}

static const weft_sim_bench_key keys[] = {
    {"m", "Rows of a.", NULL, 128, 1, 1048576},
    {"k", "Columns of a, and rows of b.", NULL, 256, 1, 1048576},
    {"n", "Columns of b, spread over the PEs.", NULL, 128, 1, 1048576},
    {"dtype", "Of all three matrices.", weft__bench_float_names, 0, 0, 0},
    WEFT__BENCH_PE_KEYS(1, 1, 0),
    {0},
};

static void run(weft__bench_run *run)
{
    qkv it = {.m = weft__bench_number(run, "m"),
              .k = weft__bench_number(run, "k"),
              .n = weft__bench_number(run, "n"),
              .dtype = weft__bench_dtype(run, "dtype")};
    weft_pe_set pes = weft__bench_pe_set(run);
    const weft_placement copies = {.pes = pes};
    const weft_placement columns = weft__bench_divided(pes, WEFT_SPLIT_COLUMNS);
    weft_placed_tensor *a = weft__bench_tensor(run, "a", it.dtype, weft_shape_2d(it.m, it.k), &copies);
    weft_placed_tensor *b = weft__bench_tensor(run, "b", it.dtype, weft_shape_2d(it.k, it.n), &columns);
    weft_placed_tensor *out = weft__bench_tensor(run, "out", it.dtype, weft_shape_2d(it.m, it.n), &columns);
    it.a_numbers = weft__bench_fill(run, a, 1);
    it.b_numbers = weft__bench_fill(run, b, 1);
    it.a = a;
    it.b = b;
    it.out = out;

    weft__bench_launch(run, &(weft_launch_options){.kernel = kernel, .arguments = &it, .pes = pes});
    weft__bench_add_flops(run, 2 * it.m * it.k * it.n);
    weft__bench_check(run, "out", out, reference, &it, (weft__bench_bound){.relative = 1});
}

const weft__bench weft__bench_qkv_gemm = {
    .name = "qkv-gemm",
    .what = "A matrix product spread over PEs by columns, one operand loaded and the other streamed.",
    .keys = keys,
    .run = run,
};
