/* Where a sweep keeps what its points gave: a file of JSON lines that grows as points finish, so that a sweep that was
 * killed goes on where it was. The first line says which sweep it is of, each other line is the outcome of a point, in
 * the order in which they finished. */
#ifndef WEFT_CLI_SWEEP_STORE_H
#define WEFT_CLI_SWEEP_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* Where the line of a point is; no bytes: the point is not finished. */
typedef struct sweep_line {
    uint64_t offset, bytes;
} sweep_line;

/* One thread at a time. */
typedef struct sweep_store {
    const char *verb; /* that errors come from */
    char *path;       /* NULL: the store is a temporary file, and nothing can be resumed */
    int file;
    uint64_t bytes;
    sweep_line *lines; /* of the points */
    size_t count;      /* of points */
    size_t done, resumed;
    size_t failed;  /* points whose exit code is not 0 */
    int worst_exit; /* the highest of all exit codes */
} sweep_store;

/* PATH.partial, to be freed. */
char *sweep_store_path(const char *path);

/* Opens PATH.partial, or a temporary file if path is NULL. What is there is used if it has the same identity, and
 * refused otherwise; if is_fresh it is thrown away. Gives 0, or the exit code of an error whose sentence has been
 * printed; *out is to be closed in either case. */
int sweep_store_open(const char *verb, const char *path, bool is_fresh, const json_t *identity, size_t count,
                     sweep_store *out);

bool sweep_store_has(const sweep_store *store, size_t point);

/* Adds the outcome of a point, and the line that it is written as, without its newline. Gives 0, or the exit code of an
 * error whose sentence has been printed. */
int sweep_store_add(sweep_store *store, const json_t *outcome, const char *line, size_t bytes);

/* The outcome of a finished point, for the caller to give up; NULL after an error whose sentence has been printed. */
json_t *sweep_store_read(const sweep_store *store, size_t point);

/* Removes the file; the results are elsewhere by now. */
void sweep_store_remove(const sweep_store *store);

/* Leaves the file where it is. */
void sweep_store_close(sweep_store *store);

#endif
