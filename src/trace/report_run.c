#include "trace/report_run.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/nearest.h"
#include "base/status.h"
#include "formats/json.h"
#include "trace/report_schema.h"

weft_status weft__run_wrong(const weft__run_walk *walk, const char *field, const json_t *value, const char *expected)
{
    char text[WEFT__JSON_TEXT_BYTES];
    return weft__fail(walk->err, WEFT_PARSE, "%s: field \"%s%s\" is %s, expected %s.", walk->file, walk->path, field,
                      weft__json_text(value, text), expected);
}

/* Appends to the path; gives the length before, for leave(). What does not fit is cut off: names of fields are ours and
 * short, and nothing nests deeper than the tables do. */
static size_t enter(weft__run_walk *walk, const char *format, ...) WEFT_PRINTF(2, 3);
static size_t enter(weft__run_walk *walk, const char *format, ...)
{
    size_t before = walk->path_bytes, room = sizeof walk->path - before;
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(walk->path + before, room, format, arguments);
    va_end(arguments);
    if (bytes > 0)
        walk->path_bytes += (size_t)bytes < room ? (size_t)bytes : room - 1;
    return before;
}

static void leave(weft__run_walk *walk, size_t before)
{
    walk->path_bytes = before;
    walk->path[before] = '\0';
}

/* ---- values that hold no others ---- */

static bool is_count(const json_t *value, json_int_t least)
{
    return json_is_integer(value) && json_integer_value(value) >= least &&
           json_integer_value(value) <= WEFT__RUN_NUMBER_MAX;
}

/* Far more than any machine needs, and small enough for sums of them to be exact to a pixel. */
static bool is_place(const json_t *value)
{
    return json_is_number(value) && fabs(json_number_value(value)) <= 1e6;
}

static bool is_text(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) <= WEFT__RUN_TEXT_BYTES_MAX;
}

static bool is_point(const json_t *value)
{
    return json_is_array(value) && json_array_size(value) == 2 && is_place(json_array_get(value, 0)) &&
           is_place(json_array_get(value, 1));
}

static bool is_plain(const weft__run_field *field, const json_t *value)
{
    switch (field->kind) {
    case WEFT__RUN_TEXT:
        return is_text(value);
    case WEFT__RUN_COUNT:
        return is_count(value, 0);
    case WEFT__RUN_POSITIVE:
        return is_count(value, 1);
    case WEFT__RUN_RATE:
        return json_is_number(value) && json_number_value(value) > 0;
    case WEFT__RUN_PLACE:
        return is_place(value);
    case WEFT__RUN_POINT:
        return is_point(value);
    case WEFT__RUN_VALUE:
        return is_text(value) || json_is_number(value);
    case WEFT__RUN_WORD:
        for (const char *const *word = field->words; *word; word++) {
            if (json_is_string(value) && strcmp(json_string_value(value), *word) == 0)
                return true;
        }
        return false;
    default:
        return false;
    }
}

static const char *const plain_expected[] = {
    [WEFT__RUN_TEXT] = "a string of at most 4096 bytes",
    [WEFT__RUN_COUNT] = "a whole number from 0 to 9007199254740991",
    [WEFT__RUN_POSITIVE] = "a whole number from 1 to 9007199254740991",
    [WEFT__RUN_RATE] = "a number above 0",
    [WEFT__RUN_PLACE] = "a number from -1000000 to 1000000",
    [WEFT__RUN_POINT] = "an array of two numbers from -1000000 to 1000000",
    [WEFT__RUN_VALUE] = "a number, or a string of at most 4096 bytes",
};

/* ---- values that hold others ---- */

static weft_status check_object(weft__run_walk *walk, const weft__run_object *object, const json_t *json);

static weft_status check_list(weft__run_walk *walk, const weft__run_field *field, const json_t *value)
{
    char expected[64];
    if (!json_is_array(value) || json_array_size(value) > field->most) {
        (void)snprintf(expected, sizeof expected, "an array of at most %zu objects", field->most);
        return weft__run_wrong(walk, field->name, value, expected);
    }
    weft_status status = WEFT_OK;
    for (size_t i = 0; status == WEFT_OK && i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        if (!json_is_object(element)) {
            char name[64];
            (void)snprintf(name, sizeof name, "%s[%zu]", field->name, i);
            return weft__run_wrong(walk, name, element, "an object");
        }
        size_t before = enter(walk, "%s[%zu].", field->name, i);
        walk->index = i;
        status = check_object(walk, field->object, element);
        leave(walk, before);
    }
    return status;
}

static weft_status check_times(weft__run_walk *walk, const weft__run_field *field, const json_t *value)
{
    const char *name;
    json_t *time;
    if (!json_is_object(value) || json_object_size(value) > WEFT__RUN_PARTS_MAX)
        return weft__run_wrong(walk, field->name, value, "an object of at most 32 times");
    json_object_foreach((json_t *)value, name, time)
    {
        char shown[WEFT__JSON_TEXT_BYTES], text[WEFT__JSON_TEXT_BYTES];
        if (!is_count(time, 0))
            return weft__fail(walk->err, WEFT_PARSE, "%s: %s in field \"%s%s\" is %s, expected %s.", walk->file,
                              weft__json_quote(name, strlen(name), shown), walk->path, field->name,
                              weft__json_text(time, text), plain_expected[WEFT__RUN_COUNT]);
    }
    return WEFT_OK;
}

static weft_status check_busy(weft__run_walk *walk, const weft__run_field *field, const json_t *value)
{
    if (!json_is_array(value))
        return weft__run_wrong(walk, field->name, value, "an array");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *busy = json_array_get(value, i);
        if (is_count(busy, 0) && json_integer_value(busy) <= 1000)
            continue;
        char name[64];
        (void)snprintf(name, sizeof name, "%s[%zu]", field->name, i);
        return weft__run_wrong(walk, name, busy, "a whole number from 0 to 1000");
    }
    return WEFT_OK;
}

static weft_status check_inner(weft__run_walk *walk, const weft__run_field *field, const json_t *value)
{
    if (!json_is_object(value))
        return weft__run_wrong(walk, field->name, value, "an object");
    size_t before = enter(walk, "%s.", field->name);
    weft_status status = check_object(walk, field->object, value);
    leave(walk, before);
    return status;
}

static weft_status check_field(weft__run_walk *walk, const weft__run_field *field, const json_t *value)
{
    switch (field->kind) {
    case WEFT__RUN_LIST:
        return check_list(walk, field, value);
    case WEFT__RUN_OBJECT:
        return check_inner(walk, field, value);
    case WEFT__RUN_TIMES:
        return check_times(walk, field, value);
    case WEFT__RUN_BUSY:
        return check_busy(walk, field, value);
    default:
        return is_plain(field, value)
                   ? WEFT_OK
                   : weft__run_wrong(walk, field->name, value,
                                     field->expected ? field->expected : plain_expected[field->kind]);
    }
}

static const char *name_at(const void *context, size_t index)
{
    const weft__run_object *object = context;
    return object->fields[index].name;
}

static weft_status check_names(const weft__run_walk *walk, const weft__run_object *object, const json_t *json)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)json, name, value)
    {
        size_t i = 0;
        while (i < object->count && strcmp(object->fields[i].name, name) != 0)
            i++;
        if (i < object->count)
            continue;
        char shown[WEFT__JSON_TEXT_BYTES], where[sizeof walk->path];
        (void)snprintf(where, sizeof where, "%s", walk->path);
        if (walk->path_bytes > 0)
            where[walk->path_bytes - 1] = '\0';
        return weft__fail(walk->err, WEFT_PARSE, "%s: %s has no field %s; the nearest is \"%s\".", walk->file,
                          walk->path_bytes > 0 ? where : "a run", weft__json_quote(name, strlen(name), shown),
                          weft__nearest(name, object->count, name_at, object));
    }
    return WEFT_OK;
}

/* Null is not the same as nothing: who writes a field means something by it. */
static weft_status check_object(weft__run_walk *walk, const weft__run_object *object, const json_t *json)
{
    weft_status status = check_names(walk, object, json);
    size_t index = walk->index;
    for (size_t i = 0; status == WEFT_OK && i < object->count; i++) {
        const weft__run_field *field = &object->fields[i];
        const json_t *value = json_object_get(json, field->name);
        if (value || field->is_required)
            status = check_field(walk, field, value);
    }
    walk->index = index;
    return status == WEFT_OK && object->rule ? object->rule(walk, json) : status;
}

/* ---- runs ---- */

static weft_status check_version(const json_t *root, const char *file, weft_error *err)
{
    const json_t *version = json_object_get(root, "weft_run");
    if (!json_is_integer(version) || json_integer_value(version) == WEFT__RUN_VERSION)
        return WEFT_OK;
    return weft__fail(err, WEFT_UNSUPPORTED,
                      "%s: field \"weft_run\" is %" JSON_INTEGER_FORMAT ", and this Weft reads version %d.", file,
                      json_integer_value(version), WEFT__RUN_VERSION);
}

static weft_status check_run(const json_t *root, const char *file, weft_error *err)
{
    weft_status status = check_version(root, file, err);
    weft__run_walk walk = {.file = file, .root = root, .err = err};
    if (status == WEFT_OK && !json_object_get(root, "weft_run"))
        status = weft__fail(err, WEFT_PARSE, "%s is no run file: it has no field \"weft_run\".", file);
    return status == WEFT_OK ? check_object(&walk, &weft__run_root, root) : status;
}

static weft_status checked(json_t *root, const char *file, json_t **out, weft_error *err)
{
    weft_status status = check_run(root, file, err);
    if (status == WEFT_OK)
        *out = root;
    else
        json_decref(root);
    return status;
}

weft_status weft__run_parse(const char *text, size_t bytes, const char *file, json_t **out, weft_error *err)
{
    json_t *root;
    *out = NULL;
    weft_status status = weft__json_parse(text, bytes, file, &root, err);
    return status == WEFT_OK ? checked(root, file, out, err) : status;
}

weft_status weft__run_load(const char *path, json_t **out, weft_error *err)
{
    json_t *root;
    *out = NULL;
    weft_status status = weft__json_load(path, WEFT__RUN_FILE_BYTES_MAX, &root, err);
    return status == WEFT_OK ? checked(root, weft__path_tail(path), out, err) : status;
}
