#include "sim/collective/messages.h"

#include <inttypes.h>

tl_tensor weft__flat(weft_tile *tl, tl_tensor tensor)
{
    if (!weft__tile_is_contiguous(&tensor)) {
        tl_tensor copy = tl_empty(tl, tensor.shape, tensor.dtype);
        tl_copy(tl, copy, tensor);
        tensor = copy;
    }
    return tl_reshape(tl, tensor, weft_shape_1d(weft_shape_elements(&tensor.shape)));
}

tl_tensor weft__elements(const tl_tensor *flat, uint64_t begin, uint64_t count)
{
    tl_tensor part = *flat;
    part.address += begin * weft_dtype_bytes(flat->dtype);
    part.shape.extent[0] = count;
    return part;
}

weft__result weft__result_begin(weft_tile *tl, tl_tensor tensor, weft_shape shape)
{
    weft__result it = {.whole = tl_empty(tl, shape, tensor.dtype)};
    it.mark = tl_mark(tl);
    it.source = weft__flat(tl, tensor);
    it.flat = weft__flat(tl, it.whole);
    return it;
}

tl_tensor weft__result_end(weft_tile *tl, const weft__result *result)
{
    tl_release(tl, result->mark);
    return result->whole;
}

uint64_t weft__message_elements(const weft_tile *tl, weft_dtype dtype)
{
    return tl_slot_bytes(tl) / weft_dtype_bytes(dtype);
}

/* ---- reductions ---- */

static const struct operation {
    const char *name;
    weft_command_op op;
} operations[] = {
    [TL_REDUCE_SUM] = {"sum", WEFT_COMMAND_ADD},
    [TL_REDUCE_MAX] = {"max", WEFT_COMMAND_MAXIMUM},
    [TL_REDUCE_MIN] = {"min", WEFT_COMMAND_MINIMUM},
};
#define REDUCTIONS (sizeof operations / sizeof operations[0])

const char *weft__reduction_name(tl_reduction reduction)
{
    return operations[reduction].name;
}

tl_tensor weft__call_reducer(weft_tile *tl, const char *call, weft__reducer *reduce, tl_tensor tensor,
                             tl_reduction reduction)
{
    weft__tile_begin_collective(tl, call, false);
    if ((uint32_t)reduction >= REDUCTIONS)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "Reduction %d is none; there are %zu.", (int)reduction, REDUCTIONS);
    weft__tile_check_local(tl, &tensor, "The tensor");
    tl_tensor result = reduce(tl, tensor, reduction);
    weft__tile_end_collective(tl);
    return result;
}

tl_command weft__reduce(weft_tile *tl, tl_reduction reduction, tl_tensor a, tl_tensor b, tl_tensor place)
{
    const tl_composite_request request = {
        .op = operations[reduction].op, .a = a, .b = b, .out = place.address, .dtype = place.dtype};
    return tl_composite(tl, &request);
}

/* ---- receives ---- */

weft__ipcq_receive *weft__receive_into(weft_tile *tl, tl_direction from, tl_tensor place)
{
    weft__tile_enter(tl, "tl_recv_async");
    return weft__tile_receive(tl, from, &place);
}

tl_tensor weft__receive_take(weft_tile *tl, weft__ipcq_receive *receive)
{
    weft__tile_enter(tl, "tl_recv_wait");
    weft__pe_dispatch(tl->pe, tl->process);
    return weft__ipcq_receive_take(receive);
}

/* ---- sends ---- */

/* So many may well be under way: only what is older than they are is waited for unasked. */
#define YOUNG (WEFT__SENDS_OPEN / 2)

void weft__send(weft_tile *tl, weft__sends *sends, tl_direction to, tl_tensor tensor)
{
    if (sends->sent - sends->awaited == WEFT__SENDS_OPEN)
        weft__sends_await(tl, sends, sends->sent - YOUNG);
    sends->commands[sends->sent % WEFT__SENDS_OPEN] = tl_send(tl, to, tensor);
    sends->sent++;
}

void weft__sends_await(weft_tile *tl, weft__sends *sends, uint64_t count)
{
    if (count <= sends->awaited)
        return;
    /* One call for many of them. */
    if (sends->sent > count + YOUNG)
        count = sends->sent - YOUNG;
    tl_wait(tl, sends->commands[(count - 1) % WEFT__SENDS_OPEN]);
    sends->awaited = count;
}
