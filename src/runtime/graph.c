#include "runtime/graph_impl.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "runtime/encoder_impl.h"

/* ---- taking one ---- */

static weft_status copy_params(weft_graph *graph, weft_dispatch *dispatch, weft_error *err)
{
    if (!dispatch->params)
        return WEFT_OK;
    void *params = weft__arena_alloc(&graph->arena, dispatch->op->params_bytes, alignof(max_align_t));
    if (!params)
        return weft__fail_memory(err, dispatch->op->params_bytes, "a graph");
    dispatch->params = memcpy(params, dispatch->params, dispatch->op->params_bytes);
    return WEFT_OK;
}

static weft_status copy_label(weft_graph *graph, weft_dispatch *dispatch, weft_error *err)
{
    if (!dispatch->label)
        return WEFT_OK;
    size_t bytes = strlen(dispatch->label) + 1;
    char *label = weft__arena_alloc(&graph->arena, bytes, 1);
    if (!label)
        return weft__fail_memory(err, bytes, "a graph");
    dispatch->label = memcpy(label, dispatch->label, bytes);
    return WEFT_OK;
}

static weft_status copy_dispatch(weft_graph *graph, const weft_dispatch *recorded, weft_error *err)
{
    weft_dispatch copy = *recorded;
    copy.index = graph->dispatch_count;
    copy.barriers_before = graph->barrier_count;
    weft_status status = copy_params(graph, &copy, err);
    if (status == WEFT_OK)
        status = copy_label(graph, &copy, err);
    if (status != WEFT_OK)
        return status;
    for (uint32_t i = 0; i < copy.op->argument_count; i++)
        if (copy.arguments[i])
            weft__buffer_retain(copy.arguments[i]);
    graph->dispatches[graph->dispatch_count++] = copy;
    return WEFT_OK;
}

static weft_status copy_stream(weft_graph *graph, const weft__command_buffer *commands, weft_error *err)
{
    graph->dispatches = weft__arena_new_array(&graph->arena, weft_dispatch, commands->dispatch_count);
    graph->varies = weft__arena_new_array(&graph->arena, bool, commands->dispatch_count);
    if (!graph->dispatches || !graph->varies)
        return weft__fail_memory(err, commands->dispatch_count * sizeof *graph->dispatches, "a graph");
    memset(graph->varies, 0, commands->dispatch_count * sizeof *graph->varies);
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < commands->stream_count && status == WEFT_OK; i++) {
        if (commands->stream[i])
            status = copy_dispatch(graph, commands->stream[i], err);
        else
            graph->barrier_count++;
    }
    return status;
}

weft_status weft_graph_capture(weft_encoder *encoder, weft_graph **out, weft_error *err)
{
    *out = NULL;
    if (!encoder->commands)
        return weft__encoder_not_recording(encoder, "take a graph", err);
    weft_graph *graph = calloc(1, sizeof *graph);
    if (!graph)
        return weft__fail_memory(err, sizeof *graph, "a graph");
    graph->device = encoder->device;
    weft__device_retain(graph->device);
    graph->is_stale = true;
    weft_status status = copy_stream(graph, encoder->commands, err);
    if (status == WEFT_OK)
        status = weft__replay_prepare(graph, err);
    if (status != WEFT_OK) {
        weft_graph_destroy(graph);
        return status;
    }
    weft__encoder_restart(encoder);
    *out = graph;
    return WEFT_OK;
}

static void release_temporaries(const weft_buffer **temporaries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        weft__buffer_release(temporaries[i]);
    free(temporaries);
}

void weft_graph_destroy(weft_graph *graph)
{
    if (!graph)
        return;
    weft__replay_plan_free(&graph->plan);
    for (uint32_t i = 0; i < graph->dispatch_count; i++)
        for (uint32_t a = 0; a < graph->dispatches[i].op->argument_count; a++)
            if (graph->dispatches[i].arguments[a])
                weft__buffer_release(graph->dispatches[i].arguments[a]);
    release_temporaries(graph->temporaries, graph->temporary_count);
    weft__arena_destroy(&graph->arena);
    weft__device_release(graph->device);
    free(graph);
}

/* ---- optimising ---- */

static weft_status copy_temporaries(const weft_graph_options *options, weft_graph *to, weft_error *err)
{
    to->temporaries = NULL;
    to->temporary_count = 0;
    if (options->temporary_count == 0)
        return WEFT_OK;
    const weft_buffer **copy = calloc(options->temporary_count, sizeof *copy);
    if (!copy)
        return weft__fail_memory(err, options->temporary_count * sizeof *copy, "the temporaries of a graph");
    for (size_t i = 0; i < options->temporary_count; i++) {
        copy[i] = options->temporaries[i];
        weft__buffer_retain(copy[i]);
    }
    to->temporaries = copy;
    to->temporary_count = options->temporary_count;
    return WEFT_OK;
}

static weft_status check_temporaries(const weft_graph_options *options, weft_error *err)
{
    if (options->temporary_count && !options->temporaries)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "A graph with %zu temporaries was asked for, but their list is NULL.",
                          options->temporary_count);
    for (size_t i = 0; i < options->temporary_count; i++)
        if (!options->temporaries[i])
            return weft__fail(err, WEFT_INVALID_ARGUMENT, "Temporary %zu of a graph is NULL.", i);
    return WEFT_OK;
}

weft_status weft__replay_optimise(weft_graph *graph, const weft_graph_options *options, const weft__fusion *fusions,
                                  size_t fusion_count, weft_error *err)
{
    static const weft_graph_options defaults;
    options = options ? options : &defaults;
    weft_graph before = *graph;
    weft_status status = check_temporaries(options, err);
    if (status == WEFT_OK)
        status = copy_temporaries(options, graph, err);
    if (status != WEFT_OK) {
        *graph = before;
        return status;
    }
    graph->is_optimised = true;
    graph->no_fuse = options->no_fuse;
    graph->no_reorder = options->no_reorder;
    graph->fusions = fusions;
    graph->fusion_count = fusion_count;
    graph->is_stale = true;
    status = weft__replay_prepare(graph, err);
    if (status != WEFT_OK) {
        release_temporaries(graph->temporaries, graph->temporary_count);
        *graph = before; /* a plan that fails leaves the one that there is */
        return status;
    }
    release_temporaries(before.temporaries, before.temporary_count);
    return WEFT_OK;
}

/* ---- looking ---- */

weft_status weft_graph_get_info(weft_graph *graph, weft_graph_info *out, weft_error *err)
{
    *out = (weft_graph_info){0};
    weft_status status = weft__replay_prepare(graph, err);
    if (status != WEFT_OK)
        return status;
    *out = (weft_graph_info){
        .recorded_dispatches = graph->dispatch_count,
        .recorded_barriers = graph->barrier_count,
        .dispatches = graph->plan.dispatch_count,
        .barriers = graph->plan.barrier_count,
        .moved = graph->plan.moved,
    };
    for (uint32_t i = 0; i < graph->dispatch_count; i++)
        out->fused += graph->plan.dispatches[graph->plan.places[i]].op != graph->dispatches[i].op;
    return WEFT_OK;
}

weft_status weft_graph_get_dispatch(weft_graph *graph, uint32_t dispatch, weft_graph_dispatch *out, weft_error *err)
{
    *out = (weft_graph_dispatch){0};
    weft_status status = weft__replay_check_dispatch(graph, dispatch, err);
    if (status == WEFT_OK)
        status = weft__replay_prepare(graph, err);
    if (status != WEFT_OK)
        return status;
    const weft_dispatch *recorded = &graph->dispatches[dispatch];
    const weft_dispatch *replayed = &graph->plan.dispatches[graph->plan.places[dispatch]];
    *out = (weft_graph_dispatch){
        .op = recorded->op->name,
        .label = recorded->label ? recorded->label : "",
        .params = recorded->params,
        .replayed_as = replayed->op->name,
        .place = replayed->index,
        .barriers_before = replayed->barriers_before,
        .varies = graph->varies[dispatch],
    };
    return WEFT_OK;
}
