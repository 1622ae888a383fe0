/* What an op is made of: the definition that src/ops fills in and every device reads, and the dispatch record that the
 * encoder makes of a call. */
#ifndef WEFT_RUNTIME_OP_IMPL_H
#define WEFT_RUNTIME_OP_IMPL_H

#include <weft/op.h>

/* Ops have indices below this, so that a registry is a plain array. */
#define WEFT__OPS_MAX 64

typedef struct weft_dispatch weft_dispatch;

/* Takes the byte ranges of one argument's accesses, one by one, counted from the first byte of that argument. */
typedef struct weft__range_sink {
    void (*take)(struct weft__range_sink *sink, uint64_t begin_bytes, uint64_t end_bytes);
} weft__range_sink;

typedef struct weft__argument {
    const char *name;
    weft_role role;
    bool optional; /* may be NULL */
} weft__argument;

struct weft_op {
    const char *name;
    uint32_t index; /* place in the list of ops, below WEFT__OPS_MAX */
    uint32_t argument_count;
    weft__argument arguments[WEFT_ARGUMENTS_MAX];
    uint32_t params_bytes;
    /* Bit i: an output may be exactly argument i, if that has the same bytes and dtype. Every other overlap of a
     * written argument with another argument is refused by the encoder. */
    uint32_t in_place;
    bool checks_overlap_itself; /* `check` does what the encoder would do, by ranges finer than whole arguments */
    /* Shapes, dtypes and parameters; never data. The encoder has already checked counts, NULLs, devices and overlaps.
     */
    weft_status (*check)(const weft_dispatch *dispatch, weft_error *err);
    /* Flops only, or NULL for none; bytes follow from the ranges, unless `bytes` tells. */
    uint64_t (*flops)(const weft_dispatch *dispatch);
    /* How many bytes of an argument move where data, which nobody looks at here, say which of its ranges they are.
     * NULL, or returning false: all of the ranges. */
    bool (*bytes)(const weft_dispatch *dispatch, uint32_t argument, uint64_t *out_bytes);
    /* The exact bytes that an argument's access touches; NULL, or returning false: the whole argument. */
    bool (*ranges)(const weft_dispatch *dispatch, uint32_t argument, weft__range_sink *sink);
};

/* One recorded call. Lives in the arena of its command buffer; arguments are retained by the command buffer. */
struct weft_dispatch {
    const weft_op *op;
    const struct weft__kernel *kernel;                /* of the device, ready */
    const char *label;                                /* or NULL */
    const void *params;                               /* op->params_bytes bytes, aligned for any type */
    uint32_t index;                                   /* within the command buffer */
    uint32_t barriers_before;                         /* barriers recorded ahead of it in the command buffer */
    const weft_buffer *arguments[WEFT_ARGUMENTS_MAX]; /* op->argument_count are set */
};

/* Is this a call of `op` at all: the right number of arguments, and parameters if it has any? */
weft_status weft__call_check(const weft_op *op, size_t argument_count, const void *params, weft_error *err);

/* Everything that can be wrong with a dispatch before it runs: NULLs, devices, read-only outputs, overlaps, and then
 * the op's own check. Only op, params and arguments need be set. */
weft_status weft__dispatch_check(const weft_dispatch *dispatch, const weft_device *device, weft_error *err);

/* Calls sink->take for every range of an argument, whole or exact; empty ranges are left out. */
void weft__dispatch_ranges(const weft_dispatch *dispatch, uint32_t argument, weft__range_sink *sink);

/* Flops and bytes of a dispatch. */
void weft__dispatch_cost(const weft_dispatch *dispatch, weft_cost *out);

#endif
