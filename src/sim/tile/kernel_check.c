/* Kernels that do not go on: who waits for whom, and in which circle. */
#include <stdarg.h>
#include <stdio.h>

#include "sim/tile/call.h"

/* A sentence, and whether all of it found room. */
typedef struct sentence {
    char text[WEFT_ERROR_MESSAGE_BYTES];
    size_t used, room;
} sentence;

static WEFT_PRINTF(2, 3) bool say(sentence *it, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(it->text + it->used, it->room - it->used, format, arguments);
    va_end(arguments);
    if (bytes < 0 || (size_t)bytes >= it->room - it->used) {
        it->text[it->used] = '\0';
        return false;
    }
    it->used += (size_t)bytes;
    return true;
}

/* What the kernel of a PE waits for in its queues. */
static weft__ipcq_wait wait_of(const weft_tile *tl)
{
    return tl->run->ipcq && tl->start != WEFT__NEVER && tl->end == WEFT__NEVER
               ? weft__ipcq_waits_for(tl->run->ipcq, tl->pe)
               : (weft__ipcq_wait){.kind = WEFT__IPCQ_RUNS};
}

/* Who has to do something before a PE goes on, of those that take part; NULL if that is not known. */
static weft_tile *awaited_by(const weft_tile *tl)
{
    weft__ipcq_wait wait = wait_of(tl);
    bool is_for_peer = wait.kind == WEFT__IPCQ_WAITS_SLOT || wait.kind == WEFT__IPCQ_WAITS_MESSAGE;
    return is_for_peer ? weft__kernel_run_find(tl->run, weft__pe_index(wait.peer)) : NULL;
}

/* ---- circles ---- */

/* A PE of a circle that the waits from `tl` on lead into; NULL if they end somewhere. One of two goes twice as fast. */
static const weft_tile *circle_from(const weft_tile *tl)
{
    const weft_tile *slow = tl, *fast = tl;
    do {
        fast = awaited_by(fast);
        if (fast)
            fast = awaited_by(fast);
        if (!fast)
            return NULL;
        slow = awaited_by(slow);
    } while (slow != fast);
    return slow;
}

/* The first PE in a circle, in the order of the launch. */
static const weft_tile *find_circle(const weft__kernel_run *run)
{
    for (size_t i = 0; i < run->request.count; i++) {
        const weft_tile *in_circle = circle_from(&run->tiles[i]), *first = in_circle;
        if (!in_circle)
            continue;
        for (const weft_tile *it = awaited_by(in_circle); it != in_circle; it = awaited_by(it))
            if (it < first)
                first = it;
        return first;
    }
    return NULL;
}

/* More are not named. */
#define CIRCLE_NAMES 5u

static void say_circle(sentence *it, const weft_tile *first)
{
    const weft_tile *at = first;
    size_t count = 0;
    do
        count++;
    while ((at = awaited_by(at)) != first);
    if (count > CIRCLE_NAMES)
        (void)say(it, ", in a circle of %zu PEs: ", count);
    else
        (void)say(it, ", in a circle: ");
    for (size_t i = 0; i < count && i < CIRCLE_NAMES; i++, at = awaited_by(at))
        (void)say(it, "%s -> ", weft__pe_name(at->pe));
    (void)say(it, "%s%s", count > CIRCLE_NAMES ? "... -> " : "", weft__pe_name(first->pe));
}

/* ---- the list ---- */

/* What is to be said of the PE that another one waits for. */
static const char *state_of(const weft_tile *tl)
{
    if (tl->end != WEFT__NEVER)
        return ", whose kernel has ended,";
    return tl->start == WEFT__NEVER ? ", whose kernel has not begun," : ",";
}

static bool say_pe(sentence *it, const weft_tile *tl, const char *comma)
{
    const weft_tile *peer = awaited_by(tl);
    const char *name = weft__pe_name(tl->pe);
    if (tl->start == WEFT__NEVER)
        return say(it, "%s %s has not begun", comma, name);
    if (!peer)
        return say(it, "%s %s waits in %s since %.3f ns", comma, name, tl->call ? tl->call : "no call",
                   (double)tl->call_ps / 1000);
    weft__ipcq_wait wait = wait_of(tl);
    bool is_slot = wait.kind == WEFT__IPCQ_WAITS_SLOT;
    return say(it, "%s %s waits in %s for %s %s, %s%s since %.3f ns", comma, name, tl->call,
               is_slot ? "a free slot of" : "a message from", tl_direction_name(wait.direction),
               weft__pe_name(peer->pe), state_of(peer), (double)tl->call_ps / 1000);
}

static size_t count_waiting(const weft__kernel_run *run)
{
    size_t waiting = 0;
    for (size_t i = 0; i < run->request.count; i++)
        waiting += run->tiles[i].end == WEFT__NEVER;
    return waiting;
}

/* Kept for the dots of a list that is cut. */
#define DOTS_BYTES 4u

weft_status weft__kernel_run_check(const weft__kernel_run *run, weft_error *err)
{
    if (weft__kernel_run_end_ps(run) != WEFT__NEVER)
        return WEFT_OK;
    size_t waiting = count_waiting(run);
    if (waiting == 0)
        return weft__fail(err, WEFT_DEADLOCK,
                          "Deadlock: kernel '%s' has ended on all %zu PEs, but the host has not heard of it.",
                          run->request.name, run->request.count);
    const weft_tile *circle = find_circle(run);
    sentence it = {.room = sizeof it.text - DOTS_BYTES};
    (void)say(&it, "Deadlock: kernel '%s' has not ended on %zu of %zu PEs, and nothing happens any more",
              run->request.name, waiting, run->request.count);
    if (circle)
        say_circle(&it, circle);
    const char *comma = ":";
    bool fits = true;
    for (size_t i = 0; i < run->request.count && fits; i++)
        if (run->tiles[i].end == WEFT__NEVER) {
            fits = say_pe(&it, &run->tiles[i], comma);
            comma = ",";
        }
    it.room = sizeof it.text;
    (void)say(&it, fits ? "." : "...");
    return weft__fail(err, WEFT_DEADLOCK, "%s", it.text);
}
