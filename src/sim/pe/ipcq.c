#include "sim/pe/ipcq.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/fabric/path_latency.h"
#include "sim/machine/address.h"
#include "sim/pe/ipcq_impl.h"

/* ---- slots ---- */

static const struct memory {
    const char *name;
    weft__region region;
    weft__node_kind kind;
} memories[] = {
    [WEFT__SLOTS_TCM] = {"TCM", WEFT__REGION_TCM, WEFT__NODE_DMA},
    [WEFT__SLOTS_SRAM] = {"SRAM", WEFT__REGION_SRAM, WEFT__NODE_SRAM},
    [WEFT__SLOTS_HBM] = {"slice of the HBM", WEFT__REGION_HBM, WEFT__NODE_HBM},
};

static uint64_t ring_bytes(const weft__ipcq *ipcq)
{
    return (uint64_t)ipcq->slots * ipcq->slot_bytes;
}

/* Some bytes of a memory. */
typedef struct piece {
    uint64_t begin, bytes;
} piece;

/* The highest piece that the slots of another launch take, of the memory that some PEs share, and that ends behind
 * `begin` and begins before `end`; 0 bytes if there is none. Only PEs of several launches share an SRAM at a time; what
 * is a PE's own, its kernels have one after another. */
static piece taken_between(const weft__ipcq *ipcq, uint32_t first, uint32_t count, uint64_t begin, uint64_t end)
{
    piece highest = {0};
    for (const weft__ipcq *it = ipcq->memory == WEFT__SLOTS_SRAM ? ipcq->pes->ipcqs : NULL; it; it = it->next)
        for (uint32_t i = first; i < first + count; i++) {
            const weft__ipcq_pe *at = &it->at[i];
            piece taken = {at->slots_begin, at->in_count * ring_bytes(it)};
            if (taken.bytes && !at->has_ended && taken.begin < end && taken.begin + taken.bytes > begin &&
                taken.begin >= highest.begin)
                highest = taken;
        }
    return highest;
}

uint64_t weft__ipcq_kept_bytes(const weft__graph *graph, weft__region region)
{
    const weft__ipcq_spec *spec = &graph->spec->pe.ipcq;
    if (memories[spec->memory].region != region || region == WEFT__REGION_TCM)
        return 0;
    uint64_t sharing = region == WEFT__REGION_SRAM ? graph->pes : 1;
    uint64_t rings = sharing * TL_DIRECTIONS * spec->slots * spec->slot_bytes;
    uint64_t half = weft__region_bytes(graph, region) / 2;
    return rings < half ? rings : half;
}

/* Where slots may begin in their memory: of the TCM something must be left, elsewhere they have their own part. */
static uint64_t first_slot_byte(const weft__ipcq *ipcq)
{
    const weft__graph *graph = weft__pes_graph(ipcq->pes);
    weft__region region = memories[ipcq->memory].region;
    uint64_t kept = weft__ipcq_kept_bytes(graph, region);
    return kept ? weft__region_bytes(graph, region) - kept : 1;
}

/* Where the highest free piece of so many bytes ends, at `end` or before; 0 if there is none. */
static uint64_t find_room(const weft__ipcq *ipcq, uint32_t first, uint32_t count, uint64_t bytes, uint64_t end)
{
    uint64_t least = first_slot_byte(ipcq);
    while (end >= least && end - least >= bytes) {
        piece taken = taken_between(ipcq, first, count, end - bytes, end);
        if (taken.bytes == 0)
            return end;
        end = taken.begin;
    }
    return 0;
}

static weft_status fail_room(const weft__ipcq *ipcq, uint32_t first, uint32_t count, weft_error *err)
{
    uint64_t rings = 0, least = first_slot_byte(ipcq);
    uint64_t end = weft__region_bytes(weft__pes_graph(ipcq->pes), memories[ipcq->memory].region);
    uint64_t left = least > 1 ? end - least : end;
    for (uint32_t i = first; i < first + count; i++)
        rings += ipcq->at[i].in_count;
    for (piece taken; (taken = taken_between(ipcq, first, count, least, end)).bytes; end = taken.begin)
        left -= taken.bytes;
    uint64_t bytes = rings * ring_bytes(ipcq);
    return weft__fail(err, WEFT_OUT_OF_MEMORY,
                      "The queues of %s need %" PRIu64 " rings of pe.ipcq.slots %" PRIu32
                      " times pe.ipcq.slot_bytes %" PRIu32 ", %" PRIu64 " bytes, and the %s has %" PRIu64 "%s%s.",
                      weft__pe_name(weft__pe_at(ipcq->pes, first)), rings, ipcq->slots, ipcq->slot_bytes, bytes,
                      memories[ipcq->memory].name, left, least > 1 ? " left for them" : "",
                      least > 1 && left >= bytes ? ", in pieces" : "");
}

/* Gives the PEs that share a memory their slots, those of the last one at the end. */
static weft_status take_slots(weft__ipcq *ipcq, uint32_t first, uint32_t count, weft_error *err)
{
    uint64_t end = weft__region_bytes(weft__pes_graph(ipcq->pes), memories[ipcq->memory].region);
    for (uint32_t i = first + count; i-- > first;) {
        uint64_t bytes = ipcq->at[i].in_count * ring_bytes(ipcq);
        if (bytes == 0)
            continue;
        end = find_room(ipcq, first, count, bytes, end);
        if (end == 0)
            return fail_room(ipcq, first, count, err);
        end -= bytes;
        ipcq->at[i].slots_begin = end;
    }
    return WEFT_OK;
}

/* Gives each queue its ring. */
static weft_status place_rings(weft__ipcq *ipcq, uint32_t index, weft_error *err)
{
    const weft__graph *graph = weft__pes_graph(ipcq->pes);
    const weft__node *node = &graph->nodes[weft__pe_dma_node(weft__pe_at(ipcq->pes, index))];
    bool is_shared = ipcq->memory == WEFT__SLOTS_SRAM;
    weft__location place = {.region = memories[ipcq->memory].region,
                            .sip = node->sip,
                            .cube = node->cube,
                            .unit = is_shared ? 0 : node->unit,
                            .offset = ipcq->at[index].slots_begin};
    uint32_t memory = weft__graph_node(graph, memories[ipcq->memory].kind, place.sip, place.cube, place.unit);
    for (uint32_t direction = 0; direction < TL_DIRECTIONS; direction++) {
        uint32_t number = ipcq->at[index].in[direction];
        if (number == WEFT__QUEUE_NONE)
            continue;
        weft__ipcq_queue *queue = &ipcq->queues[number];
        queue->ring = (weft__dma_place){.node = memory, .offset_bytes = place.offset};
        weft_status status = weft__address_of(graph, &place, &queue->ring_address, err);
        if (status != WEFT_OK)
            return status;
        place.offset += ring_bytes(ipcq);
    }
    return WEFT_OK;
}

static weft_status lay_slots(weft__ipcq *ipcq, weft_error *err)
{
    uint32_t pes = weft__pes_count(ipcq->pes);
    uint32_t sharing = ipcq->memory == WEFT__SLOTS_SRAM ? weft__pes_graph(ipcq->pes)->pes : 1;
    weft_status status = WEFT_OK;
    for (uint32_t i = 0; i < pes && status == WEFT_OK; i += sharing)
        status = take_slots(ipcq, i, sharing, err);
    for (uint32_t i = 0; i < pes && status == WEFT_OK; i++)
        if (ipcq->at[i].in_count)
            status = place_rings(ipcq, i, err);
    return status;
}

bool weft__ipcq_slot_at(const weft__pes *pes, uint64_t address, weft__ipcq_slot *out)
{
    for (const weft__ipcq *it = pes->ipcqs; it; it = it->next)
        for (size_t i = 0; i < it->count; i++) {
            const weft__ipcq_queue *queue = &it->queues[i];
            const weft__ipcq_pe *at = weft__ipcq_at(it, queue->to);
            bool is_there = at->process && !at->has_ended;
            uint64_t offset = address - queue->ring_address;
            if (!is_there || address < queue->ring_address || offset >= ring_bytes(it))
                continue;
            *out = (weft__ipcq_slot){.pe = queue->to,
                                     .direction = (tl_direction)queue->to_direction,
                                     .number = (uint32_t)(offset / it->slot_bytes)};
            return true;
        }
    return false;
}

uint64_t weft__ipcq_tcm_bytes(const weft__ipcq *ipcq, const weft__pe *pe)
{
    return ipcq->memory == WEFT__SLOTS_TCM ? weft__ipcq_at(ipcq, pe)->in_count * ring_bytes(ipcq) : 0;
}

uint64_t weft__ipcq_access_ps(const weft__ipcq *ipcq, uint64_t bytes)
{
    uint64_t hop_ps = ipcq->hop_mbs ? weft__ps_of_bytes(bytes, ipcq->hop_mbs) : 0;
    return ipcq->access_ps + weft__ps_of_bytes(bytes, ipcq->mbs) + hop_ps;
}

/* ---- making ---- */

static weft_status check_pair(const weft__ipcq *ipcq, const weft__ipcq_pair *pair, weft_error *err)
{
    uint32_t pes = weft__pes_count(ipcq->pes);
    if (pair->from >= pes || pair->to >= pes || pair->from == pair->to || pair->from_direction >= TL_DIRECTIONS ||
        pair->to_direction >= TL_DIRECTIONS)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "A queue from direction %u of PE %" PRIu32 " to direction %u of PE %" PRIu32
                          " cannot be: there are %" PRIu32 " PEs and %d directions, and two PEs in it.",
                          pair->from_direction, pair->from, pair->to_direction, pair->to, pes, TL_DIRECTIONS);
    if (ipcq->at[pair->from].out[pair->from_direction] == WEFT__QUEUE_NONE &&
        ipcq->at[pair->to].in[pair->to_direction] == WEFT__QUEUE_NONE)
        return WEFT_OK;
    return weft__fail(
        err, WEFT_INVALID_ARGUMENT,
        "There are two queues where one leads from %s of %s to %s of %s, and they would share an end.",
        tl_direction_name((tl_direction)pair->from_direction), weft__pe_name(weft__pe_at(ipcq->pes, pair->from)),
        tl_direction_name((tl_direction)pair->to_direction), weft__pe_name(weft__pe_at(ipcq->pes, pair->to)));
}

/* Looks at both ways, and what a credit takes on the way back. */
static weft_status find_ways(weft__ipcq_queue *queue, weft_error *err)
{
    const weft__graph *graph = weft__pes_graph(queue->owner->pes);
    weft__route route;
    weft_status status =
        weft__graph_route(graph, weft__pe_dma_node(queue->from), weft__pe_dma_node(queue->to), &route, err);
    if (status != WEFT_OK)
        return status;
    free(route.links);
    status = weft__graph_route(graph, weft__pe_dma_node(queue->to), weft__pe_dma_node(queue->from), &route, err);
    if (status != WEFT_OK)
        return status;
    queue->credit_ps = weft__path_latency_ps(graph, &route, graph->spec->system.command_bytes);
    free(route.links);
    return WEFT_OK;
}

static weft_status add_queue(weft__ipcq *ipcq, const weft__ipcq_pair *pair, weft_error *err)
{
    weft_status status = check_pair(ipcq, pair, err);
    if (status != WEFT_OK)
        return status;
    uint32_t number = (uint32_t)ipcq->count++;
    weft__ipcq_queue *queue = &ipcq->queues[number];
    *queue = (weft__ipcq_queue){.owner = ipcq,
                                .from = weft__pe_at(ipcq->pes, pair->from),
                                .to = weft__pe_at(ipcq->pes, pair->to),
                                .from_direction = pair->from_direction,
                                .to_direction = pair->to_direction};
    ipcq->at[pair->from].out[pair->from_direction] = number;
    ipcq->at[pair->to].in[pair->to_direction] = number;
    ipcq->at[pair->to].in_count++;
    return find_ways(queue, err);
}

static void take_rates(weft__ipcq *ipcq)
{
    const weft__machine_spec *spec = weft__pes_graph(ipcq->pes)->spec;
    const weft__ipcq_spec *own = &spec->pe.ipcq;
    const weft__slot_spec *slot = own->memory == WEFT__SLOTS_TCM    ? &own->tcm
                                  : own->memory == WEFT__SLOTS_SRAM ? &own->sram
                                                                    : &own->hbm;
    ipcq->slots = own->slots;
    ipcq->slot_bytes = own->slot_bytes;
    ipcq->memory = own->memory;
    ipcq->access_ps = weft__ps_of_ns(slot->overhead_ns);
    ipcq->mbs = weft__mbs_of_gbs(slot->gbs);
    ipcq->hop_mbs = own->memory == WEFT__SLOTS_TCM ? 0 : weft__mbs_of_gbs(slot->hop_gbs);
    ipcq->setup_ps = weft__ps_of_ns(spec->pe.dma.setup_ns);
    ipcq->flit_bytes = spec->system.flit_bytes;
    ipcq->flit_ps = weft__pe_read_ps(weft__pes_rates(ipcq->pes), ipcq->flit_bytes);
}

static void init_at(weft__ipcq_pe *at)
{
    *at = (weft__ipcq_pe){.activity = WEFT__PE_WAIT_QUEUE};
    for (uint32_t direction = 0; direction < TL_DIRECTIONS; direction++)
        at->out[direction] = at->in[direction] = WEFT__QUEUE_NONE;
}

static void free_ipcq(weft__ipcq *ipcq)
{
    while (ipcq->made_messages) {
        weft__ipcq_message *message = ipcq->made_messages;
        ipcq->made_messages = message->next_made;
        free(message);
    }
    while (ipcq->made_receives) {
        weft__ipcq_receive *receive = ipcq->made_receives;
        ipcq->made_receives = receive->next_made;
        free(receive);
    }
    for (uint32_t i = 0; ipcq->at && i < weft__pes_count(ipcq->pes); i++)
        free(ipcq->at[i].numbered);
    free(ipcq->queues);
    free(ipcq->at);
    free(ipcq);
}

static weft_status fill(weft__ipcq *ipcq, const weft__ipcq_pair *pairs, size_t count, weft_error *err)
{
    uint32_t pes = weft__pes_count(ipcq->pes);
    ipcq->queues = count < WEFT__QUEUE_NONE ? calloc(count + 1, sizeof *ipcq->queues) : NULL;
    ipcq->at = calloc(pes, sizeof *ipcq->at);
    if (!ipcq->queues || !ipcq->at)
        return weft__fail_memory(err, count * sizeof *ipcq->queues, "the queues of a launch");
    for (uint32_t i = 0; i < pes; i++)
        init_at(&ipcq->at[i]);
    take_rates(ipcq);
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < count && status == WEFT_OK; i++)
        status = add_queue(ipcq, &pairs[i], err);
    return status == WEFT_OK ? lay_slots(ipcq, err) : status;
}

weft_status weft__ipcq_create(weft__pes *pes, const weft__ipcq_pair *pairs, size_t count, weft__ipcq **out,
                              weft_error *err)
{
    *out = NULL;
    weft__ipcq *ipcq = calloc(1, sizeof *ipcq);
    if (!ipcq)
        return weft__fail_memory(err, sizeof *ipcq, "the queues of a launch");
    ipcq->pes = pes;
    weft_status status = fill(ipcq, pairs, count, err);
    if (status != WEFT_OK) {
        free_ipcq(ipcq);
        return status;
    }
    ipcq->next = pes->ipcqs;
    pes->ipcqs = ipcq;
    *out = ipcq;
    return WEFT_OK;
}

/* ---- ending ---- */

static void unlink_and_free(weft__ipcq *ipcq)
{
    weft__ipcq **link = &ipcq->pes->ipcqs;
    while (*link != ipcq)
        link = &(*link)->next;
    *link = ipcq->next;
    free_ipcq(ipcq);
}

void weft__ipcq_destroy(weft__ipcq *ipcq)
{
    if (!ipcq)
        return;
    ipcq->is_retired = true;
    if (ipcq->under_way == 0)
        unlink_and_free(ipcq);
}

void weft__ipcq_came_to_rest(weft__ipcq *ipcq)
{
    if (--ipcq->under_way == 0 && ipcq->is_retired)
        unlink_and_free(ipcq);
}

void weft__ipcqs_destroy(weft__pes *pes)
{
    while (pes->ipcqs)
        unlink_and_free(pes->ipcqs);
}

/* ---- what is known of them ---- */

bool weft__ipcq_has_queue(const weft__ipcq *ipcq, const weft__pe *pe, tl_direction direction)
{
    return (uint32_t)direction < TL_DIRECTIONS && weft__ipcq_at(ipcq, pe)->out[direction] != WEFT__QUEUE_NONE;
}

bool weft__ipcq_has_source(const weft__ipcq *ipcq, const weft__pe *pe, tl_direction direction)
{
    return (uint32_t)direction < TL_DIRECTIONS && weft__ipcq_at(ipcq, pe)->in[direction] != WEFT__QUEUE_NONE;
}

weft__pe *weft__ipcq_peer(const weft__ipcq *ipcq, const weft__pe *pe, tl_direction direction)
{
    const weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    return weft__ipcq_has_queue(ipcq, pe, direction) ? ipcq->queues[at->out[direction]].to
                                                     : ipcq->queues[at->in[direction]].from;
}

/* ---- the kernel of a PE ---- */

void weft__ipcq_begin(weft__ipcq *ipcq, weft__pe *pe, weft__process *self)
{
    weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    at->process = self;
    for (uint32_t direction = 0; direction < TL_DIRECTIONS; direction++)
        if (at->in[direction] != WEFT__QUEUE_NONE) {
            weft__ipcq_queue *queue = &ipcq->queues[at->in[direction]];
            queue->free_slots = ipcq->slots;
            weft__ipcq_wake(weft__ipcq_at(ipcq, queue->from));
        }
}

void weft__ipcq_finish(weft__ipcq *ipcq, weft__pe *pe)
{
    weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    while (at->sends_read < at->sends)
        weft__ipcq_suspend(at, pe, WEFT__IPCQ_WAITS_SOURCE, NULL);
    for (const weft__ipcq_receive *it = at->open; it; it = it->next_open)
        while (!it->is_done)
            weft__ipcq_suspend(at, pe, WEFT__IPCQ_WAITS_MESSAGE, it->queue);
}

void weft__ipcq_end(weft__ipcq *ipcq, weft__pe *pe)
{
    weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    at->has_ended = true;
    for (uint32_t direction = 0; direction < TL_DIRECTIONS; direction++)
        if (at->in[direction] != WEFT__QUEUE_NONE)
            for (weft__ipcq_message *it = ipcq->queues[at->in[direction]].first; it && it->written != WEFT__NEVER;
                 it = it->next)
                WEFT__IPCQ_TELL(ipcq, lost, it);
}

void weft__ipcq_set_activity(weft__ipcq *ipcq, weft__pe *pe, weft__pe_activity activity)
{
    WEFT__PE_ASK(pe, .kind = WEFT__ASK_ACTIVITY, .number = activity);
    weft__ipcq_at(ipcq, pe)->activity = activity;
}

void weft__ipcq_set_collective(weft__ipcq *ipcq, const weft__pe *pe, const weft__collective *collective)
{
    weft__ipcq_at(ipcq, pe)->collective = collective ? *collective : (weft__collective){0};
}

void weft__ipcq_suspend(weft__ipcq_pe *at, weft__pe *pe, weft__ipcq_wait_kind kind, weft__ipcq_queue *queue)
{
    weft__time since = weft__sim_now(weft__pes_sim(pe->owner));
    at->waits = kind;
    at->waits_on = queue;
    weft__process_suspend(at->process);
    at->waits = WEFT__IPCQ_RUNS;
    weft__pe_spend(pe, at->activity, since);
}

void weft__ipcq_wake(const weft__ipcq_pe *at)
{
    if (at->waits != WEFT__IPCQ_RUNS)
        (void)weft__process_resume(at->process);
}

/* ---- what became of it ---- */

weft__ipcq_wait weft__ipcq_waits_for(const weft__ipcq *ipcq, const weft__pe *pe)
{
    const weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    weft__ipcq_wait wait = {.kind = at->waits};
    if (at->waits != WEFT__IPCQ_RUNS && at->waits_on) {
        bool is_sender = at->waits_on->from == pe;
        wait.peer = is_sender ? at->waits_on->to : at->waits_on->from;
        wait.direction = (tl_direction)(is_sender ? at->waits_on->from_direction : at->waits_on->to_direction);
    }
    return wait;
}

const weft__ipcq_message *weft__ipcq_unreceived(const weft__ipcq *ipcq, const weft__ipcq_message *after)
{
    if (after && after->next)
        return after->next;
    for (size_t i = after ? (size_t)(after->queue - ipcq->queues) + 1 : 0; i < ipcq->count; i++)
        if (ipcq->queues[i].to_receive)
            return ipcq->queues[i].to_receive;
    return NULL;
}
