/* Kernels that compute: numbers against plain loops, what is captured when, and hazards. */
#include "tile_bench.h"

#include <math.h>

#include "base/dtype.h"
#include "base/rng.h"
#include "sim/pe/pe_values.h"
#include "support/failing_malloc.h"

typedef struct value_bench {
    tile_bench base;
    weft__values *values;
    weft__pe_values *memory;
    char hazard[1024]; /* the last */
} value_bench;

static void note_hazard(void *context, const char *sentence)
{
    value_bench *it = context;
    (void)snprintf(it->hazard, sizeof it->hazard, "%s", sentence);
}

static void open_value_bench(value_bench *it, const char *machine, weft__hazard_mode hazards, bool is_eager)
{
    weft_error err;
    const weft__values_options values = {.is_eager = is_eager};
    const weft__pe_values_options options = {hazards, note_hazard, it};
    *it = (value_bench){0};
    open_tile_bench(&it->base, machine, NULL);
    WEFT_TEST_ASSERT_OK(weft__values_create(&values, &it->values, &err), err);
    WEFT_TEST_ASSERT_OK(weft__pe_values_create(it->base.pes, it->values, &options, &it->memory, &err), err);
}

static void close_value_bench(value_bench *it)
{
    weft__pe_values_destroy(it->memory);
    weft__values_destroy(it->values);
    close_tile_bench(&it->base);
}

/* ---- data ---- */

#define ELEMENTS_MAX 40000u

/* Matrices by chance: f32, and rounded to f16. */
typedef struct matrix {
    uint64_t rows, columns;
    float at[ELEMENTS_MAX];
    uint16_t half[ELEMENTS_MAX];
} matrix;

static matrix *new_matrix(uint64_t seed, uint64_t rows, uint64_t columns)
{
    weft__rng rng;
    weft__rng_init(&rng, seed);
    matrix *it = calloc(1, sizeof *it);
    it->rows = rows;
    it->columns = columns;
    for (uint64_t i = 0; i < rows * columns; i++) {
        it->half[i] = weft__f16_from_f32((float)weft__rng_below(&rng, 2001) / 1000.0f - 1.0f);
        it->at[i] = weft__f16_to_f32(it->half[i]);
    }
    return it;
}

static void put(value_bench *it, uint64_t address, const matrix *from, weft_dtype dtype)
{
    weft_error err;
    const weft_shape shape = weft_shape_2d(from->rows, from->columns);
    const void *data = dtype == WEFT_F16 ? (const void *)from->half : (const void *)from->at;
    WEFT_TEST_ASSERT_OK(weft__pe_values_write(it->memory, address, dtype, &shape, data, &err), err);
}

static void get(value_bench *it, uint64_t address, uint64_t rows, uint64_t columns, float *out)
{
    weft_error err;
    const weft_shape shape = weft_shape_2d(rows, columns);
    WEFT_TEST_ASSERT_OK(weft__pe_values_read(it->memory, address, WEFT_F32, &shape, out, &err), err);
}

/* What a kernel works on. */
typedef struct work {
    uint64_t a, b, c, out;
    uint64_t m, k, n;
    int what;
} work;

static work work_in(const value_bench *it, uint64_t m, uint64_t k, uint64_t n)
{
    return (work){.a = address_in(&it->base, WEFT__REGION_HBM, 0, 0, 0),
                  .b = address_in(&it->base, WEFT__REGION_HBM, 0, 1, 1 << 20),
                  .c = address_in(&it->base, WEFT__REGION_SRAM, 0, 0, 0),
                  .out = address_in(&it->base, WEFT__REGION_HBM, 0, 0, 2 << 20),
                  .m = m,
                  .k = k,
                  .n = n};
}

/* ---- numbers ---- */

/* softmax(a b / 2) with all that has no command of its own spelt out. */
static void softmax_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor a = tl_load(tl, it->a, weft_shape_2d(it->m, it->k), WEFT_F32);
    tl_tensor b = tl_load(tl, it->b, weft_shape_2d(it->n, it->k), WEFT_F32);
    tl_tensor s = tl_dot(tl, a, tl_trans(tl, b));
    s = tl_mul(tl, s, tl_full(tl, weft_shape_2d(1, 1), WEFT_F32, 0.5));
    tl_tensor e = tl_exp(tl, tl_sub(tl, s, tl_max(tl, s, 1)));
    tl_store(tl, it->out, it->what ? tl_softmax(tl, s, 1) : tl_div(tl, e, tl_sum(tl, e, 1)));
}

START_TEST(a_kernel_computes_what_it_says)
{
    static float found[ELEMENTS_MAX];
    for (int what = 0; what < 4; what++) {
        value_bench it;
        open_value_bench(&it, "tiny", WEFT__HAZARDS_ERROR, what >= 2);
        work job = work_in(&it, 37, 70, 45);
        job.what = what % 2;
        matrix *a = new_matrix(1, job.m, job.k), *b = new_matrix(2, job.n, job.k);
        put(&it, job.a, a, WEFT_F32);
        put(&it, job.b, b, WEFT_F32);
        (void)run_kernel(&it.base, softmax_kernel, &job, 1);
        get(&it, job.out, job.m, job.n, found);
        for (uint64_t row = 0; row < job.m; row++) {
            double sums[64], most = -1e30, all = 0;
            for (uint64_t column = 0; column < job.n; column++) {
                sums[column] = 0;
                for (uint64_t i = 0; i < job.k; i++)
                    sums[column] += (double)a->at[row * job.k + i] * (double)b->at[column * job.k + i];
                most = fmax(most, sums[column] / 2);
            }
            for (uint64_t column = 0; column < job.n; column++)
                all += exp(sums[column] / 2 - most);
            for (uint64_t column = 0; column < job.n; column++)
                WEFT_TEST_ASSERT_CLOSE((double)found[row * job.n + column], exp(sums[column] / 2 - most) / all, 0,
                                       1e-5);
        }
        ck_assert_uint_eq(weft__pe_values_hazards(it.memory), 0);
        free(a);
        free(b);
        close_value_bench(&it);
    }
}
END_TEST

/* relu(a b + c) in tiles, of operands that are elsewhere. */
static void composite_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    const tl_epilogue epilogues[] = {
        {.step = {WEFT_EPILOGUE_BIAS, WEFT_SCOPE_OUTPUT_TILE, 0},
         .operand = tl_load(tl, it->c, weft_shape_2d(1, it->n), WEFT_F32)},
        {.step = {WEFT_EPILOGUE_RELU, (weft_epilogue_scope)(it->what & 2), 0}},
    };
    tl_tensor a = tl_ref(tl, it->a, weft_shape_2d(it->k, it->m), WEFT_F16);
    tl_tensor b = it->what & 1 ? tl_load(tl, it->b, weft_shape_2d(it->k, it->n), WEFT_F16)
                               : tl_ref(tl, it->b, weft_shape_2d(it->k, it->n), WEFT_F16);
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = tl_trans(tl, a),
                                          .b = b,
                                          .out = it->out,
                                          .dtype = WEFT_F32,
                                          .epilogues = epilogues,
                                          .epilogue_count = 2};
    (void)tl_composite(tl, &request);
}

START_TEST(a_composite_command_computes_what_it_says)
{
    static float found[ELEMENTS_MAX];
    for (int what = 0; what < 4; what++) {
        value_bench it;
        open_value_bench(&it, "tiny", WEFT__HAZARDS_ERROR, false);
        work job = work_in(&it, 65, 130, 33);
        job.what = what;
        matrix *a = new_matrix(3, job.k, job.m), *b = new_matrix(4, job.k, job.n), *c = new_matrix(5, 1, job.n);
        put(&it, job.a, a, WEFT_F16);
        put(&it, job.b, b, WEFT_F16);
        put(&it, job.c, c, WEFT_F32);
        (void)run_kernel(&it.base, composite_kernel, &job, 1);
        get(&it, job.out, job.m, job.n, found);
        for (uint64_t row = 0; row < job.m; row++)
            for (uint64_t column = 0; column < job.n; column++) {
                double sum = (double)c->at[column];
                for (uint64_t i = 0; i < job.k; i++)
                    sum += (double)a->at[i * job.m + row] * (double)b->at[i * job.n + column];
                WEFT_TEST_ASSERT_CLOSE((double)found[row * job.n + column], fmax(sum, 0), 1e-6, 1e-6);
            }
        free(a);
        free(b);
        free(c);
        close_value_bench(&it);
    }
}
END_TEST

/* The middle of a matrix, turned, and flat. */
static void view_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor a = tl_load(tl, it->a, weft_shape_2d(it->m, it->n), WEFT_F32);
    tl_tensor part = tl_slice(tl, tl_slice(tl, a, 0, 2, it->m - 3), 1, 1, it->n - 4);
    tl_store(tl, it->out, it->what == 0 ? part : tl_trans(tl, part));
    tl_tensor flat = tl_reshape(tl, tl_slice(tl, a, 0, 1, 2), weft_shape_3d(2, 1, it->n));
    tl_store(tl, it->b, tl_neg(tl, tl_trans(tl, flat)));
}

START_TEST(views_are_parts_of_values)
{
    static float found[ELEMENTS_MAX];
    for (int what = 0; what < 2; what++) {
        value_bench it;
        open_value_bench(&it, "tiny", WEFT__HAZARDS_ERROR, false);
        work job = work_in(&it, 9, 0, 11);
        job.what = what;
        matrix *a = new_matrix(6, job.m, job.n);
        put(&it, job.a, a, WEFT_F32);
        (void)run_kernel(&it.base, view_kernel, &job, 1);
        get(&it, job.out, 6, 7, found);
        for (uint64_t row = 0; row < 6; row++)
            for (uint64_t column = 0; column < 7; column++) {
                float there = what ? found[column * 6 + row] : found[row * 7 + column];
                ck_assert(there == a->at[(row + 2) * 11 + column + 1]);
            }
        get(&it, job.b, 2, 11, found);
        for (uint64_t i = 0; i < 22; i++)
            ck_assert(found[i] == -a->at[11 + i]);
        free(a);
        close_value_bench(&it);
    }
}
END_TEST

/* All the rest, on one row. */
static void assorted_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor a = tl_load(tl, it->a, weft_shape_2d(1, it->n), WEFT_F32);
    tl_tensor b = tl_load(tl, it->b, weft_shape_2d(1, it->n), WEFT_F32);
    tl_tensor results[] = {
        tl_add(tl, a, b),
        tl_maximum(tl, a, b),
        tl_minimum(tl, a, b),
        tl_fma(tl, a, b, a),
        tl_where(tl, tl_lt(tl, a, b), a, b),
        tl_clamp(tl, a, -0.5, 0.25),
        tl_cast(tl, tl_cast(tl, a, WEFT_F16), WEFT_F32),
        tl_full(tl, weft_shape_2d(1, it->n), WEFT_F32, 0.75),
    };
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        tl_store(tl, it->out + i * it->n * 4, results[i]);
}

START_TEST(each_operation_is_what_its_name_says)
{
    static float found[ELEMENTS_MAX];
    value_bench it;
    open_value_bench(&it, "tiny", WEFT__HAZARDS_ERROR, false);
    work job = work_in(&it, 1, 0, 100);
    matrix *a = new_matrix(7, 1, job.n), *b = new_matrix(8, 1, job.n);
    put(&it, job.a, a, WEFT_F32);
    put(&it, job.b, b, WEFT_F32);
    (void)run_kernel(&it.base, assorted_kernel, &job, 1);
    get(&it, job.out, 8, job.n, found);
    for (uint64_t i = 0; i < job.n; i++) {
        float x = a->at[i], y = b->at[i];
        const float expected[] = {x + y,       fmaxf(x, y),
                                  fminf(x, y), (float)((double)x * (double)y + (double)x),
                                  fminf(x, y), fminf(fmaxf(x, -0.5f), 0.25f),
                                  x,           0.75f};
        for (uint64_t j = 0; j < 8; j++)
            ck_assert_msg(found[j * job.n + i] == expected[j], "result %" PRIu64 " of %g and %g is %g, not %g", j,
                          (double)x, (double)y, (double)found[j * job.n + i], (double)expected[j]);
    }
    free(a);
    free(b);
    close_value_bench(&it);
}
END_TEST

/* ---- time ---- */

START_TEST(values_cost_no_time)
{
    uint64_t times[2], hashes[2];
    for (int with_values = 0; with_values < 2; with_values++) {
        value_bench it;
        open_value_bench(&it, "tiny", WEFT__HAZARDS_ERROR, false);
        work job = work_in(&it, 65, 130, 33);
        matrix *a = new_matrix(3, job.k, job.m), *b = new_matrix(4, job.k, job.n), *c = new_matrix(5, 1, job.n);
        put(&it, job.a, a, WEFT_F16);
        put(&it, job.b, b, WEFT_F16);
        put(&it, job.c, c, WEFT_F32);
        if (!with_values)
            weft__pes_record(it.base.pes, NULL);
        times[with_values] = kernel_ps(&it.base, composite_kernel, &job);
        weft__sim_info info;
        weft__sim_get_info(it.base.base.sim, &info);
        hashes[with_values] = info.trace_hash;
        free(a);
        free(b);
        free(c);
        close_value_bench(&it);
    }
    ck_assert_uint_eq(times[0], times[1]);
    ck_assert_uint_eq(hashes[0], hashes[1]);
}
END_TEST

/* ---- hazards ---- */

/* A slot is given back and loaded again, and what was there before is used. */
static void reuse_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    uint64_t mark = tl_mark(tl);
    tl_tensor old = tl_load(tl, it->a, weft_shape_2d(1, it->n), WEFT_F32);
    if (it->what == 1) /* sent before the slot is written again */
        tl_store(tl, it->out, old);
    if (it->what == 0) { /* a value that is nowhere else */
        old = tl_neg(tl, old);
        tl_release(tl, mark);
        (void)tl_load(tl, it->b, weft_shape_2d(1, it->n), WEFT_F32);
    }
    if (it->what == 2) /* the same through the PE's own memory, by another command */
        tl_wait(tl, tl_composite(tl, &(tl_composite_request){.op = WEFT_COMMAND_NEG,
                                                             .a = tl_ref(tl, it->b, old.shape, WEFT_F32),
                                                             .out = old.address,
                                                             .dtype = WEFT_F32}));
    else
        (void)tl_load(tl, it->b, weft_shape_2d(1, it->n), WEFT_F32);
    if (it->what != 1)
        tl_store(tl, it->out, tl_add(tl, old, old));
}

/* Gives the first element that is stored, and the status of the run. */
static weft_status reuse(weft__hazard_mode mode, int what, float *out, uint64_t *out_hazards, weft_error *err,
                         char sentence[1024])
{
    value_bench it;
    open_value_bench(&it, "tiny", mode, false);
    work job = work_in(&it, 1, 0, 64);
    job.what = what;
    matrix *a = new_matrix(0, 1, job.n), *b = new_matrix(0, 1, job.n);
    for (uint64_t i = 0; i < job.n; i++) {
        a->at[i] = 7;
        b->at[i] = 99;
    }
    put(&it, job.a, a, WEFT_F32);
    put(&it, job.b, b, WEFT_F32);
    launch_kernel(&it.base, reuse_kernel, &job, 1);
    weft_status status = weft__sim_run(it.base.base.sim, WEFT__NEVER, err);
    float stored[64];
    if (status == WEFT_OK)
        get(&it, job.out, 1, job.n, stored);
    *out = status == WEFT_OK ? stored[0] : 0;
    *out_hazards = weft__pe_values_hazards(it.memory);
    memcpy(sentence, it.hazard, sizeof it.hazard);
    free(a);
    free(b);
    close_value_bench(&it);
    return status;
}

START_TEST(a_slot_that_is_written_again_is_found)
{
    float stored;
    uint64_t hazards;
    weft_error err;
    char sentence[1024];
    /* The hazard ends the run. */
    ck_assert_int_eq(reuse(WEFT__HAZARDS_ERROR, 2, &stored, &hazards, &err, sentence), WEFT_HAZARD);
    ck_assert_msg(strstr(err.message, "Kernel 'kernel' on sip0.cube0.pe0 at ") == err.message, "%s", err.message);
    ck_assert_msg(strstr(err.message, ", tl_add: Hazard: operand 0, f32 [1, 64] at 0x") != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, ": 256 bytes at 0x") != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, " were written by sip0.cube0.pe0 at ") != NULL, "%s", err.message);
    ck_assert_int_eq(reuse(WEFT__HAZARDS_ERROR, 0, &stored, &hazards, &err, sentence), WEFT_HAZARD);
    ck_assert_msg(strstr(err.message, "given back and written again") != NULL, "%s", err.message);
    /* It is told of, and the tensor is what it was given. */
    ck_assert_int_eq(reuse(WEFT__HAZARDS_REPORT, 2, &stored, &hazards, &err, sentence), WEFT_OK);
    ck_assert(stored == 14);
    ck_assert_uint_eq(hazards, 2); /* each of the operands */
    ck_assert_msg(strstr(sentence, "Hazard: operand 1") != NULL, "%s", sentence);
    /* Or what the machine would read. */
    ck_assert_int_eq(reuse(WEFT__HAZARDS_HARDWARE, 2, &stored, &hazards, &err, sentence), WEFT_OK);
    ck_assert(stored == -198);
    ck_assert_uint_eq(hazards, 2);
    /* What left before the slot was written again is as it was, and no hazard. */
    ck_assert_int_eq(reuse(WEFT__HAZARDS_ERROR, 1, &stored, &hazards, &err, sentence), WEFT_OK);
    ck_assert(stored == 7);
    ck_assert_uint_eq(hazards, 0);
}
END_TEST

/* PE 0 streams a matrix while PE 1 writes a part of it. */
static void race_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    if (tl_program_id(tl, TL_AXIS_PE) == 1) {
        tl_tensor row = tl_full(tl, weft_shape_2d(1, it->n), WEFT_F16, 1);
        for (int i = 0; i < 20; i++) /* until the other one is at it */
            row = tl_exp(tl, row);
        uint64_t where = it->what == 0 ? (it->k - 1) * it->n * 2 : it->k * it->n * 2;
        tl_store(tl, it->b + where, row);
        return;
    }
    const tl_composite_request request = {.op = WEFT_COMMAND_GEMM,
                                          .a = tl_full(tl, weft_shape_2d(it->m, it->k), WEFT_F16, 1),
                                          .b = tl_ref(tl, it->b, weft_shape_2d(it->k, it->n), WEFT_F16),
                                          .out = it->out,
                                          .dtype = WEFT_F32};
    (void)tl_composite(tl, &request);
}

START_TEST(an_operand_that_changes_while_it_is_read_is_found)
{
    for (int what = 0; what < 2; what++) {
        value_bench it;
        weft_error err;
        open_value_bench(&it, "tiny", WEFT__HAZARDS_ERROR, false);
        work job = work_in(&it, 1, 640, 32);
        job.what = what; /* its last row, or what is behind it */
        matrix *b = new_matrix(9, job.k, job.n);
        put(&it, job.b, b, WEFT_F16);
        launch_kernel(&it.base, race_kernel, &job, 2);
        weft_status status = weft__sim_run(it.base.base.sim, WEFT__NEVER, &err);
        ck_assert_msg(status == (what ? WEFT_OK : WEFT_HAZARD), "%s", status == WEFT_OK ? "no hazard" : err.message);
        if (what == 0) {
            ck_assert_msg(strstr(err.message, "tl_composite: Hazard: operand 1, f16 [640, 32]") != NULL, "%s",
                          err.message);
            ck_assert_msg(strstr(err.message, "changed while it was read: 64 bytes at 0x") != NULL, "%s", err.message);
            ck_assert_msg(strstr(err.message, " were written by sip0.cube0.pe1 at ") != NULL, "%s", err.message);
        }
        free(b);
        close_value_bench(&it);
    }
}
END_TEST

/* PE 0 loads a long row while PE 1 writes the end of it. */
static void overtake_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    if (tl_program_id(tl, TL_AXIS_PE) == 1)
        tl_store(tl, it->a + it->n * 4 - 256, tl_full(tl, weft_shape_2d(1, 64), WEFT_F32, 99));
    else
        tl_store(tl, it->out, tl_load(tl, it->a, weft_shape_2d(1, it->n), WEFT_F32));
}

START_TEST(a_load_is_what_was_there_when_the_memory_was_asked)
{
    static float found[ELEMENTS_MAX];
    for (int mode = 0; mode < 2; mode++) {
        value_bench it;
        weft_error err;
        open_value_bench(&it, "tiny", mode ? WEFT__HAZARDS_REPORT : WEFT__HAZARDS_ERROR, false);
        work job = work_in(&it, 1, 0, 16384);
        matrix *a = new_matrix(13, 1, job.n);
        put(&it, job.a, a, WEFT_F32);
        launch_kernel(&it.base, overtake_kernel, &job, 2);
        weft_status status = weft__sim_run(it.base.base.sim, WEFT__NEVER, &err);
        ck_assert_int_eq(status, mode ? WEFT_OK : WEFT_HAZARD);
        const char *said = mode ? it.hazard : err.message;
        ck_assert_msg(strstr(said, "tl_load: Hazard: operand 0") != NULL, "%s", said);
        ck_assert_msg(strstr(said, "changed while it was read: 256 bytes") != NULL, "%s", said);
        if (mode) {
            get(&it, job.out, 1, job.n, found);
            ck_assert_mem_eq(found, a->at, job.n * sizeof(float));
            get(&it, job.a, 1, job.n, found);
            ck_assert(found[job.n - 1] == 99 && found[job.n - 65] == a->at[job.n - 65]);
        }
        free(a);
        close_value_bench(&it);
    }
}
END_TEST

START_TEST(what_nobody_wrote_is_named)
{
    value_bench it;
    weft_error err;
    open_value_bench(&it, "tiny", WEFT__HAZARDS_ERROR, false);
    work job = work_in(&it, 1, 0, 64);
    matrix *a = new_matrix(0, 1, 32);
    put(&it, job.a, a, WEFT_F32); /* half of it */
    launch_kernel(&it.base, reuse_kernel, &job, 1);
    WEFT_TEST_ASSERT_STATUS(weft__sim_run(it.base.base.sim, WEFT__NEVER, &err), WEFT_INVALID_STATE);
    ck_assert_msg(strstr(err.message, "Kernel 'kernel' on sip0.cube0.pe0 at ") == err.message, "%s", err.message);
    ck_assert_msg(strstr(err.message, ", tl_load: Bytes ") != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, "sip0.cube0.pe0.hbm") != NULL, "%s", err.message);
    free(a);
    close_value_bench(&it);
}
END_TEST

/* ---- memory ---- */

static void loop_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    for (uint64_t i = 0; i < it->k; i++) {
        uint64_t mark = tl_mark(tl);
        tl_tensor a = tl_load(tl, it->a, weft_shape_2d(1, it->n), WEFT_F32);
        tl_store(tl, it->a, tl_add(tl, a, a));
        tl_release(tl, mark);
    }
}

START_TEST(values_end_when_nobody_needs_them)
{
    value_bench it;
    open_value_bench(&it, "tiny", WEFT__HAZARDS_ERROR, true);
    work job = work_in(&it, 1, 100, 16);
    matrix *a = new_matrix(11, 1, job.n);
    put(&it, job.a, a, WEFT_F32);
    (void)run_kernel(&it.base, loop_kernel, &job, 1);
    weft__values_statistics statistics;
    weft__values_get_statistics(it.values, &statistics);
    ck_assert_uint_ge(statistics.made, 100);
    ck_assert_uint_le(statistics.live, 4);
    float found[16];
    get(&it, job.a, 1, job.n, found);
    for (uint64_t i = 0; i < job.n; i++)
        ck_assert(found[i] == ldexpf(a->at[i], 100));
    free(a);
    close_value_bench(&it);
}
END_TEST

/* Everything but the machine, with nothing asserted in between. */
static weft_status try_values(value_bench *it, const work *job, const matrix *data, const uint32_t *cpus,
                              weft_error *err)
{
    const weft_shape a = weft_shape_2d(job->k, job->m), b = weft_shape_2d(job->k, job->n), c = weft_shape_2d(1, job->n);
    const weft__kernel_request request = {
        .name = "values", .kernel = composite_kernel, .arguments = job, .cpus = cpus, .count = 1};
    weft_status status = weft__values_create(NULL, &it->values, err);
    if (status == WEFT_OK)
        status = weft__pe_values_create(it->base.pes, it->values, NULL, &it->memory, err);
    if (status == WEFT_OK)
        status = weft__pe_values_write(it->memory, job->a, WEFT_F16, &a, data->half, err);
    if (status == WEFT_OK)
        status = weft__pe_values_write(it->memory, job->b, WEFT_F16, &b, data->half, err);
    if (status == WEFT_OK)
        status = weft__pe_values_write(it->memory, job->c, WEFT_F32, &c, data->at, err);
    if (status == WEFT_OK)
        status = weft__kernel_launch(it->base.pes, 0, &request, &it->base.run, err);
    return status == WEFT_OK ? weft__sim_run(it->base.base.sim, WEFT__NEVER, err) : status;
}

START_TEST(every_allocation_may_fail)
{
    bool failed = true;
    uint64_t tried = 0;
    matrix *data = new_matrix(12, 1, ELEMENTS_MAX);
    for (; failed; tried++) {
        value_bench it = {0};
        weft_error err;
        open_tile_bench(&it.base, "tiny", NULL);
        work job = work_in(&it, 33, 65, 33);
        size_t count = 1;
        uint32_t *cpus = first_cpus(&it.base, &count);
        weft_test_fail_allocation_after(tried);
        weft_status status = try_values(&it, &job, data, cpus, &err);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == (failed ? WEFT_OUT_OF_MEMORY : WEFT_OK), "allocation %" PRIu64 " gave %s: %s", tried,
                      weft_status_name(status), status == WEFT_OK ? "" : err.message);
        free(cpus);
        close_value_bench(&it);
    }
    ck_assert_uint_gt(tried, 30);
    free(data);
}
END_TEST

WEFT_TEST_MAIN("tile_values", a_kernel_computes_what_it_says, a_composite_command_computes_what_it_says,
               views_are_parts_of_values, each_operation_is_what_its_name_says, values_cost_no_time,
               a_slot_that_is_written_again_is_found, an_operand_that_changes_while_it_is_read_is_found,
               a_load_is_what_was_there_when_the_memory_was_asked, what_nobody_wrote_is_named,
               values_end_when_nobody_needs_them, every_allocation_may_fail)
