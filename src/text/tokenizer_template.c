#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "text/tokenizer.h"

#define PATH_BYTES 64

/* Appends the tokens that `special_tokens` of the processor gives for a name. */
static weft_status append(const weft__json_object *processor, const weft__vocab *vocab, const char *name, int32_t *ids,
                          uint32_t *count, weft_error *err)
{
    char text[WEFT__JSON_TEXT_BYTES];
    const json_t *entry = json_object_get(json_object_get(processor->json, "special_tokens"), name);
    const json_t *list = json_object_get(entry, "ids");
    (void)weft__json_quote(name, strlen(name), text);
    if (!json_is_array(list))
        return weft__fail(err, WEFT_PARSE, "%s: field \"%sspecial_tokens\" has no ids for token %s.", processor->file,
                          processor->path, text);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *id = json_array_get(list, i);
        char id_text[WEFT__JSON_TEXT_BYTES];
        if (!json_is_integer(id) || !weft__vocab_token(vocab, json_integer_value(id)))
            return weft__fail(err, WEFT_PARSE,
                              "%s: field \"%sspecial_tokens\" gives token %s the number %s, which is no token.",
                              processor->file, processor->path, text, weft__json_text(id, id_text));
        if (*count == WEFT__TEMPLATE_IDS_MAX)
            return weft__fail(err, WEFT_UNSUPPORTED, "%s: field \"%ssingle\" has more than %d tokens, the limit.",
                              processor->file, processor->path, WEFT__TEMPLATE_IDS_MAX);
        ids[(*count)++] = (int32_t)json_integer_value(id);
    }
    return WEFT_OK;
}

/* `single` is a list of {"SpecialToken": {"id": name}} and, once, {"Sequence": ...}. */
static weft_status read_template(weft__template *template_, const weft__vocab *vocab,
                                 const weft__json_object *processor, weft_error *err)
{
    const json_t *parts = NULL;
    bool is_after = false;
    weft_status status = weft__json_array(processor, "single", &parts, err);
    for (size_t i = 0; status == WEFT_OK && i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        const char *name = json_string_value(json_object_get(json_object_get(part, "SpecialToken"), "id"));
        bool is_sequence = json_is_object(json_object_get(part, "Sequence"));
        if (is_sequence == (name != NULL) || (is_sequence && is_after)) {
            char field[32];
            (void)snprintf(field, sizeof field, "single[%zu]", i);
            return weft__json_wrong(processor, field, part, WEFT_PARSE, "a SpecialToken with an id, or one Sequence",
                                    err);
        }
        if (is_sequence)
            is_after = true;
        else if (is_after)
            status = append(processor, vocab, name, template_->after, &template_->after_count, err);
        else
            status = append(processor, vocab, name, template_->before, &template_->before_count, err);
    }
    if (status == WEFT_OK && !is_after)
        status = weft__json_wrong(processor, "single", parts, WEFT_PARSE, "one Sequence among the parts", err);
    return status;
}

static weft_status read_part(weft__template *template_, bool *has_template, const weft__vocab *vocab,
                             const weft__json_object *processor, weft_error *err)
{
    const char *type = NULL;
    weft_status status = weft__json_string(processor, "type", &type, err);
    if (status != WEFT_OK || strcmp(type, "ByteLevel") == 0) /* which only moves offsets */
        return status;
    if (strcmp(type, "TemplateProcessing") != 0 || *has_template)
        return weft__json_wrong(processor, "type", json_object_get(processor->json, "type"), WEFT_UNSUPPORTED,
                                "\"ByteLevel\", or \"TemplateProcessing\" once", err);
    *has_template = true;
    return read_template(template_, vocab, processor, err);
}

weft_status weft__template_read(weft__template *template_, const weft__vocab *vocab, const weft__json_object *root,
                                weft_error *err)
{
    weft__json_object object;
    const char *type = NULL;
    const json_t *list = NULL;
    bool has_template = false;
    if (!weft__json_field(root, "post_processor"))
        return WEFT_OK;
    weft_status status = weft__json_child(root, "post_processor", "post_processor.", &object, err);
    if (status == WEFT_OK)
        status = weft__json_string(&object, "type", &type, err);
    if (status != WEFT_OK)
        return status;
    if (strcmp(type, "Sequence") != 0)
        return read_part(template_, &has_template, vocab, &object, err);
    status = weft__json_array(&object, "processors", &list, err);
    for (size_t i = 0; status == WEFT_OK && i < json_array_size(list); i++) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof path, "post_processor.processors[%zu].", i);
        const weft__json_object part = {.json = json_array_get(list, i), .file = root->file, .path = path};
        status = read_part(template_, &has_template, vocab, &part, err);
    }
    return status;
}
