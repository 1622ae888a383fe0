/* Tokens on their way through the engines. */
#include <stdlib.h>

#include "base/rng.h"
#include "sim/pe/pe_impl.h"
#include "sim/pe/pe_trace.h"
#include "sim/pe/perturb.h"

static weft__pe_engine *engine_of(const weft__token *token)
{
    return &token->command->pe->engines[token->stages.at[token->stage].kind];
}

static const weft__pe_recorder *recorder_of(const weft__token *token)
{
    return token->command->pe->owner->recorder;
}

static weft__time now_of(const weft__token *token)
{
    return weft__sim_now(weft__pes_sim(token->command->pe->owner));
}

/* ---- lists ---- */

static void append(weft__token_list *list, weft__token *token)
{
    token->next = NULL;
    if (list->last)
        list->last->next = token;
    else
        list->first = token;
    list->last = token;
}

static weft__token *take_first(weft__token_list *list)
{
    weft__token *token = list->first;
    list->first = token->next;
    if (!list->first)
        list->last = NULL;
    return token;
}

static weft__token *take_token(weft__pes *pes)
{
    weft__token *token = pes->free_tokens;
    if (token) {
        pes->free_tokens = token->next;
        return token;
    }
    token = calloc(1, sizeof *token);
    if (!token) {
        weft_sim *sim = weft__pes_sim(pes);
        (void)weft__sim_fail(sim, WEFT_OUT_OF_MEMORY,
                             "Out of memory: could not allocate a tile of a command at %llu ps.",
                             (unsigned long long)weft__sim_now(sim));
        return NULL;
    }
    token->next_made = pes->made_tokens;
    pes->made_tokens = token;
    return token;
}

/* ---- values ---- */

static void tell_read(const weft__token *token, uint32_t operand)
{
    const weft__pe_recorder *recorder = recorder_of(token);
    if (recorder && recorder->reads)
        recorder->reads(recorder->context, token->command, operand, token->tile);
}

static void tell_landed(const weft__token *token)
{
    const weft__pe_recorder *recorder = recorder_of(token);
    if (recorder && recorder->landed)
        recorder->landed(recorder->context, token->command, token->tile);
}

/* The fetch of a tile reads the operands that lie in the TCM: pinned ones, and those of the steps after a GEMM. */
static void tell_fetch(const weft__token *token)
{
    const weft__command *command = token->command;
    const weft__plan *plan = &command->plan;
    if (!recorder_of(token))
        return;
    bool is_last_pass = weft__plan_is_last_pass(plan, &command->pe->owner->rates, token->tile);
    for (uint32_t i = 0; i < command->operand_count; i++)
        if (i >= plan->input_count || (!is_last_pass && !plan->inputs[i].is_remote))
            tell_read(token, i);
}

/* ---- the way ---- */

static void serve_next(weft__pe_engine *engine);
static void serve(weft__token *token);

/* A channel serves tiles of one command, so many of them at once. */
static bool has_place(const weft__pe_engine *engine, const weft__token *token)
{
    uint32_t serving = token->command->serving[token->stages.at[token->stage].kind];
    return serving % engine->outstanding || engine->held < engine->channels;
}

static void take_place(weft__pe_engine *engine, weft__token *token)
{
    uint32_t *serving = &token->command->serving[token->stages.at[token->stage].kind];
    engine->serving++;
    engine->held += (*serving)++ % engine->outstanding == 0;
}

/* For the trace: the first that no tile has. */
static uint32_t first_place(const weft__pe_engine *engine)
{
    uint32_t place = 0;
    const weft__token *it = engine->served.first;
    while (it) {
        bool is_taken = it->place == place;
        place += is_taken;
        it = is_taken ? engine->served.first : it->next;
    }
    return place;
}

static void let_go(weft__pe_engine *engine, weft__token *token)
{
    uint32_t *serving = &token->command->serving[token->stages.at[token->stage].kind];
    engine->serving--;
    engine->held -= --*serving % engine->outstanding == 0;
}

static void enter(weft__token *token)
{
    weft__pe_engine *engine = engine_of(token);
    token->since = now_of(token);
    append(&engine->waiting, token);
    serve_next(engine);
}

static void finish(weft__token *token)
{
    weft__command *command = token->command;
    weft__pes *pes = command->pe->owner;
    token->next = pes->free_tokens;
    pes->free_tokens = token;
    weft__scheduler_finished(command);
}

/* Before the number of tokens changes that an engine serves. */
static void account(const weft__token *token, weft__pe_engine *engine)
{
    weft__stage_kind kind = token->stages.at[token->stage].kind;
    weft__pe_engine_account(engine, now_of(token));
    if (kind == WEFT__STAGE_GEMM || kind == WEFT__STAGE_MATH)
        (void)weft__pe_compute_account(token->command->pe, now_of(token));
}

/* An engine has done its part of a token. */
static void on_served(weft__token *token)
{
    const weft__stage *stage = &token->stages.at[token->stage];
    weft__pe_engine *engine = engine_of(token);
    engine->times.tokens++;
    engine->times.bytes += stage->bytes;
    if (token->command->pe->owner->trace)
        weft__pe_trace_served(token->command->pe->owner->trace, token);
    if (token->stage + 1 < token->stages.count && stage[1].kind == stage->kind) {
        token->stage++;
        serve(token);
        return;
    }
    token->is_served = true;
    while (engine->served.first && engine->served.first->is_served) {
        weft__token *next = take_first(&engine->served);
        account(next, engine);
        let_go(engine, next);
        if (++next->stage < next->stages.count)
            enter(next);
        else
            finish(next);
    }
    serve_next(engine);
}

/* ---- the engines ---- */

static void on_time(weft_sim *sim, uint64_t argument)
{
    (void)sim;
    weft__token *token = (weft__token *)(uintptr_t)argument;
    if (token->stages.at[token->stage].kind == WEFT__STAGE_STORE && !token->command->plan.output.is_remote)
        tell_landed(token);
    on_served(token);
}

/* A transfer is at the memory: a read has been asked for there, a write is in. */
static void on_memory(void *context, const weft__transfer *transfer)
{
    const weft__token *token = context;
    const weft__stage *stage = &token->stages.at[token->stage];
    if (weft__transfer_get_request(transfer)->is_write)
        tell_landed(token);
    else if (stage->operand != WEFT__PLAN_OUTPUT)
        tell_read(token, stage->operand);
}

static void on_transferred(void *context, const weft__transfer *transfer)
{
    (void)transfer;
    weft__token *token = context;
    if (token->command->plan.kind == WEFT__PLAN_READ)
        tell_landed(token);
    on_served(token);
}

/* Another for each stage of each tile of each command, whatever else goes on. */
static uint64_t number_of(const weft__token *token)
{
    return weft__rng_mix(token->command->serial) + token->tile * WEFT__STAGES_MAX + token->stage;
}

static void serve_dma(weft__token *token, const weft__stage *stage)
{
    const weft__command *command = token->command;
    weft__pes *pes = command->pe->owner;
    const weft__dma_place *place =
        stage->operand == WEFT__PLAN_OUTPUT ? &command->output : &command->inputs[stage->operand];
    weft__transfer_request request = {.source = command->pe->dma_node,
                                      .target = place->node,
                                      .offset_bytes = place->offset_bytes + stage->offset_bytes,
                                      .bytes = stage->bytes,
                                      .is_write = stage->kind == WEFT__STAGE_DMA_WRITE,
                                      .has_channel = true,
                                      .at_memory = pes->recorder ? on_memory : NULL,
                                      .ended = on_transferred,
                                      .context = token};
    if (command->plan.kind == WEFT__PLAN_WRITE)
        tell_read(token, 0);
    if (weft__pes_graph(pes)->nodes[place->node].kind != WEFT__NODE_DMA) /* that is the TCM of another PE */
        command->pe->times.memory_bytes += stage->bytes;
    uint64_t pages_ps = weft__mmu_look_up_ps(command->pe, request.is_write, place, stage->offset_bytes, stage->bytes);
    uint64_t late_ps = weft__perturb_message_ps(pes, command->pe, WEFT__PERTURBED_DMA, number_of(token));
    weft__transfer_begin(pes->transfers, now_of(token) + pages_ps + late_ps, &request);
}

static void serve(weft__token *token)
{
    const weft__stage *stage = &token->stages.at[token->stage];
    token->began = now_of(token);
    if (stage->kind == WEFT__STAGE_DMA_READ || stage->kind == WEFT__STAGE_DMA_WRITE) {
        serve_dma(token, stage);
        return;
    }
    if (stage->kind == WEFT__STAGE_FETCH)
        tell_fetch(token);
    weft__pe *pe = token->command->pe;
    uint64_t longer_ps = weft__perturb_stage_ps(pe->owner, pe, number_of(token), stage->ps);
    (void)weft__sim_after(weft__pes_sim(pe->owner), stage->ps + longer_ps, on_time, (uintptr_t)token);
}

static void serve_next(weft__pe_engine *engine)
{
    while (engine->waiting.first && has_place(engine, engine->waiting.first)) {
        weft__token *token = take_first(&engine->waiting);
        account(token, engine);
        take_place(engine, token);
        if (token->command->pe->owner->trace)
            token->place = first_place(engine);
        engine->times.queued_ps += now_of(token) - token->since;
        token->is_served = false;
        append(&engine->served, token);
        serve(token);
    }
}

bool weft__token_start(weft__command *command, uint64_t tile)
{
    weft__pes *pes = command->pe->owner;
    weft__token *token = take_token(pes);
    if (!token)
        return false;
    token->command = command;
    token->tile = tile;
    token->stage = 0;
    weft__plan_stages(&command->plan, &pes->rates, tile, &token->stages);
    enter(token);
    return true;
}
