/* Kernels on the PEs of a machine: a launch, what becomes of it, and what it took.
 *
 * A launch goes the way of every launch (fabric/launch.h); when it is a PE's turn, the kernel begins there as a process
 * of its own. A PE that still runs an earlier kernel begins when that has ended. A PE is done when its kernel has
 * returned and all of its commands are done. */
#ifndef WEFT_SIM_TILE_KERNEL_H
#define WEFT_SIM_TILE_KERNEL_H

#include "sim/fabric/launch.h"
#include "sim/pe/ipcq.h"

typedef struct weft__kernel_run weft__kernel_run;

typedef struct weft__kernel_request {
    const char *name; /* for people; borrowed as long as the run lives */
    weft_tile_kernel *kernel;
    const void *arguments;             /* borrowed until the run has ended */
    uint32_t from;                     /* the node that launches; 0 is the host */
    uint32_t stack_bytes;              /* of the kernel on each PE; 0: WEFT_TILE_STACK_BYTES */
    const uint32_t *cpus;              /* of the PEs: nodes, in ascending order, each once; copied */
    size_t count;                      /* not 0 */
    uint32_t group_size, group_stride; /* as in weft_launch_options */
    uint32_t queues;                   /* that were asked for, as there: what errors say of a missing one */
    const weft__ipcq_pair *pairs;      /* queues among these PEs; read before the call returns */
    size_t pair_count;
    void (*ended)(void *context, weft__kernel_run *run); /* who launched knows that all are done; may be NULL */
    void *context;
} weft__kernel_request;

/* What one PE did. */
typedef struct weft__kernel_report {
    const char *pe;        /* lives as long as the PEs */
    weft__time start, end; /* WEFT__NEVER if it has not */
    weft__pe_times times;  /* of a PE that has ended; each sum is end - start */
} weft__kernel_report;

/* Launches at `time`, not past; errors as of weft__launch_begin() and weft__ipcq_create(), and WEFT_INVALID_ARGUMENT
 * for groups that do not come out or a queue that leads elsewhere. The run must be kept until it has ended or the
 * simulation is over. */
weft_status weft__kernel_launch(weft__pes *pes, weft__time time, const weft__kernel_request *request,
                                weft__kernel_run **out, weft_error *err);
/* After the simulation, or after it has ended. NULL is fine. */
void weft__kernel_run_destroy(weft__kernel_run *run);

size_t weft__kernel_run_count(const weft__kernel_run *run);
void weft__kernel_run_report(const weft__kernel_run *run, size_t index, weft__kernel_report *out);
/* When the launch was begun; when who launched knew that all were done, WEFT__NEVER if it does not. */
weft__time weft__kernel_run_begin_ps(const weft__kernel_run *run);
weft__time weft__kernel_run_end_ps(const weft__kernel_run *run);

/* A message that nobody had received when the kernel of its receiver ended. */
typedef struct weft__unreceived {
    const char *from, *to; /* PEs; live as long as those */
    tl_direction from_direction, to_direction;
    const char *call;         /* that sent it */
    uint64_t number;          /* among those of the queue, from 0 */
    uint32_t slot;            /* of the ring */
    weft__time sent, written; /* took its slot; was in it, WEFT__NEVER: it came too late for that */
    uint64_t address, bytes;  /* of the slot */
} weft__unreceived;

/* Of a run that has ended: the message after `*place`, which is NULL before the first, and goes on with each call.
 * False after the last. By queue, in the order of the pairs, and number. */
bool weft__kernel_run_unreceived(const weft__kernel_run *run, const weft__ipcq_message **place, weft__unreceived *out);

/* For when the simulation has run out of events: WEFT_DEADLOCK if the run has not ended, naming PEs, in which call they
 * wait, for whom, and since when, and a circle of them if there is one. */
weft_status weft__kernel_run_check(const weft__kernel_run *run, weft_error *err);

#endif
