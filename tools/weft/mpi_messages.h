/* Messages between the ranks of an MPI job. The one file that knows MPI is a plugin, weft_mpi.so, which the command
 * loads when it finds itself in a job: the command itself then runs where there is no MPI, and starts no slower. */
#ifndef WEFT_CLI_MPI_MESSAGES_H
#define WEFT_CLI_MPI_MESSAGES_H

#include <stddef.h>

/* What the plugin offers, under the name WEFT_MPI_SYMBOL. All calls come from the thread that called open(). Whatever
 * fails in MPI ends the job, which is what MPI does by default. */
typedef struct mpi_messages {
    /* Joins the job. local_ranks: how many of its ranks run on this machine. */
    void (*open)(int *rank, int *ranks, int *local_ranks);
    void (*send)(int rank, const char *bytes, size_t count);
    /* Waits for a message of any rank without keeping a CPU busy. The caller frees the bytes, which a NUL follows. */
    char *(*receive)(int *rank, size_t *count);
    /* Waits until all ranks call it, and leaves. */
    void (*close)(void);
} mpi_messages;

#define WEFT_MPI_SYMBOL "weft_mpi_messages"
#define WEFT_MPI_FILE "weft_mpi.so"

#endif
