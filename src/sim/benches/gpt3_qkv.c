/* gpt3-qkv: the projection to queries, keys and values of GPT-3, with its bias, spread over PEs by columns.
 *
 * The largest GPT-3 has a hidden size of 12,288, so the projection has 36,864 columns. On 256 PEs each has 144 of them;
 * that share, on one PE, is what runs if nothing else is set. With sips=0 cubes=0 pes=0 all PEs of the machine have as
 * many. The activations are loaded once; the weights, which nothing but this reads, are streamed. */
#include "sim/benches/bench.h"

typedef struct projection {
    uint64_t tokens, hidden, columns; /* columns of all PEs */
    weft_dtype dtype;
    const weft_placed_tensor *x, *weight, *bias, *out;
    const double *x_numbers, *weight_numbers, *bias_numbers;
} projection;

static void kernel(weft_tile *tl, const void *arguments)
{
    const projection *it = arguments;
    tl_tensor x = tl_shard(tl, it->x), bias = tl_shard(tl, it->bias), out = tl_shard(tl, it->out);
    const tl_epilogue add_bias = {.step = {.op = WEFT_EPILOGUE_BIAS, .scope = WEFT_SCOPE_OUTPUT_TILE},
                                  .operand = tl_load_tensor(tl, bias)};
    const tl_composite_request product = {.op = WEFT_COMMAND_GEMM,
                                          .a = tl_load_tensor(tl, x),
                                          .b = tl_shard(tl, it->weight),
                                          .out = out.address,
                                          .dtype = out.dtype,
                                          .epilogues = &add_bias,
                                          .epilogue_count = 1};
    tl_wait(tl, tl_composite(tl, &product));
}

static void reference(const void *arguments, double *out)
{
    const projection *it = arguments;
    weft__bench_product(it->x_numbers, it->weight_numbers, it->tokens, it->hidden, it->columns, out);
    for (uint64_t token = 0; token < it->tokens; token++)
        for (uint64_t column = 0; column < it->columns; column++)
            out[token * it->columns + column] += it->bias_numbers[column];
}

static const weft_sim_bench_key keys[] = {
    {"tokens", "Rows of the activations, all of which each PE has.", NULL, 32, 1, 65536},
    {"hidden", "Columns of the activations, and rows of the weights.", NULL, 12288, 1, 1048576},
    {"columns", "Columns of the weights that each PE has.", NULL, 144, 1, 1048576},
    {"dtype", "Of activations, weights and results.", weft__bench_float_names, 0, 0, 0},
    WEFT__BENCH_PE_KEYS(1, 1, 1),
    {0},
};

static void run(weft__bench_run *run)
{
    weft_pe_set pes = weft__bench_pe_set(run);
    projection it = {.tokens = weft__bench_number(run, "tokens"),
                     .hidden = weft__bench_number(run, "hidden"),
                     .columns = weft__bench_number(run, "columns") * weft__bench_count_pes(run, &pes),
                     .dtype = weft__bench_dtype(run, "dtype")};
    const weft_placement copies = {.pes = pes};
    const weft_placement columns = weft__bench_divided(pes, WEFT_SPLIT_COLUMNS);
    weft_placed_tensor *x = weft__bench_tensor(run, "x", it.dtype, weft_shape_2d(it.tokens, it.hidden), &copies);
    weft_placed_tensor *weight =
        weft__bench_tensor(run, "weight", it.dtype, weft_shape_2d(it.hidden, it.columns), &columns);
    weft_placed_tensor *bias = weft__bench_tensor(run, "bias", it.dtype, weft_shape_2d(1, it.columns), &columns);
    weft_placed_tensor *out = weft__bench_tensor(run, "out", it.dtype, weft_shape_2d(it.tokens, it.columns), &columns);
    it.x_numbers = weft__bench_fill(run, x, 1);
    it.weight_numbers = weft__bench_fill(run, weight, 0.02); /* the deviation with which GPT-3's weights begin */
    it.bias_numbers = weft__bench_fill(run, bias, 1);
    it.x = x;
    it.weight = weight;
    it.bias = bias;
    it.out = out;

    weft__bench_launch(run, &(weft_launch_options){.kernel = kernel, .arguments = &it, .pes = pes});
    weft__bench_add_flops(run, 2 * it.tokens * it.hidden * it.columns);
    weft__bench_check(run, "out", out, reference, &it, (weft__bench_bound){.relative = 1});
}

const weft__bench weft__bench_gpt3_qkv = {
    .name = "gpt3-qkv",
    .what = "The projection to queries, keys and values of GPT-3, with its bias; one PE's share of it by default.",
    .keys = keys,
    .run = run,
};
