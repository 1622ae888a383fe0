/* What the files of the tokenizer share. */
#ifndef WEFT_TEXT_TOKENIZER_H
#define WEFT_TEXT_TOKENIZER_H

#include <weft/tokenizer.h>

#include "text/added.h"
#include "text/merges.h"
#include "text/splitter.h"
#include "text/vocab.h"

#define WEFT__TEMPLATE_IDS_MAX 16

/* Special tokens around a text. */
typedef struct weft__template {
    int32_t before[WEFT__TEMPLATE_IDS_MAX];
    int32_t after[WEFT__TEMPLATE_IDS_MAX];
    uint32_t before_count;
    uint32_t after_count;
} weft__template;

struct weft_tokenizer {
    char *name; /* of the file, for messages */
    weft__vocab vocab;
    weft__merges merges;
    weft__added raw;        /* found in the text as it comes */
    weft__added normalized; /* found in what the normalizer made of the rest */
    weft__splitter splitter;
    weft__template template_;
    bool normalizes;     /* to NFC */
    bool ignores_merges; /* a piece that is a token is that token, whatever the merges make of it */
};

/* Opens the text of a `tokenizer.json`, which messages call `name`. Otherwise as weft_tokenizer_open(). */
weft_status weft__tokenizer_parse(const char *text, size_t bytes, const char *name, weft_tokenizer **out,
                                  weft_error *err);

/* Reads field "post_processor" of `root`, whose tokens must be in `vocab`. */
weft_status weft__template_read(weft__template *template_, const weft__vocab *vocab, const weft__json_object *root,
                                weft_error *err);

#endif
