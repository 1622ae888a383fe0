/* Newton's method for the square root of every element, until all of them are good enough: a loop that depends on data.
 */
#include <math.h>

#include "example.h"

#define COUNT 512

typedef struct roots {
    const weft_placed_tensor *in, *out;
    float enough;
} roots;

static void square_root(weft_tile *tl, const void *arguments)
{
    const roots *it = arguments;
    tl_tensor in = tl_shard(tl, it->in);
    tl_tensor a = tl_load_tensor(tl, in), x = a;
    tl_tensor half = tl_full(tl, weft_shape_1d(1), WEFT_F32, 0.5);
    float worst;
    do {
        tl_tensor next = tl_mul(tl, half, tl_add(tl, x, tl_div(tl, a, x)));
        tl_tensor change = tl_max(tl, tl_abs(tl, tl_sub(tl, next, x)), 0);
        tl_peek(tl, change, &worst);
        x = next;
    } while (worst > it->enough);
    tl_store_tensor(tl, tl_shard(tl, it->out), x);
}

int main(int argc, char **argv)
{
    static float in[COUNT], out[COUNT];
    weft_error err;
    example it = example_open(argc, argv, NULL);
    for (int i = 0; i < COUNT; i++)
        in[i] = 1.0f + (float)i;

    const weft_pe_set cube = {.sips = 1, .cubes = 1};
    const weft_placement rows = {.pes = cube, .over_pes = WEFT_SPLIT_ROWS};
    weft_placed_tensor *from = example_tensor(&it, weft_shape_1d(COUNT), &rows, in);
    weft_placed_tensor *to = example_tensor(&it, weft_shape_1d(COUNT), &rows, NULL);
    const roots arguments = {from, to, 1e-3f};
    const weft_launch_options options = {.name = "roots", .kernel = square_root, .arguments = &arguments, .pes = cube};
    example_run(&it, &options);
    must(weft_placed_tensor_get(to, out, sizeof out, &err), &err);
    for (size_t i = 0; i < it.report.pes; i += 7) {
        char pe[48];
        weft_launch_report report;
        weft_kernel_launch_get_report_of(it.launch, i, pe, &report);
        printf("%s gave %llu commands\n", pe, (unsigned long long)report.commands);
    }

    double worst = 0;
    for (int i = 0; i < COUNT; i++)
        worst = fmax(worst, fabs(sqrt((double)in[i]) - (double)out[i]));
    weft_placed_tensor_destroy(from);
    weft_placed_tensor_destroy(to);
    example_close(&it);
    return worst < 1e-4 ? 0 : 1;
}
