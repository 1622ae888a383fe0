/* Threads that run points, one point at a time each. */
#ifndef WEFT_CLI_SWEEP_WORKERS_H
#define WEFT_CLI_SWEEP_WORKERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "sweep_points.h"

/* Where points come from and outcomes go. Both functions are called by all threads at once. */
typedef struct sweep_exchange {
    void *user;
    /* A point to run; waits for one if need be. False: there will be no more. */
    bool (*take)(void *user, size_t *out_point);
    /* The outcome of a point as a line of JSON without its newline, which is given up. */
    void (*give)(void *user, char *line);
} sweep_exchange;

typedef struct sweep_workers {
    const sweep_points *points;
    sweep_exchange exchange;
    pthread_t *threads;
    size_t count;
} sweep_workers;

/* How many threads suit this process, if it is one of so many (at least 1) that share the machine. */
size_t sweep_workers_for_machine(size_t processes);

/* Starts up to `count` threads; those that the system refuses are done without, unless it is the first. Gives 0, or the
 * exit code of an error whose sentence has been printed. */
int sweep_workers_start(const char *verb, const sweep_points *points, const sweep_exchange *exchange, size_t count,
                        sweep_workers *out);
/* Waits until all threads have found that there are no more points. */
void sweep_workers_join(sweep_workers *workers);

#endif
