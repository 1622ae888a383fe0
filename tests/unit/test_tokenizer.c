#include "support/weft_check.h"

#include <pthread.h>

#include "base/rng.h"
#include "support/failing_malloc.h"
#include "support/json_patch.h"
#include "support/sentence.h"
#include "text/byte_level.h"
#include "text/normalize.h"
#include "text/tokenizer.h"
#include "base/utf8.h"

#define SUMS "models/sums/tokenizer.json"
#define GPT2 "tests/data/tokenizers/gpt2.json"
#define LLAMA3 "tests/data/tokenizers/llama3.json"

/* The file at `path` with up to three places changed, see weft_test_json_set. */
static weft_status parse_patched(const char *path, const char *const patch[6], weft_tokenizer **out, weft_error *err)
{
    json_t *document = weft_test_json_load(path);
    for (size_t i = 0; i < 6 && patch[i]; i += 2)
        weft_test_json_set(document, patch[i], patch[i + 1]);
    char *text = weft_test_json_dump(document);
    weft_status status = weft__tokenizer_parse(text, strlen(text), "tokenizer.json", out, err);
    free(text);
    json_decref(document);
    return status;
}

static weft_tokenizer *open_patched(const char *path, const char *place, const char *value)
{
    const char *const patch[6] = {place, value};
    weft_tokenizer *tokenizer = NULL;
    weft_error error;
    WEFT_TEST_ASSERT_OK(parse_patched(path, patch, &tokenizer, &error), error);
    return tokenizer;
}

static weft_tokenizer *open_file(const char *path)
{
    return open_patched(path, NULL, NULL);
}

/* Encodes into `ids`, which has room for `room`. */
static size_t encode(const weft_tokenizer *tokenizer, const char *text, size_t bytes, uint32_t flags, int32_t *ids,
                     size_t room)
{
    size_t count = 0;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_tokenizer_encode(tokenizer, text, bytes, flags, ids, room, &count, &error), error);
    return count;
}

static void assert_round_trip(const weft_tokenizer *tokenizer, const char *text, size_t bytes, uint32_t flags)
{
    size_t room = weft_tokenizer_tokens_max(tokenizer, bytes);
    int32_t *ids = malloc((room + 1) * sizeof *ids);
    char *back = malloc(bytes + 1);
    size_t back_bytes = 0;
    weft_error error;
    ck_assert_ptr_nonnull(ids);
    ck_assert_ptr_nonnull(back);
    size_t count = encode(tokenizer, text, bytes, flags, ids, room);
    WEFT_TEST_ASSERT_OK(weft_tokenizer_decode(tokenizer, ids, count, 0, back, bytes, &back_bytes, &error), error);
    ck_assert_uint_eq(back_bytes, bytes);
    ck_assert(bytes == 0 || memcmp(back, text, bytes) == 0);
    free(ids);
    free(back);
}

START_TEST(bytes_and_characters_map_one_to_one)
{
    uint32_t shifted = 0x100;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool is_printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte != 0xad);
        ck_assert_uint_eq(weft__byte_level_character((uint8_t)byte), is_printable ? byte : shifted++);
        ck_assert_int_eq(weft__byte_level_byte(weft__byte_level_character((uint8_t)byte)), (int)byte);
    }
    ck_assert_uint_eq(shifted, 0x144);
    size_t mapped = 0;
    for (uint32_t character = 0; character < 0x1000; character++)
        mapped += weft__byte_level_byte(character) >= 0;
    ck_assert_uint_eq(mapped, 256);
}
END_TEST

START_TEST(utf8_is_read_strictly)
{
    static const char *const invalid[] = {
        "\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff", "\xc3",     "\xe2\x82",     "\xc3("};
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        ck_assert_uint_eq(weft__utf8_decode(invalid[i], strlen(invalid[i]), NULL), 0);
    ck_assert_uint_eq(weft__utf8_decode("", 0, NULL), 0);
    for (uint32_t character = 0; character < 0x110000; character++) {
        char text[WEFT__UTF8_BYTES_MAX];
        uint32_t back = 0;
        if (character >= 0xd800 && character < 0xe000)
            continue;
        size_t bytes = weft__utf8_encode(character, text);
        if (weft__utf8_decode(text, bytes, &back) != bytes || back != character ||
            weft__utf8_decode(text, bytes - 1, NULL) != 0)
            ck_abort_msg("U+%04X does not survive", character);
    }
}
END_TEST

START_TEST(nfc_is_what_unicode_says)
{
    static const struct {
        const char *text;
        const char *normal; /* or NULL where ASCII is passed through */
    } rows[] = {
        {"plain", NULL},
        {"e\u0301", "é"},
        {"é", "é"},
        {"\u212b", "Å"},
        {"q\u0307\u0323", "q\u0323\u0307"},
        {"\u1112\u1161\u11ab", "한"},
        {"\u0958", "\u0915\u093c"},
        {"\u1e9b\u0323", "\u1e9b\u0323"},
        {"\U0001d160", "\U0001d158\U0001d165\U0001d16e"},
        {"a\u0315\u0300\u05ae"
         "b",
         "\u00e0\u05ae\u0315b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *normal = NULL;
        size_t bytes = 0;
        weft_error error;
        WEFT_TEST_ASSERT_OK(weft__nfc(rows[i].text, strlen(rows[i].text), &normal, &bytes, &error), error);
        ck_assert_int_eq(normal == NULL, rows[i].normal == NULL);
        if (normal) {
            ck_assert_uint_eq(bytes, strlen(rows[i].normal));
            ck_assert_mem_eq(normal, rows[i].normal, bytes);
        }
        free(normal);
    }
}
END_TEST

START_TEST(any_bytes_survive_the_round_trip)
{
    static const char *const paths[] = {SUMS, GPT2, LLAMA3};
    static const char *const parts[] = {"sort ", "<|im_end|>", "<|im_", "\xc3\xa9", "\xc3",
                                        "\xa9",  "\n\n",       "   ",   "<tag>x"};
    for (size_t i = 0; i < 3; i++) {
        weft_tokenizer *tokenizer = open_file(paths[i]);
        weft__rng rng;
        weft__rng_init(&rng, i);
        for (size_t round = 0; round < 3000; round++) {
            char text[400];
            size_t bytes = 0;
            size_t wanted = weft__rng_below(&rng, 300);
            bool is_mixed = weft__rng_below(&rng, 2);
            while (bytes < wanted) {
                const char *part = parts[weft__rng_below(&rng, sizeof parts / sizeof parts[0])];
                if (is_mixed && weft__rng_below(&rng, 3)) {
                    memcpy(text + bytes, part, strlen(part));
                    bytes += strlen(part);
                } else {
                    text[bytes++] = (char)(unsigned char)weft__rng_below(&rng, 256);
                }
            }
            assert_round_trip(tokenizer, text, bytes, round % 3 == 0 ? WEFT_TOKENIZER_PLAIN_SPECIAL : 0);
        }
        assert_round_trip(tokenizer, NULL, 0, 0);
        assert_round_trip(tokenizer, "\0\0", 2, 0);
        weft_tokenizer_close(tokenizer);
    }
}
END_TEST

/* A quadratic merge would take hours here. */
START_TEST(long_pieces_are_no_slower_than_their_length)
{
    enum {
        BYTES = 1 << 20
    };
    static const char fills[] = {'a', ' ', '\n', '\xff', '7'};
    char *text = malloc(BYTES);
    ck_assert_ptr_nonnull(text);
    weft_tokenizer *tokenizer = open_file(LLAMA3);
    for (size_t i = 0; i < sizeof fills; i++) {
        memset(text, fills[i], BYTES);
        assert_round_trip(tokenizer, text, BYTES, 0);
    }
    int32_t *ids = malloc(BYTES * sizeof *ids);
    ck_assert_ptr_nonnull(ids);
    memset(text, 'a', BYTES);
    size_t count = encode(tokenizer, text, BYTES, 0, ids, BYTES);
    ck_assert_uint_le(count, BYTES / 16); /* the vocabulary has runs of a */
    free(ids);
    weft_tokenizer_close(tokenizer);
    weft_tokenizer *normalizing = open_patched(GPT2, "normalizer", "{\"type\": \"NFC\"}");
    for (size_t i = 0; i + 4 <= BYTES; i += 4)
        memcpy(text + i, "\u0301\u0323", 4); /* one run of marks in the wrong order */
    size_t needed = 0;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_tokenizer_encode(normalizing, text, BYTES, 0, NULL, 0, &needed, &error), error);
    ck_assert_uint_gt(needed, 0);
    weft_tokenizer_close(normalizing);
    free(text);
}
END_TEST

START_TEST(buffers_are_the_callers_and_may_be_too_small)
{
    weft_tokenizer *tokenizer = open_file(SUMS);
    int32_t ids[8];
    size_t count = 99;
    size_t bytes = 99;
    char text[16];
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_tokenizer_encode(tokenizer, "348+275=", 8, 0, NULL, 0, &count, &error), error);
    ck_assert_uint_eq(count, 8);
    ids[7] = -7;
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_encode(tokenizer, "348+275=", 8, 0, ids, 7, &count, &error), error,
                           WEFT_OUT_OF_RANGE, "8 tokens", "room for 7", NULL, NULL);
    ck_assert_uint_eq(count, 8);
    ck_assert_int_eq(ids[7], -7);
    ck_assert_uint_eq(encode(tokenizer, "348+275=", 8, 0, ids, 8), 8);
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_decode(tokenizer, ids, 8, 0, text, 7, &bytes, &error), error,
                           WEFT_OUT_OF_RANGE, "8 bytes", "room for 7", NULL, NULL);
    ck_assert_uint_eq(bytes, 8);
    WEFT_TEST_ASSERT_OK(weft_tokenizer_decode(tokenizer, ids, 8, 0, NULL, 0, &bytes, &error), error);
    ck_assert_uint_eq(bytes, 8);
    WEFT_TEST_ASSERT_OK(weft_tokenizer_decode(tokenizer, NULL, 0, 0, text, 0, &bytes, &error), error);
    ck_assert_uint_eq(bytes, 0);
    ids[3] = 384;
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_decode(tokenizer, ids, 8, 0, text, 16, &bytes, &error), error,
                           WEFT_OUT_OF_RANGE, "Token 3 of 8", "384", NULL, NULL);
    ck_assert_uint_eq(bytes, 0);
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_encode(tokenizer, "x", 1, 8, ids, 8, &count, &error), error,
                           WEFT_INVALID_ARGUMENT, "0x8", NULL, NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_decode(tokenizer, ids, 1, 1, text, 8, &bytes, &error), error,
                           WEFT_INVALID_ARGUMENT, "0x1", NULL, NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_encode(tokenizer, NULL, 5, 0, ids, 8, &count, &error), error,
                           WEFT_INVALID_ARGUMENT, "5 bytes", NULL, NULL, NULL);
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_encode(tokenizer, "x", (size_t)1 << 31, 0, ids, 8, &count, &error), error,
                           WEFT_OUT_OF_RANGE, "2147483648", NULL, NULL, NULL);
    ck_assert_uint_eq(weft_tokenizer_tokens_max(tokenizer, SIZE_MAX), SIZE_MAX);
    weft_tokenizer_close(tokenizer);
    weft_tokenizer_close(NULL);
}
END_TEST

START_TEST(tokens_are_found_and_described)
{
    weft_tokenizer *tokenizer = open_file(SUMS);
    const char *text = NULL;
    size_t bytes = 0;
    int32_t id = 0;
    weft_error error;
    ck_assert_uint_eq(weft_tokenizer_vocab_size(tokenizer), 384);
    WEFT_TEST_ASSERT_OK(weft_tokenizer_find(tokenizer, "<|im_end|>", &id, &error), error);
    ck_assert_int_eq(id, 2);
    ck_assert(weft_tokenizer_is_special(tokenizer, 2));
    WEFT_TEST_ASSERT_OK(weft_tokenizer_find(tokenizer, " =", &id, &error), error);
    ck_assert_int_eq(id, 259);
    ck_assert(!weft_tokenizer_is_special(tokenizer, 259));
    ck_assert(!weft_tokenizer_is_special(tokenizer, -1));
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_find(tokenizer, "<|im_ent|>", &id, &error), error, WEFT_NOT_FOUND,
                           "tokenizer.json", "\"<|im_ent|>\"", "\"<|im_end|>\"", NULL);
    ck_assert_int_eq(id, -1);
    WEFT_TEST_ASSERT_OK(weft_tokenizer_token_bytes(tokenizer, 223, &text, &bytes, &error), error);
    ck_assert_uint_eq(bytes, 1);
    ck_assert_int_eq(text[0], ' ');
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_token_bytes(tokenizer, -1, &text, &bytes, &error), error, WEFT_OUT_OF_RANGE,
                           "-1", "384", NULL, NULL);
    ck_assert_ptr_null(text);
    weft_tokenizer_close(tokenizer);
}
END_TEST

START_TEST(special_tokens_do_as_the_flags_say)
{
    static const char text[] = "a<|im_end|>b";
    weft_tokenizer *tokenizer = open_file(SUMS);
    int32_t ids[32];
    char back[32];
    size_t bytes = 0;
    weft_error error;
    ck_assert_uint_eq(encode(tokenizer, text, strlen(text), 0, ids, 32), 3);
    ck_assert_int_eq(ids[1], 2);
    WEFT_TEST_ASSERT_OK(
        weft_tokenizer_decode(tokenizer, ids, 3, WEFT_TOKENIZER_SKIP_SPECIAL, back, sizeof back, &bytes, &error),
        error);
    ck_assert_uint_eq(bytes, 2);
    ck_assert_mem_eq(back, "ab", 2);
    size_t count = encode(tokenizer, text, strlen(text), WEFT_TOKENIZER_PLAIN_SPECIAL, ids, 32);
    ck_assert_uint_gt(count, 3);
    for (size_t i = 0; i < count; i++)
        ck_assert(!weft_tokenizer_is_special(tokenizer, ids[i]));
    weft_tokenizer_close(tokenizer);
    /* Added tokens that are not special are found all the same, the longest at each place. */
    weft_tokenizer *llama = open_file(LLAMA3);
    int32_t longer = 0;
    WEFT_TEST_ASSERT_OK(weft_tokenizer_find(llama, "<tag>x", &longer, &error), error);
    ck_assert_uint_eq(encode(llama, "<tag>x", 6, WEFT_TOKENIZER_PLAIN_SPECIAL, ids, 32), 1);
    ck_assert_int_eq(ids[0], longer);
    WEFT_TEST_ASSERT_OK(weft_tokenizer_find(llama, "<|begin|>", &longer, &error), error);
    ck_assert_uint_eq(encode(llama, "", 0, WEFT_TOKENIZER_ADD_SPECIAL, ids, 32), 1);
    ck_assert_int_eq(ids[0], longer);
    ck_assert_uint_eq(encode(llama, "", 0, 0, ids, 32), 0);
    weft_tokenizer_close(llama);
}
END_TEST

START_TEST(a_template_may_put_tokens_on_both_sides)
{
    weft_tokenizer *tokenizer = open_patched(
        SUMS, "post_processor",
        "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"s\", \"type_id\": 0}}, "
        "{\"Sequence\": {\"id\": \"A\"}}, {\"SpecialToken\": {\"id\": \"e\"}}], \"special_tokens\": "
        "{\"s\": {\"id\": \"s\", \"ids\": [1], \"tokens\": [\"s\"]}, \"e\": {\"ids\": [2, 0]}}}");
    int32_t ids[8];
    static const int32_t expected[] = {1, 67, 2, 0};
    ck_assert_uint_eq(weft_tokenizer_tokens_max(tokenizer, 1), 4);
    ck_assert_uint_eq(encode(tokenizer, "a", 1, WEFT_TOKENIZER_ADD_SPECIAL, ids, 8), 4);
    ck_assert_mem_eq(ids, expected, sizeof expected);
    weft_tokenizer_close(tokenizer);
}
END_TEST

/* An expression that backtracks without bound must not take the program with it. */
START_TEST(a_pattern_that_gives_up_is_an_error)
{
    weft_tokenizer *tokenizer =
        open_patched(SUMS, "pre_tokenizer/pretokenizers/0/pattern/Regex", "\"(?:a|a)*(?:a|aa)*b|(?:aa|a)+(?:a|aa)+c\"");
    char text[201];
    size_t count = 0;
    weft_error error;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 'x';
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_encode(tokenizer, text, sizeof text, 0, NULL, 0, &count, &error), error,
                           WEFT_UNSUPPORTED, "tokenizer.json", "pattern 0", "201", NULL);
    ck_assert_uint_eq(count, 0);
    weft_tokenizer_close(tokenizer);
}
END_TEST

static void *encode_often(void *context)
{
    const weft_tokenizer *tokenizer = context;
    static const char text[] = "let a=17 b=42 c=9 get b = d\xc3\xa9j\xc3\xa0 <|im_end|>\xff";
    int32_t first[64];
    size_t first_count = 0;
    for (size_t i = 0; i < 200; i++) {
        int32_t ids[64];
        char back[128];
        size_t count = 0;
        size_t bytes = 0;
        if (weft_tokenizer_encode(tokenizer, text, sizeof text - 1, 0, ids, 64, &count, NULL) != WEFT_OK ||
            weft_tokenizer_decode(tokenizer, ids, count, 0, back, sizeof back, &bytes, NULL) != WEFT_OK ||
            bytes != sizeof text - 1 || memcmp(back, text, bytes) != 0)
            return context;
        if (i == 0) {
            memcpy(first, ids, sizeof first);
            first_count = count;
        }
        if (count != first_count || memcmp(first, ids, count * sizeof *ids) != 0)
            return context;
    }
    return NULL;
}

START_TEST(threads_share_a_tokenizer)
{
    enum {
        THREADS = 4
    };
    pthread_t threads[THREADS];
    weft_tokenizer *tokenizer = open_file(SUMS);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, encode_often, tokenizer), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    weft_tokenizer_close(tokenizer);
}
END_TEST

START_TEST(running_out_of_memory_is_an_error)
{
    bool failed = true;
    for (uint64_t n = 0; failed; n += n < 40 ? 1 : 37) {
        weft_tokenizer *tokenizer = NULL;
        weft_error error = {0};
        weft_test_fail_allocation_after(n);
        weft_status status = weft_tokenizer_open(WEFT_SOURCE_DIR "/" SUMS, &tokenizer, &error);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert_int_eq(tokenizer == NULL, failed);
        ck_assert(!failed || weft_test_is_sentence(error.message));
        weft_tokenizer_close(tokenizer);
    }
    weft_tokenizer *tokenizer = open_patched(GPT2, "normalizer", "{\"type\": \"NFC\"}");
    failed = true;
    for (uint64_t n = 0; failed; n++) {
        int32_t ids[64];
        size_t count = 0;
        weft_test_fail_allocation_after(n);
        weft_status status = weft_tokenizer_encode(tokenizer, "d\xc3\xa9j\xc3\xa0 vu", 9, 0, ids, 64, &count, NULL);
        failed = weft_test_stop_failing();
        ck_assert_int_eq(status, failed ? WEFT_OUT_OF_MEMORY : WEFT_OK);
        ck_assert(!failed || count == 0);
    }
    weft_tokenizer_close(tokenizer);
}
END_TEST

WEFT_TEST_MAIN("tokenizer", bytes_and_characters_map_one_to_one, utf8_is_read_strictly, nfc_is_what_unicode_says,
               any_bytes_survive_the_round_trip, long_pieces_are_no_slower_than_their_length,
               buffers_are_the_callers_and_may_be_too_small, tokens_are_found_and_described,
               special_tokens_do_as_the_flags_say, a_template_may_put_tokens_on_both_sides,
               a_pattern_that_gives_up_is_an_error, threads_share_a_tokenizer, running_out_of_memory_is_an_error)
