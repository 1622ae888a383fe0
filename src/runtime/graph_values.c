/* Values of a graph: who wrote the bytes that an argument reads, and who may read what a dispatch wrote. */
#include "runtime/graph_impl.h"

#include <stdalign.h>
#include <stdlib.h>

#include "base/status.h"

#define MIXED (WEFT__REPLAY_NO_SOURCE - 1)

/* Three maps for each allocation. */
typedef struct finder {
    const weft__replay_item *items;
    uint32_t count;
    weft__replay_values *values;
    weft__replay_maps writers;  /* payload: the last writer, plus one */
    weft__replay_maps exposed;  /* what is read before anything in the graph writes it */
    weft__replay_maps privates; /* what is not read outside */
    bool out_of_memory;
} finder;

typedef struct visit {
    weft__range_sink sink;
    finder *in;
    uint32_t item, map;
    uint64_t offset; /* of the argument in its allocation */
    uint32_t source; /* reading: the one writer so far, or MIXED */
} visit;

/* One more argument that reads what an item wrote. A writer that is the only one so far has been counted; another may
 * be counted for each of its pieces, which only makes it seem to have more readers. */
static void note_use(visit *at, uint32_t writer)
{
    if (at->source == writer)
        return;
    at->in->values->uses[writer]++;
    at->source = at->source == WEFT__REPLAY_NO_SOURCE ? writer : MIXED;
}

static void read_range(weft__range_sink *sink, uint64_t begin, uint64_t end)
{
    visit *at = (visit *)sink;
    finder *in = at->in;
    begin += at->offset;
    end += at->offset;
    weft__range_cursor cursor;
    uint64_t reached = begin;
    const weft__range *segment = weft__range_map_first_overlap(&in->writers.maps[at->map], begin, end, &cursor);
    for (; segment; segment = weft__range_cursor_next(&cursor)) {
        if (segment->begin > reached) {
            in->out_of_memory |= !weft__range_map_assign(&in->exposed.maps[at->map], reached, segment->begin, 1);
            at->source = MIXED;
        }
        note_use(at, (uint32_t)segment->payload - 1);
        reached = segment->end;
    }
    if (reached < end) {
        in->out_of_memory |= !weft__range_map_assign(&in->exposed.maps[at->map], reached, end, 1);
        at->source = MIXED;
    }
}

static void write_range(weft__range_sink *sink, uint64_t begin, uint64_t end)
{
    const visit *at = (const visit *)sink;
    at->in->out_of_memory |= !weft__range_map_assign(&at->in->writers.maps[at->map], at->offset + begin,
                                                     at->offset + end, (uint64_t)at->item + 1);
}

static void visit_arguments(finder *in, uint32_t item, bool writes)
{
    const weft__replay_item *each = &in->items[item];
    const weft_op *op = each->dispatch->op;
    for (uint32_t i = 0; i < op->argument_count; i++) {
        const weft_buffer *buffer = each->dispatch->arguments[i];
        weft_role role = op->arguments[i].role;
        /* What varies may leave bytes of an output as they were: it counts as their reader too. */
        bool reads = (role & WEFT_READ) || each->varies;
        if (!buffer || (writes ? !(role & WEFT_WRITE) : !reads))
            continue;
        visit at = {
            .sink = {writes ? write_range : read_range},
            .in = in,
            .item = item,
            .map = weft__replay_maps_find(&in->writers, buffer->allocation),
            .offset = buffer->offset_bytes,
            .source = WEFT__REPLAY_NO_SOURCE,
        };
        weft__replay_item_ranges(each, i, &at.sink);
        if (!writes)
            in->values->sources[item][i] = at.source == MIXED ? WEFT__REPLAY_NO_SOURCE : at.source;
    }
}

static void note_temporaries(finder *in, const weft_graph *graph)
{
    for (size_t i = 0; i < graph->temporary_count; i++) {
        const weft_buffer *buffer = graph->temporaries[i];
        uint32_t map = weft__replay_maps_find(&in->privates, buffer->allocation);
        if (map < in->privates.count)
            in->out_of_memory |= !weft__range_map_assign(&in->privates.maps[map], buffer->offset_bytes,
                                                         buffer->offset_bytes + buffer->bytes, 1);
    }
}

/* What a segment holds at the end stays hidden if it lies in temporaries and no replay begins with reading it. */
static bool is_hidden(const finder *in, uint32_t map, const weft__range *segment)
{
    weft__range_cursor cursor;
    const weft__range *private_part = weft__range_map_find(&in->privates.maps[map], segment->begin);
    return private_part && private_part->end >= segment->end &&
           !weft__range_map_first_overlap(&in->exposed.maps[map], segment->begin, segment->end, &cursor);
}

static void note_visible(finder *in)
{
    for (uint32_t map = 0; map < in->writers.count; map++) {
        weft__range_cursor cursor;
        const weft__range *segment = weft__range_map_first_overlap(&in->writers.maps[map], 0, UINT64_MAX, &cursor);
        for (; segment; segment = weft__range_cursor_next(&cursor))
            if (!is_hidden(in, map, segment))
                in->values->is_visible[segment->payload - 1] = true;
    }
}

static weft_status prepare(finder *in, weft__arena *arena, weft_error *err)
{
    weft__replay_values *values = in->values;
    values->sources = weft__arena_alloc_array(arena, in->count, sizeof *values->sources, alignof(uint32_t));
    values->uses = weft__arena_new_array(arena, uint32_t, in->count);
    values->is_visible = weft__arena_new_array(arena, bool, in->count);
    if (!values->sources || !values->uses || !values->is_visible)
        return weft__fail_memory(err, in->count * sizeof *values->sources, "the plan of a graph");
    for (uint32_t i = 0; i < in->count; i++) {
        values->uses[i] = 0;
        values->is_visible[i] = false;
        for (uint32_t a = 0; a < WEFT_ARGUMENTS_MAX; a++)
            values->sources[i][a] = WEFT__REPLAY_NO_SOURCE;
    }
    weft_status status = weft__replay_maps_create(in->items, in->count, &in->writers, err);
    if (status == WEFT_OK)
        status = weft__replay_maps_create(in->items, in->count, &in->exposed, err);
    if (status == WEFT_OK)
        status = weft__replay_maps_create(in->items, in->count, &in->privates, err);
    return status;
}

weft_status weft__replay_values_find(const weft__replay_item *items, uint32_t count, const weft_graph *graph,
                                     weft__arena *arena, weft__replay_values *out, weft_error *err)
{
    finder in = {.items = items, .count = count, .values = out};
    weft_status status = prepare(&in, arena, err);
    if (status == WEFT_OK) {
        note_temporaries(&in, graph);
        for (uint32_t i = 0; i < count; i++) {
            visit_arguments(&in, i, false);
            visit_arguments(&in, i, true);
        }
        note_visible(&in);
        if (in.out_of_memory)
            status = weft__fail_memory(err, sizeof(weft__range_leaf), "the plan of a graph");
    }
    weft__replay_maps_destroy(&in.writers);
    weft__replay_maps_destroy(&in.exposed);
    weft__replay_maps_destroy(&in.privates);
    return status;
}
