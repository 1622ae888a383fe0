#include "devices/sim/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "devices/host/args.h"
#include "devices/sim/sim_impl.h"
#include "runtime/host_device.h"
#include "sim/host/host_impl.h"
#include "sim/machine/address.h"
#include "sim/pe/rates.h"

/* ---- opening and closing ---- */

static weft_status make_zeros(weft__sim_device *sim, weft_error *err)
{
    const weft_shape shape = weft_shape_1d(WEFT__SIM_ZERO_BYTES);
    void *bytes = calloc(1, WEFT__SIM_ZERO_BYTES);
    if (!bytes)
        return weft__fail_memory(err, WEFT__SIM_ZERO_BYTES, "the zeros of new memory");
    weft_status status = weft__values_constant(sim->simulation->values, WEFT_U8, &shape, bytes, &sim->zeros, err);
    free(bytes);
    return status;
}

/* What a machine is to the runtime. */
static void describe(weft__sim_device *sim, weft_device_info *info)
{
    const weft__graph *graph = weft__simulation_graph(sim->simulation);
    sim->pes = weft__pes_count(sim->simulation->pes);
    sim->room_bytes = weft__min_size(weft__pes_rates(sim->simulation->pes)->scratch_bytes,
                                     weft__region_bytes(graph, WEFT__REGION_TCM));
    info->memory_bytes = sim->pes * weft__region_bytes(graph, WEFT__REGION_HBM);
    (void)snprintf(info->isa, sizeof info->isa, "%s", graph->spec->name);
}

static weft_status open_machine(weft__sim_device *sim, const weft__device_options *options, weft_device_info *info,
                                weft_error *err)
{
    weft__allocator *allocator;
    weft_status status = weft_machine_open(options->path, NULL, 0, &sim->machine, err);
    const weft_simulation_options simulation = {.threads = options->threads};
    if (status == WEFT_OK)
        status = weft_simulation_create(sim->machine, &simulation, &sim->simulation, err);
    if (status == WEFT_OK) /* fails for a machine without HBM */
        status = weft__simulation_allocator(sim->simulation, WEFT_HOME_HBM, 0, &allocator, err);
    if (status == WEFT_OK)
        status = make_zeros(sim, err);
    if (status != WEFT_OK)
        return status;
    info->threads = options->threads ? options->threads : 1;
    describe(sim, info);
    sim->host_memory = calloc(sim->pes, sizeof *sim->host_memory);
    return sim->host_memory ? WEFT_OK
                            : weft__fail_memory(err, sim->pes * sizeof *sim->host_memory, "the host memory of PEs");
}

static void free_device(weft__sim_device *sim)
{
    for (uint32_t pe = 0; sim->host_memory && pe < sim->pes; pe++)
        free(sim->host_memory[pe].data);
    free(sim->host_memory);
    weft_simulation_destroy(sim->simulation);
    weft_machine_close(sim->machine);
    pthread_mutex_destroy(&sim->lock);
    free(sim);
}

static weft_status open_sim(weft_device *device, const weft__device_options *options, weft_error *err)
{
    if (!options->path[0])
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "Device 'sim' needs a machine: 'sim:FILE', such as 'sim:machines/tiny.yaml'.");
    weft__sim_device *sim = calloc(1, sizeof *sim);
    if (!sim)
        return weft__fail_memory(err, sizeof *sim, "the device sim");
    pthread_mutex_init(&sim->lock, NULL);
    device->driver = sim;
    weft_status status = open_machine(sim, options, &device->info, err);
    if (status == WEFT_OK)
        status = weft__host_queue_start(device, options, err);
    if (status != WEFT_OK)
        free_device(sim);
    return status;
}

static void close_sim(weft_device *device)
{
    weft__host_queue_stop(device);
    free_device(device->driver);
}

/* ---- running ---- */

/* A dispatch under way. */
typedef struct running {
    weft__sim_call call;
    weft__fault fault;
    weft_kernel_launch *launch; /* NULL: there is nothing to do */
} running;

static weft__sim_view view_of(const weft_buffer *buffer)
{
    if (!buffer)
        return (weft__sim_view){.memory = NULL};
    return (weft__sim_view){.memory = buffer->allocation->handle,
                            .offset_bytes = buffer->offset_bytes,
                            .dtype = buffer->dtype,
                            .shape = buffer->shape,
                            .elements = weft__buffer_elements(buffer)};
}

/* Kernels are named like dispatches, so that what the simulation says of one names the dispatch. */
static weft_status launch(weft__sim_device *sim, const weft_dispatch *dispatch, running *run, weft_error *err)
{
    char name[128];
    uint32_t arguments = dispatch->op->argument_count;
    run->call = (weft__sim_call){
        .dispatch = dispatch, .room_bytes = sim->room_bytes, .host_memory = sim->host_memory, .fault = &run->fault};
    for (uint32_t i = 0; i < arguments; i++)
        run->call.arguments[i] = view_of(dispatch->arguments[i]);
    if (run->call.arguments[arguments - 1].elements == 0)
        return WEFT_OK;
    (void)snprintf(name, sizeof name, dispatch->label ? "dispatch %u (%s, %s)" : "dispatch %u (%s)", dispatch->index,
                   dispatch->op->name, dispatch->label);
    const weft__sim_kernel *kernel = (const weft__sim_kernel *)(const void *)dispatch->kernel;
    const weft_launch_options options = {.name = name,
                                         .kernel = kernel->tile,
                                         .arguments = &run->call,
                                         .queues = kernel->queues,
                                         .group_size = weft__simulation_graph(sim->simulation)->pes};
    return weft_simulation_launch(sim->simulation, &options, &run->launch, err);
}

/* Launches all, then waits for all that were launched. */
static weft_status simulate(weft__sim_device *sim, const weft_dispatch *const *dispatches, size_t count, running *runs,
                            weft_error *err)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < count && status == WEFT_OK; i++)
        status = launch(sim, dispatches[i], &runs[i], err);
    for (size_t i = 0; i < count; i++) {
        weft_error *unheard = status == WEFT_OK ? err : NULL;
        weft_status waited = runs[i].launch ? weft_simulation_wait(sim->simulation, runs[i].launch, unheard) : WEFT_OK;
        if (status == WEFT_OK)
            status = waited;
        weft_kernel_launch_destroy(runs[i].launch);
    }
    return status;
}

static weft_status fail_lost(const weft__sim_device *sim, const weft_error *first, weft_error *err)
{
    return weft__fail(err, WEFT_DEVICE_LOST, "The simulation of machine '%s' ended earlier: %s",
                      weft__simulation_graph(sim->simulation)->spec->name, first->message);
}

static weft_status run_group(weft_device *device, const weft_dispatch *const *dispatches, size_t count, weft_error *err)
{
    weft__sim_device *sim = device->driver;
    weft_error first;
    running *runs = calloc(count, sizeof *runs);
    if (!runs)
        return weft__fail_memory(err, count * sizeof *runs, "the dispatches of a group");
    pthread_mutex_lock(&sim->lock);
    weft_status status = weft__simulation_check(sim->simulation, &first);
    status = status == WEFT_OK ? simulate(sim, dispatches, count, runs, err) : fail_lost(sim, &first, err);
    pthread_mutex_unlock(&sim->lock);
    for (size_t i = 0; i < count && status == WEFT_OK; i++) {
        status = weft__host_fault(dispatches[i], runs[i].fault, err);
        if (status != WEFT_OK)
            weft__dispatch_fail_within(err, dispatches[i]);
    }
    free(runs);
    return status;
}

static const weft__kernel *const kernels[] = {
    &weft__sim_kernel_add.kernel,       &weft__sim_kernel_mul.kernel,       &weft__sim_kernel_scale.kernel,
    &weft__sim_kernel_silu_mul.kernel,  &weft__sim_kernel_gelu_mul.kernel,  &weft__sim_kernel_copy.kernel,
    &weft__sim_kernel_embedding.kernel, &weft__sim_kernel_rms_norm.kernel,  &weft__sim_kernel_rope.kernel,
    &weft__sim_kernel_matmul.kernel,    &weft__sim_kernel_attention.kernel, &weft__sim_kernel_softmax.kernel,
    &weft__sim_kernel_argmax.kernel,    &weft__sim_kernel_top_k.kernel,     &weft__sim_kernel_sample.kernel,
};

const weft__device_table weft__sim_device_table = {
    .scheme = "sim",
    .description = "tile kernels on a simulated machine",
    .accepts = WEFT__ACCEPTS_PATH | WEFT__ACCEPTS_THREADS | WEFT__ACCEPTS_SHUFFLE,
    .kernels = kernels,
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .open = open_sim,
    .close = close_sim,
    .memory_create = weft__sim_memory_create,
    .memory_destroy = weft__sim_memory_destroy,
    .memory_write = weft__sim_memory_write,
    .memory_read = weft__sim_memory_read,
    .memory_clear = weft__sim_memory_clear,
    .submit = weft__host_submit,
    .run_group = run_group,
};
