/* Hazards that a simulation has met: those that are kept, with a sentence each, and what happens at one. */
#ifndef WEFT_SIM_VALUES_HAZARDS_H
#define WEFT_SIM_VALUES_HAZARDS_H

#include <weft/sim.h>

#include "base/arena.h"
#include "base/status.h"
#include "sim/engine/engine.h"
#include "sim/replay/names.h"

#define WEFT__HAZARDS_KEPT 1000u

typedef struct weft__kept_hazard {
    weft_kernel_hazard hazard;
    const void *earlier; /* what is under way; NULL: nothing, or it has ended */
} weft__kept_hazard;

/* With a simulation and an action and otherwise zero it is empty. */
typedef struct weft__hazards {
    weft_sim *sim;
    weft_hazard_action action;
    uint64_t count; /* ever */
    weft__kept_hazard *kept;
    size_t kept_count, kept_capacity;
    weft__names kernels;
    weft__arena texts;
} weft__hazards;

void weft__hazards_destroy(weft__hazards *it);

/* One more, now: its time and text are filled in here, and the name of its kernel is copied; its other strings must
 * live as long as the list. The text is "Kernel 'NAME' on PE at T ns, CALL: Hazard: ", or without a name
 * "The host at ...", and what is given. `earlier`: the
 * earlier of the two is under way, and is known by this; else NULL. False if the run ends, because of the action or for
 * want of memory. */
bool weft__hazards_add(weft__hazards *it, const weft_kernel_hazard *hazard, const void *earlier, const char *format,
                       ...) WEFT_PRINTF(4, 5);

/* What was under way has ended, now: all hazards with it get their margins, the time of the other access, and what
 * follows the last semicolon of their texts. */
void weft__hazards_settle(weft__hazards *it, const void *earlier);

/* False past the last that was kept. */
bool weft__hazards_at(const weft__hazards *it, size_t index, weft_kernel_hazard *out);

#endif
