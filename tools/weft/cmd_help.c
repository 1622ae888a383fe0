/* weft help: the verbs, one verb, or the man page. */
#include "commands.h"

#include "help.h"
#include "output.h"

static const cli_option option_man = {
    .name = "man", .kind = CLI_FLAG, .help = "print the man page of all verbs in roff"};

static int run(const cli_values *values)
{
    const cli_verb *verb = NULL;
    if (values->operand) {
        verb = cli_find_verb(values->operand);
        if (!verb)
            return cli_unknown_verb(values->verb->name, values->operand);
    }
    if (cli_given(values, &option_man))
        cli_print_man();
    else if (verb)
        cli_print_verb_help(verb);
    else
        cli_print_help();
    return CLI_EXIT_OK;
}

static const cli_option *const options[] = {&option_man, NULL};

static const cli_example examples[] = {
    {"weft help generate", "the options of one verb, with examples"},
    {"weft help --man | man -l -", "the man page"},
    {NULL, NULL},
};

const cli_verb cli_verb_help = {
    .name = "help",
    .summary = "tell how the command is used",
    .description = "Prints the list of verbs, the options of one verb, or the whole man page.",
    .operand = "VERB",
    .operand_help = "the verb to explain; all are listed if it is not given",
    .options = options,
    .examples = examples,
    .run = run,
};
