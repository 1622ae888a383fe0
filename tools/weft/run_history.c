#include "run_history.h"

#include "json_output.h"
#include "run_file.h"

/* Where the time went: before, in and after the kernels of launches, and between these. */
enum {
    PART_LAUNCH,
    PART_KERNELS, /* by weft_pe_time, from here on */
    PART_COMPLETION = PART_KERNELS + WEFT_PE_TIMES,
    PART_BETWEEN,
    PARTS
};

/* Divides the time of a launch as that of its PEs was: the ends of the parts, laid one behind another, are rounded
 * down, so that nothing is lost. */
static void add_kernels(const weft_launch_report *report, weft_time_part parts[PARTS])
{
    uint64_t sum = 0, rounded = 0;
    for (size_t i = 0; i < WEFT_PE_TIMES && report->pes > 0; i++) {
        sum += report->spent_ps[i];
        parts[PART_KERNELS + i].ps += sum / report->pes - rounded;
        rounded = sum / report->pes;
    }
}

static void set_parts(run_file *file, const weft_sim_bench_history *history)
{
    weft_time_part parts[PARTS] = {
        [PART_LAUNCH] = {"launch", 0},
        [PART_KERNELS + WEFT_PE_TIME_DISPATCH] = {"kernels: dispatch", 0},
        [PART_KERNELS + WEFT_PE_TIME_COMPUTE] = {"kernels: compute", 0},
        [PART_KERNELS + WEFT_PE_TIME_DMA] = {"kernels: dma", 0},
        [PART_KERNELS + WEFT_PE_TIME_QUEUE] = {"kernels: queue", 0},
        [PART_KERNELS + WEFT_PE_TIME_BARRIER] = {"kernels: barrier", 0},
        [PART_KERNELS + WEFT_PE_TIME_IDLE] = {"kernels: idle", 0},
        [PART_COMPLETION] = {"completion", 0},
        [PART_BETWEEN] = {"between launches", history->end_ps},
    };
    for (size_t i = 0; i < history->launch_count; i++) {
        const weft_launch_report *report = &history->launches[i].report;
        parts[PART_LAUNCH].ps += report->start_ps - report->begin_ps;
        add_kernels(report, parts);
        parts[PART_COMPLETION].ps += report->end_ps - report->finish_ps;
        parts[PART_BETWEEN].ps -= report->end_ps - report->begin_ps;
    }
    run_file_set_parts(file, parts, PARTS);
}

static void set_launches(run_file *file, const weft_sim_bench_history *history, uint64_t flops)
{
    json_t *track = run_file_add_track(file, "launches");
    for (size_t i = 0; i < history->launch_count; i++) {
        const weft_sim_bench_launch *launch = &history->launches[i];
        const weft_launch_report *report = &launch->report;
        json_t *object = json_object();
        json_object_set_new(object, "op", cli_json_text(launch->name));
        json_object_set_new(object, "start_ps", cli_json_count(report->start_ps));
        json_object_set_new(object, "end_ps", cli_json_count(report->finish_ps));
        if (history->launch_count == 1) /* those of the bench are not known of each */
            json_object_set_new(object, "flops", cli_json_count(flops));
        json_object_set_new(object, "bytes", cli_json_count(report->memory_bytes));
        json_object_set_new(object, "compute_bound_ps", cli_json_count(report->compute_bound_ps));
        json_object_set_new(object, "memory_bound_ps", cli_json_count(report->memory_bound_ps));
        json_object_set_new(object, "pes", cli_json_count(report->pes));
        json_object_set_new(object, "parts", run_file_spent(report->spent_ps));
        run_file_add_dispatch(file, object);
        run_file_add_span(file, track, cli_json_text(launch->name), report->begin_ps, report->end_ps);
    }
}

static void set_engines(run_file *file, const weft_launch_report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < WEFT_ENGINES && report->pes > 0; i++) {
        const weft_engine_time *it = &report->engines[i];
        json_t *engine = json_object();
        json_object_set_new(engine, "name", cli_json_text(it->engine));
        json_object_set_new(engine, "busy_ps", cli_json_count(it->busy_ps));
        json_object_set_new(engine, "stall_ps", cli_json_count(it->stall_ps));
        json_object_set_new(engine, "idle_ps", cli_json_count(it->idle_ps));
        json_object_set_new(engine, "bytes", cli_json_count(it->bytes));
        json_array_append_new(array, engine);
    }
    run_file_set(file, "engines", array);
}

static void set_pes(run_file *file, const weft_sim_bench_history *history)
{
    json_t *array = json_array();
    for (size_t i = 0; i < history->pe_count; i++) {
        json_t *pe = json_object();
        json_object_set_new(pe, "name", cli_json_text(history->pes[i].name));
        json_object_set_new(pe, "parts", run_file_spent(history->pes[i].spent_ps));
        json_array_append_new(array, pe);
    }
    run_file_set(file, "pes", array);
}

static void add_facts(run_file *file, const weft_sim_bench_result *result)
{
    for (size_t i = 0; i < result->setting_count; i++) {
        const weft_sim_bench_setting *it = &result->settings[i];
        if (it->is_unused)
            continue;
        run_file_add_fact(file, it->key, it->word ? cli_json_text(it->word) : cli_json_count(it->number));
    }
    run_file_add_fact(file, "Useful FLOPs", cli_json_count(result->flops));
    run_file_add_fact(file, "Share of the roofline, %",
                      json_real((double)(int64_t)(10000 * result->report.roofline_fraction + 0.5) / 100));
}

int run_history_write(const cli_values *values, const weft_machine *machine, const weft_sim_bench_result *result)
{
    run_file file;
    const weft_sim_bench_history *history = result->history;
    run_file_begin(values, cli_text(values, &cli_option_machine), true, 0, history->end_ps, &file);
    run_file_set(&file, "title", cli_json_text(result->bench));
    add_facts(&file, result);
    set_parts(&file, history);
    set_launches(&file, history, result->flops);
    set_engines(&file, &result->report);
    set_pes(&file, history);
    if (result->check_count > 0) { /* hazards were looked for */
        run_file_set(&file, "hazards", json_array());
        for (size_t i = 0; i < result->hazard_count; i++)
            run_file_add_hazard(&file, &result->hazards[i]);
    }
    run_file_set_machine(&file, machine);
    run_file_set_activity(&file, history->activity);
    return run_file_write(&file, values->verb->name, cli_text(values, &cli_option_record));
}
