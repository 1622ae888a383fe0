/* The k best of a stream of (value, index) pairs, kept in the two output arrays of top-k themselves: a heap with the
 * worst kept pair at its root, so that most candidates cost one comparison. Better is the larger value, then the lower
 * index; no two pairs are equal, so the result does not depend on how the heap happened to be laid out. */
#ifndef WEFT_KERNELS_TOP_K_HEAP_H
#define WEFT_KERNELS_TOP_K_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weft__top_k_heap {
    float *values;
    int32_t *indices;
    size_t count;
    size_t capacity; /* k, > 0 */
} weft__top_k_heap;

static inline bool weft__top_k_worse(const weft__top_k_heap *heap, size_t a, size_t b)
{
    return heap->values[a] < heap->values[b] ||
           (heap->values[a] == heap->values[b] && heap->indices[a] > heap->indices[b]);
}

static inline void weft__top_k_swap(weft__top_k_heap *heap, size_t a, size_t b)
{
    float value = heap->values[a];
    int32_t index = heap->indices[a];
    heap->values[a] = heap->values[b];
    heap->indices[a] = heap->indices[b];
    heap->values[b] = value;
    heap->indices[b] = index;
}

static inline void weft__top_k_sift_down(weft__top_k_heap *heap, size_t at, size_t count)
{
    for (;;) {
        size_t worst = at;
        size_t left = 2 * at + 1;
        if (left < count && weft__top_k_worse(heap, left, worst))
            worst = left;
        if (left + 1 < count && weft__top_k_worse(heap, left + 1, worst))
            worst = left + 1;
        if (worst == at)
            return;
        weft__top_k_swap(heap, at, worst);
        at = worst;
    }
}

/* Offers a pair whose index is greater than those of all pairs offered before. */
static inline void weft__top_k_offer(weft__top_k_heap *heap, float value, int32_t index)
{
    if (heap->count == heap->capacity) {
        if (!(value > heap->values[0]))
            return;
        heap->values[0] = value;
        heap->indices[0] = index;
        weft__top_k_sift_down(heap, 0, heap->count);
        return;
    }
    size_t at = heap->count++;
    heap->values[at] = value;
    heap->indices[at] = index;
    while (at && weft__top_k_worse(heap, at, (at - 1) / 2)) {
        weft__top_k_swap(heap, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

/* Puts the kept pairs in order, best first; the heap is then used up. */
static inline void weft__top_k_finish(weft__top_k_heap *heap)
{
    for (size_t last = heap->count; last-- > 1;) {
        weft__top_k_swap(heap, 0, last);
        weft__top_k_sift_down(heap, 0, last);
    }
}

#endif
