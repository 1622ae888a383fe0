/* Traces of probes: what is in them, that both ways to move flits write the same, and that they cost no memory. */
#include "support/weft_check.h"

#include <jansson.h>

#include "support/failing_malloc.h"
#include "support/probe_test.h"
#include "support/sentence.h"

#define TRACE_PATH "probe_trace.json"

/* Sums in a trace. */
typedef struct trace_sums {
    size_t spans, counters, arrows;
    double link_busy_us; /* of all counters: values times how long they held */
    double transfer_us;  /* of the spans of sources */
} trace_sums;

static const char *process_name(json_t *events, json_int_t pid)
{
    size_t i;
    json_t *event;
    json_array_foreach(events, i, event)
    {
        if (strcmp(json_string_value(json_object_get(event, "name")), "process_name") == 0 &&
            json_integer_value(json_object_get(event, "pid")) == pid)
            return json_string_value(json_object_get(json_object_get(event, "args"), "name"));
    }
    return "";
}

/* A counter holds its value until its next event. */
static double counter_area_us(json_t *events, size_t from)
{
    json_t *first = json_array_get(events, from);
    const char *name = json_string_value(json_object_get(first, "name"));
    double value = json_number_value(json_object_get(json_object_get(first, "args"), "utilisation"));
    for (size_t i = from + 1; i < json_array_size(events); i++) {
        json_t *event = json_array_get(events, i);
        if (json_string_value(json_object_get(event, "ph"))[0] == 'C' &&
            strcmp(json_string_value(json_object_get(event, "name")), name) == 0)
            return value *
                   (json_number_value(json_object_get(event, "ts")) - json_number_value(json_object_get(first, "ts")));
    }
    ck_assert_msg(value == 0, "the counter of %s ends at %f", name, value);
    return 0;
}

static trace_sums read_trace(void)
{
    trace_sums sums = {0};
    json_error_t json_err;
    json_t *root = json_load_file(TRACE_PATH, 0, &json_err);
    ck_assert_msg(root != NULL, "%s", json_err.text);
    json_t *events = json_is_array(root) ? root : json_object_get(root, "traceEvents"), *event;
    size_t i;
    json_array_foreach(events, i, event)
    {
        const char *kind = json_string_value(json_object_get(event, "ph"));
        const char *process = process_name(events, json_integer_value(json_object_get(event, "pid")));
        double duration_us = json_number_value(json_object_get(event, "dur"));
        sums.spans += kind[0] == 'X';
        sums.counters += kind[0] == 'C';
        sums.arrows += kind[0] == 's' || kind[0] == 'f';
        if (kind[0] == 'C')
            sums.link_busy_us += counter_area_us(events, i);
        else if (kind[0] == 'X' && strstr(process, "DMA"))
            sums.transfer_us += duration_us;
    }
    json_decref(root);
    ck_assert_int_eq(remove(TRACE_PATH), 0);
    return sums;
}

START_TEST(a_trace_tells_how_busy_links_were)
{
    weft_machine *machine = probe_open("tiny", NULL, 0);
    weft_flow flows[] = {{"sip0.cube0.pe1", "sip0.cube0.pe0.hbm", .bytes = 65536},
                         {"sip0.cube0.pe0", "sip0.cube0.pe0.hbm", .bytes = 16384, .start_ps = 40000}};
    trace_sums sums[PROBE_MODES];
    double transfer_us = 0;
    for (size_t mode = 0; mode < PROBE_MODES; mode++) {
        weft_probe_options options = {.flits = probe_modes[mode], .trace_path = TRACE_PATH};
        weft_probe_result *result;
        ck_assert_int_eq(weft_probe_run(machine, flows, 2, &options, &result, NULL), WEFT_OK);
        transfer_us = (double)(result->flows[0].latency_ps + result->flows[1].latency_ps) * 1e-6;
        weft_probe_result_destroy(result);
        sums[mode] = read_trace();
    }
    ck_assert_uint_eq(sums[0].spans, sums[1].spans);
    ck_assert_uint_eq(sums[0].counters, sums[1].counters);
    /* Two of each: transfers, their memories, their arrows' ends; spans of links, as many as their messages' ways. */
    ck_assert_uint_eq(sums[0].spans, 2 + 2 + 2 * 3 + 2 * 2);
    ck_assert_uint_eq(sums[0].arrows, 4);
    WEFT_TEST_ASSERT_CLOSE(sums[0].transfer_us, transfer_us, 1e-9, 0);
    /* 256 flits over three links and 64 over two, 1 ns each; commands of 63 ps back over the same. */
    double busy_us = (256 * 3 + 64 * 2) * 1e-3 + 5 * 63e-6;
    WEFT_TEST_ASSERT_CLOSE(sums[0].link_busy_us, busy_us, 1e-9, 0);
    WEFT_TEST_ASSERT_CLOSE(sums[1].link_busy_us, busy_us, 1e-9, 0);
    weft_machine_close(machine);
}
END_TEST

START_TEST(cases_and_launches_are_traced)
{
    static const char *const names[] = {"dma_distance", "credit", "launch_spread"};
    weft_machine *machine = probe_open("two-sip", NULL, 0);
    for (size_t i = 0; i < 3; i++) {
        weft_probe_options options = {.trace_path = TRACE_PATH};
        weft_probe_case_result *result;
        ck_assert_int_eq(weft_probe_run_case(machine, names[i], &options, &result, NULL), WEFT_OK);
        weft_probe_case_result_destroy(result);
        trace_sums sums = read_trace();
        ck_assert_uint_gt(sums.spans, 1);
        ck_assert_uint_gt(sums.counters, 1);
    }
    weft_machine_close(machine);
}
END_TEST

START_TEST(a_trace_that_cannot_be_written_is_an_error)
{
    weft_machine *machine = probe_open("tiny", NULL, 0);
    weft_flow flow = {"host", "sip0.cube0.sram", .bytes = 1};
    weft_probe_options options = {.trace_path = "no/such/folder/t.json"};
    weft_traffic_options traffic = {.rate = 0.1, .packet_flits = 1, .trace_path = options.trace_path};
    weft_error err;
    weft_probe_result *result;
    weft_probe_case_result *case_result;
    weft_launch_result launched;
    weft_traffic_result traffic_result;
    ck_assert_int_eq(weft_probe_run(machine, &flow, 1, &options, &result, &err), WEFT_IO);
    ck_assert_ptr_null(result);
    ck_assert_int_eq(weft_probe_run_case(machine, "credit", &options, &case_result, &err), WEFT_IO);
    ck_assert_ptr_null(case_result);
    ck_assert_int_eq(weft_probe_launch(machine, &options, &launched, &err), WEFT_IO);
    ck_assert_int_eq(weft_traffic_run(machine, &traffic, &traffic_result, &err), WEFT_IO);
    options.trace_path = "/dev/full";
    ck_assert_int_eq(weft_probe_run(machine, &flow, 1, &options, &result, &err), WEFT_IO);
    ck_assert_ptr_null(result);
    ck_assert_msg(weft_test_is_sentence(err.message), "'%s'", err.message);
    weft_machine_close(machine);
}
END_TEST

static uint64_t allocations_of(const weft_machine *machine, uint64_t bytes, const char *trace_path)
{
    weft_flow flow = {"sip0.cube0.pe1", "sip0.cube0.pe0.hbm", .bytes = bytes, .is_write = true};
    weft_probe_options options = {.flits = WEFT_FLITS_EACH, .trace_path = trace_path};
    weft_probe_result *result;
    uint64_t before = weft_test_allocations();
    weft_status status = weft_probe_run(machine, &flow, 1, &options, &result, NULL);
    uint64_t made = weft_test_allocations() - before;
    ck_assert_int_eq(status, WEFT_OK);
    weft_probe_result_destroy(result);
    return made;
}

START_TEST(a_trace_takes_no_more_memory_for_a_longer_run)
{
    weft_machine *machine = probe_open("tiny", NULL, 0);
    uint64_t few = allocations_of(machine, 8192, TRACE_PATH) - allocations_of(machine, 8192, NULL);
    uint64_t many = allocations_of(machine, 8388608, TRACE_PATH) - allocations_of(machine, 8388608, NULL);
    ck_assert_uint_gt(few, 0);
    ck_assert_uint_eq(few, many);
    ck_assert_int_eq(remove(TRACE_PATH), 0);
    weft_machine_close(machine);
}
END_TEST

static void note_progress(void *user, uint64_t done, uint64_t total)
{
    uint64_t *last = user;
    ck_assert_uint_gt(done, *last);
    ck_assert_uint_lt(done, total);
    *last = done;
}

START_TEST(watching_traffic_changes_nothing)
{
    weft_machine *machine = probe_open("mesh-8x8", NULL, 0);
    uint64_t last = 0;
    weft_traffic_options options = {.rate = 0.2, .packet_flits = 4, .cycles = 400, .warmup = 50, .seed = 5};
    weft_traffic_result plain, watched;
    ck_assert_int_eq(weft_traffic_run(machine, &options, &plain, NULL), WEFT_OK);
    options.progress = note_progress;
    options.progress_user = &last;
    options.trace_path = TRACE_PATH;
    ck_assert_int_eq(weft_traffic_run(machine, &options, &watched, NULL), WEFT_OK);
    ck_assert_int_eq(remove(TRACE_PATH), 0);
    ck_assert_uint_gt(last, 400);
    ck_assert_uint_eq(plain.trace_hash, watched.trace_hash);
    ck_assert_uint_eq(plain.packets, watched.packets);
    ck_assert(plain.latency_mean == watched.latency_mean && plain.latency_max == watched.latency_max);
    ck_assert(plain.load_mean == watched.load_mean && plain.bisection_load == watched.bisection_load);
    ck_assert_str_eq(plain.busiest_link, watched.busiest_link);
    weft_machine_close(machine);
}
END_TEST

WEFT_TEST_MAIN("probe_trace", a_trace_tells_how_busy_links_were, cases_and_launches_are_traced,
               a_trace_that_cannot_be_written_is_an_error, a_trace_takes_no_more_memory_for_a_longer_run,
               watching_traffic_changes_nothing)
