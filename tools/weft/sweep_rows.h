/* Outcomes of a sweep as rows and columns. */
#ifndef WEFT_CLI_SWEEP_ROWS_H
#define WEFT_CLI_SWEEP_ROWS_H

#include <jansson.h>

#include "sweep_points.h"
#include "sweep_store.h"

/* A row for each outcome, and where its result has cases or these have runs, for each of them. A row has the swept
 * keys, exit and error, and then the scalars of the result, with dots between the names of nested objects. Other arrays
 * are left out. */
typedef struct sweep_rows {
    const sweep_points *points;
    const sweep_store *store;
    const char **columns; /* in the order in which rows bring them; names live in `index` */
    size_t column_count;
    json_t *index; /* column name -> its number */
} sweep_rows;

/* Finds the columns of a finished sweep. Gives 0, or the exit code of an error whose sentence has been printed; *out is
 * to be released in either case. */
int sweep_rows_open(const sweep_points *points, const sweep_store *store, sweep_rows *out);
void sweep_rows_release(sweep_rows *rows);

/* The number of the column of errors. */
size_t sweep_rows_error_column(const sweep_rows *rows);

/* Calls a function with each row: a text or NULL for each column, that live as long as the call. */
typedef void sweep_row_function(void *user, const sweep_rows *rows, const char *const *cells);
int sweep_rows_visit(const sweep_rows *rows, sweep_row_function *function, void *user);

#endif
