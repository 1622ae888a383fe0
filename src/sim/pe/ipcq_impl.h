/* Inside of the queues between PEs. */
#ifndef WEFT_SIM_PE_IPCQ_IMPL_H
#define WEFT_SIM_PE_IPCQ_IMPL_H

#include "sim/pe/ipcq.h"
#include "sim/pe/pe_impl.h"

#define WEFT__QUEUE_NONE UINT32_MAX

/* Messages of a queue are in one list, by ascending number: credited ones have left it, then come those that have been
 * freed, those that receives have taken, those that are in their slots, and those that are not. */
typedef struct weft__ipcq_queue {
    weft__ipcq *owner;
    weft__pe *from, *to;
    uint8_t from_direction, to_direction;
    weft__dma_place ring; /* its first slot */
    uint64_t ring_address;
    uint64_t credit_ps;
    /* at the sender */
    uint32_t free_slots; /* that it knows of */
    uint64_t sent, read;
    /* at the receiver */
    bool is_writing; /* to_write, to its slot */
    bool is_serving; /* the first receive, which has its message */
    uint64_t credited;
    weft__time last_credit; /* is with the sender, or will be */
    weft__ipcq_message *first, *last;
    weft__ipcq_message *oldest;     /* that is not free */
    weft__ipcq_message *to_receive; /* the first that no receive has taken */
    weft__ipcq_message *to_write;   /* the first that is not in its slot */
    weft__ipcq_receive *receives, *last_receive;
} weft__ipcq_queue;

/* What the queues know of a PE. */
typedef struct weft__ipcq_pe {
    uint32_t out[TL_DIRECTIONS], in[TL_DIRECTIONS]; /* its queues, by direction */
    uint32_t in_count;
    bool has_ended;
    uint64_t slots_begin; /* in the memory that they are in */
    weft__process *process;
    weft__pe_activity activity;
    weft__collective collective;
    weft__ipcq_wait_kind waits; /* what for, and on which queue */
    weft__ipcq_queue *waits_on;
    uint64_t sends, sends_read, receives;
    weft__ipcq_receive *open;                   /* receives that were not taken */
    weft__ipcq_receive **numbered;              /* the same, by number modulo the room; NULL: none, or another's */
    uint64_t room;                              /* a power of two, or 0 */
    weft__ipcq_message *waiting, *last_waiting; /* for the channel */
} weft__ipcq_pe;

struct weft__ipcq {
    weft__pes *pes;
    weft__ipcq_queue *queues;
    size_t count;
    weft__ipcq_pe *at; /* by the place of a PE in the machine */
    uint32_t slots, slot_bytes;
    weft__slot_memory memory;
    uint64_t access_ps, mbs, hop_mbs; /* hop_mbs 0: no hop */
    uint64_t setup_ps, flit_ps;
    uint32_t flit_bytes;
    uint64_t under_way; /* messages that are not in their slots, nor lost */
    bool is_retired;    /* destroyed as soon as none is */
    weft__ipcq_message *free_messages, *made_messages;
    weft__ipcq_receive *free_receives, *made_receives;
    weft__ipcq *next; /* of the PEs */
};

static inline weft__ipcq_pe *weft__ipcq_at(const weft__ipcq *ipcq, const weft__pe *pe)
{
    return &ipcq->at[weft__pe_index(pe)];
}

static inline weft__time weft__ipcq_now(const weft__ipcq *ipcq)
{
    return weft__sim_now(weft__pes_sim(ipcq->pes));
}

/* Tells the recorder of a message or receive, and the trace. */
#define WEFT__IPCQ_TELL(ipcq, what, subject)                                                                           \
    do {                                                                                                               \
        const weft__pe_recorder *recorder_ = (ipcq)->pes->recorder, *watcher_ = (ipcq)->pes->watcher;                  \
        if (recorder_ && recorder_->what)                                                                              \
            recorder_->what(recorder_->context, (subject));                                                            \
        if (watcher_ && watcher_->what)                                                                                \
            watcher_->what(watcher_->context, (subject));                                                              \
    } while (0)

/* An access to a slot. */
uint64_t weft__ipcq_access_ps(const weft__ipcq *ipcq, uint64_t bytes);

/* Inside: one time of being suspended, while the PE waits for something. And its end, if it does wait. */
void weft__ipcq_suspend(weft__ipcq_pe *at, weft__pe *pe, weft__ipcq_wait_kind kind, weft__ipcq_queue *queue);
void weft__ipcq_wake(const weft__ipcq_pe *at);

/* The last flit of a message is at its receiver. */
void weft__ipcq_landed(weft__ipcq_message *message);

/* One message fewer is under way. Frees retired queues after their last. */
void weft__ipcq_came_to_rest(weft__ipcq *ipcq);

void weft__ipcq_give_back_message(weft__ipcq_message *message);

#endif
