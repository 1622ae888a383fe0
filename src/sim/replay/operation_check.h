/* What an operation may be: shapes that go together, a known op, epilogues that make sense. */
#ifndef WEFT_SIM_REPLAY_OPERATION_CHECK_H
#define WEFT_SIM_REPLAY_OPERATION_CHECK_H

#include "sim/replay/kernels.h"
#include "sim/replay/value.h"

/* Errors as of weft__values_operate; `inputs` tell of the first WEFT_COMMAND_INPUTS_MAX inputs. */
weft_status weft__operation_check(const weft__operation *operation, const weft__value_info *inputs,
                                  const weft__command_row **out_row, weft_error *err) WEFT_CHECKED;

/* True for an epilogue that takes an operand. */
bool weft__epilogue_has_operand(weft_epilogue_op op);

#endif
