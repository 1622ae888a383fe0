/* add, mul, scale, silu_mul, gelu_mul. */
#include <math.h>

#include "conformance/harness.h"

static weft_shape any_shape(const conf_case *c, weft__rng *rng)
{
    if (conf_one_in(rng, 12))
        return (weft_shape){.rank = 0};
    return conf_rows_shape(rng, conf_extent_or(c, rng, 17, 40), conf_extent_or(c, rng, 300, 900));
}

static void make_binary(conf_case *c, weft__rng *rng)
{
    weft_dtype dtype = conf_float_dtype(rng);
    weft_shape shape = any_shape(c, rng);
    /* Gates so negative that their sigmoid vanishes in f32 must not meet an infinity: 0 times that is NaN, and in the
     * double precision of ref it is not yet 0. */
    double deviation = !c->has_specials && conf_one_in(rng, 4) ? 20 : 1.5;
    conf_place(c, 0, dtype, shape, rng);
    conf_fill_normal(c, 0, rng, deviation);
    if (conf_one_in(rng, 10)) {
        conf_place_same(c, 1, 0);
    } else {
        conf_place(c, 1, dtype, shape, rng);
        conf_fill_normal(c, 1, rng, 1);
    }
    uint64_t choice = weft__rng_below(rng, 4);
    if (choice < 2)
        conf_place_same(c, 2, (uint32_t)choice);
    else
        conf_place(c, 2, dtype, shape, rng);
}

static void make_scale(conf_case *c, weft__rng *rng)
{
    static const float factors[] = {1, 0, -1, 0.125f, INFINITY};
    weft_dtype dtype = conf_float_dtype(rng);
    weft_shape shape = any_shape(c, rng);
    conf_place(c, 0, dtype, shape, rng);
    conf_fill_normal(c, 0, rng, 1);
    if (conf_one_in(rng, 2))
        conf_place_same(c, 1, 0);
    else
        conf_place(c, 1, dtype, shape, rng);
    c->params.number = conf_one_in(rng, 2) ? (float)weft__rng_normal(rng) : factors[weft__rng_below(rng, 5)];
}

static weft_status record_add(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    (void)c;
    return weft_add(encoder, a[0], a[1], a[2], err);
}

static weft_status record_mul(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    (void)c;
    return weft_mul(encoder, a[0], a[1], a[2], err);
}

static weft_status record_scale(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    return weft_scale(encoder, a[0], c->params.number, a[1], err);
}

static weft_status record_silu_mul(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    (void)c;
    return weft_silu_mul(encoder, a[0], a[1], a[2], err);
}

static weft_status record_gelu_mul(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    (void)c;
    return weft_gelu_mul(encoder, a[0], a[1], a[2], err);
}

static void expect_add(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        expected[i] = conf_value(c, 0, i) + conf_value(c, 1, i);
}

static void expect_mul(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        expected[i] = conf_value(c, 0, i) * conf_value(c, 1, i);
}

static void expect_scale(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        expected[i] = conf_value(c, 0, i) * (double)c->params.number;
}

static void expect_silu_mul(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++) {
        double sigmoid = 1 / (1 + exp(-conf_value(c, 0, i)));
        expected[i] = conf_value(c, 0, i) * sigmoid * conf_value(c, 1, i);
    }
}

static void expect_gelu_mul(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++) {
        /* (1 + tanh z) / 2 = 1 / (1 + exp(-2 z)), which does not cancel where z is negative */
        double g = conf_value(c, 0, i);
        double z = sqrt(2 / acos(-1.0)) * (g + 0.044715 * pow(g, 3));
        expected[i] = g * exp(-log1p(exp(-2 * z))) * conf_value(c, 1, i);
    }
}

const conf_op conf_add = {"add", make_binary, record_add, expect_add, NULL};
const conf_op conf_mul = {"mul", make_binary, record_mul, expect_mul, NULL};
const conf_op conf_scale = {"scale", make_scale, record_scale, expect_scale, NULL};
const conf_op conf_silu_mul = {"silu_mul", make_binary, record_silu_mul, expect_silu_mul, NULL};
const conf_op conf_gelu_mul = {"gelu_mul", make_binary, record_gelu_mul, expect_gelu_mul, NULL};
