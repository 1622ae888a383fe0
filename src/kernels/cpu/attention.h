/* How attention is cut, for the planner and the kernels alike.
 *
 * The query heads that share a key head, for all tokens, are the `rows` of that key head: row r is token r / group,
 * query head kv_head * group + r % group. Rows are taken in tiles, each through its keys in blocks, with an online
 * softmax:
 *   - few rows (decoding): dot products against the keys where they lie, each key and value row read once for all rows;
 *   - more (prefill): blocks of keys and values are converted to f32 and multiplied as matrices, rows in the lanes.
 * Where one tile holds all rows, its keys are cut into chunks as well, and what the chunks found is merged afterwards.
 *
 * A task is a tile and a chunk of one key head; with few rows, of several key heads, which take turns block by block.
 * The rows of all key heads for one key are neighbours in memory, and a cache that is read in any other order than its
 * own costs a page and half-used prefetches for every row. */
#ifndef WEFT_KERNELS_CPU_ATTENTION_H
#define WEFT_KERNELS_CPU_ATTENTION_H

#include "kernels/args.h"

enum {
    WEFT__CPU_PAD = 16, /* floats of the widest vector */
    WEFT__ATTENTION_ROWS = 64,
    WEFT__ATTENTION_FEW_ROWS = 8,
    WEFT__ATTENTION_KEYS = 64,   /* of a block */
    WEFT__ATTENTION_CHUNK = 256, /* least keys of a chunk, a multiple of a block */
    WEFT__ATTENTION_CHUNKS = 32, /* at most */
    WEFT__ATTENTION_TASKS = 8    /* wanted before key heads are put together */
};

typedef struct weft__attention_cut {
    size_t group;      /* query heads per key head */
    size_t rows;       /* tokens * group */
    size_t tiles;      /* of rows */
    size_t chunks;     /* of keys; 1 unless there is one tile */
    size_t chunk_keys; /* keys of a chunk, fewer in the last one; unused with one chunk */
    size_t padded_dim; /* head_dim in whole vectors */
    size_t task_heads; /* key heads of a task, fewer in the last one */
    size_t head_tasks; /* tasks that the key heads make */
} weft__attention_cut;

static inline size_t weft__pad(size_t count)
{
    return (count + WEFT__CPU_PAD - 1) / WEFT__CPU_PAD * WEFT__CPU_PAD;
}

/* How many parts of `size` it takes to hold `count`. */
static inline size_t weft__attention_parts(size_t count, size_t size)
{
    return (count + size - 1) / size;
}

/* The keys that any of the tokens [first, last] sees. */
static inline weft__key_range weft__attention_keys_between(const weft__attention_args *args, size_t first, size_t last)
{
    return (weft__key_range){weft__attention_keys(args, first).first, weft__attention_keys(args, last).last};
}

/* For at least one token and head. */
static inline weft__attention_cut weft__attention_cut_of(const weft__attention_args *args)
{
    weft__attention_cut cut = {.group = args->heads / args->kv_heads, .chunks = 1};
    cut.rows = args->tokens * cut.group;
    cut.tiles = weft__attention_parts(cut.rows, WEFT__ATTENTION_ROWS);
    cut.padded_dim = weft__pad(args->head_dim);
    if (cut.tiles == 1) {
        weft__key_range keys = weft__attention_keys_between(args, 0, args->tokens - 1);
        size_t count = keys.last - keys.first;
        size_t blocks =
            weft__attention_parts(weft__attention_parts(count, WEFT__ATTENTION_CHUNKS), WEFT__ATTENTION_KEYS);
        cut.chunk_keys = blocks * WEFT__ATTENTION_KEYS;
        if (cut.chunk_keys < WEFT__ATTENTION_CHUNK)
            cut.chunk_keys = WEFT__ATTENTION_CHUNK;
        cut.chunks = weft__attention_parts(count, cut.chunk_keys);
    }
    cut.task_heads = 1;
    if (cut.rows <= WEFT__ATTENTION_FEW_ROWS) {
        size_t wanted = weft__attention_parts(WEFT__ATTENTION_TASKS, cut.chunks);
        cut.task_heads = weft__attention_parts(args->kv_heads, wanted);
    }
    cut.head_tasks = weft__attention_parts(args->kv_heads, cut.task_heads);
    return cut;
}

/* What a chunk leaves behind for a row, in floats: the largest score, the sum of weights relative to it, and, one
 * vector on, the weighted sum of values. Partials lie in shared memory as [kv_heads, chunks, rows]. */
static inline size_t weft__attention_partial_floats(const weft__attention_cut *cut)
{
    return WEFT__CPU_PAD + cut->padded_dim;
}

/* A tile of one key head at work. */
typedef struct weft__attention_tile {
    const weft__attention_args *args;
    weft__attention_cut cut;
    size_t kv_head;
    size_t chunk;
    size_t first_row;
    size_t rows;
    weft__key_range keys;                       /* of this task */
    weft__key_range seen[WEFT__ATTENTION_ROWS]; /* by each row; rows past the last see everything, for nothing */
    float largest[WEFT__ATTENTION_ROWS];
    float sum[WEFT__ATTENTION_ROWS];
    float rescale[WEFT__ATTENTION_ROWS];
    float *q;      /* scaled; few rows: [rows, padded_dim], else [head_dim, ROWS] */
    float *out;    /* [rows, padded_dim], not yet divided by the sum */
    float *scores; /* few rows: [rows, SCORE_STRIDE], else [KEYS, ROWS]; turned into weights in place */
    float *k;      /* [KEYS, padded_dim]; NULL for few rows */
    float *v;      /* as k */
} weft__attention_tile;

/* The floats that the pointers of a tile share out among them, in order. */
static inline size_t weft__attention_tile_floats(const weft__attention_cut *cut)
{
    if (cut->rows <= WEFT__ATTENTION_FEW_ROWS)
        return cut->rows * (2 * cut->padded_dim + WEFT__ATTENTION_KEYS + WEFT__CPU_PAD);
    return WEFT__ATTENTION_ROWS * (2 * cut->padded_dim + WEFT__ATTENTION_KEYS) +
           2 * WEFT__ATTENTION_KEYS * cut->padded_dim;
}

#endif
