/* softmax: of each row of a matrix, whose rows are spread over PEs.
 *
 * A PE brings some of its rows at a time to its scratch memory, which it gives back before the next ones. */
#include <math.h>

#include "base/size.h"
#include "sim/benches/bench.h"

typedef struct softmax {
    uint64_t rows, columns, block;
    weft_dtype dtype;
    const weft_placed_tensor *x, *out;
    const double *x_numbers;
} softmax;

static void kernel(weft_tile *tl, const void *arguments)
{
    const softmax *it = arguments;
    if (!tl_has_shard(tl, it->x)) /* fewer rows than PEs */
        return;
    tl_tensor x = tl_shard(tl, it->x), out = tl_shard(tl, it->out);
    for (uint64_t row = 0; row < x.shape.extent[0]; row += it->block) {
        uint64_t count = weft__min_size(it->block, x.shape.extent[0] - row);
        tl_tensor source = tl_slice(tl, x, 0, row, count), target = tl_slice(tl, out, 0, row, count);
        uint64_t mark = tl_mark(tl);
        tl_tensor loaded = tl_load_tensor(tl, source);
        tl_store_tensor(tl, target, tl_softmax(tl, loaded, 1));
        tl_release(tl, mark);
    }
}

static void reference(const void *arguments, double *out)
{
    const softmax *it = arguments;
    for (uint64_t row = 0; row < it->rows; row++) {
        const double *x = it->x_numbers + row * it->columns;
        double most = -INFINITY, sum = 0;
        for (uint64_t i = 0; i < it->columns; i++)
            most = fmax(most, x[i]);
        for (uint64_t i = 0; i < it->columns; i++)
            sum += exp(x[i] - most);
        for (uint64_t i = 0; i < it->columns; i++)
            out[row * it->columns + i] = exp(x[i] - most) / sum;
    }
}

static const weft_sim_bench_key keys[] = {
    {"rows", "Rows, spread over the PEs.", NULL, 1024, 1, 16777216},
    {"columns", "Numbers in a row.", NULL, 1024, 1, 1048576},
    {"block", "Rows that a PE has in its scratch memory at a time.", NULL, 16, 1, 1048576},
    {"dtype", "Of the matrix and the result.", weft__bench_float_names, 0, 0, 0},
    WEFT__BENCH_PE_KEYS(0, 0, 0),
    {0},
};

static void run(weft__bench_run *run)
{
    softmax it = {.rows = weft__bench_number(run, "rows"),
                  .columns = weft__bench_number(run, "columns"),
                  .block = weft__bench_number(run, "block"),
                  .dtype = weft__bench_dtype(run, "dtype")};
    const weft_placement rows = weft__bench_divided(weft__bench_pe_set(run), WEFT_SPLIT_ROWS);
    weft_placed_tensor *x = weft__bench_tensor(run, "x", it.dtype, weft_shape_2d(it.rows, it.columns), &rows);
    weft_placed_tensor *out = weft__bench_tensor(run, "out", it.dtype, weft_shape_2d(it.rows, it.columns), &rows);
    it.x_numbers = weft__bench_fill(run, x, 8);
    it.x = x;
    it.out = out;

    weft__bench_launch(run, &(weft_launch_options){.kernel = kernel, .arguments = &it, .pes = rows.pes});
    weft__bench_check(run, "out", out, reference, &it, (weft__bench_bound){.relative = 1.001});
}

const weft__bench weft__bench_softmax = {
    .name = "softmax",
    .what = "The softmax of each row of a matrix, the rows spread over PEs.",
    .keys = keys,
    .run = run,
};
