/* The groups of a launch: which PE has which rank of which group. Pure functions; any thread. */
#ifndef WEFT_SIM_TILE_GROUPS_H
#define WEFT_SIM_TILE_GROUPS_H

#include "base/status.h"

/* Where a PE stands in its launch. */
typedef struct weft__group_place {
    uint32_t group, rank, size; /* of the group */
} weft__group_place;

/* Size and stride, as in weft_launch_options, of a launch on `count` PEs, become what 0 stands for.
 * WEFT_INVALID_ARGUMENT for groups that do not come out. */
weft_status weft__groups_resolve(uint64_t count, uint32_t *size, uint32_t *stride, weft_error *err);

/* Of the PE at `index`, with a size and stride that were resolved. */
weft__group_place weft__group_place_of(uint32_t size, uint32_t stride, uint32_t index);

#endif
