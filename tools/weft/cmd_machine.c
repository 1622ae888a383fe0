/* weft machine: pictures of simulated machines, and what their files may say. */
#include "commands.h"

#include <string.h>

#include <weft/machine.h>

#include "file_output.h"
#include "json_output.h"
#include "machine_input.h"
#include "nearest.h"
#include "output.h"

static const cli_option option_out = {.name = "out",
                                      .letter = 'o',
                                      .kind = CLI_WORD,
                                      .argument = "FILE",
                                      .is_output = true,
                                      .help = "with draw: where the picture goes; standard output if not given"};

static const cli_option option_view = {.name = "view",
                                       .letter = 'v',
                                       .kind = CLI_WORD,
                                       .argument = "NAME",
                                       .initial = "all",
                                       .help = "with draw: what is drawn, system, sip, cube, pe, or all of them"};

static const cli_option option_theme = {
    .name = "theme",
    .kind = CLI_WORD,
    .argument = "NAME",
    .initial = "auto",
    .help = "with draw: light or dark colours, or auto, which is as the reader's browser prefers"};

static const cli_option option_markdown = {
    .name = "markdown", .kind = CLI_FLAG, .help = "with keys: print them as the table of docs/machine.md"};

/* ---- draw ---- */

static int draw(const cli_values *values)
{
    weft_error err;
    weft_machine *machine;
    const char *verb = values->verb->name, *output = cli_text(values, &option_out);
    if (!values->second || !*values->second)
        return cli_usage_error(verb, "FILE is needed: the machine to draw.");
    int code = cli_open_machine_file(values, values->second, &machine, &err);
    if (code != CLI_EXIT_OK) {
        cli_error(verb, "%s", err.message);
        return code;
    }
    char *svg;
    size_t bytes;
    weft_status status =
        weft_machine_draw(machine, cli_text(values, &option_view), cli_text(values, &option_theme), &svg, &bytes, &err);
    if (status != WEFT_OK) {
        cli_error(verb, "%s", err.message);
        code = cli_exit_code_of_words(status);
    } else if (output)
        code = cli_write_file(verb, output, svg, bytes);
    else
        cli_out_bytes(svg, bytes);
    weft_machine_free_text(svg);
    weft_machine_close(machine);
    return code;
}

/* ---- keys ---- */

static void out_keys_json(void)
{
    json_t *array = json_array();
    weft_machine_key key;
    for (size_t i = 0; weft_machine_key_at(i, &key); i++) {
        json_t *object = json_object();
        json_object_set_new(object, "path", cli_json_text(key.path));
        json_object_set_new(object, "is_group", json_boolean(key.is_group));
        json_object_set_new(object, "help", cli_json_text(key.help));
        json_object_set_new(object, "unit", cli_json_text_or_null(key.unit));
        json_object_set_new(object, "expected", key.is_group ? json_null() : cli_json_text(key.expected));
        json_object_set_new(object, "default", key.is_group ? json_null() : cli_json_text(key.standard));
        json_array_append_new(array, object);
    }
    cli_out_json(array);
}

static void out_keys_markdown(void)
{
    weft_machine_key key;
    cli_out("| key | value | if not given | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; weft_machine_key_at(i, &key); i++) {
        if (key.is_group)
            cli_out("| **`%s`** | | | %s |\n", key.path, key.help);
        else
            cli_out("| `%s` | %s | %s | %s |\n", key.path, key.expected, key.standard, key.help);
    }
}

static void out_keys(void)
{
    weft_machine_key key;
    for (size_t i = 0; weft_machine_key_at(i, &key); i++) {
        cli_out("%s%s\n      ", key.is_group && i > 0 ? "\n" : "", key.path);
        cli_out_wrapped(key.help, 6, 6);
        if (!key.is_group)
            cli_out("      %s; default %s\n", key.expected, key.standard);
    }
}

static int list_keys(const cli_values *values)
{
    if (values->second)
        return cli_usage_error(values->verb->name, "'%s' is not expected here: the keys are the same for all machines.",
                               values->second);
    if (cli_given(values, &cli_option_json) && cli_given(values, &option_markdown))
        return cli_usage_error(values->verb->name, "--json and --markdown are two different forms: give one of them.");
    if (cli_given(values, &cli_option_json))
        out_keys_json();
    else if (cli_given(values, &option_markdown))
        out_keys_markdown();
    else
        out_keys();
    return CLI_EXIT_OK;
}

/* ---- the verb ---- */

typedef struct action {
    const char *name;
    int (*run)(const cli_values *values);
    const cli_option *const *options; /* that it takes */
} action;

static const action actions[] = {
    {"draw", draw, (const cli_option *const[]){&option_out, &option_view, &option_theme, &cli_option_set, NULL}},
    {"keys", list_keys, (const cli_option *const[]){&option_markdown, &cli_option_json, NULL}},
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

static bool takes(const action *it, const cli_option *option)
{
    for (const cli_option *const *taken = it->options; *taken; taken++) {
        if (*taken == option)
            return true;
    }
    return false;
}

static int run_action(const action *it, const cli_values *values)
{
    for (const cli_option *const *option = values->verb->options; *option; option++) {
        if (cli_given(values, *option) && !takes(it, *option))
            return cli_usage_error(values->verb->name, "--%s is not for %s.", (*option)->name, it->name);
    }
    return it->run(values);
}

static int run(const cli_values *values)
{
    size_t nearest = 0;
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(values->operand, actions[i].name) == 0)
            return run_action(&actions[i], values);
        if (cli_distance(values->operand, actions[i].name) < cli_distance(values->operand, actions[nearest].name))
            nearest = i;
    }
    return cli_usage_error(values->verb->name, "There is no action '%s'; the nearest is '%s'.", values->operand,
                           actions[nearest].name);
}

static const cli_option *const options[] = {
    &option_out, &option_view, &option_theme, &option_markdown, &cli_option_set, &cli_option_json, NULL,
};

static const cli_example examples[] = {
    {"weft machine draw machines/two-sip.yaml -o two-sip.svg", "a picture of the system, a SIP, a cube and a PE"},
    {"weft machine draw machines/mesh-8x8.yaml --view cube --theme light -o mesh.svg", "one view, for a paper"},
    {"weft machine keys", "everything that a machine file can say, with units, ranges and defaults"},
    {NULL, NULL},
};

const cli_verb cli_verb_machine = {
    .name = "machine",
    .summary = "draw a simulated machine, or list what machine files can say",
    .description = "Machines are YAML files; docs/machine.md tells how they are written. `draw` makes one SVG picture "
                   "that needs nothing else. `keys` lists all keys.",
    .operand = "ACTION",
    .operand_help = "what to do: draw or keys",
    .operand_is_required = true,
    .second = "FILE",
    .second_help = "the machine to draw",
    .second_reads = CLI_READS_FILE,
    .options = options,
    .examples = examples,
    .run = run,
};
