#include "sim/tile/kernel.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/machine/address.h"
#include "sim/tile/groups.h"
#include "sim/tile/call.h"

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
    const weft__pe_recorder *recorder = weft__pes_recorder(tl->run->pes);
    if (recorder && recorder->begun)
        recorder->begun(recorder->context, &tl->run->order, tl->pe);
    tl->process = weft__process_start_on(sim, tl->run->request.stack_bytes, tl->start, 0, weft__tile_run, tl,
                                         weft__pe_name(tl->pe));
}

static void end_tile(weft_tile *tl)
{
    weft__kernel_run *run = tl->run;
    tl->end = weft__sim_now(weft__pes_sim(run->pes));
    tl->process = NULL;
    tl->stack_begin = 0; /* the next process may have this stack */
    weft__pe_times_end(tl->pe, &tl->times);
    const weft__pe_recorder *recorder = weft__pes_recorder(run->pes);
    if (recorder && recorder->left)
        recorder->left(recorder->context, &run->order, tl->pe);
    weft_tile **kernels = weft__pe_kernels(tl->pe);
    *kernels = tl->next;
    if (*kernels)
        begin_tile(*kernels);
    weft__launch_finish(run->launch, (size_t)(tl - run->tiles));
}

/* A kernel that still holds a slot has forgotten to free it. */
static void check_slots(weft_tile *tl)
{
    const weft__ipcq_message *held = weft__ipcq_find_held(tl->run->ipcq, tl->pe);
    if (held)
        weft__tile_fail(tl, WEFT_INVALID_STATE,
                        "Message %" PRIu64 " from %s, which %s sent, is still in its slot: it was received in place, "
                        "and tl_free_slot() was not called.",
                        held->number, tl_direction_name((tl_direction)held->to_direction), weft__pe_name(held->from));
}

void weft__tile_run(weft__process *self, void *context)
{
    weft_tile *tl = context;
    weft__ipcq *ipcq = tl->run->ipcq;
    tl->process = self;
    tl->stack_begin = (uintptr_t)__builtin_frame_address(0);
    if (ipcq)
        weft__ipcq_begin(ipcq, tl->pe, self);
    weft__pe_ask(tl->pe, &(weft__ask){.kind = WEFT__ASK_BEGIN, .number = tl->run->serial});
    tl->run->request.kernel(tl, tl->run->request.arguments);
    weft__pe_ask(tl->pe, &(weft__ask){.kind = WEFT__ASK_END});
    weft__tile_enter(tl, "the end of the kernel");
    weft__pe_composites_wait(tl->pe, self);
    if (ipcq) {
        weft__ipcq_finish(ipcq, tl->pe);
        check_slots(tl);
        weft__ipcq_end(ipcq, tl->pe);
    }
    weft__pe_drop(tl->pe, weft__pe_tcm_address(tl->pe));
    weft__pe_end(tl->pe);
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
    const weft__pe_recorder *recorder = weft__pes_recorder(run->pes);
    if (recorder && recorder->known)
        recorder->known(recorder->context, &run->order);
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

weft_tile *weft__kernel_run_find(const weft__kernel_run *run, uint32_t pe)
{
    size_t first = 0, end = run->request.count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        uint32_t found = weft__pe_index(run->tiles[middle].pe);
        if (found == pe)
            return &run->tiles[middle];
        if (found < pe)
            first = middle + 1;
        else
            end = middle;
    }
    return NULL;
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
    if (request->stack_bytes == 0)
        run->request.stack_bytes = WEFT_TILE_STACK_BYTES;
    run->begin = time;
    run->serial = weft__pes_number_launch(pes);
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

/* Numbers the PEs of a launch in their groups. */
static weft_status form_groups(weft__kernel_run *run, weft_error *err)
{
    uint32_t count = (uint32_t)run->request.count, size = run->request.group_size, stride = run->request.group_stride;
    weft_status status = weft__groups_resolve(count, &size, &stride, err);
    run->request.group_size = size;
    run->request.group_stride = stride;
    for (uint32_t i = 0; i < count && status == WEFT_OK; i++) {
        weft_tile *tl = &run->tiles[i];
        weft__group_place at = weft__group_place_of(size, stride, i);
        tl->ids[TL_AXIS_GROUP] = at.group;
        tl->ids[TL_AXIS_RANK] = at.rank;
        tl->counts[TL_AXIS_GROUP] = count / size;
        tl->counts[TL_AXIS_RANK] = size;
    }
    return status;
}

static weft_status check_pairs(const weft__kernel_run *run, weft_error *err)
{
    for (size_t i = 0; i < run->request.pair_count; i++) {
        const weft__ipcq_pair *pair = &run->request.pairs[i];
        if (!weft__kernel_run_find(run, pair->from) || !weft__kernel_run_find(run, pair->to))
            return weft__fail(err, WEFT_INVALID_ARGUMENT,
                              "A queue leads from PE %" PRIu32 " of the machine to PE %" PRIu32
                              ", but kernel '%s' is not launched on both.",
                              pair->from, pair->to, run->request.name);
    }
    return WEFT_OK;
}

/* Lays the queues; what they leave of the TCM is for scratch memory. */
static weft_status lay_queues(weft__kernel_run *run, weft_error *err)
{
    weft_status status = check_pairs(run, err);
    if (status == WEFT_OK && run->request.pair_count)
        status = weft__ipcq_create(run->pes, run->request.pairs, run->request.pair_count, &run->ipcq, err);
    if (status != WEFT_OK)
        return status;
    uint64_t most = weft__pes_rates(run->pes)->scratch_bytes;
    uint64_t tcm = weft__region_bytes(weft__pes_graph(run->pes), WEFT__REGION_TCM);
    for (size_t i = 0; i < run->request.count; i++) {
        uint64_t left = tcm - (run->ipcq ? weft__ipcq_tcm_bytes(run->ipcq, run->tiles[i].pe) : 0);
        run->tiles[i].scratch_room = left < most ? left : most;
    }
    run->request.pairs = NULL;
    return WEFT_OK;
}

weft_status weft__kernel_launch(weft__pes *pes, weft__time time, const weft__kernel_request *request,
                                weft__kernel_run **out, weft_error *err)
{
    weft_status status = create_run(pes, time, request, out, err);
    if (status != WEFT_OK)
        return status;
    weft__kernel_run *run = *out;
    weft__launch_request launch = {.from = request->from,
                                   .cpus = run->cpus,
                                   .count = request->count,
                                   .started = on_start,
                                   .ended = on_end,
                                   .context = run};
    status = form_groups(run, err);
    if (status == WEFT_OK)
        status = lay_queues(run, err);
    if (status == WEFT_OK)
        status = weft__launch_begin(weft__pes_fabric(pes), time, &launch, &run->launch, err);
    if (status != WEFT_OK) {
        weft__kernel_run_destroy(run);
        *out = NULL;
        return status;
    }
    const weft__pe_recorder *recorder = weft__pes_recorder(pes);
    if (recorder && recorder->launched)
        recorder->launched(recorder->context, &run->order);
    return WEFT_OK;
}

void weft__kernel_run_destroy(weft__kernel_run *run)
{
    if (!run)
        return;
    weft__launch_destroy(run->launch);
    weft__ipcq_destroy(run->ipcq);
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

bool weft__kernel_run_unreceived(const weft__kernel_run *run, const weft__ipcq_message **place, weft__unreceived *out)
{
    const weft__ipcq_message *message = run->ipcq ? weft__ipcq_unreceived(run->ipcq, *place) : NULL;
    *place = message;
    if (!message)
        return false;
    *out = (weft__unreceived){.from = weft__pe_name(message->from),
                              .to = weft__pe_name(message->to),
                              .from_direction = (tl_direction)message->from_direction,
                              .to_direction = (tl_direction)message->to_direction,
                              .call = message->call,
                              .number = message->number,
                              .slot = (uint32_t)(message->number % weft__pes_graph(run->pes)->spec->pe.ipcq.slots),
                              .sent = message->sent,
                              .written = message->written,
                              .address = message->slot_address,
                              .bytes = message->bytes};
    return true;
}
