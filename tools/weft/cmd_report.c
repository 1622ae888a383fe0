/* weft report: a page that shows where the time of a run went. */
#include "commands.h"

#include <weft/report.h>

#include "output.h"

static const cli_option option_out = {.name = "out",
                                      .letter = 'o',
                                      .kind = CLI_WORD,
                                      .argument = "FILE",
                                      .is_required = true,
                                      .is_output = true,
                                      .help = "where the page goes"};

static int run(const cli_values *values)
{
    const char *runs[] = {values->operand, values->second};
    const char *verb = values->verb->name, *path = cli_text(values, &option_out);
    size_t count = values->second ? 2 : 1;
    weft_error err;
    weft_status status = weft_report_write(runs, count, path, &err);
    return status == WEFT_OK ? CLI_EXIT_OK : cli_fail(verb, status, &err);
}

static const cli_option *const options[] = {&option_out, NULL};

static const cli_example examples[] = {
    {"weft report run.json -o report.html", "one run"},
    {"weft report before.json after.json -o change.html", "two runs side by side"},
    {NULL, NULL},
};

const cli_verb cli_verb_report = {
    .name = "report",
    .summary = "show a run, or compare two, on a page of HTML",
    .description = "The page needs nothing else, also no network: summary, timeline, where the time went, dispatches, "
                   "roofline, the machine over time, and hazards, as far as the run file has them. docs/report.md says "
                   "how run files are written.",
    .operand = "RUN",
    .operand_help = "a run file",
    .operand_is_required = true,
    .operand_reads = CLI_READS_FILE,
    .second = "RUN2",
    .second_help = "another one to compare it with",
    .second_reads = CLI_READS_FILE,
    .options = options,
    .examples = examples,
    .run = run,
};
