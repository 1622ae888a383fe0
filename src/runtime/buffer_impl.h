/* Inside of buffers: allocations and the handles onto them. */
#ifndef WEFT_RUNTIME_BUFFER_IMPL_H
#define WEFT_RUNTIME_BUFFER_IMPL_H

#include <stdatomic.h>

#include <weft/buffer.h>

/* One piece of device memory, shared by all handles onto it. */
typedef struct weft__allocation {
    _Atomic uint32_t references;
    weft_device *device;            /* retained */
    struct weft_pool *pool;         /* retained; where the memory goes in the end, or NULL */
    struct weft__allocation *next;  /* in the pool's free list */
    uint64_t id;                    /* unique on the device; never reused */
    size_t bytes;                   /* real size, with any rounding of a pool */
    size_t row_bytes;               /* of what it was made for; 0: none. A hint where to cut */
    void *data;                     /* host address on devices that work in host memory, else NULL */
    void *handle;                   /* the device's own */
    bool read_only;                 /* wrapped memory of the caller */
    void (*release)(void *context); /* of wrapped memory */
    void *release_context;
    /* Sequence numbers of the last submitted command buffers that use, and that write, this memory. */
    _Atomic uint64_t last_use, last_write;
    /* Where hazard trackers may find this allocation in their lists: a guess that each of them verifies. */
    _Atomic uint32_t tracker_hint;
    char label[48];
} weft__allocation;

struct weft_buffer {
    _Atomic uint32_t references;
    weft_dtype dtype;
    /* Ids of the command buffers that last retained this handle, and that last noted it as written: they save the
     * atomic counting for every further use in the same command buffer. */
    _Atomic uint64_t retained_by, written_by;
    weft__allocation *allocation; /* retained */
    unsigned char *data;          /* allocation->data + offset_bytes, or NULL */
    size_t offset_bytes;
    size_t bytes;
    weft_shape shape;
};

/* Handles are immutable to users, hence const; their counts are not. */
void weft__buffer_retain(const weft_buffer *buffer);
void weft__buffer_release(const weft_buffer *buffer);

/* Elements in the shape; the product was checked when the buffer was made. */
static inline size_t weft__buffer_elements(const weft_buffer *buffer)
{
    return buffer->bytes / weft_dtype_bytes(buffer->dtype);
}

/* Extent of the innermost axis; 1 for a scalar. */
static inline size_t weft__buffer_columns(const weft_buffer *buffer)
{
    return buffer->shape.rank ? (size_t)buffer->shape.extent[buffer->shape.rank - 1] : 1;
}

#endif
