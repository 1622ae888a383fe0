/* Buffers, views and pools.
 *
 * A buffer is typed memory of a device with a dtype and a shape. A view is a buffer too: a checked sub-range of another
 * buffer's elements, with a shape of its own; views of views compose, and offsets count from the first element of what
 * they are taken from. Memory starts as zeros and lives as long as the last buffer, view or command buffer that uses
 * it: destroying a buffer whose work is in flight is safe.
 *
 * The host may write a buffer only when no submitted work uses its memory, and read it only when none writes it. "No
 * submitted work" means: the host has waited for it. Otherwise write and read give WEFT_INVALID_STATE, always, not just
 * when the race would have been lost. The unit of this check is the whole allocation.
 *
 * Threads: handles are immutable, so several threads may use one; who destroys it must be the last. */
#ifndef WEFT_BUFFER_H
#define WEFT_BUFFER_H

#include <weft/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Typed bytes on a device, or a view of some. Opaque. */
typedef struct weft_buffer weft_buffer;

/** Makes a buffer of zeros.
 *  @param out  owned by the caller until weft_buffer_destroy(); NULL on failure.
 *  WEFT_INVALID_ARGUMENT for a bad dtype or rank, WEFT_OUT_OF_RANGE if the size does not fit, WEFT_OUT_OF_MEMORY. */
WEFT_API WEFT_CHECKED weft_status weft_buffer_create(weft_device *device, weft_dtype dtype, const weft_shape *shape,
                                                     weft_buffer **out, weft_error *err);

/** Makes a buffer over host memory of the caller, without a copy, on devices that work in host memory (`ref`, `cpu`);
 *  WEFT_UNSUPPORTED on others. The device only reads it: an op that would write it is WEFT_INVALID_ARGUMENT.
 *  @param data     aligned to the element size, unchanged and valid until @p release is called.
 *  @param release  called once with @p context, from any thread, when the last user is gone; may be NULL. Not called
 * when this function fails. */
WEFT_API WEFT_CHECKED weft_status weft_buffer_wrap(weft_device *device, weft_dtype dtype, const weft_shape *shape,
                                                   const void *data, void (*release)(void *context), void *context,
                                                   weft_buffer **out, weft_error *err);

/** Makes a view of the elements [offset, offset + elements(shape)) of @p buffer; outside of it is WEFT_OUT_OF_RANGE. */
WEFT_API WEFT_CHECKED weft_status weft_buffer_view(weft_buffer *buffer, size_t offset_elements, const weft_shape *shape,
                                                   weft_buffer **out, weft_error *err);

/** Gives a buffer or view back. NULL is fine. */
WEFT_API void weft_buffer_destroy(weft_buffer *buffer);

/** Copies host bytes into the buffer, at an offset from the first byte of the buffer or view. WEFT_OUT_OF_RANGE past
 * its end, WEFT_INVALID_STATE while submitted work may use the memory (see above). */
WEFT_API WEFT_CHECKED weft_status weft_buffer_write(weft_buffer *buffer, size_t offset_bytes, const void *data,
                                                    size_t bytes, weft_error *err);

/** Copies bytes of the buffer to the host. Errors as weft_buffer_write(). What a failed command buffer should have
 *  written is unspecified. */
WEFT_API WEFT_CHECKED weft_status weft_buffer_read(const weft_buffer *buffer, size_t offset_bytes, void *data,
                                                   size_t bytes, weft_error *err);

/** Dtype, shape, size and place of a buffer. Any thread. */
WEFT_API weft_dtype weft_buffer_dtype(const weft_buffer *buffer);
WEFT_API weft_shape weft_buffer_shape(const weft_buffer *buffer);
/** Bytes of the buffer or view itself, never of the allocation behind it. Any thread. */
WEFT_API size_t weft_buffer_bytes(const weft_buffer *buffer);
/** First byte, counted from the start of the allocation. Any thread. */
WEFT_API size_t weft_buffer_offset_bytes(const weft_buffer *buffer);
/** The device; borrowed. Any thread. */
WEFT_API weft_device *weft_buffer_device(const weft_buffer *buffer);

/** Names the allocation behind a buffer in hazard reports, for all views of it. Copied, cut at 47 bytes. Call it before
 *  other threads use the buffer. */
WEFT_API void weft_buffer_set_label(weft_buffer *buffer, const char *label);

/** Recycles memory. A buffer from a pool is destroyed like any other; its memory then goes back to the pool, exactly
 * once and only when nothing uses it any more, so that no memory can ever be handed out twice. Sizes are rounded up to
 * buckets (at most a quarter more, but at least 64 bytes); what is reused is cleared to zeros first. */
typedef struct weft_pool weft_pool;

/** Makes an empty pool. Threads: any number may use it. */
WEFT_API WEFT_CHECKED weft_status weft_pool_create(weft_device *device, weft_pool **out, weft_error *err);

/** Frees what the pool holds and gives the pool back. NULL is fine. Buffers from it stay valid; their memory is freed
 *  when they are done. */
WEFT_API void weft_pool_destroy(weft_pool *pool);

/** As weft_buffer_create(), from the pool. */
WEFT_API WEFT_CHECKED weft_status weft_pool_buffer(weft_pool *pool, weft_dtype dtype, const weft_shape *shape,
                                                   weft_buffer **out, weft_error *err);

/** Frees the memory that the pool holds ready. */
WEFT_API void weft_pool_trim(weft_pool *pool);

/** What a pool holds and has handed out. */
typedef struct weft_pool_info {
    uint64_t free_count; /**< allocations held ready */
    uint64_t free_bytes;
    uint64_t used_count; /**< allocations handed out and not yet back */
    uint64_t used_bytes; /**< with the rounding to buckets */
    uint64_t reuses;     /**< requests served without a new allocation */
} weft_pool_info;

/** Fills @p out. Any thread. */
WEFT_API void weft_pool_get_info(const weft_pool *pool, weft_pool_info *out);

#ifdef __cplusplus
}
#endif
#endif
