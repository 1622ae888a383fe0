/* Runs the points of a sweep that are not finished, alone or together with the other ranks of a job. */
#ifndef WEFT_CLI_SWEEP_RUN_H
#define WEFT_CLI_SWEEP_RUN_H

#include "sweep_points.h"
#include "sweep_ranks.h"
#include "sweep_store.h"

typedef struct sweep_run {
    const char *verb; /* that errors come from */
    const sweep_points *points;
    const sweep_ranks *ranks;
    json_t *identity; /* that the other ranks must have, too */
    size_t threads;
} sweep_run;

/* At rank 0, and without a job. If code is not 0, it tells the other ranks that there is nothing to do. Gives the code,
 * or the exit code of an error whose sentence has been printed; a point that fails is none. */
int sweep_run_coordinator(const sweep_run *run, sweep_store *store, int code);

/* At any other rank: runs points for rank 0 until that has no more. Gives an exit code, as above. */
int sweep_run_client(const sweep_run *run);

#endif
