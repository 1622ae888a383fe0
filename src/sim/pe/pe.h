/* A PE at work: engines that serve tokens, one token at a time and in order, and a scheduler that feeds them.
 *
 * A token is a tile of a command. It knows its stages (plan.h) and finds its own way: when an engine has served it, it
 * goes on to the engine of its next stage and waits there behind those that came before; going there takes no time.
 * Stages of different tokens overlap, and that is all the pipelining there is. Two stages on one engine that follow
 * each other are served without letting go of the engine. A DMA engine with several channels serves as many tokens at
 * once, and a channel for reads up to `pe.dma.outstanding` of one command. They are let go in the order in which they
 * came, so that tiles never overtake.
 *
 * The scheduler feeds the tiles of composite commands in the order of the commands, `pe.scheduler.tiles` of them at
 * once. A direct command is fed at once, for the kernel waits for it and can give no second one; so the one place that
 * direct commands of GEMM and math share is never fought for. Each of the two sorts has registers for its sums.
 *
 * Time. DMA stages are transfers of the fabric, and hold their channel for the whole round trip; the look-up of pages
 * comes first and holds it too. Other stages take what plan.h says. Each moment of an engine is busy (it serves),
 * stalled (it does not, while a command that needs it is under way) or idle; each moment of a kernel is dispatch or a
 * wait for something. Both are whole: their sums are the time of the kernel to the picosecond. An engine with several
 * channels is busy while any of them is. In a perturbed run (perturb.h) transfers begin later and stages take longer.
 * What goes on can be seen in a trace (pe_trace.h).
 *
 * Errors are noted in the simulation. All PEs of a machine belong to one object. */
#ifndef WEFT_SIM_PE_PE_H
#define WEFT_SIM_PE_PE_H

#include "sim/fabric/transfer.h"
#include "sim/pe/command.h"

typedef struct weft__pes weft__pes;
typedef struct weft__ipcq_message weft__ipcq_message;
typedef struct weft__ipcq_receive weft__ipcq_receive;

/* What the processor of a PE does while a kernel runs. */
typedef enum weft__pe_activity {
    WEFT__PE_DISPATCH,
    WEFT__PE_WAIT_READ,      /* for a load */
    WEFT__PE_WAIT_WRITE,     /* for a store */
    WEFT__PE_WAIT_GEMM,      /* for a product */
    WEFT__PE_WAIT_MATH,      /* for an operation on elements */
    WEFT__PE_WAIT_COMPOSITE, /* for a composite command */
    WEFT__PE_WAIT_QUEUE,     /* for a message, a slot or a credit, or the source of a message to have been read */
    WEFT__PE_WAIT_BARRIER    /* the same inside of a barrier */
} weft__pe_activity;
#define WEFT__PE_ACTIVITIES 8u

/* "dispatch", "wait for a load" ... */
const char *weft__pe_activity_name(weft__pe_activity activity);
/* "dma_read", "gemm" ... */
const char *weft__pe_engine_name(weft__stage_kind engine);

typedef struct weft__engine_times {
    uint64_t busy_ps, stall_ps, idle_ps;
    uint64_t queued_ps; /* that tokens have waited for the engine, all together */
    uint64_t tokens;    /* stages served */
    uint64_t bytes;     /* moved by them */
} weft__engine_times;

typedef struct weft__pe_times {
    uint64_t processor_ps[WEFT__PE_ACTIVITIES];
    weft__engine_times engines[WEFT__STAGE_KINDS];
    weft__engine_times queue; /* the virtual channel of the queues, wanted from a send on: it stalls without a slot */
    uint64_t commands, tiles, messages;
    uint64_t macs;                 /* useful ones: m * k * n of all products */
    uint64_t macs_ps;              /* that they would take at the peak of their dtypes */
    uint64_t memory_bytes;         /* that the DMA moved from and to HBM and SRAM */
    uint64_t composite_compute_ps; /* of the wait for composite commands, while GEMM or math served something */
} weft__pe_times;

/* A launch, for who keeps values: zeroed, and then theirs. */
typedef struct weft__pe_launch {
    void *given, *over; /* what was known when the host gave it; what those know who have ended */
} weft__pe_launch;

/* Who keeps values: told when an engine reads an operand, and when a result is in its place. Any of the functions may
 * be NULL. `tile` is the tile of the plan that does it.
 * - A remote operand is read when the DMA's command is at the memory, one in the TCM when the fetch of a tile begins;
 * the tensor of a store when the DMA has its channel.
 * - A load has landed when its last flit is in the TCM; another result when its store has ended, or when the last chunk
 *   of its DMA write is in memory.
 * Operands are numbered as in the command. An operand without a place, such as a number, is never told of. */
typedef struct weft__pe_recorder {
    void (*reads)(void *context, weft__command *command, uint32_t operand, uint64_t tile);
    void (*landed)(void *context, weft__command *command, uint64_t tile);
    void (*done)(void *context, weft__command *command); /* after the last landing */
    /* The kernel gives a command, none of whose tiles has set out; it has waited for the composite command of this
     * number, or for all of them (0). */
    void (*issued)(void *context, weft__command *command);
    void (*awaited)(void *context, weft__pe *pe, uint64_t number);
    /* Loads have written all of a tensor in the TCM, part by part; its value may be set. False if the run ends. */
    bool (*joined)(void *context, weft__pe *pe, tl_tensor *tensor, const char *kernel, const char *call);
    /* The kernel has given back the scratch memory from this address of the TCM on. */
    void (*dropped)(void *context, weft__pe *pe, uint64_t address);
    /* The kernel has ended, and all that it gave. */
    void (*ended)(void *context, weft__pe *pe);
    /* Of launches: the host gives one; its kernel begins on a PE; has ended there, after `ended`; the host knows that
     * it has ended on all. */
    void (*launched)(void *context, weft__pe_launch *launch);
    void (*begun)(void *context, weft__pe_launch *launch, weft__pe *pe);
    void (*left)(void *context, weft__pe_launch *launch, weft__pe *pe);
    void (*known)(void *context, weft__pe_launch *launch);
    /* The processor reads a tensor in the TCM: `out` gets its elements, row by row. False if the run ends. */
    bool (*peek)(void *context, weft__pe *pe, const tl_tensor *tensor, const char *kernel, const char *call, void *out);
    /* Of queues (ipcq.h). The kernel gives a message, which has its slot; it has waited until the tensor of the message
     * with this number of a direction was read. It gives a receive; it has waited for that. */
    void (*send_issued)(void *context, weft__ipcq_message *message);
    void (*send_awaited)(void *context, weft__pe *pe, uint8_t direction, uint64_t number);
    void (*receive_issued)(void *context, weft__ipcq_receive *receive);
    void (*receive_awaited)(void *context, weft__ipcq_receive *receive);
    /* A message: its tensor begins to be read; has been read; is in its slot, whole. */
    void (*send_begins)(void *context, weft__ipcq_message *message);
    void (*send_ends)(void *context, weft__ipcq_message *message);
    void (*slot_written)(void *context, weft__ipcq_message *message);
    /* A receive: begins to read its slot; its tensor is in place, so receive->result may be given its value. */
    void (*receive_begins)(void *context, weft__ipcq_receive *receive);
    void (*receive_ends)(void *context, weft__ipcq_receive *receive);
    /* The kernel frees the slot of a message in place, which may have to wait for older ones. */
    void (*slot_given_up)(void *context, weft__ipcq_message *message);
    /* The slot of a message is free; and its credit is with the sender. The message ends after that. */
    void (*slot_freed)(void *context, weft__ipcq_message *message);
    void (*credited)(void *context, weft__ipcq_message *message);
    /* The kernel of its receiver has ended before its credit was given, or before it came. It ends after that too. */
    void (*lost)(void *context, weft__ipcq_message *message);
    void *context;
} weft__pe_recorder;

/* What a kernel asks of its PE, in the order in which it asks: together these are all that its times depend on. */
typedef enum weft__ask_kind {
    WEFT__ASK_BEGIN,    /* the kernel begins; `number` is that of the launch */
    WEFT__ASK_END,      /* it has returned; what follows is not its own */
    WEFT__ASK_DISPATCH, /* the processor gives a command */
    WEFT__ASK_READ,     /* it reads `number` bytes of the TCM */
    WEFT__ASK_DATA,     /* and gets to know what stands there */
    WEFT__ASK_TIME,     /* it looks at the clock */
    WEFT__ASK_COMMAND,  /* `command`, which is waited for if it is direct */
    WEFT__ASK_WAIT,     /* for the composite command with this number */
    WEFT__ASK_SEND,     /* `tensor` to `direction` */
    WEFT__ASK_SENT,     /* waits until message `number` to `direction` has been read */
    WEFT__ASK_RECEIVE,  /* begins to receive `tensor` from `direction` */
    WEFT__ASK_RECEIVED, /* waits for the receive with this number */
    WEFT__ASK_TAKE,     /* the same, and takes its tensor */
    WEFT__ASK_FREE,     /* the slot at address `number` */
    WEFT__ASK_ACTIVITY  /* waits for queues count as this weft__pe_activity from now on */
} weft__ask_kind;

typedef struct weft__ask {
    weft__ask_kind kind;
    uint8_t direction;
    bool is_in_place;
    uint64_t number;
    const weft__command *command;
    const tl_tensor *tensor;
} weft__ask;

/* Who writes down what kernels ask. */
typedef struct weft__pe_listener {
    void (*asked)(void *context, weft__pe *pe, const weft__ask *ask);
    void *context;
} weft__pe_listener;

/* Somebody who watches PEs, and changes nothing. */
typedef struct weft__pe_observer {
    /* GEMM or math served something, since then until now. */
    void (*computed)(void *context, const weft__pe *pe, weft__time since, weft__time until);
    void *context;
} weft__pe_observer;

weft_status weft__pes_create(weft__fabric *fabric, weft__transfers *transfers, weft__pes **out, weft_error *err);
/* After the run; before the transfers. NULL is fine. */
void weft__pes_destroy(weft__pes *pes);

/* Before the run; borrowed. NULL, as it is at first: times alone. */
void weft__pes_record(weft__pes *pes, const weft__pe_recorder *recorder);

/* The same of a listener; NULL, as it is at first: nobody. And tells it, if there is one. */
void weft__pes_listen(weft__pes *pes, const weft__pe_listener *listener);
void weft__pe_ask(weft__pe *pe, const weft__ask *ask);

/* Outside of a run; the observer is borrowed. NULL, as it is at first: nobody. */
void weft__pes_observe(weft__pes *pes, const weft__pe_observer *observer);

weft__fabric *weft__pes_fabric(const weft__pes *pes);
weft_sim *weft__pes_sim(const weft__pes *pes);
const weft__graph *weft__pes_graph(const weft__pes *pes);
const weft__pe_rates *weft__pes_rates(const weft__pes *pes);

/* The PE that a node of it belongs to: its processor or its DMA. */
weft__pe *weft__pe_of(weft__pes *pes, uint32_t node);
weft__pes *weft__pe_owner(const weft__pe *pe);
/* Its place among the PEs of the machine. */
uint32_t weft__pe_index(const weft__pe *pe);
uint32_t weft__pes_count(const weft__pes *pes);
/* A number for a launch: another one each time, from 1. */
uint64_t weft__pes_number_launch(weft__pes *pes);
weft__pe *weft__pe_at(weft__pes *pes, uint32_t index);
/* "sip0.cube3.pe7"; lives as long as the PEs. */
const char *weft__pe_name(const weft__pe *pe);
uint32_t weft__pe_dma_node(const weft__pe *pe);
/* The address of its TCM. */
uint64_t weft__pe_tcm_address(const weft__pe *pe);

/* ---- commands ---- */

/* An empty command; NULL when out of memory, which is noted. */
weft__command *weft__command_take(weft__pe *pe);
void weft__command_give_back(weft__command *command);

/* Its tiles are on their way. */
void weft__command_issue(weft__command *command);

/* Inside: waits until a direct command is done. */
void weft__command_wait(weft__command *command);

/* Of composite commands: how many the PE has had, ever; whether the one with this number is done; and, inside, waits
 * until it is. */
uint64_t weft__pe_composites(const weft__pe *pe);
bool weft__pe_composite_is_done(const weft__pe *pe, uint64_t number);
void weft__pe_composite_wait(weft__pe *pe, weft__process *self, uint64_t number);
/* Inside: waits until all are. */
void weft__pe_composites_wait(weft__pe *pe, weft__process *self);

/* The kernels of the PE, the one that runs first: a place for the owner of the kernels. */
weft_tile **weft__pe_kernels(weft__pe *pe);

/* NULL: times alone. */
const weft__pe_recorder *weft__pes_recorder(const weft__pes *pes);

/* Tells the recorder, if there is one, what recorder->joined says; ->dropped; ->ended. */
bool weft__pe_join(weft__pe *pe, tl_tensor *tensor, const char *kernel, const char *call);
void weft__pe_drop(weft__pe *pe, uint64_t address);
void weft__pe_end(weft__pe *pe);

/* Notes the call that the kernel is in. */
void weft__pe_call(weft__pe *pe, const char *call);

/* ---- times ---- */

/* Inside: the processor is busy giving a command. */
void weft__pe_dispatch(weft__pe *pe, weft__process *self);
/* Inside: the processor is busy reading so many bytes of the TCM, which counts as dispatch. */
void weft__pe_read(weft__pe *pe, weft__process *self, uint64_t bytes);

/* All counts begin now, at 0. */
void weft__pe_times_begin(weft__pe *pe);
/* And end now. */
void weft__pe_times_end(weft__pe *pe, weft__pe_times *out);

#endif
