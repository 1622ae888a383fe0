#include "base/arena.h"

#include <stdlib.h>

#include "base/size.h"

#if WEFT__ARENA_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

#define DEFAULT_CHUNK_BYTES ((size_t)4096)
#define LARGEST_GROWN_CHUNK_BYTES ((size_t)1 << 20)

/* Bytes left free after an allocation, and the least alignment, while the address sanitizer watches: it can tell
 * allocations apart only where they do not share eight bytes. */
#define GAP_BYTES ((size_t)(WEFT__ARENA_POISONS ? 8 : 0))
#define LEAST_ALIGNMENT ((size_t)(WEFT__ARENA_POISONS ? 8 : 1))

struct weft__arena_chunk {
    weft__arena_chunk *next;
    size_t bytes; /* of data */
    alignas(max_align_t) unsigned char data[];
};

void weft__arena_init(weft__arena *arena, size_t first_chunk_bytes)
{
    *arena = (weft__arena){.next_chunk_bytes = first_chunk_bytes};
}

void weft__arena_destroy(weft__arena *arena)
{
    for (weft__arena_chunk *chunk = arena->first; chunk;) {
        weft__arena_chunk *next = chunk->next;
        ASAN_UNPOISON_MEMORY_REGION(chunk->data, chunk->bytes);
        free(chunk);
        chunk = next;
    }
    *arena = (weft__arena){0};
}

static void enter_chunk(weft__arena *arena, weft__arena_chunk *chunk)
{
    arena->current = chunk;
    arena->at = chunk->data;
    arena->end = chunk->data + chunk->bytes;
}

void weft__arena_reset(weft__arena *arena)
{
    if (!arena->first)
        return;
    if (WEFT__ARENA_POISONS)
        for (weft__arena_chunk *chunk = arena->first; chunk; chunk = chunk->next)
            ASAN_POISON_MEMORY_REGION(chunk->data, chunk->bytes);
    enter_chunk(arena, arena->first);
}

size_t weft__arena_held_bytes(const weft__arena *arena)
{
    size_t held = 0;
    for (const weft__arena_chunk *chunk = arena->first; chunk; chunk = chunk->next)
        held += sizeof *chunk + chunk->bytes;
    return held;
}

/* Takes the allocation out of the current chunk if it has room for it. */
static void *take(weft__arena *arena, size_t need, size_t alignment)
{
    size_t padding = (size_t)(-(uintptr_t)arena->at & (alignment - 1));
    size_t room = (size_t)(arena->end - arena->at);
    if (need > room || padding > room - need)
        return NULL;
    unsigned char *result = arena->at + padding;
    arena->at = result + need;
    return result;
}

/* Links a chunk behind the current one: the order of use, which the next round after a reset will repeat. */
static void link_after_current(weft__arena *arena, weft__arena_chunk *chunk)
{
    weft__arena_chunk **link = arena->current ? &arena->current->next : &arena->first;
    chunk->next = *link;
    *link = chunk;
}

/* Finds a kept chunk of at least `bytes` and moves it to the place behind the current one. */
static weft__arena_chunk *reuse_chunk(weft__arena *arena, size_t bytes)
{
    weft__arena_chunk **link = arena->current ? &arena->current->next : &arena->first;
    for (; *link; link = &(*link)->next) {
        weft__arena_chunk *chunk = *link;
        if (chunk->bytes >= bytes) {
            *link = chunk->next;
            link_after_current(arena, chunk);
            return chunk;
        }
    }
    return NULL;
}

static weft__arena_chunk *make_chunk(weft__arena *arena, size_t bytes)
{
    size_t wanted = arena->next_chunk_bytes ? arena->next_chunk_bytes : DEFAULT_CHUNK_BYTES;
    size_t payload = weft__max_size(wanted, bytes);
    size_t total;
    if (!weft__size_add(sizeof(weft__arena_chunk), payload, &total))
        return NULL;
    weft__arena_chunk *chunk = malloc(total);
    if (!chunk)
        return NULL;
    chunk->bytes = payload;
    ASAN_POISON_MEMORY_REGION(chunk->data, chunk->bytes);
    link_after_current(arena, chunk);
    if (wanted < LARGEST_GROWN_CHUNK_BYTES)
        arena->next_chunk_bytes = weft__min_size(wanted * 2, LARGEST_GROWN_CHUNK_BYTES);
    return chunk;
}

void *weft__arena_alloc_slow(weft__arena *arena, size_t bytes, size_t alignment)
{
    alignment = weft__max_size(alignment, LEAST_ALIGNMENT);
    size_t need;
    size_t worst; /* with the padding that an unlucky chunk address costs */
    if (!weft__size_add(weft__max_size(bytes, 1), GAP_BYTES, &need) || !weft__size_add(need, alignment - 1, &worst))
        return NULL;
    void *result = take(arena, need, alignment);
    if (!result) {
        weft__arena_chunk *chunk = reuse_chunk(arena, worst);
        if (!chunk)
            chunk = make_chunk(arena, worst);
        if (!chunk)
            return NULL;
        enter_chunk(arena, chunk);
        result = take(arena, need, alignment);
    }
    ASAN_UNPOISON_MEMORY_REGION(result, bytes);
    return result;
}
