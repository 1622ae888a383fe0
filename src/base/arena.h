/* A bump allocator: many small allocations that die together.
 *
 * Memory comes from malloc in chunks that grow from the first chunk's size to 1 MiB. A reset forgets every allocation
 * at once and keeps the chunks, so a loop that allocates the same things between two resets stops calling malloc after
 * its first round. A zeroed arena is empty and ready.
 *
 * Under the address sanitizer everything that is not allocated at the moment is poisoned, with a gap after each
 * allocation, so that an overrun or a use after a reset is reported like one of malloc's.
 *
 * Threads: one at a time. */
#ifndef WEFT_BASE_ARENA_H
#define WEFT_BASE_ARENA_H

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define WEFT__ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT__ARENA_POISONS 1
#endif
#endif
#ifndef WEFT__ARENA_POISONS
#define WEFT__ARENA_POISONS 0
#endif

typedef struct weft__arena_chunk weft__arena_chunk;

typedef struct weft__arena {
    unsigned char *at;          /* first free byte of the current chunk */
    unsigned char *end;         /* behind its last byte */
    weft__arena_chunk *current; /* where `at` is; the chunks after it are free */
    weft__arena_chunk *first;
    size_t next_chunk_bytes; /* size of the next chunk to be made; 0 for the default */
} weft__arena;

/* `first_chunk_bytes` is the payload of the first chunk, 0 for 4 KiB. Allocates nothing. */
void weft__arena_init(weft__arena *arena, size_t first_chunk_bytes);

/* Frees all chunks and leaves an empty arena. */
void weft__arena_destroy(weft__arena *arena);

/* Forgets all allocations, keeps the chunks. Cost: O(1), with the address sanitizer O(chunks). */
void weft__arena_reset(weft__arena *arena);

/* Bytes that the arena holds from malloc, chunk headers included. */
size_t weft__arena_held_bytes(const weft__arena *arena);

/* What weft__arena_alloc does when the current chunk is too small. */
void *weft__arena_alloc_slow(weft__arena *arena, size_t bytes, size_t alignment);

/* `bytes` bytes, not cleared, at a multiple of `alignment`, a power of two. They live until the next reset or destroy.
 * Zero bytes give a pointer like any other, of its own. NULL when out of memory, with the arena as it was. */
static inline void *weft__arena_alloc(weft__arena *arena, size_t bytes, size_t alignment)
{
    assert(alignment != 0 && (alignment & (alignment - 1)) == 0);
    if (WEFT__ARENA_POISONS)
        return weft__arena_alloc_slow(arena, bytes, alignment);
    size_t padding = (size_t)(-(uintptr_t)arena->at & (alignment - 1));
    size_t room = (size_t)(arena->end - arena->at);
    size_t need = bytes + (bytes == 0);
    if (__builtin_expect(need > room || padding > room - need, 0))
        return weft__arena_alloc_slow(arena, bytes, alignment);
    unsigned char *result = arena->at + padding;
    arena->at = result + need;
    return result;
}

/* `count` elements of `bytes` each; NULL too when the product does not fit. */
static inline void *weft__arena_alloc_array(weft__arena *arena, size_t count, size_t bytes, size_t alignment)
{
    size_t total;
    return __builtin_mul_overflow(count, bytes, &total) ? NULL : weft__arena_alloc(arena, total, alignment);
}

/* One object, or an array of them, of a type; not cleared. */
#define weft__arena_new(arena, type) ((type *)weft__arena_alloc((arena), sizeof(type), alignof(type)))
#define weft__arena_new_array(arena, type, count)                                                                      \
    ((type *)weft__arena_alloc_array((arena), (count), sizeof(type), alignof(type)))

#endif
