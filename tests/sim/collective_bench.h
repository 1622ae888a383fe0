/* Collectives on the PEs of a machine, for suites: a tensor for each PE, the collective over them, and what they gave;
 * and the same in plain C. */
#ifndef WEFT_TESTS_SIM_COLLECTIVE_BENCH_H
#define WEFT_TESTS_SIM_COLLECTIVE_BENCH_H

#include "naive_values.h"
#include "simulation_bench.h"

#include <weft/collective.h>

#include "base/dtype.h"
#include "base/rng.h"

#define ALL_QUEUES (WEFT_QUEUES_CUBES | WEFT_QUEUES_PES | WEFT_QUEUES_SIPS | WEFT_QUEUES_RING | WEFT_QUEUES_TREE)

typedef enum collective {
    ALL_REDUCE_RING,
    ALL_REDUCE_CENTRE,
    ALL_REDUCE_MESH,
    ALL_GATHER,
    REDUCE_SCATTER,
    BROADCAST,
    ALL_REDUCE_TREE,
    ALL_REDUCE
} collective;

/* A collective to be tried. */
typedef struct trial {
    collective which;
    tl_reduction reduction;
    uint32_t root;
    weft_pe_set pes;
    uint32_t group_size, group_stride; /* as in weft_launch_options */
    uint32_t queues;                   /* the same; 0: all there are */
    weft_dtype dtype;
    uint64_t rows, columns; /* of each PE's tensor */
    bool is_strided;        /* the operand is a transposition */
    const void *data;       /* of all PEs, one behind another */
} trial;

typedef struct trial_work {
    const trial *it;
    weft_placed_tensor *in, *kept, *out;
} trial_work;

static inline tl_tensor call_collective(weft_tile *tl, const trial *it, tl_tensor x)
{
    switch (it->which) {
    case ALL_REDUCE_RING:
        return tl_all_reduce_ring(tl, x, it->reduction);
    case ALL_REDUCE_CENTRE:
        return tl_all_reduce_centre(tl, x, it->reduction);
    case ALL_REDUCE_MESH:
        return tl_all_reduce_mesh(tl, x, it->reduction);
    case ALL_REDUCE_TREE:
        return tl_all_reduce_tree(tl, x, it->reduction);
    case ALL_REDUCE:
        return tl_all_reduce(tl, x, it->reduction);
    case ALL_GATHER:
        return tl_all_gather(tl, x);
    case REDUCE_SCATTER:
        return tl_reduce_scatter(tl, x, it->reduction);
    default:
        return tl_broadcast(tl, x, it->root);
    }
}

static inline void trial_kernel(weft_tile *tl, const void *arguments)
{
    const trial_work *work = arguments;
    const trial *it = work->it;
    tl_tensor from = tl_shard(tl, work->in), to = tl_shard(tl, work->out), kept = tl_shard(tl, work->kept);
    tl_tensor x = tl_load(tl, from.address, from.shape, from.dtype), operand = x;
    if (it->is_strided) {
        weft_shape turned = weft_shape_2d(x.shape.extent[1], x.shape.extent[0]);
        tl_tensor copy = tl_empty(tl, turned, x.dtype);
        tl_copy(tl, copy, tl_trans(tl, x));
        operand = tl_trans(tl, copy);
    }
    uint64_t mark = (tl_mark(tl) + 63) / 64 * 64;
    tl_tensor result = call_collective(tl, it, operand);
    /* Nothing but the result is left in scratch memory. */
    if (result.address != operand.address)
        ck_assert_uint_eq(tl_mark(tl), mark + weft_shape_elements(&result.shape) * weft_dtype_bytes(result.dtype));
    ck_assert(weft_shape_equal(&result.shape, &to.shape));
    tl_store(tl, to.address, result);
    tl_store(tl, kept.address, x);
}

/* Runs a trial; `out` gets the results of all PEs, one behind another, of so many rows each. Gives the report. */
static inline weft_launch_report run_trial(const simulation_bench *bench, const trial *it, uint64_t out_rows, void *out)
{
    weft_error err;
    uint32_t pes;
    WEFT_TEST_ASSERT_OK(weft_machine_count_pes(bench->machine, &it->pes, &pes, &err), err);
    const weft_placement placement = {it->pes, WEFT_SPLIT_ROWS, WEFT_SPLIT_ROWS, WEFT_SPLIT_ROWS, WEFT_HOME_HBM};
    weft_shape in = weft_shape_2d(it->rows * pes, it->columns), results = weft_shape_2d(out_rows * pes, it->columns);
    uint64_t bytes = it->rows * pes * it->columns * weft_dtype_bytes(it->dtype);
    trial_work work = {it, make_tensor(bench, it->dtype, in, placement), make_tensor(bench, it->dtype, in, placement),
                       make_tensor(bench, it->dtype, results, placement)};
    set_tensor(work.in, it->data, bytes);
    const weft_launch_options options = {
        .kernel = trial_kernel,
        .arguments = &work,
        .pes = it->pes,
        .queues = it->queues ? it->queues : ALL_QUEUES,
        .group_size = it->group_size,
        .group_stride = it->group_stride,
    };
    weft_launch_report report = run_launch(bench, &options);
    if (out) {
        void *kept = malloc(bytes);
        get_tensor(work.kept, kept, bytes);
        ck_assert(naive_same_bytes(kept, it->data, bytes)); /* operands stay as they are */
        free(kept);
        get_tensor(work.out, out, out_rows * pes * it->columns * weft_dtype_bytes(it->dtype));
    }
    weft_placed_tensor_destroy(work.in);
    weft_placed_tensor_destroy(work.kept);
    weft_placed_tensor_destroy(work.out);
    return report;
}

/* ---- data ---- */

/* Numbers of all sizes; with special ones of floats in between, if they are wanted. */
static inline void *random_data(weft__rng *rng, weft_dtype dtype, uint64_t count, bool has_special)
{
    size_t bytes = weft_dtype_bytes(dtype);
    bool is_float = weft__dtype_is_float(dtype) || dtype == WEFT_F64;
    static const double special[] = {(double)INFINITY, -(double)INFINITY, (double)NAN, -0.0, 0x1p-140, 65504, 3e38};
    unsigned char *data = malloc(count * bytes);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bits = weft__rng_next_u64(rng);
        double number = ldexp((double)(int64_t)bits, -63 + (int)weft__rng_below(rng, 12));
        if (has_special && weft__rng_below(rng, 8) == 0)
            number = special[weft__rng_below(rng, sizeof special / sizeof special[0])];
        if (is_float)
            naive_store(dtype, data, i, number);
        else
            memcpy(data + i * bytes, &bits, bytes);
    }
    return data;
}

/* ---- the same in plain C ---- */

/* a = the reduction of a and b, rounded. */
static inline void reduce_plainly(tl_reduction reduction, weft_dtype dtype, void *a, const void *b, uint64_t count)
{
    static const weft_command_op ops[] = {WEFT_COMMAND_ADD, WEFT_COMMAND_MAXIMUM, WEFT_COMMAND_MINIMUM};
    size_t bytes = (size_t)count * weft_dtype_bytes(dtype);
    void *result = malloc(bytes);
    const weft_tensor inputs[] = {{.dtype = dtype, .shape = weft_shape_1d(count), .data = a},
                                  {.dtype = dtype, .shape = weft_shape_1d(count), .data = b}};
    const weft_command command = {.op = ops[reduction],
                                  .inputs = inputs,
                                  .input_count = 2,
                                  .output = {.dtype = dtype, .shape = weft_shape_1d(count)}};
    naive_compute(&command, result);
    memcpy(a, result, bytes);
    free(result);
}

#endif
