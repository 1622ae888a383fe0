/* Results of probes, and how their simulations are set up. */
#include <stdlib.h>

#include "sim/probe/flows.h"

typedef struct probe_result {
    weft_probe_result result; /* the first member: what callers see */
    weft_flow_result *flows;
} probe_result;

const char *weft_flow_part_name(weft_flow_part part)
{
    static const char *const names[WEFT_FLOW_PARTS] = {"setup",     "routers", "ucie",    "wire",
                                                       "streaming", "memory",  "queueing"};
    return names[part];
}

weft__flit_mode weft__flit_mode_of(weft_flits flits)
{
    return flits == WEFT_FLITS_EACH ? WEFT__FLITS_EACH : WEFT__FLITS_TRAINS;
}

weft_status weft__probe_setup_begin(const weft_probe_options *options, weft__probe_setup *out, weft_error *err)
{
    *out = (weft__probe_setup){.label = ""};
    if (!options)
        return WEFT_OK;
    out->mode = weft__flit_mode_of(options->flits);
    out->progress = options->progress;
    out->progress_user = options->progress_user;
    return options->trace_path ? weft__trace_open(options->trace_path, &out->trace, err) : WEFT_OK;
}

weft_status weft__probe_setup_end(weft__probe_setup *setup, weft_status status, weft_error *err)
{
    weft__trace *trace = setup->trace;
    setup->trace = NULL;
    if (status == WEFT_OK)
        return weft__trace_close(trace, err);
    weft__trace_discard(trace);
    return status;
}

weft_status weft__probe_result_create(size_t count, weft_probe_result **out, weft_error *err)
{
    *out = NULL;
    probe_result *made = calloc(1, sizeof *made);
    if (!made)
        return weft__fail_memory(err, sizeof *made, "the result of a probe");
    made->flows = calloc(count + 1, sizeof *made->flows);
    if (!made->flows) {
        free(made);
        return weft__fail_memory(err, (count + 1) * sizeof *made->flows, "the results of flows");
    }
    made->result.flows = made->flows;
    made->result.flow_count = count;
    *out = &made->result;
    return WEFT_OK;
}

weft_flow_result *weft__probe_result_flows(weft_probe_result *result)
{
    return ((probe_result *)result)->flows;
}

void weft_probe_result_destroy(weft_probe_result *result)
{
    if (!result)
        return;
    probe_result *made = (probe_result *)result;
    for (size_t i = 0; i < result->flow_count; i++)
        free((void *)made->flows[i].hops);
    free(made->flows);
    free(made);
}

static double gbs_of(uint64_t bytes, uint64_t ps)
{
    return ps ? (double)bytes * 1000.0 / (double)ps : 0;
}

void weft__probe_result_sum_up(weft_probe_result *result, const weft_sim *sim)
{
    uint64_t first = WEFT__NEVER, last = 0;
    for (size_t i = 0; i < result->flow_count; i++) {
        const weft_flow_result *flow = &result->flows[i];
        first = flow->start_ps < first ? flow->start_ps : first;
        last = flow->end_ps > last ? flow->end_ps : last;
        result->bytes += flow->bytes;
    }
    result->makespan_ps = result->flow_count ? last - first : 0;
    result->bandwidth_gbs = gbs_of(result->bytes, result->makespan_ps);
    weft__sim_info info;
    weft__sim_get_info(sim, &info);
    result->events = info.events;
    result->trace_hash = info.trace_hash;
}

void weft__flow_result_rate(const weft__graph *graph, const weft__route *payload, uint32_t memory,
                            weft_flow_result *out)
{
    uint64_t slowest = UINT64_MAX;
    const weft__hbm_spec *hbm = &graph->spec->cube.hbm;
    if (graph->nodes[memory].kind == WEFT__NODE_HBM)
        slowest = hbm->channels * weft__mbs_of_gbs(hbm->channel_gbs);
    for (uint32_t i = 0; i < payload->count; i++) {
        uint64_t mbs = graph->links[payload->links[i]].mbs;
        slowest = mbs < slowest ? mbs : slowest;
    }
    out->bandwidth_gbs = gbs_of(out->bytes, out->latency_ps);
    out->bottleneck_gbs = (double)slowest / 1000.0;
    out->utilisation = out->bandwidth_gbs / out->bottleneck_gbs;
}
