/* Switching between stacks: the little that C cannot say.
 *
 * x86-64 (System V) and AArch64 have a switch of their own, which saves what the calling convention says must survive a
 * call, but not the rounding mode, which nobody changes. Elsewhere, or with WEFT__COROUTINE_UCONTEXT=1, ucontext
 * serves. The address and thread sanitizers are told of every switch. */
#ifndef WEFT_SIM_ENGINE_COROUTINE_H
#define WEFT_SIM_ENGINE_COROUTINE_H

#include <stddef.h>

#ifndef WEFT__COROUTINE_UCONTEXT
#if defined(__x86_64__) || defined(__aarch64__)
#define WEFT__COROUTINE_UCONTEXT 0
#else
#define WEFT__COROUTINE_UCONTEXT 1
#endif
#endif

#if WEFT__COROUTINE_UCONTEXT
#include <ucontext.h>
#else
/* Saves the registers that a call must keep, swaps the stack pointers, restores. */
void weft__stack_swap(void **save, void *load);
#endif

#if defined(__SANITIZE_ADDRESS__)
#define WEFT__COROUTINE_TELLS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT__COROUTINE_TELLS_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WEFT__COROUTINE_TELLS_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WEFT__COROUTINE_TELLS_TSAN 1
#endif

/* Nobody to tell, and a switch of our own: then it is a single jump, since callers end with it. */
#if !WEFT__COROUTINE_UCONTEXT && !defined(WEFT__COROUTINE_TELLS_ASAN) && !defined(WEFT__COROUTINE_TELLS_TSAN)
#define WEFT__COROUTINE_IS_PLAIN 1
#else
#define WEFT__COROUTINE_IS_PLAIN 0
#endif

/* A stack that is not running now, or the memory for one. */
typedef struct weft__coroutine {
    void *stack_pointer;
    void *stack; /* lowest address; NULL for the engine's own */
    size_t stack_bytes;
    void *fake_stack; /* of the address sanitizer */
    void *fiber;      /* of the thread sanitizer */
#if WEFT__COROUTINE_UCONTEXT
    ucontext_t context;
#endif
} weft__coroutine;

/* Called once on the new stack; it must never return, but switch away for good with weft__coroutine_leave. */
typedef void weft__coroutine_entry(void *argument);

/* Makes `it` start `entry` at the first switch to it; stack and stack_bytes are set. */
void weft__coroutine_prepare(weft__coroutine *it, weft__coroutine_entry *entry, void *argument);

/* Ends what prepare made; not while it runs. */
void weft__coroutine_discard(weft__coroutine *it);

#if WEFT__COROUTINE_IS_PLAIN
static inline void weft__coroutine_switch(weft__coroutine *from, weft__coroutine *to)
{
    weft__stack_swap(&from->stack_pointer, to->stack_pointer);
}
#else
void weft__coroutine_switch(weft__coroutine *from, weft__coroutine *to);
#endif

/* The same, for the last time: `from` is not come back to before it is prepared again. */
void weft__coroutine_leave(weft__coroutine *from, weft__coroutine *to);

/* First thing on a new stack: tells the sanitizers that the switch from `from` is done. */
void weft__coroutine_arrived(weft__coroutine *self, weft__coroutine *from);

#endif
