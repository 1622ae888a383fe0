/* Inside of a simulation: shared by the clock and the processes. */
#ifndef WEFT_SIM_ENGINE_ENGINE_IMPL_H
#define WEFT_SIM_ENGINE_ENGINE_IMPL_H

#include "sim/engine/coroutine.h"
#include "sim/engine/queue.h"

struct weft__process;
struct weft__stack_block;

struct weft_sim {
    weft__time now;
    bool failed, stopping;
    uint64_t events, pending, cancelled;
    uint64_t events_this_tick;
    uint64_t hash;
    weft__sim_options options;
    weft_error error; /* the first, if failed */

    struct weft__process *processes;      /* all that have not ended */
    struct weft__process *idle_processes; /* ended: record and stack are kept */
    struct weft__process *running;        /* whose code runs now, or NULL */
    struct weft__stack_block *stack_blocks;
    weft__coroutine engine_stack; /* where the engine waits while a process runs */
    uint64_t process_allocations;

    weft__queue queue; /* last: it is large */
};

/* Frees all processes, whatever they wait for, and their stacks. */
void weft__processes_destroy(weft_sim *sim);

#endif
