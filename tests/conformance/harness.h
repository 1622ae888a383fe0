/* The conformance suite: every op on every device, against `ref`, with random shapes, places and data.
 *
 * A case is one call of one op: its arguments as views at odd places of larger allocations, what is in them before, and
 * the parameters, all drawn from one seed. Each device runs a case twice, with different rubbish in every byte that the
 * op does not declare as read; what it leaves behind is judged by run.c. */
#ifndef WEFT_TESTS_CONFORMANCE_HARNESS_H
#define WEFT_TESTS_CONFORMANCE_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/weft.h>

#include "base/rng.h"

typedef struct conf_case conf_case;

/* One op of the suite. */
typedef struct conf_op {
    const char *name;
    /* Draws arguments, data and parameters. */
    void (*make)(conf_case *c, weft__rng *rng);
    /* Calls the typed function of ops.h. */
    weft_status (*record)(weft_encoder *encoder, weft_buffer *const *arguments, const conf_case *c, weft_error *err);
    /* An independent evaluation of an output, to judge `ref` by; NULL where the kernels' own tests must do. */
    void (*expect)(const conf_case *c, uint32_t argument, double *expected);
    /* Judges ref's outputs where no number can be expected; returns what is wrong, or NULL. */
    const char *(*judge)(const conf_case *c, const void *const outputs[WEFT_ARGUMENTS_MAX]);
} conf_op;

/* An allocation: what it holds before the run, and which bytes the dispatch declares that it reads and writes. */
typedef struct conf_memory {
    weft_dtype dtype;
    size_t bytes;
    unsigned char *data;
    unsigned char *reads; /* 1 for each such byte */
    unsigned char *writes;
    unsigned char *before[2]; /* of the two runs: `data` where it is read, and other rubbish in each elsewhere */
} conf_memory;

typedef struct conf_argument {
    bool present;
    uint32_t memory;
    weft_dtype dtype;
    weft_shape shape;
    size_t offset_elements;
} conf_argument;

struct conf_case {
    const conf_op *op;
    const weft_op *definition;
    uint64_t seed;
    bool has_specials; /* NaN, infinities, zeros and subnormal numbers stand among the data */
    bool is_large;     /* enough work for a device to cut it up and share it out */
    uint32_t argument_count;
    conf_argument arguments[WEFT_ARGUMENTS_MAX];
    uint32_t memory_count;
    conf_memory memories[WEFT_ARGUMENTS_MAX];
    bool has_params;
    union {
        float number; /* of scale and embedding */
        weft_copy_params copy;
        weft_rms_norm_params rms_norm;
        weft_rope_params rope;
        weft_rms_norm_rope_params rms_norm_rope;
        weft_attention_params attention;
        weft_sample_params sample;
    } params;
};

/* Makes the case of a seed, and frees it. */
void conf_case_make(conf_case *c, const conf_op *op, uint64_t seed);
void conf_case_free(conf_case *c);

#define CONF_TEXT_BYTES 1024
/* "add, seed 7: a [3] f32 at 5, ..." into `text`, which is returned. */
const char *conf_case_text(const conf_case *c, char text[CONF_TEXT_BYTES]);

/* ---- for the generators ---- */

/* An extent up to `most` that is likely to lie at, or one off, the edge of a tile; 0 once in a while. */
uint64_t conf_extent(weft__rng *rng, uint64_t most);
/* The same without 0. */
uint64_t conf_extent_some(weft__rng *rng, uint64_t most);
/* conf_extent, or for a large case something near `large`. */
uint64_t conf_extent_or(const conf_case *c, weft__rng *rng, uint64_t most, uint64_t large);
/* A shape of up to 4 axes of which the last has `columns`, and the others make up about `rows`. */
weft_shape conf_rows_shape(weft__rng *rng, uint64_t rows, uint64_t columns);
/* True once in `n`. */
bool conf_one_in(weft__rng *rng, uint64_t n);
weft_dtype conf_float_dtype(weft__rng *rng);

/* An argument in an allocation of its own, at a random place. Its data are zeros until they are filled. */
void conf_place(conf_case *c, uint32_t argument, weft_dtype dtype, weft_shape shape, weft__rng *rng);
/* An argument that is exactly another one. */
void conf_place_same(conf_case *c, uint32_t argument, uint32_t as);
/* An argument in the allocation of another one, `offset_elements` behind that one's first element. */
void conf_place_within(conf_case *c, uint32_t argument, uint32_t of, weft_shape shape, size_t offset_elements);

size_t conf_elements(const conf_case *c, uint32_t argument);
void *conf_data(const conf_case *c, uint32_t argument);
/* What a float argument holds before the run. */
double conf_value(const conf_case *c, uint32_t argument, size_t index);
double conf_load(weft_dtype dtype, const void *data, size_t index);

/* Normally distributed numbers, and special ones among them if the case has them. */
void conf_fill_normal(conf_case *c, uint32_t argument, weft__rng *rng, double deviation);
/* Any bits at all. */
void conf_fill_bits(conf_case *c, uint32_t argument, weft__rng *rng);

/* ---- bounds ---- */

/* `factor` units of roundoff relative to the value, which counts as normal. */
double conf_relative(weft_dtype dtype, double value, double factor);

/* ---- running: run.c ---- */

typedef struct conf_device {
    const char *uri;
    bool has_one_thread; /* beside that of the host */
    weft_device *device; /* NULL: not on this machine */
    char group[32];      /* devices of one group give the same bits */
} conf_device;

/* Opens all devices of the table; what this machine lacks is said on stdout. */
void conf_devices_open(void);
void conf_devices_close(void);
size_t conf_device_count(void);
const conf_device *conf_device_at(size_t index);

/* Runs and judges `count` cases, recorded into one command buffer, on every device. Fails the Check test. */
void conf_run(conf_case *cases, size_t count);

/* The tables of bad calls and bad data, each against one device. */
void conf_run_bad_calls(const conf_device *device);
void conf_run_bad_data(const conf_device *device);

/* Rows of conf_ops, one file per family. */
extern const conf_op conf_add, conf_mul, conf_scale, conf_silu_mul, conf_gelu_mul, conf_copy, conf_embedding,
    conf_rms_norm, conf_rope, conf_matmul, conf_attention, conf_softmax, conf_argmax, conf_top_k, conf_sample,
    conf_rms_norm_mul, conf_add_rms_norm, conf_rms_norm_rope, conf_gate_up_silu;

#endif
