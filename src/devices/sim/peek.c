/* What processors know: numbers that they bring from memory, and numbers that they write there. */
#include <string.h>

#include "devices/sim/sim_impl.h"
#include "sim/tile/call.h"

void *weft__sim_host_memory(weft_tile *tl, const weft__sim_call *call, size_t bytes)
{
    weft_error err;
    weft__scratch *memory = &call->host_memory[tl_program_id(tl, TL_AXIS_ALL)];
    if (weft__scratch_reserve(memory, bytes, &err) != WEFT_OK)
        weft__sim_refuse(tl, err.code, "%s", err.message);
    return memory->data;
}

void weft__sim_peek(weft_tile *tl, const weft__sim_call *call, uint32_t argument, uint64_t first, uint64_t count,
                    void *out)
{
    const weft__sim_view *view = &call->arguments[argument];
    size_t each = weft_dtype_bytes(view->dtype);
    uint64_t mark = tl_mark(tl);
    if (!call->has_values)
        memset(out, 0, count * each);
    for (uint64_t done = 0, some; done < count; done += some) {
        some = weft__sim_elements_at_once(tl, call, each, count - done);
        tl_tensor loaded = weft__sim_load(tl, view, first + done, some);
        if (call->has_values)
            tl_peek(tl, loaded, (char *)out + done * each);
        else
            weft__tile_glance(tl, loaded);
        tl_release(tl, mark);
    }
}

void weft__sim_poke(weft_tile *tl, const weft__sim_call *call, uint32_t argument, uint64_t first, uint64_t count,
                    const void *data)
{
    const weft__sim_view *view = &call->arguments[argument];
    size_t each = weft_dtype_bytes(view->dtype);
    uint64_t mark = tl_mark(tl);
    for (uint64_t done = 0, some; done < count; done += some) {
        some = weft__sim_elements_at_once(tl, call, each, count - done);
        tl_tensor known = tl_constant(tl, weft_shape_1d(some), view->dtype, (const char *)data + done * each);
        weft__sim_store(tl, view, first + done, known);
        tl_release(tl, mark);
    }
}
