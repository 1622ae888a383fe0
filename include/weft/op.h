/* Ops by name: the generic side of what ops.h types.
 *
 * An op has a name, arguments with roles, a parameter struct, a rule for shapes, and a cost. One definition serves all
 * devices. Tools use this to list ops, to dispatch one by name, and to know what a dispatch moves and computes. */
#ifndef WEFT_OP_H
#define WEFT_OP_H

#include <weft/encoder.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Definition of an op. Static storage, immutable; any thread. */
typedef struct weft_op weft_op;

/** What an op does with an argument. */
typedef enum weft_role {
    WEFT_READ = 1,
    WEFT_WRITE = 2,
    WEFT_READ_WRITE = 3
} weft_role;

#define WEFT_ARGUMENTS_MAX 6

/** How many ops there are, and the one at an index below that; in the order of ops.h. */
WEFT_API size_t weft_op_count(void);
WEFT_API const weft_op *weft_op_at(size_t index);
/** The op of a name; WEFT_NOT_FOUND names the nearest. */
WEFT_API WEFT_CHECKED weft_status weft_op_find(const char *name, const weft_op **out, weft_error *err);

/** Name and number of arguments. Static storage; any thread. */
WEFT_API const char *weft_op_name(const weft_op *op);
WEFT_API size_t weft_op_argument_count(const weft_op *op);
/** Name, role and whether NULL is allowed, of the argument at an index below the count. Any of the outputs may be NULL.
 */
WEFT_API void weft_op_argument(const weft_op *op, size_t index, const char **name, weft_role *role, bool *optional);
/** Bytes of the op's parameter struct in ops.h; 0 for none. Ops whose typed function takes a plain number (the factor
 * of scale, the scale of embedding) take a struct of one float. */
WEFT_API size_t weft_op_params_bytes(const weft_op *op);

/** What a dispatch computes and moves, whatever the device: the bytes of each argument that it touches are counted
 * once. Of a table that is read by ids, they are those of as many rows as there are ids. */
typedef struct weft_cost {
    uint64_t flops; /**< additions and multiplications; a transcendental counts as one */
    uint64_t bytes_read;
    uint64_t bytes_written;
} weft_cost;

/** Records one dispatch: what every typed function of ops.h does.
 *  @param arguments  in the order of the op; NULL where optional. Retained until the command buffer is done.
 *  @param params     weft_op_params_bytes() bytes, copied; NULL if that is 0. */
WEFT_API WEFT_CHECKED weft_status weft_encoder_dispatch(weft_encoder *encoder, const weft_op *op,
                                                        const weft_buffer *const *arguments, size_t argument_count,
                                                        const void *params, weft_error *err);

/** The cost that such a dispatch would have; checks the arguments likewise and records nothing. */
WEFT_API WEFT_CHECKED weft_status weft_op_cost(const weft_op *op, const weft_buffer *const *arguments,
                                               size_t argument_count, const void *params, weft_cost *out,
                                               weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
