/* What tests of recordings begin with. */
#ifndef WEFT_TESTS_SIM_RECORDING_BENCH_H
#define WEFT_TESTS_SIM_RECORDING_BENCH_H

#include "simulation_bench.h"

#include <weft/retime.h>

static inline weft_recording *begin_recording(const simulation_bench *it)
{
    weft_error err;
    weft_recording *recording;
    WEFT_TEST_ASSERT_OK(weft_recording_begin(it->simulation, &recording, &err), err);
    return recording;
}

static uint64_t noted_ps[64]; /* by PE */

static inline void note_kernel(weft_tile *tl, const void *arguments)
{
    (void)arguments;
    tl_note_time(tl, &noted_ps[tl_program_id(tl, TL_AXIS_ALL)]);
}

#endif
