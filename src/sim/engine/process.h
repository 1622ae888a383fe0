/* Processes: code that lives in simulated time and can wait in the middle of a function.
 *
 * A process is a coroutine with a stack of its own. It runs until it waits; then the engine goes on with the next
 * event, and comes back when the process is resumed. What runs is always just one: the engine, or one process.
 * Processes use no threads, and moving between them costs a few dozen instructions.
 *
 * Behind each stack lies a reserve, for who checks how far a process has come only now and then, and behind that pages
 * that must not be touched: an overflow of both ends the program at once instead of corrupting a neighbour. Pages that
 * nobody touches cost no memory. The stack of a process that has ended serves the next one.
 *
 * Functions marked "inside" are for the process that is running. */
#ifndef WEFT_SIM_ENGINE_PROCESS_H
#define WEFT_SIM_ENGINE_PROCESS_H

#include "sim/engine/engine.h"

typedef struct weft__process weft__process;
typedef void weft__process_body(weft__process *self, void *context);

#define WEFT__STACK_BYTES_DEFAULT ((size_t)64 * 1024)
#define WEFT__STACK_RESERVE_BYTES ((size_t)192 * 1024)

/* Starts a process at `time`; it ends when its body returns. `name` is for people, borrowed, and must live as long as
 * the process. NULL after an error, which is noted in the simulation. The pointer is good until the body has returned.
 */
weft__process *weft__process_start(weft_sim *sim, weft__time time, int16_t priority, weft__process_body *body,
                                   void *context, const char *name);
/* The same with a stack of another size, not 0. */
weft__process *weft__process_start_on(weft_sim *sim, size_t stack_bytes, weft__time time, int16_t priority,
                                      weft__process_body *body, void *context, const char *name);

/* Inside: lets `delay` pass. */
void weft__process_wait(weft__process *self, weft__time delay);

/* Inside: waits until somebody resumes the process. */
void weft__process_suspend(weft__process *self);

/* Schedules a suspended process to go on at the present time, after what is already scheduled for it. False, and
 * nothing, if it is not suspended. */
bool weft__process_resume(weft__process *process);

weft_sim *weft__process_sim(const weft__process *process);
const char *weft__process_name(const weft__process *process);

/* Whether the caller is on the stack of this process, and so is what it does. */
bool weft__process_is_running(const weft__process *process);

/* True between suspend and resume. */
bool weft__process_is_suspended(const weft__process *process);

/* The name of the resource, store or signal that the process waits for; NULL if it waits for none. */
const char *weft__process_waits_for(const weft__process *process);

/* Processes that have not ended, one after another, NULL first and last, in the order of starting. */
const weft__process *weft__process_next(const weft_sim *sim, const weft__process *after);

/* For a run that has come to its end with nothing pending, while all processes should have ended: notes an error that
 * names those that wait, for what and since when. WEFT_OK if there is none. */
weft_status weft__process_check_stuck(weft_sim *sim);

#endif
