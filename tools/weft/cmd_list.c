/* weft list: the benches of simulated machines, and what can be set of one. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <weft/sim_bench.h>

#include "bench_input.h"
#include "json_output.h"
#include "output.h"

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

static json_t *json_of_bench(size_t index, const weft_sim_bench *bench)
{
    weft_sim_bench_key key;
    json_t *object = json_object(), *keys = json_array();
    for (size_t i = 0; weft_sim_bench_key_at(bench->name, i, &key); i++)
        json_array_append_new(keys, json_of_key(&key));
    json_object_set_new(object, "number", cli_json_count(index + 1));
    json_object_set_new(object, "name", cli_json_text(bench->name));
    json_object_set_new(object, "what", cli_json_text(bench->what));
    json_object_set_new(object, "keys", keys);
    return object;
}

static void out_bench(size_t index, const weft_sim_bench *bench)
{
    cli_out("%2zu  %-20s  ", index + 1, bench->name);
    cli_out_wrapped(bench->what, 26, 26);
}

static void list_all(bool is_json)
{
    weft_sim_bench bench;
    json_t *array = is_json ? json_array() : NULL;
    for (size_t i = 0; weft_sim_bench_at(i, &bench); i++) {
        if (is_json)
            json_array_append_new(array, json_of_bench(i, &bench));
        else
            out_bench(i, &bench);
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

static void list_one(size_t index, const weft_sim_bench *bench, bool is_json)
{
    weft_sim_bench_key key;
    if (is_json) {
        cli_out_json(json_of_bench(index, bench));
        return;
    }
    cli_out("%s: ", bench->name);
    cli_out_wrapped(bench->what, strlen(bench->name) + 2, 2);
    cli_out("\n");
    for (size_t i = 0; weft_sim_bench_key_at(bench->name, i, &key); i++)
        out_key(&key);
    cli_out("\nThey are set by --set KEY=VALUE of `weft run`.\n");
}

static int run(const cli_values *values)
{
    weft_sim_bench bench;
    weft_error err;
    size_t index;
    bool is_json = cli_given(values, &cli_option_json);
    if (!values->operand) {
        list_all(is_json);
        return CLI_EXIT_OK;
    }
    int code = cli_find_bench(values->operand, &index, &bench, &err);
    if (code == CLI_EXIT_OK)
        list_one(index, &bench, is_json);
    else
        cli_error(values->verb->name, "%s", err.message);
    return code;
}

static const cli_option *const options[] = {&cli_option_json, NULL};

static const cli_example examples[] = {
    {"weft list", "all benches, with the numbers that stand for their names"},
    {"weft list gemm-composite", "what can be set of one, and what it is if nothing is"},
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
