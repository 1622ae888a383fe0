/* The log of what moves or makes data on the PEs of a machine: loads, stores, products, operations on elements,
 * composite commands, each as one record, messages from their tensor to their slot, and receives from the slot to
 * scratch memory; a receive in place moves nothing.
 *
 * A record begins at start_ps: with the call of a command, when its dispatch was over; when a message took its slot;
 * when a receive began to read its slot. It ends with the command: a store when it is confirmed, a message when it is
 * in its slot. Its component is the engine that does the work: "sip0.cube0.pe3.gemm", also of a composite command;
 * "queue" for messages, at the sender, and receives, at the receiver.
 *
 * Tensors have physical addresses. The owner of a space is the place of its PE among those of the machine, of an SRAM
 * that of its cube. The numbers of tl_clamp() are inputs without a place, of rank 0 at address 0. An input that was
 * overwritten says so where hazards are but reported, or else is what was read; of a product whose tiles have read
 * different things, what the first of them did. */
#ifndef WEFT_SIM_VALUES_LOG_H
#define WEFT_SIM_VALUES_LOG_H

#include "sim/pe/pe.h"
#include "sim/replay/memory.h"
#include "sim/replay/value.h"

typedef struct weft__pe_log weft__pe_log;

/* An empty log. `values` is the graph that the captured ids are of, borrowed; NULL: nobody keeps values, and records
 * have neither. */
weft_status weft__pe_log_create(weft__pes *pes, weft__values *values, weft__pe_log **out, weft_error *err);
/* After the run; before the graph and the PEs. NULL is fine. */
void weft__pe_log_destroy(weft__pe_log *log);

/* Becomes the recorder of the PEs, before the run: for where nobody keeps values. */
void weft__pe_log_record(weft__pe_log *log);

size_t weft__pe_log_count(const weft__pe_log *log);
/* In the order in which they ended. Computes the inputs if nobody has. WEFT_OUT_OF_RANGE past the last. */
weft_status weft__pe_log_at(weft__pe_log *log, size_t index, weft_record *out, weft_error *err);

/* ---- for who keeps values ----
 * Something has ended, now: it is recorded with the values captured for it, of which the log keeps references. Want of
 * memory is noted in the simulation. */

void weft__pe_log_command(weft__pe_log *log, const weft__command *command);
void weft__pe_log_message(weft__pe_log *log, const weft__ipcq_message *message);
void weft__pe_log_receive(weft__pe_log *log, const weft__ipcq_receive *receive);

/* When `subject`, a command, message or receive, read its input, something else stood there. For its record: an input
 * that is what it was given nevertheless says so, one that is what stood there is not carried. */
void weft__pe_log_overwritten(weft__pe_log *log, const void *subject, uint32_t input, bool is_given,
                              const weft__memory_change *change, const char *writer);
/* The same will have no record: what was noted is dropped. */
void weft__pe_log_forget(weft__pe_log *log, const void *subject);

#endif
