#include "devices/ref/kernels.h"

#include "devices/host/args.h"
#include "kernels/ref/ref.h"
#include "ops/ops_impl.h"

static weft_status run_copy(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    weft__copy_args args = weft__host_copy_args(dispatch);
    weft__ref_copy(&args);
    return WEFT_OK;
}

static weft_status run_embedding(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch;
    weft__embedding_args args = weft__host_embedding_args(dispatch);
    return weft__host_fault(dispatch, weft__ref_embedding(&args), err);
}

const weft__ref_kernel weft__ref_kernel_copy = {.kernel = {&weft__op_copy}, .run = run_copy};
const weft__ref_kernel weft__ref_kernel_embedding = {.kernel = {&weft__op_embedding}, .run = run_embedding};
