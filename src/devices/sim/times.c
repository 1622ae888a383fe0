#include "devices/sim/times.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/size.h"
#include "base/status.h"

void weft__sim_times_destroy(weft__sim_times *times)
{
    free(times->spans);
}

/* ---- the host ---- */

static uint64_t host_of(const weft__sim_times *times)
{
    return atomic_load_explicit(&times->host_ps, memory_order_relaxed);
}

static void set_host(weft__sim_times *times, uint64_t now)
{
    if (now > host_of(times))
        atomic_store_explicit(&times->host_ps, now, memory_order_relaxed);
}

static void drop_deeds(weft__sim_times *times, uint64_t until)
{
    uint32_t dropped = 0;
    while (dropped < times->deed_count && times->deeds[dropped].until <= until)
        dropped++;
    times->deed_count -= dropped;
    memmove(times->deeds, times->deeds + dropped, times->deed_count * sizeof times->deeds[0]);
}

/* What is alike becomes one, and so does what there is no room for, which several threads of the host can bring about.
 */
static void add_deed(weft__sim_times *times, weft__sim_part part, uint64_t until)
{
    weft__sim_deed *last = times->deed_count ? &times->deeds[times->deed_count - 1] : NULL;
    if (last && (last->part == part || times->deed_count == WEFT__SIM_DEEDS_MAX))
        last->until = until;
    else
        times->deeds[times->deed_count++] = (weft__sim_deed){until, part};
}

void weft__sim_host_until(weft__sim_times *times, weft__sim_part part, uint64_t until)
{
    if (until <= host_of(times))
        return;
    add_deed(times, part, until);
    set_host(times, until);
}

void weft__sim_host_begin(weft__sim_times *times, weft__sim_part part)
{
    add_deed(times, part, UINT64_MAX);
}

/* All time until `to` in which the processor had nothing is the host's. */
static void give_to_host(weft__sim_times *times, uint64_t to)
{
    while (times->cursor < to) {
        drop_deeds(times, times->cursor);
        const weft__sim_deed *deed = times->deed_count ? &times->deeds[0] : NULL;
        uint64_t end = deed ? weft__min_size(deed->until, to) : to;
        times->ps[deed ? deed->part : WEFT__SIM_IDLE] += end - times->cursor;
        times->cursor = end;
    }
}

void weft__sim_host_end(weft__sim_times *times, uint64_t now)
{
    set_host(times, now);
    times->deeds[times->deed_count - 1].until = host_of(times);
    if (!times->is_busy)
        give_to_host(times, now);
    drop_deeds(times, now);
}

void weft__sim_host_rest(weft__sim_times *times)
{
    give_to_host(times, host_of(times));
    drop_deeds(times, times->cursor);
}

/* ---- the processor ---- */

void weft__sim_times_begin(weft__sim_times *times, uint64_t now)
{
    give_to_host(times, now);
    times->is_busy = true;
}

void weft__sim_times_end(weft__sim_times *times)
{
    times->is_busy = false;
}

void weft__sim_times_pass(weft__sim_times *times, weft__sim_part part, uint64_t now)
{
    times->ps[part] += now - times->cursor;
    times->cursor = now;
}

/* Joins a span with those that it touches. */
static weft_status add_span(weft__sim_times *times, weft__sim_span span, weft_error *err)
{
    weft_status status = weft__array_reserve_or_fail(&times->spans, &times->span_capacity, times->span_count, 1,
                                                     "the times of launches", err);
    if (status != WEFT_OK)
        return status;
    weft__sim_span *spans = times->spans;
    size_t first = times->span_count, end;
    while (first > 0 && spans[first - 1].end >= span.begin)
        first--;
    for (end = first; end < times->span_count && spans[end].begin <= span.end; end++) {
        span.begin = weft__min_size(span.begin, spans[end].begin);
        span.end = weft__max_size(span.end, spans[end].end);
    }
    memmove(spans + first + 1, spans + end, (times->span_count - end) * sizeof *spans);
    spans[first] = span;
    times->span_count += first + 1 - end;
    return WEFT_OK;
}

weft_status weft__sim_times_launched(weft__sim_times *times, const weft_launch_report *report, weft_error *err)
{
    for (uint32_t i = 0; i < WEFT_PE_TIMES; i++)
        times->spent_ps[i] += report->spent_ps[i];
    return add_span(times, (weft__sim_span){report->start_ps, report->finish_ps}, err);
}

/* Divides the time in which kernels ran as that of the PEs was, whole picoseconds each: the ends of the parts, laid one
 * behind another, are rounded down, so that nothing is lost. */
static void divide(weft__sim_times *times, uint64_t running_ps)
{
    uint64_t sum = 0, rounded = 0, busy = 0;
    for (uint32_t i = 0; i < WEFT_PE_TIMES; i++)
        busy += i == WEFT_PE_TIME_IDLE ? 0 : times->spent_ps[i];
    times->spent_ps[WEFT_PE_TIME_IDLE] = running_ps * times->pes - busy;
    for (uint32_t i = 0; i < WEFT_PE_TIMES; i++) {
        sum += times->spent_ps[i];
        times->ps[WEFT__SIM_KERNELS + i] += sum / times->pes - rounded;
        rounded = sum / times->pes;
        times->spent_ps[i] = 0;
    }
}

void weft__sim_times_drained(weft__sim_times *times, uint64_t given, uint64_t now)
{
    uint64_t running_ps = 0, begin = times->cursor, end = begin;
    for (size_t i = 0; i < times->span_count; i++) {
        running_ps += times->spans[i].end - times->spans[i].begin;
        end = times->spans[i].end;
    }
    end = weft__max_size(end, given);
    divide(times, running_ps);
    times->ps[WEFT__SIM_DISPATCH] += end - begin - running_ps;
    times->ps[WEFT__SIM_DRAIN] += now - end;
    times->span_count = 0;
    times->cursor = now;
}

/* ---- what came out ---- */

size_t weft__sim_times_list(const weft__sim_times *times, weft_time_part *out, size_t capacity)
{
    static const char *const names[WEFT__SIM_PARTS + 1] = {
        [WEFT__SIM_ACCESS] = "host access",
        [WEFT__SIM_SUBMIT] = "submit",
        [WEFT__SIM_LINK] = "host link",
        [WEFT__SIM_DISPATCH] = "dispatch",
        [WEFT__SIM_KERNELS + WEFT_PE_TIME_DISPATCH] = "kernels: dispatch",
        [WEFT__SIM_KERNELS + WEFT_PE_TIME_COMPUTE] = "kernels: compute",
        [WEFT__SIM_KERNELS + WEFT_PE_TIME_DMA] = "kernels: dma",
        [WEFT__SIM_KERNELS + WEFT_PE_TIME_QUEUE] = "kernels: queue",
        [WEFT__SIM_KERNELS + WEFT_PE_TIME_BARRIER] = "kernels: barrier",
        [WEFT__SIM_KERNELS + WEFT_PE_TIME_IDLE] = "kernels: idle",
        [WEFT__SIM_DRAIN] = "drain",
        [WEFT__SIM_BARRIER] = "barrier",
        [WEFT__SIM_FENCE] = "fence",
        [WEFT__SIM_SYNC] = "sync",
        [WEFT__SIM_IDLE] = "waiting for host",
        [WEFT__SIM_PARTS] = "under way",
    };
    uint64_t left = host_of(times);
    _Static_assert(WEFT__SIM_PARTS + 1 <= WEFT_TIME_PARTS_MAX, "what is promised");
    for (size_t i = 0; i <= WEFT__SIM_PARTS; i++) {
        uint64_t ps = i < WEFT__SIM_PARTS ? times->ps[i] : left;
        left -= weft__min_size(ps, left);
        if (i < capacity)
            out[i] = (weft_time_part){names[i], ps};
    }
    return WEFT__SIM_PARTS + 1;
}
