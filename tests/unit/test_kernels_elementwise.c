/* Elementwise kernels of every instruction set, and those of ref, against their definitions in long double. */
#include "support/kernel_arrays.h"

#include "kernels/ref/ref.h"

typedef enum op_kind {
    ADD,
    MUL,
    SCALE,
    SILU_MUL,
    GELU_MUL,
    OP_COUNT
} op_kind;

static const char *const op_names[OP_COUNT] = {"add", "mul", "scale", "silu_mul", "gelu_mul"};
static const float scale_factor = 0.7310586f;

static void run_ref(op_kind op, weft_dtype dtype, const void *a, const void *b, void *out, size_t count)
{
    if (op == ADD)
        weft__ref_add(dtype, a, b, out, count);
    else if (op == MUL)
        weft__ref_mul(dtype, a, b, out, count);
    else if (op == SCALE)
        weft__ref_scale(dtype, a, scale_factor, out, count);
    else if (op == SILU_MUL)
        weft__ref_silu_mul(dtype, a, b, out, count);
    else
        weft__ref_gelu_mul(dtype, a, b, out, count);
}

static void run_cpu(const weft__cpu_kernels *table, op_kind op, weft_dtype dtype, const void *a, const void *b,
                    void *out, size_t begin, size_t end)
{
    if (op == SCALE) {
        table->scale(dtype, a, scale_factor, out, begin, end);
        return;
    }
    weft__binary_kernel *const kernels[OP_COUNT] = {
        [ADD] = table->add, [MUL] = table->mul, [SILU_MUL] = table->silu_mul, [GELU_MUL] = table->gelu_mul};
    kernels[op](dtype, a, b, out, begin, end);
}

static long double exact(op_kind op, double a, double b)
{
    long double x = a;
    if (op == ADD)
        return x + b;
    if (op == MUL)
        return x * b;
    if (op == SCALE)
        return x * scale_factor;
    if (op == SILU_MUL)
        return x / (1 + expl(-x)) * b;
    long double z = sqrtl(2 / acosl(-1.0L)) * (x + 0.044715L * x * x * x);
    /* for negative x, 1 + tanh(z) = 2 / (1 + exp(-2z)) keeps what long double would cancel */
    return z < 0 ? x / (1 + expl(-2 * z)) * b : x / 2 * (1 + tanhl(z)) * b;
}

/* The bounds of weft/ops.h. The result passes through f32, so the 16-bit dtypes round twice. */
static double bound(op_kind op, weft_dtype dtype, double a, double b, long double result)
{
    double unit = kernel_unit(dtype) + (dtype == WEFT_F32 ? 0 : 0x1.1p-24);
    double magnitude = (double)fabsl(result);
    double tiny = kernel_tiny(dtype);
    if (op == SILU_MUL)
        return (dtype == WEFT_F32 ? 8 * unit : unit + 8 * 0x1p-24) * magnitude + tiny;
    if (op == GELU_MUL)
        return 1e-6 * fabs(a * b) + 2 * unit * magnitude + tiny;
    return unit * magnitude + tiny;
}

static void check(const char *who, op_kind op, weft_dtype dtype, const kernel_array *a, const kernel_array *b,
                  const kernel_array *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double x = kernel_value(dtype, a, i);
        double y = kernel_value(dtype, b, i);
        double got = kernel_value(dtype, out, i);
        long double want = exact(op, x, y);
        ck_assert_msg(fabs(got - (double)want) <= bound(op, dtype, x, y, want),
                      "%s %s %s at %zu of %zu: %g, %g give %.9g, not %.9Lg", who, op_names[op], weft_dtype_name(dtype),
                      i, count, x, y, got, want);
    }
}

START_TEST(every_size_and_dtype)
{
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT];
    size_t table_count = kernel_tables(tables);
    weft__rng rng;
    weft__rng_init(&rng, 101);
    for (size_t s = 0; s < KERNEL_LENGTH(kernel_sizes); s++) {
        for (size_t d = 0; d < 3; d++) {
            size_t count = kernel_sizes[s];
            weft_dtype dtype = kernel_float_dtypes[d];
            kernel_array a = kernel_random(dtype, count, &rng, 4);
            kernel_array b = kernel_random(dtype, count, &rng, 4);
            for (op_kind op = ADD; op < OP_COUNT; op++) {
                kernel_array out = kernel_output(count, weft_dtype_bytes(dtype));
                run_ref(op, dtype, a.data, b.data, out.data, count);
                check("ref", op, dtype, &a, &b, &out, count);
                for (size_t t = 0; t < table_count; t++) {
                    memset(out.data, 0xff, out.bytes);
                    run_cpu(tables[t], op, dtype, a.data, b.data, out.data, 0, count);
                    check(weft__isa_name(tables[t]->isa), op, dtype, &a, &b, &out, count);
                }
                kernel_array_destroy(&out);
            }
            kernel_array_destroy(&a);
            kernel_array_destroy(&b);
        }
    }
}
END_TEST

/* Magnitudes from one end of f32 to the other, so that steps on the way could overflow or vanish. */
START_TEST(extreme_magnitudes)
{
    enum {
        COUNT = 4096
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT];
    size_t table_count = kernel_tables(tables);
    weft__rng rng;
    weft__rng_init(&rng, 102);
    kernel_array gate = kernel_input(COUNT, sizeof(float));
    kernel_array up = kernel_input(COUNT, sizeof(float));
    float *gates = gate.data;
    float *ups = up.data;
    for (size_t i = 0; i < COUNT; i++) {
        /* gates from -170 (beyond, nothing that fits f32 comes out) to 20, every other one tiny */
        gates[i] = (float)(weft__rng_unit(&rng) * 190 - 170);
        if (i % 2)
            gates[i] = (float)ldexp(weft__rng_normal(&rng), -(int)weft__rng_below(&rng, 140));
        ups[i] = (float)ldexp(weft__rng_unit(&rng) + 0.5, (int)weft__rng_below(&rng, 240) - 120);
    }
    for (size_t t = 0; t < table_count; t++) {
        kernel_array out = kernel_output(COUNT, sizeof(float));
        run_cpu(tables[t], SILU_MUL, WEFT_F32, gates, ups, out.data, 0, COUNT);
        check(weft__isa_name(tables[t]->isa), SILU_MUL, WEFT_F32, &gate, &up, &out, COUNT);
        run_cpu(tables[t], GELU_MUL, WEFT_F32, gates, ups, out.data, 0, COUNT);
        check(weft__isa_name(tables[t]->isa), GELU_MUL, WEFT_F32, &gate, &up, &out, COUNT);
        kernel_array_destroy(&out);
    }
    kernel_array_destroy(&gate);
    kernel_array_destroy(&up);
}
END_TEST

/* The hand-picked cases of IEEE 754, through a whole vector and through a part of one. */
START_TEST(specials_propagate)
{
    static const float a[] = {NAN, 1, INFINITY, -INFINITY, INFINITY, 0, -0.0f, INFINITY, -INFINITY, 1e30f, -1e30f, 3};
    static const float b[] = {1, NAN, 2, 2, -INFINITY, INFINITY, 5, 0, 0, 1, 1, INFINITY};
    enum {
        COUNT = KERNEL_LENGTH(a)
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT];
    size_t table_count = kernel_tables(tables);
    for (size_t d = 0; d < 3; d++) {
        weft_dtype dtype = kernel_float_dtypes[d];
        size_t bytes = weft_dtype_bytes(dtype);
        for (size_t pad = 0; pad < 20; pad++) {
            kernel_array left = kernel_input(COUNT + pad, bytes);
            kernel_array right = kernel_input(COUNT + pad, bytes);
            for (size_t i = 0; i < COUNT + pad; i++) {
                weft__float_store(dtype, left.data, i, i < pad ? 1.0f : a[i - pad]);
                weft__float_store(dtype, right.data, i, i < pad ? 1.0f : b[i - pad]);
            }
            for (op_kind op = ADD; op < OP_COUNT; op++) {
                kernel_array want = kernel_output(COUNT + pad, bytes);
                kernel_array out = kernel_output(COUNT + pad, bytes);
                run_ref(op, dtype, left.data, right.data, want.data, COUNT + pad);
                for (size_t t = 0; t < table_count; t++) {
                    run_cpu(tables[t], op, dtype, left.data, right.data, out.data, 0, COUNT + pad);
                    for (size_t i = pad; i < COUNT + pad; i++) {
                        double got = kernel_value(dtype, &out, i);
                        double expected = kernel_value(dtype, &want, i);
                        ck_assert_msg(weft_test_close_or_both_nan(got, expected, 1e-37, 1e-2),
                                      "%s %s %s of case %zu: %g, not %g", weft__isa_name(tables[t]->isa), op_names[op],
                                      weft_dtype_name(dtype), i - pad, got, expected);
                    }
                }
                kernel_array_destroy(&want);
                kernel_array_destroy(&out);
            }
            kernel_array_destroy(&left);
            kernel_array_destroy(&right);
        }
    }
}
END_TEST

/* All 2^16 patterns of both 16-bit formats through a multiplication by one: conversions there and back, NaN kept. */
START_TEST(conversions_are_exact)
{
    enum {
        COUNT = 1 << 16
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT];
    size_t table_count = kernel_tables(tables);
    static uint16_t patterns[COUNT], ones[COUNT], out[COUNT];
    for (size_t d = 1; d < 3; d++) {
        weft_dtype dtype = kernel_float_dtypes[d];
        for (size_t i = 0; i < COUNT; i++) {
            patterns[i] = (uint16_t)i;
            weft__float_store(dtype, ones, i, 1.0f);
        }
        for (size_t t = 0; t < table_count; t++) {
            tables[t]->mul(dtype, patterns, ones, out, 0, COUNT);
            for (size_t i = 0; i < COUNT; i++) {
                bool is_nan = isnan(weft__float_load(dtype, patterns, i));
                ck_assert(is_nan ? isnan(weft__float_load(dtype, out, i)) : out[i] == patterns[i]);
            }
        }
    }
}
END_TEST

/* Rounding to 16 bits, with ties, overflow and NaN payloads, against the scalar conversions of base. */
START_TEST(rounding_is_to_nearest_even)
{
    enum {
        COUNT = 1 << 16
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT];
    size_t table_count = kernel_tables(tables);
    static float wide[COUNT];
    static uint16_t out[COUNT];
    weft__rng rng;
    weft__rng_init(&rng, 103);
    for (size_t i = 0; i < COUNT; i++) {
        /* patterns whose lower bits are all zero, a tie, next to a tie, or anything */
        static const uint32_t ends[] = {0x0000, 0x8000, 0x7fff, 0x8001, 0x1000, 0x0fff, 0x1001, 0x3000};
        uint32_t low = i % 2 ? (uint32_t)weft__rng_below(&rng, 65536) : ends[i / 2 % 8];
        uint32_t high = (uint32_t)weft__rng_below(&rng, 65536);
        if (i % 3 == 0) /* the exponents of f16 and those next to them */
            high = (high & 0x807fu) | (uint32_t)((100 + weft__rng_below(&rng, 50)) << 7);
        /* and NaN whose payload a carry would turn into infinity or zero */
        static const uint32_t nans[] = {0x7fffffff, 0xffffffff, 0x7f800001, 0xff800001, 0x7fff8000};
        uint32_t bits = i % 100 < 5 ? nans[i % 100] : high << 16 | low;
        wide[i] = weft_test_float_of_bits(bits);
    }
    for (size_t t = 0; t < table_count; t++) {
        for (size_t d = 1; d < 3; d++) {
            weft_dtype dtype = kernel_float_dtypes[d];
            weft__copy_args args = {1, {COUNT}, {1}, {1}, WEFT_F32, wide, dtype, out};
            tables[t]->copy(&args, 0, COUNT);
            for (size_t i = 0; i < COUNT; i++) {
                uint16_t want = dtype == WEFT_F16 ? weft__f16_from_f32(wide[i]) : weft__bf16_from_f32(wide[i]);
                ck_assert(isnan(wide[i]) ? isnan(weft__float_load(dtype, out, i)) : out[i] == want);
            }
        }
    }
}
END_TEST

/* In place over either input, and in parts: the same bits as out of place in one piece. */
START_TEST(in_place_and_in_parts)
{
    enum {
        COUNT = 333
    };
    const weft__cpu_kernels *tables[WEFT__ISA_COUNT];
    size_t table_count = kernel_tables(tables);
    weft__rng rng;
    weft__rng_init(&rng, 104);
    for (size_t d = 0; d < 3; d++) {
        weft_dtype dtype = kernel_float_dtypes[d];
        size_t bytes = weft_dtype_bytes(dtype);
        kernel_array a = kernel_random(dtype, COUNT, &rng, 3);
        kernel_array b = kernel_random(dtype, COUNT, &rng, 3);
        for (op_kind op = ADD; op < OP_COUNT; op++) {
            for (size_t t = 0; t < table_count; t++) {
                kernel_array whole = kernel_output(COUNT, bytes);
                kernel_array other = kernel_output(COUNT, bytes);
                run_cpu(tables[t], op, dtype, a.data, b.data, whole.data, 0, COUNT);
                for (size_t begin = 0, step = 1; begin < COUNT; begin += step, step = step % 37 + 5)
                    run_cpu(tables[t], op, dtype, a.data, b.data, other.data, begin,
                            begin + step < COUNT ? begin + step : COUNT);
                ck_assert_mem_eq(whole.data, other.data, COUNT * bytes);
                memcpy(other.data, a.data, COUNT * bytes);
                run_cpu(tables[t], op, dtype, other.data, b.data, other.data, 0, COUNT);
                ck_assert_mem_eq(whole.data, other.data, COUNT * bytes);
                memcpy(other.data, b.data, COUNT * bytes);
                if (op != SCALE)
                    run_cpu(tables[t], op, dtype, a.data, other.data, other.data, 0, COUNT);
                ck_assert(op == SCALE || memcmp(whole.data, other.data, COUNT * bytes) == 0);
                kernel_array_destroy(&whole);
                kernel_array_destroy(&other);
            }
        }
        kernel_array_destroy(&a);
        kernel_array_destroy(&b);
    }
}
END_TEST

WEFT_TEST_MAIN("kernels_elementwise", every_size_and_dtype, extreme_magnitudes, specials_propagate,
               conversions_are_exact, rounding_is_to_nearest_even, in_place_and_in_parts)
