/* Engines of a PE: plans of tiles, and the times of what passes through them. */
#include "tile_bench.h"

#include "base/rng.h"
#include "sim/pe/plan.h"

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
    /* 32 x 32 outputs, 4 products each in a cycle of f16, 8 of i8, 1 of f32. */
    ck_assert_uint_eq(weft__pe_gemm_ps(&rates, WEFT_F16, 64), 16000);
    ck_assert_uint_eq(weft__pe_gemm_ps(&rates, WEFT_BF16, 3), 1000);
    ck_assert_uint_eq(weft__pe_gemm_ps(&rates, WEFT_I8, 64), 8000);
    ck_assert_uint_eq(weft__pe_gemm_ps(&rates, WEFT_F32, 64), 64000);
    ck_assert_uint_eq(weft__pe_gemm_ps(&rates, WEFT_I32, 1), 1000);
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
    return (weft__plan){.kind = WEFT__PLAN_GEMM,
                        .op = WEFT_COMMAND_GEMM,
                        .dtype = element_bytes == 2 ? WEFT_F16 : WEFT_F32,
                        .m = m,
                        .k = k,
                        .n = n,
                        .input_count = 2,
                        .inputs = {{false, element_bytes, m * k, k, 1}, {true, element_bytes, k * n, n, 1}},
                        .output = {true, element_bytes, m * n, n, 1}};
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

WEFT_TEST_MAIN("pe", times_follow_from_the_machine_file, every_operation_takes_time, a_page_costs_when_it_is_touched,
               everything_has_a_name_of_its_own, a_product_is_cut_along_k_first, steps_follow_their_scope,
               tiles_move_each_byte_as_often_as_they_must, operations_on_elements_share_out_their_operands)
