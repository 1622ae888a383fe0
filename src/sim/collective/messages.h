/* What collectives are made of: tensors cut into messages that fit a slot, receives to a place of their own, sends that
 * are waited for late, and the reduction of two messages.
 *
 * All of it is for the inside of a kernel: what is wrong ends the run, and nothing on the heap is held meanwhile. */
#ifndef WEFT_SIM_COLLECTIVE_MESSAGES_H
#define WEFT_SIM_COLLECTIVE_MESSAGES_H

#include <weft/collective.h>

#include "sim/tile/call.h"

/* The same elements in a row; a copy of a tensor that is not contiguous. */
tl_tensor weft__flat(weft_tile *tl, tl_tensor tensor);

/* `count` elements of a tensor in a row, from element `begin` on. */
tl_tensor weft__elements(const tl_tensor *flat, uint64_t begin, uint64_t count);

/* Elements of a dtype that fit a slot. */
uint64_t weft__message_elements(const weft_tile *tl, weft_dtype dtype);

/* A tensor that a collective makes of another one, and both in a row; they last until weft__result_end, which gives
 * back all scratch memory but that of the new tensor, and gives this. */
typedef struct weft__result {
    tl_tensor whole, source, flat;
    uint64_t mark;
} weft__result;
weft__result weft__result_begin(weft_tile *tl, tl_tensor tensor, weft_shape shape);
tl_tensor weft__result_end(weft_tile *tl, const weft__result *result);

/* A collective that reduces: is given a tensor in the TCM, and a reduction that is one. */
typedef tl_tensor weft__reducer(weft_tile *tl, tl_tensor tensor, tl_reduction reduction);
weft__reducer weft__all_reduce_ring, weft__all_reduce_centre, weft__all_reduce_mesh, weft__all_reduce_tree;

/* Such a call, with its checks: ends the run for a number that is no reduction. */
tl_tensor weft__call_reducer(weft_tile *tl, const char *call, weft__reducer *reduce, tl_tensor tensor,
                             tl_reduction reduction);

/* "sum", always at the same place; for errors, and to tell collectives apart. */
const char *weft__reduction_name(tl_reduction reduction);

/* Begins to write the reduction of two tensors of one shape to a contiguous place of that shape. */
tl_command weft__reduce(weft_tile *tl, tl_reduction reduction, tl_tensor a, tl_tensor b, tl_tensor place);

/* ---- receives ---- */

/* As tl_recv_async(), but to a contiguous place of the kernel's own; and as tl_recv_wait(). */
weft__ipcq_receive *weft__receive_into(weft_tile *tl, tl_direction from, tl_tensor place);
tl_tensor weft__receive_take(weft_tile *tl, weft__ipcq_receive *receive);

/* ---- sends ---- */

#define WEFT__SENDS_OPEN 16u

/* Messages that a kernel has sent, zeroed at first. They are read one after another, so to wait for one is to wait for
 * those before it. */
typedef struct weft__sends {
    tl_command commands[WEFT__SENDS_OPEN]; /* the last ones, by their number among `sent` */
    uint64_t sent, awaited;
} weft__sends;

void weft__send(weft_tile *tl, weft__sends *sends, tl_direction to, tl_tensor tensor);
/* Waits until the first `count` have been read; fewer have not been sent. */
void weft__sends_await(weft_tile *tl, weft__sends *sends, uint64_t count);

#endif
