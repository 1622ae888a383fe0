#include "sim/fabric/transfer.h"

#include <stdlib.h>

#include "base/array.h"
#include "sim/fabric/transfer_impl.h"

static void note_memory(const weft__transfers *transfers, const char *what)
{
    weft_sim *sim = weft__fabric_sim(transfers->fabric);
    (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not allocate %s at %llu ps.", what,
                         (unsigned long long)weft__sim_now(sim));
}

/* ---- making and ending ---- */

/* Numbers the controllers and the DMA engines, each kind from 0. */
static void number_nodes(weft__transfers *transfers, uint32_t *controllers, uint32_t *engines)
{
    const weft__graph *graph = weft__fabric_graph(transfers->fabric);
    *controllers = *engines = 0;
    for (uint32_t i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i].kind == WEFT__NODE_HBM)
            transfers->number[i] = (*controllers)++;
        else if (graph->nodes[i].kind == WEFT__NODE_DMA)
            transfers->number[i] = (*engines)++;
    }
}

weft_status weft__transfers_create(weft__fabric *fabric, weft__transfers **out, weft_error *err)
{
    *out = NULL;
    const weft__graph *graph = weft__fabric_graph(fabric);
    weft__transfers *transfers = calloc(1, sizeof *transfers);
    if (!transfers)
        return weft__fail_memory(err, sizeof *transfers, "the transfers of a machine");
    transfers->fabric = fabric;
    transfers->setup_ps = weft__ps_of_ns(graph->spec->pe.dma.setup_ns);
    transfers->number = calloc(graph->node_count, sizeof *transfers->number);
    uint32_t controllers = 0, engines = 0;
    if (transfers->number)
        number_nodes(transfers, &controllers, &engines);
    transfers->hbm = malloc((controllers + 1) * sizeof *transfers->hbm);
    transfers->channels = calloc(2 * (size_t)engines + 1, sizeof *transfers->channels);
    if (!transfers->number || !transfers->hbm || !transfers->channels) {
        weft__transfers_destroy(transfers);
        return weft__fail_memory(err, (controllers + 1) * sizeof(weft__hbm), "the HBM controllers of a machine");
    }
    transfers->hbm_count = controllers;
    for (uint32_t i = 0; i < controllers; i++)
        weft__hbm_init(&transfers->hbm[i], graph->spec);
    for (uint32_t i = 0; i < 2 * engines; i++)
        weft__resource_init(&transfers->channels[i], weft__fabric_sim(fabric), "the channels of a DMA engine",
                            graph->spec->pe.dma.channels);
    *out = transfers;
    return WEFT_OK;
}

void weft__transfers_destroy(weft__transfers *transfers)
{
    if (!transfers)
        return;
    while (transfers->made) {
        weft__transfer *transfer = transfers->made;
        transfers->made = transfer->next_made;
        free(transfer->hops);
        free(transfer);
    }
    free(transfers->ready);
    free(transfers->number);
    free(transfers->hbm);
    free(transfers->channels);
    free(transfers);
}

void weft__transfers_observe(weft__transfers *transfers, const weft__hbm_observer *observer)
{
    const weft__graph *graph = weft__fabric_graph(transfers->fabric);
    for (uint32_t i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i].kind != WEFT__NODE_HBM)
            continue;
        weft__hbm *hbm = &transfers->hbm[transfers->number[i]];
        hbm->number = transfers->number[i];
        hbm->observer = observer;
    }
}

static weft__transfer *take_transfer(weft__transfers *transfers)
{
    weft__transfer *transfer = transfers->idle;
    if (transfer) {
        transfers->idle = transfer->next;
    } else {
        transfer = calloc(1, sizeof *transfer);
        if (!transfer) {
            note_memory(transfers, "a transfer");
            return NULL;
        }
        transfer->owner = transfers;
        transfer->next_made = transfers->made;
        transfers->made = transfer;
    }
    transfer->next = NULL;
    transfer->committed = 0;
    transfer->opened = 0;
    transfer->hop_count = 0;
    return transfer;
}

static bool is_of_pe(const weft__transfer *transfer)
{
    return weft__transfer_kind(transfer->owner, transfer->request.source) == WEFT__NODE_DMA;
}

/* The channels for a PE's transfers in its direction, if one must be taken; the host has as many as it wants. */
static weft__resource *channels_of(const weft__transfer *transfer)
{
    const weft__transfers *transfers = transfer->owner;
    if (!is_of_pe(transfer) || transfer->request.has_channel)
        return NULL;
    return &transfers->channels[2 * transfers->number[transfer->request.source] + transfer->request.is_write];
}

static void end(weft__transfer *transfer)
{
    weft__transfers *transfers = transfer->owner;
    weft__resource *channels = channels_of(transfer);
    transfer->end = weft__sim_now(weft__fabric_sim(transfers->fabric));
    if (channels)
        weft__resource_release(channels, 1);
    if (transfer->request.ended)
        transfer->request.ended(transfer->request.context, transfer);
    transfer->next = transfers->idle;
    transfers->idle = transfer;
}

/* ---- hops ---- */

/* Adds the nodes that a message passed; the first one only where the way begins. */
static void keep_hops(weft__transfer *transfer, const weft__message *message, uint32_t from, uint32_t to)
{
    weft__transfers *transfers = transfer->owner;
    const weft__route *route = weft__fabric_route(transfers->fabric, from, to);
    if (!transfer->request.keeps_hops || !route)
        return;
    if (!weft__array_reserve(&transfer->hops, &transfer->hop_capacity, transfer->hop_count, route->count + 1)) {
        note_memory(transfers, "the way of a transfer");
        return;
    }
    const weft__link *links = weft__fabric_graph(transfers->fabric)->links;
    for (uint32_t hop = transfer->hop_count ? 1 : 0; hop <= route->count; hop++) {
        uint32_t node = hop ? links[route->links[hop - 1]].to : from;
        transfer->hops[transfer->hop_count++] = (weft__transfer_hop){node, weft__message_head_ps(message, hop)};
    }
}

/* ---- messages ---- */

static void send(weft__transfer *transfer, bool is_to_target, weft__flit_size size, const weft__run *ready,
                 size_t ready_count, const weft__receiver *receiver)
{
    const weft__transfer_request *request = &transfer->request;
    weft__parcel parcel = {.from = is_to_target ? request->source : request->target,
                           .to = is_to_target ? request->target : request->source,
                           .size = size,
                           .ready = ready,
                           .ready_count = ready_count,
                           .receiver = receiver,
                           .context = transfer};
    (void)weft__fabric_send(transfer->owner->fabric, &parcel);
}

static void on_answer(void *context, weft__message *message)
{
    weft__transfer *transfer = context;
    keep_hops(transfer, message, transfer->request.target, transfer->request.source);
    end(transfer);
}

static const weft__receiver answer_receiver = {.arrived = on_answer};

/* Adds to the scratch the time at which a flit is ready: not before the ones before it. */
static bool add_ready(weft__transfers *transfers, size_t *count, weft__time time)
{
    weft__run *last = *count ? &transfers->ready[*count - 1] : NULL;
    if (last && time < weft__run_last(last))
        time = weft__run_last(last);
    if (last && last->gap_ps == 0 && last->first == time) {
        last->count++;
        return true;
    }
    if (!weft__array_reserve(&transfers->ready, &transfers->ready_capacity, *count, 1))
        return false;
    transfers->ready[(*count)++] = (weft__run){time, 0, 1};
    return true;
}

/* The command of a read is about to be at the memory: what it finds there goes back. */
static void on_command(void *context, weft__message *message, uint64_t first, const weft__run *run)
{
    (void)message, (void)first;
    weft__transfer *transfer = context;
    weft__transfers *transfers = transfer->owner;
    const weft__transfer_request *request = &transfer->request;
    uint64_t flits = weft__transfer_flits(transfers, request->bytes);
    transfer->reached = transfer->committed = run->first;
    if (weft__transfer_kind(transfers, request->target) != WEFT__NODE_HBM) {
        weft__run ready = {run->first, 0, flits};
        send(transfer, false, WEFT__FLIT_PAYLOAD, &ready, 1, &answer_receiver);
        return;
    }
    weft__hbm *hbm = &transfers->hbm[transfers->number[request->target]];
    size_t count = 0;
    for (uint64_t i = 0; i < flits; i++) {
        uint64_t offset = request->offset_bytes + i * hbm->flit_bytes;
        if (!add_ready(transfers, &count, weft__hbm_serve(hbm, offset, false, run->first, &transfer->opened))) {
            note_memory(transfers, "the flits of a read");
            return;
        }
    }
    transfer->committed = weft__run_last(&transfers->ready[count - 1]);
    send(transfer, false, WEFT__FLIT_PAYLOAD, transfers->ready, count, &answer_receiver);
}

static void tell_memory(const weft__transfer *transfer)
{
    if (transfer->request.at_memory)
        transfer->request.at_memory(transfer->request.context, transfer);
}

static void on_command_there(void *context, weft__message *message)
{
    weft__transfer *transfer = context;
    keep_hops(transfer, message, transfer->request.source, transfer->request.target);
    tell_memory(transfer);
}

static const weft__receiver command_receiver = {.arriving = on_command, .arrived = on_command_there};

/* Flits of a write are about to be at the memory. */
static void on_payload(void *context, weft__message *message, uint64_t first, const weft__run *run)
{
    (void)message;
    weft__transfer *transfer = context;
    weft__transfers *transfers = transfer->owner;
    if (first == 0)
        transfer->reached = run->first;
    transfer->committed = weft__run_last(run) > transfer->committed ? weft__run_last(run) : transfer->committed;
    if (weft__transfer_kind(transfers, transfer->request.target) != WEFT__NODE_HBM)
        return;
    weft__hbm *hbm = &transfers->hbm[transfers->number[transfer->request.target]];
    for (uint64_t i = 0; i < run->count; i++) {
        uint64_t offset = transfer->request.offset_bytes + (first + i) * hbm->flit_bytes;
        weft__time committed = weft__hbm_serve(hbm, offset, true, run->first + i * run->gap_ps, &transfer->opened);
        transfer->committed = committed > transfer->committed ? committed : transfer->committed;
    }
}

static void on_committed(weft_sim *sim, uint64_t argument)
{
    weft__transfer *transfer = (weft__transfer *)(uintptr_t)argument;
    weft__run now = {weft__sim_now(sim), 0, 1};
    tell_memory(transfer);
    if (is_of_pe(transfer))
        send(transfer, false, WEFT__FLIT_COMMAND, &now, 1, &answer_receiver);
    else
        end(transfer);
}

static void on_payload_there(void *context, weft__message *message)
{
    weft__transfer *transfer = context;
    keep_hops(transfer, message, transfer->request.source, transfer->request.target);
    (void)weft__sim_at(weft__fabric_sim(transfer->owner->fabric), transfer->committed, 0, on_committed,
                       (uintptr_t)transfer);
}

static const weft__receiver payload_receiver = {.arriving = on_payload, .arrived = on_payload_there};

/* ---- beginning ---- */

/* It has its channel. */
static void start(weft__transfer *transfer)
{
    weft__transfers *transfers = transfer->owner;
    weft__time now = weft__sim_now(weft__fabric_sim(transfers->fabric));
    weft__run ready = {now + (is_of_pe(transfer) ? transfers->setup_ps : 0), 0, 1};
    if (transfer->request.is_write) {
        ready.count = weft__transfer_flits(transfers, transfer->request.bytes);
        send(transfer, true, WEFT__FLIT_PAYLOAD, &ready, 1, &payload_receiver);
    } else {
        send(transfer, true, WEFT__FLIT_COMMAND, &ready, 1, &command_receiver);
    }
}

static void on_channel(weft_sim *sim, uint64_t argument)
{
    (void)sim;
    start((weft__transfer *)(uintptr_t)argument);
}

static void on_begin(weft_sim *sim, uint64_t argument)
{
    (void)sim;
    weft__transfer *transfer = (weft__transfer *)(uintptr_t)argument;
    weft__resource *channels = channels_of(transfer);
    if (!channels || weft__resource_acquire_then(channels, 1, on_channel, argument))
        start(transfer);
}

void weft__transfer_begin(weft__transfers *transfers, weft__time time, const weft__transfer_request *request)
{
    weft__transfer *transfer = take_transfer(transfers);
    if (!transfer)
        return;
    transfer->request = *request;
    transfer->begin = time;
    (void)weft__sim_at(weft__fabric_sim(transfers->fabric), time, 0, on_begin, (uintptr_t)transfer);
}

/* ---- what is known of one ---- */

const weft__transfer_request *weft__transfer_get_request(const weft__transfer *transfer)
{
    return &transfer->request;
}

weft__time weft__transfer_begin_ps(const weft__transfer *transfer)
{
    return transfer->begin;
}

weft__time weft__transfer_end_ps(const weft__transfer *transfer)
{
    return transfer->end;
}

weft__time weft__transfer_reached_ps(const weft__transfer *transfer)
{
    return transfer->reached;
}

weft__time weft__transfer_committed_ps(const weft__transfer *transfer)
{
    return transfer->committed;
}

const weft__transfer_hop *weft__transfer_hops(const weft__transfer *transfer, size_t *count)
{
    *count = transfer->hop_count;
    return transfer->hops;
}

uint64_t weft__transfers_hbm_busy_ps(const weft__transfers *transfers, uint32_t node)
{
    if (weft__transfer_kind(transfers, node) != WEFT__NODE_HBM)
        return 0;
    return transfers->hbm[transfers->number[node]].busy_ps;
}

bool weft__transfers_are_quiet(const weft__transfers *transfers)
{
    weft__time now = weft__sim_now(weft__fabric_sim(transfers->fabric));
    for (uint32_t i = 0; i < transfers->hbm_count; i++)
        if (!weft__hbm_is_quiet(&transfers->hbm[i], now))
            return false;
    return true;
}
