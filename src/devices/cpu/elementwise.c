#include "devices/cpu/cpu_impl.h"
#include "devices/host/args.h"

static size_t elements_of(const weft_dispatch *dispatch)
{
    return weft__buffer_elements(dispatch->arguments[0]);
}

static weft__cpu_split split_plain(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    (void)tables;
    return weft__cpu_split_rows(elements_of(dispatch), 1, 1);
}

/* An exponential for each element. */
static weft__cpu_split split_activation(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    (void)tables;
    return weft__cpu_split_rows(elements_of(dispatch), 1, 4);
}

static weft_status run_binary(const weft__cpu_task *task, weft__binary_kernel *kernel)
{
    const weft_dispatch *dispatch = task->dispatch;
    size_t begin, end;
    weft__cpu_share(task, elements_of(dispatch), &begin, &end);
    kernel(dispatch->arguments[0]->dtype, weft__dispatch_data(dispatch, 0), weft__dispatch_data(dispatch, 1),
           weft__dispatch_data(dispatch, 2), begin, end);
    return WEFT_OK;
}

static weft_status run_add(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    return run_binary(task, task->tables->kernels->add);
}

static weft_status run_mul(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    return run_binary(task, task->tables->kernels->mul);
}

static weft_status run_silu_mul(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    return run_binary(task, task->tables->kernels->silu_mul);
}

static weft_status run_gelu_mul(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    return run_binary(task, task->tables->kernels->gelu_mul);
}

static weft_status run_scale(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    const weft_dispatch *dispatch = task->dispatch;
    const weft__scale_params *params = dispatch->params;
    size_t begin, end;
    weft__cpu_share(task, elements_of(dispatch), &begin, &end);
    task->tables->kernels->scale(dispatch->arguments[0]->dtype, weft__dispatch_data(dispatch, 0), params->factor,
                                 weft__dispatch_data(dispatch, 1), begin, end);
    return WEFT_OK;
}

static size_t box_elements(const weft__copy_args *args)
{
    size_t elements = 1;
    for (uint32_t axis = 0; axis < args->rank; axis++)
        elements *= (size_t)args->extent[axis];
    return elements;
}

static weft__cpu_split split_copy(const weft__cpu_tables *tables, const weft_dispatch *dispatch)
{
    (void)tables;
    weft__copy_args args = weft__host_copy_args(dispatch);
    return weft__cpu_split_rows(box_elements(&args), 1, 1);
}

static weft_status run_copy(const weft__cpu_task *task, weft_error *err)
{
    (void)err;
    weft__copy_args args = weft__host_copy_args(task->dispatch);
    size_t begin, end;
    weft__cpu_share(task, box_elements(&args), &begin, &end);
    task->tables->kernels->copy(&args, begin, end);
    return WEFT_OK;
}

const weft__cpu_kernel weft__cpu_kernel_add = {{&weft__op_add}, split_plain, run_add, NULL};
const weft__cpu_kernel weft__cpu_kernel_mul = {{&weft__op_mul}, split_plain, run_mul, NULL};
const weft__cpu_kernel weft__cpu_kernel_scale = {{&weft__op_scale}, split_plain, run_scale, NULL};
const weft__cpu_kernel weft__cpu_kernel_silu_mul = {{&weft__op_silu_mul}, split_activation, run_silu_mul, NULL};
const weft__cpu_kernel weft__cpu_kernel_gelu_mul = {{&weft__op_gelu_mul}, split_activation, run_gelu_mul, NULL};
const weft__cpu_kernel weft__cpu_kernel_copy = {{&weft__op_copy}, split_copy, run_copy, NULL};
