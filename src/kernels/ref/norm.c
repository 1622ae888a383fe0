#include "kernels/ref/ref.h"

#include <math.h>

#include "base/dtype.h"

void weft__ref_rms_norm(const weft__rms_norm_args *args)
{
    for (size_t row = 0; row < args->rows; ++row) {
        const float *x = args->x + row * args->dims;
        float *out = args->out + row * args->dims;
        double squares = 0;
        for (size_t i = 0; i < args->dims; ++i)
            squares += (double)x[i] * x[i];
        double factor = 1 / sqrt(squares / (double)args->dims + (double)args->epsilon);
        for (size_t i = 0; i < args->dims; ++i) {
            double weight = 1;
            if (args->weight)
                weight = (double)weft__float_load(args->weight_dtype, args->weight, i) + (double)args->weight_bias;
            out[i] = (float)(x[i] * factor * weight);
        }
    }
}

/* Both elements are read before either is written, so that x may be out. */
static void turn_pair(const float *x, float *out, size_t first, size_t second, double angle)
{
    double a = x[first];
    double b = x[second];
    out[first] = (float)(a * cos(angle) - b * sin(angle));
    out[second] = (float)(a * sin(angle) + b * cos(angle));
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
                double frequency = pow(args->theta, -2.0 * (double)i / (double)args->frequency_dims);
                double angle = args->positions[token] * args->position_scale * frequency;
                if (args->interleaved)
                    turn_pair(x, out, 2 * i, 2 * i + 1, angle);
                else
                    turn_pair(x, out, i, i + args->pair_offset, angle);
            }
        }
    }
    return (weft__fault){WEFT__FAULT_NONE, 0, 0, 0};
}
