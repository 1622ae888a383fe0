/* The sending side of queues: a free slot, the channel, the way. */
#include <stdlib.h>

#include "sim/pe/ipcq_impl.h"
#include "sim/pe/perturb.h"

/* Behind all transfers that begin at the same time. */
#define SET_OUT_PRIORITY 1

static weft__ipcq_message *take_message(weft__ipcq *ipcq)
{
    weft__ipcq_message *message = ipcq->free_messages;
    if (message) {
        weft__ipcq_message *next_made = message->next_made;
        ipcq->free_messages = message->next;
        *message = (weft__ipcq_message){.next_made = next_made};
        return message;
    }
    message = calloc(1, sizeof *message);
    if (!message) {
        (void)weft__sim_fail(weft__pes_sim(ipcq->pes), WEFT_OUT_OF_MEMORY,
                             "Out of memory: could not allocate a message between PEs at %llu ps.",
                             (unsigned long long)weft__ipcq_now(ipcq));
        return NULL;
    }
    message->next_made = ipcq->made_messages;
    ipcq->made_messages = message;
    return message;
}

void weft__ipcq_give_back_message(weft__ipcq_message *message)
{
    weft__ipcq *ipcq = message->owner;
    message->next = ipcq->free_messages;
    ipcq->free_messages = message;
}

/* ---- the channel ---- */

static void serve_next(weft__ipcq *ipcq, weft__pe *pe);

static uint64_t flits_of(const weft__ipcq_message *message)
{
    uint64_t flit_bytes = message->owner->flit_bytes;
    return (message->bytes + flit_bytes - 1) / flit_bytes;
}

static void on_read(weft_sim *sim, uint64_t argument)
{
    weft__ipcq_message *message = (weft__ipcq_message *)(uintptr_t)argument;
    weft__ipcq *ipcq = message->owner;
    weft__pe *pe = message->from;
    weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    WEFT__IPCQ_TELL(ipcq, send_ends, message);
    weft__pe_engine_account(&pe->queue, weft__sim_now(sim));
    pe->queue.serving--;
    pe->queue.wanted--;
    pe->queue.times.tokens++;
    pe->queue.times.bytes += message->bytes;
    message->queue->read++;
    at->sends_read++;
    weft__ipcq_wake(at);
    serve_next(ipcq, pe);
}

static void on_arrived(void *context, weft__message *message)
{
    (void)message;
    weft__ipcq_landed(context);
}

static const weft__receiver receiver = {.arrived = on_arrived};

static void on_set_up(weft_sim *sim, uint64_t argument)
{
    weft__ipcq_message *message = (weft__ipcq_message *)(uintptr_t)argument;
    weft__ipcq *ipcq = message->owner;
    uint64_t flits = flits_of(message);
    weft__run ready = {weft__sim_now(sim) + ipcq->flit_ps, ipcq->flit_ps, flits};
    WEFT__IPCQ_TELL(ipcq, send_begins, message);
    weft__parcel parcel = {.from = weft__pe_dma_node(message->from),
                           .to = weft__pe_dma_node(message->to),
                           .size = WEFT__FLIT_PAYLOAD,
                           .ready = &ready,
                           .ready_count = 1,
                           .receiver = &receiver,
                           .context = message};
    if (weft__fabric_send(weft__pes_fabric(ipcq->pes), &parcel))
        (void)weft__sim_after(sim, flits * ipcq->flit_ps, on_read, argument);
}

static void serve_next(weft__ipcq *ipcq, weft__pe *pe)
{
    weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    weft__ipcq_message *message = at->waiting;
    if (pe->queue.serving || !message)
        return;
    weft__time now = weft__ipcq_now(ipcq);
    at->waiting = message->next_waiting;
    weft__pe_engine_account(&pe->queue, now);
    pe->queue.serving++;
    pe->queue.times.queued_ps += now - message->sent;
    uint64_t later_ps =
        weft__perturb_message_ps(ipcq->pes, pe, WEFT__PERTURBED_QUEUE + message->from_direction, message->number);
    (void)weft__sim_at(weft__pes_sim(ipcq->pes), now + ipcq->setup_ps + later_ps, SET_OUT_PRIORITY, on_set_up,
                       (uintptr_t)message);
}

/* ---- sends ---- */

/* Puts a message in the ring, which has room. */
static void enter_ring(weft__ipcq_queue *queue, weft__ipcq_message *message)
{
    weft__ipcq *ipcq = queue->owner;
    uint64_t offset = queue->sent % ipcq->slots * ipcq->slot_bytes;
    message->number = queue->sent++;
    message->slot = (weft__dma_place){.node = queue->ring.node, .offset_bytes = queue->ring.offset_bytes + offset};
    message->slot_address = queue->ring_address + offset;
    message->sent = weft__ipcq_now(ipcq);
    message->written = WEFT__NEVER;
    queue->free_slots--;
    *(queue->first ? &queue->last->next : &queue->first) = message;
    queue->last = message;
    queue->oldest = queue->oldest ? queue->oldest : message;
    queue->to_receive = queue->to_receive ? queue->to_receive : message;
    queue->to_write = queue->to_write ? queue->to_write : message;
}

bool weft__ipcq_send(weft__ipcq *ipcq, weft__pe *pe, tl_direction direction, const tl_tensor *tensor,
                     const char *kernel, const char *call, uint64_t *out_number)
{
    weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    weft__ipcq_queue *queue = &ipcq->queues[at->out[direction]];
    WEFT__PE_ASK(pe, .kind = WEFT__ASK_SEND, .direction = (uint8_t)direction, .tensor = tensor);
    weft__pe_engine_account(&pe->queue, weft__ipcq_now(ipcq));
    pe->queue.wanted++;
    while (queue->free_slots == 0)
        weft__ipcq_suspend(at, pe, WEFT__IPCQ_WAITS_SLOT, queue);
    weft__ipcq_message *message = take_message(ipcq);
    if (!message)
        return false;
    message->owner = ipcq;
    message->queue = queue;
    message->from = queue->from;
    message->to = queue->to;
    message->from_direction = queue->from_direction;
    message->to_direction = queue->to_direction;
    message->tensor = *tensor;
    message->bytes = weft_shape_elements(&tensor->shape) * weft_dtype_bytes(tensor->dtype);
    message->kernel = kernel;
    message->call = call;
    message->collective = at->collective;
    enter_ring(queue, message);
    ipcq->under_way++;
    at->sends++;
    pe->times.messages++;
    *out_number = message->number;
    WEFT__IPCQ_TELL(ipcq, send_issued, message);
    *(at->waiting ? &at->last_waiting->next_waiting : &at->waiting) = message;
    at->last_waiting = message;
    serve_next(ipcq, pe);
    return true;
}

uint64_t weft__ipcq_sent(const weft__ipcq *ipcq, const weft__pe *pe, tl_direction direction)
{
    return weft__ipcq_has_queue(ipcq, pe, direction) ? ipcq->queues[weft__ipcq_at(ipcq, pe)->out[direction]].sent : 0;
}

void weft__ipcq_send_wait(weft__ipcq *ipcq, weft__pe *pe, tl_direction direction, uint64_t number)
{
    weft__ipcq_pe *at = weft__ipcq_at(ipcq, pe);
    const weft__ipcq_queue *queue = &ipcq->queues[at->out[direction]];
    WEFT__PE_ASK(pe, .kind = WEFT__ASK_SENT, .direction = (uint8_t)direction, .number = number);
    while (queue->read <= number)
        weft__ipcq_suspend(at, pe, WEFT__IPCQ_WAITS_SOURCE, NULL);
    const weft__pe_recorder *recorder = ipcq->pes->recorder;
    if (recorder && recorder->send_awaited)
        recorder->send_awaited(recorder->context, pe, (uint8_t)direction, number);
}
