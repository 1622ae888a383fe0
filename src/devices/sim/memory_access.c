/* The host's way into buffers and out of them, in simulated time: what lies in a block is one transfer over the host's
 * link, and all of them begin at once. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "devices/sim/sim_impl.h"
#include "sim/host/host_impl.h"
#include "sim/machine/address.h"

typedef struct access access;

/* One transfer. */
typedef struct move {
    access *all;
    weft__sim_stretch at;
    weft__location location;
    weft__value_id value; /* that is written, or was read; 0 without values */
} move;

struct access {
    weft_simulation *simulation;
    bool is_write, is_done;
    move *moves;
    size_t count, ended;
    weft_status status; /* of values */
    weft_error err;
};

/* What is written has its value as soon as it is in memory, and what is read is what stands there at that time. */
static weft_status exchange(move *it, weft_error *err)
{
    weft__pe_values *memory = it->all->simulation->memory;
    const weft_shape shape = weft_shape_1d(it->at.bytes);
    return it->all->is_write ? weft__pe_values_put(memory, it->at.address, it->value, err)
                             : weft__pe_values_name(memory, it->at.address, WEFT_U8, &shape, &it->value, err);
}

static void on_memory(void *context, const weft__transfer *transfer)
{
    (void)transfer;
    move *it = context;
    if (it->all->status == WEFT_OK)
        it->all->status = exchange(it, &it->all->err);
}

static void on_end(void *context, const weft__transfer *transfer)
{
    (void)transfer;
    access *all = ((const move *)context)->all;
    if (++all->ended == all->count)
        weft__simulation_reach(all->simulation, &all->is_done);
}

/* Finds out where all of them go, and makes what is written, before the first begins. */
static weft_status plan(access *all, const weft__sim_memory *memory, uint64_t offset, const char *data, uint64_t bytes,
                        weft_error *err)
{
    const weft__graph *graph = weft__simulation_graph(all->simulation);
    weft_status status = WEFT_OK;
    for (uint64_t done = 0; status == WEFT_OK && done < bytes;) {
        move *next = &all->moves[all->count++];
        *next = (move){.all = all, .at = weft__sim_find_stretch(memory, offset + done, bytes - done)};
        const weft_shape shape = weft_shape_1d(next->at.bytes);
        status = weft__address_resolve(graph, next->at.address, next->at.bytes, &next->location, err);
        if (status == WEFT_OK && all->is_write && all->simulation->values)
            status = weft__values_constant(all->simulation->values, WEFT_U8, &shape, data + done, &next->value, err);
        done += next->at.bytes;
    }
    return status;
}

static void begin(access *all, uint64_t time)
{
    weft_simulation *simulation = all->simulation;
    const weft__host_listener *listener = simulation->listener;
    weft__transfer_request request = {
        .source = weft__graph_node(weft__simulation_graph(simulation), WEFT__NODE_HOST, 0, 0, 0),
        .is_write = all->is_write,
        .at_memory = simulation->memory ? on_memory : NULL,
        .ended = on_end};
    for (size_t i = 0; i < all->count; i++) {
        move *it = &all->moves[i];
        request.target = it->location.node;
        request.offset_bytes = it->location.offset;
        request.bytes = it->at.bytes;
        request.context = it;
        if (listener)
            listener->moves(listener->context, all->is_write, &it->location, it->at.bytes);
        weft__transfer_begin(simulation->transfers, time, &request);
    }
    if (listener)
        listener->awaits_moves(listener->context);
}

/* Until all have ended. */
static weft_status run(weft__sim_device *sim, access *all, weft_error *err)
{
    weft_error first;
    weft_simulation *simulation = all->simulation;
    weft__sim_host_begin(&sim->times, WEFT__SIM_ACCESS);
    begin(all, atomic_load(&sim->times.host_ps));
    weft_status status = weft__simulation_run_until(simulation, &all->is_done, &first);
    if (status == WEFT_OK && !all->is_done) {
        if (weft__fabric_check_arrived(simulation->fabric, &first) == WEFT_OK)
            (void)weft__fail(&first, WEFT_INTERNAL, "Nothing happens any more, and all messages have arrived.");
        (void)weft__fail_within(&first, first.code, "%zu of %zu transfers between host and memory have not ended",
                                all->count - all->ended, all->count);
        status = weft__simulation_fail(simulation, &first, &first);
    }
    weft__sim_host_end(&sim->times, weft__sim_now(simulation->sim));
    if (status != WEFT_OK)
        return weft__fail_copy(err, &first);
    return all->status == WEFT_OK ? WEFT_OK : weft__fail_copy(err, &all->err);
}

/* After the end of the simulation buffers can be looked at as they are. */
static weft_status exchange_all(access *all, weft_error *err)
{
    weft_status status = WEFT_OK;
    for (size_t i = 0; all->simulation->memory && status == WEFT_OK && i < all->count; i++)
        status = exchange(&all->moves[i], err);
    return status;
}

/* Computes what was read. */
static weft_status collect(const access *all, char *out, weft_error *err)
{
    weft__values *values = all->simulation->values;
    uint64_t done = 0;
    for (size_t i = 0; i < all->count; i++) {
        const move *it = &all->moves[i];
        weft_status status = values ? weft__values_evaluate(values, &it->value, 1, err) : WEFT_OK;
        if (status != WEFT_OK)
            return status;
        if (values)
            memcpy(out + done, weft__values_data(values, it->value), it->at.bytes);
        else
            memset(out + done, 0, it->at.bytes);
        done += it->at.bytes;
    }
    return WEFT_OK;
}

/* `out` or `data` is NULL. */
static weft_status access_memory(weft__sim_device *sim, const weft__sim_memory *memory, uint64_t offset, void *out,
                                 const void *data, uint64_t bytes, weft_error *err)
{
    access all = {.simulation = sim->simulation, .is_write = data != NULL};
    size_t most = bytes / memory->block_bytes + 2;
    all.moves = malloc(most * sizeof *all.moves);
    if (!all.moves)
        return weft__fail_memory(err, most * sizeof *all.moves, "an access to a buffer");
    weft_status status = plan(&all, memory, offset, data, bytes, err);
    if (status == WEFT_OK)
        status =
            weft__simulation_check(sim->simulation, NULL) == WEFT_OK ? run(sim, &all, err) : exchange_all(&all, err);
    if (status == WEFT_OK && out)
        status = collect(&all, out, err);
    for (size_t i = 0; i < all.count; i++)
        if (sim->simulation->values)
            weft__values_release(sim->simulation->values, all.moves[i].value);
    free(all.moves);
    return status;
}

weft_status weft__sim_memory_write(weft_device *device, weft__allocation *allocation, size_t offset, const void *data,
                                   size_t bytes, weft_error *err)
{
    weft__sim_device *sim = device->driver;
    if (bytes == 0)
        return WEFT_OK;
    pthread_mutex_lock(&sim->lock);
    weft_status status = access_memory(sim, allocation->handle, offset, NULL, data, bytes, err);
    pthread_mutex_unlock(&sim->lock);
    return status;
}

weft_status weft__sim_memory_read(weft_device *device, const weft__allocation *allocation, size_t offset, void *data,
                                  size_t bytes, weft_error *err)
{
    weft__sim_device *sim = device->driver;
    if (bytes == 0)
        return WEFT_OK;
    pthread_mutex_lock(&sim->lock);
    weft_status status = access_memory(sim, allocation->handle, offset, data, NULL, bytes, err);
    pthread_mutex_unlock(&sim->lock);
    return status;
}
