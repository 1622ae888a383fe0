/* What takes commands apart: feeds their tiles, and knows when the last of them has been through. */
#include "sim/pe/pe_impl.h"

/* Every engine that a command needs is wanted from its issue until it is done. */
static void want(const weft__command *command, bool is_wanted)
{
    weft__pe *pe = command->pe;
    weft__time now = weft__sim_now(weft__pes_sim(pe->owner));
    uint32_t engines = weft__plan_engines(&command->plan);
    for (uint32_t kind = 0; kind < WEFT__STAGE_KINDS; kind++)
        if (engines >> kind & 1u) {
            weft__pe_engine_account(&pe->engines[kind], now);
            if (is_wanted)
                pe->engines[kind].wanted++;
            else
                pe->engines[kind].wanted--;
        }
}

/* Whether the next tile of a command must wait for those under way. */
static bool must_wait(const weft__command *command)
{
    return command->under_way > 0 && weft__plan_is_last_pass(&command->plan, &command->pe->owner->rates, command->fed);
}

/* One more tile. */
static bool feed_one(weft__command *command)
{
    command->under_way++;
    return weft__token_start(command, command->fed++);
}

/* A direct command: as many tiles as a composite one may have. */
static void feed_direct(weft__command *command)
{
    uint32_t most = command->pe->owner->rates.tiles;
    while (command->fed < command->tiles && command->under_way < most && !must_wait(command))
        if (!feed_one(command))
            return;
}

static void feed_composites(weft__pe *pe)
{
    while (pe->feeding && pe->composite_tiles < pe->owner->rates.tiles && !must_wait(pe->feeding)) {
        weft__command *command = pe->feeding;
        pe->composite_tiles++;
        if (command->fed + 1 == command->tiles)
            pe->feeding = command->next;
        if (!feed_one(command))
            return;
    }
}

/* ---- the end ---- */

static void drop_composite(weft__command *command)
{
    weft__pe *pe = command->pe;
    weft__command *before = NULL;
    for (weft__command *it = pe->composites; it != command; it = it->next)
        before = it;
    *(before ? &before->next : &pe->composites) = command->next;
    if (pe->last_composite == command)
        pe->last_composite = before;
    bool is_awaited =
        pe->waited_number == command->number || (pe->waited_number == WEFT__COMPOSITES_ALL && !pe->composites);
    if (pe->waiter && is_awaited)
        (void)weft__process_resume(pe->waiter);
    weft__command_give_back(command);
}

static void end(weft__command *command)
{
    const weft__pe_recorder *recorder = command->pe->owner->recorder;
    want(command, false);
    if (recorder && recorder->done)
        recorder->done(recorder->context, command);
    command->is_done = true;
    if (!command->process)
        drop_composite(command);
    else
        (void)weft__process_resume(command->process);
}

void weft__scheduler_finished(weft__command *command)
{
    weft__pe *pe = command->pe;
    bool is_direct = command->process != NULL;
    command->under_way--;
    pe->composite_tiles -= !is_direct;
    if (++command->finished == command->tiles)
        end(command);
    else if (is_direct)
        feed_direct(command);
    if (!is_direct)
        feed_composites(pe);
}

/* ---- the beginning ---- */

void weft__command_issue(weft__command *command)
{
    weft__pe *pe = command->pe;
    WEFT__PE_ASK(pe, .kind = WEFT__ASK_COMMAND, .command = command);
    command->tiles = weft__plan_tiles(&command->plan, &pe->owner->rates);
    command->serial = pe->command_count++;
    if (pe->owner->recorder && pe->owner->recorder->issued)
        pe->owner->recorder->issued(pe->owner->recorder->context, command);
    pe->times.commands++;
    pe->times.tiles += command->tiles;
    if (command->plan.kind == WEFT__PLAN_GEMM) {
        uint64_t macs = command->plan.m * command->plan.n * command->plan.k;
        pe->times.macs += macs;
        pe->times.macs_ps += weft__pe_macs_ps(&pe->owner->rates, command->plan.dtype, macs);
    }
    want(command, true);
    if (command->process) {
        feed_direct(command);
        return;
    }
    command->number = ++pe->composite_count;
    command->next = NULL;
    *(pe->last_composite ? &pe->last_composite->next : &pe->composites) = command;
    pe->last_composite = command;
    if (!pe->feeding)
        pe->feeding = command;
    feed_composites(pe);
}

/* ---- waiting ---- */

static weft__pe_activity wait_of(const weft__command *command)
{
    static const weft__pe_activity waits[] = {
        [WEFT__PLAN_READ] = WEFT__PE_WAIT_READ,
        [WEFT__PLAN_WRITE] = WEFT__PE_WAIT_WRITE,
        [WEFT__PLAN_GEMM] = WEFT__PE_WAIT_GEMM,
        [WEFT__PLAN_MATH] = WEFT__PE_WAIT_MATH,
    };
    return waits[command->plan.kind];
}

void weft__command_wait(weft__command *command)
{
    weft__pe *pe = command->pe;
    weft__time since = weft__sim_now(weft__pes_sim(pe->owner));
    while (!command->is_done)
        weft__process_suspend(command->process);
    weft__pe_spend(pe, wait_of(command), since);
}

bool weft__pe_composite_is_done(const weft__pe *pe, uint64_t number)
{
    for (const weft__command *it = pe->composites; it; it = it->next)
        if (it->number == number)
            return false;
    return true;
}

static bool is_over(const weft__pe *pe, uint64_t number)
{
    return number == WEFT__COMPOSITES_ALL ? !pe->composites : weft__pe_composite_is_done(pe, number);
}

void weft__pe_composite_wait(weft__pe *pe, weft__process *self, uint64_t number)
{
    weft_sim *sim = weft__pes_sim(pe->owner);
    WEFT__PE_ASK(pe, .kind = WEFT__ASK_WAIT, .number = number);
    weft__time since = weft__sim_now(sim);
    uint64_t compute_ps = weft__pe_compute_account(pe, since);
    pe->waiter = self;
    pe->waited_number = number;
    while (!is_over(pe, number))
        weft__process_suspend(self);
    pe->waiter = NULL;
    if (pe->owner->recorder && pe->owner->recorder->awaited)
        pe->owner->recorder->awaited(pe->owner->recorder->context, pe, number);
    weft__time now = weft__sim_now(sim);
    weft__pe_spend(pe, WEFT__PE_WAIT_COMPOSITE, since);
    pe->times.composite_compute_ps += weft__pe_compute_account(pe, now) - compute_ps;
}

void weft__pe_composites_wait(weft__pe *pe, weft__process *self)
{
    weft__pe_composite_wait(pe, self, WEFT__COMPOSITES_ALL);
}

uint64_t weft__pe_composites(const weft__pe *pe)
{
    return pe->composite_count;
}
