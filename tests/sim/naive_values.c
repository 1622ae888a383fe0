#include "naive_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dtype.h"

/* Holds all that i64 and u64 hold. A long double does too. */
__extension__ typedef __int128 integer;
__extension__ typedef unsigned __int128 magnitude;

static bool is_float(weft_dtype dtype)
{
    return weft__dtype_is_float(dtype) || dtype == WEFT_F64;
}

static integer load_integer(weft_dtype dtype, const void *data, uint64_t index)
{
    switch (dtype) {
    case WEFT_I8:
        return ((const int8_t *)data)[index];
    case WEFT_U8:
        return ((const uint8_t *)data)[index];
    case WEFT_I16:
        return ((const int16_t *)data)[index];
    case WEFT_U16:
        return ((const uint16_t *)data)[index];
    case WEFT_I32:
        return ((const int32_t *)data)[index];
    case WEFT_U32:
        return ((const uint32_t *)data)[index];
    case WEFT_U64:
        return ((const uint64_t *)data)[index];
    default:
        return ((const int64_t *)data)[index];
    }
}

double naive_load(weft_dtype dtype, const void *data, uint64_t index)
{
    if (dtype == WEFT_F64)
        return ((const double *)data)[index];
    if (is_float(dtype))
        return (double)weft__float_load(dtype, data, (size_t)index);
    return (double)load_integer(dtype, data, index);
}

static void store_integer(weft_dtype dtype, void *data, uint64_t index, integer value)
{
    static const int64_t least[] = {0, 0, 0, INT8_MIN, 0, INT16_MIN, 0, INT32_MIN, 0, INT64_MIN, 0};
    static const uint64_t most[] = {0,          0,         0,          INT8_MAX,  UINT8_MAX, INT16_MAX,
                                    UINT16_MAX, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
    if (value < least[dtype])
        value = least[dtype];
    if (value > most[dtype])
        value = most[dtype];
    size_t bytes = weft_dtype_bytes(dtype);
    memcpy((unsigned char *)data + index * bytes, &value, bytes); /* little endian, as all of Weft */
}

/* Tries the 16-bit number nearest to the f32 and the two beside it. */
static uint16_t nearest_16(weft_dtype dtype, long double value)
{
    uint16_t start = dtype == WEFT_F16 ? weft__f16_from_f32((float)value) : weft__bf16_from_f32((float)value);
    if (isnan(value) || value == 0)
        return start;
    long double top = dtype == WEFT_F16 ? 65536.0 : 0x1p128; /* what infinity stands for in rounding */
    uint16_t best = start;
    long double best_distance = HUGE_VALL;
    for (int step = -1; step <= 1; step++) {
        uint16_t bits = (uint16_t)(start + step);
        if (((bits ^ start) & 0x8000u) != 0)
            continue;
        long double candidate = naive_load(dtype, &bits, 0);
        if (isnan(candidate))
            continue;
        long double distance = isinf(value) ? (candidate == value ? 0 : HUGE_VALL)
                                            : fabsl((isinf(candidate) ? copysignl(top, candidate) : candidate) - value);
        if (distance < best_distance || (distance == best_distance && (bits & 1) == 0)) {
            best_distance = distance;
            best = bits;
        }
    }
    return best;
}

static void store_number(weft_dtype dtype, void *data, uint64_t index, long double value)
{
    if (dtype == WEFT_F64)
        ((double *)data)[index] = (double)value;
    else if (dtype == WEFT_F32)
        ((float *)data)[index] = (float)value;
    else if (is_float(dtype))
        ((uint16_t *)data)[index] = nearest_16(dtype, value);
    else if (isnan(value))
        store_integer(dtype, data, index, 0);
    else if (fabsl(value) >= 0x1p100L)
        store_integer(dtype, data, index, value < 0 ? (integer)INT64_MIN : UINT64_MAX);
    else
        store_integer(dtype, data, index, (integer)rintl(value));
}

void naive_store(weft_dtype dtype, void *data, uint64_t index, double value)
{
    store_number(dtype, data, index, value);
}

/* To any dtype. */
static void store_exact(weft_dtype dtype, void *data, uint64_t index, integer value)
{
    if (is_float(dtype))
        store_number(dtype, data, index, (long double)value);
    else
        store_integer(dtype, data, index, value);
}

bool naive_same(weft_dtype dtype, const void *a, const void *b, uint64_t index)
{
    size_t bytes = weft_dtype_bytes(dtype);
    if (memcmp((const char *)a + index * bytes, (const char *)b + index * bytes, bytes) == 0)
        return true;
    return is_float(dtype) && isnan(naive_load(dtype, a, index)) && isnan(naive_load(dtype, b, index));
}

bool naive_same_bytes(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

/* Which element of an input is broadcast to element `index` of the output. */
static uint64_t broadcast_index(const weft_shape *input, const weft_shape *output, uint64_t index)
{
    uint64_t at = 0, stride = 1;
    for (uint32_t i = 1; i <= output->rank; i++) {
        uint64_t coordinate = index % output->extent[output->rank - i];
        index /= output->extent[output->rank - i];
        if (i > input->rank)
            continue;
        uint64_t extent = input->extent[input->rank - i];
        at += (extent == 1 ? 0 : coordinate) * stride;
        stride *= extent;
    }
    return at;
}

static double nan_or(double a, double b, double otherwise)
{
    return isnan(a) ? a : isnan(b) ? b : otherwise;
}

static double gelu(double x)
{
    return x / (1 + exp(-2 * (0.79788456080286535588 * (x + 0.044715 * x * x * x))));
}

static double compute(weft_command_op op, double x, double y, double z)
{
    switch (op) {
    case WEFT_COMMAND_NEG:
        return -x;
    case WEFT_COMMAND_ABS:
        return fabs(x);
    case WEFT_COMMAND_RELU:
        return isnan(x) || x >= 0 ? x : 0;
    case WEFT_COMMAND_EXP:
        return exp(x);
    case WEFT_COMMAND_LOG:
        return log(x);
    case WEFT_COMMAND_SQRT:
        return sqrt(x);
    case WEFT_COMMAND_RSQRT:
        return 1 / sqrt(x);
    case WEFT_COMMAND_RECIPROCAL:
        return 1 / x;
    case WEFT_COMMAND_TANH:
        return tanh(x);
    case WEFT_COMMAND_SIGMOID:
        return 1 / (1 + exp(-x));
    case WEFT_COMMAND_GELU:
        return gelu(x);
    case WEFT_COMMAND_SILU:
        return x / (1 + exp(-x));
    case WEFT_COMMAND_SIN:
        return sin(x);
    case WEFT_COMMAND_COS:
        return cos(x);
    case WEFT_COMMAND_ADD:
        return x + y;
    case WEFT_COMMAND_SUB:
        return x - y;
    case WEFT_COMMAND_MUL:
        return x * y;
    case WEFT_COMMAND_DIV:
        return x / y;
    case WEFT_COMMAND_MAXIMUM:
        return nan_or(x, y, x > y ? x : y);
    case WEFT_COMMAND_MINIMUM:
        return nan_or(x, y, x < y ? x : y);
    case WEFT_COMMAND_EQ:
        return x == y;
    case WEFT_COMMAND_NE:
        return x != y;
    case WEFT_COMMAND_LT:
        return x < y;
    case WEFT_COMMAND_LE:
        return x <= y;
    case WEFT_COMMAND_FMA:
        return x * y + z;
    case WEFT_COMMAND_CLAMP: {
        double low = nan_or(x, y, x > y ? x : y);
        return nan_or(low, z, low < z ? low : z);
    }
    case WEFT_COMMAND_WHERE:
        return x != 0 ? y : z;
    default:
        return x; /* copies and casts */
    }
}

/* The ends at which integers saturate. */
typedef struct ends {
    integer least, most;
} ends;

static integer within(ends at, integer x)
{
    return x < at.least ? at.least : x > at.most ? at.most : x;
}

static integer multiply(ends at, integer x, integer y)
{
    magnitude product = (magnitude)(x < 0 ? -x : x) * (magnitude)(y < 0 ? -y : y);
    bool is_negative = (x < 0) != (y < 0);
    if (product > UINT64_MAX)
        return is_negative ? at.least : at.most;
    return within(at, is_negative ? -(integer)product : (integer)product);
}

static integer compute_integer(weft_command_op op, ends at, integer x, integer y, integer z)
{
    switch (op) {
    case WEFT_COMMAND_NEG:
        return within(at, -x);
    case WEFT_COMMAND_ABS:
        return within(at, x < 0 ? -x : x);
    case WEFT_COMMAND_RELU:
        return x > 0 ? x : 0;
    case WEFT_COMMAND_ADD:
        return within(at, x + y);
    case WEFT_COMMAND_SUB:
        return within(at, x - y);
    case WEFT_COMMAND_MUL:
        return multiply(at, x, y);
    case WEFT_COMMAND_MAXIMUM:
        return x > y ? x : y;
    case WEFT_COMMAND_MINIMUM:
        return x < y ? x : y;
    case WEFT_COMMAND_EQ:
        return x == y;
    case WEFT_COMMAND_NE:
        return x != y;
    case WEFT_COMMAND_LT:
        return x < y;
    case WEFT_COMMAND_LE:
        return x <= y;
    case WEFT_COMMAND_FMA:
        return within(at, multiply(at, x, y) + z);
    case WEFT_COMMAND_CLAMP:
        x = x > y ? x : y;
        return x < z ? x : z;
    case WEFT_COMMAND_WHERE:
        return x != 0 ? y : z;
    default:
        return x; /* copies and casts */
    }
}

/* True where integers are computed as such, which saturate there. */
static bool is_exact(const weft_command *command, ends *out)
{
    bool all = command->op != WEFT_COMMAND_DIV && command->op != WEFT_COMMAND_SOFTMAX &&
               (command->op < WEFT_COMMAND_EXP || command->op > WEFT_COMMAND_COS);
    *out = (ends){INT64_MIN, command->output.dtype == WEFT_U64 ? (integer)UINT64_MAX : INT64_MAX};
    for (size_t k = 0; k < command->input_count; k++) {
        all &= !is_float(command->inputs[k].dtype);
        if (command->inputs[k].dtype == WEFT_U64)
            out->most = UINT64_MAX;
    }
    return all;
}

static void compute_elements(const weft_command *command, void *out)
{
    uint64_t count = weft_shape_elements(&command->output.shape);
    ends at_ends;
    bool exact = is_exact(command, &at_ends);
    for (uint64_t i = 0; i < count; i++) {
        double x[3] = {0, 0, 0};
        integer n[3] = {0, 0, 0};
        for (size_t k = 0; k < command->input_count; k++) {
            const weft_tensor *input = &command->inputs[k];
            uint64_t at =
                command->op <= WEFT_COMMAND_QUEUE_COPY ? i : broadcast_index(&input->shape, &command->output.shape, i);
            if (exact)
                n[k] = load_integer(input->dtype, input->data, at);
            else
                x[k] = naive_load(input->dtype, input->data, at);
        }
        if (exact)
            store_exact(command->output.dtype, out, i, compute_integer(command->op, at_ends, n[0], n[1], n[2]));
        else
            naive_store(command->output.dtype, out, i, compute(command->op, x[0], x[1], x[2]));
    }
}

static integer reduce_integers(const weft_command *command, ends at, uint64_t first, uint64_t inner)
{
    static const weft_command_op steps[] = {WEFT_COMMAND_ADD, WEFT_COMMAND_MAXIMUM, WEFT_COMMAND_MINIMUM};
    const weft_tensor *input = &command->inputs[0];
    integer result = load_integer(input->dtype, input->data, first);
    for (uint64_t k = 1; k < input->shape.extent[command->axis]; k++) {
        integer x = load_integer(input->dtype, input->data, first + k * inner);
        result = compute_integer(steps[command->op - WEFT_COMMAND_SUM], at, result, x, 0);
    }
    return result;
}

/* Reductions and softmax. */
static void compute_lanes(const weft_command *command, void *out)
{
    const weft_tensor *input = &command->inputs[0];
    uint64_t axis = input->shape.extent[command->axis], inner = 1, count = weft_shape_elements(&input->shape);
    for (uint32_t i = command->axis + 1; i < input->shape.rank; i++)
        inner *= input->shape.extent[i];
    for (uint64_t lane = 0; axis && lane < count / axis; lane++) {
        uint64_t first = lane / inner * axis * inner + lane % inner;
        ends at_ends;
        if (is_exact(command, &at_ends)) {
            store_exact(command->output.dtype, out, lane, reduce_integers(command, at_ends, first, inner));
            continue;
        }
        bool is_sum = command->op == WEFT_COMMAND_SUM, is_min = command->op == WEFT_COMMAND_MIN;
        double result = naive_load(input->dtype, input->data, first), sum = 0;
        if (is_sum)
            result += 0; /* sums begin with it, which makes 0 of -0 */
        for (uint64_t k = 1; k < axis; k++) {
            double x = naive_load(input->dtype, input->data, first + k * inner);
            result = is_sum ? result + x : nan_or(result, x, (x < result) == is_min ? x : result);
        }
        if (command->op != WEFT_COMMAND_SOFTMAX) {
            naive_store(command->output.dtype, out, lane, result);
            continue;
        }
        for (uint64_t k = 0; k < axis; k++)
            sum += exp(naive_load(input->dtype, input->data, first + k * inner) - result);
        for (uint64_t k = 0; k < axis; k++)
            naive_store(command->output.dtype, out, first + k * inner,
                        exp(naive_load(input->dtype, input->data, first + k * inner) - result) / sum);
    }
}

static double epilogue(const weft_command *command, const weft_shape *to, bool is_k_tile, uint64_t at, double x)
{
    size_t operand = 2;
    for (size_t i = 0; i < command->epilogue_count; i++) {
        const weft_epilogue *step = &command->epilogues[i];
        bool has_operand = step->op <= WEFT_EPILOGUE_BIAS;
        double y = step->factor;
        if (has_operand && is_k_tile == (step->scope == WEFT_SCOPE_K_TILE)) {
            const weft_tensor *input = &command->inputs[operand];
            y = naive_load(input->dtype, input->data, broadcast_index(&input->shape, to, at));
        }
        operand += has_operand;
        if (is_k_tile != (step->scope == WEFT_SCOPE_K_TILE))
            continue;
        switch (step->op) {
        case WEFT_EPILOGUE_BIAS:
            x += y;
            break;
        case WEFT_EPILOGUE_RELU:
            x = compute(WEFT_COMMAND_RELU, x, 0, 0);
            break;
        case WEFT_EPILOGUE_GELU:
            x = gelu(x);
            break;
        case WEFT_EPILOGUE_SILU:
            x = compute(WEFT_COMMAND_SILU, x, 0, 0);
            break;
        default:
            x *= y;
            break;
        }
    }
    return x;
}

static bool is_unsigned(weft_dtype dtype)
{
    return !is_float(dtype) && dtype % 2 == 0; /* u8 is 4, and they take turns */
}

/* The sum over [begin, end) of k, in double, and of integers modulo 2^64 too, of whatever sign the factors have. */
static double sum_products(const weft_command *command, uint64_t begin, uint64_t end, uint64_t element, integer *out)
{
    const weft_tensor *a = &command->inputs[0], *b = &command->inputs[1];
    uint64_t k = a->shape.extent[1], n = b->shape.extent[1], wrapped = 0;
    bool exact = !is_float(a->dtype) && !is_float(b->dtype);
    double sum = 0;
    for (uint64_t step = begin; step < end; step++) {
        uint64_t at_a = element / n * k + step, at_b = step * n + element % n;
        if (exact)
            wrapped +=
                (uint64_t)load_integer(a->dtype, a->data, at_a) * (uint64_t)load_integer(b->dtype, b->data, at_b);
        else
            sum += naive_load(a->dtype, a->data, at_a) * naive_load(b->dtype, b->data, at_b);
    }
    *out = is_unsigned(a->dtype) && is_unsigned(b->dtype) ? (integer)wrapped : (int64_t)wrapped;
    return exact ? (double)*out : sum;
}

static void compute_gemm(const weft_command *command, void *out)
{
    const weft_tensor *a = &command->inputs[0], *b = &command->inputs[1];
    uint64_t m = a->shape.extent[0], k = a->shape.extent[1], n = b->shape.extent[1];
    uint64_t tile_k = k ? k : 1;
    for (size_t i = 0; i < command->epilogue_count; i++)
        if (command->epilogues[i].scope == WEFT_SCOPE_K_TILE && command->tile_k)
            tile_k = command->tile_k;
    weft_shape tiles = weft_shape_2d(tile_k ? (k + tile_k - 1) / tile_k : 0, n), output = weft_shape_2d(m, n);
    for (uint64_t i = 0; i < m * n; i++) {
        double total = 0;
        integer exact;
        if (!is_float(a->dtype) && !is_float(b->dtype) && command->epilogue_count == 0) {
            (void)sum_products(command, 0, k, i, &exact);
            store_exact(command->output.dtype, out, i, exact);
            continue;
        }
        for (uint64_t begin = 0; begin < k; begin += tile_k) {
            double sum = sum_products(command, begin, begin + tile_k < k ? begin + tile_k : k, i, &exact);
            total += epilogue(command, &tiles, true, begin / tile_k * n + i % n, sum);
        }
        naive_store(command->output.dtype, out, i, epilogue(command, &output, false, i, total));
    }
}

void naive_compute(const weft_command *command, void *out)
{
    if (command->op == WEFT_COMMAND_GEMM)
        compute_gemm(command, out);
    else if (command->op >= WEFT_COMMAND_SUM)
        compute_lanes(command, out);
    else
        compute_elements(command, out);
}
