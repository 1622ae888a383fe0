/* What the suites share: a main over a list of tests, and comparisons of numbers that mean what they say about NaN.
 *
 *     #include "support/weft_check.h"
 *
 *     START_TEST(adds_two_numbers)
 *     {
 *         ck_assert_int_eq(1 + 1, 2);
 *     }
 *     END_TEST
 *
 *     WEFT_TEST_MAIN("sums", adds_two_numbers)
 *
 * Check's own float macros are not used: some of them pass when an operand is NaN. */
#ifndef WEFT_TESTS_SUPPORT_WEFT_CHECK_H
#define WEFT_TESTS_SUPPORT_WEFT_CHECK_H

#include <check.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <weft/status.h>

/* Runs the suite, frees it, and gives the exit status of the program. CK_RUN_CASE and the other variables of Check
 * work; the time limit is the one of ctest. */
static inline int weft_test_run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The same for a list of tests without loops or fixtures. */
static inline int weft_test_run(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 0);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    return weft_test_run_suite(suite);
}

/* Defines main: the suite NAME made of the START_TEST names that follow. */
#define WEFT_TEST_MAIN(name, ...)                                                                                      \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const TTest *const tests[] = {__VA_ARGS__};                                                                    \
        return weft_test_run(name, tests, sizeof tests / sizeof tests[0]);                                             \
    }

/* |a - b| <= absolute + relative * |b|, where b is what is expected. Infinities are close to themselves alone, whatever
 * the bounds. NaN is close to nothing, not even to NaN: a test that expects NaN says so with isnan. */
static inline bool weft_test_close(double a, double b, double absolute, double relative)
{
    if (isnan(a) || isnan(b))
        return false;
    if (isinf(a) || isinf(b))
        return a == b;
    return fabs(a - b) <= absolute + relative * fabs(b);
}

/* The same for results that may have to be NaN: both are, or neither is and they are close. */
static inline bool weft_test_close_or_both_nan(double a, double b, double absolute, double relative)
{
    return (isnan(a) && isnan(b)) || weft_test_close(a, b, absolute, relative);
}

/* Index of the first element that is not close to the expected one (NaN expects NaN), or `count` when all are. */
static inline size_t weft_test_first_difference(const float *actual, const float *expected, size_t count,
                                                double absolute, double relative)
{
    size_t i = 0;
    while (i < count && weft_test_close_or_both_nan((double)actual[i], (double)expected[i], absolute, relative))
        i++;
    return i;
}

static inline uint32_t weft_test_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float weft_test_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#define WEFT_TEST_ASSERT_CLOSE(actual, expected, absolute, relative)                                                   \
    do {                                                                                                               \
        double weft_test_a_ = (actual), weft_test_b_ = (expected);                                                     \
        ck_assert_msg(weft_test_close(weft_test_a_, weft_test_b_, (absolute), (relative)),                             \
                      "%s is %.17g where %.17g was expected", #actual, weft_test_a_, weft_test_b_);                    \
    } while (0)

/* Arrays of f32; names the first element that differs. */
#define WEFT_TEST_ASSERT_ARRAYS_CLOSE(actual, expected, count, absolute, relative)                                     \
    do {                                                                                                               \
        const float *weft_test_a_ = (actual), *weft_test_b_ = (expected);                                              \
        size_t weft_test_n_ = (count);                                                                                 \
        size_t weft_test_i_ =                                                                                          \
            weft_test_first_difference(weft_test_a_, weft_test_b_, weft_test_n_, (absolute), (relative));              \
        ck_assert_msg(weft_test_i_ == weft_test_n_, "%s[%zu] is %.9g where %.9g was expected", #actual, weft_test_i_,  \
                      (double)(weft_test_i_ < weft_test_n_ ? weft_test_a_[weft_test_i_] : 0.0f),                       \
                      (double)(weft_test_i_ < weft_test_n_ ? weft_test_b_[weft_test_i_] : 0.0f));                      \
    } while (0)

/* A call that must succeed; on failure the sentence of `error` is shown. `call` passes &error itself. */
#define WEFT_TEST_ASSERT_OK(call, error)                                                                               \
    do {                                                                                                               \
        weft_status weft_test_status_ = (call);                                                                        \
        ck_assert_msg(weft_test_status_ == WEFT_OK, "%s gave %s: %s", #call, weft_status_name(weft_test_status_),      \
                      weft_test_status_ == WEFT_OK ? "" : (error).message);                                            \
    } while (0)

/* A call that must give exactly this status. */
#define WEFT_TEST_ASSERT_STATUS(call, expected)                                                                        \
    do {                                                                                                               \
        weft_status weft_test_status_ = (call);                                                                        \
        ck_assert_msg(weft_test_status_ == (expected), "%s gave %s instead of %s", #call,                              \
                      weft_status_name(weft_test_status_), weft_status_name(expected));                                \
    } while (0)

#endif
