/* What the kernels of `ref` and `cpu` take: plain arrays, with every default already resolved by the caller.
 *
 * Arrays are row-major, dense, and aligned to their element only. A kernel reads and writes nothing outside of the
 * extents given here, allocates nothing and keeps nothing; any two calls may run at the same time if their outputs do
 * not overlap. Extents are trusted: the ops check them. Ids, positions and logits are data and are checked while they
 * are read; what is wrong with them comes back as a weft__fault. */
#ifndef WEFT_KERNELS_ARGS_H
#define WEFT_KERNELS_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/types.h>

typedef enum weft__fault_kind {
    WEFT__FAULT_NONE = 0,
    WEFT__FAULT_ID,       /* ids[row] = value lies outside of the table */
    WEFT__FAULT_POSITION, /* positions[row] = value is negative */
    WEFT__FAULT_NAN,      /* element `index` of row `row` is NaN where a choice is to be made */
    WEFT__FAULT_NO_FINITE /* row `row` has no finite logit */
} weft__fault_kind;

/* The first thing wrong with the data of a call: the lowest row, and in it the lowest index. The outputs of the call
 * are then unspecified, but nothing outside of them was written. */
typedef struct weft__fault {
    weft__fault_kind kind;
    size_t row;
    size_t index;
    int64_t value;
} weft__fault;

/* A box copied between two strided arrays. Strides are in elements; a source stride of 0 repeats. Same dtype, or both
 * of f32, f16, bf16. */
typedef struct weft__copy_args {
    uint32_t rank; /* 0 to 4; 0 copies one element */
    uint64_t extent[4];
    uint64_t source_stride[4];
    uint64_t target_stride[4];
    weft_dtype source_dtype;
    const void *source; /* the first element of the box, offset applied */
    weft_dtype target_dtype;
    void *target;
} weft__copy_args;

typedef struct weft__embedding_args {
    size_t tokens;
    size_t vocabulary;
    size_t dims;
    weft_dtype table_dtype; /* f32, f16, bf16 */
    const void *table;      /* [vocabulary, dims] */
    const int32_t *ids;     /* [tokens] */
    float scale;
    float *out; /* [tokens, dims] */
} weft__embedding_args;

typedef struct weft__rms_norm_args {
    size_t rows;
    size_t dims;
    const float *x;          /* [rows, dims] */
    weft_dtype weight_dtype; /* f32, f16, bf16 */
    const void *weight;      /* [dims], or NULL for all ones */
    float weight_bias;       /* unused without a weight */
    float epsilon;
    float *out; /* [rows, dims], may be x */
} weft__rms_norm_args;

typedef struct weft__rope_args {
    size_t tokens;
    size_t heads;
    size_t head_dim;
    size_t rotary_dims;    /* even, <= head_dim */
    size_t frequency_dims; /* > 0 unless rotary_dims is 0 */
    size_t pair_offset;    /* half-split only: pair i is (i, i + pair_offset) */
    bool interleaved;      /* pair i is (2i, 2i + 1) */
    double theta;
    double position_scale;
    const float *x;           /* [tokens, heads, head_dim] */
    const int32_t *positions; /* [tokens], >= 0 */
    float *out;               /* as x, may be x */
} weft__rope_args;

/* Query t stands at position kv_length - tokens + t. Rows of k and v at and past kv_length, and those before the window
 * of the first query, are not read. */
typedef struct weft__attention_args {
    size_t tokens;
    size_t heads; /* a multiple of kv_heads */
    size_t kv_heads;
    size_t head_dim;
    size_t kv_length; /* >= tokens */
    size_t window;    /* 0 = all */
    bool bidirectional;
    float scale;
    float soft_cap; /* 0 = off */
    const float *q; /* [tokens, heads, head_dim] */
    weft_dtype kv_dtype;
    const void *k; /* [>= kv_length, kv_heads, head_dim] */
    const void *v;
    float *out; /* as q */
} weft__attention_args;

/* The keys [first, last) that the query at `position` sees. */
typedef struct weft__key_range {
    size_t first;
    size_t last;
} weft__key_range;

static inline weft__key_range weft__attention_keys(const weft__attention_args *args, size_t token)
{
    size_t position = args->kv_length - args->tokens + token;
    weft__key_range keys = {0, args->bidirectional ? args->kv_length : position + 1};
    if (args->window) {
        if (position >= args->window)
            keys.first = position + 1 - args->window;
        /* position + window could wrap, the difference cannot */
        if (args->bidirectional && args->window < args->kv_length - position)
            keys.last = position + args->window;
    }
    return keys;
}

typedef struct weft__sample_args {
    size_t rows;
    size_t vocabulary; /* > 0, <= INT32_MAX */
    const float *logits;
    float temperature; /* 0 = greedy */
    size_t top_k;      /* 0 = all */
    float top_p;       /* 0 or 1 = all */
    float min_p;
    uint64_t seed;
    uint64_t draw;
    uint64_t first_row; /* what the first of the rows counts as in a draw: of a part of a larger array */
    int32_t *out;       /* [rows] */
} weft__sample_args;

#endif
