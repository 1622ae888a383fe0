#include "base/gate.h"

#include <sched.h>

#if WEFT__GATE_FUTEX

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

weft_status weft__gate_init(weft__gate *gate, uint32_t value, weft_error *err)
{
    (void)err;
    atomic_init(&gate->word, value);
    atomic_init(&gate->sleepers, 0);
    return WEFT_OK;
}

void weft__gate_destroy(weft__gate *gate)
{
    (void)gate;
}

static uint32_t sleep_while(weft__gate *gate, uint32_t old)
{
    uint32_t now;
    atomic_fetch_add(&gate->sleepers, 1);
    while ((now = atomic_load(&gate->word)) == old) {
        /* Whatever makes this return (a wake, a signal, a word that has changed already), the word decides. */
        (void)syscall(SYS_futex, (void *)&gate->word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
    }
    atomic_fetch_sub(&gate->sleepers, 1);
    return now;
}

void weft__gate_wake_sleepers(weft__gate *gate, uint32_t count)
{
    int limit = count < (uint32_t)INT_MAX ? (int)count : INT_MAX;
    (void)syscall(SYS_futex, (void *)&gate->word, FUTEX_WAKE_PRIVATE, limit, NULL, NULL, 0);
}

#else

weft_status weft__gate_init(weft__gate *gate, uint32_t value, weft_error *err)
{
    atomic_init(&gate->word, value);
    atomic_init(&gate->sleepers, 0);
    if (pthread_mutex_init(&gate->mutex, NULL) != 0)
        return weft__fail(err, WEFT_OUT_OF_MEMORY, "Out of memory: could not make the mutex of a gate.");
    if (pthread_cond_init(&gate->woken, NULL) != 0) {
        pthread_mutex_destroy(&gate->mutex);
        return weft__fail(err, WEFT_OUT_OF_MEMORY, "Out of memory: could not make the condition variable of a gate.");
    }
    return WEFT_OK;
}

void weft__gate_destroy(weft__gate *gate)
{
    pthread_cond_destroy(&gate->woken);
    pthread_mutex_destroy(&gate->mutex);
}

static uint32_t sleep_while(weft__gate *gate, uint32_t old)
{
    uint32_t now;
    pthread_mutex_lock(&gate->mutex);
    atomic_fetch_add(&gate->sleepers, 1);
    while ((now = atomic_load(&gate->word)) == old)
        pthread_cond_wait(&gate->woken, &gate->mutex);
    atomic_fetch_sub(&gate->sleepers, 1);
    pthread_mutex_unlock(&gate->mutex);
    return now;
}

void weft__gate_wake_sleepers(weft__gate *gate, uint32_t count)
{
    /* With the mutex held, no waiter is between its look at the word and its sleep. */
    pthread_mutex_lock(&gate->mutex);
    if (count == 1)
        pthread_cond_signal(&gate->woken);
    else
        pthread_cond_broadcast(&gate->woken);
    pthread_mutex_unlock(&gate->mutex);
}

#endif

/* Who waits longer than this many looks may be waiting for a thread that has no CPU to run on. From then on it offers
 * its own every so often; when nobody wants it, the offer costs a fraction of a microsecond. */
#define LOOKS_BEFORE_YIELDING 256u
#define LOOKS_PER_YIELD 64u

uint32_t weft__gate_wait(weft__gate *gate, uint32_t old, uint32_t spins)
{
    uint32_t now = weft__gate_load(gate);
    for (uint32_t i = 0; now == old && i < spins; i++) {
        if (i >= LOOKS_BEFORE_YIELDING && i % LOOKS_PER_YIELD == 0)
            (void)sched_yield();
        else
            weft__cpu_pause();
        now = weft__gate_load(gate);
    }
    return now != old ? now : sleep_while(gate, old);
}
