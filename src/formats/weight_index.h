/* model.safetensors.index.json: which file of a model directory has which tensor.
 *
 * Plain data over a document; names lie inside of it and live as long. Immutable once read, any thread. */
#ifndef WEFT_FORMATS_WEIGHT_INDEX_H
#define WEFT_FORMATS_WEIGHT_INDEX_H

#include <jansson.h>
#include <stddef.h>

#include <weft/status.h>

typedef struct weft__weight_index {
    json_t *json;       /* the document; NULL in one that was never read */
    const char **files; /* each once, in the order of their first tensor; no name leaves the directory */
    size_t file_count;
} weft__weight_index;

/* Reads a file. `*out` is all zero on failure. WEFT_IO; WEFT_PARSE for what is no such index or names a file elsewhere;
 * WEFT_UNSUPPORTED for more files than anyone has. */
weft_status weft__weight_index_load(const char *path, weft__weight_index *out, weft_error *err);

/* The same from memory; messages call it `name`. */
weft_status weft__weight_index_parse(const char *text, size_t bytes, const char *name, weft__weight_index *out,
                                     weft_error *err);

/* Gives an index back, also one that is all zero. */
void weft__weight_index_release(weft__weight_index *index);

/* The file that has a tensor; NULL if the index does not name it. */
const char *weft__weight_index_place(const weft__weight_index *index, const char *tensor);

#endif
