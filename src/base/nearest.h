/* The name that somebody probably meant, for messages of WEFT_NOT_FOUND. */
#ifndef WEFT_BASE_NEAREST_H
#define WEFT_BASE_NEAREST_H

#include <stddef.h>

/* Gives the name with this index; called with 0 to count - 1. NULL skips the index. */
typedef const char *(*weft__name_at)(const void *context, size_t index);

/* The name with the smallest edit distance (insertions, deletions and replacements of one byte) from `name`, the first
 * one among equals, or NULL if `count` is 0. Only the first 127 bytes of a name count, and the search narrows as better
 * names are found, so that tens of thousands of names cost milliseconds. Any thread. */
const char *weft__nearest(const char *name, size_t count, weft__name_at name_at, const void *context);

#endif
