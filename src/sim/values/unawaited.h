/* What kernels have given and not waited for: which memory it reads and writes, so that whatever they give meanwhile
 * can be held against it.
 *
 * A conflict is a hazard when the second of the two is given, whether or not the first has ended by then: only time
 * would order them. Whether the order has held, and by how much, their accesses decide: an earlier read is over with
 * the last tile of that operand, a write has landed with the last tile of the result, a later read begins with its
 * first tile. The hazard gets to know when both have been made.
 *
 * A wait that is missing is one mistake: of conflicts of one kind with one access of what was not waited for the first
 * is a hazard, and counts the others. */
#ifndef WEFT_SIM_VALUES_UNAWAITED_H
#define WEFT_SIM_VALUES_UNAWAITED_H

#include "sim/pe/pe.h"
#include "sim/values/hazards.h"

/* Memory that something reads or writes. */
typedef struct weft__touch {
    const tl_tensor *tensor;
    uint64_t begin, end; /* addresses; all of it is between them */
    bool is_whole;       /* and it is all that is between them */
    bool is_write;
    const char *what; /* "operand 0" */
} weft__touch;

#define WEFT__TOUCHES_MAX (WEFT_COMMAND_INPUTS_MAX + 1) /* operands, then the result */

/* Something that a kernel gives. */
typedef struct weft__given {
    weft__pe *pe;
    const char *kernel, *call;
    const void *subject; /* whose accesses weft__hazards_accessed() tells of, by the number of the touch; NULL: it is
                            made now */
    uint32_t touch_count;
    weft__touch touches[WEFT__TOUCHES_MAX];
} weft__given;

/* Touches nothing so far. Its strings live as long as the hazards. */
void weft__given_init(weft__given *given, weft__pe *pe, const char *kernel, const char *call, const void *subject);
/* It also reads or writes this, which is borrowed until it has been checked and added. */
void weft__given_touch(weft__given *given, const tl_tensor *tensor, bool is_write, const char *what);

typedef enum weft__unawaited_kind {
    WEFT__UNAWAITED_COMPOSITE,
    WEFT__UNAWAITED_SEND,
    WEFT__UNAWAITED_RECEIVE
} weft__unawaited_kind;

/* Which of its PE. */
typedef struct weft__unawaited_id {
    weft__unawaited_kind kind;
    uint8_t direction; /* of a composite command 0 */
    uint64_t number;
} weft__unawaited_id;

typedef struct weft__unawaited_entry weft__unawaited_entry;

/* What one PE has given, in that order. */
typedef struct weft__unawaited_list {
    weft__unawaited_entry *first, *last;
    weft__unawaited_entry *running;  /* all before this one have ended; NULL: all have */
    uint64_t begin, end;             /* addresses that any of them touches, since there was none, */
    uint64_t write_begin, write_end; /* and that any of them writes, are between these */
    uint64_t sent;                   /* messages, ever */
} weft__unawaited_list;

typedef struct weft__unawaited {
    weft__hazards *hazards;
    weft__unawaited_list *lists; /* by PE */
    weft__unawaited_entry *free;
    struct weft__kept_tensor *free_tensors;
    weft__arena entries;
} weft__unawaited;

weft_status weft__unawaited_init(weft__unawaited *it, uint32_t pes, weft__hazards *hazards, weft_error *err);
/* A zeroed one is fine. */
void weft__unawaited_destroy(weft__unawaited *it);

/* False: nothing that the PE could give would conflict. */
bool weft__unawaited_has_any(const weft__unawaited *it, const weft__pe *pe);

/* Something is given: a hazard for each that it conflicts with. False if the run ends. */
bool weft__unawaited_check(weft__unawaited *it, const weft__given *given);

/* And is not waited for itself. */
weft_status weft__unawaited_add(weft__unawaited *it, const weft__given *given, weft__unawaited_id id, weft_error *err);

/* It has ended, and has made its accesses, by the number of the touch, at these times last. */
void weft__unawaited_end(weft__unawaited *it, const weft__pe *pe, weft__unawaited_id id, const uint64_t *times_ps);

/* The kernel has waited for it, so that it has ended. A message that has been read tells the same of all messages that
 * the PE has given before, and a receive of those from its direction. */
void weft__unawaited_wait(weft__unawaited *it, const weft__pe *pe, weft__unawaited_id id);
/* The kernel has come to know, by what others have told it, that the first so many messages of the PE have been read.
 */
void weft__unawaited_know_sends(weft__unawaited *it, const weft__pe *pe, uint64_t sent);
/* The same for all composite commands, or for everything. */
void weft__unawaited_wait_composites(weft__unawaited *it, const weft__pe *pe);
void weft__unawaited_wait_all(weft__unawaited *it, const weft__pe *pe);

#endif
