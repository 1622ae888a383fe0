#include "runtime/budget_impl.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/status.h"
#include "runtime/device_impl.h"
#include "runtime/label.h"

struct weft_span {
    struct weft_span *next;
    weft_device *device;
    weft_budget budget;
    weft_counters start;
    bool refused; /* a commit that would have exceeded it */
    char label[WEFT__LABEL_BYTES];
};

/* One limit: where it is stated, what it counts, and which count, if it is about to grow, makes it apply. A wait is not
 * refused because there are too many command buffers, nor a commit because there were too many waits. */
typedef struct limit {
    size_t budget_offset, counter_offset, cause_offset;
    const char *things; /* "%llu THINGS" */
} limit;

#define LIMIT(field, counter, cause, things)                                                                           \
    {                                                                                                                  \
        offsetof(weft_budget, field), offsetof(weft_counters, counter), offsetof(weft_counters, cause), things         \
    }

static const limit limits[] = {
    /* counted when they are made, refused when they are committed */
    LIMIT(max_command_buffers, command_buffers_created, command_buffers_submitted, "command buffers"),
    LIMIT(max_submits, command_buffers_submitted, command_buffers_submitted, "submits"),
    LIMIT(max_dispatches, dispatches, dispatches, "dispatches"),
    LIMIT(max_barriers, barriers, barriers, "barriers"),
    LIMIT(max_fences, fences_signalled, fences_signalled, "fences"),
    LIMIT(max_syncs, syncs, syncs, "syncs"),
};

#define LIMIT_COUNT (sizeof limits / sizeof limits[0])

static uint64_t field(const void *base, size_t offset)
{
    return *(const uint64_t *)(const void *)((const char *)base + offset);
}

weft_status weft__budget_check(const weft_budget *budget, const weft_counters *spent, const weft_counters *more,
                               const char *who, const char *stage, weft_error *err)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        uint64_t stated = field(budget, limits[i].budget_offset);
        if (stated == 0 || (more && field(more, limits[i].cause_offset) == 0))
            continue;
        uint64_t allowed = stated == WEFT_BUDGET_NONE ? 0 : stated;
        uint64_t count = field(spent, limits[i].counter_offset) + (more ? field(more, limits[i].counter_offset) : 0);
        if (count > allowed)
            return weft__fail(err, WEFT_BUDGET_EXCEEDED,
                              "Stage '%s' exceeds the budget of '%s': it would make %llu %s, and %llu are allowed.",
                              stage && stage[0] ? stage : "(unnamed)", who, (unsigned long long)count, limits[i].things,
                              (unsigned long long)allowed);
    }
    return WEFT_OK;
}

void weft__counters_add(weft_counters *to, const weft_counters *more)
{
    uint64_t *sum = (uint64_t *)to;
    const uint64_t *addend = (const uint64_t *)more;
    _Static_assert(sizeof(weft_counters) % sizeof(uint64_t) == 0, "weft_counters is an array of counts");
    for (size_t i = 0; i < sizeof *to / sizeof *sum; i++)
        sum[i] += addend[i];
}

/* What the device has counted since the span began. */
static weft_counters spent_in(const weft_span *span)
{
    weft_counters now;
    weft_device_counters(span->device, &now);
    uint64_t *count = (uint64_t *)&now;
    const uint64_t *start = (const uint64_t *)&span->start;
    for (size_t i = 0; i < sizeof now / sizeof *count; i++)
        count[i] -= start[i];
    return now;
}

weft_status weft__spans_check(weft_device *device, const weft_counters *more, const char *stage, weft_error *err)
{
    for (weft_span *span = device->spans; span; span = span->next) {
        weft_counters spent = spent_in(span);
        weft_status status = weft__budget_check(&span->budget, &spent, more, span->label, stage, err);
        if (status) {
            span->refused = true;
            return status;
        }
    }
    return WEFT_OK;
}

weft_status weft_span_begin(weft_device *device, const char *label, const weft_budget *budget, weft_span **out,
                            weft_error *err)
{
    *out = NULL;
    weft_span *span = calloc(1, sizeof *span);
    if (!span)
        return weft__fail_memory(err, sizeof *span, "a budget span");
    weft__label_copy(span->label, label && label[0] ? label : "span");
    span->budget = *budget;
    span->device = device;
    weft__device_retain(device);
    pthread_mutex_lock(&device->lock);
    weft_device_counters(device, &span->start);
    span->next = device->spans;
    device->spans = span;
    pthread_mutex_unlock(&device->lock);
    *out = span;
    return WEFT_OK;
}

weft_status weft_span_end(weft_span *span, weft_counters *spent, weft_error *err)
{
    if (!span)
        return WEFT_OK;
    weft_device *device = span->device;
    pthread_mutex_lock(&device->lock);
    for (weft_span **link = &device->spans; *link; link = &(*link)->next)
        if (*link == span) {
            *link = span->next;
            break;
        }
    weft_counters total = spent_in(span);
    pthread_mutex_unlock(&device->lock);
    if (spent)
        *spent = total;
    weft_status status = weft__budget_check(&span->budget, &total, NULL, span->label, "(end of the span)", err);
    if (status == WEFT_OK && span->refused)
        status = weft__fail(err, WEFT_BUDGET_EXCEEDED,
                            "A commit that would have exceeded the budget of '%s' was refused.", span->label);
    free(span);
    weft__device_release(device);
    return status;
}
