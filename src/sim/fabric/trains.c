/* Flits as trains: links look at them when somebody needs to know.
 *
 * What makes it right. Let a link be asked at time t for all flits that arrive before t. Every message whose head
 * arrives before t has been put among the link's legs: that happens when its head leaves the link before, which is at
 * least the time of a flit earlier, in an event of its own. For its later flits the link before is asked, for a time
 * earlier by at least that of a flit; so the questions end. Nothing that is answered can change afterwards, as a
 * link does not depend on what is behind it. */
#include "sim/fabric/fabric_impl.h"

/* The next flit of a leg that is to be served; the order in which flits are. */
typedef struct weft__claim {
    weft__time time;
    uint64_t key;
} weft__claim;

static bool comes_before(const weft__claim *a, const weft__claim *b)
{
    return a->time != b->time ? a->time < b->time : a->key < b->key;
}

static void on_head(weft_sim *sim, uint64_t argument);
static void on_tail(weft_sim *sim, uint64_t argument);

/* From a flit's arrival at a link until it can be behind it. */
static uint64_t shortest_way(const weft__wire *wire, const weft__message *message)
{
    return wire->flit_ps[message->size] + wire->wire_ps;
}

/* ---- tails ---- */

static weft__time later(weft__time a, weft__time b)
{
    return a > b ? a : b;
}

/* When the last flit can be at the target at the earliest, by what is known: at each link it comes after those of its
 * message that have yet to go, and none of them goes before what is decided, nor before the flits are there. */
static weft__time earliest_tail(weft__message *message)
{
    weft__time earliest = 0;
    for (uint32_t hop = 0; hop < message->leg_count; hop++) {
        weft__leg *leg = &message->legs[hop];
        const weft__wire *wire = leg->wire;
        uint64_t flit_ps = wire->flit_ps[message->size], left = message->flits - leg->served;
        if (left && leg->known) {
            earliest = later(earliest, later(wire->free_at, wire->known_before) + (left - 1) * flit_ps);
            earliest = later(earliest, leg->head);
            if (leg->known == message->flits)
                earliest = later(earliest, weft__runs_last(&leg->runs));
        }
        earliest += flit_ps + wire->wire_ps;
    }
    return later(earliest, message->head);
}

static void await_tail(weft__message *message)
{
    bool is_known = message->delivered == message->flits;
    weft_sim *sim = message->fabric->sim;
    weft__time time = is_known ? message->tail : earliest_tail(message);
    (void)weft__sim_at(sim, time, 0, on_tail, (uintptr_t)message);
}

/* ---- serving ---- */

/* Sends `part`, the first flits of a leg, over its link, which is free for them: nothing else comes in between. */
static void serve_run(weft__wire *wire, weft__leg *leg, const weft__run *part)
{
    uint64_t flit_ps = wire->flit_ps[leg->message->size], gap = part->gap_ps, left = part->count;
    weft__time ready = part->first, free_at = wire->free_at;
    wire->flits += left;
    wire->busy_ps += left * flit_ps;
    if (free_at > ready || gap < flit_ps) { /* back to back, until the link has caught up with the arrivals */
        weft__time begin = free_at > ready ? free_at : ready;
        uint64_t count = left;
        if (gap > flit_ps) {
            uint64_t late = (begin - ready + gap - flit_ps - 1) / (gap - flit_ps);
            count = late < left ? late : left;
        }
        weft__run run = {begin + flit_ps, flit_ps, count};
        (void)weft__leg_pass(leg, &run);
        free_at = begin + count * flit_ps;
        left -= count;
        ready += count * gap;
    }
    if (left) {
        weft__run run = {ready + flit_ps, gap, left};
        (void)weft__leg_pass(leg, &run);
        free_at = ready + (left - 1) * gap + flit_ps;
    }
    wire->free_at = free_at;
}

static void serve(weft__wire *wire, weft__leg *leg, const weft__run *part)
{
    weft__message *message = leg->message;
    bool is_first = leg->served == 0, is_last_link = leg->hop + 1 == message->leg_count;
    weft__runs_take(&leg->runs, part->count);
    serve_run(wire, leg, part);
    if (is_first && is_last_link)
        await_tail(message);
    else if (is_first)
        weft__trains_begin(leg + 1);
    if (leg->served == message->flits)
        weft__wire_leave(wire, leg);
    else
        weft__wire_served(wire, leg);
}

/* How many flits of `run` come before both `limit` and the time `before`. At least the first one does. */
static uint64_t count_before(const weft__run *run, uint64_t key, const weft__claim *limit, weft__time before)
{
    if (run->gap_ps == 0 || run->count == 1)
        return run->count;
    weft__time end = limit->time != WEFT__NEVER && key < limit->key ? limit->time + 1 : limit->time;
    end = before < end ? before : end;
    if (weft__run_last(run) < end)
        return run->count;
    return (end - 1 - run->first) / run->gap_ps + 1;
}

/* The claim of the leg that comes behind the first one of the link's heap. */
static weft__claim second_claim(const weft__wire *wire)
{
    weft__claim second = {WEFT__NEVER, UINT64_MAX};
    for (uint32_t i = 1; i < 3 && i < wire->active_count; i++) {
        weft__claim claim = {wire->active[i]->next_ps, wire->active[i]->message->key};
        if (comes_before(&claim, &second))
            second = claim;
    }
    return second;
}

/* Serves what arrives before then, of what is known. */
static void serve_before(weft__wire *wire, weft__time before)
{
    while (wire->active_count && wire->active[0]->next_ps < before) {
        weft__leg *next = wire->active[0];
        weft__claim limit = second_claim(wire);
        weft__run part = *weft__runs_front(&next->runs);
        part.count = count_before(&part, next->message->key, &limit, before);
        serve(wire, next, &part);
    }
}

/* ---- asking ---- */

static void know(weft__wire *wire, weft__time before);

/* Asks the links on the way to this one for what arrives here before then. The questions may come round to this link,
 * and complete messages of the list. */
static void ask_behind(weft__wire *wire, weft__time before)
{
    for (uint32_t i = wire->expected_count; i-- > 0;) {
        if (i >= wire->expected_count)
            continue;
        const weft__leg *leg = wire->expected[i];
        weft__wire *behind = leg[-1].wire;
        uint64_t way = shortest_way(behind, leg->message);
        if (before > way && behind->known_before < before - way)
            know(behind, before - way);
    }
}

/* When the next flit of a leg of which no arrival is known can come at the earliest. It waits at one of the links
 * before, with its arrival there known, as all those at the first link are. No link on the way sends it before what is
 * decided, and it is ahead of all others of its message that have yet to come. */
static weft__time earliest_next(weft__leg *leg)
{
    weft__leg *at = leg;
    while (at->hop && !at->runs.count)
        at--;
    weft__time earliest = at->runs.count ? weft__runs_front(&at->runs)->first : 0; /* none if memory has run out */
    for (; at < leg; at++)
        earliest = later(earliest, at->wire->free_at) + shortest_way(at->wire, leg->message);
    return earliest;
}

/* Goes over whole steps in which nothing can arrive, of which there are many where the links behind are much slower
 * than the fastest of all. The last step stays.
 *
 * It is as right as asking for them. Whatever arrives before then is of the legs of the link, and comes when the claim
 * of its leg says or, if no arrival is known, not before the time above, and behind it the rest of its message. So
 * these steps have nothing to serve, and a question that comes round to this link finds that out at once. The links
 * behind are asked for no less in the end, as the step that follows asks for more than these. Nor are there many of
 * those: each asks for the time of a flit that waits, so that a link behind sends it on, however long that takes. */
static void skip_idle_steps(weft__wire *wire, weft__time before)
{
    weft__time step_ps = wire->fabric->step_ps, known = wire->known_before, idle = before - 1;
    if (idle - known < step_ps)
        return;
    idle = wire->active[0]->next_ps < idle ? wire->active[0]->next_ps : idle;
    for (uint32_t i = 0; i < wire->expected_count && idle >= known + step_ps; i++) {
        weft__leg *leg = wire->expected[i];
        weft__time earliest = leg->runs.count ? WEFT__NEVER : earliest_next(leg);
        idle = earliest < idle ? earliest : idle;
    }
    if (idle > known)
        wire->known_before += (idle - known) / step_ps * step_ps;
}

/* Serves everything that arrives at the link before then. */
static void know(weft__wire *wire, weft__time before)
{
    while (wire->active_count && wire->known_before < before) {
        skip_idle_steps(wire, before);
        weft__time step = wire->known_before + wire->fabric->step_ps;
        step = step < before ? step : before;
        wire->fabric->info.steps++;
        ask_behind(wire, step);
        if (wire->known_before < step) { /* else it has been asked for more meanwhile */
            wire->known_before = step;
            serve_before(wire, step);
        }
    }
    wire->known_before = later(wire->known_before, before);
}

/* ---- events ---- */

static void on_head(weft_sim *sim, uint64_t argument)
{
    weft__wire *wire = (weft__wire *)(uintptr_t)argument;
    weft__time now = weft__sim_now(sim);
    if (wire->active_count > 1) {
        know(wire, now + 1);
        return;
    }
    /* Flits that have caught up with the head may come at this picosecond too. With no other message here they need not
     * be asked for before somebody wants to know. */
    wire->known_before = later(wire->known_before, now);
    serve_before(wire, now + 1);
}

static void on_tail(weft_sim *sim, uint64_t argument)
{
    weft__message *message = (weft__message *)(uintptr_t)argument;
    weft__time now = weft__sim_now(sim);
    weft__wire *last = message->legs[message->leg_count - 1].wire;
    uint64_t way = shortest_way(last, message);
    if (message->delivered < message->flits)
        know(last, now + 1 - way);
    if (message->delivered == message->flits && message->tail == now)
        weft__message_end(message);
    else if (!weft__sim_has_failed(sim))
        await_tail(message);
}

void weft__trains_begin(weft__leg *leg)
{
    weft__wire *wire = leg->wire;
    weft_sim *sim = leg->message->fabric->sim;
    weft__time now = weft__sim_now(sim);
    if (wire->active_count == 0 && wire->known_before < now)
        wire->known_before = now; /* nothing came to the link */
    if (weft__wire_join(wire, leg))
        (void)weft__sim_at(sim, leg->head, WEFT__LINK_PRIORITY, on_head, (uintptr_t)wire);
}
