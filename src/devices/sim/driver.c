#include "devices/sim/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "devices/sim/processor.h"
#include "devices/sim/sim_impl.h"
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

/* The machine file with the settings of the URI. */
static weft_status load_machine(weft__sim_device *sim, const weft__device_options *options, weft_error *err)
{
    size_t count = options->setting_count;
    weft_machine_setting *settings = malloc((count + 1) * sizeof *settings);
    if (!settings)
        return weft__fail_memory(err, (count + 1) * sizeof *settings, "the settings of a machine");
    for (size_t i = 0; i < count; i++)
        settings[i] = (weft_machine_setting){options->settings[i].key, options->settings[i].value};
    weft_status status = weft_machine_open(options->path, settings, count, &sim->machine, err);
    free(settings);
    if (status == WEFT_NOT_FOUND) /* a key, which here is an option of the URI */
        return weft__fail_within(err, WEFT_INVALID_ARGUMENT, "Device 'sim:%s'", options->path);
    return status;
}

static weft_status open_machine(weft__sim_device *sim, const weft__device_options *options, weft_device_info *info,
                                weft_error *err)
{
    weft__allocator *allocator;
    weft_status status = load_machine(sim, options, err);
    const weft_simulation_options simulation = {.values = (weft_values_mode)options->values,
                                                .hazards = (weft_hazard_action)options->hazards,
                                                .threads = options->threads,
                                                .perturb_seed = options->perturb_seed};
    if (status == WEFT_OK)
        status = weft_simulation_create(sim->machine, &simulation, &sim->simulation, err);
    if (status == WEFT_OK) /* fails for a machine without HBM */
        status = weft__simulation_allocator(sim->simulation, WEFT_HOME_HBM, 0, &allocator, err);
    if (status == WEFT_OK && sim->simulation->values)
        status = make_zeros(sim, err);
    if (status == WEFT_OK)
        status = weft__sim_processor_create(sim, options, err);
    if (status != WEFT_OK)
        return status;
    info->threads = options->threads ? options->threads : 1;
    describe(sim, info);
    sim->times.pes = sim->pes;
    sim->host_memory = calloc(sim->pes, sizeof *sim->host_memory);
    return sim->host_memory ? WEFT_OK
                            : weft__fail_memory(err, sim->pes * sizeof *sim->host_memory, "the host memory of PEs");
}

static void free_device(weft__sim_device *sim)
{
    for (uint32_t pe = 0; sim->host_memory && pe < sim->pes; pe++)
        free(sim->host_memory[pe].data);
    free(sim->host_memory);
    weft__sim_processor_destroy(sim->processor);
    weft_simulation_destroy(sim->simulation);
    weft_machine_close(sim->machine);
    weft__sim_times_destroy(&sim->times);
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
    if (status != WEFT_OK)
        free_device(sim);
    return status;
}

static void close_sim(weft_device *device)
{
    free_device(device->driver);
}

/* ---- the clock ---- */

static uint64_t now_ps(const weft_device *device)
{
    const weft__sim_device *sim = device->driver;
    return atomic_load(&sim->times.host_ps);
}

static weft_status begin_trace(weft_device *device, weft__trace *trace, weft_error *err)
{
    weft__sim_device *sim = device->driver;
    pthread_mutex_lock(&sim->lock);
    weft_status status = weft__simulation_begin_trace(sim->simulation, trace, err);
    pthread_mutex_unlock(&sim->lock);
    return status;
}

static void end_trace(weft_device *device)
{
    weft__sim_device *sim = device->driver;
    pthread_mutex_lock(&sim->lock);
    weft__simulation_end_trace(sim->simulation);
    pthread_mutex_unlock(&sim->lock);
}

static size_t time_parts(const weft_device *device, weft_time_part *out, size_t capacity)
{
    weft__sim_device *sim = device->driver;
    pthread_mutex_lock(&sim->lock);
    size_t count = weft__sim_times_list(&sim->times, out, capacity);
    pthread_mutex_unlock(&sim->lock);
    return count;
}

static const weft__kernel *const kernels[] = {
    &weft__sim_kernel_add.kernel,          &weft__sim_kernel_mul.kernel,
    &weft__sim_kernel_scale.kernel,        &weft__sim_kernel_silu_mul.kernel,
    &weft__sim_kernel_gelu_mul.kernel,     &weft__sim_kernel_copy.kernel,
    &weft__sim_kernel_embedding.kernel,    &weft__sim_kernel_rms_norm.kernel,
    &weft__sim_kernel_rope.kernel,         &weft__sim_kernel_matmul.kernel,
    &weft__sim_kernel_attention.kernel,    &weft__sim_kernel_softmax.kernel,
    &weft__sim_kernel_argmax.kernel,       &weft__sim_kernel_top_k.kernel,
    &weft__sim_kernel_sample.kernel,       &weft__sim_kernel_rms_norm_mul.kernel,
    &weft__sim_kernel_add_rms_norm.kernel, &weft__sim_kernel_rms_norm_rope.kernel,
    &weft__sim_kernel_gate_up_silu.kernel,
};

const weft__device_table weft__sim_device_table = {
    .scheme = "sim",
    .description = "tile kernels on a simulated machine",
    .accepts = WEFT__ACCEPTS_PATH | WEFT__ACCEPTS_THREADS | WEFT__ACCEPTS_SHUFFLE | WEFT__ACCEPTS_SIMULATION,
    .kernels = kernels,
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .open = open_sim,
    .close = close_sim,
    .memory_create = weft__sim_memory_create,
    .memory_destroy = weft__sim_memory_destroy,
    .memory_write = weft__sim_memory_write,
    .memory_read = weft__sim_memory_read,
    .memory_clear = weft__sim_memory_clear,
    .submit = weft__sim_submit,
    .wait = weft__sim_wait,
    .now_ps = now_ps,
    .time_parts = time_parts,
    .begin_trace = begin_trace,
    .end_trace = end_trace,
};
