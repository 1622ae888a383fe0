/* What the command processor does with command buffers that were recorded. */
#include <stdlib.h>

#include "sim/retime/group.h"

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

static const weft__host_spec *host_of(const weft__player *it)
{
    return &weft__simulation_graph(it->simulation)->spec->host;
}

/* ---- the parts ---- */

/* The end where there is none. */
static weft__processor_part on_next(void *context)
{
    const weft__player *it = context;
    weft__reader parts = it->parts;
    uint64_t part = weft__reader_take(&parts);
    return parts.is_bad || part > WEFT__PART_END ? WEFT__PART_END : (weft__processor_part)part;
}

static void pass_part(weft__player *it)
{
    (void)weft__reader_take(&it->parts);
}

static void on_passes(void *context, weft__processor_part part)
{
    (void)part;
    pass_part(context);
}

static bool on_begins(void *context)
{
    (void)context;
    return true;
}

static void on_ends(void *context)
{
    pass_part(context);
}

static void on_known(void *context, uint64_t number)
{
    const weft__player *it = context;
    weft__played_commands *commands = it->first;
    while (commands->number != number)
        commands = commands->next;
    commands->known_ps = weft__sim_now(clock_of(it));
}

/* ---- dispatches ---- */

static void on_job_ends(void *context, weft__processor_job *job)
{
    weft__player *it = context;
    weft__play_end_launch(it, (uint64_t)(job - it->job_of));
}

static weft_status launch(weft__player *it, uint64_t number, const weft__launch_origin *origin, weft_error *err)
{
    weft__launch_origin of_job = *origin;
    if (number >= it->recording->launch_count)
        return weft__play_fail_damaged(err);
    it->job_of[number].processor = &it->processor;
    of_job.context = &it->job_of[number];
    return weft__play_launch(it, number, &of_job, err);
}

static bool on_launches(void *context, const weft__launch_origin *origin)
{
    weft_error err;
    weft__player *it = context;
    pass_part(it);
    uint64_t number = weft__reader_take(&it->parts);
    if (!number)
        return false;
    if (launch(it, number - 1, origin, &err) == WEFT_OK)
        return true;
    (void)weft__sim_fail(clock_of(it), err.code, "%s", err.message);
    return false;
}

/* ---- groups ---- */

static bool on_skips(void *context)
{
    const weft__player *it = context;
    return it->groups && weft__groups_skip(it->groups);
}

static void on_drained(void *context)
{
    const weft__player *it = context;
    if (it->groups)
        weft__groups_drained(it->groups);
}

const weft__processor_client weft__play_client = {
    .begins = on_begins,
    .next = on_next,
    .passes = on_passes,
    .launches = on_launches,
    .job_ends = on_job_ends,
    .skips = on_skips,
    .drained = on_drained,
    .ends = on_ends,
    .known = on_known,
};

/* ---- the host ---- */

static void on_sent(weft_sim *clock, uint64_t argument)
{
    (void)clock;
    const weft__played_commands *commands = (const weft__played_commands *)(uintptr_t)argument;
    weft__processor_send(&commands->player->processor, commands->number, commands->parts);
}

weft_status weft__play_submit(weft__player *it, uint64_t parts, weft_error *err)
{
    weft__played_commands *commands = calloc(1, sizeof *commands);
    if (!commands)
        return weft__fail_memory(err, sizeof *commands, "a command buffer");
    it->host_ps += weft__ps_of_ns(host_of(it)->submit_ns);
    *commands = (weft__played_commands){.player = it, .parts = parts, .number = ++it->submitted};
    *it->last = commands;
    it->last = &commands->next;
    (void)weft__sim_at(clock_of(it), it->host_ps, 0, on_sent, (uintptr_t)commands);
    return WEFT_OK;
}

/* Simulates until the host knows of the end. */
static weft_status reach(weft__player *it, const weft__played_commands *commands, weft_error *err)
{
    weft_error stuck;
    if (it->processor.known >= commands->number)
        return WEFT_OK;
    while (it->processor.known < commands->number) {
        it->processor.has_news = false;
        weft_status status = weft__simulation_run_until(it->simulation, &it->processor.has_news, err);
        if (status != WEFT_OK)
            return status;
        if (it->processor.has_news)
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
    uint64_t time = commands->known_ps + weft__ps_of_ns(host_of(it)->sync_ns);
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
