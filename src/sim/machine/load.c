#include "sim/machine/load.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "sim/machine/check.h"
#include "sim/machine/entries.h"
#include "sim/machine/schema.h"
#include "sim/machine/yaml_index.h"

#define NAME_BYTES (WEFT__PATH_TAIL_BYTES + 1)
#define CONTEXT_BYTES 300 /* so that the longest sentence about a rule still fits behind it */

typedef struct loading {
    char name[NAME_BYTES];
    weft__yaml_index index;
    weft__machine_entries entries; /* what the file gives */
    const weft_machine_setting *settings;
    size_t setting_of[WEFT__MACHINE_KEYS_MAX]; /* which setting gives a key, from 1; 0 for none */
    weft__machine_spec *spec;
    weft_error *err; /* never NULL */
} loading;

/* A file's name for messages: the end of it, without control characters. */
static void name_for_messages(const char *name, char out[NAME_BYTES])
{
    const char *tail = weft__path_tail(name);
    size_t used = 0;
    for (; tail[used]; used++)
        out[used] = (unsigned char)tail[used] < 0x20 || tail[used] == 0x7f ? '?' : tail[used];
    out[used] = '\0';
}

/* Puts where it is before a sentence about the text of the file. */
static weft_status locate(loading *it, weft_status status)
{
    if (status != WEFT_PARSE)
        return status;
    return weft__fail_within(it->err, status, "%s:%u:%u", it->name, it->err->line, it->err->column);
}

/* The same for a sentence about the text of a setting, which is no place in a file. */
static weft_status locate_setting(loading *it, const weft_machine_setting *setting, weft_status status)
{
    char value[WEFT__YAML_SHOWN_BYTES];
    if (status != WEFT_PARSE)
        return status;
    it->err->line = 0;
    it->err->column = 0;
    (void)weft__fail_within(it->err, WEFT_INVALID_ARGUMENT, "%s with %s=%s", it->name, setting->key,
                            weft__yaml_shown_text(setting->value, value));
    return WEFT_INVALID_ARGUMENT;
}

/* Text to index, entries and specification, with nothing filled in. */
static weft_status read_text(const char *text, size_t bytes, weft__yaml_index *index, weft__machine_entries *entries,
                             weft__machine_spec **out, weft_error *err)
{
    *out = NULL;
    weft_status status = weft__yaml_index_create(text, bytes, index, err);
    if (status == WEFT_OK)
        status = weft__machine_entries_check(index, entries, err);
    if (status == WEFT_OK)
        status = weft__machine_read(text, bytes, out, err);
    return status;
}

static weft_status find_setting(loading *it, const weft_machine_setting *setting, size_t *out)
{
    char shown[WEFT__YAML_SHOWN_BYTES];
    size_t place = weft__machine_key_find(setting->key);
    const weft__machine_key *key = weft__machine_key_at(place);
    if (!key)
        return weft__fail(it->err, WEFT_NOT_FOUND, "A machine has no key '%s' to set; the nearest one is %s.",
                          weft__yaml_shown_text(setting->key, shown), weft__machine_key_nearest(NULL, setting->key));
    if (key->kind == WEFT__KEY_GROUP)
        return weft__fail(it->err, WEFT_INVALID_ARGUMENT,
                          "%s is a group of keys and cannot be set; one of its keys is %s.%s.", key->path, key->path,
                          weft__machine_key_nearest(key->path, ""));
    for (const char *c = setting->value; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            return weft__fail(it->err, WEFT_INVALID_ARGUMENT,
                              "%s cannot be set to '%s', which is not printable ASCII on one line.", key->path,
                              weft__yaml_shown_text(setting->value, shown));
    *out = place;
    return WEFT_OK;
}

/* A file that says nothing but the setting; the caller's. */
static char *file_of_setting(const weft_machine_setting *setting, weft_error *err)
{
    size_t depth_max = WEFT__YAML_DEPTH_MAX;
    size_t bytes = strlen(setting->key) + strlen(setting->value) + depth_max * (depth_max + 2) + 3;
    char *text = malloc(bytes);
    if (!text) {
        (void)weft__fail_memory(err, bytes, "a setting of a machine");
        return NULL;
    }
    size_t used = 0;
    size_t depth = 0;
    for (const char *word = setting->key; *word;) {
        size_t length = strcspn(word, ".");
        for (size_t i = 0; i < depth; i++)
            text[used++] = ' ';
        memcpy(text + used, word, length);
        used += length;
        text[used++] = ':';
        word += length + (word[length] == '.');
        text[used++] = *word ? '\n' : ' ';
        depth++;
    }
    (void)snprintf(text + used, bytes - used, "%s\n", setting->value);
    return text;
}

static weft_status apply_setting(loading *it, size_t number)
{
    const weft_machine_setting *setting = &it->settings[number];
    size_t place = 0;
    weft_status status = find_setting(it, setting, &place);
    if (status != WEFT_OK)
        return status;
    char *text = file_of_setting(setting, it->err);
    if (!text)
        return WEFT_OUT_OF_MEMORY;
    weft__yaml_index index;
    weft__machine_entries entries;
    weft__machine_spec *spec;
    status = read_text(text, strlen(text), &index, &entries, &spec, it->err);
    status = locate_setting(it, setting, status);
    if (status == WEFT_OK) {
        weft__machine_key_move(weft__machine_key_at(place), spec, it->spec);
        it->setting_of[place] = number + 1;
    }
    weft__machine_spec_destroy(spec);
    weft__yaml_index_release(&index);
    free(text);
    return status;
}

static weft_status fill_in(loading *it)
{
    const weft__machine_key *key;
    for (size_t i = 0; (key = weft__machine_key_at(i)) != NULL; i++) {
        if (it->entries.of_key[i] != 0 || it->setting_of[i] != 0)
            continue;
        weft_status status = weft__machine_key_set_standard(key, it->spec, it->err);
        if (status != WEFT_OK)
            return status;
    }
    return weft__machine_complete(it->spec, it->err);
}

/* Puts before the sentence of a broken rule where the first of its values that is no standard one comes from, and which
 * of them are settings. */
static weft_status locate_rule(loading *it, const weft__machine_blame *blame)
{
    char context[CONTEXT_BYTES];
    size_t used = 0;
    bool is_located = false;
    bool has_setting = false;
    it->err->line = 0;
    it->err->column = 0;
    for (size_t i = 0; blame->keys[i] && !is_located; i++) {
        size_t place = weft__machine_key_find(blame->keys[i]);
        if (it->setting_of[place] != 0)
            break;
        uint32_t entry = it->entries.of_key[place];
        if (entry == 0)
            continue;
        if (i == 0 && blame->element != WEFT__ELEMENT_NONE)
            entry += 1 + 3 * blame->element;
        weft__yaml_line_column(&it->index, it->index.entries[entry].mark, &it->err->line, &it->err->column);
        is_located = true;
    }
    if (is_located)
        used = (size_t)snprintf(context, sizeof context, "%s:%u:%u", it->name, it->err->line, it->err->column);
    else
        used = (size_t)snprintf(context, sizeof context, "%s", it->name);
    for (size_t i = 0; blame->keys[i] && used < sizeof context; i++) {
        char value[WEFT__YAML_SHOWN_BYTES];
        size_t number = it->setting_of[weft__machine_key_find(blame->keys[i])];
        if (number == 0)
            continue;
        const weft_machine_setting *setting = &it->settings[number - 1];
        used += (size_t)snprintf(context + used, sizeof context - used, "%s%s=%s", has_setting ? ", " : " with ",
                                 setting->key, weft__yaml_shown_text(setting->value, value));
        has_setting = true;
    }
    weft_status status = is_located ? WEFT_PARSE : WEFT_INVALID_ARGUMENT;
    return weft__fail_within(it->err, status, "%s", context);
}

static weft_status load_text(loading *it, const char *text, size_t bytes, size_t count)
{
    weft_status status = read_text(text, bytes, &it->index, &it->entries, &it->spec, it->err);
    status = locate(it, status);
    for (size_t i = 0; i < count && status == WEFT_OK; i++)
        status = apply_setting(it, i);
    if (status == WEFT_OK)
        status = fill_in(it);
    if (status != WEFT_OK)
        return status;
    weft__machine_blame blame;
    status = weft__machine_check(it->spec, &blame, it->err);
    return status == WEFT_OK ? WEFT_OK : locate_rule(it, &blame);
}

weft_status weft__machine_parse(const char *text, size_t bytes, const char *name, const weft_machine_setting *settings,
                                size_t count, weft__machine_spec **out, weft_error *err)
{
    weft_error error = {.code = WEFT_OK};
    loading it = {.settings = settings, .err = &error};
    *out = NULL;
    name_for_messages(name, it.name);
    if (bytes > WEFT__MACHINE_BYTES_MAX)
        return weft__fail(err, WEFT_PARSE, "%s has %zu bytes, the limit for a machine is %zu.", it.name, bytes,
                          WEFT__MACHINE_BYTES_MAX);
    if (bytes >= 3 &&
        memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark, which is no column of the first line */
        text += 3;
        bytes -= 3;
    }
    /* A program may have set a locale that writes 0,5 for 0.5. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0)
        return weft__fail_memory(err, 0, "a locale");
    locale_t own = uselocale(plain);
    weft_status status = load_text(&it, text, bytes, count);
    (void)uselocale(own);
    freelocale(plain);
    weft__yaml_index_release(&it.index);
    if (status != WEFT_OK) {
        weft__machine_spec_destroy(it.spec);
        return weft__fail_copy(err, &error);
    }
    *out = it.spec;
    return WEFT_OK;
}

weft_status weft__machine_load(const char *path, const weft_machine_setting *settings, size_t count,
                               weft__machine_spec **out, weft_error *err)
{
    char *text;
    size_t bytes;
    *out = NULL;
    weft_status status = weft__file_read(path, WEFT__MACHINE_BYTES_MAX, &text, &bytes, err);
    if (status == WEFT_OK)
        status = weft__machine_parse(text, bytes, path, settings, count, out, err);
    free(text);
    return status;
}

void weft__machine_spec_destroy(weft__machine_spec *spec)
{
    if (!spec)
        return;
    free(spec->name);
    free(spec->cube.holes);
    free(spec->cube.pes);
    free(spec);
}
