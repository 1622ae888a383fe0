/* The pre-tokenizer: regular expressions that cut text into pieces, which are encoded one by one. */
#ifndef WEFT_TEXT_SPLITTER_H
#define WEFT_TEXT_SPLITTER_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/json.h"

#define WEFT__SPLITS_MAX 16

/* Each expression cuts the pieces that the one before it made. Zeroed is empty; freed with weft__splitter_free(). */
typedef struct weft__splitter {
    pcre2_code *codes[WEFT__SPLITS_MAX];
    uint32_t count;
    bool is_byte_level;     /* a ByteLevel was read, which must be the last */
    bool adds_prefix_space; /* a piece that begins with no blank gets one before expression number `prefix_before` */
    uint32_t prefix_before;
} weft__splitter;

/* What one thread needs to run a splitter. Zeroed is empty; freed with weft__split_state_free(). */
typedef struct weft__split_state {
    pcre2_match_data *matches;
    pcre2_match_context *limits;
    char *prefixed;
    size_t prefixed_capacity;
} weft__split_state;

/* Called with each piece, in order; pieces are never empty. Another status than WEFT_OK ends the splitting. */
typedef weft_status (*weft__piece_visit)(void *context, const char *piece, size_t bytes, weft_error *err);

/* Fills `splitter` from field "pre_tokenizer" of `root`. */
weft_status weft__splitter_read(weft__splitter *splitter, const weft__json_object *root, weft_error *err);
void weft__splitter_free(weft__splitter *splitter);

weft_status weft__split_state_create(weft__split_state *state, weft_error *err);
void weft__split_state_free(weft__split_state *state);

/* Cuts valid UTF-8 into pieces. `name` is the file's, for messages. WEFT_UNSUPPORTED if an expression gives up. */
weft_status weft__split(const weft__splitter *splitter, weft__split_state *state, const char *name, const char *text,
                        size_t bytes, weft__piece_visit visit, void *context, weft_error *err);

/* Compiles an expression as the file's own engine would understand it, see pattern.c; a literal string if `is_literal`.
 * `object` and `field` are where it stands, for messages. */
weft_status weft__pattern_compile(const weft__json_object *object, const char *field, const char *pattern, size_t bytes,
                                  bool is_literal, pcre2_code **out, weft_error *err);

#endif
