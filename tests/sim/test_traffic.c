/* Synthetic traffic: the loads that analysis predicts, the latencies that a cycle-accurate simulator measured, and the
 * same results for trains and for single flits. */
#include "support/weft_check.h"

#include "sim/probe/traffic.h"
#include "support/failing_malloc.h"
#include "support/machine_specs.h"

/* A cycle is 1 ns: 4 cycles a hop, 6 for the ends. */
static weft__machine_spec network(uint32_t k)
{
    weft__machine_spec spec = mesh(k);
    spec.system.ns_per_mm = 1;
    spec.cube.pitch_mm = 2;
    spec.cube.router_overhead_ns = 1;
    spec.pe.link_mm = 1.5;
    return spec;
}

static weft__traffic_result measure(const weft__machine_spec *spec, const weft__traffic_options *options)
{
    weft_error err;
    weft__graph *graph;
    weft__traffic_result result;
    ck_assert_msg(weft__graph_create(spec, &graph, &err) == WEFT_OK, "%s", err.message);
    ck_assert_msg(weft__traffic_run(graph, options, &result, &err) == WEFT_OK, "%s", err.message);
    weft__graph_destroy(graph);
    return result;
}

static void expect_equal_numbers(const weft__traffic_result *a, const weft__traffic_result *b)
{
    ck_assert_uint_eq(a->packets, b->packets);
    ck_assert(a->latency_mean == b->latency_mean);
    ck_assert(a->latency_median == b->latency_median);
    ck_assert(a->latency_p99 == b->latency_p99);
    ck_assert(a->latency_max == b->latency_max);
    ck_assert(a->hops_mean == b->hops_mean);
    ck_assert(a->accepted_rate == b->accepted_rate);
    ck_assert_uint_eq(a->flits_sent, b->flits_sent);
    ck_assert_uint_eq(a->flits_arrived, b->flits_arrived);
}

START_TEST(trains_equal_flits_in_every_pattern)
{
    weft__machine_spec spec = network(8);
    for (unsigned pattern = 0; pattern < WEFT__TRAFFIC_PATTERNS; pattern++) {
        for (uint32_t outstanding = 0; outstanding <= 3; outstanding += 3) {
            weft__traffic_options options = {.pattern = (weft__traffic_pattern)pattern,
                                             .rate = outstanding || pattern == WEFT__TRAFFIC_HOTSPOT ? 0.03 : 0.15,
                                             .packet_flits = 1 + 5 * (pattern % 3),
                                             .warmup = 300,
                                             .cycles = 3000,
                                             .seed = pattern,
                                             .outstanding = outstanding};
            weft__traffic_result trains = measure(&spec, &options);
            options.mode = WEFT__FLITS_EACH;
            weft__traffic_result each = measure(&spec, &options);
            ck_assert_msg(trains.is_stable, "%s, %u outstanding, is not stable",
                          weft__traffic_pattern_name(options.pattern), outstanding);
            ck_assert_uint_gt(trains.packets, 100);
            expect_equal_numbers(&trains, &each);
            free(trains.loads);
            free(each.loads);
        }
    }
}
END_TEST

START_TEST(flits_are_conserved_and_loads_are_those_of_analysis)
{
    static const uint32_t sides[] = {4, 8, 16};
    for (size_t i = 0; i < 3; i++) {
        weft__machine_spec spec = network(sides[i]);
        weft_error err;
        weft__graph *graph;
        weft__traffic_result result;
        double rate = 0.4 / sides[i];
        weft__traffic_options options = {.rate = rate, .packet_flits = 4, .warmup = 1000, .cycles = 60000, .seed = 3};
        ck_assert_int_eq(weft__graph_create(&spec, &graph, &err), WEFT_OK);
        ck_assert_int_eq(weft__traffic_run(graph, &options, &result, &err), WEFT_OK);
        ck_assert(result.is_stable);
        ck_assert_uint_eq(result.flits_sent, result.flits_arrived);
        double crossing = 0, links = 0;
        for (uint32_t link = 0; link < graph->link_count; link++) {
            const weft__node *from = &graph->nodes[graph->links[link].from], *to = &graph->nodes[graph->links[link].to];
            if (from->kind != WEFT__NODE_ROUTER || to->kind != WEFT__NODE_ROUTER)
                continue;
            uint32_t half = sides[i] / 2;
            if (from->column / half != to->column / half || from->row / half != to->row / half) {
                crossing += result.loads[link];
                links++;
            }
        }
        ck_assert_msg(weft_test_close(crossing / links, rate * sides[i] / 4, 0, 0.02),
                      "side %u: the middle carries %.4f flits for each cycle, expected %.4f", sides[i],
                      crossing / links, rate * sides[i] / 4);
        ck_assert_msg(weft_test_close(result.accepted_rate, rate, 0, 0.02), "accepted %.4f of %.4f",
                      result.accepted_rate, rate);
        ck_assert_msg(weft_test_close(result.hops_mean, 2 * (sides[i] * sides[i] - 1) / (3.0 * sides[i]), 0, 0.02),
                      "side %u: %.3f hops", sides[i], result.hops_mean);
        free(result.loads);
        weft__graph_destroy(graph);
    }
}
END_TEST

/* Measured with BookSim2 on an 8 x 8 mesh: mean packet latency in cycles at 0.10, 0.20 and 0.30 flits for each node and
 * cycle; 0 where that was unstable. The bounds are 3, 5 and 10 %. */
static const struct {
    const char *name;
    uint64_t packet_flits;
    uint32_t vcs;
    bool tail_credit;
    uint32_t input_speedup;
    double latencies[3];
} published[] = {
    {"1 flit, 8 channels", 1, 8, false, 1, {27.23, 27.89, 29.38}},
    {"1 flit, 8 channels, tail credit", 1, 8, true, 2, {27.21, 27.76, 29.32}},
    {"4 flits, 4 channels", 4, 4, false, 1, {31.06, 33.84, 40.46}},
    {"4 flits, 1 channel", 4, 1, false, 1, {31.72, 39.31, 0}},
    {"20 flits, 8 channels, tail credit", 20, 8, true, 2, {54.79, 70.83, 100.8}},
};

START_TEST(latencies_under_load_are_those_of_a_cycle_accurate_simulator)
{
    static const double rates[] = {0.10, 0.20, 0.30}, bounds[] = {0.03, 0.05, 0.10};
    for (size_t row = 0; row < sizeof published / sizeof published[0]; row++) {
        weft__machine_spec spec = network(8);
        spec.cube.flow = (weft__flow_control){.buffer_flits = 8,
                                              .vcs = published[row].vcs,
                                              .arbitration = WEFT__ARBITRATE_ROUND_ROBIN,
                                              .credit_ns = 2,
                                              .vc_ns = 1,
                                              .tail_credit = published[row].tail_credit};
        spec.cube.input_speedup = published[row].input_speedup;
        for (size_t point = 0; point < 3; point++) {
            double expected = published[row].latencies[point];
            weft__traffic_options options = {.rate = rates[point],
                                             .packet_flits = published[row].packet_flits,
                                             .warmup = 1500,
                                             .cycles = expected > 0 ? 12000 : 3000,
                                             .seed = 1};
            weft__traffic_result result = measure(&spec, &options);
            free(result.loads);
            if (expected > 0)
                ck_assert_msg(result.is_stable && weft_test_close(result.latency_mean, expected, 0, bounds[point]),
                              "%s at %.2f: %.2f cycles, published %.2f", published[row].name, rates[point],
                              result.latency_mean, expected);
            else
                ck_assert_msg(!result.is_stable || result.latency_mean > 200, "%s at %.2f is stable with %.1f cycles",
                              published[row].name, rates[point], result.latency_mean);
        }
    }
}
END_TEST

START_TEST(a_closed_loop_bounds_what_is_under_way)
{
    weft__machine_spec spec = network(4);
    weft__traffic_options options = {.rate = 0.9, .packet_flits = 8, .warmup = 500, .cycles = 5000, .outstanding = 1};
    weft__traffic_result one = measure(&spec, &options);
    options.outstanding = 4;
    weft__traffic_result four = measure(&spec, &options);
    /* One packet and its answer at a time: 8 flits in no less than a round trip. */
    double round_trip = 2 * (6 + 4 * 2.5) + 7;
    ck_assert(one.accepted_rate < 8 / round_trip * 1.1);
    ck_assert(one.accepted_rate > 8 / round_trip * 0.6);
    ck_assert(four.accepted_rate > 1.5 * one.accepted_rate);
    free(one.loads);
    free(four.loads);
}
END_TEST

START_TEST(more_than_a_network_carries_is_not_stable)
{
    /* 0.55 arrive in the end, but not as fast as they are made; links are never busy for longer than the run. */
    weft__machine_spec spec = network(8);
    for (int mode = 0; mode < 2; mode++) {
        weft__traffic_options options = {
            .rate = 0.56, .packet_flits = 4, .warmup = 500, .cycles = 4000, .mode = (weft__flit_mode)mode};
        weft__traffic_result result = measure(&spec, &options);
        ck_assert(!result.is_stable);
        ck_assert_msg(result.load_max > 0.9 && result.load_max <= 1, "load %.3f", result.load_max);
        free(result.loads);
    }
}
END_TEST

START_TEST(answers_count_by_their_time)
{
    /* A packet of one flit and its answer of 16 bytes: an answer keeps a link busy for a sixteenth of a flit. */
    weft__machine_spec spec = network(8);
    weft__traffic_options options = {.rate = 0.2, .packet_flits = 1, .warmup = 500, .cycles = 20000, .outstanding = 64};
    weft__traffic_result result = measure(&spec, &options);
    double mean = 0.2 * 5.25 * 64 / 224 * (1 + 63e-3);
    ck_assert(result.is_stable);
    ck_assert_msg(weft_test_close(result.load_mean, mean, 0, 0.03), "load %.4f, expected %.4f", result.load_mean, mean);
    free(result.loads);
}
END_TEST

START_TEST(packets_that_wait_for_one_another_are_told)
{
    weft__machine_spec spec = two_sip();
    spec.system.sips = 1;
    spec.sip.rows = spec.sip.columns = 2;
    spec.cube.flow = spec.cube.ucie.flow = (weft__flow_control){.buffer_flits = 2, .vcs = 1};
    weft__traffic_options options = {.rate = 0.6, .packet_flits = 16, .warmup = 500, .cycles = 3000};
    weft_error err;
    weft__graph *graph;
    weft__traffic_result result;
    ck_assert_int_eq(weft__graph_create(&spec, &graph, &err), WEFT_OK);
    ck_assert_int_eq(weft__traffic_run(graph, &options, &result, &err), WEFT_DEADLOCK);
    ck_assert_msg(strstr(err.message, "wait for one another") != NULL, "%s", err.message);
    ck_assert_ptr_null(result.loads);
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(nothing_measured_is_no_number)
{
    weft__machine_spec spec = network(2);
    weft__traffic_options options = {.rate = 1e-7, .packet_flits = 1, .cycles = 100};
    weft__traffic_result result = measure(&spec, &options);
    ck_assert_uint_eq(result.packets, 0);
    ck_assert(isnan(result.latency_mean) && isnan(result.latency_p99) && isnan(result.hops_mean));
    free(result.loads);
}
END_TEST

START_TEST(wrong_options_are_refused)
{
    weft__machine_spec spec = network(3);
    weft_error err;
    weft__graph *graph;
    weft__traffic_result result;
    ck_assert_int_eq(weft__graph_create(&spec, &graph, &err), WEFT_OK);
    const struct {
        weft__traffic_options options;
        weft_status status;
        const char *fragment;
    } rows[] = {
        {{.rate = 0, .packet_flits = 1, .cycles = 10}, WEFT_INVALID_ARGUMENT, "rate of traffic is 0"},
        {{.rate = 1.5, .packet_flits = 1, .cycles = 10}, WEFT_INVALID_ARGUMENT, "1.5"},
        {{.rate = (double)NAN, .packet_flits = 1, .cycles = 10}, WEFT_INVALID_ARGUMENT, "rate"},
        {{.rate = 0.1, .packet_flits = 0, .cycles = 10}, WEFT_INVALID_ARGUMENT, "0 flits"},
        {{.rate = 0.1, .packet_flits = 1, .cycles = 0}, WEFT_INVALID_ARGUMENT, "0 cycles"},
        {{.pattern = WEFT__TRAFFIC_BIT_COMPLEMENT, .rate = 0.1, .packet_flits = 1, .cycles = 10},
         WEFT_UNSUPPORTED,
         "has 9"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_int_eq(weft__traffic_run(graph, &rows[i].options, &result, &err), rows[i].status);
        ck_assert_msg(strstr(err.message, rows[i].fragment) != NULL, "'%s' lacks '%s'", err.message, rows[i].fragment);
        ck_assert_ptr_null(result.loads);
    }
    weft__graph_destroy(graph);
}
END_TEST

START_TEST(out_of_memory_is_an_error)
{
    weft__machine_spec spec = network(2);
    weft__graph *graph;
    ck_assert_int_eq(weft__graph_create(&spec, &graph, NULL), WEFT_OK);
    weft__traffic_options options = {.rate = 0.5, .packet_flits = 3, .cycles = 400, .outstanding = 2};
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft__traffic_result result;
        weft_test_fail_allocation_after(n);
        weft_status status = weft__traffic_run(graph, &options, &result, NULL);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        free(result.loads);
    }
    weft__graph_destroy(graph);
}
END_TEST

WEFT_TEST_MAIN("traffic", trains_equal_flits_in_every_pattern, flits_are_conserved_and_loads_are_those_of_analysis,
               latencies_under_load_are_those_of_a_cycle_accurate_simulator, a_closed_loop_bounds_what_is_under_way,
               more_than_a_network_carries_is_not_stable, answers_count_by_their_time,
               packets_that_wait_for_one_another_are_told, nothing_measured_is_no_number, wrong_options_are_refused,
               out_of_memory_is_an_error)
