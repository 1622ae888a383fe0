#include "support/weft_check.h"

#include "base/arena.h"
#include "base/rng.h"
#include "support/failing_malloc.h"

#if WEFT__ARENA_POISONS
#include <sanitizer/asan_interface.h>
#endif

START_TEST(a_zeroed_arena_is_ready)
{
    weft__arena arena = {0};
    uint64_t *value = weft__arena_new(&arena, uint64_t);
    ck_assert_ptr_nonnull(value);
    *value = 7;
    ck_assert_uint_eq(*value, 7);
    weft__arena_destroy(&arena);
    ck_assert_ptr_null(arena.first);
    weft__arena_destroy(&arena);
}
END_TEST

START_TEST(results_are_aligned_and_do_not_overlap)
{
    enum {
        COUNT = 3000
    };
    static unsigned char *starts[COUNT];
    static size_t sizes[COUNT];
    weft__arena arena;
    weft__rng rng;
    weft__arena_init(&arena, 100);
    weft__rng_init(&rng, 1);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            size_t alignment = (size_t)1 << weft__rng_below(&rng, 13);
            sizes[i] = weft__rng_below(&rng, i % 100 == 0 ? 20000 : 60);
            starts[i] = weft__arena_alloc(&arena, sizes[i], alignment);
            ck_assert_ptr_nonnull(starts[i]);
            ck_assert_uint_eq((uintptr_t)starts[i] % alignment, 0);
            memset(starts[i], (int)(i & 0xff), sizes[i]);
        }
        for (size_t i = 0; i < COUNT; i++) {
            size_t intact = 0;
            while (intact < sizes[i] && starts[i][intact] == (i & 0xff))
                intact++;
            ck_assert_uint_eq(intact, sizes[i]);
        }
        weft__arena_reset(&arena);
    }
    weft__arena_destroy(&arena);
}
END_TEST

START_TEST(zero_bytes_give_distinct_pointers)
{
    weft__arena arena = {0};
    void *a = weft__arena_alloc(&arena, 0, 1);
    void *b = weft__arena_alloc(&arena, 0, 1);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_ptr_ne(a, b);
    ck_assert_ptr_ne(b, weft__arena_alloc(&arena, 0, 1));
    weft__arena_destroy(&arena);
}
END_TEST

static bool allocate_a_round(weft__arena *arena)
{
    bool all = true;
    for (size_t i = 0; i < 500; i++)
        all &= weft__arena_alloc(arena, 1 + i % 90, 8) != NULL;
    all &= weft__arena_alloc(arena, 300000, 64) != NULL;
    for (size_t i = 0; i < 500; i++)
        all &= weft__arena_alloc(arena, 1 + i % 70, 16) != NULL;
    return all;
}

START_TEST(steady_state_allocates_nothing)
{
    weft__arena arena;
    weft__arena_init(&arena, 0);
    bool all = allocate_a_round(&arena);
    uint64_t before = weft_test_allocations();
    size_t held = weft__arena_held_bytes(&arena);
    for (size_t round = 0; round < 10; round++) {
        weft__arena_reset(&arena);
        all &= allocate_a_round(&arena);
    }
    uint64_t after = weft_test_allocations();
    ck_assert(all);
    ck_assert_uint_gt(before, 0);
    ck_assert_uint_eq(after, before);
    ck_assert_uint_eq(weft__arena_held_bytes(&arena), held);
    weft__arena_destroy(&arena);
}
END_TEST

START_TEST(a_kept_chunk_is_found_in_any_order)
{
    weft__arena arena;
    weft__arena_init(&arena, 64);
    ck_assert_ptr_nonnull(weft__arena_alloc(&arena, 64, 1));
    ck_assert_ptr_nonnull(weft__arena_alloc(&arena, 100000, 1));
    ck_assert_ptr_nonnull(weft__arena_alloc(&arena, 5000, 1));
    uint64_t before = weft_test_allocations();
    weft__arena_reset(&arena);
    void *a = weft__arena_alloc(&arena, 5000, 1);
    void *b = weft__arena_alloc(&arena, 5000, 1);
    uint64_t after = weft_test_allocations();
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(after, before);
    weft__arena_destroy(&arena);
}
END_TEST

START_TEST(sizes_that_do_not_fit_are_out_of_memory)
{
    weft__arena arena = {0};
    int *kept = weft__arena_new(&arena, int);
    ck_assert_ptr_nonnull(kept);
    *kept = 42;
    size_t held = weft__arena_held_bytes(&arena);
    for (size_t less = 0; less < 70; less++)
        ck_assert_ptr_null(weft__arena_alloc(&arena, SIZE_MAX - less, 64));
    ck_assert_ptr_null(weft__arena_new_array(&arena, uint64_t, SIZE_MAX / 4));
    ck_assert_ptr_null(weft__arena_new_array(&arena, uint64_t, SIZE_MAX / 8 + 2));
    ck_assert_uint_eq(weft__arena_held_bytes(&arena), held);
    ck_assert_int_eq(*kept, 42);
    weft__arena_destroy(&arena);
}
END_TEST

START_TEST(failed_allocations_leave_the_arena_usable)
{
    for (uint64_t n = 0, failed = 1; failed; n++) {
        weft__arena arena;
        weft__arena_init(&arena, 32);
        size_t missing = 0;
        weft_test_fail_allocation_after(n);
        for (size_t i = 0; i < 200; i++) {
            unsigned char *bytes = weft__arena_alloc(&arena, 40, 8);
            if (bytes)
                memset(bytes, 0, 40);
            else
                missing++;
        }
        failed = weft_test_stop_failing();
        ck_assert_uint_eq(missing, failed ? 1 : 0);
        weft__arena_destroy(&arena);
        ck_assert_uint_lt(n, 20);
    }
}
END_TEST

START_TEST(the_sanitizer_sees_overruns_and_stale_pointers)
{
#if WEFT__ARENA_POISONS
    weft__arena arena = {0};
    unsigned char *a = weft__arena_alloc(&arena, 13, 1);
    unsigned char *b = weft__arena_alloc(&arena, 13, 1);
    ck_assert_int_eq(__asan_address_is_poisoned(a + 12), 0);
    ck_assert_int_ne(__asan_address_is_poisoned(a + 13), 0);
    ck_assert_int_ne(__asan_address_is_poisoned(b - 1), 0);
    weft__arena_reset(&arena);
    ck_assert_int_ne(__asan_address_is_poisoned(a), 0);
    ck_assert_int_ne(__asan_address_is_poisoned(b), 0);
    weft__arena_destroy(&arena);
#endif
}
END_TEST

WEFT_TEST_MAIN("arena", a_zeroed_arena_is_ready, results_are_aligned_and_do_not_overlap,
               zero_bytes_give_distinct_pointers, steady_state_allocates_nothing, a_kept_chunk_is_found_in_any_order,
               sizes_that_do_not_fit_are_out_of_memory, failed_allocations_leave_the_arena_usable,
               the_sanitizer_sees_overruns_and_stale_pointers)
