/* weft list: the benches of simulated machines, what can be set of one, and which of them a machine can run. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <weft/sim_bench.h>

#include "bench_input.h"
#include "json_output.h"
#include "machine_input.h"
#include "output.h"

static const cli_option option_machine = {
    .name = "machine",
    .letter = 'm',
    .kind = CLI_WORD,
    .argument = "FILE",
    .help = "run each bench on this machine as it is if nothing is set of it, without numbers, and tell what it takes, "
            "or why it cannot run there"};

/* ---- a bench on a machine ---- */

/* What became of it; `error` is empty if it ran. */
typedef struct trial {
    const char *machine;
    uint64_t makespan_ps;
    uint32_t pes;
    char error[WEFT_ERROR_MESSAGE_BYTES];
} trial;

static void try_bench(const weft_machine *machine, const weft_sim_bench *bench, trial *out)
{
    weft_error err;
    weft_machine_info info;
    weft_sim_bench_result *result;
    weft_machine_get_info(machine, &info);
    *out = (trial){.machine = info.name};
    if (weft_sim_bench_run(machine, bench->name, NULL, &result, &err) != WEFT_OK) {
        (void)snprintf(out->error, sizeof out->error, "%s", err.message);
        return;
    }
    out->makespan_ps = result->report.makespan_ps;
    out->pes = result->report.pes;
    weft_sim_bench_result_destroy(result);
}

static json_t *json_of_trial(const trial *it)
{
    json_t *object = json_object();
    bool runs = !it->error[0];
    json_object_set_new(object, "machine", cli_json_text(it->machine));
    json_object_set_new(object, "pes", runs ? cli_json_count(it->pes) : json_null());
    json_object_set_new(object, "makespan_ns", runs ? cli_json_number((double)it->makespan_ps / 1000) : json_null());
    json_object_set_new(object, "error", runs ? json_null() : cli_json_text(it->error));
    return object;
}

static void out_trial(const trial *it, size_t indent)
{
    char text[WEFT_ERROR_MESSAGE_BYTES + 128];
    if (it->error[0])
        (void)snprintf(text, sizeof text, "cannot run on %.64s: %s", it->machine, it->error);
    else
        (void)snprintf(text, sizeof text, "takes %.3f ns on %" PRIu32 " PE%s of %.64s.", (double)it->makespan_ps / 1000,
                       it->pes, cli_plural(it->pes, "s"), it->machine);
    cli_out("%*s", (int)indent, "");
    cli_out_wrapped(text, indent, indent);
}

/* ---- all benches ---- */

static json_t *json_of_key(const weft_sim_bench_key *key)
{
    json_t *object = json_object(), *choices = json_array();
    for (size_t i = 0; key->choices && key->choices[i]; i++)
        json_array_append_new(choices, cli_json_text(key->choices[i]));
    json_object_set_new(object, "name", cli_json_text(key->name));
    json_object_set_new(object, "what", cli_json_text(key->what));
    json_object_set_new(object, "choices", key->choices ? choices : json_null());
    if (!key->choices)
        json_decref(choices);
    json_object_set_new(object, "default",
                        key->choices ? cli_json_text(key->choices[key->standard]) : cli_json_count(key->standard));
    json_object_set_new(object, "least", key->choices ? json_null() : cli_json_count(key->least));
    json_object_set_new(object, "most", key->choices ? json_null() : cli_json_count(key->most));
    return object;
}

/* `machine` may be NULL, here and below. */
static json_t *json_of_bench(size_t index, const weft_sim_bench *bench, const weft_machine *machine)
{
    weft_sim_bench_key key;
    json_t *object = json_object(), *keys = json_array();
    for (size_t i = 0; weft_sim_bench_key_at(bench->name, i, &key); i++)
        json_array_append_new(keys, json_of_key(&key));
    json_object_set_new(object, "number", cli_json_count(index + 1));
    json_object_set_new(object, "name", cli_json_text(bench->name));
    json_object_set_new(object, "what", cli_json_text(bench->what));
    json_object_set_new(object, "keys", keys);
    if (machine) {
        trial on_machine;
        try_bench(machine, bench, &on_machine);
        json_object_set_new(object, "on_machine", json_of_trial(&on_machine));
    }
    return object;
}

static void out_bench(size_t index, const weft_sim_bench *bench, const weft_machine *machine)
{
    trial on_machine;
    cli_out("%2zu  %-20s  ", index + 1, bench->name);
    cli_out_wrapped(bench->what, 26, 26);
    if (!machine)
        return;
    try_bench(machine, bench, &on_machine);
    out_trial(&on_machine, 26);
}

static void list_all(const weft_machine *machine, bool is_json)
{
    weft_sim_bench bench;
    json_t *array = is_json ? json_array() : NULL;
    for (size_t i = 0; weft_sim_bench_at(i, &bench); i++) {
        if (is_json)
            json_array_append_new(array, json_of_bench(i, &bench, machine));
        else
            out_bench(i, &bench, machine);
    }
    if (is_json)
        cli_out_json(array);
}

/* ---- one ---- */

static void out_key(const weft_sim_bench_key *key)
{
    char values[512];
    size_t used = 0;
    if (key->choices)
        used = (size_t)snprintf(values, sizeof values, "one of");
    else
        (void)snprintf(values, sizeof values, "from %" PRIu64 " to %" PRIu64 "; default %" PRIu64, key->least,
                       key->most, key->standard);
    for (size_t i = 0; key->choices && key->choices[i] && used < sizeof values; i++)
        used += (size_t)snprintf(values + used, sizeof values - used, "%s %s", i > 0 ? "," : "", key->choices[i]);
    if (key->choices && used < sizeof values)
        (void)snprintf(values + used, sizeof values - used, "; default %s", key->choices[key->standard]);
    cli_out("  %-14s", key->name);
    cli_out_wrapped(key->what, 16, 16);
    cli_out("%16s", "");
    cli_out_wrapped(values, 16, 16);
}

static void list_one(size_t index, const weft_sim_bench *bench, const weft_machine *machine, bool is_json)
{
    trial on_machine;
    weft_sim_bench_key key;
    if (is_json) {
        cli_out_json(json_of_bench(index, bench, machine));
        return;
    }
    cli_out("%s: ", bench->name);
    cli_out_wrapped(bench->what, strlen(bench->name) + 2, 2);
    cli_out("\n");
    for (size_t i = 0; weft_sim_bench_key_at(bench->name, i, &key); i++)
        out_key(&key);
    cli_out("\nThey are set by --set KEY=VALUE of `weft run`.\n");
    if (!machine)
        return;
    try_bench(machine, bench, &on_machine);
    cli_out("\n");
    out_trial(&on_machine, 0);
}

/* NULL and no error without --machine. */
static int open_machine(const cli_values *values, weft_machine **out, weft_error *err)
{
    const char *path = cli_text(values, &option_machine);
    *out = NULL;
    if (path)
        return cli_open_machine_file(values, path, out, err);
    if (cli_given(values, &cli_option_set))
        return cli_refuse(err, "--set is for --machine, which is not given.");
    return CLI_EXIT_OK;
}

static int run(const cli_values *values)
{
    weft_sim_bench bench;
    weft_error err;
    weft_machine *machine = NULL;
    size_t index;
    bool is_json = cli_given(values, &cli_option_json);
    int code = values->operand ? cli_find_bench(values->operand, &index, &bench, &err) : CLI_EXIT_OK;
    if (code == CLI_EXIT_OK)
        code = open_machine(values, &machine, &err);
    if (code != CLI_EXIT_OK)
        cli_error(values->verb->name, "%s", err.message);
    else if (values->operand)
        list_one(index, &bench, machine, is_json);
    else
        list_all(machine, is_json);
    weft_machine_close(machine);
    return code;
}

static const cli_option *const options[] = {&option_machine, &cli_option_set, &cli_option_json, NULL};

static const cli_example examples[] = {
    {"weft list", "all benches, with the numbers that stand for their names"},
    {"weft list gemm-composite", "what can be set of one, and what it is if nothing is"},
    {"weft list --machine machines/mesh-8x8.yaml", "which of them a machine can run, and what they take there"},
    {NULL, NULL},
};

const cli_verb cli_verb_list = {
    .name = "list",
    .summary = "list the benches that `weft run` runs on a simulated machine",
    .description = "A bench is a tile kernel with its tensors and the check of its numbers. Numbers of benches may "
                   "change when there are new ones; names stay.",
    .operand = "NAME",
    .operand_help = "a bench, or its number: tell its settings, with their units, ranges and defaults",
    .options = options,
    .examples = examples,
    .run = run,
};
