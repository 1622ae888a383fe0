/* Files that a verb writes: they appear under their names only when they are complete. */
#ifndef WEFT_CLI_FILE_OUTPUT_H
#define WEFT_CLI_FILE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A file that grows. Errors are sticky: the first one is kept for the end. */
typedef struct cli_file {
    const char *verb, *path;
    char *part_path; /* where it is until it is complete; NULL if it is written in place */
    FILE *stream;    /* NULL if it could not be opened */
    int error;       /* errno of the first failure, or 0 */
} cli_file;

/* Begins PATH.part. If PATH exists and is no regular file (a device, a pipe, a symbolic link), it is written in place.
 * The texts are borrowed. */
void cli_file_open(const char *verb, const char *path, cli_file *out);

void cli_file_put(cli_file *file, const char *bytes, size_t count);

/* Gives the file its name; after an error, or if `code` is that of one, PATH stays as it was and PATH.part goes. Gives
 * `code`, or the exit code of an error whose sentence has been printed. */
int cli_file_close(cli_file *file, int code);

/* True if both name one regular file: what is written to one would replace the other. */
bool cli_is_same_file(const char *one, const char *other);

/* A whole file at once. */
int cli_write_file(const char *verb, const char *path, const char *bytes, size_t count);

#endif
