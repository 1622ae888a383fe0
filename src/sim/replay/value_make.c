/* Operations, views and compositions: the values that are made of others. */
#include <assert.h>
#include <string.h>

#include "base/status.h"
#include "sim/replay/operation_check.h"
#include "sim/replay/value_impl.h"

static weft__value_node *node_of(const weft__values *values, weft__value_id id)
{
    assert(weft__values_lives(values, id));
    return weft__value_node_at(values, weft__slot_of(id));
}

static void add_input(weft__values *values, weft__value_node *node, uint32_t slot)
{
    weft__value_node_at(values, slot)->references++;
    node->inputs[node->input_count++] = slot;
}

/* ---- operations ---- */

weft_status weft__values_operate(weft__values *values, const weft__operation *operation, weft__value_id *out,
                                 weft_error *err)
{
    *out = 0;
    weft__value_info inputs[WEFT_COMMAND_INPUTS_MAX];
    size_t known = operation->input_count < WEFT_COMMAND_INPUTS_MAX ? operation->input_count : WEFT_COMMAND_INPUTS_MAX;
    for (size_t i = 0; i < known; i++)
        weft__values_get_info(values, operation->inputs[i], &inputs[i]);
    const weft__command_row *row;
    weft_status status = weft__operation_check(operation, inputs, &row, err);
    if (status != WEFT_OK)
        return status;
    if (row->kind == WEFT__CLASS_COPY)
        return weft__values_view(values, operation->inputs[0], 0, operation->dtype, &operation->shape, out, err);

    uint32_t slot;
    weft__value_node *node;
    size_t epilogue_bytes = operation->epilogue_count * sizeof(weft_epilogue);
    status = weft__value_node_create(values, WEFT__VALUE_OPERATION, operation->dtype, &operation->shape, epilogue_bytes,
                                     &node, &slot, err);
    if (status != WEFT_OK)
        return status;
    node->op = (uint8_t)operation->op;
    node->axis = (uint8_t)operation->axis;
    node->epilogue_count = (uint8_t)operation->epilogue_count;
    if (epilogue_bytes) {
        node->tile_k = operation->tile_k;
        memcpy(node->extra, operation->epilogues, epilogue_bytes);
    }
    for (size_t i = 0; i < operation->input_count; i++)
        add_input(values, node, weft__slot_of(operation->inputs[i]));
    return weft__value_finish(values, slot, out, err);
}

/* ---- views ---- */

weft_status weft__values_view(weft__values *values, weft__value_id of, uint64_t offset_bytes, weft_dtype dtype,
                              const weft_shape *shape, weft__value_id *out, weft_error *err)
{
    *out = 0;
    uint64_t bytes;
    weft_status status = weft__values_check_type(dtype, shape, &bytes, err);
    if (status != WEFT_OK)
        return status;
    weft__value_node *viewed = node_of(values, of);
    if (offset_bytes > viewed->bytes || bytes > viewed->bytes - offset_bytes)
        return weft__fail(
            err, WEFT_OUT_OF_RANGE, "A view of %llu bytes from byte %llu on is not inside of a value of %llu.",
            (unsigned long long)bytes, (unsigned long long)offset_bytes, (unsigned long long)viewed->bytes);
    weft_shape own = weft__value_node_shape(viewed);
    if (offset_bytes == 0 && dtype == (weft_dtype)viewed->dtype && weft_shape_equal(shape, &own)) {
        viewed->references++;
        *out = of;
        return WEFT_OK;
    }
    uint32_t viewed_slot = weft__slot_of(of);
    if (viewed->kind == WEFT__VALUE_VIEW) {
        offset_bytes += viewed->offset;
        viewed_slot = viewed->inputs[0];
    }
    uint32_t slot;
    weft__value_node *node;
    status = weft__value_node_create(values, WEFT__VALUE_VIEW, dtype, shape, 0, &node, &slot, err);
    if (status != WEFT_OK)
        return status;
    node->offset = offset_bytes;
    add_input(values, node, viewed_slot);
    return weft__value_finish(values, slot, out, err);
}

/* Row-major strides in bytes. */
static void fill_strides(const weft__value_node *node, uint64_t strides[WEFT_RANK_MAX])
{
    uint64_t stride = weft_dtype_bytes((weft_dtype)node->dtype);
    for (uint32_t axis = node->rank; axis-- > 0;) {
        strides[axis] = stride;
        stride *= node->extent[axis];
    }
}

static weft_status make_strided(weft__values *values, weft__value_id of, uint64_t offset, const weft_shape *shape,
                                const uint64_t *strides, weft__value_id *out, weft_error *err)
{
    uint32_t slot;
    weft__value_node *node;
    weft_status status = weft__value_node_create(values, WEFT__VALUE_STRIDED, (weft_dtype)node_of(values, of)->dtype,
                                                 shape, WEFT_RANK_MAX * sizeof strides[0], &node, &slot, err);
    if (status != WEFT_OK)
        return status;
    node->offset = offset;
    memset(node->extra, 0, WEFT_RANK_MAX * sizeof strides[0]);
    memcpy(node->extra, strides, shape->rank * sizeof strides[0]);
    add_input(values, node, weft__slot_of(of));
    return weft__value_finish(values, slot, out, err);
}

/* True where the elements of the shape follow each other without holes. */
static bool is_dense(const weft_shape *shape, const uint64_t *strides, size_t element)
{
    uint64_t dense = element;
    for (uint32_t axis = shape->rank; axis-- > 0;) {
        if (shape->extent[axis] != 1 && strides[axis] != dense)
            return false;
        dense *= shape->extent[axis];
    }
    return true;
}

static weft_status make_box(weft__values *values, weft__value_id of, uint64_t offset, const weft_shape *shape,
                            const uint64_t *strides, weft__value_id *out, weft_error *err)
{
    weft_dtype dtype = (weft_dtype)node_of(values, of)->dtype;
    uint64_t elements = weft_shape_elements(shape);
    if (elements == 0)
        return weft__values_view(values, of, 0, dtype, shape, out, err);
    if (is_dense(shape, strides, weft_dtype_bytes(dtype)))
        return weft__values_view(values, of, offset, dtype, shape, out, err);
    return make_strided(values, of, offset, shape, strides, out, err);
}

weft_status weft__values_transpose(weft__values *values, weft__value_id of, const uint32_t *order, weft__value_id *out,
                                   weft_error *err)
{
    *out = 0;
    const weft__value_node *node = node_of(values, of);
    uint64_t own[WEFT_RANK_MAX] = {0}, strides[WEFT_RANK_MAX] = {0};
    weft_shape shape = {.rank = node->rank};
    uint32_t seen = 0;
    fill_strides(node, own);
    for (uint32_t axis = 0; axis < node->rank; axis++) {
        uint32_t from = order[axis];
        if (from >= node->rank || (seen & 1u << from))
            return weft__fail(err, WEFT_INVALID_ARGUMENT,
                              "A transposition of %u axes names axis %u for its axis %u, which is %s.",
                              (unsigned)node->rank, from, axis, from >= node->rank ? "none" : "named already");
        seen |= 1u << from;
        shape.extent[axis] = node->extent[from];
        strides[axis] = own[from];
    }
    return make_box(values, of, 0, &shape, strides, out, err);
}

weft_status weft__values_slice(weft__values *values, weft__value_id of, const uint64_t *begin, const weft_shape *shape,
                               weft__value_id *out, weft_error *err)
{
    *out = 0;
    const weft__value_node *node = node_of(values, of);
    char text[2][WEFT_SHAPE_TEXT_BYTES];
    weft_shape own = weft__value_node_shape(node);
    if (shape->rank != own.rank)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "A slice %s does not have the rank of the %s that it is of.",
                          weft_shape_text(shape, text[0]), weft_shape_text(&own, text[1]));
    uint64_t strides[WEFT_RANK_MAX] = {0}, offset = 0;
    fill_strides(node, strides);
    for (uint32_t axis = 0; axis < own.rank; axis++) {
        if (begin[axis] > own.extent[axis] || shape->extent[axis] > own.extent[axis] - begin[axis])
            return weft__fail(err, WEFT_OUT_OF_RANGE, "A slice %s from index %llu of axis %u is not inside of %s.",
                              weft_shape_text(shape, text[0]), (unsigned long long)begin[axis], axis,
                              weft_shape_text(&own, text[1]));
        offset += begin[axis] * strides[axis];
    }
    return make_box(values, of, offset, shape, strides, out, err);
}

/* An array without strides. */
weft_status weft__values_repeat(weft__values *values, weft__value_id element, const weft_shape *shape,
                                weft__value_id *out, weft_error *err)
{
    static const uint64_t strides[WEFT_RANK_MAX];
    return make_box(values, element, 0, shape, strides, out, err);
}

/* ---- compositions ---- */

static weft_status check_parts(const weft__values *values, uint64_t bytes, const weft__value_part *parts, size_t count,
                               weft_error *err)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t own = node_of(values, parts[i].value)->bytes;
        if (parts[i].offset_bytes > own || parts[i].bytes > own - parts[i].offset_bytes)
            return weft__fail(
                err, WEFT_OUT_OF_RANGE, "Part %zu takes %llu bytes from byte %llu on of a value that has %llu.", i,
                (unsigned long long)parts[i].bytes, (unsigned long long)parts[i].offset_bytes, (unsigned long long)own);
        if (__builtin_add_overflow(sum, parts[i].bytes, &sum))
            sum = UINT64_MAX;
    }
    if (sum != bytes)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "Parts of %llu bytes do not make a value of %llu.",
                          (unsigned long long)sum, (unsigned long long)bytes);
    return WEFT_OK;
}

weft_status weft__values_compose(weft__values *values, weft_dtype dtype, const weft_shape *shape,
                                 const weft__value_part *parts, size_t count, weft__value_id *out, weft_error *err)
{
    *out = 0;
    uint64_t bytes;
    weft_status status = weft__values_check_type(dtype, shape, &bytes, err);
    if (status == WEFT_OK)
        status = check_parts(values, bytes, parts, count, err);
    if (status != WEFT_OK)
        return status;
    if (count == 1)
        return weft__values_view(values, parts[0].value, parts[0].offset_bytes, dtype, shape, out, err);
    uint32_t slot;
    weft__value_node *node;
    size_t part_bytes;
    if (__builtin_mul_overflow(count, sizeof(weft__value_node_part), &part_bytes))
        return weft__fail_memory(err, SIZE_MAX, "the parts of a value");
    status = weft__value_node_create(values, WEFT__VALUE_COMPOSITION, dtype, shape, part_bytes, &node, &slot, err);
    if (status != WEFT_OK)
        return status;
    weft__value_node_part *own = node->extra;
    for (size_t i = 0; i < count; i++) {
        uint32_t of = weft__slot_of(parts[i].value);
        const weft__value_node *part = weft__value_node_at(values, of);
        own[i] = (weft__value_node_part){.offset = parts[i].offset_bytes, .bytes = parts[i].bytes, .slot = of};
        if (part->kind == WEFT__VALUE_VIEW) {
            own[i].offset += part->offset;
            own[i].slot = part->inputs[0];
        }
        weft__value_node_at(values, own[i].slot)->references++;
    }
    return weft__value_finish(values, slot, out, err);
}
