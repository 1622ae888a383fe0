/* The time of a transfer that nobody disturbs, in closed form.
 *
 * The flits of a message pass the links of a route like customers a row of counters, each with a service time of its
 * own, and none overtakes another. The head waits at every node for its overhead; the others go on until they have
 * caught up with it. So flit i is at the target at the latest of these, for every link k: the head's being ready for
 * link k, then each service and wire from k on once, and i times the slowest service from k on; and then the target's
 * overhead. Behind a slow link the overheads of nodes on the way are thus hidden. */
#include "sim/fabric/transfer_impl.h"

static weft__part part_of_node(weft__node_kind kind)
{
    static const weft__part parts[] = {
        [WEFT__NODE_HBM] = WEFT__PART_MEMORY,
        [WEFT__NODE_SRAM] = WEFT__PART_MEMORY,
        [WEFT__NODE_UCIE] = WEFT__PART_UCIE,
        [WEFT__NODE_IO_PHY] = WEFT__PART_UCIE,
        /* all others pass messages on */
        [WEFT__NODE_ROUTER] = WEFT__PART_ROUTERS,
        [WEFT__NODE_SWITCH] = WEFT__PART_ROUTERS,
        [WEFT__NODE_PCIE] = WEFT__PART_ROUTERS,
        [WEFT__NODE_IO_CPU] = WEFT__PART_ROUTERS,
        [WEFT__NODE_IO_NOC] = WEFT__PART_ROUTERS,
        [WEFT__NODE_MCPU] = WEFT__PART_ROUTERS,
        [WEFT__NODE_HOST] = WEFT__PART_ROUTERS,
        [WEFT__NODE_DMA] = WEFT__PART_ROUTERS,
        [WEFT__NODE_PE_CPU] = WEFT__PART_ROUTERS,
    };
    return parts[kind];
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The way of a message with flits of one size. */
typedef struct message_way {
    const weft__graph *graph;
    const weft__route *route; /* NULL after an error */
    uint64_t flit_bytes;
} message_way;

static message_way way_of(weft__transfers *transfers, uint32_t from, uint32_t to, uint64_t flit_bytes)
{
    return (message_way){weft__fabric_graph(transfers->fabric), weft__fabric_route(transfers->fabric, from, to),
                         flit_bytes};
}

/* Adds the overheads and wires that the head passes. Gives its time, the services included. */
static uint64_t pass_head(const message_way *way, uint64_t parts_ps[WEFT__PARTS])
{
    uint64_t head = 0;
    for (uint32_t i = 0; way->route && i < way->route->count; i++) {
        const weft__link *link = &way->graph->links[way->route->links[i]];
        const weft__node *node = &way->graph->nodes[link->to];
        parts_ps[WEFT__PART_WIRE] += link->wire_ps;
        parts_ps[part_of_node(node->kind)] += node->overhead_ps;
        head += link->wire_ps + node->overhead_ps + weft__ps_of_bytes(way->flit_bytes, link->mbs);
    }
    return head;
}

/* When flit `i` is at the target, if the head is ready at time 0, those from `later` on not before `later_ps`, and no
 * other waits for anything but the way. `head` is the head's time. */
static uint64_t flit_arrival(const message_way *way, uint64_t head, uint64_t i, uint64_t later, uint64_t later_ps)
{
    uint32_t count = way->route ? way->route->count : 0;
    uint64_t latest = 0, passing = 0, slowest = 0, target_ps = 0;
    for (uint32_t k = count; k-- > 0;) {
        const weft__link *link = &way->graph->links[way->route->links[k]];
        uint64_t flit_ps = weft__ps_of_bytes(way->flit_bytes, link->mbs);
        uint64_t overhead_ps = way->graph->nodes[link->to].overhead_ps;
        target_ps = k + 1 == count ? overhead_ps : target_ps;
        head -= flit_ps + link->wire_ps + overhead_ps; /* its time at link k */
        passing += flit_ps + link->wire_ps;
        slowest = larger(slowest, flit_ps);
        latest = larger(latest, head + passing + i * slowest);
    }
    if (i >= later)
        latest = larger(latest, later_ps + passing + (i - later) * slowest);
    return latest + target_ps;
}

/* From the arrival of a read's command at idle HBM until its last flit is at the source. Chunks become ready in bursts,
 * one of every channel; of all bursts, the first or the last one decides. */
static uint64_t read_ps(const weft__hbm *hbm, const message_way *way, uint64_t head, uint64_t flits)
{
    uint64_t last_burst = (flits - 1) / hbm->channels;
    return hbm->chunk_ps + flit_arrival(way, head, flits - 1, last_burst * hbm->channels, last_burst * hbm->chunk_ps);
}

/* Until the last chunk of a write is committed in idle HBM. The distances of arrivals never shrink, so that a channel
 * is bound by the first of its chunks or by the last. */
static uint64_t write_ps(const weft__hbm *hbm, const message_way *way, uint64_t head, uint64_t flits)
{
    uint64_t latest = 0;
    for (uint64_t channel = 0; channel < hbm->channels && channel < flits; channel++) {
        uint64_t chunks = (flits - 1 - channel) / hbm->channels + 1, last = channel + (chunks - 1) * hbm->channels;
        latest = larger(latest, flit_arrival(way, head, channel, flits, 0) + chunks * hbm->chunk_ps);
        latest = larger(latest, flit_arrival(way, head, last, flits, 0) + hbm->chunk_ps);
    }
    return latest;
}

void weft__transfer_parts(weft__transfers *transfers, const weft__transfer_request *request,
                          uint64_t parts_ps[WEFT__PARTS])
{
    for (size_t i = 0; i < WEFT__PARTS; i++)
        parts_ps[i] = 0;
    const weft__system_spec *system = &weft__fabric_graph(transfers->fabric)->spec->system;
    bool is_pe = weft__transfer_kind(transfers, request->source) == WEFT__NODE_DMA;
    bool is_hbm = weft__transfer_kind(transfers, request->target) == WEFT__NODE_HBM;
    const weft__hbm *hbm = is_hbm ? &transfers->hbm[transfers->number[request->target]] : NULL;
    uint64_t flits = weft__transfer_flits(transfers, request->bytes), total;
    message_way there = way_of(transfers, request->source, request->target,
                               request->is_write ? system->flit_bytes : system->command_bytes);
    message_way back = way_of(transfers, request->target, request->source,
                              request->is_write ? system->command_bytes : system->flit_bytes);
    uint64_t head_there = pass_head(&there, parts_ps);
    uint64_t head_back = request->is_write && !is_pe ? 0 : pass_head(&back, parts_ps);
    if (request->is_write)
        total = head_back + (hbm ? write_ps(hbm, &there, head_there, flits)
                                 : flit_arrival(&there, head_there, flits - 1, flits, 0));
    else
        total = head_there +
                (hbm ? read_ps(hbm, &back, head_back, flits) : flit_arrival(&back, head_back, flits - 1, flits, 0));
    parts_ps[WEFT__PART_MEMORY] += hbm ? hbm->chunk_ps : 0;
    parts_ps[WEFT__PART_SETUP] = is_pe ? transfers->setup_ps : 0;
    /* What is left of the total is time in which flits follow one another. */
    uint64_t others = parts_ps[WEFT__PART_ROUTERS] + parts_ps[WEFT__PART_UCIE] + parts_ps[WEFT__PART_WIRE] +
                      parts_ps[WEFT__PART_MEMORY];
    parts_ps[WEFT__PART_STREAMING] = total - others;
}
