/* Queues between PEs (IPCQ): rings of slots, messages that travel the fabric, and credits that come back.
 *
 * A queue leads from a PE to a neighbour. Its ring of slots is at the receiver, in the memory that `pe.ipcq.memory`
 * names, and is there while the kernel of the receiver runs: a send waits for that kernel to begin, and a message that
 * comes when it has ended is lost.
 * - A send waits until a slot is free. Then the message waits for the virtual channel that the DMA engine of its PE has
 *   for queues, beside those for reads and writes; the engine sets it up (`pe.dma.setup_ns`) and reads its tensor from
 *   the TCM at `pe.tcm.read_gbs`, in whole flits, each of which leaves when it has been read. The tensor is captured
 *   when that begins; the send is done, and the channel free for the next, when it has been read.
 * - The message goes to the DMA of the receiver as a write does, without an answer. When its last flit is there, it is
 *   written to its slot; messages of one queue one after another, in the order of their numbers. That takes what a slot
 *   access takes (below). Then its value is installed there, and the receiver may take it. Which queue a message
 *   belongs to is told by the address that it is written to, never by who sent it: two PEs with two queues between them
 *   do not mix them up.
 * - A receive is served when the one before it of its queue has been: it waits for its message, reads the slot, which
 *   takes what an access takes, frees the slot and gives the credit, which takes the latency of a message of
 *   `system.command_bytes` by the formula of path_latency.h. The receiver waits for it, the sender has it at that time.
 *   Credits are charged for by that formula, they are not messages in the fabric.
 * - In place: the slot is read, which takes the same, and the credit given later, when the slot is freed.
 * - Slots become free in the order of the ring. One that is given up before an older one waits for that, and nobody
 *   waits for its credit; when the older one is given up, one credit tells of both, as it tells how far the ring is
 *   free.
 *
 * An access of b bytes takes overhead + b / bandwidth, and for SRAM and HBM the hop to the bank, b / hop bandwidth. It
 * is charged for by this formula, as in the root; it does not compete with other accesses.
 *
 * What happens at the same picosecond: a message sets out behind all transfers of its PE that begin then. Nothing else
 * depends on an order.
 *
 * Source: reference sections 6.2 to 6.5; reading the source through the TCM, that a send is done when that has been
 * read, that a ring lives as long as the receiver's kernel, and one credit for several slots are ours. */
#ifndef WEFT_SIM_PE_IPCQ_H
#define WEFT_SIM_PE_IPCQ_H

#include "sim/machine/address.h"
#include "sim/pe/pe.h"

/* The queues of a launch. */
typedef struct weft__ipcq weft__ipcq;

/* A queue: a direction of one PE, and the direction of another where its messages come out. PEs by their places among
 * those of the machine. */
typedef struct weft__ipcq_pair {
    uint32_t from, to;
    uint8_t from_direction, to_direction; /* tl_direction */
} weft__ipcq_pair;

/* `count` queues, no two from the same direction of a PE, nor to the same, and none from a PE to itself. Takes the
 * slots: those of a PE lie one behind another at the end of the memory, in the order of the directions, at multiples of
 * 64 bytes; in an SRAM those of the PEs of the cube one behind another, each where those of other launches that live
 * leave room for it.
 * WEFT_OUT_OF_MEMORY if they leave nothing else of it, WEFT_INVALID_ARGUMENT for queues that cannot be,
 * WEFT_UNSUPPORTED if there is no way between two PEs. */
weft_status weft__ipcq_create(weft__pes *pes, const weft__ipcq_pair *pairs, size_t count, weft__ipcq **out,
                              weft_error *err);
/* When the kernels have ended, or the simulation is over. What then is still in the fabric ends there. NULL is fine. */
void weft__ipcq_destroy(weft__ipcq *ipcq);

/* Bytes at the end of a region that are kept for slots, whether there are queues or not, so that tensors and slots
 * never meet: enough for every direction of the PEs that share it, but at most half of it; 0 unless `pe.ipcq.memory`
 * names it. Of the TCM nothing is kept, for what queues take there is what scratch memory has less. */
uint64_t weft__ipcq_kept_bytes(const weft__graph *graph, weft__region region);

/* A slot, of the queue that leads to a direction of a PE. */
typedef struct weft__ipcq_slot {
    const weft__pe *pe;
    tl_direction direction;
    uint32_t number; /* from 0 */
} weft__ipcq_slot;

/* The slot that a physical address lies in, of the kernels that run now; false if it is in none. */
bool weft__ipcq_slot_at(const weft__pes *pes, uint64_t address, weft__ipcq_slot *out);

/* Bytes at the end of a PE's TCM that its slots take; 0 where slots are elsewhere. */
uint64_t weft__ipcq_tcm_bytes(const weft__ipcq *ipcq, const weft__pe *pe);

/* What a kernel does while it is in a collective: all messages and receives of it belong to that, and a receive that
 * meets a message of something else ends the run. It takes no bytes and no time. */
typedef enum weft__collective_peers {
    WEFT__PEERS_GROUP, /* who takes part: the PEs of its group */
    WEFT__PEERS_CUBES, /* one PE of each cube */
    WEFT__PEERS
} weft__collective_peers;

typedef struct weft__collective {
    const char *name;      /* the call, the same pointer on all PEs; NULL: no collective */
    const char *reduction; /* likewise; NULL: nothing is reduced */
    uint32_t root;         /* a rank; UINT32_MAX: there is none */
    weft__collective_peers peers;
    uint64_t number; /* among those of its PE with the same peers, from 1 */
} weft__collective;

/* A message, from its send until its credit is back, or until it is lost. */
struct weft__ipcq_message {
    weft__ipcq *owner;
    weft__pe *from, *to;
    uint8_t from_direction, to_direction;
    tl_tensor tensor; /* that is sent */
    uint64_t bytes;
    uint64_t number;           /* of its queue, from 0; its slot is number % slots */
    weft__dma_place slot;      /* where it is written */
    uint64_t slot_address;     /* the same, physical */
    const char *kernel, *call; /* who sent it, for errors */
    weft__collective collective;
    uint64_t captured;    /* of the recorder: the value that the tensor was; 0: not read */
    uint64_t captured_at; /* and how often its memory had been written by then */
    void *order;          /* of the recorder: what was known to have happened at the sender */
    uint64_t traced;      /* of the trace: its number among all messages */
    weft__time sent;      /* when it took its slot */
    weft__time written;   /* when it was in its slot; WEFT__NEVER: it is not, or was lost on the way */
    /* private */
    struct weft__ipcq_queue *queue;
    weft__ipcq_receive *waits_for_credit; /* that tells of it; NULL: the kernel does, or nobody */
    bool is_there, is_in_place, is_given_up;
    weft__ipcq_message *next_waiting; /* for the channel */
    weft__ipcq_message *next;         /* of its queue, or free */
    weft__ipcq_message *next_made;
};

/* A receive, from its call until its tensor has been taken. */
struct weft__ipcq_receive {
    weft__pe *pe;
    uint8_t direction;
    bool is_in_place;
    weft_shape shape;
    weft_dtype dtype;
    tl_tensor result;            /* in scratch memory, or in the slot as soon as that is known */
    weft__ipcq_message *message; /* NULL until it is in its slot; good while the receive is served */
    const char *kernel, *call;
    weft__collective collective;
    uint64_t number;                /* among those of its kernel, from 1 */
    uint64_t captured, captured_at; /* of the recorder, as of a message: what stood in the slot */
    weft__time begun;               /* the same: when it began to be read */
    void *order;                    /* the same: what it brings to be known */
    /* private */
    struct weft__ipcq_queue *queue;
    bool is_done;
    weft__ipcq_receive *next;                  /* of its queue, or free */
    weft__ipcq_receive *next_open, *last_open; /* of its PE, not taken */
    weft__ipcq_receive *next_made;
};

bool weft__ipcq_has_queue(const weft__ipcq *ipcq, const weft__pe *pe, tl_direction direction);
/* Messages come from there. */
bool weft__ipcq_has_source(const weft__ipcq *ipcq, const weft__pe *pe, tl_direction direction);
/* The PE at the other end of a direction that has a queue, or a source. */
weft__pe *weft__ipcq_peer(const weft__ipcq *ipcq, const weft__pe *pe, tl_direction direction);

/* ---- for the kernel of a PE; all of this inside ---- */

/* It begins, as this process: what waits to send to it goes on. */
void weft__ipcq_begin(weft__ipcq *ipcq, weft__pe *pe, weft__process *self);
/* Waits until its sends have been read and its receives are done. */
void weft__ipcq_finish(weft__ipcq *ipcq, weft__pe *pe);
/* It has ended: what lies in its slots is lost, and so is what comes. */
void weft__ipcq_end(weft__ipcq *ipcq, weft__pe *pe);

/* What its waits count as from now on: WEFT__PE_WAIT_QUEUE, as at first, or WEFT__PE_WAIT_BARRIER. */
void weft__ipcq_set_activity(weft__ipcq *ipcq, weft__pe *pe, weft__pe_activity activity);

/* What its sends and receives belong to from now on; NULL, as at first: no collective. */
void weft__ipcq_set_collective(weft__ipcq *ipcq, const weft__pe *pe, const weft__collective *collective);

/* Sends a tensor in the TCM, of no more bytes than a slot, to a direction that has a queue: waits for a slot. The
 * number of the message goes to *out_number. False when out of memory, which is noted. */
bool weft__ipcq_send(weft__ipcq *ipcq, weft__pe *pe, tl_direction direction, const tl_tensor *tensor,
                     const char *kernel, const char *call, uint64_t *out_number);
/* How many messages there were to a direction, and: waits until one of these has been read. */
uint64_t weft__ipcq_sent(const weft__ipcq *ipcq, const weft__pe *pe, tl_direction direction);
void weft__ipcq_send_wait(weft__ipcq *ipcq, weft__pe *pe, tl_direction direction, uint64_t number);

/* Begins to receive from a direction that has a source: what pe, direction, shape, dtype, is_in_place, result, kernel
 * and call are, the caller says. NULL when out of memory, which is noted. A message of another collective ends the run,
 * and so does one that does not fit. */
weft__ipcq_receive *weft__ipcq_receive_begin(weft__ipcq *ipcq, const weft__ipcq_receive *request);
/* How many there were; the one with a number, NULL if it was taken, or never was. */
uint64_t weft__ipcq_receives(const weft__ipcq *ipcq, const weft__pe *pe);
weft__ipcq_receive *weft__ipcq_receive_find(const weft__ipcq *ipcq, const weft__pe *pe, uint64_t number);
/* Waits until it is done; the other also takes its tensor, and ends it. */
void weft__ipcq_receive_wait(weft__ipcq_receive *receive);
tl_tensor weft__ipcq_receive_take(weft__ipcq_receive *receive);

/* The message that lies at this address of the PE's TCM, has been received in place, and not been given up; NULL if
 * there is none. */
weft__ipcq_message *weft__ipcq_find_in_place(weft__ipcq *ipcq, weft__pe *pe, uint64_t address);
/* The first one of these, by direction and number, wherever it lies; NULL if there is none. */
const weft__ipcq_message *weft__ipcq_find_held(const weft__ipcq *ipcq, const weft__pe *pe);
/* Gives its slot up; waits for the credit if that frees it. */
void weft__ipcq_free(weft__ipcq_message *message);

/* ---- what became of it ---- */

typedef enum weft__ipcq_wait_kind {
    WEFT__IPCQ_RUNS,
    WEFT__IPCQ_WAITS_SLOT,    /* for a free slot of the peer */
    WEFT__IPCQ_WAITS_SOURCE,  /* for its own tensor to have been read */
    WEFT__IPCQ_WAITS_MESSAGE, /* for a message from the peer */
    WEFT__IPCQ_WAITS_CREDIT   /* for a credit on its way to the peer */
} weft__ipcq_wait_kind;

/* What the kernel of a PE waits for. */
typedef struct weft__ipcq_wait {
    weft__ipcq_wait_kind kind;
    tl_direction direction;
    weft__pe *peer; /* NULL where there is none in it */
} weft__ipcq_wait;

weft__ipcq_wait weft__ipcq_waits_for(const weft__ipcq *ipcq, const weft__pe *pe);

/* The messages that nobody has received, one after another: by queue, in the order of the pairs, and number. NULL is
 * before the first and after the last. */
const weft__ipcq_message *weft__ipcq_unreceived(const weft__ipcq *ipcq, const weft__ipcq_message *after);

#endif
