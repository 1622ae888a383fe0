#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/file.h"
#include "text/normalize.h"
#include "text/tokenizer.h"

#define FILE_BYTES_MAX (256u << 20)

/* Null, NFC, or a Sequence of NFC. */
static weft_status read_normalizer(const weft__json_object *object, bool *normalizes, weft_error *err)
{
    const char *type = NULL;
    weft_status status = weft__json_string(object, "type", &type, err);
    if (status != WEFT_OK)
        return status;
    if (strcmp(type, "NFC") == 0) {
        *normalizes = true;
        return WEFT_OK;
    }
    return weft__json_wrong(object, "type", json_object_get(object->json, "type"), WEFT_UNSUPPORTED,
                            "\"NFC\", the only normalizer that Weft supports", err);
}

static weft_status read_normalizers(const weft__json_object *root, bool *normalizes, weft_error *err)
{
    weft__json_object object;
    const json_t *list = NULL;
    if (!weft__json_field(root, "normalizer"))
        return WEFT_OK;
    weft_status status = weft__json_child(root, "normalizer", "normalizer.", &object, err);
    if (status != WEFT_OK)
        return status;
    const char *type = json_string_value(json_object_get(object.json, "type"));
    if (!type || strcmp(type, "Sequence") != 0)
        return read_normalizer(&object, normalizes, err);
    status = weft__json_array(&object, "normalizers", &list, err);
    for (size_t i = 0; status == WEFT_OK && i < json_array_size(list); i++) {
        const weft__json_object part = {
            .json = json_array_get(list, i), .file = root->file, .path = "normalizer.normalizers[]."};
        status = read_normalizer(&part, normalizes, err);
    }
    return status;
}

static weft_status check_decoder(const weft__json_object *root, weft_error *err)
{
    const json_t *decoder = weft__json_field(root, "decoder");
    const char *type = json_string_value(json_object_get(decoder, "type"));
    if (!decoder || (type && strcmp(type, "ByteLevel") == 0))
        return WEFT_OK;
    const weft__json_object object = {.json = decoder, .file = root->file, .path = "decoder."};
    return weft__json_wrong(&object, "type", json_object_get(decoder, "type"), WEFT_UNSUPPORTED, "\"ByteLevel\"", err);
}

/* Refuses the kinds of BPE that work on something else than bytes, or at random. */
static weft_status check_model(const weft__json_object *model, weft_error *err)
{
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const char *type = NULL;
    bool has_fallback = false;
    double dropout = 0;
    weft_status status = weft__json_string_or(model, "type", "BPE", &type, err); /* older files leave it out */
    if (status == WEFT_OK && strcmp(type, "BPE") != 0)
        status = weft__json_wrong(model, "type", json_object_get(model->json, "type"), WEFT_UNSUPPORTED,
                                  "\"BPE\", the only model that Weft supports", err);
    if (status == WEFT_OK)
        status = weft__json_bool_or(model, "byte_fallback", false, &has_fallback, err);
    if (status == WEFT_OK && has_fallback)
        status = weft__json_wrong(model, "byte_fallback", json_object_get(model->json, "byte_fallback"),
                                  WEFT_UNSUPPORTED, "false, because Weft supports byte-level BPE alone", err);
    if (status == WEFT_OK)
        status = weft__json_f64_or(model, "dropout", 0, 0, 1, &dropout, err);
    if (status == WEFT_OK && dropout > 0)
        status = weft__json_wrong(model, "dropout", json_object_get(model->json, "dropout"), WEFT_UNSUPPORTED,
                                  "null or 0", err);
    for (size_t i = 0; status == WEFT_OK && i < sizeof affixes / sizeof affixes[0]; i++) {
        const char *affix = NULL;
        status = weft__json_string_or(model, affixes[i], "", &affix, err);
        if (status == WEFT_OK && affix[0] != '\0')
            status = weft__json_wrong(model, affixes[i], json_object_get(model->json, affixes[i]), WEFT_UNSUPPORTED,
                                      "null or \"\"", err);
    }
    return status;
}

/* Added tokens that are looked for in normalised text are compared as they are, so they must be normalised themselves.
 */
static weft_status check_normalized(const weft_tokenizer *tokenizer, weft_error *err)
{
    for (uint32_t i = 0; tokenizer->normalizes && i < tokenizer->normalized.count; i++) {
        const weft__token *token = &tokenizer->vocab.tokens[tokenizer->normalized.ids[i]];
        const char *text = weft__vocab_text(&tokenizer->vocab, token);
        char *normal = NULL;
        size_t bytes = 0;
        weft_status status = weft__nfc(text, token->bytes, &normal, &bytes, err);
        if (status != WEFT_OK)
            return status;
        bool is_same = !normal || (bytes == token->bytes && memcmp(normal, text, bytes) == 0);
        free(normal);
        if (!is_same) {
            char quoted[WEFT__JSON_TEXT_BYTES];
            return weft__fail(err, WEFT_UNSUPPORTED, "%s: added token %d, %s, is not in normalisation form C.",
                              tokenizer->name, tokenizer->normalized.ids[i],
                              weft__json_quote(text, token->bytes, quoted));
        }
    }
    return WEFT_OK;
}

static weft_status read_all(weft_tokenizer *tokenizer, const weft__json_object *root, weft_error *err)
{
    weft__json_object model;
    const json_t *added = NULL;
    weft_status status = weft__json_child(root, "model", "model.", &model, err);
    if (status == WEFT_OK)
        status = check_model(&model, err);
    if (status == WEFT_OK)
        status = weft__json_bool_or(&model, "ignore_merges", false, &tokenizer->ignores_merges, err);
    if (status == WEFT_OK)
        status = read_normalizers(root, &tokenizer->normalizes, err);
    if (status == WEFT_OK)
        status = weft__splitter_read(&tokenizer->splitter, root, err);
    if (status == WEFT_OK)
        status = check_decoder(root, err);
    if (status == WEFT_OK && weft__json_field(root, "added_tokens"))
        status = weft__json_array(root, "added_tokens", &added, err);
    if (status == WEFT_OK)
        status = weft__vocab_read(&tokenizer->vocab, &model, root, added, err);
    if (status == WEFT_OK)
        status = weft__merges_read(&tokenizer->merges, &model, err);
    if (status == WEFT_OK)
        status = weft__added_read(&tokenizer->raw, &tokenizer->vocab, root, added, false, err);
    if (status == WEFT_OK)
        status = weft__added_read(&tokenizer->normalized, &tokenizer->vocab, root, added, true, err);
    if (status == WEFT_OK)
        status = check_normalized(tokenizer, err);
    if (status == WEFT_OK)
        status = weft__template_read(&tokenizer->template_, &tokenizer->vocab, root, err);
    return status;
}

weft_status weft__tokenizer_parse(const char *text, size_t bytes, const char *name, weft_tokenizer **out,
                                  weft_error *err)
{
    json_t *json = NULL;
    *out = NULL;
    weft_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (!tokenizer)
        return weft__fail_memory(err, sizeof *tokenizer, "a tokenizer");
    weft_status status = WEFT_OK;
    tokenizer->name = strdup(name);
    if (!tokenizer->name)
        status = weft__fail_memory(err, strlen(name) + 1, "the name of a tokenizer");
    if (status == WEFT_OK)
        status = weft__json_parse(text, bytes, name, &json, err);
    if (status == WEFT_OK) {
        const weft__json_object root = {.json = json, .file = name, .path = ""};
        status = read_all(tokenizer, &root, err);
    }
    json_decref(json);
    if (status != WEFT_OK) {
        weft_tokenizer_close(tokenizer);
        return status;
    }
    *out = tokenizer;
    return WEFT_OK;
}

weft_status weft_tokenizer_open(const char *path, weft_tokenizer **out, weft_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    *out = NULL;
    weft_status status = weft__file_read(path, FILE_BYTES_MAX, &text, &bytes, err);
    if (status == WEFT_OK)
        status = weft__tokenizer_parse(text, bytes, weft__path_tail(path), out, err);
    free(text);
    return status;
}

void weft_tokenizer_close(weft_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    weft__splitter_free(&tokenizer->splitter);
    weft__added_free(&tokenizer->normalized);
    weft__added_free(&tokenizer->raw);
    weft__merges_free(&tokenizer->merges);
    weft__vocab_free(&tokenizer->vocab);
    free(tokenizer->name);
    free(tokenizer);
}
