#include "runtime/graph_impl.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* What planning works on; its memory is given back when the plan is made. */
typedef struct planner {
    weft_graph *graph;
    weft__arena arena;
    weft__replay_item *items; /* of each recorded dispatch */
    uint32_t *owners;         /* the item that does the work of each */
    uint32_t *order;          /* items as they are replayed */
    uint32_t count, barrier_count;
} planner;

static weft_status fail_memory(const planner *at, weft_error *err)
{
    return weft__fail_memory(err, at->graph->dispatch_count * sizeof *at->items, "the plan of a graph");
}

static weft_status start(planner *at, weft_error *err)
{
    const weft_graph *graph = at->graph;
    at->items = weft__arena_new_array(&at->arena, weft__replay_item, graph->dispatch_count);
    at->owners = weft__arena_new_array(&at->arena, uint32_t, graph->dispatch_count);
    at->order = weft__arena_new_array(&at->arena, uint32_t, graph->dispatch_count);
    if (!at->items || !at->owners || !at->order)
        return fail_memory(at, err);
    for (uint32_t i = 0; i < graph->dispatch_count; i++) {
        const weft_dispatch *dispatch = &graph->dispatches[i];
        at->items[i] = (weft__replay_item){dispatch, graph->varies[i], dispatch->barriers_before};
        at->owners[i] = i;
    }
    at->barrier_count = graph->barrier_count;
    return WEFT_OK;
}

/* Lists the items that are left by their groups, and within a group as they were recorded. */
static weft_status put_in_order(planner *at, weft_error *err)
{
    uint32_t *next = weft__arena_new_array(&at->arena, uint32_t, at->barrier_count + 1);
    if (!next)
        return fail_memory(at, err);
    memset(next, 0, ((size_t)at->barrier_count + 1) * sizeof *next);
    for (uint32_t i = 0; i < at->graph->dispatch_count; i++)
        if (at->items[i].dispatch)
            next[at->items[i].group]++;
    for (uint32_t group = 0, begin = 0; group <= at->barrier_count; group++) {
        uint32_t count = next[group];
        next[group] = begin;
        begin += count;
    }
    for (uint32_t i = 0; i < at->graph->dispatch_count; i++) {
        if (!at->items[i].dispatch)
            continue;
        at->order[next[at->items[i].group]++] = i;
        at->count++;
    }
    return WEFT_OK;
}

static weft_status optimise(planner *at, weft_error *err)
{
    const weft_graph *graph = at->graph;
    weft_status status = WEFT_OK;
    if (!graph->no_fuse)
        status = weft__replay_fuse(at->items, graph->dispatch_count, graph, &at->arena, at->owners, err);
    if (status == WEFT_OK)
        status = weft__replay_find_groups(at->items, graph->dispatch_count, graph->no_reorder, err);
    at->barrier_count = 0;
    for (uint32_t i = 0; i < graph->dispatch_count; i++)
        if (at->items[i].dispatch && at->items[i].group > at->barrier_count)
            at->barrier_count = at->items[i].group;
    return status;
}

static size_t padded(size_t bytes)
{
    return (bytes + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

/* Dispatches in their order, and behind them the parameters of each, aligned for any type. */
static void lay_out(const planner *at, weft__replay_plan *plan)
{
    unsigned char *params = (unsigned char *)plan->dispatches + padded(at->count * sizeof *plan->dispatches);
    uint32_t earliest = UINT32_MAX;
    for (uint32_t i = at->count; i-- > 0;) {
        plan->moved += at->order[i] > earliest;
        earliest = at->order[i] < earliest ? at->order[i] : earliest;
    }
    for (uint32_t i = 0; i < at->count; i++) {
        const weft__replay_item *item = &at->items[at->order[i]];
        weft_dispatch *dispatch = &plan->dispatches[i];
        *dispatch = *item->dispatch;
        dispatch->index = i;
        dispatch->barriers_before = item->group;
        if (dispatch->op->params_bytes) {
            dispatch->params = memcpy(params, item->dispatch->params, dispatch->op->params_bytes);
            params += padded(dispatch->op->params_bytes);
        }
        plan->places[at->order[i]] = i;
    }
    for (uint32_t i = 0; i < at->graph->dispatch_count; i++)
        plan->places[i] = plan->places[at->owners[i]];
}

static weft_status make(const planner *at, weft__replay_plan *out, weft_error *err)
{
    *out = (weft__replay_plan){.dispatch_count = at->count, .barrier_count = at->barrier_count};
    out->bytes = padded(at->count * sizeof *out->dispatches);
    for (uint32_t i = 0; i < at->count; i++)
        out->bytes += padded(at->items[at->order[i]].dispatch->op->params_bytes);
    out->dispatches = calloc(1, out->bytes + 1);
    out->places = calloc((size_t)at->graph->dispatch_count + 1, sizeof *out->places);
    if (!out->dispatches || !out->places)
        return weft__fail_memory(err, out->bytes, "the plan of a graph");
    lay_out(at, out);
    return weft__replay_hold_create(out->dispatches, out->dispatch_count, &out->hold, err);
}

void weft__replay_plan_free(weft__replay_plan *plan)
{
    weft__replay_hold_release(plan->hold);
    free(plan->dispatches);
    free(plan->places);
    *plan = (weft__replay_plan){0};
}

weft_status weft__replay_prepare(weft_graph *graph, weft_error *err)
{
    if (!graph->is_stale)
        return WEFT_OK;
    planner at = {.graph = graph};
    weft__replay_plan plan = {0};
    weft_status status = start(&at, err);
    if (status == WEFT_OK && graph->is_optimised)
        status = optimise(&at, err);
    if (status == WEFT_OK)
        status = put_in_order(&at, err);
    if (status == WEFT_OK)
        status = make(&at, &plan, err);
    weft__arena_destroy(&at.arena);
    if (status != WEFT_OK) {
        weft__replay_plan_free(&plan);
        return status;
    }
    weft__replay_plan_free(&graph->plan);
    graph->plan = plan;
    graph->is_stale = false;
    return WEFT_OK;
}
