/* What --record and --trace want to know of a run on a device. */
#ifndef WEFT_CLI_DEVICE_WATCH_H
#define WEFT_CLI_DEVICE_WATCH_H

#include <weft/timeline.h>

#include "device_times.h"
#include "options.h"
#include "run_file.h"

/* Zero-initialise it; releasing what was never opened is fine. */
typedef struct cli_watch {
    const cli_values *values;
    weft_device *device;
    weft_timeline *timeline; /* for encoders and sessions; NULL if nothing is wanted */
    cli_device_times begun, ended;
    weft_counters counters;  /* at the beginning, and then of the run */
    weft_activity *activity; /* of a simulated machine; else NULL */
} cli_watch;

/* Makes the timeline, if one of the options is given. The next ones do nothing if none is. Each gives 0, or the exit
 * code of an error that has been printed. */
int cli_watch_open(const cli_values *values, weft_device *device, cli_watch *out);
/* The run begins now, and has ended. */
int cli_watch_begin(cli_watch *watch);
int cli_watch_end(cli_watch *watch);

/* A run file with all that the device tells; true if one is wanted. Its root is to be written or dropped. */
bool cli_watch_run_file(const cli_watch *watch, run_file *out);

void cli_watch_release(cli_watch *watch);

#endif
