/* test_conformance_devices [--rounds N] [--seed S [--op NAME]]
 *
 * Without arguments a run of seconds; with more rounds as long as is wanted. A failure names the op and the seed of its
 * case, with which that one case can be run again. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/harness.h"

#define CASES_PER_ROUND 6u

static const conf_op *const ops[] = {
    &conf_add,          &conf_mul,          &conf_scale,         &conf_silu_mul,     &conf_gelu_mul,
    &conf_copy,         &conf_embedding,    &conf_rms_norm,      &conf_rope,         &conf_matmul,
    &conf_attention,    &conf_softmax,      &conf_argmax,        &conf_top_k,        &conf_sample,
    &conf_rms_norm_mul, &conf_add_rms_norm, &conf_rms_norm_rope, &conf_gate_up_silu,
};
#define OP_COUNT (sizeof ops / sizeof ops[0])

static uint64_t rounds = 16;
static uint64_t only_seed;
static bool has_only_seed;
static const char *only_op;

static uint64_t seed_of(uint64_t op, uint64_t round, uint64_t number)
{
    return weft__rng_at(op, round, number) >> 16; /* short enough to be typed */
}

/* Cases of one op alone: kernels of the same kind side by side. */
START_TEST(an_op_agrees_with_ref)
{
    const conf_op *op = ops[_i];
    if (only_op && strcmp(op->name, only_op) != 0)
        return;
    conf_devices_open();
    conf_case cases[CASES_PER_ROUND];
    for (uint64_t round = 0; round < rounds; round++) {
        size_t count = has_only_seed ? 1 : CASES_PER_ROUND;
        for (size_t i = 0; i < count; i++)
            conf_case_make(&cases[i], op, has_only_seed ? only_seed : seed_of((uint64_t)_i, round, i));
        conf_run(cases, count);
        for (size_t i = 0; i < count; i++)
            conf_case_free(&cases[i]);
        if (has_only_seed)
            break;
    }
    conf_devices_close();
}
END_TEST

/* Cases of all ops in one command buffer. */
START_TEST(all_ops_agree_with_ref_side_by_side)
{
    conf_devices_open();
    conf_case cases[OP_COUNT];
    for (uint64_t round = 0; round < rounds / 2 && !has_only_seed; round++) {
        for (size_t i = 0; i < OP_COUNT; i++)
            conf_case_make(&cases[i], ops[i], seed_of(OP_COUNT, round, i));
        conf_run(cases, OP_COUNT);
        for (size_t i = 0; i < OP_COUNT; i++)
            conf_case_free(&cases[i]);
    }
    conf_devices_close();
}
END_TEST

START_TEST(bad_calls_are_refused)
{
    conf_devices_open();
    for (size_t i = 0; i < conf_device_count(); i++)
        if (conf_device_at(i)->device)
            conf_run_bad_calls(conf_device_at(i));
    conf_devices_close();
}
END_TEST

START_TEST(bad_data_fail_at_the_wait)
{
    conf_devices_open();
    for (size_t i = 0; i < conf_device_count(); i++)
        if (conf_device_at(i)->device)
            conf_run_bad_data(conf_device_at(i));
    conf_devices_close();
}
END_TEST

/* The suite must know every op, and says which device lacks which. */
START_TEST(every_op_is_covered)
{
    ck_assert_uint_eq(weft_op_count(), OP_COUNT);
    for (size_t i = 0; i < OP_COUNT; i++)
        ck_assert_str_eq(weft_op_name(weft_op_at(i)), ops[i]->name);
    conf_devices_open();
    for (size_t d = 0; d < conf_device_count(); d++) {
        const conf_device *device = conf_device_at(d);
        for (size_t i = 0; device->device && i < OP_COUNT; i++) {
            weft_error error = {0};
            weft_status status = weft_device_supports(device->device, ops[i]->name, &error);
            ck_assert_msg(status == WEFT_OK || status == WEFT_UNSUPPORTED, "%s", error.message);
            if (status == WEFT_UNSUPPORTED)
                printf("skipped: op %s on %s: %s\n", ops[i]->name, device->uri, error.message);
            ck_assert_msg(status == WEFT_OK || d > 0, "the oracle lacks %s", ops[i]->name);
        }
    }
    conf_devices_close();
}
END_TEST

static bool read_number(const char *text, uint64_t *out)
{
    char *end;
    *out = text ? strtoull(text, &end, 10) : 0;
    return text && *text && !*end;
}

static bool read_arguments(int count, char **texts)
{
    for (int i = 1; i < count; i += 2) {
        const char *value = i + 1 < count ? texts[i + 1] : NULL;
        if (strcmp(texts[i], "--rounds") == 0 && read_number(value, &rounds))
            continue;
        if (strcmp(texts[i], "--seed") == 0 && read_number(value, &only_seed)) {
            has_only_seed = true;
            continue;
        }
        if (strcmp(texts[i], "--op") != 0 || !value)
            return false;
        only_op = value;
    }
    return true;
}

int main(int argument_count, char **arguments)
{
    if (!read_arguments(argument_count, arguments)) {
        fprintf(stderr, "usage: %s [--rounds N] [--seed S [--op NAME]]\n", arguments[0]);
        return 2;
    }
    Suite *suite = suite_create("conformance");
    TCase *tcase = tcase_create("devices");
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, every_op_is_covered);
    tcase_add_loop_test(tcase, an_op_agrees_with_ref, 0, (int)OP_COUNT);
    tcase_add_test(tcase, all_ops_agree_with_ref_side_by_side);
    tcase_add_test(tcase, bad_calls_are_refused);
    tcase_add_test(tcase, bad_data_fail_at_the_wait);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
