/* What looking up virtual addresses and pages takes. */
#include "mapping_bench.h"

#include <inttypes.h>
#include <string.h>

/* Accesses of so many bytes, and what they take more than the same without look-ups. */
typedef struct step {
    uint64_t address, bytes;
    bool is_write;
    uint32_t misses;
} step;

typedef struct time_work {
    const step *steps;
    size_t count;
    uint64_t took_ps[16];
} time_work;

static void time_kernel(weft_tile *tl, const void *arguments)
{
    time_work *it = (time_work *)(uintptr_t)arguments;
    for (size_t i = 0; i < it->count; i++) {
        uint64_t mark = tl_mark(tl), begin = tl_now_ps(tl);
        const step *at = &it->steps[i];
        if (at->is_write)
            tl_store(tl, at->address, tl_empty(tl, weft_shape_1d(at->bytes), WEFT_U8));
        else
            (void)tl_load(tl, at->address, weft_shape_1d(at->bytes), WEFT_U8);
        it->took_ps[i] = tl_now_ps(tl) - begin;
        tl_release(tl, mark);
    }
}

/* A page of 4 KiB of HBM at each of four virtual pages, and two places of 100 bytes each in a fifth one. */
static void map_pages(const simulation_bench *it, uint64_t hbm)
{
    for (uint64_t page = 0; page < 4; page++)
        map(it, NULL, VA + page * 4096, hbm + (3 - page) * 8192, 4096);
    map(it, NULL, VA + 5 * 4096 + 7, hbm + 65536, 100);
    map(it, NULL, VA + 5 * 4096 + 107, hbm + 65536 + 100, 100);
}

static void check_times(const char *entries, const step *steps, size_t count)
{
    static const weft_simulation_options times = {.values = WEFT_VALUES_NONE};
    const char *const settings[] = {"pe.mmu.page_kib", "4", "pe.mmu.tlb_ns", "30", "pe.mmu.tlb_entries", entries, NULL};
    const char *const none[] = {"pe.mmu.page_kib", "4", NULL};
    time_work with = {steps, count, {0}}, without = {steps, count, {0}};
    for (int run = 0; run < 2; run++) {
        simulation_bench it = open_simulation("tiny", run ? none : settings, &times);
        weft_placed_tensor *memory = make_tensor(&it, WEFT_U8, weft_shape_1d(1 << 20), (weft_placement){.pes.pes = 1});
        ck_assert_uint_eq(shard_address(memory, 0), 0);
        map_pages(&it, 0);
        (void)run_launch(
            &it, &(weft_launch_options){.kernel = time_kernel, .arguments = run ? &without : &with, .pes.pes = 1});
        weft_placed_tensor_destroy(memory);
        close_simulation(&it);
    }
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(with.took_ps[i] == without.took_ps[i] + steps[i].misses * UINT64_C(30000),
                      "Step %zu with %s entries took %" PRIu64 " ps instead of %" PRIu64 " and %u misses.", i, entries,
                      with.took_ps[i], without.took_ps[i], steps[i].misses);
}

#define PAGE(n) (VA + (n)*UINT64_C(4096))

START_TEST(without_a_tlb_every_page_costs)
{
    static const step steps[] = {{PAGE(0), 256, false, 1},      {PAGE(0), 256, false, 1},
                                 {PAGE(0) + 4000, 96, true, 1}, {PAGE(1) - 1, 1, true, 1},
                                 {PAGE(5) + 7, 100, false, 1},  {PAGE(5) + 7, 200, false, 2},
                                 {PAGE(5) + 106, 2, true, 2},   {4000, 96, false, 1},
                                 {4000, 97, false, 2},          {4096 * 3, 8192, true, 2}};
    check_times("0", steps, sizeof steps / sizeof steps[0]);
}
END_TEST

/* The last two pages of reads, and two others of writes. */
START_TEST(a_tlb_has_the_pages_that_were_used_last)
{
    static const step steps[] = {{PAGE(0), 256, false, 1}, {PAGE(0) + 512, 256, false, 0}, {PAGE(1), 1, false, 1},
                                 {PAGE(0), 1, false, 0},   {PAGE(2), 1, false, 1},         {PAGE(1), 1, false, 1},
                                 {PAGE(0), 1, true, 1},    {PAGE(0), 1, true, 0},          {PAGE(2), 1, false, 0},
                                 {PAGE(1), 1, true, 1},    {PAGE(0), 1, false, 1},         {PAGE(0), 1, true, 0},
                                 {8192 * 3, 1, false, 1},  {8192 * 3 + 9, 1, false, 0}};
    check_times("2", steps, sizeof steps / sizeof steps[0]);
}
END_TEST

/* Two mappings of one page are two look-ups, and a range that is larger than the TLB is never found in it again. */
START_TEST(a_tlb_has_parts_of_pages)
{
    static const step steps[] = {
        {PAGE(5) + 7, 100, false, 1},   {PAGE(5) + 107, 100, false, 1}, {PAGE(5) + 7, 200, false, 0},
        {16384, 3 * 4096, false, 3},    {16384, 3 * 4096, false, 3},    {16384 + 4096, 2 * 4096, false, 0},
        {PAGE(5) + 107, 100, false, 1}, {16384 + 8192, 1, false, 0},    {16384 + 4096, 1, false, 1}};
    check_times("2", steps, sizeof steps / sizeof steps[0]);
}
END_TEST

/* What is mapped anew is looked up anew. */
START_TEST(unmapping_leaves_the_tlb)
{
    static const char *const settings[] = {
        "pe.mmu.page_kib", "4", "pe.mmu.tlb_ns", "30", "pe.mmu.tlb_entries", "8", NULL};
    static const weft_simulation_options times = {.values = WEFT_VALUES_NONE};
    static const step steps[] = {{PAGE(0), 1, false, 0}, {PAGE(1), 1, false, 0}};
    uint64_t took[3][2];
    simulation_bench it = open_simulation("tiny", settings, &times);
    map(&it, NULL, VA, 1 << 20, 4096);
    map(&it, NULL, VA + 4096, 2 << 20, 4096);
    for (int run = 0; run < 3; run++) {
        time_work work = {steps, 2, {0}};
        if (run == 2) {
            unmap(&it, VA, 4096);
            map(&it, NULL, VA, 1 << 20, 4096);
        }
        (void)run_launch(&it, &(weft_launch_options){.kernel = time_kernel, .arguments = &work, .pes.pes = 1});
        memcpy(took[run], work.took_ps, sizeof took[run]);
    }
    ck_assert_uint_eq(took[0][0], took[1][0] + 30000);
    ck_assert_uint_eq(took[2][0], took[1][0] + 30000);
    ck_assert_uint_eq(took[0][1], took[1][1] + 30000);
    ck_assert_uint_eq(took[2][1], took[1][1]);
    close_simulation(&it);
}
END_TEST

/* Transfers one after another, and one dispatch. */
START_TEST(a_load_of_several_places_is_one_command)
{
    static const weft_simulation_options times = {.values = WEFT_VALUES_NONE};
    static const step steps[] = {{PAGE(0), 600, false, 0}, {PAGE(0) + 600, 5000, false, 0}, {PAGE(0), 5600, false, 0},
                                 {PAGE(0), 600, true, 0},  {PAGE(0) + 600, 5000, true, 0},  {PAGE(0), 5600, true, 0}};
    time_work work = {steps, 6, {0}};
    simulation_bench it = open_simulation("tiny", NULL, &times);
    map(&it, NULL, VA, 1 << 20, 600);
    map(&it, NULL, VA + 600, 2 << 20, 5000);
    weft_launch_report report =
        run_launch(&it, &(weft_launch_options){.kernel = time_kernel, .arguments = &work, .pes.pes = 1});
    for (int i = 0; i < 6; i += 3)
        ck_assert_uint_eq(work.took_ps[i + 2], work.took_ps[i] + work.took_ps[i + 1] - 1000);
    ck_assert_uint_eq(report.spent_ps[WEFT_PE_TIME_DISPATCH], 6000);
    ck_assert_uint_eq(report.memory_bytes, 4 * 5600);
    close_simulation(&it);
}
END_TEST

WEFT_TEST_MAIN("tile_pages", a_load_of_several_places_is_one_command, without_a_tlb_every_page_costs,
               a_tlb_has_the_pages_that_were_used_last, a_tlb_has_parts_of_pages, unmapping_leaves_the_tlb)
