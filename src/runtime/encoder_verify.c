/* Commits of encoders with a verifier: each dispatch in a command buffer of its own, between two looks at memory. */
#include "base/status.h"
#include "runtime/encoder_impl.h"
#include "runtime/host_device.h"
#include "runtime/verifier_impl.h"

/* A command buffer with this one dispatch. What it uses is held by the one that it was recorded into. */
static weft_status make_piece(weft_encoder *encoder, const weft_dispatch *dispatch, weft__command_buffer **out,
                              weft_error *err)
{
    weft__command_buffer *piece;
    weft_status status = weft__command_buffer_create(encoder->device, &piece, err);
    if (status != WEFT_OK)
        return status;
    piece->timeline = encoder->commands->timeline;
    weft__label_copy(piece->label, encoder->commands->label);
    status = weft__command_buffer_reserve(piece, err);
    if (status == WEFT_OK)
        weft__command_buffer_append(piece, dispatch);
    if (status == WEFT_OK)
        status = weft__command_buffer_prepare_times(piece, err);
    if (status == WEFT_OK) {
        piece->chain = weft__chain_create(false);
        status = piece->chain ? WEFT_OK : weft__fail_memory(err, sizeof *piece->chain, "a command buffer");
    }
    if (status != WEFT_OK)
        weft__command_buffer_recycle(piece);
    else
        *out = piece;
    return status;
}

static weft_status run_alone(weft_encoder *encoder, const weft_dispatch *dispatch, weft_error *err)
{
    weft_device *device = encoder->device;
    weft__command_buffer *piece;
    weft_status status = make_piece(encoder, dispatch, &piece, err);
    if (status != WEFT_OK)
        return status;
    weft__chain *chain = piece->chain;
    atomic_fetch_add_explicit(&chain->references, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&device->counters.submitted, 1, memory_order_relaxed);
    pthread_mutex_lock(&device->lock);
    piece->submitted_ps = piece->timeline ? weft_device_now_ps(device) : 0;
    weft__submit_locked(device, piece);
    uint64_t sequence = device->submitted_sequence;
    pthread_mutex_unlock(&device->lock);
    encoder->last_sequence = sequence;
    weft__device_wait_for(device, sequence);
    if (atomic_load_explicit(&chain->failed, memory_order_acquire))
        status = weft__fail_copy(err, &chain->error);
    weft__chain_release(chain);
    return status;
}

static weft_status verify(weft_encoder *encoder, const weft_dispatch *dispatch, weft_error *err)
{
    weft_verifier *verifier = encoder->options.verifier;
    weft_status status = verifier->begin(verifier, dispatch, err);
    if (status == WEFT_OK) {
        status = run_alone(encoder, dispatch, err);
        if (status != WEFT_OK)
            return status; /* says already which command buffer and dispatch it is about */
        status = verifier->end(verifier, dispatch, err);
    }
    if (status != WEFT_OK && err) {
        weft__dispatch_fail_within(err, dispatch);
        weft__command_buffer_fail_within(err, encoder->commands);
    }
    return status;
}

weft_status weft__encoder_verify(weft_encoder *encoder, weft_error *err)
{
    weft_device *device = encoder->device;
    weft__command_buffer *commands = encoder->commands;
    const weft__chain *chain = encoder->chain;
    weft_status status = WEFT_OK;
    pthread_mutex_lock(&device->lock);
    uint64_t before = device->submitted_sequence;
    pthread_mutex_unlock(&device->lock);
    weft__device_wait_for(device, before);
    if (chain->poisons && atomic_load_explicit(&chain->failed, memory_order_acquire))
        return WEFT_OK; /* the device skips all of it */
    for (size_t i = 0; status == WEFT_OK && i < commands->stream_count; i++)
        if (commands->stream[i])
            status = verify(encoder, commands->stream[i], err);
    if (status == WEFT_OK)
        commands->stream_count = 0; /* all of it has been done */
    return status;
}
