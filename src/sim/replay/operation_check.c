#include "sim/replay/operation_check.h"

#include "base/size.h"
#include "base/status.h"

/* An operation that is being checked. */
typedef struct check {
    const weft__operation *operation;
    const weft__value_info *inputs;
    const weft__command_row *row;
    weft_error *err;
} check;

bool weft__epilogue_has_operand(weft_epilogue_op op)
{
    return op == WEFT_EPILOGUE_DEQUANT || op == WEFT_EPILOGUE_BIAS;
}

static weft_status mismatch(const check *it, const weft__value_info *input, const char *what)
{
    char text[2][WEFT_SHAPE_TEXT_BYTES];
    return weft__fail(it->err, WEFT_SHAPE_MISMATCH, "Command %s %s: input %s %s, output %s %s.", it->row->name, what,
                      weft_dtype_name(input->dtype), weft_shape_text(&input->shape, text[0]),
                      weft_dtype_name(it->operation->dtype), weft_shape_text(&it->operation->shape, text[1]));
}

static weft_status check_copy(const check *it)
{
    if (it->inputs[0].dtype != it->operation->dtype ||
        weft_shape_elements(&it->inputs[0].shape) != weft_shape_elements(&it->operation->shape))
        return mismatch(it, &it->inputs[0], "keeps dtype and elements");
    return WEFT_OK;
}

/* The extent of an input at an axis of the output, with 1 for those it lacks. */
static uint64_t extent_at(const weft_shape *input, const weft_shape *output, uint32_t axis)
{
    uint32_t lacking = output->rank - input->rank;
    return axis < lacking ? 1 : input->extent[axis - lacking];
}

static bool is_broadcast_to(const weft_shape *input, const weft_shape *output)
{
    if (input->rank > output->rank)
        return false;
    for (uint32_t axis = 0; axis < output->rank; axis++) {
        uint64_t extent = extent_at(input, output, axis);
        if (extent != 1 && extent != output->extent[axis])
            return false;
    }
    return true;
}

static weft_status check_elementwise(const check *it)
{
    const weft_shape *output = &it->operation->shape;
    for (size_t i = 0; i < it->row->inputs; i++)
        if (!is_broadcast_to(&it->inputs[i].shape, output))
            return mismatch(it, &it->inputs[i], "cannot broadcast an input to its output");
    for (uint32_t axis = 0; axis < output->rank; axis++) {
        bool is_given = output->extent[axis] == 1;
        for (size_t i = 0; i < it->row->inputs; i++)
            is_given |= extent_at(&it->inputs[i].shape, output, axis) == output->extent[axis];
        if (!is_given)
            return mismatch(it, &it->inputs[0], "has an output that no input is as large as");
    }
    return WEFT_OK;
}

static weft_status check_axis(const check *it)
{
    if (it->operation->axis < it->inputs[0].shape.rank)
        return WEFT_OK;
    return weft__fail(it->err, WEFT_INVALID_ARGUMENT, "Command %s goes along axis %u of an input of rank %u.",
                      it->row->name, it->operation->axis, it->inputs[0].shape.rank);
}

static weft_status check_reduction(const check *it)
{
    weft_status status = check_axis(it);
    if (status != WEFT_OK)
        return status;
    uint32_t axis = it->operation->axis;
    weft_shape kept = it->inputs[0].shape, dropped = {.rank = kept.rank - 1};
    kept.extent[axis] = 1;
    for (uint32_t i = 0; i < dropped.rank; i++)
        dropped.extent[i] = kept.extent[i + (i >= axis)];
    if (!weft_shape_equal(&it->operation->shape, &kept) && !weft_shape_equal(&it->operation->shape, &dropped))
        return mismatch(it, &it->inputs[0], "makes an extent of 1 of its axis, or none");
    return WEFT_OK;
}

static weft_status check_softmax(const check *it)
{
    weft_status status = check_axis(it);
    if (status == WEFT_OK && !weft_shape_equal(&it->inputs[0].shape, &it->operation->shape))
        return mismatch(it, &it->inputs[0], "keeps the shape");
    return status;
}

static weft_status check_epilogues(const check *it)
{
    const weft__operation *gemm = it->operation;
    size_t operand = 2;
    for (size_t i = 0; i < gemm->epilogue_count; i++) {
        const weft_epilogue *step = &gemm->epilogues[i];
        bool is_k_tile = step->scope == WEFT_SCOPE_K_TILE;
        if ((unsigned)step->op > WEFT_EPILOGUE_SILU || (unsigned)step->scope > WEFT_SCOPE_KERNEL)
            return weft__fail(it->err, WEFT_INVALID_ARGUMENT,
                              "Epilogue %zu has op %d and scope %d, which are not both known.", i, (int)step->op,
                              (int)step->scope);
        if (is_k_tile && gemm->tile_k == 0)
            return weft__fail(it->err, WEFT_INVALID_ARGUMENT, "Epilogue %zu is for tiles of k, and tile_k is 0.", i);
        if (!weft__epilogue_has_operand(step->op))
            continue;
        if (operand >= gemm->input_count)
            return weft__fail(it->err, WEFT_INVALID_ARGUMENT, "Epilogue %zu needs an operand, and gemm has %zu inputs.",
                              i, gemm->input_count);
        weft_shape wanted = gemm->shape;
        if (is_k_tile)
            wanted.extent[0] = weft__ceil_div(it->inputs[0].shape.extent[1], gemm->tile_k);
        if (!is_broadcast_to(&it->inputs[operand].shape, &wanted))
            return mismatch(it, &it->inputs[operand], "cannot broadcast the operand of an epilogue");
        operand++;
    }
    if (operand != gemm->input_count)
        return weft__fail(it->err, WEFT_INVALID_ARGUMENT, "Command gemm has %zu inputs, and uses %zu.",
                          gemm->input_count, operand);
    return WEFT_OK;
}

static weft_status check_gemm(const check *it)
{
    const weft_shape *a = &it->inputs[0].shape, *b = &it->inputs[1].shape, *output = &it->operation->shape;
    if (a->rank != 2 || b->rank != 2 || output->rank != 2 || a->extent[1] != b->extent[0] ||
        output->extent[0] != a->extent[0] || output->extent[1] != b->extent[1]) {
        char text[3][WEFT_SHAPE_TEXT_BYTES];
        return weft__fail(it->err, WEFT_SHAPE_MISMATCH, "Command gemm cannot make %s of %s and %s.",
                          weft_shape_text(output, text[0]), weft_shape_text(a, text[1]), weft_shape_text(b, text[2]));
    }
    return check_epilogues(it);
}

static weft_status check_shapes(const check *it)
{
    switch (it->row->kind) {
    case WEFT__CLASS_COPY:
        return check_copy(it);
    case WEFT__CLASS_GEMM:
        return check_gemm(it);
    case WEFT__CLASS_ELEMENTWISE:
        return check_elementwise(it);
    case WEFT__CLASS_REDUCTION:
        return check_reduction(it);
    case WEFT__CLASS_SOFTMAX:
        return check_softmax(it);
    case WEFT__CLASS_NONE:
        break;
    }
    return weft__fail(it->err, WEFT_INTERNAL, "Command %s has no class.", it->row->name);
}

weft_status weft__operation_check(const weft__operation *operation, const weft__value_info *inputs,
                                  const weft__command_row **out_row, weft_error *err)
{
    const weft__command_row *row = weft__command_row_of(operation->op);
    *out_row = row;
    if (!row)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A command has op %d, which is none.", (int)operation->op);
    bool is_gemm = row->kind == WEFT__CLASS_GEMM;
    if (is_gemm ? operation->input_count < 2 || operation->input_count > WEFT_COMMAND_INPUTS_MAX
                : operation->input_count != row->inputs)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Command %s has %zu inputs instead of %zu%s.", row->name,
                          operation->input_count, row->inputs, is_gemm ? " and the operands of its epilogues" : "");
    if (operation->epilogue_count > (is_gemm ? WEFT_COMMAND_EPILOGUES_MAX : 0))
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Command %s has %zu epilogues, %d are allowed.", row->name,
                          operation->epilogue_count, is_gemm ? WEFT_COMMAND_EPILOGUES_MAX : 0);
    const check it = {operation, inputs, row, err};
    if (operation->shape.rank > WEFT_RANK_MAX)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Command %s has an output of rank %u, %d is the most.", row->name,
                          operation->shape.rank, WEFT_RANK_MAX);
    if (weft_dtype_bytes(operation->dtype) == 0)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Command %s has an output of dtype %d, which is none.", row->name,
                          (int)operation->dtype);
    return check_shapes(&it);
}
