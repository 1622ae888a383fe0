#include "devices/ref/kernels.h"

#include "devices/host/args.h"
#include "kernels/ref/ref.h"
#include "ops/ops_impl.h"
#include "runtime/host_device.h"

static weft_status run_matmul(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    weft__matmul_args args = weft__host_matmul_args(dispatch);
    weft__ref_matmul(args.m, args.n, args.k, args.x, args.weight_dtype, args.weight, args.out);
    return WEFT_OK;
}

static weft_status run_gate_up_silu(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    weft__matmul_args gate = weft__host_matmul_args(dispatch);
    weft__ref_gate_up_silu(gate.m, gate.n, gate.k, gate.x, gate.weight_dtype, gate.weight,
                           weft__dispatch_data(dispatch, 2), gate.out);
    return WEFT_OK;
}

static size_t attention_scratch_bytes(const weft_dispatch *dispatch)
{
    weft__attention_args args = weft__host_attention_args(dispatch);
    args.kv_length = (size_t)dispatch->arguments[1]->shape.extent[0]; /* it must not grow while tokens are decoded */
    return weft__ref_attention_scratch_bytes(&args);
}

static weft_status run_attention(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)err;
    weft__attention_args args = weft__host_attention_args(dispatch);
    weft__ref_attention(&args, scratch);
    return WEFT_OK;
}

const weft__ref_kernel weft__ref_kernel_matmul = {.kernel = {&weft__op_matmul}, .run = run_matmul};
const weft__ref_kernel weft__ref_kernel_gate_up_silu = {.kernel = {&weft__op_gate_up_silu}, .run = run_gate_up_silu};
const weft__ref_kernel weft__ref_kernel_attention = {
    .kernel = {&weft__op_attention}, .scratch_bytes = attention_scratch_bytes, .run = run_attention};
