/* What an independent implementation made of many texts, see scripts/make_tokenizer_cases.py, and the prompts of the
 * shipped model's card. */
#include "support/weft_check.h"

#include "support/json_patch.h"
#include "text/tokenizer.h"

static void assert_encodes(const weft_tokenizer *tokenizer, const json_t *text, uint32_t flags, const json_t *expected)
{
    size_t bytes = json_string_length(text);
    size_t room = weft_tokenizer_tokens_max(tokenizer, bytes);
    size_t count = 0;
    weft_error error;
    int32_t *ids = malloc((room + 1) * sizeof *ids);
    ck_assert_ptr_nonnull(ids);
    WEFT_TEST_ASSERT_OK(
        weft_tokenizer_encode(tokenizer, json_string_value(text), bytes, flags, ids, room, &count, &error), error);
    ck_assert_msg(count == json_array_size(expected), "'%s' has %zu tokens, not %zu", json_string_value(text),
                  json_array_size(expected), count);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(ids[i] == json_integer_value(json_array_get(expected, i)), "token %zu of '%s' is %d", i,
                      json_string_value(text), ids[i]);
    free(ids);
}

/* Decoding gives the text back, but for blanks before it and tokens around it. */
static void assert_decodes(const weft_tokenizer *tokenizer, const json_t *text, const json_t *tokens)
{
    int32_t ids[4096];
    char decoded[8192];
    size_t bytes = 0;
    weft_error error;
    size_t count = json_array_size(tokens);
    ck_assert_uint_le(count, 4096);
    for (size_t i = 0; i < count; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(tokens, i));
    WEFT_TEST_ASSERT_OK(weft_tokenizer_decode(tokenizer, ids, count, 0, decoded, sizeof decoded, &bytes, &error),
                        error);
    ck_assert_uint_eq(bytes, json_string_length(text));
    ck_assert_mem_eq(decoded, json_string_value(text), bytes);
}

static weft_tokenizer *open_patched(const char *path, json_t *patch)
{
    const char *place;
    json_t *value;
    weft_tokenizer *tokenizer = NULL;
    weft_error error;
    json_t *document = weft_test_json_load(path);
    json_object_foreach(patch, place, value)
    {
        char key[64];
        size_t bytes = strcspn(place, ".");
        (void)snprintf(key, sizeof key, "%.*s", (int)bytes, place);
        if (place[bytes] == '.')
            ck_assert_int_eq(json_object_set(json_object_get(document, key), place + bytes + 1, value), 0);
        else
            ck_assert_int_eq(json_object_set(document, key, value), 0);
    }
    char *text = weft_test_json_dump(document);
    WEFT_TEST_ASSERT_OK(weft__tokenizer_parse(text, strlen(text), path, &tokenizer, &error), error);
    free(text);
    json_decref(document);
    return tokenizer;
}

START_TEST(the_frozen_cases_come_out)
{
    json_t *document = weft_test_json_load("tests/data/tokenizer_cases.json");
    json_t *groups = json_object_get(document, "groups");
    size_t seen = 0;
    for (size_t i = 0; i < json_array_size(groups); i++) {
        json_t *group = json_array_get(groups, i);
        json_t *patch = json_object_get(group, "patch");
        json_t *cases = json_object_get(group, "cases");
        bool adds_special = json_is_true(json_object_get(group, "add_special"));
        weft_tokenizer *tokenizer = open_patched(json_string_value(json_object_get(group, "tokenizer")), patch);
        bool is_exact = !adds_special && !tokenizer->normalizes && !tokenizer->splitter.adds_prefix_space;
        for (size_t j = 0; j < json_array_size(cases); j++) {
            json_t *text = json_array_get(json_array_get(cases, j), 0);
            json_t *tokens = json_array_get(json_array_get(cases, j), 1);
            assert_encodes(tokenizer, text, adds_special ? WEFT_TOKENIZER_ADD_SPECIAL : 0, tokens);
            if (is_exact)
                assert_decodes(tokenizer, text, tokens);
            seen++;
        }
        weft_tokenizer_close(tokenizer);
    }
    ck_assert_uint_ge(seen, 500);
    json_decref(document);
}
END_TEST

START_TEST(the_prompts_of_the_card_come_out)
{
    json_t *card = weft_test_json_load("models/sums/card.json");
    json_t *examples = json_object_get(card, "examples");
    json_t *references = json_object_get(card, "reference");
    weft_tokenizer *tokenizer = NULL;
    weft_error error;
    WEFT_TEST_ASSERT_OK(weft_tokenizer_open(WEFT_SOURCE_DIR "/models/sums/tokenizer.json", &tokenizer, &error), error);
    ck_assert_uint_eq(json_array_size(examples), 24);
    for (size_t i = 0; i < 24; i++) {
        json_t *example = json_array_get(examples, i);
        assert_encodes(tokenizer, json_object_get(example, "prompt"), 0, json_object_get(example, "prompt_tokens"));
        assert_decodes(tokenizer, json_object_get(example, "prompt"), json_object_get(example, "prompt_tokens"));
    }
    ck_assert_uint_eq(json_array_size(references), 4);
    for (size_t i = 0; i < 4; i++) {
        json_t *reference = json_array_get(references, i);
        assert_encodes(tokenizer, json_object_get(reference, "prompt"), 0, json_object_get(reference, "tokens"));
    }
    weft_tokenizer_close(tokenizer);
    json_decref(card);
}
END_TEST

WEFT_TEST_MAIN("tokenizer_cases", the_frozen_cases_come_out, the_prompts_of_the_card_come_out)
