/* The work that one value is. */
#ifndef WEFT_SIM_REPLAY_EVALUATE_NODE_H
#define WEFT_SIM_REPLAY_EVALUATE_NODE_H

#include "sim/replay/kernels.h"
#include "sim/replay/value_impl.h"

typedef struct weft__value_node_work weft__value_node_work;

/* Does units [begin, end). */
typedef void weft__value_node_work_function(const weft__value_node_work *work, uint64_t begin, uint64_t end,
                                            void *scratch);

/* Units can be done in any order, by anybody. A unit costs about `unit_work` (one is an element, roughly a nanosecond),
 * and fewer than `least_units` at once are wasteful. `scratch_bytes` is what each worker needs. */
struct weft__value_node_work {
    weft__value_node_work_function *run;
    weft__compute_function *compute; /* of an operation */
    weft__computation kernel;
    uint64_t units, unit_work, least_units;
    size_t scratch_bytes;
    const weft__values *values;
    const weft__value_node *node;
    unsigned char *out;
};

/* A view of which the data are those of its input: gives them to it. False for everything else. */
bool weft__value_node_share(weft__values *values, weft__value_node *node);

/* The node has its buffer, its inputs have data. The nodes must not change until the work is done. */
void weft__value_node_work_init(const weft__values *values, const weft__value_node *node, weft__value_node_work *out);

static inline void weft__value_node_work_run(const weft__value_node_work *work, uint64_t begin, uint64_t end,
                                             void *scratch)
{
    work->run(work, begin, end, scratch);
}

#endif
