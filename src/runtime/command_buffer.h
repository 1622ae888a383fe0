/* Command buffers: what an encoder records and a device runs.
 *
 * A command buffer belongs to its encoder while it is recorded, to the device's queue from commit to finish, and to the
 * device's list of idle ones after that, with its memory kept for the next recording. */
#ifndef WEFT_RUNTIME_COMMAND_BUFFER_H
#define WEFT_RUNTIME_COMMAND_BUFFER_H

#include <stdatomic.h>

#include <weft/timeline.h>

#include "base/arena.h"
#include "runtime/device_impl.h"
#include "runtime/graph_hold.h"
#include "runtime/label.h"

/* What became of the command buffers of one encoder or session. Shared by the encoder and all that it has submitted. */
typedef struct weft__chain {
    _Atomic uint32_t references;
    bool poisons;        /* after a failure, skip what follows (sessions) */
    _Atomic bool failed; /* `error` is set */
    weft_error error;    /* of the first failure; written before `failed` is raised, by the finishing thread only */
    _Atomic uint64_t completed, failures;
    _Atomic uint64_t fence_value; /* the fence: grows as signals are reached */
} weft__chain;

weft__chain *weft__chain_create(bool poisons);
void weft__chain_release(weft__chain *chain);

/* When one part of a command buffer ran: what timeline.h tells of it. */
typedef struct weft__part_time {
    weft_timeline_kind kind;
    const weft_dispatch *dispatch; /* NULL for what is none */
    uint32_t barriers;             /* before it */
    uint64_t start_ps, end_ps;
    weft_timeline_work work;
} weft__part_time;

/* What a replayed graph uses, held until the finish. */
typedef struct weft__held_graph {
    struct weft__held_graph *next;
    weft__replay_hold *hold; /* retained */
} weft__held_graph;

struct weft__command_buffer {
    struct weft__command_buffer *next; /* in a queue or the idle list */
    weft_device *device;
    uint64_t id;       /* unique on the device */
    uint64_t sequence; /* in the order of commits, from 1; 0 before the commit */
    weft__arena arena; /* dispatches, parameters, labels */

    /* The recording: dispatches in order, NULL for a barrier. */
    const weft_dispatch **stream;
    size_t stream_count, stream_capacity;
    uint32_t dispatch_count, barrier_count, inferred_count;

    /* Handles held until the finish, and allocations that are written, each once. */
    const weft_buffer **retained;
    size_t retained_count, retained_capacity;
    weft__allocation **written;
    size_t written_count, written_capacity;
    weft__held_graph *held_graphs; /* in the arena; what they hold may be in the lists above too */

    weft__chain *chain;                /* retained from commit to finish */
    uint64_t wait_value, signal_value; /* of the chain's fence; 0: none */
    char label[WEFT__LABEL_BYTES];

    weft_timeline *timeline; /* or NULL: then no times are taken */
    weft__part_time *times;  /* room for all dispatches and barriers and two fences, when there is a timeline */
    size_t time_count;
    uint64_t submitted_ps, start_ps, end_ps, known_ps;

    bool is_settled; /* see weft__command_buffer_settle() */
};

/* A fresh or recycled command buffer; counts it as created. */
weft_status weft__command_buffer_create(weft_device *device, weft__command_buffer **out, weft_error *err);
/* Empties one that is not submitted and puts it on the idle list. NULL is fine. */
void weft__command_buffer_recycle(weft__command_buffer *commands);
/* Empties one that is being recorded; it goes on as it began. */
void weft__command_buffer_restart(weft__command_buffer *commands);
/* Frees it for good. */
void weft__command_buffer_free(weft__command_buffer *commands);

/* What the two below do when there is more to it than a look. */
weft_status weft__command_buffer_hold_first(weft__command_buffer *commands, const weft_buffer *buffer, bool writes,
                                            weft_error *err);
weft_status weft__command_buffer_grow(weft__command_buffer *commands, weft_error *err);

/* Holds what a graph uses until the finish. False when out of memory. */
bool weft__command_buffer_hold_graph(weft__command_buffer *commands, weft__replay_hold *hold);
/* Makes room for `more` dispatches and barriers. */
weft_status weft__command_buffer_reserve_many(weft__command_buffer *commands, size_t more, weft_error *err);

/* Holds a handle until the finish; `writes` notes its allocation as written. */
static inline weft_status weft__command_buffer_hold(weft__command_buffer *commands, const weft_buffer *buffer,
                                                    bool writes, weft_error *err)
{
    /* A mark is only ever equal to our id if we set it: other encoders write their own ids. */
    bool held = atomic_load_explicit(&buffer->retained_by, memory_order_relaxed) == commands->id;
    bool noted = !writes || atomic_load_explicit(&buffer->written_by, memory_order_relaxed) == commands->id;
    return held && noted ? WEFT_OK : weft__command_buffer_hold_first(commands, buffer, writes, err);
}

/* Makes room for a dispatch and a barrier ahead of it: once the hazard tracker knows of them, appending must not fail.
 */
static inline weft_status weft__command_buffer_reserve(weft__command_buffer *commands, weft_error *err)
{
    return commands->stream_count + 2 <= commands->stream_capacity ? WEFT_OK : weft__command_buffer_grow(commands, err);
}

/* Appends a dispatch, or NULL for a barrier; room must have been made. */
static inline void weft__command_buffer_append(weft__command_buffer *commands, const weft_dispatch *dispatch)
{
    commands->stream[commands->stream_count++] = dispatch;
    commands->dispatch_count += dispatch != NULL;
    commands->barrier_count += dispatch == NULL;
}

/* Makes room for the times of all parts, if they are wanted: the device must not allocate. */
weft_status weft__command_buffer_prepare_times(weft__command_buffer *commands, weft_error *err);

/* WEFT_OK if the device should run it; otherwise the error with which it must be finished at once: its chain is
 * poisoned, or it waits for a fence that nothing before it signals. */
weft_status weft__command_buffer_start(weft__command_buffer *commands, weft_error *err);

/* Puts "Command buffer 'decode'" before the message of a failed command buffer's error. */
void weft__command_buffer_fail_within(weft_error *err, const weft__command_buffer *commands);

/* Notes what became of it, for the command buffers behind it: what they wait for, and whether they are skipped. For
 * devices that begin with the next one before they finish this one; takes no locks. In order of submission. */
void weft__command_buffer_settle(weft__command_buffer *commands, weft_status status, const weft_error *error);

/* Called by the device, in order of submission, when the work is done or has failed; settles it unless that was done.
 * Gives everything back, and lets waiters go. The command buffer must not be touched afterwards. */
void weft__command_buffer_finish(weft__command_buffer *commands, weft_status status, const weft_error *error);

#endif
