#include "runtime/graph_impl.h"

#include <stdlib.h>

#include "base/status.h"

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = (*(weft__allocation *const *)a)->id, y = (*(weft__allocation *const *)b)->id;
    return (x > y) - (x < y);
}

/* Every argument's allocation, with repetitions. */
static uint32_t gather(const weft__replay_item *items, uint32_t count, weft__allocation **out)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        const weft_dispatch *dispatch = items[i].dispatch;
        for (uint32_t a = 0; dispatch && a < dispatch->op->argument_count; a++)
            if (dispatch->arguments[a])
                out[found++] = dispatch->arguments[a]->allocation;
    }
    return found;
}

weft_status weft__replay_maps_create(const weft__replay_item *items, uint32_t count, weft__replay_maps *out,
                                     weft_error *err)
{
    size_t most = (size_t)count * WEFT_ARGUMENTS_MAX + 1;
    *out = (weft__replay_maps){.allocations = malloc(most * sizeof(weft__allocation *))};
    if (!out->allocations)
        return weft__fail_memory(err, most * sizeof(weft__allocation *), "the plan of a graph");
    uint32_t found = gather(items, count, out->allocations);
    qsort(out->allocations, found, sizeof(weft__allocation *), compare_ids);
    for (uint32_t i = 0; i < found; i++)
        if (i == 0 || out->allocations[i] != out->allocations[out->count - 1])
            out->allocations[out->count++] = out->allocations[i];
    out->maps = calloc((size_t)out->count + 1, sizeof *out->maps);
    if (out->maps)
        return WEFT_OK;
    weft_status status = weft__fail_memory(err, out->count * sizeof *out->maps, "the plan of a graph");
    weft__replay_maps_destroy(out);
    return status;
}

void weft__replay_maps_destroy(weft__replay_maps *maps)
{
    for (uint32_t i = 0; maps->maps && i < maps->count; i++)
        weft__range_map_destroy(&maps->maps[i]);
    free(maps->maps);
    free(maps->allocations);
    *maps = (weft__replay_maps){0};
}

uint32_t weft__replay_maps_find(const weft__replay_maps *maps, const weft__allocation *allocation)
{
    uint32_t low = 0, high = maps->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (maps->allocations[middle]->id < allocation->id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < maps->count && maps->allocations[low] == allocation ? low : maps->count;
}

void weft__replay_item_ranges(const weft__replay_item *item, uint32_t argument, weft__range_sink *sink)
{
    const weft_buffer *buffer = item->dispatch->arguments[argument];
    if (!item->varies)
        weft__dispatch_ranges(item->dispatch, argument, sink);
    else if (buffer->bytes)
        sink->take(sink, 0, buffer->bytes);
}
