/* Activity: rows of buckets whose sums are what links, PEs and controllers have counted themselves, to the picosecond.
 */
#include "simulation_bench.h"

#include <stdlib.h>
#include <string.h>

#include "sim/fabric/transfer_impl.h"
#include "sim/host/host_impl.h"
#include "sim/pe/pe_impl.h"
#include "support/failing_malloc.h"

static weft_activity *take(const simulation_bench *it)
{
    weft_error err;
    weft_activity *activity;
    WEFT_TEST_ASSERT_OK(weft_simulation_take_activity(it->simulation, &activity, &err), err);
    return activity;
}

static void keep(const simulation_bench *it)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_simulation_keep_activity(it->simulation, &err), err);
}

static uint64_t sum_of(const weft_activity_info *info, const weft_activity_part *part)
{
    uint64_t sum = 0;
    for (size_t i = 0; part->busy_ps && i < info->bucket_count; i++) {
        ck_assert_uint_le(part->busy_ps[i], part->lanes * info->bucket_ps);
        sum += part->busy_ps[i];
    }
    return sum;
}

/* What the part at an index has counted since the simulation began. */
static uint64_t counted(const simulation_bench *it, size_t index)
{
    weft_simulation *simulation = it->simulation;
    size_t links = weft__simulation_graph(simulation)->link_count, pes = weft__pes_count(simulation->pes);
    if (index < links)
        return weft__fabric_load(simulation->fabric, (uint32_t)index).busy_ps;
    if (index < links + pes)
        return weft__pe_at(simulation->pes, (uint32_t)(index - links))->compute_ps;
    return simulation->transfers->hbm[index - links - pes].busy_ps;
}

static void add_some(const simulation_bench *it, uint64_t rows)
{
    const weft_placement placement = {
        .over_sips = WEFT_SPLIT_ROWS, .over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_ROWS};
    add_work work = make_add(it, WEFT_F32, weft_shape_2d(rows, 512), placement);
    (void)run_launch(it, &(weft_launch_options){.kernel = add_kernel, .arguments = &work});
    drop_add(&work);
}

static const weft_simulation_options timing = {.values = WEFT_VALUES_NONE};

static const char *const machines[] = {"tiny", "two-sip"};

START_TEST(sums_are_what_the_parts_have_counted)
{
    simulation_bench it = open_simulation(machines[_i], NULL, &timing);
    keep(&it);
    for (uint64_t rows = 7; rows < 3000; rows *= 11) {
        weft_activity_info info;
        weft_activity_part part;
        uint64_t of_kind[3] = {0};
        add_some(&it, rows);
        weft_activity *activity = take(&it);
        weft_activity_get_info(activity, &info);
        ck_assert_uint_eq(info.begin_ps, 0);
        ck_assert_uint_le(info.bucket_count, WEFT_ACTIVITY_BUCKETS);
        ck_assert_uint_ge(info.bucket_count * info.bucket_ps, weft_simulation_now_ps(it.simulation));
        for (size_t i = 0; i < info.part_count; i++) {
            ck_assert(weft_activity_at(activity, i, &part));
            ck_assert_msg(sum_of(&info, &part) == counted(&it, i), "%s", part.name);
            ck_assert_int_eq(part.link_kind != NULL, part.kind == WEFT_ACTIVITY_LINK);
            of_kind[part.kind] += sum_of(&info, &part);
        }
        ck_assert(!weft_activity_at(activity, info.part_count, &part));
        ck_assert(of_kind[0] > 0 && of_kind[1] > 0 && of_kind[2] > 0);
        weft_activity_destroy(activity);
    }
    close_simulation(&it);
}
END_TEST

/* ---- the same, flit by flit ---- */

typedef struct flit {
    uint32_t link;
    uint64_t begin, end;
} flit;

typedef struct flits {
    flit *at;
    size_t count, capacity, spaced; /* those of runs with gaps */
} flits;

static void on_passed(void *context, const weft__passage *passage)
{
    flits *all = context;
    for (uint64_t i = 0; i < passage->begins.count; i++) {
        if (all->count == all->capacity) {
            all->capacity = 2 * all->capacity + 1024;
            all->at = realloc(all->at, all->capacity * sizeof *all->at);
        }
        uint64_t begin = passage->begins.first + i * passage->begins.gap_ps;
        all->at[all->count++] = (flit){passage->link, begin, begin + passage->flit_ps};
        all->spaced += passage->begins.count > 1 && passage->begins.gap_ps != passage->flit_ps;
    }
}

/* Picosecond by picosecond would be the same. */
static uint64_t overlap(uint64_t begin, uint64_t end, uint64_t first, uint64_t last)
{
    uint64_t from = begin > first ? begin : first, to = end < last ? end : last;
    return from < to ? to - from : 0;
}

START_TEST(links_are_busy_flit_by_flit)
{
    flits all = {0};
    weft_activity_info info;
    weft_activity_part part;
    const weft__observer observer = {.passed = on_passed, .context = &all};
    const char *const fast_links[] = {"pe.link_gbs", "1000", NULL, NULL}; /* flits come with gaps there */
    simulation_bench it = open_simulation("two-sip", fast_links, &timing);
    add_some(&it, 100);
    keep(&it);
    weft__activity_recorder_observer(it.simulation->activity)->next = &observer;
    add_some(&it, 900);
    weft_activity *activity = take(&it);
    weft_activity_get_info(activity, &info);
    uint64_t *naive = calloc(info.part_count * info.bucket_count, sizeof *naive);
    for (size_t i = 0; i < all.count; i++) {
        const flit *one = &all.at[i];
        ck_assert_uint_ge(one->begin, info.begin_ps);
        for (size_t bucket = (one->begin - info.begin_ps) / info.bucket_ps; bucket < info.bucket_count; bucket++) {
            uint64_t first = info.begin_ps + bucket * info.bucket_ps;
            naive[one->link * info.bucket_count + bucket] +=
                overlap(one->begin, one->end, first, first + info.bucket_ps);
            if (first > one->end)
                break;
        }
    }
    ck_assert_uint_gt(all.spaced, 1000);
    for (size_t i = 0; weft_activity_at(activity, i, &part) && part.kind == WEFT_ACTIVITY_LINK; i++)
        for (size_t bucket = 0; bucket < info.bucket_count; bucket++)
            ck_assert_uint_eq(part.busy_ps ? part.busy_ps[bucket] : 0, naive[i * info.bucket_count + bucket]);
    weft_activity_destroy(activity);
    close_simulation(&it);
    free(naive);
    free(all.at);
}
END_TEST

/* What came before the beginning is not in it; what is kept changes no time; a copy does not change. */
START_TEST(it_begins_when_it_is_told_to)
{
    weft_error err;
    weft_activity *activity;
    simulation_bench watched = open_simulation("tiny", NULL, &timing), plain = open_simulation("tiny", NULL, &timing);
    WEFT_TEST_ASSERT_STATUS(weft_simulation_take_activity(watched.simulation, &activity, &err), WEFT_INVALID_STATE);
    ck_assert_ptr_null(activity);
    add_some(&watched, 50);
    add_some(&plain, 50);
    uint64_t begin_ps = weft_simulation_now_ps(watched.simulation), before[4096], sums = 0;
    keep(&watched);
    activity = take(&watched);
    weft_activity_info info, later;
    weft_activity_part part;
    weft_activity_get_info(activity, &info);
    ck_assert_uint_eq(info.begin_ps, begin_ps);
    ck_assert_uint_eq(info.bucket_count, 1);
    ck_assert_uint_le(info.part_count, 4096);
    for (size_t i = 0; i < info.part_count; i++)
        before[i] = counted(&watched, i);
    add_some(&watched, 70);
    add_some(&plain, 70);
    weft_activity *second = take(&watched);
    weft_activity_get_info(second, &later);
    for (size_t i = 0; i < info.part_count; i++) {
        ck_assert(weft_activity_at(second, i, &part));
        ck_assert_uint_eq(sum_of(&later, &part), counted(&watched, i) - before[i]);
        sums += sum_of(&later, &part);
        ck_assert(weft_activity_at(activity, i, &part));
        ck_assert_uint_eq(sum_of(&info, &part), 0);
    }
    ck_assert_uint_gt(sums, 0);
    weft_simulation_statistics one, other;
    weft_simulation_get_statistics(watched.simulation, &one);
    weft_simulation_get_statistics(plain.simulation, &other);
    ck_assert_uint_eq(one.trace_hash, other.trace_hash);
    weft_activity_destroy(activity);
    close_simulation(&plain);
    weft_simulation_destroy(watched.simulation);
    ck_assert(weft_activity_at(second, 0, &part)); /* outlives the simulation */
    weft_activity_destroy(second);
    weft_machine_close(watched.machine);
}
END_TEST

/* An hour in which nothing happens widens the buckets, and what was in them stays. */
START_TEST(buckets_hold_all_time)
{
    weft_error err;
    weft_activity *activity;
    weft_activity_info info;
    weft_activity_part part;
    const uint64_t hour_ps = UINT64_C(3600) * 1000000000000;
    simulation_bench it = open_simulation("tiny", NULL, &timing);
    keep(&it);
    add_some(&it, 100);
    WEFT_TEST_ASSERT_OK(weft__simulation_take_activity(it.simulation, hour_ps, &activity, &err), err);
    weft_activity_get_info(activity, &info);
    ck_assert_uint_ge(info.bucket_count * info.bucket_ps, hour_ps);
    ck_assert_uint_lt((info.bucket_count - 1) * info.bucket_ps, hour_ps);
    ck_assert_uint_gt(info.bucket_count, WEFT_ACTIVITY_BUCKETS / 2);
    for (size_t i = 0; weft_activity_at(activity, i, &part); i++)
        ck_assert_uint_eq(sum_of(&info, &part), counted(&it, i));
    weft_activity_destroy(activity);
    close_simulation(&it);
}
END_TEST

static bool lies_within(double x, double y, const weft_machine_region *region)
{
    return x >= region->x && x <= region->x + region->width && y >= region->y && y <= region->y + region->height;
}

/* PEs and their memories are in their cubes, cubes in their SIPs, and no two cubes overlap. */
START_TEST(places_are_in_their_regions)
{
    simulation_bench it = open_simulation(machines[_i], NULL, &timing);
    weft_machine_region regions[256];
    weft_activity_part part;
    size_t count = 0;
    keep(&it);
    while (weft_machine_region_at(it.machine, count, &regions[count]))
        ck_assert_uint_lt(++count, 256);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            bool is_inner = strncmp(regions[i].name, regions[j].name, strlen(regions[j].name)) == 0 &&
                            regions[i].name[strlen(regions[j].name)] == '.';
            if (is_inner)
                ck_assert(lies_within(regions[i].x, regions[i].y, &regions[j]) &&
                          lies_within(regions[i].x + regions[i].width, regions[i].y + regions[i].height, &regions[j]));
            else if (i != j && strcmp(regions[i].kind, regions[j].kind) == 0)
                ck_assert(!lies_within(regions[i].x + regions[i].width / 2, regions[i].y + regions[i].height / 2,
                                       &regions[j]));
        }
    weft_activity *activity = take(&it);
    size_t met = 0;
    for (size_t i = 0; weft_activity_at(activity, i, &part); i++)
        for (size_t j = 0; part.kind != WEFT_ACTIVITY_LINK && j < count; j++)
            if (strcmp(regions[j].kind, "cube") == 0 &&
                strncmp(part.name, regions[j].name, strlen(regions[j].name)) == 0 &&
                part.name[strlen(regions[j].name)] == '.') {
                ck_assert_msg(lies_within(part.x, part.y, &regions[j]), "%s", part.name);
                met++;
            }
    ck_assert_uint_eq(met, 2 * (size_t)weft__pes_count(it.simulation->pes));
    weft_activity_destroy(activity);
    close_simulation(&it);
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_error err;
        weft_activity *activity = NULL;
        weft_kernel_launch *launch = NULL;
        simulation_bench it = open_simulation("tiny", NULL, &timing);
        const weft_placement placement = {.over_pes = WEFT_SPLIT_ROWS};
        add_work work = make_add(&it, WEFT_F32, weft_shape_2d(8, 64), placement);
        const weft_launch_options options = {.kernel = add_kernel, .arguments = &work};
        weft_test_fail_allocation_after(n);
        weft_status status = weft_simulation_keep_activity(it.simulation, &err);
        if (status == WEFT_OK)
            status = weft_simulation_launch(it.simulation, &options, &launch, &err);
        if (status == WEFT_OK)
            status = weft_simulation_wait(it.simulation, launch, &err);
        if (status == WEFT_OK)
            status = weft_simulation_take_activity(it.simulation, &activity, &err);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %llu: %d", (unsigned long long)n,
                      status);
        weft_kernel_launch_destroy(launch);
        weft_activity_destroy(activity);
        drop_add(&work);
        close_simulation(&it);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("activity");
    TCase *tests = tcase_create("activity");
    tcase_set_timeout(tests, 0); /* that of ctest counts */
    tcase_add_loop_test(tests, sums_are_what_the_parts_have_counted, 0, 2);
    tcase_add_test(tests, links_are_busy_flit_by_flit);
    tcase_add_test(tests, it_begins_when_it_is_told_to);
    tcase_add_test(tests, buckets_hold_all_time);
    tcase_add_loop_test(tests, places_are_in_their_regions, 0, 2);
    tcase_add_test(tests, every_allocation_may_fail);
    suite_add_tcase(suite, tests);
    return weft_test_run_suite(suite);
}
