/* Vector clocks: who knows what of whom. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/status.h"
#include "sim/order/order_impl.h"

#define EPOCHS_MAX 0x7fffffffu
#define BLOCKS_MAX 64u
#define LINE_ENTRIES (WEFT__ORDER_LINE_BYTES / sizeof(uint32_t))

/* ---- clocks ---- */

/* A clock with one reference and so many blocks, which are not filled. */
static weft__order_clock *take_clock(weft__order *order, uint64_t blocks)
{
    uint32_t count = (uint32_t)__builtin_popcountll(blocks), room = 0;
    while ((uint32_t)1 << room < count)
        room++;
    weft__order_clock *clock = order->free_clocks[room];
    if (clock) {
        order->free_clocks[room] = clock->next_free;
    } else {
        size_t bytes = ((size_t)1 << (room + order->block_bits)) * sizeof clock->known[0];
        clock = aligned_alloc(alignof(weft__order_clock), sizeof *clock + bytes);
        if (!clock) {
            order->has_failed = true;
            return NULL;
        }
        clock->room = room;
        clock->next_made = order->made_clocks;
        order->made_clocks = clock;
    }
    clock->blocks = blocks;
    clock->references = 1;
    return clock;
}

static void drop_clock(weft__order *order, weft__order_clock *clock)
{
    if (!clock || --clock->references)
        return;
    clock->next_free = order->free_clocks[clock->room];
    order->free_clocks[clock->room] = clock;
}

/* The later entries of both, or zeros for NULL. Compilers make vectors of it, for the entries have a sign, which is
 * never used, and come so many together. */
static void merge_block(int32_t *to, const int32_t *from, const int32_t *other, size_t count)
{
    static const int32_t zeros[LINE_ENTRIES];
    for (size_t i = 0; i < count; i += LINE_ENTRIES) {
        int32_t later[LINE_ENTRIES];
        const int32_t *a = from ? from + i : zeros, *b = other ? other + i : zeros;
        for (size_t k = 0; k < LINE_ENTRIES; k++)
            later[k] = a[k] > b[k] ? a[k] : b[k];
        memcpy(to + i, later, sizeof later);
    }
}

/* The entries of a clock, block by block; NULL for one that is not there. */
typedef struct walk {
    uint64_t blocks;
    const uint32_t *next;
} walk;

static const int32_t *step(walk *it, uint64_t block, size_t entries)
{
    if (!(it->blocks & block))
        return NULL;
    const uint32_t *at = it->next;
    it->next += entries;
    return (const int32_t *)at;
}

static void merge(const weft__order *order, weft__order_clock *to, const weft__order_clock *from,
                  const weft__order_clock *other)
{
    size_t entries = (size_t)1 << order->block_bits;
    walk first = {from->blocks, from->known}, second = {other->blocks, other->known};
    int32_t *at = (int32_t *)to->known;
    for (uint64_t left = to->blocks; left; left &= left - 1, at += entries) {
        uint64_t block = left & (~left + 1);
        const int32_t *a = step(&first, block, entries), *b = step(&second, block, entries);
        if (b || at != a)
            merge_block(at, a, b, entries);
    }
}

/* The clock knows all that a point does: it becomes one that nobody else has. False when out of memory. */
static bool learn(weft__order *order, weft__order_clock **clock, const weft__order_point *point)
{
    weft__order_clock *from = *clock, *it = from;
    uint32_t own = 2 * point->agent;
    uint64_t own_block = (uint64_t)1 << (own >> order->block_bits);
    uint64_t blocks = from->blocks | point->clock->blocks | own_block;
    if (from->references > 1 || blocks != from->blocks) {
        it = take_clock(order, blocks);
        if (!it)
            return false;
    }
    merge(order, it, from, point->clock);
    size_t before = (size_t)__builtin_popcountll(blocks & (own_block - 1));
    uint32_t *known = it->known + (before << order->block_bits) + (own & (((uint32_t)1 << order->block_bits) - 1));
    known[0] = known[0] > point->epoch ? known[0] : point->epoch;
    known[1] = known[1] > point->messages ? known[1] : point->messages;
    if (it != from)
        drop_clock(order, from);
    *clock = it;
    return true;
}

/* ---- points ---- */

static weft__order_point *make_point(weft__order *order)
{
    weft__order_point *point = order->free_points;
    if (point) {
        order->free_points = point->next;
        return point;
    }
    point = malloc(sizeof *point);
    if (!point) {
        order->has_failed = true;
        return NULL;
    }
    point->next_made = order->made_points;
    order->made_points = point;
    return point;
}

weft__order_point *weft__order_snapshot(weft__order *order, uint32_t agent)
{
    assert(agent < order->agent_count);
    weft__order_agent *it = &order->agents[agent];
    if (it->epoch == EPOCHS_MAX)
        order->has_failed = true;
    weft__order_point *point = order->has_failed ? NULL : make_point(order);
    if (!point)
        return NULL;
    it->clock->references++;
    *point = (weft__order_point){.clock = it->clock,
                                 .references = 1,
                                 .agent = agent,
                                 .epoch = it->epoch++,
                                 .messages = it->messages_over,
                                 .next_made = point->next_made};
    return point;
}

weft__order_point *weft__order_send(weft__order *order, uint32_t agent)
{
    weft__order_point *point = weft__order_snapshot(order, agent);
    if (point) {
        point->messages = ++order->agents[agent].messages;
        point->is_message = true;
    }
    return point;
}

static bool take_command(weft__order *order, weft__order_stamp *out)
{
    if (order->command_count == WEFT__ORDER_IS_COMMAND ||
        !weft__array_reserve(&order->commands, &order->command_room, order->command_count, 1))
        return false;
    order->commands[order->command_count] = WEFT__ORDER_PENDING;
    *out = order->command_count++ | WEFT__ORDER_IS_COMMAND;
    return true;
}

weft__order_point *weft__order_fork(weft__order *order, uint32_t agent)
{
    weft__order_point *point = weft__order_snapshot(order, agent);
    if (!point)
        return NULL;
    if (!take_command(order, &point->command)) {
        weft__order_release(order, point);
        order->has_failed = true;
        return NULL;
    }
    weft__order_point **first = &order->agents[agent].under_way;
    point->references++;
    point->next = *first;
    if (*first)
        (*first)->previous = point;
    *first = point;
    return point;
}

weft__order_point *weft__order_retain(weft__order_point *point)
{
    if (point)
        point->references++;
    return point;
}

void weft__order_release(weft__order *order, weft__order_point *point)
{
    if (!point || --point->references)
        return;
    drop_clock(order, point->clock);
    drop_clock(order, point->own);
    point->next = order->free_points;
    order->free_points = point;
}

void weft__order_join(weft__order *order, uint32_t agent, const weft__order_point *point)
{
    assert(agent < order->agent_count);
    if (!point || order->has_failed)
        return;
    weft__order_agent *it = &order->agents[agent];
    if (point->agent == agent && point->messages > it->messages_over)
        it->messages_over = point->messages;
    bool is_news = point->is_extended;
    /* One who knows the end of an epoch has learnt it, by whatever way, from the point that ended it. */
    if (point->agent != agent)
        is_news |= weft__order_known(order, it->clock, point->agent) < point->epoch ||
                   weft__order_known(order, it->clock, order->agent_count + point->agent) < point->messages;
    if (point->agent == agent && it->clock == point->own) { /* it has learnt nothing else since */
        point->clock->references++;
        drop_clock(order, it->clock);
        it->clock = point->clock;
    } else if (is_news) {
        (void)learn(order, &it->clock, point);
    }
}

void weft__order_add(weft__order *order, weft__order_point *point, const weft__order_point *other)
{
    if (!point || !other || order->has_failed)
        return;
    assert(!point->is_message);
    if (!point->is_extended) {
        point->own = point->clock;
        point->own->references++;
    }
    point->is_extended = true;
    (void)learn(order, &point->clock, other);
}

/* ---- waiting ---- */

void weft__order_wait(weft__order *order, weft__order_point *point)
{
    if (!point || order->has_failed)
        return;
    weft__order_agent *it = &order->agents[point->agent];
    weft__order_join(order, point->agent, point);
    if (!point->command || order->commands[point->command & ~WEFT__ORDER_IS_COMMAND] != WEFT__ORDER_PENDING)
        return;
    order->commands[point->command & ~WEFT__ORDER_IS_COMMAND] = it->epoch;
    drop_clock(order, point->own);
    point->own = NULL;
    if (point->previous)
        point->previous->next = point->next;
    else
        it->under_way = point->next;
    if (point->next)
        point->next->previous = point->previous;
    point->next = point->previous = NULL;
    weft__order_release(order, point);
}

void weft__order_wait_all(weft__order *order, uint32_t agent)
{
    assert(agent < order->agent_count);
    weft__order_agent *it = &order->agents[agent];
    while (it->under_way && !order->has_failed)
        weft__order_wait(order, it->under_way);
    it->messages_over = it->messages;
}

void weft__order_wait_messages(weft__order *order, uint32_t agent, uint32_t messages)
{
    assert(agent < order->agent_count);
    weft__order_agent *it = &order->agents[agent];
    if (messages > it->messages_over)
        it->messages_over = messages;
}

uint32_t weft__order_messages_sent(const weft__order *order, uint32_t agent)
{
    assert(agent < order->agent_count);
    return order->agents[agent].messages;
}

uint32_t weft__order_messages_over(const weft__order *order, uint32_t agent)
{
    assert(agent < order->agent_count);
    const weft__order_agent *it = &order->agents[agent];
    uint32_t heard = weft__order_known(order, it->clock, order->agent_count + agent);
    return heard > it->messages_over ? heard : it->messages_over;
}

/* ---- who accesses ---- */

weft__order_knowledge weft__order_knowledge_of(const weft__order *order, const weft__order_access *access)
{
    const weft__order_point *point = access->point;
    if (point)
        return (weft__order_knowledge){order,        point->clock,    point->agent,
                                       point->epoch, point->messages, point->command};
    const weft__order_agent *it = &order->agents[access->agent];
    return (weft__order_knowledge){order, it->clock, access->agent, it->epoch, it->messages_over, 0};
}

/* ---- making and ending ---- */

weft_status weft__order_create(uint32_t agents, weft__order **out, weft_error *err)
{
    *out = NULL;
    weft__order *order = calloc(1, sizeof *order);
    if (!order)
        return weft__fail_memory(err, sizeof *order, "the order of accesses");
    order->agent_count = agents;
    order->block_bits = (uint32_t)__builtin_ctz(LINE_ENTRIES);
    while (2 * (uint64_t)agents > (uint64_t)BLOCKS_MAX << order->block_bits)
        order->block_bits++;
    order->agents = calloc(agents, sizeof *order->agents);
    weft__order_clock *zero = order->agents ? take_clock(order, 0) : NULL;
    if (!zero) {
        weft__order_destroy(order);
        return weft__fail_memory(err, agents * sizeof *order->agents, "what agents know of each other");
    }
    zero->references = agents;
    for (uint32_t i = 0; i < agents; i++)
        order->agents[i] = (weft__order_agent){.clock = zero, .epoch = 1};
    order->blank = (weft__order_cell){.write.agent = WEFT__ORDER_NOBODY, .reads = &order->blank.one, .read_room = 1};
    order->last_read.agent = WEFT__ORDER_NOBODY;
    *out = order;
    return WEFT_OK;
}

void weft__order_destroy(weft__order *order)
{
    if (!order)
        return;
    weft__order_cells_destroy(order);
    for (weft__order_clock *clock = order->made_clocks, *next; clock; clock = next) {
        next = clock->next_made;
        free(clock);
    }
    for (weft__order_point *point = order->made_points, *next; point; point = next) {
        next = point->next_made;
        free(point);
    }
    free(order->commands);
    free(order->agents);
    free(order);
}

bool weft__order_has_failed(const weft__order *order)
{
    return order->has_failed;
}
