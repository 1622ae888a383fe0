#include "kernels/ref/ref.h"

#include "base/dtype.h"

void weft__ref_matmul(size_t m, size_t n, size_t k, const float *x, weft_dtype weight_dtype, const void *weight,
                      float *out)
{
    for (size_t row = 0; row < m; ++row) {
        for (size_t column = 0; column < n; ++column) {
            double sum = 0;
            for (size_t i = 0; i < k; ++i)
                sum += (double)x[row * k + i] * (double)weft__float_load(weight_dtype, weight, column * k + i);
            out[row * n + column] = (float)sum;
        }
    }
}
