/* A kernel with a mistake that timing hides, and what the simulation says about it. */
#include "example.h"

#define COUNT 4096

typedef struct vectors {
    const weft_placed_tensor *in, *doubled, *out;
} vectors;

/* Doubles a vector by a composite command, and then reads what that has written. */
static void twice(weft_tile *tl, const vectors *it, bool waits)
{
    tl_tensor in = tl_shard(tl, it->in), doubled = tl_shard(tl, it->doubled);
    const tl_composite_request request = {
        .op = WEFT_COMMAND_ADD, .a = in, .b = in, .out = doubled.address, .dtype = in.dtype};
    tl_command command = tl_composite(tl, &request);
    if (waits)
        tl_wait(tl, command);
    for (int i = 0; i < 4; i++) /* takes long enough, today */
        (void)tl_load_tensor(tl, in);
    tl_store_tensor(tl, tl_shard(tl, it->out), tl_load_tensor(tl, doubled));
}

static void broken(weft_tile *tl, const void *arguments)
{
    twice(tl, arguments, false);
}

static void repaired(weft_tile *tl, const void *arguments)
{
    twice(tl, arguments, true);
}

int main(int argc, char **argv)
{
    static float in[COUNT], out[COUNT];
    weft_error err;
    weft_kernel_hazard hazard;
    const weft_simulation_options report = {.hazards = WEFT_HAZARDS_REPORT};
    example it = example_open(argc, argv, &report);
    example_fill(in, COUNT);

    const weft_pe_set one = {.sips = 1, .cubes = 1, .pes = 1};
    const weft_placement there = {.pes = one};
    weft_placed_tensor *tensors[] = {example_tensor(&it, weft_shape_1d(COUNT), &there, in),
                                     example_tensor(&it, weft_shape_1d(COUNT), &there, NULL),
                                     example_tensor(&it, weft_shape_1d(COUNT), &there, NULL)};
    const vectors arguments = {tensors[0], tensors[1], tensors[2]};
    weft_launch_options options = {.name = "broken", .kernel = broken, .arguments = &arguments, .pes = one};
    example_run(&it, &options);
    size_t found = 0;
    for (; weft_simulation_hazard_at(it.simulation, found, &hazard); found++)
        printf("%s\n", hazard.text);

    options.name = "repaired";
    options.kernel = repaired;
    example_run(&it, &options);
    bool is_clean = !weft_simulation_hazard_at(it.simulation, found, &hazard);
    must(weft_placed_tensor_get(tensors[2], out, sizeof out, &err), &err);
    for (int i = 0; i < 3; i++)
        weft_placed_tensor_destroy(tensors[i]);
    example_close(&it);
    return found > 0 && is_clean && out[7] == 2 * in[7] ? 0 : 1;
}
