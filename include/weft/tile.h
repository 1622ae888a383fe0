/* Tile kernels: C functions that every PE of a launch runs on a simulated machine.
 *
 * A kernel is a plain function. It may call others, loop, branch, and keep what it likes in variables. Each PE runs it
 * on a stack of its own, in simulated time: while a command of the PE is under way, others go on. What a kernel calls
 * belongs to one of three sorts:
 * - Free: what says so, such as tl_program_id(), tl_ref(), tl_empty(), tl_mark() and views of tensors, takes no time.
 * - Blocking: the call costs its dispatch, `pe.dispatch_cycles` of the machine, and returns when the command is done.
 * - Non-blocking: tl_composite(), tl_send(), tl_recv_async() and tl_recv_into_async() cost their dispatch and return
 *   while the command is under way. A kernel that returns ends when all of its commands have.
 *
 * Where results go. Loads, products and math make a new tensor in the PE's scratch memory, which is handed out from its
 * beginning to its end, `pe.scratch_kib` of the machine. tl_mark() and tl_release() give back what was made in between.
 *
 * Stacks. A kernel, with the functions that it calls and the variables of all of them, may take WEFT_TILE_STACK_BYTES
 * of stack, or what weft_launch_options.stack_bytes says. A call below that is made with more in use ends the
 * simulation with the number of bytes; far more than that crashes the program, as it does on any stack.
 *
 * Errors. A mistake (no room in the scratch memory, an address with nothing behind it, shapes that do not go together)
 * ends the simulation with a sentence that names the kernel, the PE, the time and the call; the call does not return.
 *
 * Threads: a kernel runs in the thread that runs the simulation, and a weft_tile is for the kernel that it was given
 * to: with that of another PE, calls end the simulation with the names of both, except for those that only tell
 * something, which do not notice. What of <weft/sim.h> a kernel may call is told there.
 *
 * Shapes are in elements, addresses in bytes, physical or virtual (WEFT_VIRTUAL_BEGIN). */
#ifndef WEFT_TILE_H
#define WEFT_TILE_H

#include <weft/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of stack that a kernel has on its PE unless its launch says otherwise, and what a launch can say. */
#define WEFT_TILE_STACK_BYTES 65536u
#define WEFT_TILE_STACK_BYTES_MIN 16384u
#define WEFT_TILE_STACK_BYTES_MAX 67108864u

/** The PE as its kernel sees it. Opaque; good until the kernel returns. */
typedef struct weft_tile weft_tile;

/** What a PE runs.
 *  @param arguments  what the launch was given, the same for all of its PEs */
typedef void weft_tile_kernel(weft_tile *tl, const void *arguments);

/** Where a tensor lies. */
typedef enum tl_space {
    TL_TCM = 0,   /**< in the PE's own memory */
    TL_REMOTE = 1 /**< anywhere else: HBM, SRAM, the memory of another PE */
} tl_space;

/** Virtual addresses, all others are physical: names that a PE has for memory that lies anywhere, which
 *  weft_simulation_map() gives them. Calls of this header take them for memory outside of the PE, and tl_ref() and
 *  tl_composite() for its own too. A call goes to where they lead when it is made. Loads and stores may go to several
 *  places, in one transfer for each, one after another; an operand or output of tl_composite() must lie in one piece in
 *  one memory. An address that nothing is mapped at, or a tensor that goes on behind what is mapped, ends the run. */
#define WEFT_VIRTUAL_BEGIN (UINT64_C(1) << 62)
#define WEFT_VIRTUAL_END (UINT64_C(1) << 63)

/** A tensor: where its elements are, and which value they should have. A plain struct, to be copied freely; made by the
 *  calls below. */
typedef struct tl_tensor {
    weft_shape shape;
    uint64_t stride[WEFT_RANK_MAX]; /**< from index to index of an axis, in elements */
    weft_dtype dtype;
    tl_space space;
    uint64_t address; /**< of its first element */
    uint64_t value;   /**< the value that it is, or is a view of; 0: none is kept, or not known yet */
    uint64_t base;    /**< the address of the first element of that value; views have another one */
} tl_tensor;

/* ---- who am I ---- */

/** What tl_program_id() counts. Only what takes part in the launch is counted, in the order of the machine. */
typedef enum tl_axis {
    TL_AXIS_PE = 0,    /**< PEs of this cube */
    TL_AXIS_CUBE = 1,  /**< cubes of this SIP */
    TL_AXIS_SIP = 2,   /**< SIPs */
    TL_AXIS_ALL = 3,   /**< PEs of the launch */
    TL_AXIS_GROUP = 4, /**< groups of the launch, see weft_launch_options; all of it unless it says otherwise */
    TL_AXIS_RANK = 5   /**< PEs of this group */
} tl_axis;

/** The place of this PE along an axis, from 0, and how many there are. Free. An axis that is none ends the run. */
WEFT_API uint32_t tl_program_id(const weft_tile *tl, tl_axis axis);
WEFT_API uint32_t tl_num_programs(const weft_tile *tl, tl_axis axis);

/** The present time of the simulation, in picoseconds. Free. A run with a kernel that calls it cannot be re-timed, see
 *  <weft/retime.h>: the kernel may do something else at another time. */
WEFT_API uint64_t tl_now_ps(const weft_tile *tl);
/** Writes the present time to where nobody looks before the launch has ended: for kernels that are measured, and do the
 *  same at all times. Free. */
WEFT_API void tl_note_time(const weft_tile *tl, uint64_t *out_ps);

/* ---- memory ---- */

/** Names a contiguous tensor at an address without touching it: as an operand of tl_composite() it stays where it is
 * and is read tile by tile. An address in the PE's own memory gives a tensor in TL_TCM. Free. Ends the run if nothing
 * lies at the address, or something else before the tensor's end. */
WEFT_API tl_tensor tl_ref(weft_tile *tl, uint64_t address, weft_shape shape, weft_dtype dtype);

/** Brings a contiguous tensor from an address outside of the PE into scratch memory. Blocking. */
WEFT_API tl_tensor tl_load(weft_tile *tl, uint64_t address, weft_shape shape, weft_dtype dtype);

/** The same of a tensor that is named, by tl_ref() or tl_shard(), or of a view of one: its rows are gathered in one
 *  transfer, as if they lay one behind another. Blocking. */
WEFT_API tl_tensor tl_load_tensor(weft_tile *tl, tl_tensor tensor);

/** As tl_load(), to a place in TL_TCM, which must be contiguous; as of tl_copy(). Blocking. */
WEFT_API void tl_load_to(weft_tile *tl, tl_tensor place, uint64_t address);

/** Writes a tensor in TL_TCM, in row-major order, to an address outside of the PE. Blocking: returns when the memory
 *  has confirmed the write. */
WEFT_API void tl_store(weft_tile *tl, uint64_t address, tl_tensor tensor);

/** A tensor in scratch memory that nobody has written, for tl_copy() and composite commands to write to. Free. */
WEFT_API tl_tensor tl_empty(weft_tile *tl, weft_shape shape, weft_dtype dtype);

/** Copies a tensor in TL_TCM to a place in TL_TCM of the same shape and dtype, which must be contiguous. It may overlap
 *  the tensor towards lower addresses, see tl_composite_request. Blocking.
 *  @param place  of tl_empty() or tl_ref(): another tensor would still be the value that it was, and reading it a
 *                hazard */
WEFT_API void tl_copy(weft_tile *tl, tl_tensor place, tl_tensor tensor);

/** The same to a tensor that is named, by tl_ref() or tl_shard(), or to a view of one that is contiguous, of the same
 * shape and dtype. Blocking. */
WEFT_API void tl_store_tensor(weft_tile *tl, tl_tensor place, tl_tensor tensor);

/** How much scratch memory is in use, in bytes, and: gives back all that has been taken since it was so much. What was
 *  made there must not be used any more. Free. */
WEFT_API uint64_t tl_mark(const weft_tile *tl);
WEFT_API void tl_release(weft_tile *tl, uint64_t mark);

/** How many bytes the next tensor in scratch memory can have. Free. */
WEFT_API uint64_t tl_scratch_left(const weft_tile *tl);

/* ---- computing ---- */

/** The product of a [m, k] and b [k, n], both in TL_TCM and of one dtype: [m, n] of that dtype, i32 if they are i8 or
 *  u8. Blocking. */
WEFT_API tl_tensor tl_dot(weft_tile *tl, tl_tensor a, tl_tensor b);

/** Element by element, on tensors in TL_TCM of one dtype; an extent of 1 goes with any other, and missing ones at the
 *  front are 1. Blocking. */
WEFT_API tl_tensor tl_add(weft_tile *tl, tl_tensor a, tl_tensor b);
WEFT_API tl_tensor tl_sub(weft_tile *tl, tl_tensor a, tl_tensor b);
WEFT_API tl_tensor tl_mul(weft_tile *tl, tl_tensor a, tl_tensor b);
WEFT_API tl_tensor tl_div(weft_tile *tl, tl_tensor a, tl_tensor b);
WEFT_API tl_tensor tl_maximum(weft_tile *tl, tl_tensor a, tl_tensor b);
WEFT_API tl_tensor tl_minimum(weft_tile *tl, tl_tensor a, tl_tensor b);
WEFT_API tl_tensor tl_fma(weft_tile *tl, tl_tensor a, tl_tensor b, tl_tensor c);

/** b where the condition is not 0, else c. The condition may have another dtype. Blocking. */
WEFT_API tl_tensor tl_where(weft_tile *tl, tl_tensor condition, tl_tensor b, tl_tensor c);

/** Comparisons: 1 or 0, in the dtype of the operands. Blocking. */
WEFT_API tl_tensor tl_eq(weft_tile *tl, tl_tensor a, tl_tensor b);
WEFT_API tl_tensor tl_ne(weft_tile *tl, tl_tensor a, tl_tensor b);
WEFT_API tl_tensor tl_lt(weft_tile *tl, tl_tensor a, tl_tensor b);
WEFT_API tl_tensor tl_le(weft_tile *tl, tl_tensor a, tl_tensor b);

/** Functions of each element; what they compute stands at weft_command_op. Blocking. */
WEFT_API tl_tensor tl_neg(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_abs(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_relu(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_exp(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_log(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_sqrt(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_rsqrt(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_reciprocal(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_tanh(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_sigmoid(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_gelu(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_silu(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_sin(weft_tile *tl, tl_tensor a);
WEFT_API tl_tensor tl_cos(weft_tile *tl, tl_tensor a);

/** minimum(maximum(a, low), high). Blocking. */
WEFT_API tl_tensor tl_clamp(weft_tile *tl, tl_tensor a, double low, double high);

/** The same numbers in another dtype. Blocking. */
WEFT_API tl_tensor tl_cast(weft_tile *tl, tl_tensor a, weft_dtype dtype);

/** A tensor that is one number everywhere. Blocking. */
WEFT_API tl_tensor tl_full(weft_tile *tl, weft_shape shape, weft_dtype dtype, double number);

/** A tensor of numbers that the processor knows, row-major in @p data, which is copied; takes what tl_full() takes.
 *  Blocking. */
WEFT_API tl_tensor tl_constant(weft_tile *tl, weft_shape shape, weft_dtype dtype, const void *data);

/** Along one axis, which keeps its place: its extent becomes 1, in tl_softmax() it stays. Blocking. */
WEFT_API tl_tensor tl_sum(weft_tile *tl, tl_tensor a, uint32_t axis);
WEFT_API tl_tensor tl_max(weft_tile *tl, tl_tensor a, uint32_t axis);
WEFT_API tl_tensor tl_min(weft_tile *tl, tl_tensor a, uint32_t axis);
WEFT_API tl_tensor tl_softmax(weft_tile *tl, tl_tensor a, uint32_t axis);

/* ---- views ---- */

/** The same elements in row-major order in another shape of as many elements. The tensor must be contiguous. Free. */
WEFT_API tl_tensor tl_reshape(weft_tile *tl, tl_tensor tensor, weft_shape shape);

/** The last two axes changed for each other. Free: whoever reads it reads it in the other order. */
WEFT_API tl_tensor tl_trans(weft_tile *tl, tl_tensor tensor);

/** Indices @p begin to @p begin + @p count - 1 of an axis. Free. */
WEFT_API tl_tensor tl_slice(weft_tile *tl, tl_tensor tensor, uint32_t axis, uint64_t begin, uint64_t count);

/* ---- composite commands ---- */

/** A step that follows the products of a composite command; weft_epilogue says what it computes. One of
 *  WEFT_SCOPE_OUTPUT_TILE happens before a tile of the output leaves the registers, one of WEFT_SCOPE_K_TILE after each
 *  tile along k, and those of WEFT_SCOPE_KERNEL when the whole output is there: it is read again, and written again. */
typedef struct tl_epilogue {
    weft_epilogue step;
    tl_tensor operand; /**< of WEFT_EPILOGUE_DEQUANT and WEFT_EPILOGUE_BIAS, in TL_TCM */
} tl_epilogue;

/** A command that is taken apart into tiles, which pass through the engines of the PE one behind the other: DMA read,
 *  fetch, GEMM or math, epilogues, store, DMA write. Operands in TL_TCM are pinned there; others are read by the DMA
 *  engine tile by tile. The rows of a tile are gathered in one transfer, as if they lay one behind the other.
 *
 *  Operands of an operation on elements have one shape: nothing is broadcast. One that is not in TL_TCM and not
 *  contiguous goes with a product only.
 *
 *  The output may lie over operands where no tile reads what a tile before it writes: for an operation on elements
 *  exactly in place, or towards lower addresses; for a product over a WEFT_EPILOGUE_BIAS of the shape [m, n] and the
 *  dtype of the output, or over rows of a, if there is one tile of columns. Tiles are `pe.gemm.tile_m` rows by `tile_n`
 *  columns by `tile_k` products, of which products come first, then columns; else `tile_m * tile_n` elements in
 *  row-major order. A tile that reads what another one has written is a hazard, also where it happens to be read before
 *  that. */
typedef struct tl_composite_request {
    weft_command_op op; /**< WEFT_COMMAND_GEMM, or one of those from WEFT_COMMAND_CAST to WEFT_COMMAND_WHERE */
    tl_tensor a;        /**< of a GEMM [m, k] */
    tl_tensor b;        /**< of a GEMM [k, n]; not looked at by an op of one operand */
    tl_tensor c;        /**< the third operand of WEFT_COMMAND_FMA and WEFT_COMMAND_WHERE */
    uint64_t out;       /**< where the output goes, row-major: in the PE's own memory, or through the DMA engine */
    weft_dtype dtype;   /**< of the output */
    double low, high;   /**< of WEFT_COMMAND_CLAMP */
    const tl_epilogue
        *epilogues;          /**< of a GEMM, in the order in which they are applied; read before the call returns */
    uint32_t epilogue_count; /**< at most WEFT_COMMAND_EPILOGUES_MAX */
} tl_composite_request;

/** A command that may be under way. */
typedef struct tl_command {
    uint64_t number;
} tl_command;

/** Gives a composite command. Non-blocking. */
WEFT_API tl_command tl_composite(weft_tile *tl, const tl_composite_request *request);

/** Waits until a command of this kernel is done, once or again. Blocking. */
WEFT_API void tl_wait(weft_tile *tl, tl_command command);

/* ---- queues ----
 *
 * A queue leads from one PE to a neighbour and has a ring of `pe.ipcq.slots` slots there. Which neighbours a PE has, a
 * launch says (weft_launch_options). What a PE sends towards a direction, its neighbour there receives from the
 * opposite one, in the order of sending. A slot is taken when a message is sent, and is free again when the receiver
 * has freed it and the credit, a message of `system.command_bytes`, is back. Slots are there while the kernel of the
 * receiver runs: a send waits for that to begin, and messages that it has not received when it ends are lost. */

/** Where a neighbour is. Opposites are north and south, east and west, next and previous, parent and child. */
typedef enum tl_direction {
    TL_NORTH = 0, /**< the PE of the same number in the neighbouring cube of this SIP */
    TL_EAST,
    TL_SOUTH,
    TL_WEST,
    TL_PE_NORTH, /**< the neighbouring PE of this cube */
    TL_PE_EAST,
    TL_PE_SOUTH,
    TL_PE_WEST,
    TL_SIP_NORTH, /**< the PE of the same number in the same cube of the neighbouring SIP */
    TL_SIP_EAST,
    TL_SIP_SOUTH,
    TL_SIP_WEST,
    TL_NEXT, /**< the PE of the next rank of this group; after the last comes the first */
    TL_PREVIOUS,
    TL_PARENT,     /**< of rank (rank - 1) / 2 of this group */
    TL_LEFT_CHILD, /**< child: of rank 2 * rank + 1 */
    TL_RIGHT_CHILD /**< child: of rank 2 * rank + 2 */
} tl_direction;
#define TL_DIRECTIONS 17

/** "north", "pe_east", "next"; NULL for a number that is no direction. Static storage. Any thread. */
WEFT_API const char *tl_direction_name(tl_direction direction);

/** True if this PE has a neighbour there. Free. */
WEFT_API bool tl_has_neighbour(const weft_tile *tl, tl_direction direction);

/** How many slots the queues of the machine have, and how many bytes a slot, whether the launch has queues or not.
 * Free.
 */
WEFT_API uint32_t tl_slots(const weft_tile *tl);
WEFT_API uint64_t tl_slot_bytes(const weft_tile *tl);

/** Sends a tensor in TL_TCM, in row-major order. Waits until a slot is free, then is non-blocking: the command is done
 *  when the DMA engine has read the tensor, at `pe.tcm.read_gbs`, which must not change before. A flit leaves when it
 *  has been read. Ends the run if there is no neighbour, or if the tensor has more bytes than a slot. */
WEFT_API tl_command tl_send(weft_tile *tl, tl_direction to, tl_tensor tensor);

/** Waits for the next message from a direction, brings it from its slot to scratch memory, and frees the slot: returns
 *  when the credit has been given. Blocking. Ends the run with WEFT_SHAPE_MISMATCH, naming both, if the message has
 *  other bytes or another dtype; another shape of the same elements is fine. */
WEFT_API tl_tensor tl_recv(weft_tile *tl, tl_direction from, weft_shape shape, weft_dtype dtype);

/** The same without waiting: receives of a direction are served one after another. tl_recv_wait() waits for one and
 *  gives the tensor. A command that is no receive, or one whose tensor was taken before, ends the run. */
WEFT_API tl_command tl_recv_async(weft_tile *tl, tl_direction from, weft_shape shape, weft_dtype dtype);
WEFT_API tl_tensor tl_recv_wait(weft_tile *tl, tl_command command);

/** As tl_recv() and tl_recv_async(), to a place in TL_TCM, which must be contiguous; as of tl_copy(). What they, or
 *  tl_recv_wait(), give is the place as it is then. */
WEFT_API tl_tensor tl_recv_into(weft_tile *tl, tl_direction from, tl_tensor place);
WEFT_API tl_command tl_recv_into_async(weft_tile *tl, tl_direction from, tl_tensor place);

/** Waits for the next message from a direction and leaves it in its slot, which must be in the TCM (`pe.ipcq.memory`).
 *  The slot is not free before tl_free_slot() of the tensor, or of a view of it, which returns when the credit has been
 *  given. What is there must not be read any more after that, whether or not another message comes: it is a hazard,
 *  WEFT_KERNEL_HAZARD_FREED. Slots become free in the order of the ring: where an older one is still held,
 * tl_free_slot() and tl_recv() return without a credit, and the slot becomes free together with that one. Blocking.
 * Errors as of tl_recv(); tl_free_slot() of something else ends the run, and so does a kernel that returns and has not
 * freed a slot. */
WEFT_API tl_tensor tl_recv_in_place(weft_tile *tl, tl_direction from, weft_shape shape, weft_dtype dtype);
WEFT_API void tl_free_slot(weft_tile *tl, tl_tensor tensor);

/* ---- what kernels may know ---- */

/** Reads a tensor in TL_TCM into the processor, which waits for it: computes its elements if nobody has, and copies
 * them, row by row. Blocking, takes what the fetch of so many bytes takes. A kernel that branches on data needs it.
 * Ends the run with WEFT_UNSUPPORTED where no values are kept.
 *  @param out  room for all elements, of the tensor's dtype */
WEFT_API void tl_peek(weft_tile *tl, tl_tensor tensor, void *out);

#ifdef __cplusplus
}
#endif
#endif
