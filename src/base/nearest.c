#include "base/nearest.h"

#include <string.h>

#include "base/size.h"

#define NAME_BYTES_MAX 127

static size_t distance_of(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

/* The edit distance of two names, or `limit` as soon as it is known to be no smaller. Only cells closer than `limit` to
 * the diagonal can matter, the others count as `limit`. */
static size_t edit_distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes, size_t limit)
{
    size_t row[NAME_BYTES_MAX + 1];
    if (distance_of(a_bytes, b_bytes) >= limit)
        return limit;
    for (size_t j = 0; j <= b_bytes; j++)
        row[j] = weft__min_size(j, limit);
    for (size_t i = 1; i <= a_bytes; i++) {
        size_t first = i >= limit ? i - limit + 1 : 1;
        size_t last = weft__min_size(b_bytes, i + limit - 1);
        size_t diagonal = first == 1 ? i - 1 : row[first - 1];
        size_t least = row[first - 1] = first == 1 ? weft__min_size(i, limit) : limit;
        for (size_t j = first; j <= last; j++) {
            size_t above = row[j];
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            size_t cell = weft__min_size(replaced, weft__min_size(above, row[j - 1]) + 1);
            row[j] = weft__min_size(cell, limit);
            least = weft__min_size(least, row[j]);
            diagonal = above;
        }
        if (last < b_bytes)
            row[last + 1] = limit;
        if (least >= limit)
            return limit;
    }
    return row[b_bytes];
}

const char *weft__nearest(const char *name, size_t count, weft__name_at name_at, const void *context)
{
    size_t name_bytes = strnlen(name, NAME_BYTES_MAX);
    const char *best = NULL;
    size_t best_distance = NAME_BYTES_MAX + 1; /* larger than any distance can be */
    for (size_t i = 0; i < count && best_distance > 0; i++) {
        const char *candidate = name_at(context, i);
        if (!candidate)
            continue;
        size_t candidate_bytes = strnlen(candidate, NAME_BYTES_MAX);
        size_t distance = edit_distance(name, name_bytes, candidate, candidate_bytes, best_distance);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}
