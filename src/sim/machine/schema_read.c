/* The key table as a schema of libcyaml, and values put into specifications by it. */
#include <stdlib.h>
#include <string.h>

#include <cyaml/cyaml.h>

#include "sim/machine/schema.h"

/* Fields of one group stand together, with an empty one after the last. */
#define FIELDS_MAX (2 * WEFT__MACHINE_KEYS_MAX)
#define CHOICES_MAX 64u

typedef struct schema {
    cyaml_schema_field_t fields[FIELDS_MAX];
    cyaml_strval_t choices[CHOICES_MAX];
    size_t field_count, choice_count;
} schema;

static const cyaml_schema_value_t coordinate = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t)};
static const cyaml_schema_value_t place = {CYAML_VALUE_SEQUENCE_FIXED(CYAML_FLAG_DEFAULT, uint32_t, &coordinate, 2)};
_Static_assert(sizeof(weft__place) == 2 * sizeof(uint32_t) && offsetof(weft__place, column) == sizeof(uint32_t),
               "a place is read as two numbers in a row");

static void add_choices(schema *it, const weft__machine_key *key, cyaml_schema_value_t *value)
{
    value->enumeration.strings = &it->choices[it->choice_count];
    for (uint32_t i = 0; key->choices[i] && it->choice_count < CHOICES_MAX; i++) {
        it->choices[it->choice_count++] = (cyaml_strval_t){key->choices[i], i};
        value->enumeration.count++;
    }
}

/* Strict where that makes libcyaml refuse more. */
static cyaml_schema_value_t value_of(schema *it, const weft__machine_key *key)
{
    cyaml_schema_value_t value = {.flags = CYAML_FLAG_OPTIONAL};
    switch (key->kind) {
    case WEFT__KEY_GROUP:
        value.type = CYAML_MAPPING;
        value.data_size = sizeof(weft__machine_spec);
        break;
    case WEFT__KEY_TEXT:
        value.type = CYAML_STRING;
        value.flags = (enum cyaml_flag)(CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER);
        value.data_size = sizeof(char);
        value.string.min = (uint32_t)key->least;
        value.string.max = (uint32_t)key->most;
        break;
    case WEFT__KEY_COUNT:
        value.type = CYAML_UINT;
        value.data_size = sizeof(uint32_t);
        break;
    case WEFT__KEY_NUMBER:
        value.type = CYAML_FLOAT;
        value.data_size = sizeof(double);
        break;
    case WEFT__KEY_FLAG:
        value.type = CYAML_BOOL;
        value.data_size = sizeof(bool);
        break;
    case WEFT__KEY_CHOICE:
        value.type = CYAML_ENUM;
        value.flags = (enum cyaml_flag)(CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT);
        value.data_size = sizeof(weft__side);
        add_choices(it, key, &value);
        break;
    case WEFT__KEY_PLACE:
        value = place;
        value.flags = CYAML_FLAG_OPTIONAL;
        break;
    case WEFT__KEY_PLACES:
        value.type = CYAML_SEQUENCE;
        value.flags = (enum cyaml_flag)(CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER);
        value.data_size = sizeof(weft__place);
        value.sequence.entry = &place;
        value.sequence.max = WEFT__MACHINE_PLACES_MAX;
        break;
    }
    return value;
}
_Static_assert(sizeof(weft__side) == sizeof(weft__sip_fabric) && sizeof(weft__side) == sizeof(weft__arbitration) &&
                   sizeof(weft__side) == sizeof(weft__slot_memory),
               "choices are all of one size");

/* The fields of a group, in whose turn those of the groups inside it follow. All offsets are from the beginning of the
 * specification: a group inside another one lies at offset 0. */
static const cyaml_schema_field_t *add_group(schema *it, const char *group)
{
    size_t first = it->field_count;
    const weft__machine_key *key;
    for (size_t i = 0; (key = weft__machine_key_at(i)) != NULL; i++) {
        const char *word = weft__machine_key_word(key, group);
        if (!word)
            continue;
        it->fields[it->field_count++] = (cyaml_schema_field_t){
            .key = word,
            .data_offset = (uint32_t)key->offset,
            .count_offset = (uint32_t)key->count_offset,
            .count_size = sizeof(unsigned),
            .value = value_of(it, key),
        };
    }
    size_t end = it->field_count++;
    it->fields[end] = (cyaml_schema_field_t){.key = NULL};
    size_t field = first;
    for (size_t i = 0; (key = weft__machine_key_at(i)) != NULL; i++) {
        if (!weft__machine_key_word(key, group))
            continue;
        if (key->kind == WEFT__KEY_GROUP)
            it->fields[field].value.mapping.fields = add_group(it, key->path);
        field++;
    }
    return &it->fields[first];
}

static void *take_memory(void *context, void *old, size_t bytes)
{
    (void)context;
    if (bytes > 0)
        return realloc(old, bytes);
    free(old);
    return NULL;
}

weft_status weft__machine_read(const char *text, size_t bytes, weft__machine_spec **out, weft_error *err)
{
    schema it = {.field_count = 0};
    const cyaml_schema_value_t top = {
        .type = CYAML_MAPPING,
        .flags = CYAML_FLAG_POINTER,
        .data_size = sizeof(weft__machine_spec),
        .mapping.fields = add_group(&it, ""),
    };
    const cyaml_config_t config = {.mem_fn = take_memory, .flags = CYAML_CFG_NO_ALIAS};
    void *spec = NULL;
    *out = NULL;
    cyaml_err_t error = cyaml_load_data((const uint8_t *)text, bytes, &config, &top, &spec, NULL);
    /* The text has passed libyaml before, so that a failure of its parser can only be one of memory. */
    if (error == CYAML_ERR_OOM || error == CYAML_ERR_LIBYAML_PARSER_INIT || error == CYAML_ERR_LIBYAML_PARSER)
        return weft__fail(err, WEFT_OUT_OF_MEMORY, "Out of memory: could not hold a machine file of %zu bytes.", bytes);
    if (error != CYAML_OK || !spec)
        return weft__fail(err, WEFT_INTERNAL, "libcyaml refuses a machine file that the key table allows: %s.",
                          cyaml_strerror(error));
    *out = spec;
    return WEFT_OK;
}

static void *value_in(const weft__machine_key *key, weft__machine_spec *spec)
{
    return (char *)spec + key->offset;
}

weft_status weft__machine_key_set_standard(const weft__machine_key *key, weft__machine_spec *spec, weft_error *err)
{
    void *value = value_in(key, spec);
    switch (key->kind) {
    case WEFT__KEY_GROUP:
    case WEFT__KEY_PLACES:
        break;
    case WEFT__KEY_TEXT:
        *(char **)value = strdup(key->standard_text);
        if (!*(char **)value)
            return weft__fail_memory(err, strlen(key->standard_text) + 1, "the name of a machine");
        break;
    case WEFT__KEY_COUNT:
        *(uint32_t *)value = (uint32_t)key->standard;
        break;
    case WEFT__KEY_NUMBER:
        *(double *)value = key->standard;
        break;
    case WEFT__KEY_FLAG:
        *(bool *)value = key->standard > 0;
        break;
    case WEFT__KEY_CHOICE: {
        weft__side choice = (weft__side)key->standard;
        memcpy(value, &choice, sizeof choice);
        break;
    }
    case WEFT__KEY_PLACE:
        *(weft__place *)value = (weft__place){(uint32_t)key->standard, (uint32_t)key->standard};
        break;
    }
    return WEFT_OK;
}

void weft__machine_key_move(const weft__machine_key *key, weft__machine_spec *from, weft__machine_spec *to)
{
    static const size_t sizes[] = {
        [WEFT__KEY_GROUP] = 0,
        [WEFT__KEY_TEXT] = sizeof(char *),
        [WEFT__KEY_COUNT] = sizeof(uint32_t),
        [WEFT__KEY_NUMBER] = sizeof(double),
        [WEFT__KEY_FLAG] = sizeof(bool),
        [WEFT__KEY_CHOICE] = sizeof(weft__side),
        [WEFT__KEY_PLACE] = sizeof(weft__place),
        [WEFT__KEY_PLACES] = sizeof(weft__place *),
    };
    bool is_owned = key->kind == WEFT__KEY_TEXT || key->kind == WEFT__KEY_PLACES;
    void *source = value_in(key, from);
    void *target = value_in(key, to);
    if (is_owned) {
        void *old;
        memcpy(&old, target, sizeof old);
        free(old);
    }
    memcpy(target, source, sizes[key->kind]);
    if (is_owned)
        memset(source, 0, sizes[key->kind]);
    if (key->kind == WEFT__KEY_PLACES) {
        unsigned *count = (unsigned *)((char *)from + key->count_offset);
        *(unsigned *)((char *)to + key->count_offset) = *count;
        *count = 0;
    }
}
