/* A pool of threads for fork-join work: run() calls a function once per task index, on the caller and on the pool's
 * workers, and returns when all calls have returned.
 *
 * Tasks are claimed one at a time in the order of their index, so neighbours in memory are worked on at the same time,
 * and uneven tasks balance themselves. Workers look for the next run for a while before they sleep: between runs that
 * follow each other closely nobody enters the kernel. run() never waits for a worker that has claimed nothing: the
 * caller does the work that nobody else has taken, so a pool on a busy machine is at worst as slow as one thread.
 *
 * Threads: a pool runs one thing at a time: run() must not be called from two threads at once nor from within a task of
 * the same pool. Workers take no signals. */
#ifndef WEFT_BASE_THREADS_H
#define WEFT_BASE_THREADS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/gate.h"
#include "base/status.h"

typedef struct weft__threads weft__threads;

/* One task. `worker` is in [0, count), 0 for the caller of run(); no two calls with the same one overlap, so it can
 * index scratch memory. */
typedef void weft__task_function(void *context, size_t task, size_t worker);

#define WEFT__THREADS_MAX 1024

/* As many looks as pay on common hardware, none when there are more threads than CPUs to run them. */
#define WEFT__SPINS_DEFAULT (-1)

/* Makes a pool of `count` threads, in [1, WEFT__THREADS_MAX], the caller of run() being one of them. `spins` is how
 * often a thread looks before it sleeps (0 sleeps at once) or WEFT__SPINS_DEFAULT. WEFT_INVALID_ARGUMENT for a count
 * outside of its range; WEFT_OUT_OF_MEMORY when memory or threads run out, with all that was started stopped again. */
weft_status weft__threads_create(size_t count, int32_t spins, weft__threads **out_threads,
                                 weft_error *err) WEFT_CHECKED;

/* Stops and joins the workers. NULL is accepted. Nothing may be running. */
void weft__threads_destroy(weft__threads *threads);

/* The count that the pool was made with. */
size_t weft__threads_count(const weft__threads *threads);

/* Calls function(context, task, worker) once for each task in [0, task_count), at most UINT32_MAX of them. What the
 * caller wrote before is visible to the tasks, what the tasks wrote is visible after. Allocates nothing. With one
 * thread or at most one task it is a plain loop. */
void weft__threads_run(weft__threads *threads, size_t task_count, weft__task_function *function, void *context);

/* pthread_create for a thread of the library's own, which takes no signals of the program. Gives its error number. */
int weft__thread_start(pthread_t *thread, void *(*function)(void *context), void *context);

/* CPUs that this process may run on (its affinity mask), at least 1. */
size_t weft__cpu_count(void);

#endif
