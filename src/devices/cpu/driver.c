#include "devices/cpu/driver.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/status.h"
#include "devices/cpu/cpu_impl.h"

/* One dispatch of the group that is running. */
typedef struct entry {
    const weft_dispatch *dispatch;
    weft__cpu_split split;
    size_t first_task, first_merge_task; /* numbers within the group */
    size_t shared_offset;
} entry;

typedef struct weft__cpu_driver {
    weft_device *device;
    weft__threads *threads;
    weft__cpu_tables tables;
    weft__scratch *scratch; /* one for each thread */

    /* The group that is running. */
    entry *entries;
    size_t entry_count, entry_capacity;
    size_t tasks, merge_tasks;
    weft__scratch shared; /* of all dispatches, one after another */
    pthread_mutex_t fault_lock;
    size_t fault_task; /* of the failed task with the lowest number; SIZE_MAX: none */
    weft_error fault;
} weft__cpu_driver;

static weft_status choose_isa(weft__cpu_driver *driver, const char *name, weft_error *err)
{
    weft__isa isa = weft__isa_best();
    if (name[0] && !weft__isa_from_name(name, &isa))
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "There is no instruction set '%s'; the names are scalar, avx2 and avx512.", name);
    if (!weft__isa_available(isa))
        return weft__fail(err, WEFT_UNSUPPORTED, "This machine or build lacks the instruction set '%s'.", name);
    driver->tables.kernels = weft__cpu_kernels_for(isa);
    driver->tables.matmul = weft__matmul_kernels_for(isa);
    weft_device_info *info = &driver->device->info;
    (void)strncpy(info->isa, weft__isa_name(isa), sizeof info->isa - 1);
    return WEFT_OK;
}

static void close_driver(weft_device *device)
{
    weft__cpu_driver *driver = device->driver;
    weft__host_queue_stop(device); /* before the pool, which its thread works with */
    size_t count = driver->threads ? weft__threads_count(driver->threads) : 0;
    weft__threads_destroy(driver->threads);
    for (size_t i = 0; driver->scratch && i < count; i++)
        free(driver->scratch[i].data);
    free(driver->scratch);
    free(driver->shared.data);
    free(driver->entries);
    pthread_mutex_destroy(&driver->fault_lock);
    free(driver);
    device->driver = NULL;
}

static weft_status open_parts(weft__cpu_driver *driver, const weft__device_options *options, weft_error *err)
{
    weft_device *device = driver->device;
    weft_status status = choose_isa(driver, options->isa, err);
    if (status)
        return status;
    size_t count = options->threads ? options->threads : weft__min_size(weft__cpu_count(), WEFT__THREADS_MAX);
    device->info.threads = (uint32_t)count;
    driver->scratch = calloc(count, sizeof *driver->scratch);
    if (!driver->scratch)
        return weft__fail_memory(err, count * sizeof *driver->scratch, "the cpu device");
    status = weft__threads_create(count, WEFT__SPINS_DEFAULT, &driver->threads, err);
    return status ? status : weft__host_queue_start(device, options, err);
}

static weft_status open_driver(weft_device *device, const weft__device_options *options, weft_error *err)
{
    weft__cpu_driver *driver = calloc(1, sizeof *driver);
    if (!driver)
        return weft__fail_memory(err, sizeof *driver, "the cpu device");
    driver->device = device;
    device->driver = driver;
    pthread_mutex_init(&driver->fault_lock, NULL);
    device->info.memory_bytes = weft__host_memory_bytes();
    weft_status status = open_parts(driver, options, err);
    if (status)
        close_driver(device);
    return status;
}

static const weft__cpu_kernel *kernel_of(const weft_dispatch *dispatch)
{
    return (const weft__cpu_kernel *)(const void *)dispatch->kernel;
}

/* Cuts every dispatch of the group, and makes room for what its tasks need, before anything runs. */
static weft_status prepare_group(weft__cpu_driver *driver, const weft_dispatch *const *dispatches, size_t count,
                                 weft_error *err)
{
    weft_status status =
        weft__array_reserve_or_fail(&driver->entries, &driver->entry_capacity, 0, count, "a group of dispatches", err);
    size_t scratch_bytes = 0, shared_bytes = 0;
    driver->tasks = driver->merge_tasks = 0;
    for (size_t i = 0; status == WEFT_OK && i < count; i++) {
        weft__cpu_split split = kernel_of(dispatches[i])->split(&driver->tables, dispatches[i]);
        driver->entries[i] = (entry){dispatches[i], split, driver->tasks, driver->merge_tasks, shared_bytes};
        driver->tasks += split.tasks;
        driver->merge_tasks += split.merge_tasks;
        scratch_bytes = weft__max_size(scratch_bytes, split.scratch_bytes);
        shared_bytes += (split.shared_bytes + 63) & ~(size_t)63;
    }
    driver->entry_count = count;
    size_t threads = weft__threads_count(driver->threads);
    for (size_t i = 0; status == WEFT_OK && scratch_bytes && i < threads; i++)
        status = weft__scratch_reserve(&driver->scratch[i], scratch_bytes, err);
    if (status == WEFT_OK && shared_bytes)
        status = weft__scratch_reserve(&driver->shared, shared_bytes, err);
    return status;
}

/* Keeps the fault of the lowest task, so that what is reported does not depend on the threads. */
static void note_fault(weft__cpu_driver *driver, size_t task, const weft_dispatch *dispatch, const weft_error *error)
{
    pthread_mutex_lock(&driver->fault_lock);
    if (task < driver->fault_task) {
        driver->fault_task = task;
        driver->fault = *error;
        weft__dispatch_fail_within(&driver->fault, dispatch);
    }
    pthread_mutex_unlock(&driver->fault_lock);
}

static weft__cpu_task task_of(const weft__cpu_driver *driver, const entry *at, size_t index, size_t count)
{
    unsigned char *shared = driver->shared.data;
    return (weft__cpu_task){
        .tables = &driver->tables,
        .dispatch = at->dispatch,
        .index = index,
        .count = count,
        .shared = at->split.shared_bytes ? shared + at->shared_offset : NULL,
    };
}

/* Groups are short: a walk finds the dispatch of a task as fast as anything. */
static void run_task(void *context, size_t number, size_t worker)
{
    weft__cpu_driver *driver = context;
    const entry *at = driver->entries;
    while (number - at->first_task >= at->split.tasks)
        at++;
    weft__cpu_task task = task_of(driver, at, number - at->first_task, at->split.tasks);
    task.scratch = driver->scratch[worker].data;
    weft_error error;
    if (kernel_of(at->dispatch)->run(&task, &error))
        note_fault(driver, number, at->dispatch, &error);
}

static void run_merge_task(void *context, size_t number, size_t worker)
{
    (void)worker;
    weft__cpu_driver *driver = context;
    const entry *at = driver->entries;
    while (number - at->first_merge_task >= at->split.merge_tasks)
        at++;
    weft__cpu_task task = task_of(driver, at, number - at->first_merge_task, at->split.merge_tasks);
    weft_error error;
    if (kernel_of(at->dispatch)->merge(&task, &error))
        note_fault(driver, number, at->dispatch, &error);
}

/* Runs `count` tasks: on all threads, unless there are no more than dispatches. Those are small then, and waking
 * anybody would take longer. */
static void run_all(weft__cpu_driver *driver, size_t count, weft__task_function *function)
{
    if (count > driver->entry_count) {
        weft__threads_run(driver->threads, count, function, driver);
        return;
    }
    for (size_t task = 0; task < count; task++)
        function(driver, task, 0);
}

/* All tasks of all dispatches of a group are one run of the pool: threads meet at barriers only. */
static weft_status run_group(weft_device *device, const weft_dispatch *const *dispatches, size_t count, weft_error *err)
{
    weft__cpu_driver *driver = device->driver;
    weft_status status = prepare_group(driver, dispatches, count, err);
    if (status)
        return status;
    driver->fault_task = SIZE_MAX;
    run_all(driver, driver->tasks, run_task);
    if (driver->merge_tasks && driver->fault_task == SIZE_MAX)
        run_all(driver, driver->merge_tasks, run_merge_task);
    return driver->fault_task == SIZE_MAX ? WEFT_OK : weft__fail_copy(err, &driver->fault);
}

static const weft__kernel *const kernels[] = {
    &weft__cpu_kernel_add.kernel,          &weft__cpu_kernel_mul.kernel,
    &weft__cpu_kernel_scale.kernel,        &weft__cpu_kernel_silu_mul.kernel,
    &weft__cpu_kernel_gelu_mul.kernel,     &weft__cpu_kernel_copy.kernel,
    &weft__cpu_kernel_embedding.kernel,    &weft__cpu_kernel_rms_norm.kernel,
    &weft__cpu_kernel_rope.kernel,         &weft__cpu_kernel_matmul.kernel,
    &weft__cpu_kernel_attention.kernel,    &weft__cpu_kernel_softmax.kernel,
    &weft__cpu_kernel_argmax.kernel,       &weft__cpu_kernel_top_k.kernel,
    &weft__cpu_kernel_sample.kernel,       &weft__cpu_kernel_rms_norm_mul.kernel,
    &weft__cpu_kernel_add_rms_norm.kernel, &weft__cpu_kernel_rms_norm_rope.kernel,
    &weft__cpu_kernel_gate_up_silu.kernel,
};

const weft__device_table weft__cpu_device = {
    .scheme = "cpu",
    .description = "this machine's CPU",
    .accepts = WEFT__ACCEPTS_THREADS | WEFT__ACCEPTS_ISA | WEFT__ACCEPTS_SHUFFLE,
    .kernels = kernels,
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .open = open_driver,
    .close = close_driver,
    .works_in_host_memory = true,
    .memory_create = weft__host_memory_create,
    .memory_destroy = weft__host_memory_destroy,
    .submit = weft__host_submit,
    .run_group = run_group,
};
