#include "models/directory.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "support/json_patch.h"
#include "support/weft_check.h"

#define SUMS WEFT_SOURCE_DIR "/models/sums/"

static char *read_file(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s cannot be opened", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    ck_assert_int_gt(size, 0);
    rewind(file);
    char *bytes = malloc((size_t)size);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    *out_size = (size_t)size;
    return bytes;
}

static void path_of(const directory *at, const char *name, char path[512])
{
    snprintf(path, 512, "%s/%s", at->path, name);
}

directory directory_create(void)
{
    const char *base = getenv("TMPDIR");
    directory at;
    snprintf(at.path, sizeof at.path, "%s/weft-models-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(at.path));
    static const char *const names[] = {"config.json", "tokenizer.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512];
        size_t size;
        snprintf(path, sizeof path, SUMS "%s", names[i]);
        char *bytes = read_file(path, &size);
        directory_write(&at, names[i], bytes, size);
        free(bytes);
    }
    return at;
}

void directory_remove(directory *at)
{
    DIR *folder = opendir(at->path);
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            directory_delete(at, entry->d_name);
    closedir(folder);
    ck_assert_int_eq(rmdir(at->path), 0);
}

void directory_write(const directory *at, const char *name, const void *bytes, size_t size)
{
    char path[512];
    path_of(at, name, path);
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "%s cannot be written", path);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

void directory_write_json(const directory *at, const char *name, const json_t *json)
{
    char *text = weft_test_json_dump(json);
    directory_write(at, name, text, strlen(text));
    free(text);
}

void directory_delete(const directory *at, const char *name)
{
    char path[512];
    path_of(at, name, path);
    ck_assert_int_eq(unlink(path), 0);
}

void directory_configure(const directory *at, const char *place, const char *value)
{
    json_t *config = weft_test_json_load("models/sums/config.json");
    weft_test_json_set(config, place, value);
    directory_write_json(at, "config.json", config);
    json_decref(config);
}

tensor_file tensor_file_read(void)
{
    size_t size;
    uint64_t header_bytes;
    char *bytes = read_file(SUMS "model.safetensors", &size);
    memcpy(&header_bytes, bytes, sizeof header_bytes);
    tensor_file file = {.header = json_loadb(bytes + 8, (size_t)header_bytes, 0, NULL)};
    ck_assert_ptr_nonnull(file.header);
    file.bytes = size - 8 - (size_t)header_bytes;
    file.data = malloc(file.bytes);
    ck_assert_ptr_nonnull(file.data);
    memcpy(file.data, bytes + 8 + header_bytes, file.bytes);
    free(bytes);
    return file;
}

void tensor_file_free(tensor_file *file)
{
    json_decref(file->header);
    free(file->data);
}

static void range_of(const tensor_file *file, const char *name, size_t *begin, size_t *end)
{
    const json_t *range = json_object_get(json_object_get(file->header, name), "data_offsets");
    ck_assert_msg(range != NULL, "there is no tensor %s", name);
    *begin = (size_t)json_integer_value(json_array_get(range, 0));
    *end = (size_t)json_integer_value(json_array_get(range, 1));
}

void tensor_file_drop(tensor_file *file, const char *name)
{
    size_t begin, end;
    range_of(file, name, &begin, &end);
    memmove(file->data + begin, file->data + end, file->bytes - end);
    file->bytes -= end - begin;
    json_object_del(file->header, name);
    const char *key;
    json_t *tensor;
    json_object_foreach(file->header, key, tensor)
    {
        json_t *range = json_object_get(tensor, "data_offsets");
        if (!range || json_integer_value(json_array_get(range, 0)) < (json_int_t)end)
            continue;
        for (size_t i = 0; i < 2; i++) {
            json_int_t offset = json_integer_value(json_array_get(range, i));
            json_array_set_new(range, i, json_integer(offset - (json_int_t)(end - begin)));
        }
    }
}

void tensor_file_duplicate(tensor_file *file, const char *from, const char *name)
{
    size_t begin, end;
    range_of(file, from, &begin, &end);
    char *grown = realloc(file->data, file->bytes + end - begin);
    ck_assert_ptr_nonnull(grown);
    file->data = grown;
    memcpy(file->data + file->bytes, file->data + begin, end - begin);
    json_t *tensor = json_deep_copy(json_object_get(file->header, from));
    json_object_set_new(tensor, "data_offsets",
                        json_pack("[II]", (json_int_t)file->bytes, (json_int_t)(file->bytes + end - begin)));
    json_object_set_new(file->header, name, tensor);
    file->bytes += end - begin;
}

void directory_write_tensors(const directory *at, const char *name, const tensor_file *file, size_t remainder)
{
    char *text = weft_test_json_dump(file->header);
    uint64_t length = strlen(text), padded = length;
    while (padded % 8 != remainder)
        padded++;
    char *bytes = malloc(8 + (size_t)padded + file->bytes);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, &padded, 8);
    memset(bytes + 8, ' ', (size_t)padded);
    memcpy(bytes + 8, text, (size_t)length);
    memcpy(bytes + 8 + padded, file->data, file->bytes);
    directory_write(at, name, bytes, 8 + (size_t)padded + file->bytes);
    free(bytes);
    free(text);
}

void directory_write_shards(const directory *at, const char *place, const char *value)
{
    static const char *const names[] = {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"};
    json_t *index = json_pack("{s:{}}", "weight_map");
    for (size_t shard = 0; shard < 2; shard++) {
        tensor_file all = tensor_file_read(), part = tensor_file_read();
        const char *key;
        json_t *tensor;
        json_object_foreach(all.header, key, tensor)
        {
            if (strcmp(key, "__metadata__") == 0)
                continue;
            bool in_second = strncmp(key, "model.layers.2.", 15) == 0 || strncmp(key, "model.layers.3.", 15) == 0;
            if (in_second == (shard == 1))
                json_object_set_new(json_object_get(index, "weight_map"), key, json_string(names[shard]));
            else
                tensor_file_drop(&part, key);
        }
        directory_write_tensors(at, names[shard], &part, 0);
        tensor_file_free(&all);
        tensor_file_free(&part);
    }
    if (place)
        weft_test_json_set(index, place, value);
    directory_write_json(at, "model.safetensors.index.json", index);
    json_decref(index);
}
