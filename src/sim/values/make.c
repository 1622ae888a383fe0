/* What commands make of their operands. */
#include "sim/values/values_impl.h"

/* One number everywhere. */
static weft_status make_full(weft__pe_values *it, const weft__command *command, weft__value_id *out, weft_error *err)
{
    const tl_tensor *result = &command->result;
    weft__value_id number;
    weft_status status = weft__values_number(it->values, result->dtype, command->low, &number, err);
    if (status != WEFT_OK)
        return status;
    status = weft__values_repeat(it->values, number, &result->shape, out, err);
    weft__values_release(it->values, number);
    return status;
}

/* Its numbers are inputs that no memory holds. */
weft_status weft__pe_values_capture_limits(weft__pe_values *it, weft__command *command, weft_error *err)
{
    weft_dtype dtype = command->operands[0].dtype;
    if (command->captured[2])
        return WEFT_OK;
    weft_status status = weft__values_number(it->values, dtype, command->low, &command->captured[1], err);
    return status == WEFT_OK ? weft__values_number(it->values, dtype, command->high, &command->captured[2], err)
                             : status;
}

weft_status weft__pe_values_make(weft__pe_values *it, weft__command *command, weft__value_id *out, weft_error *err)
{
    *out = 0;
    if (command->data)
        return weft__values_constant(it->values, command->result.dtype, &command->result.shape, command->data, out,
                                     err);
    if (command->operand_count == 0)
        return make_full(it, command, out, err);
    weft__operation operation = {.op = command->op,
                                 .dtype = command->result.dtype,
                                 .shape = command->result.shape,
                                 .inputs = command->captured,
                                 .input_count = command->operand_count,
                                 .axis = command->axis,
                                 .epilogues = command->epilogues,
                                 .epilogue_count = command->epilogue_count,
                                 .tile_k = weft__pes_rates(it->pes)->gemm.tile_k};
    if (command->op == WEFT_COMMAND_CLAMP) {
        operation.input_count = 3;
        weft_status status = weft__pe_values_capture_limits(it, command, err);
        if (status != WEFT_OK)
            return status;
    }
    return weft__values_operate(it->values, &operation, out, err);
}
