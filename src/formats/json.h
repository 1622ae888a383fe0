/* JSON files, over jansson: loading, and fields read by type, where every error is a sentence that names file, field
 * and offending value.
 *
 * A json_t belongs to who loaded it (json_decref); what the field readers give lies inside of it and lives as long. The
 * readers change nothing, so that one document may be read from several threads. Duplicate keys are errors. */
#ifndef WEFT_FORMATS_JSON_H
#define WEFT_FORMATS_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/status.h>

/* A JSON object and where it stands, for messages. */
typedef struct weft__json_object {
    const json_t *json;
    const char *file; /* as messages call it */
    const char *path; /* what stands before the names of its fields: "" or "rope_parameters." say */
} weft__json_object;

/* A document whose root is an object, from memory or from a file of at most `bytes_max` bytes. WEFT_PARSE with line and
 * column (1-based, in bytes) if it is none. */
weft_status weft__json_parse(const char *text, size_t bytes, const char *file, json_t **out, weft_error *err);
weft_status weft__json_load(const char *path, size_t bytes_max, json_t **out, weft_error *err);

#define WEFT__JSON_TEXT_BYTES 80

/* Text for a message: quoted, shortened to some 60 bytes, and without control characters. Returns `text`. */
const char *weft__json_quote(const char *string, size_t bytes, char text[WEFT__JSON_TEXT_BYTES]);

/* A value for a message: a quoted string, a number, true, false, null, "an array of 3", "an object of 2". Returns
 * `text`; NULL for a value reads "missing". */
const char *weft__json_text(const json_t *value, char text[WEFT__JSON_TEXT_BYTES]);

/* Fails with: FILE: field "PATH.FIELD" is VALUE, expected EXPECTED. */
weft_status weft__json_wrong(const weft__json_object *object, const char *field, const json_t *value, weft_status code,
                             const char *expected, weft_error *err);

/* A field, or NULL if it is absent or null. */
const json_t *weft__json_field(const weft__json_object *object, const char *field);

/* Fields that must be there: WEFT_PARSE if they are absent, null, of another type, or outside [min, max]. */
weft_status weft__json_u32(const weft__json_object *object, const char *field, uint32_t min, uint32_t max,
                           uint32_t *out, weft_error *err);
weft_status weft__json_f64(const weft__json_object *object, const char *field, double min, double max, double *out,
                           weft_error *err);
weft_status weft__json_string(const weft__json_object *object, const char *field, const char **out, weft_error *err);
weft_status weft__json_array(const weft__json_object *object, const char *field, const json_t **out, weft_error *err);
weft_status weft__json_child(const weft__json_object *object, const char *field, const char *child_path,
                             weft__json_object *out, weft_error *err);

/* The same for fields that may be absent or null, which gives `fallback`. */
weft_status weft__json_u32_or(const weft__json_object *object, const char *field, uint32_t fallback, uint32_t min,
                              uint32_t max, uint32_t *out, weft_error *err);
weft_status weft__json_f64_or(const weft__json_object *object, const char *field, double fallback, double min,
                              double max, double *out, weft_error *err);
weft_status weft__json_bool_or(const weft__json_object *object, const char *field, bool fallback, bool *out,
                               weft_error *err);
weft_status weft__json_string_or(const weft__json_object *object, const char *field, const char *fallback,
                                 const char **out, weft_error *err);

#endif
