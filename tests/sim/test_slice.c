/* What a slice of HBM keeps between transfers: parts that touch the same rows are one group, wherever they are. */
#include "simulation_bench.h"

#include "sim/fabric/slice.h"
#include "sim/host/host_impl.h"

#define PARTS 3u

typedef struct slice_bench {
    simulation_bench bench;
    weft__slice slice;
    uint64_t row_bytes;
} slice_bench;

static slice_bench open_slice(const char *const *settings)
{
    slice_bench it = {.bench = open_simulation("tiny", settings, NULL)};
    weft__slice_rows rows;
    const weft__slice_part part = {0, 1};
    ck_assert(weft__slice_of(it.bench.simulation->transfers,
                             weft__pe_dma_node(weft__pe_at(it.bench.simulation->pes, 0)), &it.slice));
    weft__slice_rows_of(&it.slice, &part, 1, &rows);
    it.row_bytes = rows.row_bytes;
    ck_assert_uint_ge(it.row_bytes, 1024);
    return it;
}

/* Rows from `first` on, so many, and bytes within the first. */
static weft__slice_part part_of(const slice_bench *it, uint64_t first, uint64_t rows, uint64_t within)
{
    return (weft__slice_part){first * it->row_bytes + within, rows * it->row_bytes - within};
}

START_TEST(parts_that_touch_one_another_are_one_group)
{
    weft__slice_rows rows;
    slice_bench it = open_slice(NULL);
    const weft__slice_part parts[] = {part_of(&it, 40, 2, 8), part_of(&it, 7, 1, 0), part_of(&it, 45, 3, 16),
                                      part_of(&it, 8, 1, 0), part_of(&it, 41, 5, 0)};
    weft__slice_rows_of(&it.slice, parts, 4, &rows);
    ck_assert_uint_eq(rows.group_count, 4); /* rows that are one another's neighbours are others */
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq(rows.group_of[i], i);
    weft__slice_rows_of(&it.slice, parts, 5, &rows); /* the last one bridges the first and the third */
    ck_assert_uint_eq(rows.group_count, 3);
    const uint32_t groups[] = {0, 1, 0, 2, 0};
    for (uint32_t i = 0; i < 5; i++)
        ck_assert_uint_eq(rows.group_of[i], groups[i]);
    ck_assert_uint_eq(rows.groups[0].first, 40);
    ck_assert_uint_eq(rows.groups[0].last, 47);
    close_simulation(&it.bench);
}
END_TEST

static bool have_one_key(const slice_bench *it, const weft__slice_part *a, const weft__slice_part *b)
{
    weft__slice_rows rows;
    uint64_t one[WEFT__SLICE_KEY_MAX], other[WEFT__SLICE_KEY_MAX];
    weft__slice_rows_of(&it->slice, a, PARTS, &rows);
    uint32_t count = weft__slice_key(&it->slice, a, PARTS, &rows, one);
    weft__slice_rows_of(&it->slice, b, PARTS, &rows);
    ck_assert_uint_eq(weft__slice_key(&it->slice, b, PARTS, &rows, other), count);
    return memcmp(one, other, count * sizeof one[0]) == 0;
}

START_TEST(keys_tell_what_is_in_the_same_rows_and_not_where_these_are)
{
    slice_bench it = open_slice(NULL);
    const weft__slice_part parts[] = {part_of(&it, 4, 1, 64), part_of(&it, 9, 2, 0), part_of(&it, 4, 1, 128)};
    const weft__slice_part moved[] = {part_of(&it, 70, 1, 64), part_of(&it, 3, 2, 0), part_of(&it, 70, 1, 128)};
    const weft__slice_part apart[] = {part_of(&it, 70, 1, 64), part_of(&it, 3, 2, 0), part_of(&it, 71, 1, 128)};
    const weft__slice_part together[] = {part_of(&it, 3, 1, 64), part_of(&it, 3, 2, 0), part_of(&it, 3, 1, 128)};
    const weft__slice_part shifted[] = {part_of(&it, 70, 1, 96), part_of(&it, 3, 2, 0), part_of(&it, 70, 1, 128)};
    ck_assert(have_one_key(&it, parts, moved));
    ck_assert(!have_one_key(&it, parts, apart));
    ck_assert(!have_one_key(&it, parts, together));
    ck_assert(!have_one_key(&it, parts, shifted));
    /* An open row counts while its channel has not been idle for long. */
    weft__hbm_channel *channel = &it.slice.hbm->channel[0];
    it.slice.hbm->open_ps = 1000;
    *channel = (weft__hbm_channel){.free_at = 0, .open_row = 4 + 1, .was_used = true};
    ck_assert(!have_one_key(&it, parts, moved));
    channel->open_row = 500;
    ck_assert(have_one_key(&it, parts, moved));
    const weft__slice_part exchanged[] = {part_of(&it, 4, 2, 64), part_of(&it, 9, 2, 0), part_of(&it, 11, 1, 0)};
    const weft__slice_part others[] = {part_of(&it, 9, 2, 64), part_of(&it, 4, 2, 0), part_of(&it, 11, 1, 0)};
    ck_assert(have_one_key(&it, exchanged, others));
    channel->open_row = 4 + 1; /* of the first group there, of the second here */
    ck_assert(!have_one_key(&it, exchanged, others));
    close_simulation(&it.bench);
}
END_TEST

START_TEST(there_is_none_where_flits_move_for_themselves)
{
    weft__slice slice;
    simulation_bench it =
        open_simulation("tiny", (const char *const[]){"cube.buffer_flits", "4", "cube.vcs", "1", NULL}, NULL);
    ck_assert(!weft__slice_of(it.simulation->transfers, weft__pe_dma_node(weft__pe_at(it.simulation->pes, 0)), &slice));
    close_simulation(&it);
}
END_TEST

WEFT_TEST_MAIN("slice", parts_that_touch_one_another_are_one_group,
               keys_tell_what_is_in_the_same_rows_and_not_where_these_are,
               there_is_none_where_flits_move_for_themselves)
