/* Products, and composite commands. */
#include <inttypes.h>

#include "base/size.h"
#include "sim/tile/call.h"

/* ---- products ---- */

static void check_matrix(weft_tile *tl, const tl_tensor *tensor, const char *what)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    (void)weft__tile_bytes(tl, &tensor->shape, tensor->dtype, what);
    if (tensor->shape.rank != 2)
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "%s has shape %s, a product takes matrices.", what,
                        weft_shape_text(&tensor->shape, text));
}

static void check_product(weft_tile *tl, const tl_tensor *a, const tl_tensor *b)
{
    char left[WEFT_SHAPE_TEXT_BYTES], right[WEFT_SHAPE_TEXT_BYTES];
    check_matrix(tl, a, "Operand a");
    check_matrix(tl, b, "Operand b");
    if (a->shape.extent[1] != b->shape.extent[0])
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH,
                        "%s times %s is no product: %" PRIu64 " columns meet %" PRIu64 " rows.",
                        weft_shape_text(&a->shape, left), weft_shape_text(&b->shape, right), a->shape.extent[1],
                        b->shape.extent[0]);
    if (a->dtype != b->dtype)
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "Operands are %s and %s; cast one of them.", weft_dtype_name(a->dtype),
                        weft_dtype_name(b->dtype));
}

static weft__plan_tensor matrix_of(const tl_tensor *tensor)
{
    weft__plan_tensor matrix = weft__tile_plan_tensor(tensor);
    matrix.row_stride = tensor->stride[0];
    matrix.stride = tensor->stride[1];
    return matrix;
}

static void plan_product(weft__command *command, const tl_tensor *a, const tl_tensor *b, const tl_tensor *result)
{
    weft__plan *plan = &command->plan;
    plan->kind = WEFT__PLAN_GEMM;
    plan->op = command->op = WEFT_COMMAND_GEMM;
    plan->dtype = a->dtype;
    plan->m = a->shape.extent[0];
    plan->k = a->shape.extent[1];
    plan->n = b->shape.extent[1];
    plan->input_count = command->operand_count = 2;
    plan->inputs[0] = matrix_of(a);
    plan->inputs[1] = matrix_of(b);
    plan->output = weft__tile_plan_tensor(result);
    command->operands[0] = *a;
    command->operands[1] = *b;
    command->result = *result;
}

tl_tensor tl_dot(weft_tile *tl, tl_tensor a, tl_tensor b)
{
    weft__tile_enter(tl, "tl_dot");
    weft__tile_check_local(tl, &a, "Operand a");
    weft__tile_check_local(tl, &b, "Operand b");
    check_product(tl, &a, &b);
    weft_dtype dtype = a.dtype == WEFT_I8 || a.dtype == WEFT_U8 ? WEFT_I32 : a.dtype;
    tl_tensor result = weft__tile_take(tl, weft_shape_2d(a.shape.extent[0], b.shape.extent[1]), dtype);
    weft__command *command = weft__tile_begin(tl, true);
    plan_product(command, &a, &b, &result);
    return weft__tile_execute(command);
}

/* ---- steps after a product ---- */

static bool has_operand(weft_epilogue_op op)
{
    return op == WEFT_EPILOGUE_DEQUANT || op == WEFT_EPILOGUE_BIAS;
}

/* An operand must go with [m, n], or [tiles of k, n]. */
static void check_operand(weft_tile *tl, const weft__plan *plan, const tl_epilogue *epilogue)
{
    char text[WEFT_SHAPE_TEXT_BYTES], whole[WEFT_SHAPE_TEXT_BYTES];
    const weft_shape *shape = &epilogue->operand.shape;
    weft__tile_check_local(tl, &epilogue->operand, "The operand of an epilogue");
    uint64_t tile_k = weft__pes_rates(weft__pe_owner(tl->pe))->gemm.tile_k;
    bool is_k_tile = epilogue->step.scope == WEFT_SCOPE_K_TILE;
    weft_shape output = weft_shape_2d(is_k_tile ? weft__ceil_div(plan->k, tile_k) : plan->m, plan->n);
    bool fits = shape->rank <= 2;
    for (uint32_t axis = 1; fits && axis <= shape->rank; axis++) {
        uint64_t extent = shape->extent[shape->rank - axis];
        fits = extent == 1 || extent == output.extent[2 - axis];
    }
    if (!fits)
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "The operand of an epilogue has shape %s, which does not go with %s.",
                        weft_shape_text(shape, text), weft_shape_text(&output, whole));
}

static void add_step(weft_tile *tl, weft__command *command, const tl_epilogue *epilogue)
{
    weft__plan *plan = &command->plan;
    const weft_epilogue *step = &epilogue->step;
    if ((uint32_t)step->op > WEFT_EPILOGUE_SILU || (uint32_t)step->scope > WEFT_SCOPE_KERNEL)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "Epilogue %d of scope %d is none.", (int)step->op, (int)step->scope);
    weft__plan_step *planned = &plan->steps[plan->step_count++];
    *planned = (weft__plan_step){.op = step->op, .scope = step->scope};
    command->epilogues[command->epilogue_count++] = *step;
    if (!has_operand(step->op))
        return;
    check_operand(tl, plan, epilogue);
    const weft_shape *shape = &epilogue->operand.shape;
    planned->operand_bytes = (uint32_t)weft_dtype_bytes(epilogue->operand.dtype);
    planned->operand_columns = shape->rank > 0 ? shape->extent[shape->rank - 1] : 1;
    /* Of the rows for tiles along k, each tile needs one. */
    planned->operand_rows = shape->rank > 1 && step->scope != WEFT_SCOPE_K_TILE ? shape->extent[0] : 1;
    if (command->operand_count == WEFT_COMMAND_INPUTS_MAX)
        weft__tile_fail(tl, WEFT_UNSUPPORTED, "There are more than %d operands.", WEFT_COMMAND_INPUTS_MAX);
    command->operands[command->operand_count++] = epilogue->operand;
}

/* ---- composite commands ---- */

static const char *const operand_names[] = {"Operand a", "Operand b", "Operand c"};

/* The operands of an operation on elements; 0 for one that a composite command does not do. */
static uint32_t operands_of(weft_command_op op)
{
    if (op == WEFT_COMMAND_CLAMP || (op >= WEFT_COMMAND_CAST && op <= WEFT_COMMAND_COS))
        return 1;
    if (op >= WEFT_COMMAND_ADD && op <= WEFT_COMMAND_LE)
        return 2;
    return op == WEFT_COMMAND_FMA || op == WEFT_COMMAND_WHERE ? 3 : 0;
}

/* All operands of an operation on elements have the shape of the output, so that all have the same tiles. */
static void check_elements(weft_tile *tl, const tl_composite_request *request, uint32_t count)
{
    const tl_tensor *operands[] = {&request->a, &request->b, &request->c};
    for (uint32_t i = 0; i < count; i++) {
        char first[WEFT_SHAPE_TEXT_BYTES], other[WEFT_SHAPE_TEXT_BYTES];
        (void)weft__tile_bytes(tl, &operands[i]->shape, operands[i]->dtype, operand_names[i]);
        if (!weft_shape_equal(&operands[i]->shape, &request->a.shape))
            weft__tile_fail(tl, WEFT_SHAPE_MISMATCH,
                            "Operands have shapes %s and %s; a composite command takes them alike.",
                            weft_shape_text(&request->a.shape, first), weft_shape_text(&operands[i]->shape, other));
        if (operands[i]->space == TL_REMOTE && !weft__tile_is_contiguous(operands[i]))
            weft__tile_fail(tl, WEFT_UNSUPPORTED,
                            "%s of shape %s is elsewhere and not contiguous, which only products can take.",
                            operand_names[i], weft_shape_text(&operands[i]->shape, first));
        if (i > (request->op == WEFT_COMMAND_WHERE) && operands[i]->dtype != operands[i - 1]->dtype)
            weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "Operands are %s and %s; cast one of them.",
                            weft_dtype_name(operands[i - 1]->dtype), weft_dtype_name(operands[i]->dtype));
    }
    if (request->epilogue_count)
        weft__tile_fail(tl, WEFT_UNSUPPORTED, "Operation '%s' has epilogues, which only products can have.",
                        weft_command_op_name(request->op));
}

static void plan_elements(weft__command *command, const tl_composite_request *request, uint32_t count,
                          const tl_tensor *result)
{
    weft__plan *plan = &command->plan;
    const tl_tensor *operands[] = {&request->a, &request->b, &request->c};
    plan->kind = WEFT__PLAN_MATH;
    plan->op = command->op = request->op;
    plan->input_count = command->operand_count = count;
    plan->output = weft__tile_plan_tensor(result);
    plan->elements = plan->output.elements;
    for (uint32_t i = 0; i < count; i++) {
        command->operands[i] = *operands[i];
        plan->inputs[i] = weft__tile_plan_tensor(operands[i]);
    }
    command->result = *result;
    command->low = request->low;
    command->high = request->high;
}

static uint32_t check_request(weft_tile *tl, const tl_composite_request *request)
{
    bool is_gemm = request->op == WEFT_COMMAND_GEMM;
    uint32_t count = is_gemm ? 2 : operands_of(request->op);
    const char *name = weft_command_op_name(request->op);
    if (!name)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "Operation %d is none.", (int)request->op);
    if (count == 0)
        weft__tile_fail(tl, WEFT_UNSUPPORTED, "Operation '%s' is none that a composite command does.", name);
    if (request->epilogue_count > WEFT_COMMAND_EPILOGUES_MAX)
        weft__tile_fail(tl, WEFT_UNSUPPORTED, "There are %" PRIu32 " epilogues, the limit is %d.",
                        request->epilogue_count, WEFT_COMMAND_EPILOGUES_MAX);
    if (request->epilogue_count && !request->epilogues)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "There are %" PRIu32 " epilogues, but their list is NULL.",
                        request->epilogue_count);
    if (is_gemm)
        check_product(tl, &request->a, &request->b);
    else
        check_elements(tl, request, count);
    return count;
}

/* Where the operands are that the DMA engine reads; they get their physical addresses. The others must be where they
 * say that they are. */
static void locate_operands(weft_tile *tl, tl_composite_request *request, uint32_t count, weft__dma_place *out)
{
    tl_tensor *operands[] = {&request->a, &request->b, &request->c};
    for (uint32_t i = 0; i < count; i++) {
        if (operands[i]->space != TL_REMOTE) {
            weft__tile_check_local(tl, operands[i], operand_names[i]);
            continue;
        }
        uint64_t address = operands[i]->address;
        weft__tile_place place = weft__tile_locate(tl, address, weft__tile_span_bytes(operands[i]));
        weft__tile_check_remote(tl, &place, address, "tl_ref");
        operands[i]->base += place.address - address;
        operands[i]->address = place.address;
        out[i] = place.dma;
    }
}

tl_command tl_composite(weft_tile *tl, const tl_composite_request *request)
{
    weft__tile_enter(tl, "tl_composite");
    if (!request)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "There is no request: it is NULL.");
    tl_composite_request own = *request;
    uint32_t count = check_request(tl, request);
    bool is_gemm = request->op == WEFT_COMMAND_GEMM;
    weft_shape shape =
        is_gemm ? weft_shape_2d(request->a.shape.extent[0], request->b.shape.extent[1]) : request->a.shape;
    uint64_t bytes = weft__tile_bytes(tl, &shape, request->dtype, "The output");
    weft__tile_place output = weft__tile_locate(tl, request->out, bytes);
    tl_tensor result = weft__tile_tensor(shape, request->dtype, output.space, output.address);
    weft__dma_place inputs[WEFT__PLAN_INPUTS_MAX] = {{0}};
    locate_operands(tl, &own, count, inputs);

    weft__command *command = weft__tile_begin(tl, false);
    if (is_gemm)
        plan_product(command, &own.a, &own.b, &result);
    else
        plan_elements(command, &own, count, &result);
    command->output = output.dma;
    for (uint32_t i = 0; i < count; i++)
        command->inputs[i] = inputs[i];
    for (uint32_t i = 0; i < request->epilogue_count; i++)
        add_step(tl, command, &request->epilogues[i]);
    weft__command_issue(command);
    return weft__tile_command(tl, WEFT__TILE_COMPOSITE, 0, weft__pe_composites(tl->pe));
}
