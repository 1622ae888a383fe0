/* What becomes of messages, for who keeps values. */
#include "sim/values/values_impl.h"

static bool has_failed(const weft__pe_values *it)
{
    return weft__sim_has_failed(weft__pes_sim(it->pes));
}

/* ---- giving and waiting ---- */

void weft__pe_values_on_send_issued(void *context, weft__ipcq_message *message)
{
    weft_error err;
    weft__pe_values *it = context;
    weft__given given;
    if (has_failed(it))
        return;
    weft__given_init(&given, message->from, message->kernel, message->call, message);
    weft__pe_values_order_send(it, message);
    weft__given_touch(&given, &message->tensor, false, "the tensor");
    const weft__unawaited_id id = {WEFT__UNAWAITED_SEND, message->from_direction, message->number};
    if (weft__unawaited_check(&it->unawaited, &given) &&
        weft__unawaited_add(&it->unawaited, &given, id, &err) != WEFT_OK)
        weft__pe_values_fail(it, message->from, message->kernel, message->call, &err);
}

void weft__pe_values_on_send_awaited(void *context, weft__pe *pe, uint8_t direction, uint64_t number)
{
    weft__pe_values *it = context;
    weft__pe_values_order_sent(it, pe, direction, number);
    weft__unawaited_wait(&it->unawaited, pe, (weft__unawaited_id){WEFT__UNAWAITED_SEND, direction, number});
}

static weft__unawaited_id id_of(const weft__ipcq_receive *receive)
{
    return (weft__unawaited_id){WEFT__UNAWAITED_RECEIVE, receive->direction, receive->number};
}

void weft__pe_values_on_receive_issued(void *context, weft__ipcq_receive *receive)
{
    weft_error err;
    weft__pe_values *it = context;
    weft__given given;
    if (has_failed(it))
        return;
    weft__given_init(&given, receive->pe, receive->kernel, receive->call, receive);
    weft__pe_values_order_receive(it, receive);
    if (!receive->is_in_place)
        weft__given_touch(&given, &receive->result, true, "the result");
    if (weft__unawaited_check(&it->unawaited, &given) &&
        weft__unawaited_add(&it->unawaited, &given, id_of(receive), &err) != WEFT_OK)
        weft__pe_values_fail(it, receive->pe, receive->kernel, receive->call, &err);
}

void weft__pe_values_on_receive_awaited(void *context, weft__ipcq_receive *receive)
{
    weft__pe_values *it = context;
    weft__unawaited_wait(&it->unawaited, receive->pe, id_of(receive));
    weft__pe_values_order_took(it, receive);
}

/* ---- sending ---- */

static weft__reading source_of(const weft__ipcq_message *message)
{
    return (weft__reading){.pe = message->from,
                           .kernel = message->kernel,
                           .call = message->call,
                           .what = "the tensor",
                           .tensor = &message->tensor};
}

void weft__pe_values_on_send_begins(void *context, weft__ipcq_message *message)
{
    weft__pe_values *it = context;
    weft__memory_change change;
    const weft__reading reading = source_of(message);
    if (has_failed(it))
        return;
    weft__hazards_accessed(&it->hazards, message, 0);
    if (!weft__pe_values_capture(it, &reading, &message->captured, &message->captured_at, &change))
        return;
    weft__pe_values_note(it, message, 0, &change);
    if (!weft__pe_values_meet_freed(it, &reading, change.bytes != 0, &message->captured_at))
        (void)weft__pe_values_order_read(it, &reading, message->order, WEFT__ORDER_BEGINS, change.bytes != 0);
}

void weft__pe_values_on_send_ends(void *context, weft__ipcq_message *message)
{
    weft__pe_values *it = context;
    const weft__reading reading = source_of(message);
    if (has_failed(it))
        return;
    weft__pe_values_confirm(it, &reading, &message->captured_at);
    if (!has_failed(it) && !weft__pe_values_meet_freed(it, &reading, false, &message->captured_at))
        (void)weft__pe_values_order_read(it, &reading, message->order, WEFT__ORDER_ENDS,
                                         (message->captured_at & WEFT__TOLD) != 0);
    uint64_t now = weft__sim_now(weft__pes_sim(it->pes));
    weft__unawaited_end(&it->unawaited, message->from,
                        (weft__unawaited_id){WEFT__UNAWAITED_SEND, message->from_direction, message->number}, &now);
}

/* A slot, in the shape of what lies there or of what the receiver asks for. */
static tl_tensor slot_of(const weft__ipcq_message *message, const weft_shape *shape, weft_dtype dtype)
{
    tl_tensor slot = {.shape = *shape, .dtype = dtype, .address = message->slot_address, .base = message->slot_address};
    uint64_t stride = 1;
    for (uint32_t axis = slot.shape.rank; axis-- > 0;) {
        slot.stride[axis] = stride;
        stride *= slot.shape.extent[axis];
    }
    slot.value = message->captured;
    return slot;
}

void weft__pe_values_on_slot_written(void *context, weft__ipcq_message *message)
{
    weft_error err;
    weft__pe_values *it = context;
    if (has_failed(it))
        return;
    weft__pe_values_ask_for(it, message->slot_address);
    uint32_t writer = weft__pe_values_writer(it, message->from, message->call);
    const tl_tensor slot = slot_of(message, &message->tensor.shape, message->tensor.dtype);
    const weft__reading by = {message->from, message->kernel, message->call, "the message", &slot};
    if (!weft__pe_values_order_write(it, &by, message->order))
        return;
    if (weft__pe_values_install(it, message->slot_address, message->captured, writer, &err) != WEFT_OK)
        weft__pe_values_fail(it, message->from, message->kernel, message->call, &err);
    else if (it->log)
        weft__pe_log_message(it->log, message);
}

static void let_go(weft__pe_values *it, weft__ipcq_message *message)
{
    weft__values_release(it->values, message->captured);
    message->captured = 0;
}

void weft__pe_values_on_slot_freed(void *context, weft__ipcq_message *message)
{
    weft__pe_values *it = context;
    weft__held_values *held = &it->slots[weft__pe_index(message->to)];
    let_go(it, message);
    weft__pe_values_order_free(it, message);
    if (it->hazards.action == WEFT_HAZARDS_REPORT)
        return;
    for (size_t i = 0; i < held->count; i++) {
        if (held->at[i].address != message->slot_address)
            continue;
        weft__values_release(it->values, held->at[i].value);
        for (held->count--; i < held->count; i++)
            held->at[i] = held->at[i + 1];
    }
}

void weft__pe_values_on_credited(void *context, weft__ipcq_message *message)
{
    weft__pe_values_order_credit(context, message);
}

void weft__pe_values_on_lost(void *context, weft__ipcq_message *message)
{
    weft__pe_values *it = context;
    if (it->log)
        weft__pe_log_forget(it->log, message);
    let_go(it, message);
    weft__pe_values_order_end(it, message);
}

/* ---- receiving ---- */

static weft__reading slot_reading(const weft__ipcq_receive *receive, const tl_tensor *slot)
{
    return (weft__reading){
        .pe = receive->pe, .kernel = receive->kernel, .call = receive->call, .what = "the message", .tensor = slot};
}

void weft__pe_values_on_receive_begins(void *context, weft__ipcq_receive *receive)
{
    weft__pe_values *it = context;
    weft__memory_change change;
    const tl_tensor slot = slot_of(receive->message, &receive->shape, receive->dtype);
    const weft__reading reading = slot_reading(receive, &slot);
    receive->begun = weft__sim_now(weft__pes_sim(it->pes));
    if (has_failed(it) || !weft__pe_values_capture(it, &reading, &receive->captured, &receive->captured_at, &change))
        return;
    weft__pe_values_note(it, receive, 0, &change);
}

/* A tensor that stays in its slot is what stands there, whatever was sent: one value from now on, so that what was
 * wrong with the message is not wrong with the tensor once more. *out becomes that value, if it is another one. */
static weft_status take_as_it_is(weft__pe_values *it, weft__ipcq_receive *receive, weft__value_id *out, weft_error *err)
{
    bool is_there;
    weft__value_id value;
    weft__memory_change change;
    const weft__ipcq_message *message = receive->message;
    const tl_tensor slot = slot_of(message, &receive->shape, receive->dtype);
    weft_status status = weft__pe_values_is_there(it, &slot, receive->captured, slot.base, &is_there, &change, err);
    if (status != WEFT_OK || is_there)
        return status;
    status = weft__pe_values_view(it, &slot, 0, it->zeros, &value, err);
    if (status != WEFT_OK)
        return status;
    weft__values_release(it->values, receive->captured);
    receive->captured = *out = value;
    uint32_t writer = weft__pe_values_writer(it, message->from, message->call);
    return weft__pe_values_install(it, slot.address, value, writer, err);
}

static weft_status finish(weft__pe_values *it, weft__ipcq_receive *receive, weft_error *err)
{
    weft_status status = WEFT_OK;
    /* In its slot a tensor is a view of the message, as which it lives while a byte of that is there. */
    weft__value_id value = receive->is_in_place ? receive->message->captured : receive->captured;
    weft__held_values *held = &(receive->is_in_place ? it->slots : it->scratch)[weft__pe_index(receive->pe)];
    const weft__reading by = {receive->pe, receive->kernel, receive->call, "the result", &receive->result};
    if (!receive->is_in_place) {
        weft__hazards_accessed(&it->hazards, receive, 0);
        if (!weft__pe_values_order_write(it, &by, receive->order))
            return WEFT_OK;
        uint32_t writer = weft__pe_values_writer(it, receive->pe, receive->call);
        status = weft__pe_values_install(it, receive->result.address, receive->captured, writer, err);
    } else if (it->hazards.action == WEFT_HAZARDS_HARDWARE) {
        status = take_as_it_is(it, receive, &value, err);
    }
    if (status == WEFT_OK && receive->is_in_place)
        status = weft__pe_values_slot_taken(it, receive->message, err);
    if (status == WEFT_OK)
        status = weft__pe_values_hold(it, held, receive->result.address, value, err);
    if (status != WEFT_OK)
        return status;
    receive->result.value = value;
    receive->result.base = receive->result.address;
    if (it->log && receive->is_in_place) /* which moves nothing */
        weft__pe_log_forget(it->log, receive);
    else if (it->log)
        weft__pe_log_receive(it->log, receive);
    return WEFT_OK;
}

void weft__pe_values_on_receive_ends(void *context, weft__ipcq_receive *receive)
{
    weft_error err;
    weft__pe_values *it = context;
    const tl_tensor slot = slot_of(receive->message, &receive->shape, receive->dtype);
    const weft__reading reading = slot_reading(receive, &slot);
    if (has_failed(it))
        return;
    weft__pe_values_confirm(it, &reading, &receive->captured_at);
    weft__pe_values_order_got(it, receive);
    if (!has_failed(it) && finish(it, receive, &err) != WEFT_OK)
        weft__pe_values_fail(it, receive->pe, receive->kernel, receive->call, &err);
    uint64_t now = weft__sim_now(weft__pes_sim(it->pes));
    weft__unawaited_end(&it->unawaited, receive->pe, id_of(receive), &now);
    weft__values_release(it->values, receive->captured);
    receive->captured = 0;
}
