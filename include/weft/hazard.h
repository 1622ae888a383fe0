/* Hazards: accesses whose order nothing guarantees, and barriers that order nothing.
 *
 * A tracker follows one stream of dispatches and barriers, by the exact byte ranges that each op declares for its
 * arguments. It gives three verdicts:
 *
 *   missing   two dispatches touch the same bytes, one of them writes, and no barrier lies between them
 *   needless  leaving the barrier out would leave every pair of conflicting dispatches ordered
 *   too wide  the barrier is needed, but some dispatches right after it conflict with nothing before it: they wait for
 *             nothing and could be recorded ahead of it
 *
 * After a missing barrier the tracker goes on as if it had been there, so one omission gives one report. */
#ifndef WEFT_HAZARD_H
#define WEFT_HAZARD_H

#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is wrong. */
typedef enum weft_verdict {
    WEFT_VERDICT_MISSING = 0,
    WEFT_VERDICT_NEEDLESS = 1,
    WEFT_VERDICT_TOO_WIDE = 2
} weft_verdict;

/** How two accesses to the same bytes conflict: the later one first. */
typedef enum weft_hazard_kind {
    WEFT_HAZARD_RAW = 0, /**< read after write */
    WEFT_HAZARD_WAR = 1, /**< write after read */
    WEFT_HAZARD_WAW = 2  /**< write after write */
} weft_hazard_kind;

/** Static names: "missing", "needless", "too wide"; "RAW", "WAR", "WAW". */
WEFT_API const char *weft_verdict_name(weft_verdict verdict);
WEFT_API const char *weft_hazard_kind_name(weft_hazard_kind kind);

#define WEFT_NO_INDEX UINT32_MAX
#define WEFT_HAZARD_LABEL_BYTES 48

/** One verdict. Indices count within the command buffer, from 0; strings are copies. */
typedef struct weft_hazard {
    weft_verdict verdict;
    weft_hazard_kind kind;               /**< missing only */
    uint32_t command_buffer;             /**< how many command buffers this encoder or session had committed before */
    char stage[WEFT_HAZARD_LABEL_BYTES]; /**< label of the command buffer, if it was committed with one */
    uint32_t barrier;         /**< needless and too wide: which barrier; missing: the one that would be put in */
    uint32_t first_dispatch;  /**< missing: the earlier one; too wide: the first that is held back */
    uint32_t second_dispatch; /**< missing: the later one */
    uint32_t held_back;       /**< too wide: how many dispatches wait for nothing */
    char first_label[WEFT_HAZARD_LABEL_BYTES]; /**< op and, if given, label of the dispatch: "rope layer 0 q" */
    char second_label[WEFT_HAZARD_LABEL_BYTES];
    const char *first_argument; /**< name of the role, "out" say; static; NULL where it means nothing */
    const char *second_argument;
    uint64_t allocation;                        /**< missing: id of the allocation, equal for all views of it */
    char buffer_label[WEFT_HAZARD_LABEL_BYTES]; /**< its label, if it has one */
    uint64_t begin_bytes, end_bytes; /**< missing: the bytes of the allocation that both touch: [begin, end) */
} weft_hazard;

/** What a tracker found. Opaque. Give one to encoder or session options; it may serve several, one at a time. */
typedef struct weft_hazard_report weft_hazard_report;

/** Makes an empty report, owned by the caller; it must outlive the encoders and sessions it was given to. */
WEFT_API WEFT_CHECKED weft_status weft_hazard_report_create(weft_hazard_report **out, weft_error *err);
/** NULL is fine. */
WEFT_API void weft_hazard_report_destroy(weft_hazard_report *report);
/** Verdicts so far. Those on barriers come when their command buffer is committed. */
WEFT_API size_t weft_hazard_report_count(const weft_hazard_report *report);
/** The verdict at @p index, which must be below the count; valid until the next commit or clear. */
WEFT_API const weft_hazard *weft_hazard_report_at(const weft_hazard_report *report, size_t index);
/** Verdicts of one kind. */
WEFT_API size_t weft_hazard_report_count_of(const weft_hazard_report *report, weft_verdict verdict);
/** Dispatches and barriers that were looked at. */
WEFT_API void weft_hazard_report_totals(const weft_hazard_report *report, uint64_t *dispatches, uint64_t *barriers);
/** Forgets everything. */
WEFT_API void weft_hazard_report_clear(weft_hazard_report *report);

#define WEFT_HAZARD_TEXT_BYTES 512
/** One sentence about @p hazard. @return @p text. */
WEFT_API const char *weft_hazard_text(const weft_hazard *hazard, char text[WEFT_HAZARD_TEXT_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
