#include "devices/ref/kernels.h"

#include "kernels/ref/ref.h"
#include "ops/ops_impl.h"
#include "runtime/host_device.h"

typedef void binary_kernel(weft_dtype dtype, const void *a, const void *b, void *out, size_t count);

static weft_status run_binary(binary_kernel *kernel, const weft_dispatch *dispatch)
{
    const weft_buffer *out = dispatch->arguments[2];
    kernel(out->dtype, weft__dispatch_data(dispatch, 0), weft__dispatch_data(dispatch, 1), out->data,
           weft__buffer_elements(out));
    return WEFT_OK;
}

static weft_status run_add(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    return run_binary(weft__ref_add, dispatch);
}

static weft_status run_mul(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    return run_binary(weft__ref_mul, dispatch);
}

static weft_status run_silu_mul(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    return run_binary(weft__ref_silu_mul, dispatch);
}

static weft_status run_gelu_mul(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    return run_binary(weft__ref_gelu_mul, dispatch);
}

static weft_status run_scale(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    const weft_buffer *out = dispatch->arguments[1];
    const weft__scale_params *params = dispatch->params;
    weft__ref_scale(out->dtype, weft__dispatch_data(dispatch, 0), params->factor, out->data,
                    weft__buffer_elements(out));
    return WEFT_OK;
}

const weft__ref_kernel weft__ref_kernel_add = {.kernel = {&weft__op_add}, .run = run_add};
const weft__ref_kernel weft__ref_kernel_mul = {.kernel = {&weft__op_mul}, .run = run_mul};
const weft__ref_kernel weft__ref_kernel_scale = {.kernel = {&weft__op_scale}, .run = run_scale};
const weft__ref_kernel weft__ref_kernel_silu_mul = {.kernel = {&weft__op_silu_mul}, .run = run_silu_mul};
const weft__ref_kernel weft__ref_kernel_gelu_mul = {.kernel = {&weft__op_gelu_mul}, .run = run_gelu_mul};
