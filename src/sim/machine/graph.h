/* A machine compiled: nodes, directed links, and routes between them.
 *
 * A node is a part that messages pass or end in; passing it costs its overhead once for each message. A link carries
 * flits from one node to another, one at a time: a flit of b bytes keeps it busy for b over its bandwidth, rounded up
 * to picoseconds, and arrives after the time of the wire. Each connection of two parts is two links, one for each
 * direction; link i and link i ^ 1 are such a pair.
 *
 * Routes are a function of source and target alone; the way back may be another one. Inside a grid of routers they go
 * along the row first, then along the column; where a hole is in the way, the shortest way round it: at each router the
 * first of east, west, south and north that comes nearer. From cube to cube they follow the grid of cubes in the same
 * manner, between a cube and the IO chiplet along the cube's own row (chiplet in the west or east) or column. Of the
 * connections between two chiplets they take those that make the whole way shortest, the lowest numbered among equals;
 * shortest is fewest links, because all links between the routers of a machine cost the same and so do all crossings.
 * They never leave the cubes in between, so no port of a cube is a short cut inside it.
 *
 * From SIP to SIP they lead from IO network node to IO network node: along a ring the shorter way round, in a torus or
 * mesh along the row of SIPs first, upwards where both ways round are equally long; with no such fabric through the
 * switch. From the host through the switch always. Nothing but switch, PCIe end points, IO network nodes, phys, UCIe
 * connections and routers is ever passed.
 *
 * A graph never changes; any number of threads may read it. */
#ifndef WEFT_SIM_MACHINE_GRAPH_H
#define WEFT_SIM_MACHINE_GRAPH_H

#include <stddef.h>

#include "base/status.h"
#include "sim/machine/spec.h"

typedef enum weft__node_kind {
    WEFT__NODE_HOST,
    WEFT__NODE_SWITCH,
    WEFT__NODE_PCIE,   /* sipS.io.pcie */
    WEFT__NODE_IO_CPU, /* sipS.io.cpu */
    WEFT__NODE_IO_NOC, /* sipS.io.noc */
    WEFT__NODE_IO_PHY, /* sipS.io.phyP.cN: connection N to the Pth cube along the side of the chiplet */
    WEFT__NODE_ROUTER, /* sipS.cubeC.rRcC */
    WEFT__NODE_UCIE,   /* sipS.cubeC.ucie.nN: connection N of side n, e, s or w */
    WEFT__NODE_HBM,    /* sipS.cubeC.peP.hbm: the controller of the slice of that PE */
    WEFT__NODE_SRAM,   /* sipS.cubeC.sram */
    WEFT__NODE_MCPU,   /* sipS.cubeC.mcpu */
    WEFT__NODE_DMA,    /* sipS.cubeC.peP.dma: where data enter and leave the PE and its TCM */
    WEFT__NODE_PE_CPU  /* sipS.cubeC.peP.cpu */
} weft__node_kind;

/* Fields that a kind does not have are 0. */
typedef struct weft__node {
    weft__node_kind kind;
    uint16_t sip, cube;
    uint16_t
        unit; /* PE of the cube; number of a UCIe connection on its side; for a phy: its cube's place along the side */
    uint16_t connection;  /* of a phy: its number among the connections to that cube */
    uint16_t row, column; /* of a router, or of the router that it is attached to */
    weft__side side;      /* of a UCIe connection, of a phy: the side of the SIP */
    uint64_t overhead_ps;
} weft__node;

typedef struct weft__link {
    uint32_t from, to; /* nodes */
    uint64_t mbs;      /* bandwidth in MB/s (10^6 bytes) */
    uint64_t wire_ps;
    uint32_t buffer_flits, vcs;
    weft__arbitration arbitration;
    uint64_t credit_ps, vc_ps;
    bool tail_credit;
    bool is_ucie; /* crosses from chiplet to chiplet */
} weft__link;

/* Nodes are numbered host, switch, then SIP by SIP, all alike: the IO chiplet, then cube by cube. Cubes are alike but
 * for their last nodes, the UCIe connections, which only those sides have where another cube or the IO chiplet is.
 *
 * A place is row * columns + column in the grid of routers, a port is side * connections + number. */
typedef struct weft__graph {
    const weft__machine_spec *spec; /* borrowed: it must outlive the graph */
    weft__node *nodes;
    uint32_t node_count;
    weft__link *links;
    uint32_t link_count;
    uint32_t *first_out;     /* node_count + 1 places in `out` */
    uint32_t *out;           /* links by the node that they leave */
    uint32_t sip_nodes;      /* of each SIP */
    uint32_t cubes;          /* of a SIP */
    uint32_t pes;            /* of a cube */
    uint32_t routers;        /* of a cube */
    uint32_t *cube_first;    /* by cube: its first node, counted from the first of its SIP; one more for the end */
    uint8_t *cube_sides;     /* by cube: bit `side` is set if there are UCIe connections on that side */
    uint32_t *router_at;     /* by place: number of the router among those of the cube, WEFT__NODE_NONE for a hole */
    weft__place *port_place; /* by port: where its router is */
    uint32_t *port_hops; /* by port and place: links from router to router on the way there, WEFT__NODE_NONE if none */
} weft__graph;

#define WEFT__NODE_NONE UINT32_MAX

/* Times and bandwidths of the specification, rounded to whole ps and to whole MB/s, at least 1. */
uint64_t weft__ps_of_ns(double ns);
uint64_t weft__mbs_of_gbs(double gbs);
/* Time for `bytes` at `mbs`, rounded up. */
uint64_t weft__ps_of_bytes(uint64_t bytes, uint64_t mbs);

/* Builds the graph of a checked specification. WEFT_INVALID_ARGUMENT if a part has no router to sit on,
 * WEFT_OUT_OF_RANGE if there are more nodes or links than 32 bits count. Whether every part can reach every other is
 * not looked at. */
weft_status weft__graph_create(const weft__machine_spec *spec, weft__graph **out, weft_error *err);
void weft__graph_destroy(weft__graph *graph);

/* The node of a kind at a place, or WEFT__NODE_NONE if the machine has none there. `unit` is the PE, the port of a UCIe
 * connection, phy * connections + number of a phy, the place of a router. Arguments that a kind has no use for must be
 * 0. In constant time. */
uint32_t weft__graph_node(const weft__graph *graph, weft__node_kind kind, uint32_t sip, uint32_t cube, uint32_t unit);

#define WEFT__NODE_NAME_BYTES 48
/* Writes the name, "sip0.cube3.pe7.dma" say. No two nodes share one. */
void weft__graph_node_name(const weft__graph *graph, uint32_t node, char name[WEFT__NODE_NAME_BYTES]);

/* Finds a node by its name; "sip0.cube3.pe7" is short for the dma there. WEFT_NOT_FOUND says how far the name was good,
 * and what could stand there. */
weft_status weft__graph_find(const weft__graph *graph, const char *name, uint32_t *out, weft_error *err);

typedef struct weft__route {
    uint32_t *links;
    uint32_t count;
} weft__route;

/* The route from one node to another; its links are malloc'ed, the caller's. WEFT_INVALID_ARGUMENT if the two are the
 * same, WEFT_UNSUPPORTED if there is no way, naming both. */
weft_status weft__graph_route(const weft__graph *graph, uint32_t from, uint32_t to, weft__route *out, weft_error *err);

/* Time from sending until the last of `flits` flits (at least 1) of `flit_bytes` has arrived and the target has paid
 * its overhead, on a route that nothing else uses: the overheads of the nodes passed and of the target, not of the
 * source; wires; one flit's time on each link; and the time of the other flits on the slowest one. Exact for one flit,
 * and for more where the last link is a slowest one; elsewhere they may arrive earlier, because flits catch up with a
 * head that pays overheads behind a slow link (fabric/parts.c has that closed form). */
uint64_t weft__route_latency_ps(const weft__graph *graph, const weft__route *route, uint64_t flits,
                                uint64_t flit_bytes);

#endif
