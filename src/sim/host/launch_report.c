/* What a launch took, put together from what its PEs counted. */
#include <stdio.h>

#include "base/size.h"
#include "sim/host/host_impl.h"

#define PS_PER_NS 1000u

/* When the launch was under way. */
typedef struct launch_span {
    uint64_t start, finish;
} launch_span;

static launch_span span_of(const weft__kernel_run *run)
{
    launch_span span = {WEFT__NEVER, 0};
    for (size_t i = 0; i < weft__kernel_run_count(run); i++) {
        weft__kernel_report pe;
        weft__kernel_run_report(run, i, &pe);
        span.start = pe.start < span.start ? pe.start : span.start;
        span.finish = pe.end > span.finish ? pe.end : span.finish;
    }
    return span;
}

static void add_engine(weft_engine_time *to, const weft__engine_times *times, uint64_t idle_ps)
{
    to->busy_ps += times->busy_ps;
    to->stall_ps += times->stall_ps;
    to->idle_ps += times->idle_ps + idle_ps;
    to->bytes += times->bytes;
}

/* Adds what one PE did; what is left of the launch's time is idle. */
static void add_pe(weft_launch_report *out, const weft__kernel_report *pe)
{
    const weft__pe_times *times = &pe->times;
    const uint64_t *processor = times->processor_ps;
    uint64_t idle_ps = out->makespan_ps - (pe->end - pe->start);
    out->spent_ps[WEFT_PE_TIME_DISPATCH] += processor[WEFT__PE_DISPATCH];
    out->spent_ps[WEFT_PE_TIME_COMPUTE] +=
        processor[WEFT__PE_WAIT_GEMM] + processor[WEFT__PE_WAIT_MATH] + times->composite_compute_ps;
    out->spent_ps[WEFT_PE_TIME_DMA] += processor[WEFT__PE_WAIT_READ] + processor[WEFT__PE_WAIT_WRITE] +
                                       processor[WEFT__PE_WAIT_COMPOSITE] - times->composite_compute_ps;
    out->spent_ps[WEFT_PE_TIME_QUEUE] += processor[WEFT__PE_WAIT_QUEUE];
    out->spent_ps[WEFT_PE_TIME_BARRIER] += processor[WEFT__PE_WAIT_BARRIER];
    out->spent_ps[WEFT_PE_TIME_IDLE] += idle_ps;
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++)
        add_engine(&out->engines[kind], &times->engines[kind], idle_ps);
    add_engine(&out->engines[WEFT__STAGE_KINDS], &times->queue, idle_ps);
    out->pes++;
    out->commands += times->commands;
    out->tiles += times->tiles;
    out->messages += times->messages;
    out->macs += times->macs;
    out->memory_bytes += times->memory_bytes;
    out->compute_bound_ps += times->macs_ps;
}

/* MB/s that one PE has to itself: its slice of HBM, or where there is none its share of the SRAM. */
static double memory_mbs(const weft__graph *graph)
{
    const weft__cube_spec *cube = &graph->spec->cube;
    double slice_gbs = cube->hbm.channels * cube->hbm.channel_gbs;
    if (cube->hbm.gib == 0)
        return cube->sram.link_gbs * 1000 / graph->pes;
    return (slice_gbs < cube->hbm.link_gbs ? slice_gbs : cube->hbm.link_gbs) * 1000;
}

/* Begins a report, with all that does not depend on a PE. */
static launch_span begin_report(const weft_kernel_launch *launch, weft_launch_report *out)
{
    launch_span span = span_of(launch->run);
    *out = (weft_launch_report){.begin_ps = weft__kernel_run_begin_ps(launch->run),
                                .end_ps = weft__kernel_run_end_ps(launch->run),
                                .makespan_ps = span.finish - span.start};
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++)
        out->engines[kind].engine = weft__pe_engine_name((weft__stage_kind)kind);
    out->engines[WEFT__STAGE_KINDS].engine = "queue";
    return span;
}

/* Ends it: spreads the bounds over the PEs. */
static void end_report(const weft_kernel_launch *launch, weft_launch_report *out)
{
    double memory_ps = (double)out->memory_bytes * 1e6 / memory_mbs(weft__simulation_graph(launch->simulation));
    out->compute_bound_ps /= out->pes;
    out->memory_bound_ps = (uint64_t)(memory_ps / out->pes);
    uint64_t bound_ps = out->compute_bound_ps > out->memory_bound_ps ? out->compute_bound_ps : out->memory_bound_ps;
    out->roofline_fraction = out->makespan_ps ? (double)bound_ps / (double)out->makespan_ps : 0;
}

_Static_assert(WEFT_ENGINES == WEFT__STAGE_KINDS + 1, "each engine has its line");

void weft_kernel_launch_get_report(const weft_kernel_launch *launch, weft_launch_report *out)
{
    *out = (weft_launch_report){0};
    if (!launch->has_ended)
        return;
    launch_span span = begin_report(launch, out);
    out->start_ps = span.start;
    out->finish_ps = span.finish;
    for (size_t i = 0; i < weft__kernel_run_count(launch->run); i++) {
        weft__kernel_report pe;
        weft__kernel_run_report(launch->run, i, &pe);
        add_pe(out, &pe);
    }
    end_report(launch, out);
}

void weft_kernel_launch_get_report_of(const weft_kernel_launch *launch, size_t index, char pe[48],
                                      weft_launch_report *out)
{
    weft__kernel_report report;
    *out = (weft_launch_report){0};
    pe[0] = '\0';
    if (index >= weft__kernel_run_count(launch->run))
        return;
    weft__kernel_run_report(launch->run, index, &report);
    (void)snprintf(pe, 48, "%s", report.pe);
    if (!launch->has_ended)
        return;
    (void)begin_report(launch, out);
    out->start_ps = report.start;
    out->finish_ps = report.end;
    add_pe(out, &report);
    end_report(launch, out);
}

void weft_launch_report_add(weft_launch_report *sum, const weft_launch_report *one)
{
    if (one->pes == 0)
        return;
    if (sum->pes == 0) {
        *sum = *one;
        return;
    }
    sum->begin_ps = weft__min_size(sum->begin_ps, one->begin_ps);
    sum->start_ps = weft__min_size(sum->start_ps, one->start_ps);
    sum->finish_ps = weft__max_size(sum->finish_ps, one->finish_ps);
    sum->end_ps = weft__max_size(sum->end_ps, one->end_ps);
    sum->makespan_ps += one->makespan_ps;
    sum->pes = one->pes > sum->pes ? one->pes : sum->pes;
    for (size_t i = 0; i < WEFT_PE_TIMES; i++)
        sum->spent_ps[i] += one->spent_ps[i];
    for (size_t i = 0; i < WEFT_ENGINES; i++) {
        sum->engines[i].busy_ps += one->engines[i].busy_ps;
        sum->engines[i].stall_ps += one->engines[i].stall_ps;
        sum->engines[i].idle_ps += one->engines[i].idle_ps;
        sum->engines[i].bytes += one->engines[i].bytes;
    }
    sum->commands += one->commands;
    sum->tiles += one->tiles;
    sum->messages += one->messages;
    sum->macs += one->macs;
    sum->memory_bytes += one->memory_bytes;
    sum->compute_bound_ps += one->compute_bound_ps;
    sum->memory_bound_ps += one->memory_bound_ps;
    uint64_t bound = sum->compute_bound_ps > sum->memory_bound_ps ? sum->compute_bound_ps : sum->memory_bound_ps;
    sum->roofline_fraction = sum->makespan_ps > 0 ? (double)bound / (double)sum->makespan_ps : 0;
}
