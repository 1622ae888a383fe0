/* Where the time of the simulated host goes: every picosecond since the device was opened belongs to one part.
 *
 * While the command processor has a command buffer, time is what that is busy with. The rest of the time is what the
 * host does: it submits, accesses memory, comes back from a sync, or waits for something that is on the link between
 * the two. So a submission that goes on while the PEs work costs nothing here.
 *
 * A command buffer is cut where everything has drained: at its barriers and its end. Of the time between two cuts, that
 * in which any kernel runs is divided among the parts of kernels as the time of all PEs of the machine was, where a PE
 * that has no part in it is idle. Before and between kernels it is the processor's, which sends commands and waits for
 * them to come to the PEs, and after the last one the drain. */
#ifndef WEFT_DEVICES_SIM_TIMES_H
#define WEFT_DEVICES_SIM_TIMES_H

#include <stdatomic.h>

#include <weft/device.h>
#include <weft/sim.h>

typedef enum weft__sim_part {
    WEFT__SIM_ACCESS,   /* the host reads and writes buffers */
    WEFT__SIM_SUBMIT,   /* it hands command buffers over */
    WEFT__SIM_LINK,     /* it waits for what is on the way to the processor or back */
    WEFT__SIM_DISPATCH, /* the processor gives dispatches, and commands are on their way to the PEs */
    WEFT__SIM_KERNELS,  /* by weft_pe_time, from here on */
    WEFT__SIM_DRAIN = WEFT__SIM_KERNELS + WEFT_PE_TIMES, /* all kernels have ended, and the processor hears of it */
    WEFT__SIM_BARRIER,
    WEFT__SIM_FENCE,
    WEFT__SIM_SYNC,
    WEFT__SIM_IDLE, /* nothing of the above, which only several threads of the host can bring about */
    WEFT__SIM_PARTS
} weft__sim_part;

/* More than a host can do between two looks at what it did. */
#define WEFT__SIM_DEEDS_MAX 8u

/* What the host does until a time. */
typedef struct weft__sim_deed {
    uint64_t until; /* UINT64_MAX: nobody knows yet */
    weft__sim_part part;
} weft__sim_deed;

/* When some kernel ran. */
typedef struct weft__sim_span {
    uint64_t begin, end;
} weft__sim_span;

/* Starts as zeros, but for `pes`. */
typedef struct weft__sim_times {
    uint32_t pes;             /* of the machine */
    _Atomic uint64_t host_ps; /* how far the host is */
    uint64_t ps[WEFT__SIM_PARTS];
    uint64_t cursor; /* all time before it is in `ps` */
    bool is_busy;    /* the processor has a command buffer */

    weft__sim_deed deeds[WEFT__SIM_DEEDS_MAX]; /* in the order of time */
    uint32_t deed_count;

    /* Since the last cut. */
    weft__sim_span *spans; /* apart from one another, by time */
    size_t span_count, span_capacity;
    uint64_t spent_ps[WEFT_PE_TIMES]; /* of all PEs */
} weft__sim_times;

void weft__sim_times_destroy(weft__sim_times *times);

/* ---- the host ---- */

/* The host does something until a time; nothing if that is past. */
void weft__sim_host_until(weft__sim_times *times, weft__sim_part part, uint64_t until);
/* It begins something, and does nothing else until weft__sim_host_end(), which says when that was. */
void weft__sim_host_begin(weft__sim_times *times, weft__sim_part part);
void weft__sim_host_end(weft__sim_times *times, uint64_t now);
/* The processor will have nothing before the host does something more. */
void weft__sim_host_rest(weft__sim_times *times);

/* ---- the processor ---- */

/* It begins with a command buffer, or is done with one. */
void weft__sim_times_begin(weft__sim_times *times, uint64_t now);
void weft__sim_times_end(weft__sim_times *times);
/* Since the last call it was busy with this. */
void weft__sim_times_pass(weft__sim_times *times, weft__sim_part part, uint64_t now);
/* A launch has ended. */
weft_status weft__sim_times_launched(weft__sim_times *times, const weft_launch_report *report, weft_error *err);
/* All have drained; the last one had been given at `given`. */
void weft__sim_times_drained(weft__sim_times *times, uint64_t given, uint64_t now);

/* ---- what came out ---- */

/* As weft_device_time_parts(). */
size_t weft__sim_times_list(const weft__sim_times *times, weft_time_part *out, size_t capacity);

#endif
