#include "base/size.h"
#include "sim/replay/kernels.h"

/* The output as rows of `columns` elements: axes along which all inputs go on alike have become one. Strides are in
 * elements of the inputs, 0 along what is repeated; in a row they are 0 or 1. */
typedef struct loops {
    uint32_t rank; /* of the rows */
    uint64_t extent[WEFT_RANK_MAX];
    uint64_t stride[3][WEFT_RANK_MAX];
    uint64_t columns;
    uint64_t column_stride[3];
} loops;

/* All axes of the output, those of extent 1 left out; gives their number. */
static uint32_t all_axes(const weft__computation *kernel, uint64_t extent[], uint64_t stride[][WEFT_RANK_MAX])
{
    uint32_t rank = 0;
    uint64_t next[3] = {1, 1, 1};
    for (uint32_t axis = kernel->shape.rank; axis-- > 0;) { /* from the last on, which comes first in the lists */
        uint32_t from_end = kernel->shape.rank - axis;
        if (kernel->shape.extent[axis] == 1)
            continue;
        extent[rank] = kernel->shape.extent[axis];
        for (size_t i = 0; i < kernel->input_count; i++) {
            const weft_shape *own = &kernel->inputs[i].shape;
            uint64_t own_extent = from_end <= own->rank ? own->extent[own->rank - from_end] : 1;
            stride[i][rank] = own_extent == 1 ? 0 : next[i];
            next[i] *= own_extent;
        }
        rank++;
    }
    return rank;
}

static void plan_loops(const weft__computation *kernel, loops *out)
{
    uint64_t extent[WEFT_RANK_MAX] = {0}, stride[3][WEFT_RANK_MAX] = {{0}};
    uint32_t rank = all_axes(kernel, extent, stride), merged = 0;
    for (uint32_t axis = 1; axis < rank; axis++) {
        bool goes_on = true;
        for (size_t i = 0; i < kernel->input_count; i++)
            goes_on &= stride[i][axis] == stride[i][merged] * extent[merged];
        if (goes_on) {
            extent[merged] *= extent[axis];
            continue;
        }
        merged++;
        extent[merged] = extent[axis];
        for (size_t i = 0; i < kernel->input_count; i++)
            stride[i][merged] = stride[i][axis];
    }
    out->columns = rank ? extent[0] : 1;
    out->rank = rank ? merged : 0;
    for (size_t i = 0; i < kernel->input_count; i++)
        out->column_stride[i] = rank ? stride[i][0] : 0;
    for (uint32_t axis = 0; axis < out->rank; axis++) {
        out->extent[axis] = extent[axis + 1];
        for (size_t i = 0; i < kernel->input_count; i++)
            out->stride[i][axis] = stride[i][axis + 1];
    }
}

/* An 8-byte number: a double, or an integer where all are. */
typedef union number {
    double real;
    int64_t integer;
} number;

static void load(const weft__computation_input *input, bool is_integer, uint64_t first, number *out, size_t count)
{
    if (is_integer)
        weft__load_integers(input->dtype, input->data, first, &out->integer, count);
    else
        weft__load_doubles(input->dtype, input->data, first, &out->real, count);
}

static void compute_wide_chunk(const weft__computation *kernel, const uint64_t first[3], const uint64_t stride[3],
                               uint64_t at, size_t count)
{
    weft__wide buffers[3][WEFT__CHUNK_ELEMENTS];
    const weft__wide *const inputs[3] = {buffers[0], buffers[1], buffers[2]};
    for (size_t i = 0; i < kernel->input_count; i++) {
        weft__load_wides(kernel->inputs[i].dtype, kernel->inputs[i].data, first[i], buffers[i], stride[i] ? count : 1);
        for (size_t k = 1; stride[i] == 0 && k < count; k++)
            buffers[i][k] = buffers[i][0];
    }
    weft__command_row_of(kernel->op)->wides(inputs, buffers[0], count);
    weft__store_wides(kernel->dtype, kernel->out, at, buffers[0], count);
}

/* Numbers are taken from where they are, and go where they belong. */
static void compute_float_chunk(const weft__computation *kernel, weft__float_function *function,
                                const uint64_t first[3], const uint64_t stride[3], uint64_t at, size_t count)
{
    float repeated[3][WEFT__CHUNK_ELEMENTS];
    const float *inputs[3];
    for (size_t i = 0; i < kernel->input_count; i++) {
        inputs[i] = (const float *)(const void *)kernel->inputs[i].data + first[i];
        if (stride[i])
            continue;
        for (size_t k = 0; k < count; k++)
            repeated[i][k] = *inputs[i];
        inputs[i] = repeated[i];
    }
    function(inputs, (float *)(void *)kernel->out + at, count);
}

/* How a command is computed. */
typedef struct way {
    weft__arithmetic arithmetic;
    weft__float_function *floats; /* NULL: not in floats */
} way;

/* `count` elements of a row of the output, the first of which is at `at`. */
static void compute_chunk(const weft__computation *kernel, way by, const uint64_t first[3], const uint64_t stride[3],
                          uint64_t at, size_t count)
{
    const weft__command_row *row = weft__command_row_of(kernel->op);
    bool is_integer = by.arithmetic == WEFT__IN_INTEGERS;
    if (by.floats) {
        compute_float_chunk(kernel, by.floats, first, stride, at, count);
        return;
    }
    if (by.arithmetic == WEFT__IN_WIDES) {
        compute_wide_chunk(kernel, first, stride, at, count);
        return;
    }
    number buffers[3][WEFT__CHUNK_ELEMENTS];
    for (size_t i = 0; i < kernel->input_count; i++) {
        load(&kernel->inputs[i], is_integer, first[i], buffers[i], stride[i] ? count : 1);
        for (size_t k = 1; stride[i] == 0 && k < count; k++)
            buffers[i][k] = buffers[i][0];
    }
    if (is_integer) {
        const int64_t *const inputs[3] = {&buffers[0][0].integer, &buffers[1][0].integer, &buffers[2][0].integer};
        row->integers(inputs, &buffers[0][0].integer, count);
        weft__store_integers(kernel->dtype, kernel->out, at, &buffers[0][0].integer, count);
    } else {
        const double *const inputs[3] = {&buffers[0][0].real, &buffers[1][0].real, &buffers[2][0].real};
        row->doubles(inputs, &buffers[0][0].real, count);
        weft__store_doubles(kernel->dtype, kernel->out, at, &buffers[0][0].real, count);
    }
}

void weft__compute_elementwise(const weft__computation *kernel, uint64_t begin, uint64_t end, void *scratch)
{
    (void)scratch;
    loops over = {.columns = 1}; /* and no strides of inputs that it lacks */
    const way by = {weft__arithmetic_of(kernel), weft__floats_of(kernel)};
    plan_loops(kernel, &over);
    for (uint64_t at = begin; at < end && over.columns;) {
        uint64_t rest = at / over.columns, column = at % over.columns, first[3] = {0, 0, 0};
        for (uint32_t axis = 0; axis < over.rank; axis++) {
            uint64_t index = rest % over.extent[axis];
            rest /= over.extent[axis];
            for (size_t i = 0; i < 3; i++)
                first[i] += index * over.stride[i][axis];
        }
        uint64_t row_end = at - column + over.columns < end ? at - column + over.columns : end;
        while (at < row_end) {
            uint64_t from[3] = {0, 0, 0};
            for (size_t i = 0; i < 3; i++)
                from[i] = first[i] + column * over.column_stride[i];
            size_t count = weft__min_size((size_t)(row_end - at), WEFT__CHUNK_ELEMENTS);
            compute_chunk(kernel, by, from, over.column_stride, at, count);
            at += count;
            column += count;
        }
    }
}
