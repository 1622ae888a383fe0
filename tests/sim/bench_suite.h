/* Benches on machines, for suites: a machine file with settings, and runs on it. Whatever cannot be opened fails the
 * test. */
#ifndef WEFT_TESTS_SIM_BENCH_SUITE_H
#define WEFT_TESTS_SIM_BENCH_SUITE_H

#include "support/weft_check.h"

#include <stdio.h>

#include <weft/sim_bench.h>

#define BENCH_SETTINGS_MAX 16

/* Settings are in pairs, and NULL after the last. */
static inline size_t bench_settings(const char *const *pairs, weft_machine_setting out[BENCH_SETTINGS_MAX])
{
    size_t count = 0;
    for (; pairs && pairs[2 * count]; count++)
        out[count] = (weft_machine_setting){pairs[2 * count], pairs[2 * count + 1]};
    return count;
}

/* `name` is a file's name without its folder and suffix. */
static inline weft_machine *open_bench_machine(const char *name, const char *const *pairs)
{
    char path[512];
    weft_error err;
    weft_machine *machine;
    weft_machine_setting settings[BENCH_SETTINGS_MAX];
    size_t count = bench_settings(pairs, settings);
    (void)snprintf(path, sizeof path, "%s/machines/%s.yaml", WEFT_SOURCE_DIR, name);
    WEFT_TEST_ASSERT_OK(weft_machine_open(path, settings, count, &machine, &err), err);
    return machine;
}

/* A run that must succeed; options' own settings are not looked at. */
static inline weft_sim_bench_result *run_bench_on(const weft_machine *machine, const char *bench,
                                                  const char *const *pairs, weft_sim_bench_options options)
{
    weft_error err;
    weft_sim_bench_result *result;
    weft_machine_setting settings[BENCH_SETTINGS_MAX];
    options.settings = settings;
    options.setting_count = bench_settings(pairs, settings);
    WEFT_TEST_ASSERT_OK(weft_sim_bench_run(machine, bench, &options, &result, &err), err);
    return result;
}

#endif
