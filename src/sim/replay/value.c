#include "sim/replay/value_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "sim/replay/kernels.h"

weft_status weft__values_create(const weft__values_options *options, weft__values **out, weft_error *err)
{
    *out = NULL;
    weft__values *values = calloc(1, sizeof *values);
    if (!values)
        return weft__fail_memory(err, sizeof *values, "a graph of values");
    values->loops = weft__loops_for(weft__isa_best());
    if (options) {
        values->threads = options->threads;
        values->is_eager = options->is_eager;
    }
    *out = values;
    return WEFT_OK;
}

static void give_extra(weft__values *values, weft__value_node *node)
{
    if (!node->extra)
        return;
    weft__block_give(&values->pool, node->extra, node->extra_bytes);
    node->extra = NULL;
}

void weft__values_destroy(weft__values *values)
{
    if (!values)
        return;
    for (uint32_t slot = 0; slot < values->slots; slot++) {
        weft__value_node *node = weft__value_node_at(values, slot);
        if (node->references == 0)
            continue;
        weft__value_data_release(&values->pool, node->buffer);
        give_extra(values, node);
    }
    for (size_t i = 0; i < values->chunk_count; i++)
        free(values->chunks[i]);
    free(values->chunks);
    weft__evaluation_destroy(values->evaluation);
    weft__block_pool_destroy(&values->pool);
    free(values);
}

/* ---- nodes ---- */

static weft_status add_chunk(weft__values *values, weft_error *err)
{
    const size_t chunk_bytes = WEFT__VALUES_IN_CHUNK * sizeof(weft__value_node);
    if (values->chunk_count == values->chunk_capacity) {
        size_t capacity = values->chunk_capacity ? 2 * values->chunk_capacity : 16;
        weft__value_node **chunks = realloc(values->chunks, capacity * sizeof(weft__value_node *));
        if (!chunks)
            return weft__fail_memory(err, capacity * sizeof(weft__value_node *), "the table of values");
        values->chunks = chunks;
        values->chunk_capacity = capacity;
    }
    weft__value_node *chunk = aligned_alloc(alignof(weft__value_node), chunk_bytes);
    if (!chunk)
        return weft__fail_memory(err, chunk_bytes, "values");
    values->chunks[values->chunk_count++] = chunk;
    return WEFT_OK;
}

/* Takes a free slot, which gets a generation that it never had. */
static weft_status take_slot(weft__values *values, uint32_t *out_slot, weft_error *err)
{
    if (values->first_free) {
        *out_slot = values->first_free - 1;
        values->first_free = weft__value_node_at(values, *out_slot)->inputs[0];
        return WEFT_OK;
    }
    if (values->slots == UINT32_MAX - 1)
        return weft__fail(err, WEFT_OUT_OF_MEMORY, "The graph has %u values, and cannot count more.", values->slots);
    if (values->slots == values->chunk_count * WEFT__VALUES_IN_CHUNK) {
        weft_status status = add_chunk(values, err);
        if (status != WEFT_OK)
            return status;
    }
    *out_slot = values->slots++;
    weft__value_node_at(values, *out_slot)->generation = 0;
    return WEFT_OK;
}

static void give_slot(weft__values *values, weft__value_node *node, uint32_t slot)
{
    node->references = 0;
    node->mark = 0;
    if (++node->generation == 0)
        return; /* all its ids have been given, so that it is never used again */
    node->inputs[0] = values->first_free;
    values->first_free = slot + 1;
}

weft_status weft__values_check_type(weft_dtype dtype, const weft_shape *shape, uint64_t *out, weft_error *err)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    size_t element = weft_dtype_bytes(dtype);
    if (element == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A value cannot have dtype %d, which is none.", (int)dtype);
    if (shape->rank > WEFT_RANK_MAX)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A value cannot have rank %u, %d is the most.", shape->rank,
                          WEFT_RANK_MAX);
    uint64_t elements = weft_shape_elements(shape);
    if (__builtin_mul_overflow(elements, element, out) || *out > INT64_MAX)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "A value of %s %s has more bytes than can be counted.",
                          weft_dtype_name(dtype), weft_shape_text(shape, text));
    return WEFT_OK;
}

weft_status weft__value_node_create(weft__values *values, weft__value_node_kind kind, weft_dtype dtype,
                                    const weft_shape *shape, size_t extra_bytes, weft__value_node **out,
                                    uint32_t *out_slot, weft_error *err)
{
    uint64_t bytes = 0;
    *out_slot = 0;
    weft_status status = weft__values_check_type(dtype, shape, &bytes, err);
    if (status != WEFT_OK)
        return status;
    void *extra = NULL;
    if (extra_bytes) {
        extra = weft__block_take(&values->pool, extra_bytes);
        if (!extra)
            return weft__fail_memory(err, extra_bytes, "what a value is made from");
    }
    status = take_slot(values, out_slot, err);
    if (status != WEFT_OK) {
        weft__block_give(&values->pool, extra, extra_bytes);
        return status;
    }
    weft__value_node *node = weft__value_node_at(values, *out_slot);
    node->references = 1;
    node->kind = (uint8_t)kind;
    node->dtype = (uint8_t)dtype;
    node->rank = (uint8_t)shape->rank;
    node->op = node->input_count = node->epilogue_count = node->axis = 0;
    node->mark = 0;
    node->buffer = NULL;
    node->bytes = bytes;
    node->offset = node->buffer_offset = 0;
    node->extra = extra;
    if (extra)
        node->extra_bytes = extra_bytes;
    for (uint32_t i = 0; i < shape->rank; i++)
        node->extent[i] = shape->extent[i];
    values->live++;
    values->made++;
    *out = node;
    return WEFT_OK;
}

weft_status weft__value_finish(weft__values *values, uint32_t slot, weft__value_id *out, weft_error *err)
{
    *out = weft__id_of(weft__value_node_at(values, slot), slot);
    if (!values->is_eager)
        return WEFT_OK;
    weft_status status = weft__values_evaluate(values, out, 1, err);
    if (status != WEFT_OK) {
        weft__values_release(values, *out);
        *out = 0;
    }
    return status;
}

/* ---- references ---- */

/* Takes one reference from a node; if it was the last, puts it before the list of nodes to be taken apart. Long chains
 * end without recursion. */
static void drop(weft__values *values, uint32_t slot, uint32_t *list)
{
    weft__value_node *node = weft__value_node_at(values, slot);
    assert(node->references > 0);
    if (--node->references == 0) {
        node->mark = *list;
        *list = slot + 1;
    }
}

static void take_apart(weft__values *values, uint32_t list)
{
    while (list) {
        uint32_t slot = list - 1;
        weft__value_node *node = weft__value_node_at(values, slot);
        list = node->mark;
        size_t count = weft__value_node_inputs(node);
        for (size_t i = 0; i < count; i++)
            drop(values, weft__value_node_input(node, i), &list);
        weft__value_data_release(&values->pool, node->buffer);
        give_extra(values, node);
        give_slot(values, node, slot);
        values->live--;
    }
}

void weft__value_node_drop_inputs(weft__values *values, weft__value_node *node)
{
    uint32_t list = 0;
    size_t count = weft__value_node_inputs(node);
    for (size_t i = 0; i < count; i++)
        drop(values, weft__value_node_input(node, i), &list);
    node->input_count = 0;
    give_extra(values, node);
    take_apart(values, list);
}

void weft__values_retain(weft__values *values, weft__value_id id)
{
    assert(weft__values_lives(values, id));
    weft__value_node_at(values, weft__slot_of(id))->references++;
}

void weft__values_release(weft__values *values, weft__value_id id)
{
    if (id == 0)
        return;
    assert(weft__values_lives(values, id));
    uint32_t list = 0;
    drop(values, weft__slot_of(id), &list);
    take_apart(values, list);
}

bool weft__values_lives(const weft__values *values, weft__value_id id)
{
    if ((uint32_t)id == 0 || weft__slot_of(id) >= values->slots)
        return false;
    const weft__value_node *node = weft__value_node_at(values, weft__slot_of(id));
    return node->references > 0 && node->generation == (uint32_t)(id >> 32);
}

/* ---- what is known of a value ---- */

void weft__values_get_info(const weft__values *values, weft__value_id id, weft__value_info *out)
{
    assert(weft__values_lives(values, id));
    const weft__value_node *node = weft__value_node_at(values, weft__slot_of(id));
    *out = (weft__value_info){
        .dtype = (weft_dtype)node->dtype,
        .shape = weft__value_node_shape(node),
        .bytes = node->bytes,
        .references = node->references,
        .is_evaluated = node->buffer != NULL,
    };
}

uint64_t weft__values_bytes(const weft__values *values, weft__value_id id)
{
    assert(weft__values_lives(values, id));
    return weft__value_node_at(values, weft__slot_of(id))->bytes;
}

void weft__values_resolve(const weft__values *values, weft__value_id id, weft__value_id *out_of,
                          uint64_t *out_offset_bytes)
{
    assert(weft__values_lives(values, id));
    const weft__value_node *node = weft__value_node_at(values, weft__slot_of(id));
    *out_of = id;
    *out_offset_bytes = 0;
    if (node->kind == WEFT__VALUE_VIEW) {
        uint32_t slot = node->inputs[0];
        *out_of = weft__id_of(weft__value_node_at(values, slot), slot);
        *out_offset_bytes = node->offset;
    }
}

const void *weft__values_data(const weft__values *values, weft__value_id id)
{
    assert(weft__values_lives(values, id));
    const weft__value_node *node = weft__value_node_at(values, weft__slot_of(id));
    return node->buffer ? weft__value_node_data(node) : NULL;
}

void weft__values_get_statistics(const weft__values *values, weft__values_statistics *out)
{
    *out = (weft__values_statistics){
        .live = values->live,
        .made = values->made,
        .evaluated = values->evaluated,
        .data_bytes = values->pool.data_bytes,
        .peak_bytes = values->pool.peak_bytes,
    };
}

/* ---- constants ---- */

/* With data that are not filled; *out is 0 on failure. */
static weft_status create_constant(weft__values *values, weft_dtype dtype, const weft_shape *shape,
                                   weft__value_node **node, weft__value_id *out, weft_error *err)
{
    uint32_t slot;
    *out = 0;
    weft_status status = weft__value_node_create(values, WEFT__VALUE_CONSTANT, dtype, shape, 0, node, &slot, err);
    if (status != WEFT_OK)
        return status;
    weft__value_id id = weft__id_of(*node, slot);
    (*node)->buffer = weft__value_data_create(&values->pool, (*node)->bytes);
    if (!(*node)->buffer) {
        size_t bytes = (size_t)(*node)->bytes;
        weft__values_release(values, id);
        return weft__fail_memory(err, bytes, "the data of a value");
    }
    *out = id;
    return WEFT_OK;
}

weft_status weft__values_constant(weft__values *values, weft_dtype dtype, const weft_shape *shape, const void *data,
                                  weft__value_id *out, weft_error *err)
{
    weft__value_node *node;
    weft_status status = create_constant(values, dtype, shape, &node, out, err);
    if (status == WEFT_OK && node->bytes)
        memcpy(weft__value_data_bytes(node->buffer), data, (size_t)node->bytes);
    return status;
}

weft_status weft__values_number(weft__values *values, weft_dtype dtype, double number, weft__value_id *out,
                                weft_error *err)
{
    weft__value_node *node;
    const weft_shape scalar = {.rank = 0};
    weft_status status = create_constant(values, dtype, &scalar, &node, out, err);
    if (status == WEFT_OK)
        weft__store_doubles(dtype, weft__value_data_bytes(node->buffer), 0, &number, 1);
    return status;
}
