/* How a product is cut into tasks, and the loops around the kernels of one instruction set.
 *
 * Few rows of x ("gemv"): a task is a range of columns of `out`, that is of rows of the weight, each of which is read
 * once, straight from where it lies.
 *
 * Many rows ("gemm"): a task owns a block of rows and a range of columns of `out`, and walks k in blocks. For each
 * block it packs its rows of x once (they stay in the second-level cache), then packs the weights one register tile's
 * width at a time and multiplies while these are close by. So tasks share nothing and need no barrier between packing
 * and multiplying. The price is that x is packed once per range of columns, and the weights once per block of rows: at
 * 168 rows by 256 columns, about a twentieth of the time. A block has rows enough that prompts of up to 168 tokens pack
 * each weight only once. */
#include "kernels/cpu/matmul.h"

#include <stdalign.h>
#include <string.h>

#include "base/size.h"
#include "kernels/cpu/matmul_kernels.h"

enum {
    K_BLOCK = 256,               /* a multiple of every chain length */
    BLOCK_ROWS_MAX = 168,        /* 168 x 256 floats of x are 168 KiB */
    RANGE_COLUMNS_MAX = 256,     /* a multiple of every tile width */
    TASKS_WANTED = 32,           /* two for each of 16 threads */
    TASK_PRODUCTS_MIN = 1 << 18, /* some microseconds: far more than handing out a task costs */
    GEMV_TASKS_WANTED = 64,      /* more, because memory serves threads unevenly */
    GEMV_TASK_PRODUCTS_MIN = 1 << 14,
    GEMV_COLUMNS_STEP = 16, /* a cache line of out: threads do not write to one another's */
    GATED_PRODUCTS = 2048,  /* 8 KiB of them */
    SCRATCH_ALIGNMENT = 64
};

/* Chain lengths that keep length + k / length <= k / 8 + 16, longest first: long chains store their sums less often. */
static const struct {
    size_t k_min;
    size_t length;
} chains[] = {{2048, 256}, {1024, 128}, {448, 64}, {192, 32}, {0, 16}};

typedef struct plan {
    bool is_gemv;
    size_t columns; /* per task; the last range may have fewer */
    size_t row_blocks;
    size_t tasks;
} plan;

static const weft__matmul_kernels *const tables[WEFT__ISA_COUNT] = {
    [WEFT__ISA_SCALAR] = &weft__matmul_scalar,
#if WEFT__X86_64
    [WEFT__ISA_AVX2] = &weft__matmul_avx2,
    [WEFT__ISA_AVX512] = &weft__matmul_avx512,
#endif
};

const weft__matmul_kernels *weft__matmul_kernels_for(weft__isa isa)
{
    size_t index = (size_t)isa;
    return index < WEFT__ISA_COUNT ? tables[index] : NULL;
}

static size_t ceil_div(size_t a, size_t b)
{
    return (size_t)weft__ceil_div(a, b);
}

static void plan_gemv(const weft__matmul_args *args, plan *out)
{
    size_t products_per_column = weft__max_size(args->m * args->k, 1);
    size_t enough_work = ceil_div(GEMV_TASK_PRODUCTS_MIN, products_per_column);
    size_t columns = weft__max_size(enough_work, ceil_div(args->n, GEMV_TASKS_WANTED));
    out->is_gemv = true;
    out->columns = ceil_div(columns, GEMV_COLUMNS_STEP) * GEMV_COLUMNS_STEP;
    out->row_blocks = 1;
}

static void plan_gemm(const weft__matmul_kernels *kernels, const weft__matmul_args *args, plan *out)
{
    size_t row_blocks = ceil_div(args->m, BLOCK_ROWS_MAX);
    size_t rows = ceil_div(args->m, row_blocks);
    size_t tiles = ceil_div(args->n, kernels->tile_columns);
    size_t tile_products_per_k = rows * kernels->tile_columns;
    size_t enough_work = ceil_div(ceil_div(TASK_PRODUCTS_MIN, tile_products_per_k), args->k);
    size_t balanced = ceil_div(tiles, ceil_div(TASKS_WANTED, row_blocks));
    size_t most = RANGE_COLUMNS_MAX / kernels->tile_columns;
    size_t tiles_per_task = weft__min_size(weft__max_size(enough_work, balanced), most);
    out->is_gemv = false;
    out->columns = tiles_per_task * kernels->tile_columns;
    out->row_blocks = row_blocks;
}

static plan plan_of(const weft__matmul_kernels *kernels, const weft__matmul_args *args)
{
    plan result = {.row_blocks = 1};
    if (args->m == 0 || args->n == 0)
        return result;
    if (args->m <= kernels->gemv_rows_max[args->weight_dtype] || args->k == 0)
        plan_gemv(args, &result);
    else
        plan_gemm(kernels, args, &result);
    result.tasks = result.row_blocks * ceil_div(args->n, result.columns);
    return result;
}

size_t weft__matmul_tasks(const weft__matmul_kernels *kernels, const weft__matmul_args *args)
{
    return plan_of(kernels, args).tasks;
}

/* Floats of the packed x of a block; packing writes a whole vector for the last column, and a register tile follows. */
static size_t packed_x_elements(const weft__matmul_kernels *kernels, size_t rows, size_t k)
{
    size_t elements = rows * weft__min_size(k, K_BLOCK) + kernels->lanes;
    return ceil_div(elements, SCRATCH_ALIGNMENT) * SCRATCH_ALIGNMENT;
}

size_t weft__matmul_scratch_bytes(const weft__matmul_kernels *kernels, const weft__matmul_args *args)
{
    plan cut = plan_of(kernels, args);
    if (cut.tasks == 0 || cut.is_gemv)
        return 0;
    size_t rows = ceil_div(args->m, cut.row_blocks);
    size_t packed_weight = weft__min_size(args->k, K_BLOCK) * kernels->tile_columns;
    size_t elements = packed_x_elements(kernels, rows, args->k) + packed_weight;
    return ceil_div(elements * sizeof(float), SCRATCH_ALIGNMENT) * SCRATCH_ALIGNMENT;
}

/* A part of the product: rows and columns of out, and a block of k. */
typedef struct span {
    size_t begin;
    size_t end;
} span;

/* Part `index` of [0, size) cut evenly into `parts`. */
static span part_of(size_t size, size_t parts, size_t index)
{
    size_t whole = size / parts;
    size_t longer = size % parts;
    size_t begin = index * whole + weft__min_size(index, longer);
    return (span){begin, begin + whole + (index < longer)};
}

static void pack_x(const weft__matmul_kernels *kernels, const weft__matmul_args *args, span rows, span k, float *to)
{
    size_t tiles = ceil_div(rows.end - rows.begin, kernels->tile_rows);
    for (size_t tile = 0; tile < tiles; ++tile) {
        span part = part_of(rows.end - rows.begin, tiles, tile);
        size_t height = part.end - part.begin;
        const float *from = args->x + (rows.begin + part.begin) * args->k + k.begin;
        kernels->pack[WEFT_F32](from, args->k, height, k.end - k.begin, to, height);
        to += height * (k.end - k.begin);
    }
}

static void pack_weight(const weft__matmul_kernels *kernels, const weft__matmul_args *args, const void *weight,
                        span columns, span k, float *to)
{
    weft__pack_function *pack = kernels->pack[args->weight_dtype];
    size_t element_bytes = weft_dtype_bytes(args->weight_dtype);
    for (size_t lane = 0; lane < kernels->tile_columns; lane += kernels->lanes) {
        /* Lanes past the last column repeat it; their products are dropped. */
        size_t column = weft__min_size(columns.begin + lane, columns.end - 1);
        size_t count = weft__min_size(columns.end - column, kernels->lanes);
        const char *from = (const char *)weight + (column * args->k + k.begin) * element_bytes;
        pack(from, args->k, count, k.end - k.begin, to + lane, kernels->tile_columns);
    }
}

static void copy_rows(const float *from, size_t from_stride, float *to, size_t to_stride, size_t rows, size_t columns)
{
    for (size_t row = 0; row < rows; ++row)
        memcpy(to + row * to_stride, from + row * from_stride, columns * sizeof(float));
}

/* One of the products that a task makes of its rows of x: with which weight, and the place of its first row and column.
 */
typedef struct target {
    const void *weight;
    float *out;
    size_t out_stride;
} target;

/* All rows of a block times one tile's width of packed weights, to `out`. */
static void multiply_strip(const weft__matmul_kernels *kernels, size_t rows, size_t width, span k, size_t chain,
                           const float *packed_x, const float *packed_weight, float *out, size_t out_stride)
{
    /* A kernel writes whole tiles; in the last strip, what lies beyond the last column of out is not ours to touch. */
    alignas(SCRATCH_ALIGNMENT) float edge[WEFT__MATMUL_TILE_ROWS_MAX * WEFT__MATMUL_TILE_COLUMNS_MAX] = {0};
    size_t tiles = ceil_div(rows, kernels->tile_rows);
    bool add = k.begin > 0;
    for (size_t tile = 0; tile < tiles; ++tile) {
        span part = part_of(rows, tiles, tile);
        size_t height = part.end - part.begin;
        float *to = out + part.begin * out_stride;
        weft__tile_function *multiply = kernels->tile[height - 1];
        if (width == kernels->tile_columns) {
            multiply(packed_x, packed_weight, k.end - k.begin, chain, add, to, out_stride);
        } else {
            if (add)
                copy_rows(to, out_stride, edge, kernels->tile_columns, height, width);
            multiply(packed_x, packed_weight, k.end - k.begin, chain, add, edge, kernels->tile_columns);
            copy_rows(edge, kernels->tile_columns, to, out_stride, height, width);
        }
        packed_x += height * (k.end - k.begin);
    }
}

static size_t chain_length(size_t k)
{
    size_t row = 0;
    while (k < chains[row].k_min)
        ++row;
    return chains[row].length;
}

/* The rows and columns of out that belong to a task. */
static void ranges_of(const weft__matmul_args *args, const plan *cut, size_t task, span *rows, span *columns)
{
    *rows = part_of(args->m, cut->row_blocks, task % cut->row_blocks);
    columns->begin = task / cut->row_blocks * cut->columns;
    columns->end = weft__min_size(columns->begin + cut->columns, args->n);
}

/* Each block of x is packed once for all products. */
static void run_gemm(const weft__matmul_kernels *kernels, const weft__matmul_args *args, span rows, span all_columns,
                     const target *targets, size_t target_count, float *scratch)
{
    size_t chain = chain_length(args->k), height = rows.end - rows.begin;
    float *packed_weight = scratch + packed_x_elements(kernels, height, args->k);
    for (size_t k_begin = 0; k_begin < args->k; k_begin += K_BLOCK) {
        span k = {k_begin, weft__min_size(k_begin + K_BLOCK, args->k)};
        pack_x(kernels, args, rows, k, scratch);
        for (size_t begin = all_columns.begin; begin < all_columns.end; begin += kernels->tile_columns) {
            span columns = {begin, weft__min_size(begin + kernels->tile_columns, all_columns.end)};
            for (const target *to = targets; to < targets + target_count; ++to) {
                pack_weight(kernels, args, to->weight, columns, k, packed_weight);
                multiply_strip(kernels, height, columns.end - begin, k, chain, scratch, packed_weight,
                               to->out + (begin - all_columns.begin), to->out_stride);
            }
        }
    }
}

/* Without k. */
static void clear(const weft__matmul_args *args, span columns)
{
    for (size_t row = 0; row < args->m; ++row)
        memset(args->out + row * args->n + columns.begin, 0, (columns.end - columns.begin) * sizeof(float));
}

void weft__matmul_run(const weft__matmul_kernels *kernels, const weft__matmul_args *args, size_t task, void *scratch)
{
    plan cut = plan_of(kernels, args);
    span rows, columns;
    ranges_of(args, &cut, task, &rows, &columns);
    if (args->k == 0) { /* x and weight are empty and may be NULL */
        clear(args, columns);
        return;
    }
    if (cut.is_gemv) {
        kernels->gemv[args->weight_dtype](args->x, args->m, args->k, args->weight, columns.begin, columns.end,
                                          args->out, args->n);
        return;
    }
    const target to = {args->weight, args->out + rows.begin * args->n + columns.begin, args->n};
    run_gemm(kernels, args, rows, columns, &to, 1, scratch);
}

/* ---- gated ---- */

/* The columns that are joined at a time. The products of all rows with a few columns stay in the first-level cache; the
 * packed ones are of a whole task. */
static size_t gated_columns(const weft__matmul_args *args, const plan *cut)
{
    if (!cut->is_gemv)
        return cut->columns;
    size_t few = GATED_PRODUCTS / args->m / GEMV_COLUMNS_STEP * GEMV_COLUMNS_STEP;
    return weft__min_size(cut->columns, weft__max_size(few, GEMV_COLUMNS_STEP));
}

size_t weft__gated_tasks(const weft__matmul_kernels *kernels, const weft__gated_args *args)
{
    return weft__matmul_tasks(kernels, &args->gate);
}

size_t weft__gated_scratch_bytes(const weft__matmul_kernels *kernels, const weft__gated_args *args)
{
    plan cut = plan_of(kernels, &args->gate);
    if (cut.tasks == 0 || args->gate.k == 0)
        return 0;
    size_t gates = ceil_div(args->gate.m, cut.row_blocks) * gated_columns(&args->gate, &cut);
    return ceil_div(gates * sizeof(float), SCRATCH_ALIGNMENT) * SCRATCH_ALIGNMENT +
           weft__matmul_scratch_bytes(kernels, &args->gate);
}

/* Rows and columns of out, where the other factor is already. */
static void join(const weft__gated_args *args, const float *gates, float *out, size_t rows, size_t columns)
{
    for (size_t row = 0; row < rows; ++row) {
        float *to = out + row * args->gate.n;
        args->join(WEFT_F32, gates + row * columns, to, to, 0, columns);
    }
}

void weft__gated_run(const weft__matmul_kernels *kernels, const weft__gated_args *args, size_t task, void *scratch)
{
    const weft__matmul_args *gate = &args->gate;
    plan cut = plan_of(kernels, gate);
    span rows, columns;
    ranges_of(gate, &cut, task, &rows, &columns);
    if (gate->k == 0) {
        clear(gate, columns);
        return;
    }
    size_t scratch_bytes = weft__matmul_scratch_bytes(kernels, gate);
    float *gates = (float *)(void *)((char *)scratch + scratch_bytes);
    if (!cut.is_gemv) {
        float *out = gate->out + rows.begin * gate->n + columns.begin;
        const size_t width = columns.end - columns.begin;
        const target to[2] = {{gate->weight, gates, width}, {args->up_weight, out, gate->n}};
        run_gemm(kernels, gate, rows, columns, to, 2, scratch);
        join(args, gates, out, rows.end - rows.begin, width);
        return;
    }
    weft__gemv_function *gemv = kernels->gemv[gate->weight_dtype];
    const size_t row_bytes = gate->k * weft_dtype_bytes(gate->weight_dtype);
    for (size_t begin = columns.begin, width; begin < columns.end; begin += width) {
        width = weft__min_size(gated_columns(gate, &cut), columns.end - begin);
        const char *weight = (const char *)gate->weight + begin * row_bytes;
        gemv(gate->x, gate->m, gate->k, weight, 0, width, gates, width);
        gemv(gate->x, gate->m, gate->k, args->up_weight, begin, begin + width, gate->out, gate->n);
        join(args, gates, gate->out + begin, gate->m, width);
    }
}
