#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "run_output.h"

#define LABEL_COLUMNS 18
#define BAR_COLUMNS 40
#define HAZARDS_SHOWN 10

/* ---- numbers ---- */

void run_shares(const uint64_t *parts_ps, size_t count, uint32_t *out_tenths)
{
    double whole = 0, lost[16];
    uint32_t given = 0;
    for (size_t i = 0; i < count; i++)
        whole += (double)parts_ps[i];
    for (size_t i = 0; i < count; i++) {
        double exact = whole > 0 ? 1000 * (double)parts_ps[i] / whole : 0;
        out_tenths[i] = (uint32_t)exact;
        lost[i] = exact - (double)out_tenths[i];
        given += out_tenths[i];
    }
    for (; whole > 0 && given < 1000; given++) {
        size_t most = 0;
        for (size_t i = 1; i < count; i++)
            most = lost[i] > lost[most] ? i : most;
        out_tenths[most]++;
        lost[most] = -1;
    }
}

static double per_ps(double number, const weft_sim_bench_result *result)
{
    return result->report.makespan_ps > 0 ? number / (double)result->report.makespan_ps : 0;
}

double run_tflops(const weft_sim_bench_result *result)
{
    return per_ps((double)result->flops, result);
}

double run_memory_gbs(const weft_sim_bench_result *result)
{
    return 1000 * per_ps((double)result->report.memory_bytes, result);
}

static void out_label(const char *label)
{
    cli_out("%-*s", LABEL_COLUMNS, label);
}

static void out_ns(uint64_t ps)
{
    cli_out("%" PRIu64 ".%03" PRIu64 " ns", ps / 1000, ps % 1000);
}

/* ---- what was run ---- */

/* Those that have an effect. */
static void out_settings(const weft_sim_bench_result *result)
{
    char text[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < result->setting_count && used < sizeof text; i++) {
        const weft_sim_bench_setting *it = &result->settings[i];
        const char *before = used > 0 ? " " : "";
        if (it->is_unused)
            continue;
        if (it->word)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%s", before, it->key, it->word);
        else
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%" PRIu64, before, it->key, it->number);
    }
    out_label("settings");
    cli_out_wrapped(text, LABEL_COLUMNS, LABEL_COLUMNS);
}

static void out_head(const run_shown *shown)
{
    weft_sim_bench bench = {0};
    for (size_t i = 0; weft_sim_bench_at(i, &bench) && strcmp(bench.name, shown->result->bench) != 0; i++)
        ;
    cli_out("%s: ", bench.name);
    cli_out_wrapped(bench.what, strlen(bench.name) + 2, 2);
    out_label("machine");
    cli_out_name(shown->machine->name);
    cli_out("\n");
    out_settings(shown->result);
}

/* ---- what it took ---- */

static void out_makespan(const weft_sim_bench_result *result)
{
    const weft_launch_report *report = &result->report;
    out_label("makespan");
    out_ns(report->makespan_ps);
    cli_out(" on %" PRIu32 " PE%s; the host waits ", report->pes, cli_plural(report->pes, "s"));
    out_ns(report->end_ps - report->begin_ps);
    cli_out("\n");
    for (size_t i = 0; i < result->measure_count; i++) {
        out_label(result->measures[i].name);
        cli_out("%.3f %s\n", result->measures[i].number, result->measures[i].unit);
    }
    if (result->flops > 0) {
        out_label("useful work");
        cli_out("%.4g GFLOP, %.4g TFLOP/s\n", (double)result->flops * 1e-9, run_tflops(result));
    }
    char bytes[CLI_BYTES_TEXT];
    out_label("memory traffic");
    cli_out("%s, %.4g GB/s\n", cli_bytes_text(report->memory_bytes, bytes), run_memory_gbs(result));
    out_label("roofline");
    cli_out("%.1f %%: at their peaks products take ", 100 * report->roofline_fraction);
    out_ns(report->compute_bound_ps);
    cli_out(" and memory traffic ");
    out_ns(report->memory_bound_ps);
    cli_out("\n");
}

static void out_spent(const weft_launch_report *report)
{
    uint32_t tenths[WEFT_PE_TIMES];
    char bar[BAR_COLUMNS + 1];
    run_shares(report->spent_ps, WEFT_PE_TIMES, tenths);
    cli_out("\nof a PE's time          %%\n");
    for (size_t i = 0; i < WEFT_PE_TIMES; i++) {
        size_t columns = (tenths[i] * BAR_COLUMNS + 500) / 1000;
        memset(bar, '#', columns);
        bar[columns] = 0;
        cli_out("  %-16s%5" PRIu32 ".%" PRIu32 "%s%s\n", weft_pe_time_name((weft_pe_time)i), tenths[i] / 10,
                tenths[i] % 10, columns > 0 ? "  " : "", bar);
    }
}

static void out_engines(const weft_launch_report *report)
{
    char text[CLI_BYTES_TEXT];
    cli_out("\nengine            busy %%  stall %%   idle %%        moved\n");
    for (size_t i = 0; i < WEFT_ENGINES; i++) {
        const weft_engine_time *it = &report->engines[i];
        const uint64_t parts_ps[] = {it->busy_ps, it->stall_ps, it->idle_ps};
        uint32_t tenths[3];
        run_shares(parts_ps, 3, tenths);
        cli_out("  %-14s", it->engine);
        for (size_t j = 0; j < 3; j++)
            cli_out("%6" PRIu32 ".%" PRIu32 "%s", tenths[j] / 10, tenths[j] % 10, j < 2 ? " " : "");
        cli_out(" %12s\n", it->bytes > 0 ? cli_bytes_text(it->bytes, text) : "-");
    }
    cli_out("\n%" PRIu64 " command%s, %" PRIu64 " tile%s, %" PRIu64 " message%s, %" PRIu64 " product%s\n",
            report->commands, cli_plural(report->commands, "s"), report->tiles, cli_plural(report->tiles, "s"),
            report->messages, cli_plural(report->messages, "s"), report->macs, cli_plural(report->macs, "s"));
}

/* ---- whether it is right ---- */

/* " within 0.000488 of |expected| and 0.001". */
static void out_bound(const weft_sim_bench_check *it)
{
    bool is_relative = it->relative_bound > 0, is_absolute = it->absolute_bound > 0;
    cli_out(is_relative || is_absolute ? " within " : ", exactly");
    if (is_relative)
        cli_out("%.3g of |expected|", it->relative_bound);
    if (is_absolute)
        cli_out("%s%.3g", is_relative ? " and " : "", it->absolute_bound);
}

static void out_checks(const weft_sim_bench_result *result)
{
    if (result->check_count == 0)
        cli_out("\nnumbers were not computed; --verify does, and compares them with a reference\n");
    else
        cli_out("\n");
    for (size_t i = 0; i < result->check_count; i++) {
        const weft_sim_bench_check *it = &result->checks[i];
        cli_out("check of %s %s: %" PRIu64 " number%s", it->what, it->holds ? "holds" : "DOES NOT HOLD", it->elements,
                cli_plural(it->elements, "s"));
        out_bound(it);
        cli_out("\n  the worst is %.9g where %.9g is expected: off by %.3g, and %.3g is allowed\n", it->found,
                it->expected, it->worst_error, it->bound);
    }
}

static void out_perturbed(const weft_sim_bench_perturbed *it)
{
    if (it->runs == 0)
        return;
    cli_out("%" PRIu64 " perturbed run%s took ", it->runs, cli_plural(it->runs, "s"));
    out_ns(it->least_ps);
    cli_out(" to ");
    out_ns(it->most_ps);
    cli_out(it->agree ? ", and gave the same numbers\n" : ", and DIFFER\n");
    if (!it->agree) {
        cli_out("  ");
        cli_out_wrapped(it->differs, 2, 2);
    }
}

static void out_hazards(const run_shown *shown)
{
    const weft_sim_bench_result *result = shown->result;
    if (result->check_count == 0)
        return;
    cli_out("hazards: %" PRIu64, result->statistics.hazards);
    if (result->perturbed.runs > 0 && shown->options->hazards != WEFT_HAZARDS_ERROR)
        cli_out(", and %" PRIu64 " in perturbed runs", result->perturbed.hazards);
    cli_out("\n");
    size_t count = result->hazard_count < HAZARDS_SHOWN ? result->hazard_count : HAZARDS_SHOWN;
    for (size_t i = 0; i < count; i++) {
        cli_out("  ");
        cli_out_wrapped(result->hazards[i].text, 2, 2);
    }
    if (result->statistics.hazards > count)
        cli_out("  and %" PRIu64 " more\n", result->statistics.hazards - count);
}

static void out_cost(const weft_sim_bench_result *result)
{
    const weft_simulation_statistics *it = &result->statistics;
    char bytes[CLI_BYTES_TEXT];
    cli_out("\n%" PRIu64 " event%s in %.3f s, %.2f million a second; trace hash %016" PRIx64 "\n", it->events,
            cli_plural(it->events, "s"), result->wall_seconds,
            result->wall_seconds > 0 ? (double)it->events / result->wall_seconds * 1e-6 : 0, it->trace_hash);
    if (result->check_count > 0)
        cli_out("%" PRIu64 " value%s, %" PRIu64
                " of them computed, at most %s at once; computed in %.3f s, checked in %.3f s\n",
                it->values, cli_plural(it->values, "s"), it->evaluated, cli_bytes_text(it->peak_bytes, bytes),
                result->compute_seconds, result->check_seconds);
}

void run_out(const run_shown *shown)
{
    out_head(shown);
    out_makespan(shown->result);
    out_spent(&shown->result->report);
    out_engines(&shown->result->report);
    out_checks(shown->result);
    out_perturbed(&shown->result->perturbed);
    out_hazards(shown);
    out_cost(shown->result);
}
