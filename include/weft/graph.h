/* Graphs: a recorded stream that is kept, changed in places, and recorded again.
 *
 * A graph is taken from an encoder: the dispatches and barriers that it has recorded so far. Replaying it into an
 * encoder is as if the calls that recorded it were made again, without the checks, which were made once. Dispatches
 * read what their buffers hold when the command buffer runs, so that the host writes new inputs between two replays and
 * records nothing. What else changes is set in the graph: parameters of a dispatch, or the buffers that it works on.
 *
 * An optimised graph replays a stream that gives the same results by fewer dispatches and barriers. It takes the order
 * of the recording for the order that is meant, whatever barriers were recorded, and places barriers anew: as few as
 * the order of the dispatches allows, each of them needed. It may
 *
 *   reorder  put dispatches into other groups, as far as no two that touch the same bytes, one of them writing, change
 *            places: results are the same bit for bit
 *   fuse     replace an op and those whose results it takes by one op that does all of their work, if the device has
 *            one: rms_norm and mul, add and rms_norm, rms_norm and rope, two matmul and silu_mul. Results are then the
 *            fused op's, within its bound. A result between them that the fused op does not write vanishes, and so it
 *            is fused only if nobody else can read that: no other dispatch of the graph, by exact byte ranges, and
 *            nobody outside, because the graph itself writes over it or because it is declared a temporary.
 *
 * Dispatches are numbered from 0 in the order in which they were recorded, and keep their numbers.
 *
 * A graph holds its buffers. Threads: a graph is used from one thread at a time; what it has recorded into an encoder
 * does not depend on it any more. */
#ifndef WEFT_GRAPH_H
#define WEFT_GRAPH_H

#include <weft/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A stream that can be recorded again. Opaque. */
typedef struct weft_graph weft_graph;

/** Takes what an encoder has recorded since its last commit or reset. The encoder, which may be a session's, then goes
 *  on with an empty command buffer; a hazard report takes back its verdicts about what it held.
 *  @param out  the graph, owned by the caller until weft_graph_destroy(); NULL on failure, and the encoder then still
 *              has its recording.
 *  @retval WEFT_INVALID_STATE  the encoder is not recording. */
WEFT_API WEFT_CHECKED weft_status weft_graph_capture(weft_encoder *encoder, weft_graph **out, weft_error *err);

/** Gives a graph back; what it recorded runs on. NULL is fine. */
WEFT_API void weft_graph_destroy(weft_graph *graph);

/** Records the stream of the graph into an encoder, a session's or another, behind what that has recorded. Barriers of
 *  the graph count as the caller's; an encoder that infers barriers adds those that are missing between what it has
 *  recorded and the graph. On others that order is the caller's to see to, by a barrier before the replay and one after
 *  it. A label that was set for the next dispatch stays for the one that is recorded after the replay.
 *  @retval WEFT_INVALID_ARGUMENT  the encoder is of another device.
 *  @retval WEFT_INVALID_STATE     the encoder is not recording.
 *  On failure nothing is recorded; only on an encoder with a hazard report, inferred barriers or a barrier to leave out
 *  a first part of the graph may be, after WEFT_OUT_OF_MEMORY. */
WEFT_API WEFT_CHECKED weft_status weft_graph_replay(weft_graph *graph, weft_encoder *encoder, weft_error *err);

/** Replaces the parameters of a dispatch, for the replays that follow. An optimised graph from then on takes this
 *  dispatch to touch all bytes of its arguments, so that its barriers suffice whatever the parameters, and does not
 *  fuse it: the first change of each dispatch makes the next replay plan anew, later ones cost a check and a copy.
 *  @param dispatch  its number.
 *  @param params    as for weft_encoder_dispatch().
 *  @retval WEFT_OUT_OF_RANGE      there is no such dispatch.
 *  @retval WEFT_INVALID_ARGUMENT  its op takes no parameters, or @p params is NULL.
 *  What the op's check refuses gives its error, which names the dispatch. On failure nothing changes. */
WEFT_API WEFT_CHECKED weft_status weft_graph_set_params(weft_graph *graph, uint32_t dispatch, const void *params,
                                                        weft_error *err);

/** Makes a dispatch work on another buffer or view, for the replays that follow. An optimised graph is planned anew at
 *  the next one.
 *  @param argument  its place among the arguments of the op, from 0.
 *  @param buffer    any that the dispatch could be recorded with; held by the graph. NULL where optional.
 *  @retval WEFT_OUT_OF_RANGE  there is no such dispatch or argument.
 *  What the checks of the op refuse gives their error, which names the dispatch. On failure nothing changes. */
WEFT_API WEFT_CHECKED weft_status weft_graph_set_argument(weft_graph *graph, uint32_t dispatch, uint32_t argument,
                                                          const weft_buffer *buffer, weft_error *err);

/** The same for every argument that is @p from, the handle itself: views of it are other buffers and stay.
 *  @retval WEFT_NOT_FOUND  no dispatch uses @p from. */
WEFT_API WEFT_CHECKED weft_status weft_graph_rebind(weft_graph *graph, const weft_buffer *from, const weft_buffer *to,
                                                    weft_error *err);

/** Zero means the default of each. */
typedef struct weft_graph_options {
    bool no_fuse;
    bool no_reorder;
    /** Buffers whose contents nobody outside of the graph reads: not the host, not a dispatch that is recorded beside
     *  it. The graph holds them. All of their bytes count, whichever views the dispatches use. */
    const weft_buffer *const *temporaries;
    size_t temporary_count;
} weft_graph_options;

/** Plans fewer dispatches and barriers for the replays that follow, from the stream as it was recorded: a second call
 *  replaces what the first one did.
 *  @param options  NULL for defaults, without temporaries; copied.
 *  On failure nothing changes. */
WEFT_API WEFT_CHECKED weft_status weft_graph_optimise(weft_graph *graph, const weft_graph_options *options,
                                                      weft_error *err);

/** What a graph was recorded as, and what a replay records. */
typedef struct weft_graph_info {
    uint32_t recorded_dispatches;
    uint32_t recorded_barriers;
    uint32_t dispatches; /**< of a replay; the next too */
    uint32_t barriers;
    uint32_t fused; /**< recorded dispatches that are parts of a fused one */
    uint32_t moved; /**< dispatches of a replay that come before one behind which they were recorded */
} weft_graph_info;

/** Fills @p out. Fails only where a replay would, because planning ran out of memory. */
WEFT_API WEFT_CHECKED weft_status weft_graph_get_info(weft_graph *graph, weft_graph_info *out, weft_error *err);

/** A recorded dispatch, and what became of it. */
typedef struct weft_graph_dispatch {
    const char *op;           /**< name, static */
    const char *label;        /**< empty if it has none; valid as long as the graph */
    const void *params;       /**< as they stand, weft_op_params_bytes() of them; NULL for none. Valid likewise */
    const char *replayed_as;  /**< name of the op that does its work in a replay: another one if it is fused */
    uint32_t place;           /**< of that op, among the dispatches of a replay, from 0 */
    uint32_t barriers_before; /**< barriers of a replay ahead of that place */
    bool varies;              /**< its parameters were set */
} weft_graph_dispatch;

/** Fills @p out for the dispatch of that number; WEFT_OUT_OF_RANGE past the last. Otherwise as weft_graph_get_info().
 */
WEFT_API WEFT_CHECKED weft_status weft_graph_get_dispatch(weft_graph *graph, uint32_t dispatch,
                                                          weft_graph_dispatch *out, weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
