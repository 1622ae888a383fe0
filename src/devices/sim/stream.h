/* Moving data while the PE computes: composite commands, which are given and waited for later. */
#ifndef WEFT_DEVICES_SIM_STREAM_H
#define WEFT_DEVICES_SIM_STREAM_H

#include "devices/sim/sim_impl.h"

#define WEFT__SIM_FLIGHT_MAX 32u

/* The call as this PE can do it: queues of the launch may leave it less scratch memory than the machine has. */
weft__sim_call weft__sim_call_here(const weft_tile *tl, const weft__sim_call *call);

/* Commands that are under way. Starts as zeros. */
typedef struct weft__sim_flight {
    tl_command commands[WEFT__SIM_FLIGHT_MAX];
    uint32_t count;
} weft__sim_flight;

/* Gives one more; waits for the others first if there are too many. */
void weft__sim_flight_add(weft_tile *tl, weft__sim_flight *flight, const tl_composite_request *request);
/* Waits for all of them. */
void weft__sim_flight_wait(weft_tile *tl, weft__sim_flight *flight);

/* Begins to bring elements from `first` on to a place in scratch memory, which is f32 and contiguous; f16 and bf16 are
 * cast on the way. */
void weft__sim_begin_load(weft_tile *tl, weft__sim_flight *flight, tl_tensor place, const weft__sim_view *view,
                          uint64_t first);
/* Begins to write a contiguous f32 tensor to elements of an f32 view. It must stay as it is until it has been waited
 * for. */
void weft__sim_begin_store(weft_tile *tl, weft__sim_flight *flight, const weft__sim_view *view, uint64_t first,
                           tl_tensor tensor);

/* Rows of a view that need not follow one another: so many elements each, and so many from one to the next. */
typedef struct weft__sim_matrix {
    const weft__sim_view *view;
    uint64_t first; /* element of the view */
    uint64_t columns, pitch;
} weft__sim_matrix;

/* As many of `count` rows from `row` on as lie in one block, as a tensor there, for products to stream. False if not
 * even one does. */
bool weft__sim_name_rows(weft_tile *tl, const weft__sim_matrix *matrix, uint64_t row, uint64_t count, tl_tensor *out);

#endif
