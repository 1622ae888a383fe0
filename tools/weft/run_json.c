#include <inttypes.h>
#include <stdio.h>

#include "json_output.h"
#include "run_output.h"

static json_t *json_ns(uint64_t ps)
{
    return cli_json_number((double)ps / 1000);
}

/* Those that have an effect. */
static json_t *json_of_settings(const weft_sim_bench_result *result)
{
    json_t *object = json_object();
    for (size_t i = 0; i < result->setting_count; i++) {
        const weft_sim_bench_setting *it = &result->settings[i];
        if (it->is_unused)
            continue;
        json_object_set_new(object, it->key, it->word ? cli_json_text(it->word) : cli_json_count(it->number));
    }
    return object;
}

/* Shares in percent, of the sum; not rounded. */
static json_t *json_of_spent(const weft_launch_report *report)
{
    json_t *object = json_object();
    double whole = 0;
    for (size_t i = 0; i < WEFT_PE_TIMES; i++)
        whole += (double)report->spent_ps[i];
    for (size_t i = 0; i < WEFT_PE_TIMES; i++) {
        double share = whole > 0 ? 100 * (double)report->spent_ps[i] / whole : 0;
        json_object_set_new(object, weft_pe_time_name((weft_pe_time)i), cli_json_number(share));
    }
    return object;
}

static json_t *json_of_engines(const weft_launch_report *report)
{
    json_t *object = json_object();
    for (size_t i = 0; i < WEFT_ENGINES; i++) {
        const weft_engine_time *it = &report->engines[i];
        json_t *engine = json_object();
        json_object_set_new(engine, "busy_ns", json_ns(it->busy_ps));
        json_object_set_new(engine, "stall_ns", json_ns(it->stall_ps));
        json_object_set_new(engine, "idle_ns", json_ns(it->idle_ps));
        json_object_set_new(engine, "bytes", cli_json_count(it->bytes));
        json_object_set_new(object, it->engine, engine);
    }
    return object;
}

void run_json_times(json_t *object, const weft_launch_report *report)
{
    json_object_set_new(object, "makespan_ns", json_ns(report->makespan_ps));
    json_object_set_new(object, "pes", cli_json_count(report->pes));
    json_object_set_new(object, "begin_ns", json_ns(report->begin_ps));
    json_object_set_new(object, "start_ns", json_ns(report->start_ps));
    json_object_set_new(object, "finish_ns", json_ns(report->finish_ps));
    json_object_set_new(object, "end_ns", json_ns(report->end_ps));
    json_object_set_new(object, "spent_percent", json_of_spent(report));
    json_object_set_new(object, "engines", json_of_engines(report));
    json_object_set_new(object, "roofline", cli_json_number(report->roofline_fraction));
    json_object_set_new(object, "compute_bound_ns", json_ns(report->compute_bound_ps));
    json_object_set_new(object, "memory_bound_ns", json_ns(report->memory_bound_ps));
}

void run_json_counts(json_t *object, const weft_launch_report *report)
{
    json_object_set_new(object, "commands", cli_json_count(report->commands));
    json_object_set_new(object, "tiles", cli_json_count(report->tiles));
    json_object_set_new(object, "messages", cli_json_count(report->messages));
    json_object_set_new(object, "macs", cli_json_count(report->macs));
}

static void add_report(json_t *object, const weft_sim_bench_result *result)
{
    const weft_launch_report *report = &result->report;
    run_json_times(object, report);
    json_object_set_new(object, "flops", cli_json_count(result->flops));
    json_object_set_new(object, "tflops", cli_json_number(run_tflops(result)));
    json_object_set_new(object, "memory_bytes", cli_json_count(report->memory_bytes));
    json_object_set_new(object, "memory_gbs", cli_json_number(run_memory_gbs(result)));
    run_json_counts(object, report);
}

static json_t *json_of_measures(const weft_sim_bench_result *result)
{
    json_t *object = json_object();
    for (size_t i = 0; i < result->measure_count; i++) {
        json_t *measure = json_object();
        json_object_set_new(measure, "value", cli_json_number(result->measures[i].number));
        json_object_set_new(measure, "unit", cli_json_text(result->measures[i].unit));
        json_object_set_new(object, result->measures[i].name, measure);
    }
    return object;
}

static json_t *json_of_checks(const weft_sim_bench_result *result)
{
    json_t *array = json_array();
    for (size_t i = 0; i < result->check_count; i++) {
        const weft_sim_bench_check *it = &result->checks[i];
        json_t *check = json_object();
        json_object_set_new(check, "what", cli_json_text(it->what));
        json_object_set_new(check, "elements", cli_json_count(it->elements));
        json_object_set_new(check, "worst", cli_json_number(it->worst));
        json_object_set_new(check, "worst_error", cli_json_number(it->worst_error));
        json_object_set_new(check, "found", cli_json_number(it->found));
        json_object_set_new(check, "expected", cli_json_number(it->expected));
        json_object_set_new(check, "bound", cli_json_number(it->bound));
        json_object_set_new(check, "relative_bound", cli_json_number(it->relative_bound));
        json_object_set_new(check, "absolute_bound", cli_json_number(it->absolute_bound));
        json_object_set_new(check, "holds", json_boolean(it->holds));
        json_array_append_new(array, check);
    }
    return array;
}

static json_t *json_of_perturbed(const weft_sim_bench_perturbed *it)
{
    if (it->runs == 0)
        return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "runs", cli_json_count(it->runs));
    json_object_set_new(object, "least_ns", json_ns(it->least_ps));
    json_object_set_new(object, "most_ns", json_ns(it->most_ps));
    json_object_set_new(object, "hazards", cli_json_count(it->hazards));
    json_object_set_new(object, "agree", json_boolean(it->agree));
    json_object_set_new(object, "differs", it->agree ? json_null() : cli_json_text(it->differs));
    return object;
}

/* The slot of a queue that a hazard is in, or null. */
static json_t *json_of_slot(const weft_kernel_hazard *hazard)
{
    if (!hazard->slot_pe)
        return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "pe", cli_json_text(hazard->slot_pe));
    json_object_set_new(object, "direction", cli_json_text(tl_direction_name(hazard->slot_direction)));
    json_object_set_new(object, "number", cli_json_count(hazard->slot));
    return object;
}

static json_t *json_of_hazards(const weft_sim_bench_result *result)
{
    json_t *array = json_array();
    for (size_t i = 0; i < result->hazard_count; i++) {
        const weft_kernel_hazard *it = &result->hazards[i];
        json_t *hazard = json_object();
        json_object_set_new(hazard, "race", cli_json_text(weft_kernel_hazard_kind_name(it->kind)));
        json_object_set_new(hazard, "kernel", cli_json_text_or_null(it->kernel));
        json_object_set_new(hazard, "call", cli_json_text_or_null(it->call));
        json_object_set_new(hazard, "pe", cli_json_text_or_null(it->pe));
        json_object_set_new(hazard, "time_ns", json_ns(it->time_ps));
        json_object_set_new(hazard, "address", cli_json_count(it->address));
        json_object_set_new(hazard, "bytes", cli_json_count(it->bytes));
        json_object_set_new(hazard, "slot", json_of_slot(it));
        json_object_set_new(hazard, "other", cli_json_text_or_null(it->other));
        json_object_set_new(hazard, "other_call", cli_json_text_or_null(it->other_call));
        json_object_set_new(hazard, "other_ns", json_ns(it->other_ps));
        json_object_set_new(hazard, "held", json_boolean(it->held));
        json_object_set_new(hazard, "margin_ns", json_ns(it->margin_ps));
        json_object_set_new(hazard, "repeats", cli_json_count(it->repeats));
        json_object_set_new(hazard, "text", cli_json_text(it->text));
        json_array_append_new(array, hazard);
    }
    return array;
}

json_t *run_json(const run_shown *shown, bool has_seconds)
{
    const weft_sim_bench_result *result = shown->result;
    const weft_simulation_statistics *statistics = &result->statistics;
    char hash[20];
    (void)snprintf(hash, sizeof hash, "%016" PRIx64, statistics->trace_hash);
    json_t *object = json_object();
    json_object_set_new(object, "bench", cli_json_text(result->bench));
    json_object_set_new(object, "machine", cli_json_text(shown->machine->name));
    json_object_set_new(object, "settings", json_of_settings(result));
    json_object_set_new(object, "seed", cli_json_count(shown->options->seed));
    add_report(object, result);
    json_object_set_new(object, "measures", json_of_measures(result));
    json_object_set_new(object, "checks", json_of_checks(result));
    json_object_set_new(object, "perturbed", json_of_perturbed(&result->perturbed));
    json_object_set_new(object, "hazard_count", cli_json_count(statistics->hazards));
    json_object_set_new(object, "hazards", json_of_hazards(result));
    json_object_set_new(object, "holds", json_boolean(result->holds));
    json_object_set_new(object, "events", cli_json_count(statistics->events));
    json_object_set_new(object, "trace_hash", cli_json_text(hash));
    json_object_set_new(object, "values", cli_json_count(statistics->values));
    json_object_set_new(object, "evaluated", cli_json_count(statistics->evaluated));
    json_object_set_new(object, "peak_bytes", cli_json_count(statistics->peak_bytes));
    if (has_seconds) {
        json_object_set_new(object, "wall_seconds", cli_json_number(result->wall_seconds));
        if (result->wall_seconds > 0) /* a coarse clock may say 0 */
            json_object_set_new(object, "events_per_second",
                                cli_json_number((double)statistics->events / result->wall_seconds));
        json_object_set_new(object, "compute_seconds", cli_json_number(result->compute_seconds));
        json_object_set_new(object, "check_seconds", cli_json_number(result->check_seconds));
    }
    return object;
}
