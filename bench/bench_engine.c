/* The event engine on the hold model: N events are pending, and each that happens schedules one more. Increments are 80
 * % of 1 to 32, 15 % of 33 to 512 and 5 % of 513 to 8192 nanoseconds, whole ones, so that many events share a time; or
 * less by an odd number of picoseconds, so that hardly any do. The same runs with processes instead of functions, and
 * on an event queue over a plain binary heap. That one keeps the contract as far as the model uses it: time, priority
 * and sequence give the order, and an event calls a function with an argument, which schedules the next.
 *
 * And an M/M/1 queue: customers come and are served at random, through a store, by two processes or by functions.
 *
 * All that stands in a row is measured in turns, and each figure is the fastest of its samples.
 *
 * Usage: bench_engine [--json] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "bench_timer.h"
#include "sim/engine/store.h"

enum {
    SAMPLE_EVENTS = 20000, /* short enough to fall between two interruptions */
    SAMPLES = 150,
    CUSTOMERS = 1000000,
    BATCHES = 20,
    MM1_SAMPLES = 10
};

static const size_t pending_counts[] = {64, 1000, 10000, 100000};
#define PENDING_COUNTS (sizeof pending_counts / sizeof pending_counts[0])
/* A process needs a stack: 64 KiB of addresses each. */
#define PROCESSES_MAX 10000

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_engine: %s\n", what);
    exit(1);
}

/* ---- the hold model ---- */

typedef struct hold {
    uint64_t random;
    uint64_t odd_ps; /* increments are less by 0 to so many, all but one */
    uint64_t left;
} hold;

static uint64_t increment(hold *it)
{
    uint64_t x = it->random; /* xorshift: next to nothing beside an event */
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    it->random = x;
    uint64_t kind = x % 100, amount = x >> 20;
    uint64_t ns = kind < 80 ? 1 + amount % 32 : kind < 95 ? 33 + amount % 480 : 513 + amount % 7680;
    return ns * 1000 - ((x >> 50 & 1023) * it->odd_ps >> 10);
}

static void hold_event(weft_sim *sim, uint64_t argument)
{
    hold *it = (hold *)(uintptr_t)argument;
    if (--it->left == 0)
        weft__sim_stop(sim);
    (void)weft__sim_after(sim, increment(it), hold_event, argument);
}

static void hold_process(weft__process *self, void *context)
{
    hold *it = context;
    for (;;) {
        weft__process_wait(self, increment(it));
        if (--it->left == 0)
            weft__sim_stop(weft__process_sim(self));
    }
}

/* ---- the plain heap ---- */

typedef struct plain plain;
typedef void plain_function(plain *it, uint64_t argument);

typedef struct plain_event {
    uint64_t time;
    uint64_t order; /* priority above, sequence below */
    plain_function *function;
    uint64_t argument;
} plain_event;

struct plain {
    plain_event *events;
    size_t count, capacity;
    uint64_t now, sequence;
    bool stopping;
};

static bool plain_less(const plain_event *a, const plain_event *b)
{
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

static void plain_after(plain *it, uint64_t delay, int16_t priority, plain_function *function, uint64_t argument)
{
    if (it->count == it->capacity) {
        it->capacity = it->capacity ? 2 * it->capacity : 64;
        it->events = realloc(it->events, it->capacity * sizeof *it->events);
        if (!it->events)
            fail("out of memory");
    }
    uint64_t order = (uint64_t)(uint16_t)(priority ^ INT16_MIN) << 48 | it->sequence++;
    plain_event added = {it->now + delay, order, function, argument};
    size_t at = it->count++;
    for (; at > 0 && plain_less(&added, &it->events[(at - 1) / 2]); at = (at - 1) / 2)
        it->events[at] = it->events[(at - 1) / 2];
    it->events[at] = added;
}

static plain_event plain_pop(plain *it)
{
    plain_event first = it->events[0], last = it->events[--it->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= it->count)
            break;
        child += child + 1 < it->count && plain_less(&it->events[child + 1], &it->events[child]);
        if (!plain_less(&it->events[child], &last))
            break;
        it->events[at] = it->events[child];
        at = child;
    }
    it->events[at] = last;
    return first;
}

static void plain_run(plain *it)
{
    for (it->stopping = false; it->count > 0 && !it->stopping;) {
        plain_event event = plain_pop(it);
        it->now = event.time;
        event.function(it, event.argument);
    }
}

static void plain_hold_event(plain *it, uint64_t argument)
{
    hold *model = (hold *)(uintptr_t)argument;
    if (--model->left == 0)
        it->stopping = true;
    plain_after(it, increment(model), 0, plain_hold_event, argument);
}

/* ---- a row of the hold model ---- */

typedef enum queue_kind {
    EVENTS,
    PLAIN,
    PROCESSES, /* not of every row */
    KINDS
} queue_kind;

/* One of the kinds, with its own copy of the model. */
typedef struct contestant {
    queue_kind kind;
    hold model;
    weft_sim *sim; /* or `heap` */
    plain heap;
    double fastest_ns;
} contestant;

static void run_events(contestant *it, uint64_t count)
{
    weft_error err;
    it->model.left = count;
    if (it->kind == PLAIN)
        plain_run(&it->heap);
    else if (weft__sim_run(it->sim, WEFT__NEVER, &err))
        fail(err.message);
}

static void set_up(contestant *it, queue_kind kind, size_t pending, uint64_t odd_ps)
{
    weft_error err;
    *it = (contestant){.kind = kind, .model = {.random = 88172645463325252u, .odd_ps = odd_ps}, .fastest_ns = INFINITY};
    if (kind != PLAIN && weft__sim_create(NULL, &it->sim, &err))
        fail(err.message);
    for (size_t i = 0; i < pending; i++) {
        uint64_t time = increment(&it->model);
        if (kind == PLAIN)
            plain_after(&it->heap, time, 0, plain_hold_event, (uintptr_t)&it->model);
        else if (kind == EVENTS)
            (void)weft__sim_after(it->sim, time, hold_event, (uintptr_t)&it->model);
        else
            (void)weft__process_start(it->sim, time, 0, hold_process, &it->model, "hold");
    }
    run_events(it, 10 * pending + 400000); /* into the steady state */
}

static void sample(contestant *it, size_t pending)
{
    run_events(it, pending); /* the others had the caches */
    double start = bench_now_ns();
    run_events(it, SAMPLE_EVENTS);
    double ns = (bench_now_ns() - start) / SAMPLE_EVENTS;
    it->fastest_ns = ns < it->fastest_ns ? ns : it->fastest_ns;
}

static void print_hold(size_t pending, uint64_t odd_ps, bool json)
{
    static contestant all[KINDS];
    int kinds = pending <= PROCESSES_MAX ? KINDS : PROCESSES;
    for (int kind = 0; kind < kinds; kind++)
        set_up(&all[kind], (queue_kind)kind, pending, odd_ps);
    for (int i = 0; i < SAMPLES; i++)
        for (int kind = 0; kind < kinds; kind++)
            sample(&all[kind], pending);
    const char *times = odd_ps ? "odd ps" : "whole ns";
    double event_ns = all[EVENTS].fastest_ns, heap_ns = all[PLAIN].fastest_ns, resume_ns = all[PROCESSES].fastest_ns;
    (void)printf(json ? "{\"pending\": %zu, \"times\": \"%s\", \"event_ns\": %.1f, \"heap_ns\": %.1f, \"ratio\": %.2f"
                      : "%-10zu %-9s %9.1f %14.1f %12.2f",
                 pending, times, event_ns, heap_ns, heap_ns / event_ns);
    if (kinds == KINDS)
        (void)printf(json ? ", \"resume_ns\": %.1f" : "%11.1f", resume_ns);
    (void)printf(json ? "},\n " : "\n");
    for (int kind = 0; kind < kinds; kind++) {
        weft__sim_destroy(all[kind].sim);
        free(all[kind].heap.events);
        all[kind] = (contestant){0};
    }
}

/* ---- M/M/1 ---- */

#define MEAN_SERVICE_PS 1e6

/* Exponential times, drawn many at once: a logarithm alone waits for itself. */
typedef struct draws {
    weft__rng rng;
    double mean_ps;
    size_t left;
    uint64_t ps[256];
} draws;

static uint64_t draw(draws *it)
{
    enum {
        COUNT = sizeof it->ps / sizeof it->ps[0]
    };
    if (it->left == 0) {
        it->left = COUNT;
        for (size_t i = COUNT; i-- > 0;) /* taken from the end */
            it->ps[i] = (uint64_t)(-log(1.0 - weft__rng_unit(&it->rng)) * it->mean_ps + 0.5);
    }
    return it->ps[--it->left];
}

typedef struct mm1 {
    draws gaps, services;
    weft__store queue;
    uint64_t arrived, served;
    uint64_t item;           /* when the customer in service came */
    uint64_t spent[BATCHES]; /* picoseconds in the system, of so many customers each */
} mm1;

static void note_served(mm1 *it, uint64_t spent_ps)
{
    it->spent[it->served++ / (CUSTOMERS / BATCHES)] += spent_ps;
}

static void arrivals(weft__process *self, void *context)
{
    mm1 *it = context;
    const weft_sim *sim = weft__process_sim(self);
    for (; it->arrived < CUSTOMERS; it->arrived++) {
        weft__process_wait(self, draw(&it->gaps));
        weft__store_put(self, &it->queue, weft__sim_now(sim));
    }
}

static void server(weft__process *self, void *context)
{
    mm1 *it = context;
    const weft_sim *sim = weft__process_sim(self);
    while (it->served < CUSTOMERS) {
        uint64_t came = weft__store_get(self, &it->queue);
        weft__process_wait(self, draw(&it->services));
        note_served(it, weft__sim_now(sim) - came);
    }
}

static void on_arrival(weft_sim *sim, uint64_t argument)
{
    mm1 *it = (mm1 *)(uintptr_t)argument;
    (void)weft__store_put_then(&it->queue, weft__sim_now(sim), NULL, 0);
    if (++it->arrived < CUSTOMERS)
        (void)weft__sim_after(sim, draw(&it->gaps), on_arrival, argument);
}

static void on_served(weft_sim *sim, uint64_t argument);

static void on_customer(weft_sim *sim, uint64_t argument)
{
    mm1 *it = (mm1 *)(uintptr_t)argument;
    (void)weft__sim_after(sim, draw(&it->services), on_served, argument);
}

static void on_served(weft_sim *sim, uint64_t argument)
{
    mm1 *it = (mm1 *)(uintptr_t)argument;
    note_served(it, weft__sim_now(sim) - it->item);
    if (it->served < CUSTOMERS && weft__store_get_then(&it->queue, &it->item, on_customer, argument))
        on_customer(sim, argument);
}

/* Seconds that all customers take. */
static double time_mm1(mm1 *it, double utilisation, bool processes, uint64_t *out_events)
{
    weft_error err;
    weft_sim *sim;
    if (weft__sim_create(NULL, &sim, &err))
        fail(err.message);
    *it = (mm1){.gaps.mean_ps = MEAN_SERVICE_PS / utilisation, .services.mean_ps = MEAN_SERVICE_PS};
    weft__rng_init(&it->gaps.rng, 1);
    weft__rng_init(&it->services.rng, 2);
    weft__store_init(&it->queue, sim, "queue", WEFT__STORE_UNBOUNDED);
    double start = bench_now_ns();
    if (processes) {
        (void)weft__process_start(sim, 0, 0, arrivals, it, "arrivals");
        (void)weft__process_start(sim, 0, 0, server, it, "server");
    } else {
        (void)weft__sim_after(sim, draw(&it->gaps), on_arrival, (uintptr_t)it);
        (void)weft__store_get_then(&it->queue, &it->item, on_customer, (uintptr_t)it);
    }
    if (weft__sim_run(sim, WEFT__NEVER, &err))
        fail(err.message);
    double seconds = (bench_now_ns() - start) * 1e-9;
    weft__sim_info info;
    weft__sim_get_info(sim, &info);
    *out_events = info.events;
    weft__sim_destroy(sim);
    return seconds;
}

static void print_mm1(double utilisation, bool processes, bool json, bool is_last)
{
    static mm1 it;
    double fastest = INFINITY, sum = 0, squares = 0;
    uint64_t events = 0;
    for (int i = 0; i < MM1_SAMPLES; i++) {
        double seconds = time_mm1(&it, utilisation, processes, &events);
        fastest = seconds < fastest ? seconds : fastest;
    }
    double theory_ps = MEAN_SERVICE_PS / (1 - utilisation);
    for (int i = 0; i < BATCHES; i++) { /* relative to theory */
        double mean = (double)it.spent[i] / (CUSTOMERS / BATCHES) / theory_ps;
        sum += mean;
        squares += mean * mean;
    }
    double mean = sum / BATCHES, error = sqrt((squares / BATCHES - mean * mean) / (BATCHES - 1));
    (void)printf(json ? "{\"mm1\": \"%s\", \"utilisation\": %.1f, \"seconds\": %.4f, \"events\": %llu, "
                        "\"mean_to_theory\": %.4f, \"standard_error\": %.4f}%s\n"
                      : "%-10s %11.1f %9.4f %9llu %15.4f %15.4f%s\n",
                 processes ? "processes" : "functions", utilisation, fastest, (unsigned long long)events, mean, error,
                 !json     ? ""
                 : is_last ? "]"
                           : ",");
}

int main(int argc, char **argv)
{
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) {
        (void)fprintf(stderr, "usage: bench_engine [--json]\n");
        return 2;
    }
    (void)printf(json ? "[" : "pending    times      event ns  plain heap ns   heap/event  resume ns\n");
    for (uint64_t odd_ps = 0; odd_ps <= 1000; odd_ps += 1000)
        for (size_t i = 0; i < PENDING_COUNTS; i++)
            print_hold(pending_counts[i], odd_ps, json);
    (void)printf(json ? "" : "\nM/M/1      utilisation   seconds    events  mean to theory  standard error\n");
    for (int i = 0; i < 4; i++)
        print_mm1(i % 2 ? 0.9 : 0.5, i / 2 == 0, json, i == 3);
    return 0;
}
