#include <stdalign.h>
#include <string.h>

#include "base/status.h"
#include "runtime/encoder_impl.h"
#include "runtime/graph_impl.h"

/* A copy of the plan's dispatches in the memory of the command buffer, which then holds what they use; NULL when out of
 * memory. Parameters lie behind the dispatches, in the copy as in the plan. */
static weft_dispatch *copy_dispatches(const weft__replay_plan *plan, weft__command_buffer *commands)
{
    weft_dispatch *copy = weft__arena_alloc(&commands->arena, plan->bytes, alignof(max_align_t));
    if (!copy || !weft__command_buffer_hold_graph(commands, plan->hold))
        return NULL;
    memcpy(copy, plan->dispatches, plan->bytes);
    for (uint32_t i = 0; i < plan->dispatch_count; i++)
        if (copy[i].params)
            copy[i].params = (const char *)copy + ((const char *)copy[i].params - (const char *)plan->dispatches);
    return copy;
}

/* Where nobody looks at each dispatch. Room has been made. */
static void append_all(const weft__replay_plan *plan, weft__command_buffer *commands, weft_dispatch *copy)
{
    const weft_dispatch **to = commands->stream + commands->stream_count;
    uint32_t barriers = 0;
    for (uint32_t i = 0; i < plan->dispatch_count; i++) {
        for (; barriers < copy[i].barriers_before; barriers++)
            *to++ = NULL;
        copy[i].index += commands->dispatch_count;
        copy[i].barriers_before += commands->barrier_count;
        *to++ = &copy[i];
    }
    for (; barriers < plan->barrier_count; barriers++)
        *to++ = NULL;
    commands->stream_count = (size_t)(to - commands->stream);
    commands->dispatch_count += plan->dispatch_count;
    commands->barrier_count += plan->barrier_count;
}

/* With a hazard tracker, or a barrier that must be left out. */
static weft_status append_each(const weft__replay_plan *plan, weft_encoder *encoder, weft_dispatch *copy,
                               weft_error *err)
{
    uint32_t barriers = 0;
    weft_status status = WEFT_OK;
    for (uint32_t i = 0; i < plan->dispatch_count && status == WEFT_OK; i++) {
        uint32_t wanted = copy[i].barriers_before;
        for (; barriers < wanted && status == WEFT_OK; barriers++)
            status = weft_encoder_barrier(encoder, err);
        if (status == WEFT_OK)
            status = weft__encoder_append(encoder, &copy[i], err);
    }
    for (; barriers < plan->barrier_count && status == WEFT_OK; barriers++)
        status = weft_encoder_barrier(encoder, err);
    return status;
}

weft_status weft_graph_replay(weft_graph *graph, weft_encoder *encoder, weft_error *err)
{
    weft__command_buffer *commands = encoder->commands;
    if (!commands)
        return weft__encoder_not_recording(encoder, "replay a graph", err);
    if (encoder->device != graph->device)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "A graph that was recorded for device '%s' cannot be replayed on another device ('%s').",
                          graph->device->table->scheme, encoder->device->table->scheme);
    weft_status status = weft__replay_prepare(graph, err);
    size_t entries = (size_t)graph->plan.dispatch_count + graph->plan.barrier_count;
    if (status != WEFT_OK || entries == 0)
        return status;
    status = weft__command_buffer_reserve_many(commands, entries, err);
    if (status != WEFT_OK)
        return status;
    weft_dispatch *copy = copy_dispatches(&graph->plan, commands);
    if (!copy)
        return weft__fail_memory(err, graph->plan.bytes, "a replay");
    if (encoder->tracker || encoder->options.omit_barrier)
        return append_each(&graph->plan, encoder, copy, err);
    append_all(&graph->plan, commands, copy);
    return WEFT_OK;
}
