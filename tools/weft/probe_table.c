#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "probe_output.h"

#define LABEL_COLUMNS 27
#define LABEL_BYTES 160

/* A column of times in nanoseconds. */
typedef struct column {
    const char *head;
    int width;
} column;

static const column part_columns[WEFT_FLOW_PARTS] = {{"setup", 6},      {"routers", 8}, {"UCIe", 8},    {"wire", 8},
                                                     {"streaming", 10}, {"memory", 7},  {"queueing", 9}};

void probe_out_machine(const weft_machine *machine)
{
    weft_machine_info info;
    weft_machine_get_info(machine, &info);
    cli_out("machine ");
    cli_out_name(info.name);
    cli_out(": SIPs %" PRIu32 ", cubes in each %" PRIu32 " x %" PRIu32 ", PEs in each %" PRIu32 "\n", info.sips,
            info.cube_rows, info.cube_columns, info.pes);
}

/* The heads of a table whose rows have something of their own in the first two columns. */
static void out_heads(const char *what, int columns, const char *second, const char *second_unit)
{
    cli_out("\n%-*s %9s %10s", columns, what, second, "latency");
    for (size_t i = 0; i < WEFT_FLOW_PARTS; i++)
        cli_out(" %*s", part_columns[i].width, part_columns[i].head);
    cli_out(" %9s %5s\n%-*s %9s %10s", "bandwidth", "used", columns, "", second_unit, "ns");
    for (size_t i = 0; i < WEFT_FLOW_PARTS; i++)
        cli_out(" %*s", part_columns[i].width, "ns");
    cli_out(" %9s %5s\n", "GB/s", "%");
}

void probe_out_heads(const char *what)
{
    out_heads(what, LABEL_COLUMNS, "flows", "");
}

static void out_ns(uint64_t ps, int width)
{
    char text[40];
    snprintf(text, sizeof text, "%" PRIu64 ".%03" PRIu64, ps / 1000, ps % 1000);
    cli_out(" %*s", width, text);
}

/* What all tables have behind their first two columns. */
static void out_numbers(const weft_flow_result *flow, double bandwidth_gbs)
{
    out_ns(flow->latency_ps, 10);
    for (size_t i = 0; i < WEFT_FLOW_PARTS; i++)
        out_ns(flow->parts_ps[i], part_columns[i].width);
    cli_out(" %9.2f %5.1f\n", bandwidth_gbs, 100 * flow->utilisation);
}

/* The row of a run: the slowest of its flows, and the bandwidth of all. */
static void out_run(const char *label, const weft_probe_result *result)
{
    const weft_flow_result *slowest = probe_slowest(result);
    if (slowest) {
        cli_out("%-*s %9zu", LABEL_COLUMNS, label, result->flow_count);
        out_numbers(slowest, result->bandwidth_gbs);
        return;
    }
    cli_out("%-*s %9s", LABEL_COLUMNS, label, "");
    out_ns(result->makespan_ps, 10);
    cli_out("\n");
}

void probe_out_case(const weft_probe_case *it, const weft_probe_case_result *result)
{
    char label[LABEL_BYTES];
    if (result->run_count > 1)
        cli_out("%s\n", it->name);
    for (size_t i = 0; i < result->run_count; i++) {
        snprintf(label, sizeof label, "  %s", result->runs[i].label);
        out_run(result->run_count > 1 ? label : it->name, result->runs[i].result);
    }
    if (!result->has_claim)
        return;
    const char *verdict = result->holds ? "  holds: " : "  DOES NOT HOLD: ";
    cli_out("%s", verdict);
    cli_out_wrapped(result->claim, strlen(verdict), strlen(verdict));
}

void probe_out_skipped(const weft_probe_case *it, const char *reason)
{
    cli_out("%-*s skipped: %s\n", LABEL_COLUMNS, it->name, reason);
}

static void label_flow(const weft_flow_result *flow, char label[LABEL_BYTES])
{
    snprintf(label, LABEL_BYTES, "%s %s %s", flow->source, flow->is_write ? "writes" : "reads", flow->target);
}

void probe_out_flows(const weft_probe_result *result)
{
    char label[LABEL_BYTES], bytes[CLI_BYTES_TEXT];
    int columns = LABEL_COLUMNS;
    for (size_t i = 0; i < result->flow_count; i++) {
        label_flow(&result->flows[i], label);
        columns = (int)strlen(label) > columns ? (int)strlen(label) : columns;
    }
    out_heads("flow", columns, "start", "ns");
    for (size_t i = 0; i < result->flow_count; i++) {
        label_flow(&result->flows[i], label);
        cli_out("%-*s", columns, label);
        out_ns(result->flows[i].start_ps, 9);
        out_numbers(&result->flows[i], result->flows[i].bandwidth_gbs);
    }
    cli_out("\nall: %s in", cli_bytes_text(result->bytes, bytes));
    out_ns(result->makespan_ps, 0);
    cli_out(" ns, %.2f GB/s\n", result->bandwidth_gbs);
}

void probe_out_route(const weft_flow_result *flow)
{
    cli_out("\nroute of the head, there and back           ns since start\n");
    for (size_t i = 0; i < flow->hop_count; i++) {
        cli_out("  %-40s", flow->hops[i].node);
        out_ns(flow->hops[i].time_ps, 14);
        cli_out("\n");
    }
    cli_out("  %-40s", "end, with the last flit");
    out_ns(flow->latency_ps, 14);
    cli_out("\n");
}
