/* What a run did and when, for those who show it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sim/benches/bench_impl.h"

static bool is_kept(const weft__bench_run *run)
{
    return run->options->keeps_history && run->index == 0;
}

weft_status weft__bench_history_begin(weft__bench_run *run, weft_error *err)
{
    weft__bench_outcome *outcome = run->outcome;
    weft_machine_info info;
    if (!is_kept(run))
        return WEFT_OK;
    weft_machine_get_info(run->machine, &info);
    size_t cubes = (size_t)info.cube_rows * info.cube_columns, count = info.sips * cubes * info.pes;
    outcome->pes = calloc(count, sizeof *outcome->pes);
    if (!outcome->pes)
        return weft__fail_memory(err, count * sizeof *outcome->pes, "the history of a bench");
    for (size_t i = 0; i < count; i++) {
        unsigned cube = (unsigned)(i / info.pes), pe = (unsigned)(i % info.pes), per_sip = (unsigned)cubes;
        (void)snprintf(outcome->pes[i].name, sizeof outcome->pes[i].name, "sip%u.cube%u.pe%u", cube / per_sip,
                       cube % per_sip, pe);
    }
    outcome->history.pes = outcome->pes;
    outcome->history.pe_count = count;
    return weft_simulation_keep_activity(run->simulation, err);
}

/* PEs of a launch come in the order of the machine; gives the place behind this one. */
static size_t add_pe(weft__bench_outcome *outcome, size_t place, const char *name, const weft_launch_report *report)
{
    while (strcmp(outcome->pes[place].name, name) != 0)
        place++;
    for (size_t i = 0; i < WEFT_PE_TIMES; i++)
        outcome->pes[place].spent_ps[i] += report->spent_ps[i];
    return place + 1;
}

weft_status weft__bench_history_add(weft__bench_run *run, const char *name, const weft_kernel_launch *launch,
                                    weft_error *err)
{
    weft__bench_outcome *outcome = run->outcome;
    weft_sim_bench_history *history = &outcome->history;
    if (!is_kept(run))
        return WEFT_OK;
    weft_status status = weft__array_reserve_or_fail(&outcome->launches, &outcome->launch_capacity,
                                                     history->launch_count, 1, "the history of a bench", err);
    history->launches = outcome->launches;
    if (status)
        return status;
    char *copy = weft__arena_new_array(&outcome->arena, char, strlen(name) + 1);
    if (!copy)
        return weft__fail_memory(err, strlen(name) + 1, "the history of a bench");
    memcpy(copy, name, strlen(name) + 1);
    weft_sim_bench_launch *kept = &outcome->launches[history->launch_count++];
    kept->name = copy;
    weft_kernel_launch_get_report(launch, &kept->report);
    size_t place = 0;
    for (uint32_t i = 0; i < kept->report.pes; i++) {
        char pe[48];
        weft_launch_report report;
        weft_kernel_launch_get_report_of(launch, i, pe, &report);
        place = add_pe(outcome, place, pe, &report);
    }
    return WEFT_OK;
}

weft_status weft__bench_history_end(weft__bench_run *run, weft_error *err)
{
    weft__bench_outcome *outcome = run->outcome;
    weft_sim_bench_history *history = &outcome->history;
    if (!is_kept(run))
        return WEFT_OK;
    history->end_ps = weft_simulation_now_ps(run->simulation);
    for (size_t i = 0; i < history->pe_count; i++) {
        uint64_t *spent = outcome->pes[i].spent_ps;
        spent[WEFT_PE_TIME_IDLE] = history->end_ps;
        for (size_t part = 0; part < WEFT_PE_TIMES; part++)
            spent[WEFT_PE_TIME_IDLE] -= part == WEFT_PE_TIME_IDLE ? 0 : spent[part];
    }
    outcome->result.history = history;
    weft_status status = weft_simulation_take_activity(run->simulation, &outcome->activity, err);
    history->activity = outcome->activity;
    return status;
}

void weft__bench_history_free(weft__bench_outcome *outcome)
{
    free(outcome->launches);
    free(outcome->pes);
    weft_activity_destroy(outcome->activity);
}
