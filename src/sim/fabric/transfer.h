/* Transfers: reads and writes of memory, as the DMA engines of the PEs and the host make them.
 *
 * A PE's transfer takes a channel of its DMA engine, one of those for its direction, waits for the engine's set-up, and
 * gives the channel back when it has ended; transfers wait for a channel in the order in which they came. The host has
 * as many channels as it wants, and no set-up.
 * - A read sends a command to the memory, and the memory sends the data back: from HBM each flit when its chunk is
 * there, in order, from SRAM and TCM all at once. It ends when the last flit is at the source.
 * - A write sends the data. It is committed when the last chunk is in memory. For a PE it ends when the memory's answer
 * is back at the source; a write of the host is posted, and ends with the commit.
 *
 * The target is a node: the HBM controller of a slice, an SRAM, or the DMA of a PE, which stands for its TCM. The HBM
 * and its controllers belong to the transfers, so all of a simulation go through one set. */
#ifndef WEFT_SIM_FABRIC_TRANSFER_H
#define WEFT_SIM_FABRIC_TRANSFER_H

#include "sim/fabric/fabric.h"
#include "sim/fabric/hbm.h"

typedef struct weft__transfers weft__transfers;
typedef struct weft__transfer weft__transfer;

/* Where the time of a transfer goes. */
typedef enum weft__part {
    WEFT__PART_SETUP,     /* of the DMA engine */
    WEFT__PART_ROUTERS,   /* overheads of routers, switch and IO chiplet */
    WEFT__PART_UCIE,      /* overheads of the two ends of each crossing between chiplets */
    WEFT__PART_WIRE,      /* time of flight */
    WEFT__PART_STREAMING, /* flits one behind another, at the slowest place that they pass */
    WEFT__PART_MEMORY,    /* overhead of the controller, and a chunk in its pseudo-channel */
    WEFT__PART_QUEUEING   /* waiting for others: for a DMA channel, for links, for pseudo-channels */
} weft__part;
#define WEFT__PARTS 7u

typedef struct weft__transfer_request {
    uint32_t source, target; /* nodes, not the same */
    uint64_t offset_bytes;   /* in the target's memory */
    uint64_t bytes;          /* not 0; flits are sent whole */
    bool is_write;
    bool has_channel; /* the source has one for it already, and gives it back itself */
    bool keeps_hops;  /* see weft__transfer_hops */
    /* May be NULL. A read's command is at the memory, which reads from now on; a write's last chunk is in memory. */
    void (*at_memory)(void *context, const weft__transfer *transfer);
    void (*ended)(void *context, const weft__transfer *transfer); /* may be NULL; the transfer lives until it returns */
    void *context;
} weft__transfer_request;

/* When the head of a transfer came to a node on its way, there and back. */
typedef struct weft__transfer_hop {
    uint32_t node;
    weft__time time;
} weft__transfer_hop;

weft_status weft__transfers_create(weft__fabric *fabric, weft__transfers **out, weft_error *err);
/* After the run; before the fabric. NULL is fine. */
void weft__transfers_destroy(weft__transfers *transfers);

/* Outside of a run; the observer is borrowed, and told of all HBM controllers. NULL, as it is at first: nobody. */
void weft__transfers_observe(weft__transfers *transfers, const weft__hbm_observer *observer);

/* Begins a transfer at `time`, not past. Errors are noted in the simulation. */
void weft__transfer_begin(weft__transfers *transfers, weft__time time, const weft__transfer_request *request);

const weft__transfer_request *weft__transfer_get_request(const weft__transfer *transfer);
/* Of one that has ended. */
weft__time weft__transfer_begin_ps(const weft__transfer *transfer);
weft__time weft__transfer_end_ps(const weft__transfer *transfer);
/* When its first flit, or its command, came to the memory, and when its last chunk was there, or ready to be sent. */
weft__time weft__transfer_reached_ps(const weft__transfer *transfer);
weft__time weft__transfer_committed_ps(const weft__transfer *transfer);
/* With keeps_hops: the nodes of its way, source first. */
const weft__transfer_hop *weft__transfer_hops(const weft__transfer *transfer, size_t *count);

/* True if nothing that memories have served can be noticed by what they will serve from now on. */
bool weft__transfers_are_quiet(const weft__transfers *transfers);

/* The parts of a transfer that nobody disturbs, from the machine alone: what is left over when they are taken from the
 * time that it took is queueing. Their sum is the time of an undisturbed transfer to the picosecond, but where buffers
 * are too small for a round trip or inputs of routers bound the flow: what that costs is queueing. Notes errors, and
 * gives zeros then. */
void weft__transfer_parts(weft__transfers *transfers, const weft__transfer_request *request,
                          uint64_t parts_ps[WEFT__PARTS]);

/* Busy time of all pseudo-channels of a controller, in picoseconds of one channel; 0 for other nodes. */
uint64_t weft__transfers_hbm_busy_ps(const weft__transfers *transfers, uint32_t node);

#endif
