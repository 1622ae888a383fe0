/* How values lie in memory; for the files that make and compute them. */
#ifndef WEFT_SIM_REPLAY_VALUE_IMPL_H
#define WEFT_SIM_REPLAY_VALUE_IMPL_H

#include <assert.h>
#include <stdalign.h>

#include "sim/replay/blocks.h"
#include "sim/replay/loops.h"
#include "sim/replay/value.h"

#define WEFT__VALUES_IN_CHUNK 1024u

typedef enum weft__value_node_kind {
    WEFT__VALUE_CONSTANT,
    WEFT__VALUE_OPERATION,
    WEFT__VALUE_VIEW,       /* inputs[0] from `offset` on */
    WEFT__VALUE_STRIDED,    /* inputs[0] from byte `offset` on; `extra` holds a stride in bytes for each axis */
    WEFT__VALUE_COMPOSITION /* `extra` holds parts; it has no other inputs */
} weft__value_node_kind;

typedef struct weft__value_node_part {
    uint64_t offset, bytes;
    uint32_t slot;
} weft__value_node_part;

#define WEFT__VALUE_LINE_BYTES 64
#define WEFT__VALUE_NEAR_AXES 4

/* A value. Inputs are slots: they hold references, so their generations are known. Nodes are met in no order that a
 * cache foresees, so each line has what is wanted together: the first what a plan asks, the second the rest of most
 * values. The third is neither written nor read where it is not needed. */
typedef struct weft__value_node {
    alignas(WEFT__VALUE_LINE_BYTES) uint32_t generation;
    uint32_t references; /* 0: free */
    uint8_t kind, op, dtype, rank;
    uint8_t input_count, epilogue_count, axis;
    uint32_t mark; /* one more than its place in the plan of an evaluation; the next node while it is taken apart */
    uint32_t inputs[8];       /* of a free node the first is one more than the next free slot */
    weft__value_data *buffer; /* NULL until it is evaluated */

    uint64_t bytes;
    uint64_t offset;
    uint64_t buffer_offset;
    void *extra;                    /* strides, parts or epilogues: a block of `extra_bytes`; NULL: none */
    uint64_t extent[WEFT_RANK_MAX]; /* up to the rank */

    size_t extra_bytes; /* if there is an extra block */
    uint64_t tile_k;    /* if there are epilogues */
} weft__value_node;

static_assert(offsetof(weft__value_node, bytes) == WEFT__VALUE_LINE_BYTES &&
                  offsetof(weft__value_node, extent[WEFT__VALUE_NEAR_AXES]) == 2 * WEFT__VALUE_LINE_BYTES,
              "a line of a value has what it is said to have");

struct weft__evaluation;

struct weft__values {
    weft__value_node **chunks;
    size_t chunk_count, chunk_capacity;
    uint32_t slots;      /* that were ever used */
    uint32_t first_free; /* one more than the slot; 0: none */
    weft__block_pool pool;
    weft__threads *threads;
    const weft__loops *loops; /* the fastest that this machine can run */
    bool is_eager;
    uint64_t live, made, evaluated;
    struct weft__evaluation *evaluation; /* memory that evaluations use again */
};

static inline weft__value_node *weft__value_node_at(const weft__values *values, uint32_t slot)
{
    return &values->chunks[slot / WEFT__VALUES_IN_CHUNK][slot % WEFT__VALUES_IN_CHUNK];
}

static inline uint32_t weft__slot_of(weft__value_id id)
{
    return (uint32_t)id - 1;
}

static inline weft__value_id weft__id_of(const weft__value_node *node, uint32_t slot)
{
    return (uint64_t)node->generation << 32 | (slot + 1);
}

static inline weft_shape weft__value_node_shape(const weft__value_node *node)
{
    weft_shape shape = {.rank = node->rank};
    for (uint32_t i = 0; i < node->rank; i++)
        shape.extent[i] = node->extent[i];
    return shape;
}

static inline size_t weft__value_node_inputs(const weft__value_node *node)
{
    if (node->kind == WEFT__VALUE_COMPOSITION)
        return node->extra ? node->extra_bytes / sizeof(weft__value_node_part) : 0;
    return node->input_count;
}

static inline uint32_t weft__value_node_input(const weft__value_node *node, size_t index)
{
    if (node->kind == WEFT__VALUE_COMPOSITION)
        return ((const weft__value_node_part *)node->extra)[index].slot;
    return node->inputs[index];
}

static inline const unsigned char *weft__value_node_data(const weft__value_node *node)
{
    return weft__value_data_bytes(node->buffer) + node->buffer_offset;
}

/* A fresh node with one reference and no inputs, and its slot. `extra_bytes` are taken but not filled. */
weft_status weft__value_node_create(weft__values *values, weft__value_node_kind kind, weft_dtype dtype,
                                    const weft_shape *shape, size_t extra_bytes, weft__value_node **out,
                                    uint32_t *out_slot, weft_error *err) WEFT_CHECKED;

/* The end of every function that makes a value: in eager mode evaluates it, and ends it if that fails. */
weft_status weft__value_finish(weft__values *values, uint32_t slot, weft__value_id *out, weft_error *err) WEFT_CHECKED;

/* Drops the references of a node to its inputs, and its extra block. */
void weft__value_node_drop_inputs(weft__values *values, weft__value_node *node);

/* NULL is fine. */
void weft__evaluation_destroy(struct weft__evaluation *evaluation);

#endif
