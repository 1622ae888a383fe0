#include "devices/sim/plan.h"

#include <stdlib.h>

#include "base/status.h"
#include "sim/tile/call.h"

/* Ahead of all PEs' counts of rows. Who is told of it is who watched when it began, whoever watches at its end. */
struct weft__sim_plan {
    weft_sim_plan_watcher watcher;
    void *user;
    bool is_noted;
    uint32_t split;
    uint64_t rows, row_elements;
    uint32_t pes;
    bool *has_noted; /* by PE */
    uint64_t rows_of_pe[];
};

/* ---- while kernels run ---- */

/* The argument that a view is of: itself, or a copy, or a part of it. */
static uint32_t argument_of(const weft__sim_call *call, const weft__sim_view *view)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < call->dispatch->op->argument_count; i++) {
        if (view == &call->arguments[i])
            return i;
        if (view->memory == call->arguments[i].memory)
            found = i;
    }
    return found;
}

void weft__sim_note_split(const weft_tile *tl, const weft__sim_view *view, uint64_t rows, uint64_t row_elements,
                          uint64_t own)
{
    const weft__sim_call *call = tl->run->request.arguments;
    weft__sim_plan *plan = call->plan;
    uint32_t pe = tl_program_id(tl, TL_AXIS_ALL);
    if (!plan || pe >= plan->pes || plan->has_noted[pe])
        return;
    if (!plan->is_noted) {
        plan->is_noted = true;
        plan->split = argument_of(call, view);
        plan->rows = rows;
        plan->row_elements = row_elements;
    }
    plan->has_noted[pe] = true;
    plan->rows_of_pe[pe] = own;
}

/* ---- around the launch ---- */

weft_status weft__sim_plan_begin(const weft__sim_device *sim, weft__sim_job *job, weft_error *err)
{
    size_t bytes = sizeof(weft__sim_plan) + sim->pes * (sizeof(uint64_t) + sizeof(bool));
    weft__sim_plan *plan = calloc(1, bytes);
    if (!plan)
        return weft__fail_memory(err, bytes, "the plan of a dispatch");
    plan->watcher = sim->watch_plan;
    plan->user = sim->watch_user;
    plan->pes = sim->pes;
    plan->has_noted = (bool *)(void *)&plan->rows_of_pe[sim->pes];
    job->call.plan = plan;
    return WEFT_OK;
}

static void place_argument(const weft__sim_view *view, const weft__argument *argument, weft_sim_plan_argument *out)
{
    const weft__sim_memory *memory = view->memory;
    *out = (weft_sim_plan_argument){
        .name = argument->name, .role = argument->role, .dtype = view->dtype, .shape = view->shape};
    if (!memory || view->elements == 0)
        return;
    uint64_t bytes = view->elements * weft_dtype_bytes(view->dtype);
    uint64_t first = view->offset_bytes / memory->block_bytes, within = view->offset_bytes % memory->block_bytes;
    out->first_pe = (uint32_t)((memory->first + first) % memory->pes);
    for (uint64_t done = 0, some; done < bytes; done += some, within = 0) {
        some = memory->block_bytes - within < bytes - done ? memory->block_bytes - within : bytes - done;
        out->bytes_most = some > out->bytes_most ? some : out->bytes_most;
        out->pes++;
    }
}

static void count_collectives(const weft__kernel_run *run, weft_sim_plan *out)
{
    for (uint32_t i = 0; i < WEFT__COLLECTIVES_MAX && run->collectives[i].name; i++)
        out->collectives[out->collective_count++] =
            (weft_sim_plan_collective){run->collectives[i].name, run->collectives[i].calls};
}

void weft__sim_plan_end(const weft__sim_job *job)
{
    const weft_dispatch *dispatch = job->call.dispatch;
    const weft__sim_plan *plan = job->call.plan;
    weft_sim_plan out = {.op = dispatch->op->name,
                         .label = dispatch->label ? dispatch->label : "",
                         .dispatch = dispatch->index,
                         .barriers_before = dispatch->barriers_before,
                         .launches = job->launch != NULL,
                         .argument_count = dispatch->op->argument_count,
                         .split = plan->is_noted ? plan->split : UINT32_MAX,
                         .rows = plan->rows,
                         .row_elements = plan->row_elements,
                         .pes = plan->pes,
                         .rows_of_pe = plan->rows_of_pe};
    for (uint32_t i = 0; i < out.argument_count; i++)
        place_argument(&job->call.arguments[i], &dispatch->op->arguments[i], &out.arguments[i]);
    if (job->launch) {
        weft_launch_report report;
        weft_kernel_launch_get_report(job->launch, &report);
        out.macs = report.macs;
        out.memory_bytes = report.memory_bytes;
        count_collectives(job->launch->run, &out);
    }
    plan->watcher(plan->user, &out);
}

weft_status weft_sim_device_watch_plans(weft_device *device, weft_sim_plan_watcher watcher, void *user, weft_error *err)
{
    weft__sim_device *sim = weft__sim_device_of(device);
    if (!sim)
        return weft__fail(err, WEFT_UNSUPPORTED, "Device '%s' is no simulated machine, and places nothing on one.",
                          device->info.scheme);
    pthread_mutex_lock(&sim->lock);
    sim->watch_plan = watcher;
    sim->watch_user = user;
    pthread_mutex_unlock(&sim->lock);
    return WEFT_OK;
}

uint64_t weft_sim_device_memory_of(weft_device *device, uint32_t pe)
{
    uint64_t bytes = 0;
    weft__allocator *allocator;
    const weft__sim_device *sim = weft__sim_device_of(device);
    if (!sim || pe >= sim->pes)
        return 0;
    pthread_mutex_lock(&((weft__sim_device *)device->driver)->lock);
    if (weft__simulation_allocator(sim->simulation, WEFT_HOME_HBM, pe, &allocator, NULL) == WEFT_OK)
        bytes = weft__allocator_describe(allocator).bytes - weft__allocator_describe(allocator).free_bytes;
    pthread_mutex_unlock(&((weft__sim_device *)device->driver)->lock);
    return bytes;
}
