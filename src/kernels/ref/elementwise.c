#include "kernels/ref/ref.h"

#include <math.h>

#include "base/dtype.h"

typedef double binary_function(double a, double b);

static double add(double a, double b)
{
    return a + b;
}

static double mul(double a, double b)
{
    return a * b;
}

double weft__ref_silu_product(double gate, double up)
{
    return gate / (1 + exp(-gate)) * up;
}

/* (1 + tanh(z)) / 2 = 1 / (1 + exp(-2z)), without the cancellation that the left side has for negative gates. */
static double gelu_mul(double gate, double up)
{
    const double root_two_over_pi = 0.79788456080286535588;
    double z = root_two_over_pi * (gate + 0.044715 * gate * gate * gate);
    return gate / (1 + exp(-2 * z)) * up;
}

static void apply(binary_function *function, weft_dtype dtype, const void *a, const void *b, void *out, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        double result = function((double)weft__float_load(dtype, a, i), (double)weft__float_load(dtype, b, i));
        weft__float_store(dtype, out, i, (float)result);
    }
}

void weft__ref_add(weft_dtype dtype, const void *a, const void *b, void *out, size_t count)
{
    apply(add, dtype, a, b, out, count);
}

void weft__ref_mul(weft_dtype dtype, const void *a, const void *b, void *out, size_t count)
{
    apply(mul, dtype, a, b, out, count);
}

void weft__ref_scale(weft_dtype dtype, const void *x, float factor, void *out, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        weft__float_store(dtype, out, i, weft__float_load(dtype, x, i) * factor);
}

void weft__ref_silu_mul(weft_dtype dtype, const void *gate, const void *up, void *out, size_t count)
{
    apply(weft__ref_silu_product, dtype, gate, up, out, count);
}

void weft__ref_gelu_mul(weft_dtype dtype, const void *gate, const void *up, void *out, size_t count)
{
    apply(gelu_mul, dtype, gate, up, out, count);
}
