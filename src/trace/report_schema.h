/* What a run file may hold, as tables: report_run.c walks a file along them. docs/report.md says the same in words. */
#ifndef WEFT_TRACE_REPORT_SCHEMA_H
#define WEFT_TRACE_REPORT_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/status.h>

#define WEFT__RUN_TEXT_BYTES_MAX 4096
#define WEFT__RUN_PARTS_MAX 32
#define WEFT__RUN_BUCKETS_MAX 10000

typedef enum weft__run_kind {
    WEFT__RUN_TEXT,     /* a string */
    WEFT__RUN_WORD,     /* one of the words */
    WEFT__RUN_COUNT,    /* a whole number that a double holds exactly */
    WEFT__RUN_POSITIVE, /* the same, and not 0 */
    WEFT__RUN_RATE,     /* a number above 0 */
    WEFT__RUN_PLACE,    /* a coordinate */
    WEFT__RUN_POINT,    /* an array of two of them */
    WEFT__RUN_VALUE,    /* a string or a number */
    WEFT__RUN_OBJECT,
    WEFT__RUN_LIST,  /* an array of objects */
    WEFT__RUN_TIMES, /* an object of counts, under any names */
    WEFT__RUN_BUSY   /* an array of whole numbers from 0 to 1000 */
} weft__run_kind;

/* Where a walk is: which run, and the path from its root, "dispatches[12].". */
typedef struct weft__run_walk {
    const char *file;
    const json_t *root;
    char path[160];
    size_t path_bytes;
    size_t index; /* of the innermost list, where the path ends with one */
    weft_error *err;
} weft__run_walk;

typedef struct weft__run_object weft__run_object;

typedef struct weft__run_field {
    const char *name;
    weft__run_kind kind;
    bool is_required;
    const weft__run_object *object; /* of WEFT__RUN_OBJECT and WEFT__RUN_LIST */
    size_t most;                    /* of a list: how long it may be */
    const char *const *words;       /* of WEFT__RUN_WORD, with NULL at the end */
    const char *expected;           /* of WEFT__RUN_WORD, in a message */
} weft__run_field;

struct weft__run_object {
    const weft__run_field *fields;
    size_t count;
    /* What must hold between fields that are each right by themselves; NULL: nothing. */
    weft_status (*rule)(weft__run_walk *walk, const json_t *object);
};

extern const weft__run_object weft__run_root;

/* Fails with: FILE: field "PATH.FIELD" is VALUE, expected EXPECTED. */
weft_status weft__run_wrong(const weft__run_walk *walk, const char *field, const json_t *value, const char *expected);

/* The rules, in report_rules.c. */
weft_status weft__run_rule_root(weft__run_walk *walk, const json_t *object);
weft_status weft__run_rule_model(weft__run_walk *walk, const json_t *object);
weft_status weft__run_rule_span(weft__run_walk *walk, const json_t *object);
weft_status weft__run_rule_buffer(weft__run_walk *walk, const json_t *object);
weft_status weft__run_rule_dispatch(weft__run_walk *walk, const json_t *object);
weft_status weft__run_rule_hazard(weft__run_walk *walk, const json_t *object);
weft_status weft__run_rule_pe(weft__run_walk *walk, const json_t *object);
weft_status weft__run_rule_activity(weft__run_walk *walk, const json_t *object);

#endif
