/* What each command computes, element by element. */
#include <math.h>

#include "sim/replay/kernels.h"

/* (1 + tanh(z)) / 2 = 1 / (1 + exp(-2z)), as the oracle of the devices has it. */
double weft__gelu(double x)
{
    const double root_two_over_pi = 0.79788456080286535588;
    double z = root_two_over_pi * (x + 0.044715 * x * x * x);
    return x / (1 + exp(-2 * z));
}

double weft__silu(double x)
{
    return x / (1 + exp(-x));
}

static double relu(double x)
{
    return x < 0 ? 0 : x; /* NaN stays */
}

static double greater(double a, double b)
{
    return a > b || isnan(a) ? a : b;
}

static double lesser(double a, double b)
{
    return a < b || isnan(a) ? a : b;
}

static float greater_float(float a, float b)
{
    return a > b || isnan(a) ? a : b;
}

static float lesser_float(float a, float b)
{
    return a < b || isnan(a) ? a : b;
}

static int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

static int64_t sub_saturated(int64_t a, int64_t b)
{
    int64_t difference;
    return __builtin_sub_overflow(a, b, &difference) ? (b < 0 ? INT64_MAX : INT64_MIN) : difference;
}

static int64_t mul_saturated(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? ((a < 0) == (b < 0) ? INT64_MAX : INT64_MIN) : product;
}

static int64_t greater_integer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t lesser_integer(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static weft__wide saturated(weft__wide x)
{
    return x < INT64_MIN ? INT64_MIN : x > UINT64_MAX ? UINT64_MAX : x;
}

/* Of the magnitudes, whose product 128 bits hold without a sign. */
static weft__wide mul_wide(weft__wide a, weft__wide b)
{
    __extension__ typedef unsigned __int128 magnitude;
    magnitude product = (magnitude)(a < 0 ? -a : a) * (magnitude)(b < 0 ? -b : b);
    weft__wide most = product > UINT64_MAX ? UINT64_MAX : (weft__wide)product;
    return saturated((a < 0) == (b < 0) ? most : -most);
}

static weft__wide greater_wide(weft__wide a, weft__wide b)
{
    return a > b ? a : b;
}

static weft__wide lesser_wide(weft__wide a, weft__wide b)
{
    return a < b ? a : b;
}

/* A function over arrays from an expression in x, y and z, of one type. */
#define UNARY(name, type, expression)                                                                                  \
    static void name(const type *const *inputs, type out[], size_t count)                                              \
    {                                                                                                                  \
        const type *a = inputs[0];                                                                                     \
        for (size_t i = 0; i < count; i++) {                                                                           \
            type x = a[i];                                                                                             \
            out[i] = (expression);                                                                                     \
        }                                                                                                              \
    }
#define BINARY(name, type, expression)                                                                                 \
    static void name(const type *const *inputs, type out[], size_t count)                                              \
    {                                                                                                                  \
        const type *a = inputs[0], *b = inputs[1];                                                                     \
        for (size_t i = 0; i < count; i++) {                                                                           \
            type x = a[i], y = b[i];                                                                                   \
            out[i] = (expression);                                                                                     \
        }                                                                                                              \
    }
#define TERNARY(name, type, expression)                                                                                \
    static void name(const type *const *inputs, type out[], size_t count)                                              \
    {                                                                                                                  \
        const type *a = inputs[0], *b = inputs[1], *c = inputs[2];                                                     \
        for (size_t i = 0; i < count; i++) {                                                                           \
            type x = a[i], y = b[i], z = c[i];                                                                         \
            out[i] = (expression);                                                                                     \
        }                                                                                                              \
    }

/* The same of floats, whose output is no input. */
#define FLOATS(name, expression)                                                                                       \
    static void name(const float *const *inputs, float *restrict out, size_t count)                                    \
    {                                                                                                                  \
        const float *a = inputs[0], *b = inputs[1];                                                                    \
        for (size_t i = 0; i < count; i++) {                                                                           \
            float x = a[i], y = b[i];                                                                                  \
            out[i] = (expression);                                                                                     \
        }                                                                                                              \
    }

FLOATS(add_floats, x + y)
FLOATS(sub_floats, x - y)
FLOATS(mul_floats, x *y)
FLOATS(maximum_floats, greater_float(x, y))
FLOATS(minimum_floats, lesser_float(x, y))

UNARY(cast_doubles, double, x)
UNARY(cast_integers, int64_t, x)
UNARY(cast_wides, weft__wide, x)
UNARY(neg_doubles, double, -x)
UNARY(neg_integers, int64_t, sub_saturated(0, x))
UNARY(neg_wides, weft__wide, saturated(-x))
UNARY(abs_doubles, double, fabs(x))
UNARY(abs_integers, int64_t, x < 0 ? sub_saturated(0, x) : x)
UNARY(abs_wides, weft__wide, x < 0 ? -x : x)
UNARY(relu_doubles, double, relu(x))
UNARY(relu_integers, int64_t, x < 0 ? 0 : x)
UNARY(relu_wides, weft__wide, x < 0 ? 0 : x)
UNARY(exp_doubles, double, exp(x))
UNARY(log_doubles, double, log(x))
UNARY(sqrt_doubles, double, sqrt(x))
UNARY(rsqrt_doubles, double, 1 / sqrt(x))
UNARY(reciprocal_doubles, double, 1 / x)
UNARY(tanh_doubles, double, tanh(x))
UNARY(sigmoid_doubles, double, 1 / (1 + exp(-x)))
UNARY(gelu_doubles, double, weft__gelu(x))
UNARY(silu_doubles, double, weft__silu(x))
UNARY(sin_doubles, double, sin(x))
UNARY(cos_doubles, double, cos(x))

BINARY(add_doubles, double, x + y)
BINARY(add_integers, int64_t, add_saturated(x, y))
BINARY(add_wides, weft__wide, saturated(x + y))
BINARY(sub_doubles, double, x - y)
BINARY(sub_integers, int64_t, sub_saturated(x, y))
BINARY(sub_wides, weft__wide, saturated(x - y))
BINARY(mul_doubles, double, x *y)
BINARY(mul_integers, int64_t, mul_saturated(x, y))
BINARY(mul_wides, weft__wide, mul_wide(x, y))
BINARY(div_doubles, double, x / y)
BINARY(maximum_doubles, double, greater(x, y))
BINARY(maximum_integers, int64_t, greater_integer(x, y))
BINARY(maximum_wides, weft__wide, greater_wide(x, y))
BINARY(minimum_doubles, double, lesser(x, y))
BINARY(minimum_integers, int64_t, lesser_integer(x, y))
BINARY(minimum_wides, weft__wide, lesser_wide(x, y))
BINARY(eq_doubles, double, x == y)
BINARY(eq_integers, int64_t, x == y)
BINARY(eq_wides, weft__wide, x == y)
BINARY(ne_doubles, double, x != y)
BINARY(ne_integers, int64_t, x != y)
BINARY(ne_wides, weft__wide, x != y)
BINARY(lt_doubles, double, x < y)
BINARY(lt_integers, int64_t, x < y)
BINARY(lt_wides, weft__wide, x < y)
BINARY(le_doubles, double, x <= y)
BINARY(le_integers, int64_t, x <= y)
BINARY(le_wides, weft__wide, x <= y)

TERNARY(fma_doubles, double, x *y + z)
TERNARY(fma_integers, int64_t, add_saturated(mul_saturated(x, y), z))
TERNARY(fma_wides, weft__wide, saturated(mul_wide(x, y) + z))
TERNARY(clamp_doubles, double, lesser(greater(x, y), z))
TERNARY(clamp_integers, int64_t, lesser_integer(greater_integer(x, y), z))
TERNARY(clamp_wides, weft__wide, lesser_wide(greater_wide(x, y), z))
TERNARY(where_doubles, double, x != 0 ? y : z)
TERNARY(where_integers, int64_t, x != 0 ? y : z)
TERNARY(where_wides, weft__wide, x != 0 ? y : z)

static const weft__command_row rows[] = {
    [WEFT_COMMAND_DMA_READ] = {"dma_read", WEFT__CLASS_COPY, 1, NULL, NULL, NULL},
    [WEFT_COMMAND_DMA_WRITE] = {"dma_write", WEFT__CLASS_COPY, 1, NULL, NULL, NULL},
    [WEFT_COMMAND_QUEUE_COPY] = {"queue_copy", WEFT__CLASS_COPY, 1, NULL, NULL, NULL},
    [WEFT_COMMAND_GEMM] = {"gemm", WEFT__CLASS_GEMM, 2, NULL, NULL, NULL},
    [WEFT_COMMAND_CAST] = {"cast", WEFT__CLASS_ELEMENTWISE, 1, cast_doubles, cast_integers, cast_wides},
    [WEFT_COMMAND_NEG] = {"neg", WEFT__CLASS_ELEMENTWISE, 1, neg_doubles, neg_integers, neg_wides},
    [WEFT_COMMAND_ABS] = {"abs", WEFT__CLASS_ELEMENTWISE, 1, abs_doubles, abs_integers, abs_wides},
    [WEFT_COMMAND_RELU] = {"relu", WEFT__CLASS_ELEMENTWISE, 1, relu_doubles, relu_integers, relu_wides},
    [WEFT_COMMAND_EXP] = {"exp", WEFT__CLASS_ELEMENTWISE, 1, exp_doubles, NULL, NULL},
    [WEFT_COMMAND_LOG] = {"log", WEFT__CLASS_ELEMENTWISE, 1, log_doubles, NULL, NULL},
    [WEFT_COMMAND_SQRT] = {"sqrt", WEFT__CLASS_ELEMENTWISE, 1, sqrt_doubles, NULL, NULL},
    [WEFT_COMMAND_RSQRT] = {"rsqrt", WEFT__CLASS_ELEMENTWISE, 1, rsqrt_doubles, NULL, NULL},
    [WEFT_COMMAND_RECIPROCAL] = {"reciprocal", WEFT__CLASS_ELEMENTWISE, 1, reciprocal_doubles, NULL, NULL},
    [WEFT_COMMAND_TANH] = {"tanh", WEFT__CLASS_ELEMENTWISE, 1, tanh_doubles, NULL, NULL},
    [WEFT_COMMAND_SIGMOID] = {"sigmoid", WEFT__CLASS_ELEMENTWISE, 1, sigmoid_doubles, NULL, NULL},
    [WEFT_COMMAND_GELU] = {"gelu", WEFT__CLASS_ELEMENTWISE, 1, gelu_doubles, NULL, NULL},
    [WEFT_COMMAND_SILU] = {"silu", WEFT__CLASS_ELEMENTWISE, 1, silu_doubles, NULL, NULL},
    [WEFT_COMMAND_SIN] = {"sin", WEFT__CLASS_ELEMENTWISE, 1, sin_doubles, NULL, NULL},
    [WEFT_COMMAND_COS] = {"cos", WEFT__CLASS_ELEMENTWISE, 1, cos_doubles, NULL, NULL},
    [WEFT_COMMAND_ADD] = {"add", WEFT__CLASS_ELEMENTWISE, 2, add_doubles, add_integers, add_wides},
    [WEFT_COMMAND_SUB] = {"sub", WEFT__CLASS_ELEMENTWISE, 2, sub_doubles, sub_integers, sub_wides},
    [WEFT_COMMAND_MUL] = {"mul", WEFT__CLASS_ELEMENTWISE, 2, mul_doubles, mul_integers, mul_wides},
    [WEFT_COMMAND_DIV] = {"div", WEFT__CLASS_ELEMENTWISE, 2, div_doubles, NULL, NULL},
    [WEFT_COMMAND_MAXIMUM] = {"maximum", WEFT__CLASS_ELEMENTWISE, 2, maximum_doubles, maximum_integers, maximum_wides},
    [WEFT_COMMAND_MINIMUM] = {"minimum", WEFT__CLASS_ELEMENTWISE, 2, minimum_doubles, minimum_integers, minimum_wides},
    [WEFT_COMMAND_EQ] = {"eq", WEFT__CLASS_ELEMENTWISE, 2, eq_doubles, eq_integers, eq_wides},
    [WEFT_COMMAND_NE] = {"ne", WEFT__CLASS_ELEMENTWISE, 2, ne_doubles, ne_integers, ne_wides},
    [WEFT_COMMAND_LT] = {"lt", WEFT__CLASS_ELEMENTWISE, 2, lt_doubles, lt_integers, lt_wides},
    [WEFT_COMMAND_LE] = {"le", WEFT__CLASS_ELEMENTWISE, 2, le_doubles, le_integers, le_wides},
    [WEFT_COMMAND_FMA] = {"fma", WEFT__CLASS_ELEMENTWISE, 3, fma_doubles, fma_integers, fma_wides},
    [WEFT_COMMAND_CLAMP] = {"clamp", WEFT__CLASS_ELEMENTWISE, 3, clamp_doubles, clamp_integers, clamp_wides},
    [WEFT_COMMAND_WHERE] = {"where", WEFT__CLASS_ELEMENTWISE, 3, where_doubles, where_integers, where_wides},
    [WEFT_COMMAND_SUM] = {"sum", WEFT__CLASS_REDUCTION, 1, add_doubles, add_integers, add_wides},
    [WEFT_COMMAND_MAX] = {"max", WEFT__CLASS_REDUCTION, 1, maximum_doubles, maximum_integers, maximum_wides},
    [WEFT_COMMAND_MIN] = {"min", WEFT__CLASS_REDUCTION, 1, minimum_doubles, minimum_integers, minimum_wides},
    [WEFT_COMMAND_SOFTMAX] = {"softmax", WEFT__CLASS_SOFTMAX, 1, NULL, NULL, NULL},
};

const weft__command_row *weft__command_row_of(weft_command_op op)
{
    size_t index = (size_t)op;
    return index < sizeof rows / sizeof rows[0] && rows[index].name ? &rows[index] : NULL;
}

weft__arithmetic weft__arithmetic_of(const weft__computation *kernel)
{
    bool is_integer = weft__command_row_of(kernel->op)->integers != NULL, is_wide = kernel->dtype == WEFT_U64;
    for (size_t i = 0; i < kernel->input_count; i++) {
        is_integer &= weft__dtype_is_integer(kernel->inputs[i].dtype);
        is_wide |= kernel->inputs[i].dtype == WEFT_U64;
    }
    return !is_integer ? WEFT__IN_DOUBLES : is_wide ? WEFT__IN_WIDES : WEFT__IN_INTEGERS;
}

weft__float_function *weft__floats_of(const weft__computation *kernel)
{
    static weft__float_function *const functions[] = {
        [WEFT_COMMAND_ADD] = add_floats,         [WEFT_COMMAND_SUB] = sub_floats,
        [WEFT_COMMAND_MUL] = mul_floats,         [WEFT_COMMAND_MAXIMUM] = maximum_floats,
        [WEFT_COMMAND_MINIMUM] = minimum_floats,
    };
    bool is_f32 = kernel->dtype == WEFT_F32;
    for (size_t i = 0; i < kernel->input_count; i++)
        is_f32 &= kernel->inputs[i].dtype == WEFT_F32;
    size_t index = (size_t)kernel->op;
    return is_f32 && index < sizeof functions / sizeof functions[0] ? functions[index] : NULL;
}

const char *weft_command_op_name(weft_command_op op)
{
    const weft__command_row *row = weft__command_row_of(op);
    return row ? row->name : NULL;
}
