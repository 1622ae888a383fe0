#include "devices/ref/kernels.h"

#include "devices/host/args.h"
#include "kernels/ref/ref.h"
#include "ops/ops_impl.h"
#include "runtime/host_device.h"

static weft_status run_softmax(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch, (void)err;
    const weft_buffer *x = dispatch->arguments[0];
    size_t rows = x->bytes ? (size_t)weft__buffer_rows(x) : 0; /* there may be any number of rows of nothing */
    weft__ref_softmax(weft__dispatch_data(dispatch, 0), weft__dispatch_data(dispatch, 1), rows,
                      weft__buffer_columns(x));
    return WEFT_OK;
}

static weft_status run_argmax(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch;
    const weft_buffer *x = dispatch->arguments[0];
    weft__fault fault = weft__ref_argmax(weft__dispatch_data(dispatch, 0), weft__dispatch_data(dispatch, 1),
                                         (size_t)weft__buffer_rows(x), weft__buffer_columns(x));
    return weft__host_fault(dispatch, fault, err);
}

static weft_status run_top_k(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    (void)scratch;
    const weft_buffer *x = dispatch->arguments[0];
    weft__fault fault = weft__ref_top_k(weft__dispatch_data(dispatch, 0), weft__dispatch_data(dispatch, 1),
                                        weft__dispatch_data(dispatch, 2), (size_t)weft__buffer_rows(x),
                                        weft__buffer_columns(x), weft__buffer_columns(dispatch->arguments[1]));
    return weft__host_fault(dispatch, fault, err);
}

static size_t sample_scratch_bytes(const weft_dispatch *dispatch)
{
    weft__sample_args args = weft__host_sample_args(dispatch);
    return weft__ref_sample_scratch_bytes(&args);
}

static weft_status run_sample(const weft_dispatch *dispatch, void *scratch, weft_error *err)
{
    weft__sample_args args = weft__host_sample_args(dispatch);
    return weft__host_fault(dispatch, weft__ref_sample(&args, 0, args.rows, scratch), err);
}

const weft__ref_kernel weft__ref_kernel_softmax = {.kernel = {&weft__op_softmax}, .run = run_softmax};
const weft__ref_kernel weft__ref_kernel_argmax = {.kernel = {&weft__op_argmax}, .run = run_argmax};
const weft__ref_kernel weft__ref_kernel_top_k = {.kernel = {&weft__op_top_k}, .run = run_top_k};
const weft__ref_kernel weft__ref_kernel_sample = {
    .kernel = {&weft__op_sample}, .scratch_bytes = sample_scratch_bytes, .run = run_sample};
