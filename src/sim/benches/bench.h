/* What a bench is, and what a run of one may use.
 *
 * A bench is one file: its kernel, its keys, and a function that makes the tensors, launches the kernel and says what
 * should have come out. The function is called once for each run, with a simulation of its own: once, and with
 * perturbations once more for each of them.
 *
 * Errors are sticky: the first one is kept, and every call below does nothing after it. So a bench checks nothing; it
 * must only not look into what a call gave (tensors and arrays are NULL then). What these calls make belongs to the
 * run, which frees it. */
#ifndef WEFT_SIM_BENCHES_BENCH_H
#define WEFT_SIM_BENCHES_BENCH_H

#include <weft/collective.h>
#include <weft/sim_bench.h>

#include "base/status.h"

/* One run of a bench. */
typedef struct weft__bench_run weft__bench_run;

typedef struct weft__bench {
    const char *name;               /* "mesh-attention" */
    const char *what;               /* one sentence */
    const weft_sim_bench_key *keys; /* behind the last is one without a name */
    void (*run)(weft__bench_run *run);
} weft__bench;

/* One in each file. */
extern const weft__bench weft__bench_allreduce, weft__bench_gemm_composite, weft__bench_gemm_single_pe;
extern const weft__bench weft__bench_gpt3_qkv;
extern const weft__bench weft__bench_mesh_attention, weft__bench_mlp_tensor_parallel;
extern const weft__bench weft__bench_qkv_gemm, weft__bench_rms_norm, weft__bench_softmax;

/* The table in bench_table.c: by name, in alphabetical order; NULL behind the last. */
extern const weft__bench *const weft__benches[];

/* ---- settings ---- */

/* The value of one of the bench's own keys; of words: which. */
uint64_t weft__bench_number(const weft__bench_run *run, const char *key);

/* Tells that a key has no effect beside the others, so that it need not be shown. */
void weft__bench_leave_out(weft__bench_run *run, const char *key);

/* Words for a key that names a dtype: f16, bf16, f32; and the dtype of such a key. */
extern const char *const weft__bench_float_names[];
weft_dtype weft__bench_dtype(const weft__bench_run *run, const char *key);

/* Rows for a table of keys, with which a user chooses PEs, and the set that they make. */
#define WEFT__BENCH_PE_KEYS(sips, cubes, pes)                                                                          \
    {"sips", "SIPs that take part; 0: all.", NULL, sips, 0, 16},                                                       \
        {"cubes", "Cubes of each of these SIPs that take part; 0: all.", NULL, cubes, 0, 16},                          \
    {                                                                                                                  \
        "pes", "PEs of each of these cubes that take part; 0: all.", NULL, pes, 0, 65536                               \
    }
/* Ends the run, with the name of the key, if the machine lacks so many. */
weft_pe_set weft__bench_pe_set(weft__bench_run *run);

const weft_machine *weft__bench_machine(const weft__bench_run *run);

/* How many PEs a set has; an error if the machine lacks them, and 0 after one. */
uint32_t weft__bench_count_pes(weft__bench_run *run, const weft_pe_set *pes);

/* Ends the run, with a sentence: WEFT_INVALID_ARGUMENT for settings that do not go together, WEFT_UNSUPPORTED for a
 * machine that is too small. */
void weft__bench_fail(weft__bench_run *run, weft_status status, const char *format, ...) WEFT_COLD WEFT_PRINTF(3, 4);
bool weft__bench_has_failed(const weft__bench_run *run);

/* ---- tensors and memory ---- */

/* Where a tensor goes that has its rows, or columns, divided among these PEs in their order. */
weft_placement weft__bench_divided(weft_pe_set pes, weft_split split);

/* A tensor, unwritten; on a machine without HBM it lies in the SRAM of the cubes. `name` is for people. */
weft_placed_tensor *weft__bench_tensor(weft__bench_run *run, const char *name, weft_dtype dtype, weft_shape shape,
                                       const weft_placement *placement);

/* Fills a tensor with random numbers from -scale to scale, which the seed and the order of the tensors determine; whole
 * numbers for an integer dtype. Gives what it holds, row-major, as the kernel sees it, rounded to its dtype; NULL where
 * no values are kept. */
const double *weft__bench_fill(weft__bench_run *run, weft_placed_tensor *tensor, double scale);
/* The same with given numbers. */
const double *weft__bench_set(weft__bench_run *run, weft_placed_tensor *tensor, const double *numbers);

/* Memory for arguments of kernels, zeroed. `what` it is for is told where there is none. */
void *weft__bench_memory(weft__bench_run *run, const char *what, size_t count, size_t bytes);
/* The same for so many numbers of tensors and references; NULL where no values are kept, and nobody needs them. */
double *weft__bench_numbers(weft__bench_run *run, const char *what, size_t count);

/* A double rounded to a dtype, as a kernel's result would be, for references of kernels that round on the way. */
double weft__bench_rounded(weft_dtype dtype, double number);

/* ---- launches and what they give ---- */

/* Launches and waits. All launches together are what the bench is measured by. The name of the bench stands in for one
 * that is not given. */
void weft__bench_launch(weft__bench_run *run, const weft_launch_options *options);

/* Of all launches so far: times and counts are added up. */
const weft_launch_report *weft__bench_report(const weft__bench_run *run);

/* Useful work: 2 for a product and its addition. */
void weft__bench_add_flops(weft__bench_run *run, uint64_t flops);

/* A number of the bench's own, to be shown beside the others: "composite window", 992.0, "ns". Texts are static. */
void weft__bench_measure(weft__bench_run *run, const char *name, double number, const char *unit);

/* ---- checks ---- */

/* How far a number may be from its reference:
 *     |found - expected| <= u * (relative * |expected| + absolute)
 * where u is half a step of the tensor's dtype above 1 (2^-11 for f16, 2^-8 for bf16, 2^-24 for f32, 0 for integers).
 * A kernel that computes in double and rounds once has {1, 0}. One that rounds n times numbers as large as t has
 * {1, n * t}. Half of the smallest subnormal number comes on top, but not of {0, 0}, which is for equality. */
typedef struct weft__bench_bound {
    double relative, absolute;
} weft__bench_bound;

/* a [m, k] times b [k, n], summed up in ascending order of k as kernels do: for references. */
void weft__bench_product(const double *a, const double *b, uint64_t m, uint64_t k, uint64_t n, double *out);

/* Computes all elements of a tensor, row-major, from what it finds in `arguments`. */
typedef void weft__bench_reference(const void *arguments, double *out);

/* Compares all shards of a tensor, copies too, with its reference, and those of perturbed runs with those of the first
 * run, bit by bit. The reference is called only in the first run, and only if the bench verifies. Call it for the same
 * tensors in the same order in each run. */
void weft__bench_check(weft__bench_run *run, const char *what, weft_placed_tensor *tensor,
                       weft__bench_reference *reference, const void *arguments, weft__bench_bound bound);

#endif
