/* A second opinion about what commands compute: every element by itself, from its definition, on copies of the data. */
#ifndef WEFT_TESTS_SIM_NAIVE_VALUES_H
#define WEFT_TESTS_SIM_NAIVE_VALUES_H

#include <weft/store.h>

/* Computes a command whose inputs all carry data, into `out`, of the command's output's dtype and shape. */
void naive_compute(const weft_command *command, void *out);

double naive_load(weft_dtype dtype, const void *data, uint64_t index);

/* Rounds to the nearest number of the dtype, found by looking at the neighbours. */
void naive_store(weft_dtype dtype, void *data, uint64_t index, double value);

/* True if elements are the same, bit for bit or both NaN. */
bool naive_same(weft_dtype dtype, const void *a, const void *b, uint64_t index);

/* The same bits, whatever they are. */
bool naive_same_bytes(const void *a, const void *b, size_t bytes);

#endif
