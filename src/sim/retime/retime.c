/* A recording on another machine: what the host did, once more. */
#include <stdlib.h>

#include "sim/retime/keys.h"
#include "sim/retime/recording.h"
#include "sim/retime/group.h"
#include "sim/retime/stretch.h"

weft_status weft__play_fail_damaged(weft_error *err)
{
    return weft__fail(err, WEFT_PARSE, "The recording is damaged: the host does something that it cannot do.");
}

/* ---- launches ---- */

weft_status weft__play_launch(weft__player *it, uint64_t number, const weft__launch_origin *origin, weft_error *err)
{
    if (number >= it->recording->launch_count || it->launches[number] || it->reports[number].pes)
        return weft__play_fail_damaged(err);
    const weft__recorded_launch *launch = &it->recording->launches[number];
    it->given[number] = (weft__played_launch){it->recording, launch, it->stretches};
    const weft_launch_options options = {.name = launch->name,
                                         .kernel = weft__play_kernel,
                                         .arguments = &it->given[number],
                                         .pes = launch->pes,
                                         .queues = launch->queues,
                                         .group_size = launch->group_size,
                                         .group_stride = launch->group_stride};
    uint32_t count;
    weft_status status = weft_machine_count_pes(it->machine, &launch->pes, &count, err);
    if (status == WEFT_OK && count != launch->count)
        return weft__play_fail_damaged(err);
    return status == WEFT_OK ? weft__simulation_launch(it->simulation, &options, origin, &it->launches[number], err)
                             : status;
}

void weft__play_end_launch(weft__player *it, uint64_t number)
{
    weft_kernel_launch_get_report(it->launches[number], &it->reports[number]);
    weft_kernel_launch_destroy(it->launches[number]);
    it->launches[number] = NULL;
}

static weft_status await_launch(weft__player *it, uint64_t number, weft_error *err)
{
    if (number >= it->recording->launch_count || !it->launches[number])
        return weft__play_fail_damaged(err);
    return weft_simulation_wait(it->simulation, it->launches[number], err);
}

/* ---- transfers ---- */

/* The host goes on when the clock has come so far. */
static void catch_up(weft__player *it)
{
    uint64_t now = weft__sim_now(it->simulation->sim);
    it->host_ps = now > it->host_ps ? now : it->host_ps;
}

static void on_moved(void *context, const weft__transfer *transfer)
{
    (void)transfer;
    weft__player *it = context;
    if (--it->moving == 0)
        weft__simulation_reach(it->simulation, &it->has_moved);
}

static weft_status play_move(weft__player *it, weft__reader *from, weft_error *err)
{
    weft__place_code place;
    const weft__graph *graph = weft__simulation_graph(it->simulation);
    bool is_write = weft__reader_take_most(from, 1);
    weft__place_code_take(from, &place);
    uint64_t bytes = weft__reader_take_most(from, WEFT__STEP_ELEMENTS_MAX);
    uint32_t node = from->is_bad ? WEFT__NODE_NONE : weft__place_code_node(graph, 0, &place, bytes);
    if (node == WEFT__NODE_NONE || bytes == 0)
        return weft__play_fail_damaged(err);
    const weft__transfer_request request = {.source = weft__graph_node(graph, WEFT__NODE_HOST, 0, 0, 0),
                                            .target = node,
                                            .offset_bytes = place.offset_bytes,
                                            .bytes = bytes,
                                            .is_write = is_write,
                                            .ended = on_moved,
                                            .context = it};
    catch_up(it);
    it->moving++;
    it->has_moved = false;
    weft__transfer_begin(it->simulation->transfers, it->host_ps, &request);
    return WEFT_OK;
}

static weft_status await_moves(weft__player *it, weft_error *err)
{
    weft_error stuck;
    if (it->moving == 0)
        return WEFT_OK;
    weft_status status = weft__simulation_run_until(it->simulation, &it->has_moved, err);
    catch_up(it);
    if (status != WEFT_OK || it->has_moved)
        return status;
    if (weft__fabric_check_arrived(it->simulation->fabric, &stuck) == WEFT_OK)
        (void)weft__fail(&stuck, WEFT_INTERNAL, "Nothing happens any more, and all messages have arrived.");
    return weft__simulation_fail(it->simulation, &stuck, err);
}

/* ---- all that the host does ---- */

static weft_status play_deed(weft__player *it, weft__reader *from, weft_error *err)
{
    weft__deed deed = (weft__deed)weft__reader_take_most(from, WEFT__DEED_AWAIT_COMMANDS);
    if (deed == WEFT__DEED_AWAIT_MOVES)
        return await_moves(it, err);
    if (deed == WEFT__DEED_MOVE)
        return play_move(it, from, err);
    uint64_t number = weft__reader_take(from);
    if (from->is_bad)
        return weft__play_fail_damaged(err);
    if (deed == WEFT__DEED_LAUNCH)
        return weft__play_launch(it, number, NULL, err);
    if (deed == WEFT__DEED_AWAIT)
        return await_launch(it, number, err);
    return deed == WEFT__DEED_SUBMIT ? weft__play_submit(it, number, err)
                                     : weft__play_await_commands(it, number != 0, err);
}

static weft_status play(weft__player *it, weft_error *err)
{
    weft__reader from = weft__reader_of(&it->recording->deeds);
    weft_status status = WEFT_OK;
    it->parts = weft__reader_of(&it->recording->parts);
    it->last = &it->first;
    while (status == WEFT_OK && from.at < from.end)
        status = play_deed(it, &from, err);
    catch_up(it);
    return status;
}

/* ---- what came out ---- */

typedef struct retime_outcome {
    weft_retime_result result; /* first */
    weft_launch_report launches[];
} retime_outcome;

static void collect(const weft__player *it, weft_retime_result *result)
{
    for (size_t i = 0; i < it->recording->launch_count; i++)
        weft_launch_report_add(&result->report, &it->reports[i]);
    result->end_ps = it->host_ps;
    result->launches = it->reports;
    result->launch_count = it->recording->launch_count;
    weft_simulation_get_statistics(it->simulation, &result->statistics);
    if (it->stretches)
        result->statistics.trace_hash = 0; /* of some events it would tell nothing */
}

void weft_retime_result_destroy(weft_retime_result *result)
{
    free(result);
}

static weft_status check_fits(const weft_recording *recording, const weft_machine *machine, weft_error *err)
{
    weft__reader from = weft__reader_of(&recording->keys);
    if (!recording->is_whole)
        return weft__fail(err, WEFT_INVALID_STATE, "The recording is not finished.");
    if (recording->refusal[0])
        return weft__fail(err, WEFT_UNSUPPORTED, "%s", recording->refusal);
    return weft__retime_keys_check(&from, machine->spec, err);
}

/* With the memory for what comes out. */
static weft_status play_into(weft__player *it, bool skips, retime_outcome *outcome, weft_error *err)
{
    static const weft_simulation_options options = {.values = WEFT_VALUES_NONE, .hazards = WEFT_HAZARDS_HARDWARE};
    size_t count = it->recording->launch_count;
    it->reports = outcome->launches;
    it->launches = calloc(count + 1, sizeof *it->launches);
    it->job_of = calloc(count + 1, sizeof *it->job_of);
    it->given = calloc(count + 1, sizeof *it->given);
    weft_status status = it->launches && it->job_of && it->given
                             ? weft_simulation_create(it->machine, &options, &it->simulation, err)
                             : weft__fail_memory(err, (count + 1) * sizeof *it->given, "the launches of a run");
    if (status == WEFT_OK && skips)
        status = weft__stretches_create(it->simulation, &it->stretches, err);
    if (status == WEFT_OK && skips && weft__pes_rates(it->simulation->pes)->tlb_ps == 0)
        status = weft__groups_create(it, &it->groups, err);
    if (status == WEFT_OK) {
        weft__processor_init(&it->processor, it->simulation, &weft__play_client, it);
        status = play(it, err);
    }
    for (size_t i = 0; it->launches && i < count; i++)
        if (it->launches[i])
            weft__play_end_launch(it, i);
    if (status == WEFT_OK)
        collect(it, &outcome->result);
    weft_simulation_destroy(it->simulation);
    weft__stretches_destroy(it->stretches);
    weft__groups_destroy(it->groups);
    weft__play_free_commands(it);
    free(it->launches);
    free(it->job_of);
    free(it->given);
    return status;
}

weft_status weft_retime(const weft_recording *recording, const weft_machine *machine, weft_retime_result **out,
                        weft_error *err)
{
    return weft__retime(recording, machine, true, out, err);
}

weft_status weft__retime(const weft_recording *recording, const weft_machine *machine, bool skips,
                         weft_retime_result **out, weft_error *err)
{
    *out = NULL;
    weft__player it = {.recording = recording, .machine = machine};
    weft_status status = check_fits(recording, machine, err);
    if (status != WEFT_OK)
        return status;
    size_t bytes = sizeof(retime_outcome) + recording->launch_count * sizeof(weft_launch_report);
    retime_outcome *outcome = calloc(1, bytes);
    if (!outcome)
        return weft__fail_memory(err, bytes, "the reports of launches");
    status = play_into(&it, skips, outcome, err);
    if (status == WEFT_OK)
        *out = &outcome->result;
    else
        free(outcome);
    return status;
}
