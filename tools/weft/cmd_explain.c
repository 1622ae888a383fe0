/* weft explain: how a simulated machine is given a model's work. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/model.h>
#include <weft/sim_device.h>

#include "device_input.h"
#include "device_watch.h"
#include "json_output.h"
#include "output.h"

static const cli_option option_model = {.name = "model",
                                        .letter = 'm',
                                        .kind = CLI_WORD,
                                        .argument = "DIR",
                                        .reads = CLI_READS_MODEL,
                                        .help = "a model directory"};

static const cli_option option_config = {.name = "config",
                                         .kind = CLI_WORD,
                                         .argument = "FILE",
                                         .reads = CLI_READS_FILE,
                                         .help = "instead of --model: a configuration alone, what `config.json` is"};

static const cli_option option_cached = {.name = "cached",
                                         .kind = CLI_COUNT,
                                         .argument = "N",
                                         .initial = "0",
                                         .most = INT32_MAX - 1,
                                         .help = "tokens ahead of the one whose pass is explained"};

/* How many SIPs, cubes and PEs have rows, and how many rows one of them has. */
typedef struct spread {
    uint32_t sips, cubes, pes;
    uint64_t least, most;
} spread;

/* Dispatches that are shared out alike. */
typedef struct group {
    weft_sim_plan plan; /* of the first; its rows_of_pe is not kept */
    char label[64];
    uint32_t count;
    spread split;
} group;

typedef struct explanation {
    const cli_values *values;
    weft_device *device;
    weft_machine_info machine;
    weft_model_info model;
    group *groups;
    size_t count, room;
    uint32_t dispatches, launches, barriers;
} explanation;

/* ---- gathering ---- */

static spread spread_of(const explanation *at, const weft_sim_plan *plan)
{
    spread out = {.least = UINT64_MAX};
    uint32_t of_cube = at->machine.pes, of_sip = of_cube * at->machine.cube_rows * at->machine.cube_columns;
    uint32_t last_cube = UINT32_MAX, last_sip = UINT32_MAX;
    for (uint32_t pe = 0; pe < plan->pes; pe++) {
        uint64_t rows = plan->rows_of_pe[pe];
        if (rows == 0)
            continue;
        out.pes++;
        out.cubes += pe / of_cube != last_cube;
        out.sips += pe / of_sip != last_sip;
        last_cube = pe / of_cube;
        last_sip = pe / of_sip;
        out.least = rows < out.least ? rows : out.least;
        out.most = rows > out.most ? rows : out.most;
    }
    return out;
}

static bool is_alike(const group *it, const weft_sim_plan *plan, const spread *split)
{
    const weft_sim_plan *first = &it->plan;
    if (strcmp(first->op, plan->op) != 0 || first->split != plan->split || first->rows != plan->rows ||
        first->row_elements != plan->row_elements || first->collective_count != plan->collective_count ||
        it->split.pes != split->pes || it->split.cubes != split->cubes || it->split.sips != split->sips ||
        it->split.least != split->least || it->split.most != split->most)
        return false;
    for (uint32_t i = 0; i < plan->argument_count; i++) {
        const weft_sim_plan_argument *a = &first->arguments[i], *b = &plan->arguments[i];
        if (a->dtype != b->dtype || !weft_shape_equal(&a->shape, &b->shape) || a->pes != b->pes ||
            a->bytes_most != b->bytes_most)
            return false;
    }
    for (uint32_t i = 0; i < plan->collective_count; i++)
        if (first->collectives[i].name != plan->collectives[i].name ||
            first->collectives[i].calls != plan->collectives[i].calls)
            return false;
    return true;
}

/* A weft_sim_plan_watcher. */
static void take(void *user, const weft_sim_plan *plan)
{
    explanation *at = user;
    spread split = spread_of(at, plan);
    at->dispatches++;
    at->launches += plan->launches;
    at->barriers = plan->barriers_before;
    for (size_t i = 0; i < at->count; i++)
        if (is_alike(&at->groups[i], plan, &split)) {
            at->groups[i].count++;
            return;
        }
    if (at->count == at->room) {
        at->room = 2 * at->room + 16;
        at->groups = cli_reallocate(at->groups, at->room * sizeof *at->groups);
    }
    group *it = &at->groups[at->count++];
    *it = (group){.plan = *plan, .count = 1, .split = split};
    it->plan.rows_of_pe = NULL;
    snprintf(it->label, sizeof it->label, "%s", plan->label);
}

/* ---- what is printed ---- */

typedef struct memory_use {
    uint64_t least, most, all;
} memory_use;

static uint32_t pes_of(const weft_machine_info *machine)
{
    return machine->sips * machine->cube_rows * machine->cube_columns * machine->pes;
}

static memory_use use_of(const explanation *at)
{
    memory_use out = {.least = UINT64_MAX};
    for (uint32_t pe = 0; pe < pes_of(&at->machine); pe++) {
        uint64_t bytes = weft_sim_device_memory_of(at->device, pe);
        out.least = bytes < out.least ? bytes : out.least;
        out.most = bytes > out.most ? bytes : out.most;
        out.all += bytes;
    }
    return out;
}

static json_t *json_of_argument(const weft_sim_plan_argument *it)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", cli_json_text(it->name));
    json_object_set_new(object, "role", cli_json_text(it->role & WEFT_WRITE ? "write" : "read"));
    json_object_set_new(object, "dtype", cli_json_text(weft_dtype_name(it->dtype)));
    json_object_set_new(object, "shape", cli_json_shape(&it->shape));
    json_object_set_new(object, "pes", cli_json_count(it->pes));
    json_object_set_new(object, "pe_bytes_most", cli_json_count(it->bytes_most));
    return object;
}

static json_t *json_of_group(const group *it)
{
    const weft_sim_plan *plan = &it->plan;
    json_t *object = json_object(), *arguments = json_array(), *split = json_object(), *collectives = json_array();
    for (uint32_t i = 0; i < plan->argument_count; i++)
        json_array_append_new(arguments, json_of_argument(&plan->arguments[i]));
    bool is_split = plan->split < plan->argument_count;
    json_object_set_new(split, "argument", cli_json_text_or_null(is_split ? plan->arguments[plan->split].name : NULL));
    json_object_set_new(split, "rows", cli_json_count(plan->rows));
    json_object_set_new(split, "row_elements", cli_json_count(plan->row_elements));
    json_object_set_new(split, "sips", cli_json_count(it->split.sips));
    json_object_set_new(split, "cubes", cli_json_count(it->split.cubes));
    json_object_set_new(split, "pes", cli_json_count(it->split.pes));
    json_object_set_new(split, "pe_rows_least", cli_json_count(it->split.pes ? it->split.least : 0));
    json_object_set_new(split, "pe_rows_most", cli_json_count(it->split.most));
    for (uint32_t i = 0; i < plan->collective_count; i++) {
        json_t *collective = json_object();
        json_object_set_new(collective, "name", cli_json_text(plan->collectives[i].name));
        json_object_set_new(collective, "calls", cli_json_count(plan->collectives[i].calls));
        json_array_append_new(collectives, collective);
    }
    json_object_set_new(object, "op", cli_json_text(plan->op));
    json_object_set_new(object, "label", cli_json_text(it->label));
    json_object_set_new(object, "count", cli_json_count(it->count));
    json_object_set_new(object, "launches", cli_json_count(plan->launches * it->count));
    json_object_set_new(object, "arguments", arguments);
    json_object_set_new(object, "split", split);
    json_object_set_new(object, "collectives", collectives);
    json_object_set_new(object, "macs", cli_json_count(plan->macs));
    json_object_set_new(object, "memory_bytes", cli_json_count(plan->memory_bytes));
    return object;
}

static void out_json(const explanation *at)
{
    memory_use use = use_of(at);
    json_t *object = json_object(), *machine = json_object(), *memory = json_object(), *plans = json_array();
    json_object_set_new(machine, "name", cli_json_text(at->machine.name));
    json_object_set_new(machine, "sips", cli_json_count(at->machine.sips));
    json_object_set_new(machine, "cubes", cli_json_count(at->machine.cube_rows * at->machine.cube_columns));
    json_object_set_new(machine, "pes", cli_json_count(at->machine.pes));
    json_object_set_new(memory, "pe_bytes_least", cli_json_count(use.least));
    json_object_set_new(memory, "pe_bytes_most", cli_json_count(use.most));
    json_object_set_new(memory, "bytes", cli_json_count(use.all));
    for (size_t i = 0; i < at->count; i++)
        json_array_append_new(plans, json_of_group(&at->groups[i]));
    json_object_set_new(object, "machine", machine);
    json_object_set_new(object, "family", cli_json_text(at->model.family));
    json_object_set_new(object, "cached_tokens", cli_json_count(cli_count(at->values, &option_cached)));
    json_object_set_new(object, "dispatches", cli_json_count(at->dispatches));
    json_object_set_new(object, "launches", cli_json_count(at->launches));
    json_object_set_new(object, "barriers", cli_json_count(at->barriers));
    json_object_set_new(object, "memory", memory);
    json_object_set_new(object, "plans", plans);
    cli_out_json(object);
}

static void out_argument(const weft_sim_plan_argument *it)
{
    char shape[WEFT_SHAPE_TEXT_BYTES], what[WEFT_SHAPE_TEXT_BYTES + 32], bytes[CLI_BYTES_TEXT];
    if (it->pes == 0)
        return;
    snprintf(what, sizeof what, "%s %s", weft_shape_text(&it->shape, shape), weft_dtype_name(it->dtype));
    cli_out("  %-12s %-24s at %" PRIu32 " PE%s, %s%s\n", it->name, what, it->pes, cli_plural(it->pes, "s"),
            it->pes > 1 ? "each up to " : "", cli_bytes_text(it->bytes_most, bytes));
}

static void out_split(const weft_sim_plan *plan, const spread *split)
{
    cli_out("  split        %" PRIu64 " row%s of %s, %" PRIu64 " element%s each, over %" PRIu32 " SIP%s, %" PRIu32
            " cube%s, %" PRIu32 " PE%s",
            plan->rows, cli_plural(plan->rows, "s"), plan->arguments[plan->split].name, plan->row_elements,
            cli_plural(plan->row_elements, "s"), split->sips, cli_plural(split->sips, "s"), split->cubes,
            cli_plural(split->cubes, "s"), split->pes, cli_plural(split->pes, "s"));
    if (split->pes > 1 && split->least == split->most)
        cli_out(": %" PRIu64 " each", split->most);
    else if (split->pes > 1)
        cli_out(": %" PRIu64 " to %" PRIu64 " each", split->least, split->most);
    cli_out("\n");
}

static void out_group(const group *it)
{
    char bytes[CLI_BYTES_TEXT];
    const weft_sim_plan *plan = &it->plan;
    const spread *split = &it->split;
    cli_out("\n%" PRIu32 " x %s%s%s\n", it->count, plan->op, it->label[0] ? ", the first: " : "", it->label);
    for (uint32_t i = 0; i < plan->argument_count; i++)
        out_argument(&plan->arguments[i]);
    if (plan->split < plan->argument_count)
        out_split(plan, split);
    for (uint32_t i = 0; i < plan->collective_count; i++)
        cli_out("  collective   %s, %" PRIu64 " call%s\n", plan->collectives[i].name, plan->collectives[i].calls,
                cli_plural(plan->collectives[i].calls, "s"));
    cli_out("  work         %" PRIu32 " launch%s, %" PRIu64 " product%s, %s moved\n", plan->launches,
            cli_plural(plan->launches, "es"), plan->macs, cli_plural(plan->macs, "s"),
            cli_bytes_text(plan->memory_bytes, bytes));
}

static void out_text(const explanation *at)
{
    char least[CLI_BYTES_TEXT], most[CLI_BYTES_TEXT], all[CLI_BYTES_TEXT];
    const weft_machine_info *machine = &at->machine;
    memory_use use = use_of(at);
    uint64_t cached = cli_count(at->values, &option_cached);
    cli_out("machine ");
    cli_out_name(machine->name);
    cli_out(": %" PRIu32 " SIP%s of %" PRIu32 " cube%s of %" PRIu32 " PE%s\n", machine->sips,
            cli_plural(machine->sips, "s"), machine->cube_rows * machine->cube_columns,
            cli_plural(machine->cube_rows * machine->cube_columns, "s"), machine->pes, cli_plural(machine->pes, "s"));
    cli_out("memory in use: %s, of which each PE has %s to %s\n", cli_bytes_text(use.all, all),
            cli_bytes_text(use.least, least), cli_bytes_text(use.most, most));
    cli_out("a token behind %" PRIu64 " other%s: %" PRIu32 " dispatch%s, %" PRIu32 " launch%s, %" PRIu32 " barrier%s\n",
            cached, cli_plural(cached, "s"), at->dispatches, cli_plural(at->dispatches, "es"), at->launches,
            cli_plural(at->launches, "es"), at->barriers, cli_plural(at->barriers, "s"));
    for (size_t i = 0; i < at->count; i++)
        out_group(&at->groups[i]);
}

/* ---- the pass ---- */

static int fail(const explanation *at, weft_status status, const weft_error *err)
{
    return status == WEFT_OK ? CLI_EXIT_OK : cli_fail(at->values->verb->name, status, err);
}

static int feed(explanation *at, weft_context *context, cli_watch *watch)
{
    weft_error err;
    const int32_t token = 0;
    int32_t drawn;
    int code = fail(at, weft_sim_device_watch_plans(at->device, take, at, &err), &err);
    if (code == CLI_EXIT_OK)
        code = cli_watch_begin(watch);
    if (code == CLI_EXIT_OK)
        code = fail(at, weft_context_feed_and_sample(context, &token, 1, NULL, &drawn, &err), &err);
    return code == CLI_EXIT_OK ? cli_watch_end(watch) : code;
}

static int run_pass(explanation *at, weft_model *model)
{
    weft_error err;
    cli_watch watch;
    uint32_t cached = (uint32_t)cli_count(at->values, &option_cached);
    weft_context_options options = {.capacity_tokens = cached + 1};
    weft_context *context = NULL;
    int code = cli_watch_open(at->values, at->device, &watch);
    options.session.encoder.timeline = watch.timeline;
    if (code == CLI_EXIT_OK)
        code = fail(at, weft_context_create(model, &options, &context, &err), &err);
    if (code == CLI_EXIT_OK)
        code = fail(at, weft_context_skip(context, cached, &err), &err);
    if (code == CLI_EXIT_OK)
        code = feed(at, context, &watch);
    if (code == CLI_EXIT_OK && cli_given(at->values, &cli_option_json))
        out_json(at);
    else if (code == CLI_EXIT_OK)
        out_text(at);
    weft_context_destroy(context);
    cli_watch_release(&watch);
    return code;
}

static int explain(explanation *at)
{
    weft_error err;
    weft_model *model;
    const char *directory = cli_text(at->values, &option_model);
    weft_status status =
        directory ? weft_model_open(at->device, directory, NULL, &model, &err)
                  : weft_model_open_config(at->device, cli_text(at->values, &option_config), 0, &model, &err);
    if (status != WEFT_OK)
        return fail(at, status, &err);
    weft_model_get_info(model, &at->model);
    int code = run_pass(at, model);
    weft_model_close(model);
    free(at->groups);
    return code;
}

static int run(const cli_values *values)
{
    explanation at = {.values = values};
    if (cli_given(values, &option_model) == cli_given(values, &option_config))
        return cli_usage_error(values->verb->name, "Either --model DIR or --config FILE is needed.");
    if (strncmp(cli_text(values, &cli_option_device), "sim:", 4) != 0)
        return cli_usage_error(values->verb->name, "Only a simulated machine places work: --device sim:FILE.");
    int code = cli_open_device_with(values, "values", "none", &at.device);
    if (code != CLI_EXIT_OK)
        return code;
    weft_machine_get_info(weft_sim_device_machine(at.device), &at.machine);
    code = explain(&at);
    weft_device_close(at.device);
    return code;
}

static const cli_option *const options[] = {
    &option_model, &option_config, &option_cached, &cli_option_device, &cli_option_trace, &cli_option_json, NULL,
};

static const cli_example examples[] = {
    {"weft explain --model models/sums --device sim:machines/two-sip.yaml",
     "what each PE has of the weights, and what it does for a token"},
    {NULL, NULL},
};

const cli_verb cli_verb_explain = {
    .name = "explain",
    .summary = "show how a machine is given a model's work",
    .description =
        "Runs the pass of one token on a simulated machine, without numbers, and prints for each sort of dispatch how "
        "many there are, where its arguments lie, whose rows are shared out among how many SIPs, cubes and PEs, what "
        "these do together, and what that computes and moves. It is what the kernels were given when they asked, so "
        "another machine, another cache or another model gives another plan.",
    .options = options,
    .examples = examples,
    .run = run,
};
