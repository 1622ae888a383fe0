#include "text/vocab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "text/byte_level.h"
#include "base/utf8.h"

#define FIELD_BYTES 48

static uint32_t hash_of(const char *bytes, size_t count)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return (uint32_t)(hash ^ hash >> 32);
}

/* The slot of the token with these bytes, or the empty one where it would be. */
static uint32_t slot_of(const weft__vocab *vocab, const char *bytes, size_t count)
{
    uint32_t slot = hash_of(bytes, count) & vocab->slot_mask;
    while (vocab->slots[slot] >= 0) {
        const weft__token *token = &vocab->tokens[vocab->slots[slot]];
        if (token->bytes == count && memcmp(weft__vocab_text(vocab, token), bytes, count) == 0)
            break;
        slot = (slot + 1) & vocab->slot_mask;
    }
    return slot;
}

int32_t weft__vocab_find(const weft__vocab *vocab, const char *bytes, size_t count)
{
    return vocab->slots[slot_of(vocab, bytes, count)];
}

const weft__token *weft__vocab_token(const weft__vocab *vocab, int64_t id)
{
    return id >= 0 && id < (int64_t)vocab->size && vocab->tokens[id].is_token ? &vocab->tokens[id] : NULL;
}

static void insert(weft__vocab *vocab, int32_t id)
{
    const weft__token *token = &vocab->tokens[id];
    vocab->slots[slot_of(vocab, weft__vocab_text(vocab, token), token->bytes)] = id;
}

/* Undoes the byte-level writing of `key`; false, and nothing, if it holds any other character. */
static bool decode_key(const char *key, size_t bytes, char *out, size_t *out_bytes)
{
    size_t used = 0;
    for (size_t i = 0; i < bytes;) {
        uint32_t character = 0;
        size_t length = weft__utf8_decode(key + i, bytes - i, &character);
        int byte = length ? weft__byte_level_byte(character) : -1;
        if (byte < 0)
            return false;
        out[used++] = (char)(unsigned char)byte;
        i += length;
    }
    *out_bytes = used;
    return true;
}

/* Checks a token's number and text before anything is allocated by them. */
static weft_status measure(const weft__json_object *object, const char *field, const json_t *id, const char *key,
                           uint32_t *size, size_t *text_bytes, weft_error *err)
{
    char text[WEFT__JSON_TEXT_BYTES];
    size_t bytes = strlen(key);
    json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;
    if (value < 0 || value >= (json_int_t)WEFT__VOCAB_IDS_MAX) {
        char id_text[WEFT__JSON_TEXT_BYTES];
        return weft__fail(err, WEFT_PARSE, "%s: field \"%s%s\": the number of token %s is %s, expected 0 to %u.",
                          object->file, object->path, field, weft__json_quote(key, bytes, text),
                          weft__json_text(id, id_text), WEFT__VOCAB_IDS_MAX - 1);
    }
    if (bytes > WEFT__TOKEN_BYTES_MAX)
        return weft__fail(err, WEFT_PARSE, "%s: field \"%s%s\": token %s has %zu bytes, the limit is %u.", object->file,
                          object->path, field, weft__json_quote(key, bytes, text), bytes, WEFT__TOKEN_BYTES_MAX);
    if ((uint32_t)value >= *size)
        *size = (uint32_t)value + 1;
    *text_bytes += bytes + 1; /* a zero byte stands behind each */
    return WEFT_OK;
}

/* The fields of one added token, by name and for messages. */
static weft_status added_at(const weft__json_object *root, const json_t *added, size_t index, char path[FIELD_BYTES],
                            weft__json_object *out, const char **out_content, weft_error *err)
{
    (void)snprintf(path, FIELD_BYTES, "added_tokens[%zu].", index);
    *out = (weft__json_object){.json = json_array_get(added, index), .file = root->file, .path = path};
    weft_status status = weft__json_string(out, "content", out_content, err);
    if (status == WEFT_OK && (*out_content)[0] == '\0')
        status = weft__json_wrong(out, "content", json_object_get(out->json, "content"), WEFT_PARSE,
                                  "at least one byte", err);
    return status;
}

/* Finds the size of everything and allocates it. */
static weft_status allocate(weft__vocab *vocab, const weft__json_object *model, json_t *entries,
                            const weft__json_object *root, const json_t *added, weft_error *err)
{
    const char *key;
    json_t *id;
    size_t text_bytes = 0;
    size_t slots = 1024;
    json_object_foreach(entries, key, id)
    {
        weft_status status = measure(model, "vocab", id, key, &vocab->size, &text_bytes, err);
        if (status != WEFT_OK)
            return status;
    }
    for (size_t i = 0; i < json_array_size(added); i++) {
        char path[FIELD_BYTES];
        weft__json_object object;
        const char *content = NULL;
        weft_status status = added_at(root, added, i, path, &object, &content, err);
        if (status == WEFT_OK)
            status =
                measure(&object, "id", json_object_get(object.json, "id"), content, &vocab->size, &text_bytes, err);
        if (status != WEFT_OK)
            return status;
    }
    while (slots < 2 * (json_object_size(entries) + json_array_size(added)))
        slots *= 2;
    if (text_bytes > UINT32_MAX || slots > UINT32_MAX)
        return weft__fail(err, WEFT_PARSE, "%s: the tokens have %zu bytes together, the limit is %u.", root->file,
                          text_bytes, UINT32_MAX);
    vocab->tokens = calloc(vocab->size, sizeof *vocab->tokens);
    vocab->text = malloc(text_bytes + 1);
    vocab->slots = malloc(slots * sizeof *vocab->slots);
    if ((!vocab->tokens && vocab->size) || !vocab->text || !vocab->slots)
        return weft__fail_memory(err, vocab->size * sizeof *vocab->tokens + text_bytes + slots * sizeof *vocab->slots,
                                 "the vocabulary of a tokenizer");
    memset(vocab->slots, -1, slots * sizeof *vocab->slots);
    vocab->slot_mask = (uint32_t)(slots - 1);
    return WEFT_OK;
}

static weft_status fail_taken(const weft__vocab *vocab, const char *file, const char *key, int32_t id, weft_error *err)
{
    char text[WEFT__JSON_TEXT_BYTES];
    char other_text[WEFT__JSON_TEXT_BYTES];
    const weft__token *other = &vocab->tokens[id];
    return weft__fail(err, WEFT_PARSE, "%s: token %s has number %d, which token %s has already.", file,
                      weft__json_quote(key, strlen(key), text), id,
                      weft__json_quote(weft__vocab_text(vocab, other), other->bytes, other_text));
}

static weft_status read_entries(weft__vocab *vocab, const weft__json_object *model, json_t *entries, weft_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(entries, key, value)
    {
        int32_t id = (int32_t)json_integer_value(value);
        weft__token *token = &vocab->tokens[id];
        size_t bytes = strlen(key);
        if (token->is_token)
            return fail_taken(vocab, model->file, key, id, err);
        token->is_token = true;
        token->offset = (uint32_t)vocab->text_bytes;
        token->is_byte_level = decode_key(key, bytes, vocab->text + vocab->text_bytes, &bytes);
        if (!token->is_byte_level) /* an added token that the vocabulary lists too, written as it is */
            memcpy(vocab->text + vocab->text_bytes, key, bytes);
        token->bytes = (uint16_t)bytes;
        vocab->text_bytes += bytes;
        vocab->text[vocab->text_bytes++] = '\0';
        if (token->is_byte_level)
            insert(vocab, id);
    }
    return WEFT_OK;
}

static weft_status read_bytes(weft__vocab *vocab, const weft__json_object *model, weft_error *err)
{
    for (unsigned i = 0; i < 256; i++) {
        char byte = (char)(unsigned char)i;
        vocab->byte_ids[i] = weft__vocab_find(vocab, &byte, 1);
        if (vocab->byte_ids[i] < 0)
            return weft__fail(err, WEFT_UNSUPPORTED,
                              "%s: field \"%svocab\" has no token for byte 0x%02X; Weft needs all 256 of them.",
                              model->file, model->path, i);
    }
    return WEFT_OK;
}

/* An added token may be in the vocabulary already, under the same number and for the same bytes. */
static weft_status add(weft__vocab *vocab, const weft__json_object *object, const json_t *entries, const char *content,
                       weft_error *err)
{
    char text[WEFT__JSON_TEXT_BYTES];
    const json_t *known = json_object_get(entries, content);
    int32_t id = (int32_t)json_integer_value(json_object_get(object->json, "id"));
    weft__token *token = &vocab->tokens[id];
    size_t bytes = strlen(content);
    (void)weft__json_quote(content, bytes, text);
    if (known && json_integer_value(known) != id)
        return weft__fail(err, WEFT_PARSE,
                          "%s: field \"%sid\" is %d, but token %s has number %" JSON_INTEGER_FORMAT
                          " in the vocabulary.",
                          object->file, object->path, id, text, json_integer_value(known));
    if (token->is_added || (token->is_token && !known))
        return fail_taken(vocab, object->file, content, id, err);
    if (known && token->is_byte_level &&
        (token->bytes != bytes || memcmp(weft__vocab_text(vocab, token), content, bytes) != 0))
        return weft__fail(err, WEFT_UNSUPPORTED,
                          "%s: field \"%scontent\" is %s, which stands for other bytes in the vocabulary.",
                          object->file, object->path, text);
    if (!known) {
        token->offset = (uint32_t)vocab->text_bytes;
        token->bytes = (uint16_t)bytes;
        memcpy(vocab->text + vocab->text_bytes, content, bytes + 1);
        vocab->text_bytes += bytes + 1;
        token->is_token = true;
    }
    token->is_added = true;
    uint32_t slot = slot_of(vocab, content, bytes);
    if (vocab->slots[slot] >= 0 && vocab->slots[slot] != id && vocab->tokens[vocab->slots[slot]].is_added)
        return weft__fail(err, WEFT_PARSE, "%s: field \"%scontent\" is %s, which is added token %d already.",
                          object->file, object->path, text, vocab->slots[slot]);
    vocab->slots[slot] = id;
    return weft__json_bool_or(object, "special", false, &token->is_special, err);
}

weft_status weft__vocab_read(weft__vocab *vocab, const weft__json_object *model, const weft__json_object *root,
                             const json_t *added, weft_error *err)
{
    json_t *entries = json_object_get(model->json, "vocab");
    if (!json_is_object(entries))
        return weft__json_wrong(model, "vocab", entries, WEFT_PARSE, "an object", err);
    weft_status status = allocate(vocab, model, entries, root, added, err);
    if (status == WEFT_OK)
        status = read_entries(vocab, model, entries, err);
    if (status == WEFT_OK)
        status = read_bytes(vocab, model, err);
    for (size_t i = 0; status == WEFT_OK && i < json_array_size(added); i++) {
        char path[FIELD_BYTES];
        weft__json_object object;
        const char *content = NULL;
        status = added_at(root, added, i, path, &object, &content, err);
        if (status == WEFT_OK)
            status = add(vocab, &object, entries, content, err);
    }
    return status;
}

void weft__vocab_free(weft__vocab *vocab)
{
    free(vocab->tokens);
    free(vocab->text);
    free(vocab->slots);
    *vocab = (weft__vocab){0};
}
