/* What is done to slots now and then: choosing how wide they are, and putting one in order. */
#include "sim/engine/queue.h"

#include <string.h>

#define SHIFT_MAX 40u

/* ---- width ---- */

/* Everything in the wheel goes into new slots; the nodes are chained up first, since their places change. Room for all
 * has been reserved in the heap. Nothing in the wheel lies before `from`. */
static void set_shift(weft__queue *queue, uint32_t shift, weft__time from)
{
    uint32_t chain = WEFT__QUEUE_NONE;
    for (uint32_t word = 0; word < WEFT__GROUPS * WEFT__GROUP_WORDS; word++)
        while (queue->bits[word]) {
            weft__event_list list =
                weft__queue_take_slot(queue, word * 64 + (uint32_t)__builtin_ctzll(queue->bits[word]));
            queue->next[list.tail] = chain;
            chain = list.head;
        }
    memset(queue->unsorted, 0, sizeof queue->unsorted);
    queue->shift = shift;
    queue->open_slot = (from >> shift) - 1;
    queue->fine_end = ((queue->open_slot >> WEFT__GROUP_BITS) + 2) << WEFT__GROUP_BITS;
    while (chain != WEFT__QUEUE_NONE) {
        uint32_t index = chain;
        uint64_t slot = queue->nodes[index].time >> shift;
        chain = queue->next[index];
        if (slot < queue->fine_end)
            weft__queue_append_fine(queue, slot, index);
        else
            (void)weft__queue_place_outside(queue, index);
    }
}

/* Wide slots cost ordering, and narrow ones moves from coarse to fine. Many events in a slot are no harm in themselves:
 * those of one time and priority lie in order already, however narrow the slot. */
void weft__queue_choose_width(weft__queue *queue)
{
    uint64_t pending = queue->sequence - queue->taken - queue->dropped;
    if (queue->taken - queue->taken_before < pending)
        return;
    weft__time from = (queue->open_slot + 1) << queue->shift;
    uint64_t added = queue->sequence - queue->added_before;
    bool is_disordered = 8 * queue->disordered > queue->opened_slots;
    bool is_ordered = 64 * queue->disordered < queue->opened_slots;
    bool is_short = 8 * queue->beyond > added;
    bool is_narrow = 2 * queue->early > added;
    uint32_t shift = queue->shift;
    if (is_disordered && !is_short && shift > 0)
        shift--;
    else if (is_ordered && (is_short || is_narrow) && shift < SHIFT_MAX && from >> (shift + 1) > 0)
        shift++;
    if (shift != queue->shift && weft__event_heap_reserve(&queue->heap, pending, &queue->allocations))
        set_shift(queue, shift, from);
    queue->opened_slots = queue->disordered = queue->early = queue->beyond = 0;
    queue->added_before = queue->sequence;
    queue->taken_before = queue->taken;
}

/* ---- order ---- */

/* Joins two lists that are in order. */
static uint32_t merge(weft__queue *queue, uint32_t a, uint32_t b)
{
    uint32_t first = WEFT__QUEUE_NONE, *end = &first;
    while (a != WEFT__QUEUE_NONE && b != WEFT__QUEUE_NONE) {
        uint32_t *least = weft__event_is_before(&queue->nodes[b], &queue->nodes[a]) ? &b : &a;
        *end = *least;
        end = &queue->next[*least];
        *least = *end;
    }
    *end = a != WEFT__QUEUE_NONE ? a : b;
    return first;
}

/* Takes what is in order off the front of a list. */
static uint32_t cut_run(weft__queue *queue, uint32_t *list)
{
    uint32_t first = *list, last = first, next = queue->next[last];
    while (next != WEFT__QUEUE_NONE && !weft__event_is_before(&queue->nodes[next], &queue->nodes[last])) {
        last = next;
        next = queue->next[last];
    }
    queue->next[last] = WEFT__QUEUE_NONE;
    *list = next;
    return first;
}

/* Merges the runs that lie in the list already; runs[i] is empty or made of 2^i of them. */
weft__event_list weft__queue_sort(weft__queue *queue, weft__event_list list)
{
    uint32_t runs[WEFT__INDEX_BITS + 1] = {WEFT__QUEUE_NONE}, levels = 0;
    while (list.head != WEFT__QUEUE_NONE) {
        uint32_t run = cut_run(queue, &list.head), level = 0;
        for (; level < levels && runs[level] != WEFT__QUEUE_NONE; level++) {
            run = merge(queue, runs[level], run);
            runs[level] = WEFT__QUEUE_NONE;
        }
        runs[level] = run;
        if (level == levels)
            levels++;
    }
    for (uint32_t level = 0; level < levels; level++)
        list.head = merge(queue, runs[level], list.head);
    list.tail = list.head;
    while (queue->next[list.tail] != WEFT__QUEUE_NONE)
        list.tail = queue->next[list.tail];
    return list;
}
