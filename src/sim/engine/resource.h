/* A resource: so many units of something, taken and given back. Who cannot have what he asks for waits, and is served
 * in the order of coming; nobody overtakes, not even one that asks for less.
 *
 * The functions for processes wait inside; those ending in _then are for event functions, which cannot. Units handed
 * to a waiter are his at once, before his event happens. The structure is the caller's, must not move, and needs no
 * cleaning up. Errors are noted in the simulation and name the resource. */
#ifndef WEFT_SIM_ENGINE_RESOURCE_H
#define WEFT_SIM_ENGINE_RESOURCE_H

#include "sim/engine/process.h"
#include "sim/engine/waiters.h"

typedef struct weft__resource_info {
    uint64_t in_use;    /* units */
    uint64_t waiting;   /* who now wait */
    uint64_t taken;     /* how many times units have been had */
    uint64_t waits;     /* how many times they had to be waited for */
    uint64_t busy_ps;   /* units in use, integrated over time */
    uint64_t queued_ps; /* those waiting, integrated over time: the sum of all times waited so far */
} weft__resource_info;

typedef struct weft__resource {
    weft_sim *sim;
    const char *name;
    uint64_t capacity;
    weft__waiter_list waiting;
    weft__time accounted; /* the integrals of `info` go so far */
    weft__resource_info info;
} weft__resource;

/* `name` is for people, borrowed. */
void weft__resource_init(weft__resource *resource, weft_sim *sim, const char *name, uint64_t capacity);

/* Inside: takes units, 1 to the capacity, as soon as it is the process's turn. */
void weft__resource_acquire(weft__process *self, weft__resource *resource, uint64_t units);

/* True: the units are taken, and `function` is not called. False: it is called when they are; if it is NULL nobody
 * waits, and nothing has happened. False too after an error. */
bool weft__resource_acquire_then(weft__resource *resource, uint64_t units, weft__event_function *function,
                                 uint64_t argument);

/* Gives units back, no more than are in use, in parts if need be. */
void weft__resource_release(weft__resource *resource, uint64_t units);

/* Up to the present time. */
void weft__resource_get_info(weft__resource *resource, weft__resource_info *out);

#endif
