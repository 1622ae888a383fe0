/* Inside of the values on PEs. */
#ifndef WEFT_SIM_VALUES_VALUES_IMPL_H
#define WEFT_SIM_VALUES_VALUES_IMPL_H

#include "sim/machine/address.h"
#include "sim/pe/ipcq.h"
#include "sim/order/order.h"
#include "sim/values/values.h"
#include "sim/values/hazards.h"
#include "sim/values/unawaited.h"
#include "sim/replay/memory.h"

#define WEFT__WRITER_HOST UINT32_MAX

/* Beside how often a memory had been written when something was captured: it has changed since, which was told. */
#define WEFT__TOLD (UINT64_C(1) << 63)

/* Calls that writers are told apart by; that is more than there are. */
#define WEFT__WRITER_CALLS 128u

/* A value that a tensor in the PE's own memory was given. */
typedef struct weft__held_value {
    uint64_t address;
    weft__value_id value;
} weft__held_value;

typedef struct weft__held_values {
    weft__held_value *at;
    size_t count, capacity;
} weft__held_values;

/* A slot in which the PE has received a message in place. */
typedef struct weft__own_slot {
    uint64_t begin, end; /* addresses, of the message */
    weft__time freed_ps; /* WEFT__NEVER: the kernel holds it */
    size_t hazard;       /* of reading it after that, from 1; 0: nobody has */
} weft__own_slot;

typedef struct weft__own_slots {
    weft__own_slot *at;
    size_t count, capacity;
} weft__own_slots;

/* The slot of a queue that the PE sends to. */
typedef struct weft__slot_knowledge {
    weft__order_point *credit; /* what was known to the receiver when it freed the slot */
    uint64_t number;           /* of the last message to it, in its queue */
    uint32_t sent;             /* the same message, among all that the PE has sent; from 1 */
} weft__slot_knowledge;

/* What kernels of a PE have come to know, as far as order.h does not keep it. */
typedef struct weft__pe_knowledge {
    weft__order_point *begun;                   /* when the last one began */
    const weft__ipcq *sends_to;                 /* the queues that it last sent to */
    weft__slot_knowledge *slots[TL_DIRECTIONS]; /* of these; NULL: not needed so far */
    weft__order_point **composites;             /* that nobody has waited for, and some others, by number */
    uint64_t first_composite;                   /* the number of the first one */
    size_t composite_count, composite_room;
} weft__pe_knowledge;

/* A memory of the machine, as far as it is known to go on. */
typedef struct weft__located_memory {
    uint64_t begin, end; /* addresses; none if they are the same */
    weft__location at;   /* its beginning */
} weft__located_memory;

#define WEFT__LOCATED_MEMORIES 512u /* a power of two */

typedef struct weft__pieces weft__pieces;

struct weft__pe_values {
    weft__pes *pes;
    weft__values *values;
    weft__pe_log *log;
    weft__hazards hazards;
    weft__pe_recorder recorder;
    weft__memory **memories;                              /* by node; NULL: nothing was written or read there */
    weft__located_memory located[WEFT__LOCATED_MEMORIES]; /* those that were looked for, by their addresses */
    weft__held_values *scratch, *slots; /* by PE. In scratch memory by ascending address, unless hazards are reported */
    weft__own_slots *own_slots;         /* by PE, of the kernel that it runs */
    weft__unawaited unawaited;
    weft__order *order;           /* of the PEs, by their places in the machine, and of the host, behind them */
    weft__pe_knowledge *known;    /* by PE */
    weft__order_memory *accesses; /* by node */
    const char *calls[WEFT__WRITER_CALLS];
    uint32_t call_count, last_call;
    weft__pieces *pieces;    /* of all commands that have some */
    weft__value_id zeros;    /* what stands where nobody wrote; 0: not needed so far */
    weft__value_part *parts; /* scratch */
    size_t parts_capacity;
};

/* ---- memories ---- */

/* As weft__address_resolve, but fast for a memory that was found before. */
weft_status weft__pe_values_locate(weft__pe_values *it, uint64_t address, uint64_t bytes, weft__location *out,
                                   weft_error *err);

/* An access to this address comes next: what is known of it is asked for, so that one look need not wait for the other.
 */
void weft__pe_values_ask_for(const weft__pe_values *it, uint64_t address);

/* The memory that an address is in, and where in it. */
weft_status weft__pe_values_find(weft__pe_values *it, uint64_t address, uint64_t bytes, weft__memory **out,
                                 uint64_t *out_offset, weft_error *err);

/* A value lands at an address. */
weft_status weft__pe_values_install(weft__pe_values *it, uint64_t address, weft__value_id value, uint32_t writer,
                                    weft_error *err);

/* Who writes: a PE by a call. Its names: "host" for the host, whose call is NULL. */
uint32_t weft__pe_values_writer(weft__pe_values *it, const weft__pe *pe, const char *call);
const char *weft__pe_values_writer_name(const weft__pe_values *it, uint32_t writer);
const char *weft__pe_values_writer_call(const weft__pe_values *it, uint32_t writer);

/* ---- reading ---- */

/* Somebody reads a tensor. */
typedef struct weft__reading {
    weft__pe *pe;
    const char *kernel, *call;
    const char *what; /* "operand 0" */
    const tl_tensor *tensor;
} weft__reading;

/* Captures what a tensor is, with one reference, and how often its memory had been written. *out_change says what
 * stands there instead, if it is not what it is; else its `bytes` are 0. False, and 0, if the run ends. */
bool weft__pe_values_capture(weft__pe_values *it, const weft__reading *reading, weft__value_id *out, uint64_t *out_at,
                             weft__memory_change *out_change);

/* And that for the log: `subject` as of weft__pe_log_overwritten. */
void weft__pe_values_note(weft__pe_values *it, const void *subject, uint32_t input, const weft__memory_change *change);

/* A part of an operand. */
typedef struct weft__tile_part {
    tl_tensor tensor;              /* the part itself, but for a count */
    uint64_t begin[WEFT_RANK_MAX]; /* of a matrix, or what goes with one: where the part begins in the operand */
    uint64_t first, count;         /* else: its first element in row-major order, and if the operand is not contiguous,
                                      how many of `tensor`, which is all of it; 0: all */
} weft__tile_part;

/* True if a part of what was captured then has been written since, unless that has been told of and the value stays
 * what it was. False too if the run ends. */
bool weft__pe_values_has_changed(weft__pe_values *it, const weft__reading *reading, const weft__tile_part *part,
                                 uint64_t at, weft__memory_change *out);

/* What was captured has been read: it must not have been written since. One hazard for each capture, by WEFT__TOLD. */
void weft__pe_values_confirm(weft__pe_values *it, const weft__reading *reading, uint64_t *at);
/* The hazard of a change, by a tile of the command that reads it (`is_own`) or by somebody else. */
void weft__pe_values_meet_change(weft__pe_values *it, const weft__reading *reading, bool is_own,
                                 const weft__memory_change *change, uint64_t *at);

/* The value of what stands where a tensor is, with zeros where nobody wrote, with one reference. */
weft_status weft__pe_values_stands(weft__pe_values *it, const tl_tensor *tensor, weft__value_id *out, weft_error *err);

/* Ends the run with an error, naming kernel, PE, time and call. */
void weft__pe_values_fail(weft__pe_values *it, const weft__pe *pe, const char *kernel, const char *call,
                          const weft_error *err);

/* ---- views ---- */

bool weft__pe_values_is_contiguous(const tl_tensor *tensor);

/* The value of a tensor as it stands in its memory (`of` 0; with zeros where nobody wrote if `filling` is not 0), or as
 * a part of the value that it was given (`of`), with one reference. WEFT_INVALID_STATE for what nobody wrote. */
weft_status weft__pe_values_view(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of,
                                 weft__value_id filling, weft__value_id *out, weft_error *err);

/* True if a tensor is, where it stands, a part of `of`, whose first element is at `base`. Else *out says what is there
 * instead of it; its address is that in the machine. */
weft_status weft__pe_values_is_there(weft__pe_values *it, const tl_tensor *tensor, weft__value_id of, uint64_t base,
                                     bool *out_is_there, weft__memory_change *out, weft_error *err);

/* True if something of a tensor was written after so many writes to its memory, or never: the first such bytes. */
weft_status weft__pe_values_was_written(weft__pe_values *it, const tl_tensor *tensor, uint64_t writes, bool *out_was,
                                        weft__memory_change *out, weft_error *err);
weft_status weft__pe_values_has_gap(weft__pe_values *it, const tl_tensor *tensor, bool *out_has,
                                    weft__memory_change *out, weft_error *err);

/* ---- parts.c: what tiles read ---- */

/* The part of an operand that a tile reads; false if it reads nothing of it. */
bool weft__pe_values_part_of(const weft__pe_values *it, const weft__command *command, uint32_t operand, uint64_t tile,
                             weft__tile_part *out);
weft_status weft__pe_values_part_was_written(weft__pe_values *it, const weft__tile_part *part, uint64_t writes,
                                             bool *out_was, weft__memory_change *out, weft_error *err);
/* The first bytes of a part that lie in [begin, end); false: none. */
bool weft__pe_values_part_meets(const weft__tile_part *part, uint64_t begin, uint64_t end, uint64_t *out_address,
                                uint64_t *out_bytes);
/* As weft__pe_values_stands(): of the shape of the tensor, or of so many elements. */
weft_status weft__pe_values_part_stands(weft__pe_values *it, const weft__tile_part *part, weft__value_id *out,
                                        weft_error *err);

/* The step of a plan that an operand behind the inputs belongs to. */
const weft__plan_step *weft__pe_values_step_of(const weft__plan *plan, uint32_t operand);

/* ---- pieces.c: commands whose tiles make a difference ---- */

/* Before a command begins: if its output lies over operands, so that its tiles may read what others of them wrote, its
 * result is installed tile by tile. */
weft_status weft__pe_values_expect_overlap(weft__pe_values *it, weft__command *command, weft_error *err);
/* Such a command: a tile has read its part of an operand; the result of one lands where a later one has read, which is
 * a hazard, as nothing but time orders the two. False if the run ends. */
void weft__pe_values_note_read(weft__pe_values *it, const weft__command *command, uint32_t operand, uint64_t tile);
bool weft__pe_values_check_landing(weft__pe_values *it, const weft__command *command, uint64_t tile);
/* A tile, not the last one, has landed. */
weft_status weft__pe_values_land_piece(weft__pe_values *it, weft__command *command, uint64_t tile, weft_error *err);
/* True if the change is such a landing of the command itself. */
bool weft__pe_values_is_own(weft__pe_values *it, const weft__command *command, const weft__memory_change *change);
/* Where tensors are what stands there: a tile reads something else than what was captured. WEFT_UNSUPPORTED if its own
 * command made it and cannot be computed tile by tile. */
weft_status weft__pe_values_reread(weft__pe_values *it, weft__command *command, uint32_t operand, uint64_t tile,
                                   const weft__tile_part *part, bool is_own, weft_error *err);
/* command->made becomes the whole result, whatever its tiles have read. */
weft_status weft__pe_values_finish(weft__pe_values *it, weft__command *command, weft_error *err);
/* The command ends; all of them do, with the graph of values behind them. */
void weft__pe_values_drop_pieces(weft__pe_values *it, weft__command *command);
void weft__pe_values_free_pieces(weft__pe_values *it);

/* ---- making ---- */

/* The value that a command makes of what was captured, with one reference. Numbers of the command become captured
 * values behind its operands. */
weft_status weft__pe_values_make(weft__pe_values *it, weft__command *command, weft__value_id *out, weft_error *err);
/* The latter alone. */
weft_status weft__pe_values_capture_limits(weft__pe_values *it, weft__command *command, weft_error *err);

/* ---- tensors of kernels ---- */

/* A tensor in the PE's own memory has this value, from now on until it is let go. */
weft_status weft__pe_values_hold(weft__pe_values *it, weft__held_values *held, uint64_t address, weft__value_id value,
                                 weft_error *err);
/* Lets go of those from an address on, which are the last. */
void weft__pe_values_let_go(weft__pe_values *it, weft__held_values *held, uint64_t address);

/* ---- slots.c: messages in their slots ---- */

/* The kernel has a message in place; has ended. */
weft_status weft__pe_values_slot_taken(weft__pe_values *it, const weft__ipcq_message *message, weft_error *err);
void weft__pe_values_forget_slots(weft__pe_values *it, const weft__pe *pe);
void weft__pe_values_free_slots(weft__pe_values *it);

/* The slot that a tensor lies in, if the kernel of the PE has freed it and received no other message there; or NULL. */
const weft__own_slot *weft__pe_values_freed_slot(const weft__pe_values *it, const weft__pe *pe,
                                                 const tl_tensor *tensor);
/* True if it is so, a hazard unless one has been met in this reading, by has_met_hazard or by WEFT__TOLD of *at, which
 * is set. Such a read is not to be held against writes that come later: that would be the same mistake once more. */
bool weft__pe_values_meet_freed(weft__pe_values *it, const weft__reading *reading, bool has_met_hazard, uint64_t *at);

/* ---- what kernels know ---- */

weft_status weft__pe_values_order_init(weft__pe_values *it, weft_error *err);
void weft__pe_values_order_destroy(weft__pe_values *it);

/* Notes, if it is so, that there was no memory for what is known. */
void weft__pe_values_order_note(weft__pe_values *it);
/* A composite command is given; it, or all (0), has been waited for; it ends. */
void weft__pe_values_order_command(weft__pe_values *it, weft__command *command);
void weft__pe_values_order_awaited(weft__pe_values *it, const weft__pe *pe, uint64_t number);
void weft__pe_values_order_done(weft__pe_values *it, weft__command *command);
/* A message has been waited for. */
void weft__pe_values_order_sent(weft__pe_values *it, const weft__pe *pe, uint8_t direction, uint64_t number);
/* A message takes its slot; the slot is free; the sender could know; the message ends. */
void weft__pe_values_order_send(weft__pe_values *it, weft__ipcq_message *message);
void weft__pe_values_order_free(weft__pe_values *it, weft__ipcq_message *message);
void weft__pe_values_order_credit(weft__pe_values *it, weft__ipcq_message *message);
void weft__pe_values_order_end(weft__pe_values *it, weft__ipcq_message *message);
/* A receive begins; has its message; its kernel has waited for it. */
void weft__pe_values_order_receive(weft__pe_values *it, weft__ipcq_receive *receive);
void weft__pe_values_order_got(weft__pe_values *it, weft__ipcq_receive *receive);
void weft__pe_values_order_took(weft__pe_values *it, weft__ipcq_receive *receive);
/* A kernel has waited for all that it gave. */
void weft__pe_values_order_rest(weft__pe_values *it, const weft__pe *pe);

/* Of launches: the recorder's. */
void weft__pe_values_on_launched(void *context, weft__pe_launch *launch);
void weft__pe_values_on_begun(void *context, weft__pe_launch *launch, weft__pe *pe);
void weft__pe_values_on_left(void *context, weft__pe_launch *launch, weft__pe *pe);
void weft__pe_values_on_known(void *context, weft__pe_launch *launch);

/* A tensor is read or written, by a kernel or, at a point, by what it has given; by the host if there is no PE. A
 * hazard if nothing orders that, unless one has been met in this reading. False if the run ends. */
bool weft__pe_values_order_read(weft__pe_values *it, const weft__reading *by, const weft__order_point *point,
                                weft__order_phase phase, bool has_met_hazard);
bool weft__pe_values_order_write(weft__pe_values *it, const weft__reading *by, const weft__order_point *point);
/* The same for so many bytes and the host, with WEFT_HAZARD if the run ends. */
weft_status weft__pe_values_order_host(weft__pe_values *it, uint64_t address, uint64_t bytes, bool is_write,
                                       weft_error *err);

/* ---- the recorder ---- */

void weft__pe_values_on_send_issued(void *context, weft__ipcq_message *message);
void weft__pe_values_on_send_awaited(void *context, weft__pe *pe, uint8_t direction, uint64_t number);
void weft__pe_values_on_send_begins(void *context, weft__ipcq_message *message);
void weft__pe_values_on_send_ends(void *context, weft__ipcq_message *message);
void weft__pe_values_on_slot_written(void *context, weft__ipcq_message *message);
void weft__pe_values_on_receive_issued(void *context, weft__ipcq_receive *receive);
void weft__pe_values_on_receive_awaited(void *context, weft__ipcq_receive *receive);
void weft__pe_values_on_receive_begins(void *context, weft__ipcq_receive *receive);
void weft__pe_values_on_receive_ends(void *context, weft__ipcq_receive *receive);
void weft__pe_values_on_slot_given_up(void *context, weft__ipcq_message *message);
void weft__pe_values_on_slot_freed(void *context, weft__ipcq_message *message);
void weft__pe_values_on_credited(void *context, weft__ipcq_message *message);
void weft__pe_values_on_lost(void *context, weft__ipcq_message *message);

#endif
