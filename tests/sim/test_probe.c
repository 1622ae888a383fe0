/* The public half of machines and probes: names, refusals, results, threads, and every allocation failing. */
#include "support/weft_check.h"

#include <pthread.h>

#include "support/failing_malloc.h"
#include "support/probe_test.h"
#include "support/sentence.h"

#define TRACE_PATH "probe_memory.json"

enum {
    THREADS = 4
};

/* ---- machines ---- */

START_TEST(a_machine_tells_what_it_is_made_of)
{
    weft_machine_setting settings[] = {{"cube.hbm.channel_gbs", "64"}, {"name", "other"}, {"pe.tcm_kib", "512"}};
    weft_machine *machine = probe_open("two-sip", settings, 3);
    weft_machine_info info;
    weft_machine_get_info(machine, &info);
    ck_assert_str_eq(info.name, "other");
    ck_assert_uint_eq(info.sips, 2);
    ck_assert_uint_eq(info.cube_rows * info.cube_columns, 16);
    ck_assert_uint_eq(info.router_rows, 6);
    ck_assert_uint_eq(info.router_columns, 6);
    ck_assert_uint_eq(info.routers, 32);
    ck_assert_uint_eq(info.pes, 8);
    ck_assert_uint_eq(info.ucie_connections, 4);
    ck_assert_uint_eq(info.hbm_bytes, (uint64_t)48 << 30);
    ck_assert(info.hbm_gbs == 512);
    ck_assert(info.link_gbs == 256);
    ck_assert(info.ucie_gbs == 128);
    ck_assert_uint_eq(info.tcm_bytes, 512 * 1024);
    ck_assert_uint_eq(info.flit_bytes, 256);
    ck_assert_uint_gt(info.nodes, 2 * 16 * (32 + 3 * 8));
    ck_assert_uint_gt(info.links, 2 * info.nodes);
    weft_machine_close(machine);
    machine = probe_open("mesh-8x8", NULL, 0);
    weft_machine_get_info(machine, &info);
    ck_assert_uint_eq(info.hbm_bytes, 0);
    ck_assert(info.hbm_gbs == 0);
    weft_machine_close(machine);
    weft_machine_close(NULL);
}
END_TEST

START_TEST(a_machine_that_cannot_be_opened_says_why)
{
    weft_error err;
    weft_machine *machine = (weft_machine *)&err;
    const char *path = WEFT_SOURCE_DIR "/machines/tiny.yaml";
    weft_machine_setting unknown = {"cube.link_gb", "1"}, wrong = {"cube.link_gbs", "-1"};
    weft_status status = weft_machine_open("no/such.yaml", NULL, 0, &machine, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_IO, "no/such.yaml", NULL, NULL, NULL);
    ck_assert_ptr_null(machine);
    status = weft_machine_open(path, &unknown, 1, &machine, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_NOT_FOUND, "cube.link_gb'", "cube.link_gbs", NULL, NULL);
    status = weft_machine_open(path, &wrong, 1, &machine, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_ARGUMENT, "cube.link_gbs=-1", NULL, NULL, NULL);
}
END_TEST

START_TEST(keys_and_pictures_can_be_had)
{
    weft_machine_key key;
    size_t count = 0, groups = 0;
    for (; weft_machine_key_at(count, &key); count++) {
        groups += key.is_group;
        ck_assert(strlen(key.help) > 0);
        ck_assert_int_eq(key.is_group, key.expected[0] == '\0');
        if (strcmp(key.path, "cube.link_gbs") == 0) {
            ck_assert_str_eq(key.unit, "GB/s");
            ck_assert_str_eq(key.standard, "256");
        }
    }
    ck_assert_uint_gt(count, 50);
    ck_assert_uint_gt(groups, 5);
    weft_machine *machine = probe_open("tiny", NULL, 0);
    weft_error err;
    char *svg;
    size_t bytes;
    ck_assert_int_eq(weft_machine_draw(machine, NULL, NULL, &svg, &bytes, &err), WEFT_OK);
    ck_assert_uint_eq(strlen(svg), bytes);
    ck_assert_ptr_nonnull(strstr(svg, "</svg>"));
    weft_machine_free_text(svg);
    weft_status status = weft_machine_draw(machine, "cubes", NULL, &svg, &bytes, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_NOT_FOUND, "cubes", NULL, NULL, NULL);
    ck_assert_ptr_null(svg);
    status = weft_machine_draw(machine, NULL, "night", &svg, &bytes, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_NOT_FOUND, "night", NULL, NULL, NULL);
    weft_machine_close(machine);
}
END_TEST

/* ---- flows ---- */

START_TEST(flows_that_cannot_be_are_refused)
{
    static const struct {
        weft_flow flow;
        weft_status status;
        const char *a, *b;
    } rows[] = {
        {{"sip0.cube9.pe0", "sip0.cube0.sram", .bytes = 1}, WEFT_NOT_FOUND, "sip0.cube9", NULL},
        {{"host", "sip0.cube0.dram", .bytes = 1}, WEFT_NOT_FOUND, "sip0.cube0", NULL},
        {{"switch", "sip0.cube0.sram", .bytes = 1}, WEFT_INVALID_ARGUMENT, "'switch'", "source"},
        {{"sip0.cube0.sram", "sip0.cube0.sram", .bytes = 1}, WEFT_INVALID_ARGUMENT, "'sip0.cube0.sram'", "source"},
        {{"host", "sip0.cube0.mcpu", .bytes = 1}, WEFT_INVALID_ARGUMENT, "'sip0.cube0.mcpu'", "no memory"},
        {{"sip0.cube0.pe1", "sip0.cube0.pe1.dma", .bytes = 1}, WEFT_INVALID_ARGUMENT, "sip0.cube0.pe1.dma", "same PE"},
        {{"host", "sip0.cube0.sram", .bytes = 0}, WEFT_INVALID_ARGUMENT, "no bytes", "sip0.cube0.sram"},
        {{"host", "sip0.cube0.sram", .bytes = 1 << 20, .offset_bytes = 1}, WEFT_OUT_OF_RANGE, "1048576", "offset 1"},
        {{"host", "sip0.cube0.sram", .bytes = 1, .offset_bytes = UINT64_MAX},
         WEFT_OUT_OF_RANGE,
         "sip0.cube0.sram",
         NULL},
        {{"host", "sip0.cube0.pe0", .bytes = UINT64_MAX}, WEFT_OUT_OF_RANGE, "1048576", NULL},
        {{"host", "sip0.cube0.pe0", .bytes = 1, .start_ps = UINT64_MAX},
         WEFT_OUT_OF_RANGE,
         "18446744073709551615 ps",
         NULL},
    };
    weft_machine *machine = probe_open("tiny", NULL, 0);
    weft_error err;
    weft_probe_result *result;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        result = (weft_probe_result *)&err;
        weft_flow flows[] = {{"host", "sip0.cube0.sram", .bytes = 1}, rows[i].flow};
        weft_status status = weft_probe_run(machine, flows, 2, NULL, &result, &err);
        WEFT_TEST_ASSERT_FAILS(status, err, rows[i].status, rows[i].a, rows[i].b, NULL, NULL);
        ck_assert_ptr_null(result);
    }
    weft_status status = weft_probe_run(machine, NULL, 0, NULL, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_INVALID_ARGUMENT, "at least one flow", NULL, NULL, NULL);
    weft_machine_close(machine);
    weft_machine_setting huge[] = {{"cube.hbm.gib", "256"}, {"cube.pes", "[[0, 0]]"}};
    machine = probe_open("tiny", huge, 2);
    weft_flow flow = {"host", "sip0.cube0.pe0.hbm", .bytes = (uint64_t)1 << 33};
    status = weft_probe_run(machine, &flow, 1, NULL, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_OUT_OF_RANGE, "8589934592", "4294967296", NULL, NULL);
    weft_machine_close(machine);
    weft_probe_result_destroy(NULL);
}
END_TEST

START_TEST(flows_that_wait_for_one_another_are_a_deadlock)
{
    /* Around the hole of a 3 x 3 mesh, each holds links that the next one needs. */
    weft_machine_setting settings[] = {{"cube.rows", "3"},
                                       {"cube.columns", "3"},
                                       {"cube.holes", "[[1, 1]]"},
                                       {"cube.vcs", "1"},
                                       {"cube.buffer_flits", "2"}};
    weft_machine *machine = probe_open("mesh-8x8", settings, 5);
    weft_flow flows[] = {{"sip0.cube0.pe3", "sip0.cube0.pe4", .bytes = 65536, .is_write = true},
                         {"sip0.cube0.pe6", "sip0.cube0.pe1", .bytes = 65536, .is_write = true},
                         {"sip0.cube0.pe2", "sip0.cube0.pe5", .bytes = 65536, .is_write = true}};
    weft_error err;
    weft_probe_result *result;
    weft_status status = weft_probe_run(machine, flows, 3, NULL, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_DEADLOCK, "Flow 1 of 3", "sip0.cube0.pe4.dma", "3 messages",
                           "sip0.cube0.r2c0");
    ck_assert_ptr_null(result);
    weft_machine_close(machine);
}
END_TEST

static void count_calls(void *user, uint64_t done, uint64_t total)
{
    uint64_t *calls = user;
    calls[0]++;
    ck_assert_uint_eq(done, calls[0]);
    ck_assert_uint_eq(total, calls[1]);
}

START_TEST(results_name_their_flows_and_progress_is_told)
{
    weft_machine *machine = probe_open("tiny", NULL, 0);
    weft_flow flows[] = {{"sip0.cube0.pe1", "sip0.cube0.pe0.hbm", .bytes = 300, .start_ps = 5000},
                         {"host", "sip0.cube0.sram", .bytes = 10, .is_write = true},
                         {"sip0.cube0.pe0", "sip0.cube0.pe1", .bytes = 4096}};
    uint64_t calls[2] = {0, 3};
    weft_probe_options options = {.progress = count_calls, .progress_user = calls};
    weft_probe_result *result;
    ck_assert_int_eq(weft_probe_run(machine, flows, 3, &options, &result, NULL), WEFT_OK);
    ck_assert_uint_eq(calls[0], 3);
    ck_assert_uint_eq(result->flow_count, 3);
    ck_assert_uint_eq(result->bytes, 4406);
    ck_assert_str_eq(result->flows[0].source, "sip0.cube0.pe1.dma");
    ck_assert_str_eq(result->flows[0].target, "sip0.cube0.pe0.hbm");
    ck_assert_uint_eq(result->flows[0].start_ps, 5000);
    ck_assert_uint_eq(result->flows[0].bytes, 300);
    ck_assert(!result->flows[0].is_write && result->flows[1].is_write);
    ck_assert_str_eq(result->flows[2].target, "sip0.cube0.pe1.dma");
    /* A host's write ends at the memory, everything else where it began. */
    const weft_flow_result *write = &result->flows[1], *read = &result->flows[0];
    ck_assert_str_eq(write->hops[write->hop_count - 1].node, "sip0.cube0.sram");
    ck_assert_str_eq(read->hops[read->hop_count - 1].node, "sip0.cube0.pe1.dma");
    ck_assert(write->bottleneck_gbs == 128);
    weft_probe_result_destroy(result);
    weft_machine_close(machine);
    for (int part = 0; part < WEFT_FLOW_PARTS; part++)
        ck_assert(strlen(weft_flow_part_name((weft_flow_part)part)) >= 4);
}
END_TEST

START_TEST(a_launch_starts_everybody_at_once)
{
    weft_machine *machine = probe_open("two-sip", NULL, 0);
    for (size_t mode = 0; mode < PROBE_MODES; mode++) {
        weft_probe_options options = {.flits = probe_modes[mode]};
        weft_launch_result launched;
        ck_assert_int_eq(weft_probe_launch(machine, &options, &launched, NULL), WEFT_OK);
        ck_assert_uint_eq(launched.pes, 256);
        ck_assert_uint_eq(launched.late, 0);
        ck_assert_uint_gt(launched.target_ps, 0);
        ck_assert_uint_eq(launched.first_start_ps, launched.target_ps);
        ck_assert_uint_eq(launched.last_start_ps, launched.target_ps);
        ck_assert_uint_gt(launched.end_ps, launched.target_ps);
    }
    weft_machine_close(machine);
    machine = probe_open("mesh-8x8", NULL, 0);
    weft_error err;
    weft_launch_result launched;
    weft_status status = weft_probe_launch(machine, NULL, &launched, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, "mcpu", NULL, NULL, NULL);
    ck_assert_uint_eq(launched.pes, 0);
    weft_machine_close(machine);
}
END_TEST

/* ---- cases ---- */

START_TEST(cases_have_names_and_what_a_machine_lacks_is_said)
{
    static const struct {
        const char *machine, *name, *fragment;
    } rows[] = {
        {"mesh-8x8", "dma_local", "no HBM"}, {"mesh-8x8", "probe_hops", "no HBM"},
        {"mesh-8x8", "h2d_ge", "no HBM"},    {"mesh-8x8", "launch_spread", "no way"},
        {"tiny", "cross_sip", "2 SIPs"},     {"tiny", "dma_sizes_far", "2 cubes"},
    };
    weft_error err;
    weft_probe_case it, other;
    weft_probe_case_result *result;
    size_t count = 0;
    for (; weft_probe_case_at(count, &it); count++) {
        ck_assert(it.what[strlen(it.what) - 1] == '.');
        for (size_t i = 0; i < count; i++) {
            ck_assert(weft_probe_case_at(i, &other));
            ck_assert_str_ne(it.name, other.name);
        }
    }
    ck_assert_uint_ge(count, 18);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weft_machine *machine = probe_open(rows[i].machine, NULL, 0);
        weft_status status = weft_probe_run_case(machine, rows[i].name, NULL, &result, &err);
        WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, rows[i].fragment, NULL, NULL, NULL);
        ck_assert_ptr_null(result);
        weft_machine_close(machine);
    }
    weft_machine_setting one[] = {{"cube.pes", "[[0, 0]]"}};
    weft_machine *machine = probe_open("tiny", one, 1);
    static const char *const for_two[] = {"dma_neighbour", "dma_two_issuers", "dma_hotspot", "dma_neighbours_all",
                                          "credit"};
    for (size_t i = 0; i < 5; i++) {
        weft_status status = weft_probe_run_case(machine, for_two[i], NULL, &result, &err);
        WEFT_TEST_ASSERT_FAILS(status, err, WEFT_UNSUPPORTED, "2 PEs", NULL, NULL, NULL);
    }
    weft_status status = weft_probe_run_case(machine, "dma_lokal", NULL, &result, &err);
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_NOT_FOUND, "'dma_lokal'", "'dma_local'", NULL, NULL);
    weft_machine_close(machine);
    weft_probe_case_result_destroy(NULL);
}
END_TEST

START_TEST(a_claim_that_does_not_hold_is_told)
{
    weft_machine_setting slow[] = {{"cube.hbm.overhead_ns", "500"}};
    weft_machine *machine = probe_open("two-sip", slow, 1);
    weft_probe_case_result *result = probe_case(machine, "probe_64k", WEFT_FLITS_TRAINS);
    ck_assert(result->has_claim && !result->holds);
    ck_assert_str_eq(result->quantity, "utilisation");
    ck_assert(result->value < 0.9);
    weft_probe_case_result_destroy(result);
    weft_machine_close(machine);
}
END_TEST

/* ---- traffic ---- */

START_TEST(traffic_has_defaults_and_refusals)
{
    static const struct {
        weft_traffic_options options;
        weft_status status;
        const char *fragment;
        bool is_of_machine; /* how long a cycle is decides */
    } rows[] = {
        {{.rate = 0, .packet_flits = 1}, WEFT_INVALID_ARGUMENT, "rate", false},
        {{.rate = 1.5, .packet_flits = 1}, WEFT_INVALID_ARGUMENT, "1.5", false},
        {{.rate = 0.1, .packet_flits = 0}, WEFT_INVALID_ARGUMENT, "0 flits", false},
        {{.rate = 0.1, .packet_flits = (uint64_t)1 << 30}, WEFT_INVALID_ARGUMENT, "1073741824", false},
        {{.rate = 0.1, .packet_flits = 1, .cycles = UINT64_MAX}, WEFT_INVALID_ARGUMENT, "18446744073709551615", true},
        {{.rate = 0.1, .packet_flits = 1, .warmup = UINT64_MAX}, WEFT_INVALID_ARGUMENT, "18446744073709551615", true},
        {{.pattern = "uniformly", .rate = 0.1, .packet_flits = 1}, WEFT_NOT_FOUND, "'uniform'", false},
    };
    weft_machine *machine = probe_open("mesh-8x8", NULL, 0);
    weft_error err;
    weft_traffic_result result;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weft_status status = weft_traffic_run(machine, &rows[i].options, &result, &err);
        WEFT_TEST_ASSERT_FAILS(status, err, rows[i].status, rows[i].fragment, NULL, NULL, NULL);
        if (!rows[i].is_of_machine) {
            status = weft_traffic_check_options(&rows[i].options, &err);
            WEFT_TEST_ASSERT_FAILS(status, err, rows[i].status, rows[i].fragment, NULL, NULL, NULL);
        }
    }
    weft_traffic_options options = {.rate = 0.05, .packet_flits = 2};
    ck_assert_int_eq(weft_traffic_check_options(&options, &err), WEFT_OK);
    ck_assert_int_eq(weft_traffic_run(machine, &options, &result, &err), WEFT_OK);
    ck_assert(result.is_stable);
    ck_assert_uint_gt(result.cycles_run, 21999);
    WEFT_TEST_ASSERT_CLOSE(result.accepted_rate, 0.05, 0, 0.03);
    WEFT_TEST_ASSERT_CLOSE(result.bisection_load, 0.05 * 8 / 4, 0, 0.04);
    ck_assert(result.load_max >= result.bisection_load && result.bisection_load > result.load_mean);
    ck_assert_ptr_nonnull(strstr(result.busiest_link, " to sip0.cube0.r"));
    ck_assert_uint_eq(result.flits_sent, result.flits_arrived);
    weft_machine_close(machine);
}
END_TEST

/* ---- threads ---- */

typedef struct worker {
    pthread_t thread;
    const weft_machine *machine;
    uint64_t hash;
} worker;

static void *work(void *argument)
{
    worker *it = argument;
    weft_probe_case_result *result;
    if (weft_probe_run_case(it->machine, "dma_neighbours_all", NULL, &result, NULL) == WEFT_OK) {
        it->hash = result->runs[0].result->trace_hash;
        weft_probe_case_result_destroy(result);
    }
    return NULL;
}

START_TEST(threads_share_a_machine)
{
    weft_machine *machine = probe_open("two-sip", NULL, 0);
    worker workers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.machine = machine};
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
    ck_assert_uint_ne(workers[0].hash, 0);
    for (size_t i = 1; i < THREADS; i++)
        ck_assert_uint_eq(workers[i].hash, workers[0].hash);
    weft_machine_close(machine);
}
END_TEST

/* ---- out of memory ---- */

static weft_status run_flows(const weft_machine *machine)
{
    weft_flow flows[] = {{"sip0.cube0.pe1", "sip0.cube0.pe0.hbm", .bytes = 3000},
                         {"sip0.cube0.pe0", "sip0.cube0.pe0.hbm", .bytes = 3000, .is_write = true},
                         {"host", "sip0.cube0.sram", .bytes = 1000}};
    weft_probe_options options = {.trace_path = TRACE_PATH};
    weft_probe_result *result;
    weft_status status = weft_probe_run(machine, flows, 3, &options, &result, NULL);
    weft_probe_result_destroy(result);
    return status;
}

static weft_status run_case(const weft_machine *machine, const char *name)
{
    weft_probe_options options = {.trace_path = TRACE_PATH};
    weft_probe_case_result *result;
    weft_status status = weft_probe_run_case(machine, name, &options, &result, NULL);
    weft_probe_case_result_destroy(result);
    return status;
}

static weft_status run_sizes(const weft_machine *machine)
{
    return run_case(machine, "dma_sizes");
}

static weft_status run_hops(const weft_machine *machine)
{
    return run_case(machine, "probe_hops");
}

static weft_status run_credit(const weft_machine *machine)
{
    return run_case(machine, "credit");
}

static weft_status run_launch(const weft_machine *machine)
{
    return run_case(machine, "launch_spread");
}

static weft_status run_traffic(const weft_machine *machine)
{
    weft_traffic_options options = {.rate = 0.3, .packet_flits = 2, .cycles = 60, .trace_path = TRACE_PATH};
    weft_traffic_result result;
    return weft_traffic_run(machine, &options, &result, NULL);
}

static weft_status open_and_draw(const weft_machine *unused)
{
    (void)unused;
    weft_machine_setting setting = {"cube.link_gbs", "128"};
    weft_machine *machine;
    weft_status status = weft_machine_open(WEFT_SOURCE_DIR "/machines/tiny.yaml", &setting, 1, &machine, NULL);
    if (status == WEFT_OK) {
        char *svg;
        size_t bytes;
        status = weft_machine_draw(machine, "pe", "dark", &svg, &bytes, NULL);
        weft_machine_free_text(svg);
    }
    weft_machine_close(machine);
    return status;
}

START_TEST(out_of_memory_is_an_error_everywhere)
{
    static weft_status (*const calls[])(const weft_machine *machine) = {
        run_flows, run_sizes, run_hops, run_credit, run_launch, run_traffic, open_and_draw,
    };
    weft_machine *machine = probe_open("tiny", NULL, 0);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        bool failed = true;
        uint64_t n = 0;
        for (; failed; n++) {
            weft_test_fail_allocation_after(n);
            weft_status status = calls[i](machine);
            failed = weft_test_stop_failing();
            ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "call %zu, allocation %" PRIu64 ": %s", i,
                          n, weft_status_name(status));
        }
        ck_assert_uint_gt(n, 10);
        (void)remove(TRACE_PATH);
    }
    weft_machine_close(machine);
}
END_TEST

WEFT_TEST_MAIN("probe", a_machine_tells_what_it_is_made_of, a_machine_that_cannot_be_opened_says_why,
               keys_and_pictures_can_be_had, flows_that_cannot_be_are_refused,
               flows_that_wait_for_one_another_are_a_deadlock, results_name_their_flows_and_progress_is_told,
               a_launch_starts_everybody_at_once, cases_have_names_and_what_a_machine_lacks_is_said,
               a_claim_that_does_not_hold_is_told, traffic_has_defaults_and_refusals, threads_share_a_machine,
               out_of_memory_is_an_error_everywhere)
