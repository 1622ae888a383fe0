/* mlp-tensor-parallel: y = W2 f(W1 x), the feed-forward part of a layer, divided among the PEs of a ring.
 *
 * W1 is divided by its columns and W2 by its rows, both in the same way. So each rank makes its share of the inner
 * activations from all of x, and needs no other for what these add to y. Only that is summed up over the ranks, and all
 * of them get it. */
#include <math.h>

#include "base/size.h"
#include "sim/benches/bench.h"
#include "sim/benches/rank_set.h"

typedef enum activation {
    SILU,
    GELU
} activation;

static const char *const activations[] = {"silu", "gelu", NULL};

typedef struct mlp {
    uint64_t tokens, hidden, inner;
    uint64_t block; /* tokens at a time */
    activation activation;
    weft_dtype dtype;
    const weft_placed_tensor *x, *w1, *w2, *y;
    const double *x_numbers, *w1_numbers, *w2_numbers;
    double *activations; /* room for the reference: [tokens, inner] */
} mlp;

/* ---- the kernel ---- */

/* a b, of which b is streamed from memory, in scratch memory. */
static tl_tensor product(weft_tile *tl, tl_tensor a, tl_tensor b, weft_dtype dtype, const tl_epilogue *epilogue)
{
    tl_tensor out = tl_empty(tl, weft_shape_2d(a.shape.extent[0], b.shape.extent[1]), dtype);
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = a,
                                          .b = b,
                                          .out = out.address,
                                          .dtype = dtype,
                                          .epilogues = epilogue,
                                          .epilogue_count = epilogue ? 1 : 0};
    tl_wait(tl, tl_composite(tl, &request));
    return out;
}

/* What the share of this rank adds to y, in f32 as it will be summed up. */
static tl_tensor share_of(weft_tile *tl, const mlp *it, tl_tensor x)
{
    if (!tl_has_shard(tl, it->w1)) /* fewer inner activations than ranks */
        return tl_full(tl, x.shape, WEFT_F32, 0);
    const tl_epilogue activate = {.step = {.op = it->activation == SILU ? WEFT_EPILOGUE_SILU : WEFT_EPILOGUE_GELU,
                                           .scope = WEFT_SCOPE_OUTPUT_TILE}};
    tl_tensor inner = product(tl, x, tl_shard(tl, it->w1), it->dtype, &activate);
    return product(tl, inner, tl_shard(tl, it->w2), WEFT_F32, NULL);
}

static void kernel(weft_tile *tl, const void *arguments)
{
    const mlp *it = arguments;
    tl_tensor x = tl_shard(tl, it->x), y = tl_shard(tl, it->y);
    for (uint64_t token = 0; token < it->tokens; token += it->block) {
        uint64_t count = weft__min_size(it->block, it->tokens - token), mark = tl_mark(tl);
        tl_tensor source = tl_slice(tl, x, 0, token, count), target = tl_slice(tl, y, 0, token, count);
        tl_tensor share = share_of(tl, it, tl_load_tensor(tl, source));
        tl_tensor sum = tl_all_reduce_ring(tl, share, TL_REDUCE_SUM);
        tl_store_tensor(tl, target, tl_cast(tl, sum, it->dtype));
        tl_release(tl, mark);
    }
}

/* ---- the reference ---- */

static double activate(activation function, double x)
{
    if (function == SILU)
        return x / (1 + exp(-x));
    return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

static void reference(const void *arguments, double *out)
{
    const mlp *it = arguments;
    weft__bench_product(it->x_numbers, it->w1_numbers, it->tokens, it->hidden, it->inner, it->activations);
    for (uint64_t i = 0; i < it->tokens * it->inner; i++)
        it->activations[i] = weft__bench_rounded(it->dtype, activate(it->activation, it->activations[i]));
    weft__bench_product(it->activations, it->w2_numbers, it->tokens, it->inner, it->hidden, out);
}

/* ---- the run ---- */

static const weft_sim_bench_key keys[] = {
    {"tokens", "Rows of x and y.", NULL, 32, 1, 65536},
    {"hidden", "Columns of x and y.", NULL, 1024, 1, 65536},
    {"inner", "Columns of W1, and rows of W2, which are divided among the ranks.", NULL, 4096, 1, 1048576},
    {"ranks", "PEs of the ring: some of a cube, whole cubes, or whole SIPs.", NULL, 8, 1, 65536},
    {"activation", "Between the two products.", activations, SILU, 0, 0},
    {"dtype", "Of x, the weights, the inner activations, and y.", weft__bench_float_names, 0, 0, 0},
    {0},
};

/* As many tokens as scratch memory has room for: with x, the inner activations, the share, its sum, the result, and 16
 * KiB for messages of the sum. No more than the rows of a usual tile, as the weights are streamed for each tile anyway.
 */
static uint64_t block_of(const weft__bench_run *run, const mlp *it, uint64_t ranks)
{
    uint64_t each = weft_dtype_bytes(it->dtype), sum_bytes = weft_dtype_bytes(WEFT_F32);
    uint64_t row_bytes = it->hidden * (2 * each + 2 * sum_bytes) + weft__ceil_div(it->inner, ranks) * each;
    uint64_t room = weft__bench_ring_scratch_bytes(run), messages = 16384;
    uint64_t most = room > messages ? (room - messages) / row_bytes : 0;
    return weft__min_size(weft__max_size(most, 1), 32);
}

static void run(weft__bench_run *run)
{
    mlp it = {.tokens = weft__bench_number(run, "tokens"),
              .hidden = weft__bench_number(run, "hidden"),
              .inner = weft__bench_number(run, "inner"),
              .activation = (activation)weft__bench_number(run, "activation"),
              .dtype = weft__bench_dtype(run, "dtype")};
    uint64_t ranks = weft__bench_number(run, "ranks");
    weft_pe_set pes = weft__bench_first_pes(run, ranks, 1);
    weft_placement copies = {.pes = pes};
    weft_placement columns = weft__bench_divided(pes, WEFT_SPLIT_COLUMNS);
    weft_placement rows = weft__bench_divided(pes, WEFT_SPLIT_ROWS);
    weft_shape narrow = weft_shape_2d(it.tokens, it.hidden);
    weft_placed_tensor *x = weft__bench_tensor(run, "x", it.dtype, narrow, &copies);
    weft_placed_tensor *w1 = weft__bench_tensor(run, "w1", it.dtype, weft_shape_2d(it.hidden, it.inner), &columns);
    weft_placed_tensor *w2 = weft__bench_tensor(run, "w2", it.dtype, weft_shape_2d(it.inner, it.hidden), &rows);
    weft_placed_tensor *y = weft__bench_tensor(run, "y", it.dtype, narrow, &copies);
    /* Weights keep the deviation of what they are multiplied with, as those of a trained model do. */
    it.x_numbers = weft__bench_fill(run, x, 2);
    it.w1_numbers = weft__bench_fill(run, w1, sqrt(3 / (double)it.hidden));
    it.w2_numbers = weft__bench_fill(run, w2, sqrt(3 / (double)it.inner));
    it.x = x;
    it.w1 = w1;
    it.w2 = w2;
    it.y = y;
    it.block = block_of(run, &it, ranks);
    it.activations = weft__bench_numbers(run, "the activations", it.tokens * it.inner);

    const weft_launch_options options = {
        .kernel = kernel, .arguments = &it, .pes = pes, .queues = ranks > 1 ? WEFT_QUEUES_RING : 0};
    weft__bench_launch(run, &options);
    weft__bench_add_flops(run, 4 * it.tokens * it.hidden * it.inner);
    /* An activation may be rounded to the other side, and sums in f32 are rounded once for each rank. */
    weft__bench_bound bound = {.relative = 1, .absolute = it.dtype == WEFT_F32 ? 16 + (double)ranks : 1};
    weft__bench_check(run, "y", y, reference, &it, bound);
}

const weft__bench weft__bench_mlp_tensor_parallel = {
    .name = "mlp-tensor-parallel",
    .what = "Two layers with an activation between them, by columns, then by rows, over a ring of PEs.",
    .keys = keys,
    .run = run,
};
