/* Run files, which `weft report` reads: docs/report.md has the format.
 *
 * A file is put together in memory and written at once. Times that go in are those of the clock that the run was
 * watched on; the file has them from the beginning of the run. */
#ifndef WEFT_CLI_RUN_FILE_H
#define WEFT_CLI_RUN_FILE_H

#include <jansson.h>

#include <weft/activity.h>
#include <weft/device.h>
#include <weft/machine.h>
#include <weft/sim.h>
#include <weft/timeline.h>

#include "options.h"

/* What `weft report` takes, see docs/report.md. Of a longer run the file has the first entries, and tells as a fact how
 * many it has not. */
#ifndef RUN_FILE_LIST_MOST
#define RUN_FILE_LIST_MOST 1000000
#define RUN_FILE_BYTES_MAX (256u << 20)
/* Of that, what entries may take: of the timeline, and together with spans and hazards that are added later. */
#define RUN_FILE_TIMELINE_BYTES (160u << 20)
#define RUN_FILE_ENTRIES_BYTES (208u << 20)
#endif
#define RUN_FILE_HAZARDS_MOST 10000

typedef struct run_file {
    json_t *root;
    uint64_t begin_ps, makespan_ps;
    size_t entry_bytes; /* of all entries so far */
    uint64_t left_out;  /* entries that there was no room for */
} run_file;

/* Begins a run of the verb that lasted from `begin_ps` to `end_ps`. */
void run_file_begin(const cli_values *values, const char *device, bool is_simulated, uint64_t begin_ps, uint64_t end_ps,
                    run_file *out);
/* For what is not written in the end; run_file_write() does it itself. */
void run_file_drop(run_file *file);

/* A text as run files may have it: a longer one is cut, and an ellipsis says so. */
json_t *run_file_text(const char *bytes, size_t count);

/* Any object of the format for the root, "model" say. */
void run_file_set(run_file *file, const char *name, json_t *value);
void run_file_add_fact(run_file *file, const char *name, json_t *value);

void run_file_set_machine(run_file *file, const weft_machine *machine);
void run_file_set_counters(run_file *file, const weft_counters *spent);
/* Parts that add up to the makespan. */
void run_file_set_parts(run_file *file, const weft_time_part *parts, size_t count);

/* A track of the timeline, and what lies on it; gives the track. */
json_t *run_file_add_track(run_file *file, const char *name);
void run_file_add_span(run_file *file, json_t *track, json_t *label, uint64_t start_ps, uint64_t end_ps);

/* A dispatch that is on no timeline, which is given up. */
void run_file_add_dispatch(run_file *file, json_t *dispatch);

/* Command buffers, dispatches, barriers and fences of a timeline that began with the run. With `sets_parts`, for
 * devices that do not tell where time goes, it is divided into that of dispatches, that of command buffers without one,
 * and the rest. */
void run_file_set_timeline(run_file *file, const weft_timeline *timeline, bool sets_parts);

void run_file_add_hazard(run_file *file, const weft_kernel_hazard *hazard);
void run_file_set_activity(run_file *file, const weft_activity *activity);

/* What a launch's PEs spent their time on, as {"compute": 700, ...}. */
json_t *run_file_spent(const uint64_t spent_ps[WEFT_PE_TIMES]);

/* Writes the file, and lets go of it. One that would be too large in spite of all is not written. Gives 0, or the exit
 * code of an error that has been printed. */
int run_file_write(run_file *file, const char *verb, const char *path);

#endif
