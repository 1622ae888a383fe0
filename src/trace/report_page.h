/* The page of reports, as the build has put it together from src/trace/report: what stands before the runs and what
 * stands behind them. */
#ifndef WEFT_TRACE_REPORT_PAGE_H
#define WEFT_TRACE_REPORT_PAGE_H

#include <stddef.h>

extern const unsigned char weft__report_head[], weft__report_tail[];
extern const size_t weft__report_head_bytes, weft__report_tail_bytes;

#endif
