#include "sim/probe/flow_trace.h"

#include <stdio.h>
#include <stdlib.h>

/* The tracks of the nodes of one group, by node; 0 where there is none yet. */
typedef struct node_tracks {
    weft__trace_process process;
    weft__trace_track *tracks;
} node_tracks;

struct weft__flow_trace {
    weft__trace *trace;
    const weft__graph *graph;
    node_tracks sources, memories;
    uint32_t written; /* with the process it makes an arrow that no other run has */
};

static bool prepare_group(weft__flow_trace *tracks, node_tracks *group, const char *label, const char *what,
                          int32_t sort_index)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%s%s", label, what);
    group->process = weft__trace_add_process(tracks->trace, name, sort_index);
    group->tracks = calloc(tracks->graph->node_count, sizeof *group->tracks);
    return group->tracks != NULL;
}

weft_status weft__flow_trace_create(weft__trace *trace, const weft__graph *graph, const char *label,
                                    weft__flow_trace **out, weft_error *err)
{
    *out = NULL;
    weft__flow_trace *tracks = calloc(1, sizeof *tracks);
    if (!tracks)
        return weft__fail_memory(err, sizeof *tracks, "the trace of transfers");
    tracks->trace = trace;
    tracks->graph = graph;
    if (!prepare_group(tracks, &tracks->sources, label, "host and DMA engines", 0) ||
        !prepare_group(tracks, &tracks->memories, label, "memories", 1)) {
        weft__flow_trace_destroy(tracks);
        return weft__fail_memory(err, graph->node_count * sizeof(weft__trace_track), "the trace of transfers");
    }
    *out = tracks;
    return WEFT_OK;
}

void weft__flow_trace_destroy(weft__flow_trace *tracks)
{
    if (!tracks)
        return;
    free(tracks->sources.tracks);
    free(tracks->memories.tracks);
    free(tracks);
}

static weft__trace_track track_of(weft__flow_trace *tracks, node_tracks *group, uint32_t node)
{
    if (!group->tracks[node]) {
        char name[WEFT__NODE_NAME_BYTES];
        weft__graph_node_name(tracks->graph, node, name);
        group->tracks[node] = weft__trace_add_track(tracks->trace, group->process, name, (int32_t)node);
    }
    return group->tracks[node];
}

/* The transfer at its source: its parts are told in picoseconds. */
static void write_source(weft__flow_trace *tracks, weft__trace_track track, const weft_flow_result *flow)
{
    char name[128];
    weft__trace_arg args[1 + WEFT_FLOW_PARTS] = {{"bytes", NULL, (int64_t)flow->bytes}};
    for (size_t i = 0; i < WEFT_FLOW_PARTS; i++)
        args[1 + i] = (weft__trace_arg){weft_flow_part_name((weft_flow_part)i), NULL, (int64_t)flow->parts_ps[i]};
    (void)snprintf(name, sizeof name, "%s %s", flow->is_write ? "write to" : "read from", flow->target);
    weft__trace_span(tracks->trace, track, name, flow->start_ps, flow->latency_ps, args, 1 + WEFT_FLOW_PARTS);
}

void weft__flow_trace_write(weft__flow_trace *tracks, const weft__transfer *transfer, const weft_flow_result *flow)
{
    const weft__transfer_request *request = weft__transfer_get_request(transfer);
    weft__trace_track source = track_of(tracks, &tracks->sources, request->source);
    weft__trace_track memory = track_of(tracks, &tracks->memories, request->target);
    write_source(tracks, source, flow);
    char name[128];
    /* What the controller takes itself lies before the time that it gives. */
    weft__time begin = weft__transfer_reached_ps(transfer) - tracks->graph->nodes[request->target].overhead_ps;
    (void)snprintf(name, sizeof name, "%s %s", flow->is_write ? "write by" : "read by", flow->source);
    weft__trace_span(tracks->trace, memory, name, begin, weft__transfer_committed_ps(transfer) - begin, NULL, 0);
    uint64_t id = (uint64_t)tracks->sources.process << 32 | tracks->written++;
    weft__trace_flow(tracks->trace, source, WEFT__TRACE_FLOW_START, "transfer", id, flow->start_ps);
    weft__trace_flow(tracks->trace, memory, WEFT__TRACE_FLOW_END, "transfer", id, begin);
}
