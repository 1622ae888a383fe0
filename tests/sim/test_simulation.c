/* Simulations through the public headers: tensors over many PEs, launches, times and numbers. */
#include "simulation_bench.h"

#include <string.h>

#include <weft/probe.h>

#include "sim/host/host_impl.h"

/* ---- numbers ---- */

/* Every PE of two-sip has a piece of a long vector, the last ones less or none. */
START_TEST(a_vector_over_all_pes)
{
    static const size_t counts[] = {1, 255, 256, 257, 100003};
    simulation_bench it = open_simulation("two-sip", NULL, NULL);
    for (size_t round = 0; round < sizeof counts / sizeof counts[0]; round++) {
        size_t count = counts[round];
        float *a = numbers(count, 1), *b = numbers(count, 2), *out = malloc(count * sizeof *out);
        add_work work =
            make_add(&it, WEFT_F32, weft_shape_1d(count),
                     (weft_placement){
                         .over_sips = WEFT_SPLIT_ROWS, .over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_COLUMNS});
        set_tensor(work.a, a, count * sizeof *a);
        set_tensor(work.b, b, count * sizeof *b);
        weft_launch_report report = run_launch(&it, &(weft_launch_options){.kernel = add_kernel, .arguments = &work});
        ck_assert_uint_eq(report.pes, 256);
        get_tensor(work.out, out, count * sizeof *out);
        for (size_t i = 0; i < count; i++)
            if (out[i] != a[i] + b[i])
                ck_abort_msg("Element %zu is %g instead of %g.", i, (double)out[i], (double)(a[i] + b[i]));
        drop_add(&work);
        free(a);
        free(b);
        free(out);
    }
    weft_simulation_statistics statistics;
    weft_simulation_get_statistics(it.simulation, &statistics);
    ck_assert_uint_eq(statistics.hazards, 0);
    ck_assert_uint_gt(statistics.events, 0);
    ck_assert_uint_gt(statistics.evaluated, 0);
    close_simulation(&it);
}
END_TEST

/* c = a b over a grid: rows of a over SIPs and cubes, columns of b over the PEs of each cube. */
typedef struct product_work {
    weft_placed_tensor *a, *b, *c;
} product_work;

static void product_kernel(weft_tile *tl, const void *arguments)
{
    const product_work *work = arguments;
    if (!tl_has_shard(tl, work->c))
        return;
    tl_tensor a = tl_shard(tl, work->a), b = tl_shard(tl, work->b), c = tl_shard(tl, work->c);
    a = tl_load(tl, a.address, a.shape, a.dtype);
    b = tl_load(tl, b.address, b.shape, b.dtype);
    tl_store(tl, c.address, tl_dot(tl, a, b));
}

START_TEST(a_product_over_a_grid)
{
    enum {
        M = 61,
        K = 20,
        N = 45
    };
    static float c[M * N];
    simulation_bench it = open_simulation("two-sip", NULL, NULL);
    /* One SIP, or both, and some of the cubes and PEs. */
    static const weft_pe_set sets[] = {
        {.cubes = 4, .pes = 2}, {.first_sip = 1, .first_cube = 3, .cubes = 5, .first_pe = 2, .pes = 6}, {.pes = 1}};
    for (size_t round = 0; round < sizeof sets / sizeof sets[0]; round++) {
        const weft_placement rows = {.pes = sets[round], .over_sips = WEFT_SPLIT_ROWS, .over_cubes = WEFT_SPLIT_ROWS};
        const weft_placement columns = {.pes = sets[round], .over_pes = WEFT_SPLIT_COLUMNS};
        const weft_placement both = {.pes = sets[round],
                                     .over_sips = WEFT_SPLIT_ROWS,
                                     .over_cubes = WEFT_SPLIT_ROWS,
                                     .over_pes = WEFT_SPLIT_COLUMNS};
        product_work work = {make_tensor(&it, WEFT_F32, weft_shape_2d(M, K), rows),
                             make_tensor(&it, WEFT_F32, weft_shape_2d(K, N), columns),
                             make_tensor(&it, WEFT_F32, weft_shape_2d(M, N), both)};
        float *a = numbers((size_t)M * K, 3), *b = numbers((size_t)K * N, 4);
        set_tensor(work.a, a, sizeof *a * M * K);
        set_tensor(work.b, b, sizeof *b * K * N);
        (void)run_launch(&it, &(weft_launch_options){.kernel = product_kernel, .arguments = &work, .pes = sets[round]});
        get_tensor(work.c, c, sizeof c);
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++) {
                double sum = 0;
                for (int k = 0; k < K; k++)
                    sum += (double)a[i * K + k] * (double)b[k * N + j];
                WEFT_TEST_ASSERT_CLOSE((double)c[i * N + j], sum, 0, 1e-6);
            }
        weft_placed_tensor_destroy(work.a);
        weft_placed_tensor_destroy(work.b);
        weft_placed_tensor_destroy(work.c);
        free(a);
        free(b);
    }
    close_simulation(&it);
}
END_TEST

/* Each PE adds its number to its copy. */
static void number_kernel(weft_tile *tl, const void *arguments)
{
    const add_work *work = arguments;
    tl_tensor copy = tl_shard(tl, work->a);
    tl_tensor there = tl_load(tl, copy.address, copy.shape, copy.dtype);
    tl_tensor number = tl_full(tl, weft_shape_1d(1), copy.dtype, tl_program_id(tl, TL_AXIS_ALL));
    tl_store(tl, copy.address, tl_add(tl, there, number));
}

START_TEST(copies_are_of_their_own)
{
    static int32_t data[50], out[50];
    weft_error err;
    for (int i = 0; i < 50; i++)
        data[i] = 1000 * i;
    for (int home = 0; home < 2; home++) {
        simulation_bench it = open_simulation("two-sip", NULL, NULL);
        const weft_pe_set pes = {.cubes = 3};
        add_work work = {
            .a = make_tensor(&it, WEFT_I32, weft_shape_1d(50), (weft_placement){.pes = pes, .home = (weft_home)home})};
        set_tensor(work.a, data, sizeof data);
        (void)run_launch(&it, &(weft_launch_options){.kernel = number_kernel, .arguments = &work, .pes = pes});
        for (size_t i = 0; i < 48; i++) {
            WEFT_TEST_ASSERT_OK(weft_placed_tensor_get_of(work.a, i, out, sizeof out, &err), err);
            for (int j = 0; j < 50; j++)
                ck_assert_int_eq(out[j], data[j] + (int)i);
        }
        get_tensor(work.a, out, sizeof out); /* the first copy */
        ck_assert_mem_eq(out, data, sizeof data);
        weft_placed_tensor_destroy(work.a);
        close_simulation(&it);
    }
}
END_TEST

/* ---- launches ---- */

START_TEST(one_launch_after_another)
{
    enum {
        COUNT = 5000
    };
    static float out[COUNT];
    simulation_bench it = open_simulation("two-sip", NULL, NULL);
    float *a = numbers(COUNT, 5), *b = numbers(COUNT, 6);
    const weft_placement placement = {.over_cubes = WEFT_SPLIT_ROWS, .pes = {.sips = 1, .pes = 1}};
    add_work first = make_add(&it, WEFT_F32, weft_shape_1d(COUNT), placement);
    add_work second = {.a = first.out, .b = first.b, .out = first.a};
    set_tensor(first.a, a, sizeof out);
    set_tensor(first.b, b, sizeof out);
    const weft_launch_options options = {.kernel = add_kernel, .arguments = &first, .pes = placement.pes};
    weft_launch_options again = options;
    again.arguments = &second;
    weft_launch_report before = run_launch(&it, &options);
    ck_assert_uint_eq(weft_simulation_now_ps(it.simulation), before.end_ps);
    weft_launch_report after = run_launch(&it, &again);
    ck_assert_uint_eq(after.begin_ps, before.end_ps);
    ck_assert_uint_lt(before.begin_ps, before.start_ps);
    ck_assert_uint_lt(before.start_ps, before.finish_ps);
    ck_assert_uint_lt(before.finish_ps, before.end_ps);
    get_tensor(first.a, out, sizeof out);
    for (int i = 0; i < COUNT; i++)
        ck_assert(out[i] == a[i] + b[i] + b[i]);
    drop_add(&first);
    free(a);
    free(b);
    close_simulation(&it);
}
END_TEST

/* Two launches under way at once, waited for in either order, on the same PEs or on others. */
START_TEST(launches_that_overlap)
{
    enum {
        COUNT = 20000
    };
    static float out[COUNT];
    float *a = numbers(COUNT, 7), *b = numbers(COUNT, 8);
    for (int what = 0; what < 4; what++) {
        bool is_same = what & 1, is_backwards = what & 2;
        simulation_bench it = open_simulation("two-sip", NULL, NULL);
        const weft_pe_set left = {.sips = 1, .cubes = 2},
                          right = {.sips = 1, .first_cube = is_same ? 0 : 2, .cubes = 2};
        const weft_placement split = {.pes = left, .over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_ROWS};
        weft_placement other = split;
        other.pes = right;
        add_work work[2] = {make_add(&it, WEFT_F32, weft_shape_1d(COUNT), split),
                            make_add(&it, WEFT_F32, weft_shape_1d(COUNT), other)};
        weft_kernel_launch *launches[2];
        for (int i = 0; i < 2; i++) {
            set_tensor(work[i].a, a, sizeof out);
            set_tensor(work[i].b, b, sizeof out);
            launches[i] = begin_launch(
                &it, &(weft_launch_options){.kernel = add_kernel, .arguments = &work[i], .pes = i ? right : left});
        }
        weft_launch_report reports[2];
        for (int i = 0; i < 2; i++) {
            wait_for(&it, launches[is_backwards ? 1 - i : i]);
            weft_kernel_launch_get_report(launches[i], &reports[i]);
        }
        weft_kernel_launch_get_report(launches[0], &reports[0]);
        ck_assert_uint_eq(reports[0].begin_ps, 0);
        ck_assert_uint_eq(reports[1].begin_ps, 0);
        if (is_same)
            ck_assert_uint_ge(reports[1].start_ps, reports[0].start_ps + reports[0].makespan_ps / 2);
        else
            ck_assert_uint_lt(reports[1].start_ps, reports[0].finish_ps);
        for (int i = 0; i < 2; i++) {
            get_tensor(work[i].out, out, sizeof out);
            for (int j = 0; j < COUNT; j++)
                ck_assert(out[j] == a[j] + b[j]);
            drop_add(&work[i]);
            weft_kernel_launch_destroy(launches[i]);
        }
        close_simulation(&it);
    }
    free(a);
    free(b);
}
END_TEST

/* Waiting for one launch does not wait for another. */
START_TEST(a_wait_ends_with_its_launch)
{
    weft_launch_report report;
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    static float data[100000];
    const weft_pe_set first = {.pes = 1}, second = {.first_pe = 1};
    add_work large = make_add(&it, WEFT_F32, weft_shape_1d(100000), (weft_placement){.pes = first});
    add_work small = make_add(&it, WEFT_F32, weft_shape_1d(10), (weft_placement){.pes = second});
    set_tensor(large.a, data, sizeof data);
    set_tensor(large.b, data, sizeof data);
    set_tensor(small.a, data, 40);
    set_tensor(small.b, data, 40);
    weft_kernel_launch *one =
        begin_launch(&it, &(weft_launch_options){.kernel = add_kernel, .arguments = &large, .pes = first});
    weft_kernel_launch *other =
        begin_launch(&it, &(weft_launch_options){.kernel = add_kernel, .arguments = &small, .pes = second});
    wait_for(&it, other);
    weft_kernel_launch_get_report(other, &report);
    ck_assert_uint_eq(weft_simulation_now_ps(it.simulation), report.end_ps);
    weft_kernel_launch_get_report(one, &report);
    ck_assert_uint_eq(report.pes, 0);
    wait_for(&it, one);
    weft_kernel_launch_get_report(one, &report);
    ck_assert_uint_eq(report.pes, 1);
    ck_assert_uint_eq(weft_simulation_now_ps(it.simulation), report.end_ps);
    weft_kernel_launch_destroy(one);
    weft_kernel_launch_destroy(other);
    drop_add(&large);
    drop_add(&small);
    close_simulation(&it);
}
END_TEST

/* A launch that nobody waits for is nobody's trouble. */
START_TEST(launches_that_nobody_waits_for)
{
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    add_work work = make_add(&it, WEFT_F32, weft_shape_1d(100), (weft_placement){.over_pes = WEFT_SPLIT_ROWS});
    const float data[100] = {1};
    set_tensor(work.a, data, sizeof data);
    set_tensor(work.b, data, sizeof data);
    const weft_launch_options options = {.kernel = add_kernel, .arguments = &work};
    weft_kernel_launch_destroy(begin_launch(&it, &options));
    weft_kernel_launch *launch = begin_launch(&it, &options);
    weft_launch_report report;
    weft_kernel_launch_get_report(launch, &report);
    ck_assert_uint_eq(report.pes, 0);
    wait_for(&it, launch);
    ck_assert_ptr_null(it.simulation->abandoned); /* the first one, which has ended before */
    wait_for(&it, launch);                        /* again: at once */
    weft_kernel_launch_get_report(launch, &report);
    ck_assert_uint_eq(report.pes, 2);
    weft_kernel_launch_destroy(launch);
    for (int i = 0; i < 3; i++)
        weft_kernel_launch_destroy(begin_launch(&it, &options));
    ck_assert_ptr_nonnull(it.simulation->abandoned);
    (void)run_launch(&it, &options);
    ck_assert_ptr_null(it.simulation->abandoned);
    weft_kernel_launch_destroy(begin_launch(&it, &options));
    drop_add(&work);
    close_simulation(&it);
}
END_TEST

/* ---- the host's link ---- */

START_TEST(an_upload_takes_what_the_probe_says)
{
    enum {
        BYTES = 65536
    };
    static uint8_t data[BYTES], out[BYTES];
    weft_error err;
    weft_probe_result *probe;
    for (int i = 0; i < BYTES; i++)
        data[i] = (uint8_t)(i * 7);
    for (int values = 0; values < 2; values++) {
        const weft_simulation_options options = {.values = values ? WEFT_VALUES_NONE : WEFT_VALUES_LAZY};
        simulation_bench it = open_simulation("two-sip", NULL, &options);
        const weft_pe_set one = {.first_sip = 1, .first_cube = 5, .cubes = 1, .first_pe = 3, .pes = 1};
        weft_placed_tensor *tensor = make_tensor(&it, WEFT_U8, weft_shape_1d(BYTES), (weft_placement){.pes = one});
        set_tensor(tensor, out, BYTES);
        ck_assert_uint_eq(weft_simulation_now_ps(it.simulation), 0);
        uint64_t before = 0;
        for (int is_read = 0; is_read < 2; is_read++) {
            if (is_read)
                WEFT_TEST_ASSERT_OK(weft_placed_tensor_download(tensor, out, BYTES, &err), err);
            else
                WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(tensor, data, BYTES, &err), err);
            uint64_t took = weft_simulation_now_ps(it.simulation) - before;
            before += took;
            const weft_flow flow = {
                .source = "host", .target = "sip1.cube5.pe3.hbm", .bytes = BYTES, .is_write = !is_read};
            WEFT_TEST_ASSERT_OK(weft_probe_run(it.machine, &flow, 1, NULL, &probe, &err), err);
            ck_assert_uint_eq(took, probe->makespan_ps);
            weft_probe_result_destroy(probe);
        }
        if (!values)
            ck_assert_mem_eq(out, data, BYTES);
        weft_placed_tensor_destroy(tensor);
        close_simulation(&it);
    }
}
END_TEST

/* Copies move one by one, but only one of them comes back. */
START_TEST(an_upload_moves_all_shards_at_once)
{
    enum {
        COUNT = 4096
    };
    static float out[COUNT];
    weft_error err;
    float *data = numbers(COUNT, 9);
    uint64_t upload_ps[3], download_ps[3];
    static const weft_placement placements[] = {
        {.pes = {.sips = 1, .cubes = 1, .pes = 1}},
        {.pes = {.sips = 1, .cubes = 4}, .over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_COLUMNS},
        {.pes = {.sips = 1, .cubes = 4}, .over_cubes = WEFT_SPLIT_ROWS},
    };
    for (int i = 0; i < 3; i++) {
        simulation_bench it = open_simulation("two-sip", NULL, NULL);
        weft_placed_tensor *tensor = make_tensor(&it, WEFT_F32, weft_shape_2d(64, 64), placements[i]);
        WEFT_TEST_ASSERT_OK(weft_placed_tensor_upload(tensor, data, sizeof out, &err), err);
        upload_ps[i] = weft_simulation_now_ps(it.simulation);
        WEFT_TEST_ASSERT_OK(weft_placed_tensor_download(tensor, out, sizeof out, &err), err);
        download_ps[i] = weft_simulation_now_ps(it.simulation) - upload_ps[i];
        ck_assert_mem_eq(out, data, sizeof out);
        weft_placed_tensor_destroy(tensor);
        close_simulation(&it);
    }
    /* The link of the host is what everything must pass: 128 GB/s. */
    const uint64_t link_ps = sizeof out * 1000 / 128;
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_ge(upload_ps[i], link_ps);
        ck_assert_uint_lt(upload_ps[i], 3 * link_ps);
    }
    ck_assert_uint_ge(upload_ps[2], 8 * link_ps);
    ck_assert_uint_lt(upload_ps[2], 10 * link_ps);
    ck_assert_uint_lt(download_ps[2], 2 * upload_ps[0]);
    free(data);
}
END_TEST

/* Each PE writes to its shard where in the tensor its elements are. */
static void origin_kernel(weft_tile *tl, const void *arguments)
{
    weft_placed_tensor *const *tensors = arguments;
    if (!tl_has_shard(tl, tensors[0]))
        return;
    tl_tensor shard = tl_shard(tl, tensors[0]);
    double origin = (double)(100 * tl_shard_origin(tl, tensors[0], 0) + tl_shard_origin(tl, tensors[0], 1));
    tl_store_tensor(tl, shard, tl_full(tl, shard.shape, WEFT_F32, origin));
    if (tensors[1])
        (void)tl_shard_origin(tl, tensors[0], 2);
}

START_TEST(shards_know_where_they_are)
{
    static float found[10 * 30];
    for (int wrong = 0; wrong < 2; wrong++) {
        simulation_bench it = open_simulation("two-sip", NULL, NULL);
        const weft_pe_set pes = {.sips = 1, .cubes = 4};
        weft_placed_tensor *tensor =
            make_tensor(&it, WEFT_F32, weft_shape_2d(10, 30),
                        (weft_placement){.pes = pes, .over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_COLUMNS});
        weft_placed_tensor *const arguments[] = {tensor, wrong ? tensor : NULL};
        const weft_launch_options options = {.kernel = origin_kernel, .arguments = arguments, .pes = pes};
        if (wrong) {
            weft_error err = fail_launch(&it, &options);
            ck_assert_int_eq(err.code, WEFT_SHAPE_MISMATCH);
            ck_assert_msg(strstr(err.message, "tl_shard_origin: Shape [10, 30] has no axis 2.") != NULL, "%s",
                          err.message);
        } else {
            (void)run_launch(&it, &options);
            get_tensor(tensor, found, sizeof found);
            for (int row = 0; row < 10; row++) /* 3 rows for a cube, 4 columns for a PE */
                for (int column = 0; column < 30; column++)
                    ck_assert(found[row * 30 + column] == (float)(100 * (row / 3 * 3) + column / 4 * 4));
        }
        weft_placed_tensor_destroy(tensor);
        close_simulation(&it);
    }
}
END_TEST

WEFT_TEST_MAIN("simulation", shards_know_where_they_are, a_vector_over_all_pes, a_product_over_a_grid,
               copies_are_of_their_own, one_launch_after_another, launches_that_overlap, a_wait_ends_with_its_launch,
               launches_that_nobody_waits_for, an_upload_takes_what_the_probe_says, an_upload_moves_all_shards_at_once)
