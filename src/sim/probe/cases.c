#include "sim/probe/cases.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/nearest.h"
#include "sim/machine/machine.h"

/* ---- planning ---- */

bool weft__case_goes_on(const weft__case_plan *plan)
{
    return plan->status == WEFT_OK;
}

void weft__case_lacks(weft__case_plan *plan, const char *format, ...)
{
    if (!weft__case_goes_on(plan))
        return;
    char sentence[WEFT_ERROR_MESSAGE_BYTES];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    plan->status = weft__fail(&plan->error, WEFT_UNSUPPORTED, "%s", sentence);
}

void weft__case_add_run(weft__case_plan *plan, const char *label, ...)
{
    if (!weft__case_goes_on(plan))
        return;
    plan->status = weft__array_reserve_or_fail(&plan->runs, &plan->run_capacity, plan->run_count, 1,
                                               "the plan of a case", &plan->error);
    if (plan->status)
        return;
    weft__case_run *run = &plan->runs[plan->run_count++];
    *run = (weft__case_run){.first = plan->flow_count};
    va_list list;
    va_start(list, label);
    (void)vsnprintf(run->label, sizeof run->label, label, list);
    va_end(list);
}

void weft__case_add_flow(weft__case_plan *plan, uint32_t source, uint32_t target, uint64_t bytes, bool is_write)
{
    if (!weft__case_goes_on(plan))
        return;
    uint64_t capacity = weft__memory_bytes(plan->graph, target);
    char name[WEFT__NODE_NAME_BYTES];
    if (bytes > capacity) {
        weft__graph_node_name(plan->graph, target, name);
        weft__case_lacks(plan, "The case moves %llu bytes, and %s has %llu.", (unsigned long long)bytes, name,
                         (unsigned long long)capacity);
        return;
    }
    plan->status = weft__array_reserve_or_fail(&plan->flows, &plan->flow_capacity, plan->flow_count, 1,
                                               "the plan of a case", &plan->error);
    if (plan->status)
        return;
    plan->flows[plan->flow_count++] =
        (weft__flow){.source = source, .target = target, .bytes = bytes, .is_write = is_write};
    plan->runs[plan->run_count - 1].count++;
}

/* ---- results ---- */

weft_status weft__case_keep_run(weft__case_result *out, const char *label, weft_probe_result *result, weft_error *err)
{
    size_t count = out->result.run_count;
    weft_status status =
        weft__array_reserve_or_fail(&out->runs, &out->run_capacity, count, 1, "the runs of a case", err);
    if (status) {
        weft_probe_result_destroy(result);
        return status;
    }
    out->runs[count] = (weft_probe_run_result){.result = result};
    (void)snprintf(out->runs[count].label, sizeof out->runs[count].label, "%s", label);
    out->result.runs = out->runs;
    out->result.run_count = count + 1;
    return WEFT_OK;
}

void weft_probe_case_result_destroy(weft_probe_case_result *result)
{
    if (!result)
        return;
    weft__case_result *made = (weft__case_result *)result;
    for (size_t i = 0; i < result->run_count; i++)
        weft_probe_result_destroy((weft_probe_result *)made->runs[i].result);
    free(made->runs);
    free(made);
}

const weft_flow_result *weft__case_slowest(const weft_probe_result *result)
{
    const weft_flow_result *slowest = NULL;
    for (size_t i = 0; i < result->flow_count; i++) {
        if (!slowest || result->flows[i].latency_ps > slowest->latency_ps)
            slowest = &result->flows[i];
    }
    return slowest;
}

/* Fills what the case is there to tell. */
static void tell_quantity(const weft__case *it, weft_probe_case_result *out)
{
    static const struct {
        const char *name, *unit;
    } quantities[] = {
        [WEFT__CASE_LATENCY] = {"latency", "ns"},       [WEFT__CASE_MAKESPAN] = {"makespan", "ns"},
        [WEFT__CASE_AGGREGATE] = {"aggregate", "TB/s"}, [WEFT__CASE_UTILISATION] = {"utilisation", "fraction"},
        [WEFT__CASE_SPREAD] = {"spread", "ns"},         [WEFT__CASE_RELATION] = {"relation", NULL},
    };
    out->quantity = quantities[it->quantity].name;
    out->unit = it->relation ? it->relation : quantities[it->quantity].unit;
    const weft_probe_result *first = out->runs[0].result;
    const weft_flow_result *slowest = weft__case_slowest(first);
    if (it->quantity == WEFT__CASE_LATENCY)
        out->value = (double)slowest->latency_ps / 1000.0;
    else if (it->quantity == WEFT__CASE_MAKESPAN)
        out->value = (double)first->makespan_ps / 1000.0;
    else if (it->quantity == WEFT__CASE_AGGREGATE)
        out->value = first->bandwidth_gbs / 1000.0;
    else if (it->quantity == WEFT__CASE_UTILISATION)
        out->value = slowest->utilisation;
    else if (it->quantity == WEFT__CASE_RELATION)
        out->value = out->holds;
}

/* ---- running ---- */

static weft_status run_planned(const weft__case_plan *plan, const weft__probe_setup *setup, weft__case_result *out,
                               weft_error *err)
{
    for (size_t i = 0; i < plan->run_count; i++) {
        const weft__case_run *run = &plan->runs[i];
        char label[WEFT__CASE_LABEL_BYTES + 8] = "";
        if (plan->run_count > 1)
            (void)snprintf(label, sizeof label, "%s: ", run->label);
        weft__probe_setup each = {.mode = setup->mode, .trace = setup->trace, .label = label};
        weft_probe_result *result;
        weft_status status = weft__flows_run(plan->graph, &plan->flows[run->first], run->count, &each, &result, err);
        if (status == WEFT_OK)
            status = weft__case_keep_run(out, run->label, result, err);
        if (status != WEFT_OK)
            return status;
        if (setup->progress)
            setup->progress(setup->progress_user, i + 1, plan->run_count);
    }
    return WEFT_OK;
}

/* Plans and simulates; a trace is begun when it is known that the machine can have the case. */
static weft_status simulate(const weft__case *it, const weft__graph *graph, const weft_probe_options *options,
                            weft__case_result *out, weft_error *err)
{
    weft__case_plan plan = {.graph = graph};
    if (it->plan)
        it->plan(&plan);
    weft_status status = plan.status;
    if (status != WEFT_OK) {
        (void)weft__fail_copy(err, &plan.error);
    } else {
        weft__probe_setup setup;
        status = weft__probe_setup_begin(options, &setup, err);
        if (status == WEFT_OK)
            status = it->plan ? run_planned(&plan, &setup, out, err) : it->simulate(graph, &setup, out, err);
        status = weft__probe_setup_end(&setup, status, err);
    }
    free(plan.flows);
    free(plan.runs);
    return status;
}

static const char *name_at(const void *context, size_t index)
{
    (void)context;
    return weft__case_at(index)->name;
}

static const weft__case *find_case(const char *name, weft_error *err)
{
    size_t count = 0;
    for (; weft__case_at(count); count++) {
        if (strcmp(weft__case_at(count)->name, name) == 0)
            return weft__case_at(count);
    }
    (void)weft__fail(err, WEFT_NOT_FOUND, "There is no case '%s'; the nearest is '%s'.", name,
                     weft__nearest(name, count, name_at, NULL));
    return NULL;
}

bool weft_probe_case_at(size_t index, weft_probe_case *out)
{
    const weft__case *it = weft__case_at(index);
    if (it)
        *out = (weft_probe_case){it->name, it->what};
    return it != NULL;
}

weft_status weft_probe_run_case(const weft_machine *machine, const char *name, const weft_probe_options *options,
                                weft_probe_case_result **out, weft_error *err)
{
    *out = NULL;
    const weft__case *it = find_case(name, err);
    if (!it)
        return WEFT_NOT_FOUND;
    weft__case_result *made = calloc(1, sizeof *made);
    if (!made)
        return weft__fail_memory(err, sizeof *made, "the result of a case");
    weft_status status = simulate(it, machine->graph, options, made, err);
    if (status != WEFT_OK) {
        weft_probe_case_result_destroy(&made->result);
        return status;
    }
    if (it->judge) {
        made->result.has_claim = true;
        made->result.holds = it->judge(&made->result, made->result.claim);
    }
    tell_quantity(it, &made->result);
    *out = &made->result;
    return WEFT_OK;
}
