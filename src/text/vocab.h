/* The tokens of a tokenizer: their numbers, their bytes, and what is special about them. */
#ifndef WEFT_TEXT_VOCAB_H
#define WEFT_TEXT_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/json.h"

#define WEFT__VOCAB_IDS_MAX (1u << 22)
#define WEFT__TOKEN_BYTES_MAX 65535u

typedef struct weft__token {
    uint32_t offset; /* of its bytes in the text of the vocabulary */
    uint16_t bytes;
    bool is_token;      /* false for a hole */
    bool is_byte_level; /* its text in the file was written with the characters of byte_level.h */
    bool is_added;
    bool is_special;
} weft__token;

/* Zeroed is empty; freed with weft__vocab_free() whatever became of filling it. */
typedef struct weft__vocab {
    weft__token *tokens; /* by id */
    uint32_t size;       /* largest id + 1 */
    char *text;          /* each token is followed by a zero byte; byte-level ones may hold another */
    size_t text_bytes;
    int32_t *slots; /* hash of bytes to ids; -1 is empty. Holds byte-level and added tokens */
    uint32_t slot_mask;
    int32_t byte_ids[256]; /* the tokens of single bytes */
} weft__vocab;

/* Fills `vocab` from `model`, the object with field "vocab", and `added`, an array of added tokens or NULL. All 256
 * bytes have tokens afterwards. */
weft_status weft__vocab_read(weft__vocab *vocab, const weft__json_object *model, const weft__json_object *root,
                             const json_t *added, weft_error *err);
void weft__vocab_free(weft__vocab *vocab);

/* The token with these bytes, or -1. */
int32_t weft__vocab_find(const weft__vocab *vocab, const char *bytes, size_t count);

/* The token with this id, or NULL. */
const weft__token *weft__vocab_token(const weft__vocab *vocab, int64_t id);

static inline const char *weft__vocab_text(const weft__vocab *vocab, const weft__token *token)
{
    return vocab->text + token->offset;
}

#endif
