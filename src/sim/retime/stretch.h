/* Stretches: parts of kernels whose outcome is known, and which need not be simulated again.
 *
 * From one rest (stream.h) to another a PE may concern nobody but itself. If it only computes, what that takes depends
 * on the requests alone. If it moves data between its TCM and its own slice of HBM too, it depends on what the slice
 * keeps (slice.h), and on nobody else's using it meanwhile. A stretch that is met for the second time is simulated by
 * itself, with all else standing still, and undone. From then on, and for all PEs, layers and tokens that do the same,
 * it is one event: the PE has the slice to itself for as long as the stretch takes, and then everything is as it would
 * be. Should a message set out for one of its links before that, then the PE has come only so far: what it had done by
 * then is simulated after all, up to the present moment, and goes on in the usual way.
 *
 * So times are those of the whole simulation, to the picosecond; only events are others, and fewer where anything
 * repeats. */
#ifndef WEFT_SIM_RETIME_STRETCH_H
#define WEFT_SIM_RETIME_STRETCH_H

#include "sim/retime/player.h"

typedef struct weft__stretches weft__stretches;

/* For a simulation that has not begun. */
weft_status weft__stretches_create(weft_simulation *simulation, weft__stretches **out, weft_error *err);
/* After the simulation. NULL is fine. */
void weft__stretches_destroy(weft__stretches *stretches);

/* Inside, at a rest: the time of a stretch passes, and the PE is at its end. False, and nothing has changed but
 * perhaps the time of others, if there is none, or if it has been disturbed: its requests are to be made. */
bool weft__stretch_skip(weft__stretches *stretches, weft__playing *it);

#endif
