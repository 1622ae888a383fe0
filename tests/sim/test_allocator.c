/* The allocator of simulated memories, against a plain array of bytes. */
#include "support/weft_check.h"

#include "base/rng.h"
#include "sim/machine/allocator.h"
#include "support/failing_malloc.h"
#include "support/sentence.h"

enum {
    BYTES = 1024,
    BLOCKS = 200
};

static weft__allocator *create(uint64_t first, uint64_t bytes)
{
    weft__allocator *allocator;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__allocator_create("sip0.cube3.sram", first, bytes, &allocator, &error), error);
    return allocator;
}

static uint64_t take(weft__allocator *allocator, uint64_t bytes, uint64_t alignment)
{
    uint64_t address;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__allocator_take(allocator, bytes, alignment, &address, &error), error);
    return address;
}

static void give_back(weft__allocator *allocator, uint64_t address)
{
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft__allocator_give_back(allocator, address, &error), error);
}

static void check_stats(const weft__allocator *allocator, uint64_t free_bytes, uint64_t largest, size_t used,
                        size_t free_blocks)
{
    weft__allocator_stats stats = weft__allocator_describe(allocator);
    ck_assert_uint_eq(stats.free_bytes, free_bytes);
    ck_assert_uint_eq(stats.largest_free_bytes, largest);
    ck_assert_uint_eq(stats.used_blocks, used);
    ck_assert_uint_eq(stats.free_blocks, free_blocks);
}

START_TEST(joins_what_comes_back)
{
    weft__allocator *allocator = create(1000, 400);
    check_stats(allocator, 400, 400, 0, 1);
    uint64_t a = take(allocator, 100, 1), b = take(allocator, 100, 1), c = take(allocator, 100, 1);
    ck_assert(a == 1000 && b == 1100 && c == 1200);
    check_stats(allocator, 100, 100, 3, 1);
    give_back(allocator, a);
    check_stats(allocator, 200, 100, 2, 2);
    give_back(allocator, c); /* joins what is behind it */
    check_stats(allocator, 300, 200, 1, 2);
    give_back(allocator, b); /* joins on both sides */
    check_stats(allocator, 400, 400, 0, 1);
    ck_assert_uint_eq(weft__allocator_describe(allocator).bytes, 400);
    a = take(allocator, 100, 1);
    b = take(allocator, 100, 1);
    c = take(allocator, 200, 1);
    check_stats(allocator, 0, 0, 3, 0);
    give_back(allocator, a);
    give_back(allocator, b); /* joins what is before it */
    check_stats(allocator, 200, 200, 1, 1);
    weft__allocator_destroy(allocator);
}
END_TEST

START_TEST(aligns_addresses)
{
    weft__allocator *allocator = create(1000, 3000);
    ck_assert_uint_eq(take(allocator, 10, 256), 1024);
    ck_assert_uint_eq(take(allocator, 24, 1), 1000); /* what was skipped is not lost */
    ck_assert_uint_eq(take(allocator, 10, 2048), 2048);
    ck_assert_uint_eq(take(allocator, 1, 16), 1040);
    uint64_t address;
    ck_assert_int_eq(weft__allocator_take(allocator, 1, 4096, &address, NULL), WEFT_OUT_OF_MEMORY);
    ck_assert_int_eq(weft__allocator_take(allocator, 1, UINT64_C(1) << 63, &address, NULL), WEFT_OUT_OF_MEMORY);
    weft__allocator_destroy(allocator);
    /* The end of all addresses. */
    allocator = create(UINT64_MAX - 100, 100);
    ck_assert_int_eq(weft__allocator_take(allocator, 1, 128, &address, NULL), WEFT_OUT_OF_MEMORY);
    ck_assert_uint_eq(take(allocator, 100, 1), UINT64_MAX - 100);
    weft__allocator_destroy(allocator);
}
END_TEST

START_TEST(refuses_wrong_calls)
{
    weft__allocator *allocator;
    weft_error error;
    uint64_t address = 7;
    WEFT_TEST_ASSERT_FAILS(weft__allocator_create("tcm", UINT64_MAX, 2, &allocator, &error), error,
                           WEFT_INVALID_ARGUMENT, "tcm: 2 bytes", NULL, NULL, NULL);
    ck_assert_ptr_null(allocator);
    allocator = create(4096, 1024);
    WEFT_TEST_ASSERT_FAILS(weft__allocator_take(allocator, 0, 1, &address, &error), error, WEFT_INVALID_ARGUMENT,
                           "sip0.cube3.sram", "0 bytes", NULL, NULL);
    ck_assert_uint_eq(address, 0);
    WEFT_TEST_ASSERT_FAILS(weft__allocator_take(allocator, 1, 0, &address, &error), error, WEFT_INVALID_ARGUMENT,
                           "alignment 0", NULL, NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft__allocator_take(allocator, 1, 48, &address, &error), error, WEFT_INVALID_ARGUMENT,
                           "alignment 48", NULL, NULL, NULL);
    uint64_t a = take(allocator, 256, 1), b = take(allocator, 256, 1), c = take(allocator, 256, 1);
    give_back(allocator, b);
    WEFT_TEST_ASSERT_FAILS(weft__allocator_take(allocator, 300, 4, &address, &error), error, WEFT_OUT_OF_MEMORY,
                           "no room for 300 bytes aligned to 4", "512 bytes are free", "largest block has 256", NULL);
    ck_assert_int_eq(weft__allocator_take(allocator, UINT64_MAX, 1, &address, NULL), WEFT_OUT_OF_MEMORY);
    WEFT_TEST_ASSERT_FAILS(weft__allocator_give_back(allocator, b, &error), error, WEFT_INVALID_ARGUMENT, "0x1100",
                           "is free; perhaps it was given back before", NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft__allocator_give_back(allocator, c + 255, &error), error, WEFT_INVALID_ARGUMENT,
                           "0x12ff", "in the midst of the 256 bytes that begin at 0x1200", NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft__allocator_give_back(allocator, 4095, &error), error, WEFT_INVALID_ARGUMENT, "0xfff",
                           "from 0x1000 for 1024 bytes", NULL, NULL);
    ck_assert_int_eq(weft__allocator_give_back(allocator, 4096 + 1024, NULL), WEFT_INVALID_ARGUMENT);
    check_stats(allocator, 512, 256, 2, 2);
    give_back(allocator, a);
    give_back(allocator, c);
    check_stats(allocator, 1024, 1024, 0, 1);
    weft__allocator_destroy(allocator);
    /* A memory of nothing. */
    allocator = create(0, 0);
    check_stats(allocator, 0, 0, 0, 0);
    ck_assert_int_eq(weft__allocator_take(allocator, 1, 1, &address, NULL), WEFT_OUT_OF_MEMORY);
    ck_assert_int_eq(weft__allocator_give_back(allocator, 0, NULL), WEFT_INVALID_ARGUMENT);
    weft__allocator_destroy(allocator);
    weft__allocator_destroy(NULL);
}
END_TEST

/* What a byte belongs to: 0 to nobody, else the number of its block and 1. */
typedef struct plain {
    uint64_t first;
    uint16_t owner[BYTES];
    uint64_t start[BLOCKS], bytes[BLOCKS]; /* 0 bytes: not in use */
} plain;

/* The lowest aligned run of bytes without an owner, or UINT64_MAX. */
static uint64_t plain_take(plain *memory, uint64_t bytes, uint64_t alignment, size_t number)
{
    for (uint64_t at = 0; at + bytes <= BYTES; at++) {
        uint64_t length = 0;
        while (length < bytes && memory->owner[at + length] == 0)
            length++;
        if (length < bytes || (memory->first + at) % alignment != 0)
            continue;
        for (uint64_t i = 0; i < bytes; i++)
            memory->owner[at + i] = (uint16_t)(number + 1);
        memory->start[number] = memory->first + at;
        memory->bytes[number] = bytes;
        return memory->first + at;
    }
    return UINT64_MAX;
}

static void plain_give_back(plain *memory, size_t number)
{
    memset(&memory->owner[memory->start[number] - memory->first], 0, memory->bytes[number] * sizeof(uint16_t));
    memory->bytes[number] = 0;
}

static void check_against_plain(const weft__allocator *allocator, const plain *memory)
{
    uint64_t free_bytes = 0, largest = 0, run = 0;
    size_t used = 0, runs = 0;
    for (size_t i = 0; i < BYTES; i++) {
        run = memory->owner[i] ? 0 : run + 1;
        runs += run == 1;
        free_bytes += memory->owner[i] == 0;
        largest = run > largest ? run : largest;
    }
    for (size_t i = 0; i < BLOCKS; i++)
        used += memory->bytes[i] != 0;
    check_stats(allocator, free_bytes, largest, used, runs);
}

START_TEST(agrees_with_a_plain_array)
{
    static plain memory;
    uint64_t failures = 0, wrong = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        weft__rng rng;
        weft__rng_init(&rng, seed);
        memset(&memory, 0, sizeof memory);
        memory.first = weft__rng_below(&rng, 1 << 20);
        weft__allocator *allocator = create(memory.first, BYTES);
        uint64_t most = 2 + weft__rng_below(&rng, 150);
        for (int step = 0; step < 1500; step++) {
            size_t number = (size_t)weft__rng_below(&rng, BLOCKS);
            uint64_t kind = weft__rng_below(&rng, 10), address;
            if (kind == 0) { /* any address; right only if a block begins there */
                address = memory.first + weft__rng_below(&rng, BYTES);
                size_t owner = memory.owner[address - memory.first];
                bool is_block = owner && memory.start[owner - 1] == address;
                weft_status status = weft__allocator_give_back(allocator, address, NULL);
                ck_assert_int_eq(status, is_block ? WEFT_OK : WEFT_INVALID_ARGUMENT);
                if (is_block)
                    plain_give_back(&memory, owner - 1);
                wrong += !is_block;
            } else if (memory.bytes[number]) {
                give_back(allocator, memory.start[number]);
                plain_give_back(&memory, number);
            } else {
                uint64_t bytes = 1 + weft__rng_below(&rng, most);
                uint64_t alignment = UINT64_C(1) << weft__rng_below(&rng, 7);
                uint64_t expected = plain_take(&memory, bytes, alignment, number);
                weft_status status = weft__allocator_take(allocator, bytes, alignment, &address, NULL);
                ck_assert_int_eq(status, expected == UINT64_MAX ? WEFT_OUT_OF_MEMORY : WEFT_OK);
                ck_assert_uint_eq(address, expected == UINT64_MAX ? 0 : expected);
                failures += status != WEFT_OK;
            }
            check_against_plain(allocator, &memory);
        }
        weft__allocator_destroy(allocator);
    }
    ck_assert_uint_gt(failures, 1000);
    ck_assert_uint_gt(wrong, 1000);
}
END_TEST

START_TEST(survives_failing_allocations)
{
    bool failed = true;
    uint64_t n = 0;
    for (; failed; n++) {
        weft__allocator *allocator;
        uint64_t addresses[64];
        weft_test_fail_allocation_after(n);
        weft_status status = weft__allocator_create("tcm", 0, 1000, &allocator, NULL);
        size_t taken = 0;
        while (!status && taken < 64 && !(status = weft__allocator_take(allocator, 10, 1, &addresses[taken], NULL)))
            taken++;
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        if (!allocator)
            continue;
        check_stats(allocator, 1000 - 10 * taken, 1000 - 10 * taken, taken, 1);
        /* Giving back never needs memory: every other block first, which makes as many free ones as there can be. */
        weft_test_fail_all_allocations_after(0);
        bool all_back = true;
        for (size_t i = 0; i < taken; i += 2)
            all_back = all_back && !weft__allocator_give_back(allocator, addresses[i], NULL);
        for (size_t i = 1; i < taken; i += 2)
            all_back = all_back && !weft__allocator_give_back(allocator, addresses[i], NULL);
        ck_assert(!weft_test_stop_failing());
        ck_assert(all_back);
        check_stats(allocator, 1000, 1000, 0, 1);
        weft__allocator_destroy(allocator);
    }
    ck_assert_uint_gt(n, 5);
}
END_TEST

WEFT_TEST_MAIN("allocator", joins_what_comes_back, aligns_addresses, refuses_wrong_calls, agrees_with_a_plain_array,
               survives_failing_allocations)
