/* The fabric: messages of flits over the links of a machine.
 *
 * A message has a source, a target, a number of flits of one size, and for each flit the time at which it is ready at
 * the source. Its flits take the route of the graph one after another. A link carries one flit at a time, for as long
 * as the flit's bytes need at its bandwidth, and then its wire. The node behind it charges its overhead once for a
 * message: the first flit waits for it, and those that catch up with the first flit wait behind it. A target takes the
 * flits of all messages as they come, each of them its overhead later. A payload is never put together on the way.
 *
 * Which of the flits that wait for a link is next: the one that came first; of those that came at the same picosecond,
 * that of the lowest message key (source node, then number at that source), so that nothing depends on the order in
 * which events were scheduled. A link with round-robin arbitration takes the inputs of its node in turn instead. A link
 * whose far end has finite buffers sends only into a virtual channel that the message holds and that has room.
 *
 * Two ways to compute the same picoseconds:
 * - `each`: an event for every flit on every link. Plain, slow, and what the other way is compared with.
 * - `trains`: flits that follow each other evenly are one train, and one event moves all of it over a link. Where
 * trains meet on a link their flits are merged in order. A link looks at its flits only when somebody needs to know:
 * when the head of a message comes to it, or when a target waits for a tail; then it asks the links before it for what
 * has arrived until then. Buffers must be unbounded for that, so that no link depends on what happens behind it. Where
 * a machine has finite buffers or round-robin arbitration, every flit is an event.
 *
 * Errors are those of the simulation: noted, and returned by its run. */
#ifndef WEFT_SIM_FABRIC_FABRIC_H
#define WEFT_SIM_FABRIC_FABRIC_H

#include "sim/engine/engine.h"
#include "sim/machine/graph.h"

typedef struct weft__fabric weft__fabric;
typedef struct weft__message weft__message;

typedef enum weft__flit_mode {
    WEFT__FLITS_TRAINS, /* each flit for itself where the machine needs that */
    WEFT__FLITS_EACH
} weft__flit_mode;

/* Evenly spaced times: first, first + gap, ... */
typedef struct weft__run {
    weft__time first;
    uint64_t gap_ps;
    uint64_t count; /* not 0 */
} weft__run;

static inline weft__time weft__run_last(const weft__run *run)
{
    return run->first + (run->count - 1) * run->gap_ps;
}

/* What the target of a message does. Both are called with the context of the send. */
typedef struct weft__receiver {
    /* May be NULL. Flits `first`, first + 1, ... are going to arrive at these times, the target's overhead included.
     * Called ahead of time, and for all messages that come over one last link in the order of their arrival there. */
    void (*arriving)(void *context, weft__message *message, uint64_t first, const weft__run *run);
    /* The last flit is there: called at that time. The message ends when this returns. */
    void (*arrived)(void *context, weft__message *message);
} weft__receiver;

weft_status weft__fabric_create(weft_sim *sim, const weft__graph *graph, weft__flit_mode mode, weft__fabric **out,
                                weft_error *err);
/* After or before the simulation, at any time outside of a run. NULL is fine. */
void weft__fabric_destroy(weft__fabric *fabric);

weft_sim *weft__fabric_sim(const weft__fabric *fabric);
const weft__graph *weft__fabric_graph(const weft__fabric *fabric);
/* True if trains are used. */
bool weft__fabric_has_trains(const weft__fabric *fabric);

/* The route between two nodes, kept by the fabric; NULL after an error, which is noted. From a node with one neighbour
 * to itself it goes to that and back. */
const weft__route *weft__fabric_route(weft__fabric *fabric, uint32_t from, uint32_t to);

typedef enum weft__flit_size {
    WEFT__FLIT_PAYLOAD, /* system.flit_bytes */
    WEFT__FLIT_COMMAND  /* system.command_bytes */
} weft__flit_size;

/* What is sent. */
typedef struct weft__parcel {
    uint32_t from, to; /* nodes */
    weft__flit_size size;
    const weft__run *ready;         /* when its flits are ready, in order, none of it past; copied */
    size_t ready_count;             /* runs, not 0 */
    const weft__receiver *receiver; /* borrowed until the message has arrived */
    void *context;
    uint64_t tag; /* for the receiver */
} weft__parcel;

/* Sends. NULL after an error, which is noted. */
weft__message *weft__fabric_send(weft__fabric *fabric, const weft__parcel *parcel);

/* Flits of a message on a link. */
typedef struct weft__passage {
    const weft__message *message;
    uint32_t link;
    bool is_last;       /* its last flit is among them */
    weft__run begins;   /* when they begin on the link */
    uint64_t flit_ps;   /* that each of them takes there */
    weft__time head_ps; /* when its first flit began on the link */
} weft__passage;

/* Somebody who watches the links, and changes nothing. Each link is told of in the order of time, but one link may be
 * far ahead of another: trains move over a link when somebody needs to know. */
typedef struct weft__observer {
    void (*passed)(void *context, const weft__passage *passage);
    void *context;
    const struct weft__observer *next; /* told after this one; NULL: nobody */
} weft__observer;

/* Outside of a run; the observers are borrowed. NULL, as it is at first: nobody. */
void weft__fabric_observe(weft__fabric *fabric, const weft__observer *observer);

/* Somebody who is told of each message, and changes nothing: when it is sent, before anything else is done with it, and
 * when it has arrived, after its receiver has been told. */
typedef struct weft__message_watcher {
    void (*sent)(void *context, const weft__message *message);
    void (*arrived)(void *context, const weft__message *message);
    void *context;
} weft__message_watcher;

/* Before the first message; borrowed. NULL, as it is at first: nobody. */
void weft__fabric_watch(weft__fabric *fabric, const weft__message_watcher *watcher);

uint64_t weft__message_tag(const weft__message *message);
uint64_t weft__message_flits(const weft__message *message);
const weft__route *weft__message_route(const weft__message *message);
/* While its receiver is called in `arrived`: when its first flit came to hop `hop` of the route (0: was ready at the
 * source; route.count: was at the target). */
weft__time weft__message_head_ps(const weft__message *message, uint32_t hop);

/* What a link has carried so far. Time is counted when it is decided, so it may lie ahead of the clock by what is under
 * way. */
typedef struct weft__link_load {
    uint64_t flits;
    uint64_t busy_ps;
    weft__time until; /* when the last flit that is decided has been sent */
} weft__link_load;

weft__link_load weft__fabric_load(const weft__fabric *fabric, uint32_t link);

typedef struct weft__fabric_info {
    uint64_t messages_sent, messages_arrived;
    uint64_t flits_sent, flits_arrived; /* of all sizes */
    uint64_t allocations;               /* ever: constant in steady state */
    uint64_t steps;                     /* trains: in which links have caught up with what they were asked for */
} weft__fabric_info;

void weft__fabric_get_info(const weft__fabric *fabric, weft__fabric_info *out);

/* For when the simulation has run out of events: WEFT_DEADLOCK if messages have not arrived. Finite buffers can be full
 * of messages that wait for one another; the sentence names links of such a circle. */
weft_status weft__fabric_check_arrived(const weft__fabric *fabric, weft_error *err);

#endif
