/* A dispatch under way on the PEs. */
#ifndef WEFT_DEVICES_SIM_JOB_H
#define WEFT_DEVICES_SIM_JOB_H

#include "devices/sim/sim_impl.h"
#include "sim/host/processor.h"

typedef struct weft__sim_job weft__sim_job;

struct weft__sim_job {
    weft__processor_job head;
    weft__sim_job *next, **link; /* in a list of those under way */
    weft__sim_call call;
    weft__fault fault;
    weft_kernel_launch *launch; /* NULL: there is nothing to do */
    size_t place;               /* of the dispatch in the stream */
    size_t time;                /* of its entry of the timeline */
};

/* Launches a dispatch; within the run. `origin` is who launches. *out is owned by the caller, NULL on failure. */
weft_status weft__sim_job_begin(weft__sim_device *sim, const weft_dispatch *dispatch, const weft__launch_origin *origin,
                                weft__sim_job **out, weft_error *err);
/* Outside of the launch's own callback. */
void weft__sim_job_free(weft__sim_job *job);

#endif
