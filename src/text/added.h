/* Added tokens: strings that are found in the text before anything else happens to it. */
#ifndef WEFT_TEXT_ADDED_H
#define WEFT_TEXT_ADDED_H

#include "text/vocab.h"

/* Ids sorted by the bytes of their tokens. Zeroed is empty; freed with weft__added_free(). */
typedef struct weft__added {
    int32_t *ids;
    uint32_t count;
    uint32_t first[257]; /* first[b] to first[b + 1]: the tokens that begin with byte b */
} weft__added;

/* Takes those tokens of the array `list` (which may be NULL) whose field "normalized" is `is_normalized`; it is the
 * opposite of "special" where it is not given. `vocab` was filled from the same list. WEFT_UNSUPPORTED for tokens with
 * lstrip, rstrip or single_word. */
weft_status weft__added_read(weft__added *added, const weft__vocab *vocab, const weft__json_object *root,
                             const json_t *list, bool is_normalized, weft_error *err);
void weft__added_free(weft__added *added);

/* The longest token that `text` begins with: returns its bytes and sets `*out_id`, or returns 0. Special tokens are
 * passed over if `is_plain`. */
size_t weft__added_match(const weft__added *added, const weft__vocab *vocab, const char *text, size_t bytes,
                         bool is_plain, int32_t *out_id);

#endif
