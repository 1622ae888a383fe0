#include "ops/ops_impl.h"

/* The device of the first argument there is: without an encoder, that one is the right one. */
static const weft_device *device_of(const weft_dispatch *dispatch)
{
    for (uint32_t i = 0; i < dispatch->op->argument_count; i++)
        if (dispatch->arguments[i])
            return dispatch->arguments[i]->allocation->device;
    return NULL;
}

weft_status weft_op_cost(const weft_op *op, const weft_buffer *const *arguments, size_t argument_count,
                         const void *params, weft_cost *out, weft_error *err)
{
    *out = (weft_cost){0, 0, 0};
    weft_status status = weft__call_check(op, argument_count, params, err);
    if (status != WEFT_OK)
        return status;
    weft_dispatch dispatch = {.op = op, .params = params};
    for (uint32_t i = 0; i < op->argument_count; i++)
        dispatch.arguments[i] = arguments[i];
    status = weft__dispatch_check(&dispatch, device_of(&dispatch), err);
    if (status == WEFT_OK)
        weft__dispatch_cost(&dispatch, out);
    return status;
}
