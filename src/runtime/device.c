#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "runtime/budget_impl.h"
#include "runtime/clock.h"
#include "runtime/command_buffer.h"
#include "runtime/device_impl.h"
#include "runtime/device_trace.h"

/* How long a waiting host spins before it sleeps: about the time that a short command buffer takes. */
#define HOST_WAIT_SPINS 400u

static void free_device(weft_device *device)
{
    weft__gate_destroy(&device->finished);
    pthread_mutex_destroy(&device->lock);
    pthread_mutex_destroy(&device->registry_lock);
    free(device);
}

static void destroy(weft_device *device)
{
    device->table->close(device); /* joins its threads: nobody is left to wake through the gate */
    weft__device_trace_discard(device);
    while (device->idle) {
        weft__command_buffer *next = device->idle->next;
        weft__command_buffer_free(device->idle);
        device->idle = next;
    }
    free_device(device);
}

weft_status weft__device_create(const weft__device_table *table, const weft__device_options *options, weft_device **out,
                                weft_error *err)
{
    *out = NULL;
    weft_device *device = calloc(1, sizeof *device);
    if (!device)
        return weft__fail_memory(err, sizeof *device, "a device");
    device->table = table;
    atomic_init(&device->references, 1);
    for (size_t i = 0; i < table->kernel_count; i++)
        device->candidates[table->kernels[i]->op->index] = table->kernels[i];
    strncpy(device->info.scheme, table->scheme, sizeof device->info.scheme - 1);
    strncpy(device->info.description, table->description, sizeof device->info.description - 1);
    device->info.threads = 1;
    device->opened_ns = weft__clock_ns();
    weft_status status = weft__gate_init(&device->finished, 0, err);
    if (status) {
        free(device);
        return status;
    }
    pthread_mutex_init(&device->lock, NULL);
    pthread_mutex_init(&device->registry_lock, NULL);
    status = table->open(device, options, err);
    if (status) {
        free_device(device);
        return status;
    }
    *out = device;
    return WEFT_OK;
}

void weft__device_retain(weft_device *device)
{
    atomic_fetch_add_explicit(&device->references, 1, memory_order_relaxed);
}

void weft__device_release(weft_device *device)
{
    if (atomic_fetch_sub_explicit(&device->references, 1, memory_order_acq_rel) == 1)
        destroy(device);
}

/* Nothing can be submitted after this, so the last reference is never dropped by the device's own thread: what is in
 * flight gives its buffers back before the wait ends. */
void weft_device_close(weft_device *device)
{
    if (!device)
        return;
    pthread_mutex_lock(&device->lock);
    atomic_store_explicit(&device->closed, true, memory_order_relaxed);
    uint64_t last = device->submitted_sequence;
    pthread_mutex_unlock(&device->lock);
    weft__device_wait_for(device, last);
    weft__device_release(device);
}

void weft__device_wait_for(weft_device *device, uint64_t sequence)
{
    if (device->table->wait)
        device->table->wait(device, sequence, false);
    for (;;) {
        uint32_t seen = weft__gate_load(&device->finished);
        if (atomic_load_explicit(&device->finished_sequence, memory_order_acquire) >= sequence)
            break;
        (void)weft__gate_wait(&device->finished, seen, HOST_WAIT_SPINS);
    }
    uint64_t before = atomic_load_explicit(&device->waited_sequence, memory_order_relaxed);
    while (before < sequence && !atomic_compare_exchange_weak_explicit(&device->waited_sequence, &before, sequence,
                                                                       memory_order_acq_rel, memory_order_relaxed))
        ;
}

void weft_device_wait(weft_device *device)
{
    pthread_mutex_lock(&device->lock);
    uint64_t last = device->submitted_sequence;
    pthread_mutex_unlock(&device->lock);
    weft__device_sync(device, last);
}

void weft__device_sync(weft_device *device, uint64_t sequence)
{
    atomic_fetch_add_explicit(&device->counters.syncs, 1, memory_order_relaxed);
    uint64_t since_ps = device->trace ? weft_device_now_ps(device) : 0;
    if (device->table->wait)
        device->table->wait(device, sequence, true);
    weft__device_wait_for(device, sequence);
    if (device->trace)
        weft__device_trace_synced(device, since_ps);
}

uint64_t weft_device_now_ps(const weft_device *device)
{
    return device->table->now_ps ? device->table->now_ps(device) : (weft__clock_ns() - device->opened_ns) * 1000;
}

size_t weft_device_time_parts(const weft_device *device, weft_time_part *out, size_t capacity)
{
    return device->table->time_parts ? device->table->time_parts(device, out, capacity) : 0;
}

void weft_device_counters(const weft_device *device, weft_counters *out)
{
    const weft__live_counters *live = &device->counters;
    *out = (weft_counters){
        .command_buffers_created = atomic_load_explicit(&live->created, memory_order_relaxed),
        .command_buffers_submitted = atomic_load_explicit(&live->submitted, memory_order_relaxed),
        .command_buffers_completed = atomic_load_explicit(&live->completed, memory_order_relaxed),
        .command_buffers_failed = atomic_load_explicit(&live->failed, memory_order_relaxed),
        .dispatches = atomic_load_explicit(&live->dispatches, memory_order_relaxed),
        .barriers = atomic_load_explicit(&live->barriers, memory_order_relaxed),
        .barriers_inferred = atomic_load_explicit(&live->barriers_inferred, memory_order_relaxed),
        .fences_signalled = atomic_load_explicit(&live->fences_signalled, memory_order_relaxed),
        .fence_waits = atomic_load_explicit(&live->fence_waits, memory_order_relaxed),
        .syncs = atomic_load_explicit(&live->syncs, memory_order_relaxed),
        .bytes_allocated = atomic_load_explicit(&live->bytes_allocated, memory_order_relaxed),
    };
}

void weft_device_get_info(const weft_device *device, weft_device_info *out)
{
    *out = device->info;
}

weft_status weft__device_make_ready(weft_device *device, const weft_op *op, const weft__kernel **out, weft_error *err)
{
    const weft__kernel *candidate = device->candidates[op->index];
    if (!candidate)
        return weft__fail(err, WEFT_UNSUPPORTED, "Device '%s' has no kernel for op %s.", device->table->scheme,
                          op->name);
    weft_status status = WEFT_OK;
    pthread_mutex_lock(&device->registry_lock);
    if (!atomic_load_explicit(&device->ready[op->index], memory_order_relaxed)) {
        if (device->table->prepare)
            status = device->table->prepare(device, candidate, err);
        if (status == WEFT_OK) {
            atomic_store_explicit(&device->ready[op->index], candidate, memory_order_release);
            atomic_fetch_add_explicit(&device->ready_count, 1, memory_order_relaxed);
        }
    }
    pthread_mutex_unlock(&device->registry_lock);
    *out = candidate;
    return status;
}

size_t weft_device_kernels_ready(const weft_device *device)
{
    return atomic_load_explicit(&device->ready_count, memory_order_relaxed);
}
