/* The receiving side of queues: messages come into their slots, receives take them, slots become free. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/pe/ipcq_impl.h"
#include "sim/pe/perturb.h"

static void serve_receive(weft__ipcq_queue *queue);
static void on_slot_read(weft_sim *sim, uint64_t argument);
static weft__ipcq_message *give_up(weft__ipcq_message *message, weft__ipcq_receive *receive);

/* ---- into the slot ---- */

static void write_next(weft__ipcq_queue *queue);

static void on_written(weft_sim *sim, uint64_t argument)
{
    weft__ipcq_message *message = (weft__ipcq_message *)(uintptr_t)argument;
    weft__ipcq_queue *queue = message->queue;
    weft__ipcq *ipcq = queue->owner;
    queue->is_writing = false;
    queue->to_write = message->next;
    if (weft__ipcq_at(ipcq, queue->to)->has_ended) {
        WEFT__IPCQ_TELL(ipcq, lost, message);
    } else {
        message->written = weft__sim_now(sim);
        WEFT__IPCQ_TELL(ipcq, slot_written, message);
        serve_receive(queue);
    }
    write_next(queue);
    weft__ipcq_came_to_rest(ipcq);
}

static void write_next(weft__ipcq_queue *queue)
{
    weft__ipcq_message *message = queue->to_write;
    if (queue->is_writing || !message || !message->is_there)
        return;
    queue->is_writing = true;
    (void)weft__sim_after(weft__pes_sim(queue->owner->pes), weft__ipcq_access_ps(queue->owner, message->bytes),
                          on_written, (uintptr_t)message);
}

void weft__ipcq_landed(weft__ipcq_message *message)
{
    message->is_there = true;
    write_next(message->queue);
}

/* ---- receives ---- */

/* A message that is not what was asked for. */
static void refuse(const weft__ipcq_receive *receive, const weft__ipcq_message *message)
{
    weft_sim *sim = weft__pes_sim(message->owner->pes);
    char sent[WEFT_SHAPE_TEXT_BYTES], asked[WEFT_SHAPE_TEXT_BYTES];
    (void)weft__sim_fail(sim, WEFT_SHAPE_MISMATCH,
                         "Kernel '%s' on %s at %.3f ns, %s: The message from %s, %s, is %s of shape %s, but %s of "
                         "shape %s was asked for.",
                         receive->kernel, weft__pe_name(receive->pe), (double)weft__sim_now(sim) / 1000, receive->call,
                         tl_direction_name((tl_direction)receive->direction), weft__pe_name(message->from),
                         weft_dtype_name(message->tensor.dtype), weft_shape_text(&message->tensor.shape, sent),
                         weft_dtype_name(receive->dtype), weft_shape_text(&receive->shape, asked));
}

/* Who waits, or has sent. */
typedef struct party {
    const weft__collective *collective;
    const char *call;
    const weft__pe *pe;
} party;

#define PARTY_TEXT_BYTES 160

/* "tl_all_reduce_ring of max, collective 2 of sip0.cube0.pe4 in its group". */
static const char *party_text(const party *it, char text[PARTY_TEXT_BYTES])
{
    static const char *const peers[WEFT__PEERS] = {
        [WEFT__PEERS_GROUP] = "in its group", [WEFT__PEERS_CUBES] = "between cubes"};
    const weft__collective *collective = it->collective;
    char root[32] = "";
    if (!collective->name) {
        (void)snprintf(text, PARTY_TEXT_BYTES, "%s of %s, outside of collectives", it->call, weft__pe_name(it->pe));
        return text;
    }
    if (collective->root != UINT32_MAX)
        (void)snprintf(root, sizeof root, " from rank %" PRIu32, collective->root);
    (void)snprintf(text, PARTY_TEXT_BYTES, "%s%s%s%s, collective %" PRIu64 " of %s %s", collective->name,
                   collective->reduction ? " of " : "", collective->reduction ? collective->reduction : "", root,
                   collective->number, weft__pe_name(it->pe), peers[collective->peers]);
    return text;
}

/* A message of another collective, or of one where none is waited for, or the other way round. */
static void refuse_collective(const weft__ipcq_receive *receive, const weft__ipcq_message *message)
{
    weft_sim *sim = weft__pes_sim(message->owner->pes);
    const party here = {&receive->collective, receive->call, receive->pe};
    const party there = {&message->collective, message->call, message->from};
    char text[PARTY_TEXT_BYTES], other[PARTY_TEXT_BYTES];
    (void)weft__sim_fail(
        sim, WEFT_INVALID_STATE, "Kernel '%s' on %s at %.3f ns, %s: This is %s, but the message from %s is of %s.",
        receive->kernel, weft__pe_name(receive->pe), (double)weft__sim_now(sim) / 1000, receive->call,
        party_text(&here, text), tl_direction_name((tl_direction)receive->direction), party_text(&there, other));
}

static bool is_same_collective(const weft__collective *a, const weft__collective *b)
{
    return a->name == b->name && a->reduction == b->reduction && a->root == b->root && a->peers == b->peers &&
           a->number == b->number;
}

/* The first receive of a queue, if its message is there. */
static void serve_receive(weft__ipcq_queue *queue)
{
    weft__ipcq *ipcq = queue->owner;
    weft__ipcq_receive *receive = queue->receives;
    weft__ipcq_message *message = queue->to_receive;
    if (queue->is_serving || !receive || !message || message->written == WEFT__NEVER)
        return;
    if (!is_same_collective(&receive->collective, &message->collective)) {
        refuse_collective(receive, message);
        return;
    }
    uint64_t bytes = weft_shape_elements(&receive->shape) * weft_dtype_bytes(receive->dtype);
    if (bytes != message->bytes || receive->dtype != message->tensor.dtype) {
        refuse(receive, message);
        return;
    }
    queue->is_serving = true;
    queue->to_receive = message->next;
    receive->message = message;
    if (receive->is_in_place)
        receive->result.address = receive->result.base = message->slot_address;
    WEFT__IPCQ_TELL(ipcq, receive_begins, receive);
    (void)weft__sim_after(weft__pes_sim(ipcq->pes), weft__ipcq_access_ps(ipcq, bytes), on_slot_read,
                          (uintptr_t)receive);
}

static void finish(weft__ipcq_receive *receive)
{
    weft__ipcq_queue *queue = receive->queue;
    receive->is_done = true;
    queue->is_serving = false;
    queue->receives = receive->next;
    weft__ipcq_wake(weft__ipcq_at(queue->owner, receive->pe));
    serve_receive(queue);
}

static void on_slot_read(weft_sim *sim, uint64_t argument)
{
    (void)sim;
    weft__ipcq_receive *receive = (weft__ipcq_receive *)(uintptr_t)argument;
    weft__ipcq_message *message = receive->message;
    WEFT__IPCQ_TELL(message->owner, receive_ends, receive);
    message->is_in_place = receive->is_in_place;
    if (receive->is_in_place || !give_up(message, receive))
        finish(receive);
}

static weft__ipcq_receive *take_receive(weft__ipcq *ipcq)
{
    weft__ipcq_receive *receive = ipcq->free_receives;
    if (receive) {
        ipcq->free_receives = receive->next;
        return receive;
    }
    receive = calloc(1, sizeof *receive);
    if (!receive) {
        (void)weft__sim_fail(weft__pes_sim(ipcq->pes), WEFT_OUT_OF_MEMORY,
                             "Out of memory: could not allocate a receive of a PE at %llu ps.",
                             (unsigned long long)weft__ipcq_now(ipcq));
        return NULL;
    }
    receive->next_made = ipcq->made_receives;
    ipcq->made_receives = receive;
    return receive;
}

/* Twice the room, until a number has a place of its own among those that are open. */
static bool grow_numbered(weft__ipcq *ipcq, weft__ipcq_pe *at, uint64_t number)
{
    while (at->room == 0 || at->numbered[number & (at->room - 1)]) {
        uint64_t room = at->room ? 2 * at->room : 8;
        weft__ipcq_receive **grown = calloc(room, sizeof(weft__ipcq_receive *));
        if (!grown) {
            (void)weft__sim_fail(weft__pes_sim(ipcq->pes), WEFT_OUT_OF_MEMORY,
                                 "Out of memory: could not number the receives of a PE at %llu ps.",
                                 (unsigned long long)weft__ipcq_now(ipcq));
            return false;
        }
        for (weft__ipcq_receive *it = at->open; it; it = it->next_open)
            grown[it->number & (room - 1)] = it;
        free(at->numbered);
        at->numbered = grown;
        at->room = room;
    }
    return true;
}

weft__ipcq_receive *weft__ipcq_receive_begin(weft__ipcq *ipcq, const weft__ipcq_receive *request)
{
    weft__ipcq_pe *at = weft__ipcq_at(ipcq, request->pe);
    weft__ipcq_receive *receive = grow_numbered(ipcq, at, at->receives + 1) ? take_receive(ipcq) : NULL;
    if (!receive)
        return NULL;
    weft__ipcq_queue *queue = &ipcq->queues[at->in[request->direction]];
    weft__ipcq_receive *next_made = receive->next_made;
    *receive = *request;
    receive->next_made = next_made;
    receive->message = NULL;
    receive->collective = at->collective;
    receive->number = ++at->receives;
    receive->queue = queue;
    receive->is_done = false;
    receive->next = NULL;
    receive->next_open = at->open;
    receive->last_open = NULL;
    if (at->open)
        at->open->last_open = receive;
    at->open = receive;
    at->numbered[receive->number & (at->room - 1)] = receive;
    *(queue->receives ? &queue->last_receive->next : &queue->receives) = receive;
    queue->last_receive = receive;
    WEFT__PE_ASK(receive->pe, .kind = WEFT__ASK_RECEIVE, .direction = receive->direction,
                 .is_in_place = receive->is_in_place, .tensor = &receive->result);
    WEFT__IPCQ_TELL(ipcq, receive_issued, receive);
    serve_receive(queue);
    return receive;
}

uint64_t weft__ipcq_receives(const weft__ipcq *ipcq, const weft__pe *pe)
{
    return weft__ipcq_at(ipcq, pe)->receives;
}

weft__ipcq_receive *weft__ipcq_receive_find(const weft__ipcq *ipcq, const weft__pe *pe, uint64_t number)
{
    const weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    weft__ipcq_receive *it = at->room ? at->numbered[number & (at->room - 1)] : NULL;
    return it && it->number == number ? it : NULL;
}

void weft__ipcq_receive_wait(weft__ipcq_receive *receive)
{
    weft__ipcq *ipcq = receive->queue->owner;
    weft__ipcq_pe *at = weft__ipcq_at(ipcq, receive->pe);
    WEFT__PE_ASK(receive->pe, .kind = WEFT__ASK_RECEIVED, .number = receive->number);
    while (!receive->is_done)
        weft__ipcq_suspend(at, receive->pe, WEFT__IPCQ_WAITS_MESSAGE, receive->queue);
    WEFT__IPCQ_TELL(ipcq, receive_awaited, receive);
}

tl_tensor weft__ipcq_receive_take(weft__ipcq_receive *receive)
{
    weft__ipcq *ipcq = receive->queue->owner;
    weft__ipcq_receive_wait(receive);
    WEFT__PE_ASK(receive->pe, .kind = WEFT__ASK_TAKE, .number = receive->number);
    weft__ipcq_receive *last = receive->last_open, *next = receive->next_open;
    weft__ipcq_pe *at = weft__ipcq_at(ipcq, receive->pe);
    at->numbered[receive->number & (at->room - 1)] = NULL;
    *(last ? &last->next_open : &at->open) = next;
    if (next)
        next->last_open = last;
    receive->next = ipcq->free_receives;
    ipcq->free_receives = receive;
    return receive->result;
}

/* ---- slots become free ---- */

/* The credit that tells of all slots up to a message is with the sender. */
static void on_credit(weft_sim *sim, uint64_t argument)
{
    (void)sim;
    weft__ipcq_message *last = (weft__ipcq_message *)(uintptr_t)argument;
    weft__ipcq_queue *queue = last->queue;
    weft__ipcq *ipcq = queue->owner;
    weft__ipcq_receive *receive = last->waits_for_credit;
    for (bool is_last = false; !is_last;) {
        weft__ipcq_message *message = queue->first;
        is_last = message == last;
        queue->first = message->next;
        queue->free_slots++;
        queue->credited++;
        WEFT__IPCQ_TELL(ipcq, credited, message);
        weft__ipcq_give_back_message(message);
    }
    weft__ipcq_wake(weft__ipcq_at(ipcq, queue->from));
    if (receive)
        finish(receive);
    else
        weft__ipcq_wake(weft__ipcq_at(ipcq, queue->to));
}

/* Credits of a queue never overtake. */
static void give_credit(weft__ipcq_message *last)
{
    weft__ipcq_queue *queue = last->queue;
    weft__ipcq *ipcq = queue->owner;
    uint64_t later_ps =
        weft__perturb_message_ps(ipcq->pes, queue->to, WEFT__PERTURBED_CREDIT + queue->to_direction, last->number);
    weft__time time = weft__ipcq_now(ipcq) + queue->credit_ps + later_ps;
    queue->last_credit = time > queue->last_credit ? time : queue->last_credit;
    (void)weft__sim_at(weft__pes_sim(ipcq->pes), queue->last_credit, 0, on_credit, (uintptr_t)last);
}

/* The message gives its slot up; that frees it, and those behind it that have been given up, if it is the oldest. Gives
 * the last of these, on whose credit `receive` waits, or the kernel; NULL: there is none to wait for. */
static weft__ipcq_message *give_up(weft__ipcq_message *message, weft__ipcq_receive *receive)
{
    weft__ipcq_queue *queue = message->queue;
    weft__ipcq *ipcq = queue->owner;
    weft__ipcq_message *last = NULL;
    message->is_given_up = true;
    while (queue->oldest && queue->oldest->is_given_up) {
        last = queue->oldest;
        WEFT__IPCQ_TELL(ipcq, slot_freed, last);
        queue->oldest = last->next;
    }
    if (last) {
        last->waits_for_credit = receive;
        give_credit(last);
    }
    return last;
}

weft__ipcq_message *weft__ipcq_find_in_place(weft__ipcq *ipcq, weft__pe *pe, uint64_t address)
{
    const weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    for (uint32_t direction = 0; direction < TL_DIRECTIONS; direction++)
        for (weft__ipcq_message *it = weft__ipcq_has_source(ipcq, pe, (tl_direction)direction)
                                          ? ipcq->queues[at->in[direction]].oldest
                                          : NULL;
             it; it = it->next)
            if (it->is_in_place && !it->is_given_up && address - it->slot_address < it->bytes)
                return it;
    return NULL;
}

const weft__ipcq_message *weft__ipcq_find_held(const weft__ipcq *ipcq, const weft__pe *pe)
{
    const weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    for (uint32_t direction = 0; direction < TL_DIRECTIONS; direction++)
        if (at->in[direction] != WEFT__QUEUE_NONE)
            for (const weft__ipcq_message *it = ipcq->queues[at->in[direction]].oldest; it; it = it->next)
                if (it->is_in_place && !it->is_given_up)
                    return it;
    return NULL;
}

void weft__ipcq_free(weft__ipcq_message *message)
{
    weft__ipcq_queue *queue = message->queue;
    weft__ipcq_pe *at = weft__ipcq_at(queue->owner, queue->to);
    WEFT__PE_ASK(queue->to, .kind = WEFT__ASK_FREE, .number = message->slot_address);
    WEFT__IPCQ_TELL(queue->owner, slot_given_up, message);
    const weft__ipcq_message *last = give_up(message, NULL);
    uint64_t end = last ? last->number + 1 : 0;
    while (queue->credited < end)
        weft__ipcq_suspend(at, queue->to, WEFT__IPCQ_WAITS_CREDIT, queue);
}
