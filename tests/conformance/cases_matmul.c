/* matmul, gate_up_silu. */
#include <math.h>

#include "conformance/harness.h"

/* x in argument 0, and the shape of what is made of it; the leading axes of x and out are taken together, and need not
 * be the same ones. */
static weft_shape draw_product(conf_case *c, weft__rng *rng, weft_shape *out_weight)
{
    bool is_vector = conf_one_in(rng, 3);
    uint64_t m = is_vector ? 1 : conf_extent_or(c, rng, 40, 30);
    uint64_t n = conf_extent_or(c, rng, 150, is_vector ? 2000 : 500);
    uint64_t k = conf_extent_or(c, rng, 300, is_vector ? 500 : 60);
    conf_place(c, 0, WEFT_F32, conf_rows_shape(rng, m, k), rng);
    const weft_shape *x = &c->arguments[0].shape;
    uint64_t rows = 1;
    for (uint32_t axis = 0; axis + 1 < x->rank; axis++)
        rows *= x->extent[axis];
    conf_fill_normal(c, 0, rng, 1);
    *out_weight = weft_shape_2d(n, k);
    return weft_shape_2d(rows, n);
}

static void make_matmul(conf_case *c, weft__rng *rng)
{
    weft_shape weight, out = draw_product(c, rng, &weight);
    conf_place(c, 1, conf_float_dtype(rng), weight, rng);
    conf_fill_normal(c, 1, rng, conf_one_in(rng, 3) ? 10 : 0.1);
    conf_place(c, 2, WEFT_F32, out, rng);
}

static weft_status record_matmul(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    (void)c;
    return weft_matmul(encoder, a[0], a[1], a[2], err);
}

/* The sum of the products of one output. */
static double dot(const conf_case *c, uint32_t weight, size_t out)
{
    size_t n = (size_t)c->arguments[weight].shape.extent[0], k = (size_t)c->arguments[weight].shape.extent[1];
    double sum = 0;
    for (size_t i = 0; i < k; i++)
        sum += conf_value(c, 0, out / n * k + i) * conf_value(c, weight, out % n * k + i);
    return sum;
}

static void expect_matmul(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        expected[i] = dot(c, 1, i);
}

const conf_op conf_matmul = {"matmul", make_matmul, record_matmul, expect_matmul, NULL};

/* ---- gate_up_silu ---- */

/* Gates are kept so small that no sigmoid of them leaves the range of f32: as a factor of infinity it would give NaN.
 */
static void make_gate_up_silu(conf_case *c, weft__rng *rng)
{
    weft_shape weight, out = draw_product(c, rng, &weight);
    weft_dtype dtype = conf_float_dtype(rng);
    double k = (double)weight.extent[1];
    conf_place(c, 1, dtype, weight, rng);
    conf_fill_normal(c, 1, rng, (conf_one_in(rng, 3) ? 8 : 1) / sqrt(k > 1 ? k : 1));
    if (conf_one_in(rng, 8)) {
        conf_place_same(c, 2, 1);
    } else {
        conf_place(c, 2, dtype, weight, rng);
        conf_fill_normal(c, 2, rng, conf_one_in(rng, 3) ? 10 : 0.1);
    }
    conf_place(c, 3, WEFT_F32, out, rng);
}

static weft_status record_gate_up_silu(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c,
                                       weft_error *err)
{
    (void)c;
    return weft_gate_up_silu(encoder, a[0], a[1], a[2], a[3], err);
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static void expect_gate_up_silu(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        expected[i] = silu(dot(c, 1, i)) * dot(c, 2, i);
}

const conf_op conf_gate_up_silu = {"gate_up_silu", make_gate_up_silu, record_gate_up_silu, expect_gate_up_silu, NULL};
