/* Timelines: when command buffers and dispatches ran.
 *
 * A timeline collects spans from the encoders and sessions that were given it. Times are nanoseconds of the host's
 * monotonic clock on devices that run on the host. Spans appear when their command buffer completes.
 *
 * Threads: any number may use one. */
#ifndef WEFT_TIMELINE_H
#define WEFT_TIMELINE_H

#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A growing list of spans. Opaque. */
typedef struct weft_timeline weft_timeline;

#define WEFT_TIMELINE_LABEL_BYTES 48

/** One command buffer, or one dispatch of it. */
typedef struct weft_timeline_entry {
    uint64_t sequence; /**< of the command buffer, in the order of commits on its device, from 1 */
    uint32_t dispatch; /**< index within the command buffer, or UINT32_MAX for the command buffer itself */
    uint32_t barriers; /**< of a dispatch: barriers before it; of a command buffer: barriers in it */
    const char *op;    /**< name of the op; NULL for a command buffer */
    char label[WEFT_TIMELINE_LABEL_BYTES];
    uint64_t submitted_ns; /**< when the command buffer was committed */
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t flops; /**< of a dispatch: its cost, see op.h */
    uint64_t bytes;
} weft_timeline_entry;

/** Makes an empty timeline, owned by the caller; it must outlive the work that was committed with it. */
WEFT_API WEFT_CHECKED weft_status weft_timeline_create(weft_timeline **out, weft_error *err);
/** NULL is fine. */
WEFT_API void weft_timeline_destroy(weft_timeline *timeline);
/** Entries so far: each command buffer is followed by its dispatches in the order in which they ran. */
WEFT_API size_t weft_timeline_count(const weft_timeline *timeline);
/** Copies the entry at @p index; WEFT_OUT_OF_RANGE at or past the count. */
WEFT_API WEFT_CHECKED weft_status weft_timeline_get(const weft_timeline *timeline, size_t index,
                                                    weft_timeline_entry *out, weft_error *err);
/** How many entries were lost because memory ran out. */
WEFT_API uint64_t weft_timeline_lost(const weft_timeline *timeline);
/** Forgets everything. */
WEFT_API void weft_timeline_clear(weft_timeline *timeline);

#ifdef __cplusplus
}
#endif
#endif
