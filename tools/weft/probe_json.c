#include <inttypes.h>
#include <stdio.h>

#include "json_output.h"
#include "probe_output.h"

json_t *probe_json_ns(uint64_t ps)
{
    return cli_json_number((double)ps / 1000.0);
}

json_t *probe_json_hash(uint64_t hash)
{
    char text[20];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    return cli_json_text(text);
}

static json_t *json_of_parts(const weft_flow_result *flow)
{
    json_t *object = json_object();
    for (size_t i = 0; i < WEFT_FLOW_PARTS; i++)
        json_object_set_new(object, weft_flow_part_name((weft_flow_part)i), probe_json_ns(flow->parts_ps[i]));
    return object;
}

static json_t *json_of_route(const weft_flow_result *flow)
{
    json_t *array = json_array();
    for (size_t i = 0; i < flow->hop_count; i++) {
        json_t *hop = json_object();
        json_object_set_new(hop, "node", cli_json_text(flow->hops[i].node));
        json_object_set_new(hop, "ns", probe_json_ns(flow->hops[i].time_ps));
        json_array_append_new(array, hop);
    }
    return array;
}

static json_t *json_of_flow(const weft_flow_result *flow)
{
    json_t *object = json_object();
    json_object_set_new(object, "source", cli_json_text(flow->source));
    json_object_set_new(object, "target", cli_json_text(flow->target));
    json_object_set_new(object, "direction", cli_json_text(flow->is_write ? "write" : "read"));
    json_object_set_new(object, "bytes", cli_json_count(flow->bytes));
    json_object_set_new(object, "start_ns", probe_json_ns(flow->start_ps));
    json_object_set_new(object, "latency_ns", probe_json_ns(flow->latency_ps));
    json_object_set_new(object, "bandwidth_gbs", cli_json_number(flow->bandwidth_gbs));
    json_object_set_new(object, "bottleneck_gbs", cli_json_number(flow->bottleneck_gbs));
    json_object_set_new(object, "utilisation", cli_json_number(flow->utilisation));
    json_object_set_new(object, "parts", json_of_parts(flow));
    json_object_set_new(object, "route", json_of_route(flow));
    return object;
}

const weft_flow_result *probe_slowest(const weft_probe_result *result)
{
    const weft_flow_result *slowest = NULL;
    for (size_t i = 0; i < result->flow_count; i++) {
        if (!slowest || result->flows[i].latency_ps > slowest->latency_ps)
            slowest = &result->flows[i];
    }
    return slowest;
}

/* A launch has no flows: its latency is its makespan. */
static void add_result(json_t *object, const weft_probe_result *result)
{
    const weft_flow_result *slowest = probe_slowest(result);
    json_t *flows = json_array();
    for (size_t i = 0; i < result->flow_count; i++)
        json_array_append_new(flows, json_of_flow(&result->flows[i]));
    json_object_set_new(object, "latency_ns", probe_json_ns(slowest ? slowest->latency_ps : result->makespan_ps));
    json_object_set_new(object, "makespan_ns", probe_json_ns(result->makespan_ps));
    json_object_set_new(object, "bytes", cli_json_count(result->bytes));
    json_object_set_new(object, "bandwidth_gbs", cli_json_number(result->bandwidth_gbs));
    json_object_set_new(object, "utilisation", slowest ? cli_json_number(slowest->utilisation) : json_null());
    json_object_set_new(object, "parts", slowest ? json_of_parts(slowest) : json_null());
    json_object_set_new(object, "route", slowest ? json_of_route(slowest) : json_array());
    json_object_set_new(object, "flows", flows);
    json_object_set_new(object, "events", cli_json_count(result->events));
    json_object_set_new(object, "trace_hash", probe_json_hash(result->trace_hash));
}

json_t *probe_json_result(const char *machine, const weft_probe_result *result)
{
    json_t *object = json_object();
    json_object_set_new(object, "machine", cli_json_text(machine));
    add_result(object, result);
    return object;
}

static json_t *begin_case(const char *machine, const weft_probe_case *it)
{
    json_t *object = json_object();
    json_object_set_new(object, "case", cli_json_text(it->name));
    json_object_set_new(object, "machine", cli_json_text(machine));
    json_object_set_new(object, "what", cli_json_text(it->what));
    return object;
}

json_t *probe_json_case(const char *machine, const weft_probe_case *it, const weft_probe_case_result *result)
{
    json_t *object = begin_case(machine, it), *runs = json_array();
    json_object_set_new(object, "quantity", cli_json_text(result->quantity));
    json_object_set_new(object, "value", cli_json_number(result->value));
    json_object_set_new(object, "unit", cli_json_text(result->unit));
    add_result(object, result->runs[0].result);
    for (size_t i = 0; i < result->run_count && result->run_count > 1; i++) {
        json_t *run = json_object();
        json_object_set_new(run, "label", cli_json_text(result->runs[i].label));
        add_result(run, result->runs[i].result);
        json_array_append_new(runs, run);
    }
    json_object_set_new(object, "runs", runs);
    json_object_set_new(object, "claim", result->has_claim ? cli_json_text(result->claim) : json_null());
    json_object_set_new(object, "holds", result->has_claim ? json_boolean(result->holds) : json_null());
    return object;
}

json_t *probe_json_skipped(const char *machine, const weft_probe_case *it, const char *reason)
{
    json_t *object = begin_case(machine, it);
    json_object_set_new(object, "skipped", cli_json_text(reason));
    return object;
}
