#include "sim/engine/queue.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SHIFT 10u /* about a nanosecond; adapts */
#define SHIFT_MAX 40u
#define SEQUENCE_BITS 48u
/* The open slot's array takes an insertion that moves no more than this; the heap takes the others. */
#define MOVES_MAX 24u
/* The width is looked at after this many openings: often enough to follow, seldom enough to cost nothing. */
#define SLOTS_BETWEEN_LOOKS 512u
#define HEAP_ARITY 4u

static bool before(const weft__event_key *a, const weft__event_key *b)
{
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

static bool reserve(weft__queue *queue, weft__event_keys *keys, size_t count)
{
    if (count <= keys->capacity)
        return true;
    size_t capacity = keys->capacity ? keys->capacity : 64;
    while (capacity < count)
        capacity *= 2;
    weft__event_key *grown = realloc(keys->items, capacity * sizeof *grown);
    if (!grown)
        return false;
    queue->allocations++;
    keys->items = grown;
    keys->capacity = capacity;
    return true;
}

/* ---- heaps ---- */

static void heap_up(weft__event_keys *heap, size_t at, weft__event_key key)
{
    while (at > 0) {
        size_t parent = (at - 1) / HEAP_ARITY;
        if (!before(&key, &heap->items[parent]))
            break;
        heap->items[at] = heap->items[parent];
        at = parent;
    }
    heap->items[at] = key;
}

static void heap_down(weft__event_keys *heap, size_t at, weft__event_key key)
{
    for (;;) {
        size_t first = HEAP_ARITY * at + 1, least = first;
        if (first >= heap->count)
            break;
        size_t end = first + HEAP_ARITY < heap->count ? first + HEAP_ARITY : heap->count;
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

/* Room must have been reserved. */
static void heap_push(weft__event_keys *heap, weft__event_key key)
{
    heap_up(heap, heap->count++, key);
}

static void heap_pop(weft__event_keys *heap)
{
    weft__event_key last = heap->items[--heap->count];
    if (heap->count)
        heap_down(heap, 0, last);
}

/* ---- the wheel ---- */

static void wheel_put(weft__queue *queue, uint64_t slot, uint32_t index)
{
    uint32_t at = (uint32_t)(slot & (WEFT__QUEUE_SLOTS - 1));
    queue->links[index].next = queue->heads[at];
    queue->heads[at] = index;
    queue->bits[at / 64] |= (uint64_t)1 << at % 64;
    queue->summary[at / 4096] |= (uint64_t)1 << at / 64 % 64;
    queue->wheel_count++;
}

/* The first slot in use from ring place `from` on, going round once; the wheel must not be empty. */
static uint32_t wheel_next(const weft__queue *queue, uint32_t from)
{
    uint32_t word = from / 64;
    uint64_t here = queue->bits[word] & (UINT64_MAX << from % 64);
    if (here)
        return word * 64 + (uint32_t)__builtin_ctzll(here);
    word = (word + 1) % WEFT__QUEUE_WORDS;
    uint32_t group = word / 64;
    uint64_t words = queue->summary[group] & (UINT64_MAX << word % 64);
    while (!words) { /* after a full round the lower part of the first group is looked at too */
        group = (group + 1) % WEFT__QUEUE_SUMMARY_WORDS;
        words = queue->summary[group];
    }
    word = group * 64 + (uint32_t)__builtin_ctzll(words);
    return word * 64 + (uint32_t)__builtin_ctzll(queue->bits[word]);
}

static weft__event_key key_of(const weft__queue *queue, uint32_t index)
{
    const weft__event_node *node = &queue->nodes[index];
    return (weft__event_key){node->time, node->order, index};
}

/* For times behind the open slot. */
static bool is_in_reach(const weft__queue *queue, weft__time time)
{
    return (time >> queue->shift) - queue->open_slot < WEFT__QUEUE_SLOTS;
}

/* Takes what has happened off the front of the open array, before that would grow for want of room at the end. */
static void compact_open(weft__queue *queue)
{
    weft__event_keys *open = &queue->open;
    if (open->count < open->capacity || queue->open_at < open->count / 2)
        return;
    open->count -= queue->open_at;
    if (open->count)
        memmove(open->items, open->items + queue->open_at, open->count * sizeof *open->items);
    queue->open_at = 0;
}

/* Puts an event of the open slot, or before it, into its order. Room must have been reserved in both places. */
static void insert_open(weft__queue *queue, weft__event_key key)
{
    weft__event_keys *open = &queue->open;
    size_t least = open->count > queue->open_at + MOVES_MAX ? open->count - MOVES_MAX : queue->open_at;
    size_t at = open->count;
    while (at > least && before(&key, &open->items[at - 1]))
        at--;
    if (at == least && at > queue->open_at) { /* belongs further to the front than is cheap to move */
        heap_push(&queue->late, key);
        return;
    }
    memmove(&open->items[at + 1], &open->items[at], (open->count - at) * sizeof *open->items);
    open->items[at] = key;
    open->count++;
}

/* Puts an event where its time belongs. False when out of memory. */
static bool place(weft__queue *queue, uint32_t index)
{
    weft__time time = queue->nodes[index].time;
    uint64_t slot = time >> queue->shift;
    if (slot <= queue->open_slot) {
        compact_open(queue);
        if (!reserve(queue, &queue->open, queue->open.count + 1) ||
            !reserve(queue, &queue->late, queue->late.count + 1))
            return false;
        insert_open(queue, key_of(queue, index));
        return true;
    }
    if (slot - queue->open_slot < WEFT__QUEUE_SLOTS) {
        wheel_put(queue, slot, index);
        return true;
    }
    if (!reserve(queue, &queue->far, queue->far.count + 1))
        return false;
    heap_push(&queue->far, key_of(queue, index));
    queue->added_far++;
    return true;
}

/* Moves what the wheel now reaches out of the far heap. False when out of memory, with the rest still there. */
static bool fetch_far(weft__queue *queue)
{
    while (queue->far.count && is_in_reach(queue, queue->far.items[0].time)) {
        uint32_t index = queue->far.items[0].node;
        heap_pop(&queue->far);
        if (!place(queue, index)) {
            heap_push(&queue->far, key_of(queue, index)); /* there is room: it has just been there */
            return false;
        }
    }
    return true;
}

/* ---- the width of the slots ---- */

/* Everything in the wheel goes into new slots. The open slot has just been emptied; the wheel's nodes are chained up
 * first, since their places change. */
static void set_shift(weft__queue *queue, uint32_t shift, weft__time from)
{
    uint32_t chain = WEFT__QUEUE_NONE;
    while (queue->wheel_count) {
        uint32_t at = wheel_next(queue, 0);
        for (uint32_t index = queue->heads[at]; index != WEFT__QUEUE_NONE; queue->wheel_count--) {
            uint32_t next = queue->links[index].next;
            queue->links[index].next = chain;
            chain = index;
            index = next;
        }
        queue->heads[at] = WEFT__QUEUE_NONE;
        queue->bits[at / 64] &= ~((uint64_t)1 << at % 64);
        if (!queue->bits[at / 64])
            queue->summary[at / 4096] &= ~((uint64_t)1 << at / 64 % 64);
    }
    queue->shift = shift;
    queue->open_slot = (from >> shift) - 1; /* nothing that is pending lies before `from` */
    while (chain != WEFT__QUEUE_NONE) {
        uint32_t next = queue->links[chain].next;
        uint64_t slot = queue->nodes[chain].time >> shift;
        if (slot - queue->open_slot < WEFT__QUEUE_SLOTS)
            wheel_put(queue, slot, chain);
        else
            heap_push(&queue->far, key_of(queue, chain)); /* reserved by choose_shift */
        chain = next;
    }
}

/* Wide slots cost ordering, and narrow ones leave the wheel too short. Many events in a slot are no harm in themselves:
 * those of one time and priority lie in order already, however narrow the slot. */
static void choose_shift(weft__queue *queue, weft__time from)
{
    uint64_t pending = queue->wheel_count + queue->far.count;
    if (queue->opened_slots < SLOTS_BETWEEN_LOOKS || queue->opened_events < pending)
        return;
    bool is_disordered = queue->disordered > 2 * queue->opened_slots;
    bool is_ordered = 4 * queue->disordered < queue->opened_slots;
    bool is_short = 8 * queue->added_far > queue->added;
    uint32_t shift = queue->shift;
    if (is_disordered && !is_short && shift > 0)
        shift--;
    else if (is_short && is_ordered && shift < SHIFT_MAX && from >> (shift + 1) > 0)
        shift++;
    queue->opened_slots = queue->opened_events = queue->disordered = queue->added = queue->added_far = 0;
    if (shift != queue->shift && reserve(queue, &queue->far, pending))
        set_shift(queue, shift, from);
}

/* ---- opening slots ---- */

static weft__time earliest_waiting(const weft__queue *queue)
{
    if (queue->wheel_count) {
        uint32_t from = (uint32_t)((queue->open_slot + 1) & (WEFT__QUEUE_SLOTS - 1));
        uint32_t at = wheel_next(queue, from);
        uint64_t slot = queue->open_slot + 1 + ((at - from) & (WEFT__QUEUE_SLOTS - 1));
        return slot << queue->shift;
    }
    return queue->far.count ? queue->far.items[0].time : WEFT__NEVER;
}

static void sort_open(weft__queue *queue)
{
    weft__event_key *items = queue->open.items;
    size_t count = queue->open.count;
    for (size_t i = 0, j = count - 1; i < j; i++, j--) { /* a slot's list is last in, first out */
        weft__event_key key = items[i];
        items[i] = items[j];
        items[j] = key;
    }
    size_t sorted = 1;
    while (sorted < count && before(&items[sorted - 1], &items[sorted]))
        sorted++;
    queue->disordered += count - sorted;
    if (count - sorted > MOVES_MAX) { /* too many for insertion: the rest is served from the heap */
        for (size_t i = sorted; i < count; i++)
            heap_push(&queue->late, items[i]);
        queue->open.count = sorted;
        return;
    }
    for (size_t i = sorted; i < count; i++) {
        weft__event_key key = items[i];
        size_t at = i;
        for (; at > 0 && before(&key, &items[at - 1]); at--)
            items[at] = items[at - 1];
        items[at] = key;
    }
}

/* Empties the slot at ring place `at` into the open array. False when out of memory. */
static bool empty_slot(weft__queue *queue, uint32_t at)
{
    size_t count = 0;
    for (uint32_t index = queue->heads[at]; index != WEFT__QUEUE_NONE; index = queue->links[index].next) {
        if (!reserve(queue, &queue->open, count + 1))
            return false; /* the slot is as it was, and the open array counts as empty */
        queue->open.items[count++] = key_of(queue, index);
    }
    if (!reserve(queue, &queue->late, count))
        return false;
    queue->open.count = count;
    queue->heads[at] = WEFT__QUEUE_NONE;
    queue->bits[at / 64] &= ~((uint64_t)1 << at % 64);
    if (!queue->bits[at / 64])
        queue->summary[at / 4096] &= ~((uint64_t)1 << at / 64 % 64);
    queue->wheel_count -= count;
    queue->opened_slots++;
    queue->opened_events += count;
    if (count > 1)
        sort_open(queue);
    return true;
}

/* Opens the next slot in use; there is none open, and something is waiting. */
static bool open_next(weft__queue *queue)
{
    queue->open.count = queue->open_at = 0;
    weft__time from = earliest_waiting(queue);
    choose_shift(queue, from);
    uint64_t slot = earliest_waiting(queue) >> queue->shift;
    /* The slot counts as one of the wheel until it has been emptied, so that what comes near joins it there. */
    queue->open_slot = slot - 1;
    if (!fetch_far(queue))
        return false;
    uint32_t at = (uint32_t)(slot & (WEFT__QUEUE_SLOTS - 1));
    if (!empty_slot(queue, at))
        return false;
    queue->open_slot = slot;
    return fetch_far(queue);
}

/* ---- the queue ---- */

void weft__queue_init(weft__queue *queue)
{
    memset(queue, 0, sizeof *queue);
    for (size_t i = 0; i < WEFT__QUEUE_SLOTS; i++)
        queue->heads[i] = WEFT__QUEUE_NONE;
    queue->free_node = WEFT__QUEUE_NONE;
    queue->shift = FIRST_SHIFT;
}

void weft__queue_destroy(weft__queue *queue)
{
    free(queue->nodes);
    free(queue->links);
    free(queue->open.items);
    free(queue->late.items);
    free(queue->far.items);
}

static bool grow_nodes(weft__queue *queue)
{
    uint32_t capacity = queue->node_capacity ? 2 * queue->node_capacity : 256;
    if (capacity > UINT32_MAX / 2)
        return false;
    weft__event_node *nodes = realloc(queue->nodes, capacity * sizeof *nodes);
    if (nodes)
        queue->nodes = nodes;
    weft__event_link *links = nodes ? realloc(queue->links, capacity * sizeof *links) : NULL;
    if (!links)
        return false; /* larger nodes do no harm */
    queue->links = links;
    queue->allocations += 2;
    queue->node_capacity = capacity;
    return true;
}

static inline void free_node(weft__queue *queue, uint32_t index)
{
    queue->nodes[index].function = NULL;
    queue->links[index].generation++;
    queue->links[index].next = queue->free_node;
    queue->free_node = index;
}

uint32_t weft__queue_add(weft__queue *queue, weft__time time, int16_t priority, weft__event_function *function,
                         uint64_t argument)
{
    uint32_t index = queue->free_node;
    bool is_new = index == WEFT__QUEUE_NONE;
    if (is_new) {
        if (queue->node_count == queue->node_capacity && !grow_nodes(queue))
            return WEFT__QUEUE_NONE;
        index = queue->node_count++;
        queue->links[index].generation = 1;
    } else {
        queue->free_node = queue->links[index].next;
    }
    weft__event_node *node = &queue->nodes[index];
    node->time = time;
    node->order = (uint64_t)(uint16_t)(priority ^ INT16_MIN) << SEQUENCE_BITS | queue->sequence;
    node->function = function;
    node->argument = argument;
    if (!place(queue, index)) {
        free_node(queue, index);
        return WEFT__QUEUE_NONE;
    }
    queue->sequence++;
    queue->added++;
    return index;
}

/* The lesser head of the open array and the heap beside it; NULL if both are empty. */
static const weft__event_key *head(const weft__queue *queue)
{
    const weft__event_key *open = queue->open_at < queue->open.count ? &queue->open.items[queue->open_at] : NULL;
    if (!queue->late.count)
        return open;
    return open && before(open, &queue->late.items[0]) ? open : &queue->late.items[0];
}

weft__queue_result weft__queue_pop(weft__queue *queue, weft__time until, weft__event_node *out)
{
    for (;;) {
        const weft__event_key *next = head(queue);
        if (!next) {
            if (!queue->wheel_count && !queue->far.count)
                return WEFT__QUEUE_NOTHING;
            if (!open_next(queue))
                return WEFT__QUEUE_OUT_OF_MEMORY;
            continue;
        }
        if (next->time > until)
            return WEFT__QUEUE_NOTHING;
        uint32_t index = next->node;
        if (queue->late.count && next == &queue->late.items[0])
            heap_pop(&queue->late);
        else
            queue->open_at++;
        *out = queue->nodes[index];
        free_node(queue, index);
        if (out->function)
            return WEFT__QUEUE_EVENT;
    }
}
