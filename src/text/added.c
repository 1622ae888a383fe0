#include "text/added.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"

/* What qsort compares: a token and its bytes. */
typedef struct added_entry {
    const char *text;
    size_t bytes;
    int32_t id;
} added_entry;

static int compare_entries(const void *a_void, const void *b_void)
{
    const added_entry *a = a_void;
    const added_entry *b = b_void;
    int order = memcmp(a->text, b->text, weft__min_size(a->bytes, b->bytes));
    if (order != 0)
        return order;
    return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

static weft_status read_flags(const weft__json_object *object, bool *out_normalized, weft_error *err)
{
    static const char *const unsupported[] = {"lstrip", "rstrip", "single_word"};
    bool is_special = false;
    weft_status status = weft__json_bool_or(object, "special", false, &is_special, err);
    if (status == WEFT_OK)
        status = weft__json_bool_or(object, "normalized", !is_special, out_normalized, err);
    for (size_t i = 0; status == WEFT_OK && i < sizeof unsupported / sizeof unsupported[0]; i++) {
        bool is_set = false;
        status = weft__json_bool_or(object, unsupported[i], false, &is_set, err);
        if (status == WEFT_OK && is_set)
            status = weft__json_wrong(object, unsupported[i], json_object_get(object->json, unsupported[i]),
                                      WEFT_UNSUPPORTED, "false, the only value that Weft supports", err);
    }
    return status;
}

static weft_status collect(added_entry *entries, uint32_t *count, const weft__vocab *vocab,
                           const weft__json_object *root, const json_t *list, bool is_normalized, weft_error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        char path[48];
        bool token_is_normalized = false;
        (void)snprintf(path, sizeof path, "added_tokens[%zu].", i);
        const weft__json_object object = {.json = json_array_get(list, i), .file = root->file, .path = path};
        weft_status status = read_flags(&object, &token_is_normalized, err);
        if (status != WEFT_OK)
            return status;
        if (token_is_normalized != is_normalized)
            continue;
        int32_t id = (int32_t)json_integer_value(json_object_get(object.json, "id"));
        const weft__token *token = weft__vocab_token(vocab, id);
        entries[(*count)++] = (added_entry){.text = weft__vocab_text(vocab, token), .bytes = token->bytes, .id = id};
    }
    return WEFT_OK;
}

/* Sorts the entries, and takes their ids and the range of each first byte from them. */
static void sort_entries(weft__added *added, added_entry *entries)
{
    qsort(entries, added->count, sizeof *entries, compare_entries);
    for (uint32_t i = 0; i < added->count; i++) {
        added->ids[i] = entries[i].id;
        added->first[(size_t)(unsigned char)entries[i].text[0] + 1] = i + 1;
    }
    for (size_t byte = 0; byte < 256; byte++) /* a byte that begins no token gets an empty range */
        if (added->first[byte + 1] < added->first[byte])
            added->first[byte + 1] = added->first[byte];
}

weft_status weft__added_read(weft__added *added, const weft__vocab *vocab, const weft__json_object *root,
                             const json_t *list, bool is_normalized, weft_error *err)
{
    size_t room = json_array_size(list);
    if (room == 0)
        return WEFT_OK;
    added_entry *entries = malloc(room * sizeof *entries);
    added->ids = malloc(room * sizeof *added->ids);
    if (!entries || !added->ids) {
        free(entries);
        return weft__fail_memory(err, room * (sizeof *entries + sizeof *added->ids), "the added tokens of a tokenizer");
    }
    weft_status status = collect(entries, &added->count, vocab, root, list, is_normalized, err);
    if (status == WEFT_OK)
        sort_entries(added, entries);
    free(entries);
    return status;
}

void weft__added_free(weft__added *added)
{
    free(added->ids);
    *added = (weft__added){0};
}

static const weft__token *token_at(const weft__added *added, const weft__vocab *vocab, uint32_t index)
{
    return &vocab->tokens[added->ids[index]];
}

/* The first of the tokens `low` to `high`, which agree in their first `depth` bytes and have more, whose next byte is
 * not below `byte`. */
static uint32_t lower_bound(const weft__added *added, const weft__vocab *vocab, uint32_t low, uint32_t high,
                            size_t depth, unsigned byte)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const weft__token *token = token_at(added, vocab, middle);
        if ((unsigned char)weft__vocab_text(vocab, token)[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t weft__added_match(const weft__added *added, const weft__vocab *vocab, const char *text, size_t bytes,
                         bool is_plain, int32_t *out_id)
{
    size_t longest = 0;
    if (bytes == 0)
        return 0;
    uint32_t low = added->first[(unsigned char)text[0]];
    uint32_t high = added->first[(size_t)(unsigned char)text[0] + 1];
    for (size_t depth = 1; low < high; depth++) {
        const weft__token *token = token_at(added, vocab, low);
        if (token->bytes == depth) { /* sorted first among those with this beginning */
            if (!is_plain || !token->is_special) {
                longest = depth;
                *out_id = added->ids[low];
            }
            low++;
        }
        if (depth == bytes)
            break;
        unsigned byte = (unsigned char)text[depth];
        low = lower_bound(added, vocab, low, high, depth, byte);
        high = lower_bound(added, vocab, low, high, depth, byte + 1);
    }
    return longest;
}
