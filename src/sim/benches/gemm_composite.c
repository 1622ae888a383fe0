/* gemm-composite: one matrix product as a composite command on one PE, with its operands in the TCM or streamed.
 *
 * The window is the time of the composite command alone, from its issue until it is done: loads before it are not in
 * it. docs/benches.md compares it with what the root published. */
#include "sim/benches/bench.h"

/* Where the operands are: streamed from the HBM, or loaded before. */
typedef enum variant {
    REF_REF,
    LOAD_REF,
    LOAD_LOAD
} variant;

static const char *const variants[] = {"ref_ref", "load_ref", "load_load", NULL};

typedef struct product {
    uint64_t m, k, n;
    weft_dtype dtype;
    variant variant;
    const weft_placed_tensor *a, *b, *out;
    const double *a_numbers, *b_numbers;
    uint64_t *window_ps;
} product;

static void kernel(weft_tile *tl, const void *arguments)
{
    const product *it = arguments;
    tl_tensor a = tl_shard(tl, it->a), b = tl_shard(tl, it->b), out = tl_shard(tl, it->out);
    if (it->variant != REF_REF)
        a = tl_load_tensor(tl, a);
    if (it->variant == LOAD_LOAD)
        b = tl_load_tensor(tl, b);

    const tl_composite_request request = {
        .op = WEFT_COMMAND_GEMM, .a = a, .b = b, .out = out.address, .dtype = out.dtype};
    tl_command command = tl_composite(tl, &request);
    uint64_t issued_ps = tl_now_ps(tl);
    tl_wait(tl, command);
    *it->window_ps = tl_now_ps(tl) - issued_ps;
}

static void reference(const void *arguments, double *out)
{
    const product *it = arguments;
    weft__bench_product(it->a_numbers, it->b_numbers, it->m, it->k, it->n, out);
}

static const weft_sim_bench_key keys[] = {
    {"m", "Rows of a.", NULL, 256, 1, 65536},
    {"k", "Columns of a, and rows of b.", NULL, 256, 1, 65536},
    {"n", "Columns of b.", NULL, 256, 1, 65536},
    {"dtype", "Of all three matrices.", weft__bench_float_names, 0, 0, 0},
    {"variant", "Whether a and b are streamed from the HBM (ref) or loaded first (load).", variants, REF_REF, 0, 0},
    {0},
};

static void run(weft__bench_run *run)
{
    uint64_t window_ps = 0;
    product it = {.m = weft__bench_number(run, "m"),
                  .k = weft__bench_number(run, "k"),
                  .n = weft__bench_number(run, "n"),
                  .dtype = weft__bench_dtype(run, "dtype"),
                  .variant = (variant)weft__bench_number(run, "variant"),
                  .window_ps = &window_ps};
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
    weft__bench_measure(run, "composite window", (double)window_ps / 1000, "ns");
    weft__bench_check(run, "out", out, reference, &it, (weft__bench_bound){.relative = 1});
}

const weft__bench weft__bench_gemm_composite = {
    .name = "gemm-composite",
    .what = "A matrix product on one PE as a composite command, its operands streamed or loaded.",
    .keys = keys,
    .run = run,
};
