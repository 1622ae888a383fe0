/* rms-norm: each row of a matrix over the root of its mean square, times a weight for each column. The rows are spread
 * over PEs, and each PE has the weight.
 *
 * What is loaded as f16 or bf16 is computed in f32, step by step: squares of f16 overflow at 256. */
#include <math.h>

#include "base/size.h"
#include "sim/benches/bench.h"

#define EPSILON 1e-5

typedef struct norm {
    uint64_t rows, columns, block;
    weft_dtype dtype;
    const weft_placed_tensor *x, *weight, *out;
    const double *x_numbers, *weight_numbers;
} norm;

/* Of some rows in the TCM. */
static tl_tensor normalise(weft_tile *tl, tl_tensor x, tl_tensor weight)
{
    weft_shape one = weft_shape_2d(1, 1);
    double columns = (double)x.shape.extent[1];
    tl_tensor wide = tl_cast(tl, x, WEFT_F32);
    tl_tensor sum = tl_sum(tl, tl_mul(tl, wide, wide), 1);
    tl_tensor mean = tl_fma(tl, sum, tl_full(tl, one, WEFT_F32, 1 / columns), tl_full(tl, one, WEFT_F32, EPSILON));
    tl_tensor scaled = tl_mul(tl, wide, tl_rsqrt(tl, mean));
    return tl_cast(tl, tl_mul(tl, scaled, weight), x.dtype);
}

static void kernel(weft_tile *tl, const void *arguments)
{
    const norm *it = arguments;
    if (!tl_has_shard(tl, it->x)) /* fewer rows than PEs */
        return;
    tl_tensor x = tl_shard(tl, it->x), weight = tl_shard(tl, it->weight), out = tl_shard(tl, it->out);
    weight = tl_cast(tl, tl_load_tensor(tl, weight), WEFT_F32);
    for (uint64_t row = 0; row < x.shape.extent[0]; row += it->block) {
        uint64_t count = weft__min_size(it->block, x.shape.extent[0] - row);
        tl_tensor source = tl_slice(tl, x, 0, row, count), target = tl_slice(tl, out, 0, row, count);
        uint64_t mark = tl_mark(tl);
        tl_tensor loaded = tl_load_tensor(tl, source);
        tl_store_tensor(tl, target, normalise(tl, loaded, weight));
        tl_release(tl, mark);
    }
}

static void reference(const void *arguments, double *out)
{
    const norm *it = arguments;
    for (uint64_t row = 0; row < it->rows; row++) {
        const double *x = it->x_numbers + row * it->columns;
        double squares = 0;
        for (uint64_t i = 0; i < it->columns; i++)
            squares += x[i] * x[i];
        double factor = 1 / sqrt(squares / (double)it->columns + EPSILON);
        for (uint64_t i = 0; i < it->columns; i++)
            out[row * it->columns + i] = x[i] * factor * it->weight_numbers[i];
    }
}

static const weft_sim_bench_key keys[] = {
    {"rows", "Rows, spread over the PEs.", NULL, 1024, 1, 16777216},
    {"columns", "Numbers in a row.", NULL, 1024, 1, 1048576},
    {"block", "Rows that a PE has in its scratch memory at a time.", NULL, 16, 1, 1048576},
    {"dtype", "Of the matrix, the weight and the result.", weft__bench_float_names, 0, 0, 0},
    WEFT__BENCH_PE_KEYS(0, 0, 0),
    {0},
};

static void run(weft__bench_run *run)
{
    norm it = {.rows = weft__bench_number(run, "rows"),
               .columns = weft__bench_number(run, "columns"),
               .block = weft__bench_number(run, "block"),
               .dtype = weft__bench_dtype(run, "dtype")};
    const weft_placement rows = weft__bench_divided(weft__bench_pe_set(run), WEFT_SPLIT_ROWS);
    const weft_placement copies = {.pes = rows.pes};
    weft_placed_tensor *x = weft__bench_tensor(run, "x", it.dtype, weft_shape_2d(it.rows, it.columns), &rows);
    weft_placed_tensor *weight = weft__bench_tensor(run, "weight", it.dtype, weft_shape_2d(1, it.columns), &copies);
    weft_placed_tensor *out = weft__bench_tensor(run, "out", it.dtype, weft_shape_2d(it.rows, it.columns), &rows);
    it.x_numbers = weft__bench_fill(run, x, 1);
    it.weight_numbers = weft__bench_fill(run, weight, 2);
    it.x = x;
    it.weight = weight;
    it.out = out;

    weft__bench_launch(run, &(weft_launch_options){.kernel = kernel, .arguments = &it, .pes = rows.pes});
    /* Eight roundings to f32 on the way, which against one to a shorter dtype are nearly nothing. */
    weft__bench_check(run, "out", out, reference, &it,
                      (weft__bench_bound){.relative = it.dtype == WEFT_F32 ? 8 : 1.01});
}

const weft__bench weft__bench_rms_norm = {
    .name = "rms-norm",
    .what = "The RMS norm of each row of a matrix, the rows spread over PEs.",
    .keys = keys,
    .run = run,
};
