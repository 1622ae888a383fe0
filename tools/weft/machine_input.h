/* The machine that a verb works on: --machine and --set. */
#ifndef WEFT_CLI_MACHINE_INPUT_H
#define WEFT_CLI_MACHINE_INPUT_H

#include <weft/machine.h>

#include "options.h"

/* Opens a machine file with settings of the command line. Gives the exit code: that of a usage error if the settings
 * are wrong, and the file is not. *out is NULL after a failure, and err says why. Prints nothing. */
int cli_open_machine_with(const char *path, const weft_machine_setting *settings, size_t count, weft_machine **out,
                          weft_error *err);
/* The machine of --machine with the settings of --set. */
int cli_open_machine(const cli_values *values, weft_machine **out, weft_error *err);
/* The same for a file that is not named by --machine. */
int cli_open_machine_file(const cli_values *values, const char *path, weft_machine **out, weft_error *err);

/* What an option like --set says, in the order of the command line. */
typedef struct cli_settings {
    weft_machine_setting at[CLI_REPEATS_MAX];
    char *keys[CLI_REPEATS_MAX];
    size_t count;
} cli_settings;

/* Reads KEY=VALUE, as often as it is given; `example` is one that is right. Gives the exit code; *out is to be released
 * in either case. Prints nothing. */
int cli_settings_read(const cli_values *values, const cli_option *set, const char *example, cli_settings *out,
                      weft_error *err);
void cli_settings_release(cli_settings *settings);

/* Where a verb has settings of its own, the keys with a dot are those of the machine. */
bool cli_is_machine_key(const char *key);

#endif
