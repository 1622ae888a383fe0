/* Two launches that took the same, in all that is reported. */
#ifndef WEFT_TESTS_SIM_SAME_REPORT_H
#define WEFT_TESTS_SIM_SAME_REPORT_H

#include "support/weft_check.h"

#include <weft/sim.h>

static inline void assert_same_report(const weft_launch_report *found, const weft_launch_report *expected)
{
    ck_assert_uint_eq(found->begin_ps, expected->begin_ps);
    ck_assert_uint_eq(found->start_ps, expected->start_ps);
    ck_assert_uint_eq(found->finish_ps, expected->finish_ps);
    ck_assert_uint_eq(found->end_ps, expected->end_ps);
    ck_assert_uint_eq(found->makespan_ps, expected->makespan_ps);
    ck_assert_uint_eq(found->pes, expected->pes);
    for (size_t i = 0; i < WEFT_PE_TIMES; i++)
        ck_assert_uint_eq(found->spent_ps[i], expected->spent_ps[i]);
    for (size_t i = 0; i < WEFT_ENGINES; i++) {
        ck_assert_uint_eq(found->engines[i].busy_ps, expected->engines[i].busy_ps);
        ck_assert_uint_eq(found->engines[i].stall_ps, expected->engines[i].stall_ps);
        ck_assert_uint_eq(found->engines[i].idle_ps, expected->engines[i].idle_ps);
        ck_assert_uint_eq(found->engines[i].bytes, expected->engines[i].bytes);
    }
    ck_assert_uint_eq(found->commands, expected->commands);
    ck_assert_uint_eq(found->tiles, expected->tiles);
    ck_assert_uint_eq(found->messages, expected->messages);
    ck_assert_uint_eq(found->macs, expected->macs);
    ck_assert_uint_eq(found->memory_bytes, expected->memory_bytes);
    ck_assert_uint_eq(found->compute_bound_ps, expected->compute_bound_ps);
    ck_assert_uint_eq(found->memory_bound_ps, expected->memory_bound_ps);
    ck_assert(found->roofline_fraction == expected->roofline_fraction);
}

#endif
