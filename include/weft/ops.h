/* The ops: what an encoder can record.
 *
 * One typed function per op. Each checks shapes, dtypes, aliasing and devices at once, records a dispatch, and returns;
 * nothing is computed before the command buffer is committed, and nothing may be read back before the host has waited.
 *
 * Common rules. Buffers are row-major. "rows" are all leading axes taken together: x [.., D] has elements / D rows.
 * Empty shapes are allowed and do nothing. An output may be exactly an input of the same dtype where the op says "in
 * place"; any other overlap of an output with an input is WEFT_INVALID_ARGUMENT. Wrong shapes or dtypes give
 * WEFT_SHAPE_MISMATCH and name both sides; a dtype that an op never takes gives WEFT_UNSUPPORTED. Data are checked when
 * they are read: an id or position out of range, or NaN where a choice is to be made, fails the command buffer with
 * WEFT_OUT_OF_RANGE or WEFT_INVALID_ARGUMENT at the next wait, and is never used as an address. NaN and infinity
 * otherwise propagate as IEEE 754 says.
 *
 * Error bounds are against the exact result for the inputs as given, of all devices alike unless stated; u is the unit
 * roundoff of the output dtype (2^-24 f32, 2^-11 f16, 2^-8 bf16... half an ulp, relative). What is smaller than the
 * smallest normal number of the dtype counts as that number in a relative bound. `ref` computes in double, `cpu` and
 * `sim` in f32, where an intermediate result past the range of f32 is infinite and one below it may be 0, also as a
 * factor of infinity.
 *
 * Every function: from one thread at a time per encoder. On failure nothing is recorded. */
#ifndef WEFT_OPS_H
#define WEFT_OPS_H

#include <weft/buffer.h>
#include <weft/encoder.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- elementwise: f32, f16 or bf16, one dtype and one shape for all buffers; computed as f32; in place over any ----
 */

/** out = a + b. Error: u relative. */
WEFT_API WEFT_CHECKED weft_status weft_add(weft_encoder *encoder, const weft_buffer *a, const weft_buffer *b,
                                           weft_buffer *out, weft_error *err);
/** out = a * b. Error: u relative. */
WEFT_API WEFT_CHECKED weft_status weft_mul(weft_encoder *encoder, const weft_buffer *a, const weft_buffer *b,
                                           weft_buffer *out, weft_error *err);
/** out = x * factor. Error: u relative. */
WEFT_API WEFT_CHECKED weft_status weft_scale(weft_encoder *encoder, const weft_buffer *x, float factor,
                                             weft_buffer *out, weft_error *err);
/** out = gate * sigmoid(gate) * up (SwiGLU). Error: 8 u relative. */
WEFT_API WEFT_CHECKED weft_status weft_silu_mul(weft_encoder *encoder, const weft_buffer *gate, const weft_buffer *up,
                                                weft_buffer *out, weft_error *err);
/** out = gelu(gate) * up with the tanh form: g/2 * (1 + tanh(sqrt(2/pi) * (g + 0.044715 g^3))) (GeGLU).
 *  Error: 1e-6 * |gate * up| for f32 (the factor 1 + tanh cancels for negative gates), plus 2 u relative. */
WEFT_API WEFT_CHECKED weft_status weft_gelu_mul(weft_encoder *encoder, const weft_buffer *gate, const weft_buffer *up,
                                                weft_buffer *out, weft_error *err);

/* ---- layout ---- */

/** Where the elements of a strided copy lie, in elements from the first one of the buffer (or view). */
typedef struct weft_copy_params {
    uint32_t rank;             /**< of the box that is copied: 1 to 4; 0: all of the source, the rest is then unused */
    uint64_t extent[4];        /**< of the box, outermost first */
    uint64_t source_offset;    /**< elements */
    uint64_t source_stride[4]; /**< any, 0 to repeat elements */
    uint64_t target_offset;
    uint64_t target_stride[4]; /**< each steps over all that the axes with smaller ones reach, whatever their order, so
                                    that no two elements share a target: WEFT_INVALID_ARGUMENT otherwise */
} weft_copy_params;

/** Copies a strided box. Same dtype (any), or between f32, f16 and bf16 with rounding to nearest even. The box must lie
 *  inside of both buffers (WEFT_OUT_OF_RANGE), and no byte may be both read and written (WEFT_INVALID_ARGUMENT): two
 * boxes of one buffer may lie between each other, like columns. With @p params NULL or of rank 0: all of @p source,
 * which must have as many elements as @p target. Exact, up to the rounding of a conversion. */
WEFT_API WEFT_CHECKED weft_status weft_copy(weft_encoder *encoder, const weft_buffer *source, weft_buffer *target,
                                            const weft_copy_params *params, weft_error *err);

/** out [T, D] f32 = table [V, D] (f32, f16, bf16) rows at ids [T] i32, times @p scale (1 for none). An id outside of
 *  [0, V) is WEFT_OUT_OF_RANGE at the wait. Error: u relative (exact for scale 1). */
WEFT_API WEFT_CHECKED weft_status weft_embedding(weft_encoder *encoder, const weft_buffer *table,
                                                 const weft_buffer *ids, float scale, weft_buffer *out,
                                                 weft_error *err);

/* ---- normalisation and rotary position ---- */

/** Of weft_rms_norm(). */
typedef struct weft_rms_norm_params {
    float epsilon;     /**< added to the mean square; > 0 */
    float weight_bias; /**< added to every weight: 0, or 1 for models that store weight - 1 (Gemma) */
} weft_rms_norm_params;

/** out = x * rsqrt(mean(x^2) + epsilon) * (weight + weight_bias) over rows of length D. x, out f32 of one shape whose
 *  innermost axes, one or more of them, make up D; weight [D] f32, f16 or bf16 (or NULL: all ones, weight_bias unused,
 * D the innermost extent). A per-head norm is this op on a [.., heads, head_dim] buffer with weight [head_dim]. In
 * place. Error: (D / 8 + 8) u relative to |out|. */
WEFT_API WEFT_CHECKED weft_status weft_rms_norm(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *weight,
                                                const weft_rms_norm_params *params, weft_buffer *out, weft_error *err);

/** Which two elements of a head turn together. */
typedef enum weft_rope_pairing {
    WEFT_ROPE_HALF_SPLIT = 0, /**< (i, i + pair_offset): Llama, Qwen, Gemma as Hugging Face stores them */
    WEFT_ROPE_INTERLEAVED = 1 /**< (2i, 2i + 1) */
} weft_rope_pairing;

/** Of weft_rope(). */
typedef struct weft_rope_params {
    double theta;            /**< base of the frequencies; > 0 */
    uint32_t rotary_dims;    /**< even, <= head_dim: pairs turned = rotary_dims / 2; the rest is copied. 0 = head_dim */
    uint32_t frequency_dims; /**< denominator of the exponent: angle = position * theta^(-2i / frequency_dims).
                                  0 = rotary_dims */
    weft_rope_pairing pairing;
    uint32_t pair_offset;  /**< half-split: >= rotary_dims / 2, pair_offset + rotary_dims / 2 <= head_dim,
                                0 = rotary_dims / 2; interleaved: 0 */
    double position_scale; /**< multiplies positions (linear context stretching); >= 0, 0 = 1 */
} weft_rope_params;

/** out = x turned by position. x, out [T, H, head_dim] f32, positions [T] i32 (any value >= 0). In place.
 *  Angles are computed in double. Error: 4 u times the length of the pair, for angles below 2^24. */
WEFT_API WEFT_CHECKED weft_status weft_rope(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *positions,
                                            const weft_rope_params *params, weft_buffer *out, weft_error *err);

/* ---- contractions ---- */

/** out [M, N] f32 = x [M, K] f32 times the transpose of weight [N, K] (f32, f16, bf16); x and out may have more leading
 *  axes, taken together as M. With K = 0 out becomes zeros. `cpu` accumulates in f32, in an order that depends on shape
 *  and ISA but not on threads.
 *  Error: (K / 8 + 16) u * sum_k |x w|. */
WEFT_API WEFT_CHECKED weft_status weft_matmul(weft_encoder *encoder, const weft_buffer *x, const weft_buffer *weight,
                                              weft_buffer *out, weft_error *err);

/** Of weft_attention(). */
typedef struct weft_attention_params {
    float scale;            /**< multiplies q.k; > 0. Usually 1 / sqrt(head_dim) */
    uint32_t kv_length;     /**< valid rows of k and v, the new ones included; T <= kv_length <= capacity */
    uint32_t window;        /**< query p sees keys in (p - window, p]; 0 = all */
    float soft_cap;         /**< scores become cap * tanh(score / cap); >= 0, 0 = off */
    uint32_t bidirectional; /**< 0: causal; 1: every query sees all kv_length keys (window then counts both ways) */
} weft_attention_params;

/** out [T, H, D] = softmax(mask(scale * q k^T)) v. q, out f32; k, v [capacity, Hkv, D] f32, f16 or bf16, one dtype;
 *  H a multiple of Hkv, query head h uses key head h / (H / Hkv). Query t stands at position kv_length - T + t. Rows of
 *  k and v at and past kv_length are never read, nor those before the window of the first query.
 *  Error: (kv_length / 8 + 64 + (D / 4 + 32) s) u * max |v|, over the keys that the query sees, s being the largest
 *  scale * sum |q k| among them: rounding a score by so much changes what it weighs. */
WEFT_API WEFT_CHECKED weft_status weft_attention(weft_encoder *encoder, const weft_buffer *q, const weft_buffer *k,
                                                 const weft_buffer *v, const weft_attention_params *params,
                                                 weft_buffer *out, weft_error *err);

/* ---- choosing ---- */

/** Softmax over the innermost axis, maximum subtracted. f32. In place. A row of -inf only gives NaN.
 *  Error: (16 + D / 8) u relative, plus 1e-37. */
WEFT_API WEFT_CHECKED weft_status weft_softmax(weft_encoder *encoder, const weft_buffer *x, weft_buffer *out,
                                               weft_error *err);

/** out i32, one element for each row, = index of the largest of x [.., V] f32, the lowest index among equals. NaN in a
 *  row is WEFT_INVALID_ARGUMENT at the wait. 0 < V < 2^31. Exact. */
WEFT_API WEFT_CHECKED weft_status weft_argmax(weft_encoder *encoder, const weft_buffer *x, weft_buffer *out,
                                              weft_error *err);

/** The k largest of each row of x [.., V] f32, in falling order, the lower index first among equals: values [.., k] f32
 *  and indices i32 of the same shape, with as many rows. 0 < k <= V, k from the shape of @p values. NaN and V as in
 *  argmax. Exact. */
WEFT_API WEFT_CHECKED weft_status weft_top_k(weft_encoder *encoder, const weft_buffer *x, weft_buffer *values,
                                             weft_buffer *indices, weft_error *err);

/** Of weft_sample(). */
typedef struct weft_sample_params {
    float temperature; /**< logits are divided by it; 0 = greedy (argmax), the rest is then unused. >= 0, finite */
    uint32_t top_k;    /**< keep the k most likely; 0 = all */
    float top_p;       /**< keep the fewest most likely whose probabilities reach p; in (0, 1], 0 = 1 = all */
    float min_p;       /**< drop what is less likely than min_p times the most likely; in [0, 1] */
    uint64_t seed;     /**< of the draw */
    uint64_t draw;     /**< how many draws of this seed came before: the same (seed, draw, row) gives the same number */
} weft_sample_params;

/** out i32, one element for each row, = one index drawn per row of logits [.., V] f32. Order of the filters:
 * temperature, top_k, top_p (over the probabilities that top_k left), min_p. Ties and V as in argmax; candidates are
 * walked in falling order. NaN or a row without a finite logit is WEFT_INVALID_ARGUMENT at the wait. All devices give
 * the same index for the same logits: probabilities are summed in double. */
WEFT_API WEFT_CHECKED weft_status weft_sample(weft_encoder *encoder, const weft_buffer *logits,
                                              const weft_sample_params *params, weft_buffer *out, weft_error *err);

/* ---- fused: what two or three ops above do one after another, in one pass over memory. What stood between them is
 * not rounded to f32 unless said, so results may differ from theirs, within the bounds ---- */

/** out = rms_norm(x) * other: weft_rms_norm(), then weft_mul(). x, weight, params and out are those of weft_rms_norm(),
 *  other is f32 of the shape of x. In place over x or other. Error: (D / 8 + 9) u relative to |out|. */
WEFT_API WEFT_CHECKED weft_status weft_rms_norm_mul(weft_encoder *encoder, const weft_buffer *x,
                                                    const weft_buffer *weight, const weft_buffer *other,
                                                    const weft_rms_norm_params *params, weft_buffer *out,
                                                    weft_error *err);

/** sum = a + b, out = rms_norm(sum): weft_add(), then weft_rms_norm(). a, b, sum and out f32 of one shape, weight and
 *  params as in weft_rms_norm(). The norm is that of the sum as it is stored, which is rounded once. Each output may be
 *  in place over a or b, but they must not overlap. Error: u relative for sum, (D / 8 + 8) u relative to |out| for the
 *  norm of that sum. */
WEFT_API WEFT_CHECKED weft_status weft_add_rms_norm(weft_encoder *encoder, const weft_buffer *a, const weft_buffer *b,
                                                    const weft_buffer *weight, const weft_rms_norm_params *params,
                                                    weft_buffer *sum, weft_buffer *out, weft_error *err);

/** Of weft_rms_norm_rope(). */
typedef struct weft_rms_norm_rope_params {
    weft_rms_norm_params norm;
    weft_rope_params rope;
} weft_rms_norm_rope_params;

/** out = rms_norm(x) of each head, turned by position: weft_rms_norm(), then weft_rope(). x, out [T, H, head_dim] f32,
 *  weight [head_dim] f32, f16 or bf16 (or NULL), positions [T] i32 (any value >= 0). In place over x.
 *  Error: (head_dim / 8 + 12) u times the length of the pair after the norm, for angles below 2^24; relative for what
 *  does not turn. */
WEFT_API WEFT_CHECKED weft_status weft_rms_norm_rope(weft_encoder *encoder, const weft_buffer *x,
                                                     const weft_buffer *weight, const weft_buffer *positions,
                                                     const weft_rms_norm_rope_params *params, weft_buffer *out,
                                                     weft_error *err);

/** out [M, N] f32 = silu(gate) * up, where gate and up are x [M, K] f32 times the transposes of gate_weight and
 *  up_weight [N, K], both of one dtype (f32, f16, bf16): weft_matmul() twice, then weft_silu_mul(). Axes as in
 *  weft_matmul(). With K = 0 out becomes zeros.
 *  Error: 1.1 b (G (|up| + b U) + |silu(gate)| U) + 8 u |out|, where b = (K / 8 + 16) u, G = sum_k |x gate_weight| and
 *  U = sum_k |x up_weight|: no slope of silu is steeper than 1.1. */
WEFT_API WEFT_CHECKED weft_status weft_gate_up_silu(weft_encoder *encoder, const weft_buffer *x,
                                                    const weft_buffer *gate_weight, const weft_buffer *up_weight,
                                                    weft_buffer *out, weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
