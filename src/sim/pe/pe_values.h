/* Values on PEs: what the memories of a machine hold while kernels run, and what commands make of it.
 *
 * It stands between the engines and the graph of values (replay/). At the moment at which an engine begins to read an
 * operand its value is captured, and at the moment at which a result has landed whole its value is installed; so what
 * is written later changes nothing that was read before. Nothing is computed while kernels run, unless the graph is
 * eager.
 *
 * An operand is captured once, when its first tile is read. Tiles that are read later must still be what was captured
 * then. A tensor that was given a value, by the call that made it, must still be that value where it stands. If not,
 * the machine reads something else than the kernel means, which is a hazard.
 *
 * Values of tensors live until their scratch memory is given back, or the kernel ends. */
#ifndef WEFT_SIM_PE_PE_VALUES_H
#define WEFT_SIM_PE_PE_VALUES_H

#include "sim/pe/pe.h"
#include "sim/replay/value.h"

typedef struct weft__pe_values weft__pe_values;

typedef enum weft__hazard_mode {
    WEFT__HAZARDS_ERROR,   /* the run ends with WEFT_HAZARD */
    WEFT__HAZARDS_REPORT,  /* told of, and the value is what the tensor was given */
    WEFT__HAZARDS_HARDWARE /* told of, and the value is what stands there */
} weft__hazard_mode;

typedef struct weft__pe_values_options {
    weft__hazard_mode hazards;
    void (*hazard)(void *context, const char *sentence); /* not in mode error; may be NULL */
    void *context;
} weft__pe_values_options;

/* Becomes the recorder of the PEs, before the run. The graph of values is borrowed. Zeros are the defaults. */
weft_status weft__pe_values_create(weft__pes *pes, weft__values *values, const weft__pe_values_options *options,
                                   weft__pe_values **out, weft_error *err);
/* After the run; before the PEs and the graph. NULL is fine. */
void weft__pe_values_destroy(weft__pe_values *it);

/* Hazards found so far. */
uint64_t weft__pe_values_hazards(const weft__pe_values *it);

/* The host writes a contiguous tensor, at once. Errors as of weft__address_resolve and weft__memory_install. */
weft_status weft__pe_values_write(weft__pe_values *it, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                  const void *data, weft_error *err);
/* The host reads one: `out` gets its elements, which are computed now if they have not been. */
weft_status weft__pe_values_read(weft__pe_values *it, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                 void *out, weft_error *err);

#endif
