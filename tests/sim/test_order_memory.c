/* What memories remember of accesses: reads that take time, parts of what was written, many readers, and no memory. */
#include "order_bench.h"

#include "support/failing_malloc.h"

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
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_WAR && race.other == 1 && race.other_ps == 3); /* the end */
    ck_assert(read_in(3, NULL, WEFT__ORDER_BEGINS));
    ck_assert(!read_in(3, NULL, WEFT__ORDER_ENDS)); /* told of before */
    pass(3, 2);
    pass(2, 1);
    ck_assert(!read_in(1, NULL, WEFT__ORDER_BEGINS));
    ck_assert(!writes(2, 8));
    ck_assert(read_in(1, NULL, WEFT__ORDER_ENDS));
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_RAW && race.other == 2 && race.offset == 8 && race.bytes == 8);
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
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_WAR && race.other == 0);
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
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_WAR && race.offset == 4 && race.bytes == 12);
    /* All of what one access left is one range, however often it has been split. */
    ck_assert(weft__order_read(order, &hbm, &(weft__order_access){.agent = 3, .call = "tl_load"}, 0, 1024, &race));
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_RAW && race.other == 1 && race.offset == 0 && race.bytes == 16);
    ck_assert(weft__order_read(order, &hbm, &(weft__order_access){.agent = 3, .call = "tl_load"}, 16, 1008, &race));
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_RAW && race.other == 0 && race.offset == 16 && race.bytes == 496);
    end();
}
END_TEST

/* Calls are told apart by what they are called, wherever their names are stored. */
START_TEST(calls_of_one_name_are_one)
{
    static const char stored[] = "tl_store", elsewhere[] = "tl_store", other[] = "tl_send";
    const char *const seconds[] = {stored, elsewhere, other, NULL};
    for (int i = 0; i < 4; i++) {
        begin(AGENTS);
        weft__order_access access = {.agent = 0, .time_ps = 1, .call = stored};
        ck_assert(!weft__order_write(order, &hbm, &access, 0, 8, &race));
        access.call = seconds[i];
        ck_assert(!weft__order_write(order, &hbm, &access, 8, 8, &race));
        ck_assert(weft__order_read(order, &hbm, &(weft__order_access){.agent = 1, .call = "tl_load"}, 0, 16, &race));
        ck_assert_uint_eq(race.bytes, i < 2 ? 16 : 8);
        end();
    }
}
END_TEST

/* A command that reads some rows, writes over the first and reads on, all at one time. */
START_TEST(what_is_written_between_two_reads_is_apart_from_them)
{
    begin(AGENTS);
    weft__order_access all = {.agent = 0, .time_ps = 1, .call = "tl_store"};
    weft__order_access same = {.agent = 1, .time_ps = 2, .call = "tl_add"};
    ck_assert(!weft__order_write(order, &hbm, &all, 0, 64, &race));
    pass(0, 1);
    pass(0, 2);
    ck_assert(!weft__order_read(order, &hbm, &same, 0, 16, &race));
    ck_assert(!weft__order_write(order, &hbm, &same, 0, 16, &race));
    ck_assert(!weft__order_read(order, &hbm, &same, 16, 16, &race));
    ck_assert(!reads(2, 16));
    ck_assert(reads(2, 0));
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
    ck_assert(race.kind == WEFT_KERNEL_HAZARD_WAR && race.other == 256);
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
    weft__order_point *all = weft__order_snapshot(order, 0);
    for (uint32_t i = 1; i < agents; i++) {
        weft__order_point *own = weft__order_snapshot(order, i);
        weft__order_add(order, all, own);
        weft__order_release(order, own);
    }
    weft__order_join(order, 1, all);
    weft__order_release(order, all);
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

WEFT_TEST_MAIN("order, memories", a_read_that_takes_time_races_once_with_what_comes_meanwhile,
               what_others_have_read_is_not_forgotten_for_a_read_that_has_only_begun,
               parts_of_what_was_written_are_ordered_by_themselves, calls_of_one_name_are_one,
               what_is_written_between_two_reads_is_apart_from_them,
               memories_and_empty_ranges_have_nothing_to_do_with_each_other, many_readers_are_remembered,
               reads_that_happened_before_others_are_forgotten, nothing_is_allocated_after_a_while,
               out_of_memory_is_noted_wherever_it_happens)
