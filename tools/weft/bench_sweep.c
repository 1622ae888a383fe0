#include "bench_sweep.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <weft/sim_device.h>

#include "bench_stages.h"
#include "device_input.h"
#include "json_output.h"
#include "output.h"

/* What a machine file states of submissions and of what stands between dispatches. */
enum {
    SUBMIT,
    SYNC,
    BARRIER,
    SIGNAL,
    WAIT,
    DISPATCH,
    COSTS,
    SWEPT = DISPATCH /* all before it vary */
};

static const char *const keys[COSTS] = {
    [SUBMIT] = "host.submit_ns",      [SYNC] = "host.sync_ns",      [BARRIER] = "processor.barrier_ns",
    [SIGNAL] = "processor.signal_ns", [WAIT] = "processor.wait_ns", [DISPATCH] = "processor.dispatch_ns",
};

/* In nanoseconds. */
static const uint32_t values_ns[] = {0, 100, 200, 500, 1000, 2000, 5000, 10000, 20000};
#define VALUES (sizeof values_ns / sizeof values_ns[0])

/* So slow a host that a command buffer has ended long before the next one comes: parts can be measured one by one. */
#define SLOW_HOST "1000000"

typedef struct point {
    uint32_t key, ns;
    int64_t ps[BENCH_STAGES_FORMS], predicted_ps[BENCH_STAGES_FORMS];
} point;

typedef struct sweep {
    const cli_values *values;
    size_t pairs;
    char machine[sizeof((weft_device_info *)0)->isa];
    int64_t costs_ps[COSTS]; /* as the machine states them */
    /* Of each addition of a form, from when it is sent to the PEs until the processor knows of its end: the forms keep
     * their sums in different places, some of which are farther from the PEs than others. */
    int64_t *additions_ps[BENCH_STAGES_FORMS];
    int64_t way_ps, way_of_command_ps; /* of one command between host and processor, and of each more behind it */
    point points[SWEPT * VALUES];
    bool results_equal;
} sweep;

static int64_t saved(const int64_t ps[BENCH_STAGES_FORMS])
{
    return ps[BENCH_PLAIN] - ps[BENCH_SESSION];
}

/* ---- by hand ---- */

static int64_t way(const sweep *at, int64_t commands)
{
    return at->way_ps + (commands - 1) * at->way_of_command_ps;
}

/* A command buffer begins when it has come and the one before has ended. */
static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t predict_plain(const sweep *at, const int64_t costs[COSTS])
{
    int64_t end = 0;
    for (size_t i = 0; i < 2 * at->pairs; i++)
        end = later(((int64_t)i + 1) * costs[SUBMIT] + way(at, 2), end) + costs[DISPATCH] +
              at->additions_ps[BENCH_PLAIN][i];
    return end + way(at, 1) + costs[SYNC];
}

static int64_t predict_session(const sweep *at, const int64_t costs[COSTS])
{
    const int64_t *additions_ps = at->additions_ps[BENCH_SESSION];
    int64_t end = 0;
    for (size_t i = 0; i < at->pairs; i++) {
        bool waits = i > 0;
        int64_t work = 2 * costs[DISPATCH] + additions_ps[2 * i] + additions_ps[2 * i + 1];
        end = later(((int64_t)i + 1) * costs[SUBMIT] + way(at, 5 + waits), end);
        end += (waits ? costs[WAIT] : 0) + work + costs[BARRIER] + costs[SIGNAL];
    }
    return end + way(at, 1) + costs[SYNC];
}

/* ---- measuring ---- */

static weft_status read_costs(const weft_device *device, int64_t costs_ps[COSTS], weft_error *err)
{
    const weft_machine *machine = weft_sim_device_machine(device);
    for (uint32_t i = 0; i < COSTS; i++) {
        double ns;
        weft_status status = weft_machine_get_number(machine, keys[i], &ns, err);
        if (status != WEFT_OK)
            return status;
        costs_ps[i] = llround(ns * 1000);
    }
    return WEFT_OK;
}

/* The parts of the closed form that no machine file states, from a run in which nothing waits for anything else. */
static weft_status read_parts(sweep *at, const weft_timeline *timeline, weft_error *err)
{
    size_t count = weft_timeline_count(timeline), buffers = 0, additions = 0, sums = 2 * at->pairs;
    int64_t ways[2] = {0}; /* of 2 commands, and of 5 */
    for (size_t i = 0; i < count; i++) {
        weft_timeline_entry entry;
        weft_status status = weft_timeline_get(timeline, i, &entry, err);
        if (status != WEFT_OK)
            return status;
        bool is_buffer = entry.kind == WEFT_TIMELINE_COMMAND_BUFFER;
        if (is_buffer && (buffers == 0 || buffers == sums))
            ways[buffers > 0] = (int64_t)(entry.start_ps - entry.submitted_ps);
        if (is_buffer && buffers == 0)
            at->way_ps = (int64_t)(entry.known_ps - entry.end_ps);
        buffers += is_buffer;
        if (entry.kind != WEFT_TIMELINE_DISPATCH || additions >= BENCH_STAGES_FORMS * sums)
            continue;
        at->additions_ps[additions / sums][additions % sums] =
            (int64_t)(entry.end_ps - entry.start_ps) - at->costs_ps[DISPATCH];
        additions++;
    }
    at->way_of_command_ps = (ways[1] - ways[0]) / 3;
    return WEFT_OK;
}

static weft_status run_forms(sweep *at, weft_device *device, weft_timeline *timeline, int64_t *out_ps, weft_error *err)
{
    bench_stages bench = {.device = device, .pairs = at->pairs, .repeat = 1, .timeline = timeline};
    weft_status status = bench_stages_run(&bench, NULL, NULL, err);
    for (size_t form = 0; form < BENCH_STAGES_FORMS; form++)
        out_ps[form] = (int64_t)bench.form[form].times.now_ps;
    at->results_equal = at->results_equal && (status != WEFT_OK || bench.results_equal);
    bench_stages_release(&bench);
    return status;
}

static weft_status measure_parts(sweep *at, weft_device *device, weft_error *err)
{
    int64_t ps[BENCH_STAGES_FORMS];
    weft_timeline *timeline = NULL;
    weft_status status = weft_timeline_create(&timeline, err);
    if (status == WEFT_OK)
        status = run_forms(at, device, timeline, ps, err);
    if (status == WEFT_OK)
        status = read_parts(at, timeline, err);
    weft_timeline_destroy(timeline);
    return status;
}

/* A device whose machine has another value for a key. */
static int with_device(sweep *at, const char *key, const char *value, point *of)
{
    weft_error err;
    weft_device *device;
    int code = cli_open_device_with(at->values, key, value, &device);
    if (code != CLI_EXIT_OK)
        return code;
    weft_status status = of ? run_forms(at, device, NULL, of->ps, &err) : measure_parts(at, device, &err);
    weft_device_close(device);
    return status == WEFT_OK ? CLI_EXIT_OK : cli_fail(at->values->verb->name, status, &err);
}

static int measure(sweep *at, cli_progress *progress)
{
    int code = with_device(at, keys[SUBMIT], SLOW_HOST, NULL);
    for (uint32_t i = 0; i < SWEPT * VALUES && code == CLI_EXIT_OK; i++) {
        char text[16];
        point *it = &at->points[i];
        *it = (point){.key = i / VALUES, .ns = values_ns[i % VALUES]};
        snprintf(text, sizeof text, "%" PRIu32, it->ns);
        code = with_device(at, keys[it->key], text, it);
        int64_t costs[COSTS];
        for (uint32_t j = 0; j < COSTS; j++)
            costs[j] = j == it->key ? (int64_t)it->ns * 1000 : at->costs_ps[j];
        it->predicted_ps[BENCH_PLAIN] = predict_plain(at, costs);
        it->predicted_ps[BENCH_SESSION] = predict_session(at, costs);
        cli_progress_show(progress, i + 1, SWEPT * VALUES, "points");
    }
    return code;
}

/* ---- printing ---- */

static json_t *json_of_point(const point *it)
{
    json_t *object = json_object();
    json_object_set_new(object, "key", cli_json_text(keys[it->key]));
    json_object_set_new(object, "ns", cli_json_count(it->ns));
    json_object_set_new(object, "plain_ps", json_integer(it->ps[BENCH_PLAIN]));
    json_object_set_new(object, "session_ps", json_integer(it->ps[BENCH_SESSION]));
    json_object_set_new(object, "saved_ps", json_integer(saved(it->ps)));
    json_object_set_new(object, "predicted_plain_ps", json_integer(it->predicted_ps[BENCH_PLAIN]));
    json_object_set_new(object, "predicted_session_ps", json_integer(it->predicted_ps[BENCH_SESSION]));
    json_object_set_new(object, "predicted_saved_ps", json_integer(saved(it->predicted_ps)));
    return object;
}

static void out_json(const sweep *at)
{
    static const char *const forms[BENCH_STAGES_FORMS] = {[BENCH_PLAIN] = "plain", [BENCH_SESSION] = "session"};
    json_t *object = json_object(), *stated = json_object(), *additions = json_object(), *points = json_array();
    for (uint32_t i = 0; i < COSTS; i++)
        json_object_set_new(stated, keys[i], cli_json_number((double)at->costs_ps[i] / 1000));
    for (size_t form = 0; form < BENCH_STAGES_FORMS; form++) {
        json_t *each = json_array();
        for (size_t i = 0; i < 2 * at->pairs; i++)
            json_array_append_new(each, json_integer(at->additions_ps[form][i]));
        json_object_set_new(additions, forms[form], each);
    }
    for (size_t i = 0; i < SWEPT * VALUES; i++)
        json_array_append_new(points, json_of_point(&at->points[i]));
    json_object_set_new(object, "experiment", cli_json_text("stages"));
    json_object_set_new(object, "pairs", cli_json_count(at->pairs));
    json_object_set_new(object, "machine", cli_json_text(at->machine));
    json_object_set_new(object, "stated", stated);
    json_object_set_new(object, "addition_ps", additions);
    json_object_set_new(object, "way_ps", json_integer(at->way_ps));
    json_object_set_new(object, "way_of_command_ps", json_integer(at->way_of_command_ps));
    json_object_set_new(object, "points", points);
    json_object_set_new(object, "results_equal", json_boolean(at->results_equal));
    cli_out_json(object);
}

static void out_ns(int64_t ps)
{
    char text[CLI_NS_TEXT], sign[CLI_NS_TEXT + 1];
    cli_ns_text((uint64_t)llabs(ps), text);
    snprintf(sign, sizeof sign, "%s%s", ps < 0 ? "-" : "", text);
    cli_out("  %14s", sign);
}

static void out_table(const sweep *at)
{
    cli_out("machine %s, pairs %zu; simulated ns\n", at->machine, at->pairs);
    for (size_t i = 0; i < SWEPT * VALUES; i++) {
        const point *it = &at->points[i];
        if (i % VALUES == 0)
            cli_out("%s%-20s  %14s  %14s  %14s  %14s\n", i > 0 ? "\n" : "", keys[it->key], "plain", "session", "saved",
                    "by hand");
        cli_out("%20" PRIu32, it->ns);
        out_ns(it->ps[BENCH_PLAIN]);
        out_ns(it->ps[BENCH_SESSION]);
        out_ns(saved(it->ps));
        out_ns(saved(it->predicted_ps));
        cli_out("%s\n", (int64_t)it->ns * 1000 == at->costs_ps[it->key] ? "  as stated" : "");
    }
    cli_out("the results are %s, bit for bit\n", at->results_equal ? "equal" : "NOT equal");
}

/* What the machine is, as --device has it. */
static int describe(sweep *at)
{
    weft_error err;
    weft_device *device;
    weft_device_info info;
    int code = cli_open_device(at->values, NULL, &device);
    if (code != CLI_EXIT_OK)
        return code;
    weft_device_get_info(device, &info);
    snprintf(at->machine, sizeof at->machine, "%s", info.isa);
    if (!weft_sim_device_machine(device))
        code = cli_usage_error(at->values->verb->name,
                               "--sweep varies what a machine file states, and device '%s' has none; "
                               "sim:FILE is one that has.",
                               info.scheme);
    else if (read_costs(device, at->costs_ps, &err) != WEFT_OK)
        code = cli_fail(at->values->verb->name, err.code, &err);
    weft_device_close(device);
    return code;
}

int bench_sweep_run(const cli_values *values, size_t pairs)
{
    sweep at = {.values = values, .pairs = pairs, .results_equal = true};
    int code = describe(&at);
    if (code != CLI_EXIT_OK)
        return code;
    cli_progress progress;
    for (size_t form = 0; form < BENCH_STAGES_FORMS; form++)
        at.additions_ps[form] = cli_allocate(2 * pairs * sizeof(int64_t));
    cli_progress_begin(&progress, values->verb->name);
    code = measure(&at, &progress);
    cli_progress_end(&progress);
    if (code == CLI_EXIT_OK && cli_given(values, &cli_option_json))
        out_json(&at);
    else if (code == CLI_EXIT_OK)
        out_table(&at);
    for (size_t form = 0; form < BENCH_STAGES_FORMS; form++)
        free(at.additions_ps[form]);
    return code != CLI_EXIT_OK ? code : at.results_equal ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}
