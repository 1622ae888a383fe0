/* Sums a vector over the eight PEs of a cube: by hand, one whole vector at a time round a ring, and as a collective. */
#include <math.h>

#include <weft/collective.h>

#include "example.h"

#define RANKS 8
#define COUNT 1024

typedef struct vectors {
    const weft_placed_tensor *in, *out;
} vectors;

/* Each PE passes on what it got last, so after RANKS - 1 steps everybody has seen everybody's vector. */
static void by_hand(weft_tile *tl, const void *arguments)
{
    const vectors *it = arguments;
    tl_tensor in = tl_shard(tl, it->in);
    tl_tensor passing = tl_load_tensor(tl, in), sum = passing;
    for (uint32_t step = 1; step < tl_num_programs(tl, TL_AXIS_RANK); step++) {
        (void)tl_send(tl, TL_NEXT, passing);
        passing = tl_recv(tl, TL_PREVIOUS, in.shape, in.dtype);
        sum = tl_add(tl, sum, passing);
    }
    tl_store_tensor(tl, tl_shard(tl, it->out), sum);
}

static void collective(weft_tile *tl, const void *arguments)
{
    const vectors *it = arguments;
    tl_tensor in = tl_shard(tl, it->in);
    tl_tensor mine = tl_load_tensor(tl, in);
    tl_store_tensor(tl, tl_shard(tl, it->out), tl_all_reduce_ring(tl, mine, TL_REDUCE_SUM));
}

static double difference(example *it, weft_placed_tensor *tensor, const float *in)
{
    static float out[RANKS * COUNT];
    double worst = 0;
    (void)it;
    weft_error err;
    must(weft_placed_tensor_get(tensor, out, sizeof out, &err), &err);
    for (int i = 0; i < COUNT; i++) {
        double sum = 0;
        for (int rank = 0; rank < RANKS; rank++)
            sum += (double)in[rank * COUNT + i];
        for (int rank = 0; rank < RANKS; rank++)
            worst = fmax(worst, fabs(sum - (double)out[rank * COUNT + i]));
    }
    return worst;
}

int main(int argc, char **argv)
{
    static float in[RANKS * COUNT];
    example it = example_open(argc, argv, NULL);
    example_fill(in, RANKS * COUNT);

    const weft_pe_set cube = {.sips = 1, .cubes = 1};
    const weft_placement rows = {.pes = cube, .over_pes = WEFT_SPLIT_ROWS};
    weft_placed_tensor *from = example_tensor(&it, weft_shape_2d(RANKS, COUNT), &rows, in);
    weft_placed_tensor *to = example_tensor(&it, weft_shape_2d(RANKS, COUNT), &rows, NULL);
    const vectors arguments = {from, to};
    weft_launch_options options = {
        .name = "by hand", .kernel = by_hand, .arguments = &arguments, .pes = cube, .queues = WEFT_QUEUES_RING};
    example_run(&it, &options);
    double worst = difference(&it, to, in);

    options.name = "collective";
    options.kernel = collective;
    example_run(&it, &options);
    worst = fmax(worst, difference(&it, to, in));

    weft_placed_tensor_destroy(from);
    weft_placed_tensor_destroy(to);
    example_close(&it);
    return worst < 1e-4 ? 0 : 1;
}
