/* Operations on elements. */
#include <inttypes.h>

#include "sim/tile/call.h"

/* ---- shapes ---- */

/* An extent of 1 goes with any other. */
static bool join(uint64_t *extent, uint64_t other)
{
    if (*extent == 1)
        *extent = other;
    return other == 1 || other == *extent;
}

weft_shape weft__tile_broadcast(weft_tile *tl, const tl_tensor *operands, uint32_t count)
{
    weft_shape shape = operands[0].shape;
    for (uint32_t i = 1; i < count; i++) {
        const weft_shape *other = &operands[i].shape;
        weft_shape joined = shape.rank >= other->rank ? shape : *other;
        const weft_shape *shorter = shape.rank >= other->rank ? other : &shape;
        bool fits = true;
        for (uint32_t axis = 1; axis <= shorter->rank && fits; axis++)
            fits = join(&joined.extent[joined.rank - axis], shorter->extent[shorter->rank - axis]);
        if (!fits) {
            char a[WEFT_SHAPE_TEXT_BYTES], b[WEFT_SHAPE_TEXT_BYTES];
            weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "Shapes %s and %s do not go together.", weft_shape_text(&shape, a),
                            weft_shape_text(other, b));
        }
        shape = joined;
    }
    return shape;
}

static void check_dtypes(weft_tile *tl, const tl_tensor *operands, uint32_t first, uint32_t count)
{
    for (uint32_t i = first + 1; i < count; i++)
        if (operands[i].dtype != operands[first].dtype)
            weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "Operands are %s and %s; cast one of them.",
                            weft_dtype_name(operands[first].dtype), weft_dtype_name(operands[i].dtype));
}

/* ---- commands ---- */

/* What an operation makes of its operands. */
typedef struct math_call {
    weft_command_op op;
    tl_tensor operands[WEFT__PLAN_INPUTS_MAX];
    uint32_t count;
    weft_shape shape; /* of the result */
    weft_dtype dtype;
    uint32_t axis;
    double low, high;
    const void *data; /* of a constant */
} math_call;

/* Into `result`. */
static tl_tensor execute_into(weft_tile *tl, const math_call *call, tl_tensor result)
{
    weft__command *command = weft__tile_begin(tl, true);
    weft__plan *plan = &command->plan;
    plan->kind = WEFT__PLAN_MATH;
    plan->op = command->op = call->op;
    plan->input_count = command->operand_count = call->count;
    plan->output = weft__tile_plan_tensor(&result);
    plan->elements = plan->output.elements;
    for (uint32_t i = 0; i < call->count; i++) {
        command->operands[i] = call->operands[i];
        plan->inputs[i] = weft__tile_plan_tensor(&call->operands[i]);
        if (plan->inputs[i].elements > plan->elements)
            plan->elements = plan->inputs[i].elements;
    }
    command->result = result;
    command->axis = call->axis;
    command->low = call->low;
    command->high = call->high;
    command->data = call->data;
    return weft__tile_execute(command);
}

static tl_tensor execute(weft_tile *tl, const math_call *call)
{
    return execute_into(tl, call, weft__tile_take(tl, call->shape, call->dtype));
}

static const char *operand_name(uint32_t index, uint32_t count)
{
    static const char *const names[] = {"Operand a", "Operand b", "Operand c"};
    return count == 1 ? "The operand" : names[index];
}

/* `first_alike` and the operands after it have one dtype, which is the result's. */
static tl_tensor element_wise(weft_tile *tl, const char *name, weft_command_op op, const tl_tensor *operands,
                              uint32_t count, uint32_t first_alike)
{
    weft__tile_enter(tl, name);
    math_call call = {.op = op, .count = count, .dtype = operands[first_alike].dtype};
    for (uint32_t i = 0; i < count; i++) {
        weft__tile_check_local(tl, &operands[i], operand_name(i, count));
        call.operands[i] = operands[i];
    }
    check_dtypes(tl, operands, first_alike, count);
    call.shape = weft__tile_broadcast(tl, operands, count);
    return execute(tl, &call);
}

#define UNARY(name, op)                                                                                                \
    tl_tensor name(weft_tile *tl, tl_tensor a)                                                                         \
    {                                                                                                                  \
        return element_wise(tl, #name, op, &a, 1, 0);                                                                  \
    }

#define BINARY(name, op)                                                                                               \
    tl_tensor name(weft_tile *tl, tl_tensor a, tl_tensor b)                                                            \
    {                                                                                                                  \
        const tl_tensor operands[] = {a, b};                                                                           \
        return element_wise(tl, #name, op, operands, 2, 0);                                                            \
    }

UNARY(tl_neg, WEFT_COMMAND_NEG)
UNARY(tl_abs, WEFT_COMMAND_ABS)
UNARY(tl_relu, WEFT_COMMAND_RELU)
UNARY(tl_exp, WEFT_COMMAND_EXP)
UNARY(tl_log, WEFT_COMMAND_LOG)
UNARY(tl_sqrt, WEFT_COMMAND_SQRT)
UNARY(tl_rsqrt, WEFT_COMMAND_RSQRT)
UNARY(tl_reciprocal, WEFT_COMMAND_RECIPROCAL)
UNARY(tl_tanh, WEFT_COMMAND_TANH)
UNARY(tl_sigmoid, WEFT_COMMAND_SIGMOID)
UNARY(tl_gelu, WEFT_COMMAND_GELU)
UNARY(tl_silu, WEFT_COMMAND_SILU)
UNARY(tl_sin, WEFT_COMMAND_SIN)
UNARY(tl_cos, WEFT_COMMAND_COS)

BINARY(tl_add, WEFT_COMMAND_ADD)
BINARY(tl_sub, WEFT_COMMAND_SUB)
BINARY(tl_mul, WEFT_COMMAND_MUL)
BINARY(tl_div, WEFT_COMMAND_DIV)
BINARY(tl_maximum, WEFT_COMMAND_MAXIMUM)
BINARY(tl_minimum, WEFT_COMMAND_MINIMUM)
BINARY(tl_eq, WEFT_COMMAND_EQ)
BINARY(tl_ne, WEFT_COMMAND_NE)
BINARY(tl_lt, WEFT_COMMAND_LT)
BINARY(tl_le, WEFT_COMMAND_LE)

tl_tensor tl_fma(weft_tile *tl, tl_tensor a, tl_tensor b, tl_tensor c)
{
    const tl_tensor operands[] = {a, b, c};
    return element_wise(tl, "tl_fma", WEFT_COMMAND_FMA, operands, 3, 0);
}

tl_tensor tl_where(weft_tile *tl, tl_tensor condition, tl_tensor b, tl_tensor c)
{
    const tl_tensor operands[] = {condition, b, c};
    return element_wise(tl, "tl_where", WEFT_COMMAND_WHERE, operands, 3, 1);
}

tl_tensor tl_clamp(weft_tile *tl, tl_tensor a, double low, double high)
{
    weft__tile_enter(tl, "tl_clamp");
    weft__tile_check_local(tl, &a, "The operand");
    const math_call call = {.op = WEFT_COMMAND_CLAMP,
                            .operands = {a},
                            .count = 1,
                            .shape = a.shape,
                            .dtype = a.dtype,
                            .low = low,
                            .high = high};
    return execute(tl, &call);
}

tl_tensor tl_cast(weft_tile *tl, tl_tensor a, weft_dtype dtype)
{
    weft__tile_enter(tl, "tl_cast");
    weft__tile_check_local(tl, &a, "The operand");
    const math_call call = {.op = WEFT_COMMAND_CAST, .operands = {a}, .count = 1, .shape = a.shape, .dtype = dtype};
    return execute(tl, &call);
}

tl_tensor tl_full(weft_tile *tl, weft_shape shape, weft_dtype dtype, double number)
{
    weft__tile_enter(tl, "tl_full");
    /* A copy of one number, which no memory holds, to every element. */
    const math_call call = {.op = WEFT_COMMAND_CAST, .shape = shape, .dtype = dtype, .low = number};
    return execute(tl, &call);
}

/* As a fill to the engines; only who keeps values looks at the data. */
tl_tensor tl_constant(weft_tile *tl, weft_shape shape, weft_dtype dtype, const void *data)
{
    weft__tile_enter(tl, "tl_constant");
    const weft__pe_recorder *recorder = weft__pes_recorder(weft__pe_owner(tl->pe));
    if (!data && recorder && recorder->peek)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "There are no elements: the data are NULL.");
    const math_call call = {.op = WEFT_COMMAND_CAST, .shape = shape, .dtype = dtype, .data = data};
    return execute(tl, &call);
}

void tl_copy(weft_tile *tl, tl_tensor place, tl_tensor tensor)
{
    char from[WEFT_SHAPE_TEXT_BYTES], to[WEFT_SHAPE_TEXT_BYTES];
    weft__tile_enter(tl, "tl_copy");
    weft__tile_check_place(tl, &place);
    weft__tile_check_local(tl, &tensor, "The tensor");
    if (place.dtype != tensor.dtype || !weft_shape_equal(&place.shape, &tensor.shape))
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "A tensor %s %s does not go to a place for %s %s.",
                        weft_dtype_name(tensor.dtype), weft_shape_text(&tensor.shape, from),
                        weft_dtype_name(place.dtype), weft_shape_text(&place.shape, to));
    const math_call call = {
        .op = WEFT_COMMAND_CAST, .operands = {tensor}, .count = 1, .shape = tensor.shape, .dtype = tensor.dtype};
    (void)execute_into(tl, &call, weft__tile_tensor(place.shape, place.dtype, TL_TCM, place.address));
}

static tl_tensor along_axis(weft_tile *tl, const char *name, weft_command_op op, tl_tensor a, uint32_t axis)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    weft__tile_enter(tl, name);
    weft__tile_check_local(tl, &a, "The operand");
    if (axis >= a.shape.rank)
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "Shape %s has no axis %" PRIu32 ".", weft_shape_text(&a.shape, text),
                        axis);
    math_call call = {.op = op, .operands = {a}, .count = 1, .shape = a.shape, .dtype = a.dtype, .axis = axis};
    if (op != WEFT_COMMAND_SOFTMAX)
        call.shape.extent[axis] = 1;
    return execute(tl, &call);
}

tl_tensor tl_sum(weft_tile *tl, tl_tensor a, uint32_t axis)
{
    return along_axis(tl, "tl_sum", WEFT_COMMAND_SUM, a, axis);
}

tl_tensor tl_max(weft_tile *tl, tl_tensor a, uint32_t axis)
{
    return along_axis(tl, "tl_max", WEFT_COMMAND_MAX, a, axis);
}

tl_tensor tl_min(weft_tile *tl, tl_tensor a, uint32_t axis)
{
    return along_axis(tl, "tl_min", WEFT_COMMAND_MIN, a, axis);
}

tl_tensor tl_softmax(weft_tile *tl, tl_tensor a, uint32_t axis)
{
    return along_axis(tl, "tl_softmax", WEFT_COMMAND_SOFTMAX, a, axis);
}
