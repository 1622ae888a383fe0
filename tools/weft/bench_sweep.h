/* The experiment of stages on a simulated machine, again and again, while one cost of the machine varies at a time; and
 * what it takes by hand. */
#ifndef WEFT_CLI_BENCH_SWEEP_H
#define WEFT_CLI_BENCH_SWEEP_H

#include <weft/weft.h>

#include "options.h"

/* Runs the sweep on --device with `pairs` pairs and prints it, as JSON if that was asked for. Gives the exit code. */
int bench_sweep_run(const cli_values *values, size_t pairs);

#endif
