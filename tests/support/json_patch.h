/* A JSON document with one place changed, to make files that lie about one thing. */
#ifndef WEFT_TESTS_SUPPORT_JSON_PATCH_H
#define WEFT_TESTS_SUPPORT_JSON_PATCH_H

#include <jansson.h>
#include <stdio.h>

#include "support/weft_check.h"

/* Reads a file below the root of the sources. */
static inline json_t *weft_test_json_load(const char *path)
{
    char full[1024];
    json_error_t error;
    (void)snprintf(full, sizeof full, "%s/%s", WEFT_SOURCE_DIR, path);
    json_t *document = json_load_file(full, JSON_ALLOW_NUL, &error);
    ck_assert_msg(document != NULL, "%s: %s", full, error.text);
    return document;
}

static inline size_t weft_test_json_index(const char *text)
{
    char *end = NULL;
    unsigned long index = strtoul(text, &end, 10);
    ck_assert_msg(end != text && *end == '\0', "%s is no index", text);
    return index;
}

/* Sets what stands at `place` ("pre_tokenizer/pretokenizers/0/type", numbers are indices) to the JSON in `value`, or
 * takes it away if `value` is NULL. An index one past the end appends. Everything above `place` must exist. */
static inline void weft_test_json_set(json_t *document, const char *place, const char *value)
{
    char key[64];
    json_t *node = document;
    const char *rest = place;
    const char *slash;
    while ((slash = strchr(rest, '/')) != NULL) {
        (void)snprintf(key, sizeof key, "%.*s", (int)(slash - rest), rest);
        node = json_is_array(node) ? json_array_get(node, weft_test_json_index(key)) : json_object_get(node, key);
        rest = slash + 1;
    }
    ck_assert_msg(node != NULL, "there is no %s", place);
    json_t *parsed = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
    ck_assert_msg(!value || parsed, "not JSON: %s", value);
    int failed;
    if (json_is_array(node) && !value)
        failed = json_array_remove(node, weft_test_json_index(rest));
    else if (json_is_array(node) && weft_test_json_index(rest) == json_array_size(node))
        failed = json_array_append_new(node, parsed);
    else if (json_is_array(node))
        failed = json_array_set_new(node, weft_test_json_index(rest), parsed);
    else if (!value)
        failed = json_object_del(node, rest);
    else
        failed = json_object_set_new(node, rest, parsed);
    ck_assert_msg(failed == 0, "%s cannot be set", place);
}

/* The text of a document, to be freed with free(). */
static inline char *weft_test_json_dump(const json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);
    ck_assert_ptr_nonnull(text);
    return text;
}

#endif
