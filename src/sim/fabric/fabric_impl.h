/* Inside of the fabric: shared by its two ways of moving flits, trains.c and flits.c. */
#ifndef WEFT_SIM_FABRIC_FABRIC_IMPL_H
#define WEFT_SIM_FABRIC_FABRIC_IMPL_H

#include "sim/fabric/fabric.h"
#include "sim/fabric/runs.h"

/* Links look at their flits after everything else of a picosecond has happened, so that what is sent then is seen. */
#define WEFT__LINK_PRIORITY 1

#define WEFT__VC_NONE UINT32_MAX
#define WEFT__PLACE_NONE UINT32_MAX

typedef struct weft__wire weft__wire;

/* A message at one link of its route. */
typedef struct weft__leg {
    weft__message *message;
    weft__wire *wire; /* the link */
    uint32_t hop;
    uint64_t known;                   /* flits whose arrival at the link is known */
    uint64_t served;                  /* flits that have been sent on */
    weft__time head;                  /* arrival of the first flit */
    weft__runs runs;                  /* arrivals of the flits known and not served */
    weft__time next_ps;               /* the first of these, or never */
    uint32_t place;                   /* among the active ones of the link, or WEFT__PLACE_NONE */
    uint32_t expected_place;          /* among the expected ones, if it is one */
    uint32_t vc;                      /* that it holds on the link, or WEFT__VC_NONE */
    struct weft__leg *next_in_buffer; /* behind it in the same virtual channel before the link */
} weft__leg;

/* A route that the fabric keeps. */
typedef struct weft__path {
    weft__route route;
    uint32_t from, to;
} weft__path;

struct weft__message {
    weft__fabric *fabric;
    const weft__path *path;
    uint64_t key;
    uint64_t flits, delivered;
    weft__time head, tail; /* arrival at the target: of the first flit, of the last one delivered */
    weft__flit_size size;
    const weft__receiver *receiver;
    void *context;
    uint64_t tag;
    weft__message *next_free;
    weft__message *next; /* of all that were ever made */
    uint32_t leg_count;
    weft__leg legs[]; /* one for each link of the route */
};

/* One virtual channel of a link: the buffer at its far end, as its sender sees it and as its reader does. */
typedef struct weft__vc {
    weft__message *owner; /* whose flits it takes, until its tail has been sent */
    uint32_t used;        /* places of the buffer, those on their way and those whose credit is, included */
    weft__time *credits;  /* ring of buffer_flits: when places that have been left come back */
    uint32_t credit_head, credit_count;
    weft__leg *front, *back; /* messages in the buffer, in order, at the link they take next */
    weft__time free_at;      /* when the next message may take it, if it has no owner */
    weft__time front_at;     /* when the head of the message at the front may go */
} weft__vc;

/* A link at work. */
struct weft__wire {
    weft__fabric *fabric;
    uint64_t flit_ps[2]; /* by weft__flit_size */
    uint64_t wire_ps;
    uint64_t overhead_ps; /* of the node behind it */
    weft__time free_at;
    weft__time known_before; /* trains: what arrived before then has been served */
    weft__leg **active;      /* legs with flits to come or to serve: a heap, the next one first */
    weft__leg **expected;    /* of these, those with flits of which no arrival is known; as large an array */
    uint32_t active_count, expected_count;
    size_t active_capacity;
    uint64_t flits, busy_ps;

    /* each flit for itself */
    const weft__link *link;
    weft__time decide_at; /* a decision is scheduled for that time, or was */
    uint64_t turn;        /* round robin: the input served last */
    weft__vc *vcs;        /* link->vcs of them */
    weft__vc source;      /* if it has virtual channels: the messages that begin their way here, in order */
    weft__time *reads;    /* of the input that the link fills: its last input_speedup reads */
    uint32_t read_at;
};

struct weft__fabric {
    weft_sim *sim;
    const weft__graph *graph;
    bool has_trains;
    bool is_plain;     /* no finite buffers, no virtual channels, first come first served: nothing is held back */
    uint64_t step_ps;  /* trains: a link that has not been asked for long catches up in such steps */
    weft__wire *wires; /* one for each link */
    uint64_t router_flit_ps[2];           /* of a flit on a link between routers, by weft__flit_size */
    uint64_t *sent;                       /* messages that each node has sent */
    const weft__observer *observer;       /* NULL for none */
    const weft__message_watcher *watcher; /* the same */
    struct weft__launch_way *launch_ways; /* see launch.h */

    weft__path **paths; /* hash table of path_capacity, a power of two */
    size_t path_count, path_capacity;

    weft__message **idle; /* by number of links, idle_capacity of them */
    size_t idle_capacity;
    weft__message *all;
    weft__fabric_info info;
};

/* wire.c. Puts a leg whose first flits are known among the active ones of its link. False when out of memory, noted.
 */
bool weft__wire_join(weft__wire *wire, weft__leg *leg);
/* Flits have been taken off the runs of an active leg. */
void weft__wire_served(weft__wire *wire, weft__leg *leg);
/* Flits have been added to the runs of an active leg, and to those that it knows. */
void weft__wire_expect(weft__wire *wire, weft__leg *leg);
/* Takes a leg off; all its flits have been served. */
void weft__wire_leave(weft__wire *wire, weft__leg *leg);

/* Flits of a leg have left its link at the times of `run`: hands them to the next leg, or to the target. Gives the
 * next leg, or NULL if it was the target. */
weft__leg *weft__leg_pass(weft__leg *leg, const weft__run *run);

/* The message has arrived: tells the receiver, and keeps the memory for the next. */
void weft__message_end(weft__message *message);

/* trains.c: a leg has been given its first flits. */
void weft__trains_begin(weft__leg *leg);

/* flits.c: the same, and what it needs of memory beforehand. */
void weft__flits_begin(weft__leg *leg);
weft_status weft__flits_prepare(weft__fabric *fabric, weft_error *err);
void weft__flits_release(weft__fabric *fabric);

/* The buffer that a leg's flits wait in, which for the first link is the queue of its source; NULL if it is no queue,
 * but a place where every message can be reached. */
weft__vc *weft__leg_buffer(const weft__leg *leg);

#endif
