/* The fabric: simulated cycles in a second of a network under uniform load, and what trains save.
 *
 * Usage: bench_fabric [--json] [FOLDER], where FOLDER holds mesh-8x8.yaml and two-sip.yaml; default: machines */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_timer.h"
#include "sim/fabric/transfer.h"
#include "sim/machine/load.h"
#include "sim/probe/traffic.h"

enum {
    ROUNDS = 5
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_fabric: %s\n", what);
    exit(1);
}

static weft__graph *load(const char *folder, const char *name, const weft_machine_setting *settings, size_t count,
                         weft__machine_spec **spec)
{
    char path[1024];
    weft_error err;
    weft__graph *graph;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (weft__machine_load(path, settings, count, spec, &err) || weft__graph_create(*spec, &graph, &err))
        fail(err.message);
    return graph;
}

/* ---- the network under load ---- */

/* The router of a usual network simulator: 8 virtual channels of 8 flits. */
static const weft_machine_setting router[] = {
    {"cube.vcs", "8"},   {"cube.buffer_flits", "8"},  {"cube.credit_ns", "2"},
    {"cube.vc_ns", "1"}, {"cube.input_speedup", "1"}, {"cube.arbitration", "round_robin"},
};

typedef struct load_row {
    const char *name;
    weft__flit_mode mode;
    size_t settings;
    double cycles_per_second, events_per_cycle, latency;
} load_row;

static load_row load_rows[] = {
    {"trains", WEFT__FLITS_TRAINS, 0, 0, 0, 0},
    {"each flit", WEFT__FLITS_EACH, 0, 0, 0, 0},
    {"virtual channels", WEFT__FLITS_EACH, sizeof router / sizeof router[0], 0, 0, 0},
};
#define LOAD_ROWS (sizeof load_rows / sizeof load_rows[0])

static void measure_load(const char *folder, load_row *row)
{
    weft__machine_spec *spec;
    weft__graph *graph = load(folder, "mesh-8x8.yaml", router, row->settings, &spec);
    weft__traffic_options options = {.rate = 0.1,
                                     .packet_flits = 16,
                                     .warmup = 1000,
                                     .cycles = row->mode == WEFT__FLITS_TRAINS ? 100000 : 20000,
                                     .seed = 1,
                                     .mode = row->mode};
    weft_error err;
    weft__traffic_result result;
    double start = bench_now_ns();
    if (weft__traffic_run(graph, &options, &result, &err))
        fail(err.message);
    double rate = (double)result.cycles_run / ((bench_now_ns() - start) * 1e-9);
    row->cycles_per_second = rate > row->cycles_per_second ? rate : row->cycles_per_second;
    row->events_per_cycle = (double)result.events / (double)result.cycles_run;
    row->latency = result.latency_mean;
    free(result.loads);
    weft__graph_destroy(graph);
    weft__machine_spec_destroy(spec);
}

/* ---- long transfers ---- */

typedef struct transfer_row {
    const char *name, *source, *target;
    uint64_t events[2];
    double ns[2]; /* on this machine, by mode */
    uint64_t latency_ps;
} transfer_row;

static transfer_row transfer_rows[] = {
    {"1 MiB, own slice", "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", {0}, {0}, 0},
    {"1 MiB, other SIP", "sip0.cube0.pe0", "sip1.cube15.pe7.hbm", {0}, {0}, 0},
};
#define TRANSFER_ROWS (sizeof transfer_rows / sizeof transfer_rows[0])

static void note_latency(void *context, const weft__transfer *transfer)
{
    transfer_row *row = context;
    row->latency_ps = weft__transfer_end_ps(transfer) - weft__transfer_begin_ps(transfer);
}

static void measure_transfer(const weft__graph *graph, transfer_row *row, weft__flit_mode mode)
{
    weft_error err;
    weft_sim *sim;
    weft__fabric *fabric;
    weft__transfers *transfers;
    weft__transfer_request request = {.bytes = 1 << 20, .ended = note_latency, .context = row};
    if (weft__sim_create(NULL, &sim, &err) || weft__fabric_create(sim, graph, mode, &fabric, &err) ||
        weft__transfers_create(fabric, &transfers, &err) ||
        weft__graph_find(graph, row->source, &request.source, &err) ||
        weft__graph_find(graph, row->target, &request.target, &err))
        fail(err.message);
    double start = bench_now_ns();
    weft__transfer_begin(transfers, 0, &request);
    if (weft__sim_run(sim, WEFT__NEVER, &err))
        fail(err.message);
    double ns = bench_now_ns() - start;
    row->ns[mode] = row->ns[mode] == 0 || ns < row->ns[mode] ? ns : row->ns[mode];
    weft__sim_info info;
    weft__sim_get_info(sim, &info);
    row->events[mode] = info.events;
    weft__sim_destroy(sim);
    weft__transfers_destroy(transfers);
    weft__fabric_destroy(fabric);
}

/* ---- output ---- */

static void print_text(void)
{
    (void)printf("8 x 8 mesh, uniform, 0.1 flits for each node and cycle, packets of 16 flits\n");
    (void)printf("%-20s %16s %16s %12s\n", "", "cycles/s", "events/cycle", "latency");
    for (size_t i = 0; i < LOAD_ROWS; i++)
        (void)printf("%-20s %16.0f %16.2f %12.2f\n", load_rows[i].name, load_rows[i].cycles_per_second,
                     load_rows[i].events_per_cycle, load_rows[i].latency);
    (void)printf("\n%-20s %12s %12s %12s %12s %10s %10s\n", "two-sip", "latency ns", "events", "of each flit", "us",
                 "each: us", "events");
    for (size_t i = 0; i < TRANSFER_ROWS; i++) {
        const transfer_row *row = &transfer_rows[i];
        (void)printf("%-20s %12.3f %12llu %12llu %12.1f %10.1f %9.0fx\n", row->name, (double)row->latency_ps * 1e-3,
                     (unsigned long long)row->events[0], (unsigned long long)row->events[1], row->ns[0] * 1e-3,
                     row->ns[1] * 1e-3, (double)row->events[1] / (double)row->events[0]);
    }
}

static void print_json(void)
{
    (void)printf("{\"mesh\": [");
    for (size_t i = 0; i < LOAD_ROWS; i++)
        (void)printf("%s{\"name\": \"%s\", \"cycles_per_second\": %.0f, \"events_per_cycle\": %.3f, \"latency\": %.3f}",
                     i ? ", " : "", load_rows[i].name, load_rows[i].cycles_per_second, load_rows[i].events_per_cycle,
                     load_rows[i].latency);
    (void)printf("],\n \"transfers\": [");
    for (size_t i = 0; i < TRANSFER_ROWS; i++) {
        const transfer_row *row = &transfer_rows[i];
        (void)printf(
            "%s{\"name\": \"%s\", \"latency_ps\": %llu, \"events\": %llu, \"events_each\": %llu, \"us\": %.1f, "
            "\"us_each\": %.1f}",
            i ? ", " : "", row->name, (unsigned long long)row->latency_ps, (unsigned long long)row->events[0],
            (unsigned long long)row->events[1], row->ns[0] * 1e-3, row->ns[1] * 1e-3);
    }
    (void)printf("]}\n");
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    int operands = argc - 1 - json;
    if (operands > 1 || (operands == 1 && argv[1 + json][0] == '-')) {
        (void)fprintf(stderr, "usage: bench_fabric [--json] [FOLDER]\n");
        return 2;
    }
    const char *folder = operands ? argv[1 + json] : "machines";
    weft__machine_spec *spec;
    weft__graph *graph = load(folder, "two-sip.yaml", NULL, 0, &spec);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < LOAD_ROWS; i++)
            measure_load(folder, &load_rows[i]);
        for (size_t i = 0; i < TRANSFER_ROWS; i++) {
            measure_transfer(graph, &transfer_rows[i], WEFT__FLITS_TRAINS);
            measure_transfer(graph, &transfer_rows[i], WEFT__FLITS_EACH);
        }
    }
    weft__graph_destroy(graph);
    weft__machine_spec_destroy(spec);
    if (json)
        print_json();
    else
        print_text();
    return 0;
}
