#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"
#include "base/size.h"
#include "base/status.h"
#include "runtime/allocation.h"
#include "runtime/device_impl.h"
#include "runtime/label.h"

weft_status weft__allocation_create(weft_device *device, size_t bytes, size_t row_bytes, weft__allocation **out,
                                    weft_error *err)
{
    *out = NULL;
    weft__allocation *allocation = calloc(1, sizeof *allocation);
    if (!allocation)
        return weft__fail_memory(err, sizeof *allocation, "a buffer");
    atomic_init(&allocation->references, 1);
    allocation->device = device;
    allocation->bytes = bytes;
    allocation->row_bytes = row_bytes;
    allocation->id = atomic_fetch_add_explicit(&device->next_allocation_id, 1, memory_order_relaxed) + 1;
    weft_status status = device->table->memory_create(device, bytes, allocation, err);
    if (status) {
        free(allocation);
        return status;
    }
    weft__device_retain(device);
    atomic_fetch_add_explicit(&device->counters.bytes_allocated, bytes, memory_order_relaxed);
    *out = allocation;
    return WEFT_OK;
}

void weft__allocation_free(weft__allocation *allocation)
{
    weft_device *device = allocation->device;
    if (allocation->read_only) {
        if (allocation->release)
            allocation->release(allocation->release_context);
    } else {
        device->table->memory_destroy(device, allocation);
        atomic_fetch_sub_explicit(&device->counters.bytes_allocated, allocation->bytes, memory_order_relaxed);
    }
    free(allocation);
    weft__device_release(device);
}

void weft__allocation_release(weft__allocation *allocation)
{
    if (atomic_fetch_sub_explicit(&allocation->references, 1, memory_order_acq_rel) != 1)
        return;
    if (allocation->pool)
        weft__pool_take_back(allocation->pool, allocation);
    else
        weft__allocation_free(allocation);
}

weft_status weft__buffer_size(weft_dtype dtype, const weft_shape *shape, size_t *out_bytes, weft_error *err)
{
    size_t element_bytes = weft_dtype_bytes(dtype);
    *out_bytes = 0;
    if (!element_bytes)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Value %d is not a dtype that a buffer can have.", (int)dtype);
    if (shape->rank > WEFT_RANK_MAX)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A shape of rank %u was given; the highest is %d.", shape->rank,
                          WEFT_RANK_MAX);
    uint64_t elements = weft_shape_elements(shape);
    if (elements > PTRDIFF_MAX / element_bytes) {
        char text[WEFT_SHAPE_TEXT_BYTES];
        return weft__fail(err, WEFT_OUT_OF_RANGE, "A buffer of shape %s %s does not fit into the address space.",
                          weft_shape_text(shape, text), weft_dtype_name(dtype));
    }
    *out_bytes = (size_t)elements * element_bytes;
    return WEFT_OK;
}

size_t weft__buffer_row_bytes(weft_dtype dtype, const weft_shape *shape)
{
    return shape->rank < 2 ? 0 : (size_t)shape->extent[shape->rank - 1] * weft_dtype_bytes(dtype);
}

weft_status weft__buffer_over(weft__allocation *allocation, weft_dtype dtype, const weft_shape *shape, size_t bytes,
                              weft_buffer **out, weft_error *err)
{
    weft_buffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer) {
        weft__allocation_release(allocation);
        return weft__fail_memory(err, sizeof *buffer, "a buffer handle");
    }
    atomic_init(&buffer->references, 1);
    buffer->dtype = dtype;
    buffer->shape = *shape;
    buffer->allocation = allocation;
    buffer->data = allocation->data;
    buffer->bytes = bytes;
    *out = buffer;
    return WEFT_OK;
}

weft_status weft_buffer_create(weft_device *device, weft_dtype dtype, const weft_shape *shape, weft_buffer **out,
                               weft_error *err)
{
    *out = NULL;
    size_t bytes;
    weft__allocation *allocation;
    weft_status status = weft__buffer_size(dtype, shape, &bytes, err);
    if (status == WEFT_OK)
        status = weft__allocation_create(device, bytes, weft__buffer_row_bytes(dtype, shape), &allocation, err);
    if (status)
        return status;
    return weft__buffer_over(allocation, dtype, shape, bytes, out, err);
}

weft_status weft_buffer_wrap(weft_device *device, weft_dtype dtype, const weft_shape *shape, const void *data,
                             void (*release)(void *context), void *context, weft_buffer **out, weft_error *err)
{
    *out = NULL;
    size_t bytes;
    weft_status status = weft__buffer_size(dtype, shape, &bytes, err);
    if (status)
        return status;
    if (!device->table->works_in_host_memory)
        return weft__fail(err, WEFT_UNSUPPORTED, "Device '%s' does not work in host memory, so it cannot wrap any.",
                          device->table->scheme);
    if (!data && bytes)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Memory to wrap is NULL, and its shape has %zu bytes.", bytes);
    if ((uintptr_t)data % weft_dtype_bytes(dtype))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Memory to wrap as %s is not aligned to %zu bytes.",
                          weft_dtype_name(dtype), weft_dtype_bytes(dtype));
    weft__allocation *allocation = calloc(1, sizeof *allocation);
    if (!allocation)
        return weft__fail_memory(err, sizeof *allocation, "a wrapped buffer");
    atomic_init(&allocation->references, 1);
    allocation->device = device;
    allocation->bytes = bytes;
    allocation->id = atomic_fetch_add_explicit(&device->next_allocation_id, 1, memory_order_relaxed) + 1;
    allocation->read_only = true;
    allocation->data = (void *)(uintptr_t)data;
    weft__device_retain(device);
    status = weft__buffer_over(allocation, dtype, shape, bytes, out, err);
    if (status == WEFT_OK) { /* only now is it ours: on failure the caller keeps it */
        allocation->release = release;
        allocation->release_context = context;
    }
    return status;
}

weft_status weft_buffer_view(weft_buffer *buffer, size_t offset_elements, const weft_shape *shape, weft_buffer **out,
                             weft_error *err)
{
    *out = NULL;
    size_t bytes;
    weft_status status = weft__buffer_size(buffer->dtype, shape, &bytes, err);
    if (status)
        return status;
    size_t element_bytes = weft_dtype_bytes(buffer->dtype);
    size_t available = buffer->bytes / element_bytes;
    size_t wanted = bytes / element_bytes;
    if (offset_elements > available || wanted > available - offset_elements)
        return weft__fail(err, WEFT_OUT_OF_RANGE,
                          "A view of %zu elements at offset %zu ends outside of its buffer, which has %zu elements.",
                          wanted, offset_elements, available);
    atomic_fetch_add_explicit(&buffer->allocation->references, 1, memory_order_relaxed);
    status = weft__buffer_over(buffer->allocation, buffer->dtype, shape, bytes, out, err);
    if (status)
        return status;
    (*out)->offset_bytes = buffer->offset_bytes + offset_elements * element_bytes;
    if (buffer->data)
        (*out)->data = buffer->data + offset_elements * element_bytes;
    return WEFT_OK;
}

void weft__buffer_retain(const weft_buffer *buffer)
{
    weft_buffer *owned = (weft_buffer *)(uintptr_t)buffer;
    atomic_fetch_add_explicit(&owned->references, 1, memory_order_relaxed);
}

void weft__buffer_release(const weft_buffer *buffer)
{
    weft_buffer *owned = (weft_buffer *)(uintptr_t)buffer;
    if (atomic_fetch_sub_explicit(&owned->references, 1, memory_order_acq_rel) != 1)
        return;
    weft__allocation_release(owned->allocation);
    free(owned);
}

void weft_buffer_destroy(weft_buffer *buffer)
{
    if (buffer)
        weft__buffer_release(buffer);
}

/* Is [offset, offset + bytes) inside, and has the host waited for everything up to `needed`? */
static weft_status check_access(const weft_buffer *buffer, const char *verb, size_t offset, size_t bytes,
                                uint64_t needed, weft_error *err)
{
    if (offset > buffer->bytes || bytes > buffer->bytes - offset)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "Cannot %s %zu bytes at offset %zu of a buffer of %zu bytes.", verb,
                          bytes, offset, buffer->bytes);
    const weft__allocation *allocation = buffer->allocation;
    if (needed > atomic_load_explicit(&allocation->device->waited_sequence, memory_order_acquire))
        return weft__fail(
            err, WEFT_INVALID_STATE,
            "Cannot %s buffer%s%s: submitted command buffer %llu uses it, and nothing has waited for that.", verb,
            allocation->label[0] ? " " : "", allocation->label, (unsigned long long)needed);
    return WEFT_OK;
}

weft_status weft_buffer_write(weft_buffer *buffer, size_t offset_bytes, const void *data, size_t bytes, weft_error *err)
{
    weft__allocation *allocation = buffer->allocation;
    uint64_t needed = atomic_load_explicit(&allocation->last_use, memory_order_acquire);
    weft_status status = check_access(buffer, "write", offset_bytes, bytes, needed, err);
    if (status)
        return status;
    if (allocation->read_only)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Cannot write a buffer that wraps read-only memory.");
    const weft__device_table *table = allocation->device->table;
    if (table->memory_write)
        return table->memory_write(allocation->device, allocation, buffer->offset_bytes + offset_bytes, data, bytes,
                                   err);
    if (bytes)
        memcpy(buffer->data + offset_bytes, data, bytes);
    return WEFT_OK;
}

weft_status weft_buffer_read(const weft_buffer *buffer, size_t offset_bytes, void *data, size_t bytes, weft_error *err)
{
    const weft__allocation *allocation = buffer->allocation;
    uint64_t needed = atomic_load_explicit(&allocation->last_write, memory_order_acquire);
    weft_status status = check_access(buffer, "read", offset_bytes, bytes, needed, err);
    if (status)
        return status;
    const weft__device_table *table = allocation->device->table;
    if (table->memory_read)
        return table->memory_read(allocation->device, allocation, buffer->offset_bytes + offset_bytes, data, bytes,
                                  err);
    if (bytes)
        memcpy(data, buffer->data + offset_bytes, bytes);
    return WEFT_OK;
}

weft_dtype weft_buffer_dtype(const weft_buffer *buffer)
{
    return buffer->dtype;
}

weft_shape weft_buffer_shape(const weft_buffer *buffer)
{
    return buffer->shape;
}

size_t weft_buffer_bytes(const weft_buffer *buffer)
{
    return buffer->bytes;
}

size_t weft_buffer_offset_bytes(const weft_buffer *buffer)
{
    return buffer->offset_bytes;
}

weft_device *weft_buffer_device(const weft_buffer *buffer)
{
    return buffer->allocation->device;
}

void weft_buffer_set_label(weft_buffer *buffer, const char *label)
{
    weft__label_copy(buffer->allocation->label, label);
}
