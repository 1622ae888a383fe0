#include "runtime/device_trace.h"

#include <stdio.h>
#include <stdlib.h>

#include <weft/trace.h>

#include "base/status.h"
#include "trace/perfetto.h"

#define NAME_BYTES 128

/* The dispatches that run at the same time have a track each. */
typedef struct lane {
    weft__trace_track track;
    uint64_t end_ps; /* of its last dispatch */
} lane;

struct weft__device_trace {
    weft__trace *trace;
    weft__trace_process device;
    weft__trace_track host;
    weft__trace_track buffers, stages, barriers, fences; /* 0 until the first is written */
    lane *lanes;
    size_t lane_count;
    uint64_t first_sequence; /* of those that were submitted since */
    uint64_t fences_met;
    bool has_signal;
    uint64_t signal_ps; /* of the last one */
};

/* ---- the host ---- */

static void write_host_span(weft_device *device, const char *name, uint64_t since_ps)
{
    weft__device_trace *it = device->trace;
    weft__trace_span(it->trace, it->host, name, since_ps, weft_device_now_ps(device) - since_ps, NULL, 0);
}

void weft__device_trace_submitted(weft_device *device, uint64_t since_ps, const char *label, uint64_t sequence,
                                  bool is_timed)
{
    char name[NAME_BYTES];
    weft__device_trace *it = device->trace;
    (void)snprintf(name, sizeof name, label && label[0] ? "submit %s" : "submit", label);
    write_host_span(device, name, since_ps);
    if (is_timed)
        weft__trace_flow(it->trace, it->host, WEFT__TRACE_FLOW_START, "submit", sequence, since_ps);
}

void weft__device_trace_synced(weft_device *device, uint64_t since_ps)
{
    write_host_span(device, "sync", since_ps);
}

/* ---- the device ---- */

enum {
    SORT_BUFFERS,
    SORT_STAGES,
    SORT_FENCES,
    SORT_BARRIERS,
    SORT_DISPATCHES
};

static weft__trace_track use(weft__device_trace *it, weft__trace_track *track, const char *name, int32_t sort_index)
{
    if (!*track)
        *track = weft__trace_add_track(it->trace, it->device, name, sort_index);
    return *track;
}

static void write_entry(weft__device_trace *it, weft__trace_track track, const char *name,
                        const weft_timeline_entry *entry, const weft__trace_arg *args, size_t count)
{
    weft__trace_span(it->trace, track, name, entry->start_ps, entry->end_ps - entry->start_ps, args, count);
}

static weft_status write_buffer(weft__device_trace *it, const weft_timeline_entry *entry, weft_error *err)
{
    (void)err;
    char name[NAME_BYTES];
    weft__trace_track track = use(it, &it->buffers, "command buffers", SORT_BUFFERS);
    (void)snprintf(name, sizeof name, "command buffer %llu", (unsigned long long)entry->sequence);
    const weft__trace_arg args[] = {{"label", entry->label, 0}, {"barriers", NULL, (int64_t)entry->barriers}};
    write_entry(it, track, name, entry, args, sizeof args / sizeof args[0]);
    if (entry->sequence >= it->first_sequence)
        weft__trace_flow(it->trace, track, WEFT__TRACE_FLOW_END, "submit", entry->sequence, entry->start_ps);
    if (entry->label[0])
        write_entry(it, use(it, &it->stages, "stages", SORT_STAGES), entry->label, entry, NULL, 0);
    return WEFT_OK;
}

static weft_status find_lane(weft__device_trace *it, const weft_timeline_entry *entry, lane **out, weft_error *err)
{
    char name[NAME_BYTES];
    for (size_t i = 0; i < it->lane_count; i++) {
        *out = &it->lanes[i];
        if ((*out)->end_ps <= entry->start_ps)
            return WEFT_OK;
    }
    lane *grown = realloc(it->lanes, (it->lane_count + 1) * sizeof *grown);
    if (!grown)
        return weft__fail_memory(err, (it->lane_count + 1) * sizeof *grown, "the tracks of dispatches");
    it->lanes = grown;
    *out = &grown[it->lane_count++];
    **out = (lane){0};
    (void)snprintf(name, sizeof name, it->lane_count == 1 ? "dispatches" : "dispatches %zu", it->lane_count);
    (void)use(it, &(*out)->track, name, SORT_DISPATCHES + (int32_t)it->lane_count);
    return WEFT_OK;
}

static weft_status write_dispatch(weft__device_trace *it, const weft_timeline_entry *entry, weft_error *err)
{
    lane *in = NULL;
    weft_status status = find_lane(it, entry, &in, err);
    if (status != WEFT_OK)
        return status;
    in->end_ps = entry->end_ps;
    const weft__trace_arg args[] = {{"op", entry->op, 0},
                                    {"command_buffer", NULL, (int64_t)entry->sequence},
                                    {"dispatch", NULL, (int64_t)entry->dispatch},
                                    {"flops", NULL, (int64_t)entry->flops},
                                    {"bytes", NULL, (int64_t)entry->bytes},
                                    {"pes", NULL, (int64_t)entry->work.pes}};
    write_entry(it, in->track, entry->label[0] ? entry->label : entry->op, entry, args, sizeof args / sizeof args[0]);
    return WEFT_OK;
}

static weft_status write_barrier(weft__device_trace *it, const weft_timeline_entry *entry, weft_error *err)
{
    (void)err;
    write_entry(it, use(it, &it->barriers, "barriers", SORT_BARRIERS), "barrier", entry, NULL, 0);
    return WEFT_OK;
}

static weft_status write_signal(weft__device_trace *it, const weft_timeline_entry *entry, weft_error *err)
{
    (void)err;
    write_entry(it, use(it, &it->fences, "fences", SORT_FENCES), "signal", entry, NULL, 0);
    it->has_signal = true;
    it->signal_ps = entry->start_ps;
    return WEFT_OK;
}

/* The signal has been written, so both ends of the arrow are known. */
static weft_status write_wait(weft__device_trace *it, const weft_timeline_entry *entry, weft_error *err)
{
    (void)err;
    weft__trace_track track = use(it, &it->fences, "fences", SORT_FENCES);
    write_entry(it, track, "wait", entry, NULL, 0);
    if (it->has_signal) {
        it->fences_met++;
        weft__trace_flow(it->trace, track, WEFT__TRACE_FLOW_START, "fence", it->fences_met, it->signal_ps);
        weft__trace_flow(it->trace, track, WEFT__TRACE_FLOW_END, "fence", it->fences_met, entry->start_ps);
    }
    return WEFT_OK;
}

static weft_status write_timeline(weft__device_trace *it, const weft_timeline *timeline, weft_error *err)
{
    static weft_status (*const writers[])(weft__device_trace * it, const weft_timeline_entry *entry,
                                          weft_error *err) = {
        [WEFT_TIMELINE_COMMAND_BUFFER] = write_buffer, [WEFT_TIMELINE_DISPATCH] = write_dispatch,
        [WEFT_TIMELINE_BARRIER] = write_barrier,       [WEFT_TIMELINE_FENCE_WAIT] = write_wait,
        [WEFT_TIMELINE_FENCE_SIGNAL] = write_signal,
    };
    weft_status status = WEFT_OK;
    size_t count = timeline ? weft_timeline_count(timeline) : 0;
    for (size_t i = 0; i < count && status == WEFT_OK; i++) {
        weft_timeline_entry entry;
        status = weft_timeline_get(timeline, i, &entry, err);
        if (status == WEFT_OK)
            status = writers[entry.kind](it, &entry, err);
    }
    return status;
}

/* ---- beginning and ending ---- */

/* Waits for everything, and gives the sequence number of the last command buffer. */
static uint64_t wait_for_all(weft_device *device)
{
    pthread_mutex_lock(&device->lock);
    uint64_t last = device->submitted_sequence;
    pthread_mutex_unlock(&device->lock);
    weft__device_wait_for(device, last);
    return last;
}

void weft__device_trace_discard(weft_device *device)
{
    weft__device_trace *it = device->trace;
    device->trace = NULL;
    if (!it)
        return;
    weft__trace_discard(it->trace);
    free(it->lanes);
    free(it);
}

/* An error of the trace itself comes out when it is closed. */
static weft_status fail_begin(weft__device_trace *it, weft_status status, weft_error *err)
{
    if (status == WEFT_OK)
        status = weft__trace_close(it->trace, err);
    else
        weft__trace_discard(it->trace);
    free(it);
    return status;
}

weft_status weft_device_begin_trace(weft_device *device, const char *path, weft_error *err)
{
    if (device->trace)
        return weft__fail(err, WEFT_INVALID_STATE, "Device '%s' is being traced already.", device->info.scheme);
    weft__device_trace *it = calloc(1, sizeof *it);
    if (!it)
        return weft__fail_memory(err, sizeof *it, "the trace of a device");
    it->first_sequence = wait_for_all(device) + 1;
    weft_status status = weft__trace_open(path, &it->trace, err);
    if (status != WEFT_OK) {
        free(it);
        return status;
    }
    weft__trace_process host = weft__trace_add_process(it->trace, "host", 0);
    it->host = weft__trace_add_track(it->trace, host, "host", 0);
    it->device = weft__trace_add_process(it->trace, "device", 1);
    if (device->table->begin_trace)
        status = device->table->begin_trace(device, it->trace, err);
    if (status == WEFT_OK && !weft__trace_has_failed(it->trace)) {
        device->trace = it;
        return WEFT_OK;
    }
    if (device->table->end_trace)
        device->table->end_trace(device);
    return fail_begin(it, status, err);
}

weft_status weft_device_end_trace(weft_device *device, const weft_timeline *timeline, weft_error *err)
{
    weft__device_trace *it = device->trace;
    if (!it)
        return weft__fail(err, WEFT_INVALID_STATE, "Device '%s' is not being traced.", device->info.scheme);
    (void)wait_for_all(device);
    if (device->table->end_trace)
        device->table->end_trace(device);
    weft_status status = write_timeline(it, timeline, err);
    if (status == WEFT_OK) {
        status = weft__trace_close(it->trace, err);
        it->trace = NULL; /* closed also after an error */
    }
    weft__device_trace_discard(device);
    return status;
}
