/* The pending events of a simulation, by (time, priority, sequence): a timing wheel, a heap for what lies beyond it,
 * and the open slot, which is being emptied in order. See engine.h for the idea.
 *
 * The open slot is a short sorted array; what does not fit in there cheaply goes into a heap beside it, and the next
 * event is the lesser of the two heads. Nodes are known by index, so that growing their array moves them freely. */
#ifndef WEFT_SIM_ENGINE_QUEUE_H
#define WEFT_SIM_ENGINE_QUEUE_H

#include "sim/engine/engine.h"

#define WEFT__QUEUE_SLOTS 16384u /* a power of two */
#define WEFT__QUEUE_WORDS (WEFT__QUEUE_SLOTS / 64u)
#define WEFT__QUEUE_SUMMARY_WORDS (WEFT__QUEUE_WORDS / 64u)
#define WEFT__QUEUE_NONE UINT32_MAX

typedef struct weft__event_node {
    weft__time time;
    uint64_t order;                 /* priority in the upper 16 bits, sequence below */
    weft__event_function *function; /* NULL: cancelled, or free */
    uint64_t argument;
} weft__event_node;

/* Kept apart from the node: a walk along a slot's list then stays in the cache, and loads of nodes do not wait for it.
 */
typedef struct weft__event_link {
    uint32_t next;       /* in a slot or in the free list */
    uint32_t generation; /* grows when the node is freed */
} weft__event_link;

/* What is compared: a key is all that a sort or a heap looks at. */
typedef struct weft__event_key {
    weft__time time;
    uint64_t order;
    uint32_t node;
} weft__event_key;

typedef struct weft__event_keys {
    weft__event_key *items;
    size_t count, capacity;
} weft__event_keys;

typedef struct weft__queue {
    weft__event_node *nodes;
    weft__event_link *links; /* one for each node */
    uint32_t node_count, node_capacity, free_node;

    uint32_t shift;     /* a slot is 2^shift picoseconds wide */
    uint64_t open_slot; /* number, time >> shift, of the open slot; the wheel holds the slots after it */
    uint64_t bits[WEFT__QUEUE_WORDS], summary[WEFT__QUEUE_SUMMARY_WORDS];
    uint32_t heads[WEFT__QUEUE_SLOTS];
    uint64_t wheel_count;

    weft__event_keys open; /* in order, from open_at on */
    size_t open_at;
    weft__event_keys late; /* heap: in the open slot too */
    weft__event_keys far;  /* heap: beyond the wheel */

    uint64_t sequence;
    /* Since the width of the slots was last chosen: slots opened, events in them, those among these that were out of
     * order, events added, and of those to `far`. */
    uint64_t opened_slots, opened_events, disordered, added, added_far;
    uint64_t allocations;
} weft__queue;

void weft__queue_init(weft__queue *queue);
void weft__queue_destroy(weft__queue *queue);

/* Adds an event. Gives its index, or WEFT__QUEUE_NONE when out of memory: nothing has changed then. */
uint32_t weft__queue_add(weft__queue *queue, weft__time time, int16_t priority, weft__event_function *function,
                         uint64_t argument);

typedef enum weft__queue_result {
    WEFT__QUEUE_EVENT,
    WEFT__QUEUE_NOTHING, /* up to the time asked for */
    WEFT__QUEUE_OUT_OF_MEMORY
} weft__queue_result;

/* Takes the next event, if its time is not after `until`, and drops cancelled ones before it. The event's node is free
 * afterwards; what was in it is copied. */
weft__queue_result weft__queue_pop(weft__queue *queue, weft__time until, weft__event_node *out);

#endif
