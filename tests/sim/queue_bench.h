/* What suites about queues share: PEs that send bytes of their own memory, and write down when. */
#ifndef WEFT_TESTS_SIM_QUEUE_BENCH_H
#define WEFT_TESTS_SIM_QUEUE_BENCH_H

#include "tile_bench.h"

#include "sim/fabric/path_latency.h"
#include "sim/tile/call.h"

#define NS 1000u
#define DISPATCH_PS 1000u /* of two-sip */
#define SETUP_PS 750u
#define FLIT_PS 500u /* 256 bytes from the TCM */
#define TIMES 64u
#define SLEEP_PS 700000u /* longer than a few messages take */

/* By place in the launch: what its kernel wrote down. */
typedef struct diary {
    weft__time begin, times[TIMES];
    uint32_t count;
} diary;

static inline void note(weft_tile *tl, diary *own)
{
    own->times[own->count++] = tl_now_ps(tl);
}

/* Time passes, and nothing of the machine is busy. */
static inline void sleep_ps(weft_tile *tl, uint64_t ps)
{
    weft__process_wait(tl->process, ps);
}

static inline tl_tensor own_tensor(weft_tile *tl, uint64_t bytes)
{
    return tl_ref(tl, weft__pe_tcm_address(tl->pe), weft_shape_1d(bytes), WEFT_U8);
}

/* The last flit's arrival by the plainest reckoning: each flit over each link. */
static inline uint64_t flight_ps(const tile_bench *it, const weft__route *route, uint64_t bytes)
{
    enum {
        FLITS = 1024
    };
    static uint64_t at[FLITS];
    const weft__graph *graph = it->base.graph;
    uint64_t flit_bytes = it->spec->system.flit_bytes, flits = (bytes + flit_bytes - 1) / flit_bytes;
    for (uint64_t i = 0; i < flits; i++)
        at[i] = (i + 1) * FLIT_PS;
    for (uint32_t hop = 0; hop < route->count; hop++) {
        const weft__link *link = &graph->links[route->links[hop]];
        uint64_t free_at = 0, service_ps = weft__ps_of_bytes(flit_bytes, link->mbs);
        bool is_last = hop + 1 == route->count;
        for (uint64_t i = 0; i < flits; i++) {
            uint64_t begin = at[i] > free_at ? at[i] : free_at;
            free_at = begin + service_ps;
            at[i] = free_at + link->wire_ps;
            if (i == 0 || is_last)
                at[i] += graph->nodes[link->to].overhead_ps;
            else if (at[i] < at[0])
                at[i] = at[0];
        }
    }
    return at[flits - 1];
}

static inline weft__route route_of(const tile_bench *it, uint32_t from, uint32_t to)
{
    weft_error err;
    weft__route route;
    WEFT_TEST_ASSERT_OK(weft__graph_route(it->base.graph, weft__pe_dma_node(weft__pe_at(it->pes, from)),
                                          weft__pe_dma_node(weft__pe_at(it->pes, to)), &route, &err),
                        err);
    return route;
}

static inline uint64_t credit_ps(const tile_bench *it, uint32_t from, uint32_t to)
{
    weft__route back = route_of(it, to, from);
    uint64_t ps = weft__path_latency_ps(it->base.graph, &back, 16);
    free(back.links);
    return ps;
}

static inline uint64_t tcm_access_ps(uint64_t bytes)
{
    return (bytes * NS + 511) / 512;
}

/* Two PEs next to each other, each of which can send to the other. */
static const uint32_t two[] = {0, 1};
static const weft__ipcq_pair both_ways[] = {{0, 1, TL_NEXT, TL_PREVIOUS}, {1, 0, TL_PREVIOUS, TL_NEXT}};

static inline bool is_first(const weft_tile *tl)
{
    return tl_program_id(tl, TL_AXIS_ALL) == 0;
}

static inline tl_tensor receive(weft_tile *tl, tl_direction from, uint64_t bytes)
{
    return tl_recv(tl, from, weft_shape_1d(bytes), WEFT_U8);
}

#endif
