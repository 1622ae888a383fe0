#include "sim/retime/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <weft/retime.h>

#include "sim/machine/schema.h"

/* What placements and kernels may go by: PEs and their neighbours, memories and what there is room for, slots, and the
 * tiles along k, of which a step after a product may have an operand each. All other keys are for times alone. */
static const char *const fixed_keys[] = {
    "system.sips",    "system.fabric", "system.rows",        "system.columns", "system.flit_bytes",
    "sip.rows",       "sip.columns",   "cube.rows",          "cube.columns",   "cube.holes",
    "cube.pes",       "cube.hbm.gib",  "cube.sram.mib",      "pe.tcm_kib",     "pe.scratch_kib",
    "pe.gemm.tile_k", "pe.ipcq.slots", "pe.ipcq.slot_bytes", "pe.ipcq.memory",
};
#define FIXED_KEYS (sizeof fixed_keys / sizeof fixed_keys[0])

bool weft_retime_key_is_free(const char *path)
{
    size_t index = weft__machine_key_find(path);
    const weft__machine_key *key = index == SIZE_MAX ? NULL : weft__machine_key_at(index);
    for (size_t i = 0; i < FIXED_KEYS; i++)
        if (strcmp(path, fixed_keys[i]) == 0)
            return false;
    return key && key->kind != WEFT__KEY_GROUP;
}

#define VALUE_BYTES 64

/* FNV-1a of rows and columns. */
static uint64_t hash_places(const weft__place *places, unsigned count)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (unsigned i = 0; i < count; i++)
        hash = ((hash ^ places[i].row) * 0x100000001b3U ^ places[i].column) * 0x100000001b3U;
    return hash;
}

/* A value as text: for people, and to be compared. */
static void write_value(const weft__machine_key *key, const weft__machine_spec *spec, char out[VALUE_BYTES])
{
    const char *at = (const char *)spec + key->offset;
    uint32_t number;
    if (key->kind == WEFT__KEY_PLACES) {
        unsigned count;
        weft__place *places;
        memcpy(&count, (const char *)spec + key->count_offset, sizeof count);
        memcpy(&places, at, sizeof places);
        (void)snprintf(out, VALUE_BYTES, count ? "a list of %u places (%016" PRIx64 ")" : "an empty list", count,
                       hash_places(places, count));
        return;
    }
    memcpy(&number, at, sizeof number);
    if (key->kind == WEFT__KEY_CHOICE)
        (void)snprintf(out, VALUE_BYTES, "%s", key->choices[number]);
    else
        (void)snprintf(out, VALUE_BYTES, "%" PRIu32, number);
}

void weft__retime_keys_put(weft__bytes *to, const weft__machine_spec *spec)
{
    char value[VALUE_BYTES];
    weft__bytes_put(to, FIXED_KEYS);
    for (size_t i = 0; i < FIXED_KEYS; i++) {
        write_value(weft__machine_key_at(weft__machine_key_find(fixed_keys[i])), spec, value);
        weft__bytes_put_text(to, fixed_keys[i]);
        weft__bytes_put_text(to, value);
    }
}

/* A text, or what fits of it. */
static void take_text(weft__reader *from, char *out, size_t room)
{
    uint64_t count = weft__reader_take_most(from, room - 1);
    const uint8_t *text = weft__reader_take_raw(from, count);
    if (text)
        memcpy(out, text, count);
    out[text ? count : 0] = '\0';
    for (char *at = out; *at; at++)
        if (*at < ' ' || *at > '~')
            from->is_bad = true;
}

weft_status weft__retime_keys_check(weft__reader *from, const weft__machine_spec *spec, weft_error *err)
{
    uint64_t count = weft__reader_take_most(from, WEFT__MACHINE_KEYS_MAX);
    for (uint64_t i = 0; i < count && !from->is_bad; i++) {
        char path[VALUE_BYTES], recorded[VALUE_BYTES], value[VALUE_BYTES];
        take_text(from, path, sizeof path);
        take_text(from, recorded, sizeof recorded);
        size_t index = weft__machine_key_find(path);
        const weft__machine_key *key = index == SIZE_MAX ? NULL : weft__machine_key_at(index);
        if (!key || key->kind == WEFT__KEY_TEXT || key->kind == WEFT__KEY_GROUP || weft_retime_key_is_free(path))
            from->is_bad = true;
        if (from->is_bad)
            break;
        write_value(key, spec, value);
        if (strcmp(value, recorded) != 0)
            return weft__fail(err, WEFT_UNSUPPORTED,
                              "The recording cannot be re-timed on machine '%s': %s is %s there and was %s in the run, "
                              "and what kernels do, or where tensors lie, depends on it.",
                              spec->name, path, value, recorded);
    }
    return from->is_bad ? weft__fail(err, WEFT_PARSE, "The recording names keys of machines that there are not.")
                        : WEFT_OK;
}
