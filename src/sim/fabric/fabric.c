#include "sim/fabric/fabric.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sim/fabric/fabric_impl.h"
#include "sim/fabric/launch.h"

/* Messages of one node, as keys number them; more wrap into the number of the node, which would need centuries. */
#define KEY_SEQUENCE_BITS 40

static bool is_plain(const weft__graph *graph)
{
    if (graph->spec->cube.input_speedup)
        return false;
    for (uint32_t i = 0; i < graph->link_count; i++) {
        const weft__link *link = &graph->links[i];
        if (link->buffer_flits || link->vcs || link->arbitration != WEFT__ARBITRATE_FIFO)
            return false;
    }
    return true;
}

/* Flits of a step, at most: each question about one nests at least the time of a flit deeper. */
#define STEP_FLITS 1024u

static void set_up_wires(weft__fabric *fabric)
{
    const weft__graph *graph = fabric->graph;
    uint64_t router_mbs = weft__mbs_of_gbs(graph->spec->cube.link_gbs);
    fabric->router_flit_ps[WEFT__FLIT_PAYLOAD] = weft__ps_of_bytes(graph->spec->system.flit_bytes, router_mbs);
    fabric->router_flit_ps[WEFT__FLIT_COMMAND] = weft__ps_of_bytes(graph->spec->system.command_bytes, router_mbs);
    uint64_t shortest_ps = UINT64_MAX;
    for (uint32_t i = 0; i < graph->link_count; i++) {
        const weft__link *link = &graph->links[i];
        weft__wire *wire = &fabric->wires[i];
        wire->fabric = fabric;
        wire->link = link;
        wire->flit_ps[WEFT__FLIT_PAYLOAD] = weft__ps_of_bytes(graph->spec->system.flit_bytes, link->mbs);
        wire->flit_ps[WEFT__FLIT_COMMAND] = weft__ps_of_bytes(graph->spec->system.command_bytes, link->mbs);
        wire->wire_ps = link->wire_ps;
        wire->overhead_ps = graph->nodes[link->to].overhead_ps;
        wire->decide_at = WEFT__NEVER;
        uint64_t way_ps = wire->flit_ps[WEFT__FLIT_PAYLOAD] + wire->wire_ps;
        shortest_ps = way_ps < shortest_ps ? way_ps : shortest_ps;
    }
    fabric->step_ps = STEP_FLITS * shortest_ps;
}

weft_status weft__fabric_create(weft_sim *sim, const weft__graph *graph, weft__flit_mode mode, weft__fabric **out,
                                weft_error *err)
{
    *out = NULL;
    weft__fabric *fabric = calloc(1, sizeof *fabric);
    if (!fabric)
        return weft__fail_memory(err, sizeof *fabric, "a fabric");
    fabric->sim = sim;
    fabric->graph = graph;
    fabric->is_plain = is_plain(graph);
    fabric->has_trains = mode == WEFT__FLITS_TRAINS && fabric->is_plain;
    fabric->wires = calloc(graph->link_count, sizeof *fabric->wires);
    fabric->sent = calloc(graph->node_count, sizeof *fabric->sent);
    weft_status status = WEFT_OK;
    if (!fabric->wires || !fabric->sent)
        status = weft__fail_memory(err, graph->link_count * sizeof *fabric->wires, "the links of a fabric");
    if (status == WEFT_OK) {
        set_up_wires(fabric);
        if (!fabric->has_trains)
            status = weft__flits_prepare(fabric, err);
    }
    if (status != WEFT_OK) {
        weft__fabric_destroy(fabric);
        return status;
    }
    *out = fabric;
    return WEFT_OK;
}

static void destroy_message(weft__message *message, uint32_t legs)
{
    for (uint32_t i = 0; i < legs; i++)
        weft__runs_destroy(&message->legs[i].runs);
    free(message);
}

void weft__fabric_destroy(weft__fabric *fabric)
{
    if (!fabric)
        return;
    while (fabric->all) {
        weft__message *message = fabric->all;
        fabric->all = message->next;
        destroy_message(message, message->leg_count);
    }
    for (size_t i = 0; i < fabric->path_capacity; i++) {
        if (fabric->paths[i])
            free(fabric->paths[i]->route.links);
        free(fabric->paths[i]);
    }
    if (fabric->wires) {
        weft__flits_release(fabric);
        for (uint32_t i = 0; i < fabric->graph->link_count; i++) {
            free(fabric->wires[i].active);
            free(fabric->wires[i].expected);
        }
    }
    weft__launch_ways_destroy(fabric->launch_ways);
    free(fabric->paths);
    free(fabric->idle);
    free(fabric->wires);
    free(fabric->sent);
    free(fabric);
}

weft_sim *weft__fabric_sim(const weft__fabric *fabric)
{
    return fabric->sim;
}

const weft__graph *weft__fabric_graph(const weft__fabric *fabric)
{
    return fabric->graph;
}

bool weft__fabric_has_trains(const weft__fabric *fabric)
{
    return fabric->has_trains;
}

static void note_memory(weft__fabric *fabric, const char *what)
{
    (void)weft__sim_fail(fabric->sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not allocate %s at %llu ps.", what,
                         (unsigned long long)weft__sim_now(fabric->sim));
}

/* ---- routes ---- */

static size_t path_place(const weft__fabric *fabric, uint32_t from, uint32_t to)
{
    uint64_t hash = ((uint64_t)from << 32 | to) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(hash >> 32) & (fabric->path_capacity - 1);
    while (fabric->paths[at] && (fabric->paths[at]->from != from || fabric->paths[at]->to != to))
        at = (at + 1) & (fabric->path_capacity - 1);
    return at;
}

/* Keeps the table at most half full. */
static bool grow_paths(weft__fabric *fabric)
{
    if (2 * (fabric->path_count + 1) <= fabric->path_capacity)
        return true;
    size_t capacity = fabric->path_capacity ? 2 * fabric->path_capacity : 64, old = fabric->path_capacity;
    weft__path **before = fabric->paths, **grown = calloc(capacity, sizeof(weft__path *));
    if (!grown)
        return false;
    fabric->info.allocations++;
    fabric->paths = grown;
    fabric->path_capacity = capacity;
    for (size_t i = 0; i < old; i++)
        if (before[i])
            grown[path_place(fabric, before[i]->from, before[i]->to)] = before[i];
    free(before);
    return true;
}

/* There and back over the only link of a node. */
static weft_status turn_round(const weft__graph *graph, uint32_t node, weft__route *out, weft_error *err)
{
    char name[WEFT__NODE_NAME_BYTES];
    weft__graph_node_name(graph, node, name);
    if (graph->first_out[node + 1] - graph->first_out[node] != 1)
        return weft__fail(err, WEFT_UNSUPPORTED, "There is no route from %s to itself.", name);
    out->links = malloc(2 * sizeof *out->links);
    if (!out->links)
        return weft__fail_memory(err, 2 * sizeof *out->links, "a route");
    out->links[0] = graph->out[graph->first_out[node]];
    out->links[1] = out->links[0] ^ 1;
    out->count = 2;
    return WEFT_OK;
}

static weft__path *make_path(weft__fabric *fabric, uint32_t from, uint32_t to)
{
    weft__path *made = calloc(1, sizeof *made);
    if (!made) {
        note_memory(fabric, "a route");
        return NULL;
    }
    weft_error err;
    weft_status status = from == to ? turn_round(fabric->graph, from, &made->route, &err)
                                    : weft__graph_route(fabric->graph, from, to, &made->route, &err);
    if (status != WEFT_OK) {
        (void)weft__sim_fail(fabric->sim, status, "%s", err.message);
        free(made);
        return NULL;
    }
    fabric->info.allocations += 2;
    made->from = from;
    made->to = to;
    return made;
}

static const weft__path *find_path(weft__fabric *fabric, uint32_t from, uint32_t to)
{
    size_t at = 0;
    if (fabric->path_capacity) {
        at = path_place(fabric, from, to);
        if (fabric->paths[at])
            return fabric->paths[at];
    }
    if (!grow_paths(fabric)) {
        note_memory(fabric, "the table of routes");
        return NULL;
    }
    weft__path *made = make_path(fabric, from, to);
    if (!made)
        return NULL;
    fabric->paths[path_place(fabric, from, to)] = made;
    fabric->path_count++;
    return made;
}

const weft__route *weft__fabric_route(weft__fabric *fabric, uint32_t from, uint32_t to)
{
    const weft__path *found = find_path(fabric, from, to);
    return found ? &found->route : NULL;
}

/* ---- messages ---- */

static bool reserve_idle(weft__fabric *fabric, uint32_t links)
{
    if (links < fabric->idle_capacity)
        return true;
    size_t before = fabric->idle_capacity;
    if (!weft__array_reserve(&fabric->idle, &fabric->idle_capacity, links, 1))
        return false;
    fabric->info.allocations++;
    for (size_t i = before; i < fabric->idle_capacity; i++)
        fabric->idle[i] = NULL;
    return true;
}

/* One with as many legs as the route has links, used before or new. */
static weft__message *take_message(weft__fabric *fabric, uint32_t links)
{
    if (!reserve_idle(fabric, links))
        return NULL;
    weft__message *message = fabric->idle[links];
    if (message) {
        fabric->idle[links] = message->next_free;
        return message;
    }
    message = calloc(1, sizeof *message + links * sizeof message->legs[0]);
    if (!message)
        return NULL;
    fabric->info.allocations++;
    message->fabric = fabric;
    message->leg_count = links;
    for (uint32_t hop = 0; hop < links; hop++) {
        message->legs[hop].message = message;
        message->legs[hop].hop = hop;
    }
    message->next = fabric->all;
    fabric->all = message;
    return message;
}

static void give_message_back(weft__message *message)
{
    weft__fabric *fabric = message->fabric;
    message->next_free = fabric->idle[message->leg_count];
    fabric->idle[message->leg_count] = message;
}

static void reset_legs(weft__message *message)
{
    for (uint32_t hop = 0; hop < message->leg_count; hop++) {
        weft__leg *leg = &message->legs[hop];
        leg->wire = &message->fabric->wires[message->path->route.links[hop]];
        leg->known = leg->served = 0;
        leg->vc = WEFT__VC_NONE;
        leg->place = WEFT__PLACE_NONE;
        leg->next_in_buffer = NULL;
        weft__runs_clear(&leg->runs);
    }
}

/* Puts what is sent into the first leg. */
static bool load_flits(weft__message *message, const weft__parcel *parcel)
{
    weft__leg *leg = &message->legs[0];
    for (size_t i = 0; i < parcel->ready_count; i++) {
        if (!weft__runs_add(&leg->runs, &parcel->ready[i], &message->fabric->info.allocations))
            return false;
        leg->known += parcel->ready[i].count;
    }
    leg->head = parcel->ready[0].first;
    message->flits = leg->known;
    return true;
}

weft__message *weft__fabric_send(weft__fabric *fabric, const weft__parcel *parcel)
{
    const weft__path *path = find_path(fabric, parcel->from, parcel->to);
    if (!path)
        return NULL;
    weft__message *message = take_message(fabric, path->route.count);
    if (!message) {
        note_memory(fabric, "a message");
        return NULL;
    }
    message->path = path;
    reset_legs(message);
    message->delivered = 0;
    message->size = parcel->size;
    message->receiver = parcel->receiver;
    message->context = parcel->context;
    message->tag = parcel->tag;
    if (!load_flits(message, parcel)) {
        note_memory(fabric, "the flits of a message");
        give_message_back(message);
        return NULL;
    }
    message->key = (uint64_t)parcel->from << KEY_SEQUENCE_BITS | fabric->sent[parcel->from]++;
    fabric->info.messages_sent++;
    fabric->info.flits_sent += message->flits;
    if (__builtin_expect(fabric->watcher != NULL, 0))
        fabric->watcher->sent(fabric->watcher->context, message);
    if (fabric->has_trains)
        weft__trains_begin(&message->legs[0]);
    else
        weft__flits_begin(&message->legs[0]);
    return message;
}

void weft__fabric_observe(weft__fabric *fabric, const weft__observer *observer)
{
    fabric->observer = observer;
}

void weft__fabric_watch(weft__fabric *fabric, const weft__message_watcher *watcher)
{
    fabric->watcher = watcher;
}

/* Tells the observers of flits that have left the link when `run` says. */
static WEFT_COLD void tell_observers(weft__leg *leg, uint64_t first, const weft__run *run)
{
    const weft__message *message = leg->message;
    const weft__wire *wire = leg->wire;
    uint64_t flit_ps = wire->flit_ps[message->size];
    weft__time head = run->first;
    if (first != 0)
        head = weft__message_head_ps(message, leg->hop + 1) - wire->overhead_ps - wire->wire_ps;
    weft__passage passage = {.message = message,
                             .link = (uint32_t)(wire - message->fabric->wires),
                             .is_last = leg->served == message->flits,
                             .begins = {run->first - flit_ps, run->gap_ps, run->count},
                             .flit_ps = flit_ps,
                             .head_ps = head - flit_ps};
    for (const weft__observer *it = message->fabric->observer; it; it = it->next)
        it->passed(it->context, &passage);
}

/* Flits of a message are behind the link of a leg, ready for what comes next, at the times of the run. */
static void hand_over(weft__leg *leg, uint64_t first, const weft__run *run)
{
    weft__message *message = leg->message;
    if (leg->hop + 1 < message->leg_count) {
        weft__leg *next = leg + 1;
        next->known += run->count;
        if (!weft__runs_add(&next->runs, run, &message->fabric->info.allocations))
            note_memory(message->fabric, "the flits of a message");
        else if (next->place != WEFT__PLACE_NONE)
            weft__wire_expect(next->wire, next);
        return;
    }
    message->delivered += run->count;
    message->tail = weft__run_last(run);
    if (message->receiver->arriving)
        message->receiver->arriving(message->context, message, first, run);
}

weft__leg *weft__leg_pass(weft__leg *leg, const weft__run *run)
{
    weft__message *message = leg->message;
    const weft__wire *wire = leg->wire;
    weft__leg *next = leg->hop + 1 < message->leg_count ? leg + 1 : NULL;
    uint64_t first = leg->served;
    leg->served += run->count;
    if (__builtin_expect(message->fabric->observer != NULL, 0))
        tell_observers(leg, first, run);
    weft__run arrival = {run->first + wire->wire_ps, run->gap_ps, run->count};
    weft__time *head = next ? &next->head : &message->head;
    if (first == 0)
        *head = arrival.first + wire->overhead_ps;
    if (!next)
        arrival.first += wire->overhead_ps; /* a target takes flits as they come, whosever they are */
    if (arrival.first < *head) {            /* flits that have caught up with the first one wait behind it */
        uint64_t late = arrival.count;
        if (arrival.gap_ps && (*head - arrival.first - 1) / arrival.gap_ps + 1 < late)
            late = (*head - arrival.first - 1) / arrival.gap_ps + 1;
        hand_over(leg, first, &(weft__run){*head, 0, late});
        first += late;
        arrival.first += late * arrival.gap_ps;
        arrival.count -= late;
    }
    if (arrival.count)
        hand_over(leg, first, &arrival);
    return next;
}

void weft__message_end(weft__message *message)
{
    message->fabric->info.messages_arrived++;
    message->fabric->info.flits_arrived += message->flits;
    message->receiver->arrived(message->context, message);
    const weft__message_watcher *watcher = message->fabric->watcher;
    if (__builtin_expect(watcher != NULL, 0))
        watcher->arrived(watcher->context, message);
    give_message_back(message);
}

uint64_t weft__message_tag(const weft__message *message)
{
    return message->tag;
}

uint64_t weft__message_flits(const weft__message *message)
{
    return message->flits;
}

const weft__route *weft__message_route(const weft__message *message)
{
    return &message->path->route;
}

weft__time weft__message_head_ps(const weft__message *message, uint32_t hop)
{
    return hop < message->leg_count ? message->legs[hop].head : message->head;
}

/* ---- links ---- */

weft__link_load weft__fabric_load(const weft__fabric *fabric, uint32_t link)
{
    const weft__wire *wire = &fabric->wires[link];
    return (weft__link_load){wire->flits, wire->busy_ps, wire->free_at};
}

void weft__fabric_get_info(const weft__fabric *fabric, weft__fabric_info *out)
{
    *out = fabric->info;
}
