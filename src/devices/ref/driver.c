#include "devices/ref/driver.h"

#include <stdlib.h>

#include "base/size.h"
#include "base/status.h"
#include "devices/ref/kernels.h"
#include "runtime/host_device.h"

static weft_status open_ref(weft_device *device, const weft__device_options *options, weft_error *err)
{
    weft__scratch *scratch = calloc(1, sizeof *scratch);
    if (!scratch)
        return weft__fail_memory(err, sizeof *scratch, "the device ref");
    device->driver = scratch;
    device->info.memory_bytes = weft__host_memory_bytes();
    weft_status status = weft__host_queue_start(device, options, err);
    if (status != WEFT_OK)
        free(scratch);
    return status;
}

static void close_ref(weft_device *device)
{
    weft__host_queue_stop(device);
    weft__scratch *scratch = device->driver;
    free(scratch->data);
    free(scratch);
}

static const weft__ref_kernel *kernel_of(const weft_dispatch *dispatch)
{
    return (const weft__ref_kernel *)(const void *)dispatch->kernel;
}

/* Scratch is there for the whole group before anything runs, so that want of memory leaves no group half done. */
static weft_status run_group(weft_device *device, const weft_dispatch *const *dispatches, size_t count, weft_error *err)
{
    weft__scratch *scratch = device->driver;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        const weft__ref_kernel *kernel = kernel_of(dispatches[i]);
        if (kernel->scratch_bytes)
            bytes = weft__max_size(bytes, kernel->scratch_bytes(dispatches[i]));
    }
    weft_status status = weft__scratch_reserve(scratch, bytes, err);
    for (size_t i = 0; i < count && status == WEFT_OK; i++) {
        status = kernel_of(dispatches[i])->run(dispatches[i], scratch->data, err);
        if (status != WEFT_OK)
            weft__dispatch_fail_within(err, dispatches[i]);
    }
    return status;
}

static const weft__kernel *const kernels[] = {
    &weft__ref_kernel_add.kernel,          &weft__ref_kernel_mul.kernel,
    &weft__ref_kernel_scale.kernel,        &weft__ref_kernel_silu_mul.kernel,
    &weft__ref_kernel_gelu_mul.kernel,     &weft__ref_kernel_copy.kernel,
    &weft__ref_kernel_embedding.kernel,    &weft__ref_kernel_rms_norm.kernel,
    &weft__ref_kernel_rope.kernel,         &weft__ref_kernel_matmul.kernel,
    &weft__ref_kernel_attention.kernel,    &weft__ref_kernel_softmax.kernel,
    &weft__ref_kernel_argmax.kernel,       &weft__ref_kernel_top_k.kernel,
    &weft__ref_kernel_sample.kernel,       &weft__ref_kernel_rms_norm_mul.kernel,
    &weft__ref_kernel_add_rms_norm.kernel, &weft__ref_kernel_rms_norm_rope.kernel,
    &weft__ref_kernel_gate_up_silu.kernel,
};

const weft__device_table weft__ref_device = {
    .scheme = "ref",
    .description = "plain C, sums and functions in double, one thread",
    .accepts = WEFT__ACCEPTS_SHUFFLE,
    .kernels = kernels,
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .open = open_ref,
    .close = close_ref,
    .works_in_host_memory = true,
    .memory_create = weft__host_memory_create,
    .memory_destroy = weft__host_memory_destroy,
    .submit = weft__host_submit,
    .run_group = run_group,
};
