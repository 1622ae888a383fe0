/* Kernels by chance, against an interpreter: the same program over plain arrays, one rounding for each command, gives
 * the same bits, lazily and eagerly. */
#include "tile_bench.h"

#include <math.h>

#include "base/rng.h"
#include "sim/values/values.h"

#define SIDE 8u
#define CELLS (SIDE * SIDE)
#define STEPS 40u
#define SLOTS 6u

typedef enum step_kind {
    STEP_LOAD,
    STEP_ADD,
    STEP_SUB,
    STEP_MUL,
    STEP_MAXIMUM,
    STEP_MINIMUM,
    STEP_NEG,
    STEP_RELU,
    STEP_SUM,      /* along the rows, and back to a matrix by adding it to another one */
    STEP_DOT,      /* with the second one turned */
    STEP_STORE,    /* to memory, from where it may be loaded */
    STEP_COMPOSITE /* memory times memory to memory */
} step_kind;
#define STEP_KINDS 12u

typedef struct step {
    step_kind kind;
    uint32_t a, b, out; /* slots, or places in memory */
} step;

typedef struct program {
    step steps[STEPS];
    uint64_t memory; /* SLOTS matrices */
} program;

static void draw_program(uint64_t seed, program *out)
{
    weft__rng rng;
    weft__rng_init(&rng, seed);
    for (uint32_t i = 0; i < STEPS; i++) {
        out->steps[i] = (step){(step_kind)weft__rng_below(&rng, STEP_KINDS), (uint32_t)weft__rng_below(&rng, SLOTS),
                               (uint32_t)weft__rng_below(&rng, SLOTS), (uint32_t)weft__rng_below(&rng, SLOTS)};
        if (i < SLOTS) /* every slot has something */
            out->steps[i] = (step){STEP_LOAD, i, 0, i};
        else if (out->steps[i].kind == STEP_COMPOSITE) /* not in place */
            out->steps[i].out = (out->steps[i].a + 1 + (out->steps[i].out % (SLOTS - 1))) % SLOTS;
        if (out->steps[i].kind == STEP_COMPOSITE && out->steps[i].out == out->steps[i].b)
            out->steps[i].b = out->steps[i].a;
    }
}

/* ---- the kernel ---- */

static uint64_t place(const program *it, uint32_t slot)
{
    return it->memory + slot * CELLS * sizeof(float);
}

static tl_tensor run_step(weft_tile *tl, const program *it, const step *at, const tl_tensor *slots)
{
    tl_tensor a = slots[at->a], b = slots[at->b];
    const weft_shape shape = weft_shape_2d(SIDE, SIDE);
    switch (at->kind) {
    case STEP_LOAD:
        return tl_load(tl, place(it, at->a), shape, WEFT_F32);
    case STEP_ADD:
        return tl_add(tl, a, b);
    case STEP_SUB:
        return tl_sub(tl, a, b);
    case STEP_MUL:
        return tl_mul(tl, a, b);
    case STEP_MAXIMUM:
        return tl_maximum(tl, a, b);
    case STEP_MINIMUM:
        return tl_minimum(tl, a, b);
    case STEP_NEG:
        return tl_neg(tl, a);
    case STEP_RELU:
        return tl_relu(tl, a);
    case STEP_SUM:
        return tl_add(tl, tl_sum(tl, a, 1), b);
    case STEP_DOT:
        return tl_dot(tl, a, tl_trans(tl, b));
    case STEP_STORE:
        tl_store(tl, place(it, at->out), a);
        return slots[at->out];
    case STEP_COMPOSITE:
        break;
    }
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = tl_ref(tl, place(it, at->a), shape, WEFT_F32),
                                          .b = tl_ref(tl, place(it, at->b), shape, WEFT_F32),
                                          .out = place(it, at->out),
                                          .dtype = WEFT_F32};
    tl_wait(tl, tl_composite(tl, &request));
    return slots[at->out];
}

static void random_kernel(weft_tile *tl, const void *arguments)
{
    const program *it = arguments;
    tl_tensor slots[SLOTS] = {0};
    for (uint32_t i = 0; i < STEPS; i++)
        slots[it->steps[i].out] = run_step(tl, it, &it->steps[i], slots);
    for (uint32_t i = 0; i < SLOTS; i++)
        tl_store(tl, place(it, i), slots[i]);
}

/* ---- the interpreter ---- */

typedef float cells[CELLS];

static void product(const float *a, const float *b, bool is_turned, float *out)
{
    for (uint32_t row = 0; row < SIDE; row++)
        for (uint32_t column = 0; column < SIDE; column++) {
            double sum = 0;
            for (uint32_t i = 0; i < SIDE; i++)
                sum += (double)a[row * SIDE + i] * (double)b[is_turned ? column * SIDE + i : i * SIDE + column];
            out[row * SIDE + column] = (float)sum;
        }
}

static float row_sum(const float *row)
{
    double sum = 0;
    for (uint32_t i = 0; i < SIDE; i++)
        sum += (double)row[i];
    return (float)sum;
}

static float cell_of(step_kind kind, const float *a, const float *b, uint32_t at)
{
    switch (kind) {
    case STEP_ADD:
        return a[at] + b[at];
    case STEP_SUB:
        return a[at] - b[at];
    case STEP_MUL:
        return a[at] * b[at];
    case STEP_MAXIMUM:
        return a[at] > b[at] ? a[at] : b[at];
    case STEP_MINIMUM:
        return a[at] < b[at] ? a[at] : b[at];
    case STEP_NEG:
        return -a[at];
    case STEP_RELU:
        return a[at] > 0 ? a[at] : 0;
    default:
        return row_sum(a + at / SIDE * SIDE) + b[at];
    }
}

static void interpret(const program *it, cells *memory)
{
    static cells slots[SLOTS];
    for (uint32_t i = 0; i < STEPS; i++) {
        const step *at = &it->steps[i];
        cells out;
        if (at->kind == STEP_LOAD)
            memcpy(out, memory[at->a], sizeof out);
        else if (at->kind == STEP_STORE)
            memcpy(out, slots[at->a], sizeof out);
        else if (at->kind == STEP_DOT)
            product(slots[at->a], slots[at->b], true, out);
        else if (at->kind == STEP_COMPOSITE)
            product(memory[at->a], memory[at->b], false, out);
        else
            for (uint32_t cell = 0; cell < CELLS; cell++)
                out[cell] = cell_of(at->kind, slots[at->a], slots[at->b], cell);
        bool is_memory = at->kind == STEP_STORE || at->kind == STEP_COMPOSITE;
        memcpy(is_memory ? memory[at->out] : slots[at->out], out, sizeof out);
    }
    memcpy(memory, slots, sizeof slots);
}

/* ---- both ---- */

static void fill(uint64_t seed, cells *memory)
{
    weft__rng rng;
    weft__rng_init(&rng, seed + 1000);
    for (uint32_t i = 0; i < SLOTS * CELLS; i++)
        memory[i / CELLS][i % CELLS] = (float)((double)weft__rng_below(&rng, 2001) / 4000 - 0.25);
}

/* Runs a program on the machine; gives what memory holds at the end, and when that was. */
static weft__time simulate(program *it, cells *begin, cells *end, bool is_eager)
{
    tile_bench bench;
    weft__values *values;
    weft__pe_values *memory;
    weft_error err;
    const weft__values_options options = {.is_eager = is_eager};
    const weft_shape shape = weft_shape_2d(SIDE, SIDE);
    open_tile_bench(&bench, "tiny", NULL);
    WEFT_TEST_ASSERT_OK(weft__values_create(&options, &values, &err), err);
    WEFT_TEST_ASSERT_OK(weft__pe_values_create(bench.pes, values, NULL, &memory, &err), err);
    it->memory = address_in(&bench, WEFT__REGION_HBM, 0, 1, 4096);
    for (uint32_t i = 0; i < SLOTS; i++)
        WEFT_TEST_ASSERT_OK(weft__pe_values_write(memory, place(it, i), WEFT_F32, &shape, begin[i], &err), err);
    (void)run_kernel(&bench, random_kernel, it, 1);
    for (uint32_t i = 0; i < SLOTS; i++)
        WEFT_TEST_ASSERT_OK(weft__pe_values_read(memory, place(it, i), WEFT_F32, &shape, end[i], &err), err);
    weft__time now = weft__sim_now(bench.base.sim);
    weft__pe_values_destroy(memory);
    weft__values_destroy(values);
    close_tile_bench(&bench);
    return now;
}

static bool same_cell(float a, float b)
{
    return (isnan(a) && isnan(b)) || a == b;
}

START_TEST(kernels_by_chance_compute_what_an_interpreter_does)
{
    size_t finite = 0;
    for (uint64_t seed = 0; seed < 150; seed++) {
        static cells begin[SLOTS], expected[SLOTS], lazy[SLOTS], eager[SLOTS];
        program it;
        draw_program(seed, &it);
        fill(seed, begin);
        memcpy(expected, begin, sizeof begin);
        interpret(&it, expected);
        ck_assert_uint_eq(simulate(&it, begin, lazy, false), simulate(&it, begin, eager, true));
        ck_assert_mem_eq(lazy, eager, sizeof lazy);
        for (uint32_t i = 0; i < SLOTS * CELLS; i++) {
            float found = lazy[i / CELLS][i % CELLS], wanted = expected[i / CELLS][i % CELLS];
            finite += isfinite(wanted) != 0;
            ck_assert_msg(same_cell(found, wanted), "seed %" PRIu64 ", cell %u of slot %u is %.9g, not %.9g", seed,
                          i % CELLS, i / CELLS, (double)found, (double)wanted);
        }
    }
    ck_assert_uint_gt(finite, 150 * SLOTS * CELLS / 2);
}
END_TEST

WEFT_TEST_MAIN("tile_random", kernels_by_chance_compute_what_an_interpreter_does)
