#include "sim/pe/pe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/machine/address.h"
#include "sim/pe/pe_impl.h"
#include "sim/pe/pe_trace.h"

const char *weft__pe_activity_name(weft__pe_activity activity)
{
    static const char *const names[] = {
        [WEFT__PE_DISPATCH] = "dispatch",           [WEFT__PE_WAIT_READ] = "wait for a load",
        [WEFT__PE_WAIT_WRITE] = "wait for a store", [WEFT__PE_WAIT_GEMM] = "wait for a product",
        [WEFT__PE_WAIT_MATH] = "wait for math",     [WEFT__PE_WAIT_COMPOSITE] = "wait for a composite command",
        [WEFT__PE_WAIT_QUEUE] = "wait for a queue", [WEFT__PE_WAIT_BARRIER] = "wait in a barrier",
    };
    return names[activity];
}

const char *weft__pe_engine_name(weft__stage_kind engine)
{
    static const char *const names[] = {
        [WEFT__STAGE_DMA_READ] = "dma_read", [WEFT__STAGE_DMA_WRITE] = "dma_write", [WEFT__STAGE_FETCH] = "fetch",
        [WEFT__STAGE_GEMM] = "gemm",         [WEFT__STAGE_MATH] = "math",           [WEFT__STAGE_STORE] = "store",
    };
    return names[engine];
}

/* ---- making and ending ---- */

static weft_status init_pe(weft__pes *pes, weft__pe *pe, uint32_t dma_node, weft_error *err)
{
    const weft__graph *graph = weft__pes_graph(pes);
    const weft__node *node = &graph->nodes[dma_node];
    pe->owner = pes;
    pe->dma_node = dma_node;
    weft__graph_node_name(graph, dma_node, pe->name);
    char *end = strrchr(pe->name, '.'); /* of "sip0.cube0.pe0.dma" */
    *end = '\0';
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++) {
        bool is_dma = kind == WEFT__STAGE_DMA_READ || kind == WEFT__STAGE_DMA_WRITE;
        pe->engines[kind].channels = is_dma ? pes->rates.dma_channels : 1;
        pe->engines[kind].outstanding = kind == WEFT__STAGE_DMA_READ ? pes->rates.dma_outstanding : 1;
    }
    weft__location tcm = {.region = WEFT__REGION_TCM, .sip = node->sip, .cube = node->cube, .unit = node->unit};
    return weft__address_of(graph, &tcm, &pe->tcm_address, err);
}

static weft_status init_all(weft__pes *pes, weft_error *err)
{
    const weft__graph *graph = weft__pes_graph(pes);
    pes->count = graph->spec->system.sips * graph->cubes * graph->pes;
    pes->pes = calloc(pes->count, sizeof *pes->pes);
    if (!pes->pes)
        return weft__fail_memory(err, pes->count * sizeof *pes->pes, "the PEs of a machine");
    for (uint32_t i = 0; i < pes->count; i++) {
        uint32_t cube = i / graph->pes;
        uint32_t node =
            weft__graph_node(graph, WEFT__NODE_DMA, cube / graph->cubes, cube % graph->cubes, i % graph->pes);
        weft_status status = init_pe(pes, &pes->pes[i], node, err);
        if (status == WEFT_OK)
            status = weft__mmu_init(&pes->pes[i].mmu, &pes->rates, err);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}

weft_status weft__pes_create(weft__fabric *fabric, weft__transfers *transfers, weft__pes **out, weft_error *err)
{
    *out = NULL;
    weft__pes *pes = calloc(1, sizeof *pes);
    if (!pes)
        return weft__fail_memory(err, sizeof *pes, "the PEs of a machine");
    pes->fabric = fabric;
    pes->transfers = transfers;
    weft__pe_rates_init(&pes->rates, weft__fabric_graph(fabric)->spec);
    weft_status status = init_all(pes, err);
    if (status != WEFT_OK) {
        weft__pes_destroy(pes);
        return status;
    }
    *out = pes;
    return WEFT_OK;
}

void weft__pes_destroy(weft__pes *pes)
{
    if (!pes)
        return;
    while (pes->made_commands) {
        weft__command *command = pes->made_commands;
        pes->made_commands = command->next_made;
        free(command);
    }
    while (pes->made_tokens) {
        weft__token *token = pes->made_tokens;
        pes->made_tokens = token->next_made;
        free(token);
    }
    weft__ipcqs_destroy(pes);
    for (uint32_t i = 0; pes->pes && i < pes->count; i++)
        weft__mmu_destroy(&pes->pes[i].mmu);
    free(pes->pes);
    free(pes);
}

void weft__pes_record(weft__pes *pes, const weft__pe_recorder *recorder)
{
    pes->recorder = recorder;
}

const weft__pe_recorder *weft__pes_recorder(const weft__pes *pes)
{
    return pes->recorder;
}

void weft__pes_listen(weft__pes *pes, const weft__pe_listener *listener)
{
    pes->listener = listener;
}

void weft__pes_observe(weft__pes *pes, const weft__pe_observer *observer)
{
    pes->observer = observer;
}

void weft__pe_ask(weft__pe *pe, const weft__ask *ask)
{
    const weft__pe_listener *listener = pe->owner->listener;
    if (listener)
        listener->asked(listener->context, pe, ask);
}

/* ---- what is known of them ---- */

weft__fabric *weft__pes_fabric(const weft__pes *pes)
{
    return pes->fabric;
}

weft_sim *weft__pes_sim(const weft__pes *pes)
{
    return weft__fabric_sim(pes->fabric);
}

const weft__graph *weft__pes_graph(const weft__pes *pes)
{
    return weft__fabric_graph(pes->fabric);
}

const weft__pe_rates *weft__pes_rates(const weft__pes *pes)
{
    return &pes->rates;
}

weft__pe *weft__pe_of(weft__pes *pes, uint32_t node)
{
    const weft__graph *graph = weft__pes_graph(pes);
    const weft__node *it = &graph->nodes[node];
    return &pes->pes[((uint32_t)it->sip * graph->cubes + it->cube) * graph->pes + it->unit];
}

weft__pes *weft__pe_owner(const weft__pe *pe)
{
    return pe->owner;
}

uint32_t weft__pe_index(const weft__pe *pe)
{
    return (uint32_t)(pe - pe->owner->pes);
}

uint32_t weft__pes_count(const weft__pes *pes)
{
    return pes->count;
}

uint64_t weft__pes_number_launch(weft__pes *pes)
{
    return ++pes->launches;
}

weft__pe *weft__pe_at(weft__pes *pes, uint32_t index)
{
    return &pes->pes[index];
}

const char *weft__pe_name(const weft__pe *pe)
{
    return pe->name;
}

uint32_t weft__pe_dma_node(const weft__pe *pe)
{
    return pe->dma_node;
}

uint64_t weft__pe_tcm_address(const weft__pe *pe)
{
    return pe->tcm_address;
}

weft_tile **weft__pe_kernels(weft__pe *pe)
{
    return &pe->kernels;
}

/* ---- commands ---- */

weft__command *weft__command_take(weft__pe *pe)
{
    weft__pes *pes = pe->owner;
    weft__command *command = pes->free_commands;
    if (command) {
        weft__command *next_made = command->next_made;
        pes->free_commands = command->next;
        memset(command, 0, offsetof(weft__command, result));
        command->pe = pe;
        command->next_made = next_made;
        return command;
    }
    command = calloc(1, sizeof *command);
    if (!command) {
        weft_sim *sim = weft__pes_sim(pes);
        (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY, "Out of memory: could not allocate a command of %s at %llu ps.",
                             pe->name, (unsigned long long)weft__sim_now(sim));
        return NULL;
    }
    command->pe = pe;
    command->next_made = pes->made_commands;
    pes->made_commands = command;
    return command;
}

void weft__command_give_back(weft__command *command)
{
    weft__pes *pes = command->pe->owner;
    command->next = pes->free_commands;
    pes->free_commands = command;
}

bool weft__pe_join(weft__pe *pe, tl_tensor *tensor, const char *kernel, const char *call)
{
    const weft__pe_recorder *recorder = pe->owner->recorder;
    return !recorder || !recorder->joined || recorder->joined(recorder->context, pe, tensor, kernel, call);
}

void weft__pe_drop(weft__pe *pe, uint64_t address)
{
    const weft__pe_recorder *recorder = pe->owner->recorder;
    if (recorder && recorder->dropped)
        recorder->dropped(recorder->context, pe, address);
}

void weft__pe_end(weft__pe *pe)
{
    const weft__pe_recorder *recorder = pe->owner->recorder;
    if (recorder && recorder->ended)
        recorder->ended(recorder->context, pe);
}

/* ---- times ---- */

void weft__pe_engine_account(weft__pe_engine *engine, weft__time now)
{
    uint64_t passed_ps = now - engine->accounted;
    engine->accounted = now;
    if (engine->serving)
        engine->times.busy_ps += passed_ps;
    else if (engine->wanted)
        engine->times.stall_ps += passed_ps;
    else
        engine->times.idle_ps += passed_ps;
}

uint64_t weft__pe_compute_account(weft__pe *pe, weft__time now)
{
    if (pe->engines[WEFT__STAGE_GEMM].serving || pe->engines[WEFT__STAGE_MATH].serving) {
        const weft__pe_observer *observer = pe->owner->observer;
        pe->compute_ps += now - pe->compute_accounted;
        if (observer && now > pe->compute_accounted)
            observer->computed(observer->context, pe, pe->compute_accounted, now);
    }
    pe->compute_accounted = now;
    return pe->compute_ps;
}

void weft__pe_spend(weft__pe *pe, weft__pe_activity activity, weft__time since)
{
    pe->times.processor_ps[activity] += weft__sim_now(weft__pes_sim(pe->owner)) - since;
    if (pe->owner->trace)
        weft__pe_trace_spent(pe->owner->trace, pe, activity, since);
}

void weft__pe_call(weft__pe *pe, const char *call)
{
    if (pe->owner->trace)
        weft__pe_trace_call(pe->owner->trace, pe, call);
}

static void be_busy(weft__pe *pe, weft__process *self, uint64_t ps)
{
    if (ps == 0)
        return;
    weft__time since = weft__sim_now(weft__pes_sim(pe->owner));
    weft__process_wait(self, ps);
    weft__pe_spend(pe, WEFT__PE_DISPATCH, since);
}

void weft__pe_dispatch(weft__pe *pe, weft__process *self)
{
    WEFT__PE_ASK(pe, .kind = WEFT__ASK_DISPATCH);
    be_busy(pe, self, pe->owner->rates.dispatch_ps);
}

void weft__pe_read(weft__pe *pe, weft__process *self, uint64_t bytes)
{
    WEFT__PE_ASK(pe, .kind = WEFT__ASK_READ, .number = bytes);
    be_busy(pe, self, weft__pe_read_ps(&pe->owner->rates, bytes));
}

void weft__pe_times_begin(weft__pe *pe)
{
    weft__time now = weft__sim_now(weft__pes_sim(pe->owner));
    memset(&pe->times, 0, sizeof pe->times);
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++) {
        pe->engines[kind].times = (weft__engine_times){0};
        pe->engines[kind].accounted = now;
    }
    pe->queue.times = (weft__engine_times){0};
    pe->queue.accounted = now;
}

void weft__pe_times_end(weft__pe *pe, weft__pe_times *out)
{
    weft__time now = weft__sim_now(weft__pes_sim(pe->owner));
    *out = pe->times;
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++) {
        weft__pe_engine_account(&pe->engines[kind], now);
        out->engines[kind] = pe->engines[kind].times;
    }
    weft__pe_engine_account(&pe->queue, now);
    out->queue = pe->queue.times;
}
