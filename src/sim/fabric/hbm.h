/* The controller of a slice of HBM: pseudo-channels that each serve a chunk, the payload of one flit, at a time.
 *
 * The chunk at byte offset a of the slice lies in pseudo-channel (a / flit_bytes) modulo their number. A chunk begins
 * when it has arrived and its channel is free, and keeps it for the flit's bytes over the channel's bandwidth. A
 * channel that is busy needs more time between chunks of different direction (hbm.turnaround_ns), and before the first
 * chunk of a transaction that comes right after another (hbm.open_ns: a row is opened); both pass unnoticed where the
 * channel has been idle for as long. Chunks of a channel are served in the order of their arrival.
 *
 * With hbm.row_flits a transaction that goes on in the row that the one before it has left open does not open it again.
 * A row is so many chunks of a channel that follow each other, and is closed when the last of them has been served.
 * Rows that a transaction goes on to are opened while it is served.
 *
 * Source of these assumptions: the controller of the root, with its address bits and its chunk time; hbm.open_ns is
 * ours, and fitted on the published time of two readers of one slice; so are rows, and fitted on that of a product
 * whose operand is streamed. */
#ifndef WEFT_SIM_FABRIC_HBM_H
#define WEFT_SIM_FABRIC_HBM_H

#include "sim/fabric/fabric.h"

#define WEFT__HBM_CHANNELS_MAX 64u

typedef struct weft__hbm_channel {
    weft__time free_at;
    uint64_t open_row; /* and 1 more; 0: none is open */
    bool has_written;  /* the direction of the last chunk */
    bool was_used;
} weft__hbm_channel;

/* Somebody who watches controllers, and changes nothing. */
typedef struct weft__hbm_observer {
    /* A pseudo-channel of the controller with this number, in the order of the nodes, serves a chunk then. */
    void (*served)(void *context, uint32_t controller, weft__time begin, weft__time end);
    void *context;
} weft__hbm_observer;

typedef struct weft__hbm {
    const weft__hbm_observer *observer; /* NULL: nobody */
    uint32_t number;                    /* for the observer */
    uint32_t channels;
    uint64_t flit_bytes;
    uint64_t row_flits; /* 0: each transaction opens its own */
    uint64_t chunk_ps, turnaround_ps, open_ps;
    uint64_t busy_ps, chunks;
    weft__hbm_channel channel[WEFT__HBM_CHANNELS_MAX];
} weft__hbm;

void weft__hbm_init(weft__hbm *hbm, const weft__machine_spec *spec);

/* True if nothing that it has served can be noticed by what it will serve from now on. */
bool weft__hbm_is_quiet(const weft__hbm *hbm, weft__time now);

/* Serves the chunk at `offset_bytes` for a transaction that has opened the channels of the mask, to which this one is
 * added. Gives the time at which it is committed, or its data are there. Times must not decrease from call to call. */
weft__time weft__hbm_serve(weft__hbm *hbm, uint64_t offset_bytes, bool is_write, weft__time arrival, uint64_t *opened);

#endif
