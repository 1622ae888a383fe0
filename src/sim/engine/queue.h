/* The pending events of a simulation, by (time, priority, sequence): a wheel of slots, the open slot, which is being
 * emptied in order, and a heap beside them. The next event is the lesser of the heads of the last two.
 *
 * The wheel has two scales. A coarse slot is as wide as 4096 fine ones. The events of the coarse slot in which the
 * clock is, and those of the next one, lie in fine slots; when the clock goes on to the next, the events of the one
 * after that move from their coarse slot into fine ones, before anything else happens. A slot is a list, first in,
 * first out. A fine one is in order unless its mark says otherwise: then it is sorted when it is opened. The open slot
 * is such a list too. Into the heap goes what lies beyond the coarse slots, and what belongs before the end of the open
 * list.
 *
 * Nodes are known by index, so that growing their array moves them freely. Only adding an event allocates. The few
 * steps of the usual case stand here, to become part of their callers. */
#ifndef WEFT_SIM_ENGINE_QUEUE_H
#define WEFT_SIM_ENGINE_QUEUE_H

#include "sim/engine/engine.h"
#include "sim/engine/heap.h"

/* Slots come in groups of 64 words of 64 bits. Two groups are fine slots, for coarse slots of even and of odd number;
 * the third group is the coarse slots. */
#define WEFT__GROUP_BITS 12u
#define WEFT__GROUP_SLOTS 4096u
#define WEFT__GROUP_WORDS 64u
#define WEFT__GROUPS 3u
#define WEFT__COARSE_GROUP 2u
#define WEFT__SEQUENCE_BITS 48u
#define WEFT__INDEX_BITS 25u /* of the number of a node */

/* Not an event, and its own successor: a walk along a list needs no end. It comes before everything. */
#define WEFT__QUEUE_NONE 0u

/* Two of them fill a line of the cache. */
typedef struct weft__event_node {
    weft__time time;
    uint64_t order;                 /* priority in the upper 16 bits, sequence below */
    weft__event_function *function; /* NULL: cancelled, or free */
    uint64_t argument;
} weft__event_node;

/* A list; of the one in a slot both are WEFT__QUEUE_NONE if it is empty, of the open one `head` is. */
typedef struct weft__event_list {
    uint32_t head, tail;
} weft__event_list;

typedef struct weft__queue {
    weft__event_node *nodes;
    uint32_t *next; /* for each node, the one after it in its list; apart, since a walk along them then stays near */
    uint32_t free_node;
    uint32_t shift;        /* a slot is 2^shift picoseconds wide */
    uint64_t open_slot;    /* number, time >> shift, of the open slot; the wheel holds the slots after it */
    uint64_t fine_end;     /* number of the first slot that is not among the fine ones */
    weft__event_list open; /* in order */
    uint64_t sequence;
    uint64_t taken, dropped; /* events that have been popped, and cancelled ones that have been passed by */
    weft__event_heap heap;
    weft__time heap_time; /* of the first in there; WEFT__NEVER if there is none */

    /* Since the width of the slots was last chosen: fine slots opened, events that came after a later one of their
     * slot, those that came too early for a fine slot, and even for a coarse one; and how many events had been added
     * and popped before. */
    uint64_t opened_slots, disordered, early, beyond, added_before, taken_before;
    uint64_t allocations;
    uint32_t node_capacity;
    uint64_t summary[WEFT__GROUPS];                  /* words of `bits` that are not 0 */
    uint64_t bits[WEFT__GROUPS * WEFT__GROUP_WORDS]; /* slots in use */
    uint64_t unsorted[2 * WEFT__GROUP_WORDS];        /* fine slots that are not in order */
    weft__event_list slots[WEFT__GROUPS * WEFT__GROUP_SLOTS];
} weft__queue;

void weft__queue_init(weft__queue *queue);
void weft__queue_destroy(weft__queue *queue);

/* ---- the unusual cases ---- */

/* Makes free nodes. False when out of memory, or if there are as many as can be numbered. */
bool weft__queue_grow(weft__queue *queue);

/* Puts a node whose time does not lie in the fine slots behind the open one where it belongs. False when out of memory;
 * nothing has changed then. */
bool weft__queue_place_outside(weft__queue *queue, uint32_t index);

/* With the open list empty, or later than the heap: makes the head of the open list the next event of all. False if
 * there is none up to `until`; true does not say that there is. */
bool weft__queue_settle(weft__queue *queue, weft__time until);

/* ---- between the queue's own files ---- */

/* Changes the width of the slots if it has not served well. The open slot has been emptied, with nothing beside it. */
void weft__queue_choose_width(weft__queue *queue);

/* Puts a list in order. */
weft__event_list weft__queue_sort(weft__queue *queue, weft__event_list list);

/* Puts a node into the heap. False when out of memory; nothing has changed then. */
bool weft__queue_push(weft__queue *queue, uint32_t index);

/* Takes the whole list out of a slot. */
static inline weft__event_list weft__queue_take_slot(weft__queue *queue, uint32_t at)
{
    weft__event_list list = queue->slots[at];
    queue->slots[at] = (weft__event_list){WEFT__QUEUE_NONE, WEFT__QUEUE_NONE};
    uint64_t left = queue->bits[at / 64] & ~((uint64_t)1 << at % 64);
    queue->bits[at / 64] = left;
    queue->summary[at / WEFT__GROUP_SLOTS] &= ~((uint64_t)!left << at / 64 % 64);
    return list;
}

/* ---- the usual ones ---- */

static inline bool weft__event_is_before(const weft__event_node *a, const weft__event_node *b)
{
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

/* Appends a node to a slot. Whether that is empty cannot be foreseen, so there is no branch on it. */
static inline void weft__queue_append(weft__queue *queue, uint32_t at, uint32_t index)
{
    weft__event_list *slot = &queue->slots[at];
    uint32_t *link = slot->tail == WEFT__QUEUE_NONE ? &slot->head : &queue->next[slot->tail];
    queue->next[index] = WEFT__QUEUE_NONE;
    *link = slot->tail = index;
    queue->bits[at / 64] |= (uint64_t)1 << at % 64;
    queue->summary[at / WEFT__GROUP_SLOTS] |= (uint64_t)1 << at / 64 % 64;
}

/* Where the fine slot of this number is. */
static inline uint32_t weft__queue_fine_place(uint64_t slot)
{
    return (uint32_t)slot & (2 * WEFT__GROUP_SLOTS - 1);
}

/* Appends a node to its fine slot, with a look at the order. */
static inline void weft__queue_append_fine(weft__queue *queue, uint64_t slot, uint32_t index)
{
    uint32_t at = weft__queue_fine_place(slot);
    const weft__event_node *node = &queue->nodes[index], *tail = &queue->nodes[queue->slots[at].tail];
    if (__builtin_expect(weft__event_is_before(node, tail), 0)) {
        queue->unsorted[at / 64] |= (uint64_t)1 << at % 64;
        queue->disordered += node->time < tail->time;
    }
    weft__queue_append(queue, at, index);
}

static inline void weft__queue_free_node(weft__queue *queue, uint32_t index)
{
    queue->nodes[index].function = NULL;
    queue->next[index] = queue->free_node;
    queue->free_node = index;
}

/* Adds an event. Gives its node, or WEFT__QUEUE_NONE when out of memory: nothing has changed then. */
static inline uint32_t weft__queue_add(weft__queue *queue, weft__time time, int16_t priority,
                                       weft__event_function *function, uint64_t argument)
{
    if (__builtin_expect(queue->free_node == WEFT__QUEUE_NONE, 0) && !weft__queue_grow(queue))
        return WEFT__QUEUE_NONE;
    uint32_t index = queue->free_node;
    queue->free_node = queue->next[index];
    weft__event_node *node = &queue->nodes[index];
    node->time = time;
    node->order = (uint64_t)(uint16_t)(priority ^ INT16_MIN) << WEFT__SEQUENCE_BITS | queue->sequence;
    node->function = function;
    node->argument = argument;
    uint64_t slot = time >> queue->shift;
    if (__builtin_expect(slot > queue->open_slot && slot < queue->fine_end, 1)) {
        weft__queue_append_fine(queue, slot, index);
    } else if (!weft__queue_place_outside(queue, index)) {
        weft__queue_free_node(queue, index);
        return WEFT__QUEUE_NONE;
    }
    queue->sequence++;
    return index;
}

/* Takes the next event, if there is one whose time is not after `until`; drops cancelled ones before it. The event's
 * node is free afterwards; what was in it is copied. */
static inline bool weft__queue_pop(weft__queue *queue, weft__time until, weft__event_node *out)
{
    for (;;) {
        uint32_t index = queue->open.head;
        if (index == WEFT__QUEUE_NONE || __builtin_expect(queue->nodes[index].time >= queue->heap_time, 0)) {
            if (!weft__queue_settle(queue, until))
                return false;
            index = queue->open.head;
        }
        const weft__event_node *node = &queue->nodes[index];
        if (node->time > until)
            return false;
        *out = *node;
        queue->open.head = queue->next[index];
        /* The next one has been asked for in the last round; it is the one after that whose turn it is. */
        __builtin_prefetch(&queue->nodes[queue->next[queue->open.head]]);
        weft__queue_free_node(queue, index);
        if (__builtin_expect(out->function != NULL, 1)) {
            queue->taken++;
            return true;
        }
        queue->dropped++;
    }
}

/* The event that most likely comes next, after a pop; its function is NULL if that is not easily known. */
const weft__event_node *weft__queue_ahead(const weft__queue *queue);

#endif
