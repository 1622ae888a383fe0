/* The benches of the simulator: tile kernels with their tensors, their check, and what they are measured by. Each is a
 * file of src/sim/benches, to be read as an example of <weft/tile.h> too.
 *
 * Threads: any number of benches may run on one machine at once. A bench makes its own simulations, so all of this may
 * also be called from a kernel, of whose stack it takes some. */
#ifndef WEFT_SIM_BENCH_H
#define WEFT_SIM_BENCH_H

#include <weft/retime.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A bench. Strings are in static storage. */
typedef struct weft_sim_bench {
    const char *name; /**< "mesh-attention" */
    const char *what; /**< one sentence */
} weft_sim_bench;

/** The bench at @p index, in alphabetical order; false past the last. Any thread. */
WEFT_API bool weft_sim_bench_at(size_t index, weft_sim_bench *out);

/** A setting of a bench: a whole number, or one of some words. Strings are in static storage. */
typedef struct weft_sim_bench_key {
    const char *name;           /**< "ranks" */
    const char *what;           /**< one sentence, with the unit */
    const char *const *choices; /**< words, NULL after the last; NULL for a number */
    uint64_t standard;          /**< if nothing is set; of words: which */
    uint64_t least, most;       /**< of numbers */
} weft_sim_bench_key;

/** The key at @p index of a bench; false past the last, and for a name that is no bench. Any thread. */
WEFT_API bool weft_sim_bench_key_at(const char *bench, size_t index, weft_sim_bench_key *out);

/** Called before the first run, and after each: how many of how many are done. */
typedef void weft_sim_bench_progress(void *user, uint64_t done, uint64_t total);

/** Zeros are the defaults. */
typedef struct weft_sim_bench_options {
    const weft_machine_setting *settings; /**< of the bench, @c setting_count of them; the last of a key counts */
    size_t setting_count;
    bool verify;      /**< compute, and compare with the reference; else times alone */
    uint64_t perturb; /**< run again so many times with other latencies each, and compare the numbers; verifies */
    uint64_t seed;    /**< of the data; the perturbed runs have seed + 1, seed + 2 ... for their latencies */
    weft_hazard_action hazards;
    weft_values_mode values; /**< with verify: lazy or eager */
    uint32_t threads;        /**< as in weft_simulation_options */
    const char *trace_path;  /**< of the run without perturbation; NULL: none */
    bool keeps_history;      /**< of that run: `history` of the result */
    /** NULL, or where a recording of the run without perturbation goes, for weft_retime(); owned by the caller, NULL on
     *  failure. */
    weft_recording **recording;
    weft_sim_bench_progress *progress; /**< or NULL */
    void *progress_user;
} weft_sim_bench_options;

/** A setting as it was used, given or not. */
typedef struct weft_sim_bench_setting {
    const char *key;
    const char *word; /**< NULL for a number */
    uint64_t number;  /**< of a word: which */
    bool is_unused;   /**< it has no effect beside the others, such as tokens of a prefill in a decode */
} weft_sim_bench_setting;

/** What the check against the reference found. */
typedef struct weft_sim_bench_check {
    const char *what;       /**< "output" */
    uint64_t elements;      /**< compared, copies too */
    double worst;           /**< the largest error, as a share of its bound: above 1 it does not hold */
    double worst_error;     /**< that error itself; infinite if one of the two is NaN or infinite and the other not */
    double found, expected; /**< there */
    double bound;           /**< there */
    double relative_bound;  /**< bounds are relative_bound * |expected| + absolute_bound, and half of the smallest */
    double absolute_bound;  /**< subnormal number of the dtype; 0, for equality, where both of these are 0 */
    bool holds;
} weft_sim_bench_check;

/** A number of the bench's own. */
typedef struct weft_sim_bench_measure {
    const char *name; /**< "composite window" */
    double number;
    const char *unit; /**< "ns" */
} weft_sim_bench_measure;

/** What perturbed runs gave. */
typedef struct weft_sim_bench_perturbed {
    uint64_t runs;
    uint64_t least_ps, most_ps; /**< makespans */
    uint64_t hazards;           /**< in all of them; not in the mode error */
    bool agree;                 /**< all numbers are the same bits in every run */
    char differs[256];          /**< one sentence: the first value that differs, with run, tensor, PE and index */
} weft_sim_bench_perturbed;

/** A launch that is measured. */
typedef struct weft_sim_bench_launch {
    const char *name;
    weft_launch_report report;
} weft_sim_bench_launch;

/** A PE over all launches that are measured. */
typedef struct weft_sim_bench_pe {
    char name[48];
    uint64_t spent_ps[WEFT_PE_TIMES]; /**< together end_ps: idle is what is left of that */
} weft_sim_bench_pe;

/** When what happened, from the beginning of the simulation on. */
typedef struct weft_sim_bench_history {
    uint64_t end_ps;
    const weft_sim_bench_launch *launches;
    size_t launch_count;
    const weft_sim_bench_pe *pes; /**< all of the machine */
    size_t pe_count;
    const weft_activity *activity; /**< lives as long as the result, and needs the machine */
} weft_sim_bench_history;

/** What a bench gave. */
typedef struct weft_sim_bench_result {
    const char *bench;
    const weft_sim_bench_setting *settings; /**< all keys, in the order of weft_sim_bench_key_at() */
    size_t setting_count;
    uint64_t flops;            /**< useful ones: 2 for a product and its addition */
    weft_launch_report report; /**< of all launches that are measured: times and counts are added up */
    const weft_sim_bench_measure *measures;
    size_t measure_count;
    const weft_sim_bench_check *checks;
    size_t check_count;                 /**< 0 without verify */
    weft_sim_bench_perturbed perturbed; /**< runs 0 without perturb */
    const weft_kernel_hazard *hazards;  /**< not in the mode error */
    size_t hazard_count;
    weft_simulation_statistics statistics; /**< of the run without perturbation, as the next four */
    const weft_sim_bench_history *history; /**< NULL without keeps_history */
    double wall_seconds;                   /**< of this computer, that the launches took */
    double compute_seconds;                /**< that computing the numbers took */
    double check_seconds;                  /**< that their reference and the comparison took */
    bool holds; /**< all checks, no perturbation differs; with WEFT_HAZARDS_REPORT no hazard either */
} weft_sim_bench_result;

/** Tells what is wrong with options whatever the machine is, and runs nothing: the name of the bench, its keys, and the
 * value of each key for itself. Errors are those of weft_sim_bench_run(). Any thread. */
WEFT_API WEFT_CHECKED weft_status weft_sim_bench_check_options(const char *name, const weft_sim_bench_options *options,
                                                               weft_error *err);

/** Runs a bench.
 *  @param out  owned by the caller until weft_sim_bench_result_destroy(); NULL on failure
 *  WEFT_NOT_FOUND for a name or key that is none, naming the nearest; WEFT_INVALID_ARGUMENT for a value out of range,
 * or values that do not go together, naming both; WEFT_UNSUPPORTED if the machine is too small, with the reason; else
 * as of weft_simulation_wait(). */
WEFT_API WEFT_CHECKED weft_status weft_sim_bench_run(const weft_machine *machine, const char *name,
                                                     const weft_sim_bench_options *options, weft_sim_bench_result **out,
                                                     weft_error *err);
/** NULL is fine. */
WEFT_API void weft_sim_bench_result_destroy(weft_sim_bench_result *result);

#ifdef __cplusplus
}
#endif
#endif
