/* The weight files of a model directory as one set of tensors: `model.safetensors`, or the shards that
 * `model.safetensors.index.json` lists. */
#ifndef WEFT_MODELS_WEIGHT_FILES_H
#define WEFT_MODELS_WEIGHT_FILES_H

#include <stdatomic.h>

#include <weft/safetensors.h>

#include "formats/weight_index.h"

typedef struct weft__shard {
    const char *name; /* of the file, without the directory */
    weft_safetensors *file;
} weft__shard;

/* Shared by the model and by every buffer that lies in a mapped file. Immutable but for the count; any thread. */
typedef struct weft__weight_files {
    _Atomic uint32_t references;
    weft__weight_index index; /* all zero for a single file; holds the names of the shards otherwise */
    weft__shard *shards;
    size_t count;
} weft__weight_files;

/* Opens them all, with one reference, the caller's. Errors as weft_safetensors_open(), and for the index WEFT_PARSE. */
weft_status weft__weight_files_open(const char *directory, weft__weight_files **out, weft_error *err);

void weft__weight_files_retain(weft__weight_files *files);
/* Closes them with the last reference. Takes a weft__weight_files; NULL is fine. */
void weft__weight_files_release(void *files);

/* A tensor by name. `*out_file` is the name of the file that has it, or should have it. */
weft_status weft__weight_files_find(const weft__weight_files *files, const char *name, weft_safetensors_tensor *out,
                                    const char **out_file, weft_error *err);

#endif
