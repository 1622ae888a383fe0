/* How the ranks of an MPI job share a sweep. Rank 0 has the store and hands out points; the others ask for as many as
 * they have idle threads, and send with the same message what they have finished. */
#ifndef WEFT_CLI_SWEEP_RANKS_H
#define WEFT_CLI_SWEEP_RANKS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "mpi_messages.h"

/* One process of the job; without a job, the only one. */
typedef struct sweep_ranks {
    const mpi_messages *mpi; /* NULL without a job */
    int rank, count;
    int on_machine; /* ranks on this machine, itself included */
} sweep_ranks;

/* True if this process is one of several that an MPI launcher has started, by what the environment says. */
bool sweep_ranks_expected(void);

/* Joins the job. Gives 0, or the exit code of an error whose sentence has been printed. */
int sweep_ranks_open(const char *verb, sweep_ranks *out);
/* Leaves the job when rank 0 does. NULL in `mpi` is fine. */
void sweep_ranks_close(const sweep_ranks *ranks);

/* What a rank tells rank 0. */
typedef struct sweep_report {
    int rank;         /* who sent it */
    json_t *identity; /* of its sweep, in its first report; else NULL */
    size_t wanted;    /* points */
    bool leaves;      /* its last report, which rank 0 does not answer */
    char *lines;      /* outcomes, each followed by a newline */
} sweep_report;

void sweep_ranks_send_report(const sweep_ranks *ranks, const sweep_report *report);
/* At rank 0: waits for a report of any rank. What it has is to be released. */
void sweep_ranks_receive_report(const sweep_ranks *ranks, sweep_report *out);
void sweep_report_release(sweep_report *report);

/* What rank 0 answers: points, fewer than wanted only if there are no more. Receiving gives a block to be freed. */
void sweep_ranks_send_points(const sweep_ranks *ranks, int rank, const size_t *points, size_t count);
size_t *sweep_ranks_receive_points(const sweep_ranks *ranks, size_t *out_count);

#endif
