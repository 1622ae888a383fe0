/* The engine: the order of events against a plain list, cancelling, running in pieces, errors, and memory. */
#include "support/weft_check.h"

#include <stdio.h>

#include "base/rng.h"
#include "sim/engine/engine.h"
#include "support/failing_malloc.h"

enum {
    EVENTS_MAX = 20000
};

/* One random event: what it will do is drawn from its number alone, so that engine and oracle agree. */
typedef struct planned {
    uint64_t time;
    int16_t priority;
    uint64_t number; /* in the order of scheduling */
    bool is_gone;
} planned;

typedef struct play {
    uint64_t seed;
    uint64_t spread; /* how far ahead events are put, about */
    weft__event_id ids[EVENTS_MAX];
    uint64_t scheduled, limit;
    uint64_t order[EVENTS_MAX]; /* numbers, as they happened */
    size_t happened;
    weft_sim *sim; /* NULL: the oracle plays */
    planned list[EVENTS_MAX];
    uint64_t now;
} play;

static play plays[2];

static void schedule(play *it, uint64_t time, int16_t priority);

static uint64_t draw(const play *it, uint64_t number, uint64_t what)
{
    return weft__rng_at(it->seed, number, what);
}

/* Delays: often none, mostly near, sometimes very far. */
static uint64_t delay_of(const play *it, uint64_t number, uint64_t child)
{
    uint64_t kind = draw(it, number, 10 + 4 * child) % 16;
    uint64_t amount = draw(it, number, 11 + 4 * child);
    if (kind < 3)
        return 0;
    if (kind < 13)
        return amount % it->spread;
    return amount % (it->spread * 5000);
}

static void cancel(play *it, uint64_t number)
{
    if (it->sim)
        (void)weft__sim_cancel(it->sim, it->ids[number]);
    else
        it->list[number].is_gone = true;
}

/* What event `number` does: nought to three new events, and now and then one taken back. */
static void act(play *it, uint64_t number)
{
    it->order[it->happened++] = number;
    uint64_t children = draw(it, number, 1) % 16;
    children = children < 2 ? 0 : children < 12 ? 1 : children < 15 ? 2 : 3;
    for (uint64_t child = 0; child < children; child++)
        schedule(it, it->now + delay_of(it, number, child), (int16_t)(draw(it, number, 12 + 4 * child) % 5 - 2));
    if (draw(it, number, 2) % 8 == 0)
        cancel(it, draw(it, number, 3) % it->scheduled);
}

static void on_event(weft_sim *sim, uint64_t number)
{
    play *it = &plays[0];
    it->now = weft__sim_now(sim);
    act(it, number);
}

static void schedule(play *it, uint64_t time, int16_t priority)
{
    if (it->scheduled == it->limit)
        return;
    uint64_t number = it->scheduled++;
    if (it->sim)
        it->ids[number] = weft__sim_at(it->sim, time, priority, on_event, number);
    else
        it->list[number] = (planned){time, priority, number, false};
}

static bool comes_before(const planned *a, const planned *b)
{
    if (a->time != b->time)
        return a->time < b->time;
    return a->priority != b->priority ? a->priority < b->priority : a->number < b->number;
}

/* The slow and obvious way: look through everything for the next. */
static void play_oracle(play *it)
{
    for (;;) {
        planned *next = NULL;
        for (uint64_t i = 0; i < it->scheduled; i++)
            if (!it->list[i].is_gone && (!next || comes_before(&it->list[i], next)))
                next = &it->list[i];
        if (!next)
            return;
        next->is_gone = true;
        it->now = next->time;
        act(it, next->number);
    }
}

static void start_play(play *it, uint64_t seed, uint64_t spread, uint64_t limit, weft_sim *sim)
{
    memset(it, 0, sizeof *it);
    it->seed = seed;
    it->spread = spread;
    it->limit = limit;
    it->sim = sim;
    for (uint64_t i = 0; i < 40; i++)
        schedule(it, draw(it, i, 99) % spread, (int16_t)(draw(it, i, 98) % 3));
}

static void compare_with_oracle(uint64_t seed, uint64_t spread, uint64_t limit)
{
    weft_error err;
    weft_sim *sim;
    ck_assert_int_eq(weft__sim_create(NULL, &sim, &err), WEFT_OK);
    start_play(&plays[0], seed, spread, limit, sim);
    start_play(&plays[1], seed, spread, limit, NULL);
    /* In pieces, so that the clock is also set between events and events are found again after it. */
    for (uint64_t until = spread; until < 20 * spread; until += spread)
        ck_assert_int_eq(weft__sim_run(sim, until, &err), WEFT_OK);
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_OK);
    play_oracle(&plays[1]);
    ck_assert_uint_eq(plays[0].happened, plays[1].happened);
    for (size_t i = 0; i < plays[0].happened; i++)
        ck_assert_msg(plays[0].order[i] == plays[1].order[i], "seed %llu spread %llu: event %zu is %llu, expected %llu",
                      (unsigned long long)seed, (unsigned long long)spread, i, (unsigned long long)plays[0].order[i],
                      (unsigned long long)plays[1].order[i]);
    weft__sim_info info;
    weft__sim_get_info(sim, &info);
    ck_assert_uint_eq(info.events, plays[0].happened);
    ck_assert_uint_eq(info.pending, 0);
    ck_assert_uint_eq(info.events + info.cancelled, info.scheduled);
    weft__sim_destroy(sim);
}

START_TEST(order_is_that_of_a_plain_list)
{
    static const uint64_t spreads[] = {1, 3, 100, 2000, 100000, 50000000};
    for (uint64_t seed = 1; seed <= 12; seed++)
        for (size_t i = 0; i < sizeof spreads / sizeof spreads[0]; i++)
            compare_with_oracle(seed, spreads[i], 1200);
}
END_TEST

START_TEST(order_survives_a_change_of_slot_width)
{
    compare_with_oracle(77, 40, 15000);
    compare_with_oracle(78, 3000000, 15000);
}
END_TEST

static void count_event(weft_sim *sim, uint64_t argument)
{
    (void)sim;
    ++*(uint64_t *)(uintptr_t)argument;
}

/* ---- a long run, by what must hold of each event ---- */

enum {
    CHECKED_MAX = 1 << 20
};

typedef struct checked {
    weft_sim *sim;
    weft__rng rng;
    uint64_t limit, scheduled, happened, cancelled;
    uint64_t time;           /* of the last event */
    uint64_t order;          /* priority and number of the last one */
    uint64_t scheduled_then; /* events, when that began */
    uint64_t delay_ps;       /* a delay is less, with exceptions */
    uint64_t step_ps;        /* and a multiple of this */
} checked;

static checked long_run;
static int16_t long_priorities[CHECKED_MAX];
static uint64_t long_times[CHECKED_MAX];
static bool long_gone[CHECKED_MAX];
static weft__event_id long_ids[CHECKED_MAX];

/* Check's own assertions are too slow for millions. */
static void must(bool holds, uint64_t number, const char *what)
{
    if (!holds)
        ck_abort_msg("event %llu: %s", (unsigned long long)number, what);
}

static void on_checked(weft_sim *sim, uint64_t number);

static void schedule_checked(checked *it)
{
    if (it->scheduled == it->limit)
        return;
    uint64_t number = it->scheduled++, kind = weft__rng_below(&it->rng, 64);
    uint64_t delay = weft__rng_below(&it->rng, kind ? it->delay_ps : 3000 * it->delay_ps);
    if (kind == 1) /* beyond even the coarse slots, now and then */
        delay += weft__rng_below(&it->rng, (uint64_t)1 << 45);
    long_priorities[number] = kind < 8 ? (int16_t)(weft__rng_below(&it->rng, 7)) - 3 : 0;
    long_times[number] = weft__sim_now(it->sim) + delay / it->step_ps * it->step_ps;
    long_ids[number] = weft__sim_at(it->sim, long_times[number], long_priorities[number], on_checked, number);
    must(long_ids[number] != 0, number, "was not scheduled");
}

static void on_checked(weft_sim *sim, uint64_t number)
{
    checked *it = &long_run;
    uint64_t order = (uint64_t)(long_priorities[number] + 100) << 48 | number;
    must(weft__sim_now(sim) == long_times[number], number, "happens at another time than it was scheduled for");
    must(!long_gone[number], number, "happens twice, or was cancelled");
    must(it->time <= long_times[number], number, "comes after a later one");
    /* At one time only what has just been scheduled may go before what has happened. */
    if (it->time == long_times[number] && order < it->order)
        must(number >= it->scheduled_then, number, "comes after one that it should come before");
    long_gone[number] = true;
    it->time = long_times[number];
    it->order = order;
    it->scheduled_then = it->scheduled;
    it->happened++;
    for (uint64_t i = weft__rng_below(&it->rng, 3); i > 0; i--)
        schedule_checked(it);
    if (it->happened % 16 == 0)
        schedule_checked(it);
    uint64_t other = weft__rng_below(&it->rng, it->scheduled);
    if (it->happened % 8 == 0 && weft__sim_cancel(sim, long_ids[other])) {
        must(!long_gone[other], other, "is cancelled, but is gone already");
        long_gone[other] = true;
        it->cancelled++;
    }
}

static void run_checked(checked *it, uint64_t limit, uint64_t delay_ps, uint64_t step_ps)
{
    weft_error err;
    it->limit = limit;
    it->delay_ps = delay_ps;
    it->step_ps = step_ps;
    for (int i = 0; i < 100; i++)
        schedule_checked(it);
    ck_assert_int_eq(weft__sim_run(it->sim, WEFT__NEVER, &err), WEFT_OK);
}

/* Phases of different density, so that the width of the slots must follow in both directions while events lie in all
 * places that there are for them. */
START_TEST(long_runs_keep_the_order)
{
    weft_error err;
    weft__sim_info info;
    checked *it = &long_run;
    memset(it, 0, sizeof *it);
    memset(long_gone, 0, sizeof long_gone);
    weft__rng_init(&it->rng, 11);
    ck_assert_int_eq(weft__sim_create(NULL, &it->sim, &err), WEFT_OK);
    run_checked(it, 150000, 30000, 1000);
    run_checked(it, 350000, 30000, 1);
    run_checked(it, 450000, 2000000000, 1);
    run_checked(it, 600000, 100, 1);
    run_checked(it, 700000, 500000, 250);
    weft__sim_get_info(it->sim, &info);
    ck_assert_uint_eq(it->scheduled, 700000);
    ck_assert_uint_eq(it->happened + it->cancelled, it->scheduled);
    ck_assert_uint_eq(info.events, it->happened);
    ck_assert_uint_eq(info.cancelled, it->cancelled);
    ck_assert_uint_eq(info.pending, 0);
    for (uint64_t i = 0; i < it->scheduled; i++)
        must(long_gone[i], i, "never happened");
    weft__sim_destroy(it->sim);
}
END_TEST

START_TEST(run_stops_before_what_lies_after_until)
{
    weft_error err;
    weft_sim *sim;
    uint64_t count = 0;
    ck_assert_int_eq(weft__sim_create(NULL, &sim, &err), WEFT_OK);
    ck_assert(weft__sim_at(sim, 10, 0, count_event, (uintptr_t)&count) != 0);
    ck_assert(weft__sim_at(sim, 5000000000, 0, count_event, (uintptr_t)&count) != 0);
    ck_assert_int_eq(weft__sim_run(sim, 10, &err), WEFT_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(weft__sim_run(sim, 4999999999, &err), WEFT_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(weft__sim_now(sim), 4999999999);
    /* Between the clock and an event that the queue has already looked at. */
    ck_assert(weft__sim_after(sim, 0, count_event, (uintptr_t)&count) != 0);
    ck_assert_int_eq(weft__sim_run(sim, 4999999999, &err), WEFT_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(weft__sim_now(sim), 5000000000);
    weft__sim_destroy(sim);
}
END_TEST

static void stop_at_three(weft_sim *sim, uint64_t argument)
{
    uint64_t *count = (uint64_t *)(uintptr_t)argument;
    if (++*count == 3)
        weft__sim_stop(sim);
    (void)weft__sim_after(sim, 10, stop_at_three, argument);
}

START_TEST(stop_ends_the_run_after_the_event)
{
    weft_error err;
    weft_sim *sim;
    uint64_t count = 0;
    ck_assert_int_eq(weft__sim_create(NULL, &sim, &err), WEFT_OK);
    ck_assert(weft__sim_at(sim, 0, 0, stop_at_three, (uintptr_t)&count) != 0);
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(weft__sim_now(sim), 20);
    ck_assert_int_eq(weft__sim_run(sim, 40, &err), WEFT_OK); /* goes on */
    ck_assert_uint_eq(count, 5);
    weft__sim_destroy(sim);
}
END_TEST

START_TEST(first_error_counts)
{
    weft_error err;
    weft_sim *sim;
    ck_assert_int_eq(weft__sim_create(NULL, &sim, &err), WEFT_OK);
    ck_assert_int_eq(weft__sim_fail(sim, WEFT_OUT_OF_RANGE, "One is %d.", 1), WEFT_OUT_OF_RANGE);
    ck_assert_int_eq(weft__sim_fail(sim, WEFT_INTERNAL, "Two."), WEFT_INTERNAL);
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_OUT_OF_RANGE);
    ck_assert_str_eq(err.message, "One is 1.");
    weft__sim_destroy(sim);
}
END_TEST

/* The limit is for one time, however many events there were before, and for all events of it. */
START_TEST(as_many_events_as_allowed_are_no_livelock)
{
    weft_error err;
    uint64_t count = 0;
    for (uint64_t extra = 0; extra < 2; extra++) {
        weft_sim *sim;
        ck_assert_int_eq(weft__sim_create(&(weft__sim_options){.events_per_tick_max = 50}, &sim, &err), WEFT_OK);
        for (uint64_t i = 0; i < 5 * 50 + extra; i++)
            ck_assert(weft__sim_at(sim, i / 50 < 5 ? i / 50 : 4, 0, count_event, (uintptr_t)&count) != 0);
        ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), extra ? WEFT_DEADLOCK : WEFT_OK);
        weft__sim_destroy(sim);
    }
    ck_assert(strstr(err.message, "more than 50 events at 4 ps") != NULL);
    ck_assert(strstr(err.message, "belong to unnamed components") != NULL);
    ck_assert_uint_eq(count, 500);
}
END_TEST

START_TEST(cancel_works_once_and_ids_go_stale)
{
    weft_error err;
    weft_sim *sim;
    uint64_t count = 0;
    ck_assert_int_eq(weft__sim_create(NULL, &sim, &err), WEFT_OK);
    weft__event_id kept = weft__sim_at(sim, 5, 0, count_event, (uintptr_t)&count);
    weft__event_id dropped = weft__sim_at(sim, 5, 0, count_event, (uintptr_t)&count);
    ck_assert(weft__sim_cancel(sim, dropped));
    ck_assert(!weft__sim_cancel(sim, dropped));
    ck_assert(!weft__sim_cancel(sim, 0));
    ck_assert(!weft__sim_cancel(sim, UINT64_MAX));
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert(!weft__sim_cancel(sim, kept));
    /* The node is used again; the old ids must not reach the new event. */
    ck_assert(weft__sim_at(sim, 9, 0, count_event, (uintptr_t)&count) != 0);
    ck_assert(weft__sim_at(sim, 9, 0, count_event, (uintptr_t)&count) != 0);
    ck_assert(!weft__sim_cancel(sim, kept));
    ck_assert(!weft__sim_cancel(sim, dropped));
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_OK);
    ck_assert_uint_eq(count, 3);
    weft__sim_destroy(sim);
}
END_TEST

static void schedule_in_the_past(weft_sim *sim, uint64_t argument)
{
    (void)argument;
    ck_assert_uint_eq(weft__sim_at(sim, weft__sim_now(sim) - 1, 0, schedule_in_the_past, 0), 0);
}

static void schedule_too_late(weft_sim *sim, uint64_t argument)
{
    (void)argument;
    ck_assert_uint_eq(weft__sim_after(sim, UINT64_MAX - 5, schedule_too_late, 0), 0);
}

static void again_at_once(weft_sim *sim, uint64_t argument)
{
    (void)weft__sim_after(sim, 0, again_at_once, argument);
}

static void describe(void *context, weft__event_function *function, uint64_t argument, char *text, size_t bytes)
{
    (void)function;
    (void)snprintf(text, bytes, "%s%llu", (const char *)context, (unsigned long long)argument);
}

static void expect_failure(weft__event_function *function, weft_status status, const char *fragment)
{
    weft__sim_options options = {.events_per_tick_max = 1000, .describe = describe, .describe_context = "router "};
    weft_error err;
    weft_sim *sim;
    ck_assert_int_eq(weft__sim_create(&options, &sim, &err), WEFT_OK);
    ck_assert(weft__sim_at(sim, 100, 0, function, 7) != 0);
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), status);
    ck_assert_msg(strstr(err.message, fragment) != NULL, "'%s' lacks '%s'", err.message, fragment);
    /* Errors stay. */
    ck_assert(weft__sim_has_failed(sim));
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), status);
    weft__sim_destroy(sim);
}

static void schedule_after_the_end(weft_sim *sim, uint64_t argument)
{
    (void)argument;
    ck_assert_uint_ne(weft__sim_at(sim, WEFT__TIME_LAST, 0, schedule_after_the_end, 0), 0);
    ck_assert_uint_eq(weft__sim_at(sim, WEFT__TIME_LAST + 1, 0, schedule_after_the_end, 0), 0);
}

/* Two that wake each other. */
static void ping(weft_sim *sim, uint64_t argument)
{
    (void)weft__sim_after(sim, 0, ping, argument % 2 + 1);
}

START_TEST(errors_name_time_and_component)
{
    expect_failure(schedule_after_the_end, WEFT_OUT_OF_RANGE, "9223372036854775808 ps, but time ends at");
    expect_failure(ping, WEFT_DEADLOCK, "the last ones belong to router 1, router 2.");
    expect_failure(schedule_in_the_past, WEFT_INVALID_ARGUMENT, "scheduled at 99 ps, but the time is 100 ps");
    expect_failure(schedule_too_late, WEFT_OUT_OF_RANGE, "goes past the end of time");
    expect_failure(again_at_once, WEFT_DEADLOCK, "more than 1000 events at 100 ps");
    expect_failure(again_at_once, WEFT_DEADLOCK, "router 7");
}
END_TEST

typedef struct hold {
    uint64_t left;
    weft__rng rng;
} hold;

static void hold_event(weft_sim *sim, uint64_t argument)
{
    hold *it = (hold *)(uintptr_t)argument;
    if (it->left == 0)
        return;
    it->left--;
    uint64_t far = weft__rng_below(&it->rng, 50) == 0 ? 1000000000 : 30000;
    (void)weft__sim_after(sim, weft__rng_below(&it->rng, far), hold_event, argument);
}

static uint64_t run_hold(uint64_t seed, uint64_t *out_allocations)
{
    weft_error err;
    weft_sim *sim;
    hold it = {.left = 200000};
    weft__rng_init(&it.rng, seed);
    ck_assert_int_eq(weft__sim_create(NULL, &sim, &err), WEFT_OK);
    for (int i = 0; i < 500; i++)
        ck_assert(weft__sim_at(sim, (uint64_t)i, 0, hold_event, (uintptr_t)&it) != 0);
    weft__sim_info before, after;
    ck_assert_int_eq(weft__sim_run(sim, 40000000, &err), WEFT_OK);
    weft__sim_get_info(sim, &before);
    ck_assert_int_eq(weft__sim_run(sim, WEFT__NEVER, &err), WEFT_OK);
    weft__sim_get_info(sim, &after);
    ck_assert_uint_gt(after.events, before.events + 10000);
    *out_allocations = after.allocations - before.allocations;
    weft__sim_destroy(sim);
    return after.trace_hash;
}

START_TEST(hash_tells_runs_apart_and_steady_state_allocates_nothing)
{
    uint64_t allocations;
    uint64_t hash = run_hold(1, &allocations);
    ck_assert_uint_eq(allocations, 0);
    ck_assert_uint_eq(run_hold(1, &allocations), hash);
    ck_assert_uint_ne(run_hold(2, &allocations), hash);
}
END_TEST

START_TEST(out_of_memory_is_an_error_of_the_run)
{
    weft_error err;
    bool failed = true;
    uint64_t hash = 0, tolerated = 0, hashes_differ = 0;
    for (uint64_t n = 0; failed; n++) {
        weft_sim *sim = NULL;
        weft__sim_info info = {0};
        hold it = {.left = 30000};
        weft__rng_init(&it.rng, 5);
        weft_test_fail_allocation_after(n);
        weft_status status = weft__sim_create(NULL, &sim, &err);
        for (int i = 0; status == WEFT_OK && i < 700; i++)
            (void)weft__sim_at(sim, (uint64_t)i * 100, 0, hold_event, (uintptr_t)&it);
        if (status == WEFT_OK)
            status = weft__sim_run(sim, WEFT__NEVER, &err);
        failed = weft_test_stop_failing();
        ck_assert(status == WEFT_OK || (failed && status == WEFT_OUT_OF_MEMORY));
        if (status == WEFT_OK) { /* slots may keep their width for want of memory: that changes nothing */
            weft__sim_get_info(sim, &info);
            tolerated += failed;
            hashes_differ += hash != 0 && hash != info.trace_hash;
            hash = info.trace_hash;
        }
        weft__sim_destroy(sim);
    }
    ck_assert_uint_ne(hash, 0);
    ck_assert_uint_eq(hashes_differ, 0);
    ck_assert_uint_le(tolerated, 4);
}
END_TEST

WEFT_TEST_MAIN("engine", order_is_that_of_a_plain_list, order_survives_a_change_of_slot_width, long_runs_keep_the_order,
               run_stops_before_what_lies_after_until, stop_ends_the_run_after_the_event, first_error_counts,
               as_many_events_as_allowed_are_no_livelock, cancel_works_once_and_ids_go_stale,
               errors_name_time_and_component, hash_tells_runs_apart_and_steady_state_allocates_nothing,
               out_of_memory_is_an_error_of_the_run)
