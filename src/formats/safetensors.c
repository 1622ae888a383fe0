#include "formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/status.h"
#include "base/file.h"
#include "formats/json.h"

/* A file without tensors, or NULL and WEFT_OUT_OF_MEMORY in `err`. */
static weft_safetensors *create(const char *name, weft_error *err)
{
    weft_safetensors *file = calloc(1, sizeof *file);
    char *copy = strdup(name);
    if (!file || !copy) {
        (void)weft__fail_memory(err, sizeof *file + strlen(name) + 1, "a safetensors file");
        free(file);
        free(copy);
        return NULL;
    }
    file->name = copy;
    return file;
}

weft_status weft__safetensors_parse(const void *bytes, size_t size, const char *name, weft_safetensors **out,
                                    weft_error *err)
{
    *out = NULL;
    weft_safetensors *file = create(name, err);
    if (!file)
        return WEFT_OUT_OF_MEMORY;
    weft_status status = weft__safetensors_read_header(file, bytes, size, err);
    if (status != WEFT_OK) {
        weft_safetensors_close(file);
        return status;
    }
    *out = file;
    return WEFT_OK;
}

weft_status weft_safetensors_open(const char *path, weft_safetensors **out, weft_error *err)
{
    *out = NULL;
    weft_safetensors *file = create(weft__path_tail(path), err);
    if (!file)
        return WEFT_OUT_OF_MEMORY;
    weft_status status = weft__file_map(path, &file->mapped, &file->mapped_bytes, err);
    if (status == WEFT_OK)
        status = weft__safetensors_read_header(file, file->mapped, file->mapped_bytes, err);
    if (status != WEFT_OK) {
        weft_safetensors_close(file);
        return status;
    }
    *out = file;
    return WEFT_OK;
}

void weft_safetensors_close(weft_safetensors *file)
{
    if (!file)
        return;
    weft__file_unmap(file->mapped, file->mapped_bytes);
    json_decref(file->header);
    free(file->by_name);
    free(file->tensors);
    free(file->name);
    free(file);
}

size_t weft_safetensors_count(const weft_safetensors *file)
{
    return file->count;
}

weft_status weft_safetensors_at(const weft_safetensors *file, size_t index, weft_safetensors_tensor *out,
                                weft_error *err)
{
    *out = (weft_safetensors_tensor){0};
    if (index >= file->count)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "%s has %zu tensors, so there is none with index %zu.", file->name,
                          file->count, index);
    *out = file->tensors[index];
    return WEFT_OK;
}

static const char *name_at(const void *context, size_t index)
{
    const weft_safetensors *file = context;
    return file->tensors[index].name;
}

static int compare_name(const void *key, const void *entry)
{
    const weft_safetensors_tensor *const *tensor = entry;
    return strcmp(key, (*tensor)->name);
}

static weft_status fail_not_found(const weft_safetensors *file, const char *name, weft_error *err)
{
    char text[WEFT__JSON_TEXT_BYTES];
    char nearest_text[WEFT__JSON_TEXT_BYTES];
    const char *nearest = weft__nearest(name, file->count, name_at, file);
    (void)weft__json_quote(name, strlen(name), text);
    if (!nearest)
        return weft__fail(err, WEFT_NOT_FOUND, "%s has no tensor %s: it has none at all.", file->name, text);
    return weft__fail(err, WEFT_NOT_FOUND, "%s has no tensor %s; the nearest name is %s.", file->name, text,
                      weft__json_quote(nearest, strlen(nearest), nearest_text));
}

weft_status weft_safetensors_find(const weft_safetensors *file, const char *name, weft_safetensors_tensor *out,
                                  weft_error *err)
{
    *out = (weft_safetensors_tensor){0};
    const weft_safetensors_tensor **found = NULL;
    if (file->count > 0)
        found = bsearch(name, file->by_name, file->count, sizeof *file->by_name, compare_name);
    if (!found)
        return fail_not_found(file, name, err);
    if (!(*found)->is_supported) {
        char text[WEFT__JSON_TEXT_BYTES];
        return weft__fail(err, WEFT_UNSUPPORTED, "%s: tensor %s has dtype %s, which Weft does not support.", file->name,
                          weft__json_quote(name, strlen(name), text), (*found)->dtype_name);
    }
    *out = **found;
    return WEFT_OK;
}

const char *weft_safetensors_metadata(const weft_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}
