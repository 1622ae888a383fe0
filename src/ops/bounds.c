#include "ops/bounds.h"

#include <math.h>
#include <string.h>

#include "base/dtype.h"
#include "ops/ops_impl.h"

/* ---- numbers ---- */

static double unit_of(weft_dtype dtype)
{
    return dtype == WEFT_F32 ? 0x1p-24 : dtype == WEFT_F16 ? 0x1p-11 : 0x1p-8;
}

double weft__bound_relative(weft_dtype dtype, double value, double factor)
{
    double smallest = dtype == WEFT_F16 ? 0x1p-14 : 0x1p-126;
    return factor * unit_of(dtype) * fmax(fabs(value), smallest);
}

double weft__bound_slack(weft_dtype dtype, double value, double bound)
{
    return bound > 0 ? bound * (1 + 0x1p-7) + weft__bound_relative(dtype, value, 1) : 0;
}

bool weft__bound_holds(double actual, double expected, double bound)
{
    if (isnan(actual) || isnan(expected))
        return isnan(actual) && isnan(expected);
    return actual == expected || fabs(actual - expected) <= bound;
}

#define LOAD(type)                                                                                                     \
    do {                                                                                                               \
        type value;                                                                                                    \
        memcpy(&value, (const char *)data + index * sizeof value, sizeof value);                                       \
        return (double)value;                                                                                          \
    } while (0)

double weft__bound_value(weft_dtype dtype, const void *data, size_t index)
{
    switch (dtype) {
    case WEFT_I8:
        LOAD(int8_t);
    case WEFT_U8:
        LOAD(uint8_t);
    case WEFT_I16:
        LOAD(int16_t);
    case WEFT_U16:
        LOAD(uint16_t);
    case WEFT_I32:
        LOAD(int32_t);
    case WEFT_U32:
        LOAD(uint32_t);
    case WEFT_I64:
        LOAD(int64_t);
    case WEFT_U64:
        LOAD(uint64_t);
    case WEFT_F64:
        LOAD(double);
    default:
        return (double)weft__float_load(dtype, data, index);
    }
}

static size_t elements_of(const weft__bound_call *call, uint32_t argument)
{
    return (size_t)weft_shape_elements(&call->arguments[argument].shape);
}

static double value_at(const weft__bound_call *call, uint32_t argument, size_t index)
{
    return weft__bound_value(call->arguments[argument].dtype, call->arguments[argument].data, index);
}

/* So many units relative to each value. */
static void bound_all(const weft__bound_call *call, uint32_t argument, double factor, const double *expected,
                      double *bounds)
{
    for (size_t i = 0; i < elements_of(call, argument); i++)
        bounds[i] = weft__bound_relative(call->arguments[argument].dtype, expected[i], factor);
}

/* ---- elementwise, embedding ---- */

static void bound_one_unit(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    bound_all(call, argument, 1, expected, bounds);
}

static void bound_silu_mul(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    bound_all(call, argument, 8, expected, bounds);
}

static void bound_gelu_mul(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    bound_all(call, argument, 2, expected, bounds);
    for (size_t i = 0; i < elements_of(call, argument); i++) {
        double product = fabs(value_at(call, 0, i) * value_at(call, 1, i));
        if (isfinite(product))
            bounds[i] += 1e-6 * product;
    }
}

static void bound_embedding(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    const weft__embedding_params *params = call->params;
    for (size_t i = 0; i < elements_of(call, argument); i++)
        bounds[i] = params->scale == 1 ? 0 : weft__bound_relative(WEFT_F32, expected[i], 1);
}

/* ---- norms and rope ---- */

/* The length of the rows of argument 0 that a norm with this weight works on. */
static size_t norm_dims(const weft__bound_call *call, uint32_t weight)
{
    const weft_shape *x = &call->arguments[0].shape;
    if (call->arguments[weight].data)
        return elements_of(call, weight);
    return x->rank ? (size_t)x->extent[x->rank - 1] : 1;
}

static void bound_rms_norm(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    bound_all(call, argument, (double)norm_dims(call, 1) / 8 + 8, expected, bounds);
}

/* The norm may be smaller than the smallest normal number before it is multiplied, and counts as that. */
static void bound_rms_norm_mul(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    double factor = (double)norm_dims(call, 1) / 8 + 9;
    bound_all(call, argument, factor, expected, bounds);
    for (size_t i = 0; i < elements_of(call, argument); i++) {
        double other = fabs(value_at(call, 2, i));
        if (isfinite(other))
            bounds[i] += weft__bound_relative(WEFT_F32, 0, factor) * other;
    }
}

/* The sum is rounded once, so all devices have the same bits of it, and the norm is that of the sum. */
static void bound_add_rms_norm(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    bound_all(call, argument, argument == 3 ? 1 : (double)norm_dims(call, 2) / 8 + 8, expected, bounds);
}

/* Where an element of argument 0 of rope stands. */
typedef struct turning {
    bool turns;
    size_t partner; /* the element that turns with it */
} turning;

static turning turning_of(const weft__bound_call *call, const weft_rope_params *params, size_t element)
{
    size_t head_dim = (size_t)call->arguments[0].shape.extent[2], i = element % head_dim, head = element - i;
    const weft__rope_geometry geometry = weft__rope_resolve(params, head_dim);
    size_t pairs = (size_t)geometry.rotary_dims / 2, offset = (size_t)geometry.pair_offset;
    if (params->pairing == WEFT_ROPE_INTERLEAVED)
        return (turning){i / 2 < pairs, head + (i ^ 1)};
    if (i < pairs)
        return (turning){true, head + i + offset};
    return (turning){i >= offset && i < offset + pairs, head + i - offset};
}

static void bound_rope(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    (void)expected;
    for (size_t i = 0; i < elements_of(call, argument); i++) {
        turning at = turning_of(call, call->params, i);
        double length = at.turns ? hypot(value_at(call, 0, i), value_at(call, 0, at.partner)) : INFINITY;
        bounds[i] = isfinite(length) ? weft__bound_relative(WEFT_F32, length, 4) : 0;
    }
}

/* The length of a pair before it turns is that of the pair after, and both of its elements are in `expected`. */
static void bound_rms_norm_rope(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    const weft_rms_norm_rope_params *params = call->params;
    double factor = (double)call->arguments[0].shape.extent[2] / 8 + 12;
    for (size_t i = 0; i < elements_of(call, argument); i++) {
        turning at = turning_of(call, &params->rope, i);
        double length = at.turns ? hypot(expected[i], expected[at.partner]) : expected[i];
        bounds[i] = isfinite(length) ? weft__bound_relative(WEFT_F32, length, factor) : 0;
    }
}

/* ---- contractions ---- */

/* Of output `out` of x times a weight: the sum of the products, or of their sizes. */
static double dot(const weft__bound_call *call, uint32_t weight, size_t out, bool of_sizes)
{
    const weft_shape *shape = &call->arguments[weight].shape;
    size_t n = (size_t)shape->extent[0], k = (size_t)shape->extent[1];
    double sum = 0;
    for (size_t i = 0; i < k; i++) {
        double product = value_at(call, 0, out / n * k + i) * value_at(call, weight, out % n * k + i);
        sum += of_sizes ? fabs(product) : product;
    }
    return sum;
}

static void bound_matmul(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    (void)expected;
    double factor = (double)call->arguments[1].shape.extent[1] / 8 + 16;
    for (size_t i = 0; i < elements_of(call, argument); i++) {
        double sizes = dot(call, 1, i, true);
        bounds[i] = isfinite(sizes) ? weft__bound_relative(WEFT_F32, sizes, factor) : 0;
    }
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static void bound_gate_up_silu(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    double b = ((double)call->arguments[1].shape.extent[1] / 8 + 16) * unit_of(WEFT_F32);
    for (size_t i = 0; i < elements_of(call, argument); i++) {
        double gates = dot(call, 1, i, true), ups = dot(call, 2, i, true);
        double up = fabs(dot(call, 2, i, false)), gate = fabs(silu(dot(call, 1, i, false)));
        double bound = 1.1 * b * (gates * (up + b * ups) + gate * ups);
        bounds[i] = isfinite(bound) ? bound + weft__bound_relative(WEFT_F32, expected[i], 8) : 0;
    }
}

/* ---- attention ---- */

static bool sees(const weft__bound_call *call, size_t token, size_t key)
{
    const weft_attention_params *params = call->params;
    int64_t position = (int64_t)(params->kv_length - call->arguments[0].shape.extent[0] + token);
    int64_t distance = position - (int64_t)key;
    if (params->window && (distance >= params->window || distance <= -(int64_t)params->window))
        return false;
    return params->bidirectional || distance >= 0;
}

/* Of one query of one head, for all of its outputs. */
static double bound_of_query(const weft__bound_call *call, size_t token, size_t head)
{
    const weft_attention_params *params = call->params;
    const weft_shape *q = &call->arguments[0].shape, *k = &call->arguments[1].shape;
    size_t dims = (size_t)q->extent[2], kv_heads = (size_t)k->extent[1];
    size_t kv_head = head / (size_t)(q->extent[1] / k->extent[1]);
    size_t from = (token * (size_t)q->extent[1] + head) * dims;
    double largest = 0, scores = 0;
    for (size_t key = 0; key < params->kv_length; key++) {
        size_t at = (key * kv_heads + kv_head) * dims;
        double score = 0;
        if (!sees(call, token, key))
            continue;
        for (size_t i = 0; i < dims; i++) {
            double v = fabs(value_at(call, 2, at + i));
            score += fabs(value_at(call, 0, from + i) * value_at(call, 1, at + i));
            largest = isfinite(v) ? fmax(largest, v) : largest;
        }
        score *= (double)params->scale;
        scores = isfinite(score) ? fmax(scores, score) : scores;
    }
    double factor = (double)params->kv_length / 8 + 64 + ((double)dims / 4 + 32) * scores;
    return weft__bound_relative(WEFT_F32, largest, factor);
}

static void bound_attention(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    (void)expected;
    size_t heads = (size_t)call->arguments[0].shape.extent[1], dims = (size_t)call->arguments[0].shape.extent[2];
    for (size_t i = 0; i < elements_of(call, argument); i++)
        bounds[i] = i % dims ? bounds[i - 1] : bound_of_query(call, i / dims / heads, i / dims % heads);
}

/* ---- choosing ---- */

static void bound_softmax(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    const weft_shape *x = &call->arguments[0].shape;
    bound_all(call, argument, 16 + (double)(x->rank ? x->extent[x->rank - 1] : 1) / 8, expected, bounds);
    for (size_t i = 0; i < elements_of(call, argument); i++)
        bounds[i] += 1e-37;
}

/* ---- all ops ---- */

typedef void make_bounds(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds);

/* NULL: exact. */
static make_bounds *const of_op[WEFT__OP_COUNT] = {
    [WEFT__OP_ADD] = bound_one_unit,
    [WEFT__OP_MUL] = bound_one_unit,
    [WEFT__OP_SCALE] = bound_one_unit,
    [WEFT__OP_SILU_MUL] = bound_silu_mul,
    [WEFT__OP_GELU_MUL] = bound_gelu_mul,
    [WEFT__OP_EMBEDDING] = bound_embedding,
    [WEFT__OP_RMS_NORM] = bound_rms_norm,
    [WEFT__OP_ROPE] = bound_rope,
    [WEFT__OP_MATMUL] = bound_matmul,
    [WEFT__OP_ATTENTION] = bound_attention,
    [WEFT__OP_SOFTMAX] = bound_softmax,
    [WEFT__OP_RMS_NORM_MUL] = bound_rms_norm_mul,
    [WEFT__OP_ADD_RMS_NORM] = bound_add_rms_norm,
    [WEFT__OP_RMS_NORM_ROPE] = bound_rms_norm_rope,
    [WEFT__OP_GATE_UP_SILU] = bound_gate_up_silu,
};

void weft__op_bounds(const weft__bound_call *call, uint32_t argument, const double *expected, double *bounds)
{
    make_bounds *make = call->op->index < WEFT__OP_COUNT ? of_op[call->op->index] : NULL;
    if (make) {
        make(call, argument, expected, bounds);
        return;
    }
    for (size_t i = 0; i < elements_of(call, argument); i++)
        bounds[i] = 0;
}
