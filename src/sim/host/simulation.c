#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/host/host_impl.h"
#include "sim/machine/address.h"
#include "sim/pe/ipcq.h"
#include "sim/pe/perturb.h"

/* ---- who watches ---- */

static void watch_links(weft_simulation *simulation)
{
    const weft__observer *first = simulation->link_trace ? weft__link_trace_observer(simulation->link_trace) : NULL;
    if (simulation->activity) {
        weft__observer *activity = weft__activity_recorder_observer(simulation->activity);
        activity->next = first;
        first = activity;
    }
    if (simulation->fabric)
        weft__fabric_observe(simulation->fabric, first);
}

weft_status weft__simulation_begin_trace(weft_simulation *simulation, weft__trace *trace, weft_error *err)
{
    weft_status status = weft__link_trace_create(trace, weft__simulation_graph(simulation), "links",
                                                 WEFT__LINK_COUNTERS, &simulation->link_trace, err);
    if (status == WEFT_OK)
        status = weft__pe_trace_create(simulation->pes, trace, &simulation->pe_trace, err);
    watch_links(simulation);
    return status;
}

void weft__simulation_end_trace(weft_simulation *simulation)
{
    weft__pe_trace_destroy(simulation->pe_trace);
    simulation->pe_trace = NULL;
    if (simulation->link_trace)
        weft__link_trace_finish(simulation->link_trace);
    weft__link_trace_destroy(simulation->link_trace);
    simulation->link_trace = NULL;
    watch_links(simulation);
}

weft_status weft__simulation_keep_activity(weft_simulation *simulation, uint64_t begin_ps, weft_error *err)
{
    weft__activity_recorder_destroy(simulation->activity);
    weft_status status =
        weft__activity_recorder_create(simulation->pes, simulation->transfers, begin_ps, &simulation->activity, err);
    watch_links(simulation);
    return status;
}

weft_status weft_simulation_keep_activity(weft_simulation *simulation, weft_error *err)
{
    return weft__simulation_keep_activity(simulation, weft_simulation_now_ps(simulation), err);
}

weft_status weft__simulation_take_activity(const weft_simulation *simulation, uint64_t end_ps, weft_activity **out,
                                           weft_error *err)
{
    *out = NULL;
    if (!simulation->activity)
        return weft__fail(err, WEFT_INVALID_STATE,
                          "The simulation has no activity: weft_simulation_keep_activity() was not called.");
    return weft__activity_recorder_take(simulation->activity, end_ps, out, err);
}

weft_status weft_simulation_take_activity(const weft_simulation *simulation, weft_activity **out, weft_error *err)
{
    return weft__simulation_take_activity(simulation, weft_simulation_now_ps(simulation), out, err);
}

/* ---- making and ending ---- */

static weft_status check_options(const weft_simulation_options *options, weft_error *err)
{
    if ((unsigned)options->values > WEFT_VALUES_NONE)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "The option 'values' is %d, which is no mode.",
                          (int)options->values);
    if ((unsigned)options->hazards > WEFT_HAZARDS_HARDWARE)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "The option 'hazards' is %d, which is no action.",
                          (int)options->hazards);
    return WEFT_OK;
}

static weft_status create_values(weft_simulation *simulation, weft_error *err)
{
    const weft_simulation_options *options = &simulation->options;
    weft_status status = WEFT_OK;
    if (options->threads > 1)
        status = weft__threads_create(options->threads, WEFT__SPINS_DEFAULT, &simulation->threads, err);
    weft__values_options values = {.threads = simulation->threads, .is_eager = options->values == WEFT_VALUES_EAGER};
    if (status == WEFT_OK)
        status = weft__values_create(&values, &simulation->values, err);
    if (status == WEFT_OK && options->keeps_log)
        status = weft__pe_log_create(simulation->pes, simulation->values, &simulation->log, err);
    weft__pe_values_options memory = {.hazards = options->hazards, .log = simulation->log};
    if (status == WEFT_OK)
        status = weft__pe_values_create(simulation->pes, simulation->values, &memory, &simulation->memory, err);
    return status;
}

/* Of a simulation without values. */
static weft_status create_log(weft_simulation *simulation, weft_error *err)
{
    weft_status status = weft__pe_log_create(simulation->pes, NULL, &simulation->log, err);
    if (status == WEFT_OK)
        weft__pe_log_record(simulation->log);
    return status;
}

static weft_status create_trace(weft_simulation *simulation, weft_error *err)
{
    weft_status status = weft__trace_open(simulation->options.trace_path, &simulation->trace, err);
    simulation->options.trace_path = NULL; /* it is the caller's */
    return status == WEFT_OK ? weft__simulation_begin_trace(simulation, simulation->trace, err) : status;
}

static weft_status create_parts(weft_simulation *simulation, weft_error *err)
{
    const weft__graph *graph = weft__simulation_graph(simulation);
    size_t cubes = (size_t)graph->spec->system.sips * graph->cubes, pes = cubes * graph->pes;
    simulation->hbm = calloc(pes, sizeof(weft__allocator *));
    simulation->sram = calloc(cubes, sizeof(weft__allocator *));
    if (!simulation->hbm || !simulation->sram)
        return weft__fail_memory(err, pes * sizeof(weft__allocator *), "the memories of a machine");
    weft_status status = weft__sim_create(NULL, &simulation->sim, err);
    if (status == WEFT_OK)
        status = weft__fabric_create(simulation->sim, graph, WEFT__FLITS_TRAINS, &simulation->fabric, err);
    if (status == WEFT_OK)
        status = weft__transfers_create(simulation->fabric, &simulation->transfers, err);
    if (status == WEFT_OK)
        status = weft__pes_create(simulation->fabric, simulation->transfers, &simulation->pes, err);
    if (status != WEFT_OK)
        return status;
    weft__pes_perturb(simulation->pes, simulation->options.perturb_seed);
    simulation->hazards.pes = simulation->pes;
    simulation->hazards.action = simulation->options.hazards;
    if (simulation->options.values != WEFT_VALUES_NONE)
        status = create_values(simulation, err);
    else if (simulation->options.keeps_log)
        status = create_log(simulation, err);
    return status == WEFT_OK && simulation->options.trace_path ? create_trace(simulation, err) : status;
}

weft_status weft_simulation_finish_trace(weft_simulation *simulation, weft_error *err)
{
    weft__trace *trace = simulation->trace;
    if (trace)
        weft__simulation_end_trace(simulation);
    simulation->trace = NULL;
    return trace ? weft__trace_close(trace, err) : WEFT_OK;
}

weft_status weft_simulation_create(const weft_machine *machine, const weft_simulation_options *options,
                                   weft_simulation **out, weft_error *err)
{
    static const weft_simulation_options standard;
    *out = NULL;
    weft_status status = check_options(options ? options : &standard, err);
    if (status != WEFT_OK)
        return status;
    weft_simulation *simulation = calloc(1, sizeof *simulation);
    if (!simulation)
        return weft__fail_memory(err, sizeof *simulation, "a simulation");
    simulation->machine = machine;
    simulation->options = options ? *options : standard;
    status = create_parts(simulation, err);
    if (status != WEFT_OK) {
        weft_simulation_destroy(simulation);
        return status;
    }
    *out = simulation;
    return WEFT_OK;
}

void weft_simulation_destroy(weft_simulation *simulation)
{
    if (!simulation)
        return;
    const weft__graph *graph = weft__simulation_graph(simulation);
    size_t cubes = (size_t)graph->spec->system.sips * graph->cubes, pes = cubes * graph->pes;
    weft__simulation_end_trace(simulation);
    weft__trace_discard(simulation->trace);
    weft__activity_recorder_destroy(simulation->activity);
    weft__sim_destroy(simulation->sim);
    while (simulation->abandoned) {
        weft_kernel_launch *launch = simulation->abandoned;
        simulation->abandoned = launch->next;
        weft__kernel_launch_free(launch);
    }
    while (simulation->retired) {
        weft_placed_tensor *tensor = simulation->retired;
        simulation->retired = tensor->next;
        weft__placed_tensor_free(tensor);
    }
    weft__pe_values_destroy(simulation->memory);
    weft__pe_log_destroy(simulation->log);
    weft__values_destroy(simulation->values);
    weft__threads_destroy(simulation->threads);
    weft__pes_destroy(simulation->pes);
    weft__transfers_destroy(simulation->transfers);
    weft__fabric_destroy(simulation->fabric);
    for (size_t i = 0; simulation->hbm && i < pes; i++)
        weft__allocator_destroy(simulation->hbm[i]);
    for (size_t i = 0; simulation->sram && i < cubes; i++)
        weft__allocator_destroy(simulation->sram[i]);
    weft__hazards_destroy(&simulation->hazards);
    weft__names_destroy(&simulation->names);
    free(simulation->hbm);
    free(simulation->sram);
    free(simulation);
}

/* ---- running ---- */

weft_status weft__simulation_check(weft_simulation *simulation, weft_error *err)
{
    /* A run that has failed returns its error at once. */
    return weft__sim_has_failed(simulation->sim) ? weft__sim_run(simulation->sim, 0, err) : WEFT_OK;
}

weft_status weft__simulation_check_outside(const weft_simulation *simulation, const char *call, weft_error *err)
{
    if (!simulation->awaited)
        return WEFT_OK;
    return weft__fail(err, WEFT_INVALID_STATE,
                      "A kernel called %s(), which lets time pass and is for the host: a kernel runs while the host "
                      "waits.",
                      call);
}

weft_status weft__simulation_run_until(weft_simulation *simulation, const bool *done, weft_error *err)
{
    if (*done)
        return weft__simulation_check(simulation, err);
    simulation->awaited = done;
    weft_status status = weft__sim_run(simulation->sim, WEFT__NEVER, err);
    simulation->awaited = NULL;
    weft__simulation_sweep(simulation);
    return status;
}

void weft__simulation_reach(weft_simulation *simulation, bool *done)
{
    *done = true;
    if (simulation->awaited == done)
        weft__sim_stop(simulation->sim);
}

weft_status weft__simulation_fail(weft_simulation *simulation, const weft_error *cause, weft_error *err)
{
    (void)weft__sim_fail(simulation->sim, cause->code, "%s", cause->message);
    return weft__simulation_check(simulation, err);
}

uint64_t weft_simulation_now_ps(const weft_simulation *simulation)
{
    return weft__sim_now(simulation->sim);
}

void weft_simulation_get_statistics(const weft_simulation *simulation, weft_simulation_statistics *out)
{
    weft__sim_info info;
    weft__values_statistics values = {0};
    weft__sim_get_info(simulation->sim, &info);
    if (simulation->values)
        weft__values_get_statistics(simulation->values, &values);
    *out = (weft_simulation_statistics){
        .events = info.events,
        .trace_hash = info.trace_hash,
        .values = values.made,
        .evaluated = values.evaluated,
        .peak_bytes = values.peak_bytes,
        .hazards = simulation->memory ? weft__pe_values_hazards(simulation->memory) : simulation->hazards.count,
    };
}

/* ---- what was met and done ---- */

bool weft_simulation_hazard_at(const weft_simulation *simulation, size_t index, weft_kernel_hazard *out)
{
    *out = (weft_kernel_hazard){0};
    return simulation->memory ? weft__pe_values_hazard_at(simulation->memory, index, out)
                              : weft__hazards_at(&simulation->hazards, index, out);
}

size_t weft_simulation_log_count(const weft_simulation *simulation)
{
    return simulation->log ? weft__pe_log_count(simulation->log) : 0;
}

weft_status weft_simulation_log_at(weft_simulation *simulation, size_t index, weft_record *out, weft_error *err)
{
    *out = (weft_record){0};
    if (!simulation->log)
        return weft__fail(err, WEFT_INVALID_STATE,
                          "The simulation keeps no log: it was made without the option 'keeps_log'.");
    return weft__pe_log_at(simulation->log, index, out, err);
}

/* ---- memory ---- */

static weft_status make_allocator(const weft__graph *graph, const weft__location *location, weft__allocator **out,
                                  weft_error *err)
{
    char node[WEFT__NODE_NAME_BYTES], name[WEFT__NODE_NAME_BYTES + 32];
    uint64_t first;
    weft_status status = weft__address_of(graph, location, &first, err);
    if (status != WEFT_OK)
        return status;
    weft__graph_node_name(graph, location->node, node);
    (void)snprintf(name, sizeof name, "The memory of %s", node);
    uint64_t kept = weft__ipcq_kept_bytes(graph, location->region);
    return weft__allocator_create(name, first, weft__region_bytes(graph, location->region) - kept, out, err);
}

weft_status weft__simulation_allocator(weft_simulation *simulation, weft_home home, uint32_t place,
                                       weft__allocator **out, weft_error *err)
{
    const weft__graph *graph = weft__simulation_graph(simulation);
    bool is_hbm = home == WEFT_HOME_HBM;
    weft__location location = {.region = is_hbm ? WEFT__REGION_HBM : WEFT__REGION_SRAM,
                               .sip = place / graph->pes / graph->cubes,
                               .cube = place / graph->pes % graph->cubes,
                               .unit = is_hbm ? place % graph->pes : 0};
    if (weft__region_bytes(graph, location.region) == 0)
        return weft__fail(err, WEFT_UNSUPPORTED,
                          "No tensor can lie in the %s of machine '%s', which has none: %s is 0.",
                          is_hbm ? "HBM" : "SRAM", graph->spec->name, is_hbm ? "cube.hbm.gib" : "cube.sram.mib");
    location.node =
        weft__graph_node(graph, is_hbm ? WEFT__NODE_HBM : WEFT__NODE_SRAM, location.sip, location.cube, location.unit);
    weft__allocator **slot = is_hbm ? &simulation->hbm[place] : &simulation->sram[place / graph->pes];
    weft_status status = *slot ? WEFT_OK : make_allocator(graph, &location, slot, err);
    *out = *slot;
    return status;
}
