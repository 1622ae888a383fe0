#include "base/threads.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/size.h"

/* Writers of different fields below must not share a cache line. */
#define LINE_BYTES 64

/* With the pause of a current x86, which is 25 to 50 ns, this is 50 to 100 us: longer than the gaps between the
 * operations of a forward pass, shorter than anyone minds a core being kept from sleep. */
#define DEFAULT_SPINS 2000u

typedef struct worker {
    weft__threads *threads;
    size_t index;
    pthread_t thread;
} worker;

/* How a run hands out its tasks, and why a worker that comes late does no harm.
 *
 * `unclaimed` counts down. Taking one from it is a claim if there was one to take: a result of at most 0 claims
 * nothing. The run publishes its function, context and task count by the store to `unclaimed`, and only the holder of a
 * claim looks at them. The claim belongs to that run: the next one does not begin, and so does not change these fields,
 * before `unfinished` has reached 0, which the claimed task holds up until it is done and reported. So there is no
 * moment at which a worker holds a part of one run and a part of another, however long it was asleep between any two
 * steps: subtracting before the next run's store finds nothing and is overwritten by it; subtracting after it is a good
 * claim of that next run. No epoch is needed to tell runs apart.
 *
 * `runs` only tells sleeping workers that there may be something to do. */
struct weft__threads {
    alignas(LINE_BYTES) _Atomic int64_t unclaimed; /* in one line with the rest: who has claimed has it at hand */
    weft__task_function *function;
    void *context;
    size_t task_count;
    alignas(LINE_BYTES) weft__gate unfinished; /* tasks not yet reported done; run() waits for 0 */
    alignas(LINE_BYTES) weft__gate runs;       /* changes with every run, and to stop */
    _Atomic bool stopping;
    size_t count;
    uint32_t spins;
    size_t started; /* workers that exist */
    worker workers[];
};

static void work(weft__threads *threads, size_t worker_index)
{
    uint32_t done = 0;
    /* The load keeps the many looks at a run that is over from writing to a line that others need. */
    while (atomic_load_explicit(&threads->unclaimed, memory_order_relaxed) > 0) {
        int64_t left = atomic_fetch_sub_explicit(&threads->unclaimed, 1, memory_order_acquire);
        if (left <= 0)
            break;
        threads->function(threads->context, threads->task_count - (size_t)left, worker_index);
        done++;
    }
    /* Reported together: the run cannot be over before, and its next claims cannot be another run's. */
    if (done > 0 && weft__gate_add(&threads->unfinished, 0u - done) == 0)
        weft__gate_wake(&threads->unfinished, 1);
}

static void *worker_main(void *argument)
{
    worker *self = argument;
    weft__threads *threads = self->threads;
    for (uint32_t seen = 0;;) {
        seen = weft__gate_wait(&threads->runs, seen, threads->spins);
        if (atomic_load_explicit(&threads->stopping, memory_order_relaxed))
            return NULL;
        work(threads, self->index);
    }
}

void weft__threads_run(weft__threads *threads, size_t task_count, weft__task_function *function, void *context)
{
    assert(task_count <= UINT32_MAX);
    if (task_count <= 1 || threads->count == 1) {
        for (size_t task = 0; task < task_count; task++)
            function(context, task, 0);
        return;
    }
    assert(weft__gate_load(&threads->unfinished) == 0);
    threads->function = function;
    threads->context = context;
    threads->task_count = task_count;
    weft__gate_store(&threads->unfinished, (uint32_t)task_count);
    atomic_store_explicit(&threads->unclaimed, (int64_t)task_count, memory_order_release);
    weft__gate_add(&threads->runs, 1);
    weft__gate_wake(&threads->runs, (uint32_t)weft__min_size(task_count - 1, WEFT__THREADS_MAX));
    work(threads, 0);
    for (uint32_t left; (left = weft__gate_load(&threads->unfinished)) != 0;)
        weft__gate_wait(&threads->unfinished, left, threads->spins);
}

size_t weft__threads_count(const weft__threads *threads)
{
    return threads->count;
}

static void stop_workers(weft__threads *threads)
{
    atomic_store_explicit(&threads->stopping, true, memory_order_relaxed);
    weft__gate_add(&threads->runs, 1);
    weft__gate_wake(&threads->runs, WEFT__WAKE_ALL);
    for (size_t i = 0; i < threads->started; i++)
        pthread_join(threads->workers[i].thread, NULL);
}

int weft__thread_start(pthread_t *thread, void *(*function)(void *context), void *context)
{
    /* A new thread inherits the mask: the handlers of the program run on its own threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, function, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* Starts count - 1 workers or gives the error number of pthread_create. */
static int start_workers(weft__threads *threads)
{
    int error = 0;
    while (error == 0 && threads->started < threads->count - 1) {
        worker *next = &threads->workers[threads->started];
        *next = (worker){.threads = threads, .index = threads->started + 1};
        error = weft__thread_start(&next->thread, worker_main, next);
        threads->started += error == 0;
    }
    return error;
}

static weft_status init_gates(weft__threads *threads, weft_error *err)
{
    weft_status status = weft__gate_init(&threads->unfinished, 0, err);
    if (status != WEFT_OK)
        return status;
    status = weft__gate_init(&threads->runs, 0, err);
    if (status != WEFT_OK)
        weft__gate_destroy(&threads->unfinished);
    return status;
}

static void free_threads(weft__threads *threads)
{
    weft__gate_destroy(&threads->runs);
    weft__gate_destroy(&threads->unfinished);
    free(threads);
}

weft_status weft__threads_create(size_t count, int32_t spins, weft__threads **out_threads, weft_error *err)
{
    *out_threads = NULL;
    if (count < 1 || count > WEFT__THREADS_MAX)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A thread pool takes from 1 to %d threads, not %zu.",
                          WEFT__THREADS_MAX, count);
    size_t bytes = sizeof(weft__threads) + (count - 1) * sizeof(worker);
    bytes = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    weft__threads *threads = aligned_alloc(LINE_BYTES, bytes);
    if (!threads)
        return weft__fail_memory(err, bytes, "a thread pool");
    /* Against more threads than CPUs a spinning thread keeps the very one from running that it waits for. */
    uint32_t default_spins = count <= weft__cpu_count() ? DEFAULT_SPINS : 0;
    threads->count = count;
    threads->spins = spins < 0 ? default_spins : (uint32_t)spins;
    threads->started = 0;
    atomic_init(&threads->unclaimed, 0);
    atomic_init(&threads->stopping, false);
    weft_status status = init_gates(threads, err);
    if (status != WEFT_OK) {
        free(threads);
        return status;
    }
    int error = start_workers(threads);
    if (error != 0) {
        size_t started = threads->started;
        stop_workers(threads);
        free_threads(threads);
        return weft__fail(err, WEFT_OUT_OF_MEMORY,
                          "Could not start worker %zu of a pool of %zu threads: the system gave error %d.", started + 1,
                          count, error);
    }
    *out_threads = threads;
    return WEFT_OK;
}

void weft__threads_destroy(weft__threads *threads)
{
    if (!threads)
        return;
    stop_workers(threads);
    free_threads(threads);
}

size_t weft__cpu_count(void)
{
#ifdef __linux__
    cpu_set_t sets[16]; /* one is for 1024 CPUs, and the call fails on a larger machine */
    CPU_ZERO_S(sizeof sets, sets);
    if (sched_getaffinity(0, sizeof sets, sets) == 0) {
        int set = CPU_COUNT_S(sizeof sets, sets);
        if (set > 0)
            return (size_t)set;
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}
