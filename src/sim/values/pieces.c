/* Commands whose tiles make a difference. Mostly an operand is one value, captured once, and a result another,
 * installed once. Two things break that: an output that lies over operands, so that tiles read what others of them have
 * written; and, where tensors are what stands there, operands that somebody changes while they are read.
 *
 * Then it is kept what each tile has read, where that is not what was captured, and what each tile of the output has
 * become. Elements of an operation on elements are read once each, so that what was read is one tensor for each
 * operand. Of a product, tiles of the output have read different things, and are computed each for itself. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/size.h"
#include "sim/values/values_impl.h"

struct weft__pieces {
    weft__pieces *next, **link;
    bool is_overlapping;   /* the result is installed tile by tile */
    bool has_met_hazard;   /* of a tile that landed where a later one had read */
    uint64_t *read_ps;     /* if it is: by tile and operand; 0: not read */
    weft__value_id *read;  /* by tile and operand: 0: what was captured. NULL: so for all */
    weft__value_id *made;  /* by tile of the output; 0: none, or a part of the whole result */
    uint64_t *landed_ps;   /* by tile of the output; 0: it has not */
    uint64_t output_tiles; /* that these are of */
};

/* ---- where tiles are ---- */

/* Tiles along k of a product, which make one tile of the output. */
static uint64_t depth_of(const weft__pe_values *it, const weft__command *command)
{
    uint32_t tile_k = weft__pes_rates(it->pes)->gemm.tile_k;
    return command->plan.kind == WEFT__PLAN_GEMM ? weft__ceil_div(command->plan.k, tile_k) : 1;
}

/* A tile of the output: of a product a part of the matrix; else one row, counting all elements. */
static weft__tile_box output_box(const weft__pe_values *it, const weft__command *command, uint64_t output_tile)
{
    const weft__plan *plan = &command->plan;
    const weft__pe_rates *rates = weft__pes_rates(it->pes);
    if (plan->kind == WEFT__PLAN_GEMM) {
        uint64_t tile = output_tile * depth_of(it, command);
        weft__tile_box left = weft__plan_box(plan, rates, tile, 0), right = weft__plan_box(plan, rates, tile, 1);
        return (weft__tile_box){left.row, right.column, left.rows, right.columns};
    }
    uint64_t most = (uint64_t)rates->gemm.tile_m * rates->gemm.tile_n, elements = plan->output.elements;
    uint64_t end = weft__min_size((output_tile + 1) * most, plan->elements);
    uint64_t begin = elements * (output_tile * most) / plan->elements;
    return (weft__tile_box){0, begin, 1, elements * end / plan->elements - begin};
}

/* Bytes from the first element to the end of the last one. */
static uint64_t span_of(const tl_tensor *tensor)
{
    uint64_t last = 0;
    for (uint32_t axis = 0; axis < tensor->shape.rank; axis++)
        last += (tensor->shape.extent[axis] - 1) * tensor->stride[axis];
    return (last + 1) * weft_dtype_bytes(tensor->dtype);
}

/* True if each tile reads of an operand the very bytes that it writes, before it does. */
static bool is_in_place(const weft__command *command, uint32_t operand)
{
    const weft__plan *plan = &command->plan;
    const tl_tensor *in = &command->operands[operand], *out = &command->result;
    if (in->address != out->address || weft_dtype_bytes(in->dtype) != weft_dtype_bytes(out->dtype) ||
        weft_shape_elements(&in->shape) != weft_shape_elements(&out->shape) || !weft__pe_values_is_contiguous(in))
        return false;
    return operand < plan->input_count ? plan->kind == WEFT__PLAN_MATH
                                       : weft__pe_values_step_of(plan, operand)->scope == WEFT_SCOPE_OUTPUT_TILE;
}

static bool is_overlapping(const weft__command *command)
{
    const tl_tensor *out = &command->result;
    if (command->tiles == 1)
        return false;
    uint64_t end = out->address + span_of(out);
    for (uint32_t i = 0; i < command->operand_count; i++) {
        const tl_tensor *in = &command->operands[i];
        if (in->address < end && out->address < in->address + span_of(in) && !is_in_place(command, i))
            return true;
    }
    return false;
}

/* ---- making and ending ---- */

static void free_one(weft__pieces *pieces)
{
    if (!pieces)
        return;
    free(pieces->read);
    free(pieces->read_ps);
    free(pieces->made);
    free(pieces->landed_ps);
    free(pieces);
}

static weft_status make_pieces(weft__pe_values *it, weft__command *command, weft__pieces **out, weft_error *err)
{
    *out = command->pieces;
    if (*out)
        return WEFT_OK;
    const weft__plan *plan = &command->plan;
    uint64_t count =
        plan->kind == WEFT__PLAN_GEMM
            ? (command->tiles - weft__plan_is_last_pass(plan, weft__pes_rates(it->pes), command->tiles - 1)) /
                  depth_of(it, command)
            : command->tiles;
    weft__pieces *made = calloc(1, sizeof *made);
    if (made) {
        made->made = calloc(count, sizeof *made->made);
        made->landed_ps = calloc(count, sizeof *made->landed_ps);
    }
    if (!made || !made->made || !made->landed_ps) {
        free_one(made);
        return weft__fail_memory(err, count * sizeof *made->made, "the tiles of a command");
    }
    made->output_tiles = count;
    made->next = it->pieces;
    made->link = &it->pieces;
    if (made->next)
        made->next->link = &made->next;
    it->pieces = made;
    *out = command->pieces = made;
    return WEFT_OK;
}

void weft__pe_values_drop_pieces(weft__pe_values *it, weft__command *command)
{
    weft__pieces *pieces = command->pieces;
    if (!pieces)
        return;
    for (uint64_t i = 0; pieces->read && i < command->tiles * command->operand_count; i++)
        weft__values_release(it->values, pieces->read[i]);
    for (uint64_t i = 0; i < pieces->output_tiles; i++)
        weft__values_release(it->values, pieces->made[i]);
    *pieces->link = pieces->next;
    if (pieces->next)
        pieces->next->link = pieces->link;
    free_one(pieces);
    command->pieces = NULL;
}

void weft__pe_values_free_pieces(weft__pe_values *it)
{
    while (it->pieces) {
        weft__pieces *first = it->pieces;
        it->pieces = first->next;
        free_one(first);
    }
}

weft_status weft__pe_values_expect_overlap(weft__pe_values *it, weft__command *command, weft_error *err)
{
    weft__pieces *pieces;
    if (!is_overlapping(command))
        return WEFT_OK;
    weft_status status = make_pieces(it, command, &pieces, err);
    if (status != WEFT_OK)
        return status;
    size_t count = (size_t)command->tiles * command->operand_count;
    pieces->is_overlapping = true;
    pieces->read_ps = calloc(count, sizeof *pieces->read_ps);
    return pieces->read_ps ? WEFT_OK
                           : weft__fail_memory(err, count * sizeof *pieces->read_ps, "the tiles of a command");
}

/* ---- what tiles read ---- */

/* True if a tile of the output can be computed from what its tiles have read. */
static bool has_own_tiles(const weft__command *command)
{
    const weft__plan *plan = &command->plan;
    if (plan->kind == WEFT__PLAN_GEMM)
        return true;
    bool has = command->op < WEFT_COMMAND_SUM && plan->output.elements == plan->elements;
    for (uint32_t i = 0; i < plan->input_count; i++)
        has &= plan->inputs[i].elements == plan->elements;
    return has;
}

static weft__value_id *read_at(const weft__command *command, uint64_t tile, uint32_t operand)
{
    const weft__pieces *pieces = command->pieces;
    return &pieces->read[tile * command->operand_count + operand];
}

weft_status weft__pe_values_reread(weft__pe_values *it, weft__command *command, uint32_t operand, uint64_t tile,
                                   const weft__tile_part *part, bool is_own, weft_error *err)
{
    weft__pieces *pieces;
    if (is_own && !has_own_tiles(command))
        return weft__fail(err, WEFT_UNSUPPORTED,
                          "A tile has read what another tile of the same command has written; what a command of "
                          "operation '%s' makes of that is not computed: let its output lie elsewhere.",
                          weft_command_op_name(command->op));
    weft_status status = make_pieces(it, command, &pieces, err);
    if (status != WEFT_OK)
        return status;
    size_t count = (size_t)command->tiles * command->operand_count;
    if (!pieces->read)
        pieces->read = calloc(count, sizeof *pieces->read);
    if (!pieces->read)
        return weft__fail_memory(err, count * sizeof *pieces->read, "what the tiles of a command have read");
    return weft__pe_values_part_stands(it, part, read_at(command, tile, operand), err);
}

/* The part of an operand that a tile has read, as a value with one reference. */
static weft_status piece_of(weft__pe_values *it, const weft__command *command, uint64_t tile, uint32_t operand,
                            weft__value_id *out, weft_error *err)
{
    weft__tile_part part;
    const weft__pieces *pieces = command->pieces;
    weft__value_id captured = command->captured[operand];
    weft_dtype dtype = command->operands[operand].dtype;
    if (pieces->read && *read_at(command, tile, operand)) {
        *out = *read_at(command, tile, operand);
        weft__values_retain(it->values, *out);
        return WEFT_OK;
    }
    (void)weft__pe_values_part_of(it, command, operand, tile, &part);
    if (command->plan.kind == WEFT__PLAN_GEMM)
        return weft__values_slice(it->values, captured, part.begin, &part.tensor.shape, out, err);
    weft_shape run = weft_shape_1d(part.count ? part.count : weft_shape_elements(&part.tensor.shape));
    return weft__values_view(it->values, captured, part.first * weft_dtype_bytes(dtype), dtype, &run, out, err);
}

/* ---- putting pieces together ---- */

/* Pieces side by side: row after row, of each its part of the row. */
typedef struct assembly {
    weft__value_id *pieces; /* with one reference each; 0: not made */
    uint64_t count;
} assembly;

static weft_status begin_assembly(assembly *out, uint64_t count, weft_error *err)
{
    *out = (assembly){calloc(count, sizeof *out->pieces), count};
    return out->pieces ? WEFT_OK : weft__fail_memory(err, (size_t)count * sizeof *out->pieces, "the tiles of a tensor");
}

static void end_assembly(weft__pe_values *it, const assembly *pieces)
{
    for (uint64_t i = 0; i < pieces->count; i++)
        weft__values_release(it->values, pieces->pieces[i]);
    free(pieces->pieces);
}

/* The pieces stand in a grid of so many columns: those of one row of it have equally many rows. 0 pieces are none. */
static weft_status assemble(weft__pe_values *it, const assembly *from, uint64_t columns, weft_dtype dtype,
                            const weft_shape *shape, weft__value_id *out, weft_error *err)
{
    weft__value_info info;
    uint64_t count = 0, each = weft_dtype_bytes(dtype), width = shape->extent[shape->rank - 1] * each;
    uint64_t rows = weft_shape_elements(shape) * each / width, room = rows * columns;
    room = room > from->count ? room : from->count;
    weft__value_part *parts = calloc(room, sizeof *parts);
    if (!parts)
        return weft__fail_memory(err, (size_t)room * sizeof *parts, "the parts of a tensor");
    for (uint64_t first = 0; first < from->count; first += columns) {
        weft__values_get_info(it->values, from->pieces[first], &info);
        uint64_t high = info.shape.rank > 1 ? info.shape.extent[0] : 1;
        for (uint64_t row = 0; row < high; row++)
            for (uint64_t i = first; i < first + columns; i++) {
                uint64_t bytes = weft__values_bytes(it->values, from->pieces[i]) / high;
                if (bytes)
                    parts[count++] = (weft__value_part){from->pieces[i], row * bytes, bytes};
            }
    }
    weft_status status = weft__values_compose(it->values, dtype, shape, parts, (size_t)count, out, err);
    free(parts);
    return status;
}

/* What `count` tiles from `first` on have read of an operand, in a grid of so many columns. */
static weft_status join_read(weft__pe_values *it, const weft__command *command, uint32_t operand, uint64_t first,
                             uint64_t count, uint64_t columns, const weft_shape *shape, weft__value_id *out,
                             weft_error *err)
{
    assembly pieces;
    weft_status status = begin_assembly(&pieces, count, err);
    for (uint64_t i = 0; i < count && status == WEFT_OK; i++)
        status = piece_of(it, command, first + i, operand, &pieces.pieces[i], err);
    if (status == WEFT_OK)
        status = assemble(it, &pieces, columns, command->operands[operand].dtype, shape, out, err);
    if (pieces.pieces)
        end_assembly(it, &pieces);
    return status;
}

/* ---- tiles of the output ---- */

/* An operand of a step after a product, as far as a tile of the output needs it. */
static weft_status step_input(weft__pe_values *it, const weft__command *command, uint64_t output_tile, uint32_t operand,
                              weft__value_id *out, weft_error *err)
{
    weft_epilogue_scope scope = weft__pe_values_step_of(&command->plan, operand)->scope;
    uint64_t depth = depth_of(it, command), first = output_tile * depth;
    weft_shape shape = command->operands[operand].shape;
    weft__tile_box box = output_box(it, command, output_tile);
    if (scope == WEFT_SCOPE_OUTPUT_TILE)
        return piece_of(it, command, first + depth - 1, operand, out, err);
    bool has_columns = shape.rank > 0 && shape.extent[shape.rank - 1] > 1;
    if (scope == WEFT_SCOPE_K_TILE) {
        shape = weft_shape_2d(depth, has_columns ? box.columns : 1);
        return join_read(it, command, operand, first, depth, 1, &shape, out, err);
    }
    weft__value_id whole;
    uint64_t begin[WEFT_RANK_MAX] = {0};
    weft_status status = piece_of(it, command, command->tiles - 1, operand, &whole, err);
    if (status != WEFT_OK)
        return status;
    if (has_columns) {
        begin[shape.rank - 1] = box.column;
        shape.extent[shape.rank - 1] = box.columns;
    }
    if (shape.rank > 1 && shape.extent[0] > 1) {
        begin[0] = box.row;
        shape.extent[0] = box.rows;
    }
    status = weft__values_slice(it->values, whole, begin, &shape, out, err);
    weft__values_release(it->values, whole);
    return status;
}

/* The inputs of a tile of a product, and its steps: with those of the last pass if the tile is final. */
static weft_status product_inputs(weft__pe_values *it, const weft__command *command, uint64_t output_tile,
                                  bool is_final, weft__operation *operation, weft__value_id *inputs,
                                  weft_epilogue *steps, weft_error *err)
{
    const weft__plan *plan = &command->plan;
    uint64_t depth = depth_of(it, command), first = output_tile * depth;
    weft__tile_box box = output_box(it, command, output_tile);
    weft_shape left = weft_shape_2d(box.rows, plan->k), right = weft_shape_2d(plan->k, box.columns);
    weft_status status = join_read(it, command, 0, first, depth, depth, &left, &inputs[0], err);
    if (status == WEFT_OK)
        status = join_read(it, command, 1, first, depth, 1, &right, &inputs[1], err);
    operation->shape = weft_shape_2d(box.rows, box.columns);
    operation->input_count = 2;
    for (uint32_t i = 0, operand = 2; i < plan->step_count && status == WEFT_OK; i++) {
        bool is_needed = is_final || plan->steps[i].scope != WEFT_SCOPE_KERNEL,
             has_operand = plan->steps[i].operand_bytes;
        if (is_needed)
            steps[operation->epilogue_count++] = command->epilogues[i];
        if (is_needed && has_operand)
            status = step_input(it, command, output_tile, operand, &inputs[operation->input_count++], err);
        operand += has_operand;
    }
    return status;
}

static weft_status math_inputs(weft__pe_values *it, weft__command *command, uint64_t tile, weft__operation *operation,
                               weft__value_id *inputs, weft_error *err)
{
    weft_status status = WEFT_OK;
    operation->shape = weft_shape_1d(output_box(it, command, tile).columns);
    for (uint32_t i = 0; i < command->operand_count && status == WEFT_OK; i++)
        status = piece_of(it, command, tile, i, &inputs[operation->input_count++], err);
    if (status == WEFT_OK && command->op == WEFT_COMMAND_CLAMP)
        status = weft__pe_values_capture_limits(it, command, err);
    for (uint32_t i = 1; i < 3 && status == WEFT_OK && command->op == WEFT_COMMAND_CLAMP; i++) {
        weft__values_retain(it->values, command->captured[i]);
        inputs[operation->input_count++] = command->captured[i];
    }
    return status;
}

static weft_status make_tile(weft__pe_values *it, weft__command *command, uint64_t output_tile, bool is_final,
                             weft__value_id *out, weft_error *err)
{
    weft__value_id inputs[WEFT_COMMAND_INPUTS_MAX + 2] = {0};
    weft_epilogue steps[WEFT_COMMAND_EPILOGUES_MAX];
    weft__operation operation = {.op = command->op,
                                 .dtype = command->result.dtype,
                                 .inputs = inputs,
                                 .axis = command->axis,
                                 .epilogues = steps,
                                 .tile_k = weft__pes_rates(it->pes)->gemm.tile_k};
    weft_status status = command->plan.kind == WEFT__PLAN_GEMM
                             ? product_inputs(it, command, output_tile, is_final, &operation, inputs, steps, err)
                             : math_inputs(it, command, output_tile, &operation, inputs, err);
    if (status == WEFT_OK)
        status = weft__values_operate(it->values, &operation, out, err);
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        weft__values_release(it->values, inputs[i]);
    return status;
}

/* ---- landing ---- */

/* A tile of the whole result. */
static weft_status cut_tile(weft__pe_values *it, const weft__command *command, const weft__tile_box *box,
                            weft__value_id *out, weft_error *err)
{
    const tl_tensor *result = &command->result;
    const uint64_t begin[WEFT_RANK_MAX] = {box->row, box->column};
    weft_shape shape = weft_shape_2d(box->rows, box->columns);
    if (command->plan.kind == WEFT__PLAN_GEMM)
        return weft__values_slice(it->values, command->made, begin, &shape, out, err);
    shape = weft_shape_1d(box->columns);
    return weft__values_view(it->values, command->made, box->column * weft_dtype_bytes(result->dtype), result->dtype,
                             &shape, out, err);
}

static weft_status install_tile(weft__pe_values *it, const weft__command *command, const weft__tile_box *box,
                                weft__value_id tile, weft_error *err)
{
    const tl_tensor *result = &command->result;
    uint64_t each = weft_dtype_bytes(result->dtype), bytes = box->columns * each;
    uint32_t writer = weft__pe_values_writer(it, command->pe, command->call);
    weft_shape shape = weft_shape_1d(box->columns);
    weft_status status = WEFT_OK;
    for (uint64_t row = 0; row < box->rows && status == WEFT_OK; row++) {
        weft__value_id part;
        uint64_t address = result->address + ((box->row + row) * command->plan.n + box->column) * each;
        status = weft__values_view(it->values, tile, row * bytes, result->dtype, &shape, &part, err);
        if (status != WEFT_OK)
            return status;
        status = weft__pe_values_install(it, address, part, writer, err);
        weft__values_release(it->values, part);
    }
    return status;
}

weft_status weft__pe_values_land_piece(weft__pe_values *it, weft__command *command, uint64_t tile, weft_error *err)
{
    weft__pieces *pieces = command->pieces;
    if (!pieces || !pieces->is_overlapping)
        return WEFT_OK;
    uint64_t at = tile / depth_of(it, command);
    weft__tile_box box = output_box(it, command, at);
    weft__value_id piece = 0;
    weft_status status = WEFT_OK;
    bool is_own = it->hazards.action == WEFT_HAZARDS_HARDWARE && has_own_tiles(command);
    if (is_own)
        status = make_tile(it, command, at, false, &piece, err);
    else if (!command->made)
        status = weft__pe_values_make(it, command, &command->made, err);
    if (status == WEFT_OK && !is_own)
        status = cut_tile(it, command, &box, &piece, err);
    if (status == WEFT_OK)
        status = install_tile(it, command, &box, piece, err);
    pieces->landed_ps[at] = weft__sim_now(weft__pes_sim(it->pes));
    if (is_own)
        pieces->made[at] = piece;
    else
        weft__values_release(it->values, piece);
    return status;
}

bool weft__pe_values_is_own(weft__pe_values *it, const weft__command *command, const weft__memory_change *change)
{
    const weft__pieces *pieces = command->pieces;
    if (!pieces || !pieces->is_overlapping || !change->is_written ||
        change->writer != weft__pe_values_writer(it, command->pe, command->call))
        return false;
    for (uint64_t i = 0; i < pieces->output_tiles; i++)
        if (pieces->landed_ps[i] && pieces->landed_ps[i] == change->time_ps)
            return true;
    return false;
}

/* ---- results that land where others have read ---- */

void weft__pe_values_note_read(weft__pe_values *it, const weft__command *command, uint32_t operand, uint64_t tile)
{
    const weft__pieces *pieces = command->pieces;
    if (pieces && pieces->is_overlapping)
        pieces->read_ps[tile * command->operand_count + operand] = weft__sim_now(weft__pes_sim(it->pes));
}

static bool meet_landing(weft__pe_values *it, const weft__command *command, uint32_t operand, uint64_t read_ps,
                         uint64_t address, uint64_t bytes)
{
    char shape[WEFT_SHAPE_TEXT_BYTES];
    const tl_tensor *result = &command->result;
    weft_kernel_hazard hazard = {.kind = WEFT_KERNEL_HAZARD_WAR,
                                 .kernel = command->kernel,
                                 .call = command->call,
                                 .pe = weft__pe_name(command->pe),
                                 .address = address,
                                 .bytes = bytes,
                                 .other = weft__pe_name(command->pe),
                                 .other_call = command->call,
                                 .other_ps = read_ps,
                                 .held = true};
    hazard.margin_ps = weft__sim_now(weft__pes_sim(it->pes)) - read_ps;
    return weft__hazards_add(&it->hazards, &hazard, NULL,
                             "a tile of the result, %s %s at 0x%" PRIx64 ", is written over %" PRIu64
                             " bytes at 0x%" PRIx64 " of operand %" PRIu32
                             ", which a later tile of the same command reads, and nothing orders the two; it was read "
                             "%.3f ns before.",
                             weft_dtype_name(result->dtype), weft_shape_text(&result->shape, shape), result->address,
                             bytes, address, operand, (double)hazard.margin_ps / 1000);
}

/* The first bytes of a tile of the output that are a part of what some tile reads of an operand. */
static bool lands_on(const weft__command *command, const weft__tile_box *box, const weft__tile_part *part,
                     uint64_t *out_address, uint64_t *out_bytes)
{
    uint64_t each = weft_dtype_bytes(command->result.dtype);
    for (uint64_t row = 0; row < box->rows; row++) {
        uint64_t begin = command->result.address + ((box->row + row) * command->plan.n + box->column) * each;
        if (weft__pe_values_part_meets(part, begin, begin + box->columns * each, out_address, out_bytes))
            return true;
    }
    return false;
}

/* Tiles that are fed later may have been read, as they follow at the same engines, but do not have to be. */
bool weft__pe_values_check_landing(weft__pe_values *it, const weft__command *command, uint64_t tile)
{
    weft__tile_part part;
    uint64_t address, bytes;
    weft__pieces *pieces = command->pieces;
    if (!pieces || !pieces->is_overlapping || pieces->has_met_hazard ||
        weft__plan_is_last_pass(&command->plan, weft__pes_rates(it->pes), tile))
        return true;
    weft__tile_box box = output_box(it, command, tile / depth_of(it, command));
    for (uint64_t later = tile + 1; later < command->fed; later++)
        for (uint32_t i = 0; i < command->operand_count; i++) {
            uint64_t read_ps = pieces->read_ps[later * command->operand_count + i];
            if (read_ps == 0 || !weft__pe_values_part_of(it, command, i, later, &part) ||
                !lands_on(command, &box, &part, &address, &bytes))
                continue;
            pieces->has_met_hazard = true;
            return meet_landing(it, command, i, read_ps, address, bytes);
        }
    return true;
}

/* ---- the whole result ---- */

/* What was read of the operands of an operation on elements, by whichever tile. */
static weft_status capture_read(weft__pe_values *it, weft__command *command, weft_error *err)
{
    weft_status status = WEFT_OK;
    for (uint32_t i = 0; i < command->operand_count && status == WEFT_OK; i++) {
        weft__value_id whole = 0;
        bool has_any = false;
        for (uint64_t tile = 0; tile < command->tiles && !has_any; tile++)
            has_any = *read_at(command, tile, i) != 0;
        if (!has_any)
            continue;
        status = join_read(it, command, i, 0, command->tiles, 1, &command->operands[i].shape, &whole, err);
        if (status != WEFT_OK)
            return status;
        weft__values_release(it->values, command->captured[i]);
        command->captured[i] = whole;
    }
    return status;
}

static weft_status join_tiles(weft__pe_values *it, weft__command *command, weft_error *err)
{
    assembly tiles;
    const weft__pieces *pieces = command->pieces;
    const weft__plan *plan = &command->plan;
    const weft__pe_rates *rates = weft__pes_rates(it->pes);
    bool has_last_pass = weft__plan_is_last_pass(plan, rates, command->tiles - 1);
    weft_status status = begin_assembly(&tiles, pieces->output_tiles, err);
    for (uint64_t i = 0; i < tiles.count && status == WEFT_OK; i++) {
        if (pieces->made[i] && !has_last_pass) {
            tiles.pieces[i] = pieces->made[i];
            weft__values_retain(it->values, tiles.pieces[i]);
        } else {
            status = make_tile(it, command, i, true, &tiles.pieces[i], err);
        }
    }
    if (status == WEFT_OK)
        status = assemble(it, &tiles, weft__ceil_div(plan->n, rates->gemm.tile_n), command->result.dtype,
                          &command->result.shape, &command->made, err);
    if (tiles.pieces)
        end_assembly(it, &tiles);
    return status;
}

weft_status weft__pe_values_finish(weft__pe_values *it, weft__command *command, weft_error *err)
{
    const weft__pieces *pieces = command->pieces;
    if (!pieces || !pieces->read)
        return command->made ? WEFT_OK : weft__pe_values_make(it, command, &command->made, err);
    weft__values_release(it->values, command->made); /* of what was captured at first */
    command->made = 0;
    if (command->plan.kind == WEFT__PLAN_GEMM)
        return join_tiles(it, command, err);
    weft_status status = capture_read(it, command, err);
    return status == WEFT_OK ? weft__pe_values_make(it, command, &command->made, err) : status;
}
