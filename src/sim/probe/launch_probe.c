/* Launches of a kernel that does nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/fabric/launch.h"
#include "sim/fabric/link_trace.h"
#include "sim/machine/machine.h"
#include "sim/probe/cases.h"

typedef struct launch_probe {
    const weft__graph *graph;
    weft_sim *sim;
    weft__fabric *fabric;
    weft__launch *launch;
    weft__link_trace *links;
    weft__trace *trace;
    weft__trace_process process;
    uint32_t *cpus;
    size_t count;
    weft_launch_result *out;
} launch_probe;

static void show_start(const launch_probe *probe, size_t index, weft__time now)
{
    char name[WEFT__NODE_NAME_BYTES];
    weft__graph_node_name(probe->graph, probe->cpus[index], name);
    weft__trace_track track = weft__trace_add_track(probe->trace, probe->process, name, (int32_t)index);
    weft__trace_instant(probe->trace, track, "start", now, NULL, 0);
}

static void on_start(void *context, weft__launch *launch, size_t index)
{
    launch_probe *probe = context;
    weft_launch_result *out = probe->out;
    weft__time now = weft__launch_start_ps(launch, index);
    out->first_start_ps = now < out->first_start_ps ? now : out->first_start_ps;
    out->last_start_ps = now > out->last_start_ps ? now : out->last_start_ps;
    out->late += now > weft__launch_target_ps(launch);
    if (probe->trace)
        show_start(probe, index, now);
    weft__sim_note(probe->sim, index);
    weft__launch_finish(launch, index);
}

static weft_status find_cpus(launch_probe *probe, weft_error *err)
{
    const weft__graph *graph = probe->graph;
    probe->cpus = calloc(graph->node_count, sizeof *probe->cpus);
    if (!probe->cpus)
        return weft__fail_memory(err, graph->node_count * sizeof *probe->cpus, "the PEs of a launch");
    for (uint32_t node = 0; node < graph->node_count; node++) {
        if (graph->nodes[node].kind == WEFT__NODE_PE_CPU)
            probe->cpus[probe->count++] = node;
    }
    return WEFT_OK;
}

static weft_status prepare(launch_probe *probe, const weft__probe_setup *setup, weft_error *err)
{
    weft_status status = find_cpus(probe, err);
    if (status == WEFT_OK)
        status = weft__sim_create(NULL, &probe->sim, err);
    if (status == WEFT_OK)
        status = weft__fabric_create(probe->sim, probe->graph, setup->mode, &probe->fabric, err);
    if (status != WEFT_OK || !setup->trace)
        return status;
    probe->trace = setup->trace;
    probe->process = weft__trace_add_process(setup->trace, "PEs", 0);
    status = weft__link_trace_create(setup->trace, probe->graph, "links", WEFT__LINK_SPANS, &probe->links, err);
    if (status == WEFT_OK)
        weft__fabric_observe(probe->fabric, weft__link_trace_observer(probe->links));
    return status;
}

static weft_status launch(launch_probe *probe, weft_error *err)
{
    weft__launch_request request = {.cpus = probe->cpus, .count = probe->count, .started = on_start, .context = probe};
    weft_status status = weft__launch_begin(probe->fabric, 0, &request, &probe->launch, err);
    if (status == WEFT_OK)
        status = weft__sim_run(probe->sim, WEFT__NEVER, err);
    if (status != WEFT_OK)
        return status;
    weft_launch_result *out = probe->out;
    out->target_ps = weft__launch_target_ps(probe->launch);
    out->end_ps = weft__launch_end_ps(probe->launch);
    out->pes = probe->count;
    if (out->end_ps == WEFT__NEVER) {
        status = weft__fabric_check_arrived(probe->fabric, err);
        if (status == WEFT_OK)
            status = weft__fail(err, WEFT_INTERNAL, "Nothing happens any more, and all messages have arrived.");
        return weft__fail_within(err, status, "The launch on %zu PEs has not ended", probe->count);
    }
    weft__sim_info info;
    weft__sim_get_info(probe->sim, &info);
    out->events = info.events;
    out->trace_hash = info.trace_hash;
    if (probe->links)
        weft__link_trace_finish(probe->links);
    return WEFT_OK;
}

static weft_status run_launch(const weft__graph *graph, const weft__probe_setup *setup, weft_launch_result *out,
                              weft_error *err)
{
    *out = (weft_launch_result){.first_start_ps = WEFT__NEVER};
    launch_probe probe = {.graph = graph, .out = out};
    weft_status status = prepare(&probe, setup, err);
    if (status == WEFT_OK)
        status = launch(&probe, err);
    weft__sim_destroy(probe.sim);
    weft__launch_destroy(probe.launch);
    weft__fabric_destroy(probe.fabric);
    weft__link_trace_destroy(probe.links);
    free(probe.cpus);
    if (status != WEFT_OK)
        *out = (weft_launch_result){0};
    return status;
}

weft_status weft_probe_launch(const weft_machine *machine, const weft_probe_options *options, weft_launch_result *out,
                              weft_error *err)
{
    *out = (weft_launch_result){0};
    weft__probe_setup setup;
    weft_status status = weft__probe_setup_begin(options, &setup, err);
    if (status == WEFT_OK)
        status = run_launch(machine->graph, &setup, out, err);
    status = weft__probe_setup_end(&setup, status, err);
    if (status != WEFT_OK)
        *out = (weft_launch_result){0};
    return status;
}

weft_status weft__case_simulate_launch(const weft__graph *graph, const weft__probe_setup *setup, weft__case_result *out,
                                       weft_error *err)
{
    weft_launch_result launched;
    weft_probe_result *result;
    weft_status status = run_launch(graph, setup, &launched, err);
    if (status == WEFT_OK)
        status = weft__probe_result_create(0, &result, err);
    if (status != WEFT_OK)
        return status;
    result->makespan_ps = launched.end_ps;
    result->events = launched.events;
    result->trace_hash = launched.trace_hash;
    uint64_t spread_ps = launched.last_start_ps - launched.first_start_ps;
    out->result.value = (double)spread_ps / 1000.0;
    out->result.has_claim = true;
    out->result.holds = spread_ps == 0 && launched.late == 0;
    (void)snprintf(out->result.claim, sizeof out->result.claim,
                   "All %llu PEs start at the same time, %" WEFT__NS_FORMAT " ns: the spread is %" WEFT__NS_FORMAT
                   " ns, and %llu are late; the host knows that they are done at %" WEFT__NS_FORMAT " ns.",
                   (unsigned long long)launched.pes, WEFT__NS(launched.target_ps), WEFT__NS(spread_ps),
                   (unsigned long long)launched.late, WEFT__NS(launched.end_ps));
    return weft__case_keep_run(out, "launch", result, err);
}
