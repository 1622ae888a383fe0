#include "sim/engine/coroutine.h"

#include <stdint.h>

#ifdef WEFT__COROUTINE_TELLS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef WEFT__COROUTINE_TELLS_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* ---- what the sanitizers are told ---- */

static void tell_leaving(weft__coroutine *from, weft__coroutine *to, int for_good)
{
#ifdef WEFT__COROUTINE_TELLS_ASAN
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake_stack, to->stack, to->stack_bytes);
#endif
#ifdef WEFT__COROUTINE_TELLS_TSAN
    if (!from->fiber)
        from->fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->fiber, 0);
#endif
    (void)from, (void)to, (void)for_good;
}

void weft__coroutine_arrived(weft__coroutine *self, weft__coroutine *from)
{
#ifdef WEFT__COROUTINE_TELLS_ASAN
    const void *stack;
    size_t bytes;
    __sanitizer_finish_switch_fiber(self->fake_stack, &stack, &bytes);
    if (!from->stack_bytes) { /* the engine's own stack is learnt at the first switch away from it */
        from->stack = (void *)(uintptr_t)stack;
        from->stack_bytes = bytes;
    }
#endif
    (void)self, (void)from;
}

static void tell_prepared(weft__coroutine *it)
{
    it->fake_stack = NULL;
#ifdef WEFT__COROUTINE_TELLS_TSAN
    if (!it->fiber)
        it->fiber = __tsan_create_fiber(0);
#endif
}

void weft__coroutine_discard(weft__coroutine *it)
{
#ifdef WEFT__COROUTINE_TELLS_ASAN
    /* A stack that was left in the middle of a call still has the red zones of its frames, which would outlive it. */
    ASAN_UNPOISON_MEMORY_REGION(it->stack, it->stack_bytes);
#endif
#ifdef WEFT__COROUTINE_TELLS_TSAN
    if (it->fiber)
        __tsan_destroy_fiber(it->fiber);
#endif
    it->fiber = NULL;
}

/* ---- the switch ---- */

#if WEFT__COROUTINE_UCONTEXT

static void start(unsigned entry_high, unsigned entry_low, unsigned argument_high, unsigned argument_low)
{
    weft__coroutine_entry *entry = (weft__coroutine_entry *)((uintptr_t)((uint64_t)entry_high << 32 | entry_low));
    entry((void *)((uintptr_t)((uint64_t)argument_high << 32 | argument_low)));
}

void weft__coroutine_prepare(weft__coroutine *it, weft__coroutine_entry *entry, void *argument)
{
    uint64_t function = (uint64_t)(uintptr_t)entry, value = (uint64_t)(uintptr_t)argument;
    (void)getcontext(&it->context); /* cannot fail on the systems that have it */
    it->context.uc_stack.ss_sp = it->stack;
    it->context.uc_stack.ss_size = it->stack_bytes;
    it->context.uc_link = NULL;
    makecontext(&it->context, (void (*)(void))start, 4, (unsigned)(function >> 32), (unsigned)function,
                (unsigned)(value >> 32), (unsigned)value);
    tell_prepared(it);
}

static void swap(weft__coroutine *from, weft__coroutine *to)
{
    (void)swapcontext(&from->context, &to->context);
}

#else

/* Where a new stack begins: calls the entry with its argument. */
void weft__stack_begin(void);

#if defined(__x86_64__)
/* It ends with a jump and not with a return: the processor predicts a return to where the last call came from, which
 * on the other stack is never right, but a jump to where the last such jump went, which nearly always is. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl weft__stack_swap\n"
        ".hidden weft__stack_swap\n"
        ".type weft__stack_swap,@function\n"
        "weft__stack_swap:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    popq %rcx\n"
        "    jmpq *%rcx\n"
        ".size weft__stack_swap,.-weft__stack_swap\n"
        ".globl weft__stack_begin\n"
        ".hidden weft__stack_begin\n"
        ".type weft__stack_begin,@function\n"
        "weft__stack_begin:\n"
        "    movq %r12, %rdi\n"
        "    callq *%r13\n"
        "    ud2\n"
        ".size weft__stack_begin,.-weft__stack_begin\n");

enum {
    SAVED_WORDS = 7,   /* r15 r14 r13 r12 rbx rbp, and the address to return to */
    ENTRY_WORD = 2,    /* r13 */
    ARGUMENT_WORD = 3, /* r12 */
    RETURN_WORD = 6,
    SPARE_WORDS = 2 /* an even number keeps the stack aligned to 16 bytes once the address is gone */
};
#else
__asm__(".text\n"
        ".p2align 4\n"
        ".globl weft__stack_swap\n"
        ".hidden weft__stack_swap\n"
        ".type weft__stack_swap,%function\n"
        "weft__stack_swap:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size weft__stack_swap,.-weft__stack_swap\n"
        ".globl weft__stack_begin\n"
        ".hidden weft__stack_begin\n"
        ".type weft__stack_begin,%function\n"
        "weft__stack_begin:\n"
        "    mov x0, x19\n"
        "    blr x20\n"
        "    brk #1\n"
        ".size weft__stack_begin,.-weft__stack_begin\n");

enum {
    SAVED_WORDS = 20,
    ENTRY_WORD = 1,    /* x20 */
    ARGUMENT_WORD = 0, /* x19 */
    RETURN_WORD = 11,  /* x30 */
    SPARE_WORDS = 0
};
#endif

void weft__coroutine_prepare(weft__coroutine *it, weft__coroutine_entry *entry, void *argument)
{
    uintptr_t top = ((uintptr_t)it->stack + it->stack_bytes) & ~(uintptr_t)15;
    uintptr_t *words = (uintptr_t *)top - (SAVED_WORDS + SPARE_WORDS);
    for (int i = 0; i < SAVED_WORDS + SPARE_WORDS; i++)
        words[i] = 0;
    words[ENTRY_WORD] = (uintptr_t)entry;
    words[ARGUMENT_WORD] = (uintptr_t)argument;
    words[RETURN_WORD] = (uintptr_t)weft__stack_begin;
    it->stack_pointer = words;
    tell_prepared(it);
}

static void swap(weft__coroutine *from, weft__coroutine *to)
{
    weft__stack_swap(&from->stack_pointer, to->stack_pointer);
}

#endif

#if !WEFT__COROUTINE_IS_PLAIN
void weft__coroutine_switch(weft__coroutine *from, weft__coroutine *to)
{
    tell_leaving(from, to, 0);
    swap(from, to);
    weft__coroutine_arrived(from, to);
}
#endif

void weft__coroutine_leave(weft__coroutine *from, weft__coroutine *to)
{
    tell_leaving(from, to, 1);
    swap(from, to);
}
