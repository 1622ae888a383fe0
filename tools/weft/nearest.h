/* Which of some names was probably meant. */
#ifndef WEFT_CLI_NEAREST_H
#define WEFT_CLI_NEAREST_H

#include <stddef.h>

/* How far a word `a` of the user's is from a word `b` that we know: how many letters must be changed, added or removed,
 * or 1 if `a` is the beginning of `b`. Only the first 63 letters count. */
size_t cli_distance(const char *a, const char *b);

#endif
