/* The error bounds of ops.h as numbers: how far a device's result may be from that of `ref`, given what the arguments
 * held. For what compares devices with one another. */
#ifndef WEFT_OPS_BOUNDS_H
#define WEFT_OPS_BOUNDS_H

#include "runtime/op_impl.h"

typedef struct weft__bound_argument {
    const void *data; /* what it held before the dispatch; NULL for one that is left out */
    weft_dtype dtype;
    weft_shape shape;
} weft__bound_argument;

/* A dispatch that has passed its checks. */
typedef struct weft__bound_call {
    const weft_op *op;
    const void *params; /* NULL for none */
    weft__bound_argument arguments[WEFT_ARGUMENTS_MAX];
} weft__bound_call;

/* The absolute bound for each element of an output, of which `ref` has `expected`. 0 where the values must be the same,
 * which all of those of exact ops must, and those that make no finite bound. The roundings of `ref` itself come on top,
 * see weft__bound_slack(). */
void weft__op_bounds(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds);

/* `factor` units of roundoff of a dtype, relative to a value, which counts as no smaller than a normal number. */
double weft__bound_relative(weft_dtype dtype, double value, double factor);

/* A bound with room for what `ref` rounds: its sums in double, and one unit of its output. 0 stays 0. */
double weft__bound_slack(weft_dtype dtype, double value, double bound);

/* Whether two values may stand for each other: the same ones, both NaN, or no farther from each other than that. */
bool weft__bound_holds(double actual, double expected, double bound);

/* An element of any dtype as a number. */
double weft__bound_value(weft_dtype dtype, const void *data, size_t index);

#endif
