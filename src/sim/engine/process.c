#include "sim/engine/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/engine/coroutine.h"
#include "sim/engine/engine_impl.h"

/* Valgrind takes a jump to a stack that it was not told of for wild accesses, on threads of a pool at least. Telling it
 * takes a few instructions that do nothing outside of it. */
#ifdef WEFT__HAS_VALGRIND
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(number) (void)(number)
#endif

/* Stacks are mapped so many at a time, fewer if they are large. */
#define STACKS_PER_BLOCK_MAX 64u
#define BLOCK_BYTES ((size_t)STACKS_PER_BLOCK_MAX * WEFT__STACK_BYTES_DEFAULT)
/* Pages behind a stack and its reserve that must not be touched: so many that a large frame does not step over them. */
#define GUARD_PAGES 16u
/* Tops of stacks are staggered: all at the same place of a page, they would fight for a few lines of the caches. */
#define STAGGER_STEPS 32u
#define STAGGER_BYTES 128u
#define RECORD_ALIGNMENT 64u

/* About as many as the second-level caches hold the tops of, and the TLB the pages. */
#define STACKS_IN_CACHE 512u

/* Lies at the top of its own stack, so that resuming a process touches one page and few lines. */
struct weft__process {
    weft__coroutine coroutine;
    weft_sim *sim;
    const char *waits_for; /* if blocked */
    bool suspended;
    unsigned valgrind_stack; /* what it calls this one */
    weft__time since;        /* when it was last suspended or blocked */
    weft__process_body *body;
    void *context;
    const char *name;
    weft__stack_pool *pool;
    weft__process *next, **link; /* among the living; only `next` among the idle */
};

/* Stacks of one size. */
struct weft__stack_pool {
    weft__stack_pool *next;
    size_t stack_bytes;  /* whole pages */
    weft__process *idle; /* ended: record and stack are kept */
};

/* One mapping. */
typedef struct weft__stack_block {
    struct weft__stack_block *next;
    unsigned char *memory;
    size_t each; /* bytes of a stack with its reserve and guard pages */
    size_t count;
} weft__stack_block;

static weft__process *process_at(const weft__stack_block *block, size_t i)
{
    uintptr_t end = (uintptr_t)block->memory + (i + 1) * block->each - i % STAGGER_STEPS * STAGGER_BYTES;
    return (weft__process *)((end - sizeof(weft__process)) & ~(uintptr_t)(RECORD_ALIGNMENT - 1));
}

static void process_main(void *argument)
{
    weft__process *self = argument;
    weft_sim *sim = self->sim;
    weft__coroutine *engine = &sim->engine_stack;
    weft__coroutine_arrived(&self->coroutine, engine);
    self->body(self, self->context);
    *self->link = self->next;
    *(self->next ? &self->next->link : &sim->processes_end) = self->link;
    self->next = self->pool->idle;
    self->pool->idle = self;
    weft__coroutine_leave(&self->coroutine, engine);
}

void weft__process_go_on(weft_sim *sim, uint64_t argument)
{
    weft__process *process = (weft__process *)(uintptr_t)argument;
    weft__coroutine_switch(&sim->engine_stack, &process->coroutine);
}

static void lay_out_stacks(weft_sim *sim, weft__stack_pool *pool, const weft__stack_block *block, size_t guard)
{
    for (size_t i = block->count; i-- > 0;) {
        unsigned char *stack = block->memory + i * block->each + guard;
        weft__process *process = process_at(block, i);
        process->sim = sim;
        process->pool = pool;
        process->coroutine.stack = stack;
        process->coroutine.stack_bytes = (size_t)((unsigned char *)process - stack);
        process->valgrind_stack = VALGRIND_STACK_REGISTER(stack, process);
        process->next = pool->idle;
        pool->idle = process;
    }
}

static bool map_block(weft_sim *sim, weft__stack_pool *pool, size_t page)
{
    /* An odd number of pages: at a power of two, the tops of all stacks would share a few sets of the TLB. */
    size_t each = pool->stack_bytes + WEFT__STACK_RESERVE_BYTES + GUARD_PAGES * page;
    each += each / page % 2 == 0 ? page : 0;
    size_t guard = each - pool->stack_bytes - WEFT__STACK_RESERVE_BYTES;
    size_t count = BLOCK_BYTES / pool->stack_bytes;
    count = count > STACKS_PER_BLOCK_MAX ? STACKS_PER_BLOCK_MAX : count > 0 ? count : 1;
    weft__stack_block *block = malloc(sizeof *block);
    if (!block)
        return false;
    unsigned char *memory =
        mmap(NULL, count * each, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool fine = memory != MAP_FAILED;
    for (size_t i = 0; fine && i < count; i++) /* stacks grow down, into the guard before them */
        fine = mprotect(memory + i * each, guard, PROT_NONE) == 0;
    if (!fine) {
        if (memory != MAP_FAILED)
            (void)munmap(memory, count * each);
        free(block);
        return false;
    }
    *block = (weft__stack_block){.next = sim->stack_blocks, .memory = memory, .each = each, .count = count};
    lay_out_stacks(sim, pool, block, guard);
    sim->stack_blocks = block;
    sim->process_allocations += 2;
    sim->stack_count += count;
    sim->looks_ahead = sim->stack_count > STACKS_IN_CACHE;
    return true;
}

/* The pool of stacks of this size, with an idle one in it; NULL without memory. */
static weft__stack_pool *pool_with_stack(weft_sim *sim, size_t stack_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole = (stack_bytes + page - 1) & ~(page - 1);
    weft__stack_pool *pool = sim->stack_pools;
    while (pool && pool->stack_bytes != whole)
        pool = pool->next;
    if (!pool) {
        pool = malloc(sizeof *pool);
        if (!pool)
            return NULL;
        *pool = (weft__stack_pool){.next = sim->stack_pools, .stack_bytes = whole};
        sim->stack_pools = pool;
        sim->process_allocations++;
    }
    return pool->idle || map_block(sim, pool, page) ? pool : NULL;
}

weft__process *weft__process_start(weft_sim *sim, weft__time time, int16_t priority, weft__process_body *body,
                                   void *context, const char *name)
{
    return weft__process_start_on(sim, WEFT__STACK_BYTES_DEFAULT, time, priority, body, context, name);
}

weft__process *weft__process_start_on(weft_sim *sim, size_t stack_bytes, weft__time time, int16_t priority,
                                      weft__process_body *body, void *context, const char *name)
{
    weft__stack_pool *pool = pool_with_stack(sim, stack_bytes);
    if (!pool) {
        (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not map a stack for process '%s'.", name);
        return NULL;
    }
    weft__process *process = pool->idle;
    if (!weft__sim_at(sim, time, priority, weft__process_go_on, (uintptr_t)process))
        return NULL;
    pool->idle = process->next;
    process->body = body;
    process->context = context;
    process->name = name;
    process->suspended = false;
    process->waits_for = NULL;
    if (!sim->processes)
        sim->processes_end = &sim->processes;
    process->next = NULL;
    process->link = sim->processes_end;
    *sim->processes_end = process;
    sim->processes_end = &process->next;
    weft__coroutine_prepare(&process->coroutine, process_main, process);
    return process;
}

static inline void yield(weft__process *self)
{
    weft__coroutine_switch(&self->coroutine, &self->sim->engine_stack);
}

void weft__process_wait(weft__process *self, weft__time delay)
{
    /* After an error nothing will come back here, and the process is dropped with the simulation. */
    (void)weft__sim_after(self->sim, delay, weft__process_go_on, (uintptr_t)self);
    yield(self);
}

void weft__process_suspend(weft__process *self)
{
    self->suspended = true;
    self->since = self->sim->now;
    yield(self);
}

void weft__process_block(weft__process *self, const char *name)
{
    self->waits_for = name;
    self->since = self->sim->now;
    yield(self);
}

void weft__process_unblock(weft__process *process)
{
    process->waits_for = NULL;
}

bool weft__process_resume(weft__process *process)
{
    if (!process->suspended)
        return false;
    process->suspended = false;
    (void)weft__sim_after(process->sim, 0, weft__process_go_on, (uintptr_t)process);
    return true;
}

weft_sim *weft__process_sim(const weft__process *process)
{
    return process->sim;
}

const char *weft__process_name(const weft__process *process)
{
    return process->name;
}

bool weft__process_is_running(const weft__process *process)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return here - (uintptr_t)process->coroutine.stack < process->coroutine.stack_bytes;
}

bool weft__process_is_suspended(const weft__process *process)
{
    return process->suspended;
}

const char *weft__process_waits_for(const weft__process *process)
{
    return process->waits_for;
}

const weft__process *weft__process_next(const weft_sim *sim, const weft__process *after)
{
    return after ? after->next : sim->processes;
}

weft_status weft__process_check_stuck(weft_sim *sim)
{
    char list[384] = "";
    size_t count = 0, length = 0;
    for (const weft__process *it = sim->processes; it; it = it->next) {
        if (!it->suspended && !it->waits_for)
            continue;
        bool is_named = it->waits_for != NULL;
        if (length < sizeof list)
            length +=
                (size_t)snprintf(list + length, sizeof list - length, "%s'%s' waits %s%s%s since %llu ps",
                                 count ? ", " : "", it->name, is_named ? "for '" : "to be resumed",
                                 is_named ? it->waits_for : "", is_named ? "'" : "", (unsigned long long)it->since);
        count++;
    }
    if (!count)
        return WEFT_OK;
    return weft__sim_fail(sim, WEFT_DEADLOCK,
                          "Deadlock at %llu ps: nothing is left that could wake %zu of the processes: %s%s",
                          (unsigned long long)sim->now, count, list, length < sizeof list ? "." : "...");
}

void weft__processes_destroy(weft_sim *sim)
{
    while (sim->stack_blocks) {
        weft__stack_block *block = sim->stack_blocks;
        sim->stack_blocks = block->next;
        for (size_t i = 0; i < block->count; i++) {
            VALGRIND_STACK_DEREGISTER(process_at(block, i)->valgrind_stack);
            weft__coroutine_discard(&process_at(block, i)->coroutine);
        }
        (void)munmap(block->memory, block->count * block->each);
        free(block);
    }
    while (sim->stack_pools) {
        weft__stack_pool *pool = sim->stack_pools;
        sim->stack_pools = pool->next;
        free(pool);
    }
    sim->processes = NULL;
}
