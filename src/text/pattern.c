/* Split patterns are written for another engine (Oniguruma), whose `\s` is Unicode's White_Space. PCRE2's `\s` has one
 * character more, U+180E, so it is spelled out. Everything else that split patterns use means the same in both. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "text/splitter.h"

#if PCRE2_MAJOR == 10 && PCRE2_MINOR < 40
#error "PCRE2 10.40 or later is needed, the first that knows the property White_Space"
#endif

#define PATTERN_BYTES_MAX 16384

/* What an escape becomes. */
typedef struct escape_row {
    char letter;
    const char *replacement;
} escape_row;

static const escape_row escape_rows[] = {{'s', "\\p{White_Space}"}, {'S', "\\P{White_Space}"}};

#define GROWTH_MAX 8 /* two bytes become sixteen */

static const char *replacement_of(char letter)
{
    for (size_t i = 0; i < sizeof escape_rows / sizeof escape_rows[0]; i++)
        if (escape_rows[i].letter == letter)
            return escape_rows[i].replacement;
    return NULL;
}

/* Returns the bytes written to `out`, at most GROWTH_MAX for each of `pattern`. */
static size_t translate(const char *pattern, size_t bytes, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < bytes; i++) {
        const char *replacement = NULL;
        if (pattern[i] == '\\' && i + 1 < bytes) {
            replacement = replacement_of(pattern[i + 1]);
            if (!replacement)
                out[used++] = pattern[i];
            i++;
        }
        if (replacement) {
            memcpy(out + used, replacement, strlen(replacement));
            used += strlen(replacement);
        } else {
            out[used++] = pattern[i];
        }
    }
    return used;
}

static weft_status fail_pattern(const weft__json_object *object, const char *field, const char *pattern, size_t bytes,
                                int code, weft_error *err)
{
    char text[WEFT__JSON_TEXT_BYTES];
    PCRE2_UCHAR reason[128];
    if (code == PCRE2_ERROR_NOMEMORY)
        return weft__fail_memory(err, bytes, "a compiled split pattern");
    if (pcre2_get_error_message(code, reason, sizeof reason) < 0)
        reason[0] = '\0';
    return weft__fail(err, WEFT_PARSE, "%s: field \"%s%s\" is %s, expected a regular expression: %s.", object->file,
                      object->path, field, weft__json_quote(pattern, bytes, text), (const char *)reason);
}

weft_status weft__pattern_compile(const weft__json_object *object, const char *field, const char *pattern, size_t bytes,
                                  bool is_literal, pcre2_code **out, weft_error *err)
{
    char text[WEFT__JSON_TEXT_BYTES];
    *out = NULL;
    if (bytes == 0 || bytes > PATTERN_BYTES_MAX)
        return weft__fail(err, WEFT_PARSE, "%s: field \"%s%s\" is %s of %zu bytes, expected 1 to %d.", object->file,
                          object->path, field, weft__json_quote(pattern, bytes, text), bytes, PATTERN_BYTES_MAX);
    char *translated = malloc(bytes * GROWTH_MAX);
    if (!translated)
        return weft__fail_memory(err, bytes * GROWTH_MAX, "a split pattern");
    int code = 0;
    PCRE2_SIZE offset = 0;
    /* The two engines would part ways without these: newline conventions and what `$` or `.` see are fixed here, and
     * not by how the library was built. */
    uint32_t options = is_literal ? PCRE2_UTF | PCRE2_LITERAL : PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
    size_t translated_bytes = bytes;
    if (is_literal)
        memcpy(translated, pattern, bytes);
    else
        translated_bytes = translate(pattern, bytes, translated);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context) {
        (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        *out = pcre2_compile((PCRE2_SPTR)translated, translated_bytes, options, &code, &offset, context);
    } else {
        code = PCRE2_ERROR_NOMEMORY;
    }
    pcre2_compile_context_free(context);
    free(translated);
    if (!*out)
        return fail_pattern(object, field, pattern, bytes, code, err);
    (void)pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE); /* without it matching is slower, and the same */
    return WEFT_OK;
}
