#include "text/splitter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/utf8.h"

#define PATH_BYTES 64

/* What ByteLevel cuts with when it is asked to: contractions, words, numbers and runs of other characters, each with at
 * most one blank before it, and white space that leaves its last blank to what follows. */
static const char byte_level_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/* Matching gives up beyond so many steps: generous for a linear expression, soon reached by an exponential one. */
#define STEPS_BASE 100000u
#define STEPS_PER_BYTE 64u
#define HEAP_KIB_MAX (256u << 10)

static weft_status add_code(weft__splitter *splitter, const weft__json_object *object, const char *field,
                            const char *pattern, bool is_literal, weft_error *err)
{
    if (splitter->count == WEFT__SPLITS_MAX)
        return weft__fail(err, WEFT_UNSUPPORTED, "%s: field \"pre_tokenizer\" has more than %d patterns, the limit.",
                          object->file, WEFT__SPLITS_MAX);
    weft_status status = weft__pattern_compile(object, field, pattern, strlen(pattern), is_literal,
                                               &splitter->codes[splitter->count], err);
    if (status == WEFT_OK)
        splitter->count++;
    return status;
}

static weft_status read_split(weft__splitter *splitter, const weft__json_object *object, weft_error *err)
{
    weft__json_object pattern;
    const char *behavior = NULL;
    const char *text = NULL;
    bool is_inverted = false;
    char path[PATH_BYTES + 16];
    (void)snprintf(path, sizeof path, "%spattern.", object->path);
    weft_status status = weft__json_string(object, "behavior", &behavior, err);
    if (status == WEFT_OK)
        status = weft__json_bool_or(object, "invert", false, &is_inverted, err);
    if (status == WEFT_OK && strcmp(behavior, "Isolated") != 0)
        status = weft__json_wrong(object, "behavior", json_object_get(object->json, "behavior"), WEFT_UNSUPPORTED,
                                  "\"Isolated\", the only one that Weft supports", err);
    if (status == WEFT_OK && is_inverted)
        status = weft__json_wrong(object, "invert", json_object_get(object->json, "invert"), WEFT_UNSUPPORTED,
                                  "false, the only value that Weft supports", err);
    if (status == WEFT_OK)
        status = weft__json_child(object, "pattern", path, &pattern, err);
    if (status != WEFT_OK)
        return status;
    const char *field = weft__json_field(&pattern, "String") ? "String" : "Regex";
    status = weft__json_string(&pattern, field, &text, err);
    if (status == WEFT_OK)
        status = add_code(splitter, &pattern, field, text, field[0] == 'S', err);
    return status;
}

static weft_status read_byte_level(weft__splitter *splitter, const weft__json_object *object, weft_error *err)
{
    bool uses_regex = true;
    weft_status status = weft__json_bool_or(object, "add_prefix_space", true, &splitter->adds_prefix_space, err);
    if (status == WEFT_OK)
        status = weft__json_bool_or(object, "use_regex", true, &uses_regex, err);
    splitter->prefix_before = splitter->count;
    splitter->is_byte_level = true;
    if (status == WEFT_OK && uses_regex)
        status = add_code(splitter, object, "use_regex", byte_level_pattern, false, err);
    return status;
}

static weft_status read_part(weft__splitter *splitter, const weft__json_object *object, weft_error *err)
{
    const char *type = NULL;
    weft_status status = weft__json_string(object, "type", &type, err);
    if (status != WEFT_OK)
        return status;
    if (splitter->is_byte_level)
        return weft__json_wrong(object, "type", json_object_get(object->json, "type"), WEFT_UNSUPPORTED,
                                "nothing more, because ByteLevel must be the last", err);
    if (strcmp(type, "Split") == 0)
        return read_split(splitter, object, err);
    if (strcmp(type, "ByteLevel") == 0)
        return read_byte_level(splitter, object, err);
    return weft__json_wrong(object, "type", json_object_get(object->json, "type"), WEFT_UNSUPPORTED,
                            "\"Split\" or \"ByteLevel\"", err);
}

weft_status weft__splitter_read(weft__splitter *splitter, const weft__json_object *root, weft_error *err)
{
    weft__json_object object;
    const char *type = NULL;
    const json_t *list = NULL;
    weft_status status = weft__json_child(root, "pre_tokenizer", "pre_tokenizer.", &object, err);
    if (status == WEFT_OK)
        status = weft__json_string(&object, "type", &type, err);
    if (status != WEFT_OK)
        return status;
    if (strcmp(type, "Sequence") == 0) {
        status = weft__json_array(&object, "pretokenizers", &list, err);
        for (size_t i = 0; status == WEFT_OK && i < json_array_size(list); i++) {
            char path[PATH_BYTES];
            (void)snprintf(path, sizeof path, "pre_tokenizer.pretokenizers[%zu].", i);
            const weft__json_object part = {.json = json_array_get(list, i), .file = root->file, .path = path};
            status = read_part(splitter, &part, err);
        }
    } else {
        status = read_part(splitter, &object, err);
    }
    if (status == WEFT_OK && !splitter->is_byte_level)
        status = weft__json_wrong(root, "pre_tokenizer", object.json, WEFT_UNSUPPORTED,
                                  "one with ByteLevel at its end, the only kind that Weft supports", err);
    return status;
}

void weft__splitter_free(weft__splitter *splitter)
{
    for (uint32_t i = 0; i < splitter->count; i++)
        pcre2_code_free(splitter->codes[i]);
    *splitter = (weft__splitter){0};
}

weft_status weft__split_state_create(weft__split_state *state, weft_error *err)
{
    *state = (weft__split_state){0};
    state->matches = pcre2_match_data_create(1, NULL);
    state->limits = pcre2_match_context_create(NULL);
    if (!state->matches || !state->limits) {
        weft__split_state_free(state);
        return weft__fail_memory(err, 256, "the matching of split patterns");
    }
    (void)pcre2_set_heap_limit(state->limits, HEAP_KIB_MAX);
    return WEFT_OK;
}

void weft__split_state_free(weft__split_state *state)
{
    pcre2_match_data_free(state->matches);
    pcre2_match_context_free(state->limits);
    free(state->prefixed);
    *state = (weft__split_state){0};
}

/* One splitting, and what its levels share. */
typedef struct splitting {
    const weft__splitter *splitter;
    weft__split_state *state;
    const char *name;
    weft__piece_visit visit;
    void *context;
} splitting;

typedef struct match {
    bool is_found;
    size_t start;
    size_t end;
} match;

/* The next match at or after `from`, a character boundary. */
static weft_status next_match(const splitting *split, uint32_t level, const char *text, size_t bytes, size_t from,
                              match *out, weft_error *err)
{
    const pcre2_code *code = split->splitter->codes[level];
    weft__split_state *state = split->state;
    /* The caller has checked the text once; a check by every call would make the whole quadratic. */
    uint32_t options = PCRE2_NO_UTF_CHECK;
    int found = pcre2_match(code, (PCRE2_SPTR)text, bytes, from, options, state->matches, state->limits);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter keeps its stack on the heap */
        found = pcre2_match(code, (PCRE2_SPTR)text, bytes, from, options | PCRE2_NO_JIT, state->matches, state->limits);
    *out = (match){.is_found = found >= 0};
    if (found == PCRE2_ERROR_NOMEMORY)
        return weft__fail_memory(err, bytes, "the matching of a split pattern");
    if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
        PCRE2_UCHAR reason[128];
        if (pcre2_get_error_message(found, reason, sizeof reason) < 0)
            reason[0] = '\0';
        return weft__fail(err, WEFT_UNSUPPORTED, "%s: split pattern %u gave up at byte %zu of %zu: %s.", split->name,
                          level, from, bytes, (const char *)reason);
    }
    if (out->is_found) {
        const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(state->matches);
        out->start = ends[0] > from ? ends[0] : from; /* \K can move the start to anywhere */
        out->end = ends[1] > out->start ? ends[1] : out->start;
    }
    return WEFT_OK;
}

static weft_status split_level(const splitting *split, uint32_t level, const char *text, size_t bytes, weft_error *err);

/* Hands a piece of level `level - 1` on, with the blank that it may need. */
static weft_status enter_level(const splitting *split, uint32_t level, const char *text, size_t bytes, weft_error *err)
{
    const weft__splitter *splitter = split->splitter;
    weft__split_state *state = split->state;
    if (!splitter->adds_prefix_space || level != splitter->prefix_before || text[0] == ' ')
        return split_level(split, level, text, bytes, err);
    if (bytes + 1 > state->prefixed_capacity) {
        free(state->prefixed);
        state->prefixed_capacity = 0;
        state->prefixed = malloc(bytes + 1);
        if (!state->prefixed)
            return weft__fail_memory(err, bytes + 1, "a piece of text with a blank before it");
        state->prefixed_capacity = bytes + 1;
    }
    state->prefixed[0] = ' ';
    memcpy(state->prefixed + 1, text, bytes);
    return split_level(split, level, state->prefixed, bytes + 1, err);
}

/* Matches are pieces, and so is what lies between them. An empty match cuts where it stands. */
static weft_status split_level(const splitting *split, uint32_t level, const char *text, size_t bytes, weft_error *err)
{
    if (level == split->splitter->count)
        return split->visit(split->context, text, bytes, err);
    const uint64_t steps = STEPS_BASE + (uint64_t)STEPS_PER_BYTE * bytes;
    size_t done = 0; /* all before is handed on */
    size_t from = 0;
    while (from < bytes) {
        match found;
        (void)pcre2_set_match_limit(split->state->limits, steps < UINT32_MAX ? (uint32_t)steps : UINT32_MAX);
        weft_status status = next_match(split, level, text, bytes, from, &found, err);
        if (status != WEFT_OK)
            return status;
        if (!found.is_found)
            break;
        if (found.start > done &&
            (status = enter_level(split, level + 1, text + done, found.start - done, err)) != WEFT_OK)
            return status;
        if (found.end > found.start &&
            (status = enter_level(split, level + 1, text + found.start, found.end - found.start, err)) != WEFT_OK)
            return status;
        done = found.end;
        from = found.end;
        if (found.end == found.start)
            from += weft__utf8_decode(text + from, bytes - from, NULL);
    }
    return done < bytes ? enter_level(split, level + 1, text + done, bytes - done, err) : WEFT_OK;
}

weft_status weft__split(const weft__splitter *splitter, weft__split_state *state, const char *name, const char *text,
                        size_t bytes, weft__piece_visit visit, void *context, weft_error *err)
{
    const splitting split = {.splitter = splitter, .state = state, .name = name, .visit = visit, .context = context};
    return bytes > 0 ? enter_level(&split, 0, text, bytes, err) : WEFT_OK;
}
