/* The messages at a link: a heap by (arrival of the next flit, key), so that the next one is found at once however many
 * wait. A message of which no flit is known to come stands at the end of time. */

#include "base/array.h"
#include "sim/fabric/fabric_impl.h"

static bool stands_before(const weft__leg *a, const weft__leg *b)
{
    return a->next_ps != b->next_ps ? a->next_ps < b->next_ps : a->message->key < b->message->key;
}

static void put(weft__wire *wire, weft__leg *leg, uint32_t place)
{
    wire->active[place] = leg;
    leg->place = place;
}

static void sift(weft__wire *wire, weft__leg *leg, uint32_t place)
{
    while (place > 0 && stands_before(leg, wire->active[(place - 1) / 2])) {
        put(wire, wire->active[(place - 1) / 2], place);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child + 1 < wire->active_count && stands_before(wire->active[child + 1], wire->active[child]))
            child++;
        if (child >= wire->active_count || !stands_before(wire->active[child], leg))
            break;
        put(wire, wire->active[child], place);
        place = child;
    }
    put(wire, leg, place);
}

/* ---- those of which flits are to come ---- */

static bool is_complete(const weft__leg *leg)
{
    return leg->known == leg->message->flits;
}

/* Another takes its place, the last one: whoever goes through the list from the back misses none. */
static void cross_off(weft__wire *wire, const weft__leg *leg)
{
    weft__leg *last = wire->expected[--wire->expected_count];
    wire->expected[leg->expected_place] = last;
    last->expected_place = leg->expected_place;
}

/* ---- coming and going ---- */

static bool reserve(weft__wire *wire)
{
    if (wire->active_count < wire->active_capacity)
        return true;
    /* The capacity counts what both arrays have, so one that has grown alone does no harm. */
    size_t capacity = wire->active_capacity;
    if (!weft__array_reserve(&wire->expected, &capacity, wire->active_count, 1) ||
        !weft__array_reserve(&wire->active, &wire->active_capacity, wire->active_count, 1)) {
        (void)weft__sim_fail(wire->fabric->sim, WEFT_OUT_OF_MEMORY,
                             "Out of memory: could not allocate the messages of a link at %llu ps.",
                             (unsigned long long)weft__sim_now(wire->fabric->sim));
        return false;
    }
    wire->fabric->info.allocations += 2;
    return true;
}

bool weft__wire_join(weft__wire *wire, weft__leg *leg)
{
    if (!reserve(wire))
        return false;
    leg->next_ps = leg->runs.count ? weft__runs_front(&leg->runs)->first : WEFT__NEVER;
    if (!is_complete(leg)) {
        leg->expected_place = wire->expected_count;
        wire->expected[wire->expected_count++] = leg;
    }
    sift(wire, leg, wire->active_count++);
    return true;
}

void weft__wire_leave(weft__wire *wire, weft__leg *leg)
{
    uint32_t place = leg->place;
    leg->place = WEFT__PLACE_NONE;
    weft__leg *last = wire->active[--wire->active_count];
    if (last != leg)
        sift(wire, last, place);
}

void weft__wire_served(weft__wire *wire, weft__leg *leg)
{
    leg->next_ps = leg->runs.count ? weft__runs_front(&leg->runs)->first : WEFT__NEVER;
    sift(wire, leg, leg->place);
}

void weft__wire_expect(weft__wire *wire, weft__leg *leg)
{
    if (is_complete(leg))
        cross_off(wire, leg);
    if (leg->next_ps != WEFT__NEVER)
        return;
    leg->next_ps = weft__runs_front(&leg->runs)->first;
    sift(wire, leg, leg->place);
}
