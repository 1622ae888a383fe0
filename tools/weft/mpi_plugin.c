/* The plugin weft_mpi.so: mpi_messages by MPI. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <mpi.h>

#include <weft/status.h>

#include "mpi_messages.h"

#define MESSAGE_TAG 1

static void open_job(int *rank, int *ranks, int *local_ranks)
{
    int provided;
    MPI_Comm machine;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, ranks);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, local_ranks);
    MPI_Comm_free(&machine);
}

static _Noreturn void end_job(const char *sentence)
{
    fprintf(stderr, "weft: %s\n", sentence);
    MPI_Abort(MPI_COMM_WORLD, 3);
    abort();
}

static void send_message(int rank, const char *bytes, size_t count)
{
    if (count > INT_MAX)
        end_job("The result of a point is larger than a message of MPI, 2 GiB.");
    MPI_Send(bytes, (int)count, MPI_CHAR, rank, MESSAGE_TAG, MPI_COMM_WORLD);
}

/* MPI_Recv() and MPI_Probe() look for messages all the time, on a CPU that the points need. */
static void wait_for_message(MPI_Status *status)
{
    const long shortest_ns = 20 * 1000, longest_ns = 500 * 1000;
    int is_there = 0;
    for (long pause_ns = shortest_ns;; pause_ns = pause_ns < longest_ns ? 2 * pause_ns : pause_ns) {
        MPI_Iprobe(MPI_ANY_SOURCE, MESSAGE_TAG, MPI_COMM_WORLD, &is_there, status);
        if (is_there)
            return;
        nanosleep(&(struct timespec){.tv_nsec = pause_ns}, NULL);
    }
}

static char *receive_message(int *rank, size_t *count)
{
    MPI_Status status;
    int bytes;
    wait_for_message(&status);
    MPI_Get_count(&status, MPI_CHAR, &bytes);
    char *text = malloc((size_t)bytes + 1);
    if (!text)
        end_job("There is no memory for a message of another rank.");
    MPI_Recv(text, bytes, MPI_CHAR, status.MPI_SOURCE, MESSAGE_TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    text[bytes] = 0;
    *rank = status.MPI_SOURCE;
    *count = (size_t)bytes;
    return text;
}

static void close_job(void)
{
    MPI_Finalize();
}

WEFT_API extern const mpi_messages weft_mpi_messages;
const mpi_messages weft_mpi_messages = {
    .open = open_job, .send = send_message, .receive = receive_message, .close = close_job};
