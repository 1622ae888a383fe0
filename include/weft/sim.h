/* A machine at work: tensors in its memories, tile kernels on its PEs, the time that they take and the numbers that
 * they compute.
 *
 * A simulation belongs to one machine and has one clock, which starts at 0 and goes on from launch to launch. Nothing
 * happens outside of weft_simulation_wait(), weft_placed_tensor_upload() and weft_placed_tensor_download().
 *
 * Times and numbers. Time comes first: kernels run, and commands move and name values that nobody computes. What the
 * host reads, or a kernel peeks at, is computed then, with all that it needs and nothing else; see <weft/store.h> for
 * the numerics. Without values a simulation gives times alone, and needs neither the data nor the memory for them. The
 * times are the same.
 *
 * Threads: a simulation and what was made from it from one thread at a time; different simulations from any, also of
 * one machine.
 *
 * Kernels run while the host waits, and may call what says "also from a kernel", or "any thread". That stays a call of
 * the host: it takes no simulated time, and nothing orders it with what kernels do, so that elements which the kernel
 * then reads, or has read, make a hazard when they are set. What lets time pass says "not from a kernel", and is
 * refused there. A kernel may also make, run and destroy a simulation of its own. All of this takes stack of the
 * kernel, and nobody looks at how much is left: see weft_launch_options.stack_bytes. */
#ifndef WEFT_SIM_H
#define WEFT_SIM_H

#include <weft/activity.h>
#include <weft/machine.h>
#include <weft/tile.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A machine at work. Opaque; made by weft_simulation_create(). */
typedef struct weft_simulation weft_simulation;

/* ---- hazards ---- */

/** What a hazard is. Values are pinned. */
typedef enum weft_kernel_hazard_kind {
    WEFT_KERNEL_HAZARD_OVERWRITTEN = 0, /**< a tensor is read, and another value stands where it was */
    WEFT_KERNEL_HAZARD_UNWRITTEN = 1,   /**< bytes are read that nobody has written */
    WEFT_KERNEL_HAZARD_RAW = 2,         /**< a read and an earlier write that nothing orders */
    WEFT_KERNEL_HAZARD_WAR = 3,         /**< a write and an earlier read that nothing orders */
    WEFT_KERNEL_HAZARD_WAW = 4,         /**< a write and an earlier write that nothing orders */
    WEFT_KERNEL_HAZARD_UNRECEIVED = 5,  /**< a message that nobody had received when the launch ended */
    WEFT_KERNEL_HAZARD_FREED = 6        /**< a read of a slot that the kernel has freed, before it has received another
                                             message there in place */
} weft_kernel_hazard_kind;

/** "overwritten", "unwritten", "RAW" ...; NULL for a number that is none. Static storage. Any thread. */
WEFT_API const char *weft_kernel_hazard_kind_name(weft_kernel_hazard_kind kind);

/** A hazard: who, where, when, and because of whom. Strings live as long as the simulation. */
typedef struct weft_kernel_hazard {
    weft_kernel_hazard_kind kind;
    const char *kernel, *call; /**< "decode", "tl_add"; NULL, and what it did, of the host */
    const char *pe;            /**< "sip0.cube3.pe7", "host" */
    uint64_t time_ps;
    uint64_t address, bytes;
    const char *slot_pe;         /**< the address lies in a slot of a queue to this PE; NULL: in none */
    tl_direction slot_direction; /**< then, where that PE receives from it */
    uint32_t slot;               /**< and which slot of the ring, from 0 */
    const char *other;      /**< who made the earlier access, or wrote what stands there: a PE, "host", NULL: nobody */
    const char *other_call; /**< of the other, where it is known; else NULL */
    uint64_t other_ps;
    /** The accesses happened in the order that the kernel seems to mean, this time. What counts is when they
     *  happened, not when the kernel called: an earlier read is over with the last tile that it is for, a write has
     *  landed with its last tile, a later read begins with its first one. A run that ends at the hazard does not get
     *  to know, and says what was so at the call. */
    bool held;
    uint64_t margin_ps; /**< by which that order held or failed: between the two accesses */
    uint64_t repeats;   /**< further accesses in conflict with the same one for the want of the same wait, not kept for
                             themselves */
    const char *text;   /**< all of this as one sentence */
} weft_kernel_hazard;

/** What happens at a hazard. Values are pinned. Without values only messages that nobody received are found. */
typedef enum weft_hazard_action {
    WEFT_HAZARDS_ERROR = 0,  /**< the run ends with WEFT_HAZARD */
    WEFT_HAZARDS_REPORT = 1, /**< it is kept; a tensor is the value that it was given */
    /** It is kept; a tensor is what stands there, as in the machine, and 0 is what nobody wrote. Each tile of a
     *  command reads its operands at once, when the memory gets its request or the fetch begins, and so has what was
     *  written before that and nothing that was written later; a load, a store and a message read in the same way,
     *  whole. A result stands there from its last tile on, or tile by tile if it lies over operands of its command.
     *  WEFT_UNSUPPORTED where that cannot be computed: a tile of a softmax or of a reduction has read what another
     *  one of it wrote. */
    WEFT_HAZARDS_HARDWARE = 2
} weft_hazard_action;

/* ---- simulations ---- */

/** What becomes of data. Values are pinned. */
typedef enum weft_values_mode {
    WEFT_VALUES_LAZY = 0,  /**< computed when somebody reads them */
    WEFT_VALUES_EAGER = 1, /**< computed as soon as they are made; the same bits */
    WEFT_VALUES_NONE = 2   /**< times alone */
} weft_values_mode;

/** Zeros are the defaults. */
typedef struct weft_simulation_options {
    weft_values_mode values;
    weft_hazard_action hazards;
    uint32_t threads;      /**< that compute values; 0: one. The results do not depend on it. */
    uint64_t perturb_seed; /**< not 0: latencies vary at random within the `perturb` bounds of the machine */
    bool keeps_log;        /**< every command that moves or makes data, see weft_simulation_log_at() */
    /** Write a Perfetto trace there, of engines, queues and processors, which appears in
     *  weft_simulation_finish_trace(), see file.h; whatever was at the path before stays until then. NULL: none. */
    const char *trace_path;
} weft_simulation_options;

/** Makes a simulation at time 0.
 *  @param machine  borrowed: it must outlive the simulation
 *  @param options  or NULL
 *  @param out      owned by the caller until weft_simulation_destroy(); NULL on failure
 *  WEFT_IO if the trace cannot be written. Also from a kernel, of another simulation. */
WEFT_API WEFT_CHECKED weft_status weft_simulation_create(const weft_machine *machine,
                                                         const weft_simulation_options *options, weft_simulation **out,
                                                         weft_error *err);
/** Its tensors and launches must have been destroyed. What is under way is dropped, and so is a trace that was not
 *  finished. NULL is fine. Not from a kernel of this simulation, whose stack goes with it: a programming error, at
 *  which the program crashes. */
WEFT_API void weft_simulation_destroy(weft_simulation *simulation);

/** Completes the trace, also of a simulation that has failed; what comes later is not in it. Without a trace, and once
 *  more, it does nothing. WEFT_IO if the file could not be written. Also from a kernel. */
WEFT_API WEFT_CHECKED weft_status weft_simulation_finish_trace(weft_simulation *simulation, weft_error *err);

/** The present time. Also from a kernel; tl_now_ps() is the call that recordings know of. */
WEFT_API uint64_t weft_simulation_now_ps(const weft_simulation *simulation);

/** What it took so far. */
typedef struct weft_simulation_statistics {
    uint64_t events;
    uint64_t trace_hash; /**< of all events: equal for equal input */
    uint64_t values;     /**< made */
    uint64_t evaluated;  /**< computed */
    uint64_t peak_bytes; /**< of data that values held at once */
    uint64_t hazards;
} weft_simulation_statistics;

/** Fills @p out. Also from a kernel. */
WEFT_API void weft_simulation_get_statistics(const weft_simulation *simulation, weft_simulation_statistics *out);

/** The hazard at @p index, in the order of their times; false past the last. Those after the first thousand are counted
 *  and not kept. Also from a kernel. */
WEFT_API bool weft_simulation_hazard_at(const weft_simulation *simulation, size_t index, weft_kernel_hazard *out);

/** From now on, notes when links, PEs and memories are busy; what was noted before is forgotten. Costs no simulated
 *  time. Also from a kernel. */
WEFT_API WEFT_CHECKED weft_status weft_simulation_keep_activity(weft_simulation *simulation, weft_error *err);
/** What has been noted until now; see <weft/activity.h>. Also from a kernel.
 *  @param out  owned by the caller until weft_activity_destroy(), and may outlive the simulation; NULL on failure
 *  WEFT_INVALID_STATE without weft_simulation_keep_activity(). */
WEFT_API WEFT_CHECKED weft_status weft_simulation_take_activity(const weft_simulation *simulation, weft_activity **out,
                                                                weft_error *err);

/** How many records the log has; and the one at @p index, in the order in which commands ended, with the inputs that
 * were captured when they were read. A record is as of weft_oplog_record(), but the addresses of its tensors are
 * physical, and its inputs have data only where values are kept. WEFT_OUT_OF_RANGE past the last, WEFT_INVALID_STATE
 * without keeps_log. Also from a kernel. */
WEFT_API size_t weft_simulation_log_count(const weft_simulation *simulation);
WEFT_API WEFT_CHECKED weft_status weft_simulation_log_at(weft_simulation *simulation, size_t index, weft_record *out,
                                                         weft_error *err);

/* ---- PEs ---- */

/** Some PEs: `sips` SIPs from `first_sip` on, of each of them `cubes` cubes from `first_cube` on, and of each of these
 *  `pes` PEs from `first_pe` on. A count of 0 is all that are left; so zeros are all PEs of the machine. */
typedef struct weft_pe_set {
    uint32_t first_sip, sips;
    uint32_t first_cube, cubes;
    uint32_t first_pe, pes;
} weft_pe_set;

/** How many PEs a set has. WEFT_OUT_OF_RANGE, naming what the machine has, for PEs that it lacks. Any thread. */
WEFT_API WEFT_CHECKED weft_status weft_machine_count_pes(const weft_machine *machine, const weft_pe_set *pes,
                                                         uint32_t *out, weft_error *err);

/* ---- virtual addresses ---- */

/** Gives a range of memory a virtual address, for the kernels of some PEs: calls of <weft/tile.h> that name memory take
 * it, and so PEs can find at one address what lies elsewhere for each of them, or find in one piece what lies in many.
 * Takes no simulated time, and holds for transfers that begin from now on. What look-ups of addresses take is told
 * at `pe.mmu` of the machine; a page may have any number of mappings, and those of one page do not disturb each other.
 * Also from a kernel.
 *  @param pes              NULL: all PEs. Each of them gets the mapping, or none does
 *  @param virtual_address  from WEFT_VIRTUAL_BEGIN on; as `address` and `bytes`, a multiple of nothing in particular
 *  @param address          physical, of HBM, SRAM or the TCM of a PE; it may be mapped elsewhere too
 *  @param bytes            not 0, all of them in one memory
 *  WEFT_INVALID_ARGUMENT, naming both, for a mapping that overlaps another one of the same PE; WEFT_OUT_OF_RANGE for
 *  PEs and addresses that are none. */
WEFT_API WEFT_CHECKED weft_status weft_simulation_map(weft_simulation *simulation, const weft_pe_set *pes,
                                                      uint64_t virtual_address, uint64_t address, uint64_t bytes,
                                                      weft_error *err);
/** Takes all mappings away that lie in a range of virtual addresses, from all of these PEs or, on failure, from none.
 * What is under way goes on to where they led. WEFT_NOT_FOUND if a PE has none there, WEFT_INVALID_ARGUMENT
 * for one that is but partly in the range. Also from a kernel. */
WEFT_API WEFT_CHECKED weft_status weft_simulation_unmap(weft_simulation *simulation, const weft_pe_set *pes,
                                                        uint64_t virtual_address, uint64_t bytes, weft_error *err);

/* ---- tensors ---- */

/** A tensor in the memories of a machine, as shards. Opaque; made by weft_placed_tensor_create(). */
typedef struct weft_placed_tensor weft_placed_tensor;

/** How a tensor is spread over the units of one level: SIPs, cubes or PEs. Values are pinned. */
typedef enum weft_split {
    WEFT_REPLICATE = 0,    /**< each unit has all of it */
    WEFT_SPLIT_ROWS = 1,   /**< along the first axis: each has ceil(rows / units) rows, the last ones less or none */
    WEFT_SPLIT_COLUMNS = 2 /**< along the last axis, in the same way */
} weft_split;

/** Where shards lie. Values are pinned. */
typedef enum weft_home {
    WEFT_HOME_HBM = 0, /**< in the slice of their PE */
    WEFT_HOME_SRAM = 1 /**< in the SRAM of their cube */
} weft_home;

/** Where a tensor goes: first it is spread over the SIPs of the set, the share of a SIP over its cubes, that of a cube
 *  over its PEs. Zeros: all of it in each PE. */
typedef struct weft_placement {
    weft_pe_set pes;
    weft_split over_sips, over_cubes, over_pes;
    weft_home home;
} weft_placement;

/** Makes a tensor and takes the memory for it: the lowest place that is free, at a multiple of 256 bytes and of a flit.
 *  Where `pe.ipcq.memory` is that memory, some of it is kept for the slots of queues. Also from a kernel.
 *  @param shape      no extent 0; of rank 1 at least where it is split
 *  @param placement  or NULL: zeros
 *  @param out        owned by the caller until weft_placed_tensor_destroy(); NULL on failure
 *  WEFT_OUT_OF_MEMORY, naming it, if a memory of the machine has no room; WEFT_UNSUPPORTED if the machine has none of
 *  the kind; WEFT_OUT_OF_RANGE for PEs that it lacks. */
WEFT_API WEFT_CHECKED weft_status weft_placed_tensor_create(weft_simulation *simulation, weft_dtype dtype,
                                                            const weft_shape *shape, const weft_placement *placement,
                                                            weft_placed_tensor **out, weft_error *err);
/** Gives the memory back, and what stood there is as if nobody had written it. Launches that are under way may go on
 *  using the tensor: it lasts until they have ended. Kernels that are launched later must not. NULL is fine. Also from
 * a kernel, but not while the host uploads or downloads this tensor. */
WEFT_API void weft_placed_tensor_destroy(weft_placed_tensor *tensor);

/** The share of a PE. */
typedef struct weft_shard {
    char pe[48];
    uint64_t address;               /**< physical; 0, which may be an address too, if the shard is empty */
    weft_shape shape;               /**< an extent is 0 if the PE has no share: the shard is empty */
    uint64_t origin[WEFT_RANK_MAX]; /**< in the tensor: the index of its first element */
} weft_shard;

/** How many shards there are, empty ones included: one for each PE of the placement, in the order of the machine. Also
 *  from a kernel. */
WEFT_API size_t weft_placed_tensor_shard_count(const weft_placed_tensor *tensor);
/** The shard at @p index; false past the last. Also from a kernel. */
WEFT_API bool weft_placed_tensor_get_shard(const weft_placed_tensor *tensor, size_t index, weft_shard *out);

/** Gives all shards, copies too, their elements, as if they had always been there: takes no simulated time. Without
 *  values it does nothing. After WEFT_OUT_OF_MEMORY some shards may have theirs.
 *  @param data   all elements, row-major, copied; not looked at without values
 *  @param bytes  of all elements; other bytes are WEFT_SHAPE_MISMATCH, here and below
 *  WEFT_HAZARD, also below, for elements that a launch uses that has not ended, if hazards are errors: the simulation
 *  has ended then, as with a hazard of a kernel. Also from a kernel, which ends then in its next call that waits. */
WEFT_API WEFT_CHECKED weft_status weft_placed_tensor_set(weft_placed_tensor *tensor, const void *data, size_t bytes,
                                                         weft_error *err);
/** Reads all elements, computing them if nobody has; of copies, the one that comes first. Takes no simulated time.
 *  WEFT_INVALID_STATE for elements that nobody wrote, WEFT_UNSUPPORTED without values. Also from a kernel; tl_peek()
 *  is the call that recordings know of. */
WEFT_API WEFT_CHECKED weft_status weft_placed_tensor_get(weft_placed_tensor *tensor, void *out, size_t bytes,
                                                         weft_error *err);
/** The same for one shard, which lies alone in @p out. WEFT_OUT_OF_RANGE past the last. Also from a kernel. */
WEFT_API WEFT_CHECKED weft_status weft_placed_tensor_get_of(weft_placed_tensor *tensor, size_t shard, void *out,
                                                            size_t bytes, weft_error *err);

/** The same over the host's link, in simulated time: all shards begin to move now, and the call returns when the last
 * has arrived. An upload moves each copy, a download one of them. Elements change hands when they come to the memory,
 * or leave it; whatever else is under way goes on. Without values they take the same time, and do not look at the data.
 *  After an error of the simulation that error comes back. Not from a kernel: WEFT_INVALID_STATE, and nothing moves. */
WEFT_API WEFT_CHECKED weft_status weft_placed_tensor_upload(weft_placed_tensor *tensor, const void *data, size_t bytes,
                                                            weft_error *err);
WEFT_API WEFT_CHECKED weft_status weft_placed_tensor_download(weft_placed_tensor *tensor, void *out, size_t bytes,
                                                              weft_error *err);

/** For kernels: names the shard of this PE, as tl_ref() does. Free. Ends the run if the PE has none, or an empty one.
 */
WEFT_API tl_tensor tl_shard(weft_tile *tl, const weft_placed_tensor *tensor);
/** The index in the tensor, along an axis of it, of the first element of this shard. Free. Errors as of tl_shard(), and
 *  WEFT_SHAPE_MISMATCH for an axis that the tensor does not have. */
WEFT_API uint64_t tl_shard_origin(weft_tile *tl, const weft_placed_tensor *tensor, uint32_t axis);
/** True if this PE has a share that is not empty. Free. */
WEFT_API bool tl_has_shard(const weft_tile *tl, const weft_placed_tensor *tensor);

/* ---- launches ---- */

/** A launch. Opaque; made by weft_simulation_launch(). */
typedef struct weft_kernel_launch weft_kernel_launch;

/** Queues between PEs of a launch, to be or'ed. A PE has a ring of slots for each direction in which it has a
 * neighbour: `pe.ipcq.slots` times `pe.ipcq.slot_bytes` at the end of the memory that `pe.ipcq.memory` names. In the
 * TCM they leave so much less scratch memory. */
#define WEFT_QUEUES_CUBES 1u /**< north, east, south, west */
#define WEFT_QUEUES_PES 2u   /**< between the PEs of a cube */
#define WEFT_QUEUES_SIPS 4u  /**< between SIPs, as `system.fabric` joins them; a ring where that is a switch */
#define WEFT_QUEUES_RING 8u  /**< next and previous of each group */
#define WEFT_QUEUES_TREE 16u /**< parent and children of each group */

/** What to launch. Zeros are the defaults, except for the kernel. */
typedef struct weft_launch_options {
    const char *name; /**< for people, copied; default "kernel" */
    weft_tile_kernel *kernel;
    const void *arguments; /**< borrowed until the launch has ended */
    weft_pe_set pes;
    uint32_t queues; /**< WEFT_QUEUES_... */
    /** Groups: PE i of the launch, in the order of the machine, has rank i / stride % size of group
     *  i / (size * stride) * stride + i % stride; so with stride 1 a group is `size` PEs that follow one another.
     *  Stride 0: 1; size 0: as large as the stride allows, so with stride 1 one group of all. The PEs must be a
     * multiple of size * stride. */
    uint32_t group_size, group_stride;
    /** Bytes of stack that the kernel has on each PE, from WEFT_TILE_STACK_BYTES_MIN to WEFT_TILE_STACK_BYTES_MAX; 0:
     *  WEFT_TILE_STACK_BYTES. What is not touched costs no memory. */
    uint32_t stack_bytes;
} weft_launch_options;

/** Sends a launch, now. Several can be under way; a PE runs its kernels one after another. Also from a kernel: it is
 *  the host that sends it, and a run with such a launch cannot be re-timed.
 *  @param out  owned by the caller until weft_kernel_launch_destroy(), which must come before that of the simulation
 *  WEFT_OUT_OF_RANGE for PEs that the machine lacks; WEFT_INVALID_ARGUMENT for groups that do not come out, or a
 *  stack out of range;
 *  WEFT_OUT_OF_MEMORY if the queues leave no room for scratch memory; WEFT_UNSUPPORTED if there is no way to a PE. */
WEFT_API WEFT_CHECKED weft_status weft_simulation_launch(weft_simulation *simulation,
                                                         const weft_launch_options *options, weft_kernel_launch **out,
                                                         weft_error *err);
/** A launch that is under way goes on, and its memory is the simulation's. NULL is fine. Also from a kernel, but not of
 *  the launch that the host waits for. */
WEFT_API void weft_kernel_launch_destroy(weft_kernel_launch *launch);

/** Simulates until the host knows that the launch has ended. Errors are those of kernels, see <weft/tile.h>;
 *  WEFT_HAZARD; WEFT_DEADLOCK, naming PEs, what each of them waits for, and the circle if there is one. After an error
 *  the simulation cannot go on: the same error comes back. Not from a kernel: WEFT_INVALID_STATE, also for a launch
 * that has ended. */
WEFT_API WEFT_CHECKED weft_status weft_simulation_wait(weft_simulation *simulation, weft_kernel_launch *launch,
                                                       weft_error *err);

/** Where time of a PE goes. */
typedef enum weft_pe_time {
    WEFT_PE_TIME_DISPATCH = 0, /**< the processor gives commands */
    WEFT_PE_TIME_COMPUTE = 1,  /**< it waits for GEMM or math, or for a composite command while one of these works */
    WEFT_PE_TIME_DMA = 2,      /**< for a load or store, or for a composite command while none of these works */
    WEFT_PE_TIME_QUEUE = 3,    /**< for a message, a slot or a credit */
    WEFT_PE_TIME_BARRIER = 4,  /**< the same inside of tl_barrier() */
    WEFT_PE_TIME_IDLE = 5      /**< its kernel has not begun yet, or has ended, while others of the launch run */
} weft_pe_time;
#define WEFT_PE_TIMES 6

/** "dispatch", "compute" ...; NULL for a number that is none. Static storage. Any thread. */
WEFT_API const char *weft_pe_time_name(weft_pe_time spent);

/** Time of an engine; the three together are the makespan, for each PE. */
typedef struct weft_engine_time {
    const char *engine; /**< "dma_read", "dma_write", "fetch", "gemm", "math", "store", "queue" */
    uint64_t busy_ps;   /**< it serves something */
    uint64_t stall_ps;  /**< it does not, while a command that needs it is under way */
    uint64_t idle_ps;
    uint64_t bytes; /**< moved */
} weft_engine_time;
#define WEFT_ENGINES 7

/** What a launch took. Sums over its PEs, or of one. */
typedef struct weft_launch_report {
    uint64_t begin_ps;    /**< the host sent it */
    uint64_t start_ps;    /**< the first PE began */
    uint64_t finish_ps;   /**< the last PE had ended */
    uint64_t end_ps;      /**< the host knew */
    uint64_t makespan_ps; /**< from the first start to the last finish, also in the report of one PE */
    uint32_t pes;
    uint64_t spent_ps[WEFT_PE_TIMES]; /**< together pes * makespan, to the picosecond */
    weft_engine_time engines[WEFT_ENGINES];
    uint64_t commands, tiles, messages;
    uint64_t macs;             /**< products: m * k * n of all GEMMs */
    uint64_t memory_bytes;     /**< that the DMA engines moved from and to HBM and SRAM; not messages */
    uint64_t compute_bound_ps; /**< what the GEMMs would take at the peak of their dtypes, spread evenly over the PEs */
    /** What memory_bytes would take, in the same way, at the bandwidth of the PEs' slices of HBM: that of the
     *  pseudo-channels or that of the link, whichever is less. Without HBM: of their shares of the SRAM's link. */
    uint64_t memory_bound_ps;
    double roofline_fraction; /**< the greater of these two over the makespan; 0 for a kernel that does nothing */
} weft_launch_report;

/** Of all PEs of a launch that has ended, and zeros of one that has not. Also from a kernel. */
WEFT_API void weft_kernel_launch_get_report(const weft_kernel_launch *launch, weft_launch_report *out);
/** Of one of its PEs, by its place in the launch, which is below `pes`: start and finish are its own, and what is left
 * of the makespan is idle. Also from a kernel. @param pe  becomes its name */
WEFT_API void weft_kernel_launch_get_report_of(const weft_kernel_launch *launch, size_t index, char pe[48],
                                               weft_launch_report *out);
/** Adds a report to those of other launches, in any order; zeros are none. The sum begins and starts with the earliest
 *  of them, and finishes and ends with the latest. Times and counts are added up, as if the launches had come one after
 *  another: where launches overlap, the time that they share counts once for each of them, in makespan_ps too, which is
 *  then more than from start to finish. The sum's pes is the greatest of theirs. Any thread. */
WEFT_API void weft_launch_report_add(weft_launch_report *sum, const weft_launch_report *one);

#ifdef __cplusplus
}
#endif
#endif
