/* Errors, element types, shapes and size arithmetic. The float conversions are held against arithmetic in double, which
 * can represent all that is needed exactly. */
#include "support/weft_check.h"

#include <stdio.h>

#include "base/dtype.h"
#include "base/rng.h"
#include "base/size.h"
#include "base/status.h"

START_TEST(statuses_have_pinned_values_and_names)
{
    static const char *const names[] = {
        "WEFT_OK",          "WEFT_INVALID_ARGUMENT", "WEFT_INVALID_STATE",   "WEFT_OUT_OF_RANGE", "WEFT_NOT_FOUND",
        "WEFT_UNSUPPORTED", "WEFT_OUT_OF_MEMORY",    "WEFT_PARSE",           "WEFT_IO",           "WEFT_SHAPE_MISMATCH",
        "WEFT_HAZARD",      "WEFT_DEADLOCK",         "WEFT_BUDGET_EXCEEDED", "WEFT_DEVICE_LOST",  "WEFT_INTERNAL",
    };
    for (int i = 0; i < 15; i++)
        ck_assert_str_eq(weft_status_name((weft_status)i), names[i]);
    ck_assert_int_eq(WEFT_INTERNAL, 14);
    ck_assert_str_eq(weft_status_name((weft_status)15), "WEFT_UNKNOWN");
    ck_assert_str_eq(weft_status_name((weft_status)9999), "WEFT_UNKNOWN");
}
END_TEST

START_TEST(a_failure_fills_the_error_and_gives_its_code)
{
    weft_error err;
    memset(&err, 0x55, sizeof err);
    ck_assert_int_eq(weft__fail(&err, WEFT_IO, "The file %s has %d bytes.", "a.bin", 3), WEFT_IO);
    ck_assert_int_eq(err.code, WEFT_IO);
    ck_assert_uint_eq(err.line, 0);
    ck_assert_uint_eq(err.column, 0);
    ck_assert_str_eq(err.message, "The file a.bin has 3 bytes.");

    ck_assert_int_eq(weft__fail_at(&err, WEFT_PARSE, 7, 12, "A %s is missing.", "comma"), WEFT_PARSE);
    ck_assert_int_eq(err.code, WEFT_PARSE);
    ck_assert_uint_eq(err.line, 7);
    ck_assert_uint_eq(err.column, 12);
    ck_assert_str_eq(err.message, "A comma is missing.");

    weft_error copy = {0};
    ck_assert_int_eq(weft__fail_copy(&copy, &err), WEFT_PARSE);
    ck_assert_int_eq(memcmp(&copy, &err, sizeof err), 0);

    ck_assert_int_eq(weft__fail_within(&err, WEFT_PARSE, "File %s", "c.json"), WEFT_PARSE);
    ck_assert_str_eq(err.message, "File c.json: A comma is missing.");
    ck_assert_uint_eq(err.line, 7);
    ck_assert_uint_eq(err.column, 12);

    ck_assert_int_eq(weft__fail_memory(&err, 4096, "a chunk"), WEFT_OUT_OF_MEMORY);
    ck_assert_int_eq(err.code, WEFT_OUT_OF_MEMORY);
    ck_assert_str_eq(err.message, "Out of memory: could not allocate 4096 bytes for a chunk.");
}
END_TEST

START_TEST(an_error_object_is_optional)
{
    weft_error from = {.code = WEFT_HAZARD};
    ck_assert_int_eq(weft__fail(NULL, WEFT_IO, "Nobody reads %s.", "this"), WEFT_IO);
    ck_assert_int_eq(weft__fail_at(NULL, WEFT_PARSE, 1, 2, "Nobody reads %s.", "this"), WEFT_PARSE);
    ck_assert_int_eq(weft__fail_memory(NULL, 1, "x"), WEFT_OUT_OF_MEMORY);
    ck_assert_int_eq(weft__fail_copy(NULL, &from), WEFT_HAZARD);
    ck_assert_int_eq(weft__fail_within(NULL, WEFT_DEADLOCK, "Here"), WEFT_DEADLOCK);
}
END_TEST

START_TEST(a_long_message_is_cut_and_terminated)
{
    char word[2000];
    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    weft_error err;
    (void)weft__fail(&err, WEFT_IO, "%s", word);
    ck_assert_uint_eq(strlen(err.message), WEFT_ERROR_MESSAGE_BYTES - 1);
    (void)weft__fail_within(&err, WEFT_IO, "Before");
    ck_assert_uint_eq(strlen(err.message), WEFT_ERROR_MESSAGE_BYTES - 1);
    ck_assert_int_eq(strncmp(err.message, "Before: www", 11), 0);
    (void)weft__fail_within(&err, WEFT_IO, "%s", word);
    ck_assert_uint_eq(strlen(err.message), WEFT_ERROR_MESSAGE_BYTES - 1);
}
END_TEST

START_TEST(dtypes_have_pinned_values_names_and_sizes)
{
    static const struct {
        weft_dtype dtype;
        const char *name;
        size_t bytes;
        bool is_float;
    } rows[] = {
        {WEFT_F32, "f32", 4, true},  {WEFT_F16, "f16", 2, true},  {WEFT_BF16, "bf16", 2, true},
        {WEFT_I8, "i8", 1, false},   {WEFT_U8, "u8", 1, false},   {WEFT_I16, "i16", 2, false},
        {WEFT_U16, "u16", 2, false}, {WEFT_I32, "i32", 4, false}, {WEFT_U32, "u32", 4, false},
        {WEFT_I64, "i64", 8, false}, {WEFT_U64, "u64", 8, false}, {WEFT_F64, "f64", 8, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_uint_eq((size_t)rows[i].dtype, i);
        ck_assert_str_eq(weft_dtype_name(rows[i].dtype), rows[i].name);
        ck_assert_uint_eq(weft_dtype_bytes(rows[i].dtype), rows[i].bytes);
        ck_assert(weft__dtype_is_float(rows[i].dtype) == rows[i].is_float);
    }
    static const int others[] = {12, 63, 64, 255, 100000};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        ck_assert_str_eq(weft_dtype_name((weft_dtype)others[i]), "unknown");
        ck_assert_uint_eq(weft_dtype_bytes((weft_dtype)others[i]), 0);
        ck_assert(!weft__dtype_is_float((weft_dtype)others[i]));
    }
}
END_TEST

/* A 16-bit float format: a sign, exponent bits with the usual bias, fraction bits. */
typedef struct format {
    int exponent_bits;
    int fraction_bits;
    float (*widen)(uint16_t bits);
    uint16_t (*narrow)(float value);
} format;

static const format formats[] = {
    {5, 10, weft__f16_to_f32, weft__f16_from_f32},
    {8, 7, weft__bf16_to_f32, weft__bf16_from_f32},
};

static int bias_of(const format *f)
{
    return (1 << (f->exponent_bits - 1)) - 1;
}

static double value_of(const format *f, uint16_t bits)
{
    int exponent = (bits >> f->fraction_bits) & ((1 << f->exponent_bits) - 1);
    int fraction = bits & ((1 << f->fraction_bits) - 1);
    double magnitude;
    if (exponent == (1 << f->exponent_bits) - 1)
        magnitude = fraction ? (double)NAN : (double)INFINITY;
    else if (exponent == 0)
        magnitude = ldexp(fraction, 1 - bias_of(f) - f->fraction_bits);
    else
        magnitude = ldexp((1 << f->fraction_bits) + fraction, exponent - bias_of(f) - f->fraction_bits);
    return bits & 0x8000 ? -magnitude : magnitude;
}

static bool same_value(double a, double b)
{
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

/* The value of the format that is nearest to x, ties to the even fraction; infinity where that would not be finite. */
static double rounded(const format *f, double x)
{
    if (isnan(x) || isinf(x) || x == 0.0)
        return x;
    int exponent;
    (void)frexp(x, &exponent);
    int least = 1 - bias_of(f);
    exponent = exponent - 1 > least ? exponent - 1 : least;
    double unit = ldexp(1.0, exponent - f->fraction_bits);
    double result = nearbyint(x / unit) * unit;
    double limit = ldexp(1.0, bias_of(f) + 1);
    return fabs(result) >= limit ? copysign((double)INFINITY, x) : copysign(result, x);
}

START_TEST(every_16_bit_float_widens_exactly)
{
    const format *f = &formats[_i];
    size_t wrong = 0;
    for (uint32_t bits = 0; bits <= UINT16_MAX; bits++) {
        float wide = f->widen((uint16_t)bits);
        wrong += !same_value((double)wide, value_of(f, (uint16_t)bits));
        uint16_t back = f->narrow(wide);
        bool kept = isnan(wide) ? isnan(f->widen(back)) != 0 : back == bits;
        wrong += !kept;
    }
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

static size_t narrowed_wrongly(const format *f, float value)
{
    uint16_t bits = f->narrow(value);
    return !same_value(value_of(f, bits), rounded(f, (double)value));
}

START_TEST(floats_narrow_to_the_nearest)
{
    const format *f = &formats[_i];
    size_t wrong = 0;
    /* Around every value of the format and around every midpoint between two of them, where ties are decided. */
    for (uint32_t bits = 0; bits < UINT16_MAX; bits++) {
        double here = value_of(f, (uint16_t)bits);
        double next = value_of(f, (uint16_t)(bits + 1));
        if (!isfinite(here) || !isfinite(next))
            continue;
        float points[] = {(float)here, (float)((here + next) / 2)};
        for (size_t i = 0; i < 2; i++) {
            wrong += narrowed_wrongly(f, points[i]);
            wrong += narrowed_wrongly(f, nextafterf(points[i], INFINITY));
            wrong += narrowed_wrongly(f, nextafterf(points[i], -INFINITY));
        }
    }
    ck_assert_uint_eq(wrong, 0);
    /* Every sign and exponent of f32 with random fractions: subnormals, overflow, NaNs with any payload. */
    for (uint32_t high = 0; high < 512; high++) {
        for (uint32_t i = 0; i < 4000; i++) {
            uint32_t fraction = (uint32_t)weft__rng_at(1, high, i) & 0x7fffff;
            wrong += narrowed_wrongly(f, weft_test_float_of_bits(high << 23 | fraction));
        }
        wrong += narrowed_wrongly(f, weft_test_float_of_bits(high << 23));
        wrong += narrowed_wrongly(f, weft_test_float_of_bits(high << 23 | 1));
        wrong += narrowed_wrongly(f, weft_test_float_of_bits(high << 23 | 0x7fffff));
    }
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(the_edges_of_the_formats_are_where_they_are_known_to_be)
{
    ck_assert_uint_eq(weft__f16_from_f32(65504.0f), 0x7bff);
    ck_assert_uint_eq(weft__f16_from_f32(65519.996f), 0x7bff);
    ck_assert_uint_eq(weft__f16_from_f32(65520.0f), 0x7c00);
    ck_assert_uint_eq(weft__f16_from_f32(-1e30f), 0xfc00);
    ck_assert_uint_eq(weft__f16_from_f32(0x1p-24f), 0x0001);
    ck_assert_uint_eq(weft__f16_from_f32(0x1p-25f), 0x0000);
    ck_assert_uint_eq(weft__f16_from_f32(0x1.000002p-25f), 0x0001);
    ck_assert_uint_eq(weft__f16_from_f32(-0.0f), 0x8000);
    ck_assert_uint_eq(weft__f16_from_f32(1.0f), 0x3c00);
    ck_assert_uint_eq(weft__bf16_from_f32(1.0f), 0x3f80);
    ck_assert_uint_eq(weft__bf16_from_f32(3.4028235e38f), 0x7f80);
    ck_assert_uint_eq(weft__bf16_from_f32(weft_test_float_of_bits(0x7f800001)) & 0x7fff, 0x7fc0);
}
END_TEST

START_TEST(elements_are_loaded_and_stored_by_index)
{
    static const weft_dtype dtypes[] = {WEFT_F32, WEFT_F16, WEFT_BF16};
    for (size_t k = 0; k < 3; k++) {
        float storage[5] = {0};
        for (size_t i = 0; i < 5; i++)
            weft__float_store(dtypes[k], storage, i, (float)i * -0.5f);
        for (size_t i = 0; i < 5; i++)
            ck_assert(weft__float_load(dtypes[k], storage, i) == (float)i * -0.5f);
        /* The second element lies where the size of the dtype says. */
        unsigned char second[4] = {0};
        memcpy(second, (unsigned char *)storage + weft_dtype_bytes(dtypes[k]), weft_dtype_bytes(dtypes[k]));
        ck_assert(weft__float_load(dtypes[k], (float[]){weft__float_load(WEFT_F32, storage, 0)}, 0) == 0.0f);
        ck_assert_uint_eq(second[weft_dtype_bytes(dtypes[k]) - 1] & 0x80, 0x80);
    }
}
END_TEST

START_TEST(shapes_count_their_elements)
{
    weft_shape a = weft_shape_1d(5), b = weft_shape_2d(2, 3), c = weft_shape_3d(4, 0, 7);
    ck_assert_uint_eq(a.rank, 1);
    ck_assert_uint_eq(b.rank, 2);
    ck_assert_uint_eq(c.rank, 3);
    ck_assert_uint_eq(weft_shape_elements(&a), 5);
    ck_assert_uint_eq(weft_shape_elements(&b), 6);
    ck_assert_uint_eq(weft_shape_elements(&c), 0);
    weft_shape scalar = {0};
    ck_assert_uint_eq(weft_shape_elements(&scalar), 1);
    weft_shape exact = weft_shape_3d(UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1, 1);
    ck_assert_uint_eq(weft_shape_elements(&exact), UINT64_MAX - UINT32_MAX);
    weft_shape huge = weft_shape_3d(UINT64_C(1) << 32, UINT64_C(1) << 32, 1);
    ck_assert_uint_eq(weft_shape_elements(&huge), UINT64_MAX);
    weft_shape empty_behind_huge = weft_shape_3d(UINT64_MAX, UINT64_MAX, 0);
    ck_assert_uint_eq(weft_shape_elements(&empty_behind_huge), 0);
}
END_TEST

START_TEST(shapes_compare_by_rank_and_extents)
{
    weft_shape a = weft_shape_2d(2, 3), b = weft_shape_2d(2, 3);
    ck_assert(weft_shape_equal(&a, &b));
    b.extent[2] = 99; /* beyond the rank */
    ck_assert(weft_shape_equal(&a, &b));
    b.extent[1] = 4;
    ck_assert(!weft_shape_equal(&a, &b));
    b = weft_shape_3d(2, 3, 1);
    ck_assert(!weft_shape_equal(&a, &b));
    a.rank = b.rank = 0;
    ck_assert(weft_shape_equal(&a, &b));
}
END_TEST

START_TEST(shapes_are_written_in_full)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    weft_shape shape = {0};
    ck_assert_str_eq(weft_shape_text(&shape, text), "[]");
    shape = weft_shape_3d(2, 0, UINT64_MAX);
    ck_assert_ptr_eq(weft_shape_text(&shape, text), text);
    ck_assert_str_eq(text, "[2, 0, 18446744073709551615]");
    shape.rank = WEFT_RANK_MAX;
    char expected[WEFT_SHAPE_TEXT_BYTES + 64] = "[";
    for (size_t i = 0; i < WEFT_RANK_MAX; i++) {
        shape.extent[i] = UINT64_MAX;
        strcat(expected, i ? ", 18446744073709551615" : "18446744073709551615");
    }
    strcat(expected, "]");
    ck_assert_str_eq(weft_shape_text(&shape, text), expected);
}
END_TEST

START_TEST(size_arithmetic_sees_overflow)
{
    size_t out;
    ck_assert(weft__size_add(SIZE_MAX - 1, 1, &out));
    ck_assert_uint_eq(out, SIZE_MAX);
    ck_assert(!weft__size_add(SIZE_MAX, 1, &out));
    static const size_t aligned[][3] = {{0, 64, 0}, {1, 64, 64}, {64, 64, 64}, {65, 64, 128}, {7, 1, 7}, {9, 2, 10}};
    for (size_t i = 0; i < sizeof aligned / sizeof aligned[0]; i++) {
        ck_assert(weft__size_align(aligned[i][0], aligned[i][1], &out));
        ck_assert_uint_eq(out, aligned[i][2]);
    }
    ck_assert(weft__size_align(SIZE_MAX - 63, 64, &out));
    ck_assert_uint_eq(out, SIZE_MAX - 63);
    ck_assert(!weft__size_align(SIZE_MAX - 62, 64, &out));
    ck_assert_uint_eq(weft__min_size(3, 4), 3);
    ck_assert_uint_eq(weft__max_size(3, 4), 4);
    ck_assert_uint_eq(weft__ceil_div(0, 8), 0);
    ck_assert_uint_eq(weft__ceil_div(16, 8), 2);
    ck_assert_uint_eq(weft__ceil_div(17, 8), 3);
    ck_assert_uint_eq(weft__ceil_div(UINT64_MAX, 2), UINT64_C(1) << 63);
}
END_TEST

START_TEST(closeness_of_tests_is_strict_about_nan_and_infinity)
{
    ck_assert(weft_test_close(1.0, 1.5, 0.5, 0.0));
    ck_assert(!weft_test_close(1.0, 1.5, 0.49, 0.0));
    ck_assert(weft_test_close(99.0, 100.0, 0.0, 0.01));
    ck_assert(!weft_test_close(101.1, 100.0, 0.0, 0.01));
    ck_assert(!weft_test_close((double)NAN, 1.0, 1e9, 1e9));
    ck_assert(!weft_test_close(1.0, (double)NAN, 1e9, 1e9));
    ck_assert(!weft_test_close((double)NAN, (double)NAN, 1e9, 1e9));
    ck_assert(weft_test_close((double)INFINITY, (double)INFINITY, 0.0, 0.0));
    ck_assert(!weft_test_close((double)INFINITY, -(double)INFINITY, 1e9, 1e9));
    ck_assert(!weft_test_close(1.0, (double)INFINITY, 1e9, 1e9));
    ck_assert(!weft_test_close((double)INFINITY, 1.0, 1e9, 1e9));
    ck_assert(!weft_test_close(1.0, 1.0, (double)NAN, 0.0));
    ck_assert(weft_test_close_or_both_nan((double)NAN, (double)NAN, 0.0, 0.0));
    ck_assert(!weft_test_close_or_both_nan((double)NAN, 1.0, 1e9, 1e9));
    static const float a[] = {1.0f, NAN, INFINITY, 2.0f}, b[] = {1.0f, NAN, INFINITY, 3.0f};
    ck_assert_uint_eq(weft_test_first_difference(a, b, 4, 0.5, 0.0), 3);
    ck_assert_uint_eq(weft_test_first_difference(a, b, 4, 1.0, 0.0), 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *tcase = tcase_create("base");
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, statuses_have_pinned_values_and_names);
    tcase_add_test(tcase, a_failure_fills_the_error_and_gives_its_code);
    tcase_add_test(tcase, an_error_object_is_optional);
    tcase_add_test(tcase, a_long_message_is_cut_and_terminated);
    tcase_add_test(tcase, dtypes_have_pinned_values_names_and_sizes);
    tcase_add_loop_test(tcase, every_16_bit_float_widens_exactly, 0, 2);
    tcase_add_loop_test(tcase, floats_narrow_to_the_nearest, 0, 2);
    tcase_add_test(tcase, the_edges_of_the_formats_are_where_they_are_known_to_be);
    tcase_add_test(tcase, elements_are_loaded_and_stored_by_index);
    tcase_add_test(tcase, shapes_count_their_elements);
    tcase_add_test(tcase, shapes_compare_by_rank_and_extents);
    tcase_add_test(tcase, shapes_are_written_in_full);
    tcase_add_test(tcase, size_arithmetic_sees_overflow);
    tcase_add_test(tcase, closeness_of_tests_is_strict_about_nan_and_infinity);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}
