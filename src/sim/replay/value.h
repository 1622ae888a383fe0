/* The graph of values: tensors that have a number (id) before they have data.
 *
 * A value is a constant, the result of an operation on other values, a view of one (a range of its bytes, transposed, a
 * slice) or composed of ranges of several. Making one computes nothing and costs no allocation once the graph has been
 * as large before. Evaluation computes what is asked for and the ancestors that it needs, each once; what has been
 * computed lets go of its inputs, so that data live as long as somebody may still need them.
 *
 * References. Who makes a value gets one reference to it, weft__values_retain adds one, and a value holds those of its
 * inputs while it has not been computed, a view of a range always. The last release ends it, and its id is never used
 * again: ids carry a generation, and 0 is none. Functions that take ids want ids that live; another one is a bug of the
 * caller, except where weft__values_lives is there to ask.
 *
 * Determinism. The same calls give the same ids and the same bits, however many threads compute, and in eager mode too.
 *
 * Numerics are told in <weft/store.h>. Dtypes are all of weft_dtype.
 *
 * Threads: one at a time. */
#ifndef WEFT_SIM_REPLAY_VALUE_H
#define WEFT_SIM_REPLAY_VALUE_H

#include <weft/store.h>

#include "base/threads.h"

typedef uint64_t weft__value_id;

typedef struct weft__values weft__values;

/* Zeros are the defaults. */
typedef struct weft__values_options {
    weft__threads *threads; /* computes, together with the caller; borrowed. NULL: the caller alone */
    bool is_eager;          /* evaluate every value when it is made */
} weft__values_options;

weft_status weft__values_create(const weft__values_options *options, weft__values **out, weft_error *err) WEFT_CHECKED;

/* Ends all values, whoever holds them. NULL is fine. */
void weft__values_destroy(weft__values *values);

/* Whether values of a dtype and shape can be, and the bytes that they have. WEFT_INVALID_ARGUMENT for a dtype without a
 * size or a rank above WEFT_RANK_MAX, WEFT_OUT_OF_RANGE for bytes that cannot be counted: errors of every function that
 * makes a value. */
weft_status weft__values_check_type(weft_dtype dtype, const weft_shape *shape, uint64_t *out_bytes,
                                    weft_error *err) WEFT_CHECKED;

/* ---- making values: *out is the id, 0 on failure ---- */

/* Copies the data. */
weft_status weft__values_constant(weft__values *values, weft_dtype dtype, const weft_shape *shape, const void *data,
                                  weft__value_id *out, weft_error *err) WEFT_CHECKED;

/* One number, of rank 0: as an input it is broadcast. Rounded to the dtype. */
weft_status weft__values_number(weft__values *values, weft_dtype dtype, double number, weft__value_id *out,
                                weft_error *err) WEFT_CHECKED;

/* What to compute. */
typedef struct weft__operation {
    weft_command_op op;
    weft_dtype dtype; /* of the result */
    weft_shape shape;
    const weft__value_id *inputs; /* `input_count` of them; as weft_command_op says */
    size_t input_count;
    uint32_t axis;                  /* of reductions and softmax */
    const weft_epilogue *epilogues; /* `epilogue_count` of them, copied */
    size_t epilogue_count;
    uint64_t tile_k; /* for epilogues of WEFT_SCOPE_K_TILE */
} weft__operation;

/* A copy gives the input itself if shape and dtype are the same, else a view of it. WEFT_SHAPE_MISMATCH, naming both,
 * for shapes that do not go together; WEFT_INVALID_ARGUMENT for another number of inputs, an axis past the last, an
 * epilogue that is none or a tile_k of 0 where one is needed. */
weft_status weft__values_operate(weft__values *values, const weft__operation *operation, weft__value_id *out,
                                 weft_error *err) WEFT_CHECKED;

/* The bytes of another value from `offset_bytes` on, as elements of `dtype`: a reshape if the bytes are the same. Views
 * of views are views of what these view. WEFT_OUT_OF_RANGE if the bytes are not all in it. */
weft_status weft__values_view(weft__values *values, weft__value_id of, uint64_t offset_bytes, weft_dtype dtype,
                              const weft_shape *shape, weft__value_id *out, weft_error *err) WEFT_CHECKED;

/* Axis i of the result is axis order[i] of the other value. WEFT_INVALID_ARGUMENT unless `order` holds each axis once.
 */
weft_status weft__values_transpose(weft__values *values, weft__value_id of, const uint32_t *order, weft__value_id *out,
                                   weft_error *err) WEFT_CHECKED;

/* The box of `shape` that begins at index `begin`, both with the rank of the other value. WEFT_SHAPE_MISMATCH for
 * another rank, WEFT_OUT_OF_RANGE for a box that is not inside. */
weft_status weft__values_slice(weft__values *values, weft__value_id of, const uint64_t *begin, const weft_shape *shape,
                               weft__value_id *out, weft_error *err) WEFT_CHECKED;

/* The one element of a value, of rank 0, everywhere in a shape. */
weft_status weft__values_repeat(weft__values *values, weft__value_id element, const weft_shape *shape,
                                weft__value_id *out, weft_error *err) WEFT_CHECKED;

/* A range of the bytes of a value. */
typedef struct weft__value_part {
    weft__value_id value;
    uint64_t offset_bytes, bytes;
} weft__value_part;

/* Ranges of bytes one behind another; together they must be the bytes of the result, else WEFT_SHAPE_MISMATCH.
 * WEFT_OUT_OF_RANGE for a range that is not in its value. */
weft_status weft__values_compose(weft__values *values, weft_dtype dtype, const weft_shape *shape,
                                 const weft__value_part *parts, size_t count, weft__value_id *out,
                                 weft_error *err) WEFT_CHECKED;

/* ---- holding values ---- */

void weft__values_retain(weft__values *values, weft__value_id id);

/* 0 is fine. */
void weft__values_release(weft__values *values, weft__value_id id);

/* True for an id that this graph gave and that has not ended. */
bool weft__values_lives(const weft__values *values, weft__value_id id);

typedef struct weft__value_info {
    weft_dtype dtype;
    weft_shape shape;
    uint64_t bytes;
    uint32_t references;
    bool is_evaluated;
} weft__value_info;

void weft__values_get_info(const weft__values *values, weft__value_id id, weft__value_info *out);

uint64_t weft__values_bytes(const weft__values *values, weft__value_id id);

/* Which bytes of which value an id names: where it is a view of a range (not transposed, not a slice with holes), what
 * it views and from where, else itself from 0 on. Computing changes nothing about it. */
void weft__values_resolve(const weft__values *values, weft__value_id id, weft__value_id *out_of,
                          uint64_t *out_offset_bytes);

/* ---- computing ---- */

/* Computes the values and what they need. Out of memory, what has been computed stays so, and the rest can be asked for
 * again. */
weft_status weft__values_evaluate(weft__values *values, const weft__value_id *ids, size_t count,
                                  weft_error *err) WEFT_CHECKED;

/* Computes every value that lives, so that all of them let go of what they were made from: nothing is kept but what
 * somebody holds. */
weft_status weft__values_evaluate_all(weft__values *values, weft_error *err) WEFT_CHECKED;

/* The data of a value that has been evaluated, aligned to its dtype; NULL for one that has not. Good until it ends. */
const void *weft__values_data(const weft__values *values, weft__value_id id);

typedef struct weft__values_statistics {
    uint64_t live;       /* values */
    uint64_t made;       /* values, ever */
    uint64_t evaluated;  /* values computed, ever; views that share what they view aside */
    uint64_t data_bytes; /* that live values hold */
    uint64_t peak_bytes; /* the most of these at once; may depend on the number of threads */
} weft__values_statistics;

void weft__values_get_statistics(const weft__values *values, weft__values_statistics *out);

#endif
