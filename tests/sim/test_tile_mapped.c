/* Virtual addresses: where they lead, what moves there, and what is wrong with some. */
#include "mapping_bench.h"

#include <inttypes.h>
#include <string.h>

#include "base/rng.h"
#include "support/failing_malloc.h"
#include "support/sentence.h"

static uint64_t hazards_of(const simulation_bench *it)
{
    weft_simulation_statistics statistics;
    weft_simulation_get_statistics(it->simulation, &statistics);
    return statistics.hazards;
}

/* ---- shards of 128 bytes ---- */

#define ROWS 8u
#define COLUMNS 32u

typedef struct shard_work {
    weft_placed_tensor *rows, *out;
    uint64_t *whole_ps, *own_ps, *own_physical_ps; /* of PE 0 */
} shard_work;

/* The whole tensor in one piece, and the row of the PE alone, by both of its names. */
static void shard_kernel(weft_tile *tl, const void *arguments)
{
    const shard_work *it = arguments;
    uint32_t pe = tl_program_id(tl, TL_AXIS_PE);
    tl_tensor all = tl_ref(tl, VA, weft_shape_2d(ROWS, COLUMNS), WEFT_F32);
    ck_assert_int_eq(all.space, TL_REMOTE);
    if (pe != 0)
        return;
    uint64_t begin = tl_now_ps(tl);
    (void)tl_load_tensor(tl, tl_slice(tl, all, 0, pe, 1));
    *it->own_ps = tl_now_ps(tl) - begin;
    begin = tl_now_ps(tl);
    (void)tl_load_tensor(tl, tl_shard(tl, it->rows));
    *it->own_physical_ps = tl_now_ps(tl) - begin;
    begin = tl_now_ps(tl);
    tl_tensor loaded = tl_load_tensor(tl, all);
    *it->whole_ps = tl_now_ps(tl) - begin;
    ck_assert_uint_ne(loaded.value, 0);
    tl_store_tensor(tl, tl_shard(tl, it->out), tl_add(tl, loaded, loaded));
}

/* They share a page, and neither takes another's place: every one is found where it lies. */
START_TEST(many_shards_share_a_page)
{
    static const char *const settings[] = {"pe.mmu.page_kib", "4", "pe.mmu.tlb_ns", "100", NULL};
    static const uint32_t orders[][ROWS] = {{0, 1, 2, 3, 4, 5, 6, 7}, {7, 3, 0, 1, 6, 2, 5, 4}};
    static float out[ROWS * COLUMNS];
    float *data = numbers(ROWS * COLUMNS, 1);
    for (size_t order = 0; order < 2; order++) {
        uint64_t whole_ps, own_ps, own_physical_ps;
        simulation_bench it = open_simulation("two-sip", settings, NULL);
        const weft_pe_set cube = {.sips = 1, .cubes = 1}, first = {.sips = 1, .cubes = 1, .pes = 1};
        shard_work work = {make_tensor(&it, WEFT_F32, weft_shape_2d(ROWS, COLUMNS),
                                       (weft_placement){cube, .over_pes = WEFT_SPLIT_ROWS}),
                           make_tensor(&it, WEFT_F32, weft_shape_2d(ROWS, COLUMNS),
                                       (weft_placement){first, .over_pes = WEFT_REPLICATE}),
                           &whole_ps, &own_ps, &own_physical_ps};
        set_tensor(work.rows, data, sizeof out);
        for (uint32_t i = 0; i < ROWS; i++) {
            uint32_t row = orders[order][i];
            map(&it, &cube, VA + row * 128, shard_address(work.rows, row), 128);
        }
        (void)run_launch(&it, &(weft_launch_options){.kernel = shard_kernel, .arguments = &work, .pes = cube});
        get_tensor(work.out, out, sizeof out);
        for (uint32_t i = 0; i < ROWS * COLUMNS; i++)
            if (out[i] != 2 * data[i])
                ck_abort_msg("Element %u is %g instead of %g.", i, (double)out[i], 2 * (double)data[i]);
        /* A row is its own page, as far as look-ups go, and lies as near as it does by its physical address. */
        ck_assert_uint_eq(own_ps, own_physical_ps);
        ck_assert_uint_gt(whole_ps, ROWS * 100000);
        ck_assert_uint_eq(hazards_of(&it), 0);
        weft_placed_tensor_destroy(work.rows);
        weft_placed_tensor_destroy(work.out);
        close_simulation(&it);
    }
    free(data);
}
END_TEST

/* ---- numbers ---- */

#define BYTES 4096u

/* A space of bytes that lies in pieces all over the place, and what is done to it. */
typedef struct random_work {
    uint64_t seed;
    weft_placed_tensor *source, *out;
    unsigned char *plain; /* what should be there */
} random_work;

/* To the space from a tensor, or back. */
static void move_space(weft_tile *tl, uint64_t from, uint64_t to)
{
    for (uint64_t at = 0; at < BYTES; at += 512) {
        uint64_t mark = tl_mark(tl);
        tl_store(tl, to + at, tl_load(tl, from + at, weft_shape_1d(512), WEFT_U8));
        tl_release(tl, mark);
    }
}

/* Loads a view that begins anywhere, turned or not, and stores it anywhere; elements of 4 bytes may be cut by pieces.
 */
static void move_view(weft_tile *tl, weft__rng *rng, unsigned char *plain)
{
    unsigned char moved[1024];
    bool is_wide = weft__rng_below(rng, 2), is_turned = weft__rng_below(rng, 2), turns_back = weft__rng_below(rng, 2);
    uint64_t each = is_wide ? 4 : 1, rows = 1 + weft__rng_below(rng, 9), columns = 1 + weft__rng_below(rng, 13);
    uint64_t pitch = columns + weft__rng_below(rng, 3) * 5;
    uint64_t from = weft__rng_below(rng, BYTES - rows * pitch * each + 1);
    uint64_t to = weft__rng_below(rng, BYTES - rows * columns * each + 1);
    tl_tensor view = tl_ref(tl, WEFT_VIRTUAL_BEGIN + from, weft_shape_2d(rows, pitch), is_wide ? WEFT_I32 : WEFT_U8);
    view = tl_slice(tl, view, 1, 0, columns);
    tl_tensor loaded = tl_load_tensor(tl, is_turned ? tl_trans(tl, view) : view);
    tl_store(tl, WEFT_VIRTUAL_BEGIN + to, turns_back ? tl_trans(tl, loaded) : loaded);
    for (uint64_t row = 0; row < rows; row++)
        for (uint64_t column = 0; column < columns; column++)
            memcpy(moved + (is_turned != turns_back ? column * rows + row : row * columns + column) * each,
                   plain + from + (row * pitch + column) * each, each);
    memcpy(plain + to, moved, rows * columns * each);
}

static void random_kernel(weft_tile *tl, const void *arguments)
{
    const random_work *it = arguments;
    weft__rng rng;
    weft__rng_init(&rng, it->seed);
    move_space(tl, tl_shard(tl, it->source).address, VA);
    for (int round = 0; round < 40; round++) {
        uint64_t mark = tl_mark(tl);
        move_view(tl, &rng, it->plain);
        tl_release(tl, mark);
    }
    move_space(tl, VA, tl_shard(tl, it->out).address);
}

/* Cuts the space into pieces and maps them to pieces of HBM and SRAM, some of which lie behind one another. */
static void scatter(const simulation_bench *it, weft_placed_tensor *hbm, weft_placed_tensor *sram, weft__rng *rng)
{
    const uint64_t homes[] = {shard_address(hbm, 0), shard_address(hbm, 1), shard_address(sram, 0)};
    uint64_t taken[3] = {0};
    for (uint64_t at = 0, bytes; at < BYTES; at += bytes) {
        bytes = 1 + weft__rng_below(rng, 300);
        bytes = bytes < BYTES - at ? bytes : BYTES - at;
        size_t home = (size_t)weft__rng_below(rng, 3);
        taken[home] += weft__rng_below(rng, 2) * 13;
        map(it, NULL, VA + at, homes[home] + taken[home], bytes);
        taken[home] += bytes;
    }
}

static uint64_t run_random(uint64_t seed, weft_values_mode mode)
{
    static unsigned char plain[BYTES], out[BYTES];
    static const char *const settings[] = {
        "pe.mmu.page_kib", "1", "pe.mmu.tlb_ns", "3", "pe.mmu.tlb_entries", "5", NULL};
    weft__rng rng;
    weft_simulation_statistics statistics;
    weft__rng_init(&rng, ~seed);
    simulation_bench it = open_simulation("tiny", settings, &(weft_simulation_options){.values = mode});
    const weft_pe_set first = {.pes = 1};
    const weft_shape space = weft_shape_1d(BYTES), room = weft_shape_1d(4 * BYTES);
    weft_placed_tensor *hbm = make_tensor(&it, WEFT_U8, room, (weft_placement){.over_pes = WEFT_REPLICATE});
    weft_placed_tensor *sram = make_tensor(&it, WEFT_U8, room, (weft_placement){.pes = first, .home = WEFT_HOME_SRAM});
    random_work work = {seed, make_tensor(&it, WEFT_U8, space, (weft_placement){.pes = first}),
                        make_tensor(&it, WEFT_U8, space, (weft_placement){.pes = first}), plain};
    for (size_t i = 0; i < BYTES; i++)
        plain[i] = (unsigned char)weft__rng_below(&rng, 256);
    set_tensor(work.source, plain, BYTES);
    scatter(&it, hbm, sram, &rng);
    (void)run_launch(&it, &(weft_launch_options){.kernel = random_kernel, .arguments = &work, .pes = first});
    if (mode != WEFT_VALUES_NONE) {
        get_tensor(work.out, out, sizeof out);
        ck_assert_mem_eq(out, plain, sizeof out);
    }
    ck_assert_uint_eq(hazards_of(&it), 0);
    weft_simulation_get_statistics(it.simulation, &statistics);
    weft_placed_tensor_destroy(hbm);
    weft_placed_tensor_destroy(sram);
    weft_placed_tensor_destroy(work.source);
    weft_placed_tensor_destroy(work.out);
    close_simulation(&it);
    return statistics.trace_hash;
}

START_TEST(random_views_of_scattered_memory)
{
    for (uint64_t seed = 1; seed <= 25; seed++) {
        uint64_t hash = run_random(seed, WEFT_VALUES_LAZY);
        ck_assert_uint_eq(run_random(seed, WEFT_VALUES_EAGER), hash);
        ck_assert_uint_eq(run_random(seed, WEFT_VALUES_NONE), hash);
    }
}
END_TEST

/* c = a b, of which a, b and c are mapped, each in two mappings that lie behind one another; half of b's rows only. */
static void composite_kernel(weft_tile *tl, const void *arguments)
{
    const uint64_t *own_tcm = arguments;
    const tl_composite_request request = {
        .op = WEFT_COMMAND_GEMM,
        .a = tl_ref(tl, VA, weft_shape_2d(40, 64), WEFT_F32),
        .b = tl_slice(tl, tl_ref(tl, VA + 0x10000, weft_shape_2d(128, 48), WEFT_F32), 0, 64, 64),
        .out = VA + 0x20000,
        .dtype = WEFT_F32};
    tl_wait(tl, tl_composite(tl, &request));
    /* In the PE's own memory a mapped address is as good as a physical one. */
    tl_tensor own = tl_ref(tl, VA + 0x30000, weft_shape_1d(16), WEFT_F32);
    ck_assert_int_eq(own.space, TL_TCM);
    ck_assert_uint_eq(own.address, *own_tcm + 4096);
    tl_copy(tl, own, tl_full(tl, weft_shape_1d(16), WEFT_F32, 3));
    tl_store(tl, VA + 0x40000, tl_add(tl, own, own));
}

START_TEST(composite_commands_take_mapped_addresses)
{
    static const char *const settings[] = {"pe.scratch_kib", "2", NULL};
    static float c[40 * 48], own[16];
    simulation_bench it = open_simulation("tiny", settings, NULL);
    const weft_placement first = {.pes = {.pes = 1}};
    weft_placed_tensor *a = make_tensor(&it, WEFT_F32, weft_shape_2d(40, 64), first);
    weft_placed_tensor *b = make_tensor(&it, WEFT_F32, weft_shape_2d(128, 48), first);
    weft_placed_tensor *out = make_tensor(&it, WEFT_F32, weft_shape_2d(40, 48), first);
    weft_placed_tensor *more = make_tensor(&it, WEFT_F32, weft_shape_1d(16), first);
    float *left = numbers(40 * 64, 1), *right = numbers(128 * 48, 2);
    uint64_t own_tcm = UINT64_C(1) << 40; /* of the first PE */
    set_tensor(a, left, 40 * 64 * 4);
    set_tensor(b, right, 128 * 48 * 4);
    map(&it, NULL, VA + 1001, shard_address(a, 0) + 1001, 40 * 64 * 4 - 1001);
    map(&it, NULL, VA, shard_address(a, 0), 1001);
    map(&it, NULL, VA + 0x10000, shard_address(b, 0), 64 * 48 * 4);
    map(&it, NULL, VA + 0x10000 + 64 * 48 * 4, shard_address(b, 0) + 64 * 48 * 4, 64 * 48 * 4);
    map(&it, NULL, VA + 0x20000, shard_address(out, 0), 40 * 48 * 4);
    map(&it, NULL, VA + 0x30000, own_tcm + 4096, 64);
    map(&it, NULL, VA + 0x40000, shard_address(more, 0), 64);
    (void)run_launch(&it, &(weft_launch_options){.kernel = composite_kernel, .arguments = &own_tcm, .pes = first.pes});
    get_tensor(out, c, sizeof c);
    for (size_t i = 0; i < 40; i++)
        for (size_t j = 0; j < 48; j++) {
            double sum = 0;
            for (size_t k = 0; k < 64; k++)
                sum += (double)left[i * 64 + k] * (double)right[(64 + k) * 48 + j];
            WEFT_TEST_ASSERT_CLOSE((double)c[i * 48 + j], sum, 0, 1e-5);
        }
    get_tensor(more, own, sizeof own);
    for (size_t i = 0; i < 16; i++)
        ck_assert(own[i] == 6);
    weft_placed_tensor_destroy(a);
    weft_placed_tensor_destroy(b);
    weft_placed_tensor_destroy(out);
    weft_placed_tensor_destroy(more);
    free(left);
    free(right);
    close_simulation(&it);
}
END_TEST

/* ---- what is under way ---- */

typedef struct joined_work {
    uint64_t source, out;
    bool is_wrong;
} joined_work;

/* A tensor that came in several transfers is one value: it is noticed if something else takes its place. */
static void joined_kernel(weft_tile *tl, const void *arguments)
{
    const joined_work *it = arguments;
    uint64_t mark = tl_mark(tl);
    tl_tensor loaded = tl_load(tl, VA, weft_shape_1d(64), WEFT_F32);
    if (it->is_wrong) {
        tl_release(tl, mark);
        (void)tl_load(tl, it->source, weft_shape_1d(64), WEFT_F32);
    }
    tl_store(tl, it->out, loaded);
}

/* The last of them is in the other slice of the HBM, just as far from its beginning as it would be in the first. */
START_TEST(a_load_of_several_places_gives_one_value)
{
    static float out[64];
    float *data = numbers(2 * 128, 5);
    for (int wrong = 0; wrong < 2; wrong++) {
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        const weft_placement first = {.pes = {.pes = 1}};
        weft_placed_tensor *a =
            make_tensor(&it, WEFT_F32, weft_shape_1d(2 * 128), (weft_placement){.over_pes = WEFT_SPLIT_ROWS});
        weft_placed_tensor *b = make_tensor(&it, WEFT_F32, weft_shape_1d(64), first);
        set_tensor(a, data, 2 * 128 * sizeof *data);
        map(&it, NULL, VA, shard_address(a, 0), 100);
        map(&it, NULL, VA + 100, shard_address(a, 0) + 128, 100);
        map(&it, NULL, VA + 200, shard_address(a, 1) + 228, 56);
        const joined_work work = {shard_address(a, 0), shard_address(b, 0), wrong};
        const weft_launch_options options = {.kernel = joined_kernel, .arguments = &work, .pes = first.pes};
        if (wrong) {
            weft_error err = fail_launch(&it, &options);
            WEFT_TEST_ASSERT_FAILS(err.code, err, WEFT_HAZARD, "tl_store", "is not what it was when it was made",
                                   "(tl_load)", NULL);
        } else {
            (void)run_launch(&it, &options);
            get_tensor(b, out, sizeof out);
            ck_assert_mem_eq(out, data, 100);
            ck_assert_mem_eq((char *)out + 100, (char *)data + 128, 100);
            ck_assert_mem_eq((char *)out + 200, (char *)(data + 128) + 228, 56);
        }
        weft_placed_tensor_destroy(a);
        weft_placed_tensor_destroy(b);
        close_simulation(&it);
    }
    free(data);
}
END_TEST

/* ---- mistakes ---- */

/* The mappings that mistakes are made with: 100 bytes, as many behind them that lie elsewhere, and of the own memory.
 */
#define HBM UINT64_C(0)
#define TCM (UINT64_C(1) << 40)

static tl_tensor few(weft_tile *tl, uint64_t elements)
{
    return tl_full(tl, weft_shape_1d(elements), WEFT_U8, 1);
}

static void compose(weft_tile *tl, uint64_t from, uint64_t to)
{
    const tl_composite_request request = {
        .op = WEFT_COMMAND_RELU, .a = tl_ref(tl, from, weft_shape_1d(200), WEFT_U8), .out = to, .dtype = WEFT_U8};
    (void)tl_composite(tl, &request);
}

#define MISTAKE(name, text)                                                                                            \
    static void name(weft_tile *tl, const void *arguments)                                                             \
    {                                                                                                                  \
        (void)arguments;                                                                                               \
        text;                                                                                                          \
    }

MISTAKE(loads_what_is_not_mapped, (void)tl_load(tl, VA + 300, weft_shape_1d(4), WEFT_U8))
MISTAKE(loads_before_what_is_mapped, (void)tl_load(tl, VA - 4, weft_shape_1d(8), WEFT_U8))
MISTAKE(loads_past_the_end, (void)tl_load(tl, VA + 150, weft_shape_1d(51), WEFT_U8))
MISTAKE(loads_over_a_gap, (void)tl_load(tl, VA + 3000, weft_shape_1d(201), WEFT_U8))
MISTAKE(names_past_the_end, (void)tl_ref(tl, VA + 150, weft_shape_1d(51), WEFT_U8))
MISTAKE(names_nothing, (void)tl_ref(tl, WEFT_VIRTUAL_END - 4, weft_shape_1d(4), WEFT_U8))
MISTAKE(stores_past_the_end, tl_store(tl, VA + 199, few(tl, 2)))
MISTAKE(loads_its_own, (void)tl_load(tl, VA + 1000, weft_shape_1d(4), WEFT_U8))
MISTAKE(stores_partly_to_its_own, tl_store(tl, VA + 1990, few(tl, 20)))
MISTAKE(composes_of_pieces, compose(tl, VA, HBM))
MISTAKE(composes_to_pieces, compose(tl, HBM, VA))
MISTAKE(composes_past_the_end, compose(tl, HBM, VA + 1))
MISTAKE(turns_what_is_not_mapped,
        (void)tl_load_tensor(tl, tl_trans(tl, tl_slice(tl,
                                                       (tl_tensor){.shape = weft_shape_2d(4, 51),
                                                                   .stride = {51, 1},
                                                                   .dtype = WEFT_U8,
                                                                   .space = TL_REMOTE,
                                                                   .address = VA},
                                                       1, 0, 50))))

static void map_for_mistakes(const simulation_bench *it)
{
    map(it, NULL, VA, HBM, 100);
    map(it, NULL, VA + 100, HBM + 500, 100);
    map(it, NULL, VA + 1000, TCM + 8192, 100);
    map(it, NULL, VA + 1900, HBM + 1000, 100);
    map(it, NULL, VA + 2000, TCM + 9000, 100);
    map(it, NULL, VA + 3000, HBM + 3000, 100);
    map(it, NULL, VA + 3101, HBM + 3100, 100);
}

START_TEST(mistakes_of_kernels)
{
    static const struct mistake {
        weft_tile_kernel *kernel;
        weft_status status;
        const char *call, *what;
    } mistakes[] = {
        {loads_what_is_not_mapped, WEFT_NOT_FOUND, "tl_load:", "virtual address 0x400000000000012c"},
        {loads_before_what_is_mapped, WEFT_OUT_OF_RANGE, "tl_load:", "0x3ffffffffffffffc"},
        {loads_past_the_end, WEFT_OUT_OF_RANGE, "tl_load:",
         "51 bytes at virtual address 0x4000000000000096 go on behind what is mapped: at 0x40000000000000c8"},
        {loads_over_a_gap, WEFT_OUT_OF_RANGE, "tl_load:", "at 0x4000000000000c1c nothing is"},
        {names_past_the_end, WEFT_OUT_OF_RANGE, "tl_ref:", "at 0x40000000000000c8 nothing is"},
        {names_nothing, WEFT_NOT_FOUND, "tl_ref:", "virtual address 0x7ffffffffffffffc"},
        {stores_past_the_end, WEFT_OUT_OF_RANGE, "tl_store:", "2 bytes at virtual address 0x40000000000000c7"},
        {loads_its_own, WEFT_INVALID_ARGUMENT, "tl_load:", "0x40000000000003e8 is in the PE's own memory"},
        {stores_partly_to_its_own, WEFT_INVALID_ARGUMENT, "tl_store:", "0x40000000000007d0 is in the PE's own memory"},
        {composes_of_pieces, WEFT_UNSUPPORTED, "tl_composite:", "200 bytes at virtual address 0x4000000000000000"},
        {composes_to_pieces, WEFT_UNSUPPORTED, "tl_composite:", "lead to several places"},
        {composes_past_the_end, WEFT_OUT_OF_RANGE, "tl_composite:", "at 0x40000000000000c8 nothing is"},
        {turns_what_is_not_mapped, WEFT_NOT_FOUND, "tl_load_tensor:", "virtual address 0x40000000000000c8"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        map_for_mistakes(&it);
        weft_error err =
            fail_launch(&it, &(weft_launch_options){.name = "wrong", .kernel = mistakes[i].kernel, .pes = {.pes = 1}});
        WEFT_TEST_ASSERT_FAILS(err.code, err, mistakes[i].status, "Kernel 'wrong' on sip0.cube0.pe0 at ",
                               mistakes[i].call, mistakes[i].what, " ns, ");
        close_simulation(&it);
    }
}
END_TEST

START_TEST(mistakes_of_the_host)
{
    weft_error err;
    const weft_pe_set second = {.first_pe = 1}, none = {.first_pe = 2};
    simulation_bench it = open_simulation("tiny", NULL, NULL);
    weft_simulation *simulation = it.simulation;
    map(&it, &second, VA + 100, HBM, 50);
#define FAILS_TO_MAP(status, pes, at, address, bytes, a, b)                                                            \
    WEFT_TEST_ASSERT_FAILS(weft_simulation_map(simulation, pes, at, address, bytes, &err), err, status, a, b, NULL,    \
                           NULL)
#define FAILS_TO_UNMAP(status, pes, at, bytes, a, b)                                                                   \
    WEFT_TEST_ASSERT_FAILS(weft_simulation_unmap(simulation, pes, at, bytes, &err), err, status, a, b, NULL, NULL)
    FAILS_TO_MAP(WEFT_INVALID_ARGUMENT, NULL, VA, HBM, 0, "0 bytes", NULL);
    FAILS_TO_MAP(WEFT_OUT_OF_RANGE, NULL, VA - 1, HBM, 4, "0x3fffffffffffffff", NULL);
    FAILS_TO_MAP(WEFT_OUT_OF_RANGE, NULL, WEFT_VIRTUAL_END - 3, HBM, 4, "0x7ffffffffffffffd", NULL);
    FAILS_TO_MAP(WEFT_OUT_OF_RANGE, NULL, VA, UINT64_C(1) << 50, 4, "0x4000000000000", NULL);
    FAILS_TO_MAP(WEFT_OUT_OF_RANGE, NULL, VA, UINT64_C(512) << 30, 4, "mailbox", NULL);
    FAILS_TO_MAP(WEFT_OUT_OF_RANGE, NULL, VA, (UINT64_C(1) << 30) - 1, 2, "0x3fffffff", NULL);
    FAILS_TO_MAP(WEFT_OUT_OF_RANGE, &none, VA, HBM, 4, "PE 2", NULL);
    /* One byte in common is one too many, on whichever PE; and then none of them gets it. */
    FAILS_TO_MAP(WEFT_INVALID_ARGUMENT, NULL, VA + 149, HBM, 9,
                 "0x4000000000000095 to 0x400000000000009d on sip0.cube0.pe1",
                 "0x4000000000000064 to 0x4000000000000095");
    FAILS_TO_MAP(WEFT_INVALID_ARGUMENT, &second, VA + 99, HBM, 2, "overlaps", NULL);
    FAILS_TO_MAP(WEFT_INVALID_ARGUMENT, &second, VA, HBM, 4096, "overlaps", NULL);
    map(&it, NULL, VA + 150, HBM, 9);
    map(&it, NULL, VA + 91, HBM, 9);
    FAILS_TO_UNMAP(WEFT_NOT_FOUND, NULL, VA + 100, 50, "sip0.cube0.pe0", NULL);
    FAILS_TO_UNMAP(WEFT_INVALID_ARGUMENT, &second, VA + 100, 49, "0x4000000000000064 to 0x4000000000000095", NULL);
    FAILS_TO_UNMAP(WEFT_INVALID_ARGUMENT, &second, VA + 99, 51, "0x400000000000005b", NULL);
    FAILS_TO_UNMAP(WEFT_NOT_FOUND, &second, VA + 159, 51, NULL, NULL);
    FAILS_TO_UNMAP(WEFT_INVALID_ARGUMENT, NULL, VA, 0, "0 bytes", NULL);
    unmap(&it, VA, 4096);
    map(&it, NULL, VA, HBM, 4096);
    close_simulation(&it);
}
END_TEST

/* Out of memory, nobody gets the mapping, and it can be asked for again. */
START_TEST(mapping_without_memory)
{
    weft_error err;
    uint64_t failures = 0;
    for (bool failed = true; failed; failures += failed) {
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        weft_test_fail_allocation_after(failures);
        weft_status status = weft_simulation_map(it.simulation, NULL, VA, HBM, 100, &err);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        if (failed)
            map(&it, NULL, VA, HBM, 100);
        close_simulation(&it);
    }
    ck_assert_uint_eq(failures, 2);
}
END_TEST

/* A load of several places. */
START_TEST(loading_without_memory)
{
    weft_error err;
    uint64_t failures = 0;
    float *data = numbers(64, 6);
    for (bool failed = true; failed; failures += failed) {
        simulation_bench it = open_simulation("tiny", NULL, NULL);
        const weft_placement first = {.pes = {.pes = 1}};
        weft_placed_tensor *a = make_tensor(&it, WEFT_F32, weft_shape_1d(64), first);
        weft_placed_tensor *b = make_tensor(&it, WEFT_F32, weft_shape_1d(64), first);
        const joined_work work = {shard_address(a, 0), shard_address(b, 0), false};
        set_tensor(a, data, 256);
        map(&it, NULL, VA, shard_address(a, 0), 100);
        map(&it, NULL, VA + 100, shard_address(a, 0), 156);
        weft_kernel_launch *launch =
            begin_launch(&it, &(weft_launch_options){.kernel = joined_kernel, .arguments = &work, .pes = first.pes});
        weft_test_fail_allocation_after(failures);
        weft_status status = weft_simulation_wait(it.simulation, launch, &err);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "%s", err.message);
        weft_kernel_launch_destroy(launch);
        weft_placed_tensor_destroy(a);
        weft_placed_tensor_destroy(b);
        close_simulation(&it);
    }
    ck_assert_uint_gt(failures, 5);
    free(data);
}
END_TEST

WEFT_TEST_MAIN("tile_mapped", many_shards_share_a_page, random_views_of_scattered_memory,
               composite_commands_take_mapped_addresses, a_load_of_several_places_gives_one_value, mistakes_of_kernels,
               mistakes_of_the_host, mapping_without_memory, loading_without_memory)
