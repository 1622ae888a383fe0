/* allreduce: the sum of a tensor over PEs, for every one of them, by one of three collectives.
 *
 * A ring goes through all PEs that take part. The two others go over cubes and SIPs, and PEs with other numbers in
 * their cubes do it side by side; so with pes=1 it is one PE of each cube that takes part.
 *
 * The numbers are whole and small enough for all sums to be exact, in whatever order they come; so the check can be
 * for equality. */
#include <math.h>

#include "base/size.h"
#include "sim/benches/bench.h"

typedef enum algorithm {
    CENTRE,
    RING,
    MESH
} algorithm;

static const char *const algorithms[] = {"centre", "ring", "mesh", NULL};

typedef struct allreduce {
    algorithm algorithm;
    uint64_t elements; /* of each PE */
    uint32_t pes;
    uint32_t stride; /* from a PE to the next one of those that are summed up together */
    const weft_placed_tensor *x, *sum;
    const double *x_numbers;
    uint64_t *begin_ps, *end_ps; /* by PE */
} allreduce;

static void kernel(weft_tile *tl, const void *arguments)
{
    const allreduce *it = arguments;
    tl_tensor source = tl_shard(tl, it->x), target = tl_shard(tl, it->sum), sum;
    tl_tensor x = tl_load_tensor(tl, source);
    uint32_t me = tl_program_id(tl, TL_AXIS_ALL);
    tl_note_time(tl, &it->begin_ps[me]);
    if (it->algorithm == CENTRE)
        sum = tl_all_reduce_centre(tl, x, TL_REDUCE_SUM);
    else if (it->algorithm == RING)
        sum = tl_all_reduce_ring(tl, x, TL_REDUCE_SUM);
    else
        sum = tl_all_reduce_mesh(tl, x, TL_REDUCE_SUM);
    tl_note_time(tl, &it->end_ps[me]);
    tl_store_tensor(tl, target, sum);
}

static void reference(const void *arguments, double *out)
{
    const allreduce *it = arguments;
    for (uint32_t pe = 0; pe < it->pes; pe++)
        for (uint64_t i = 0; i < it->elements; i++) {
            double sum = 0;
            for (uint32_t other = pe % it->stride; other < it->pes; other += it->stride)
                sum += it->x_numbers[other * it->elements + i];
            out[pe * it->elements + i] = sum;
        }
}

static const weft_sim_bench_key keys[] = {
    {"algorithm", "From all sides to the centre and back, around a ring, or to a place of its own for each share.",
     algorithms, CENTRE, 0, 0},
    {"bytes", "Bytes of the tensor of each PE, a multiple of those of its dtype.", NULL, 4096, 2, 1073741824},
    {"dtype", "Of the tensor and its sum.", weft__bench_float_names, 0, 0, 0},
    WEFT__BENCH_PE_KEYS(0, 0, 1),
    {0},
};

/* Whole numbers whose sums a dtype holds. */
static const double *fill(weft__bench_run *run, weft_placed_tensor *x, const allreduce *it, weft_dtype dtype)
{
    double whole = dtype == WEFT_BF16 ? 256 : dtype == WEFT_F16 ? 2048 : 16777216;
    double most = fmax(1, fmin(floor(whole / it->pes), 1000));
    const double *random = weft__bench_fill(run, x, most);
    double *numbers = weft__bench_numbers(run, "the numbers of x", it->pes * it->elements);
    for (uint64_t i = 0; random && numbers && i < it->pes * it->elements; i++)
        numbers[i] = nearbyint(random[i]);
    return numbers ? weft__bench_set(run, x, numbers) : NULL;
}

/* From when all have their tensors to when all have the sum, and the bandwidth at which a PE sends what it must. */
static void measure(weft__bench_run *run, const allreduce *it, uint64_t bytes)
{
    uint64_t begin = 0, end = 0;
    for (uint32_t pe = 0; pe < it->pes; pe++) {
        begin = weft__max_size(begin, it->begin_ps[pe]);
        end = weft__max_size(end, it->end_ps[pe]);
    }
    double ns = (double)(end - begin) / 1000, ranks = (double)it->pes / it->stride;
    weft__bench_measure(run, "all-reduce", ns, "ns");
    if (end > begin)
        weft__bench_measure(run, "bus bandwidth", 2 * (ranks - 1) / ranks * (double)bytes / ns, "GB/s");
}

static void run(weft__bench_run *run)
{
    weft_dtype dtype = weft__bench_dtype(run, "dtype");
    allreduce it = {.algorithm = (algorithm)weft__bench_number(run, "algorithm"), .stride = 1};
    uint64_t bytes = weft__bench_number(run, "bytes"), each = weft_dtype_bytes(dtype);
    const weft_placement rows = weft__bench_divided(weft__bench_pe_set(run), WEFT_SPLIT_ROWS);
    const weft_pe_set of_cube = {.sips = 1, .cubes = 1, .pes = rows.pes.pes};
    if (bytes % each != 0)
        weft__bench_fail(run, WEFT_INVALID_ARGUMENT, "bytes=%llu are no whole elements of dtype=%s.",
                         (unsigned long long)bytes, weft_dtype_name(dtype));
    it.elements = bytes / each;
    it.pes = weft__bench_count_pes(run, &rows.pes);
    if (it.algorithm != RING)
        it.stride = weft__bench_count_pes(run, &of_cube);
    weft_shape shape = weft_shape_2d(it.pes, it.elements);
    weft_placed_tensor *x = weft__bench_tensor(run, "x", dtype, shape, &rows);
    weft_placed_tensor *sum = weft__bench_tensor(run, "sum", dtype, shape, &rows);
    it.begin_ps = weft__bench_memory(run, "the times of PEs", it.pes, sizeof *it.begin_ps);
    it.end_ps = weft__bench_memory(run, "the times of PEs", it.pes, sizeof *it.end_ps);
    it.x_numbers = fill(run, x, &it, dtype);
    it.x = x;
    it.sum = sum;

    const weft_launch_options options = {
        .kernel = kernel,
        .arguments = &it,
        .pes = rows.pes,
        .queues = it.algorithm == RING ? WEFT_QUEUES_RING : WEFT_QUEUES_CUBES | WEFT_QUEUES_SIPS,
    };
    weft__bench_launch(run, &options);
    weft__bench_add_flops(run, (it.pes - it.stride) * it.elements);
    if (!weft__bench_has_failed(run))
        measure(run, &it, bytes);
    weft__bench_check(run, "sum", sum, reference, &it, (weft__bench_bound){0, 0});
}

const weft__bench weft__bench_allreduce = {
    .name = "allreduce",
    .what = "The sum of a tensor over PEs, for every one of them.",
    .keys = keys,
    .run = run,
};
