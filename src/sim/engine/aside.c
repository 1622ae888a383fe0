/* A part of the simulation by itself: another clock and other events, while all else stands still. */
#include <stdlib.h>

#include "sim/engine/engine_impl.h"

bool weft__sim_step_aside(weft_sim *sim, weft__time time)
{
    weft__aside *aside = malloc(sizeof *aside);
    if (!aside) {
        (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not set %llu events aside at %llu ps.",
                             (unsigned long long)(sim->queue.sequence - sim->queue.taken),
                             (unsigned long long)sim->now);
        return false;
    }
    aside->now = sim->now;
    aside->count_before_tick = sim->count_before_tick;
    aside->engine_stack = sim->engine_stack;
    aside->queue = sim->queue;
    sim->aside = aside;
    weft__queue_init(&sim->queue);
    sim->queue.shift = aside->queue.shift;
    sim->now = time;
    sim->count_before_tick = 0;
    return true;
}

bool weft__sim_is_aside(const weft_sim *sim)
{
    return sim->aside != NULL;
}

/* What is left joins the events that were set aside, in its order. */
static void move_events(weft_sim *sim, weft__queue *to)
{
    weft__event_node event;
    while (weft__queue_pop(&sim->queue, WEFT__NEVER, &event)) {
        int16_t priority = (int16_t)((uint16_t)(event.order >> WEFT__SEQUENCE_BITS) ^ (uint16_t)INT16_MIN);
        sim->queue.taken--;
        if (weft__queue_add(to, event.time, priority, event.function, event.argument) == WEFT__QUEUE_NONE) {
            (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not schedule event number %llu.",
                                 (unsigned long long)to->sequence);
            return;
        }
    }
}

void weft__sim_step_back(weft_sim *sim)
{
    weft__aside *aside = sim->aside;
    move_events(sim, &aside->queue);
    uint64_t taken = sim->queue.taken;
    aside->queue.taken += taken;
    aside->queue.sequence += taken;
    weft__queue_destroy(&sim->queue);
    sim->queue = aside->queue;
    sim->now = aside->now;
    sim->count_before_tick = aside->count_before_tick + taken; /* they are none of the present tick */
    sim->engine_stack = aside->engine_stack;
    sim->halted = sim->failed;
    sim->aside = NULL;
    free(aside);
}
