#include "sim/replay/memory.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/size.h"
#include "base/status.h"

void weft__memory_init(weft__memory *memory, weft__values *values, const char *name, uint64_t size_bytes)
{
    *memory = (weft__memory){.values = values, .size_bytes = size_bytes};
    (void)snprintf(memory->name, sizeof memory->name, "%s", name);
}

void weft__memory_destroy(weft__memory *memory)
{
    for (uint32_t i = 0; i < memory->installation_count; i++)
        weft__values_release(memory->values, memory->installations[i].value);
    weft__range_map_destroy(&memory->ranges);
    free(memory->installations);
    free(memory->covered);
    free(memory->parts);
    *memory = (weft__memory){0};
}

/* ---- installations ---- */

static weft_status check_range(const weft__memory *memory, uint64_t address, uint64_t bytes, weft_error *err)
{
    if (address <= memory->size_bytes && bytes <= memory->size_bytes - address)
        return WEFT_OK;
    return weft__fail(
        err, WEFT_OUT_OF_RANGE, "%llu bytes from address 0x%llx on do not fit into %s, which ends at 0x%llx.",
        (unsigned long long)bytes, (unsigned long long)address, memory->name, (unsigned long long)memory->size_bytes);
}

static weft_status take_installation(weft__memory *memory, uint32_t *out, weft_error *err)
{
    if (memory->first_free) {
        *out = memory->first_free - 1;
        memory->first_free = memory->installations[*out].next_free;
        return WEFT_OK;
    }
    if (memory->installation_count == memory->installation_capacity) {
        uint32_t capacity = memory->installation_capacity ? 2 * memory->installation_capacity : 16;
        size_t bytes = (size_t)capacity * sizeof(weft__installation);
        weft__installation *grown = capacity < 1u << 31 ? realloc(memory->installations, bytes) : NULL;
        if (!grown)
            return weft__fail_memory(err, bytes, "the values of a memory");
        memory->installations = grown;
        memory->installation_capacity = capacity;
    }
    *out = memory->installation_count++;
    return WEFT_OK;
}

static void give_installation(weft__memory *memory, uint32_t index)
{
    memory->installations[index] = (weft__installation){.next_free = memory->first_free};
    memory->first_free = index + 1;
}

/* Notes which bytes of which installations a range covers; nothing changes yet. */
static weft_status note_covered(weft__memory *memory, uint64_t begin, uint64_t end, size_t *out_count, weft_error *err)
{
    weft__range_cursor cursor;
    size_t count = 0;
    const weft__range *range = weft__range_map_recall(&memory->ranges, &memory->hints, begin, end, &cursor);
    for (; range; range = weft__range_cursor_next(&cursor)) {
        if (count == memory->covered_capacity) {
            size_t capacity = count ? 2 * count : 16;
            weft__covered *grown = realloc(memory->covered, capacity * sizeof *grown);
            if (!grown)
                return weft__fail_memory(err, capacity * sizeof *grown, "what a write covers");
            memory->covered = grown;
            memory->covered_capacity = capacity;
        }
        uint64_t from = range->begin < begin ? begin : range->begin;
        uint64_t to = range->end < end ? range->end : end;
        memory->covered[count++] = (weft__covered){(uint32_t)range->payload, to - from};
    }
    *out_count = count;
    return WEFT_OK;
}

static void cover(weft__memory *memory, const weft__covered *covered)
{
    weft__installation *older = &memory->installations[covered->installation];
    older->bytes_left -= covered->bytes;
    if (older->bytes_left != 0)
        return;
    weft__values_release(memory->values, older->value);
    give_installation(memory, covered->installation);
}

/* The installation that covers just these bytes, and no others, which is common where memory is used again; or NULL. */
static weft__installation *find_same(weft__memory *memory, uint64_t address, uint64_t bytes)
{
    weft__range_cursor cursor;
    const weft__range *range =
        weft__range_map_recall(&memory->ranges, &memory->hints, address, address + bytes, &cursor);
    if (!range || range->begin != address || range->end != address + bytes)
        return NULL;
    weft__installation *there = &memory->installations[range->payload];
    return there->bytes_left == bytes ? there : NULL;
}

/* A new one, which covers others. */
static weft_status add_installation(weft__memory *memory, const weft__installation *it, weft_error *err)
{
    size_t count = 0;
    uint32_t index = 0;
    uint64_t end = it->base + it->bytes_left;
    weft_status status = note_covered(memory, it->base, end, &count, err);
    if (status == WEFT_OK)
        status = take_installation(memory, &index, err);
    if (status != WEFT_OK)
        return status;
    if (!weft__range_map_assign(&memory->ranges, it->base, end, index)) {
        give_installation(memory, index);
        return weft__fail_memory(err, sizeof(weft__range_leaf), "the ranges of a memory");
    }
    memory->installations[index] = *it;
    for (size_t i = 0; i < count; i++)
        cover(memory, &memory->covered[i]);
    return WEFT_OK;
}

weft_status weft__memory_install(weft__memory *memory, uint64_t address, weft__value_id value, uint32_t writer,
                                 uint64_t time_ps, weft_error *err)
{
    uint64_t bytes = weft__values_bytes(memory->values, value);
    weft_status status = check_range(memory, address, bytes, err);
    if (status != WEFT_OK || bytes == 0)
        return status;
    const weft__installation made = {
        .value = value,
        .base = address,
        .bytes_left = bytes,
        .order = memory->writes + 1,
        .time_ps = time_ps,
        .writer = writer,
    };
    weft__values_retain(memory->values, value);
    weft__installation *same = find_same(memory, address, bytes);
    if (same) {
        weft__values_release(memory->values, same->value);
        *same = made;
    } else {
        status = add_installation(memory, &made, err);
    }
    if (status == WEFT_OK)
        memory->writes++;
    else
        weft__values_release(memory->values, value);
    return status;
}

bool weft__memory_forget(weft__memory *memory, uint64_t address, uint64_t bytes)
{
    size_t count;
    if (check_range(memory, address, bytes, NULL) != WEFT_OK)
        return true; /* nothing is there */
    if (note_covered(memory, address, address + bytes, &count, NULL) != WEFT_OK ||
        !weft__range_map_erase(&memory->ranges, address, address + bytes))
        return false;
    for (size_t i = 0; i < count; i++)
        cover(memory, &memory->covered[i]);
    return true;
}

/* ---- reading ---- */

const weft__installation *weft__memory_find(const weft__memory *memory, uint64_t address)
{
    const weft__range *range = weft__range_map_find(&memory->ranges, address);
    return range ? &memory->installations[range->payload] : NULL;
}

static weft_status fail_unwritten(const weft__memory *memory, uint64_t begin, uint64_t end, uint64_t from, uint64_t to,
                                  weft_error *err)
{
    return weft__fail(err, WEFT_INVALID_STATE,
                      "Bytes 0x%llx to 0x%llx of %s are read, and nobody has written those from 0x%llx to 0x%llx.",
                      (unsigned long long)begin, (unsigned long long)end, memory->name, (unsigned long long)from,
                      (unsigned long long)to);
}

static weft_status add_part(weft__memory *memory, size_t index, weft__value_part part, weft_error *err)
{
    if (index == memory->parts_capacity) {
        size_t capacity = index ? 2 * index : 16;
        weft__value_part *grown = realloc(memory->parts, capacity * sizeof *grown);
        if (!grown)
            return weft__fail_memory(err, capacity * sizeof *grown, "the parts of a value");
        memory->parts = grown;
        memory->parts_capacity = capacity;
    }
    memory->parts[index] = part;
    return WEFT_OK;
}

/* Parts for bytes that nobody wrote. */
static weft_status fill(weft__memory *memory, weft__value_id filling, uint64_t bytes, size_t *count, weft_error *err)
{
    uint64_t each = weft__values_bytes(memory->values, filling);
    weft_status status = WEFT_OK;
    for (uint64_t at = 0; status == WEFT_OK && at < bytes; at += each)
        status =
            add_part(memory, (*count)++, (weft__value_part){filling, 0, bytes - at < each ? bytes - at : each}, err);
    return status;
}

/* Without a filling, what nobody wrote is an error. */
static weft_status read_range(weft__memory *memory, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                              weft__value_id filling, weft__value_id *out, weft_error *err)
{
    *out = 0;
    uint64_t bytes = weft_dtype_bytes(dtype), elements = weft_shape_elements(shape);
    if (__builtin_mul_overflow(bytes, elements, &bytes))
        bytes = UINT64_MAX;
    weft_status status = check_range(memory, address, bytes, err);
    if (status != WEFT_OK)
        return status;
    uint64_t end = address + bytes, at = address;
    size_t count = 0;
    weft__range_cursor cursor;
    const weft__range *range = weft__range_map_recall(&memory->ranges, &memory->hints, address, end, &cursor);
    if (range && range->begin <= at && range->end >= end) {
        const weft__installation *from = &memory->installations[range->payload];
        return weft__values_view(memory->values, from->value, at - from->base, dtype, shape, out, err);
    }
    while (status == WEFT_OK && at < end) {
        uint64_t begin = range && range->begin < end ? range->begin : end;
        if (begin > at) {
            status = filling ? fill(memory, filling, begin - at, &count, err)
                             : fail_unwritten(memory, address, end, at, begin, err);
            at = begin;
            continue;
        }
        const weft__installation *from = &memory->installations[range->payload];
        uint64_t to = range->end < end ? range->end : end;
        status = add_part(memory, count++, (weft__value_part){from->value, at - from->base, to - at}, err);
        at = to;
        range = weft__range_cursor_next(&cursor);
    }
    return status == WEFT_OK ? weft__values_compose(memory->values, dtype, shape, memory->parts, count, out, err)
                             : status;
}

weft_status weft__memory_read(weft__memory *memory, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                              weft__value_id *out, weft_error *err)
{
    return read_range(memory, address, dtype, shape, 0, out, err);
}

weft_status weft__memory_read_filled(weft__memory *memory, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                     weft__value_id filling, weft__value_id *out, weft_error *err)
{
    return read_range(memory, address, dtype, shape, filling, out, err);
}

/* ---- comparing ---- */

bool weft__memory_check(weft__memory *memory, uint64_t address, weft__value_id remembered, weft__memory_change *out)
{
    uint64_t bytes = weft__values_bytes(memory->values, remembered), end, at = address;
    weft__value_id wanted;
    uint64_t wanted_offset;
    weft__values_resolve(memory->values, remembered, &wanted, &wanted_offset);
    if (__builtin_add_overflow(address, bytes, &end))
        end = UINT64_MAX;
    weft__range_cursor cursor;
    const weft__range *range = weft__range_map_recall(&memory->ranges, &memory->hints, address, end, &cursor);
    for (; range; range = weft__range_cursor_next(&cursor)) {
        if (range->begin > at)
            break;
        const weft__installation *there = &memory->installations[range->payload];
        uint64_t to = range->end < end ? range->end : end, offset;
        weft__value_id found;
        weft__values_resolve(memory->values, there->value, &found, &offset);
        if (found != wanted || offset + (at - there->base) != wanted_offset + (at - address)) {
            *out = (weft__memory_change){at, to - at, true, there->value, there->writer, there->time_ps};
            return false;
        }
        at = to;
    }
    if (at == end)
        return true;
    *out = (weft__memory_change){.address = at, .bytes = (range ? range->begin : end) - at};
    return false;
}

uint64_t weft__memory_writes(const weft__memory *memory)
{
    return memory->writes;
}

bool weft__memory_written_since(weft__memory *memory, uint64_t address, uint64_t bytes, uint64_t writes,
                                weft__memory_change *out)
{
    uint64_t end = address + bytes;
    weft__range_cursor cursor;
    const weft__range *range = weft__range_map_recall(&memory->ranges, &memory->hints, address, end, &cursor);
    for (; range; range = weft__range_cursor_next(&cursor)) {
        const weft__installation *there = &memory->installations[range->payload];
        if (there->order <= writes)
            continue;
        uint64_t from = range->begin > address ? range->begin : address, to = range->end < end ? range->end : end;
        *out = (weft__memory_change){from, to - from, true, there->value, there->writer, there->time_ps};
        return true;
    }
    return false;
}

bool weft__memory_has_gap(weft__memory *memory, uint64_t address, uint64_t bytes, weft__memory_change *out)
{
    uint64_t end = address + bytes, at = address;
    weft__range_cursor cursor;
    const weft__range *range = weft__range_map_recall(&memory->ranges, &memory->hints, address, end, &cursor);
    while (range && range->begin <= at) {
        at = range->end;
        range = weft__range_cursor_next(&cursor);
    }
    if (at >= end)
        return false;
    *out = (weft__memory_change){.address = at, .bytes = (range && range->begin < end ? range->begin : end) - at};
    return true;
}
