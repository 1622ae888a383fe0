#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/host/neighbours.h"
#include "sim/host/host_impl.h"
#include "sim/tile/groups.h"

#define QUEUES_ALL (WEFT_QUEUES_CUBES | WEFT_QUEUES_PES | WEFT_QUEUES_SIPS | WEFT_QUEUES_RING | WEFT_QUEUES_TREE)

/* ---- the end ---- */

/* A message that nobody received is a hazard. False if the run ends. */
static bool meet_unreceived(weft_kernel_launch *launch, const weft__unreceived *message)
{
    char what[256];
    weft_simulation *simulation = launch->simulation;
    weft_kernel_hazard hazard = {.kind = WEFT_KERNEL_HAZARD_UNRECEIVED,
                                 .kernel = launch->name,
                                 .call = "the end of the kernel",
                                 .pe = message->to,
                                 .address = message->address,
                                 .bytes = message->bytes,
                                 .slot_pe = message->to,
                                 .slot_direction = message->to_direction,
                                 .slot = message->slot,
                                 .other = message->from,
                                 .other_call = message->call,
                                 .other_ps = message->sent};
    (void)snprintf(what, sizeof what,
                   "message %" PRIu64 " from %s, %" PRIu64 " bytes that %s sent in %s at %.3f ns, was never received.",
                   message->number, tl_direction_name(message->to_direction), message->bytes, message->from,
                   message->call, (double)message->sent / 1000);
    if (simulation->memory)
        return weft__pe_values_add_hazard(simulation->memory, &hazard, what);
    return weft__hazards_add(&simulation->hazards, &hazard, NULL, "%s", what);
}

/* A launch from within may use whatever the ones under way may use. */
static void begin_running(weft_kernel_launch *launch)
{
    weft_simulation *simulation = launch->simulation;
    launch->serial = ++simulation->launch_count;
    for (const weft_kernel_launch *it = simulation->running; it && launch->origin.ended; it = it->next_running)
        launch->serial = it->serial < launch->serial ? it->serial : launch->serial;
    launch->next_running = simulation->running;
    simulation->running = launch;
}

static void end_running(weft_kernel_launch *launch)
{
    weft_kernel_launch **link = &launch->simulation->running;
    while (*link != launch)
        link = &(*link)->next_running;
    *link = launch->next_running;
}

static void on_ended(void *context, weft__kernel_run *run)
{
    weft_kernel_launch *launch = context;
    weft__unreceived message;
    const weft__ipcq_message *place = NULL;
    while (weft__kernel_run_unreceived(run, &place, &message))
        if (!meet_unreceived(launch, &message))
            return;
    end_running(launch);
    weft__simulation_reach(launch->simulation, &launch->has_ended);
    if (launch->origin.ended)
        launch->origin.ended(launch->origin.context, launch);
}

/* ---- launching ---- */

/* PEs, groups and stacks become what zeros in them stand for. */
static weft_status check_options(const weft_simulation *simulation, weft_launch_options *options, weft_error *err)
{
    if (!options->kernel)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A launch needs a kernel.");
    if (options->queues & ~QUEUES_ALL)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "The queues of a launch are 0x%" PRIx32 ", but only 0x%x exist.",
                          options->queues, QUEUES_ALL);
    if (options->stack_bytes == 0)
        options->stack_bytes = WEFT_TILE_STACK_BYTES;
    if (options->stack_bytes < WEFT_TILE_STACK_BYTES_MIN || options->stack_bytes > WEFT_TILE_STACK_BYTES_MAX)
        return weft__fail(err, WEFT_INVALID_ARGUMENT,
                          "The stacks of a launch have %" PRIu32 " bytes each, but they can have %u to %u.",
                          options->stack_bytes, WEFT_TILE_STACK_BYTES_MIN, WEFT_TILE_STACK_BYTES_MAX);
    const weft__graph *graph = weft__simulation_graph(simulation);
    weft_status status = weft__pe_set_resolve(graph, &options->pes, &options->pes, err);
    return status == WEFT_OK ? weft__groups_resolve(weft__pe_set_count(&options->pes), &options->group_size,
                                                    &options->group_stride, err)
                             : status;
}

/* `cpus` and `places` have room for all PEs of the launch. */
static weft_status begin_run(weft_kernel_launch *launch, const weft_launch_options *options, uint32_t *cpus,
                             uint32_t *places, weft_error *err)
{
    weft_simulation *simulation = launch->simulation;
    const weft__graph *graph = weft__simulation_graph(simulation);
    uint32_t count = weft__pe_set_count(&options->pes);
    for (uint32_t i = 0; i < count; i++) {
        places[i] = weft__pe_set_at(graph, &options->pes, i);
        uint32_t cube = places[i] / graph->pes;
        cpus[i] = weft__graph_node(graph, WEFT__NODE_PE_CPU, cube / graph->cubes, cube % graph->cubes,
                                   places[i] % graph->pes);
    }
    const weft__neighbourhood neighbours = {.graph = graph,
                                            .pes = places,
                                            .count = count,
                                            .group_size = options->group_size,
                                            .group_stride = options->group_stride,
                                            .queues = options->queues};
    weft__ipcq_pair *pairs;
    size_t pair_count;
    weft_status status = weft__neighbours_list(&neighbours, &pairs, &pair_count, err);
    if (status != WEFT_OK)
        return status;
    const weft__kernel_request request = {.name = launch->name,
                                          .kernel = options->kernel,
                                          .arguments = options->arguments,
                                          .from = launch->origin.node,
                                          .stack_bytes = options->stack_bytes,
                                          .cpus = cpus,
                                          .count = count,
                                          .group_size = options->group_size,
                                          .group_stride = options->group_stride,
                                          .queues = options->queues,
                                          .pairs = pairs,
                                          .pair_count = pair_count,
                                          .ended = on_ended,
                                          .context = launch};
    status = weft__kernel_launch(simulation->pes, weft__sim_now(simulation->sim), &request, &launch->run, err);
    free(pairs);
    return status;
}

static weft_status begin(weft_kernel_launch *launch, const weft_launch_options *options, weft_error *err)
{
    uint32_t name;
    weft__names *names = &launch->simulation->names;
    weft_status status = weft__names_number(names, options->name ? options->name : "kernel", &name, err);
    if (status != WEFT_OK)
        return status;
    launch->name = weft__names_at(names, name);
    size_t count = weft__pe_set_count(&options->pes);
    uint32_t *cpus = malloc(count * sizeof *cpus), *places = malloc(count * sizeof *places);
    status = cpus && places ? begin_run(launch, options, cpus, places, err)
                            : weft__fail_memory(err, 2 * count * sizeof *cpus, "the PEs of a launch");
    free(cpus);
    free(places);
    return status;
}

weft_status weft_simulation_launch(weft_simulation *simulation, const weft_launch_options *options,
                                   weft_kernel_launch **out, weft_error *err)
{
    weft__simulation_sweep(simulation);
    return weft__simulation_launch(simulation, options, NULL, out, err);
}

weft_status weft__simulation_launch(weft_simulation *simulation, const weft_launch_options *options,
                                    const weft__launch_origin *origin, weft_kernel_launch **out, weft_error *err)
{
    *out = NULL;
    if (!options)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A launch needs options, with a kernel.");
    weft_launch_options checked = *options;
    weft_status status = weft__simulation_check(simulation, err);
    if (status == WEFT_OK)
        status = check_options(simulation, &checked, err);
    if (status != WEFT_OK)
        return status;
    weft_kernel_launch *launch = calloc(1, sizeof *launch);
    if (!launch)
        return weft__fail_memory(err, sizeof *launch, "a launch");
    launch->simulation = simulation;
    if (origin)
        launch->origin = *origin;
    status = begin(launch, &checked, err);
    if (status != WEFT_OK) {
        weft__kernel_launch_free(launch);
        return status;
    }
    begin_running(launch);
    if (simulation->listener)
        simulation->listener->launched(simulation->listener->context, launch, &checked);
    *out = launch;
    return WEFT_OK;
}

void weft__kernel_launch_free(weft_kernel_launch *launch)
{
    weft__kernel_run_destroy(launch->run);
    free(launch);
}

void weft__simulation_sweep(weft_simulation *simulation)
{
    weft_kernel_launch **link = &simulation->abandoned;
    while (*link) {
        weft_kernel_launch *launch = *link;
        if (!launch->has_ended) {
            link = &launch->next;
            continue;
        }
        *link = launch->next;
        weft__kernel_launch_free(launch);
    }
    weft__simulation_sweep_tensors(simulation);
}

void weft_kernel_launch_destroy(weft_kernel_launch *launch)
{
    if (!launch)
        return;
    if (launch->has_ended) {
        weft__kernel_launch_free(launch);
        return;
    }
    /* What is under way still leads to it. */
    launch->next = launch->simulation->abandoned;
    launch->simulation->abandoned = launch;
}

/* ---- waiting ---- */

weft_status weft__kernel_launch_fail_stuck(weft_simulation *simulation, const weft_kernel_launch *launch,
                                           weft_error *err)
{
    weft_error stuck;
    if (weft__fabric_check_arrived(simulation->fabric, &stuck) != WEFT_OK)
        (void)weft__fail_within(&stuck, stuck.code, "Kernel '%s' has not ended", launch->name);
    else if (weft__kernel_run_check(launch->run, &stuck) == WEFT_OK)
        (void)weft__fail(&stuck, WEFT_INTERNAL, "Nothing happens any more, though kernel '%s' has ended.",
                         launch->name);
    return weft__simulation_fail(simulation, &stuck, err);
}

weft_status weft_simulation_wait(weft_simulation *simulation, weft_kernel_launch *launch, weft_error *err)
{
    if (launch->simulation != simulation)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "The launch '%s' belongs to another simulation.", launch->name);
    weft_status status = weft__simulation_check_outside(simulation, "weft_simulation_wait", err);
    if (status != WEFT_OK)
        return status;
    if (simulation->listener)
        simulation->listener->awaits(simulation->listener->context, launch);
    status = weft__simulation_run_until(simulation, &launch->has_ended, err);
    if (status != WEFT_OK || launch->has_ended)
        return status;
    return weft__kernel_launch_fail_stuck(simulation, launch, err);
}
