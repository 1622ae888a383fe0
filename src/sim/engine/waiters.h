/* Who waits for something, in the order of coming: first in, first out.
 *
 * A waiter is an event function with its argument, scheduled when its turn has come; for a process it is the one that
 * resumes it. All lists of a simulation take their entries from one pool, which grows to the most that ever waited at
 * once; after that waiting allocates nothing. Entries belong to the simulation: a list needs no cleaning up. */
#ifndef WEFT_SIM_ENGINE_WAITERS_H
#define WEFT_SIM_ENGINE_WAITERS_H

#include "sim/engine/engine.h"

/* What an entry holds. */
typedef struct weft__waiter {
    weft__event_function *function;
    uint64_t argument;
    uint64_t value; /* as who keeps the list sees fit: an amount, an item, the address for one */
} weft__waiter;

/* All zero is an empty list. */
typedef struct weft__waiter_list {
    uint32_t head, tail; /* entries; 0 is none */
    uint64_t count;
} weft__waiter_list;

typedef struct weft__waiter_entry {
    weft__waiter waiter;
    uint32_t next; /* in its list, or in that of the free ones */
} weft__waiter_entry;

typedef struct weft__waiter_pool {
    weft__waiter_entry *entries; /* the first is not used */
    uint32_t capacity, free;
    uint64_t allocations;
} weft__waiter_pool;

/* Puts a waiter at the end. False when out of memory, which is noted as an error that names `name`. */
bool weft__waiters_add(weft_sim *sim, weft__waiter_list *list, const char *name, weft__waiter waiter);

/* The first of a list that is not empty; good until the next call that adds. */
const weft__waiter *weft__waiters_first(const weft_sim *sim, const weft__waiter_list *list);

/* Takes the first off a list that is not empty. */
weft__waiter weft__waiters_take(weft_sim *sim, weft__waiter_list *list);

/* Schedules what the waiter waits to do, at the present time, after what is already scheduled for it. */
void weft__waiter_wake(weft_sim *sim, const weft__waiter *waiter);

#endif
