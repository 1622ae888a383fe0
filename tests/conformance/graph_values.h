/* What calls on a bed give, in double, and how far any device may be from it: the bounds of ops.h, carried from call to
 * call. They hold for calls one by one and for the fused ops that stand for them alike. */
#ifndef WEFT_TESTS_CONFORMANCE_GRAPH_VALUES_H
#define WEFT_TESTS_CONFORMANCE_GRAPH_VALUES_H

#include "graph_bed.h"

typedef double exact_contents[ALLOCATIONS][(TOKENS + 1) * ROW];

typedef struct graph_values {
    exact_contents value, error;
} graph_values;

/* Values that are known exactly. */
void graph_values_begin(graph_values *it, contents from);

/* Returns the greatest magnitude that the call writes, with its error. */
double graph_values_call(graph_values *it, const bed *at, const call *made);

#endif
