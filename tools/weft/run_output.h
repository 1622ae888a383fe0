/* What `weft run` prints of a bench: JSON, and tables for people. */
#ifndef WEFT_CLI_RUN_OUTPUT_H
#define WEFT_CLI_RUN_OUTPUT_H

#include <jansson.h>

#include <weft/sim_bench.h>

/* A run that has ended. */
typedef struct run_shown {
    const weft_machine_info *machine;
    const weft_sim_bench_options *options;
    const weft_sim_bench_result *result;
} run_shown;

/* Picoseconds that add up to a whole, in tenths of a percent that add up to 1000: each is rounded down, and what is
 * missing goes to those that lost most. All are 0 if the whole is. */
void run_shares(const uint64_t *parts_ps, size_t count, uint32_t *out_tenths);

/* What the launches took, in each second of simulated time. */
double run_tflops(const weft_sim_bench_result *result);
double run_memory_gbs(const weft_sim_bench_result *result);

void run_out(const run_shown *shown);

/* Adds what launches took, and what they did. */
void run_json_times(json_t *object, const weft_launch_report *report);
void run_json_counts(json_t *object, const weft_launch_report *report);

/* With `has_seconds`, also what depends on the computer that ran it. */
json_t *run_json(const run_shown *shown, bool has_seconds);

#endif
