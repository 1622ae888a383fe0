/* rms_norm and rope, and the fused ops that are made of them. */
#include <math.h>

#include "conformance/harness.h"

static weft_rms_norm_params draw_norm(weft__rng *rng)
{
    return (weft_rms_norm_params){conf_one_in(rng, 4) ? 0.5f : 1e-6f, conf_one_in(rng, 3) ? 1.0f : 0.0f};
}

static void place_weight(conf_case *c, uint32_t argument, uint64_t length, weft__rng *rng)
{
    if (conf_one_in(rng, 4))
        return;
    conf_place(c, argument, conf_float_dtype(rng), weft_shape_1d(length), rng);
    conf_fill_normal(c, argument, rng, 1);
}

/* Rows that are normalised, and in `*out_length` that of a weight: it may span the two innermost axes; not where the
 * innermost axis alone has as many elements. */
static weft_shape draw_rows(const conf_case *c, weft__rng *rng, uint64_t *out_length)
{
    uint64_t rows = conf_extent_or(c, rng, 12, 80), dims = conf_extent_or(c, rng, 400, 300);
    weft_shape shape = conf_rows_shape(rng, rows, dims);
    uint64_t wide = shape.rank > 1 && shape.extent[shape.rank - 2] > 1 ? shape.extent[shape.rank - 2] * dims : dims;
    *out_length = conf_one_in(rng, 5) ? wide : dims;
    return shape;
}

/* An output of the shape of argument 0: once in three times in place over an argument, unless that is taken. */
static bool place_output(conf_case *c, uint32_t argument, uint32_t over, bool is_taken, weft__rng *rng)
{
    bool is_in_place = conf_one_in(rng, 3) && !is_taken;
    if (is_in_place)
        conf_place_same(c, argument, over);
    else
        conf_place(c, argument, WEFT_F32, c->arguments[0].shape, rng);
    return is_in_place;
}

static void make_rms_norm(conf_case *c, weft__rng *rng)
{
    uint64_t length;
    weft_shape shape = draw_rows(c, rng, &length);
    double deviation = conf_one_in(rng, 3) ? 50 : 1;
    conf_place(c, 0, WEFT_F32, shape, rng);
    conf_fill_normal(c, 0, rng, deviation);
    place_weight(c, 1, length, rng);
    place_output(c, 2, 0, false, rng);
    c->params.rms_norm = draw_norm(rng);
}

static weft_status record_rms_norm(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    return weft_rms_norm(encoder, a[0], a[1], &c->params.rms_norm, a[2], err);
}

/* Of rows of argument 0. */
static size_t norm_dims(const conf_case *c, uint32_t weight)
{
    const weft_shape *x = &c->arguments[0].shape;
    return c->arguments[weight].present ? conf_elements(c, weight) : (size_t)x->extent[x->rank - 1];
}

/* Element `i` of the norm of rows that `value` reads. */
static double norm_of(const conf_case *c, const weft_rms_norm_params *params, uint32_t weight, size_t i,
                      double (*value)(const conf_case *c, size_t i))
{
    size_t dims = norm_dims(c, weight), row = i / dims * dims;
    double squares = 0;
    for (size_t j = row; j < row + dims; j++)
        squares += value(c, j) * value(c, j);
    double factor = c->arguments[weight].present ? conf_value(c, weight, i - row) + (double)params->weight_bias : 1;
    return value(c, i) / sqrt(squares / (double)dims + (double)params->epsilon) * factor;
}

static double value_of_x(const conf_case *c, size_t i)
{
    return conf_value(c, 0, i);
}

static void expect_rms_norm(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        expected[i] = norm_of(c, &c->params.rms_norm, 1, i, value_of_x);
}

/* ---- rms_norm_mul ---- */

static void make_rms_norm_mul(conf_case *c, weft__rng *rng)
{
    uint64_t length;
    weft_shape shape = draw_rows(c, rng, &length);
    conf_place(c, 0, WEFT_F32, shape, rng);
    conf_fill_normal(c, 0, rng, conf_one_in(rng, 3) ? 50 : 1);
    place_weight(c, 1, length, rng);
    conf_place(c, 2, WEFT_F32, shape, rng);
    conf_fill_normal(c, 2, rng, 3);
    place_output(c, 3, conf_one_in(rng, 2) ? 0 : 2, false, rng);
    c->params.rms_norm = draw_norm(rng);
}

static weft_status record_rms_norm_mul(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c,
                                       weft_error *err)
{
    return weft_rms_norm_mul(encoder, a[0], a[1], a[2], &c->params.rms_norm, a[3], err);
}

static void expect_rms_norm_mul(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        expected[i] = norm_of(c, &c->params.rms_norm, 1, i, value_of_x) * conf_value(c, 2, i);
}

/* ---- add_rms_norm ---- */

static void make_add_rms_norm(conf_case *c, weft__rng *rng)
{
    uint64_t length;
    weft_shape shape = draw_rows(c, rng, &length);
    conf_place(c, 0, WEFT_F32, shape, rng);
    conf_fill_normal(c, 0, rng, conf_one_in(rng, 3) ? 50 : 1);
    if (conf_one_in(rng, 8)) {
        conf_place_same(c, 1, 0);
    } else {
        conf_place(c, 1, WEFT_F32, shape, rng);
        conf_fill_normal(c, 1, rng, 1);
    }
    place_weight(c, 2, length, rng);
    bool has_one_input = c->arguments[0].memory == c->arguments[1].memory;
    uint32_t first = conf_one_in(rng, 2) ? 0 : 1;
    bool is_over_first = place_output(c, 3, first, false, rng);
    place_output(c, 4, 1 - first, is_over_first && has_one_input, rng);
    c->params.rms_norm = draw_norm(rng);
}

static weft_status record_add_rms_norm(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c,
                                       weft_error *err)
{
    return weft_add_rms_norm(encoder, a[0], a[1], a[2], &c->params.rms_norm, a[3], a[4], err);
}

/* As it is stored. */
static double value_of_sum(const conf_case *c, size_t i)
{
    return (double)(float)(conf_value(c, 0, i) + conf_value(c, 1, i));
}

static void expect_add_rms_norm(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++)
        expected[i] = argument == 3 ? conf_value(c, 0, i) + conf_value(c, 1, i)
                                    : norm_of(c, &c->params.rms_norm, 2, i, value_of_sum);
}

/* ---- rope ---- */

/* Heads in argument 0. */
static weft_rope_params draw_heads(conf_case *c, weft__rng *rng)
{
    static const double thetas[] = {10000, 1e6, 500, 2};
    uint64_t tokens = conf_extent_or(c, rng, 9, 60), heads = conf_extent_or(c, rng, 6, 4),
             head_dim = 2 * conf_extent_or(c, rng, 70, 40);
    weft_rope_params p = {
        .theta = thetas[weft__rng_below(rng, 4)],
        .pairing = conf_one_in(rng, 3) ? WEFT_ROPE_INTERLEAVED : WEFT_ROPE_HALF_SPLIT,
        .position_scale = conf_one_in(rng, 3) ? 0.25 : 0,
    };
    uint64_t pairs = head_dim / 2;
    if (conf_one_in(rng, 2) && pairs > 0) {
        pairs = 1 + weft__rng_below(rng, pairs);
        p.rotary_dims = (uint32_t)(2 * pairs);
        p.frequency_dims = conf_one_in(rng, 2) ? (uint32_t)head_dim : 0;
    }
    if (conf_one_in(rng, 2) && p.pairing == WEFT_ROPE_HALF_SPLIT)
        p.pair_offset = (uint32_t)(pairs + weft__rng_below(rng, head_dim - 2 * pairs + 1));
    conf_place(c, 0, WEFT_F32, weft_shape_3d(tokens, heads, head_dim), rng);
    conf_fill_normal(c, 0, rng, 1);
    return p;
}

static void place_positions(conf_case *c, uint32_t argument, weft__rng *rng)
{
    uint64_t tokens = c->arguments[0].shape.extent[0];
    conf_place(c, argument, WEFT_I32, weft_shape_1d(tokens), rng);
    int32_t *positions = conf_data(c, argument);
    for (uint64_t i = 0; i < tokens; i++)
        positions[i] = (int32_t)weft__rng_below(rng, conf_one_in(rng, 4) ? 1u << 24 : 5000);
}

static void make_rope(conf_case *c, weft__rng *rng)
{
    c->params.rope = draw_heads(c, rng);
    place_positions(c, 1, rng);
    place_output(c, 2, 0, false, rng);
}

static weft_status record_rope(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    return weft_rope(encoder, a[0], a[1], &c->params.rope, a[2], err);
}

/* Where an element of argument 0 stands. */
typedef struct rope_place {
    bool turns;
    size_t pair;    /* its number */
    size_t partner; /* the element that turns with it */
    bool is_first;
} rope_place;

static rope_place rope_place_of(const conf_case *c, const weft_rope_params *p, size_t element)
{
    size_t head_dim = (size_t)c->arguments[0].shape.extent[2], i = element % head_dim, head = element - i;
    size_t pairs = (p->rotary_dims ? p->rotary_dims : head_dim) / 2;
    size_t offset = p->pair_offset ? p->pair_offset : pairs;
    if (p->pairing == WEFT_ROPE_INTERLEAVED)
        return (rope_place){i / 2 < pairs, i / 2, head + (i ^ 1), i % 2 == 0};
    bool is_first = i < pairs;
    return (rope_place){is_first || (i >= offset && i < offset + pairs), is_first ? i : i - offset,
                        head + (is_first ? i + offset : i - offset), is_first};
}

/* Element `i` and its partner, turned. */
static double turned(const conf_case *c, const weft_rope_params *p, uint32_t positions, size_t i, double value,
                     double partner)
{
    const weft_shape *x = &c->arguments[0].shape;
    rope_place at = rope_place_of(c, p, i);
    double dims = p->frequency_dims ? p->frequency_dims : p->rotary_dims ? p->rotary_dims : (double)x->extent[2];
    double position = conf_value(c, positions, i / (size_t)x->extent[2] / (size_t)x->extent[1]);
    double angle =
        position * (p->position_scale > 0 ? p->position_scale : 1) * pow(p->theta, -2 * (double)at.pair / dims);
    return value * cos(angle) + (at.is_first ? -partner : partner) * sin(angle);
}

static void expect_rope(const conf_case *c, uint32_t argument, double *expected)
{
    for (size_t i = 0; i < conf_elements(c, argument); i++) {
        rope_place at = rope_place_of(c, &c->params.rope, i);
        expected[i] = conf_value(c, 0, i);
        if (at.turns)
            expected[i] = turned(c, &c->params.rope, 1, i, expected[i], conf_value(c, 0, at.partner));
    }
}

/* ---- rms_norm_rope ---- */

static void make_rms_norm_rope(conf_case *c, weft__rng *rng)
{
    c->params.rms_norm_rope.rope = draw_heads(c, rng);
    c->params.rms_norm_rope.norm = draw_norm(rng);
    place_weight(c, 1, c->arguments[0].shape.extent[2], rng);
    place_positions(c, 2, rng);
    place_output(c, 3, 0, false, rng);
}

static weft_status record_rms_norm_rope(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c,
                                        weft_error *err)
{
    return weft_rms_norm_rope(encoder, a[0], a[1], a[2], &c->params.rms_norm_rope, a[3], err);
}

static double norm_of_head(const conf_case *c, size_t i)
{
    return norm_of(c, &c->params.rms_norm_rope.norm, 1, i, value_of_x);
}

static void expect_rms_norm_rope(const conf_case *c, uint32_t argument, double *expected)
{
    const weft_rope_params *rope = &c->params.rms_norm_rope.rope;
    for (size_t i = 0; i < conf_elements(c, argument); i++) {
        rope_place at = rope_place_of(c, rope, i);
        expected[i] = norm_of_head(c, i);
        if (at.turns)
            expected[i] = turned(c, rope, 2, i, expected[i], norm_of_head(c, at.partner));
    }
}

const conf_op conf_rms_norm = {"rms_norm", make_rms_norm, record_rms_norm, expect_rms_norm, NULL};
const conf_op conf_rope = {"rope", make_rope, record_rope, expect_rope, NULL};
const conf_op conf_rms_norm_mul = {"rms_norm_mul", make_rms_norm_mul, record_rms_norm_mul, expect_rms_norm_mul, NULL};
const conf_op conf_add_rms_norm = {"add_rms_norm", make_add_rms_norm, record_add_rms_norm, expect_add_rms_norm, NULL};
const conf_op conf_rms_norm_rope = {"rms_norm_rope", make_rms_norm_rope, record_rms_norm_rope, expect_rms_norm_rope,
                                    NULL};
