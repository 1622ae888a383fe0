#include "formats/weight_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/file.h"
#include "formats/json.h"

#define INDEX_BYTES_MAX ((size_t)64 << 20)
#define FILES_MAX 4096

/* A file lies in the directory itself: a name with a slash could name any file of the machine. */
static weft_status check_name(const weft__json_object *map, const char *tensor, const json_t *value, weft_error *err)
{
    const char *name = json_string_value(value);
    if (name && name[0] != '\0' && !strchr(name, '/') && strcmp(name, "..") != 0 && strcmp(name, ".") != 0)
        return WEFT_OK;
    char field[WEFT__JSON_TEXT_BYTES], given[WEFT__JSON_TEXT_BYTES]; /* names of tensors may be anything */
    return weft__fail(err, WEFT_PARSE,
                      "%s: field %s of \"weight_map\" is %s, expected the name of a file in the same directory.",
                      map->file, weft__json_quote(tensor, strlen(tensor), field), weft__json_text(value, given));
}

static weft_status add_file(weft__weight_index *index, const char *name, const char *of, weft_error *err)
{
    for (size_t i = 0; i < index->file_count; i++)
        if (strcmp(index->files[i], name) == 0)
            return WEFT_OK;
    if (index->file_count == FILES_MAX)
        return weft__fail(err, WEFT_UNSUPPORTED, "%s lists more than %d files.", of, FILES_MAX);
    const char **grown = realloc(index->files, (index->file_count + 1) * sizeof *grown);
    if (!grown)
        return weft__fail_memory(err, (index->file_count + 1) * sizeof *grown, "a list of weight files");
    index->files = grown;
    index->files[index->file_count++] = name;
    return WEFT_OK;
}

/* Takes over the document. */
static weft_status read_map(json_t *json, const char *name, weft__weight_index *out, weft_error *err)
{
    *out = (weft__weight_index){.json = json};
    const weft__json_object root = {.json = json, .file = name, .path = ""};
    weft__json_object map;
    weft_status status = weft__json_child(&root, "weight_map", "weight_map.", &map, err);
    const char *tensor;
    json_t *value;
    if (status == WEFT_OK)
        json_object_foreach((json_t *)(uintptr_t)map.json, tensor, value)
        {
            if (status == WEFT_OK)
                status = check_name(&map, tensor, value, err);
            if (status == WEFT_OK)
                status = add_file(out, json_string_value(value), name, err);
        }
    if (status != WEFT_OK)
        weft__weight_index_release(out);
    return status;
}

weft_status weft__weight_index_load(const char *path, weft__weight_index *out, weft_error *err)
{
    json_t *json = NULL;
    *out = (weft__weight_index){0};
    weft_status status = weft__json_load(path, INDEX_BYTES_MAX, &json, err);
    return status == WEFT_OK ? read_map(json, weft__path_tail(path), out, err) : status;
}

weft_status weft__weight_index_parse(const char *text, size_t bytes, const char *name, weft__weight_index *out,
                                     weft_error *err)
{
    json_t *json = NULL;
    *out = (weft__weight_index){0};
    weft_status status = weft__json_parse(text, bytes, name, &json, err);
    return status == WEFT_OK ? read_map(json, name, out, err) : status;
}

void weft__weight_index_release(weft__weight_index *index)
{
    json_decref(index->json);
    free(index->files);
    *index = (weft__weight_index){0};
}

const char *weft__weight_index_place(const weft__weight_index *index, const char *tensor)
{
    return json_string_value(json_object_get(json_object_get(index->json, "weight_map"), tensor));
}
