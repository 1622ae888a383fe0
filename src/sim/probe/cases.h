/* Cases: named probes. A case plans runs of flows for a machine, or says what the machine lacks; then the runs are
 * simulated, and what the case claims is judged by their results. */
#ifndef WEFT_SIM_PROBE_CASES_H
#define WEFT_SIM_PROBE_CASES_H

#include "sim/probe/flows.h"

#define WEFT__CASE_LABEL_BYTES 64u
#define WEFT__CASE_CLAIM_BYTES 256u

/* Flows that are simulated together: `count` of the plan's, from `first` on. */
typedef struct weft__case_run {
    char label[WEFT__CASE_LABEL_BYTES];
    size_t first, count;
} weft__case_run;

/* The first failure stays, and what is added after it is dropped. */
typedef struct weft__case_plan {
    const weft__graph *graph;
    weft__flow *flows;
    size_t flow_count, flow_capacity;
    weft__case_run *runs;
    size_t run_count, run_capacity;
    weft_status status;
    weft_error error;
} weft__case_plan;

/* What a case is there to tell, of its first run. */
typedef enum weft__case_quantity {
    WEFT__CASE_LATENCY,     /* of the slowest flow */
    WEFT__CASE_MAKESPAN,    /* of all flows */
    WEFT__CASE_AGGREGATE,   /* bandwidth of all flows together */
    WEFT__CASE_UTILISATION, /* of the slowest link or memory of the slowest flow */
    WEFT__CASE_SPREAD,      /* of starts; its simulation sets the value */
    WEFT__CASE_RELATION     /* 1 if the claim holds */
} weft__case_quantity;

/* A case being run, which weft_probe_case_result_destroy frees. */
typedef struct weft__case_result {
    weft_probe_case_result result; /* the first member: what callers see */
    weft_probe_run_result *runs;
    size_t run_capacity;
} weft__case_result;

typedef struct weft__case {
    const char *name;
    const char *what; /* one sentence */
    weft__case_quantity quantity;
    const char *relation; /* what a relation says, "d2h>=h2d" */
    void (*plan)(weft__case_plan *plan);
    /* Whether the claim holds; writes the sentence. NULL for a case that claims nothing. */
    bool (*judge)(const weft_probe_case_result *result, char claim[WEFT__CASE_CLAIM_BYTES]);
    /* In place of a plan: simulates something other than flows, and judges it. */
    weft_status (*simulate)(const weft__graph *graph, const weft__probe_setup *setup, weft__case_result *out,
                            weft_error *err);
} weft__case;

/* The case with this index; NULL after the last. */
const weft__case *weft__case_at(size_t index);

/* ---- planning ---- */

/* Begins a run, which the flows after it belong to. */
void weft__case_add_run(weft__case_plan *plan, const char *label, ...) WEFT_PRINTF(2, 3);
/* Adds a flow between nodes that there are; the target's memory must be large enough, or the machine lacks that. */
void weft__case_add_flow(weft__case_plan *plan, uint32_t source, uint32_t target, uint64_t bytes, bool is_write);
/* The machine cannot have this case: a sentence in which the machine is "The machine". */
void weft__case_lacks(weft__case_plan *plan, const char *format, ...) WEFT_PRINTF(2, 3);
/* False after a failure. */
bool weft__case_goes_on(const weft__case_plan *plan);

/* probe_hops: targets ever farther away. */
void weft__case_plan_hops(weft__case_plan *plan);
bool weft__case_judge_hops(const weft_probe_case_result *result, char claim[WEFT__CASE_CLAIM_BYTES]);

/* credit, launch_spread */
weft_status weft__case_simulate_credit(const weft__graph *graph, const weft__probe_setup *setup, weft__case_result *out,
                                       weft_error *err);
weft_status weft__case_simulate_launch(const weft__graph *graph, const weft__probe_setup *setup, weft__case_result *out,
                                       weft_error *err);

/* ---- results ---- */

/* Adds the result of a run and takes it over, also on failure. */
weft_status weft__case_keep_run(weft__case_result *out, const char *label, weft_probe_result *result, weft_error *err);

/* The flow of a run that took longest; NULL if it has none. */
const weft_flow_result *weft__case_slowest(const weft_probe_result *result);

/* Times in sentences: printf("%" WEFT__NS_FORMAT " ns", WEFT__NS(ps)) */
#define WEFT__NS_FORMAT "llu.%03llu"
#define WEFT__NS(ps) (unsigned long long)((ps) / 1000), (unsigned long long)((ps) % 1000)

#endif
