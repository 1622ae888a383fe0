/* weft check: is every barrier of a model's stream needed, and none missing? */
#include "commands.h"

#include <inttypes.h>
#include <stdlib.h>

#include "check_run.h"
#include "device_input.h"
#include "device_watch.h"
#include "json_output.h"
#include "model_input.h"
#include "output.h"

static const cli_option option_prompt = {.name = "prompt",
                                         .letter = 'p',
                                         .kind = CLI_TEXT,
                                         .argument = "TEXT",
                                         .initial = "1 2 3 4 5 6 7 8",
                                         .help = "the text of the first forward pass; - reads it from standard input"};

static const cli_option option_tokens = {.name = "tokens",
                                         .letter = 'n',
                                         .kind = CLI_COUNT,
                                         .argument = "N",
                                         .initial = "2",
                                         .most = 100000,
                                         .help = "decode steps after the first forward pass"};

static const cli_option option_break = {
    .name = "break",
    .letter = 'b',
    .kind = CLI_COUNT,
    .argument = "N",
    .least = 1,
    .most = UINT64_MAX,
    .help = "leave out the Nth barrier, counted from 1 over all passes, to see that it is found"};

static const cli_option option_shuffle = {
    .name = "shuffle",
    .kind = CLI_COUNT,
    .argument = "SEED",
    .most = UINT64_MAX,
    .help = "run the dispatches between two barriers in a random order too, and compare with an unshuffled run"};

/* What is checked, and what came out. The baseline is a run with nothing left out and nothing shuffled. */
typedef struct check {
    const cli_values *values;
    cli_model model, shuffled_model;
    cli_prompt prompt;
    check_run baseline, special; /* the special one has a barrier left out, or is shuffled */
    const check_run *main;       /* the run whose verdicts are reported */
    bool is_equal;               /* with --shuffle: to the baseline */
    weft_timeline *timeline;     /* with --trace: of that run */
} check;

static size_t count_of(const check *at, weft_verdict verdict)
{
    return weft_hazard_report_count_of(at->main->report, verdict);
}

static json_t *json_of_dispatch(uint32_t index, const char *label, const char *argument)
{
    json_t *object = json_object();
    json_object_set_new(object, "dispatch", cli_json_count(index));
    json_object_set_new(object, "label", cli_json_text(label));
    json_object_set_new(object, "argument", cli_json_text_or_null(argument));
    return object;
}

static json_t *json_of_hazard(const weft_hazard *hazard)
{
    char text[WEFT_HAZARD_TEXT_BYTES];
    json_t *object = json_object();
    json_object_set_new(object, "verdict", cli_json_text(weft_verdict_name(hazard->verdict)));
    json_object_set_new(object, "command_buffer", cli_json_count(hazard->command_buffer));
    json_object_set_new(object, "stage", cli_json_text(hazard->stage));
    json_object_set_new(object, "barrier", cli_json_count(hazard->barrier));
    json_object_set_new(object, "text", cli_json_text(weft_hazard_text(hazard, text)));
    if (hazard->verdict == WEFT_VERDICT_TOO_WIDE) {
        json_object_set_new(object, "first", json_of_dispatch(hazard->first_dispatch, hazard->first_label, NULL));
        json_object_set_new(object, "held_back", cli_json_count(hazard->held_back));
    }
    if (hazard->verdict != WEFT_VERDICT_MISSING)
        return object;
    json_object_set_new(object, "kind", cli_json_text(weft_hazard_kind_name(hazard->kind)));
    json_object_set_new(object, "first",
                        json_of_dispatch(hazard->first_dispatch, hazard->first_label, hazard->first_argument));
    json_object_set_new(object, "second",
                        json_of_dispatch(hazard->second_dispatch, hazard->second_label, hazard->second_argument));
    json_object_set_new(object, "buffer", cli_json_text(hazard->buffer_label));
    json_object_set_new(object, "begin_bytes", cli_json_count(hazard->begin_bytes));
    json_object_set_new(object, "end_bytes", cli_json_count(hazard->end_bytes));
    return object;
}

static void out_json(const check *at)
{
    const weft_device_info *device = &at->model.device_info;
    const cli_values *values = at->values;
    const struct {
        const char *name;
        uint64_t count;
    } counts[] = {
        {"prompt_tokens", at->prompt.count},
        {"passes", at->main->passes},
        {"command_buffers", at->main->spent.command_buffers_submitted},
        {"dispatches", at->main->dispatches},
        {"barriers", at->main->barriers},
        {"missing", count_of(at, WEFT_VERDICT_MISSING)},
        {"needless", count_of(at, WEFT_VERDICT_NEEDLESS)},
        {"too_wide", count_of(at, WEFT_VERDICT_TOO_WIDE)},
    };
    bool is_shuffled = cli_given(values, &option_shuffle);
    json_t *object = json_object(), *verdicts = json_array();
    json_object_set_new(object, "model", cli_json_text(cli_text(values, &cli_option_model)));
    json_object_set_new(object, "device", cli_json_text(device->scheme));
    json_object_set_new(object, "isa", cli_json_text(device->isa));
    json_object_set_new(object, "threads", cli_json_count(device->threads));
    json_object_set_new(object, "prompt", cli_json_bytes(at->prompt.text, at->prompt.bytes));
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        json_object_set_new(object, counts[i].name, cli_json_count(counts[i].count));
    json_object_set_new(object, "broken_barrier",
                        cli_given(values, &option_break) ? cli_json_count(cli_count(values, &option_break))
                                                         : json_null());
    json_object_set_new(object, "shuffle_seed",
                        is_shuffled ? cli_json_count(cli_count(values, &option_shuffle)) : json_null());
    json_object_set_new(object, "results_equal", is_shuffled ? json_boolean(at->is_equal) : json_null());
    json_object_set_new(object, "error",
                        cli_json_text_or_null(at->main->status == WEFT_OK ? NULL : at->main->err.message));
    for (size_t i = 0; i < weft_hazard_report_count(at->main->report); i++)
        json_array_append_new(verdicts, json_of_hazard(weft_hazard_report_at(at->main->report, i)));
    json_object_set_new(object, "verdicts", verdicts);
    cli_out_json(object);
}

static void out_text(const check *at)
{
    const weft_device_info *device = &at->model.device_info;
    const weft_hazard_report *report = at->main->report;
    uint64_t left_out = cli_count(at->values, &option_break);
    cli_out("device           %s%s%s, threads: %u\n", device->scheme, device->isa[0] ? " " : "", device->isa,
            device->threads);
    cli_out("prompt tokens    %zu\nforward passes   %zu\n", at->prompt.count, at->main->passes);
    cli_out("command buffers  %" PRIu64 "\ndispatches       %" PRIu64 "\nbarriers         %" PRIu64,
            at->main->spent.command_buffers_submitted, at->main->dispatches, at->main->barriers);
    if (left_out > 0)
        cli_out(" (number %" PRIu64 " of %" PRIu64 " is left out)", left_out, at->baseline.barriers);
    cli_out("\n");
    for (size_t i = 0; i < weft_hazard_report_count(report); i++) {
        char text[WEFT_HAZARD_TEXT_BYTES];
        cli_out_name(weft_hazard_text(weft_hazard_report_at(report, i), text));
        cli_out("\n");
    }
    if (at->main->status != WEFT_OK)
        cli_out("The run failed: %s\n", at->main->err.message);
    if (cli_given(at->values, &option_shuffle))
        cli_out("shuffled with seed %" PRIu64 ": tokens and logits are %s those of the unshuffled run, bit for bit\n",
                cli_count(at->values, &option_shuffle), at->is_equal ? "equal to" : "NOT equal to");
    cli_out("barriers: %zu missing, %zu needless, %zu too wide\n", count_of(at, WEFT_VERDICT_MISSING),
            count_of(at, WEFT_VERDICT_NEEDLESS), count_of(at, WEFT_VERDICT_TOO_WIDE));
}

static int open_inputs(check *at)
{
    weft_error err;
    weft_tokenizer *tokenizer = NULL;
    int code = cli_model_open(at->values, NULL, cli_text(at->values, &cli_option_model), &at->model);
    if (code == CLI_EXIT_OK && cli_given(at->values, &option_shuffle))
        code =
            cli_model_open(at->values, &option_shuffle, cli_text(at->values, &cli_option_model), &at->shuffled_model);
    if (code != CLI_EXIT_OK)
        return code;
    weft_status status =
        weft_model_open_tokenizer(cli_text(at->values, &cli_option_model), &at->model.info, &tokenizer, &err);
    if (status != WEFT_OK)
        return cli_fail(at->values->verb->name, status, &err);
    code = cli_prompt_open(at->values, cli_text(at->values, &option_prompt), tokenizer, &at->model.info, &at->prompt);
    weft_tokenizer_close(tokenizer);
    return code;
}

static int open_timeline(check *at)
{
    weft_error err;
    if (!cli_given(at->values, &cli_option_trace))
        return CLI_EXIT_OK;
    weft_status status = weft_timeline_create(&at->timeline, &err);
    return status == WEFT_OK ? CLI_EXIT_OK : cli_fail(at->values->verb->name, status, &err);
}

/* The baseline first: only a complete run tells how many barriers there are to be left out. */
static int run_all(check *at)
{
    weft_error err;
    const char *verb = at->values->verb->name;
    size_t steps = (size_t)cli_count(at->values, &option_tokens);
    uint64_t omit = cli_count(at->values, &option_break);
    bool is_shuffled = cli_given(at->values, &option_shuffle), is_special = omit > 0 || is_shuffled;
    const check_trace trace = {cli_text(at->values, &cli_option_trace), at->timeline}, none = {0};
    weft_status status =
        check_run_model(&at->model, &at->prompt, steps, 0, verb, is_special ? &none : &trace, &at->baseline, &err);
    if (status != WEFT_OK)
        return cli_fail(verb, status, &err);
    if (at->baseline.status != WEFT_OK)
        return cli_fail(verb, at->baseline.status, &at->baseline.err);
    at->main = &at->baseline;
    if (omit > at->baseline.barriers)
        return cli_usage_error(verb, "--break is %" PRIu64 ", but the number of barriers is %" PRIu64 ".", omit,
                               at->baseline.barriers);
    if (!is_special)
        return CLI_EXIT_OK;
    const cli_model *model = is_shuffled ? &at->shuffled_model : &at->model;
    status = check_run_model(model, &at->prompt, steps, omit, verb, &trace, &at->special, &err);
    if (status != WEFT_OK)
        return cli_fail(verb, status, &err);
    /* A run that lacks a barrier may well fail; any other may not. */
    if (at->special.status != WEFT_OK && omit == 0)
        return cli_fail(verb, at->special.status, &at->special.err);
    at->main = &at->special;
    at->is_equal = check_runs_equal(&at->baseline, &at->special, model);
    return CLI_EXIT_OK;
}

static int run(const cli_values *values)
{
    check at = {.values = values};
    int code = open_inputs(&at);
    if (code == CLI_EXIT_OK)
        code = open_timeline(&at);
    if (code == CLI_EXIT_OK)
        code = run_all(&at);
    if (code == CLI_EXIT_OK) {
        if (cli_given(values, &cli_option_json))
            out_json(&at);
        else
            out_text(&at);
        bool is_unequal = cli_given(values, &option_shuffle) && !at.is_equal;
        if (count_of(&at, WEFT_VERDICT_MISSING) > 0 || is_unequal || at.main->status != WEFT_OK)
            code = CLI_EXIT_FAILED;
    }
    weft_timeline_destroy(at.timeline);
    check_run_release(&at.baseline);
    check_run_release(&at.special);
    cli_prompt_release(&at.prompt);
    cli_model_close(&at.shuffled_model);
    cli_model_close(&at.model);
    return code;
}

static const cli_option *const options[] = {
    &cli_option_model,
    &option_prompt,
    &option_tokens,
    &option_break,
    &option_shuffle,
    &cli_option_device,
    &cli_option_threads,
    &cli_option_isa,
    &cli_option_trace,
    &cli_option_json,
    NULL,
};

static const cli_example examples[] = {
    {"weft check --model models/sums", "every barrier of a prefill and two decode steps"},
    {"weft check --model models/sums --break 3", "leave one out, and see that it is found (exit code 1)"},
    {"weft check --model models/sums --shuffle 7", "run in a random order that the barriers allow: the same bits"},
    {"weft check --model models/sums --trace trace.json", "the passes that are checked, for ui.perfetto.dev"},
    {NULL, NULL},
};

const cli_verb cli_verb_check = {
    .name = "check",
    .summary = "find missing and needless barriers in a model's stream",
    .description = "Records a prefill and some decode steps with the hazard tracker on, and prints a sentence for each "
                   "barrier that is "
                   "missing, needless, or too wide: one that holds back dispatches which need nothing from before it. "
                   "The exit code is "
                   "1 if a barrier is missing, or if a shuffled run does not give the bits of an unshuffled one.",
    .options = options,
    .examples = examples,
    .run = run,
};
