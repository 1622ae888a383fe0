#include <string.h>

#include "base/size.h"
#include "sim/replay/kernels.h"
#include "sim/replay/operation_check.h"

/* The blocks that are loaded at a time. Sums go over k in ascending order, however the work is cut. */
#define ROWS 32u
#define COLUMNS ((size_t)WEFT__LOOPS_COLUMNS)
#define DEPTH 128u

typedef union number {
    double real;
    int64_t integer;
} number;

typedef struct blocks {
    number a[ROWS * DEPTH];
    number b[DEPTH * COLUMNS];
    number partial[ROWS * COLUMNS]; /* sums over a tile of k */
    double total[ROWS * COLUMNS];
} blocks;

/* A block of the output that is being computed. */
typedef struct block {
    const weft__computation *kernel;
    blocks *at;
    uint64_t row, column;
    size_t rows, columns;
    bool is_integer, is_unsigned; /* what is summed */
} block;

size_t weft__gemm_scratch_bytes(void)
{
    return sizeof(blocks);
}

/* Rows of a block are too short for the processor to see where they lead. */
#define ROWS_AHEAD 8u
#define LINE_BYTES 64u

static void ask_for(const weft__computation_input *input, uint64_t first, size_t count)
{
    size_t element = weft_dtype_bytes(input->dtype);
    const unsigned char *from = input->data + first * element;
    for (size_t i = 0; i < count * element; i += LINE_BYTES)
        __builtin_prefetch(from + i);
}

static void load_block(const block *it, const weft__computation_input *input, uint64_t row, size_t rows,
                       uint64_t column, size_t columns, number *out)
{
    uint64_t width = input->shape.extent[1];
    for (size_t r = 0; r < rows; r++) {
        number *to = out + r * columns;
        uint64_t first = (row + r) * width + column;
        if (r + ROWS_AHEAD < rows)
            ask_for(input, first + ROWS_AHEAD * width, columns);
        if (it->is_integer)
            weft__load_integers(input->dtype, input->data, first, &to->integer, columns);
        else if (input->dtype == WEFT_F16)
            it->kernel->loops->load_f16((const uint16_t *)(const void *)input->data + first, &to->real, columns);
        else
            weft__load_doubles(input->dtype, input->data, first, &to->real, columns);
    }
}

/* sums += a * b over `depth`, modulo 2^64. */
static void add_integer_products(int64_t *restrict sums, const int64_t *restrict a, const int64_t *restrict b,
                                 size_t rows, size_t columns, size_t depth)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < depth; k++)
            for (size_t c = 0; c < columns; c++) {
                int64_t *sum = &sums[r * columns + c];
                *sum = (int64_t)((uint64_t)*sum + (uint64_t)a[r * depth + k] * (uint64_t)b[k * columns + c]);
            }
}

/* The sums over [begin, end) of k go into `partial`. */
static void sum_products(const block *it, uint64_t begin, uint64_t end)
{
    blocks *at = it->at;
    memset(at->partial, 0, it->rows * it->columns * sizeof at->partial[0]); /* 0 of both kinds */
    for (uint64_t k = begin; k < end;) {
        size_t depth = weft__min_size((size_t)(end - k), DEPTH);
        load_block(it, &it->kernel->inputs[0], it->row, it->rows, k, depth, at->a);
        load_block(it, &it->kernel->inputs[1], k, depth, it->column, it->columns, at->b);
        if (it->is_integer)
            add_integer_products(&at->partial->integer, &at->a->integer, &at->b->integer, it->rows, it->columns, depth);
        else
            it->kernel->loops->add_products(&at->partial->real, &at->a->real, &at->b->real, it->rows, it->columns,
                                            depth);
        k += depth;
    }
}

static double operand_at(const weft__computation_input *input, uint64_t row, uint64_t column)
{
    uint64_t width = input->shape.rank ? input->shape.extent[input->shape.rank - 1] : 1;
    uint64_t height = input->shape.rank > 1 ? input->shape.extent[input->shape.rank - 2] : 1;
    double value;
    weft__load_doubles(input->dtype, input->data, (height == 1 ? 0 : row * width) + (width == 1 ? 0 : column), &value,
                       1);
    return value;
}

static void apply_step(const block *it, const weft_epilogue *step, const weft__computation_input *operand,
                       bool is_k_tile, uint64_t k_tile, double *sums)
{
    for (size_t r = 0; r < it->rows; r++) {
        uint64_t operand_row = is_k_tile ? k_tile : it->row + r;
        for (size_t c = 0; c < it->columns; c++) {
            double *sum = &sums[r * it->columns + c];
            switch (step->op) {
            case WEFT_EPILOGUE_DEQUANT:
                *sum *= operand_at(operand, operand_row, it->column + c);
                break;
            case WEFT_EPILOGUE_BIAS:
                *sum += operand_at(operand, operand_row, it->column + c);
                break;
            case WEFT_EPILOGUE_SCALE:
                *sum *= step->factor;
                break;
            case WEFT_EPILOGUE_RELU:
                *sum = *sum < 0 ? 0 : *sum;
                break;
            case WEFT_EPILOGUE_GELU:
                *sum = weft__gelu(*sum);
                break;
            case WEFT_EPILOGUE_SILU:
                *sum = weft__silu(*sum);
                break;
            }
        }
    }
}

/* The steps for tiles of k, or all the others. */
static void apply_epilogues(const block *it, bool is_k_tile, uint64_t k_tile, double *sums)
{
    size_t operand = 2;
    for (size_t i = 0; i < it->kernel->epilogue_count; i++) {
        const weft_epilogue *step = &it->kernel->epilogues[i];
        if ((step->scope == WEFT_SCOPE_K_TILE) == is_k_tile)
            apply_step(it, step, &it->kernel->inputs[operand], is_k_tile, k_tile, sums);
        operand += weft__epilogue_has_operand(step->op);
    }
}

static void store_block(const block *it)
{
    uint64_t width = it->kernel->shape.extent[1];
    for (size_t r = 0; r < it->rows; r++)
        weft__store_doubles(it->kernel->dtype, it->kernel->out, (it->row + r) * width + it->column,
                            it->at->total + r * it->columns, it->columns);
}

static void store_integer_block(const block *it)
{
    uint64_t width = it->kernel->shape.extent[1];
    for (size_t r = 0; r < it->rows; r++) {
        const int64_t *sums = &it->at->partial[r * it->columns].integer;
        uint64_t first = (it->row + r) * width + it->column;
        if (!it->is_unsigned) {
            weft__store_integers(it->kernel->dtype, it->kernel->out, first, sums, it->columns);
            continue;
        }
        weft__wide wides[COLUMNS];
        for (size_t c = 0; c < it->columns; c++)
            wides[c] = (uint64_t)sums[c];
        weft__store_wides(it->kernel->dtype, it->kernel->out, first, wides, it->columns);
    }
}

static double sum_to_double(const block *it, int64_t sum)
{
    return it->is_unsigned ? (double)(uint64_t)sum : (double)sum;
}

/* Of two such dtypes, sums of products are never negative. */
static bool is_unsigned(weft_dtype dtype)
{
    return dtype == WEFT_U8 || dtype == WEFT_U16 || dtype == WEFT_U32 || dtype == WEFT_U64;
}

static void compute_block(const block *it, uint64_t tile_k)
{
    uint64_t k = it->kernel->inputs[0].shape.extent[1];
    size_t elements = it->rows * it->columns;
    if (it->is_integer && it->kernel->epilogue_count == 0) {
        sum_products(it, 0, k);
        store_integer_block(it);
        return;
    }
    for (size_t i = 0; i < elements; i++)
        it->at->total[i] = 0;
    for (uint64_t begin = 0, tile = 0; begin < k; tile++) {
        uint64_t end = tile_k < k - begin ? begin + tile_k : k;
        number *partial = it->at->partial;
        sum_products(it, begin, end);
        for (size_t i = 0; it->is_integer && i < elements; i++)
            partial[i].real = sum_to_double(it, partial[i].integer);
        apply_epilogues(it, true, tile, &partial->real);
        for (size_t i = 0; i < elements; i++)
            it->at->total[i] += partial[i].real;
        begin = end;
    }
    apply_epilogues(it, false, 0, it->at->total);
    store_block(it);
}

void weft__compute_gemm(const weft__computation *kernel, uint64_t begin, uint64_t end, void *scratch)
{
    block it = {.kernel = kernel, .at = scratch};
    uint64_t width = kernel->shape.extent[1], tile_k = UINT64_MAX;
    it.is_integer = weft__dtype_is_integer(kernel->inputs[0].dtype) && weft__dtype_is_integer(kernel->inputs[1].dtype);
    it.is_unsigned = is_unsigned(kernel->inputs[0].dtype) && is_unsigned(kernel->inputs[1].dtype);
    for (size_t i = 0; i < kernel->epilogue_count; i++)
        if (kernel->epilogues[i].scope == WEFT_SCOPE_K_TILE)
            tile_k = kernel->tile_k;
    for (uint64_t column = 0; column < width; column += it.columns) {
        it.column = column;
        it.columns = weft__min_size((size_t)(width - column), COLUMNS);
        for (uint64_t row = begin; row < end; row += it.rows) {
            it.row = row;
            it.rows = weft__min_size((size_t)(end - row), ROWS);
            compute_block(&it, tile_k);
        }
    }
}
