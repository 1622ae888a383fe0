/* Calls that must be refused while they are recorded: what is wrong with each, the status, and what the sentence says.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/harness.h"

/* An argument is "f32 2 3" (a new buffer of that dtype and shape), "=1" (argument 1 once more), "@1+4 2" (a view of
 * argument 1's memory from element 4 on, of shape [2]), "wrap f32 2" (read-only memory of the host), or NULL. */
typedef struct bad_call {
    const char *op;
    const char *arguments[WEFT_ARGUMENTS_MAX];
    const void *params;
    weft_status status;
    const char *fragment;
} bad_call;

#define COPY(...) (&(const weft_copy_params){__VA_ARGS__})
#define COPY_ALL (&(const weft_copy_params){.rank = 0})
#define NORM(first) (&(const weft_rms_norm_params){.epsilon = (first)})
#define NORM_WITH(first, ...) (&(const weft_rms_norm_params){.epsilon = (first), __VA_ARGS__})
#define ROPE(first) (&(const weft_rope_params){.theta = (first)})
#define ROPE_WITH(first, ...) (&(const weft_rope_params){.theta = (first), __VA_ARGS__})
#define TURN(first, second) (&(const weft_rms_norm_rope_params){{.epsilon = (first)}, {.theta = (second)}})
#define ATTEND(first, length) (&(const weft_attention_params){.scale = (first), .kv_length = (length)})
#define ATTEND_WITH(first, ...) (&(const weft_attention_params){.scale = (first), .kv_length = 3, __VA_ARGS__})
#define SAMPLE(first) (&(const weft_sample_params){.temperature = (first)})
#define SAMPLE_WITH(first, ...) (&(const weft_sample_params){.temperature = (first), __VA_ARGS__})

static const float one = 1;

static const bad_call bad_elementwise[] = {
    {"add", {"i32 3", "i32 3", "i32 3"}, NULL, WEFT_UNSUPPORTED, "add: a [3] i32 must be f32, f16 or bf16."},
    {"add", {"f32 3", "i64 3", "f32 3"}, NULL, WEFT_UNSUPPORTED, "b [3] i64 must be"},
    {"add", {"f64 3", "f64 3", "f64 3"}, NULL, WEFT_UNSUPPORTED, "add: a [3] f64 must be f32, f16 or bf16."},
    {"add", {"f32 3", "f16 3", "f32 3"}, NULL, WEFT_SHAPE_MISMATCH, "b [3] f16 must have the dtype of a [3] f32."},
    {"add", {"f32 3", "f32 3", "bf16 3"}, NULL, WEFT_SHAPE_MISMATCH, "out [3] bf16 must have the dtype of a [3] f32."},
    {"add",
     {"f32 2 3", "f32 3 2", "f32 2 3"},
     NULL,
     WEFT_SHAPE_MISMATCH,
     "b [3, 2] f32 must have the shape of a [2, 3]"},
    {"add", {"f32 2 3", "f32 2 3", "f32 6"}, NULL, WEFT_SHAPE_MISMATCH, "out [6] f32 must have the shape of a [2, 3]"},
    {"add", {"f32 3", "f32 3", NULL}, NULL, WEFT_INVALID_ARGUMENT, "argument out is NULL"},
    {"add", {NULL, "f32 3", "f32 3"}, NULL, WEFT_INVALID_ARGUMENT, "argument a is NULL"},
    {"add", {"f32 3", "f32 3", "@0+1 3"}, NULL, WEFT_INVALID_ARGUMENT, "overlaps argument a"},
    {"add", {"f32 8", "@0+4 8", "@0+8 8"}, NULL, WEFT_INVALID_ARGUMENT, "overlaps argument b"},
    {"add", {"f32 3", "f32 3", "wrap f32 3"}, NULL, WEFT_INVALID_ARGUMENT, "out wraps read-only memory"},
    {"mul", {"u8 3", "u8 3", "u8 3"}, NULL, WEFT_UNSUPPORTED, "mul: a [3] u8 must be"},
    {"mul", {"u64 3", "u64 3", "u64 3"}, NULL, WEFT_UNSUPPORTED, "mul: a [3] u64 must be"},
    {"mul", {"f32 3", "f32 4", "f32 3"}, NULL, WEFT_SHAPE_MISMATCH, "b [4] f32 must have the shape of a [3] f32"},
    {"scale", {"f32 3", "f32 4"}, &one, WEFT_SHAPE_MISMATCH, "out [4] f32 must have the shape of x [3] f32"},
    {"scale", {"f32 3", "f16 3"}, &one, WEFT_SHAPE_MISMATCH, "out [3] f16 must have the dtype of x [3] f32"},
    {"scale", {"f32 3", "f32 3"}, NULL, WEFT_INVALID_ARGUMENT, "parameters are NULL"},
    {"silu_mul", {"f32 3", "f32 3", "i8 3"}, NULL, WEFT_UNSUPPORTED, "out [3] i8 must be f32, f16 or bf16"},
    {"gelu_mul", {"f32 3", "f32 2", "f32 3"}, NULL, WEFT_SHAPE_MISMATCH, "up [2] f32 must have the shape of gate [3]"},
};

static const bad_call bad_copies[] = {
    {"copy",
     {"f32 3", "f32 4"},
     COPY_ALL,
     WEFT_SHAPE_MISMATCH,
     "source [3] f32 has 3 elements, but target [4] f32 has 4"},
    {"copy",
     {"i32 3", "f32 3"},
     COPY_ALL,
     WEFT_SHAPE_MISMATCH,
     "source [3] i32 and target [3] f32 must have one dtype"},
    {"copy", {"i16 3", "u16 3"}, COPY_ALL, WEFT_SHAPE_MISMATCH, "must have one dtype"},
    {"copy", {"f32 3", "f64 3"}, COPY_ALL, WEFT_SHAPE_MISMATCH, "must have one dtype"},
    {"copy", {"i64 3", "u64 3"}, COPY_ALL, WEFT_SHAPE_MISMATCH, "must have one dtype"},
    {"copy", {"f32 3", "@0+2 3"}, COPY_ALL, WEFT_INVALID_ARGUMENT, "overlap in their common memory"},
    {"copy", {"f32 3", "=0"}, COPY_ALL, WEFT_INVALID_ARGUMENT, "overlap in their common memory"},
    {"copy", {"f32 9", "f32 9"}, COPY(.rank = 5), WEFT_INVALID_ARGUMENT, "at most 4 axes, not 5"},
    {"copy", {"f32 9", "f32 9"}, NULL, WEFT_INVALID_ARGUMENT, "parameters are NULL"},
    {"copy",
     {"f32 9", "f32 9"},
     COPY(1, {10}, 0, {1}, 0, {1}),
     WEFT_OUT_OF_RANGE,
     "does not lie inside source [9] f32"},
    {"copy", {"f32 9", "f32 9"}, COPY(1, {3}, 0, {4}, 0, {5}), WEFT_OUT_OF_RANGE, "does not lie inside target [9] f32"},
    {"copy",
     {"f32 9", "f32 9"},
     COPY(1, {3}, 7, {1}, 0, {1}),
     WEFT_OUT_OF_RANGE,
     "from element 7 does not lie inside sou"},
    {"copy",
     {"f32 9", "f32 9"},
     COPY(1, {1}, 9, {1}, 0, {1}),
     WEFT_OUT_OF_RANGE,
     "from element 9 does not lie inside sou"},
    {"copy",
     {"f32 9", "f32 9"},
     COPY(2, {UINT64_MAX, 2}, 0, {UINT64_MAX, 1}, 0, {1, 1}),
     WEFT_OUT_OF_RANGE,
     "does not lie inside source"},
    {"copy",
     {"f32 9", "f32 9"},
     COPY(2, {2, 2}, UINT64_MAX, {1, 1}, 0, {2, 1}),
     WEFT_OUT_OF_RANGE,
     "does not lie inside source"},
    {"copy",
     {"f32 9", "f32 9"},
     COPY(2, {2, 3}, 0, {3, 1}, 0, {2, 1}),
     WEFT_INVALID_ARGUMENT,
     "target stride 2 of axis 0 does not step over the 3 elements"},
    {"copy", {"f32 9", "f32 9"}, COPY(1, {3}, 0, {1}, 0, {0}), WEFT_INVALID_ARGUMENT, "target stride 0 of axis 0"},
    /* every second element onto the next one: the ranges interleave, and one element meets */
    {"copy", {"f32 9", "=0"}, COPY(1, {4}, 0, {2}, 2, {2}), WEFT_INVALID_ARGUMENT, "overlap in their common memory"},
    {"copy", {"f32 3", "wrap f32 3"}, COPY_ALL, WEFT_INVALID_ARGUMENT, "target wraps read-only memory"},
    {"embedding", {"i32 4 2", "i32 3", "f32 3 2"}, &one, WEFT_UNSUPPORTED, "table [4, 2] i32 must be f32, f16 or bf16"},
    {"embedding", {"f64 4 2", "i32 3", "f32 3 2"}, &one, WEFT_UNSUPPORTED, "table [4, 2] f64 must be f32, f16 or bf16"},
    {"embedding", {"f32 4 2", "i64 3", "f32 3 2"}, &one, WEFT_UNSUPPORTED, "ids [3] i64 must be i32"},
    {"embedding", {"f32 4 2", "i32 3", "f16 3 2"}, &one, WEFT_UNSUPPORTED, "out [3, 2] f16 must be f32"},
    {"embedding", {"f32 8", "i32 3", "f32 3 2"}, &one, WEFT_SHAPE_MISMATCH, "table [8] f32 must have 2 axes"},
    {"embedding", {"f32 4 2", "i32 3 1", "f32 3 2"}, &one, WEFT_SHAPE_MISMATCH, "ids [3, 1] i32 must have 1 axis"},
    {"embedding", {"f32 4 2", "i32 3", "f32 6"}, &one, WEFT_SHAPE_MISMATCH, "out [6] f32 must have 2 axes"},
    {"embedding", {"f32 4 2", "i32 3", "f32 4 2"}, &one, WEFT_SHAPE_MISMATCH, "out [4, 2] f32 has 4 rows, but ids [3]"},
    {"embedding",
     {"f32 4 2", "i32 3", "f32 3 1"},
     &one,
     WEFT_SHAPE_MISMATCH,
     "has 1 columns, but table [4, 2] f32 has 2"},
    {"embedding", {"f32 4 2", "i32 3", "@0+1 3 2"}, &one, WEFT_INVALID_ARGUMENT, "overlaps argument table"},
    {"embedding", {"f32 3 2", "i32 3", "=0"}, &one, WEFT_INVALID_ARGUMENT, "overlaps argument table"},
};

#define EPS 1e-6f

static const bad_call bad_norms[] = {
    {"rms_norm", {"f16 2 3", NULL, "f16 2 3"}, NORM(EPS), WEFT_UNSUPPORTED, "x [2, 3] f16 must be f32"},
    {"rms_norm", {"f32 2 3", NULL, "bf16 2 3"}, NORM(EPS), WEFT_UNSUPPORTED, "out [2, 3] bf16 must be f32"},
    {"rms_norm",
     {"f32 2 3", "i32 3", "f32 2 3"},
     NORM(EPS),
     WEFT_UNSUPPORTED,
     "weight [3] i32 must be f32, f16 or bf16"},
    {"rms_norm", {"f32 2 3", "f32 3", "f32 6"}, NORM(EPS), WEFT_SHAPE_MISMATCH, "out [6] f32 must have the shape of x"},
    {"rms_norm",
     {"f32 2 3", "f32 2", "f32 2 3"},
     NORM(EPS),
     WEFT_SHAPE_MISMATCH,
     "no innermost axes of x [2, 3] f32 make"},
    {"rms_norm", {"f32 2 3", "f32 1", "f32 2 3"}, NORM(EPS), WEFT_SHAPE_MISMATCH, "make up the length 1 of weight [1]"},
    {"rms_norm",
     {"f32 2 3", "f32 1 3", "f32 2 3"},
     NORM(EPS),
     WEFT_SHAPE_MISMATCH,
     "weight [1, 3] f32 must have 1 axis"},
    {"rms_norm",
     {"f32 3", NULL, "f32 3"},
     NORM(0),
     WEFT_INVALID_ARGUMENT,
     "epsilon must be positive and finite, not 0"},
    {"rms_norm", {"f32 3", NULL, "f32 3"}, NORM(-1), WEFT_INVALID_ARGUMENT, "not -1"},
    {"rms_norm", {"f32 3", NULL, "f32 3"}, NORM(NAN), WEFT_INVALID_ARGUMENT, "epsilon must be"},
    {"rms_norm", {"f32 3", NULL, "f32 3"}, NORM(INFINITY), WEFT_INVALID_ARGUMENT, "epsilon must be"},
    {"rms_norm",
     {"f32 3", NULL, "f32 3"},
     NORM_WITH(1, .weight_bias = NAN),
     WEFT_INVALID_ARGUMENT,
     "weight_bias must be finite"},
    {"rms_norm", {"f32 3", NULL, "f32 3"}, NULL, WEFT_INVALID_ARGUMENT, "parameters are NULL"},
    {"rms_norm", {"f32 3", NULL, "@0+1 3"}, NORM(EPS), WEFT_INVALID_ARGUMENT, "overlaps argument x"},
    {"rms_norm", {"f32 3", "f32 3", "=1"}, NORM(EPS), WEFT_INVALID_ARGUMENT, "overlaps argument weight"},
    {"rope", {"f16 2 1 4", "i32 2", "f32 2 1 4"}, ROPE(1e4), WEFT_UNSUPPORTED, "x [2, 1, 4] f16 must be f32"},
    {"rope", {"f32 2 1 4", "i64 2", "f32 2 1 4"}, ROPE(1e4), WEFT_UNSUPPORTED, "positions [2] i64 must be i32"},
    {"rope", {"f32 2 1 4", "i32 2", "f16 2 1 4"}, ROPE(1e4), WEFT_UNSUPPORTED, "out [2, 1, 4] f16 must be f32"},
    {"rope", {"f32 2 4", "i32 2", "f32 2 4"}, ROPE(1e4), WEFT_SHAPE_MISMATCH, "x [2, 4] f32 must have 3 axes"},
    {"rope",
     {"f32 2 1 4", "i32 2 1", "f32 2 1 4"},
     ROPE(1e4),
     WEFT_SHAPE_MISMATCH,
     "positions [2, 1] i32 must have 1 axis"},
    {"rope",
     {"f32 2 1 4", "i32 3", "f32 2 1 4"},
     ROPE(1e4),
     WEFT_SHAPE_MISMATCH,
     "has 2 tokens, but positions [3] i32 has"},
    {"rope",
     {"f32 2 1 4", "i32 2", "f32 2 4 1"},
     ROPE(1e4),
     WEFT_SHAPE_MISMATCH,
     "out [2, 4, 1] f32 must have the shape"},
    {"rope", {"f32 2 1 4", "i32 2", "@0+1 2 1 4"}, ROPE(1e4), WEFT_INVALID_ARGUMENT, "overlaps argument x"},
    {"rope", {"f32 2 1 4", "i32 2", "=0"}, ROPE(0), WEFT_INVALID_ARGUMENT, "theta must be positive and finite, not 0"},
    {"rope", {"f32 2 1 4", "i32 2", "=0"}, ROPE(NAN), WEFT_INVALID_ARGUMENT, "theta must be"},
    {"rope",
     {"f32 2 1 4", "i32 2", "=0"},
     ROPE_WITH(1, .rotary_dims = 3),
     WEFT_INVALID_ARGUMENT,
     "rotary_dims must be even"},
    {"rope", {"f32 2 1 4", "i32 2", "=0"}, ROPE_WITH(1, .rotary_dims = 6), WEFT_INVALID_ARGUMENT, "not 6"},
    {"rope",
     {"f32 2 1 3", "i32 2", "=0"},
     ROPE(1),
     WEFT_INVALID_ARGUMENT,
     "rotary_dims must be even and at most the 3"},
    {"rope", {"f32 2 1 4", "i32 2", "=0"}, ROPE_WITH(1, .pairing = 2), WEFT_INVALID_ARGUMENT, "pairing must be"},
    {"rope",
     {"f32 2 1 4", "i32 2", "=0"},
     ROPE_WITH(1, .pairing = 1, .pair_offset = 2),
     WEFT_INVALID_ARGUMENT,
     "pair_offset is for half-split pairs only"},
    {"rope",
     {"f32 2 1 4", "i32 2", "=0"},
     ROPE_WITH(1, .pair_offset = 1),
     WEFT_INVALID_ARGUMENT,
     "pair_offset must be from 2 to 2"},
    {"rope",
     {"f32 2 1 4", "i32 2", "=0"},
     ROPE_WITH(1, .rotary_dims = 2, .pair_offset = 4),
     WEFT_INVALID_ARGUMENT,
     "from 1 to 3"},
    {"rope",
     {"f32 2 1 4", "i32 2", "=0"},
     ROPE_WITH(1, .position_scale = -1),
     WEFT_INVALID_ARGUMENT,
     "position_scale must be"},
    {"rope", {"f32 2 1 4", "i32 2", "=0"}, NULL, WEFT_INVALID_ARGUMENT, "parameters are NULL"},
};

static const bad_call bad_contractions[] = {
    {"matmul", {"bf16 3 4", "f32 2 4", "f32 3 2"}, NULL, WEFT_UNSUPPORTED, "x [3, 4] bf16 must be f32"},
    {"matmul", {"f32 3 4", "f64 2 4", "f32 3 2"}, NULL, WEFT_UNSUPPORTED, "weight [2, 4] f64 must be f32, f16 or bf16"},
    {"matmul", {"f32 3 4", "i8 2 4", "f32 3 2"}, NULL, WEFT_UNSUPPORTED, "weight [2, 4] i8 must be f32, f16 or bf16"},
    {"matmul", {"f32 3 4", "f32 2 4", "f16 3 2"}, NULL, WEFT_UNSUPPORTED, "out [3, 2] f16 must be f32"},
    {"matmul", {"f32 3 4", "f32 8", "f32 3 2"}, NULL, WEFT_SHAPE_MISMATCH, "weight [8] f32 must have 2 axes"},
    {"matmul",
     {"f32 3 64", "bf16 10 32", "f32 3 10"},
     NULL,
     WEFT_SHAPE_MISMATCH,
     "matmul: x [3, 64] f32 has 64 columns, but weight [10, 32] bf16 has 32."},
    {"matmul",
     {"f32 3 4", "f32 2 4", "f32 3 3"},
     NULL,
     WEFT_SHAPE_MISMATCH,
     "3 columns, but weight [2, 4] f32 has 2 rows"},
    {"matmul", {"f32 3 4", "f32 2 4", "f32 4 2"}, NULL, WEFT_SHAPE_MISMATCH, "has 3 rows, but out [4, 2] f32 has 4"},
    {"matmul", {"f32 2 2", "f32 2 2", "=0"}, NULL, WEFT_INVALID_ARGUMENT, "overlaps argument x"},
    {"matmul", {"f32 2 2", "f32 2 2", "=1"}, NULL, WEFT_INVALID_ARGUMENT, "overlaps argument weight"},
    {"attention",
     {"f16 1 2 4", "f32 3 1 4", "f32 3 1 4", "f32 1 2 4"},
     ATTEND(1, 3),
     WEFT_UNSUPPORTED,
     "q [1, 2, 4] f16"},
    {"attention",
     {"f32 1 2 4", "i8 3 1 4", "i8 3 1 4", "f32 1 2 4"},
     ATTEND(1, 3),
     WEFT_UNSUPPORTED,
     "k [3, 1, 4] i8 must"},
    {"attention",
     {"f32 1 2 4", "f16 3 1 4", "u8 3 1 4", "f32 1 2 4"},
     ATTEND(1, 3),
     WEFT_UNSUPPORTED,
     "v [3, 1, 4] u8"},
    {"attention",
     {"f32 1 2 4", "f16 3 1 4", "f32 3 1 4", "f32 1 2 4"},
     ATTEND(1, 3),
     WEFT_SHAPE_MISMATCH,
     "v [3, 1, 4] f32 must have the dtype of k [3, 1, 4] f16"},
    {"attention",
     {"f32 2 4", "f32 3 1 4", "f32 3 1 4", "f32 2 4"},
     ATTEND(1, 3),
     WEFT_SHAPE_MISMATCH,
     "q [2, 4] f32 must"},
    {"attention",
     {"f32 1 2 4", "f32 3 4", "f32 3 4", "f32 1 2 4"},
     ATTEND(1, 3),
     WEFT_SHAPE_MISMATCH,
     "k [3, 4] f32 must"},
    {"attention",
     {"f32 1 2 4", "f32 3 1 4", "f32 4 1 4", "f32 1 2 4"},
     ATTEND(1, 3),
     WEFT_SHAPE_MISMATCH,
     "v [4, 1, 4] f32 must have the shape of k"},
    {"attention",
     {"f32 1 2 4", "f32 3 1 4", "f32 3 1 4", "f32 1 4 2"},
     ATTEND(1, 3),
     WEFT_SHAPE_MISMATCH,
     "out [1, 4, 2] f32 must have the shape of q"},
    {"attention",
     {"f32 1 2 4", "f32 3 1 3", "f32 3 1 3", "f32 1 2 4"},
     ATTEND(1, 3),
     WEFT_SHAPE_MISMATCH,
     "heads of q [1, 2, 4] f32 have 4 elements, but those of k [3, 1, 3] f32 have 3"},
    {"attention",
     {"f32 1 3 4", "f32 3 2 4", "f32 3 2 4", "f32 1 3 4"},
     ATTEND(1, 3),
     WEFT_SHAPE_MISMATCH,
     "the 3 heads of q [1, 3, 4] f32 must be a multiple of the 2 heads of k"},
    {"attention",
     {"f32 1 3 4", "f32 3 0 4", "f32 3 0 4", "f32 1 3 4"},
     ATTEND(1, 3),
     WEFT_SHAPE_MISMATCH,
     "must be a multiple of the 0 heads"},
    {"attention",
     {"f32 3 2 4", "f32 3 1 4", "f32 3 1 4", "f32 3 2 4"},
     ATTEND(1, 2),
     WEFT_OUT_OF_RANGE,
     "kv_length 2 does not cover the 3 queries"},
    {"attention",
     {"f32 1 2 4", "f32 3 1 4", "f32 3 1 4", "f32 1 2 4"},
     ATTEND(1, 4),
     WEFT_OUT_OF_RANGE,
     "kv_length 4 is more than the capacity 3 of k [3, 1, 4] f32"},
    {"attention",
     {"f32 1 1 4", "f32 3 1 4", "f32 3 1 4", "f32 1 1 4"},
     ATTEND(0, 3),
     WEFT_INVALID_ARGUMENT,
     "scale must"},
    {"attention",
     {"f32 1 1 4", "f32 3 1 4", "f32 3 1 4", "f32 1 1 4"},
     ATTEND(NAN, 3),
     WEFT_INVALID_ARGUMENT,
     "scale must"},
    {"attention",
     {"f32 1 1 4", "f32 3 1 4", "f32 3 1 4", "f32 1 1 4"},
     ATTEND_WITH(1, .soft_cap = -1),
     WEFT_INVALID_ARGUMENT,
     "soft_cap must be finite and not negative, not -1"},
    {"attention",
     {"f32 1 1 4", "f32 3 1 4", "f32 3 1 4", "f32 1 1 4"},
     ATTEND_WITH(1, .bidirectional = 2),
     WEFT_INVALID_ARGUMENT,
     "bidirectional must be 0 or 1, not 2"},
    {"attention",
     {"f32 1 1 4", "f32 3 1 4", "f32 3 1 4", "=0"},
     ATTEND(1, 3),
     WEFT_INVALID_ARGUMENT,
     "overlaps argument q"},
    {"attention",
     {"f32 1 1 4", "f32 3 1 4", "f32 3 1 4", "@1+2 1 1 4"},
     ATTEND(1, 1),
     WEFT_INVALID_ARGUMENT,
     "overlaps argument k"},
};

static const bad_call bad_choices[] = {
    {"softmax", {"f64 3", "f64 3"}, NULL, WEFT_UNSUPPORTED, "x [3] f64 must be f32"},
    {"softmax", {"f16 3", "f16 3"}, NULL, WEFT_UNSUPPORTED, "x [3] f16 must be f32"},
    {"softmax", {"f32 3", "f16 3"}, NULL, WEFT_UNSUPPORTED, "out [3] f16 must be f32"},
    {"softmax",
     {"f32 2 3", "f32 3 2"},
     NULL,
     WEFT_SHAPE_MISMATCH,
     "out [3, 2] f32 must have the shape of x [2, 3] f32"},
    {"softmax", {"f32 8", "@0+4 8"}, NULL, WEFT_INVALID_ARGUMENT, "overlaps argument x"},
    {"argmax", {"bf16 2 3", "i32 2"}, NULL, WEFT_UNSUPPORTED, "x [2, 3] bf16 must be f32"},
    {"argmax", {"f32 2 3", "i64 2"}, NULL, WEFT_UNSUPPORTED, "out [2] i64 must be i32"},
    {"argmax",
     {"f32 2 3", "i32 3"},
     NULL,
     WEFT_SHAPE_MISMATCH,
     "x [2, 3] f32 has 2 rows, but out [3] i32 has 3 elements"},
    {"argmax", {"f32 2 0", "i32 2"}, NULL, WEFT_SHAPE_MISMATCH, "argmax: x [2, 0] f32 has no columns to choose from"},
    {"argmax",
     {"wrap f32 0 2147483648", "i32 0"},
     NULL,
     WEFT_SHAPE_MISMATCH,
     "more columns than an i32 index can name"},
    {"top_k", {"f16 2 3", "f32 2 1", "i32 2 1"}, NULL, WEFT_UNSUPPORTED, "x [2, 3] f16 must be f32"},
    {"top_k", {"f32 2 3", "f16 2 1", "i32 2 1"}, NULL, WEFT_UNSUPPORTED, "values [2, 1] f16 must be f32"},
    {"top_k", {"f32 2 3", "f32 2 1", "u32 2 1"}, NULL, WEFT_UNSUPPORTED, "indices [2, 1] u32 must be i32"},
    {"top_k",
     {"f32 2 3", "f32 2 2", "i32 2 1"},
     NULL,
     WEFT_SHAPE_MISMATCH,
     "indices [2, 1] i32 must have the shape of val"},
    {"top_k",
     {"f32 2 3", "f32 2 4", "i32 2 4"},
     NULL,
     WEFT_SHAPE_MISMATCH,
     "values [2, 4] f32 asks for 4 of the 3 columns"},
    {"top_k", {"f32 2 3", "f32 2 0", "i32 2 0"}, NULL, WEFT_SHAPE_MISMATCH, "asks for 0 of the 3 columns"},
    {"top_k", {"f32 2 3", "f32 3 1", "i32 3 1"}, NULL, WEFT_SHAPE_MISMATCH, "has 2 rows, but values [3, 1] f32 has 3"},
    {"top_k", {"f32 2 3", "@0+2 2 1", "i32 2 1"}, NULL, WEFT_INVALID_ARGUMENT, "overlaps argument x"},
    {"sample", {"f16 2 3", "i32 2"}, SAMPLE(1), WEFT_UNSUPPORTED, "logits [2, 3] f16 must be f32"},
    {"sample", {"f32 2 3", "f32 2"}, SAMPLE(1), WEFT_UNSUPPORTED, "out [2] f32 must be i32"},
    {"sample",
     {"f32 2 3", "i32 1"},
     SAMPLE(1),
     WEFT_SHAPE_MISMATCH,
     "logits [2, 3] f32 has 2 rows, but out [1] i32 has 1"},
    {"sample", {"f32 2 0", "i32 2"}, SAMPLE(1), WEFT_SHAPE_MISMATCH, "no columns to choose from"},
    {"sample",
     {"f32 2 3", "i32 2"},
     SAMPLE(-1),
     WEFT_INVALID_ARGUMENT,
     "temperature must be finite and not negative, not"},
    {"sample", {"f32 2 3", "i32 2"}, SAMPLE(INFINITY), WEFT_INVALID_ARGUMENT, "temperature must be"},
    {"sample", {"f32 2 3", "i32 2"}, SAMPLE(NAN), WEFT_INVALID_ARGUMENT, "temperature must be"},
    {"sample",
     {"f32 2 3", "i32 2"},
     SAMPLE_WITH(1, .top_p = 1.5f),
     WEFT_INVALID_ARGUMENT,
     "top_p must be from 0 to 1, not 1.5"},
    {"sample", {"f32 2 3", "i32 2"}, SAMPLE_WITH(1, .top_p = NAN), WEFT_INVALID_ARGUMENT, "top_p must be"},
    {"sample",
     {"f32 2 3", "i32 2"},
     SAMPLE_WITH(1, .min_p = -0.5f),
     WEFT_INVALID_ARGUMENT,
     "min_p must be from 0 to 1"},
    {"sample", {"f32 2 3", "i32 2"}, NULL, WEFT_INVALID_ARGUMENT, "parameters are NULL"},
};

/* What the fused ops ask beyond what the ops ask that they are made of, and that they ask this at all. */
static const bad_call bad_fused[] = {
    {"rms_norm_mul", {"f32 3", NULL, "f32 3", "f32 3"}, NORM(0), WEFT_INVALID_ARGUMENT, "epsilon must be"},
    {"rms_norm_mul", {"f32 2 3", "f32 2", "=0", "f32 2 3"}, NORM(1), WEFT_SHAPE_MISMATCH, "innermost axes"},
    {"rms_norm_mul", {"f32 3", NULL, "f16 3", "f32 3"}, NORM(1), WEFT_UNSUPPORTED, "other [3] f16 must be f32"},
    {"rms_norm_mul", {"f32 2 3", NULL, "f32 6", "=0"}, NORM(1), WEFT_SHAPE_MISMATCH, "other [6] f32 must have the"},
    {"rms_norm_mul", {"f32 3", "f32 3", "f32 3", "=1"}, NORM(1), WEFT_INVALID_ARGUMENT, "overlaps argument weight"},
    {"rms_norm_mul", {"f32 3", NULL, "f32 3", "@2+1 3"}, NORM(1), WEFT_INVALID_ARGUMENT, "overlaps argument other"},
    {"add_rms_norm", {"f32 3", "f32 3", NULL, "f32 3", "=3"}, NORM(1), WEFT_INVALID_ARGUMENT, "overlaps argument out"},
    {"add_rms_norm", {"f32 3", "f32 3", NULL, "=0", "=0"}, NORM(1), WEFT_INVALID_ARGUMENT, "overlaps argument out"},
    {"add_rms_norm", {"f32 3", "f32 3", NULL, "f32 3", "@1+1 3"}, NORM(1), WEFT_INVALID_ARGUMENT, "argument b"},
    {"add_rms_norm", {"f32 3", "f32 4", NULL, "=0", "f32 3"}, NORM(1), WEFT_SHAPE_MISMATCH, "b [4] f32 must have"},
    {"add_rms_norm", {"f32 3", "=0", NULL, "f16 3", "f32 3"}, NORM(1), WEFT_UNSUPPORTED, "sum [3] f16 must be f32"},
    {"add_rms_norm", {"f32 3", "=0", "f32 2", "f32 3", "f32 3"}, NORM(1), WEFT_SHAPE_MISMATCH, "weight [2] f32"},
    {"rms_norm_rope", {"f32 2 1 4", NULL, "i32 2", "=0"}, TURN(0, 2), WEFT_INVALID_ARGUMENT, "epsilon must be"},
    {"rms_norm_rope", {"f32 2 1 4", NULL, "i32 2", "=0"}, TURN(1, 0), WEFT_INVALID_ARGUMENT, "theta must be"},
    {"rms_norm_rope",
     {"f32 2 4", NULL, "i32 2", "=0"},
     TURN(1, 2),
     WEFT_SHAPE_MISMATCH,
     "x [2, 4] f32 must have 3 axes"},
    {"rms_norm_rope", {"f32 2 1 4", NULL, "i32 3", "=0"}, TURN(1, 2), WEFT_SHAPE_MISMATCH, "has 2 tokens, but"},
    {"rms_norm_rope", {"f32 2 1 3", NULL, "i32 2", "=0"}, TURN(1, 2), WEFT_INVALID_ARGUMENT, "rotary_dims must be"},
    {"rms_norm_rope", {"f32 2 3 4", "f32 12", "i32 2", "=0"}, TURN(1, 2), WEFT_SHAPE_MISMATCH, "have 4 elements, but"},
    {"gate_up_silu", {"f32 3 4", "f16 2 4", "f32 2 4", "f32 3 2"}, NULL, WEFT_SHAPE_MISMATCH, "the dtype of gate_w"},
    {"gate_up_silu", {"f32 3 4", "f16 2 4", "f16 1 4", "f32 3 2"}, NULL, WEFT_SHAPE_MISMATCH, "the shape of gate_w"},
    {"gate_up_silu", {"f32 3 4", "f16 2 5", "f16 2 5", "f32 3 2"}, NULL, WEFT_SHAPE_MISMATCH, "x [3, 4] f32 has 4 co"},
    {"gate_up_silu", {"f32 3 4", "i8 2 4", "i8 2 4", "f32 3 2"}, NULL, WEFT_UNSUPPORTED, "gate_weight [2, 4] i8 must"},
    {"gate_up_silu", {"f32 2 2", "f32 2 2", "f32 2 2", "=2"}, NULL, WEFT_INVALID_ARGUMENT, "overlaps argument up_w"},
    {"gate_up_silu", {"f32 2 2", "f32 2 2", "f32 2 2", "=0"}, NULL, WEFT_INVALID_ARGUMENT, "overlaps argument x"},
};

/* ---- making the arguments and judging the refusal ---- */

/* Views of new buffers begin behind some elements of their allocation and end ahead of some. */
#define MARGIN 16u

static weft_shape read_shape(const char *text)
{
    weft_shape shape = {.rank = 0};
    while (*text) {
        char *end;
        shape.extent[shape.rank++] = strtoull(text, &end, 10);
        text = *end == ' ' ? end + 1 : end;
    }
    return shape;
}

static weft_dtype read_dtype(const char **text)
{
    for (int dtype = WEFT_F32; dtype <= WEFT_F64; dtype++) {
        const char *name = weft_dtype_name((weft_dtype)dtype);
        size_t length = strlen(name);
        if (strncmp(*text, name, length) == 0 && (*text)[length] == ' ') {
            *text += length + 1;
            return (weft_dtype)dtype;
        }
    }
    ck_abort_msg("no dtype in '%s'", *text);
    return WEFT_F32;
}

typedef struct arguments {
    weft_buffer *memories[WEFT_ARGUMENTS_MAX], *views[WEFT_ARGUMENTS_MAX];
    const weft_buffer *given[WEFT_ARGUMENTS_MAX];
} arguments;

static void make_argument(weft_device *device, const char *text, size_t i, arguments *a)
{
    static const float host[16];
    weft_error error = {0};
    weft_status status;
    if (text[0] == '=') {
        a->given[i] = a->given[text[1] - '0'];
        return;
    }
    if (text[0] == '@') {
        char *end;
        size_t offset = strtoull(text + 3, &end, 10);
        weft_shape shape = read_shape(end + 1);
        status = weft_buffer_view(a->memories[text[1] - '0'], MARGIN + offset, &shape, &a->views[i], &error);
    } else if (strncmp(text, "wrap ", 5) == 0) {
        text += 5;
        weft_dtype dtype = read_dtype(&text);
        weft_shape shape = read_shape(text);
        status = weft_buffer_wrap(device, dtype, &shape, host, NULL, NULL, &a->views[i], &error);
    } else {
        weft_dtype dtype = read_dtype(&text);
        weft_shape shape = read_shape(text), all = weft_shape_1d(weft_shape_elements(&shape) + 2 * MARGIN);
        status = weft_buffer_create(device, dtype, &all, &a->memories[i], &error);
        ck_assert_msg(status == WEFT_OK, "%s", error.message);
        status = weft_buffer_view(a->memories[i], MARGIN, &shape, &a->views[i], &error);
    }
    ck_assert_msg(status == WEFT_OK, "%s", error.message);
    a->given[i] = a->views[i];
}

static void judge_refusal(const conf_device *device, const bad_call *call, const char *who, weft_status status,
                          const weft_error *error)
{
    size_t length = strnlen(error->message, sizeof error->message);
    ck_assert_msg(status == call->status && error->code == call->status, "%s on %s: %s gave %s, not %s for '%s' (%s)",
                  call->op, device->uri, who, weft_status_name(status), weft_status_name(call->status), call->fragment,
                  error->message);
    ck_assert_msg(strstr(error->message, call->fragment), "%s on %s: %s says '%s', without '%s'", call->op, device->uri,
                  who, error->message, call->fragment);
    ck_assert_msg(length > 0 && error->message[length - 1] == '.', "%s: '%s' is no sentence", call->op, error->message);
    ck_assert_msg(strncmp(error->message, call->op, strlen(call->op)) == 0, "'%s' does not name %s", error->message,
                  call->op);
}

/* A device that does not work in host memory cannot have arguments that wrap some. */
static bool can_be_made(const conf_device *device, const bad_call *call)
{
    static const float host[1];
    const weft_shape shape = weft_shape_1d(1);
    bool wraps = false;
    for (size_t i = 0; i < WEFT_ARGUMENTS_MAX; i++)
        wraps = wraps || (call->arguments[i] && strncmp(call->arguments[i], "wrap ", 5) == 0);
    if (!wraps)
        return true;
    weft_buffer *buffer;
    weft_status status = weft_buffer_wrap(device->device, WEFT_F32, &shape, host, NULL, NULL, &buffer, NULL);
    weft_buffer_destroy(buffer);
    ck_assert(status == WEFT_OK || status == WEFT_UNSUPPORTED);
    return status == WEFT_OK;
}

static void run_bad_call(const conf_device *device, weft_encoder *encoder, const bad_call *call)
{
    const weft_op *op;
    weft_error error = {0};
    ck_assert_int_eq(weft_op_find(call->op, &op, &error), WEFT_OK);
    size_t count = weft_op_argument_count(op);
    arguments a = {{NULL}, {NULL}, {NULL}};
    for (size_t i = 0; i < count; i++)
        if (call->arguments[i])
            make_argument(device->device, call->arguments[i], i, &a);
    weft_status status = weft_encoder_dispatch(encoder, op, a.given, count, call->params, &error);
    judge_refusal(device, call, "the encoder", status, &error);
    ck_assert_uint_eq(weft_encoder_dispatch_count(encoder), 0);
    ck_assert_int_eq(weft_encoder_dispatch(encoder, op, a.given, count, call->params, NULL), call->status);
    weft_cost cost;
    error = (weft_error){0};
    status = weft_op_cost(op, a.given, count, call->params, &cost, &error);
    judge_refusal(device, call, "weft_op_cost", status, &error);
    for (size_t i = 0; i < WEFT_ARGUMENTS_MAX; i++) {
        weft_buffer_destroy(a.views[i]);
        weft_buffer_destroy(a.memories[i]);
    }
}

static const struct {
    const bad_call *calls;
    size_t count;
} tables[] = {
    {bad_elementwise, sizeof bad_elementwise / sizeof bad_elementwise[0]},
    {bad_copies, sizeof bad_copies / sizeof bad_copies[0]},
    {bad_norms, sizeof bad_norms / sizeof bad_norms[0]},
    {bad_contractions, sizeof bad_contractions / sizeof bad_contractions[0]},
    {bad_choices, sizeof bad_choices / sizeof bad_choices[0]},
    {bad_fused, sizeof bad_fused / sizeof bad_fused[0]},
};

void conf_run_bad_calls(const conf_device *device)
{
    weft_error error = {0};
    weft_encoder *encoder;
    ck_assert_int_eq(weft_encoder_create(device->device, NULL, &encoder, &error), WEFT_OK);
    for (size_t table = 0; table < sizeof tables / sizeof tables[0]; table++)
        for (size_t i = 0; i < tables[table].count; i++)
            if (can_be_made(device, &tables[table].calls[i]))
                run_bad_call(device, encoder, &tables[table].calls[i]);
    /* The encoder is as good as new. */
    ck_assert_msg(weft_encoder_commit_and_wait(encoder, NULL, &error) == WEFT_OK, "%s", error.message);
    weft_encoder_destroy(encoder);
}
