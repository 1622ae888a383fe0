/* Timelines: when command buffers and dispatches ran.
 *
 * A timeline collects spans from the encoders and sessions that were given it. Times are picoseconds of the device's
 * clock, see weft_device_now_ps(). Spans appear when their command buffer completes.
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

/** What an entry is about. Values are pinned. Devices on the host have entries of the first two kinds only. */
typedef enum weft_timeline_kind {
    WEFT_TIMELINE_COMMAND_BUFFER = 0,
    WEFT_TIMELINE_DISPATCH = 1,
    WEFT_TIMELINE_BARRIER = 2,     /**< from when it stood first until dispatches behind it could go */
    WEFT_TIMELINE_FENCE_WAIT = 3,  /**< at the start of a command buffer */
    WEFT_TIMELINE_FENCE_SIGNAL = 4 /**< at its end */
} weft_timeline_kind;

#define WEFT_TIMELINE_SPENT 6

/** What the PEs of a simulated machine did for a dispatch; zeros on other devices. */
typedef struct weft_timeline_work {
    uint32_t pes;                           /**< that it ran on */
    uint64_t begin_ps, end_ps;              /**< the first of them began, the last one had ended */
    uint64_t spent_ps[WEFT_TIMELINE_SPENT]; /**< by the weft_pe_time of sim.h; together pes * (end - begin) */
    uint64_t macs;                          /**< products of all GEMMs */
    uint64_t memory_bytes;                  /**< moved from and to HBM and SRAM */
    uint64_t compute_bound_ps;              /**< what the GEMMs take at their peak, all PEs alike */
    uint64_t memory_bound_ps;               /**< what memory_bytes take at the bandwidth of the PEs' memories */
} weft_timeline_work;

/** One command buffer, or one part of it. */
typedef struct weft_timeline_entry {
    weft_timeline_kind kind;
    uint64_t sequence; /**< of the command buffer, in the order of commits on its device, from 1 */
    uint32_t dispatch; /**< index within the command buffer; UINT32_MAX for what is no dispatch */
    uint32_t barriers; /**< before it in the command buffer; of the command buffer: barriers in it */
    const char *op;    /**< name of the op; NULL for what is no dispatch */
    char label[WEFT_TIMELINE_LABEL_BYTES];
    uint64_t submitted_ps; /**< when the command buffer had been committed */
    uint64_t start_ps;     /**< when the device turned to it */
    uint64_t end_ps;       /**< when the device knew that it was done */
    uint64_t known_ps;     /**< when the host could know that the command buffer was done */
    uint64_t signal_value; /**< of a command buffer: of the fence that it signals at its end; 0: of none */
    uint64_t wait_value;   /**< and of the one that it waits for at its start */
    uint64_t flops;        /**< of a dispatch: its cost, see op.h */
    uint64_t bytes;
    weft_timeline_work work;
} weft_timeline_entry;

/** Makes an empty timeline, owned by the caller; it must outlive the work that was committed with it. */
WEFT_API WEFT_CHECKED weft_status weft_timeline_create(weft_timeline **out, weft_error *err);
/** NULL is fine. */
WEFT_API void weft_timeline_destroy(weft_timeline *timeline);
/** Entries so far: each command buffer is followed by its parts in the order in which the device turned to them. */
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
