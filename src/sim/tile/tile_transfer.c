/* Loads and stores. A virtual address may lead to several places, one of which a transfer goes to: so a tensor that has
 * one moves in as many transfers as it takes, one after another, as parts of one command. */
#include <inttypes.h>

#include "sim/tile/call.h"

/* Two tensors of one shape, one of which goes to the other, and how. */
typedef struct passage {
    weft_tile *tl;
    bool is_write;       /* from here to there */
    bool is_looking;     /* nothing moves yet */
    const char *instead; /* of loading or storing what is in the PE's own memory */
    uint64_t transfers;  /* made, or looked at */
} passage;

/* ---- one transfer ---- */

static weft__command *begin(const passage *it)
{
    return it->transfers == 0 ? weft__tile_begin(it->tl, true) : weft__tile_begin_next(it->tl, true);
}

static tl_tensor read_one(const passage *it, const tl_tensor *there, const weft__dma_place *place,
                          const tl_tensor *here)
{
    weft__command *command = begin(it);
    command->op = WEFT_COMMAND_DMA_READ;
    command->operands[0] = *there;
    command->operand_count = 1;
    command->result = *here;
    command->inputs[0] = *place;
    command->plan.kind = WEFT__PLAN_READ;
    command->plan.input_count = 1;
    command->plan.inputs[0] = weft__tile_plan_tensor(there);
    return weft__tile_execute(command);
}

static void write_one(const passage *it, const tl_tensor *there, const weft__dma_place *place, const tl_tensor *here)
{
    weft__command *command = begin(it);
    command->op = WEFT_COMMAND_DMA_WRITE;
    command->operands[0] = *here;
    command->operand_count = 1;
    command->result = *there;
    command->output = *place;
    command->plan.kind = WEFT__PLAN_WRITE;
    command->plan.input_count = 1;
    command->plan.inputs[0] = weft__tile_plan_tensor(here);
    command->plan.output = weft__tile_plan_tensor(there);
    (void)weft__tile_execute(command);
}

/* Of tensors of which the one there lies in one place; gives the one here. */
static tl_tensor move_one(passage *it, tl_tensor there, const weft__tile_place *place, tl_tensor here)
{
    weft__tile_check_remote(it->tl, place, there.address, it->instead);
    there.address = there.base = place->address;
    if (!it->is_looking && it->is_write)
        write_one(it, &there, &place->dma, &here);
    else if (!it->is_looking)
        here = read_one(it, &there, &place->dma, &here);
    it->transfers++;
    return here;
}

/* ---- several ---- */

/* So many bytes of a contiguous tensor: elements where it is whole ones, else bytes. */
static tl_tensor cut_bytes(const tl_tensor *tensor, uint64_t begin, uint64_t bytes)
{
    tl_tensor part = *tensor;
    uint64_t each = weft_dtype_bytes(tensor->dtype);
    if (begin % each || bytes % each) {
        part.dtype = WEFT_U8;
        each = 1;
    }
    part.address += begin;
    part.shape = weft_shape_1d(bytes / each);
    part.stride[0] = 1;
    return part;
}

static tl_tensor cut_axis(const tl_tensor *tensor, uint32_t axis, uint64_t begin, uint64_t count)
{
    tl_tensor part = *tensor;
    part.address += begin * tensor->stride[axis] * weft_dtype_bytes(tensor->dtype);
    part.shape.extent[axis] = count;
    return part;
}

/* Both lie in a row. */
static void move_row(passage *it, const tl_tensor *there, const tl_tensor *here)
{
    uint64_t bytes = weft__tile_span_bytes(there);
    weft__tile_check_mapped(it->tl, there->address, bytes);
    for (uint64_t at = 0; at < bytes;) {
        weft__tile_place place = weft__tile_locate_first(it->tl, there->address + at, bytes - at);
        (void)move_one(it, cut_bytes(there, at, place.bytes), &place, cut_bytes(here, at, place.bytes));
        at += place.bytes;
    }
}

/* The most indices of an axis, from one on, whose elements there lie in one place; 0 if those of one index do not. */
static uint64_t count_together(const passage *it, const tl_tensor *there, uint32_t axis, uint64_t begin)
{
    uint64_t least = 0, most = there->shape.extent[axis] - begin;
    while (least < most) {
        uint64_t count = least + (most - least + 1) / 2;
        tl_tensor part = cut_axis(there, axis, begin, count);
        uint64_t bytes = weft__tile_span_bytes(&part);
        if (weft__tile_locate_first(it->tl, part.address, bytes).bytes == bytes)
            least = count;
        else
            most = count - 1;
    }
    return least;
}

static void move_axes(passage *it, const tl_tensor *there, const tl_tensor *here, uint32_t axis);

/* Index by index of an axis, or some at once that lie together. */
static void move_axis(passage *it, const tl_tensor *there, const tl_tensor *here, uint32_t axis)
{
    for (uint64_t at = 0, count; at < there->shape.extent[axis]; at += count) {
        uint64_t together = count_together(it, there, axis, at);
        count = together ? together : 1;
        tl_tensor from = cut_axis(there, axis, at, count), to = cut_axis(here, axis, at, count);
        if (together) {
            weft__tile_place place = weft__tile_locate_first(it->tl, from.address, weft__tile_span_bytes(&from));
            (void)move_one(it, from, &place, to);
        } else {
            move_axes(it, &from, &to, axis + 1);
        }
    }
}

/* What has one index of each axis before `axis`. */
static void move_axes(passage *it, const tl_tensor *there, const tl_tensor *here, uint32_t axis)
{
    if (weft__tile_is_contiguous(there) && weft__tile_is_contiguous(here))
        move_row(it, there, here);
    else
        move_axis(it, there, here, axis);
}

/* The place where the tensor there begins, and as much of it as lies there. */
static weft__tile_place find(const passage *it, const tl_tensor *there)
{
    weft__tile_place place = weft__tile_locate_first(it->tl, there->address, weft__tile_span_bytes(there));
    weft__tile_check_remote(it->tl, &place, there->address, it->instead);
    return place;
}

/* Gives the tensor here. */
static tl_tensor move(passage *it, tl_tensor there, const weft__tile_place *place, tl_tensor here)
{
    if (place->bytes == weft__tile_span_bytes(&there))
        return move_one(it, there, place, here);
    it->is_looking = true; /* so that what is wrong with any of them is so at once */
    move_axes(it, &there, &here, 0);
    it->is_looking = false;
    it->transfers = 0;
    move_axes(it, &there, &here, 0);
    if (!it->is_write && !weft__pe_join(it->tl->pe, &here, weft__tile_kernel_name(it->tl), it->tl->call))
        weft__tile_stop(it->tl);
    return here;
}

/* ---- loads ---- */

static tl_tensor remote(uint64_t address, weft_shape shape, weft_dtype dtype)
{
    return weft__tile_tensor(shape, dtype, TL_REMOTE, address);
}

static tl_tensor load(weft_tile *tl, tl_tensor there, const char *instead)
{
    passage it = {.tl = tl, .instead = instead};
    weft__tile_place place = find(&it, &there);
    return move(&it, there, &place, weft__tile_take(tl, there.shape, there.dtype));
}

tl_tensor tl_load(weft_tile *tl, uint64_t address, weft_shape shape, weft_dtype dtype)
{
    weft__tile_enter(tl, "tl_load");
    (void)weft__tile_bytes(tl, &shape, dtype, "The tensor");
    return load(tl, remote(address, shape, dtype), "tl_ref");
}

tl_tensor tl_load_tensor(weft_tile *tl, tl_tensor tensor)
{
    weft__tile_enter(tl, "tl_load_tensor");
    (void)weft__tile_bytes(tl, &tensor.shape, tensor.dtype, "The tensor");
    return load(tl, tensor, "it as it is");
}

void tl_load_to(weft_tile *tl, tl_tensor place, uint64_t address)
{
    weft__tile_enter(tl, "tl_load_to");
    (void)weft__tile_bytes(tl, &place.shape, place.dtype, "The place");
    weft__tile_check_place(tl, &place);
    passage it = {.tl = tl, .instead = "tl_copy"};
    tl_tensor there = remote(address, place.shape, place.dtype);
    weft__tile_place begin = find(&it, &there);
    (void)move(&it, there, &begin, weft__tile_tensor(place.shape, place.dtype, TL_TCM, place.address));
}

/* ---- stores ---- */

static void store(weft_tile *tl, uint64_t address, tl_tensor tensor)
{
    (void)weft__tile_bytes(tl, &tensor.shape, tensor.dtype, "The tensor");
    weft__tile_check_local(tl, &tensor, "The tensor");
    passage it = {.tl = tl, .is_write = true, .instead = "tl_copy"};
    tl_tensor there = remote(address, tensor.shape, tensor.dtype);
    weft__tile_place begin = find(&it, &there);
    (void)move(&it, there, &begin, tensor);
}

void tl_store(weft_tile *tl, uint64_t address, tl_tensor tensor)
{
    weft__tile_enter(tl, "tl_store");
    store(tl, address, tensor);
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
    store(tl, place.address, tensor);
}
