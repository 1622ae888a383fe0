#include "kernels/ref/ref.h"

#include "base/dtype.h"

/* Row `row` of x times row `column` of the weight. */
static double dot(size_t k, const float *x, size_t row, weft_dtype weight_dtype, const void *weight, size_t column)
{
    double sum = 0;
    for (size_t i = 0; i < k; ++i)
        sum += (double)x[row * k + i] * (double)weft__float_load(weight_dtype, weight, column * k + i);
    return sum;
}

void weft__ref_matmul(size_t m, size_t n, size_t k, const float *x, weft_dtype weight_dtype, const void *weight,
                      float *out)
{
    for (size_t row = 0; row < m; ++row)
        for (size_t column = 0; column < n; ++column)
            out[row * n + column] = (float)dot(k, x, row, weight_dtype, weight, column);
}

void weft__ref_gate_up_silu(size_t m, size_t n, size_t k, const float *x, weft_dtype weight_dtype,
                            const void *gate_weight, const void *up_weight, float *out)
{
    for (size_t row = 0; row < m; ++row) {
        for (size_t column = 0; column < n; ++column) {
            double gate = dot(k, x, row, weight_dtype, gate_weight, column);
            double up = dot(k, x, row, weight_dtype, up_weight, column);
            out[row * n + column] = (float)weft__ref_silu_product(gate, up);
        }
    }
}
