/* Unicode normalisation. */
#ifndef WEFT_TEXT_NORMALIZE_H
#define WEFT_TEXT_NORMALIZE_H

#include <stddef.h>

#include <weft/status.h>

/* NFC can make text longer by this factor at most. */
#define WEFT__NFC_GROWTH_MAX 3

/* Brings valid UTF-8 into normalisation form C: `*out` is a new buffer of `*out_bytes` bytes that the caller frees, or
 * NULL if the text is ASCII, which is in that form already. Linear in `bytes`. */
weft_status weft__nfc(const char *text, size_t bytes, char **out, size_t *out_bytes, weft_error *err);

#endif
