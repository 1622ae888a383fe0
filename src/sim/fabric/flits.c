/* Each flit for itself: the fabric as its definition reads.
 *
 * An event is a decision: a link that is free picks one of the flits that wait for it. A decision is asked for when a
 * flit arrives, when the link is free again while others wait, and when what held a flit back has gone: a credit that
 * comes back, a message that has left the buffer before, an input that may be read again. */
#include <stdlib.h>

#include "sim/fabric/fabric_impl.h"

static void on_decision(weft_sim *sim, uint64_t argument);
static void on_tail(weft_sim *sim, uint64_t argument);

/* Asks for a decision. A link waits for the earliest one only: that one asks for what is still needed after it. A link
 * that has just sent a flit decides after others, so that it does not take an input from them again and again. */
static void decide_at(weft__wire *wire, weft__time time)
{
    weft_sim *sim = wire->fabric->sim;
    if (time < weft__sim_now(sim))
        time = weft__sim_now(sim);
    if (wire->decide_at <= time)
        return;
    int16_t priority = (int16_t)(WEFT__LINK_PRIORITY + (time == wire->free_at));
    wire->decide_at = time;
    (void)weft__sim_at(sim, time, priority, on_decision, (uintptr_t)wire);
}

/* ---- virtual channels ---- */

/* Takes the credits that have come back. */
static void collect_credits(const weft__wire *wire, weft__vc *vc, weft__time now)
{
    while (vc->credit_count && vc->credits[vc->credit_head] <= now) {
        vc->credit_head = (vc->credit_head + 1) % wire->link->buffer_flits;
        vc->credit_count--;
        vc->used--;
    }
}

/* Whether another flit has room; if not, a decision is scheduled for the next credit that is on its way. */
static bool has_room(weft__wire *wire, weft__vc *vc, weft__time now)
{
    if (wire->link->buffer_flits == 0)
        return true;
    collect_credits(wire, vc, now);
    if (vc->used < wire->link->buffer_flits)
        return true;
    if (vc->credit_count)
        decide_at(wire, vc->credits[vc->credit_head]);
    return false;
}

/* A flit has left the buffer. */
static void give_credit(weft__wire *wire, weft__vc *vc, weft__time now)
{
    uint32_t capacity = wire->link->buffer_flits;
    if (capacity == 0)
        return;
    vc->credits[(vc->credit_head + vc->credit_count) % capacity] = now + wire->link->credit_ps;
    vc->credit_count++;
    if (wire->active_count)
        decide_at(wire, now + wire->link->credit_ps);
}

/* The free virtual channel with the most room, the lowest numbered among equals; WEFT__VC_NONE if there is none. */
static uint32_t free_vc(weft__wire *wire, weft__time now)
{
    uint32_t best = WEFT__VC_NONE;
    for (uint32_t i = 0; i < wire->link->vcs; i++) {
        weft__vc *vc = &wire->vcs[i];
        if (vc->owner)
            continue;
        if (vc->free_at > now) {
            decide_at(wire, vc->free_at);
            continue;
        }
        collect_credits(wire, vc, now);
        if (wire->link->tail_credit && vc->used) {
            if (vc->credit_count == vc->used) /* nobody waited when the last of them was given */
                decide_at(wire, vc->credits[(vc->credit_head + vc->credit_count - 1) % wire->link->buffer_flits]);
            continue;
        }
        if (best == WEFT__VC_NONE || vc->used < wire->vcs[best].used)
            best = i;
    }
    return best;
}

weft__vc *weft__leg_buffer(const weft__leg *leg)
{
    const weft__leg *before = leg - 1;
    if (leg->hop == 0)
        return leg->wire->link->vcs ? &leg->wire->source : NULL;
    return before->vc != WEFT__VC_NONE ? &before->wire->vcs[before->vc] : NULL;
}

/* Puts a leg at the end of a buffer. */
static void enter_buffer(weft__vc *buffer, weft__leg *leg)
{
    if (buffer->back)
        buffer->back->next_in_buffer = leg;
    else
        buffer->front = leg;
    buffer->back = leg;
}

/* ---- who is next ---- */

/* Where a leg's flits come in, as round robin counts: the virtual channel, and the link before. */
static uint64_t input_of(const weft__leg *leg)
{
    if (leg->hop == 0)
        return 0;
    const weft__message *message = leg->message;
    return (uint64_t)leg[-1].vc << 32 | (message->path->route.links[leg->hop - 1] + 1);
}

/* The input that the leg's flits come through may be read only so often. */
static bool may_read(weft__wire *wire, const weft__leg *leg, weft__time now)
{
    uint32_t speedup = wire->fabric->graph->spec->cube.input_speedup;
    if (leg->hop == 0 || speedup == 0)
        return true;
    const weft__wire *input = leg[-1].wire;
    if (!input->reads)
        return true;
    weft__time oldest = input->reads[input->read_at];
    uint64_t read_ps = wire->fabric->router_flit_ps[leg->message->size];
    if (oldest == WEFT__NEVER || oldest + read_ps <= now)
        return true;
    decide_at(wire, oldest + read_ps);
    return false;
}

static void note_read(const weft__leg *leg, weft__time now)
{
    uint32_t speedup = leg->message->fabric->graph->spec->cube.input_speedup;
    weft__wire *input = leg->hop ? leg[-1].wire : NULL;
    if (!input || !input->reads)
        return;
    input->reads[input->read_at] = now;
    input->read_at = (input->read_at + 1) % speedup;
}

/* True if the leg's next flit is there and nothing holds it back. */
static bool may_go(weft__wire *wire, weft__leg *leg, weft__time now)
{
    if (!leg->runs.count || weft__runs_front(&leg->runs)->first > now)
        return false;
    const weft__vc *buffer = weft__leg_buffer(leg);
    if (buffer && buffer->front != leg)
        return false; /* another message is before it, and will wake the link when it has gone */
    if (buffer && leg->served == 0 && buffer->front_at > now) {
        decide_at(wire, buffer->front_at);
        return false;
    }
    if (!may_read(wire, leg, now))
        return false;
    if (wire->link->vcs == 0)
        return true;
    if (leg->vc == WEFT__VC_NONE) {
        uint32_t vc = free_vc(wire, now);
        return vc != WEFT__VC_NONE && has_room(wire, &wire->vcs[vc], now);
    }
    return has_room(wire, &wire->vcs[leg->vc], now);
}

static bool goes_before(const weft__wire *wire, weft__leg *a, weft__leg *b)
{
    if (wire->link->arbitration == WEFT__ARBITRATE_ROUND_ROBIN) {
        uint64_t turn_a = input_of(a) - wire->turn - 1, turn_b = input_of(b) - wire->turn - 1; /* go round */
        if (turn_a != turn_b)
            return turn_a < turn_b;
    }
    weft__time time_a = weft__runs_front(&a->runs)->first, time_b = weft__runs_front(&b->runs)->first;
    return time_a != time_b ? time_a < time_b : a->message->key < b->message->key;
}

static weft__leg *choose(weft__wire *wire, weft__time now)
{
    weft__leg *best = NULL;
    if (wire->fabric->is_plain)
        return wire->active_count && wire->active[0]->next_ps <= now ? wire->active[0] : NULL;
    for (uint32_t i = 0; i < wire->active_count; i++) {
        weft__leg *leg = wire->active[i];
        if (may_go(wire, leg, now) && (!best || goes_before(wire, leg, best)))
            best = leg;
    }
    return best;
}

/* ---- sending ---- */

/* Gives the message a virtual channel of the link and its place in the buffer behind it. */
static void take_vc(weft__wire *wire, weft__leg *leg, weft__time now)
{
    leg->vc = free_vc(wire, now);
    weft__vc *vc = &wire->vcs[leg->vc];
    vc->owner = leg->message;
    if (leg->hop + 1 < leg->message->leg_count) /* a target takes its flits at once */
        enter_buffer(vc, leg + 1);
}

/* The next message of a buffer can be reached now. */
static void wake_front(weft__leg *front)
{
    weft__wire *wire = front->wire;
    if (front->hop == 0 && !weft__wire_join(wire, front))
        return;
    if (front->runs.count)
        decide_at(wire, weft__runs_front(&front->runs)->first);
}

/* A flit of the leg leaves the buffer that it waited in. */
static void leave_buffer(weft__leg *leg, weft__time now)
{
    weft__vc *buffer = weft__leg_buffer(leg);
    if (!buffer)
        return;
    if (leg->served == leg->message->flits) {
        buffer->front = leg->next_in_buffer;
        buffer->front_at = now + leg->wire->flit_ps[leg->message->size];
        if (leg->hop) /* a message that has come to the front must be given its channel, too */
            buffer->front_at += leg[-1].wire->link->vc_ps;
        if (buffer->front)
            wake_front(buffer->front);
        else
            buffer->back = NULL;
    }
    if (leg->hop)
        give_credit(leg[-1].wire, buffer, now);
}

/* A flit is going to be at the leg. */
static void expect_flit(weft__leg *leg, weft__time arrival)
{
    if (leg->known == 1)
        weft__flits_begin(leg);
    else
        decide_at(leg->wire, arrival);
}

static void send_flit(weft__wire *wire, weft__leg *leg, weft__time now)
{
    weft__message *message = leg->message;
    uint64_t flit_ps = wire->flit_ps[message->size];
    if (wire->link->vcs && leg->vc == WEFT__VC_NONE)
        take_vc(wire, leg, now);
    weft__vc *vc = wire->link->vcs ? &wire->vcs[leg->vc] : NULL;
    wire->turn = input_of(leg);
    wire->flits++;
    wire->busy_ps += flit_ps;
    wire->free_at = now + flit_ps;
    note_read(leg, now);
    weft__runs_take(&leg->runs, 1);
    weft__run run = {wire->free_at, 0, 1};
    weft__leg *next = weft__leg_pass(leg, &run);
    leave_buffer(leg, now);
    if (vc && wire->link->buffer_flits)
        vc->used++;
    if (vc && !next)
        give_credit(wire, vc, message->tail);
    if (leg->served == message->flits) {
        if (vc) {
            vc->owner = NULL;
            vc->free_at = wire->free_at + wire->link->vc_ps;
        }
        weft__wire_leave(wire, leg);
    } else {
        weft__wire_served(wire, leg);
    }
    if (next)
        expect_flit(next, weft__runs_last(&next->runs));
    else if (message->delivered == message->flits)
        (void)weft__sim_at(wire->fabric->sim, message->tail, 0, on_tail, (uintptr_t)message);
}

/* Asks for what the flits need that come later, or have to wait for the one that is being sent. Those that something
 * else holds back have asked for themselves. */
static void decide_again(weft__wire *wire, weft__time now)
{
    uint32_t count = wire->fabric->is_plain && wire->active_count ? 1 : wire->active_count; /* the first is enough */
    for (uint32_t i = 0; i < count; i++) {
        weft__time arrival = wire->active[i]->next_ps;
        if (arrival == WEFT__NEVER || (arrival <= now && wire->free_at <= now))
            continue;
        decide_at(wire, arrival > wire->free_at ? arrival : wire->free_at);
    }
}

static void on_decision(weft_sim *sim, uint64_t argument)
{
    weft__wire *wire = (weft__wire *)(uintptr_t)argument;
    weft__time now = weft__sim_now(sim);
    if (wire->decide_at != now)
        return; /* an earlier one has taken its place */
    wire->decide_at = WEFT__NEVER;
    weft__leg *leg = wire->free_at <= now ? choose(wire, now) : NULL;
    if (leg)
        send_flit(wire, leg, now);
    decide_again(wire, now);
}

static void on_tail(weft_sim *sim, uint64_t argument)
{
    (void)sim;
    weft__message_end((weft__message *)(uintptr_t)argument);
}

void weft__flits_begin(weft__leg *leg)
{
    weft__wire *wire = leg->wire;
    weft__vc *source = leg->hop == 0 ? weft__leg_buffer(leg) : NULL;
    if (source) { /* messages leave their source in order: one behind another need not be looked at */
        enter_buffer(source, leg);
        if (source->front != leg)
            return;
    }
    if (weft__wire_join(wire, leg))
        decide_at(wire, leg->head);
}

/* ---- memory ---- */

static bool prepare_wire(weft__wire *wire, bool is_into_router, uint32_t input_speedup)
{
    const weft__link *link = wire->link;
    if (link->vcs) {
        wire->vcs = calloc(link->vcs, sizeof *wire->vcs);
        if (!wire->vcs)
            return false;
    }
    for (uint32_t i = 0; i < link->vcs && link->buffer_flits; i++) {
        wire->vcs[i].credits = malloc(link->buffer_flits * sizeof(weft__time));
        if (!wire->vcs[i].credits)
            return false;
    }
    if (is_into_router && input_speedup) {
        wire->reads = malloc(input_speedup * sizeof(weft__time));
        if (!wire->reads)
            return false;
        for (uint32_t i = 0; i < input_speedup; i++)
            wire->reads[i] = WEFT__NEVER;
    }
    return true;
}

weft_status weft__flits_prepare(weft__fabric *fabric, weft_error *err)
{
    const weft__graph *graph = fabric->graph;
    for (uint32_t i = 0; i < graph->link_count; i++) {
        bool is_into_router = graph->nodes[graph->links[i].to].kind == WEFT__NODE_ROUTER;
        if (!prepare_wire(&fabric->wires[i], is_into_router, graph->spec->cube.input_speedup))
            return weft__fail_memory(err, sizeof *fabric->wires[i].vcs, "the virtual channels of a link");
    }
    return WEFT_OK;
}

void weft__flits_release(weft__fabric *fabric)
{
    for (uint32_t i = 0; i < fabric->graph->link_count; i++) {
        weft__wire *wire = &fabric->wires[i];
        for (uint32_t vc = 0; wire->vcs && vc < wire->link->vcs; vc++)
            free(wire->vcs[vc].credits);
        free(wire->vcs);
        free(wire->reads);
    }
}
