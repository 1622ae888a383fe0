#include "kernels/ref/ref.h"

#include <math.h>

#include "base/dtype.h"

size_t weft__ref_attention_scratch_bytes(const weft__attention_args *args)
{
    return args->kv_length * sizeof(double);
}

/* Turns the scores of one query into weights that add up to one. */
static void normalise(double *scores, size_t count)
{
    double largest = -INFINITY;
    for (size_t i = 0; i < count; ++i)
        largest = scores[i] > largest ? scores[i] : largest;
    double sum = 0;
    for (size_t i = 0; i < count; ++i) {
        scores[i] = exp(scores[i] - largest);
        sum += scores[i];
    }
    for (size_t i = 0; i < count; ++i)
        scores[i] /= sum;
}

static void attend_one(const weft__attention_args *args, size_t token, size_t head, double *scores)
{
    weft__key_range keys = weft__attention_keys(args, token);
    size_t kv_head = head / (args->heads / args->kv_heads);
    const float *q = args->q + (token * args->heads + head) * args->head_dim;
    float *out = args->out + (token * args->heads + head) * args->head_dim;
    for (size_t key = keys.first; key < keys.last; ++key) {
        size_t row = (key * args->kv_heads + kv_head) * args->head_dim;
        double score = 0;
        for (size_t i = 0; i < args->head_dim; ++i)
            score += (double)q[i] * (double)weft__float_load(args->kv_dtype, args->k, row + i);
        score *= (double)args->scale;
        if (args->soft_cap != 0)
            score = (double)args->soft_cap * tanh(score / (double)args->soft_cap);
        scores[key - keys.first] = score;
    }
    normalise(scores, keys.last - keys.first);
    for (size_t i = 0; i < args->head_dim; ++i) {
        double sum = 0;
        for (size_t key = keys.first; key < keys.last; ++key) {
            size_t row = (key * args->kv_heads + kv_head) * args->head_dim;
            sum += scores[key - keys.first] * (double)weft__float_load(args->kv_dtype, args->v, row + i);
        }
        out[i] = (float)sum;
    }
}

void weft__ref_attention(const weft__attention_args *args, void *scratch)
{
    for (size_t token = 0; token < args->tokens; ++token)
        for (size_t head = 0; head < args->heads; ++head)
            attend_one(args, token, head, scratch);
}
