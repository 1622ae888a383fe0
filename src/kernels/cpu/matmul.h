/* out = x times the transpose of weight, on one CPU core at a time: what the cpu device runs for weft_matmul and
 * weft_gate_up_silu.
 *
 * The caller asks how many tasks a product has, runs each of them once, in any order and on any threads, and lends each
 * thread a piece of scratch memory. Tasks write disjoint parts of `out`. How the product is cut depends on its shape
 * and on the instruction set, never on the number of threads, and no output depends on the cut.
 *
 * Order of accumulation, all in f32:
 *
 * - few rows of x ("gemv", no packing): 16 partial sums (8 for scalar and AVX2) take turns, each adds its products in
 *   the order of k, and at the end they are added as a tree. Which turn a k has depends on the weight's dtype;
 *
 * - more rows ("gemm", packed): chains of 16 products (32 from k = 192 on, 64 from 448, 128 from 1024, 256 from 2048)
 *   are each summed from zero in the order of k, and the sums of the chains are added in the order of k.
 *
 * AVX2 and AVX-512 fuse multiplication and addition, scalar rounds between them. Either way no product passes through
 * more than k / 8 + 16 roundings, so |error| <= (k / 8 + 16) 2^-24 sum |x w|, short of underflow. f16 and bf16 weights
 * are converted exactly. NaN and infinity propagate as IEEE 754 says.
 *
 * All functions may be called from any thread. Nothing is allocated. */
#ifndef WEFT_KERNELS_CPU_MATMUL_H
#define WEFT_KERNELS_CPU_MATMUL_H

#include <stddef.h>

#include <weft/types.h>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/kernels.h"

typedef struct weft__matmul_kernels weft__matmul_kernels;

typedef struct weft__matmul_args {
    weft_dtype weight_dtype; /* WEFT_F32, WEFT_F16 or WEFT_BF16 */
    size_t m;
    size_t n;
    size_t k;
    const float *x;     /* [m, k] without gaps */
    const void *weight; /* [n, k] without gaps, aligned to its elements */
    float *out;         /* [m, n] without gaps; overlaps neither x nor weight */
} weft__matmul_args;

/* The kernels of an instruction set; NULL when this build lacks them. Whether the machine can run them is for
 * weft__isa_available to say. Static storage. */
const weft__matmul_kernels *weft__matmul_kernels_for(weft__isa isa);

/* Tasks of this product: 0 when m or n is 0. Reads no pointer of `args`. */
size_t weft__matmul_tasks(const weft__matmul_kernels *kernels, const weft__matmul_args *args);

/* Bytes of scratch that each thread needs for this product, a multiple of 64; 0 for none. It never exceeds
 * WEFT__MATMUL_SCRATCH_BYTES_MAX. Reads no pointer of `args`. */
size_t weft__matmul_scratch_bytes(const weft__matmul_kernels *kernels, const weft__matmul_args *args);

#define WEFT__MATMUL_SCRATCH_BYTES_MAX ((size_t)256 * 1024)

/* Runs task number `task` < weft__matmul_tasks(). `scratch` is aligned to 64 bytes, belongs to this call alone while it
 * lasts, and may hold anything; NULL when weft__matmul_scratch_bytes() is 0. */
void weft__matmul_run(const weft__matmul_kernels *kernels, const weft__matmul_args *args, size_t task, void *scratch);

/* Two products of one x, joined element by element: out = join(x gate^T, x up^T). Neither of them is written whole.
 * Each has the bits of weft__matmul_run. */
typedef struct weft__gated_args {
    weft__matmul_args gate; /* its weight is that of the gate */
    const void *up_weight;  /* as gate.weight */
    weft__binary_kernel *join;
} weft__gated_args;

/* As of a product, and with the same rules. Scratch has room for the gates of a task besides: up to 168 KiB more. */
size_t weft__gated_tasks(const weft__matmul_kernels *kernels, const weft__gated_args *args);
size_t weft__gated_scratch_bytes(const weft__matmul_kernels *kernels, const weft__gated_args *args);
void weft__gated_run(const weft__matmul_kernels *kernels, const weft__gated_args *args, size_t task, void *scratch);

#endif
