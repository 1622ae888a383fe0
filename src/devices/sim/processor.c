/* What the command processor does with command buffers of the device. */
#include "devices/sim/processor_impl.h"

#include "base/size.h"
#include "base/status.h"
#include "devices/host/args.h"
#include "devices/sim/plan.h"

/* So many more values than after the last time are reason to compute them all: what nobody reads would pile up. */
#define LIVE_VALUES_MORE 20000u

static uint64_t now_of(const weft__sim_processor *it)
{
    return weft__sim_now(it->sim->simulation->sim);
}

static void tell(const weft__sim_processor *it, weft__processor_part part, const weft_kernel_launch *launch)
{
    const weft__host_listener *listener = it->sim->simulation->listener;
    if (listener)
        listener->processes(listener->context, part, launch);
}

/* ---- the timeline ---- */

/* Begins an entry; gives its place, which means nothing where no times are kept. */
static size_t begin_time(const weft__sim_processor *it, weft_timeline_kind kind, const weft_dispatch *dispatch)
{
    weft__command_buffer *commands = it->turn;
    if (!commands->times)
        return 0;
    commands->times[commands->time_count] = (weft__part_time){
        .kind = kind, .dispatch = dispatch, .barriers = it->barriers, .start_ps = now_of(it), .end_ps = now_of(it)};
    return commands->time_count++;
}

static void end_time(const weft__sim_processor *it, size_t time)
{
    if (it->turn->times)
        it->turn->times[time].end_ps = now_of(it);
}

static void note_work(const weft__sim_processor *it, const weft__sim_job *job, const weft_launch_report *report)
{
    if (!it->turn->times)
        return;
    weft_timeline_work *work = &it->turn->times[job->time].work;
    *work = (weft_timeline_work){.pes = report->pes,
                                 .begin_ps = report->start_ps,
                                 .end_ps = report->finish_ps,
                                 .macs = report->macs,
                                 .memory_bytes = report->memory_bytes,
                                 .compute_bound_ps = report->compute_bound_ps,
                                 .memory_bound_ps = report->memory_bound_ps};
    _Static_assert(WEFT_TIMELINE_SPENT == WEFT_PE_TIMES, "a timeline has a place for each");
    for (uint32_t i = 0; i < WEFT_PE_TIMES; i++)
        work->spent_ps[i] = report->spent_ps[i];
}

/* ---- command buffers ---- */

static bool on_begins(void *context)
{
    weft__sim_processor *it = context;
    weft__command_buffer *commands = it->turn;
    it->place = it->barriers = 0;
    it->faulty = SIZE_MAX;
    it->has_waited = false;
    commands->start_ps = now_of(it);
    weft__sim_times_begin(&it->sim->times, now_of(it));
    it->status = weft__command_buffer_start(commands, &it->error);
    return it->status == WEFT_OK;
}

static void on_ends(void *context)
{
    weft__sim_processor *it = context;
    weft__command_buffer *commands = it->turn;
    tell(it, WEFT__PART_END, NULL);
    commands->end_ps = now_of(it);
    weft__command_buffer_settle(commands, it->status, &it->error);
    weft__sim_times_end(&it->sim->times);
    it->turn = commands->next;
}

static void on_known(void *context, uint64_t number)
{
    const weft__sim_processor *it = context;
    weft__command_buffer *commands = it->first;
    while (commands->sequence != number)
        commands = commands->next;
    commands->known_ps = now_of(it);
}

/* ---- parts ---- */

static weft__processor_part on_next(void *context)
{
    const weft__sim_processor *it = context;
    const weft__command_buffer *commands = it->turn;
    if (commands->wait_value && !it->has_waited)
        return WEFT__PART_WAIT;
    if (it->status == WEFT_OK && it->place < commands->stream_count)
        return commands->stream[it->place] ? WEFT__PART_DISPATCH : WEFT__PART_BARRIER;
    return commands->signal_value ? WEFT__PART_SIGNAL : WEFT__PART_END;
}

static void on_comes(void *context, weft__processor_part part)
{
    static const weft_timeline_kind kinds[] = {
        [WEFT__PART_WAIT] = WEFT_TIMELINE_FENCE_WAIT,
        [WEFT__PART_DISPATCH] = WEFT_TIMELINE_DISPATCH,
        [WEFT__PART_BARRIER] = WEFT_TIMELINE_BARRIER,
        [WEFT__PART_SIGNAL] = WEFT_TIMELINE_FENCE_SIGNAL,
    };
    weft__sim_processor *it = context;
    it->time = begin_time(it, kinds[part], part == WEFT__PART_DISPATCH ? it->turn->stream[it->place] : NULL);
}

static void on_passes(void *context, weft__processor_part part)
{
    weft__sim_processor *it = context;
    bool is_barrier = part == WEFT__PART_BARRIER;
    tell(it, part, NULL);
    weft__sim_times_pass(&it->sim->times, is_barrier ? WEFT__SIM_BARRIER : WEFT__SIM_FENCE, now_of(it));
    end_time(it, it->time);
    it->place += is_barrier;
    it->barriers += is_barrier;
    it->has_waited = true;
}

static void on_group_begins(void *context)
{
    weft__sim_processor *it = context;
    weft__command_buffer *commands = it->turn;
    size_t end = it->place;
    while (end < commands->stream_count && commands->stream[end])
        end++;
    if (it->shuffles && end > it->place)
        weft__host_shuffle(it->shuffle_seed, commands, &commands->stream[it->place], end - it->place);
    it->given_ps = now_of(it);
}

static void find_fault(weft__sim_processor *it)
{
    if (it->faulty == SIZE_MAX || it->status != WEFT_OK)
        return;
    const weft_dispatch *dispatch = it->turn->stream[it->faulty];
    it->status = weft__host_fault(dispatch, it->fault, &it->error);
    weft__dispatch_fail_within(&it->error, dispatch);
    weft__command_buffer_fail_within(&it->error, it->turn);
}

static void limit_values(weft__sim_processor *it)
{
    weft_error err;
    weft__values_statistics statistics;
    weft__values *values = it->sim->simulation->values;
    if (!values)
        return;
    weft__values_get_statistics(values, &statistics);
    if (statistics.live < 2 * it->live_values + LIVE_VALUES_MORE)
        return;
    if (weft__values_evaluate_all(values, &err) != WEFT_OK)
        (void)weft__sim_fail(it->sim->simulation->sim, err.code, "%s", err.message);
    weft__values_get_statistics(values, &statistics);
    it->live_values = statistics.live;
}

static void on_drained(void *context)
{
    weft__sim_processor *it = context;
    weft__sim_times_drained(&it->sim->times, it->given_ps, now_of(it));
    find_fault(it);
    limit_values(it);
}

/* ---- dispatches ---- */

static void end_job(weft__sim_processor *it, weft__sim_job *job)
{
    weft_error err;
    if (job->fault.kind != WEFT__FAULT_NONE && job->place < it->faulty) {
        it->faulty = job->place;
        it->fault = job->fault;
    }
    if (job->launch) {
        weft_launch_report report;
        weft_kernel_launch_get_report(job->launch, &report);
        note_work(it, job, &report);
        if (weft__sim_times_launched(&it->sim->times, &report, &err) != WEFT_OK)
            (void)weft__sim_fail(it->sim->simulation->sim, err.code, "%s", err.message);
    }
    end_time(it, job->time);
    if (job->call.plan)
        weft__sim_plan_end(job);
    *job->link = job->next;
    if (job->next)
        job->next->link = job->link;
    weft__sim_job_free(job);
}

static void on_job_ends(void *context, weft__processor_job *job)
{
    end_job(context, (weft__sim_job *)(void *)job);
}

static bool on_launches(void *context, const weft__launch_origin *origin)
{
    weft__sim_job *job;
    weft__sim_processor *it = context;
    it->given_ps = now_of(it);
    it->status = weft__sim_job_begin(it->sim, it->turn->stream[it->place], origin, &job, &it->error);
    if (it->status != WEFT_OK) {
        weft__command_buffer_fail_within(&it->error, it->turn);
        return false;
    }
    tell(it, WEFT__PART_DISPATCH, job->launch);
    job->head.processor = &it->core;
    job->time = it->time;
    job->place = it->place++;
    job->next = it->jobs;
    job->link = &it->jobs;
    if (it->jobs)
        it->jobs->link = &job->next;
    it->jobs = job;
    if (job->launch)
        return true;
    end_job(it, job);
    return false;
}

const weft__processor_client weft__sim_processor_client = {
    .begins = on_begins,
    .next = on_next,
    .comes = on_comes,
    .passes = on_passes,
    .launches = on_launches,
    .job_ends = on_job_ends,
    .group_begins = on_group_begins,
    .drained = on_drained,
    .ends = on_ends,
    .known = on_known,
};

/* ---- the host ---- */

uint64_t weft__sim_count_parts(const weft__command_buffer *commands)
{
    return commands->stream_count + (commands->wait_value != 0) + (commands->signal_value != 0);
}

void weft__sim_processor_send(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__command_buffer *commands = (weft__command_buffer *)(uintptr_t)argument;
    const weft__sim_device *sim = commands->device->driver;
    weft__processor_send(&sim->processor->core, commands->sequence, weft__sim_count_parts(commands));
}

/* ---- the end of everything ---- */

/* The one whose turn it is has the error itself. */
void weft__sim_processor_lose(weft__sim_processor *it)
{
    weft_error error;
    uint64_t now = now_of(it);
    bool is_first = !it->is_lost;
    it->is_lost = true;
    if (is_first)
        (void)weft__simulation_check(it->sim->simulation, &it->lost);
    for (; it->turn; it->turn = it->turn->next) {
        weft__command_buffer *commands = it->turn;
        weft_status status = weft__command_buffer_start(commands, &error);
        if (status == WEFT_OK) {
            status = is_first ? weft__fail_copy(&error, &it->lost) : weft__sim_fail_lost(it->sim, &it->lost, &error);
            weft__command_buffer_fail_within(&error, commands);
        }
        is_first = false;
        commands->start_ps = it->core.is_busy ? commands->start_ps : now;
        commands->end_ps = now;
        it->core.is_busy = false;
        weft__command_buffer_settle(commands, status, &error);
    }
    for (weft__command_buffer *commands = it->first; commands; commands = commands->next) {
        commands->known_ps = commands->sequence <= it->core.known ? commands->known_ps : now;
        it->core.known = weft__max_size(it->core.known, commands->sequence);
    }
}
