/* Inside of a simulation: shared by the clock, the processes and what they wait for. */
#ifndef WEFT_SIM_ENGINE_ENGINE_IMPL_H
#define WEFT_SIM_ENGINE_ENGINE_IMPL_H

#include "sim/engine/coroutine.h"
#include "sim/engine/queue.h"
#include "sim/engine/waiters.h"

/* So many of the last events before a livelock are looked at for whom they belong to. */
#define WEFT__LIVELOCK_SUSPECTS 8u

struct weft__process;
struct weft__stack_block;
typedef struct weft__stack_pool weft__stack_pool;

/* What stands still while a part of the simulation is by itself. */
typedef struct weft__aside {
    weft__time now;
    uint64_t count_before_tick;
    weft__coroutine engine_stack;
    weft__queue queue;
} weft__aside;

struct weft_sim {
    weft__time now;
    bool halted; /* the run ends after the present event */
    bool failed;
    bool looks_ahead;           /* there are more processes than the caches hold stacks of */
    uint64_t count_before_tick; /* events that had happened before the clock came to `now` */
    uint64_t suspicious_count;  /* more in a tick are noted, since a livelock may be near */
    uint64_t cancelled;
    uint64_t hash;
    weft__sim_options options;
    weft_error error; /* the first, if failed */
    weft__event_node suspects[WEFT__LIVELOCK_SUSPECTS];

    struct weft__process *processes;      /* all that have not ended, the oldest first */
    struct weft__process **processes_end; /* where the next one is put; good if there are any */
    struct weft__stack_pool *stack_pools;
    struct weft__stack_block *stack_blocks;
    size_t stack_count;
    weft__coroutine engine_stack; /* where the engine waits while a process runs */
    uint64_t process_allocations;

    weft__waiter_pool waiters;
    weft__aside *aside; /* NULL: nothing stands still */
    weft__queue queue;  /* last: it is large */
};

/* The event that starts a process, or goes on with it; its argument is the process. */
void weft__process_go_on(weft_sim *sim, uint64_t argument);

/* A process begins at the top of its stack, below its record. Thousands of stacks do not stay in the caches, nor their
 * pages in the TLB, so the lines that a resumed process will touch first are asked for an event ahead. */
static inline void weft__process_prefetch(uint64_t argument)
{
    const char *record = (const char *)(uintptr_t)argument;
    __builtin_prefetch(record);
    __builtin_prefetch(record - 64);
    __builtin_prefetch(record - 128);
    __builtin_prefetch(record - 192);
}

/* Inside: waits for an event of weft__process_go_on that somebody else schedules or has scheduled. `name` says what is
 * waited for. */
void weft__process_block(struct weft__process *self, const char *name);

/* Called when that event has been scheduled. */
void weft__process_unblock(struct weft__process *process);

/* Frees all processes, whatever they wait for, and their stacks. */
void weft__processes_destroy(weft_sim *sim);

#endif
