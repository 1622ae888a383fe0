#include "sim/engine/waiters.h"

#include <stdlib.h>

#include "sim/engine/engine_impl.h"

#define CAPACITY_FIRST 64u

static bool grow(weft__waiter_pool *pool)
{
    uint32_t had = pool->capacity, capacity = had ? 2 * had : CAPACITY_FIRST;
    if (capacity > UINT32_MAX / 2)
        return false;
    weft__waiter_entry *entries = realloc(pool->entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    for (uint32_t i = capacity; --i > 0 && i >= had;) {
        entries[i].next = pool->free;
        pool->free = i;
    }
    pool->entries = entries;
    pool->capacity = capacity;
    pool->allocations++;
    return true;
}

bool weft__waiters_add(weft_sim *sim, weft__waiter_list *list, const char *name, weft__waiter waiter)
{
    weft__waiter_pool *pool = &sim->waiters;
    if (!pool->free && !grow(pool)) {
        (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not queue entry %llu of '%s'.",
                             (unsigned long long)list->count, name);
        return false;
    }
    uint32_t entry = pool->free;
    pool->free = pool->entries[entry].next;
    pool->entries[entry] = (weft__waiter_entry){waiter, 0};
    *(list->head ? &pool->entries[list->tail].next : &list->head) = entry;
    list->tail = entry;
    list->count++;
    return true;
}

const weft__waiter *weft__waiters_first(const weft_sim *sim, const weft__waiter_list *list)
{
    return &sim->waiters.entries[list->head].waiter;
}

weft__waiter weft__waiters_take(weft_sim *sim, weft__waiter_list *list)
{
    weft__waiter_pool *pool = &sim->waiters;
    uint32_t entry = list->head;
    list->head = pool->entries[entry].next;
    list->count--;
    pool->entries[entry].next = pool->free;
    pool->free = entry;
    return pool->entries[entry].waiter;
}

void weft__waiter_wake(weft_sim *sim, const weft__waiter *waiter)
{
    if (waiter->function == weft__process_go_on)
        weft__process_unblock((struct weft__process *)(uintptr_t)waiter->argument);
    (void)weft__sim_after(sim, 0, waiter->function, waiter->argument);
}
