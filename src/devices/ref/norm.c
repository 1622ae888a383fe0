#include "devices/ref/kernels.h"

#include "devices/host/args.h"
#include "kernels/ref/ref.h"
#include "ops/ops_impl.h"

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

const weft__ref_kernel weft__ref_kernel_rms_norm = {.kernel = {&weft__op_rms_norm}, .run = run_rms_norm};
const weft__ref_kernel weft__ref_kernel_rope = {.kernel = {&weft__op_rope}, .run = run_rope};
