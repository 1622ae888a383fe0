/* What kernels know of each other by messages, credits and launches: so, which accesses are ordered, and which of their
 * own messages have been read, without having waited for them. Who gets an answer to a message knows that it was read,
 * however many others it came through.
 *
 * A credit is known to a kernel when its next message takes the slot, not when it comes. Until then it is kept, by the
 * queue and the slot. The first messages to the slots know what the receiver knew when its kernel began, for they have
 * waited for that. */
#include <stdlib.h>
#include <string.h>

#include "sim/values/values_impl.h"

static uint32_t slots_of(const weft__pe_values *it)
{
    return weft__pes_graph(it->pes)->spec->pe.ipcq.slots;
}

static uint32_t host_of(const weft__pe_values *it)
{
    return weft__pes_count(it->pes);
}

static weft__pe_knowledge *known_to(const weft__pe_values *it, const weft__pe *pe)
{
    return &it->known[weft__pe_index(pe)];
}

weft_status weft__pe_values_order_init(weft__pe_values *it, weft_error *err)
{
    uint32_t pes = weft__pes_count(it->pes), nodes = weft__pes_graph(it->pes)->node_count;
    it->known = calloc(pes, sizeof *it->known);
    it->accesses = calloc(nodes, sizeof *it->accesses);
    if (!it->known || !it->accesses)
        return weft__fail_memory(err, pes * sizeof *it->known + nodes * sizeof *it->accesses, "what kernels know");
    return weft__order_create(pes + 1, &it->order, err);
}

void weft__pe_values_order_destroy(weft__pe_values *it)
{
    for (uint32_t node = 0; it->accesses && node < weft__pes_graph(it->pes)->node_count; node++)
        weft__order_memory_destroy(&it->accesses[node]);
    for (uint32_t i = 0; it->known && i < weft__pes_count(it->pes); i++) {
        for (uint32_t direction = 0; direction < TL_DIRECTIONS; direction++)
            free(it->known[i].slots[direction]);
        free(it->known[i].composites);
    }
    free(it->known);
    free(it->accesses);
    weft__order_destroy(it->order);
}

static void fail(weft__pe_values *it)
{
    (void)weft__sim_fail(weft__pes_sim(it->pes), WEFT_OUT_OF_MEMORY,
                         "Out of memory: could not keep what kernels know of each other.");
}

void weft__pe_values_order_note(weft__pe_values *it)
{
    if (weft__order_has_failed(it->order))
        fail(it);
}

/* What the kernel has come to know. */
static void learnt(weft__pe_values *it, const weft__pe *pe)
{
    weft__unawaited_know_sends(&it->unawaited, pe, weft__order_messages_over(it->order, weft__pe_index(pe)));
    weft__pe_values_order_note(it);
}

static void move(weft__order_point **to, weft__order_point *from, weft__order *order)
{
    weft__order_release(order, *to);
    *to = from;
}

/* ---- launches ---- */

void weft__pe_values_on_launched(void *context, weft__pe_launch *launch)
{
    weft__pe_values *it = context;
    launch->given = weft__order_snapshot(it->order, host_of(it));
    weft__pe_values_order_note(it);
}

void weft__pe_values_on_begun(void *context, weft__pe_launch *launch, weft__pe *pe)
{
    weft__pe_values *it = context;
    uint32_t agent = weft__pe_index(pe);
    weft__order_join(it->order, agent, launch->given);
    move(&known_to(it, pe)->begun, weft__order_snapshot(it->order, agent), it->order);
    weft__pe_values_order_note(it);
}

void weft__pe_values_on_left(void *context, weft__pe_launch *launch, weft__pe *pe)
{
    weft__pe_values *it = context;
    weft__order_point *own = weft__order_snapshot(it->order, weft__pe_index(pe));
    if (launch->over) {
        weft__order_add(it->order, launch->over, own);
        weft__order_release(it->order, own);
    } else {
        launch->over = own;
    }
    weft__pe_values_order_note(it);
}

void weft__pe_values_on_known(void *context, weft__pe_launch *launch)
{
    weft__pe_values *it = context;
    weft__order_join(it->order, host_of(it), launch->over);
    weft__order_release(it->order, launch->given);
    weft__order_release(it->order, launch->over);
    *launch = (weft__pe_launch){0};
    weft__pe_values_order_note(it);
}

/* ---- composite commands ---- */

/* Room for one more; those before the first that has not been waited for are not needed. */
static bool make_room(weft__pe_knowledge *known)
{
    size_t over = 0;
    if (known->composite_count < known->composite_room)
        return true;
    while (over < known->composite_count && !known->composites[over])
        over++;
    known->composite_count -= over;
    known->first_composite += over;
    if (over) {
        memmove(known->composites, known->composites + over, known->composite_count * sizeof(weft__order_point *));
        return true;
    }
    size_t room = known->composite_room ? 2 * known->composite_room : 16;
    weft__order_point **grown = realloc(known->composites, room * sizeof(weft__order_point *));
    if (!grown)
        return false;
    known->composites = grown;
    known->composite_room = room;
    return true;
}

void weft__pe_values_order_command(weft__pe_values *it, weft__command *command)
{
    weft__pe_knowledge *known = known_to(it, command->pe);
    if (!make_room(known)) {
        fail(it);
        return;
    }
    if (known->composite_count == 0)
        known->first_composite = weft__pe_composites(command->pe) + 1;
    command->order = weft__order_fork(it->order, weft__pe_index(command->pe));
    known->composites[known->composite_count++] = weft__order_retain(command->order);
    weft__pe_values_order_note(it);
}

static void wait_for(weft__pe_values *it, weft__order_point **point)
{
    weft__order_wait(it->order, *point);
    move(point, NULL, it->order);
}

void weft__pe_values_order_awaited(weft__pe_values *it, const weft__pe *pe, uint64_t number)
{
    weft__pe_knowledge *known = known_to(it, pe);
    uint64_t index = number - known->first_composite;
    if (number && index < known->composite_count)
        wait_for(it, &known->composites[index]);
    for (size_t i = 0; number == 0 && i < known->composite_count; i++)
        wait_for(it, &known->composites[i]);
    weft__pe_values_order_note(it);
}

void weft__pe_values_order_done(weft__pe_values *it, weft__command *command)
{
    weft__order_release(it->order, command->order);
    command->order = NULL;
}

/* ---- messages and credits ---- */

static weft__slot_knowledge *slot_of(const weft__pe_values *it, const weft__pe *pe, uint8_t direction, uint64_t number)
{
    return &known_to(it, pe)->slots[direction][number % slots_of(it)];
}

/* The sender has room for what it knows of its slots. */
static bool prepare(weft__pe_values *it, const weft__ipcq_message *message)
{
    weft__pe_knowledge *known = known_to(it, message->from);
    weft__slot_knowledge **slots = &known->slots[message->from_direction];
    known->sends_to = message->owner;
    if (!*slots)
        *slots = calloc(slots_of(it), sizeof **slots);
    if (!*slots)
        fail(it);
    return *slots != NULL;
}

void weft__pe_values_order_send(weft__pe_values *it, weft__ipcq_message *message)
{
    uint32_t agent = weft__pe_index(message->from);
    if (!prepare(it, message))
        return;
    weft__slot_knowledge *slot = slot_of(it, message->from, message->from_direction, message->number);
    bool is_first = message->number < slots_of(it);
    weft__order_join(it->order, agent, is_first ? known_to(it, message->to)->begun : slot->credit);
    learnt(it, message->from);
    message->order = weft__order_send(it->order, agent);
    slot->number = message->number;
    slot->sent = weft__order_messages_sent(it->order, agent);
    weft__pe_values_order_note(it);
}

void weft__pe_values_order_sent(weft__pe_values *it, const weft__pe *pe, uint8_t direction, uint64_t number)
{
    const weft__slot_knowledge *slot = slot_of(it, pe, direction, number);
    if (slot->number == number) /* else the credit that the later message needed has told that this one was read */
        weft__order_wait_messages(it->order, weft__pe_index(pe), slot->sent);
}

/* A slot is freed by the kernel, or by a receive, which has left here what it knew. */
void weft__pe_values_order_free(weft__pe_values *it, weft__ipcq_message *message)
{
    if (!message->is_in_place)
        return;
    weft__pe_values_order_end(it, message);
    message->order = weft__order_snapshot(it->order, weft__pe_index(message->to));
    weft__pe_values_order_note(it);
}

/* Credits of queues that the PE sends to no more, as it runs another kernel, are of no use. */
void weft__pe_values_order_credit(weft__pe_values *it, weft__ipcq_message *message)
{
    if (known_to(it, message->from)->sends_to == message->owner) {
        weft__slot_knowledge *slot = slot_of(it, message->from, message->from_direction, message->number);
        move(&slot->credit, weft__order_retain(message->order), it->order);
    }
    weft__pe_values_order_end(it, message);
}

void weft__pe_values_order_end(weft__pe_values *it, weft__ipcq_message *message)
{
    weft__order_release(it->order, message->order);
    message->order = NULL;
}

/* ---- receives ---- */

void weft__pe_values_order_receive(weft__pe_values *it, weft__ipcq_receive *receive)
{
    receive->order = weft__order_fork(it->order, weft__pe_index(receive->pe));
    weft__pe_values_order_note(it);
}

void weft__pe_values_order_got(weft__pe_values *it, weft__ipcq_receive *receive)
{
    weft__ipcq_message *message = receive->message;
    weft__order_add(it->order, receive->order, message->order);
    weft__pe_values_order_end(it, message);
    message->order = weft__order_retain(receive->order);
    weft__pe_values_order_note(it);
}

void weft__pe_values_order_took(weft__pe_values *it, weft__ipcq_receive *receive)
{
    weft__order_wait(it->order, receive->order);
    weft__order_release(it->order, receive->order);
    receive->order = NULL;
    learnt(it, receive->pe);
}

void weft__pe_values_order_rest(weft__pe_values *it, const weft__pe *pe)
{
    weft__pe_values_order_awaited(it, pe, 0);
    known_to(it, pe)->composite_count = 0;
    weft__order_wait_all(it->order, weft__pe_index(pe));
}
