/* What computes values: pure functions over plain arrays, a range of the work at a time. The numbers of a range do not
 * depend on how the work was cut.
 *
 * Conversions here round once: a double goes to f16 and bf16 without a rounding to f32 in between. */
#ifndef WEFT_SIM_REPLAY_KERNELS_H
#define WEFT_SIM_REPLAY_KERNELS_H

#include <weft/store.h>

#include "sim/replay/loops.h"

typedef struct weft__computation_input {
    const unsigned char *data;
    weft_dtype dtype;
    weft_shape shape;
} weft__computation_input;

/* An operation on data. Shapes and dtypes have been checked when the value was made. */
typedef struct weft__computation {
    weft_command_op op;
    weft_dtype dtype;
    weft_shape shape;
    unsigned char *out;
    weft__computation_input inputs[WEFT_COMMAND_INPUTS_MAX];
    size_t input_count;
    uint32_t axis;
    uint64_t tile_k;
    const weft_epilogue *epilogues;
    size_t epilogue_count;
    const weft__loops *loops;
} weft__computation;

/* Computes units [begin, end). `scratch` is aligned as a double. */
typedef void weft__compute_function(const weft__computation *kernel, uint64_t begin, uint64_t end, void *scratch);

weft__compute_function weft__compute_elementwise; /* units are elements of the output */
weft__compute_function weft__compute_reduction;   /* the same */
weft__compute_function weft__compute_softmax;     /* units are lanes: all indices but that of the axis */
weft__compute_function weft__compute_gemm;        /* units are rows */

#define WEFT__CHUNK_ELEMENTS 256 /* that an elementwise function works on at a time */

/* What a worker needs. */
size_t weft__gemm_scratch_bytes(void);
size_t weft__softmax_scratch_bytes(const weft__computation *kernel);

/* Holds every number of i64 and of u64, and what comes of two of them until it is made to saturate at the ends of the
 * two: -2^63 and 2^64 - 1. */
__extension__ typedef __int128 weft__wide;

/* Functions over arrays of up to three inputs, which may be the output. */
typedef void weft__double_function(const double *const *inputs, double *out, size_t count);
typedef void weft__integer_function(const int64_t *const *inputs, int64_t *out, size_t count);
typedef void weft__float_function(const float *const *inputs, float *restrict out, size_t count); /* which is another */
typedef void weft__wide_function(const weft__wide *const *inputs, weft__wide *out, size_t count);

typedef enum weft__command_class {
    WEFT__CLASS_NONE = 0,
    WEFT__CLASS_COPY,
    WEFT__CLASS_GEMM,
    WEFT__CLASS_ELEMENTWISE,
    WEFT__CLASS_REDUCTION,
    WEFT__CLASS_SOFTMAX
} weft__command_class;

/* How a command is computed. */
typedef struct weft__command_row {
    const char *name;
    weft__command_class kind;
    size_t inputs;                    /* for a GEMM without the operands of epilogues */
    weft__double_function *doubles;   /* of an elementwise one */
    weft__integer_function *integers; /* the same, or NULL: integers are computed as doubles */
    weft__wide_function *wides;       /* of integers among which is u64; NULL as `integers` is */
} weft__command_row;

/* NULL for a number that is no op. */
const weft__command_row *weft__command_row_of(weft_command_op op);

/* What the elements of an elementwise command or a reduction are computed in. */
typedef enum weft__arithmetic {
    WEFT__IN_DOUBLES = 0,
    WEFT__IN_INTEGERS,
    WEFT__IN_WIDES
} weft__arithmetic;

weft__arithmetic weft__arithmetic_of(const weft__computation *kernel);

/* For an elementwise command on f32 alone that gives in floats the bits that it gives in doubles, rounded to f32, or
 * NULL. A double has more than twice the digits of a float, so that a sum, difference or product which is rounded to
 * it first is never rounded otherwise for that. */
weft__float_function *weft__floats_of(const weft__computation *kernel);

/* An activation of the elementwise commands, on its own. */
double weft__gelu(double x);
double weft__silu(double x);

/* ---- conversions: `count` elements from index `first` on ---- */

static inline bool weft__dtype_is_integer(weft_dtype dtype)
{
    return dtype >= WEFT_I8 && dtype <= WEFT_U64;
}

void weft__load_doubles(weft_dtype dtype, const void *data, uint64_t first, double *out, size_t count);

/* Of an integer dtype; those of u64 modulo 2^64. */
void weft__load_integers(weft_dtype dtype, const void *data, uint64_t first, int64_t *out, size_t count);

/* Of an integer dtype. */
void weft__load_wides(weft_dtype dtype, const void *data, uint64_t first, weft__wide *out, size_t count);

/* Rounds to nearest, ties to even; to integers it saturates too, and NaN becomes 0. */
void weft__store_doubles(weft_dtype dtype, void *data, uint64_t first, const double *from, size_t count);

/* To integers they saturate; to floats they are rounded once, to nearest, ties to even. */
void weft__store_integers(weft_dtype dtype, void *data, uint64_t first, const int64_t *from, size_t count);
void weft__store_wides(weft_dtype dtype, void *data, uint64_t first, const weft__wide *from, size_t count);

#endif
