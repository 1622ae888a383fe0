/* Inside of the tile API. */
#ifndef WEFT_SIM_TILE_CALL_H
#define WEFT_SIM_TILE_CALL_H

#include "sim/pe/pe.h"
#include "sim/tile/kernel.h"

#define WEFT__TILE_AXES 6u

#define WEFT__COLLECTIVES_MAX 4u

/* How often PEs have begun a collective, each by itself; what does not fit is not counted. */
typedef struct weft__collective_calls {
    const char *name;
    uint64_t calls;
} weft__collective_calls;

struct weft__kernel_run {
    weft__pes *pes;
    weft__kernel_request request;
    weft__launch *launch;
    weft__ipcq *ipcq; /* NULL: no queues */
    weft__pe_launch order;
    uint64_t serial; /* of weft__pes_number_launch() */
    weft__time begin;
    weft_tile *tiles; /* by their place in the launch */
    uint32_t *cpus;
    weft__collective_calls collectives[WEFT__COLLECTIVES_MAX]; /* that kernels have begun; no name: no more */
};

struct weft_tile {
    weft__kernel_run *run;
    weft__pe *pe;
    weft__process *process;
    uint32_t ids[WEFT__TILE_AXES], counts[WEFT__TILE_AXES];
    weft_tile *next; /* waiting for the same PE */

    uintptr_t stack_begin;  /* where the kernel's part of the stack begins, which grows down; 0 once it has ended */
    const char *call;       /* that the kernel is in, or was last; NULL before the first */
    weft__time call_ps;     /* since when */
    uint64_t scratch_bytes; /* in use */
    uint64_t scratch_room;
    const char *collective;            /* that the kernel is in, or NULL */
    uint64_t collectives[WEFT__PEERS]; /* that it has been in, by who takes part */
    weft__time start, end;
    weft__pe_times times;
};

const char *weft__tile_kernel_name(const weft_tile *tl);

/* Begins a call: notes its name, for errors, and looks at how much of its stack the kernel has in use, and whether it
 * is the stack of this tile's kernel at all. */
void weft__tile_enter(weft_tile *tl, const char *call);

/* Ends the run with "Kernel 'NAME' on PE at T ns, CALL: ...". Does not return. */
WEFT_PRINTF(3, 4) WEFT_COLD _Noreturn void weft__tile_fail(weft_tile *tl, weft_status status, const char *format, ...);
/* The same with the message of an error. */
WEFT_COLD _Noreturn void weft__tile_fail_with(weft_tile *tl, const weft_error *err);
/* For an error that is noted: the run ends after the present event, and nobody comes back. */
WEFT_COLD _Noreturn void weft__tile_stop(weft_tile *tl);

/* An empty command of the kernel, after the processor's dispatch; and one without it. */
weft__command *weft__tile_begin(weft_tile *tl, bool is_direct);
weft__command *weft__tile_begin_next(weft_tile *tl, bool is_direct);
/* Issues a direct command, waits for it, and gives its result. */
tl_tensor weft__tile_execute(weft__command *command);

/* A tensor in the scratch memory, of this shape. */
tl_tensor weft__tile_take(weft_tile *tl, weft_shape shape, weft_dtype dtype);

/* Checks and counts a shape: at least one element, and what fits. `what` is its name in the sentence. */
uint64_t weft__tile_bytes(weft_tile *tl, const weft_shape *shape, weft_dtype dtype, const char *what);

/* A contiguous tensor at an address. */
tl_tensor weft__tile_tensor(weft_shape shape, weft_dtype dtype, tl_space space, uint64_t address);
bool weft__tile_is_contiguous(const tl_tensor *tensor);
/* Bytes from its first element to the end of its last; UINT64_MAX if 64 bits cannot count them. */
uint64_t weft__tile_span_bytes(const tl_tensor *tensor);

/* Where an address is, for so many bytes; ends the run if that is nowhere, or not where data can be. */
typedef struct weft__tile_place {
    tl_space space;
    uint64_t address;    /* physical */
    uint64_t bytes;      /* fewer than asked for where a virtual address leads to several places */
    weft__dma_place dma; /* of a remote one */
} weft__tile_place;
weft__tile_place weft__tile_locate_first(weft_tile *tl, uint64_t address, uint64_t bytes);
/* Ends the run unless all of these virtual addresses lead somewhere. */
void weft__tile_check_mapped(weft_tile *tl, uint64_t address, uint64_t bytes);
/* As weft__tile_locate_first, and ends the run if it leads to several places. */
weft__tile_place weft__tile_locate(weft_tile *tl, uint64_t address, uint64_t bytes);
/* Ends the run, with what to use `instead`, for a place in the PE's own memory, where the DMA engine does not go. */
void weft__tile_check_remote(weft_tile *tl, const weft__tile_place *place, uint64_t address, const char *instead);

/* An operand of a command: checks that it is a tensor, and that it lies in the TCM; by its address too, because a
 * tensor that nobody has set says that it does. */
void weft__tile_check_local(weft_tile *tl, const tl_tensor *tensor, const char *what);
/* Takes the time of tl_peek() and looks at nothing: for runs without values. */
void weft__tile_glance(weft_tile *tl, tl_tensor tensor);
/* What is written to by a call: in the TCM, and contiguous. */
void weft__tile_check_place(weft_tile *tl, const tl_tensor *place);

/* What the plan needs to know of an operand, or the output, of math. */
weft__plan_tensor weft__tile_plan_tensor(const tl_tensor *tensor);

/* A call that is made of others, which are its own in between, in errors and hazards too; waits for queues count as
 * waits in a barrier if it is one. */
void weft__tile_begin_collective(weft_tile *tl, const char *call, bool is_barrier);
void weft__tile_end_collective(weft_tile *tl);
/* Before the first message of it: what all who take part must have called, so that a message of something else is
 * found. NULL if nothing is reduced, UINT32_MAX if there is no root. */
void weft__tile_join_collective(weft_tile *tl, weft__collective_peers peers, const char *reduction, uint32_t root);

/* The shape of an operation on elements of one to three tensors. */
weft_shape weft__tile_broadcast(weft_tile *tl, const tl_tensor *operands, uint32_t count);

/* ---- tile_queue.c ---- */

/* What the number of a command stands for. */
typedef enum weft__tile_command_kind {
    WEFT__TILE_COMPOSITE, /* its number */
    WEFT__TILE_SEND,      /* the direction, and the number of the message */
    WEFT__TILE_RECEIVE    /* its number */
} weft__tile_command_kind;

/* A command of this kernel, and of no other one. */
tl_command weft__tile_command(const weft_tile *tl, weft__tile_command_kind kind, uint32_t direction, uint64_t number);

/* Ends the run if there is no neighbour to send to. */
void weft__tile_need_neighbour(weft_tile *tl, tl_direction direction);

/* After the dispatch, begins to receive into a contiguous place in the TCM, all of which has been checked. */
weft__ipcq_receive *weft__tile_receive(weft_tile *tl, tl_direction from, const tl_tensor *place);

/* ---- kernel.c ---- */

/* The PE with this place in the machine; NULL if it does not take part. */
weft_tile *weft__kernel_run_find(const weft__kernel_run *run, uint32_t pe);

void weft__tile_run(weft__process *self, void *context);

#endif
