/* credit: what a queue's credit costs. A credit is charged for by a formula and not sent; here the formula is held
 * against a message of the same bytes that is sent, which takes longer by what the bytes take on each link but the
 * slowest. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/fabric/link_trace.h"
#include "sim/fabric/path_latency.h"
#include "sim/probe/cases.h"

typedef struct credit_probe {
    const weft__graph *graph;
    uint32_t from, to;
    weft_sim *sim;
    weft__fabric *fabric;
    weft__link_trace *links;
    weft__time arrival; /* of the message that is sent */
} credit_probe;

static void on_arrival(void *context, weft__message *message)
{
    (void)message;
    credit_probe *probe = context;
    probe->arrival = weft__sim_now(probe->sim);
}

static const weft__receiver receiver = {.arrived = on_arrival};

static weft_status send(credit_probe *probe, const weft__probe_setup *setup, weft_error *err)
{
    weft_status status = weft__sim_create(NULL, &probe->sim, err);
    if (status == WEFT_OK)
        status = weft__fabric_create(probe->sim, probe->graph, setup->mode, &probe->fabric, err);
    if (status == WEFT_OK && setup->trace)
        status = weft__link_trace_create(setup->trace, probe->graph, "links", WEFT__LINK_SPANS, &probe->links, err);
    if (status != WEFT_OK)
        return status;
    if (probe->links)
        weft__fabric_observe(probe->fabric, weft__link_trace_observer(probe->links));
    weft__run ready = {0, 0, 1};
    weft__parcel parcel = {.from = probe->from,
                           .to = probe->to,
                           .size = WEFT__FLIT_COMMAND,
                           .ready = &ready,
                           .ready_count = 1,
                           .receiver = &receiver,
                           .context = probe};
    (void)weft__fabric_send(probe->fabric, &parcel);
    status = weft__sim_run(probe->sim, WEFT__NEVER, err);
    if (status == WEFT_OK && probe->links)
        weft__link_trace_finish(probe->links);
    return status;
}

/* The formula's terms, and when each node of the way is reached by them. */
static weft_status tell_terms(const credit_probe *probe, const weft__route *route, weft_flow_result *out,
                              weft_error *err)
{
    weft_flow_hop *hops = calloc(route->count + 1, sizeof *hops);
    if (!hops)
        return weft__fail_memory(err, (route->count + 1) * sizeof *hops, "the way of a credit");
    out->hops = hops;
    out->hop_count = route->count + 1;
    weft__graph_node_name(probe->graph, probe->from, hops[0].node);
    for (uint32_t hop = 0; hop < route->count; hop++) {
        const weft__link *link = &probe->graph->links[route->links[hop]];
        const weft__node *node = &probe->graph->nodes[link->to];
        bool is_ucie = node->kind == WEFT__NODE_UCIE || node->kind == WEFT__NODE_IO_PHY;
        out->parts_ps[WEFT_FLOW_WIRE] += link->wire_ps;
        out->parts_ps[is_ucie ? WEFT_FLOW_UCIE : WEFT_FLOW_ROUTERS] += node->overhead_ps;
        weft__graph_node_name(probe->graph, link->to, hops[hop + 1].node);
        hops[hop + 1].time_ps = hops[hop].time_ps + link->wire_ps + node->overhead_ps;
    }
    uint64_t way_ps = hops[route->count].time_ps;
    out->latency_ps = out->end_ps = weft__path_latency_ps(probe->graph, route, out->bytes);
    out->parts_ps[WEFT_FLOW_STREAMING] = out->latency_ps - way_ps;
    hops[route->count].time_ps = out->latency_ps;
    return WEFT_OK;
}

/* What the bytes take on all links but the slowest. */
static uint64_t repeated_ps(const weft__graph *graph, const weft__route *route, uint64_t bytes)
{
    uint64_t sum = 0, slowest = 0;
    for (uint32_t hop = 0; hop < route->count; hop++) {
        uint64_t flit_ps = weft__ps_of_bytes(bytes, graph->links[route->links[hop]].mbs);
        sum += flit_ps;
        slowest = flit_ps > slowest ? flit_ps : slowest;
    }
    return sum - slowest;
}

static void judge(const credit_probe *probe, const weft__route *route, const weft_flow_result *flow,
                  weft_probe_case_result *out)
{
    uint64_t again_ps = repeated_ps(probe->graph, route, flow->bytes);
    uint64_t nodes_ps = flow->parts_ps[WEFT_FLOW_ROUTERS] + flow->parts_ps[WEFT_FLOW_UCIE];
    out->has_claim = true;
    out->holds = probe->arrival == flow->latency_ps + again_ps &&
                 probe->arrival == weft__route_latency_ps(probe->graph, route, 1, flow->bytes);
    (void)snprintf(out->claim, sizeof out->claim,
                   "%" WEFT__NS_FORMAT " ns = wires %" WEFT__NS_FORMAT " + nodes %" WEFT__NS_FORMAT
                   " + %llu bytes at the slowest link %" WEFT__NS_FORMAT "; a message that is sent, %" WEFT__NS_FORMAT
                   " ns, takes %" WEFT__NS_FORMAT " more on the other links.",
                   WEFT__NS(flow->latency_ps), WEFT__NS(flow->parts_ps[WEFT_FLOW_WIRE]), WEFT__NS(nodes_ps),
                   (unsigned long long)flow->bytes, WEFT__NS(flow->parts_ps[WEFT_FLOW_STREAMING]),
                   WEFT__NS(probe->arrival), WEFT__NS(again_ps));
}

/* After the message has arrived. */
static weft_status keep_result(const credit_probe *probe, weft__case_result *out, weft_error *err)
{
    const weft__route *route = weft__fabric_route(probe->fabric, probe->from, probe->to);
    weft_probe_result *result;
    weft_status status = weft__probe_result_create(1, &result, err);
    if (status != WEFT_OK)
        return status;
    weft_flow_result *flow = weft__probe_result_flows(result);
    weft__graph_node_name(probe->graph, probe->from, flow->source);
    weft__graph_node_name(probe->graph, probe->to, flow->target);
    flow->bytes = probe->graph->spec->system.command_bytes;
    flow->is_write = true;
    status = tell_terms(probe, route, flow, err);
    if (status != WEFT_OK) {
        weft_probe_result_destroy(result);
        return status;
    }
    weft__flow_result_rate(probe->graph, route, probe->to, flow);
    weft__probe_result_sum_up(result, probe->sim);
    judge(probe, route, flow, &out->result);
    return weft__case_keep_run(out, "formula", result, err);
}

weft_status weft__case_simulate_credit(const weft__graph *graph, const weft__probe_setup *setup, weft__case_result *out,
                                       weft_error *err)
{
    if (graph->pes < 2)
        return weft__fail(err, WEFT_UNSUPPORTED, "The case needs 2 PEs in a cube, and the machine has %u.", graph->pes);
    credit_probe probe = {.graph = graph,
                          .from = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, 1),
                          .to = weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, 0)};
    weft_status status = send(&probe, setup, err);
    if (status == WEFT_OK)
        status = keep_result(&probe, out, err);
    weft__sim_destroy(probe.sim);
    weft__fabric_destroy(probe.fabric);
    weft__link_trace_destroy(probe.links);
    return status;
}
