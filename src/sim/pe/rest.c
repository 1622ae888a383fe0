#include "sim/pe/rest.h"

#include <string.h>

#include "sim/pe/pe_impl.h"

bool weft__pe_has_rest(const weft__pe *pe)
{
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++)
        if (pe->engines[kind].wanted)
            return false;
    return !pe->composites;
}

bool weft__pe_sends_nothing(const weft__pe *pe)
{
    return !pe->queue.wanted && !pe->queue.serving;
}

/* All of them are numbers of one sort. */
#define COUNTS (sizeof(weft__pe_counts) / sizeof(uint64_t))
_Static_assert(sizeof(weft__pe_counts) % sizeof(uint64_t) == 0, "counts are added up one by one");

static void combine(weft__pe_counts *to, const weft__pe_counts *with, bool subtracts)
{
    uint64_t mine[COUNTS], others[COUNTS];
    memcpy(mine, to, sizeof mine);
    memcpy(others, with, sizeof others);
    for (size_t i = 0; i < COUNTS; i++)
        mine[i] = subtracts ? mine[i] - others[i] : mine[i] + others[i];
    memcpy(to, mine, sizeof mine);
}

void weft__pe_account(weft__pe *pe)
{
    weft__time now = weft__sim_now(weft__pes_sim(pe->owner));
    (void)weft__pe_compute_account(pe, now);
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++)
        weft__pe_engine_account(&pe->engines[kind], now);
}

void weft__pe_counts_get(weft__pe *pe, weft__pe_counts *out)
{
    weft__pe_account(pe);
    *out = (weft__pe_counts){.times = pe->times,
                             .compute_ps = pe->compute_ps,
                             .composites = pe->composite_count,
                             .commands = pe->command_count};
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++)
        out->times.engines[kind] = pe->engines[kind].times;
}

void weft__pe_counts_set(weft__pe *pe, const weft__pe_counts *counts, weft__time time)
{
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++) {
        pe->engines[kind].times = counts->times.engines[kind];
        pe->engines[kind].accounted = time;
    }
    pe->times = counts->times;
    memset(pe->times.engines, 0, sizeof pe->times.engines);
    pe->compute_ps = counts->compute_ps;
    pe->compute_accounted = time;
    pe->composite_count = counts->composites;
    pe->command_count = counts->commands;
}

void weft__pe_counts_subtract(weft__pe_counts *counts, const weft__pe_counts *since)
{
    combine(counts, since, true);
}

/* The engines have not been asked since: what passed meanwhile is in the counts that are added. */
void weft__pe_counts_add(weft__pe *pe, const weft__pe_counts *counts)
{
    weft__pe_counts sum = {.times = pe->times,
                           .compute_ps = pe->compute_ps,
                           .composites = pe->composite_count,
                           .commands = pe->command_count};
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++)
        sum.times.engines[kind] = pe->engines[kind].times;
    combine(&sum, counts, false);
    weft__pe_counts_set(pe, &sum, weft__sim_now(weft__pes_sim(pe->owner)));
}
