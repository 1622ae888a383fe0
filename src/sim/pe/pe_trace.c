#include "sim/pe/pe_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/pe/pe_impl.h"

#define NAME_BYTES 128u

/* Processes and tracks by this; the tracks of an engine by their places. */
enum {
    SORT_PES = 16,
    SORT_CALLS = 0,
    SORT_PROCESSOR = 1,
    SORT_ENGINES = 2,
    SORT_ENGINE = 65536,
    SORT_SEND = SORT_ENGINES + (int)WEFT__STAGE_KINDS * SORT_ENGINE,
    SORT_RECEIVE
};

/* Something that goes on as long as nothing else begins. */
typedef struct stretch {
    const char *name, *call; /* NULL: nothing has begun */
    weft__time since, until;
} stretch;

/* Tracks are declared when they are used; until then they are 0. */
typedef struct engine_tracks {
    weft__trace_track *places;
    uint32_t count;
} engine_tracks;

typedef struct pe_tracks {
    weft__trace_process process;
    weft__trace_track calls, processor, send, receive[TL_DIRECTIONS];
    engine_tracks engines[WEFT__STAGE_KINDS];
    stretch call, activity;
    weft__time send_since, receive_since[TL_DIRECTIONS];
} pe_tracks;

struct weft__pe_trace {
    weft__pes *pes;
    weft__trace *trace;
    pe_tracks *tracks; /* by the place of a PE in the machine */
    uint64_t messages; /* sent so far */
    weft__pe_recorder watcher;
};

/* ---- tracks ---- */

static weft__time now_of(const weft__pe_trace *it)
{
    return weft__sim_now(weft__pes_sim(it->pes));
}

static pe_tracks *tracks_of(weft__pe_trace *it, const weft__pe *pe)
{
    pe_tracks *tracks = &it->tracks[weft__pe_index(pe)];
    if (!tracks->process)
        tracks->process = weft__trace_add_process(it->trace, weft__pe_name(pe), SORT_PES + (int32_t)weft__pe_index(pe));
    return tracks;
}

static weft__trace_track use(weft__pe_trace *it, const pe_tracks *tracks, weft__trace_track *track, const char *name,
                             int32_t sort_index)
{
    if (!*track)
        *track = weft__trace_add_track(it->trace, tracks->process, name, sort_index);
    return *track;
}

/* NULL when out of memory, which is noted. */
static weft__trace_track *place_of(weft__pe_trace *it, engine_tracks *engine, uint32_t place)
{
    if (place < engine->count)
        return &engine->places[place];
    weft__trace_track *grown = realloc(engine->places, (place + 1) * sizeof *grown);
    if (!grown) {
        (void)weft__sim_fail(weft__pes_sim(it->pes), WEFT_OUT_OF_MEMORY,
                             "Out of memory: could not allocate the tracks of an engine at %" PRIu64 " ps.",
                             now_of(it));
        return NULL;
    }
    engine->places = grown;
    while (engine->count <= place)
        grown[engine->count++] = 0;
    return &grown[place];
}

/* ---- the processor ---- */

static void end_activity(weft__pe_trace *it, pe_tracks *tracks)
{
    const stretch *activity = &tracks->activity;
    if (!activity->name || activity->until == activity->since)
        return;
    weft__trace_arg call = {"call", activity->call ? activity->call : "", 0};
    weft__trace_span(it->trace, use(it, tracks, &tracks->processor, "processor", SORT_PROCESSOR), activity->name,
                     activity->since, activity->until - activity->since, &call, 1);
}

static void end_call(weft__pe_trace *it, pe_tracks *tracks)
{
    const stretch *call = &tracks->call;
    if (call->name && call->until > call->since)
        weft__trace_span(it->trace, use(it, tracks, &tracks->calls, "calls", SORT_CALLS), call->name, call->since,
                         call->until - call->since, NULL, 0);
}

void weft__pe_trace_call(weft__pe_trace *it, const weft__pe *pe, const char *call)
{
    pe_tracks *tracks = tracks_of(it, pe);
    weft__time now = now_of(it);
    end_activity(it, tracks);
    end_call(it, tracks);
    tracks->activity = (stretch){0};
    tracks->call = (stretch){call, call, now, now};
}

void weft__pe_trace_spent(weft__pe_trace *it, const weft__pe *pe, weft__pe_activity activity, weft__time since)
{
    pe_tracks *tracks = tracks_of(it, pe);
    const char *name = weft__pe_activity_name(activity);
    stretch *last = &tracks->activity;
    /* A wait that was looked after several times is one. */
    if (last->name != name || last->until != since) {
        end_activity(it, tracks);
        *last = (stretch){.name = name, .call = tracks->call.name, .since = since};
    }
    last->until = tracks->call.until = now_of(it);
}

/* ---- engines ---- */

static void name_stage(const weft__token *token, char name[NAME_BYTES])
{
    const weft__command *command = token->command;
    int used = snprintf(name, NAME_BYTES, "%s", command->call ? command->call : "command");
    if (!command->process)
        used += snprintf(name + used, NAME_BYTES - (size_t)used, " %" PRIu64, command->number);
    if (command->tiles > 1)
        (void)snprintf(name + used, NAME_BYTES - (size_t)used, ", tile %" PRIu64, token->tile);
}

void weft__pe_trace_served(weft__pe_trace *it, const weft__token *token)
{
    char name[NAME_BYTES];
    const weft__pe *pe = token->command->pe;
    const weft__stage *stage = &token->stages.at[token->stage];
    const weft__pe_engine *engine = &pe->engines[stage->kind];
    pe_tracks *tracks = tracks_of(it, pe);
    weft__trace_track *track = place_of(it, &tracks->engines[stage->kind], token->place);
    if (!track || now_of(it) == token->began)
        return;
    bool is_alone = engine->channels * engine->outstanding == 1;
    (void)snprintf(name, sizeof name, is_alone ? "%s" : "%s %" PRIu32, weft__pe_engine_name(stage->kind), token->place);
    int32_t sort_index = SORT_ENGINES + (int32_t)stage->kind * SORT_ENGINE + (int32_t)token->place;
    (void)use(it, tracks, track, name, sort_index);
    name_stage(token, name);
    weft__trace_arg args[] = {{"kernel", token->command->kernel ? token->command->kernel : "", 0},
                              {"bytes", NULL, (int64_t)stage->bytes}};
    weft__trace_span(it->trace, *track, name, token->began, now_of(it) - token->began, args,
                     sizeof args / sizeof args[0]);
}

/* ---- queues ---- */

static void on_send_begins(void *context, weft__ipcq_message *message)
{
    weft__pe_trace *it = context;
    message->traced = ++it->messages;
    tracks_of(it, message->from)->send_since = now_of(it);
}

static void on_send_ends(void *context, weft__ipcq_message *message)
{
    char name[NAME_BYTES];
    weft__pe_trace *it = context;
    pe_tracks *tracks = tracks_of(it, message->from);
    weft__trace_track track = use(it, tracks, &tracks->send, "send", SORT_SEND);
    (void)snprintf(name, sizeof name, "send %s", tl_direction_name((tl_direction)message->from_direction));
    weft__trace_arg args[] = {{"to", weft__pe_name(message->to), 0},
                              {"number", NULL, (int64_t)message->number},
                              {"bytes", NULL, (int64_t)message->bytes}};
    weft__trace_span(it->trace, track, name, tracks->send_since, now_of(it) - tracks->send_since, args,
                     sizeof args / sizeof args[0]);
    weft__trace_flow(it->trace, track, WEFT__TRACE_FLOW_START, "message", message->traced, tracks->send_since);
}

static void on_receive_begins(void *context, weft__ipcq_receive *receive)
{
    weft__pe_trace *it = context;
    tracks_of(it, receive->pe)->receive_since[receive->direction] = now_of(it);
}

static void on_receive_ends(void *context, weft__ipcq_receive *receive)
{
    char name[NAME_BYTES];
    weft__pe_trace *it = context;
    pe_tracks *tracks = tracks_of(it, receive->pe);
    const weft__ipcq_message *message = receive->message;
    weft__time since = tracks->receive_since[receive->direction];
    (void)snprintf(name, sizeof name, "receive %s", tl_direction_name((tl_direction)receive->direction));
    weft__trace_track track =
        use(it, tracks, &tracks->receive[receive->direction], name, SORT_RECEIVE + (int32_t)receive->direction);
    weft__trace_arg args[] = {{"from", weft__pe_name(message->from), 0},
                              {"number", NULL, (int64_t)message->number},
                              {"bytes", NULL, (int64_t)message->bytes}};
    weft__trace_span(it->trace, track, name, since, now_of(it) - since, args, sizeof args / sizeof args[0]);
    weft__trace_flow(it->trace, track, WEFT__TRACE_FLOW_END, "message", message->traced, since);
}

/* ---- making and ending ---- */

weft_status weft__pe_trace_create(weft__pes *pes, weft__trace *trace, weft__pe_trace **out, weft_error *err)
{
    *out = NULL;
    weft__pe_trace *it = calloc(1, sizeof *it);
    if (!it)
        return weft__fail_memory(err, sizeof *it, "the trace of the PEs");
    it->tracks = calloc(weft__pes_count(pes), sizeof *it->tracks);
    if (!it->tracks) {
        free(it);
        return weft__fail_memory(err, weft__pes_count(pes) * sizeof *it->tracks, "the trace of the PEs");
    }
    it->pes = pes;
    it->trace = trace;
    it->watcher = (weft__pe_recorder){.send_begins = on_send_begins,
                                      .send_ends = on_send_ends,
                                      .receive_begins = on_receive_begins,
                                      .receive_ends = on_receive_ends,
                                      .context = it};
    pes->trace = it;
    pes->watcher = &it->watcher;
    *out = it;
    return WEFT_OK;
}

void weft__pe_trace_destroy(weft__pe_trace *it)
{
    if (!it)
        return;
    it->pes->trace = NULL;
    it->pes->watcher = NULL;
    for (uint32_t i = 0; i < weft__pes_count(it->pes); i++) {
        end_activity(it, &it->tracks[i]);
        end_call(it, &it->tracks[i]);
        for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++)
            free(it->tracks[i].engines[kind].places);
    }
    free(it->tracks);
    free(it);
}
