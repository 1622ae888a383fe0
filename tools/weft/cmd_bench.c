/* weft bench: experiments that measure. */
#include "commands.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "bench_stages.h"
#include "device_input.h"
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
    json_object_set_new(object, "error", json_null());
    return object;
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

static void out_table(const bench_stages *bench, const weft_device_info *device)
{
    cli_out("device %s, pairs %zu, runs of each form %zu\n", device->scheme, bench->pairs, bench->repeat);
    if (!bench->form[BENCH_PLAIN].is_over_budget || !bench->form[BENCH_SESSION].is_over_budget)
        out_costs(bench);
    for (size_t i = 0; i < BENCH_STAGES_FORMS; i++) {
        if (bench->form[i].is_over_budget)
            cli_out("%s\n", bench->form[i].over_budget);
    }
    if (is_over_budget(bench))
        return;
    cli_out("plain takes %.2f times as long as the session\n", ratio(bench));
    cli_out("the results are %s, bit for bit\n", bench->results_equal ? "equal" : "NOT equal");
}

static void show_progress(void *user, size_t done, size_t total)
{
    cli_progress_show(user, done, total, "runs");
}

static int run_stages(const cli_values *values)
{
    weft_error err;
    weft_device *device = NULL;
    int code = cli_open_device(values, NULL, &device);
    if (code != CLI_EXIT_OK)
        return code;
    bench_stages bench = {.device = device,
                          .pairs = cli_count(values, &option_pairs),
                          .repeat = cli_count(values, &option_repeat),
                          .budget = cli_count(values, &option_budget)};
    cli_progress progress;
    cli_progress_begin(&progress, values->verb->name);
    weft_status status = bench_stages_run(&bench, show_progress, &progress, &err);
    cli_progress_end(&progress);
    if (status != WEFT_OK) {
        code = cli_fail(values->verb->name, status, &err);
    } else {
        weft_device_info info;
        weft_device_get_info(device, &info);
        if (cli_given(values, &cli_option_json))
            out_json(&bench, &info);
        else
            out_table(&bench, &info);
        code = is_over_budget(&bench) || !bench.results_equal ? CLI_EXIT_FAILED : CLI_EXIT_OK;
    }
    bench_stages_release(&bench);
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
    &option_pairs,       &option_repeat,  &option_budget,   &cli_option_device,
    &cli_option_threads, &cli_option_isa, &cli_option_json, NULL,
};

static const cli_example examples[] = {
    {"weft bench stages --pairs 5", "ten command buffers against five that are chained by fences"},
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
        "the two and a fence the pairs (session). The results must be equal bit for bit.",
    .operand = "EXPERIMENT",
    .operand_help = "what to measure, which can be stages",
    .operand_is_required = true,
    .options = options,
    .examples = examples,
    .run = run,
};
