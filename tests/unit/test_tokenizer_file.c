/* What a tokenizer.json may say, and what it may not. */
#include "support/weft_check.h"

#include "base/rng.h"
#include "support/json_patch.h"
#include "support/sentence.h"
#include "text/tokenizer.h"

#define GPT2 "tests/data/tokenizers/gpt2.json"
#define LLAMA3 "tests/data/tokenizers/llama3.json"

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

static const char *const harmless[][6] = {
    {"truncation", "{\"max_length\": 512}"},
    {"padding", "{\"strategy\": \"BatchLongest\"}"},
    {"added_tokens", NULL},
    {"added_tokens", "null"},
    {"added_tokens", "[]"},
    {"decoder", NULL},
    {"post_processor", NULL},
    {"post_processor", "{\"type\": \"Sequence\", \"processors\": []}"},
    {"normalizer", "{\"type\": \"Sequence\", \"normalizers\": []}"},
    {"normalizer", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": \"NFC\"}]}"},
    {"model/type", NULL},
    {"model/unk_token", "\"<|endoftext|>\""},
    {"model/dropout", "0.0"},
    {"model/continuing_subword_prefix", "\"\"", "model/end_of_word_suffix", "\"\""},
    {"model/merges", "[]"},
    {"model/merges/0", "[\"a\", \"a\"]", "model/merges/1", "\"a a\""},
    {"model/vocab/ a raw token ", "5000"}, /* numbers may have holes before them */
    {"added_tokens/0/special", NULL},
};

START_TEST(harmless_changes_are_accepted)
{
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        weft_tokenizer *tokenizer = NULL;
        weft_error error;
        size_t count = 0;
        WEFT_TEST_ASSERT_OK(parse_patched(GPT2, harmless[i], &tokenizer, &error), error);
        WEFT_TEST_ASSERT_OK(weft_tokenizer_encode(tokenizer, "the weft", 8, 0, NULL, 0, &count, &error), error);
        ck_assert_uint_gt(count, 0);
        weft_tokenizer_close(tokenizer);
    }
}
END_TEST

START_TEST(holes_are_no_tokens)
{
    const char *const patch[6] = {"model/vocab/ a raw token ", "5000"};
    weft_tokenizer *tokenizer = NULL;
    const char *text = NULL;
    size_t bytes = 0;
    weft_error error;
    WEFT_TEST_ASSERT_OK(parse_patched(GPT2, patch, &tokenizer, &error), error);
    ck_assert_uint_eq(weft_tokenizer_vocab_size(tokenizer), 5001);
    WEFT_TEST_ASSERT_OK(weft_tokenizer_token_bytes(tokenizer, 5000, &text, &bytes, &error), error);
    ck_assert_uint_eq(bytes, strlen(" a raw token "));
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_token_bytes(tokenizer, 4999, &text, &bytes, &error), error, WEFT_OUT_OF_RANGE,
                           "4999", NULL, NULL, NULL);
    weft_tokenizer_close(tokenizer);
}
END_TEST

#define TEMPLATE(single, specials)                                                                                     \
    "{\"type\": \"TemplateProcessing\", \"single\": [" single "], \"special_tokens\": {" specials "}}"
#define SEQUENCE_A "{\"Sequence\": {\"id\": \"A\"}}"
#define SPECIAL_S "{\"SpecialToken\": {\"id\": \"s\"}}"
#define SPLIT(rest) "{\"type\": \"Split\", " rest "}"

static const struct lie {
    const char *patch[6];
    weft_status status;
    const char *fragments[3];
} lies[] = {
    {{"model", NULL}, WEFT_PARSE, {"\"model\"", "missing", NULL}},
    {{"model", "[]"}, WEFT_PARSE, {"\"model\"", "an array of 0", NULL}},
    {{"model/type", "\"Unigram\""}, WEFT_UNSUPPORTED, {"\"model.type\"", "\"Unigram\"", NULL}},
    {{"model/byte_fallback", "true"}, WEFT_UNSUPPORTED, {"\"model.byte_fallback\"", "true", NULL}},
    {{"model/dropout", "0.1"}, WEFT_UNSUPPORTED, {"\"model.dropout\"", "0.1", NULL}},
    {{"model/dropout", "\"x\""}, WEFT_PARSE, {"\"model.dropout\"", "\"x\"", NULL}},
    {{"model/end_of_word_suffix", "\"</w>\""}, WEFT_UNSUPPORTED, {"\"model.end_of_word_suffix\"", "\"</w>\"", NULL}},
    {{"model/continuing_subword_prefix", "\"##\""},
     WEFT_UNSUPPORTED,
     {"\"model.continuing_subword_prefix\"", "\"##\"", NULL}},
    {{"model/ignore_merges", "1"}, WEFT_PARSE, {"\"model.ignore_merges\"", "1", NULL}},
    {{"model/vocab", NULL}, WEFT_PARSE, {"\"model.vocab\"", "missing", NULL}},
    {{"model/vocab", "[[\"a\", 1]]"}, WEFT_PARSE, {"\"model.vocab\"", "an array of 1", NULL}},
    {{"model/vocab", "{}"}, WEFT_UNSUPPORTED, {"\"model.vocab\"", "0x00", NULL}},
    {{"model/vocab/a", "-1"}, WEFT_PARSE, {"\"model.vocab\"", "\"a\"", "-1"}},
    {{"model/vocab/a", "1.5"}, WEFT_PARSE, {"\"model.vocab\"", "\"a\"", "1.5"}},
    {{"model/vocab/a", "4194304"}, WEFT_PARSE, {"\"model.vocab\"", "\"a\"", "4194304"}},
    {{"model/vocab/new", "3"}, WEFT_PARSE, {"\"new\"", "number 3", "already"}},
    {{"model/vocab/a", NULL}, WEFT_UNSUPPORTED, {"\"model.vocab\"", "0x61", NULL}},
    {{"model/vocab/Ġ", NULL}, WEFT_UNSUPPORTED, {"\"model.vocab\"", "0x20", NULL}},
    {{"model/merges", NULL}, WEFT_PARSE, {"\"model.merges\"", "missing", NULL}},
    {{"model/merges", "{}"}, WEFT_PARSE, {"\"model.merges\"", "an object of 0", NULL}},
    {{"model/merges/7", "\"ab\""}, WEFT_PARSE, {"\"model.merges[7]\"", "\"ab\"", NULL}},
    {{"model/merges/7", "\"a b c\""}, WEFT_PARSE, {"\"model.merges[7]\"", "\"a b c\"", NULL}},
    {{"model/merges/7", "[\"a\"]"}, WEFT_PARSE, {"\"model.merges[7]\"", "an array of 1", NULL}},
    {{"model/merges/7", "[\"a\", 1]"}, WEFT_PARSE, {"\"model.merges[7]\"", "1", NULL}},
    {{"model/merges/7", "4"}, WEFT_PARSE, {"\"model.merges[7]\"", "4", NULL}},
    {{"model/merges/7", "\"zzz a\""}, WEFT_PARSE, {"\"model.merges[7]\"", "part \"zzz\"", NULL}},
    {{"model/merges/7", "\" a\""}, WEFT_PARSE, {"\"model.merges[7]\"", "part \"\"", NULL}},
    {{"model/merges/7", "\"z z\""}, WEFT_PARSE, {"\"model.merges[7]\"", "result \"zz\"", NULL}},
    {{"normalizer", "{\"type\": \"Lowercase\"}"}, WEFT_UNSUPPORTED, {"\"normalizer.type\"", "\"Lowercase\"", NULL}},
    {{"normalizer", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFKC\"}]}"},
     WEFT_UNSUPPORTED,
     {"\"normalizer.normalizers[].type\"", "\"NFKC\"", NULL}},
    {{"normalizer", "\"NFC\""}, WEFT_PARSE, {"\"normalizer\"", "\"NFC\"", NULL}},
    {{"decoder", "{\"type\": \"Metaspace\"}"}, WEFT_UNSUPPORTED, {"\"decoder.type\"", "\"Metaspace\"", NULL}},
    {{"pre_tokenizer", NULL}, WEFT_PARSE, {"\"pre_tokenizer\"", "missing", NULL}},
    {{"pre_tokenizer", "{\"type\": \"Whitespace\"}"},
     WEFT_UNSUPPORTED,
     {"\"pre_tokenizer.type\"", "\"Whitespace\"", NULL}},
    {{"pre_tokenizer", "{\"type\": \"Sequence\", \"pretokenizers\": []}"}, WEFT_UNSUPPORTED, {"ByteLevel", NULL, NULL}},
    {{"pre_tokenizer/use_regex", "3"}, WEFT_PARSE, {"\"pre_tokenizer.use_regex\"", "3", NULL}},
    {{"pre_tokenizer",
      "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"ByteLevel\"}, {\"type\": \"ByteLevel\"}]}"},
     WEFT_UNSUPPORTED,
     {"\"pre_tokenizer.pretokenizers[1].type\"", "\"ByteLevel\"", "last"}},
    {{"pre_tokenizer", SPLIT("\"pattern\": {\"Regex\": \"a\"}, \"behavior\": \"Removed\"")},
     WEFT_UNSUPPORTED,
     {"\"pre_tokenizer.behavior\"", "\"Removed\"", NULL}},
    {{"pre_tokenizer", SPLIT("\"pattern\": {\"Regex\": \"a\"}, \"behavior\": \"Isolated\", \"invert\": true")},
     WEFT_UNSUPPORTED,
     {"\"pre_tokenizer.invert\"", "true", NULL}},
    {{"pre_tokenizer", SPLIT("\"pattern\": {\"Regex\": \"(a\"}, \"behavior\": \"Isolated\"")},
     WEFT_PARSE,
     {"\"pre_tokenizer.pattern.Regex\"", "\"(a\"", "parenthesis"}},
    {{"pre_tokenizer", SPLIT("\"pattern\": {\"Regex\": \"a\\\\C\"}, \"behavior\": \"Isolated\"")},
     WEFT_PARSE,
     {"\"pre_tokenizer.pattern.Regex\"", "\\C", NULL}},
    {{"pre_tokenizer", SPLIT("\"pattern\": {\"Regex\": \"\"}, \"behavior\": \"Isolated\"")},
     WEFT_PARSE,
     {"\"pre_tokenizer.pattern.Regex\"", "0 bytes", NULL}},
    {{"pre_tokenizer", SPLIT("\"pattern\": \"a\", \"behavior\": \"Isolated\"")},
     WEFT_PARSE,
     {"\"pre_tokenizer.pattern\"", "\"a\"", NULL}},
    {{"pre_tokenizer", SPLIT("\"pattern\": {}, \"behavior\": \"Isolated\"")},
     WEFT_PARSE,
     {"\"pre_tokenizer.pattern.Regex\"", "missing", NULL}},
    {{"added_tokens", "{}"}, WEFT_PARSE, {"\"added_tokens\"", "an object of 0", NULL}},
    {{"added_tokens/0", "5"}, WEFT_PARSE, {"\"added_tokens[0].content\"", "missing", NULL}},
    {{"added_tokens/1/content", "\"\""}, WEFT_PARSE, {"\"added_tokens[1].content\"", "\"\"", NULL}},
    {{"added_tokens/1/id", NULL}, WEFT_PARSE, {"\"added_tokens[1].id\"", "\"<|begin|>\"", "missing"}},
    {{"added_tokens/1/id", "4194304"}, WEFT_PARSE, {"\"added_tokens[1].id\"", "4194304", NULL}},
    {{"added_tokens/1/id", "5"}, WEFT_PARSE, {"\"<|begin|>\"", "number 5", "already"}},
    {{"added_tokens/1/id", "656"}, WEFT_PARSE, {"\"<|begin|>\"", "number 656", "\"<|endoftext|>\""}},
    {{"added_tokens/1/content", "\"<|endoftext|>\""}, WEFT_PARSE, {"\"added_tokens[1].content\"", "token 656", NULL}},
    {{"added_tokens/1/content", "\"a\""}, WEFT_PARSE, {"\"added_tokens[1].id\"", "\"a\"", "657"}},
    {{"model/vocab/Ġ", "900", "added_tokens/1/content", "\"Ġ\"", "added_tokens/1/id", "900"},
     WEFT_UNSUPPORTED,
     {"\"added_tokens[1].content\"", "\"Ġ\"", NULL}},
    {{"added_tokens/1/special", "\"yes\""}, WEFT_PARSE, {"\"added_tokens[1].special\"", "\"yes\"", NULL}},
    {{"added_tokens/2/lstrip", "true"}, WEFT_UNSUPPORTED, {"\"added_tokens[2].lstrip\"", "true", NULL}},
    {{"added_tokens/2/rstrip", "true"}, WEFT_UNSUPPORTED, {"\"added_tokens[2].rstrip\"", "true", NULL}},
    {{"added_tokens/2/single_word", "true"}, WEFT_UNSUPPORTED, {"\"added_tokens[2].single_word\"", "true", NULL}},
    {{"normalizer", "{\"type\": \"NFC\"}", "added_tokens/5/content", "\"ne\\u0301\""},
     WEFT_UNSUPPORTED,
     {"added token 661", "normalisation form C", NULL}},
    {{"post_processor", "{\"type\": \"BertProcessing\"}"},
     WEFT_UNSUPPORTED,
     {"\"post_processor.type\"", "\"BertProcessing\"", NULL}},
    {{"post_processor", "3"}, WEFT_PARSE, {"\"post_processor\"", "3", NULL}},
    {{"post_processor", TEMPLATE("", "")}, WEFT_PARSE, {"\"post_processor.single\"", "an array of 0", "Sequence"}},
    {{"post_processor", TEMPLATE(SEQUENCE_A ", " SEQUENCE_A, "")},
     WEFT_PARSE,
     {"\"post_processor.single[1]\"", NULL, NULL}},
    {{"post_processor", TEMPLATE("{}", "")}, WEFT_PARSE, {"\"post_processor.single[0]\"", NULL, NULL}},
    {{"post_processor", TEMPLATE(SPECIAL_S ", " SEQUENCE_A, "")},
     WEFT_PARSE,
     {"\"post_processor.special_tokens\"", "\"s\"", NULL}},
    {{"post_processor", TEMPLATE(SPECIAL_S ", " SEQUENCE_A, "\"s\": {\"ids\": [70000]}")},
     WEFT_PARSE,
     {"\"post_processor.special_tokens\"", "\"s\"", "70000"}},
    {{"post_processor", TEMPLATE(SPECIAL_S ", " SEQUENCE_A, "\"s\": {\"ids\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}")},
     WEFT_UNSUPPORTED,
     {"\"post_processor.single\"", "16", NULL}},
};

START_TEST(a_lie_gives_a_sentence)
{
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        weft_tokenizer *tokenizer = NULL;
        weft_error error = {0};
        weft_status status = parse_patched(GPT2, lies[i].patch, &tokenizer, &error);
        WEFT_TEST_ASSERT_FAILS(status, error, lies[i].status, "tokenizer.json", lies[i].fragments[0],
                               lies[i].fragments[1], lies[i].fragments[2]);
        ck_assert_ptr_null(tokenizer);
    }
}
END_TEST

START_TEST(a_long_token_is_refused)
{
    static char text[70000];
    json_t *document = weft_test_json_load(GPT2);
    weft_tokenizer *tokenizer = NULL;
    weft_error error;
    memset(text, 'x', 65536);
    ck_assert_int_eq(
        json_object_set_new(json_object_get(json_object_get(document, "model"), "vocab"), text, json_integer(999)), 0);
    char *dump = weft_test_json_dump(document);
    WEFT_TEST_ASSERT_FAILS(weft__tokenizer_parse(dump, strlen(dump), "t.json", &tokenizer, &error), error, WEFT_PARSE,
                           "t.json", "\"xxx", "65536 bytes", "65535");
    free(dump);
    json_decref(document);
}
END_TEST

START_TEST(text_that_is_no_json_is_located)
{
    static const char text[] = "{\n  \"model\": {\"vocab\": {\"a\": 1, \"a\": 2}}}";
    weft_tokenizer *tokenizer = NULL;
    weft_error error;
    WEFT_TEST_ASSERT_FAILS(weft__tokenizer_parse(text, sizeof text - 1, "t.json", &tokenizer, &error), error,
                           WEFT_PARSE, "t.json", "line 2", "duplicate", "\"a\"");
    ck_assert_uint_eq(error.line, 2);
    WEFT_TEST_ASSERT_FAILS(weft_tokenizer_open(WEFT_SOURCE_DIR "/none.json", &tokenizer, &error), error, WEFT_IO,
                           "none.json", NULL, NULL, NULL);
}
END_TEST

START_TEST(every_truncation_fails)
{
    json_t *document = weft_test_json_load(LLAMA3);
    char *text = weft_test_json_dump(document);
    size_t bytes = strlen(text);
    for (size_t cut = 0; cut < bytes; cut += 13) {
        weft_tokenizer *tokenizer = NULL;
        weft_error error;
        char *copy = malloc(cut ? cut : 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, cut);
        WEFT_TEST_ASSERT_FAILS(weft__tokenizer_parse(copy, cut, "cut", &tokenizer, &error), error, WEFT_PARSE, "cut",
                               NULL, NULL, NULL);
        free(copy);
    }
    free(text);
    json_decref(document);
}
END_TEST

/* Whatever a flipped bit makes of the file, what is accepted still encodes and decodes. */
START_TEST(a_flipped_bit_fails_or_leaves_a_tokenizer)
{
    enum {
        FLIPS = 1500
    };
    static const char text[] = "I'll weft 42 aaaa \xff<tag>x";
    json_t *document = weft_test_json_load(LLAMA3);
    char *file = weft_test_json_dump(document);
    size_t bytes = strlen(file);
    size_t failures = 0;
    weft__rng rng;
    weft__rng_init(&rng, 11);
    for (size_t i = 0; i < FLIPS; i++) {
        weft_tokenizer *tokenizer = NULL;
        weft_error error = {0};
        size_t bit = weft__rng_below(&rng, 8 * bytes);
        file[bit / 8] = (char)((unsigned char)file[bit / 8] ^ (1u << bit % 8));
        weft_status status = weft__tokenizer_parse(file, bytes, "flip", &tokenizer, &error);
        file[bit / 8] = (char)((unsigned char)file[bit / 8] ^ (1u << bit % 8));
        if (status != WEFT_OK) {
            ck_assert_msg(weft_test_is_sentence(error.message), "%s", error.message);
            failures++;
            continue;
        }
        int32_t ids[128];
        char back[128];
        size_t count = 0;
        size_t back_bytes = 0;
        status = weft_tokenizer_encode(tokenizer, text, sizeof text - 1, 0, ids, 128, &count, &error);
        ck_assert(status == WEFT_OK || weft_test_is_sentence(error.message));
        if (status == WEFT_OK) {
            WEFT_TEST_ASSERT_OK(weft_tokenizer_decode(tokenizer, ids, count, 0, back, 128, &back_bytes, &error), error);
            ck_assert(tokenizer->splitter.adds_prefix_space || back_bytes == sizeof text - 1);
        }
        weft_tokenizer_close(tokenizer);
    }
    ck_assert_uint_gt(failures, FLIPS / 4);
    ck_assert_uint_lt(failures, FLIPS);
    free(file);
    json_decref(document);
}
END_TEST

WEFT_TEST_MAIN("tokenizer_file", harmless_changes_are_accepted, holes_are_no_tokens, a_lie_gives_a_sentence,
               a_long_token_is_refused, text_that_is_no_json_is_located, every_truncation_fails,
               a_flipped_bit_fails_or_leaves_a_tokenizer)
