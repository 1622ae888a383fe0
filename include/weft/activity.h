/* Activity: how busy the links, PEs and memories of a simulated machine were, over time.
 *
 * Time from a beginning on is divided into at most WEFT_ACTIVITY_BUCKETS buckets of equal width, which doubles whenever
 * they are full: memory does not grow with the time. What is taken from a simulation, or from a device, is a copy that
 * does not change any more; its machine must outlive it.
 *
 * Threads: any number may look at one, also from a kernel. */
#ifndef WEFT_ACTIVITY_H
#define WEFT_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How busy the parts of a machine were. Opaque. */
typedef struct weft_activity weft_activity;

#define WEFT_ACTIVITY_BUCKETS 256

/** What can be busy. Values are pinned. */
typedef enum weft_activity_kind {
    WEFT_ACTIVITY_LINK = 0, /**< it carries flits; the two directions of a connection are two links */
    WEFT_ACTIVITY_PE = 1,   /**< its GEMM or math engine works */
    WEFT_ACTIVITY_HBM = 2   /**< the pseudo-channels of a controller serve chunks */
} weft_activity_kind;

#define WEFT_ACTIVITY_NAME_BYTES 112

/** A part of the machine. Places are those of weft_machine_region_at(). */
typedef struct weft_activity_part {
    weft_activity_kind kind;
    char name[WEFT_ACTIVITY_NAME_BYTES]; /**< "sip0.cube3.pe7", "sip0.cube3.r0c0 to sip0.cube3.r0c1" */
    const char *link_kind;               /**< "mesh", "ucie" ...; NULL for what is no link. Static storage */
    double x, y;                         /**< where it is; of a link, where it begins */
    double to_x, to_y;                   /**< where a link ends */
    uint32_t lanes;                      /**< how many can be busy at once: pseudo-channels; 1 of other parts */
    const uint64_t *busy_ps;             /**< of each bucket, at most lanes * bucket_ps; NULL if it never was. Lives as
                                              long as the activity */
} weft_activity_part;

/** What all parts have in common. */
typedef struct weft_activity_info {
    uint64_t begin_ps;   /**< of the first bucket */
    uint64_t bucket_ps;  /**< width of a bucket */
    size_t bucket_count; /**< as many as hold all time until the activity was taken; at least 1 */
    size_t part_count;
} weft_activity_info;

/** Fills @p out. */
WEFT_API void weft_activity_get_info(const weft_activity *activity, weft_activity_info *out);
/** The part at @p index: links first, then PEs, then HBM controllers. False past the last. */
WEFT_API bool weft_activity_at(const weft_activity *activity, size_t index, weft_activity_part *out);
/** NULL is fine. */
WEFT_API void weft_activity_destroy(weft_activity *activity);

#ifdef __cplusplus
}
#endif
#endif
