/* The kernel's view of its PE: who it is, memory, and what every call has in common. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/size.h"
#include "sim/machine/address.h"
#include "sim/tile/call.h"

/* Tensors begin at multiples of so many bytes. */
#define SCRATCH_ALIGNMENT 64u

/* ---- errors ---- */

void weft__tile_enter(weft_tile *tl, const char *call)
{
    tl->call = tl->collective ? tl->collective : call;
    tl->call_ps = weft__sim_now(weft__process_sim(tl->process));
    weft__pe_call(tl->pe, call);
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

uint32_t tl_program_id(const weft_tile *tl, tl_axis axis)
{
    return (uint32_t)axis < WEFT__TILE_AXES ? tl->ids[axis] : 0;
}

uint32_t tl_num_programs(const weft_tile *tl, tl_axis axis)
{
    return (uint32_t)axis < WEFT__TILE_AXES ? tl->counts[axis] : 0;
}

uint64_t tl_now_ps(const weft_tile *tl)
{
    return weft__sim_now(weft__process_sim(tl->process));
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

/* True if all bytes from the first element to the last one are in the PE's own memory, whatever the tensor says. */
static bool is_in_tcm(const weft_tile *tl, const tl_tensor *tensor)
{
    uint64_t begin = weft__pe_tcm_address(tl->pe), room = tcm_bytes(tl), past = tensor->address - begin;
    return tensor->address >= begin && past < room && weft__tile_span_bytes(tensor) <= room - past;
}

/* `advice` is for a tensor that was named as one that lies elsewhere. */
static void check_is_local(weft_tile *tl, const tl_tensor *tensor, const char *what, const char *advice)
{
    (void)weft__tile_bytes(tl, &tensor->shape, tensor->dtype, what);
    if (tensor->space != TL_TCM)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "%s at address 0x%" PRIx64 " is not in the PE's own memory: %s.",
                        what, tensor->address, advice);
    if (!is_in_tcm(tl, tensor)) {
        uint64_t begin = weft__pe_tcm_address(tl->pe);
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT,
                        "%s at address 0x%" PRIx64 " says that it is in TL_TCM, but does not lie in the PE's own "
                        "memory, 0x%" PRIx64 " to 0x%" PRIx64 ": it was never set, or is another PE's.",
                        what, tensor->address, begin, begin + tcm_bytes(tl) - 1);
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

tl_tensor weft__tile_take(weft_tile *tl, weft_shape shape, weft_dtype dtype)
{
    char text[WEFT_SHAPE_TEXT_BYTES];
    uint64_t bytes = weft__tile_bytes(tl, &shape, dtype, "The result");
    uint64_t room = tl->scratch_room;
    uint64_t begin = (tl->scratch_bytes + SCRATCH_ALIGNMENT - 1) & ~(uint64_t)(SCRATCH_ALIGNMENT - 1);
    if (begin > room || bytes > room - begin)
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

weft__tile_place weft__tile_locate(weft_tile *tl, uint64_t address, uint64_t bytes)
{
    weft_error err;
    weft__location location;
    weft__pes *pes = weft__pe_owner(tl->pe);
    if (weft__address_resolve(weft__pes_graph(pes), address, bytes, &location, &err) != WEFT_OK)
        weft__tile_fail_with(tl, &err);
    if (location.region == WEFT__REGION_MCPU || location.region == WEFT__REGION_IO_CPU)
        weft__tile_fail(tl, WEFT_OUT_OF_RANGE,
                        "Address 0x%" PRIx64 " is a mailbox of a command processor, where no tensors are.", address);
    bool is_own = location.node == weft__pe_dma_node(tl->pe);
    return (weft__tile_place){is_own ? TL_TCM : TL_REMOTE, {location.node, location.offset}};
}

/* ---- commands ---- */

weft__command *weft__tile_begin(weft_tile *tl, bool is_direct)
{
    weft__pe_dispatch(tl->pe, tl->process);
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

/* ---- load and store ---- */

tl_tensor tl_ref(weft_tile *tl, uint64_t address, weft_shape shape, weft_dtype dtype)
{
    weft__tile_enter(tl, "tl_ref");
    uint64_t bytes = weft__tile_bytes(tl, &shape, dtype, "The tensor");
    return weft__tile_tensor(shape, dtype, weft__tile_locate(tl, address, bytes).space, address);
}

weft__dma_place weft__tile_locate_remote(weft_tile *tl, uint64_t address, uint64_t bytes, const char *instead)
{
    weft__tile_place place = weft__tile_locate(tl, address, bytes);
    if (place.space == TL_TCM)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT,
                        "Address 0x%" PRIx64 " is in the PE's own memory, where the DMA does not go: use %s.", address,
                        instead);
    return place.dma;
}

static tl_tensor load_into(weft_tile *tl, tl_tensor from, weft__dma_place place, tl_tensor result)
{
    weft__command *command = weft__tile_begin(tl, true);
    command->op = WEFT_COMMAND_DMA_READ;
    command->operands[0] = from;
    command->operand_count = 1;
    command->result = result;
    command->inputs[0] = place;
    command->plan.kind = WEFT__PLAN_READ;
    command->plan.input_count = 1;
    command->plan.inputs[0] = weft__tile_plan_tensor(&from);
    return weft__tile_execute(command);
}

tl_tensor tl_load(weft_tile *tl, uint64_t address, weft_shape shape, weft_dtype dtype)
{
    weft__tile_enter(tl, "tl_load");
    weft__dma_place place =
        weft__tile_locate_remote(tl, address, weft__tile_bytes(tl, &shape, dtype, "The tensor"), "tl_ref");
    tl_tensor from = weft__tile_tensor(shape, dtype, TL_REMOTE, address);
    return load_into(tl, from, place, weft__tile_take(tl, shape, dtype));
}

tl_tensor tl_load_tensor(weft_tile *tl, tl_tensor tensor)
{
    weft__tile_enter(tl, "tl_load_tensor");
    (void)weft__tile_bytes(tl, &tensor.shape, tensor.dtype, "The tensor");
    weft__dma_place place = weft__tile_locate_remote(tl, tensor.address, weft__tile_span_bytes(&tensor), "it as it is");
    return load_into(tl, tensor, place, weft__tile_take(tl, tensor.shape, tensor.dtype));
}

void tl_load_to(weft_tile *tl, tl_tensor place, uint64_t address)
{
    weft__tile_enter(tl, "tl_load_to");
    uint64_t bytes = weft__tile_bytes(tl, &place.shape, place.dtype, "The place");
    weft__tile_check_place(tl, &place);
    weft__dma_place there = weft__tile_locate_remote(tl, address, bytes, "tl_copy");
    tl_tensor from = weft__tile_tensor(place.shape, place.dtype, TL_REMOTE, address);
    (void)load_into(tl, from, there, weft__tile_tensor(place.shape, place.dtype, TL_TCM, place.address));
}

static void store_to(weft_tile *tl, uint64_t address, tl_tensor tensor)
{
    uint64_t bytes = weft__tile_bytes(tl, &tensor.shape, tensor.dtype, "The tensor");
    weft__tile_check_local(tl, &tensor, "The tensor");
    weft__dma_place place = weft__tile_locate_remote(tl, address, bytes, "tl_copy");
    weft__command *command = weft__tile_begin(tl, true);
    command->op = WEFT_COMMAND_DMA_WRITE;
    command->operands[0] = tensor;
    command->operand_count = 1;
    command->result = weft__tile_tensor(tensor.shape, tensor.dtype, TL_REMOTE, address);
    command->output = place;
    command->plan.kind = WEFT__PLAN_WRITE;
    command->plan.input_count = 1;
    command->plan.inputs[0] = weft__tile_plan_tensor(&tensor);
    command->plan.output = weft__tile_plan_tensor(&command->result);
    (void)weft__tile_execute(command);
}

void tl_store(weft_tile *tl, uint64_t address, tl_tensor tensor)
{
    weft__tile_enter(tl, "tl_store");
    store_to(tl, address, tensor);
}

void tl_store_tensor(weft_tile *tl, tl_tensor place, tl_tensor tensor)
{
    char from[WEFT_SHAPE_TEXT_BYTES], to[WEFT_SHAPE_TEXT_BYTES];
    weft__tile_enter(tl, "tl_store_tensor");
    (void)weft__tile_bytes(tl, &place.shape, place.dtype, "The place");
    if (place.dtype != tensor.dtype || !weft_shape_equal(&place.shape, &tensor.shape))
        weft__tile_fail(tl, WEFT_SHAPE_MISMATCH, "A tensor %s %s does not go to a place for %s %s.",
                        weft_dtype_name(tensor.dtype), weft_shape_text(&tensor.shape, from),
                        weft_dtype_name(place.dtype), weft_shape_text(&place.shape, to));
    if (!weft__tile_is_contiguous(&place))
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT,
                        "The place of shape %s is a part of another one, and not contiguous.",
                        weft_shape_text(&place.shape, to));
    store_to(tl, place.address, tensor);
}
