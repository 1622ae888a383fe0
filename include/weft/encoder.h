/* Encoders: recording command buffers.
 *
 * An encoder carries one command buffer. It starts out recording; a commit submits the command buffer as a whole and
 * returns before the work is done; weft_encoder_reset() starts the next command buffer on the same encoder. Recording
 * after a commit without a reset is WEFT_INVALID_STATE.
 *
 * Between two barriers, dispatches may overlap and may run in any order. A `manual` encoder leaves barriers to the
 * caller; an `inferred` one puts a barrier before each dispatch that conflicts, by exact byte ranges, with one since
 * the last barrier.
 *
 * The work of several commits runs in the order of the commits. A dispatch that fails (an id out of range, say) ends
 * its command buffer there; the error comes back from the next wait on this encoder, once.
 *
 * Threads: an encoder is used from one thread at a time. */
#ifndef WEFT_ENCODER_H
#define WEFT_ENCODER_H

#include <weft/buffer.h>
#include <weft/budget.h>
#include <weft/hazard.h>
#include <weft/timeline.h>
#include <weft/verify.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Records into a command buffer. Opaque. */
typedef struct weft_encoder weft_encoder;

/** Who places barriers. */
typedef enum weft_barrier_mode {
    WEFT_BARRIERS_MANUAL = 0,
    WEFT_BARRIERS_INFERRED = 1 /**< weft_encoder_barrier() still works, and is then counted as the caller's */
} weft_barrier_mode;

/** Zero means the default of each. */
typedef struct weft_encoder_options {
    weft_barrier_mode barriers;
    weft_hazard_report *hazards; /**< verdicts go here, and tracking is on; borrowed */
    weft_timeline *timeline; /**< times of command buffers and dispatches go here; borrowed. Devices of the host then
                                  run dispatches one by one, so that each one's time is its own */
    uint64_t omit_barrier;   /**< leave out the Nth barrier that the caller places, counted from 1 over all command
                                  buffers: a fault put in on purpose, to see that it is found */
    weft_verifier *verifier; /**< compares each dispatch with `ref` at the commit, see verify.h; borrowed */
} weft_encoder_options;

/** Makes an encoder with a fresh command buffer.
 *  @param options  NULL for defaults; copied.
 *  @param out      owned by the caller until weft_encoder_destroy(); NULL on failure. */
WEFT_API WEFT_CHECKED weft_status weft_encoder_create(weft_device *device, const weft_encoder_options *options,
                                                      weft_encoder **out, weft_error *err);

/** Gives an encoder back. What was recorded and not committed is dropped; what was committed runs on, and holds what it
 *  uses until it is done. NULL is fine. */
WEFT_API void weft_encoder_destroy(weft_encoder *encoder);

/** Later dispatches of this command buffer see what earlier ones wrote. */
WEFT_API WEFT_CHECKED weft_status weft_encoder_barrier(weft_encoder *encoder, weft_error *err);

/** Names the next dispatch, in hazard reports and timelines. Copied. */
WEFT_API void weft_encoder_set_label(weft_encoder *encoder, const char *label);

/** Submits the command buffer and returns at once.
 *  @param label  of the command buffer, in errors, reports and timelines; NULL or empty for none. Copied.
 *  WEFT_BUDGET_EXCEEDED if a span in force does not allow it: nothing is submitted then, and the encoder still records.
 *  WEFT_INVALID_STATE if it was committed before, or the device is closed. */
WEFT_API WEFT_CHECKED weft_status weft_encoder_commit(weft_encoder *encoder, const char *label, weft_error *err);

/** Commits and waits for everything this encoder has submitted. */
WEFT_API WEFT_CHECKED weft_status weft_encoder_commit_and_wait(weft_encoder *encoder, const char *label,
                                                               weft_error *err);

/** Waits for everything this encoder has submitted. @return the first failure since the last wait, WEFT_OK if none. */
WEFT_API WEFT_CHECKED weft_status weft_encoder_wait(weft_encoder *encoder, weft_error *err);

/** Starts the next command buffer. Of an encoder that still records: drops what it holds and starts over. An encoder
 * that belongs to a session is reset by its session only: WEFT_INVALID_STATE. */
WEFT_API WEFT_CHECKED weft_status weft_encoder_reset(weft_encoder *encoder, weft_error *err);

/** Dispatches and barriers recorded so far in this command buffer. */
WEFT_API uint32_t weft_encoder_dispatch_count(const weft_encoder *encoder);
WEFT_API uint32_t weft_encoder_barrier_count(const weft_encoder *encoder);

/** The device; borrowed. */
WEFT_API weft_device *weft_encoder_device(const weft_encoder *encoder);

#ifdef __cplusplus
}
#endif
#endif
