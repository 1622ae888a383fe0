/* What may change in a graph: parameters and buffers. */
#include <string.h>

#include "base/status.h"
#include "runtime/graph_impl.h"

weft_status weft__replay_check_dispatch(const weft_graph *graph, uint32_t dispatch, weft_error *err)
{
    if (dispatch < graph->dispatch_count)
        return WEFT_OK;
    return weft__fail(err, WEFT_OUT_OF_RANGE, "Dispatch %u of a graph was named, but there are %u.", dispatch,
                      graph->dispatch_count);
}

/* Puts the dispatch before the message of its check. */
static weft_status fail_within(const weft_dispatch *dispatch, weft_status status, weft_error *err)
{
    return weft__fail_within(err, status, "Dispatch %u of the graph (%s%s%s)", dispatch->index, dispatch->op->name,
                             dispatch->label ? ", " : "", dispatch->label ? dispatch->label : "");
}

weft_status weft_graph_set_params(weft_graph *graph, uint32_t dispatch, const void *params, weft_error *err)
{
    weft_status status = weft__replay_check_dispatch(graph, dispatch, err);
    if (status != WEFT_OK)
        return status;
    const weft_dispatch *recorded = &graph->dispatches[dispatch];
    const weft_op *op = recorded->op;
    if (!op->params_bytes || !params)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "Dispatch %u of the graph: %s.", dispatch,
                          params ? "its op takes no parameters" : "its parameters are NULL");
    weft_dispatch changed = *recorded;
    changed.params = params;
    status = op->check(&changed, err);
    if (status != WEFT_OK)
        return fail_within(recorded, status, err);
    memcpy((void *)(uintptr_t)recorded->params, params, op->params_bytes);
    if (!graph->is_stale && (!graph->is_optimised || graph->varies[dispatch]))
        memcpy((void *)(uintptr_t)graph->plan.dispatches[graph->plan.places[dispatch]].params, params,
               op->params_bytes);
    else
        graph->is_stale = true;
    graph->varies[dispatch] = true;
    return WEFT_OK;
}

/* Is the dispatch, with these arguments, one that could be recorded? */
static weft_status check_arguments(const weft_graph *graph, const weft_dispatch *changed, weft_error *err)
{
    weft_status status = weft__dispatch_check(changed, graph->device, err);
    return status == WEFT_OK ? WEFT_OK : fail_within(changed, status, err);
}

static void replace(weft_graph *graph, weft_dispatch *dispatch, uint32_t argument, const weft_buffer *buffer)
{
    if (buffer)
        weft__buffer_retain(buffer);
    if (dispatch->arguments[argument])
        weft__buffer_release(dispatch->arguments[argument]);
    dispatch->arguments[argument] = buffer;
    graph->is_stale = true;
}

weft_status weft_graph_set_argument(weft_graph *graph, uint32_t dispatch, uint32_t argument, const weft_buffer *buffer,
                                    weft_error *err)
{
    weft_status status = weft__replay_check_dispatch(graph, dispatch, err);
    if (status != WEFT_OK)
        return status;
    weft_dispatch changed = graph->dispatches[dispatch];
    if (argument >= changed.op->argument_count)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "Argument %u of dispatch %u of a graph was named, but %s takes %u.",
                          argument, dispatch, changed.op->name, changed.op->argument_count);
    changed.arguments[argument] = buffer;
    status = check_arguments(graph, &changed, err);
    if (status == WEFT_OK)
        replace(graph, &graph->dispatches[dispatch], argument, buffer);
    return status;
}

/* The dispatch with one buffer in the place of another. @return how many arguments that changes. */
static uint32_t exchange(weft_dispatch *dispatch, const weft_buffer *from, const weft_buffer *to)
{
    uint32_t changed = 0;
    for (uint32_t i = 0; i < dispatch->op->argument_count; i++) {
        if (dispatch->arguments[i] != from)
            continue;
        dispatch->arguments[i] = to;
        changed++;
    }
    return changed;
}

weft_status weft_graph_rebind(weft_graph *graph, const weft_buffer *from, const weft_buffer *to, weft_error *err)
{
    if (!from || !to)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A buffer of a graph was to be exchanged, but %s is NULL.",
                          from ? "the new one" : "the one that it has");
    uint32_t uses = 0;
    for (uint32_t i = 0; i < graph->dispatch_count; i++) {
        weft_dispatch changed = graph->dispatches[i];
        uint32_t here = exchange(&changed, from, to);
        weft_status status = here ? check_arguments(graph, &changed, err) : WEFT_OK;
        if (status != WEFT_OK)
            return status;
        uses += here;
    }
    if (uses == 0)
        return weft__fail(err, WEFT_NOT_FOUND,
                          "None of the %u dispatches of the graph uses the buffer to be exchanged.",
                          graph->dispatch_count);
    if (from == to) /* the last reference to it may be one of those below */
        return WEFT_OK;
    for (uint32_t i = 0; i < graph->dispatch_count; i++)
        for (uint32_t a = 0; a < graph->dispatches[i].op->argument_count; a++)
            if (graph->dispatches[i].arguments[a] == from)
                replace(graph, &graph->dispatches[i], a, to);
    return WEFT_OK;
}
