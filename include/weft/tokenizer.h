/* Text to tokens and back, for the byte-level BPE tokenizers of GPT-2, Llama 3, Qwen and their kin, read from the
 * `tokenizer.json` of Hugging Face.
 *
 * Text is bytes. Any bytes can be encoded, valid UTF-8 or not, zero bytes included; a byte that is part of no valid
 * character becomes a piece, and so a token, of its own. For a file without a normalizer and without
 * `add_prefix_space`, decoding what encoding gave returns exactly the bytes that went in.
 *
 * A token may hold part of a character. Who shows tokens as they come decodes them one by one, with
 * weft_tokenizer_decode() or weft_tokenizer_token_bytes(), and holds back an unfinished character: the bytes of a
 * sequence of tokens are always the bytes of its tokens, one after another.
 *
 * What is supported, everything else being WEFT_UNSUPPORTED by name when the file is opened: model BPE with all 256
 * bytes in its vocabulary; pre-tokenizer ByteLevel, alone or behind any number of Split (behavior Isolated); normalizer
 * null or NFC; added tokens without lstrip, rstrip and single_word; post-processor null, ByteLevel or
 * TemplateProcessing. `truncation` and `padding` are settings of a batch, not of the tokenizer, and are ignored. */
#ifndef WEFT_TOKENIZER_H
#define WEFT_TOKENIZER_H

#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An open tokenizer. Immutable, so any number of threads may encode and decode with one. */
typedef struct weft_tokenizer weft_tokenizer;

/** What encode and decode do besides; may be combined. 0 does none of it. */
typedef enum weft_tokenizer_flags {
    /** Encode: put the tokens of the file's template (`<|begin_of_text|>`, say) before and after those of the text. */
    WEFT_TOKENIZER_ADD_SPECIAL = 1,
    /** Encode: a special token that stands written out in the text is text like any other, as it should be in what a
     * user typed. Without it, "<|im_end|>" in the text becomes that token. */
    WEFT_TOKENIZER_PLAIN_SPECIAL = 2,
    /** Decode: special tokens give no bytes. */
    WEFT_TOKENIZER_SKIP_SPECIAL = 4
} weft_tokenizer_flags;

/** Reads and checks a `tokenizer.json`.
 *  @param out  the tokenizer, yours until weft_tokenizer_close(); NULL on failure.
 *  @retval WEFT_IO           the file cannot be read.
 *  @retval WEFT_PARSE        the file is no JSON (line and column say where) or contradicts itself; the message names
 * the field, the token or the merge.
 *  @retval WEFT_UNSUPPORTED  the file asks for something that Weft does not have; the message names it. */
WEFT_API WEFT_CHECKED weft_status weft_tokenizer_open(const char *path, weft_tokenizer **out, weft_error *err);

/** NULL is fine. No call that uses @p tokenizer may be under way. */
WEFT_API void weft_tokenizer_close(weft_tokenizer *tokenizer);

/** The largest token plus one. There may be holes below it: numbers that are no token. */
WEFT_API uint32_t weft_tokenizer_vocab_size(const weft_tokenizer *tokenizer);

/** A count of tokens that @p bytes bytes of text never exceed, template included: room for it makes one call of
 *  weft_tokenizer_encode() enough. Saturates at SIZE_MAX. */
WEFT_API size_t weft_tokenizer_tokens_max(const weft_tokenizer *tokenizer, size_t bytes);

/** Encodes text into a buffer of the caller.
 *  @param text       @p bytes bytes; may be NULL if there are none.
 *  @param flags      of weft_tokenizer_flags.
 *  @param ids        room for @p capacity tokens. NULL only counts, whatever the capacity.
 *  @param out_count  how many tokens the text has, also when they did not fit. 0 on any other failure.
 *  @retval WEFT_OUT_OF_RANGE  @p capacity is too small (and @p ids holds nothing useful), or @p bytes exceeds 2^30.
 *  @retval WEFT_UNSUPPORTED   a split pattern of the file gave up on this text: it backtracks without bound.
 *  @par Complexity  n log n in the longest piece that the split patterns make, linear in the number of pieces. */
WEFT_API WEFT_CHECKED weft_status weft_tokenizer_encode(const weft_tokenizer *tokenizer, const char *text, size_t bytes,
                                                        uint32_t flags, int32_t *ids, size_t capacity,
                                                        size_t *out_count, weft_error *err);

/** Writes the bytes of tokens, one after another and without a zero byte at the end, into a buffer of the caller.
 *  @param ids        @p count tokens; may be NULL if there are none.
 *  @param flags      of weft_tokenizer_flags.
 *  @param text       room for @p capacity bytes. NULL only counts, whatever the capacity.
 *  @param out_bytes  how many bytes the tokens have, also when they did not fit. 0 on any other failure.
 *  @retval WEFT_OUT_OF_RANGE  @p capacity is too small, or one of @p ids is no token. */
WEFT_API WEFT_CHECKED weft_status weft_tokenizer_decode(const weft_tokenizer *tokenizer, const int32_t *ids,
                                                        size_t count, uint32_t flags, char *text, size_t capacity,
                                                        size_t *out_bytes, weft_error *err);

/** The bytes of one token, which live until the tokenizer is closed and do not end in a zero byte.
 *  @retval WEFT_OUT_OF_RANGE  @p id is no token. */
WEFT_API WEFT_CHECKED weft_status weft_tokenizer_token_bytes(const weft_tokenizer *tokenizer, int32_t id,
                                                             const char **out_text, size_t *out_bytes, weft_error *err);

/** The token whose bytes are the string @p text ("<|im_end|>", " =", ...); the added token if there are two.
 *  @param out_id  the token; -1 on failure.
 *  @retval WEFT_NOT_FOUND  there is none; the message offers the nearest added token. */
WEFT_API WEFT_CHECKED weft_status weft_tokenizer_find(const weft_tokenizer *tokenizer, const char *text,
                                                      int32_t *out_id, weft_error *err);

/** True for a token that the file calls special. */
WEFT_API bool weft_tokenizer_is_special(const weft_tokenizer *tokenizer, int32_t id);

#ifdef __cplusplus
}
#endif
#endif
