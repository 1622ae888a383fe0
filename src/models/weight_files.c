#include "models/weight_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/status.h"
#include "base/file.h"
#include "formats/json.h"

static const char single_name[] = "model.safetensors";
static const char index_name[] = "model.safetensors.index.json";

static weft_status add_shard(weft__weight_files *files, const char *directory, const char *name, weft_error *err)
{
    weft__shard *grown = realloc(files->shards, (files->count + 1) * sizeof *grown);
    if (!grown)
        return weft__fail_memory(err, (files->count + 1) * sizeof *grown, "a list of weight files");
    files->shards = grown;
    char *path = NULL;
    weft_status status = weft__path_join(directory, name, &path, err);
    weft_safetensors *file = NULL;
    if (status == WEFT_OK)
        status = weft_safetensors_open(path, &file, err);
    free(path);
    if (status == WEFT_OK)
        files->shards[files->count++] = (weft__shard){name, file};
    return status;
}

static const weft__shard *shard_of(const weft__weight_files *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->shards[i].name, name) == 0)
            return &files->shards[i];
    return NULL;
}

/* Every tensor of a shard must be one that the index places there: otherwise a weight could be taken from a file that
 * nobody meant. */
static weft_status check_shard(const weft__weight_files *files, const weft__shard *shard, weft_error *err)
{
    for (size_t i = 0; i < weft_safetensors_count(shard->file); i++) {
        weft_safetensors_tensor tensor;
        weft_status status = weft_safetensors_at(shard->file, i, &tensor, err);
        if (status != WEFT_OK)
            return status;
        const char *place = weft__weight_index_place(&files->index, tensor.name);
        if (place && strcmp(place, shard->name) == 0)
            continue;
        char name[WEFT__JSON_TEXT_BYTES], where[WEFT__JSON_TEXT_BYTES] = "nowhere"; /* names may be anything */
        if (place)
            (void)weft__json_quote(place, strlen(place), where);
        return weft__fail(err, WEFT_PARSE, "%s has tensor %s, but %s places it %s%s.", shard->name,
                          weft__json_quote(tensor.name, strlen(tensor.name), name), index_name, place ? "in " : "",
                          where);
    }
    return WEFT_OK;
}

static weft_status open_shards(weft__weight_files *files, const char *directory, const char *path, weft_error *err)
{
    weft_status status = weft__weight_index_load(path, &files->index, err);
    for (size_t i = 0; i < files->index.file_count && status == WEFT_OK; i++)
        status = add_shard(files, directory, files->index.files[i], err);
    for (size_t i = 0; i < files->count && status == WEFT_OK; i++)
        status = check_shard(files, &files->shards[i], err);
    return status;
}

static bool exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 || errno != ENOENT;
}

weft_status weft__weight_files_open(const char *directory, weft__weight_files **out, weft_error *err)
{
    *out = NULL;
    weft__weight_files *files = calloc(1, sizeof *files);
    if (!files)
        return weft__fail_memory(err, sizeof *files, "the weight files of a model");
    atomic_init(&files->references, 1);
    char *single_path = NULL, *index_path = NULL;
    weft_status status = weft__path_join(directory, single_name, &single_path, err);
    if (status == WEFT_OK)
        status = weft__path_join(directory, index_name, &index_path, err);
    if (status == WEFT_OK) {
        if (exists(single_path))
            status = add_shard(files, directory, single_name, err);
        else if (exists(index_path))
            status = open_shards(files, directory, index_path, err);
        else
            status = weft__fail(err, WEFT_IO, "Directory \"%s\" has neither %s nor %s.", weft__path_tail(directory),
                                single_name, index_name);
    }
    free(single_path);
    free(index_path);
    if (status != WEFT_OK) {
        weft__weight_files_release(files);
        return status;
    }
    *out = files;
    return WEFT_OK;
}

void weft__weight_files_retain(weft__weight_files *files)
{
    atomic_fetch_add_explicit(&files->references, 1, memory_order_relaxed);
}

void weft__weight_files_release(void *files_or_null)
{
    weft__weight_files *files = files_or_null;
    if (!files || atomic_fetch_sub_explicit(&files->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < files->count; i++)
        weft_safetensors_close(files->shards[i].file);
    free(files->shards);
    weft__weight_index_release(&files->index);
    free(files);
}

weft_status weft__weight_files_find(const weft__weight_files *files, const char *name, weft_safetensors_tensor *out,
                                    const char **out_file, weft_error *err)
{
    *out = (weft_safetensors_tensor){0};
    *out_file = single_name;
    if (!files->index.json)
        return weft_safetensors_find(files->shards[0].file, name, out, err);
    const char *place = weft__weight_index_place(&files->index, name);
    *out_file = place ? place : index_name;
    if (!place)
        return weft__fail(err, WEFT_NOT_FOUND, "%s has no tensor \"%s\".", index_name, name);
    return weft_safetensors_find(shard_of(files, place)->file, name, out, err);
}
