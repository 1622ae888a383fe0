/* Benches while memory fails, for suites with FAILING_MALLOC. */
#ifndef WEFT_TESTS_SIM_BENCH_MEMORY_H
#define WEFT_TESTS_SIM_BENCH_MEMORY_H

#include <inttypes.h>

#include "bench_suite.h"
#include "support/failing_malloc.h"

/* Verifies a bench on the smallest machine, with every allocation failing once: each gives an error or, where it was
 * not needed, the right numbers. */
static inline void check_bench_memory(const char *bench, const weft_machine_setting *settings, size_t count)
{
    const weft_sim_bench_options options = {.settings = settings, .setting_count = count, .verify = true};
    weft_machine *machine = open_bench_machine("tiny", NULL);
    bool failed = true;
    for (uint64_t n = 0; failed; n++) {
        weft_error err;
        weft_sim_bench_result *result;
        weft_test_fail_allocation_after(n);
        weft_status status = weft_sim_bench_run(machine, bench, &options, &result, &err);
        failed = weft_test_stop_failing();
        ck_assert_msg(status == WEFT_OK || (failed && status == WEFT_OUT_OF_MEMORY), "allocation %" PRIu64 ": %s", n,
                      err.message);
        ck_assert(status == WEFT_OK ? result->holds : !result);
        weft_sim_bench_result_destroy(result);
    }
    weft_machine_close(machine);
}

#endif
