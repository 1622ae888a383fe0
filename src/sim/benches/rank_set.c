#include "sim/benches/rank_set.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/size.h"
#include "sim/machine/machine.h"

weft_pe_set weft__bench_first_pes(weft__bench_run *run, uint64_t ranks, uint64_t groups)
{
    char product[64] = "";
    uint64_t count = ranks * groups;
    weft_machine_info info;
    weft_machine_get_info(weft__bench_machine(run), &info);
    uint64_t of_cube = info.pes, of_sip = of_cube * info.cube_rows * info.cube_columns;
    if (count <= of_cube)
        return (weft_pe_set){.sips = 1, .cubes = 1, .pes = (uint32_t)count};
    if (count <= of_sip && count % of_cube == 0)
        return (weft_pe_set){.sips = 1, .cubes = (uint32_t)(count / of_cube)};
    if (count % of_sip == 0 && count / of_sip <= info.sips)
        return (weft_pe_set){.sips = (uint32_t)(count / of_sip)};
    if (groups > 1)
        (void)snprintf(product, sizeof product, ", ranks=%" PRIu64 " times groups=%" PRIu64, ranks, groups);
    weft__bench_fail(run, WEFT_UNSUPPORTED,
                     "Machine '%s' has no set of %" PRIu64 " PEs%s: take up to %" PRIu64
                     " of a cube, whole cubes up to "
                     "the %" PRIu64 " PEs of a SIP, or whole SIPs, of which there are %" PRIu32 ".",
                     info.name, count, product, of_cube, of_sip, info.sips);
    return (weft_pe_set){0};
}

uint64_t weft__bench_scratch_bytes(const weft__bench_run *run, uint64_t queues)
{
    const weft__pe_spec *pe = &weft__bench_machine(run)->spec->pe;
    uint64_t tcm_bytes = (uint64_t)pe->tcm_kib << 10, scratch_bytes = (uint64_t)pe->scratch_kib << 10;
    uint64_t slots = pe->ipcq.memory == WEFT__SLOTS_TCM ? queues * pe->ipcq.slots * pe->ipcq.slot_bytes : 0;
    uint64_t left = tcm_bytes > slots ? tcm_bytes - slots : 0;
    return scratch_bytes > 0 ? weft__min_size(scratch_bytes, left) : left;
}

uint64_t weft__bench_ring_scratch_bytes(const weft__bench_run *run)
{
    return weft__bench_scratch_bytes(run, 2);
}
