/* Launches of kernels: who is who, all PEs at once, and one kernel after another. */
#include "tile_bench.h"

#define NS 1000u

static void load_kernel(weft_tile *tl, const void *arguments)
{
    const uint64_t *address = arguments;
    (void)tl_load(tl, *address, weft_shape_1d(16384), WEFT_U8);
}

/* ---- launches ---- */

/* By place in the launch; what each PE saw. */
typedef struct seen {
    uint32_t ids[4], counts[4];
} seen;

static void identity_kernel(weft_tile *tl, const void *arguments)
{
    seen *it = (seen *)(uintptr_t)arguments + tl_program_id(tl, TL_AXIS_ALL);
    for (int axis = 0; axis < 4; axis++) {
        it->ids[axis] = tl_program_id(tl, (tl_axis)axis);
        it->counts[axis] = tl_num_programs(tl, (tl_axis)axis);
    }
}

START_TEST(every_pe_knows_its_place)
{
    tile_bench it;
    seen all[256];
    memset(all, 0xff, sizeof all);
    open_tile_bench(&it, "two-sip", NULL);
    (void)run_kernel(&it, identity_kernel, all, 0);
    for (uint32_t i = 0; i < 256; i++) {
        const seen expected = {{i % 8, i / 8 % 16, i / 128, i}, {8, 16, 2, 256}};
        ck_assert_mem_eq(&all[i], &expected, sizeof expected);
    }
    /* Some: three of cube 0, two of cube 2, one of the other SIP. */
    static const char *const names[] = {"sip0.cube0.pe1.cpu", "sip0.cube0.pe2.cpu", "sip0.cube0.pe7.cpu",
                                        "sip0.cube2.pe0.cpu", "sip0.cube2.pe4.cpu", "sip1.cube3.pe5.cpu"};
    static const seen places[] = {{{0, 0, 0, 0}, {3, 2, 2, 6}}, {{1, 0, 0, 1}, {3, 2, 2, 6}},
                                  {{2, 0, 0, 2}, {3, 2, 2, 6}}, {{0, 1, 0, 3}, {2, 2, 2, 6}},
                                  {{1, 1, 0, 4}, {2, 2, 2, 6}}, {{0, 0, 1, 5}, {1, 1, 2, 6}}};
    uint32_t cpus[6];
    for (size_t i = 0; i < 6; i++)
        cpus[i] = node_at(&it.base, names[i]);
    weft_error err;
    const weft__kernel_request request = {
        .name = "identity", .kernel = identity_kernel, .arguments = all, .cpus = cpus, .count = 6};
    weft__kernel_run_destroy(it.run);
    weft__time begin = weft__sim_now(it.base.sim) + 5;
    WEFT_TEST_ASSERT_OK(weft__kernel_launch(it.pes, begin, &request, &it.run, &err), err);
    run_bench_dry(&it.base);
    ck_assert_mem_eq(all, places, sizeof places);
    ck_assert_uint_eq(weft__kernel_run_count(it.run), 6);
    ck_assert_uint_eq(weft__kernel_run_begin_ps(it.run), begin);
    for (size_t i = 0; i < 6; i++) {
        weft__kernel_report report;
        weft__kernel_run_report(it.run, i, &report);
        ck_assert_uint_eq(report.start, report.end);
        ck_assert_uint_lt(report.end, weft__kernel_run_end_ps(it.run));
        ck_assert_msg(strncmp(report.pe, names[i], strlen(report.pe)) == 0, "%s is not %s", report.pe, names[i]);
    }
    close_tile_bench(&it);
}
END_TEST

/* Each PE: loads two tiles of its own slice, multiplies them, and stores the product. */
static void busy_kernel(weft_tile *tl, const void *arguments)
{
    const uint64_t *slices = arguments;
    uint64_t slice = slices[tl_program_id(tl, TL_AXIS_ALL)];
    for (int round = 0; round < 3; round++) {
        uint64_t mark = tl_mark(tl);
        tl_tensor a = tl_load(tl, slice, weft_shape_2d(64, 64), WEFT_F16);
        tl_tensor b = tl_load(tl, slice + 65536, weft_shape_2d(64, 64), WEFT_F16);
        tl_store(tl, slice + 131072, tl_softmax(tl, tl_dot(tl, a, tl_trans(tl, b)), 1));
        tl_release(tl, mark);
    }
}

static uint64_t *all_slices(const tile_bench *it)
{
    const weft__graph *graph = it->base.graph;
    uint32_t count = graph->spec->system.sips * graph->cubes * graph->pes;
    uint64_t *slices = malloc(count * sizeof *slices);
    for (uint32_t i = 0; i < count; i++) {
        weft__location location = {.region = WEFT__REGION_HBM,
                                   .sip = i / graph->pes / graph->cubes,
                                   .cube = i / graph->pes % graph->cubes,
                                   .unit = i % graph->pes};
        ck_assert_int_eq(weft__address_of(graph, &location, &slices[i], NULL), WEFT_OK);
    }
    return slices;
}

START_TEST(every_pe_runs_at_once_and_alike)
{
    uint64_t hashes[2], first = 0;
    for (int round = 0; round < 2; round++) {
        tile_bench it;
        open_tile_bench(&it, "two-sip", NULL);
        uint64_t *slices = all_slices(&it);
        (void)run_kernel(&it, busy_kernel, slices, 0);
        ck_assert_uint_eq(weft__kernel_run_count(it.run), 256);
        for (size_t i = 0; i < 256; i++) {
            weft__kernel_report report;
            weft__kernel_run_report(it.run, i, &report);
            /* Slices are local, so nobody is in anybody's way. */
            first = i ? first : report.end - report.start;
            ck_assert_uint_eq(report.end - report.start, first);
            uint64_t sum = 0;
            for (uint32_t activity = 0; activity < WEFT__PE_ACTIVITIES; activity++)
                sum += report.times.processor_ps[activity];
            ck_assert_uint_eq(sum, first);
        }
        weft__sim_info info;
        weft__sim_get_info(it.base.sim, &info);
        hashes[round] = info.trace_hash;
        free(slices);
        close_tile_bench(&it);
    }
    ck_assert_uint_eq(hashes[0], hashes[1]);
}
END_TEST

START_TEST(kernels_of_one_pe_run_one_after_another)
{
    tile_bench it;
    open_tile_bench(&it, "two-sip", NULL);
    const uint64_t address = address_in(&it, WEFT__REGION_HBM, 0, 0, 0);
    size_t count = 1;
    uint32_t *cpus = first_cpus(&it, &count);
    weft__kernel_run *runs[3];
    for (size_t i = 0; i < 3; i++) {
        weft_error err;
        const weft__kernel_request request = {
            .name = "load", .kernel = load_kernel, .arguments = &address, .cpus = cpus, .count = 1};
        WEFT_TEST_ASSERT_OK(weft__kernel_launch(it.pes, 0, &request, &runs[i], &err), err);
    }
    run_bench_dry(&it.base);
    weft__time ended = 0;
    for (size_t i = 0; i < 3; i++) {
        weft__kernel_report report;
        weft__kernel_run_report(runs[i], 0, &report);
        ck_assert(i == 0 || report.start == ended);
        ck_assert_uint_ge(report.end - report.start, 1 * NS + 76916);
        ended = report.end;
        weft__kernel_run_destroy(runs[i]);
    }
    free(cpus);
    close_tile_bench(&it);
}
END_TEST

WEFT_TEST_MAIN("kernel", every_pe_knows_its_place, every_pe_runs_at_once_and_alike,
               kernels_of_one_pe_run_one_after_another)
