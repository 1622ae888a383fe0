/* The kernels of the device `ref`: one per op, over kernels/ref. */
#ifndef WEFT_DEVICES_REF_KERNELS_H
#define WEFT_DEVICES_REF_KERNELS_H

#include "runtime/device_impl.h"

typedef struct weft__ref_kernel {
    weft__kernel kernel; /* must be first */
    /* Bytes of scratch memory, aligned to 64, that `run` needs; NULL: none. */
    size_t (*scratch_bytes)(const weft_dispatch *dispatch);
    weft_status (*run)(const weft_dispatch *dispatch, void *scratch, weft_error *err);
} weft__ref_kernel;

extern const weft__ref_kernel weft__ref_kernel_add, weft__ref_kernel_mul, weft__ref_kernel_scale,
    weft__ref_kernel_silu_mul, weft__ref_kernel_gelu_mul, weft__ref_kernel_copy, weft__ref_kernel_embedding,
    weft__ref_kernel_rms_norm, weft__ref_kernel_rope, weft__ref_kernel_matmul, weft__ref_kernel_attention,
    weft__ref_kernel_softmax, weft__ref_kernel_argmax, weft__ref_kernel_top_k, weft__ref_kernel_sample,
    weft__ref_kernel_rms_norm_mul, weft__ref_kernel_add_rms_norm, weft__ref_kernel_rms_norm_rope,
    weft__ref_kernel_gate_up_silu;

#endif
