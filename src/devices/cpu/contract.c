/* Matrix products and attention. */
#include "devices/cpu/cpu_impl.h"
#include "devices/host/args.h"

static weft__cpu_split split_matmul(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    weft__matmul_args args = weft__host_matmul_args(dispatch);
    return (weft__cpu_split){
        .tasks = weft__matmul_tasks(tables->matmul, &args),
        .scratch_bytes = weft__matmul_scratch_bytes(tables->matmul, &args),
    };
}

static weft_status run_matmul(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    weft__matmul_args args = weft__host_matmul_args(task->dispatch);
    weft__matmul_run(task->tables->matmul, &args, task->index, task->scratch);
    return WEFT_OK;
}

static weft__gated_args gated_args(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    return (weft__gated_args){weft__host_matmul_args(dispatch), weft__dispatch_data(dispatch, 2),
                              tables->kernels->silu_mul};
}

static weft__cpu_split split_gate_up_silu(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    weft__gated_args args = gated_args(tables, dispatch);
    return (weft__cpu_split){
        .tasks = weft__gated_tasks(tables->matmul, &args),
        .scratch_bytes = weft__gated_scratch_bytes(tables->matmul, &args),
    };
}

static weft_status run_gate_up_silu(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    weft__gated_args args = gated_args(task->tables, task->dispatch);
    weft__gated_run(task->tables->matmul, &args, task->index, task->scratch);
    return WEFT_OK;
}

static weft__cpu_split split_attention(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    (void)tables;
    weft__attention_args args = weft__host_attention_args(dispatch);
    weft__attention_plan plan = weft__cpu_attention_plan(&args);
    /* Memory for the whole cache at once: it must not grow while tokens are decoded. */
    args.kv_length = (size_t)dispatch->arguments[1]->shape.extent[0];
    weft__attention_plan full = weft__cpu_attention_plan(&args);
    return (weft__cpu_split){plan.tasks, plan.merge_tasks, weft__max_size(plan.scratch_bytes, full.scratch_bytes),
                             weft__max_size(plan.shared_bytes, full.shared_bytes)};
}

static weft_status run_attention(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    weft__attention_args args = weft__host_attention_args(task->dispatch);
    task->tables->kernels->attention(&args, task->index, task->scratch, task->shared);
    return WEFT_OK;
}

static weft_status merge_attention(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    weft__attention_args args = weft__host_attention_args(task->dispatch);
    task->tables->kernels->attention_merge(&args, task->index, task->shared);
    return WEFT_OK;
}

const weft__cpu_kernel weft__cpu_kernel_matmul = {{&weft__op_matmul}, split_matmul, run_matmul, NULL};
const weft__cpu_kernel weft__cpu_kernel_gate_up_silu = {
    {&weft__op_gate_up_silu}, split_gate_up_silu, run_gate_up_silu, NULL};
const weft__cpu_kernel weft__cpu_kernel_attention = {
    {&weft__op_attention}, split_attention, run_attention, merge_attention};
