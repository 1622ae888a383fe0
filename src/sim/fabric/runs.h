/* A queue of evenly spaced times, kept as runs: what is added joins the last run where it continues it. */
#ifndef WEFT_SIM_FABRIC_RUNS_H
#define WEFT_SIM_FABRIC_RUNS_H

#include "sim/fabric/fabric.h"

#define WEFT__RUNS_INLINE 4u /* a power of two, as all capacities are */

/* A ring; `items` is NULL while the inline places are enough. Zeroed it is empty. */
typedef struct weft__runs {
    weft__run *items;
    uint32_t head, count, capacity;
    weft__run inline_items[WEFT__RUNS_INLINE];
} weft__runs;

static inline weft__run *weft__runs_at(weft__runs *runs, uint32_t index)
{
    if (!runs->items)
        return &runs->inline_items[(runs->head + index) & (WEFT__RUNS_INLINE - 1)];
    return &runs->items[(runs->head + index) & (runs->capacity - 1)];
}

/* The first run; there must be one. */
static inline weft__run *weft__runs_front(weft__runs *runs)
{
    return weft__runs_at(runs, 0);
}

/* The last time; there must be one. */
static inline weft__time weft__runs_last(weft__runs *runs)
{
    return weft__run_last(weft__runs_at(runs, runs->count - 1));
}

/* Takes `count` times off the first run, which has at least as many. */
static inline void weft__runs_take(weft__runs *runs, uint64_t count)
{
    weft__run *front = weft__runs_front(runs);
    front->first += count * front->gap_ps;
    front->count -= count;
    if (front->count == 0) {
        uint32_t capacity = runs->items ? runs->capacity : WEFT__RUNS_INLINE;
        runs->head = (runs->head + 1) & (capacity - 1);
        runs->count--;
    }
}

/* True if `next` could be made part of `last`, and then it is. */
static inline bool weft__run_join(weft__run *last, const weft__run *next)
{
    uint64_t gap = next->first - weft__run_last(last);
    if ((last->count > 1 && gap != last->gap_ps) || (next->count > 1 && gap != next->gap_ps))
        return false;
    last->gap_ps = gap;
    last->count += next->count;
    return true;
}

/* Adds a run behind the last time. False when out of memory, with nothing added. Counts allocations. */
bool weft__runs_add(weft__runs *runs, const weft__run *run, uint64_t *allocations);

/* Empties it and keeps the memory. */
static inline void weft__runs_clear(weft__runs *runs)
{
    runs->head = runs->count = 0;
}

void weft__runs_destroy(weft__runs *runs);

#endif
