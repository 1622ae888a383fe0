/* Adds two vectors that are spread over all PEs of a machine. */
#include <stdio.h>
#include <stdlib.h>

#include <weft/sim.h>

#define COUNT 65536

typedef struct vectors {
    const weft_placed_tensor *a, *b, *sum;
} vectors;

static void add(weft_tile *tl, const void *arguments)
{
    const vectors *it = arguments;
    tl_tensor a = tl_shard(tl, it->a), b = tl_shard(tl, it->b), sum = tl_shard(tl, it->sum);
    a = tl_load_tensor(tl, a);
    b = tl_load_tensor(tl, b);
    tl_store_tensor(tl, sum, tl_add(tl, a, b));
}

static void must(weft_status status, const weft_error *err)
{
    if (status == WEFT_OK)
        return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

int main(int argc, char **argv)
{
    static float a[COUNT], b[COUNT], sum[COUNT];
    weft_error err;
    weft_machine *machine;
    weft_simulation *simulation;
    weft_placed_tensor *tensors[3];
    must(weft_machine_open(argc > 1 ? argv[1] : "machines/two-sip.yaml", NULL, 0, &machine, &err), &err);
    must(weft_simulation_create(machine, NULL, &simulation, &err), &err);

    /* A vector is split over the SIPs, then over the cubes of each, then over the PEs of each of these. */
    const weft_placement spread = {
        .over_sips = WEFT_SPLIT_ROWS, .over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_ROWS};
    const weft_shape shape = weft_shape_1d(COUNT);
    for (int i = 0; i < 3; i++)
        must(weft_placed_tensor_create(simulation, WEFT_F32, &shape, &spread, &tensors[i], &err), &err);
    for (int i = 0; i < COUNT; i++) {
        a[i] = (float)i;
        b[i] = 0.5f;
    }
    must(weft_placed_tensor_set(tensors[0], a, sizeof a, &err), &err);
    must(weft_placed_tensor_set(tensors[1], b, sizeof b, &err), &err);

    const vectors arguments = {tensors[0], tensors[1], tensors[2]};
    const weft_launch_options options = {.name = "add", .kernel = add, .arguments = &arguments};
    weft_kernel_launch *launch;
    weft_launch_report report;
    must(weft_simulation_launch(simulation, &options, &launch, &err), &err);
    must(weft_simulation_wait(simulation, launch, &err), &err);
    weft_kernel_launch_get_report(launch, &report);
    must(weft_placed_tensor_get(tensors[2], sum, sizeof sum, &err), &err);
    printf("%u PEs took %.3f ns; sum[1000] is %g\n", report.pes, (double)report.makespan_ps / 1000, (double)sum[1000]);

    weft_kernel_launch_destroy(launch);
    for (int i = 0; i < 3; i++)
        weft_placed_tensor_destroy(tensors[i]);
    weft_simulation_destroy(simulation);
    weft_machine_close(machine);
    return sum[1000] == 1000.5f ? 0 : 1;
}
