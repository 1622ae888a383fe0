#include "sim/retime/step.h"

#include <string.h>

#include "sim/machine/address.h"

#define EXTENT_MAX (UINT64_C(1) << 40)
#define ELEMENT_BYTES_MAX 16u

/* ---- places ---- */

static const struct place_kind {
    weft__node_kind node;
    weft__region region;
} place_kinds[] = {
    [WEFT__PLACE_HBM] = {WEFT__NODE_HBM, WEFT__REGION_HBM},
    [WEFT__PLACE_SRAM] = {WEFT__NODE_SRAM, WEFT__REGION_SRAM},
    [WEFT__PLACE_TCM] = {WEFT__NODE_DMA, WEFT__REGION_TCM},
};

weft__place_code weft__place_code_of(const weft__graph *graph, uint32_t pe, uint32_t node, uint64_t offset_bytes)
{
    const weft__node *it = &graph->nodes[node];
    weft__place_kind kind = it->kind == WEFT__NODE_HBM    ? WEFT__PLACE_HBM
                            : it->kind == WEFT__NODE_SRAM ? WEFT__PLACE_SRAM
                                                          : WEFT__PLACE_TCM;
    uint32_t unit = kind == WEFT__PLACE_SRAM ? 0 : it->unit;
    int64_t at = ((int64_t)it->sip * graph->cubes + it->cube) * graph->pes + unit;
    return (weft__place_code){.kind = kind, .pes = at - pe, .offset_bytes = offset_bytes};
}

uint32_t weft__place_code_node(const weft__graph *graph, uint32_t pe, const weft__place_code *place, uint64_t bytes)
{
    const struct place_kind *kind = &place_kinds[place->kind];
    int64_t at = pe + place->pes, count = (int64_t)graph->spec->system.sips * graph->cubes * graph->pes;
    uint64_t room = weft__region_bytes(graph, kind->region);
    if (at < 0 || at >= count || bytes > room || place->offset_bytes > room - bytes)
        return WEFT__NODE_NONE;
    uint32_t cube = (uint32_t)at / graph->pes, unit = (uint32_t)at % graph->pes;
    if (place->kind == WEFT__PLACE_SRAM && unit != 0)
        return WEFT__NODE_NONE;
    return weft__graph_node(graph, kind->node, cube / graph->cubes, cube % graph->cubes, unit);
}

/* Numbers of either sign: small ones are few bytes. */
static uint64_t fold(int64_t number)
{
    return number < 0 ? ~(uint64_t)number << 1 | 1 : (uint64_t)number << 1;
}

static int64_t unfold(uint64_t number)
{
    return number & 1 ? -(int64_t)(number >> 1) - 1 : (int64_t)(number >> 1);
}

void weft__place_code_put(weft__bytes *to, const weft__place_code *place)
{
    weft__bytes_put(to, fold(place->pes) << 2 | place->kind);
    weft__bytes_put(to, place->offset_bytes);
}

/* The same, with an offset in HBM where such are kept. */
static void put_place(weft__bytes *to, weft__bytes *offsets, const weft__place_code *place)
{
    weft__bytes_put(to, fold(place->pes) << 2 | place->kind);
    weft__bytes_put(place->kind == WEFT__PLACE_HBM ? offsets : to, place->offset_bytes);
}

/* All but the offset. */
static weft__place_code take_kind(weft__reader *from)
{
    uint64_t code = weft__reader_take_most(from, UINT64_C(1) << 32);
    if ((code & 3) > WEFT__PLACE_TCM)
        from->is_bad = true;
    return (weft__place_code){.kind = (code & 3) > WEFT__PLACE_TCM ? WEFT__PLACE_HBM : (weft__place_kind)(code & 3),
                              .pes = unfold(code >> 2)};
}

void weft__place_code_take(weft__reader *from, weft__place_code *out)
{
    *out = take_kind(from);
    out->offset_bytes = weft__reader_take_most(from, WEFT__STEP_ELEMENTS_MAX);
}

static void take_place(weft__reader *from, weft__offsets *offsets, weft__place_code *out)
{
    *out = take_kind(from);
    if (out->kind != WEFT__PLACE_HBM)
        out->offset_bytes = weft__reader_take_most(from, WEFT__STEP_ELEMENTS_MAX);
    else if (offsets->at < offsets->end)
        out->offset_bytes = *offsets->at++;
}

/* ---- plans ---- */

bool weft__plan_moves_input(const weft__plan *plan, uint32_t input)
{
    return plan->kind == WEFT__PLAN_READ || (plan->kind != WEFT__PLAN_WRITE && plan->inputs[input].is_remote);
}

bool weft__plan_moves_output(const weft__plan *plan)
{
    return plan->kind == WEFT__PLAN_WRITE || (plan->kind != WEFT__PLAN_READ && plan->output.is_remote);
}

/* Behind the first element of the last tile there are no more than all elements. */
static uint64_t matrix_bytes(const weft__plan_tensor *tensor, uint64_t rows, uint64_t columns)
{
    uint64_t elements, behind_rows, behind_columns, bytes;
    if (__builtin_mul_overflow(rows, columns, &elements) ||
        __builtin_mul_overflow(rows - 1, tensor->row_stride, &behind_rows) ||
        __builtin_mul_overflow(columns - 1, tensor->stride, &behind_columns) ||
        __builtin_add_overflow(elements, behind_rows, &elements) ||
        __builtin_add_overflow(elements, behind_columns, &elements) ||
        __builtin_mul_overflow(elements, tensor->element_bytes, &bytes))
        return UINT64_MAX;
    return bytes;
}

uint64_t weft__plan_input_bytes(const weft__plan *plan, uint32_t input)
{
    const weft__plan_tensor *tensor = &plan->inputs[input];
    if (plan->kind != WEFT__PLAN_GEMM)
        return tensor->elements * tensor->element_bytes;
    return input == 0 ? matrix_bytes(tensor, plan->m, plan->k) : matrix_bytes(tensor, plan->k, plan->n);
}

uint64_t weft__plan_output_bytes(const weft__plan *plan)
{
    const weft__plan_tensor *tensor = &plan->output;
    if (plan->kind != WEFT__PLAN_GEMM)
        return tensor->elements * tensor->element_bytes;
    return plan->m * plan->n * tensor->element_bytes;
}

enum {
    TENSOR_REMOTE = 1,
    TENSOR_STRIDED = 2,
    TENSOR_PLAIN = 4, /* its strides are those of a tensor without gaps */
    TENSOR_FLAG_BITS = 3
};

static bool is_plain(const weft__plan_tensor *tensor)
{
    return tensor->columns == tensor->elements && tensor->stride == 1 && tensor->row_stride == 0;
}

static void put_tensor(weft__bytes *to, const weft__plan_tensor *tensor)
{
    bool plain = is_plain(tensor);
    weft__bytes_put(to, (uint64_t)tensor->element_bytes << TENSOR_FLAG_BITS | (tensor->is_remote ? TENSOR_REMOTE : 0) |
                            (tensor->is_strided ? TENSOR_STRIDED : 0) | (plain ? TENSOR_PLAIN : 0));
    weft__bytes_put(to, tensor->elements);
    if (plain)
        return;
    weft__bytes_put(to, tensor->columns);
    weft__bytes_put(to, tensor->row_stride);
    weft__bytes_put(to, tensor->stride);
}

static void take_tensor(weft__reader *from, weft__plan_tensor *out)
{
    uint64_t code = weft__reader_take_most(from, (ELEMENT_BYTES_MAX << TENSOR_FLAG_BITS) | 7);
    *out = (weft__plan_tensor){.is_remote = code & TENSOR_REMOTE,
                               .is_strided = code & TENSOR_STRIDED,
                               .element_bytes = (uint32_t)(code >> TENSOR_FLAG_BITS),
                               .elements = weft__reader_take_most(from, WEFT__STEP_ELEMENTS_MAX)};
    if (code & TENSOR_PLAIN) {
        out->columns = out->elements;
        out->stride = 1;
    } else {
        out->columns = weft__reader_take_most(from, WEFT__STEP_ELEMENTS_MAX);
        out->row_stride = weft__reader_take_most(from, WEFT__STEP_ELEMENTS_MAX);
        out->stride = weft__reader_take_most(from, WEFT__STEP_ELEMENTS_MAX);
    }
    from->is_bad |= out->element_bytes == 0 || out->elements == 0 || out->columns == 0;
}

static void put_plan(weft__bytes *to, const weft__plan *plan)
{
    weft__bytes_put(to, plan->kind | plan->input_count << 2 | plan->step_count << 4);
    weft__bytes_put(to, plan->op);
    if (plan->kind == WEFT__PLAN_GEMM) {
        weft__bytes_put(to, plan->dtype);
        weft__bytes_put(to, plan->m);
        weft__bytes_put(to, plan->k);
        weft__bytes_put(to, plan->n);
    } else if (plan->kind == WEFT__PLAN_MATH) {
        weft__bytes_put(to, plan->elements);
    }
    for (uint32_t i = 0; i < plan->input_count; i++)
        put_tensor(to, &plan->inputs[i]);
    if (plan->kind != WEFT__PLAN_READ)
        put_tensor(to, &plan->output);
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const weft__plan_step *step = &plan->steps[i];
        weft__bytes_put(to, step->op);
        weft__bytes_put(to, step->scope);
        weft__bytes_put(to, step->operand_bytes);
        weft__bytes_put(to, step->operand_rows);
        weft__bytes_put(to, step->operand_columns);
    }
}

static void take_steps(weft__reader *from, weft__plan *out)
{
    for (uint32_t i = 0; i < out->step_count; i++)
        out->steps[i] = (weft__plan_step){.op = (weft_epilogue_op)weft__reader_take_most(from, WEFT_EPILOGUE_SILU),
                                          .scope = (weft_epilogue_scope)weft__reader_take_most(from, WEFT_SCOPE_KERNEL),
                                          .operand_bytes = (uint32_t)weft__reader_take_most(from, ELEMENT_BYTES_MAX),
                                          .operand_rows = weft__reader_take_most(from, EXTENT_MAX),
                                          .operand_columns = weft__reader_take_most(from, EXTENT_MAX)};
}

static bool has_elements(const weft__plan_tensor *tensor, uint64_t rows, uint64_t columns)
{
    uint64_t elements;
    return !__builtin_mul_overflow(rows, columns, &elements) && elements == tensor->elements;
}

/* What a plan of each kind must have beside fields in their ranges. */
static bool is_whole(const weft__plan *plan)
{
    bool is_math = plan->kind == WEFT__PLAN_MATH, is_gemm = plan->kind == WEFT__PLAN_GEMM;
    if (is_gemm && (plan->input_count != 2 || weft_dtype_bytes(plan->dtype) == 0 || !plan->m || !plan->k || !plan->n))
        return false;
    if (!is_gemm && plan->step_count)
        return false;
    if (!is_math && !is_gemm && plan->input_count != 1)
        return false;
    if (plan->kind == WEFT__PLAN_READ && !plan->inputs[0].is_remote)
        return false;
    if (plan->kind == WEFT__PLAN_WRITE && !plan->output.is_remote)
        return false;
    if (is_gemm && !(has_elements(&plan->inputs[0], plan->m, plan->k) &&
                     has_elements(&plan->inputs[1], plan->k, plan->n) && has_elements(&plan->output, plan->m, plan->n)))
        return false;
    for (uint32_t i = 0; is_math && i < plan->input_count; i++)
        if (plan->inputs[i].elements > plan->elements)
            return false;
    return !is_math || (plan->elements && plan->output.elements <= plan->elements);
}

static void take_plan(weft__reader *from, weft__plan *out)
{
    uint64_t code = weft__reader_take_most(from, 0xff);
    memset(out, 0, sizeof *out);
    out->kind = (weft__plan_kind)(code & 3);
    out->input_count = code >> 2 & 3;
    out->step_count = (uint32_t)(code >> 4);
    out->op = (weft_command_op)weft__reader_take_most(from, WEFT_COMMAND_SOFTMAX);
    from->is_bad |= out->step_count > WEFT_COMMAND_EPILOGUES_MAX || !weft_command_op_name(out->op);
    if (from->is_bad)
        return;
    if (out->kind == WEFT__PLAN_GEMM) {
        out->dtype = (weft_dtype)weft__reader_take_most(from, INT32_MAX);
        out->m = weft__reader_take_most(from, EXTENT_MAX);
        out->k = weft__reader_take_most(from, EXTENT_MAX);
        out->n = weft__reader_take_most(from, EXTENT_MAX);
    } else if (out->kind == WEFT__PLAN_MATH) {
        out->elements = weft__reader_take_most(from, WEFT__STEP_ELEMENTS_MAX);
    }
    for (uint32_t i = 0; i < out->input_count; i++)
        take_tensor(from, &out->inputs[i]);
    if (out->kind != WEFT__PLAN_READ)
        take_tensor(from, &out->output);
    take_steps(from, out);
    from->is_bad |= !is_whole(out);
}

/* ---- steps ---- */

#define STEP_FLAG 0x10u /* direct, or in place */
#define NUMBER_MAX (UINT64_C(1) << 51)

static void put_command(weft__bytes *to, weft__bytes *offsets, const weft__step *step)
{
    put_plan(to, &step->plan);
    for (uint32_t i = 0; i < step->plan.input_count; i++)
        if (weft__plan_moves_input(&step->plan, i))
            put_place(to, offsets, &step->inputs[i]);
    if (weft__plan_moves_output(&step->plan))
        put_place(to, offsets, &step->output);
}

static void take_command(weft__reader *from, weft__offsets *offsets, weft__step *out)
{
    take_plan(from, &out->plan);
    for (uint32_t i = 0; !from->is_bad && i < out->plan.input_count; i++)
        if (weft__plan_moves_input(&out->plan, i))
            take_place(from, offsets, &out->inputs[i]);
    if (!from->is_bad && weft__plan_moves_output(&out->plan))
        take_place(from, offsets, &out->output);
}

/* What a request has beside its kind. */
static const struct step_fields {
    bool is_known, is_command, has_direction, has_tensor, has_number;
} step_fields[] = {
    [WEFT__ASK_DISPATCH] = {.is_known = true},
    [WEFT__ASK_READ] = {.is_known = true, .has_number = true},
    [WEFT__ASK_COMMAND] = {.is_known = true, .is_command = true},
    [WEFT__ASK_WAIT] = {.is_known = true, .has_number = true},
    [WEFT__ASK_SEND] = {.is_known = true, .has_direction = true, .has_tensor = true},
    [WEFT__ASK_SENT] = {.is_known = true, .has_direction = true, .has_number = true},
    [WEFT__ASK_RECEIVE] = {.is_known = true, .has_direction = true, .has_tensor = true},
    [WEFT__ASK_RECEIVED] = {.is_known = true, .has_number = true},
    [WEFT__ASK_TAKE] = {.is_known = true, .has_number = true},
    [WEFT__ASK_FREE] = {.is_known = true, .has_number = true},
    [WEFT__ASK_ACTIVITY] = {.is_known = true, .has_number = true},
};
#define STEP_KINDS (sizeof step_fields / sizeof step_fields[0])
_Static_assert(STEP_KINDS <= STEP_FLAG, "a kind has four bits");

void weft__step_put(weft__bytes *to, weft__bytes *offsets, const weft__step *step)
{
    const struct step_fields *has = &step_fields[step->kind];
    weft__bytes_put(to, (uint64_t)step->kind | (step->is_in_place || step->is_direct ? STEP_FLAG : 0));
    if (has->is_command)
        put_command(to, offsets, step);
    if (has->has_direction)
        weft__bytes_put(to, step->direction);
    if (has->has_tensor) {
        weft__bytes_put(to, step->dtype);
        weft__bytes_put(to, step->elements);
    }
    if (has->has_number)
        weft__bytes_put(to, step->number);
}

void weft__step_take(weft__reader *from, weft__offsets *offsets, weft__step *out)
{
    uint64_t code = weft__reader_take_most(from, 2 * STEP_FLAG - 1), kind = code & (STEP_FLAG - 1);
    if (kind >= STEP_KINDS || !step_fields[kind].is_known) {
        from->is_bad = true;
        from->at = from->end;
        return;
    }
    const struct step_fields *has = &step_fields[kind];
    out->kind = (weft__ask_kind)kind;
    out->is_direct = out->is_in_place = code & STEP_FLAG;
    if (has->is_command)
        take_command(from, offsets, out);
    if (has->has_direction)
        out->direction = (uint8_t)weft__reader_take_most(from, TL_DIRECTIONS - 1);
    if (has->has_tensor) {
        out->dtype = (weft_dtype)weft__reader_take_most(from, INT32_MAX);
        out->elements = weft__reader_take_most(from, WEFT__STEP_ELEMENTS_MAX);
        from->is_bad |= weft_dtype_bytes(out->dtype) == 0 || out->elements == 0;
    }
    if (has->has_number)
        out->number = weft__reader_take_most(from, NUMBER_MAX);
    if (kind == WEFT__ASK_ACTIVITY && out->number != WEFT__PE_WAIT_QUEUE && out->number != WEFT__PE_WAIT_BARRIER)
        from->is_bad = true;
    if (from->is_bad)
        from->at = from->end;
}
