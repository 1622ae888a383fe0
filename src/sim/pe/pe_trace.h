/* What PEs do, as tracks of a trace. A PE is a process, with these tracks:
 * - "calls": a span for each call of its kernel that takes time;
 * - "processor": what it does meanwhile, by the names of weft__pe_activity_name();
 * - one for each engine, or for each tile that a DMA engine serves at once: a span for each stage of a tile, called
 *   "tl_load", or "tl_composite 2, tile 5" by the call, the number of the composite command and the tile, where there
 *   are several;
 * - "send": a span while the tensor of a message is read; and "receive north", one for each direction, while its slot
 *   is. Arrows lead from the one to the other.
 * Spans of one track never overlap, and those of processors add up to the times of weft__pe_times. What had not ended
 * when the run did is left out. Memory grows with the number of tracks only. */
#ifndef WEFT_SIM_PE_PE_TRACE_H
#define WEFT_SIM_PE_PE_TRACE_H

#include "sim/pe/pe.h"
#include "trace/perfetto.h"

typedef struct weft__pe_trace weft__pe_trace;

/* Before the run. Both are borrowed. */
weft_status weft__pe_trace_create(weft__pes *pes, weft__trace *trace, weft__pe_trace **out, weft_error *err);
/* After the run, before the PEs end and the trace is closed: writes what is left. NULL is fine. */
void weft__pe_trace_destroy(weft__pe_trace *it);

/* ---- for the PEs ---- */

/* The kernel is in a call from now on. */
void weft__pe_trace_call(weft__pe_trace *it, const weft__pe *pe, const char *call);
/* The processor has done that since then. */
void weft__pe_trace_spent(weft__pe_trace *it, const weft__pe *pe, weft__pe_activity activity, weft__time since);
/* An engine has served a stage of a token since then, in one of its places. */
void weft__pe_trace_served(weft__pe_trace *it, const weft__token *token);

#endif
