/* The softmax of every row of a matrix that has more rows on each PE than fit its memory at once. */
#include <math.h>

#include "example.h"

#define ROWS 4100
#define COLUMNS 1000

typedef struct matrices {
    const weft_placed_tensor *in, *out;
    uint64_t rows_at_once;
} matrices;

static void softmax(weft_tile *tl, const void *arguments)
{
    const matrices *it = arguments;
    tl_tensor in = tl_shard(tl, it->in), out = tl_shard(tl, it->out);
    uint64_t rows = in.shape.extent[0];
    for (uint64_t row = 0; row < rows; row += it->rows_at_once) {
        uint64_t count = row + it->rows_at_once < rows ? it->rows_at_once : rows - row;
        tl_tensor from = tl_slice(tl, in, 0, row, count), to = tl_slice(tl, out, 0, row, count);
        uint64_t mark = tl_mark(tl);
        tl_tensor x = tl_load_tensor(tl, from);
        tl_store_tensor(tl, to, tl_softmax(tl, x, 1));
        tl_release(tl, mark);
    }
}

int main(int argc, char **argv)
{
    static float in[ROWS * COLUMNS], out[ROWS * COLUMNS];
    weft_error err;
    example it = example_open(argc, argv, NULL);
    example_fill(in, ROWS * COLUMNS);

    const weft_pe_set cube = {.sips = 1, .cubes = 1};
    const weft_placement rows = {.pes = cube, .over_pes = WEFT_SPLIT_ROWS};
    weft_placed_tensor *from = example_tensor(&it, weft_shape_2d(ROWS, COLUMNS), &rows, in);
    weft_placed_tensor *to = example_tensor(&it, weft_shape_2d(ROWS, COLUMNS), &rows, NULL);
    const matrices arguments = {.in = from, .out = to, .rows_at_once = 100};
    const weft_launch_options options = {.name = "softmax", .kernel = softmax, .arguments = &arguments, .pes = cube};
    example_run(&it, &options);
    must(weft_placed_tensor_get(to, out, sizeof out, &err), &err);

    double worst = 0;
    for (int row = 0; row < ROWS; row++) {
        double sum = 0;
        for (int column = 0; column < COLUMNS; column++)
            sum += exp((double)in[row * COLUMNS + column]);
        for (int column = 0; column < COLUMNS; column++)
            worst =
                fmax(worst, fabs(exp((double)in[row * COLUMNS + column]) / sum - (double)out[row * COLUMNS + column]));
    }
    weft_placed_tensor_destroy(from);
    weft_placed_tensor_destroy(to);
    example_close(&it);
    return worst < 1e-6 ? 0 : 1;
}
