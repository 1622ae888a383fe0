#include "sim/fabric/runs.h"

#include <stdlib.h>

static bool grow(weft__runs *runs, uint64_t *allocations)
{
    uint32_t capacity = runs->items ? 2 * runs->capacity : 8;
    if (capacity > UINT32_MAX / 4)
        return false;
    weft__run *items = malloc(capacity * sizeof *items);
    if (!items)
        return false;
    ++*allocations;
    for (uint32_t i = 0; i < runs->count; i++)
        items[i] = *weft__runs_at(runs, i);
    free(runs->items);
    runs->items = items;
    runs->capacity = capacity;
    runs->head = 0;
    return true;
}

bool weft__runs_add(weft__runs *runs, const weft__run *run, uint64_t *allocations)
{
    if (runs->count && weft__run_join(weft__runs_at(runs, runs->count - 1), run))
        return true;
    uint32_t room = runs->items ? runs->capacity : WEFT__RUNS_INLINE;
    if (runs->count == room && !grow(runs, allocations))
        return false;
    runs->count++;
    *weft__runs_at(runs, runs->count - 1) = *run;
    return true;
}

void weft__runs_destroy(weft__runs *runs)
{
    free(runs->items);
}
