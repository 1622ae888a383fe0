/* The discrete-event engine: a clock, and events in a total order.
 *
 * Time is a whole number of picoseconds. Events happen in the order (time, priority, sequence): a lower priority value
 * comes first, and events alike in both happen in the order in which they were scheduled. An event is a function with a
 * 64-bit argument, or a coroutine to resume (process.h builds on that). Nothing else makes time pass.
 *
 * How. Pending events lie in a timing wheel of slots, each some picoseconds wide, in two scales, fine and coarse; a
 * bitmap over a bitmap finds the next slot in use. The events of a coarse slot move into fine ones when the clock comes
 * near, always before anything at that time happens: otherwise a new near event could overtake an old far one. A slot
 * is put in order when the clock reaches it, if it is not in order already. What lies beyond the coarse slots is in a
 * heap. The width of the slots follows the density of events; it has no influence on their order. Steady state
 * allocates nothing.
 *
 * Errors are sticky: a call that fails notes it, the run ends after the present event, and weft__sim_run returns it. So
 * models need not check each schedule. There is no global state: any number of simulations may exist, each used from
 * one thread at a time. */
#ifndef WEFT_SIM_ENGINE_ENGINE_H
#define WEFT_SIM_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct weft_sim weft_sim;

/* Picoseconds since the start of the simulation. Time ends after 106 days. */
typedef uint64_t weft__time;
#define WEFT__TIME_LAST ((uint64_t)INT64_MAX)
#define WEFT__NEVER UINT64_MAX

/* What an event does. */
typedef void weft__event_function(weft_sim *sim, uint64_t argument);

/* Names an event for people: writes what `function` with `argument` belongs to. */
typedef void weft__event_describe(void *context, weft__event_function *function, uint64_t argument, char *text,
                                  size_t bytes);

/* A scheduled event: where it is and its sequence number, so that an id that has had its event is harmless. 0 is none.
 */
typedef uint64_t weft__event_id;

/* Zero means the default of each. */
typedef struct weft__sim_options {
    uint64_t events_per_tick_max;   /* more at one picosecond is a livelock; default 2^22 */
    weft__event_describe *describe; /* names components in errors; default: none but processes are named */
    void *describe_context;
} weft__sim_options;

weft_status weft__sim_create(const weft__sim_options *options, weft_sim **out, weft_error *err);
/* Drops what is pending. NULL is fine. Not from within a run. */
void weft__sim_destroy(weft_sim *sim);

weft__time weft__sim_now(const weft_sim *sim);

/* Schedules an event at `time`, which must be neither past nor after the end of time. Returns 0 after an error, which
 * is noted. There is room for 33 million pending events. */
weft__event_id weft__sim_at(weft_sim *sim, weft__time time, int16_t priority, weft__event_function *function,
                            uint64_t argument);

/* The same, `delay` from now, with priority 0. */
weft__event_id weft__sim_after(weft_sim *sim, weft__time delay, weft__event_function *function, uint64_t argument);

/* Takes an event back. False if it has happened, was cancelled before, or never was. */
bool weft__sim_cancel(weft_sim *sim, weft__event_id id);

/* Runs events until none is left, `until` lies before the next one, or an error is noted. The clock then stands at the
 * last event, or at `until` if that was reached (but not if it is WEFT__NEVER). */
weft_status weft__sim_run(weft_sim *sim, weft__time until, weft_error *err);

/* Sets all pending events aside, and the clock to a time that is not after the present one: what is scheduled from now
 * on is by itself, and weft__sim_run() may be called within an event of the run that stands still. Until
 * weft__sim_step_back(), when what is left, none of which may be before the clock that stood still, joins the others
 * behind those of its time and priority. Not while something is aside already. False without memory, which is noted.
 */
bool weft__sim_step_aside(weft_sim *sim, weft__time time);
void weft__sim_step_back(weft_sim *sim);
bool weft__sim_is_aside(const weft_sim *sim);

/* Notes an error, the first of which counts, and ends the run. Returns the status. */
weft_status weft__sim_fail(weft_sim *sim, weft_status status, const char *format, ...) WEFT_COLD WEFT_PRINTF(3, 4);
bool weft__sim_has_failed(const weft_sim *sim);

/* Ends the run after the present event, without an error. */
void weft__sim_stop(weft_sim *sim);

/* Mixes a value into the trace hash. The engine itself mixes in the time, priority and number of every event; models
 * add what tells two runs apart, and never an address. */
void weft__sim_note(weft_sim *sim, uint64_t value);

/* Counts and the hash of all that has happened. */
typedef struct weft__sim_info {
    weft__time now;
    uint64_t events;    /* that have happened */
    uint64_t scheduled; /* ever */
    uint64_t cancelled;
    uint64_t pending;
    uint64_t allocations; /* calls of malloc and its like, ever: constant in steady state */
    uint64_t trace_hash;
} weft__sim_info;

void weft__sim_get_info(const weft_sim *sim, weft__sim_info *out);

#endif
