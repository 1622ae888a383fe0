/* Checking budgets: by sessions over their own counts, by spans over a device's. */
#ifndef WEFT_RUNTIME_BUDGET_IMPL_H
#define WEFT_RUNTIME_BUDGET_IMPL_H

#include <weft/budget.h>

/* WEFT_BUDGET_EXCEEDED if `spent` and what is about to be done, `more`, together exceed a limit that `more` counts
 * towards; with `more` NULL, if `spent` exceeds any. The sentence names `who` (the span or session) and `stage` (the
 * commit's label). */
weft_status weft__budget_check(const weft_budget *budget, const weft_counters *spent, const weft_counters *more,
                               const char *who, const char *stage, weft_error *err);

/* The same for every span in force on the device, whose lock is held. */
weft_status weft__spans_check(weft_device *device, const weft_counters *more, const char *stage, weft_error *err);

/* Field by field: to += more. */
void weft__counters_add(weft_counters *to, const weft_counters *more);

#endif
