/* The checks of a safetensors file: 8 bytes of header length (little-endian), a JSON object that maps names to
 * {dtype, shape, data_offsets}, and the data, to whose first byte the offsets are relative. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "formats/json.h"
#include "formats/safetensors.h"

#define LENGTH_BYTES 8
#define HEADER_BYTES_MAX 100000000u /* what the format's own reader allows */
#define METADATA_KEY "__metadata__"
#define PLACE_BYTES 256

typedef struct dtype_row {
    const char *name;
    uint32_t bits;
    bool is_supported;
    weft_dtype dtype;
} dtype_row;

/* Weft cannot compute with all of these, but must know their sizes to check the file. */
static const dtype_row dtype_rows[] = {
    {"BF16", 16, true, WEFT_BF16},   {"F32", 32, true, WEFT_F32},     {"F16", 16, true, WEFT_F16},
    {"I8", 8, true, WEFT_I8},        {"U8", 8, true, WEFT_U8},        {"I16", 16, true, WEFT_I16},
    {"U16", 16, true, WEFT_U16},     {"I32", 32, true, WEFT_I32},     {"U32", 32, true, WEFT_U32},
    {"I64", 64, true, WEFT_I64},     {"U64", 64, true, WEFT_U64},     {"F64", 64, true, WEFT_F64},
    {"C64", 64, false, WEFT_F32},    {"BOOL", 8, false, WEFT_F32},    {"F8_E4M3", 8, false, WEFT_F32},
    {"F8_E5M2", 8, false, WEFT_F32}, {"F8_E8M0", 8, false, WEFT_F32}, {"F6_E2M3", 6, false, WEFT_F32},
    {"F6_E3M2", 6, false, WEFT_F32}, {"F4", 4, false, WEFT_F32},
};

/* Where the data of a file lie in memory. */
typedef struct data_region {
    const char *start;
    size_t bytes;
} data_region;

static const dtype_row *dtype_row_of(const char *name)
{
    for (size_t i = 0; i < sizeof dtype_rows / sizeof dtype_rows[0]; i++)
        if (strcmp(dtype_rows[i].name, name) == 0)
            return &dtype_rows[i];
    return NULL;
}

static weft_status read_shape(const weft__json_object *entry, weft_shape *out, weft_error *err)
{
    const json_t *extents = NULL;
    weft_status status = weft__json_array(entry, "shape", &extents, err);
    if (status != WEFT_OK)
        return status;
    if (json_array_size(extents) > WEFT_RANK_MAX)
        return weft__json_wrong(entry, "shape", extents, WEFT_UNSUPPORTED, "at most 8 extents", err);
    out->rank = (uint32_t)json_array_size(extents);
    for (uint32_t i = 0; i < out->rank; i++) {
        const json_t *extent = json_array_get(extents, i);
        char field[24];
        (void)snprintf(field, sizeof field, "shape[%u]", i);
        if (!json_is_integer(extent) || json_integer_value(extent) < 0)
            return weft__json_wrong(entry, field, extent, WEFT_PARSE, "an integer from 0", err);
        out->extent[i] = (uint64_t)json_integer_value(extent);
    }
    return WEFT_OK;
}

static weft_status read_offsets(const weft__json_object *entry, size_t data_bytes, size_t out[2], weft_error *err)
{
    const json_t *offsets = NULL;
    weft_status status = weft__json_array(entry, "data_offsets", &offsets, err);
    if (status != WEFT_OK)
        return status;
    if (json_array_size(offsets) != 2)
        return weft__json_wrong(entry, "data_offsets", offsets, WEFT_PARSE, "an array of 2", err);
    for (size_t i = 0; i < 2; i++) {
        const json_t *offset = json_array_get(offsets, i);
        uintmax_t least = i == 0 ? 0 : out[0];
        if (!json_is_integer(offset) || json_integer_value(offset) < 0 ||
            (uintmax_t)json_integer_value(offset) < least || (uintmax_t)json_integer_value(offset) > data_bytes) {
            char field[24];
            char expected[80];
            (void)snprintf(field, sizeof field, "data_offsets[%zu]", i);
            (void)snprintf(expected, sizeof expected, "an integer from %ju to %zu, the bytes of data", least,
                           data_bytes);
            return weft__json_wrong(entry, field, offset, WEFT_PARSE, expected, err);
        }
        out[i] = (size_t)json_integer_value(offset);
    }
    return WEFT_OK;
}

/* True if `bytes` is exactly what the shape takes. */
static bool size_is_right(const weft_shape *shape, uint32_t bits, size_t bytes)
{
    uint64_t elements = weft_shape_elements(shape);
    uint64_t total_bits;
    if (elements == UINT64_MAX || __builtin_mul_overflow(elements, (uint64_t)bits, &total_bits))
        return false;
    return total_bits % 8 == 0 && total_bits / 8 == bytes;
}

static weft_status read_tensor(const weft__json_object *entry, data_region data, weft_safetensors_tensor *out,
                               weft_error *err)
{
    const char *dtype_name = NULL;
    size_t offsets[2] = {0, 0};
    if (!json_is_object(entry->json)) {
        char text[WEFT__JSON_TEXT_BYTES];
        return weft__fail(err, WEFT_PARSE, "%s is %s, expected an object.", entry->file,
                          weft__json_text(entry->json, text));
    }
    weft_status status = weft__json_string(entry, "dtype", &dtype_name, err);
    if (status != WEFT_OK)
        return status;
    const dtype_row *row = dtype_row_of(dtype_name);
    if (!row)
        return weft__json_wrong(entry, "dtype", json_object_get(entry->json, "dtype"), WEFT_PARSE,
                                "a dtype of the safetensors format, \"BF16\" say", err);
    if ((status = read_shape(entry, &out->shape, err)) != WEFT_OK)
        return status;
    if ((status = read_offsets(entry, data.bytes, offsets, err)) != WEFT_OK)
        return status;
    out->dtype_name = row->name;
    out->is_supported = row->is_supported;
    out->dtype = row->dtype;
    out->data = data.start + offsets[0];
    out->bytes = offsets[1] - offsets[0];
    if (!size_is_right(&out->shape, row->bits, out->bytes)) {
        char shape[WEFT_SHAPE_TEXT_BYTES];
        return weft__fail(err, WEFT_PARSE,
                          "%s: field \"data_offsets\" spans %zu bytes, but shape %s of %s takes another size.",
                          entry->file, out->bytes, weft_shape_text(&out->shape, shape), row->name);
    }
    return WEFT_OK;
}

static int compare_places(const void *a_void, const void *b_void)
{
    const weft_safetensors_tensor *a = a_void;
    const weft_safetensors_tensor *b = b_void;
    const char *a_data = a->data;
    const char *b_data = b->data;
    if (a_data != b_data)
        return a_data < b_data ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int compare_names(const void *a_void, const void *b_void)
{
    const weft_safetensors_tensor *const *a = a_void;
    const weft_safetensors_tensor *const *b = b_void;
    return strcmp((*a)->name, (*b)->name);
}

/* The tensors, sorted by place, must follow one another and end where the file ends. */
static weft_status check_places(const weft_safetensors *file, data_region data, weft_error *err)
{
    char name[WEFT__JSON_TEXT_BYTES];
    char other_name[WEFT__JSON_TEXT_BYTES];
    size_t expected = 0;
    for (size_t i = 0; i < file->count; i++) {
        const weft_safetensors_tensor *tensor = &file->tensors[i];
        size_t begin = (size_t)((const char *)tensor->data - data.start);
        (void)weft__json_quote(tensor->name, strlen(tensor->name), name);
        if (begin < expected) { /* so i > 0 */
            const char *other = file->tensors[i - 1].name;
            return weft__fail(
                err, WEFT_PARSE,
                "%s: tensor %s: field \"data_offsets\" begins at %zu, inside of tensor %s, which ends at %zu.",
                file->name, name, begin, weft__json_quote(other, strlen(other), other_name), expected);
        }
        if (begin > expected)
            return weft__fail(
                err, WEFT_PARSE,
                "%s: tensor %s: field \"data_offsets\" begins at %zu, and the %zu bytes before it belong to no "
                "tensor.",
                file->name, name, begin, begin - expected);
        expected = begin + tensor->bytes;
    }
    if (expected != data.bytes)
        return weft__fail(err, WEFT_PARSE, "%s has %zu bytes of data, but its tensors end at %zu.", file->name,
                          data.bytes, expected);
    return WEFT_OK;
}

static weft_status check_metadata(const weft_safetensors *file, weft_error *err)
{
    json_t *metadata = json_object_get(file->header, METADATA_KEY);
    const weft__json_object object = {.json = file->header, .file = file->name, .path = ""};
    const char *key;
    json_t *value;
    if (metadata && !json_is_object(metadata))
        return weft__json_wrong(&object, METADATA_KEY, metadata, WEFT_PARSE, "an object of strings", err);
    json_object_foreach(metadata, key, value)
    {
        char key_text[WEFT__JSON_TEXT_BYTES];
        char value_text[WEFT__JSON_TEXT_BYTES];
        if (!json_is_string(value))
            return weft__fail(err, WEFT_PARSE,
                              "%s: the value of %s in field \"" METADATA_KEY "\" is %s, expected a string.", file->name,
                              weft__json_quote(key, strlen(key), key_text), weft__json_text(value, value_text));
    }
    return WEFT_OK;
}

/* Reads the entries of the header in its own order, then puts them into the order of their data. */
static weft_status read_tensors(weft_safetensors *file, data_region data, weft_error *err)
{
    size_t count = json_object_size(file->header) - (json_object_get(file->header, METADATA_KEY) != NULL);
    const char *key;
    json_t *value;
    if (count == 0)
        return WEFT_OK;
    file->tensors = calloc(count, sizeof *file->tensors);
    file->by_name = calloc(count, sizeof *file->by_name);
    if (!file->tensors || !file->by_name) {
        (void)weft__fail_memory(err, count * (sizeof *file->tensors + sizeof *file->by_name),
                                "the index of a safetensors file");
        return WEFT_OUT_OF_MEMORY;
    }
    json_object_foreach(file->header, key, value)
    {
        char name[WEFT__JSON_TEXT_BYTES];
        char place[PLACE_BYTES];
        if (strcmp(key, METADATA_KEY) == 0)
            continue;
        (void)snprintf(place, sizeof place, "%s: tensor %s", file->name, weft__json_quote(key, strlen(key), name));
        const weft__json_object entry = {.json = value, .file = place, .path = ""};
        weft_safetensors_tensor *tensor = &file->tensors[file->count];
        tensor->name = key;
        weft_status status = read_tensor(&entry, data, tensor, err);
        if (status != WEFT_OK)
            return status;
        file->count++;
    }
    qsort(file->tensors, file->count, sizeof *file->tensors, compare_places);
    for (size_t i = 0; i < file->count; i++)
        file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, file->count, sizeof *file->by_name, compare_names);
    return WEFT_OK;
}

/* Finds the header text behind its length. */
static weft_status find_header(const weft_safetensors *file, const unsigned char *bytes, size_t size, size_t *out_bytes,
                               weft_error *err)
{
    if (size < LENGTH_BYTES)
        return weft__fail(err, WEFT_PARSE, "%s has %zu bytes, too few for the header length, which takes %d.",
                          file->name, size, LENGTH_BYTES);
    uint64_t length = 0;
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)bytes[i] << (8 * i);
    if (length > HEADER_BYTES_MAX)
        return weft__fail(err, WEFT_PARSE, "%s: the header length is %ju, the limit is %u.", file->name,
                          (uintmax_t)length, HEADER_BYTES_MAX);
    if (length > size - LENGTH_BYTES)
        return weft__fail(err, WEFT_PARSE, "%s: the header length is %ju, but only %zu bytes follow it.", file->name,
                          (uintmax_t)length, size - LENGTH_BYTES);
    if (length == 0 || bytes[LENGTH_BYTES] != '{')
        return weft__fail(err, WEFT_PARSE, "%s: the header of %ju bytes does not begin with '{'.", file->name,
                          (uintmax_t)length);
    *out_bytes = (size_t)length;
    return WEFT_OK;
}

weft_status weft__safetensors_read_header(weft_safetensors *file, const void *bytes, size_t size, weft_error *err)
{
    const char *start = bytes;
    size_t header_bytes = 0;
    char place[PLACE_BYTES];
    weft_status status = find_header(file, bytes, size, &header_bytes, err);
    if (status != WEFT_OK)
        return status;
    (void)snprintf(place, sizeof place, "%s: the header", file->name);
    status = weft__json_parse(start + LENGTH_BYTES, header_bytes, place, &file->header, err);
    if (status == WEFT_OK)
        status = check_metadata(file, err);
    const data_region data = {.start = start + LENGTH_BYTES + header_bytes,
                              .bytes = size - LENGTH_BYTES - header_bytes};
    if (status == WEFT_OK)
        status = read_tensors(file, data, err);
    if (status == WEFT_OK)
        status = check_places(file, data, err);
    return status;
}
