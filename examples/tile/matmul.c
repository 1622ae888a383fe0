/* y = gelu(x w + bias) on one cube: each PE has some columns of w. */
#include <math.h>

#include "example.h"

#define ROWS 32
#define INNER 512
#define COLUMNS 256

typedef struct layer {
    const weft_placed_tensor *x, *w, *bias, *y;
} layer;

/* The plainest way: bring all that is needed, multiply, write. One thing happens at a time. */
static void plain(weft_tile *tl, const void *arguments)
{
    const layer *it = arguments;
    tl_tensor x = tl_shard(tl, it->x), w = tl_shard(tl, it->w), bias = tl_shard(tl, it->bias), y = tl_shard(tl, it->y);
    x = tl_load_tensor(tl, x);
    w = tl_load_tensor(tl, w);
    bias = tl_load_tensor(tl, bias);
    tl_store_tensor(tl, y, tl_gelu(tl, tl_add(tl, tl_dot(tl, x, w), bias)));
}

/* One composite command: tiles of w come in while others are multiplied, and bias and gelu are added on the way out. */
static void composite(weft_tile *tl, const void *arguments)
{
    const layer *it = arguments;
    tl_tensor x = tl_shard(tl, it->x), bias = tl_shard(tl, it->bias);
    const tl_epilogue steps[] = {{.step = {.op = WEFT_EPILOGUE_BIAS}, .operand = tl_load_tensor(tl, bias)},
                                 {.step = {.op = WEFT_EPILOGUE_GELU}}};
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = tl_load_tensor(tl, x),
                                          .b = tl_shard(tl, it->w),
                                          .out = tl_shard(tl, it->y).address,
                                          .dtype = WEFT_F32,
                                          .epilogues = steps,
                                          .epilogue_count = 2};
    tl_wait(tl, tl_composite(tl, &request));
}

/* The largest difference from plain loops in double. */
static double difference(const float *x, const float *w, const float *bias, const float *y)
{
    double worst = 0;
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < COLUMNS; column++) {
            double sum = (double)bias[column];
            for (int k = 0; k < INNER; k++)
                sum += (double)x[row * INNER + k] * (double)w[k * COLUMNS + column];
            double gelu = 0.5 * sum * (1 + tanh(0.7978845608028654 * (sum + 0.044715 * sum * sum * sum)));
            worst = fmax(worst, fabs(gelu - (double)y[row * COLUMNS + column]));
        }
    return worst;
}

int main(int argc, char **argv)
{
    static float x[ROWS * INNER], w[INNER * COLUMNS], bias[COLUMNS], y[ROWS * COLUMNS];
    weft_error err;
    example it = example_open(argc, argv, NULL);
    example_fill(x, ROWS * INNER);
    example_fill(w, INNER * COLUMNS);
    example_fill(bias, COLUMNS);

    const weft_pe_set cube = {.sips = 1, .cubes = 1};
    const weft_placement copies = {.pes = cube}, columns = {.pes = cube, .over_pes = WEFT_SPLIT_COLUMNS};
    weft_placed_tensor *tensors[] = {example_tensor(&it, weft_shape_2d(ROWS, INNER), &copies, x),
                                     example_tensor(&it, weft_shape_2d(INNER, COLUMNS), &columns, w),
                                     example_tensor(&it, weft_shape_2d(1, COLUMNS), &columns, bias),
                                     example_tensor(&it, weft_shape_2d(ROWS, COLUMNS), &columns, NULL)};
    const layer arguments = {tensors[0], tensors[1], tensors[2], tensors[3]};

    weft_launch_options options = {.name = "plain", .kernel = plain, .arguments = &arguments, .pes = cube};
    example_run(&it, &options);
    must(weft_placed_tensor_get(tensors[3], y, sizeof y, &err), &err);
    double worst = difference(x, w, bias, y);

    options.name = "composite";
    options.kernel = composite;
    example_run(&it, &options);
    must(weft_placed_tensor_get(tensors[3], y, sizeof y, &err), &err);
    worst = fmax(worst, difference(x, w, bias, y));

    for (int i = 0; i < 4; i++)
        weft_placed_tensor_destroy(tensors[i]);
    example_close(&it);
    return worst < 1e-4 ? 0 : 1;
}
