/* Launches: when everybody starts, who starts late, and when the host knows. */
#include "support/weft_check.h"

#include <stdio.h>

#include "base/rng.h"
#include "fabric_bench.h"
#include "sim/fabric/launch.h"
#include "sim/machine/load.h"
#include "support/failing_malloc.h"
#include "support/machine_specs.h"

/* What is to happen in a launch, and what did. */
typedef struct record {
    const fabric_bench *bench;
    const weft__time *work; /* of each PE; NULL: none */
    weft__launch *launch;
    size_t started, ended;
} record;

typedef struct finisher {
    weft__launch *launch;
    size_t index;
} finisher;

static void on_finish(weft_sim *sim, uint64_t argument)
{
    finisher *it = (finisher *)(uintptr_t)argument;
    (void)sim;
    weft__launch_finish(it->launch, it->index);
    free(it);
}

static void on_start(void *context, weft__launch *launch, size_t index)
{
    record *it = context;
    it->started++;
    ck_assert_uint_eq(weft__launch_start_ps(launch, index), weft__sim_now(it->bench->sim));
    if (!it->work) {
        weft__launch_finish(launch, index);
        return;
    }
    finisher *end = malloc(sizeof *end);
    *end = (finisher){launch, index};
    ck_assert_uint_ne(weft__sim_after(it->bench->sim, it->work[index], on_finish, (uintptr_t)end), 0);
}

static void on_end(void *context, weft__launch *launch)
{
    record *it = context;
    it->ended++;
    ck_assert_uint_eq(weft__launch_end_ps(launch), weft__sim_now(it->bench->sim));
}

/* The CPUs of all PEs, in order; the caller frees them. */
static uint32_t *all_cpus(const weft__graph *graph, size_t *count)
{
    uint32_t *cpus = malloc(graph->node_count * sizeof *cpus);
    *count = 0;
    for (uint32_t node = 0; node < graph->node_count; node++)
        if (graph->nodes[node].kind == WEFT__NODE_PE_CPU)
            cpus[(*count)++] = node;
    return cpus;
}

static void launch_on(record *it, weft__time time, const uint32_t *cpus, size_t count)
{
    weft_error err;
    const weft__launch_request request = {cpus, count, on_start, on_end, it, 0};
    WEFT_TEST_ASSERT_OK(weft__launch_begin(it->bench->fabric, time, &request, &it->launch, &err), err);
    ck_assert_uint_eq(weft__launch_end_ps(it->launch), WEFT__NEVER);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(weft__launch_start_ps(it->launch, i), WEFT__NEVER);
}

static void launch_on_all(record *it, weft__time time)
{
    size_t count;
    uint32_t *cpus = all_cpus(it->bench->graph, &count);
    launch_on(it, time, cpus, count);
    free(cpus); /* they were copied */
}

/* ---- the start ---- */

/* tiny, by hand: 16 bytes take 125 ps to the switch, to the PCIe end point and over UCIe, 32 ps inside the IO chiplet
 * and 63 ps in a cube, where a wire between routers takes 10 ps; each end of a crossing adds 8 ns. PE 0 and the command
 * processor are at r0c0, PE 1 at r1c1. */
#define TO_SIP (125 + 125 + 32 + 32)
#define TO_CUBE (32 + 32 + 8000 + 125 + 8000 + 125 + 63)
#define TO_PE1 (63 + 73 + 73 + 63)

START_TEST(the_start_is_when_the_last_pe_can_have_the_command)
{
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = tiny();
        fabric_bench it;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        record one = {.bench = &it};
        launch_on_all(&one, 0);
        /* PE 1 is told second. */
        ck_assert_uint_eq(weft__launch_target_ps(one.launch), TO_SIP + TO_CUBE + 63 + TO_PE1);
        run_bench_dry(&it);
        ck_assert_uint_eq(one.started, 2);
        ck_assert_uint_eq(weft__launch_start_ps(one.launch, 0), TO_SIP + TO_CUBE + 63 + TO_PE1);
        ck_assert_uint_eq(weft__launch_start_ps(one.launch, 1), TO_SIP + TO_CUBE + 63 + TO_PE1);
        weft__launch_destroy(one.launch);
        /* Each PE for itself, later. */
        uint32_t cpus[2] = {node_at(&it, "sip0.cube0.pe0.cpu"), node_at(&it, "sip0.cube0.pe1.cpu")};
        const weft__time targets[] = {1000000 + TO_SIP + TO_CUBE + 126, 2000000 + TO_SIP + TO_CUBE + TO_PE1};
        for (size_t i = 0; i < 2; i++) {
            record alone = {.bench = &it};
            launch_on(&alone, 1000000 * (i + 1), &cpus[i], 1);
            ck_assert_uint_eq(weft__launch_target_ps(alone.launch), targets[i]);
            run_bench_dry(&it);
            ck_assert_uint_eq(weft__launch_start_ps(alone.launch, 0), targets[i]);
            weft__launch_destroy(alone.launch);
        }
        close_bench(&it);
    }
}
END_TEST

/* The IO processor of the SIP needs no message to itself, down or up. */
START_TEST(a_processor_launches_without_the_host)
{
    weft__machine_spec spec = tiny();
    fabric_bench it;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    record one = {.bench = &it};
    uint32_t cpu = node_at(&it, "sip0.cube0.pe0.cpu");
    weft_error err;
    const weft__launch_request request = {&cpu, 1, on_start, on_end, &one, node_at(&it, "sip0.io.cpu")};
    WEFT_TEST_ASSERT_OK(weft__launch_begin(it.fabric, 7000, &request, &one.launch, &err), err);
    run_bench_dry(&it);
    ck_assert_uint_eq(weft__launch_start_ps(one.launch, 0), 7000 + TO_CUBE + 126);
    ck_assert_uint_eq(weft__launch_end_ps(one.launch), 7000 + 2 * (TO_CUBE + 126));
    weft__launch_destroy(one.launch);
    record host = {.bench = &it}; /* to the same PE, and another way */
    launch_on(&host, 100000, &cpu, 1);
    ck_assert_uint_eq(weft__launch_target_ps(host.launch), 100000 + TO_SIP + TO_CUBE + 126);
    run_bench_dry(&it);
    ck_assert_uint_eq(weft__launch_start_ps(host.launch, 0), 100000 + TO_SIP + TO_CUBE + 126);
    ck_assert_uint_eq(weft__launch_end_ps(host.launch), 100000 + 2 * (TO_SIP + TO_CUBE + 126));
    weft__launch_destroy(host.launch);
    close_bench(&it);
}
END_TEST

/* Nothing else is under way: all begin together. Gives the start. */
static weft__time check_no_spread(const weft__machine_spec *spec, const uint32_t *cpus, size_t count)
{
    fabric_bench it;
    open_bench(&it, spec, WEFT__FLITS_TRAINS);
    record one = {.bench = &it};
    if (cpus)
        launch_on(&one, 5000, cpus, count);
    else
        launch_on_all(&one, 5000);
    weft__time target = weft__launch_target_ps(one.launch);
    run_bench_dry(&it);
    ck_assert_uint_ge(one.started, 1);
    ck_assert_uint_eq(one.ended, 1);
    for (size_t i = 0; i < one.started; i++) {
        weft__time start = weft__launch_start_ps(one.launch, i);
        ck_assert_msg(start == target, "%s: PE %zu begins %" PRIu64 " ps late", spec->name, i, start - target);
    }
    weft__launch_destroy(one.launch);
    close_bench(&it);
    return target;
}

/* Ways that are remembered are those that would be found anew, for more sets of PEs than are remembered. */
START_TEST(what_is_known_of_a_way_is_true)
{
    enum {
        SETS = 20
    };
    weft__machine_spec spec = two_sip();
    fabric_bench it;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    size_t all;
    uint32_t *cpus = all_cpus(it.graph, &all);
    weft__time ways[SETS], now = 0;
    weft__rng rng;
    weft__rng_init(&rng, 3);
    for (size_t i = 0; i < SETS; i++)
        ways[i] = check_no_spread(&spec, cpus + 5 * i, 1 + i % 4) - 5000;
    for (int i = 0; i < 100; i++) {
        size_t set = weft__rng_below(&rng, i < 50 ? SETS : 6);
        record one = {.bench = &it};
        launch_on(&one, now, cpus + 5 * set, 1 + set % 4);
        ck_assert_uint_eq(weft__launch_target_ps(one.launch) - now, ways[set]);
        run_bench_dry(&it);
        now = weft__sim_now(it.sim);
        weft__launch_destroy(one.launch);
    }
    free(cpus);
    close_bench(&it);
}
END_TEST

START_TEST(every_overhead_on_the_way_counts)
{
    weft__machine_spec spec = tiny();
    spec.system.sips = 2;
    spec.system.ns_per_mm = 1;
    spec.system.switch_overhead_ns = 100;
    spec.system.link_mm = 2;
    spec.host.link_mm = 3;
    spec.sip.io.pcie_overhead_ns = 50;
    spec.sip.io.noc_overhead_ns = 0.5;
    spec.sip.io.cpu_overhead_ns = 10;
    spec.cube.router_overhead_ns = 1;
    spec.cube.ucie.length_mm = 4;
    spec.cube.mcpu.overhead_ns = 7;
    spec.cube.pitch_mm = 6;
    spec.pe.link_mm = 5;
    spec.pe.cpu_overhead_ns = 2;
    fabric_bench it;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    record one = {.bench = &it};
    launch_on_all(&one, 0);
    uint64_t to_sip = TO_SIP + 3000 + 100000 + 2000 + 50000 + 500 + 10000 + 125; /* the second SIP is told second */
    uint64_t to_cube = TO_CUBE + 500 + 4000 + 1000 + 7000;
    uint64_t to_pe1 = 63 + 1000 + 63 + 7000 + 63 + 7000 + 63 + 5000 + 2000 + 63;
    ck_assert_uint_eq(weft__launch_target_ps(one.launch), to_sip + to_cube + to_pe1);
    run_bench_dry(&it);
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(weft__launch_start_ps(one.launch, i), to_sip + to_cube + to_pe1);
    weft__launch_destroy(one.launch);
    close_bench(&it);
}
END_TEST

START_TEST(nobody_is_late_on_the_machines_shipped)
{
    weft__machine_spec specs[] = {tiny(), two_sip(), six_sip_torus()};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        (void)check_no_spread(&specs[i], NULL, 0);
    static const char *const files[] = {"tiny", "two-sip", "six-sip-torus"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[512];
        weft_error err;
        weft__machine_spec *spec;
        (void)snprintf(path, sizeof path, "%s/machines/%s.yaml", WEFT_SOURCE_DIR, files[i]);
        WEFT_TEST_ASSERT_OK(weft__machine_load(path, NULL, 0, &spec, &err), err);
        (void)check_no_spread(spec, NULL, 0);
        weft__machine_spec_destroy(spec);
    }
}
END_TEST

START_TEST(some_pes_start_as_late_as_the_last_of_them)
{
    weft__machine_spec spec = two_sip();
    weft__graph *graph;
    ck_assert_int_eq(weft__graph_create(&spec, &graph, NULL), WEFT_OK);
    size_t count;
    uint32_t *cpus = all_cpus(graph, &count);
    ck_assert_uint_eq(count, 256);
    weft__time all = check_no_spread(&spec, cpus, count);
    weft__time last = 0;
    weft__rng rng;
    weft__rng_init(&rng, 8);
    for (int round = 0; round < 40; round++) {
        uint32_t some[256];
        size_t chosen = 0;
        uint64_t share = 1 + weft__rng_below(&rng, 60);
        for (size_t i = 0; i < count; i++)
            if (weft__rng_below(&rng, share) == 0)
                some[chosen++] = cpus[i];
        if (chosen == 0)
            continue;
        weft__time target = check_no_spread(&spec, some, chosen);
        ck_assert_uint_le(target, all);
        last = target > last ? target : last;
    }
    /* The nearest PE alone need not wait for the farthest. */
    ck_assert_uint_lt(check_no_spread(&spec, cpus, 1), last);
    free(cpus);
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(commands_in_the_way_of_others_make_nobody_late)
{
    /* A row of cubes: what goes to the PEs of the first ones crosses what goes to the last. */
    for (uint32_t cubes = 2; cubes <= 15; cubes++) {
        weft__machine_spec spec = mesh(1);
        spec.system.ns_per_mm = 0;
        spec.sip = (weft__sip_spec){1, cubes, {.side = WEFT__WEST, .link_gbs = 256}};
        spec.cube.columns = 2;
        spec.cube.ucie.gbs = spec.host.link_gbs = spec.system.link_gbs = 256;
        spec.cube.ucie.overhead_ns = 0;
        (void)check_no_spread(&spec, NULL, 0);
    }
}
END_TEST

START_TEST(nobody_is_late_on_idle_machines_of_many_shapes)
{
    weft__rng rng;
    weft__rng_init(&rng, 77);
    size_t checked = 0;
    for (int round = 0; round < 300; round++) {
        weft__machine_spec spec = mesh(1);
        static const double bandwidths[] = {64, 100.3, 128, 256, 512};
        static const double overheads[] = {0, 0, 0.3, 1, 8};
        spec.system.sips = 1 + (uint32_t)weft__rng_below(&rng, 3);
        spec.sip.rows = 1 + (uint32_t)weft__rng_below(&rng, 4);
        spec.sip.columns = 1 + (uint32_t)weft__rng_below(&rng, 4);
        spec.sip.io.side = (weft__side)weft__rng_below(&rng, 4);
        spec.sip.io.link_gbs = bandwidths[weft__rng_below(&rng, 5)];
        spec.system.link_gbs = bandwidths[weft__rng_below(&rng, 5)];
        spec.cube.rows = 1 + (uint32_t)weft__rng_below(&rng, 4);
        spec.cube.columns = 1 + (uint32_t)weft__rng_below(&rng, 4);
        spec.cube.link_gbs = bandwidths[weft__rng_below(&rng, 5)];
        spec.cube.router_overhead_ns = overheads[weft__rng_below(&rng, 5)];
        spec.cube.ucie.gbs = bandwidths[weft__rng_below(&rng, 5)];
        spec.cube.ucie.overhead_ns = overheads[weft__rng_below(&rng, 5)];
        spec.cube.mcpu.overhead_ns = overheads[weft__rng_below(&rng, 5)];
        spec.cube.mcpu.at = (weft__place){(uint32_t)weft__rng_below(&rng, spec.cube.rows),
                                          (uint32_t)weft__rng_below(&rng, spec.cube.columns)};
        spec.pe.link_gbs = bandwidths[weft__rng_below(&rng, 5)];
        (void)check_no_spread(&spec, NULL, 0);
        checked++;
    }
    ck_assert_uint_eq(checked, 300);
}
END_TEST

/* ---- who is late ---- */

/* Bulk data from one part to another, from time 0 on. */
static void write_bulk(const fabric_bench *it, const char *source, const char *target, uint64_t bytes)
{
    const weft__transfer_request request = {
        .source = node_at(it, source), .target = node_at(it, target), .bytes = bytes, .is_write = true};
    weft__transfer_begin(it->transfers, 0, &request);
}

START_TEST(data_before_the_command_makes_everybody_late)
{
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = tiny();
        fabric_bench it;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        record one = {.bench = &it};
        write_bulk(&it, "host", "sip0.cube0.pe0.hbm", 1 << 20);
        launch_on_all(&one, 10);
        run_bench_dry(&it);
        ck_assert_uint_eq(weft__launch_target_ps(one.launch), 10 + TO_SIP + TO_CUBE + 63 + TO_PE1);
        /* 4096 flits of 2 ns leave the host first, and the last of them is always in the way: the command goes behind
         * it to the switch, from there at 8194000, into the chiplet at 8194500; after the processor of the chiplet to
         * the phy at 8195000, over UCIe at 8205000, into the cube at 8215000. */
        weft__time in_cube = 8215000 + 125 + 63;
        ck_assert_uint_eq(weft__launch_start_ps(one.launch, 0), in_cube + 126);
        ck_assert_uint_eq(weft__launch_start_ps(one.launch, 1), in_cube + 63 + TO_PE1);
        weft__launch_destroy(one.launch);
        close_bench(&it);
    }
}
END_TEST

START_TEST(data_on_the_way_of_one_pe_make_that_one_late)
{
    for (int mode = 0; mode < 2; mode++) {
        weft__machine_spec spec = tiny();
        fabric_bench it;
        open_bench(&it, &spec, (weft__flit_mode)mode);
        record one = {.bench = &it};
        write_bulk(&it, "sip0.cube0.pe0", "sip0.cube0.pe1", 1 << 16);
        launch_on_all(&one, 0);
        run_bench_dry(&it);
        ck_assert_uint_eq(weft__launch_start_ps(one.launch, 0), TO_SIP + TO_CUBE + 63 + TO_PE1);
        /* The command for PE 1 is at r0c0 at 16817, where a flit leaves at every full ns. It goes at 17000 and is at
         * r0c1 at 17073, where flits leave 10 ps past every full ns: at 18010, to r1c1 at 18083. */
        ck_assert_uint_eq(weft__launch_start_ps(one.launch, 1), 18083 + 63);
        weft__launch_destroy(one.launch);
        close_bench(&it);
    }
}
END_TEST

/* ---- the end ---- */

START_TEST(the_host_knows_when_the_last_answer_has_come)
{
    static const weft__time works[][2] = {{0, 0}, {0, 5000}, {5000, 0}, {100, 100}, {1000000, 3}};
    for (int mode = 0; mode < 2; mode++) {
        for (size_t row = 0; row < sizeof works / sizeof works[0]; row++) {
            weft__machine_spec spec = tiny();
            fabric_bench it;
            open_bench(&it, &spec, (weft__flit_mode)mode);
            record one = {.bench = &it, .work = works[row]};
            launch_on_all(&one, 0);
            run_bench_dry(&it);
            weft__time start = weft__launch_target_ps(one.launch);
            /* The answers of the PEs: r1c1 r1c0 r0c0. They meet at r0c0, on the link to the command processor, unless
             * 63 ps or more lie between them. */
            weft__time near = start + works[row][0] + 63, far = start + works[row][1] + 63 + 73 + 73;
            weft__time first = near < far ? near : far, second = near < far ? far : near;
            if (second < first + 63)
                second = first + 63;
            ck_assert_uint_eq(one.ended, 1);
            ck_assert_uint_eq(weft__launch_end_ps(one.launch), second + 63 + TO_CUBE + TO_SIP);
            weft__launch_destroy(one.launch);
            close_bench(&it);
        }
    }
}
END_TEST

START_TEST(a_pe_that_never_ends_keeps_the_host_waiting)
{
    weft__machine_spec spec = two_sip();
    fabric_bench it;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    weft__time works[256];
    for (size_t i = 0; i < 256; i++)
        works[i] = 1000 * (i * 37 % 256);
    works[200] = (weft__time)1 << 40;
    record one = {.bench = &it, .work = works};
    launch_on_all(&one, 0);
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft__sim_run(it.sim, (weft__time)1 << 40, &err), err);
    ck_assert_uint_eq(one.started, 256);
    ck_assert_uint_eq(one.ended, 0);
    ck_assert_uint_eq(weft__launch_end_ps(one.launch), WEFT__NEVER);
    run_bench_dry(&it);
    ck_assert_uint_eq(one.ended, 1);
    ck_assert_uint_gt(weft__launch_end_ps(one.launch), weft__launch_target_ps(one.launch) + ((weft__time)1 << 40));
    weft__launch_destroy(one.launch);
    close_bench(&it);
}
END_TEST

/* ---- refusals and memory ---- */

START_TEST(a_machine_without_a_way_is_refused)
{
    weft__machine_spec spec = tiny();
    spec.cube.ucie.connections = 0; /* the cube stands alone, and so do its PEs */
    fabric_bench it;
    open_bench(&it, &spec, WEFT__FLITS_TRAINS);
    uint32_t cpu = node_at(&it, "sip0.cube0.pe1.cpu");
    record one = {.bench = &it};
    const weft__launch_request request = {&cpu, 1, on_start, on_end, &one, 0};
    weft__launch *launch = (weft__launch *)&one;
    weft_error err;
    ck_assert_int_eq(weft__launch_begin(it.fabric, 0, &request, &launch, &err), WEFT_UNSUPPORTED);
    ck_assert_ptr_null(launch);
    ck_assert_msg(strstr(err.message, "sip0.io.cpu") && strstr(err.message, "sip0.cube0.mcpu"), "%s", err.message);
    run_bench_dry(&it);
    ck_assert_uint_eq(one.started, 0);
    close_bench(&it);
    weft__launch_destroy(NULL);
}
END_TEST

static void finish_at_once(void *context, weft__launch *launch, size_t index)
{
    ++*(size_t *)context;
    weft__launch_finish(launch, index);
}

static weft_status run_one(const weft__graph *graph, const uint32_t *cpus, size_t count, size_t *started)
{
    weft_sim *sim = NULL;
    weft__fabric *fabric = NULL;
    weft__launch *launch = NULL;
    const weft__launch_request request = {cpus, count, finish_at_once, NULL, started, 0};
    weft_status status = weft__sim_create(NULL, &sim, NULL);
    if (status == WEFT_OK)
        status = weft__fabric_create(sim, graph, WEFT__FLITS_TRAINS, &fabric, NULL);
    if (status == WEFT_OK)
        status = weft__launch_begin(fabric, 0, &request, &launch, NULL);
    if (status == WEFT_OK)
        status = weft__sim_run(sim, WEFT__NEVER, NULL);
    weft__sim_destroy(sim);
    weft__launch_destroy(launch);
    weft__fabric_destroy(fabric);
    return status;
}

START_TEST(out_of_memory_is_an_error)
{
    weft__machine_spec spec = tiny();
    spec.system.sips = 2;
    weft__graph *graph;
    ck_assert_int_eq(weft__graph_create(&spec, &graph, NULL), WEFT_OK);
    size_t count;
    uint32_t *cpus = all_cpus(graph, &count);
    bool failed = true;
    uint64_t n;
    for (n = 0; failed; n++) {
        size_t started = 0;
        weft_test_fail_allocation_after(n);
        weft_status status = run_one(graph, cpus, count, &started);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert_uint_eq(started, failed ? started : count);
    }
    ck_assert_uint_gt(n, 20);
    free(cpus);
    weft__graph_destroy(graph);
}
END_TEST

WEFT_TEST_MAIN("launch", the_start_is_when_the_last_pe_can_have_the_command, a_processor_launches_without_the_host,
               what_is_known_of_a_way_is_true, every_overhead_on_the_way_counts, nobody_is_late_on_the_machines_shipped,
               some_pes_start_as_late_as_the_last_of_them, commands_in_the_way_of_others_make_nobody_late,
               nobody_is_late_on_idle_machines_of_many_shapes, data_before_the_command_makes_everybody_late,
               data_on_the_way_of_one_pe_make_that_one_late, the_host_knows_when_the_last_answer_has_come,
               a_pe_that_never_ends_keeps_the_host_waiting, a_machine_without_a_way_is_refused,
               out_of_memory_is_an_error)
