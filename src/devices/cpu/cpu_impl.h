/* Inside of the cpu device: its kernels, what they reach, and how a dispatch is cut into tasks. */
#ifndef WEFT_DEVICES_CPU_CPU_IMPL_H
#define WEFT_DEVICES_CPU_CPU_IMPL_H

#include <pthread.h>

#include "base/size.h"
#include "base/threads.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/matmul.h"
#include "ops/ops_impl.h"
#include "runtime/host_device.h"

/* How a dispatch is cut. Tasks run in any order and at once; the merge tasks, if any, after all tasks of the group.
 * Depends on the dispatch and the instruction set only, so that results do not depend on the number of threads. */
typedef struct weft__cpu_split {
    size_t tasks;
    size_t merge_tasks;
    size_t scratch_bytes; /* of each task, merge tasks excepted */
    size_t shared_bytes;  /* of the dispatch, kept from its tasks to its merge tasks */
} weft__cpu_split;

/* The numerics of one instruction set. */
typedef struct weft__cpu_tables {
    const weft__cpu_kernels *kernels;
    const weft__matmul_kernels *matmul;
} weft__cpu_tables;

/* One task: number `index` of `count`, with memory aligned to 64 bytes. */
typedef struct weft__cpu_task {
    const weft__cpu_tables *tables;
    const weft_dispatch *dispatch;
    size_t index, count;
    void *scratch, *shared;
} weft__cpu_task;

typedef struct weft__cpu_kernel {
    weft__kernel kernel; /* must be first */
    weft__cpu_split (*split)(const weft__cpu_tables *tables, const weft_dispatch *dispatch);
    weft_status (*run)(const weft__cpu_task *task, weft_error *err);
    weft_status (*merge)(const weft__cpu_task *task, weft_error *err); /* NULL: never any merge tasks */
} weft__cpu_kernel;

extern const weft__cpu_kernel weft__cpu_kernel_add, weft__cpu_kernel_mul, weft__cpu_kernel_scale,
    weft__cpu_kernel_silu_mul, weft__cpu_kernel_gelu_mul, weft__cpu_kernel_copy, weft__cpu_kernel_embedding,
    weft__cpu_kernel_rms_norm, weft__cpu_kernel_rope, weft__cpu_kernel_matmul, weft__cpu_kernel_attention,
    weft__cpu_kernel_softmax, weft__cpu_kernel_argmax, weft__cpu_kernel_top_k, weft__cpu_kernel_sample,
    weft__cpu_kernel_rms_norm_mul, weft__cpu_kernel_add_rms_norm, weft__cpu_kernel_rms_norm_rope,
    weft__cpu_kernel_gate_up_silu;

/* Items that make a task of about this much work worth handing to another thread: some 5 microseconds of it. */
#define WEFT__CPU_TASK_ELEMENTS 16384u

/* The items [*begin, *end) of a task, when `items` are cut evenly. */
static inline void weft__cpu_share(const weft__cpu_task *task, size_t items, size_t *begin, size_t *end)
{
    size_t each = items / task->count, more = items % task->count;
    *begin = task->index * each + weft__min_size(task->index, more);
    *end = *begin + each + (task->index < more);
}

/* Tasks for `rows` rows of `row_elements` elements, `cost` times as dear as an addition each; no row is cut. */
static inline weft__cpu_split weft__cpu_split_rows(size_t rows, size_t row_elements, size_t cost)
{
    size_t row_cost = weft__max_size(row_elements, 1) * cost;
    size_t rows_each = weft__max_size(WEFT__CPU_TASK_ELEMENTS / row_cost, 1);
    return (weft__cpu_split){.tasks = (size_t)weft__ceil_div(rows, rows_each)};
}

#endif
