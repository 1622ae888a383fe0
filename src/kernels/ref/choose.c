#include "kernels/ref/ref.h"

#include <math.h>

#include "kernels/top_k_heap.h"

void weft__ref_softmax(const float *x, float *out, size_t rows, size_t dims)
{
    for (size_t row = 0; row < rows; ++row) {
        const float *from = x + row * dims;
        float *to = out + row * dims;
        double largest = -INFINITY;
        for (size_t i = 0; i < dims; ++i)
            largest = from[i] > largest ? from[i] : largest;
        double sum = 0;
        for (size_t i = 0; i < dims; ++i)
            sum += exp(from[i] - largest);
        for (size_t i = 0; i < dims; ++i)
            to[i] = (float)(exp(from[i] - largest) / sum);
    }
}

weft__fault weft__ref_argmax(const float *x, int32_t *out, size_t rows, size_t dims)
{
    for (size_t row = 0; row < rows; ++row) {
        const float *from = x + row * dims;
        size_t best = 0;
        for (size_t i = 0; i < dims; ++i) {
            if (isnan(from[i]))
                return (weft__fault){WEFT__FAULT_NAN, row, i, 0};
            if (from[i] > from[best])
                best = i;
        }
        out[row] = (int32_t)best;
    }
    return (weft__fault){WEFT__FAULT_NONE, 0, 0, 0};
}

weft__fault weft__ref_top_k(const float *x, float *values, int32_t *indices, size_t rows, size_t dims, size_t k)
{
    for (size_t row = 0; row < rows; ++row) {
        const float *from = x + row * dims;
        weft__top_k_heap heap = {values + row * k, indices + row * k, 0, k};
        for (size_t i = 0; i < dims; ++i) {
            if (isnan(from[i]))
                return (weft__fault){WEFT__FAULT_NAN, row, i, 0};
            weft__top_k_offer(&heap, from[i], (int32_t)i);
        }
        weft__top_k_finish(&heap);
    }
    return (weft__fault){WEFT__FAULT_NONE, 0, 0, 0};
}
