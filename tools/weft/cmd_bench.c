/* weft bench: experiments that measure. */
#include "commands.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "bench_stages.h"
#include "bench_sweep.h"
#include "device_input.h"
#include "device_times.h"
#include "device_watch.h"
#include "json_output.h"
#include "nearest.h"
#include "output.h"

static const cli_option option_pairs = {.name = "pairs",
                                        .letter = 'n',
                                        .kind = CLI_COUNT,
                                        .argument = "N",
                                        .initial = "5",
                                        .least = 1,
                                        .most = 100000,
                                        .help = "pairs of an attention addition and a feed-forward addition"};

static const cli_option option_repeat = {.name = "repeat",
                                         .letter = 'r',
                                         .kind = CLI_COUNT,
                                         .argument = "N",
                                         .initial = "21",
                                         .least = 1,
                                         .most = 1000000,
                                         .help = "runs of each form, taken in turn"};

static const cli_option option_budget = {
    .name = "budget",
    .letter = 'b',
    .kind = CLI_COUNT,
    .argument = "N",
    .least = 1,
    .most = UINT64_MAX - 1,
    .help = "let each form make N command buffers; a form that needs more is refused, and the exit code is 1"};

static const cli_option option_sweep = {
    .name = "sweep",
    .kind = CLI_FLAG,
    .help = "on a simulated machine: run each form once for many values of each cost of submissions, fences, barriers "
            "and syncs, and compare their simulated times with what they take by hand"};

static json_t *json_of_form(const bench_stages *bench, const bench_form *form)
{
    json_t *object = json_object();
    if (form->is_over_budget) {
        json_object_set_new(object, "error", cli_json_text(form->over_budget));
        return object;
    }
    json_object_update_new(object, cli_json_counters(&form->spent));
    if (form == &bench->form[BENCH_SESSION]) {
        json_object_set_new(object, "fence_value", cli_json_count(form->state.fence_value));
        json_object_set_new(object, "wait_count", cli_json_count(form->state.wait_count));
        json_object_set_new(object, "wait_value", cli_json_count(form->state.wait_value));
    }
    json_object_set_new(object, "seconds_min", cli_json_number(bench_form_min(form)));
    json_object_set_new(object, "seconds_median", cli_json_number(bench_form_median(form)));
    bool has_clock = form->times.count > 0;
    json_object_set_new(object, "simulated_ps", has_clock ? cli_json_count(form->times.now_ps) : json_null());
    json_object_set_new(object, "simulated_parts", has_clock ? cli_json_time_parts(&form->times) : json_null());
    json_object_set_new(object, "error", json_null());
    return object;
}

/* How many times as long the plain form takes on the device's own clock; NAN where that is the host's. */
static double simulated_ratio(const bench_stages *bench)
{
    const cli_device_times *plain = &bench->form[BENCH_PLAIN].times, *session = &bench->form[BENCH_SESSION].times;
    return plain->count > 0 && session->count > 0 ? (double)plain->now_ps / (double)session->now_ps : (double)NAN;
}

static double ratio(const bench_stages *bench)
{
    return bench_form_median(&bench->form[BENCH_PLAIN]) / bench_form_median(&bench->form[BENCH_SESSION]);
}

static bool is_over_budget(const bench_stages *bench)
{
    return bench->form[BENCH_PLAIN].is_over_budget || bench->form[BENCH_SESSION].is_over_budget;
}

static void out_json(const bench_stages *bench, const weft_device_info *device)
{
    json_t *object = json_object();
    json_object_set_new(object, "experiment", cli_json_text("stages"));
    json_object_set_new(object, "pairs", cli_json_count(bench->pairs));
    json_object_set_new(object, "device", cli_json_text(device->scheme));
    json_object_set_new(object, "isa", cli_json_text(device->isa));
    json_object_set_new(object, "threads", cli_json_count(device->threads));
    json_object_set_new(object, "repeat", cli_json_count(bench->repeat));
    json_object_set_new(object, "budget", bench->budget > 0 ? cli_json_count(bench->budget) : json_null());
    for (size_t i = 0; i < BENCH_STAGES_FORMS; i++)
        json_object_set_new(object, bench->form[i].name, json_of_form(bench, &bench->form[i]));
    bool is_comparable = !is_over_budget(bench);
    json_object_set_new(object, "results_equal", is_comparable ? json_boolean(bench->results_equal) : json_null());
    json_object_set_new(object, "ratio", cli_json_number(ratio(bench)));
    json_object_set_new(object, "simulated_ratio", cli_json_number(simulated_ratio(bench)));
    cli_out_json(object);
}

static void out_row(const bench_stages *bench, const char *name, size_t offset)
{
    cli_out("%-16s", name);
    for (size_t i = 0; i < BENCH_STAGES_FORMS; i++) {
        if (bench->form[i].is_over_budget)
            cli_out("  %10s", "-");
        else
            cli_out("  %10" PRIu64, *(const uint64_t *)(const void *)((const char *)&bench->form[i] + offset));
    }
    cli_out("\n");
}

static void out_times(const bench_stages *bench, const char *name, double (*seconds)(const bench_form *))
{
    cli_out("%-16s", name);
    for (size_t i = 0; i < BENCH_STAGES_FORMS; i++) {
        if (bench->form[i].is_over_budget)
            cli_out("  %10s", "-");
        else
            cli_out("  %7.1f us", seconds(&bench->form[i]) * 1e6);
    }
    cli_out("\n");
}

static void out_costs(const bench_stages *bench)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        {"command buffers", offsetof(bench_form, spent.command_buffers_created)},
        {"submits", offsetof(bench_form, spent.command_buffers_submitted)},
        {"dispatches", offsetof(bench_form, spent.dispatches)},
        {"barriers", offsetof(bench_form, spent.barriers)},
        {"fences", offsetof(bench_form, spent.fences_signalled)},
        {"fence waits", offsetof(bench_form, spent.fence_waits)},
        {"syncs", offsetof(bench_form, spent.syncs)},
        {"fence value", offsetof(bench_form, state.fence_value)},
        {"wait value", offsetof(bench_form, state.wait_value)},
    };
    cli_out("%-16s  %10s  %10s\n", "", bench->form[0].name, bench->form[1].name);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        out_row(bench, rows[i].name, rows[i].offset);
    out_times(bench, "fastest run", bench_form_min);
    out_times(bench, "median run", bench_form_median);
}

/* The last run of each form, on a device with a clock of its own. */
static void out_simulated(const bench_stages *bench)
{
    char ns[CLI_NS_TEXT], row[CLI_TIME_ROW_BYTES];
    for (size_t i = 0; i < BENCH_STAGES_FORMS; i++) {
        const bench_form *form = &bench->form[i];
        if (form->is_over_budget || form->times.count == 0)
            continue;
        cli_out("simulated time of the %s form: %s ns\n", form->name, cli_ns_text(form->times.now_ps, ns));
        for (size_t place = 0; cli_time_row(&form->times, &place, row);)
            cli_out("  %s\n", row);
    }
}

static void out_table(const bench_stages *bench, const weft_device_info *device)
{
    cli_out("device %s, pairs %zu, runs of each form %zu\n", device->scheme, bench->pairs, bench->repeat);
    if (!bench->form[BENCH_PLAIN].is_over_budget || !bench->form[BENCH_SESSION].is_over_budget)
        out_costs(bench);
    out_simulated(bench);
    for (size_t i = 0; i < BENCH_STAGES_FORMS; i++) {
        if (bench->form[i].is_over_budget)
            cli_out("%s\n", bench->form[i].over_budget);
    }
    if (is_over_budget(bench))
        return;
    cli_out("plain takes %.2f times as long as the session\n", ratio(bench));
    if (isfinite(simulated_ratio(bench)))
        cli_out("in simulated time, plain takes %.4f times as long as the session\n", simulated_ratio(bench));
    cli_out("the results are %s, bit for bit\n", bench->results_equal ? "equal" : "NOT equal");
}

/* A run of the experiment. */
typedef struct stages {
    const cli_values *values;
    bench_stages bench;
    cli_watch watch;
} stages;

static void show_progress(void *user, size_t done, size_t total)
{
    cli_progress_show(user, done, total, "runs");
}

/* The earlier runs have no timeline, which takes time. */
static int watch(void *user, bool has_ended)
{
    stages *at = user;
    at->bench.timeline = at->watch.timeline;
    return has_ended ? cli_watch_end(&at->watch) : cli_watch_begin(&at->watch);
}

/* The last run of both forms. */
static int write_record(const stages *at)
{
    run_file file;
    if (!cli_watch_run_file(&at->watch, &file))
        return CLI_EXIT_OK;
    json_t *track = run_file_add_track(&file, "forms");
    for (size_t i = 0; i < BENCH_STAGES_FORMS; i++) {
        const bench_form *form = &at->bench.form[i];
        if (!form->is_over_budget)
            run_file_add_span(&file, track, cli_json_text(form->name), form->begun_ps,
                              form->begun_ps + form->times.now_ps);
    }
    run_file_add_fact(&file, "Pairs", cli_json_count(at->bench.pairs));
    return run_file_write(&file, at->values->verb->name, cli_text(at->values, &cli_option_record));
}

static int run_on(stages *at)
{
    weft_error err;
    weft_device_info info;
    cli_progress progress;
    bench_stages *bench = &at->bench;
    cli_progress_begin(&progress, at->values->verb->name);
    weft_status status = bench_stages_run(bench, show_progress, &progress, &err);
    cli_progress_end(&progress);
    if (status != WEFT_OK)
        return cli_fail(at->values->verb->name, status, &err);
    if (bench->watcher_code != CLI_EXIT_OK)
        return bench->watcher_code;
    weft_device_get_info(bench->device, &info);
    if (cli_given(at->values, &cli_option_json))
        out_json(bench, &info);
    else
        out_table(bench, &info);
    int code = write_record(at);
    if (code != CLI_EXIT_OK)
        return code;
    return is_over_budget(bench) || !bench->results_equal ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

static int run_stages(const cli_values *values)
{
    if (cli_given(values, &option_sweep) && (cli_given(values, &option_repeat) || cli_given(values, &option_budget)))
        return cli_usage_error(values->verb->name, "--sweep goes with neither --repeat nor --budget.");
    if (cli_given(values, &option_sweep) &&
        (cli_given(values, &cli_option_record) || cli_given(values, &cli_option_trace)))
        return cli_usage_error(values->verb->name, "--sweep goes with neither --record nor --trace.");
    if (cli_given(values, &option_sweep))
        return bench_sweep_run(values, (size_t)cli_count(values, &option_pairs));
    weft_device *device = NULL;
    int code = cli_open_device(values, NULL, &device);
    if (code != CLI_EXIT_OK)
        return code;
    stages at = {.values = values,
                 .bench = {.device = device,
                           .pairs = cli_count(values, &option_pairs),
                           .repeat = cli_count(values, &option_repeat),
                           .budget = cli_count(values, &option_budget)}};
    code = cli_watch_open(values, device, &at.watch);
    if (at.watch.timeline) {
        at.bench.watcher = watch;
        at.bench.watcher_user = &at;
    }
    if (code == CLI_EXIT_OK)
        code = run_on(&at);
    bench_stages_release(&at.bench);
    cli_watch_release(&at.watch);
    weft_device_close(device);
    return code;
}

static const struct {
    const char *name;
    int (*run)(const cli_values *values);
} experiments[] = {
    {"stages", run_stages},
};
#define EXPERIMENT_COUNT (sizeof experiments / sizeof experiments[0])

static int run(const cli_values *values)
{
    size_t nearest = 0;
    for (size_t i = 0; i < EXPERIMENT_COUNT; i++) {
        if (strcmp(values->operand, experiments[i].name) == 0)
            return experiments[i].run(values);
        if (cli_distance(values->operand, experiments[i].name) <
            cli_distance(values->operand, experiments[nearest].name))
            nearest = i;
    }
    return cli_usage_error(values->verb->name, "There is no experiment '%s'; the nearest is '%s'.", values->operand,
                           experiments[nearest].name);
}

static const cli_option *const options[] = {
    &option_pairs,
    &option_repeat,
    &option_budget,
    &option_sweep,
    &cli_option_device,
    &cli_option_threads,
    &cli_option_isa,
    &cli_option_record,
    &cli_option_trace,
    &cli_option_json,
    NULL,
};

static const cli_example examples[] = {
    {"weft bench stages --pairs 5", "ten command buffers against five that are chained by fences"},
    {"weft bench stages --device 'sim:machines/two-sip.yaml?host.submit_ns=500'",
     "the same on a simulated machine, with another cost of a submission"},
    {"weft bench stages --device sim:machines/two-sip.yaml --sweep",
     "what barriers instead of fences buy, while what they cost varies"},
    {"weft bench stages --device sim:machines/two-sip.yaml --record run.json --trace trace.json",
     "what the last run of each form did and when, for the verb report and for ui.perfetto.dev"},
    {"weft bench stages --pairs 5 --budget 5",
     "state what a step may cost: the session keeps to it, the plain form does not"},
    {NULL, NULL},
};

const cli_verb cli_verb_bench = {
    .name = "bench",
    .summary = "measure what a structure of submissions costs",
    .description =
        "Runs an experiment, several times, and prints counts and times. `stages` makes the same chain of additions "
        "once with a command buffer for each (plain) and once with one for each pair, in which a barrier orders "
        "the two and a fence the pairs (session). The results must be equal bit for bit. On a simulated machine it "
        "also "
        "tells the simulated time of the last run of each form, and where that went.",
    .operand = "EXPERIMENT",
    .operand_help = "what to measure, which can be stages",
    .operand_is_required = true,
    .options = options,
    .examples = examples,
    .run = run,
};
