/* Runs a kernel on every PE of a simulated machine, checks its numbers, and reports where the time went:
 * tile_kernel [MACHINE.yaml]. */
#include <math.h>
#include <stdio.h>

#include <weft/sim.h>

#define ROWS 512
#define COLUMNS 256

typedef struct matrices {
    weft_placed_tensor *x, *y;
} matrices;

/* y = x / sqrt(mean(x^2)) for each row. All PEs run this, each on the rows that lie with it. A call takes simulated
 * time; what its numbers are is computed later, when somebody asks. */
static void normalise(weft_tile *tl, const void *arguments)
{
    const matrices *it = arguments;
    if (!tl_has_shard(tl, it->x)) /* more PEs than rows */
        return;
    tl_tensor x = tl_load_tensor(tl, tl_shard(tl, it->x));
    tl_tensor share = tl_full(tl, weft_shape_2d(1, 1), WEFT_F32, 1.0 / COLUMNS);
    tl_tensor mean = tl_mul(tl, tl_sum(tl, tl_mul(tl, x, x), 1), share);
    tl_store_tensor(tl, tl_shard(tl, it->y), tl_mul(tl, x, tl_rsqrt(tl, mean)));
}

/* Launches the kernel and waits. A mistake in it (no room in a PE's memory, shapes that do not go together, a PE that
 * waits for ever) comes back here, as a sentence that names kernel, PE, time and call. */
static weft_status run(weft_simulation *simulation, const matrices *it, weft_error *err)
{
    const weft_launch_options options = {.name = "normalise", .kernel = normalise, .arguments = it};
    weft_kernel_launch *launch = NULL;
    weft_launch_report report;
    weft_status status = weft_simulation_launch(simulation, &options, &launch, err);
    if (status == WEFT_OK)
        status = weft_simulation_wait(simulation, launch, err);
    if (status == WEFT_OK) {
        weft_kernel_launch_get_report(launch, &report);
        printf("%u PEs took %.3f ns, %.1f %% of the roofline\n", report.pes, (double)report.makespan_ps / 1000,
               100 * report.roofline_fraction);
        for (int i = 0; i < WEFT_PE_TIMES; i++)
            printf("  %-8s %5.1f %%\n", weft_pe_time_name((weft_pe_time)i),
                   100 * (double)report.spent_ps[i] / (double)report.makespan_ps / report.pes);
    }
    weft_kernel_launch_destroy(launch);
    return status;
}

/* The largest difference from plain loops in double. */
static double difference(float x[ROWS][COLUMNS], float y[ROWS][COLUMNS])
{
    double worst = 0;
    for (int row = 0; row < ROWS; row++) {
        double sum = 0;
        for (int column = 0; column < COLUMNS; column++)
            sum += (double)x[row][column] * (double)x[row][column];
        for (int column = 0; column < COLUMNS; column++)
            worst = fmax(worst, fabs((double)y[row][column] - (double)x[row][column] / sqrt(sum / COLUMNS)));
    }
    return worst;
}

int main(int argc, char **argv)
{
    static float x[ROWS][COLUMNS], y[ROWS][COLUMNS];
    /* Rows are divided among SIPs, the share of a SIP among its cubes, that of a cube among its PEs. */
    const weft_placement spread = {
        .over_sips = WEFT_SPLIT_ROWS, .over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_ROWS};
    const weft_shape shape = weft_shape_2d(ROWS, COLUMNS);
    weft_machine *machine = NULL;
    weft_simulation *simulation = NULL;
    matrices it = {NULL, NULL};
    weft_error err;

    for (int i = 0; i < ROWS * COLUMNS; i++)
        x[i / COLUMNS][i % COLUMNS] = (float)(i * 7919LL % 201) / 100.0f - 1.0f;
    int failed = weft_machine_open(argc > 1 ? argv[1] : "machines/two-sip.yaml", NULL, 0, &machine, &err) ||
                 weft_simulation_create(machine, NULL, &simulation, &err) ||
                 weft_placed_tensor_create(simulation, WEFT_F32, &shape, &spread, &it.x, &err) ||
                 weft_placed_tensor_create(simulation, WEFT_F32, &shape, &spread, &it.y, &err) ||
                 weft_placed_tensor_set(it.x, x, sizeof x, &err) || run(simulation, &it, &err) ||
                 weft_placed_tensor_get(it.y, y, sizeof y, &err);
    if (failed)
        fprintf(stderr, "tile_kernel: %s\n", err.message);
    else
        printf("numbers %s\n", difference(x, y) < 1e-6 ? "agree" : "DIFFER");

    /* Tensors go before their simulation, and that before its machine. */
    weft_placed_tensor_destroy(it.y);
    weft_placed_tensor_destroy(it.x);
    weft_simulation_destroy(simulation);
    weft_machine_close(machine);
    return failed || difference(x, y) >= 1e-6;
}
