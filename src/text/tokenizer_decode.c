#include <string.h>

#include "base/nearest.h"
#include "base/status.h"
#include "text/tokenizer.h"

uint32_t weft_tokenizer_vocab_size(const weft_tokenizer *tokenizer)
{
    return tokenizer->vocab.size;
}

bool weft_tokenizer_is_special(const weft_tokenizer *tokenizer, int32_t id)
{
    const weft__token *token = weft__vocab_token(&tokenizer->vocab, id);
    return token && token->is_special;
}

weft_status weft_tokenizer_token_bytes(const weft_tokenizer *tokenizer, int32_t id, const char **out_text,
                                       size_t *out_bytes, weft_error *err)
{
    const weft__token *token = weft__vocab_token(&tokenizer->vocab, id);
    *out_text = NULL;
    *out_bytes = 0;
    if (!token)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "%s has no token %d; its tokens are below %u.", tokenizer->name, id,
                          tokenizer->vocab.size);
    *out_text = weft__vocab_text(&tokenizer->vocab, token);
    *out_bytes = token->bytes;
    return WEFT_OK;
}

weft_status weft_tokenizer_decode(const weft_tokenizer *tokenizer, const int32_t *ids, size_t count, uint32_t flags,
                                  char *text, size_t capacity, size_t *out_bytes, weft_error *err)
{
    size_t used = 0;
    *out_bytes = 0;
    if (flags & ~(uint32_t)WEFT_TOKENIZER_SKIP_SPECIAL)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Decoding knows no flag 0x%x.",
                          flags & ~(uint32_t)WEFT_TOKENIZER_SKIP_SPECIAL);
    for (size_t i = 0; i < count; i++) {
        const weft__token *token = weft__vocab_token(&tokenizer->vocab, ids[i]);
        if (!token)
            return weft__fail(err, WEFT_OUT_OF_RANGE, "Token %zu of %zu is %d, which is no token of %s.", i, count,
                              ids[i], tokenizer->name);
        if (token->is_special && (flags & WEFT_TOKENIZER_SKIP_SPECIAL))
            continue;
        if (text && used <= capacity && token->bytes <= capacity - used)
            memcpy(text + used, weft__vocab_text(&tokenizer->vocab, token), token->bytes);
        used += token->bytes;
    }
    *out_bytes = used;
    if (text && used > capacity)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The tokens have %zu bytes, but there is room for %zu.", used,
                          capacity);
    return WEFT_OK;
}

/* The added tokens of both kinds. */
static const char *added_name_at(const void *context, size_t index)
{
    const weft_tokenizer *tokenizer = context;
    int32_t id = index < tokenizer->raw.count ? tokenizer->raw.ids[index]
                                              : tokenizer->normalized.ids[index - tokenizer->raw.count];
    return weft__vocab_text(&tokenizer->vocab, &tokenizer->vocab.tokens[id]);
}

weft_status weft_tokenizer_find(const weft_tokenizer *tokenizer, const char *text, int32_t *out_id, weft_error *err)
{
    *out_id = weft__vocab_find(&tokenizer->vocab, text, strlen(text));
    if (*out_id >= 0)
        return WEFT_OK;
    char quoted[WEFT__JSON_TEXT_BYTES];
    char nearest_quoted[WEFT__JSON_TEXT_BYTES];
    size_t added_count = (size_t)tokenizer->raw.count + tokenizer->normalized.count;
    const char *nearest = weft__nearest(text, added_count, added_name_at, tokenizer);
    (void)weft__json_quote(text, strlen(text), quoted);
    if (!nearest)
        return weft__fail(err, WEFT_NOT_FOUND, "%s has no token %s, and no added tokens.", tokenizer->name, quoted);
    return weft__fail(err, WEFT_NOT_FOUND, "%s has no token %s; the nearest added token is %s.", tokenizer->name,
                      quoted, weft__json_quote(nearest, strlen(nearest), nearest_quoted));
}
