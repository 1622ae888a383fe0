#include <weft/session.h>

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "runtime/budget_impl.h"
#include "runtime/encoder_impl.h"

struct weft_session {
    weft_encoder *encoder;
    weft_budget budget;
    weft_session_state state; /* fence and wait values, flags, label; counts but the asynchronous ones */
    char label[WEFT__LABEL_BYTES];
    char next_label[WEFT__LABEL_BYTES]; /* of the stage that has not been started yet */
};

weft_status weft_session_create(weft_device *device, const weft_session_options *options, weft_session **out,
                                weft_error *err)
{
    *out = NULL;
    weft_session *session = calloc(1, sizeof *session);
    if (!session)
        return weft__fail_memory(err, sizeof *session, "a session");
    weft_status status = weft_encoder_create(device, options ? &options->encoder : NULL, &session->encoder, err);
    if (status) {
        free(session);
        return status;
    }
    session->encoder->in_session = true;
    session->encoder->chain->poisons = true;
    session->state.spent.command_buffers_created = 1;
    if (options)
        session->budget = options->budget;
    weft__label_copy(session->label, options && options->label ? options->label : "session");
    *out = session;
    return WEFT_OK;
}

void weft_session_destroy(weft_session *session)
{
    if (!session)
        return;
    weft__device_wait_for(session->encoder->device, session->encoder->last_sequence);
    weft_encoder_destroy(session->encoder);
    free(session);
}

weft_encoder *weft_session_encoder(weft_session *session)
{
    return session->encoder;
}

/* The error of the first failed stage, if one has failed. */
static weft_status check_poison(const weft_session *session, weft_error *err)
{
    weft__chain *chain = session->encoder->chain;
    if (atomic_load_explicit(&chain->failed, memory_order_acquire))
        return weft__fail_copy(err, &chain->error);
    return WEFT_OK;
}

static bool is_recording(const weft_session *session)
{
    return session->encoder->commands != NULL;
}

weft_status weft_session_begin_stage(weft_session *session, const char *label, weft_error *err)
{
    weft_status status = check_poison(session, err);
    if (status == WEFT_OK)
        weft__label_copy(is_recording(session) ? session->state.stage_label : session->next_label, label);
    return status;
}

static weft_status allow(void *context, const weft_counters *more, const char *label, weft_error *err)
{
    const weft_session *session = context;
    return weft__budget_check(&session->budget, &session->state.spent, more, session->label, label, err);
}

/* Submits the stage, with a signal of `signal_value` unless that is 0. */
static weft_status end_stage(weft_session *session, uint64_t signal_value, weft_error *err)
{
    weft_session_state *state = &session->state;
    weft_counters spent;
    weft__commit commit = {
        .label = state->stage_label, .signal_value = signal_value, .allow = allow, .context = session, .spent = &spent};
    weft_status status = weft__encoder_submit(session->encoder, &commit, err);
    if (status)
        return status;
    weft__counters_add(&state->spent, &spent);
    state->is_drained = true;
    if (signal_value) {
        state->fence_value = signal_value;
        state->is_fence_pending = true;
        state->has_event = true;
    }
    return WEFT_OK;
}

weft_status weft_session_fence_stage(weft_session *session, const char *label_or_null, weft_error *err)
{
    weft_status status = check_poison(session, err);
    if (status || !is_recording(session))
        return status;
    if (label_or_null)
        weft__label_copy(session->state.stage_label, label_or_null);
    return end_stage(session, session->state.fence_value + 1, err);
}

weft_status weft_session_commit_stage(weft_session *session, weft_error *err)
{
    weft_status status = check_poison(session, err);
    if (status || !is_recording(session))
        return status;
    return end_stage(session, 0, err);
}

weft_status weft_session_reset_for_next_stage(weft_session *session, weft_error *err)
{
    weft_session_state *state = &session->state;
    weft_status status = check_poison(session, err);
    if (status || is_recording(session))
        return status;
    status = weft__encoder_begin(session->encoder, state->is_fence_pending ? state->fence_value : 0, err);
    if (status)
        return status;
    state->spent.command_buffers_created++;
    if (state->is_fence_pending) {
        state->wait_value = state->fence_value;
        state->wait_count++;
    }
    state->is_drained = state->is_fence_pending = false;
    weft__label_copy(state->stage_label, session->next_label);
    session->next_label[0] = '\0';
    return WEFT_OK;
}

/* WEFT_OK if the budgets allow a wait. If not, the error of a failed stage comes before theirs, as from every call. */
static weft_status may_wait(const weft_session *session, weft_error *err)
{
    weft_counters more = {.syncs = 1};
    weft_status status = weft__budget_check(&session->budget, &session->state.spent, &more, session->label,
                                            session->state.stage_label, err);
    if (status == WEFT_OK)
        status = weft__encoder_may_sync(session->encoder, session->state.stage_label, err);
    if (status == WEFT_OK)
        return WEFT_OK;
    weft_status poison = check_poison(session, err);
    return poison ? poison : status;
}

weft_status weft_session_wait(weft_session *session, weft_error *err)
{
    weft_status status = may_wait(session, err);
    if (status == WEFT_OK)
        status = weft__encoder_sync(session->encoder, err);
    if (status)
        return status;
    session->state.spent.syncs++;
    return check_poison(session, err);
}

weft_status weft_session_commit_and_wait(weft_session *session, weft_error *err)
{
    weft_status status = may_wait(session, err); /* before anything is submitted */
    if (status)
        return status;
    weft_status committed = weft_session_commit_stage(session, err);
    weft_status waited = weft_session_wait(session, committed ? NULL : err); /* always: see session.h */
    return committed ? committed : waited;
}

void weft_session_info(const weft_session *session, weft_session_state *out)
{
    const weft__chain *chain = session->encoder->chain;
    *out = session->state;
    out->spent.command_buffers_completed = atomic_load_explicit(&chain->completed, memory_order_relaxed);
    out->spent.command_buffers_failed = atomic_load_explicit(&chain->failures, memory_order_relaxed);
    out->is_poisoned = atomic_load_explicit(&chain->failed, memory_order_acquire);
}
