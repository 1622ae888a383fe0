/* Inside of the transfers. */
#ifndef WEFT_SIM_FABRIC_TRANSFER_IMPL_H
#define WEFT_SIM_FABRIC_TRANSFER_IMPL_H

#include "sim/engine/resource.h"
#include "sim/fabric/hbm.h"
#include "sim/fabric/transfer.h"

struct weft__transfer {
    weft__transfers *owner;
    weft__transfer_request request;
    weft__time begin, end;
    weft__time reached;   /* the memory, by its first flit or its command */
    weft__time committed; /* the latest chunk so far: when it was in memory, or was there to be sent */
    uint64_t opened;      /* HBM channels that it has opened, as a mask */
    weft__transfer_hop *hops;
    size_t hop_count, hop_capacity;
    weft__transfer *next; /* idle */
    weft__transfer *next_made;
};

struct weft__transfers {
    weft__fabric *fabric;
    weft__hbm *hbm; /* by number of the controller */
    uint32_t hbm_count;
    uint32_t *number;         /* of each node among the HBM controllers or the DMA engines */
    weft__resource *channels; /* two for each DMA engine: for reads, for writes */
    weft__run *ready;         /* scratch for what a read finds in HBM */
    size_t ready_capacity;
    weft__transfer *idle, *made;
    uint64_t setup_ps;
};

static inline uint64_t weft__transfer_flits(const weft__transfers *transfers, uint64_t bytes)
{
    uint64_t flit_bytes = weft__fabric_graph(transfers->fabric)->spec->system.flit_bytes;
    return bytes / flit_bytes + (bytes % flit_bytes != 0);
}

static inline weft__node_kind weft__transfer_kind(const weft__transfers *transfers, uint32_t node)
{
    return weft__fabric_graph(transfers->fabric)->nodes[node].kind;
}

#endif
