/* Which accesses to memories are ordered, whatever the times: a happens-before detector. An access that conflicts with
 * an earlier one, and that nothing makes wait for it, is a race, also if it came late enough this time.
 *
 * Agents are those who do things one after another: each PE's kernel, and the host. What one agent has done is known to
 * another as soon as something leads from the one to the other: a message, a credit, a launch. Such a thing carries a
 * point, which is taken from the one and joined by the other; everything before the point then happens before
 * everything after the join.
 *
 * What an agent starts and does not wait for has a point of its own, at its start:
 * - A command (weft__order_fork): it knows what the agent knew then. The agent alone gets to know that it is done, by
 *   weft__order_wait.
 * - A message (weft__order_send): the same, but whoever joins its point knows that it is done, and so are those that
 *   the agent has sent before it. That is what a queue engine does, which reads one message after another. Where
 *   messages of one PE to several others arrive in another order, it is not noticed that one is taken for arrived; none
 *   but the receiver looks at its slot.
 *
 * A memory remembers for each byte the last write and, for each agent, the last read since, by when and by which call
 * they were made. A read is compared with the last write, a write also with the reads. Reads that happen before another
 * read may be forgotten, for who is ordered after the latter is so after the former.
 *
 * Numbers are vector clocks, one entry for each agent and one for its messages; a clock is shared until somebody learns
 * something new. Clocks, points and what memories remember come from pools: what has gone on for a while allocates
 * nothing, except for 4 bytes a fork.
 *
 * Out of memory is noted: all that follows does nothing, and weft__order_has_failed tells. Threads: one at a time. */
#ifndef WEFT_SIM_ORDER_ORDER_H
#define WEFT_SIM_ORDER_ORDER_H

#include <weft/sim.h>

#include "base/range_map.h"

typedef struct weft__order weft__order;
typedef struct weft__order_point weft__order_point;

/* Agents are 0 to agents - 1. */
weft_status weft__order_create(uint32_t agents, weft__order **out, weft_error *err);
/* Points that are left end with it. Memories must have been destroyed. NULL is fine. */
void weft__order_destroy(weft__order *order);

/* Out of memory; or, which no run lives to see, an agent has taken 2^31 points or 2^31 commands were forked. */
bool weft__order_has_failed(const weft__order *order);

/* ---- points ----
 * Each belongs to the caller until it has been released as often as made and retained. NULL when the order has failed;
 * NULL is a fine point everywhere, with nothing before it. */

weft__order_point *weft__order_snapshot(weft__order *order, uint32_t agent);
weft__order_point *weft__order_send(weft__order *order, uint32_t agent);
weft__order_point *weft__order_fork(weft__order *order, uint32_t agent);
weft__order_point *weft__order_retain(weft__order_point *point);
void weft__order_release(weft__order *order, weft__order_point *point);

/* From now on the agent knows what was before the point. */
void weft__order_join(weft__order *order, uint32_t agent, const weft__order_point *point);
/* And here another point does, which is not of a message, nor of a command that has been waited for: a command that has
 * received a message, or the end of a launch, which is that of all PEs. */
void weft__order_add(weft__order *order, weft__order_point *point, const weft__order_point *other);

/* The agent of a fork or message has waited for it, once or again: it knows that it is done, and what it knew. */
void weft__order_wait(weft__order *order, weft__order_point *point);
/* The same for all that an agent has forked and sent so far; and for the first so many messages. */
void weft__order_wait_all(weft__order *order, uint32_t agent);
void weft__order_wait_messages(weft__order *order, uint32_t agent, uint32_t messages);

/* How many messages an agent has sent; how many of them it knows to be over: they are the first ones. */
uint32_t weft__order_messages_sent(const weft__order *order, uint32_t agent);
uint32_t weft__order_messages_over(const weft__order *order, uint32_t agent);

/* ---- memories ---- */

/* One memory; zeroed it is ready, and nobody has accessed it. Private to the functions below. */
typedef struct weft__order_memory {
    weft__range_map ranges; /* to the cells of the order */
    weft__range_hints hints;
} weft__order_memory;

void weft__order_memory_destroy(weft__order_memory *memory);

/* Asks the processor for what an access to this address will look at. */
static inline void weft__order_memory_ask(const weft__order_memory *memory, uint64_t address)
{
    weft__range_map_ask(&memory->ranges, &memory->hints, address);
}

/* A read that takes time begins and then ends, with the same bytes. A write that comes in between, and is not ordered
 * after it, is no race yet; it is one with the end. */
typedef enum weft__order_phase {
    WEFT__ORDER_AT_ONCE,
    WEFT__ORDER_BEGINS,
    WEFT__ORDER_ENDS
} weft__order_phase;

/* Who accesses: the agent itself, or what it forked or sent at a point. Times do not go back. */
typedef struct weft__order_access {
    uint32_t agent;                 /* not looked at with a point */
    const weft__order_point *point; /* of a fork that nobody has waited for, or of a message; or NULL */
    uint64_t time_ps;
    const char *call; /* for people; lives as long as the order */
    bool only_others; /* what the agent itself has left unordered is no race */
    weft__order_phase phase;
} weft__order_access;

/* A race of an access with an earlier one: of those that race for the first byte that is raced for, the last one. */
typedef struct weft__order_race {
    weft_kernel_hazard_kind kind; /* RAW, WAR or WAW */
    uint32_t other;               /* the agent of the earlier access */
    uint64_t other_ps;            /* when it was, or had ended */
    const char *other_call;       /* and by which call */
    uint64_t offset, bytes;       /* the bytes from the first one on that are raced for in this way */
} weft__order_race;

/* The accesses to bytes [offset, offset + bytes), no further than UINT64_MAX. True if they race; the access is made in
 * any case. */
bool weft__order_read(weft__order *order, weft__order_memory *memory, const weft__order_access *access, uint64_t offset,
                      uint64_t bytes, weft__order_race *out);
bool weft__order_write(weft__order *order, weft__order_memory *memory, const weft__order_access *access,
                       uint64_t offset, uint64_t bytes, weft__order_race *out);

#endif
