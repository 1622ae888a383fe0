/* Re-timing: what a run would have taken on another machine, without its kernels.
 *
 * A recording holds what each kernel asked of its PE, in the order in which it asked: commands, waits, messages. Times
 * depend on nothing else, so the same requests on another machine give the times of a full run there, to the
 * picosecond, at the cost of the simulation alone: no kernel, no data, no placement.
 *
 * That holds where a full run would ask the same, and what cannot be known to do so is refused:
 * - A kernel that looked at data or at the clock may do something else: WEFT_UNSUPPORTED, naming kernel, PE and call.
 *   These are tl_peek() and tl_now_ps(); nobody notices what it asks by calls of <weft/sim.h>.
 * - A kernel that launched did so at a time that depends on the machine: WEFT_UNSUPPORTED, naming the launch.
 * - Keys of the machine that kernels and placements go by must be those of the recorded run: how many parts there are,
 *   how large memories and slots are. WEFT_UNSUPPORTED, naming the key and both values. weft_retime_key_is_free() tells
 *   them from the others: times, bandwidths, channels, and what else only times depend on.
 * Parts whose outcome on this machine is known already are not simulated again: what a PE does with its own memories,
 * where others have done the same, and dispatches between two drains that repeat, as the layers of a model do. So it
 * may take a small part of the time of a full run.
 *
 * What the host does is taken to be the same too: launches and transfers in the same order, each as soon as those
 * before it let it.
 *
 * Threads: a recording that is finished may be re-timed by any number at once. */
#ifndef WEFT_RETIME_H
#define WEFT_RETIME_H

#include <weft/sim.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a run asked of its machine. Opaque; made by weft_recording_begin() or weft_recording_open(). */
typedef struct weft_recording weft_recording;

/** Records a simulation from its beginning: it must be at time 0, and not have launched anything. Times do not depend
 *  on it.
 *  @param simulation  one recording at a time; must not be destroyed before weft_recording_finish()
 *  @param out         owned by the caller until weft_recording_destroy(); NULL on failure
 *  WEFT_INVALID_STATE for a simulation that has done something, or is being recorded; WEFT_UNSUPPORTED for a perturbed
 *  one. */
WEFT_API WEFT_CHECKED weft_status weft_recording_begin(weft_simulation *simulation, weft_recording **out,
                                                       weft_error *err);
/** Ends it; the simulation may go on, or be destroyed. Once more it does nothing.
 *  WEFT_INVALID_STATE, naming it, for a launch that has not been waited for; WEFT_OUT_OF_MEMORY if there was no memory
 *  for all of it. The recording is good for nothing then, except to be destroyed. Not from a kernel of the
 *  simulation: WEFT_INVALID_STATE too, and the recording goes on. */
WEFT_API WEFT_CHECKED weft_status weft_recording_finish(weft_recording *recording, weft_error *err);
/** Of one that is not finished, before its simulation is, and not from a kernel of it. NULL is fine. */
WEFT_API void weft_recording_destroy(weft_recording *recording);

/** Writes a finished recording to a file, under another name until it is whole. WEFT_IO if that cannot be. */
WEFT_API WEFT_CHECKED weft_status weft_recording_save(const weft_recording *recording, const char *path,
                                                      weft_error *err);
/** Reads one. WEFT_IO for what the system refuses; WEFT_PARSE for a file that is none, is damaged, or is of another
 *  version of the format. */
WEFT_API WEFT_CHECKED weft_status weft_recording_open(const char *path, weft_recording **out, weft_error *err);

/** What a recording is of. Texts live as long as it. */
typedef struct weft_recording_info {
    const char *machine; /**< its name in the machine file */
    uint64_t launches;
    uint64_t requests;   /**< of kernels, all together */
    uint64_t bytes;      /**< of them, what PEs ask alike once, with the offsets in HBM that each PE has for itself */
    const char *refusal; /**< why it cannot be re-timed, whatever the machine: one sentence; NULL if it can be */
} weft_recording_info;

/** Fills @p out, of a finished recording. */
WEFT_API void weft_recording_get_info(const weft_recording *recording, weft_recording_info *out);

/** What came out. */
typedef struct weft_retime_result {
    uint64_t end_ps;                    /**< the time of the host after the last that it did */
    const weft_launch_report *launches; /**< of each, in their order */
    size_t launch_count;
    weft_launch_report report; /**< of all of them: times and counts are added up, as weft_launch_report_add() does */
    weft_simulation_statistics statistics; /**< of what was simulated; without trace_hash, which is 0 */
} weft_retime_result;

/** Runs the requests of a recording on a machine.
 *  @param out  owned by the caller until weft_retime_result_destroy(); NULL on failure
 *  Errors as above, and those that a run on this machine ends with, such as WEFT_DEADLOCK. */
WEFT_API WEFT_CHECKED weft_status weft_retime(const weft_recording *recording, const weft_machine *machine,
                                              weft_retime_result **out, weft_error *err);
/** NULL is fine. */
WEFT_API void weft_retime_result_destroy(weft_retime_result *result);

/** True for a key of machine files, weft_machine_key_at(), that may have another value than in the recorded run. False
 *  for other keys, and for what is none. Any thread. */
WEFT_API bool weft_retime_key_is_free(const char *path);

#ifdef __cplusplus
}
#endif
#endif
