#include "sweep_workers.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json_output.h"
#include "output.h"

static size_t at_least_one(long count)
{
    return count > 0 ? (size_t)count : 1;
}

size_t sweep_workers_for_machine(size_t processes)
{
    size_t share = at_least_one(sysconf(_SC_NPROCESSORS_ONLN) / (long)processes);
    cpu_set_t sets[16]; /* one is for 1024 CPUs */
    memset(sets, 0, sizeof sets);
    if (sched_getaffinity(0, sizeof sets, sets) != 0)
        return share;
    /* A launcher that binds its processes has divided the CPUs already. */
    size_t allowed = at_least_one(CPU_COUNT_S(sizeof sets, sets));
    return allowed < share ? allowed : share;
}

static void *work(void *argument)
{
    const sweep_workers *workers = argument;
    size_t point;
    while (workers->exchange.take(workers->exchange.user, &point)) {
        json_t *outcome = sweep_points_measure(workers->points, point);
        char *line = cli_json_line(outcome);
        json_decref(outcome);
        workers->exchange.give(workers->exchange.user, line);
    }
    return NULL;
}

int sweep_workers_start(const char *verb, const sweep_points *points, const sweep_exchange *exchange, size_t count,
                        sweep_workers *out)
{
    *out = (sweep_workers){.points = points, .exchange = *exchange};
    out->threads = cli_allocate(count * sizeof *out->threads);
    while (out->count < count) {
        int error = pthread_create(&out->threads[out->count], NULL, work, out);
        if (error != 0 && out->count == 0) {
            cli_error(verb, "No thread can be started: %s.", strerror(error));
            return CLI_EXIT_INPUT;
        }
        if (error != 0)
            break;
        out->count++;
    }
    return CLI_EXIT_OK;
}

void sweep_workers_join(sweep_workers *workers)
{
    for (size_t i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    free(workers->threads);
    *workers = (sweep_workers){0};
}
