#include "sim/tile/kernel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/tile/tile_impl.h"

struct weft__kernel_run {
    weft__pes *pes;
    weft__kernel_request request;
    weft__launch *launch;
    weft__time begin;
    weft_tile *tiles; /* by their place in the launch */
    uint32_t *cpus;
};

/* ---- a PE ---- */

const char *weft__tile_kernel_name(const weft_tile *tl)
{
    return tl->run->request.name;
}

static void begin_tile(weft_tile *tl)
{
    weft_sim *sim = weft__pes_sim(tl->run->pes);
    tl->start = weft__sim_now(sim);
    weft__pe_times_begin(tl->pe);
    tl->process = weft__process_start(sim, tl->start, 0, weft__tile_run, tl, weft__pe_name(tl->pe));
}

static void end_tile(weft_tile *tl)
{
    weft__kernel_run *run = tl->run;
    tl->end = weft__sim_now(weft__pes_sim(run->pes));
    tl->process = NULL;
    weft__pe_times_end(tl->pe, &tl->times);
    weft_tile **kernels = weft__pe_kernels(tl->pe);
    *kernels = tl->next;
    if (*kernels)
        begin_tile(*kernels);
    weft__launch_finish(run->launch, (size_t)(tl - run->tiles));
}

void weft__tile_run(weft__process *self, void *context)
{
    weft_tile *tl = context;
    tl->process = self;
    tl->run->request.kernel(tl, tl->run->request.arguments);
    weft__tile_enter(tl, "the end of the kernel");
    weft__pe_composites_wait(tl->pe, self);
    weft__pe_drop(tl->pe, weft__pe_tcm_address(tl->pe));
    end_tile(tl);
}

static void on_start(void *context, weft__launch *launch, size_t index)
{
    (void)launch;
    weft__kernel_run *run = context;
    weft_tile *tl = &run->tiles[index];
    weft_tile **kernels = weft__pe_kernels(tl->pe), **last = kernels;
    while (*last)
        last = &(*last)->next;
    *last = tl;
    if (*kernels == tl)
        begin_tile(tl);
}

static void on_end(void *context, weft__launch *launch)
{
    (void)launch;
    weft__kernel_run *run = context;
    if (run->request.ended)
        run->request.ended(run->request.context, run);
}

/* ---- the launch ---- */

/* Numbers the PEs of a launch along the axes. PEs of a cube follow one another, and so do cubes of a SIP. */
static void number_tiles(weft__kernel_run *run)
{
    const weft__graph *graph = weft__pes_graph(run->pes);
    const weft__node *nodes = graph->nodes;
    size_t count = run->request.count, cube_begin = 0, sip_begin = 0;
    uint32_t ids[WEFT__TILE_AXES] = {0};
    for (size_t i = 0; i <= count; i++) {
        const weft__node *last = i ? &nodes[run->cpus[i - 1]] : NULL;
        const weft__node *node = i < count ? &nodes[run->cpus[i]] : NULL;
        bool is_new_sip = !node || (last && last->sip != node->sip);
        bool is_new_cube = is_new_sip || (last && last->cube != node->cube);
        if (i && is_new_cube) {
            for (size_t j = cube_begin; j < i; j++)
                run->tiles[j].counts[TL_AXIS_PE] = (uint32_t)(i - cube_begin);
            cube_begin = i;
            ids[TL_AXIS_PE] = 0;
            ids[TL_AXIS_CUBE]++;
        }
        if (i && is_new_sip) {
            for (size_t j = sip_begin; j < i; j++)
                run->tiles[j].counts[TL_AXIS_CUBE] = ids[TL_AXIS_CUBE];
            sip_begin = i;
            ids[TL_AXIS_CUBE] = 0;
            ids[TL_AXIS_SIP]++;
        }
        if (!node)
            break;
        for (uint32_t axis = 0; axis < WEFT__TILE_AXES; axis++)
            run->tiles[i].ids[axis] = ids[axis];
        ids[TL_AXIS_PE]++;
        ids[TL_AXIS_ALL]++;
    }
    for (size_t i = 0; i < count; i++) {
        run->tiles[i].counts[TL_AXIS_SIP] = ids[TL_AXIS_SIP];
        run->tiles[i].counts[TL_AXIS_ALL] = (uint32_t)count;
    }
}

static weft_status create_run(weft__pes *pes, weft__time time, const weft__kernel_request *request,
                              weft__kernel_run **out, weft_error *err)
{
    *out = NULL;
    weft__kernel_run *run = calloc(1, sizeof *run);
    if (!run)
        return weft__fail_memory(err, sizeof *run, "a kernel launch");
    run->tiles = calloc(request->count, sizeof *run->tiles);
    run->cpus = calloc(request->count, sizeof *run->cpus);
    if (!run->tiles || !run->cpus) {
        weft__kernel_run_destroy(run);
        return weft__fail_memory(err, request->count * sizeof *run->tiles, "the PEs of a kernel launch");
    }
    run->pes = pes;
    run->request = *request;
    run->begin = time;
    for (size_t i = 0; i < request->count; i++) {
        run->cpus[i] = request->cpus[i];
        run->tiles[i] =
            (weft_tile){.run = run, .pe = weft__pe_of(pes, request->cpus[i]), .start = WEFT__NEVER, .end = WEFT__NEVER};
    }
    run->request.cpus = run->cpus;
    number_tiles(run);
    *out = run;
    return WEFT_OK;
}

weft_status weft__kernel_launch(weft__pes *pes, weft__time time, const weft__kernel_request *request,
                                weft__kernel_run **out, weft_error *err)
{
    weft_status status = create_run(pes, time, request, out, err);
    if (status != WEFT_OK)
        return status;
    weft__kernel_run *run = *out;
    weft__launch_request launch = {
        .cpus = run->cpus, .count = request->count, .started = on_start, .ended = on_end, .context = run};
    status = weft__launch_begin(weft__pes_fabric(pes), time, &launch, &run->launch, err);
    if (status != WEFT_OK) {
        weft__kernel_run_destroy(run);
        *out = NULL;
    }
    return status;
}

void weft__kernel_run_destroy(weft__kernel_run *run)
{
    if (!run)
        return;
    weft__launch_destroy(run->launch);
    free(run->tiles);
    free(run->cpus);
    free(run);
}

/* ---- what became of it ---- */

size_t weft__kernel_run_count(const weft__kernel_run *run)
{
    return run->request.count;
}

void weft__kernel_run_report(const weft__kernel_run *run, size_t index, weft__kernel_report *out)
{
    const weft_tile *tl = &run->tiles[index];
    *out = (weft__kernel_report){.pe = weft__pe_name(tl->pe), .start = tl->start, .end = tl->end, .times = tl->times};
}

weft__time weft__kernel_run_begin_ps(const weft__kernel_run *run)
{
    return run->begin;
}

weft__time weft__kernel_run_end_ps(const weft__kernel_run *run)
{
    return weft__launch_end_ps(run->launch);
}

weft_status weft__kernel_run_check(const weft__kernel_run *run, weft_error *err)
{
    if (weft__kernel_run_end_ps(run) != WEFT__NEVER)
        return WEFT_OK;
    char list[384] = "";
    size_t used = 0, waiting = 0;
    for (size_t i = 0; i < run->request.count; i++) {
        const weft_tile *tl = &run->tiles[i];
        if (tl->end != WEFT__NEVER)
            continue;
        waiting++;
        if (used >= sizeof list)
            continue;
        const char *comma = waiting > 1 ? "," : "";
        if (tl->start == WEFT__NEVER)
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s %s has not begun", comma, weft__pe_name(tl->pe));
        else
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s %s waits in %s since %.3f ns", comma,
                                 weft__pe_name(tl->pe), tl->call ? tl->call : "no call", (double)tl->call_ps / 1000);
    }
    if (waiting == 0)
        return weft__fail(err, WEFT_DEADLOCK,
                          "Deadlock: kernel '%s' has ended on all %zu PEs, but the host has not heard of it.",
                          run->request.name, run->request.count);
    return weft__fail(err, WEFT_DEADLOCK,
                      "Deadlock: kernel '%s' has not ended on %zu of %zu PEs, and nothing happens any more:%s%s",
                      run->request.name, waiting, run->request.count, list, used < sizeof list ? "." : "...");
}
