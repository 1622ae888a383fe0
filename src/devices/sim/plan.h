/* What became of the plan of a dispatch: which rows each PE was given, and what the PEs did together. Noted by the
 * functions that plan (access.c) while kernels run, and only for who watches, see weft_sim_device_watch_plans(). */
#ifndef WEFT_DEVICES_SIM_PLAN_H
#define WEFT_DEVICES_SIM_PLAN_H

#include <weft/sim_device.h>

#include "devices/sim/job.h"

/* For a launch that is about to begin, while somebody watches: job->call.plan. */
weft_status weft__sim_plan_begin(const weft__sim_device *sim, weft__sim_job *job, weft_error *err);

/* The launch has ended, or there was none: tells who watched when it began. */
void weft__sim_plan_end(const weft__sim_job *job);

#endif
