#include "trace/perfetto.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/file.h>

#include "base/array.h"
#include "base/file.h"
#include "trace/json_text.h"

#define BUFFER_BYTES 65536
/* The room that there is wherever something other than a string begins: more than the longest stretch between two
 * strings, which is the beginning of a span with its two times. */
#define STRETCH_BYTES 256
#define IDS_BYTES 40

/* A process or a track. */
typedef struct entry {
    char *name; /* of a track, for its counters; NULL for a process */
    uint32_t ids_bytes;
    char ids[IDS_BYTES]; /* "pid":1,"tid":2, as it stands in every event */
} entry;

struct weft__trace {
    char *at;        /* first free byte of the buffer */
    bool has_failed; /* `error` says how */
    bool has_event;  /* the next one needs a comma before it */
    weft_file *file;
    char *path;     /* for messages */
    entry *entries; /* number n at n - 1 */
    uint32_t entry_count;
    size_t entry_capacity;
    weft_error error;
    char buffer[];
};

static void flush(weft__trace *trace)
{
    size_t bytes = (size_t)(trace->at - trace->buffer);
    if (!trace->has_failed)
        trace->has_failed = weft_file_write(trace->file, trace->buffer, bytes, &trace->error) != WEFT_OK;
    trace->at = trace->buffer;
}

static inline void make_room(weft__trace *trace)
{
    if (trace->at > trace->buffer + (BUFFER_BYTES - STRETCH_BYTES))
        flush(trace);
}

static inline void put_bytes(weft__trace *trace, const char *text, size_t bytes)
{
    memcpy(trace->at, text, bytes);
    trace->at += bytes;
}

#define PUT(trace, literal) put_bytes((trace), "" literal, sizeof(literal) - 1)

/* With its quotes. Of any length, so the buffer may be flushed in the middle of it. */
static void put_string(weft__trace *trace, const char *text)
{
    char *end = trace->buffer + BUFFER_BYTES - 1; /* the last byte is for the quote */
    PUT(trace, "\"");
    trace->at = weft__json_put_text(trace->at, end, &text);
    while (*text != '\0') {
        flush(trace);
        trace->at = weft__json_put_text(trace->at, end, &text);
    }
    PUT(trace, "\"");
    make_room(trace);
}

static WEFT_COLD void note_unknown(weft__trace *trace, uint32_t number, const char *what)
{
    (void)weft__fail(&trace->error, WEFT_INVALID_ARGUMENT, "%" PRIu32 " is no %s of the trace %s.", number, what,
                     weft__path_tail(trace->path));
    trace->has_failed = true;
}

/* Begins an event of a track or, with `is_process`, of a process. False if it is not to be written. */
static bool begin(weft__trace *trace, uint32_t number, bool is_process, char phase)
{
    if (!trace || trace->has_failed)
        return false;
    if (number == 0 || number > trace->entry_count || !trace->entries[number - 1].name != is_process) {
        note_unknown(trace, number, is_process ? "process" : "track");
        return false;
    }
    const entry *of = &trace->entries[number - 1];
    if (trace->has_event)
        PUT(trace, ",");
    trace->has_event = true;
    PUT(trace, "\n{\"ph\":\"");
    *trace->at++ = phase;
    PUT(trace, "\",");
    memcpy(trace->at, of->ids, IDS_BYTES); /* all of them, since a fixed size is fast */
    trace->at += of->ids_bytes;
    return true;
}

static bool begin_at(weft__trace *trace, weft__trace_track track, char phase, uint64_t time_ps)
{
    if (!begin(trace, track, false, phase))
        return false;
    PUT(trace, "\"ts\":");
    trace->at = weft__json_put_microseconds(trace->at, time_ps);
    return true;
}

/* Ends an event that stands before its name. */
static void end_with_args(weft__trace *trace, const char *name, const weft__trace_arg *args, size_t arg_count)
{
    PUT(trace, ",\"name\":");
    put_string(trace, name);
    for (size_t i = 0; i < arg_count; i++) {
        if (i == 0)
            PUT(trace, ",\"args\":{");
        else
            PUT(trace, ",");
        put_string(trace, args[i].key);
        PUT(trace, ":");
        if (args[i].text)
            put_string(trace, args[i].text);
        else
            trace->at = weft__json_put_i64(trace->at, args[i].number);
    }
    if (arg_count != 0)
        PUT(trace, "}");
    PUT(trace, "}");
    make_room(trace);
}

void weft__trace_span(weft__trace *trace, weft__trace_track track, const char *name, uint64_t start_ps,
                      uint64_t duration_ps, const weft__trace_arg *args, size_t arg_count)
{
    if (!begin_at(trace, track, 'X', start_ps))
        return;
    PUT(trace, ",\"dur\":");
    trace->at = weft__json_put_microseconds(trace->at, duration_ps);
    end_with_args(trace, name, args, arg_count);
}

void weft__trace_instant(weft__trace *trace, weft__trace_track track, const char *name, uint64_t time_ps,
                         const weft__trace_arg *args, size_t arg_count)
{
    if (!begin_at(trace, track, 'i', time_ps))
        return;
    PUT(trace, ",\"s\":\"t\""); /* on this track alone, not through all of them */
    end_with_args(trace, name, args, arg_count);
}

/* The viewer keeps one counter per process, name and series, so the name is the track's. */
static bool begin_counter(weft__trace *trace, weft__trace_track track, const char *series, uint64_t time_ps)
{
    if (!begin_at(trace, track, 'C', time_ps))
        return false;
    PUT(trace, ",\"name\":");
    put_string(trace, trace->entries[track - 1].name);
    PUT(trace, ",\"args\":{");
    put_string(trace, series);
    PUT(trace, ":");
    return true;
}

void weft__trace_counter_i64(weft__trace *trace, weft__trace_track track, const char *series, uint64_t time_ps,
                             int64_t value)
{
    if (!begin_counter(trace, track, series, time_ps))
        return;
    trace->at = weft__json_put_i64(trace->at, value);
    PUT(trace, "}}");
    make_room(trace);
}

void weft__trace_counter_f64(weft__trace *trace, weft__trace_track track, const char *series, uint64_t time_ps,
                             double value)
{
    if (!begin_counter(trace, track, series, time_ps))
        return;
    if (isfinite(value)) {
        trace->at = weft__json_put_f64(trace->at, value);
    } else if (!trace->has_failed) {
        (void)weft__fail(&trace->error, WEFT_INVALID_ARGUMENT,
                         "The counter %.100s of track %.100s is %f at %" PRIu64 " ps, expected a finite number.",
                         series, trace->entries[track - 1].name, value, time_ps);
        trace->has_failed = true;
    }
    PUT(trace, "}}");
    make_room(trace);
}

void weft__trace_flow(weft__trace *trace, weft__trace_track track, weft__trace_flow_end end, const char *name,
                      uint64_t id, uint64_t time_ps)
{
    static const char phases[] = {
        [WEFT__TRACE_FLOW_START] = 's', [WEFT__TRACE_FLOW_STEP] = 't', [WEFT__TRACE_FLOW_END] = 'f'};
    if (!begin_at(trace, track, phases[end], time_ps))
        return;
    /* Between quotes, because readers have numbers of 63 bits or fewer. */
    PUT(trace, ",\"cat\":\"flow\",\"id\":\"");
    trace->at = weft__json_put_hex(trace->at, id);
    PUT(trace, "\"");
    if (end == WEFT__TRACE_FLOW_END)
        PUT(trace, ",\"bp\":\"e\""); /* to the span around it, where the default is the next one */
    end_with_args(trace, name, NULL, 0);
}

/* Room for one more entry. */
static bool reserve_entry(weft__trace *trace)
{
    if (weft__array_reserve_or_fail(&trace->entries, &trace->entry_capacity, trace->entry_count, 1,
                                    "the tracks of a trace", &trace->error) == WEFT_OK)
        return true;
    trace->has_failed = true;
    return false;
}

/* Adds a track to `process`, or a process if that is 0, and writes what is said about it. */
static uint32_t add_entry(weft__trace *trace, uint32_t process, const char *name, int32_t sort_index)
{
    char *kept = NULL;
    if (!reserve_entry(trace))
        return 0;
    if (process != 0 && !(kept = strdup(name))) {
        (void)weft__fail_memory(&trace->error, strlen(name) + 1, "the name of a track");
        trace->has_failed = true;
        return 0;
    }
    uint32_t number = ++trace->entry_count;
    entry *added = &trace->entries[number - 1];
    *added = (entry){.name = kept};
    int bytes = process == 0
                    ? snprintf(added->ids, IDS_BYTES, "\"pid\":%" PRIu32 ",", number)
                    : snprintf(added->ids, IDS_BYTES, "\"pid\":%" PRIu32 ",\"tid\":%" PRIu32 ",", process, number);
    added->ids_bytes = (uint32_t)bytes;
    if (begin(trace, number, process == 0, 'M')) {
        PUT(trace, "\"name\":");
        put_string(trace, process == 0 ? "process_name" : "thread_name");
        PUT(trace, ",\"args\":{\"name\":");
        put_string(trace, name);
        PUT(trace, "}}");
        make_room(trace);
    }
    if (begin(trace, number, process == 0, 'M')) {
        PUT(trace, "\"name\":");
        put_string(trace, process == 0 ? "process_sort_index" : "thread_sort_index");
        PUT(trace, ",\"args\":{\"sort_index\":");
        trace->at = weft__json_put_i64(trace->at, sort_index);
        PUT(trace, "}}");
        make_room(trace);
    }
    return trace->has_failed ? 0 : number;
}

weft__trace_process weft__trace_add_process(weft__trace *trace, const char *name, int32_t sort_index)
{
    return !trace || trace->has_failed ? 0 : add_entry(trace, 0, name, sort_index);
}

weft__trace_track weft__trace_add_track(weft__trace *trace, weft__trace_process process, const char *name,
                                        int32_t sort_index)
{
    if (!trace || trace->has_failed)
        return 0;
    if (process == 0 || process > trace->entry_count || trace->entries[process - 1].name) {
        note_unknown(trace, process, "process");
        return 0;
    }
    return add_entry(trace, process, name, sort_index);
}

bool weft__trace_has_failed(const weft__trace *trace)
{
    return trace && trace->has_failed;
}

static void release(weft__trace *trace)
{
    for (uint32_t i = 0; i < trace->entry_count; i++)
        free(trace->entries[i].name);
    free(trace->entries);
    free(trace->path);
    free(trace);
}

weft_status weft__trace_open(const char *path, weft__trace **out, weft_error *err)
{
    *out = NULL;
    weft__trace *trace = malloc(sizeof *trace + BUFFER_BYTES);
    if (!trace)
        return weft__fail_memory(err, sizeof *trace + BUFFER_BYTES, "the buffer of a trace");
    *trace = (weft__trace){.at = trace->buffer, .path = strdup(path)};
    weft_status status = trace->path ? weft_file_begin(path, &trace->file, err)
                                     : weft__fail_memory(err, strlen(path) + 1, "the path of a trace");
    if (status != WEFT_OK) {
        release(trace);
        return status;
    }
    PUT(trace, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    *out = trace;
    return WEFT_OK;
}

void weft__trace_discard(weft__trace *trace)
{
    if (!trace)
        return;
    weft_file_abandon(trace->file);
    release(trace);
}

weft_status weft__trace_close(weft__trace *trace, weft_error *err)
{
    if (!trace)
        return WEFT_OK;
    PUT(trace, "\n]}\n");
    flush(trace);
    weft_status status;
    if (trace->has_failed) {
        weft_file_abandon(trace->file);
        status = weft__fail_copy(err, &trace->error);
    } else {
        status = weft_file_commit(trace->file, err);
    }
    release(trace);
    return status;
}
