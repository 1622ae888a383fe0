/* Values on PEs: what the memories of a machine hold while kernels run, and what commands make of it.
 *
 * It stands between the engines and the graph of values (replay/). At the moment at which an engine begins to read an
 * operand its value is captured, and at the moment at which a result has landed whole its value is installed; so what
 * is written later changes nothing that was read before. Nothing is computed while kernels run, unless the graph is
 * eager, or a kernel peeks.
 *
 * An operand is captured once, when its first tile is read. Tiles that are read later must not have been written since,
 * neither by others nor by tiles of the same command, whose result is installed tile by tile if it lies over operands.
 * Where a tensor is what stands there, such tiles are captured once more, each for itself (pieces.c).
 * A tensor that was given a value, by the call that made it, must still be that value where it stands. If not, the
 * machine reads something else than the kernel means, which is a hazard, and so is a read of bytes that nobody wrote.
 *
 * Messages. The tensor is captured when the queue's engine begins to read it, and must not change until it has been
 * read. That value is installed in the slot, with the sender as its writer, must still stand there when the receiver
 * reads it, and becomes the value of the tensor that the receiver gets: in scratch memory, or in the slot itself. So a
 * tensor in a slot that was freed and written again is found out when it is used, whatever its shape.
 *
 * Commands that a kernel does not wait for: composite commands, messages on their way and receives. Until the kernel
 * has waited, whatever else it gives must not read what they write, nor write what they read or write, also where time
 * has hidden the mistake. A message is waited for by tl_wait of it or of a later one of the same PE, for the engine
 * reads them one after another, and by the send that gets its slot again; a receive by that of a later one from the
 * same direction.
 *
 * Accesses of different PEs, and of the host, to the same bytes must be ordered by messages, credits and launches, not
 * by time (order.h). A read that has met another hazard is no second one for that.
 *
 * Values of tensors live until their scratch memory is given back, their slot is freed, or the kernel ends; where
 * hazards are but reported, always until the kernel ends, so that a tensor can be what it was given. */
#ifndef WEFT_SIM_VALUES_VALUES_H
#define WEFT_SIM_VALUES_VALUES_H

#include <weft/sim.h>

#include "sim/pe/pe.h"
#include "sim/values/log.h"
#include "sim/replay/value.h"

typedef struct weft__pe_values weft__pe_values;

typedef struct weft__pe_values_options {
    weft_hazard_action hazards;
    weft__pe_log *log; /* is told of all that moves or makes data; borrowed, may be NULL */
} weft__pe_values_options;

/* Becomes the recorder of the PEs, before the run. The graph of values is borrowed. Zeros are the defaults. */
weft_status weft__pe_values_create(weft__pes *pes, weft__values *values, const weft__pe_values_options *options,
                                   weft__pe_values **out, weft_error *err);
/* After the run; before the PEs and the graph. NULL is fine. */
void weft__pe_values_destroy(weft__pe_values *it);

/* Hazards met so far. */
uint64_t weft__pe_values_hazards(const weft__pe_values *it);
/* One of the first thousand, in the order in which they were met; false past the last. */
bool weft__pe_values_hazard_at(const weft__pe_values *it, size_t index, weft_kernel_hazard *out);

/* Somebody else has met one, now: its time and text are filled in here, the text from what kernel, PE and call do not
 * say. All strings but the kernel's name and `what` must live as long as the values. False if the run ends. */
bool weft__pe_values_add_hazard(weft__pe_values *it, const weft_kernel_hazard *hazard, const char *what);

/* The host writes a contiguous tensor, at once. Errors as of weft__address_resolve and weft__memory_install. */
weft_status weft__pe_values_write(weft__pe_values *it, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                  const void *data, weft_error *err);
/* The same with a value that there is already. */
weft_status weft__pe_values_put(weft__pe_values *it, uint64_t address, weft__value_id value, weft_error *err);

/* The host reads one: `out` gets its elements, which are computed now if they have not been. WEFT_INVALID_STATE for
 * bytes that nobody wrote. */
weft_status weft__pe_values_read(weft__pe_values *it, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                 void *out, weft_error *err);
/* The same without computing it: its value, with one reference. */
weft_status weft__pe_values_name(weft__pe_values *it, uint64_t address, weft_dtype dtype, const weft_shape *shape,
                                 weft__value_id *out, weft_error *err);

/* What stands at these bytes is as if nobody had written it. False, and it stays, if there is no memory for that. */
bool weft__pe_values_forget(weft__pe_values *it, uint64_t address, uint64_t bytes);

#endif
