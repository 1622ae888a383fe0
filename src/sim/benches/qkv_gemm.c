/* qkv-gemm: one matrix product, its columns spread over PEs.
 *
 * Each PE has all of a and some columns of b in its slice of the HBM. It loads a, which all of its tiles need, and lets
 * the composite command stream b from where it is, tile by tile. */
#include "sim/benches/gemm_work.h"

static void kernel(weft_tile *tl, const void *arguments)
{
    const weft__gemm_work *it = arguments;
    if (!tl_has_shard(tl, it->b)) /* fewer columns than PEs */
        return;
    tl_tensor a = tl_shard(tl, it->a), b = tl_shard(tl, it->b), out = tl_shard(tl, it->out);
    const tl_composite_request product = {
        .op = WEFT_COMMAND_GEMM, .a = tl_load_tensor(tl, a), .b = b, .out = out.address, .dtype = out.dtype};
    tl_wait(tl, tl_composite(tl, &product));
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
    weft__gemm_work it;
    const weft_placement copies = {.pes = weft__bench_pe_set(run)};
    const weft_placement columns = weft__bench_divided(copies.pes, WEFT_SPLIT_COLUMNS);
    weft__gemm_work_begin(run, &copies, &columns, &it);
    weft__bench_launch(run, &(weft_launch_options){.kernel = kernel, .arguments = &it, .pes = copies.pes});
    weft__gemm_work_end(run, &it);
}

const weft__bench weft__bench_qkv_gemm = {
    .name = "qkv-gemm",
    .what = "A matrix product spread over PEs by columns, one operand loaded and the other streamed.",
    .keys = keys,
    .run = run,
};
