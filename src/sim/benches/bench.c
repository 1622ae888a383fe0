#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/benches/bench_impl.h"

double weft__bench_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- what benches call ---- */

const weft_machine *weft__bench_machine(const weft__bench_run *run)
{
    return run->machine;
}

void weft__bench_fail(weft__bench_run *run, weft_status status, const char *format, ...)
{
    char sentence[WEFT_ERROR_MESSAGE_BYTES];
    va_list arguments;
    if (weft__bench_has_failed(run))
        return;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    (void)weft__fail(&run->err, status, "%s", sentence);
}

bool weft__bench_has_failed(const weft__bench_run *run)
{
    return run->err.code != WEFT_OK;
}

uint32_t weft__bench_count_pes(weft__bench_run *run, const weft_pe_set *pes)
{
    uint32_t count = 0;
    if (weft__bench_has_failed(run))
        return 0;
    return weft_machine_count_pes(run->machine, pes, &count, &run->err) == WEFT_OK ? count : 0;
}

void weft__bench_launch(weft__bench_run *run, const weft_launch_options *options)
{
    weft_kernel_launch *launch = NULL;
    weft_launch_report report;
    weft_launch_options named = *options;
    if (!named.name)
        named.name = run->bench->name;
    if (weft__bench_has_failed(run))
        return;
    double begin = weft__bench_seconds();
    weft_status status = weft_simulation_launch(run->simulation, &named, &launch, &run->err);
    if (status == WEFT_OK)
        status = weft_simulation_wait(run->simulation, launch, &run->err);
    if (status == WEFT_OK) {
        weft_kernel_launch_get_report(launch, &report);
        weft_launch_report_add(&run->report, &report);
        (void)weft__bench_history_add(run, named.name, launch, &run->err);
    }
    weft_kernel_launch_destroy(launch);
    if (run->index == 0)
        run->outcome->result.wall_seconds += weft__bench_seconds() - begin;
}

const weft_launch_report *weft__bench_report(const weft__bench_run *run)
{
    return &run->report;
}

void weft__bench_add_flops(weft__bench_run *run, uint64_t flops)
{
    if (run->index == 0)
        run->outcome->result.flops += flops;
}

void weft__bench_measure(weft__bench_run *run, const char *name, double number, const char *unit)
{
    weft_sim_bench_result *result = &run->outcome->result;
    if (run->index > 0 || weft__bench_has_failed(run))
        return;
    assert(result->measure_count < WEFT__BENCH_MEASURES_MAX);
    run->outcome->measures[result->measure_count++] = (weft_sim_bench_measure){name, number, unit};
}

/* ---- runs ---- */

static weft_status open_run(weft__bench_run *run, weft_error *err)
{
    const weft_sim_bench_options *options = run->options;
    const weft_simulation_options simulation = {
        .values = run->verifies ? options->values : WEFT_VALUES_NONE,
        .hazards = options->hazards,
        .threads = options->threads,
        .perturb_seed = run->index > 0 ? options->seed + run->index : 0,
        .trace_path = run->index > 0 ? NULL : options->trace_path,
    };
    weft__arena_init(&run->arena, 0);
    weft_status status = weft_simulation_create(run->machine, &simulation, &run->simulation, err);
    if (status == WEFT_OK && run->index == 0 && options->recording)
        status = weft_recording_begin(run->simulation, options->recording, err);
    return status == WEFT_OK ? weft__bench_history_begin(run, err) : status;
}

/* A recording of what has failed is none. */
static void close_run(weft__bench_run *run, weft_status status)
{
    weft_recording **recording = run->index == 0 ? run->options->recording : NULL;
    if (recording && status != WEFT_OK) {
        weft_recording_destroy(*recording);
        *recording = NULL;
    }
    weft__bench_destroy_tensors(run);
    weft_simulation_destroy(run->simulation);
    weft__arena_destroy(&run->arena);
}

/* A copy of a text that may be NULL, in the arena of the outcome; false if there is no memory. */
static bool copy_text(weft__bench_outcome *outcome, const char **text)
{
    if (!*text)
        return true;
    size_t bytes = strlen(*text) + 1;
    char *copy = weft__arena_new_array(&outcome->arena, char, bytes);
    if (copy)
        memcpy(copy, *text, bytes);
    *text = copy;
    return copy != NULL;
}

/* Hazards outlive their simulation. */
static weft_status keep_hazards(weft__bench_run *run, weft_error *err)
{
    weft__bench_outcome *outcome = run->outcome;
    weft_kernel_hazard hazard, *kept;
    size_t count = 0;
    while (weft_simulation_hazard_at(run->simulation, count, &hazard))
        count++;
    kept = weft__arena_new_array(&outcome->arena, weft_kernel_hazard, count);
    bool is_kept = kept != NULL;
    for (size_t i = 0; i < count && is_kept; i++) {
        (void)weft_simulation_hazard_at(run->simulation, i, &kept[i]);
        is_kept = copy_text(outcome, &kept[i].kernel) && copy_text(outcome, &kept[i].call) &&
                  copy_text(outcome, &kept[i].pe) && copy_text(outcome, &kept[i].slot_pe) &&
                  copy_text(outcome, &kept[i].other) && copy_text(outcome, &kept[i].other_call) &&
                  copy_text(outcome, &kept[i].text);
    }
    if (!is_kept)
        return weft__fail_memory(err, count * sizeof *kept, "hazards");
    outcome->result.hazards = kept;
    outcome->result.hazard_count = count;
    return WEFT_OK;
}

static weft_status keep_first(weft__bench_run *run, weft_error *err)
{
    weft_sim_bench_result *result = &run->outcome->result;
    result->report = run->report;
    weft_simulation_get_statistics(run->simulation, &result->statistics);
    weft_status status = weft_simulation_finish_trace(run->simulation, err);
    if (status == WEFT_OK && run->options->recording)
        status = weft_recording_finish(*run->options->recording, err);
    if (status == WEFT_OK)
        status = weft__bench_history_end(run, err);
    return status == WEFT_OK ? keep_hazards(run, err) : status;
}

static void keep_perturbed(weft__bench_run *run)
{
    weft_sim_bench_perturbed *perturbed = &run->outcome->result.perturbed;
    weft_simulation_statistics statistics;
    weft_simulation_get_statistics(run->simulation, &statistics);
    uint64_t makespan_ps = run->report.makespan_ps;
    if (perturbed->runs == 0 || makespan_ps < perturbed->least_ps)
        perturbed->least_ps = makespan_ps;
    if (perturbed->runs == 0 || makespan_ps > perturbed->most_ps)
        perturbed->most_ps = makespan_ps;
    perturbed->hazards += statistics.hazards;
    perturbed->runs++;
}

/* Run 0 is the one without perturbation. */
static weft_status run_once(const weft__bench *bench, const weft_machine *machine,
                            const weft_sim_bench_options *options, weft__bench_outcome *outcome, uint64_t index,
                            weft_error *err)
{
    weft__bench_run run = {.bench = bench,
                           .machine = machine,
                           .options = options,
                           .outcome = outcome,
                           .index = index,
                           .verifies = options->verify || options->perturb > 0};
    weft_status status = open_run(&run, err);
    if (status == WEFT_OK) {
        bench->run(&run);
        status = run.err.code;
        if (status != WEFT_OK)
            (void)weft__fail_copy(err, &run.err);
    }
    if (status == WEFT_OK && index == 0)
        status = keep_first(&run, err);
    else if (status == WEFT_OK)
        keep_perturbed(&run);
    close_run(&run, status);
    if (status != WEFT_OK && index > 0)
        return weft__fail_within(err, status, "Perturbed run %" PRIu64 " of %" PRIu64 ", seed %" PRIu64, index,
                                 options->perturb, options->seed + index);
    return status;
}

static weft_status run_in_turn(const weft__bench *bench, const weft_machine *machine,
                               const weft_sim_bench_options *options, weft__bench_outcome *outcome, weft_error *err)
{
    weft_status status = WEFT_OK;
    for (uint64_t i = 0; i <= options->perturb && status == WEFT_OK; i++) {
        if (options->progress)
            options->progress(options->progress_user, i, options->perturb + 1);
        status = run_once(bench, machine, options, outcome, i, err);
    }
    if (status == WEFT_OK && options->progress)
        options->progress(options->progress_user, options->perturb + 1, options->perturb + 1);
    return status;
}

/* ---- the outcome ---- */

static const weft_sim_bench_options standard;

/* What does not depend on the machine. */
static weft_status read_options(const weft__bench *bench, const weft_sim_bench_options *options,
                                weft_sim_bench_setting *out, size_t *out_count, weft_error *err)
{
    if (options->perturb > UINT64_MAX - 1 - options->seed)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "Seed %" PRIu64 " with %" PRIu64 " perturbed runs behind it is past the last seed.",
                          options->seed, options->perturb);
    if (options->values != WEFT_VALUES_LAZY && options->values != WEFT_VALUES_EAGER)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Values %d are neither lazy nor eager.", (int)options->values);
    return weft__bench_settings(bench, options->settings, options->setting_count, out, out_count, err);
}

weft_status weft_sim_bench_check_options(const char *name, const weft_sim_bench_options *options, weft_error *err)
{
    weft_sim_bench_setting settings[WEFT__BENCH_KEYS_MAX];
    size_t count;
    const weft__bench *bench = weft__bench_find(name, err);
    return bench ? read_options(bench, options ? options : &standard, settings, &count, err) : WEFT_NOT_FOUND;
}

static bool holds(const weft__bench_outcome *outcome, weft_hazard_action hazards)
{
    const weft_sim_bench_result *result = &outcome->result;
    bool is_clean = result->statistics.hazards + result->perturbed.hazards == 0;
    bool all = result->perturbed.agree && (is_clean || hazards != WEFT_HAZARDS_REPORT);
    for (size_t i = 0; i < result->check_count; i++)
        all = all && result->checks[i].holds;
    return all;
}

weft_status weft__bench_run_all(const weft__bench *bench, const weft_machine *machine,
                                const weft_sim_bench_options *options, weft_sim_bench_result **out, weft_error *err)
{
    *out = NULL;
    if (options->recording)
        *options->recording = NULL;
    weft__bench_outcome *outcome = calloc(1, sizeof *outcome);
    if (!outcome)
        return weft__fail_memory(err, sizeof *outcome, "the result of a bench");
    weft_sim_bench_result *result = &outcome->result;
    weft__arena_init(&outcome->arena, 0);
    result->bench = bench->name;
    result->settings = outcome->settings;
    result->measures = outcome->measures;
    result->checks = outcome->checks;
    result->perturbed.agree = true;
    weft_status status = read_options(bench, options, outcome->settings, &result->setting_count, err);
    if (status == WEFT_OK)
        status = run_in_turn(bench, machine, options, outcome, err);
    if (status != WEFT_OK) {
        if (options->recording)
            weft_recording_destroy(*options->recording);
        if (options->recording)
            *options->recording = NULL;
        weft_sim_bench_result_destroy(result);
        return status;
    }
    result->holds = holds(outcome, options->hazards);
    *out = result;
    return WEFT_OK;
}

weft_status weft_sim_bench_run(const weft_machine *machine, const char *name, const weft_sim_bench_options *options,
                               weft_sim_bench_result **out, weft_error *err)
{
    *out = NULL;
    const weft__bench *bench = weft__bench_find(name, err);
    return bench ? weft__bench_run_all(bench, machine, options ? options : &standard, out, err) : WEFT_NOT_FOUND;
}

void weft_sim_bench_result_destroy(weft_sim_bench_result *result)
{
    weft__bench_outcome *outcome = (weft__bench_outcome *)result;
    if (!outcome)
        return;
    for (size_t i = 0; i < WEFT__BENCH_CHECKS_MAX; i++)
        free(outcome->kept[i].data);
    weft__arena_destroy(&outcome->arena);
    weft__bench_history_free(outcome);
    free(outcome);
}
