/* The weft command: finds the verb, parses its options, runs it. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <weft/version.h>

#include "commands.h"
#include "file_check.h"
#include "help.h"
#include "json_output.h"
#include "large_pages.h"
#include "output.h"

const cli_verb *const cli_verbs[] = {
    &cli_verb_devices, &cli_verb_info,    &cli_verb_generate, &cli_verb_explain, &cli_verb_check,
    &cli_verb_bench,   &cli_verb_machine, &cli_verb_probe,    &cli_verb_list,    &cli_verb_run,
    &cli_verb_retime,  &cli_verb_sweep,   &cli_verb_report,   &cli_verb_help,    NULL,
};

/* A standard stream that was closed would give its number to the next file that is opened, a model's weights say. An
 * input that is empty and outputs that cannot be written keep the numbers busy. */
static void hold_standard_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++) {
        if (fcntl(stream, F_GETFD) == -1)
            (void)open("/dev/null", O_RDONLY);
    }
}

static int run_verb(const cli_verb *verb, int count, char **words)
{
    cli_values values;
    int code = cli_parse(verb, count, words, &values);
    if (code != CLI_EXIT_OK)
        return code;
    if (values.wants_help)
        cli_print_verb_help(verb);
    else if ((code = cli_check_files(&values)) == CLI_EXIT_OK)
        code = verb->run(&values);
    return cli_out_finish(verb->name, code);
}

static bool is_either(const char *word, const char *name, const char *letter)
{
    return strcmp(word, name) == 0 || strcmp(word, letter) == 0;
}

int main(int argc, char **argv)
{
    cli_ask_for_large_pages();
    hold_standard_streams();
    signal(SIGPIPE, SIG_IGN); /* a reader that went away does not keep the verb from what else it has to do */
    cli_json_prepare();
    if (argc < 2)
        return cli_usage_error(NULL, "A verb is needed; `weft --help` lists them.");
    if (is_either(argv[1], "--help", "-h")) {
        cli_print_help();
        return cli_out_finish(NULL, CLI_EXIT_OK);
    }
    if (is_either(argv[1], "--version", "-V")) {
        cli_out("weft %s\n", weft_version());
        return cli_out_finish(NULL, CLI_EXIT_OK);
    }
    if (argv[1][0] == '-')
        return cli_usage_error(NULL, "There is no option '%s' before the verb; there are --help and --version.",
                               argv[1]);
    const cli_verb *verb = cli_find_verb(argv[1]);
    return verb ? run_verb(verb, argc - 2, argv + 2) : cli_unknown_verb(NULL, argv[1]);
}
