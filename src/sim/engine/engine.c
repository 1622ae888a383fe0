#include "sim/engine/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine/engine_impl.h"
#include "sim/engine/process.h"

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
    if (sim->options.events_per_tick_max > WEFT__LIVELOCK_SUSPECTS)
        sim->suspicious_count = sim->options.events_per_tick_max - WEFT__LIVELOCK_SUSPECTS;
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
    free(sim->waiters.entries);
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
    sim->failed = sim->halted = true;
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
    sim->halted = true;
}

/* Why an event could not be scheduled; the first of the reasons that holds. */
static weft__event_id fail_schedule(weft_sim *sim, weft__time time)
{
    unsigned long long at = time, now = sim->now, number = sim->queue.sequence;
    if (time < sim->now)
        (void)weft__sim_fail(sim, WEFT_INVALID_ARGUMENT, "An event was scheduled at %llu ps, but the time is %llu ps.",
                             at, now);
    else if (time > WEFT__TIME_LAST)
        (void)weft__sim_fail(sim, WEFT_OUT_OF_RANGE, "An event was scheduled at %llu ps, but time ends at %llu ps.", at,
                             (unsigned long long)WEFT__TIME_LAST);
    else
        (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not schedule event number %llu.", number);
    return 0;
}

/* The sequence number does what a generation would: no two events share it. */
static inline weft__event_id id_of(uint64_t sequence, uint32_t node)
{
    return sequence << WEFT__INDEX_BITS | node;
}

static inline weft__event_id schedule(weft_sim *sim, weft__time time, int16_t priority, weft__event_function *function,
                                      uint64_t argument)
{
    uint64_t sequence = sim->queue.sequence;
    uint32_t node = weft__queue_add(&sim->queue, time, priority, function, argument);
    if (__builtin_expect(node == WEFT__QUEUE_NONE, 0))
        return fail_schedule(sim, time);
    return id_of(sequence, node);
}

weft__event_id weft__sim_at(weft_sim *sim, weft__time time, int16_t priority, weft__event_function *function,
                            uint64_t argument)
{
    if (__builtin_expect(time < sim->now || time > WEFT__TIME_LAST, 0))
        return fail_schedule(sim, time);
    return schedule(sim, time, priority, function, argument);
}

weft__event_id weft__sim_after(weft_sim *sim, weft__time delay, weft__event_function *function, uint64_t argument)
{
    if (__builtin_expect(delay > WEFT__TIME_LAST - sim->now, 0)) {
        (void)weft__sim_fail(sim, WEFT_OUT_OF_RANGE, "A delay of %llu ps at %llu ps goes past the end of time.",
                             (unsigned long long)delay, (unsigned long long)sim->now);
        return 0;
    }
    return schedule(sim, sim->now + delay, 0, function, argument);
}

bool weft__sim_cancel(weft_sim *sim, weft__event_id id)
{
    uint32_t index = (uint32_t)(id & (((uint64_t)1 << WEFT__INDEX_BITS) - 1));
    if (index == WEFT__QUEUE_NONE || index >= sim->queue.node_capacity)
        return false;
    weft__event_node *node = &sim->queue.nodes[index];
    if (!node->function || id_of(node->order, index) != id)
        return false;
    node->function = NULL; /* the queue drops the node when it comes to it */
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

/* What people call the component that an event belongs to. */
static void describe(const weft_sim *sim, const weft__event_node *event, char *text, size_t bytes)
{
    text[0] = '\0';
    if (!event->function)
        return;
    if (event->function == weft__process_go_on)
        (void)snprintf(text, bytes, "process '%s'",
                       weft__process_name((const weft__process *)(uintptr_t)event->argument));
    else if (sim->options.describe)
        sim->options.describe(sim->options.describe_context, event->function, event->argument, text, bytes);
}

/* Names each of the last events' components once. */
static void fail_livelock(weft_sim *sim)
{
    char names[WEFT__LIVELOCK_SUSPECTS][96], list[WEFT__LIVELOCK_SUSPECTS * 98] = "";
    size_t count = 0, length = 0;
    for (uint64_t i = 1; i <= WEFT__LIVELOCK_SUSPECTS; i++) { /* the oldest first */
        size_t other = 0;
        const weft__event_node *event =
            &sim->suspects[(sim->options.events_per_tick_max + i) % WEFT__LIVELOCK_SUSPECTS];
        describe(sim, event, names[count], sizeof names[count]);
        while (strcmp(names[other], names[count]) != 0)
            other++;
        if (!names[count][0] || other < count)
            continue;
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", count ? ", " : "", names[count]);
        count++;
    }
    (void)weft__sim_fail(
        sim, WEFT_DEADLOCK,
        "Livelock: more than %llu events at %llu ps without the time moving on; the last ones belong to %s.",
        (unsigned long long)sim->options.events_per_tick_max, (unsigned long long)sim->now,
        count ? list : "unnamed components");
}

/* Moves the clock to `time`, before the event that is the `count`th of all. */
static inline void advance(weft_sim *sim, weft__time time, uint64_t count)
{
    if (time != sim->now) {
        sim->now = time;
        sim->count_before_tick = count - 1;
    }
}

/* Takes note of the last events that are allowed in a tick, and stops the one after them. */
static bool is_too_many(weft_sim *sim, const weft__event_node *event)
{
    uint64_t count = sim->queue.taken - sim->count_before_tick;
    if (count > sim->options.events_per_tick_max) {
        fail_livelock(sim);
        return true;
    }
    sim->suspects[count % WEFT__LIVELOCK_SUSPECTS] = *event;
    return false;
}

static inline void happen(weft_sim *sim, const weft__event_node *event)
{
    advance(sim, event->time, sim->queue.taken);
    sim->hash = mix(sim->hash, event->time ^ event->order << 1);
    if (__builtin_expect(sim->queue.taken - sim->count_before_tick > sim->suspicious_count, 0) &&
        is_too_many(sim, event))
        return;
    event->function(sim, event->argument);
}

/* Asks for the stack of the process that most likely comes next. */
static void look_ahead(const weft_sim *sim)
{
    const weft__event_node *next = weft__queue_ahead(&sim->queue);
    if (next->function == weft__process_go_on)
        weft__process_prefetch(next->argument);
}

weft_status weft__sim_run(weft_sim *sim, weft__time until, weft_error *err)
{
    if (sim->failed) /* a process may ask for the error too, and must be able to switch back to where the engine is */
        return weft__fail_copy(err, &sim->error);
    sim->halted = false;
    sim->engine_stack = (weft__coroutine){0}; /* that of the thread which runs it now */
    while (!sim->halted) {
        weft__event_node event;
        if (!weft__queue_pop(&sim->queue, until, &event)) {
            if (until != WEFT__NEVER && until > sim->now)
                advance(sim, until, sim->queue.taken + 1);
            break;
        }
        if (sim->looks_ahead)
            look_ahead(sim);
        happen(sim, &event);
    }
    return sim->failed ? weft__fail_copy(err, &sim->error) : WEFT_OK;
}

void weft__sim_get_info(const weft_sim *sim, weft__sim_info *out)
{
    *out = (weft__sim_info){
        .now = sim->now,
        .events = sim->queue.taken,
        .scheduled = sim->queue.sequence,
        .cancelled = sim->cancelled,
        .pending = sim->queue.sequence - sim->queue.taken - sim->cancelled,
        .allocations = sim->queue.allocations + sim->process_allocations + sim->waiters.allocations,
        .trace_hash = sim->hash,
    };
}
