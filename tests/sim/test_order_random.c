/* Random programs of agents that access memories, send, fork, wait and learn from each other, against the graph of
 * everything that happened. */
#include "support/weft_check.h"

#include "base/rng.h"
#include "naive_order.h"

#define OPERATIONS 160
#define POINTS 6
#define RUNS_MAX 4
#define READINGS 3

/* A point, as both have it. */
typedef struct twin {
    weft__order_point *point;
    naive_point naive;
} twin;

/* Ranges that are accessed together, such as the rows of a tile. */
typedef struct ranges {
    uint32_t memory, runs, begin, each, stride;
} ranges;

/* A read that has begun and not ended. */
typedef struct reading {
    bool is_under_way;
    ranges at;
    weft__order_access access;
    const twin *by;
} reading;

typedef struct program {
    weft__rng rng;
    uint32_t agents;
    bool has_times; /* no two accesses at the same time */
    bool is_wild;   /* agents access without being told of each other first */
    bool only_others;
    uint64_t time_ps;
    weft__order *order;
    weft__order_memory memories[NAIVE_MEMORIES];
    naive_order naive;
    twin points[POINTS], messages[POINTS], commands[POINTS]; /* free where the point is NULL */
    reading readings[READINGS];
    naive_point forgotten[OPERATIONS]; /* commands that were let go of before they were done */
    uint32_t forgotten_count;
    uint64_t accesses, races;
} program;

static program play;
static const char *const calls[] = {"tl_load", "tl_store", "tl_add"};

static uint32_t draw(uint32_t bound)
{
    return (uint32_t)weft__rng_below(&play.rng, bound);
}

static uint64_t draw_time(void)
{
    play.time_ps += play.has_times ? 1 + draw(3) : draw(2);
    return play.time_ps;
}

/* ---- accesses ---- */

static bool is_right(bool found, const weft__order_race *race, bool expected, const weft__order_race *wanted,
                     const bool racing[NAIVE_AGENTS])
{
    if (!found && race->bytes != 0)
        return false;
    if (play.naive.has_passed_over) /* for an agent that has erred itself it may seem that others have not */
        return !found || (expected && race->offset >= wanted->offset);
    if (!found || !expected)
        return found == expected;
    if (!play.has_times)
        return race->offset == wanted->offset && race->bytes > 0 && racing[race->other];
    return race->kind == wanted->kind && race->other == wanted->other && race->other_ps == wanted->other_ps &&
           race->other_call == wanted->other_call && race->offset == wanted->offset && race->bytes == wanted->bytes;
}

static ranges draw_ranges(void)
{
    ranges it = {.memory = draw(NAIVE_MEMORIES), .runs = 1, .begin = draw(NAIVE_BYTES), .each = 1 + draw(12)};
    it.stride = it.each + draw(8);
    if (draw(3) == 0)
        it.runs += draw(RUNS_MAX);
    if (draw(2)) {
        it.begin &= ~15u;
        it.each = (it.each + 15) & ~15u;
        it.stride = (it.stride + 15) & ~15u;
    }
    return it;
}

/* False if the two disagree. */
static bool access_ranges(const ranges *at, bool is_write, const weft__order_access *access, const twin *by)
{
    bool right = true;
    for (uint32_t i = 0; i < at->runs && right; i++) {
        weft__order_race race, wanted;
        bool racing[NAIVE_AGENTS];
        uint64_t from = at->begin + i * at->stride, to = from + at->each;
        to = to < NAIVE_BYTES ? to : NAIVE_BYTES;
        if (from >= to)
            break;
        weft__order_memory *memory = &play.memories[at->memory];
        bool found = is_write ? weft__order_write(play.order, memory, access, from, to - from, &race)
                              : weft__order_read(play.order, memory, access, from, to - from, &race);
        bool expected = naive_order_access(&play.naive, at->memory, is_write, access, by ? &by->naive : NULL, from, to,
                                           &wanted, racing);
        right = is_right(found, &race, expected, &wanted, racing);
        play.accesses++;
        play.races += found;
    }
    return right;
}

/* One that begins has a free place among the readings. */
static bool access_some(uint32_t agent, const twin *by, bool begins)
{
    weft__order_access access = {.agent = agent,
                                 .point = by ? by->point : NULL,
                                 .time_ps = draw_time(),
                                 .call = calls[draw(3)],
                                 .only_others = play.only_others};
    ranges at = draw_ranges();
    reading *it = &play.readings[draw(READINGS)];
    if (!begins || it->is_under_way)
        return access_ranges(&at, draw(3) == 0, &access, by);
    access.phase = WEFT__ORDER_BEGINS;
    *it = (reading){true, at, access, by};
    return access_ranges(&at, false, &access, by);
}

static bool end_reading(void)
{
    reading *it = &play.readings[draw(READINGS)];
    if (!it->is_under_way)
        return true;
    it->is_under_way = false;
    it->access.phase = WEFT__ORDER_ENDS;
    it->access.time_ps = draw_time();
    return access_ranges(&it->at, false, &it->access, it->by);
}

/* An agent that reads does nothing else meanwhile. */
static bool is_busy(uint32_t agent)
{
    for (uint32_t i = 0; i < READINGS; i++)
        if (play.readings[i].is_under_way && !play.readings[i].by && play.readings[i].access.agent == agent)
            return true;
    return false;
}

/* Nor does a command; and nobody gets to know of a message that is still read, nor of a later one. */
static bool is_read_by(const twin *it)
{
    for (uint32_t i = 0; i < READINGS; i++) {
        const twin *by = play.readings[i].is_under_way ? play.readings[i].by : NULL;
        if (by && (by == it || (by->naive.message && it->naive.message && by->naive.agent == it->naive.agent)))
            return true;
    }
    return false;
}

/* ---- the rest ---- */

static twin *any_of(twin twins[POINTS])
{
    twin *it = &twins[draw(POINTS)];
    return it->point && !is_read_by(it) ? it : NULL;
}

static twin *any(void)
{
    twin *const of[] = {play.points, play.messages, play.commands};
    return any_of(of[draw(3)]);
}

static void let_go(twin *it)
{
    weft__order_release(play.order, it->point);
    it->point = NULL;
}

static bool make_point(uint32_t agent)
{
    static weft__order_point *(*const make[])(weft__order *, uint32_t) = {weft__order_snapshot, weft__order_send,
                                                                          weft__order_fork};
    static naive_point (*const make_naive[])(naive_order *, uint32_t) = {naive_order_snapshot, naive_order_send,
                                                                         naive_order_fork};
    twin *const of[] = {play.points, play.messages, play.commands};
    uint32_t kind = draw(3);
    twin *it = &of[kind][draw(POINTS)];
    if (it->point && is_read_by(it))
        return true;
    if (it->point && it->naive.command)
        play.forgotten[play.forgotten_count++] = it->naive;
    let_go(it);
    *it = (twin){make[kind](play.order, agent), make_naive[kind](&play.naive, agent)};
    return !it->naive.message || is_read_by(it) || draw(2) || access_some(agent, it, true);
}

static void wait_for(twin *it)
{
    weft__order_wait(play.order, it->point);
    naive_order_wait(&play.naive, &it->naive);
    if (!it->naive.command)
        return;
    if (draw(2))
        weft__order_wait(play.order, it->point);
    let_go(it);
}

static void wait_for_all(uint32_t agent)
{
    for (uint32_t i = 0; i < READINGS; i++)
        if (play.readings[i].is_under_way && play.readings[i].by && play.readings[i].by->naive.agent == agent)
            return;
    weft__order_wait_all(play.order, agent);
    naive_order_wait_messages(&play.naive, agent);
    for (uint32_t i = 0; i < POINTS; i++) {
        if (!play.commands[i].point || play.commands[i].naive.agent != agent)
            continue;
        naive_order_wait(&play.naive, &play.commands[i].naive);
        let_go(&play.commands[i]);
    }
    for (uint32_t i = 0; i < play.forgotten_count;) {
        if (play.forgotten[i].agent == agent) {
            naive_order_wait(&play.naive, &play.forgotten[i]);
            play.forgotten[i] = play.forgotten[--play.forgotten_count];
        } else {
            i++;
        }
    }
}

static void join(uint32_t agent, const twin *from)
{
    weft__order_join(play.order, agent, from->point);
    naive_order_join(&play.naive, agent, &from->naive);
}

/* All agents learn of each other, as between launches. */
static void meet(void)
{
    for (uint32_t i = 0; i < play.agents; i++)
        if (is_busy(i))
            return;
    twin all = {weft__order_snapshot(play.order, 0), naive_order_snapshot(&play.naive, 0)};
    for (uint32_t i = 1; i < play.agents; i++) {
        twin own = {weft__order_snapshot(play.order, i), naive_order_snapshot(&play.naive, i)};
        weft__order_add(play.order, all.point, own.point);
        naive_order_add(&play.naive, &all.naive, &own.naive);
        let_go(&own);
    }
    for (uint32_t i = 0; i < play.agents; i++)
        join(i, &all);
    let_go(&all);
}

static void add(void)
{
    twin *to = draw(2) ? any_of(play.commands) : any_of(play.points), *from = any();
    if (!to || !from)
        return;
    weft__order_add(play.order, to->point, from->point);
    naive_order_add(&play.naive, &to->naive, &from->naive);
}

/* False if the two disagree. */
static bool operate(void)
{
    uint32_t agent = draw(play.agents), what = draw(100);
    twin *from = any();
    bool is_pending = from && (from->naive.message || from->naive.command);
    if (what < 10)
        return end_reading();
    if (what < 50 && is_pending && draw(4) == 0)
        return access_some(from->naive.agent, from, from->naive.command && draw(2));
    if (is_busy(agent))
        return true;
    if (what < 50)
        return access_some(agent, NULL, draw(4) == 0);
    if (what < 65)
        return make_point(agent);
    if (what < (play.is_wild ? 75 : 90) && from)
        join(agent, from);
    else if (what < 94 && is_pending && !is_busy(from->naive.agent))
        wait_for(from);
    else if (what < 96)
        add();
    else if (what < 98)
        wait_for_all(agent);
    else if (what < 99)
        meet();
    return true;
}

/* ---- programs ---- */

static void begin_program(uint64_t seed)
{
    weft_error error;
    memset(&play, 0, offsetof(program, naive));
    weft__rng_init(&play.rng, seed);
    memset(play.points, 0, sizeof play - offsetof(program, points));
    naive_order_begin(&play.naive);
    play.agents = 1 + draw(NAIVE_AGENTS);
    play.has_times = draw(4) != 0;
    play.is_wild = draw(3) == 0;
    play.only_others = draw(4) == 0;
    WEFT_TEST_ASSERT_OK(weft__order_create(play.agents, &play.order, &error), error);
}

static void end_program(void)
{
    for (uint32_t i = 0; i < POINTS && draw(2); i++)
        let_go(&play.messages[i]);
    ck_assert(!weft__order_has_failed(play.order));
    for (uint32_t i = 0; i < NAIVE_MEMORIES; i++)
        weft__order_memory_destroy(&play.memories[i]);
    weft__order_destroy(play.order);
}

START_TEST(random_programs_race_as_their_graph_says)
{
    uint64_t accesses = 0, races = 0, passed_over = 0;
    for (uint64_t seed = 0; seed < 4000; seed++) {
        begin_program(seed);
        for (uint32_t i = 0; i < OPERATIONS; i++)
            ck_assert_msg(operate(), "Seed %" PRIu64 ", operation %" PRIu32 ": races differ.", seed, i);
        accesses += play.accesses;
        races += play.races;
        passed_over += play.naive.has_passed_over;
        end_program();
    }
    ck_assert_uint_gt(passed_over, 100);
    ck_assert_uint_gt(races, accesses / 20);
    ck_assert_uint_lt(races, accesses * 3 / 4);
}
END_TEST

WEFT_TEST_MAIN("order, random", random_programs_race_as_their_graph_says)
