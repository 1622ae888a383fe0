/* gemm-composite: one matrix product as a composite command on one PE, with its operands in the TCM or streamed.
 *
 * The window is the time of the composite command alone, from its issue until it is done: loads before it are not in
 * it. docs/benches.md compares it with what the root published. */
#include "sim/benches/gemm_work.h"

/* Where the operands are: streamed from the HBM, or loaded before. */
typedef enum variant {
    REF_REF,
    LOAD_REF,
    LOAD_LOAD
} variant;

static const char *const variants[] = {"ref_ref", "load_ref", "load_load", NULL};

typedef struct product {
    weft__gemm_work gemm;
    variant variant;
    uint64_t *issued_ps, *ended_ps;
} product;

static void kernel(weft_tile *tl, const void *arguments)
{
    const product *it = arguments;
    tl_tensor a = tl_shard(tl, it->gemm.a), b = tl_shard(tl, it->gemm.b), out = tl_shard(tl, it->gemm.out);
    if (it->variant != REF_REF)
        a = tl_load_tensor(tl, a);
    if (it->variant == LOAD_LOAD)
        b = tl_load_tensor(tl, b);

    const tl_composite_request request = {
        .op = WEFT_COMMAND_GEMM, .a = a, .b = b, .out = out.address, .dtype = out.dtype};
    tl_command command = tl_composite(tl, &request);
    tl_note_time(tl, it->issued_ps);
    tl_wait(tl, command);
    tl_note_time(tl, it->ended_ps);
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
    uint64_t issued_ps = 0, ended_ps = 0;
    product it = {
        .variant = (variant)weft__bench_number(run, "variant"), .issued_ps = &issued_ps, .ended_ps = &ended_ps};
    const weft_placement one = {.pes = {.sips = 1, .cubes = 1, .pes = 1}};
    weft__gemm_work_begin(run, &one, &one, &it.gemm);
    weft__bench_launch(run, &(weft_launch_options){.kernel = kernel, .arguments = &it, .pes = one.pes});
    weft__bench_measure(run, "composite window", (double)(ended_ps - issued_ps) / 1000, "ns");
    weft__gemm_work_end(run, &it.gemm);
}

const weft__bench weft__bench_gemm_composite = {
    .name = "gemm-composite",
    .what = "A matrix product on one PE as a composite command, its operands streamed or loaded.",
    .keys = keys,
    .run = run,
};
