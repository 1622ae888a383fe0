/* Ops that work row by row, or token by token. */
#include "devices/cpu/cpu_impl.h"
#include "devices/host/args.h"
#include "kernels/ref/ref.h"

static weft__cpu_split split_embedding(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    (void)tables;
    weft__embedding_args args = weft__host_embedding_args(dispatch);
    return weft__cpu_split_rows(args.tokens, args.dims, 1);
}

static weft_status run_embedding(const weft__cpu_task *task, weft_error *err)
{
    weft__embedding_args args = weft__host_embedding_args(task->dispatch);
    size_t begin, end;
    weft__cpu_share(task, args.tokens, &begin, &end);
    return weft__host_fault(task->dispatch, task->tables->kernels->embedding(&args, begin, end), err);
}

static weft__cpu_split split_rms_norm(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    (void)tables;
    weft__rms_norm_args args = weft__host_rms_norm_args(dispatch);
    return weft__cpu_split_rows(args.rows, args.dims, 2);
}

static weft_status run_rms_norm(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    weft__rms_norm_args args = weft__host_rms_norm_args(task->dispatch);
    size_t begin, end;
    weft__cpu_share(task, args.rows, &begin, &end);
    task->tables->kernels->rms_norm(&args, begin, end);
    return WEFT_OK;
}

static weft_status run_rms_norm_mul(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    weft__rms_norm_args args = weft__host_rms_norm_args(task->dispatch);
    size_t begin, end;
    weft__cpu_share(task, args.rows, &begin, &end);
    task->tables->kernels->rms_norm_mul(&args, weft__dispatch_data(task->dispatch, 2), begin, end);
    return WEFT_OK;
}

static weft_status run_add_rms_norm(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    weft__rms_norm_args args = weft__host_rms_norm_args(task->dispatch);
    size_t begin, end;
    weft__cpu_share(task, args.rows, &begin, &end);
    task->tables->kernels->add_rms_norm(&args, weft__dispatch_data(task->dispatch, 0),
                                        weft__dispatch_data(task->dispatch, 1), weft__dispatch_data(task->dispatch, 3),
                                        begin, end);
    return WEFT_OK;
}

static weft__cpu_split split_rope(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    (void)tables;
    weft__rope_args args = weft__host_rope_args(dispatch);
    /* A sine and a cosine for each pair of a token, whatever the heads; then little for each element. */
    weft__cpu_split split = weft__cpu_split_rows(args.tokens, args.heads * args.head_dim + 16 * args.rotary_dims, 2);
    split.scratch_bytes = weft__cpu_rope_scratch_bytes(&args);
    return split;
}

static weft_status run_rope(const weft__cpu_task *task, weft_error *err)
{
    weft__rope_args args = weft__host_rope_args(task->dispatch);
    size_t begin, end;
    weft__cpu_share(task, args.tokens, &begin, &end);
    return weft__host_fault(task->dispatch, task->tables->kernels->rope(&args, begin, end, task->scratch), err);
}

static weft_status run_rms_norm_rope(const weft__cpu_task *task, weft_error *err)
{
    weft__rms_norm_args norm = weft__host_rms_norm_args(task->dispatch);
    weft__rope_args args = weft__host_rope_args(task->dispatch);
    size_t begin, end;
    weft__cpu_share(task, args.tokens, &begin, &end);
    return weft__host_fault(task->dispatch,
                            task->tables->kernels->rms_norm_rope(&norm, &args, begin, end, task->scratch), err);
}

/* An empty buffer may have any number of rows of nothing. */
static size_t rows_of(const weft_dispatch *dispatch)
{
    const weft_buffer *x = dispatch->arguments[0];
    return x->bytes ? (size_t)weft__buffer_rows(x) : 0;
}

static weft__cpu_split split_softmax(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    (void)tables;
    return weft__cpu_split_rows(rows_of(dispatch), weft__buffer_columns(dispatch->arguments[0]), 4);
}

static weft_status run_softmax(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    const weft_dispatch *dispatch = task->dispatch;
    size_t begin, end;
    weft__cpu_share(task, rows_of(dispatch), &begin, &end);
    task->tables->kernels->softmax(weft__dispatch_data(dispatch, 0), weft__dispatch_data(dispatch, 1),
                                   weft__buffer_columns(dispatch->arguments[0]), begin, end);
    return WEFT_OK;
}

static weft__cpu_split split_choice(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    (void)tables;
    return weft__cpu_split_rows(rows_of(dispatch), weft__buffer_columns(dispatch->arguments[0]), 2);
}

static weft_status run_argmax(const weft__cpu_task *task, weft_error *err)
{
    const weft_dispatch *dispatch = task->dispatch;
    size_t begin, end;
    weft__cpu_share(task, rows_of(dispatch), &begin, &end);
    weft__fault fault =
        task->tables->kernels->argmax(weft__dispatch_data(dispatch, 0), weft__dispatch_data(dispatch, 1),
                                      weft__buffer_columns(dispatch->arguments[0]), begin, end);
    return weft__host_fault(dispatch, fault, err);
}

static weft_status run_top_k(const weft__cpu_task *task, weft_error *err)
{
    const weft_dispatch *dispatch = task->dispatch;
    size_t begin, end;
    weft__cpu_share(task, rows_of(dispatch), &begin, &end);
    weft__fault fault = task->tables->kernels->top_k(
        weft__dispatch_data(dispatch, 0), weft__dispatch_data(dispatch, 1), weft__dispatch_data(dispatch, 2),
        weft__buffer_columns(dispatch->arguments[0]), weft__buffer_columns(dispatch->arguments[1]), begin, end);
    return weft__host_fault(dispatch, fault, err);
}

static weft__cpu_split split_sample(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    (void)tables;
    weft__sample_args args = weft__host_sample_args(dispatch);
    weft__cpu_split split = weft__cpu_split_rows(args.rows, args.vocabulary, 8);
    split.scratch_bytes = weft__ref_sample_scratch_bytes(&args);
    return split;
}

static weft_status run_sample(const weft__cpu_task *task, weft_error *err)
{
    weft__sample_args args = weft__host_sample_args(task->dispatch);
    size_t begin, end;
    weft__cpu_share(task, args.rows, &begin, &end);
    return weft__host_fault(task->dispatch, weft__ref_sample(&args, begin, end, task->scratch), err);
}

const weft__cpu_kernel weft__cpu_kernel_embedding = {{&weft__op_embedding}, split_embedding, run_embedding, NULL};
const weft__cpu_kernel weft__cpu_kernel_rms_norm = {{&weft__op_rms_norm}, split_rms_norm, run_rms_norm, NULL};
const weft__cpu_kernel weft__cpu_kernel_rms_norm_mul = {
    {&weft__op_rms_norm_mul}, split_rms_norm, run_rms_norm_mul, NULL};
const weft__cpu_kernel weft__cpu_kernel_add_rms_norm = {
    {&weft__op_add_rms_norm}, split_rms_norm, run_add_rms_norm, NULL};
const weft__cpu_kernel weft__cpu_kernel_rms_norm_rope = {
    {&weft__op_rms_norm_rope}, split_rope, run_rms_norm_rope, NULL};
const weft__cpu_kernel weft__cpu_kernel_rope = {{&weft__op_rope}, split_rope, run_rope, NULL};
const weft__cpu_kernel weft__cpu_kernel_softmax = {{&weft__op_softmax}, split_softmax, run_softmax, NULL};
const weft__cpu_kernel weft__cpu_kernel_argmax = {{&weft__op_argmax}, split_choice, run_argmax, NULL};
const weft__cpu_kernel weft__cpu_kernel_top_k = {{&weft__op_top_k}, split_choice, run_top_k, NULL};
const weft__cpu_kernel weft__cpu_kernel_sample = {{&weft__op_sample}, split_sample, run_sample, NULL};
