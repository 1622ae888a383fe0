#include "sim/replay/names.h"

#include <stdlib.h>
#include <string.h>

void weft__names_destroy(weft__names *names)
{
    weft__arena_destroy(&names->arena);
    free(names->names);
    free(names->table);
    *names = (weft__names){0};
}

/* FNV-1a. */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

/* Where a name is in the table, or the free place where it belongs. */
static uint32_t *find(const weft__names *names, uint32_t *table, uint32_t size, const char *name)
{
    uint32_t at = hash_of(name) & (size - 1);
    while (table[at] && strcmp(names->names[table[at] - 1], name) != 0)
        at = (at + 1) & (size - 1);
    return &table[at];
}

/* Room for one more name, and a table that is at most half full with it. */
static weft_status grow(weft__names *names, weft_error *err)
{
    if (names->count < names->capacity)
        return WEFT_OK;
    uint32_t capacity = names->capacity ? 2 * names->capacity : 16, size = 2 * capacity;
    const char **grown = realloc(names->names, capacity * sizeof *grown);
    if (!grown)
        return weft__fail_memory(err, capacity * sizeof *grown, "names");
    names->names = grown;
    uint32_t *table = calloc(size, sizeof *table);
    if (!table)
        return weft__fail_memory(err, size * sizeof *table, "names");
    for (uint32_t i = 0; i < names->count; i++)
        *find(names, table, size, grown[i]) = i + 1;
    free(names->table);
    names->table = table;
    names->table_size = size;
    names->capacity = capacity;
    return WEFT_OK;
}

weft_status weft__names_number(weft__names *names, const char *name, uint32_t *out, weft_error *err)
{
    if (names->table) {
        uint32_t number = *find(names, names->table, names->table_size, name);
        if (number) {
            *out = number - 1;
            return WEFT_OK;
        }
    }
    weft_status status = grow(names, err);
    if (status != WEFT_OK)
        return status;
    size_t bytes = strlen(name) + 1;
    char *copy = weft__arena_alloc(&names->arena, bytes, 1);
    if (!copy)
        return weft__fail_memory(err, bytes, "a name");
    memcpy(copy, name, bytes);
    names->names[names->count] = copy;
    *out = names->count++;
    *find(names, names->table, names->table_size, name) = *out + 1;
    return WEFT_OK;
}
