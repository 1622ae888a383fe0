/* What a launch took: sums that come out to the picosecond, and numbers that can be had by hand. */
#include "simulation_bench.h"

#include "base/rng.h"

/* A tensor for each PE of a launch, and what its kernel does with it. */
typedef struct report_work {
    weft_placed_tensor *a, *b, *out;
    uint64_t seed;
} report_work;

/* ---- sums ---- */

/* Some composite command of the operands, in TCM or not. */
static tl_command random_composite(weft_tile *tl, weft__rng *rng, tl_tensor a, tl_tensor b, tl_tensor out)
{
    const tl_epilogue epilogues[] = {{.step = {WEFT_EPILOGUE_GELU, WEFT_SCOPE_K_TILE, 0}},
                                     {.step = {WEFT_EPILOGUE_SILU, WEFT_SCOPE_OUTPUT_TILE, 0}},
                                     {.step = {WEFT_EPILOGUE_RELU, WEFT_SCOPE_KERNEL, 0}}};
    uint32_t first = (uint32_t)weft__rng_below(rng, 4);
    tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                    .a = a,
                                    .b = tl_trans(tl, b),
                                    .out = out.address,
                                    .dtype = WEFT_F16,
                                    .epilogues = first < 3 ? &epilogues[first] : NULL,
                                    .epilogue_count = first < 3 ? 1 : 0};
    if (weft__rng_below(rng, 3) == 0)
        request = (tl_composite_request){.op = WEFT_COMMAND_MUL, .a = a, .b = a, .out = out.address, .dtype = WEFT_F16};
    return tl_composite(tl, &request);
}

static void random_kernel(weft_tile *tl, const void *arguments)
{
    const report_work *work = arguments;
    weft__rng rng;
    weft__rng_init(&rng, work->seed + tl_program_id(tl, TL_AXIS_ALL));
    tl_tensor a = tl_shard(tl, work->a), b = tl_shard(tl, work->b), out = tl_shard(tl, work->out);
    uint64_t steps = weft__rng_below(&rng, 8);
    tl_tensor here = tl_full(tl, a.shape, a.dtype, 1);
    tl_command last = {0};
    for (uint64_t step = 0; step < steps; step++) {
        uint64_t mark = tl_mark(tl);
        switch (weft__rng_below(&rng, 6)) {
        case 0:
            (void)tl_exp(tl, tl_load(tl, a.address, a.shape, a.dtype));
            break;
        case 1:
            tl_store(tl, out.address, here);
            break;
        case 2:
            (void)tl_dot(tl, here, tl_trans(tl, here));
            break;
        case 3:
            if (last.number)
                tl_wait(tl, last);
            break;
        default:
            last = random_composite(tl, &rng, weft__rng_below(&rng, 2) ? a : here, b, out);
        }
        tl_release(tl, mark);
    }
}

static void add_report(weft_launch_report *to, const weft_launch_report *from)
{
    for (int i = 0; i < WEFT_PE_TIMES; i++)
        to->spent_ps[i] += from->spent_ps[i];
    for (int i = 0; i < WEFT_ENGINES; i++) {
        to->engines[i].busy_ps += from->engines[i].busy_ps;
        to->engines[i].stall_ps += from->engines[i].stall_ps;
        to->engines[i].idle_ps += from->engines[i].idle_ps;
        to->engines[i].bytes += from->engines[i].bytes;
    }
    to->commands += from->commands;
    to->tiles += from->tiles;
    to->messages += from->messages;
    to->macs += from->macs;
    to->memory_bytes += from->memory_bytes;
}

static void check_sums(const weft_launch_report *report)
{
    uint64_t all = report->pes * report->makespan_ps, spent = 0;
    for (int i = 0; i < WEFT_PE_TIMES; i++)
        spent += report->spent_ps[i];
    ck_assert_uint_eq(spent, all);
    for (int i = 0; i < WEFT_ENGINES; i++) {
        const weft_engine_time *engine = &report->engines[i];
        ck_assert_uint_eq(engine->busy_ps + engine->stall_ps + engine->idle_ps, all);
    }
}

START_TEST(sums_come_out)
{
    static const char *const engines[] = {"dma_read", "dma_write", "fetch", "gemm", "math", "store", "queue"};
    const weft_simulation_options options = {.values = WEFT_VALUES_NONE};
    for (uint64_t seed = 0; seed < 60; seed++) {
        simulation_bench it = open_simulation("two-sip", NULL, &options);
        const weft_pe_set pes = {.sips = 1, .first_cube = 2, .cubes = 3, .pes = 3};
        const weft_placement placement = {.pes = pes};
        report_work work = {make_tensor(&it, WEFT_F16, weft_shape_2d(40 + seed, 70), placement),
                            make_tensor(&it, WEFT_F16, weft_shape_2d(50, 70), placement),
                            make_tensor(&it, WEFT_F16, weft_shape_2d(200, 200), placement), seed * 100};
        weft_kernel_launch *launch =
            begin_launch(&it, &(weft_launch_options){.kernel = random_kernel, .arguments = &work, .pes = pes});
        wait_for(&it, launch);
        weft_launch_report report, sum = {0}, one;
        weft_kernel_launch_get_report(launch, &report);
        ck_assert_uint_eq(report.pes, 9);
        ck_assert_uint_eq(report.makespan_ps, report.finish_ps - report.start_ps);
        check_sums(&report);
        uint64_t first = UINT64_MAX, last = 0, bounds_ps[2] = {0};
        for (size_t i = 0; i < 9; i++) {
            char name[48], expected[48];
            weft_kernel_launch_get_report_of(launch, i, name, &one);
            (void)snprintf(expected, sizeof expected, "sip0.cube%zu.pe%zu", 2 + i / 3, i % 3);
            ck_assert_str_eq(name, expected);
            ck_assert_uint_eq(one.pes, 1);
            ck_assert_uint_eq(one.makespan_ps, report.makespan_ps);
            ck_assert_uint_eq(one.begin_ps, report.begin_ps);
            ck_assert_uint_eq(one.end_ps, report.end_ps);
            check_sums(&one);
            /* What is left of the launch when the PE's own time is taken from it is idle, and the PE is never idle
             * else. */
            ck_assert_uint_eq(one.spent_ps[WEFT_PE_TIME_IDLE], report.makespan_ps - (one.finish_ps - one.start_ps));
            add_report(&sum, &one);
            first = one.start_ps < first ? one.start_ps : first;
            last = one.finish_ps > last ? one.finish_ps : last;
            bounds_ps[0] += one.compute_bound_ps;
            bounds_ps[1] += one.memory_bound_ps;
        }
        ck_assert_uint_eq(first, report.start_ps);
        ck_assert_uint_eq(last, report.finish_ps);
        ck_assert_uint_le(report.compute_bound_ps - bounds_ps[0] / 9, 1);
        ck_assert_uint_le(report.memory_bound_ps - bounds_ps[1] / 9, 1);
        ck_assert_mem_eq(sum.spent_ps, report.spent_ps, sizeof sum.spent_ps);
        for (int i = 0; i < WEFT_ENGINES; i++) {
            ck_assert_str_eq(report.engines[i].engine, engines[i]);
            sum.engines[i].engine = report.engines[i].engine;
            ck_assert_mem_eq(&sum.engines[i], &report.engines[i], sizeof sum.engines[i]);
        }
        ck_assert_uint_eq(sum.commands, report.commands);
        ck_assert_uint_eq(sum.tiles, report.tiles);
        ck_assert_uint_eq(sum.macs, report.macs);
        ck_assert_uint_eq(sum.memory_bytes, report.memory_bytes);
        ck_assert_uint_eq(report.memory_bytes, report.engines[0].bytes + report.engines[1].bytes);
        weft_kernel_launch_destroy(launch);
        weft_placed_tensor_destroy(work.a);
        weft_placed_tensor_destroy(work.b);
        weft_placed_tensor_destroy(work.out);
        close_simulation(&it);
    }
}
END_TEST

/* ---- by hand ---- */

/* What a kernel on the first PE of `tiny`, or the one that is asked for, took. */
static weft_launch_report run_one(weft_tile_kernel *kernel, const void *arguments, simulation_bench *it)
{
    return run_launch(it,
                      &(weft_launch_options){.kernel = kernel, .arguments = arguments, .pes = {.cubes = 1, .pes = 1}});
}

static simulation_bench open_tiny(void)
{
    const weft_simulation_options options = {.values = WEFT_VALUES_NONE};
    return open_simulation("tiny", NULL, &options);
}

static void nothing_kernel(weft_tile *tl, const void *arguments)
{
    (void)tl, (void)arguments;
}

START_TEST(a_kernel_that_does_nothing)
{
    simulation_bench it = open_tiny();
    weft_launch_report report = run_one(nothing_kernel, NULL, &it);
    ck_assert_uint_eq(report.makespan_ps, 0);
    ck_assert_uint_eq(report.pes, 1);
    ck_assert_uint_gt(report.start_ps, report.begin_ps);
    ck_assert_uint_gt(report.end_ps, report.finish_ps);
    ck_assert(report.roofline_fraction == 0);
    check_sums(&report);
    close_simulation(&it);
}
END_TEST

static void product_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    tl_tensor a = tl_full(tl, weft_shape_2d(64, 128), WEFT_F16, 1),
              b = tl_full(tl, weft_shape_2d(128, 64), WEFT_F16, 1);
    (void)tl_dot(tl, a, b);
    tl_tensor c = tl_full(tl, weft_shape_2d(32, 64), WEFT_I8, 1);
    (void)tl_dot(tl, c, tl_trans(tl, c));
    tl_tensor d = tl_full(tl, weft_shape_2d(10, 10), WEFT_BF16, 1);
    (void)tl_dot(tl, d, d);
}

START_TEST(products_by_hand)
{
    simulation_bench it = open_tiny();
    weft_launch_report report = run_one(product_kernel, NULL, &it);
    ck_assert_uint_eq(report.macs, 64 * 128 * 64 + 32 * 64 * 32 + 1000);
    /* 4096 products of f16 or bf16 in a cycle of 1 ns, and 8192 of i8. */
    const uint64_t bound_ps = 128000 + 8000 + 1000 * 1000 / 4096;
    ck_assert_uint_eq(report.compute_bound_ps, bound_ps);
    ck_assert_uint_eq(report.memory_bound_ps, 0);
    ck_assert_uint_eq(report.memory_bytes, 0);
    ck_assert_uint_eq(report.commands, 7);
    ck_assert_uint_eq(report.spent_ps[WEFT_PE_TIME_DISPATCH], 7000);
    ck_assert_uint_eq(report.spent_ps[WEFT_PE_TIME_COMPUTE], report.makespan_ps - 7000);
    ck_assert(report.roofline_fraction == (double)bound_ps / (double)report.makespan_ps);
    /* The array is whole all the time, but for the last product: a tile of 32 x 32 with 10 products each. */
    ck_assert_uint_eq(report.engines[3].busy_ps, 136000 + 3000);
    close_simulation(&it);
}
END_TEST

static void traffic_kernel(weft_tile *tl, const void *arguments)
{
    const report_work *work = arguments;
    tl_tensor a = tl_shard(tl, work->a), b = tl_shard(tl, work->b);
    tl_store(tl, b.address, tl_load(tl, a.address, a.shape, a.dtype));
}

START_TEST(traffic_by_hand)
{
    for (int home = 0; home < 2; home++) {
        simulation_bench it = open_tiny();
        const weft_placement placement = {.home = (weft_home)home};
        report_work work = {.a = make_tensor(&it, WEFT_U8, weft_shape_1d(64000), placement),
                            .b = make_tensor(&it, WEFT_U8, weft_shape_1d(64000), placement)};
        weft_launch_report report = run_one(traffic_kernel, &work, &it);
        ck_assert_uint_eq(report.memory_bytes, 128000);
        ck_assert_uint_eq(report.engines[0].bytes, 64000);
        ck_assert_uint_eq(report.engines[1].bytes, 64000);
        /* 256 GB/s, as of the slice. */
        ck_assert_uint_eq(report.memory_bound_ps, 500000);
        ck_assert(report.roofline_fraction == 500000.0 / (double)report.makespan_ps);
        ck_assert(report.roofline_fraction > (home ? 0.3 : 0.8) && report.roofline_fraction < 1);
        ck_assert_uint_eq(report.spent_ps[WEFT_PE_TIME_DISPATCH], 2000);
        ck_assert_uint_eq(report.spent_ps[WEFT_PE_TIME_DMA], report.makespan_ps - 2000);
        weft_placed_tensor_destroy(work.a);
        weft_placed_tensor_destroy(work.b);
        close_simulation(&it);
    }
}
END_TEST

/* Without HBM a PE has its share of the SRAM. */
START_TEST(a_machine_without_hbm)
{
    static const char *const bare[] = {"cube.hbm.gib", "0", "cube.sram.link_gbs", "128", NULL};
    const weft_simulation_options options = {.values = WEFT_VALUES_NONE};
    simulation_bench it = open_simulation("tiny", bare, &options);
    const weft_placement placement = {.home = WEFT_HOME_SRAM};
    report_work work = {.a = make_tensor(&it, WEFT_U8, weft_shape_1d(6400), placement),
                        .b = make_tensor(&it, WEFT_U8, weft_shape_1d(6400), placement)};
    weft_launch_report report = run_launch(&it, &(weft_launch_options){.kernel = traffic_kernel, .arguments = &work});
    ck_assert_uint_eq(report.memory_bytes, 2 * 12800);
    ck_assert_uint_eq(report.memory_bound_ps, 200000);
    weft_placed_tensor_destroy(work.a);
    weft_placed_tensor_destroy(work.b);
    close_simulation(&it);
}
END_TEST

/* The first PE tells where its scratch memory is, the second reads it. */
static void neighbour_kernel(weft_tile *tl, const void *arguments)
{
    uint64_t *address = (uint64_t *)(uintptr_t)arguments;
    if (*address == 0)
        *address = tl_full(tl, weft_shape_1d(4096), WEFT_U8, 1).address;
    else
        (void)tl_load(tl, *address, weft_shape_1d(4096), WEFT_U8);
}

START_TEST(the_memory_of_a_neighbour_is_no_memory)
{
    uint64_t address = 0;
    simulation_bench it = open_tiny();
    (void)run_one(neighbour_kernel, &address, &it);
    weft_launch_report report = run_launch(
        &it, &(weft_launch_options){.kernel = neighbour_kernel, .arguments = &address, .pes = {.first_pe = 1}});
    ck_assert_uint_eq(report.engines[0].bytes, 4096);
    ck_assert_uint_eq(report.memory_bytes, 0);
    close_simulation(&it);
}
END_TEST

/* ---- composite commands ---- */

typedef struct composite_work {
    weft_placed_tensor *far; /* NULL: both operands are pinned */
    bool has_steps;
    bool waits_late;
} composite_work;

static void composite_kernel(weft_tile *tl, const void *arguments)
{
    const composite_work *work = arguments;
    const tl_epilogue step = {.step = {WEFT_EPILOGUE_GELU, WEFT_SCOPE_K_TILE, 0}};
    tl_tensor a = tl_full(tl, weft_shape_2d(128, 256), WEFT_F16, 1),
              out = tl_full(tl, weft_shape_2d(128, 128), WEFT_F16, 0);
    tl_tensor b = work->far ? tl_shard(tl, work->far) : tl_full(tl, weft_shape_2d(256, 128), WEFT_F16, 1);
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = a,
                                          .b = b,
                                          .out = out.address,
                                          .dtype = WEFT_F16,
                                          .epilogues = &step,
                                          .epilogue_count = work->has_steps};
    tl_command command = tl_composite(tl, &request);
    if (work->waits_late) /* so late that it is done */
        (void)tl_exp(tl, tl_full(tl, weft_shape_2d(256, 512), WEFT_F16, 1));
    tl_wait(tl, command);
}

START_TEST(waits_for_composite_commands_are_split)
{
    simulation_bench it = open_tiny();
    composite_work work = {0};
    /* Engines 3 and 4 are GEMM and math. Math that fills tensors before is 1 ns for each 64 elements. */
    weft_launch_report pinned = run_one(composite_kernel, &work, &it);
    ck_assert_uint_eq(pinned.spent_ps[WEFT_PE_TIME_COMPUTE],
                      pinned.makespan_ps - pinned.spent_ps[WEFT_PE_TIME_DISPATCH] - pinned.spent_ps[WEFT_PE_TIME_DMA]);
    ck_assert_uint_eq(pinned.engines[3].busy_ps, 128 * 256 * 128 / 4096 * 1000);
    /* Before the first tile is in the array and after the last one has left it, nobody computes. */
    ck_assert_uint_gt(pinned.spent_ps[WEFT_PE_TIME_DMA], 0);
    ck_assert_uint_lt(pinned.spent_ps[WEFT_PE_TIME_DMA], 100000);

    /* With an operand from HBM the array starves. */
    work.far = make_tensor(&it, WEFT_F16, weft_shape_2d(256, 128), (weft_placement){.home = WEFT_HOME_SRAM});
    weft_launch_report starved = run_one(composite_kernel, &work, &it);
    ck_assert_uint_eq(starved.engines[3].busy_ps, pinned.engines[3].busy_ps);
    ck_assert_uint_gt(starved.spent_ps[WEFT_PE_TIME_DMA], starved.engines[3].busy_ps);
    /* Less math now, for one operand is not filled; the rest of what is compute is the array's work. */
    uint64_t fills_ps = starved.engines[4].busy_ps;
    ck_assert_uint_ge(starved.spent_ps[WEFT_PE_TIME_COMPUTE], starved.engines[3].busy_ps + fills_ps);

    weft_placed_tensor_destroy(work.far);

    /* Two that compute at once count once. */
    work = (composite_work){.has_steps = true};
    weft_launch_report both = run_one(composite_kernel, &work, &it);
    ck_assert_uint_lt(both.spent_ps[WEFT_PE_TIME_COMPUTE], both.engines[3].busy_ps + both.engines[4].busy_ps);
    ck_assert_uint_gt(both.spent_ps[WEFT_PE_TIME_COMPUTE], both.engines[4].busy_ps);

    /* What is done before it is waited for costs no wait. */
    work = (composite_work){.waits_late = true};
    weft_launch_report late = run_one(composite_kernel, &work, &it);
    ck_assert_uint_eq(late.spent_ps[WEFT_PE_TIME_DMA], 0);
    check_sums(&pinned);
    check_sums(&starved);
    check_sums(&both);
    check_sums(&late);
    close_simulation(&it);
}
END_TEST

/* ---- several launches ---- */

/* The second comes and goes within the first; the third is sent before both, and its end is known after theirs.
 * Whatever their order, the sum is the same. */
static const weft_launch_report first = {.begin_ps = 100,
                                         .start_ps = 120,
                                         .finish_ps = 900,
                                         .end_ps = 950,
                                         .makespan_ps = 780,
                                         .pes = 2,
                                         .spent_ps = {1, 2, 3, 4, 5, 6},
                                         .engines = {{"dma_read", 10, 20, 30, 40}},
                                         .commands = 7,
                                         .tiles = 8,
                                         .messages = 9,
                                         .macs = 11,
                                         .memory_bytes = 12,
                                         .compute_bound_ps = 500,
                                         .memory_bound_ps = 100,
                                         .roofline_fraction = 500.0 / 780},
                                second = {.begin_ps = 200,
                                          .start_ps = 220,
                                          .finish_ps = 300,
                                          .end_ps = 310,
                                          .makespan_ps = 80,
                                          .pes = 5,
                                          .spent_ps = {10, 20, 30, 40, 50, 60},
                                          .engines = {{"dma_read", 100, 200, 300, 400}},
                                          .commands = 70,
                                          .tiles = 80,
                                          .messages = 90,
                                          .macs = 110,
                                          .memory_bytes = 120,
                                          .compute_bound_ps = 10,
                                          .memory_bound_ps = 70,
                                          .roofline_fraction = 70.0 / 80},
                                third = {.begin_ps = 90,
                                         .start_ps = 210,
                                         .finish_ps = 400,
                                         .end_ps = 960,
                                         .makespan_ps = 190,
                                         .pes = 1,
                                         .engines = {{"dma_read", 1, 2, 3, 4}},
                                         .compute_bound_ps = 5,
                                         .memory_bound_ps = 190},
                                no_launch;

START_TEST(reports_of_launches_that_overlap_add_up)
{
    static const uint8_t orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};
    const weft_launch_report *const reports[] = {&first, &second, &third, &no_launch};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        weft_launch_report sum = {0};
        for (size_t k = 0; k < 4; k++)
            weft_launch_report_add(&sum, reports[orders[i][k]]);
        ck_assert_uint_eq(sum.begin_ps, 90);
        ck_assert_uint_eq(sum.start_ps, 120);
        ck_assert_uint_eq(sum.finish_ps, 900);
        ck_assert_uint_eq(sum.end_ps, 960);
        ck_assert_uint_eq(sum.makespan_ps, 1050); /* though it is 780 from the first start to the last finish */
        ck_assert_uint_eq(sum.pes, 5);
        for (uint64_t spent = 0; spent < WEFT_PE_TIMES; spent++)
            ck_assert_uint_eq(sum.spent_ps[spent], 11 * (spent + 1));
        ck_assert_uint_eq(sum.engines[0].busy_ps, 111);
        ck_assert_uint_eq(sum.engines[0].stall_ps, 222);
        ck_assert_uint_eq(sum.engines[0].idle_ps, 333);
        ck_assert_uint_eq(sum.engines[0].bytes, 444);
        ck_assert_uint_eq(sum.commands, 77);
        ck_assert_uint_eq(sum.tiles, 88);
        ck_assert_uint_eq(sum.messages, 99);
        ck_assert_uint_eq(sum.macs, 121);
        ck_assert_uint_eq(sum.memory_bytes, 132);
        ck_assert_uint_eq(sum.compute_bound_ps, 515);
        ck_assert_uint_eq(sum.memory_bound_ps, 360);
        ck_assert(sum.roofline_fraction == 515.0 / 1050);
    }
}
END_TEST

static void busy_kernel(weft_tile *tl, const void *arguments)
{
    tl_tensor x = tl_full(tl, weft_shape_1d(4096), WEFT_F32, 1);
    for (int i = 0; i < *(const int *)arguments; i++) {
        uint64_t mark = tl_mark(tl);
        (void)tl_exp(tl, x);
        tl_release(tl, mark);
    }
}

/* The machine gives such reports: a long launch on one PE, and a short one meanwhile on the other. */
START_TEST(a_short_launch_beside_a_long_one)
{
    static const int lengths[] = {40, 2};
    weft_kernel_launch *launches[2];
    weft_launch_report reports[2], sum = {0};
    simulation_bench it = open_tiny();
    for (uint32_t i = 0; i < 2; i++)
        launches[i] = begin_launch(&it, &(weft_launch_options){.kernel = busy_kernel,
                                                               .arguments = &lengths[i],
                                                               .pes = {.cubes = 1, .first_pe = i, .pes = 1}});
    for (uint32_t i = 0; i < 2; i++) {
        wait_for(&it, launches[i]);
        weft_kernel_launch_get_report(launches[i], &reports[i]);
        weft_launch_report_add(&sum, &reports[i]);
    }
    ck_assert_uint_lt(reports[1].finish_ps, reports[0].finish_ps);
    ck_assert_uint_eq(sum.start_ps,
                      reports[0].start_ps < reports[1].start_ps ? reports[0].start_ps : reports[1].start_ps);
    ck_assert_uint_eq(sum.finish_ps, reports[0].finish_ps);
    ck_assert_uint_eq(sum.end_ps, reports[0].end_ps);
    ck_assert_uint_eq(sum.makespan_ps, reports[0].makespan_ps + reports[1].makespan_ps);
    for (uint32_t i = 0; i < 2; i++)
        weft_kernel_launch_destroy(launches[i]);
    close_simulation(&it);
}
END_TEST

START_TEST(names)
{
    static const char *const spents[] = {"dispatch", "compute", "dma", "queue", "barrier", "idle"};
    static const char *const races[] = {"overwritten", "unwritten", "RAW", "WAR", "WAW", "unreceived", "freed"};
    for (int i = 0; i < WEFT_PE_TIMES; i++)
        ck_assert_str_eq(weft_pe_time_name((weft_pe_time)i), spents[i]);
    for (int i = 0; i < 7; i++)
        ck_assert_str_eq(weft_kernel_hazard_kind_name((weft_kernel_hazard_kind)i), races[i]);
    ck_assert_ptr_null(weft_pe_time_name((weft_pe_time)WEFT_PE_TIMES));
    ck_assert_ptr_null(weft_kernel_hazard_kind_name((weft_kernel_hazard_kind)7));
    ck_assert_ptr_null(weft_kernel_hazard_kind_name((weft_kernel_hazard_kind)-1));
}
END_TEST

WEFT_TEST_MAIN("launch_report", sums_come_out, a_kernel_that_does_nothing, products_by_hand, traffic_by_hand,
               a_machine_without_hbm, the_memory_of_a_neighbour_is_no_memory, waits_for_composite_commands_are_split,
               reports_of_launches_that_overlap_add_up, a_short_launch_beside_a_long_one, names)
