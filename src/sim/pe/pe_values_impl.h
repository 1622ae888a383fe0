/* Inside of the values on PEs. */
#ifndef WEFT_SIM_PE_PE_VALUES_IMPL_H
#define WEFT_SIM_PE_PE_VALUES_IMPL_H

#include "sim/machine/address.h"
#include "sim/pe/pe_values.h"
#include "sim/replay/memory.h"

#define WEFT__WRITER_HOST UINT32_MAX

/* The memory behind a node. */
typedef struct weft__node_memory {
    weft__memory memory;
    uint64_t writes; /* how often it has been written */
} weft__node_memory;

/* A value that a tensor in scratch memory was given. */
typedef struct weft__held_value {
    uint64_t address;
    weft__value_id value;
} weft__held_value;

/* Those of a PE, by ascending address. */
typedef struct weft__held_values {
    weft__held_value *at;
    size_t count, capacity;
} weft__held_values;

struct weft__pe_values {
    weft__pes *pes;
    weft__values *values;
    weft__pe_values_options options;
    weft__pe_recorder recorder;
    weft__node_memory **memories; /* by node; NULL: nothing was written or read there */
    weft__held_values *held;      /* by PE */
    weft__value_part *parts;      /* scratch */
    size_t parts_capacity;
    uint64_t hazards;
};

/* The memory that an address is in, and where in it. */
weft_status weft__pe_values_find(weft__pe_values *it, uint64_t address, uint64_t bytes, weft__node_memory **out,
                                 uint64_t *out_offset, weft_error *err);

/* The value of a tensor as it stands in its memory (`of` 0), or as a part of the value that it was given (`of`), with
 * one reference. */
weft_status weft__pe_values_view(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, weft__value_id *out,
                                 weft_error *err);

/* True if a tensor is, where it stands, a part of `of`, whose first element is at `base`. Else *out says what is there
 * instead of it; its address is that in the machine. */
weft_status weft__pe_values_is_there(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, uint64_t base,
                                     bool *out_is_there, weft__memory_change *out, weft_error *err);

/* The value that a command makes of what was captured, with one reference. */
weft_status weft__pe_values_make(weft__pe_values *it, const weft__command *command, weft__value_id *out,
                                 weft_error *err);

#endif
