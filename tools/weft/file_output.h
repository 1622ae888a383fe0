/* Files that a verb writes whole: they appear under their names only when they are complete. */
#ifndef WEFT_CLI_FILE_OUTPUT_H
#define WEFT_CLI_FILE_OUTPUT_H

#include <stddef.h>

/* Writes a file, under another name first. Gives the exit code, and has printed the sentence of a failure. */
int cli_write_file(const char *verb, const char *path, const char *bytes, size_t count);

#endif
