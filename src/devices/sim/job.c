#include "devices/sim/job.h"

#include <stdio.h>
#include <stdlib.h>

#include "devices/sim/plan.h"

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
static weft_status launch(weft__sim_device *sim, weft__sim_job *job, const weft__launch_origin *origin, weft_error *err)
{
    char name[128];
    const weft_dispatch *dispatch = job->call.dispatch;
    (void)snprintf(name, sizeof name, dispatch->label ? "dispatch %u (%s, %s)" : "dispatch %u (%s)", dispatch->index,
                   dispatch->op->name, dispatch->label);
    const weft__sim_kernel *kernel = (const weft__sim_kernel *)(const void *)dispatch->kernel;
    const weft_launch_options options = {.name = name,
                                         .kernel = kernel->tile,
                                         .arguments = &job->call,
                                         .queues =
                                             kernel->choose_queues ? kernel->choose_queues(&job->call) : kernel->queues,
                                         .group_size = job->call.cube_pes};
    return weft__simulation_launch(sim->simulation, &options, origin, &job->launch, err);
}

weft_status weft__sim_job_begin(weft__sim_device *sim, const weft_dispatch *dispatch, const weft__launch_origin *origin,
                                weft__sim_job **out, weft_error *err)
{
    uint32_t arguments = dispatch->op->argument_count;
    *out = NULL;
    weft__sim_job *job = calloc(1, sizeof *job);
    if (!job)
        return weft__fail_memory(err, sizeof *job, "a dispatch");
    const weft__graph *graph = weft__simulation_graph(sim->simulation);
    job->call = (weft__sim_call){.dispatch = dispatch,
                                 .room_bytes = sim->room_bytes,
                                 .slot_bytes = graph->spec->pe.ipcq.slot_bytes,
                                 .slots = graph->spec->pe.ipcq.slots,
                                 .cube_pes = graph->pes,
                                 .host_memory = sim->host_memory,
                                 .has_values = sim->simulation->values != NULL,
                                 .fault = &job->fault};
    for (uint32_t i = 0; i < arguments; i++)
        job->call.arguments[i] = view_of(dispatch->arguments[i]);
    weft__launch_origin of_job = *origin;
    of_job.context = &job->head;
    weft_status status = sim->watch_plan ? weft__sim_plan_begin(sim, job, err) : WEFT_OK;
    if (status == WEFT_OK && job->call.arguments[arguments - 1].elements)
        status = launch(sim, job, &of_job, err);
    if (status != WEFT_OK) {
        weft__dispatch_fail_within(err, dispatch);
        weft__sim_job_free(job);
        return status;
    }
    *out = job;
    return WEFT_OK;
}

void weft__sim_job_free(weft__sim_job *job)
{
    weft_kernel_launch_destroy(job->launch);
    free(job->call.plan);
    free(job);
}
