/* Transfers: times worked out by hand on a small machine, what the channels of a DMA engine let happen at once, and the
 * way that a transfer took. */
#include "support/weft_check.h"

#include <stdio.h>

#include "base/rng.h"
#include "fabric_bench.h"
#include "support/failing_malloc.h"
#include "support/machine_specs.h"

/* ---- one at a time ---- */

/* tiny, by hand. 256 bytes are 1 ns on the links of routers, PEs and HBM, 2 ns to the SRAM, on UCIe and to the host,
 * 0.5 ns inside the IO chiplet; the 16 bytes of a command 63, 125 and 32 ps. A wire between routers takes 10 ps, the
 * SRAM 2 ns, an end of a crossing 8 ns, a chunk of HBM 8 ns on one of 8 channels. PE 0 and the IO chiplet are at r0c0,
 * the SRAM at r1c0, PE 1 at r1c1. */
#define COMMAND_IN (125 + 125 + 32 + 32 + 8000 + 125 + 8000 + 125)
#define FLIT_IN (2000 + 2000 + 500 + 500 + 8000 + 2000 + 8000 + 2000)

static const struct {
    const char *source, *target;
    bool is_write;
    uint64_t bytes;
    weft__time takes;
} by_hand[] = {
    {"sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 1, 63 + 63 + 8000 + 1000 + 1000},
    {"sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 256, 10126},
    {"sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 257, 11126},
    /* One burst of 8: the last flit has 7 before it. */
    {"sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 2048, 126 + 8000 + 7000 + 2000},
    /* The ninth chunk is ready 8 ns after the first, just when the link is free for it. */
    {"sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 2049, 126 + 16000 + 2000},
    {"sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 4096, 126 + 8000 + 15000 + 2000},
    {"sip0.cube0.pe0", "sip0.cube0.pe0.hbm", true, 256, 2000 + 8000 + 126},
    {"sip0.cube0.pe0", "sip0.cube0.pe0.hbm", true, 4096, 2000 + 15000 + 8000 + 126},
    /* r0c0 r0c1 r1c1 there, r1c1 r1c0 r0c0 back. */
    {"sip0.cube0.pe0", "sip0.cube0.pe1.hbm", false, 256, 63 + 73 + 73 + 63 + 8000 + 1000 + 1010 + 1010 + 1000},
    {"sip0.cube0.pe0", "sip0.cube0.pe1.hbm", true, 512, 1000 + 1010 + 1010 + 1000 + 1000 + 8000 + 272},
    {"sip0.cube0.pe0", "sip0.cube0.sram", false, 256, 63 + 73 + 125 + 2000 + 2000 + 1010 + 1000},
    {"sip0.cube0.pe0", "sip0.cube0.sram", false, 512, 2261 + 2000 + 4010},
    /* Each flit waits 2 ns in the SRAM. */
    {"sip0.cube0.pe0", "sip0.cube0.sram", true, 512, 1000 + 1010 + 2 * 2000 + 2000 + 125 + 73 + 63},
    {"sip0.cube0.pe0", "sip0.cube0.sram", true, 768, 1000 + 1010 + 3 * 2000 + 2000 + 125 + 73 + 63},
    {"sip0.cube0.pe0", "sip0.cube0.pe1", false, 256, 272 + 4020},
    {"sip0.cube0.pe0", "sip0.cube0.pe1", true, 2560, 4020 + 9000 + 272},
    {"host", "sip0.cube0.pe0.hbm", false, 256, COMMAND_IN + 63 + 8000 + 1000 + FLIT_IN},
    {"host", "sip0.cube0.pe0.hbm", false, 1000, COMMAND_IN + 63 + 8000 + 1000 + FLIT_IN + 3 * 2000},
    /* It ends when the last chunk is committed, without an answer. */
    {"host", "sip0.cube0.pe0.hbm", true, 256, FLIT_IN + 1000 + 8000},
    {"host", "sip0.cube0.pe0.hbm", true, 1024, FLIT_IN + 1000 + 3 * 2000 + 8000},
    {"host", "sip0.cube0.sram", true, 256, FLIT_IN + 1010 + 2000 + 2000},
    {"host", "sip0.cube0.pe1", false, 256, COMMAND_IN + 73 + 73 + 63 + 1000 + 2020 + FLIT_IN},
};

START_TEST(one_transfer_takes_what_a_hand_works_out)
{
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = tiny();
        fabric_bench it;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        for (size_t i = 0; i < sizeof by_hand / sizeof by_hand[0]; i++) {
            weft__time from = 1000000 * (i + 1), end;
            begin(&it, from, by_hand[i].source, by_hand[i].target, by_hand[i].is_write, 0, by_hand[i].bytes, &end);
            run_bench_dry(&it);
            ck_assert_msg(end == from + by_hand[i].takes, "row %zu takes %" PRIu64 " ps, not %" PRIu64, i, end - from,
                          by_hand[i].takes);
        }
        close_bench(&it);
    }
}
END_TEST

/* ---- DMA channels ---- */

static weft__machine_spec with_channels(uint32_t channels)
{
    weft__machine_spec spec = tiny();
    spec.pe.dma.channels = channels;
    return spec;
}

START_TEST(one_channel_takes_reads_one_after_another)
{
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = with_channels(1);
        spec.pe.dma.setup_ns = 0.5;
        weft__time ends[2];
        fabric_bench it;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 0, 256, &ends[0]);
        begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 256, 256, &ends[1]);
        run_bench_dry(&it);
        ck_assert_uint_eq(ends[0], 500 + 10126);
        ck_assert_uint_eq(ends[1], 2 * (500 + 10126));
        close_bench(&it);
    }
}
END_TEST

START_TEST(two_channels_take_two_reads_at_once)
{
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = with_channels(2);
        weft__time ends[3];
        fabric_bench it;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        /* The second command waits 63 ps for the link, its data 937 for the first's. */
        begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 0, 256, &ends[0]);
        begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 256, 256, &ends[1]);
        begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 512, 256, &ends[2]);
        run_bench_dry(&it);
        ck_assert_uint_eq(ends[0], 10126);
        ck_assert_uint_eq(ends[1], 11126);
        ck_assert_uint_eq(ends[2], 20252);
        close_bench(&it);
    }
}
END_TEST

/* Who has a channel for a transfer already keeps it out of the engine's, but not of its set-up and its answer. */
START_TEST(a_transfer_with_a_channel_waits_for_none)
{
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = with_channels(1);
        spec.pe.dma.setup_ns = 0.5;
        weft__time ends[3];
        fabric_bench it;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 0, 256, &ends[0]);
        for (int i = 1; i < 3; i++) {
            weft__transfer_request request =
                request_of(&it, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", i == 2, UINT64_C(256) << i, 256, &ends[i]);
            request.has_channel = true;
            weft__transfer_begin(it.transfers, i == 2 ? 50000 : 0, &request);
        }
        run_bench_dry(&it);
        ck_assert_uint_eq(ends[0], 500 + 10126);
        ck_assert_uint_eq(ends[1], 500 + 11126);
        /* Two links there, a chunk, and two links back for the answer. */
        ck_assert_uint_eq(ends[2], 50000 + 500 + 2000 + 8000 + 126);
        close_bench(&it);
    }
}
END_TEST

START_TEST(the_offset_chooses_the_pseudo_channel)
{
    weft__machine_spec spec = with_channels(2);
    weft__time ends[2];
    fabric_bench it;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    /* Both in channel 3: the second chunk is ready at 16126. */
    begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 768, 256, &ends[0]);
    begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 2048 + 1023, 256, &ends[1]);
    run_bench_dry(&it);
    ck_assert_uint_eq(ends[0], 10126);
    ck_assert_uint_eq(ends[1], 18126);
    ck_assert_uint_eq(weft__transfers_hbm_busy_ps(it.transfers, node_at(&it, "sip0.cube0.pe0.hbm")), 16000);
    ck_assert_uint_eq(weft__transfers_hbm_busy_ps(it.transfers, node_at(&it, "sip0.cube0.pe1.hbm")), 0);
    ck_assert_uint_eq(weft__transfers_hbm_busy_ps(it.transfers, node_at(&it, "sip0.cube0.sram")), 0);
    close_bench(&it);
}
END_TEST

START_TEST(transfers_open_pseudo_channels_for_themselves)
{
    /* 14 ns to open a busy channel, 6 ns to turn it round. PE 0 reads twice from channel 3, from two places, and then
     * writes there and reads two chunks, each one after the first while the channel is still busy. */
    weft__machine_spec spec = with_channels(2);
    spec.cube.hbm.open_ns = 14;
    spec.cube.hbm.turnaround_ns = 6;
    fabric_bench it;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    for (uint64_t round = 0; round < 3; round++) { /* with the same memory */
        weft__time ends[4], from = 1000000 * round;
        begin(&it, from, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 768, 256, &ends[0]);
        begin(&it, from, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 2048 + 768, 256, &ends[1]);
        run_bench_dry(&it);
        ck_assert_uint_eq(ends[0], from + 10126);
        ck_assert_uint_eq(ends[1], from + 8126 + 14000 + 8000 + 2000);
        from += 500000;
        /* The command of the read leaves first; the flit arrives at 2063. */
        begin(&it, from, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 768, 2048 + 256, &ends[2]);
        begin(&it, from, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", true, 768, 256, &ends[3]);
        run_bench_dry(&it);
        /* Its ninth chunk needs no opening: ready at 16126. */
        ck_assert_uint_eq(ends[2], from + 16126 + 2000);
        ck_assert_uint_eq(ends[3], from + 16126 + 6000 + 14000 + 8000 + 126);
    }
    close_bench(&it);
}
END_TEST

START_TEST(a_read_and_a_write_overlap)
{
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = with_channels(1);
        weft__time ends[2];
        fabric_bench it;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 0, 256, &ends[0]);
        begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", true, 256, 256, &ends[1]);
        run_bench_dry(&it);
        ck_assert_uint_eq(ends[0], 10126);
        /* Its flit leaves behind the command, at 63. */
        ck_assert_uint_eq(ends[1], 63 + 10126);
        close_bench(&it);
    }
}
END_TEST

/* Transfers in the order in which they ended; the first of them begins another when it ends. */
typedef struct sequence {
    const fabric_bench *bench;
    weft__transfer_request again;
    uint64_t offsets[16];
    size_t count;
} sequence;

static void note_order(void *context, const weft__transfer *transfer)
{
    sequence *it = context;
    it->offsets[it->count++] = weft__transfer_get_request(transfer)->offset_bytes;
    if (it->count == 1) {
        it->again.offset_bytes = 999;
        weft__transfer_begin(it->bench->transfers, weft__sim_now(it->bench->sim), &it->again);
    }
}

START_TEST(transfers_wait_for_a_channel_in_the_order_in_which_they_came)
{
    /* Written down in another order than they begin in; the first takes longest. */
    static const struct {
        weft__time time;
        uint64_t offset, bytes;
    } rows[] = {{500, 4, 256}, {0, 1, 8192}, {100, 2, 4096}, {600, 6, 256}, {300, 3, 256}, {500, 5, 2048}};
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = with_channels(1);
        fabric_bench it;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        sequence order = {.bench = &it};
        weft__time unused;
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            weft__transfer_request request =
                request_of(&it, "sip0.cube0.pe1", "sip0.cube0.pe1.hbm", false, rows[i].offset, rows[i].bytes, &unused);
            request.ended = note_order;
            request.context = &order;
            order.again = request;
            weft__transfer_begin(it.transfers, rows[i].time, &request);
        }
        run_bench_dry(&it);
        const uint64_t expected[] = {1, 2, 3, 4, 5, 6, 999};
        ck_assert_uint_eq(order.count, 7);
        for (size_t i = 0; i < 7; i++)
            ck_assert_uint_eq(order.offsets[i], expected[i]);
        close_bench(&it);
    }
}
END_TEST

START_TEST(the_host_has_no_channels_to_wait_for)
{
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = with_channels(1);
        spec.pe.dma.setup_ns = 1000; /* nor any set-up */
        weft__time ends[200];
        fabric_bench it;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        for (uint64_t i = 0; i < 200; i++)
            begin(&it, 0, "host", "sip0.cube0.pe0.hbm", false, 256 * i, 256, &ends[i]);
        run_bench_dry(&it);
        /* Commands come every 125 ps, chunks are ready at 1 ns each, and UCIe takes 2 ns for a flit. */
        for (uint64_t i = 0; i < 200; i++)
            ck_assert_uint_eq(ends[i], COMMAND_IN + 63 + 8000 + 1000 + FLIT_IN + 2000 * i);
        close_bench(&it);
    }
}
END_TEST

/* ---- the way ---- */

typedef struct expected_way {
    const fabric_bench *bench;
    const char *const *names;
    const weft__time *times;
    size_t count;
} expected_way;

static void check_way(void *context, const weft__transfer *transfer)
{
    expected_way *it = context;
    size_t count;
    const weft__transfer_hop *hops = weft__transfer_hops(transfer, &count);
    ck_assert_uint_eq(count, it->count);
    for (size_t i = 0; i < count; i++) {
        char name[WEFT__NODE_NAME_BYTES];
        weft__graph_node_name(it->bench->graph, hops[i].node, name);
        ck_assert_str_eq(name, it->names[i]);
        ck_assert_msg(hops[i].time == weft__transfer_begin_ps(transfer) + it->times[i], "%s at %" PRIu64, name,
                      hops[i].time - weft__transfer_begin_ps(transfer));
    }
    it->count = SIZE_MAX;
}

static void follow(const fabric_bench *it, weft__time time, weft__transfer_request request, const char *const *names,
                   const weft__time *times, size_t count)
{
    expected_way way = {it, names, times, count};
    request.keeps_hops = true;
    request.ended = check_way;
    request.context = &way;
    weft__transfer_begin(it->transfers, time, &request);
    run_bench_dry(it);
    ck_assert_uint_eq(way.count, SIZE_MAX);
}

START_TEST(the_way_is_that_of_the_head_there_and_back)
{
    static const char *const names[] = {"sip0.cube0.pe0.dma", "sip0.cube0.r0c0",    "sip0.cube0.r0c1",
                                        "sip0.cube0.r1c1",    "sip0.cube0.pe1.hbm", "sip0.cube0.r1c1",
                                        "sip0.cube0.r1c0",    "sip0.cube0.r0c0",    "sip0.cube0.pe0.dma"};
    static const weft__time of_read[] = {500, 563, 636, 709, 772, 9772, 10782, 11792, 12792};
    static const weft__time of_write[] = {500, 1500, 2510, 3520, 4520, 14583, 14656, 14729, 14792};
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = tiny();
        spec.pe.dma.setup_ns = 0.5;
        fabric_bench it;
        weft__time end;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        /* Of more flits than one, which come later than the head. */
        weft__transfer_request read = request_of(&it, "sip0.cube0.pe0", "sip0.cube0.pe1.hbm", false, 0, 256 * 5, &end);
        follow(&it, 7000, read, names, of_read, 9);
        /* Three flits: the last arrives at 6520 and is committed at 14520. */
        weft__transfer_request write = request_of(&it, "sip0.cube0.pe0", "sip0.cube0.pe1.hbm", true, 0, 256 * 3, &end);
        follow(&it, 100000, write, names, of_write, 9);
        /* Nothing comes back to the host. */
        static const char *const to_sram[] = {"host",
                                              "switch",
                                              "sip0.io.pcie",
                                              "sip0.io.noc",
                                              "sip0.io.phy0.c0",
                                              "sip0.cube0.ucie.w0",
                                              "sip0.cube0.r0c0",
                                              "sip0.cube0.r1c0",
                                              "sip0.cube0.sram"};
        static const weft__time times[] = {0, 2000, 4000, 4500, 13000, 23000, 25000, 26010, 30010};
        weft__transfer_request posted = request_of(&it, "host", "sip0.cube0.sram", true, 0, 256 * 4, &end);
        follow(&it, 200000, posted, to_sram, times, 9);
        close_bench(&it);
    }
}
END_TEST

/* Times never go back, and both ends are the source's. */
static void check_any_way(void *context, const weft__transfer *transfer)
{
    size_t count;
    const weft__transfer_hop *hops = weft__transfer_hops(transfer, &count);
    const weft__transfer_request *request = weft__transfer_get_request(transfer);
    const weft__graph *graph = weft__fabric_graph((const weft__fabric *)context);
    bool is_posted = request->is_write && graph->nodes[request->source].kind == WEFT__NODE_HOST;
    ck_assert_uint_ge(count, 3);
    ck_assert_uint_eq(hops[0].node, request->source);
    ck_assert_uint_ge(hops[0].time, weft__transfer_begin_ps(transfer));
    ck_assert_uint_eq(hops[count - 1].node, is_posted ? request->target : request->source);
    ck_assert_uint_le(hops[count - 1].time, weft__transfer_end_ps(transfer));
    size_t at_target = 0;
    for (size_t i = 0; i < count; i++) {
        at_target += hops[i].node == request->target;
        if (i)
            ck_assert_uint_gt(hops[i].time, hops[i - 1].time);
    }
    ck_assert_uint_eq(at_target, 1);
}

/* Transfers between any two parts, `count` of them, beginning in the 2 us from `from` on. */
static void begin_many(const fabric_bench *it, uint64_t seed, size_t count, weft__time from,
                       void (*ended)(void *context, const weft__transfer *transfer), void *context)
{
    weft__rng rng;
    weft__rng_init(&rng, seed);
    for (size_t i = 0; i < count;) {
        weft__transfer_request request = {.source = (uint32_t)weft__rng_below(&rng, it->graph->node_count),
                                          .target = (uint32_t)weft__rng_below(&rng, it->graph->node_count),
                                          .offset_bytes = weft__rng_below(&rng, 1 << 20),
                                          .bytes = 1 + weft__rng_below(&rng, 20000),
                                          .is_write = weft__rng_below(&rng, 2),
                                          .keeps_hops = ended != NULL,
                                          .ended = ended,
                                          .context = context};
        weft__node_kind source = it->graph->nodes[request.source].kind, target = it->graph->nodes[request.target].kind;
        weft__time time = from + weft__rng_below(&rng, 2000000);
        if ((source != WEFT__NODE_HOST && source != WEFT__NODE_DMA) || request.source == request.target ||
            (target != WEFT__NODE_HBM && target != WEFT__NODE_SRAM && target != WEFT__NODE_DMA))
            continue;
        weft__transfer_begin(it->transfers, time, &request);
        i++;
    }
}

START_TEST(every_way_goes_forward_from_source_to_source)
{
    weft__machine_spec specs[] = {with_odd_bandwidths(two_sip()), with_odd_bandwidths(tiny())};
    for (size_t i = 0; i < 2; i++) {
        for (int mode = 0; mode < 2; mode++) {
            fabric_bench it;
            open_bench(&it, &specs[i], (weft__flit_mode)mode);
            begin_many(&it, 5 + i, 200, 0, check_any_way, it.fabric);
            run_bench_dry(&it);
            close_bench(&it);
        }
    }
}
END_TEST

/* ---- memory ---- */

/* Runs batches that are alike, long after one another; gives how much the last one allocated, and in `fabric` how much
 * of that the fabric says. */
static uint64_t allocated_by_last(fabric_bench *it, size_t batches, size_t transfers, uint64_t *fabric)
{
    weft__fabric_info info = {0};
    uint64_t before = 0;
    for (size_t batch = 0; batch < batches; batch++) {
        weft__fabric_get_info(it->fabric, &info);
        before = weft_test_allocations();
        begin_many(it, 9, transfers, 1000000000 * (uint64_t)(batch + 1), NULL, NULL);
        if (weft__sim_run(it->sim, WEFT__NEVER, NULL) != WEFT_OK)
            return UINT64_MAX;
    }
    before = weft_test_allocations() - before; /* before any assertion, which allocates too */
    *fabric = info.allocations;
    weft__fabric_get_info(it->fabric, &info);
    *fabric = info.allocations - *fabric;
    return before;
}

START_TEST(in_steady_state_nothing_is_allocated)
{
    weft__machine_spec specs[] = {two_sip(), with_odd_bandwidths(tiny()), with_wide_buffers(two_sip())};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        for (int mode = 0; mode < 2; mode++) {
            /* A transfer for itself uses again what the same one used before. In a crowd a message may be given the
             * memory of one that had fewer runs, so that takes some rounds. */
            static const size_t rounds[][2] = {{2, 1}, {20, 100}};
            for (size_t j = 0; j < 2; j++) {
                fabric_bench it;
                uint64_t fabric;
                open_bench(&it, &specs[i], (weft__flit_mode)mode);
                uint64_t all = allocated_by_last(&it, rounds[j][0], rounds[j][1], &fabric);
                ck_assert_uint_eq(fabric, 0);
                ck_assert_uint_eq(all, 0);
                close_bench(&it);
            }
        }
    }
}
END_TEST

static weft_status run_some(const weft__graph *graph, weft__flit_mode mode)
{
    weft_sim *sim = NULL;
    weft__fabric *fabric = NULL;
    weft__transfers *transfers = NULL;
    weft_status status = weft__sim_create(NULL, &sim, NULL);
    if (status == WEFT_OK)
        status = weft__fabric_create(sim, graph, mode, &fabric, NULL);
    if (status == WEFT_OK)
        status = weft__transfers_create(fabric, &transfers, NULL);
    for (uint32_t i = 0; i < 12 && status == WEFT_OK; i++) {
        static const weft__node_kind targets[] = {WEFT__NODE_HBM, WEFT__NODE_SRAM, WEFT__NODE_DMA};
        weft__node_kind kind = targets[i % 3];
        weft__transfer_request request = {
            .source = i % 4 == 3 ? 0 : weft__graph_node(graph, WEFT__NODE_DMA, 0, 0, i % 2),
            .target = weft__graph_node(graph, kind, 0, 0, kind == WEFT__NODE_SRAM ? 0 : 1 - i % 2),
            .bytes = 40000,
            .offset_bytes = 256 * i,
            .is_write = i / 2 % 2,
            .keeps_hops = true};
        weft__transfer_begin(transfers, 700 * i, &request);
    }
    if (status == WEFT_OK)
        status = weft__sim_run(sim, WEFT__NEVER, NULL);
    weft__sim_destroy(sim);
    weft__transfers_destroy(transfers);
    weft__fabric_destroy(fabric);
    return status;
}

START_TEST(out_of_memory_is_an_error_of_the_run)
{
    weft__machine_spec specs[] = {with_channels(3), with_odd_bandwidths(with_channels(2)),
                                  with_wide_buffers(with_channels(2))};
    for (size_t i = 0; i < 2 * sizeof specs / sizeof specs[0]; i++) {
        weft__graph *graph;
        ck_assert_int_eq(weft__graph_create(&specs[i / 2], &graph, NULL), WEFT_OK);
        for (int lasting = 0; lasting < 2; lasting++) {
            bool failed = true;
            uint64_t n;
            for (n = 0; failed; n++) {
                (lasting ? weft_test_fail_all_allocations_after : weft_test_fail_allocation_after)(n);
                weft_status status = run_some(graph, (weft__flit_mode)(i % 2));
                failed = weft_test_stop_failing();
                ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
            }
            ck_assert_uint_gt(n, 30);
        }
        weft__graph_destroy(graph);
    }
}
END_TEST

WEFT_TEST_MAIN("transfer", one_transfer_takes_what_a_hand_works_out, one_channel_takes_reads_one_after_another,
               two_channels_take_two_reads_at_once, a_transfer_with_a_channel_waits_for_none,
               the_offset_chooses_the_pseudo_channel, transfers_open_pseudo_channels_for_themselves,
               a_read_and_a_write_overlap, transfers_wait_for_a_channel_in_the_order_in_which_they_came,
               the_host_has_no_channels_to_wait_for, the_way_is_that_of_the_head_there_and_back,
               every_way_goes_forward_from_source_to_source, in_steady_state_nothing_is_allocated,
               out_of_memory_is_an_error_of_the_run)
