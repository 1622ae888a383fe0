/* What a store is, for its logs. */
#ifndef WEFT_SIM_REPLAY_STORE_IMPL_H
#define WEFT_SIM_REPLAY_STORE_IMPL_H

#include "sim/replay/memory.h"
#include "sim/replay/names.h"

typedef struct weft__store_memory {
    uint64_t key; /* of its space */
    weft__memory memory;
} weft__store_memory;

struct weft_store {
    weft__values *values;
    weft__threads *threads;
    weft__store_memory **memories; /* by key */
    size_t memory_count, memory_capacity;
    weft__names writers; /* 0 is the host */
    uint64_t now_ps;     /* the last time that a log was told */
};

/* The memory of a space, made if it is new. WEFT_INVALID_ARGUMENT for a kind that is none. */
weft_status weft__store_memory_of(weft_store *store, weft_space space, weft__memory **out,
                                  weft_error *err) WEFT_CHECKED;

/* What a tensor carries, in its shape, with a reference for the caller; 0 if it carries nothing. Errors as of
 * weft_store_write(). */
weft_status weft__store_carried(weft_store *store, const weft_tensor *tensor, weft__value_id *out,
                                weft_error *err) WEFT_CHECKED;

#endif
