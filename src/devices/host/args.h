/* What the devices that compute in host memory share: from a recorded dispatch to the arguments of a kernel, and from
 * what a kernel found wrong with its data to a sentence. The dispatch has passed the checks of its op. */
#ifndef WEFT_DEVICES_HOST_ARGS_H
#define WEFT_DEVICES_HOST_ARGS_H

#include "kernels/args.h"
#include "kernels/cpu/matmul.h"
#include "runtime/op_impl.h"

weft__copy_args weft__host_copy_args(const weft_dispatch *dispatch);
weft__embedding_args weft__host_embedding_args(const weft_dispatch *dispatch);
/* Of rms_norm, and of the norm in a fused op: that of add_rms_norm has the sum as its x. */
weft__rms_norm_args weft__host_rms_norm_args(const weft_dispatch *dispatch);
/* Of rope, and of rms_norm_rope, which turns its out in place when the norm is there. */
weft__rope_args weft__host_rope_args(const weft_dispatch *dispatch);
/* Of matmul, and of the gate of gate_up_silu. */
weft__matmul_args weft__host_matmul_args(const weft_dispatch *dispatch);
weft__attention_args weft__host_attention_args(const weft_dispatch *dispatch);
weft__sample_args weft__host_sample_args(const weft_dispatch *dispatch);

/* WEFT_OK for WEFT__FAULT_NONE, otherwise the failure of the dispatch: a sentence to go behind the dispatch's name, see
 * weft__dispatch_fail_within. */
weft_status weft__host_fault(const weft_dispatch *dispatch, weft__fault fault, weft_error *err);

#endif
