/* Traces for people: a file in the Chrome trace event format, which ui.perfetto.dev opens.
 *
 * A trace has processes, which are groups to the viewer, and in them tracks. On a track lie spans, instants and the
 * ends of flow arrows; counters belong to a track by name. Times are picoseconds since a beginning that the caller
 * chooses, and stand in the file exactly, as microseconds with up to six decimals. The viewer itself rounds each start
 * and each duration to nanoseconds, so spans that follow each other at fractions of one may overlap by 1 ns in the
 * picture.
 *
 * The file is written as a stream through a buffer of fixed size. Memory grows with the number of tracks and with
 * nothing else; events allocate nothing. The same calls give the same bytes.
 *
 * The file takes its name when the trace is closed, see weft/file.h: PATH is never half written, and after an error it
 * is as it was before, with nothing left beside it, unless it is no regular file. Of two traces of one path at a time
 * the one that is closed last stays.
 *
 * Errors are sticky: the first is noted, what is written after it is dropped, and weft__trace_close returns it. Events
 * may come in any order of time. Strings end in NUL, are copied, and may hold anything: what JSON cannot carry is
 * escaped, what is not UTF-8 becomes U+FFFD.
 *
 * Every function but weft__trace_open accepts NULL as the trace, which stands for tracing turned off.
 *
 * Threads: one at a time for one trace. */
#ifndef WEFT_TRACE_PERFETTO_H
#define WEFT_TRACE_PERFETTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct weft__trace weft__trace;

/* Processes and tracks are numbered together from 1, as they are declared; these are pid and tid in the file, where a
 * tid must not occur in two processes and is a main thread if it equals its pid. 0 is what a declaration gives that
 * failed, or whose trace is NULL. */
typedef uint32_t weft__trace_process;
typedef uint32_t weft__trace_track;

/* A detail that the viewer shows with a span or an instant: a string or, if `text` is NULL, an integer. */
typedef struct weft__trace_arg {
    const char *key;
    const char *text;
    int64_t number;
} weft__trace_arg;

typedef enum weft__trace_flow_end {
    WEFT__TRACE_FLOW_START,
    WEFT__TRACE_FLOW_STEP,
    WEFT__TRACE_FLOW_END
} weft__trace_flow_end;

/* WEFT_IO if the file cannot be created. */
weft_status weft__trace_open(const char *path, weft__trace **out, weft_error *err) WEFT_CHECKED;

/* Completes the file, gives it its name and frees the trace, also after an error. The first error that there was:
 * WEFT_IO for what the operating system refused, WEFT_OUT_OF_MEMORY, or WEFT_INVALID_ARGUMENT for an unknown process or
 * track or a value that is no number. */
weft_status weft__trace_close(weft__trace *trace, weft_error *err) WEFT_CHECKED;

/* Frees the trace of something that has failed: PATH is as it was before, with nothing left beside it. What was written
 * in place stays there, incomplete. */
void weft__trace_discard(weft__trace *trace);

/* True once there has been an error: a long run may want to end early. */
bool weft__trace_has_failed(const weft__trace *trace);

/* Declares a group, or a track in it. The viewer puts a smaller `sort_index` above a larger one, and equal ones in the
 * order of their declaration. Tracks with counters need names that are unique in their process. */
weft__trace_process weft__trace_add_process(weft__trace *trace, const char *name, int32_t sort_index);
weft__trace_track weft__trace_add_track(weft__trace *trace, weft__trace_process process, const char *name,
                                        int32_t sort_index);

/* Something that lasts. Spans of one track lie side by side or within each other; the viewer moves those that overlap
 * in part to a track of their own. `args` may be NULL if `arg_count` is 0. */
void weft__trace_span(weft__trace *trace, weft__trace_track track, const char *name, uint64_t start_ps,
                      uint64_t duration_ps, const weft__trace_arg *args, size_t arg_count);

/* Something that happens at a moment. */
void weft__trace_instant(weft__trace *trace, weft__trace_track track, const char *name, uint64_t time_ps,
                         const weft__trace_arg *args, size_t arg_count);

/* A counter has this value from now on. The viewer calls it by the name of the track and `series`. A double must be
 * finite, and reads back as the same double. */
void weft__trace_counter_i64(weft__trace *trace, weft__trace_track track, const char *series, uint64_t time_ps,
                             int64_t value);
void weft__trace_counter_f64(weft__trace *trace, weft__trace_track track, const char *series, uint64_t time_ps,
                             double value);

/* One point of an arrow from span to span: a start, any number of steps, and an end share `name` and `id`. It binds to
 * the span of the track that encloses its time; if that span begins at the same time, write it before the point. */
void weft__trace_flow(weft__trace *trace, weft__trace_track track, weft__trace_flow_end end, const char *name,
                      uint64_t id, uint64_t time_ps);

#endif
