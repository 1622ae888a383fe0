/* Inside of graphs.
 *
 * A graph keeps what was recorded, and a plan: the stream as a replay records it, laid out so that a replay is one
 * copy. Whatever changes the recording makes the plan stale, but for new parameters of a dispatch that the plan leaves
 * free.
 *
 * Planning an optimised graph: items are the recorded dispatches in their order; values.h says who reads what each of
 * them writes; fusion puts some items in the place of others; groups are found by the bytes that items touch. */
#ifndef WEFT_RUNTIME_GRAPH_IMPL_H
#define WEFT_RUNTIME_GRAPH_IMPL_H

#include <weft/graph.h>

#include "base/arena.h"
#include "base/range_map.h"
#include "runtime/graph_hold.h"

#define WEFT__REPLAY_PRODUCERS_MAX 2

/* Which argument of which part of a fused op. Parts are its producers in the order of the rule, then the last. */
typedef struct weft__fusion_argument {
    uint8_t part, argument;
} weft__fusion_argument;

/* How some ops become one: `last` takes, as one of its arguments, all that each producer writes. A producer writes its
 * last argument and no other. */
typedef struct weft__fusion {
    const weft_op *fused, *last;
    uint32_t producer_count;
    struct {
        const weft_op *op;
        uint32_t into;   /* argument of `last` */
        bool is_written; /* the fused op writes it too, so that anybody may read it */
    } producers[WEFT__REPLAY_PRODUCERS_MAX];
    weft__fusion_argument arguments[WEFT_ARGUMENTS_MAX]; /* where those of the fused op come from */
    bool shares_first;                                   /* the producers must have the same first argument */
    /* Parameters of the fused op, which has room for them; NULL if it takes none. */
    void (*params)(const weft_dispatch *const *parts, void *out);
} weft__fusion;

/* One dispatch on its way into a plan. */
typedef struct weft__replay_item {
    const weft_dispatch *dispatch; /* NULL: it has become a part of another item */
    bool varies;                   /* its parameters may change: it touches all of its arguments */
    uint32_t group;                /* barriers before it */
} weft__replay_item;

typedef struct weft__replay_plan {
    weft__replay_hold *hold;
    weft_dispatch *dispatches; /* one piece of memory: the dispatches, then their parameters */
    size_t bytes;
    uint32_t dispatch_count, barrier_count, moved;
    uint32_t *places; /* of each recorded dispatch among those of the plan; the plan owns it */
} weft__replay_plan;

struct weft_graph {
    weft_device *device; /* retained */
    weft__arena arena;   /* the recording: dispatches, parameters, labels */
    weft_dispatch *dispatches;
    bool *varies;
    uint32_t dispatch_count, barrier_count;

    bool is_optimised, no_fuse, no_reorder;
    const weft__fusion *fusions;
    size_t fusion_count;
    const weft_buffer **temporaries; /* retained */
    size_t temporary_count;

    bool is_stale; /* the plan is that of an earlier recording */
    weft__replay_plan plan;
};

/* Makes the plan what the graph says, if it is stale. On failure it stays as it was. */
weft_status weft__replay_prepare(weft_graph *graph, weft_error *err);
void weft__replay_plan_free(weft__replay_plan *plan);

/* What weft_graph_optimise() does, with these rules. */
weft_status weft__replay_optimise(weft_graph *graph, const weft_graph_options *options, const weft__fusion *fusions,
                                  size_t fusion_count, weft_error *err);

/* WEFT_OUT_OF_RANGE if there is no dispatch of that number. */
weft_status weft__replay_check_dispatch(const weft_graph *graph, uint32_t dispatch, weft_error *err);

/* ---- what items touch ---- */

/* The allocations of some items, in the order of their ids, each with a map. */
typedef struct weft__replay_maps {
    uint32_t count;
    weft__allocation **allocations;
    weft__range_map *maps;
} weft__replay_maps;

/* On failure nothing is left. */
weft_status weft__replay_maps_create(const weft__replay_item *items, uint32_t count, weft__replay_maps *out,
                                     weft_error *err);
void weft__replay_maps_destroy(weft__replay_maps *maps);
/* The index of an allocation; maps->count if no item touches it. */
uint32_t weft__replay_maps_find(const weft__replay_maps *maps, const weft__allocation *allocation);

/* Calls sink->take for the ranges of an argument that is not NULL, counted from its first byte. */
void weft__replay_item_ranges(const weft__replay_item *item, uint32_t argument, weft__range_sink *sink);

/* ---- who reads what ---- */

#define WEFT__REPLAY_NO_SOURCE UINT32_MAX

/* By item. */
typedef struct weft__replay_values {
    uint32_t (*sources)[WEFT_ARGUMENTS_MAX]; /* the item that wrote all that an argument reads, if it was one */
    uint32_t *uses;                          /* arguments that read what the item wrote */
    bool *is_visible;                        /* someone outside, or a later replay, may read some of it */
} weft__replay_values;

/* In memory of `arena`. `temporaries` are not read outside. */
weft_status weft__replay_values_find(const weft__replay_item *items, uint32_t count, const weft_graph *graph,
                                     weft__arena *arena, weft__replay_values *out, weft_error *err);

/* ---- what becomes of them ---- */

/* Applies the rules of the graph: items become parts of others, whose numbers go into owners. Fused dispatches lie in
 * `arena`. */
weft_status weft__replay_fuse(weft__replay_item *items, uint32_t count, const weft_graph *graph, weft__arena *arena,
                              uint32_t *owners, weft_error *err);

/* Gives every item that is left its group: the first possible one, and if `in_order`, not before that of an item before
 * it. Groups are numbered from 0 without a gap, and each but the first has an item that needs the one before it. */
weft_status weft__replay_find_groups(weft__replay_item *items, uint32_t count, bool in_order, weft_error *err);

#endif
