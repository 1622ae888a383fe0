/* The hazard tracker: follows one stream of dispatches and barriers by the bytes that they touch.
 *
 * Per allocation it keeps a range map: for each byte, which dispatch of this command buffer last wrote it and which
 * last read it. A dispatch conflicts with an earlier one if it writes what that one touched, or reads what it wrote.
 * Positions of barriers are compared with the indices of the two: nothing is cleared at a barrier.
 *
 * Which barriers are needed. Each conflict (i, j) asks for some barrier between dispatches i and j. The tracker walks
 * forward and meets each conflict at j with the latest barrier before j; that is the classic greedy choice, which needs
 * the fewest barriers. Those never chosen are needless. */
#ifndef WEFT_RUNTIME_HAZARD_TRACKER_H
#define WEFT_RUNTIME_HAZARD_TRACKER_H

#include <weft/hazard.h>

#include "runtime/op_impl.h"

typedef struct weft__hazard_tracker weft__hazard_tracker;

/* `report` takes the verdicts; NULL: conflicts are still found, for inferred barriers. */
weft_status weft__hazard_tracker_create(weft_hazard_report *report, weft__hazard_tracker **out, weft_error *err);
void weft__hazard_tracker_destroy(weft__hazard_tracker *tracker);

/* Looks for conflicts of a dispatch, which is about to be recorded, with those before it. *out_conflicts: one that no
 * barrier orders. It is reported, unless `infers`: then the caller puts a barrier in. */
weft_status weft__hazard_tracker_look(weft__hazard_tracker *tracker, const weft_dispatch *dispatch, bool infers,
                                      bool *out_conflicts, weft_error *err);

/* Enters the accesses of that dispatch. After an out of memory in here, some are missing or entered for nothing: the
 * dispatch must not be recorded, and later verdicts may name it. */
weft_status weft__hazard_tracker_add(weft__hazard_tracker *tracker, const weft_dispatch *dispatch, weft_error *err);

/* A barrier stands before the dispatch that comes next; an inferred one is needed by that dispatch. */
weft_status weft__hazard_tracker_barrier(weft__hazard_tracker *tracker, bool inferred, weft_error *err);

/* The command buffer is committed: passes the verdicts on its barriers and starts over. Cannot fail: room was made
 * before. */
void weft__hazard_tracker_commit(weft__hazard_tracker *tracker, const char *label);

/* The command buffer is dropped, and its verdicts with it. */
void weft__hazard_tracker_drop(weft__hazard_tracker *tracker);

#endif
