#include "runtime/buffer_impl.h"
#include "runtime/op_impl.h"

void weft__dispatch_ranges(const weft_dispatch *dispatch, uint32_t argument, weft__range_sink *sink)
{
    const weft_buffer *buffer = dispatch->arguments[argument];
    if (!buffer || (dispatch->op->ranges && dispatch->op->ranges(dispatch, argument, sink)))
        return;
    if (buffer->bytes)
        sink->take(sink, 0, buffer->bytes);
}

typedef struct byte_counter {
    weft__range_sink sink;
    uint64_t bytes;
} byte_counter;

static void count_bytes(weft__range_sink *sink, uint64_t begin_bytes, uint64_t end_bytes)
{
    ((byte_counter *)sink)->bytes += end_bytes - begin_bytes;
}

/* Of one argument. */
static uint64_t moved_bytes(const weft_dispatch *dispatch, uint32_t argument)
{
    byte_counter counter = {.sink = {count_bytes}};
    if (dispatch->op->bytes && dispatch->op->bytes(dispatch, argument, &counter.bytes))
        return counter.bytes;
    weft__dispatch_ranges(dispatch, argument, &counter.sink);
    return counter.bytes;
}

void weft__dispatch_cost(const weft_dispatch *dispatch, weft_cost *out)
{
    const weft_op *op = dispatch->op;
    *out = (weft_cost){.flops = op->flops ? op->flops(dispatch) : 0};
    for (uint32_t i = 0; i < op->argument_count; i++) {
        uint64_t bytes = moved_bytes(dispatch, i);
        if (op->arguments[i].role & WEFT_READ)
            out->bytes_read += bytes;
        if (op->arguments[i].role & WEFT_WRITE)
            out->bytes_written += bytes;
    }
}
