/* The verbs, one file each. */
#ifndef WEFT_CLI_COMMANDS_H
#define WEFT_CLI_COMMANDS_H

#include "options.h"

extern const cli_verb cli_verb_devices;
extern const cli_verb cli_verb_info;
extern const cli_verb cli_verb_generate;
extern const cli_verb cli_verb_explain;
extern const cli_verb cli_verb_check;
extern const cli_verb cli_verb_bench;
extern const cli_verb cli_verb_machine;
extern const cli_verb cli_verb_probe;
extern const cli_verb cli_verb_list;
extern const cli_verb cli_verb_run;
extern const cli_verb cli_verb_retime;
extern const cli_verb cli_verb_sweep;
extern const cli_verb cli_verb_report;
extern const cli_verb cli_verb_help;

#endif
