/* attention. */
#include <math.h>
#include <stdlib.h>

#include "conformance/harness.h"

static void make_attention(conf_case *c, weft__rng *rng)
{
    static const uint64_t groups[] = {1, 2, 3, 7, 8};
    uint64_t kv_heads = conf_extent(rng, 3), heads = kv_heads * groups[weft__rng_below(rng, 5)];
    uint64_t tokens = conf_one_in(rng, 3) ? 1 : conf_extent(rng, 20);
    uint64_t head_dim = conf_extent(rng, conf_one_in(rng, 6) ? 130 : 40);
    uint64_t kv_length = tokens + conf_extent(rng, conf_one_in(rng, 8) ? 1200 : 100);
    uint64_t capacity = kv_length + weft__rng_below(rng, 9);
    weft_dtype dtype = conf_float_dtype(rng);
    conf_place(c, 0, WEFT_F32, weft_shape_3d(tokens, heads, head_dim), rng);
    conf_place(c, 1, dtype, weft_shape_3d(capacity, kv_heads, head_dim), rng);
    conf_place(c, 2, dtype, weft_shape_3d(capacity, kv_heads, head_dim), rng);
    conf_place(c, 3, WEFT_F32, weft_shape_3d(tokens, heads, head_dim), rng);
    conf_fill_normal(c, 0, rng, !c->has_specials && conf_one_in(rng, 5) ? 12 : 1);
    conf_fill_normal(c, 1, rng, 1);
    conf_fill_normal(c, 2, rng, 1);
    c->params.attention = (weft_attention_params){
        .scale = head_dim ? (float)(1 / sqrt((double)head_dim)) : 1,
        .kv_length = (uint32_t)kv_length,
        .window = conf_one_in(rng, 2) ? 0 : (uint32_t)(1 + weft__rng_below(rng, kv_length + 2)),
        .soft_cap = conf_one_in(rng, 3) ? 2.5f : 0,
        .bidirectional = conf_one_in(rng, 4),
    };
    if (conf_one_in(rng, 6))
        c->params.attention.window = UINT32_MAX - (uint32_t)weft__rng_below(rng, 3);
}

static weft_status record_attention(weft_encoder *encoder, weft_buffer *const *a, const conf_case *c, weft_error *err)
{
    return weft_attention(encoder, a[0], a[1], a[2], &c->params.attention, a[3], err);
}

static bool sees(const conf_case *c, size_t token, size_t key)
{
    const weft_attention_params *p = &c->params.attention;
    int64_t position = (int64_t)(p->kv_length - c->arguments[0].shape.extent[0] + token);
    int64_t distance = position - (int64_t)key;
    if (p->window && (distance >= p->window || distance <= -(int64_t)p->window))
        return false;
    return p->bidirectional || distance >= 0;
}

/* The first element of a head of k or v. */
static size_t key_at(const conf_case *c, size_t key, size_t head)
{
    const weft_shape *q = &c->arguments[0].shape, *k = &c->arguments[1].shape;
    return (key * (size_t)k->extent[1] + head / (size_t)(q->extent[1] / k->extent[1])) * (size_t)k->extent[2];
}

static double score_of(const conf_case *c, size_t token, size_t head, size_t key)
{
    const weft_attention_params *p = &c->params.attention;
    const weft_shape *q = &c->arguments[0].shape;
    size_t dims = (size_t)q->extent[2], from = (token * (size_t)q->extent[1] + head) * dims;
    double score = 0;
    for (size_t i = 0; i < dims; i++)
        score += conf_value(c, 0, from + i) * conf_value(c, 1, key_at(c, key, head) + i);
    score *= (double)p->scale;
    return p->soft_cap > 0 ? (double)p->soft_cap * tanh(score / (double)p->soft_cap) : score;
}

/* The outputs of one query of one head. */
static void attend(const conf_case *c, size_t token, size_t head, double *weights, double *out)
{
    size_t kv_length = c->params.attention.kv_length, dims = (size_t)c->arguments[0].shape.extent[2];
    double largest = -INFINITY, sum = 0;
    for (size_t key = 0; key < kv_length; key++) {
        if (!sees(c, token, key))
            continue;
        weights[key] = score_of(c, token, head, key);
        largest = fmax(largest, weights[key]);
    }
    for (size_t i = 0; i < dims; i++)
        out[i] = 0;
    for (size_t key = 0; key < kv_length; key++) {
        if (!sees(c, token, key))
            continue;
        double weight = exp(weights[key] - largest);
        sum += weight;
        for (size_t i = 0; i < dims; i++)
            out[i] += weight * conf_value(c, 2, key_at(c, key, head) + i);
    }
    for (size_t i = 0; i < dims; i++)
        out[i] /= sum;
}

static void expect_attention(const conf_case *c, uint32_t argument, double *expected)
{
    const weft_shape *q = &c->arguments[0].shape;
    size_t dims = (size_t)q->extent[2], heads = (size_t)q->extent[1];
    double *weights = calloc(c->params.attention.kv_length + 1, sizeof *weights);
    for (size_t row = 0; weights && row * dims < conf_elements(c, argument); row++)
        attend(c, row / heads, row % heads, weights, expected + row * dims);
    free(weights);
}

const conf_op conf_attention = {"attention", make_attention, record_attention, expect_attention, NULL};
