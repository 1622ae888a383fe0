/* Inside of the benches' framework. */
#ifndef WEFT_SIM_BENCHES_BENCH_IMPL_H
#define WEFT_SIM_BENCHES_BENCH_IMPL_H

#include "base/arena.h"
#include "sim/benches/bench.h"

#define WEFT__BENCH_KEYS_MAX 24
#define WEFT__BENCH_CHECKS_MAX 8
#define WEFT__BENCH_MEASURES_MAX 16

/* What a check has read in the first run, for the others: the shards, one behind another. */
typedef struct weft__bench_kept {
    void *data; /* malloc'ed */
    size_t bytes;
} weft__bench_kept;

/* All runs of a bench, and what they give. */
typedef struct weft__bench_outcome {
    weft_sim_bench_result result; /* first: a result is freed as an outcome */
    weft_sim_bench_setting settings[WEFT__BENCH_KEYS_MAX];
    weft_sim_bench_measure measures[WEFT__BENCH_MEASURES_MAX];
    weft_sim_bench_check checks[WEFT__BENCH_CHECKS_MAX];
    weft__bench_kept kept[WEFT__BENCH_CHECKS_MAX];
    weft__arena arena; /* the texts of hazards, and their table */
    weft_sim_bench_history history;
    weft_sim_bench_launch *launches; /* malloc'ed, as is the next */
    weft_sim_bench_pe *pes;
    weft_activity *activity;
    size_t launch_capacity;
} weft__bench_outcome;

/* A tensor of a run. */
typedef struct weft__bench_tensor_record weft__bench_tensor_record;
struct weft__bench_tensor_record {
    const char *name;
    weft_placed_tensor *placed;
    weft_dtype dtype;
    weft_shape shape;
    weft__bench_tensor_record *next;
};

struct weft__bench_run {
    const weft__bench *bench;
    const weft_machine *machine;
    const weft_sim_bench_options *options;
    weft__bench_outcome *outcome;
    uint64_t index; /* 0 is the run without perturbation */
    bool verifies;  /* values are kept, and compared */
    weft_simulation *simulation;
    weft__arena arena;
    weft__bench_tensor_record *tensors; /* the last one first */
    uint64_t fills, checks;             /* so far */
    weft_launch_report report;
    weft_error err; /* WEFT_OK: none so far */
};

/* bench_history.c: begins the history of a run, adds a launch that has ended, and ends it; each does nothing in a run
 * of which none is kept. */
weft_status weft__bench_history_begin(weft__bench_run *run, weft_error *err);
weft_status weft__bench_history_add(weft__bench_run *run, const char *name, const weft_kernel_launch *launch,
                                    weft_error *err);
weft_status weft__bench_history_end(weft__bench_run *run, weft_error *err);
void weft__bench_history_free(weft__bench_outcome *outcome);

/* The bench of a name, NULL and an error for one that is none. */
const weft__bench *weft__bench_find(const char *name, weft_error *err);

/* weft_sim_bench_run() for a bench that need not be in the table. */
weft_status weft__bench_run_all(const weft__bench *bench, const weft_machine *machine,
                                const weft_sim_bench_options *options, weft_sim_bench_result **out, weft_error *err);

/* Puts all keys and their values into `out`. */
weft_status weft__bench_settings(const weft__bench *bench, const weft_machine_setting *given, size_t count,
                                 weft_sim_bench_setting *out, size_t *out_count, weft_error *err);

/* What memory is for, in errors: "tensor 'NAME'". */
typedef struct weft__bench_purpose {
    char text[64];
} weft__bench_purpose;
weft__bench_purpose weft__bench_purpose_of(const char *tensor);

const weft__bench_tensor_record *weft__bench_record_of(const weft__bench_run *run, const weft_placed_tensor *tensor);
void weft__bench_destroy_tensors(weft__bench_run *run);

/* Seconds of a clock that only goes forward. */
double weft__bench_seconds(void);

#endif
