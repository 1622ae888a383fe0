/* Run files: reading and checking them. What passed is what the page may rely on. */
#ifndef WEFT_TRACE_REPORT_RUN_H
#define WEFT_TRACE_REPORT_RUN_H

#include <jansson.h>
#include <stddef.h>

#include <weft/status.h>

#define WEFT__RUN_VERSION 1
#define WEFT__RUN_FILE_BYTES_MAX ((size_t)256 << 20)
/* Numbers up to here are exact in every reader of JSON. */
#define WEFT__RUN_NUMBER_MAX (((json_int_t)1 << 53) - 1)

/* A run from memory or from a file, to be given up with json_decref(). Messages call it `file`. WEFT_PARSE for the
 * first mistake, WEFT_UNSUPPORTED for another version. */
weft_status weft__run_parse(const char *text, size_t bytes, const char *file, json_t **out, weft_error *err);
weft_status weft__run_load(const char *path, json_t **out, weft_error *err);

#endif
