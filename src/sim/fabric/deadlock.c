/* What is left when nothing happens any more: messages that wait for each other. */
#include <stdio.h>
#include <string.h>

#include "sim/fabric/fabric_impl.h"

/* Names of so many links of a cycle are told. */
#define LINKS_TOLD 4u

/* A message that is still under way, at the link where its first flit that has not been sent waits. */
static const weft__leg *find_waiting(const weft__fabric *fabric)
{
    for (uint32_t i = 0; i < fabric->graph->link_count; i++) {
        const weft__wire *wire = &fabric->wires[i];
        for (uint32_t j = 0; j < wire->active_count; j++)
            if (wire->active[j]->runs.count)
                return wire->active[j];
    }
    return NULL;
}

static const weft__leg *leg_at(const weft__message *message, const weft__wire *wire)
{
    for (uint32_t hop = 0; hop < message->leg_count; hop++)
        if (message->legs[hop].wire == wire)
            return &message->legs[hop];
    return NULL;
}

/* The message that must move before this one can; NULL if that is not known. */
static const weft__leg *waits_for(const weft__leg *leg)
{
    const weft__wire *wire = leg->wire;
    const weft__vc *buffer = weft__leg_buffer(leg);
    if (buffer && buffer->front != leg)
        return buffer->front;
    if (leg->vc != WEFT__VC_NONE)
        return wire->vcs[leg->vc].front;
    for (uint32_t i = 0; i < wire->link->vcs; i++) {
        const weft__vc *vc = &wire->vcs[i];
        if (vc->owner && vc->owner != leg->message)
            return leg_at(vc->owner, wire);
        if (vc->front && vc->front->message != leg->message)
            return vc->front;
    }
    return NULL;
}

static void tell_link(const weft__leg *leg, char *text, size_t bytes)
{
    char from[WEFT__NODE_NAME_BYTES], to[WEFT__NODE_NAME_BYTES];
    const weft__wire *wire = leg->wire;
    weft__graph_node_name(wire->fabric->graph, wire->link->from, from);
    weft__graph_node_name(wire->fabric->graph, wire->link->to, to);
    size_t used = strlen(text);
    (void)snprintf(text + used, bytes - used, "%s%s -> %s", used ? ", " : "", from, to);
}

/* The links along the circle from a leg on, each once: several messages may wait at one. */
static void tell_circle(const weft__leg *at, char *text, size_t bytes)
{
    const weft__leg *first = at;
    const weft__wire *told[LINKS_TOLD];
    uint32_t count = 0;
    do {
        bool is_told = false;
        for (uint32_t i = 0; i < count; i++)
            is_told = is_told || told[i] == at->wire;
        if (!is_told) {
            told[count++] = at->wire;
            tell_link(at, text, bytes);
        }
        at = waits_for(at);
    } while (at && at != first && count < LINKS_TOLD);
}

weft_status weft__fabric_check_arrived(const weft__fabric *fabric, weft_error *err)
{
    uint64_t left = fabric->info.messages_sent - fabric->info.messages_arrived;
    if (left == 0)
        return WEFT_OK;
    const weft__leg *at = find_waiting(fabric);
    if (!at)
        return weft__fail(err, WEFT_INTERNAL, "%llu messages have not arrived, and none of them waits for a link.",
                          (unsigned long long)left);
    /* As many steps as there are messages lead into the cycle, if there is one. */
    for (uint64_t step = 0; step < left; step++) {
        const weft__leg *next = waits_for(at);
        if (!next)
            break;
        at = next;
    }
    char links[280] = "";
    tell_circle(at, links, sizeof links);
    return weft__fail(err, WEFT_DEADLOCK,
                      "%llu messages wait for one another at %llu ps, and nothing moves; among others at the links %s.",
                      (unsigned long long)left, (unsigned long long)weft__sim_now(fabric->sim), links);
}
