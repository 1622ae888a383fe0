/* Engines of a PE: plans of tiles, what passes through them, and what limits how many at once. */
#include "tile_bench.h"

#include "base/rng.h"
#include "sim/pe/pe_impl.h"

static weft__pe_rates rates_of(const char *machine)
{
    tile_bench it;
    open_tile_bench(&it, machine, NULL);
    weft__pe_rates rates = *weft__pes_rates(it.pes);
    close_tile_bench(&it);
    return rates;
}

/* ---- rates ---- */

START_TEST(times_follow_from_the_machine_file)
{
    weft__pe_rates rates = rates_of("two-sip");
    ck_assert_uint_eq(rates.cycle_ps, 1000);
    ck_assert_uint_eq(rates.dispatch_ps, 1000);
    ck_assert_uint_eq(rates.scratch_bytes, 1 << 20);
    ck_assert_uint_eq(weft__pe_read_ps(&rates, 4096), 8000);
    ck_assert_uint_eq(weft__pe_write_ps(&rates, 1), 2); /* 1.95, rounded up */
    /* 32 x 32 outputs, 4 products each in a cycle of f16, 8 of i8, 1 of f32 and half of one of f64. */
    ck_assert_uint_eq(weft__pe_gemm_ps(&rates, WEFT_F16, 64), 16000);
    ck_assert_uint_eq(weft__pe_gemm_ps(&rates, WEFT_BF16, 3), 1000);
    ck_assert_uint_eq(weft__pe_gemm_ps(&rates, WEFT_I8, 64), 8000);
    ck_assert_uint_eq(weft__pe_gemm_ps(&rates, WEFT_F32, 64), 64000);
    ck_assert_uint_eq(weft__pe_gemm_ps(&rates, WEFT_F64, 64), 128000);
    static const weft_dtype integers[] = {WEFT_I16, WEFT_U16, WEFT_I32, WEFT_U32, WEFT_I64, WEFT_U64};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++)
        ck_assert_uint_eq(weft__pe_gemm_ps(&rates, integers[i], 1), 1000);
    ck_assert_uint_eq(weft__pe_math_ps(&rates, WEFT_COMMAND_ADD, 64), 1000);
    ck_assert_uint_eq(weft__pe_math_ps(&rates, WEFT_COMMAND_ADD, 65), 2000);
    ck_assert_uint_eq(weft__pe_math_ps(&rates, WEFT_COMMAND_DIV, 64), 4000);
    ck_assert_uint_eq(weft__pe_math_ps(&rates, WEFT_COMMAND_EXP, 128), 8000);
    ck_assert_uint_eq(weft__pe_math_ps(&rates, WEFT_COMMAND_SOFTMAX, 64), 11000);
    ck_assert_uint_eq(weft__pe_epilogue_ps(&rates, WEFT_EPILOGUE_SILU, 64), 10000);
    ck_assert_uint_eq(weft__pe_epilogue_ps(&rates, WEFT_EPILOGUE_BIAS, 64), 1000);
}
END_TEST

START_TEST(every_operation_takes_time)
{
    weft__pe_rates rates = rates_of("two-sip");
    for (int op = WEFT_COMMAND_CAST; op <= WEFT_COMMAND_SOFTMAX; op++)
        ck_assert_uint_ge(weft__pe_math_ps(&rates, (weft_command_op)op, 1), 1000);
    for (int op = WEFT_EPILOGUE_DEQUANT; op <= WEFT_EPILOGUE_SILU; op++)
        ck_assert_uint_ge(weft__pe_epilogue_ps(&rates, (weft_epilogue_op)op, 1), 1000);
}
END_TEST

START_TEST(a_page_costs_when_it_is_touched)
{
    weft__pe_rates rates = rates_of("two-sip");
    ck_assert_uint_eq(weft__pe_pages_ps(&rates, 0, 1 << 23), 0);
    rates.tlb_ps = 300;
    ck_assert_uint_eq(weft__pe_pages_ps(&rates, 0, 1 << 21), 300);
    ck_assert_uint_eq(weft__pe_pages_ps(&rates, 1, 1 << 21), 600);
    ck_assert_uint_eq(weft__pe_pages_ps(&rates, (1 << 21) - 1, 1), 300);
}
END_TEST

START_TEST(everything_has_a_name_of_its_own)
{
    const char *names[WEFT__PE_ACTIVITIES + WEFT__STAGE_KINDS];
    size_t count = 0;
    for (int i = 0; i < (int)WEFT__PE_ACTIVITIES; i++)
        names[count++] = weft__pe_activity_name((weft__pe_activity)i);
    for (int i = 0; i < (int)WEFT__STAGE_KINDS; i++)
        names[count++] = weft__pe_engine_name((weft__stage_kind)i);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(names[i], names[j]);
}
END_TEST

/* ---- plans ---- */

static weft__plan product(uint64_t m, uint64_t k, uint64_t n, uint32_t element_bytes)
{
    return (weft__plan){
        .kind = WEFT__PLAN_GEMM,
        .op = WEFT_COMMAND_GEMM,
        .dtype = element_bytes == 2 ? WEFT_F16 : WEFT_F32,
        .m = m,
        .k = k,
        .n = n,
        .input_count = 2,
        .inputs =
            {{.element_bytes = element_bytes, .elements = m * k, .row_stride = k, .stride = 1},
             {.is_remote = true, .element_bytes = element_bytes, .elements = k * n, .row_stride = n, .stride = 1}},
        .output = {.is_remote = true, .element_bytes = element_bytes, .elements = m * n}};
}

static void assert_stage(const weft__stages *stages, uint32_t index, weft__stage_kind kind, uint64_t bytes, uint64_t ps)
{
    ck_assert_uint_lt(index, stages->count);
    ck_assert_str_eq(weft__pe_engine_name(stages->at[index].kind), weft__pe_engine_name(kind));
    ck_assert_uint_eq(stages->at[index].bytes, bytes);
    ck_assert_uint_eq(stages->at[index].ps, ps);
}

START_TEST(a_product_is_cut_along_k_first)
{
    weft__pe_rates rates = rates_of("two-sip");
    weft__plan plan = product(40, 100, 33, 2);
    ck_assert_uint_eq(weft__plan_tiles(&plan, &rates), 2 * 2 * 2);
    weft__stages stages;
    weft__plan_stages(&plan, &rates, 0, &stages);
    ck_assert_uint_eq(stages.count, 3);
    assert_stage(&stages, 0, WEFT__STAGE_DMA_READ, 64 * 32 * 2, 0);
    ck_assert_uint_eq(stages.at[0].operand, 1);
    ck_assert_uint_eq(stages.at[0].offset_bytes, 0);
    assert_stage(&stages, 1, WEFT__STAGE_FETCH, 32 * 64 * 2 + 64 * 32 * 2, 16000);
    assert_stage(&stages, 2, WEFT__STAGE_GEMM, 0, 16000);
    /* The rest of k: 36 rows of b, and the output. */
    weft__plan_stages(&plan, &rates, 1, &stages);
    ck_assert_uint_eq(stages.count, 5);
    assert_stage(&stages, 0, WEFT__STAGE_DMA_READ, 36 * 32 * 2, 0);
    ck_assert_uint_eq(stages.at[0].offset_bytes, 64 * 33 * 2);
    assert_stage(&stages, 2, WEFT__STAGE_GEMM, 0, 9000);
    assert_stage(&stages, 3, WEFT__STAGE_STORE, 32 * 32 * 2, 4000);
    assert_stage(&stages, 4, WEFT__STAGE_DMA_WRITE, 32 * 32 * 2, 0);
    /* The last: 8 rows, 1 column. */
    weft__plan_stages(&plan, &rates, 7, &stages);
    assert_stage(&stages, 0, WEFT__STAGE_DMA_READ, 36 * 2, 0);
    ck_assert_uint_eq(stages.at[0].offset_bytes, (64 * 33 + 32) * 2);
    ck_assert_uint_eq(stages.at[4].offset_bytes, (32 * 33 + 32) * 2);
    ck_assert_uint_eq(stages.at[4].bytes, 8 * 2);
}
END_TEST

START_TEST(steps_follow_their_scope)
{
    weft__pe_rates rates = rates_of("two-sip");
    weft__plan plan = product(32, 128, 64, 2);
    plan.step_count = 3;
    plan.steps[0] = (weft__plan_step){WEFT_EPILOGUE_DEQUANT, WEFT_SCOPE_K_TILE, 4, 1, 64};
    plan.steps[1] = (weft__plan_step){WEFT_EPILOGUE_BIAS, WEFT_SCOPE_OUTPUT_TILE, 2, 1, 64};
    plan.steps[2] = (weft__plan_step){WEFT_EPILOGUE_RELU, WEFT_SCOPE_KERNEL, 0, 0, 0};
    ck_assert_uint_eq(weft__plan_tiles(&plan, &rates), 4 + 1);
    weft__stages stages;
    weft__plan_stages(&plan, &rates, 0, &stages);
    ck_assert_uint_eq(stages.count, 4);
    assert_stage(&stages, 1, WEFT__STAGE_FETCH, 8192 + 32 * 4, 16250);
    assert_stage(&stages, 3, WEFT__STAGE_MATH, 0, 16000);
    weft__plan_stages(&plan, &rates, 1, &stages);
    ck_assert_uint_eq(stages.count, 6);
    assert_stage(&stages, 1, WEFT__STAGE_FETCH, 8192 + 32 * 4 + 32 * 2, 16375);
    assert_stage(&stages, 3, WEFT__STAGE_MATH, 0, 32000);
    ck_assert(!weft__plan_is_last_pass(&plan, &rates, 3));
    ck_assert(weft__plan_is_last_pass(&plan, &rates, 4));
    weft__plan_stages(&plan, &rates, 4, &stages);
    ck_assert_uint_eq(stages.count, 5);
    assert_stage(&stages, 0, WEFT__STAGE_DMA_READ, 32 * 64 * 2, 0);
    ck_assert_uint_eq(stages.at[0].operand, WEFT__PLAN_OUTPUT);
    assert_stage(&stages, 2, WEFT__STAGE_MATH, 0, 32000);
    assert_stage(&stages, 4, WEFT__STAGE_DMA_WRITE, 32 * 64 * 2, 0);
}
END_TEST

/* Sums over all tiles, and the engines that they pass. */
typedef struct plan_sums {
    uint64_t bytes[WEFT__STAGE_KINDS];
    uint32_t engines;
} plan_sums;

static plan_sums sum_stages(const weft__plan *plan, const weft__pe_rates *rates)
{
    plan_sums sums = {0};
    for (uint64_t tile = 0; tile < weft__plan_tiles(plan, rates); tile++) {
        weft__stages stages;
        weft__plan_stages(plan, rates, tile, &stages);
        ck_assert_uint_le(stages.count, WEFT__STAGES_MAX);
        for (uint32_t i = 0; i < stages.count; i++) {
            sums.bytes[stages.at[i].kind] += stages.at[i].bytes;
            sums.engines |= 1u << stages.at[i].kind;
        }
    }
    return sums;
}

START_TEST(tiles_move_each_byte_as_often_as_they_must)
{
    weft__pe_rates rates = rates_of("two-sip");
    weft__rng rng;
    weft__rng_init(&rng, 41);
    for (int round = 0; round < 300; round++) {
        uint64_t m = 1 + weft__rng_below(&rng, 100), k = 1 + weft__rng_below(&rng, 200),
                 n = 1 + weft__rng_below(&rng, 100);
        weft__plan plan = product(m, k, n, weft__rng_below(&rng, 2) ? 2 : 4);
        plan.inputs[0].is_remote = weft__rng_below(&rng, 2);
        plan.output.is_remote = weft__rng_below(&rng, 2);
        plan_sums sums = sum_stages(&plan, &rates);
        uint64_t each = plan.output.element_bytes, m_tiles = (m + 31) / 32, n_tiles = (n + 31) / 32;
        uint64_t a = m * k * n_tiles * each, b = k * n * m_tiles * each;
        ck_assert_uint_eq(sums.bytes[WEFT__STAGE_FETCH], a + b);
        ck_assert_uint_eq(sums.bytes[WEFT__STAGE_DMA_READ], b + (plan.inputs[0].is_remote ? a : 0));
        ck_assert_uint_eq(sums.bytes[WEFT__STAGE_STORE], m * n * each);
        ck_assert_uint_eq(sums.bytes[WEFT__STAGE_DMA_WRITE], plan.output.is_remote ? m * n * each : 0);
        ck_assert_uint_eq(sums.engines, weft__plan_engines(&plan));
    }
}
END_TEST

START_TEST(operations_on_elements_share_out_their_operands)
{
    weft__pe_rates rates = rates_of("two-sip");
    weft__rng rng;
    weft__rng_init(&rng, 42);
    for (int round = 0; round < 300; round++) {
        uint64_t most = 1 + weft__rng_below(&rng, 5000);
        weft__plan plan = {.kind = WEFT__PLAN_MATH, .op = WEFT_COMMAND_FMA, .elements = most, .input_count = 3};
        uint64_t bytes = 0, remote = 0;
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t elements = i == 0 ? most : 1 + weft__rng_below(&rng, most);
            bool is_remote = elements == most && weft__rng_below(&rng, 2);
            plan.inputs[i] = (weft__plan_tensor){.is_remote = is_remote, .element_bytes = 4, .elements = elements};
            bytes += 4 * elements;
            remote += is_remote ? 4 * elements : 0;
        }
        plan.output = (weft__plan_tensor){.element_bytes = 2, .elements = 1 + weft__rng_below(&rng, most)};
        plan_sums sums = sum_stages(&plan, &rates);
        ck_assert_uint_eq(weft__plan_tiles(&plan, &rates), (most + 1023) / 1024);
        ck_assert_uint_eq(sums.bytes[WEFT__STAGE_FETCH], bytes);
        ck_assert_uint_eq(sums.bytes[WEFT__STAGE_DMA_READ], remote);
        ck_assert_uint_eq(sums.bytes[WEFT__STAGE_STORE], 2 * plan.output.elements);
        ck_assert_uint_eq(sums.engines, weft__plan_engines(&plan));
    }
}
END_TEST

/* ---- a streamed product ---- */

/* figures.csv, gemm_stream: 32 x 3072 x 32 of f16, a in the TCM, b from HBM in 48 tiles along k of 4096 bytes. */
#define STREAM_PUBLISHED_NS 992.0
#define STREAM_WITH_LOAD_NS 1765.0

typedef struct stream_work {
    uint64_t a, b, out;
    weft_sim *sim;
    weft__time begin, loaded, end;
} stream_work;

static void stream_kernel(weft_tile *tl, const void *arguments)
{
    stream_work *it = (stream_work *)(uintptr_t)arguments;
    it->begin = weft__sim_now(it->sim);
    tl_tensor a = tl_load(tl, it->a, weft_shape_2d(32, 3072), WEFT_F16);
    it->loaded = weft__sim_now(it->sim);
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = a,
                                          .b = tl_ref(tl, it->b, weft_shape_2d(3072, 32), WEFT_F16),
                                          .out = it->out,
                                          .dtype = WEFT_F16};
    tl_wait(tl, tl_composite(tl, &request));
    it->end = weft__sim_now(it->sim);
}

static stream_work run_stream(const char *machine, const char *const *settings, weft__flit_mode mode)
{
    tile_bench it;
    open_tile_bench_in(&it, machine, settings, mode);
    stream_work job = {.a = address_in(&it, WEFT__REGION_HBM, 0, 0, 0),
                       .b = address_in(&it, WEFT__REGION_HBM, 0, 0, 1 << 20),
                       .out = address_in(&it, WEFT__REGION_HBM, 0, 0, 2 << 20),
                       .sim = it.base.sim};
    (void)run_kernel(&it, stream_kernel, &job, 1);
    close_tile_bench(&it);
    return job;
}

START_TEST(a_streamed_product_takes_what_was_published)
{
    static const char *const machines[] = {"two-sip", "six-sip-torus"};
    for (size_t i = 0; i < 4; i++) {
        stream_work job = run_stream(machines[i / 2], NULL, i % 2 ? WEFT__FLITS_EACH : WEFT__FLITS_TRAINS);
        WEFT_TEST_ASSERT_CLOSE((double)(job.end - job.loaded) / 1000, STREAM_PUBLISHED_NS, 0, 0.01);
        WEFT_TEST_ASSERT_CLOSE((double)(job.end - job.begin) / 1000, STREAM_WITH_LOAD_NS, 0, 0.01);
    }
}
END_TEST

/* The table of docs/fabric.md. */
START_TEST(what_the_time_of_a_streamed_product_comes_from)
{
    static const struct {
        const char *settings[7];
        uint64_t ps;
    } rows[] = {
        {{"pe.dma.outstanding", "1", "cube.hbm.row_flits", "0"}, 1496916},
        {{"pe.dma.outstanding", "1"}, 1457892},
        {{"pe.dma.outstanding", "1", "cube.hbm.open_ns", "0"}, 1445884},
        {{"cube.hbm.row_flits", "0"}, 1496916},
        {{"cube.hbm.row_flits", "4"}, 1160916},
        {{NULL}, 992916},
        {{"pe.dma.outstanding", "8"}, 992916},
        {{"pe.dma.outstanding", "1", "pe.dma.channels", "2"}, 992916},
        {{"cube.hbm.row_flits", "16"}, 908916},
        {{"cube.hbm.open_ns", "0"}, 838832},
        {{"pe.scheduler.tiles", "3"}, 1147908},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stream_work job = run_stream("two-sip", rows[i].settings, WEFT__FLITS_TRAINS);
        ck_assert_msg(job.end - job.loaded == rows[i].ps, "row %zu takes %" PRIu64 " ps", i, job.end - job.loaded);
    }
}
END_TEST

/* ---- tiles that a channel moves at once ---- */

/* Two composite commands one behind the other, each with reads of its own and no more than their bytes. */
static void two_streams_kernel(weft_tile *tl, const void *arguments)
{
    const stream_work *it = arguments;
    for (uint64_t i = 0; i < 2; i++) {
        const tl_composite_request request = {.op = WEFT_COMMAND_NEG,
                                              .a = tl_ref(tl, it->a + (i << 16), weft_shape_1d(4096), WEFT_F16),
                                              .out = it->out + (i << 16),
                                              .dtype = WEFT_F16};
        (void)tl_composite(tl, &request);
    }
}

/* Tiles that a DMA engine serves, by the command that they are of. */
typedef struct served_tiles {
    weft__pe_recorder recorder;
    weft__pe *pe;
    uint64_t most_tiles, most_commands;
} served_tiles;

static void note_read(void *context, weft__command *command, uint32_t operand, uint64_t tile)
{
    (void)command, (void)operand, (void)tile;
    served_tiles *it = context;
    const weft__pe_engine *engine = &it->pe->engines[WEFT__STAGE_DMA_READ];
    uint64_t commands = 0;
    for (const weft__command *other = it->pe->composites; other; other = other->next)
        commands += other->serving[WEFT__STAGE_DMA_READ] > 0;
    it->most_tiles = engine->serving > it->most_tiles ? engine->serving : it->most_tiles;
    it->most_commands = commands > it->most_commands ? commands : it->most_commands;
    ck_assert_uint_le(engine->held, engine->channels);
    ck_assert_uint_le(it->pe->engines[WEFT__STAGE_DMA_WRITE].serving, engine->channels);
}

static served_tiles serve_streams(const char *channels, const char *outstanding)
{
    tile_bench it;
    const char *settings[] = {"pe.dma.channels", channels, "pe.dma.outstanding", outstanding, NULL, NULL};
    open_tile_bench(&it, "two-sip", settings);
    served_tiles seen = {.recorder = {.reads = note_read}, .pe = weft__pe_at(it.pes, 0)};
    seen.recorder.context = &seen;
    weft__pes_record(it.pes, &seen.recorder);
    stream_work job = {.a = address_in(&it, WEFT__REGION_HBM, 0, 0, 0),
                       .out = address_in(&it, WEFT__REGION_HBM, 0, 0, 2 << 20)};
    (void)run_kernel(&it, two_streams_kernel, &job, 1);
    ck_assert_uint_eq(seen.pe->engines[WEFT__STAGE_DMA_READ].held, 0);
    close_tile_bench(&it);
    return seen;
}

START_TEST(a_channel_serves_tiles_of_one_command)
{
    static const struct {
        const char *channels, *outstanding;
        uint64_t tiles, commands;
    } rows[] = {{"1", "1", 1, 1}, {"1", "2", 2, 1}, {"1", "3", 3, 1}, {"2", "1", 2, 2}, {"2", "3", 6, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        served_tiles seen = serve_streams(rows[i].channels, rows[i].outstanding);
        ck_assert_uint_le(seen.most_tiles, rows[i].tiles);
        ck_assert_uint_ge(seen.most_tiles, rows[i].tiles > 4 ? 4 : rows[i].tiles);
        ck_assert_uint_eq(seen.most_commands, rows[i].commands);
    }
}
END_TEST

/* ---- banks of the TCM ---- */

/* 16 banks of 64 bytes make a round of 1 KiB. At 512 bytes in 1 ns a bank gives a line in 2 ns. */
static const char *const with_banks[] = {"pe.tcm.banks", "16", NULL, NULL};
static const char *const with_few_banks[] = {"pe.tcm.banks", "4", "pe.tcm.bank_bytes", "32", NULL, NULL};

/* A part of a matrix of f16 in the TCM. */
typedef struct matrix_part {
    uint64_t pitch; /* columns of the matrix */
    uint64_t rows, columns;
    bool is_transposed;
} matrix_part;

typedef struct strided_work {
    uint64_t tcm;
    matrix_part a, b;
} strided_work;

static tl_tensor part_at(weft_tile *tl, uint64_t address, const matrix_part *part)
{
    tl_tensor whole = tl_ref(tl, address, weft_shape_2d(part->rows, part->pitch), WEFT_F16);
    tl_tensor cut = tl_slice(tl, whole, 1, 0, part->columns);
    return part->is_transposed ? tl_trans(tl, cut) : cut;
}

static void exp_of_part_kernel(weft_tile *tl, const void *arguments)
{
    const strided_work *it = arguments;
    (void)tl_exp(tl, part_at(tl, it->tcm, &it->a));
}

static void dot_of_parts_kernel(weft_tile *tl, const void *arguments)
{
    const strided_work *it = arguments;
    (void)tl_dot(tl, part_at(tl, it->tcm, &it->a), part_at(tl, it->tcm, &it->b));
}

/* What the fetches of a kernel take. */
static uint64_t fetch_ns(const char *const *settings, weft_tile_kernel *kernel, const matrix_part *a,
                         const matrix_part *b)
{
    tile_bench it;
    open_tile_bench(&it, "two-sip", settings);
    const strided_work job = {address_in(&it, WEFT__REGION_TCM, 0, 0, 0), *a, b ? *b : (matrix_part){0}};
    weft__kernel_report report = run_kernel(&it, kernel, &job, 1);
    close_tile_bench(&it);
    uint64_t ps = report.times.engines[WEFT__STAGE_FETCH].busy_ps;
    ck_assert_uint_eq(ps % 1000, 0);
    return ps / 1000;
}

START_TEST(gaps_cost_where_they_meet_few_banks)
{
    static const struct {
        matrix_part part;
        uint64_t ns, without_ns;
    } rows[] = {
        /* Contiguous, in two tiles. */
        {{64, 32, 64, false}, 8, 8},
        /* Rows of two lines, all in the same two banks: 16 * 2 lines, one bank has half of them. */
        {{512, 16, 64, false}, 32, 4},
        /* One more line between rows, and they are spread over all banks. */
        {{544, 16, 64, false}, 4, 4},
        /* Single elements, of 1024 rows in every other bank: 128 lines from each of eight. */
        {{64, 1024, 1, false}, 256, 4},
        /* 16 bytes apart, so that a line has four of them: 256 lines from 16 banks. */
        {{8, 1024, 1, false}, 32, 4},
        /* Turned: a tile is 32 pieces of a line, in every other bank; two tiles. */
        {{64, 32, 64, true}, 16, 8},
        /* Rows that are no multiple of a tile: 22 rows and 19 rows, of two lines in two banks. */
        {{512, 40, 48, false}, 44 + 38, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_uint_eq(fetch_ns(with_banks, exp_of_part_kernel, &rows[i].part, NULL), rows[i].ns);
        if (rows[i].without_ns)
            ck_assert_uint_eq(fetch_ns(NULL, exp_of_part_kernel, &rows[i].part, NULL), rows[i].without_ns);
    }
    /* Four banks of 32 bytes are all met by a row of 128 bytes. */
    ck_assert_uint_eq(fetch_ns(with_few_banks, exp_of_part_kernel, &rows[1].part, NULL), 4);
    /* Of a turned tile two of them, by two lines of each piece: 32 * 2 lines, twice. */
    ck_assert_uint_eq(fetch_ns(with_few_banks, exp_of_part_kernel, &rows[5].part, NULL), 16);
}
END_TEST

START_TEST(operands_of_products_meet_banks_tile_by_tile)
{
    const matrix_part whole = {64, 32, 64, false}, cut = {512, 32, 64, false}, right = {32, 64, 32, false};
    const matrix_part turned = {64, 32, 64, true}, wide = {128, 32, 128, false}, wide_turned = {128, 32, 128, true};
    /* 4 KiB from each, contiguous. */
    ck_assert_uint_eq(fetch_ns(with_banks, dot_of_parts_kernel, &whole, &right), 16);
    /* 32 rows of two lines in two banks. */
    ck_assert_uint_eq(fetch_ns(with_banks, dot_of_parts_kernel, &cut, &right), 64 + 8);
    /* All columns of a turned matrix lie one behind the other: a tile of it has no gaps. */
    ck_assert_uint_eq(fetch_ns(with_banks, dot_of_parts_kernel, &whole, &turned), 16);
    /* Half of each column: 32 pieces of two lines in eight banks, for two tiles along k. */
    ck_assert_uint_eq(fetch_ns(with_banks, dot_of_parts_kernel, &wide, &wide_turned), 2 * (8 + 16));
    ck_assert_uint_eq(fetch_ns(NULL, dot_of_parts_kernel, &wide, &wide_turned), 2 * (8 + 8));
}
END_TEST

/* The lines of a bank, counted one by one. */
static uint64_t busiest_bank(const weft__pe_rates *rates, uint64_t runs, uint64_t run_bytes, uint64_t pitch_bytes)
{
    uint64_t lines[64] = {0}, most = 0;
    for (uint64_t run = 0; run < runs; run++)
        for (uint64_t at = 0; at < run_bytes; at += rates->bank_bytes)
            lines[(run * pitch_bytes + at) / rates->bank_bytes % rates->banks]++;
    for (size_t i = 0; i < 64; i++)
        most = lines[i] > most ? lines[i] : most;
    return most;
}

START_TEST(the_closed_form_counts_the_lines_of_banks)
{
    weft__pe_rates rates = rates_of("two-sip");
    weft__rng rng;
    weft__rng_init(&rng, 43);
    for (int round = 0; round < 2000; round++) {
        rates.banks = UINT64_C(1) << weft__rng_below(&rng, 7);
        rates.bank_bytes = UINT64_C(1) << weft__rng_below(&rng, 9);
        uint64_t line = rates.bank_bytes, run = 1 + weft__rng_below(&rng, 4 * line);
        uint64_t pitch = (run + line - 1) / line * line + line * (1 + weft__rng_below(&rng, 50));
        /* A round of banks as often as the pattern needs to come back to its first. */
        uint64_t runs = rates.banks * (1 + weft__rng_below(&rng, 5));
        uint64_t lines = busiest_bank(&rates, runs, run, pitch);
        uint64_t ps = weft__pe_read_runs_ps(&rates, runs, run, pitch);
        if (runs > 1)
            ck_assert_uint_eq(ps, weft__pe_read_ps(&rates, lines * rates.banks * line));
        ck_assert_uint_ge(ps, weft__pe_read_ps(&rates, runs * run));
    }
}
END_TEST

WEFT_TEST_MAIN("pe", times_follow_from_the_machine_file, every_operation_takes_time, a_page_costs_when_it_is_touched,
               everything_has_a_name_of_its_own, a_product_is_cut_along_k_first, steps_follow_their_scope,
               tiles_move_each_byte_as_often_as_they_must, operations_on_elements_share_out_their_operands,
               a_streamed_product_takes_what_was_published, what_the_time_of_a_streamed_product_comes_from,
               a_channel_serves_tiles_of_one_command, gaps_cost_where_they_meet_few_banks,
               operands_of_products_meet_banks_tile_by_tile, the_closed_form_counts_the_lines_of_banks)
