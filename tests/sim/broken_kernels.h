/* Kernels with a mistake each, and the same kernels without it. */
#ifndef WEFT_TESTS_SIM_BROKEN_KERNELS_H
#define WEFT_TESTS_SIM_BROKEN_KERNELS_H

#include <weft/collective.h>

/* What a kernel is given. Tensors are f32 of `rows` x `columns` for each PE; extents vary by seed, but are multiples of
 * 4 and fit a slot. */
typedef struct broken_work {
    bool is_broken;
    uint64_t rows, columns;
    const weft_placed_tensor *in;     /* written by the host */
    const weft_placed_tensor *out;    /* by nobody */
    const weft_placed_tensor *shared; /* by the host; all of it in the SRAM of cube 0 */
    uint64_t shared_address;
} broken_work;

/* A mistake: what kind it is, and how it must be found. */
typedef struct broken_kernel {
    const char *kind, *name;
    weft_tile_kernel *kernel;
    uint32_t cubes, pes; /* that it is launched on, of SIP 0 */
    uint32_t queues;
    weft_status status;             /* of the run */
    weft_kernel_hazard_kind hazard; /* if that is WEFT_HAZARD */
    const char *call;               /* that must be named */
    const char *says;               /* what else must be said; NULL: nothing */
} broken_kernel;

/* Of each file, until one without a name. */
extern const broken_kernel broken_commands[], broken_queues[], broken_memories[];

#endif
