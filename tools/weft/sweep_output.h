/* What a sweep leaves: its results as CSV, JSON or a table, in the order of its points. */
#ifndef WEFT_CLI_SWEEP_OUTPUT_H
#define WEFT_CLI_SWEEP_OUTPUT_H

#include "sweep_points.h"
#include "sweep_store.h"

typedef enum sweep_format {
    SWEEP_TABLE, /* for eyes: what is equal in all rows once, then columns */
    SWEEP_CSV,   /* RFC 4180, but for lines that end as they do here: a newline alone */
    SWEEP_JSON   /* an array of {settings, exit, error, result} */
} sweep_format;

/* The format that a file's name asks for. False if it ends neither in .csv nor in .json. */
bool sweep_format_of(const char *path, sweep_format *out);

/* Writes all results to a file, under another name until it is whole, or to standard output if path is NULL. Gives 0,
 * or the exit code of an error whose sentence has been printed. */
int sweep_write(const sweep_points *points, const sweep_store *store, sweep_format format, const char *path);

#endif
