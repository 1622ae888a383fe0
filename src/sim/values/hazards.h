/* Hazards that a simulation has met: those that are kept, with a sentence each, and what happens at one. */
#ifndef WEFT_SIM_VALUES_HAZARDS_H
#define WEFT_SIM_VALUES_HAZARDS_H

#include <weft/sim.h>

#include "base/arena.h"
#include "base/status.h"
#include "sim/pe/pe.h"
#include "sim/replay/names.h"

#define WEFT__HAZARDS_KEPT 1000u

/* The accesses of a hazard that is met when the later of the two is given, and perhaps before the earlier has been
 * made: who makes them, and which of its accesses it is. */
typedef struct weft__accesses {
    const void *earlier, *later; /* NULL: it has been made */
    uint32_t earlier_part, later_part;
    uint64_t earlier_ps, later_ps; /* when it was, if it has been */
} weft__accesses;

typedef struct weft__kept_hazard {
    weft_kernel_hazard hazard;
    weft__accesses accesses; /* zeros: it was met when they were made */
    bool tells_repeats;      /* in its text */
} weft__kept_hazard;

/* With PEs and an action and otherwise zero it is empty. */
typedef struct weft__hazards {
    weft__pes *pes;
    weft_hazard_action action;
    uint64_t count; /* ever */
    weft__kept_hazard *kept;
    size_t kept_count, kept_capacity;
    size_t open_count; /* of those that are kept: whose accesses have not both been made */
    weft__names kernels;
    weft__arena texts;
} weft__hazards;

void weft__hazards_destroy(weft__hazards *it);

/* One more, now: its time and text are filled in here, its slot unless it is known, and the name of its kernel is
 * copied; its other strings must live as long as the list. The text is "Kernel 'NAME' on PE at T ns, CALL: Hazard: ",
 * or without a name "The host at ...", with "Hazard in slot N of queue DIRECTION of PE: " for bytes in a slot, and what
 * is given. `accesses`: those that it is about, as far as they have been made; NULL: it is met when they are. False if
 * the run ends, because of the action or for want of memory. */
bool weft__hazards_add(weft__hazards *it, const weft_kernel_hazard *hazard, const weft__accesses *accesses,
                       const char *format, ...) WEFT_PRINTF(4, 5);

/* Somebody makes an access, now, that is the later one of some hazards; or has made the last of its accesses, each part
 * at its time, which are earlier ones. A hazard whose accesses have both been made gets its order, its margin, the time
 * of the other access, and what follows the last semicolon of its text. */
void weft__hazards_accessed(weft__hazards *it, const void *later, uint32_t part);
void weft__hazards_ended(weft__hazards *it, const void *earlier, const uint64_t *times_ps);

/* What hazard `index` says is so once more, which is counted there if it was kept; its text tells how often. */
void weft__hazards_repeat(weft__hazards *it, size_t index);
void weft__hazards_tell_repeats(weft__hazards *it, size_t index);

/* False past the last that was kept. */
bool weft__hazards_at(const weft__hazards *it, size_t index, weft_kernel_hazard *out);

#endif
