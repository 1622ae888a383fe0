/* Writing down what a simulation is asked. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"
#include "sim/retime/keys.h"
#include "sim/retime/recording.h"
#include "sim/retime/step.h"
#include "sim/tile/call.h"

/* The first reason is kept. */
WEFT_PRINTF(2, 3) static void refuse(weft_recording *recording, const char *format, ...)
{
    va_list arguments;
    if (recording->refusal[0])
        return;
    va_start(arguments, format);
    (void)vsnprintf(recording->refusal, sizeof recording->refusal, format, arguments);
    va_end(arguments);
}

/* ---- launches ---- */

weft__recorded_launch *weft__recording_add_launch(weft_recording *recording)
{
    if (!weft__array_reserve(&recording->launches, &recording->launch_capacity, recording->launch_count, 1))
        return NULL;
    weft__recorded_launch *launch = &recording->launches[recording->launch_count++];
    *launch = (weft__recorded_launch){0};
    return launch;
}

/* The latest are asked for most. */
static weft__recorded_launch *find_launch(const weft_recording *recording, uint64_t serial)
{
    for (size_t i = recording->launch_count; i-- > 0;)
        if (recording->launches[i].serial == serial)
            return &recording->launches[i];
    return NULL;
}

bool weft__recording_tidy_text(char *text)
{
    bool is_tidy = true;
    for (size_t bytes; *text; text += bytes) {
        bytes = weft__utf8_decode(text, WEFT__UTF8_BYTES_MAX, NULL);
        if (bytes > 1 || (bytes == 1 && *text >= ' ' && *text != 0x7f))
            continue;
        *text = '?';
        bytes = 1;
        is_tidy = false;
    }
    return is_tidy;
}

static void on_launched(void *context, const weft_kernel_launch *launch, const weft_launch_options *options)
{
    weft_recording *recording = context;
    weft__recorded_launch *it = recording->has_failed ? NULL : weft__recording_add_launch(recording);
    uint32_t count = weft__pe_set_count(&options->pes);
    if (it) {
        it->name = strdup(launch->name);
        it->kernels = calloc(count, sizeof *it->kernels);
        it->count = it->kernels ? count : 0;
        for (uint32_t i = 0; i < it->count; i++)
            it->kernels[i].stream = WEFT__STREAM_NONE;
        it->pes = options->pes;
        it->queues = options->queues;
        it->group_size = options->group_size;
        it->group_stride = options->group_stride;
        it->serial = launch->run->serial;
        it->is_awaited = launch->origin.ended != NULL; /* by the processor */
    }
    if (it && it->name)
        (void)weft__recording_tidy_text(it->name);
    if (!it || !it->name || !it->kernels)
        recording->has_failed = true;
    if (launch->origin.ended)
        return;
    if (recording->simulation->awaited)
        refuse(recording, "The run cannot be re-timed: a kernel launched '%s', which recordings have only of the host.",
               it && it->name ? it->name : launch->name);
    weft__bytes_put(&recording->deeds, WEFT__DEED_LAUNCH);
    weft__bytes_put(&recording->deeds, recording->launch_count - 1);
}

static void on_awaits(void *context, const weft_kernel_launch *launch)
{
    weft_recording *recording = context;
    weft__recorded_launch *it = find_launch(recording, launch->run->serial);
    if (!it)
        return;
    it->is_awaited = true;
    weft__bytes_put(&recording->deeds, WEFT__DEED_AWAIT);
    weft__bytes_put(&recording->deeds, (uint64_t)(it - recording->launches));
}

/* ---- the host ---- */

static void on_moves(void *context, bool is_write, const weft__location *location, uint64_t bytes)
{
    weft_recording *recording = context;
    const weft__graph *graph = weft__simulation_graph(recording->simulation);
    const weft__place_code place = weft__place_code_of(graph, 0, location->node, location->offset);
    weft__bytes_put(&recording->deeds, WEFT__DEED_MOVE);
    weft__bytes_put(&recording->deeds, is_write);
    weft__place_code_put(&recording->deeds, &place);
    weft__bytes_put(&recording->deeds, bytes);
}

static void on_awaits_moves(void *context)
{
    weft_recording *recording = context;
    weft__bytes_put(&recording->deeds, WEFT__DEED_AWAIT_MOVES);
}

static void on_submits(void *context, uint64_t parts)
{
    weft_recording *recording = context;
    recording->submitted++;
    weft__bytes_put(&recording->deeds, WEFT__DEED_SUBMIT);
    weft__bytes_put(&recording->deeds, parts);
}

static void on_awaits_commands(void *context, bool is_sync)
{
    weft_recording *recording = context;
    weft__bytes_put(&recording->deeds, WEFT__DEED_AWAIT_COMMANDS);
    weft__bytes_put(&recording->deeds, is_sync);
}

static void on_processes(void *context, weft__processor_part part, const weft_kernel_launch *launch)
{
    weft_recording *recording = context;
    const weft__recorded_launch *it = launch ? find_launch(recording, launch->run->serial) : NULL;
    recording->ended += part == WEFT__PART_END;
    weft__bytes_put(&recording->parts, part);
    if (part == WEFT__PART_DISPATCH)
        weft__bytes_put(&recording->parts, it ? (uint64_t)(it - recording->launches) + 1 : 0);
}

static void on_maps(void *context)
{
    refuse(context, "The run cannot be re-timed: it mapped virtual addresses, which recordings do not have.");
}

/* ---- kernels ---- */

static void begin_kernel(weft_recording *recording, const weft__pe *pe, uint64_t serial)
{
    const weft__recorded_launch *launch = find_launch(recording, serial);
    const weft__graph *graph = weft__simulation_graph(recording->simulation);
    uint32_t index = launch ? weft__pe_set_find(graph, &launch->pes, weft__pe_index(pe)) : WEFT__PE_SET_NONE;
    if (index == WEFT__PE_SET_NONE || index >= launch->count)
        return;
    weft__recorded_pe *at = &recording->pes[weft__pe_index(pe)];
    at->is_in_kernel = true;
    at->launch = (size_t)(launch - recording->launches);
    at->index = index;
}

bool weft__recording_take_offsets(weft__reader *from, uint32_t count, weft__recorded_kernel *out)
{
    out->offsets = count ? malloc(count * sizeof *out->offsets) : NULL;
    for (uint32_t i = 0; i < count && out->offsets; i++)
        out->offsets[i] = weft__reader_take_most(from, WEFT__STEP_ELEMENTS_MAX);
    return out->offsets || count == 0;
}

static void end_kernel(weft_recording *recording, weft__recorded_pe *at)
{
    bool is_bad;
    weft__recorded_kernel *kernel = &recording->launches[at->launch].kernels[at->index];
    kernel->stream = weft__streams_intern(&recording->streams, &at->asks, &is_bad);
    weft__reader offsets = weft__reader_of(&at->offsets);
    recording->is_bad |= is_bad;
    if (kernel->stream == WEFT__STREAM_NONE || at->offsets.has_failed ||
        !weft__recording_take_offsets(&offsets, recording->streams.items[kernel->stream].place_count, kernel))
        recording->has_failed = true;
    at->is_in_kernel = false;
    at->asks.count = at->offsets.count = 0;
}

static void refuse_kernel(weft_recording *recording, const weft__pe *pe, const char *call, const char *what)
{
    refuse(recording,
           "The run cannot be re-timed: kernel '%s' called %s on %s, and may do something else where %s differs.",
           recording->launches[recording->pes[weft__pe_index(pe)].launch].name, call, weft__pe_name(pe), what);
}

/* Virtual addresses that were mapped before the recording began. */
static bool is_virtual(const weft__command *command, const weft__plan *plan)
{
    bool found = weft__plan_moves_output(plan) && command->output.virtual_address;
    for (uint32_t i = 0; i < plan->input_count; i++)
        found |= weft__plan_moves_input(plan, i) && command->inputs[i].virtual_address;
    return found;
}

static weft__step step_of_command(weft_recording *recording, const weft__pe *pe, const weft__command *command)
{
    const weft__graph *graph = weft__simulation_graph(recording->simulation);
    uint32_t at = weft__pe_index(pe);
    if (is_virtual(command, &command->plan))
        on_maps(recording);
    weft__step step = {.kind = WEFT__ASK_COMMAND, .is_direct = command->process != NULL, .plan = command->plan};
    for (uint32_t i = 0; i < step.plan.input_count; i++)
        if (weft__plan_moves_input(&step.plan, i))
            step.inputs[i] = weft__place_code_of(graph, at, command->inputs[i].node, command->inputs[i].offset_bytes);
    if (weft__plan_moves_output(&step.plan))
        step.output = weft__place_code_of(graph, at, command->output.node, command->output.offset_bytes);
    return step;
}

static weft__step step_of(weft_recording *recording, const weft__pe *pe, const weft__ask *ask)
{
    if (ask->kind == WEFT__ASK_COMMAND)
        return step_of_command(recording, pe, ask->command);
    weft__step step = {
        .kind = ask->kind, .direction = ask->direction, .is_in_place = ask->is_in_place, .number = ask->number};
    if (ask->kind == WEFT__ASK_WAIT && ask->number)
        step.number = weft__pe_composites(pe) - ask->number + 1;
    if (ask->kind == WEFT__ASK_FREE)
        step.number -= weft__pe_tcm_address(pe);
    if (ask->tensor) {
        step.dtype = ask->tensor->dtype;
        step.elements = weft_shape_elements(&ask->tensor->shape);
    }
    return step;
}

static void on_asked(void *context, weft__pe *pe, const weft__ask *ask)
{
    weft_recording *recording = context;
    weft__recorded_pe *at = &recording->pes[weft__pe_index(pe)];
    if (ask->kind == WEFT__ASK_BEGIN)
        begin_kernel(recording, pe, ask->number);
    if (!at->is_in_kernel)
        return;
    if (ask->kind == WEFT__ASK_END) {
        end_kernel(recording, at);
    } else if (ask->kind == WEFT__ASK_DATA) {
        refuse_kernel(recording, pe, "tl_peek", "the data");
    } else if (ask->kind == WEFT__ASK_TIME) {
        refuse_kernel(recording, pe, "tl_now_ps", "the time");
    } else if (ask->kind != WEFT__ASK_BEGIN) {
        const weft__step step = step_of(recording, pe, ask);
        weft__step_put(&at->asks, &at->offsets, &step);
        recording->requests++;
    }
}

/* ---- the beginning and the end ---- */

static weft_status check_fresh(const weft_simulation *simulation, weft_error *err)
{
    if (simulation->listener)
        return weft__fail(err, WEFT_INVALID_STATE, "The simulation is being recorded already.");
    if (simulation->launch_count || weft__sim_now(simulation->sim))
        return weft__fail(err, WEFT_INVALID_STATE,
                          "The simulation is at %" PRIu64 " ps and has had %" PRIu64
                          " launches; a recording begins with its simulation.",
                          weft__sim_now(simulation->sim), simulation->launch_count);
    if (simulation->options.perturb_seed)
        return weft__fail(err, WEFT_UNSUPPORTED, "A perturbed simulation cannot be recorded: its times are random.");
    return WEFT_OK;
}

weft_status weft_recording_begin(weft_simulation *simulation, weft_recording **out, weft_error *err)
{
    *out = NULL;
    weft_status status = check_fresh(simulation, err);
    if (status != WEFT_OK)
        return status;
    const weft__machine_spec *spec = weft__simulation_graph(simulation)->spec;
    uint32_t pes = weft__pes_count(simulation->pes);
    weft_recording *recording = calloc(1, sizeof *recording);
    if (!recording)
        return weft__fail_memory(err, sizeof *recording, "a recording");
    recording->machine = strdup(spec->name);
    recording->pes = calloc(pes, sizeof *recording->pes);
    recording->pe_count = recording->pes ? pes : 0;
    weft__retime_keys_put(&recording->keys, spec);
    if (!recording->machine || !recording->pes || recording->keys.has_failed) {
        weft_recording_destroy(recording);
        return weft__fail_memory(err, pes * sizeof *recording->pes, "a recording");
    }
    recording->simulation = simulation;
    recording->pe_listener = (weft__pe_listener){.asked = on_asked, .context = recording};
    recording->host_listener = (weft__host_listener){.launched = on_launched,
                                                     .awaits = on_awaits,
                                                     .moves = on_moves,
                                                     .awaits_moves = on_awaits_moves,
                                                     .maps = on_maps,
                                                     .submits = on_submits,
                                                     .awaits_commands = on_awaits_commands,
                                                     .processes = on_processes,
                                                     .context = recording};
    simulation->listener = &recording->host_listener;
    weft__pes_listen(simulation->pes, &recording->pe_listener);
    *out = recording;
    return WEFT_OK;
}

static void stop_listening(weft_recording *recording)
{
    if (recording->simulation) {
        recording->simulation->listener = NULL;
        weft__pes_listen(recording->simulation->pes, NULL);
        recording->simulation = NULL;
    }
    for (uint32_t i = 0; i < recording->pe_count; i++) {
        weft__bytes_free(&recording->pes[i].asks);
        weft__bytes_free(&recording->pes[i].offsets);
    }
    free(recording->pes);
    recording->pes = NULL;
    recording->pe_count = 0;
}

static bool has_lost(const weft_recording *recording)
{
    return recording->has_failed || recording->deeds.has_failed || recording->parts.has_failed;
}

weft_status weft_recording_finish(weft_recording *recording, weft_error *err)
{
    if (!recording->simulation)
        return recording->is_whole
                   ? WEFT_OK
                   : weft__fail(err, WEFT_INVALID_STATE, "The recording has ended before the run that it is of.");
    weft_status status = weft__simulation_check_outside(recording->simulation, "weft_recording_finish", err);
    if (status != WEFT_OK)
        return status;
    status = weft__simulation_check(recording->simulation, err);
    stop_listening(recording);
    if (status != WEFT_OK)
        return status;
    if (recording->is_bad)
        return weft__fail(err, WEFT_INTERNAL, "A kernel asked for something that a recording cannot hold.");
    if (has_lost(recording))
        return weft__fail(err, WEFT_OUT_OF_MEMORY, "Out of memory: there was no room for all that the run asked.");
    for (size_t i = 0; i < recording->launch_count; i++)
        if (!recording->launches[i].is_awaited)
            return weft__fail(err, WEFT_INVALID_STATE,
                              "Launch %zu, '%s', has not been waited for, so it may have more to ask.", i,
                              recording->launches[i].name);
    if (recording->ended != recording->submitted)
        return weft__fail(err, WEFT_INVALID_STATE,
                          "Of %" PRIu64 " command buffers %" PRIu64 " have not been waited for.", recording->submitted,
                          recording->submitted - recording->ended);
    recording->is_whole = true;
    return WEFT_OK;
}

void weft_recording_destroy(weft_recording *recording)
{
    if (!recording)
        return;
    stop_listening(recording);
    for (size_t i = 0; i < recording->launch_count; i++) {
        weft__recorded_launch *launch = &recording->launches[i];
        for (uint32_t pe = 0; pe < launch->count; pe++)
            free(launch->kernels[pe].offsets);
        free(launch->kernels);
        free(launch->name);
    }
    free(recording->launches);
    weft__streams_free(&recording->streams);
    weft__bytes_free(&recording->keys);
    weft__bytes_free(&recording->deeds);
    weft__bytes_free(&recording->parts);
    free(recording->machine);
    free(recording);
}

void weft_recording_get_info(const weft_recording *recording, weft_recording_info *out)
{
    *out = (weft_recording_info){.machine = recording->machine,
                                 .launches = recording->launch_count,
                                 .requests = recording->requests,
                                 .bytes = recording->deeds.count + recording->parts.count,
                                 .refusal = recording->refusal[0] ? recording->refusal : NULL};
    for (uint32_t i = 0; i < recording->streams.count; i++)
        out->bytes += recording->streams.items[i].asks.count;
    for (size_t i = 0; i < recording->launch_count; i++) {
        const weft__recorded_launch *launch = &recording->launches[i];
        for (uint32_t pe = 0; pe < launch->count; pe++)
            if (launch->kernels[pe].offsets)
                out->bytes += recording->streams.items[launch->kernels[pe].stream].place_count * sizeof(uint64_t);
    }
}
