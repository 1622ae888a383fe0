/* What memories remember of accesses. A map leads from bytes to cells; bytes of one cell have the same history. An
 * access that leaves another history in some of them moves these to another cell. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/order/order_impl.h"

typedef weft__order_cell cell;
typedef weft__order_mark mark;

static cell *cell_of(const weft__range *range)
{
    return (cell *)(uintptr_t)range->payload; // NOLINT(performance-no-int-to-ptr)
}

/* An access under way. */
typedef struct access {
    weft__order *order;
    weft__order_knowledge knowledge;
    mark mark;
    weft__order_race *race; /* that was found; without bytes: none */
    bool only_others;
    weft__order_phase phase;
} access;

/* ---- cells ---- */

static cell *take_cell(weft__order *order)
{
    cell *it = order->free_cells;
    if (it) {
        order->free_cells = it->successor;
    } else {
        weft__order_slab *slab = calloc(1, sizeof *slab);
        if (!slab) {
            order->has_failed = true;
            return NULL;
        }
        slab->next = order->slabs;
        order->slabs = slab;
        it = &slab->cells[0];
        for (uint32_t i = 1; i < WEFT__ORDER_SLAB_CELLS; i++) {
            slab->cells[i].successor = order->free_cells;
            order->free_cells = &slab->cells[i];
        }
    }
    *it = (cell){.write.agent = WEFT__ORDER_NOBODY, .reads = &it->one, .read_room = 1};
    return it;
}

/* Gives back the room for reads, except for that of one. */
static void shrink(weft__order *order, cell *it)
{
    if (it->read_room > 1) {
        weft__order_room **list = &order->free_rooms[__builtin_ctz(it->read_room)];
        weft__order_room *room = (weft__order_room *)(void *)it->reads;
        room->next = *list;
        *list = room;
    }
    it->reads = &it->one;
    it->read_room = 1;
    it->read_count = 0;
}

/* Bytes leave a cell, which is free without any. */
static void leave_cell(weft__order *order, cell *it, uint64_t bytes)
{
    assert(it->bytes >= bytes);
    it->bytes -= bytes;
    if (it->bytes)
        return;
    shrink(order, it);
    it->successor = order->free_cells;
    order->free_cells = it;
}

/* Room for so many reads more than there are, a power of two in all. */
static bool grow(weft__order *order, cell *it, uint32_t room)
{
    assert(room > it->read_room);
    weft__order_room **list = &order->free_rooms[__builtin_ctz(room)];
    mark *grown = (mark *)(void *)*list;
    if (grown)
        *list = (*list)->next;
    else
        grown = malloc(room * sizeof *grown);
    if (!grown) {
        order->has_failed = true;
        return false;
    }
    uint32_t count = it->read_count;
    memcpy(grown, it->reads, count * sizeof *grown);
    shrink(order, it);
    it->reads = grown;
    it->read_room = room;
    it->read_count = count;
    return true;
}

void weft__order_cells_destroy(weft__order *order)
{
    for (weft__order_slab *slab = order->slabs, *next; slab; slab = next) {
        next = slab->next;
        for (uint32_t i = 0; i < WEFT__ORDER_SLAB_CELLS; i++)
            if (slab->cells[i].read_room > 1)
                free(slab->cells[i].reads);
        free(slab);
    }
    for (uint32_t i = 0; i < WEFT__ORDER_ROOMS; i++) {
        for (weft__order_room *room = order->free_rooms[i], *next; room; room = next) {
            next = room->next;
            free(room);
        }
    }
}

void weft__order_memory_destroy(weft__order_memory *memory)
{
    weft__range_map_destroy(&memory->ranges);
}

/* ---- reads of a cell ---- */

/* The first of the reads that are by this agent or a later one. */
static uint32_t place_of(const cell *it, uint32_t agent)
{
    uint32_t begin = 0, end = it->read_count;
    while (begin < end) {
        uint32_t middle = (begin + end) / 2;
        if (it->reads[middle].agent < agent)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* Names of one call may stand in several places. */
static bool is_same_call(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same(const mark *a, const mark *b)
{
    return a->agent == b->agent && a->stamp == b->stamp && a->time_ps == b->time_ps && is_same_call(a->call, b->call);
}

/* True if this very read is there. */
static bool has_read(const cell *it, const mark *read)
{
    for (uint32_t i = place_of(it, read->agent); i < it->read_count && it->reads[i].agent == read->agent; i++)
        if (is_same(&it->reads[i], read))
            return true;
    return false;
}

/* Forgets the reads of [begin, end) that happened before the new one. */
static uint32_t forget(cell *it, const access *by, uint32_t begin, uint32_t end)
{
    uint32_t kept = begin;
    for (uint32_t i = begin; i < end; i++) {
        if (!weft__order_knows(&by->knowledge, &it->reads[i]))
            it->reads[kept++] = it->reads[i];
    }
    uint32_t forgotten = end - kept;
    if (forgotten && end < it->read_count)
        memmove(&it->reads[kept], &it->reads[end], (it->read_count - end) * sizeof *it->reads);
    it->read_count -= forgotten;
    return forgotten;
}

/* Room for one more. One that has ended makes others superfluous: those of its agent are looked through each time, all
 * when the room is full. */
static bool make_room(cell *it, const access *by)
{
    if (by->phase != WEFT__ORDER_BEGINS) {
        uint32_t begin = place_of(it, by->mark.agent), end = begin;
        while (end < it->read_count && it->reads[end].agent == by->mark.agent)
            end++;
        if (!forget(it, by, begin, end) && it->read_count == it->read_room)
            (void)forget(it, by, 0, it->read_count);
    }
    return it->read_count < it->read_room || grow(by->order, it, 2 * it->read_room);
}

/* True for most reads: there is none so far, or one, which this one makes superfluous. */
static bool takes_place_of_one(const cell *it, const access *by)
{
    if (it->read_count == 0)
        return true;
    return it->read_count == 1 && by->phase != WEFT__ORDER_BEGINS && weft__order_knows(&by->knowledge, &it->reads[0]);
}

static void add_read(cell *it, const access *by)
{
    if (takes_place_of_one(it, by)) {
        it->reads[0] = by->mark;
        it->read_count = 1;
        return;
    }
    if (!make_room(it, by))
        return;
    uint32_t at = place_of(it, by->mark.agent);
    memmove(&it->reads[at + 1], &it->reads[at], (it->read_count - at) * sizeof *it->reads);
    it->reads[at] = by->mark;
    it->read_count++;
}

static cell *copy_cell(weft__order *order, const cell *from)
{
    cell *it = take_cell(order);
    if (!it || (from->read_room > 1 && !grow(order, it, from->read_room)))
        return NULL;
    it->write = from->write;
    it->read_count = from->read_count;
    memcpy(it->reads, from->reads, from->read_count * sizeof *it->reads);
    return it;
}

/* ---- races ---- */

static bool races(const access *by, const mark *earlier)
{
    uint32_t own = by->knowledge.agent;
    if (by->only_others && (earlier->agent == own || earlier->agent == own + by->order->agent_count))
        return false;
    return earlier->agent != WEFT__ORDER_NOBODY && !weft__order_knows(&by->knowledge, earlier);
}

/* True if a read that ends here has begun here, and nobody has written since. */
static bool was_begun(const cell *it, const access *by)
{
    mark begun = by->mark;
    begun.time_ps = WEFT__ORDER_UNDER_WAY;
    return by->phase == WEFT__ORDER_ENDS && has_read(it, &begun);
}

/* What races last: the write or, for who writes, one of the reads that have ended. */
static const mark *racing(const cell *it, const access *by, bool is_write)
{
    const mark *last = races(by, &it->write) && !was_begun(it, by) ? &it->write : NULL;
    for (uint32_t i = 0; is_write && i < it->read_count; i++) {
        const mark *read = &it->reads[i];
        if (read->time_ps != WEFT__ORDER_UNDER_WAY && (!last || read->time_ps > last->time_ps) && races(by, read))
            last = read;
    }
    return last;
}

/* Looks for a race on some bytes of a cell. They are asked about in their order, so that a race grows at its end. */
static void check(const access *by, const cell *it, bool is_write, uint64_t begin, uint64_t end)
{
    const mark *other = racing(it, by, is_write);
    weft__order_race *race = by->race;
    if (!other)
        return;
    weft__order_race found = {.kind = !is_write             ? WEFT_KERNEL_HAZARD_RAW
                                      : other == &it->write ? WEFT_KERNEL_HAZARD_WAW
                                                            : WEFT_KERNEL_HAZARD_WAR,
                              .other = other->agent % by->order->agent_count,
                              .other_ps = other->time_ps,
                              .other_call = other->call,
                              .offset = begin,
                              .bytes = end - begin};
    if (race->bytes == 0)
        *race = found;
    else if (race->kind == found.kind && race->other == found.other && race->other_ps == found.other_ps &&
             is_same_call(race->other_call, found.other_call) && race->offset + race->bytes == begin)
        race->bytes += found.bytes;
}

/* ---- accesses ---- */

static access begin_access(weft__order *order, const weft__order_access *from, weft__order_race *race)
{
    const weft__order_point *point = from->point;
    access by = {.order = order,
                 .knowledge = weft__order_knowledge_of(order, from),
                 .mark = {.time_ps = from->time_ps, .call = from->call},
                 .race = race,
                 .only_others = from->only_others,
                 .phase = from->phase};
    if (by.phase == WEFT__ORDER_BEGINS)
        by.mark.time_ps = WEFT__ORDER_UNDER_WAY;
    assert(!point || point->is_message || point->command);
    by.mark.agent = by.knowledge.agent;
    by.mark.stamp = by.knowledge.epoch;
    if (point && point->is_message) {
        by.mark.agent += order->agent_count;
        by.mark.stamp = point->messages;
    } else if (point) {
        by.mark.stamp = point->command;
    }
    *race = (weft__order_race){0};
    return by;
}

/* Makes a read of some bytes of a cell without moving them, if it is there already, or they are all of the cell. */
static bool read_in_place(access *by, cell *it, uint64_t bytes)
{
    if (has_read(it, &by->mark))
        return true;
    if (it->bytes != bytes)
        return false;
    add_read(it, by);
    return true;
}

/* Else bytes that are read go to a new cell, which the next bytes of theirs find again. */
static bool read_piece(void *context, weft__range *piece, bool is_mapped)
{
    access *by = context;
    weft__order *order = by->order;
    cell *it = is_mapped ? cell_of(piece) : &order->blank;
    uint64_t bytes = piece->end - piece->begin;
    check(by, it, false, piece->begin, piece->end);
    if (order->has_failed || (is_mapped && read_in_place(by, it, bytes)))
        return is_mapped;
    if (!it->successor || it->successor_of != order->reads) {
        it->successor = copy_cell(order, it);
        it->successor_of = order->reads;
        if (!it->successor)
            return is_mapped;
        add_read(it->successor, by);
    }
    it->successor->bytes += bytes;
    piece->payload = (uintptr_t)it->successor;
    if (is_mapped)
        leave_cell(order, it, bytes);
    return true;
}

bool weft__order_read(weft__order *order, weft__order_memory *memory, const weft__order_access *from, uint64_t offset,
                      uint64_t bytes, weft__order_race *out)
{
    access by = begin_access(order, from, out);
    if (order->has_failed || bytes == 0)
        return false;
    if (!is_same(&order->last_read, &by.mark)) {
        order->last_read = by.mark;
        order->reads++;
    }
    uint64_t end = offset + bytes;
    weft__range_cursor cursor;
    const weft__range *range = weft__range_map_recall(&memory->ranges, &memory->hints, offset, end, &cursor);
    if (range && range->begin == offset && range->end == end && cell_of(range)->bytes == bytes) {
        check(&by, cell_of(range), false, offset, end);
        (void)read_in_place(&by, cell_of(range), bytes);
    } else if (!weft__range_map_update(&memory->ranges, offset, end, read_piece, &by)) {
        order->has_failed = true;
    }
    return out->bytes != 0;
}

bool weft__order_write(weft__order *order, weft__order_memory *memory, const weft__order_access *from, uint64_t offset,
                       uint64_t bytes, weft__order_race *out)
{
    access by = begin_access(order, from, out);
    if (order->has_failed || bytes == 0)
        return false;
    order->last_read.agent = WEFT__ORDER_NOBODY;
    uint64_t end = offset + bytes;
    cell *written = NULL;
    weft__range_cursor cursor;
    const weft__range *range = weft__range_map_recall(&memory->ranges, &memory->hints, offset, end, &cursor);
    for (; range; range = weft__range_cursor_next(&cursor)) {
        cell *it = cell_of(range);
        uint64_t from_byte = range->begin < offset ? offset : range->begin;
        uint64_t to_byte = range->end < end ? range->end : end;
        check(&by, it, true, from_byte, to_byte);
        if (to_byte - from_byte == bytes && it->bytes == bytes)
            written = it;
        else
            leave_cell(order, it, to_byte - from_byte);
    }
    if (written) {
        shrink(order, written);
    } else {
        written = take_cell(order);
        if (!written)
            return out->bytes != 0;
        written->bytes = bytes;
        if (!weft__range_map_assign(&memory->ranges, offset, end, (uintptr_t)written))
            order->has_failed = true;
    }
    written->write = by.mark;
    return out->bytes != 0;
}
