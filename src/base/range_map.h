/* Which payload belongs to which range: a map from half-open ranges [begin, end) of 64-bit addresses to 64-bit
 * payloads, a number or an id that the map does not interpret.
 *
 * The content is a function from addresses to a payload or nothing, kept as the shortest list of segments that
 * describes it: segments are not empty, do not overlap, and two that touch have different payloads. Assigning over a
 * part of a segment trims or splits it. UINT64_MAX itself is an end only, never a mapped address.
 *
 * The segments stand in order in leaves of up to WEFT__RANGE_LEAF_SEGMENTS, found through an array of the leaves' first
 * addresses. A small map is one leaf, so one short sorted array; a large one costs two binary searches and the move of
 * half a leaf. Memory is kept for reuse: after a clear the same sequence of calls allocates nothing.
 *
 * Costs, with n segments of which k overlap the range: O(log n + k) to search and visit; a change adds O(leaf), and O(n
 * / leaf) when a leaf is split, merged or dropped, a move of 16 bytes per leaf.
 *
 * Ranges with begin == end are empty: changing them does nothing, they contain and overlap nothing. begin > end is a
 * bug of the caller. A changing function that returns false is out of memory, and the map is as it was. A zeroed map is
 * empty and ready.
 *
 * Threads: one at a time, or many that only read. */
#ifndef WEFT_BASE_RANGE_MAP_H
#define WEFT_BASE_RANGE_MAP_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/status.h>

#define WEFT__RANGE_LEAF_SEGMENTS 64
#define WEFT__RANGE_HINTS 64u /* a power of two */

typedef struct weft__range {
    uint64_t begin;
    uint64_t end;
    uint64_t payload;
} weft__range;

typedef struct weft__range_leaf {
    struct weft__range_leaf *next_spare;
    size_t count;
    weft__range at[WEFT__RANGE_LEAF_SEGMENTS];
} weft__range_leaf;

/* All fields are private to the functions below. */
typedef struct weft__range_map {
    weft__range_leaf **leaves; /* in order; none is empty, except that one alone may be */
    uint64_t *starts;          /* begin of each leaf's first segment */
    size_t leaf_count;
    size_t leaf_capacity; /* of the two arrays */
    size_t count;         /* segments */
    weft__range_leaf *spare;
    size_t spare_count;
    weft__range *joined; /* segments on their way from leaves to other leaves */
    size_t joined_capacity;
    weft__range *pieces; /* what an update has made so far */
    size_t pieces_capacity;
} weft__range_map;

/* Where an iteration stands. */
typedef struct weft__range_cursor {
    const weft__range_map *map;
    size_t leaf;
    size_t index;
    uint64_t end;
} weft__range_cursor;

/* Frees all memory and leaves an empty map. */
void weft__range_map_destroy(weft__range_map *map);

void weft__range_map_clear_leaves(weft__range_map *map);

/* Removes everything, keeps the memory. */
static inline void weft__range_map_clear(weft__range_map *map)
{
    if (map->count != 0)
        weft__range_map_clear_leaves(map);
}

/* Segments. */
static inline size_t weft__range_map_count(const weft__range_map *map)
{
    return map->count;
}

bool weft__range_map_assign_slow(weft__range_map *map, uint64_t begin, uint64_t end, uint64_t payload) WEFT_CHECKED;

/* Gives every address of [begin, end) the payload. Here stands what a map does that is emptied often and mostly given
 * whole buffers: the first range after a clear, and the same single range again. */
WEFT_CHECKED static inline bool weft__range_map_assign(weft__range_map *map, uint64_t begin, uint64_t end,
                                                       uint64_t payload)
{
    assert(begin <= end);
    if (map->count <= 1 && map->leaf_count == 1 && begin < end) {
        weft__range_leaf *leaf = map->leaves[0];
        if (map->count == 0 || (leaf->at[0].begin == begin && leaf->at[0].end == end)) {
            leaf->at[0] = (weft__range){begin, end, payload};
            leaf->count = 1;
            map->starts[0] = begin;
            map->count = 1;
            return true;
        }
    }
    return weft__range_map_assign_slow(map, begin, end, payload);
}

/* Takes the payload from every address of [begin, end). Can run out of memory: a hole makes two segments of one. */
bool weft__range_map_erase(weft__range_map *map, uint64_t begin, uint64_t end) WEFT_CHECKED;

/* Decides about a piece of the range of an update: an intersection with one segment (`is_mapped`, with its payload) or
 * a gap between segments (payload 0). Returns true to map the piece to the payload that it leaves in it, false to leave
 * the piece unmapped. It must not change begin and end, nor touch the map. */
typedef bool weft__range_decide(void *context, weft__range *piece, bool is_mapped);

/* Replaces the content of [begin, end) by what `decide` says, called for each piece once, in order. When out of memory,
 * it may have been called. */
bool weft__range_map_update(weft__range_map *map, uint64_t begin, uint64_t end, weft__range_decide *decide,
                            void *context) WEFT_CHECKED;

/* The segment that contains the address, or NULL. Valid until the next change of the map. */
const weft__range *weft__range_map_find(const weft__range_map *map, uint64_t at);

const weft__range *weft__range_map_first_overlap_slow(const weft__range_map *map, uint64_t begin, uint64_t end,
                                                      weft__range_cursor *cursor);

/* The first segment that overlaps [begin, end), whole and not cut to the range, or NULL. The cursor is valid until the
 * next change of the map. */
static inline const weft__range *weft__range_map_first_overlap(const weft__range_map *map, uint64_t begin, uint64_t end,
                                                               weft__range_cursor *cursor)
{
    assert(begin <= end);
    if (map->count == 0 || begin >= end) {
        cursor->end = 0;
        return NULL;
    }
    return weft__range_map_first_overlap_slow(map, begin, end, cursor);
}

/* Where ranges were found, for who asks for the same ones over and over; zeroed it knows of none. What has changed in
 * the map since costs a search, as what was never asked for does. */
typedef struct weft__range_hints {
    uint16_t at[WEFT__RANGE_HINTS]; /* by the address that was asked for: leaf * WEFT__RANGE_LEAF_SEGMENTS + index */
} weft__range_hints;

/* weft__range_map_first_overlap, with hints of this map. */
static inline const weft__range *weft__range_map_recall(const weft__range_map *map, weft__range_hints *hints,
                                                        uint64_t begin, uint64_t end, weft__range_cursor *cursor)
{
    uint16_t *hint = &hints->at[begin * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (WEFT__RANGE_HINTS - 1)];
    size_t leaf = *hint / WEFT__RANGE_LEAF_SEGMENTS, index = *hint % WEFT__RANGE_LEAF_SEGMENTS;
    if (begin < end && leaf < map->leaf_count && index < map->leaves[leaf]->count) {
        const weft__range *range = &map->leaves[leaf]->at[index];
        if (range->begin <= begin && begin < range->end) {
            *cursor = (weft__range_cursor){.map = map, .leaf = leaf, .index = index, .end = end};
            return range;
        }
    }
    const weft__range *range = weft__range_map_first_overlap(map, begin, end, cursor);
    if (range && cursor->leaf <= UINT16_MAX / WEFT__RANGE_LEAF_SEGMENTS)
        *hint = (uint16_t)(cursor->leaf * WEFT__RANGE_LEAF_SEGMENTS + cursor->index);
    return range;
}

/* Asks the processor for what recalling these addresses will read. */
static inline void weft__range_map_ask(const weft__range_map *map, const weft__range_hints *hints, uint64_t begin)
{
    uint16_t hint = hints->at[begin * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (WEFT__RANGE_HINTS - 1)];
    size_t leaf = hint / WEFT__RANGE_LEAF_SEGMENTS;
    if (leaf >= map->leaf_count)
        return;
    __builtin_prefetch(map->leaves[leaf]);
    __builtin_prefetch(&map->leaves[leaf]->at[hint % WEFT__RANGE_LEAF_SEGMENTS]);
}

/* The next one, or NULL; once it was NULL it stays so. */
const weft__range *weft__range_cursor_next(weft__range_cursor *cursor);

#endif
