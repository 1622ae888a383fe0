/* Re-timing skips what it knows: kernels by chance, which keep to their own memories, disturb one another's and talk,
 * take what they take in full. */
#include "same_report.h"
#include "simulation_bench.h"

#include <weft/collective.h>
#include <weft/retime.h>

#include "base/rng.h"
#include "sim/retime/recording.h"
#include "support/sentence.h"

#define ROWS 256u
#define COLUMNS 64u
#define SHARD_BYTES ((uint64_t)ROWS * COLUMNS * sizeof(float))
#define PES_MAX 256u
#define LAUNCHES 3u

/* A kernel by chance. */
typedef struct chance_program {
    uint64_t seed;
    uint32_t foreign_percent; /* of steps that go to another PE's memory */
    const weft_placed_tensor *tensor;
    uint64_t addresses[PES_MAX]; /* of the shards */
    uint32_t count;
} chance_program;

/* Rows of a shard, that of the PE or another one. */
static tl_tensor some_rows(weft_tile *tl, const chance_program *it, weft__rng *rng, bool is_foreign)
{
    uint32_t pe = tl_program_id(tl, TL_AXIS_ALL);
    if (is_foreign)
        pe = (uint32_t)((pe + 1 + weft__rng_below(rng, it->count - 1)) % it->count);
    uint64_t first = weft__rng_below(rng, ROWS - 32), rows = 1 + weft__rng_below(rng, 32);
    return tl_ref(tl, it->addresses[pe] + first * COLUMNS * sizeof(float), weft_shape_2d(rows, COLUMNS), WEFT_F32);
}

static void multiply(weft_tile *tl, const chance_program *it, weft__rng *rng, bool is_foreign)
{
    tl_tensor a = tl_full(tl, weft_shape_2d(1 + weft__rng_below(rng, 40), COLUMNS), WEFT_F32, 1);
    tl_tensor b = tl_trans(tl, some_rows(tl, it, rng, is_foreign));
    tl_tensor out = tl_empty(tl, weft_shape_2d(a.shape.extent[0], b.shape.extent[1]), WEFT_F32);
    const tl_composite_request request = {
        .op = WEFT_COMMAND_GEMM, .a = a, .b = b, .out = out.address, .dtype = WEFT_F32};
    tl_command first = tl_composite(tl, &request);
    tl_wait(tl, weft__rng_below(rng, 2) ? tl_composite(tl, &request) : first);
    tl_wait(tl, first);
}

static void step(weft_tile *tl, const chance_program *it, weft__rng *rng)
{
    uint64_t mark = tl_mark(tl);
    bool is_foreign = weft__rng_below(rng, 100) < it->foreign_percent;
    switch (weft__rng_below(rng, 5)) {
    case 0:
        (void)tl_load_tensor(tl, some_rows(tl, it, rng, is_foreign));
        break;
    case 1:
        (void)tl_exp(tl, tl_full(tl, weft_shape_1d(1 + weft__rng_below(rng, 3000)), WEFT_F32, 1));
        break;
    case 2: {
        tl_tensor place = some_rows(tl, it, rng, is_foreign);
        tl_store_tensor(tl, place, tl_full(tl, place.shape, WEFT_F32, 2));
        break;
    }
    default:
        multiply(tl, it, rng, is_foreign);
    }
    tl_release(tl, mark);
}

/* Sections that some PEs have in common and others do not, some of them several times, and messages in between. */
static void chance_kernel(weft_tile *tl, const void *arguments)
{
    const chance_program *it = arguments;
    weft__rng common;
    weft__rng_init(&common, it->seed);
    for (uint32_t section = 0; section < 4; section++) {
        uint64_t kinds = 1 + weft__rng_below(&common, 3), seed = weft__rng_next_u64(&common);
        uint64_t steps = 1 + weft__rng_below(&common, 5), times = 1 + weft__rng_below(&common, 3);
        uint64_t mark = tl_mark(tl), talk = weft__rng_below(&common, 3);
        for (uint64_t i = 0; i < times; i++) {
            weft__rng own;
            weft__rng_init(&own, seed + tl_program_id(tl, TL_AXIS_ALL) % kinds);
            for (uint64_t j = 0; j < steps; j++)
                step(tl, it, &own);
        }
        if (talk == 1) {
            tl_tensor x = tl_full(tl, weft_shape_1d(1 + weft__rng_below(&common, 900)), WEFT_F32, 1);
            uint64_t messages = 1 + weft__rng_below(&common, 3);
            for (uint64_t i = 0; i < messages; i++)
                (void)tl_send(tl, TL_NEXT, x);
            step(tl, it, &common);
            for (uint64_t i = 0; i < messages; i++)
                (void)tl_recv(tl, TL_PREVIOUS, x.shape, x.dtype);
        } else if (talk == 2) {
            tl_barrier(tl);
        } else {
            step(tl, it, &common); /* after what each sort of PE has done */
        }
        tl_release(tl, mark);
    }
}

/* What a run took. */
typedef struct run_times {
    uint64_t end_ps;
    weft_launch_report reports[LAUNCHES];
} run_times;

static void run_chance(const simulation_bench *it, uint64_t seed, weft_recording **recording, run_times *out)
{
    weft_error err;
    chance_program programs[LAUNCHES];
    weft_kernel_launch *launches[LAUNCHES];
    const weft_placement rows = {
        .over_sips = WEFT_SPLIT_ROWS, .over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_ROWS};
    weft_shard shard;
    uint32_t count = 0;
    const weft_pe_set all = {0};
    WEFT_TEST_ASSERT_OK(weft_machine_count_pes(it->machine, &all, &count, &err), err);
    ck_assert_uint_le(count, PES_MAX);
    if (recording)
        WEFT_TEST_ASSERT_OK(weft_recording_begin(it->simulation, recording, &err), err);
    weft_placed_tensor *tensor = make_tensor(it, WEFT_F32, weft_shape_2d((uint64_t)count * ROWS, COLUMNS), rows);
    for (uint32_t i = 0; i < LAUNCHES; i++) {
        programs[i] = (chance_program){.seed = seed + (i == 2 ? 0 : i),
                                       .foreign_percent = (uint32_t)(seed % 3 * 12),
                                       .tensor = tensor,
                                       .count = count};
        for (uint32_t pe = 0; pe < count; pe++) {
            ck_assert(weft_placed_tensor_get_shard(tensor, pe, &shard));
            programs[i].addresses[pe] = shard.address;
        }
        const weft_launch_options options = {
            .kernel = chance_kernel, .arguments = &programs[i], .queues = WEFT_QUEUES_RING | WEFT_QUEUES_TREE};
        launches[i] = begin_launch(it, &options);
        if (i == 1)
            wait_for(it, launches[0]); /* two are under way at once */
    }
    for (uint32_t i = 1; i < LAUNCHES; i++)
        wait_for(it, launches[i]);
    out->end_ps = weft_simulation_now_ps(it->simulation);
    for (uint32_t i = 0; i < LAUNCHES; i++) {
        weft_kernel_launch_get_report(launches[i], &out->reports[i]);
        weft_kernel_launch_destroy(launches[i]);
    }
    if (recording)
        WEFT_TEST_ASSERT_OK(weft_recording_finish(*recording, &err), err);
    weft_placed_tensor_destroy(tensor);
}

/* Events of both ways. */
typedef struct event_counts {
    uint64_t all, skipping;
} event_counts;

static void check_program(const char *machine, const char *const *settings, uint64_t seed, event_counts *counts)
{
    weft_error err;
    weft_recording *recording;
    weft_retime_result *result;
    run_times times;
    simulation_bench it = open_simulation(machine, NULL, &(weft_simulation_options){.values = WEFT_VALUES_NONE});
    run_chance(&it, seed, &recording, &times);
    close_simulation(&it);
    it = open_simulation(machine, settings, &(weft_simulation_options){.values = WEFT_VALUES_NONE});
    run_chance(&it, seed, NULL, &times);
    for (int skips = 0; skips < 2; skips++) {
        WEFT_TEST_ASSERT_OK(weft__retime(recording, it.machine, skips, &result, &err), err);
        *(skips ? &counts->skipping : &counts->all) += result->statistics.events;
        ck_assert_uint_eq(result->end_ps, times.end_ps);
        for (uint32_t i = 0; i < LAUNCHES; i++)
            assert_same_report(&result->launches[i], &times.reports[i]);
        weft_retime_result_destroy(result);
    }
    close_simulation(&it);
    weft_recording_destroy(recording);
}

static const char *const other_machines[][9] = {
    {NULL},
    {"cube.hbm.turnaround_ns", "900", "cube.hbm.open_ns", "3000", NULL},
    {"cube.hbm.open_ns", "150", "pe.clock_ghz", "2", NULL},
    {"cube.hbm.row_flits", "2", "cube.hbm.channels", "16", "pe.dma.outstanding", "4", NULL},
    {"cube.hbm.row_flits", "0", "cube.hbm.channel_gbs", "3", "pe.link_gbs", "77", NULL},
    {"pe.dma.channels", "2", "pe.scheduler.tiles", "5", "pe.dispatch_cycles", "0", "cube.link_gbs", "11", NULL},
    {"pe.mmu.tlb_ns", "40", "pe.mmu.page_kib", "4", NULL},
    {"cube.buffer_flits", "8", "cube.vcs", "2", "cube.arbitration", "round_robin", NULL},
};
#define OTHER_MACHINES (sizeof other_machines / sizeof other_machines[0])

START_TEST(programs_by_chance_take_what_they_take_in_full)
{
    event_counts counts = {0};
    for (uint64_t seed = 1; seed <= 120; seed++)
        check_program("tiny", other_machines[seed % OTHER_MACHINES], seed, &counts);
    ck_assert_uint_ne(counts.skipping, counts.all); /* few PEs do the same here, so most of it is for nothing */
}
END_TEST

START_TEST(many_pes_do_the_same)
{
    event_counts counts = {0};
    for (uint64_t seed = 1; seed <= 4; seed++)
        check_program("two-sip", other_machines[seed % OTHER_MACHINES], 3 * seed, &counts);
    ck_assert_msg(3 * counts.skipping < 2 * counts.all, "%llu of %llu events", (unsigned long long)counts.skipping,
                  (unsigned long long)counts.all);
}
END_TEST

/* Loads of many sizes, of which each stretch has as many as it may. */
static void load_much(weft_tile *tl, const void *arguments)
{
    const chance_program *it = arguments;
    uint64_t address = it->addresses[tl_program_id(tl, TL_AXIS_ALL)];
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t mark = tl_mark(tl);
        (void)tl_load(tl, address, weft_shape_1d(1 + i), WEFT_F32);
        tl_release(tl, mark);
    }
}

START_TEST(requests_are_kept_in_proportion_to_their_number)
{
    weft_error err;
    weft_recording *recording;
    simulation_bench it = open_simulation("tiny", NULL, &(weft_simulation_options){.values = WEFT_VALUES_NONE});
    WEFT_TEST_ASSERT_OK(weft_recording_begin(it.simulation, &recording, &err), err);
    const weft_placement rows = {.over_cubes = WEFT_SPLIT_ROWS, .over_pes = WEFT_SPLIT_ROWS};
    weft_placed_tensor *tensor = make_tensor(&it, WEFT_F32, weft_shape_2d(2 * ROWS, COLUMNS), rows);
    chance_program program = {.tensor = tensor};
    weft_shard shard;
    for (uint32_t pe = 0; weft_placed_tensor_get_shard(tensor, pe, &shard); pe++)
        program.addresses[pe] = shard.address;
    const weft_launch_options launch = {.kernel = load_much, .arguments = &program};
    (void)run_launch(&it, &launch);
    WEFT_TEST_ASSERT_OK(weft_recording_finish(recording, &err), err);
    ck_assert_uint_eq(recording->streams.count, 1);
    ck_assert_uint_lt(recording->streams.contents.count, 10 * recording->streams.items[0].requests);
    weft_recording_destroy(recording);
    weft_placed_tensor_destroy(tensor);
    close_simulation(&it);
}
END_TEST

/* A place that the machine does not have is one whether the stretch is known or not. */
START_TEST(places_beyond_the_memory_are_refused)
{
    weft_error err;
    weft_recording *recording;
    weft_retime_result *result;
    run_times times;
    simulation_bench it = open_simulation("tiny", NULL, &(weft_simulation_options){.values = WEFT_VALUES_NONE});
    run_chance(&it, 3, &recording, &times);
    size_t changed = 0;
    for (size_t i = 0; i < recording->launch_count; i++) {
        const weft__recorded_kernel *kernel = &recording->launches[i].kernels[1];
        for (uint32_t k = 0; k < recording->streams.items[kernel->stream].place_count; k++, changed++)
            kernel->offsets[k] += UINT64_C(1) << 40;
    }
    ck_assert_uint_gt(changed, 0);
    for (int skips = 0; skips < 2; skips++)
        WEFT_TEST_ASSERT_FAILS(weft__retime(recording, it.machine, skips, &result, &err), err, WEFT_INVALID_STATE,
                               "a place of a memory", NULL, NULL, NULL);
    weft_recording_destroy(recording);
    close_simulation(&it);
}
END_TEST

WEFT_TEST_MAIN("retime_stretches", requests_are_kept_in_proportion_to_their_number,
               places_beyond_the_memory_are_refused, programs_by_chance_take_what_they_take_in_full,
               many_pes_do_the_same)
