#include "sim/host/processor.h"

static uint64_t now_of(const weft__processor *it)
{
    return weft__sim_now(it->simulation->sim);
}

static void after(weft__processor *it, uint64_t delay_ps, weft__event_function *function)
{
    (void)weft__sim_after(it->simulation->sim, delay_ps, function, (uintptr_t)it);
}

static weft__processor *of_event(uint64_t argument)
{
    return (weft__processor *)(uintptr_t)argument;
}

static void come(const weft__processor *it, weft__processor_part part)
{
    if (it->client->comes)
        it->client->comes(it->context, part);
}

static void send(weft__processor *it, bool to_host, uint64_t commands, const weft__receiver *receiver, uint64_t number)
{
    const weft__run now = {now_of(it), 0, commands};
    const weft__parcel parcel = {.from = to_host ? it->node : it->host,
                                 .to = to_host ? it->host : it->node,
                                 .size = WEFT__FLIT_COMMAND,
                                 .ready = &now,
                                 .ready_count = 1,
                                 .receiver = receiver,
                                 .context = it,
                                 .tag = number};
    (void)weft__fabric_send(it->simulation->fabric, &parcel);
}

/* ---- the end of a command buffer ---- */

static void on_turn(weft_sim *clock, uint64_t argument);

static void on_known(void *context, weft__message *message)
{
    weft__processor *it = context;
    it->known = weft__message_tag(message);
    it->client->known(it->context, it->known);
    weft__simulation_reach(it->simulation, &it->has_news);
}

static const weft__receiver known_receiver = {.arrived = on_known};

static void end_commands(weft__processor *it)
{
    uint64_t number = it->turn++;
    it->client->ends(it->context);
    it->is_busy = false;
    send(it, true, 1, &known_receiver, number);
    after(it, 0, on_turn);
}

static void on_signalled(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__processor *it = of_event(argument);
    it->client->passes(it->context, WEFT__PART_SIGNAL);
    end_commands(it);
}

/* ---- a group: what stands between two barriers ---- */

static void go_on(weft__processor *it);

static void begin_group(weft__processor *it)
{
    it->drains = false;
    if (it->client->group_begins)
        it->client->group_begins(it->context);
    if (!it->client->skips || !it->client->skips(it->context))
        go_on(it);
}

static void on_barrier(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__processor *it = of_event(argument);
    it->client->passes(it->context, WEFT__PART_BARRIER);
    begin_group(it);
}

/* All that was given has ended. */
static void drained(weft__processor *it)
{
    if (it->client->drained)
        it->client->drained(it->context);
    weft__processor_part part = it->client->next(it->context);
    if (part == WEFT__PART_BARRIER) {
        after(it, it->barrier_ps, on_barrier);
    } else if (part == WEFT__PART_SIGNAL) {
        come(it, part);
        after(it, it->signal_ps, on_signalled);
    } else {
        end_commands(it);
    }
}

void weft__processor_drain(weft__processor *it)
{
    it->drains = true;
    drained(it);
}

/* ---- a dispatch ---- */

static void on_job_ended(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__processor_job *job = (weft__processor_job *)(uintptr_t)argument;
    weft__processor *it = job->processor;
    it->client->job_ends(it->context, job);
    it->jobs--;
    if (it->drains && !it->jobs)
        drained(it);
}

/* The launch still has its hands on itself. */
static void on_launch_ended(void *context, weft_kernel_launch *launch)
{
    (void)launch;
    const weft__processor_job *job = context;
    (void)weft__sim_after(job->processor->simulation->sim, 0, on_job_ended, (uintptr_t)job);
}

static void on_dispatch(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__processor *it = of_event(argument);
    const weft__launch_origin origin = {.node = it->node, .ended = on_launch_ended};
    it->jobs += it->client->launches(it->context, &origin);
    go_on(it);
}

/* Looks at the next part. */
static void go_on(weft__processor *it)
{
    weft__processor_part part = it->client->next(it->context);
    if (part == WEFT__PART_DISPATCH) {
        come(it, part);
        after(it, it->dispatch_ps, on_dispatch);
        return;
    }
    if (part == WEFT__PART_BARRIER)
        come(it, part);
    it->drains = true;
    if (!it->jobs)
        drained(it);
}

/* ---- the start of a command buffer ---- */

static void on_waited(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__processor *it = of_event(argument);
    it->client->passes(it->context, WEFT__PART_WAIT);
    begin_group(it);
}

static void on_turn(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    weft__processor *it = of_event(argument);
    if (it->is_busy || it->turn > it->arrived)
        return;
    it->is_busy = true;
    if (!it->client->begins(it->context)) {
        end_commands(it);
    } else if (it->client->next(it->context) == WEFT__PART_WAIT) {
        come(it, WEFT__PART_WAIT);
        after(it, it->wait_ps, on_waited);
    } else {
        begin_group(it);
    }
}

static void on_arrived(void *context, weft__message *message)
{
    weft__processor *it = context;
    it->arrived = weft__message_tag(message);
    on_turn(it->simulation->sim, (uintptr_t)it);
}

static const weft__receiver arrived_receiver = {.arrived = on_arrived};

void weft__processor_send(weft__processor *it, uint64_t number, uint64_t parts)
{
    send(it, false, 1 + parts, &arrived_receiver, number);
}

void weft__processor_init(weft__processor *it, weft_simulation *simulation, const weft__processor_client *client,
                          void *context)
{
    const weft__graph *graph = weft__simulation_graph(simulation);
    const weft__processor_spec *spec = &graph->spec->processor;
    *it = (weft__processor){.simulation = simulation,
                            .client = client,
                            .context = context,
                            .host = weft__graph_node(graph, WEFT__NODE_HOST, 0, 0, 0),
                            .node = weft__graph_node(graph, WEFT__NODE_IO_CPU, 0, 0, 0),
                            .dispatch_ps = weft__ps_of_ns(spec->dispatch_ns),
                            .barrier_ps = weft__ps_of_ns(spec->barrier_ns),
                            .signal_ps = weft__ps_of_ns(spec->signal_ns),
                            .wait_ps = weft__ps_of_ns(spec->wait_ns),
                            .turn = 1};
}
