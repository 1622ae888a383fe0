#include "ops/runs.h"

/* Axes that move somewhere, smallest stride first. Returns how many. */
static uint32_t sort_axes(uint32_t rank, const uint64_t extent[4], const uint64_t stride[4], uint32_t axes[4])
{
    uint32_t count = 0;
    for (uint32_t axis = 0; axis < rank; axis++) {
        if (extent[axis] <= 1 || stride[axis] == 0)
            continue;
        uint32_t at = count++;
        for (; at > 0 && stride[axes[at - 1]] > stride[axis]; at--)
            axes[at] = axes[at - 1];
        axes[at] = axis;
    }
    return count;
}

void weft__runs_start(weft__runs *runs, uint32_t rank, const uint64_t extent[4], const uint64_t stride[4],
                      uint64_t offset, size_t element_bytes)
{
    *runs = (weft__runs){.begin = offset * element_bytes, .length_bytes = element_bytes, .is_ascending = true};
    for (uint32_t axis = 0; axis < rank; axis++)
        runs->is_done |= extent[axis] == 0;
    uint32_t axes[4];
    uint32_t count = sort_axes(rank, extent, stride, axes);
    uint32_t inner = 0;
    for (; inner < count && stride[axes[inner]] * element_bytes <= runs->length_bytes; inner++)
        runs->length_bytes += (extent[axes[inner]] - 1) * stride[axes[inner]] * element_bytes;
    uint64_t reach = runs->length_bytes;
    runs->rank = count - inner;
    for (uint32_t i = inner; i < count; i++) {
        uint32_t to = count - 1 - i;
        runs->extent[to] = extent[axes[i]];
        runs->stride[to] = stride[axes[i]] * element_bytes;
        runs->is_ascending &= runs->stride[to] >= reach;
        reach += (runs->extent[to] - 1) * runs->stride[to];
    }
}

bool weft__runs_next(weft__runs *runs, uint64_t *begin_bytes, uint64_t *end_bytes)
{
    if (runs->is_done)
        return false;
    *begin_bytes = runs->begin;
    *end_bytes = runs->begin + runs->length_bytes;
    for (uint32_t axis = runs->rank; axis-- > 0;) {
        if (++runs->at[axis] < runs->extent[axis]) {
            runs->begin += runs->stride[axis];
            return true;
        }
        runs->at[axis] = 0;
        runs->begin -= (runs->extent[axis] - 1) * runs->stride[axis];
    }
    runs->is_done = true;
    return true;
}

bool weft__runs_next_joined(weft__runs *runs, uint64_t *begin_bytes, uint64_t *end_bytes)
{
    if (!weft__runs_next(runs, begin_bytes, end_bytes))
        return false;
    while (!runs->is_done && runs->begin == *end_bytes) {
        uint64_t touching;
        weft__runs_next(runs, &touching, end_bytes);
    }
    return true;
}

static uint64_t end_of(const weft__runs *runs)
{
    uint64_t end = runs->begin + runs->length_bytes;
    for (uint32_t axis = 0; axis < runs->rank; axis++)
        end += (runs->extent[axis] - 1) * runs->stride[axis];
    return end;
}

bool weft__runs_overlap(const weft__runs *a, const weft__runs *b)
{
    if (a->is_done || b->is_done || end_of(a) <= b->begin || end_of(b) <= a->begin)
        return false;
    if (!a->is_ascending || !b->is_ascending)
        return true;
    weft__runs x = *a, y = *b;
    uint64_t x_begin, x_end, y_begin, y_end;
    bool more = weft__runs_next(&x, &x_begin, &x_end) && weft__runs_next(&y, &y_begin, &y_end);
    while (more) {
        if (x_end <= y_begin)
            more = weft__runs_next(&x, &x_begin, &x_end);
        else if (y_end <= x_begin)
            more = weft__runs_next(&y, &y_begin, &y_end);
        else
            return true;
    }
    return false;
}
