/* Files that a verb writes: they appear under their names only when they are complete, see weft/file.h. */
#ifndef WEFT_CLI_FILE_OUTPUT_H
#define WEFT_CLI_FILE_OUTPUT_H

#include <stddef.h>

#include <weft/file.h>

/* A file that grows. Errors are sticky: the first one is kept for the end. */
typedef struct cli_file {
    const char *verb;
    weft_file *file; /* NULL if it could not be begun */
    weft_status status;
    weft_error err;
} cli_file;

/* Begins a file. The texts are borrowed. */
void cli_file_open(const char *verb, const char *path, cli_file *out);

void cli_file_put(cli_file *file, const char *bytes, size_t count);

/* Gives the file its name; after an error, or if `code` is that of one, its path stays as it was. Gives `code`, or the
 * exit code of an error whose sentence has been printed. */
int cli_file_close(cli_file *file, int code);

/* A whole file at once. */
int cli_write_file(const char *verb, const char *path, const char *bytes, size_t count);

#endif
