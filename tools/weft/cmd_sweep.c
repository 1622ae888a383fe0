/* weft sweep: one verb, many settings. */
#include "commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/machine.h>

#include "file_check.h"
#include "help.h"
#include "json_output.h"
#include "machine_input.h"
#include "output.h"
#include "sweep_output.h"
#include "sweep_points.h"
#include "sweep_ranks.h"
#include "sweep_run.h"
#include "sweep_store.h"
#include "sweep_workers.h"

static const cli_option option_set = {.name = "set",
                                      .letter = 's',
                                      .kind = CLI_WORD,
                                      .argument = "KEY=V1,V2,...",
                                      .may_repeat = true,
                                      .help = "values for a key of the machine file, or for run one of the bench; "
                                              "commas inside of brackets do not separate values"};

static const cli_option option_vary = {
    .name = "vary",
    .kind = CLI_WORD,
    .argument = "OPTION=V1,V2,...",
    .may_repeat = true,
    .help = "values for an option of the verb; rate=0.1,0.2 runs it with these two rates"};

static const cli_option option_out = {
    .name = "out",
    .letter = 'o',
    .kind = CLI_WORD,
    .argument = "FILE",
    .is_output = true,
    .is_begun_first = true,
    .help = "write the results to FILE, as CSV or JSON by its name; until all are there they are in FILE.partial, from "
            "which the same command goes on if it was killed"};

static const cli_option option_threads = {.name = "threads",
                                          .letter = 't',
                                          .kind = CLI_COUNT,
                                          .argument = "N",
                                          .least = 1,
                                          .most = 1024,
                                          .help = "points to run at a time; one for each CPU if not given"};

static const cli_option option_fresh = {
    .name = "fresh", .kind = CLI_FLAG, .help = "begin anew, whatever is in FILE.partial"};

static const cli_option option_retime = {
    .name = "retime",
    .kind = CLI_WORD,
    .argument = "RUN",
    .reads = CLI_READS_FILE,
    .help = "re-time what `weft run --save-run` wrote, instead of running a verb; the same as -- retime RUN"};

static const cli_option option_json = {
    .name = "json",
    .letter = 'j',
    .kind = CLI_FLAG,
    .help = "print the results as a JSON array instead of a table; with --out, the summary as one object"};

/* A sweep from its command line to its results. */
typedef struct sweep_job {
    const cli_values *values;
    const char *verb; /* "sweep" */
    const char *path; /* of the results, or NULL */
    sweep_format format;
    sweep_points points;
    json_t *identity;
    sweep_ranks ranks;
    size_t threads;
    cli_values with_verb; /* the command line as if what --retime stands for were behind the -- */
    char *retimed[2];
} sweep_job;

#define HASH_TEXT 17

/* FNV-1a of a file's bytes: enough to see that a file is not what it was. */
static int hash_file(const char *verb, const char *what, const char *path, char out[HASH_TEXT])
{
    uint64_t hash = 0xcbf29ce484222325U;
    FILE *file = fopen(path, "rb");
    int letter = EOF;
    while (file && (letter = fgetc(file)) != EOF)
        hash = (hash ^ (uint64_t)letter) * 0x100000001b3U;
    bool is_good = file && !ferror(file);
    int reason = errno;
    if (file)
        fclose(file);
    if (!is_good) {
        cli_error(verb, "The %s '%s' cannot be read: %s.", what, path, strerror(reason));
        return CLI_EXIT_INPUT;
    }
    snprintf(out, HASH_TEXT, "%016" PRIx64, hash);
    return CLI_EXIT_OK;
}

/* What is wrong with the file, or with the name of a key, is wrong with all points, and said once. A value that the
 * machine cannot have is a matter of the points that have it. */
static int check_machine(const sweep_job *job)
{
    weft_machine_setting settings[SWEEP_AXES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < job->points.axis_count; i++) {
        const sweep_axis *axis = &job->points.axes[i];
        bool is_of_verb = job->points.verb->has_settings && !cli_is_machine_key(axis->name);
        if (axis->is_setting && !is_of_verb)
            settings[count++] =
                (weft_machine_setting){.key = axis->name, .value = sweep_points_value(&job->points, 0, i)};
    }
    weft_error err = {.code = WEFT_OK};
    weft_machine *machine = NULL;
    int code = cli_open_machine_with(job->points.machine, settings, count, &machine, &err);
    weft_machine_close(machine);
    if (code == CLI_EXIT_USAGE && err.code != WEFT_NOT_FOUND)
        return CLI_EXIT_OK;
    if (code != CLI_EXIT_OK)
        cli_error(job->verb, "%s", err.message);
    return code;
}

/* The results, and what they are gathered in, are neither the machine nor what the points read. */
static int check_output(const sweep_job *job)
{
    const char *input = job->points.input;
    char *partial = sweep_store_path(job->path);
    int code = cli_check_file(job->values, &option_out, partial);
    if (code == CLI_EXIT_OK && input && (cli_is_same_file(job->path, input) || cli_is_same_file(partial, input)))
        code = cli_usage_error(job->verb, "--out %s would replace '%s', which is read for %s.", job->path, input,
                               job->points.verb->operand);
    free(partial);
    return code;
}

static int read_command(const cli_values *values, sweep_job *out, bool *out_wants_help)
{
    const char *path = cli_text(values, &option_out), *saved = cli_text(values, &option_retime);
    *out =
        (sweep_job){.values = values, .verb = values->verb->name, .path = path, .ranks = {.count = 1, .on_machine = 1}};
    out->format = cli_given(values, &option_json) ? SWEEP_JSON : SWEEP_TABLE;
    if (path && !sweep_format_of(path, &out->format))
        return cli_usage_error(out->verb, "--out is '%s', but must end in .csv or .json.", path);
    if (!path && cli_given(values, &option_fresh))
        return cli_usage_error(out->verb, "--fresh needs --out, without which nothing is kept.");
    if (saved && values->rest_count > 0)
        return cli_usage_error(out->verb, "--retime %s stands in for a verb, and there is one behind the --: %s.",
                               saved, values->rest[0]);
    if (saved) {
        out->retimed[0] = (char *)cli_verb_retime.name;
        out->retimed[1] = (char *)saved;
        out->with_verb = *values;
        out->with_verb.rest = out->retimed;
        out->with_verb.rest_count = 2;
    }
    int code =
        sweep_points_read(saved ? &out->with_verb : values, &option_set, &option_vary, &out->points, out_wants_help);
    if (code != CLI_EXIT_OK || *out_wants_help)
        return code;
    char hash[HASH_TEXT], input_hash[HASH_TEXT];
    const char *input = out->points.input;
    code = path ? check_output(out) : CLI_EXIT_OK;
    if (code == CLI_EXIT_OK)
        code = hash_file(out->verb, "machine file", out->points.machine, hash);
    if (code == CLI_EXIT_OK)
        code = check_machine(out);
    if (code == CLI_EXIT_OK && input)
        code = hash_file(out->verb, "saved run", input, input_hash);
    if (code == CLI_EXIT_OK)
        out->identity = sweep_points_identity(&out->points, hash, input ? input_hash : NULL);
    return code;
}

static void out_summary(const sweep_job *job, const sweep_store *store)
{
    if (!cli_given(job->values, &option_json)) {
        cli_out("%zu point%s, %zu of them from before, %zu failed; results in ", store->count,
                cli_plural(store->count, "s"), store->resumed, store->failed);
        cli_out_name(job->path);
        cli_out("\n");
        return;
    }
    json_t *object = json_object();
    json_object_set_new(object, "points", cli_json_count(store->count));
    json_object_set_new(object, "resumed", cli_json_count(store->resumed));
    json_object_set_new(object, "failed", cli_json_count(store->failed));
    json_object_set_new(object, "out", cli_json_text(job->path));
    cli_out_json(object);
}

static int write_results(const sweep_job *job, const sweep_store *store)
{
    int code = sweep_write(&job->points, store, job->format, job->path);
    if (code != CLI_EXIT_OK)
        return code;
    sweep_store_remove(store);
    if (job->path)
        out_summary(job, store);
    if (store->worst_exit == CLI_EXIT_INTERNAL)
        return CLI_EXIT_INTERNAL;
    return store->failed > 0 ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

static int run_with_store(const sweep_job *job, const sweep_run *run)
{
    sweep_store store;
    bool is_fresh = cli_given(job->values, &option_fresh);
    int code = sweep_store_open(job->verb, job->path, is_fresh, job->identity, job->points.count, &store);
    bool is_ours = code == CLI_EXIT_OK;
    code = sweep_run_coordinator(run, &store, code);
    if (code == CLI_EXIT_OK)
        code = write_results(job, &store);
    else if (is_ours && store.resumed == 0 && store.done == 0)
        sweep_store_remove(&store); /* it would only be in the way of the next try */
    sweep_store_close(&store);
    return code;
}

static int run_points(sweep_job *job)
{
    int code = sweep_ranks_expected() ? sweep_ranks_open(job->verb, &job->ranks) : CLI_EXIT_OK;
    if (code != CLI_EXIT_OK)
        return code;
    uint64_t threads = cli_count(job->values, &option_threads);
    sweep_run run = {.verb = job->verb,
                     .points = &job->points,
                     .ranks = &job->ranks,
                     .identity = job->identity,
                     .threads =
                         threads > 0 ? (size_t)threads : sweep_workers_for_machine((size_t)job->ranks.on_machine)};
    code = job->ranks.rank == 0 ? run_with_store(job, &run) : sweep_run_client(&run);
    sweep_ranks_close(&job->ranks);
    return code;
}

static int run(const cli_values *values)
{
    sweep_job job;
    bool wants_help = false;
    json_object_seed(0); /* before there are threads */
    int code = read_command(values, &job, &wants_help);
    if (code == CLI_EXIT_OK && wants_help)
        cli_print_verb_help(job.points.verb);
    else if (code == CLI_EXIT_OK)
        code = run_points(&job);
    json_decref(job.identity);
    sweep_points_release(&job.points);
    return code;
}

static const cli_option *const options[] = {
    &cli_option_machine, &option_set,   &option_vary, &option_retime, &option_out,
    &option_threads,     &option_fresh, &option_json, NULL,
};

static const cli_example examples[] = {
    {"weft sweep --machine machines/two-sip.yaml --set pe.dma.channels=1,2,4 --set cube.link_gbs=128,256 "
     "--out dma.csv -- probe --case all",
     "six machines, all cases on each, a row for each case"},
    {"weft sweep --machine machines/mesh-8x8.yaml --vary rate=0.1,0.2,0.3 -- probe --traffic uniform "
     "--packet-flits 16",
     "the same machine under three loads, as a table"},
    {"weft sweep --machine machines/two-sip.yaml --set pe.clock_ghz=1,1.5,2 --retime softmax.run --out clock.csv",
     "what a saved run would take with three clocks, without running its kernels"},
    {NULL, NULL},
};

const cli_verb cli_verb_sweep = {
    .name = "sweep",
    .summary = "run a verb for every combination of settings",
    .description =
        "Runs `weft VERB WORD...` once for every combination of the values that --set and --vary list, on as many "
        "CPUs as there are, and gathers what it prints with --json. The results do not depend on the number of "
        "threads. Under mpirun, the ranks share the points. The exit code is 1 if a point failed; the results say "
        "which and why.",
    .rest = "VERB WORD...",
    .instead_of_rest = &option_retime,
    .rest_help = "the verb to run (probe) and its own words, without --machine",
    .options = options,
    .examples = examples,
    .run = run,
};
