#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/size.h"

#define FIRST_ITEMS 8

/* SIZE_MAX if they cannot be counted. The capacity is that of an array that exists, twice which is always a number. */
static size_t grown_bytes(size_t capacity, size_t count, size_t more, size_t item_bytes, size_t *out_capacity)
{
    size_t need, bytes;
    *out_capacity = capacity;
    if (!weft__size_add(count, more, &need))
        return SIZE_MAX;
    *out_capacity = weft__max_size(need, weft__max_size(2 * capacity, FIRST_ITEMS));
    return __builtin_mul_overflow(*out_capacity, item_bytes, &bytes) ? SIZE_MAX : bytes;
}

void *weft__array_grow(void *items, size_t *capacity, size_t count, size_t more, size_t item_bytes)
{
    size_t grown_capacity;
    size_t bytes = grown_bytes(*capacity, count, more, item_bytes, &grown_capacity);
    void *grown = bytes <= PTRDIFF_MAX ? realloc(items, bytes) : NULL; /* no object is larger */
    if (!grown)
        return items;
    *capacity = grown_capacity;
    return grown;
}

weft_status weft__array_fail(size_t capacity, size_t count, size_t more, size_t item_bytes, const char *what,
                             weft_error *err)
{
    size_t grown_capacity;
    return weft__fail_memory(err, grown_bytes(capacity, count, more, item_bytes, &grown_capacity), what);
}
