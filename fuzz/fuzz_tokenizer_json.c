/* Any bytes as a tokenizer.json: what is accepted encodes a text, and decodes it again, byte by byte where it must. */
#include "target.h"
#include "text/tokenizer.h"

static const char text[] = "I'll record  348+275=\n\n d\xc3\xa9j\xc3\xa0\xff<|im_end|>aaaa";

#define TEXT_BYTES (sizeof text - 1)
#define ROOM 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weft_tokenizer *tokenizer = NULL;
    weft_error error = {0};
    weft_status status = weft__tokenizer_parse((const char *)data, size, "fuzz", &tokenizer, &error);
    if (status != WEFT_OK) {
        FUZZ_ASSERT(!tokenizer);
        fuzz_assert_failure(status, &error);
        return 0;
    }
    int32_t ids[ROOM];
    static char back[64 * ROOM];
    size_t count = 0;
    size_t bytes = 0;
    FUZZ_ASSERT(weft_tokenizer_tokens_max(tokenizer, TEXT_BYTES) <= ROOM);
    status = weft_tokenizer_encode(tokenizer, text, TEXT_BYTES, WEFT_TOKENIZER_ADD_SPECIAL, ids, ROOM, &count, &error);
    if (status == WEFT_OK)
        FUZZ_ASSERT(count <= weft_tokenizer_tokens_max(tokenizer, TEXT_BYTES));
    else
        fuzz_assert_failure(status, &error);
    status = weft_tokenizer_encode(tokenizer, text, TEXT_BYTES, 0, ids, ROOM, &count, &error);
    if (status == WEFT_OK)
        status = weft_tokenizer_decode(tokenizer, ids, count, 0, back, sizeof back, &bytes, &error);
    if (status != WEFT_OK)
        fuzz_assert_failure(status, &error);
    else if (!tokenizer->normalizes && !tokenizer->splitter.adds_prefix_space)
        FUZZ_ASSERT(bytes == TEXT_BYTES && memcmp(back, text, bytes) == 0);
    weft_tokenizer_close(tokenizer);
    return 0;
}
