/* matmul. */
#include <math.h>

#include "conformance/harness.h"

static void make_matmul(conf_case *c, weft__rng *rng)
{
    bool is_vector = conf_one_in(rng, 3);
    uint64_t m = is_vector ? 1 : conf_extent_or(c, rng, 40, 30);
    uint64_t n = conf_extent_or(c, rng, 150, is_vector ? 2000 : 500);
    uint64_t k = conf_extent_or(c, rng, 300, is_vector ? 500 : 60);
    conf_place(c, 0, WEFT_F32, conf_rows_shape(rng, m, k), rng);
    /* The leading axes of x and out are taken together, and need not be the same ones. */
    const weft_shape *x = &c->arguments[0].shape;
    uint64_t rows = 1;
    for (uint32_t axis = 0; axis + 1 < x->rank; axis++)
        rows *= x->extent[axis];
    conf_fill_normal(c, 0, rng, 1);
    conf_place(c, 1, conf_float_dtype(rng), weft_shape_2d(n, k), rng);
    conf_fill_normal(c, 1, rng, conf_one_in(rng, 3) ? 10 : 0.1);
    conf_place(c, 2, WEFT_F32, weft_shape_2d(rows, n), rng);
}

static weft_status record_matmul(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    (void)c;
    return weft_matmul(encoder, a[0], a[1], a[2], err);
}

/* The sum of the products of one output, or of their sizes. */
static double dot(const conf_case *c, size_t out, bool of_sizes)
{
    size_t n = (size_t)c->arguments[1].shape.extent[0], k = (size_t)c->arguments[1].shape.extent[1];
    double sum = 0;
    for (size_t i = 0; i < k; i++) {
        double product = conf_value(c, 0, out / n * k + i) * conf_value(c, 1, out % n * k + i);
        sum += of_sizes ? fabs(product) : product;
    }
    return sum;
}

static void bound_matmul(const conf_case *c, uint32_t argument, const double *expected, double *bounds)
{
    (void)expected;
    double factor = (double)c->arguments[1].shape.extent[1] / 8 + 16;
    for (size_t i = 0; i < conf_elements(c, argument); i++) {
        double sizes = dot(c, i, true);
        bounds[i] = isfinite(sizes) ? conf_relative(WEFT_F32, sizes, factor) : 0;
    }
}

static void expect_matmul(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        expected[i] = dot(c, i, false);
}

const conf_op conf_matmul = {"matmul", make_matmul, record_matmul, bound_matmul, expect_matmul, NULL};
