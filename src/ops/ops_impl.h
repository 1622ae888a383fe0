/* What ops share among themselves and show to the devices: their definitions, parameters with the defaults filled in,
 * and the pieces that their checks are made of. */
#ifndef WEFT_OPS_OPS_IMPL_H
#define WEFT_OPS_OPS_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/ops.h>

#include "runtime/buffer_impl.h"
#include "runtime/op_impl.h"

/* weft_op.index of each: the order of ops.h. */
enum {
    WEFT__OP_ADD,
    WEFT__OP_MUL,
    WEFT__OP_SCALE,
    WEFT__OP_SILU_MUL,
    WEFT__OP_GELU_MUL,
    WEFT__OP_COPY,
    WEFT__OP_EMBEDDING,
    WEFT__OP_RMS_NORM,
    WEFT__OP_ROPE,
    WEFT__OP_MATMUL,
    WEFT__OP_ATTENTION,
    WEFT__OP_SOFTMAX,
    WEFT__OP_ARGMAX,
    WEFT__OP_TOP_K,
    WEFT__OP_SAMPLE,
    WEFT__OP_RMS_NORM_MUL,
    WEFT__OP_ADD_RMS_NORM,
    WEFT__OP_RMS_NORM_ROPE,
    WEFT__OP_GATE_UP_SILU,
    WEFT__OP_COUNT
};

/* Arguments stand in the order of the typed functions. */
extern const weft_op weft__op_add, weft__op_mul, weft__op_scale, weft__op_silu_mul, weft__op_gelu_mul, weft__op_copy,
    weft__op_embedding, weft__op_rms_norm, weft__op_rope, weft__op_matmul, weft__op_attention, weft__op_softmax,
    weft__op_argmax, weft__op_top_k, weft__op_sample, weft__op_rms_norm_mul, weft__op_add_rms_norm,
    weft__op_rms_norm_rope, weft__op_gate_up_silu;

/* ---- parameters ---- */

/* Of ops whose typed function takes a plain number: what dispatch->params points at. */
typedef struct weft__scale_params {
    float factor;
} weft__scale_params;

typedef struct weft__embedding_params {
    float scale;
} weft__embedding_params;

/* The box of a copy, with rank 0 turned into all elements in one axis. */
typedef struct weft__copy_box {
    uint32_t rank; /* 1 to 4 */
    uint64_t extent[4];
    uint64_t source_offset, target_offset; /* elements of the argument */
    uint64_t source_stride[4], target_stride[4];
} weft__copy_box;

void weft__copy_resolve(const weft_dispatch *dispatch, weft__copy_box *out);

/* The parameters of rope with the defaults filled in. */
typedef struct weft__rope_geometry {
    uint64_t rotary_dims, frequency_dims, pair_offset;
    double position_scale;
} weft__rope_geometry;

static inline weft__rope_geometry weft__rope_resolve(const weft_rope_params *params, uint64_t head_dim)
{
    uint64_t rotary = params->rotary_dims ? params->rotary_dims : head_dim;
    return (weft__rope_geometry){
        .rotary_dims = rotary,
        .frequency_dims = params->frequency_dims ? params->frequency_dims : rotary,
        .pair_offset = params->pair_offset ? params->pair_offset : rotary / 2,
        .position_scale = params->position_scale != 0 ? params->position_scale : 1,
    };
}

/* ---- shapes ---- */

/* Product of all axes but the innermost: the rows of [.., D]. Saturates, like weft_shape_elements. */
uint64_t weft__buffer_rows(const weft_buffer *buffer);

/* The length of the rows that a norm works on; `weight` may be NULL. */
static inline uint64_t weft__rms_norm_dims(const weft_buffer *x, const weft_buffer *weight)
{
    return weight ? weft__buffer_elements(weight) : weft__buffer_columns(x);
}

/* ---- checks; all return WEFT_OK or fill in `err` ---- */

#define WEFT__ARGUMENT_TEXT_BYTES 256
typedef char weft__argument_text[WEFT__ARGUMENT_TEXT_BYTES];

/* "x [2, 3] f32" into `text`, which is returned. */
const char *weft__argument_describe(const weft_dispatch *dispatch, uint32_t argument, weft__argument_text text);

/* The failures behind the checks below. */
weft_status weft__fail_dtype(const weft_dispatch *dispatch, uint32_t argument, const char *takes, weft_error *err);
weft_status weft__fail_unlike(const weft_dispatch *dispatch, uint32_t argument, uint32_t like, const char *what,
                              weft_error *err);
weft_status weft__fail_rank(const weft_dispatch *dispatch, uint32_t argument, uint32_t rank, weft_error *err);

#define WEFT__FLOATS "f32, f16 or bf16"

/* f32, f16 and bf16 are the first three dtypes. */
static inline bool weft__takes_float(const weft_buffer *buffer)
{
    return (uint32_t)buffer->dtype <= (uint32_t)WEFT_BF16;
}

static inline bool weft__same_shape(const weft_buffer *a, const weft_buffer *b)
{
    if (a->shape.rank != b->shape.rank)
        return false;
    for (uint32_t axis = 0; axis < a->shape.rank; axis++)
        if (a->shape.extent[axis] != b->shape.extent[axis])
            return false;
    return true;
}

static inline weft_status weft__check_float(const weft_dispatch *dispatch, uint32_t argument, weft_error *err)
{
    return weft__takes_float(dispatch->arguments[argument]) ? WEFT_OK
                                                            : weft__fail_dtype(dispatch, argument, WEFT__FLOATS, err);
}

static inline weft_status weft__check_dtype(const weft_dispatch *dispatch, uint32_t argument, weft_dtype dtype,
                                            weft_error *err)
{
    return dispatch->arguments[argument]->dtype == dtype
               ? WEFT_OK
               : weft__fail_dtype(dispatch, argument, weft_dtype_name(dtype), err);
}

static inline weft_status weft__check_shape_like(const weft_dispatch *dispatch, uint32_t argument, uint32_t like,
                                                 weft_error *err)
{
    return weft__same_shape(dispatch->arguments[argument], dispatch->arguments[like])
               ? WEFT_OK
               : weft__fail_unlike(dispatch, argument, like, "shape", err);
}

static inline weft_status weft__check_rank(const weft_dispatch *dispatch, uint32_t argument, uint32_t rank,
                                           weft_error *err)
{
    return dispatch->arguments[argument]->shape.rank == rank ? WEFT_OK : weft__fail_rank(dispatch, argument, rank, err);
}

/* An f32 buffer of the shape of argument `like`. */
static inline weft_status weft__check_f32_like(const weft_dispatch *dispatch, uint32_t argument, uint32_t like,
                                               weft_error *err)
{
    weft_status status = weft__check_dtype(dispatch, argument, WEFT_F32, err);
    return status == WEFT_OK ? weft__check_shape_like(dispatch, argument, like, err) : status;
}

/* What an op with a norm in it asks of the norm's parameters, of argument `x` and of argument `weight`, which may be
 * left out. */
weft_status weft__check_rms_norm(const weft_dispatch *dispatch, const weft_rms_norm_params *params, uint32_t x,
                                 uint32_t weight, weft_error *err);

/* ---- costs ---- */

/* Saturating, since a cost is not worth an error. */
static inline uint64_t weft__flops_times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static inline uint64_t weft__flops_plus(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* Of the norm of `x`. */
uint64_t weft__flops_rms_norm(const weft_rms_norm_params *params, const weft_buffer *x, const weft_buffer *weight);

#endif
