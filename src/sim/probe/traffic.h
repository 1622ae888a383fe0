/* Synthetic traffic between the PEs of a machine: the loads by which networks are compared.
 *
 * Every PE is a node. Nodes are numbered in the order of SIPs, cubes and PEs; where a pattern needs two coordinates,
 * the number of nodes must be a square k x k and node i stands in row i / k, column i % k. A cycle is the time of one
 * flit on a link between routers.
 *
 * Each node makes packets at random, independently in every cycle with the probability rate / packet_flits. In an open
 * loop a packet is sent when it is made. In a closed loop a node has at most `outstanding` packets whose answer, a
 * message without payload, has not come back; what it makes beyond that waits at the node. The latency of a packet goes
 * from its making to the arrival of its last flit. Packets that a node makes for itself go to its router and back.
 *
 * The first `warmup` cycles are not measured. Packets made in the `cycles` after that are; traffic goes on until they
 * have all arrived, or for as many cycles again. The load is stable if they have, and if in the measured cycles arrived
 * what was made in them, but for a twentieth. Messages that wait for one another in finite buffers are WEFT_DEADLOCK.
 */
#ifndef WEFT_SIM_PROBE_TRAFFIC_H
#define WEFT_SIM_PROBE_TRAFFIC_H

#include "sim/fabric/fabric.h"

typedef enum weft__traffic_pattern {
    WEFT__TRAFFIC_UNIFORM,        /* any node, itself included */
    WEFT__TRAFFIC_TRANSPOSE,      /* row and column change places */
    WEFT__TRAFFIC_BIT_COMPLEMENT, /* all bits of the number; their count must be a power of two */
    WEFT__TRAFFIC_TORNADO,        /* (k + 1) / 2 - 1 further in both coordinates */
    WEFT__TRAFFIC_NEIGHBOUR,      /* one further in both coordinates */
    WEFT__TRAFFIC_HOTSPOT         /* one of the four in the middle */
} weft__traffic_pattern;
#define WEFT__TRAFFIC_PATTERNS 6u

typedef struct weft__traffic_options {
    weft__traffic_pattern pattern;
    double rate;           /* flits for each node and cycle, in (0, 1] */
    uint64_t packet_flits; /* not 0 */
    uint64_t warmup, cycles;
    uint64_t seed;
    uint32_t outstanding; /* 0: open loop */
    weft__flit_mode mode;
    const weft__observer *observer;                              /* of its links; NULL for none */
    void (*progress)(void *user, uint64_t done, uint64_t total); /* cycles, now and then; NULL for none */
    void *progress_user;
} weft__traffic_options;

typedef struct weft__traffic_result {
    uint64_t packets; /* measured */
    bool is_stable;
    uint64_t cycle_ps;
    double latency_mean, latency_median, latency_p99, latency_max; /* in cycles */
    double hops_mean;                                              /* links between routers, or between cubes */
    double accepted_rate;                 /* flits that arrived in the measured cycles, for each node and cycle */
    double accepted_least, accepted_most; /* of one node */
    uint64_t flits_sent, flits_arrived;   /* ever: equal at the end of a stable run */
    double load_mean, load_max;           /* shares of the time, over the links between routers, in the whole run */
    uint32_t busiest_link;
    uint64_t events, trace_hash, cycles_run;
    double *loads; /* of every link of the graph, as shares of the time; the caller frees it */
} weft__traffic_result;

/* Names as `--traffic` takes them, "bit-complement" say. */
const char *weft__traffic_pattern_name(weft__traffic_pattern pattern);

/* What is wrong with the rate and the lengths, whatever the machine is. */
weft_status weft__traffic_check(const weft__traffic_options *options, weft_error *err);

/* Runs it in a simulation of its own. */
weft_status weft__traffic_run(const weft__graph *graph, const weft__traffic_options *options, weft__traffic_result *out,
                              weft_error *err);

#endif
