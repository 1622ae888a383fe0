/* The command processor of a machine: takes command buffers apart, in simulated time.
 *
 * A command buffer travels from the host to the processor as one message: a command for each part, and one that says
 * what it is. Command buffers are worked off one after another in the order of their numbers; the next begins when all
 * of the one before has drained, and it has come. The processor is the IO chiplet's of the first SIP: what it launches
 * goes from there to all SIPs, and comes back to it. It waits for nothing between two dispatches. A barrier, a fence's
 * signal and the end wait for all that was launched, and a command tells the host of the end.
 *
 * What is in a command buffer its client knows: the device `sim`, which has dispatches, and re-timing, which has what
 * was recorded of them. */
#ifndef WEFT_SIM_HOST_PROCESSOR_H
#define WEFT_SIM_HOST_PROCESSOR_H

#include "sim/host/host_impl.h"

typedef struct weft__processor weft__processor;

/* A launch of the processor's; the head of what the client keeps of it. */
typedef struct weft__processor_job {
    weft__processor *processor;
} weft__processor_job;

/* All is about the command buffer whose turn it is. Those that say so may be NULL. */
typedef struct weft__processor_client {
    /* It begins, in its turn. False: it ends at once. */
    bool (*begins)(void *context);
    /* Its next part that has not passed; WEFT__PART_WAIT comes first, WEFT__PART_SIGNAL last. Asked again after a
     * drain. */
    weft__processor_part (*next)(void *context);
    /* The processor comes to a part. May be NULL. */
    void (*comes)(void *context, weft__processor_part part);
    /* What a wait, a barrier or a signal costs has been paid. */
    void (*passes)(void *context, weft__processor_part part);
    /* What a dispatch costs has been paid, and it passes: launches it with this origin, whose context is still to be
     * the job. False if there is nothing under way, after a failure too. */
    bool (*launches)(void *context, const weft__launch_origin *origin);
    /* The launch has ended, and may be let go. */
    void (*job_ends)(void *context, weft__processor_job *job);
    /* What stands up to the next barrier begins. May be NULL. */
    void (*group_begins)(void *context);
    /* The same: true if it need not be done, for weft__processor_drain() will be called when it would be. May be NULL.
     */
    bool (*skips)(void *context);
    /* All that was launched has ended. May be NULL. */
    void (*drained)(void *context);
    /* It ends, and the turn is the next one's. */
    void (*ends)(void *context);
    /* The host knows that the command buffer of this number has ended. */
    void (*known)(void *context, uint64_t number);
} weft__processor_client;

struct weft__processor {
    weft_simulation *simulation;
    const weft__processor_client *client;
    void *context;
    uint32_t host, node;
    uint64_t dispatch_ps, barrier_ps, signal_ps, wait_ps;
    uint64_t turn;           /* the number of the first command buffer that has not ended */
    uint64_t arrived, known; /* the last ones to come to the processor, and of whose end the host knows */
    uint64_t jobs;           /* under way */
    bool is_busy;            /* the one whose turn it is has begun */
    bool drains;
    bool has_news; /* `known` has changed; for weft__simulation_run_until() */
};

/* Sets it up; client and context are borrowed. The first command buffer has number 1. */
void weft__processor_init(weft__processor *it, weft_simulation *simulation, const weft__processor_client *client,
                          void *context);

/* Within the run: all that stands up to the next barrier, and was skipped, would have ended. */
void weft__processor_drain(weft__processor *it);

/* Within the run: the host's message leaves now, for the command buffer after the last one that was sent. */
void weft__processor_send(weft__processor *it, uint64_t number, uint64_t parts);

#endif
