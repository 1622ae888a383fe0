#include "sim/engine/process.h"

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

struct weft__process {
    weft__coroutine coroutine;
    weft_sim *sim;
    weft__process_body *body;
    void *context;
    const char *name;
    bool suspended;
    weft__process *next, **link; /* among the living; only `next` among the idle */
};

/* One mapping, and the records of its processes. */
typedef struct weft__stack_block {
    struct weft__stack_block *next;
    unsigned char *memory;
    size_t bytes;
    weft__process processes[STACKS_PER_BLOCK];
} weft__stack_block;

static void process_main(void *argument)
{
    weft__process *self = argument;
    weft_sim *sim = self->sim;
    weft__coroutine *engine = &sim->engine_stack;
    weft__coroutine_arrived(&self->coroutine, engine);
    self->body(self, self->context);
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    self->next = sim->idle_processes;
    sim->idle_processes = self;
    weft__coroutine_leave(&self->coroutine, engine);
}

/* The event that starts a process, or goes on with it. */
static void go_on(weft_sim *sim, uint64_t argument)
{
    weft__process *process = (weft__process *)(uintptr_t)argument;
    sim->running = process;
    weft__coroutine_switch(&sim->engine_stack, &process->coroutine);
    sim->running = NULL;
}

static void lay_out_stacks(weft_sim *sim, weft__stack_block *block, size_t page, size_t each)
{
    for (size_t i = STACKS_PER_BLOCK; i-- > 0;) {
        weft__process *process = &block->processes[i];
        process->sim = sim;
        process->coroutine.stack = block->memory + i * each + page;
        process->coroutine.stack_bytes = each - page - i % STAGGER_STEPS * STAGGER_BYTES;
        process->next = sim->idle_processes;
        sim->idle_processes = process;
    }
}

static bool map_block(weft_sim *sim)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t each = ((WEFT__STACK_BYTES_DEFAULT + page - 1) & ~(page - 1)) + page;
    weft__stack_block *block = calloc(1, sizeof *block);
    if (!block)
        return false;
    block->bytes = STACKS_PER_BLOCK * each;
    block->memory =
        mmap(NULL, block->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bool fine = block->memory != MAP_FAILED;
    for (size_t i = 0; fine && i < STACKS_PER_BLOCK; i++) /* stacks grow down, into the guard before them */
        fine = mprotect(block->memory + i * each, page, PROT_NONE) == 0;
    if (!fine) {
        if (block->memory != MAP_FAILED)
            (void)munmap(block->memory, block->bytes);
        free(block);
        return false;
    }
    lay_out_stacks(sim, block, page, each);
    block->next = sim->stack_blocks;
    sim->stack_blocks = block;
    sim->process_allocations += 2;
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
    if (!weft__sim_at(sim, time, priority, go_on, (uintptr_t)process))
        return NULL;
    sim->idle_processes = process->next;
    process->body = body;
    process->context = context;
    process->name = name;
    process->suspended = false;
    process->next = sim->processes;
    process->link = &sim->processes;
    if (process->next)
        process->next->link = &process->next;
    sim->processes = process;
    weft__coroutine_prepare(&process->coroutine, process_main, process);
    return process;
}

static void yield(weft__process *self)
{
    weft__coroutine_switch(&self->coroutine, &self->sim->engine_stack);
}

void weft__process_wait(weft__process *self, weft__time delay)
{
    /* After an error nothing will come back here, and the process is dropped with the simulation. */
    (void)weft__sim_after(self->sim, delay, go_on, (uintptr_t)self);
    yield(self);
}

void weft__process_suspend(weft__process *self)
{
    self->suspended = true;
    yield(self);
}

bool weft__process_resume(weft__process *process)
{
    if (!process->suspended)
        return false;
    process->suspended = false;
    (void)weft__sim_after(process->sim, 0, go_on, (uintptr_t)process);
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

const weft__process *weft__process_next(const weft_sim *sim, const weft__process *after)
{
    return after ? after->next : sim->processes;
}

void weft__processes_destroy(weft_sim *sim)
{
    while (sim->stack_blocks) {
        weft__stack_block *block = sim->stack_blocks;
        sim->stack_blocks = block->next;
        for (size_t i = 0; i < STACKS_PER_BLOCK; i++)
            weft__coroutine_discard(&block->processes[i].coroutine);
        (void)munmap(block->memory, block->bytes);
        free(block);
    }
    sim->processes = sim->idle_processes = NULL;
}
