/* Two PEs of the smallest machine that send one another what they compute, for suites. */
#ifndef WEFT_TESTS_SIM_QUEUE_VALUE_BENCH_H
#define WEFT_TESTS_SIM_QUEUE_VALUE_BENCH_H

#include "value_bench.h"

#define TCM_BYTES (UINT64_C(1) << 20)

/* What the kernels of the two PEs of the machine work on. */
typedef struct queue_work {
    work base;
    uint64_t scratch; /* of the first PE */
    uint64_t slot;    /* the first of the second PE */
    const weft__values *values;
} queue_work;

static inline void open_queue_bench(value_bench *it, queue_work *job, const value_options *options, const char *slots,
                                    const char *memory)
{
    const char *const settings[] = {"pe.ipcq.slots", slots, "pe.ipcq.memory", memory, NULL};
    value_options with = *options;
    with.settings = settings;
    open_value_bench_with(it, "tiny", &with);
    const weft__ipcq_spec *spec = &it->base.spec->pe.ipcq;
    *job = (queue_work){.base = work_in(it, 16, 0, 64), .scratch = address_in(&it->base, WEFT__REGION_TCM, 0, 0, 0)};
    job->slot = address_in(&it->base, WEFT__REGION_TCM, 0, 1, TCM_BYTES - (uint64_t)spec->slots * spec->slot_bytes);
}

/* Both PEs, with a queue each way: next of the first, previous of the second. */
static inline weft_status try_pair(value_bench *it, weft_tile_kernel *kernel, const queue_work *job, weft_error *err)
{
    static const uint32_t pes[] = {0, 1};
    weft__ipcq_pair pairs[2];
    lay_pair(0, 1, pairs);
    const queued_launch launch = {
        .kernel = kernel, .arguments = job, .pes = pes, .count = 2, .pairs = pairs, .pair_count = 2};
    weft__kernel_run_destroy(it->base.run);
    weft_status status = try_queued(&it->base, &launch, &it->base.run, err);
    if (status == WEFT_OK)
        status = weft__sim_run(it->base.base.sim, WEFT__NEVER, err);
    return status == WEFT_OK ? weft__kernel_run_check(it->base.run, err) : status;
}

static inline bool is_first(const weft_tile *tl)
{
    return tl_program_id(tl, TL_AXIS_PE) == 0;
}

#endif
