/* The one-to-one mapping of bytes to printable characters with which byte-level BPE writes its vocabulary: the
 * printable bytes of Latin-1 stand for themselves, the other 68 are U+0100 to U+0143, in order. A blank is U+0120. */
#ifndef WEFT_TEXT_BYTE_LEVEL_H
#define WEFT_TEXT_BYTE_LEVEL_H

#include <stdint.h>

/* The character that stands for a byte. */
uint32_t weft__byte_level_character(uint8_t byte);

/* The byte that a character stands for, or -1. */
int weft__byte_level_byte(uint32_t character);

#endif
