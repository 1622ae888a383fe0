/* Flows in one simulation, with nodes for names: what weft_probe_run and the cases are made of. */
#ifndef WEFT_SIM_PROBE_FLOWS_H
#define WEFT_SIM_PROBE_FLOWS_H

#include <weft/probe.h>

#include "sim/fabric/transfer.h"
#include "trace/perfetto.h"

/* One transfer. Source and target are nodes that can be that. */
typedef struct weft__flow {
    uint32_t source, target;
    uint64_t bytes, offset_bytes;
    bool is_write;
    uint64_t start_ps;
} weft__flow;

/* How simulations are run. */
typedef struct weft__probe_setup {
    weft__flit_mode mode;
    weft__trace *trace; /* NULL for none */
    const char *label;  /* that its tracks carry, "" for none */
    weft_probe_progress *progress;
    void *progress_user;
} weft__probe_setup;

/* Most flits of one flow: what a read finds in HBM is worked out flit by flit, when its command comes. */
#define WEFT__FLOW_FLITS_MAX ((uint64_t)1 << 24)
/* Latest start of a flow: far from the end of time. */
#define WEFT__FLOW_START_MAX (WEFT__TIME_LAST / 4)

/* Capacity of a memory: HBM, SRAM, or the TCM behind a DMA. 0 for nodes that are none. */
uint64_t weft__memory_bytes(const weft__graph *graph, uint32_t node);

/* The mode that a caller of the library asks for. */
weft__flit_mode weft__flit_mode_of(weft_flits flits);

/* Begins a call with these options, or without: opens the trace that they ask for. The end, which has to follow also
 * after a failure, closes that and gives the status of the call. */
weft_status weft__probe_setup_begin(const weft_probe_options *options, weft__probe_setup *out, weft_error *err);
weft_status weft__probe_setup_end(weft__probe_setup *setup, weft_status status, weft_error *err);

/* A result of `count` flows, all zero, that weft_probe_result_destroy frees. */
weft_status weft__probe_result_create(size_t count, weft_probe_result **out, weft_error *err);
/* Its flows, to be filled. */
weft_flow_result *weft__probe_result_flows(weft_probe_result *result);
/* Fills what all flows together give, and what the simulation tells. */
void weft__probe_result_sum_up(weft_probe_result *result, const weft_sim *sim);

/* Fills what follows from the parts and the bytes: bandwidth and utilisation, for payload on this route to or from that
 * memory. */
void weft__flow_result_rate(const weft__graph *graph, const weft__route *payload, uint32_t memory,
                            weft_flow_result *out);

/* Runs them, 1 or more. WEFT_DEADLOCK if nothing happens any more before all have ended. */
weft_status weft__flows_run(const weft__graph *graph, const weft__flow *flows, size_t count,
                            const weft__probe_setup *setup, weft_probe_result **out, weft_error *err);

#endif
