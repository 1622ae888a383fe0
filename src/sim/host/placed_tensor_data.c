/* What the host does with the elements of a tensor at once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/host/host_impl.h"

weft_status weft__placed_tensor_check_bytes(const weft_placed_tensor *tensor, const weft_shape *shape, size_t bytes,
                                            weft_error *err)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    uint64_t own = weft_shape_elements(shape) * weft_dtype_bytes(tensor->dtype);
    if (bytes == own)
        return WEFT_OK;
    return weft__fail(err, WEFT_SHAPE_MISMATCH, "The tensor is %s %s of %" PRIu64 " bytes, but the host gives %zu.",
                      weft_dtype_name(tensor->dtype), weft_shape_text(shape, text), own, bytes);
}

/* ---- values of shards ---- */

weft_status weft__placed_tensor_take_values(const weft_placed_tensor *tensor, weft__value_id **out, weft_error *err)
{
    *out = calloc(tensor->count, sizeof **out);
    return *out ? WEFT_OK : weft__fail_memory(err, tensor->count * sizeof **out, "the values of a tensor");
}

void weft__placed_tensor_give_values(const weft_placed_tensor *tensor, weft__value_id *values)
{
    for (uint32_t i = 0; values && i < tensor->count; i++)
        weft__values_release(tensor->simulation->values, values[i]);
    free(values);
}

weft_status weft__placed_tensor_make_values(const weft_placed_tensor *tensor, const void *data, weft__value_id *values,
                                            weft_error *err)
{
    weft__shard_box box;
    weft__values *graph = tensor->simulation->values;
    size_t each = weft_dtype_bytes(tensor->dtype);
    weft__placement_box(&tensor->placement, &tensor->shape, 0, &box); /* none is larger than the first */
    uint64_t most = weft__shard_box_bytes(&box, tensor->dtype);
    char *scratch = most < tensor->bytes ? malloc((size_t)most) : NULL;
    if (most < tensor->bytes && !scratch)
        return weft__fail_memory(err, (size_t)most, "a shard of a tensor");
    weft_status status = WEFT_OK;
    for (uint32_t i = 0; status == WEFT_OK && i < tensor->count; i++) {
        uint64_t offset;
        weft__placement_box(&tensor->placement, &tensor->shape, i, &box);
        const void *part = scratch;
        if (tensor->addresses[i] == WEFT__SHARD_EMPTY)
            continue;
        if (box.first != i) {
            values[i] = values[box.first];
            weft__values_retain(graph, values[i]);
            continue;
        }
        if (weft__shard_box_is_one_piece(&box, &tensor->shape, &offset))
            part = (const char *)data + offset * each;
        else
            weft__shard_box_gather(&box, &tensor->shape, each, data, scratch);
        status = weft__values_constant(graph, tensor->dtype, &box.shape, part, &values[i], err);
    }
    free(scratch);
    return status;
}

/* ---- reading ---- */

bool weft__placed_tensor_is_read(const weft_placed_tensor *tensor, uint32_t index, weft__shard_box *out)
{
    weft__placement_box(&tensor->placement, &tensor->shape, index, out);
    return tensor->addresses[index] != WEFT__SHARD_EMPTY && out->first == index;
}

weft_status weft__placed_tensor_collect(const weft_placed_tensor *tensor, const weft__value_id *values, size_t count,
                                        void *out, weft_error *err)
{
    weft__shard_box box;
    size_t next = 0;
    weft__values *graph = tensor->simulation->values;
    weft_status status = weft__values_evaluate(graph, values, count, err);
    for (uint32_t i = 0; status == WEFT_OK && i < tensor->count; i++)
        if (weft__placed_tensor_is_read(tensor, i, &box))
            weft__shard_box_scatter(&box, &tensor->shape, weft_dtype_bytes(tensor->dtype),
                                    weft__values_data(graph, values[next++]), out);
    return status;
}

/* ---- at once ---- */

weft_status weft_placed_tensor_set(weft_placed_tensor *tensor, const void *data, size_t bytes, weft_error *err)
{
    weft__value_id *values;
    weft_simulation *simulation = tensor->simulation;
    weft_status status = weft__placed_tensor_check_bytes(tensor, &tensor->shape, bytes, err);
    if (status != WEFT_OK || !simulation->values)
        return status;
    status = weft__placed_tensor_take_values(tensor, &values, err);
    if (status != WEFT_OK)
        return status;
    status = weft__placed_tensor_make_values(tensor, data, values, err);
    for (uint32_t i = 0; status == WEFT_OK && i < tensor->count; i++)
        if (values[i])
            status = weft__pe_values_put(simulation->memory, tensor->addresses[i], values[i], err);
    weft__placed_tensor_give_values(tensor, values);
    return status;
}

static weft_status fail_without_values(weft_error *err)
{
    return weft__fail(err, WEFT_UNSUPPORTED,
                      "The simulation keeps no values (WEFT_VALUES_NONE), so there is nothing to read.");
}

weft_status weft_placed_tensor_get(weft_placed_tensor *tensor, void *out, size_t bytes, weft_error *err)
{
    weft__shard_box box;
    weft__value_id *values;
    size_t count = 0;
    weft_simulation *simulation = tensor->simulation;
    weft_status status = weft__placed_tensor_check_bytes(tensor, &tensor->shape, bytes, err);
    if (status == WEFT_OK && !simulation->values)
        status = fail_without_values(err);
    if (status == WEFT_OK)
        status = weft__placed_tensor_take_values(tensor, &values, err);
    if (status != WEFT_OK)
        return status;
    for (uint32_t i = 0; status == WEFT_OK && i < tensor->count; i++)
        if (weft__placed_tensor_is_read(tensor, i, &box))
            status = weft__pe_values_name(simulation->memory, tensor->addresses[i], tensor->dtype, &box.shape,
                                          &values[count++], err);
    if (status == WEFT_OK)
        status = weft__placed_tensor_collect(tensor, values, count, out, err);
    weft__placed_tensor_give_values(tensor, values);
    return status;
}

weft_status weft_placed_tensor_get_of(weft_placed_tensor *tensor, size_t shard, void *out, size_t bytes,
                                      weft_error *err)
{
    weft__shard_box box;
    if (shard >= tensor->count)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "The tensor has %" PRIu32 " shards, counted from 0, so that there is no shard %zu.",
                          tensor->count, shard);
    weft__placement_box(&tensor->placement, &tensor->shape, (uint32_t)shard, &box);
    weft_status status = weft__placed_tensor_check_bytes(tensor, &box.shape, bytes, err);
    if (status == WEFT_OK && !tensor->simulation->values)
        status = fail_without_values(err);
    if (status != WEFT_OK || bytes == 0)
        return status;
    return weft__pe_values_read(tensor->simulation->memory, tensor->addresses[shard], tensor->dtype, &box.shape, out,
                                err);
}
