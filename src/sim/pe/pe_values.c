#include "sim/pe/pe_values.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/pe/pe_values_impl.h"

/* ---- memories ---- */

static weft_status make_memory(weft__pe_values *it, const weft__location *location, weft__node_memory **out,
                               weft_error *err)
{
    char name[WEFT__NODE_NAME_BYTES + 8];
    const weft__graph *graph = weft__pes_graph(it->pes);
    weft__node_memory *made = calloc(1, sizeof *made);
    if (!made)
        return weft__fail_memory(err, sizeof *made, "a memory of a machine");
    weft__graph_node_name(graph, location->node, name);
    if (location->region == WEFT__REGION_TCM) {
        char *end = strrchr(name, '.'); /* of "sip0.cube0.pe0.dma" */
        (void)snprintf(end, sizeof name - (size_t)(end - name), ".tcm");
    }
    weft__memory_init(&made->memory, it->values, name, weft__region_bytes(graph, location->region));
    it->memories[location->node] = made;
    *out = made;
    return WEFT_OK;
}

weft_status weft__pe_values_find(weft__pe_values *it, uint64_t address, uint64_t bytes, weft__node_memory **out,
                                 uint64_t *out_offset, weft_error *err)
{
    weft__location location;
    weft_status status = weft__address_resolve(weft__pes_graph(it->pes), address, bytes, &location, err);
    if (status != WEFT_OK)
        return status;
    *out_offset = location.offset;
    *out = it->memories[location.node];
    return *out ? WEFT_OK : make_memory(it, &location, out, err);
}

static weft_status install(weft__pe_values *it, uint64_t address, weft__value_id value, uint32_t writer,
                           weft_error *err)
{
    weft__node_memory *memory;
    uint64_t offset;
    weft_status status =
        weft__pe_values_find(it, address, weft__values_bytes(it->values, value), &memory, &offset, err);
    if (status != WEFT_OK)
        return status;
    memory->writes++;
    return weft__memory_install(&memory->memory, offset, value, writer, weft__sim_now(weft__pes_sim(it->pes)), err);
}

/* ---- errors and hazards ---- */

static void fail_with(weft__pe_values *it, const weft__command *command, const weft_error *err)
{
    weft_sim *sim = weft__pes_sim(it->pes);
    (void)weft__sim_fail(sim, err->code, "Kernel '%s' on %s at %.3f ns, %s: %s", command->kernel,
                         weft__pe_name(command->pe), (double)weft__sim_now(sim) / 1000, command->call, err->message);
}

static void describe(const weft__pe_values *it, const weft__memory_change *change, char text[160])
{
    const char *who = "nobody";
    if (change->is_written)
        who = change->writer == WEFT__WRITER_HOST ? "the host" : weft__pe_name(weft__pe_at(it->pes, change->writer));
    if (change->is_written)
        (void)snprintf(text, 160, "%" PRIu64 " bytes at 0x%" PRIx64 " were written by %s at %.3f ns", change->bytes,
                       change->address, who, (double)change->time_ps / 1000);
    else
        (void)snprintf(text, 160, "%" PRIu64 " bytes at 0x%" PRIx64 " were written by nobody", change->bytes,
                       change->address);
}

/* A command reads another value than it should. `change` says what stands there; NULL: the scratch memory was given
 * back. False if the run ends. */
static bool meet_hazard(weft__pe_values *it, const weft__command *command, uint32_t operand, const char *what,
                        const weft__memory_change *change)
{
    char instead[160] = "its scratch memory was given back and written again", shape[WEFT_SHAPE_TEXT_BYTES];
    weft_error err = {.code = WEFT_HAZARD};
    const tl_tensor *tensor = &command->operands[operand];
    it->hazards++;
    if (change)
        describe(it, change, instead);
    (void)snprintf(err.message, sizeof err.message, "Hazard: operand %" PRIu32 ", %s %s at 0x%" PRIx64 ", %s: %s.",
                   operand, weft_dtype_name(tensor->dtype), weft_shape_text(&tensor->shape, shape), tensor->address,
                   what, instead);
    if (it->options.hazards == WEFT__HAZARDS_ERROR) {
        fail_with(it, command, &err);
        return false;
    }
    char sentence[WEFT_ERROR_MESSAGE_BYTES + 256];
    (void)snprintf(sentence, sizeof sentence, "Kernel '%s' on %s at %.3f ns, %s: %s", command->kernel,
                   weft__pe_name(command->pe), (double)weft__sim_now(weft__pes_sim(it->pes)) / 1000, command->call,
                   err.message);
    if (it->options.hazard)
        it->options.hazard(it->options.context, sentence);
    return true;
}

/* ---- reading ---- */

static uint64_t writes_of(weft__pe_values *it, const tl_tensor *tensor)
{
    weft__node_memory *memory;
    uint64_t offset;
    bool is_found = weft__pe_values_find(it, tensor->address, 1, &memory, &offset, NULL) == WEFT_OK;
    return is_found ? memory->writes : 0;
}

/* Whether a tensor that was given a value is to be captured as a part of it; else as what stands there. */
static bool trusts_given(weft__pe_values *it, const weft__command *command, uint32_t operand, bool *out_fine)
{
    weft_error err;
    weft__memory_change change;
    bool is_there;
    const tl_tensor *tensor = &command->operands[operand];
    *out_fine = true;
    if (tensor->value == 0)
        return false;
    static const char what[] = "is not what it was when it was made";
    if (!weft__values_lives(it->values, tensor->value)) {
        *out_fine = meet_hazard(it, command, operand, what, NULL);
        return false;
    }
    if (weft__pe_values_is_there(it, tensor, tensor->value, tensor->base, &is_there, &change, &err) != WEFT_OK) {
        fail_with(it, command, &err);
        *out_fine = false;
        return false;
    }
    if (!is_there)
        *out_fine = meet_hazard(it, command, operand, what, &change);
    return it->options.hazards != WEFT__HAZARDS_HARDWARE;
}

static void capture(weft__pe_values *it, weft__command *command, uint32_t operand)
{
    bool fine;
    weft_error err;
    const tl_tensor *tensor = &command->operands[operand];
    bool trusts = trusts_given(it, command, operand, &fine);
    if (!fine)
        return;
    command->captured_at[operand] = writes_of(it, tensor);
    if (weft__pe_values_view(it, tensor, trusts ? tensor->value : 0, &command->captured[operand], &err) != WEFT_OK)
        fail_with(it, command, &err);
}

/* The part of an operand that a tile reads; all of it where that is not simple. */
static tl_tensor part_of(const weft__pe_values *it, const weft__command *command, uint32_t operand, uint64_t tile)
{
    const weft__plan *plan = &command->plan;
    tl_tensor part = command->operands[operand];
    if (operand >= plan->input_count)
        return part;
    uint64_t each = weft_dtype_bytes(part.dtype);
    weft__tile_box box = weft__plan_box(plan, weft__pes_rates(it->pes), tile, operand);
    if (plan->kind == WEFT__PLAN_GEMM) {
        part.address += (box.row * part.stride[0] + box.column * part.stride[1]) * each;
        part.shape = weft_shape_2d(box.rows, box.columns);
    } else {
        part.address += box.column * each;
        part.shape = weft_shape_1d(box.columns);
        part.stride[0] = 1;
    }
    return part;
}

static bool is_contiguous(const tl_tensor *tensor)
{
    uint64_t stride = 1;
    for (uint32_t axis = tensor->shape.rank; axis-- > 0;) {
        if (tensor->shape.extent[axis] != 1 && tensor->stride[axis] != stride)
            return false;
        stride *= tensor->shape.extent[axis];
    }
    return true;
}

/* A later tile reads an operand that has been captured. Of a tensor with gaps or turned axes, which was captured as
 * what it was at the time, only what it was given can be looked for. */
static void confirm(weft__pe_values *it, weft__command *command, uint32_t operand, uint64_t tile)
{
    const tl_tensor *tensor = &command->operands[operand];
    uint64_t writes = writes_of(it, tensor);
    bool is_plain = is_contiguous(tensor);
    if (writes == command->captured_at[operand] || (!is_plain && tensor->value == 0))
        return;
    weft_error err;
    bool is_there;
    weft__memory_change change;
    tl_tensor part = is_plain ? part_of(it, command, operand, tile) : *tensor;
    weft__value_id of = is_plain ? command->captured[operand] : tensor->value;
    uint64_t base = is_plain ? tensor->address : tensor->base;
    if (!weft__values_lives(it->values, of))
        (void)meet_hazard(it, command, operand, "changed while it was read", NULL);
    else if (weft__pe_values_is_there(it, &part, of, base, &is_there, &change, &err) != WEFT_OK)
        fail_with(it, command, &err);
    else if (!is_there)
        (void)meet_hazard(it, command, operand, "changed while it was read", &change);
}

static void on_read(void *context, weft__command *command, uint32_t operand, uint64_t tile)
{
    weft__pe_values *it = context;
    if (weft__sim_has_failed(weft__pes_sim(it->pes)))
        return;
    if (command->captured[operand])
        confirm(it, command, operand, tile);
    else
        capture(it, command, operand);
}

/* ---- writing ---- */

/* The kernel has the tensor of a result in its scratch memory. */
static weft_status hold(weft__pe_values *it, const weft__command *command, weft__value_id value, weft_error *err)
{
    weft__held_values *held = &it->held[weft__pe_index(command->pe)];
    if (held->count == held->capacity) {
        size_t capacity = held->capacity ? 2 * held->capacity : 16;
        weft__held_value *grown = realloc(held->at, capacity * sizeof *grown);
        if (!grown)
            return weft__fail_memory(err, capacity * sizeof *grown, "the values of a kernel");
        held->at = grown;
        held->capacity = capacity;
    }
    held->at[held->count++] = (weft__held_value){command->result.address, value};
    weft__values_retain(it->values, value);
    return WEFT_OK;
}

static weft_status write_result(weft__pe_values *it, weft__command *command, weft_error *err)
{
    weft__value_id value;
    weft_status status = weft__pe_values_make(it, command, &value, err);
    if (status != WEFT_OK)
        return status;
    status = install(it, command->result.address, value, weft__pe_index(command->pe), err);
    if (status == WEFT_OK && command->process && command->result.space == TL_TCM) {
        status = hold(it, command, value, err);
        command->result.value = value;
    }
    weft__values_release(it->values, value);
    return status;
}

static void on_landed(void *context, weft__command *command, uint64_t tile)
{
    weft_error err;
    weft__pe_values *it = context;
    if (tile + 1 < command->tiles || weft__sim_has_failed(weft__pes_sim(it->pes)))
        return;
    if (command->plan.kind == WEFT__PLAN_READ) /* what the memory has sent may have been written over meanwhile */
        confirm(it, command, 0, tile);
    if (write_result(it, command, &err) != WEFT_OK)
        fail_with(it, command, &err);
}

static void on_done(void *context, weft__command *command)
{
    weft__pe_values *it = context;
    for (uint32_t i = 0; i < command->operand_count; i++)
        weft__values_release(it->values, command->captured[i]);
}

static void on_dropped(void *context, weft__pe *pe, uint64_t address)
{
    weft__pe_values *it = context;
    weft__held_values *held = &it->held[weft__pe_index(pe)];
    while (held->count && held->at[held->count - 1].address >= address)
        weft__values_release(it->values, held->at[--held->count].value);
}

/* ---- making and ending ---- */

weft_status weft__pe_values_create(weft__pes *pes, weft__values *values, const weft__pe_values_options *options,
                                   weft__pe_values **out, weft_error *err)
{
    *out = NULL;
    weft__pe_values *it = calloc(1, sizeof *it);
    if (!it)
        return weft__fail_memory(err, sizeof *it, "the values of a machine");
    it->pes = pes;
    it->values = values;
    it->options = options ? *options : (weft__pe_values_options){0};
    it->memories = calloc(weft__pes_graph(pes)->node_count, sizeof(weft__node_memory *));
    it->held = calloc(weft__pes_count(pes), sizeof *it->held);
    if (!it->memories || !it->held) {
        weft__pe_values_destroy(it);
        return weft__fail_memory(err, weft__pes_graph(pes)->node_count * sizeof(weft__node_memory *),
                                 "the memories of a machine");
    }
    it->recorder = (weft__pe_recorder){
        .reads = on_read, .landed = on_landed, .done = on_done, .dropped = on_dropped, .context = it};
    weft__pes_record(pes, &it->recorder);
    *out = it;
    return WEFT_OK;
}

void weft__pe_values_destroy(weft__pe_values *it)
{
    if (!it)
        return;
    weft__pes_record(it->pes, NULL);
    for (uint32_t node = 0; it->memories && node < weft__pes_graph(it->pes)->node_count; node++) {
        if (!it->memories[node])
            continue;
        weft__memory_destroy(&it->memories[node]->memory);
        free(it->memories[node]);
    }
    for (uint32_t i = 0; it->held && i < weft__pes_count(it->pes); i++) {
        for (size_t j = 0; j < it->held[i].count; j++)
            weft__values_release(it->values, it->held[i].at[j].value);
        free(it->held[i].at);
    }
    free(it->memories);
    free(it->held);
    free(it->parts);
    free(it);
}

uint64_t weft__pe_values_hazards(const weft__pe_values *it)
{
    return it->hazards;
}

/* ---- the host ---- */

weft_status weft__pe_values_write(weft__pe_values *it, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                  const void *data, weft_error *err)
{
    weft__value_id value;
    weft_status status = weft__values_constant(it->values, dtype, shape, data, &value, err);
    if (status != WEFT_OK)
        return status;
    status = install(it, address, value, WEFT__WRITER_HOST, err);
    weft__values_release(it->values, value);
    return status;
}

weft_status weft__pe_values_read(weft__pe_values *it, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                 void *out, weft_error *err)
{
    weft__node_memory *memory;
    weft__value_id value;
    uint64_t offset, bytes = weft_shape_elements(shape) * weft_dtype_bytes(dtype);
    weft_status status = weft__pe_values_find(it, address, bytes, &memory, &offset, err);
    if (status == WEFT_OK)
        status = weft__memory_read(&memory->memory, offset, dtype, shape, &value, err);
    if (status != WEFT_OK)
        return status;
    status = weft__values_evaluate(it->values, &value, 1, err);
    if (status == WEFT_OK && bytes)
        memcpy(out, weft__values_data(it->values, value), (size_t)bytes);
    weft__values_release(it->values, value);
    return status;
}
