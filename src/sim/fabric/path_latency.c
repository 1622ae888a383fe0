#include "sim/fabric/path_latency.h"

uint64_t weft__path_latency_ps(const weft__graph *graph, const weft__route *route, uint64_t bytes)
{
    uint64_t latency_ps = 0, slowest_mbs = UINT64_MAX;
    for (uint32_t hop = 0; hop < route->count; hop++) {
        const weft__link *link = &graph->links[route->links[hop]];
        latency_ps += link->wire_ps + graph->nodes[link->to].overhead_ps;
        slowest_mbs = link->mbs < slowest_mbs ? link->mbs : slowest_mbs;
    }
    return latency_ps + weft__ps_of_bytes(bytes, slowest_mbs);
}
