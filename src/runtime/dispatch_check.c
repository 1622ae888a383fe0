#include "base/status.h"
#include "runtime/device_impl.h"

weft_status weft__call_check(const weft_op *op, size_t argument_count, const void *params, weft_error *err)
{
    if (argument_count != op->argument_count)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: takes %u arguments, and %zu were given.", op->name,
                          op->argument_count, argument_count);
    if (op->params_bytes && !params)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: its parameters are NULL.", op->name);
    return WEFT_OK;
}

static weft_status fail_argument(const weft_device *device, const weft_op *op, uint32_t index,
                                 const weft_buffer *buffer, weft_error *err)
{
    const char *name = op->arguments[index].name;
    if (!buffer)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: argument %s is NULL.", op->name, name);
    if (buffer->allocation->device != device)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "%s: argument %s is a buffer of another device than the encoder's ('%s').", op->name, name,
                          device->table->scheme);
    return weft__fail(err, WEFT_INVALID_ARGUMENT, "%s: output %s wraps read-only memory.", op->name, name);
}

/* The rule of op_impl.h for a written argument against all others. */
static weft_status check_overlap(const weft_dispatch *dispatch, uint32_t written, weft_error *err)
{
    const weft_op *op = dispatch->op;
    const weft_buffer *out = dispatch->arguments[written];
    for (uint32_t i = 0; i < op->argument_count; i++) {
        const weft_buffer *other = dispatch->arguments[i];
        if (i == written || !other || other->allocation != out->allocation || !other->bytes || !out->bytes)
            continue;
        if (other->offset_bytes >= out->offset_bytes + out->bytes ||
            out->offset_bytes >= other->offset_bytes + other->bytes)
            continue;
        bool same =
            other->offset_bytes == out->offset_bytes && other->bytes == out->bytes && other->dtype == out->dtype;
        if (same && (op->in_place >> i & 1u))
            continue;
        return weft__fail(
            err, WEFT_INVALID_ARGUMENT,
            "%s: output %s, bytes [%zu, %zu) of its allocation, overlaps argument %s, bytes [%zu, %zu)%s.", op->name,
            op->arguments[written].name, out->offset_bytes, out->offset_bytes + out->bytes, op->arguments[i].name,
            other->offset_bytes, other->offset_bytes + other->bytes,
            op->in_place >> i & 1u ? " without being the same" : "");
    }
    return WEFT_OK;
}

weft_status weft__dispatch_check(const weft_dispatch *dispatch, const weft_device *device, weft_error *err)
{
    const weft_op *op = dispatch->op;
    for (uint32_t i = 0; i < op->argument_count; i++) {
        const weft_buffer *buffer = dispatch->arguments[i];
        const weft__argument *argument = &op->arguments[i];
        if (!buffer && argument->optional)
            continue;
        bool writes = argument->role & WEFT_WRITE;
        if (!buffer || buffer->allocation->device != device || (writes && buffer->allocation->read_only))
            return fail_argument(device, op, i, buffer, err);
        if (writes && !op->checks_overlap_itself) {
            weft_status status = check_overlap(dispatch, i, err);
            if (status)
                return status;
        }
    }
    return op->check(dispatch, err);
}
