#include "text/merges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

static size_t slot_of(const weft__merges *merges, int32_t left, int32_t right)
{
    uint64_t hash = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9e3779b97f4a7c15u;
    size_t slot = (size_t)(hash >> 32) & merges->mask;
    while (merges->slots[slot].left >= 0 && (merges->slots[slot].left != left || merges->slots[slot].right != right))
        slot = (slot + 1) & merges->mask;
    return slot;
}

const weft__merge *weft__merges_find(const weft__merges *merges, int32_t left, int32_t right)
{
    const weft__merge *merge = &merges->slots[slot_of(merges, left, right)];
    return merge->left >= 0 ? merge : NULL;
}

static weft_status fail_merge(const weft__json_object *model, size_t index, const json_t *value, const char *expected,
                              weft_error *err)
{
    char field[40];
    (void)snprintf(field, sizeof field, "merges[%zu]", index);
    return weft__json_wrong(model, field, value, WEFT_PARSE, expected, err);
}

/* The two parts of a merge, whichever way it is written. They point into `value`. */
static weft_status parts_of(const weft__json_object *model, size_t index, const json_t *value, const char *parts[2],
                            size_t bytes[2], weft_error *err)
{
    if (json_is_array(value) && json_array_size(value) == 2) {
        for (size_t i = 0; i < 2; i++) {
            const json_t *part = json_array_get(value, i);
            if (!json_is_string(part))
                return fail_merge(model, index, part, "two strings", err);
            parts[i] = json_string_value(part);
            bytes[i] = json_string_length(part);
        }
        return WEFT_OK;
    }
    const char *line = json_string_value(value);
    const char *blank = line ? strchr(line, ' ') : NULL;
    if (!blank || strchr(blank + 1, ' '))
        return fail_merge(model, index, value, "\"a b\" or [\"a\", \"b\"]", err);
    parts[0] = line;
    bytes[0] = (size_t)(blank - line);
    parts[1] = blank + 1;
    bytes[1] = strlen(blank + 1);
    return WEFT_OK;
}

/* The number of a token as the vocabulary of the file has it, or -1. */
static int32_t id_of(const json_t *entries, const char *key, size_t bytes, weft_status *status, weft_error *err)
{
    char small[256];
    char *copy = bytes < sizeof small ? small : malloc(bytes + 1);
    if (!copy) {
        *status = weft__fail_memory(err, bytes + 1, "a part of a merge");
        return -1;
    }
    memcpy(copy, key, bytes);
    copy[bytes] = '\0';
    const json_t *id = json_object_get(entries, copy);
    if (copy != small)
        free(copy);
    return id ? (int32_t)json_integer_value(id) : -1;
}

static weft_status fail_missing(const weft__json_object *model, size_t index, const char *what, const char *text,
                                size_t bytes, weft_error *err)
{
    char quoted[WEFT__JSON_TEXT_BYTES];
    return weft__fail(err, WEFT_PARSE, "%s: field \"%smerges[%zu]\": %s %s is not in the vocabulary.", model->file,
                      model->path, index, what, weft__json_quote(text, bytes, quoted));
}

static weft_status read_merge(weft__merges *merges, const weft__json_object *model, const json_t *entries, size_t index,
                              const json_t *value, weft_error *err)
{
    const char *parts[2] = {NULL, NULL};
    size_t bytes[2] = {0, 0};
    int32_t ids[2];
    weft_status status = parts_of(model, index, value, parts, bytes, err);
    if (status != WEFT_OK)
        return status;
    for (size_t i = 0; i < 2; i++) {
        ids[i] = bytes[i] > 0 ? id_of(entries, parts[i], bytes[i], &status, err) : -1;
        if (status != WEFT_OK)
            return status;
        if (ids[i] < 0)
            return fail_missing(model, index, "part", parts[i], bytes[i], err);
    }
    char *joined = malloc(bytes[0] + bytes[1]);
    if (!joined)
        return weft__fail_memory(err, bytes[0] + bytes[1], "the result of a merge");
    memcpy(joined, parts[0], bytes[0]);
    memcpy(joined + bytes[0], parts[1], bytes[1]);
    int32_t merged = id_of(entries, joined, bytes[0] + bytes[1], &status, err);
    if (status == WEFT_OK && merged < 0)
        status = fail_missing(model, index, "the result", joined, bytes[0] + bytes[1], err);
    free(joined);
    if (status == WEFT_OK)
        merges->slots[slot_of(merges, ids[0], ids[1])] =
            (weft__merge){.left = ids[0], .right = ids[1], .rank = (uint32_t)index, .merged = merged};
    return status;
}

weft_status weft__merges_read(weft__merges *merges, const weft__json_object *model, weft_error *err)
{
    const json_t *list = NULL;
    const json_t *entries = json_object_get(model->json, "vocab");
    size_t slots = 16;
    weft_status status = weft__json_array(model, "merges", &list, err);
    if (status != WEFT_OK)
        return status;
    while (slots < 2 * json_array_size(list))
        slots *= 2;
    merges->slots = malloc(slots * sizeof *merges->slots);
    if (!merges->slots)
        return weft__fail_memory(err, slots * sizeof *merges->slots, "the merges of a tokenizer");
    merges->mask = slots - 1;
    for (size_t i = 0; i < slots; i++)
        merges->slots[i].left = -1;
    for (size_t i = 0; status == WEFT_OK && i < json_array_size(list); i++)
        status = read_merge(merges, model, entries, i, json_array_get(list, i), err);
    return status;
}

void weft__merges_free(weft__merges *merges)
{
    free(merges->slots);
    *merges = (weft__merges){0};
}
