#include "kernels/ref/ref.h"

#include <math.h>

#include "base/dtype.h"

/* What a row is multiplied by: one over the root of its mean square. */
static double factor_of_row(const weft__rms_norm_args *args, const float *x)
{
    double squares = 0;
    for (size_t i = 0; i < args->dims; ++i)
        squares += (double)x[i] * x[i];
    return 1 / sqrt(squares / (double)args->dims + (double)args->epsilon);
}

static double weight_at(const weft__rms_norm_args *args, size_t i)
{
    if (!args->weight)
        return 1;
    return (double)weft__float_load(args->weight_dtype, args->weight, i) + (double)args->weight_bias;
}

void weft__ref_rms_norm(const weft__rms_norm_args *args)
{
    for (size_t row = 0; row < args->rows; ++row) {
        const float *x = args->x + row * args->dims;
        float *out = args->out + row * args->dims;
        double factor = factor_of_row(args, x);
        for (size_t i = 0; i < args->dims; ++i)
            out[i] = (float)(x[i] * factor * weight_at(args, i));
    }
}

void weft__ref_rms_norm_mul(const weft__rms_norm_args *args, const float *other)
{
    for (size_t row = 0; row < args->rows; ++row) {
        const size_t first = row * args->dims;
        double factor = factor_of_row(args, args->x + first);
        for (size_t i = 0; i < args->dims; ++i)
            args->out[first + i] = (float)(args->x[first + i] * factor * weight_at(args, i) * other[first + i]);
    }
}

/* Row by row, so that an output may be an input. */
void weft__ref_add_rms_norm(const weft__rms_norm_args *args, const float *a, const float *b, float *sum)
{
    for (size_t row = 0; row < args->rows; ++row) {
        weft__rms_norm_args one = *args;
        const size_t first = row * args->dims;
        one.rows = 1;
        one.x += first;
        one.out += first;
        for (size_t i = first; i < first + args->dims; ++i)
            sum[i] = (float)((double)a[i] + (double)b[i]);
        weft__ref_rms_norm(&one);
    }
}

/* The pair `i` of a head, which is (*first, *second), and the angle by which it turns at a position. */
static double pair_of(const weft__rope_args *args, int32_t position, size_t i, size_t *first, size_t *second)
{
    *first = args->interleaved ? 2 * i : i;
    *second = args->interleaved ? 2 * i + 1 : i + args->pair_offset;
    return position * args->position_scale * pow(args->theta, -2.0 * (double)i / (double)args->frequency_dims);
}

weft__fault weft__ref_rope(const weft__rope_args *args)
{
    for (size_t token = 0; token < args->tokens; ++token) {
        if (args->positions[token] < 0)
            return (weft__fault){WEFT__FAULT_POSITION, token, 0, args->positions[token]};
        for (size_t head = 0; head < args->heads; ++head) {
            const float *x = args->x + (token * args->heads + head) * args->head_dim;
            float *out = args->out + (token * args->heads + head) * args->head_dim;
            for (size_t i = 0; x != out && i < args->head_dim; ++i)
                out[i] = x[i];
            for (size_t i = 0; i < args->rotary_dims / 2; ++i) {
                size_t first, second;
                double angle = pair_of(args, args->positions[token], i, &first, &second);
                /* both are read before either is written, so that x may be out */
                double a = x[first], b = x[second];
                out[first] = (float)(a * cos(angle) - b * sin(angle));
                out[second] = (float)(a * sin(angle) + b * cos(angle));
            }
        }
    }
    return (weft__fault){WEFT__FAULT_NONE, 0, 0, 0};
}

size_t weft__ref_rms_norm_rope_scratch_bytes(const weft__rope_args *args)
{
    return args->head_dim * sizeof(double);
}

weft__fault weft__ref_rms_norm_rope(const weft__rms_norm_args *norm, const weft__rope_args *rope, void *scratch)
{
    double *normed = scratch; /* a head */
    for (size_t token = 0; token < rope->tokens; ++token) {
        if (rope->positions[token] < 0)
            return (weft__fault){WEFT__FAULT_POSITION, token, 0, rope->positions[token]};
        for (size_t head = 0; head < rope->heads; ++head) {
            const float *x = norm->x + (token * rope->heads + head) * rope->head_dim;
            float *out = rope->out + (token * rope->heads + head) * rope->head_dim;
            double factor = factor_of_row(norm, x);
            for (size_t i = 0; i < rope->head_dim; ++i) {
                normed[i] = x[i] * factor * weight_at(norm, i);
                out[i] = (float)normed[i];
            }
            for (size_t i = 0; i < rope->rotary_dims / 2; ++i) {
                size_t first, second;
                double angle = pair_of(rope, rope->positions[token], i, &first, &second);
                out[first] = (float)(normed[first] * cos(angle) - normed[second] * sin(angle));
                out[second] = (float)(normed[first] * sin(angle) + normed[second] * cos(angle));
            }
        }
    }
    return (weft__fault){WEFT__FAULT_NONE, 0, 0, 0};
}
