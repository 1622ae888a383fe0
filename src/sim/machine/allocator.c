#include "sim/machine/allocator.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

typedef struct block {
    uint64_t first, bytes;
} block;

/* Blocks in ascending order. */
typedef struct blocks {
    block *list;
    size_t count, capacity;
} blocks;

/* Free blocks never touch one another, so that there is at most one more of them than of used ones. */
struct weft__allocator {
    char *name;
    uint64_t first, bytes, free_bytes;
    blocks used, free;
};

static bool reserve(blocks *of, size_t count)
{
    return weft__array_reserve(&of->list, &of->capacity, 0, count);
}

/* There must be room for it. */
static void insert(blocks *of, size_t index, block added)
{
    block *at = of->list + index;
    memmove(at + 1, at, (of->count - index) * sizeof *at);
    *at = added;
    of->count++;
}

static void erase(blocks *of, size_t index)
{
    block *at = of->list + index;
    of->count--;
    memmove(at, at + 1, (of->count - index) * sizeof *at);
}

/* The number of blocks that begin at or before an address. */
static size_t count_up_to(const blocks *of, uint64_t address)
{
    size_t low = 0, high = of->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (of->list[middle].first <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

weft_status weft__allocator_create(const char *name, uint64_t first, uint64_t bytes, weft__allocator **out,
                                   weft_error *err)
{
    *out = NULL;
    uint64_t end;
    if (__builtin_add_overflow(first, bytes, &end))
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "%s: %" PRIu64 " bytes from 0x%" PRIx64 " on go past the end of 64 bits.", name, bytes,
                          first);
    weft__allocator *allocator = calloc(1, sizeof *allocator);
    if (!allocator)
        return weft__fail_memory(err, sizeof *allocator, "an allocator");
    allocator->name = strdup(name);
    if (!allocator->name || !reserve(&allocator->free, 8) || !reserve(&allocator->used, 8)) {
        weft__allocator_destroy(allocator);
        return weft__fail_memory(err, 8 * sizeof(block), "an allocator");
    }
    allocator->first = first;
    allocator->bytes = allocator->free_bytes = bytes;
    if (bytes)
        insert(&allocator->free, 0, (block){first, bytes});
    *out = allocator;
    return WEFT_OK;
}

void weft__allocator_destroy(weft__allocator *allocator)
{
    if (!allocator)
        return;
    free(allocator->name);
    free(allocator->used.list);
    free(allocator->free.list);
    free(allocator);
}

/* Where `bytes` bytes would begin in a block. */
static bool fits(block hole, uint64_t bytes, uint64_t alignment, uint64_t *out_first)
{
    uint64_t padding = (alignment - (hole.first & (alignment - 1))) & (alignment - 1);
    *out_first = hole.first + padding;
    return padding < hole.bytes && bytes <= hole.bytes - padding;
}

weft_status weft__allocator_take(weft__allocator *allocator, uint64_t bytes, uint64_t alignment, uint64_t *out,
                                 weft_error *err)
{
    *out = 0;
    if (bytes == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: a block of 0 bytes was asked for.", allocator->name);
    if (alignment == 0 || (alignment & (alignment - 1)))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: the alignment %" PRIu64 " is no power of two.",
                          allocator->name, alignment);
    /* Room for the free blocks that there will be when everything has been given back, so that giving back never needs
     * memory: then as now there is at most one more than used ones. */
    if (!reserve(&allocator->used, allocator->used.count + 1) || !reserve(&allocator->free, allocator->used.count + 2))
        return weft__fail(err, WEFT_OUT_OF_MEMORY, "Out of memory: %s could not list its block number %zu.",
                          allocator->name, allocator->used.count + 1);
    blocks *holes = &allocator->free;
    uint64_t first = 0;
    size_t i = 0;
    while (i < holes->count && !fits(holes->list[i], bytes, alignment, &first))
        i++;
    if (i == holes->count)
        return weft__fail(err, WEFT_OUT_OF_MEMORY,
                          "%s: no room for %" PRIu64 " bytes aligned to %" PRIu64 "; %" PRIu64
                          " bytes are free, the largest block has %" PRIu64 ".",
                          allocator->name, bytes, alignment, allocator->free_bytes,
                          weft__allocator_describe(allocator).largest_free_bytes);
    block *hole = &holes->list[i];
    uint64_t before = first - hole->first, after = hole->bytes - before - bytes;
    hole->bytes = before;
    if (after && before)
        insert(holes, i + 1, (block){first + bytes, after});
    else if (after)
        *hole = (block){first + bytes, after};
    else if (!before)
        erase(holes, i);
    insert(&allocator->used, count_up_to(&allocator->used, first), (block){first, bytes});
    allocator->free_bytes -= bytes;
    *out = first;
    return WEFT_OK;
}

/* An address that is not the start of a used block; `before` counts the used blocks that begin before it. */
static weft_status fail_give_back(const weft__allocator *allocator, uint64_t address, size_t before, weft_error *err)
{
    if (address < allocator->first || address - allocator->first >= allocator->bytes)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "%s: 0x%" PRIx64 " was given back, but its addresses go from 0x%" PRIx64 " for %" PRIu64
                          " bytes.",
                          allocator->name, address, allocator->first, allocator->bytes);
    const block *used = before ? &allocator->used.list[before - 1] : NULL;
    if (used && address - used->first < used->bytes)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "%s: 0x%" PRIx64 " was given back, but is in the midst of the %" PRIu64
                          " bytes that begin at 0x%" PRIx64 ".",
                          allocator->name, address, used->bytes, used->first);
    return weft__fail(err, WEFT_INVALID_ARGUMENT,
                      "%s: 0x%" PRIx64 " was given back, but is free; perhaps it was given back before.",
                      allocator->name, address);
}

weft_status weft__allocator_give_back(weft__allocator *allocator, uint64_t address, weft_error *err)
{
    size_t index = count_up_to(&allocator->used, address);
    if (index == 0 || allocator->used.list[index - 1].first != address)
        return fail_give_back(allocator, address, index, err);
    block freed = allocator->used.list[--index];
    erase(&allocator->used, index);
    allocator->free_bytes += freed.bytes;
    blocks *holes = &allocator->free;
    size_t next = count_up_to(holes, address);
    bool joins_next = next < holes->count && holes->list[next].first == freed.first + freed.bytes;
    bool joins_last = next > 0 && holes->list[next - 1].first + holes->list[next - 1].bytes == freed.first;
    if (joins_next)
        freed.bytes += holes->list[next].bytes;
    if (joins_last)
        holes->list[next - 1].bytes += freed.bytes;
    if (joins_last && joins_next)
        erase(holes, next);
    else if (joins_next)
        holes->list[next] = freed;
    else if (!joins_last)
        insert(holes, next, freed);
    return WEFT_OK;
}

weft__allocator_stats weft__allocator_describe(const weft__allocator *allocator)
{
    weft__allocator_stats stats = {.bytes = allocator->bytes,
                                   .free_bytes = allocator->free_bytes,
                                   .used_blocks = allocator->used.count,
                                   .free_blocks = allocator->free.count};
    for (size_t i = 0; i < allocator->free.count; i++)
        if (allocator->free.list[i].bytes > stats.largest_free_bytes)
            stats.largest_free_bytes = allocator->free.list[i].bytes;
    return stats;
}
