#include "devices/sim/processor_impl.h"

#include "base/size.h"
#include "base/status.h"
#include "devices/host/args.h"
#include "devices/sim/plan.h"

/* So many more values than after the last time are reason to compute them all: what nobody reads would pile up. */
#define LIVE_VALUES_MORE 20000u

static uint64_t now_of(const weft__sim_processor *it)
{
    return weft__sim_now(it->clock);
}

static void after(weft__sim_processor *it, uint64_t delay_ps, weft__event_function *function)
{
    (void)weft__sim_after(it->clock, delay_ps, function, (uintptr_t)it);
}

static weft__sim_processor *of_event(uint64_t argument)
{
    return (weft__sim_processor *)(uintptr_t)argument;
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

/* ---- the end of a command buffer ---- */

static void on_known(void *context, weft__message *message)
{
    (void)message;
    weft__command_buffer *commands = context;
    weft__sim_device *sim = commands->device->driver;
    weft__sim_processor *it = sim->processor;
    commands->known_ps = now_of(it);
    it->known = commands->sequence;
    weft__simulation_reach(sim->simulation, &it->has_news);
}

static const weft__receiver known_receiver = {.arrived = on_known};

static void send(const weft__sim_processor *it, bool to_host, uint64_t commands, const weft__receiver *receiver,
                 weft__command_buffer *about)
{
    const weft__run now = {now_of(it), 0, commands};
    const weft__parcel parcel = {.from = to_host ? it->node : it->host,
                                 .to = to_host ? it->host : it->node,
                                 .size = WEFT__FLIT_COMMAND,
                                 .ready = &now,
                                 .ready_count = 1,
                                 .receiver = receiver,
                                 .context = about};
    (void)weft__fabric_send(it->sim->simulation->fabric, &parcel);
}

static void on_turn(weft_sim *clock, uint64_t argument);

static void end_commands(weft__sim_processor *it)
{
    weft__command_buffer *commands = it->turn;
    tell(it, WEFT__PART_END, NULL);
    commands->end_ps = now_of(it);
    weft__command_buffer_settle(commands, it->status, &it->error);
    weft__sim_times_end(&it->sim->times);
    it->is_busy = false;
    it->turn = commands->next;
    send(it, true, 1, &known_receiver, commands);
    after(it, 0, on_turn);
}

static void on_signalled(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__sim_processor *it = of_event(argument);
    weft__sim_times_pass(&it->sim->times, WEFT__SIM_FENCE, now_of(it));
    end_time(it, it->time);
    end_commands(it);
}

/* ---- a group: what stands between two barriers ---- */

static void go_on(weft__sim_processor *it);

static void begin_group(weft__sim_processor *it)
{
    weft__command_buffer *commands = it->turn;
    size_t end = it->place;
    while (end < commands->stream_count && commands->stream[end])
        end++;
    if (it->shuffles && end > it->place)
        weft__host_shuffle(it->shuffle_seed, commands, &commands->stream[it->place], end - it->place);
    it->drains = false;
    it->given_ps = now_of(it);
    go_on(it);
}

static void on_barrier(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__sim_processor *it = of_event(argument);
    weft__sim_times_pass(&it->sim->times, WEFT__SIM_BARRIER, now_of(it));
    end_time(it, it->time);
    it->place++;
    it->barriers++;
    begin_group(it);
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
        (void)weft__sim_fail(it->clock, err.code, "%s", err.message);
    weft__values_get_statistics(values, &statistics);
    it->live_values = statistics.live;
}

/* All that was given has ended. */
static void drained(weft__sim_processor *it)
{
    weft__command_buffer *commands = it->turn;
    weft__sim_times_drained(&it->sim->times, it->given_ps, now_of(it));
    find_fault(it);
    limit_values(it);
    if (it->status == WEFT_OK && it->place < commands->stream_count) {
        tell(it, WEFT__PART_BARRIER, NULL);
        after(it, it->barrier_ps, on_barrier);
    } else if (commands->signal_value) {
        tell(it, WEFT__PART_SIGNAL, NULL);
        it->time = begin_time(it, WEFT_TIMELINE_FENCE_SIGNAL, NULL);
        after(it, it->signal_ps, on_signalled);
    } else {
        end_commands(it);
    }
}

/* ---- a dispatch ---- */

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
            (void)weft__sim_fail(it->clock, err.code, "%s", err.message);
    }
    end_time(it, job->time);
    if (job->call.plan)
        weft__sim_plan_end(it->sim, job);
    *job->link = job->next;
    if (job->next)
        job->next->link = job->link;
    weft__sim_job_free(job);
    if (it->drains && !it->jobs)
        drained(it);
}

static void on_job_ended(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__sim_job *job = (weft__sim_job *)(uintptr_t)argument;
    end_job(job->owner, job);
}

/* The launch still has its hands on itself. */
static void on_launch_ended(void *context, weft_kernel_launch *launch)
{
    (void)launch;
    const weft__sim_job *job = context;
    const weft__sim_processor *it = job->owner;
    (void)weft__sim_after(it->clock, 0, on_job_ended, (uintptr_t)job);
}

static void give(weft__sim_processor *it)
{
    weft__sim_job *job;
    const weft_dispatch *dispatch = it->turn->stream[it->place];
    const weft__launch_origin origin = {.node = it->node, .ended = on_launch_ended};
    it->given_ps = now_of(it);
    it->status = weft__sim_job_begin(it->sim, dispatch, it, &origin, &job, &it->error);
    if (it->status != WEFT_OK) {
        weft__command_buffer_fail_within(&it->error, it->turn);
        return;
    }
    tell(it, WEFT__PART_DISPATCH, job->launch);
    job->time = it->time;
    job->place = it->place++;
    job->next = it->jobs;
    job->link = &it->jobs;
    if (it->jobs)
        it->jobs->link = &job->next;
    it->jobs = job;
    if (!job->launch)
        end_job(it, job);
}

static void on_dispatch(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__sim_processor *it = of_event(argument);
    give(it);
    go_on(it);
}

/* Looks at the next part of the stream. */
static void go_on(weft__sim_processor *it)
{
    const weft__command_buffer *commands = it->turn;
    bool is_over = it->status != WEFT_OK || it->place == commands->stream_count;
    if (!is_over && commands->stream[it->place]) {
        it->time = begin_time(it, WEFT_TIMELINE_DISPATCH, commands->stream[it->place]);
        after(it, it->dispatch_ps, on_dispatch);
        return;
    }
    if (!is_over)
        it->time = begin_time(it, WEFT_TIMELINE_BARRIER, NULL);
    it->drains = true;
    if (!it->jobs)
        drained(it);
}

/* ---- the start of a command buffer ---- */

static void on_waited(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__sim_processor *it = of_event(argument);
    weft__sim_times_pass(&it->sim->times, WEFT__SIM_FENCE, now_of(it));
    end_time(it, it->time);
    begin_group(it);
}

static void begin_commands(weft__sim_processor *it)
{
    weft__command_buffer *commands = it->turn;
    it->is_busy = true;
    it->place = it->barriers = 0;
    it->faulty = SIZE_MAX;
    commands->start_ps = now_of(it);
    weft__sim_times_begin(&it->sim->times, now_of(it));
    it->status = weft__command_buffer_start(commands, &it->error);
    if (it->status != WEFT_OK) {
        end_commands(it);
    } else if (commands->wait_value) {
        tell(it, WEFT__PART_WAIT, NULL);
        it->time = begin_time(it, WEFT_TIMELINE_FENCE_WAIT, NULL);
        after(it, it->wait_ps, on_waited);
    } else {
        begin_group(it);
    }
}

static void on_turn(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__sim_processor *it = of_event(argument);
    if (!it->is_busy && it->turn && it->turn->sequence <= it->arrived)
        begin_commands(it);
}

static void on_arrived(void *context, weft__message *message)
{
    (void)message;
    const weft__command_buffer *commands = context;
    const weft__sim_device *sim = commands->device->driver;
    sim->processor->arrived = commands->sequence;
    on_turn(sim->processor->clock, (uintptr_t)sim->processor);
}

static const weft__receiver arrived_receiver = {.arrived = on_arrived};

uint64_t weft__sim_count_parts(const weft__command_buffer *commands)
{
    return commands->stream_count + (commands->wait_value != 0) + (commands->signal_value != 0);
}

void weft__sim_processor_send(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__command_buffer *commands = (weft__command_buffer *)(uintptr_t)argument;
    const weft__sim_device *sim = commands->device->driver;
    send(sim->processor, false, 1 + weft__sim_count_parts(commands), &arrived_receiver, commands);
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
        commands->start_ps = it->is_busy ? commands->start_ps : now;
        commands->end_ps = now;
        it->is_busy = false;
        weft__command_buffer_settle(commands, status, &error);
    }
    for (weft__command_buffer *commands = it->first; commands; commands = commands->next) {
        commands->known_ps = commands->sequence <= it->known ? commands->known_ps : now;
        it->known = weft__max_size(it->known, commands->sequence);
    }
}
