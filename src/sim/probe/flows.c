#include "sim/fabric/link_trace.h"
#include "sim/probe/flows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/address.h"
#include "sim/machine/machine.h"
#include "sim/probe/flow_trace.h"

typedef struct flow_run flow_run;

/* A flow in the simulation. */
typedef struct flow_state {
    flow_run *run;
    weft_flow_result *out;
    bool has_ended;
} flow_state;

struct flow_run {
    const weft__graph *graph;
    const weft__probe_setup *setup;
    weft_sim *sim;
    weft__fabric *fabric;
    weft__transfers *transfers;
    weft__link_trace *links;  /* NULL without a trace */
    weft__flow_trace *tracks; /* the same */
    flow_state *states;
    size_t count, ended;
    weft_probe_result *result;
};

uint64_t weft__memory_bytes(const weft__graph *graph, uint32_t node)
{
    switch (graph->nodes[node].kind) {
    case WEFT__NODE_HBM:
        return weft__region_bytes(graph, WEFT__REGION_HBM);
    case WEFT__NODE_SRAM:
        return weft__region_bytes(graph, WEFT__REGION_SRAM);
    case WEFT__NODE_DMA:
        return weft__region_bytes(graph, WEFT__REGION_TCM);
    default:
        return 0;
    }
}

/* ---- the end of a flow ---- */

static void note_failure(flow_run *run, weft_status status, const weft_error *err)
{
    (void)weft__sim_fail(run->sim, status, "%s", err->message);
}

static void keep_hops(flow_run *run, const weft__transfer *transfer, weft_flow_result *out)
{
    size_t count;
    const weft__transfer_hop *hops = weft__transfer_hops(transfer, &count);
    weft_flow_hop *kept = malloc((count + 1) * sizeof *kept);
    if (!kept) {
        weft_error err;
        note_failure(run, weft__fail_memory(&err, (count + 1) * sizeof *kept, "the way of a flow"), &err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        weft__graph_node_name(run->graph, hops[i].node, kept[i].node);
        kept[i].time_ps = hops[i].time - out->start_ps;
    }
    out->hops = kept;
    out->hop_count = count;
}

/* The parts of an undisturbed flow, and what is left of the latency for queueing. */
static void attribute(flow_run *run, const weft__transfer_request *request, weft_flow_result *out)
{
    uint64_t parts_ps[WEFT__PARTS], sum = 0;
    weft__transfer_parts(run->transfers, request, parts_ps);
    _Static_assert(WEFT__PARTS == WEFT_FLOW_PARTS && (int)WEFT__PART_SETUP == (int)WEFT_FLOW_SETUP &&
                       (int)WEFT__PART_QUEUEING == (int)WEFT_FLOW_QUEUEING,
                   "the parts of a transfer are those of a flow");
    for (size_t i = 0; i < WEFT_FLOW_PARTS; i++) {
        out->parts_ps[i] = parts_ps[i];
        sum += parts_ps[i];
    }
    if (sum > out->latency_ps)
        (void)weft__sim_fail(run->sim, WEFT_INTERNAL,
                             "A transfer from %s to %s took %llu ps, less than the %llu ps of its undisturbed parts.",
                             out->source, out->target, (unsigned long long)out->latency_ps, (unsigned long long)sum);
    else
        out->parts_ps[WEFT_FLOW_QUEUEING] += out->latency_ps - sum;
}

static void on_end(void *context, const weft__transfer *transfer)
{
    flow_state *state = context;
    flow_run *run = state->run;
    weft_flow_result *out = state->out;
    const weft__transfer_request *request = weft__transfer_get_request(transfer);
    out->start_ps = weft__transfer_begin_ps(transfer);
    out->end_ps = weft__transfer_end_ps(transfer);
    out->latency_ps = out->end_ps - out->start_ps;
    attribute(run, request, out);
    keep_hops(run, transfer, out);
    const weft__route *payload = request->is_write ? weft__fabric_route(run->fabric, request->source, request->target)
                                                   : weft__fabric_route(run->fabric, request->target, request->source);
    if (payload)
        weft__flow_result_rate(run->graph, payload, request->target, out);
    if (run->tracks)
        weft__flow_trace_write(run->tracks, transfer, out);
    weft__sim_note(run->sim, (uint64_t)(state - run->states));
    state->has_ended = true;
    run->ended++;
    if (run->setup->progress)
        run->setup->progress(run->setup->progress_user, run->ended, run->count);
}

/* ---- the run ---- */

static weft_status prepare(flow_run *run, weft_error *err)
{
    weft_status status = weft__probe_result_create(run->count, &run->result, err);
    if (status == WEFT_OK) {
        run->states = calloc(run->count, sizeof *run->states);
        if (!run->states)
            status = weft__fail_memory(err, run->count * sizeof *run->states, "the flows of a probe");
    }
    if (status == WEFT_OK)
        status = weft__sim_create(NULL, &run->sim, err);
    if (status == WEFT_OK)
        status = weft__fabric_create(run->sim, run->graph, run->setup->mode, &run->fabric, err);
    if (status == WEFT_OK)
        status = weft__transfers_create(run->fabric, &run->transfers, err);
    return status;
}

static weft_status prepare_trace(flow_run *run, weft_error *err)
{
    const weft__probe_setup *setup = run->setup;
    if (!setup->trace)
        return WEFT_OK;
    char name[128];
    (void)snprintf(name, sizeof name, "%slinks", setup->label);
    weft_status status = weft__flow_trace_create(setup->trace, run->graph, setup->label, &run->tracks, err);
    if (status == WEFT_OK)
        status = weft__link_trace_create(setup->trace, run->graph, name, WEFT__LINK_SPANS, &run->links, err);
    if (status == WEFT_OK)
        weft__fabric_observe(run->fabric, weft__link_trace_observer(run->links));
    return status;
}

static void begin_flow(flow_run *run, size_t index, const weft__flow *flow)
{
    flow_state *state = &run->states[index];
    weft_flow_result *out = &weft__probe_result_flows(run->result)[index];
    *state = (flow_state){.run = run, .out = out};
    weft__graph_node_name(run->graph, flow->source, out->source);
    weft__graph_node_name(run->graph, flow->target, out->target);
    out->bytes = flow->bytes;
    out->is_write = flow->is_write;
    weft__transfer_request request = {.source = flow->source,
                                      .target = flow->target,
                                      .offset_bytes = flow->offset_bytes,
                                      .bytes = flow->bytes,
                                      .is_write = flow->is_write,
                                      .keeps_hops = true,
                                      .ended = on_end,
                                      .context = state};
    weft__transfer_begin(run->transfers, flow->start_ps, &request);
}

/* Nothing happens any more, and a flow has not ended: tells which, and what the fabric knows of it. */
static weft_status fail_standstill(const flow_run *run, size_t index, weft_error *err)
{
    const weft_flow_result *flow = run->states[index].out;
    weft_status status = weft__fabric_check_arrived(run->fabric, err);
    if (status == WEFT_OK)
        status = weft__fail(err, WEFT_INTERNAL, "Nothing happens any more, and all messages have arrived.");
    return weft__fail_within(err, status, "Flow %zu of %zu, from %s to %s, has not ended", index + 1, run->count,
                             flow->source, flow->target);
}

static weft_status simulate(flow_run *run, weft_error *err)
{
    weft_status status = weft__sim_run(run->sim, WEFT__NEVER, err);
    if (status != WEFT_OK)
        return status;
    for (size_t i = 0; i < run->count; i++) {
        if (!run->states[i].has_ended)
            return fail_standstill(run, i, err);
    }
    weft__probe_result_sum_up(run->result, run->sim);
    if (run->links)
        weft__link_trace_finish(run->links);
    return WEFT_OK;
}

weft_status weft__flows_run(const weft__graph *graph, const weft__flow *flows, size_t count,
                            const weft__probe_setup *setup, weft_probe_result **out, weft_error *err)
{
    *out = NULL;
    flow_run run = {.graph = graph, .setup = setup, .count = count};
    weft_status status = prepare(&run, err);
    if (status == WEFT_OK)
        status = prepare_trace(&run, err);
    if (status == WEFT_OK) {
        for (size_t i = 0; i < count; i++)
            begin_flow(&run, i, &flows[i]);
        status = simulate(&run, err);
    }
    weft__sim_destroy(run.sim);
    weft__transfers_destroy(run.transfers);
    weft__fabric_destroy(run.fabric);
    weft__link_trace_destroy(run.links);
    weft__flow_trace_destroy(run.tracks);
    free(run.states);
    if (status == WEFT_OK)
        *out = run.result;
    else
        weft_probe_result_destroy(run.result);
    return status;
}

/* ---- flows by name ---- */

static weft_status find_source(const weft__graph *graph, const char *name, uint32_t *out, weft_error *err)
{
    weft_status status = weft__graph_find(graph, name, out, err);
    if (status != WEFT_OK)
        return status;
    weft__node_kind kind = graph->nodes[*out].kind;
    if (kind == WEFT__NODE_HOST || kind == WEFT__NODE_DMA)
        return WEFT_OK;
    return weft__fail(err, WEFT_INVALID_ARGUMENT, "'%s' cannot make transfers: a source is the host or a PE.", name);
}

static weft_status find_target(const weft__graph *graph, const char *name, uint32_t *out, weft_error *err)
{
    weft_status status = weft__graph_find(graph, name, out, err);
    if (status == WEFT_OK && weft__memory_bytes(graph, *out) == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "'%s' is no memory: a target is the HBM of a PE, an SRAM, or a PE, for its TCM.", name);
    return status;
}

static weft_status check_size(const weft__graph *graph, const weft_flow *flow, const weft__flow *found, weft_error *err)
{
    uint64_t capacity = weft__memory_bytes(graph, found->target), flit_bytes = graph->spec->system.flit_bytes;
    unsigned long long bytes = flow->bytes, offset = flow->offset_bytes, start = flow->start_ps;
    if (bytes == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "The flow from %s to %s has no bytes.", flow->source,
                          flow->target);
    if (offset > capacity || bytes > capacity - offset)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "%llu bytes at offset %llu go past the end of %s, which has %llu.",
                          bytes, offset, flow->target, (unsigned long long)capacity);
    if (bytes > WEFT__FLOW_FLITS_MAX * flit_bytes)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The flow from %s to %s has %llu bytes, but the most is %llu.",
                          flow->source, flow->target, bytes, (unsigned long long)(WEFT__FLOW_FLITS_MAX * flit_bytes));
    if (start > WEFT__FLOW_START_MAX)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The flow from %s to %s starts at %llu ps, but the latest is %llu.",
                          flow->source, flow->target, start, (unsigned long long)WEFT__FLOW_START_MAX);
    return WEFT_OK;
}

static weft_status find_flow(const weft__graph *graph, const weft_flow *flow, weft__flow *out, weft_error *err)
{
    *out = (weft__flow){.bytes = flow->bytes,
                        .offset_bytes = flow->offset_bytes,
                        .is_write = flow->is_write,
                        .start_ps = flow->start_ps};
    weft_status status = find_source(graph, flow->source, &out->source, err);
    if (status == WEFT_OK)
        status = find_target(graph, flow->target, &out->target, err);
    if (status == WEFT_OK && out->source == out->target)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "The flow from %s to %s goes nowhere: the two are the same PE.",
                          flow->source, flow->target);
    return status == WEFT_OK ? check_size(graph, flow, out, err) : status;
}

weft_status weft_probe_run(const weft_machine *machine, const weft_flow *flows, size_t count,
                           const weft_probe_options *options, weft_probe_result **out, weft_error *err)
{
    *out = NULL;
    if (count == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A probe needs at least one flow.");
    weft__flow *found = calloc(count, sizeof *found);
    if (!found)
        return weft__fail_memory(err, count * sizeof *found, "the flows of a probe");
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < count && status == WEFT_OK; i++)
        status = find_flow(machine->graph, &flows[i], &found[i], err);
    weft__probe_setup setup;
    if (status == WEFT_OK) {
        status = weft__probe_setup_begin(options, &setup, err);
        if (status == WEFT_OK)
            status = weft__flows_run(machine->graph, found, count, &setup, out, err);
        status = weft__probe_setup_end(&setup, status, err);
        if (status != WEFT_OK) {
            weft_probe_result_destroy(*out);
            *out = NULL;
        }
    }
    free(found);
    return status;
}
