#include "help.h"

#include <stdio.h>
#include <string.h>

#include "nearest.h"
#include "output.h"

#define HELP_COLUMN 26

const char cli_purpose[] = "transformer forward passes as command buffers, and simulated machines";

const char cli_introduction[] = "Weft records a model's forward pass as command buffers of dispatches and barriers, "
                                "and runs that stream on a device. "
                                "It also simulates machines, accelerators that a YAML file describes, and tells what "
                                "transfers cost on them. "
                                "Results go to standard output, everything else to standard error.";

const cli_verb *cli_find_verb(const char *name)
{
    for (const cli_verb *const *verb = cli_verbs; *verb; verb++) {
        if (strcmp((*verb)->name, name) == 0)
            return *verb;
    }
    return NULL;
}

int cli_unknown_verb(const char *asking_verb, const char *name)
{
    const char *nearest = "help";
    for (const cli_verb *const *verb = cli_verbs; *verb; verb++) {
        if (cli_distance(name, (*verb)->name) < cli_distance(name, nearest))
            nearest = (*verb)->name;
    }
    return cli_usage_error(asking_verb, "There is no verb '%s'; the nearest is '%s'.", name, nearest);
}

const char *cli_argument(const cli_option *option)
{
    return option->argument ? option->argument : "";
}

static void print_option(const cli_option *option)
{
    char head[80], letter[8] = "    ";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    int width = snprintf(head, sizeof head, "  %s--%s %s", letter, option->name, cli_argument(option));
    cli_out("%-*s", HELP_COLUMN, head);
    if (width >= HELP_COLUMN)
        cli_out("\n%*s", HELP_COLUMN, "");
    char text[512], required[64] = "";
    if (option->is_required)
        snprintf(required, sizeof required, option->instead ? " (required without --%s)" : " (required)",
                 option->instead ? option->instead->name : "");
    snprintf(text, sizeof text, "%s%s%s%s%s%s", option->help, required, option->may_repeat ? " (may be repeated)" : "",
             option->initial ? " [default: " : "", option->initial ? option->initial : "", option->initial ? "]" : "");
    cli_out_wrapped(text, HELP_COLUMN, HELP_COLUMN);
}

void cli_print_help(void)
{
    cli_out("weft - %s\n\n", cli_purpose);
    cli_out("usage: weft VERB [OPTION]...\n\n");
    cli_out_wrapped(cli_introduction, 0, 0);
    cli_out("\nverbs:\n");
    for (const cli_verb *const *verb = cli_verbs; *verb; verb++)
        cli_out("  %-10s  %s\n", (*verb)->name, (*verb)->summary);
    cli_out("\n  -h, --help     print this help, or with a verb the verb's\n");
    cli_out("  -V, --version  print the version\n");
    cli_out("\nexit codes:\n");
    int code;
    const char *meaning;
    for (size_t i = 0; cli_exit_code_at(i, &code, &meaning); i++) {
        cli_out("  %4d  ", code);
        cli_out_wrapped(meaning, 8, 8);
    }
    cli_out("\nexamples:\n");
    for (const cli_verb *const *verb = cli_verbs; *verb; verb++)
        cli_out("  %s\n", (*verb)->examples[0].command);
    cli_out("\n`weft help VERB` tells the options of a verb.\n");
}

void cli_print_verb_help(const cli_verb *verb)
{
    cli_out("weft %s - %s\n\nusage: weft %s ", verb->name, verb->summary, verb->name);
    if (verb->operand)
        cli_out(verb->operand_is_required ? "%s " : "[%s] ", verb->operand);
    if (verb->second)
        cli_out("[%s] ", verb->second);
    for (const cli_option *const *option = verb->options; *option; option++) {
        if ((*option)->is_required)
            cli_out("--%s %s ", (*option)->name, (*option)->argument);
    }
    cli_out("[OPTION]...");
    if (verb->rest)
        cli_out(" -- %s", verb->rest);
    cli_out("\n\n");
    cli_out_wrapped(verb->description, 0, 0);
    if (verb->operand) {
        cli_out("\n  %-*s", HELP_COLUMN - 2, verb->operand);
        cli_out_wrapped(verb->operand_help, HELP_COLUMN, HELP_COLUMN);
    }
    if (verb->second) {
        cli_out("  %-*s", HELP_COLUMN - 2, verb->second);
        cli_out_wrapped(verb->second_help, HELP_COLUMN, HELP_COLUMN);
    }
    if (verb->rest) {
        cli_out("\n  %-*s", HELP_COLUMN - 2, verb->rest);
        cli_out_wrapped(verb->rest_help, HELP_COLUMN, HELP_COLUMN);
    }
    cli_out("\noptions (--NAME VALUE or --NAME=VALUE):\n");
    for (const cli_option *const *option = verb->options; *option; option++)
        print_option(*option);
    print_option(&cli_option_help);
    cli_out("\nexamples:\n");
    for (const cli_example *example = verb->examples; example->command; example++) {
        cli_out("  %s\n      ", example->command);
        cli_out_wrapped(example->what, 6, 6);
    }
}
