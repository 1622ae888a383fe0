#include "sim/replay/evaluate_node.h"

#include <string.h>

#include "base/size.h"

bool weft__value_node_share(weft__values *values, weft__value_node *node)
{
    if (node->kind != WEFT__VALUE_VIEW)
        return false;
    const weft__value_node *input = weft__value_node_at(values, node->inputs[0]);
    uint64_t offset = input->buffer_offset + node->offset;
    if (offset % weft_dtype_bytes((weft_dtype)node->dtype) != 0)
        return false; /* data are aligned to their dtype */
    weft__value_data_retain(input->buffer);
    node->buffer = input->buffer;
    node->buffer_offset = offset;
    return true;
}

static void run_copy(const weft__value_node_work *work, uint64_t begin, uint64_t end, void *scratch)
{
    (void)scratch;
    const weft__value_node *input = weft__value_node_at(work->values, work->node->inputs[0]);
    memcpy(work->out + begin, weft__value_node_data(input) + work->node->offset + begin, (size_t)(end - begin));
}

/* Elements of a size that the compiler knows, which makes moves of the copies. */
#define GATHER(bytes)                                                                                                  \
    for (uint64_t i = 0; i < count; i++)                                                                               \
    memcpy(to + i * (bytes), from + i * stride, bytes)

/* An element every `stride` bytes. */
static void gather(unsigned char *restrict to, const unsigned char *restrict from, uint64_t count, uint64_t stride,
                   size_t element)
{
    switch (element) {
    case 1:
        GATHER(1);
        break;
    case 2:
        GATHER(2);
        break;
    case 4:
        GATHER(4);
        break;
    default:
        GATHER(8);
        break;
    }
}

#define TOGETHER 8u

/* Elements of two bytes, as keys of attention are. */
typedef uint16_t halves __attribute__((vector_size(2 * TOGETHER)));

/* So many rows and columns. Three times the first half of the vectors is shuffled with the second one, element by
 * element. */
static void turn_square(unsigned char *to, const unsigned char *from, uint64_t to_stride, uint64_t stride)
{
    halves at[TOGETHER], next[TOGETHER];
    for (size_t i = 0; i < TOGETHER; i++)
        memcpy(&at[i], from + i * stride, sizeof at[i]);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < TOGETHER / 2; i++) {
            next[2 * i] = __builtin_shufflevector(at[i], at[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
            next[2 * i + 1] = __builtin_shufflevector(at[i], at[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
        }
        memcpy(at, next, sizeof at);
    }
    for (size_t i = 0; i < TOGETHER; i++)
        memcpy(to + i * to_stride, &at[i], sizeof at[i]);
}

/* So many rows and columns of a transposed matrix at a time that their lines stay in the cache. */
#define TURNED_ROWS 64u
#define TURNED_COLUMNS 64u

/* Rows that begin an element apart, and whose elements are a row of theirs apart. */
static void turn(unsigned char *to, const unsigned char *from, uint64_t rows, uint64_t columns, uint64_t stride,
                 size_t element)
{
    uint64_t to_stride = columns * element;
    for (uint64_t column = 0; column < columns; column += TURNED_COLUMNS) {
        uint64_t count = columns - column < TURNED_COLUMNS ? columns - column : TURNED_COLUMNS;
        uint64_t in_squares = element == sizeof(uint16_t) && rows >= TOGETHER ? count - count % TOGETHER : 0;
        uint64_t row = 0;
        for (; in_squares && row + TOGETHER <= rows; row += TOGETHER)
            for (uint64_t i = column; i < column + in_squares; i += TOGETHER)
                turn_square(to + row * to_stride + i * element, from + i * stride + row * element, to_stride, stride);
        for (uint64_t rest = 0; rest < rows; rest++) {
            uint64_t done = rest < row ? in_squares : 0;
            gather(to + rest * to_stride + (column + done) * element, from + (column + done) * stride + rest * element,
                   count - done, stride, element);
        }
    }
}

/* Rows from one on that can be turned together: no more than are left of their matrix. */
static uint64_t rows_to_turn(const weft__value_node *node, uint64_t row, uint64_t end)
{
    const uint64_t *strides = node->extra;
    if (node->rank < 2 || strides[node->rank - 2] != weft_dtype_bytes((weft_dtype)node->dtype))
        return 1;
    uint64_t extent = node->extent[node->rank - 2], left = extent - row % extent;
    left = left < TURNED_ROWS ? left : TURNED_ROWS;
    return left < end - row ? left : end - row;
}

/* Units are rows: all but the last axis. */
static void run_strided(const weft__value_node_work *work, uint64_t begin, uint64_t end, void *scratch)
{
    (void)scratch;
    const weft__value_node *node = work->node;
    const uint64_t *strides = node->extra;
    const unsigned char *from =
        weft__value_node_data(weft__value_node_at(work->values, node->inputs[0])) + node->offset;
    size_t element = weft_dtype_bytes((weft_dtype)node->dtype);
    uint64_t columns = node->rank ? node->extent[node->rank - 1] : 1;
    uint64_t stride = node->rank ? strides[node->rank - 1] : 0;
    unsigned char *to = work->out + begin * columns * element;
    for (uint64_t row = begin, rows; row < end; row += rows) {
        uint64_t rest = row, offset = 0;
        for (uint32_t axis = node->rank; axis-- > 1;) {
            offset += rest % node->extent[axis - 1] * strides[axis - 1];
            rest /= node->extent[axis - 1];
        }
        rows = stride == element ? 1 : rows_to_turn(node, row, end);
        if (stride == element)
            memcpy(to, from + offset, (size_t)columns * element);
        else
            turn(to, from + offset, rows, columns, stride, element);
        to += rows * columns * element;
    }
}

static void run_composition(const weft__value_node_work *work, uint64_t begin, uint64_t end, void *scratch)
{
    (void)begin;
    (void)end;
    (void)scratch;
    unsigned char *to = work->out;
    const weft__value_node_part *parts = work->node->extra;
    size_t count = weft__value_node_inputs(work->node);
    for (size_t i = 0; i < count; i++) {
        const weft__value_node *part = weft__value_node_at(work->values, parts[i].slot);
        memcpy(to, weft__value_node_data(part) + parts[i].offset, (size_t)parts[i].bytes);
        to += parts[i].bytes;
    }
}

static void run_operation(const weft__value_node_work *work, uint64_t begin, uint64_t end, void *scratch)
{
    work->compute(&work->kernel, begin, end, scratch);
}

static void init_kernel(const weft__values *values, const weft__value_node *node, unsigned char *out,
                        weft__computation *kernel)
{
    kernel->op = (weft_command_op)node->op;
    kernel->dtype = (weft_dtype)node->dtype;
    kernel->shape = weft__value_node_shape(node);
    kernel->out = out;
    kernel->input_count = node->input_count;
    kernel->axis = node->axis;
    kernel->tile_k = node->epilogue_count ? node->tile_k : 0;
    kernel->epilogues = node->extra;
    kernel->epilogue_count = node->epilogue_count;
    kernel->loops = values->loops;
    for (size_t i = 0; i < node->input_count; i++) {
        const weft__value_node *input = weft__value_node_at(values, node->inputs[i]);
        kernel->inputs[i] = (weft__computation_input){.data = weft__value_node_data(input),
                                                      .dtype = (weft_dtype)input->dtype,
                                                      .shape = weft__value_node_shape(input)};
    }
}

/* How each class is cut, and what a unit of it costs. */
static void init_operation(weft__value_node_work *work, uint64_t elements)
{
    const weft__computation *kernel = &work->kernel;
    const weft_shape *first = &kernel->inputs[0].shape;
    work->run = run_operation;
    work->units = elements;
    work->unit_work = 4;
    work->least_units = WEFT__CHUNK_ELEMENTS;
    switch (weft__command_row_of(kernel->op)->kind) {
    case WEFT__CLASS_GEMM:
        work->compute = weft__compute_gemm;
        work->units = kernel->shape.extent[0];
        work->unit_work = first->extent[1] * kernel->shape.extent[1] + 1;
        work->least_units = 16;
        work->scratch_bytes = weft__gemm_scratch_bytes();
        break;
    case WEFT__CLASS_REDUCTION:
        work->compute = weft__compute_reduction;
        work->unit_work = first->extent[kernel->axis] + 1;
        work->least_units = 1;
        break;
    case WEFT__CLASS_SOFTMAX:
        work->compute = weft__compute_softmax;
        work->units = elements ? elements / first->extent[kernel->axis] : 0;
        work->unit_work = elements ? 16 * first->extent[kernel->axis] : 1;
        work->least_units = 1;
        work->scratch_bytes = weft__softmax_scratch_bytes(kernel);
        break;
    default:
        work->compute = weft__compute_elementwise;
        break;
    }
}

void weft__value_node_work_init(const weft__values *values, const weft__value_node *node, weft__value_node_work *out)
{
    weft_shape shape = weft__value_node_shape(node);
    uint64_t elements = weft_shape_elements(&shape);
    out->values = values;
    out->node = node;
    out->out = weft__value_data_bytes(node->buffer);
    out->scratch_bytes = 0;
    out->unit_work = out->least_units = 1;
    switch ((weft__value_node_kind)node->kind) {
    case WEFT__VALUE_STRIDED:
        out->run = run_strided;
        out->unit_work = node->rank ? node->extent[node->rank - 1] + 1 : 1;
        out->units = elements ? elements / (out->unit_work - (node->rank != 0)) : 0;
        break;
    case WEFT__VALUE_COMPOSITION:
        out->run = run_composition;
        out->units = 1;
        out->unit_work = node->bytes / 16 + 1;
        break;
    case WEFT__VALUE_OPERATION:
        init_kernel(values, node, out->out, &out->kernel);
        init_operation(out, elements);
        break;
    case WEFT__VALUE_CONSTANT:
    case WEFT__VALUE_VIEW:
        out->run = run_copy;
        out->units = node->bytes;
        out->least_units = 4096;
        break;
    }
}
