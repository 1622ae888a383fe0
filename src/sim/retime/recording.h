/* Inside of a recording. */
#ifndef WEFT_SIM_RETIME_RECORDING_H
#define WEFT_SIM_RETIME_RECORDING_H

#include <weft/retime.h>

#include "base/status.h"
#include "sim/host/processor.h"
#include "sim/retime/stream.h"

/* What the host does, each with its numbers behind it. */
typedef enum weft__deed {
    WEFT__DEED_LAUNCH, /* its number */
    WEFT__DEED_AWAIT,  /* the same */
    WEFT__DEED_MOVE,   /* 1 for a write, the place told from PE 0, bytes */
    WEFT__DEED_AWAIT_MOVES,
    WEFT__DEED_SUBMIT,        /* the parts of a command buffer */
    WEFT__DEED_AWAIT_COMMANDS /* 1 for a sync */
} weft__deed;

/* What one PE asked in a launch. */
typedef struct weft__recorded_kernel {
    uint32_t stream;   /* its number; WEFT__STREAM_NONE while recording, before the kernel has ended */
    uint64_t *offsets; /* of the stream's places in HBM; NULL if it has none */
} weft__recorded_kernel;

/* A launch, and what its PEs asked, in their order. */
typedef struct weft__recorded_launch {
    char *name;
    weft_pe_set pes; /* resolved */
    uint32_t queues, group_size, group_stride;
    uint32_t count; /* of PEs */
    weft__recorded_kernel *kernels;
    uint64_t serial; /* while recording: that of the run */
    bool is_awaited;
} weft__recorded_launch;

/* While recording: what a PE is at. */
typedef struct weft__recorded_pe {
    bool is_in_kernel;
    size_t launch;  /* its number */
    uint32_t index; /* of the PE in it */
    weft__bytes asks, offsets;
} weft__recorded_pe;

struct weft_recording {
    char *machine;
    weft__bytes keys; /* of keys.h */
    weft__bytes deeds;
    weft__bytes parts; /* weft__processor_part; a dispatch with 1 more than the number of its launch, or 0 */
    weft__streams streams;
    weft__recorded_launch *launches;
    size_t launch_count, launch_capacity;
    uint64_t requests;
    char refusal[WEFT_ERROR_MESSAGE_BYTES]; /* empty: none */
    bool is_whole;

    weft_simulation *simulation; /* NULL: finished */
    weft__recorded_pe *pes;      /* by their places in the machine */
    uint32_t pe_count;
    uint64_t submitted, ended; /* command buffers */
    bool has_failed;           /* out of memory */
    bool is_bad;               /* a kernel's requests could not be read back */
    weft__pe_listener pe_listener;
    weft__host_listener host_listener;
};

/* Room for one more launch, all zero; NULL without memory. */
weft__recorded_launch *weft__recording_add_launch(weft_recording *recording);
/* Makes a text one that can stand in a sentence: what is not UTF-8, or a control character, becomes '?'. True if
 * nothing had to be changed. */
bool weft__recording_tidy_text(char *text);
/* Takes so many offsets for a kernel from a reader. False without memory. */
bool weft__recording_take_offsets(weft__reader *from, uint32_t count, weft__recorded_kernel *out);

/* Reads what weft_recording_save() writes. `what` it reads begins the sentence of an error: "The file 'x.run'". */
weft_status weft__recording_parse(const char *what, const void *data, size_t bytes, weft_recording **out,
                                  weft_error *err);

/* ---- playing ---- */

/* What a kernel that asks what was recorded is given. */
typedef struct weft__played_launch {
    const weft_recording *recording;
    const weft__recorded_launch *launch;
    struct weft__stretches *stretches; /* NULL: all requests are made */
} weft__played_launch;

void weft__play_kernel(weft_tile *tl, const void *arguments);

typedef struct weft__played_commands weft__played_commands;
typedef struct weft__player weft__player;

/* A recording that is played on a machine. */
struct weft__player {
    const weft_recording *recording;
    const weft_machine *machine;
    weft_simulation *simulation;
    struct weft__stretches *stretches; /* NULL: nothing is skipped */
    struct weft__groups *groups;       /* the same */
    weft__played_launch *given;        /* to the kernels of each launch */
    weft_kernel_launch **launches;     /* by their numbers; NULL: not begun, or over */
    weft_launch_report *reports;       /* of those that are over */
    uint64_t host_ps;                  /* how far the host is; the clock may be behind */
    uint64_t moving;                   /* transfers under way */
    bool has_moved;                    /* none is any more */

    weft__processor processor;
    weft__reader parts;                   /* that it has not come to */
    weft__played_commands *first, **last; /* submitted and not awaited */
    uint64_t submitted;                   /* how many */
    weft__processor_job *job_of;          /* by launch */
};

/* Launches, from the host unless there is an origin. */
weft_status weft__play_launch(weft__player *it, uint64_t number, const weft__launch_origin *origin, weft_error *err);
/* A launch is over: keeps its report, and lets go of it. */
void weft__play_end_launch(weft__player *it, uint64_t number);

extern const weft__processor_client weft__play_client;

weft_status weft__play_submit(weft__player *it, uint64_t parts, weft_error *err);
weft_status weft__play_await_commands(weft__player *it, bool is_sync, weft_error *err);
void weft__play_free_commands(weft__player *it);

weft_status weft__play_fail_damaged(weft_error *err);

/* weft_retime(), which skips stretches (stretch.h) whose outcome is known, or without that: the same times, and all
 * events. */
weft_status weft__retime(const weft_recording *recording, const weft_machine *machine, bool skips,
                         weft_retime_result **out, weft_error *err);

#endif
