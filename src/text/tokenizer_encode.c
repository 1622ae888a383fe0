/* Text goes through these steps, each of which hands pieces to the next:
 *   added tokens in the raw text -> bytes that are no UTF-8 -> normalisation -> added tokens in normalised text ->
 *   split patterns -> merges. */
#include <stdlib.h>

#include "base/status.h"
#include "text/normalize.h"
#include "text/tokenizer.h"
#include "base/utf8.h"

#define TEXT_BYTES_MAX (1u << 30)
#define ENCODE_FLAGS ((uint32_t)WEFT_TOKENIZER_ADD_SPECIAL | (uint32_t)WEFT_TOKENIZER_PLAIN_SPECIAL)

typedef struct encoding {
    const weft_tokenizer *tokenizer;
    bool is_plain; /* special tokens in the text are text */
    weft__split_state split;
    weft__bpe bpe;
    int32_t *ids;
    size_t capacity;
    size_t count;
} encoding;

/* A step of the pipeline, and what weft__split() calls. */
typedef weft_status (*text_step)(void *context, const char *text, size_t bytes, weft_error *err);

/* What does not fit is counted all the same. */
static void push(encoding *e, int32_t id)
{
    if (e->count < e->capacity)
        e->ids[e->count] = id;
    e->count++;
}

static weft_status encode_piece(void *context, const char *piece, size_t bytes, weft_error *err)
{
    encoding *e = context;
    const weft_tokenizer *tokenizer = e->tokenizer;
    if (bytes == 1) {
        push(e, tokenizer->vocab.byte_ids[(unsigned char)piece[0]]);
        return WEFT_OK;
    }
    if (tokenizer->ignores_merges) {
        int32_t id = weft__vocab_find(&tokenizer->vocab, piece, bytes);
        const weft__token *token = weft__vocab_token(&tokenizer->vocab, id);
        if (token && token->is_byte_level && !token->is_special) {
            push(e, id);
            return WEFT_OK;
        }
    }
    weft_status status = weft__bpe_encode(&e->bpe, &tokenizer->merges, &tokenizer->vocab, piece, bytes, err);
    if (status != WEFT_OK)
        return status;
    for (uint32_t i = 0; i != WEFT__BPE_END; i = e->bpe.symbols[i].next)
        push(e, e->bpe.symbols[i].id);
    return WEFT_OK;
}

static weft_status split(void *context, const char *text, size_t bytes, weft_error *err)
{
    encoding *e = context;
    return weft__split(&e->tokenizer->splitter, &e->split, e->tokenizer->name, text, bytes, encode_piece, e, err);
}

/* Hands what lies between added tokens on to `next`. */
static weft_status find_added(encoding *e, const weft__added *added, const char *text, size_t bytes, text_step next,
                              weft_error *err)
{
    size_t done = 0;
    size_t at = 0;
    while (at < bytes && added->count > 0) {
        int32_t id = -1;
        size_t length = weft__added_match(added, &e->tokenizer->vocab, text + at, bytes - at, e->is_plain, &id);
        if (length == 0) {
            at++;
            continue;
        }
        weft_status status = at > done ? next(e, text + done, at - done, err) : WEFT_OK;
        if (status != WEFT_OK)
            return status;
        push(e, id);
        at += length;
        done = at;
    }
    return done < bytes ? next(e, text + done, bytes - done, err) : WEFT_OK;
}

static weft_status encode_valid(encoding *e, const char *text, size_t bytes, weft_error *err)
{
    char *normal = NULL;
    weft_status status = WEFT_OK;
    if (e->tokenizer->normalizes)
        status = weft__nfc(text, bytes, &normal, &bytes, err);
    if (status == WEFT_OK)
        status = find_added(e, &e->tokenizer->normalized, normal ? normal : text, bytes, split, err);
    free(normal);
    return status;
}

/* Regular expressions and normalisation take characters: a byte that is part of none is a piece by itself. */
static weft_status encode_bytes(void *context, const char *text, size_t bytes, weft_error *err)
{
    encoding *e = context;
    for (size_t at = 0; at < bytes;) {
        size_t valid = weft__utf8_valid_bytes(text + at, bytes - at);
        weft_status status = valid > 0 ? encode_valid(e, text + at, valid, err) : WEFT_OK;
        if (status != WEFT_OK)
            return status;
        at += valid;
        if (at < bytes)
            push(e, e->tokenizer->vocab.byte_ids[(unsigned char)text[at++]]);
    }
    return WEFT_OK;
}

static weft_status encode(encoding *e, const char *text, size_t bytes, uint32_t flags, weft_error *err)
{
    const weft__template *template_ = &e->tokenizer->template_;
    bool adds_special = (flags & WEFT_TOKENIZER_ADD_SPECIAL) != 0;
    weft_status status = weft__split_state_create(&e->split, err);
    if (status != WEFT_OK)
        return status;
    for (uint32_t i = 0; adds_special && i < template_->before_count; i++)
        push(e, template_->before[i]);
    status = find_added(e, &e->tokenizer->raw, text, bytes, encode_bytes, err);
    for (uint32_t i = 0; adds_special && i < template_->after_count; i++)
        push(e, template_->after[i]);
    weft__split_state_free(&e->split);
    weft__bpe_free(&e->bpe);
    return status;
}

weft_status weft_tokenizer_encode(const weft_tokenizer *tokenizer, const char *text, size_t bytes, uint32_t flags,
                                  int32_t *ids, size_t capacity, size_t *out_count, weft_error *err)
{
    *out_count = 0;
    if (flags & ~ENCODE_FLAGS)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Encoding knows no flag 0x%x.", flags & ~ENCODE_FLAGS);
    if (!text && bytes > 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "The text to encode is NULL, but has %zu bytes.", bytes);
    if (bytes > TEXT_BYTES_MAX)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The text to encode has %zu bytes, the limit is %u.", bytes,
                          TEXT_BYTES_MAX);
    encoding e = {.tokenizer = tokenizer,
                  .is_plain = (flags & WEFT_TOKENIZER_PLAIN_SPECIAL) != 0,
                  .ids = ids,
                  .capacity = ids ? capacity : 0};
    weft_status status = encode(&e, text, bytes, flags, err);
    if (status != WEFT_OK)
        return status;
    *out_count = e.count;
    if (ids && e.count > capacity)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The text has %zu tokens, but there is room for %zu.", e.count,
                          capacity);
    return WEFT_OK;
}

size_t weft_tokenizer_tokens_max(const weft_tokenizer *tokenizer, size_t bytes)
{
    size_t factor =
        (tokenizer->normalizes ? (size_t)WEFT__NFC_GROWTH_MAX : 1) * (tokenizer->splitter.adds_prefix_space ? 2 : 1);
    size_t around = tokenizer->template_.before_count + tokenizer->template_.after_count;
    size_t count;
    if (__builtin_mul_overflow(bytes, factor, &count) || __builtin_add_overflow(count, around, &count))
        return SIZE_MAX;
    return count;
}
