#include "runtime/encoder_impl.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static weft_status make_parts(weft_encoder *encoder, const weft_encoder_options *options, weft_error *err)
{
    encoder->chain = weft__chain_create(false);
    if (!encoder->chain)
        return weft__fail_memory(err, sizeof *encoder->chain, "an encoder");
    if (options)
        encoder->options = *options;
    weft_status status = WEFT_OK;
    if (encoder->options.hazards || encoder->options.barriers == WEFT_BARRIERS_INFERRED)
        status = weft__hazard_tracker_create(encoder->options.hazards, &encoder->tracker, err);
    if (status == WEFT_OK)
        status = weft__encoder_begin(encoder, 0, err);
    return status;
}

weft_status weft_encoder_create(weft_device *device, const weft_encoder_options *options, weft_encoder **out,
                                weft_error *err)
{
    *out = NULL;
    weft_encoder *encoder = calloc(1, sizeof *encoder);
    if (!encoder)
        return weft__fail_memory(err, sizeof *encoder, "an encoder");
    encoder->device = device;
    weft__device_retain(device);
    weft_status status = make_parts(encoder, options, err);
    if (status) {
        weft_encoder_destroy(encoder);
        return status;
    }
    *out = encoder;
    return WEFT_OK;
}

void weft_encoder_destroy(weft_encoder *encoder)
{
    if (!encoder)
        return;
    weft__command_buffer_recycle(encoder->commands);
    weft__hazard_tracker_destroy(encoder->tracker);
    weft__chain_release(encoder->chain);
    weft__device_release(encoder->device);
    free(encoder);
}

weft_status weft__encoder_begin(weft_encoder *encoder, uint64_t wait_value, weft_error *err)
{
    weft__command_buffer *commands;
    weft_status status = weft__command_buffer_create(encoder->device, &commands, err);
    if (status)
        return status;
    if (encoder->commands) {
        weft__command_buffer_recycle(encoder->commands);
        if (encoder->tracker)
            weft__hazard_tracker_drop(encoder->tracker);
    }
    commands->wait_value = wait_value;
    commands->timeline = encoder->options.timeline;
    encoder->commands = commands;
    encoder->label = NULL;
    return WEFT_OK;
}

void weft__encoder_restart(weft_encoder *encoder)
{
    if (encoder->tracker)
        weft__hazard_tracker_drop(encoder->tracker);
    weft__command_buffer_restart(encoder->commands);
    encoder->label = NULL;
}

weft_status weft_encoder_reset(weft_encoder *encoder, weft_error *err)
{
    if (encoder->in_session)
        return weft__fail(err, WEFT_INVALID_STATE, "The encoder of a session is reset by its session.");
    return weft__encoder_begin(encoder, 0, err);
}

weft_status weft__encoder_not_recording(const weft_encoder *encoder, const char *verb, weft_error *err)
{
    return weft__fail(err, WEFT_INVALID_STATE,
                      "Cannot %s: the command buffer has been committed, and %s has not been "
                      "called since.",
                      verb, encoder->in_session ? "weft_session_reset_for_next_stage" : "weft_encoder_reset");
}

/* Room has been made. */
static weft_status append_barrier(weft_encoder *encoder, bool inferred, weft_error *err)
{
    weft_status status = WEFT_OK;
    if (encoder->tracker)
        status = weft__hazard_tracker_barrier(encoder->tracker, inferred, err);
    if (status == WEFT_OK)
        weft__command_buffer_append(encoder->commands, NULL);
    return status;
}

weft_status weft_encoder_barrier(weft_encoder *encoder, weft_error *err)
{
    if (!encoder->commands)
        return weft__encoder_not_recording(encoder, "place a barrier", err);
    if (encoder->options.omit_barrier && encoder->manual_barriers + 1 == encoder->options.omit_barrier) {
        encoder->manual_barriers++;
        return WEFT_OK;
    }
    weft_status status = weft__command_buffer_reserve(encoder->commands, err);
    if (status == WEFT_OK)
        status = append_barrier(encoder, false, err);
    if (status == WEFT_OK)
        encoder->manual_barriers++;
    return status;
}

void weft_encoder_set_label(weft_encoder *encoder, const char *label)
{
    encoder->label = NULL;
    if (!encoder->commands || !label || !label[0])
        return;
    size_t bytes = strnlen(label, WEFT__LABEL_BYTES - 1) + 1;
    char *copy = weft__arena_alloc(&encoder->commands->arena, bytes, 1);
    if (!copy) /* a dispatch without its label is better than none */
        return;
    memcpy(copy, label, bytes - 1);
    copy[bytes - 1] = '\0';
    encoder->label = copy;
}

static weft_dispatch *make_dispatch(weft_encoder *encoder, const weft_op *op, const weft_buffer *const *arguments,
                                    const void *params)
{
    weft__command_buffer *commands = encoder->commands;
    size_t bytes = sizeof(weft_dispatch) + op->params_bytes;
    weft_dispatch *dispatch = weft__arena_alloc(&commands->arena, bytes, alignof(max_align_t));
    if (!dispatch)
        return NULL;
    dispatch->op = op;
    dispatch->label = encoder->label;
    dispatch->params = NULL;
    if (op->params_bytes) {
        dispatch->params = dispatch + 1;
        memcpy(dispatch + 1, params, op->params_bytes);
    }
    for (uint32_t i = 0; i < op->argument_count; i++)
        dispatch->arguments[i] = arguments[i];
    return dispatch;
}

/* Lets the tracker look at a dispatch, and puts the barrier in that it asks for. */
static weft_status track(weft_encoder *encoder, weft_dispatch *dispatch, weft_error *err)
{
    bool infers = encoder->options.barriers == WEFT_BARRIERS_INFERRED;
    bool conflicts = false;
    weft_status status = weft__hazard_tracker_look(encoder->tracker, dispatch, infers, &conflicts, err);
    if (status == WEFT_OK && conflicts && infers) {
        status = append_barrier(encoder, true, err);
        if (status == WEFT_OK) {
            encoder->commands->inferred_count++;
            dispatch->barriers_before++;
        }
    }
    if (status == WEFT_OK)
        status = weft__hazard_tracker_add(encoder->tracker, dispatch, err);
    return status;
}

weft_status weft__encoder_append(weft_encoder *encoder, weft_dispatch *dispatch, weft_error *err)
{
    weft__command_buffer *commands = encoder->commands;
    dispatch->index = commands->dispatch_count;
    dispatch->barriers_before = commands->barrier_count;
    weft_status status = weft__command_buffer_reserve(commands, err);
    if (status == WEFT_OK && encoder->tracker)
        status = track(encoder, dispatch, err);
    if (status == WEFT_OK)
        weft__command_buffer_append(commands, dispatch);
    return status;
}

weft_status weft_encoder_dispatch(weft_encoder *encoder, const weft_op *op, const weft_buffer *const *arguments,
                                  size_t argument_count, const void *params, weft_error *err)
{
    if (!encoder->commands)
        return weft__encoder_not_recording(encoder, "record a dispatch", err);
    weft_status status = weft__call_check(op, argument_count, params, err);
    if (status)
        return status;
    weft__command_buffer *commands = encoder->commands;
    weft_dispatch *dispatch = make_dispatch(encoder, op, arguments, params);
    if (!dispatch)
        return weft__fail_memory(err, sizeof *dispatch + op->params_bytes, "a dispatch");
    status = weft__dispatch_check(dispatch, encoder->device, err);
    if (status == WEFT_OK)
        status = weft__device_kernel(encoder->device, op, &dispatch->kernel, err);
    for (uint32_t i = 0; status == WEFT_OK && i < op->argument_count; i++)
        if (arguments[i])
            status = weft__command_buffer_hold(commands, arguments[i], op->arguments[i].role & WEFT_WRITE, err);
    if (status == WEFT_OK)
        status = weft__encoder_append(encoder, dispatch, err);
    if (status == WEFT_OK)
        encoder->label = NULL;
    return status;
}

uint32_t weft_encoder_dispatch_count(const weft_encoder *encoder)
{
    return encoder->commands ? encoder->commands->dispatch_count : 0;
}

uint32_t weft_encoder_barrier_count(const weft_encoder *encoder)
{
    return encoder->commands ? encoder->commands->barrier_count : 0;
}

weft_device *weft_encoder_device(const weft_encoder *encoder)
{
    return encoder->device;
}
