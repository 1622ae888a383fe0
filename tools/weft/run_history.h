/* The run file of a bench. */
#ifndef WEFT_CLI_RUN_HISTORY_H
#define WEFT_CLI_RUN_HISTORY_H

#include <weft/sim_bench.h>

#include "options.h"

/* Writes what --record asks for, from a result with a history. Gives 0, or the exit code of an error that has been
 * printed. */
int run_history_write(const cli_values *values, const weft_machine *machine, const weft_sim_bench_result *result);

#endif
