/* A machine at work, for suites: its graph, a simulation, a fabric, and the transfers; what is sent over it; and some
 * machines. Whatever cannot be made fails the test. */
#ifndef WEFT_TESTS_SIM_FABRIC_BENCH_H
#define WEFT_TESTS_SIM_FABRIC_BENCH_H

#include "support/weft_check.h"

#include "sim/fabric/transfer.h"

typedef struct fabric_bench {
    weft__graph *graph;
    weft_sim *sim;
    weft__fabric *fabric;
    weft__transfers *transfers;
} fabric_bench;

static inline void open_bench(fabric_bench *it, const weft__machine_spec *spec, weft__flit_mode mode)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft__graph_create(spec, &it->graph, &err), err);
    WEFT_TEST_ASSERT_OK(weft__sim_create(NULL, &it->sim, &err), err);
    WEFT_TEST_ASSERT_OK(weft__fabric_create(it->sim, it->graph, mode, &it->fabric, &err), err);
    WEFT_TEST_ASSERT_OK(weft__transfers_create(it->fabric, &it->transfers, &err), err);
}

/* Until nothing happens any more. */
static inline void run_bench(const fabric_bench *it)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft__sim_run(it->sim, WEFT__NEVER, &err), err);
}

/* The same, and nothing must be left under way. */
static inline void run_bench_dry(const fabric_bench *it)
{
    run_bench(it);
    weft__fabric_info info;
    weft__fabric_get_info(it->fabric, &info);
    ck_assert_uint_eq(info.messages_sent, info.messages_arrived);
    ck_assert_uint_eq(info.flits_sent, info.flits_arrived);
}

static inline void close_bench(fabric_bench *it)
{
    weft__sim_destroy(it->sim);
    weft__transfers_destroy(it->transfers);
    weft__fabric_destroy(it->fabric);
    weft__graph_destroy(it->graph);
}

/* A node that the machine must have. */
static inline uint32_t node_at(const fabric_bench *it, const char *name)
{
    weft_error err;
    uint32_t node = WEFT__NODE_NONE;
    WEFT_TEST_ASSERT_OK(weft__graph_find(it->graph, name, &node, &err), err);
    return node;
}

/* ---- transfers ---- */

static inline void note_end(void *context, const weft__transfer *transfer)
{
    *(weft__time *)context = weft__transfer_end_ps(transfer);
}

static inline weft__transfer_request request_of(const fabric_bench *it, const char *source, const char *target,
                                                bool is_write, uint64_t offset, uint64_t bytes, weft__time *end)
{
    *end = WEFT__NEVER;
    return (weft__transfer_request){.source = node_at(it, source),
                                    .target = node_at(it, target),
                                    .offset_bytes = offset,
                                    .bytes = bytes,
                                    .is_write = is_write,
                                    .ended = note_end,
                                    .context = end};
}

static inline void begin(const fabric_bench *it, weft__time time, const char *source, const char *target, bool is_write,
                         uint64_t offset, uint64_t bytes, weft__time *end)
{
    weft__transfer_request request = request_of(it, source, target, is_write, offset, bytes, end);
    weft__transfer_begin(it->transfers, time, &request);
}

/* ---- messages ---- */

static inline void note_arrival(void *context, weft__message *message)
{
    const fabric_bench *it = context;
    *(weft__time *)(uintptr_t)weft__message_tag(message) = weft__sim_now(it->sim);
}

static const weft__receiver arrival_receiver = {.arrived = note_arrival};

static inline void send_run(fabric_bench *it, uint32_t from, uint32_t to, weft__flit_size size, const weft__run *ready,
                            weft__time *arrival)
{
    *arrival = WEFT__NEVER;
    weft__parcel parcel = {.from = weft__graph_node(it->graph, WEFT__NODE_DMA, 0, 0, from),
                           .to = weft__graph_node(it->graph, WEFT__NODE_DMA, 0, 0, to),
                           .size = size,
                           .ready = ready,
                           .ready_count = 1,
                           .receiver = &arrival_receiver,
                           .context = it,
                           .tag = (uint64_t)(uintptr_t)arrival};
    ck_assert_ptr_nonnull(weft__fabric_send(it->fabric, &parcel));
}

/* From PE to PE: short flits that are all ready at that time. */
static inline void send_short(fabric_bench *it, uint32_t from, uint32_t to, weft__time time, uint64_t flits,
                              weft__time *arrival)
{
    const weft__run ready = {time, 0, flits};
    send_run(it, from, to, WEFT__FLIT_COMMAND, &ready, arrival);
}

/* One long flit. */
static inline void send_long(fabric_bench *it, uint32_t from, uint32_t to, weft__time time, weft__time *arrival)
{
    const weft__run ready = {time, 0, 1};
    send_run(it, from, to, WEFT__FLIT_PAYLOAD, &ready, arrival);
}

/* ---- machines ---- */

/* Short flits and long ones: 1 and 16 ns at 256 GB/s; wires take nothing. */
static inline weft__machine_spec with_two_sizes(weft__machine_spec spec)
{
    spec.system.command_bytes = 256;
    spec.system.flit_bytes = 4096;
    spec.system.ns_per_mm = 0;
    return spec;
}

/* Bandwidths of which no time is a multiple of another. */
static inline weft__machine_spec with_odd_bandwidths(weft__machine_spec spec)
{
    spec.system.link_gbs = 71.3;
    spec.host.link_gbs = 57.9;
    spec.sip.io.link_gbs = 300.7;
    spec.cube.link_gbs = 100.3;
    spec.cube.ucie.gbs = 93.1;
    spec.cube.hbm.channel_gbs = 17.3;
    spec.cube.hbm.link_gbs = 211.1;
    spec.cube.hbm.open_ns = 7.3;
    spec.cube.hbm.turnaround_ns = 3.1;
    spec.cube.sram.link_gbs = 61.9;
    spec.pe.link_gbs = 77.7;
    spec.pe.dma.setup_ns = 0.777;
    return spec;
}

/* Buffers that hold more than a round trip needs. */
static inline weft__machine_spec with_wide_buffers(weft__machine_spec spec)
{
    spec.cube.flow = spec.cube.ucie.flow = (weft__flow_control){
        .buffer_flits = 40, .vcs = 2, .arbitration = WEFT__ARBITRATE_ROUND_ROBIN, .credit_ns = 1, .vc_ns = 2};
    return spec;
}

#endif
