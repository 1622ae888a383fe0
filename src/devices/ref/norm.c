#include "devices/ref/kernels.h"

#include "devices/host/args.h"
#include "kernels/ref/ref.h"
#include "ops/ops_impl.h"
#include "runtime/host_device.h"

static weft_status run_rms_norm(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    weft__rms_norm_args args = weft__host_rms_norm_args(dispatch);
    weft__ref_rms_norm(&args);
    return WEFT_OK;
}

static weft_status run_rope(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch;
    weft__rope_args args = weft__host_rope_args(dispatch);
    return weft__host_fault(dispatch, weft__ref_rope(&args), err);
}

static weft_status run_rms_norm_mul(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    weft__rms_norm_args args = weft__host_rms_norm_args(dispatch);
    weft__ref_rms_norm_mul(&args, weft__dispatch_data(dispatch, 2));
    return WEFT_OK;
}

static weft_status run_add_rms_norm(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    weft__rms_norm_args args = weft__host_rms_norm_args(dispatch);
    weft__ref_add_rms_norm(&args, weft__dispatch_data(dispatch, 0), weft__dispatch_data(dispatch, 1),
                           weft__dispatch_data(dispatch, 3));
    return WEFT_OK;
}

static size_t rms_norm_rope_scratch_bytes(const weft_dispatch *dispatch)
{
    weft__rope_args args = weft__host_rope_args(dispatch);
    return weft__ref_rms_norm_rope_scratch_bytes(&args);
}

static weft_status run_rms_norm_rope(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    weft__rms_norm_args norm = weft__host_rms_norm_args(dispatch);
    weft__rope_args rope = weft__host_rope_args(dispatch);
    return weft__host_fault(dispatch, weft__ref_rms_norm_rope(&norm, &rope, scratch), err);
}

const weft__ref_kernel weft__ref_kernel_rms_norm = {.kernel = {&weft__op_rms_norm}, .run = run_rms_norm};
const weft__ref_kernel weft__ref_kernel_rope = {.kernel = {&weft__op_rope}, .run = run_rope};
const weft__ref_kernel weft__ref_kernel_rms_norm_mul = {.kernel = {&weft__op_rms_norm_mul}, .run = run_rms_norm_mul};
const weft__ref_kernel weft__ref_kernel_add_rms_norm = {.kernel = {&weft__op_add_rms_norm}, .run = run_add_rms_norm};
const weft__ref_kernel weft__ref_kernel_rms_norm_rope = {
    .kernel = {&weft__op_rms_norm_rope}, .scratch_bytes = rms_norm_rope_scratch_bytes, .run = run_rms_norm_rope};
