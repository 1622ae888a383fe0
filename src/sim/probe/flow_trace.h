/* Transfers as tracks of a trace: one for each source, with a span for each of its transfers that tells the parts of
 * its time, one for each memory, with a span while a transfer is in it, and arrows from the one to the other. */
#ifndef WEFT_SIM_PROBE_FLOW_TRACE_H
#define WEFT_SIM_PROBE_FLOW_TRACE_H

#include <weft/probe.h>

#include "sim/fabric/transfer.h"
#include "trace/perfetto.h"

typedef struct weft__flow_trace weft__flow_trace;

/* The groups of tracks are called `label`, which may be empty, and what they hold. Trace and graph are borrowed. */
weft_status weft__flow_trace_create(weft__trace *trace, const weft__graph *graph, const char *label,
                                    weft__flow_trace **out, weft_error *err);
/* NULL is fine. */
void weft__flow_trace_destroy(weft__flow_trace *tracks);

/* Writes a transfer that has ended, of which this is known. */
void weft__flow_trace_write(weft__flow_trace *tracks, const weft__transfer *transfer, const weft_flow_result *flow);

#endif
