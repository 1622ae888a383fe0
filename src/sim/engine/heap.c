#include "sim/engine/heap.h"

#include <stdlib.h>

#define ARITY 4u
#define CAPACITY_FIRST 64u

static bool before(const weft__event_key *a, const weft__event_key *b)
{
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

bool weft__event_heap_reserve(weft__event_heap *heap, size_t count, uint64_t *allocations)
{
    if (count <= heap->capacity)
        return true;
    size_t capacity = heap->capacity ? heap->capacity : CAPACITY_FIRST;
    while (capacity < count)
        capacity *= 2;
    weft__event_key *grown = realloc(heap->items, capacity * sizeof *grown);
    if (!grown)
        return false;
    ++*allocations;
    heap->items = grown;
    heap->capacity = capacity;
    return true;
}

void weft__event_heap_push(weft__event_heap *heap, weft__event_key key)
{
    size_t at = heap->count++;
    while (at > 0) {
        size_t parent = (at - 1) / ARITY;
        if (!before(&key, &heap->items[parent]))
            break;
        heap->items[at] = heap->items[parent];
        at = parent;
    }
    heap->items[at] = key;
}

static void sift_down(weft__event_heap *heap, weft__event_key key)
{
    size_t at = 0;
    for (;;) {
        size_t first = ARITY * at + 1, least = first;
        if (first >= heap->count)
            break;
        size_t end = first + ARITY < heap->count ? first + ARITY : heap->count;
        for (size_t child = first + 1; child < end; child++)
            if (before(&heap->items[child], &heap->items[least]))
                least = child;
        if (!before(&heap->items[least], &key))
            break;
        heap->items[at] = heap->items[least];
        at = least;
    }
    heap->items[at] = key;
}

uint32_t weft__event_heap_pop(weft__event_heap *heap)
{
    uint32_t node = heap->items[0].node;
    weft__event_key last = heap->items[--heap->count];
    if (heap->count)
        sift_down(heap, last);
    return node;
}

void weft__event_heap_free(weft__event_heap *heap)
{
    free(heap->items);
    *heap = (weft__event_heap){0};
}
