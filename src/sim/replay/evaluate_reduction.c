#include <math.h>

#include "base/size.h"
#include "sim/replay/kernels.h"

/* An input as [outer, axis, inner]. */
typedef struct lanes {
    uint64_t axis, inner;
} lanes;

static lanes lanes_of(const weft__computation *kernel)
{
    const weft_shape *shape = &kernel->inputs[0].shape;
    lanes out = {.axis = shape->extent[kernel->axis], .inner = 1};
    for (uint32_t axis = kernel->axis + 1; axis < shape->rank; axis++)
        out.inner *= shape->extent[axis];
    return out;
}

/* In each arithmetic: what nothing reduces to, which is one end of its numbers, and `count` neighbouring outputs, the
 * first of which begins at element `first` of the input and at `at` of the output. */
#define REDUCTION(kind, type, least, most)                                                                             \
    static type nothing_in_##kind(weft_command_op op)                                                                  \
    {                                                                                                                  \
        return op == WEFT_COMMAND_SUM ? 0 : op == WEFT_COMMAND_MAX ? (least) : (most);                                 \
    }                                                                                                                  \
                                                                                                                       \
    static void reduce_##kind(const weft__computation *kernel, lanes shape, uint64_t first, uint64_t at, size_t count) \
    {                                                                                                                  \
        const weft__computation_input *input = &kernel->inputs[0];                                                     \
        const weft__command_row *row = weft__command_row_of(kernel->op);                                               \
        type sums[WEFT__CHUNK_ELEMENTS], loaded[WEFT__CHUNK_ELEMENTS];                                                 \
        const type *const inputs[2] = {sums, loaded};                                                                  \
        for (size_t i = 0; i < count; i++)                                                                             \
            sums[i] = nothing_in_##kind(kernel->op);                                                                   \
        for (uint64_t k = 0; k < shape.axis; k++) {                                                                    \
            weft__load_##kind(input->dtype, input->data, first + k * shape.inner, loaded, count);                      \
            row->kind(inputs, sums, count);                                                                            \
        }                                                                                                              \
        weft__store_##kind(kernel->dtype, kernel->out, at, sums, count);                                               \
    }

REDUCTION(doubles, double, -HUGE_VAL, HUGE_VAL)
REDUCTION(integers, int64_t, INT64_MIN, INT64_MAX)
REDUCTION(wides, weft__wide, INT64_MIN, (weft__wide)UINT64_MAX)

/* One output whose inputs are neighbours, in the same order as above but loaded many at a time. */
static void reduce_row(const weft__computation *kernel, lanes shape, uint64_t first, uint64_t at)
{
    const weft__computation_input *input = &kernel->inputs[0];
    weft__double_function *step = weft__command_row_of(kernel->op)->doubles;
    double sum = nothing_in_doubles(kernel->op), loaded[WEFT__CHUNK_ELEMENTS];
    for (uint64_t k = 0; k < shape.axis;) {
        size_t count = weft__min_size((size_t)(shape.axis - k), WEFT__CHUNK_ELEMENTS);
        weft__load_doubles(input->dtype, input->data, first + k, loaded, count);
        if (kernel->op == WEFT_COMMAND_SUM) {
            for (size_t i = 0; i < count; i++)
                sum += loaded[i];
        } else {
            for (size_t i = 0; i < count; i++) {
                const double *const inputs[2] = {&sum, &loaded[i]};
                step(inputs, &sum, 1);
            }
        }
        k += count;
    }
    weft__store_doubles(kernel->dtype, kernel->out, at, &sum, 1);
}

void weft__compute_reduction(const weft__computation *kernel, uint64_t begin, uint64_t end, void *scratch)
{
    (void)scratch;
    lanes shape = lanes_of(kernel);
    weft__arithmetic arithmetic = weft__arithmetic_of(kernel);
    for (uint64_t at = begin; at < end;) {
        uint64_t outer = at / shape.inner, inner = at % shape.inner;
        uint64_t first = outer * shape.axis * shape.inner + inner;
        uint64_t left = shape.inner - inner < end - at ? shape.inner - inner : end - at;
        size_t count = weft__min_size((size_t)left, WEFT__CHUNK_ELEMENTS);
        if (arithmetic == WEFT__IN_WIDES)
            reduce_wides(kernel, shape, first, at, count);
        else if (arithmetic == WEFT__IN_INTEGERS)
            reduce_integers(kernel, shape, first, at, count);
        else if (shape.inner == 1)
            reduce_row(kernel, shape, first, at);
        else
            reduce_doubles(kernel, shape, first, at, count);
        at += count;
    }
}

size_t weft__softmax_scratch_bytes(const weft__computation *kernel)
{
    return (size_t)lanes_of(kernel).axis * sizeof(double);
}

void weft__compute_softmax(const weft__computation *kernel, uint64_t begin, uint64_t end, void *scratch)
{
    double *lane = scratch;
    lanes shape = lanes_of(kernel);
    const weft__computation_input *input = &kernel->inputs[0];
    for (uint64_t at = begin; at < end; at++) {
        uint64_t first = at / shape.inner * shape.axis * shape.inner + at % shape.inner;
        if (shape.inner == 1)
            weft__load_doubles(input->dtype, input->data, first, lane, (size_t)shape.axis);
        for (size_t k = 0; shape.inner != 1 && k < shape.axis; k++)
            weft__load_doubles(input->dtype, input->data, first + k * shape.inner, &lane[k], 1);
        double largest = -HUGE_VAL, sum = 0;
        for (size_t k = 0; k < shape.axis; k++)
            largest = lane[k] > largest ? lane[k] : largest;
        for (size_t k = 0; k < shape.axis; k++) {
            lane[k] = exp(lane[k] - largest);
            sum += lane[k];
        }
        for (size_t k = 0; k < shape.axis; k++)
            lane[k] /= sum;
        if (shape.inner == 1)
            weft__store_doubles(kernel->dtype, kernel->out, first, lane, (size_t)shape.axis);
        for (size_t k = 0; shape.inner != 1 && k < shape.axis; k++)
            weft__store_doubles(kernel->dtype, kernel->out, first + k * shape.inner, &lane[k], 1);
    }
}
