/* The command processor of the device `sim`, without its command buffers: does what was recorded of it at the times
 * that devices/sim/processor.c has for that. What happens when must be the same in both. */
#include <stdlib.h>

#include "sim/retime/recording.h"

struct weft__played_commands {
    weft__player *player;
    uint64_t parts, number; /* from 1 */
    uint64_t known_ps;      /* when the host knew of the end */
    weft__played_commands *next;
};

static weft_sim *clock_of(const weft__player *it)
{
    return it->simulation->sim;
}

static const weft__machine_spec *spec_of(const weft__player *it)
{
    return weft__simulation_graph(it->simulation)->spec;
}

static uint32_t node_of(const weft__player *it, weft__node_kind kind)
{
    return weft__graph_node(weft__simulation_graph(it->simulation), kind, 0, 0, 0);
}

static void after(weft__player *it, double delay_ns, weft__event_function *function)
{
    (void)weft__sim_after(clock_of(it), weft__ps_of_ns(delay_ns), function, (uintptr_t)it);
}

static weft__player *of_event(uint64_t argument)
{
    return (weft__player *)(uintptr_t)argument;
}

static void fail(const weft__player *it, const weft_error *err)
{
    (void)weft__sim_fail(clock_of(it), err->code, "%s", err->message);
}

static void send(const weft__player *it, bool to_host, uint64_t commands, const weft__receiver *receiver,
                 weft__played_commands *about)
{
    const weft__run now = {weft__sim_now(clock_of(it)), 0, commands};
    uint32_t host = node_of(it, WEFT__NODE_HOST), node = node_of(it, WEFT__NODE_IO_CPU);
    const weft__parcel parcel = {.from = to_host ? node : host,
                                 .to = to_host ? host : node,
                                 .size = WEFT__FLIT_COMMAND,
                                 .ready = &now,
                                 .ready_count = 1,
                                 .receiver = receiver,
                                 .context = about};
    (void)weft__fabric_send(it->simulation->fabric, &parcel);
}

/* ---- the parts ---- */

/* The next one, which it has not come to; the end where there is none. */
static weft__processor_part next_part(const weft__player *it)
{
    weft__reader parts = it->parts;
    uint64_t part = weft__reader_take(&parts);
    return parts.is_bad || part > WEFT__PART_END ? WEFT__PART_END : (weft__processor_part)part;
}

static void pass_part(weft__player *it)
{
    (void)weft__reader_take(&it->parts);
}

/* ---- the end of a command buffer ---- */

static void on_turn(weft_sim *clock, uint64_t argument);

static void on_known(void *context, weft__message *message)
{
    (void)message;
    weft__played_commands *commands = context;
    weft__player *it = commands->player;
    commands->known_ps = weft__sim_now(clock_of(it));
    it->known = commands->number;
    weft__simulation_reach(it->simulation, &it->has_news);
}

static const weft__receiver known_receiver = {.arrived = on_known};

static void end_commands(weft__player *it)
{
    weft__played_commands *commands = it->turn;
    pass_part(it);
    it->is_busy = false;
    it->turn = commands->next;
    send(it, true, 1, &known_receiver, commands);
    after(it, 0, on_turn);
}

static void on_signalled(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    end_commands(of_event(argument));
}

/* ---- what stands between two barriers ---- */

static void go_on(weft__player *it);

static void begin_group(weft__player *it)
{
    it->drains = false;
    go_on(it);
}

static void on_group(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    begin_group(of_event(argument));
}

static void drained(weft__player *it)
{
    weft__processor_part part = next_part(it);
    if (part == WEFT__PART_BARRIER) {
        pass_part(it);
        after(it, spec_of(it)->processor.barrier_ns, on_group);
    } else if (part == WEFT__PART_SIGNAL) {
        pass_part(it);
        after(it, spec_of(it)->processor.signal_ns, on_signalled);
    } else {
        end_commands(it);
    }
}

/* ---- a dispatch ---- */

static void on_job_ended(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    const weft__played_job *job = (const weft__played_job *)(uintptr_t)argument;
    weft__player *it = job->player;
    it->jobs--;
    weft__play_end_launch(it, job->number);
    if (it->drains && !it->jobs)
        drained(it);
}

static void on_launch_ended(void *context, weft_kernel_launch *launch)
{
    (void)launch;
    const weft__played_job *job = context;
    (void)weft__sim_after(clock_of(job->player), 0, on_job_ended, (uintptr_t)job);
}

static bool give(weft__player *it, uint64_t number, weft_error *err)
{
    weft__launch_origin origin = {.node = node_of(it, WEFT__NODE_IO_CPU), .ended = on_launch_ended};
    if (number >= it->recording->launch_count)
        return weft__play_fail_damaged(err) == WEFT_OK;
    origin.context = &it->job_of[number];
    it->job_of[number] = (weft__played_job){it, number};
    it->jobs++;
    return weft__play_launch(it, number, &origin, err) == WEFT_OK;
}

static void on_dispatch(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft_error err;
    weft__player *it = of_event(argument);
    pass_part(it);
    uint64_t number = weft__reader_take(&it->parts);
    if (number && !give(it, number - 1, &err)) {
        fail(it, &err);
        return;
    }
    go_on(it);
}

static void go_on(weft__player *it)
{
    if (next_part(it) == WEFT__PART_DISPATCH) {
        after(it, spec_of(it)->processor.dispatch_ns, on_dispatch);
        return;
    }
    it->drains = true;
    if (!it->jobs)
        drained(it);
}

/* ---- the start of a command buffer ---- */

static void on_turn(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__player *it = of_event(argument);
    if (it->is_busy || !it->turn || it->turn->number > it->arrived)
        return;
    it->is_busy = true;
    if (next_part(it) == WEFT__PART_WAIT) {
        pass_part(it);
        after(it, spec_of(it)->processor.wait_ns, on_group);
    } else {
        begin_group(it);
    }
}

static void on_arrived(void *context, weft__message *message)
{
    (void)message;
    const weft__played_commands *commands = context;
    commands->player->arrived = commands->number;
    on_turn(clock_of(commands->player), (uintptr_t)commands->player);
}

static const weft__receiver arrived_receiver = {.arrived = on_arrived};

static void on_sent(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__played_commands *commands = (weft__played_commands *)(uintptr_t)argument;
    send(commands->player, false, 1 + commands->parts, &arrived_receiver, commands);
}

/* ---- the host ---- */

weft_status weft__play_submit(weft__player *it, uint64_t parts, weft_error *err)
{
    weft__played_commands *commands = calloc(1, sizeof *commands);
    if (!commands)
        return weft__fail_memory(err, sizeof *commands, "a command buffer");
    it->host_ps += weft__ps_of_ns(spec_of(it)->host.submit_ns);
    *commands = (weft__played_commands){.player = it, .parts = parts, .number = ++it->submitted};
    *it->last = commands;
    it->last = &commands->next;
    if (!it->turn)
        it->turn = commands;
    (void)weft__sim_at(clock_of(it), it->host_ps, 0, on_sent, (uintptr_t)commands);
    return WEFT_OK;
}

/* Simulates until the host knows of the end. */
static weft_status reach(weft__player *it, const weft__played_commands *commands, weft_error *err)
{
    weft_error stuck;
    if (it->known >= commands->number)
        return WEFT_OK;
    while (it->known < commands->number) {
        it->has_news = false;
        weft_status status = weft__simulation_run_until(it->simulation, &it->has_news, err);
        if (status != WEFT_OK)
            return status;
        if (it->has_news)
            continue;
        for (size_t i = 0; i < it->recording->launch_count; i++)
            if (it->launches[i] && !it->launches[i]->has_ended)
                return weft__kernel_launch_fail_stuck(it->simulation, it->launches[i], err);
        if (weft__fabric_check_arrived(it->simulation->fabric, &stuck) == WEFT_OK)
            (void)weft__play_fail_damaged(&stuck);
        return weft__simulation_fail(it->simulation, &stuck, err);
    }
    uint64_t now = weft__sim_now(clock_of(it));
    it->host_ps = now > it->host_ps ? now : it->host_ps;
    return WEFT_OK;
}

weft_status weft__play_await_commands(weft__player *it, bool is_sync, weft_error *err)
{
    weft__played_commands *commands = it->first;
    if (!commands)
        return weft__play_fail_damaged(err);
    weft_status status = reach(it, commands, err);
    if (status != WEFT_OK)
        return status;
    uint64_t time = commands->known_ps + weft__ps_of_ns(spec_of(it)->host.sync_ns);
    if (is_sync && time > it->host_ps)
        it->host_ps = time;
    it->first = commands->next;
    if (!it->first)
        it->last = &it->first;
    free(commands);
    return WEFT_OK;
}

void weft__play_free_commands(weft__player *it)
{
    while (it->first) {
        weft__played_commands *commands = it->first;
        it->first = commands->next;
        free(commands);
    }
}
