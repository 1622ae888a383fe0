/* weft run: tile kernels on a simulated machine, what they take, and whether their numbers are right. */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include <weft/sim_bench.h>

#include "bench_input.h"
#include "json_output.h"
#include "machine_input.h"
#include "nearest.h"
#include "output.h"
#include "run_history.h"
#include "run_output.h"
#include "saved_run.h"
#include "ticker.h"

static const cli_option option_set = {
    .name = "set",
    .letter = 's',
    .kind = CLI_WORD,
    .argument = "KEY=VALUE",
    .may_repeat = true,
    .help = "with a dot in KEY, replace a value of the machine file, pe.dma.channels=2 say; without one, set what "
            "`weft list NAME` tells of the bench; where a key is set twice, the last counts"};

static const cli_option option_verify = {
    .name = "verify",
    .kind = CLI_FLAG,
    .help = "compute the numbers too, and compare them with a reference; without it there are times alone"};

static const cli_option option_perturb = {
    .name = "perturb",
    .kind = CLI_COUNT,
    .argument = "N",
    .least = 1,
    .most = 1000000,
    .help = "run N times more, with latencies that vary at random within the bounds of the machine file, and compare "
            "the numbers bit by bit; verifies as well"};

static const cli_option option_seed = {.name = "seed",
                                       .kind = CLI_COUNT,
                                       .argument = "S",
                                       .initial = "0",
                                       .most = INT64_MAX,
                                       .help = "seed of the data; perturbed runs have S+1, S+2 ... for latencies"};

static const cli_option option_hazards = {
    .name = "hazards",
    .kind = CLI_WORD,
    .argument = "ACTION",
    .initial = "error",
    .help = "what happens where nothing orders two accesses: error ends the run; report counts them, and computes what "
            "the kernel means; hardware counts them, and computes what the machine would have; looked for with "
            "--verify"};

static const cli_option option_values = {
    .name = "values",
    .kind = CLI_WORD,
    .argument = "MODE",
    .initial = "lazy",
    .help = "with --verify: compute values when somebody reads them, lazy, or as soon as they are made, eager"};

static const cli_option option_threads = {.name = "threads",
                                          .letter = 't',
                                          .kind = CLI_COUNT,
                                          .argument = "N",
                                          .initial = "1",
                                          .least = 1,
                                          .most = 1024,
                                          .help = "threads that compute values"};

static const cli_option option_trace = {.name = "trace",
                                        .kind = CLI_WORD,
                                        .argument = "FILE",
                                        .is_output = true,
                                        .help = "write a trace of the run without perturbation for ui.perfetto.dev"};

static const cli_option option_save_run = {
    .name = "save-run",
    .kind = CLI_WORD,
    .argument = "FILE",
    .is_output = true,
    .help = "write what the kernels asked of their PEs in the run without perturbation, for `weft retime`"};

/* ---- what the command line says ---- */

static const char *const hazard_words[] = {"error", "report", "hardware", NULL};
static const char *const value_words[] = {"lazy", "eager", NULL};

/* Which of some words an option is. */
static int read_choice(const cli_values *values, const cli_option *option, const char *const *words, size_t *out,
                       weft_error *err)
{
    char all[128] = "";
    const char *text = cli_text(values, option);
    for (*out = 0; words[*out]; (*out)++) {
        if (strcmp(text, words[*out]) == 0)
            return CLI_EXIT_OK;
        if (*out > 0)
            strcat(all, words[*out + 1] ? ", " : " or ");
        strcat(all, words[*out]);
    }
    return cli_refuse(err, "--%s is '%s', but must be %s.", option->name, text, all);
}

static int check_options(const cli_values *values, weft_error *err)
{
    static const cli_option *const of_values[] = {&option_hazards, &option_values};
    bool verifies = cli_given(values, &option_verify) || cli_given(values, &option_perturb);
    for (size_t i = 0; i < sizeof of_values / sizeof of_values[0]; i++) {
        if (cli_given(values, of_values[i]) && !verifies)
            return cli_refuse(err, "--%s is for --verify and --perturb, without which there are times alone.",
                              of_values[i]->name);
    }
    return CLI_EXIT_OK;
}

static int read_options(const cli_values *values, weft_sim_bench_options *out, weft_error *err)
{
    size_t hazards = 0, mode = 0;
    int code = read_choice(values, &option_hazards, hazard_words, &hazards, err);
    if (code == CLI_EXIT_OK)
        code = read_choice(values, &option_values, value_words, &mode, err);
    if (code == CLI_EXIT_OK)
        code = check_options(values, err);
    *out = (weft_sim_bench_options){.verify = cli_given(values, &option_verify),
                                    .perturb = cli_count(values, &option_perturb),
                                    .seed = cli_count(values, &option_seed),
                                    .hazards = (weft_hazard_action)hazards,
                                    .values = (weft_values_mode)mode,
                                    .threads = (uint32_t)cli_count(values, &option_threads),
                                    .trace_path = cli_text(values, &option_trace),
                                    .keeps_history = cli_given(values, &cli_option_record)};
    return code;
}

/* ---- one run ---- */

/* --set, parted into what the machine has and what the bench has. */
typedef struct run_settings {
    cli_settings read;
    weft_machine_setting machine[CLI_REPEATS_MAX], bench[CLI_REPEATS_MAX];
    size_t machine_count, bench_count;
} run_settings;

/* Whoever misses the dot of a key of the machine is told of it. */
static int check_key(const weft_sim_bench *bench, const char *name, weft_error *err)
{
    weft_sim_bench_key key;
    const char *nearest = "";
    size_t least = SIZE_MAX;
    for (size_t i = 0; weft_sim_bench_key_at(bench->name, i, &key); i++) {
        size_t distance = cli_distance(name, key.name);
        if (strcmp(name, key.name) == 0)
            return CLI_EXIT_OK;
        nearest = distance < least ? key.name : nearest;
        least = distance < least ? distance : least;
    }
    return cli_refuse(err, "Bench '%s' has no key '%s'; the nearest is '%s'. Keys of the machine have a dot.",
                      bench->name, name, nearest);
}

static int read_settings(const cli_values *values, const weft_sim_bench *bench, run_settings *out, weft_error *err)
{
    out->machine_count = out->bench_count = 0;
    int code = cli_settings_read(values, &option_set, "pe.dma.channels=2", &out->read, err);
    for (size_t i = 0; i < out->read.count && code == CLI_EXIT_OK; i++) {
        if (cli_is_machine_key(out->read.at[i].key)) {
            out->machine[out->machine_count++] = out->read.at[i];
        } else {
            out->bench[out->bench_count++] = out->read.at[i];
            code = check_key(bench, out->read.at[i].key, err);
        }
    }
    return code;
}

static void set_progress(void *user, uint64_t done, uint64_t total)
{
    cli_ticker_set(user, done, total);
}

/* One call of the verb. The result goes to *json if there is one, else it is printed. What cannot be run ends it with a
 * code in *err. */
typedef struct run_call {
    const cli_values *values;
    json_t **json;
    bool is_alone; /* not a point of a sweep: shows progress, and tells what depends on the computer */
    weft_error *err;
} run_call;

/* Writes a recording, and lets go of it. */
static int save_run(const char *verb, weft_recording *recording, const char *path, weft_error *err)
{
    weft_status status = cli_save_run(verb, recording, path, err);
    weft_recording_destroy(recording);
    return status == WEFT_OK ? CLI_EXIT_OK : cli_exit_code(status);
}

/* Runs the bench on an open machine. */
static int run_on(const run_call *call, const weft_machine *machine, const weft_sim_bench *bench,
                  const weft_sim_bench_options *given)
{
    weft_machine_info info;
    weft_sim_bench_result *result;
    weft_sim_bench_options options = *given;
    weft_recording *recording = NULL;
    const char *saved = cli_text(call->values, &option_save_run);
    cli_ticker ticker;
    if (saved)
        options.recording = &recording;
    if (call->is_alone) {
        cli_ticker_begin(&ticker, call->values->verb->name, "runs");
        options.progress = set_progress;
        options.progress_user = &ticker;
    }
    weft_status status = weft_sim_bench_run(machine, bench->name, &options, &result, call->err);
    if (call->is_alone)
        cli_ticker_end(&ticker);
    if (status == WEFT_OK && saved) {
        int code = save_run(call->values->verb->name, recording, saved, call->err);
        if (code != CLI_EXIT_OK) {
            weft_sim_bench_result_destroy(result);
            return code;
        }
    }
    if (status != WEFT_OK) /* what is out of range is the kernel's or the machine's, not a setting of the bench */
        return status == WEFT_OUT_OF_RANGE ? CLI_EXIT_INPUT : cli_exit_code_of_words(status);
    weft_machine_get_info(machine, &info);
    const run_shown shown = {.machine = &info, .options = &options, .result = result};
    if (call->json)
        *call->json = run_json(&shown, call->is_alone);
    else
        run_out(&shown);
    int code = options.keeps_history ? run_history_write(call->values, machine, result) : CLI_EXIT_OK;
    if (code == CLI_EXIT_OK && !result->holds)
        code = CLI_EXIT_FAILED;
    weft_sim_bench_result_destroy(result);
    return code;
}

/* What the words say. */
typedef struct run_words {
    weft_sim_bench bench;
    weft_sim_bench_options options;
    run_settings settings;
} run_words;

/* `out` is to be released in either case. */
static int read_words(const cli_values *values, run_words *out, weft_error *err)
{
    size_t index;
    out->settings.read.count = 0;
    int code = cli_find_bench(values->operand, &index, &out->bench, err);
    if (code == CLI_EXIT_OK)
        code = read_options(values, &out->options, err);
    if (code == CLI_EXIT_OK)
        code = read_settings(values, &out->bench, &out->settings, err);
    if (code != CLI_EXIT_OK)
        return code;
    out->options.settings = out->settings.bench;
    out->options.setting_count = out->settings.bench_count;
    return CLI_EXIT_OK;
}

static void release_words(run_words *words)
{
    cli_settings_release(&words->settings.read);
}

static int check(const cli_values *values, weft_error *err)
{
    run_words words;
    int code = read_words(values, &words, err);
    if (code == CLI_EXIT_OK)
        code = cli_exit_code_of_words(weft_sim_bench_check_options(words.bench.name, &words.options, err));
    release_words(&words);
    return code;
}

static int run_with(const run_call *call)
{
    const cli_values *values = call->values;
    run_words words;
    weft_machine *machine = NULL;
    int code = read_words(values, &words, call->err);
    if (code == CLI_EXIT_OK)
        code = cli_open_machine_with(cli_text(values, &cli_option_machine), words.settings.machine,
                                     words.settings.machine_count, &machine, call->err);
    if (code == CLI_EXIT_OK)
        code = run_on(call, machine, &words.bench, &words.options);
    weft_machine_close(machine);
    release_words(&words);
    return code;
}

static int measure(const cli_values *values, json_t **out, weft_error *err)
{
    weft_error unread;
    *out = NULL;
    return run_with(&(run_call){.values = values, .json = out, .err = err ? err : &unread});
}

static int run(const cli_values *values)
{
    weft_error err = {.code = WEFT_OK};
    json_t *json = NULL;
    bool is_json = cli_given(values, &cli_option_json);
    int code = run_with(&(run_call){.values = values, .json = is_json ? &json : NULL, .is_alone = true, .err = &err});
    if (json)
        cli_out_json(json);
    if (err.code != WEFT_OK)
        cli_error(values->verb->name, "%s", err.message);
    return code;
}

static const cli_option *const options[] = {
    &cli_option_machine,
    &option_set,
    &option_verify,
    &option_perturb,
    &option_seed,
    &option_hazards,
    &option_values,
    &option_threads,
    &option_trace,
    &option_save_run,
    &cli_option_record,
    &cli_option_json,
    NULL,
};

static const cli_example examples[] = {
    {"weft run softmax --machine machines/two-sip.yaml", "what it takes, on all PEs"},
    {"weft run qkv-gemm --machine machines/two-sip.yaml --verify --set n=256 --set pe.dma.channels=2",
     "other sizes on another machine, and whether the numbers are right"},
    {"weft run gemm-composite --machine machines/two-sip.yaml --set m=32 --set k=3072 --set n=32 "
     "--set variant=load_ref --json",
     "one composite command, as JSON"},
    {"weft run mesh-attention --machine machines/two-sip.yaml --record run.json",
     "a run file, of which the verb report makes a page that shows where the time went"},
    {"weft run rms-norm --machine machines/two-sip.yaml --perturb 20 --hazards=report",
     "twenty times more with other latencies: are the numbers the same, is anything a race?"},
    {NULL, NULL},
};

const cli_verb cli_verb_run = {
    .name = "run",
    .summary = "run tile kernels on a simulated machine, and check their numbers",
    .description =
        "Runs a bench, as `weft list` names them: tensors are laid out, a kernel is launched on PEs, and what it took "
        "is told. Of a PE's time, dispatch is spent on giving commands, compute, DMA, queue and barrier on waiting for "
        "them, and idle after its kernel has ended until the last one has; together that is 100 %. An engine stalls "
        "while a command that needs it is under way and it has nothing to do. The roofline is the greater of two "
        "bounds, the products at the peak of the PEs and the memory traffic at the bandwidth of their slices. The exit "
        "code is 1 if a check does not hold, a perturbed run differs, or there is a hazard or a deadlock.",
    .operand = "NAME",
    .operand_help = "the bench, or its number in `weft list`",
    .operand_is_required = true,
    .options = options,
    .examples = examples,
    .run = run,
    .measure = measure,
    .check = check,
    .has_settings = true,
};
