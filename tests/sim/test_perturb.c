/* Perturbed runs: longer within bounds, the same for the same seed, and none without one. */
#include "tile_bench.h"

#include "sim/pe/perturb.h"

#define NS 1000u

enum {
    DRAWS = 2000
};

typedef struct work {
    const tile_bench *bench;
    uint64_t a, b, out;
    uint64_t others; /* rounds that PEs but the first go */
    weft__time loaded_ps, computed_ps;
} work;

static work work_of(const tile_bench *bench)
{
    return (work){.bench = bench,
                  .a = address_in(bench, WEFT__REGION_HBM, 0, 0, 0),
                  .b = address_in(bench, WEFT__REGION_HBM, 0, 0, 1 << 20),
                  .out = address_in(bench, WEFT__REGION_HBM, 0, 0, 2 << 20)};
}

/* ---- draws ---- */

START_TEST(draws_keep_their_bounds_and_use_them)
{
    static const char *const settings[] = {"perturb.message_ns", "7.5", "perturb.engine_percent", "25", NULL, NULL};
    tile_bench it;
    open_tile_bench(&it, "tiny", settings);
    weft__pes_perturb(it.pes, 3);
    const weft__pe *pe = weft__pe_at(it.pes, 1);
    uint64_t most[2] = {0}, least[2] = {UINT64_MAX, UINT64_MAX}, sum[2] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        const uint64_t drawn[2] = {weft__perturb_message_ps(it.pes, pe, WEFT__PERTURBED_DMA, i),
                                   weft__perturb_stage_ps(it.pes, pe, i, 399)};
        for (size_t k = 0; k < 2; k++) {
            most[k] = drawn[k] > most[k] ? drawn[k] : most[k];
            least[k] = drawn[k] < least[k] ? drawn[k] : least[k];
            sum[k] += drawn[k];
        }
    }
    const uint64_t bounds[2] = {7500, 99}; /* 399 / 4, rounded down */
    for (size_t k = 0; k < 2; k++) {
        ck_assert_uint_le(most[k], bounds[k]);
        ck_assert_uint_gt(most[k], bounds[k] * 99 / 100);
        ck_assert_uint_le(least[k], bounds[k] / 100);
        WEFT_TEST_ASSERT_CLOSE((double)sum[k] / DRAWS, (double)bounds[k] / 2, 0, 0.05);
    }
    close_tile_bench(&it);
}
END_TEST

START_TEST(a_draw_is_a_function_of_what_it_is_for)
{
    tile_bench it;
    open_tile_bench(&it, "tiny", NULL);
    weft__pes_perturb(it.pes, 3);
    const weft__pe *pes[2] = {weft__pe_at(it.pes, 0), weft__pe_at(it.pes, 1)};
    size_t alike = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        uint64_t one = weft__perturb_message_ps(it.pes, pes[0], WEFT__PERTURBED_QUEUE + TL_NEXT, i);
        ck_assert_uint_eq(one, weft__perturb_message_ps(it.pes, pes[0], WEFT__PERTURBED_QUEUE + TL_NEXT, i));
        alike += one == weft__perturb_message_ps(it.pes, pes[1], WEFT__PERTURBED_QUEUE + TL_NEXT, i);
        alike += one == weft__perturb_message_ps(it.pes, pes[0], WEFT__PERTURBED_QUEUE + TL_PREVIOUS, i);
        alike += one == weft__perturb_message_ps(it.pes, pes[0], WEFT__PERTURBED_CREDIT + TL_NEXT, i);
        alike += one == weft__perturb_message_ps(it.pes, pes[0], WEFT__PERTURBED_QUEUE + TL_NEXT, i + 1);
    }
    ck_assert_uint_lt(alike, 20); /* of 8000, each by a chance of one in 5001 */
    close_tile_bench(&it);
}
END_TEST

START_TEST(without_a_seed_nothing_is_drawn)
{
    tile_bench it;
    open_tile_bench(&it, "tiny", NULL);
    const weft__pe *pe = weft__pe_at(it.pes, 0);
    for (int again = 0; again < 2; again++) {
        for (uint64_t i = 0; i < 100; i++) {
            ck_assert_uint_eq(weft__perturb_message_ps(it.pes, pe, WEFT__PERTURBED_DMA, i), 0);
            ck_assert_uint_eq(weft__perturb_stage_ps(it.pes, pe, i, 1000000), 0);
        }
        weft__pes_perturb(it.pes, 0);
    }
    close_tile_bench(&it);
}
END_TEST

/* ---- kernels ---- */

static void load_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    (void)tl_load(tl, it->a, weft_shape_1d(4096), WEFT_U8);
}

static void exp_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    uint64_t tcm = address_in(it->bench, WEFT__REGION_TCM, 0, 0, 0);
    (void)tl_exp(tl, tl_ref(tl, tcm, weft_shape_1d(1024), WEFT_F16));
}

static uint64_t perturbed_ps(const char *const *settings, uint64_t seed, weft_tile_kernel *kernel)
{
    tile_bench it;
    open_tile_bench(&it, "two-sip", settings);
    work job = work_of(&it);
    weft__pes_perturb(it.pes, seed);
    weft__kernel_report report = run_kernel(&it, kernel, &job, 1);
    uint64_t all = report.end - report.start, processor = 0;
    for (uint32_t i = 0; i < WEFT__PE_ACTIVITIES; i++)
        processor += report.times.processor_ps[i];
    ck_assert_uint_eq(processor, all);
    for (uint32_t i = 0; i < WEFT__STAGE_KINDS; i++) {
        const weft__engine_times *engine = &report.times.engines[i];
        ck_assert_uint_eq(engine->busy_ps + engine->stall_ps + engine->idle_ps, all);
    }
    close_tile_bench(&it);
    return all;
}

/* With every seed between the exact time and that with all that may be added, and not twice the same. */
static void check_spread(weft_tile_kernel *kernel, uint64_t most_ps)
{
    uint64_t exact_ps = perturbed_ps(NULL, 0, kernel), times[8];
    for (uint64_t seed = 1; seed <= 8; seed++) {
        times[seed - 1] = perturbed_ps(NULL, seed, kernel);
        ck_assert_uint_gt(times[seed - 1], exact_ps);
        ck_assert_uint_le(times[seed - 1], exact_ps + most_ps);
        ck_assert_uint_eq(times[seed - 1], perturbed_ps(NULL, seed, kernel));
        for (uint64_t before = 1; before < seed; before++)
            ck_assert_uint_ne(times[seed - 1], times[before - 1]);
    }
}

START_TEST(a_transfer_leaves_later)
{
    check_spread(load_kernel, 5 * NS);
}
END_TEST

START_TEST(a_stage_takes_longer)
{
    /* Fetch 4 ns, math 16 cycles of 4 ns, store 4 ns: a tenth of each. */
    check_spread(exp_kernel, 7200);
}
END_TEST

START_TEST(bounds_of_nothing_leave_the_exact_times)
{
    static const char *const settings[] = {"perturb.message_ns", "0", "perturb.engine_percent", "0", NULL, NULL};
    ck_assert_uint_eq(perturbed_ps(settings, 5, load_kernel), perturbed_ps(NULL, 0, load_kernel));
    ck_assert_uint_eq(perturbed_ps(settings, 5, exp_kernel), perturbed_ps(NULL, 0, exp_kernel));
}
END_TEST

/* ---- PEs together ---- */

/* Each in its own slice and TCM; the first PE does the same whatever the others do. */
static void lone_kernel(weft_tile *tl, const void *arguments)
{
    work *it = (work *)(uintptr_t)arguments;
    uint32_t pe = tl_program_id(tl, TL_AXIS_PE);
    uint64_t rounds = pe ? it->others : 3;
    uint64_t own = address_in(it->bench, WEFT__REGION_HBM, 0, pe, 0);
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t mark = tl_mark(tl);
        tl_tensor a = tl_load(tl, own, weft_shape_2d(64, 128), WEFT_F16);
        tl_store(tl, own, tl_dot(tl, a, tl_trans(tl, a)));
        tl_release(tl, mark);
    }
}

START_TEST(what_others_do_draws_nothing_of_ones_own)
{
    uint64_t alone_ps = 0;
    for (uint64_t others = 0; others < 6; others++) {
        tile_bench it;
        open_tile_bench(&it, "two-sip", NULL);
        weft__pes_perturb(it.pes, 77);
        work job = work_of(&it);
        job.bench = &it;
        job.others = others;
        weft__kernel_report report = run_kernel(&it, lone_kernel, &job, 8);
        if (others == 0)
            alone_ps = report.end - report.start;
        ck_assert_uint_eq(report.end - report.start, alone_ps);
        close_tile_bench(&it);
    }
}
END_TEST

static void mixed_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    uint32_t rank = tl_program_id(tl, TL_AXIS_RANK);
    tl_tensor a = tl_load(tl, it->a, weft_shape_2d(32, 256), WEFT_F16);
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = a,
                                          .b = tl_ref(tl, it->b, weft_shape_2d(256, 96), WEFT_F16),
                                          .out = it->out + 65536 * rank,
                                          .dtype = WEFT_F16};
    tl_wait(tl, tl_composite(tl, &request));
    tl_tensor part = tl_exp(tl, tl_slice(tl, a, 1, 0, 8));
    for (uint32_t i = 0; i < 20; i++) {
        (void)tl_send(tl, TL_NEXT, part);
        part = tl_recv(tl, TL_PREVIOUS, part.shape, WEFT_F16);
    }
}

/* Numbers of the messages of each queue in the order in which they came into their slots. */
typedef struct arrivals {
    uint64_t next[8], count;
} arrivals;

static void note_slot(void *context, weft__ipcq_message *message)
{
    arrivals *it = context;
    ck_assert_uint_eq(message->number, it->next[weft__pe_index(message->to)]++);
    it->count++;
}

/* Eight PEs in a ring; gives the hash of the events. */
static uint64_t mixed_hash(uint64_t seed, uint64_t *out_ps)
{
    static const uint32_t pes[] = {0, 1, 2, 3, 4, 5, 6, 7};
    tile_bench it;
    weft__sim_info info;
    arrivals seen = {0};
    weft__ipcq_pair pairs[16];
    open_tile_bench(&it, "two-sip", NULL);
    weft__pes_perturb(it.pes, seed);
    const weft__pe_recorder recorder = {.slot_written = note_slot, .context = &seen};
    weft__pes_record(it.pes, &recorder);
    work job = work_of(&it);
    lay_ring(pes, 8, pairs);
    run_queued(
        &it, &(queued_launch){
                 .kernel = mixed_kernel, .arguments = &job, .pes = pes, .count = 8, .pairs = pairs, .pair_count = 16});
    ck_assert_uint_eq(seen.count, 8 * 20);
    weft__sim_get_info(it.base.sim, &info);
    *out_ps = weft__kernel_run_end_ps(it.run);
    close_tile_bench(&it);
    return info.trace_hash;
}

START_TEST(a_seed_is_a_run_and_messages_stay_in_order)
{
    uint64_t hashes[6], times[6], again_ps;
    for (uint64_t seed = 0; seed < 6; seed++) {
        hashes[seed] = mixed_hash(seed, &times[seed]);
        ck_assert_uint_eq(hashes[seed], mixed_hash(seed, &again_ps));
        ck_assert_uint_eq(times[seed], again_ps);
        for (uint64_t before = 0; before < seed; before++)
            ck_assert_uint_ne(hashes[seed], hashes[before]);
    }
}
END_TEST

WEFT_TEST_MAIN("perturb", draws_keep_their_bounds_and_use_them, a_draw_is_a_function_of_what_it_is_for,
               without_a_seed_nothing_is_drawn, a_transfer_leaves_later, a_stage_takes_longer,
               bounds_of_nothing_leave_the_exact_times, what_others_do_draws_nothing_of_ones_own,
               a_seed_is_a_run_and_messages_stay_in_order)
