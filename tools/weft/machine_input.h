/* The machine that a verb works on: --machine and --set. */
#ifndef WEFT_CLI_MACHINE_INPUT_H
#define WEFT_CLI_MACHINE_INPUT_H

#include <weft/machine.h>

#include "options.h"

/* Opens the machine of --machine with the settings of --set. Gives the exit code; *out is NULL after a failure, and err
 * says why. Prints nothing. */
int cli_open_machine(const cli_values *values, weft_machine **out, weft_error *err);
/* The same for a file that is not named by --machine. */
int cli_open_machine_file(const cli_values *values, const char *path, weft_machine **out, weft_error *err);

#endif
