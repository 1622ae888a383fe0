/* Which of some names was probably meant. */
#ifndef WEFT_CLI_NEAREST_H
#define WEFT_CLI_NEAREST_H

#include <stddef.h>

/* How many letters must be changed, added or removed to turn one word into the other; only the first 63 letters count.
 */
size_t cli_distance(const char *a, const char *b);

#endif
