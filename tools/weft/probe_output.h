/* What `weft probe` prints of flows and cases: JSON, and tables for people. */
#ifndef WEFT_CLI_PROBE_OUTPUT_H
#define WEFT_CLI_PROBE_OUTPUT_H

#include <jansson.h>

#include <weft/probe.h>

/* The flow that took longest, the first among equals; NULL if there is none. */
const weft_flow_result *probe_slowest(const weft_probe_result *result);

/* Picoseconds as nanoseconds. */
json_t *probe_json_ns(uint64_t ps);
/* The hash as 16 hexadecimal digits: it has more bits than a number in JSON can be trusted with. */
json_t *probe_json_hash(uint64_t hash);

/* Flows that were run together. Of the whole it says the latency, parts, route and utilisation of the slowest. */
json_t *probe_json_result(const char *machine, const weft_probe_result *result);
json_t *probe_json_case(const char *machine, const weft_probe_case *it, const weft_probe_case_result *result);
json_t *probe_json_skipped(const char *machine, const weft_probe_case *it, const char *reason);

/* The machine, in a line. */
void probe_out_machine(const weft_machine *machine);
/* The heads of the tables below; they begin with `what`. */
void probe_out_heads(const char *what);
/* A row, or some, and the claim. */
void probe_out_case(const weft_probe_case *it, const weft_probe_case_result *result);
void probe_out_skipped(const weft_probe_case *it, const char *reason);
/* A table with a row for each flow, and what they give together. */
void probe_out_flows(const weft_probe_result *result);
/* The way of a flow, node by node. */
void probe_out_route(const weft_flow_result *flow);

#endif
