/* Checked size arithmetic: each returns false, and writes nothing useful, when the result does not fit. */
#ifndef WEFT_BASE_SIZE_H
#define WEFT_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool weft__size_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

/* `value` rounded up to a multiple of `alignment`, a power of two. */
static inline bool weft__size_align(size_t value, size_t alignment, size_t *out)
{
    if (__builtin_add_overflow(value, alignment - 1, out))
        return false;
    *out &= ~(alignment - 1);
    return true;
}

static inline size_t weft__min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t weft__max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline uint64_t weft__ceil_div(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

#endif
