/* A 32-bit word that threads can wait on: spin first, then sleep. Changing the word costs one atomic operation, and
 * waking costs a load when nobody sleeps.
 *
 * The word is the only state; what its values mean is the user's business (a count of submissions, of tasks left, ...).
 * A change and a wake are two calls, so that a counter can be changed often and its waiter be woken at the last change
 * alone. A waiter may therefore sleep through changes that no wake follows; it never sleeps through one with a wake
 * after it.
 *
 * Why no wake-up is lost. The waiter counts itself as a sleeper and then looks at the word; the other side changes the
 * word and then looks at the count of sleepers. All four are sequentially consistent, so they stand in one order, in
 * which either the waiter's count comes before the waker's look, which then wakes, or the change comes before the
 * waiter's look, which then does not sleep. Between the waiter's look and its sleep there is no hole either: the kernel
 * (the mutex, where there is no futex) compares the word once more under the lock that a wake takes.
 *
 * A wake looks at the gate after the change that may let a waiter go on. So the gate must outlive not just the waiting
 * but also the calls that change and wake: join those threads, or hold a lock in both, before destroying it.
 *
 * Threads: all functions but init and destroy may run at the same time in any number of threads. */
#ifndef WEFT_BASE_GATE_H
#define WEFT_BASE_GATE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/status.h"

/* The portable form can be chosen where the futex exists, to test it. */
#ifndef WEFT__GATE_FUTEX
#ifdef __linux__
#define WEFT__GATE_FUTEX 1
#else
#define WEFT__GATE_FUTEX 0
#endif
#endif

#if !WEFT__GATE_FUTEX
#include <pthread.h>
#endif

typedef struct weft__gate {
    _Atomic uint32_t word;
    _Atomic uint32_t sleepers; /* threads that sleep or are about to */
#if !WEFT__GATE_FUTEX
    pthread_mutex_t mutex;
    pthread_cond_t woken;
#endif
} weft__gate;

#define WEFT__WAKE_ALL UINT32_MAX

/* Cannot fail where the futex exists; else WEFT_OUT_OF_MEMORY. */
weft_status weft__gate_init(weft__gate *gate, uint32_t value, weft_error *err) WEFT_CHECKED;

/* Nobody may be in a call on the gate, or begin one. */
void weft__gate_destroy(weft__gate *gate);

/* The word now; what was written before the change that is seen is visible after the call. */
static inline uint32_t weft__gate_load(weft__gate *gate)
{
    return atomic_load_explicit(&gate->word, memory_order_acquire);
}

static inline void weft__gate_store(weft__gate *gate, uint32_t value)
{
    atomic_store(&gate->word, value);
}

/* Adds, modulo 2^32, and gives the new value. Subtracts with `0u - n`. */
static inline uint32_t weft__gate_add(weft__gate *gate, uint32_t addend)
{
    return atomic_fetch_add(&gate->word, addend) + addend;
}

/* Waits until the word is not `old` and gives its value. Looks at it up to `spins` times with a pause of the CPU
 * between, after some microseconds also lets other threads have the CPU now and then, and at last sleeps. */
uint32_t weft__gate_wait(weft__gate *gate, uint32_t old, uint32_t spins);

/* What weft__gate_wake does when somebody sleeps. */
void weft__gate_wake_sleepers(weft__gate *gate, uint32_t count);

/* Wakes up to `count` of the threads that sleep on the gate; call it after a change. */
static inline void weft__gate_wake(weft__gate *gate, uint32_t count)
{
    if (atomic_load(&gate->sleepers) != 0)
        weft__gate_wake_sleepers(gate, count);
}

/* A hint to the CPU that this thread waits for another one. */
static inline void weft__cpu_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

#endif
