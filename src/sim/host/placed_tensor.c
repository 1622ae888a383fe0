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

/* ---- the end ---- */

/* The bytes belong to nobody any more, and what stands there is forgotten. False, and nothing, without the memory to
 * forget it. */
static bool give_back(weft_placed_tensor *tensor, uint32_t index)
{
    weft__shard_box box;
    weft__allocator *allocator;
    weft_simulation *simulation = tensor->simulation;
    uint32_t place = weft__pe_set_at(weft__simulation_graph(simulation), &tensor->placement.pes, index);
    weft__placement_box(&tensor->placement, &tensor->shape, index, &box);
    if (simulation->memory && !weft__pe_values_forget(simulation->memory, tensor->addresses[index],
                                                      weft__shard_box_bytes(&box, tensor->dtype)))
        return false;
    if (weft__simulation_allocator(simulation, tensor->placement.home, place, &allocator, NULL) == WEFT_OK)
        (void)weft__allocator_give_back(allocator, tensor->addresses[index], NULL);
    tensor->addresses[index] = WEFT__SHARD_EMPTY;
    return true;
}

static bool give_all_back(weft_placed_tensor *tensor)
{
    bool is_all = true;
    for (uint32_t i = 0; tensor->addresses && i < tensor->count; i++)
        if (tensor->addresses[i] != WEFT__SHARD_EMPTY)
            is_all &= give_back(tensor, i);
    return is_all;
}

void weft__placed_tensor_free(weft_placed_tensor *tensor)
{
    free(tensor->addresses);
    free(tensor);
}

void weft__simulation_sweep_tensors(weft_simulation *simulation)
{
    uint64_t oldest = UINT64_MAX;
    for (const weft_kernel_launch *it = simulation->running; it; it = it->next_running)
        oldest = it->serial < oldest ? it->serial : oldest;
    weft_placed_tensor **link = &simulation->retired;
    while (*link) {
        weft_placed_tensor *tensor = *link;
        if (oldest <= tensor->retired_at || !give_all_back(tensor)) {
            link = &tensor->next;
            continue;
        }
        *link = tensor->next;
        weft__placed_tensor_free(tensor);
    }
}

/* `launches` that have begun may be using it. */
static void retire(weft_placed_tensor *tensor, uint64_t launches)
{
    weft_simulation *simulation = tensor->simulation;
    tensor->retired_at = launches;
    tensor->next = simulation->retired;
    simulation->retired = tensor;
    weft__simulation_sweep_tensors(simulation);
}

void weft_placed_tensor_destroy(weft_placed_tensor *tensor)
{
    if (tensor)
        retire(tensor, tensor->simulation->launch_count);
}

/* ---- the beginning ---- */

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
    weft__simulation_sweep_tensors(simulation);
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
        retire(tensor, 0); /* nobody knows it */
        return status;
    }
    *out = tensor;
    return WEFT_OK;
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
