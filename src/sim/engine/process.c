#include "sim/engine/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/engine/coroutine.h"
#include "sim/engine/engine_impl.h"

/* Stacks are mapped so many at a time. */
#define STACKS_PER_BLOCK 64u
/* Tops of stacks are staggered: all at the same place of a page, they would fight for a few lines of the caches. */
#define STAGGER_STEPS 32u
#define STAGGER_BYTES 128u
#define RECORD_ALIGNMENT 64u

/* About as many as the second-level caches hold the tops of, and the TLB the pages. */
#define BLOCKS_IN_CACHE 8u

/* Lies at the top of its own stack, so that resuming a process touches one page and few lines. */
struct weft__process {
    weft__coroutine coroutine;
    weft_sim *sim;
    const char *waits_for; /* if blocked */
    bool suspended;
    weft__time since; /* when it was last suspended or blocked */
    weft__process_body *body;
    void *context;
    const char *name;
    weft__process *next, **link; /* among the living; only `next` among the idle */
};

/* One mapping. */
typedef struct weft__stack_block {
    struct weft__stack_block *next;
    unsigned char *memory;
    size_t each; /* bytes of a stack with its guard page */
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
    self->next = sim->idle_processes;
    sim->idle_processes = self;
    weft__coroutine_leave(&self->coroutine, engine);
}

void weft__process_go_on(weft_sim *sim, uint64_t argument)
{
    weft__process *process = (weft__process *)(uintptr_t)argument;
    weft__coroutine_switch(&sim->engine_stack, &process->coroutine);
}

static void lay_out_stacks(weft_sim *sim, const weft__stack_block *block, size_t page)
{
    for (size_t i = STACKS_PER_BLOCK; i-- > 0;) {
        unsigned char *stack = block->memory + i * block->each + page;
        weft__process *process = process_at(block, i);
        process->sim = sim;
        process->coroutine.stack = stack;
        process->coroutine.stack_bytes = (size_t)((unsigned char *)process - stack);
        process->next = sim->idle_processes;
        sim->idle_processes = process;
    }
}

static bool map_block(weft_sim *sim)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t each = ((WEFT__STACK_BYTES_DEFAULT + page - 1) & ~(page - 1)) + page;
    weft__stack_block *block = malloc(sizeof *block);
    if (!block)
        return false;
    unsigned char *memory =
        mmap(NULL, STACKS_PER_BLOCK * each, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool fine = memory != MAP_FAILED;
    for (size_t i = 0; fine && i < STACKS_PER_BLOCK; i++) /* stacks grow down, into the guard before them */
        fine = mprotect(memory + i * each, page, PROT_NONE) == 0;
    if (!fine) {
        if (memory != MAP_FAILED)
            (void)munmap(memory, STACKS_PER_BLOCK * each);
        free(block);
        return false;
    }
    *block = (weft__stack_block){.next = sim->stack_blocks, .memory = memory, .each = each};
    lay_out_stacks(sim, block, page);
    sim->stack_blocks = block;
    sim->process_allocations += 2;
    sim->looks_ahead = ++sim->stack_block_count > BLOCKS_IN_CACHE;
    return true;
}

weft__process *weft__process_start(weft_sim *sim, weft__time time, int16_t priority, weft__process_body *body,
                                   void *context, const char *name)
{
    if (!sim->idle_processes && !map_block(sim)) {
        (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not map a stack for process '%s'.", name);
        return NULL;
    }
    weft__process *process = sim->idle_processes;
    if (!weft__sim_at(sim, time, priority, weft__process_go_on, (uintptr_t)process))
        return NULL;
    sim->idle_processes = process->next;
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
        for (size_t i = 0; i < STACKS_PER_BLOCK; i++)
            weft__coroutine_discard(&process_at(block, i)->coroutine);
        (void)munmap(block->memory, STACKS_PER_BLOCK * block->each);
        free(block);
    }
    sim->processes = sim->idle_processes = NULL;
}
