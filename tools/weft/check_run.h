/* One forward pass over a prompt and some decode steps, watched by the hazard tracker. */
#ifndef WEFT_CLI_CHECK_RUN_H
#define WEFT_CLI_CHECK_RUN_H

#include <weft/hazard.h>
#include <weft/timeline.h>

#include "model_input.h"

/* What a run did. Zero-initialise it. */
typedef struct check_run {
    weft_hazard_report *report;
    weft_status status; /* of the run itself: with a barrier left out it may fail, and its verdicts still stand */
    weft_error err;
    size_t passes;   /* that succeeded */
    int32_t *tokens; /* one from each pass */
    float *logits;   /* the last row of each pass: [passes, vocab] */
    weft_counters spent;
    uint64_t dispatches, barriers; /* that the tracker saw */
} check_run;

/* Of the passes of a run. */
typedef struct check_trace {
    const char *path; /* NULL: none */
    weft_timeline *timeline;
} check_trace;

/* Runs the prompt and `steps` decode steps, each fed the most likely token of the pass before. omit_barrier: 0, or
 * which barrier to leave out. verb: who shows progress. Gives a failure that is not the run's own: no memory for the
 * report, a trace that cannot be written. */
weft_status check_run_model(const cli_model *model, const cli_prompt *prompt, size_t steps, uint64_t omit_barrier,
                            const char *verb, const check_trace *trace, check_run *out, weft_error *err);

/* True if both runs gave the same tokens and logits in all passes, bit for bit. */
bool check_runs_equal(const check_run *a, const check_run *b, const cli_model *model);

void check_run_release(check_run *run);

#endif
