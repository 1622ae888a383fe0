/* The experiment of stages: pairs of additions that feed one another, as an attention and a feed-forward layer do, once
 * with a command buffer for each (plain) and once with a command buffer for each pair, chained by fences (session). */
#ifndef WEFT_CLI_BENCH_STAGES_H
#define WEFT_CLI_BENCH_STAGES_H

#include <weft/weft.h>

#include "device_times.h"

#define BENCH_STAGES_FORMS 2

/* One way to submit the pairs, and what it cost. */
typedef struct bench_form {
    const char *name;
    weft_buffer *results;     /* [2 * pairs, 4] f32: the sums in the order in which they depend on each other */
    weft_buffer **rows;       /* views of the results, one for each sum */
    weft_counters spent;      /* by one run; all runs cost the same */
    weft_session_state state; /* at the end of a run; zeros for the plain form */
    double *seconds;          /* of each run, in rising order once all are done */
    cli_device_times times;   /* of the last run; without parts where the clock is the host's */
    uint64_t begun_ps;        /* the last run, on that clock */
    size_t runs;
    bool is_over_budget;
    char over_budget[WEFT_ERROR_MESSAGE_BYTES]; /* the sentence */
} bench_form;

/* Called before the last runs of both forms, and when these have ended. Gives 0, or the exit code of an error that has
 * been printed, which ends the experiment. */
typedef int (*bench_watcher)(void *user, bool has_ended);

/* The experiment. Fill in the first seven, the rest with zeros. */
typedef struct bench_stages {
    weft_device *device;     /* borrowed */
    size_t pairs;            /* at least 1 */
    size_t repeat;           /* runs of each form, at least 1 */
    uint64_t budget;         /* command buffers that each form may make; 0: any number */
    weft_timeline *timeline; /* borrowed; or NULL. May change between runs */
    bench_watcher watcher;   /* or NULL */
    void *watcher_user;
    int watcher_code;                      /* that it gave last */
    weft_buffer *hidden, *attention, *ffn; /* [4] f32: the first input, and what is added */
    bench_form form[BENCH_STAGES_FORMS];   /* plain, session */
    bool results_equal;                    /* both forms, and the same additions on the host, bit for bit */
} bench_stages;

#define BENCH_PLAIN 0
#define BENCH_SESSION 1

typedef void (*bench_step)(void *user, size_t done, size_t total);

/* Runs the two forms in turn. A form that exceeds its budget is no error here: see is_over_budget.
 * step, if not NULL, is called after each run. */
weft_status bench_stages_run(bench_stages *bench, bench_step step, void *user, weft_error *err);

/* Frees what the run made. */
void bench_stages_release(bench_stages *bench);

double bench_form_min(const bench_form *form);
double bench_form_median(const bench_form *form);

#endif
