#include "formats/json.h"

#include <stdlib.h>

#include "base/status.h"
#include "base/file.h"

/* Counts the column from the byte offset, because jansson counts characters. */
static weft_status fail_syntax(const char *text, size_t bytes, const char *file, const json_error_t *error,
                               weft_error *err)
{
    char reason[JSON_ERROR_TEXT_LENGTH];
    size_t position = error->position > 0 ? (size_t)error->position : 0;
    size_t column = 0;
    if (position > bytes)
        position = bytes;
    while (column < position && text[position - column - 1] != '\n')
        column++;
    size_t used = 0;
    for (; used + 1 < sizeof reason && error->text[used]; used++) {
        unsigned char c = (unsigned char)error->text[used];
        reason[used] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    reason[used] = '\0';
    uint32_t line = error->line > 0 ? (uint32_t)error->line : 1;
    uint32_t column_1 = column ? (uint32_t)column : 1;
    return weft__fail_at(err, WEFT_PARSE, line, column_1, "%s is not valid JSON at line %u, column %u: %s.", file, line,
                         column_1, reason);
}

weft_status weft__json_parse(const char *text, size_t bytes, const char *file, json_t **out, weft_error *err)
{
    json_error_t error;
    *out = NULL;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    /* jansson says nothing at all where it cannot even begin. */
    if (!root && (json_error_code(&error) == json_error_out_of_memory || error.text[0] == '\0'))
        return weft__fail(err, WEFT_OUT_OF_MEMORY, "Out of memory: could not hold the JSON of %s, which has %zu bytes.",
                          file, bytes);
    if (!root)
        return fail_syntax(text, bytes, file, &error, err);
    if (!json_is_object(root)) {
        char value[WEFT__JSON_TEXT_BYTES];
        weft_status status =
            weft__fail(err, WEFT_PARSE, "%s holds %s, expected an object.", file, weft__json_text(root, value));
        json_decref(root);
        return status;
    }
    *out = root;
    return WEFT_OK;
}

weft_status weft__json_load(const char *path, size_t bytes_max, json_t **out, weft_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    *out = NULL;
    weft_status status = weft__file_read(path, bytes_max, &text, &bytes, err);
    if (status == WEFT_OK)
        status = weft__json_parse(text, bytes, weft__path_tail(path), out, err);
    free(text);
    return status;
}
