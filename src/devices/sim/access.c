/* What kernels have in common: whose the rows are, and elements that lie in several blocks. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/status.h"
#include "devices/sim/sim_impl.h"
#include "sim/tile/call.h"

/* Room for the gaps in front of 64 tensors, each of which begins at a multiple of 64 bytes. */
#define ALIGNMENT_BYTES 4096u

/* ---- errors ---- */

void weft__sim_fault(const weft__sim_call *call, weft__fault fault)
{
    weft__fault *noted = call->fault;
    bool is_first = noted->kind == WEFT__FAULT_NONE || fault.row < noted->row ||
                    (fault.row == noted->row && fault.index < noted->index);
    if (is_first)
        *noted = fault;
}

void weft__sim_refuse(weft_tile *tl, weft_status status, const char *format, ...)
{
    char text[WEFT_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    weft__tile_enter(tl, "planning its work");
    weft__tile_fail(tl, status, "%s", text);
}

/* ---- shares of work ---- */

/* The number of rows that begin before a byte of the memory. */
static uint64_t rows_before(const weft__sim_view *view, uint64_t row_bytes, uint64_t rows, uint64_t byte)
{
    if (byte <= view->offset_bytes)
        return 0;
    uint64_t begun = (byte - view->offset_bytes - 1) / row_bytes + 1;
    return begun < rows ? begun : rows;
}

static weft__sim_rows find_rows(const weft_tile *tl, const weft__sim_view *view, uint64_t rows, uint64_t row_elements)
{
    const weft__sim_memory *memory = view->memory;
    uint64_t block = (tl_program_id(tl, TL_AXIS_ALL) + memory->pes - memory->first) % memory->pes;
    if (rows == 0 || block >= memory->count)
        return (weft__sim_rows){0, 0};
    uint64_t row_bytes = row_elements * weft_dtype_bytes(view->dtype);
    uint64_t first = rows_before(view, row_bytes, rows, block * memory->block_bytes);
    uint64_t end = rows_before(view, row_bytes, rows, (block + 1) * memory->block_bytes);
    return (weft__sim_rows){first, end - first};
}

weft__sim_rows weft__sim_own_rows(const weft_tile *tl, const weft__sim_view *view, uint64_t row_elements)
{
    uint64_t rows = row_elements ? view->elements / row_elements : 0;
    weft__sim_rows own = find_rows(tl, view, rows, row_elements);
    weft__sim_note_split(tl, view, rows, row_elements, own.count);
    return own;
}

weft__sim_rows weft__sim_share(const weft_tile *tl, uint64_t count)
{
    uint64_t id = tl_program_id(tl, TL_AXIS_ALL), programs = tl_num_programs(tl, TL_AXIS_ALL);
    /* The first `rest` PEs have one more. */
    uint64_t each = count / programs, rest = count % programs;
    return (weft__sim_rows){id * each + (id < rest ? id : rest), each + (id < rest)};
}

uint64_t weft__sim_rows_at_once(const weft__sim_call *call, uint64_t row_bytes, uint64_t fixed_bytes, uint64_t count)
{
    uint64_t room = call->room_bytes > ALIGNMENT_BYTES ? call->room_bytes - ALIGNMENT_BYTES : 0;
    if (fixed_bytes > room)
        return 0;
    uint64_t rows = row_bytes ? (room - fixed_bytes) / row_bytes : count;
    return rows < count ? rows : count;
}

uint64_t weft__sim_elements_at_once(weft_tile *tl, const weft__sim_call *call, uint64_t element_bytes, uint64_t count)
{
    uint64_t elements = weft__sim_rows_at_once(call, element_bytes, tl_mark(tl), count);
    if (elements == 0)
        weft__sim_refuse(tl, WEFT_OUT_OF_MEMORY,
                         "Scratch memory of %" PRIu64 " bytes has no room for %" PRIu64 " more, for one element of %s.",
                         call->room_bytes, element_bytes, call->dispatch->op->name);
    return elements;
}

/* ---- elements ---- */

weft__sim_piece weft__sim_find_piece(const weft__sim_view *view, uint64_t first, uint64_t count)
{
    const weft__sim_memory *memory = view->memory;
    uint64_t each = weft_dtype_bytes(view->dtype);
    uint64_t byte = view->offset_bytes + first * each;
    uint64_t block = byte / memory->block_bytes, within = byte % memory->block_bytes;
    uint64_t left = (memory->block_bytes - within) / each;
    return (weft__sim_piece){memory->addresses[block] + within, left < count ? left : count};
}

void weft__sim_load_to(weft_tile *tl, tl_tensor place, const weft__sim_view *view, uint64_t first)
{
    uint64_t count = weft_shape_elements(&place.shape);
    tl_tensor line = tl_reshape(tl, place, weft_shape_1d(count));
    for (uint64_t done = 0; done < count;) {
        weft__sim_piece next = weft__sim_find_piece(view, first + done, count - done);
        tl_load_to(tl, tl_slice(tl, line, 0, done, next.count), next.address);
        done += next.count;
    }
}

tl_tensor weft__sim_load(weft_tile *tl, const weft__sim_view *view, uint64_t first, uint64_t count)
{
    weft__sim_piece all = weft__sim_find_piece(view, first, count);
    if (all.count == count)
        return tl_load(tl, all.address, weft_shape_1d(count), view->dtype);
    tl_tensor place = tl_empty(tl, weft_shape_1d(count), view->dtype);
    weft__sim_load_to(tl, place, view, first);
    return place;
}

tl_tensor weft__sim_load_f32(weft_tile *tl, const weft__sim_view *view, uint64_t first, uint64_t count)
{
    tl_tensor loaded = weft__sim_load(tl, view, first, count);
    return view->dtype == WEFT_F32 ? loaded : tl_cast(tl, loaded, WEFT_F32);
}

void weft__sim_store(weft_tile *tl, const weft__sim_view *view, uint64_t first, tl_tensor tensor)
{
    uint64_t count = weft_shape_elements(&tensor.shape);
    tl_tensor line = tl_reshape(tl, tensor, weft_shape_1d(count));
    for (uint64_t done = 0; done < count;) {
        weft__sim_piece next = weft__sim_find_piece(view, first + done, count - done);
        tl_store(tl, next.address, tl_slice(tl, line, 0, done, next.count));
        done += next.count;
    }
}

void weft__sim_store_f32(weft_tile *tl, const weft__sim_view *view, uint64_t first, tl_tensor tensor)
{
    weft__sim_store(tl, view, first, view->dtype == WEFT_F32 ? tensor : tl_cast(tl, tensor, view->dtype));
}

uint64_t weft__sim_f32_bytes(const weft__sim_view *view)
{
    return sizeof(float) + (view->dtype == WEFT_F32 ? 0 : weft_dtype_bytes(view->dtype));
}
