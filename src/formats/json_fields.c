#include <math.h>
#include <stdio.h>

#include "base/status.h"
#include "formats/json.h"

#define QUOTED_BYTES 60

const char *weft__json_quote(const char *string, size_t bytes, char text[WEFT__JSON_TEXT_BYTES])
{
    size_t shown = bytes;
    if (bytes > QUOTED_BYTES) {
        shown = QUOTED_BYTES;
        while (shown > 0 && ((unsigned char)string[shown] & 0xc0u) == 0x80u) /* not in the middle of a character */
            shown--;
    }
    size_t used = 0;
    text[used++] = '"';
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)string[i];
        text[used++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    (void)snprintf(text + used, WEFT__JSON_TEXT_BYTES - used, "%s\"", shown < bytes ? "..." : "");
    return text;
}

const char *weft__json_text(const json_t *value, char text[WEFT__JSON_TEXT_BYTES])
{
    size_t size = WEFT__JSON_TEXT_BYTES;
    if (!value)
        (void)snprintf(text, size, "missing");
    else if (json_is_string(value))
        return weft__json_quote(json_string_value(value), json_string_length(value), text);
    else if (json_is_integer(value))
        (void)snprintf(text, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        (void)snprintf(text, size, "%.9g", json_real_value(value));
    else if (json_is_array(value))
        (void)snprintf(text, size, "an array of %zu", json_array_size(value));
    else if (json_is_object(value))
        (void)snprintf(text, size, "an object of %zu", json_object_size(value));
    else
        (void)snprintf(text, size, "%s", json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
    return text;
}

weft_status weft__json_wrong(const weft__json_object *object, const char *field, const json_t *value, weft_status code,
                             const char *expected, weft_error *err)
{
    char text[WEFT__JSON_TEXT_BYTES];
    return weft__fail(err, code, "%s: field \"%s%s\" is %s, expected %s.", object->file, object->path, field,
                      weft__json_text(value, text), expected);
}

const json_t *weft__json_field(const weft__json_object *object, const char *field)
{
    const json_t *value = json_object_get(object->json, field);
    return json_is_null(value) ? NULL : value;
}

/* The field as the file has it, for messages that tell null from missing. */
static weft_status fail_field(const weft__json_object *object, const char *field, const char *expected, weft_error *err)
{
    return weft__json_wrong(object, field, json_object_get(object->json, field), WEFT_PARSE, expected, err);
}

weft_status weft__json_u32(const weft__json_object *object, const char *field, uint32_t min, uint32_t max,
                           uint32_t *out, weft_error *err)
{
    const json_t *value = weft__json_field(object, field);
    *out = 0;
    if (!json_is_integer(value) || json_integer_value(value) < (json_int_t)min ||
        json_integer_value(value) > (json_int_t)max) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "an integer from %u to %u", min, max);
        return fail_field(object, field, expected, err);
    }
    *out = (uint32_t)json_integer_value(value);
    return WEFT_OK;
}

weft_status weft__json_f64(const weft__json_object *object, const char *field, double min, double max, double *out,
                           weft_error *err)
{
    const json_t *value = weft__json_field(object, field);
    double number = json_is_number(value) ? json_number_value(value) : (double)NAN;
    *out = 0;
    if (!(number >= min && number <= max)) {
        char expected[80];
        (void)snprintf(expected, sizeof expected, "a number from %g to %g", min, max);
        return fail_field(object, field, expected, err);
    }
    *out = number;
    return WEFT_OK;
}

weft_status weft__json_string(const weft__json_object *object, const char *field, const char **out, weft_error *err)
{
    const json_t *value = weft__json_field(object, field);
    *out = json_string_value(value);
    return *out ? WEFT_OK : fail_field(object, field, "a string", err);
}

weft_status weft__json_array(const weft__json_object *object, const char *field, const json_t **out, weft_error *err)
{
    const json_t *value = weft__json_field(object, field);
    *out = json_is_array(value) ? value : NULL;
    return *out ? WEFT_OK : fail_field(object, field, "an array", err);
}

weft_status weft__json_child(const weft__json_object *object, const char *field, const char *child_path,
                             weft__json_object *out, weft_error *err)
{
    const json_t *value = weft__json_field(object, field);
    *out = (weft__json_object){.json = value, .file = object->file, .path = child_path};
    return json_is_object(value) ? WEFT_OK : fail_field(object, field, "an object", err);
}

weft_status weft__json_u32_or(const weft__json_object *object, const char *field, uint32_t fallback, uint32_t min,
                              uint32_t max, uint32_t *out, weft_error *err)
{
    *out = fallback;
    return weft__json_field(object, field) ? weft__json_u32(object, field, min, max, out, err) : WEFT_OK;
}

weft_status weft__json_f64_or(const weft__json_object *object, const char *field, double fallback, double min,
                              double max, double *out, weft_error *err)
{
    *out = fallback;
    return weft__json_field(object, field) ? weft__json_f64(object, field, min, max, out, err) : WEFT_OK;
}

weft_status weft__json_bool_or(const weft__json_object *object, const char *field, bool fallback, bool *out,
                               weft_error *err)
{
    const json_t *value = weft__json_field(object, field);
    *out = value ? json_is_true(value) : fallback;
    return !value || json_is_boolean(value) ? WEFT_OK : fail_field(object, field, "true or false", err);
}

weft_status weft__json_string_or(const weft__json_object *object, const char *field, const char *fallback,
                                 const char **out, weft_error *err)
{
    *out = fallback;
    return weft__json_field(object, field) ? weft__json_string(object, field, out, err) : WEFT_OK;
}
