/* A machine whose PEs run kernels, for suites: a machine file with settings, its fabric and transfers, its PEs, and
 * launches on some of them. Whatever cannot be made fails the test. */
#ifndef WEFT_TESTS_SIM_TILE_BENCH_H
#define WEFT_TESTS_SIM_TILE_BENCH_H

#include "fabric_bench.h"

#include <stdio.h>
#include <string.h>

#include "sim/machine/address.h"
#include "sim/machine/load.h"
#include "sim/tile/kernel.h"

typedef struct tile_bench {
    weft__machine_spec *spec;
    fabric_bench base;
    weft__pes *pes;
    weft__kernel_run *run;
} tile_bench;

/* `machine` is a file's name without its folder and suffix; settings are in pairs, and NULL after the last. */
static inline void open_tile_bench_in(tile_bench *it, const char *machine, const char *const *settings,
                                      weft__flit_mode mode)
{
    char path[512];
    weft_error err;
    weft_machine_setting given[16];
    size_t count = 0;
    for (; settings && settings[2 * count]; count++)
        given[count] = (weft_machine_setting){settings[2 * count], settings[2 * count + 1]};
    (void)snprintf(path, sizeof path, "%s/machines/%s.yaml", WEFT_SOURCE_DIR, machine);
    *it = (tile_bench){0};
    WEFT_TEST_ASSERT_OK(weft__machine_load(path, given, count, &it->spec, &err), err);
    open_bench(&it->base, it->spec, mode);
    WEFT_TEST_ASSERT_OK(weft__pes_create(it->base.fabric, it->base.transfers, &it->pes, &err), err);
}

static inline void open_tile_bench(tile_bench *it, const char *machine, const char *const *settings)
{
    open_tile_bench_in(it, machine, settings, WEFT__FLITS_TRAINS);
}

static inline void close_tile_bench(tile_bench *it)
{
    weft__sim_destroy(it->base.sim);
    it->base.sim = NULL;
    weft__kernel_run_destroy(it->run);
    weft__pes_destroy(it->pes);
    close_bench(&it->base);
    weft__machine_spec_destroy(it->spec);
}

/* The processors of the first PEs of a machine; `count` 0: of all, and *count becomes their number. */
static inline uint32_t *first_cpus(const tile_bench *it, size_t *count)
{
    const weft__graph *graph = it->base.graph;
    uint32_t *cpus = malloc(graph->node_count * sizeof *cpus);
    size_t found = 0;
    for (uint32_t node = 0; node < graph->node_count && (*count == 0 || found < *count); node++)
        if (graph->nodes[node].kind == WEFT__NODE_PE_CPU)
            cpus[found++] = node;
    *count = found;
    return cpus;
}

/* Launches on the first `count` PEs, 0 for all, at the present time. */
static inline void launch_kernel(tile_bench *it, weft_tile_kernel *kernel, const void *arguments, size_t count)
{
    weft_error err;
    uint32_t *cpus = first_cpus(it, &count);
    const weft__kernel_request request = {
        .name = "kernel", .kernel = kernel, .arguments = arguments, .cpus = cpus, .count = count};
    WEFT_TEST_ASSERT_OK(weft__kernel_launch(it->pes, weft__sim_now(it->base.sim), &request, &it->run, &err), err);
    free(cpus);
}

/* Launches, runs to the end, and gives the report of the first PE. */
static inline weft__kernel_report run_kernel(tile_bench *it, weft_tile_kernel *kernel, const void *arguments,
                                             size_t count)
{
    weft_error err;
    weft__kernel_report report;
    weft__kernel_run_destroy(it->run);
    launch_kernel(it, kernel, arguments, count);
    run_bench(&it->base);
    WEFT_TEST_ASSERT_OK(weft__kernel_run_check(it->run, &err), err);
    weft__kernel_run_report(it->run, 0, &report);
    return report;
}

/* Time of a kernel on the first PE. */
static inline uint64_t kernel_ps(tile_bench *it, weft_tile_kernel *kernel, const void *arguments)
{
    weft__kernel_report report = run_kernel(it, kernel, arguments, 1);
    return report.end - report.start;
}

/* ---- queues ---- */

/* A launch on PEs by their places in the machine, ascending, with queues among them. */
typedef struct queued_launch {
    weft_tile_kernel *kernel;
    const void *arguments;
    const uint32_t *pes;
    size_t count;
    const weft__ipcq_pair *pairs;
    size_t pair_count;
    uint32_t group_size, group_stride;
} queued_launch;

static inline weft_status try_queued(tile_bench *it, const queued_launch *launch, weft__kernel_run **out,
                                     weft_error *err)
{
    const weft__graph *graph = it->base.graph;
    uint32_t cpus[256];
    for (size_t i = 0; i < launch->count; i++) {
        uint32_t cube = launch->pes[i] / graph->pes;
        cpus[i] = weft__graph_node(graph, WEFT__NODE_PE_CPU, cube / graph->cubes, cube % graph->cubes,
                                   launch->pes[i] % graph->pes);
    }
    const weft__kernel_request request = {.name = "kernel",
                                          .kernel = launch->kernel,
                                          .arguments = launch->arguments,
                                          .cpus = cpus,
                                          .count = launch->count,
                                          .group_size = launch->group_size,
                                          .group_stride = launch->group_stride,
                                          .pairs = launch->pairs,
                                          .pair_count = launch->pair_count};
    return weft__kernel_launch(it->pes, weft__sim_now(it->base.sim), &request, out, err);
}

/* Launches, and runs to the end. */
static inline void run_queued(tile_bench *it, const queued_launch *launch)
{
    weft_error err;
    weft__kernel_run_destroy(it->run);
    WEFT_TEST_ASSERT_OK(try_queued(it, launch, &it->run, &err), err);
    run_bench_dry(&it->base);
    WEFT_TEST_ASSERT_OK(weft__kernel_run_check(it->run, &err), err);
}

/* Two PEs with a queue each way: the second is next of the first. */
static inline void lay_pair(uint32_t first, uint32_t second, weft__ipcq_pair out[2])
{
    out[0] = (weft__ipcq_pair){first, second, TL_NEXT, TL_PREVIOUS};
    out[1] = (weft__ipcq_pair){second, first, TL_PREVIOUS, TL_NEXT};
}

/* A ring of PEs, both ways round: 2 * count queues. */
static inline void lay_ring(const uint32_t *pes, uint32_t count, weft__ipcq_pair *out)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t next = pes[(i + 1) % count];
        out[2 * i] = (weft__ipcq_pair){pes[i], next, TL_NEXT, TL_PREVIOUS};
        out[2 * i + 1] = (weft__ipcq_pair){next, pes[i], TL_PREVIOUS, TL_NEXT};
    }
}

/* An address in a memory of SIP 0. */
static inline uint64_t address_in(const tile_bench *it, weft__region region, uint32_t cube, uint32_t unit,
                                  uint64_t offset)
{
    weft_error err;
    uint64_t address = 0;
    const weft__location location = {.region = region, .cube = cube, .unit = unit, .offset = offset};
    WEFT_TEST_ASSERT_OK(weft__address_of(it->base.graph, &location, &address, &err), err);
    return address;
}

#endif
