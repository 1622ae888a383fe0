#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "sim/replay/store_impl.h"

static const char *const kind_names[] = {[WEFT_TCM] = "tcm", [WEFT_SRAM] = "sram", [WEFT_HBM] = "hbm"};

weft_status weft_store_create(const weft_store_options *options, weft_store **out, weft_error *err)
{
    const weft_store_options defaults = {0};
    options = options ? options : &defaults;
    *out = NULL;
    weft_store *store = calloc(1, sizeof *store);
    if (!store)
        return weft__fail_memory(err, sizeof *store, "a store");
    uint32_t host;
    weft_status status = weft__names_number(&store->writers, "host", &host, err);
    if (status == WEFT_OK && options->threads > 1)
        status = weft__threads_create(options->threads, WEFT__SPINS_DEFAULT, &store->threads, err);
    if (status == WEFT_OK) {
        const weft__values_options graph = {.threads = store->threads, .is_eager = options->is_eager};
        status = weft__values_create(&graph, &store->values, err);
    }
    if (status != WEFT_OK) {
        weft_store_destroy(store);
        return status;
    }
    *out = store;
    return WEFT_OK;
}

void weft_store_destroy(weft_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->memory_count; i++) {
        weft__memory_destroy(&store->memories[i]->memory);
        free(store->memories[i]);
    }
    free(store->memories);
    weft__values_destroy(store->values);
    weft__threads_destroy(store->threads);
    weft__names_destroy(&store->writers);
    free(store);
}

/* ---- memories ---- */

/* Where the key is, or belongs. */
static size_t find_memory(const weft_store *store, uint64_t key)
{
    size_t begin = 0, end = store->memory_count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        if (store->memories[middle]->key < key)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

weft_status weft__store_memory_of(weft_store *store, weft_space space, weft__memory **out, weft_error *err)
{
    if ((unsigned)space.kind > WEFT_HBM)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A space has kind %d, which is none.", (int)space.kind);
    uint64_t key = (uint64_t)space.kind << 32 | space.owner;
    size_t at = find_memory(store, key);
    if (at < store->memory_count && store->memories[at]->key == key) {
        *out = &store->memories[at]->memory;
        return WEFT_OK;
    }
    if (store->memory_count == store->memory_capacity) {
        size_t capacity = store->memory_capacity ? 2 * store->memory_capacity : 16;
        weft__store_memory **grown = realloc(store->memories, capacity * sizeof(weft__store_memory *));
        if (!grown)
            return weft__fail_memory(err, capacity * sizeof(weft__store_memory *), "the memories of a store");
        store->memories = grown;
        store->memory_capacity = capacity;
    }
    weft__store_memory *made = malloc(sizeof *made);
    if (!made)
        return weft__fail_memory(err, sizeof *made, "a memory of a store");
    char name[WEFT__MEMORY_NAME_BYTES];
    (void)snprintf(name, sizeof name, "%s %u", kind_names[space.kind], space.owner);
    made->key = key;
    weft__memory_init(&made->memory, store->values, name, UINT64_MAX);
    memmove(&store->memories[at + 1], &store->memories[at], (store->memory_count - at) * sizeof(weft__store_memory *));
    store->memories[at] = made;
    store->memory_count++;
    *out = &made->memory;
    return WEFT_OK;
}

/* ---- writing ---- */

static weft_status check_lives(const weft_store *store, weft_value value, weft_error *err)
{
    if (weft__values_lives(store->values, value))
        return WEFT_OK;
    return weft__fail(err, WEFT_INVALID_ARGUMENT, "Value 0x%llx does not live in this store.",
                      (unsigned long long)value);
}

weft_status weft__store_carried(weft_store *store, const weft_tensor *tensor, weft__value_id *out, weft_error *err)
{
    *out = 0;
    if (tensor->value == 0 && !tensor->data)
        return WEFT_OK;
    if (tensor->value == 0)
        return weft__values_constant(store->values, tensor->dtype, &tensor->shape, tensor->data, out, err);
    weft_status status = check_lives(store, tensor->value, err);
    if (status != WEFT_OK)
        return status;
    weft__value_info info;
    weft__values_get_info(store->values, tensor->value, &info);
    if (info.dtype != tensor->dtype || weft_shape_elements(&info.shape) != weft_shape_elements(&tensor->shape)) {
        char text[2][WEFT_SHAPE_TEXT_BYTES];
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "A tensor of %s %s carries a value of %s %s.",
                          weft_dtype_name(tensor->dtype), weft_shape_text(&tensor->shape, text[0]),
                          weft_dtype_name(info.dtype), weft_shape_text(&info.shape, text[1]));
    }
    return weft__values_view(store->values, tensor->value, 0, tensor->dtype, &tensor->shape, out, err);
}

weft_status weft_store_write(weft_store *store, weft_space space, uint64_t address, const weft_tensor *tensor,
                             weft_error *err)
{
    weft__memory *memory = NULL;
    weft__value_id value = 0;
    weft_status status = weft__store_memory_of(store, space, &memory, err);
    if (status == WEFT_OK)
        status = weft__store_carried(store, tensor, &value, err);
    if (status != WEFT_OK)
        return status;
    if (value == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "The tensor written to 0x%llx of %s carries neither data nor a value.",
                          (unsigned long long)address, memory->name);
    status = weft__memory_install(memory, address, value, 0, store->now_ps, err);
    weft__values_release(store->values, value);
    return status;
}

/* ---- reading ---- */

/* Reads what stands there as a value, computes it and copies its data. */
static weft_status read_range(weft_store *store, weft__memory *memory, uint64_t address, const weft_shape *shape,
                              weft_dtype dtype, void *out, weft_error *err)
{
    weft__value_id value = 0;
    weft_status status = weft__memory_read(memory, address, dtype, shape, &value, err);
    if (status != WEFT_OK)
        return status;
    status = weft_store_value_read(store, value, out, weft__values_bytes(store->values, value), err);
    weft__values_release(store->values, value);
    return status;
}

/* That a tensor of this dtype and as many bytes begins at the address, if anything stands there at all. */
static weft_status check_tensor(const weft_store *store, const weft__memory *memory, uint64_t address,
                                const weft_shape *shape, weft_dtype dtype, weft_error *err)
{
    const weft__installation *there = weft__memory_find(memory, address);
    if (!there)
        return WEFT_OK;
    weft__value_info info;
    char text[2][WEFT_SHAPE_TEXT_BYTES];
    weft__values_get_info(store->values, there->value, &info);
    if (there->base == address && info.dtype == dtype && weft_shape_elements(&info.shape) == weft_shape_elements(shape))
        return WEFT_OK;
    return weft__fail(err, WEFT_SHAPE_MISMATCH, "At 0x%llx of %s, %s %s is read where %s %s was written%s.",
                      (unsigned long long)address, memory->name, weft_dtype_name(dtype),
                      weft_shape_text(shape, text[0]), weft_dtype_name(info.dtype),
                      weft_shape_text(&info.shape, text[1]),
                      there->base == address ? "" : ", beginning before that address");
}

weft_status weft_store_read(weft_store *store, weft_space space, uint64_t address, const weft_shape *shape,
                            weft_dtype dtype, void *out, weft_error *err)
{
    weft__memory *memory = NULL;
    uint64_t bytes = 0;
    weft_status status = weft__values_check_type(dtype, shape, &bytes, err);
    if (status == WEFT_OK)
        status = weft__store_memory_of(store, space, &memory, err);
    if (status == WEFT_OK && bytes)
        status = check_tensor(store, memory, address, shape, dtype, err);
    return status == WEFT_OK ? read_range(store, memory, address, shape, dtype, out, err) : status;
}

weft_status weft_store_read_bytes(weft_store *store, weft_space space, uint64_t address, uint64_t bytes, void *out,
                                  weft_error *err)
{
    weft__memory *memory = NULL;
    const weft_shape shape = weft_shape_1d(bytes);
    weft_status status = weft__store_memory_of(store, space, &memory, err);
    return status == WEFT_OK ? read_range(store, memory, address, &shape, WEFT_U8, out, err) : status;
}

weft_status weft_store_value_read(weft_store *store, weft_value value, void *out, uint64_t bytes, weft_error *err)
{
    weft_status status = check_lives(store, value, err);
    if (status != WEFT_OK)
        return status;
    uint64_t own = weft__values_bytes(store->values, value);
    if (own != bytes)
        return weft__fail(err, WEFT_SHAPE_MISMATCH, "A value of %llu bytes is read as %llu bytes.",
                          (unsigned long long)own, (unsigned long long)bytes);
    status = weft__values_evaluate(store->values, &value, 1, err);
    if (status == WEFT_OK && bytes)
        memcpy(out, weft__values_data(store->values, value), (size_t)bytes);
    return status;
}

/* ---- values in the hands of the caller ---- */

weft_status weft_store_capture(weft_store *store, weft_tensor *tensor, weft_error *err)
{
    weft__memory *memory = NULL;
    weft__value_id value = 0;
    weft_status status = weft__store_memory_of(store, tensor->space, &memory, err);
    if (status == WEFT_OK)
        status = weft__memory_read(memory, tensor->address, tensor->dtype, &tensor->shape, &value, err);
    if (status == WEFT_OK)
        tensor->value = value;
    return status;
}

void weft_store_release(weft_store *store, weft_value value)
{
    weft__values_release(store->values, value);
}

void weft_store_get_statistics(const weft_store *store, weft_store_statistics *out)
{
    weft__values_statistics statistics;
    weft__values_get_statistics(store->values, &statistics);
    *out = (weft_store_statistics){
        .values = statistics.live,
        .evaluated = statistics.evaluated,
        .data_bytes = statistics.data_bytes,
        .peak_bytes = statistics.peak_bytes,
    };
}
