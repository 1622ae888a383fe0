/* What the cases do. Those that a published figure stands behind are called as that is. */
#include <stdio.h>

#include "sim/probe/cases.h"

enum {
    KIB = 1024
};

/* ---- places ---- */

static uint32_t pe_at(const weft__case_plan *plan, uint32_t sip, uint32_t cube, uint32_t pe)
{
    return weft__graph_node(plan->graph, WEFT__NODE_DMA, sip, cube, pe);
}

static uint32_t slice_at(const weft__case_plan *plan, uint32_t sip, uint32_t cube, uint32_t pe)
{
    return weft__graph_node(plan->graph, WEFT__NODE_HBM, sip, cube, pe);
}

static uint32_t host_of(const weft__case_plan *plan)
{
    return weft__graph_node(plan->graph, WEFT__NODE_HOST, 0, 0, 0);
}

static void need_hbm(weft__case_plan *plan)
{
    if (plan->graph->spec->cube.hbm.gib == 0)
        weft__case_lacks(plan, "The machine has no HBM.");
}

static void need_pes(weft__case_plan *plan, uint32_t pes)
{
    if (plan->graph->pes < pes)
        weft__case_lacks(plan, "The case needs %u PEs in a cube, and the machine has %u.", pes, plan->graph->pes);
}

static void need_cubes(weft__case_plan *plan, uint32_t cubes)
{
    if (plan->graph->cubes < cubes)
        weft__case_lacks(plan, "The case needs %u cubes in a SIP, and the machine has %u.", cubes, plan->graph->cubes);
}

static void need_sips(weft__case_plan *plan, uint32_t sips)
{
    if (plan->graph->spec->system.sips < sips)
        weft__case_lacks(plan, "The case needs %u SIPs, and the machine has %u.", sips, plan->graph->spec->system.sips);
}

static void need_host(weft__case_plan *plan)
{
    if (plan->graph->spec->cube.ucie.connections == 0)
        weft__case_lacks(plan, "The machine's cubes have no connection to the host.");
}

/* ---- PEs and their memories ---- */

static void plan_one_read(weft__case_plan *plan, uint32_t reader, uint64_t bytes)
{
    need_hbm(plan);
    need_pes(plan, reader + 1);
    if (!weft__case_goes_on(plan))
        return;
    weft__case_add_run(plan, "read");
    weft__case_add_flow(plan, pe_at(plan, 0, 0, reader), slice_at(plan, 0, 0, 0), bytes, false);
}

static void plan_dma_local(weft__case_plan *plan)
{
    plan_one_read(plan, 0, 16 * KIB);
}

static void plan_dma_neighbour(weft__case_plan *plan)
{
    plan_one_read(plan, 1, 16 * KIB);
}

static void plan_probe_64k(weft__case_plan *plan)
{
    plan_one_read(plan, 0, 64 * KIB);
}

/* The first `readers` PEs of the first cube read one slice at once. */
static void plan_readers(weft__case_plan *plan, uint32_t readers)
{
    need_hbm(plan);
    need_pes(plan, readers > 2 ? readers : 2);
    if (!weft__case_goes_on(plan))
        return;
    weft__case_add_run(plan, "%u readers", readers);
    for (uint32_t pe = 0; pe < readers; pe++)
        weft__case_add_flow(plan, pe_at(plan, 0, 0, pe), slice_at(plan, 0, 0, 0), 16 * KIB, false);
}

static void plan_dma_two_issuers(weft__case_plan *plan)
{
    plan_readers(plan, 2);
}

static void plan_dma_hotspot(weft__case_plan *plan)
{
    plan_readers(plan, plan->graph->pes);
}

/* All PEs of the first SIP read at once, each the slice of the PE that is `by` further in its cube. */
static void plan_all_read(weft__case_plan *plan, uint32_t by)
{
    const weft__graph *graph = plan->graph;
    need_hbm(plan);
    need_pes(plan, by + 1);
    if (!weft__case_goes_on(plan))
        return;
    weft__case_add_run(plan, "all PEs of a SIP");
    for (uint32_t cube = 0; cube < graph->cubes; cube++)
        for (uint32_t pe = 0; pe < graph->pes; pe++)
            weft__case_add_flow(plan, pe_at(plan, 0, cube, pe), slice_at(plan, 0, cube, (pe + by) % graph->pes),
                                16 * KIB, false);
}

static void plan_dma_local_all(weft__case_plan *plan)
{
    plan_all_read(plan, 0);
}

static void plan_dma_neighbours_all(weft__case_plan *plan)
{
    plan_all_read(plan, 1);
}

static void add_distance(weft__case_plan *plan, const char *label, uint32_t target)
{
    weft__case_add_run(plan, "%s", label);
    weft__case_add_flow(plan, pe_at(plan, 0, 0, 0), target, 16 * KIB, false);
}

static void plan_dma_distance(weft__case_plan *plan)
{
    const weft__graph *graph = plan->graph;
    uint32_t last_pe = graph->pes - 1, last_cube = graph->cubes - 1, last_sip = graph->spec->system.sips - 1;
    if (graph->spec->cube.hbm.gib) {
        add_distance(plan, "own slice", slice_at(plan, 0, 0, 0));
        if (last_pe >= 1)
            add_distance(plan, "slice of the neighbour", slice_at(plan, 0, 0, 1));
        if (last_pe >= 2)
            add_distance(plan, "slice of the last PE", slice_at(plan, 0, 0, last_pe));
        if (last_cube >= 1)
            add_distance(plan, "slice in the next cube", slice_at(plan, 0, 1, 0));
        if (last_cube >= 2)
            add_distance(plan, "slice in the last cube", slice_at(plan, 0, last_cube, last_pe));
        if (last_sip >= 1)
            add_distance(plan, "slice in the last SIP", slice_at(plan, last_sip, 0, 0));
    }
    if (graph->spec->cube.sram.mib)
        add_distance(plan, "SRAM of the cube", weft__graph_node(graph, WEFT__NODE_SRAM, 0, 0, 0));
    if (last_pe >= 1)
        add_distance(plan, "TCM of the neighbour", pe_at(plan, 0, 0, 1));
    if (last_pe >= 2)
        add_distance(plan, "TCM of the last PE", pe_at(plan, 0, 0, last_pe));
    if (plan->run_count < 2)
        weft__case_lacks(plan, "The machine has too few memories to compare distances.");
}

static void plan_cross_sip(weft__case_plan *plan)
{
    need_hbm(plan);
    need_sips(plan, 2);
    if (!weft__case_goes_on(plan))
        return;
    static const char *const labels[] = {"one PE reads", "one PE writes", "the PEs of a cube read"};
    for (uint32_t i = 0; i < 3; i++) {
        weft__case_add_run(plan, "%s", labels[i]);
        for (uint32_t pe = 0; pe < (i == 2 ? plan->graph->pes : 1); pe++)
            weft__case_add_flow(plan, pe_at(plan, 0, 0, pe), slice_at(plan, 1, 0, pe), 16 * KIB, i == 1);
    }
}

/* ---- sizes ---- */

static void add_sizes(weft__case_plan *plan, uint32_t source, uint32_t target, bool is_write)
{
    for (uint64_t bytes = 256; bytes <= 1024 * KIB && weft__case_goes_on(plan); bytes *= 2) {
        weft__case_add_run(plan, "%llu bytes", (unsigned long long)bytes);
        weft__case_add_flow(plan, source, target, bytes, is_write);
    }
}

static void plan_dma_sizes(weft__case_plan *plan)
{
    need_hbm(plan);
    if (weft__case_goes_on(plan))
        add_sizes(plan, pe_at(plan, 0, 0, 0), slice_at(plan, 0, 0, 0), false);
}

static void plan_dma_sizes_far(weft__case_plan *plan)
{
    need_hbm(plan);
    need_cubes(plan, 2);
    if (weft__case_goes_on(plan))
        add_sizes(plan, pe_at(plan, 0, 0, 0), slice_at(plan, 0, plan->graph->cubes - 1, plan->graph->pes - 1), false);
}

static void plan_h2d_sizes(weft__case_plan *plan)
{
    need_hbm(plan);
    need_host(plan);
    if (weft__case_goes_on(plan))
        add_sizes(plan, host_of(plan), slice_at(plan, 0, 0, 0), true);
}

/* ---- the host ---- */

static void plan_host(weft__case_plan *plan, uint64_t bytes, bool has_write, bool has_read)
{
    need_hbm(plan);
    need_host(plan);
    for (int is_write = 1; is_write >= 0 && weft__case_goes_on(plan); is_write--) {
        if (!(is_write ? has_write : has_read))
            continue;
        weft__case_add_run(plan, is_write ? "write" : "read");
        weft__case_add_flow(plan, host_of(plan), slice_at(plan, 0, 0, 0), bytes, is_write);
    }
}

static void plan_h2d_64k(weft__case_plan *plan)
{
    plan_host(plan, 64 * KIB, true, false);
}

static void plan_d2h_64k(weft__case_plan *plan)
{
    plan_host(plan, 64 * KIB, false, true);
}

static void plan_h2d_ge(weft__case_plan *plan)
{
    plan_host(plan, 32 * KIB, true, true);
}

/* ---- claims ---- */

static bool judge_h2d_ge(const weft_probe_case_result *result, char claim[WEFT__CASE_CLAIM_BYTES])
{
    uint64_t write_ps = weft__case_slowest(result->runs[0].result)->latency_ps;
    uint64_t read_ps = weft__case_slowest(result->runs[1].result)->latency_ps;
    (void)snprintf(claim, WEFT__CASE_CLAIM_BYTES,
                   "The host's read takes no less than its write: %" WEFT__NS_FORMAT " ns and %" WEFT__NS_FORMAT " ns.",
                   WEFT__NS(read_ps), WEFT__NS(write_ps));
    return read_ps >= write_ps;
}

static bool judge_probe_64k(const weft_probe_case_result *result, char claim[WEFT__CASE_CLAIM_BYTES])
{
    const weft_flow_result *flow = weft__case_slowest(result->runs[0].result);
    (void)snprintf(claim, WEFT__CASE_CLAIM_BYTES,
                   "64 KiB reach 90 %% or more of the %g GB/s of the slowest place on their way: %.1f %%.",
                   flow->bottleneck_gbs, 100 * flow->utilisation);
    return flow->utilisation >= 0.9;
}

/* ---- the table ---- */

static const weft__case cases[] = {
    {"dma_local", "A PE reads 16 KiB of its own slice of HBM.", WEFT__CASE_LATENCY, .plan = plan_dma_local},
    {"dma_neighbour", "A PE reads 16 KiB of the slice of its neighbour in the cube.", WEFT__CASE_LATENCY,
     .plan = plan_dma_neighbour},
    {"dma_two_issuers", "Two PEs of a cube read 16 KiB of one slice at once.", WEFT__CASE_MAKESPAN,
     .plan = plan_dma_two_issuers},
    {"dma_hotspot", "All PEs of a cube read 16 KiB of one slice at once.", WEFT__CASE_MAKESPAN,
     .plan = plan_dma_hotspot},
    {"dma_local_all", "All PEs of a SIP read 16 KiB of their own slices at once.", WEFT__CASE_AGGREGATE,
     .plan = plan_dma_local_all},
    {"dma_neighbours_all", "All PEs of a SIP read 16 KiB of their neighbours' slices at once.", WEFT__CASE_AGGREGATE,
     .plan = plan_dma_neighbours_all},
    {"dma_distance", "A PE reads 16 KiB of each kind of memory, ever farther away.", WEFT__CASE_LATENCY,
     .plan = plan_dma_distance},
    {"dma_sizes", "A PE reads from 256 bytes to 1 MiB of its own slice.", WEFT__CASE_LATENCY, .plan = plan_dma_sizes},
    {"dma_sizes_far", "A PE reads from 256 bytes to 1 MiB of a slice in the last cube.", WEFT__CASE_LATENCY,
     .plan = plan_dma_sizes_far},
    {"cross_sip", "PEs read and write 16 KiB of slices in another SIP.", WEFT__CASE_LATENCY, .plan = plan_cross_sip},
    {"h2d_64k", "The host writes 64 KiB to a slice.", WEFT__CASE_LATENCY, .plan = plan_h2d_64k},
    {"d2h_64k", "The host reads 64 KiB of a slice.", WEFT__CASE_LATENCY, .plan = plan_d2h_64k},
    {"h2d_sizes", "The host writes from 256 bytes to 1 MiB to a slice.", WEFT__CASE_LATENCY, .plan = plan_h2d_sizes},
    {"h2d_ge", "The host writes and reads 32 KiB of a slice.", WEFT__CASE_RELATION, "d2h>=h2d", plan_h2d_ge,
     judge_h2d_ge, NULL},
    {"probe_hops", "A PE reads 32 KiB of slices, each more hops away than the one before.", WEFT__CASE_RELATION,
     "monotonic", weft__case_plan_hops, weft__case_judge_hops, NULL},
    {"probe_64k", "A PE reads 64 KiB of its own slice.", WEFT__CASE_UTILISATION, .plan = plan_probe_64k,
     .judge = judge_probe_64k},
    {"credit", "What a queue's credit costs between neighbouring PEs, by the published formula.", WEFT__CASE_RELATION,
     "formula", .simulate = weft__case_simulate_credit},
    {"launch_spread", "A kernel that does nothing, launched on all PEs.", WEFT__CASE_SPREAD,
     .simulate = weft__case_simulate_launch},
};

const weft__case *weft__case_at(size_t index)
{
    return index < sizeof cases / sizeof cases[0] ? &cases[index] : NULL;
}
