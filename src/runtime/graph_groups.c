/* Groups: which dispatches may stand between the same two barriers.
 *
 * An item must come in a later group than every earlier item that it conflicts with. Put into the first group that
 * allows it, each item but those of the first group conflicts with one of the group right before its own: no barrier is
 * needless or too wide, and there are as few as the longest chain of conflicts asks for. So it is enough to know, for
 * each byte, the group of its last writer and the latest group of those that have read it since. */
#include "runtime/graph_impl.h"

#include "base/status.h"

/* A payload holds two groups plus one (0: none), writer above reader. */
static uint64_t pack(uint32_t writer, uint32_t reader)
{
    return (uint64_t)writer << 32 | reader;
}

typedef struct visit {
    weft__range_sink sink;
    weft__range_map *map;
    uint64_t offset; /* of the argument in its allocation */
    bool writes;
    uint32_t group; /* looking: the first group that will do so far; entering: that of the item */
    bool out_of_memory;
} visit;

static void look_at(weft__range_sink *sink, uint64_t begin, uint64_t end)
{
    visit *at = (visit *)sink;
    weft__range_cursor cursor;
    const weft__range *segment = weft__range_map_first_overlap(at->map, at->offset + begin, at->offset + end, &cursor);
    for (; segment; segment = weft__range_cursor_next(&cursor)) {
        uint32_t writer = (uint32_t)(segment->payload >> 32), reader = (uint32_t)segment->payload;
        if (writer > at->group)
            at->group = writer;
        if (at->writes && reader > at->group)
            at->group = reader;
    }
}

static bool note_reader(void *context, weft__range *piece, bool is_mapped)
{
    (void)is_mapped; /* a gap has the payload 0 */
    const visit *at = context;
    uint32_t reader = (uint32_t)piece->payload;
    if (at->group + 1 > reader)
        reader = at->group + 1;
    piece->payload = pack((uint32_t)(piece->payload >> 32), reader);
    return true;
}

static void enter(weft__range_sink *sink, uint64_t begin, uint64_t end)
{
    visit *at = (visit *)sink;
    begin += at->offset;
    end += at->offset;
    bool fine = at->writes ? weft__range_map_assign(at->map, begin, end, pack(at->group + 1, 0))
                           : weft__range_map_update(at->map, begin, end, note_reader, at);
    at->out_of_memory |= !fine;
}

/* Takes the sink over all arguments of one role: those that only read must be entered before those that write. */
static void visit_arguments(const weft__replay_item *item, const weft__replay_maps *maps, bool writes, visit *at)
{
    const weft_op *op = item->dispatch->op;
    at->writes = writes;
    for (uint32_t i = 0; i < op->argument_count; i++) {
        const weft_buffer *buffer = item->dispatch->arguments[i];
        if (!buffer || ((op->arguments[i].role & WEFT_WRITE) != 0) != writes)
            continue;
        at->map = &maps->maps[weft__replay_maps_find(maps, buffer->allocation)];
        at->offset = buffer->offset_bytes;
        weft__replay_item_ranges(item, i, &at->sink);
    }
}

weft_status weft__replay_find_groups(weft__replay_item *items, uint32_t count, bool in_order, weft_error *err)
{
    weft__replay_maps maps;
    weft_status status = weft__replay_maps_create(items, count, &maps, err);
    uint32_t latest = 0;
    for (uint32_t i = 0; i < count && status == WEFT_OK; i++) {
        if (!items[i].dispatch)
            continue;
        visit at = {.sink = {look_at}, .group = in_order ? latest : 0};
        visit_arguments(&items[i], &maps, false, &at);
        visit_arguments(&items[i], &maps, true, &at);
        items[i].group = latest = at.group;
        at.sink.take = enter;
        visit_arguments(&items[i], &maps, false, &at);
        visit_arguments(&items[i], &maps, true, &at);
        if (at.out_of_memory)
            status = weft__fail_memory(err, sizeof(weft__range_leaf), "the plan of a graph");
    }
    weft__replay_maps_destroy(&maps);
    return status;
}
