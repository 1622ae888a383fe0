/* A heap of events by (time, priority, sequence), with four children to a node, for what the wheel does not take. It
 * carries its own copy of what it compares, so that moving up and down touches no event. */
#ifndef WEFT_SIM_ENGINE_HEAP_H
#define WEFT_SIM_ENGINE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weft__event_key {
    uint64_t time;
    uint64_t order;
    uint32_t node;
} weft__event_key;

/* All zero is an empty heap. */
typedef struct weft__event_heap {
    weft__event_key *items; /* the first comes before all others */
    size_t count, capacity;
} weft__event_heap;

/* Makes room for `count` keys in all, and adds to `allocations` if it had to allocate. False when out of memory. */
bool weft__event_heap_reserve(weft__event_heap *heap, size_t count, uint64_t *allocations);

/* Room must have been reserved. */
void weft__event_heap_push(weft__event_heap *heap, weft__event_key key);

/* Takes the first key off, of which there must be one, and gives its node. */
uint32_t weft__event_heap_pop(weft__event_heap *heap);

void weft__event_heap_free(weft__event_heap *heap);

#endif
