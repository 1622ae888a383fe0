/* Kernels on a PE: what each call takes, by hand. */
#include "tile_bench.h"

/* In nanoseconds, of two-sip and tiny alike: each command is dispatched in 1 ns; the TCM gives and takes 512 bytes in
 * 1 ns; a tile of f16 is multiplied in 16 ns; 64 elements are added in 1 ns. */
#define NS 1000u

/* What a test kernel works on, and what it saw. */
typedef struct work {
    const tile_bench *bench;
    uint64_t a, b, out; /* addresses */
    uint64_t bytes;
    weft_shape shape, other;
    weft_dtype dtype;
    weft__time from, to;
    uint32_t index;
} work;

static weft__time now_in(const work *it)
{
    return weft__sim_now(it->bench->base.sim);
}

static work local_work(const tile_bench *bench)
{
    return (work){.bench = bench,
                  .a = address_in(bench, WEFT__REGION_HBM, 0, 0, 0),
                  .b = address_in(bench, WEFT__REGION_HBM, 0, 0, 1 << 20),
                  .out = address_in(bench, WEFT__REGION_HBM, 0, 0, 2 << 20),
                  .dtype = WEFT_F16};
}

/* What a kernel takes, its commands' dispatch included, and where that goes: sums are whole. */
static weft__kernel_report report_of(tile_bench *it, weft_tile_kernel *kernel, const void *arguments)
{
    weft__kernel_report report = run_kernel(it, kernel, arguments, 1);
    uint64_t all = report.end - report.start, processor = 0;
    for (uint32_t i = 0; i < WEFT__PE_ACTIVITIES; i++)
        processor += report.times.processor_ps[i];
    ck_assert_uint_eq(processor, all);
    for (uint32_t i = 0; i < WEFT__STAGE_KINDS; i++) {
        const weft__engine_times *engine = &report.times.engines[i];
        ck_assert_uint_eq(engine->busy_ps + engine->stall_ps + engine->idle_ps, all);
    }
    return report;
}

static uint64_t time_of(tile_bench *it, weft_tile_kernel *kernel, const void *arguments)
{
    weft__kernel_report report = report_of(it, kernel, arguments);
    return report.end - report.start;
}

/* ---- memory ---- */

static void load_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor loaded = tl_load(tl, it->a, weft_shape_1d(it->bytes), WEFT_U8);
    ck_assert_int_eq(loaded.space, TL_TCM);
    ck_assert_uint_eq(loaded.address, address_in(it->bench, WEFT__REGION_TCM, 0, 0, 0));
    ck_assert_uint_eq(loaded.shape.extent[0], it->bytes);
}

static void store_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor own = tl_ref(tl, address_in(it->bench, WEFT__REGION_TCM, 0, 0, 64), weft_shape_1d(it->bytes), WEFT_U8);
    ck_assert_int_eq(own.space, TL_TCM);
    tl_store(tl, it->out, own);
}

START_TEST(a_load_takes_its_dispatch_and_its_transfer)
{
    tile_bench it;
    open_tile_bench(&it, "two-sip", NULL);
    work job = local_work(&it);
    job.bytes = 16384;
    weft__kernel_report report = report_of(&it, load_kernel, &job);
    ck_assert_uint_eq(report.end - report.start, 1 * NS + 76916);
    ck_assert_uint_eq(report.times.processor_ps[WEFT__PE_DISPATCH], 1 * NS);
    ck_assert_uint_eq(report.times.processor_ps[WEFT__PE_WAIT_READ], 76916);
    ck_assert_uint_eq(report.times.engines[WEFT__STAGE_DMA_READ].busy_ps, 76916);
    ck_assert_uint_eq(report.times.engines[WEFT__STAGE_DMA_READ].idle_ps, 1 * NS);
    ck_assert_uint_eq(report.times.engines[WEFT__STAGE_DMA_READ].bytes, 16384);
    ck_assert_uint_eq(report.times.engines[WEFT__STAGE_GEMM].idle_ps, 1 * NS + 76916);
    ck_assert_uint_eq(report.times.commands, 1);
    close_tile_bench(&it);
}
END_TEST

START_TEST(transfers_of_kernels_are_those_of_the_fabric)
{
    static const struct {
        weft__region region;
        uint32_t cube, unit;
        const char *node;
    } places[] = {
        {WEFT__REGION_HBM, 0, 0, "sip0.cube0.pe0.hbm"}, {WEFT__REGION_HBM, 0, 5, "sip0.cube0.pe5.hbm"},
        {WEFT__REGION_HBM, 9, 3, "sip0.cube9.pe3.hbm"}, {WEFT__REGION_SRAM, 0, 0, "sip0.cube0.sram"},
        {WEFT__REGION_TCM, 0, 1, "sip0.cube0.pe1.dma"},
    };
    static const uint64_t sizes[] = {1, 256, 1000, 40000};
    tile_bench it;
    open_tile_bench(&it, "two-sip", NULL);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        for (size_t j = 0; j < 2 * sizeof sizes / sizeof sizes[0]; j++) {
            bool is_write = j % 2;
            work job = local_work(&it);
            job.a = job.out = address_in(&it, places[i].region, places[i].cube, places[i].unit, 512);
            job.bytes = sizes[j / 2];
            uint64_t parts[WEFT__PARTS], sum = 0;
            weft__time end;
            weft__transfer_request request =
                request_of(&it.base, "sip0.cube0.pe0", places[i].node, is_write, 512, job.bytes, &end);
            weft__transfer_parts(it.base.transfers, &request, parts);
            for (size_t part = 0; part < WEFT__PARTS; part++)
                sum += parts[part];
            ck_assert_uint_eq(time_of(&it, is_write ? store_kernel : load_kernel, &job), 1 * NS + sum);
        }
    close_tile_bench(&it);
}
END_TEST

START_TEST(dispatch_and_pages_are_what_the_machine_says)
{
    static const char *const settings[] = {"pe.dispatch_cycles", "3", "pe.clock_ghz", "2", "pe.mmu.tlb_ns", "0.25",
                                           "pe.mmu.page_kib",    "4", NULL,           NULL};
    tile_bench it;
    open_tile_bench(&it, "two-sip", settings);
    work job = local_work(&it);
    job.bytes = 16384;
    weft__kernel_report report = report_of(&it, load_kernel, &job);
    ck_assert_uint_eq(report.end - report.start, 1500 + 4 * 250 + 76916);
    ck_assert_uint_eq(report.times.engines[WEFT__STAGE_DMA_READ].busy_ps, 4 * 250 + 76916);
    close_tile_bench(&it);
}
END_TEST

static void scratch_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    ck_assert_uint_eq(tl_mark(tl), 0);
    tl_tensor a = tl_full(tl, weft_shape_1d(3), WEFT_U8, 1);
    tl_tensor b = tl_full(tl, weft_shape_1d(65), WEFT_U8, 1);
    ck_assert_uint_eq(b.address, a.address + 64);
    uint64_t mark = tl_mark(tl);
    ck_assert_uint_eq(mark, 64 + 65);
    for (int i = 0; i < 100; i++) { /* far more than there is, all together */
        tl_tensor c = tl_full(tl, weft_shape_1d((1 << 20) - 192), WEFT_U8, 1);
        ck_assert_uint_eq(c.address, a.address + 192);
        ck_assert_uint_eq(tl_mark(tl), 1 << 20);
        tl_release(tl, mark);
    }
}

START_TEST(scratch_memory_is_given_back_by_marks)
{
    tile_bench it;
    open_tile_bench(&it, "tiny", NULL);
    (void)report_of(&it, scratch_kernel, NULL);
    close_tile_bench(&it);
}
END_TEST

/* ---- computing ---- */

static void dot_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    uint64_t tcm = address_in(it->bench, WEFT__REGION_TCM, 0, 0, 0);
    tl_tensor a = tl_ref(tl, tcm, it->shape, it->dtype), b = tl_ref(tl, tcm, it->other, it->dtype);
    tl_tensor out = tl_dot(tl, a, b);
    ck_assert_uint_eq(out.shape.rank, 2);
    ck_assert_uint_eq(out.shape.extent[0], it->shape.extent[0]);
    ck_assert_uint_eq(out.shape.extent[1], it->other.extent[1]);
    ck_assert_int_eq(out.dtype, it->dtype == WEFT_I8 ? WEFT_I32 : it->dtype);
}

static uint64_t dot_ps(tile_bench *it, weft_dtype dtype, uint64_t m, uint64_t k, uint64_t n)
{
    work job = local_work(it);
    job.dtype = dtype;
    job.shape = weft_shape_2d(m, k);
    job.other = weft_shape_2d(k, n);
    return time_of(it, dot_kernel, &job);
}

START_TEST(a_product_overlaps_the_stages_of_its_tiles)
{
    tile_bench it;
    open_tile_bench(&it, "tiny", NULL);
    /* Fetch, multiply, store. */
    ck_assert_uint_eq(dot_ps(&it, WEFT_F16, 32, 64, 32), (1 + 16 + 16 + 4) * NS);
    ck_assert_uint_eq(dot_ps(&it, WEFT_F32, 32, 64, 32), (1 + 32 + 64 + 8) * NS);
    ck_assert_uint_eq(dot_ps(&it, WEFT_I8, 32, 64, 32), (1 + 8 + 8 + 8) * NS);
    ck_assert_uint_eq(dot_ps(&it, WEFT_F64, 32, 64, 32), (1 + 64 + 128 + 16) * NS);
    ck_assert_uint_eq(dot_ps(&it, WEFT_U64, 32, 64, 32), (1 + 64 + 64 + 16) * NS);
    /* One row: the array works as long as on a whole tile; 128 + 4096 bytes are fetched, 64 stored. */
    ck_assert_uint_eq(dot_ps(&it, WEFT_F16, 1, 64, 32), 1 * NS + 8250 + 16 * NS + 125);
    /* Ten tiles along k, fetched while others are multiplied. */
    ck_assert_uint_eq(dot_ps(&it, WEFT_F16, 32, 640, 32), (1 + 16 + 10 * 16 + 4) * NS);
    ck_assert_uint_eq(dot_ps(&it, WEFT_F32, 32, 640, 32), (1 + 32 + 10 * 64 + 8) * NS);
    /* Four outputs: all but the last are stored meanwhile. */
    ck_assert_uint_eq(dot_ps(&it, WEFT_F16, 64, 64, 64), (1 + 16 + 4 * 16 + 4) * NS);
    close_tile_bench(&it);
}
END_TEST

START_TEST(products_are_limited_by_the_tiles_under_way)
{
    static const char *const settings[] = {"pe.scheduler.tiles", "1", NULL, NULL};
    tile_bench it;
    open_tile_bench(&it, "tiny", settings);
    ck_assert_uint_eq(dot_ps(&it, WEFT_F16, 32, 640, 32), (1 + 10 * 32 + 4) * NS);
    close_tile_bench(&it);
}
END_TEST

static void math_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    uint64_t tcm = address_in(it->bench, WEFT__REGION_TCM, 0, 0, 0);
    tl_tensor a = tl_ref(tl, tcm, it->shape, WEFT_F32), b = tl_ref(tl, tcm, it->other, WEFT_F32);
    switch (it->index) {
    case 0:
        (void)tl_add(tl, a, b);
        break;
    case 1:
        (void)tl_exp(tl, a);
        break;
    case 2:
        (void)tl_sum(tl, a, 1);
        break;
    case 3:
        (void)tl_softmax(tl, a, 1);
        break;
    case 4:
        (void)tl_full(tl, it->shape, WEFT_F32, 0.5);
        break;
    case 5:
        (void)tl_where(tl, a, a, b);
        break;
    case 6:
        tl_copy(tl, tl_empty(tl, it->shape, WEFT_F32), a);
        break;
    default:
        (void)tl_cast(tl, a, WEFT_F16);
        break;
    }
}

START_TEST(math_fetches_computes_and_stores)
{
    tile_bench it;
    open_tile_bench(&it, "tiny", NULL);
    work job = local_work(&it);
    job.shape = weft_shape_2d(16, 16);
    job.other = weft_shape_2d(16, 16);
    /* 1024 bytes are fetched or stored in 2 ns; 256 elements are four vectors. */
    static const uint64_t expected_ns[] = {
        1 + 4 + 4 + 2,      /* add */
        1 + 2 + 16 + 2,     /* exp */
        0,                  /* sum: below */
        1 + 2 + 4 * 11 + 2, /* softmax */
        1 + 4 + 2,          /* full fetches nothing */
        1 + 6 + 4 + 2,      /* where */
        1 + 2 + 4 + 2,      /* copy; a place for it is free */
        1 + 2 + 4 + 1,      /* cast stores half as much */
    };
    for (job.index = 0; job.index < 8; job.index++)
        if (job.index != 2)
            ck_assert_uint_eq(time_of(&it, math_kernel, &job), expected_ns[job.index] * NS);
    job.index = 2;
    ck_assert_uint_eq(time_of(&it, math_kernel, &job), (1 + 2 + 4) * NS + 125); /* 64 bytes are stored */
    /* A row goes with a matrix; 64 bytes of it are fetched. */
    job.index = 0;
    job.other = weft_shape_1d(16);
    ck_assert_uint_eq(time_of(&it, math_kernel, &job), 1 * NS + 2125 + 4 * NS + 2 * NS);
    /* 4096 elements are four tiles: 16 ns each to fetch, 16 to add, 8 to store. */
    job.shape = job.other = weft_shape_2d(64, 64);
    ck_assert_uint_eq(time_of(&it, math_kernel, &job), (1 + 4 * 16 + 16 + 8) * NS);
    close_tile_bench(&it);
}
END_TEST

static void view_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor a = tl_ref(tl, it->a, weft_shape_2d(6, 4), WEFT_F16);
    tl_tensor part = tl_slice(tl, tl_slice(tl, a, 0, 2, 3), 1, 1, 2);
    ck_assert_uint_eq(part.address, it->a + (2 * 4 + 1) * 2);
    ck_assert_uint_eq(part.base, it->a);
    tl_tensor turned = tl_trans(tl, part);
    ck_assert(turned.shape.extent[0] == 2 && turned.shape.extent[1] == 3);
    ck_assert(turned.stride[0] == 1 && turned.stride[1] == 4);
    tl_tensor flat = tl_reshape(tl, tl_slice(tl, a, 0, 2, 3), weft_shape_1d(12));
    ck_assert(flat.shape.rank == 1 && flat.stride[0] == 1 && flat.address == it->a + 16);
    weft_shape small = weft_shape_2d(1, 1);
    ck_assert_uint_eq(tl_reshape(tl, tl_slice(tl, part, 0, 0, 1), weft_shape_2d(2, 1)).stride[0], 1);
    (void)tl_reshape(tl, tl_slice(tl, tl_slice(tl, part, 0, 0, 1), 1, 0, 1), small);
    ck_assert_uint_eq(tl_program_id(tl, TL_AXIS_ALL), 0);
}

START_TEST(views_take_no_time)
{
    tile_bench it;
    open_tile_bench(&it, "tiny", NULL);
    work job = local_work(&it);
    ck_assert_uint_eq(time_of(&it, view_kernel, &job), 0);
    close_tile_bench(&it);
}
END_TEST

/* ---- composite commands ---- */

static void stream_kernel(weft_tile *tl, const void *arguments)
{
    work *it = (work *)(uintptr_t)arguments;
    tl_tensor a = tl_load(tl, it->a, it->shape, WEFT_F16);
    it->from = now_in(it);
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = a,
                                          .b = tl_ref(tl, it->b, it->other, WEFT_F16),
                                          .out = it->out,
                                          .dtype = WEFT_F16};
    tl_command command = tl_composite(tl, &request);
    ck_assert_uint_eq(now_in(it), it->from + 1 * NS); /* dispatched, not done */
    tl_wait(tl, command);
    it->to = now_in(it);
    tl_wait(tl, command);
    ck_assert_uint_eq(now_in(it), it->to + 1 * NS); /* it stays done */
}

/* figures.csv, gemm_stream: 992 ns were published for 48 tiles along k whose b is streamed, 768 ns for 48 * 4096 bytes
 * at 256 GB/s and 4.7 ns more for each tile; and 1765 ns with the load of a, which is 768 + 4.7 ns. So the wire model
 * of that time had transfers that take their bytes and a way of 4.7 ns, and no pseudo-channels behind it, whose chunk
 * of 8 ns each transfer ends with today: its 77 ns for 16 KiB are 64 + 8 + 5. */
#define STREAM_TILES 48u
#define STREAM_PUBLISHED_NS 992.0
#define STREAM_WITH_LOAD_NS 1765.0

static work stream_work(const tile_bench *bench)
{
    work job = local_work(bench);
    job.shape = weft_shape_2d(32, 64 * STREAM_TILES);
    job.other = weft_shape_2d(64 * STREAM_TILES, 32);
    return job;
}

START_TEST(a_streamed_product_is_that_of_the_older_wire_model_without_its_chunks)
{
    /* Chunks that take next to nothing. */
    static const char *const settings[] = {"cube.hbm.channel_gbs", "1000000", "pe.dma.outstanding", "1", NULL, NULL};
    tile_bench it;
    open_tile_bench(&it, "two-sip", settings);
    work job = stream_work(&it);
    weft__kernel_report report = report_of(&it, stream_kernel, &job);
    WEFT_TEST_ASSERT_CLOSE((double)(job.to - job.from) / NS, STREAM_PUBLISHED_NS, 0, 0.10);
    WEFT_TEST_ASSERT_CLOSE((double)(job.to - report.start) / NS, STREAM_WITH_LOAD_NS, 0, 0.05);
    close_tile_bench(&it);
}
END_TEST

START_TEST(a_streamed_product_pays_a_round_trip_for_each_tile)
{
    /* With its chunks, and no row to open: the DMA holds its channel for the whole of each read of 4096 bytes, which is
     * 28.916 ns and not 20.7. The last tile is then fetched, multiplied, stored and written. */
    static const char *const settings[] = {"cube.hbm.open_ns", "0", "pe.dma.outstanding", "1", NULL, NULL};
    tile_bench it;
    open_tile_bench(&it, "two-sip", settings);
    work job = local_work(&it);
    job.bytes = 4096;
    uint64_t read_ps = time_of(&it, load_kernel, &job) - 1 * NS;
    job.bytes = 2048;
    uint64_t write_ps = time_of(&it, store_kernel, &job) - 1 * NS;
    job = stream_work(&it);
    weft__kernel_report report = report_of(&it, stream_kernel, &job);
    uint64_t expected = STREAM_TILES * read_ps + (16 + 16 + 4) * NS + write_ps;
    ck_assert_uint_eq(job.to - job.from, 1 * NS + expected);
    const weft__engine_times *engines = report.times.engines;
    ck_assert_uint_eq(engines[WEFT__STAGE_GEMM].busy_ps, STREAM_TILES * 16 * NS);
    ck_assert_uint_eq(engines[WEFT__STAGE_GEMM].stall_ps, expected - STREAM_TILES * 16 * NS);
    ck_assert_uint_eq(engines[WEFT__STAGE_DMA_WRITE].busy_ps, write_ps);
    ck_assert_uint_eq(engines[WEFT__STAGE_DMA_READ].tokens, STREAM_TILES + 1);
    ck_assert_uint_eq(report.times.macs, UINT64_C(32) * 64 * STREAM_TILES * 32);
    close_tile_bench(&it);
}
END_TEST

START_TEST(more_channels_hide_the_round_trips)
{
    static const char *const settings[] = {"cube.hbm.open_ns", "0", "pe.dma.channels", "2", NULL, NULL};
    tile_bench it;
    open_tile_bench(&it, "two-sip", settings);
    work job = stream_work(&it);
    (void)report_of(&it, stream_kernel, &job);
    /* Bound by the bandwidth, or by the array: 16 ns for a tile, and once the ends. */
    ck_assert_uint_ge(job.to - job.from, (STREAM_TILES * 16 + 36) * NS);
    ck_assert_uint_le(job.to - job.from, (STREAM_TILES * 16 + 80) * NS);
    close_tile_bench(&it);
}
END_TEST

/* An operation on elements that are elsewhere, and go elsewhere. */
static void composite_math_kernel(weft_tile *tl, const void *arguments)
{
    work *it = (work *)(uintptr_t)arguments;
    const tl_composite_request request = {.op = WEFT_COMMAND_ADD,
                                          .a = tl_ref(tl, it->a, it->shape, WEFT_F16),
                                          .b = tl_ref(tl, it->b, it->shape, WEFT_F16),
                                          .out = it->out,
                                          .dtype = WEFT_F16};
    it->from = now_in(it);
    (void)tl_composite(tl, &request);
    (void)tl_composite(tl, &request); /* nobody waits: the kernel ends when they have */
}

START_TEST(a_kernel_ends_with_its_last_command)
{
    static const char *const settings[] = {"cube.hbm.open_ns", "0", NULL, NULL};
    tile_bench it;
    open_tile_bench(&it, "two-sip", settings);
    work job = local_work(&it);
    job.bytes = 2048;
    uint64_t read_ps = time_of(&it, load_kernel, &job) - 1 * NS;
    uint64_t write_ps = time_of(&it, store_kernel, &job) - 1 * NS;
    job.shape = weft_shape_2d(32, 32);
    weft__kernel_report report = report_of(&it, composite_math_kernel, &job);
    /* Two reads each; fetch 8 ns, add 16 ns, store 4 ns, write. */
    ck_assert_uint_eq(report.end - report.start, 1 * NS + 4 * read_ps + (8 + 16 + 4) * NS + write_ps);
    ck_assert_uint_eq(report.times.commands, 2);
    ck_assert_uint_eq(report.times.processor_ps[WEFT__PE_DISPATCH], 2 * NS);
    close_tile_bench(&it);
}
END_TEST

static void epilogue_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    uint64_t tcm = address_in(it->bench, WEFT__REGION_TCM, 0, 0, 0);
    const tl_epilogue epilogues[] = {
        {.step = {WEFT_EPILOGUE_BIAS, WEFT_SCOPE_OUTPUT_TILE, 0}, .operand = tl_ref(tl, tcm, it->other, WEFT_F32)},
        {.step = {WEFT_EPILOGUE_SILU, WEFT_SCOPE_OUTPUT_TILE, 0}},
        {.step = {WEFT_EPILOGUE_SCALE, WEFT_SCOPE_KERNEL, 2}},
    };
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = tl_ref(tl, tcm, weft_shape_2d(32, 64), WEFT_F16),
                                          .b = tl_ref(tl, tcm, weft_shape_2d(64, 32), WEFT_F16),
                                          .out = tcm + 65536,
                                          .dtype = WEFT_F32,
                                          .epilogues = epilogues,
                                          .epilogue_count = it->index};
    tl_wait(tl, tl_composite(tl, &request));
}

START_TEST(epilogues_take_their_time)
{
    tile_bench it;
    open_tile_bench(&it, "tiny", NULL);
    work job = local_work(&it);
    job.other = weft_shape_1d(32);
    const uint64_t calls = 2 * NS - 1 * NS; /* the dispatch of the wait passes meanwhile */
    job.index = 0;
    ck_assert_uint_eq(time_of(&it, epilogue_kernel, &job), calls + (16 + 16 + 8) * NS);
    job.index = 1; /* 128 bytes of bias, 16 vectors */
    ck_assert_uint_eq(time_of(&it, epilogue_kernel, &job), calls + (16 + 16 + 16 + 8) * NS + 250);
    job.index = 2; /* silu: two simple steps, a division, an exponential */
    ck_assert_uint_eq(time_of(&it, epilogue_kernel, &job), calls + (16 + 16 + 16 * 11 + 8) * NS + 250);
    job.index = 3; /* 4096 bytes again, 16 vectors, and stored again */
    ck_assert_uint_eq(time_of(&it, epilogue_kernel, &job), calls + (16 + 16 + 16 * 11 + 8 + 8 + 16 + 8) * NS + 250);
    close_tile_bench(&it);
}
END_TEST

static void overlap_kernel(weft_tile *tl, const void *arguments)
{
    work *it = (work *)(uintptr_t)arguments;
    uint64_t tcm = address_in(it->bench, WEFT__REGION_TCM, 0, 0, 0);
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = tl_ref(tl, tcm, weft_shape_2d(32, 640), WEFT_F16),
                                          .b = tl_ref(tl, tcm, weft_shape_2d(640, 32), WEFT_F16),
                                          .out = tcm + 65536,
                                          .dtype = WEFT_F16};
    tl_command command = tl_composite(tl, &request);
    (void)tl_exp(tl, tl_ref(tl, tcm, weft_shape_1d(64), WEFT_F32));
    it->from = now_in(it);
    tl_wait(tl, command);
}

START_TEST(direct_commands_go_between_the_tiles_of_others)
{
    tile_bench it;
    open_tile_bench(&it, "tiny", NULL);
    work job = local_work(&it);
    weft__kernel_report report = report_of(&it, overlap_kernel, &job);
    /* Eight tiles are waiting to be fetched before it, 16 ns each; then 0.5 + 4 + 0.5 ns. */
    ck_assert_uint_eq(job.from - report.start, 1 * NS + 8 * 16 * NS + 5 * NS);
    ck_assert_uint_eq(report.end - report.start, 1 * NS + (16 + 10 * 16 + 4) * NS + 500);
    close_tile_bench(&it);
}
END_TEST

WEFT_TEST_MAIN("tile", a_load_takes_its_dispatch_and_its_transfer, transfers_of_kernels_are_those_of_the_fabric,
               dispatch_and_pages_are_what_the_machine_says, scratch_memory_is_given_back_by_marks,
               a_product_overlaps_the_stages_of_its_tiles, products_are_limited_by_the_tiles_under_way,
               math_fetches_computes_and_stores, views_take_no_time,
               a_streamed_product_is_that_of_the_older_wire_model_without_its_chunks,
               a_streamed_product_pays_a_round_trip_for_each_tile, more_channels_hide_the_round_trips,
               a_kernel_ends_with_its_last_command, epilogues_take_their_time,
               direct_commands_go_between_the_tiles_of_others)
