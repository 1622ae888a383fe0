#include "ops/ops_impl.h"

#include "base/status.h"

/* The encoder's rules for arguments, without an encoder: here the first argument's device is the right one. */
static weft_status check_argument(const weft_dispatch *dispatch, uint32_t index, const weft_device *device,
                                  weft_error *err)
{
    const char *op = dispatch->op->name, *name = dispatch->op->arguments[index].name;
    const weft_buffer *buffer = dispatch->arguments[index];
    if (!buffer)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: argument %s is NULL.", op, name);
    if (buffer->allocation->device != device)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: argument %s is a buffer of another device.", op, name);
    if (dispatch->op->arguments[index].role != WEFT_READ && buffer->allocation->read_only)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: output %s wraps read-only memory.", op, name);
    return WEFT_OK;
}

static bool may_go_together(const weft_dispatch *dispatch, uint32_t written, uint32_t index)
{
    const weft_buffer *out = dispatch->arguments[written], *other = dispatch->arguments[index];
    if (!other || index == written || other->allocation != out->allocation || !other->bytes || !out->bytes)
        return true;
    if (other->offset_bytes >= out->offset_bytes + out->bytes ||
        out->offset_bytes >= other->offset_bytes + other->bytes)
        return true;
    bool is_same = other->offset_bytes == out->offset_bytes && other->bytes == out->bytes && other->dtype == out->dtype;
    return is_same && (dispatch->op->in_place >> index & 1u);
}

static weft_status check_overlaps(const weft_dispatch *dispatch, uint32_t written, weft_error *err)
{
    const weft_op *op = dispatch->op;
    for (uint32_t i = 0; i < op->argument_count; i++)
        if (!may_go_together(dispatch, written, i))
            return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: output %s overlaps argument %s.", op->name,
                              op->arguments[written].name, op->arguments[i].name);
    return WEFT_OK;
}

static weft_status check_call(const weft_dispatch *dispatch, weft_error *err)
{
    const weft_op *op = dispatch->op;
    const weft_device *device = NULL;
    for (uint32_t i = 0; i < op->argument_count && !device; i++)
        device = dispatch->arguments[i] ? dispatch->arguments[i]->allocation->device : NULL;
    for (uint32_t i = 0; i < op->argument_count; i++) {
        if (!dispatch->arguments[i] && op->arguments[i].optional)
            continue;
        weft_status status = check_argument(dispatch, i, device, err);
        if (status == WEFT_OK && op->arguments[i].role != WEFT_READ && !op->checks_overlap_itself)
            status = check_overlaps(dispatch, i, err);
        if (status != WEFT_OK)
            return status;
    }
    return op->check(dispatch, err);
}

weft_status weft_op_cost(const weft_op *op, const weft_buffer *const *arguments, size_t argument_count,
                         const void *params, weft_cost *out, weft_error *err)
{
    *out = (weft_cost){0, 0, 0};
    if (argument_count != op->argument_count)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: takes %u arguments, and %zu were given.", op->name,
                          (unsigned)op->argument_count, argument_count);
    if (op->params_bytes && !params)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: its parameters are NULL.", op->name);
    weft_dispatch dispatch = {.op = op, .params = params};
    for (uint32_t i = 0; i < op->argument_count; i++)
        dispatch.arguments[i] = arguments[i];
    weft_status status = check_call(&dispatch, err);
    if (status == WEFT_OK)
        weft__dispatch_cost(&dispatch, out);
    return status;
}
