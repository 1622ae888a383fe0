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
#define PLACES_SHOWN 8u
#define SHOWN_BYTES (PLACES_SHOWN * sizeof ", [4294967295, 4294967295]" + sizeof ", ...], a list of 4294967295 places,")

/* FNV-1a of rows and columns. */
static uint64_t hash_places(const weft__place *places, unsigned count)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (unsigned i = 0; i < count; i++)
        hash = ((hash ^ places[i].row) * 0x100000001b3U ^ places[i].column) * 0x100000001b3U;
    return hash;
}

static const weft__place *places_of(const weft__machine_key *key, const weft__machine_spec *spec, unsigned *out_count)
{
    weft__place *places;
    memcpy(out_count, (const char *)spec + key->count_offset, sizeof *out_count);
    memcpy(&places, (const char *)spec + key->offset, sizeof places);
    return places;
}

/* A value as text that can be compared, and kept: of a list there are only the length and a hash. */
static void write_value(const weft__machine_key *key, const weft__machine_spec *spec, char out[VALUE_BYTES])
{
    const char *at = (const char *)spec + key->offset;
    uint32_t number;
    if (key->kind == WEFT__KEY_PLACES) {
        unsigned count;
        const weft__place *places = places_of(key, spec, &count);
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

/* A list as it stands in a machine file, or how it begins. */
static void show_places(const weft__place *places, unsigned count, char out[SHOWN_BYTES])
{
    size_t used = 0;
    for (unsigned i = 0; i < count && i < PLACES_SHOWN; i++)
        used += (size_t)snprintf(out + used, SHOWN_BYTES - used, "%s[%u, %u]", i ? ", " : "[", (unsigned)places[i].row,
                                 (unsigned)places[i].column);
    if (count > PLACES_SHOWN)
        (void)snprintf(out + used, SHOWN_BYTES - used, ", ...], a list of %u places,", count);
    else
        (void)snprintf(out + used, SHOWN_BYTES - used, "]");
}

/* Says how a value differs from what it was. Of a list that was recorded nothing is known that would tell a person
 * anything but its length. */
static weft_status refuse(const weft__machine_key *key, const weft__machine_spec *spec, const char *path,
                          const char *value, char *recorded, weft_error *err)
{
    char places[SHOWN_BYTES];
    unsigned count = 0;
    bool is_as_long = false;
    if (key->kind == WEFT__KEY_PLACES) {
        const weft__place *list = places_of(key, spec, &count);
        show_places(list, count, places);
        char *hash = strstr(recorded, " (");
        if (hash)
            *hash = '\0';
        is_as_long = count > 0 && recorded[0] && strncmp(value, recorded, strlen(recorded)) == 0;
    }
    return weft__fail(err, WEFT_UNSUPPORTED,
                      "The recording cannot be re-timed on machine '%s': %s is %s there and was %s%s in the run, "
                      "and what kernels do, or where tensors lie, depends on it.",
                      spec->name, path, count > 0 ? places : value, is_as_long ? "another" : "", recorded + is_as_long);
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
            return refuse(key, spec, path, value, recorded, err);
    }
    return from->is_bad ? weft__fail(err, WEFT_PARSE, "The recording names keys of machines that there are not.")
                        : WEFT_OK;
}
