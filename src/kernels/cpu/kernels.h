/* The ops of the cpu device, all but matmul (kernels/cpu/matmul.h), in one table per instruction set.
 *
 * Most kernels take a range of what they are split by, so that the caller may cut a dispatch into parts, run them on
 * any threads, in any order. No result depends on the cut: the order of every sum is fixed by shape and instruction
 * set. kernels/args.h says what the arguments mean; error bounds are those of the ops. Pure functions; any thread. */
#ifndef WEFT_KERNELS_CPU_KERNELS_H
#define WEFT_KERNELS_CPU_KERNELS_H

#include "kernels/args.h"
#include "kernels/cpu/isa.h"

/* How an attention dispatch is cut. Run all tasks, each with scratch of its own; then, with the same shared memory, all
 * merge tasks. What a task needs to know is in the args alone. */
typedef struct weft__attention_plan {
    size_t tasks;
    size_t merge_tasks;   /* 0 unless the keys of one query are shared out among tasks */
    size_t scratch_bytes; /* for each task that runs at a time */
    size_t shared_bytes;  /* for the dispatch, kept from tasks to merge tasks; 0 without merge tasks */
} weft__attention_plan;

/* No size shrinks when kv_length grows, all else equal: the memory for the capacity of a cache covers every step of
 * decoding. Scratch is aligned as a pointer, shared memory as a float; 64 bytes is faster. Reads no pointer of args. */
weft__attention_plan weft__cpu_attention_plan(const weft__attention_args *args);

/* Bytes of scratch, aligned as a double, for each part of a rope dispatch. Reads no pointer of `args`. */
size_t weft__cpu_rope_scratch_bytes(const weft__rope_args *args);

typedef void weft__binary_kernel(weft_dtype dtype, const void *a, const void *b, void *out, size_t begin, size_t end);

typedef struct weft__cpu_kernels {
    weft__isa isa;

    /* Elements [begin, end) of f32, f16 or bf16 arrays. `out` may be an input. */
    weft__binary_kernel *add;
    weft__binary_kernel *mul;
    weft__binary_kernel *silu_mul; /* gate, up */
    weft__binary_kernel *gelu_mul; /* gate, up */
    void (*scale)(weft_dtype dtype, const void *x, float factor, void *out, size_t begin, size_t end);

    /* Elements [begin, end) of the box, counted in row-major order. */
    void (*copy)(const weft__copy_args *args, size_t begin, size_t end);

    /* Tokens [begin, end). Faults: WEFT__FAULT_ID; WEFT__FAULT_POSITION. */
    weft__fault (*embedding)(const weft__embedding_args *args, size_t begin, size_t end);
    weft__fault (*rope)(const weft__rope_args *args, size_t begin, size_t end, void *scratch);
    /* The norm of each head, a row of `norm`, whose out must be args->out; args->x is unused. */
    weft__fault (*rms_norm_rope)(const weft__rms_norm_args *norm, const weft__rope_args *args, size_t begin, size_t end,
                                 void *scratch);

    /* Rows [begin, end). */
    void (*rms_norm)(const weft__rms_norm_args *args, size_t begin, size_t end);
    /* The norm times `other`, as x; args->out may be x or `other`. */
    void (*rms_norm_mul)(const weft__rms_norm_args *args, const float *other, size_t begin, size_t end);
    /* First sum = a + b, all as x; then the norm of it, args->x being unused. args->out may be a or b, or the sum may.
     */
    void (*add_rms_norm)(const weft__rms_norm_args *args, const float *a, const float *b, float *sum, size_t begin,
                         size_t end);
    void (*softmax)(const float *x, float *out, size_t dims, size_t begin, size_t end); /* out may be x */

    /* Rows [begin, end); 0 < dims <= INT32_MAX, 0 < k <= dims. Faults: WEFT__FAULT_NAN. */
    weft__fault (*argmax)(const float *x, int32_t *out, size_t dims, size_t begin, size_t end);
    weft__fault (*top_k)(const float *x, float *values, int32_t *indices, size_t dims, size_t k, size_t begin,
                         size_t end);

    /* One task of weft__cpu_attention_plan(args). `shared` may be NULL without merge tasks. */
    void (*attention)(const weft__attention_args *args, size_t task, void *scratch, void *shared);
    void (*attention_merge)(const weft__attention_args *args, size_t task, void *shared);
} weft__cpu_kernels;

/* The kernels of an instruction set; NULL when this build lacks them. Whether the machine can run them is for
 * weft__isa_available to say. Sampling has no variants: weft__ref_sample serves every device of the host. */
const weft__cpu_kernels *weft__cpu_kernels_for(weft__isa isa);

extern const weft__cpu_kernels weft__cpu_kernels_scalar;
#if WEFT__X86_64
extern const weft__cpu_kernels weft__cpu_kernels_avx2;
extern const weft__cpu_kernels weft__cpu_kernels_avx512;
#endif

#endif
