/* Resources, stores and signals: who is served when, by processes and by functions alike; counts, errors, memory. */
#include "support/weft_check.h"

#include <stdio.h>

#include "base/rng.h"
#include "sim/engine/resource.h"
#include "sim/engine/signal.h"
#include "sim/engine/store.h"
#include "support/failing_malloc.h"

/* What has happened: "time:what" after "time:what". */
static char journal[2048];

static void note(const weft_sim *sim, const char *what)
{
    size_t length = strlen(journal);
    (void)snprintf(journal + length, sizeof journal - length, "%s%llu:%s", length ? " " : "",
                   (unsigned long long)weft__sim_now(sim), what);
}

static weft_sim *create(void)
{
    weft_error err;
    weft_sim *sim;
    journal[0] = '\0';
    ck_assert_int_eq(weft__sim_create(NULL, &sim, &err), WEFT_OK);
    return sim;
}

static void run(weft_sim *sim)
{
    weft_error err = {0};
    weft_status status = weft__sim_run(sim, WEFT__NEVER, &err);
    ck_assert_msg(status == WEFT_OK, "%s", err.message);
}

/* ---- resources ---- */

/* Takes units for a time. */
typedef struct job {
    weft__resource *resource;
    const char *name;
    uint64_t units, hold_ps;
} job;

static void job_process(weft__process *self, void *context)
{
    job *it = context;
    weft__resource_acquire(self, it->resource, it->units);
    note(weft__process_sim(self), it->name);
    weft__process_wait(self, it->hold_ps);
    weft__resource_release(it->resource, it->units);
}

static void job_ends(weft_sim *sim, uint64_t argument)
{
    job *it = (job *)(uintptr_t)argument;
    (void)sim;
    weft__resource_release(it->resource, it->units);
}

static void job_begins(weft_sim *sim, uint64_t argument)
{
    job *it = (job *)(uintptr_t)argument;
    note(sim, it->name);
    (void)weft__sim_after(sim, it->hold_ps, job_ends, argument);
}

static void job_function(weft_sim *sim, uint64_t argument)
{
    job *it = (job *)(uintptr_t)argument;
    if (weft__resource_acquire_then(it->resource, it->units, job_begins, argument))
        job_begins(sim, argument);
}

/* Every other one is a process, or all or none: the journal is the same. */
static void play_jobs(unsigned processes)
{
    weft_sim *sim = create();
    weft__resource channels;
    weft__resource_init(&channels, sim, "channels", 4);
    /* c wants all and waits for a and b; d would fit beside b, but does not overtake; e and f come when c has gone. */
    job jobs[] = {{&channels, "a", 2, 10}, {&channels, "b", 1, 20}, {&channels, "c", 4, 5},
                  {&channels, "d", 1, 50}, {&channels, "e", 3, 10}, {&channels, "f", 1, 1}};
    for (unsigned i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        if (processes >> i & 1)
            ck_assert(weft__process_start(sim, i, 0, job_process, &jobs[i], jobs[i].name) != NULL);
        else
            ck_assert(weft__sim_at(sim, i, 0, job_function, (uintptr_t)&jobs[i]) != 0);
    }
    run(sim);
    ck_assert_str_eq(journal, "0:a 1:b 21:c 26:d 26:e 36:f");
    weft__resource_info info;
    weft__resource_get_info(&channels, &info);
    ck_assert_uint_eq(info.in_use, 0);
    ck_assert_uint_eq(info.waiting, 0);
    ck_assert_uint_eq(info.taken, 6);
    ck_assert_uint_eq(info.waits, 4);
    ck_assert_uint_eq(info.busy_ps, 2 * 10 + 20 + 4 * 5 + 50 + 3 * 10 + 1);
    ck_assert_uint_eq(info.queued_ps, (21 - 2) + (26 - 3) + (26 - 4) + (36 - 5));
    weft__sim_destroy(sim);
}

START_TEST(resource_serves_in_the_order_of_coming)
{
    for (unsigned processes = 0; processes < 64; processes++)
        play_jobs(processes);
}
END_TEST

START_TEST(resource_refuses_without_a_function)
{
    weft_sim *sim = create();
    weft__resource one;
    weft__resource_init(&one, sim, "one", 1);
    ck_assert(weft__resource_acquire_then(&one, 1, NULL, 0));
    ck_assert(!weft__resource_acquire_then(&one, 1, NULL, 0));
    weft__resource_release(&one, 1);
    ck_assert(weft__resource_acquire_then(&one, 1, NULL, 0));
    ck_assert(!weft__sim_has_failed(sim));
    weft__sim_destroy(sim);
}
END_TEST

/* ---- stores ---- */

typedef struct line {
    weft__store *store;
    uint64_t step_ps, count, item;
} line;

static void note_item(const weft_sim *sim, const char *what, uint64_t item)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%s%llu", what, (unsigned long long)item);
    note(sim, text);
}

static void putter(weft__process *self, void *context)
{
    line *it = context;
    for (uint64_t i = 1; i <= it->count; i++) {
        weft__store_put(self, it->store, i);
        note_item(weft__process_sim(self), "put", i);
        weft__process_wait(self, it->step_ps);
    }
}

static void getter(weft__process *self, void *context)
{
    line *it = context;
    for (uint64_t i = 1; i <= it->count; i++) {
        note_item(weft__process_sim(self), "got", weft__store_get(self, it->store));
        weft__process_wait(self, it->step_ps);
    }
}

static void put_next(weft_sim *sim, uint64_t argument);

static void put_done(weft_sim *sim, uint64_t argument)
{
    line *it = (line *)(uintptr_t)argument;
    note_item(sim, "put", it->item);
    (void)weft__sim_after(sim, it->step_ps, put_next, argument);
}

static void put_next(weft_sim *sim, uint64_t argument)
{
    line *it = (line *)(uintptr_t)argument;
    if (it->count-- == 0)
        return;
    if (weft__store_put_then(it->store, ++it->item, put_done, argument))
        put_done(sim, argument);
}

static void get_next(weft_sim *sim, uint64_t argument);

static void get_done(weft_sim *sim, uint64_t argument)
{
    line *it = (line *)(uintptr_t)argument;
    note_item(sim, "got", it->item);
    (void)weft__sim_after(sim, it->step_ps, get_next, argument);
}

static void get_next(weft_sim *sim, uint64_t argument)
{
    line *it = (line *)(uintptr_t)argument;
    if (it->count-- == 0)
        return;
    if (weft__store_get_then(it->store, &it->item, get_done, argument))
        get_done(sim, argument);
}

static void play_line(bool put_by_process, bool get_by_process, uint64_t put_ps, uint64_t get_ps, const char *expected)
{
    weft_sim *sim = create();
    weft__store store;
    line in = {&store, put_ps, 5, 0}, out = {&store, get_ps, 5, 0};
    weft__store_init(&store, sim, "buffer", 2);
    if (put_by_process)
        ck_assert(weft__process_start(sim, 0, 0, putter, &in, "putter") != NULL);
    else
        ck_assert(weft__sim_at(sim, 0, 0, put_next, (uintptr_t)&in) != 0);
    if (get_by_process)
        ck_assert(weft__process_start(sim, 1, 0, getter, &out, "getter") != NULL);
    else
        ck_assert(weft__sim_at(sim, 1, 0, get_next, (uintptr_t)&out) != 0);
    run(sim);
    ck_assert_str_eq(journal, expected);
    weft__sim_destroy(sim);
}

START_TEST(store_holds_back_who_puts_too_fast)
{
    for (int i = 0; i < 4; i++)
        play_line(i & 1, i & 2, 0, 10, "0:put1 0:put2 1:got1 1:put3 11:got2 11:put4 21:got3 21:put5 31:got4 41:got5");
}
END_TEST

START_TEST(store_keeps_who_gets_too_fast)
{
    for (int i = 0; i < 4; i++)
        play_line(i & 1, i & 2, 10, 0, "0:put1 1:got1 10:put2 10:got2 20:put3 20:got3 30:put4 30:got4 40:put5 40:got5");
}
END_TEST

START_TEST(store_counts)
{
    weft_sim *sim = create();
    weft__store store;
    weft__store_info info;
    weft_error err;
    line in = {&store, 0, 5, 0}, out = {&store, 10, 6, 0};
    weft__store_init(&store, sim, "buffer", 2);
    ck_assert(weft__process_start(sim, 0, 0, putter, &in, "putter") != NULL);
    ck_assert(weft__process_start(sim, 5, 0, getter, &out, "getter") != NULL);
    ck_assert_int_eq(weft__sim_run(sim, 3, &err), WEFT_OK);
    weft__store_get_info(&store, &info);
    ck_assert_uint_eq(info.items, 2);
    ck_assert_uint_eq(info.putters, 1);
    ck_assert_uint_eq(info.filled_ps, 2 * 3);
    ck_assert_uint_eq(info.queued_ps, 3);
    run(sim);
    weft__store_get_info(&store, &info);
    ck_assert_uint_eq(info.items, 0);
    ck_assert_uint_eq(info.items_max, 2);
    ck_assert_uint_eq(info.getters, 1); /* one item more is wanted than there are */
    ck_assert_uint_eq(info.putters, 0);
    ck_assert_uint_eq(info.puts, 5);
    ck_assert_uint_eq(info.put_waits, 3);
    ck_assert_uint_eq(info.get_waits, 1);
    ck_assert_uint_eq(info.filled_ps, 35 + 45); /* full until 35, then one item less every 10 */
    ck_assert_uint_eq(info.queued_ps, 25);
    weft__sim_destroy(sim);
}
END_TEST

START_TEST(store_refuses_without_a_function)
{
    weft_sim *sim = create();
    weft__store store;
    uint64_t item = 77;
    weft__store_init(&store, sim, "buffer", 1);
    ck_assert(!weft__store_get_then(&store, &item, NULL, 0));
    ck_assert_uint_eq(item, 77);
    ck_assert(weft__store_put_then(&store, 1, NULL, 0));
    ck_assert(!weft__store_put_then(&store, 2, NULL, 0));
    ck_assert(weft__store_get_then(&store, &item, NULL, 0));
    ck_assert_uint_eq(item, 1);
    ck_assert(!weft__store_get_then(&store, &item, NULL, 0));
    ck_assert(!weft__sim_has_failed(sim));
    weft__sim_destroy(sim);
}
END_TEST

/* Against a model of the same in plain C: many who put and get at random times, in random order. */
enum {
    PARTIES = 40,
    ITEMS_EACH = 250
};

typedef struct party {
    weft__store *store;
    weft__rng rng;
    uint64_t number;
} party;

static uint64_t next_in[PARTIES], received;

static void party_puts(weft__process *self, void *context)
{
    party *it = context;
    for (uint64_t i = 0; i < ITEMS_EACH; i++) {
        weft__process_wait(self, weft__rng_below(&it->rng, 100));
        weft__store_put(self, it->store, it->number << 32 | i);
    }
}

static void party_gets(weft__process *self, void *context)
{
    party *it = context;
    for (uint64_t i = 0; i < ITEMS_EACH; i++) {
        weft__process_wait(self, weft__rng_below(&it->rng, 100));
        uint64_t item = weft__store_get(self, it->store);
        ck_assert_uint_lt(item >> 32, PARTIES);
        ck_assert_uint_eq(item & UINT32_MAX, next_in[item >> 32]); /* each one's items in their order, none twice */
        next_in[item >> 32]++;
        received++;
    }
}

START_TEST(store_loses_and_reorders_nothing)
{
    for (uint64_t capacity = 1; capacity <= 16; capacity *= 4) {
        static party parties[2 * PARTIES];
        weft_sim *sim = create();
        weft__store store;
        weft__store_info info;
        weft__store_init(&store, sim, "buffer", capacity);
        memset(next_in, 0, sizeof next_in);
        received = 0;
        for (uint64_t i = 0; i < 2 * PARTIES; i++) {
            parties[i] = (party){.store = &store, .number = i / 2};
            weft__rng_init(&parties[i].rng, capacity * 1000 + i);
            ck_assert(weft__process_start(sim, 0, 0, i % 2 ? party_gets : party_puts, &parties[i], "party") != NULL);
        }
        run(sim);
        weft__store_get_info(&store, &info);
        ck_assert_uint_eq(received, PARTIES * ITEMS_EACH);
        ck_assert_uint_eq(info.puts, received);
        ck_assert_uint_le(info.items_max, capacity);
        ck_assert_int_eq(weft__process_check_stuck(sim), WEFT_OK);
        weft__sim_destroy(sim);
    }
}
END_TEST

/* ---- signals ---- */

typedef struct waiter {
    weft__signal *signal;
    const char *name;
    uint64_t value;
} waiter;

static void wait_process(weft__process *self, void *context)
{
    waiter *it = context;
    weft__signal_wait(self, it->signal, it->value);
    note(weft__process_sim(self), it->name);
}

static void wait_done(weft_sim *sim, uint64_t argument)
{
    note(sim, ((waiter *)(uintptr_t)argument)->name);
}

static void wait_function(weft_sim *sim, uint64_t argument)
{
    waiter *it = (waiter *)(uintptr_t)argument;
    if (weft__signal_wait_then(it->signal, it->value, wait_done, argument))
        wait_done(sim, argument);
}

static void fire(weft_sim *sim, uint64_t argument)
{
    note(sim, "fire");
    weft__signal_fire((weft__signal *)(uintptr_t)argument);
}

START_TEST(signal_wakes_in_the_order_of_coming_whose_number_is_reached)
{
    for (unsigned processes = 0; processes < 64; processes++) {
        weft_sim *sim = create();
        weft__signal fence;
        weft__signal_init(&fence, sim, "fence");
        waiter waiters[] = {{&fence, "a3", 3}, {&fence, "b1", 1}, {&fence, "c2", 2},
                            {&fence, "d1", 1}, {&fence, "e3", 3}, {&fence, "f0", 0}};
        for (unsigned i = 0; i < sizeof waiters / sizeof waiters[0]; i++) {
            if (processes >> i & 1)
                ck_assert(weft__process_start(sim, i, 0, wait_process, &waiters[i], waiters[i].name) != NULL);
            else
                ck_assert(weft__sim_at(sim, i, 0, wait_function, (uintptr_t)&waiters[i]) != 0);
        }
        for (uint64_t i = 1; i <= 3; i++)
            ck_assert(weft__sim_at(sim, 10 * i, 0, fire, (uintptr_t)&fence) != 0);
        run(sim);
        ck_assert_str_eq(journal, "5:f0 10:fire 10:b1 10:d1 20:fire 20:c2 30:fire 30:a3 30:e3");
        ck_assert_uint_eq(weft__signal_value(&fence), 3);
        weft__sim_destroy(sim);
    }
}
END_TEST

/* A barrier that is used again and again. */
static void arrive(weft__process *self, void *context)
{
    weft__signal *barrier = context;
    for (uint64_t round = 1; round <= 3; round++) {
        weft__signal_fire(barrier);
        weft__signal_wait(self, barrier, round * 50);
        ck_assert_uint_eq(weft__sim_now(weft__process_sim(self)), 49 * round);
        weft__process_wait(self, round < 3 ? 49 : 0);
    }
}

START_TEST(signal_serves_as_a_barrier_without_spread)
{
    weft_sim *sim = create();
    weft__signal barrier;
    weft__signal_init(&barrier, sim, "barrier");
    for (uint64_t i = 0; i < 50; i++)
        ck_assert(weft__process_start(sim, i, 0, arrive, &barrier, "pe") != NULL);
    run(sim);
    ck_assert_uint_eq(weft__signal_value(&barrier), 150);
    ck_assert_int_eq(weft__process_check_stuck(sim), WEFT_OK);
    weft__sim_destroy(sim);
}
END_TEST

/* ---- errors and memory ---- */

static void expect_error(weft_sim *sim, weft_status status, const char *message)
{
    weft_error err = {0};
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), status);
    ck_assert_str_eq(err.message, message);
    weft__sim_destroy(sim);
}

START_TEST(errors_name_the_thing_and_the_value)
{
    weft__resource resource;
    weft__store store;
    weft__signal signal;
    weft_sim *sim = create();
    weft__resource_init(&resource, sim, "dma", 2);
    ck_assert(!weft__resource_acquire_then(&resource, 3, NULL, 0));
    expect_error(sim, WEFT_INVALID_ARGUMENT, "Resource 'dma' was asked for 3 units, but has 1 to 2 to give.");
    sim = create();
    weft__resource_init(&resource, sim, "dma", 2);
    ck_assert(!weft__resource_acquire_then(&resource, 0, NULL, 0));
    expect_error(sim, WEFT_INVALID_ARGUMENT, "Resource 'dma' was asked for 0 units, but has 1 to 2 to give.");
    sim = create();
    weft__resource_init(&resource, sim, "dma", 2);
    ck_assert(weft__resource_acquire_then(&resource, 1, NULL, 0));
    weft__resource_release(&resource, 2);
    expect_error(sim, WEFT_INVALID_ARGUMENT, "Resource 'dma' was given back 2 units, but 1 are in use.");
    sim = create();
    weft__store_init(&store, sim, "ring", 0);
    expect_error(sim, WEFT_INVALID_ARGUMENT, "Store 'ring' has room for 0 items, but needs it for one.");
    sim = create();
    weft__signal_init(&signal, sim, "fence");
    weft__signal_raise(&signal, 5);
    weft__signal_raise(&signal, 4);
    expect_error(sim, WEFT_INVALID_ARGUMENT, "Signal 'fence' stands at 5 and cannot go to 4.");
}
END_TEST

/* Who still waits when the simulation is dropped leaves nothing behind. The sanitizer looks. */
START_TEST(those_left_waiting_are_dropped)
{
    weft_sim *sim = create();
    weft__store store;
    weft__signal never;
    line in = {&store, 0, 5, 0};
    waiter late = {&never, "late", 1};
    weft__store_init(&store, sim, "buffer", 2);
    weft__signal_init(&never, sim, "never");
    ck_assert(weft__process_start(sim, 0, 0, putter, &in, "putter") != NULL);
    ck_assert(weft__process_start(sim, 0, 0, wait_process, &late, "late") != NULL);
    ck_assert(!weft__signal_wait_then(&never, 1, wait_done, (uintptr_t)&late));
    run(sim);
    ck_assert_str_eq(journal, "0:put1 0:put2");
    weft__sim_destroy(sim);
}
END_TEST

/* A hundred who pass an item round through full stores and take turns at a resource. */
static weft_status play_crowd(uint64_t warm_ps, uint64_t *out_allocations, weft_error *err)
{
    weft_sim *sim;
    weft__sim_info before, after;
    *out_allocations = 0;
    if (weft__sim_create(NULL, &sim, err))
        return WEFT_OUT_OF_MEMORY;
    weft__resource turns;
    weft__store stores[2];
    static job jobs[50];
    static line lines[50];
    weft__resource_init(&turns, sim, "turns", 3);
    for (int i = 0; i < 2; i++)
        weft__store_init(&stores[i], sim, "store", 2);
    for (uint64_t i = 0; i < 50; i++) {
        jobs[i] = (job){&turns, "", 1 + i % 3, i};
        lines[i] = (line){&stores[i % 2], i % 7, 40, 0};
        if (i % 16 == 0)
            (void)weft__process_start(sim, i, 0, job_process, &jobs[i], "job");
        else
            (void)weft__sim_at(sim, i, 0, job_function, (uintptr_t)&jobs[i]);
        (void)weft__sim_at(sim, i, 0, i % 4 < 2 ? put_next : get_next, (uintptr_t)&lines[i]);
    }
    weft_status status = weft__sim_run(sim, warm_ps, err);
    weft__sim_get_info(sim, &before);
    if (status == WEFT_OK)
        status = weft__sim_run(sim, WEFT__NEVER, err);
    weft__sim_get_info(sim, &after);
    *out_allocations = after.allocations - before.allocations;
    weft__sim_destroy(sim);
    return status;
}

START_TEST(out_of_memory_is_an_error_of_the_run)
{
    weft_error err;
    uint64_t allocations, n = 0;
    bool failed = true;
    for (; failed; n++) {
        weft_test_fail_allocation_after(n);
        weft_status status = play_crowd(100, &allocations, &err);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
    }
    ck_assert_uint_gt(n, 4); /* the simulation, its events, a stack, its waiters */
    ck_assert_uint_eq(allocations, 0);
}
END_TEST

START_TEST(out_of_memory_names_what_could_not_grow)
{
    weft_error err;
    weft_sim *sim = create();
    weft__store store;
    weft__store_init(&store, sim, "ring", WEFT__STORE_UNBOUNDED);
    weft_test_fail_all_allocations_after(0);
    bool put = weft__store_put_then(&store, 1, NULL, 0);
    weft_status status = weft__sim_run(sim, WEFT__NEVER, &err);
    (void)weft_test_stop_failing();
    ck_assert(!put);
    ck_assert_int_eq(status, WEFT_OUT_OF_MEMORY);
    ck_assert_str_eq(err.message, "Out of memory: could not queue entry 0 of 'ring'.");
    weft__sim_destroy(sim);
}
END_TEST

WEFT_TEST_MAIN("resource", resource_serves_in_the_order_of_coming, resource_refuses_without_a_function,
               store_holds_back_who_puts_too_fast, store_keeps_who_gets_too_fast, store_counts,
               store_refuses_without_a_function, store_loses_and_reorders_nothing,
               signal_wakes_in_the_order_of_coming_whose_number_is_reached, signal_serves_as_a_barrier_without_spread,
               errors_name_the_thing_and_the_value, those_left_waiting_are_dropped,
               out_of_memory_is_an_error_of_the_run, out_of_memory_names_what_could_not_grow)
