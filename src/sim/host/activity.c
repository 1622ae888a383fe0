#include "sim/host/activity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "sim/machine/places.h"

#define FIRST_BUCKET_PS 1024u

struct weft_activity {
    const weft__graph *graph;
    uint64_t begin_ps, bucket_ps, end_ps;
    size_t links, pes, hbms;
    uint64_t *rows[]; /* of links, PEs and HBM controllers; NULL of those that never were busy */
};

struct weft__activity_recorder {
    weft_sim *sim;
    weft__pes *pes;
    weft__transfers *transfers;
    weft__observer link_observer;
    weft__pe_observer pe_observer;
    weft__hbm_observer hbm_observer;
    weft_activity *kept;
};

/* ---- buckets ---- */

static size_t parts_of(const weft_activity *activity)
{
    return activity->links + activity->pes + activity->hbms;
}

/* Makes buckets twice as wide. */
static void widen(weft_activity *activity)
{
    for (size_t i = 0; i < parts_of(activity); i++) {
        uint64_t *row = activity->rows[i];
        for (size_t bucket = 0; row && bucket < WEFT_ACTIVITY_BUCKETS; bucket++)
            row[bucket] = bucket < WEFT_ACTIVITY_BUCKETS / 2 ? row[2 * bucket] + row[2 * bucket + 1] : 0;
    }
    activity->bucket_ps *= 2;
}

static void reach(weft_activity *activity, uint64_t end_ps)
{
    while ((end_ps - activity->begin_ps - 1) / activity->bucket_ps >= WEFT_ACTIVITY_BUCKETS)
        widen(activity);
    activity->end_ps = weft__max_size(activity->end_ps, end_ps);
}

/* NULL when out of memory, which is noted. */
static uint64_t *row_of(const weft__activity_recorder *it, size_t part)
{
    uint64_t **row = &it->kept->rows[part];
    if (!*row)
        *row = calloc(WEFT_ACTIVITY_BUCKETS, sizeof **row);
    if (!*row)
        (void)weft__sim_fail(it->sim, WEFT_OUT_OF_MEMORY,
                             "Out of memory: could not allocate the activity of a part of the machine at %" PRIu64
                             " ps.",
                             weft__sim_now(it->sim));
    return *row;
}

/* A part was busy for a while. */
static void add(const weft__activity_recorder *it, size_t part, uint64_t begin, uint64_t end)
{
    weft_activity *kept = it->kept;
    begin = weft__max_size(begin, kept->begin_ps);
    if (begin >= end)
        return;
    reach(kept, end);
    uint64_t *row = row_of(it, part);
    while (row && begin < end) {
        uint64_t bucket = (begin - kept->begin_ps) / kept->bucket_ps;
        uint64_t until = weft__min_size(kept->begin_ps + (bucket + 1) * kept->bucket_ps, end);
        row[bucket] += until - begin;
        begin = until;
    }
}

/* Flits that begin `gap_ps` after one another: those of one bucket at once. */
static void add_spaced(const weft__activity_recorder *it, size_t part, const weft__run *begins, uint64_t flit_ps)
{
    weft_activity *kept = it->kept;
    uint64_t begin = begins->first, left = begins->count;
    reach(kept, weft__max_size(weft__run_last(begins) + flit_ps, kept->begin_ps + 1));
    while (left > 0) {
        uint64_t whole = 1;
        if (begin >= kept->begin_ps) {
            uint64_t bucket = (begin - kept->begin_ps) / kept->bucket_ps;
            uint64_t bucket_end = kept->begin_ps + (bucket + 1) * kept->bucket_ps;
            uint64_t *row = row_of(it, part);
            if (!row)
                return;
            if (begin + flit_ps <= bucket_end) {
                whole = weft__min_size((bucket_end - flit_ps - begin) / begins->gap_ps + 1, left);
                row[bucket] += whole * flit_ps;
            } else {
                add(it, part, begin, begin + flit_ps);
            }
        } else {
            add(it, part, begin, begin + flit_ps);
        }
        left -= whole;
        begin += whole * begins->gap_ps;
    }
}

/* ---- who is watched ---- */

static void on_passed(void *context, const weft__passage *passage)
{
    const weft__activity_recorder *it = context;
    const weft__run *begins = &passage->begins;
    if (begins->count == 1 || begins->gap_ps == passage->flit_ps)
        add(it, passage->link, begins->first, weft__run_last(begins) + passage->flit_ps);
    else
        add_spaced(it, passage->link, begins, passage->flit_ps);
}

static void on_computed(void *context, const weft__pe *pe, weft__time since, weft__time until)
{
    const weft__activity_recorder *it = context;
    add(it, it->kept->links + weft__pe_index(pe), since, until);
}

static void on_served(void *context, uint32_t controller, weft__time begin, weft__time end)
{
    const weft__activity_recorder *it = context;
    add(it, it->kept->links + it->kept->pes + controller, begin, end);
}

/* ---- making and ending ---- */

static weft_activity *new_activity(const weft__graph *graph)
{
    size_t pes = (size_t)graph->spec->system.sips * graph->cubes * graph->pes;
    size_t hbms = graph->spec->cube.hbm.gib ? pes : 0, links = graph->link_count;
    weft_activity *activity = calloc(1, sizeof *activity + (links + pes + hbms) * sizeof activity->rows[0]);
    if (activity) {
        activity->graph = graph;
        activity->bucket_ps = FIRST_BUCKET_PS;
        activity->links = links;
        activity->pes = pes;
        activity->hbms = hbms;
    }
    return activity;
}

static weft_status fail_memory(weft_error *err)
{
    return weft__fail_memory(err, WEFT_ACTIVITY_BUCKETS * sizeof(uint64_t), "the activity of a machine");
}

weft_status weft__activity_recorder_create(weft__pes *pes, weft__transfers *transfers, uint64_t begin_ps,
                                           weft__activity_recorder **out, weft_error *err)
{
    *out = NULL;
    weft__activity_recorder *it = calloc(1, sizeof *it);
    if (!it)
        return fail_memory(err);
    it->kept = new_activity(weft__pes_graph(pes));
    if (!it->kept) {
        free(it);
        return fail_memory(err);
    }
    it->kept->begin_ps = it->kept->end_ps = begin_ps;
    it->sim = weft__pes_sim(pes);
    it->pes = pes;
    it->transfers = transfers;
    it->link_observer = (weft__observer){.passed = on_passed, .context = it};
    it->pe_observer = (weft__pe_observer){.computed = on_computed, .context = it};
    it->hbm_observer = (weft__hbm_observer){.served = on_served, .context = it};
    weft__pes_observe(pes, &it->pe_observer);
    weft__transfers_observe(transfers, &it->hbm_observer);
    *out = it;
    return WEFT_OK;
}

void weft__activity_recorder_destroy(weft__activity_recorder *it)
{
    if (!it)
        return;
    weft__pes_observe(it->pes, NULL);
    weft__transfers_observe(it->transfers, NULL);
    weft_activity_destroy(it->kept);
    free(it);
}

weft__observer *weft__activity_recorder_observer(weft__activity_recorder *it)
{
    return &it->link_observer;
}

weft_status weft__activity_recorder_take(const weft__activity_recorder *it, uint64_t end_ps, weft_activity **out,
                                         weft_error *err)
{
    const weft_activity *kept = it->kept;
    weft_activity *copy = *out = new_activity(kept->graph);
    bool is_whole = copy != NULL;
    for (size_t i = 0; is_whole && i < parts_of(kept); i++) {
        if (!kept->rows[i])
            continue;
        copy->rows[i] = malloc(WEFT_ACTIVITY_BUCKETS * sizeof *copy->rows[i]);
        is_whole = copy->rows[i] != NULL;
        if (is_whole)
            memcpy(copy->rows[i], kept->rows[i], WEFT_ACTIVITY_BUCKETS * sizeof *copy->rows[i]);
    }
    if (!is_whole) {
        weft_activity_destroy(copy);
        *out = NULL;
        return fail_memory(err);
    }
    copy->begin_ps = kept->begin_ps;
    copy->bucket_ps = kept->bucket_ps;
    copy->end_ps = kept->end_ps;
    if (end_ps > copy->end_ps)
        reach(copy, end_ps);
    return WEFT_OK;
}

/* ---- what came out ---- */

void weft_activity_destroy(weft_activity *activity)
{
    for (size_t i = 0; activity && i < parts_of(activity); i++)
        free(activity->rows[i]);
    free(activity);
}

void weft_activity_get_info(const weft_activity *activity, weft_activity_info *out)
{
    uint64_t passed_ps = weft__max_size(activity->end_ps - activity->begin_ps, 1);
    *out = (weft_activity_info){.begin_ps = activity->begin_ps,
                                .bucket_ps = activity->bucket_ps,
                                .bucket_count = (size_t)((passed_ps - 1) / activity->bucket_ps + 1),
                                .part_count = parts_of(activity)};
}

static void describe_link(const weft__graph *graph, uint32_t number, weft_activity_part *out)
{
    char from[WEFT__NODE_NAME_BYTES], to[WEFT__NODE_NAME_BYTES];
    const weft__link *link = &graph->links[number];
    weft__graph_node_name(graph, link->from, from);
    weft__graph_node_name(graph, link->to, to);
    (void)snprintf(out->name, sizeof out->name, "%s to %s", from, to);
    weft__point begin = weft__place_of_node(graph, link->from), end = weft__place_of_node(graph, link->to);
    out->link_kind = weft__link_kind(graph, number);
    out->x = begin.x;
    out->y = begin.y;
    out->to_x = end.x;
    out->to_y = end.y;
}

/* A PE is where its DMA is; both of them and its controller are numbered alike. */
static void describe_unit(const weft__graph *graph, weft__node_kind kind, size_t number, weft_activity_part *out)
{
    char name[WEFT__NODE_NAME_BYTES];
    size_t cube = number / graph->pes;
    uint32_t node = weft__graph_node(graph, kind, (uint32_t)(cube / graph->cubes), (uint32_t)(cube % graph->cubes),
                                     (uint32_t)(number % graph->pes));
    weft__graph_node_name(graph, node, name);
    size_t length = kind == WEFT__NODE_DMA ? (size_t)(strrchr(name, '.') - name) : strlen(name);
    (void)snprintf(out->name, sizeof out->name, "%.*s", (int)length, name);
    weft__point place = weft__place_of_node(graph, node);
    out->x = out->to_x = place.x;
    out->y = out->to_y = place.y;
}

bool weft_activity_at(const weft_activity *activity, size_t index, weft_activity_part *out)
{
    const weft__graph *graph = activity->graph;
    *out = (weft_activity_part){.lanes = 1};
    if (index >= parts_of(activity))
        return false;
    out->busy_ps = activity->rows[index];
    if (index < activity->links) {
        out->kind = WEFT_ACTIVITY_LINK;
        describe_link(graph, (uint32_t)index, out);
    } else if (index < activity->links + activity->pes) {
        out->kind = WEFT_ACTIVITY_PE;
        describe_unit(graph, WEFT__NODE_DMA, index - activity->links, out);
    } else {
        out->kind = WEFT_ACTIVITY_HBM;
        out->lanes = graph->spec->cube.hbm.channels;
        describe_unit(graph, WEFT__NODE_HBM, index - activity->links - activity->pes, out);
    }
    return true;
}
