#include "devices/sim/stream.h"

#include "base/size.h"
#include "sim/tile/call.h"

weft__sim_call weft__sim_call_here(const weft_tile *tl, const weft__sim_call *call)
{
    weft__sim_call here = *call;
    here.room_bytes = weft__min_size(call->room_bytes, tl->scratch_room);
    return here;
}

/* ---- commands under way ---- */

void weft__sim_flight_wait(weft_tile *tl, weft__sim_flight *flight)
{
    for (uint32_t i = 0; i < flight->count; i++)
        tl_wait(tl, flight->commands[i]);
    flight->count = 0;
}

void weft__sim_flight_add(weft_tile *tl, weft__sim_flight *flight, const tl_composite_request *request)
{
    if (flight->count == WEFT__SIM_FLIGHT_MAX)
        weft__sim_flight_wait(tl, flight);
    flight->commands[flight->count++] = tl_composite(tl, request);
}

/* ---- blocks ---- */

void weft__sim_begin_load(weft_tile *tl, weft__sim_flight *flight, tl_tensor place, const weft__sim_view *view,
                          uint64_t first)
{
    uint64_t count = weft_shape_elements(&place.shape);
    for (uint64_t done = 0; done < count;) {
        weft__sim_piece next = weft__sim_find_piece(view, first + done, count - done);
        const tl_composite_request request = {
            .op = WEFT_COMMAND_CAST,
            .a = tl_ref(tl, next.address, weft_shape_1d(next.count), view->dtype),
            .out = place.address + done * sizeof(float),
            .dtype = WEFT_F32,
        };
        weft__sim_flight_add(tl, flight, &request);
        done += next.count;
    }
}

void weft__sim_begin_store(weft_tile *tl, weft__sim_flight *flight, const weft__sim_view *view, uint64_t first,
                           tl_tensor tensor)
{
    uint64_t count = weft_shape_elements(&tensor.shape);
    tl_tensor line = tl_reshape(tl, tensor, weft_shape_1d(count));
    for (uint64_t done = 0; done < count;) {
        weft__sim_piece next = weft__sim_find_piece(view, first + done, count - done);
        const tl_composite_request request = {
            .op = WEFT_COMMAND_CAST,
            .a = tl_slice(tl, line, 0, done, next.count),
            .out = next.address,
            .dtype = WEFT_F32,
        };
        weft__sim_flight_add(tl, flight, &request);
        done += next.count;
    }
}

bool weft__sim_name_rows(weft_tile *tl, const weft__sim_matrix *matrix, uint64_t row, uint64_t count, tl_tensor *out)
{
    uint64_t span = (count - 1) * matrix->pitch + matrix->columns;
    weft__sim_piece next = weft__sim_find_piece(matrix->view, matrix->first + row * matrix->pitch, span);
    if (next.count < matrix->columns)
        return false;
    *out = tl_ref(tl, next.address, weft_shape_2d(1, matrix->columns), matrix->view->dtype);
    out->shape.extent[0] = (next.count - matrix->columns) / matrix->pitch + 1;
    out->stride[0] = matrix->pitch;
    return true;
}
