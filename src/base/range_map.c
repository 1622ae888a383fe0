#include "base/range_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/size.h"

#define LEAF_SEGMENTS WEFT__RANGE_LEAF_SEGMENTS
#define BLOCK_SEGMENTS 8
#define SEGMENTS_TRIED 4

/* A place between segments: before segment `index` of leaf `leaf`. The end of a leaf and the start of the next one are
 * the same place with two names; which of them is meant matters only for the leaf in which something is put. */
typedef struct place {
    size_t leaf;
    size_t index;
} place;

/* Memory */

void weft__range_map_destroy(weft__range_map *map)
{
    for (size_t i = 0; i < map->leaf_count; i++)
        free(map->leaves[i]);
    for (weft__range_leaf *leaf = map->spare; leaf;) {
        weft__range_leaf *next = leaf->next_spare;
        free(leaf);
        leaf = next;
    }
    free(map->leaves);
    free(map->starts);
    free(map->joined);
    free(map->pieces);
    *map = (weft__range_map){0};
}

static void give_spare(weft__range_map *map, weft__range_leaf *leaf)
{
    leaf->next_spare = map->spare;
    map->spare = leaf;
    map->spare_count++;
}

static weft__range_leaf *take_spare(weft__range_map *map)
{
    weft__range_leaf *leaf = map->spare;
    map->spare = leaf->next_spare;
    map->spare_count--;
    return leaf;
}

/* Makes sure that `more` leaves can be added without another allocation. */
static bool reserve_leaves(weft__range_map *map, size_t more)
{
    while (map->spare_count < more) {
        weft__range_leaf *leaf = malloc(sizeof *leaf);
        if (!leaf)
            return false;
        give_spare(map, leaf);
    }
    /* The capacity counts what both arrays have, so one that has grown alone does no harm. */
    size_t capacity = map->leaf_capacity;
    return weft__array_reserve(&map->leaves, &capacity, map->leaf_count, more) &&
           weft__array_reserve(&map->starts, &map->leaf_capacity, map->leaf_count, more);
}

static bool ensure_first_leaf(weft__range_map *map)
{
    if (map->leaf_count != 0)
        return true;
    if (!reserve_leaves(map, 1))
        return false;
    map->leaves[0] = take_spare(map);
    map->leaves[0]->count = 0;
    map->leaf_count = 1;
    return true;
}

void weft__range_map_clear_leaves(weft__range_map *map)
{
    while (map->leaf_count > 1)
        give_spare(map, map->leaves[--map->leaf_count]);
    map->leaves[0]->count = 0;
    map->count = 0;
}

/* Search */

/* The last leaf that starts at or before `at`; the first one when there is none such. Halves without branches on the
 * data, which would be mispredicted half the time. */
static size_t leaf_starting_up_to(const weft__range_map *map, uint64_t at)
{
    const uint64_t *base = map->starts;
    for (size_t n = map->leaf_count; n > 1;) {
        size_t half = n / 2;
        base += half * (base[half] <= at);
        n -= half;
    }
    return (size_t)(base - map->starts);
}

/* Segments of the leaf that end at or before `at`. Counts over every eighth segment and then over the eight around:
 * loads that do not wait for each other make this faster than halving. */
static size_t count_ends_up_to(const weft__range_leaf *leaf, uint64_t at)
{
    size_t blocks = 0;
    for (size_t i = BLOCK_SEGMENTS; i <= leaf->count; i += BLOCK_SEGMENTS)
        blocks += leaf->at[i - 1].end <= at;
    size_t begin = blocks * BLOCK_SEGMENTS;
    size_t end = weft__min_size(begin + BLOCK_SEGMENTS, leaf->count);
    size_t count = begin;
    for (size_t i = begin; i < end; i++)
        count += leaf->at[i].end <= at;
    return count;
}

/* The place before the first segment that ends after `at`. */
static place place_of_first_end_after(const weft__range_map *map, uint64_t at)
{
    size_t leaf = leaf_starting_up_to(map, at);
    return (place){leaf, count_ends_up_to(map->leaves[leaf], at)};
}

/* The segment behind the place, or NULL; the place is given its name in that segment's leaf. */
static const weft__range *segment_behind(const weft__range_map *map, place *p)
{
    if (p->index == map->leaves[p->leaf]->count) {
        if (p->leaf + 1 >= map->leaf_count)
            return NULL;
        *p = (place){p->leaf + 1, 0};
    }
    return &map->leaves[p->leaf]->at[p->index];
}

/* The segment before the place, or NULL; the place is given its name in that segment's leaf. */
static const weft__range *segment_before(const weft__range_map *map, place *p)
{
    if (p->index == 0) {
        if (p->leaf == 0)
            return NULL;
        *p = (place){p->leaf - 1, map->leaves[p->leaf - 1]->count};
    }
    return &map->leaves[p->leaf]->at[p->index - 1];
}

/* The place behind the last segment that begins before `limit`, which is after `first`. Most changes overlap few
 * segments, so it looks there first. */
static place place_of_last_begin_before(const weft__range_map *map, place first, uint64_t limit)
{
    place p = first;
    for (size_t i = 0; i < SEGMENTS_TRIED; i++) {
        place beyond = p;
        const weft__range *segment = segment_behind(map, &beyond);
        if (!segment || segment->begin >= limit)
            return p;
        p = (place){beyond.leaf, beyond.index + 1};
    }
    p = place_of_first_end_after(map, limit);
    place beyond = p;
    const weft__range *segment = segment_behind(map, &beyond);
    return segment && segment->begin < limit ? (place){beyond.leaf, beyond.index + 1} : p;
}

const weft__range *weft__range_map_find(const weft__range_map *map, uint64_t at)
{
    if (map->count == 0)
        return NULL;
    place p = place_of_first_end_after(map, at);
    const weft__range *segment = segment_behind(map, &p);
    return segment && segment->begin <= at ? segment : NULL;
}

static const weft__range *segment_at_cursor(weft__range_cursor *cursor)
{
    place p = {cursor->leaf, cursor->index};
    const weft__range *segment = segment_behind(cursor->map, &p);
    cursor->leaf = p.leaf;
    cursor->index = p.index;
    if (segment && segment->begin < cursor->end)
        return segment;
    cursor->end = 0;
    return NULL;
}

const weft__range *weft__range_map_first_overlap_slow(const weft__range_map *map, uint64_t begin, uint64_t end,
                                                      weft__range_cursor *cursor)
{
    place p = place_of_first_end_after(map, begin);
    *cursor = (weft__range_cursor){.map = map, .leaf = p.leaf, .index = p.index, .end = end};
    return segment_at_cursor(cursor);
}

const weft__range *weft__range_cursor_next(weft__range_cursor *cursor)
{
    if (cursor->end == 0)
        return NULL;
    cursor->index++;
    return segment_at_cursor(cursor);
}

/* Change: every change is a splice, a list of segments in the place of those between two places. */

/* Lets the leaves [first, first + before) be `after` leaves; the array of leaves has room, new ones come from the spare
 * ones and all have to be filled by the caller. */
static void resize_leaves(weft__range_map *map, size_t first, size_t before, size_t after)
{
    for (size_t i = after; i < before; i++)
        give_spare(map, map->leaves[first + i]);
    size_t behind = map->leaf_count - first - before;
    if (behind > 0 && before != after) {
        memmove(&map->leaves[first + after], &map->leaves[first + before], behind * sizeof map->leaves[0]);
        memmove(&map->starts[first + after], &map->starts[first + before], behind * sizeof map->starts[0]);
    }
    for (size_t i = before; i < after; i++)
        map->leaves[first + i] = take_spare(map);
    map->leaf_count = map->leaf_count - before + after;
}

/* A leaf that has become small joins a neighbour if the two leave room to grow: true and the range of leaves widened.
 */
static bool widen_to_neighbour(const weft__range_map *map, size_t total, size_t *first, size_t *last)
{
    if (total >= LEAF_SEGMENTS / 4)
        return false;
    size_t limit = LEAF_SEGMENTS * 3 / 4 - total;
    if (*first > 0 && map->leaves[*first - 1]->count <= limit) {
        --*first;
        return true;
    }
    if (*last + 1 < map->leaf_count && map->leaves[*last + 1]->count <= limit) {
        ++*last;
        return true;
    }
    return false;
}

static size_t append_segments(weft__range *to, size_t used, const weft__range *from, size_t count)
{
    if (count > 0)
        memcpy(to + used, from, count * sizeof *from);
    return used + count;
}

/* The splice that makes, merges or drops leaves: joins what stays and what is new, and deals it out again evenly. */
static bool splice_across(weft__range_map *map, place first, place last, const weft__range *list, size_t count,
                          size_t removed)
{
    size_t first_leaf = first.leaf;
    size_t last_leaf = last.leaf;
    size_t tail = map->leaves[last.leaf]->count - last.index;
    size_t total = first.index + count + tail;
    (void)widen_to_neighbour(map, total, &first_leaf, &last_leaf);
    size_t left = first_leaf < first.leaf ? map->leaves[first_leaf]->count : 0;
    size_t right = last_leaf > last.leaf ? map->leaves[last_leaf]->count : 0;
    total += left + right;

    size_t before = last_leaf - first_leaf + 1;
    size_t after = (total + LEAF_SEGMENTS - 1) / LEAF_SEGMENTS;
    if (after > before && !reserve_leaves(map, after - before))
        return false;
    if (!weft__array_reserve(&map->joined, &map->joined_capacity, 0, total))
        return false;

    size_t used = append_segments(map->joined, 0, map->leaves[first_leaf]->at, left);
    used = append_segments(map->joined, used, map->leaves[first.leaf]->at, first.index);
    used = append_segments(map->joined, used, list, count);
    used = append_segments(map->joined, used, map->leaves[last.leaf]->at + last.index, tail);
    (void)append_segments(map->joined, used, map->leaves[last_leaf]->at, right);

    resize_leaves(map, first_leaf, before, after);
    for (size_t i = 0, from = 0; i < after; i++) {
        weft__range_leaf *leaf = map->leaves[first_leaf + i];
        leaf->count = total / after + (i < total % after);
        append_segments(leaf->at, 0, map->joined + from, leaf->count);
        map->starts[first_leaf + i] = leaf->at[0].begin;
        from += leaf->count;
    }
    map->count = map->count - removed + count;
    return true;
}

static size_t count_between(const weft__range_map *map, place first, place last)
{
    if (first.leaf == last.leaf)
        return last.index - first.index;
    size_t count = map->leaves[first.leaf]->count - first.index + last.index;
    for (size_t i = first.leaf + 1; i < last.leaf; i++)
        count += map->leaves[i]->count;
    return count;
}

/* Puts the list in the place of the segments between two places, the first of which is not behind the last. */
static bool splice(weft__range_map *map, place first, place last, const weft__range *list, size_t count)
{
    if (first.leaf != last.leaf &&
        first.index == map->leaves[first.leaf]->count) /* keeps two leaves from being joined */
        first = (place){first.leaf + 1, 0};
    size_t removed = count_between(map, first, last);
    weft__range_leaf *leaf = map->leaves[first.leaf];
    size_t total = leaf->count - removed + count;
    if (first.leaf != last.leaf || total > LEAF_SEGMENTS || (total < LEAF_SEGMENTS / 4 && map->leaf_count > 1))
        return splice_across(map, first, last, list, count, removed);
    if (count != removed && last.index < leaf->count)
        memmove(&leaf->at[first.index + count], &leaf->at[last.index], (leaf->count - last.index) * sizeof leaf->at[0]);
    for (size_t i = 0; i < count; i++)
        leaf->at[first.index + i] = list[i];
    leaf->count = total;
    map->starts[first.leaf] = leaf->at[0].begin;
    map->count = map->count - removed + count;
    return true;
}

/* Makes list[1 .. count] the content of [begin, end). The list has a free element on either side for what remains of
 * the segments that stick out of the range. Its first and last segments join their neighbours where these go on alike.
 */
static bool replace(weft__range_map *map, uint64_t begin, uint64_t end, weft__range *list, size_t count)
{
    place first = place_of_first_end_after(map, begin);
    place last = place_of_last_begin_before(map, first, end);
    size_t list_begin = 1;
    size_t list_end = 1 + count;
    bool reaches_begin = count > 0 && list[1].begin == begin;
    bool reaches_end = count > 0 && list[count].end == end;

    place beside = first;
    const weft__range *cut = segment_behind(map, &beside);
    if (cut && cut->begin < begin) {
        if (reaches_begin && list[1].payload == cut->payload)
            list[1].begin = cut->begin;
        else
            list[--list_begin] = (weft__range){cut->begin, begin, cut->payload};
    } else if (reaches_begin) {
        beside = first;
        const weft__range *neighbour = segment_before(map, &beside);
        if (neighbour && neighbour->end == begin && neighbour->payload == list[1].payload) {
            list[1].begin = neighbour->begin;
            first = (place){beside.leaf, beside.index - 1};
        }
    }

    beside = last;
    cut = segment_before(map, &beside);
    if (cut && cut->end > end) {
        if (reaches_end && list[count].payload == cut->payload)
            list[count].end = cut->end;
        else
            list[list_end++] = (weft__range){end, cut->end, cut->payload};
    } else if (reaches_end) {
        beside = last;
        const weft__range *neighbour = segment_behind(map, &beside);
        if (neighbour && neighbour->begin == end && neighbour->payload == list[count].payload) {
            list[count].end = neighbour->end;
            last = (place){beside.leaf, beside.index + 1};
        }
    }
    return splice(map, first, last, list + list_begin, list_end - list_begin);
}

bool weft__range_map_assign_slow(weft__range_map *map, uint64_t begin, uint64_t end, uint64_t payload)
{
    if (begin >= end)
        return true;
    if (!ensure_first_leaf(map))
        return false;
    weft__range list[3];
    list[1] = (weft__range){begin, end, payload};
    return replace(map, begin, end, list, 1);
}

bool weft__range_map_erase(weft__range_map *map, uint64_t begin, uint64_t end)
{
    assert(begin <= end);
    weft__range_cursor cursor;
    if (!weft__range_map_first_overlap(map, begin, end, &cursor))
        return true;
    weft__range list[2];
    return replace(map, begin, end, list, 0);
}

/* Asks about one piece and appends it to those made so far; element 0 of the list stays free for `replace`. */
static bool decide_piece(weft__range_map *map, size_t *count, weft__range piece, bool is_mapped,
                         weft__range_decide *decide, void *context)
{
    /* With one more free element behind the last piece. */
    if (!weft__array_reserve(&map->pieces, &map->pieces_capacity, *count, 3))
        return false;
    weft__range decided = piece;
    if (!decide(context, &decided, is_mapped))
        return true;
    weft__range *last = *count ? &map->pieces[*count] : NULL;
    if (last && last->end == piece.begin && last->payload == decided.payload)
        last->end = piece.end;
    else
        map->pieces[++*count] = (weft__range){piece.begin, piece.end, decided.payload};
    return true;
}

bool weft__range_map_update(weft__range_map *map, uint64_t begin, uint64_t end, weft__range_decide *decide,
                            void *context)
{
    assert(begin <= end);
    if (begin >= end)
        return true;
    if (!ensure_first_leaf(map))
        return false;
    size_t count = 0;
    uint64_t at = begin;
    weft__range_cursor cursor;
    const weft__range *segment = weft__range_map_first_overlap(map, begin, end, &cursor);
    for (; segment; segment = weft__range_cursor_next(&cursor)) {
        weft__range piece = {
            .begin = segment->begin > at ? segment->begin : at,
            .end = segment->end < end ? segment->end : end,
            .payload = segment->payload,
        };
        if (piece.begin > at && !decide_piece(map, &count, (weft__range){at, piece.begin, 0}, false, decide, context))
            return false;
        if (!decide_piece(map, &count, piece, true, decide, context))
            return false;
        at = piece.end;
    }
    if (at < end && !decide_piece(map, &count, (weft__range){at, end, 0}, false, decide, context))
        return false;
    return replace(map, begin, end, map->pieces, count);
}
