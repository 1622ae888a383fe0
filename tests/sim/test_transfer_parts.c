/* The parts of a transfer: their names, and their sum, which is the time of one that nobody disturbs, on many machines
 * and up to the largest transfers and the slowest and fastest links. */
#include "support/weft_check.h"

#include <stdio.h>

#include "fabric_bench.h"
#include "support/machine_specs.h"

START_TEST(the_parts_are_named_for_where_the_time_goes)
{
    weft__machine_spec spec = tiny();
    spec.system.ns_per_mm = 0.1; /* a wire between routers: 0.1 ns */
    spec.cube.router_overhead_ns = 1;
    spec.cube.hbm.overhead_ns = 0.25;
    spec.pe.link_mm = 5; /* 0.5 ns */
    spec.pe.dma.setup_ns = 0.75;
    spec.sip.io.noc_overhead_ns = 0.5;
    spec.sip.io.pcie_overhead_ns = 50;
    spec.system.switch_overhead_ns = 100;
    spec.host.link_mm = 100; /* 10 ns */
    fabric_bench it;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    weft__time end;
    uint64_t parts[WEFT__PARTS];
    /* r0c0 r0c1 r1c1 and back; 3 flits that come with their chunks and go one behind another. */
    weft__transfer_request read = request_of(&it, "sip0.cube0.pe0", "sip0.cube0.pe1.hbm", false, 0, 3 * 256, &end);
    weft__transfer_parts(it.transfers, &read, parts);
    const uint64_t of_read[WEFT__PARTS] = {[WEFT__PART_SETUP] = 750,
                                           [WEFT__PART_ROUTERS] = 6000,
                                           [WEFT__PART_UCIE] = 0,
                                           [WEFT__PART_WIRE] = 2 * (500 + 100 + 100),
                                           [WEFT__PART_STREAMING] = 4 * 63 + 4000 + 2000,
                                           [WEFT__PART_MEMORY] = 250 + 8000,
                                           [WEFT__PART_QUEUEING] = 0};
    for (size_t i = 0; i < WEFT__PARTS; i++)
        ck_assert_msg(parts[i] == of_read[i], "part %zu of a read is %" PRIu64 ", not %" PRIu64, i, parts[i],
                      of_read[i]);
    /* Switch, PCIe end point, network node; phy and UCIe connection; router. The second flit leaves the router 1 ns
     * after the first. */
    weft__transfer_request write = request_of(&it, "host", "sip0.cube0.pe0.hbm", true, 0, 2 * 256, &end);
    weft__transfer_parts(it.transfers, &write, parts);
    const uint64_t of_write[WEFT__PARTS] = {[WEFT__PART_SETUP] = 0,
                                            [WEFT__PART_ROUTERS] = 100000 + 50000 + 500 + 1000,
                                            [WEFT__PART_UCIE] = 16000,
                                            [WEFT__PART_WIRE] = 10000,
                                            [WEFT__PART_STREAMING] = 5 * 2000 - 2000 + 2 * 500 + 1000 + 1000,
                                            [WEFT__PART_MEMORY] = 250 + 8000,
                                            [WEFT__PART_QUEUEING] = 0};
    for (size_t i = 0; i < WEFT__PARTS; i++)
        ck_assert_msg(parts[i] == of_write[i], "part %zu of a write is %" PRIu64 ", not %" PRIu64, i, parts[i],
                      of_write[i]);
    close_bench(&it);
}
END_TEST

/* ---- the closed form ---- */

static weft__machine_spec with_hbm(weft__machine_spec spec, uint32_t channels, double channel_gbs, double link_gbs)
{
    spec.cube.hbm.channels = channels;
    spec.cube.hbm.channel_gbs = channel_gbs;
    spec.cube.hbm.link_gbs = link_gbs;
    return spec;
}

static weft__machine_spec with_bytes(weft__machine_spec spec, uint32_t flit, uint32_t command)
{
    spec.system.flit_bytes = flit;
    spec.system.command_bytes = command;
    return spec;
}

static void check_parts(const fabric_bench *it, const char *source, const char *target, bool is_write, uint64_t offset,
                        uint64_t bytes)
{
    uint64_t parts[WEFT__PARTS], sum = 0;
    weft__time end, from = weft__sim_now(it->sim) + 1000000; /* HBM has been idle for long */
    weft__transfer_request request = request_of(it, source, target, is_write, offset, bytes, &end);
    weft__transfer_parts(it->transfers, &request, parts);
    for (size_t i = 0; i < WEFT__PARTS; i++)
        sum += parts[i];
    weft__transfer_begin(it->transfers, from, &request);
    run_bench_dry(it);
    ck_assert_uint_eq(parts[WEFT__PART_QUEUEING], 0);
    ck_assert_msg(end - from == sum,
                  "%s, %s %s %s %s, %" PRIu64 " bytes at %" PRIu64 ": %" PRIu64 " ps, by its parts %" PRIu64,
                  it->graph->spec->name, source, is_write ? "to" : "from", target,
                  weft__fabric_has_trains(it->fabric) ? "in trains" : "flit by flit", bytes, offset, end - from, sum);
}

static void check_machine(const weft__machine_spec *spec, weft__flit_mode mode)
{
    static const char *const sources[] = {"host", "sip0.cube0.pe0", "sip0.cube15.pe6", "sip1.cube5.pe3"};
    static const char *const targets[] = {"sip0.cube0.pe0.hbm", "sip0.cube0.pe1.hbm", "sip0.cube10.pe7.hbm",
                                          "sip1.cube5.pe3.hbm", "sip0.cube0.sram",    "sip1.cube15.sram",
                                          "sip0.cube0.pe1",     "sip1.cube9.pe7"};
    fabric_bench it;
    open_bench(&it, spec, mode);
    uint64_t flit = spec->system.flit_bytes, burst = flit * spec->cube.hbm.channels;
    const uint64_t sizes[] = {1, flit, flit + 1, burst - 1, burst, burst + 1, 3 * burst + 5 * flit, 100 * flit};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        for (size_t j = 0; j < sizeof targets / sizeof targets[0]; j++) {
            uint32_t node;
            if (weft__graph_find(it.graph, sources[i], &node, NULL) != WEFT_OK ||
                weft__graph_find(it.graph, targets[j], &node, NULL) != WEFT_OK)
                continue;
            for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
                check_parts(&it, sources[i], targets[j], false, k % 2 ? 0 : 3 * flit + 7, sizes[k]);
                check_parts(&it, sources[i], targets[j], true, k % 2 ? 5 * flit : 0, sizes[k]);
            }
        }
    }
    close_bench(&it);
}

START_TEST(the_parts_of_an_undisturbed_transfer_are_its_time)
{
    const weft__machine_spec specs[] = {
        tiny(),
        two_sip(),
        with_odd_bandwidths(tiny()),
        with_odd_bandwidths(two_sip()),
        with_odd_bandwidths(six_sip_torus()),
        with_hbm(two_sip(), 2, 10, 256),      /* much slower than any link */
        with_hbm(two_sip(), 1, 3.7, 30),      /* one channel, and a slow link to it */
        with_hbm(two_sip(), 64, 400.1, 1000), /* much faster */
        with_hbm(two_sip(), 8, 32.0001, 256), /* nearly as fast */
        with_bytes(two_sip(), 64, 16),
        with_bytes(with_odd_bandwidths(two_sip()), 64, 16),
        with_bytes(with_odd_bandwidths(tiny()), 8, 4096), /* a command larger than a burst */
        with_bytes(tiny(), 4096, 1),
    };
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        check_machine(&specs[i], WEFT__FLITS_TRAINS);
        check_machine(&specs[i], WEFT__FLITS_EACH);
    }
    weft__machine_spec buffered[] = {with_wide_buffers(two_sip()), with_wide_buffers(with_odd_bandwidths(two_sip()))};
    for (size_t i = 0; i < 2; i++)
        check_machine(&buffered[i], WEFT__FLITS_TRAINS);
}
END_TEST

START_TEST(the_slowest_and_the_fastest_links_there_can_be)
{
    /* 256 bytes at 1 MB/s are 256 us; at 10^6 GB/s they are less than a picosecond, which is rounded up. */
    weft__machine_spec slow = tiny(), fast = tiny();
    slow.cube.link_gbs = slow.pe.link_gbs = slow.cube.hbm.link_gbs = slow.cube.hbm.channel_gbs = 0.001;
    fast.cube.link_gbs = fast.pe.link_gbs = fast.cube.hbm.link_gbs = fast.cube.hbm.channel_gbs = 1e6;
    fast.cube.pitch_mm = 0;
    for (int mode = 0; mode < 2; mode++) {
        check_machine(&slow, (weft__flit_mode)mode);
        check_machine(&fast, (weft__flit_mode)mode);
    }
    weft__time end;
    fabric_bench it;
    open_bench(&it, &fast, WEFT__FLITS_TRAINS);
    begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe0.hbm", false, 0, 2560, &end);
    run_bench_dry(&it);
    ck_assert_uint_eq(end, 1 + 1 + 1 + 10 - 1 + 2);
    close_bench(&it);
}
END_TEST

START_TEST(fast_links_in_a_ring_do_not_nest_questions)
{
    /* 131072 flits of 1 ps on every link, from each SIP to the next but one: each link of the ring carries two streams
     * that come over one another's links. */
    weft__machine_spec spec = tiny();
    spec.system = (weft__system_spec){.sips = 5, .fabric = WEFT__SIPS_RING, .flit_bytes = 8, .command_bytes = 1};
    spec.cube.ucie.overhead_ns = 0;
    spec.system.link_gbs = spec.sip.io.link_gbs = spec.cube.link_gbs = spec.cube.ucie.gbs = spec.pe.link_gbs = 1e5;
    fabric_bench it;
    weft__time ends[5];
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    for (uint32_t sip = 0; sip < 5; sip++) {
        char source[32], target[32];
        (void)snprintf(source, sizeof source, "sip%u.cube0.pe0", sip);
        (void)snprintf(target, sizeof target, "sip%u.cube0.pe1", (sip + 2) % 5);
        begin(&it, 0, source, target, true, 0, 1 << 20, &ends[sip]);
    }
    run_bench_dry(&it);
    for (uint32_t sip = 0; sip < 5; sip++) {
        ck_assert_uint_gt(ends[sip], 2 * 131072);
        ck_assert_uint_lt(ends[sip], 2 * 131072 + 100);
    }
    close_bench(&it);
}
END_TEST

START_TEST(a_transfer_may_be_very_large)
{
    /* 2^28 flits of 256 bytes, at 1 ns each behind the first; 2^40 bytes at 64 MB/s take more than 4 hours. */
    weft__machine_spec spec = tiny();
    weft__time end;
    fabric_bench it;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    begin(&it, 0, "sip0.cube0.pe0", "sip0.cube0.pe1", true, 0, (uint64_t)1 << 36, &end);
    run_bench_dry(&it);
    ck_assert_uint_eq(end, 4020 + (((uint64_t)1 << 28) - 1) * 1000 + 272);
    weft__transfer_request request =
        request_of(&it, "sip0.cube0.pe0", "sip0.cube0.pe1", true, 0, (uint64_t)1 << 40, &end);
    uint64_t parts[WEFT__PARTS];
    weft__transfer_parts(it.transfers, &request, parts);
    ck_assert_uint_eq(parts[WEFT__PART_STREAMING], 4000 + 252 + (((uint64_t)1 << 32) - 1) * 1000);
    close_bench(&it);
    spec.cube.link_gbs = 0.001;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    weft__transfer_parts(it.transfers, &request, parts);
    /* 256 us for a flit and 16 us for a command on two links, 1 ns and 63 ps on the two others. */
    ck_assert_uint_eq(parts[WEFT__PART_STREAMING],
                      2 * (256000000 + 16000000 + 1000 + 63) + (((uint64_t)1 << 32) - 1) * 256000000);
    close_bench(&it);
}
END_TEST

WEFT_TEST_MAIN("transfer_parts", the_parts_are_named_for_where_the_time_goes,
               the_parts_of_an_undisturbed_transfer_are_its_time, the_slowest_and_the_fastest_links_there_can_be,
               fast_links_in_a_ring_do_not_nest_questions, a_transfer_may_be_very_large)
