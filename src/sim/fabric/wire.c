/* The messages at a link: a heap by (arrival of the next flit, key), so that the next one is found at once however many
 * wait. A message of which no flit is known to come stands at the end of time. */
#include <stdlib.h>

#include "sim/fabric/fabric_impl.h"

static bool stands_before(const weft__stage *a, const weft__stage *b)
{
    return a->next_ps != b->next_ps ? a->next_ps < b->next_ps : a->message->key < b->message->key;
}

static void put(weft__wire *wire, weft__stage *stage, uint32_t place)
{
    wire->active[place] = stage;
    stage->place = place;
}

static void sift(weft__wire *wire, weft__stage *stage, uint32_t place)
{
    while (place > 0 && stands_before(stage, wire->active[(place - 1) / 2])) {
        put(wire, wire->active[(place - 1) / 2], place);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child + 1 < wire->active_count && stands_before(wire->active[child + 1], wire->active[child]))
            child++;
        if (child >= wire->active_count || !stands_before(wire->active[child], stage))
            break;
        put(wire, wire->active[child], place);
        place = child;
    }
    put(wire, stage, place);
}

/* ---- those of which flits are to come ---- */

static bool is_complete(const weft__stage *stage)
{
    return stage->known == stage->message->flits;
}

/* Another takes its place, the last one: whoever goes through the list from the back misses none. */
static void cross_off(weft__wire *wire, const weft__stage *stage)
{
    weft__stage *last = wire->expected[--wire->expected_count];
    wire->expected[stage->expected_place] = last;
    last->expected_place = stage->expected_place;
}

/* ---- coming and going ---- */

static bool grow(weft__stage ***stages, uint32_t capacity)
{
    weft__stage **grown = realloc(*stages, capacity * sizeof(weft__stage *));
    if (grown)
        *stages = grown;
    return grown != NULL;
}

static bool reserve(weft__wire *wire)
{
    if (wire->active_count < wire->active_capacity)
        return true;
    uint32_t capacity = wire->active_capacity ? 2 * wire->active_capacity : 4;
    if (!grow(&wire->active, capacity) || !grow(&wire->expected, capacity)) {
        (void)weft__sim_fail(wire->fabric->sim, WEFT_OUT_OF_MEMORY,
                             "Out of memory: could not allocate the messages of a link at %llu ps.",
                             (unsigned long long)weft__sim_now(wire->fabric->sim));
        return false;
    }
    wire->fabric->info.allocations += 2;
    wire->active_capacity = capacity;
    return true;
}

bool weft__wire_join(weft__wire *wire, weft__stage *stage)
{
    if (!reserve(wire))
        return false;
    stage->next_ps = stage->runs.count ? weft__runs_front(&stage->runs)->first : WEFT__NEVER;
    if (!is_complete(stage)) {
        stage->expected_place = wire->expected_count;
        wire->expected[wire->expected_count++] = stage;
    }
    sift(wire, stage, wire->active_count++);
    return true;
}

void weft__wire_leave(weft__wire *wire, weft__stage *stage)
{
    uint32_t place = stage->place;
    stage->place = WEFT__PLACE_NONE;
    weft__stage *last = wire->active[--wire->active_count];
    if (last != stage)
        sift(wire, last, place);
}

void weft__wire_served(weft__wire *wire, weft__stage *stage)
{
    stage->next_ps = stage->runs.count ? weft__runs_front(&stage->runs)->first : WEFT__NEVER;
    sift(wire, stage, stage->place);
}

void weft__wire_expect(weft__wire *wire, weft__stage *stage)
{
    if (is_complete(stage))
        cross_off(wire, stage);
    if (stage->next_ps != WEFT__NEVER)
        return;
    stage->next_ps = weft__runs_front(&stage->runs)->first;
    sift(wire, stage, stage->place);
}
