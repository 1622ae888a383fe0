/* The side of hazard reports that fills them. */
#ifndef WEFT_RUNTIME_HAZARD_REPORT_IMPL_H
#define WEFT_RUNTIME_HAZARD_REPORT_IMPL_H

#include <weft/hazard.h>

/* Makes room so that the next `more` additions cannot fail. */
weft_status weft__hazard_report_reserve(weft_hazard_report *report, size_t more, weft_error *err);
/* Adds a verdict; room must have been reserved. */
void weft__hazard_report_add(weft_hazard_report *report, const weft_hazard *hazard);
/* A command buffer ends: its label goes into the verdicts since the last one that did, and its size into the totals. */
void weft__hazard_report_close(weft_hazard_report *report, const char *label, uint64_t dispatches, uint64_t barriers);
/* Takes back the verdicts since the last command buffer that ended: theirs was dropped. */
void weft__hazard_report_drop(weft_hazard_report *report);

#endif
