/* The published formula for messages that are charged for but not sent, such as the credits of queues: wires, the
 * overheads of the nodes passed and of the target, and the bytes once, at the slowest link.
 *
 * A message in the fabric (weft__route_latency_ps) is sent anew by every link, so it takes longer by what its bytes
 * take on all links but the slowest.
 *
 * Source of the formula: the root charges the credits of its queues by it. */
#ifndef WEFT_SIM_FABRIC_PATH_LATENCY_H
#define WEFT_SIM_FABRIC_PATH_LATENCY_H

#include "sim/machine/graph.h"

uint64_t weft__path_latency_ps(const weft__graph *graph, const weft__route *route, uint64_t bytes);

#endif
