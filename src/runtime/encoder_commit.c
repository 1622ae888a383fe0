#include <string.h>

#include "base/status.h"
#include "runtime/budget_impl.h"
#include "runtime/device_trace.h"
#include "runtime/encoder_impl.h"

/* The counts that submitting these commands adds; their creation has been counted. */
static weft_counters counts_of(const weft__command_buffer *commands, uint64_t signal_value)
{
    return (weft_counters){
        .command_buffers_submitted = 1,
        .dispatches = commands->dispatch_count,
        .barriers = commands->barrier_count,
        .barriers_inferred = commands->inferred_count,
        .fences_signalled = signal_value != 0,
        .fence_waits = commands->wait_value != 0,
    };
}

static void count(weft_device *device, const weft_counters *more)
{
    weft__live_counters *live = &device->counters;
    atomic_fetch_add_explicit(&live->submitted, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&live->dispatches, more->dispatches, memory_order_relaxed);
    atomic_fetch_add_explicit(&live->barriers, more->barriers, memory_order_relaxed);
    if (more->barriers_inferred)
        atomic_fetch_add_explicit(&live->barriers_inferred, more->barriers_inferred, memory_order_relaxed);
    if (more->fences_signalled)
        atomic_fetch_add_explicit(&live->fences_signalled, 1, memory_order_relaxed);
    if (more->fence_waits)
        atomic_fetch_add_explicit(&live->fence_waits, 1, memory_order_relaxed);
}

/* Notes on what the graphs of a command buffer use which one it is. */
static void note_use(const weft__replay_hold *hold, uint64_t sequence)
{
    for (size_t i = 0; i < hold->used_count; i++)
        atomic_store_explicit(&hold->used[i]->last_use, sequence, memory_order_release);
    for (size_t i = 0; i < hold->written_count; i++)
        atomic_store_explicit(&hold->written[i]->last_write, sequence, memory_order_release);
}

void weft__submit_locked(weft_device *device, weft__command_buffer *commands)
{
    uint64_t sequence = ++device->submitted_sequence;
    commands->sequence = sequence;
    for (size_t i = 0; i < commands->retained_count; i++)
        atomic_store_explicit(&commands->retained[i]->allocation->last_use, sequence, memory_order_release);
    for (size_t i = 0; i < commands->written_count; i++)
        atomic_store_explicit(&commands->written[i]->last_write, sequence, memory_order_release);
    for (const weft__held_graph *held = commands->held_graphs; held; held = held->next)
        note_use(held->hold, sequence);
    device->table->submit(device, commands);
}

weft_status weft__command_buffer_prepare_times(weft__command_buffer *commands, weft_error *err)
{
    size_t count = commands->stream_count + 2;
    if (!commands->timeline)
        return WEFT_OK;
    commands->times = weft__arena_new_array(&commands->arena, weft__part_time, count);
    return commands->times ? WEFT_OK : weft__fail_memory(err, count * sizeof *commands->times, "a timeline");
}

weft_status weft__encoder_submit(weft_encoder *encoder, const weft__commit *commit, weft_error *err)
{
    weft__command_buffer *commands = encoder->commands;
    if (!commands)
        return weft__encoder_not_recording(encoder, "commit", err);
    weft_device *device = encoder->device;
    weft_counters more = counts_of(commands, commit->signal_value);
    weft_status status = weft__command_buffer_prepare_times(commands, err);
    if (status == WEFT_OK && commit->allow)
        status = commit->allow(commit->context, &more, commit->label, err);
    if (status)
        return status;
    weft__label_copy(commands->label, commit->label);
    if (encoder->options.verifier)
        status = weft__encoder_verify(encoder, err);
    if (status)
        return status;
    commands->signal_value = commit->signal_value;

    pthread_mutex_lock(&device->lock);
    if (atomic_load_explicit(&device->closed, memory_order_relaxed))
        status = weft__fail(err, WEFT_INVALID_STATE, "Cannot commit: the device has been closed.");
    else if (device->spans)
        status = weft__spans_check(device, &more, commit->label, err);
    if (status == WEFT_OK) {
        commands->chain = encoder->chain;
        atomic_fetch_add_explicit(&encoder->chain->references, 1, memory_order_relaxed);
        bool is_timed = commands->timeline != NULL;
        uint64_t since_ps = is_timed || device->trace ? weft_device_now_ps(device) : 0;
        commands->submitted_ps = since_ps;
        count(device, &more);
        weft__submit_locked(device, commands); /* from here on the commands are the device's */
        encoder->last_sequence = device->submitted_sequence;
        if (device->trace)
            weft__device_trace_submitted(device, since_ps, commit->label, encoder->last_sequence, is_timed);
    }
    pthread_mutex_unlock(&device->lock);
    if (status)
        return status;
    if (encoder->tracker)
        weft__hazard_tracker_commit(encoder->tracker, commit->label);
    encoder->commands = NULL;
    weft__label_copy(encoder->last_label, commit->label);
    if (commit->spent)
        *commit->spent = more;
    return WEFT_OK;
}

weft_status weft_encoder_commit(weft_encoder *encoder, const char *label, weft_error *err)
{
    if (encoder->in_session)
        return weft__fail(err, WEFT_INVALID_STATE, "The encoder of a session is committed by its session.");
    weft__commit commit = {.label = label};
    return weft__encoder_submit(encoder, &commit, err);
}

weft_status weft__encoder_may_sync(weft_encoder *encoder, const char *label, weft_error *err)
{
    weft_device *device = encoder->device;
    weft_counters more = {.syncs = 1};
    pthread_mutex_lock(&device->lock);
    weft_status status = device->spans ? weft__spans_check(device, &more, label, err) : WEFT_OK;
    pthread_mutex_unlock(&device->lock);
    return status;
}

weft_status weft__encoder_sync(weft_encoder *encoder, weft_error *err)
{
    weft_device *device = encoder->device;
    weft_status status = weft__encoder_may_sync(encoder, encoder->last_label, err);
    if (status)
        return status;
    weft__device_sync(device, encoder->last_sequence);
    return WEFT_OK;
}

weft_status weft_encoder_wait(weft_encoder *encoder, weft_error *err)
{
    if (encoder->in_session)
        return weft__fail(err, WEFT_INVALID_STATE, "The encoder of a session is waited for by its session.");
    weft_status status = weft__encoder_sync(encoder, err);
    if (status)
        return status;
    weft__chain *chain = encoder->chain;
    if (!atomic_load_explicit(&chain->failed, memory_order_acquire))
        return WEFT_OK;
    status = weft__fail_copy(err, &chain->error);
    atomic_store_explicit(&chain->failed, false, memory_order_release); /* nothing is in flight: reported once */
    return status;
}

weft_status weft_encoder_commit_and_wait(weft_encoder *encoder, const char *label, weft_error *err)
{
    weft_status status = weft__encoder_may_sync(encoder, label, err); /* before anything is submitted */
    if (status == WEFT_OK)
        status = weft_encoder_commit(encoder, label, err);
    return status ? status : weft_encoder_wait(encoder, err);
}
