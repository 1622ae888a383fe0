/* The merges of a byte-pair encoding, and their application to one piece of text. */
#ifndef WEFT_TEXT_MERGES_H
#define WEFT_TEXT_MERGES_H

#include "text/vocab.h"

typedef struct weft__merge {
    int32_t left; /* -1 marks an empty slot */
    int32_t right;
    uint32_t rank; /* the lower, the earlier */
    int32_t merged;
} weft__merge;

/* A hash of pairs. Zeroed is empty; freed with weft__merges_free() whatever became of filling it. */
typedef struct weft__merges {
    weft__merge *slots;
    size_t mask;
} weft__merges;

/* A token of the piece being encoded, linked to its neighbours. */
typedef struct weft__bpe_symbol {
    int32_t id; /* -1 once it was merged into the one before it */
    uint32_t previous;
    uint32_t next;
} weft__bpe_symbol;

/* A merge that was possible when it was entered. */
typedef struct weft__bpe_candidate {
    uint32_t rank;
    uint32_t position;
    int32_t left;
    int32_t right;
} weft__bpe_candidate;

/* Memory that is kept from piece to piece. Zeroed is empty; freed with weft__bpe_free(). */
typedef struct weft__bpe {
    weft__bpe_symbol *symbols;
    size_t symbols_capacity;
    weft__bpe_candidate *heap;
    size_t heap_count;
} weft__bpe;

/* Fills `merges` from field "merges" of `model`, an array of "a b" or ["a", "b"]. A pair that is listed twice has the
 * later rank. WEFT_PARSE names the index of a merge whose parts or result are not in the vocabulary. */
weft_status weft__merges_read(weft__merges *merges, const weft__json_object *model, weft_error *err);
void weft__merges_free(weft__merges *merges);

/* The merge of two tokens, or NULL. */
const weft__merge *weft__merges_find(const weft__merges *merges, int32_t left, int32_t right);

/* Encodes a piece: starts with the tokens of its bytes and always does the possible merge of lowest rank, the leftmost
 * among equals, until none is left. n log n in the bytes of the piece, which are fewer than 2^31. Afterwards the tokens
 * are found by following `next` from symbol 0 until WEFT__BPE_END. */
weft_status weft__bpe_encode(weft__bpe *bpe, const weft__merges *merges, const weft__vocab *vocab, const char *piece,
                             size_t bytes, weft_error *err);
void weft__bpe_free(weft__bpe *bpe);

#define WEFT__BPE_END UINT32_MAX

#endif
