/* A signal: a number that only grows, and those who wait until it has reached one of their own. A barrier of N is a
 * signal that each who arrives adds 1 to, and waits for N; a condition is one that is fired again and again; a fence
 * is one whose number counts what has been done.
 *
 * Raising it wakes all whose number it has reached, in the order of coming. The function for processes waits inside;
 * the one ending in _then is for event functions, which cannot. The structure is the caller's, must not move, and needs
 * no cleaning up. Errors are noted in the simulation and name the signal. */
#ifndef WEFT_SIM_ENGINE_SIGNAL_H
#define WEFT_SIM_ENGINE_SIGNAL_H

#include "sim/engine/process.h"
#include "sim/engine/waiters.h"

typedef struct weft__signal {
    weft_sim *sim;
    const char *name;
    uint64_t value;
    uint64_t least; /* that somebody waits for; UINT64_MAX if nobody waits */
    weft__waiter_list waiting;
} weft__signal;

/* Begins at 0. `name` is for people, borrowed. */
void weft__signal_init(weft__signal *signal, weft_sim *sim, const char *name);

uint64_t weft__signal_value(const weft__signal *signal);

/* Raises the number to `value`, which must not be less than it is. */
void weft__signal_raise(weft__signal *signal, uint64_t value);

/* Raises the number by one. */
void weft__signal_fire(weft__signal *signal);

/* Inside: waits until the number is `value` or more. For the next time that the signal is fired, `value` is its
 * present number and one. */
void weft__signal_wait(weft__process *self, weft__signal *signal, uint64_t value);

/* True: the number is that high, and `function` is not called. False: it is called when it is. False too after an
 * error. */
bool weft__signal_wait_then(weft__signal *signal, uint64_t value, weft__event_function *function, uint64_t argument);

#endif
