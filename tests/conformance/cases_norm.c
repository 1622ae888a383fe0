/* rms_norm and rope. */
#include <math.h>

#include "conformance/harness.h"

static void make_rms_norm(conf_case *c, weft__rng *rng)
{
    uint64_t rows = conf_extent_or(c, rng, 12, 80), dims = conf_extent_or(c, rng, 400, 300);
    weft_shape shape = conf_rows_shape(rng, rows, dims);
    double deviation = conf_one_in(rng, 3) ? 50 : 1;
    /* The weight may span the two innermost axes; not where the innermost axis alone has as many elements. */
    uint64_t wide = shape.rank > 1 && shape.extent[shape.rank - 2] > 1 ? shape.extent[shape.rank - 2] * dims : dims;
    uint64_t length = conf_one_in(rng, 5) ? wide : dims;
    conf_place(c, 0, WEFT_F32, shape, rng);
    conf_fill_normal(c, 0, rng, deviation);
    if (!conf_one_in(rng, 4)) {
        conf_place(c, 1, conf_float_dtype(rng), weft_shape_1d(length), rng);
        conf_fill_normal(c, 1, rng, 1);
    }
    if (conf_one_in(rng, 3))
        conf_place_same(c, 2, 0);
    else
        conf_place(c, 2, WEFT_F32, shape, rng);
    c->params.rms_norm = (weft_rms_norm_params){conf_one_in(rng, 4) ? 0.5f : 1e-6f, conf_one_in(rng, 3) ? 1.0f : 0.0f};
}

static weft_status record_rms_norm(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    return weft_rms_norm(encoder, a[0], a[1], &c->params.rms_norm, a[2], err);
}

static size_t rms_norm_dims(const conf_case *c)
{
    const weft_shape *x = &c->arguments[0].shape;
    return c->arguments[1].present ? conf_elements(c, 1) : (size_t)x->extent[x->rank - 1];
}

static void bound_rms_norm(const conf_case *c, uint32_t argument, const double *expected, double *bounds)
{
    double factor = (double)rms_norm_dims(c) / 8 + 8;
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        bounds[i] = conf_relative(WEFT_F32, expected[i], factor);
}

static void expect_rms_norm(const conf_case *c, uint32_t argument, double *expected)
{
    size_t dims = rms_norm_dims(c), count = conf_elements(c, argument);
    for (size_t i = 0; i < count; i++) {
        size_t row = i / dims * dims;
        double squares = 0;
        for (size_t j = row; j < row + dims; j++)
            squares += conf_value(c, 0, j) * conf_value(c, 0, j);
        double weight =
            c->arguments[1].present ? conf_value(c, 1, i - row) + (double)c->params.rms_norm.weight_bias : 1;
        expected[i] = conf_value(c, 0, i) / sqrt(squares / (double)dims + (double)c->params.rms_norm.epsilon) * weight;
    }
}

static void make_rope(conf_case *c, weft__rng *rng)
{
    static const double thetas[] = {10000, 1e6, 500, 2};
    uint64_t tokens = conf_extent_or(c, rng, 9, 60), heads = conf_extent_or(c, rng, 6, 4),
             head_dim = 2 * conf_extent_or(c, rng, 70, 40);
    weft_shape shape = weft_shape_3d(tokens, heads, head_dim);
    weft_rope_params *p = &c->params.rope;
    *p = (weft_rope_params){
        .theta = thetas[weft__rng_below(rng, 4)],
        .pairing = conf_one_in(rng, 3) ? WEFT_ROPE_INTERLEAVED : WEFT_ROPE_HALF_SPLIT,
        .position_scale = conf_one_in(rng, 3) ? 0.25 : 0,
    };
    uint64_t pairs = head_dim / 2;
    if (conf_one_in(rng, 2) && pairs > 0) {
        pairs = 1 + weft__rng_below(rng, pairs);
        p->rotary_dims = (uint32_t)(2 * pairs);
        p->frequency_dims = conf_one_in(rng, 2) ? (uint32_t)head_dim : 0;
    }
    if (conf_one_in(rng, 2) && p->pairing == WEFT_ROPE_HALF_SPLIT)
        p->pair_offset = (uint32_t)(pairs + weft__rng_below(rng, head_dim - 2 * pairs + 1));
    conf_place(c, 0, WEFT_F32, shape, rng);
    conf_fill_normal(c, 0, rng, 1);
    conf_place(c, 1, WEFT_I32, weft_shape_1d(tokens), rng);
    int32_t *positions = conf_data(c, 1);
    for (uint64_t i = 0; i < tokens; i++)
        positions[i] = (int32_t)weft__rng_below(rng, conf_one_in(rng, 4) ? 1u << 24 : 5000);
    if (conf_one_in(rng, 2))
        conf_place_same(c, 2, 0);
    else
        conf_place(c, 2, WEFT_F32, shape, rng);
}

static weft_status record_rope(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    return weft_rope(encoder, a[0], a[1], &c->params.rope, a[2], err);
}

/* The element that turns with element `i` of a head and the number of their pair, or false if it does not turn. */
static bool rope_partner(const conf_case *c, size_t i, size_t *pair, size_t *partner, bool *is_first)
{
    const weft_rope_params *p = &c->params.rope;
    size_t head_dim = (size_t)c->arguments[0].shape.extent[2];
    size_t pairs = (p->rotary_dims ? p->rotary_dims : head_dim) / 2;
    size_t offset = p->pair_offset ? p->pair_offset : pairs;
    if (p->pairing == WEFT_ROPE_INTERLEAVED) {
        *pair = i / 2;
        *partner = i ^ 1;
        *is_first = i % 2 == 0;
        return *pair < pairs;
    }
    *is_first = i < pairs;
    *pair = *is_first ? i : i - offset;
    *partner = *is_first ? i + offset : i - offset;
    return *is_first || (i >= offset && i < offset + pairs);
}

static void bound_rope(const conf_case *c, uint32_t argument, const double *expected, double *bounds)
{
    (void)expected;
    size_t head_dim = (size_t)c->arguments[0].shape.extent[2];
    for (size_t i = 0; i < conf_elements(c, argument); i++) {
        size_t pair, partner;
        bool is_first;
        bounds[i] = 0;
        if (!rope_partner(c, i % head_dim, &pair, &partner, &is_first))
            continue;
        double length = hypot(conf_value(c, 0, i), conf_value(c, 0, i - i % head_dim + partner));
        bounds[i] = isfinite(length) ? conf_relative(WEFT_F32, length, 4) : 0;
    }
}

static void expect_rope(const conf_case *c, uint32_t argument, double *expected)
{
    const weft_rope_params *p = &c->params.rope;
    const weft_shape *x = &c->arguments[0].shape;
    size_t head_dim = (size_t)x->extent[2];
    double dims = p->frequency_dims ? p->frequency_dims : p->rotary_dims ? p->rotary_dims : (double)head_dim;
    for (size_t i = 0; i < conf_elements(c, argument); i++) {
        size_t pair, partner, head = i - i % head_dim;
        bool is_first;
        expected[i] = conf_value(c, 0, i);
        if (!rope_partner(c, i - head, &pair, &partner, &is_first))
            continue;
        double position = conf_value(c, 1, i / head_dim / (size_t)x->extent[1]);
        double angle =
            position * (p->position_scale > 0 ? p->position_scale : 1) * pow(p->theta, -2 * (double)pair / dims);
        double other = conf_value(c, 0, head + partner);
        expected[i] = expected[i] * cos(angle) + (is_first ? -other : other) * sin(angle);
    }
}

const conf_op conf_rms_norm = {"rms_norm", make_rms_norm, record_rms_norm, bound_rms_norm, expect_rms_norm, NULL};
const conf_op conf_rope = {"rope", make_rope, record_rope, bound_rope, expect_rope, NULL};
