#include "runtime/timeline_impl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/status.h"
#include "runtime/label.h"

struct weft_timeline {
    pthread_mutex_t lock;
    weft_timeline_entry *entries;
    size_t count, capacity;
    uint64_t lost;
};

weft_status weft_timeline_create(weft_timeline **out, weft_error *err)
{
    *out = NULL;
    weft_timeline *timeline = calloc(1, sizeof *timeline);
    if (!timeline)
        return weft__fail_memory(err, sizeof *timeline, "a timeline");
    pthread_mutex_init(&timeline->lock, NULL);
    *out = timeline;
    return WEFT_OK;
}

void weft_timeline_destroy(weft_timeline *timeline)
{
    if (!timeline)
        return;
    pthread_mutex_destroy(&timeline->lock);
    free(timeline->entries);
    free(timeline);
}

static weft_timeline_entry part_entry(const weft__command_buffer *commands, const weft__part_time *time)
{
    weft_timeline_entry entry = {
        .kind = time->kind,
        .sequence = commands->sequence,
        .dispatch = UINT32_MAX,
        .barriers = time->barriers,
        .submitted_ps = commands->submitted_ps,
        .start_ps = time->start_ps,
        .end_ps = time->end_ps,
        .known_ps = commands->known_ps,
        .work = time->work,
    };
    if (time->dispatch) {
        weft_cost cost;
        weft__dispatch_cost(time->dispatch, &cost);
        entry.dispatch = time->dispatch->index;
        entry.op = time->dispatch->op->name;
        entry.flops = cost.flops;
        entry.bytes = cost.bytes_read + cost.bytes_written;
        weft__label_copy(entry.label, time->dispatch->label);
    }
    return entry;
}

void weft__timeline_add(weft_timeline *timeline, const weft__command_buffer *commands)
{
    weft_timeline_entry whole = {
        .kind = WEFT_TIMELINE_COMMAND_BUFFER,
        .sequence = commands->sequence,
        .dispatch = UINT32_MAX,
        .barriers = commands->barrier_count,
        .submitted_ps = commands->submitted_ps,
        .start_ps = commands->start_ps,
        .end_ps = commands->end_ps,
        .known_ps = commands->known_ps,
        .signal_value = commands->signal_value,
        .wait_value = commands->wait_value,
    };
    weft__label_copy(whole.label, commands->label);
    pthread_mutex_lock(&timeline->lock);
    if (weft__array_reserve(&timeline->entries, &timeline->capacity, timeline->count, commands->time_count + 1)) {
        timeline->entries[timeline->count++] = whole;
        for (size_t i = 0; i < commands->time_count; i++)
            timeline->entries[timeline->count++] = part_entry(commands, &commands->times[i]);
    } else {
        timeline->lost += commands->time_count + 1;
    }
    pthread_mutex_unlock(&timeline->lock);
}

size_t weft_timeline_count(const weft_timeline *timeline)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&timeline->lock;
    pthread_mutex_lock(lock);
    size_t count = timeline->count;
    pthread_mutex_unlock(lock);
    return count;
}

weft_status weft_timeline_get(const weft_timeline *timeline, size_t index, weft_timeline_entry *out, weft_error *err)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&timeline->lock;
    pthread_mutex_lock(lock);
    size_t count = timeline->count;
    if (index < count)
        *out = timeline->entries[index];
    pthread_mutex_unlock(lock);
    if (index < count)
        return WEFT_OK;
    memset(out, 0, sizeof *out);
    return weft__fail(err, WEFT_OUT_OF_RANGE, "Timeline entry %zu was asked for, but there are %zu.", index, count);
}

uint64_t weft_timeline_lost(const weft_timeline *timeline)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&timeline->lock;
    pthread_mutex_lock(lock);
    uint64_t lost = timeline->lost;
    pthread_mutex_unlock(lock);
    return lost;
}

void weft_timeline_clear(weft_timeline *timeline)
{
    pthread_mutex_lock(&timeline->lock);
    timeline->count = 0;
    timeline->lost = 0;
    pthread_mutex_unlock(&timeline->lock);
}
