#include "sim/machine/entries.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits_at(const char *text)
{
    size_t count = 0;
    while (is_digit(text[count]))
        count++;
    return count;
}

/* Decimal digits without leading zeros, of which libcyaml would make an octal number. */
static bool is_whole_number(const char *text)
{
    size_t digits = digits_at(text);
    return digits > 0 && text[digits] == '\0' && (digits == 1 || text[0] != '0');
}

/* A decimal number with or without fraction and exponent: neither hexadecimal nor "nan" nor "inf". */
static bool is_number(const char *text)
{
    text += *text == '-' || *text == '+';
    size_t digits = digits_at(text);
    text += digits;
    if (*text == '.') {
        size_t fraction = digits_at(text + 1);
        digits += fraction;
        text += 1 + fraction;
    }
    if (digits == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        size_t exponent = digits_at(text);
        if (exponent == 0)
            return false;
        text += exponent;
    }
    return *text == '\0';
}

static bool is_within(const weft__machine_key *key, const char *text)
{
    double value = strtod(text, NULL);
    return isfinite(value) && value >= key->least && value <= key->most;
}

static bool is_printable(const weft__machine_key *key, const char *text)
{
    size_t bytes = 0;
    for (; text[bytes]; bytes++)
        if (text[bytes] < 0x20 || text[bytes] > 0x7e)
            return false;
    return (double)bytes >= key->least && (double)bytes <= key->most;
}

static bool is_choice(const weft__machine_key *key, const char *text)
{
    for (size_t i = 0; key->choices[i]; i++)
        if (strcmp(key->choices[i], text) == 0)
            return true;
    return false;
}

static bool is_scalar_fit(const weft__machine_key *key, const weft__yaml_entry *entry)
{
    const char *text = entry->text;
    if (entry->kind != WEFT__YAML_SCALAR)
        return false;
    switch (key->kind) {
    case WEFT__KEY_TEXT:
        return is_printable(key, text);
    case WEFT__KEY_COUNT:
        return is_whole_number(text) && is_within(key, text);
    case WEFT__KEY_NUMBER:
        return is_number(text) && is_within(key, text);
    case WEFT__KEY_FLAG:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    case WEFT__KEY_CHOICE:
        return is_choice(key, text);
    default:
        return false;
    }
}

static weft_status refuse_value(const weft__yaml_index *index, uint32_t entry, const char *expected, weft_error *err)
{
    char path[WEFT__YAML_PATH_BYTES];
    char shown[WEFT__YAML_SHOWN_BYTES];
    return weft__yaml_fail(index, index->entries[entry].mark, err, "%s is %s, expected %s.",
                           weft__yaml_path(index, entry, path), weft__yaml_shown(&index->entries[entry], shown),
                           expected);
}

static weft_status check_place(const weft__yaml_index *index, uint32_t entry, const weft__machine_key *key,
                               weft_error *err)
{
    const weft__yaml_entry *pair = &index->entries[entry];
    if (pair->kind != WEFT__YAML_SEQUENCE || pair->count != 2)
        return refuse_value(index, entry, "a place like [1, 2], row and column", err);
    for (uint32_t i = entry + 1; i <= entry + 2; i++) {
        const weft__yaml_entry *number = &index->entries[i];
        if (number->kind != WEFT__YAML_SCALAR || !is_whole_number(number->text) || !is_within(key, number->text)) {
            char expected[64];
            (void)snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f", key->least, key->most);
            return refuse_value(index, i, expected, err);
        }
    }
    return WEFT_OK;
}

static weft_status check_places(const weft__yaml_index *index, uint32_t entry, const weft__machine_key *key,
                                weft_error *err)
{
    const weft__yaml_entry *list = &index->entries[entry];
    char text[WEFT__KEY_TEXT_BYTES];
    if (list->kind != WEFT__YAML_SEQUENCE || list->count > WEFT__MACHINE_PLACES_MAX)
        return refuse_value(index, entry, weft__machine_key_expected(key, text), err);
    weft_status status = WEFT_OK;
    /* A place that is right takes three entries: itself, row and column. */
    for (uint32_t i = 0; i < list->count && status == WEFT_OK; i++)
        status = check_place(index, entry + 1 + 3 * i, key, err);
    return status;
}

static weft_status check_value(const weft__yaml_index *index, uint32_t entry, const weft__machine_key *key,
                               weft_error *err)
{
    if (key->kind == WEFT__KEY_PLACE)
        return check_place(index, entry, key, err);
    if (key->kind == WEFT__KEY_PLACES)
        return check_places(index, entry, key, err);
    bool is_fit = key->kind == WEFT__KEY_GROUP ? index->entries[entry].kind == WEFT__YAML_MAPPING
                                               : is_scalar_fit(key, &index->entries[entry]);
    char text[WEFT__KEY_TEXT_BYTES];
    return is_fit ? WEFT_OK : refuse_value(index, entry, weft__machine_key_expected(key, text), err);
}

static weft_status refuse_key(const weft__yaml_index *index, uint32_t entry, weft_error *err)
{
    const weft__yaml_entry *unknown = &index->entries[entry];
    char path[WEFT__YAML_PATH_BYTES];
    char group[WEFT__YAML_PATH_BYTES] = "";
    if (unknown->parent != 0)
        (void)weft__yaml_path(index, unknown->parent, group);
    const char *dot = strrchr(unknown->key, '.');
    if (dot && weft__machine_key_find(weft__yaml_path(index, entry, path)) != SIZE_MAX)
        return weft__yaml_fail(index, unknown->key_mark, err,
                               "%s is not written with dots in a file; put %s below %.*s.", path, dot + 1,
                               (int)(strrchr(path, '.') - path), path);
    return weft__yaml_fail(index, unknown->key_mark, err, "A machine has no key %s; the nearest %s%s is %s.",
                           weft__yaml_path(index, entry, path), group[0] ? "in " : "one", group,
                           weft__machine_key_nearest(group, unknown->key));
}

weft_status weft__machine_entries_check(const weft__yaml_index *index, weft__machine_entries *out, weft_error *err)
{
    *out = (weft__machine_entries){{0}};
    if (index->entries[0].kind != WEFT__YAML_MAPPING)
        return refuse_value(index, 0, "the keys of a machine", err);
    for (uint32_t entry = 1; entry < index->count; entry++) {
        char path[WEFT__YAML_PATH_BYTES];
        size_t place = weft__machine_key_find(weft__yaml_path(index, entry, path));
        /* A dot in a key would make it look like the path of another one. */
        bool has_dot = strchr(index->entries[entry].key, '.') != NULL;
        const weft__machine_key *key = has_dot ? NULL : weft__machine_key_at(place);
        if (!key)
            return refuse_key(index, entry, err);
        weft_status status = check_value(index, entry, key, err);
        if (status != WEFT_OK)
            return status;
        out->of_key[place] = entry;
        if (key->kind == WEFT__KEY_PLACE)
            entry += 2;
        else if (key->kind == WEFT__KEY_PLACES)
            entry += 3 * index->entries[entry].count;
    }
    return WEFT_OK;
}
