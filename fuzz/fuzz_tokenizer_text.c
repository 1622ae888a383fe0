/* Any bytes as text for the tokenizer of models/sums: they survive the round trip, at once and token by token. */
#include "target.h"

#include <weft/tokenizer.h>

/* Opened by the first input and kept until the program ends. */
static weft_tokenizer *tokenizer;

static void close_tokenizer(void)
{
    weft_tokenizer_close(tokenizer);
}

static void check_round_trip(const char *text, size_t bytes, uint32_t flags)
{
    weft_error error = {0};
    size_t count = 0;
    size_t back_bytes = 0;
    size_t done = 0;
    size_t room = weft_tokenizer_tokens_max(tokenizer, bytes);
    int32_t *ids = malloc(room * sizeof *ids + 1);
    char *back = malloc(bytes + 1);
    FUZZ_ASSERT(ids && back);
    FUZZ_ASSERT(weft_tokenizer_encode(tokenizer, text, bytes, flags, ids, room, &count, &error) == WEFT_OK);
    FUZZ_ASSERT(weft_tokenizer_decode(tokenizer, ids, count, 0, back, bytes, &back_bytes, &error) == WEFT_OK);
    FUZZ_ASSERT(back_bytes == bytes);
    FUZZ_ASSERT(bytes == 0 || memcmp(back, text, bytes) == 0);
    for (size_t i = 0; i < count; i++) {
        const char *token = NULL;
        size_t token_bytes = 0;
        FUZZ_ASSERT(weft_tokenizer_token_bytes(tokenizer, ids[i], &token, &token_bytes, &error) == WEFT_OK);
        FUZZ_ASSERT(token_bytes > 0 && token_bytes <= bytes - done && memcmp(token, text + done, token_bytes) == 0);
        FUZZ_ASSERT(!(flags & WEFT_TOKENIZER_PLAIN_SPECIAL) || !weft_tokenizer_is_special(tokenizer, ids[i]));
        done += token_bytes;
    }
    FUZZ_ASSERT(done == bytes);
    free(ids);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weft_error error = {0};
    if (!tokenizer) {
        if (weft_tokenizer_open(WEFT_SOURCE_DIR "/models/sums/tokenizer.json", &tokenizer, &error) != WEFT_OK) {
            fprintf(stderr, "%s\n", error.message);
            abort();
        }
        FUZZ_ASSERT(atexit(close_tokenizer) == 0);
    }
    check_round_trip((const char *)data, size, 0);
    check_round_trip((const char *)data, size, WEFT_TOKENIZER_PLAIN_SPECIAL);
    return 0;
}
