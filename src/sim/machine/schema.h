/* The keys of a machine file: one table, by which the loader reads and checks, `--set` finds what it sets, and the
 * documentation is printed. */
#ifndef WEFT_SIM_MACHINE_SCHEMA_H
#define WEFT_SIM_MACHINE_SCHEMA_H

#include <stddef.h>

#include "base/status.h"
#include "sim/machine/spec.h"

typedef enum weft__key_kind {
    WEFT__KEY_GROUP,  /* holds the keys whose paths begin with its own */
    WEFT__KEY_TEXT,   /* char *; least and most are its length */
    WEFT__KEY_COUNT,  /* uint32_t */
    WEFT__KEY_NUMBER, /* double */
    WEFT__KEY_FLAG,   /* bool */
    WEFT__KEY_CHOICE, /* an enum, whose values are the places of the choices */
    WEFT__KEY_PLACE,  /* weft__place; least and most are those of row and column */
    WEFT__KEY_PLACES  /* weft__place * with its count */
} weft__key_kind;

typedef struct weft__machine_key {
    const char *path; /* "cube.link_gbs" */
    const char *help; /* one sentence */
    const char *unit; /* "GB/s"; NULL for none */
    weft__key_kind kind;
    double standard;            /* the value of a key that is not given; of a place both row and column */
    const char *standard_text;  /* the same where it is no number, and in words where the number is not what it means */
    double least, most;         /* the range, both ends in it */
    const char *const *choices; /* NULL after the last */
    size_t offset;              /* in weft__machine_spec */
    size_t count_offset;        /* of the number of places */
} weft__machine_key;

#define WEFT__MACHINE_KEYS_MAX 144u
#define WEFT__MACHINE_PLACES_MAX 4096u
#define WEFT__MACHINE_GRID_MAX 64u /* rows, and columns, of a grid of routers */

/* The key with this index, groups before their keys; NULL after the last. */
const weft__machine_key *weft__machine_key_at(size_t index);

/* The index of a path, or SIZE_MAX. */
size_t weft__machine_key_find(const char *path);

/* The last word of a key that stands directly in `group`, "" for the outermost ones; NULL for all other keys. */
const char *weft__machine_key_word(const weft__machine_key *key, const char *group);

/* The name nearest to `name`: of the keys whose paths are `group`, a dot and one word, that word; with `group` NULL, of
 * all keys but groups, the path. With an empty `group`, of the outermost keys. */
const char *weft__machine_key_nearest(const char *group, const char *name);

#define WEFT__KEY_TEXT_BYTES 512
/* What a value must be: "a number of GB/s from 0.001 to 1000000". Returns `text`. */
const char *weft__machine_key_expected(const weft__machine_key *key, char text[WEFT__KEY_TEXT_BYTES]);
/* The value of a key that is not given, as a file would say it, or in words. Returns `text`. */
const char *weft__machine_key_standard(const weft__machine_key *key, char text[WEFT__KEY_TEXT_BYTES]);

/* "north", "east", "south", "west". */
const char *weft__side_name(weft__side side);

/* Reads a text, of which weft__machine_entries_check has approved, through libcyaml. What the text does not say stays
 * 0. On success *out is the caller's, to be destroyed by weft__machine_spec_destroy. */
weft_status weft__machine_read(const char *text, size_t bytes, weft__machine_spec **out, weft_error *err);

/* Gives a key its standard value in a specification that has none for it. Lists stay empty. */
weft_status weft__machine_key_set_standard(const weft__machine_key *key, weft__machine_spec *spec, weft_error *err);

/* Moves the value of a key from one specification to another; what it replaces is freed. */
void weft__machine_key_move(const weft__machine_key *key, weft__machine_spec *from, weft__machine_spec *to);

#endif
