/* Commands whose output lies over their own operands, and operands that somebody changes while they are read: what is a
 * hazard, and what the numbers are where tensors are what stands there. */
#include "value_bench.h"

#include "support/failing_malloc.h"

#include <math.h>

/* Small tiles: 4 x 8 of an output, 4 along k, 32 elements of other operations. */
#define TILE_M 4u
#define TILE_K 4u
#define TILE_N 8u
#define TILE_ELEMENTS (TILE_M * TILE_N)
#define SETTINGS "pe.gemm.tile_m", "4", "pe.gemm.tile_k", "4", "pe.gemm.tile_n", "8", "pe.scratch_kib", "256"

static const char *const several[] = {SETTINGS, NULL};
static const char *const one_by_one[] = {SETTINGS, "pe.scheduler.tiles", "1", NULL};

/* Memories as a test sees them: f32, the first numbers of the TCM behind the scratch memory, or of HBM. */
#define NUMBERS 4096u

typedef struct place {
    bool is_remote;
    uint64_t first; /* number */
} place;

static uint64_t address_of(const value_bench *it, place at)
{
    uint64_t begin = at.is_remote ? address_in(&it->base, WEFT__REGION_HBM, 0, 0, 0)
                                  : address_in(&it->base, WEFT__REGION_TCM, 0, 0, 256 << 10);
    return begin + at.first * 4;
}

/* Whole numbers, small enough that all that is computed is exact. */
static void fill(value_bench *it, bool is_remote, uint64_t seed, float *out)
{
    weft_error err;
    weft__rng rng;
    const weft_shape shape = weft_shape_1d(NUMBERS);
    weft__rng_init(&rng, seed);
    for (uint64_t i = 0; i < NUMBERS; i++)
        out[i] = (float)weft__rng_below(&rng, 9) - 4;
    WEFT_TEST_ASSERT_OK(
        weft__pe_values_write(it->memory, address_of(it, (place){is_remote, 0}), WEFT_F32, &shape, out, &err), err);
}

/* One command. */
typedef struct trial {
    weft_command_op op;
    weft_shape shape;   /* of a, and of b and c if it is no product; as it is before it is turned */
    weft_shape right;   /* of b */
    bool is_turned;     /* a, in the TCM */
    bool is_direct;     /* tl_copy() */
    place a, b, c, out; /* c: of a step */
    uint32_t step_count;
    weft_epilogue steps[2];
    weft_shape step_shape; /* of the operand of the first one */
} trial;

typedef struct trial_work {
    trial of;
    uint64_t a, b, c, out;
} trial_work;

static void trial_kernel(weft_tile *tl, const void *arguments)
{
    const trial_work *job = arguments;
    const trial *it = &job->of;
    tl_tensor a = tl_ref(tl, job->a, it->shape, WEFT_F32);
    if (it->is_turned)
        a = tl_trans(tl, a);
    if (it->is_direct) {
        tl_copy(tl, tl_ref(tl, job->out, a.shape, WEFT_F32), a);
        return;
    }
    bool is_product = it->op == WEFT_COMMAND_GEMM;
    tl_epilogue steps[2] = {{.step = it->steps[0]}, {.step = it->steps[1]}};
    if (it->step_count)
        steps[0].operand = tl_ref(tl, job->c, it->step_shape, WEFT_F32);
    const tl_composite_request request = {.op = it->op,
                                          .a = a,
                                          .b = tl_ref(tl, job->b, is_product ? it->right : a.shape, WEFT_F32),
                                          .out = job->out,
                                          .dtype = WEFT_F32,
                                          .low = -3,
                                          .high = 2,
                                          .epilogues = steps,
                                          .epilogue_count = it->step_count};
    tl_wait(tl, tl_composite(tl, &request));
}

static weft_status run_trial(value_bench *it, const trial *of, weft_error *err)
{
    const trial_work job = {*of, address_of(it, of->a), address_of(it, of->b), address_of(it, of->c),
                            address_of(it, of->out)};
    return try_kernel(it, trial_kernel, &job, 1, err);
}

/* Element by element the same as what stands in a memory. */
static void must_stand(value_bench *it, bool is_remote, const float *wanted, const char *what)
{
    static float found[NUMBERS];
    get(it, address_of(it, (place){is_remote, 0}), 1, NUMBERS, found);
    for (uint64_t i = 0; i < NUMBERS; i++)
        ck_assert_msg(found[i] == wanted[i] || (isnan(found[i]) && isnan(wanted[i])),
                      "%s: number %" PRIu64 " is %g, not %g", what, i, (double)found[i], (double)wanted[i]);
}

/* ---- what is a hazard ---- */

typedef enum verdict {
    FINE,   /* as if the operands lay elsewhere */
    HIDDEN, /* the same, but only because of the time */
    BROKEN  /* tiles read what others have written */
} verdict;

static const struct {
    const char *what;
    trial of;
    verdict verdict;
} cases[] = {
    {"in place",
     {.op = WEFT_COMMAND_ADD, .shape = {1, {512}}, .a = {true, 0}, .b = {true, 1024}, .out = {true, 0}},
     FINE},
    {"in place, in the TCM", {.op = WEFT_COMMAND_NEG, .shape = {1, {512}}}, FINE},
    {"one tile", {.op = WEFT_COMMAND_NEG, .shape = {1, {32}}, .out = {false, 1}}, FINE},
    {"to the front", {.op = WEFT_COMMAND_NEG, .shape = {1, {512}}, .a = {false, 3}}, FINE},
    {"beside", {.op = WEFT_COMMAND_NEG, .shape = {1, {512}}, .out = {false, 512}}, FINE},
    {"to the back", {.op = WEFT_COMMAND_NEG, .shape = {1, {512}}, .out = {false, 1}}, HIDDEN},
    {"to the back, in memory", {.op = WEFT_COMMAND_NEG, .shape = {1, {512}}, .a = {true, 0}, .out = {true, 1}}, HIDDEN},
    {"a copy to the front", {.is_direct = true, .shape = {1, {512}}, .a = {false, 3}}, FINE},
    {"a copy to the back", {.is_direct = true, .shape = {1, {512}}, .out = {false, 1}}, HIDDEN},
    {"turned", {.op = WEFT_COMMAND_NEG, .shape = {2, {32, 32}}, .is_turned = true}, BROKEN},
    {"turned, over rows that have been read",
     {.op = WEFT_COMMAND_NEG, .shape = {2, {64, 8}}, .is_turned = true, .a = {false, 448}},
     FINE},
    {"far to the back", {.op = WEFT_COMMAND_NEG, .shape = {1, {2048}}, .out = {false, 1024}}, BROKEN},
    {"a product over its left operand",
     {.op = WEFT_COMMAND_GEMM, .shape = {2, {16, 16}}, .right = {2, {16, 16}}, .b = {true, 0}},
     BROKEN},
    {"a product over its right operand",
     {.op = WEFT_COMMAND_GEMM,
      .shape = {2, {16, 16}},
      .right = {2, {16, 16}},
      .a = {true, 0},
      .b = {true, 1024},
      .out = {true, 1024}},
     BROKEN},
    {"a product over rows that it has read", /* one tile of columns, which reads its rows of a before it writes them */
     {.op = WEFT_COMMAND_GEMM, .shape = {2, {16, 8}}, .right = {2, {8, 8}}, .b = {true, 0}},
     FINE},
    {"a product on top of its bias",
     {.op = WEFT_COMMAND_GEMM,
      .shape = {2, {16, 16}},
      .right = {2, {16, 16}},
      .a = {true, 0},
      .b = {true, 1024},
      .c = {false, 512},
      .out = {false, 512},
      .step_count = 1,
      .steps = {{.op = WEFT_EPILOGUE_BIAS}},
      .step_shape = {2, {16, 16}}},
     FINE},
    {"a product on top of a row of bias",
     {.op = WEFT_COMMAND_GEMM,
      .shape = {2, {16, 16}},
      .right = {2, {16, 16}},
      .a = {true, 0},
      .b = {true, 1024},
      .c = {false, 512},
      .out = {false, 512},
      .step_count = 1,
      .steps = {{.op = WEFT_EPILOGUE_BIAS}},
      .step_shape = {1, {16}}},
     BROKEN},
    {"a product on top of the bias of its last pass",
     {.op = WEFT_COMMAND_GEMM,
      .shape = {2, {16, 16}},
      .right = {2, {16, 16}},
      .a = {true, 0},
      .b = {true, 1024},
      .c = {false, 512},
      .out = {false, 512},
      .step_count = 1,
      .steps = {{.op = WEFT_EPILOGUE_BIAS, .scope = WEFT_SCOPE_KERNEL}},
      .step_shape = {2, {16, 16}}},
     BROKEN},
};

/* Who, where, when and by how much. */
static void check_hazard(const value_bench *it, const trial *of, verdict found, const char *what)
{
    weft_kernel_hazard hazard = {0};
    bool is_broken = found == BROKEN;
    size_t count = count_hazards(it, is_broken ? WEFT_KERNEL_HAZARD_OVERWRITTEN : WEFT_KERNEL_HAZARD_WAR, &hazard);
    ck_assert_msg(count == 1, "%s: %zu hazards", what, count);
    ck_assert_str_eq(hazard.call, of->is_direct ? "tl_copy" : "tl_composite");
    ck_assert_str_eq(hazard.pe, "sip0.cube0.pe0");
    ck_assert_str_eq(hazard.other, "sip0.cube0.pe0");
    ck_assert_str_eq(hazard.other_call, hazard.call);
    ck_assert(hazard.held == !is_broken);
    ck_assert_uint_eq(hazard.time_ps - hazard.other_ps, hazard.margin_ps);
    ck_assert_uint_ge(hazard.address, address_of(it, of->out));
    ck_assert_msg(strstr(hazard.text, "tile of the same command") != NULL, "%s", hazard.text);
}

static void judge(size_t index, const char *const *settings, weft_hazard_action action, verdict wanted)
{
    value_bench it;
    weft_error err = {0};
    static float numbers[NUMBERS];
    const char *what = cases[index].what;
    open_value_bench_with(&it, "tiny", &(value_options){.settings = settings, .hazards = action});
    fill(&it, false, 1, numbers);
    fill(&it, true, 2, numbers);
    weft_status status = run_trial(&it, &cases[index].of, &err);
    bool is_error = wanted != FINE && action == WEFT_HAZARDS_ERROR;
    ck_assert_msg(status == (is_error ? WEFT_HAZARD : WEFT_OK), "%s: %s", what, err.message);
    if (wanted == FINE)
        ck_assert_msg(weft__pe_values_hazards(it.memory) == 0, "%s: %s", what, hazard_at(&it, 0).text);
    else if (!is_error)
        check_hazard(&it, &cases[index].of, wanted, what);
    close_value_bench(&it);
}

START_TEST(overlaps_are_judged_tile_by_tile)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int action = 0; action < 3; action++) {
            verdict wanted = cases[i].verdict;
            judge(i, several, (weft_hazard_action)action, wanted);
            judge(i, one_by_one, (weft_hazard_action)action, wanted == FINE ? FINE : BROKEN); /* nothing is hidden */
        }
}
END_TEST

/* ---- what the numbers are ---- */

/* Memories of the model: the machine with one tile under way at a time. */
typedef struct model {
    float at[2][NUMBERS]; /* TCM, HBM */
} model;

static float *number(model *it, place at, uint64_t index)
{
    return &it->at[at.is_remote][at.first + index];
}

static float operate(weft_command_op op, float a, float b)
{
    if (op == WEFT_COMMAND_ADD)
        return a + b;
    if (op == WEFT_COMMAND_CLAMP)
        return a < -3 ? -3 : a > 2 ? 2 : a;
    return -a;
}

static void model_elements(model *it, const trial *of)
{
    uint64_t rows = of->shape.rank > 1 ? of->shape.extent[0] : 1, columns = of->shape.extent[of->shape.rank - 1];
    uint64_t elements = rows * columns;
    for (uint64_t begin = 0; begin < elements; begin += TILE_ELEMENTS) {
        float made[TILE_ELEMENTS];
        uint64_t count = elements - begin < TILE_ELEMENTS ? elements - begin : TILE_ELEMENTS;
        for (uint64_t i = 0; i < count; i++) {
            uint64_t index = begin + i, from = of->is_turned ? index % rows * columns + index / rows : index;
            made[i] = operate(of->op, *number(it, of->a, from), *number(it, of->b, index));
        }
        for (uint64_t i = 0; i < count; i++)
            *number(it, of->out, begin + i) = made[i];
    }
}

/* The first step, whose operand may be whole, a row, or of the tiles of k. */
static double step(model *it, const trial *of, uint64_t row, uint64_t column, double sum)
{
    uint64_t columns = of->step_shape.extent[of->step_shape.rank - 1];
    uint64_t at =
        (of->step_shape.rank > 1 && of->step_shape.extent[0] > 1 ? row * columns : 0) + (columns > 1 ? column : 0);
    double operand = (double)*number(it, of->c, at);
    return of->steps[0].op == WEFT_EPILOGUE_BIAS ? sum + operand : sum * operand;
}

static void model_tile(model *it, const trial *of, uint64_t row, uint64_t column, double *sums)
{
    uint64_t depth = of->shape.extent[1], columns = of->right.extent[1];
    weft_epilogue_scope scope = of->step_count ? of->steps[0].scope : WEFT_SCOPE_KERNEL;
    for (uint64_t r = row; r < row + TILE_M && r < of->shape.extent[0]; r++)
        for (uint64_t c = column; c < column + TILE_N && c < columns; c++) {
            double *sum = &sums[r * columns + c];
            *sum = 0;
            for (uint64_t first = 0; first < depth; first += TILE_K) {
                double part = 0;
                for (uint64_t k = first; k < first + TILE_K && k < depth; k++)
                    part += (double)*number(it, of->a, r * depth + k) * (double)*number(it, of->b, k * columns + c);
                *sum += scope == WEFT_SCOPE_K_TILE ? step(it, of, first / TILE_K, c, part) : part;
            }
            if (scope == WEFT_SCOPE_OUTPUT_TILE)
                *sum = step(it, of, r, c, *sum);
        }
    for (uint64_t r = row; r < row + TILE_M && r < of->shape.extent[0]; r++)
        for (uint64_t c = column; c < column + TILE_N && c < columns; c++)
            *number(it, of->out, r * columns + c) = (float)sums[r * columns + c];
}

static void model_product(model *it, const trial *of)
{
    static double sums[NUMBERS];
    uint64_t rows = of->shape.extent[0], columns = of->right.extent[1];
    for (uint64_t row = 0; row < rows; row += TILE_M)
        for (uint64_t column = 0; column < columns; column += TILE_N)
            model_tile(it, of, row, column, sums);
    if (!of->step_count || of->steps[0].scope != WEFT_SCOPE_KERNEL)
        return;
    for (uint64_t i = 0; i < rows * columns; i++)
        sums[i] = step(it, of, i / columns, i % columns, sums[i]);
    for (uint64_t i = 0; i < rows * columns; i++)
        *number(it, of->out, i) = (float)sums[i];
}

/* One tile after another leaves no doubt about what the machine does. */
static void check_numbers(const trial *of, uint64_t seed, const char *what)
{
    value_bench it;
    weft_error err;
    static model wanted;
    open_value_bench_with(&it, "tiny", &(value_options){.settings = one_by_one, .hazards = WEFT_HAZARDS_HARDWARE});
    fill(&it, false, 2 * seed, wanted.at[0]);
    fill(&it, true, 2 * seed + 1, wanted.at[1]);
    WEFT_TEST_ASSERT_OK(run_trial(&it, of, &err), err);
    if (of->op == WEFT_COMMAND_GEMM)
        model_product(&wanted, of);
    else
        model_elements(&wanted, of);
    must_stand(&it, false, wanted.at[0], what);
    must_stand(&it, true, wanted.at[1], what);
    close_value_bench(&it);
}

START_TEST(the_numbers_are_those_of_the_machine)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (!cases[i].of.is_direct)
            check_numbers(&cases[i].of, i, cases[i].what);
}
END_TEST

static place random_place(weft__rng *rng, bool is_remote)
{
    return (place){is_remote, weft__rng_below(rng, 700)};
}

static trial random_elements(weft__rng *rng)
{
    static const weft_command_op ops[] = {WEFT_COMMAND_NEG, WEFT_COMMAND_ADD, WEFT_COMMAND_CLAMP};
    trial it = {.op = ops[weft__rng_below(rng, 3)], .is_turned = weft__rng_below(rng, 3) == 0};
    bool is_remote = !it.is_turned && weft__rng_below(rng, 2);
    it.shape = weft_shape_2d(1 + weft__rng_below(rng, 20), 1 + weft__rng_below(rng, 40));
    it.a = random_place(rng, is_remote);
    it.b = random_place(rng, is_remote);
    it.out = random_place(rng, is_remote);
    return it;
}

static trial random_product(weft__rng *rng)
{
    static const weft_epilogue_op ops[] = {WEFT_EPILOGUE_BIAS, WEFT_EPILOGUE_DEQUANT};
    uint64_t m = 1 + weft__rng_below(rng, 20), k = 1 + weft__rng_below(rng, 20), n = 1 + weft__rng_below(rng, 30);
    trial it = {.op = WEFT_COMMAND_GEMM, .shape = weft_shape_2d(m, k), .right = weft_shape_2d(k, n)};
    bool is_remote = weft__rng_below(rng, 2);
    it.a = random_place(rng, is_remote);
    it.b = random_place(rng, is_remote);
    it.out = random_place(rng, is_remote);
    it.step_count = (uint32_t)weft__rng_below(rng, 2);
    it.steps[0] =
        (weft_epilogue){.op = ops[weft__rng_below(rng, 2)], .scope = (weft_epilogue_scope)weft__rng_below(rng, 3)};
    bool is_k_tile = it.steps[0].scope == WEFT_SCOPE_K_TILE;
    it.step_shape = weft_shape_2d(weft__rng_below(rng, 2) ? 1
                                  : is_k_tile             ? (k + TILE_K - 1) / TILE_K
                                                          : m,
                                  weft__rng_below(rng, 2) ? 1 : n);
    it.c = random_place(rng, false);
    return it;
}

START_TEST(so_are_those_of_overlaps_by_chance)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        char what[64];
        weft__rng rng;
        weft__rng_init(&rng, seed);
        const trial of = seed % 2 ? random_product(&rng) : random_elements(&rng);
        (void)snprintf(what, sizeof what, "seed %" PRIu64, seed);
        check_numbers(&of, seed, what);
    }
}
END_TEST

/* Where hazards are reported a tensor is what it was at first. */
START_TEST(reported_overlaps_compute_what_was_meant)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        value_bench it;
        weft_error err;
        static model wanted;
        static float sums[NUMBERS];
        const trial *of = &cases[i].of;
        if (of->op != WEFT_COMMAND_GEMM || of->step_count)
            continue;
        open_value_bench_with(&it, "tiny", &(value_options){.settings = several, .hazards = WEFT_HAZARDS_REPORT});
        fill(&it, false, 5, wanted.at[0]);
        fill(&it, true, 6, wanted.at[1]);
        WEFT_TEST_ASSERT_OK(run_trial(&it, of, &err), err);
        uint64_t rows = of->shape.extent[0], depth = of->shape.extent[1], columns = of->right.extent[1];
        for (uint64_t at = 0; at < rows * columns; at++) {
            sums[at] = 0;
            for (uint64_t k = 0; k < depth; k++)
                sums[at] += *number(&wanted, of->a, at / columns * depth + k) *
                            *number(&wanted, of->b, k * columns + at % columns);
        }
        memcpy(number(&wanted, of->out, 0), sums, rows * columns * sizeof *sums);
        must_stand(&it, false, wanted.at[0], cases[i].what);
        must_stand(&it, true, wanted.at[1], cases[i].what);
        close_value_bench(&it);
    }
}
END_TEST

/* Rows of a softmax are not tiles, so nothing can be said of one that reads what it has written. */
static void softmax_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    uint64_t mark = tl_mark(tl);
    (void)tl_full(tl, weft_shape_1d(16), WEFT_F32, 1);
    tl_tensor late = tl_full(tl, weft_shape_1d(1024), WEFT_F32, 1);
    tl_release(tl, mark);
    (void)tl_full(tl, weft_shape_1d(528), WEFT_F32, 1); /* half of it is gone */
    (void)tl_sum(tl, tl_reshape(tl, tl_ref(tl, late.address, late.shape, WEFT_F32), weft_shape_2d(2, 512)), 0);
}

START_TEST(what_cannot_be_computed_says_so)
{
    value_bench it;
    weft_error err;
    open_value_bench_with(&it, "tiny", &(value_options){.settings = one_by_one, .hazards = WEFT_HAZARDS_HARDWARE});
    weft_status status = try_kernel(&it, softmax_kernel, NULL, 1, &err);
    ck_assert_msg(status == WEFT_UNSUPPORTED, "%s", status ? err.message : "it was computed");
    ck_assert_msg(strstr(err.message, "operation 'sum'") != NULL, "%s", err.message);
    close_value_bench(&it);
}
END_TEST

/* ---- changes by others ---- */

typedef struct change_work {
    uint64_t a, b, out, elements;
    bool is_product;
} change_work;

/* Streams an operand while its own store writes over all of it. */
static void change_kernel(weft_tile *tl, const void *arguments)
{
    const change_work *it = arguments;
    weft_shape shape = weft_shape_2d(it->elements / 8, 8);
    tl_tensor threes = tl_full(tl, weft_shape_1d(it->is_product ? 64 : it->elements), WEFT_F32, 3);
    tl_tensor a = tl_ref(tl, it->a, shape, WEFT_F32), b = tl_ref(tl, it->b, weft_shape_2d(8, 8), WEFT_F32);
    tl_command command =
        tl_composite(tl, &(tl_composite_request){.op = it->is_product ? WEFT_COMMAND_GEMM : WEFT_COMMAND_ADD,
                                                 .a = a,
                                                 .b = it->is_product ? b : a,
                                                 .out = it->out,
                                                 .dtype = WEFT_F32});
    for (int i = 0; i < 20 && it->is_product; i++) /* until the command is at it */
        (void)tl_exp(tl, threes);
    tl_store(tl, it->is_product ? it->b : it->a, threes);
    tl_wait(tl, command);
}

START_TEST(tiles_that_are_read_after_a_change_have_it)
{
    for (int is_product = 0; is_product < 2; is_product++)
        for (int action = WEFT_HAZARDS_REPORT; action <= WEFT_HAZARDS_HARDWARE; action++) {
            value_bench it;
            weft_error err;
            static float numbers[NUMBERS], found[NUMBERS];
            open_value_bench_with(&it, "tiny",
                                  &(value_options){.settings = several, .hazards = (weft_hazard_action)action});
            const weft_shape shape = weft_shape_1d(NUMBERS);
            change_work job = {.a = address_of(&it, (place){true, 0}),
                               .b = address_of(&it, (place){true, 4096}),
                               .out = address_of(&it, (place){true, 8192}),
                               .elements = 2048,
                               .is_product = is_product};
            for (uint64_t i = 0; i < NUMBERS; i++)
                numbers[i] = 1;
            WEFT_TEST_ASSERT_OK(weft__pe_values_write(it.memory, job.a, WEFT_F32, &shape, numbers, &err), err);
            WEFT_TEST_ASSERT_OK(weft__pe_values_write(it.memory, job.b, WEFT_F32, &shape, numbers, &err), err);
            WEFT_TEST_ASSERT_OK(try_kernel(&it, change_kernel, &job, 1, &err), err);
            ck_assert_uint_ge(count_hazards(&it, WEFT_KERNEL_HAZARD_OVERWRITTEN, NULL), 1);
            ck_assert_int_eq(hazard_at(&it, 0).kind, WEFT_KERNEL_HAZARD_WAR); /* and the order has failed */
            ck_assert(!hazard_at(&it, 0).held && hazard_at(&it, 0).margin_ps > 0);
            get(&it, job.out, 1, job.elements, found);
            float before = is_product ? 8 : 2;
            uint64_t changed = 0;
            for (uint64_t i = 0; i < job.elements; i++) {
                /* Tiles are old or new, and once they are new they stay so; b of a product may change within one. */
                uint64_t tile = i / TILE_ELEMENTS * TILE_ELEMENTS;
                ck_assert(found[i] == found[tile] && found[i] >= (i ? found[i - 1] : before));
                changed += found[i] != before;
            }
            ck_assert(found[0] == before);
            ck_assert(found[job.elements - 1] == (action == WEFT_HAZARDS_HARDWARE ? 3 * before : before));
            ck_assert_msg((changed > 0) == (action == WEFT_HAZARDS_HARDWARE), "%" PRIu64 " have changed", changed);
            close_value_bench(&it);
        }
}
END_TEST

/* ---- memory ---- */

START_TEST(every_allocation_may_fail)
{
    static const size_t which[] = {9, 13};
    for (size_t i = 0; i < 2; i++) {
        bool failed = true;
        uint64_t tried = 0;
        for (; failed; tried++) {
            value_bench it;
            weft_error err;
            static float numbers[NUMBERS];
            const trial *of = &cases[which[i]].of;
            open_value_bench_with(&it, "tiny", &(value_options){.settings = several, .hazards = WEFT_HAZARDS_HARDWARE});
            fill(&it, false, 1, numbers);
            fill(&it, true, 2, numbers);
            const trial_work job = {*of, address_of(&it, of->a), address_of(&it, of->b), address_of(&it, of->c),
                                    address_of(&it, of->out)};
            launch_kernel(&it.base, trial_kernel, &job, 1);
            weft_test_fail_allocation_after(tried);
            weft_status status = weft__sim_run(it.base.base.sim, WEFT__NEVER, &err);
            failed = weft_test_stop_failing();
            ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %" PRIu64 " gave %s: %s",
                          tried, weft_status_name(status), status == WEFT_OK ? "" : err.message);
            close_value_bench(&it);
        }
        ck_assert_uint_gt(tried, 20);
    }
}
END_TEST

WEFT_TEST_MAIN("overlap", overlaps_are_judged_tile_by_tile, the_numbers_are_those_of_the_machine,
               so_are_those_of_overlaps_by_chance, reported_overlaps_compute_what_was_meant,
               what_cannot_be_computed_says_so, tiles_that_are_read_after_a_change_have_it, every_allocation_may_fail)
