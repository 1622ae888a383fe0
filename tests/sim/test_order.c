/* What orders accesses and what does not, case by case; test_order_random.c has the rest. */
#include "support/weft_check.h"

#include "sim/pe/order.h"
#include "support/failing_malloc.h"

#define AGENTS 5
#define HOST 4

static weft__order *order;
static weft__order_memory hbm, tcm;
static weft__order_race race;
static uint64_t now;

static void begin(uint32_t agents)
{
    weft_error error;
    now = 0;
    WEFT_TEST_ASSERT_OK(weft__order_create(agents, &order, &error), error);
}

static void end(void)
{
    ck_assert(!weft__order_has_failed(order));
    weft__order_memory_destroy(&hbm);
    weft__order_memory_destroy(&tcm);
    weft__order_destroy(order);
}

/* Accesses of 16 bytes, each at a later time than the one before. True if they race. */
static bool read_by(uint32_t agent, const weft__order_point *point, uint64_t offset)
{
    weft__order_access access = {.agent = agent, .point = point, .time_ps = ++now, .call = "tl_load"};
    return weft__order_read(order, &hbm, &access, offset, 16, &race);
}

static bool write_by(uint32_t agent, const weft__order_point *point, uint64_t offset)
{
    weft__order_access access = {.agent = agent, .point = point, .time_ps = ++now, .call = "tl_store"};
    return weft__order_write(order, &hbm, &access, offset, 16, &race);
}

static bool reads(uint32_t agent, uint64_t offset)
{
    return read_by(agent, NULL, offset);
}

static bool writes(uint32_t agent, uint64_t offset)
{
    return write_by(agent, NULL, offset);
}

static void pass(uint32_t from, uint32_t to)
{
    weft__order_point *point = weft__order_snapshot(order, from);
    weft__order_join(order, to, point);
    weft__order_release(order, point);
}

/* ---- what orders ---- */

START_TEST(an_agent_does_one_thing_after_another)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    ck_assert(!reads(0, 0));
    ck_assert(!writes(0, 8));
    pass(0, 1);
    ck_assert(!writes(0, 0));
    ck_assert(!reads(0, 4));
    end();
}
END_TEST

START_TEST(what_nothing_orders_races_however_late_it_is)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    now = 1000000;
    ck_assert(reads(1, 0));
    ck_assert(race.race == WEFT_RACE_RAW && race.other == 0 && race.other_ps == 1);
    ck_assert_str_eq(race.other_call, "tl_store");
    ck_assert(race.offset == 0 && race.bytes == 16);
    ck_assert(writes(2, 0)); /* the read is the later one */
    ck_assert(race.race == WEFT_RACE_WAR && race.other == 1 && race.other_ps == 1000001);
    ck_assert_str_eq(race.other_call, "tl_load");
    ck_assert(writes(3, 0));
    ck_assert(race.race == WEFT_RACE_WAW && race.other == 2 && race.other_ps == 1000002);
    end();
}
END_TEST

START_TEST(reads_do_not_race_with_reads)
{
    begin(AGENTS);
    for (uint32_t i = 0; i < 2 * AGENTS; i++)
        ck_assert(!reads(i % AGENTS, 0));
    ck_assert(writes(0, 0));
    ck_assert(race.race == WEFT_RACE_WAR && race.other == HOST);
    end();
}
END_TEST

START_TEST(a_message_orders_what_was_before_it_with_what_comes_after)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    ck_assert(!reads(0, 16));
    weft__order_point *message = weft__order_send(order, 0);
    ck_assert(!writes(0, 32)); /* after the send */
    weft__order_join(order, 1, message);
    weft__order_release(order, message);
    ck_assert(!reads(1, 0));
    ck_assert(!writes(1, 16));
    ck_assert(reads(1, 32));
    ck_assert(reads(2, 0)); /* which has not received it */
    end();
}
END_TEST

START_TEST(order_is_passed_on)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    pass(0, 1);
    pass(1, 2);
    pass(2, 3);
    ck_assert(!writes(3, 0));
    pass(0, 2); /* nothing new */
    ck_assert(reads(2, 0));
    ck_assert(race.other == 3);
    end();
}
END_TEST

START_TEST(a_point_holds_what_was_known_when_it_was_taken)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    weft__order_point *early = weft__order_snapshot(order, 1);
    pass(0, 1);
    weft__order_point *late = weft__order_snapshot(order, 1);
    weft__order_join(order, 2, early);
    ck_assert(reads(2, 0));
    weft__order_join(order, 3, late);
    ck_assert(!reads(3, 0));
    weft__order_release(order, early);
    weft__order_release(order, late);
    end();
}
END_TEST

START_TEST(a_launch_is_after_the_host_and_before_its_end)
{
    begin(AGENTS);
    ck_assert(!writes(HOST, 0));
    weft__order_point *start = weft__order_snapshot(order, HOST), *over = NULL;
    for (uint32_t pe = 0; pe < HOST; pe++) {
        weft__order_join(order, pe, start);
        ck_assert(!reads(pe, 0));
        ck_assert(!writes(pe, 16 * (pe + 1)));
        weft__order_point *own = weft__order_snapshot(order, pe);
        if (over) {
            weft__order_add(order, over, own);
            weft__order_release(order, own);
        } else {
            over = own;
        }
    }
    ck_assert(reads(HOST, 16)); /* too early */
    weft__order_join(order, HOST, over);
    for (uint32_t pe = 0; pe < HOST; pe++)
        ck_assert(!reads(HOST, 16 * (pe + 1)));
    ck_assert(!writes(HOST, 0));
    weft__order_release(order, start);
    weft__order_release(order, over);
    end();
}
END_TEST

START_TEST(no_point_has_nothing_before_it)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    weft__order_point *point = weft__order_snapshot(order, 0);
    weft__order_join(order, 1, NULL);
    weft__order_add(order, point, NULL);
    weft__order_add(order, NULL, point);
    weft__order_wait(order, NULL);
    weft__order_release(order, NULL);
    ck_assert(reads(1, 0));
    weft__order_release(order, point);
    weft__order_destroy(NULL);
    end();
}
END_TEST

/* ---- commands and messages under way ---- */

START_TEST(a_command_is_done_when_it_has_been_waited_for)
{
    begin(AGENTS);
    weft__order_point *first = weft__order_fork(order, 0), *second = weft__order_fork(order, 0);
    ck_assert(!write_by(0, first, 0));
    ck_assert(!read_by(0, first, 0)); /* it is ordered with itself */
    ck_assert(!write_by(0, second, 16));
    ck_assert(!write_by(0, first, 32));
    ck_assert(!write_by(0, first, 48));
    pass(0, 1);
    ck_assert(reads(1, 0)); /* nobody waited */
    ck_assert(reads(0, 48));
    ck_assert(race.other == 0);
    weft__order_wait(order, second);
    weft__order_wait(order, second);
    ck_assert(!reads(0, 16));
    ck_assert(reads(1, 16)); /* not told */
    pass(0, 1);
    ck_assert(!reads(1, 16));
    ck_assert(reads(1, 32));
    weft__order_release(order, second);
    weft__order_release(order, first);
    weft__order_wait_all(order, 0);
    pass(0, 2);
    ck_assert(!reads(2, 32));
    end();
}
END_TEST

START_TEST(a_command_knows_what_its_agent_knew)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    ck_assert(!writes(0, 16));
    ck_assert(!writes(2, 32));
    weft__order_point *early = weft__order_fork(order, 1);
    pass(0, 1);
    weft__order_point *late = weft__order_fork(order, 1);
    ck_assert(read_by(1, early, 0));
    ck_assert(!read_by(1, late, 16));
    weft__order_point *message = weft__order_send(order, 2);
    weft__order_add(order, late, message); /* it receives */
    ck_assert(!read_by(1, late, 32));
    ck_assert(!writes(2, 64));
    weft__order_release(order, message);
    ck_assert(reads(1, 32)); /* the agent does not know yet */
    weft__order_wait(order, late);
    ck_assert(!reads(1, 32));
    weft__order_release(order, early);
    weft__order_release(order, late);
    end();
}
END_TEST

START_TEST(who_receives_a_message_knows_that_it_has_been_read)
{
    begin(AGENTS);
    weft__order_point *first = weft__order_send(order, 0), *second = weft__order_send(order, 0);
    ck_assert(!read_by(0, first, 0));
    ck_assert(!read_by(0, second, 16));
    ck_assert(!write_by(0, second, 32)); /* its slot */
    weft__order_join(order, 1, second);
    ck_assert(!writes(1, 0)); /* those before it are over too */
    ck_assert(!reads(1, 32));
    ck_assert(writes(0, 16)); /* but the sender does not know */
    ck_assert(race.race == WEFT_RACE_WAR && race.other == 0);
    ck_assert(!read_by(0, second, 48));
    pass(1, 0); /* unless somebody tells */
    ck_assert(!writes(0, 48));
    ck_assert(!read_by(0, second, 64));
    weft__order_point *third = weft__order_send(order, 0);
    ck_assert(!read_by(0, third, 80));
    weft__order_wait(order, second);
    ck_assert(!writes(0, 64));
    ck_assert(writes(0, 80));
    ck_assert(!read_by(0, third, 96));
    weft__order_wait_all(order, 0);
    ck_assert(!writes(0, 96));
    weft__order_release(order, first);
    weft__order_release(order, second);
    weft__order_release(order, third);
    end();
}
END_TEST

/* A ring of two slots from agent 0 to agent 1, which forwards what it gets to agent 2 and frees the slot: with a wait
 * for the forwarded message before that, or without. */
static uint32_t forward(bool waits)
{
    uint32_t found = 0;
    weft__order_point *credits[2] = {NULL, NULL};
    for (uint32_t i = 0; i < 6; i++) {
        uint64_t slot = 16 * (i % 2);
        weft__order_join(order, 0, credits[i % 2]);
        weft__order_release(order, credits[i % 2]);
        weft__order_point *message = weft__order_send(order, 0);
        found += write_by(0, message, slot);
        weft__order_join(order, 1, message);
        weft__order_release(order, message);
        found += reads(1, slot);
        weft__order_point *forwarded = weft__order_send(order, 1);
        found += read_by(1, forwarded, slot); /* in time, either way */
        if (waits)
            weft__order_wait(order, forwarded);
        credits[i % 2] = weft__order_snapshot(order, 1);
        weft__order_release(order, forwarded);
    }
    weft__order_release(order, credits[0]);
    weft__order_release(order, credits[1]);
    return found;
}

START_TEST(a_slot_that_is_freed_before_it_was_forwarded_races)
{
    begin(AGENTS);
    ck_assert_uint_eq(forward(true), 0);
    end();
    begin(AGENTS);
    ck_assert_uint_eq(forward(false), 4); /* each message but the first two */
    ck_assert(race.race == 0 && race.bytes == 0);
    end();
}
END_TEST

START_TEST(only_what_others_leave_unordered_is_a_race_if_asked_so)
{
    begin(AGENTS);
    weft__order_point *command = weft__order_fork(order, 0), *message = weft__order_send(order, 0);
    ck_assert(!write_by(0, command, 0));
    ck_assert(!read_by(0, message, 16));
    weft__order_access own = {.agent = 0, .time_ps = ++now, .call = "tl_add", .only_others = true};
    ck_assert(!weft__order_read(order, &hbm, &own, 0, 32, &race));
    ck_assert(!reads(1, 24));
    ck_assert(weft__order_write(order, &hbm, &own, 0, 32, &race));
    ck_assert(race.race == WEFT_RACE_WAR && race.other == 1 && race.offset == 24 && race.bytes == 8);
    weft__order_release(order, command);
    weft__order_release(order, message);
    end();
}
END_TEST

/* ---- reads that take time ---- */

static bool read_in(uint32_t agent, const weft__order_point *point, weft__order_phase phase)
{
    weft__order_access access = {.agent = agent, .point = point, .time_ps = ++now, .call = "tl_load", .phase = phase};
    return weft__order_read(order, &hbm, &access, 0, 16, &race);
}

START_TEST(a_read_that_takes_time_races_once_with_what_comes_meanwhile)
{
    begin(AGENTS);
    ck_assert(!writes(0, 0));
    pass(0, 1);
    ck_assert(!read_in(1, NULL, WEFT__ORDER_BEGINS));
    ck_assert(!read_in(1, NULL, WEFT__ORDER_ENDS));
    ck_assert(writes(2, 0));
    ck_assert(race.race == WEFT_RACE_WAR && race.other == 1 && race.other_ps == 3); /* the end */
    ck_assert(read_in(3, NULL, WEFT__ORDER_BEGINS));
    ck_assert(!read_in(3, NULL, WEFT__ORDER_ENDS)); /* told of before */
    pass(3, 2);
    pass(2, 1);
    ck_assert(!read_in(1, NULL, WEFT__ORDER_BEGINS));
    ck_assert(!writes(2, 8));
    ck_assert(read_in(1, NULL, WEFT__ORDER_ENDS));
    ck_assert(race.race == WEFT_RACE_RAW && race.other == 2 && race.offset == 8 && race.bytes == 8);
    end();
}
END_TEST

START_TEST(what_others_have_read_is_not_forgotten_for_a_read_that_has_only_begun)
{
    begin(AGENTS);
    ck_assert(!reads(0, 0));
    pass(0, 1);
    weft__order_point *command = weft__order_fork(order, 1);
    ck_assert(!read_in(1, command, WEFT__ORDER_BEGINS));
    ck_assert(!read_in(1, command, WEFT__ORDER_BEGINS)); /* as another operand */
    ck_assert(writes(2, 0));
    ck_assert(race.race == WEFT_RACE_WAR && race.other == 0);
    ck_assert(read_in(1, command, WEFT__ORDER_ENDS));
    weft__order_release(order, command);
    end();
}
END_TEST

/* ---- bytes ---- */

START_TEST(parts_of_what_was_written_are_ordered_by_themselves)
{
    begin(AGENTS);
    weft__order_access all = {.agent = 0, .time_ps = 1, .call = "tl_store"};
    ck_assert(!weft__order_write(order, &hbm, &all, 0, 1024, &race));
    pass(0, 1);
    pass(0, 2);
    ck_assert(!writes(1, 512));
    ck_assert(!reads(2, 496));
    ck_assert(!reads(2, 528));
    ck_assert(reads(2, 504));
    ck_assert(race.other == 1 && race.offset == 512 && race.bytes == 8);
    ck_assert(!reads(2, 4));
    ck_assert(writes(1, 0));
    ck_assert(race.race == WEFT_RACE_WAR && race.offset == 4 && race.bytes == 12);
    /* All of what one access left is one range, however often it has been split. */
    ck_assert(weft__order_read(order, &hbm, &(weft__order_access){.agent = 3, .call = "tl_load"}, 0, 1024, &race));
    ck_assert(race.race == WEFT_RACE_RAW && race.other == 1 && race.offset == 0 && race.bytes == 16);
    ck_assert(weft__order_read(order, &hbm, &(weft__order_access){.agent = 3, .call = "tl_load"}, 16, 1008, &race));
    ck_assert(race.race == WEFT_RACE_RAW && race.other == 0 && race.offset == 16 && race.bytes == 496);
    end();
}
END_TEST

START_TEST(memories_and_empty_ranges_have_nothing_to_do_with_each_other)
{
    begin(AGENTS);
    weft__order_access access = {.agent = 0, .call = "tl_store"};
    ck_assert(!weft__order_write(order, &tcm, &access, 0, 16, &race));
    ck_assert(!writes(1, 0));
    ck_assert(!weft__order_write(order, &hbm, &access, 0, 0, &race));
    ck_assert(!weft__order_read(order, &hbm, &access, 8, 0, &race));
    ck_assert(weft__order_write(order, &hbm, &access, UINT64_MAX - 1, 1, &race) == false);
    access.agent = 1;
    ck_assert(weft__order_read(order, &hbm, &access, UINT64_MAX - 1, 1, &race));
    end();
}
END_TEST

/* ---- many ---- */

/* All agents read what agent 0 wrote, and then it writes it again. */
static bool read_by_all(uint32_t agents, bool are_told, bool tell)
{
    bool found = writes(0, 0);
    for (uint32_t i = 1; i < agents; i++) {
        if (are_told)
            pass(0, i);
        found |= reads(i, 0);
        found |= reads(i, 8);
        if (tell)
            pass(i, 0);
    }
    return found | writes(0, 0);
}

START_TEST(many_readers_are_remembered)
{
    begin(257);
    ck_assert(!read_by_all(257, true, true));
    ck_assert(!read_by_all(257, true, true));
    ck_assert(read_by_all(257, true, false));
    ck_assert(race.race == WEFT_RACE_WAR && race.other == 256);
    end();
}
END_TEST

START_TEST(reads_that_happened_before_others_are_forgotten)
{
    begin(64);
    ck_assert(!writes(0, 0));
    uint64_t before = weft_test_allocations(), made = 0;
    for (uint32_t i = 0; i < 63; i++) { /* a clock is made for each of them, but no room for their reads */
        (void)reads(i, 0);
        pass(i, i + 1);
        made = weft_test_allocations() - before;
    }
    ck_assert_uint_lt(made, 66);
    ck_assert(!writes(63, 0));
    end();
}
END_TEST

/* Rounds of messages around a ring, each of which reads, writes and frees: after the first ones nothing is allocated.
 */
static void go_round(uint32_t agents)
{
    for (uint32_t i = 0; i < agents; i++) {
        uint32_t to = (i + 1) % agents;
        (void)writes(i, 64 * i);
        weft__order_point *message = weft__order_send(order, i);
        (void)read_by(i, message, 64 * i + 4);
        (void)write_by(i, message, 64 * to + 32);
        weft__order_wait(order, message);
        weft__order_join(order, to, message);
        weft__order_release(order, message);
        for (uint32_t reader = 0; reader < agents; reader++)
            (void)reads(reader, 4096 + 16 * i);
        (void)reads(to, 64 * to + 32);
    }
}

START_TEST(nothing_is_allocated_after_a_while)
{
    begin(16);
    for (int i = 0; i < 10; i++)
        go_round(16);
    uint64_t before = weft_test_allocations();
    for (int i = 0; i < 100; i++)
        go_round(16);
    uint64_t made = weft_test_allocations() - before;
    ck_assert_uint_eq(made, 0);
    end();
}
END_TEST

static weft_status run_short_of_memory(void)
{
    weft_error error;
    weft_status status = weft__order_create(3, &order, &error);
    if (status != WEFT_OK)
        return status;
    for (uint32_t round = 0; round < 70; round++) {
        weft__order_point *command = weft__order_fork(order, 0), *message = weft__order_send(order, 1);
        (void)write_by(0, command, 100 * round);
        (void)read_by(1, message, 100 * round + 4);
        weft__order_add(order, command, message);
        for (uint32_t i = 0; i < 3; i++)
            (void)reads(i, 100 * round + 8);
        pass(2, 0);
        weft__order_wait(order, command);
        weft__order_release(order, command);
        weft__order_wait(order, message);
        weft__order_release(order, message);
        (void)writes(2, 100 * round + 2);
        weft__order_wait_all(order, 0);
    }
    status = weft__order_has_failed(order) ? WEFT_OUT_OF_MEMORY : WEFT_OK;
    weft__order_memory_destroy(&hbm);
    weft__order_destroy(order);
    return status;
}

START_TEST(out_of_memory_is_noted_wherever_it_happens)
{
    bool failed = true;
    uint64_t n = 0;
    for (; failed; n++) {
        weft_test_fail_allocation_after(n);
        weft_status status = run_short_of_memory();
        failed = weft_test_stop_failing();
        ck_assert(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK));
    }
    ck_assert_uint_gt(n, 12);
}
END_TEST

WEFT_TEST_MAIN("order", an_agent_does_one_thing_after_another, what_nothing_orders_races_however_late_it_is,
               reads_do_not_race_with_reads, a_message_orders_what_was_before_it_with_what_comes_after,
               order_is_passed_on, a_point_holds_what_was_known_when_it_was_taken,
               a_launch_is_after_the_host_and_before_its_end, no_point_has_nothing_before_it,
               a_command_is_done_when_it_has_been_waited_for, a_command_knows_what_its_agent_knew,
               who_receives_a_message_knows_that_it_has_been_read, a_slot_that_is_freed_before_it_was_forwarded_races,
               only_what_others_leave_unordered_is_a_race_if_asked_so,
               a_read_that_takes_time_races_once_with_what_comes_meanwhile,
               what_others_have_read_is_not_forgotten_for_a_read_that_has_only_begun,
               parts_of_what_was_written_are_ordered_by_themselves,
               memories_and_empty_ranges_have_nothing_to_do_with_each_other, many_readers_are_remembered,
               reads_that_happened_before_others_are_forgotten, nothing_is_allocated_after_a_while,
               out_of_memory_is_noted_wherever_it_happens)
