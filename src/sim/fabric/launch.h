/* Kernel launches: how work gets from whoever launches to the PEs, and how that one learns that it is done.
 *
 * The host, or a processor in its place, sends a command to the IO processor of each SIP, that one to the command
 * processor of each cube, and that one to each PE. An IO processor that launches itself needs no message to itself. All
 * commands carry one start time, so that every PE begins at the same picosecond, however far it is. Who launches knows
 * the machine, and chooses the time at which the last PE would have its command if nothing else were under way. A PE
 * that the command reaches later, because something else is, begins late. A PE that is done answers its cube; a cube
 * whose PEs have all answered answers its SIP, and that the one who launched.
 *
 * Source of the assumptions: the launch path and the synchronised start are the root's; that the host chooses the
 * start, for all SIPs at once, is ours. */
#ifndef WEFT_SIM_FABRIC_LAUNCH_H
#define WEFT_SIM_FABRIC_LAUNCH_H

#include "sim/fabric/fabric.h"

typedef struct weft__launch weft__launch;

typedef struct weft__launch_request {
    const uint32_t *cpus; /* of the PEs: nodes, in ascending order, each once; copied */
    size_t count;         /* not 0 */
    /* A PE begins, at its time; the index is that of its CPU. It is done when weft__launch_finish is called for it. */
    void (*started)(void *context, weft__launch *launch, size_t index);
    void (*ended)(void *context, weft__launch *launch); /* who launched knows that all are done; may be NULL */
    void *context;
    uint32_t from; /* the node that launches; 0 is the host */
} weft__launch_request;

/* Sends the command at `time`, not past. Errors of the run are noted in its simulation. WEFT_UNSUPPORTED if there is
 * no way to a PE, WEFT_DEADLOCK if the commands of this launch alone would get stuck in finite buffers. The launch must
 * be kept until it has ended or the run is over. */
weft_status weft__launch_begin(weft__fabric *fabric, weft__time time, const weft__launch_request *request,
                               weft__launch **out, weft_error *err);
/* NULL is fine. */
void weft__launch_destroy(weft__launch *launch);

/* The PE with this index is done, now. */
void weft__launch_finish(weft__launch *launch, size_t index);

/* The common start. */
weft__time weft__launch_target_ps(const weft__launch *launch);
/* When a PE began; WEFT__NEVER if it has not. */
weft__time weft__launch_start_ps(const weft__launch *launch, size_t index);
/* When the one who launched knew; WEFT__NEVER if it does not. */
weft__time weft__launch_end_ps(const weft__launch *launch);

/* How long commands take to some PEs, kept by a fabric for launches of the same ones; the next in the list. */
typedef struct weft__launch_way weft__launch_way;
/* For the fabric, when it ends. NULL is fine. */
void weft__launch_ways_destroy(weft__launch_way *ways);

#endif
