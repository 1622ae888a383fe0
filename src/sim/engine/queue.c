#include "sim/engine/queue.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SHIFT 10u /* about a nanosecond; adapts */
/* The width is looked at after this many openings: often enough to follow, seldom enough to cost nothing. */
#define SLOTS_BETWEEN_LOOKS 512u
#define NO_SLOT UINT32_MAX
#define NODES_FIRST 256u
#define NODES_ALIGNMENT 64u

void weft__queue_init(weft__queue *queue)
{
    memset(queue, 0, sizeof *queue);
    queue->shift = FIRST_SHIFT;
    queue->heap_time = WEFT__NEVER;
    queue->fine_end = 2 * WEFT__GROUP_SLOTS;
}

void weft__queue_destroy(weft__queue *queue)
{
    free(queue->nodes);
    free(queue->next);
    weft__event_heap_free(&queue->heap);
}

bool weft__queue_grow(weft__queue *queue)
{
    uint32_t had = queue->node_capacity, capacity = had ? 2 * had : NODES_FIRST;
    if (capacity > (uint32_t)1 << WEFT__INDEX_BITS)
        return false;
    weft__event_node *nodes = aligned_alloc(NODES_ALIGNMENT, capacity * sizeof *nodes);
    uint32_t *next = nodes ? realloc(queue->next, capacity * sizeof *next) : NULL;
    if (!next) {
        free(nodes);
        return false;
    }
    if (had)
        memcpy(nodes, queue->nodes, had * sizeof *nodes);
    else
        nodes[WEFT__QUEUE_NONE] = (weft__event_node){0}, next[WEFT__QUEUE_NONE] = WEFT__QUEUE_NONE;
    free(queue->nodes);
    queue->nodes = nodes;
    queue->next = next;
    queue->node_capacity = capacity;
    queue->allocations += 2;
    for (uint32_t index = capacity; --index > 0 && index >= had;) /* the first is used first */
        weft__queue_free_node(queue, index);
    return true;
}

/* ---- adding outside of the wheel ---- */

bool weft__queue_push(weft__queue *queue, uint32_t index)
{
    const weft__event_node *node = &queue->nodes[index];
    if (!weft__event_heap_reserve(&queue->heap, queue->heap.count + 1, &queue->allocations))
        return false;
    weft__event_heap_push(&queue->heap, (weft__event_key){node->time, node->order, index});
    queue->heap_time = queue->heap.items[0].time;
    return true;
}

/* The number of the coarse slot whose fine ones are being opened. */
static uint64_t coarse_slot(const weft__queue *queue)
{
    return (queue->fine_end >> WEFT__GROUP_BITS) - 2;
}

static uint32_t coarse_place(uint64_t coarse)
{
    return WEFT__COARSE_GROUP * WEFT__GROUP_SLOTS + ((uint32_t)coarse & (WEFT__GROUP_SLOTS - 1));
}

bool weft__queue_place_outside(weft__queue *queue, uint32_t index)
{
    weft__event_list *open = &queue->open;
    const weft__event_node *node = &queue->nodes[index];
    uint64_t slot = node->time >> queue->shift;
    if (slot > queue->open_slot) {
        uint64_t coarse = slot >> WEFT__GROUP_BITS;
        queue->early++;
        if (coarse - coarse_slot(queue) < WEFT__GROUP_SLOTS) {
            weft__queue_append(queue, coarse_place(coarse), index);
            return true;
        }
        queue->beyond++;
        return weft__queue_push(queue, index);
    }
    if (open->head != WEFT__QUEUE_NONE && weft__event_is_before(node, &queue->nodes[open->tail])) {
        queue->disordered += node->time < queue->nodes[open->tail].time;
        return weft__queue_push(queue, index);
    }
    queue->next[index] = WEFT__QUEUE_NONE;
    *(open->head == WEFT__QUEUE_NONE ? &open->head : &queue->next[open->tail]) = index;
    open->tail = index;
    return true;
}

/* ---- opening slots ---- */

/* The first slot in use of a group, from its slot `from` on; NO_SLOT if there is none. */
static inline uint32_t find(const weft__queue *queue, uint32_t from)
{
    uint32_t word = from / 64;
    uint64_t here = queue->bits[word] & (UINT64_MAX << from % 64);
    if (!here) {
        uint32_t group = from / WEFT__GROUP_SLOTS;
        uint64_t words = queue->summary[group] & (UINT64_MAX << word % 64 << 1);
        if (__builtin_expect(!words, 0))
            return NO_SLOT;
        word = group * WEFT__GROUP_WORDS + (uint32_t)__builtin_ctzll(words);
        here = queue->bits[word];
    }
    return word * 64 + (uint32_t)__builtin_ctzll(here);
}

/* The number of the next coarse slot in use after the present one; UINT64_MAX if there is none. */
static uint64_t next_coarse(const weft__queue *queue)
{
    uint64_t coarse = coarse_slot(queue);
    if (queue->summary[(coarse + 1) % 2])
        return coarse + 1;
    uint32_t from = (uint32_t)(coarse + 2) & (WEFT__GROUP_SLOTS - 1);
    uint32_t at = find(queue, WEFT__COARSE_GROUP * WEFT__GROUP_SLOTS + from);
    if (at == NO_SLOT)
        at = find(queue, WEFT__COARSE_GROUP * WEFT__GROUP_SLOTS);
    return at == NO_SLOT ? UINT64_MAX : coarse + 2 + ((at - from) & (WEFT__GROUP_SLOTS - 1));
}

/* Makes a later coarse slot the present one, as there is nothing in those before it. */
static void enter_coarse(weft__queue *queue, uint64_t coarse)
{
    uint64_t first = queue->fine_end >> WEFT__GROUP_BITS; /* those before it lie in fine slots already */
    queue->fine_end = (coarse + 2) << WEFT__GROUP_BITS;
    queue->open_slot = (coarse << WEFT__GROUP_BITS) - 1;
    for (uint64_t moved = coarse > first ? coarse : first; moved < coarse + 2; moved++) {
        uint32_t index = weft__queue_take_slot(queue, coarse_place(moved)).head;
        while (index != WEFT__QUEUE_NONE) {
            uint32_t next = queue->next[index];
            weft__queue_append_fine(queue, queue->nodes[index].time >> queue->shift, index);
            index = next;
        }
    }
}

/* Goes on to another coarse slot, as there is nothing left in the fine ones of the present one. Gives the place of the
 * first fine slot in use, or NO_SLOT if the heap comes before those; false if there is nothing up to `until`. */
static bool leave_coarse(weft__queue *queue, weft__time until, uint32_t *out)
{
    uint64_t next = next_coarse(queue), of_heap = queue->heap_time >> queue->shift >> WEFT__GROUP_BITS;
    *out = NO_SLOT;
    if (next == UINT64_MAX && !queue->heap.count)
        return false;
    if (queue->heap.count && of_heap < next)
        next = of_heap;
    if (next << WEFT__GROUP_BITS << queue->shift > until)
        return false;
    if (next > coarse_slot(queue))
        enter_coarse(queue, next);
    *out = find(queue, (uint32_t)(coarse_slot(queue) % 2) * WEFT__GROUP_SLOTS);
    return true;
}

/* Opens the next slot in use, as there is no event left in the open one, or goes on to what is in the heap. False if
 * neither begins before or at `until`: what is added then would come before the open slot, and have to go into the
 * heap. */
static bool open_next(weft__queue *queue, weft__time until)
{
    uint64_t slot = queue->open_slot + 1;
    uint32_t at = NO_SLOT;
    if (__builtin_expect(slot < queue->fine_end - WEFT__GROUP_SLOTS, 1))
        at = find(queue, weft__queue_fine_place(slot));
    if (__builtin_expect(at == NO_SLOT, 0) && !leave_coarse(queue, until, &at))
        return false;
    slot = coarse_slot(queue) << WEFT__GROUP_BITS | (at & (WEFT__GROUP_SLOTS - 1));
    if (__builtin_expect(at == NO_SLOT || queue->heap_time >> queue->shift < slot, 0))
        return queue->heap_time <= until;
    if (slot << queue->shift > until)
        return false;
    queue->open_slot = slot;
    queue->open = weft__queue_take_slot(queue, at);
    queue->opened_slots++;
    uint64_t bit = (uint64_t)1 << at % 64;
    if (__builtin_expect((queue->unsorted[at / 64] & bit) != 0, 0)) {
        queue->unsorted[at / 64] &= ~bit;
        queue->open = weft__queue_sort(queue, queue->open);
    }
    return true;
}

bool weft__queue_settle(weft__queue *queue, weft__time until)
{
    weft__event_list *open = &queue->open;
    if (open->head == WEFT__QUEUE_NONE) {
        if (__builtin_expect(queue->opened_slots >= SLOTS_BETWEEN_LOOKS, 0))
            weft__queue_choose_width(queue);
        if (!open_next(queue, until))
            return false;
    }
    if (__builtin_expect(!queue->heap.count, 1))
        return true;
    uint32_t index = queue->heap.items[0].node;
    if (open->head == WEFT__QUEUE_NONE)
        open->tail = index;
    else if (!weft__event_is_before(&queue->nodes[index], &queue->nodes[open->head]))
        return true;
    queue->next[index] = open->head;
    open->head = index;
    (void)weft__event_heap_pop(&queue->heap);
    queue->heap_time = queue->heap.count ? queue->heap.items[0].time : WEFT__NEVER;
    return true;
}

const weft__event_node *weft__queue_ahead(const weft__queue *queue)
{
    uint32_t index = queue->open.head;
    if (index == WEFT__QUEUE_NONE) {
        uint32_t at = find(queue, weft__queue_fine_place(queue->open_slot + 1));
        if (at != NO_SLOT)
            index = queue->slots[at].head;
    }
    return &queue->nodes[index];
}
