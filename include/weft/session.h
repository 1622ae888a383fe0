/* Sessions: several command buffers, chained.
 *
 * A session is an encoder that carries one command buffer per stage. A stage ends in one of three ways: with a fence
 * (submitted, and a device-side signal of the next value), with a commit (submitted), or with a commit and a wait.
 * After it, weft_session_reset_for_next_stage() starts the next stage; if the last one ended with a fence, the new
 * command buffer first waits, on the device, for that fence's value. The host waits only where it says so.
 *
 *                   fence_stage                       reset_for_next_stage
 *     recording ------------------> fenced  ---------------------------------> recording (waits for the fence)
 *         |         commit_stage
 *         +-----------------------> drained ---------------------------------> recording
 *                commit_and_wait
 *
 * Recording in a fenced or drained session is WEFT_INVALID_STATE. A call that ends a stage does nothing in a session
 * whose stage has ended, except that commit_and_wait still waits for everything submitted.
 *
 * If a stage fails, the stages after it are not run, and the next weft_session_ call gives the error of the first one
 * that failed, and so does every call after that: a poisoned session can only be destroyed. Destroying a session waits
 * for its work.
 *
 * Threads: a session is used from one thread at a time. */
#ifndef WEFT_SESSION_H
#define WEFT_SESSION_H

#include <weft/encoder.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A chain of stages on one encoder. Opaque. */
typedef struct weft_session weft_session;

/** Zero means the default of each. */
typedef struct weft_session_options {
    weft_encoder_options encoder;
    weft_budget budget; /**< what the session may cost from its creation to its end */
    const char *label;  /**< names the session in budget errors; "session" if NULL. Copied */
} weft_session_options;

/** Makes a session that records its first stage.
 *  @param options  NULL for defaults; copied.
 *  @param out      owned by the caller until weft_session_destroy(); NULL on failure. */
WEFT_API WEFT_CHECKED weft_status weft_session_create(weft_device *device, const weft_session_options *options,
                                                      weft_session **out, weft_error *err);

/** Waits for all work of the session and gives it back; what was not committed is dropped. NULL is fine. */
WEFT_API void weft_session_destroy(weft_session *session);

/** The encoder to record with; borrowed, and the same for all stages. Do not commit, reset or destroy it yourself. */
WEFT_API weft_encoder *weft_session_encoder(weft_session *session);

/** Names the stage that is being recorded, or, if that has ended, the one that comes next. Copied, cut at 47 bytes. */
WEFT_API WEFT_CHECKED weft_status weft_session_begin_stage(weft_session *session, const char *label, weft_error *err);

/** Ends the stage with a fence: submits it with a signal of fence_value + 1. An empty stage signals too.
 *  @param label_or_null  replaces the stage's label.
 *  WEFT_BUDGET_EXCEEDED: nothing is submitted, the stage still records. */
WEFT_API WEFT_CHECKED weft_status weft_session_fence_stage(weft_session *session, const char *label_or_null,
                                                           weft_error *err);

/** Starts the next stage, waiting on the device for the last fence if there was one. Does nothing while a stage is
 * being recorded. */
WEFT_API WEFT_CHECKED weft_status weft_session_reset_for_next_stage(weft_session *session, weft_error *err);

/** Ends the stage without a fence. */
WEFT_API WEFT_CHECKED weft_status weft_session_commit_stage(weft_session *session, weft_error *err);

/** Ends the stage, if one is being recorded, without a fence, and waits for everything submitted. */
WEFT_API WEFT_CHECKED weft_status weft_session_commit_and_wait(weft_session *session, weft_error *err);

/** Waits for everything submitted so far. Does not end the stage that is being recorded. */
WEFT_API WEFT_CHECKED weft_status weft_session_wait(weft_session *session, weft_error *err);

#define WEFT_STAGE_LABEL_BYTES 48

/** Where a session stands. */
typedef struct weft_session_state {
    uint64_t fence_value;  /**< value of the last fence; 0 before the first */
    uint64_t wait_value;   /**< value of the last device-side wait; 0 before the first */
    uint64_t wait_count;   /**< device-side waits so far */
    bool is_drained;       /**< the stage has ended: reset before recording */
    bool is_fence_pending; /**< it ended with a fence, and no stage has waited for that fence yet */
    bool has_event;        /**< a fence was ever used */
    bool is_poisoned;      /**< a stage has failed, as far as is known now */
    char stage_label[WEFT_STAGE_LABEL_BYTES];
    weft_counters spent; /**< this session's own counts; bytes_allocated stays 0 */
} weft_session_state;

/** Fills @p out; changes nothing, and does not depend on how far the device has come (but is_poisoned and the completed
 * and failed counts do). */
WEFT_API void weft_session_info(const weft_session *session, weft_session_state *out);

#ifdef __cplusplus
}
#endif
#endif
