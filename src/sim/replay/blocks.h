/* Memory for the data of values: reference-counted buffers, and plain blocks, of any size.
 *
 * Sizes are rounded up to classes, four to each doubling; what is given back waits in its class, so that a steady state
 * allocates nothing. Above WEFT__BLOCK_KEPT_BYTES a block goes straight back to malloc, whose cost is then nothing
 * beside that of filling the block.
 *
 * Threads: one at a time; the contents of buffers may be used by any. */
#ifndef WEFT_SIM_REPLAY_BLOCKS_H
#define WEFT_SIM_REPLAY_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEFT__BLOCK_CLASSES 64
#define WEFT__BLOCK_KEPT_BYTES ((size_t)1 << 20)

typedef struct weft__free_block {
    struct weft__free_block *next;
} weft__free_block;

/* All zero is an empty pool. */
typedef struct weft__block_pool {
    weft__free_block *free[WEFT__BLOCK_CLASSES];
    uint64_t data_bytes; /* of the buffers that live, as asked for */
    uint64_t peak_bytes; /* the most of these at once */
} weft__block_pool;

/* Frees what waits; all blocks and buffers must have been given back. */
void weft__block_pool_destroy(weft__block_pool *pool);

/* At least `bytes` bytes, aligned to 64, not cleared. NULL when out of memory. */
void *weft__block_take(weft__block_pool *pool, size_t bytes);

/* `bytes` as they were asked for. NULL is fine. */
void weft__block_give(weft__block_pool *pool, void *block, size_t bytes);

/* Bytes that several values may share. */
typedef struct weft__value_data {
    size_t bytes;
    uint32_t references;
} weft__value_data;

/* One reference for the caller; not cleared. NULL when out of memory. */
weft__value_data *weft__value_data_create(weft__block_pool *pool, uint64_t bytes);

static inline void weft__value_data_retain(weft__value_data *buffer)
{
    buffer->references++;
}

/* NULL is fine. */
void weft__value_data_release(weft__block_pool *pool, weft__value_data *buffer);

/* Aligned to 64. */
static inline unsigned char *weft__value_data_bytes(weft__value_data *buffer)
{
    return (unsigned char *)buffer + 64;
}

#endif
