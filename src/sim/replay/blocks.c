#include "sim/replay/blocks.h"

#include <stdlib.h>

#include "base/size.h"

#define BLOCK_LEAST 64

/* Rounds *bytes up to the size of its class and gives the class; none (false) for sizes that are not kept. */
static bool find_class(size_t *bytes, size_t *out_class)
{
    if (*bytes > WEFT__BLOCK_KEPT_BYTES)
        return false;
    if (*bytes <= BLOCK_LEAST) {
        *bytes = BLOCK_LEAST;
        *out_class = 0;
        return true;
    }
    /* With p the power of two below: p + 1/4 p, p + 2/4 p, p + 3/4 p, 2 p. */
    size_t doubling = 63 - (size_t)__builtin_clzll((unsigned long long)(*bytes - 1));
    size_t step = (size_t)1 << (doubling - 2);
    size_t steps = (*bytes - 1 - ((size_t)1 << doubling)) / step + 1;
    *bytes = ((size_t)1 << doubling) + steps * step;
    *out_class = (doubling - 6) * 4 + steps;
    return true;
}

void weft__block_pool_destroy(weft__block_pool *pool)
{
    for (size_t i = 0; i < WEFT__BLOCK_CLASSES; i++) {
        while (pool->free[i]) {
            weft__free_block *block = pool->free[i];
            pool->free[i] = block->next;
            free(block);
        }
    }
}

void *weft__block_take(weft__block_pool *pool, size_t bytes)
{
    size_t class_index;
    if (find_class(&bytes, &class_index) && pool->free[class_index]) {
        weft__free_block *block = pool->free[class_index];
        pool->free[class_index] = block->next;
        return block;
    }
    /* aligned_alloc wants a multiple of the alignment; the small classes are not all one. */
    size_t rounded;
    return weft__size_align(bytes, BLOCK_LEAST, &rounded) ? aligned_alloc(BLOCK_LEAST, rounded) : NULL;
}

void weft__block_give(weft__block_pool *pool, void *block, size_t bytes)
{
    size_t class_index;
    if (!block)
        return;
    if (!find_class(&bytes, &class_index)) {
        free(block);
        return;
    }
    weft__free_block *given = block;
    given->next = pool->free[class_index];
    pool->free[class_index] = given;
}

weft__value_data *weft__value_data_create(weft__block_pool *pool, uint64_t bytes)
{
    size_t total;
    if (bytes > SIZE_MAX || !weft__size_add((size_t)bytes, BLOCK_LEAST, &total))
        return NULL;
    weft__value_data *buffer = weft__block_take(pool, total);
    if (!buffer)
        return NULL;
    *buffer = (weft__value_data){.bytes = (size_t)bytes, .references = 1};
    pool->data_bytes += bytes;
    if (pool->peak_bytes < pool->data_bytes)
        pool->peak_bytes = pool->data_bytes;
    return buffer;
}

void weft__value_data_release(weft__block_pool *pool, weft__value_data *buffer)
{
    if (!buffer || --buffer->references != 0)
        return;
    pool->data_bytes -= buffer->bytes;
    weft__block_give(pool, buffer, buffer->bytes + BLOCK_LEAST);
}
