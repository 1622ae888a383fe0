/* UTF-8, strictly: no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef WEFT_BASE_UTF8_H
#define WEFT_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define WEFT__UTF8_BYTES_MAX 4

/* The bytes of the character that `text` begins with, or 0 if it does not begin with one (`bytes` 0 included). Nothing
 * behind the first byte that is wrong is looked at: in a text that ends with a NUL, WEFT__UTF8_BYTES_MAX is always
 * right for `bytes`. `out_character` may be NULL. */
size_t weft__utf8_decode(const char *text, size_t bytes, uint32_t *out_character);

/* How many bytes at the beginning of `text` are valid. */
size_t weft__utf8_valid_bytes(const char *text, size_t bytes);

/* Writes a character, which must be valid, and returns its bytes: 1 to 4. */
size_t weft__utf8_encode(uint32_t character, char text[WEFT__UTF8_BYTES_MAX]);

#endif
