/* The kernel that asks what was recorded: each request goes to the same function of the PE as in the run. */
#include <inttypes.h>

#include "sim/retime/player.h"
#include "sim/retime/stretch.h"

_Noreturn static void fail(const weft__playing *it, const char *what)
{
    weft__tile_fail(it->tl, WEFT_INVALID_STATE, "The recording asks for %s that there is not.", what);
}

/* ---- commands ---- */

static weft__dma_place place_of(const weft__playing *it, const weft__place_code *code, const weft__plan_tensor *tensor)
{
    const weft__graph *graph = weft__pes_graph(weft__pe_owner(it->tl->pe));
    uint32_t node =
        weft__place_code_node(graph, weft__pe_index(it->tl->pe), code, tensor->elements * tensor->element_bytes);
    if (node == WEFT__NODE_NONE || node == weft__pe_dma_node(it->tl->pe))
        fail(it, "a place of a memory");
    return (weft__dma_place){.node = node, .offset_bytes = code->offset_bytes};
}

static void play_command(weft__playing *it)
{
    const weft__step *step = &it->step;
    weft__command *command = weft__tile_begin_next(it->tl, step->is_direct);
    command->plan = step->plan;
    for (uint32_t i = 0; i < step->plan.input_count; i++)
        if (weft__plan_moves_input(&step->plan, i))
            command->inputs[i] = place_of(it, &step->inputs[i], &step->plan.inputs[i]);
    if (weft__plan_moves_output(&step->plan))
        command->output = place_of(it, &step->output, &step->plan.output);
    weft__command_issue(command);
    if (!step->is_direct)
        return;
    weft__command_wait(command);
    weft__command_give_back(command);
}

static void play_dispatch(weft__playing *it)
{
    weft__pe_dispatch(it->tl->pe, it->tl->process);
}

static void play_read(weft__playing *it)
{
    weft__pe_read(it->tl->pe, it->tl->process, it->step.number);
}

static void play_wait(weft__playing *it)
{
    uint64_t ago = it->step.number, given = weft__pe_composites(it->tl->pe);
    if (ago > given - it->composites)
        fail(it, "a composite command");
    weft__pe_composite_wait(it->tl->pe, it->tl->process, ago ? given - ago + 1 : 0);
}

/* ---- queues ---- */

static weft__ipcq *queues_of(const weft__playing *it)
{
    if (!it->tl->run->ipcq)
        fail(it, "a queue");
    return it->tl->run->ipcq;
}

static tl_tensor message_of(const weft__playing *it)
{
    return weft__tile_tensor(weft_shape_1d(it->step.elements), it->step.dtype, TL_TCM,
                             weft__pe_tcm_address(it->tl->pe));
}

static void play_send(weft__playing *it)
{
    uint64_t number;
    const tl_tensor tensor = message_of(it);
    const weft_tile *tl = it->tl;
    tl_direction to = (tl_direction)it->step.direction;
    if (!weft__ipcq_has_queue(queues_of(it), tl->pe, to) ||
        it->step.elements * weft_dtype_bytes(it->step.dtype) > tl_slot_bytes(tl))
        fail(it, "a queue, or room in a slot of it,");
    if (!weft__ipcq_send(queues_of(it), tl->pe, to, &tensor, weft__tile_kernel_name(tl), tl->call, &number))
        weft__tile_stop(it->tl);
}

static void play_sent(weft__playing *it)
{
    tl_direction to = (tl_direction)it->step.direction;
    if (it->step.number >= weft__ipcq_sent(queues_of(it), it->tl->pe, to))
        fail(it, "a message");
    weft__ipcq_send_wait(queues_of(it), it->tl->pe, to, it->step.number);
}

static void play_receive(weft__playing *it)
{
    const weft_tile *tl = it->tl;
    const weft__step *step = &it->step;
    if (!weft__ipcq_has_source(queues_of(it), tl->pe, (tl_direction)step->direction))
        fail(it, "a queue");
    const weft__ipcq_receive request = {.pe = tl->pe,
                                        .direction = step->direction,
                                        .is_in_place = step->is_in_place,
                                        .shape = weft_shape_1d(step->elements),
                                        .dtype = step->dtype,
                                        .result = message_of(it),
                                        .kernel = weft__tile_kernel_name(tl),
                                        .call = tl->call};
    if (!weft__ipcq_receive_begin(queues_of(it), &request))
        weft__tile_stop(it->tl);
}

static weft__ipcq_receive *find_receive(const weft__playing *it)
{
    weft__ipcq_receive *receive = weft__ipcq_receive_find(queues_of(it), it->tl->pe, it->step.number);
    if (!receive)
        fail(it, "a receive");
    return receive;
}

static void play_received(weft__playing *it)
{
    weft__ipcq_receive_wait(find_receive(it));
}

static void play_take(weft__playing *it)
{
    (void)weft__ipcq_receive_take(find_receive(it));
}

static void play_free(weft__playing *it)
{
    uint64_t address = weft__pe_tcm_address(it->tl->pe) + it->step.number;
    weft__ipcq_message *message = weft__ipcq_find_in_place(queues_of(it), it->tl->pe, address);
    if (!message)
        fail(it, "a message in a slot");
    weft__ipcq_free(message);
}

static void play_activity(weft__playing *it)
{
    weft__ipcq_set_activity(queues_of(it), it->tl->pe, (weft__pe_activity)it->step.number);
}

/* ---- all ---- */

static void (*const plays[])(weft__playing *) = {
    [WEFT__ASK_DISPATCH] = play_dispatch, [WEFT__ASK_READ] = play_read,         [WEFT__ASK_COMMAND] = play_command,
    [WEFT__ASK_WAIT] = play_wait,         [WEFT__ASK_SEND] = play_send,         [WEFT__ASK_SENT] = play_sent,
    [WEFT__ASK_RECEIVE] = play_receive,   [WEFT__ASK_RECEIVED] = play_received, [WEFT__ASK_TAKE] = play_take,
    [WEFT__ASK_FREE] = play_free,         [WEFT__ASK_ACTIVITY] = play_activity,
};

static void play_next(weft__playing *it)
{
    weft__step_take(&it->from, &it->offsets, &it->step);
    plays[it->step.kind](it);
}

void weft__play_until(weft__playing *it, uint32_t rest)
{
    const uint8_t *end = it->stream->asks.data + it->stream->rests[rest].at;
    while (it->from.at < end)
        play_next(it);
}

void weft__play_go_to(weft__playing *it, uint32_t rest)
{
    it->rest = rest;
    it->from.at = it->stream->asks.data + it->stream->rests[rest].at;
    it->offsets.at = it->places ? it->places + it->stream->rests[rest].places : NULL;
}

void weft__play_kernel(weft_tile *tl, const void *arguments)
{
    const weft__played_launch *given = arguments;
    const weft__recorded_kernel *kernel = &given->launch->kernels[tl_program_id(tl, TL_AXIS_ALL)];
    const weft__stream *stream = &given->recording->streams.items[kernel->stream];
    weft__playing it = {.tl = tl,
                        .stream = stream,
                        .places = kernel->offsets,
                        .from = weft__reader_of(&stream->asks),
                        .composites = weft__pe_composites(tl->pe)};
    if (kernel->offsets)
        it.offsets = (weft__offsets){kernel->offsets, kernel->offsets + stream->place_count};
    weft__tile_enter(tl, "a recorded call");
    while (it.from.at < it.from.end) {
        if (it.rest < stream->rest_count && it.from.at == stream->asks.data + stream->rests[it.rest].at) {
            if (given->stretches && weft__stretch_skip(given->stretches, &it))
                continue;
            it.rest++;
        }
        play_next(&it);
    }
}
