/* Reports: one page of HTML that shows where the time of a run went, or how two runs differ.
 *
 * A run file is JSON; docs/report.md says what it may hold. The page holds all of its data and its own scripts, and
 * loads nothing.
 *
 * Threads: any. */
#ifndef WEFT_REPORT_H
#define WEFT_REPORT_H

#include <stddef.h>

#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How many runs a page can show. */
#define WEFT_REPORT_RUNS_MAX 2

/** Checks run files and writes a page that shows them. It appears under its name when it is complete, see file.h.
 *  @param runs   paths of @p count run files, 1 or WEFT_REPORT_RUNS_MAX of them
 *  WEFT_PARSE for the first mistake in a run file, naming file, field and value, also for a file that is larger than
 *  256 MiB; WEFT_UNSUPPORTED for one of another version; WEFT_IO for what the operating system refuses;
 *  WEFT_INVALID_ARGUMENT for another count. */
WEFT_API WEFT_CHECKED weft_status weft_report_write(const char *const *runs, size_t count, const char *path,
                                                    weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
