/* Re-timing: what it takes to tell how long a run would take on other machines, beside running it there.
 *
 * Usage: bench_retime [FOLDER], where FOLDER holds two-sip.yaml; default: machines */
#include <stdio.h>
#include <stdlib.h>

#include <weft/sim_bench.h>

#include "bench_timer.h"

enum {
    VARIANTS = 10
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_retime: %s\n", what);
    exit(1);
}

static weft_machine *open_machine(const char *folder, uint32_t variant)
{
    char path[1024], clock[32];
    weft_error err;
    weft_machine *machine;
    (void)snprintf(path, sizeof path, "%s/two-sip.yaml", folder);
    (void)snprintf(clock, sizeof clock, "%.2f", 0.5 + 0.1 * variant);
    const weft_machine_setting setting = {"pe.clock_ghz", clock};
    if (weft_machine_open(path, &setting, 1, &machine, &err) != WEFT_OK)
        fail(err.message);
    return machine;
}

/* A bench as it is, but for one setting. */
typedef struct measured_bench {
    const char *name, *key, *value;
} measured_bench;

/* Gives the seconds; the makespan to compare with. */
static double run_full(const measured_bench *it, const weft_machine *machine, weft_recording **recording,
                       uint64_t *makespan_ps)
{
    weft_error err;
    weft_sim_bench_result *result;
    const weft_machine_setting setting = {it->key, it->value};
    const weft_sim_bench_options options = {.settings = &setting, .setting_count = 1, .recording = recording};
    double begin_ns = bench_now_ns();
    if (weft_sim_bench_run(machine, it->name, &options, &result, &err) != WEFT_OK)
        fail(err.message);
    double seconds = (bench_now_ns() - begin_ns) * 1e-9;
    *makespan_ps = result->report.makespan_ps;
    weft_sim_bench_result_destroy(result);
    return seconds;
}

static double run_retimed(const weft_recording *recording, const weft_machine *machine, uint64_t makespan_ps)
{
    weft_error err;
    weft_retime_result *result;
    double begin_ns = bench_now_ns();
    if (weft_retime(recording, machine, &result, &err) != WEFT_OK)
        fail(err.message);
    double seconds = (bench_now_ns() - begin_ns) * 1e-9;
    if (result->report.makespan_ps != makespan_ps)
        fail("a re-timed run took another time than a full one");
    weft_retime_result_destroy(result);
    return seconds;
}

/* All variants, each in turn by both. */
static void measure(const measured_bench *it, const char *folder)
{
    double full = 0, retimed = 0, recorded = 0;
    uint64_t makespan_ps;
    weft_recording *recording;
    weft_recording_info info;
    weft_machine *machine = open_machine(folder, 5);
    recorded = run_full(it, machine, &recording, &makespan_ps);
    weft_machine_close(machine);
    for (uint32_t i = 0; i < VARIANTS; i++) {
        machine = open_machine(folder, i);
        full += run_full(it, machine, NULL, &makespan_ps);
        retimed += run_retimed(recording, machine, makespan_ps);
        weft_machine_close(machine);
    }
    weft_recording_get_info(recording, &info);
    printf("%-20s %9.3f s %9.3f s %9.3f s %6.2f   %10llu requests, %llu bytes\n", it->name, recorded, full, retimed,
           full / retimed, (unsigned long long)info.requests, (unsigned long long)info.bytes);
    weft_recording_destroy(recording);
}

int main(int argc, char **argv)
{
    static const measured_bench benches[] = {{"mesh-attention", "cached", "8192"},
                                             {"softmax", "rows", "16384"},
                                             {"allreduce", "bytes", "4096"},
                                             {"gpt3-qkv", "pes", "0"}};
    printf("%-20s %11s %11s %11s %6s\n", "bench", "recorded", "10 full", "10 retimed", "ratio");
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++)
        measure(&benches[i], argc > 1 ? argv[1] : "machines");
    return 0;
}
