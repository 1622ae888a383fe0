/* What a kernel gets to know of data. */
#include "sim/tile/call.h"

void tl_peek(weft_tile *tl, tl_tensor tensor, void *out)
{
    weft__tile_enter(tl, "tl_peek");
    uint64_t bytes = weft__tile_bytes(tl, &tensor.shape, tensor.dtype, "The tensor");
    weft__tile_check_local(tl, &tensor, "The tensor");
    if (!out)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "There is no room for the elements: it is NULL.");
    const weft__pe_recorder *recorder = weft__pes_recorder(weft__pe_owner(tl->pe));
    if (!recorder || !recorder->peek)
        weft__tile_fail(tl, WEFT_UNSUPPORTED, "There is nothing to look at: the simulation keeps no values.");
    weft__pe_ask(tl->pe, &(weft__ask){.kind = WEFT__ASK_DATA});
    weft__pe_dispatch(tl->pe, tl->process);
    if (!recorder->peek(recorder->context, tl->pe, &tensor, weft__tile_kernel_name(tl), tl->call, out))
        weft__tile_stop(tl);
    weft__pe_read(tl->pe, tl->process, bytes);
}

void weft__tile_glance(weft_tile *tl, tl_tensor tensor)
{
    weft__tile_enter(tl, "tl_peek");
    uint64_t bytes = weft__tile_bytes(tl, &tensor.shape, tensor.dtype, "The tensor");
    weft__tile_check_local(tl, &tensor, "The tensor");
    weft__pe_dispatch(tl->pe, tl->process);
    weft__pe_read(tl->pe, tl->process, bytes);
}
