/* What the examples after vector_add.c share: a machine with a simulation, and the ends of both. */
#ifndef WEFT_EXAMPLE_H
#define WEFT_EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>

#include <weft/sim.h>

typedef struct example {
    weft_machine *machine;
    weft_simulation *simulation;
    weft_kernel_launch *launch;
    weft_launch_report report; /* of the last run */
} example;

/* Ends the program if something went wrong. */
static inline void must(weft_status status, const weft_error *err)
{
    if (status == WEFT_OK)
        return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static inline example example_open(int argc, char **argv, const weft_simulation_options *options)
{
    weft_error err;
    example it = {0};
    must(weft_machine_open(argc > 1 ? argv[1] : "machines/two-sip.yaml", NULL, 0, &it.machine, &err), &err);
    must(weft_simulation_create(it.machine, options, &it.simulation, &err), &err);
    return it;
}

static inline void example_close(example *it)
{
    weft_kernel_launch_destroy(it->launch);
    weft_simulation_destroy(it->simulation);
    weft_machine_close(it->machine);
}

/* A tensor of f32 with elements; `data` NULL: none yet. */
static inline weft_placed_tensor *example_tensor(example *it, weft_shape shape, const weft_placement *placement,
                                                 const float *data)
{
    weft_error err;
    weft_placed_tensor *tensor;
    must(weft_placed_tensor_create(it->simulation, WEFT_F32, &shape, placement, &tensor, &err), &err);
    if (data)
        must(weft_placed_tensor_set(tensor, data, (size_t)weft_shape_elements(&shape) * sizeof *data, &err), &err);
    return tensor;
}

/* Launches, and waits for the end. */
static inline void example_run(example *it, const weft_launch_options *options)
{
    weft_error err;
    weft_kernel_launch_destroy(it->launch);
    must(weft_simulation_launch(it->simulation, options, &it->launch, &err), &err);
    must(weft_simulation_wait(it->simulation, it->launch, &err), &err);
    weft_kernel_launch_get_report(it->launch, &it->report);
    printf("%s: %u PE%s, %.3f ns\n", options->name, it->report.pes, it->report.pes == 1 ? "" : "s",
           (double)it->report.makespan_ps / 1000);
}

/* Numbers that look like data. */
static inline void example_fill(float *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        data[i] = (float)(i * 7919 % 201) / 100.0f - 1.0f;
}

#endif
