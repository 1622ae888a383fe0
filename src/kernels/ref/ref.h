/* The oracle: every op in the plainest C, sums and functions in double, one thread, no SIMD. Each result is what exact
 * arithmetic gives for the inputs, but for roundings of double and one rounding to the output dtype (f16 and bf16
 * elementwise results pass through f32 on the way, as on every device).
 *
 * See kernels/args.h for what the arguments mean. Pure functions; any thread. */
#ifndef WEFT_KERNELS_REF_REF_H
#define WEFT_KERNELS_REF_REF_H

#include "kernels/args.h"

/* Elementwise over `count` elements of f32, f16 or bf16; `out` may be an input. */
void weft__ref_add(weft_dtype dtype, const void *a, const void *b, void *out, size_t count);
void weft__ref_mul(weft_dtype dtype, const void *a, const void *b, void *out, size_t count);
void weft__ref_scale(weft_dtype dtype, const void *x, float factor, void *out, size_t count);
void weft__ref_silu_mul(weft_dtype dtype, const void *gate, const void *up, void *out, size_t count);
void weft__ref_gelu_mul(weft_dtype dtype, const void *gate, const void *up, void *out, size_t count);

/* gate * sigmoid(gate) * up, of one element. */
double weft__ref_silu_product(double gate, double up);

void weft__ref_copy(const weft__copy_args *args);

/* Faults: WEFT__FAULT_ID. */
weft__fault weft__ref_embedding(const weft__embedding_args *args);

void weft__ref_rms_norm(const weft__rms_norm_args *args);
/* The norm times `other`, as x; args->out may be x or `other`. */
void weft__ref_rms_norm_mul(const weft__rms_norm_args *args, const float *other);
/* First sum = a + b, all as x; then the norm of args->x, which is the sum. args->out may be a or b, if the sum is not.
 */
void weft__ref_add_rms_norm(const weft__rms_norm_args *args, const float *a, const float *b, float *sum);

/* Faults: WEFT__FAULT_POSITION. */
weft__fault weft__ref_rope(const weft__rope_args *args);
/* rope of the norm of each head, a row of `norm`; rope->x is unused. `scratch` holds
 * weft__ref_rms_norm_rope_scratch_bytes, aligned as a double. Faults: WEFT__FAULT_POSITION. */
size_t weft__ref_rms_norm_rope_scratch_bytes(const weft__rope_args *args);
weft__fault weft__ref_rms_norm_rope(const weft__rms_norm_args *norm, const weft__rope_args *rope, void *scratch);

/* x [m, k], weight [n, k] f32, f16 or bf16, out [m, n]. */
void weft__ref_matmul(size_t m, size_t n, size_t k, const float *x, weft_dtype weight_dtype, const void *weight,
                      float *out);
/* The same with two weights: out = silu(x gate^T) * (x up^T). */
void weft__ref_gate_up_silu(size_t m, size_t n, size_t k, const float *x, weft_dtype weight_dtype,
                            const void *gate_weight, const void *up_weight, float *out);

/* `scratch` holds weft__ref_attention_scratch_bytes, aligned as a double. */
size_t weft__ref_attention_scratch_bytes(const weft__attention_args *args);
void weft__ref_attention(const weft__attention_args *args, void *scratch);

/* x, out [rows, dims]; out may be x. */
void weft__ref_softmax(const float *x, float *out, size_t rows, size_t dims);

/* x [rows, dims], 0 < dims <= INT32_MAX, out [rows]. Faults: WEFT__FAULT_NAN. */
weft__fault weft__ref_argmax(const float *x, int32_t *out, size_t rows, size_t dims);

/* x [rows, dims], values and indices [rows, k], 0 < k <= dims <= INT32_MAX. Faults: WEFT__FAULT_NAN. */
weft__fault weft__ref_top_k(const float *x, float *values, int32_t *indices, size_t rows, size_t dims, size_t k);

/* Draws one index for each of rows [begin, end); `cpu` uses this too, so that both choose alike. A logit of +inf takes
 * all of the probability, shared with its equals. `scratch` holds weft__ref_sample_scratch_bytes, aligned as an
 * int32_t. Faults: WEFT__FAULT_NAN, WEFT__FAULT_NO_FINITE. */
size_t weft__ref_sample_scratch_bytes(const weft__sample_args *args);
weft__fault weft__ref_sample(const weft__sample_args *args, size_t begin, size_t end, void *scratch);

#endif
