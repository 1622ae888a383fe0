/* Whether the files that a verb writes would replace one another, or what it reads. */
#ifndef WEFT_CLI_FILE_CHECK_H
#define WEFT_CLI_FILE_CHECK_H

#include <stdbool.h>

#include "options.h"

/* Looks at all options and operands of a command line. Gives 0, or the exit code of an error that has been printed. */
int cli_check_files(const cli_values *values);

/* The same for one more file that a verb writes on behalf of an option. */
int cli_check_file(const cli_values *values, const cli_option *option, const char *path);

/* True if both are there and are one, whatever they are called. What goes to a device twice is not lost, so these are
 * never the same. */
bool cli_is_same_file(const char *one, const char *other);

#endif
