#include "sim/machine/yaml_index.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/array.h"

#define SHOWN_CHARACTERS 40

/* What is being read: the mappings and sequences that are open, and the key that waits for its value. */
typedef struct reading {
    weft__yaml_index *index;
    yaml_parser_t *parser;
    uint32_t open[WEFT__YAML_DEPTH_MAX];
    uint32_t depth;
    uint32_t documents;
    const char *key; /* NULL: a mapping expects a key next */
    weft__yaml_mark key_mark;
    weft_error *err;
} reading;

static weft__yaml_mark mark_of(yaml_mark_t mark)
{
    return (weft__yaml_mark){mark.index, mark.column, mark.line};
}

/* The byte at which a character begins, or the end of the text. */
static size_t byte_of(const weft__yaml_index *index, size_t character, size_t from_byte, size_t from_character)
{
    size_t byte = from_byte;
    for (size_t i = from_character; i < character && byte < index->source_bytes; i++) {
        byte++;
        while (byte < index->source_bytes && ((unsigned char)index->source[byte] & 0xc0u) == 0x80u)
            byte++;
    }
    return byte;
}

void weft__yaml_line_column(const weft__yaml_index *index, weft__yaml_mark mark, uint32_t *line, uint32_t *column)
{
    size_t line_character = mark.at - mark.column;
    size_t line_byte = byte_of(index, line_character, 0, 0);
    *line = (uint32_t)mark.line + 1;
    *column = (uint32_t)(byte_of(index, mark.at, line_byte, line_character) - line_byte) + 1;
}

weft_status weft__yaml_fail(const weft__yaml_index *index, weft__yaml_mark mark, weft_error *err, const char *format,
                            ...)
{
    char sentence[WEFT_ERROR_MESSAGE_BYTES];
    uint32_t line;
    uint32_t column;
    va_list list;
    va_start(list, format);
    (void)vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    weft__yaml_line_column(index, mark, &line, &column);
    return weft__fail_at(err, WEFT_PARSE, line, column, "%s", sentence);
}

const char *weft__yaml_shown_text(const char *text, char shown[WEFT__YAML_SHOWN_BYTES])
{
    size_t bytes = strlen(text);
    size_t used = 0;
    bool is_cut = bytes > SHOWN_CHARACTERS;
    if (is_cut)
        bytes = SHOWN_CHARACTERS;
    while (is_cut && bytes > 0 && ((unsigned char)text[bytes] & 0xc0u) == 0x80u) /* not in the middle of a character */
        bytes--;
    for (; used < bytes; used++)
        shown[used] = (unsigned char)text[used] < 0x20 || text[used] == 0x7f ? '?' : text[used];
    (void)snprintf(shown + used, WEFT__YAML_SHOWN_BYTES - used, "%s", is_cut ? "..." : "");
    return shown;
}

const char *weft__yaml_shown(const weft__yaml_entry *entry, char shown[WEFT__YAML_SHOWN_BYTES])
{
    char text[WEFT__YAML_SHOWN_BYTES];
    if (entry->kind != WEFT__YAML_SCALAR)
        (void)snprintf(shown, WEFT__YAML_SHOWN_BYTES, "%s of %u",
                       entry->kind == WEFT__YAML_MAPPING ? "a mapping" : "a list", entry->count);
    else if (entry->text[0] == '\0')
        (void)snprintf(shown, WEFT__YAML_SHOWN_BYTES, "empty");
    else
        (void)snprintf(shown, WEFT__YAML_SHOWN_BYTES, "'%.60s'", weft__yaml_shown_text(entry->text, text));
    return shown;
}

const char *weft__yaml_path(const weft__yaml_index *index, uint32_t entry, char path[WEFT__YAML_PATH_BYTES])
{
    uint32_t way[WEFT__YAML_DEPTH_MAX + 1];
    uint32_t steps = 0;
    for (uint32_t at = entry; at != 0 && steps < WEFT__YAML_DEPTH_MAX + 1; at = index->entries[at].parent)
        way[steps++] = at;
    size_t used = 0;
    if (steps == 0)
        (void)snprintf(path, WEFT__YAML_PATH_BYTES, "the file");
    while (steps > 0 && used < WEFT__YAML_PATH_BYTES) {
        const weft__yaml_entry *step = &index->entries[way[--steps]];
        char shown[WEFT__YAML_SHOWN_BYTES];
        int bytes = step->key ? snprintf(path + used, WEFT__YAML_PATH_BYTES - used, "%s%s", used ? "." : "",
                                         weft__yaml_shown_text(step->key, shown))
                              : snprintf(path + used, WEFT__YAML_PATH_BYTES - used, "[%u]", step->number);
        used += bytes > 0 ? (size_t)bytes : 0;
    }
    return path;
}

static const char *copy_text(reading *it, const unsigned char *text, size_t bytes)
{
    char *copy = weft__arena_alloc(&it->index->strings, bytes + 1, 1);
    if (!copy) {
        (void)weft__fail_memory(it->err, bytes + 1, "a text of a machine file");
        return NULL;
    }
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

/* Adds an entry to what is open, behind the key that waited. */
static weft_status add_entry(reading *it, weft__yaml_kind kind, const char *text, yaml_mark_t mark)
{
    weft__yaml_index *index = it->index;
    if (index->count == WEFT__YAML_ENTRIES_MAX)
        return weft__yaml_fail(index, mark_of(mark), it->err, "There are more than %u values, too many for a machine.",
                               WEFT__YAML_ENTRIES_MAX);
    weft_status status = weft__array_reserve_or_fail(&index->entries, &index->room, index->count, 1,
                                                     "the values of a machine file", it->err);
    if (status)
        return status;
    uint32_t number = index->count++;
    weft__yaml_entry *entry = &index->entries[number];
    *entry = (weft__yaml_entry){.kind = kind, .key = it->key, .text = text, .mark = mark_of(mark)};
    entry->key_mark = it->key ? it->key_mark : entry->mark;
    it->key = NULL;
    if (it->depth > 0) {
        entry->parent = it->open[it->depth - 1];
        weft__yaml_entry *parent = &index->entries[entry->parent];
        entry->number = parent->count++;
        entry->before = parent->last;
        parent->last = number;
    }
    return WEFT_OK;
}

static weft_status take_key(reading *it, const yaml_event_t *event)
{
    const weft__yaml_index *index = it->index;
    uint32_t mapping = it->open[it->depth - 1];
    weft__yaml_mark mark = mark_of(event->start_mark);
    char path[WEFT__YAML_PATH_BYTES];
    char shown[WEFT__YAML_SHOWN_BYTES];
    if (event->type != YAML_SCALAR_EVENT)
        return weft__yaml_fail(index, mark, it->err, "A key of %s is a list or a mapping, expected a plain word.",
                               weft__yaml_path(index, mapping, path));
    const char *key = (const char *)event->data.scalar.value;
    size_t bytes = event->data.scalar.length;
    if (bytes == 0 || bytes > WEFT__YAML_KEY_BYTES_MAX || memchr(key, '\0', bytes))
        return weft__yaml_fail(index, mark, it->err, "'%s' in %s is no key: a key has 1 to %u characters.",
                               weft__yaml_shown_text(key, shown), weft__yaml_path(index, mapping, path),
                               WEFT__YAML_KEY_BYTES_MAX);
    if (index->entries[mapping].count == WEFT__YAML_KEYS_MAX)
        return weft__yaml_fail(index, mark, it->err, "There are more than %u keys in %s.", WEFT__YAML_KEYS_MAX,
                               weft__yaml_path(index, mapping, path));
    uint32_t other = index->entries[mapping].last;
    for (uint32_t left = index->entries[mapping].count; left > 0; left--) {
        if (strcmp(index->entries[other].key, key) == 0)
            return weft__yaml_fail(index, mark, it->err, "%s is given twice, first in line %zu.",
                                   weft__yaml_path(index, other, path), index->entries[other].key_mark.line + 1);
        other = index->entries[other].before;
    }
    it->key = copy_text(it, event->data.scalar.value, bytes);
    it->key_mark = mark;
    return it->key ? WEFT_OK : WEFT_OUT_OF_MEMORY;
}

static weft_status open_entry(reading *it, weft__yaml_kind kind, yaml_mark_t mark)
{
    if (it->depth == WEFT__YAML_DEPTH_MAX)
        return weft__yaml_fail(it->index, mark_of(mark), it->err,
                               "Values lie more than %u levels deep, too deep for a machine.", WEFT__YAML_DEPTH_MAX);
    weft_status status = add_entry(it, kind, NULL, mark);
    if (status == WEFT_OK)
        it->open[it->depth++] = it->index->count - 1;
    return status;
}

/* YAML of which libcyaml would make something unexpected, or that has no place in a machine. */
static weft_status refuse_features(reading *it, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    const char *what = event->type == YAML_ALIAS_EVENT ? "an alias (*)"
                       : anchor                        ? "an anchor (&)"
                       : tag                           ? "a tag (!)"
                                                       : NULL;
    if (!what)
        return WEFT_OK;
    return weft__yaml_fail(it->index, mark_of(event->start_mark), it->err,
                           "There is %s here, which a machine must not use.", what);
}

static weft_status take_value(reading *it, const yaml_event_t *event)
{
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return open_entry(it, WEFT__YAML_SEQUENCE, event->start_mark);
    if (event->type == YAML_MAPPING_START_EVENT)
        return open_entry(it, WEFT__YAML_MAPPING, event->start_mark);
    const unsigned char *value = event->data.scalar.value;
    if (memchr(value, '\0', event->data.scalar.length))
        return weft__yaml_fail(it->index, mark_of(event->start_mark), it->err, "A value holds a NUL character.");
    const char *text = copy_text(it, value, event->data.scalar.length);
    return text ? add_entry(it, WEFT__YAML_SCALAR, text, event->start_mark) : WEFT_OUT_OF_MEMORY;
}

static weft_status take_event(reading *it, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (it->documents++ > 0)
            return weft__yaml_fail(it->index, mark_of(event->start_mark), it->err,
                                   "A second document begins here, a machine is one.");
        return WEFT_OK;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        it->depth--;
        return WEFT_OK;
    case YAML_ALIAS_EVENT:
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT: {
        weft_status status = refuse_features(it, event);
        if (status != WEFT_OK)
            return status;
        bool wants_key =
            it->depth > 0 && !it->key && it->index->entries[it->open[it->depth - 1]].kind == WEFT__YAML_MAPPING;
        return wants_key ? take_key(it, event) : take_value(it, event);
    }
    default:
        return WEFT_OK;
    }
}

/* libyaml counts the offending byte where it cannot decode, and characters elsewhere. */
static weft_status fail_reader(const reading *it)
{
    const char *text = it->index->source;
    size_t byte =
        it->parser->problem_offset < it->index->source_bytes ? it->parser->problem_offset : it->index->source_bytes;
    uint32_t line = 1;
    size_t line_byte = 0;
    for (size_t i = 0; i < byte; i++) {
        if (text[i] != '\n')
            continue;
        line++;
        line_byte = i + 1;
    }
    return weft__fail_at(it->err, WEFT_PARSE, line, (uint32_t)(byte - line_byte) + 1, "This is not valid YAML: %s.",
                         it->parser->problem);
}

static weft_status fail_syntax(const reading *it)
{
    const yaml_parser_t *parser = it->parser;
    const char *problem = parser->problem ? parser->problem : "it cannot be read";
    if (parser->error == YAML_MEMORY_ERROR)
        return weft__fail(it->err, WEFT_OUT_OF_MEMORY, "Out of memory: could not read a machine file of %zu bytes.",
                          it->index->source_bytes);
    if (parser->error == YAML_READER_ERROR)
        return fail_reader(it);
    if (!parser->context)
        return weft__yaml_fail(it->index, mark_of(parser->problem_mark), it->err, "This is not valid YAML: %s.",
                               problem);
    return weft__yaml_fail(it->index, mark_of(parser->problem_mark), it->err,
                           "This is not valid YAML: %s (%s that began in line %zu).", problem, parser->context,
                           parser->context_mark.line + 1);
}

static weft_status read_events(reading *it)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(it->parser, &event))
            return fail_syntax(it);
        weft_status status = take_event(it, &event);
        bool is_end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (status != WEFT_OK || is_end)
            return status;
    }
}

weft_status weft__yaml_index_create(const char *text, size_t bytes, weft__yaml_index *out, weft_error *err)
{
    yaml_parser_t parser;
    *out = (weft__yaml_index){.source = text, .source_bytes = bytes};
    if (!yaml_parser_initialize(&parser))
        return weft__fail_memory(err, sizeof parser, "a YAML parser");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    reading it = {.index = out, .parser = &parser, .err = err};
    weft_status status = read_events(&it);
    yaml_parser_delete(&parser);
    if (status == WEFT_OK && out->count == 0)
        return weft__fail_at(err, WEFT_PARSE, 1, 1, "There is nothing here, expected the keys of a machine.");
    return status;
}

void weft__yaml_index_release(weft__yaml_index *index)
{
    weft__arena_destroy(&index->strings);
    free(index->entries);
    *index = (weft__yaml_index){0};
}
