/* Tensors in the memories of a machine: where their shards lie. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/host/host_impl.h"
#include "sim/machine/address.h"

/* Shards begin at a multiple of this and of a flit, so that no two share one. */
#define ALIGNMENT 256u

static uint64_t alignment_of(const weft__graph *graph)
{
    uint64_t alignment = ALIGNMENT;
    while (alignment < graph->spec->system.flit_bytes)
        alignment *= 2;
    return alignment;
}

static weft_status check_shape(weft_dtype dtype, const weft_shape *shape, uint64_t *out_bytes, weft_error *err)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    weft_status status = weft__values_check_type(dtype, shape, out_bytes, err);
    if (status != WEFT_OK)
        return status;
    if (*out_bytes == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A tensor of shape %s has no elements.",
                          weft_shape_text(shape, text));
    if (*out_bytes > UINT64_C(1) << WEFT__ADDRESS_BITS)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "A tensor of shape %s has more bytes than there are addresses.",
                          weft_shape_text(shape, text));
    return WEFT_OK;
}

static weft_status take_memory(weft_placed_tensor *tensor, weft_error *err)
{
    weft_simulation *simulation = tensor->simulation;
    const weft__graph *graph = weft__simulation_graph(simulation);
    for (uint32_t i = 0; i < tensor->count; i++)
        tensor->addresses[i] = WEFT__SHARD_EMPTY;
    for (uint32_t i = 0; i < tensor->count; i++) {
        weft__shard_box box;
        weft__allocator *allocator;
        uint64_t address;
        weft__placement_box(&tensor->placement, &tensor->shape, i, &box);
        uint64_t bytes = weft__shard_box_bytes(&box, tensor->dtype);
        if (bytes == 0)
            continue;
        uint32_t place = weft__pe_set_at(graph, &tensor->placement.pes, i);
        weft_status status = weft__simulation_allocator(simulation, tensor->placement.home, place, &allocator, err);
        if (status == WEFT_OK)
            status = weft__allocator_take(allocator, bytes, alignment_of(graph), &address, err);
        if (status != WEFT_OK)
            return status;
        tensor->addresses[i] = address;
    }
    return WEFT_OK;
}

weft_status weft_placed_tensor_create(weft_simulation *simulation, weft_dtype dtype, const weft_shape *shape,
                                      const weft_placement *placement, weft_placed_tensor **out, weft_error *err)
{
    static const weft_placement everywhere;
    uint64_t bytes;
    *out = NULL;
    weft_placement resolved = placement ? *placement : everywhere;
    weft_status status = check_shape(dtype, shape, &bytes, err);
    if (status == WEFT_OK)
        status = weft__placement_check(&resolved, shape, err);
    if (status == WEFT_OK)
        status = weft__pe_set_resolve(weft__simulation_graph(simulation), &resolved.pes, &resolved.pes, err);
    if (status != WEFT_OK)
        return status;
    weft_placed_tensor *tensor = calloc(1, sizeof *tensor);
    if (!tensor)
        return weft__fail_memory(err, sizeof *tensor, "a tensor");
    *tensor = (weft_placed_tensor){.simulation = simulation,
                                   .dtype = dtype,
                                   .shape = *shape,
                                   .bytes = bytes,
                                   .placement = resolved,
                                   .count = weft__pe_set_count(&resolved.pes)};
    tensor->addresses = malloc(tensor->count * sizeof *tensor->addresses);
    status = tensor->addresses
                 ? take_memory(tensor, err)
                 : weft__fail_memory(err, tensor->count * sizeof *tensor->addresses, "the shards of a tensor");
    if (status != WEFT_OK) {
        weft_placed_tensor_destroy(tensor);
        return status;
    }
    *out = tensor;
    return WEFT_OK;
}

/* The bytes belong to nobody any more, and what stands there is forgotten. */
static void give_back(weft_placed_tensor *tensor, uint32_t index)
{
    weft__shard_box box;
    weft__allocator *allocator;
    weft_simulation *simulation = tensor->simulation;
    uint32_t place = weft__pe_set_at(weft__simulation_graph(simulation), &tensor->placement.pes, index);
    weft__placement_box(&tensor->placement, &tensor->shape, index, &box);
    if (simulation->memory)
        weft__pe_values_forget(simulation->memory, tensor->addresses[index],
                               weft__shard_box_bytes(&box, tensor->dtype));
    if (weft__simulation_allocator(simulation, tensor->placement.home, place, &allocator, NULL) == WEFT_OK)
        (void)weft__allocator_give_back(allocator, tensor->addresses[index], NULL);
}

void weft_placed_tensor_destroy(weft_placed_tensor *tensor)
{
    if (!tensor)
        return;
    for (uint32_t i = 0; tensor->addresses && i < tensor->count; i++)
        if (tensor->addresses[i] != WEFT__SHARD_EMPTY)
            give_back(tensor, i);
    free(tensor->addresses);
    free(tensor);
}

size_t weft_placed_tensor_shard_count(const weft_placed_tensor *tensor)
{
    return tensor->count;
}

bool weft_placed_tensor_get_shard(const weft_placed_tensor *tensor, size_t index, weft_shard *out)
{
    weft__shard_box box;
    weft_simulation *simulation = tensor->simulation;
    *out = (weft_shard){0};
    if (index >= tensor->count)
        return false;
    uint32_t place = weft__pe_set_at(weft__simulation_graph(simulation), &tensor->placement.pes, (uint32_t)index);
    weft__placement_box(&tensor->placement, &tensor->shape, (uint32_t)index, &box);
    out->shape = box.shape;
    if (tensor->addresses[index] != WEFT__SHARD_EMPTY)
        out->address = tensor->addresses[index];
    (void)snprintf(out->pe, sizeof out->pe, "%s", weft__pe_name(weft__pe_at(simulation->pes, place)));
    for (uint32_t axis = 0; axis < box.shape.rank; axis++)
        out->origin[axis] = box.origin[axis];
    return true;
}
