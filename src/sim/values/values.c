/* What becomes of the commands of PEs, for who keeps values: the recorder. */
#include "sim/values/values.h"

#include <stdlib.h>
#include <string.h>

#include "sim/values/values_impl.h"

static bool has_failed(const weft__pe_values *it)
{
    return weft__sim_has_failed(weft__pes_sim(it->pes));
}

/* ---- tensors of kernels ---- */

static weft_status make_room(weft__held_values *held, weft_error *err)
{
    if (held->count < held->capacity)
        return WEFT_OK;
    size_t capacity = held->capacity ? 2 * held->capacity : 16;
    weft__held_value *grown = realloc(held->at, capacity * sizeof *grown);
    if (!grown)
        return weft__fail_memory(err, capacity * sizeof *grown, "the values of a kernel");
    held->at = grown;
    held->capacity = capacity;
    return WEFT_OK;
}

weft_status weft__pe_values_hold(weft__pe_values *it, weft__held_values *held, uint64_t address, weft__value_id value,
                                 weft_error *err)
{
    weft_status status = make_room(held, err);
    if (status != WEFT_OK)
        return status;
    size_t at = held->count++;
    /* Nearly always the last; what is kept until the kernel ends needs no order. */
    for (; it->hazards.action != WEFT_HAZARDS_REPORT && at > 0 && held->at[at - 1].address > address; at--)
        held->at[at] = held->at[at - 1];
    held->at[at] = (weft__held_value){address, value};
    weft__values_retain(it->values, value);
    return WEFT_OK;
}

void weft__pe_values_let_go(weft__pe_values *it, weft__held_values *held, uint64_t address)
{
    while (held->count && held->at[held->count - 1].address >= address)
        weft__values_release(it->values, held->at[--held->count].value);
}

/* ---- giving ---- */

static const char *operand_name(uint32_t operand)
{
    static const char *const names[WEFT_COMMAND_INPUTS_MAX] = {"operand 0", "operand 1", "operand 2", "operand 3",
                                                               "operand 4", "operand 5", "operand 6", "operand 7"};
    return names[operand];
}

static void on_issued(void *context, weft__command *command)
{
    weft_error err;
    weft__pe_values *it = context;
    weft__given given;
    command->issued_ps = weft__sim_now(weft__pes_sim(it->pes));
    if (!has_failed(it) && weft__pe_values_expect_overlap(it, command, &err) != WEFT_OK)
        weft__pe_values_fail(it, command->pe, command->kernel, command->call, &err);
    if (has_failed(it) || (command->process && !weft__unawaited_has_any(&it->unawaited, command->pe)))
        return;
    weft__given_init(&given, command->pe, command->kernel, command->call, command);
    for (uint32_t i = 0; i < command->operand_count; i++)
        weft__given_touch(&given, &command->operands[i], false, operand_name(i));
    weft__given_touch(&given, &command->result, true, "the result");
    if (!command->process)
        weft__pe_values_order_command(it, command);
    if (!weft__unawaited_check(&it->unawaited, &given) || command->process)
        return;
    const weft__unawaited_id id = {WEFT__UNAWAITED_COMPOSITE, 0, weft__pe_composites(command->pe) + 1};
    if (weft__unawaited_add(&it->unawaited, &given, id, &err) != WEFT_OK)
        weft__pe_values_fail(it, command->pe, command->kernel, command->call, &err);
}

static void on_awaited(void *context, weft__pe *pe, uint64_t number)
{
    weft__pe_values *it = context;
    weft__pe_values_order_awaited(it, pe, number);
    if (number)
        weft__unawaited_wait(&it->unawaited, pe, (weft__unawaited_id){WEFT__UNAWAITED_COMPOSITE, 0, number});
    else
        weft__unawaited_wait_composites(&it->unawaited, pe);
}

/* ---- reading ---- */

static weft__reading reading_of(const weft__command *command, uint32_t operand)
{
    return (weft__reading){.pe = command->pe,
                           .kernel = command->kernel,
                           .call = command->call,
                           .what = operand_name(operand),
                           .tensor = &command->operands[operand]};
}

/* A tile reads an operand that has been captured. */
static void confirm(weft__pe_values *it, weft__command *command, uint32_t operand, uint64_t tile,
                    const weft__tile_part *part)
{
    weft_error err;
    weft__memory_change change;
    const weft__reading reading = reading_of(command, operand);
    (void)weft__pe_values_meet_freed(it, &reading, false, &command->captured_at[operand]);
    if (has_failed(it) || !weft__pe_values_has_changed(it, &reading, part, command->captured_at[operand], &change))
        return;
    bool is_own = weft__pe_values_is_own(it, command, &change);
    weft__pe_values_meet_change(it, &reading, is_own, &change, &command->captured_at[operand]);
    if (has_failed(it) || it->hazards.action != WEFT_HAZARDS_HARDWARE || command->plan.kind == WEFT__PLAN_READ)
        return;
    if (weft__pe_values_reread(it, command, operand, tile, part, is_own, &err) != WEFT_OK)
        weft__pe_values_fail(it, command->pe, command->kernel, command->call, &err);
}

static void first_read(weft__pe_values *it, weft__command *command, uint32_t operand)
{
    weft__memory_change change;
    const weft__reading reading = reading_of(command, operand);
    weft__hazards_accessed(&it->hazards, command, operand);
    if (!weft__pe_values_capture(it, &reading, &command->captured[operand], &command->captured_at[operand], &change))
        return;
    weft__pe_values_note(it, command, operand, &change);
    if (weft__pe_values_meet_freed(it, &reading, change.bytes != 0, &command->captured_at[operand]))
        return;
    weft__order_phase phase = reading.tensor->space == TL_REMOTE ? WEFT__ORDER_BEGINS : WEFT__ORDER_AT_ONCE;
    (void)weft__pe_values_order_read(it, &reading, command->order, phase, change.bytes != 0);
}

/* What is not in the TCM takes a while, and has been read for good. */
static void finish_reading(weft__pe_values *it, const weft__command *command)
{
    for (uint32_t i = 0; i < command->operand_count; i++) {
        const weft__reading reading = reading_of(command, i);
        if (reading.tensor->space == TL_REMOTE && command->captured[i] && !has_failed(it))
            (void)weft__pe_values_order_read(it, &reading, command->order, WEFT__ORDER_ENDS,
                                             (command->captured_at[i] & WEFT__TOLD) != 0);
    }
}

static void on_read(void *context, weft__command *command, uint32_t operand, uint64_t tile)
{
    weft__pe_values *it = context;
    weft__tile_part part;
    if (has_failed(it))
        return;
    bool is_read = weft__pe_values_part_of(it, command, operand, tile, &part);
    if (is_read) {
        command->read_ps[operand] = weft__sim_now(weft__pes_sim(it->pes));
        weft__pe_values_note_read(it, command, operand, tile);
    }
    if (!command->captured[operand])
        first_read(it, command, operand);
    else if (is_read)
        confirm(it, command, operand, tile, &part);
}

static bool on_peek(void *context, weft__pe *pe, const tl_tensor *tensor, const char *kernel, const char *call,
                    void *out)
{
    weft_error err;
    weft__value_id value;
    uint64_t at;
    weft__memory_change change;
    weft__pe_values *it = context;
    const weft__reading reading = {.pe = pe, .kernel = kernel, .call = call, .what = "the tensor", .tensor = tensor};
    weft__given given;
    weft__given_init(&given, pe, kernel, call, NULL);
    weft__given_touch(&given, tensor, false, reading.what);
    if (!weft__unawaited_check(&it->unawaited, &given) || !weft__pe_values_capture(it, &reading, &value, &at, &change))
        return false;
    weft_status status = weft__values_evaluate(it->values, &value, 1, &err);
    bool is_freed = weft__pe_values_meet_freed(it, &reading, change.bytes != 0, &at);
    if (is_freed ? has_failed(it)
                 : !weft__pe_values_order_read(it, &reading, NULL, WEFT__ORDER_AT_ONCE, change.bytes != 0))
        status = WEFT_HAZARD;
    else if (status == WEFT_OK)
        memcpy(out, weft__values_data(it->values, value), (size_t)weft__values_bytes(it->values, value));
    else
        weft__pe_values_fail(it, pe, kernel, call, &err);
    weft__values_release(it->values, value);
    return status == WEFT_OK;
}

/* ---- writing ---- */

static weft_status write_result(weft__pe_values *it, weft__command *command, weft_error *err)
{
    weft__pe_values_ask_for(it, command->result.address);
    weft_status status = weft__pe_values_finish(it, command, err);
    if (status != WEFT_OK)
        return status;
    uint32_t writer = weft__pe_values_writer(it, command->pe, command->call);
    const weft__reading by = {command->pe, command->kernel, command->call, "the result", &command->result};
    weft__hazards_accessed(&it->hazards, command, command->operand_count);
    if (!weft__pe_values_order_write(it, &by, command->order))
        return WEFT_OK;
    status = weft__pe_values_install(it, command->result.address, command->made, writer, err);
    if (status != WEFT_OK || !command->process || command->result.space != TL_TCM)
        return status;
    command->result.value = command->made;
    weft__held_values *held = &it->scratch[weft__pe_index(command->pe)];
    return weft__pe_values_hold(it, held, command->result.address, command->made, err);
}

/* True with the last landing, whatever tile it is of: tiles may land in another order than they set out. */
static bool has_landed(const weft__pe_values *it, weft__command *command)
{
    if (command->landings == 0)
        command->landings = weft__plan_landings(&command->plan, weft__pes_rates(it->pes));
    return --command->landings == 0;
}

static void on_landed(void *context, weft__command *command, uint64_t tile)
{
    weft_error err;
    weft__pe_values *it = context;
    weft_status status = WEFT_OK;
    bool is_whole = has_landed(it, command);
    if (has_failed(it))
        return;
    command->landed_ps = weft__sim_now(weft__pes_sim(it->pes));
    if (!weft__pe_values_check_landing(it, command, tile))
        return;
    if (is_whole && command->plan.kind == WEFT__PLAN_READ) /* what was sent may have been written over meanwhile */
        confirm(it, command, 0, tile, &(weft__tile_part){.tensor = command->operands[0]});
    if (is_whole)
        finish_reading(it, command);
    if (!has_failed(it))
        status = is_whole ? write_result(it, command, &err) : weft__pe_values_land_piece(it, command, tile, &err);
    if (status != WEFT_OK)
        weft__pe_values_fail(it, command->pe, command->kernel, command->call, &err);
}

/* What stands there becomes one value, so that the tensor can be what it was given. */
static bool on_joined(void *context, weft__pe *pe, tl_tensor *tensor, const char *kernel, const char *call)
{
    weft_error err;
    weft__value_id value;
    weft__pe_values *it = context;
    if (has_failed(it))
        return false;
    weft_status status = weft__pe_values_view(it, tensor, 0, 0, &value, &err);
    if (status == WEFT_OK) {
        uint32_t writer = weft__pe_values_writer(it, pe, call);
        status = weft__pe_values_install(it, tensor->address, value, writer, &err);
        if (status == WEFT_OK)
            status = weft__pe_values_hold(it, &it->scratch[weft__pe_index(pe)], tensor->address, value, &err);
        tensor->value = value;
        weft__values_release(it->values, value);
    }
    if (status != WEFT_OK)
        weft__pe_values_fail(it, pe, kernel, call, &err);
    return status == WEFT_OK;
}

static void on_done(void *context, weft__command *command)
{
    weft__pe_values *it = context;
    if (it->log && !has_failed(it))
        weft__pe_log_command(it->log, command);
    for (uint32_t i = 0; i < WEFT_COMMAND_INPUTS_MAX; i++)
        weft__values_release(it->values, command->captured[i]);
    weft__values_release(it->values, command->made);
    weft__pe_values_drop_pieces(it, command);
    weft__pe_values_order_done(it, command);
    if (command->process)
        return;
    uint64_t times_ps[WEFT__TOUCHES_MAX] = {0};
    for (uint32_t i = 0; i < command->operand_count; i++)
        times_ps[i] = command->read_ps[i];
    times_ps[command->operand_count] = command->landed_ps;
    weft__unawaited_end(&it->unawaited, command->pe,
                        (weft__unawaited_id){WEFT__UNAWAITED_COMPOSITE, 0, command->number}, times_ps);
}

static void on_dropped(void *context, weft__pe *pe, uint64_t address)
{
    weft__pe_values *it = context;
    if (it->hazards.action != WEFT_HAZARDS_REPORT)
        weft__pe_values_let_go(it, &it->scratch[weft__pe_index(pe)], address);
}

static void on_ended(void *context, weft__pe *pe)
{
    weft__pe_values *it = context;
    weft__pe_values_let_go(it, &it->scratch[weft__pe_index(pe)], 0);
    weft__pe_values_let_go(it, &it->slots[weft__pe_index(pe)], 0);
    weft__pe_values_forget_slots(it, pe);
    weft__unawaited_wait_all(&it->unawaited, pe);
    weft__pe_values_order_rest(it, pe);
}

/* ---- making and ending ---- */

static const weft__pe_recorder functions = {
    .reads = on_read,
    .landed = on_landed,
    .done = on_done,
    .issued = on_issued,
    .awaited = on_awaited,
    .joined = on_joined,
    .dropped = on_dropped,
    .ended = on_ended,
    .launched = weft__pe_values_on_launched,
    .begun = weft__pe_values_on_begun,
    .left = weft__pe_values_on_left,
    .known = weft__pe_values_on_known,
    .peek = on_peek,
    .send_issued = weft__pe_values_on_send_issued,
    .send_awaited = weft__pe_values_on_send_awaited,
    .receive_issued = weft__pe_values_on_receive_issued,
    .receive_awaited = weft__pe_values_on_receive_awaited,
    .send_begins = weft__pe_values_on_send_begins,
    .send_ends = weft__pe_values_on_send_ends,
    .slot_written = weft__pe_values_on_slot_written,
    .receive_begins = weft__pe_values_on_receive_begins,
    .receive_ends = weft__pe_values_on_receive_ends,
    .slot_given_up = weft__pe_values_on_slot_given_up,
    .slot_freed = weft__pe_values_on_slot_freed,
    .credited = weft__pe_values_on_credited,
    .lost = weft__pe_values_on_lost,
};

static weft_status init(weft__pe_values *it, weft_error *err)
{
    uint32_t count = weft__pes_count(it->pes), nodes = weft__pes_graph(it->pes)->node_count;
    it->memories = calloc(nodes, sizeof(weft__memory *));
    it->scratch = calloc(count, sizeof *it->scratch);
    it->slots = calloc(count, sizeof *it->slots);
    it->own_slots = calloc(count, sizeof *it->own_slots);
    if (!it->memories || !it->scratch || !it->slots || !it->own_slots)
        return weft__fail_memory(err, nodes * sizeof(weft__memory *), "the memories of a machine");
    weft_status status = weft__unawaited_init(&it->unawaited, count, &it->hazards, err);
    return status == WEFT_OK ? weft__pe_values_order_init(it, err) : status;
}

weft_status weft__pe_values_create(weft__pes *pes, weft__values *values, const weft__pe_values_options *options,
                                   weft__pe_values **out, weft_error *err)
{
    *out = NULL;
    weft__pe_values *it = calloc(1, sizeof *it);
    if (!it)
        return weft__fail_memory(err, sizeof *it, "the values of a machine");
    it->pes = pes;
    it->values = values;
    it->hazards.pes = pes;
    if (options) {
        it->hazards.action = options->hazards;
        it->log = options->log;
    }
    weft_status status = init(it, err);
    if (status != WEFT_OK) {
        weft__pe_values_destroy(it);
        return status;
    }
    it->recorder = functions;
    it->recorder.context = it;
    weft__pes_record(pes, &it->recorder);
    *out = it;
    return WEFT_OK;
}

static void let_go_of_all(weft__pe_values *it, weft__held_values *held)
{
    for (uint32_t i = 0; held && i < weft__pes_count(it->pes); i++) {
        weft__pe_values_let_go(it, &held[i], 0);
        free(held[i].at);
    }
    free(held);
}

void weft__pe_values_destroy(weft__pe_values *it)
{
    if (!it)
        return;
    weft__pes_record(it->pes, NULL);
    for (uint32_t node = 0; it->memories && node < weft__pes_graph(it->pes)->node_count; node++) {
        if (!it->memories[node])
            continue;
        weft__memory_destroy(it->memories[node]);
        free(it->memories[node]);
    }
    let_go_of_all(it, it->scratch);
    let_go_of_all(it, it->slots);
    weft__values_release(it->values, it->zeros);
    weft__unawaited_destroy(&it->unawaited);
    weft__pe_values_order_destroy(it);
    weft__pe_values_free_pieces(it);
    weft__pe_values_free_slots(it);
    weft__hazards_destroy(&it->hazards);
    free(it->memories);
    free(it->parts);
    free(it);
}

uint64_t weft__pe_values_hazards(const weft__pe_values *it)
{
    return it->hazards.count;
}

bool weft__pe_values_hazard_at(const weft__pe_values *it, size_t index, weft_kernel_hazard *out)
{
    return weft__hazards_at(&it->hazards, index, out);
}
