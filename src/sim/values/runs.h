/* The runs of a tensor: elements that lie together in memory, one run behind the other by ascending address. */
#ifndef WEFT_SIM_VALUES_RUNS_H
#define WEFT_SIM_VALUES_RUNS_H

#include <weft/tile.h>

/* A tensor with its axes in the order of memory. */
typedef struct weft__runs {
    uint32_t order[WEFT_RANK_MAX]; /* axis i of the layout is this axis of the tensor */
    weft_shape shape;
    uint64_t stride[WEFT_RANK_MAX];
    uint32_t outer; /* axes before those that lie together */
    uint64_t run;   /* elements that lie together */
    uint64_t count; /* of runs */
} weft__runs;

weft__runs weft__runs_of(const tl_tensor *tensor);

/* Where a run begins, in elements from the first one of the tensor. */
uint64_t weft__runs_begin(const weft__runs *it, uint64_t index);

#endif
