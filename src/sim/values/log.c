#include "sim/values/log.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/status.h"
#include "sim/machine/address.h"
#include "sim/pe/ipcq.h"
#include "sim/replay/names.h"

/* What has ended. Its values are the log's references. */
typedef struct logged {
    weft_command_op op;
    uint32_t component;
    uint64_t start_ps, end_ps;
    weft_tensor output;
    size_t input_count;
    weft_record_input inputs[];
} logged;

/* For the record of what has not ended yet. */
typedef struct overwritten {
    const void *subject;
    uint32_t input;
    bool is_given;
    weft_overwrite overwrite;
} overwritten;

struct weft__pe_log {
    weft__pes *pes;
    weft__values *values;
    weft__pe_recorder recorder;
    weft__names components;
    weft__arena arena; /* of what is logged */
    logged **records;
    size_t record_count, record_capacity;
    overwritten *overwritten;
    size_t overwritten_count, overwritten_capacity;
};

static uint64_t now_of(const weft__pe_log *log)
{
    return weft__sim_now(weft__pes_sim(log->pes));
}

static void note(weft__pe_log *log, weft_status status, const weft_error *err)
{
    if (status != WEFT_OK)
        (void)weft__sim_fail(weft__pes_sim(log->pes), status, "%s", err->message);
}

/* ---- making a record ---- */

/* Where an address is; what lies there was found when the command was given. */
static weft_space space_of(const weft__pe_log *log, uint64_t address)
{
    static const weft_memory_kind kinds[] = {
        [WEFT__REGION_HBM] = WEFT_HBM, [WEFT__REGION_TCM] = WEFT_TCM, [WEFT__REGION_SRAM] = WEFT_SRAM};
    weft__location location;
    const weft__graph *graph = weft__pes_graph(log->pes);
    if (weft__address_resolve(graph, address, 0, &location, NULL) != WEFT_OK || location.region > WEFT__REGION_SRAM)
        return (weft_space){0};
    uint32_t cube = location.sip * graph->cubes + location.cube;
    return (weft_space){kinds[location.region],
                        location.region == WEFT__REGION_SRAM ? cube : cube * graph->pes + location.unit};
}

static weft_tensor tensor_of(weft__pe_log *log, const tl_tensor *tensor, weft__value_id value)
{
    if (value)
        weft__values_retain(log->values, value);
    return (weft_tensor){.space = space_of(log, tensor->address),
                         .address = tensor->address,
                         .dtype = tensor->dtype,
                         .shape = tensor->shape,
                         .value = value};
}

static weft_status make_room(weft__pe_log *log, weft_error *err)
{
    if (log->record_count < log->record_capacity)
        return WEFT_OK;
    size_t capacity = log->record_capacity ? 2 * log->record_capacity : 64;
    logged **grown = realloc(log->records, capacity * sizeof(logged *));
    if (!grown)
        return weft__fail_memory(err, capacity * sizeof(logged *), "the records of a log");
    log->records = grown;
    log->record_capacity = capacity;
    return WEFT_OK;
}

/* One more record that has ended now, without tensors. */
static weft_status add(weft__pe_log *log, const weft__pe *pe, const char *engine, size_t inputs, logged **out,
                       weft_error *err)
{
    char name[WEFT__NODE_NAME_BYTES + 16];
    uint32_t component = 0;
    (void)snprintf(name, sizeof name, "%s.%s", weft__pe_name(pe), engine);
    weft_status status = make_room(log, err);
    if (status == WEFT_OK)
        status = weft__names_number(&log->components, name, &component, err);
    if (status != WEFT_OK)
        return status;
    size_t bytes = sizeof(logged) + inputs * sizeof(weft_record_input);
    logged *entry = weft__arena_alloc(&log->arena, bytes, alignof(logged));
    if (!entry)
        return weft__fail_memory(err, bytes, "a record of a log");
    memset(entry, 0, bytes);
    entry->component = component;
    entry->end_ps = now_of(log);
    entry->input_count = inputs;
    log->records[log->record_count++] = entry;
    *out = entry;
    return WEFT_OK;
}

/* What was noted for the record, which has its inputs now; NULL: for nothing. */
static void take_overwrites(weft__pe_log *log, const void *subject, logged *entry)
{
    size_t kept = 0;
    for (size_t i = 0; i < log->overwritten_count; i++) {
        const overwritten *it = &log->overwritten[i];
        if (it->subject != subject)
            log->overwritten[kept++] = *it;
        else if (!entry)
            continue;
        else if (it->is_given)
            entry->inputs[it->input].overwrite = it->overwrite;
        else
            entry->inputs[it->input].is_carried = false;
    }
    log->overwritten_count = kept;
}

void weft__pe_log_overwritten(weft__pe_log *log, const void *subject, uint32_t input, bool is_given,
                              const weft__memory_change *change, const char *writer)
{
    weft_error err;
    if (log->overwritten_count == log->overwritten_capacity) {
        size_t capacity = log->overwritten_capacity ? 2 * log->overwritten_capacity : 16;
        overwritten *grown = realloc(log->overwritten, capacity * sizeof *grown);
        if (!grown) {
            note(log, weft__fail_memory(&err, capacity * sizeof *grown, "the overwritten inputs of a log"), &err);
            return;
        }
        log->overwritten = grown;
        log->overwritten_capacity = capacity;
    }
    log->overwritten[log->overwritten_count++] =
        (overwritten){subject, input, is_given, {true, change->address, change->bytes, writer, change->time_ps}};
}

void weft__pe_log_forget(weft__pe_log *log, const void *subject)
{
    take_overwrites(log, subject, NULL);
}

/* ---- what has ended ---- */

static const char *engine_of(const weft__command *command)
{
    static const weft__stage_kind engines[] = {
        [WEFT__PLAN_READ] = WEFT__STAGE_DMA_READ,
        [WEFT__PLAN_WRITE] = WEFT__STAGE_DMA_WRITE,
        [WEFT__PLAN_GEMM] = WEFT__STAGE_GEMM,
        [WEFT__PLAN_MATH] = WEFT__STAGE_MATH,
    };
    return weft__pe_engine_name(engines[command->plan.kind]);
}

void weft__pe_log_command(weft__pe_log *log, const weft__command *command)
{
    weft_error err;
    logged *entry = NULL;
    uint32_t count = command->operand_count;
    while (count < WEFT_COMMAND_INPUTS_MAX && command->captured[count]) /* numbers */
        count++;
    weft_status status = add(log, command->pe, engine_of(command), count, &entry, &err);
    if (status != WEFT_OK) {
        note(log, status, &err);
        return;
    }
    entry->op = command->op;
    entry->start_ps = command->issued_ps;
    entry->output = tensor_of(log, &command->result, command->made);
    for (uint32_t i = 0; i < count; i++) {
        const tl_tensor number = {.dtype = command->operands[0].dtype};
        const tl_tensor *operand = i < command->operand_count ? &command->operands[i] : &number;
        entry->inputs[i] = (weft_record_input){.tensor = tensor_of(log, operand, command->captured[i]),
                                               .is_carried = operand == &number || operand->value != 0};
    }
    take_overwrites(log, command, entry);
}

/* A copy of a value from one tensor to another. */
static void log_copy(weft__pe_log *log, const weft__pe *pe, uint64_t start_ps, const tl_tensor *from,
                     const tl_tensor *to, weft__value_id value, const void *subject)
{
    weft_error err;
    logged *entry = NULL;
    weft_status status = add(log, pe, "queue", 1, &entry, &err);
    if (status != WEFT_OK) {
        note(log, status, &err);
        return;
    }
    entry->op = WEFT_COMMAND_QUEUE_COPY;
    entry->start_ps = start_ps;
    entry->inputs[0] = (weft_record_input){.tensor = tensor_of(log, from, value), .is_carried = from->value != 0};
    entry->output = tensor_of(log, to, value);
    take_overwrites(log, subject, entry);
}

void weft__pe_log_message(weft__pe_log *log, const weft__ipcq_message *message)
{
    const tl_tensor slot = {
        .shape = message->tensor.shape, .dtype = message->tensor.dtype, .address = message->slot_address};
    log_copy(log, message->from, message->sent, &message->tensor, &slot, message->captured, message);
}

void weft__pe_log_receive(weft__pe_log *log, const weft__ipcq_receive *receive)
{
    const tl_tensor slot = {.shape = receive->shape,
                            .dtype = receive->dtype,
                            .address = receive->message->slot_address,
                            .value = receive->captured};
    log_copy(log, receive->pe, receive->begun, &slot, &receive->result, receive->captured, receive);
}

/* ---- where nobody keeps values ---- */

static void on_issued(void *context, weft__command *command)
{
    command->issued_ps = now_of(context);
}

static void on_done(void *context, weft__command *command)
{
    weft__pe_log_command(context, command);
}

static void on_slot_written(void *context, weft__ipcq_message *message)
{
    weft__pe_log_message(context, message);
}

static void on_receive_begins(void *context, weft__ipcq_receive *receive)
{
    receive->begun = now_of(context);
}

static void on_receive_ends(void *context, weft__ipcq_receive *receive)
{
    if (!receive->is_in_place)
        weft__pe_log_receive(context, receive);
}

void weft__pe_log_record(weft__pe_log *log)
{
    log->recorder = (weft__pe_recorder){.issued = on_issued,
                                        .done = on_done,
                                        .slot_written = on_slot_written,
                                        .receive_begins = on_receive_begins,
                                        .receive_ends = on_receive_ends,
                                        .context = log};
    weft__pes_record(log->pes, &log->recorder);
}

/* ---- making, ending, reading ---- */

weft_status weft__pe_log_create(weft__pes *pes, weft__values *values, weft__pe_log **out, weft_error *err)
{
    *out = NULL;
    weft__pe_log *log = calloc(1, sizeof *log);
    if (!log)
        return weft__fail_memory(err, sizeof *log, "a log");
    log->pes = pes;
    log->values = values;
    *out = log;
    return WEFT_OK;
}

void weft__pe_log_destroy(weft__pe_log *log)
{
    if (!log)
        return;
    if (weft__pes_recorder(log->pes) == &log->recorder)
        weft__pes_record(log->pes, NULL);
    for (size_t i = 0; log->values && i < log->record_count; i++) {
        const logged *entry = log->records[i];
        for (size_t input = 0; input < entry->input_count; input++)
            weft__values_release(log->values, entry->inputs[input].tensor.value);
        weft__values_release(log->values, entry->output.value);
    }
    weft__names_destroy(&log->components);
    weft__arena_destroy(&log->arena);
    free(log->records);
    free(log->overwritten);
    free(log);
}

size_t weft__pe_log_count(const weft__pe_log *log)
{
    return log->record_count;
}

weft_status weft__pe_log_at(weft__pe_log *log, size_t index, weft_record *out, weft_error *err)
{
    if (index >= log->record_count)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The log has no record %zu, only %zu of them.", index,
                          log->record_count);
    const logged *entry = log->records[index];
    *out = (weft_record){.op = entry->op,
                         .component = weft__names_at(&log->components, entry->component),
                         .start_ps = entry->start_ps,
                         .end_ps = entry->end_ps,
                         .input_count = entry->input_count,
                         .output = entry->output};
    for (size_t i = 0; i < entry->input_count; i++) {
        out->inputs[i] = entry->inputs[i];
        weft__value_id value = entry->inputs[i].tensor.value;
        weft_status status = value ? weft__values_evaluate(log->values, &value, 1, err) : WEFT_OK;
        if (status != WEFT_OK)
            return status;
        if (value)
            out->inputs[i].tensor.data = weft__values_data(log->values, value);
    }
    return WEFT_OK;
}
