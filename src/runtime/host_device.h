/* What devices that compute in host memory share: memory, a submission thread, the walk over a command buffer. A driver
 * adds its kernels and a way to run a group of dispatches. */
#ifndef WEFT_RUNTIME_HOST_DEVICE_H
#define WEFT_RUNTIME_HOST_DEVICE_H

#include "runtime/buffer_impl.h"
#include "runtime/device_impl.h"
#include "runtime/op_impl.h"

/* Scratch memory of one worker: grows before a group runs, never while it does. */
typedef struct weft__scratch {
    void *data; /* 64-byte aligned */
    size_t bytes;
} weft__scratch;

/* First element of an argument of a dispatch; NULL for an absent one. */
static inline void *weft__dispatch_data(const weft_dispatch *dispatch, uint32_t argument)
{
    const weft_buffer *buffer = dispatch->arguments[argument];
    return buffer ? (void *)buffer->data : NULL;
}

/* The parts of a device table that all host devices share: see device_impl.h. */
weft_status weft__host_memory_create(weft_device *device, size_t bytes, weft__allocation *allocation, weft_error *err);
void weft__host_memory_destroy(weft_device *device, weft__allocation *allocation);

/* Memory of the machine in bytes; 0 if unknown. */
uint64_t weft__host_memory_bytes(void);

/* Makes sure that scratch has `bytes` bytes; what was in it is lost. Free `data` with free(). */
weft_status weft__scratch_reserve(weft__scratch *scratch, size_t bytes, weft_error *err);

/* Puts "dispatch 3 (rope, layer 0 q)" before the message of a failed dispatch's error. */
void weft__dispatch_fail_within(weft_error *err, const weft_dispatch *dispatch);

/* Puts the dispatches of a group, at least one, into a random order that depends on nothing but the seed and the place
 * of the group. */
void weft__host_shuffle(uint64_t seed, const weft__command_buffer *commands, const weft_dispatch **group, size_t count);

/* The submission thread. A driver's open() calls start, its close() calls stop; its table's submit is
 * weft__host_submit. */
weft_status weft__host_queue_start(weft_device *device, const weft__device_options *options, weft_error *err);
void weft__host_queue_stop(weft_device *device);
void weft__host_submit(weft_device *device, weft__command_buffer *commands);

#endif
