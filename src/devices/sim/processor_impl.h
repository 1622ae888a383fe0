/* Inside of the command processor: processor.c tells it what is in command buffers, processor_host.c is the host's
 * side.
 */
#ifndef WEFT_DEVICES_SIM_PROCESSOR_IMPL_H
#define WEFT_DEVICES_SIM_PROCESSOR_IMPL_H

#include "devices/sim/job.h"
#include "devices/sim/processor.h"

struct weft__sim_processor {
    weft__processor core; /* its numbers are the sequence numbers of command buffers */
    weft__sim_device *sim;
    uint64_t submit_ps, sync_ps;
    bool shuffles;
    uint64_t shuffle_seed;
    pthread_mutex_t wait_lock; /* of those who wait; taken before the lock of the simulation */

    weft__command_buffer *first, **last; /* committed and not finished, in the order of commits */
    weft__command_buffer *turn;          /* the first of them that is not settled */

    /* Of the command buffer whose turn it is, once it has begun. */
    bool has_waited;     /* for its fence, or has come to something else */
    size_t place;        /* in its stream */
    uint32_t barriers;   /* before it */
    uint64_t given_ps;   /* when the last dispatch had been given */
    size_t time;         /* of the timeline: the entry of the part that it is at */
    weft_status status;  /* with `error` */
    weft__sim_job *jobs; /* under way */
    size_t faulty;       /* the first place in the stream with a fault; SIZE_MAX: none */
    weft__fault fault;   /* that one */
    weft_error error;
    uint64_t live_values; /* that lived when all were last computed */

    bool is_lost; /* the simulation has failed, with `lost` */
    weft_error lost;
};

extern const weft__processor_client weft__sim_processor_client;

/* Parts of a command buffer: dispatches, barriers, and its fences. */
uint64_t weft__sim_count_parts(const weft__command_buffer *commands);

/* The host's message is to leave now; the argument is the command buffer. */
void weft__sim_processor_send(weft_sim *clock, uint64_t argument);

/* The work has stopped for good: settles all command buffers. */
void weft__sim_processor_lose(weft__sim_processor *it);

#endif
