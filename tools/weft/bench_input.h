/* The bench that a verb works on, by its name or number. */
#ifndef WEFT_CLI_BENCH_INPUT_H
#define WEFT_CLI_BENCH_INPUT_H

#include <weft/sim_bench.h>

/* Numbers count from 1. Gives the exit code; err says why there is no such bench. Prints nothing. */
int cli_find_bench(const char *text, size_t *out_index, weft_sim_bench *out, weft_error *err);

#endif
