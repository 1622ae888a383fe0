/* Inside of simulations as the host sees them: PE sets and placements as pure functions, and what tensors and launches
 * share. */
#ifndef WEFT_SIM_HOST_HOST_IMPL_H
#define WEFT_SIM_HOST_HOST_IMPL_H

#include <weft/sim.h>

#include "sim/fabric/link_trace.h"
#include "sim/host/activity.h"
#include "sim/machine/address.h"
#include "sim/machine/allocator.h"
#include "sim/machine/machine.h"
#include "sim/pe/pe_trace.h"
#include "sim/values/values.h"
#include "sim/values/hazards.h"
#include "sim/replay/names.h"
#include "sim/tile/kernel.h"

/* ---- PE sets ---- */

/* The same PEs with no count left at 0. WEFT_OUT_OF_RANGE, naming what the machine has, for PEs that it lacks. */
weft_status weft__pe_set_resolve(const weft__graph *graph, const weft_pe_set *set, weft_pe_set *out, weft_error *err);

/* All below are for a set that was resolved. How many PEs it has. */
uint32_t weft__pe_set_count(const weft_pe_set *set);
/* The place among the PEs of the machine of the one at `index`, which is below the count. */
uint32_t weft__pe_set_at(const weft__graph *graph, const weft_pe_set *set, uint32_t index);

#define WEFT__PE_SET_NONE UINT32_MAX
/* The index of the PE with a place; WEFT__PE_SET_NONE if it is not in the set. */
uint32_t weft__pe_set_find(const weft__graph *graph, const weft_pe_set *set, uint32_t place);

/* ---- placements ---- */

/* The part of a tensor that one PE has. */
typedef struct weft__shard_box {
    weft_shape shape; /* of the tensor's rank; extents are 0 where nothing is left for the PE */
    uint64_t origin[WEFT_RANK_MAX];
    uint32_t first; /* index of the first PE that has the same part: its own unless it is a copy */
} weft__shard_box;

/* WEFT_INVALID_ARGUMENT for a split or home that is none, or a shape of rank 0 that is split. */
weft_status weft__placement_check(const weft_placement *placement, const weft_shape *shape, weft_error *err);

/* The part of the PE at `index` of placement->pes, which was resolved. */
void weft__placement_box(const weft_placement *placement, const weft_shape *shape, uint32_t index,
                         weft__shard_box *out);

/* Bytes of a part. */
uint64_t weft__shard_box_bytes(const weft__shard_box *box, weft_dtype dtype);
/* Copies a part out of the tensor, or into it; it lies alone in `part`. */
void weft__shard_box_gather(const weft__shard_box *box, const weft_shape *shape, size_t each, const void *tensor,
                            void *part);
void weft__shard_box_scatter(const weft__shard_box *box, const weft_shape *shape, size_t each, const void *part,
                             void *tensor);
/* True if a part lies in one piece in the tensor; *out_offset is the index of its first element. */
bool weft__shard_box_is_one_piece(const weft__shard_box *box, const weft_shape *shape, uint64_t *out_offset);

/* ---- simulations ---- */

/* What a command processor does with the command buffers that it is given, one after another. */
typedef enum weft__processor_part {
    WEFT__PART_WAIT,     /* for a fence */
    WEFT__PART_DISPATCH, /* it launches, or finds nothing to do */
    WEFT__PART_BARRIER,  /* all that was launched has ended before */
    WEFT__PART_SIGNAL,   /* the same; of a fence */
    WEFT__PART_END       /* the same; of a command buffer, unless there was a signal */
} weft__processor_part;

/* Who writes down what the host does. Each is told when it begins, of what has been checked. */
typedef struct weft__host_listener {
    void (*launched)(void *context, const weft_kernel_launch *launch, const weft_launch_options *options);
    void (*awaits)(void *context, const weft_kernel_launch *launch); /* until it knows of the end */
    /* Transfers between host and memory begin: each of them; and then the host waits until all have ended. */
    void (*moves)(void *context, bool is_write, const weft__location *location, uint64_t bytes);
    void (*awaits_moves)(void *context);
    void (*maps)(void *context);
    /* The host hands a command buffer with so many parts over; waits until it knows that the next of them has ended,
     * and may need time to go on. And what the processor does, with the launch of a dispatch that has one. */
    void (*submits)(void *context, uint64_t parts);
    void (*awaits_commands)(void *context, bool is_sync);
    void (*processes)(void *context, weft__processor_part part, const weft_kernel_launch *launch);
    void *context;
} weft__host_listener;

struct weft_simulation {
    const weft_machine *machine;
    weft_simulation_options options;
    weft_sim *sim;
    weft__fabric *fabric;
    weft__transfers *transfers;
    weft__pes *pes;
    weft__threads *threads;
    weft__values *values;     /* NULL without values, as is the next */
    weft__pe_values *memory;  /* which values stand where */
    weft__pe_log *log;        /* NULL without */
    weft__trace *trace;       /* its own, NULL without */
    weft__pe_trace *pe_trace; /* NULL while nothing is traced, as is the next */
    weft__link_trace *link_trace;
    weft__activity_recorder *activity; /* NULL: none is kept */
    weft__allocator **hbm;             /* by PE; each made when it is first needed */
    weft__allocator **sram;            /* by cube */
    const bool *awaited;               /* what the host waits for; NULL outside of the run */
    weft__names names;                 /* of kernels: messages may outlive their launch */
    weft__hazards hazards;             /* without values; else `memory` has them */
    weft_kernel_launch *abandoned;
    weft_kernel_launch *running; /* all that have not ended */
    uint64_t launch_count;       /* ever */
    weft_placed_tensor *retired; /* destroyed, but not yet gone */

    const weft__host_listener *listener; /* NULL: nobody */
};

static inline const weft__graph *weft__simulation_graph(const weft_simulation *simulation)
{
    return simulation->machine->graph;
}

/* The error that the simulation has had, if any. */
weft_status weft__simulation_check(weft_simulation *simulation, weft_error *err);

/* WEFT_INVALID_STATE, naming the call, within the run: for calls that would run it once more. */
weft_status weft__simulation_check_outside(const weft_simulation *simulation, const char *call, weft_error *err);

/* Simulates until weft__simulation_reach is called for `done`; at once if it has been. *done stays false, and the
 * status is WEFT_OK, if nothing happens any more. */
weft_status weft__simulation_run_until(weft_simulation *simulation, const bool *done, weft_error *err);
void weft__simulation_reach(weft_simulation *simulation, bool *done);

/* Notes an error that the simulation ends with, and returns it. */
weft_status weft__simulation_fail(weft_simulation *simulation, const weft_error *cause, weft_error *err);

/* Begins to write what PEs and links do to a trace, which is borrowed, and ends that. Outside of a run; one trace at a
 * time. */
weft_status weft__simulation_begin_trace(weft_simulation *simulation, weft__trace *trace, weft_error *err);
void weft__simulation_end_trace(weft_simulation *simulation);

/* As weft_simulation_keep_activity() and weft_simulation_take_activity(), for a host whose clock is ahead. */
weft_status weft__simulation_keep_activity(weft_simulation *simulation, uint64_t begin_ps, weft_error *err);
weft_status weft__simulation_take_activity(const weft_simulation *simulation, uint64_t end_ps, weft_activity **out,
                                           weft_error *err);

/* What hands out the memory of a home near a PE. WEFT_UNSUPPORTED if the machine has none. */
weft_status weft__simulation_allocator(weft_simulation *simulation, weft_home home, uint32_t place,
                                       weft__allocator **out, weft_error *err);

/* ---- tensors ---- */

struct weft_placed_tensor {
    weft_simulation *simulation;
    weft_dtype dtype;
    weft_shape shape;
    uint64_t bytes;
    weft_placement placement; /* with resolved PEs */
    uint32_t count;           /* of shards */
    uint64_t *addresses;      /* of shards; WEFT__SHARD_EMPTY of those that have none */
    uint64_t retired_at;      /* how many launches there had been when it was destroyed */
    weft_placed_tensor *next; /* retired */
};

#define WEFT__SHARD_EMPTY UINT64_MAX

/* Gives back the memory of retired tensors that no launch under way can use. Those stay for which there is no memory to
 * forget what stands there; they are tried again. */
void weft__simulation_sweep_tensors(weft_simulation *simulation);
/* Frees a tensor, at the end of the simulation or when its memory has been given back. */
void weft__placed_tensor_free(weft_placed_tensor *tensor);

/* WEFT_SHAPE_MISMATCH unless the tensor, or a part of it, has so many bytes. */
weft_status weft__placed_tensor_check_bytes(const weft_placed_tensor *tensor, const weft_shape *shape, size_t bytes,
                                            weft_error *err);

/* Room for a value of each shard, all 0; and letting go of them. */
weft_status weft__placed_tensor_take_values(const weft_placed_tensor *tensor, weft__value_id **out, weft_error *err);
void weft__placed_tensor_give_values(const weft_placed_tensor *tensor, weft__value_id *values);

/* Makes the values of all shards from the elements of the tensor: copies share theirs, empty shards have none. */
weft_status weft__placed_tensor_make_values(const weft_placed_tensor *tensor, const void *data, weft__value_id *values,
                                            weft_error *err);

/* True for a shard that is not empty and the first of its copies: these together are the tensor. */
bool weft__placed_tensor_is_read(const weft_placed_tensor *tensor, uint32_t index, weft__shard_box *out);
/* Computes the values of these shards, one behind another, and puts their elements where they belong. */
weft_status weft__placed_tensor_collect(const weft_placed_tensor *tensor, const weft__value_id *values, size_t count,
                                        void *out, weft_error *err);

/* ---- launches ---- */

/* Who launches, if it is not the host. */
typedef struct weft__launch_origin {
    uint32_t node;
    /* It knows that the launch has ended; called within the run, and must not end the launch. */
    void (*ended)(void *context, weft_kernel_launch *launch);
    void *context;
} weft__launch_origin;

/* As weft_simulation_launch(), but may be called within the run. */
weft_status weft__simulation_launch(weft_simulation *simulation, const weft_launch_options *options,
                                    const weft__launch_origin *origin, weft_kernel_launch **out, weft_error *err);

struct weft_kernel_launch {
    weft_simulation *simulation;
    weft__launch_origin origin; /* zeros: the host */
    const char *name;           /* of the simulation's */
    weft__kernel_run *run;
    bool has_ended;
    uint64_t serial;                  /* of launches: what was destroyed before it began is not used by it */
    weft_kernel_launch *next;         /* abandoned */
    weft_kernel_launch *next_running; /* good until it has ended */
};

/* Nothing happens any more, and the launch has not ended: ends the run with the reason, which is the result. */
weft_status weft__kernel_launch_fail_stuck(weft_simulation *simulation, const weft_kernel_launch *launch,
                                           weft_error *err);

/* Frees it, at the end of the simulation or when it has ended. */
void weft__kernel_launch_free(weft_kernel_launch *launch);

/* Outside of the run: frees the abandoned launches that have ended, and the tensors that waited for launches. */
void weft__simulation_sweep(weft_simulation *simulation);

#endif
