/* The event engine on the hold model: N events are pending, and each that happens schedules one more. Increments are 80
 * % of 1 to 32, 15 % of 33 to 512 and 5 % of 513 to 8192 nanoseconds. Beside it, in turns, the same on a plain binary
 * heap of (time, sequence) keys, and with processes instead of functions.
 *
 * Usage: bench_engine [--json] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "bench_timer.h"
#include "sim/engine/process.h"

enum {
    EVENTS = 400000,
    ROUNDS = 7
};

static const size_t pending_counts[] = {64, 1000, 10000, 100000};
#define PENDING_COUNTS (sizeof pending_counts / sizeof pending_counts[0])
#define PENDING_MAX 100000
/* A process needs a stack: 64 KiB of addresses each. */
#define PROCESSES_MAX 10000

static uint64_t increment(uint64_t *state)
{
    uint64_t x = *state; /* xorshift: next to nothing beside an event */
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    uint64_t kind = x % 100, amount = x >> 20;
    uint64_t ns = kind < 80 ? 1 + amount % 32 : kind < 95 ? 33 + amount % 480 : 513 + amount % 7680;
    return ns * 1000;
}

typedef struct run {
    uint64_t random;
    uint64_t left;
} run;

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_engine: %s\n", what);
    exit(1);
}

static void event(weft_sim *sim, uint64_t argument)
{
    run *it = (run *)(uintptr_t)argument;
    if (--it->left == 0)
        weft__sim_stop(sim);
    (void)weft__sim_after(sim, increment(&it->random), event, argument);
}

static void process(weft__process *self, void *context)
{
    run *it = context;
    for (;;) {
        weft__process_wait(self, increment(&it->random));
        if (--it->left == 0)
            weft__sim_stop(weft__process_sim(self));
    }
}

static weft_sim *create(run *it, size_t pending, bool processes)
{
    weft_error err;
    weft_sim *sim;
    if (weft__sim_create(NULL, &sim, &err))
        fail(err.message);
    for (size_t i = 0; i < pending; i++) {
        uint64_t time = increment(&it->random);
        bool fine = processes ? weft__process_start(sim, time, 0, process, it, "hold") != NULL
                              : weft__sim_at(sim, time, 0, event, (uintptr_t)it) != 0;
        if (!fine)
            fail("could not schedule");
    }
    return sim;
}

/* Nanoseconds an event, over EVENTS of them. */
static double time_sim(weft_sim *sim, run *it)
{
    weft_error err;
    it->left = EVENTS;
    double start = bench_now_ns();
    if (weft__sim_run(sim, WEFT__NEVER, &err))
        fail(err.message);
    return (bench_now_ns() - start) / EVENTS;
}

/* ---- the plain heap ---- */

typedef struct key {
    uint64_t time, sequence;
    uint64_t payload;
} key;

typedef struct heap {
    key items[PENDING_MAX + 1];
    size_t count;
    uint64_t sequence;
} heap;

static bool less(const key *a, const key *b)
{
    return a->time != b->time ? a->time < b->time : a->sequence < b->sequence;
}

static void push(heap *it, uint64_t time)
{
    key added = {time, it->sequence++, 0};
    size_t at = it->count++;
    for (; at > 0 && less(&added, &it->items[(at - 1) / 2]); at = (at - 1) / 2)
        it->items[at] = it->items[(at - 1) / 2];
    it->items[at] = added;
}

static key pop(heap *it)
{
    key first = it->items[0], last = it->items[--it->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= it->count)
            break;
        if (child + 1 < it->count && less(&it->items[child + 1], &it->items[child]))
            child++;
        if (!less(&it->items[child], &last))
            break;
        it->items[at] = it->items[child];
        at = child;
    }
    it->items[at] = last;
    return first;
}

static double time_heap(heap *it, uint64_t *random)
{
    double start = bench_now_ns();
    for (size_t i = 0; i < EVENTS; i++) {
        key first = pop(it);
        push(it, first.time + increment(random));
    }
    return (bench_now_ns() - start) / EVENTS;
}

static double least(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

typedef struct row {
    double event_ns, process_ns, heap_ns;
} row;

static row measure(size_t pending)
{
    row result = {0};
    run events = {.random = 88172645463325252u}, processes = events;
    weft_sim *of_events = create(&events, pending, false);
    weft_sim *of_processes = pending <= PROCESSES_MAX ? create(&processes, pending, true) : NULL;
    heap *plain = calloc(1, sizeof *plain);
    if (!plain)
        fail("out of memory");
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < pending; i++)
        push(plain, increment(&random));
    for (int round = 0; round < ROUNDS; round++) { /* the first one warms up, and counts as little as any slow one */
        result.event_ns = least(result.event_ns, time_sim(of_events, &events));
        result.heap_ns = least(result.heap_ns, time_heap(plain, &random));
        if (of_processes)
            result.process_ns = least(result.process_ns, time_sim(of_processes, &processes));
    }
    free(plain);
    weft__sim_destroy(of_events);
    weft__sim_destroy(of_processes);
    return result;
}

int main(int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) {
        (void)fprintf(stderr, "usage: bench_engine [--json]\n");
        return 2;
    }
    if (!json)
        (void)printf("%-10s %12s %12s %14s %12s\n", "pending", "event ns", "resume ns", "plain heap ns", "heap/event");
    for (size_t i = 0; i < PENDING_COUNTS; i++) {
        row it = measure(pending_counts[i]);
        if (json)
            (void)printf("%s{\"pending\": %zu, \"event_ns\": %.1f, \"resume_ns\": %.1f, \"heap_ns\": %.1f, \"ratio\": "
                         "%.2f}%s\n",
                         i ? " " : "[", pending_counts[i], it.event_ns, it.process_ns, it.heap_ns,
                         it.heap_ns / it.event_ns, i + 1 == PENDING_COUNTS ? "]" : ",");
        else
            (void)printf("%-10zu %12.1f %12.1f %14.1f %12.2f\n", pending_counts[i], it.event_ns, it.process_ns,
                         it.heap_ns, it.heap_ns / it.event_ns);
    }
    return 0;
}
