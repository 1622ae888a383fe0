/* The memories of a machine: what lands in them, who wrote it, and the host's way in and out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/values/values_impl.h"

static weft_status make_memory(weft__pe_values *it, const weft__location *location, weft__memory **out, weft_error *err)
{
    char name[WEFT__NODE_NAME_BYTES + 8];
    const weft__graph *graph = weft__pes_graph(it->pes);
    weft__memory *made = calloc(1, sizeof *made);
    if (!made)
        return weft__fail_memory(err, sizeof *made, "a memory of a machine");
    weft__graph_node_name(graph, location->node, name);
    if (location->region == WEFT__REGION_TCM) {
        char *end = strrchr(name, '.'); /* of "sip0.cube0.pe0.dma" */
        (void)snprintf(end, sizeof name - (size_t)(end - name), ".tcm");
    }
    weft__memory_init(made, it->values, name, weft__region_bytes(graph, location->region));
    it->memories[location->node] = made;
    *out = made;
    return WEFT_OK;
}

/* Windows are those of TCMs; multiplied, those that differ in some bits only do not meet. */
static uint32_t number_of_window(uint64_t address)
{
    return (uint32_t)(address / WEFT__ADDRESS_PE_WINDOW_BYTES * UINT64_C(0x9e3779b97f4a7c15) >> 40);
}

weft_status weft__pe_values_locate(weft__pe_values *it, uint64_t address, uint64_t bytes, weft__location *out,
                                   weft_error *err)
{
    weft__located_memory *known = &it->located[number_of_window(address) % WEFT__LOCATED_MEMORIES];
    if (address >= known->begin && address < known->end && bytes <= known->end - address) {
        *out = known->at;
        out->offset = address - known->begin;
        return WEFT_OK;
    }
    weft_status status = weft__address_resolve(weft__pes_graph(it->pes), address, bytes, out, err);
    if (status != WEFT_OK)
        return status;
    if (known->begin != address - out->offset || known->end < address + bytes)
        *known = (weft__located_memory){address - out->offset, address + bytes, *out};
    return WEFT_OK;
}

void weft__pe_values_ask_for(const weft__pe_values *it, uint64_t address)
{
    const weft__located_memory *known = &it->located[number_of_window(address) % WEFT__LOCATED_MEMORIES];
    if (address < known->begin || address >= known->end)
        return;
    const weft__memory *memory = it->memories[known->at.node];
    if (memory)
        weft__memory_ask(memory, address - known->begin);
    weft__order_memory_ask(&it->accesses[known->at.node], address - known->begin);
}

weft_status weft__pe_values_find(weft__pe_values *it, uint64_t address, uint64_t bytes, weft__memory **out,
                                 uint64_t *out_offset, weft_error *err)
{
    weft__location location;
    weft_status status = weft__pe_values_locate(it, address, bytes, &location, err);
    if (status != WEFT_OK)
        return status;
    *out_offset = location.offset;
    *out = it->memories[location.node];
    return *out ? WEFT_OK : make_memory(it, &location, out, err);
}

weft_status weft__pe_values_install(weft__pe_values *it, uint64_t address, weft__value_id value, uint32_t writer,
                                    weft_error *err)
{
    weft__memory *memory;
    uint64_t offset;
    weft_status status =
        weft__pe_values_find(it, address, weft__values_bytes(it->values, value), &memory, &offset, err);
    if (status != WEFT_OK)
        return status;
    return weft__memory_install(memory, offset, value, writer, weft__sim_now(weft__pes_sim(it->pes)), err);
}

/* ---- writers ---- */

uint32_t weft__pe_values_writer(weft__pe_values *it, const weft__pe *pe, const char *call)
{
    if (it->call_count == 0 || it->calls[it->last_call] != call) {
        uint32_t at = 0;
        while (at < it->call_count && it->calls[at] != call)
            at++;
        if (at == it->call_count && at < WEFT__WRITER_CALLS)
            it->calls[it->call_count++] = call;
        it->last_call = at < WEFT__WRITER_CALLS ? at : WEFT__WRITER_CALLS - 1;
    }
    return it->last_call * weft__pes_count(it->pes) + weft__pe_index(pe);
}

const char *weft__pe_values_writer_name(const weft__pe_values *it, uint32_t writer)
{
    return writer == WEFT__WRITER_HOST ? "host"
                                       : weft__pe_name(weft__pe_at(it->pes, writer % weft__pes_count(it->pes)));
}

const char *weft__pe_values_writer_call(const weft__pe_values *it, uint32_t writer)
{
    return writer == WEFT__WRITER_HOST ? NULL : it->calls[writer / weft__pes_count(it->pes)];
}

/* ---- the host ---- */

bool weft__pe_values_add_hazard(weft__pe_values *it, const weft_kernel_hazard *hazard, const char *what)
{
    return weft__hazards_add(&it->hazards, hazard, NULL, "%s", what);
}

weft_status weft__pe_values_put(weft__pe_values *it, uint64_t address, weft__value_id value, weft_error *err)
{
    weft_status status = weft__pe_values_install(it, address, value, WEFT__WRITER_HOST, err);
    uint64_t bytes = weft__values_bytes(it->values, value);
    return status == WEFT_OK ? weft__pe_values_order_host(it, address, bytes, true, err) : status;
}

weft_status weft__pe_values_write(weft__pe_values *it, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                  const void *data, weft_error *err)
{
    weft__value_id value;
    weft_status status = weft__values_constant(it->values, dtype, shape, data, &value, err);
    if (status != WEFT_OK)
        return status;
    status = weft__pe_values_put(it, address, value, err);
    weft__values_release(it->values, value);
    return status;
}

weft_status weft__pe_values_name(weft__pe_values *it, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                 weft__value_id *out, weft_error *err)
{
    weft__memory *memory;
    uint64_t offset, bytes = weft_shape_elements(shape) * weft_dtype_bytes(dtype);
    *out = 0;
    weft_status status = weft__pe_values_find(it, address, bytes, &memory, &offset, err);
    if (status == WEFT_OK)
        status = weft__pe_values_order_host(it, address, bytes, false, err);
    return status == WEFT_OK ? weft__memory_read(memory, offset, dtype, shape, out, err) : status;
}

weft_status weft__pe_values_read(weft__pe_values *it, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                 void *out, weft_error *err)
{
    weft__value_id value;
    weft_status status = weft__pe_values_name(it, address, dtype, shape, &value, err);
    if (status != WEFT_OK)
        return status;
    status = weft__values_evaluate(it->values, &value, 1, err);
    uint64_t bytes = weft__values_bytes(it->values, value);
    if (status == WEFT_OK && bytes)
        memcpy(out, weft__values_data(it->values, value), (size_t)bytes);
    weft__values_release(it->values, value);
    return status;
}

bool weft__pe_values_forget(weft__pe_values *it, uint64_t address, uint64_t bytes)
{
    weft__location location;
    if (weft__pe_values_locate(it, address, bytes, &location, NULL) != WEFT_OK)
        return true; /* where nothing can stand */
    weft__memory *memory = it->memories[location.node];
    return !memory || weft__memory_forget(memory, location.offset, bytes);
}
