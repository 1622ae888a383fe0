/* Gives out the bytes of one simulated memory: the lowest place that is large enough, so that the same calls give the
 * same addresses. What is given back joins the free blocks on both of its sides. One thread at a time. */
#ifndef WEFT_SIM_MACHINE_ALLOCATOR_H
#define WEFT_SIM_MACHINE_ALLOCATOR_H

#include "base/status.h"

typedef struct weft__allocator weft__allocator;

/* Over `bytes` bytes from the address `first` on, which must not go past the end of 64 bits. The name is for messages
 * and is copied; "sip0.cube3.pe7.hbm" say. */
weft_status weft__allocator_create(const char *name, uint64_t first, uint64_t bytes, weft__allocator **out,
                                   weft_error *err);
/* Accepts NULL, and blocks that are still in use. */
void weft__allocator_destroy(weft__allocator *allocator);

/* An address that is a multiple of `alignment`, with `bytes` bytes from there on that belong to nobody else.
 * WEFT_INVALID_ARGUMENT for 0 bytes and for an alignment that is no power of two; WEFT_OUT_OF_MEMORY if no free block
 * is large enough, or the host has no memory for the list of blocks. After a failure everything is as before. */
weft_status weft__allocator_take(weft__allocator *allocator, uint64_t bytes, uint64_t alignment, uint64_t *out,
                                 weft_error *err);

/* Gives back what weft__allocator_take gave. WEFT_INVALID_ARGUMENT, and nothing changes, for any other address. */
weft_status weft__allocator_give_back(weft__allocator *allocator, uint64_t address, weft_error *err);

typedef struct weft__allocator_stats {
    uint64_t bytes, free_bytes;
    uint64_t largest_free_bytes; /* in one block */
    size_t used_blocks, free_blocks;
} weft__allocator_stats;

weft__allocator_stats weft__allocator_describe(const weft__allocator *allocator);

#endif
