/* Inside of the device `sim:MACHINE.yaml`: dispatches as launches of tile kernels on all PEs of a machine.
 *
 * Memory. An allocation is cut into blocks of equal size, whole rows of its innermost axis each, and block j lies in
 * the HBM slice of PE (first + j) % PEs; `first` moves on with every allocation, so that small ones do not all lie at
 * one PE. There are no more blocks than PEs. What has no rows, or very long ones, is cut anywhere. Who has the block in
 * which a row begins does the work for that row, so weights are read where they lie. A view may begin anywhere, and
 * have other rows than its allocation, so a row can lie in several blocks; an element never does.
 *
 * Work. A dispatch is one launch (job.c), which the command processor gives when it comes to it (processor.c).
 * Dispatches between two barriers do not wait for one another. Kernels are compared with `ref`; each file has those of
 * one family of ops. Kernels are not launched where the last argument, which is an output of every op, has no elements.
 *
 * In place. An output may be exactly an input where the op allows it. What a PE writes no other PE may read in the same
 * launch, and it reads a row before it writes it.
 *
 * Time. The clock of the simulation is behind that of the simulated host, which is how far the host has come with what
 * it does (times.h). The first catches up when the host waits, or reads or writes memory, and only as far as that
 * needs.
 *
 * Threads. One lock holds the simulation: who waits has it while that runs, others while they read or write memory. */
#ifndef WEFT_DEVICES_SIM_SIM_IMPL_H
#define WEFT_DEVICES_SIM_SIM_IMPL_H

#include <pthread.h>

#include <weft/sim_device.h>

#include "base/status.h"
#include "devices/sim/times.h"
#include "kernels/args.h"
#include "runtime/device_impl.h"
#include "runtime/host_device.h"
#include "sim/replay/value.h"

/* ---- memory ---- */

/* What an allocation's handle is. */
typedef struct weft__sim_memory {
    uint64_t bytes, block_bytes; /* the last block may be shorter */
    uint32_t first;              /* the PE of the first block */
    uint32_t pes;                /* of the machine */
    uint32_t count;              /* blocks, at most one for each PE */
    uint64_t addresses[];        /* of each block */
} weft__sim_memory;

typedef struct weft__sim_processor weft__sim_processor;

/* Counted by plan.c. */
typedef struct weft__sim_plan weft__sim_plan;

typedef struct weft__sim_device {
    weft_machine *machine;
    weft_simulation *simulation;
    weft__sim_processor *processor;
    weft__sim_times times;
    weft__value_id zeros; /* what new memory is made of; 0 without values */
    uint32_t pes;
    uint64_t room_bytes;              /* scratch memory of a PE */
    weft__scratch *host_memory;       /* of each PE, see weft__sim_host_memory(); freed with the device */
    weft_sim_plan_watcher watch_plan; /* NULL: nobody */
    void *watch_user;
    pthread_mutex_t lock;
} weft__sim_device;

/* NULL for another device. */
weft__sim_device *weft__sim_device_of(const weft_device *device);

/* The bytes of `zeros`. */
#define WEFT__SIM_ZERO_BYTES (UINT64_C(1) << 20)

/* Bytes that lie in one block. */
typedef struct weft__sim_stretch {
    uint64_t address, bytes;
} weft__sim_stretch;

/* As many of `bytes` bytes from `offset` on as lie in one block. */
weft__sim_stretch weft__sim_find_stretch(const weft__sim_memory *memory, uint64_t offset, uint64_t bytes);

/* Entries of the device table; those of host access are in memory_access.c. */
weft_status weft__sim_memory_create(weft_device *device, size_t bytes, weft__allocation *allocation, weft_error *err);
void weft__sim_memory_destroy(weft_device *device, weft__allocation *allocation);
weft_status weft__sim_memory_write(weft_device *device, weft__allocation *allocation, size_t offset, const void *data,
                                   size_t bytes, weft_error *err);
weft_status weft__sim_memory_read(weft_device *device, const weft__allocation *allocation, size_t offset, void *data,
                                  size_t bytes, weft_error *err);
weft_status weft__sim_memory_clear(weft_device *device, weft__allocation *allocation, weft_error *err);

/* ---- what a kernel is given ---- */

/* An argument: its elements lie row-major from offset_bytes of the memory on. */
typedef struct weft__sim_view {
    const weft__sim_memory *memory; /* NULL for an argument that was left out */
    uint64_t offset_bytes;
    weft_dtype dtype;
    weft_shape shape;
    uint64_t elements;
} weft__sim_view;

/* One dispatch. */
typedef struct weft__sim_call {
    const weft_dispatch *dispatch;
    weft__sim_view arguments[WEFT_ARGUMENTS_MAX];
    uint64_t room_bytes; /* scratch memory of a PE */
    uint64_t slot_bytes; /* of a queue between PEs, which has so many slots */
    uint32_t slots;
    uint32_t cube_pes;
    weft__scratch *host_memory; /* the device's */
    bool has_values;            /* if not, all that processors look at is 0 */
    weft__sim_plan *plan;       /* NULL: nobody watches */
    weft__fault *fault;         /* what kernels found wrong with their data, see weft__sim_fault() */
} weft__sim_call;

/* The device's implementation of an op. */
typedef struct weft__sim_kernel {
    weft__kernel kernel;    /* first */
    weft_tile_kernel *tile; /* its arguments are a weft__sim_call */
    uint32_t queues;        /* of the launch, in which the PEs of a cube are a group: see weft_launch_options */
    uint32_t (*choose_queues)(const weft__sim_call *call); /* instead; NULL where they are always the same */
} weft__sim_kernel;

extern const weft__sim_kernel weft__sim_kernel_add, weft__sim_kernel_mul, weft__sim_kernel_scale,
    weft__sim_kernel_silu_mul, weft__sim_kernel_gelu_mul, weft__sim_kernel_copy, weft__sim_kernel_embedding,
    weft__sim_kernel_rms_norm, weft__sim_kernel_rope, weft__sim_kernel_matmul, weft__sim_kernel_attention,
    weft__sim_kernel_softmax, weft__sim_kernel_argmax, weft__sim_kernel_top_k, weft__sim_kernel_sample,
    weft__sim_kernel_rms_norm_mul, weft__sim_kernel_add_rms_norm, weft__sim_kernel_rms_norm_rope,
    weft__sim_kernel_gate_up_silu;

/* Notes a fault; a kernel that has one returns. PEs come in any order: that of the lowest row, and in it of the lowest
 * index, counts in the end, so a kernel must look at its rows in rising order and stop at the first. */
void weft__sim_fault(const weft__sim_call *call, weft__fault fault);

/* Ends the run: "Kernel 'rope' on sip0.cube0.pe1 at 3.000 ns, CALL: ...". For what a machine is too small for. Does not
 * return. */
WEFT_PRINTF(3, 4) WEFT_COLD _Noreturn void weft__sim_refuse(weft_tile *tl, weft_status status, const char *format, ...);

/* ---- peek.c: what processors know ---- */

/* Host memory for what the processor of this PE looks at, at least so many bytes, aligned for any number. Its contents
 * are lost at the next call, and when the kernel returns. A PE runs one kernel at a time, so one piece for each PE
 * serves all of them. Ends the run if there is none. */
void *weft__sim_host_memory(weft_tile *tl, const weft__sim_call *call, size_t bytes);

/* Brings elements [first, first + count) to the processor, in pieces that fit the scratch memory that is free: zeros
 * where there are no values, in the same time. */
void weft__sim_peek(weft_tile *tl, const weft__sim_call *call, uint32_t argument, uint64_t first, uint64_t count,
                    void *out);

/* Writes elements that the processor knows, in pieces too. */
void weft__sim_poke(weft_tile *tl, const weft__sim_call *call, uint32_t argument, uint64_t first, uint64_t count,
                    const void *data);

/* ---- access.c: what kernels have in common ---- */

/* Elements that lie in one block. */
typedef struct weft__sim_piece {
    uint64_t address, count;
} weft__sim_piece;

/* As many of `count` elements from `first` on as lie in one block. */
weft__sim_piece weft__sim_find_piece(const weft__sim_view *view, uint64_t first, uint64_t count);

/* Some rows, one behind another. */
typedef struct weft__sim_rows {
    uint64_t first, count;
} weft__sim_rows;

/* The rows of `row_elements` elements each that begin in the block of this PE. Together the PEs have each row once. The
 * elements of the view are a multiple of row_elements. */
weft__sim_rows weft__sim_own_rows(const weft_tile *tl, const weft__sim_view *view, uint64_t row_elements);

/* Notes for who watches that this PE has `own` of the `rows` rows of a view. The functions here do so themselves; only
 * the first note of a PE in a launch counts. */
void weft__sim_note_split(const weft_tile *tl, const weft__sim_view *view, uint64_t rows, uint64_t row_elements,
                          uint64_t own);

/* A share of `count` units of work for this PE, one behind another: as even as can be, for work that lies nowhere. */
weft__sim_rows weft__sim_share(const weft_tile *tl, uint64_t count);

/* Elements [first, first + count), 1-D, in scratch memory: a load for each block that they lie in. The count must not
 * be 0, here and below. */
tl_tensor weft__sim_load(weft_tile *tl, const weft__sim_view *view, uint64_t first, uint64_t count);
/* The same to a place in scratch memory of the view's dtype, contiguous and not yet written (see tl_empty()): as many
 * elements as the place has. For bringing several pieces into one tensor. */
void weft__sim_load_to(weft_tile *tl, tl_tensor place, const weft__sim_view *view, uint64_t first);
/* The same as f32: f16 and bf16 are cast. Both are then in scratch memory, see weft__sim_f32_bytes(). */
tl_tensor weft__sim_load_f32(weft_tile *tl, const weft__sim_view *view, uint64_t first, uint64_t count);

/* Writes a contiguous tensor to the elements from `first` on: a store for each block. It must have the view's dtype. */
void weft__sim_store(weft_tile *tl, const weft__sim_view *view, uint64_t first, tl_tensor tensor);
/* The same, cast from f32 first where the view has another dtype. The cast is in scratch memory. */
void weft__sim_store_f32(weft_tile *tl, const weft__sim_view *view, uint64_t first, tl_tensor tensor);

/* Scratch memory for each element of weft__sim_load_f32(): 4 bytes, and what it was loaded as if that is another dtype.
 * weft__sim_store_f32() takes 4 bytes less than this. */
uint64_t weft__sim_f32_bytes(const weft__sim_view *view);

/* How many rows may be worked on at once if each needs so many bytes of scratch memory and `fixed_bytes` are needed
 * besides: at least 1, at most `count`; 0 if not even one row has room. Leaves some room for alignment, for up to 64
 * tensors. What is in use already belongs to fixed_bytes. */
uint64_t weft__sim_rows_at_once(const weft__sim_call *call, uint64_t row_bytes, uint64_t fixed_bytes, uint64_t count);
/* The same for elements, which any number may be worked on at once of, beside what is in use: at least 1. Ends the run
 * if the machine has no room for one. */
uint64_t weft__sim_elements_at_once(weft_tile *tl, const weft__sim_call *call, uint64_t element_bytes, uint64_t count);

#endif
