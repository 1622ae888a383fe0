#include "support/weft_check.h"

#include <stdio.h>

#include "base/array.h"
#include "base/rng.h"
#include "support/failing_malloc.h"

typedef struct numbers {
    uint32_t *items;
    size_t count, capacity;
} numbers;

START_TEST(items_are_kept_while_the_array_grows)
{
    numbers array = {0};
    weft__rng rng;
    weft__rng_init(&rng, 1);
    bool has_room = true;
    while (has_room && array.count < 5000) {
        size_t more = 1 + (size_t)weft__rng_below(&rng, 40);
        has_room = weft__array_reserve(&array.items, &array.capacity, array.count, more);
        for (size_t i = 0; has_room && i < more; i++, array.count++)
            array.items[array.count] = (uint32_t)array.count;
        ck_assert_uint_ge(array.capacity, array.count);
    }
    ck_assert(has_room);
    for (size_t i = 0; i < array.count; i++)
        ck_assert_uint_eq(array.items[i], i);
    free(array.items);
}
END_TEST

START_TEST(one_by_one_few_allocations_are_made)
{
    numbers array = {0};
    bool has_room = true;
    uint64_t before = weft_test_allocations();
    for (uint32_t i = 0; has_room && i < 1024; i++) {
        has_room = weft__array_reserve(&array.items, &array.capacity, array.count, 1);
        array.count += has_room;
    }
    uint64_t allocations = weft_test_allocations() - before;
    ck_assert(has_room);
    ck_assert_uint_eq(array.capacity, 1024);
    ck_assert_uint_eq(allocations, 8); /* 8, 16, ... 1024 */
    free(array.items);
}
END_TEST

START_TEST(many_at_once_get_what_they_need)
{
    numbers array = {0};
    ck_assert(weft__array_reserve(&array.items, &array.capacity, 0, 100));
    ck_assert_uint_eq(array.capacity, 100);
    ck_assert(weft__array_reserve(&array.items, &array.capacity, 50, 250));
    ck_assert_uint_eq(array.capacity, 300);
    ck_assert(weft__array_reserve(&array.items, &array.capacity, 300, 1));
    ck_assert_uint_eq(array.capacity, 600);
    ck_assert(weft__array_reserve(&array.items, &array.capacity, 2000, 1));
    ck_assert_uint_eq(array.capacity, 2001);
    free(array.items);
}
END_TEST

START_TEST(where_there_is_room_nothing_happens)
{
    numbers array = {0};
    uint64_t before = weft_test_allocations();
    bool has_room = weft__array_reserve(&array.items, &array.capacity, 0, 0);
    uint64_t allocations = weft_test_allocations() - before;
    ck_assert(has_room && !array.items && array.capacity == 0);
    ck_assert_uint_eq(allocations, 0);

    has_room = weft__array_reserve(&array.items, &array.capacity, 0, 10);
    uint32_t *items = array.items;
    before = weft_test_allocations();
    has_room = has_room && weft__array_reserve(&array.items, &array.capacity, 3, 7) &&
               weft__array_reserve(&array.items, &array.capacity, 10, 0);
    allocations = weft_test_allocations() - before;
    ck_assert(has_room);
    ck_assert_uint_eq(allocations, 0);
    ck_assert_ptr_eq(array.items, items);
    ck_assert_uint_eq(array.capacity, 10);
    free(array.items);
}
END_TEST

START_TEST(without_memory_all_is_as_it_was)
{
    numbers array = {0};
    for (size_t round = 0; round < 3; round++) {
        uint32_t *items = array.items;
        size_t capacity = array.capacity;
        char expected[80];
        (void)snprintf(expected, sizeof expected, "Out of memory: could not allocate %zu bytes for the numbers.",
                       (capacity ? 2 * capacity : 8) * sizeof *items);
        weft_error error = {0};
        weft_test_fail_allocation_after(0);
        bool has_room = weft__array_reserve(&array.items, &array.capacity, capacity, 1);
        bool failed = weft_test_stop_failing();
        ck_assert(failed && !has_room);
        weft_test_fail_allocation_after(0);
        weft_status status =
            weft__array_reserve_or_fail(&array.items, &array.capacity, capacity, 1, "the numbers", &error);
        failed = weft_test_stop_failing();
        ck_assert(failed);
        ck_assert_int_eq(status, WEFT_OUT_OF_MEMORY);
        ck_assert_int_eq(error.code, WEFT_OUT_OF_MEMORY);
        ck_assert_str_eq(error.message, expected);
        ck_assert_ptr_eq(array.items, items);
        ck_assert_uint_eq(array.capacity, capacity);

        status = weft__array_reserve_or_fail(&array.items, &array.capacity, capacity, 1, "the numbers", NULL);
        ck_assert_int_eq(status, WEFT_OK);
        ck_assert_uint_gt(array.capacity, capacity);
    }
    free(array.items);
}
END_TEST

/* More than can be counted, or than any object may have: refused without asking for it. */
START_TEST(sizes_that_do_not_fit_are_refused)
{
    const size_t too_many[] = {SIZE_MAX, SIZE_MAX - 3, SIZE_MAX / 4, SIZE_MAX / 4 + 1, SIZE_MAX / 8};
    for (size_t i = 0; i < sizeof too_many / sizeof too_many[0]; i++) {
        numbers array = {0};
        weft_error error = {0};
        ck_assert(weft__array_reserve(&array.items, &array.capacity, 0, 8));
        uint32_t *items = array.items;
        uint64_t before = weft_test_allocations();
        weft_status status =
            weft__array_reserve_or_fail(&array.items, &array.capacity, 8, too_many[i], "the numbers", &error);
        uint64_t allocations = weft_test_allocations() - before;
        ck_assert_int_eq(status, WEFT_OUT_OF_MEMORY);
        ck_assert_uint_eq(allocations, 0);
        ck_assert_ptr_nonnull(strstr(error.message, "bytes for the numbers."));
        ck_assert_ptr_eq(array.items, items);
        ck_assert_uint_eq(array.capacity, 8);
        free(array.items);
    }
}
END_TEST

WEFT_TEST_MAIN("array", items_are_kept_while_the_array_grows, one_by_one_few_allocations_are_made,
               many_at_once_get_what_they_need, where_there_is_room_nothing_happens, without_memory_all_is_as_it_was,
               sizes_that_do_not_fit_are_refused)
