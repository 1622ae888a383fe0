/* Traffic as the library's callers ask for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/probe.h>

#include "base/nearest.h"
#include "sim/fabric/link_trace.h"
#include "sim/machine/machine.h"
#include "sim/probe/flows.h"
#include "sim/probe/traffic.h"

#define CYCLES_STANDARD 20000u
#define PACKET_FLITS_MAX ((uint64_t)1 << 20)

static const char *pattern_at(const void *context, size_t index)
{
    (void)context;
    return weft__traffic_pattern_name((weft__traffic_pattern)index);
}

static weft_status find_pattern(const char *name, weft__traffic_pattern *out, weft_error *err)
{
    for (size_t i = 0; i < WEFT__TRAFFIC_PATTERNS; i++) {
        *out = (weft__traffic_pattern)i;
        if (!name || strcmp(name, pattern_at(NULL, i)) == 0)
            return WEFT_OK;
    }
    return weft__fail(err, WEFT_NOT_FOUND, "There is no traffic pattern '%s'; the nearest is '%s'.", name,
                      weft__nearest(name, WEFT__TRAFFIC_PATTERNS, pattern_at, NULL));
}

/* The options inside, and what can be told of them without a machine. */
static weft_status read_options(const weft_traffic_options *options, weft__traffic_options *out, weft_error *err)
{
    *out = (weft__traffic_options){.rate = options->rate,
                                   .packet_flits = options->packet_flits,
                                   .cycles = options->cycles ? options->cycles : CYCLES_STANDARD,
                                   .seed = options->seed,
                                   .outstanding = options->outstanding,
                                   .mode = weft__flit_mode_of(options->flits),
                                   .progress = options->progress,
                                   .progress_user = options->progress_user};
    out->warmup = options->warmup ? options->warmup : out->cycles / 10;
    if (out->packet_flits > PACKET_FLITS_MAX)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Packets of %llu flits are too long; the most is %llu.",
                          (unsigned long long)out->packet_flits, (unsigned long long)PACKET_FLITS_MAX);
    weft_status status = find_pattern(options->pattern, &out->pattern, err);
    return status == WEFT_OK ? weft__traffic_check(out, err) : status;
}

weft_status weft_traffic_check_options(const weft_traffic_options *options, weft_error *err)
{
    weft__traffic_options inner;
    return read_options(options, &inner, err);
}

/* All of the run must happen before time ends. */
static weft_status check_times(const weft__graph *graph, const weft__traffic_options *it, weft_error *err)
{
    uint64_t cycle_ps = weft__ps_of_bytes(graph->spec->system.flit_bytes, weft__mbs_of_gbs(graph->spec->cube.link_gbs));
    uint64_t most = WEFT__TIME_LAST / 8 / cycle_ps;
    if (it->cycles > most || it->warmup > most)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "Traffic over %llu cycles after %llu would go past the end of time; the most of each is %llu "
                          "on machine '%s'.",
                          (unsigned long long)it->cycles, (unsigned long long)it->warmup, (unsigned long long)most,
                          graph->spec->name);
    return WEFT_OK;
}

/* True if a link between two routers of a cube crosses the middle of its rows or of its columns. */
static bool crosses_middle(const weft__graph *graph, const weft__link *link)
{
    const weft__node *from = &graph->nodes[link->from], *to = &graph->nodes[link->to];
    if (from->kind != WEFT__NODE_ROUTER || to->kind != WEFT__NODE_ROUTER)
        return false;
    uint32_t row = graph->spec->cube.rows / 2, column = graph->spec->cube.columns / 2;
    return (from->row < row) != (to->row < row) || (from->column < column) != (to->column < column);
}

static double bisection_load(const weft__graph *graph, const double *loads)
{
    double sum = 0, links = 0;
    for (uint32_t i = 0; i < graph->link_count; i++) {
        if (crosses_middle(graph, &graph->links[i])) {
            sum += loads[i];
            links++;
        }
    }
    return links > 0 ? sum / links : 0;
}

static void name_busiest(const weft__graph *graph, const weft__traffic_result *inner, weft_traffic_result *out)
{
    char names[2][WEFT__NODE_NAME_BYTES];
    if (inner->load_max <= 0)
        return;
    weft__graph_node_name(graph, graph->links[inner->busiest_link].from, names[0]);
    weft__graph_node_name(graph, graph->links[inner->busiest_link].to, names[1]);
    (void)snprintf(out->busiest_link, sizeof out->busiest_link, "%s to %s", names[0], names[1]);
}

static void tell_result(const weft__graph *graph, const weft__traffic_result *inner, weft_traffic_result *out)
{
    *out = (weft_traffic_result){
        .packets = inner->packets,
        .is_stable = inner->is_stable,
        .cycle_ps = inner->cycle_ps,
        .latency_mean = inner->latency_mean,
        .latency_median = inner->latency_median,
        .latency_p99 = inner->latency_p99,
        .latency_max = inner->latency_max,
        .hops_mean = inner->hops_mean,
        .accepted_rate = inner->accepted_rate,
        .accepted_least = inner->accepted_least,
        .accepted_most = inner->accepted_most,
        .flits_sent = inner->flits_sent,
        .flits_arrived = inner->flits_arrived,
        .load_mean = inner->load_mean,
        .load_max = inner->load_max,
        .bisection_load = bisection_load(graph, inner->loads),
        .cycles_run = inner->cycles_run,
        .events = inner->events,
        .trace_hash = inner->trace_hash,
    };
    name_busiest(graph, inner, out);
}

weft_status weft_traffic_run(const weft_machine *machine, const weft_traffic_options *options, weft_traffic_result *out,
                             weft_error *err)
{
    *out = (weft_traffic_result){0};
    const weft__graph *graph = machine->graph;
    weft__traffic_options inner;
    weft_status status = read_options(options, &inner, err);
    if (status == WEFT_OK)
        status = check_times(graph, &inner, err);
    if (status != WEFT_OK)
        return status;
    weft_probe_options traced = {.trace_path = options->trace_path};
    weft__probe_setup setup;
    weft__traffic_result result = {0};
    weft__link_trace *links = NULL;
    status = weft__probe_setup_begin(&traced, &setup, err);
    if (status == WEFT_OK && setup.trace) {
        status = weft__link_trace_create(setup.trace, graph, "links", WEFT__LINK_SPANS, &links, err);
        if (status == WEFT_OK)
            inner.observer = weft__link_trace_observer(links);
    }
    if (status == WEFT_OK)
        status = weft__traffic_run(graph, &inner, &result, err);
    if (status == WEFT_OK && links)
        weft__link_trace_finish(links);
    weft__link_trace_destroy(links);
    status = weft__probe_setup_end(&setup, status, err);
    if (status == WEFT_OK)
        tell_result(graph, &result, out);
    free(result.loads);
    return status;
}
