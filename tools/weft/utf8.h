/* UTF-8, as far as printing text piece by piece needs it. */
#ifndef WEFT_CLI_UTF8_H
#define WEFT_CLI_UTF8_H

#include <stddef.h>

typedef enum cli_utf8 {
    CLI_UTF8_WHOLE,  /* a character */
    CLI_UTF8_BROKEN, /* bytes that begin no character, whatever follows */
    CLI_UTF8_CUT     /* the bytes end inside what may become a character */
} cli_utf8;

/* What the bytes begin with, and in *length of how many of them. The count must not be 0. */
cli_utf8 cli_utf8_piece(const char *bytes, size_t count, size_t *length);

/* How many of the bytes, from the start, do not depend on what follows: all but a cut character at the end. */
size_t cli_utf8_settled(const char *bytes, size_t count);

#endif
