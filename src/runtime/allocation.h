/* Making and ending allocations; buffers and pools stand on this. */
#ifndef WEFT_RUNTIME_ALLOCATION_H
#define WEFT_RUNTIME_ALLOCATION_H

#include "runtime/buffer_impl.h"

/* Device memory of zeros, with one reference. `row_bytes` as in weft__allocation. */
weft_status weft__allocation_create(weft_device *device, size_t bytes, size_t row_bytes, weft__allocation **out,
                                    weft_error *err);
/* Frees device memory and record; for one without references. */
void weft__allocation_free(weft__allocation *allocation);
/* Drops a reference; the last one frees the memory or hands it to its pool. */
void weft__allocation_release(weft__allocation *allocation);

/* Checks dtype and shape and computes the bytes of a buffer. */
weft_status weft__buffer_size(weft_dtype dtype, const weft_shape *shape, size_t *out_bytes, weft_error *err);
/* The bytes of a row of a buffer: of all indices of the innermost axis. 0 below rank 2. */
size_t weft__buffer_row_bytes(weft_dtype dtype, const weft_shape *shape);
/* A handle on all of an allocation, whose reference it takes over, also on failure. */
weft_status weft__buffer_over(weft__allocation *allocation, weft_dtype dtype, const weft_shape *shape, size_t bytes,
                              weft_buffer **out, weft_error *err);

/* Takes back an allocation that nothing uses any more. */
void weft__pool_take_back(weft_pool *pool, weft__allocation *allocation);

#endif
