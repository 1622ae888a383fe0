/* Inside of encoders; sessions build on this. */
#ifndef WEFT_RUNTIME_ENCODER_IMPL_H
#define WEFT_RUNTIME_ENCODER_IMPL_H

#include <weft/encoder.h>

#include "runtime/command_buffer.h"
#include "runtime/hazard_tracker.h"

struct weft_encoder {
    weft_device *device; /* retained */
    weft_encoder_options options;
    weft__command_buffer *commands; /* being recorded; NULL after a commit */
    weft__chain *chain;
    weft__hazard_tracker *tracker; /* NULL: off */
    const char *label;             /* of the next dispatch, in the arena; or NULL */
    bool in_session;
    uint64_t manual_barriers; /* placed or left out so far, over all command buffers */
    uint64_t last_sequence;   /* of the last commit; 0 before the first */
    char last_label[WEFT__LABEL_BYTES];
};

/* What a commit does besides submitting. */
typedef struct weft__commit {
    const char *label;
    uint64_t signal_value; /* of the chain's fence; 0: none */
    /* Allows or refuses, given the counts of this commit, before anything happens; NULL: no such check. */
    weft_status (*allow)(void *context, const weft_counters *more, const char *label, weft_error *err);
    void *context;
    weft_counters *spent; /* takes the counts of this commit; or NULL */
} weft__commit;

weft_status weft__encoder_submit(weft_encoder *encoder, const weft__commit *commit, weft_error *err);

/* Runs and compares the dispatches of an encoder with a verifier, one by one. The command buffer then has nothing left
 * to run, but keeps its counts. */
weft_status weft__encoder_verify(weft_encoder *encoder, weft_error *err);

/* Gives the commands their place in the device's order and hands them over; under the device's lock. */
void weft__submit_locked(weft_device *device, weft__command_buffer *commands);

/* Starts the next command buffer, whose device-side wait is for `wait_value` (0: none). */
weft_status weft__encoder_begin(weft_encoder *encoder, uint64_t wait_value, weft_error *err);

/* Drops what the command buffer holds; it goes on recording as it began. */
void weft__encoder_restart(weft_encoder *encoder);

/* Records a dispatch that is complete but for its place, and that the command buffer already holds. */
weft_status weft__encoder_append(weft_encoder *encoder, weft_dispatch *dispatch, weft_error *err);

/* WEFT_OK if the spans in force allow a wait, which is for the stage of that label. */
weft_status weft__encoder_may_sync(weft_encoder *encoder, const char *label, weft_error *err);

/* Waits on the host for all commits, spans permitting, and counts a sync. */
weft_status weft__encoder_sync(weft_encoder *encoder, weft_error *err);

weft_status weft__encoder_not_recording(const weft_encoder *encoder, const char *verb, weft_error *err);

#endif
