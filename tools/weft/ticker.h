/* Progress of a task that says too rarely how far it has come: a thread shows the last it said, with the time. */
#ifndef WEFT_CLI_TICKER_H
#define WEFT_CLI_TICKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "output.h"

typedef struct cli_ticker {
    cli_progress progress;
    const char *what; /* "runs" */
    atomic_uint_fast64_t done, total;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool is_over, has_thread;
    pthread_t thread;
} cli_ticker;

/* Begins to show it, if standard error is a terminal. */
void cli_ticker_begin(cli_ticker *ticker, const char *verb, const char *what);
/* What the task says; any thread. */
void cli_ticker_set(cli_ticker *ticker, uint64_t done, uint64_t total);
/* Clears the line. */
void cli_ticker_end(cli_ticker *ticker);

#endif
