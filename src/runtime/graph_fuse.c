/* Fusion: some items in the place of the last of them.
 *
 * A producer moves behind all items up to the last part, so none of those in between may touch what it touches. Values
 * were found before anything moved; they stay true, since a move that changes who reads what is refused. */
#include "runtime/graph_impl.h"

#include <stdalign.h>
#include <string.h>

#include "base/status.h"
#include "runtime/device_impl.h"

typedef struct fuser {
    weft__replay_item *items;
    const weft_graph *graph;
    weft__replay_values values;
    weft__arena *arena;
    uint32_t *owners;
} fuser;

/* The first and last bytes that an argument touches: enough to know that two do not meet. */
typedef struct hull {
    weft__range_sink sink;
    uint64_t begin, end;
} hull;

static void widen(weft__range_sink *sink, uint64_t begin, uint64_t end)
{
    hull *at = (hull *)sink;
    if (begin < at->begin)
        at->begin = begin;
    if (end > at->end)
        at->end = end;
}

/* In bytes of the allocation; empty if nothing is touched. */
static hull hull_of(const weft__replay_item *item, uint32_t argument)
{
    hull at = {.sink = {widen}, .begin = UINT64_MAX};
    weft__replay_item_ranges(item, argument, &at.sink);
    if (at.begin < at.end) {
        at.begin += item->dispatch->arguments[argument]->offset_bytes;
        at.end += item->dispatch->arguments[argument]->offset_bytes;
    }
    return at;
}

static bool arguments_meet(const weft__replay_item *a, uint32_t i, const weft__replay_item *b, uint32_t j)
{
    const weft_buffer *x = a->dispatch->arguments[i], *y = b->dispatch->arguments[j];
    weft_role roles = a->dispatch->op->arguments[i].role | b->dispatch->op->arguments[j].role;
    if (!x || !y || x->allocation != y->allocation || !(roles & WEFT_WRITE))
        return false;
    hull first = hull_of(a, i), second = hull_of(b, j);
    return first.begin < second.end && second.begin < first.end;
}

/* May their order matter? */
static bool may_conflict(const weft__replay_item *a, const weft__replay_item *b)
{
    for (uint32_t i = 0; i < a->dispatch->op->argument_count; i++)
        for (uint32_t j = 0; j < b->dispatch->op->argument_count; j++)
            if (arguments_meet(a, i, b, j))
                return true;
    return false;
}

static bool is_same_view(const weft_buffer *a, const weft_buffer *b)
{
    if (a->allocation != b->allocation || a->offset_bytes != b->offset_bytes || a->bytes != b->bytes ||
        a->dtype != b->dtype || a->shape.rank != b->shape.rank)
        return false;
    for (uint32_t axis = 0; axis < a->shape.rank; axis++)
        if (a->shape.extent[axis] != b->shape.extent[axis])
            return false;
    return true;
}

/* The item that can be producer `number` of a rule whose last part is the item `last`. */
static bool find_producer(const fuser *in, const weft__fusion *rule, uint32_t last, uint32_t number, uint32_t *out)
{
    uint32_t into = rule->producers[number].into;
    uint32_t producer = in->values.sources[last][into];
    if (producer == WEFT__REPLAY_NO_SOURCE)
        return false;
    const weft__replay_item *item = &in->items[producer];
    if (!item->dispatch || item->dispatch->op != rule->producers[number].op || item->varies)
        return false;
    const weft_buffer *written = item->dispatch->arguments[item->dispatch->op->argument_count - 1];
    if (!is_same_view(written, in->items[last].dispatch->arguments[into]))
        return false;
    if (!rule->producers[number].is_written && (in->values.uses[producer] != 1 || in->values.is_visible[producer]))
        return false;
    for (uint32_t i = producer + 1; i < last; i++)
        if (in->items[i].dispatch && may_conflict(item, &in->items[i]))
            return false;
    *out = producer;
    return true;
}

/* The dispatch that takes the place of the parts; NULL when out of memory. */
static weft_dispatch *compose(const fuser *in, const weft__fusion *rule, const weft_dispatch *const *parts)
{
    const weft_op *op = rule->fused;
    weft_dispatch *fused = weft__arena_alloc(in->arena, sizeof *fused + op->params_bytes, alignof(max_align_t));
    if (!fused)
        return NULL;
    *fused = (weft_dispatch){.op = op, .label = parts[rule->producer_count]->label};
    if (op->params_bytes) {
        memset(fused + 1, 0, op->params_bytes);
        rule->params(parts, fused + 1);
        fused->params = fused + 1;
    }
    for (uint32_t i = 0; i < op->argument_count; i++)
        fused->arguments[i] = parts[rule->arguments[i].part]->arguments[rule->arguments[i].argument];
    return fused;
}

/* Applies a rule to the item `last` if everything it asks for is there. */
static weft_status try_rule(fuser *in, const weft__fusion *rule, uint32_t last, weft_error *err)
{
    uint32_t numbers[WEFT__REPLAY_PRODUCERS_MAX];
    const weft_dispatch *parts[WEFT__REPLAY_PRODUCERS_MAX + 1];
    for (uint32_t i = 0; i < rule->producer_count; i++) {
        if (!find_producer(in, rule, last, i, &numbers[i]) || (i && numbers[i] == numbers[0]))
            return WEFT_OK;
        parts[i] = in->items[numbers[i]].dispatch;
    }
    parts[rule->producer_count] = in->items[last].dispatch;
    if (rule->shares_first && !is_same_view(parts[0]->arguments[0], parts[1]->arguments[0]))
        return WEFT_OK;
    const weft__kernel *kernel;
    weft_status status = weft__device_kernel(in->graph->device, rule->fused, &kernel, err);
    if (status != WEFT_OK)
        return status == WEFT_UNSUPPORTED ? WEFT_OK : status;
    weft_dispatch *fused = compose(in, rule, parts);
    if (!fused)
        return weft__fail_memory(err, sizeof *fused + rule->fused->params_bytes, "the plan of a graph");
    fused->kernel = kernel;
    if (weft__dispatch_check(fused, in->graph->device, NULL) != WEFT_OK)
        return WEFT_OK;
    for (uint32_t i = 0; i < rule->producer_count; i++) {
        in->items[numbers[i]].dispatch = NULL;
        in->owners[numbers[i]] = last;
    }
    in->items[last].dispatch = fused;
    return WEFT_OK;
}

static weft_status fuse_into(fuser *in, uint32_t last, weft_error *err)
{
    const weft_dispatch *recorded = in->items[last].dispatch;
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < in->graph->fusion_count && status == WEFT_OK; i++)
        if (in->items[last].dispatch == recorded && in->graph->fusions[i].last == recorded->op)
            status = try_rule(in, &in->graph->fusions[i], last, err);
    return status;
}

weft_status weft__replay_fuse(weft__replay_item *items, uint32_t count, const weft_graph *graph, weft__arena *arena,
                              uint32_t *owners, weft_error *err)
{
    fuser in = {.items = items, .graph = graph, .arena = arena, .owners = owners};
    weft_status status = weft__replay_values_find(items, count, graph, arena, &in.values, err);
    for (uint32_t i = 0; i < count && status == WEFT_OK; i++)
        if (!items[i].varies)
            status = fuse_into(&in, i, err);
    return status;
}
