#include "sim/engine/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/engine/engine_impl.h"

#define EVENTS_PER_TICK_DEFAULT ((uint64_t)1 << 22)

weft_status weft__sim_create(const weft__sim_options *options, weft_sim **out, weft_error *err)
{
    *out = NULL;
    weft_sim *sim = calloc(1, sizeof *sim);
    if (!sim)
        return weft__fail_memory(err, sizeof *sim, "a simulation");
    if (options)
        sim->options = *options;
    if (!sim->options.events_per_tick_max)
        sim->options.events_per_tick_max = EVENTS_PER_TICK_DEFAULT;
    weft__queue_init(&sim->queue);
    sim->hash = 0x9e3779b97f4a7c15u;
    *out = sim;
    return WEFT_OK;
}

void weft__sim_destroy(weft_sim *sim)
{
    if (!sim)
        return;
    weft__processes_destroy(sim);
    weft__queue_destroy(&sim->queue);
    free(sim);
}

weft__time weft__sim_now(const weft_sim *sim)
{
    return sim->now;
}

weft_status weft__sim_fail(weft_sim *sim, weft_status status, const char *format, ...)
{
    if (sim->failed)
        return status;
    va_list list;
    va_start(list, format);
    sim->failed = true;
    sim->error = (weft_error){.code = status};
    (void)vsnprintf(sim->error.message, sizeof sim->error.message, format, list);
    va_end(list);
    return status;
}

bool weft__sim_has_failed(const weft_sim *sim)
{
    return sim->failed;
}

void weft__sim_stop(weft_sim *sim)
{
    sim->stopping = true;
}

static weft__event_id fail_schedule(weft_sim *sim, weft__time time)
{
    if (time < sim->now)
        (void)weft__sim_fail(sim, WEFT_INVALID_ARGUMENT, "An event was scheduled at %llu ps, but the time is %llu ps.",
                             (unsigned long long)time, (unsigned long long)sim->now);
    else
        (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not schedule event number %llu.",
                             (unsigned long long)sim->queue.sequence);
    return 0;
}

weft__event_id weft__sim_at(weft_sim *sim, weft__time time, int16_t priority, weft__event_function *function,
                            uint64_t argument)
{
    uint32_t node = WEFT__QUEUE_NONE;
    if (time >= sim->now && time != WEFT__NEVER)
        node = weft__queue_add(&sim->queue, time, priority, function, argument);
    if (node == WEFT__QUEUE_NONE)
        return fail_schedule(sim, time);
    sim->pending++;
    return (weft__event_id)sim->queue.links[node].generation << 32 | (node + 1);
}

weft__event_id weft__sim_after(weft_sim *sim, weft__time delay, weft__event_function *function, uint64_t argument)
{
    weft__time time;
    if (__builtin_add_overflow(sim->now, delay, &time) || time == WEFT__NEVER) {
        (void)weft__sim_fail(sim, WEFT_OUT_OF_RANGE, "A delay of %llu ps at %llu ps goes past the end of time.",
                             (unsigned long long)delay, (unsigned long long)sim->now);
        return 0;
    }
    return weft__sim_at(sim, time, 0, function, argument);
}

bool weft__sim_cancel(weft_sim *sim, weft__event_id id)
{
    uint32_t index = (uint32_t)id - 1;
    if (id == 0 || index >= sim->queue.node_count)
        return false;
    weft__event_node *node = &sim->queue.nodes[index];
    if (sim->queue.links[index].generation != id >> 32 || !node->function)
        return false;
    node->function = NULL; /* the queue drops the node when it comes to it */
    sim->pending--;
    sim->cancelled++;
    return true;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 29;
}

void weft__sim_note(weft_sim *sim, uint64_t value)
{
    sim->hash = mix(sim->hash, value);
}

static void fail_livelock(weft_sim *sim, weft__event_function *function, uint64_t argument)
{
    char name[128] = "";
    if (sim->options.describe)
        sim->options.describe(sim->options.describe_context, function, argument, name, sizeof name);
    (void)weft__sim_fail(
        sim, WEFT_DEADLOCK,
        "Livelock: more than %llu events at %llu ps without the time moving on; the last one belongs to %s.",
        (unsigned long long)sim->options.events_per_tick_max, (unsigned long long)sim->now,
        name[0] ? name : "an unnamed component");
}

/* Moves the clock to `time`. */
static inline void advance(weft_sim *sim, weft__time time)
{
    if (time != sim->now) {
        sim->now = time;
        sim->events_this_tick = 0;
    }
}

static inline void happen(weft_sim *sim, const weft__event_node *node)
{
    advance(sim, node->time);
    sim->pending--;
    sim->events++;
    sim->hash = mix(sim->hash, node->time ^ node->order << 1);
    if (++sim->events_this_tick > sim->options.events_per_tick_max)
        fail_livelock(sim, node->function, node->argument);
    else
        node->function(sim, node->argument);
}

weft_status weft__sim_run(weft_sim *sim, weft__time until, weft_error *err)
{
    sim->stopping = false;
    while (!sim->failed && !sim->stopping) {
        weft__event_node node;
        weft__queue_result result = weft__queue_pop(&sim->queue, until, &node);
        if (result == WEFT__QUEUE_EVENT) {
            happen(sim, &node);
            continue;
        }
        if (result == WEFT__QUEUE_OUT_OF_MEMORY)
            (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not order the events after %llu ps.",
                                 (unsigned long long)sim->now);
        else if (until != WEFT__NEVER && until > sim->now)
            advance(sim, until);
        break;
    }
    return sim->failed ? weft__fail_copy(err, &sim->error) : WEFT_OK;
}

void weft__sim_get_info(const weft_sim *sim, weft__sim_info *out)
{
    *out = (weft__sim_info){
        .now = sim->now,
        .events = sim->events,
        .scheduled = sim->queue.sequence,
        .cancelled = sim->cancelled,
        .pending = sim->pending,
        .allocations = sim->queue.allocations + sim->process_allocations,
        .trace_hash = sim->hash,
    };
}
