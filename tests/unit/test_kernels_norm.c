/* rms_norm, rope and softmax of every instruction set, and those of ref, against long double formulas. */
#include "support/kernel_arrays.h"

#include "kernels/ref/ref.h"

static const double unit = 0x1p-24;

static const char *name_of(const weft__cpu_kernels *table)
{
    return table ? weft__isa_name(table->isa) : "ref";
}

/* ---- rms_norm ---- */

static void run_norm(const weft__cpu_kernels *table, const weft__rms_norm_args *args)
{
    if (table)
        table->rms_norm(args, 0, args->rows);
    else
        weft__ref_rms_norm(args);
}

static void check_norm(const weft__cpu_kernels *table, const weft__rms_norm_args *args, const float *x)
{
    for (size_t row = 0; row < args->rows; row++) {
        long double squares = 0;
        for (size_t i = 0; i < args->dims; i++)
            squares += (long double)x[row * args->dims + i] * x[row * args->dims + i];
        long double root = sqrtl(squares / args->dims + args->epsilon);
        for (size_t i = 0; i < args->dims; i++) {
            long double weight = 1;
            if (args->weight)
                weight = (long double)weft__float_load(args->weight_dtype, args->weight, i) + args->weight_bias;
            double want = (double)(x[row * args->dims + i] / root * weight);
            double got = (double)args->out[row * args->dims + i];
            ck_assert_msg(weft_test_close_or_both_nan(got, want, 0x1p-149, 8 * unit),
                          "%s rms_norm of %zu dims at %zu: %.9g, not %.9g", name_of(table), args->dims, i, got, want);
        }
    }
}

START_TEST(rms_norm_of_every_size)
{
    enum {
        ROWS = 3
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    weft__rng rng;
    weft__rng_init(&rng, 301);
    for (size_t s = 1; s < KERNEL_LENGTH(kernel_sizes); s++) {
        for (size_t d = 0; d < 4; d++) {
            size_t dims = kernel_sizes[s];
            weft_dtype dtype = kernel_float_dtypes[d % 3];
            kernel_array x = kernel_random(WEFT_F32, ROWS * dims, &rng, s % 2 ? 1 : 1e15);
            kernel_array weight = kernel_random(dtype, dims, &rng, 1);
            for (size_t t = 0; t < table_count; t++) {
                kernel_array out = kernel_output(ROWS * dims, sizeof(float));
                weft__rms_norm_args args = {ROWS,           dims,  x.data,  dtype, d == 3 ? NULL : weight.data,
                                            (float)(s % 2), 1e-6f, out.data};
                run_norm(tables[t], &args);
                check_norm(tables[t], &args, x.data);
                memcpy(out.data, x.data, x.bytes);
                args.x = out.data;
                run_norm(tables[t], &args);
                check_norm(tables[t], &args, x.data);
                kernel_array_destroy(&out);
            }
            kernel_array_destroy(&x);
            kernel_array_destroy(&weight);
        }
    }
}
END_TEST

START_TEST(rms_norm_of_extremes)
{
    enum {
        DIMS = 37
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    static const float magnitudes[] = {0, 1e-45f, 1e-30f, 1e-4f, 1e19f, 1e30f, 3e38f};
    for (size_t t = 0; t < table_count; t++) {
        for (size_t m = 0; m < KERNEL_LENGTH(magnitudes); m++) {
            float x[DIMS], out[DIMS];
            for (size_t i = 0; i < DIMS; i++)
                x[i] = magnitudes[m] * (i % 2 ? 1.0f : -0.75f);
            weft__rms_norm_args args = {1, DIMS, x, WEFT_F32, NULL, 0, 1e-6f, out};
            run_norm(tables[t], &args);
            check_norm(tables[t], &args, x);
        }
        float x[DIMS] = {1, 2, INFINITY, -3}, out[DIMS];
        weft__rms_norm_args args = {1, DIMS, x, WEFT_F32, NULL, 0, 1e-6f, out};
        run_norm(tables[t], &args);
        ck_assert(isnan(out[2]) && out[0] == 0 && out[3] == 0 && out[DIMS - 1] == 0);
        x[2] = NAN;
        run_norm(tables[t], &args);
        for (size_t i = 0; i < DIMS; i++)
            ck_assert(isnan(out[i]));
    }
}
END_TEST

/* ---- rope ---- */

static weft__fault run_rope(const weft__cpu_kernels *table, const weft__rope_args *args, size_t begin, size_t end)
{
    if (!table)
        return weft__ref_rope(args);
    kernel_array scratch = {malloc(weft__cpu_rope_scratch_bytes(args) + 1), NULL, 0, 0};
    weft__fault fault = table->rope(args, begin, end, scratch.block);
    free(scratch.block);
    return fault;
}

/* A rotation is a multiplication by e^(i angle). */
static void check_rope(const weft__cpu_kernels *table, const weft__rope_args *args, const float *x)
{
    for (size_t at = 0; at < args->tokens * args->heads * args->head_dim; at += args->head_dim) {
        size_t token = at / args->head_dim / args->heads;
        bool is_turned[512] = {false};
        for (size_t i = 0; i < args->rotary_dims / 2; i++) {
            size_t first = args->interleaved ? 2 * i : i;
            size_t second = args->interleaved ? 2 * i + 1 : i + args->pair_offset;
            long double frequency = powl(args->theta, -2.0L * (long double)i / (long double)args->frequency_dims);
            long double angle = args->positions[token] * (long double)args->position_scale * frequency;
            long double a = x[at + first], b = x[at + second];
            long double real = a * cosl(angle) - b * sinl(angle);
            long double imaginary = a * sinl(angle) + b * cosl(angle);
            double allowed = (4 * unit + (double)angle * 0x1p-51) * (double)sqrtl(a * a + b * b);
            ck_assert_msg(
                fabsl(args->out[at + first] - real) <= allowed && fabsl(args->out[at + second] - imaginary) <= allowed,
                "%s rope of pair %zu at position %d: %.9g %.9g, not %.9Lg %.9Lg", name_of(table), i,
                args->positions[token], (double)args->out[at + first], (double)args->out[at + second], real, imaginary);
            is_turned[first] = is_turned[second] = true;
        }
        for (size_t i = 0; i < args->head_dim; i++)
            ck_assert(is_turned[i] || args->out[at + i] == x[at + i]);
    }
}

typedef struct rope_case {
    size_t heads, head_dim, rotary_dims, frequency_dims, pair_offset;
    bool interleaved;
    double theta, position_scale;
} rope_case;

static const rope_case rope_cases[] = {
    {1, 2, 2, 2, 1, false, 10000, 1},      {2, 8, 8, 8, 4, false, 10000, 1},
    {3, 64, 64, 64, 32, false, 1e6, 1},    {1, 128, 128, 128, 64, false, 5e5, 0.125},
    {2, 80, 32, 80, 40, false, 10000, 1},  {2, 80, 20, 20, 10, false, 10000, 1},
    {1, 34, 34, 34, 17, false, 10000, 1},  {2, 66, 66, 66, 33, false, 10000, 2},
    {1, 2, 2, 2, 0, true, 10000, 1},       {2, 8, 6, 8, 0, true, 10000, 1},
    {3, 64, 64, 64, 0, true, 1e6, 1},      {2, 70, 34, 34, 0, true, 10000, 1},
    {2, 9, 0, 1, 0, false, 10000, 1},      {2, 9, 0, 1, 0, true, 10000, 1},
    {1, 256, 64, 256, 128, false, 1e6, 1}, {0, 8, 8, 8, 4, false, 10000, 1},
};

START_TEST(rope_of_every_form)
{
    static const int32_t positions[] = {0, 1, 2, 17, 1000, 131071, 40000000};
    enum {
        TOKENS = KERNEL_LENGTH(positions)
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    weft__rng rng;
    weft__rng_init(&rng, 302);
    for (size_t c = 0; c < KERNEL_LENGTH(rope_cases); c++) {
        const rope_case *form = &rope_cases[c];
        kernel_array x = kernel_random(WEFT_F32, TOKENS * form->heads * form->head_dim, &rng, 3);
        for (size_t t = 0; t < table_count; t++) {
            kernel_array out = kernel_output(TOKENS * form->heads * form->head_dim, sizeof(float));
            weft__rope_args args = {TOKENS,
                                    form->heads,
                                    form->head_dim,
                                    form->rotary_dims,
                                    form->frequency_dims,
                                    form->pair_offset,
                                    form->interleaved,
                                    form->theta,
                                    form->position_scale,
                                    x.data,
                                    positions,
                                    out.data};
            ck_assert_int_eq(run_rope(tables[t], &args, 0, TOKENS).kind, WEFT__FAULT_NONE);
            check_rope(tables[t], &args, x.data);
            memcpy(out.data, x.data, x.bytes);
            args.x = out.data;
            run_rope(tables[t], &args, 0, 3);
            if (tables[t])
                run_rope(tables[t], &args, 3, TOKENS);
            check_rope(tables[t], &args, x.data);
            kernel_array_destroy(&out);
        }
        kernel_array_destroy(&x);
    }
}
END_TEST

START_TEST(rope_names_the_first_negative_position)
{
    static const int32_t positions[] = {0, 5, -3, -1};
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    for (size_t t = 0; t < table_count; t++) {
        float x[4 * 8] = {0};
        weft__rope_args args = {4, 1, 8, 8, 8, 4, false, 10000, 1, x, positions, x};
        weft__fault fault = run_rope(tables[t], &args, 0, 4);
        ck_assert_int_eq(fault.kind, WEFT__FAULT_POSITION);
        ck_assert_uint_eq(fault.row, 2);
        ck_assert_int_eq(fault.value, -3);
    }
}
END_TEST

/* ---- softmax ---- */

static void run_softmax(const weft__cpu_kernels *table, const float *x, float *out, size_t rows, size_t dims)
{
    if (table)
        table->softmax(x, out, dims, 0, rows);
    else
        weft__ref_softmax(x, out, rows, dims);
}

static void check_softmax(const weft__cpu_kernels *table, const float *x, const float *out, size_t dims)
{
    long double largest = -INFINITY, sum = 0;
    for (size_t i = 0; i < dims; i++)
        largest = x[i] > largest ? x[i] : largest;
    for (size_t i = 0; i < dims; i++)
        sum += expl(x[i] - largest);
    for (size_t i = 0; i < dims; i++) {
        double want = (double)(expl(x[i] - largest) / sum);
        double relative = (16 + (double)dims / 8) * unit;
        ck_assert_msg(weft_test_close_or_both_nan((double)out[i], want, 1e-37, relative),
                      "%s softmax of %zu at %zu: %.9g, not %.9g", name_of(table), dims, i, (double)out[i], want);
    }
}

START_TEST(softmax_of_every_size)
{
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    weft__rng rng;
    weft__rng_init(&rng, 303);
    for (size_t s = 0; s < KERNEL_LENGTH(kernel_sizes); s++) {
        size_t dims = kernel_sizes[s];
        /* spreads up to where most of a row underflows: the difference to the maximum is then rounded the most */
        kernel_array x = kernel_random(WEFT_F32, 4 * dims, &rng, s % 3 == 0 ? 1 : s % 3 == 1 ? 20 : 300);
        for (size_t t = 0; t < table_count; t++) {
            kernel_array out = kernel_output(4 * dims, sizeof(float));
            run_softmax(tables[t], x.data, out.data, 4, dims);
            for (size_t row = 0; row < 4; row++)
                check_softmax(tables[t], (float *)x.data + row * dims, (float *)out.data + row * dims, dims);
            kernel_array copy = kernel_output(4 * dims, sizeof(float));
            memcpy(copy.data, x.data, x.bytes);
            run_softmax(tables[t], copy.data, copy.data, 4, dims);
            ck_assert_mem_eq(copy.data, out.data, x.bytes);
            kernel_array_destroy(&copy);
            kernel_array_destroy(&out);
        }
        kernel_array_destroy(&x);
    }
}
END_TEST

START_TEST(softmax_of_a_vocabulary)
{
    enum {
        DIMS = 151936
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    static float x[DIMS], out[DIMS];
    weft__rng rng;
    weft__rng_init(&rng, 304);
    for (size_t i = 0; i < DIMS; i++)
        x[i] = (float)(weft__rng_normal(&rng) * 3);
    for (size_t t = 0; t < table_count; t++) {
        run_softmax(tables[t], x, out, 1, DIMS);
        check_softmax(tables[t], x, out, DIMS);
    }
}
END_TEST

START_TEST(softmax_of_specials)
{
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT + 1] = {NULL};
    size_t table_count = kernel_tables(tables + 1) + 1;
    for (size_t t = 0; t < table_count; t++) {
        for (size_t dims = 1; dims < 70; dims++) {
            for (size_t at = 0; at < dims; at++) {
                float x[70], out[70];
                for (size_t i = 0; i < dims; i++)
                    x[i] = i == at ? 2.5f : -INFINITY;
                run_softmax(tables[t], x, out, 1, dims);
                for (size_t i = 0; i < dims; i++)
                    ck_assert(out[i] == (i == at ? 1.0f : 0.0f));
                static const float poison[] = {NAN, INFINITY, -INFINITY};
                for (size_t p = 0; p < 3; p++) {
                    x[at] = poison[p]; /* the last makes a row of -inf only */
                    run_softmax(tables[t], x, out, 1, dims);
                    for (size_t i = 0; i < dims; i++)
                        ck_assert(isnan(out[i]));
                }
            }
        }
    }
}
END_TEST

WEFT_TEST_MAIN("kernels_norm", rms_norm_of_every_size, rms_norm_of_extremes, rope_of_every_form,
               rope_names_the_first_negative_position, softmax_of_every_size, softmax_of_a_vocabulary,
               softmax_of_specials)
