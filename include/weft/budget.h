/* Budgets: how much submission a piece of code may cost, stated where it must hold.
 *
 * A budget can be given to a session (session.h), which then counts its own work, or put around any code with a span,
 * which counts the whole device. What would exceed it is refused at the commit with WEFT_BUDGET_EXCEEDED, before
 * anything is submitted, in a sentence that names the span, the stage (the commit's label) and the count. */
#ifndef WEFT_BUDGET_H
#define WEFT_BUDGET_H

#include <weft/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/** States a limit of none at all, since 0 means no limit. */
#define WEFT_BUDGET_NONE UINT64_MAX

/** Limits; 0 = no limit, WEFT_BUDGET_NONE = none allowed. What is counted is what weft_counters counts. */
typedef struct weft_budget {
    uint64_t max_command_buffers; /**< created */
    uint64_t max_submits;
    uint64_t max_dispatches;
    uint64_t max_barriers; /**< inferred ones included */
    uint64_t max_fences;   /**< signals */
    uint64_t max_syncs;    /**< a wait past it is refused too */
} weft_budget;

/** A budget in force on a device. Opaque. */
typedef struct weft_span weft_span;

/** Puts a budget in force for all commits on @p device until weft_span_end(). Spans may nest and overlap; each is
 * checked.
 *  @param label  named in errors; copied.
 *  @param budget copied. */
WEFT_API WEFT_CHECKED weft_status weft_span_begin(weft_device *device, const char *label, const weft_budget *budget,
                                                  weft_span **out, weft_error *err);

/** Ends a span and frees it. NULL is fine and WEFT_OK. @param spent  what the device counted meanwhile, or NULL.
 *  @return WEFT_BUDGET_EXCEEDED if the budget was exceeded, or an attempt to exceed it was refused; the span is gone
 * all the same. */
WEFT_API WEFT_CHECKED weft_status weft_span_end(weft_span *span, weft_counters *spent, weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
