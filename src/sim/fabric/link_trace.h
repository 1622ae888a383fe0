/* What the links of a fabric do, as tracks of a trace: one for each link that is used, with a counter of how much of
 * each window of time the link was busy and, if that is wanted, a span for each message from its head's beginning on
 * the link to the end of its tail. A window is 32 times what a flit takes between two
 * routers, or 2048 times without spans. Memory grows with the
 * number of links only. */
#ifndef WEFT_SIM_FABRIC_LINK_TRACE_H
#define WEFT_SIM_FABRIC_LINK_TRACE_H

#include "sim/fabric/fabric.h"
#include "trace/perfetto.h"

typedef struct weft__link_trace weft__link_trace;

typedef enum weft__link_trace_mode {
    WEFT__LINK_SPANS,   /* and counters; the group stands above what has no place of its own */
    WEFT__LINK_COUNTERS /* alone; the group stands below all others */
} weft__link_trace_mode;

/* The group of tracks is called `name`. Trace and graph are borrowed. */
weft_status weft__link_trace_create(weft__trace *trace, const weft__graph *graph, const char *name,
                                    weft__link_trace_mode mode, weft__link_trace **out, weft_error *err);
/* NULL is fine. */
void weft__link_trace_destroy(weft__link_trace *links);

/* For weft__fabric_observe; it lives as long as the link trace. */
const weft__observer *weft__link_trace_observer(const weft__link_trace *links);

/* Outside of a run: writes the windows that had not ended. */
void weft__link_trace_finish(weft__link_trace *links);

#endif
