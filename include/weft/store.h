/* The store and the log of the simulator, on their own: what stands where in the memories of a machine, and which
 * values the commands that ran over it have read and written.
 *
 * A value is an immutable tensor that somebody wrote or that a command will produce; it has a number before it has
 * data. A store holds for every byte of its memories which value was last written there. A log is told when a command
 * starts and when it ends: at the start it captures the values that its inputs are then, at the end it writes its
 * output, a value that is computed when somebody reads it, from the captured values and never from what stands in their
 * places by that time. So a slot that is written again, with the same shape or another, changes nothing that was read
 * before.
 *
 * Numbers. All sums and functions are computed in double, in ascending order of the indices, and rounded once to the
 * dtype of the output, to nearest with ties to even; NaN and infinities pass through as in IEEE 754. Where all inputs
 * are integers, everything but WEFT_COMMAND_DIV, WEFT_COMMAND_SOFTMAX and the functions of one argument from
 * WEFT_COMMAND_EXP on is computed in 64-bit integers, which saturate, or where one of them or the output is u64 in
 * integers that saturate at -2^63 and 2^64 - 1; the sum of products of WEFT_COMMAND_GEMM alone wraps at 64 bits, as
 * u64 where both factors are unsigned and as i64 else. What is stored to an integer dtype saturates, and NaN becomes 0.
 * Doubles hold the integers up to 2^53. Comparisons give 1 or 0.
 *
 * Threads: a store and its logs from one thread at a time. */
#ifndef WEFT_STORE_H
#define WEFT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/status.h>
#include <weft/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A store. Opaque; made by weft_store_create(). */
typedef struct weft_store weft_store;

/** A log over a store. Opaque; made by weft_oplog_create(). */
typedef struct weft_oplog weft_oplog;

/** The number of a value; 0 is none. Never given to another value of the same store. */
typedef uint64_t weft_value;

/** Kinds of memory. Values are pinned. */
typedef enum weft_memory_kind {
    WEFT_TCM = 0,  /**< of a PE */
    WEFT_SRAM = 1, /**< of a cube */
    WEFT_HBM = 2   /**< the slice of a PE */
} weft_memory_kind;

/** One of the memories of a store; each has addresses of its own. They need not be made. */
typedef struct weft_space {
    weft_memory_kind kind;
    uint32_t owner; /**< which PE or cube, counted as the caller likes */
} weft_space;

/** A tensor: dense, row-major bytes at an address. It may carry what it stands for, as data or as a value; then that
 *  counts wherever it is read, and not what stands at its address. Plain data. */
typedef struct weft_tensor {
    weft_space space;
    uint64_t address;
    weft_dtype dtype;
    weft_shape shape;
    const void *data; /**< carried data, read while the call lasts; NULL: none */
    weft_value value; /**< carried value, kept alive by whoever captured it, see weft_store_capture(); 0: none */
} weft_tensor;

/** Zeros are the defaults. */
typedef struct weft_store_options {
    uint32_t threads; /**< that compute; 0: one. The results do not depend on it. */
    bool is_eager;    /**< compute every value when it is made. The results do not depend on it. */
} weft_store_options;

/** Makes an empty store.
 *  @param options  or NULL
 *  @param out  owned by the caller until weft_store_destroy(); NULL on failure
 *  WEFT_INVALID_ARGUMENT for more than 1024 threads. */
WEFT_API WEFT_CHECKED weft_status weft_store_create(const weft_store_options *options, weft_store **out,
                                                    weft_error *err);
/** NULL is fine. Its logs must have been destroyed. */
WEFT_API void weft_store_destroy(weft_store *store);

/** Writes a tensor: a copy of its data, or the value that it carries, in its own shape and dtype. Its space and address
 *  are not looked at. What was there is replaced byte by byte, so that a part of an older tensor may remain.
 *  WEFT_INVALID_ARGUMENT for a tensor that carries neither, or a value that does not live; WEFT_SHAPE_MISMATCH for one
 *  that carries a value of other bytes or another dtype; WEFT_OUT_OF_RANGE for an end past the last address. */
WEFT_API WEFT_CHECKED weft_status weft_store_write(weft_store *store, weft_space space, uint64_t address,
                                                   const weft_tensor *tensor, weft_error *err);

/** Reads a tensor as it was written: one of the same dtype and as many bytes must begin at the address. Another shape
 * of them is given as asked for. Bytes of it that were written again since are what they are now.
 *  @param out  weft_shape_elements(shape) elements of @p dtype
 *  WEFT_SHAPE_MISMATCH for other bytes or another dtype, naming both shapes, and for an address in the middle of a
 *  tensor; WEFT_INVALID_STATE for bytes that nobody wrote, naming them. */
WEFT_API WEFT_CHECKED weft_status weft_store_read(weft_store *store, weft_space space, uint64_t address,
                                                  const weft_shape *shape, weft_dtype dtype, void *out,
                                                  weft_error *err);

/** Reads bytes, whatever tensors they are of. WEFT_INVALID_STATE for bytes that nobody wrote, naming them. */
WEFT_API WEFT_CHECKED weft_status weft_store_read_bytes(weft_store *store, weft_space space, uint64_t address,
                                                        uint64_t bytes, void *out, weft_error *err);

/** Captures what stands at a tensor's place now, byte by byte as an engine would read it, and lets the tensor carry it:
 *  @p tensor's value is set, also where it carried another. Computes nothing.
 *  The value lives until weft_store_release(), whatever becomes of the place. Errors as of weft_store_read_bytes(). */
WEFT_API WEFT_CHECKED weft_status weft_store_capture(weft_store *store, weft_tensor *tensor, weft_error *err);

/** Gives back a value that weft_store_capture() gave; once for each capture. 0 is fine. */
WEFT_API void weft_store_release(weft_store *store, weft_value value);

/** Computes a value that lives, if it has not been yet, and copies its data.
 *  @param bytes  room in @p out, which must be what the value has; else WEFT_SHAPE_MISMATCH */
WEFT_API WEFT_CHECKED weft_status weft_store_value_read(weft_store *store, weft_value value, void *out, uint64_t bytes,
                                                        weft_error *err);

/** What a store holds. */
typedef struct weft_store_statistics {
    uint64_t values;     /**< that live */
    uint64_t evaluated;  /**< computed so far, views aside */
    uint64_t data_bytes; /**< of values that live and have been computed */
    uint64_t peak_bytes; /**< the most of these at once */
} weft_store_statistics;

/** Fills @p out. */
WEFT_API void weft_store_get_statistics(const weft_store *store, weft_store_statistics *out);

/** What commands do. Values are pinned. Inputs of commands of two and three inputs are broadcast: aligned at the last
 *  axis, an extent of 1 or a missing one repeats. */
typedef enum weft_command_op {
    WEFT_COMMAND_DMA_READ = 0,   /**< the output is the input, in the output's shape */
    WEFT_COMMAND_DMA_WRITE = 1,  /**< the same */
    WEFT_COMMAND_QUEUE_COPY = 2, /**< the same */
    WEFT_COMMAND_GEMM = 3,       /**< a [m, k], b [k, n], then the operands of the epilogues; output [m, n] */
    WEFT_COMMAND_CAST = 8,       /**< to the dtype of the output */
    WEFT_COMMAND_NEG = 9,
    WEFT_COMMAND_ABS = 10,
    WEFT_COMMAND_RELU = 11,
    WEFT_COMMAND_EXP = 12,
    WEFT_COMMAND_LOG = 13,
    WEFT_COMMAND_SQRT = 14,
    WEFT_COMMAND_RSQRT = 15,
    WEFT_COMMAND_RECIPROCAL = 16,
    WEFT_COMMAND_TANH = 17,
    WEFT_COMMAND_SIGMOID = 18,
    WEFT_COMMAND_GELU = 19, /**< the tanh form */
    WEFT_COMMAND_SILU = 20,
    WEFT_COMMAND_SIN = 21,
    WEFT_COMMAND_COS = 22,
    WEFT_COMMAND_ADD = 32,
    WEFT_COMMAND_SUB = 33,
    WEFT_COMMAND_MUL = 34,
    WEFT_COMMAND_DIV = 35,
    WEFT_COMMAND_MAXIMUM = 36, /**< NaN if one is */
    WEFT_COMMAND_MINIMUM = 37,
    WEFT_COMMAND_EQ = 38,
    WEFT_COMMAND_NE = 39,
    WEFT_COMMAND_LT = 40,
    WEFT_COMMAND_LE = 41,
    WEFT_COMMAND_FMA = 48,   /**< a * b + c, the product rounded to double */
    WEFT_COMMAND_CLAMP = 49, /**< x, low, high: minimum(maximum(x, low), high) */
    WEFT_COMMAND_WHERE = 50, /**< condition, a, b: a where the condition is not 0 */
    WEFT_COMMAND_SUM = 56,   /**< along `axis`, whose extent in the output is 1 or missing */
    WEFT_COMMAND_MAX = 57,   /**< the same; of nothing: minus infinity */
    WEFT_COMMAND_MIN = 58,
    WEFT_COMMAND_SOFTMAX = 59 /**< along `axis` */
} weft_command_op;

/** "dma_read", "gemm", "maximum"; NULL for a number that is no op. Static storage. Any thread. */
WEFT_API const char *weft_command_op_name(weft_command_op op);

/** What is done to the sums of a GEMM, in double, before the one rounding. Values are pinned. */
typedef enum weft_epilogue_op {
    WEFT_EPILOGUE_DEQUANT = 0, /**< times its operand */
    WEFT_EPILOGUE_BIAS = 1,    /**< plus its operand, which may be a whole [m, n] */
    WEFT_EPILOGUE_SCALE = 2,   /**< times `factor` */
    WEFT_EPILOGUE_RELU = 3,
    WEFT_EPILOGUE_GELU = 4,
    WEFT_EPILOGUE_SILU = 5
} weft_epilogue_op;

/** What an epilogue is applied to. Values are pinned. */
typedef enum weft_epilogue_scope {
    WEFT_SCOPE_OUTPUT_TILE = 0, /**< to the sum over all of k */
    WEFT_SCOPE_K_TILE = 1,      /**< to the sum over each `tile_k` of it, before these are added up */
    WEFT_SCOPE_KERNEL = 2       /**< as output tile; when it happens is another time, not another number */
} weft_epilogue_scope;

/** A step after a GEMM. Steps of a scope are applied in their order. An operand is the next input of the command; it is
 *  broadcast to [m, n], or with WEFT_SCOPE_K_TILE to [tiles of k, n]. */
typedef struct weft_epilogue {
    weft_epilogue_op op;
    weft_epilogue_scope scope;
    double factor; /**< of WEFT_EPILOGUE_SCALE */
} weft_epilogue;

#define WEFT_COMMAND_INPUTS_MAX 8
#define WEFT_COMMAND_EPILOGUES_MAX 8

/** A command. Plain data of the caller. */
typedef struct weft_command {
    weft_command_op op;
    const weft_tensor *inputs; /**< @c input_count of them */
    size_t input_count;
    weft_tensor output; /**< where the result goes; what it carries is not looked at */
    uint32_t axis;      /**< of reductions and softmax */
    uint64_t tile_k;    /**< of a GEMM with an epilogue of WEFT_SCOPE_K_TILE */
    weft_epilogue epilogues[WEFT_COMMAND_EPILOGUES_MAX];
    size_t epilogue_count;
} weft_command;

/** Makes an empty log.
 *  @param out  owned by the caller until weft_oplog_destroy(), which must come before that of the store */
WEFT_API WEFT_CHECKED weft_status weft_oplog_create(weft_store *store, weft_oplog **out, weft_error *err);
/** NULL is fine. Lets go of the values that its records hold. */
WEFT_API void weft_oplog_destroy(weft_oplog *log);

/** A command starts: its inputs are captured.
 *  @param component  who runs it, "sip0.cube0.pe0.pe_math"; copied
 *  @param command    known by its address and component until weft_oplog_end(); what it says is read now
 *  WEFT_SHAPE_MISMATCH, WEFT_UNSUPPORTED and WEFT_INVALID_ARGUMENT for a command that makes no sense;
 * WEFT_INVALID_STATE for one that this component has started already, for a time before the last one that the log was
 * told, and for an input that nobody wrote. */
WEFT_API WEFT_CHECKED weft_status weft_oplog_start(weft_oplog *log, uint64_t time_ps, const char *component,
                                                   const weft_command *command, weft_error *err);

/** It ends: its output stands at its place, and there is a record. WEFT_NOT_FOUND for a command that this component has
 *  not started. */
WEFT_API WEFT_CHECKED weft_status weft_oplog_end(weft_oplog *log, uint64_t time_ps, const char *component,
                                                 const weft_command *command, weft_error *err);

/** Where an input that carried a value stood, something else was when it was read: the machine would have read that. */
typedef struct weft_overwrite {
    bool is_overwritten;
    uint64_t address, bytes; /**< the first range that is not what the input carried */
    const char *writer;      /**< the component that wrote it, "host" for weft_store_write(), NULL if nobody did */
    uint64_t time_ps;        /**< when; for the host the last time that a log was told before */
} weft_overwrite;

/** An input of a record. */
typedef struct weft_record_input {
    weft_tensor tensor; /**< with the captured value and its data, which live as long as the log */
    bool is_carried;    /**< the tensor carried it, else it was read at its place */
    weft_overwrite overwrite;
} weft_record_input;

/** A command that has ended. */
typedef struct weft_record {
    weft_command_op op;
    const char *component; /**< lives as long as the store */
    uint64_t start_ps, end_ps;
    weft_record_input inputs[WEFT_COMMAND_INPUTS_MAX];
    size_t input_count;
    weft_tensor output; /**< with its value, which lives as long as the log, and no data */
} weft_record;

/** Records in the log. */
WEFT_API size_t weft_oplog_count(const weft_oplog *log);

/** The record at @p index, in the order in which commands ended. Computes the inputs if nobody did.
 *  WEFT_OUT_OF_RANGE past the last. */
WEFT_API WEFT_CHECKED weft_status weft_oplog_record(weft_oplog *log, size_t index, weft_record *out, weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
