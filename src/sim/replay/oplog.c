#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/status.h"
#include "sim/replay/store_impl.h"

/* A command that has started, or has ended. Its values are the log's references. */
typedef struct logged {
    const weft_command *command; /* who it is, while it runs; never looked into */
    uint32_t component;
    weft_command_op op;
    uint64_t start_ps, end_ps;
    weft_tensor output;
    size_t input_count;
    weft_record_input inputs[];
} logged;

struct weft_oplog {
    weft_store *store;
    weft__arena arena; /* of what is logged */
    logged **records;  /* in the order of their ends */
    size_t record_count, record_capacity;
    logged **running; /* a hash table by command and component; NULL is free */
    size_t running_count, running_size;
    uint64_t last_ps;
};

weft_status weft_oplog_create(weft_store *store, weft_oplog **out, weft_error *err)
{
    *out = NULL;
    weft_oplog *log = calloc(1, sizeof *log);
    if (!log)
        return weft__fail_memory(err, sizeof *log, "a log");
    log->store = store;
    *out = log;
    return WEFT_OK;
}

static void let_go(weft_oplog *log, const logged *entry)
{
    for (size_t i = 0; i < entry->input_count; i++)
        weft__values_release(log->store->values, entry->inputs[i].tensor.value);
    weft__values_release(log->store->values, entry->output.value);
}

void weft_oplog_destroy(weft_oplog *log)
{
    if (!log)
        return;
    for (size_t i = 0; i < log->record_count; i++)
        let_go(log, log->records[i]);
    for (size_t i = 0; i < log->running_size; i++)
        if (log->running[i])
            let_go(log, log->running[i]);
    free(log->records);
    free(log->running);
    weft__arena_destroy(&log->arena);
    free(log);
}

/* ---- commands that run: a hash table with linear probing ---- */

static size_t place_of(const weft_oplog *log, const weft_command *command, uint32_t component)
{
    uint64_t hash = ((uint64_t)(uintptr_t)command ^ (uint64_t)component << 40) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash >> 20) & (log->running_size - 1);
}

/* Where it is, or the free place where it belongs. The table must not be empty. */
static size_t find_running(const weft_oplog *log, const weft_command *command, uint32_t component)
{
    size_t at = place_of(log, command, component);
    while (log->running[at] && (log->running[at]->command != command || log->running[at]->component != component))
        at = (at + 1) & (log->running_size - 1);
    return at;
}

/* Room for one more, with half of the table free. */
static weft_status reserve_running(weft_oplog *log, weft_error *err)
{
    if (2 * (log->running_count + 1) <= log->running_size)
        return WEFT_OK;
    size_t size = log->running_size ? 2 * log->running_size : 16, old_size = log->running_size;
    logged **table = calloc(size, sizeof(logged *)), **old = log->running;
    if (!table)
        return weft__fail_memory(err, size * sizeof(logged *), "the commands that run");
    log->running = table;
    log->running_size = size;
    for (size_t i = 0; i < old_size; i++)
        if (old[i])
            table[find_running(log, old[i]->command, old[i]->component)] = old[i];
    free(old);
    return WEFT_OK;
}

/* Frees a place, and moves up what would not be found any more. */
static void remove_running(weft_oplog *log, size_t hole)
{
    size_t mask = log->running_size - 1;
    log->running_count--;
    for (size_t at = (hole + 1) & mask; log->running[at]; at = (at + 1) & mask) {
        size_t home = place_of(log, log->running[at]->command, log->running[at]->component);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        log->running[hole] = log->running[at];
        hole = at;
    }
    log->running[hole] = NULL;
}

/* ---- starting ---- */

/* What stands where a carried value should. */
static void note_overwrite(const weft_store *store, weft__memory *memory, weft_record_input *input)
{
    weft__memory_change change;
    if (weft__memory_check(memory, input->tensor.address, input->tensor.value, &change))
        return;
    input->overwrite = (weft_overwrite){
        .is_overwritten = true,
        .address = change.address,
        .bytes = change.bytes,
        .writer = change.is_written ? weft__names_at(&store->writers, change.writer) : NULL,
        .time_ps = change.time_ps,
    };
}

/* The tensor's value becomes the captured one, with a reference; 0 on failure. */
static weft_status capture(weft_store *store, const weft_tensor *tensor, weft_record_input *out, weft_error *err)
{
    weft__memory *memory = NULL;
    weft__value_id value = 0;
    *out = (weft_record_input){.tensor = *tensor};
    out->tensor.value = 0;
    out->tensor.data = NULL;
    weft_status status = weft__store_memory_of(store, tensor->space, &memory, err);
    if (status == WEFT_OK)
        status = weft__store_carried(store, tensor, &value, err);
    out->is_carried = value != 0;
    if (status == WEFT_OK && !out->is_carried)
        status = weft__memory_read(memory, tensor->address, tensor->dtype, &tensor->shape, &value, err);
    if (status != WEFT_OK)
        return status;
    out->tensor.value = value;
    if (tensor->value != 0)
        note_overwrite(store, memory, out);
    return WEFT_OK;
}

static weft_status make_output(weft_store *store, const weft_command *command, const weft_record_input *inputs,
                               weft__value_id *out, weft_error *err)
{
    weft__value_id ids[WEFT_COMMAND_INPUTS_MAX];
    for (size_t i = 0; i < command->input_count; i++)
        ids[i] = inputs[i].tensor.value;
    const weft__operation operation = {
        .op = command->op,
        .dtype = command->output.dtype,
        .shape = command->output.shape,
        .inputs = ids,
        .input_count = command->input_count,
        .axis = command->axis,
        .epilogues = command->epilogues,
        .epilogue_count = command->epilogue_count,
        .tile_k = command->tile_k,
    };
    return weft__values_operate(store->values, &operation, out, err);
}

/* Captures the inputs and makes the output; all references are in the entry, or none on failure. */
static weft_status log_values(weft_oplog *log, const weft_command *command, logged *entry, weft_error *err)
{
    weft__memory *memory = NULL;
    weft_status status = weft__store_memory_of(log->store, command->output.space, &memory, err);
    entry->output = command->output;
    entry->output.data = NULL;
    entry->output.value = 0;
    for (size_t i = 0; status == WEFT_OK && i < command->input_count; i++) {
        entry->input_count = i + 1;
        status = capture(log->store, &command->inputs[i], &entry->inputs[i], err);
    }
    if (status == WEFT_OK)
        status = make_output(log->store, command, entry->inputs, &entry->output.value, err);
    if (status != WEFT_OK)
        let_go(log, entry);
    return status;
}

static weft_status check_start(const weft_oplog *log, uint64_t time_ps, const char *component,
                               const weft_command *command, weft_error *err)
{
    if (command->input_count > WEFT_COMMAND_INPUTS_MAX)
        return weft__fail(err, WEFT_INVALID_ARGUMENT, "A command of %s has %zu inputs, %d are the most.", component,
                          command->input_count, WEFT_COMMAND_INPUTS_MAX);
    if (time_ps < log->last_ps)
        return weft__fail(err, WEFT_INVALID_STATE, "%s starts a command at %llu ps, after the log was told of %llu ps.",
                          component, (unsigned long long)time_ps, (unsigned long long)log->last_ps);
    return WEFT_OK;
}

weft_status weft_oplog_start(weft_oplog *log, uint64_t time_ps, const char *component, const weft_command *command,
                             weft_error *err)
{
    uint32_t number = 0;
    weft_status status = check_start(log, time_ps, component, command, err);
    if (status == WEFT_OK)
        status = weft__names_number(&log->store->writers, component, &number, err);
    if (status == WEFT_OK)
        status = reserve_running(log, err);
    if (status != WEFT_OK)
        return status;
    size_t at = find_running(log, command, number);
    if (log->running[at])
        return weft__fail(err, WEFT_INVALID_STATE, "%s starts a command that it has started at %llu ps already.",
                          component, (unsigned long long)log->running[at]->start_ps);
    size_t bytes = sizeof(logged) + command->input_count * sizeof(weft_record_input);
    /* What a failure leaves in the arena goes with the log: a log in which commands fail is not used for long. */
    logged *entry = weft__arena_alloc(&log->arena, bytes, alignof(logged));
    if (!entry)
        return weft__fail_memory(err, bytes, "a command in a log");
    *entry = (logged){.command = command, .component = number, .op = command->op, .start_ps = time_ps};
    status = log_values(log, command, entry, err);
    if (status != WEFT_OK)
        return status;
    log->running[at] = entry;
    log->running_count++;
    log->last_ps = log->store->now_ps = time_ps;
    return WEFT_OK;
}

/* ---- ending ---- */

static weft_status reserve_record(weft_oplog *log, weft_error *err)
{
    if (log->record_count < log->record_capacity)
        return WEFT_OK;
    size_t capacity = log->record_capacity ? 2 * log->record_capacity : 64;
    logged **records = realloc(log->records, capacity * sizeof(logged *));
    if (!records)
        return weft__fail_memory(err, capacity * sizeof(logged *), "the records of a log");
    log->records = records;
    log->record_capacity = capacity;
    return WEFT_OK;
}

weft_status weft_oplog_end(weft_oplog *log, uint64_t time_ps, const char *component, const weft_command *command,
                           weft_error *err)
{
    uint32_t number = 0;
    weft__memory *memory = NULL;
    weft_status status = weft__names_number(&log->store->writers, component, &number, err);
    if (status != WEFT_OK)
        return status;
    size_t at = log->running_size ? find_running(log, command, number) : 0;
    logged *entry = log->running_size ? log->running[at] : NULL;
    if (!entry)
        return weft__fail(err, WEFT_NOT_FOUND, "%s ends a command that it has not started.", component);
    if (time_ps < log->last_ps)
        return weft__fail(err, WEFT_INVALID_STATE, "%s ends a command at %llu ps, after the log was told of %llu ps.",
                          component, (unsigned long long)time_ps, (unsigned long long)log->last_ps);
    status = reserve_record(log, err);
    if (status == WEFT_OK)
        status = weft__store_memory_of(log->store, entry->output.space, &memory, err);
    if (status == WEFT_OK)
        status = weft__memory_install(memory, entry->output.address, entry->output.value, number, time_ps, err);
    if (status != WEFT_OK)
        return status;
    entry->end_ps = time_ps;
    log->records[log->record_count++] = entry;
    remove_running(log, at);
    log->last_ps = log->store->now_ps = time_ps;
    return WEFT_OK;
}

/* ---- records ---- */

size_t weft_oplog_count(const weft_oplog *log)
{
    return log->record_count;
}

weft_status weft_oplog_record(weft_oplog *log, size_t index, weft_record *out, weft_error *err)
{
    if (index >= log->record_count)
        return weft__fail(err, WEFT_OUT_OF_RANGE, "The log has no record %zu, only %zu of them.", index,
                          log->record_count);
    const logged *entry = log->records[index];
    weft__values *values = log->store->values;
    weft__value_id ids[WEFT_COMMAND_INPUTS_MAX];
    for (size_t i = 0; i < entry->input_count; i++)
        ids[i] = entry->inputs[i].tensor.value;
    weft_status status = weft__values_evaluate(values, ids, entry->input_count, err);
    if (status != WEFT_OK)
        return status;
    *out = (weft_record){
        .op = entry->op,
        .component = weft__names_at(&log->store->writers, entry->component),
        .start_ps = entry->start_ps,
        .end_ps = entry->end_ps,
        .input_count = entry->input_count,
        .output = entry->output,
    };
    for (size_t i = 0; i < entry->input_count; i++) {
        out->inputs[i] = entry->inputs[i];
        out->inputs[i].tensor.data = weft__values_data(values, ids[i]);
    }
    return WEFT_OK;
}
