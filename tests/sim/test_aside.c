/* A part of a simulation by itself, while all else stands still. */
#include "support/weft_check.h"

#include "sim/engine/engine.h"

static char order[64];

static void note(weft_sim *sim, uint64_t letter)
{
    (void)sim;
    size_t length = strlen(order);
    ck_assert_uint_lt(length + 1, sizeof order);
    order[length] = (char)letter;
    order[length + 1] = '\0';
}

static void count_down(weft_sim *sim, uint64_t left)
{
    if (left)
        (void)weft__sim_after(sim, 1, count_down, left - 1);
}

static void step_aside(weft_sim *sim, uint64_t argument)
{
    weft_error err;
    weft__time now = weft__sim_now(sim);
    ck_assert(!weft__sim_is_aside(sim));
    ck_assert(weft__sim_step_aside(sim, now - 5));
    ck_assert(weft__sim_is_aside(sim));
    (void)weft__sim_at(sim, now - 3, 0, note, 'a');
    (void)weft__sim_at(sim, now + 2, 1, note, 'd');
    (void)weft__sim_at(sim, now + 2, 0, note, 'c');
    (void)weft__sim_at(sim, now - 5, 0, count_down, argument);
    WEFT_TEST_ASSERT_OK(weft__sim_run(sim, now - 1, &err), err);
    ck_assert_uint_eq(weft__sim_now(sim), now - 1);
    weft__sim_step_back(sim);
    ck_assert_uint_eq(weft__sim_now(sim), now);
}

START_TEST(what_is_left_joins_the_others_in_its_order)
{
    weft_error err;
    weft_sim *sim;
    weft__sim_info info;
    order[0] = '\0';
    WEFT_TEST_ASSERT_OK(weft__sim_create(NULL, &sim, &err), err);
    (void)weft__sim_at(sim, 100, 0, step_aside, 0);
    (void)weft__sim_at(sim, 100, 0, note, 'x');
    (void)weft__sim_at(sim, 102, 0, note, 'b');
    (void)weft__sim_at(sim, 102, 1, note, 'e');
    (void)weft__sim_at(sim, 103, 0, note, 'f');
    WEFT_TEST_ASSERT_OK(weft__sim_run(sim, WEFT__NEVER, &err), err);
    ck_assert_str_eq(order, "axbcedf");
    weft__sim_get_info(sim, &info);
    ck_assert_uint_eq(info.events, 9);
    ck_assert_uint_eq(info.pending, 0);
    weft__sim_destroy(sim);
}
END_TEST

/* Events of a part by itself are none of the present tick, however many they are. */
START_TEST(a_part_by_itself_is_no_livelock)
{
    weft_error err;
    weft_sim *sim;
    const weft__sim_options options = {.events_per_tick_max = 20};
    order[0] = '\0';
    WEFT_TEST_ASSERT_OK(weft__sim_create(&options, &sim, &err), err);
    for (uint64_t i = 0; i < 6; i++)
        (void)weft__sim_at(sim, 100, 0, step_aside, 3);
    (void)weft__sim_at(sim, 100, 1, note, 'z');
    WEFT_TEST_ASSERT_OK(weft__sim_run(sim, WEFT__NEVER, &err), err);
    ck_assert_ptr_nonnull(strchr(order, 'z'));
    weft__sim_destroy(sim);
}
END_TEST

WEFT_TEST_MAIN("aside", what_is_left_joins_the_others_in_its_order, a_part_by_itself_is_no_livelock)
