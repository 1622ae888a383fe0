/* Where everything stands in a YAML text. libcyaml, which fills the structs, keeps no positions and passes over
 * repeated keys; this index has one entry for each value, with its key, its text and its place, so that every later
 * complaint can point into the file.
 *
 * Only the plain part of YAML that a machine needs is taken: one document, no anchors, aliases or tags, keys that are
 * plain words, bounded depth and number of values. */
#ifndef WEFT_SIM_MACHINE_YAML_INDEX_H
#define WEFT_SIM_MACHINE_YAML_INDEX_H

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

#define WEFT__YAML_DEPTH_MAX 8u
#define WEFT__YAML_ENTRIES_MAX 32768u
#define WEFT__YAML_KEYS_MAX 64u /* of one mapping */
#define WEFT__YAML_KEY_BYTES_MAX 48u

typedef enum weft__yaml_kind {
    WEFT__YAML_SCALAR,
    WEFT__YAML_SEQUENCE,
    WEFT__YAML_MAPPING
} weft__yaml_kind;

/* A place in the text in characters, as libyaml counts; weft__yaml_line_column makes bytes of it. */
typedef struct weft__yaml_mark {
    size_t at;     /* from the beginning of the text */
    size_t column; /* from the beginning of the line */
    size_t line;   /* from 0 */
} weft__yaml_mark;

typedef struct weft__yaml_entry {
    uint32_t parent; /* the entry that holds it; the root, which is entry 0, holds itself */
    uint32_t number; /* its place in its parent, from 0 */
    uint32_t count;  /* of what it holds itself */
    uint32_t last;   /* the last entry that it holds, if any */
    uint32_t before; /* the entry before it in its parent, if number > 0 */
    weft__yaml_kind kind;
    const char *key;  /* in a mapping, otherwise NULL */
    const char *text; /* of a scalar, otherwise NULL */
    weft__yaml_mark key_mark, mark;
} weft__yaml_entry;

/* Entries stand in the order of the text: after an entry follows what it holds, whole. */
typedef struct weft__yaml_index {
    const char *source; /* borrowed */
    size_t source_bytes;
    weft__yaml_entry *entries;
    uint32_t count;
    size_t room;
    weft__arena strings;
} weft__yaml_index;

/* Reads `bytes` bytes of UTF-8, which must outlive the index. WEFT_PARSE comes with line and column, and a sentence
 * that names neither them nor the file. What was made must be released, also after a failure. */
weft_status weft__yaml_index_create(const char *text, size_t bytes, weft__yaml_index *out, weft_error *err);
void weft__yaml_index_release(weft__yaml_index *index);

/* 1-based line and 1-based column in bytes. */
void weft__yaml_line_column(const weft__yaml_index *index, weft__yaml_mark mark, uint32_t *line, uint32_t *column);

#define WEFT__YAML_PATH_BYTES 256
/* "cube.holes[3][0]"; the root is "the file". Returns `path`. */
const char *weft__yaml_path(const weft__yaml_index *index, uint32_t entry, char path[WEFT__YAML_PATH_BYTES]);

#define WEFT__YAML_SHOWN_BYTES 64
/* A value for a message: a scalar's text in quotes, cut short and without control characters, "a list" and so on. */
const char *weft__yaml_shown(const weft__yaml_entry *entry, char shown[WEFT__YAML_SHOWN_BYTES]);
/* The same for any text, without the quotes. */
const char *weft__yaml_shown_text(const char *text, char shown[WEFT__YAML_SHOWN_BYTES]);

/* Fails at a mark. */
weft_status weft__yaml_fail(const weft__yaml_index *index, weft__yaml_mark mark, weft_error *err, const char *format,
                            ...) WEFT_COLD WEFT_PRINTF(4, 5);

#endif
