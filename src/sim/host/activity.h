/* Who notes, while a simulation runs, how busy the parts of its machine are. It watches and changes nothing.
 *
 * A part has a row of buckets once it has been busy. What has happened may lie ahead of the clock, for links tell of
 * flits when it is decided when these go; so rows are filled in any order of time. */
#ifndef WEFT_SIM_HOST_ACTIVITY_H
#define WEFT_SIM_HOST_ACTIVITY_H

#include <weft/activity.h>

#include "sim/pe/pe.h"

typedef struct weft__activity_recorder weft__activity_recorder;

/* Notes from `begin_ps` on. Links are told of by the observer below; PEs and HBM tell the recorder until it ends, so
 * there is one at most. Outside of a run. */
weft_status weft__activity_recorder_create(weft__pes *pes, weft__transfers *transfers, uint64_t begin_ps,
                                           weft__activity_recorder **out, weft_error *err);
/* Before the PEs and the transfers. NULL is fine. */
void weft__activity_recorder_destroy(weft__activity_recorder *recorder);

/* For weft__fabric_observe; lives as long as the recorder. */
weft__observer *weft__activity_recorder_observer(weft__activity_recorder *recorder);

/* A copy, whose buckets hold all time until `end_ps` at least. */
weft_status weft__activity_recorder_take(const weft__activity_recorder *recorder, uint64_t end_ps, weft_activity **out,
                                         weft_error *err);

#endif
