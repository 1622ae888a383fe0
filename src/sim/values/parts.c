/* What the tiles of commands read of their operands: to the byte, so that what they do not read may change. */
#include "base/size.h"
#include "sim/values/runs.h"
#include "sim/values/values_impl.h"

/* An axis of a matrix, or of what goes with one. */
static void cut(weft__tile_part *part, uint32_t axis, uint64_t begin, uint64_t count)
{
    tl_tensor *tensor = &part->tensor;
    if (tensor->shape.extent[axis] == 1) /* broadcast */
        return;
    tensor->address += begin * tensor->stride[axis] * weft_dtype_bytes(tensor->dtype);
    tensor->shape.extent[axis] = count;
    part->begin[axis] = begin;
}

const weft__plan_step *weft__pe_values_step_of(const weft__plan *plan, uint32_t operand)
{
    uint32_t at = plan->input_count;
    for (uint32_t i = 0; i < plan->step_count; i++)
        if (plan->steps[i].operand_bytes && at++ == operand)
            return &plan->steps[i];
    return NULL;
}

/* Of the operand of a step after a product; false for a tile without that step. */
static bool cut_step(const weft__pe_values *it, const weft__plan *plan, const weft__plan_step *step, uint64_t tile,
                     weft__tile_part *part)
{
    const weft__pe_rates *rates = weft__pes_rates(it->pes);
    bool is_last_pass = weft__plan_is_last_pass(plan, rates, tile);
    if (is_last_pass || step->scope == WEFT_SCOPE_KERNEL)
        return is_last_pass && step->scope == WEFT_SCOPE_KERNEL;
    weft__tile_box left = weft__plan_box(plan, rates, tile, 0), right = weft__plan_box(plan, rates, tile, 1);
    uint32_t rank = part->tensor.shape.rank;
    bool is_k_tile = step->scope == WEFT_SCOPE_K_TILE;
    if (!is_k_tile && left.column + left.columns != plan->k)
        return false;
    if (rank > 0)
        cut(part, rank - 1, right.column, right.columns);
    if (rank > 1)
        cut(part, rank - 2, is_k_tile ? left.column / rates->gemm.tile_k : left.row, is_k_tile ? 1 : left.rows);
    return true;
}

bool weft__pe_values_part_of(const weft__pe_values *it, const weft__command *command, uint32_t operand, uint64_t tile,
                             weft__tile_part *out)
{
    const weft__plan *plan = &command->plan;
    *out = (weft__tile_part){.tensor = command->operands[operand]};
    if (operand >= plan->input_count)
        return cut_step(it, plan, weft__pe_values_step_of(plan, operand), tile, out);
    if (plan->kind == WEFT__PLAN_READ || plan->kind == WEFT__PLAN_WRITE)
        return true;
    weft__tile_box box = weft__plan_box(plan, weft__pes_rates(it->pes), tile, operand);
    if (plan->kind == WEFT__PLAN_GEMM) {
        cut(out, 0, box.row, box.rows);
        cut(out, 1, box.column, box.columns);
        return true;
    }
    out->first = box.column;
    if (weft__pe_values_is_contiguous(&out->tensor)) {
        out->tensor.address += box.column * weft_dtype_bytes(out->tensor.dtype);
        out->tensor.shape = weft_shape_1d(box.columns);
        out->tensor.stride[0] = 1;
    } else {
        out->count = box.columns;
    }
    return box.columns > 0;
}

/* Elements [begin, end) in row-major order that lie in one row: a tensor of one axis. */
static tl_tensor row_of(const tl_tensor *tensor, uint64_t begin, uint64_t end)
{
    uint32_t rank = tensor->shape.rank;
    uint64_t row = tensor->shape.extent[rank - 1], offset = 0, index = begin;
    tl_tensor out = *tensor;
    for (uint32_t axis = rank; axis-- > 0; index /= tensor->shape.extent[axis])
        offset += index % tensor->shape.extent[axis] * tensor->stride[axis];
    out.address += offset * weft_dtype_bytes(tensor->dtype);
    out.shape = weft_shape_1d(weft__min_size(row - begin % row, end - begin));
    out.stride[0] = tensor->stride[rank - 1];
    return out;
}

weft_status weft__pe_values_part_was_written(weft__pe_values *it, const weft__tile_part *part, uint64_t writes,
                                             bool *out_was, weft__memory_change *out, weft_error *err)
{
    weft_status status = weft__pe_values_was_written(it, &part->tensor, writes, out_was, out, err);
    if (status != WEFT_OK || !*out_was || part->count == 0)
        return status;
    *out_was = false;
    uint64_t end = part->first + part->count;
    for (uint64_t at = part->first; at < end && status == WEFT_OK && !*out_was;) {
        const tl_tensor row = row_of(&part->tensor, at, end);
        status = weft__pe_values_was_written(it, &row, writes, out_was, out, err);
        at += row.shape.extent[0];
    }
    return status;
}

static bool tensor_meets(const tl_tensor *tensor, uint64_t begin, uint64_t end, uint64_t *out_address,
                         uint64_t *out_bytes)
{
    weft__runs runs = weft__runs_of(tensor);
    uint64_t each = weft_dtype_bytes(tensor->dtype), bytes = runs.run * each;
    for (uint64_t i = 0; i < runs.count; i++) {
        uint64_t from = tensor->address + weft__runs_begin(&runs, i) * each;
        if (from >= end || from + bytes <= begin)
            continue;
        *out_address = from > begin ? from : begin;
        *out_bytes = (from + bytes < end ? from + bytes : end) - *out_address;
        return true;
    }
    return false;
}

bool weft__pe_values_part_meets(const weft__tile_part *part, uint64_t begin, uint64_t end, uint64_t *out_address,
                                uint64_t *out_bytes)
{
    if (part->count == 0)
        return tensor_meets(&part->tensor, begin, end, out_address, out_bytes);
    uint64_t last = part->first + part->count;
    for (uint64_t at = part->first; at < last;) {
        const tl_tensor row = row_of(&part->tensor, at, last);
        if (tensor_meets(&row, begin, end, out_address, out_bytes))
            return true;
        at += row.shape.extent[0];
    }
    return false;
}

weft_status weft__pe_values_part_stands(weft__pe_values *it, const weft__tile_part *part, weft__value_id *out,
                                        weft_error *err)
{
    weft__value_id all;
    weft_shape shape = weft_shape_1d(part->count);
    weft_dtype dtype = part->tensor.dtype;
    if (part->count == 0)
        return weft__pe_values_stands(it, &part->tensor, out, err);
    weft_status status = weft__pe_values_stands(it, &part->tensor, &all, err);
    if (status != WEFT_OK)
        return status;
    status = weft__values_view(it->values, all, part->first * weft_dtype_bytes(dtype), dtype, &shape, out, err);
    weft__values_release(it->values, all);
    return status;
}
