/* Kernels that compute: numbers against plain loops, and what they cost. */
#include "value_bench.h"

#include <math.h>

#include "sim/pe/perturb.h"
#include "support/failing_malloc.h"

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
        open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, what >= 2);
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
        open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, false);
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
        open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, false);
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
    open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, false);
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

/* ---- peeking ---- */

/* Halves a row until its largest element is below a bound that it can only know by looking; and looks at a column. */
static void halving_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor a = tl_load(tl, it->a, weft_shape_2d(it->m, it->n), WEFT_F32);
    float column[64], most = 1;
    tl_peek(tl, tl_trans(tl, tl_slice(tl, a, 1, 3, 2)), column);
    for (uint64_t row = 0; row < it->m; row++)
        if (column[row] == column[it->m + row])
            return; /* the two columns are not alike */
    uint64_t rounds = 0;
    for (; most > 0.01f && rounds < 20; rounds++) {
        a = tl_mul(tl, a, tl_full(tl, weft_shape_2d(1, 1), WEFT_F32, 0.5));
        tl_peek(tl, tl_max(tl, tl_reshape(tl, a, weft_shape_1d(it->m * it->n)), 0), &most);
    }
    tl_store(tl, it->out, a);
    tl_store(tl, it->b, tl_full(tl, weft_shape_2d(1, 1), WEFT_F32, (double)rounds));
}

START_TEST(a_kernel_may_branch_on_data)
{
    static float found[ELEMENTS_MAX];
    uint64_t times[2];
    for (int is_eager = 0; is_eager < 2; is_eager++) {
        value_bench it;
        open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, is_eager);
        work job = work_in(&it, 5, 0, 32);
        matrix *a = new_matrix(3, job.m, job.n);
        float most = -1, rounds;
        for (uint64_t i = 0; i < job.m * job.n; i++)
            most = fmaxf(most, a->at[i]);
        put(&it, job.a, a, WEFT_F32);
        times[is_eager] = kernel_ps(&it.base, halving_kernel, &job);
        get(&it, job.b, 1, 1, &rounds);
        int expected = 0;
        for (; most > 0.01f; expected++)
            most /= 2;
        ck_assert(expected > 0 && rounds == (float)expected);
        get(&it, job.out, job.m, job.n, found);
        for (uint64_t i = 0; i < job.m * job.n; i++)
            ck_assert(found[i] == ldexpf(a->at[i], -expected));
        free(a);
        close_value_bench(&it);
    }
    ck_assert_uint_eq(times[0], times[1]);
}
END_TEST

static void look_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    float seen[64];
    tl_tensor a = tl_full(tl, weft_shape_1d(64), WEFT_F32, 3);
    for (int i = 0; i < it->what; i++)
        tl_peek(tl, a, seen);
}

START_TEST(a_look_takes_its_dispatch_and_the_time_to_read)
{
    value_bench it;
    open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, false);
    work job = work_in(&it, 0, 0, 0);
    uint64_t none_ps = kernel_ps(&it.base, look_kernel, &job);
    job.what = 3;
    weft__kernel_report report = run_kernel(&it.base, look_kernel, &job, 1);
    /* 1 ns, and 256 bytes at 512 GB/s. */
    ck_assert_uint_eq(report.end - report.start, none_ps + 3 * 1500);
    ck_assert_uint_eq(report.times.processor_ps[WEFT__PE_DISPATCH], 1000 + 3 * 1500);
    close_value_bench(&it);
}
END_TEST

START_TEST(there_is_nothing_to_look_at_without_values)
{
    tile_bench it;
    weft_error err;
    work job = {.what = 1};
    open_tile_bench(&it, "tiny", NULL);
    launch_kernel(&it, look_kernel, &job, 1);
    WEFT_TEST_ASSERT_STATUS(weft__sim_run(it.base.sim, WEFT__NEVER, &err), WEFT_UNSUPPORTED);
    ck_assert_msg(strstr(err.message, "tl_peek: There is nothing to look at") != NULL, "%s", err.message);
    close_tile_bench(&it);
}
END_TEST

/* ---- time ---- */

START_TEST(values_cost_no_time)
{
    uint64_t times[2], hashes[2];
    for (int with_values = 0; with_values < 2; with_values++) {
        value_bench it;
        open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, false);
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

/* ---- tiles that overtake each other ---- */

/* Tiles that leave by channels of their own, and whose writes take unlike times. */
static void overtaking_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    const tl_composite_request request = {.op = it->what ? WEFT_COMMAND_GEMM : WEFT_COMMAND_NEG,
                                          .a = tl_ref(tl, it->a, weft_shape_2d(it->m, it->k), WEFT_F32),
                                          .b = it->what ? tl_ref(tl, it->b, weft_shape_2d(it->k, it->n), WEFT_F32)
                                                        : (tl_tensor){.address = 0},
                                          .out = it->out,
                                          .dtype = WEFT_F32};
    (void)tl_composite(tl, &request);
}

typedef struct landings {
    weft__pe_recorder recorder;
    weft_sim *sim;
    weft__time last_tile, last;
    uint64_t count;
} landings;

static void note_landing(void *context, weft__command *command, uint64_t tile)
{
    landings *it = context;
    it->count++;
    it->last = weft__sim_now(it->sim);
    if (tile + 1 == command->tiles)
        it->last_tile = it->last;
}

/* When it lands, which values do not change. */
static landings land(const char *const *settings, work *job, uint64_t seed)
{
    value_bench it;
    landings seen = {.recorder = {.landed = note_landing}};
    open_value_bench_with(&it, "tiny", &(value_options){.settings = settings});
    seen.recorder.context = &seen;
    seen.sim = it.base.base.sim;
    weft__pes_perturb(it.base.pes, seed);
    weft__pes_record(it.base.pes, &seen.recorder);
    (void)run_kernel(&it.base, overtaking_kernel, job, 1);
    close_value_bench(&it);
    return seen;
}

/* The last element of the result, which the last tile brings, as the host finds it at a time: false if nobody has
 * written it. */
static bool is_there_at(const char *const *settings, work *job, uint64_t seed, weft__time time, const matrix *data)
{
    value_bench it;
    weft_error err;
    float found;
    const weft_shape one = weft_shape_1d(1);
    uint64_t last = job->out + (job->m * (job->what ? job->n : job->k) - 1) * sizeof(float);
    open_value_bench_with(&it, "tiny", &(value_options){.settings = settings, .hazards = WEFT_HAZARDS_REPORT});
    weft__pes_perturb(it.base.pes, seed);
    put(&it, job->a, data, WEFT_F32);
    put(&it, job->b, data, WEFT_F32);
    launch_kernel(&it.base, overtaking_kernel, job, 1);
    WEFT_TEST_ASSERT_OK(weft__sim_run(it.base.base.sim, time, &err), err);
    weft_status status = weft__pe_values_read(it.memory, last, WEFT_F32, &one, &found, &err);
    ck_assert(status == WEFT_OK || status == WEFT_INVALID_STATE);
    WEFT_TEST_ASSERT_OK(weft__sim_run(it.base.base.sim, WEFT__NEVER, &err), err);
    WEFT_TEST_ASSERT_OK(weft__pe_values_read(it.memory, last, WEFT_F32, &one, &found, &err), err);
    close_value_bench(&it);
    return status == WEFT_OK;
}

START_TEST(a_result_is_there_when_its_slowest_tile_is)
{
    static const struct {
        const char *settings[5];
        uint64_t m, k, n, seed, landings;
        int what;
    } rows[] = {
        {{"pe.dma.channels", "4", "perturb.message_ns", "500"}, 1, 4096, 1, 1, 4, 0},
        {{"pe.dma.channels", "2", "perturb.message_ns", "2000"}, 33, 64, 65, 3, 6, 1},
    };
    matrix *data = new_matrix(7, 64, 65);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        value_bench it;
        open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, false);
        work job = work_in(&it, rows[i].m, rows[i].k, rows[i].n);
        job.what = rows[i].what;
        close_value_bench(&it);
        landings seen = land(rows[i].settings, &job, rows[i].seed);
        ck_assert_uint_eq(seen.count, rows[i].landings);
        ck_assert_msg(seen.last_tile < seen.last, "row %zu: the last tile is the last to land", i);
        ck_assert(!is_there_at(rows[i].settings, &job, rows[i].seed, seen.last_tile, data));
        ck_assert(!is_there_at(rows[i].settings, &job, rows[i].seed, seen.last - 1, data));
        ck_assert(is_there_at(rows[i].settings, &job, rows[i].seed, seen.last, data));
    }
    free(data);
}
END_TEST

/* Sums have fewer elements than what they are of, so that many tiles bring nothing of them. */
static void sum_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor a = tl_load(tl, it->a, weft_shape_2d(it->m, it->k), WEFT_F32);
    tl_store(tl, it->out, tl_sum(tl, a, 1));
}

START_TEST(a_result_may_be_of_few_of_its_tiles)
{
    value_bench it;
    float found[3];
    open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, false);
    work job = work_in(&it, 3, 5000, 1);
    matrix *a = new_matrix(8, job.m, job.k);
    put(&it, job.a, a, WEFT_F32);
    (void)run_kernel(&it.base, sum_kernel, &job, 1);
    get(&it, job.out, 3, 1, found);
    for (uint64_t row = 0; row < job.m; row++) {
        double sum = 0;
        for (uint64_t i = 0; i < job.k; i++)
            sum += (double)a->at[row * job.k + i];
        ck_assert_float_eq(found[row], (float)sum);
    }
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
    open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, true);
    work job = work_in(&it, 1, 100, 16);
    matrix *a = new_matrix(11, 1, job.n);
    put(&it, job.a, a, WEFT_F32);
    (void)run_kernel(&it.base, loop_kernel, &job, 1);
    weft__values_statistics statistics;
    weft__values_get_statistics(it.values, &statistics);
    ck_assert_uint_ge(statistics.made, 100);
    ck_assert_uint_le(statistics.live, 4);
    ck_assert_uint_le(statistics.peak_bytes, 8 * job.n * sizeof(float)); /* also while the kernel runs */
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

/* Columns of a matrix that is elsewhere, turned round, and written to rows of another one. */
static void gathering_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    tl_tensor all = tl_ref(tl, it->a, weft_shape_2d(4, 6), WEFT_F32);
    tl_tensor out = tl_ref(tl, it->out, weft_shape_2d(6, 4), WEFT_F32);
    tl_tensor part = tl_load_tensor(tl, tl_trans(tl, tl_slice(tl, all, 1, 2, 3)));
    tl_store_tensor(tl, tl_slice(tl, out, 0, 0, 3), part);
    tl_store_tensor(tl, tl_slice(tl, out, 0, 3, 3), tl_neg(tl, part));
}

START_TEST(views_of_what_is_elsewhere_are_gathered)
{
    value_bench it;
    open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, false);
    work job = work_in(&it, 4, 6, 1);
    matrix *in = new_matrix(4, 4, 6);
    float found[24];
    put(&it, job.a, in, WEFT_F32);
    (void)run_kernel(&it.base, gathering_kernel, &job, 1);
    get(&it, job.out, 6, 4, found);
    for (int row = 0; row < 3; row++)
        for (int column = 0; column < 4; column++) {
            float expected = in->at[column * 6 + 2 + row];
            ck_assert_float_eq(found[row * 4 + column], expected);
            ck_assert_float_eq(found[(3 + row) * 4 + column], -expected);
        }
    free(in);
    close_value_bench(&it);
}
END_TEST

/* What the processor knows, and rows that are brought to a place one by one, in the wrong order. */
static void place_kernel(weft_tile *tl, const void *arguments)
{
    const work *it = arguments;
    float numbers[64];
    for (int i = 0; i < 64; i++)
        numbers[i] = 0.25f * (float)i;
    weft_shape row = weft_shape_1d(64);
    tl_tensor known = tl_constant(tl, row, WEFT_F32, numbers);
    for (int i = 0; i < 64; i++)
        numbers[i] = 99; /* it has been copied */
    tl_tensor place = tl_empty(tl, weft_shape_2d(2, 64), WEFT_F32);
    for (uint64_t i = 2; i-- > 0;)
        tl_load_to(tl, tl_reshape(tl, tl_slice(tl, place, 0, i, 1), row), it->a + (1 - i) * 256);
    tl_store(tl, it->out, tl_add(tl, place, known));
}

START_TEST(constants_and_places_hold_what_they_were_given)
{
    value_bench it;
    open_value_bench(&it, "tiny", WEFT_HAZARDS_ERROR, false);
    work job = work_in(&it, 2, 64, 1);
    matrix *in = new_matrix(3, 2, 64);
    float found[128];
    put(&it, job.a, in, WEFT_F32);
    (void)run_kernel(&it.base, place_kernel, &job, 1);
    get(&it, job.out, 2, 64, found);
    for (int i = 0; i < 128; i++)
        ck_assert_float_eq(found[i], in->at[(i + 64) % 128] + 0.25f * (float)(i % 64));
    free(in);
    close_value_bench(&it);
}
END_TEST

WEFT_TEST_MAIN("tile_values", views_of_what_is_elsewhere_are_gathered, constants_and_places_hold_what_they_were_given,
               a_kernel_computes_what_it_says, a_composite_command_computes_what_it_says, views_are_parts_of_values,
               each_operation_is_what_its_name_says, a_kernel_may_branch_on_data,
               a_look_takes_its_dispatch_and_the_time_to_read, there_is_nothing_to_look_at_without_values,
               values_cost_no_time, a_result_is_there_when_its_slowest_tile_is, a_result_may_be_of_few_of_its_tiles,
               values_end_when_nobody_needs_them, every_allocation_may_fail)
