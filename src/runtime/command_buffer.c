#include "runtime/command_buffer.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/status.h"
#include "runtime/timeline_impl.h"

weft__chain *weft__chain_create(bool poisons)
{
    weft__chain *chain = calloc(1, sizeof *chain);
    if (chain) {
        atomic_init(&chain->references, 1);
        chain->poisons = poisons;
    }
    return chain;
}

void weft__chain_release(weft__chain *chain)
{
    if (chain && atomic_fetch_sub_explicit(&chain->references, 1, memory_order_acq_rel) == 1)
        free(chain);
}

/* Handles bear the ids of those that hold them: a new id says that we hold none. */
static void take_id(weft__command_buffer *commands)
{
    commands->id = atomic_fetch_add_explicit(&commands->device->next_command_buffer_id, 1, memory_order_relaxed) + 1;
}

weft_status weft__command_buffer_create(weft_device *device, weft__command_buffer **out, weft_error *err)
{
    pthread_mutex_lock(&device->lock);
    weft__command_buffer *commands = device->idle;
    if (commands)
        device->idle = commands->next;
    pthread_mutex_unlock(&device->lock);
    if (!commands) {
        commands = calloc(1, sizeof *commands);
        if (!commands)
            return weft__fail_memory(err, sizeof *commands, "a command buffer");
        commands->device = device;
        weft__arena_init(&commands->arena, 16384);
    }
    commands->next = NULL;
    take_id(commands);
    atomic_fetch_add_explicit(&device->counters.created, 1, memory_order_relaxed);
    *out = commands;
    return WEFT_OK;
}

/* Gives back all that a recording holds, and keeps the memory. */
static void empty(weft__command_buffer *commands)
{
    for (size_t i = 0; i < commands->retained_count; i++)
        weft__buffer_release(commands->retained[i]);
    for (const weft__held_graph *held = commands->held_graphs; held; held = held->next)
        weft__replay_hold_release(held->hold);
    commands->held_graphs = NULL;
    commands->retained_count = 0;
    commands->written_count = 0;
    commands->stream_count = 0;
    commands->dispatch_count = commands->barrier_count = commands->inferred_count = 0;
    commands->time_count = 0;
    commands->times = NULL;
    commands->timeline = NULL;
    commands->is_settled = false;
    commands->sequence = 0;
    commands->wait_value = commands->signal_value = 0;
    commands->label[0] = '\0';
    weft__chain_release(commands->chain);
    commands->chain = NULL;
    weft__arena_reset(&commands->arena);
}

void weft__command_buffer_recycle(weft__command_buffer *commands)
{
    if (!commands)
        return;
    weft_device *device = commands->device;
    empty(commands);
    pthread_mutex_lock(&device->lock);
    commands->next = device->idle;
    device->idle = commands;
    pthread_mutex_unlock(&device->lock);
}

void weft__command_buffer_restart(weft__command_buffer *commands)
{
    uint64_t wait_value = commands->wait_value;
    weft_timeline *timeline = commands->timeline;
    empty(commands);
    commands->wait_value = wait_value;
    commands->timeline = timeline;
    take_id(commands);
}

void weft__command_buffer_free(weft__command_buffer *commands)
{
    if (!commands)
        return;
    empty(commands);
    weft__arena_destroy(&commands->arena);
    free(commands->stream);
    free(commands->retained);
    free(commands->written);
    free(commands);
}

static weft_status retain(weft__command_buffer *commands, const weft_buffer *buffer, weft_error *err)
{
    weft_status status = weft__array_reserve_or_fail(&commands->retained, &commands->retained_capacity,
                                                     commands->retained_count, 1, "a command buffer's buffers", err);
    if (status)
        return status;
    commands->retained[commands->retained_count++] = buffer;
    weft__buffer_retain(buffer);
    atomic_store_explicit(&((weft_buffer *)(uintptr_t)buffer)->retained_by, commands->id, memory_order_relaxed);
    return WEFT_OK;
}

static weft_status note_written(weft__command_buffer *commands, const weft_buffer *buffer, weft_error *err)
{
    weft_status status = weft__array_reserve_or_fail(&commands->written, &commands->written_capacity,
                                                     commands->written_count, 1, "a command buffer's outputs", err);
    if (status)
        return status;
    commands->written[commands->written_count++] = buffer->allocation;
    atomic_store_explicit(&((weft_buffer *)(uintptr_t)buffer)->written_by, commands->id, memory_order_relaxed);
    return WEFT_OK;
}

weft_status weft__command_buffer_hold_first(weft__command_buffer *commands, const weft_buffer *buffer, bool writes,
                                            weft_error *err)
{
    if (atomic_load_explicit(&buffer->retained_by, memory_order_relaxed) != commands->id) {
        weft_status status = retain(commands, buffer, err);
        if (status)
            return status;
    }
    if (writes && atomic_load_explicit(&buffer->written_by, memory_order_relaxed) != commands->id)
        return note_written(commands, buffer, err);
    return WEFT_OK;
}

weft_status weft__command_buffer_reserve_many(weft__command_buffer *commands, size_t more, weft_error *err)
{
    return weft__array_reserve_or_fail(&commands->stream, &commands->stream_capacity, commands->stream_count, more,
                                       "a command buffer's stream", err);
}

weft_status weft__command_buffer_grow(weft__command_buffer *commands, weft_error *err)
{
    return weft__command_buffer_reserve_many(commands, 2, err);
}

bool weft__command_buffer_hold_graph(weft__command_buffer *commands, weft__replay_hold *hold)
{
    weft__held_graph *held = weft__arena_new(&commands->arena, weft__held_graph);
    if (!held)
        return false;
    *held = (weft__held_graph){commands->held_graphs, hold};
    commands->held_graphs = held;
    weft__replay_hold_retain(hold);
    return true;
}

weft_status weft__command_buffer_start(weft__command_buffer *commands, weft_error *err)
{
    weft__chain *chain = commands->chain;
    if (chain->poisons && atomic_load_explicit(&chain->failed, memory_order_acquire))
        return weft__fail_copy(err, &chain->error);
    uint64_t reached = atomic_load_explicit(&chain->fence_value, memory_order_acquire);
    if (commands->wait_value > reached)
        return weft__fail(err, WEFT_DEADLOCK,
                          "Command buffer '%s' waits for fence value %llu, but the fence stands at %llu and nothing "
                          "before it raises it.",
                          commands->label, (unsigned long long)commands->wait_value, (unsigned long long)reached);
    return WEFT_OK;
}

void weft__command_buffer_fail_within(weft_error *err, const weft__command_buffer *commands)
{
    if (commands->label[0])
        (void)weft__fail_within(err, err->code, "Command buffer '%s'", commands->label);
    else
        (void)weft__fail_within(err, err->code, "Command buffer without a label");
}

void weft__command_buffer_settle(weft__command_buffer *commands, weft_status status, const weft_error *error)
{
    commands->is_settled = true;
    weft__chain *chain = commands->chain;
    weft__live_counters *counters = &commands->device->counters;
    if (status == WEFT_OK) {
        atomic_fetch_add_explicit(&chain->completed, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&counters->completed, 1, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&chain->failures, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&counters->failed, 1, memory_order_relaxed);
        if (!atomic_load_explicit(&chain->failed, memory_order_acquire)) {
            chain->error = *error;
            atomic_store_explicit(&chain->failed, true, memory_order_release);
        }
    }
    /* A failed stage signals too: what waits for it must come to its end, if only to be skipped. */
    if (commands->signal_value)
        atomic_store_explicit(&chain->fence_value, commands->signal_value, memory_order_release);
}

void weft__command_buffer_finish(weft__command_buffer *commands, weft_status status, const weft_error *error)
{
    weft_device *device = commands->device;
    uint64_t sequence = commands->sequence;
    if (!commands->is_settled)
        weft__command_buffer_settle(commands, status, error);
    if (commands->timeline)
        weft__timeline_add(commands->timeline, commands);
    weft__command_buffer_recycle(commands);
    atomic_store_explicit(&device->finished_sequence, sequence, memory_order_release);
    (void)weft__gate_add(&device->finished, 1);
    weft__gate_wake(&device->finished, WEFT__WAKE_ALL);
}
