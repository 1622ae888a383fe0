/* Arrays that grow: a pointer from malloc, NULL at first, and beside it the number of items that there is room for. */
#ifndef WEFT_BASE_ARRAY_H
#define WEFT_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* What the macros below do when there is no room. Returns where the items are now; when out of memory, or when the
 * bytes cannot be counted, all is as it was. */
void *weft__array_grow(void *items, size_t *capacity, size_t count, size_t more, size_t item_bytes) WEFT_COLD;

/* "Out of memory: could not allocate N bytes for WHAT.", after weft__array_grow with the same numbers gave no room. */
weft_status weft__array_fail(size_t capacity, size_t count, size_t more, size_t item_bytes, const char *what,
                             weft_error *err) WEFT_COLD;

static inline bool weft__array_has_room(size_t capacity, size_t count, size_t more)
{
    return count <= capacity && more <= capacity - count;
}

/* Makes room for `more` items behind the first `count`. If there is none, the array at least doubles, so that adding
 * items one by one takes time in proportion to their number. `items` is the address of the pointer, `capacity` that of
 * a size_t; arguments are evaluated more than once. False when out of memory, with everything as it was. */
#define weft__array_reserve(items, capacity, count, more)                                                              \
    (weft__array_has_room(*(capacity), (count), (more)) ||                                                             \
     (*(items) = weft__array_grow(*(items), (capacity), (count), (more), sizeof **(items)),                            \
      weft__array_has_room(*(capacity), (count), (more))))

/* The same with a status, and a sentence that says for what memory ran out. */
#define weft__array_reserve_or_fail(items, capacity, count, more, what, err)                                           \
    (weft__array_reserve((items), (capacity), (count), (more))                                                         \
         ? WEFT_OK                                                                                                     \
         : weft__array_fail(*(capacity), (count), (more), sizeof **(items), (what), (err)))

#endif
