#include "sim/retime/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

#define LIST_BEGIN "a list of "

/* A value as text that can be compared, and kept in recordings: of a list there are only the length and a hash. */
static void write_value(const weft__machine_key *key, const weft__machine_spec *spec, char out[VALUE_BYTES])
{
    const char *at = (const char *)spec + key->offset;
    uint32_t number;
    if (key->kind == WEFT__KEY_PLACES) {
        unsigned count;
        const weft__place *places = places_of(key, spec, &count);
        (void)snprintf(out, VALUE_BYTES, count ? LIST_BEGIN "%u places (%016" PRIx64 ")" : "an empty list", count,
                       hash_places(places, count));
        return;
    }
    memcpy(&number, at, sizeof number);
    if (key->kind == WEFT__KEY_CHOICE)
        (void)snprintf(out, VALUE_BYTES, "%s", key->choices[number]);
    else
        (void)snprintf(out, VALUE_BYTES, "%" PRIu32, number);
}

/* A list of at least one place as it stands in a machine file, or how it begins. */
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

/* A recorded value for people. Of a list nothing is known that would tell them anything but its length, and whether
 * that is the one of the list that there is now. */
static void show_recorded(const char *recorded, unsigned count_now, char out[VALUE_BYTES])
{
    unsigned long count = 0;
    if (strncmp(recorded, LIST_BEGIN, strlen(LIST_BEGIN)) == 0)
        count = strtoul(recorded + strlen(LIST_BEGIN), NULL, 10);
    if (count > 0)
        (void)snprintf(out, VALUE_BYTES, "%s list of %lu place%s", count == count_now ? "another" : "a", count,
                       count == 1 ? "" : "s");
    else
        (void)snprintf(out, VALUE_BYTES, "%s", recorded);
}

/* Says how a value differs from what it was. */
static weft_status refuse(const weft__machine_key *key, const weft__machine_spec *spec, const char *path,
                          const char *value, const char *recorded, weft_error *err)
{
    char now[SHOWN_BYTES], before[VALUE_BYTES];
    unsigned count = 0;
    const weft__place *places = key->kind == WEFT__KEY_PLACES ? places_of(key, spec, &count) : NULL;
    if (count > 0)
        show_places(places, count, now);
    show_recorded(recorded, count, before);
    return weft__fail(err, WEFT_UNSUPPORTED,
                      "The recording cannot be re-timed on machine '%s': %s is %s there and was %s in the run, "
                      "and what kernels do, or where tensors lie, depends on it.",
                      spec->name, path, count > 0 ? now : value, before);
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
