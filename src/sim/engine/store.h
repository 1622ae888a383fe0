/* A store: 64-bit items, first in, first out, and no more of them at once than it has room for. Who puts waits for
 * room, who gets waits for an item, each in the order of coming.
 *
 * The functions for processes wait inside; those ending in _then are for event functions, which cannot. What is handed
 * to a waiter is his at once, before his event happens. The structure is the caller's, must not move, and needs no
 * cleaning up. Errors are noted in the simulation and name the store. */
#ifndef WEFT_SIM_ENGINE_STORE_H
#define WEFT_SIM_ENGINE_STORE_H

#include "sim/engine/process.h"
#include "sim/engine/waiters.h"

#define WEFT__STORE_UNBOUNDED UINT64_MAX

typedef struct weft__store_info {
    uint64_t items;     /* in the store now */
    uint64_t items_max; /* at once, ever */
    uint64_t getters;   /* who now wait for an item */
    uint64_t putters;   /* who now wait for room */
    uint64_t puts;      /* items that have come in, or passed right through */
    uint64_t put_waits; /* those among them that had to wait outside: back-pressure */
    uint64_t get_waits; /* how many times an item had to be waited for */
    uint64_t filled_ps; /* items in the store, integrated over time: the sum of all times spent there so far */
    uint64_t queued_ps; /* those waiting for room, integrated over time */
} weft__store_info;

typedef struct weft__store {
    weft_sim *sim;
    const char *name;
    uint64_t capacity;
    weft__waiter_list items, getters, putters;
    weft__time accounted; /* the integrals of `info` go so far */
    weft__store_info info;
} weft__store;

/* `name` is for people, borrowed. A capacity of 0 is an error. */
void weft__store_init(weft__store *store, weft_sim *sim, const char *name, uint64_t capacity);

/* Inside: puts an item in as soon as there is room for it. */
void weft__store_put(weft__process *self, weft__store *store, uint64_t item);

/* Inside: takes the oldest item as soon as there is one for this process. */
uint64_t weft__store_get(weft__process *self, weft__store *store);

/* True: the item is in, and `function` is not called. False: it is called when the item is in; if it is NULL nobody
 * waits, and nothing has happened. False too after an error. */
bool weft__store_put_then(weft__store *store, uint64_t item, weft__event_function *function, uint64_t argument);

/* True: *out is the item, and `function` is not called. False: it is called after *out has become the item, and `out`
 * must stay good until then; if it is NULL nobody waits, and nothing has happened. False too after an error. */
bool weft__store_get_then(weft__store *store, uint64_t *out, weft__event_function *function, uint64_t argument);

/* Up to the present time. */
void weft__store_get_info(weft__store *store, weft__store_info *out);

#endif
