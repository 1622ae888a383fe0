#include "ticker.h"

#include <time.h>
#include <unistd.h>

#define TICK_NS 100000000

/* The time of the next tick. */
static struct timespec next_tick(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += TICK_NS;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static void *tick(void *context)
{
    cli_ticker *ticker = context;
    pthread_mutex_lock(&ticker->lock);
    while (!ticker->is_over) {
        cli_progress_show(&ticker->progress, atomic_load(&ticker->done), atomic_load(&ticker->total), ticker->what);
        struct timespec at = next_tick();
        pthread_cond_timedwait(&ticker->over, &ticker->lock, &at);
    }
    pthread_mutex_unlock(&ticker->lock);
    return NULL;
}

void cli_ticker_begin(cli_ticker *ticker, const char *verb, const char *what)
{
    cli_progress_begin(&ticker->progress, verb);
    ticker->what = what;
    atomic_init(&ticker->done, 0);
    atomic_init(&ticker->total, 0);
    ticker->is_over = ticker->has_thread = false;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&ticker->lock, NULL);
    pthread_cond_init(&ticker->over, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (isatty(STDERR_FILENO)) /* without a thread there is nothing to see, and no harm */
        ticker->has_thread = pthread_create(&ticker->thread, NULL, tick, ticker) == 0;
}

void cli_ticker_set(cli_ticker *ticker, uint64_t done, uint64_t total)
{
    atomic_store(&ticker->done, done);
    atomic_store(&ticker->total, total);
}

void cli_ticker_end(cli_ticker *ticker)
{
    pthread_mutex_lock(&ticker->lock);
    ticker->is_over = true;
    pthread_cond_signal(&ticker->over);
    pthread_mutex_unlock(&ticker->lock);
    if (ticker->has_thread)
        pthread_join(ticker->thread, NULL);
    pthread_cond_destroy(&ticker->over);
    pthread_mutex_destroy(&ticker->lock);
    cli_progress_end(&ticker->progress);
}
