/* What moves between the host and the shards of a tensor, in simulated time. */
#include <inttypes.h>
#include <stdlib.h>

#include "sim/host/host_impl.h"
#include "sim/machine/address.h"

typedef struct shard_move shard_move;

/* All transfers of an upload or download. */
typedef struct tensor_move {
    weft_placed_tensor *tensor;
    bool is_upload, is_done;
    shard_move *moves;
    uint32_t count, ended;
    weft__value_id *values; /* by move of what is read; by shard of what is written */
    weft_status status;     /* of values */
    weft_error err;
} tensor_move;

struct shard_move {
    tensor_move *all;
    uint32_t shard;
    weft__location location;
    uint64_t bytes;
};

/* What is written has its value as soon as it is in memory, and what is read is what stands there at that time. */
static void on_memory(void *context, const weft__transfer *transfer)
{
    (void)transfer;
    const shard_move *move = context;
    tensor_move *all = move->all;
    const weft_placed_tensor *tensor = all->tensor;
    weft__pe_values *memory = tensor->simulation->memory;
    uint64_t address = tensor->addresses[move->shard];
    if (all->status != WEFT_OK)
        return;
    if (all->is_upload) {
        all->status = weft__pe_values_put(memory, address, all->values[move->shard], &all->err);
        return;
    }
    weft__shard_box box;
    weft__placement_box(&tensor->placement, &tensor->shape, move->shard, &box);
    all->status =
        weft__pe_values_name(memory, address, tensor->dtype, &box.shape, &all->values[move - all->moves], &all->err);
}

static void on_end(void *context, const weft__transfer *transfer)
{
    (void)transfer;
    tensor_move *all = ((const shard_move *)context)->all;
    if (++all->ended == all->count)
        weft__simulation_reach(all->tensor->simulation, &all->is_done);
}

/* Finds out where all of them go, before the first begins: what is under way must not be left alone. */
static weft_status plan_moves(tensor_move *all, weft_error *err)
{
    const weft_placed_tensor *tensor = all->tensor;
    const weft__graph *graph = weft__simulation_graph(tensor->simulation);
    weft_status status = WEFT_OK;
    for (uint32_t i = 0; status == WEFT_OK && i < tensor->count; i++) {
        weft__shard_box box;
        bool is_read = weft__placed_tensor_is_read(tensor, i, &box);
        if (all->is_upload ? tensor->addresses[i] == WEFT__SHARD_EMPTY : !is_read)
            continue;
        shard_move *move = &all->moves[all->count++];
        *move = (shard_move){.all = all, .shard = i, .bytes = weft__shard_box_bytes(&box, tensor->dtype)};
        status = weft__address_resolve(graph, tensor->addresses[i], move->bytes, &move->location, err);
    }
    return status;
}

static void begin_moves(tensor_move *all)
{
    weft_simulation *simulation = all->tensor->simulation;
    const weft__host_listener *listener = simulation->listener;
    weft__transfer_request request = {
        .source = weft__graph_node(weft__simulation_graph(simulation), WEFT__NODE_HOST, 0, 0, 0),
        .is_write = all->is_upload,
        .at_memory = simulation->memory ? on_memory : NULL,
        .ended = on_end};
    for (uint32_t i = 0; i < all->count; i++) {
        shard_move *move = &all->moves[i];
        request.target = move->location.node;
        request.offset_bytes = move->location.offset;
        request.bytes = move->bytes;
        request.context = move;
        if (listener)
            listener->moves(listener->context, all->is_upload, &move->location, move->bytes);
        weft__transfer_begin(simulation->transfers, weft__sim_now(simulation->sim), &request);
    }
    if (listener)
        listener->awaits_moves(listener->context);
}

/* Until all have ended. */
static weft_status run_moves(tensor_move *all, weft_error *err)
{
    weft_error stuck;
    weft_simulation *simulation = all->tensor->simulation;
    weft_status status = weft__simulation_run_until(simulation, &all->is_done, err);
    if (status != WEFT_OK)
        return status;
    if (all->is_done)
        return all->status == WEFT_OK ? WEFT_OK : weft__fail_copy(err, &all->err);
    if (weft__fabric_check_arrived(simulation->fabric, &stuck) == WEFT_OK)
        (void)weft__fail(&stuck, WEFT_INTERNAL, "Nothing happens any more, and all messages have arrived.");
    (void)weft__fail_within(&stuck, stuck.code,
                            "%" PRIu32 " of %" PRIu32 " transfers between host and shards have not"
                            " ended",
                            all->count - all->ended, all->count);
    return weft__simulation_fail(simulation, &stuck, err);
}

static weft_status move_tensor(tensor_move *all, const void *data, void *out, weft_error *err)
{
    weft_placed_tensor *tensor = all->tensor;
    bool has_values = tensor->simulation->values != NULL;
    all->moves = calloc(tensor->count, sizeof *all->moves);
    weft_status status =
        all->moves ? WEFT_OK : weft__fail_memory(err, tensor->count * sizeof *all->moves, "the transfers of a tensor");
    if (status == WEFT_OK && has_values)
        status = weft__placed_tensor_take_values(tensor, &all->values, err);
    if (status == WEFT_OK && has_values && all->is_upload)
        status = weft__placed_tensor_make_values(tensor, data, all->values, err);
    if (status == WEFT_OK)
        status = plan_moves(all, err);
    if (status == WEFT_OK) {
        begin_moves(all);
        status = run_moves(all, err);
    }
    if (status == WEFT_OK && has_values && !all->is_upload)
        status = weft__placed_tensor_collect(tensor, all->values, all->count, out, err);
    weft__placed_tensor_give_values(tensor, all->values);
    free(all->moves);
    return status;
}

static weft_status check_call(const weft_placed_tensor *tensor, const char *call, size_t bytes, weft_error *err)
{
    weft_status status = weft__simulation_check_outside(tensor->simulation, call, err);
    if (status == WEFT_OK)
        status = weft__simulation_check(tensor->simulation, err);
    return status == WEFT_OK ? weft__placed_tensor_check_bytes(tensor, &tensor->shape, bytes, err) : status;
}

weft_status weft_placed_tensor_upload(weft_placed_tensor *tensor, const void *data, size_t bytes, weft_error *err)
{
    tensor_move all = {.tensor = tensor, .is_upload = true};
    weft_status status = check_call(tensor, "weft_placed_tensor_upload", bytes, err);
    return status == WEFT_OK ? move_tensor(&all, data, NULL, err) : status;
}

weft_status weft_placed_tensor_download(weft_placed_tensor *tensor, void *out, size_t bytes, weft_error *err)
{
    tensor_move all = {.tensor = tensor};
    weft_status status = check_call(tensor, "weft_placed_tensor_download", bytes, err);
    return status == WEFT_OK ? move_tensor(&all, NULL, out, err) : status;
}
