/* Traces of devices: what host and device did, as a file that ui.perfetto.dev opens.
 *
 * The host has a track with its submissions and syncs; the device one for command buffers, one for stages by their
 * labels, as many for dispatches as run at once, and one each for barriers and fences. Arrows lead from submissions to
 * command buffers and from signals to waits. On `sim` there are also the PEs of the machine, with a track for each
 * engine, and its links as counters. Times are those of weft_device_now_ps().
 *
 * The file is written as the work goes on, but for what comes from the timeline, and takes its name at the end.
 *
 * Threads: one at a time may use a device that is traced. */
#ifndef WEFT_TRACE_H
#define WEFT_TRACE_H

#include <weft/device.h>
#include <weft/timeline.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Waits for what has been submitted, without a sync, and begins a trace, whose file appears in
 * weft_device_end_trace(), see file.h. A device that is given back before loses it. WEFT_INVALID_STATE if it has one,
 * WEFT_IO if the file cannot be written. */
WEFT_API WEFT_CHECKED weft_status weft_device_begin_trace(weft_device *device, const char *path, weft_error *err);

/** Waits in the same way, adds what the timeline has collected, and gives the file its name.
 *  @param timeline  given to all encoders and sessions that are to be seen; a wait for a fence belongs to the last
 *                   signal before it. NULL: none
 *  After an error there is no file, and no trace any more. WEFT_INVALID_STATE without weft_device_begin_trace(). */
WEFT_API WEFT_CHECKED weft_status weft_device_end_trace(weft_device *device, const weft_timeline *timeline,
                                                        weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
