/* The points of a sweep: every combination of the values of its axes, and what each of them runs. */
#ifndef WEFT_CLI_SWEEP_POINTS_H
#define WEFT_CLI_SWEEP_POINTS_H

#include <jansson.h>

#include "options.h"

/* One swept key with its values. */
typedef struct sweep_axis {
    bool is_setting; /* a key of the machine file, else an option of the verb */
    char *name;      /* "pe.dma.channels", "--rate" */
    char **values;
    size_t count;
} sweep_axis;

#define SWEEP_AXES_MAX (2 * CLI_REPEATS_MAX)
#define SWEEP_POINTS_MAX 10000000

/* Points are numbered from 0, with the last axis changing fastest. Reading them is for any thread. */
typedef struct sweep_points {
    const cli_verb *verb; /* the one that measures */
    const char *machine;  /* path of its file */
    char **words;         /* behind the verb's name, as they were given */
    int word_count;
    const char *input; /* the file that the verb's operand names, or NULL */
    sweep_axis axes[SWEEP_AXES_MAX];
    size_t axis_count;
    size_t count;
} sweep_points;

/* The points of a command line: the machine, what --set and --vary say, and the verb with its words behind `--`. Each
 * value is tried on the verb's own options. Returns 0, or the exit code of an error whose sentence has been printed;
 * *out is to be released in either case. If the words ask for the verb's help, *out_wants_help says so. */
int sweep_points_read(const cli_values *values, const cli_option *set, const cli_option *vary, sweep_points *out,
                      bool *out_wants_help);
void sweep_points_release(sweep_points *points);

/* The value of an axis at a point, as it was written. */
const char *sweep_points_value(const sweep_points *points, size_t point, size_t axis);

/* What must be the same for the results of one sweep to be used by another; `input_hash` is NULL without an input. */
json_t *sweep_points_identity(const sweep_points *points, const char *machine_hash, const char *input_hash);

/* Runs a point: {point, settings, exit, error, result}. Any thread. */
json_t *sweep_points_measure(const sweep_points *points, size_t point);

#endif
