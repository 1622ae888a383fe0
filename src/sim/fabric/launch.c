#include "sim/fabric/launch.h"

#include <stdlib.h>
#include <string.h>

#include "sim/fabric/fabric_impl.h"

typedef struct launch_group launch_group;

/* A PE, or a processor that hands commands on: they form a tree. */
struct launch_group {
    weft__launch *launch;
    launch_group *above; /* NULL for the one who launches */
    uint32_t node;
    uint32_t first, count; /* of those below it, by their place in the array of their level; none for a PE */
    uint32_t answers;      /* that have come from below */
    weft__time start;      /* of a PE */
};

enum {
    LEVEL_ROOT, /* who launches */
    LEVEL_SIP,
    LEVEL_CUBE,
    LEVEL_PE,
    LEVELS
};

struct weft__launch {
    weft__fabric *fabric;
    weft__launch_request request;
    weft__time target, end;
    launch_group *levels[LEVELS];
    uint32_t counts[LEVELS];
};

static void command(launch_group *from, launch_group *to, const weft__receiver *receiver, launch_group *context)
{
    weft__fabric *fabric = from->launch->fabric;
    weft__run now = {weft__sim_now(weft__fabric_sim(fabric)), 0, 1};
    weft__parcel parcel = {.from = from->node,
                           .to = to->node,
                           .size = WEFT__FLIT_COMMAND,
                           .ready = &now,
                           .ready_count = 1,
                           .receiver = receiver,
                           .context = context};
    (void)weft__fabric_send(fabric, &parcel);
}

static size_t level_of(const launch_group *group)
{
    size_t level = LEVEL_ROOT;
    for (const launch_group *above = group->above; above; above = above->above)
        level++;
    return level;
}

/* ---- the way up ---- */

static void on_answer(void *context, weft__message *message);
static const weft__receiver answer_receiver = {.arrived = on_answer};

/* Everything below a group is done, or the PE is. */
static void answer(launch_group *group)
{
    weft__launch *launch = group->launch;
    if (group->above) {
        if (group->node == group->above->node)
            on_answer(group->above, NULL);
        else
            command(group, group->above, &answer_receiver, group->above);
        return;
    }
    launch->end = weft__sim_now(weft__fabric_sim(launch->fabric));
    if (launch->request.ended)
        launch->request.ended(launch->request.context, launch);
}

static void on_answer(void *context, weft__message *message)
{
    (void)message;
    launch_group *group = context;
    if (++group->answers == group->count)
        answer(group);
}

void weft__launch_finish(weft__launch *launch, size_t index)
{
    answer(&launch->levels[LEVEL_PE][index]);
}

/* ---- the way down ---- */

static void on_command(void *context, weft__message *message);
static const weft__receiver command_receiver = {.arrived = on_command};

static void on_start(weft_sim *sim, uint64_t argument)
{
    launch_group *pe = (launch_group *)(uintptr_t)argument;
    weft__launch *launch = pe->launch;
    pe->start = weft__sim_now(sim);
    launch->request.started(launch->request.context, launch, (size_t)(pe - launch->levels[LEVEL_PE]));
}

static void hand_on(launch_group *group)
{
    weft__launch *launch = group->launch;
    size_t level = level_of(group);
    if (level == LEVEL_PE) {
        weft_sim *sim = weft__fabric_sim(launch->fabric);
        weft__time now = weft__sim_now(sim);
        (void)weft__sim_at(sim, now > launch->target ? now : launch->target, 0, on_start, (uintptr_t)group);
        return;
    }
    for (uint32_t i = 0; i < group->count; i++) {
        launch_group *below = &launch->levels[level + 1][group->first + i];
        if (group->node == below->node)
            hand_on(below);
        else
            command(group, below, &command_receiver, below);
    }
}

static void on_command(void *context, weft__message *message)
{
    (void)message;
    hand_on(context);
}

static void on_begin(weft_sim *sim, uint64_t argument)
{
    (void)sim;
    hand_on((launch_group *)(uintptr_t)argument);
}

/* ---- the tree ---- */

/* Adds a group below the last one of the level above, unless the last one of its own level is the same node. */
static void add_group(weft__launch *launch, size_t level, uint32_t node)
{
    launch_group *last = launch->counts[level] ? &launch->levels[level][launch->counts[level] - 1] : NULL;
    if (last && last->node == node)
        return;
    launch_group *above = level ? &launch->levels[level - 1][launch->counts[level - 1] - 1] : NULL;
    launch->levels[level][launch->counts[level]] =
        (launch_group){.launch = launch, .above = above, .node = node, .start = WEFT__NEVER};
    if (above && above->count++ == 0)
        above->first = launch->counts[level];
    launch->counts[level]++;
}

static weft_status build_tree(weft__launch *launch, weft_error *err)
{
    const weft__graph *graph = weft__fabric_graph(launch->fabric);
    for (size_t level = 0; level < LEVELS; level++) {
        launch->levels[level] = calloc(launch->request.count, sizeof(launch_group));
        if (!launch->levels[level])
            return weft__fail_memory(err, launch->request.count * sizeof(launch_group), "a launch");
    }
    add_group(launch, LEVEL_ROOT, launch->request.from);
    for (size_t i = 0; i < launch->request.count; i++) {
        const weft__node *pe = &graph->nodes[launch->request.cpus[i]];
        add_group(launch, LEVEL_SIP, weft__graph_node(graph, WEFT__NODE_IO_CPU, pe->sip, 0, 0));
        add_group(launch, LEVEL_CUBE, weft__graph_node(graph, WEFT__NODE_MCPU, pe->sip, pe->cube, 0));
        add_group(launch, LEVEL_PE, launch->request.cpus[i]);
    }
    return WEFT_OK;
}

/* ---- the start ---- */

static weft_status create_launch(weft__fabric *fabric, const weft__launch_request *request, weft__launch **out,
                                 weft_error *err)
{
    *out = NULL;
    weft__launch *launch = calloc(1, sizeof *launch);
    if (!launch)
        return weft__fail_memory(err, sizeof *launch, "a launch");
    launch->fabric = fabric;
    launch->request = *request;
    launch->end = WEFT__NEVER;
    weft_status status = build_tree(launch, err);
    launch->request.cpus = NULL; /* they stand in the tree */
    if (status != WEFT_OK) {
        weft__launch_destroy(launch);
        return status;
    }
    *out = launch;
    return WEFT_OK;
}

static void start_launch(weft__launch *launch, weft__time time)
{
    (void)weft__sim_at(weft__fabric_sim(launch->fabric), time, 0, on_begin, (uintptr_t)launch->levels[LEVEL_ROOT]);
}

static void begin_nothing(void *context, weft__launch *launch, size_t index)
{
    (void)context, (void)launch, (void)index;
}

static weft_status run_rehearsal(weft_sim *sim, const weft__fabric *fabric, weft__launch *launch, uint64_t *out_ps,
                                 weft_error *err)
{
    start_launch(launch, 0);
    weft_status status = weft__sim_run(sim, WEFT__NEVER, err);
    if (status == WEFT_OK)
        status = weft__fabric_check_arrived(fabric, err);
    *out_ps = 0;
    for (uint32_t i = 0; status == WEFT_OK && i < launch->counts[LEVEL_PE]; i++)
        *out_ps = launch->levels[LEVEL_PE][i].start > *out_ps ? launch->levels[LEVEL_PE][i].start : *out_ps;
    return status;
}

/* How long it takes until the last PE has its command, on a machine where nothing else is under way: launches the same
 * PEs in a simulation of its own, in which each begins as soon as it can. */
static weft_status rehearse(const weft__fabric *fabric, const weft__launch_request *request, uint64_t *out_ps,
                            weft_error *err)
{
    weft__launch_request trial = {
        .from = request->from, .cpus = request->cpus, .count = request->count, .started = begin_nothing};
    weft_sim *sim = NULL;
    weft__fabric *empty = NULL;
    weft__launch *launch = NULL;
    weft__flit_mode mode = weft__fabric_has_trains(fabric) ? WEFT__FLITS_TRAINS : WEFT__FLITS_EACH;
    weft_status status = weft__sim_create(NULL, &sim, err);
    if (status == WEFT_OK)
        status = weft__fabric_create(sim, weft__fabric_graph(fabric), mode, &empty, err);
    if (status == WEFT_OK)
        status = create_launch(empty, &trial, &launch, err);
    if (status == WEFT_OK)
        status = run_rehearsal(sim, empty, launch, out_ps, err);
    weft__sim_destroy(sim);
    weft__launch_destroy(launch);
    weft__fabric_destroy(empty);
    return status;
}

/* ---- what is known of ways ---- */

/* More would be looked through in vain by somebody who launches ever other PEs. */
#define WAYS_MAX 8u

struct weft__launch_way {
    weft__launch_way *next;
    uint64_t way_ps;
    uint32_t from;
    size_t count;
    uint32_t cpus[];
};

void weft__launch_ways_destroy(weft__launch_way *ways)
{
    while (ways) {
        weft__launch_way *next = ways->next;
        free(ways);
        ways = next;
    }
}

/* Puts it before the others; the last one makes room for it. */
static weft_status keep_way(weft__fabric *fabric, const weft__launch_request *request, uint64_t way_ps, weft_error *err)
{
    size_t bytes = sizeof(weft__launch_way) + request->count * sizeof *request->cpus, kept = 1;
    weft__launch_way *way = malloc(bytes);
    if (!way)
        return weft__fail_memory(err, bytes, "the way of a launch");
    *way = (weft__launch_way){
        .next = fabric->launch_ways, .way_ps = way_ps, .from = request->from, .count = request->count};
    memcpy(way->cpus, request->cpus, request->count * sizeof *request->cpus);
    fabric->launch_ways = way;
    for (; way->next; way = way->next, kept++)
        if (kept == WAYS_MAX) {
            weft__launch_ways_destroy(way->next);
            way->next = NULL;
            break;
        }
    return WEFT_OK;
}

/* The machine never changes, so neither does the way to the same PEs. */
static weft_status find_way(weft__fabric *fabric, const weft__launch_request *request, uint64_t *out_ps,
                            weft_error *err)
{
    for (const weft__launch_way *way = fabric->launch_ways; way; way = way->next)
        if (way->from == request->from && way->count == request->count &&
            memcmp(way->cpus, request->cpus, request->count * sizeof *request->cpus) == 0) {
            *out_ps = way->way_ps;
            return WEFT_OK;
        }
    weft_status status = rehearse(fabric, request, out_ps, err);
    return status == WEFT_OK ? keep_way(fabric, request, *out_ps, err) : status;
}

weft_status weft__launch_begin(weft__fabric *fabric, weft__time time, const weft__launch_request *request,
                               weft__launch **out, weft_error *err)
{
    uint64_t way_ps;
    *out = NULL;
    weft_status status = find_way(fabric, request, &way_ps, err);
    if (status == WEFT_OK)
        status = create_launch(fabric, request, out, err);
    if (status != WEFT_OK)
        return status;
    (*out)->target = time + way_ps;
    start_launch(*out, time);
    return WEFT_OK;
}

void weft__launch_destroy(weft__launch *launch)
{
    if (!launch)
        return;
    for (size_t level = 0; level < LEVELS; level++)
        free(launch->levels[level]);
    free(launch);
}

weft__time weft__launch_target_ps(const weft__launch *launch)
{
    return launch->target;
}

weft__time weft__launch_start_ps(const weft__launch *launch, size_t index)
{
    return launch->levels[LEVEL_PE][index].start;
}

weft__time weft__launch_end_ps(const weft__launch *launch)
{
    return launch->end;
}
