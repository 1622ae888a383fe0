/* weft retime: what a saved run would have taken on another machine. */
#include "commands.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/retime.h>

#include "json_output.h"
#include "machine_input.h"
#include "output.h"
#include "run_output.h"

/* The run that was read last: the points of a sweep are all of one. It stays until the command ends. */
static struct {
    pthread_mutex_t lock;
    char *path;
    weft_recording *recording;
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

static weft_status open_run(const char *path, const weft_recording **out, weft_error *err)
{
    weft_status status = WEFT_OK;
    pthread_mutex_lock(&last.lock);
    if (!last.path || strcmp(last.path, path) != 0) {
        weft_recording *recording;
        status = weft_recording_open(path, &recording, err);
        if (status == WEFT_OK) {
            size_t bytes = strlen(path) + 1;
            free(last.path);
            last.path = memcpy(cli_allocate(bytes), path, bytes);
            weft_recording_destroy(last.recording);
            last.recording = recording;
        }
    }
    *out = status == WEFT_OK ? last.recording : NULL;
    pthread_mutex_unlock(&last.lock);
    return status;
}

#define PATH_SHOWN 160 /* of its end: the sentence behind it has to have room */

static const char *tail_of(const char *path)
{
    size_t bytes = strlen(path);
    if (bytes <= PATH_SHOWN)
        return path;
    const char *tail = path + bytes - PATH_SHOWN;
    while (((unsigned char)*tail & 0xc0u) == 0x80u) /* not in the middle of a UTF-8 character */
        tail++;
    return tail;
}

/* Puts the name of the file before the sentence about what is in it, as there is before one that cannot be read. */
static void name_run(const char *path, weft_error *err)
{
    weft_error about = *err;
    (void)snprintf(err->message, sizeof err->message, "The file '%s': ", tail_of(path));
    size_t used = strlen(err->message);
    (void)snprintf(err->message + used, sizeof err->message - used, "%.*s", (int)sizeof about.message, about.message);
}

/* ---- what is shown ---- */

static json_t *json_of(const weft_recording_info *run, const weft_retime_result *result, const weft_machine *machine)
{
    weft_machine_info info;
    weft_machine_get_info(machine, &info);
    json_t *object = json_object();
    json_object_set_new(object, "recorded_on", cli_json_text(run->machine));
    json_object_set_new(object, "machine", cli_json_text(info.name));
    json_object_set_new(object, "launches", cli_json_count(run->launches));
    json_object_set_new(object, "requests", cli_json_count(run->requests));
    run_json_times(object, &result->report);
    json_object_set_new(object, "host_end_ns", cli_json_number((double)result->end_ps / 1000));
    json_object_set_new(object, "memory_bytes", cli_json_count(result->report.memory_bytes));
    run_json_counts(object, &result->report);
    json_object_set_new(object, "events", cli_json_count(result->statistics.events));
    return object;
}

static void out_ns(const char *label, uint64_t ps)
{
    cli_out("%-18s%" PRIu64 ".%03" PRIu64 " ns\n", label, ps / 1000, ps % 1000);
}

static void out_result(const weft_recording_info *run, const weft_retime_result *result, const weft_machine *machine)
{
    const weft_launch_report *report = &result->report;
    uint32_t tenths[WEFT_PE_TIMES];
    weft_machine_info info;
    weft_machine_get_info(machine, &info);
    cli_out("%" PRIu64 " launch%s on %" PRIu32 " PE%s of ", run->launches, cli_plural(run->launches, "es"), report->pes,
            cli_plural(report->pes, "s"));
    cli_out_name(info.name);
    cli_out(", %" PRIu64 " request%s, recorded on ", run->requests, cli_plural(run->requests, "s"));
    cli_out_name(run->machine);
    cli_out("\n");
    out_ns("until the end", result->end_ps);
    out_ns(run->launches > 1 ? "kernels, added up" : "makespan", report->makespan_ps);
    cli_out("%-18s%.1f %% of that\n", "roofline", 100 * report->roofline_fraction);
    run_shares(report->spent_ps, WEFT_PE_TIMES, tenths);
    for (size_t i = 0; i < WEFT_PE_TIMES; i++)
        cli_out("%-18s%" PRIu32 ".%" PRIu32 " %%\n", weft_pe_time_name((weft_pe_time)i), tenths[i] / 10,
                tenths[i] % 10);
}

/* ---- the verb ---- */

/* The result goes to *json if there is one, else it is printed. */
static int retime(const cli_values *values, json_t **json, weft_error *err)
{
    const weft_recording *recording;
    weft_recording_info info;
    weft_retime_result *result;
    weft_machine *machine = NULL;
    weft_status status = open_run(values->operand, &recording, err);
    if (status != WEFT_OK)
        return cli_exit_code(status);
    int code = cli_open_machine(values, &machine, err);
    if (code != CLI_EXIT_OK)
        return code;
    weft_recording_get_info(recording, &info);
    status = weft_retime(recording, machine, &result, err);
    if (status == WEFT_OK && json)
        *json = json_of(&info, result, machine);
    else if (status == WEFT_OK)
        out_result(&info, result, machine);
    if (status == WEFT_OK)
        weft_retime_result_destroy(result);
    else
        name_run(values->operand, err);
    weft_machine_close(machine);
    return status == WEFT_OK ? CLI_EXIT_OK : cli_exit_code(status);
}

static int measure(const cli_values *values, json_t **out, weft_error *err)
{
    weft_error unread;
    *out = NULL;
    return retime(values, out, err ? err : &unread);
}

/* A run that cannot be read, or not be re-timed anywhere, is wrong in all points. */
static int check(const cli_values *values, weft_error *err)
{
    const weft_recording *recording;
    weft_recording_info info;
    weft_status status = open_run(values->operand, &recording, err);
    if (status != WEFT_OK)
        return cli_exit_code(status);
    weft_recording_get_info(recording, &info);
    if (!info.refusal)
        return CLI_EXIT_OK;
    *err = (weft_error){.code = WEFT_UNSUPPORTED};
    (void)snprintf(err->message, sizeof err->message, "%s", info.refusal);
    name_run(values->operand, err);
    return cli_exit_code(WEFT_UNSUPPORTED);
}

static int run(const cli_values *values)
{
    weft_error err = {.code = WEFT_OK};
    json_t *json = NULL;
    int code = retime(values, cli_given(values, &cli_option_json) ? &json : NULL, &err);
    if (json)
        cli_out_json(json);
    if (err.code != WEFT_OK)
        cli_error(values->verb->name, "%s", err.message);
    return code;
}

static const cli_option *const options[] = {&cli_option_machine, &cli_option_set, &cli_option_json, NULL};

static const cli_example examples[] = {
    {"weft retime softmax.run --machine machines/two-sip.yaml --set pe.clock_ghz=2",
     "what the run would take with a clock twice as fast"},
    {NULL, NULL},
};

const cli_verb cli_verb_retime = {
    .name = "retime",
    .summary = "tell what a saved run takes on another machine, without kernels",
    .description =
        "Asks the PEs of a machine what the kernels of a run asked that `weft run --save-run` has saved, in the same "
        "order. What that takes is what a full run takes there, to the picosecond. Refused where a full run might ask "
        "something else: if a kernel looked at data or at the time, or if the machine differs in what kernels and "
        "placements go by, how many parts it has and how large its memories are. docs/sweep.md tells which keys may "
        "differ.",
    .operand = "RUN",
    .operand_help = "what `weft run --save-run` wrote",
    .operand_is_required = true,
    .operand_reads = CLI_READS_FILE,
    .options = options,
    .examples = examples,
    .run = run,
    .measure = measure,
    .check = check,
};
