/* The kernel's view of its PE: who it is, memory, and what every call has in common. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/size.h"
#include "sim/machine/address.h"
#include "sim/pe/mmu.h"
#include "sim/tile/call.h"

/* ---- errors ---- */

/* The one whose kernel makes this call; NULL if none of this machine does. */
static weft_tile *find_running(weft__pes *pes)
{
    for (uint32_t i = 0; i < weft__pes_count(pes); i++) {
        weft_tile *tl = *weft__pe_kernels(weft__pe_at(pes, i));
        if (tl && tl->process && weft__process_is_running(tl->process))
            return tl;
    }
    return NULL;
}

static void note_call(weft_tile *tl, const char *call)
{
    tl->call = tl->collective ? tl->collective : call;
    tl->call_ps = weft__sim_now(weft__pes_sim(tl->run->pes));
    weft__pe_call(tl->pe, call);
}

/* The call is not made on the stack that this PE's kernel may take: it has taken more, or it is another kernel. */
static WEFT_COLD _Noreturn void fail_stack(weft_tile *tl, const char *call, uintptr_t used)
{
    weft_tile *running = find_running(tl->run->pes);
    note_call(running ? running : tl, call);
    if (running && running != tl)
        weft__tile_fail(running, WEFT_INVALID_ARGUMENT,
                        "The weft_tile belongs to kernel '%s' on %s%s: a kernel must use the one that it was given.",
                        weft__tile_kernel_name(tl), weft__pe_name(tl->pe), tl->process ? "" : ", which has ended");
    weft__tile_fail(tl, WEFT_OUT_OF_RANGE,
                    "The kernel has %zu bytes of stack in use, but may take %" PRIu32
                    ": let it have fewer or smaller variables, or set stack_bytes of its launch.",
                    (size_t)used, tl->run->request.stack_bytes);
}

void weft__tile_enter(weft_tile *tl, const char *call)
{
    uintptr_t used = tl->stack_begin - (uintptr_t)__builtin_frame_address(0);
    if (used > tl->run->request.stack_bytes)
        fail_stack(tl, call, used);
    note_call(tl, call);
}

void weft__tile_stop(weft_tile *tl)
{
    for (;;)
        weft__process_suspend(tl->process);
}

void weft__tile_fail(weft_tile *tl, weft_status status, const char *format, ...)
{
    char text[WEFT_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    weft_sim *sim = weft__process_sim(tl->process);
    (void)weft__sim_fail(sim, status, "Kernel '%s' on %s at %.3f ns, %s: %s", weft__tile_kernel_name(tl),
                         weft__pe_name(tl->pe), (double)weft__sim_now(sim) / 1000, tl->call, text);
    weft__tile_stop(tl);
}

void weft__tile_fail_with(weft_tile *tl, const weft_error *err)
{
    weft__tile_fail(tl, err->code, "%s", err->message);
}

/* ---- who am I ---- */

static void check_axis(const weft_tile *tl, const char *call, tl_axis axis)
{
    if ((uint32_t)axis < WEFT__TILE_AXES)
        return;
    weft_tile *own = weft__kernel_run_find(tl->run, weft__pe_index(tl->pe)); /* the same, to be written to */
    weft__tile_enter(own, call);
    weft__tile_fail(own, WEFT_INVALID_ARGUMENT, "Axis %d is none; there are %u.", (int)axis, WEFT__TILE_AXES);
}

uint32_t tl_program_id(const weft_tile *tl, tl_axis axis)
{
    check_axis(tl, "tl_program_id", axis);
    return tl->ids[axis];
}

uint32_t tl_num_programs(const weft_tile *tl, tl_axis axis)
{
    check_axis(tl, "tl_num_programs", axis);
    return tl->counts[axis];
}

uint64_t tl_now_ps(const weft_tile *tl)
{
    weft__pe_ask(tl->pe, &(weft__ask){.kind = WEFT__ASK_TIME});
    return weft__sim_now(weft__process_sim(tl->process));
}

void tl_note_time(const weft_tile *tl, uint64_t *out_ps)
{
    *out_ps = weft__sim_now(weft__process_sim(tl->process));
}

/* ---- tensors ---- */

static uint64_t tcm_bytes(const weft_tile *tl)
{
    return weft__region_bytes(weft__pes_graph(weft__pe_owner(tl->pe)), WEFT__REGION_TCM);
}

uint64_t weft__tile_bytes(weft_tile *tl, const weft_shape *shape, weft_dtype dtype, const char *what)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    if (shape->rank > WEFT_RANK_MAX)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "%s has rank %" PRIu32 ", the highest is %d.", what, shape->rank,
                        WEFT_RANK_MAX);
    uint64_t each = weft_dtype_bytes(dtype), bytes;
    if (each == 0)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "%s has dtype %d, which has no size.", what, (int)dtype);
    uint64_t elements = weft_shape_elements(shape);
    if (elements == 0)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "%s of shape %s has no elements.", what,
                        weft_shape_text(shape, text));
    if (__builtin_mul_overflow(elements, each, &bytes) || bytes > UINT64_C(1) << WEFT__ADDRESS_BITS)
        weft__tile_fail(tl, WEFT_OUT_OF_RANGE, "%s of shape %s has more bytes than there are addresses.", what,
                        weft_shape_text(shape, text));
    return bytes;
}

tl_tensor weft__tile_tensor(weft_shape shape, weft_dtype dtype, tl_space space, uint64_t address)
{
    tl_tensor tensor = {.shape = shape, .dtype = dtype, .space = space, .address = address, .base = address};
    uint64_t stride = 1;
    for (uint32_t axis = shape.rank; axis-- > 0;) {
        tensor.stride[axis] = stride;
        stride *= shape.extent[axis];
    }
    return tensor;
}

bool weft__tile_is_contiguous(const tl_tensor *tensor)
{
    uint64_t stride = 1;
    for (uint32_t axis = tensor->shape.rank; axis-- > 0;) {
        if (tensor->shape.extent[axis] != 1 && tensor->stride[axis] != stride)
            return false;
        stride *= tensor->shape.extent[axis];
    }
    return true;
}

uint64_t weft__tile_span_bytes(const tl_tensor *tensor)
{
    uint64_t last = 0, bytes = 0;
    bool is_too_far = false;
    for (uint32_t axis = 0; axis < tensor->shape.rank; axis++) {
        uint64_t steps;
        is_too_far |= __builtin_mul_overflow(tensor->shape.extent[axis] - 1, tensor->stride[axis], &steps) ||
                      __builtin_add_overflow(last, steps, &last);
    }
    is_too_far |= last == UINT64_MAX || __builtin_mul_overflow(last + 1, weft_dtype_bytes(tensor->dtype), &bytes);
    return is_too_far ? UINT64_MAX : bytes;
}

weft__plan_tensor weft__tile_plan_tensor(const tl_tensor *tensor)
{
    weft__plan_tensor out = {.is_remote = tensor->space == TL_REMOTE,
                             .is_strided = !weft__tile_is_contiguous(tensor),
                             .element_bytes = (uint32_t)weft_dtype_bytes(tensor->dtype),
                             .elements = weft_shape_elements(&tensor->shape),
                             .columns = 1,
                             .stride = 1};
    /* A row is what all indices of the last axes go along in steps of one size. */
    for (uint32_t axis = tensor->shape.rank; axis-- > 0;) {
        uint64_t extent = tensor->shape.extent[axis], stride = tensor->stride[axis];
        if (extent == 1)
            continue;
        if (out.columns == 1)
            out.stride = stride;
        if (stride != out.stride * out.columns) {
            out.row_stride = stride;
            break;
        }
        out.columns *= extent;
    }
    return out;
}

/* `advice` is for a tensor that was named as one that lies elsewhere. */
static void check_is_local(weft_tile *tl, const tl_tensor *tensor, const char *what, const char *advice)
{
    (void)weft__tile_bytes(tl, &tensor->shape, tensor->dtype, what);
    if (tensor->space != TL_TCM)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "%s at address 0x%" PRIx64 " is not in the PE's own memory: %s.",
                        what, tensor->address, advice);
    uint64_t begin = weft__pe_tcm_address(tl->pe), room = tcm_bytes(tl), past = tensor->address - begin;
    if (tensor->address < begin || past >= room)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT,
                        "%s at address 0x%" PRIx64 " says that it is in TL_TCM, but does not lie in the PE's own "
                        "memory, 0x%" PRIx64 " to 0x%" PRIx64 ": it was never set, or is another PE's.",
                        what, tensor->address, begin, begin + room - 1);
    if (weft__tile_span_bytes(tensor) > room - past) {
        char text[WEFT_SHAPE_TEXT_BYTES];
        weft__tile_fail(tl, WEFT_OUT_OF_RANGE,
                        "%s, %s %s at address 0x%" PRIx64 ", goes on behind the end of the PE's own memory, which has "
                        "%" PRIu64 " bytes from there on.",
                        what, weft_dtype_name(tensor->dtype), weft_shape_text(&tensor->shape, text), tensor->address,
                        room - past);
    }
}

void weft__tile_check_local(weft_tile *tl, const tl_tensor *tensor, const char *what)
{
    check_is_local(tl, tensor, what, "load it first");
}

void weft__tile_check_place(weft_tile *tl, const tl_tensor *place)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    check_is_local(tl, place, "The place", "tl_store_tensor writes to other memories");
    if (!weft__tile_is_contiguous(place))
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT,
                        "The place of shape %s is a part of another one, and not contiguous.",
                        weft_shape_text(&place->shape, text));
}

/* ---- scratch memory ---- */

uint64_t tl_mark(const weft_tile *tl)
{
    return tl->scratch_bytes;
}

void tl_release(weft_tile *tl, uint64_t mark)
{
    weft__tile_enter(tl, "tl_release");
    if (mark > tl->scratch_bytes)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "The mark is %" PRIu64 " bytes, but only %" PRIu64 " are in use.",
                        mark, tl->scratch_bytes);
    tl->scratch_bytes = mark;
    weft__pe_drop(tl->pe, weft__pe_tcm_address(tl->pe) + mark);
}

/* Where the next tensor begins. */
static uint64_t next_begin(const weft_tile *tl)
{
    return (tl->scratch_bytes + WEFT__SCRATCH_ALIGNMENT - 1) & ~(uint64_t)(WEFT__SCRATCH_ALIGNMENT - 1);
}

uint64_t tl_scratch_left(const weft_tile *tl)
{
    uint64_t begin = next_begin(tl);
    return begin < tl->scratch_room ? tl->scratch_room - begin : 0;
}

tl_tensor weft__tile_take(weft_tile *tl, weft_shape shape, weft_dtype dtype)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    uint64_t bytes = weft__tile_bytes(tl, &shape, dtype, "The result");
    uint64_t room = tl->scratch_room;
    uint64_t begin = next_begin(tl);
    if (bytes > tl_scratch_left(tl))
        weft__tile_fail(tl, WEFT_OUT_OF_MEMORY,
                        "Scratch memory has no room for the result, %s %s of %" PRIu64 " bytes: %" PRIu64 " of %" PRIu64
                        " bytes are in use.",
                        weft_dtype_name(dtype), weft_shape_text(&shape, text), bytes, tl->scratch_bytes, room);
    tl->scratch_bytes = begin + bytes;
    return weft__tile_tensor(shape, dtype, TL_TCM, weft__pe_tcm_address(tl->pe) + begin);
}

tl_tensor tl_empty(weft_tile *tl, weft_shape shape, weft_dtype dtype)
{
    weft__tile_enter(tl, "tl_empty");
    return weft__tile_take(tl, shape, dtype);
}

/* ---- addresses ---- */

static weft__tile_place locate_physical(weft_tile *tl, uint64_t address, uint64_t bytes)
{
    weft_error err;
    weft__location location;
    weft__pes *pes = weft__pe_owner(tl->pe);
    if (weft__address_resolve(weft__pes_graph(pes), address, bytes, &location, &err) != WEFT_OK)
        weft__tile_fail_with(tl, &err);
    if (location.region == WEFT__REGION_MCPU || location.region == WEFT__REGION_IO_CPU)
        weft__tile_fail(tl, WEFT_OUT_OF_RANGE,
                        "Address 0x%" PRIx64 " is a mailbox of a command processor, where no tensors are.", address);
    return (weft__tile_place){.space = location.node == weft__pe_dma_node(tl->pe) ? TL_TCM : TL_REMOTE,
                              .address = address,
                              .bytes = bytes,
                              .dma = {.node = location.node, .offset_bytes = location.offset}};
}

weft__tile_place weft__tile_locate_first(weft_tile *tl, uint64_t address, uint64_t bytes)
{
    weft__mapping mapping;
    if (!weft__is_virtual(address))
        return locate_physical(tl, address, bytes);
    if (!weft__mmu_find(tl->pe, address, bytes, &mapping))
        weft__tile_fail(tl, WEFT_NOT_FOUND, "Nothing is mapped at virtual address 0x%" PRIx64 " of the PE.", address);
    weft__tile_place place = locate_physical(tl, mapping.address, mapping.bytes);
    place.dma.virtual_address = address;
    return place;
}

weft__tile_place weft__tile_locate(weft_tile *tl, uint64_t address, uint64_t bytes)
{
    weft__tile_place place = weft__tile_locate_first(tl, address, bytes);
    if (place.bytes < bytes)
        weft__tile_check_mapped(tl, address, bytes);
    if (place.bytes < bytes)
        weft__tile_fail(tl, WEFT_UNSUPPORTED,
                        "%" PRIu64 " bytes at virtual address 0x%" PRIx64 " lead to several places, of which only "
                        "loads and stores can make one: the first has %" PRIu64 ".",
                        bytes, address, place.bytes);
    return place;
}

void weft__tile_check_mapped(weft_tile *tl, uint64_t address, uint64_t bytes)
{
    weft__mapping mapping;
    for (uint64_t at = 0; at < bytes; at += mapping.bytes)
        if (!weft__mmu_find(tl->pe, address + at, bytes - at, &mapping))
            weft__tile_fail(tl, at ? WEFT_OUT_OF_RANGE : WEFT_NOT_FOUND,
                            "%" PRIu64 " bytes at virtual address 0x%" PRIx64
                            " go on behind what is mapped: at 0x%" PRIx64 " nothing is.",
                            bytes, address, address + at);
}

void weft__tile_check_remote(weft_tile *tl, const weft__tile_place *place, uint64_t address, const char *instead)
{
    if (place->space == TL_TCM)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT,
                        "Address 0x%" PRIx64 " is in the PE's own memory, where the DMA does not go: use %s.", address,
                        instead);
}

/* ---- commands ---- */

weft__command *weft__tile_begin(weft_tile *tl, bool is_direct)
{
    weft__pe_dispatch(tl->pe, tl->process);
    return weft__tile_begin_next(tl, is_direct);
}

weft__command *weft__tile_begin_next(weft_tile *tl, bool is_direct)
{
    weft__command *command = weft__command_take(tl->pe);
    if (!command)
        weft__tile_stop(tl);
    command->process = is_direct ? tl->process : NULL;
    command->kernel = weft__tile_kernel_name(tl);
    command->call = tl->call;
    return command;
}

tl_tensor weft__tile_execute(weft__command *command)
{
    weft__command_issue(command);
    weft__command_wait(command);
    tl_tensor result = command->result;
    weft__command_give_back(command);
    return result;
}

/* ---- names ---- */

tl_tensor tl_ref(weft_tile *tl, uint64_t address, weft_shape shape, weft_dtype dtype)
{
    weft__tile_enter(tl, "tl_ref");
    uint64_t bytes = weft__tile_bytes(tl, &shape, dtype, "The tensor");
    weft__tile_place place = weft__tile_locate_first(tl, address, bytes);
    if (place.bytes < bytes)
        weft__tile_check_mapped(tl, address, bytes);
    else if (place.space == TL_TCM) /* which engines address as it is */
        return weft__tile_tensor(shape, dtype, TL_TCM, place.address);
    return weft__tile_tensor(shape, dtype, TL_REMOTE, address);
}
