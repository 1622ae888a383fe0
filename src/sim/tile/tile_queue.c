/* Queues between PEs, as kernels see them. */
#include <inttypes.h>
#include <string.h>

#include <weft/sim.h>

#include "sim/tile/call.h"

/* ---- directions ---- */

static const char *const directions[TL_DIRECTIONS] = {
    [TL_NORTH] = "north",         [TL_EAST] = "east",         [TL_SOUTH] = "south",         [TL_WEST] = "west",
    [TL_PE_NORTH] = "pe_north",   [TL_PE_EAST] = "pe_east",   [TL_PE_SOUTH] = "pe_south",   [TL_PE_WEST] = "pe_west",
    [TL_SIP_NORTH] = "sip_north", [TL_SIP_EAST] = "sip_east", [TL_SIP_SOUTH] = "sip_south", [TL_SIP_WEST] = "sip_west",
    [TL_NEXT] = "next",           [TL_PREVIOUS] = "previous", [TL_PARENT] = "parent",       [TL_LEFT_CHILD] = "left",
    [TL_RIGHT_CHILD] = "right",
};

const char *tl_direction_name(tl_direction direction)
{
    return (uint32_t)direction < TL_DIRECTIONS ? directions[direction] : NULL;
}

static weft__ipcq *queues_of(const weft_tile *tl)
{
    return tl->run->ipcq;
}

bool tl_has_neighbour(const weft_tile *tl, tl_direction direction)
{
    return queues_of(tl) && weft__ipcq_has_queue(queues_of(tl), tl->pe, direction);
}

static const weft__ipcq_spec *spec_of(const weft_tile *tl)
{
    return &weft__pes_graph(weft__pe_owner(tl->pe))->spec->pe.ipcq;
}

uint32_t tl_slots(const weft_tile *tl)
{
    return spec_of(tl)->slots;
}

uint64_t tl_slot_bytes(const weft_tile *tl)
{
    return spec_of(tl)->slot_bytes;
}

/* Which queues of a launch lead where, in the order of the directions. */
static const struct {
    uint32_t queues;
    const char *name, *gives;
    tl_direction last;
} kinds[] = {
    {WEFT_QUEUES_CUBES, "WEFT_QUEUES_CUBES", "TL_NORTH, TL_EAST, TL_SOUTH and TL_WEST", TL_WEST},
    {WEFT_QUEUES_PES, "WEFT_QUEUES_PES", "TL_PE_NORTH, TL_PE_EAST, TL_PE_SOUTH and TL_PE_WEST", TL_PE_WEST},
    {WEFT_QUEUES_SIPS, "WEFT_QUEUES_SIPS", "TL_SIP_NORTH, TL_SIP_EAST, TL_SIP_SOUTH and TL_SIP_WEST", TL_SIP_WEST},
    {WEFT_QUEUES_RING, "WEFT_QUEUES_RING", "TL_NEXT and TL_PREVIOUS", TL_PREVIOUS},
    {WEFT_QUEUES_TREE, "WEFT_QUEUES_TREE", "TL_PARENT, TL_LEFT_CHILD and TL_RIGHT_CHILD", TL_RIGHT_CHILD},
};

WEFT_COLD _Noreturn static void fail_without_neighbour(weft_tile *tl, tl_direction direction)
{
    if (direction >= TL_NEXT && tl_num_programs(tl, TL_AXIS_RANK) == 1)
        weft__tile_fail(tl, WEFT_NOT_FOUND, "There is no neighbour %s: the group of %s has no other PE.",
                        directions[direction], weft__pe_name(tl->pe));
    size_t i = 0;
    while (direction > kinds[i].last)
        i++;
    if (!(tl->run->request.queues & kinds[i].queues))
        weft__tile_fail(tl, WEFT_NOT_FOUND,
                        "There is no neighbour %s: weft_launch_options.queues does not ask for %s, which gives %s.",
                        directions[direction], kinds[i].name, kinds[i].gives);
    weft__tile_fail(
        tl, WEFT_NOT_FOUND,
        "There is no neighbour %s: weft_launch_options.queues asks for %s, but the launch has no PE in that "
        "direction from %s.",
        directions[direction], kinds[i].name, weft__pe_name(tl->pe));
}

/* Ends the run if there are no messages to, or from, a direction. */
static void check_neighbour(weft_tile *tl, tl_direction direction, bool is_source)
{
    if ((uint32_t)direction >= TL_DIRECTIONS)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT, "Direction %d is none; there are %d.", (int)direction,
                        TL_DIRECTIONS);
    if (!queues_of(tl) || !(is_source ? weft__ipcq_has_source : weft__ipcq_has_queue)(queues_of(tl), tl->pe, direction))
        fail_without_neighbour(tl, direction);
}

void weft__tile_need_neighbour(weft_tile *tl, tl_direction direction)
{
    check_neighbour(tl, direction, false);
}

static void check_fits_slot(weft_tile *tl, const char *what, uint64_t bytes)
{
    if (bytes > spec_of(tl)->slot_bytes)
        weft__tile_fail(tl, WEFT_OUT_OF_RANGE,
                        "%s has %" PRIu64 " bytes, but a slot has pe.ipcq.slot_bytes %" PRIu32 ".", what, bytes,
                        spec_of(tl)->slot_bytes);
}

/* ---- the numbers of commands ---- */

/* From the top: kind, direction, the number of the launch, or what there is room for of it, and a number that the kind
 * tells the meaning of. */
enum {
    KIND_SHIFT = 62,
    DIRECTION_SHIFT = 56,
    SERIAL_SHIFT = 36
};

static uint64_t serial_of(uint64_t launch)
{
    return launch & ((1u << (DIRECTION_SHIFT - SERIAL_SHIFT)) - 1);
}

tl_command weft__tile_command(const weft_tile *tl, weft__tile_command_kind kind, uint32_t direction, uint64_t number)
{
    return (tl_command){(uint64_t)kind << KIND_SHIFT | (uint64_t)direction << DIRECTION_SHIFT |
                        serial_of(tl->run->serial) << SERIAL_SHIFT | number};
}

/* True if this kernel may have given it, and it is of this kind. */
static bool is_own(const weft_tile *tl, tl_command command, weft__tile_command_kind kind)
{
    return command.number >> KIND_SHIFT == kind &&
           serial_of(command.number >> SERIAL_SHIFT) == serial_of(tl->run->serial);
}

static tl_direction direction_of(tl_command command)
{
    return (tl_direction)(command.number >> DIRECTION_SHIFT & ((1u << (KIND_SHIFT - DIRECTION_SHIFT)) - 1));
}

static uint64_t number_of(tl_command command)
{
    return command.number & ((UINT64_C(1) << SERIAL_SHIFT) - 1);
}

/* ---- sending ---- */

tl_command tl_send(weft_tile *tl, tl_direction to, tl_tensor tensor)
{
    weft__tile_enter(tl, "tl_send");
    uint64_t bytes = weft__tile_bytes(tl, &tensor.shape, tensor.dtype, "The tensor"), number;
    weft__tile_check_local(tl, &tensor, "The tensor");
    check_neighbour(tl, to, false);
    check_fits_slot(tl, "The tensor", bytes);
    weft__pe_dispatch(tl->pe, tl->process);
    if (!weft__ipcq_send(queues_of(tl), tl->pe, to, &tensor, weft__tile_kernel_name(tl), tl->call, &number))
        weft__tile_stop(tl);
    return weft__tile_command(tl, WEFT__TILE_SEND, (uint32_t)to, number);
}

/* ---- receiving ---- */

/* After the checks and the dispatch. */
static weft__ipcq_receive *begin_receive(weft_tile *tl, tl_direction from, const tl_tensor *result, bool is_in_place)
{
    const weft__ipcq_receive request = {.pe = tl->pe,
                                        .direction = (uint8_t)from,
                                        .is_in_place = is_in_place,
                                        .shape = result->shape,
                                        .dtype = result->dtype,
                                        .result = *result,
                                        .kernel = weft__tile_kernel_name(tl),
                                        .call = tl->call};
    weft__ipcq_receive *receive = weft__ipcq_receive_begin(queues_of(tl), &request);
    if (!receive)
        weft__tile_stop(tl);
    return receive;
}

weft__ipcq_receive *weft__tile_receive(weft_tile *tl, tl_direction from, const tl_tensor *place)
{
    weft__pe_dispatch(tl->pe, tl->process);
    return begin_receive(tl, from, place, false);
}

static void check_receive(weft_tile *tl, tl_direction from, const weft_shape *shape, weft_dtype dtype)
{
    check_neighbour(tl, from, true);
    check_fits_slot(tl, "The result", weft__tile_bytes(tl, shape, dtype, "The result"));
}

/* Begins to receive into scratch memory. */
static weft__ipcq_receive *receive_copy(weft_tile *tl, tl_direction from, weft_shape shape, weft_dtype dtype)
{
    check_receive(tl, from, &shape, dtype);
    tl_tensor result = weft__tile_take(tl, shape, dtype);
    return weft__tile_receive(tl, from, &result);
}

/* The same to a place, whatever it was. */
static weft__ipcq_receive *receive_into(weft_tile *tl, tl_direction from, const tl_tensor *place)
{
    weft__tile_check_place(tl, place);
    check_receive(tl, from, &place->shape, place->dtype);
    tl_tensor result = weft__tile_tensor(place->shape, place->dtype, TL_TCM, place->address);
    return weft__tile_receive(tl, from, &result);
}

tl_tensor tl_recv(weft_tile *tl, tl_direction from, weft_shape shape, weft_dtype dtype)
{
    weft__tile_enter(tl, "tl_recv");
    return weft__ipcq_receive_take(receive_copy(tl, from, shape, dtype));
}

tl_command tl_recv_async(weft_tile *tl, tl_direction from, weft_shape shape, weft_dtype dtype)
{
    weft__tile_enter(tl, "tl_recv_async");
    return weft__tile_command(tl, WEFT__TILE_RECEIVE, 0, receive_copy(tl, from, shape, dtype)->number);
}

tl_tensor tl_recv_into(weft_tile *tl, tl_direction from, tl_tensor place)
{
    weft__tile_enter(tl, "tl_recv_into");
    return weft__ipcq_receive_take(receive_into(tl, from, &place));
}

tl_command tl_recv_into_async(weft_tile *tl, tl_direction from, tl_tensor place)
{
    weft__tile_enter(tl, "tl_recv_into_async");
    return weft__tile_command(tl, WEFT__TILE_RECEIVE, 0, receive_into(tl, from, &place)->number);
}

/* Ends the run if the command is none. */
static uint64_t number_of_receive(weft_tile *tl, tl_command command)
{
    uint64_t number = number_of(command), count = queues_of(tl) ? weft__ipcq_receives(queues_of(tl), tl->pe) : 0;
    if (!is_own(tl, command, WEFT__TILE_RECEIVE) || number == 0 || number > count)
        weft__tile_fail(tl, WEFT_NOT_FOUND, "The command is no receive of this kernel, which has given %" PRIu64 ".",
                        count);
    return number;
}

tl_tensor tl_recv_wait(weft_tile *tl, tl_command command)
{
    weft__tile_enter(tl, "tl_recv_wait");
    uint64_t number = number_of_receive(tl, command);
    weft__ipcq_receive *receive = weft__ipcq_receive_find(queues_of(tl), tl->pe, number);
    if (!receive)
        weft__tile_fail(tl, WEFT_INVALID_STATE, "The tensor of receive %" PRIu64 " has been taken before.", number);
    weft__pe_dispatch(tl->pe, tl->process);
    return weft__ipcq_receive_take(receive);
}

/* ---- in place ---- */

tl_tensor tl_recv_in_place(weft_tile *tl, tl_direction from, weft_shape shape, weft_dtype dtype)
{
    weft__tile_enter(tl, "tl_recv_in_place");
    check_receive(tl, from, &shape, dtype);
    if (spec_of(tl)->memory != WEFT__SLOTS_TCM)
        weft__tile_fail(tl, WEFT_UNSUPPORTED,
                        "A message can stay in its slot only where pe.ipcq.memory is tcm, and it is %s.",
                        spec_of(tl)->memory == WEFT__SLOTS_SRAM ? "sram" : "hbm");
    weft__pe_dispatch(tl->pe, tl->process);
    tl_tensor result = weft__tile_tensor(shape, dtype, TL_TCM, 0); /* where, the message will tell */
    return weft__ipcq_receive_take(begin_receive(tl, from, &result, true));
}

void tl_free_slot(weft_tile *tl, tl_tensor tensor)
{
    weft__tile_enter(tl, "tl_free_slot");
    weft__ipcq_message *message =
        queues_of(tl) ? weft__ipcq_find_in_place(queues_of(tl), tl->pe, tensor.address) : NULL;
    if (!message)
        weft__tile_fail(tl, WEFT_INVALID_ARGUMENT,
                        "The tensor at address 0x%" PRIx64 " is in no slot that this kernel holds.", tensor.address);
    weft__pe_dispatch(tl->pe, tl->process);
    weft__ipcq_free(message);
}

/* ---- waiting ---- */

static void wait_for_send(weft_tile *tl, tl_command command)
{
    tl_direction direction = direction_of(command);
    const char *name = tl_direction_name(direction);
    uint64_t number = number_of(command);
    uint64_t count = queues_of(tl) ? weft__ipcq_sent(queues_of(tl), tl->pe, direction) : 0;
    if (!is_own(tl, command, WEFT__TILE_SEND) || number >= count)
        weft__tile_fail(tl, WEFT_NOT_FOUND, "The command is no send of this kernel, which has given %" PRIu64 " to %s.",
                        count, name ? name : "nowhere");
    weft__pe_dispatch(tl->pe, tl->process);
    weft__ipcq_send_wait(queues_of(tl), tl->pe, direction, number);
}

static void wait_for_receive(weft_tile *tl, tl_command command)
{
    uint64_t number = number_of_receive(tl, command);
    weft__pe_dispatch(tl->pe, tl->process);
    weft__ipcq_receive *receive = weft__ipcq_receive_find(queues_of(tl), tl->pe, number);
    if (receive)
        weft__ipcq_receive_wait(receive);
}

static void wait_for_composite(weft_tile *tl, tl_command command)
{
    uint64_t number = number_of(command);
    if (!is_own(tl, command, WEFT__TILE_COMPOSITE) || number == 0 || number > weft__pe_composites(tl->pe))
        weft__tile_fail(tl, WEFT_NOT_FOUND, "The command is none that this kernel has given.");
    weft__pe_dispatch(tl->pe, tl->process);
    weft__pe_composite_wait(tl->pe, tl->process, number);
}

void tl_wait(weft_tile *tl, tl_command command)
{
    weft__tile_enter(tl, "tl_wait");
    uint64_t kind = command.number >> KIND_SHIFT;
    if (kind == WEFT__TILE_SEND)
        wait_for_send(tl, command);
    else if (kind == WEFT__TILE_RECEIVE)
        wait_for_receive(tl, command);
    else
        wait_for_composite(tl, command);
}

/* ---- collectives ---- */

static void set_activity(weft_tile *tl, weft__pe_activity activity)
{
    if (queues_of(tl))
        weft__ipcq_set_activity(queues_of(tl), tl->pe, activity);
}

static void count_call(weft__kernel_run *run, const char *call)
{
    uint32_t i = 0;
    while (i < WEFT__COLLECTIVES_MAX && run->collectives[i].name && strcmp(run->collectives[i].name, call) != 0)
        i++;
    if (i == WEFT__COLLECTIVES_MAX)
        return;
    run->collectives[i].name = call;
    run->collectives[i].calls++;
}

void weft__tile_begin_collective(weft_tile *tl, const char *call, bool is_barrier)
{
    count_call(tl->run, call);
    tl->collective = call;
    weft__tile_enter(tl, call);
    if (is_barrier)
        set_activity(tl, WEFT__PE_WAIT_BARRIER);
}

void weft__tile_join_collective(weft_tile *tl, weft__collective_peers peers, const char *reduction, uint32_t root)
{
    const weft__collective collective = {.name = tl->collective,
                                         .reduction = reduction,
                                         .root = root,
                                         .peers = peers,
                                         .number = ++tl->collectives[peers]};
    if (queues_of(tl))
        weft__ipcq_set_collective(queues_of(tl), tl->pe, &collective);
}

void weft__tile_end_collective(weft_tile *tl)
{
    tl->collective = NULL;
    if (queues_of(tl))
        weft__ipcq_set_collective(queues_of(tl), tl->pe, NULL);
    set_activity(tl, WEFT__PE_WAIT_QUEUE);
}
